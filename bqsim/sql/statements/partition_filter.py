"""Tables that may only be queried with a filter on their partition column."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bqsim.catalog.resources import Table, TableKind
from bqsim.errors import invalid_query
from bqsim.sql.googlesql import resolved

if TYPE_CHECKING:
    from bqsim.sql.googlesql import Analyzed

# Where statements filter: node -> the fields that hold conditions.
_CONDITIONS: dict[str, tuple[str, ...]] = {
    "ResolvedFilterScan": ("filter_expr",),
    "ResolvedJoinScan": ("join_expr",),
    "ResolvedDeleteStmt": ("where_expr",),
    "ResolvedUpdateStmt": ("where_expr",),
    "ResolvedMergeStmt": ("merge_expr",),
}
# Statements that are about rows of the tables that they name.
_READING = frozenset(
    f"resolved_{name}_stmt"
    for name in ("query", "create_table_as_select", "insert", "update", "delete", "merge")
)
_PSEUDO = ("_partitiontime", "_partitiondate")


def check(analyzed: Analyzed) -> None:
    """Fail as BigQuery does when a scan of such a table has no condition on its partition column.

    The target of INSERT needs none.
    """
    guarded = {n: s for n, s in analyzed.sources.items() if _is_guarded(s.table)}
    if not guarded or analyzed.kind not in _READING:
        return
    target = analyzed.statement.table_scan if analyzed.kind == "resolved_insert_stmt" else None
    nodes = list(resolved.walk(analyzed.statement))
    filtered = _filtered_columns(nodes)
    for node in nodes:
        if resolved.node_name(node) != "ResolvedTableScan" or node.table.full_name not in guarded:
            continue
        if target is not None and node == target:
            continue
        table = guarded[node.table.full_name].table
        names = _partition_columns(table)
        columns = {c.column_id for c in node.parent.column_list if c.name.casefold() in names}
        if not columns & filtered:
            shown = _shown(table)
            raise invalid_query(
                f"Cannot query over table '{table.ref.sql_name}' without a filter over column(s) {shown}"
                " that can be used for partition elimination"
            )


def _filtered_columns(nodes: list[Any]) -> set[int]:
    """The ids of all columns that conditions name."""
    found: set[int] = set()
    for node in nodes:
        for field in _CONDITIONS.get(resolved.node_name(node), ()):
            condition = resolved.unwrap(getattr(node, field))
            if condition is None:
                continue
            found.update(
                n.column.column_id
                for n in resolved.walk(condition)
                if resolved.node_name(n) == "ResolvedColumnRef"
            )
    return found


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
