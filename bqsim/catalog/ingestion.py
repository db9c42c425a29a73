"""How much was streamed into tables, by minute: what the timelines of INFORMATION_SCHEMA tell."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from bqsim.sim.clock import Clock

from .refs import TableRef

MINUTE_US = 60_000_000
# Pages *STREAMING_TIMELINE view* and *WRITE_API_TIMELINE view*, data retention.
HISTORY_US = 180 * 24 * 3600 * 1_000_000


@dataclass(frozen=True, slots=True)
class Minute:
    """What requests of one outcome did to a table in a minute. Times are epoch microseconds.

    ``code`` is what they were answered with, None for success; ``stream`` the type of the write stream.
    """

    start_us: int
    table: TableRef
    code: str | None
    stream: str | None
    requests: int
    rows: int
    bytes: int


_Key = tuple[int, TableRef, str | None, str | None]


class Ingestion:
    """Counts of requests by minute, table and outcome. Thread-safe; a count costs O(1)."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._counts: dict[_Key, list[int]] = {}
        self._oldest = 0
        self._lock = threading.Lock()

    def add(
        self, table: TableRef, code: str | None, *, rows: int, size: int, stream: str | None = None
    ) -> None:
        """Count one request with ``rows`` rows of ``size`` bytes."""
        now_us = self._clock.now_us()
        start = now_us // MINUTE_US * MINUTE_US
        with self._lock:
            counts = self._counts.get((start, table, code, stream))
            if counts is None:
                self._forget(now_us)
                counts = self._counts[start, table, code, stream] = [0, 0, 0]
            counts[0] += 1
            counts[1] += rows
            counts[2] += size

    def minutes(self) -> Sequence[Minute]:
        """All counts, in the order of their minutes and tables."""
        with self._lock:
            items = [(key, tuple(counts)) for key, counts in self._counts.items()]
        items.sort(key=lambda item: (item[0][0], item[0][1], item[0][2] or "", item[0][3] or ""))
        return [Minute(*key, *counts) for key, counts in items]

    def forget_since(self, time_us: int) -> None:
        """Forget the minutes after ``time_us``."""
        with self._lock:
            self._counts = {key: counts for key, counts in self._counts.items() if key[0] <= time_us}

    def _forget(self, now_us: int) -> None:
        """Let go of what is too old, at most once a day."""
        if now_us - self._oldest < HISTORY_US + 24 * 60 * MINUTE_US:
            return
        self._counts = {k: c for k, c in self._counts.items() if k[0] >= now_us - HISTORY_US}
        self._oldest = min((k[0] for k in self._counts), default=now_us)
