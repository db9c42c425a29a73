"""FOR SYSTEM_TIME AS OF: tables as they were."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bqsim.catalog.resources import Table
from bqsim.errors import invalid_query, unsupported
from bqsim.sql.googlesql import resolved

from .base import Statement

if TYPE_CHECKING:
    from bqsim.catalog.store import Catalog
    from bqsim.sql.googlesql import GoogleSql
    from bqsim.sql.plan import Context

US_PER_MS = 1000


class OtherColumns(Exception):
    """A statement reads a table as of when it had other columns: it is to be analysed with these."""

    def __init__(self, table: Table) -> None:
        super().__init__(table.ref.api_name)
        self.table = table


def snapshot_time(statement: Statement, scan: Any) -> int | None:
    """The time (epoch microseconds) as of which a table scan reads; None for now."""
    if not resolved.has(scan, "for_system_time_expr"):
        return None
    moment = statement.constant(scan.for_system_time_expr)
    if moment is None:
        raise invalid_query("FOR SYSTEM_TIME AS OF expression must not be NULL")
    at_us: int = round(moment.timestamp() * 1_000_000)
    return at_us


def table_at(statement: Statement, table: Table, at_us: int) -> Table:
    """The table as it was. Raises BigQuery's error when it did not exist then."""
    past = statement.catalog.table_at(table.ref, at_us)
    if past is None:
        at_ms = at_us // US_PER_MS
        raise invalid_query(
            f"Invalid snapshot time {at_ms} for table {table.ref.api_name}@{at_ms}. Cannot read before"
            f" {table.created_ms}."
        )
    return past


def as_of(catalog: Catalog, table: Table, at_us: int) -> Table:
    """A stored table with its rows as they were: the storage and version of then, the schema of now.

    Without rows when it did not exist then, or had other columns. ``num_rows`` is that of now.
    """
    past = catalog.table_at(table.ref, at_us)
    if past is None or past.fields != table.fields:
        past = table
    return replace(
        table,
        storage=past.storage,
        version=min(table.version, at_us),
        row_access_policies=table.row_access_policies or past.row_access_policies,
    )


def bind_lag(statement: Statement, at_us: int) -> None:
    """Let a query read the rows of tables as they were."""
    analyzed, catalog = statement.analyzed, statement.catalog
    sources = {
        name: source
        if source.table.storage is None
        else replace(source, table=as_of(catalog, source.table, at_us))
        for name, source in analyzed.sources.items()
    }
    statement.analyzed = replace(analyzed, sources=sources)
    statement.ctx = replace(statement.ctx, rows_at_us=at_us)


def _is_past(statement: Statement, table: Table) -> bool:
    """Whether a statement was analysed with columns that a table had once."""
    current = statement.catalog.find_table(table.ref)
    return current is not None and current.fields != table.fields


def earlier_columns(googlesql: GoogleSql, catalog: Catalog, sql: str, ctx: Context) -> Iterator[Context]:
    """Contexts in which the tables that a text names have other columns, as they had them before."""
    for ref in dict.fromkeys(googlesql.tables_named(sql, ctx)):
        current = catalog.find_table(ref)
        tried = [current.fields] if current is not None else []
        for version in reversed(catalog.history.past(ref)):
            if version.table.storage is not None and version.table.fields not in tried:
                tried.append(version.table.fields)
                yield replace(ctx, pinned={**ctx.pinned, ref: version.table})


def bind_times(statement: Statement) -> None:
    """Let the scans of the statement read past rows from where they were stored then."""
    analyzed = statement.analyzed
    found: dict[str, set[str]] = {}
    for node in resolved.walk(statement.node):
        if resolved.node_name(node) != "ResolvedTableScan":
            continue
        name = node.table.full_name
        table = analyzed.sources[name].table
        if table.storage is None:
            continue
        at_us = snapshot_time(statement, node)
        if at_us is None and _is_past(statement, table):
            raise unsupported("Reading a table as of two times between which it was replaced")
        seen = table if at_us is None else table_at(statement, table, at_us)
        if seen.storage is None or seen.storage.engine_table == table.storage.engine_table:
            found.setdefault(name, set()).add(table.storage.engine_table)
            continue
        if seen.fields != table.fields:
            raise OtherColumns(seen)
        found.setdefault(name, set()).add(seen.storage.engine_table)
        sources = dict(analyzed.sources)
        policies = table.row_access_policies or seen.row_access_policies
        then = replace(table, storage=seen.storage, row_access_policies=policies)
        sources[name] = replace(sources[name], table=then)
        analyzed = replace(analyzed, sources=sources)
    if any(len(stored) > 1 for stored in found.values()):
        raise unsupported("Reading a table as of two times between which it was replaced")
    statement.analyzed = analyzed
