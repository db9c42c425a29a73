"""Changes of resources: written in an engine transaction, brought into memory after its commit."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from .administration import CHANGED, KINDS, Changed, Described
from .history import DroppedDataset, TableVersion
from .models import MODEL, Model, ModelRef
from .persistence import (
    BURIED,
    DATASET,
    DROPPED,
    HISTORY,
    PROJECT,
    ROUTINE,
    TABLE,
    dropped_key,
    key_of,
    to_record,
    version_key,
)
from .refs import DatasetRef, RoutineRef, TableRef
from .resources import Dataset, Routine, Table
from .stored_bytes import Sized
from .updates import UPDATES, Segments
from .updates import key_of as updates_key

if TYPE_CHECKING:
    from .administration import Resource as Administered
    from .store import Catalog


class MetadataWriter(Protocol):
    """The part of an engine session that the catalog writes through."""

    def transaction(self) -> AbstractContextManager[None]: ...

    def put_metadata(self, kind: str, key: str, value: str | None) -> None: ...

    def on_commit(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` after the open transaction has committed; never when it rolls back."""
        ...


class Change:
    """The changes of one transaction. ``time_us`` is the commit time that they get."""

    def __init__(self, catalog: Catalog, session: MetadataWriter) -> None:
        self._catalog = catalog
        self._session = session
        self._steps: list[Callable[[], None]] = []
        self._versions: dict[TableRef, TableVersion | None] = {}
        self._datasets: dict[DatasetRef, None] = {}
        self._routines: dict[RoutineRef, None] = {}
        self._administered: list[Changed] = []
        self._sized: dict[str, Sized] = {}
        self.time_us = catalog.clock.now_us()
        # Of several statements.
        self.is_transaction = False

    @property
    def tables(self) -> list[Table]:
        """The tables that there are after it, as they are then."""
        return [version.table for version in self._versions.values() if version is not None]

    @property
    def datasets(self) -> tuple[DatasetRef, ...]:
        """The datasets that it makes, changes or drops."""
        return tuple(self._datasets)

    @property
    def routines(self) -> tuple[RoutineRef, ...]:
        """The routines that it makes, changes or drops."""
        return tuple(self._routines)

    def put_dataset(self, dataset: Dataset) -> None:
        """Create or replace a dataset."""
        self._put(PROJECT, dataset.ref.project, dataset.ref.project)
        self._put(DATASET, key_of(dataset.ref), to_record(dataset))
        self._datasets[dataset.ref] = None
        self._steps.append(lambda: self._catalog._apply_dataset(dataset))

    def drop_dataset(self, ref: DatasetRef) -> DroppedDataset:
        """Drop a dataset with everything in it; :meth:`restore_dataset` brings it back."""
        catalog = self._catalog
        tables, routines = tuple(catalog.tables(ref)), tuple(catalog.routines(ref))
        models = tuple(catalog.models.of(ref))
        dropped = DroppedDataset(catalog.dataset(ref), tables, routines, self.time_us, models)
        for table in tables:
            self.drop_table(table.ref)
        for routine in routines:
            self.drop_routine(routine.ref)
        for model in models:
            self.drop_model(model.ref)
        self._put(DATASET, key_of(ref), None)
        self._datasets[ref] = None
        self._put(DROPPED, dropped_key(dropped), to_record(dropped))
        self._steps.append(lambda: catalog._remove_dataset(dropped))
        return dropped

    def restore_dataset(self, dropped: DroppedDataset) -> None:
        """Undo a drop: the dataset, its tables with their rows, and its routines are there again."""
        self.put_dataset(dropped.dataset)
        for table in dropped.tables:
            self.put_table(table)
        for routine in dropped.routines:
            self.put_routine(routine)
        for model in dropped.models:
            self.put_model(model)
        self._put(DROPPED, dropped_key(dropped), None)
        self._steps.append(lambda: self._catalog.history.forget([], [dropped]))

    def put_table(self, table: Table) -> None:
        """Create or replace a table. What it was before stays readable for time travel."""
        before = self._current(table.ref)
        sized = self._sized_of(table)
        if before is not None and same_shape(before.table, table):
            version = TableVersion(table, before.begin_us, sized=sized)
        else:
            version = TableVersion(table, self.time_us, sized=sized)
            self._put_past(before)
        self._versions[table.ref] = version
        self._put(TABLE, key_of(table.ref), to_record(version))
        self._steps.append(lambda: self._catalog._apply_table(version))

    def drop_table(self, ref: TableRef) -> None:
        """Drop a table. Its storage is kept for time travel until :meth:`forget` lets go of it."""
        self._put_past(self._current(ref))
        self._versions[ref] = None
        self._put(TABLE, key_of(ref), None)
        self._steps.append(lambda: self._catalog._remove_table(ref, self.time_us))

    def put_routine(self, routine: Routine) -> None:
        """Create or replace a routine."""
        self._put(ROUTINE, key_of(routine.ref), to_record(routine))
        self._routines[routine.ref] = None
        self._steps.append(lambda: self._catalog._apply_routine(routine))

    def drop_routine(self, ref: RoutineRef) -> None:
        self._put(ROUTINE, key_of(ref), None)
        self._routines[ref] = None
        self._steps.append(lambda: self._catalog._remove_routine(ref))

    def note_updates(self, engine_table: str, segments: Segments) -> None:
        """Note which of the rows that it writes into an engine table replace others."""
        if any(updating and count for updating, count in segments):
            version = self.time_us
            self._put(UPDATES, updates_key(engine_table, version), json.dumps(list(segments)))
            self._steps.append(lambda: self._catalog.updates.add(engine_table, version, segments))

    def note_bytes(self, engine_table: str, columns: Mapping[str, int], rows: int) -> None:
        """Note the logical bytes of the columns of an engine table that it writes, of so many live rows then.

        They are durable with the table that is put after.
        """
        sized = self._sized[engine_table] = Sized(self.time_us, rows, dict(columns))
        self._steps.append(lambda: self._catalog.stored_bytes.put(engine_table, sized))

    def _sized_of(self, table: Table) -> Sized | None:
        """What is known of the bytes of a table's rows, or of those that it had before."""
        if table.storage is None or not table.num_rows:
            return None
        name = table.storage.engine_table
        return self._sized.get(name) or self._catalog.stored_bytes.latest(name)

    def put_model(self, model: Model) -> None:
        """Create or replace a model."""
        self._put(MODEL, model.ref.sql_name, to_record(model))
        self._steps.append(lambda: self._catalog.models.put(model))

    def drop_model(self, ref: ModelRef) -> None:
        self._put(MODEL, ref.sql_name, None)
        self._steps.append(lambda: self._catalog.models.remove([ref]))

    def administer(
        self, resource: Administered, user: str, before: Administered | None, *, drop: bool = False
    ) -> None:
        """Create, replace (``before`` is what it was) or drop a resource of the administration."""
        kind, administration = KINDS[type(resource)], self._catalog.administration
        changes = administration.state.changes
        number = changes[-1].number + 1 if changes else 1
        changed = Changed(
            self.time_us,
            number + len(self._administered),
            "DELETE" if drop else "CREATE" if before is None else "UPDATE",
            user,
            kind,
            to_record(resource),
            None if before is None else to_record(before),
        )
        self._administered.append(changed)
        self._put(kind, resource.key, None if drop else to_record(resource))
        self._put(CHANGED, changed.key, to_record(changed))
        for old in administration.outdated(self.time_us):
            self._put(CHANGED, old.key, None)
        self._steps.append(lambda: administration.apply(changed, None if drop else resource, resource.key))

    def describe(self, described: Described) -> None:
        """Keep the capacity that jobs share from now on."""
        self._put(KINDS[Described], described.key, to_record(described))
        self._steps.append(lambda: self._catalog.administration.put(described))

    def bury(self, version: TableVersion) -> None:
        """Keep how much a deleted table held (its ``sized``) when its rows are forgotten."""
        self._put(BURIED, version_key(version), to_record(version))
        self._steps.append(lambda: self._catalog.history.bury(version))

    def unbury(self, version: TableVersion) -> None:
        """Nothing of a deleted table is kept any more."""
        self._put(BURIED, version_key(version), None)
        self._steps.append(lambda: self._catalog.history.unbury(version))

    def forget(self, before_us: int) -> list[str]:
        """Forget what ended before ``before_us``; the engine tables that nothing refers to any more, to
        be dropped. While there are marks nothing is forgotten.
        """
        history = self._catalog.history
        if self._catalog.marks:
            # What a mark returns to must not be gone.
            return []
        versions, dropped = history.stale(before_us)
        for version in versions:
            self._put(HISTORY, version_key(version), None)
        for one in dropped:
            self._put(DROPPED, dropped_key(one), None)
        self._steps.append(lambda: history.forget(versions, dropped))
        return sorted(history.engine_tables() - history.engine_tables(without=versions))

    def apply(self) -> None:
        """Bring the committed changes into memory; the transaction calls it."""
        catalog = self._catalog
        with catalog._mutex:
            catalog._changing_us = self.time_us
            for step in self._steps:
                step()

    def _current(self, ref: TableRef) -> TableVersion | None:
        return self._versions[ref] if ref in self._versions else self._catalog.history.current(ref)

    def _put_past(self, version: TableVersion | None) -> None:
        if version is not None:
            self._put(HISTORY, version_key(version), to_record(replace(version, end_us=self.time_us)))

    def _put(self, kind: str, key: str, record: str | None) -> None:
        self._session.put_metadata(kind, key, record)


def same_shape(a: Table, b: Table) -> bool:
    """Whether two versions of a table differ in rows and descriptions at most, so that plans stay valid."""
    return (
        a.fields == b.fields
        and a.storage == b.storage
        and a.kind == b.kind
        and a.view_query == b.view_query
        and a.time_partitioning == b.time_partitioning
        and a.range_partitioning == b.range_partitioning
        and a.require_partition_filter == b.require_partition_filter
        and a.default_collation == b.default_collation
        and a.snapshot_ms == b.snapshot_ms
        and a.metadata == b.metadata
        and a.row_access_policies == b.row_access_policies
    )
