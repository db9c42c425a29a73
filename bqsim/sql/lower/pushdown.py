"""Conditions of filters on the columns of views of INFORMATION_SCHEMA, for those who make their rows.

They only narrow what is made: the filters stay, so leaving a condition out, or keeping it too wide, is safe.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from bqsim.sql.googlesql.resolved import node_name, unwrap
from bqsim.types import TypeKind

from .expressions import known_value
from .registry import NOT_LITERAL
from .types import column_type

if TYPE_CHECKING:
    from .lowering import Lowering

_KINDS = frozenset({TypeKind.STRING, TypeKind.INT64, TypeKind.TIMESTAMP})
_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
_MICROSECOND = timedelta(microseconds=1)
_BUILTIN = "ZetaSQL:"
_JOINED = frozenset({"ResolvedFilterScan", "ResolvedProjectScan", "ResolvedOrderByScan"})
# resolved_ast's JoinType.INNER
_INNER = 0
_UNITS = {
    "MICROSECOND": 1,
    "MILLISECOND": 1_000,
    "SECOND": 1_000_000,
    "MINUTE": 60_000_000,
    "HOUR": 3_600_000_000,
    "DAY": 86_400_000_000,
}
_MIRRORED = {
    "$less": "$greater",
    "$greater": "$less",
    "$less_or_equal": "$greater_or_equal",
    "$greater_or_equal": "$less_or_equal",
}


@dataclass(frozen=True, slots=True)
class Condition:
    """What a value must satisfy: be one of ``values`` (None: any), and lie within ``low`` and ``high``.

    Timestamps are epoch microseconds. NULL satisfies no condition.
    """

    values: frozenset[Any] | None = None
    low: Any = None
    high: Any = None

    def admits(self, value: Any) -> bool:
        """Whether ``value`` may pass."""
        if value is None:
            return False
        if self.values is not None and value not in self.values:
            return False
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)

    def joined(self, other: Condition) -> Condition:
        """Both conditions at once."""
        values = self.values
        if other.values is not None:
            values = other.values if values is None else values & other.values
        lows = [v for v in (self.low, other.low) if v is not None]
        highs = [v for v in (self.high, other.high) if v is not None]
        return Condition(values, max(lows, default=None), min(highs, default=None))


ANY = Condition()


def note_conditions(low: Lowering, node: Any) -> None:
    """Note the conditions of a filter for the columns of virtual tables that its rows come from unchanged."""
    columns = set(_virtual_columns(low, unwrap(node.input_scan)))
    if not columns:
        return
    for column_id, condition in _conditions(low, unwrap(node.filter_expr)):
        if column_id in columns:
            low.conditions[column_id] = low.conditions.get(column_id, ANY).joined(condition)


def scan_conditions(low: Lowering, columns: Any) -> Mapping[int, Condition]:
    """The noted conditions by position in the table; ``columns`` are the scan's (column, position)."""
    return {index: low.conditions[c.column_id] for c, index in columns if c.column_id in low.conditions}


def _virtual_columns(low: Lowering, node: Any) -> Iterator[int]:
    """The columns of virtual tables whose rows reach this scan's output one by one."""
    name = node_name(node)
    if name == "ResolvedTableScan":
        source = low.analyzed.sources.get(node.table.full_name or node.table.name)
        if source is not None and "virtual" in source.table.metadata:
            yield from (c.column_id for c in node.parent.column_list if column_type(c).kind in _KINDS)
    elif name in _JOINED:
        yield from _virtual_columns(low, unwrap(node.input_scan))
    elif name == "ResolvedJoinScan" and node.join_type == _INNER:
        yield from _virtual_columns(low, unwrap(node.left_scan))
        yield from _virtual_columns(low, unwrap(node.right_scan))


def _conditions(low: Lowering, node: Any) -> Iterator[tuple[int, Condition]]:
    if node_name(node) != "ResolvedFunctionCall":
        return
    base = node.parent
    name = base.function.name.removeprefix(_BUILTIN)
    arguments = [unwrap(a) for a in base.argument_list]
    if name == "$and":
        for argument in arguments:
            yield from _conditions(low, argument)
        return
    if base.collation_list or len(arguments) < 2:
        return
    if len(arguments) == 2 and node_name(arguments[0]) != "ResolvedColumnRef":
        arguments.reverse()
        name = _MIRRORED.get(name, name)
    column, constants = arguments[0], [_constant(low, a) for a in arguments[1:]]
    if node_name(column) != "ResolvedColumnRef" or None in constants:
        return
    condition = _condition(name, constants)
    if condition is not None:
        yield column.column.column_id, condition


def _condition(name: str, constants: list[Any]) -> Condition | None:
    if name in ("$equal", "$in"):
        return Condition(values=frozenset(constants))
    if name in ("$greater", "$greater_or_equal"):
        return Condition(low=constants[0])
    if name in ("$less", "$less_or_equal"):
        return Condition(high=constants[0])
    if name == "$between":
        return Condition(low=constants[0], high=constants[1])
    return None


def _constant(low: Lowering, node: Any) -> Any:
    """A text, a number, or the epoch microseconds of a moment; None for what is not known or NULL."""
    name = node_name(node)
    if name == "ResolvedFunctionCall":
        return _moment(low, node.parent)
    if name == "ResolvedCast":
        return None
    value = known_value(low, node)
    if value is NOT_LITERAL or value is None:
        return None
    if isinstance(value, datetime):
        return (value - _EPOCH) // _MICROSECOND if value.tzinfo else None
    return value if isinstance(value, str | int) and not isinstance(value, bool) else None


def _moment(low: Lowering, base: Any) -> int | None:
    """CURRENT_TIMESTAMP, and what TIMESTAMP_ADD and TIMESTAMP_SUB make of it."""
    name = base.function.name.removeprefix(_BUILTIN)
    if name == "current_timestamp":
        return low.ctx.now_us or None
    if name not in ("timestamp_add", "timestamp_sub"):
        return None
    moment, count, part = [unwrap(a) for a in base.argument_list][:3]
    start, number = _constant(low, moment), _constant(low, count)
    unit = _UNITS.get(str(known_value(low, part)))
    if start is None or number is None or unit is None:
        return None
    return int(start + number * unit * (1 if name == "timestamp_add" else -1))
