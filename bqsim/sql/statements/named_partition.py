"""PARTITIONS (column = value) of LOAD DATA: the one partition that is loaded."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from bqsim.catalog.resources import Table
from bqsim.errors import invalid_query
from bqsim.sql.googlesql import resolved

from .base import Statement
from .one_partition import check_one_partition
from .partition_ids import NULL_PARTITION

_FORMATS = {"HOUR": "%Y%m%d%H", "DAY": "%Y%m%d", "MONTH": "%Y%m", "YEAR": "%Y"}
_PSEUDO = frozenset({"_partitiontime", "_partitiondate"})


@dataclass(frozen=True, slots=True)
class NamedPartition:
    """A partition by its id; ``overwrite``: its rows are replaced."""

    id: str
    overwrite: bool


def named_partition(statement: Statement, table: Table) -> NamedPartition:
    """The partition that the clause PARTITIONS of a statement names. Raises ``invalidQuery``."""
    clause = resolved.get(statement.node, "partition_filter")
    column, value = _equality(statement, resolved.unwrap(clause.filter))
    time, by_range = table.time_partitioning, table.range_partitioning
    if time is None and by_range is None:
        raise invalid_query(f"PARTITIONS clause cannot be used: {table.ref.api_name} is not partitioned")
    own = by_range.field if by_range is not None else time.field if time is not None else None
    names = _PSEUDO if own is None else frozenset({own.casefold()})
    if column.casefold() not in names:
        raise invalid_query(f"PARTITIONS clause must be on the partitioning column, but is on {column}")
    if value is None:
        id_ = NULL_PARTITION
    elif by_range is not None:
        id_ = str(int(value))
    else:
        assert time is not None
        id_ = _moment(value).strftime(_FORMATS[time.type])
    check_one_partition(table, id_)
    return NamedPartition(id_, bool(clause.is_overwrite))


def _equality(statement: Statement, node: Any) -> tuple[str, Any]:
    """The column and the constant of ``column = constant``."""
    if resolved.node_name(node) == "ResolvedFunctionCall":
        name = resolved.get(node, "function").name.rpartition(":")[2]
        arguments = [resolved.unwrap(a) for a in resolved.get(node, "argument_list")]
        columns = [a for a in arguments if resolved.node_name(a) == "ResolvedColumnRef"]
        if name == "$is_null" and columns:
            return columns[0].column.name, None
        if name == "$equal" and len(columns) == 1:
            constant = arguments[0] if arguments[1] is columns[0] else arguments[1]
            return columns[0].column.name, statement.constant(constant)
    raise invalid_query("PARTITIONS clause must be of the form column = constant")


def _moment(value: Any) -> dt.date:
    """A date or time as it names partitions: in UTC."""
    if isinstance(value, dt.datetime) and value.tzinfo is not None:
        return value.astimezone(dt.UTC)
    moment: dt.date = value
    return moment
