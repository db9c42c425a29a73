"""INSERT, UPDATE, DELETE and TRUNCATE TABLE.

A statement first computes what it changes into a temporary engine table, then changes the rows, so that
it reads
only what was there before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from bqsim.catalog.refs import TableRef
from bqsim.catalog.resources import Table
from bqsim.engine.protocol import Session
from bqsim.errors import invalid, invalid_query, unsupported
from bqsim.sql.googlesql import resolved
from bqsim.sql.lower import Lowering, nodes
from bqsim.sql.lower.partition_conditions import covered_condition
from bqsim.sql.lower.registry import Unsupported
from bqsim.sql.plan import DmlStats, Route, StatementResult
from bqsim.types import Field

from . import assignments
from .base import Statement, enum_name, registered_inputs
from .buffered import CHANGE, TRUNCATE, refuse_buffered
from .defaults import default_expression
from .query import engine_select, run_plan
from .quotas import charge_plan, charge_scan
from .scanned import bytes_read
from .storage import storage_of
from .writes import Writer, is_large, writable

CHANGES = "_bq_changes"
MULTIPLE_MATCHES = "UPDATE/MERGE must match at most one source row for each target row"


def insert(statement: Statement) -> StatementResult:
    node = statement.node
    mode = enum_name(node, "insert_mode")
    if mode != "OR_ERROR":
        raise invalid_query(f"INSERT {mode.replace('_', ' ')} is not supported")
    _refuse_count(statement)
    table = target(statement, node.table_scan)
    positions = [assignments.position(node.table_scan, c.column_id) for c in node.insert_column_list]
    columns = assignments.writable_fields(table)
    given = [columns[i] for i in positions]
    partition = assignments.given_partition(table, positions)
    omitted = [f for i, f in enumerate(table.fields) if i not in positions and f.default is not None]
    if resolved.has(node, "query"):
        return _insert_query(statement, table, given, omitted, partition)
    low = statement.services.planner.lowering(statement.analyzed, statement.ctx)
    with refusing(statement):
        defaults = [default_expression(statement, f) for f in omitted]
        rows = [", ".join([*_row_values(statement, low, row, given), *defaults]) for row in node.row_list]
    result = dml_result(statement, "INSERT", low, table, whole_target=False)
    if statement.dry_run:
        return result
    labels = ", ".join(f"v{i}" for i in range(1, len(given) + len(omitted) + 1))
    values = f"SELECT * FROM (VALUES {', '.join(f'({r})' for r in rows)}) AS r({labels})"
    with applied(statement, low, table) as writer:
        writer.insert([*given, *omitted], values, partition=partition, single=len(rows) == 1)
    result.dml = DmlStats(inserted=writer.inserted)
    return result


def _row_values(statement: Statement, low: Lowering, row: Any, fields: Sequence[Field]) -> Iterator[str]:
    for value, field in zip(row.value_list, fields, strict=True):
        expression = resolved.unwrap(value.value)
        if resolved.node_name(expression) == "ResolvedDMLDefault":
            yield default_expression(statement, field)
        else:
            yield nodes.render(low.expression(expression))


def _insert_query(
    statement: Statement,
    table: Table,
    given: Sequence[Field],
    omitted: Sequence[Field],
    partition: str | None,
) -> StatementResult:
    node = statement.node
    outputs = assignments.outputs(node.query_output_column_list, given)
    planner = statement.services.planner
    plan = planner.plan_inner(statement.analyzed, statement.ctx, node.query, outputs, None)
    with refusing(statement):
        defaults = [default_expression(statement, f) for f in omitted]
    result = StatementResult("INSERT", plan.route, plan.route_reason, plan=plan, tables=plan.tables)
    result.row_level_security = plan.policies_used is not None
    result.read = charge_plan(statement, plan)
    if statement.dry_run:
        return result
    with statement.writing(table.ref) as writer:
        writer.partition = partition or writer.partition
        if plan.engine_sql is None:
            filled = {f.name: d for f, d in zip(omitted, defaults, strict=True)}
            writer.append(run_plan(statement, plan), given, given=plan.schema, defaults=filled)
        else:
            extra = "".join(f", {d} AS v{i}" for i, d in enumerate(defaults, len(given) + 1))
            with registered_inputs(statement.session, plan.inputs):
                large = is_large(statement.catalog, plan.tables)
                select = f"SELECT *{extra} FROM ({engine_select(plan)})"
                writer.insert([*given, *omitted], select, large=large)
    result.dml = DmlStats(inserted=writer.inserted)
    return result


def update(statement: Statement) -> StatementResult:
    node = statement.node
    _refuse_count(statement)
    table = mutated(statement, node.table_scan)
    low = statement.services.planner.lowering(statement.analyzed, statement.ctx)
    with refusing(statement):
        rows = nodes.render(low.target_scan(node.table_scan))
        low.bind(node.table_scan, "t")
        source = ""
        if resolved.has(node, "from_scan"):
            source = f", ({nodes.render(low.scan(node.from_scan))}) AS s"
            low.bind(node.from_scan, "s")
        values = assignments.new_values(statement, low, table, node.table_scan, node.update_item_list, "t")
        condition = nodes.render(low.expression(node.where_expr))
    result = dml_result(statement, "UPDATE", low, table, whole_target=True)
    if statement.dry_run:
        return result
    columns = "".join(f", {v} AS v{i + 1}" for i, v in values.items())
    select = f"SELECT t._rowid{columns} FROM ({rows}) AS t{source} WHERE {condition}"
    with applied(statement, low, table) as writer, changes(statement.session, select):
        one_source_row(statement.session, CHANGES)
        writer.remove(f"SELECT _rowid FROM {CHANGES}")
        refuse_buffered(statement, writer, CHANGE)
        writer.insert(
            table.fields,
            assignments.updated_rows(writer.table, values, CHANGES),
            updating=True,
            partition=assignments.kept_partition(writer.table),
        )
    result.dml = DmlStats(updated=writer.inserted)
    return result


def delete(statement: Statement) -> StatementResult:
    node = statement.node
    _refuse_count(statement)
    table = mutated(statement, node.table_scan)
    low = statement.services.planner.lowering(statement.analyzed, statement.ctx)
    with refusing(statement):
        rows = nodes.render(low.target_scan(node.table_scan))
        low.bind(node.table_scan, "t")
        condition = nodes.render(low.expression(node.where_expr))
        dropped = covered_condition(low, node.table_scan, table, node.where_expr)
    result = dml_result(statement, "DELETE", low, table, whole_target=True, dropped=dropped)
    if statement.dry_run:
        return result
    with applied(statement, low, table) as writer:
        writer.remove(f"SELECT t._rowid FROM ({rows}) AS t WHERE {condition}")
        refuse_buffered(statement, writer, CHANGE)
    result.dml = DmlStats(deleted=writer.removed)
    return result


def truncate(statement: Statement) -> StatementResult:
    if resolved.has(statement.node, "where_expr"):
        raise invalid_query("TRUNCATE TABLE statement with a WHERE clause is not supported")
    table = target(statement, statement.node.table_scan)
    result = StatementResult("TRUNCATE_TABLE", Route.ENGINE, ddl_target_table=table.ref)
    if statement.dry_run:
        return result
    with statement.writing(table.ref) as writer:
        writer.clear()
        refuse_buffered(statement, writer, TRUNCATE)
    result.dml = DmlStats(deleted=writer.removed)
    return result


def _refuse_count(statement: Statement) -> None:
    """Raise for a clause of GoogleSQL's that BigQuery does not have."""
    if resolved.has(statement.node, "assert_rows_modified"):
        raise invalid_query("ASSERT_ROWS_MODIFIED is not supported")


def target(statement: Statement, scan: Any) -> Table:
    """The table that a DML statement changes."""
    source = statement.analyzed.sources[scan.table.full_name]
    table: Table = source.table
    if source.matches:
        raise invalid_query(f"Illegal operation (write) on meta-table {table.ref.api_name[:-1]}")
    writable(table)
    statement.services.planner.security.require_all(table, statement.ctx)
    storage_of(table)
    return table


def mutated(statement: Statement, scan: Any) -> Table:
    """The table whose rows UPDATE, DELETE or MERGE changes."""
    table = target(statement, scan)
    if storage_of(table).changes is not None:
        raise invalid(
            "DELETE/UPDATE/MERGE DMLs are currently not supported over tables that had UPSERT streams."
        )
    return table


@contextmanager
def refusing(statement: Statement) -> Iterator[None]:
    """Turn what the engine has no form of into the refusal that names it."""
    try:
        yield
    except Unsupported as missing:
        raise unsupported(str(missing)) from None


@contextmanager
def applied(statement: Statement, low: Lowering, table: Table) -> Iterator[Writer]:
    """A writer into the target, with the relations that the statement reads."""
    inputs = registered_inputs(statement.session, low.shared.inputs)
    with statement.writing(table.ref) as writer, inputs:
        yield writer


@contextmanager
def changes(session: Session, select: str) -> Iterator[None]:
    """The rows of an engine SELECT as the temporary table :data:`CHANGES` while the block runs."""
    session.execute(f"CREATE OR REPLACE TEMP TABLE {CHANGES} AS {select}")
    yield
    session.execute(f"DROP TABLE {CHANGES}")


def one_source_row(session: Session, relation: str) -> None:
    """Fail when a target row is to be changed more than once."""
    if session.scalar(f"SELECT count(_rowid) > count(DISTINCT _rowid) FROM {relation}"):
        raise invalid_query(MULTIPLE_MATCHES)


def dml_result(
    statement: Statement,
    statement_type: str,
    low: Lowering,
    table: Table,
    *,
    whole_target: bool,
    dropped: str | None = None,
) -> StatementResult:
    """A DML result with the bytes that the statement is charged for.

    ``dropped`` is the condition of the partitions of the target that are dropped without being read.
    """
    shared = low.shared
    read: dict[TableRef, Iterable[str]] = {ref: tuple(names) for ref, names in shared.columns_read.items()}
    scans = {ref: tuple(found) for ref, found in shared.scans.items()}
    read.pop(table.ref, None)
    if whole_target:
        names = tuple(f.name for f in table.fields)
        read[table.ref] = names
        if table.ref in scans:
            # The target is the first that is scanned.
            own, *others = scans[table.ref]
            scans[table.ref] = (replace(own, columns=names, dropped=dropped), *others)
    result = StatementResult(statement_type, Route.ENGINE, tables=tuple(read))
    result.row_level_security = shared.policies_used is not None
    result.read = bytes_read(statement, read, scans, shared.wildcards)
    charge_scan(statement, result.read, read)
    return result
