"""MERGE."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from bqsim.catalog.resources import Table
from bqsim.sql.googlesql import resolved
from bqsim.sql.lower import Lowering, nodes
from bqsim.sql.plan import DmlStats, StatementResult
from bqsim.types import Field

from . import assignments
from .base import Statement, enum_name
from .buffered import CHANGE, refuse_buffered
from .defaults import default_expression
from .dml import CHANGES, applied, changes, dml_result, mutated, one_source_row, refusing
from .writes import Writer

# Which rows of the join ``m`` a WHEN clause is about: conditions on the target's row and the source's mark.
_MATCHES: dict[str, str] = {
    "MATCHED": "m._rowid IS NOT NULL AND m._matched",
    "NOT_MATCHED_BY_SOURCE": "m._matched IS NULL",
    "NOT_MATCHED_BY_TARGET": "m._rowid IS NULL",
}
# The join that has the rows of the kinds of WHEN clauses in use: (by source, by target).
_JOINS: dict[tuple[bool, bool], str] = {
    (False, False): "JOIN",
    (True, False): "LEFT JOIN",
    (False, True): "RIGHT JOIN",
    (True, True): "FULL JOIN",
}


@dataclass(slots=True)
class _When:
    """A WHEN clause: the action, its condition, and the values it writes by position in the table."""

    action: str
    condition: str
    values: dict[int, str] = field(default_factory=dict)


def merge(statement: Statement) -> StatementResult:
    node = statement.node
    table = mutated(statement, node.table_scan)
    low = statement.services.planner.lowering(statement.analyzed, statement.ctx)
    with refusing(statement):
        rows = nodes.render(low.target_scan(node.table_scan))
        source = nodes.render(low.scan(node.from_scan))
        low.bind(node.table_scan, "t")
        low.bind(node.from_scan, "s")
        on = nodes.render(low.expression(node.merge_expr))
        low.bind(node.table_scan, "m")
        low.bind(node.from_scan, "m")
        whens = [_when(statement, low, table, clause) for clause in node.when_clause_list]
    only_inserts = all(w.action == "INSERT" for w in whens)
    result = dml_result(statement, "MERGE", low, table, whole_target=not only_inserts)
    if statement.dry_run:
        return result
    kinds = {enum_name(c, "match_type") for c in node.when_clause_list}
    join = _JOINS["NOT_MATCHED_BY_SOURCE" in kinds, "NOT_MATCHED_BY_TARGET" in kinds]
    select = _changes(rows, source, join, on, whens)
    with applied(statement, low, table) as writer, changes(statement.session, select):
        result.dml = _apply(statement, writer, whens)
    return result


def _when(statement: Statement, low: Lowering, table: Table, clause: Any) -> _When:
    condition = _MATCHES[enum_name(clause, "match_type")]
    if resolved.has(clause, "match_expr"):
        condition += f" AND ({nodes.render(low.expression(clause.match_expr))})"
    when = _When(enum_name(clause, "action_type"), condition)
    scan, columns = statement.node.table_scan, assignments.writable_fields(table)
    if when.action == "UPDATE":
        when.values = assignments.new_values(statement, low, table, scan, clause.update_item_list, "m")
    elif when.action == "INSERT":
        given = [assignments.position(scan, c.column_id) for c in clause.insert_column_list]
        for index, value in zip(given, clause.insert_row.value_list, strict=True):
            expression = resolved.unwrap(value.value)
            is_default = resolved.node_name(expression) == "ResolvedDMLDefault"
            when.values[index] = (
                default_expression(statement, columns[index])
                if is_default
                else str(nodes.render(low.expression(expression)))
            )
        for index, column in enumerate(table.fields):
            if index not in when.values and column.default is not None:
                when.values[index] = default_expression(statement, column)
    return when


def _changes(rows: str, source: str, join: str, on: str, whens: list[_When]) -> str:
    """The engine SELECT of what happens: the target row, the number of the clause, and all clauses'
    values.
    """
    cases = " ".join(f"WHEN {w.condition} THEN {n}" for n, w in enumerate(whens))
    joined = f"SELECT * FROM ({rows}) AS t {join} (SELECT *, TRUE AS _matched FROM ({source})) AS s ON {on}"
    acted = f"SELECT *, CASE {cases} END AS _action FROM ({joined}) AS m"
    # A clause's values are computed for its own rows only: for other rows they may fail.
    values = "".join(
        f", CASE WHEN m._action = {n} THEN {value} END AS w{n}_{i + 1}"
        for n, when in enumerate(whens)
        for i, value in when.values.items()
    )
    return f"SELECT m._rowid, m._action{values} FROM ({acted}) AS m WHERE m._action IS NOT NULL"


def _apply(statement: Statement, writer: Writer, whens: list[_When]) -> DmlStats:
    session, table = writer.session, writer.table
    changed = f"SELECT _rowid FROM {CHANGES} WHERE _rowid IS NOT NULL"
    one_source_row(session, f"({changed})")
    writer.remove(changed)
    refuse_buffered(statement, writer, CHANGE)
    inserted = updated = 0
    for n, when in enumerate(whens):
        every = assignments.writable_fields(table)
        fields: list[Field] = [every[i] for i in when.values]
        if when.action == "INSERT":
            columns = ", ".join(f"w{n}_{i + 1} AS v{p}" for p, i in enumerate(when.values, 1))
            inserted += writer.insert(
                fields,
                f"SELECT {columns or '1'} FROM {CHANGES} WHERE _action = {n}",
                partition=assignments.given_partition(table, list(when.values)),
            )
        elif when.action == "UPDATE":
            columns = "".join(f", w{n}_{i + 1} AS v{i + 1}" for i in when.values)
            own = f"(SELECT _rowid{columns} FROM {CHANGES} WHERE _action = {n})"
            updated += writer.insert(
                table.fields,
                assignments.updated_rows(table, when.values, own),
                updating=True,
                partition=assignments.kept_partition(table),
            )
    return DmlStats(inserted=inserted, updated=updated, deleted=writer.removed - updated)
