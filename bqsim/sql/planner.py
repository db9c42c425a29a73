"""From analysed statements to plans: which route runs them, and the cache of plans."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bqsim.catalog.refs import RoutineRef, TableRef
from bqsim.catalog.resources import Table
from bqsim.errors import invalid_query, unsupported
from bqsim.sim.clock import Clock
from bqsim.sim.stale import seen

from .generic import Generic, Shape, generic_of, shape_of
from .googlesql import resolved
from .inner_query import original_tail, query_start
from .lower.external import calls_external
from .lower.registry import Unsupported
from .plan import Context, QueryPlan, Route
from .row_security import RowSecurity

if TYPE_CHECKING:
    from bqsim.catalog.store import Catalog

    from .googlesql import Analyzed, GoogleSql
    from .lower import LoweredQuery, Lowering
    from .reference import ReferenceRoute

PLANS = 2000
VIEWS = 500


@dataclass(frozen=True, slots=True)
class _Cached:
    plan: QueryPlan | Generic | None
    refs: tuple[TableRef | RoutineRef, ...]
    fingerprint: Hashable


class Planner:
    """Plans queries. Thread-safe."""

    def __init__(
        self, catalog: Catalog, googlesql: GoogleSql, clock: Clock, reference: ReferenceRoute | None = None
    ) -> None:
        self._catalog = catalog
        self._googlesql = googlesql
        self._clock = clock
        self._reference = reference
        self.security = RowSecurity(catalog, googlesql)
        self._plans: OrderedDict[Hashable, _Cached] = OrderedDict()
        self._views: OrderedDict[Hashable, Analyzed] = OrderedDict()
        self._lock = threading.Lock()

    # Plans

    def plan_query(self, analyzed: Analyzed, ctx: Context) -> QueryPlan:
        """The plan of a query statement. Raises BigQueryError naming what no route can compute."""
        from .lower import Lowering

        try:
            lowered = Lowering(analyzed, ctx, self._catalog, self.view, security=self.security).query()
        except Unsupported as missing:
            return self._reference_plan(analyzed, ctx, str(missing))
        return _engine_plan(lowered)

    def plan_inner(
        self, analyzed: Analyzed, ctx: Context, scan: Any, outputs: Any, keyword: str | None
    ) -> QueryPlan:
        """The plan of the query inside another statement, given as a wrapped scan and its output columns.

        In the text the query follows ``keyword``, or begins by itself. On the reference route the
        columns have the
        types that the query itself gives them, before the statement coerces them.
        """
        from .lower import Lowering

        query = as_query(analyzed, scan, outputs)
        try:
            return _engine_plan(
                Lowering(query, ctx, self._catalog, self.view, security=self.security).query()
            )
        except Unsupported as missing:
            prepared = self._googlesql.prepare(analyzed.original_sql)
            start = query_start(prepared.sql, keyword)
            if start is None:
                raise unsupported(str(missing)) from None
            text = original_tail(prepared, start)
            return self._reference_plan(self._googlesql.analyze(text, ctx), ctx, str(missing))

    def _reference_plan(self, analyzed: Analyzed, ctx: Context, missing: str) -> QueryPlan:
        if self._reference is None:
            raise unsupported(missing)
        counts = {name: table.num_rows for name, table in analyzed.tables.items()}
        refusal = self._reference.eligible(analyzed, ctx, counts)
        if refusal is not None:
            raise unsupported(missing)
        from .lower.outputs import fields_of
        from .lower.reads import note_reads

        outputs = analyzed.output_columns()
        names, types = [c[0] for c in outputs], [c[2] for c in outputs]
        if analyzed.statement.is_value_table and types[0].is_struct:
            names, types = [f.name for f in types[0].fields], [f.type for f in types[0].fields]
        tables = tuple(t.ref for t in analyzed.tables.values())
        low = self.lowering(analyzed, ctx)
        note_reads(low)
        return QueryPlan(
            route=Route.REFERENCE,
            route_reason=missing,
            schema=fields_of(names, types),
            tables=tables,
            columns_read={ref: tuple(names) for ref, names in low.shared.columns_read.items()},
            reference=analyzed,
            inputs=low.shared.inputs,
            ordered=bool(resolved.get(resolved.unwrap(analyzed.statement.query), "is_ordered")),
            deterministic=False,
            policies_used=self._policies_used(analyzed, ctx),
            **low.shared.reading(),
        )

    def rows_seen(self, table: Table, ctx: Context) -> QueryPlan | None:
        """The plan of all columns of a stored table's rows that the caller sees; None when the engine has no
        form of a filter of its row access policies."""
        from .lower import Lowering

        analyzed = self.security.everything(table, ctx)
        try:
            return _engine_plan(
                Lowering(analyzed, ctx, self._catalog, self.view, security=self.security).query()
            )
        except Unsupported:
            return None

    def _policies_used(
        self, analyzed: Analyzed, ctx: Context, within: tuple[TableRef, ...] = ()
    ) -> int | None:
        """How many row access policies let the caller see rows of what a statement names, views resolved.

        ``within`` are the views whose queries are being looked at.
        """
        used: int | None = None
        for source in analyzed.sources.values():
            table, found = source.table, None
            if table.row_access_policies:
                found = len(self.security.granted(table, ctx))
            elif table.view_query is not None:
                if table.ref in within:
                    raise invalid_query(f"View {table.ref.sql_name} refers to itself")
                found = self._policies_used(self.view(table, ctx), ctx, (*within, table.ref))
            used = used if found is None else (used or 0) + found
        return used

    def lowering(self, analyzed: Analyzed, ctx: Context) -> Lowering:
        """A lowering for a statement's own expressions and scans."""
        from .lower import Lowering

        return Lowering(analyzed, ctx, self._catalog, self.view, security=self.security)

    def view(self, table: Table, ctx: Context) -> Analyzed:
        """The analysed query of a view, in the view's own context: its project and dataset."""
        inner = Context(
            project=table.ref.project,
            default_dataset=table.ref.dataset_ref,
            caller=ctx.caller,
            groups=ctx.groups,
            time_zone=ctx.time_zone,
            location=ctx.location,
            now_us=ctx.now_us,
            library=ctx.library,
            job=ctx.job,
        )
        analyzed = self._googlesql.analyze(table.view_query or "", inner)
        if ctx.transaction is not None:
            analyzed = ctx.transaction.bind(analyzed, ctx.temp_dataset)
        return analyzed

    # Cache

    def cached(self, sql: str, ctx: Context) -> QueryPlan | None:
        """The plan of the same text in the same context, when nothing that it names has changed."""
        key = _key(sql, ctx)
        if key is None:
            return None
        plan = self._current(key)
        if isinstance(plan, QueryPlan):
            return plan
        shape = shape_of(self._googlesql.prepare(sql).sql)
        generic = self._current(_key(shape.key, ctx)) if shape else None
        return generic.filled(shape) if shape and isinstance(generic, Generic) else None

    def _current(self, key: Hashable) -> QueryPlan | Generic | None:
        with self._lock:
            entry = self._plans.get(key)
            if entry is None:
                return None
            self._plans.move_to_end(key)
        if self._catalog.schema_fingerprint(entry.refs) != entry.fingerprint:
            return None
        return entry.plan

    def remember(self, sql: str, ctx: Context, analyzed: Analyzed, plan: QueryPlan) -> None:
        """Keep a plan, unless it depends on more than its text and the tables and views that it names."""
        key = _key(sql, ctx)
        if key is None or plan.route is not Route.ENGINE or plan.inputs or not plan.deterministic:
            return
        if plan.reads_materialized:
            return
        sources = analyzed.sources.values()
        if calls_external(plan.engine_sql or ""):
            return
        if any(s.matches or (s.table.storage is None and s.table.view_query is None) for s in sources):
            return
        routines: Iterable[RoutineRef] = analyzed.routines
        refs: tuple[TableRef | RoutineRef, ...] = (
            *(s.table.ref for s in sources),
            *plan.tables,
            *plan.views,
            *routines,
            *plan.routines,
        )
        entry = _Cached(plan, refs, self._catalog.schema_fingerprint(refs))
        self._keep(key, entry)
        # Literals in the bodies of functions have locations of their own.
        shape = None if routines or analyzed.expansion is not None else shape_of(analyzed.sql)
        if shape is not None:
            self._remember_generic(shape, ctx, analyzed, entry)

    def _remember_generic(self, shape: Shape, ctx: Context, analyzed: Analyzed, entry: _Cached) -> None:
        """Make a generic plan of a text whose like was seen before; making it costs a second lowering."""
        key = _key(shape.key, ctx)
        with self._lock:
            seen = self._plans.get(key)
        if seen is None:
            self._keep(key, replace(entry, plan=None))
            return

        def plan_with(gaps: Mapping[tuple[int, int], str]) -> QueryPlan:
            from .lower import Lowering

            return _engine_plan(
                Lowering(analyzed, ctx, self._catalog, self.view, gaps=gaps, security=self.security).query()
            )

        assert isinstance(entry.plan, QueryPlan)
        try:
            generic = generic_of(analyzed, shape, entry.plan, plan_with)
        except Unsupported:
            return
        self._keep(key, replace(entry, plan=generic))

    def _keep(self, key: Hashable, entry: _Cached) -> None:
        with self._lock:
            self._plans[key] = entry
            if len(self._plans) > PLANS:
                self._plans.popitem(last=False)


def _key(sql: str, ctx: Context) -> Hashable | None:
    """What a plan depends on beside the catalog; None when that is too much to keep it."""
    if (
        ctx.parameters
        or ctx.positional
        or ctx.variables
        or ctx.temp_dataset
        or ctx.temp_functions
        or ctx.transaction
        or ctx.pinned
        or seen() is not None
    ):
        return None
    return (
        sql,
        ctx.project,
        ctx.default_dataset,
        ctx.time_zone,
        ctx.location,
        ctx.undeclared_parameters_allowed,
    )


def _engine_plan(lowered: LoweredQuery) -> QueryPlan:
    return QueryPlan(
        route=Route.ENGINE,
        route_reason="",
        schema=lowered.schema,
        tables=lowered.tables,
        views=lowered.views,
        columns_read=lowered.columns_read,
        engine_sql=lowered.sql,
        inputs=lowered.inputs,
        ordered=lowered.ordered,
        deterministic=lowered.deterministic,
        routines=lowered.routines,
        policies_used=lowered.policies_used,
        materialized=lowered.materialized,
        scans=lowered.scans,
        wildcards=lowered.wildcards,
    )


def as_query(analyzed: Analyzed, scan: Any, outputs: Any) -> Analyzed:
    """The query inside another statement (a wrapped scan and its ResolvedOutputColumns) as a statement
    of its own.
    """
    from zetasql.wasi._pb2.zetasql.resolved_ast import resolved_ast_pb2 as ast

    query = ast.ResolvedQueryStmtProto(query=scan, output_column_list=outputs)
    return replace(analyzed, statement=query, kind="resolved_query_stmt")
