from __future__ import annotations

import asyncio
import threading
import time

import pytest

from bqsim.sim import clock as module
from bqsim.sim.clock import SimulationClock
from bqsim.sim.settling import BLIND_ROUNDS, Holds, settle
from tests.unit.sim.clocks import NOON_US, S, eventually, loop_thread
from tests.waiting import PATIENCE_S


def test_an_advance_releases_sleepers_of_another_thread(clock: SimulationClock) -> None:
    woken: list[int] = []

    async def sleeper() -> None:
        for _ in range(3):
            await clock.sleep(3600)
            woken.append(clock.now_us() - NOON_US)

    with loop_thread() as loop:
        task = asyncio.run_coroutine_threadsafe(sleeper(), loop)
        assert eventually(lambda: clock.waiting == 1)
        clock.advance("3h")
        assert [round(us / S) for us in woken] == [3600, 7200, 10800]
        task.result(5)


def test_tasks_go_as_far_as_they_can_before_time_goes_on(clock: SimulationClock) -> None:
    """A chain of tasks that wait for each other sleeps again at the time of its first waking."""
    seen: list[int] = []

    async def deep(levels: int) -> None:
        if levels:
            await asyncio.create_task(deep(levels - 1))
        await asyncio.sleep(0)

    async def worker() -> None:
        await clock.sleep(10)
        await asyncio.gather(deep(20), deep(30))
        await clock.sleep(10)
        seen.append(round((clock.now_us() - NOON_US) / S))

    with loop_thread() as loop:
        task = asyncio.run_coroutine_threadsafe(worker(), loop)
        assert eventually(lambda: clock.waiting == 1)
        clock.advance("1h")
        task.result(5)
    assert seen == [20]


def test_advance_async_lets_the_tasks_of_its_own_loop_run(clock: SimulationClock) -> None:
    async def run() -> list[int]:
        seen: list[int] = []

        async def worker(seconds: float) -> None:
            await clock.sleep(seconds)
            await clock.sleep(seconds)
            seen.append(round((clock.now_us() - NOON_US) / S))

        tasks = [asyncio.create_task(worker(seconds)) for seconds in (30, 10, 20)]
        await clock.advance_async("1m")
        assert all(task.done() for task in tasks)
        return seen

    assert asyncio.run(run()) == [20, 40, 60]


def test_advance_async_tells_what_is_wrong(clock: SimulationClock) -> None:
    with pytest.raises(ValueError, match="soon"):
        asyncio.run(clock.advance_async("soon"))


def test_an_advance_on_a_loop_only_tells_its_tasks(clock: SimulationClock) -> None:
    async def run() -> bool:
        task = asyncio.create_task(clock.sleep(10))
        await asyncio.sleep(0)
        with clock.hold():
            clock.advance(10)
        before = task.done()
        await asyncio.wait_for(task, PATIENCE_S)
        return before

    assert asyncio.run(run()) is False


def test_an_advance_on_a_loop_without_sleepers_waits_for_work(clock: SimulationClock) -> None:
    released = threading.Event()

    async def job() -> None:
        await clock.sleep(5)
        with clock.hold():
            await asyncio.to_thread(time.sleep, 0.05)
        released.set()

    async def test() -> bool:
        clock.advance("7d")
        return released.is_set()

    with loop_thread() as loop:
        task = asyncio.run_coroutine_threadsafe(job(), loop)
        assert eventually(lambda: clock.waiting == 1)
        assert asyncio.run(test())
        task.result(5)


def test_without_settling_tasks_are_only_told(clock: SimulationClock) -> None:
    with loop_thread() as loop:
        task = asyncio.run_coroutine_threadsafe(clock.sleep(10), loop)
        assert eventually(lambda: clock.waiting == 1)
        clock.advance("1h", settle=False)
        task.result(5)


def test_a_cancelled_sleeper_leaves_no_timer(clock: SimulationClock) -> None:
    async def run() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(clock.sleep(3600), 0.01)

    asyncio.run(run())
    assert clock.waiting == 0


def test_a_sleep_without_time_lets_others_run(clock: SimulationClock) -> None:
    async def run() -> None:
        await asyncio.wait_for(clock.sleep(0), 1)
        await asyncio.wait_for(clock.sleep(-1), 1)

    asyncio.run(run())


def test_sleepers_of_a_closed_loop_are_forgotten(clock: SimulationClock) -> None:
    loop = asyncio.new_event_loop()
    clock.call_later(10, lambda: None, loop)
    loop.close()
    clock.advance(60)
    assert clock.waiting == 0


def test_a_blocked_loop_does_not_stop_an_advance(
    clock: SimulationClock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "SETTLE_S", 0.05)
    go_on = threading.Event()
    waited: list[bool] = []
    with loop_thread() as loop:
        for seconds in range(1, 11):
            clock.call_later(seconds, lambda: waited.append(go_on.wait(PATIENCE_S)), loop)
        clock.advance(60)
        assert waited == []
        go_on.set()
    assert "event loop that is blocked" in caplog.text


def test_sleepers_of_the_wall_sleep_as_long_as_they_asked() -> None:
    clock = SimulationClock()

    async def run() -> list[float]:
        async def one(seconds: float) -> float:
            begun = time.monotonic()
            await clock.sleep(seconds)
            return time.monotonic() - begun - seconds

        return await asyncio.gather(*(one(n / 500) for n in range(1, 51)))

    late = sorted(asyncio.run(run()))
    assert late[0] > -0.001
    # They are woken when it is time, not when the clock's thread looks next.
    assert late[25] < module.LOOK_S / 4


def test_an_advance_waits_for_work_that_holds_the_clock(clock: SimulationClock) -> None:
    seen: list[int] = []

    async def job() -> None:
        await clock.sleep(5)
        with clock.hold():
            await asyncio.to_thread(time.sleep, 0.05)
        seen.append(round((clock.now_us() - NOON_US) / S))
        await clock.sleep(5)
        seen.append(round((clock.now_us() - NOON_US) / S))

    with loop_thread() as loop:
        task = asyncio.run_coroutine_threadsafe(job(), loop)
        assert eventually(lambda: clock.waiting == 1)
        clock.advance("7d")
        task.result(5)
    assert seen == [5, 10]


def test_work_that_does_not_end_holds_the_clock_only_so_long(
    clock: SimulationClock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "SETTLE_S", 0.05)
    with clock.hold():
        clock.advance("1h")
    assert clock.now_us() - NOON_US == 3600 * S
    assert "work that holds it" in caplog.text


class Silent:
    """A loop that does not tell what is ready."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.call_soon = loop.call_soon
        self.call_soon_threadsafe = loop.call_soon_threadsafe


def test_a_loop_that_tells_nothing_is_given_some_rounds() -> None:
    steps: list[int] = []
    with loop_thread() as loop:

        def step() -> None:
            steps.append(len(steps))
            if len(steps) < BLIND_ROUNDS - 2:
                loop.call_soon(step)

        loop.call_soon_threadsafe(step)
        assert settle(Silent(loop), 5)  # type: ignore[arg-type]
        assert len(steps) == BLIND_ROUNDS - 2


def test_a_loop_that_is_always_busy_is_not_waited_for_forever() -> None:
    busy = True

    def again() -> None:
        if busy:
            loop.call_soon(again)

    with loop_thread() as loop:
        loop.call_soon_threadsafe(again)
        assert settle(loop, 5)
        busy = False


def test_holds_count() -> None:
    holds = Holds()
    assert not holds
    with holds, holds:
        assert holds
        assert not holds.wait(0.01)
    assert holds.wait(0)
