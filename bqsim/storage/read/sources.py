"""What a read session reads: the rows of a stored table at a moment, or the rows of a query result."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bqsim.catalog.history import HISTORY_US
from bqsim.catalog.refs import TableRef
from bqsim.catalog.resources import Storage, Table, TableKind
from bqsim.errors import BigQueryError
from bqsim.sim.stale import seen
from bqsim.sql.googlesql.catalog import PARTITION_DATE, PARTITION_TIME
from bqsim.sql.statements.storage import live
from bqsim.sql.statements.time_travel import as_of
from bqsim.storage.errors import from_bigquery, invalid_argument
from bqsim.types import Field

if TYPE_CHECKING:
    from bqsim.catalog.buffers import Buffer
    from bqsim.catalog.store import Catalog
    from bqsim.jobs.results import ResultSet, ResultStore

_READABLE = frozenset({TableKind.TABLE, TableKind.SNAPSHOT})
FAILED = "request failed: "
_NOT_A_TABLE = FAILED + "non-table entities cannot be read with the storage API"


@dataclass(frozen=True, slots=True)
class StoredRows:
    """The rows of a stored table as of ``version`` (epoch microseconds).

    ``table`` has the schema and the storage of that moment. ``row_count`` is the number of rows where it
    is known without counting. Rows are numbered by the engine's row identifiers, dead row versions
    included.
    """

    table: Table
    storage: Storage
    version: int
    row_count: int | None
    # What the streaming buffer held: rows without a partition yet.
    buffer: Buffer | None = None

    @property
    def key(self) -> Hashable:
        """Equal for sources with the same rows."""
        return (self.storage.engine_table, self.version, self.buffer)

    @property
    def fields(self) -> tuple[Field, ...]:
        return self.table.fields

    @property
    def pseudo(self) -> tuple[Field, ...]:
        """The pseudo columns, which are read only by name."""
        by = self.table.time_partitioning
        if by is None or by.field is not None:
            return ()
        return (PARTITION_TIME, PARTITION_DATE) if by.type == "DAY" else (PARTITION_TIME,)

    @property
    def live(self) -> str:
        """The engine condition of the rows that there were."""
        return f"({live(self.storage, self.version)})"


@dataclass(frozen=True, slots=True)
class ResultRows:
    """The rows of a query result, numbered by their positions."""

    table: Table
    result: ResultSet

    @property
    def key(self) -> Hashable:
        """Equal for sources with the same rows."""
        return (self.result.ref, self.result.created_us)

    @property
    def fields(self) -> tuple[Field, ...]:
        return self.table.fields

    @property
    def pseudo(self) -> tuple[Field, ...]:
        return ()


Source = StoredRows | ResultRows


def find_source(
    catalog: Catalog, results: ResultStore, ref: TableRef, snapshot_us: int | None, now_us: int
) -> Source:
    """The rows of ``ref``, now or at a past time (epoch microseconds).

    Raises NOT_FOUND, and INVALID_ARGUMENT for what has no rows of its own and for bad times.
    """
    if snapshot_us is not None and snapshot_us > now_us:
        raise invalid_argument(
            f"{FAILED}Invalid snapshot time {snapshot_us // 1000} for table {ref.api_name}@"
            f"{snapshot_us // 1000}. Cannot read from the future."
        )
    if ref.dataset.startswith("_"):
        result = results.find(ref, now_us)
        if result is not None:
            return ResultRows(result.as_table(), result)
    try:
        table = catalog.table(ref) if snapshot_us is None else _past_table(catalog, ref, snapshot_us, now_us)
    except BigQueryError as error:
        raise from_bigquery(error, FAILED) from None
    view = seen()
    if snapshot_us is None and view is not None and view.rows and table.storage is not None:
        table, snapshot_us = as_of(catalog, table, now_us - view.rows), now_us - view.rows
    storage = table.storage
    if table.kind not in _READABLE or storage is None:
        raise invalid_argument(_NOT_A_TABLE)
    buffer = None if storage.partition is None else catalog.buffers.find(storage.engine_table)
    if snapshot_us is None or table.version < snapshot_us:
        return StoredRows(table, storage, table.version, table.num_rows, buffer)
    return StoredRows(table, storage, snapshot_us, None, buffer)


def _past_table(catalog: Catalog, ref: TableRef, time_us: int, now_us: int) -> Table:
    past = catalog.table_at(ref, time_us)
    if past is not None and time_us >= now_us - HISTORY_US:
        return past
    table = catalog.table(ref)
    time_ms = time_us // 1000
    earliest = max(table.created_ms, (now_us - HISTORY_US) // 1000)
    raise BigQueryError(
        "invalid",
        f"Invalid snapshot time {time_ms} for table {ref.api_name}@{time_ms}. Cannot read before {earliest}.",
    )
