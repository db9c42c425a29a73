"""Logical bytes of stored columns: kept by whoever writes rows, learned from whoever has counted them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from weakref import WeakMethod

# The kind of records with the statistics of the partitions of an engine table.
COUNTED = "counted"
_NOTHING: Mapping[str, int] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Sized:
    """The logical bytes of engine columns of the live rows at one version of an engine table, and how many
    rows these are. Durable with the table.
    """

    version: int
    rows: int
    columns: Mapping[str, int] = field(default_factory=dict)


class StoredBytes:
    """What is known of the live rows of engine tables at one version each, by engine column.

    A column that is not there is unknown: it is to be counted. What was known of a version is kept while
    nothing is known of later ones: who counts these only looks at what has changed since. Thread safe.
    """

    def __init__(self, capacity: int = 262_144) -> None:
        self._known: dict[str, Sized] = {}
        self._capacity = capacity
        self._lock = threading.Lock()
        self._forgetting: list[WeakMethod[Callable[[], None]]] = []

    def of(self, engine_table: str, version: int) -> Mapping[str, int]:
        """The bytes of the columns that are known at a version."""
        known = self._known.get(engine_table)
        return known.columns if known is not None and known.version == version else _NOTHING

    def latest(self, engine_table: str) -> Sized | None:
        """What is known of the latest version that anything is known of."""
        return self._known.get(engine_table)

    def put(self, engine_table: str, sized: Sized) -> None:
        """Rows were written: this is all that is known now."""
        with self._lock:
            self._add(engine_table, sized)

    def learn(self, engine_table: str, sized: Sized) -> None:
        """Columns were counted at a version; nothing is learned of one that has passed."""
        with self._lock:
            known = self._known.get(engine_table)
            if known is None or known.version < sized.version:
                self._add(engine_table, sized)
            elif known.version == sized.version:
                columns = {**known.columns, **sized.columns}
                self._known[engine_table] = Sized(sized.version, sized.rows, columns)

    def on_forget(self, callback: Callable[[], None]) -> None:
        """Call a method, while its object lives, whenever versions are put back: what was counted of them is
        no longer so.
        """
        with self._lock:
            self._forgetting = [one for one in self._forgetting if one() is not None]
            self._forgetting.append(WeakMethod(callback))

    def forget(self, engine_tables: Iterable[str]) -> None:
        """Forget what is known of tables whose rows were put back to a version before."""
        with self._lock:
            for name in engine_tables:
                self._known.pop(name, None)
        for callback in [one() for one in self._forgetting]:
            if callback is not None:
                callback()

    def _add(self, engine_table: str, sized: Sized) -> None:
        if len(self._known) >= self._capacity:
            self._known.clear()
        self._known[engine_table] = sized
