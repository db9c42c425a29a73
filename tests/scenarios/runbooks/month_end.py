"""All reports at once on a small quota: who begins with what matters and goes on tomorrow gets all."""

from __future__ import annotations

from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import bigquery

from bqsim.sim.journal.verify import VerificationError
from tests.scenarios.harness import Runbook, World

REPORTS = 14
MATTERS = (11, 3)
PLAIN = bigquery.QueryJobConfig(use_query_cache=False)
DRY = bigquery.QueryJobConfig(use_query_cache=False, dry_run=True)


def prepare(world: World) -> None:
    world.table(rows=5_000)
    # A day of the quota begins.
    midnight = world.now().replace(hour=9, minute=0, second=0, microsecond=0)
    world.wait((24 * 3600 - (world.now() - midnight).total_seconds()) % (24 * 3600))


def report(n: int) -> str:
    return f"SELECT {n} AS report, SUM(n), MAX(s) FROM d.t"


def run(world: World, n: int) -> Any:
    return world.client.query(report(n), PLAIN, job_retry=None)


def good(world: World) -> None:
    sizes = {n: world.client.query(report(n), DRY).total_bytes_processed for n in range(REPORTS)}
    assert min(sizes.values()) > 0
    left = [*MATTERS, *(n for n in range(REPORTS) if n not in MATTERS)]
    done: list[int] = []
    days = 1
    while left:
        try:
            list(run(world, left[0]).result())
        except exceptions.Forbidden as error:
            assert error.errors[0]["reason"] == "quotaExceeded"
            days += 1
            world.wait("24h")
        else:
            done.append(left.pop(0))
    assert tuple(done[:2]) == MATTERS
    assert sorted(done) == list(range(REPORTS))
    assert days > 1
    world.sim.verify_backoff()


def bad(world: World) -> None:
    world.clock.freeze()
    jobs = [run(world, n) for n in range(REPORTS)]
    states = [world.client.get_job(job.job_id).state for job in jobs]
    assert (states.count("RUNNING"), states.count("PENDING")) == (4, REPORTS - 4)
    world.clock.scale(RUNBOOK.rate)
    done = set()
    for _ in range(4):
        for n, job in enumerate(jobs):
            try:
                list(job.result())
                done.add(n)
            except exceptions.Forbidden:
                world.wait(2)
                jobs[n] = run(world, n)
    assert len(done) < REPORTS
    assert not done.issuperset(MATTERS)
    with pytest.raises(VerificationError, match="at most 20 calls"):
        world.sim.verify("bigquery.jobs.insert", times=(0, 20))


RUNBOOK = Runbook("month-end", good, bad, prepare=prepare, rate=200.0)
