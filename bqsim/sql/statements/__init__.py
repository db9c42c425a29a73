"""Which handler runs which statement."""

from __future__ import annotations

from collections.abc import Callable

from bqsim.sql.plan import StatementResult

from . import (
    alter_table,
    assertion,
    dml,
    export_data,
    external,
    grants,
    indexes,
    load_data,
    merge,
    models,
    query,
    reservations,
    routines,
    row_access,
    schemas,
    tables,
    views,
)
from .base import Services, Statement

Handler = Callable[[Statement], StatementResult]


def _altering(statement_type: str) -> Handler:
    return lambda statement: alter_table.alter(statement, statement_type)


def _dropping(object_type: str) -> Handler:
    return lambda statement: tables.drop_table(statement, object_type)


# DROP statements that have one node in common, by its object type.
_DROPS: dict[str, Handler] = {
    "SCHEMA": schemas.drop_schema,
    "PROCEDURE": routines.dropping("DROP_PROCEDURE"),
    "MODEL": models.drop_model,
    **{kind: reservations.dropping(kind) for kind in ("CAPACITY", "RESERVATION", "ASSIGNMENT")},
    **{kind: _dropping(kind) for kind in ("TABLE", "VIEW", "MATERIALIZED VIEW", "EXTERNAL TABLE")},
}


def _drop(statement: Statement) -> StatementResult:
    handler = _DROPS.get(statement.node.object_type)
    if handler is None:
        return refused(f"DROP {statement.node.object_type}")(statement)
    return handler(statement)


def refused(what: str) -> Handler:
    """The handler of a statement that bqsim does not run."""

    def refuse(statement: Statement) -> StatementResult:
        from bqsim.errors import unsupported

        raise unsupported(what)

    return refuse


HANDLERS: dict[str, Handler] = {
    "resolved_query_stmt": query.select,
    "resolved_insert_stmt": dml.insert,
    "resolved_update_stmt": dml.update,
    "resolved_delete_stmt": dml.delete,
    "resolved_merge_stmt": merge.merge,
    "resolved_truncate_stmt": dml.truncate,
    "resolved_assert_stmt": assertion.assert_,
    "resolved_export_data_stmt": export_data.export_data,
    "resolved_aux_load_data_stmt": load_data.load_data,
    "resolved_create_external_table_stmt": external.create_external_table,
    "resolved_create_schema_stmt": schemas.create_schema,
    "resolved_alter_schema_stmt": schemas.alter_schema,
    "resolved_undrop_stmt": schemas.undrop_schema,
    "resolved_create_table_stmt": tables.create_table,
    "resolved_create_table_as_select_stmt": tables.create_table_as_select,
    "resolved_create_snapshot_table_stmt": tables.create_snapshot,
    "resolved_create_view_stmt": views.create_view,
    "resolved_create_materialized_view_stmt": views.create_materialized_view,
    "resolved_create_function_stmt": routines.create_function,
    "resolved_create_table_function_stmt": routines.create_table_function,
    "resolved_create_procedure_stmt": routines.create_procedure,
    "resolved_alter_table_stmt": _altering("ALTER_TABLE"),
    "resolved_alter_table_set_options_stmt": _altering("ALTER_TABLE"),
    "resolved_alter_view_stmt": _altering("ALTER_VIEW"),
    "resolved_alter_materialized_view_stmt": _altering("ALTER_MATERIALIZED_VIEW"),
    "resolved_drop_stmt": _drop,
    "resolved_drop_snapshot_table_stmt": _dropping("SNAPSHOT TABLE"),
    "resolved_drop_materialized_view_stmt": _dropping("MATERIALIZED VIEW"),
    "resolved_drop_function_stmt": routines.dropping("DROP_FUNCTION"),
    "resolved_drop_table_function_stmt": routines.dropping("DROP_TABLE_FUNCTION"),
    "resolved_grant_stmt": grants.grant,
    "resolved_revoke_stmt": grants.revoke,
    "resolved_create_row_access_policy_stmt": row_access.create,
    "resolved_drop_row_access_policy_stmt": row_access.drop,
    "resolved_alter_row_access_policy_stmt": row_access.alter,
    "resolved_alter_all_row_access_policies_stmt": row_access.alter_all,
    "resolved_create_model_stmt": models.create_model,
    "resolved_alter_model_stmt": models.alter_model,
    "resolved_create_index_stmt": indexes.create_index,
    "resolved_alter_index_stmt": indexes.alter_index,
    "resolved_drop_index_stmt": indexes.drop_index,
    # Statements that BigQuery has and bqsim refuses by name.
    "resolved_export_model_stmt": refused("EXPORT MODEL"),
    "resolved_create_external_schema_stmt": refused("CREATE EXTERNAL SCHEMA"),
    "resolved_create_property_graph_stmt": refused("CREATE PROPERTY GRAPH"),
    "resolved_create_connection_stmt": refused("CREATE CONNECTION"),
    "resolved_alter_connection_stmt": refused("ALTER CONNECTION"),
    "resolved_create_entity_stmt": reservations.create_entity,
    "resolved_alter_entity_stmt": reservations.alter_entity,
}

__all__ = ["HANDLERS", "Handler", "Services", "Statement", "refused"]
