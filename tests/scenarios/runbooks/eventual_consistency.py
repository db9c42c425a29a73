"""Streams that do not know a new table yet: a 404 is not final in its first minute."""

from __future__ import annotations

from typing import Any

import pytest
from google.api_core import exceptions

from bqsim.sim.journal.backoff import GOOGLE_CLIENT, BackoffError
from tests.scenarios.harness import Runbook, World, again_on

BATCHES = 5


def prepare(world: World) -> None:
    # The dataset itself is known.
    world.wait("1m")


def batch(n: int) -> list[dict[str, Any]]:
    return [{"n": 3 * n + i, "s": "x"} for i in range(3)]


def good(world: World) -> None:
    table = world.table()
    created = world.now()
    for n in range(BATCHES):
        errors = world.client.insert_rows_json(table, batch(n), retry=again_on(exceptions.NotFound))
        assert errors == []
        world.wait(1)
    assert 25 <= (world.now() - created).total_seconds() < 120
    refused = world.sim.verify("bigquery.tabledata.insertAll", {"reason": "notFound"}, times=(2, 12))
    assert "stale" in world.sim.explain(refused[0].id)
    world.sim.verify_backoff(policy=GOOGLE_CLIENT)
    world.sim.verify_exactly_once(in_doubt=True)
    world.over()
    assert world.numbers() == list(range(3 * BATCHES))


def bad(world: World) -> None:
    table = world.table()
    dropped = 0
    for n in range(BATCHES):
        try:
            world.client.insert_rows_json(table, batch(n))
        except exceptions.NotFound as error:
            assert "Not found: Table" in error.message
            dropped += 1
        world.wait(8)
    assert dropped == 4
    other = world.table("other")
    for _ in range(5):
        with pytest.raises(exceptions.NotFound):
            world.client.insert_rows_json(other, batch(0), row_ids=["a", "b", "c"])
    with pytest.raises(BackoffError) as raised:
        world.sim.verify_backoff("bigquery.tabledata.insertAll")
    assert {finding.rule for finding in raised.value.findings} >= {"first_wait"}
    world.over()
    assert world.numbers() == [row["n"] for row in batch(BATCHES - 1)]


RUNBOOK = Runbook(
    "eventual-consistency",
    good,
    bad,
    asks=(
        ({"method": "bigquery.tabledata.insertAll"}, ("rule 'not-known-yet' .*fires",)),
        ({"method": "bigquery.jobs.insert"}, ("does not fire: method",)),
    ),
    prepare=prepare,
)
