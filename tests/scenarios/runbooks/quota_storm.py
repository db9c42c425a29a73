"""Small quotas: who backs off and gathers its work comes through, who insists does not."""

from __future__ import annotations

import pytest
from google.api_core import exceptions
from google.cloud import bigquery

from bqsim.sim.journal.backoff import GOOGLE_CLIENT
from bqsim.sim.journal.verify import VerificationError
from tests.scenarios.harness import Runbook, World

LOOKS = 30
PARTS = 10


def prepare(world: World) -> None:
    world.table(rows=2)
    world.table("daily")


def append(world: World, numbers: list[int]) -> None:
    target = f"{world.project}.d.daily"
    config = bigquery.QueryJobConfig(destination=target, write_disposition="WRITE_APPEND")
    world.client.query(f"SELECT n FROM UNNEST({numbers}) AS n", config).result()


def good(world: World) -> None:
    """All requests of a burst are answered; what the quota of a day refuses waits for the next."""
    for _ in range(LOOKS):
        assert world.client.get_table("d.t").num_rows == 2
    refused = world.sim.verify("bigquery.tables.get", {"reason": "rateLimitExceeded"}, times=(3, LOOKS * 4))
    assert {d.quota for call in refused for d in call.decisions} <= {"", "api_requests_per_user_method"}
    waiting: list[int] = []
    refused_parts = 0
    for part in range(PARTS):
        rows = [*waiting, part]
        try:
            append(world, rows)
            waiting = []
        except exceptions.Forbidden as error:
            assert error.errors[0]["reason"] == "quotaExceeded"
            assert "exceeded quota for imports or query appends per table" in error.message
            waiting = rows
            refused_parts += 1
            world.wait("1h")
    world.wait("24h")
    if waiting:
        append(world, waiting)
    assert refused_parts
    world.sim.verify_backoff(policy=GOOGLE_CLIENT)
    world.sim.verify_exactly_once(in_doubt=True)
    world.over()
    assert world.numbers("daily") == list(range(PARTS))


def bad(world: World) -> None:
    """One drops what is refused; another asks for it again and again."""
    seen = 0
    for _ in range(LOOKS):
        try:
            seen += world.client.get_table("d.t", retry=None).num_rows > 0
        except exceptions.Forbidden as error:
            assert error.errors[0]["reason"] == "rateLimitExceeded"
            explained = world.sim.explain(error)
    assert seen < LOOKS / 2
    assert "rateLimitExceeded" in explained
    world.wait("10m")
    world.sim.journal.clear()
    loaded = 0
    for part in range(PARTS):
        for _ in range(5):
            try:
                append(world, [part])
                loaded += 1
                break
            except exceptions.Forbidden:
                world.wait(5)
    assert loaded < PARTS
    with pytest.raises(VerificationError, match="at most 20 calls"):
        world.sim.verify("bigquery.jobs.insert", times=(0, 2 * PARTS))
    world.over()
    assert world.numbers("daily") == list(range(loaded))


RUNBOOK = Runbook("quota-storm", good, bad, prepare=prepare)
