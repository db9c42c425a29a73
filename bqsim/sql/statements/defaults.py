"""Default values of columns."""

from __future__ import annotations

from bqsim.sql.lower.types import engine_type
from bqsim.types import Field, Mode

from .base import Statement


def default_expression(statement: Statement, field: Field) -> str:
    """The engine expression of a column's default value, coerced to its type; NULL (or []) without one."""
    if field.default is None:
        empty = "[]" if field.mode is Mode.REPEATED else "NULL"
        return f"CAST({empty} AS {engine_type(field.type)})"
    sql = f"CAST(({field.default}) AS {field.type})"
    services = statement.services
    analyzed = services.googlesql.analyze_expression(sql, statement.ctx)
    query = services.planner.lowering(analyzed, statement.ctx).query()
    return f"({query.sql})"
