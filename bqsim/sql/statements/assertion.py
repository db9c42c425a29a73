"""ASSERT."""

from __future__ import annotations

from bqsim.errors import invalid_query
from bqsim.sql.lower import nodes
from bqsim.sql.plan import Route, StatementResult

from .base import Statement, registered_inputs
from .dml import refusing


def assert_(statement: Statement) -> StatementResult:
    """Fails with the statement's message when its condition is false or NULL."""
    node = statement.node
    low = statement.services.planner.lowering(statement.analyzed, statement.ctx)
    with refusing(statement):
        condition = nodes.render(low.expression(node.expression))
    if not statement.dry_run:
        with registered_inputs(statement.session, low.shared.inputs):
            holds = statement.session.scalar(f"SELECT {condition}")
        if not holds:
            raise invalid_query(
                f"Assertion failed: {node.description}" if node.description else "Assertion failed"
            )
    return StatementResult("ASSERT", Route.ENGINE)
