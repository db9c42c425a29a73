"""The counters in use: made when first charged, dropped when nothing of them is used any more."""

from __future__ import annotations

import heapq
from collections.abc import Iterator

from .buckets import Bucket, DayCount
from .days import Days
from .model import Kind, Limit

Key = tuple[str, ...]
SECOND_US = 1_000_000
# How many counters one charge looks at: more than it adds, so that the rest is dropped soon.
SWEEP = 64


class Store:
    """Counters by key. Not thread-safe; memory follows the keys that are not back at zero."""

    def __init__(self) -> None:
        self._counters: dict[Key, Bucket | DayCount] = {}
        self._due: list[tuple[int, Key]] = []
        self._days = Days()

    def __len__(self) -> int:
        return len(self._counters)

    def get(self, limit: Limit, key: Key, amount: int, now_us: int) -> Bucket | DayCount:
        """The counter at ``now_us``; it is kept only by :meth:`keep`."""
        counter = self._counters.get(key)
        if limit.kind is Kind.DAY:
            _, end_us = self._days.of(now_us)
            if not isinstance(counter, DayCount):
                return DayCount(amount, end_us)
            counter.settle(amount, now_us, end_us)
            return counter
        if not isinstance(counter, Bucket):
            return Bucket(amount, limit.period_s * SECOND_US, now_us)
        counter.settle(amount, now_us)
        return counter

    def keep(self, key: Key, counter: Bucket | DayCount) -> None:
        """Keep a counter that was charged."""
        if key not in self._counters:
            self._counters[key] = counter
            heapq.heappush(self._due, (_idle_us(counter), key))

    def sweep(self, now_us: int, most: int = SWEEP) -> None:
        """Drop counters that are back at zero, looking at no more than ``most`` of them."""
        due = self._due
        while due and due[0][0] <= now_us and most > 0:
            most -= 1
            _, key = heapq.heappop(due)
            counter = self._counters[key]
            idle_us = _idle_us(counter)
            if idle_us <= now_us:
                del self._counters[key]
            else:
                heapq.heappush(due, (idle_us, key))

    def items(self, now_us: int) -> Iterator[tuple[Key, Bucket | DayCount]]:
        """Every counter that is not at zero at ``now_us``."""
        self.sweep(now_us, len(self._due))
        return iter(self._counters.items())

    def clear(self) -> None:
        self._counters.clear()
        self._due.clear()


def _idle_us(counter: Bucket | DayCount) -> int:
    return counter.idle_us if isinstance(counter, Bucket) else counter.end_us
