"""Default values of columns."""

from __future__ import annotations

from bqsim.sql.googlesql import resolved
from bqsim.sql.lower import nodes
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
    low = services.planner.lowering(analyzed, statement.ctx)
    scan = resolved.unwrap(analyzed.statement.query)
    if resolved.node_name(scan) == "ResolvedProjectScan" and len(scan.expr_list) == 1:
        # Not a subquery, which the engine would compute once for all rows: each row has its own UUID.
        return f"({nodes.render(low.expression(scan.expr_list[0].expr))})"
    return f"({low.query().sql})"
