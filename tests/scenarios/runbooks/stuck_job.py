"""A job that never ends: a watchdog cancels it and starts anew."""

from __future__ import annotations

from concurrent.futures import TimeoutError as TimedOut
from typing import Any

import pytest
from google.cloud import bigquery

from bqsim.sim.journal.verify import VerificationError
from tests.scenarios.harness import Runbook, World


def prepare(world: World) -> None:
    world.table()


def nightly(world: World, **options: Any) -> Any:
    config = bigquery.QueryJobConfig(labels={"job": "nightly"}, **options)
    return world.client.query("INSERT d.t (n) VALUES (1)", job_config=config)


def ended(job: Any) -> Any:
    for _ in range(200):
        job.reload()
        if job.state == "DONE":
            return job
    raise AssertionError(job.state)


def good(world: World) -> None:
    """The watchdog gives the job a quarter of an hour; the second one needs none of it."""
    job = nightly(world)
    with pytest.raises(TimedOut):
        job.result(timeout=0.5)
    world.wait("15m")
    job.reload()
    assert job.state == "RUNNING"
    assert ["hang" in waiting.why for waiting in world.sim.jobs.list()] == [True]
    job.cancel()
    assert ended(job).error_result["reason"] == "stopped"
    assert "rule 'hang'" in world.sim.explain(job)
    again = nightly(world)
    again.result()
    assert again.job_id != job.job_id
    world.sim.verify("bigquery.jobs.cancel", times=1)
    world.sim.verify("bigquery.jobs.insert", times=2, order=["bigquery.jobs.cancel", "bigquery.jobs.insert"])
    world.sim.verify("bigquery.jobs.get", times=(1, 20))
    world.sim.verify_exactly_once()
    world.over()
    assert world.numbers() == [1]


def bad(world: World) -> None:
    """It asks for the state without a pause, all night, and is no further in the morning."""
    job = nightly(world)
    for _ in range(100):
        job.reload()
        assert job.state == "RUNNING"
    with pytest.raises(VerificationError, match="at most 20 calls"):
        world.sim.verify("bigquery.jobs.get", times=(0, 20))
    world.wait("5h")
    job.reload()
    assert job.state == "RUNNING"
    assert job.ended is None
    world.over()
    assert ended(job).error_result is None


ASKED = {"method": "bigquery.jobs.insert", "state": "DONE", "job_type": "QUERY"}
RUNBOOK = Runbook(
    "stuck-job",
    good,
    bad,
    asks=(
        ({**ASKED, "labels": {"job": "nightly"}}, ("rule 'hang' .* fires",)),
        ({**ASKED, "labels": {"job": "hourly"}}, ("does not fire: label",)),
    ),
    prepare=prepare,
    rate=100.0,
)
