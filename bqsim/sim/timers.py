"""What waits for a time: a heap of timers, of which each runs once or is cancelled."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

log = logging.getLogger(__name__)

# Cancelled timers stay in the heap until so many have gathered that a sweep costs little for each.
SWEEP_MIN = 256


class Timer:
    """A callback that waits for its time; ``loop`` is the event loop that it is to run on, if any."""

    __slots__ = ("_callback", "_queue", "_queued", "due_us", "loop")

    def __init__(
        self,
        queue: TimerQueue,
        due_us: int,
        callback: Callable[[], object],
        loop: asyncio.AbstractEventLoop | None,
    ) -> None:
        self.due_us = due_us
        self.loop = loop
        self._callback: Callable[[], object] | None = callback
        self._queue = queue
        self._queued = True

    @property
    def pending(self) -> bool:
        """Whether it neither ran nor was cancelled."""
        return self._callback is not None

    def cancel(self) -> bool:
        """Keep the callback from running, from any thread; False when it ran, runs or was cancelled."""
        with self._queue.lock:
            if self._callback is None:
                return False
            self._callback = None
            if self._queued:
                self._queue.forget_one()
            return True

    def run(self) -> None:
        """Run the callback unless it ran or was cancelled; an exception of it is logged."""
        with self._queue.lock:
            callback, self._callback = self._callback, None
        if callback is None:
            return
        try:
            callback()
        except Exception:
            log.exception("a timer of the simulation clock failed")

    def leave(self) -> bool:
        """Note that it is no longer in the heap; whether it is still to run."""
        self._queued = False
        return self._callback is not None


class TimerQueue:
    """Timers by due time, equal ones as they came; callers hold ``lock``."""

    def __init__(self, lock: AbstractContextManager[Any]) -> None:
        self.lock = lock
        self._heap: list[tuple[int, int, Timer]] = []
        self._numbers = itertools.count()
        self._cancelled = 0

    def __len__(self) -> int:
        return len(self._heap) - self._cancelled

    def add(
        self, due_us: int, callback: Callable[[], object], loop: asyncio.AbstractEventLoop | None
    ) -> Timer:
        timer = Timer(self, due_us, callback, loop)
        heapq.heappush(self._heap, (due_us, next(self._numbers), timer))
        return timer

    def first_us(self) -> int | None:
        """When the first timer is due."""
        while self._heap and not self._heap[0][2].pending:
            heapq.heappop(self._heap)[2].leave()
            self._cancelled -= 1
        return self._heap[0][0] if self._heap else None

    def take(self, until_us: int, limit: int, *, same: bool) -> list[Timer]:
        """Take timers due by ``until_us``, the first first; with ``same`` only those due with the first."""
        out: list[Timer] = []
        first = self.first_us()
        if first is None:
            return out
        last = min(first, until_us) if same else until_us
        while self._heap and self._heap[0][0] <= last and len(out) < limit:
            timer = heapq.heappop(self._heap)[2]
            if timer.leave():
                out.append(timer)
            else:
                self._cancelled -= 1
        return out

    def forget_one(self) -> None:
        """Count a cancelled timer, and drop all of them when they are the most."""
        self._cancelled += 1
        if self._cancelled > SWEEP_MIN and self._cancelled * 2 > len(self._heap):
            kept = []
            for item in self._heap:
                if item[2].pending:
                    kept.append(item)
                else:
                    item[2].leave()
            heapq.heapify(kept)
            self._heap = kept
            self._cancelled = 0


def run_due(timers: list[Timer]) -> set[asyncio.AbstractEventLoop]:
    """Run timers that are due, each where it belongs; the loops that got some."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Timer]] = {}
    for timer in timers:
        if timer.loop is None:
            timer.run()
        else:
            by_loop.setdefault(timer.loop, []).append(timer)
    loops = set()
    for loop, group in by_loop.items():
        try:
            loop.call_soon_threadsafe(_run_all, group)
        except RuntimeError:
            # The loop was closed, with all that waited on it.
            continue
        loops.add(loop)
    return loops


def _run_all(timers: list[Timer]) -> None:
    for timer in timers:
        timer.run()
