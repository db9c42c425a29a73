"""The rows of stored tables that row access policies let a caller see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bqsim.catalog.resources import RowAccessPolicy, Table
from bqsim.errors import Internal, invalid_query
from bqsim.sql.row_security import filter_of, is_true_filter, protecting

from . import nodes
from .relation import Relation, Stage

if TYPE_CHECKING:
    from sqlglot import expressions as exp

    from bqsim.sql.row_security import RowSecurity

    from .lowering import Lowering

# A limit that no table reaches: conditions of the query stay outside of it, so they meet visible rows only.
_ALL_ROWS = str((1 << 63) - 1)


def security_of(low: Lowering) -> RowSecurity:
    """What tells the rows that callers see; without it protected tables are not read."""
    if low.shared.security is None:
        raise Internal("a table with row access policies in a statement without a caller")
    return low.shared.security


def visible(low: Lowering, table: Table, relation: Relation, label: str) -> Relation:
    """The rows of ``table``, read as ``label`` by ``relation``, that the caller sees."""
    table = _protecting(low, table)
    if not table.row_access_policies:
        return relation
    granted = security_of(low).granted(table, low.ctx)
    note_use(low, len(granted))
    if any(map(is_true_filter, granted)):
        return relation
    conditions = [_condition(low, table, policy, label) for policy in granted]
    relation.where.append(nodes.joined("(", " OR ", conditions, ")") if conditions else nodes.raw("FALSE"))
    relation.limit = nodes.raw(_ALL_ROWS)
    relation.stage = Stage.LIMITED
    return low.closed(relation)


def require_all(low: Lowering, table: Table) -> None:
    """Raises 403 ``accessDenied`` unless the caller sees every row of a table, now and as it was."""
    table = _protecting(low, table)
    if table.row_access_policies:
        security_of(low).require_all(table, low.ctx)
        note_use(low, 1)


def _protecting(low: Lowering, table: Table) -> Table:
    """The table, which may be as it once was, under the policies of now."""
    return table if low.catalog is None else protecting(low.catalog, table)


def note_use(low: Lowering, policies: int) -> None:
    """The plan depends on its caller, by so many policies: it must not be kept."""
    shared = low.shared
    shared.deterministic = False
    shared.policies_used = (shared.policies_used or 0) + policies


def refuse_wildcard(tables: tuple[Table, ...]) -> None:
    """Wildcard queries do not take tables with policies (page *Introduction to row-level security*)."""
    for table in tables:
        if table.row_access_policies:
            raise invalid_query(
                f"Wildcard table queries are not supported over table {table.ref.api_name} with row access"
                " policies."
            )


def refuse_sampling(low: Lowering, scan: Any) -> None:
    """TABLESAMPLE does not take tables with policies (same page)."""
    source = low.analyzed.sources.get(scan.table.full_name)
    if source is not None and source.table.row_access_policies:
        raise invalid_query(
            f"TABLESAMPLE is not supported over table {source.table.ref.api_name} with row access policies."
        )


def _condition(low: Lowering, table: Table, policy: RowAccessPolicy, label: str) -> exp.Expression:
    from .lowering import Lowering
    from .scans import buffer_of, pseudo_column, scan_columns

    shared = low.shared
    if table.ref in shared.open_policies:
        raise invalid_query(
            f"Row access policy {policy.policy_id} on table {table.ref.api_name} refers to its own table"
        )
    assert table.storage is not None
    analyzed = security_of(low).analyzed(table, policy, low.ctx)
    condition, scan = filter_of(analyzed)
    inner = Lowering(analyzed, low.ctx, low.catalog, low.views, shared)
    read = shared.columns_read.setdefault(table.ref, {})
    for column, index in scan_columns(scan):
        if index >= len(table.fields):
            inner.places[column.column_id] = pseudo_column(table, column, label, buffer_of(low, table))
        else:
            read[table.fields[index].name] = None
            inner.places[column.column_id] = (label, table.storage.columns[index])
    shared.open_policies += (table.ref,)
    lowered = inner.expression(condition)
    shared.open_policies = shared.open_policies[:-1]
    return nodes.template("({0})", lowered)
