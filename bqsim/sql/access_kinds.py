"""What statements are to those who authorize them: their types, and what each is about."""

from __future__ import annotations

# Kind of a statement, for DROP with its object -> its type, and what it is about.
TYPES = {
    "query": ("SELECT", ""),
    "assert": ("SELECT", ""),
    "insert": ("INSERT", "scan"),
    "update": ("UPDATE", "scan"),
    "delete": ("DELETE", "scan"),
    "merge": ("MERGE", "scan"),
    "truncate": ("TRUNCATE_TABLE", "scan"),
    "create_table": ("CREATE_TABLE", "table"),
    "create_table_as_select": ("CREATE_TABLE_AS_SELECT", "table"),
    "create_snapshot_table": ("CREATE_SNAPSHOT_TABLE", "table"),
    "create_external_table": ("CREATE_EXTERNAL_TABLE", "table"),
    "create_view": ("CREATE_VIEW", "table"),
    "create_materialized_view": ("CREATE_MATERIALIZED_VIEW", "table"),
    "create_schema": ("CREATE_SCHEMA", "dataset"),
    "alter_schema": ("ALTER_SCHEMA", "dataset"),
    "undrop": ("UNDROP_SCHEMA", "dataset"),
    "create_function": ("CREATE_FUNCTION", "routine"),
    "create_table_function": ("CREATE_TABLE_FUNCTION", "routine"),
    "create_procedure": ("CREATE_PROCEDURE", "routine"),
    "alter_table": ("ALTER_TABLE", "table"),
    "alter_table_set_options": ("ALTER_TABLE", "table"),
    "alter_view": ("ALTER_VIEW", "table"),
    "alter_materialized_view": ("ALTER_MATERIALIZED_VIEW", "table"),
    "create_model": ("CREATE_MODEL", "model"),
    "alter_model": ("ALTER_MODEL", "model"),
    "drop MODEL": ("DROP_MODEL", "model"),
    "drop SCHEMA": ("DROP_SCHEMA", "dataset"),
    "drop PROCEDURE": ("DROP_PROCEDURE", "routine"),
    "drop TABLE": ("DROP_TABLE", "table"),
    "drop VIEW": ("DROP_VIEW", "table"),
    "drop MATERIALIZED VIEW": ("DROP_MATERIALIZED_VIEW", "table"),
    "drop EXTERNAL TABLE": ("DROP_EXTERNAL_TABLE", "table"),
    "drop_materialized_view": ("DROP_MATERIALIZED_VIEW", "table"),
    "drop_snapshot_table": ("DROP_SNAPSHOT_TABLE", "table"),
    "drop_function": ("DROP_FUNCTION", "routine"),
    "drop_table_function": ("DROP_TABLE_FUNCTION", "routine"),
    "create_row_access_policy": ("CREATE_ROW_ACCESS_POLICY", "policy"),
    "alter_row_access_policy": ("ALTER_ROW_ACCESS_POLICY", "table"),
    "alter_all_row_access_policies": ("ALTER_ALL_ROW_ACCESS_POLICIES", "table"),
    "drop_row_access_policy": ("DROP_ROW_ACCESS_POLICY", "policy"),
    "grant": ("GRANT", "object"),
    "revoke": ("REVOKE", "object"),
    **{
        f"{verb} {kind}": (f"{verb.partition('_')[0].upper()}_{kind}", "project")
        for verb in ("create_entity", "alter_entity")
        for kind in ("CAPACITY", "RESERVATION", "ASSIGNMENT", "BI_CAPACITY", "PROJECT")
    },
    **{f"drop {kind}": (f"DROP_{kind}", "project") for kind in ("CAPACITY", "RESERVATION", "ASSIGNMENT")},
    "export_data": ("EXPORT_DATA", ""),
    "aux_load_data": ("LOAD_DATA", "table"),
}
# Field of CREATE TABLE that names another table -> the type of the statement with it.
CREATED_FROM = {
    "clone_from": "CREATE_TABLE_CLONE",
    "copy_from": "CREATE_TABLE_COPY",
    "like_table": "CREATE_TABLE_LIKE",
}
# Statements that need more of what they read than its rows.
READING = frozenset({"CREATE_TABLE_LIKE", "CREATE_TABLE_COPY", "CREATE_TABLE_CLONE", "CREATE_SNAPSHOT_TABLE"})
