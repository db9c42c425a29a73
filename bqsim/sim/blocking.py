"""Threads that wait for a clock."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .clock import Clock
    from .settling import Holds

# Predicates that nobody tells about are looked at so often (wall time).
POLL_S = 0.02


def block(
    clock: Clock,
    holds: Holds,
    seconds: float | None,
    until: Callable[[], bool] | None,
    condition: threading.Condition | None,
) -> bool:
    """``clock.wait``; from being told until it returns, the thread is work that goes on."""
    if seconds is not None and seconds <= 0:
        return until is not None and until()
    if condition is not None:
        return _block(clock, holds, seconds, until, condition, None)
    own = threading.Condition()
    with own:
        return _block(clock, holds, seconds, until, own, None if until is None else POLL_S)


def _block(
    clock: Clock,
    holds: Holds,
    seconds: float | None,
    until: Callable[[], bool] | None,
    condition: threading.Condition,
    poll_s: float | None,
) -> bool:
    passed = left = False

    def ring() -> None:
        nonlocal passed
        with condition:
            if not left:
                passed = True
                holds.take()
                condition.notify_all()

    timer = None if seconds is None else clock.call_later(seconds, ring)
    try:
        while True:
            if until is not None and until():
                return True
            if passed:
                return False
            condition.wait(poll_s)
    finally:
        left = True
        if timer is not None:
            timer.cancel()
        if passed:
            holds.drop()
