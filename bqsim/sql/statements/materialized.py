"""The stored rows of materialized views: what their queries may be, and when they are computed anew.

A view keeps its rows in an engine table of its own. A read takes them while the tables that they are of have
not changed since (or for as long as ``max_staleness`` allows), else it computes the query.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from bqsim.catalog.refs import TableRef
from bqsim.catalog.resources import Table, TableKind
from bqsim.catalog.store import Catalog
from bqsim.engine.protocol import Session
from bqsim.errors import BigQueryError, invalid_query
from bqsim.sql.googlesql import resolved
from bqsim.sql.lower.materialized import STATE, changed
from bqsim.sql.plan import BytesRead, Context, QueryPlan, StatementResult

from .base import Services, Statement, registered
from .query import engine_select, run_plan
from .scanned import bytes_read, plan_reads
from .tables import wrong_kind
from .writes import Writer, created, is_large, note_bytes

log = logging.getLogger(__name__)

# Page "Manage materialized views": how often a view is refreshed at most, unless it says otherwise.
INTERVAL_MS = 30 * 60 * 1000
# The first refresh of a new view runs beside the statement: what reads it at once reads its tables.
FIRST_REFRESH_US = 5_000_000

# Aggregates that a view can keep up to date (page "Create materialized views").
_AGGREGATES = frozenset(
    """any_value approx_count_distinct array_agg avg bit_and bit_or bit_xor count $count_star countif
    hll_count.init logical_and logical_or max max_by min min_by sum grouping""".split()  # noqa: SIM905
)
_UNSUPPORTED = {
    "ResolvedAnalyticScan": "analytic functions",
    "ResolvedSampleScan": "TABLESAMPLE",
    "ResolvedPivotScan": "PIVOT",
    "ResolvedUnpivotScan": "UNPIVOT",
    "ResolvedRecursiveScan": "WITH RECURSIVE",
    "ResolvedLimitOffsetScan": "LIMIT",
    "ResolvedOrderByScan": "ORDER BY",
    "ResolvedTVFScan": "table functions",
    "ResolvedSubqueryExpr": "subqueries in expressions",
}
_VOLATILE = frozenset(
    """rand generate_uuid current_date current_time current_datetime current_timestamp session_user
    $session_user""".split()  # noqa: SIM905
)


def check(statement: Statement, view: Table) -> None:
    """Raises ``invalidQuery`` for a query that no materialized view may have."""
    settings: Mapping[str, Any] = view.metadata.get("materializedView") or {}
    for source in statement.analyzed.sources.values():
        if source.table.kind is TableKind.EXTERNAL or "virtual" in source.table.metadata:
            raise invalid_query(
                f"Materialized views cannot reference {source.table.ref.sql_name}: its type"
                f" {source.table.kind} is not supported"
            )
        if source.matches:
            raise invalid_query("Materialized views cannot reference wildcard tables")
        if source.table.kind is TableKind.MATERIALIZED_VIEW and source.table.ref != view.ref:
            raise invalid_query(
                f"Materialized views cannot reference {source.table.ref.sql_name}: its type"
                f" {source.table.kind} is not supported"
            )
    if settings.get("allowNonIncrementalDefinition"):
        if view.metadata.get("maxStaleness") is None:
            raise invalid_query("Materialized views with non-incremental definitions must set max_staleness")
        return
    if statement.analyzed.routines:
        raise invalid_query("Materialized view query contains unsupported feature: user-defined functions.")
    found = next(filter(None, map(_unsupported, resolved.walk(resolved.get(statement.node, "query")))), None)
    if found is not None:
        raise invalid_query(f"Materialized view query contains unsupported feature: {found}.")


def _unsupported(node: Any) -> str | None:
    """What of a node incremental views do not have."""
    name = resolved.node_name(node)
    if name == "ResolvedTableScan" and resolved.has(node, "for_system_time_expr"):
        return "FOR SYSTEM_TIME AS OF"
    if name == "ResolvedAggregateFunctionCall":
        function = _function(node)
        if resolved.get(node, "distinct"):
            return "DISTINCT in aggregate functions"
        return None if function in _AGGREGATES else f"aggregate function {function.upper()}"
    if name == "ResolvedFunctionCall":
        function = _function(node)
        return f"non-deterministic function {function.strip('$').upper()}" if function in _VOLATILE else None
    return _UNSUPPORTED.get(name)


def _function(node: Any) -> str:
    return str(resolved.get(node, "function").name).rpartition(":")[2].casefold()


def refresh(statement: Statement, ref: TableRef, *, ready_us: int = 0) -> StatementResult:
    """Store the rows of a materialized view's query as they are now. Raises what the query raises.

    They are read from ``ready_us`` on.
    """
    services = statement.services
    catalog, session = services.catalog, statement.session
    with catalog.lock(ref):
        view = catalog.table(ref)
        if view.kind is not TableKind.MATERIALIZED_VIEW:
            raise wrong_kind(view)
        ctx = replace(statement.ctx, now_us=services.clock.now_us(), transaction=None)
        # What is read is noted before it is read: what changes meanwhile makes the rows old, never wrong.
        plan = services.planner.plan_query(services.planner.view(view, ctx), ctx)
        bases = _states(catalog, (*plan.tables, *plan.views))
        within = Statement(services, None, ctx, session)
        read = _incremental(within, view, plan) or plan_reads(within, plan)
        with catalog.change(session) as change:
            writer = created(catalog, session, change, replace(view, storage=None, num_rows=0))
            _fill(within, writer, plan)
            state = {"at_us": ctx.now_us, "ready_us": ready_us, "query": view.view_query, "bases": bases}
            metadata = {**view.metadata, STATE: state}
            filled = replace(writer.table, num_rows=writer.inserted, metadata=metadata)
            note_bytes(change, writer, filled, writer.inserted)
            change.put_table(filled)
    return StatementResult("CALL", route=plan.route, tables=plan.tables, read=read, ddl_target_table=ref)


def _fill(statement: Statement, writer: Writer, plan: QueryPlan) -> None:
    fields = writer.table.fields
    if plan.engine_sql is None:
        writer.append(run_plan(statement, plan), fields, given=plan.schema)
        return
    with registered(statement.session, plan):
        writer.insert(fields, engine_select(plan), large=is_large(statement.catalog, plan.tables))


def _incremental(statement: Statement, view: Table, plan: QueryPlan) -> BytesRead | None:
    """What a refresh is charged for that only adds what came to one table since the last one: those rows, and
    the rows that the view has. None when the whole query is computed (page *Use materialized views*).
    """
    state: Mapping[str, Any] = view.metadata.get(STATE) or {}
    settings: Mapping[str, Any] = view.metadata.get("materializedView") or {}
    if settings.get("allowNonIncrementalDefinition") or view.storage is None:
        return None
    if state.get("query") != view.view_query or any(
        ref.api_name not in state["bases"] for ref in plan.tables
    ):
        return None
    tables = {ref: statement.catalog.table(ref) for ref in plan.tables}
    changed_ = [t for ref, t in tables.items() if t.etag != state["bases"][ref.api_name]["etag"]]
    if len(changed_) != 1:
        return None
    (base,) = changed_
    known = state["bases"][base.ref.api_name]
    if base.storage is None or known.get("rows") != base.storage.engine_table:
        return None
    sizes = statement.services.sizes
    came = sizes.appended(statement.session, base, known["version"], plan.columns_read[base.ref])
    if came is None:
        return None
    others = {ref: names for ref, names in plan.columns_read.items() if ref != base.ref}
    beside = bytes_read(statement, others)
    return BytesRead((came + sizes.table(statement.session, view), *beside.tables))


def _states(catalog: Catalog, refs: Sequence[TableRef]) -> dict[str, dict[str, Any]]:
    found = {ref: catalog.find_table(ref) for ref in refs}
    return {ref.api_name: {**ref.to_json(), **_seen_as(t)} for ref, t in found.items() if t is not None}


def _seen_as(table: Table) -> dict[str, Any]:
    """What tells whether a table has changed, and how."""
    rows = None if table.storage is None else table.storage.engine_table
    return {"etag": table.etag, "version": table.version, "rows": rows}


def first_refresh(statement: Statement, ref: TableRef) -> None:
    """The refresh that creating a view starts; when it fails the view tells so."""
    _attempt(statement, ref, statement.services.clock.now_us() + FIRST_REFRESH_US)


def due(catalog: Catalog) -> list[TableRef]:
    """The views whose automatic refresh should have begun."""
    now_ms = catalog.clock.now_us() // 1000
    return [view.ref for view in catalog.materialized_views() if _is_due(catalog, view, now_ms)]


def _is_due(catalog: Catalog, view: Table, now_ms: int) -> bool:
    settings: Mapping[str, Any] = view.metadata.get("materializedView") or {}
    if settings.get("enableRefresh") is False:
        return False
    state: dict[str, Any] | None = view.metadata.get(STATE)
    if state is None:
        return True
    if now_ms - state["at_us"] // 1000 < int(settings.get("refreshIntervalMs") or INTERVAL_MS):
        return False
    return view.storage is None or state.get("query") != view.view_query or changed(catalog, state)


def refresh_due(services: Services, session: Session) -> None:
    """Refresh what is due."""
    for ref in due(services.catalog):
        ctx = Context(ref.project, ref.dataset_ref, now_us=services.clock.now_us())
        _attempt(Statement(services, None, ctx, session), ref, 0)


def _attempt(statement: Statement, ref: TableRef, ready_us: int) -> None:
    try:
        refresh(statement, ref, ready_us=ready_us)
    except BigQueryError as error:
        log.info("the refresh of %s failed: %s", ref.sql_name, error.message)
        _note_failure(statement, ref, error)


def _note_failure(statement: Statement, ref: TableRef, error: BigQueryError) -> None:
    catalog = statement.catalog
    with catalog.lock(ref), catalog.change(statement.session) as change:
        view = catalog.find_table(ref)
        if view is None or view.kind is not TableKind.MATERIALIZED_VIEW:
            return
        now_us = catalog.clock.now_us()
        state: dict[str, Any] = {"at_us": now_us, "ready_us": 0, "query": None, "bases": {}}
        state["error"] = {"reason": error.reason.name, "message": error.message}
        change.put_table(replace(view, metadata={**view.metadata, STATE: state}))
