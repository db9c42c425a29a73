"""The simulation clock: modes, waiting, and moving time."""

from __future__ import annotations

import asyncio
import datetime as dt
import threading
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bqsim.sim import clock as module
from bqsim.sim.clock import SimulationClock, now_ms
from bqsim.sim.timers import TimerQueue
from tests.unit.sim.clocks import DAY, NOON, NOON_US, S, eventually
from tests.waiting import PATIENCE_S


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
    # What passes is between the two readings of the wall.
    wall, begun = time.monotonic(), clock.now_us()
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
    assert fired.wait(PATIENCE_S)


def test_seven_days_with_ten_thousand_timers(clock: SimulationClock) -> None:
    seen: list[int] = []
    for n in range(10_000):
        clock.call_later((n * 7919 % 10_000) * 60, lambda: seen.append(clock.now_us()))
    clock.advance("7d")
    assert len(seen) == 10_000
    assert seen == sorted(seen)


def test_twenty_thousand_sleepers(clock: SimulationClock) -> None:
    woken = 0

    async def run() -> None:
        async def one(n: int) -> None:
            nonlocal woken
            await clock.sleep(1 + n % 100)
            woken += 1

        tasks = [asyncio.create_task(one(n)) for n in range(20_000)]
        while clock.waiting < 20_000:
            await asyncio.sleep(0)
        await clock.advance_async("7d")
        assert all(task.done() for task in tasks)

    asyncio.run(run())
    assert woken == 20_000


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


def test_threads_that_change_everything_at_once_lose_nothing() -> None:
    clock = SimulationClock(NOON)
    ran: list[int] = []
    cancelled: list[int] = []
    readings: list[list[int]] = []
    total = 3000

    def add(first: int) -> None:
        mine: list[int] = []
        readings.append(mine)
        for number in range(first, first + total):
            timer = clock.call_later(number % 97, lambda n=number: ran.append(n))
            mine.append(clock.now_us())
            if number % 5 == 0 and timer.cancel():
                cancelled.append(number)

    def control(seed: int) -> None:
        for n in range(60):
            what = (n * 7 + seed) % 5
            if what == 0:
                clock.freeze()
            elif what == 1:
                clock.scale(1 + n * 1000)
            elif what == 2:
                clock.resume()
            else:
                clock.advance(n)

    threads = [threading.Thread(target=add, args=(n * total,)) for n in range(3)]
    threads += [threading.Thread(target=control, args=(n,)) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    clock.advance("1h")
    assert eventually(lambda: len(ran) + len(cancelled) == 3 * total)
    assert sorted(ran + cancelled) == list(range(3 * total))
    together = [us for mine in readings for us in mine]
    assert all(mine == sorted(mine) for mine in readings)
    assert len(set(together)) == len(together)


def test_a_call_that_is_collected_while_timers_change_reads_the_time(
    clock: SimulationClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    add = TimerQueue.add

    class Left:
        def __del__(self) -> None:
            read.append(clock.now_us())

    def collecting(timers: TimerQueue, *given: Any) -> Any:
        Left()
        return add(timers, *given)

    monkeypatch.setattr(TimerQueue, "add", collecting)
    mover = threading.Thread(target=lambda: clock.call_later(1, int), daemon=True)
    mover.start()
    mover.join(10)
    assert not mover.is_alive()
    assert read
