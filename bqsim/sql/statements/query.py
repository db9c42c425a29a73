"""Running plans: queries, and what they scanned."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bqsim.catalog.refs import TableRef
from bqsim.catalog.resources import Table
from bqsim.errors import Internal, invalid_query, unsupported
from bqsim.sql.plan import BytesRead, QueryPlan, Route, StatementResult
from bqsim.sql.row_security import protecting

from .base import Statement, registered
from .quotas import charge_plan
from .storage import live, storage_of

if TYPE_CHECKING:
    import pyarrow as pa


def select(statement: Statement) -> StatementResult:
    """A query statement."""
    services = statement.services
    plan = services.planner.plan_query(statement.analyzed, statement.ctx)
    with services.catalog.steady():
        # A plan of tables that others have replaced since must not be kept for their successors.
        named = (s.table.ref for s in statement.analyzed.sources.values())
        refs = (*named, *plan.tables, *plan.views, *plan.routines)
        if not services.catalog.reshaped_since(refs, statement.moment):
            services.planner.remember(
                statement.analyzed.original_sql, statement.ctx, statement.analyzed, plan
            )
    read = charge_plan(statement, plan)
    rows = None if statement.dry_run else run_plan(statement, plan)
    return query_result(plan, rows, read)


def query_result(plan: QueryPlan, rows: Any, read: BytesRead) -> StatementResult:
    return StatementResult(
        "SELECT",
        row_level_security=plan.policies_used is not None,
        route=plan.route,
        route_reason=plan.route_reason,
        schema=plan.schema,
        rows=rows,
        plan=plan,
        tables=plan.tables,
        read=read,
    )


def run_plan(statement: Statement, plan: QueryPlan, within: tuple[TableRef, ...] = ()) -> pa.Table:
    """The rows of a plan in canonical Arrow form. ``within`` are the views whose rows it computes."""
    if plan.engine_sql is not None:
        with registered(statement.session, plan):
            return statement.session.query(plan.engine_sql, plan.schema)
    if plan.reference is None:
        raise Internal("a plan without a route")
    from bqsim.sql.reference import MAX_ROWS

    tables: dict[str, Table] = plan.reference.tables
    rows = {name: input_rows(statement, plan, table, within) for name, table in tables.items()}
    if sum(r.num_rows for r in rows.values()) > MAX_ROWS:
        raise unsupported(plan.route_reason)
    found = statement.services.reference.run(plan.reference, statement.ctx, rows)
    if plan.reference.statement.is_value_table and found.num_columns != len(plan.schema):
        return _flattened(found)
    return found


def _flattened(rows: pa.Table) -> pa.Table:
    """The fields of a value table's STRUCTs as columns."""
    import pyarrow as pa

    columns = rows.column(0).combine_chunks().flatten()
    return pa.Table.from_arrays(columns, names=[f"c{i}" for i in range(1, len(columns) + 1)])


def input_rows(statement: Statement, plan: QueryPlan, table: Table, within: tuple[TableRef, ...]) -> pa.Table:
    """All rows of a table or view as input of a plan of the reference route."""
    if table.storage is not None and table.view_query is None:
        return stored_rows(statement, table)
    if "virtual" in table.metadata:
        _, given = plan.inputs.get(table.ref.sql_name, (None, table.metadata["virtual"]))
        rows: pa.Table = given(statement.session)
        return rows.select(range(len(table.fields)))
    if table.view_query is None:
        raise unsupported(plan.route_reason)
    if table.ref in within:
        raise invalid_query(f"View {table.ref.sql_name} refers to itself")
    planner = statement.services.planner
    inner = planner.plan_query(planner.view(table, statement.ctx), statement.ctx)
    return run_plan(statement, inner, (*within, table.ref))


def stored_rows(statement: Statement, table: Table) -> pa.Table:
    """The live rows of a stored table that the caller sees, in canonical Arrow form."""
    planner, ctx = statement.services.planner, statement.ctx
    table = protecting(statement.catalog, table)
    if planner.security.sees_all(table, ctx):
        return all_rows(statement, table)
    if table.ref in ctx.filtering:
        raise invalid_query(f"Row access policies on table {table.ref.api_name} refer to their own table")
    plan = planner.rows_seen(table, ctx)
    return _filtered(statement, table) if plan is None else run_plan(statement, plan)


def _filtered(statement: Statement, table: Table) -> pa.Table:
    """The rows that filters leave, computed on the exact route."""
    services, ctx = statement.services, statement.ctx
    analyzed = services.planner.security.filtered(table, ctx)
    refusal = "Row access policies of several projects"
    if analyzed is not None:
        counts = {name: t.num_rows for name, t in analyzed.tables.items()}
        refusal = services.reference.eligible(analyzed, ctx, counts) or ""
    if analyzed is None or refusal:
        raise unsupported(refusal)
    within = replace(statement, ctx=replace(ctx, filtering=(*ctx.filtering, table.ref)))
    plan = QueryPlan(Route.REFERENCE, "a filter of a row access policy", (), ())
    rows = {
        name: all_rows(statement, table) if t.ref == table.ref else input_rows(within, plan, t, ())
        for name, t in analyzed.tables.items()
    }
    return services.reference.run(analyzed, ctx, rows)


def all_rows(statement: Statement, table: Table) -> pa.Table:
    """All live rows of a stored table, whatever its row access policies."""
    storage = storage_of(table)
    columns = ", ".join(storage.columns)
    return statement.session.query(
        f"SELECT {columns} FROM {storage.engine_table} WHERE {live(storage, statement.ctx.rows_at_us)}",
        table.fields,
    )


def engine_select(plan: QueryPlan) -> str:
    """The engine SELECT of a plan with its columns labelled ``v1`` …, as writers take them."""
    labels = ", ".join(f"v{i}" for i in range(1, len(plan.schema) + 1))
    return f"SELECT * FROM ({plan.engine_sql}) AS q({labels})"
