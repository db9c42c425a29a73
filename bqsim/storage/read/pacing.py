"""The messages of one ReadRows call as a plan has them: cut, delayed, throttled, broken off."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from bqsim.sim.effects.streams import StreamPlan

from .messages import throttled

if TYPE_CHECKING:
    from bqsim.sim.clock import Clock


class Pace:
    """Where a call is in its stream, and what befalls the next message."""

    def __init__(self, plan: StreamPlan, clock: Clock, offset: int, cancelled: Callable[[], bool]) -> None:
        """``offset`` is the row of the stream that comes first."""
        self._plan = plan
        self._clock = clock
        self._offset = offset
        self._cancelled = cancelled
        self._throttle = b"" if plan.throttle_percent is None else throttled(plan.throttle_percent)
        self._rows = 0
        self._bytes = 0
        self._first = True

    def cut(self, rows: int) -> Sequence[int]:
        """The rows of each message that is to carry the next ``rows`` rows; fewer in all at a break."""
        return tuple(self._plan.parts(self._offset + self._rows, self._rows, rows))

    def message(self, message: bytes, rows: int) -> bytes:
        """The next message as it is to go, once it may. Raises what takes its place."""
        at = self._offset + self._rows
        failure = self._plan.events(at, rows, self._bytes, len(message))
        if failure is not None:
            raise failure
        seconds = self._plan.delay_s(self._first, rows, len(message))
        if seconds > 0:
            self._clock.wait(seconds, self._cancelled)
        self._first = False
        self._rows += rows
        self._bytes += len(message)
        return message + self._throttle if self._throttle else message

    def check(self) -> None:
        """Raise what ends the stream here."""
        failure = self._plan.broken(self._rows)
        if failure is not None:
            raise failure
