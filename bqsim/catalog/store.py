"""The catalog: all resources in memory, changed in the engine's transactions.

Reads take no lock. Everything that grows has an index: getting a resource is a dictionary look-up and a
page of a list is a slice of a sorted one.
"""

from __future__ import annotations

import threading
from bisect import insort
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count

from bqsim.errors import not_found
from bqsim.sim.clock import Clock
from bqsim.sim.draws import Draws
from bqsim.sim.stale import seen, seen_through

from .administration import Administration
from .buffers import StreamingBuffers
from .change import Change, MetadataWriter, same_shape
from .etag import new_etag
from .expiring import ExpiringPartitions
from .history import DroppedDataset, History, TableVersion
from .ingestion import Ingestion
from .loading import load
from .locks import Locks
from .marks import Mark, Marks, Ref
from .models import Models
from .past import Past
from .refs import DatasetRef, RoutineRef, TableRef
from .resources import Dataset, Routine, Table, TableKind
from .rollback import resource_in, state_of
from .sorted_ids import contains, page_of, remove
from .stored_bytes import StoredBytes
from .updates import Updates

__all__ = ["Catalog", "Change", "MetadataWriter"]


@dataclass(slots=True)
class _Contents:
    """A dataset with what is in it; the id lists are sorted."""

    dataset: Dataset
    tables: dict[str, Table] = field(default_factory=dict)
    table_ids: list[str] = field(default_factory=list)
    routines: dict[str, Routine] = field(default_factory=dict)
    routine_ids: list[str] = field(default_factory=list)


class Catalog:
    """Projects, datasets, tables and routines. Thread safe."""

    def __init__(
        self, clock: Clock, draws: Draws, location: str = "US", projects: Iterable[str] = ()
    ) -> None:
        self.clock = clock
        self.draws = draws
        self.location = location
        self.history = History()
        self.buffers = StreamingBuffers(clock)
        self.expiring = ExpiringPartitions(clock)
        self.administration = Administration()
        self.models = Models()
        self.updates = Updates()
        self.stored_bytes = StoredBytes()
        # The engine tables with a record of the statistics of their partitions.
        self.counted: set[str] = set()
        # What insertAll and the Storage Write API put into tables.
        self.streamed = Ingestion(clock)
        self.written = Ingestion(clock)
        # Finds tables of hidden datasets that are not in the catalog yet: query results.
        self.find_anonymous: Callable[[TableRef], Table | None] | None = None
        # Asked before each commit; what it raises undoes the change.
        self.committing: Callable[[Change], None] | None = None
        # How many datasets each location holds.
        self.locations: Counter[str] = Counter()
        self._projects: list[str] = sorted(set(projects))
        self._datasets: dict[DatasetRef, _Contents] = {}
        self._dataset_ids: dict[str, list[str]] = {}
        self._generations: dict[TableRef | RoutineRef | DatasetRef, int] = {}
        # Changes of shape by resource (``_generations``) and all changes, in one count.
        self._applied: dict[TableRef | RoutineRef, int] = {}
        self._moment = 0
        self._engine_tables = count(1)
        self._mutex = threading.RLock()
        self._locks = Locks()
        self._past = Past()
        self.marks = Marks()
        # The time of the changes that are coming into memory; None while records are loaded.
        self._changing_us: int | None = None

    # Projects

    def projects(self) -> Sequence[str]:
        """All project ids, sorted."""
        return tuple(self._projects)

    def add_project(self, project: str) -> None:
        """Make a project known. Idempotent; putting a dataset does so too."""
        with self._mutex:
            if not contains(self._projects, project):
                insort(self._projects, project)

    # Datasets

    def find_dataset(self, ref: DatasetRef) -> Dataset | None:
        contents = self._datasets.get(ref)
        dataset = contents.dataset if contents else None
        if (view := seen()) is not None and view.metadata:
            return self._past.at(ref, self._ago(view.metadata), dataset)
        return dataset

    def dataset(self, ref: DatasetRef) -> Dataset:
        """The dataset, or 404 ``notFound``."""
        dataset = self.find_dataset(ref)
        if dataset is None:
            raise not_found("Dataset", ref.api_name)
        return dataset

    def datasets(self, project: str, after: str = "", limit: int | None = None) -> list[Dataset]:
        """Datasets of a project with ids above ``after``, in the order of their ids."""
        if (view := seen()) is not None and view.metadata:
            refs = [DatasetRef(project, i) for i in self._dataset_ids.get(project, ())]
            now = {r.dataset: self._datasets[r].dataset for r in refs}
            return self._past.listed(self._ago(view.metadata), Dataset, project, now, after)[:limit]
        ids = page_of(self._dataset_ids.get(project, []), after, limit)
        found = (self._datasets.get(DatasetRef(project, i)) for i in ids)
        return [c.dataset for c in found if c is not None]

    def _ago(self, lag_us: int) -> int:
        return self.clock.now_us() - lag_us

    # Tables

    def find_table(self, ref: TableRef) -> Table | None:
        """The table, None when there is none or it has expired."""
        contents = self._datasets.get(ref.dataset_ref)
        table = contents.tables.get(ref.table) if contents else None
        if (view := seen()) is not None and view.table:
            table = self._past.at(ref, self._ago(view.table), table)
        if table is None and self.find_anonymous is not None and ref.dataset.startswith("_"):
            return self.find_anonymous(ref)
        return None if table is None or self._expired(table) else table

    def table(self, ref: TableRef) -> Table:
        """The table, or 404 ``notFound`` for the dataset or the table."""
        table = self.find_table(ref)
        if table is None:
            self.dataset(ref.dataset_ref)
            raise not_found("Table", ref.api_name)
        return table

    def tables(self, dataset: DatasetRef, after: str = "", limit: int | None = None) -> list[Table]:
        """Tables of a dataset with ids above ``after``, in the order of their ids; 404 without the
        dataset.
        """
        contents = self._datasets.get(dataset)
        if (view := seen()) is not None and view.metadata:
            self.dataset(dataset)
            now = contents.tables if contents else {}
            then = self._past.listed(self._ago(view.metadata), Table, dataset, now, after)
            return [t for t in then if not self._expired(t)][:limit]
        if contents is None:
            raise not_found("Dataset", dataset.api_name)
        found: list[Table] = []
        while limit is None or len(found) < limit:
            missing = None if limit is None else limit - len(found)
            ids = page_of(contents.table_ids, after, missing)
            if not ids:
                break
            after = ids[-1]
            live = (contents.tables.get(i) for i in ids)
            found += [t for t in live if t is not None and not self._expired(t)]
        return found

    def table_count(self, dataset: DatasetRef) -> int:
        """How many tables a dataset holds, expired ones included."""
        contents = self._datasets.get(dataset)
        return len(contents.table_ids) if contents else 0

    def table_at(self, ref: TableRef, time_us: int) -> Table | None:
        """The table as it was at ``time_us`` (its schema and storage), also when it was dropped since.

        None when it did not exist then. Row counts and etags may be newer than ``time_us``.
        """
        return self.history.table_at(ref, time_us)

    def _expired(self, table: Table) -> bool:
        return table.expiration_ms is not None and table.expiration_ms * 1000 <= self.clock.now_us()

    def expired_tables(self) -> list[Table]:
        """Tables past their expiration that still take up storage; whoever sweeps drops them."""
        return [t for c in list(self._datasets.values()) for t in list(c.tables.values()) if self._expired(t)]

    def materialized_views(self) -> list[Table]:
        """All materialized views that have not expired."""
        tables = (t for c in list(self._datasets.values()) for t in list(c.tables.values()))
        return [t for t in tables if t.kind is TableKind.MATERIALIZED_VIEW and not self._expired(t)]

    # Routines

    def find_routine(self, ref: RoutineRef) -> Routine | None:
        contents = self._datasets.get(ref.dataset_ref)
        routine = contents.routines.get(ref.routine) if contents else None
        if (view := seen()) is not None and view.metadata:
            return self._past.at(ref, self._ago(view.metadata), routine)
        return routine

    def routine(self, ref: RoutineRef) -> Routine:
        """The routine, or 404 ``notFound``."""
        routine = self.find_routine(ref)
        if routine is None:
            self.dataset(ref.dataset_ref)
            raise not_found("Routine", ref.api_name)
        return routine

    def routines(self, dataset: DatasetRef, after: str = "", limit: int | None = None) -> list[Routine]:
        """Routines of a dataset with ids above ``after``, in the order of their ids; 404 without the
        dataset.
        """
        contents = self._datasets.get(dataset)
        if (view := seen()) is not None and view.metadata:
            self.dataset(dataset)
            now = contents.routines if contents else {}
            return self._past.listed(self._ago(view.metadata), Routine, dataset, now, after)[:limit]
        if contents is None:
            raise not_found("Dataset", dataset.api_name)
        found = (contents.routines.get(i) for i in page_of(contents.routine_ids, after, limit))
        return [r for r in found if r is not None]

    # Versions

    def new_etag(self) -> str:
        return new_etag(self.draws)

    def next_engine_table(self) -> str:
        """A fresh name ``t<N>`` for an engine table."""
        return f"t{next(self._engine_tables)}"

    def fingerprint(self, refs: Iterable[TableRef]) -> Hashable:
        """Changes when the rows, the schema or the existence of one of ``refs`` changes."""
        found = ((ref, self.find_table(ref)) for ref in refs)
        return tuple((ref, None if t is None else (t.etag, t.version)) for ref, t in found)

    def moment(self) -> int:
        """A mark in the order of changes, for :meth:`changed_since` and :meth:`reshaped_since`."""
        return self._moment

    def changed_since(self, ref: TableRef | RoutineRef, moment: int) -> bool:
        """Whether a change of a table or routine came into memory after ``moment``."""
        return self._applied.get(ref, 0) > moment

    def reshaped_since(self, refs: Iterable[TableRef | RoutineRef], moment: int) -> bool:
        """Whether one of ``refs`` was dropped, or came into memory with another shape after ``moment``."""
        found = map(self._generation_of, refs)
        return any(generation == 0 or generation > moment for generation in found)

    @contextmanager
    def steady(self) -> Iterator[None]:
        """Keep changes from coming into memory while the block runs, which must be short."""
        with self._mutex:
            yield

    def schema_fingerprint(self, refs: Iterable[TableRef | RoutineRef]) -> Hashable:
        """As :meth:`fingerprint`, but unmoved by changes of rows: a key for plans.

        Rows of tables by ingestion time are in their partitions once they have left the streaming buffer.
        """
        return tuple((ref, self._generation_of(ref), self._held_apart(ref)) for ref in refs)

    def _held_apart(self, ref: TableRef | RoutineRef) -> Hashable:
        table = self.find_table(ref) if isinstance(ref, TableRef) else None
        storage = None if table is None else table.storage
        if storage is None or storage.partition is None:
            return None
        return self.buffers.find(storage.engine_table)

    def _generation_of(self, ref: TableRef | RoutineRef) -> int:
        if isinstance(ref, TableRef) and self.find_table(ref) is None:
            return 0
        return self._generations.get(ref, 0)

    # Writers

    @contextmanager
    def lock(self, *refs: Hashable, cancelled: Callable[[], bool] | None = None) -> Iterator[None]:
        """Hold the write locks of ``refs``: writers of one table queue here. Re-entrant in a thread.

        Locks are taken in one order, so writers of several tables cannot block each other. When
        ``cancelled`` turns true while waiting, ``InterruptedError`` is raised.
        """
        with self._locks.hold(refs, cancelled), seen_through(None):
            yield

    @contextmanager
    def change(self, session: MetadataWriter) -> Iterator[Change]:
        """Change resources in the session's transaction (a new one, or the one that is open).

        The records are written at once, memory changes right after the outermost commit, all together;
        nothing changes when the block raises.
        """
        with seen_through(None), session.transaction():
            change = Change(self, session)
            yield change
            if self.committing is not None:
                self.committing(change)
            session.on_commit(change.apply)

    def load(self, records: Iterable[tuple[str, str, str]]) -> None:
        """Read the engine's metadata records, at start-up."""
        self._changing_us = None
        self._engine_tables = count(load(self, records) + 1)

    # What changes do to memory; called with the mutex held, or while loading.

    def _apply_dataset(self, dataset: Dataset) -> None:
        contents = self._datasets.get(dataset.ref)
        self._remember(dataset.ref)
        self._generations[dataset.ref] = self._tick()
        if contents is not None:
            contents.dataset = dataset
            return
        self.add_project(dataset.ref.project)
        self.locations[dataset.location] += 1
        self._datasets[dataset.ref] = _Contents(dataset)
        insort(self._dataset_ids.setdefault(dataset.ref.project, []), dataset.ref.dataset)

    def _remove_dataset(self, dropped: DroppedDataset) -> None:
        ref = dropped.dataset.ref
        contents = self._forget_dataset(ref)
        if contents is not None:
            for table in contents.tables.values():
                self.history.end(table.ref, dropped.dropped_us)
            self.history.add_dropped(dropped)

    def _forget_dataset(self, ref: DatasetRef) -> _Contents | None:
        contents = self._datasets.get(ref)
        if contents is not None:
            self._remember(ref)
            for table in contents.tables.values():
                self._remember(table.ref)
            del self._datasets[ref]
            remove(self._dataset_ids[ref.project], ref.dataset)
            self._generations.pop(ref, None)
            self.locations.subtract([contents.dataset.location])
            self.locations = +self.locations
        return contents

    def _apply_table(self, version: TableVersion) -> None:
        table = version.table
        contents = self._datasets.get(table.ref.dataset_ref)
        if contents is None:
            return
        self._remember(table.ref)
        self.history.set_current(version)
        self._note(table.ref)
        before = contents.tables.get(table.ref.table)
        contents.tables[table.ref.table] = table
        self.expiring.note(table)
        if before is None:
            insort(contents.table_ids, table.ref.table)
        if before is None or not same_shape(before, table):
            self._generations[table.ref] = self._tick()

    def _remove_table(self, ref: TableRef, time_us: int) -> None:
        contents = self._datasets.get(ref.dataset_ref)
        if contents is not None and ref.table in contents.tables:
            self._remember(ref)
            del contents.tables[ref.table]
            remove(contents.table_ids, ref.table)
            self._generations.pop(ref, None)
            self._applied.pop(ref, None)
            self.history.end(ref, time_us)

    def _apply_routine(self, routine: Routine) -> None:
        contents = self._datasets.get(routine.ref.dataset_ref)
        if contents is None:
            return
        self._remember(routine.ref)
        if routine.ref.routine not in contents.routines:
            insort(contents.routine_ids, routine.ref.routine)
        contents.routines[routine.ref.routine] = routine
        self._generations[routine.ref] = self._tick()
        self._note(routine.ref)

    def _remove_routine(self, ref: RoutineRef) -> None:
        contents = self._datasets.get(ref.dataset_ref)
        if contents is not None and ref.routine in contents.routines:
            self._remember(ref)
            del contents.routines[ref.routine]
            remove(contents.routine_ids, ref.routine)
            self._generations.pop(ref, None)
            self._applied.pop(ref, None)

    def _remember(self, ref: Ref) -> None:
        """``ref`` is about to change in memory."""
        if self._changing_us is None:
            return
        state = state_of(self, ref)
        self._past.add(self._changing_us, ref, resource_in(state))
        if self.marks:
            self.marks.latest.before.setdefault(ref, state)

    def mark(self) -> Mark:
        """Mark this moment, to which :func:`bqsim.catalog.rollback.put_back` can return."""
        with self._mutex:
            mark = Mark(
                next(self._engine_tables),
                tuple(self._projects),
                administered=self.administration.state,
                models=self.models.state,
            )
            self.marks.add(mark)
            return mark

    def _tick(self) -> int:
        self._moment += 1
        return self._moment

    def _note(self, ref: TableRef | RoutineRef) -> None:
        self._applied[ref] = self._tick()
