"""The journal as one scope sees it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import TextIO

from bqsim.sim.journal import (
    CallEvent,
    ControlEvent,
    Event,
    Follower,
    JobEvent,
    Journal,
    LedgerEntry,
    canonical_hash,
    to_json,
)
from bqsim.sim.journal.book import write_lines


class JournalView:
    """What a journal holds of one scope, or (scope '') of all; ``clear`` leaves others' events alone."""

    def __init__(self, journal: Journal, scope: str = "", since: int = 0) -> None:
        self.journal = journal
        self.scope = scope
        self.since = since

    def events(self, since: int = 0) -> list[Event]:
        """The events from a position on, oldest first."""
        return list(self._of(self.journal.events(max(since, self.since))))

    def read(self, since: int = 0, limit: int | None = None) -> tuple[list[Event], int]:
        """Up to ``limit`` events from a position on, and the position to read on from."""
        position = max(since, self.since)
        if not self.scope:
            return self.journal.read(position, limit)
        found: list[Event] = []
        while limit is None or len(found) < limit:
            events, after = self.journal.read(position, None if limit is None else limit - len(found))
            found += self._of(events)
            if after == position or limit is None:
                return found, after
            position = after
        return found, position

    def call(self, call_id: str) -> CallEvent | None:
        """The call that an ``x-bqsim-explain`` id names."""
        found = self.journal.call(call_id)
        return found if found is not None and self._has(found) else None

    def calls(self, method: str = "*", *, since: int = 0) -> list[CallEvent]:
        """The calls of a method (a glob over API method ids), in the order of their answers."""
        return self.journal.calls(method, since=max(since, self.since), scope=self.scope or None)

    def jobs(self, job_id: str | None = None, *, since: int = 0) -> list[JobEvent]:
        """The moves of a job, or of all."""
        return [e for e in self.events(since) if type(e) is JobEvent and job_id in (None, e.job_id)]

    def controls(self, *, since: int = 0) -> list[ControlEvent]:
        """The changes of the simulation."""
        return [e for e in self.events(since) if type(e) is ControlEvent]

    def ledger(self, *, since: int = 0) -> list[LedgerEntry]:
        """What each attempt at a write truly did."""
        return self.journal.ledger(since=max(since, self.since), scope=self.scope or None)

    def methods(self) -> dict[str, int]:
        """How many calls there are of each method."""
        found: dict[str, int] = {}
        for call in self.calls():
            found[call.method] = found.get(call.method, 0) + 1
        return dict(sorted(found.items()))

    @property
    def position(self) -> int:
        """The position of the next event; a mark to read on from."""
        return self.journal.position

    @property
    def dropped(self) -> int:
        """How many events were dropped for want of room, of all scopes."""
        return self.journal.dropped

    def follow(self, limit: int = 10_000) -> Follower:
        """An iterator over the events from now on, for another thread; close it when done."""
        follower = Follower(limit)

        def put(event: Event) -> None:
            if self._has(event):
                follower.put(event)

        follower.ended = self.journal.subscribe(put)
        return follower

    def clear(self) -> None:
        """Forget the events; within a scope only its own view of them."""
        if self.scope:
            self.since = self.journal.position
        else:
            self.journal.clear()

    def hash(self, since: int = 0) -> str:
        """One number for a run; equal for runs in which every request got the same answers."""
        return canonical_hash(self.events(since))

    def lines(self, since: int = 0) -> Iterator[str]:
        """The events as JSON lines, without line ends."""
        for event in self.events(since):
            yield json.dumps(to_json(event), ensure_ascii=False, separators=(",", ":"))

    def export(self, file: TextIO, since: int = 0) -> int:
        """Write the events as JSON lines; returns how many."""
        return write_lines(self.lines(since), file)

    def __len__(self) -> int:
        return len(self.events()) if self.scope or self.since else len(self.journal)

    def __iter__(self) -> Iterator[Event]:
        return iter(self.events())

    def _has(self, event: Event) -> bool:
        return not self.scope or event.scope == self.scope

    def _of(self, events: Iterable[Event]) -> Iterable[Event]:
        return events if not self.scope else (e for e in events if e.scope == self.scope)
