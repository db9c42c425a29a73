from __future__ import annotations

import threading

from bqsim.sim.clock import SimulationClock
from tests.unit.sim.clocks import NOON_US, S, eventually
from tests.waiting import PATIENCE_S


def test_a_thread_waits_until_its_time(clock: SimulationClock) -> None:
    done: list[bool] = []
    thread = threading.Thread(target=lambda: done.append(clock.wait(60)))
    thread.start()
    assert eventually(lambda: clock.waiting == 1)
    clock.advance(59)
    assert done == []
    clock.advance(1)
    thread.join(PATIENCE_S)
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
    thread.join(PATIENCE_S)
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
        thread.join(PATIENCE_S)
    assert all(10 * S <= us < 10 * S + 100 for us in seen)
    assert len(seen) == 8
