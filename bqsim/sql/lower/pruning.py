"""What filters say of partitions: the conditions of one column that every row of a scan meets later.

At the scan of a partitioned table they become a condition of its partitions
(:mod:`~bqsim.sql.lower.partition_conditions`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bqsim.catalog.resources import TableKind
from bqsim.sql.googlesql.resolved import children, get, has, node_name, unwrap, walk

from .zone_ranges import BUILTIN, column_names

if TYPE_CHECKING:
    from .lowering import Lowering

# resolved_ast's enums: joins, by the sides that their conditions narrow; UNION ALL.
_INNER, _LEFT, _RIGHT = 0, 1, 2
_UNION_ALL = 0


@dataclass(frozen=True, slots=True)
class Note:
    """A condition of a column, as the statement that ``low`` lowers has it.

    ``alone``: it is of no other column. Others are noted of alternatives only, each of which may say
    something of the column.
    """

    low: Lowering
    condition: Any
    column_id: int
    alone: bool = True


Notes = dict[int, list[Note]]


def concerns(low: Lowering) -> bool:
    """Whether a statement reads anything of which a part may be left out."""
    return any(
        source.matches
        or source.table.kind is TableKind.VIEW
        or column_names(source.table)
        or source.table.clustering
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
        """``active`` with the parts of a condition that are of one column each, or alternatives."""
        passed = dict(active)
        for part in parts(condition):
            ids = {n.column.column_id for n in walk(part) if node_name(n) == "ResolvedColumnRef"}
            alone = len(ids) == 1
            if not (alone or _is_either(part)) or any(node_name(n) in SUBQUERIES for n in walk(part)):
                continue
            for column_id in ids:
                note = Note(self.low, part, column_id, alone)
                passed[column_id] = [*passed.get(column_id, ()), note]
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
SUBQUERIES = frozenset({"ResolvedSubqueryExpr"})
_SCANS: dict[str, Callable[[_Walk, Any, Notes], None]] = {
    "ResolvedTableScan": _Walk.table,
    "ResolvedFilterScan": _Walk.filter,
    "ResolvedOrderByScan": _Walk.order,
    "ResolvedBarrierScan": _Walk.order,
    "ResolvedSampleScan": _Walk.order,
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


def _is_either(condition: Any) -> bool:
    return node_name(condition) == "ResolvedFunctionCall" and function_name(condition) == "$or"


def _has_where(statement: Any) -> bool:
    return unwrap(statement.where_expr) is not None


def parts(condition: Any) -> Iterator[Any]:
    """The parts of a condition that AND joins."""
    if node_name(condition) == "ResolvedFunctionCall" and function_name(condition) == "$and":
        for argument in condition.parent.argument_list:
            yield from parts(unwrap(argument))
    else:
        yield condition


def function_name(node: Any) -> str:
    return str(node.parent.function.name).removeprefix(BUILTIN)
