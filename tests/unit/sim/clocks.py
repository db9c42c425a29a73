"""Helpers for tests of time."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bqsim.sim.clock import epoch_us
from tests.waiting import PATIENCE_S

NOON = "2026-03-01T12:00:00Z"
NOON_US = epoch_us(NOON)
S = 1_000_000
DAY = 86_400 * S


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


def eventually(condition: Callable[[], object], timeout_s: float = PATIENCE_S) -> bool:
    end = time.monotonic() + timeout_s
    while not condition() and time.monotonic() < end:
        time.sleep(0.002)
    return bool(condition())
