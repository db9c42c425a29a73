"""The journal: a bounded, ordered record of what happened, safe to write from every thread."""

from __future__ import annotations

import fnmatch
import json
import logging
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Protocol, TextIO

from .events import CallEvent, ControlEvent, Event, JobEvent, LedgerEntry, from_json, to_json
from .follow import Follower
from .hash import canonical_hash

log = logging.getLogger(__name__)

# An event with labels, facts and decisions takes about 1 kB.
DEFAULT_CAPACITY = 50_000
# Calls whose events are made only when somebody reads them; they hold their small requests until then.
MAX_POSTPONED = 10_000

Listener = Callable[[Event], object]


class Postponed(Protocol):
    """A call or a job that is over, whose events are not made yet; ``method`` is empty for a job."""

    method: str
    scope: str

    def events(self) -> Iterable[Event]:
        """The events; asked once, in the order of the calls."""
        ...


class Journal:
    """Keeps the newest ``capacity`` events; older ones are dropped and counted.

    Every event has a position: the number of events before it, dropped and cleared ones included.
    """

    def __init__(self, capacity: int = DEFAULT_CAPACITY) -> None:
        if capacity < 1:
            raise ValueError(f"a journal keeps at least one event, not {capacity}")
        self.capacity = capacity
        self.dropped = 0
        self._first = 0
        # Calls that were dropped, by scope and method: counts of such calls are not known any more.
        self._dropped_calls: Counter[tuple[str, str]] = Counter()
        self._events: deque[Event] = deque()
        self._by_method: dict[str, deque[CallEvent]] = {}
        self._by_id: dict[str, CallEvent] = {}
        self._listeners: tuple[Listener, ...] = ()
        self._postponed: deque[Postponed] = deque()
        # Re-entrant, so that a listener may read the journal.
        self._lock = threading.RLock()

    @property
    def followed(self) -> bool:
        """Whether somebody is told of events as they come."""
        return bool(self._listeners)

    def postpone(self, call: Postponed) -> None:
        """Append the events of a call or job when they are asked for; of very many the newest are kept."""
        with self._lock:
            self._postponed.append(call)
            if self._listeners:
                self.settle()
            elif len(self._postponed) > MAX_POSTPONED:
                lost = self._postponed.popleft()
                self.dropped += 1
                self._first += 1
                self._dropped_calls[lost.scope, lost.method] += 1

    def settle(self) -> None:
        """Make the events of all calls that are over."""
        with self._lock:
            postponed, self._postponed = self._postponed, deque()
            for call in postponed:
                for event in call.events():
                    self._append(event)

    def append(self, event: Event) -> None:
        with self._lock:
            if self._postponed:
                self.settle()
            self._append(event)

    def _append(self, event: Event) -> None:
        with self._lock:
            events = self._events
            if len(events) >= self.capacity:
                self._drop(events.popleft())
            events.append(event)
            if type(event) is CallEvent:
                self._by_id[event.id] = event
                calls = self._by_method.get(event.method)
                if calls is None:
                    calls = self._by_method[event.method] = deque()
                calls.append(event)
            if self._listeners:
                self._tell(event)

    def _drop(self, event: Event) -> None:
        self.dropped += 1
        self._first += 1
        if type(event) is not CallEvent:
            return
        self._dropped_calls[event.scope, event.method] += 1
        # Calls of one method are in the order of all events: its first is the oldest of all.
        calls = self._by_method[event.method]
        calls.popleft()
        if not calls:
            del self._by_method[event.method]
        if self._by_id.get(event.id) is event:
            del self._by_id[event.id]

    def _tell(self, event: Event) -> None:
        for listener in self._listeners:
            try:
                listener(event)
            except Exception:
                # A listener that fails must not fail the call that it was told about.
                log.exception("a listener of the journal failed and is told nothing more")
                self.unsubscribe(listener)

    def __len__(self) -> int:
        self.settle()
        return len(self._events)

    @property
    def position(self) -> int:
        """The position of the next event; a mark to read on from."""
        self.settle()
        with self._lock:
            return self._first + len(self._events)

    @property
    def first(self) -> int:
        """The position of the oldest event that is left."""
        self.settle()
        return self._first

    def events(self, since: int = 0) -> list[Event]:
        """The events from position ``since`` on, oldest first."""
        with self._lock:
            self.settle()
            return list(islice(self._events, max(0, since - self._first), None))

    def read(self, since: int = 0, limit: int | None = None) -> tuple[list[Event], int]:
        """Up to ``limit`` events from position ``since`` on, and the position to read on from."""
        with self._lock:
            self.settle()
            first = max(0, since - self._first)
            found = list(islice(self._events, first, None if limit is None else first + limit))
            return found, self._first + first + len(found)

    def call(self, call_id: str) -> CallEvent | None:
        """The call that an ``x-bqsim-explain`` id names; None when it is unknown or dropped."""
        with self._lock:
            self.settle()
            return self._by_id.get(call_id)

    def calls(self, method: str = "*", *, since: int = 0, scope: str | None = None) -> list[CallEvent]:
        """The calls of a method (a glob over API method ids) in the order of their answers."""
        self.settle()
        if since <= self._first and not is_glob(method):
            with self._lock:
                found = list(self._by_method.get(method, ()))
        else:
            found = [
                e
                for e in self.events(since)
                if type(e) is CallEvent and fnmatch.fnmatchcase(e.method, method)
            ]
        return found if scope is None else [e for e in found if e.scope == scope]

    def methods(self) -> dict[str, int]:
        """How many calls the journal holds of each method."""
        with self._lock:
            self.settle()
            return {name: len(calls) for name, calls in sorted(self._by_method.items())}

    def jobs(self, job_id: str | None = None, *, since: int = 0) -> list[JobEvent]:
        return [e for e in self.events(since) if type(e) is JobEvent and job_id in (None, e.job_id)]

    def controls(self, *, since: int = 0) -> list[ControlEvent]:
        return [e for e in self.events(since) if type(e) is ControlEvent]

    def ledger(self, *, since: int = 0, scope: str | None = None) -> list[LedgerEntry]:
        found = [e for e in self.events(since) if type(e) is LedgerEntry]
        return found if scope is None else [e for e in found if e.scope == scope]

    def dropped_calls(self, method: str = "*", *, scope: str | None = None) -> int:
        """How many calls of a method were dropped for want of room."""
        with self._lock:
            self.settle()
            return sum(
                n
                for (where, name), n in self._dropped_calls.items()
                if (scope is None or where == scope) and fnmatch.fnmatchcase(name, method)
            )

    def clear(self) -> None:
        """Forget all events. Positions go on, so that marks stay right."""
        with self._lock:
            self.settle()
            self._first += len(self._events)
            self._events.clear()
            self._by_method.clear()
            self._by_id.clear()
            self._dropped_calls.clear()
            self.dropped = 0

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener`` with every event from now on, in order; returns what ends that.

        It runs inside the append, on the thread of the call: it must neither wait nor take long. One
        that raises is told nothing more.
        """
        with self._lock:
            self.settle()
            self._listeners = (*self._listeners, listener)
        return lambda: self.unsubscribe(listener)

    def unsubscribe(self, listener: Listener) -> None:
        with self._lock:
            self._listeners = tuple(known for known in self._listeners if known is not listener)

    def follow(self, limit: int = 10_000) -> Follower:
        """An iterator over the events from now on, for another thread; close it when done."""
        follower = Follower(limit)
        follower.ended = self.subscribe(follower.put)
        return follower

    def lines(self, since: int = 0) -> Iterator[str]:
        """The events as JSON lines, without line ends."""
        for event in self.events(since):
            yield json.dumps(to_json(event), ensure_ascii=False, separators=(",", ":"))

    def hash(self, since: int = 0) -> str:
        """:func:`canonical_hash` of the events; it tells runs apart only while nothing was dropped."""
        return canonical_hash(self.events(since))

    def export(self, file: TextIO, since: int = 0) -> int:
        """Write the events as JSON lines; returns how many."""
        return write_lines(self.lines(since), file)

    @classmethod
    def load(cls, lines: Iterable[str]) -> Journal:
        """The journal that :meth:`export` wrote. Raises ``ValueError`` with the number of a wrong line."""
        events = []
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                members = json.loads(line)
                if not isinstance(members, Mapping):
                    raise ValueError("an event of the journal is a JSON object")
                events.append(from_json(members))
            except ValueError as error:
                raise ValueError(f"line {number}: {error}") from None
        journal = cls(max(DEFAULT_CAPACITY, len(events)))
        for event in events:
            journal.append(event)
        return journal


def write_lines(lines: Iterable[str], file: TextIO) -> int:
    """Write lines; returns how many."""
    count = 0
    for line in lines:
        file.write(line + "\n")
        count += 1
    return count


def is_glob(text: str) -> bool:
    return any(sign in text for sign in "*?[")
