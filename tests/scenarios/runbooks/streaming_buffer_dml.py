"""Corrections that come too early: who waits or adds instead loses nothing."""

from __future__ import annotations

import pytest
from google.api_core import exceptions

from bqsim.sim.journal.backoff import BackoffError
from tests.scenarios.harness import Runbook, World

CORRECTION = "UPDATE d.t SET s = 'right' WHERE n = 2"
NEWEST = "SELECT s FROM d.t WHERE n = 2 ORDER BY s DESC LIMIT 1"


def prepare(world: World) -> None:
    world.table()


def stream(world: World, *rows: tuple[int, str]) -> None:
    made = [{"n": n, "s": s} for n, s in rows]
    assert world.client.insert_rows_json(f"{world.project}.d.t", made) == []


def values(world: World, sql: str) -> list[str]:
    return [row[0] for row in world.client.query_and_wait(sql)]


def good(world: World) -> None:
    stream(world, (1, "a"), (2, "bad"))
    stream(world, (2, "right"))
    assert values(world, NEWEST) == ["right"]
    tries = 0
    for _ in range(12):
        tries += 1
        try:
            world.client.query_and_wait(CORRECTION)
            break
        except exceptions.BadRequest as error:
            assert "would affect rows in the streaming buffer" in error.message
            world.wait("15m")
    assert tries == 7
    world.sim.verify_backoff()
    world.over()
    assert values(world, "SELECT s FROM d.t ORDER BY n, s") == ["a", "right", "right"]


def bad(world: World) -> None:
    stream(world, (1, "a"), (2, "bad"))
    for _ in range(20):
        with pytest.raises(exceptions.BadRequest):
            world.client.query_and_wait(CORRECTION)
        world.wait(1)
    with pytest.raises(BackoffError) as raised:
        world.sim.verify_backoff()
    assert {finding.rule for finding in raised.value.findings} >= {"long_wait"}
    # Another goes on without a look at the job.
    world.client.query(CORRECTION, job_retry=None)
    world.over()
    assert values(world, "SELECT s FROM d.t ORDER BY n") == ["a", "bad"]


QUERY = {"method": "bigquery.jobs.query", "state": "RUNNING"}
RUNBOOK = Runbook(
    "streaming-buffer-dml",
    good,
    bad,
    asks=(
        ({**QUERY, "sql": CORRECTION}, ("rule 'buffered' .*fires",)),
        ({**QUERY, "sql": NEWEST}, ("does not fire: statement_type",)),
    ),
    prepare=prepare,
)
