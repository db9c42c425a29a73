"""What resources were before: table versions for time travel, and dropped datasets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

from .models import Model
from .refs import DatasetRef, TableRef
from .resources import Dataset, Routine, Table
from .stored_bytes import Sized

K = TypeVar("K")
V = TypeVar("V")

# The default time travel window: seven days (page *Time travel*).
HISTORY_US = 7 * 24 * 3600 * 1_000_000


@dataclass(frozen=True, slots=True)
class TableVersion:
    """A table with the time in which its schema and storage were so: ``[begin_us, end_us)``.

    ``sized`` is what was known of its bytes when its rows were last written, perhaps of a version before.
    """

    table: Table
    begin_us: int
    end_us: int | None = None
    sized: Sized | None = None


@dataclass(frozen=True, slots=True)
class DroppedDataset:
    """A dataset as it was when it was dropped."""

    dataset: Dataset
    tables: tuple[Table, ...]
    routines: tuple[Routine, ...]
    dropped_us: int
    models: tuple[Model, ...] = ()


class History:
    """Current and past table versions by reference, past ones in the order of their times."""

    def __init__(self) -> None:
        self._current: dict[TableRef, TableVersion] = {}
        self._past: dict[TableRef, tuple[TableVersion, ...]] = {}
        self._dropped: dict[DatasetRef, tuple[DroppedDataset, ...]] = {}
        # Deleted tables whose rows are gone: of them it is known how much they held.
        self._buried: dict[tuple[TableRef, int], TableVersion] = {}

    def current(self, ref: TableRef) -> TableVersion | None:
        return self._current.get(ref)

    def set_current(self, version: TableVersion) -> None:
        """Make ``version`` the current one; what was current ends at its beginning."""
        ref = version.table.ref
        before = self._current.get(ref)
        if before is not None and (
            before.begin_us < version.begin_us or before.table.storage != version.table.storage
        ):
            self.add(replace(before, end_us=version.begin_us))
        self._current[ref] = version

    def end(self, ref: TableRef, time_us: int) -> None:
        """The table was dropped at ``time_us``."""
        before = self._current.pop(ref, None)
        if before is not None:
            self.add(replace(before, end_us=time_us))

    def add(self, version: TableVersion) -> None:
        """Record a past version."""
        ref = version.table.ref
        self._past[ref] = tuple(sorted((*self._past.get(ref, ()), version), key=lambda v: v.begin_us))

    def add_dropped(self, dropped: DroppedDataset) -> None:
        ref = dropped.dataset.ref
        self._dropped[ref] = (*self._dropped.get(ref, ()), dropped)

    def put_back(self, ref: TableRef, current: TableVersion | None, past: tuple[TableVersion, ...]) -> None:
        """Make these all the versions of a table."""
        _put(self._current, ref, current)
        _put(self._past, ref, past)

    def put_back_dropped(self, ref: DatasetRef, dropped: tuple[DroppedDataset, ...]) -> None:
        """Make these all the dropped datasets of this name."""
        _put(self._dropped, ref, dropped)

    def table_at(self, ref: TableRef, time_us: int) -> Table | None:
        """The table as it was at ``time_us``."""
        current = self._current.get(ref)
        if current is not None and current.begin_us <= time_us:
            return current.table
        for version in reversed(self._past.get(ref, ())):
            if version.begin_us <= time_us and version.end_us is not None and time_us < version.end_us:
                return version.table
        return None

    def oldest_us(self, ref: TableRef) -> int | None:
        """Since when there has been the table of this name, or the last one that was dropped."""
        current = self._current.get(ref)
        versions = [*self._past.get(ref, ()), *([] if current is None else [current])]
        if not versions:
            return None
        created_ms = versions[-1].table.created_ms
        return min(v.begin_us for v in versions if v.table.created_ms == created_ms)

    def past(self, ref: TableRef) -> tuple[TableVersion, ...]:
        """The past versions of a table, oldest first."""
        return self._past.get(ref, ())

    def deleted(self) -> Iterator[TableVersion]:
        """Stored tables as they were when they were deleted, of those that are not forgotten."""
        for ref, versions in list(self._past.items()):
            current = self._current.get(ref)
            there = None if current is None else current.table.created_ms
            last = {v.table.created_ms: v for v in versions if v.table.storage is not None}
            yield from (version for created_ms, version in last.items() if created_ms != there)
        yield from list(self._buried.values())

    def buried(self) -> list[TableVersion]:
        """The deleted tables whose rows are gone."""
        return list(self._buried.values())

    def bury(self, version: TableVersion) -> None:
        """Keep how much a deleted table held; its other versions may be forgotten."""
        self._buried[version.table.ref, version.begin_us] = version

    def unbury(self, version: TableVersion) -> None:
        self._buried.pop((version.table.ref, version.begin_us), None)

    def dropped(self, ref: DatasetRef) -> tuple[DroppedDataset, ...]:
        """Dropped datasets of this name, oldest first."""
        return self._dropped.get(ref, ())

    def stale(self, before_us: int) -> tuple[list[TableVersion], list[DroppedDataset]]:
        """What ended before ``before_us``."""
        versions = [v for v in self._versions() if v.end_us is not None and v.end_us < before_us]
        dropped = [d for many in list(self._dropped.values()) for d in many if d.dropped_us < before_us]
        return versions, dropped

    def forget(self, versions: list[TableVersion], dropped: list[DroppedDataset]) -> None:
        for one in dropped:
            name = one.dataset.ref
            self._dropped[name] = tuple(d for d in self._dropped.get(name, ()) if d != one)
        for version in versions:
            ref = version.table.ref
            left = tuple(v for v in self._past.get(ref, ()) if v != version)
            if left:
                self._past[ref] = left
            else:
                self._past.pop(ref, None)

    def engine_tables(self, without: list[TableVersion] | None = None) -> set[str]:
        """The engine tables that a current or past version is stored in, leaving out the versions
        ``without``.
        """
        left_out = {id(v) for v in without or ()}
        versions = [*list(self._current.values()), *(v for v in self._versions() if id(v) not in left_out)]
        stored = [v.table.storage for v in versions if v.table.storage is not None]
        return {name for storage in stored for name in storage.engine_tables}

    def _versions(self) -> Iterator[TableVersion]:
        for many in list(self._past.values()):
            yield from many


def _put(values: dict[K, V], key: K, value: V | None) -> None:
    if value:
        values[key] = value
    else:
        values.pop(key, None)
