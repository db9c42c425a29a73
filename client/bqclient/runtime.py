"""Time and randomness, in one place, so that tests can take them over."""

from __future__ import annotations

import asyncio
import os
import random
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

# Seeded by the system, in every process anew: ids must differ between processes that were forked.
_draws = random.Random()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_draws.seed)


class Runtime:
    """The real clock and real random numbers; subclass it to control them.

    All of the client's waits go through :meth:`sleep`, all of its ids through :meth:`unique`.
    """

    def monotonic(self) -> float:
        """Seconds of a clock that never goes back."""
        return time.monotonic()

    def now(self) -> datetime:
        """The time in UTC."""
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)

    def fraction(self) -> float:
        """A random number from 0 up to 1."""
        return _draws.random()

    def unique(self) -> str:
        """32 random hexadecimal digits."""
        return f"{_draws.getrandbits(128):032x}"


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment on a runtime's monotonic clock that holds over everything done under it, retries included."""

    runtime: Runtime = field(repr=False)
    at: float | None = None

    @classmethod
    def after(cls, runtime: Runtime, seconds: float | None) -> Deadline:
        """A deadline that many seconds from now; ``None`` never comes."""
        return cls(runtime, None if seconds is None else runtime.monotonic() + seconds)

    def remaining(self) -> float | None:
        """Seconds left, 0 when it is over; ``None`` when there is no end."""
        return None if self.at is None else max(0.0, self.at - self.runtime.monotonic())

    def allows(self, seconds: float) -> bool:
        """Whether that much time is left."""
        left = self.remaining()
        return left is None or seconds < left

    def sooner(self, seconds: float | None) -> Deadline:
        """This one, or the one that many seconds from now, whichever comes first."""
        if seconds is None:
            return self
        at = self.runtime.monotonic() + seconds
        return Deadline(self.runtime, at if self.at is None else min(at, self.at))
