"""The resources of the catalog: immutable values, replaced whole when they change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from bqsim.types import Field

from .refs import DatasetRef, RoutineRef, TableRef

# Page "BigQuery storage pricing": storage that has not changed for so long is long-term.
LONG_TERM_MS = 90 * 24 * 3600 * 1000


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset. Times are epoch milliseconds; ``metadata`` is what the API accepts and returns as is."""

    ref: DatasetRef
    location: str
    created_ms: int
    modified_ms: int
    etag: str
    friendly_name: str | None = None
    description: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    default_table_expiration_ms: int | None = None
    default_partition_expiration_ms: int | None = None
    default_collation: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


class TableKind(StrEnum):
    """The API's table types. ANONYMOUS marks a query result: it is answered as TABLE."""

    TABLE = "TABLE"
    VIEW = "VIEW"
    MATERIALIZED_VIEW = "MATERIALIZED_VIEW"
    EXTERNAL = "EXTERNAL"
    SNAPSHOT = "SNAPSHOT"


@dataclass(frozen=True, slots=True)
class ChangeLog:
    """What change data capture keeps about a table that has had upserts.

    ``engine_table`` holds the sequence numbers that were applied, by key, also of deleted rows; ``columns``
    are the engine columns of the table that were its primary key then.
    """

    engine_table: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Storage:
    """Where a table's rows are in the engine.

    ``engine_table`` is the engine's table; ``columns[i]`` is the engine column of ``Table.fields[i]``
    (so renaming or dropping a column moves no data); ``next_column`` numbers the next added column.
    ``changes`` is set once change data capture has written to the table. ``partition`` is the engine column
    with the start of each row's partition, of a table that is partitioned by ingestion time.
    """

    engine_table: str
    columns: tuple[str, ...]
    next_column: int
    changes: ChangeLog | None = None
    partition: str | None = None

    @property
    def engine_tables(self) -> tuple[str, ...]:
        """All that the engine holds for the table."""
        return (
            (self.engine_table,) if self.changes is None else (self.engine_table, self.changes.engine_table)
        )


@dataclass(frozen=True, slots=True)
class TimePartitioning:
    """``field`` is None for ingestion time; ``type`` is HOUR, DAY, MONTH or YEAR."""

    type: str
    field: str | None = None
    expiration_ms: int | None = None


@dataclass(frozen=True, slots=True)
class RangePartitioning:
    field: str
    start: int
    end: int
    interval: int


@dataclass(frozen=True, slots=True)
class Index:
    """A search or vector index (``kind`` SEARCH or VECTOR) on ``columns``.

    ``all_columns``: it was made on all; ``storing`` are further columns in it, ``options`` its options by
    lower-case name, ``column_options`` those of columns, ``ddl`` the statement.
    """

    name: str
    kind: str
    columns: tuple[str, ...]
    all_columns: bool = False
    storing: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    column_options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    ddl: str = ""
    created_ms: int = 0
    modified_ms: int = 0


@dataclass(frozen=True, slots=True)
class RowAccessPolicy:
    """Which rows of a table its ``grantees`` see: those for which ``filter_predicate`` (SQL) is true.

    Names in the predicate are relative to ``project`` and ``dataset``, those of whoever wrote it.
    """

    policy_id: str
    filter_predicate: str
    grantees: tuple[str, ...]
    created_ms: int
    modified_ms: int
    etag: str
    project: str = ""
    dataset: DatasetRef | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A table, view or snapshot.

    ``version`` is the commit time of the last change of rows (epoch microseconds); a new ``etag`` is
    given at each change of metadata or rows. ``num_rows`` counts live rows. ``view_query`` is the
    GoogleSQL text of a view. ``metadata`` holds what the API accepts and returns as is.
    """

    ref: TableRef
    kind: TableKind
    fields: tuple[Field, ...]
    created_ms: int
    modified_ms: int
    etag: str
    location: str
    version: int = 0
    storage: Storage | None = None
    num_rows: int = 0
    view_query: str | None = None
    friendly_name: str | None = None
    description: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    expiration_ms: int | None = None
    time_partitioning: TimePartitioning | None = None
    range_partitioning: RangePartitioning | None = None
    require_partition_filter: bool = False
    clustering: tuple[str, ...] = ()
    primary_key: tuple[str, ...] = ()
    default_collation: str | None = None
    base_table: TableRef | None = None
    snapshot_ms: int | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    row_access_policies: tuple[RowAccessPolicy, ...] = ()
    indexes: tuple[Index, ...] = ()

    def is_long_term(self, now_ms: int) -> bool:
        """Whether its storage is billed as long-term: nothing of it was changed for 90 days."""
        return now_ms - self.modified_ms >= LONG_TERM_MS

    def field_index(self, name: str) -> int | None:
        """The position of a column; column names are case insensitive."""
        folded = name.casefold()
        return next((i for i, f in enumerate(self.fields) if f.name.casefold() == folded), None)


@dataclass(frozen=True, slots=True)
class Routine:
    """A user-defined function or procedure. ``body`` is the ``routines`` resource as the API shows it,
    ``ddl`` the CREATE statement that defines it."""

    ref: RoutineRef
    created_ms: int
    modified_ms: int
    etag: str
    ddl: str
    body: Mapping[str, Any] = field(default_factory=dict)
