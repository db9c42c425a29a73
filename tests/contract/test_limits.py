"""Quotas and limits: each one reached, with the reason and text of the service."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from google.api_core import exceptions

import bqsim
from bqsim.sim.limits import BIGQUERY, Limit
from bqsim.simulator import Simulator

from .limit_steps import NEVER, WAYS, Caller, Refused

pytestmark = pytest.mark.fidelity("limit:{name}", "exact", tests="test_each_limit_is_reached")

ROWS = {limit.name: limit for limit in BIGQUERY}


@pytest.fixture(scope="module")
def server() -> Iterator[Simulator]:
    with bqsim.start(seed=3) as running:
        client = running.client()
        client.create_dataset("d")
        client.query_and_wait("CREATE TABLE d.t AS SELECT n FROM UNNEST([1, 2]) AS n")
        for name in ("t2", "t3", "s"):
            client.query_and_wait(f"CREATE TABLE d.{name} (n INT64)")
        from google.cloud import bigquery

        dataset = bigquery.Dataset(f"{running.project}.far")
        dataset.location = "EU"
        client.create_dataset(dataset)
        yield running


@pytest.fixture
def caller(server: Simulator) -> Iterator[Caller]:
    server.clock.freeze()
    yield Caller(server)
    server.limits.off()
    server.jobs.clear()
    server.clock.advance("1d")
    server.limits.reset()
    server.clock.resume()


def pattern(limit: Limit) -> str:
    """The text of a row, whatever stands in its gaps."""
    return "".join(
        ".+" if part.startswith("{") else re.escape(part) for part in re.split(r"(\{\w+\})", limit.message)
    )


@pytest.mark.parametrize("name", WAYS)
def test_each_limit_is_reached(caller: Caller, name: str) -> None:
    limit, way, sim = ROWS[name], WAYS[name], caller.simulator
    if way.before is not None:
        way.before(caller)
    values = {name: way.amount, **dict(way.more)}
    sandboxes = ("*",) if name == "free_query_bytes" else ()
    sim.limits.use(values=values, only=tuple(values), sandboxes=sandboxes)
    if way.plan:
        sim.jobs.plan(way.plan)
    if way.first is not None:
        way.first(caller)
    grpc = limit.methods[:1] and limit.methods[0].startswith("google.")
    if grpc:
        with pytest.raises(Exception) as raised:
            way.then(caller)
        found: Any = raised.value
        if isinstance(found, Refused):
            # A failed request of a stream whose other requests are answered.
            assert (found.reason, name) == (limit.grpc_status, "append_request_bytes")
            assert re.fullmatch(pattern(limit) + " Entity: .+", found.message)
            return
        status = found.grpc_status_code if isinstance(found, exceptions.GoogleAPICallError) else found.code()
        assert status.name == limit.grpc_status
        text = found.message if isinstance(found, exceptions.GoogleAPICallError) else found.details()
    else:
        with pytest.raises(Refused) as refusal:
            way.then(caller)
        assert refusal.value.reason == limit.reason
        text = refusal.value.message
    if name.startswith("transaction_"):
        # Failures of scripts tell where.
        text = re.fullmatch(r"Query error: (.*) at \[\d+:\d+\]", text)[1]  # type: ignore[index]
    assert re.fullmatch(pattern(limit), text), text
    assert name in sim.limits.refusals()


def test_every_limit_is_reached_or_cannot_be() -> None:
    assert {*WAYS, *NEVER} == ROWS.keys()
    assert not WAYS.keys() & NEVER.keys()
