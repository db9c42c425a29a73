"""The clock behind every time that the simulator shows or uses."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Protocol


class Clock(Protocol):
    """Time in microseconds since the Unix epoch (UTC)."""

    def now_us(self) -> int: ...

    async def sleep(self, seconds: float) -> None:
        """Wait until ``seconds`` of this clock's time have passed."""
        ...


class RealClock:
    """Wall time, made strictly increasing so that every reading can order events."""

    def __init__(self) -> None:
        self._last = 0
        self._lock = threading.Lock()

    def now_us(self) -> int:
        with self._lock:
            self._last = max(self._last + 1, time.time_ns() // 1000)
            return self._last

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def now_ms(clock: Clock) -> int:
    """Milliseconds since the epoch, the unit of the REST API's times."""
    return clock.now_us() // 1000
