"""Which partitions, and which of the tables behind a wildcard, a query need not read.

What is noted of the columns of a scan becomes one engine condition over a relation ``p`` of partitions, true
for those that may have rows that meet it: ``c1`` and ``c2`` are the first and the last value of a partition,
NULL of ``__NULL__``. Conditions only narrow what is counted, so leaving one out is safe.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlglot import expressions as exp

from bqsim.catalog.resources import Table
from bqsim.errors import BigQueryError
from bqsim.sql.googlesql.resolved import node_name, unwrap, walk
from bqsim.sql.plan import Filtering
from bqsim.types import TypeKind

from . import nodes
from .pruning import SUBQUERIES, Note, function_name
from .registry import Unsupported
from .rising import names_column, rises
from .types import column_type
from .zone_ranges import MIRRORED, alone, column_names, partition_ranges

if TYPE_CHECKING:
    from .lowering import Lowering

LABEL, LOW, HIGH = "p", "c1", "c2"
# How comparisons of a rising expression with a constant look at the two ends of a partition.
_COMPARED = {
    "$equal": "({0} <= {2} AND {1} >= {2})",
    "$greater": "({1} > {2})",
    "$greater_or_equal": "({1} >= {2})",
    "$less": "({0} < {2})",
    "$less_or_equal": "({0} <= {2})",
}
# The same for all values between the two ends.
_COVERED = {
    "$equal": "({0} = {2} AND {1} = {2})",
    "$greater": "({0} > {2})",
    "$greater_or_equal": "({0} >= {2})",
    "$less": "({1} < {2})",
    "$less_or_equal": "({1} <= {2})",
}
VOLATILE = frozenset({"rand", "generate_uuid", "session_user", "error"})


def partition_condition(low: Lowering, node: Any, table: Table) -> str | None:
    """The condition of the partitions that a scan of a partitioned table need read; None for all."""
    names = column_names(table)
    columns = [c for c in node.parent.column_list if c.name.casefold() in names]
    parts = [
        part
        for column in columns
        for note in alone(low, column.column_id)
        if (part := _may_hold(note, _values_of(table, column))) is not None
    ]
    if not parts:
        return None
    # Ranges come first: they are cheap, and leave few partitions to the others.
    ranges = partition_ranges(low, node, table, nodes.column(LABEL, LOW), nodes.column(LABEL, HIGH))
    return " AND ".join((*map(nodes.render, ranges), *parts))


def partition_filters(
    low: Lowering, node: Any, table: Table, condition: str | None
) -> tuple[tuple[str, Filtering], ...]:
    """What filters on the partitioning column do, as :func:`partition_condition` found."""
    names = column_names(table)
    if not names:
        return ()
    noted = [
        c.name for c in node.parent.column_list if c.name.casefold() in names and alone(low, c.column_id)
    ]
    by = table.time_partitioning or table.range_partitioning
    shown = noted[0] if noted else (by.field if by is not None and by.field else "_PARTITIONTIME")
    if not noted:
        return ((shown, Filtering.NO_FILTER),)
    return ((shown, Filtering.NOT_COMPARABLE if condition is None else Filtering.PRUNES),)


def covered_condition(low: Lowering, node: Any, table: Table, condition: Any) -> str | None:
    """The condition of the partitions all of whose rows meet a condition of a statement that scans a table;
    None when none is known to be so."""
    condition = unwrap(condition)
    if node_name(condition) == "ResolvedLiteral" and condition.value.value.bool_value:
        return "TRUE"
    names, columns = column_names(table), {c.column_id: c for c in unwrap(node).parent.column_list}
    ids = {n.column.column_id for n in walk(condition) if node_name(n) == "ResolvedColumnRef"}
    if len(ids) != 1 or not names or any(node_name(n) in SUBQUERIES for n in walk(condition)):
        return None
    (column_id,) = ids
    column = columns.get(column_id)
    if column is None or column.name.casefold() not in names:
        return None
    rendered = _rendered(Note(low, condition, column_id), _values_of(table, column), covered=True)
    if rendered is None:
        return None
    held = nodes.guarded(nodes.template("COALESCE({0}, FALSE)", rendered))
    return nodes.render(nodes.template("COALESCE({0}, FALSE)", held))


def suffix_condition(low: Lowering, column_id: int) -> str | None:
    """The condition of the suffixes of the tables that a scan of a wildcard table need read."""
    notes = alone(low, column_id)
    single = _Values(nodes.column(LABEL, LOW), nodes.column(LABEL, LOW))
    parts = [part for note in notes if (part := _may_hold(note, single)) is not None]
    return " AND ".join(parts) if parts else None


@dataclass(frozen=True, slots=True)
class _Values:
    """The ends of what a column has in a partition; the same when it has one value."""

    low: exp.Expression
    high: exp.Expression

    @property
    def single(self) -> bool:
        return self.low == self.high


def _values_of(table: Table, column: Any) -> _Values:
    low, high = nodes.column(LABEL, LOW), nodes.column(LABEL, HIGH)
    time, name = table.time_partitioning, column.name.casefold()
    if time is None:
        return _Values(low, high)
    if time.field is None:
        value = nodes.template("CAST({0} AS DATE)", low) if name == "_partitiondate" else low
        return _Values(value, value)
    daily = time.type == "DAY" and column_type(column).kind is TypeKind.DATE
    return _Values(low, low if daily else high)


def _may_hold(note: Note, values: _Values) -> str | None:
    """The condition that a row of a partition may meet a noted one; None when nothing is known."""
    rendered = _rendered(note, values)
    if rendered is None:
        return None
    # A partition of which it fails may be read: the query itself will tell.
    held = nodes.guarded(nodes.template("COALESCE({0}, FALSE)", rendered))
    return nodes.render(nodes.template("COALESCE({0}, TRUE)", held))


def _rendered(note: Note, values: _Values, covered: bool = False) -> exp.Expression | None:
    low = note.low
    before = low.places.get(note.column_id)
    try:
        return _condition(_At(low, note.column_id, values, covered), note.condition)
    except (Unsupported, BigQueryError):
        # What cannot be lowered is met, or fails, when the query itself is.
        return None
    finally:
        low.places.pop(note.column_id, None)
        if before is not None:
            low.places[note.column_id] = before


@dataclass(frozen=True, slots=True)
class _At:
    """A column in a partition; ``covered``: what is asked is whether all of its values meet a condition."""

    low: Lowering
    column_id: int
    values: _Values
    covered: bool = False

    def lowered(self, node: Any, value: exp.Expression) -> exp.Expression:
        """An expression with the column standing as ``value``."""
        self.low.places[self.column_id] = value
        return self.low.expression(node)


def _condition(at: _At, node: Any) -> exp.Expression | None:
    if any(function_name(n) in VOLATILE for n in walk(node) if node_name(n) == "ResolvedFunctionCall"):
        return None
    if at.values.single:
        return nodes.template("(({0}) IS TRUE)", at.lowered(node, at.values.low))
    if node_name(node) != "ResolvedFunctionCall":
        return None
    name = function_name(node)
    arguments = [unwrap(a) for a in node.parent.argument_list]
    if name in ("$and", "$or"):
        return _joined(at, name, [_condition(at, a) for a in arguments])
    if name == "$is_null":
        return _both(at, arguments[0], "({0} IS NULL)")
    if name == "$not":
        inner = arguments[0]
        if node_name(inner) == "ResolvedFunctionCall" and function_name(inner) == "$is_null":
            return _both(at, unwrap(inner.parent.argument_list[0]), "({0} IS NOT NULL)")
        return None
    if name == "$between":
        ends = [_compared(at, op, arguments[0], a) for op, a in zip(_ENDS, arguments[1:], strict=True)]
        return _joined(at, "$and", ends)
    if name == "$in":
        return _joined(at, "$or", [_compared(at, "$equal", arguments[0], a) for a in arguments[1:]])
    if name in _COMPARED:
        left, right = arguments
        if names_column(left):
            return _compared(at, name, left, right)
        return _compared(at, MIRRORED[name], right, left)
    return None


_ENDS = ("$greater_or_equal", "$less_or_equal")


def _joined(at: _At, name: str, parts: Sequence[exp.Expression | None]) -> exp.Expression | None:
    known = [part for part in parts if part is not None]
    every = "$and" if at.covered else "$or"
    if not known or (name == every and len(known) < len(parts)):
        return None
    return nodes.joined("(", " AND " if name == "$and" else " OR ", known, ")")


def _compared(at: _At, name: str, node: Any, constant: Any) -> exp.Expression | None:
    if not rises(node) or names_column(constant):
        return None
    first, last = at.lowered(node, at.values.low), at.lowered(node, at.values.high)
    forms = _COVERED if at.covered else _COMPARED
    return nodes.template(forms[name], first, last, at.low.expression(constant))


def _both(at: _At, node: Any, template: str) -> exp.Expression | None:
    return nodes.template(template, at.values.low) if node_name(node) == "ResolvedColumnRef" else None
