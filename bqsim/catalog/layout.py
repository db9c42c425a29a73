"""What partitioning and clustering of a table may be (pages *Introduction to partitioned tables* and
*Introduction to clustered tables*), as the API tells what is wrong."""

from __future__ import annotations

from bqsim.errors import BigQueryError, invalid
from bqsim.types import Field, Mode, TypeKind
from bqsim.types.api_schema import api_type

from .resources import RangePartitioning, Table, TimePartitioning

MAX_CLUSTERING = 4
MAX_RANGES = 10_000
TIME_KINDS = frozenset({TypeKind.DATE, TypeKind.DATETIME, TypeKind.TIMESTAMP})
CLUSTER_KINDS = frozenset(
    {
        TypeKind.BIGNUMERIC,
        TypeKind.BOOL,
        TypeKind.DATE,
        TypeKind.DATETIME,
        TypeKind.GEOGRAPHY,
        TypeKind.INT64,
        TypeKind.NUMERIC,
        TypeKind.RANGE,
        TypeKind.STRING,
        TypeKind.TIMESTAMP,
    }
)


def check_layout(table: Table) -> None:
    """Raises ``invalid`` for what no table can be partitioned or clustered by. A table without a schema yet
    may be partitioned by any name."""
    time, ranged = table.time_partitioning, table.range_partitioning
    if time is not None and ranged is not None:
        raise invalid("Cannot specify both time partitioning and range partitioning for a table.")
    if time is not None:
        _check_time(table, time)
    if ranged is not None:
        _check_range(table, ranged)
    _check_clustering(table)


def _check_time(table: Table, time: TimePartitioning) -> None:
    if time.expiration_ms is not None and time.expiration_ms < 0:
        raise invalid("Invalid value for timePartitioning.expirationMs: it must not be negative")
    field = None if time.field is None else _partition_field(table, time.field)
    if field is None:
        return
    if field.kind not in TIME_KINDS or field.mode is Mode.REPEATED:
        raise _wrong_type(field, "TIMESTAMP, DATE, DATETIME")
    if field.kind is TypeKind.DATE and time.type == "HOUR":
        raise invalid(f"The field {field.name} of type DATE cannot be partitioned by HOUR.")


def _check_range(table: Table, ranged: RangePartitioning) -> None:
    field = _partition_field(table, ranged.field)
    if field is not None and (field.kind is not TypeKind.INT64 or field.mode is Mode.REPEATED):
        raise _wrong_type(field, "INTEGER")
    wrong = range_error(ranged)
    if wrong is not None:
        raise invalid(wrong)


def range_error(ranged: RangePartitioning) -> str | None:
    """What is wrong with the bounds of ranges; None for good ones."""
    if ranged.interval <= 0:
        return f"Range partitioning interval must be positive, but is {ranged.interval}."
    if ranged.end <= ranged.start:
        return f"Range partitioning end ({ranged.end}) must be greater than its start ({ranged.start})."
    ranges = -((ranged.start - ranged.end) // ranged.interval)
    if ranges > MAX_RANGES:
        return f"Range partitioning has {ranges} partitions, the maximum is {MAX_RANGES}."
    return None


def _wrong_type(field: Field, kinds: str) -> BigQueryError:
    shown = "ARRAY" if field.mode is Mode.REPEATED else api_type(field.kind)
    return invalid(f"The field specified for partitioning has type {shown}; it must be of type {kinds}.")


def _partition_field(table: Table, name: str) -> Field | None:
    """The column of a partitioning; None while the table has no schema."""
    if not table.fields:
        return None
    index = table.field_index(name)
    if index is not None:
        return table.fields[index]
    if "." in name and table.field_index(name.partition(".")[0]) is not None:
        raise invalid("The field specified for partitioning can only be a top-level field.")
    raise invalid("The field specified for partitioning cannot be found in the schema.")


def _check_clustering(table: Table) -> None:
    names = table.clustering
    if len(names) > MAX_CLUSTERING:
        raise invalid(f"Too many clustering fields: {len(names)}. The maximum is {MAX_CLUSTERING}.")
    folded = [name.casefold() for name in names]
    for name in names:
        if folded.count(name.casefold()) > 1:
            raise invalid(f"Clustering field {name} is specified more than once.")
        index = table.field_index(name)
        if table.fields and index is None:
            raise invalid(
                f"The field specified for clustering cannot be found in the schema. Invalid field: {name}."
            )
        field = None if index is None else table.fields[index]
        if field is not None and (field.kind not in CLUSTER_KINDS or field.mode is Mode.REPEATED):
            raise invalid(f"Field {field.name} of type {_shown(field)} is not supported for clustering.")


def _shown(field: Field) -> str:
    return f"ARRAY<{field.kind}>" if field.mode is Mode.REPEATED else str(field.kind)
