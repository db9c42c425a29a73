"""Dry runs of scripts: what can be checked without running anything.

Statements are checked one after the other. What comes after the first definition, call, dynamic SQL or
branch depends on what
a run would do, so checking ends there (page *Multi-statement queries*, dry runs).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from bqsim.engine.protocol import Session
from bqsim.sql.evaluation import Evaluator, null
from bqsim.sql.googlesql.script_tree import ScriptKind, ScriptNode
from bqsim.sql.plan import Context, StatementResult

if TYPE_CHECKING:
    from bqsim.sql.executor import Executor

_GOES_ON = frozenset({ScriptKind.SET_SYSTEM, ScriptKind.BEGIN_TRANSACTION, ScriptKind.COMMIT_TRANSACTION})


def dry_run(
    executor: Executor,
    nodes: Sequence[ScriptNode],
    ctx: Context,
    session: Session,
    marks: tuple[int, ...] = (),
) -> StatementResult:
    """Check the beginning of a script; the bytes are those of the statements checked.

    ``marks`` are where its positional parameters stand.
    """
    ctx = replace(ctx, variables=dict(ctx.variables), temp_functions=dict(ctx.temp_functions))
    given = ctx.positional
    evaluator = Evaluator(executor, session)
    total = StatementResult("SCRIPT")
    for node in nodes:
        if given:
            first, last = bisect_left(marks, node.span.start), bisect_left(marks, node.span.end)
            ctx.positional = given[first:last]
        if node.kind is ScriptKind.STATEMENT:
            if not _statement(executor, node, ctx, session, total):
                break
        elif node.kind is ScriptKind.DECLARE:
            _declare(executor, evaluator, node, ctx)
        elif node.kind is ScriptKind.SET:
            assert node.expression is not None
            executor.analyze_expression(node.expression.text, ctx, node.expression.position)
        elif node.kind not in _GOES_ON:
            break
    return total


def _statement(
    executor: Executor, node: ScriptNode, ctx: Context, session: Session, total: StatementResult
) -> bool:
    """Check a statement; whether those after it can be checked too."""
    result = executor.dry_run(node.span.text, ctx, session, start=node.span.position)
    total.read = total.read.joined(result.read)
    total.schema = result.schema
    total.tables = tuple(dict.fromkeys((*total.tables, *result.tables)))
    if executor.is_temp_function(node.span.text):
        executor.run(node.span.text, ctx, session, start=node.span.position)
        return True
    return result.ddl_operation is None


def _declare(executor: Executor, evaluator: Evaluator, node: ScriptNode, ctx: Context) -> None:
    type_ = evaluator.type_of(node.data_type.text, ctx) if node.data_type else None
    if node.expression is not None:
        analyzed = executor.analyze_expression(node.expression.text, ctx, node.expression.position)
        type_ = type_ or analyzed.output_columns()[0][2]
    for name in node.names:
        ctx.variables[name.casefold()] = null(type_)
