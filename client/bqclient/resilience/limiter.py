"""How much is sent at a time: a token bucket for calls, places for interactive queries."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager, nullcontext

from bqclient.errors import RateLimitError
from bqclient.runtime import Deadline, Runtime


class RateLimiter:
    """A token bucket: ``rate`` calls a second on average, ``burst`` at once."""

    def __init__(self, runtime: Runtime, rate: float, burst: int) -> None:
        self._runtime, self.rate, self.burst = runtime, rate, float(burst)
        self._tokens = self.burst
        self._at = runtime.monotonic()

    async def take(self, deadline: Deadline) -> float:
        """Wait for a call's turn; the seconds waited.

        Raises RateLimitError when its turn comes after the deadline: the call was not sent.
        """
        now = self._runtime.monotonic()
        self._tokens = min(self.burst, self._tokens + (now - self._at) * self.rate)
        self._at = now
        wait = max(0.0, (1 - self._tokens) / self.rate)
        if not deadline.allows(wait):
            raise RateLimitError(
                f"This client's own limit of {self.rate:g} calls a second would hold the call back for "
                f"{wait:.1f} s, which is after its deadline.",
                retry_after=wait,
            )
        # Taken now, so that those who come later wait longer: turns are in order of coming.
        self._tokens -= 1
        if wait:
            await self._runtime.sleep(wait)
        return wait


class Throttle:
    """Places for interactive queries; BATCH ones need none."""

    def __init__(self, places: int) -> None:
        self.places = places
        self._free = asyncio.Semaphore(places)

    def place(self, *, batch: bool = False) -> AbstractAsyncContextManager[None]:
        """``async with`` it to hold a place while a query runs."""
        return _FREE if batch else self._free

    @property
    def full(self) -> bool:
        """Whether the next query has to wait."""
        return self._free.locked()


_FREE: AbstractAsyncContextManager[None] = nullcontext()
