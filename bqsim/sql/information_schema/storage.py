"""Views about stored rows: partitions, sizes, ``__TABLES__``."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from bqsim.catalog.resources import LONG_TERM_MS, Table, TableKind
from bqsim.sql.statements.sizes import column_total
from bqsim.types import TypeKind

from .tables import moment
from .view import Row, Scope, View, columns

_FORMATS = {"HOUR": "%Y%m%d%H", "DAY": "%Y%m%d", "MONTH": "%Y%m", "YEAR": "%Y"}
_TYPE_NUMBERS = {
    TableKind.TABLE: 1,
    TableKind.VIEW: 2,
    TableKind.EXTERNAL: 3,
    TableKind.MATERIALIZED_VIEW: 4,
    TableKind.SNAPSHOT: 5,
}


def partition_id(table: Table) -> str | None:
    """The engine expression of the id of a row's partition; None for a table without partitions."""
    storage = table.storage
    assert storage is not None
    by_range, time = table.range_partitioning, table.time_partitioning
    if by_range is not None:
        column = storage.columns[table.field_index(by_range.field) or 0]
        start, end, step = by_range.start, by_range.end, by_range.interval
        return (
            f"CASE WHEN {column} IS NULL THEN '__NULL__'"
            f" WHEN {column} < {start} OR {column} >= {end} THEN '__UNPARTITIONED__'"
            f" ELSE CAST({start} + (({column} - {start}) // {step}) * {step} AS VARCHAR) END"
        )
    if time is None:
        return None
    if time.field is None:
        return f"strftime(make_timestamp(_begin), '{_FORMATS[time.type]}')"
    index = table.field_index(time.field) or 0
    column = storage.columns[index]
    moment_ = f"CAST({column} AS TIMESTAMP)" if table.fields[index].kind is TypeKind.DATE else column
    return f"CASE WHEN {column} IS NULL THEN '__NULL__' ELSE strftime({moment_}, '{_FORMATS[time.type]}') END"


def _tier(changed_ms: int, now_ms: int) -> str:
    return "LONG_TERM" if now_ms - changed_ms >= LONG_TERM_MS else "ACTIVE"


def _partitions(scope: Scope) -> Iterator[Row]:
    now_ms = scope.catalog.clock.now_us() // 1000
    for table in scope.tables():
        storage = table.storage
        if storage is None or table.kind is not TableKind.TABLE:
            continue
        name = table.ref.project, table.ref.dataset, table.ref.table
        expression = partition_id(table)
        if expression is None:
            size = scope.sizes.table(scope.session, table)
            tier = _tier(table.modified_ms, now_ms)
            yield *name, None, table.num_rows, size, size, moment(table.modified_ms), tier
            continue
        size_sql = " + ".join(column_total(f, c) for f, c in zip(table.fields, storage.columns, strict=True))
        found = scope.session.scalar(
            "SELECT list([id, CAST(n AS VARCHAR), CAST(size AS VARCHAR), CAST(changed AS VARCHAR)]"
            " ORDER BY id)"
            f" FROM (SELECT {expression} AS id, count(*) AS n, {size_sql} AS size, max(_begin) AS changed"
            f" FROM {storage.engine_table} WHERE _end IS NULL GROUP BY 1)"
        )
        assert found is None or isinstance(found, list)
        for id_, rows, size_text, changed in found or ():
            bytes_ = int(size_text)
            modified = datetime.fromtimestamp(int(changed) // 1000 / 1000, UTC)
            tier = _tier(int(changed) // 1000, now_ms)
            yield *name, id_, int(rows), bytes_, bytes_, modified, tier


def _table_storage(scope: Scope) -> Iterator[Row]:
    now_ms = scope.catalog.clock.now_us() // 1000
    for table in scope.tables():
        if table.storage is None:
            continue
        ref = table.ref
        size = scope.sizes.table(scope.session, table)
        long_term = size if table.is_long_term(now_ms) else 0
        yield (
            ref.project,
            ref.project,
            ref.dataset,
            ref.table,
            moment(table.created_ms),
            False,
            moment(table.modified_ms),
            table.num_rows,
            size,
            size - long_term,
            long_term,
            "BASE TABLE" if table.kind is TableKind.TABLE else str(table.kind),
        )


def _meta_tables(scope: Scope) -> Iterator[Row]:
    for t in scope.tables():
        size = scope.sizes.table(scope.session, t)
        number = _TYPE_NUMBERS[t.kind]
        ref = t.ref
        yield ref.project, ref.dataset, ref.table, t.created_ms, t.modified_ms, t.num_rows, size, number


def _meta_summary(scope: Scope) -> Iterator[Row]:
    for t in scope.tables():
        yield t.ref.project, t.ref.dataset, t.ref.table, t.created_ms, _TYPE_NUMBERS[t.kind]


VIEWS: tuple[View, ...] = (
    View(
        "PARTITIONS",
        columns(
            "table_catalog table_schema table_name partition_id total_rows:I total_logical_bytes:I"
            " total_billable_bytes:I last_modified_time:T storage_tier"
        ),
        _partitions,
    ),
    View(
        "TABLE_STORAGE",
        columns(
            "project_id table_catalog table_schema table_name creation_time:T deleted:B"
            " storage_last_modified_time:T total_rows:I total_logical_bytes:I active_logical_bytes:I"
            " long_term_logical_bytes:I table_type"
        ),
        _table_storage,
    ),
)

META_TABLES: tuple[View, ...] = (
    View(
        "__TABLES__",
        columns(
            "project_id dataset_id table_id creation_time:I last_modified_time:I row_count:I size_bytes:I"
            " type:I"
        ),
        _meta_tables,
    ),
    View(
        "__TABLES_SUMMARY__",
        columns("project_id dataset_id table_id creation_time:I type:I"),
        _meta_summary,
    ),
)
