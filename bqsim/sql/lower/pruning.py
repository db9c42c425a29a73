"""What filters say of partitions: which of them, and of the tables behind a wildcard, a query need not read.

A first walk finds the conditions that every row of a scan meets later, and names only one of its columns.
At the scan of a partitioned table they become one engine condition over a relation ``p`` of partitions, true
for those that may have such rows: ``c1`` and ``c2`` are the first and the last value of a partition, NULL of
``__NULL__``. Conditions only narrow what is counted, so leaving one out is safe.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlglot import expressions as exp

from bqsim.catalog.resources import Table, TableKind
from bqsim.errors import BigQueryError
from bqsim.sql.googlesql.resolved import children, get, has, node_name, unwrap, walk
from bqsim.types import TypeKind

from . import nodes
from .registry import Unsupported
from .rising import names_column, rises
from .types import column_type
from .zone_ranges import BUILTIN, MIRRORED, column_names, partition_ranges

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
_VOLATILE = frozenset({"rand", "generate_uuid", "session_user", "error"})
# resolved_ast's enums: joins, by the sides that their conditions narrow; UNION ALL.
_INNER, _LEFT, _RIGHT = 0, 1, 2
_UNION_ALL = 0


@dataclass(frozen=True, slots=True)
class Note:
    """A condition of one column, as the statement that ``low`` lowers has it."""

    low: Lowering
    condition: Any
    column_id: int


Notes = dict[int, list[Note]]


def concerns(low: Lowering) -> bool:
    """Whether a statement reads anything of which a part may be left out."""
    return any(
        source.matches or source.table.kind is TableKind.VIEW or column_names(source.table)
        for source in low.analyzed.sources.values()
    )


def notes_of(low: Lowering, outer: Notes | None = None) -> Notes:
    """The conditions on columns of the table scans of a statement; ``outer`` are those on its outputs."""
    found = _Walk(low)
    statement = low.analyzed.statement
    kind = node_name(statement)
    if kind == "ResolvedQueryStmt":
        found.walk(unwrap(statement.query), outer or {})
    elif kind in _CHANGED:
        _CHANGED[kind](found, statement)
    else:
        found.below(statement)
    return found.notes


class _Walk:
    def __init__(self, low: Lowering) -> None:
        self.low = low
        self.notes: Notes = {}
        # What is asked of each common table expression, by reference.
        self.asked: dict[str, list[list[list[Note]]]] = {}

    def walk(self, node: Any, active: Notes) -> None:
        """Note what is below a scan, whose rows all meet the conditions ``active`` on its columns."""
        _SCANS.get(node_name(node), _Walk.opaque)(self, node, active)

    def below(self, node: Any) -> None:
        for child in children(node):
            self.walk(child, {})

    def opaque(self, node: Any, active: Notes) -> None:
        self.below(node)

    def table(self, node: Any, active: Notes) -> None:
        for column in node.parent.column_list:
            if column.column_id in active:
                self.notes[column.column_id] = active[column.column_id]

    def filter(self, node: Any, active: Notes) -> None:
        condition = unwrap(node.filter_expr)
        self.walk(unwrap(node.input_scan), self.with_conditions(active, condition))
        self.below(condition)

    def order(self, node: Any, active: Notes) -> None:
        self.walk(unwrap(node.input_scan), active)

    def project(self, node: Any, active: Notes) -> None:
        passed = dict(active)
        for item in node.expr_list:
            self.renamed(item, active, passed)
            self.below(item)
        self.walk(unwrap(node.input_scan), passed)

    def aggregate(self, node: Any, active: Notes) -> None:
        base = node.parent
        passed: Notes = {}
        if not base.grouping_set_list:
            for item in base.group_by_list:
                self.renamed(item, active, passed)
        for item in base.aggregate_list:
            self.below(item)
        self.walk(unwrap(base.input_scan), passed)

    def renamed(self, item: Any, active: Notes, passed: Notes) -> None:
        """A computed column that is another one: what is said of it is said of that."""
        value = unwrap(item.expr)
        if item.column.column_id in active and node_name(value) == "ResolvedColumnRef":
            inner = value.column.column_id
            passed[inner] = [*passed.get(inner, ()), *active[item.column.column_id]]

    def join(self, node: Any, active: Notes) -> None:
        kind = node.join_type
        left = right = active
        if has(node, "join_expr"):
            condition = unwrap(node.join_expr)
            self.below(condition)
            if kind in (_INNER, _RIGHT):
                left = self.with_conditions(active, condition)
            if kind in (_INNER, _LEFT):
                right = self.with_conditions(active, condition)
        self.walk(unwrap(node.left_scan), left)
        self.walk(unwrap(node.right_scan), right)

    def union(self, node: Any, active: Notes) -> None:
        narrowed = node.op_type == _UNION_ALL
        for item in node.input_item_list:
            passed: Notes = {}
            for outer, inner in zip(node.parent.column_list, item.output_column_list, strict=False):
                if narrowed and outer.column_id in active:
                    passed[inner.column_id] = active[outer.column_id]
            self.walk(unwrap(item.scan), passed)

    def with_(self, node: Any, active: Notes) -> None:
        self.walk(unwrap(node.query), active)
        for entry in reversed(node.with_entry_list):
            asked = self.asked.get(entry.with_query_name, [])
            scan = unwrap(entry.with_subquery)
            passed: Notes = {}
            if len(asked) == 1:
                # With several references a row that one of them does not need may be another's.
                for column, notes in zip(get(scan, "column_list"), asked[0], strict=False):
                    if notes:
                        passed[column.column_id] = notes
            self.walk(scan, passed)

    def reference(self, node: Any, active: Notes) -> None:
        columns = [active.get(c.column_id, []) for c in node.parent.column_list]
        self.asked.setdefault(node.with_query_name, []).append(columns)

    def with_conditions(self, active: Notes, condition: Any) -> Notes:
        """``active`` with the parts of a condition that are of one column each."""
        passed = dict(active)
        for part in _parts(condition):
            ids = {n.column.column_id for n in walk(part) if node_name(n) == "ResolvedColumnRef"}
            if len(ids) == 1 and not any(node_name(n) in _SUBQUERIES for n in walk(part)):
                (column_id,) = ids
                passed[column_id] = [*passed.get(column_id, ()), Note(self.low, part, column_id)]
        return passed

    def changed(self, statement: Any) -> None:
        """UPDATE and DELETE: the rows of the target meet the condition."""
        active = self.with_conditions({}, unwrap(statement.where_expr)) if _has_where(statement) else {}
        for child in children(statement):
            self.walk(child, active if node_name(child) in _SCANS else {})

    def merged(self, statement: Any) -> None:
        """MERGE: rows of the target that meet no condition are left alone, unless a clause is about them."""
        condition = unwrap(statement.merge_expr)
        alone = any(w.match_type == _NOT_MATCHED_BY_SOURCE for w in statement.when_clause_list)
        target = unwrap(statement.table_scan)
        self.walk(target, {} if alone else self.with_conditions({}, condition))
        for child in children(statement):
            if child != target:
                self.walk(child, {})


_NOT_MATCHED_BY_SOURCE = 1
_SUBQUERIES = frozenset({"ResolvedSubqueryExpr"})
_SCANS: dict[str, Callable[[_Walk, Any, Notes], None]] = {
    "ResolvedTableScan": _Walk.table,
    "ResolvedFilterScan": _Walk.filter,
    "ResolvedOrderByScan": _Walk.order,
    "ResolvedBarrierScan": _Walk.order,
    "ResolvedExecuteAsRoleScan": _Walk.order,
    "ResolvedProjectScan": _Walk.project,
    "ResolvedAggregateScan": _Walk.aggregate,
    "ResolvedJoinScan": _Walk.join,
    "ResolvedSetOperationScan": _Walk.union,
    "ResolvedWithScan": _Walk.with_,
    "ResolvedWithRefScan": _Walk.reference,
}
_CHANGED: dict[str, Callable[[_Walk, Any], None]] = {
    "ResolvedUpdateStmt": _Walk.changed,
    "ResolvedDeleteStmt": _Walk.changed,
    "ResolvedMergeStmt": _Walk.merged,
}


def _has_where(statement: Any) -> bool:
    return unwrap(statement.where_expr) is not None


def _parts(condition: Any) -> Iterator[Any]:
    """What AND joins."""
    if node_name(condition) == "ResolvedFunctionCall" and _function(condition) == "$and":
        for argument in condition.parent.argument_list:
            yield from _parts(unwrap(argument))
    else:
        yield condition


def _function(node: Any) -> str:
    return str(node.parent.function.name).removeprefix(BUILTIN)


# Conditions of scans


def partition_condition(low: Lowering, node: Any, table: Table) -> str | None:
    """The condition of the partitions that a scan of a partitioned table need read; None for all."""
    names = column_names(table)
    columns = [c for c in node.parent.column_list if c.name.casefold() in names and c.column_id in low.notes]
    parts = [
        part
        for column in columns
        for note in low.notes[column.column_id]
        if (part := _may_hold(note, _values_of(table, column))) is not None
    ]
    if not parts:
        return None
    # Ranges come first: they are cheap, and leave few partitions to the others.
    ranges = partition_ranges(low, node, table, nodes.column(LABEL, LOW), nodes.column(LABEL, HIGH))
    return " AND ".join((*map(nodes.render, ranges), *parts))


def suffix_condition(low: Lowering, column_id: int) -> str | None:
    """The condition of the suffixes of the tables that a scan of a wildcard table need read."""
    notes = low.notes.get(column_id, ())
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
    low = note.low
    before = low.places.get(note.column_id)
    try:
        rendered = _condition(_At(low, note.column_id, values), note.condition)
    except (Unsupported, BigQueryError):
        # What cannot be lowered is met, or fails, when the query itself is.
        return None
    finally:
        low.places.pop(note.column_id, None)
        if before is not None:
            low.places[note.column_id] = before
    if rendered is None:
        return None
    # A partition of which it fails may be read: the query itself will tell.
    held = nodes.guarded(nodes.template("COALESCE({0}, FALSE)", rendered))
    return nodes.render(nodes.template("COALESCE({0}, TRUE)", held))


@dataclass(frozen=True, slots=True)
class _At:
    low: Lowering
    column_id: int
    values: _Values

    def lowered(self, node: Any, value: exp.Expression) -> exp.Expression:
        """An expression with the column standing as ``value``."""
        self.low.places[self.column_id] = value
        return self.low.expression(node)


def _condition(at: _At, node: Any) -> exp.Expression | None:
    if any(_function(n) in _VOLATILE for n in walk(node) if node_name(n) == "ResolvedFunctionCall"):
        return None
    if at.values.single:
        return nodes.template("(({0}) IS TRUE)", at.lowered(node, at.values.low))
    if node_name(node) != "ResolvedFunctionCall":
        return None
    name = _function(node)
    arguments = [unwrap(a) for a in node.parent.argument_list]
    if name in ("$and", "$or"):
        return _joined(name, [_condition(at, a) for a in arguments])
    if name == "$is_null":
        return _both(at, arguments[0], "({0} IS NULL)")
    if name == "$not":
        inner = arguments[0]
        if node_name(inner) == "ResolvedFunctionCall" and _function(inner) == "$is_null":
            return _both(at, unwrap(inner.parent.argument_list[0]), "({0} IS NOT NULL)")
        return None
    if name == "$between":
        ends = [_compared(at, op, arguments[0], a) for op, a in zip(_ENDS, arguments[1:], strict=True)]
        return _joined("$and", ends)
    if name == "$in":
        return _joined("$or", [_compared(at, "$equal", arguments[0], a) for a in arguments[1:]])
    if name in _COMPARED:
        left, right = arguments
        if names_column(left):
            return _compared(at, name, left, right)
        return _compared(at, MIRRORED[name], right, left)
    return None


_ENDS = ("$greater_or_equal", "$less_or_equal")


def _joined(name: str, parts: Sequence[exp.Expression | None]) -> exp.Expression | None:
    known = [part for part in parts if part is not None]
    if not known or (name == "$or" and len(known) < len(parts)):
        return None
    return nodes.joined("(", " AND " if name == "$and" else " OR ", known, ")")


def _compared(at: _At, name: str, node: Any, constant: Any) -> exp.Expression | None:
    if not rises(node) or names_column(constant):
        return None
    first, last = at.lowered(node, at.values.low), at.lowered(node, at.values.high)
    return nodes.template(_COMPARED[name], first, last, at.low.expression(constant))


def _both(at: _At, node: Any, template: str) -> exp.Expression | None:
    return nodes.template(template, at.values.low) if node_name(node) == "ResolvedColumnRef" else None
