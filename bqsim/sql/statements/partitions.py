"""PARTITION BY and CLUSTER BY clauses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bqsim.catalog.layout import CLUSTER_KINDS, MAX_CLUSTERING, range_error
from bqsim.catalog.resources import RangePartitioning, TimePartitioning
from bqsim.errors import invalid_query
from bqsim.sql.googlesql import resolved
from bqsim.types import Field, Mode, TypeKind

from .base import Statement

_PSEUDO = frozenset({"_partitiontime", "_partitiondate"})
# Numbers of zetasql.functions.DateTimestampPart.
_PARTS = {1: "YEAR", 2: "MONTH", 3: "DAY", 7: "HOUR"}
# Truncating functions, with the types of columns they partition by.
_TRUNCATIONS: dict[str, frozenset[TypeKind]] = {
    "timestamp_trunc": frozenset({TypeKind.TIMESTAMP}),
    "datetime_trunc": frozenset({TypeKind.DATETIME}),
    "date_trunc": frozenset({TypeKind.DATE}),
    "date": frozenset({TypeKind.TIMESTAMP, TypeKind.DATETIME}),
}
# What CREATE TABLE without AS takes besides.
_BY_INGESTION = "_PARTITIONDATE, DATE(_PARTITIONTIME), "
_FORMS = (
    "PARTITION BY expression must be DATE(<timestamp_column>), DATE(<datetime_column>),"
    " DATETIME_TRUNC(<datetime_column>, DAY/HOUR/MONTH/YEAR), a DATE column,"
    " TIMESTAMP_TRUNC(<timestamp_column>, DAY/HOUR/MONTH/YEAR), DATE_TRUNC(<date_column>, MONTH/YEAR),"
    " or RANGE_BUCKET(<int64_column>, GENERATE_ARRAY(<int64_value>, <int64_value>[, <int64_value>]))"
)


def partitioning(
    statement: Statement, clauses: Sequence[Any], fields: Sequence[Field]
) -> tuple[TimePartitioning | None, RangePartitioning | None]:
    """What a PARTITION BY list asks for; (None, None) for an empty one."""
    if not clauses:
        return None, None
    try:
        time, ranged = _partitioning(statement, clauses, fields)
    except _Other:
        raise invalid_query(_forms(statement)) from None
    if time is not None and time.field is None and _selects(statement):
        raise invalid_query(_forms(statement))
    return time, ranged


class _Other(Exception):
    """An expression that no table is partitioned by."""


def _selects(statement: Statement) -> bool:
    """Whether the statement has a query, whose rows have no ingestion time."""
    return bool(statement.analyzed.kind == "resolved_create_table_as_select_stmt")


def _forms(statement: Statement) -> str:
    if _selects(statement):
        return _FORMS
    return _FORMS.replace("must be ", f"must be {_BY_INGESTION}", 1)


def _partitioning(
    statement: Statement, clauses: Sequence[Any], fields: Sequence[Field]
) -> tuple[TimePartitioning | None, RangePartitioning | None]:
    if len(clauses) > 1:
        raise invalid_query(
            "Only a single PARTITION BY expression is supported but found multiple expressions"
        )
    node = resolved.unwrap(clauses[0])
    column = _column(node)
    if column is not None:
        return _by_column(column, fields), None
    if resolved.node_name(node) != "ResolvedFunctionCall":
        raise _Other
    name = resolved.get(node, "function").name.rpartition(":")[2]
    arguments = [resolved.unwrap(a) for a in resolved.get(node, "argument_list")]
    column = _column(arguments[0]) if arguments else None
    if column is None:
        raise _Other
    if name == "range_bucket":
        return None, _by_range(statement, _known(column, fields), arguments[1])
    if name not in _TRUNCATIONS:
        raise _Other
    unit = "DAY" if name == "date" else _part(arguments)
    if column.name.casefold() in _PSEUDO:
        return TimePartitioning(unit), None
    field = _known(column, fields)
    if field.kind not in _TRUNCATIONS[name] or (field.kind is TypeKind.DATE and unit == "HOUR"):
        raise _Other
    return TimePartitioning(unit, field.name), None


def _column(node: Any) -> Any:
    return node.column if resolved.node_name(node) == "ResolvedColumnRef" else None


def _known(column: Any, fields: Sequence[Field]) -> Field:
    folded = column.name.casefold()
    for field in fields:
        if field.name.casefold() == folded and field.mode is not Mode.REPEATED:
            return field
    raise _Other


def _by_column(column: Any, fields: Sequence[Field]) -> TimePartitioning:
    if column.name.casefold() in _PSEUDO:
        return TimePartitioning("DAY")
    field = _known(column, fields)
    if field.kind is not TypeKind.DATE:
        raise _Other
    return TimePartitioning("DAY", field.name)


def _part(arguments: Sequence[Any]) -> str:
    if len(arguments) < 2 or resolved.node_name(arguments[1]) != "ResolvedLiteral":
        raise _Other
    unit = _PARTS.get(arguments[1].value.value.enum_value)
    if unit is None:
        raise _Other
    return unit


def _by_range(statement: Statement, field: Field, array: Any) -> RangePartitioning:
    if field.kind is not TypeKind.INT64 or resolved.node_name(array) != "ResolvedFunctionCall":
        raise _Other
    bounds = [statement.constant(a) for a in resolved.get(array, "argument_list")]
    interval = bounds[2] if len(bounds) > 2 else 1
    if any(bound is None for bound in (*bounds, interval)):
        raise _Other
    ranged = RangePartitioning(field.name, int(bounds[0]), int(bounds[1]), int(interval))
    wrong = range_error(ranged)
    if wrong is not None:
        raise invalid_query(wrong)
    return ranged


def clustering(clauses: Sequence[Any], fields: Sequence[Field]) -> tuple[str, ...]:
    """The columns of a CLUSTER BY list, checked."""
    if len(clauses) > MAX_CLUSTERING:
        raise invalid_query(f"CLUSTER BY supports at most {MAX_CLUSTERING} columns but found {len(clauses)}")
    names: list[str] = []
    for clause in clauses:
        column = _column(resolved.unwrap(clause))
        if column is None:
            raise invalid_query("Entries in the CLUSTER BY clause must be column names")
        field = next((f for f in fields if f.name.casefold() == column.name.casefold()), None)
        if field is None or field.mode is Mode.REPEATED or field.kind not in CLUSTER_KINDS:
            kind = (
                "ARRAY" if field is not None and field.mode is Mode.REPEATED else field.kind if field else "?"
            )
            raise invalid_query(
                f"CLUSTER BY expression has type {kind}, which is not supported for clustering."
            )
        if field.name in names:
            raise invalid_query(f"CLUSTER BY column {field.name} is specified more than once")
        names.append(field.name)
    return tuple(names)
