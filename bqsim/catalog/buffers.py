"""Streaming buffers: which rows of stored tables were streamed a short while ago.

The service keeps such rows in a buffer for minutes, up to 90. Queries see them at once, in no partition of a
table by ingestion time. Those of ``tabledata.insertAll`` are closed: DML may not change them;
``tabledata.list``, copies, snapshots and clones do not see them. Those of the Storage Write API are open to
all of that. Here a row is in the buffer while the commit that it came by is one of the buffer's; the flush
moves nothing, it only lets go of commits once their time has come.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from bqsim.sim.clock import Clock

from .resources import Table

# Page "Transform data with data manipulation language": streamed rows are closed to DML for 30 minutes.
BUFFER_S = 30 * 60.0
# Commits within this part of the span are flushed together, with the first of them.
_PART = 10


@dataclass(frozen=True, slots=True)
class Buffer:
    """What one table's buffer holds: rows of the commits within ``runs`` (first, last; microseconds), of
    which those within ``open`` are of the Storage Write API."""

    oldest_us: int
    runs: tuple[tuple[int, int], ...]
    open: frozenset[tuple[int, int]] = frozenset()

    def holds(self, begin: str) -> str:
        """The engine condition that a row is in the buffer, by the column of the commit that it came by."""
        return _within(begin, self.runs)

    def closed(self, begin: str) -> str:
        """The same of rows that are closed; empty when none are."""
        return _within(begin, [run for run in self.runs if run not in self.open])


def _within(begin: str, runs: Sequence[tuple[int, int]]) -> str:
    conditions = " OR ".join(f"{begin} BETWEEN {first} AND {last}" for first, last in runs)
    return f"({conditions})" if conditions else ""


@dataclass(slots=True)
class _Run:
    first_us: int
    last_us: int
    open: bool


@dataclass(slots=True)
class _Part:
    first_us: int
    runs: list[_Run] = field(default_factory=list)


class StreamingBuffers:
    """The buffers of all tables, by engine table; rows leave ``span_s`` of the clock's time after they came.

    In memory only: after a restart all rows are flushed. ``span_s`` 0 is for no buffers at all. Thread safe.
    """

    def __init__(self, clock: Clock, span_s: float = BUFFER_S) -> None:
        self._clock = clock
        self.span_s = span_s
        self._lock = threading.Lock()
        self._parts: dict[str, list[_Part]] = {}
        # All parts in the order in which they came: that of their flushes.
        self._due: deque[tuple[int, str]] = deque()

    def add(self, engine_table: str, version: int, follows: int, *, open_: bool = False) -> None:
        """Rows have been streamed by the commit ``version`` (epoch microseconds), right after ``follows``;
        ``open_``: by the Storage Write API."""
        if self.span_s <= 0:
            return
        with self._lock:
            parts = self._parts.setdefault(engine_table, [])
            if not parts or version - parts[-1].first_us > self._span_us() // _PART:
                self._flush(version)
                parts = self._parts.setdefault(engine_table, [])
                parts.append(_Part(version))
                self._due.append((version, engine_table))
            runs = parts[-1].runs
            if runs and runs[-1].last_us == follows and runs[-1].open == open_:
                runs[-1].last_us = version
            else:
                runs.append(_Run(version, version, open_))

    def find(self, engine_table: str) -> Buffer | None:
        """What the buffer of a table holds now; None when there is nothing in it."""
        if engine_table not in self._parts:
            return None
        now_us = self._clock.now_us()
        with self._lock:
            self._flush(now_us)
            parts = self._parts.get(engine_table)
            if not parts:
                return None
            runs = [run for part in parts for run in part.runs]
            return Buffer(
                parts[0].first_us,
                tuple((run.first_us, run.last_us) for run in runs),
                frozenset((run.first_us, run.last_us) for run in runs if run.open),
            )

    def concern(self, table: Table) -> bool:
        """Whether there is anything in the buffer of ``table``."""
        return table.storage is not None and self.find(table.storage.engine_table) is not None

    def _span_us(self) -> int:
        return round(self.span_s * 1_000_000)

    def _flush(self, now_us: int) -> None:
        """Let go of the parts whose time has come."""
        before_us = now_us - self._span_us()
        while self._due and self._due[0][0] <= before_us:
            first_us, engine_table = self._due.popleft()
            left = [part for part in self._parts.get(engine_table, ()) if part.first_us > first_us]
            if left:
                self._parts[engine_table] = left
            else:
                self._parts.pop(engine_table, None)
