"""Views about tables and views."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from bqsim.catalog.refs import TableRef
from bqsim.catalog.resources import Table, TableKind
from bqsim.sql.lower.materialized import STATE
from bqsim.sql.statements.options import shown_options
from bqsim.types import STRING, struct_of

from .ddl import table_ddl
from .view import Column, Form, Scope, View, always, each, micros, nothing, nulls, yes

_TYPES = {
    TableKind.TABLE: "BASE TABLE",
    TableKind.VIEW: "VIEW",
    TableKind.MATERIALIZED_VIEW: "MATERIALIZED VIEW",
    TableKind.EXTERNAL: "EXTERNAL",
    TableKind.SNAPSHOT: "SNAPSHOT",
}
ERROR_RESULT = struct_of(
    ("reason", STRING), ("location", STRING), ("debug_info", STRING), ("message", STRING)
)


def table_type(table: Table) -> str:
    """The type of a table as TABLES spells it."""
    if table.kind is TableKind.TABLE and table.base_table is not None:
        return "CLONE"
    return _TYPES[table.kind]


def table_name(of: Callable[[Any], Table] | None = None) -> tuple[Column, ...]:
    """The columns that name a table; ``of`` finds it in an item, which may be the table itself."""
    if of is None:
        return (
            each("table_catalog", lambda t: t.ref.project),
            each("table_schema", lambda t: t.ref.dataset),
            each("table_name", lambda t: t.ref.table),
        )
    return (
        each("table_catalog", lambda item: of(item).ref.project),
        each("table_schema", lambda item: of(item).ref.dataset),
        each("table_name", lambda item: of(item).ref.table),
    )


def tables(scope: Scope) -> list[Table]:
    """The tables and views, also by what is asked of ``table_type``."""
    return scope.only(scope.tables(), table_type=table_type)


def _of_kind(kind: TableKind) -> Callable[[Scope], Sequence[Any]]:
    return lambda scope: [t for t in scope.tables() if t.kind is kind]


def _options(scope: Scope) -> Sequence[Any]:
    found = [(table, *option) for table in scope.tables() for option in shown_options(table)]
    return scope.only(found, option_name=lambda o: o[1])


def _based(part: Callable[[TableRef], str]) -> Callable[[Table], str | None]:
    return lambda t: (
        part(t.base_table)
        if t.base_table is not None and t.kind in (TableKind.TABLE, TableKind.SNAPSHOT)
        else None
    )


_BASE = (
    each("base_table_catalog", _based(lambda r: r.project)),
    each("base_table_schema", _based(lambda r: r.dataset)),
    each("base_table_name", _based(lambda r: r.table)),
)


def _watermark(table: Table) -> int | None:
    return table.version if table.storage and table.storage.changes else None


def _refreshed(view: Table) -> int | None:
    """When the stored rows of a materialized view were computed, in epoch microseconds."""
    state = view.metadata.get(STATE) or {}
    return None if "error" in state else state.get("at_us")


def _refresh_error(view: Table) -> dict[str, str] | None:
    error = (view.metadata.get(STATE) or {}).get("error")
    return None if error is None else {"reason": error["reason"], "message": error["message"]}


VIEWS: tuple[View, ...] = (
    View(
        "TABLES",
        (
            *table_name(),
            each("table_type", table_type),
            always("managed_table_type"),
            each("is_insertable_into", lambda t: yes(t.kind is TableKind.TABLE)),
            each(
                "is_fine_grained_mutations_enabled",
                lambda t: yes(t.metadata.get("enableFineGrainedMutations")),
            ),
            always("is_typed", "NO"),
            each("is_change_history_enabled", lambda t: yes(t.metadata.get("enableChangeHistory"))),
            each("creation_time", lambda t: micros(t.created_ms), "T"),
            *_BASE,
            each("snapshot_time_ms", lambda t: micros(t.snapshot_ms), "T"),
            *nulls(
                "replica_source_catalog replica_source_schema replica_source_name replication_status"
                " replication_error"
            ),
            each("ddl", table_ddl),
            each("default_collation_name", lambda t: t.default_collation or "NULL"),
            always("sync_status", None, "J"),
            each("upsert_stream_apply_watermark", _watermark, "T"),
        ),
        tables,
    ),
    View(
        "TABLE_OPTIONS",
        (
            *table_name(lambda o: o[0]),
            each("option_name", lambda o: o[1]),
            each("option_type", lambda o: o[2]),
            each("option_value", lambda o: o[3]),
        ),
        _options,
    ),
    View(
        "VIEWS",
        (
            *table_name(),
            each("view_definition", lambda t: t.view_query),
            always("check_option"),
            always("use_standard_sql", "YES"),
        ),
        _of_kind(TableKind.VIEW),
    ),
    View(
        "MATERIALIZED_VIEWS",
        (
            *table_name(),
            each("last_refresh_time", _refreshed, "T"),
            each("refresh_watermark", _refreshed, "T"),
            each("last_refresh_status", _refresh_error, ERROR_RESULT),
        ),
        _of_kind(TableKind.MATERIALIZED_VIEW),
    ),
    View(
        "TABLE_SNAPSHOTS",
        (*table_name(), *_BASE, each("snapshot_time", lambda t: micros(t.snapshot_ms), "T")),
        _of_kind(TableKind.SNAPSHOT),
        Form.DATASET | Form.REGION,
    ),
    View(
        "PROPERTY_GRAPHS",
        (
            *nulls("property_graph_catalog property_graph_schema property_graph_name"),
            always("property_graph_metadata_json", None, "J"),
            *nulls("creation_time:T last_modified_time:T ddl"),
        ),
        nothing,
        Form.DATASET | Form.REGION,
    ),
)
