from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from bqsim.catalog.refs import JobRef
from bqsim.engine.duckdb import DuckDBEngine
from bqsim.engine.pool import EnginePool
from bqsim.errors import invalid_query
from bqsim.jobs.job import Job, JobType
from bqsim.jobs.machine import State
from bqsim.jobs.runner import JobRunner
from bqsim.sim.clock import RealClock, SimulationClock
from tests.waiting import PATIENCE_S

Play = Callable[[Callable[[JobRunner], Awaitable[None]]], None]


@pytest.fixture
def play() -> Iterator[Play]:
    engine = DuckDBEngine()
    pool = EnginePool(engine, 3)

    async def main(body: Callable[[JobRunner], Awaitable[None]]) -> None:
        runner = JobRunner(pool, RealClock(), 2, None)
        try:
            await body(runner)
        finally:
            await runner.close()

    yield lambda body: asyncio.run(main(body))
    pool.close()
    engine.close()


def make() -> Job:
    return Job(JobRef("p", "US", "j"), JobType.QUERY, {}, "me", RealClock().now_us())


def test_work_runs_off_the_loop_and_its_end_is_told(play: Play) -> None:
    threads: list[threading.Thread] = []
    ended: list[State] = []

    async def body(runner: JobRunner) -> None:
        job = make()
        runner.start(
            job,
            lambda _: threads.append(threading.current_thread()),
            None,
            finally_=lambda: ended.append(job.state),
        )
        assert job.state is State.PENDING
        assert await job.wait(PATIENCE_S)
        assert job.error is None

    play(body)
    assert threads[0] is not threading.main_thread()
    assert ended == [State.RUNNING]


def test_failures_are_the_jobs(play: Play) -> None:
    error = invalid_query("bad")

    async def body(runner: JobRunner) -> None:
        job = make()

        def fail(_: Any) -> None:
            raise error

        runner.start(job, fail, None)
        await job.wait(PATIENCE_S)
        # What was raised holds the frames that it passed.
        assert job.error is not None and job.error is not error
        assert (job.error.message, job.error.__traceback__) == ("bad", None)

    play(body)


def test_a_defect_is_an_internal_error_without_its_text(play: Play, caplog: pytest.LogCaptureFixture) -> None:
    async def body(runner: JobRunner) -> None:
        job = make()

        def fail(_: Any) -> None:
            raise KeyError("secret")

        runner.start(job, fail, None)
        await job.wait(PATIENCE_S)
        assert job.error is not None
        assert job.error.reason.name == "internalError"
        assert "secret" not in job.error.message
        assert "secret" in caplog.text

    play(body)


def test_no_more_jobs_run_than_there_are_workers(play: Play) -> None:
    async def body(runner: JobRunner) -> None:
        gate = threading.Event()
        jobs = [make() for _ in range(4)]
        for job in jobs:
            runner.start(job, lambda _: gate.wait(10) and None, None)
        while sum(j.state is State.RUNNING for j in jobs) < 2:
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.05)
        assert [j.state for j in jobs] == [State.RUNNING] * 2 + [State.PENDING] * 2
        gate.set()
        for job in jobs:
            assert await job.wait(PATIENCE_S)
            assert job.error is None

    play(body)


def test_closing_ends_what_runs(play: Play) -> None:
    gate, job = threading.Event(), make()

    async def body(runner: JobRunner) -> None:
        runner.start(job, lambda _: gate.wait(10) and None, None)
        while job.state is State.PENDING:
            await asyncio.sleep(0.005)
        await runner.close()
        assert job.error is not None
        assert "shutting down" in job.error.message
        gate.set()

    play(body)


def test_work_takes_no_time_of_a_clock_that_stands() -> None:
    async def main() -> None:
        clock = SimulationClock(rate=0)
        engine = DuckDBEngine()
        pool = EnginePool(engine, 2)
        runner = JobRunner(pool, clock, 2, None)
        job, late = make(), make()
        begun = clock.now_us()
        runner.start(job, lambda _: time.sleep(0.1), 3_600_000)
        await clock.advance_async("1d")
        assert job.done
        assert job.error is None
        assert job.timeline.entered[State.DONE] - begun < 1000
        gate = threading.Event()
        runner.start(late, lambda _: gate.wait(10) and None, 3_600_000)
        while late.state is State.PENDING:
            await asyncio.sleep(0.005)
        await clock.advance_async("1d", settle=False)
        gate.set()
        assert await late.wait(PATIENCE_S)
        assert late.error is not None
        assert late.error.reason.name == "stopped"
        await runner.close()
        await asyncio.to_thread(pool.close)
        engine.close()

    asyncio.run(main())
