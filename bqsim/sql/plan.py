"""What the SQL front end hands to the job that runs a statement."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from bqsim.catalog.refs import DatasetRef, RoutineRef, TableRef
from bqsim.catalog.resources import Table
from bqsim.types import Field, Type


class Route(StrEnum):
    """Who computes a statement: the columnar engine, or GoogleSQL's own evaluator. METADATA: neither."""

    ENGINE = "ENGINE"
    REFERENCE = "REFERENCE"
    METADATA = "METADATA"


@dataclass(frozen=True, slots=True)
class TypedValue:
    """A value with its type: a query parameter or a script variable.

    ``value`` is the Python form of one cell of the canonical Arrow form (``pa.scalar(...).as_py()``):
    int, float,
    ``decimal.Decimal``, bool, str, bytes, ``datetime`` values (TIMESTAMP is aware, UTC; DATETIME naive),
    INTERVAL a
    ``pyarrow.MonthDayNano``, JSON and GEOGRAPHY text, RANGE a dict start/end, ARRAY a list, STRUCT a
    list of field
    values in order (names may repeat). None is NULL.
    """

    type: Type
    value: Any


@dataclass(slots=True)
class Context:
    """What a statement is analysed and run in.

    ``parameters`` are named (lower-case keys) or ``positional`` (in order), never both. ``variables``
    are script
    variables by lower-case name. ``now_us`` is the statement's CURRENT_TIMESTAMP. ``temp_dataset`` is
    the hidden
    dataset of temp tables in a script or session; ``temp_functions`` holds CREATE TEMP FUNCTION texts by
    name;
    ``rows_at_us`` is when the rows of tables are read that a query reads otherwise than now;
    ``pinned`` are tables to be seen otherwise than they are now; ``transaction`` is the open
    multi-statement transaction, and ``keeps_transaction`` says that it outlives the script, as in a session;
    ``groups`` are those that the
    ``caller`` comes with; ``filtering`` are the tables whose row access policies are being evaluated;
    ``cancelled`` turns true when a statement
    that waits for
    others is to stop. ``library`` reads the
    library of a JavaScript function by its URI; ``job`` is the resource name of the job that runs the
    statement; ``abort_session`` ends a session by its id (None: the one that the statement runs in).
    ``afford`` raises the refusal of a statement that would be charged too much, before it runs.
    """

    project: str
    default_dataset: DatasetRef | None = None
    parameters: Mapping[str, TypedValue] = field(default_factory=dict)
    positional: tuple[TypedValue, ...] = ()
    variables: dict[str, TypedValue] = field(default_factory=dict)
    system_variables: dict[str, TypedValue] = field(default_factory=dict)
    temp_dataset: DatasetRef | None = None
    temp_functions: dict[str, str] = field(default_factory=dict)
    caller: str = ""
    time_zone: str = "UTC"
    location: str = "US"
    now_us: int = 0
    undeclared_parameters_allowed: bool = False
    rows_at_us: int | None = None
    pinned: Mapping[TableRef, Table] = field(default_factory=dict)
    transaction: Any = None
    keeps_transaction: bool = False
    cancelled: Callable[[], bool] | None = None
    groups: tuple[str, ...] = ()
    filtering: tuple[TableRef, ...] = ()
    library: Callable[[str], str] | None = None
    job: str = ""
    abort_session: Callable[[str | None], None] | None = None
    afford: Callable[[BytesRead], None] | None = None


class Filtering(StrEnum):
    """What the filters on a partitioning or clustering column do for a scan: leave parts of the table out, or
    why they cannot."""

    PRUNES = "PRUNES"
    NO_FILTER = "NO_FILTER"
    # It is not compared with constants, or by an expression that says nothing of partitions or blocks.
    NOT_COMPARABLE = "NOT_COMPARABLE"
    # Filters on clustering columns count from the first on.
    NO_PREFIX = "NO_PREFIX"


@dataclass(frozen=True, slots=True)
class Scan:
    """One scan of a table of which a part may be left out, with the names of the columns that it reads.

    ``condition`` is the engine condition of the partitions that it needs, over the relation ``p`` of
    :mod:`bqsim.sql.lower.partition_conditions`; None for all. Of a table behind a wildcard, ``suffix`` is
    what stands for the ``*``, and ``suffixes`` the condition of those that are needed. ``dropped`` is the
    condition of the partitions that a DELETE drops whole, without reading them. ``at_most``: a filter on the
    first clustering column may leave blocks out when it runs, and ``blocks`` is the condition of those that
    it needs (:mod:`bqsim.sql.lower.block_conditions`). ``share`` is how much of it TABLESAMPLE takes.
    ``filters`` say of the partitioning and clustering columns what their filters do.
    """

    columns: tuple[str, ...]
    condition: str | None = None
    suffix: str | None = None
    dropped: str | None = None
    at_most: bool = False
    suffixes: str | None = None
    blocks: str | None = None
    share: float = 1.0
    filters: tuple[tuple[str, Filtering], ...] = ()


@dataclass(frozen=True, slots=True)
class Pruning:
    """Which part of a partitioned or clustered table a statement reads, and why not less.

    ``partitions`` and ``blocks`` are (read, of how many), None without; blocks are those of the partitions
    read. ``bytes`` are those of the columns read, ``left_out`` those of the same columns in other blocks.
    ``filters`` are those of each scan of it.
    """

    table: TableRef
    bytes: int
    left_out: int = 0
    partitions: tuple[int, int] | None = None
    blocks: tuple[int, int] | None = None
    filters: tuple[tuple[tuple[str, Filtering], ...], ...] = ()


@dataclass(frozen=True, slots=True)
class BytesRead:
    """What a statement is charged for: the bytes of each table that it reads (a wildcard is one table), and
    how many partitions of partitioned ones it reads, None without any. ``pruning`` tells how it came to
    that. ``upper`` are the bytes as they are estimated before blocks are left out, None when none are."""

    tables: tuple[int, ...] = ()
    partitions: int | None = None
    accuracy: str = "PRECISE"
    pruning: tuple[Pruning, ...] = ()
    upper: tuple[int, ...] | None = None

    @property
    def total(self) -> int:
        return sum(self.tables)

    @property
    def estimate(self) -> BytesRead:
        """What is known before the statement runs."""
        return self if self.upper is None else replace(self, tables=self.upper, upper=None)

    def with_tables(self, sizes: Sequence[int]) -> BytesRead:
        """With other tables of so many bytes."""
        upper = None if self.upper is None else (*self.upper, *sizes)
        return replace(self, tables=(*self.tables, *sizes), upper=upper)

    def joined(self, other: BytesRead) -> BytesRead:
        """What two statements are charged for."""
        partitions = [n for n in (self.partitions, other.partitions) if n is not None]
        accuracy = self.accuracy if other.accuracy in ("PRECISE", self.accuracy) else other.accuracy
        pruning = (*self.pruning, *other.pruning)
        upper = None
        if self.upper is not None or other.upper is not None:
            upper = (*self.estimate.tables, *other.estimate.tables)
        tables = (*self.tables, *other.tables)
        return BytesRead(tables, sum(partitions) if partitions else None, accuracy, pruning, upper)


@dataclass(frozen=True, slots=True)
class QueryPlan:
    """A statement that returns rows, ready to run.

    ``engine_sql`` is set on the engine route, ``reference`` (an opaque request of ``bqsim.sql.reference``) on
    the other. ``inputs`` maps names of Arrow relations to register before the run to (fields, callable
    giving a
    ``pyarrow.Table``). ``schema`` names the output columns as the service does. ``tables`` are the
    tables read (views
    resolved); ``views`` the views passed through; ``routines`` the persistent routines.
    ``deterministic`` is false when CURRENT_*, RAND,
    SESSION_USER
    and the like make the result uncacheable. ``route_reason`` says why not the engine route, else "".
    ``policies_used`` counts the row access policies that name the caller, None when no table read has any.
    ``materialized`` are the materialized views named, each with why its stored rows are not read, or None.
    ``scans`` are the scans of tables that may be read in part, ``wildcards`` the tables behind each wildcard.
    """

    route: Route
    route_reason: str
    schema: tuple[Field, ...]
    tables: tuple[TableRef, ...]
    views: tuple[TableRef, ...] = ()
    columns_read: Mapping[TableRef, tuple[str, ...]] = field(default_factory=dict)
    engine_sql: str | None = None
    reference: Any = None
    inputs: Mapping[str, Any] = field(default_factory=dict)
    ordered: bool = False
    deterministic: bool = True
    routines: tuple[RoutineRef, ...] = ()
    policies_used: int | None = None
    materialized: tuple[tuple[TableRef, str | None], ...] = ()
    scans: Mapping[TableRef, tuple[Scan, ...]] = field(default_factory=dict)
    wildcards: tuple[tuple[TableRef, ...], ...] = ()

    @property
    def reads_materialized(self) -> bool:
        """Whether it reads stored rows of materialized views, which hold until a base table changes."""
        return any(reason is None for _, reason in self.materialized)


@dataclass(frozen=True, slots=True)
class DmlStats:
    """Rows changed by a DML statement, by kind."""

    inserted: int = 0
    updated: int = 0
    deleted: int = 0

    @property
    def total(self) -> int:
        return self.inserted + self.updated + self.deleted


@dataclass(frozen=True, slots=True)
class ExportStats:
    """What EXPORT DATA wrote."""

    files: int
    rows: int


@dataclass(frozen=True, slots=True)
class LoadStats:
    """What LOAD DATA read and wrote."""

    files: int
    file_bytes: int
    rows: int
    bad_records: int = 0


@dataclass(slots=True)
class StatementResult:
    """What one executed statement did.

    ``statement_type`` is the API's ``statementType``. ``rows`` (a ``pyarrow.Table`` in canonical form,
    columns by
    position of ``schema``) is set for statements that return rows. ``ddl_operation`` is CREATE, REPLACE,
    SKIP, DROP
    or ALTER, with the target it was about. ``written_rows`` is the number of rows that a query wrote to its
    destination. ``undeclared`` are the types of parameters that a dry run was not given, by name or position.
    ``row_level_security``: a table that it read has row access policies. ``dcl_target`` is the dataset or
    the table of a GRANT or REVOKE. ``read`` is what it is charged for.
    """

    statement_type: str
    route: Route = Route.METADATA
    route_reason: str = ""
    schema: tuple[Field, ...] = ()
    rows: Any = None
    plan: QueryPlan | None = None
    dml: DmlStats | None = None
    export: ExportStats | None = None
    load: LoadStats | None = None
    ddl_operation: str | None = None
    ddl_target_table: TableRef | None = None
    ddl_target_dataset: DatasetRef | None = None
    ddl_target_routine: Any = None
    tables: tuple[TableRef, ...] = ()
    read: BytesRead = BytesRead()
    written_rows: int | None = None
    undeclared: Mapping[str, Type] = field(default_factory=dict)
    row_level_security: bool = False
    ddl_target_row_access_policy: Any = None
    ddl_affected_row_access_policies: int | None = None
    dcl_target: Any = None

    @property
    def bytes_processed(self) -> int:
        """The logical bytes of all that it reads."""
        return self.read.total

    @property
    def protected(self) -> bool:
        """Whether it depends on row access policies: a table that it read has some."""
        return self.row_level_security or (self.plan is not None and self.plan.policies_used is not None)
