"""A backfill that has the slots: who waits with the others gets each result once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from google.cloud import bigquery

from bqsim.sim.journal.verify import VerificationError
from bqsim.simulator import Simulator
from tests.scenarios.harness import Runbook, World

STATEMENTS = 3
BACKFILL = 8
PLACES = 4
# What an operator does: the pipeline gets a reservation of its own.
RELIEF = """
reservations: {shared: {slot_capacity: 100, target_job_concurrency: 4}, pipeline: {slot_capacity: 100}}
assignments: [{reservation: shared}, {reservation: pipeline, project: %s}]
"""


def prepare(world: World) -> None:
    world.table()


def insert(n: int) -> str:
    return f"INSERT d.t (n) VALUES ({n})"


@contextmanager
def backfill(sim: Simulator) -> Iterator[None]:
    """Somebody else's: it has all places, and whatever is left of it is cancelled at the end."""
    labels = bigquery.QueryJobConfig(labels={"team": "backfill"}, use_query_cache=False)
    client = sim.client("warehouse")
    try:
        jobs = [client.query("SELECT 1", job_config=labels, job_retry=None) for _ in range(BACKFILL)]
        while (place := sim.capacity.places()[0]).running + place.queued < BACKFILL:
            time.sleep(0.001)
        assert (place.name, place.running, place.used) == ("shared", PLACES, 100)
        sim.journal.clear()
        yield
        for job in jobs:
            client.cancel_job(job.job_id)
    finally:
        client.close()


def good(world: World) -> None:
    """The statements of a pipeline, one after another, each waited for."""
    pending = []
    with backfill(world.sim):
        world.clock.scale(2000)
        for n in range(STATEMENTS):
            job = world.client.query(insert(n), job_id=f"step-{n}", job_retry=None)
            job.result()
            statistics = job._properties["statistics"]
            assert statistics["reservation_id"].endswith(":US.shared")
            assert int(statistics["totalSlotMs"]) > 10_000
            pending.append((job.started - job.created).total_seconds())
        # The first had to wait for a wave of the backfill.
        assert pending[0] > 1000
        world.sim.verify("bigquery.jobs.insert", times=STATEMENTS)
        world.sim.verify_backoff()
        world.sim.verify_exactly_once(in_doubt=True)
    world.over()
    assert world.numbers() == list(range(STATEMENTS))


def bad(world: World) -> None:
    """After half a minute it starts the statement again, under another job id."""
    jobs = []
    with backfill(world.sim):
        for _ in range(4):
            jobs.append(world.client.query(insert(1), job_retry=None))
            world.wait(29)
        assert {world.client.get_job(job.job_id).state for job in jobs} == {"PENDING"}
        whys = {waiting.job_id: waiting.why for waiting in world.sim.jobs.list()}
        assert {whys[job.job_id] for job in jobs} == {"a turn with slots of the reservation shared"}
        with pytest.raises(VerificationError, match="exactly 1 call"):
            world.sim.verify("bigquery.jobs.insert", times=1)
        # With slots of their own they all run at once.
        world.sim.capacity.use(RELIEF % world.project)
        world.clock.scale(2000)
        for job in jobs:
            job.result()
    world.over()
    assert world.numbers() == [1, 1, 1, 1]


RUNBOOK = Runbook("slot-starvation", good, bad, prepare=prepare)
