"""Primary and foreign keys: metadata that BigQuery keeps but does not enforce."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bqsim.errors import invalid_query

from .base import Statement


def foreign_keys(statement: Statement, nodes: Iterable[Any]) -> list[dict[str, Any]]:
    """The API's ``tableConstraints.foreignKeys`` of ResolvedForeignKeys."""
    return [foreign_key(statement, node, n) for n, node in enumerate(nodes, 1)]


def foreign_key(statement: Statement, node: Any, number: int) -> dict[str, Any]:
    if node.enforced:
        raise invalid_query("Foreign keys must be declared as NOT ENFORCED")
    target = statement.analyzed.tables[node.referenced_table.full_name]
    referenced = [target.fields[i].name for i in node.referenced_column_offset_list]
    return {
        "name": node.constraint_name or f"fk${number}",
        "referencedTable": target.ref.to_json(),
        "columnReferences": [
            {"referencingColumn": own, "referencedColumn": other}
            for own, other in zip(node.referencing_column_list, referenced, strict=True)
        ],
    }
