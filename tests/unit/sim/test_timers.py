from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from bqsim.sim import clock as module
from bqsim.sim.clock import SimulationClock
from tests.unit.sim.clocks import NOON_US, S, eventually
from tests.waiting import PATIENCE_S


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
    assert fired.wait(PATIENCE_S)


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
    assert fired.wait(PATIENCE_S)


def test_a_clock_that_stands_holds_timers_until_it_runs() -> None:
    clock = SimulationClock()
    fired = threading.Event()
    clock.call_later(3600, fired.set)
    clock.freeze()
    clock.advance(3599.95)
    assert not fired.wait(0.1)
    clock.resume()
    assert fired.wait(PATIENCE_S)


def test_the_thread_of_a_clock_ends_when_nothing_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_S", 0.02)
    clock = SimulationClock()
    assert clock._driver is None
    fired = threading.Event()
    clock.call_later(0.01, fired.set)
    assert fired.wait(PATIENCE_S)
    assert eventually(lambda: clock._driver is None)
    again = threading.Event()
    clock.call_later(0.01, again.set)
    assert again.wait(PATIENCE_S)
    clock.freeze()
    clock.call_later(60, lambda: None)
    assert eventually(lambda: clock._driver is None)


def test_a_closed_clock_keeps_no_thread() -> None:
    clock = SimulationClock()
    timer = clock.call_later(3600, lambda: None)
    timer.cancel()
    assert clock._driver is not None
    clock.close()
    assert eventually(lambda: clock._driver is None)
    fired = threading.Event()
    clock.call_later(0.01, fired.set)
    assert fired.wait(PATIENCE_S)
