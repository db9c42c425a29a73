"""Secrets are not shown."""

from __future__ import annotations

import copy
import logging
import pickle
from typing import Any

import pytest

from bqclient import BigQueryClient, ClientConfig, Endpoints, Secret
from bqclient.errors import UnauthenticatedError
from tests.client.running import run

CANARY = "canary-2280"


def test_a_secret_is_stars_everywhere() -> None:
    secret = Secret(CANARY)
    shown = [repr(secret), str(secret), f"{secret}", f"{secret!r:>20}", repr([secret])]
    config = ClientConfig(project="p", endpoints=Endpoints(), credentials=secret)
    shown += [repr(config), str(config), repr(config.but(location="EU"))]
    assert not any(CANARY in text for text in shown)
    assert "***" in repr(secret)
    assert secret.reveal() == CANARY
    assert (secret == Secret(CANARY), secret == CANARY, len({secret, Secret(CANARY)})) == (True, False, 1)
    for steal in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            steal(secret)


def test_a_refused_token_is_not_told(bqsim: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    bqsim.faults.add("authError", method="bigquery.datasets.get")

    async def work(client: BigQueryClient) -> None:
        await client.datasets.get("d")

    with pytest.raises(UnauthenticatedError) as raised:
        run(bqsim, work, credentials=Secret(CANARY))
    told = [str(raised.value), repr(raised.value), repr(raised.value.__dict__)]
    told += [record.getMessage() for record in caplog.records if not record.name.startswith("bqsim")]
    assert not any(CANARY in text for text in told)
