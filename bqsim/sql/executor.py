"""One statement at a time: analyse, choose its handler, run it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bqsim.catalog.refs import TableRef
from bqsim.catalog.resources import Table
from bqsim.engine.protocol import Session
from bqsim.errors import unsupported
from bqsim.sim.clock import Clock
from bqsim.sim.draws import Draws
from bqsim.types import Field

from .plan import Context, QueryPlan, StatementResult
from .planner import Planner
from .statements import HANDLERS, Handler, Services, Statement
from .statements.query import query_result, run_plan
from .statements.sizes import ColumnSizes
from .statements.writes import Writer, created, finish_creation, writing

if TYPE_CHECKING:
    import pyarrow as pa

    from bqsim.catalog.store import Catalog

    from .googlesql import Analyzed, GoogleSql
    from .reference import ReferenceRoute

# Where a query's rows go: called with the plan and a function that gives the rows' engine SELECT or
# Arrow rows.
Destination = Callable[["Rows"], int]


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
        """Insert the rows, column i as ``fields[i]``, without leaving the engine where that is possible."""
        from .statements.base import registered
        from .statements.query import engine_select

        if self.plan.engine_sql is None:
            return writer.append(run_plan(self._statement, self.plan), fields)
        with registered(self.session, self.plan):
            return writer.insert(fields, engine_select(self.plan))


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
    ) -> None:
        self._services = Services(catalog, planner, googlesql, reference, clock, draws, ColumnSizes())

    @property
    def sizes(self) -> ColumnSizes:
        """Logical sizes of stored columns and tables."""
        return self._services.sizes

    def run(
        self, sql: str, ctx: Context, session: Session, *, destination: Destination | None = None
    ) -> StatementResult:
        """Run one statement. Raises BigQueryError.

        With ``destination`` the rows of a query are handed to it instead of being returned: it writes
        them with
        :meth:`append_rows` or :meth:`create_from_rows` and returns their number. Other statements ignore it.
        """
        ctx = self._at_now(ctx)
        plan = self._services.planner.cached(sql, ctx)
        if plan is not None:
            return self._select(Statement(self._services, None, ctx, session), plan, destination)
        analyzed = self._services.googlesql.analyze(sql, ctx)
        return self.run_analyzed(analyzed, ctx, session, destination=destination)

    def run_analyzed(
        self, analyzed: Analyzed, ctx: Context, session: Session, *, destination: Destination | None = None
    ) -> StatementResult:
        """Run a statement that is analysed already."""
        statement = Statement(self._services, analyzed, ctx, session)
        if destination is not None and analyzed.kind == "resolved_query_stmt":
            plan = self._services.planner.plan_query(analyzed, ctx)
            return self._select(statement, plan, destination)
        return self._handler(analyzed)(statement)

    def dry_run(self, sql: str, ctx: Context, session: Session) -> StatementResult:
        """What running the statement would do and scan; nothing changes, and a query returns no rows."""
        ctx = self._at_now(ctx)
        analyzed = self._services.googlesql.analyze(sql, ctx)
        return self._handler(analyzed)(Statement(self._services, analyzed, ctx, session, dry_run=True))

    def _handler(self, analyzed: Analyzed) -> Handler:
        handler = HANDLERS.get(analyzed.kind)
        if handler is None:
            what = analyzed.kind.removeprefix("resolved_").removesuffix("_stmt").replace("_", " ").upper()
            raise unsupported(f"The statement {what}")
        return handler

    def _select(
        self, statement: Statement, plan: QueryPlan, destination: Destination | None
    ) -> StatementResult:
        if destination is None:
            return query_result(statement, plan, run_plan(statement, plan))
        result = query_result(statement, plan, None)
        result.written_rows = destination(Rows(statement, plan))
        return result

    def _at_now(self, ctx: Context) -> Context:
        """The context with the statement's own time."""
        return ctx if ctx.now_us else replace(ctx, now_us=self._services.clock.now_us())

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

        With ``replace_rows`` they take the place of the rows that are there, in one version. Returns
        their number.
        """
        with writing(self._services.catalog, session, ref) as writer:
            if replace_rows:
                writer.clear()
            self._write(writer, rows, fields)
        return writer.inserted

    def create_from_rows(self, session: Session, table: Table, rows: Rows | pa.Table | None) -> Table:
        """Create ``table`` (a resource without storage), or replace what has its name, with rows in the
        order of its fields.
        """
        catalog = self._services.catalog
        with catalog.lock(table.ref), catalog.change(session) as change:
            writer = created(catalog, session, change, table)
            if rows is not None:
                self._write(writer, rows, writer.table.fields)
            return finish_creation(change, writer)

    def _write(self, writer: Writer, rows: Any, fields: Sequence[Field]) -> None:
        if isinstance(rows, Rows):
            rows.write(writer, fields)
        else:
            writer.append(rows, fields)
