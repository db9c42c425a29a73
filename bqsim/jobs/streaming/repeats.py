"""Rows that were sent again: the ``insertId`` of each is remembered for about a minute."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Hashable, Sequence

from bqsim.sim.clock import Clock

# Page "Storage Write API (REST)": best-effort de-duplication covers at least a minute.
WINDOW_S = 60.0
# Of all tables together; the oldest are forgotten first, as the service forgets under load.
MAX_IDS = 1_000_000


class InsertIds:
    """The insertIds of the last minute of the clock's time, apart for each ``stream`` of rows.

    Thread safe.
    """

    def __init__(self, clock: Clock, window_s: float = WINDOW_S, capacity: int = MAX_IDS) -> None:
        self._clock = clock
        self._window_us = round(window_s * 1_000_000)
        self._capacity = capacity
        self._lock = threading.Lock()
        self._seen: dict[Hashable, set[str]] = {}
        # What was added, in order: when it is forgotten, for which stream.
        self._added: deque[tuple[int, Hashable, set[str]]] = deque()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def claim(self, stream: Hashable, ids: Sequence[str]) -> list[int] | None:
        """Remember ``ids``; the positions of those that are new, None when all are. Empty ones always are.

        Who cannot store the rows after all calls :meth:`release`.
        """
        now_us = self._clock.now_us()
        new = set(ids)
        new.discard("")
        with self._lock:
            self._forget(now_us)
            if not new:
                return None
            seen = self._seen.setdefault(stream, set())
            fresh = None
            if not seen.isdisjoint(new) or len(new) + ids.count("") < len(ids):
                fresh = _first_ones(ids, seen)
                new -= seen
            if new:
                seen |= new
                self._added.append((now_us + self._window_us, stream, new))
                self._count += len(new)
            return fresh

    def release(self, stream: Hashable, ids: Sequence[str]) -> None:
        """Forget ids whose rows were not stored."""
        with self._lock:
            self._seen.get(stream, set()).difference_update(ids)

    def forget_since(self, time_us: int) -> None:
        """Forget the ids that came after ``time_us`` (epoch microseconds)."""
        with self._lock:
            while self._added and self._added[-1][0] - self._window_us > time_us:
                self._drop(*self._added.pop()[1:])

    def _forget(self, now_us: int) -> None:
        while self._added and (self._added[0][0] <= now_us or self._count > self._capacity):
            self._drop(*self._added.popleft()[1:])

    def _drop(self, stream: Hashable, ids: set[str]) -> None:
        self._count -= len(ids)
        seen = self._seen.get(stream)
        if seen is not None:
            seen -= ids
            if not seen:
                del self._seen[stream]


def _first_ones(ids: Sequence[str], seen: set[str]) -> list[int]:
    """The positions of ids that are neither in ``seen`` nor earlier among ``ids``."""
    here: set[str] = set()
    fresh = []
    for position, id_ in enumerate(ids):
        if id_ and (id_ in seen or id_ in here):
            continue
        here.add(id_)
        fresh.append(position)
    return fresh
