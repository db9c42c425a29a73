"""Tables that may only be queried with a filter on their partition column."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bqsim.catalog.resources import Table, TableKind
from bqsim.errors import invalid_query
from bqsim.sql.googlesql import resolved
from bqsim.sql.lower.pruning import SUBQUERIES, Note, Notes, function_name, notes_of, parts

if TYPE_CHECKING:
    from bqsim.sql.googlesql import Analyzed
    from bqsim.sql.lower import Lowering

# Where statements filter: node -> the fields that hold conditions.
_CONDITIONS: dict[str, tuple[str, ...]] = {
    "ResolvedFilterScan": ("filter_expr",),
    "ResolvedJoinScan": ("join_expr",),
    "ResolvedDeleteStmt": ("where_expr",),
    "ResolvedUpdateStmt": ("where_expr",),
    "ResolvedMergeStmt": ("merge_expr",),
    "ResolvedMergeWhen": ("match_expr",),
}
# Statements that are about rows of the tables that they name.
_READING = frozenset(
    f"resolved_{name}_stmt"
    for name in ("query", "create_table_as_select", "insert", "update", "delete", "merge")
)
_PSEUDO = ("_partitiontime", "_partitiondate")
# Functions of conditions whose arguments are conditions.
_JOINED = frozenset({"$and", "$or", "$not"})


@dataclass(frozen=True, slots=True)
class _Reading:
    """A statement, as :mod:`bqsim.sql.lower.pruning` asks for it."""

    analyzed: Any


def check(analyzed: Analyzed) -> None:
    """Fail as BigQuery does when a scan of such a table has no condition that tells partitions: a part of the
    condition, joined by AND with others, that is about its partition column and nothing else.

    The target of INSERT needs no condition.
    """
    if analyzed.kind in _READING:
        _check(analyzed, {})


def check_view(outer: Lowering, inner: Lowering, columns: Iterable[tuple[int, int]]) -> None:
    """The same of the query of a view, lowered by ``inner``, within a statement; ``columns`` are the ids of
    its outputs, in the statement and in the view."""
    if any(_is_guarded(source.table) for source in inner.analyzed.sources.values()):
        asked = dict(inner.outer_notes)
        found = _filtered(list(resolved.walk(outer.analyzed.statement)), {})
        for here, there in columns:
            if here in found:
                asked[there] = [*asked.get(there, ()), *found[here]]
        _check(inner.analyzed, asked)


def _check(analyzed: Analyzed, outer: Notes) -> None:
    guarded = {n: s.table for n, s in analyzed.sources.items() if _is_guarded(s.table)}
    if not guarded:
        return
    target = analyzed.statement.table_scan if analyzed.kind == "resolved_insert_stmt" else None
    nodes = list(resolved.walk(analyzed.statement))
    notes = _filtered(nodes, notes_of(_Reading(analyzed), outer))  # type: ignore[arg-type]
    for node in nodes:
        if resolved.node_name(node) != "ResolvedTableScan" or (target is not None and node == target):
            continue
        if node.table.full_name in guarded:
            _check_scan(node, guarded[node.table.full_name], notes)


def _filtered(nodes: list[Any], notes: Notes) -> Notes:
    """``notes`` with the conditions anywhere in a statement, by the columns that they name."""
    for column_id, part in _filtering(nodes):
        notes[column_id] = [*notes.get(column_id, ()), Note(None, part, column_id)]  # type: ignore[arg-type]
    return notes


def _check_scan(node: Any, table: Table, notes: Notes) -> None:
    names, bare = _partition_columns(table), table.range_partitioning is not None
    for column in node.parent.column_list:
        if column.name.casefold() in names:
            found = [n for n in notes.get(column.column_id, ()) if n.alone]
            if any(not bare or _is_bare(n.condition) for n in found):
                return
    raise invalid_query(
        f"Cannot query over table '{table.ref.sql_name}' without a filter over column(s) {_shown(table)}"
        " that can be used for partition elimination"
    )


def _filtering(nodes: list[Any]) -> Iterator[tuple[int, Any]]:
    """The parts of all conditions that are of one column and constants, with the id of the column."""
    for node in nodes:
        for field in _CONDITIONS.get(resolved.node_name(node), ()):
            condition = resolved.unwrap(getattr(node, field))
            for part in () if condition is None else parts(condition):
                below = [(resolved.node_name(n), n) for n in resolved.walk(part)]
                ids = {n.column.column_id for name, n in below if name == "ResolvedColumnRef"}
                if len(ids) == 1 and not any(name in SUBQUERIES for name, _ in below):
                    yield ids.pop(), part


def _is_bare(condition: Any) -> bool:
    """Whether comparisons are of the column itself: functions of it tell nothing of ranges (page *Query
    partitioned tables*)."""
    if resolved.node_name(condition) != "ResolvedFunctionCall":
        return False
    arguments = [resolved.unwrap(a) for a in condition.parent.argument_list]
    if function_name(condition) in _JOINED:
        return all(map(_is_bare, arguments))
    return any(resolved.node_name(a) == "ResolvedColumnRef" for a in arguments)


def _is_guarded(table: Table) -> bool:
    return table.require_partition_filter or bool(_hive(table).get("requirePartitionFilter"))


def _hive(table: Table) -> Mapping[str, Any]:
    """What is said of the columns that names of files give an external table."""
    config: Mapping[str, Any] = table.metadata.get("externalDataConfiguration") or {}
    found: Mapping[str, Any] = config.get("hivePartitioningOptions") or {}
    return found


def _hive_columns(table: Table) -> list[str]:
    """Those columns: the listed ones, else those that the names of the files have."""
    listed = [f["name"] for f in _hive(table).get("fields") or ()]
    found = table.metadata.get("virtual")
    if listed or found is None:
        return listed
    return [f.name for f in found.source.partition_fields(found.source.matching(found.objects))]


def _partition_columns(table: Table) -> tuple[str, ...]:
    if table.kind is TableKind.EXTERNAL:
        return tuple(name.casefold() for name in _hive_columns(table))
    by = table.time_partitioning or table.range_partitioning
    if by is None:
        return ()
    return _PSEUDO if by.field is None else (by.field.casefold(),)


def _shown(table: Table) -> str:
    if table.kind is TableKind.EXTERNAL:
        return ", ".join(f"'{name}'" for name in _hive_columns(table))
    by = table.time_partitioning or table.range_partitioning
    if by is not None and by.field is not None:
        return f"'{by.field}'"
    return "'_PARTITION_LOAD_TIME', '_PARTITIONDATE', '_PARTITIONTIME'"
