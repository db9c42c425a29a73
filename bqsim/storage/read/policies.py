"""Row access policies on what sessions read (page *Introduction to row-level security*)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bqsim.errors import BigQueryError
from bqsim.sim.iam.gate import calling_groups
from bqsim.sql.googlesql import resolved
from bqsim.sql.lower import nodes
from bqsim.sql.lower.registry import Unsupported
from bqsim.sql.plan import Context
from bqsim.sql.row_security import filter_of, protecting
from bqsim.storage.errors import from_bigquery, invalid_argument

from .restriction import places
from .sources import FAILED, ResultRows, Source, StoredRows

if TYPE_CHECKING:
    from bqsim.catalog.resources import RowAccessPolicy, Table
    from bqsim.sql.executor import Executor


def visible(executor: Executor, source: Source, caller: str, now_us: int) -> str | None:
    """The engine condition, over relation ``t``, of the rows that the caller sees; None for all rows.

    Raises PERMISSION_DENIED for results that are another caller's, INVALID_ARGUMENT for filters with
    subqueries: the API takes simple ones only.
    """
    if isinstance(source, ResultRows):
        check_reader(source, caller)
        return None
    table = protecting(executor.catalog, source.table)
    security = executor.planner.security
    ctx = Context(table.ref.project, caller=caller, groups=calling_groups(), now_us=now_us)
    if security.sees_all(table, ctx):
        return None
    conditions = [_condition(executor, source, table, p, ctx) for p in security.granted(table, ctx)]
    return f"({' OR '.join(conditions)})" if conditions else "FALSE"


def check_reader(source: ResultRows, caller: str) -> None:
    """Raises PERMISSION_DENIED for a result that was filtered for another caller."""
    try:
        source.result.check_reader(caller)
    except BigQueryError as error:
        raise from_bigquery(error, FAILED) from None


def restricted(visible: str | None, restriction: str | None) -> str | None:
    """A row restriction on visible rows: it may fail, and must not see others."""
    if visible is None or restriction is None:
        return visible or restriction
    return f"CASE WHEN {visible} THEN ({restriction}) ELSE FALSE END"


def _condition(
    executor: Executor, source: StoredRows, table: Table, policy: RowAccessPolicy, ctx: Context
) -> str:
    try:
        analyzed = executor.planner.security.analyzed(table, policy, ctx)
        condition, scan = filter_of(analyzed)
        if any(resolved.node_name(n) == "ResolvedSubqueryExpr" for n in resolved.walk(condition)):
            raise _too_complex(table)
        low = executor.planner.lowering(analyzed, ctx)
        low.places.update(places(source, scan))
        sql = nodes.render(low.expression(condition))
    except BigQueryError as error:
        raise from_bigquery(error, f"{FAILED}Query error: ") from None
    except Unsupported:
        raise _too_complex(table) from None
    if low.shared.inputs:
        raise _too_complex(table)
    return f"({sql})"


def _too_complex(table: Table) -> Exception:
    return invalid_argument(
        f"{FAILED}Row access policies with subqueries on table {table.ref.api_name} are not supported by the"
        " Storage Read API; consider executing a query instead"
    )
