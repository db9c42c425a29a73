"""Results of DDL statements."""

from __future__ import annotations

from bqsim.catalog.refs import DatasetRef, RoutineRef
from bqsim.catalog.resources import Table
from bqsim.sql.plan import StatementResult

CREATE, REPLACE, SKIP, DROP, ALTER = "CREATE", "REPLACE", "SKIP", "DROP", "ALTER"


def on_table(
    statement_type: str, operation: str, table: Table, *, show_schema: bool = False
) -> StatementResult:
    """The result of a statement about ``table``; ``show_schema`` where BigQuery answers with the table's
    schema.
    """
    return StatementResult(
        statement_type,
        schema=table.fields if show_schema else (),
        ddl_operation=operation,
        ddl_target_table=table.ref,
    )


def on_dataset(statement_type: str, operation: str, ref: DatasetRef) -> StatementResult:
    return StatementResult(statement_type, ddl_operation=operation, ddl_target_dataset=ref)


def on_routine(statement_type: str, operation: str, ref: RoutineRef) -> StatementResult:
    return StatementResult(statement_type, ddl_operation=operation, ddl_target_routine=ref)
