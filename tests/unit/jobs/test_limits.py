"""Jobs that queue, wait, run and give back."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable

import pytest

from bqsim.catalog.refs import JobRef
from bqsim.catalog.store import Catalog
from bqsim.errors import BigQueryError
from bqsim.jobs.job import Job, JobType
from bqsim.jobs.limits import JobLimits
from bqsim.sim.clock import SimulationClock
from bqsim.sim.draws import Draws
from bqsim.sim.limits import Limits, Setup
from bqsim.sim.limits.gate import Enforcement
from bqsim.sim.scenario.model import Quota
from bqsim.sql.statements.table_statistics import TableStatistics

pytestmark = [
    pytest.mark.fidelity("limit:concurrent_queries", "exact", tests="test_places_* test_jobs_wait*"),
    pytest.mark.fidelity(
        "limit:dml_inserts_at_once, limit:dml_inserts_running", "exact", tests="test_the_first_inserts*"
    ),
]


def on_a_loop(test: Callable[[], Awaitable[None]]) -> Callable[[], None]:
    """Run a test that is a coroutine."""

    @functools.wraps(test)
    def run() -> None:
        async def body() -> None:
            await test()

        asyncio.run(body())

    return run


class Jobs:
    """Job limits on a clock that stands."""

    def __init__(self, **amounts: int) -> None:
        self.clock = SimulationClock(0, 0)
        self.catalog = Catalog(self.clock, Draws(1), "US", ["p"])
        self.stopped: list[tuple[Job, str]] = []
        self.reserved: set[str] = set()
        self.limits = JobLimits(
            self.catalog,
            lambda job, error: self.stopped.append((job, error.message)),
            TableStatistics(),
            lambda job: job.ref.job_id in self.reserved,
        )
        self.enforcement = Enforcement(Limits(Setup(amounts=amounts)), self.clock)
        self.limits.enforcement = self.enforcement
        self.made = 0

    def job(self, sql: str = "SELECT 1", **query: str) -> Job:
        self.made += 1
        body = {"query": {"query": sql, **query}}
        return Job(JobRef("p", "US", f"j{self.made}"), JobType.QUERY, body, "ann@example.com", 0)

    def queued(self, sql: str = "SELECT 1", **query: str) -> Job:
        job = self.job(sql, **query)
        self.limits.queued(job)
        return job

    def used(self, name: str) -> int:
        return sum(row["used"] for row in self.enforcement.limits.usage(self.clock.now_us(), name))


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


@on_a_loop
async def test_places_go_from_the_queue_to_the_run_and_back() -> None:
    jobs = Jobs(concurrent_queries=1)
    job = jobs.queued()
    assert (jobs.used("queued_interactive_queries"), jobs.used("concurrent_queries")) == (1, 0)
    await jobs.limits.admitted(job)
    assert (jobs.used("queued_interactive_queries"), jobs.used("concurrent_queries")) == (0, 1)
    jobs.limits.done(job)
    jobs.limits.done(job)
    assert jobs.used("concurrent_queries") == 0
    assert not jobs.limits.holds(job)


@on_a_loop
async def test_jobs_wait_in_order() -> None:
    jobs = Jobs(concurrent_queries=1)
    made = [jobs.queued() for _ in range(4)]
    ran: list[int] = []

    async def run(n: int) -> None:
        await jobs.limits.admitted(made[n])
        ran.append(n)

    tasks = [asyncio.create_task(run(n)) for n in range(4)]
    for expected in ([0], [0, 1]):
        await settle()
        assert ran == expected
        jobs.limits.done(made[ran[-1]])
    tasks[3].cancel()
    await settle()
    assert ran == [0, 1, 2]
    assert made[2].deferments == ["concurrent_queries"]
    jobs.limits.enforcement = None
    await settle()
    assert tasks[2].done()


@on_a_loop
async def test_a_cancelled_job_leaves_its_turn_to_the_next() -> None:
    jobs = Jobs(concurrent_queries=1)
    made = [jobs.queued() for _ in range(3)]
    await jobs.limits.admitted(made[0])
    tasks = [asyncio.create_task(jobs.limits.admitted(job)) for job in made[1:]]
    await settle()
    jobs.limits.done(made[0])
    # It is its turn, and is cancelled before it takes it.
    await asyncio.sleep(0)
    tasks[0].cancel()
    await settle()
    assert tasks[1].done()
    assert not tasks[1].cancelled()


@on_a_loop
async def test_too_long_in_the_queue() -> None:
    jobs = Jobs(concurrent_queries=1, interactive_queue_seconds=60)
    first, second = jobs.queued(), jobs.queued()
    await jobs.limits.admitted(first)
    waiting = asyncio.create_task(jobs.limits.admitted(second))
    await settle()
    await jobs.clock.advance_async("59s")
    assert not waiting.done()
    await jobs.clock.advance_async("2s")
    with pytest.raises(BigQueryError, match="queued for 61 seconds, limit is 60"):
        await waiting


@on_a_loop
async def test_too_long_at_work() -> None:
    jobs = Jobs(execution_seconds=60)
    first, second = jobs.queued(), jobs.queued()
    await jobs.limits.admitted(first)
    await jobs.limits.admitted(second)
    jobs.limits.done(second)
    await jobs.clock.advance_async("61s")
    assert [job for job, _ in jobs.stopped] == [first]
    assert jobs.stopped[0][1].startswith("Operation timed out after 0.0 hours")


@on_a_loop
async def test_some_refusals_are_the_requests_and_some_the_jobs() -> None:
    jobs = Jobs(queued_interactive_queries=2, dml_statements=1)
    jobs.queued("INSERT d.t VALUES (1)")
    failing = jobs.queued("INSERT d.t VALUES (1)")
    with pytest.raises(BigQueryError, match="too many table dml insert operations"):
        await jobs.limits.admitted(failing)
    jobs.queued()
    with pytest.raises(BigQueryError, match="jobs that can be queued"):
        jobs.queued()
    jobs.queued(priority="BATCH")


@on_a_loop
async def test_the_first_inserts_of_a_day_run_at_once() -> None:
    jobs = Jobs(dml_inserts_at_once=1, dml_inserts_running=1)
    made = [jobs.queued("INSERT d.t VALUES (1)") for _ in range(3)]
    await jobs.limits.admitted(made[0])
    await jobs.limits.admitted(made[1])
    waiting = asyncio.create_task(jobs.limits.admitted(made[2]))
    await settle()
    assert not waiting.done()
    jobs.limits.done(made[0])
    await settle()
    assert not waiting.done()
    jobs.limits.done(made[1])
    await waiting


@on_a_loop
async def test_dry_runs_children_and_jobs_of_before_go_their_way() -> None:
    jobs = Jobs(queued_interactive_queries=1)
    jobs.queued()
    dry = jobs.job()
    dry.configuration["dryRun"] = True
    child = jobs.job()
    child.parent = dry
    for job in (dry, child):
        jobs.limits.queued(job)
        assert not jobs.limits.holds(job)
        await jobs.limits.admitted(job)
    work = jobs.limits.around(dry, lambda session: None)
    assert work.__name__ == "<lambda>"


def test_a_quota_that_a_rule_takes_as_used_up() -> None:
    jobs = Jobs()
    error = jobs.limits.exhausted(Quota("concurrent_queries"), jobs.job())
    assert error is not None
    assert (error.reason.name, error.location) == ("rateLimitExceeded", "dremel_connection")
    jobs.limits.enforcement = None
    assert jobs.limits.exhausted(Quota("concurrent_queries"), jobs.job()) is None
    assert jobs.catalog.committing is None


@on_a_loop
async def test_jobs_of_reservations_are_not_counted() -> None:
    jobs = Jobs(concurrent_queries=1)
    jobs.reserved = {"j1", "j2"}
    made = [jobs.queued() for _ in range(3)]
    # One comes to a reservation while it is queued, another away from its own.
    jobs.reserved = {"j1", "j3"}
    for job in made:
        await asyncio.wait_for(jobs.limits.admitted(job), 10)
    assert jobs.used("concurrent_queries") == 1
    for job in made:
        jobs.limits.done(job)
    assert jobs.used("concurrent_queries") == 0
