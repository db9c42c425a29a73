"""Rows into tables: what DML, CREATE TABLE AS SELECT, query destinations, loads and streaming have in
common.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from bqsim.catalog.refs import TableRef
from bqsim.catalog.resources import Table, TableKind
from bqsim.catalog.store import Catalog, Change
from bqsim.engine.protocol import VERSION_END, Interrupted, Session
from bqsim.errors import BigQueryError
from bqsim.types import Field

from .claims import Claims
from .conversions import converted
from .sizes import added_bytes, row_bytes, row_sizes, stored_bytes
from .storage import forget_changes, insert_select, live, storage_of, with_storage

if TYPE_CHECKING:
    import pyarrow as pa

_WRITABLE = frozenset({TableKind.TABLE})
# Of so many inserted rows it takes less to count their bytes than it took to insert them.
COUNTED = 10_000
# Rows that come from so many are ordered by partition: the engine looks at 122,880 rows at a time.
ORDERED = 1_000_000
# The relation of rows that are being appended.
_ROWS = "_bq_rows"


@dataclass(slots=True)
class Writer:
    """Changes the rows of one table in an open transaction, as one new version of it.

    ``version`` (epoch microseconds) is when removed rows end and new rows begin. The counts are of rows
    so far; ``bytes`` are the logical bytes of the engine columns of the live rows, as far as they are known,
    ``uncounted`` those of columns that new rows have been inserted into uncounted, without all new rows.
    ``partition`` is the engine expression of the partition that inserted rows get in a table by ingestion
    time; None is that of the version.
    """

    session: Session
    table: Table
    version: int
    inserted: int = 0
    removed: int = 0
    segments: list[tuple[bool, int]] = field(default_factory=list)
    bytes: dict[str, int] = field(default_factory=dict)
    partition: str | None = None
    uncounted: dict[str, int] = field(default_factory=dict)
    _before: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        self._before = dict(self.bytes)

    @property
    def ends(self) -> int | None:
        """When inserted rows end; None for rows that live on."""
        return None

    @property
    def gone(self) -> str:
        """The engine condition of the rows that were removed."""
        return f"{VERSION_END} = {self.version}"

    def insert(
        self,
        fields: Sequence[Field],
        select: str,
        *,
        updating: bool = False,
        partition: str | None = None,
        single: bool = False,
        large: bool = False,
        sizes: Sequence[int | None] = (),
    ) -> int:
        """Insert the rows of an engine SELECT with columns ``v1`` … for ``fields``; the number of rows.

        ``updating``: they replace rows that were removed. ``partition`` is the expression of their partition,
        of columns of the SELECT. ``single``: it is one row; ``large``: there may be so many that they are
        ordered by partition. ``sizes`` are the logical bytes of the columns, None where they are not known.
        """
        if single and self.bytes:
            return self._insert_one(fields, select, partition)
        count = self._insert(fields, select, updating, partition, large)
        if count:
            self._add(sizes or [None] * len(fields), fields)
        return count

    def _insert_one(self, fields: Sequence[Field], select: str, partition: str | None) -> int:
        storage = storage_of(self.table)
        found: tuple[object, ...] = insert_select(
            self.session,
            self.table,
            fields,
            select,
            self.version,
            self.ends,
            partition or self.partition,
            row_sizes(self.table),
        )
        self.inserted += 1
        self.segments.append((False, 1))
        for column, size in zip(storage.columns, row_bytes(self.table, found), strict=True):
            if column in self.bytes:
                self.bytes[column] += size
        return 1

    def _insert(
        self,
        fields: Sequence[Field],
        select: str,
        updating: bool = False,
        partition: str | None = None,
        large: bool = False,
    ) -> int:
        count: int = insert_select(
            self.session,
            self.table,
            fields,
            select,
            self.version,
            self.ends,
            partition or self.partition,
            ordered=large,
        )
        self.inserted += count
        self.segments.append((updating, count))
        return count

    def _unknown(self, fields: Iterable[Field]) -> None:
        """Columns have values whose bytes nobody has counted."""
        for given in fields:
            column = self._column(given)
            if self.bytes.pop(column, None) is not None:
                self.uncounted[column] = self._before[column]

    def count(self, inserted: int) -> None:
        """Count the bytes of the rows that were inserted uncounted, where that takes little beside the
        insertion; ``inserted`` rows came in, and of those that came beside the writer it knows nothing.
        """
        if inserted != sum(n for _, n in self.segments):
            self._unknown(self.table.fields)
        if self.uncounted and (inserted >= COUNTED or not any(self._before.values())):
            found = added_bytes(self.session, self.table, list(self.uncounted), self.version)
            self.bytes |= {c: before + found[c] for c, before in self.uncounted.items()}
            self.uncounted = {}

    def _column(self, given: Field) -> str:
        index = self.table.field_index(given.name)
        return "" if index is None else storage_of(self.table).columns[index]

    def remove(self, rows: str) -> int:
        """End the live rows whose identifiers the engine SELECT ``rows`` returns; the number of rows."""
        storage = storage_of(self.table)
        count = self.session.execute(
            f"UPDATE {storage.engine_table} SET {VERSION_END} = {self.version} WHERE rowid IN ({rows})"
        )
        self.removed += count
        if count:
            self._before, self.bytes, self.uncounted = {}, {}, {}
        return count

    def clear(self) -> int:
        """End all live rows; the number of rows."""
        storage = storage_of(self.table)
        count = self.session.execute(
            f"UPDATE {storage.engine_table} SET {VERSION_END} = {self.version} WHERE {live(storage)}"
        )
        forget_changes(self.session, storage)
        self.removed += count
        self.bytes, self.uncounted = dict.fromkeys(storage.columns, 0), {}
        self._before = dict(self.bytes)
        return count

    def append(
        self,
        rows: pa.Table,
        fields: Sequence[Field],
        *,
        given: Sequence[Field] | None = None,
        defaults: Mapping[str, str] | None = None,
    ) -> int:
        """Append canonical Arrow rows whose columns are for ``fields``, checked as inserted rows are;
        their number.

        ``given`` are the columns as they come where their types are narrower. ``defaults`` are engine
        expressions for
        further fields by name.
        """
        if not rows.num_rows:
            return 0
        sources = fields if given is None else given
        self.session.register(_ROWS, rows, sources)
        try:
            count = self._insert(*self._arrived(sources, fields, defaults or {}))
        finally:
            self.session.unregister(_ROWS)
        self._add(_sizes(rows, sources, fields), fields, defaults or {})
        return count

    def append_batches(
        self,
        batches: Iterable[pa.Table],
        fields: Sequence[Field],
        *,
        given: Sequence[Field] | None = None,
        defaults: Mapping[str, str] | None = None,
    ) -> int:
        """As :meth:`append`, of many batches in one statement, so that few of them are held at a time.

        Raises what making a batch raises.
        """
        sources = fields if given is None else given
        totals: list[int | None] = [0] * len(fields)

        def counted() -> Iterator[pa.Table]:
            for rows in batches:
                for i, size in enumerate(_sizes(rows, sources, fields)):
                    total = totals[i]
                    totals[i] = None if total is None or size is None else total + size
                yield rows

        with self.session.stream(_ROWS, counted(), sources):
            count = self._insert(*self._arrived(sources, fields, defaults or {}))
        if count:
            self._add(totals, fields, defaults or {})
        return count

    def _arrived(
        self, sources: Sequence[Field], fields: Sequence[Field], defaults: Mapping[str, str]
    ) -> tuple[list[Field], str]:
        """The columns that rows registered as :data:`_ROWS` fill, and the engine SELECT that does it."""
        values = [
            converted(f"c{i}", source, target)
            for i, (source, target) in enumerate(zip(sources, fields, strict=True), 1)
        ]
        filled = list(fields)
        for other in self.table.fields:
            if other.name in defaults:
                filled.append(other)
                values.append(defaults[other.name])
        columns = ", ".join(f"{v} AS v{i}" for i, v in enumerate(values, 1))
        return filled, f"SELECT {columns} FROM {_ROWS}"

    def _add(
        self, sizes: Iterable[int | None], fields: Sequence[Field], defaults: Mapping[str, str] | None = None
    ) -> None:
        """Count the bytes of appended columns; None is not known."""
        if defaults:
            self._unknown(f for f in self.table.fields if f.name in defaults)
        for size, filled in zip(sizes, fields, strict=True):
            column = self._column(filled)
            if size is None:
                self._unknown([filled])
            elif column in self.bytes:
                self.bytes[column] += size


def _sizes(rows: pa.Table, sources: Sequence[Field], fields: Sequence[Field]) -> Iterator[int | None]:
    """The bytes that the columns of canonical rows have once they are stored in ``fields``."""
    for values, source, filled in zip(rows.columns, sources, fields, strict=True):
        yield stored_bytes(values, source, filled)


def known_bytes(catalog: Catalog, table: Table) -> dict[str, int]:
    """The logical bytes of a table's engine columns, as far as they are known."""
    storage = table.storage
    if storage is None:
        return {}
    if not table.num_rows:
        return dict.fromkeys(storage.columns, 0)
    return dict(catalog.stored_bytes.of(storage.engine_table, table.version))


def note_bytes(change: Change, writer: Writer, table: Table, inserted: int) -> None:
    """Keep what a writer knows of the bytes of its table, ``table`` as it is then, once the change is
    committed. To be called before the table is put.

    A writer that does not know all leaves what was known before: who asks counts what has changed since.
    """
    storage = table.storage
    if storage is None or not (writer.bytes or writer.uncounted):
        return
    writer.count(inserted)
    if writer.bytes.keys() >= set(storage.columns):
        change.note_bytes(storage.engine_table, writer.bytes, table.num_rows)


@contextmanager
def writing(
    catalog: Catalog,
    claims: Claims,
    session: Session,
    ref: TableRef,
    cancelled: Callable[[], bool] | None = None,
) -> Iterator[Writer]:
    """Write to a table: its lock, a transaction, and at the end its new row count, version and etag.

    Nothing is changed when the block raises. Raises ``notFound``, or ``invalid`` for what is not a
    table. Waits
    for multi-statement transactions that have changed the table; ``Interrupted`` when ``cancelled``
    meanwhile.
    """
    with ExitStack() as held:
        while True:
            claims.wait_for(ref, cancelled)
            held.enter_context(_lock(catalog, ref, cancelled))
            if not claims.taken(ref):
                break
            held.close()
        change = held.enter_context(catalog.change(session))
        table = writable(catalog.table(ref))
        writer = Writer(session, table, change.time_us, bytes=known_bytes(catalog, table))
        yield writer
        if writer.table.storage is not None:
            change.note_updates(writer.table.storage.engine_table, writer.segments)
        if writer.inserted or writer.removed or writer.table is not table:
            after = touched(catalog, writer.table, change, writer.inserted - writer.removed)
            note_bytes(change, writer, after, writer.inserted)
            change.put_table(after)


@contextmanager
def _lock(catalog: Catalog, ref: TableRef, cancelled: Callable[[], bool] | None) -> Iterator[None]:
    with ExitStack() as held:
        try:
            held.enter_context(catalog.lock(ref, cancelled=cancelled))
        except InterruptedError:
            raise Interrupted from None
        yield


def is_large(catalog: Catalog, sources: Iterable[TableRef]) -> bool:
    """Whether rows that are made of those of some tables may be many."""
    found = (catalog.find_table(ref) for ref in sources)
    return sum(table.num_rows for table in found if table is not None) >= ORDERED


def writable(table: Table) -> Table:
    """``table``, when its rows may be changed."""
    if table.kind not in _WRITABLE:
        raise BigQueryError(
            "invalidQuery",
            f"{table.ref.api_name} is not allowed for this operation because it is currently a {table.kind}.",
            location="query",
        )
    return table


def touched(catalog: Catalog, table: Table, change: Change, more_rows: int) -> Table:
    """``table`` after a change of rows: a new version, etag and modification time."""
    return replace(
        table,
        num_rows=table.num_rows + more_rows,
        version=change.time_us,
        modified_ms=change.time_us // 1000,
        etag=catalog.new_etag(),
    )


def created(catalog: Catalog, session: Session, change: Change, table: Table) -> Writer:
    """Give a new table its storage (replacing what has its name) and a writer into it.

    Call :func:`finish_creation` after writing.
    """
    stored = with_storage(session, catalog.next_engine_table(), replace(table, version=change.time_us))
    return Writer(session, stored, change.time_us, bytes=known_bytes(catalog, stored))


def finish_creation(change: Change, writer: Writer) -> Table:
    """Put the created table into the catalog."""
    table = replace(writer.table, num_rows=writer.inserted)
    note_bytes(change, writer, table, writer.inserted)
    change.put_table(table)
    return table
