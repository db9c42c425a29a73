"""Queries that wait for slots: who waits with them gets each result once."""

from __future__ import annotations

import pytest

from bqsim.sim.journal.verify import VerificationError
from tests.scenarios.harness import Runbook, World

STATEMENTS = 4


def prepare(world: World) -> None:
    world.table()


def insert(n: int) -> str:
    return f"INSERT d.t (n) VALUES ({n})"


def good(world: World) -> None:
    """The statements of a pipeline, one after another, each waited for."""
    pending = []
    for n in range(STATEMENTS):
        job = world.client.query(insert(n), job_id=f"step-{n}", job_retry=None)
        job.reload()
        assert job.state == "PENDING"
        assert job._properties["statistics"]["quotaDeferments"] == ["slots"]
        job.result()
        pending.append((job.started - job.created).total_seconds())
        world.wait("1m")
    assert min(pending) >= 120
    assert sum(pending[2:]) > sum(pending[:2])
    world.sim.verify("bigquery.jobs.insert", times=STATEMENTS)
    world.sim.verify_backoff()
    world.sim.verify_exactly_once(in_doubt=True)
    world.over()
    assert world.numbers() == list(range(STATEMENTS))


def bad(world: World) -> None:
    """After half a minute it starts the statement again, under another job id."""
    world.clock.freeze()
    jobs = []
    for _ in range(4):
        jobs.append(world.client.query(insert(1), job_retry=None))
        world.wait(29)
    assert {world.client.get_job(job.job_id).state for job in jobs} == {"PENDING"}
    assert {waiting.job_id for waiting in world.sim.jobs.list()} == {job.job_id for job in jobs}
    with pytest.raises(VerificationError, match="exactly 1 call"):
        world.sim.verify("bigquery.jobs.insert", times=1)
    world.wait("1h")
    world.over()
    assert world.numbers() == [1, 1, 1, 1]


RUNBOOK = Runbook("slot-starvation", good, bad, prepare=prepare, rate=1000.0)
