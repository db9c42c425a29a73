"""A proxy that loses and cuts answers: whoever asks again, with ids, has everything once."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests

from bqsim.sim.journal.backoff import GOOGLE_CLIENT, BackoffError
from bqsim.sim.journal.ledger import LedgerError
from tests.scenarios.harness import Runbook, World

ROWS = 300
WRITES = 25


def prepare(world: World) -> None:
    world.table(rows=ROWS)
    world.table("sink")


def row(n: int) -> list[dict[str, Any]]:
    return [{"n": n, "s": "x"}]


def good(world: World) -> None:
    pages = world.client.list_rows(f"{world.project}.d.t", page_size=10)
    assert sorted(found.n for found in pages) == list(range(ROWS))
    for n in range(WRITES):
        assert world.client.insert_rows_json(f"{world.project}.d.sink", row(n)) == []
    suffered = {d.rule for call in world.sim.journal.calls() for d in call.decisions}
    assert {"page", "cut-off"} <= suffered
    world.sim.verify("bigquery.*", {"network": "html"}, times=(3, None))
    world.sim.verify_backoff(policy=GOOGLE_CLIENT)
    world.sim.verify_exactly_once(in_doubt=True)
    world.over()
    assert world.numbers("sink") == list(range(WRITES))


def bad(world: World) -> None:
    """Plain HTTP: what is no JSON is nothing, and rows without ids are sent until somebody says 200."""
    root = f"{world.sim.url}/bigquery/v2/projects/{world.project}/datasets/d/tables"
    found, start = [], 0
    with requests.Session() as session:
        while start < ROWS:
            try:
                answer = session.get(f"{root}/t/data", params={"startIndex": start, "maxResults": 10})
                found += [int(one["f"][0]["v"]) for one in answer.json().get("rows", ())]
            except (requests.RequestException, json.JSONDecodeError):
                pass
            start += 10
        for n in range(WRITES):
            body = {"rows": [{"json": one} for one in row(n)]}
            for _ in range(10):
                try:
                    if session.post(f"{root}/sink/insertAll", json=body).json() is not None:
                        break
                except (requests.RequestException, json.JSONDecodeError):
                    continue
    assert len(found) < ROWS
    with pytest.raises(LedgerError, match="more than once"):
        world.sim.verify_exactly_once()
    with pytest.raises(BackoffError) as raised:
        world.sim.verify_backoff("bigquery.tabledata.insertAll")
    assert {finding.rule for finding in raised.value.findings} >= {"first_wait"}
    world.over()
    assert len(world.numbers("sink")) > WRITES


RUNBOOK = Runbook(
    "broken-proxy",
    good,
    bad,
    asks=(
        ({"method": "bigquery.tables.get"}, ("rule 'page'", "rule 'cut-off'", "rule 'reset'")),
        (
            {"method": "google.cloud.bigquery.storage.v1.BigQueryRead.CreateReadSession"},
            ("rule 'page' .*does not fire: transport",),
        ),
    ),
    prepare=prepare,
)
