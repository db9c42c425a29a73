"""Transactions over several statements.

Each statement commits on its own in the engine, so that one that fails leaves the transaction as it was.
What the
transaction writes is invisible to others: new rows carry a mark of the transaction as both ends of their
time, and
removed rows are listed in a temporary engine table. The transaction itself reads tables through
temporary engine views
that put this together with the rows as they were when it began.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING, Any

from bqsim.catalog.refs import DatasetRef, TableRef
from bqsim.catalog.resources import Storage, Table
from bqsim.engine.protocol import VERSION_BEGIN, VERSION_END, Session
from bqsim.types import Field, TypeKind

from .claims import Claims, aborted
from .storage import arrival_partition, forget_changes, live, storage_of
from .writes import Writer, writable

if TYPE_CHECKING:
    import pyarrow as pa

    from bqsim.catalog.store import Catalog
    from bqsim.sql.googlesql import Analyzed

# Marks lie beyond every time that a clock shows. They hold the time, so that one never meets rows of
# another that a
# crash left behind, and a number for a clock that stands.
_FIRST_MARK = 1 << 61
_NUMBERS = 1 << 10
_numbers = count()
_ROWID = (Field("_rowid", TypeKind.INT64),)


def _kept(removed: str) -> str:
    return f"rowid NOT IN (SELECT _rowid FROM {removed})"


@dataclass(slots=True)
class _Mutated:
    """A table that the transaction changes: ``base`` as it is stored, and the rows more or less so far.

    ``cleared`` once all its rows were removed: what change data capture keeps goes with them.
    """

    base: Table
    removed: str
    more_rows: int = 0
    cleared: bool = False
    # What is in ``removed`` while the transaction has no engine session.
    kept: pa.Table | None = None


class Transaction:
    """One open transaction of a script or session; used by one thread at a time, with one engine session
    between :meth:`resume` and :meth:`suspend`. ``id`` is what jobs show.
    """

    def __init__(self, catalog: Catalog, claims: Claims, session: Session, transaction_id: str = "") -> None:
        self.id = transaction_id
        self._catalog = catalog
        self._claims = claims
        self._session = session
        self.start_us = catalog.clock.now_us()
        self.mark = _FIRST_MARK + self.start_us * _NUMBERS + next(_numbers) % _NUMBERS
        self._mutated: dict[TableRef, _Mutated] = {}
        self._views: set[str] = set()

    # Reading

    def bind(self, analyzed: Analyzed, temp_dataset: DatasetRef | None) -> Analyzed:
        """The statement with its tables as the transaction sees them."""
        sources: Mapping[str, Any] = {
            name: replace(source, table=self._seen(source.table, temp_dataset))
            for name, source in analyzed.sources.items()
        }
        return replace(analyzed, sources=sources)

    def _seen(self, table: Table, temp_dataset: DatasetRef | None) -> Table:
        storage = table.storage
        if storage is None or (table.ref.dataset_ref == temp_dataset and not self._existed(table)):
            return table
        mutated = self._mutated.get(table.ref)
        if mutated is not None:
            view = self._view(mutated.base, _kept(mutated.removed))
            return replace(table, storage=view, num_rows=mutated.base.num_rows + mutated.more_rows)
        if table.version <= self.start_us:
            return table
        return replace(table, storage=self._view(table, "TRUE"))

    def _existed(self, table: Table) -> bool:
        return table.created_ms * 1000 <= self.start_us

    def _view(self, table: Table, condition: str) -> Storage:
        """A temporary engine view of a table as of the transaction's beginning, with its own rows."""
        storage = storage_of(table)
        name = f"_tx_{storage.engine_table}"
        partition = () if storage.partition is None else (storage.partition,)
        columns = ", ".join((*storage.columns, *partition))
        self._session.execute(
            f"CREATE OR REPLACE TEMP VIEW {name} AS SELECT rowid AS rowid, {columns},"
            f" {VERSION_BEGIN}, CAST(NULL AS BIGINT) AS {VERSION_END} FROM {storage.engine_table}"
            f" WHERE {self._visible(storage, condition)}"
        )
        self._views.add(name)
        return replace(storage, engine_table=name)

    def _visible(self, storage: Storage, condition: str) -> str:
        """The engine condition of the rows that the transaction sees: those of its beginning, and its own."""
        return f"(({live(storage, self.start_us)}) OR {VERSION_BEGIN} = {self.mark}) AND {condition}"

    # Writing

    def mutates(self, ref: TableRef, temp_dataset: DatasetRef | None) -> bool:
        """Whether changes of a table belong to the transaction; not so for temporary tables made in it."""
        table = self._catalog.table(ref)
        return ref.dataset_ref != temp_dataset or self._existed(table)

    @contextmanager
    def writing(self, ref: TableRef) -> Iterator[TransactionWriter]:
        """Write to a table within the transaction."""
        mutated = self._mutated.get(ref)
        with self._session.transaction():
            if mutated is None:
                mutated = self._first(ref)
            visible = self._visible(storage_of(mutated.base), _kept(mutated.removed))
            writer = TransactionWriter(
                self._session, mutated.base, self.mark, removed_rows=mutated.removed, visible=visible
            )
            writer.partition = arrival_partition(mutated.base, self._catalog.clock.now_us())
            yield writer
        self._mutated[ref] = mutated
        mutated.more_rows += writer.inserted - writer.removed
        mutated.cleared |= writer.cleared

    def _first(self, ref: TableRef) -> _Mutated:
        with self._catalog.lock(ref):
            table = writable(self._catalog.table(ref))
            self._claims.claim(ref, self)
        if table.version > self.start_us:
            raise aborted(ref)
        removed = f"_txr_{storage_of(table).engine_table}"
        self._session.execute(f"CREATE OR REPLACE TEMP TABLE {removed} (_rowid BIGINT)")
        return _Mutated(table, removed)

    def dropped(self, ref: TableRef) -> None:
        """A temporary table is no more: nothing of it is left to commit or to undo."""
        mutated = self._mutated.pop(ref, None)
        if mutated is not None:
            self._session.execute(f"DROP TABLE IF EXISTS {mutated.removed}")

    # The end

    def commit(self) -> None:
        """Make the changes visible to all, at one moment. Raises when a table was replaced meanwhile."""
        try:
            with self._catalog.lock(*self._mutated), self._catalog.change(self._session) as change:
                change.is_transaction = True
                for ref, mutated in self._mutated.items():
                    table = self._catalog.find_table(ref)
                    if table is None or table.storage != mutated.base.storage:
                        raise aborted(ref)
                    storage = storage_of(table)
                    self._settle(storage, mutated.removed, change.time_us)
                    if mutated.cleared:
                        forget_changes(self._session, storage)
                    change.put_table(
                        replace(
                            table,
                            num_rows=table.num_rows + mutated.more_rows,
                            version=change.time_us,
                            modified_ms=change.time_us // 1000,
                            etag=self._catalog.new_etag(),
                        )
                    )
        except BaseException:
            self.rollback()
            raise
        self._forget()

    def _settle(self, storage: Storage, removed: str, now_us: int) -> None:
        name, run = storage.engine_table, self._session.execute
        listed = f"rowid IN (SELECT _rowid FROM {removed})"
        run(f"UPDATE {name} SET {VERSION_END} = {now_us} WHERE {VERSION_BEGIN} < {_FIRST_MARK} AND {listed}")
        run(
            f"UPDATE {name} SET {VERSION_BEGIN} = {now_us}, {VERSION_END} = NULL"
            f" WHERE {VERSION_BEGIN} = {self.mark} AND NOT {listed}"
        )
        self._bury(storage)

    def _bury(self, storage: Storage) -> None:
        """Give rows of the transaction that do not live a time in which nobody reads them."""
        self._session.execute(
            f"UPDATE {storage.engine_table} SET {VERSION_BEGIN} = 0, {VERSION_END} = 0"
            f" WHERE {VERSION_BEGIN} = {self.mark}"
        )

    # Between the queries of a session

    def suspend(self) -> None:
        """Let go of the engine session; the transaction stays open."""
        for mutated in self._mutated.values():
            mutated.kept = self._session.query(f"SELECT _rowid FROM {mutated.removed}", _ROWID)
            self._session.execute(f"DROP TABLE {mutated.removed}")
        self._drop_views()

    def resume(self, session: Session) -> None:
        """Go on in another engine session."""
        self._session = session
        for mutated in self._mutated.values():
            session.execute(f"CREATE OR REPLACE TEMP TABLE {mutated.removed} (_rowid BIGINT)")
            if mutated.kept is not None and mutated.kept.num_rows:
                session.register("_tx_kept", mutated.kept, _ROWID)
                session.execute(f"INSERT INTO {mutated.removed} SELECT * FROM _tx_kept")
                session.unregister("_tx_kept")
            mutated.kept = None

    def release(self) -> None:
        """Let others write to the tables: of a suspended transaction that will be rolled back."""
        self._claims.release(self)

    def rollback(self) -> None:
        """Undo the changes, also when the session has been interrupted."""
        with self._session.shielded():
            try:
                with self._session.transaction():
                    for mutated in self._mutated.values():
                        self._bury(storage_of(mutated.base))
            finally:
                self._forget()

    def _forget(self) -> None:
        self._claims.release(self)
        mutated, self._mutated = self._mutated, {}
        with self._session.shielded():
            self._drop_views()
            for one in mutated.values():
                self._session.execute(f"DROP TABLE IF EXISTS {one.removed}")

    def _drop_views(self) -> None:
        views, self._views = self._views, set()
        for view in views:
            self._session.execute(f"DROP VIEW IF EXISTS {view}")


@dataclass(slots=True)
class TransactionWriter(Writer):
    """A writer whose changes only its transaction sees: ``version`` is the transaction's mark."""

    removed_rows: str = ""

    visible: str = "TRUE"
    cleared: bool = False

    @property
    def ends(self) -> int | None:
        return self.version

    @property
    def gone(self) -> str:
        return f"rowid IN (SELECT _rowid FROM {self.removed_rows})"

    def remove(self, rows: str) -> int:
        count = self.session.execute(f"INSERT INTO {self.removed_rows} {rows}")
        self.removed += count
        return count

    def clear(self) -> int:
        self.cleared = True
        storage = storage_of(self.table)
        return self.remove(f"SELECT rowid FROM {storage.engine_table} WHERE {self.visible}")
