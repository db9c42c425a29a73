"""What statements tell the limits that their job is held to, before they do anything."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from bqsim.sim.limits.model import Moment
from bqsim.sim.limits.work import working
from bqsim.sim.rules.sqltext import statement_type
from bqsim.sql.plan import BytesRead, QueryPlan

from . import shadows
from .scanned import plan_reads

if TYPE_CHECKING:
    from bqsim.catalog.refs import TableRef
    from bqsim.sim.limits.work import Working

    from .base import Statement


def begin_statement(sql: str) -> None:
    """A statement of the job that this thread works for is to run."""
    work = working()
    if work is not None:
        work.statement_type = statement_type(sql)


def charge_plan(statement: Statement, plan: QueryPlan) -> BytesRead:
    """Charge the job for what a query reads, and tell it.

    Raises ``BigQueryError`` for the limit that it exceeds.
    """
    read = plan_reads(statement, plan)
    _afford(statement, read)
    work = working()
    if work is not None and not statement.dry_run:
        _charge(work, statement, plan, read)
    shadows.fill_read(statement, plan.tables)
    return read


def _charge(work: Working, statement: Statement, plan: QueryPlan, read: BytesRead) -> None:
    views = [table for table in map(statement.catalog.find_table, plan.views) if table is not None]
    sizes = {
        "bytes": read.total,
        "resources": len(plan.tables) + len(plan.views) + len(plan.routines),
        "view_levels": max((_levels(statement, table.ref) for table in views), default=0),
        "view_characters": max((len(table.view_query or "") for table in views), default=0),
        "row_access_policies_used": plan.policies_used or 0,
    }
    if statement.node is not None:
        sizes["resolved_bytes"] = statement.node.ByteSize()
    work.charge(Moment.RUN, sizes)


def charge_scan(statement: Statement, read: BytesRead, tables: Collection[TableRef]) -> None:
    """As :func:`charge_plan`, for what is read of tables."""
    _afford(statement, read)
    work = working()
    if work is not None and not statement.dry_run:
        resolved = statement.node.ByteSize()
        work.charge(Moment.RUN, {"bytes": read.total, "resources": len(tables), "resolved_bytes": resolved})
    shadows.fill_read(statement, tables)


def _afford(statement: Statement, read: BytesRead) -> None:
    """Raises ``bytesBilledLimitExceeded`` for a statement that its job may not pay for."""
    if statement.ctx.afford is not None and not statement.dry_run:
        statement.ctx.afford(read.estimate)


def _levels(statement: Statement, ref: TableRef) -> int:
    """How deep views are nested in a view, with itself."""
    table = statement.catalog.find_table(ref)
    if table is None or table.view_query is None:
        return 0
    inner = statement.services.planner.view(table, statement.ctx).views
    return 1 + max((_levels(statement, view) for view in inner), default=0)
