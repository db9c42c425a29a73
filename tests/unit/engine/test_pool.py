"""Work runs off the loop, in bounded threads, and stops when asked."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from bqsim.engine.duckdb import DuckDBEngine
from bqsim.engine.pool import CancelToken, EnginePool
from bqsim.engine.protocol import Interrupted, Session
from bqsim.errors import BigQueryError
from bqsim.sim.stale import StaleView, seen, seen_through

ENDLESS = "SELECT count(*) FROM range(1000000000) a, range(1000000000) b WHERE a.range + b.range = 3"


@pytest.fixture
def pool(engine: DuckDBEngine) -> Iterator[EnginePool]:
    pool = EnginePool(engine, workers=2)
    yield pool
    pool.close()


def endless(session: Session) -> object:
    return session.scalar(ENDLESS)


def test_values_and_failures_come_back(pool: EnginePool) -> None:
    assert pool.submit(lambda s: s.scalar("SELECT 42")).result(10) == 42
    with pytest.raises(KeyError):
        pool.submit(lambda s: {}["x"]).result(10)
    with pytest.raises(BigQueryError, match=r"^no$"):
        pool.submit(lambda s: s.scalar("SELECT error('bq:no') FROM range(1)")).result(10)


def test_other_work_is_answered_while_a_query_runs(pool: EnginePool) -> None:
    async def main() -> None:
        token, order = CancelToken(), []

        async def heavy() -> None:
            with pytest.raises(Interrupted):
                await pool.run(endless, cancel=token)
            order.append("heavy")

        task = asyncio.create_task(heavy())
        await asyncio.sleep(0.02)
        for _ in range(5):
            assert await pool.run(lambda s: s.scalar("SELECT 1")) == 1
        order.append("light")
        token.cancel()
        await task
        assert order == ["light", "heavy"]

    asyncio.run(main())


def test_at_most_the_given_workers_run(pool: EnginePool) -> None:
    running, most, lock = 0, 0, threading.Lock()
    gate = threading.Barrier(2)

    def work(_: Session) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        gate.wait(10)
        with lock:
            running -= 1

    for future in [pool.submit(work) for _ in range(6)]:
        future.result(10)
    assert most == 2


def test_work_cancelled_before_its_start_never_runs(pool: EnginePool) -> None:
    token, ran = CancelToken(), []
    token.cancel()
    with pytest.raises(Interrupted):
        pool.submit(lambda s: ran.append(1), token).result(10)
    assert ran == []


def test_a_worker_serves_on_after_a_cancel(pool: EnginePool) -> None:
    for _ in range(3):
        token = CancelToken()
        future = pool.submit(endless, token)
        threading.Timer(0.02, token.cancel).start()
        with pytest.raises(Interrupted):
            future.result(10)
    assert pool.submit(lambda s: s.scalar("SELECT 1")).result(10) == 1


def test_the_deadline_ends_work_with_a_timeout(pool: EnginePool) -> None:
    with pytest.raises(BigQueryError) as caught:
        asyncio.run(pool.run(endless, timeout_s=0.05))
    assert caught.value.reason.name == "timeout"
    assert asyncio.run(pool.run(lambda s: s.scalar("SELECT 1"), timeout_s=30)) == 1


def test_cancelling_the_waiting_task_stops_the_query(pool: EnginePool) -> None:
    async def main() -> None:
        task = asyncio.create_task(pool.run(endless))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await pool.run(lambda s: s.scalar("SELECT 1")) == 1

    asyncio.run(main())


def test_a_full_queue_refuses(engine: DuckDBEngine) -> None:
    pool = EnginePool(engine, workers=1, queue_limit=1)
    hold, started = threading.Event(), threading.Event()

    def holding(_: Session) -> None:
        started.set()
        hold.wait(10)

    first = pool.submit(holding)
    assert started.wait(10)
    second = pool.submit(lambda s: 2)
    with pytest.raises(BigQueryError) as caught:
        pool.submit(lambda s: 3)
    assert caught.value.reason.name == "jobRateLimitExceeded"
    hold.set()
    assert first.result(10) is None and second.result(10) == 2
    pool.close()


def test_close_stops_what_runs_and_what_waits(engine: DuckDBEngine) -> None:
    pool = EnginePool(engine, workers=1)
    started = threading.Event()

    def running(session: Session) -> object:
        started.set()
        return endless(session)

    first, second = pool.submit(running), pool.submit(lambda s: 1)
    assert started.wait(10)
    pool.close()
    pool.close()
    for future in (first, second):
        with pytest.raises(Interrupted):
            future.result(10)
    with pytest.raises(BigQueryError):
        pool.submit(lambda s: 1)


def test_callbacks_run_once_at_the_cancel() -> None:
    token, seen = CancelToken(), []
    token.on_cancel(lambda: seen.append("before"))
    token.cancel()
    token.cancel()
    token.on_cancel(lambda: seen.append("after"))
    assert seen == ["before", "after"] and token.cancelled
    with pytest.raises(Interrupted):
        token.check()


def test_work_sees_what_the_call_sees_that_asks_for_it(pool: EnginePool) -> None:
    view = StaleView(rows=1)

    async def main() -> list[StaleView | None]:
        with seen_through(view):
            return [await pool.run(lambda _: seen())]

    assert asyncio.run(main()) == [view]
    assert pool.submit(lambda _: seen()).result(10) is None
