"""Finds the rules that an event may fire without asking all of them.

Globs over methods are tried once for each method. A method's rules are found by one exact value that they ask
for: a label, a header, the folder of a resource, a project, a caller; then by their query's fingerprint. What
they say about where a call goes, who makes it, its labels and headers is remembered for the next such call,
and so is what they say about its SQL.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Generic, Protocol, TypeVar

from .facts import Facts
from .matchers import Compiled, fingerprints_of

# Kinds of calls that a method's table remembers, and the longest SQL that it remembers.
_REMEMBERED = 1024
_LONGEST_SQL = 4096


class Indexed(Protocol):
    """What the index finds: ``order`` is its place among the rules."""

    @property
    def compiled(self) -> Compiled: ...

    @property
    def order(self) -> int: ...


T = TypeVar("T", bound=Indexed)
_order = attrgetter("order")


class Index(Generic[T]):
    """Over ``entries`` in order; not changed afterwards, so that threads need no lock."""

    def __init__(self, entries: Sequence[T]) -> None:
        self._entries = entries
        self._tables: dict[tuple[str, str], _Table[T]] = {}

    def find(self, facts: Facts) -> Sequence[T]:
        """In order, the entries whose rule holds all conditions that depend on ``facts`` alone."""
        table = self._tables.get((facts.event, facts.method))
        if table is None:
            table = _Table([e for e in self._entries if _listens(e.compiled, facts)])
            self._tables[facts.event, facts.method] = table
        return table.find(facts)


def _listens(compiled: Compiled, facts: Facts) -> bool:
    if facts.event not in compiled.events:
        return False
    return compiled.method is None or compiled.method(facts.method)


@dataclass(frozen=True, slots=True)
class _Place(Generic[T]):
    """The entries that hold for the calls of one kind, by what they ask about SQL."""

    free: Sequence[T]
    searching: Sequence[T]
    by_fingerprint: dict[str, list[T]]

    def asked(self, facts: Facts) -> Sequence[T]:
        """Those that hold for the SQL, too."""
        listed = self.by_fingerprint.get(facts.sql_fingerprint, ()) if self.by_fingerprint else ()
        found = [e for entries in (self.searching, listed) for e in entries if _all(e.compiled.sql, facts)]
        return sorted((*self.free, *found), key=_order) if found else self.free


class _Table(Generic[T]):
    """The entries of one event and method."""

    def __init__(self, entries: Sequence[T]) -> None:
        self._keyed: dict[str, dict[str, list[T]]] = {}
        self._unkeyed: list[T] = []
        self._places: dict[tuple[object, ...], _Place[T]] = {}
        self._asked: dict[tuple[int, str], tuple[_Place[T], Sequence[T]]] = {}
        self._empty = not entries
        matches = [e.compiled.rule.match for e in entries]
        self._labels = sorted({name for m in matches for name in m.labels})
        self._headers = sorted({name.lower() for m in matches for name in m.headers})
        for entry in entries:
            self._file(entry)

    def _file(self, entry: T) -> None:
        key = next(iter(entry.compiled.keys), None)
        if key is None:
            self._unkeyed.append(entry)
            return
        by_value = self._keyed.setdefault(key, {})
        for value in entry.compiled.keys[key]:
            by_value.setdefault(value, []).append(entry)

    def find(self, facts: Facts) -> Sequence[T]:
        if self._empty:
            return ()
        place = self._place(facts)
        found = self._of_sql(place, facts) if place.searching or place.by_fingerprint else place.free
        return [e for e in found if _all(e.compiled.rest, facts)]

    def _place(self, facts: Facts) -> _Place[T]:
        key: list[object] = [facts.transport, facts.resource, facts.scope, facts.caller, facts.clients]
        if self._labels:
            key += [_text(facts.labels.get(name)) for name in self._labels]
        if self._headers:
            key += [facts.headers.get(name) for name in self._headers]
        kept = tuple(key)
        place = self._places.get(kept)
        if place is None:
            place = self._places_of(facts)
            if len(self._places) >= _REMEMBERED:
                # Another thread may still read the old one.
                self._places = {}
            self._places[kept] = place
        return place

    def _places_of(self, facts: Facts) -> _Place[T]:
        entries = [e for e in self._unkeyed if _all(e.compiled.place, facts)]
        keyed = {
            id(e): e
            for key, by_value in self._keyed.items()
            for value in _values(key, facts)
            for e in by_value.get(value, ())
        }
        entries += [e for e in keyed.values() if _all(e.compiled.place, facts)]
        entries.sort(key=_order)
        by_fingerprint: dict[str, list[T]] = {}
        for entry in entries:
            for fingerprint in fingerprints_of(entry.compiled.rule.match):
                by_fingerprint.setdefault(fingerprint, []).append(entry)
        return _Place(
            tuple(e for e in entries if not e.compiled.sql),
            tuple(e for e in entries if e.compiled.sql and not e.compiled.rule.match.fingerprint),
            by_fingerprint,
        )

    def _of_sql(self, place: _Place[T], facts: Facts) -> Sequence[T]:
        sql = facts.sql
        if len(sql) > _LONGEST_SQL:
            return place.asked(facts)
        known = self._asked.get((id(place), sql))
        # A place that is forgotten may leave its id to another one.
        if known is None or known[0] is not place:
            known = place, place.asked(facts)
            if len(self._asked) >= _REMEMBERED:
                self._asked = {}
            self._asked[id(place), sql] = known
        return known[1]


def _all(tests: Iterable[Callable[[Facts], bool]], facts: Facts) -> bool:
    for test in tests:  # noqa: SIM110 - a loop costs half of all() over a generator
        if not test(facts):
            return False
    return True


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _values(key: str, facts: Facts) -> Sequence[str]:
    """What ``facts`` have for a key of :attr:`Compiled.keys`."""
    kind, _, name = key.partition(":")
    return _VALUES[kind](facts, name)


def _folders(facts: Facts, _: str) -> Sequence[str]:
    """The folders that a resource is in, itself included."""
    resource = facts.resource + "/"
    return [resource[: i + 1] for i, c in enumerate(resource) if c == "/"]


def _one(value: object) -> Sequence[str]:
    return (value,) if isinstance(value, str) else ()


_VALUES: dict[str, Callable[[Facts, str], Sequence[str]]] = {
    "label": lambda facts, name: _one(facts.labels.get(name)),
    "header": lambda facts, name: _one(facts.headers.get(name)),
    "resource": _folders,
    "scope": lambda facts, _: (facts.scope,),
    "project": lambda facts, _: (facts.project,),
    "caller": lambda facts, _: (facts.caller,),
}
