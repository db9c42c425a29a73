"""One statement at a time: analyse, choose its handler, run it."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bqsim.catalog.refs import TableRef
from bqsim.catalog.resources import Table
from bqsim.engine.protocol import Session
from bqsim.errors import BigQueryError, invalid, invalid_query, unsupported
from bqsim.objects import ObjectStore
from bqsim.sim.clock import Clock
from bqsim.sim.draws import Draws
from bqsim.sim.stale import seen
from bqsim.types import STRING, Field

from .access import Access
from .googlesql import resolved
from .googlesql.options import SYSTEM_VARIABLES
from .information_schema import VirtualTables
from .plan import Context, QueryPlan, StatementResult, TypedValue
from .planner import Planner
from .row_security import protecting
from .statements import HANDLERS, Handler, Services, Statement, materialized, partition_filter, shadows
from .statements.base import enum_name, registered
from .statements.claims import Claims, Outdated
from .statements.defaults import default_expression
from .statements.expiration import expire_partitions
from .statements.external import check_cached, readable
from .statements.kept_statistics import KeptStatistics
from .statements.load_data import with_target
from .statements.names import table_ref
from .statements.query import engine_select, query_result, run_plan
from .statements.quotas import begin_statement, charge_plan
from .statements.row_access import granted_to_nobody
from .statements.scanned import charged
from .statements.sizes import ColumnSizes
from .statements.time_travel import OtherColumns, bind_lag, bind_times, earlier_columns
from .statements.transactions import Transaction
from .statements.writes import Writer, created, finish_creation, is_large, writing

if TYPE_CHECKING:
    import pyarrow as pa

    from bqsim.catalog.store import Catalog

    from .googlesql import Analyzed, GoogleSql
    from .reference import ReferenceRoute

log = logging.getLogger(__name__)

# Takes the rows of a query into a table; returns their number.
Destination = Callable[["Rows"], int]
Position = tuple[int, int]

# How often a statement is analysed when its table changes between analysis and writing.
ATTEMPTS = 10

_TEMP_FUNCTION = re.compile(
    r"\s*create\s+(?:or\s+replace\s+)?temp(?:orary)?\s+(?:aggregate\s+|table\s+)?function\b", re.IGNORECASE
)
# Statements that a transaction may hold beside those about temporary objects.
_TRANSACTIONAL = frozenset(
    f"resolved_{name}_stmt" for name in ("query", "insert", "update", "delete", "merge", "truncate", "assert")
)
# Definitions, which may be of temporary objects, and what drops those.
_DDL = ("resolved_create_", "resolved_drop_", "resolved_alter_", "resolved_rename_", "resolved_undrop_")
_DROPS = frozenset({"resolved_drop_stmt", "resolved_drop_function_stmt"})


class Rows:
    """The rows of a planned query, on their way into a table."""

    def __init__(self, statement: Statement, plan: QueryPlan) -> None:
        self._statement = statement
        self.plan = plan
        self.session = statement.session

    @property
    def schema(self) -> tuple[Field, ...]:
        return self.plan.schema

    def write(self, writer: Writer, fields: Sequence[Field]) -> int:
        """Insert the rows, column i as ``fields[i]``; they do not leave the engine where that is possible."""
        if self.plan.engine_sql is None:
            return writer.append(run_plan(self._statement, self.plan), fields)
        with registered(self.session, self.plan):
            large = is_large(self._statement.catalog, self.plan.tables)
            return writer.insert(fields, engine_select(self.plan), large=large)


class Executor:
    """Runs statements. Thread-safe: all state of a run is in its context and session."""

    def __init__(
        self,
        catalog: Catalog,
        planner: Planner,
        googlesql: GoogleSql,
        reference: ReferenceRoute,
        clock: Clock,
        draws: Draws,
        objects: ObjectStore | None = None,
    ) -> None:
        sizes, claims = ColumnSizes(catalog.stored_bytes), Claims()
        self.kept = KeptStatistics(catalog, sizes.statistics)
        objects = objects or ObjectStore(clock)
        virtual = VirtualTables(catalog, sizes)
        googlesql.virtual_tables = virtual
        googlesql.read_external(readable(objects))
        # What INFORMATION_SCHEMA tells of jobs and sessions; whoever runs them assigns its ``history``.
        self.sources = virtual.sources
        self._services = Services(
            catalog,
            planner,
            googlesql,
            reference,
            clock,
            draws,
            sizes,
            claims,
            objects,
            lambda: self.sources.capacity(),
        )
        self.access = Access(catalog, planner, googlesql)
        planner.security.policy = lambda: self.access.policy()

    @property
    def planner(self) -> Planner:
        return self._services.planner

    @property
    def googlesql(self) -> GoogleSql:
        return self._services.googlesql

    @property
    def sizes(self) -> ColumnSizes:
        """Logical sizes of stored columns and tables."""
        return self._services.sizes

    def expire(self, session: Session) -> None:
        """Remove the rows of partitions that have expired since it was asked last; at no cost without any."""
        services = self._services
        if services.catalog.expiring.pending():
            expire_partitions(services.catalog, services.claims, services.sizes, session)

    @property
    def claims(self) -> Claims:
        """Tables that open transactions have changed: their writers wait."""
        return self._services.claims

    @property
    def objects(self) -> ObjectStore:
        """The objects that ``gs://`` URIs name."""
        return self._services.objects

    @property
    def catalog(self) -> Catalog:
        return self._services.catalog

    @property
    def clock(self) -> Clock:
        return self._services.clock

    # Statements

    def run(
        self,
        sql: str,
        ctx: Context,
        session: Session,
        *,
        destination: Destination | None = None,
        start: Position = (1, 1),
    ) -> StatementResult:
        """Run one statement (which CREATE TEMP FUNCTION statements may precede). Raises BigQueryError.

        With ``destination`` the rows of a query are handed to it instead of being returned; other statements
        may not have one. ``start`` is the line and column of the text in the user's text, for error
        positions.
        """
        begin_statement(sql)
        sql, ctx, start = self._prepared(sql, ctx, session, start)
        plan = self._services.planner.cached(sql, ctx)
        if plan is not None and self.access.plan(plan, ctx):
            return charged(self._select(Statement(self._services, None, ctx, session), plan, destination))
        last: Exception = Outdated(TableRef(ctx.project, "", ""))
        for attempt in range(1, ATTEMPTS + 1):
            moment = self._services.catalog.moment()
            analyzed = self._analyze(sql, ctx, session, start)
            try:
                done = self.run_analyzed(analyzed, ctx, session, destination=destination, moment=moment)
                return charged(done)
            except Outdated as error:
                log.debug("attempt %d: %s", attempt, error)
                last = error
            except OtherColumns as past:
                ctx = replace(ctx, pinned={**ctx.pinned, past.table.ref: past.table})
        raise last

    def run_analyzed(
        self,
        analyzed: Analyzed,
        ctx: Context,
        session: Session,
        *,
        destination: Destination | None = None,
        moment: int = -1,
    ) -> StatementResult:
        """Run a statement that is analysed already; ``moment`` is the catalog's before the analysis."""
        statement = self._statement(analyzed, ctx, session)
        statement.moment = moment
        shadows.fill_uncharged(statement)
        if destination is not None:
            _check_query(analyzed)
            plan = self._services.planner.plan_query(statement.analyzed, statement.ctx)
            return self._select(statement, plan, destination)
        return _handler(analyzed)(statement)

    def dry_run(
        self, sql: str, ctx: Context, session: Session, *, start: Position = (1, 1)
    ) -> StatementResult:
        """What running the statement would do and scan; nothing changes, and a query returns no rows."""
        sql, ctx, start = self._prepared(sql, ctx, session, start)
        analyzed = self._analyze(sql, ctx, session, start)
        try:
            statement = self._statement(analyzed, ctx, session)
        except OtherColumns as past:
            return self.dry_run(
                sql, replace(ctx, pinned={**ctx.pinned, past.table.ref: past.table}), session, start=start
            )
        statement.dry_run = True
        result = _handler(analyzed)(statement)
        given = {*ctx.parameters, *(str(i) for i in range(1, len(ctx.positional) + 1))}
        result.undeclared = {n: t for n, t in (analyzed.parameters or {}).items() if n not in given}
        return result

    def authorize(self, sql: str, ctx: Context, session: Session) -> None:
        """Raises the denial of a statement that will not run, for what it would use."""
        if self.access.policy() is not None:
            sql, ctx, start = self._prepared(sql, ctx, session, (1, 1))
            self.access.statement(self._analyze(sql, ctx, session, start), ctx)

    def analyze_expression(self, sql: str, ctx: Context, start: Position = (1, 1)) -> Analyzed:
        """Analyse a scalar expression as a query of one row."""
        return self._services.googlesql.analyze_expression(sql, ctx, start)

    def region_named(self, sql: str) -> str | None:
        """The region of a text's first ``region-x`` qualifier; None without one, or for a text too large."""
        if "region-" not in sql.casefold():
            return None
        try:
            paths = self._services.googlesql.prepare(sql).names.paths
        except BigQueryError:
            return None
        parts = (part.casefold() for path in sorted(paths) for part in path)
        named = (part[7:].partition(".")[0] for part in parts if part.startswith("region-"))
        return next(named, None)

    def is_temp_function(self, sql: str) -> bool:
        """Whether a statement is CREATE TEMP FUNCTION."""
        return _TEMP_FUNCTION.match(sql) is not None

    def _analyze(self, sql: str, ctx: Context, session: Session, start: Position) -> Analyzed:
        try:
            seen_in = with_target(self._services, sql, ctx, session) if "FILES" in sql.upper() else ctx
            return self._services.googlesql.analyze(sql, seen_in, start)
        except BigQueryError as error:
            granted = granted_to_nobody(sql, error)
            if granted is not None:
                return self._analyze(granted, ctx, session, start)
            self.access.failed(sql, ctx, error)
            if "system_time" in sql.casefold():
                for earlier in earlier_columns(self._services.googlesql, self._services.catalog, sql, ctx):
                    with suppress(BigQueryError):
                        return self._services.googlesql.analyze(sql, earlier, start)
            raise

    def _statement(self, analyzed: Analyzed, ctx: Context, session: Session) -> Statement:
        if not ctx.now_us:
            ctx = replace(ctx, now_us=self._services.clock.now_us())
        if ctx.library is None:
            ctx = replace(ctx, library=self._library)
        self.access.statement(analyzed, ctx)
        if ctx.transaction is not None:
            _check_transactional(analyzed, ctx)
            analyzed = ctx.transaction.bind(analyzed, ctx.temp_dataset)
        partition_filter.check(analyzed)
        statement = Statement(self._services, analyzed, ctx, session)
        if "system_time" in analyzed.sql.casefold():
            bind_times(statement)
        view = seen()
        if view is not None and view.rows and ctx.transaction is None and _is_query(analyzed):
            bind_lag(statement, ctx.now_us - view.rows)
        return statement

    def _library(self, uri: str) -> str:
        """The text of a JavaScript library; raises the error of an object that is not there."""
        return self.objects.read(uri).decode("utf-8", "replace")

    def _prepared(
        self, sql: str, ctx: Context, session: Session, start: Position
    ) -> tuple[str, Context, Position]:
        """The statement itself, with the temporary functions before it defined, its own time and settings."""
        if self.is_temp_function(sql):
            nodes = self._services.googlesql.parse_script(sql)
            if len(nodes) > 1:
                ctx = replace(ctx, temp_functions=dict(ctx.temp_functions))
                for node in nodes[:-1]:
                    analyzed = self._services.googlesql.analyze(node.span.text, ctx, node.span.position)
                    _handler(analyzed)(Statement(self._services, analyzed, ctx, session))
                sql, start = nodes[-1].span.text, nodes[-1].span.position
        if "@@" in sql:
            ctx = replace(ctx, system_variables=self._system_variables(ctx))
        if not ctx.now_us:
            ctx = replace(ctx, now_us=self._services.clock.now_us())
        return sql, ctx, start

    def _system_variables(self, ctx: Context) -> dict[str, TypedValue]:
        """All system variables: those given, and what the context says about the others."""
        default = ctx.default_dataset
        own = {name: TypedValue(type_, None) for name, type_ in SYSTEM_VARIABLES.items()}
        own |= {
            "project_id": TypedValue(STRING, ctx.project),
            "dataset_project_id": TypedValue(STRING, default.project if default else ctx.project),
            "dataset_id": TypedValue(STRING, default.dataset if default else None),
            "time_zone": TypedValue(STRING, ctx.time_zone),
            "location": TypedValue(STRING, ctx.location),
        }
        return own | ctx.system_variables

    def _select(
        self, statement: Statement, plan: QueryPlan, destination: Destination | None
    ) -> StatementResult:
        read = charge_plan(statement, plan)
        if destination is None:
            return query_result(plan, run_plan(statement, plan), read)
        result = query_result(plan, None, read)
        result.written_rows = destination(Rows(statement, plan))
        return result

    # Scripts

    def check_procedures(self, check: Callable[[str, Context, Session], None]) -> None:
        """Let ``check`` look at the bodies of procedures that are created in strict mode."""
        self._services = replace(self._services, check_body=check)

    def begin_transaction(self, session: Session) -> Transaction:
        services = self._services
        transaction_id = services.draws.uuid("transaction")
        return Transaction(services.catalog, services.claims, session, transaction_id)

    # Materialized views

    def refresh_materialized_view(
        self, path: Sequence[str], ctx: Context, session: Session
    ) -> StatementResult:
        """CALL BQ.REFRESH_MATERIALIZED_VIEW."""
        return materialized.refresh(Statement(self._services, None, ctx, session), table_ref(path, ctx))

    def refresh_metadata_cache(self, path: Sequence[str], ctx: Context) -> StatementResult:
        """CALL BQ.REFRESH_EXTERNAL_METADATA_CACHE, of an external table that has such a cache."""
        check_cached(self._services.catalog.table(table_ref(path, ctx)))
        return StatementResult("CALL")

    def fill_materialized_view(self, session: Session, ref: TableRef) -> None:
        """The first refresh of a view that was made without a statement."""
        ctx = Context(ref.project, ref.dataset_ref)
        materialized.first_refresh(Statement(self._services, None, ctx, session), ref)

    def refresh_due(self, session: Session) -> None:
        """Begin the automatic refreshes that are due."""
        materialized.refresh_due(self._services, session)

    # Rows of tables, for jobs and the storage API

    def require_rows(self, session: Session, *tables: TableRef) -> None:
        """Let shadow tables have the rows that their import asked for; raises 400 ``invalid`` for those that
        have statistics alone.
        """
        shadows.fill_refs(self._services, session, tables)

    def require_full_access(self, table: Table, caller: str, groups: tuple[str, ...] = ()) -> None:
        """Raises 403 ``accessDenied`` when row access policies hide rows of a table from a caller.

        Of a table as it was, the policies count that it has now.
        """
        ctx = Context(table.ref.project, caller=caller, groups=groups)
        self.planner.security.require_all(table, ctx)
        self.planner.security.require_all(protecting(self.catalog, table), ctx)

    # Rows into tables, for jobs

    def append_rows(
        self,
        session: Session,
        ref: TableRef,
        rows: Rows | pa.Table,
        fields: Sequence[Field],
        *,
        replace_rows: bool = False,
    ) -> int:
        """Append rows (of a query, or canonical Arrow rows) whose columns are ``fields`` to an existing
        table.

        With ``replace_rows`` they take the place of the rows that are there, in one version. Returns their
        number.
        """
        services = self._services
        with writing(services.catalog, services.claims, session, ref) as writer:
            if replace_rows:
                writer.clear()
            _write(writer, rows, fields)
        return writer.inserted

    def defaults(self, session: Session, table: Table, fields: Sequence[Field]) -> dict[str, str]:
        """Engine expressions, as :meth:`Writer.append` takes them, of the default values of some columns."""
        ctx = Context(table.ref.project, now_us=self.clock.now_us())
        statement = Statement(self._services, None, ctx, session)
        return {f.name: default_expression(statement, f) for f in fields if f.default is not None}

    def create_from_rows(self, session: Session, table: Table, rows: Rows | pa.Table | None) -> Table:
        """Create ``table`` (a resource without storage), or replace what has its name.

        Its rows, if any, have their columns in the order of its fields.
        """
        catalog = self._services.catalog
        with catalog.lock(table.ref), catalog.change(session) as change:
            writer = created(catalog, session, change, table)
            if rows is not None:
                _write(writer, rows, writer.table.fields)
            return finish_creation(change, writer)


def _handler(analyzed: Analyzed) -> Handler:
    handler = HANDLERS.get(analyzed.kind)
    if handler is None:
        raise unsupported(f"The statement {_name(analyzed)}")
    return handler


def _name(analyzed: Analyzed) -> str:
    return analyzed.kind.removeprefix("resolved_").removesuffix("_stmt").replace("_", " ").upper()


def _check_transactional(analyzed: Analyzed, ctx: Context) -> None:
    """Refuse statements about permanent objects other than DML."""
    if analyzed.kind in _TRANSACTIONAL:
        return
    node = analyzed.statement
    if analyzed.kind.startswith("resolved_create_") and enum_name(node, "create_scope") == "CREATE_TEMP":
        return
    path = [str(name) for name in resolved.get(node, "name_path")] if analyzed.kind in _DROPS else []
    if ctx.temp_dataset is not None and path and (len(path) == 1 or path[0].casefold() == "_session"):
        return
    raise invalid_query(
        "DDL statements are not supported in a transaction, except for those creating or droping temporary"
        " tables or temporary functions."
        if analyzed.kind.startswith(_DDL)
        else f"{_name(analyzed)} statements are not supported in a transaction"
    )


def _is_query(analyzed: Analyzed) -> bool:
    return analyzed.kind == "resolved_query_stmt"


def _check_query(analyzed: Analyzed) -> None:
    if not _is_query(analyzed):
        kind = "DML" if analyzed.kind in _TRANSACTIONAL else "DDL"
        raise invalid(f"Cannot set destination table in jobs with {kind} statements")


def _write(writer: Writer, rows: Any, fields: Sequence[Field]) -> None:
    if isinstance(rows, Rows):
        rows.write(writer, fields)
    else:
        writer.append(rows, fields)
