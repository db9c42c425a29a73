"""The right side of INSERT and UPDATE: which columns get which values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from bqsim.catalog.resources import Table
from bqsim.errors import invalid_query, unsupported
from bqsim.sql.googlesql import resolved
from bqsim.sql.googlesql.catalog import PARTITION_TIME
from bqsim.sql.lower import Lowering, nodes
from bqsim.types import Field

from .base import Statement
from .defaults import default_expression
from .storage import storage_of

# The column of updated rows that has the partition that they were in.
KEPT_PARTITION = "kept_partition"


def position(scan: Any, column_id: int) -> int:
    """The position in the table of a column of its scan."""
    ids = [c.column_id for c in scan.parent.column_list]
    return int(scan.column_index_list[ids.index(column_id)])


def writable_fields(table: Table) -> tuple[Field, ...]:
    """The columns that DML may write, by position: those of the table, then ``_PARTITIONTIME`` of one that is
    partitioned by ingestion time."""
    return table.fields if storage_of(table).partition is None else (*table.fields, PARTITION_TIME)


def given_partition(table: Table, positions: Sequence[int], value: str = "v{0}") -> str | None:
    """The engine expression of the partition of rows that name it, None of those that do not.

    ``positions`` are those of the columns in the table, ``value`` the form of the engine columns with their
    values, numbered from 1. Page *Update partitioned table data using DML*: a value must be the beginning of
    a partition.
    """
    time = table.time_partitioning
    if time is None or len(table.fields) not in positions:
        return None
    written = value.format(list(positions).index(len(table.fields)) + 1)
    text = "bq:_PARTITIONTIME must be the beginning of a partition of the table, but found "
    found = f"strftime({written}, '%Y-%m-%d %H:%M:%S.%f UTC')"
    return (
        f"CASE WHEN {written} IS NULL OR date_trunc('{time.type}', {written}) = {written} THEN {written}"
        f" ELSE CAST(error('{text}' || {found}) AS TIMESTAMP) END"
    )


def outputs(columns: Iterable[Any], fields: Sequence[Field]) -> list[Any]:
    """ResolvedOutputColumns of a query's columns, named as the fields that they fill."""
    from zetasql.wasi._pb2.zetasql.resolved_ast import resolved_ast_pb2 as ast

    return [
        ast.ResolvedOutputColumnProto(name=f.name, column=c) for c, f in zip(columns, fields, strict=True)
    ]


@dataclass(slots=True)
class _Node:
    """What is assigned to a column or nested field: a value, or values of fields below it by position."""

    value: str | None = None
    fields: dict[int, _Node] = field(default_factory=dict)


def new_values(
    statement: Statement, low: Lowering, table: Table, scan: Any, items: Iterable[Any], label: str
) -> dict[int, str]:
    """The engine expressions of the columns that SET items change, by position in the table.

    Current values of columns of which only fields change are read from the scan labelled ``label``.
    """
    ids = {position(scan, c.column_id): c.column_id for c in scan.parent.column_list}
    fields = writable_fields(table)
    assigned: dict[int, _Node] = {}
    for item in items:
        if item.update_item_element_list or item.update_list or item.delete_list or item.insert_list:
            raise invalid_query("Nested DML statements are not supported")
        path = _path(resolved.unwrap(item.target))
        index = position(scan, path[0])
        place = _place(assigned.setdefault(index, _Node()), path[1:])
        place.value = _value(statement, low, fields[index], path[1:], item.set_value)
    return {i: _merged(node, fields[i], f"{label}.k{ids[i]}") for i, node in assigned.items()}


def kept_partition(table: Table) -> str | None:
    """The expression of the partition of rows that :func:`updated_rows` gives; None where they have no column
    for it."""
    return None if storage_of(table).partition is None else KEPT_PARTITION


def updated_rows(table: Table, changed: Iterable[int], changes: str) -> str:
    """The engine SELECT of whole rows ``v1`` … after an update.

    ``changes`` has the identifiers of the rows as ``_rowid`` and the new values of the columns at
    ``changed`` as ``v<n>``;
    the other columns keep their values. The partition of a row by ingestion time is :data:`KEPT_PARTITION`,
    unless it is among the changes.
    """
    storage = storage_of(table)
    new = set(changed)
    columns = ", ".join(
        f"{f'c.v{i + 1}' if i in new else f'b.{name}'} AS v{i + 1}" for i, name in enumerate(storage.columns)
    )
    if storage.partition is not None:
        given = given_partition(table, sorted(new), f"c.v{len(table.fields) + 1}")
        columns += f", {given or f'b.{storage.partition}'} AS {KEPT_PARTITION}"
    return f"SELECT {columns} FROM {changes} AS c JOIN {storage.engine_table} AS b ON b.rowid = c._rowid"


def _path(node: Any) -> list[int]:
    """The column id, then the field positions of an assignment target."""
    steps: list[int] = []
    while resolved.node_name(node) == "ResolvedGetStructField":
        steps.append(int(node.field_idx))
        node = resolved.unwrap(node.expr)
    if resolved.node_name(node) != "ResolvedColumnRef":
        raise unsupported(f"SET of a {resolved.node_name(node).removeprefix('Resolved')}")
    return [int(node.column.column_id), *reversed(steps)]


def _place(root: _Node, steps: Sequence[int]) -> _Node:
    for step in steps:
        root = root.fields.setdefault(step, _Node())
    return root


def _value(statement: Statement, low: Lowering, column: Field, steps: Sequence[int], value: Any) -> str:
    expression = resolved.unwrap(value.value)
    if resolved.node_name(expression) != "ResolvedDMLDefault":
        return str(nodes.render(low.expression(expression)))
    for step in steps:
        column = column.fields[step]
    return default_expression(statement, column)


def _merged(node: _Node, column: Field, current: str) -> str:
    """The new value of a column or nested field whose value was ``current``."""
    if node.value is not None:
        return node.value
    parts = []
    for i, nested in enumerate(column.fields):
        before = f'({current})."_{i + 1}"'
        after = _merged(node.fields[i], nested, before) if i in node.fields else before
        parts.append(f'"_{i + 1}" := {after}')
    text = f"bq:Cannot set field of NULL {column.value_type}".replace("'", "''")
    return f"CASE WHEN {current} IS NULL THEN error('{text}') ELSE struct_pack({', '.join(parts)}) END"
