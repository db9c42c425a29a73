"""Tables whose partitions expire: which are to be looked at, as rows have come or time has passed."""

from __future__ import annotations

import threading

from bqsim.sim.clock import Clock

from .refs import TableRef
from .resources import Table, TableKind

_NEVER = 2**63


class ExpiringPartitions:
    """When the next partition of each table expires, as far as it was looked at. Thread safe.

    In memory only: after a restart all tables are looked at again.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._due: dict[TableRef, int] = {}
        self._noted: dict[TableRef, Table] = {}
        self._next = _NEVER

    def note(self, table: Table) -> None:
        """A table was put: with another expiration, or with other rows."""
        time = table.time_partitioning
        expires = time is not None and bool(time.expiration_ms) and table.kind is TableKind.TABLE
        if not expires and table.ref not in self._due:
            return
        with self._lock:
            if expires:
                self._due[table.ref] = self._next = 0
                self._noted[table.ref] = table
            else:
                self._forget(table.ref)

    def pending(self) -> list[TableRef]:
        """The tables to be looked at now."""
        now_us = self._clock.now_us()
        if now_us < self._next:
            return []
        with self._lock:
            return [ref for ref, due_us in self._due.items() if due_us <= now_us]

    def concern(self, table: Table) -> bool:
        """Whether partitions of ``table`` may have expired that still have rows."""
        return self._clock.now_us() >= self._next and table.ref in self.pending()

    def looked_at(self, table: Table, next_us: int | None) -> None:
        """A table was looked at: its next partition expires at ``next_us`` (epoch microseconds; None: none
        does). Not when it was put again meanwhile."""
        with self._lock:
            if self._noted.get(table.ref) is table:
                self._due[table.ref] = _NEVER if next_us is None else next_us
            self._next = min(self._due.values(), default=_NEVER)

    def forget(self, ref: TableRef) -> None:
        """A table is gone."""
        with self._lock:
            self._forget(ref)
            self._next = min(self._due.values(), default=_NEVER)

    def _forget(self, ref: TableRef) -> None:
        self._due.pop(ref, None)
        self._noted.pop(ref, None)
