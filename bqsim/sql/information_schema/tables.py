"""Views about datasets, tables and columns."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from bqsim.catalog.resources import Table, TableKind
from bqsim.sql.statements.fields import sql_type
from bqsim.sql.statements.options import shown_options
from bqsim.types import Field, Mode

from .ddl import schema_ddl, table_ddl
from .view import Row, Scope, View, columns

_TYPES = {
    TableKind.TABLE: "BASE TABLE",
    TableKind.VIEW: "VIEW",
    TableKind.MATERIALIZED_VIEW: "MATERIALIZED VIEW",
    TableKind.EXTERNAL: "EXTERNAL",
    TableKind.SNAPSHOT: "SNAPSHOT",
}


def moment(epoch_ms: int | None) -> datetime | None:
    return None if epoch_ms is None else datetime.fromtimestamp(epoch_ms / 1000, UTC)


def yes(value: object) -> str:
    return "YES" if value else "NO"


def table_type(table: Table) -> str:
    if table.kind is TableKind.TABLE and table.base_table is not None:
        return "CLONE"
    return _TYPES[table.kind]


def _name(table: Table) -> tuple[str, str, str]:
    return table.ref.project, table.ref.dataset, table.ref.table


def _schemata(scope: Scope) -> Iterator[Row]:
    for d in scope.datasets:
        collation = d.default_collation or "NULL"
        times = moment(d.created_ms), moment(d.modified_ms)
        yield d.ref.project, d.ref.dataset, None, *times, d.location, schema_ddl(d), collation, None


def _schemata_options(scope: Scope) -> Iterator[Row]:
    for d in scope.datasets:
        for option in shown_options(d):
            if option[0] != "location":
                yield d.ref.project, d.ref.dataset, *option


def _tables(scope: Scope) -> Iterator[Row]:
    for t in scope.tables():
        base = t.base_table
        based = (base.project, base.dataset, base.table) if base else (None, None, None)
        clone = table_type(t) == "CLONE"
        yield (
            *_name(t),
            table_type(t),
            None,
            yes(t.kind is TableKind.TABLE),
            yes(t.metadata.get("enableFineGrainedMutations")),
            "NO",
            yes(t.metadata.get("enableChangeHistory")),
            moment(t.created_ms),
            *(based if clone or t.kind is TableKind.SNAPSHOT else (None, None, None)),
            moment(t.snapshot_ms),
            None,
            None,
            None,
            None,
            None,
            table_ddl(t),
            t.default_collation or "NULL",
            None,
            moment(t.version // 1000) if t.storage and t.storage.changes else None,
        )


def _table_options(scope: Scope) -> Iterator[Row]:
    for t in scope.tables():
        for option in shown_options(t):
            yield *_name(t), *option


def _policy_tags(field: Field) -> list[str]:
    return list((field.attributes.get("policyTags") or {}).get("names") or [])


def _columns(scope: Scope) -> Iterator[Row]:
    for t in scope.tables():
        clustered = {name.casefold(): n for n, name in enumerate(t.clustering, 1)}
        by = t.time_partitioning or t.range_partitioning
        partitioned = (by.field or "").casefold() if by else ""
        for n, f in enumerate(t.fields, 1):
            folded = f.name.casefold()
            yield (
                *_name(t),
                f.name,
                n,
                yes(f.mode is not Mode.REQUIRED),
                sql_type(f),
                "NEVER",
                None,
                None,
                "NO",
                None,
                "NO",
                yes(folded == partitioned),
                clustered.get(folded),
                f.collation or "NULL",
                "NULL" if f.default is None else f.default,
                f.attributes.get("roundingMode"),
                _policy_tags(f),
            )
        if by is not None and by.field is None:
            yield _partition_time(t, len(t.fields) + 1)


def _partition_time(table: Table, position: int) -> Row:
    """The pseudo column of a table partitioned by ingestion time."""
    name = (*_name(table), "_PARTITIONTIME", None, "YES", "TIMESTAMP")
    return (*name, "NEVER", None, None, "YES", None, "YES", "YES", None, "NULL", "NULL", None, [])


def _field_paths(scope: Scope) -> Iterator[Row]:
    for t in scope.tables():
        for column in t.fields:
            for path, f in _nested(column, column.name):
                described = (f.description, f.collation or "NULL", f.attributes.get("roundingMode"))
                yield *_name(t), column.name, path, sql_type(f), *described, _policy_tags(f)


def _nested(field: Field, path: str) -> Iterator[tuple[str, Field]]:
    yield path, field
    for inner in field.fields:
        yield from _nested(inner, f"{path}.{inner.name}")


def _views(scope: Scope) -> Iterator[Row]:
    for t in scope.tables():
        if t.kind is TableKind.VIEW:
            yield *_name(t), t.view_query, None, "YES"


def _materialized_views(scope: Scope) -> Iterator[Row]:
    for t in scope.tables():
        if t.kind is TableKind.MATERIALIZED_VIEW:
            yield *_name(t), moment(t.modified_ms), moment(t.modified_ms)


def _snapshots(scope: Scope) -> Iterator[Row]:
    for t in scope.tables():
        if t.kind is TableKind.SNAPSHOT and t.base_table is not None:
            base = t.base_table
            yield *_name(t), base.project, base.dataset, base.table, moment(t.snapshot_ms)


def _foreign_keys(table: Table) -> list[dict[str, Any]]:
    return list((table.metadata.get("tableConstraints") or {}).get("foreignKeys") or [])


def _constraint(table: Table, name: str) -> tuple[str, str, str]:
    return table.ref.project, table.ref.dataset, f"{table.ref.table}.{name}"


def _constraints(scope: Scope) -> Iterator[Row]:
    for t in scope.tables():
        kinds = [("pk$", "PRIMARY KEY")] if t.primary_key else []
        kinds += [(key["name"], "FOREIGN KEY") for key in _foreign_keys(t)]
        for name, kind in kinds:
            yield *_constraint(t, name), *_name(t), kind, "NO", "NO", "NO"


def _key_columns(scope: Scope) -> Iterator[Row]:
    for t in scope.tables():
        for n, column in enumerate(t.primary_key, 1):
            yield *_constraint(t, "pk$"), *_name(t), column, n, None
        for key in _foreign_keys(t):
            for n, pair in enumerate(key["columnReferences"], 1):
                yield *_constraint(t, key["name"]), *_name(t), pair["referencingColumn"], n, n


def _constraint_columns(scope: Scope) -> Iterator[Row]:
    for t in scope.tables():
        for column in t.primary_key:
            yield *_name(t), column, *_constraint(t, "pk$")
        for key in _foreign_keys(t):
            target = key["referencedTable"]
            other = target["projectId"], target["datasetId"], target["tableId"]
            for pair in key["columnReferences"]:
                yield *other, pair["referencedColumn"], *_constraint(t, key["name"])


_TABLE = "table_catalog table_schema table_name "

VIEWS: tuple[View, ...] = (
    View(
        "SCHEMATA",
        columns(
            "catalog_name schema_name schema_owner creation_time:T last_modified_time:T location ddl"
            " default_collation_name sync_status:J"
        ),
        _schemata,
        per_project=True,
    ),
    View(
        "SCHEMATA_OPTIONS",
        columns("catalog_name schema_name option_name option_type option_value"),
        _schemata_options,
        per_project=True,
    ),
    View(
        "TABLES",
        columns(
            _TABLE
            + "table_type managed_table_type is_insertable_into is_fine_grained_mutations_enabled is_typed"
            " is_change_history_enabled creation_time:T base_table_catalog base_table_schema base_table_name"
            " snapshot_time_ms:T replica_source_catalog replica_source_schema replica_source_name"
            " replication_status replication_error ddl default_collation_name sync_status:J"
            " upsert_stream_apply_watermark:T"
        ),
        _tables,
    ),
    View("TABLE_OPTIONS", columns(_TABLE + "option_name option_type option_value"), _table_options),
    View(
        "COLUMNS",
        columns(
            _TABLE + "column_name ordinal_position:I is_nullable data_type is_generated generation_expression"
            " is_stored is_hidden is_updatable is_system_defined is_partitioning_column"
            " clustering_ordinal_position:I collation_name column_default rounding_mode policy_tags:S[]"
        ),
        _columns,
    ),
    View(
        "COLUMN_FIELD_PATHS",
        columns(
            _TABLE
            + "column_name field_path data_type description collation_name rounding_mode policy_tags:S[]"
        ),
        _field_paths,
    ),
    View("VIEWS", columns(_TABLE + "view_definition check_option use_standard_sql"), _views),
    View(
        "MATERIALIZED_VIEWS",
        columns(_TABLE + "last_refresh_time:T refresh_watermark:T"),
        _materialized_views,
    ),
    View(
        "TABLE_SNAPSHOTS",
        columns(_TABLE + "base_table_catalog base_table_schema base_table_name snapshot_time:T"),
        _snapshots,
    ),
    View(
        "TABLE_CONSTRAINTS",
        columns(
            "constraint_catalog constraint_schema constraint_name " + _TABLE + "constraint_type is_deferrable"
            " initially_deferred enforced"
        ),
        _constraints,
    ),
    View(
        "KEY_COLUMN_USAGE",
        columns(
            "constraint_catalog constraint_schema constraint_name "
            + _TABLE
            + "column_name ordinal_position:I"
            " position_in_unique_constraint:I"
        ),
        _key_columns,
    ),
    View(
        "CONSTRAINT_COLUMN_USAGE",
        columns(_TABLE + "column_name constraint_catalog constraint_schema constraint_name"),
        _constraint_columns,
    ),
)
