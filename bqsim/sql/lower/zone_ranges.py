"""Plain ranges of the partitioning column beside filters on functions of it, for the engine's zone maps.

``DATE(ts) = '2026-01-02'`` keeps rows whose ``ts`` is on that day: told so, the engine leaves out the row
groups of other days. The filters stay, so a range may be too wide, and leaving one out is safe.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlglot import expressions as exp

from bqsim.catalog.resources import Table
from bqsim.errors import BigQueryError
from bqsim.sql.googlesql.resolved import node_name, unwrap, walk
from bqsim.types import TypeKind

from . import nodes
from .registry import Unsupported
from .types import column_type

if TYPE_CHECKING:
    from .lowering import Lowering
    from .pruning import Note

BUILTIN = "ZetaSQL:"
# Comparisons with their sides exchanged.
MIRRORED = {
    "$less": "$greater",
    "$greater": "$less",
    "$less_or_equal": "$greater_or_equal",
    "$greater_or_equal": "$less_or_equal",
    "$equal": "$equal",
}
_PSEUDO = frozenset({"_partitiontime", "_partitiondate"})
# Functions that give the start of what their argument is in, which lasts at most so many days.
_FLOORS = {"date": 1, "$extract_date": 1, "timestamp_trunc": 366, "datetime_trunc": 366, "date_trunc": 366}
# resolved_ast's enum of date parts: those that last no longer than a day.
_DAY_PARTS = frozenset({3, 7, 8, 9, 10, 11, 13})
_TEMPORAL = frozenset({TypeKind.DATE, TypeKind.DATETIME, TypeKind.TIMESTAMP})
# Constants that cannot fail.
_CONSTANTS = frozenset({"ResolvedLiteral", "ResolvedParameter", "ResolvedFunctionCall", "ResolvedCast"})
_SAFE = frozenset(
    """current_date current_datetime current_timestamp date_add date_sub datetime_add datetime_sub
    timestamp_add timestamp_sub date timestamp datetime date_trunc timestamp_trunc datetime_trunc""".split()  # noqa: SIM905
)
_LOWER = frozenset({"$equal", "$greater", "$greater_or_equal"})
_UPPER = frozenset({"$equal", "$less", "$less_or_equal"})


def column_names(table: Table) -> frozenset[str]:
    """The folded names of the columns that tell the partition of a row; none without partitions."""
    by = table.time_partitioning or table.range_partitioning
    if by is None:
        return frozenset()
    return _PSEUDO if by.field is None else frozenset({by.field.casefold()})


def alone(low: Lowering, column_id: int) -> list[Note]:
    """The noted conditions of a column and no other."""
    return [note for note in low.notes.get(column_id, ()) if note.alone]


def range_conditions(low: Lowering, node: Any, table: Table, label: str) -> list[exp.Expression]:
    """The ranges that a scan's noted conditions leave of the engine column that partitions ``table``, as
    relation ``label`` has it."""
    time, storage = table.time_partitioning, table.storage
    if time is None or storage is None:
        return []
    name = storage.partition
    if time.field is not None:
        name = storage.columns[table.field_index(time.field) or 0]
    if name is None:
        return []
    column = nodes.column(label, name)
    return partition_ranges(low, node, table, column, column)


def partition_ranges(
    low: Lowering, node: Any, table: Table, first: exp.Expression, last: exp.Expression
) -> list[exp.Expression]:
    """The ranges of the ``first`` and the ``last`` value of a partition that may have rows which a scan's
    noted conditions leave."""
    time = table.time_partitioning
    if time is None:
        return []
    form = "{0}"
    if time.field is not None and table.fields[table.field_index(time.field) or 0].kind is TypeKind.DATE:
        form = "CAST({0} AS DATE)"
    names = column_names(table)
    found: list[exp.Expression] = []
    for scanned in node.parent.column_list:
        if scanned.name.casefold() not in names or column_type(scanned).kind not in _TEMPORAL:
            continue
        for note in alone(low, scanned.column_id):
            for compared in _comparisons(note.low, note.condition):
                found += _ranges(note.low, (first, last), compared, form)
    return found


@dataclass(frozen=True, slots=True)
class _Compared:
    """A comparison of an expression with a constant: where they are equal, the column lies at most ``early``
    days before the constant and ``late`` days after it."""

    name: str
    early: int
    late: int
    constant: Any


def _comparisons(low: Lowering, node: Any) -> Iterator[_Compared]:
    """The comparisons that a condition makes."""
    if node_name(node) != "ResolvedFunctionCall":
        return
    name = _function(node)
    arguments = [unwrap(a) for a in node.parent.argument_list]
    if name == "$and":
        for argument in arguments:
            yield from _comparisons(low, argument)
    elif name == "$between":
        yield from _compared(low, "$greater_or_equal", arguments[0], arguments[1])
        yield from _compared(low, "$less_or_equal", arguments[0], arguments[2])
    elif name in MIRRORED:
        left, right = arguments
        if _is_constant(left):
            left, right, name = right, left, MIRRORED[name]
        yield from _compared(low, name, left, right)


def _compared(low: Lowering, name: str, node: Any, constant: Any) -> Iterator[_Compared]:
    lasts = _lasts(low, node)
    # The engine has plain comparisons of columns already.
    plain = node_name(node) == "ResolvedColumnRef" and not node.column.name.startswith("_")
    if lasts is not None and not plain and _is_constant(constant):
        yield _Compared(name, *lasts, constant)


def _lasts(low: Lowering, node: Any) -> tuple[int, int] | None:
    """How many days the column may lie before an expression of it, and after it; None for others."""
    kind = node_name(node)
    if kind == "ResolvedColumnRef":
        # The date of a partition by hour is that of the day.
        return 0, 1 if node.column.name.casefold() == "_partitiondate" else 0
    if kind == "ResolvedCast":
        return _wider(low, unwrap(node.expr), 1, low.ctx.time_zone != "UTC")
    if kind != "ResolvedFunctionCall" or _function(node) not in _FLOORS:
        return None
    first, *others = [unwrap(a) for a in node.parent.argument_list]
    if any(node_name(a) != "ResolvedLiteral" for a in others):
        return None
    width = _FLOORS[_function(node)]
    parts = 0 if width == 1 else 1
    if parts and others and others[0].value.value.enum_value in _DAY_PARTS:
        width = 1
    return _wider(low, first, width, len(others) > parts or low.ctx.time_zone != "UTC")


def _wider(low: Lowering, node: Any, days: int, zoned: bool) -> tuple[int, int] | None:
    """The range of what is in an expression, and more; a time zone moves a date by less than a day."""
    lasts = _lasts(low, node)
    return None if lasts is None else (lasts[0] + zoned, lasts[1] + days + zoned)


def _is_constant(node: Any) -> bool:
    return all(
        node_name(n) in _CONSTANTS and (node_name(n) != "ResolvedFunctionCall" or _function(n) in _SAFE)
        for n in walk(node)
    )


def _function(node: Any) -> str:
    return str(node.parent.function.name).removeprefix(BUILTIN)


def _ranges(
    low: Lowering, ends: tuple[exp.Expression, exp.Expression], compared: _Compared, form: str
) -> Iterator[exp.Expression]:
    try:
        value, type_ = low.typed(compared.constant)
    except (Unsupported, BigQueryError):
        return
    if type_.kind not in _TEMPORAL:
        return
    moment = nodes.template("CAST({0} AS TIMESTAMP)", value)
    if compared.name in _LOWER:
        least = nodes.template(f"({{0}} - INTERVAL {compared.early} DAY)", moment)
        yield nodes.template("({0} >= {1})", ends[1], nodes.template(form, least))
    if compared.name in _UPPER:
        most = nodes.template(f"({{0}} + INTERVAL {compared.late} DAY)", moment)
        yield nodes.template("({0} <= {1})", ends[0], nodes.template(form, most))
