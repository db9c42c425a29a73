"""The simulation clock: modes, waiting, and moving time."""

from __future__ import annotations

import asyncio
import datetime as dt
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bqsim.sim import clock as module
from bqsim.sim.clock import SimulationClock, epoch_us, now_ms

NOON = "2026-03-01T12:00:00Z"
NOON_US = epoch_us(NOON)
S = 1_000_000
DAY = 86_400 * S


@pytest.fixture
def clock() -> SimulationClock:
    """A clock that stands at noon."""
    return SimulationClock(NOON, rate=0)


@contextmanager
def loop_thread() -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop that runs in a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def eventually(condition: Callable[[], object], timeout_s: float = 5) -> bool:
    end = time.monotonic() + timeout_s
    while not condition() and time.monotonic() < end:
        time.sleep(0.002)
    return bool(condition())


# Reading


def test_a_new_clock_shows_the_time_of_the_wall() -> None:
    clock = SimulationClock()
    assert clock.mode == "real"
    assert abs(clock.now_us() - time.time_ns() // 1000) < S
    assert now_ms(clock) == clock.now_us() // 1000


def test_readings_strictly_increase_in_all_threads() -> None:
    clock = SimulationClock()
    read: list[list[int]] = [[] for _ in range(4)]

    def take(out: list[int]) -> None:
        out.extend(clock.now_us() for _ in range(5000))

    threads = [threading.Thread(target=take, args=(out,)) for out in read]
    for thread in threads:
        thread.start()
    clock.freeze()
    clock.scale(1e-6)
    clock.resume()
    for thread in threads:
        thread.join()
    everything = [us for out in read for us in out]
    assert all(out == sorted(out) for out in read)
    assert len(set(everything)) == len(everything)


def test_a_wall_clock_that_is_set_back_does_not_hold_up_time(monkeypatch: pytest.MonkeyPatch) -> None:
    wall = [10**18]
    monkeypatch.setattr(module.time, "time_ns", lambda: wall[0])
    clock = SimulationClock()
    first = clock.now_us()
    wall[0] -= 3600 * 10**9
    assert clock.now_us() - first < 10
    wall[0] += 5 * 10**9
    assert clock.now_us() - first == pytest.approx(5 * S, abs=10)


def test_a_frozen_clock_moves_a_microsecond_for_each_reading(clock: SimulationClock) -> None:
    assert clock.mode == "manual"
    first = clock.now_us()
    time.sleep(0.01)
    assert [clock.now_us() for _ in range(3)] == [first + 1, first + 2, first + 3]


def test_a_scaled_clock_runs_faster() -> None:
    clock = SimulationClock(NOON)
    clock.scale(1000)
    assert (clock.mode, clock.rate) == ("scaled", 1000)
    begun, wall = clock.now_us(), time.monotonic()
    time.sleep(0.05)
    passed, real = (clock.now_us() - begun) / S, time.monotonic() - wall
    assert 50 <= passed <= real * 1000 + 1


@pytest.mark.parametrize("factor", [0, -1, float("nan"), float("inf")])
def test_no_clock_runs_backwards(factor: float) -> None:
    with pytest.raises(ValueError, match="cannot run"):
        SimulationClock().scale(factor)


def test_a_clock_goes_on_from_where_it_was(clock: SimulationClock) -> None:
    clock.advance("7d")
    clock.resume()
    assert clock.mode == "real"
    passed = clock.now_us() - NOON_US
    assert 7 * DAY <= passed < 7 * DAY + 10 * S
    time.sleep(0.02)
    assert clock.now_us() - NOON_US >= passed + 20_000


# Moving time


@pytest.mark.parametrize(
    ("duration", "us"),
    [
        ("90m", 5400 * S),
        ("7d", 7 * DAY),
        ("1h30m", 5400 * S),
        ("250ms", 250_000),
        (2.5, 2_500_000),
        (3, 3 * S),
        (0, 0),
        (dt.timedelta(days=1, microseconds=1), DAY + 1),
    ],
)
def test_advance_takes_durations(clock: SimulationClock, duration: module.Duration, us: int) -> None:
    clock.advance(duration)
    assert clock.now_us() == NOON_US + us


@pytest.mark.parametrize("duration", ["soon", "", -1, "-5s", float("nan"), dt.timedelta(seconds=-1)])
def test_advance_refuses_what_is_no_way_forward(clock: SimulationClock, duration: module.Duration) -> None:
    with pytest.raises(ValueError):
        clock.advance(duration)
    assert clock.now_us() == NOON_US


@pytest.mark.parametrize(
    "when", ["2026-03-02", "2026-03-02T02:00:00+02:00", dt.datetime(2026, 3, 2), NOON_US + DAY // 2]
)
def test_set_time_moves_on_to_a_time(clock: SimulationClock, when: int | str | dt.datetime) -> None:
    seen: list[int] = []
    clock.call_later(3600, lambda: seen.append(clock.now_us()))
    clock.set_time(when)
    assert clock.now_us() == NOON_US + DAY // 2
    assert seen == [NOON_US + 3600 * S]


def test_time_does_not_go_back(clock: SimulationClock) -> None:
    with pytest.raises(ValueError, match="does not go back"):
        clock.set_time("2026-02-28")


def test_advance_moves_a_running_clock_too() -> None:
    clock = SimulationClock(NOON)
    fired: list[int] = []
    clock.call_later(3600, lambda: fired.append(clock.now_us()))
    clock.advance("2h")
    assert len(fired) == 1
    assert 3600 * S <= fired[0] - NOON_US < 3610 * S
    assert 7200 * S <= clock.now_us() - NOON_US < 7210 * S


def test_a_running_clock_that_was_moved_close_to_a_timer_fires_it_soon() -> None:
    clock = SimulationClock()
    fired = threading.Event()
    clock.call_later(3600, fired.set)
    clock.advance(3599.95)
    assert fired.wait(5)


# Timers


def test_timers_run_in_due_order_and_read_their_own_time(clock: SimulationClock) -> None:
    seen: list[tuple[str, int]] = []

    def note(name: str) -> Callable[[], None]:
        return lambda: seen.append((name, clock.now_us() - NOON_US))

    for name, seconds in (("c", 30), ("a", 10), ("b", 20), ("late", 61)):
        clock.call_later(seconds, note(name))
    clock.advance(60)
    assert seen == [("a", 10 * S), ("b", 20 * S), ("c", 30 * S)]
    assert clock.waiting == 1
    clock.advance(1)
    assert seen[-1][0] == "late"
    assert clock.waiting == 0


def test_timers_of_the_same_time_run_as_they_came(clock: SimulationClock) -> None:
    seen: list[int] = []
    at = NOON_US + S
    for n in range(2500):
        clock.call_at(at, lambda n=n: seen.append(n))
    clock.advance(1)
    assert seen == list(range(2500))


def test_timers_made_on_the_way_run_on_the_way(clock: SimulationClock) -> None:
    seen: list[int] = []

    def again() -> None:
        seen.append(round((clock.now_us() - NOON_US) / S))
        clock.call_later(10, again)

    clock.call_later(10, again)
    clock.advance(60)
    assert seen == [10, 20, 30, 40, 50, 60]


def test_a_timer_may_move_time(clock: SimulationClock) -> None:
    seen: list[str] = []
    clock.call_later(10, lambda: (seen.append("first"), clock.advance(100)))
    clock.call_later(50, lambda: seen.append("second"))
    clock.advance(20)
    assert seen == ["first", "second"]
    assert clock.now_us() - NOON_US == pytest.approx(110 * S, abs=100)


def test_a_timer_whose_time_has_been_runs_at_once_while_the_clock_stands(clock: SimulationClock) -> None:
    fired = threading.Event()
    clock.call_at(clock.now_us(), fired.set)
    assert fired.wait(5)


def test_readings_release_no_timer_of_a_clock_that_stands(clock: SimulationClock) -> None:
    fired = threading.Event()
    clock.call_later(0.000_010, fired.set)
    for _ in range(100):
        clock.now_us()
    assert not fired.wait(0.05)
    clock.advance(0)
    assert fired.is_set()


def test_what_was_cancelled_does_not_run(clock: SimulationClock) -> None:
    seen: list[str] = []
    first = clock.call_later(10, lambda: seen.append("first"))
    second = clock.call_later(20, lambda: seen.append("second"))
    clock.call_later(10, lambda: seen.append(str(second.cancel())))
    assert first.pending and first.cancel() and not first.pending
    assert not first.cancel()
    clock.advance(60)
    assert seen == ["True"]
    assert clock.waiting == 0


def test_a_timer_that_ran_cannot_be_cancelled(clock: SimulationClock) -> None:
    timer = clock.call_later(1, lambda: None)
    clock.advance(1)
    assert not timer.cancel()


def test_a_timer_that_fails_stops_no_other(clock: SimulationClock, caplog: pytest.LogCaptureFixture) -> None:
    seen: list[str] = []
    clock.call_later(1, lambda: 1 / 0)
    clock.call_later(2, lambda: seen.append("second"))
    clock.advance(5)
    assert seen == ["second"]
    assert "a timer of the simulation clock failed" in caplog.text


def test_cancelled_timers_leave_the_heap(clock: SimulationClock) -> None:
    kept = clock.call_later(7200, lambda: None)
    for _ in range(5000):
        clock.call_later(3600, lambda: None).cancel()
    assert clock.waiting == 1
    assert len(clock._timers._heap) < 1000
    assert kept.pending


def test_timers_of_the_wall_run_by_themselves() -> None:
    clock = SimulationClock()
    seen: list[tuple[str, int]] = []
    begun = clock.now_us()
    clock.call_later(0.06, lambda: seen.append(("b", clock.now_us())))
    clock.call_later(0.02, lambda: seen.append(("a", clock.now_us())))
    assert eventually(lambda: len(seen) == 2)
    (first, at), (second, later) = seen
    assert (first, second) == ("a", "b")
    assert at - begun >= 20_000
    assert later - begun >= 60_000


def test_a_change_of_speed_arms_timers_anew() -> None:
    clock = SimulationClock()
    fired = threading.Event()
    clock.call_later(3600, fired.set)
    assert not fired.wait(0.02)
    clock.scale(3600 * 100)
    assert fired.wait(5)


def test_a_clock_that_stands_holds_timers_until_it_runs() -> None:
    clock = SimulationClock()
    fired = threading.Event()
    clock.call_later(0.03, fired.set)
    clock.freeze()
    assert not fired.wait(0.1)
    clock.resume()
    assert fired.wait(5)


def test_the_thread_of_a_clock_ends_when_nothing_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_S", 0.02)
    clock = SimulationClock()
    assert clock._driver is None
    fired = threading.Event()
    clock.call_later(0.01, fired.set)
    assert fired.wait(5)
    assert eventually(lambda: clock._driver is None)
    again = threading.Event()
    clock.call_later(0.01, again.set)
    assert again.wait(2)
    clock.freeze()
    clock.call_later(60, lambda: None)
    assert eventually(lambda: clock._driver is None)


def test_a_closed_clock_keeps_no_thread() -> None:
    clock = SimulationClock()
    timer = clock.call_later(3600, lambda: None)
    timer.cancel()
    assert clock._driver is not None
    clock.close()
    assert eventually(lambda: clock._driver is None, 1)
    fired = threading.Event()
    clock.call_later(0.01, fired.set)
    assert fired.wait(5)


# Tasks


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
        await asyncio.wait_for(task, 5)
        return before

    assert asyncio.run(run()) is False


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
    with loop_thread() as loop:
        for seconds in range(1, 11):
            clock.call_later(seconds, lambda: go_on.wait(10), loop)
        begun = time.monotonic()
        clock.advance(60)
        assert time.monotonic() - begun < 2
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
    assert late[25] < 0.02


# Threads


def test_a_thread_waits_until_its_time(clock: SimulationClock) -> None:
    done: list[bool] = []
    thread = threading.Thread(target=lambda: done.append(clock.wait(60)))
    thread.start()
    assert eventually(lambda: clock.waiting == 1)
    clock.advance(59)
    assert done == []
    clock.advance(1)
    thread.join(5)
    assert done == [False]
    assert clock.waiting == 0


def test_a_thread_waits_until_its_predicate(clock: SimulationClock) -> None:
    over = threading.Event()
    threading.Timer(0.03, over.set).start()
    assert clock.wait(3600, until=over.is_set)
    assert clock.wait(None, until=over.is_set)
    assert clock.wait(0, until=over.is_set)
    assert not clock.wait(0)
    assert clock.waiting == 0


def test_a_thread_waits_for_a_condition(clock: SimulationClock) -> None:
    items: list[int] = []
    changed = threading.Condition()
    got: list[bool] = []

    def taker() -> None:
        with changed:
            got.append(clock.wait(60, until=lambda: bool(items), condition=changed))
            items.clear()
            got.append(clock.wait(60, until=lambda: bool(items), condition=changed))

    thread = threading.Thread(target=taker)
    thread.start()
    assert eventually(lambda: clock.waiting == 1)
    with changed:
        items.append(1)
        changed.notify_all()
    assert eventually(lambda: got == [True] and clock.waiting == 1)
    clock.advance(60)
    thread.join(5)
    assert got == [True, False]


def test_threads_have_returned_from_their_wait_before_time_goes_on(clock: SimulationClock) -> None:
    seen: list[int] = []

    def waiter() -> None:
        clock.wait(10)
        seen.append(clock.now_us() - NOON_US)

    threads = [threading.Thread(target=waiter) for _ in range(8)]
    for thread in threads:
        thread.start()
    assert eventually(lambda: clock.waiting == 8)
    clock.advance(10)
    for thread in threads:
        thread.join(5)
    assert all(10 * S <= us < 10 * S + 100 for us in seen)
    assert len(seen) == 8


# Work that takes no time


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


# Size and speed


def test_seven_days_with_ten_thousand_timers_take_less_than_a_second(clock: SimulationClock) -> None:
    seen: list[int] = []
    for n in range(10_000):
        clock.call_later((n * 7919 % 10_000) * 60, lambda: seen.append(clock.now_us()))
    begun = time.perf_counter()
    clock.advance("7d")
    assert time.perf_counter() - begun < 1
    assert len(seen) == 10_000
    assert seen == sorted(seen)


def test_a_hundred_thousand_sleepers(clock: SimulationClock) -> None:
    woken = 0

    async def run() -> float:
        async def one(n: int) -> None:
            nonlocal woken
            await clock.sleep(1 + n % 100)
            woken += 1

        tasks = [asyncio.create_task(one(n)) for n in range(100_000)]
        while clock.waiting < 100_000:
            await asyncio.sleep(0)
        begun = time.perf_counter()
        await clock.advance_async("7d")
        took = time.perf_counter() - begun
        assert all(task.done() for task in tasks)
        return took

    assert asyncio.run(run()) < 20
    assert woken == 100_000


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("timer"), st.integers(-5, 500)),
        st.tuples(st.just("nested"), st.integers(0, 300)),
        st.tuples(st.just("cancel"), st.integers(0, 30)),
        st.tuples(st.just("advance"), st.integers(0, 400)),
        st.tuples(st.just("scale"), st.sampled_from([0.001, 1, 50, 1e6])),
        st.tuples(st.just("freeze"), st.just(0)),
        st.tuples(st.just("resume"), st.just(0)),
        st.tuples(st.just("set_time"), st.integers(0, 400)),
        st.tuples(st.just("read"), st.integers(1, 20)),
    ),
    max_size=40,
)


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_time_is_monotonic_and_each_timer_runs_once_in_due_order(steps: list[tuple[str, float]]) -> None:
    clock = SimulationClock(NOON, rate=0)
    runs: list[tuple[int, int]] = []
    readings: list[int] = []
    timers: dict[int, module.Timer] = {}
    dues: dict[int, int] = {}
    cancelled: set[int] = set()

    def read() -> int:
        readings.append(clock.now_us())
        return readings[-1]

    def add(seconds: float, nested: bool = False) -> None:
        number = len(dues)
        dues[number] = 0

        def run() -> None:
            runs.append((number, clock.now_us()))
            if nested:
                add(7)

        timers[number] = clock.call_later(seconds, run)
        dues[number] = timers[number].due_us

    for what, amount in steps:
        match what:
            case "timer" | "nested":
                add(amount, what == "nested")
            case "cancel" if timers:
                number = int(amount) % len(timers)
                if timers[number].cancel():
                    cancelled.add(number)
            case "advance":
                before = read()
                clock.advance(amount)
                assert read() - before >= amount * S
            case "scale":
                clock.scale(amount)
            case "freeze" | "resume":
                getattr(clock, what)()
            case "set_time":
                clock.freeze()
                clock.set_time(read() + int(amount * S))
            case "read":
                for _ in range(int(amount)):
                    read()
    clock.freeze()
    clock.advance("1d")
    read()
    assert eventually(lambda: len(runs) == len(dues) - len(cancelled))
    assert readings == sorted(set(readings))
    assert sorted(number for number, _ in runs) == sorted(set(dues) - cancelled)
    at = [us for _, us in runs]
    assert at == sorted(set(at))
    assert all(us >= dues[number] for number, us in runs)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 1000), min_size=1, max_size=60), st.lists(st.integers(0, 300), max_size=8))
def test_timers_of_a_clock_that_stands_run_sorted_by_time(delays: list[int], moves: list[int]) -> None:
    clock = SimulationClock(NOON, rate=0)
    runs: list[int] = []
    for n, seconds in enumerate(delays):
        clock.call_later(seconds, lambda n=n: runs.append(n))
    for seconds in moves:
        clock.advance(seconds)
    due = sorted((s, n) for n, s in enumerate(delays) if s <= sum(moves))
    assert runs == [n for _, n in due]
    clock.advance("1d")
    assert runs == [n for _, n in sorted((s, n) for n, s in enumerate(delays))]
