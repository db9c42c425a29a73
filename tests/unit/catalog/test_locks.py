"""Locks by name: re-entrant, in one order, given up when cancelled."""

from __future__ import annotations

import gc
import threading

import pytest

from bqsim.catalog.locks import Locks


def test_a_thread_may_hold_a_lock_twice_and_others_wait() -> None:
    locks, order = Locks(), []
    inside = threading.Event()

    def other() -> None:
        inside.set()
        with locks.hold(("b", "a")):
            order.append("other")

    thread = threading.Thread(target=other)
    with locks.hold(("a", "b")), locks.hold(("b",)):
        thread.start()
        assert inside.wait(10)
        order.append("first")
    thread.join(10)
    assert order == ["first", "other"]


def test_who_is_cancelled_waits_no_more() -> None:
    locks = Locks()
    held, done = threading.Event(), threading.Event()

    def holder() -> None:
        with locks.hold(("a",)):
            held.set()
            done.wait(10)

    thread = threading.Thread(target=holder)
    thread.start()
    assert held.wait(10)
    with pytest.raises(InterruptedError), locks.hold(("a",), lambda: True):
        raise AssertionError("the lock is taken")
    done.set()
    thread.join(10)


def test_locks_that_nobody_holds_are_forgotten() -> None:
    locks = Locks()
    with locks.hold(("a",)):
        assert len(locks._locks) == 1
    gc.collect()
    assert len(locks._locks) == 0
