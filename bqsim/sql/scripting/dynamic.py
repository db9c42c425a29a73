"""EXECUTE IMMEDIATE and CALL: statements that run other texts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bqsim.catalog.refs import RoutineRef
from bqsim.catalog.resources import Routine
from bqsim.errors import invalid_query, unsupported
from bqsim.sql.evaluation import null
from bqsim.sql.googlesql.script_tree import ScriptKind, ScriptNode
from bqsim.sql.plan import TypedValue
from bqsim.sql.statements.names import routine_ref
from bqsim.sql.statements.routines import type_from_standard_sql
from bqsim.types import STRING, Type, struct_of

from .jumps import check_jumps
from .run import STATEMENT, Frame, Handler, Return, Run, variable

MAX_PROCEDURE_DEPTH = 50


def _execute_immediate(run: Run, node: ScriptNode) -> None:
    text = run.value(node.expression, STRING).value
    if text is None:
        raise invalid_query("SQL statement passed to EXECUTE IMMEDIATE cannot be NULL")
    named = {a.name.casefold(): run.value(a.expression) for a in node.arguments if a.name}
    positional = tuple(run.value(a.expression) for a in node.arguments if not a.name)
    inner = run.googlesql.parse_script(text)
    if len(inner) != 1:
        raise invalid_query("EXECUTE IMMEDIATE sql string must contain exactly one statement")
    only = inner[0]
    if only.kind not in _DYNAMIC:
        raise invalid_query(f"Statement type {only.kind} is not supported in EXECUTE IMMEDIATE")
    if only.kind is not ScriptKind.STATEMENT:
        run.statement(only)
        return
    # Dynamic SQL sees its own parameters and no variables; what it defines stays.
    ctx = replace(run.ctx, parameters=named, positional=positional, variables={})
    result = run.execute(node, only.span.text, ctx)
    if not node.names:
        return
    types = [variable(run, name).type for name in node.names]
    if len(result.schema) != len(types):
        raise invalid_query(
            f"EXECUTE IMMEDIATE ... INTO expects {len(types)} columns"
            f" but the query returns {len(result.schema)}"
        )
    row_type = struct_of(*((f.name, f.type) for f in result.schema))
    rows = list(run.evaluator.rows(result, row_type, limit=2))
    if len(rows) > 1:
        raise invalid_query("Execute immediate ... INTO clause found more than one row")
    values = rows[0] if rows else [None] * len(types)
    for name, type_, field, value in zip(node.names, types, result.schema, values, strict=True):
        coerced = run.evaluator.coerced(TypedValue(field.type, value), type_, run.ctx)
        run.ctx.variables[name.casefold()] = coerced


_DYNAMIC = frozenset({ScriptKind.STATEMENT, ScriptKind.CALL})


def _call(run: Run, node: ScriptNode) -> None:
    if node.names[0].casefold() == "bq":
        _call_system(run, node)
        return
    if len(run.calls) >= MAX_PROCEDURE_DEPTH:
        raise invalid_query(
            f"Out of stack space due to deeply-nested procedure call to {'.'.join(node.names)}"
        )
    routine = _procedure(run, node)
    ref, body = routine.ref, routine.body
    run.executor.access.call(ref, run.ctx)
    if body.get("language", "SQL") != "SQL":
        raise unsupported(f"A procedure in {body['language']}")
    declared = body.get("arguments") or []
    if len(declared) != len(node.arguments):
        raise invalid_query(
            f"Procedure {ref.sql_name} expects {len(declared)} arguments but {len(node.arguments)} were given"
        )
    variables: dict[str, TypedValue] = {}
    outputs: list[tuple[str, str]] = []
    for argument, given in zip(declared, node.arguments, strict=True):
        name, type_ = argument["name"].casefold(), _argument_type(argument)
        mode = argument.get("mode") or "IN"
        if mode != "IN":
            outputs.append((name, given.expression.text.strip().strip("`")))
            variable(run, outputs[-1][1])
        variables[name] = null(type_) if mode == "OUT" else run.value(given.expression, type_)
    finals = _run_procedure(run, node, ref, str(body.get("definitionBody", "")), variables)
    for name, target in outputs:
        type_ = variable(run, target).type
        run.ctx.variables[target.casefold()] = run.evaluator.coerced(finals[name], type_, run.ctx)


def _run_procedure(
    run: Run, node: ScriptNode, ref: RoutineRef, body: str, variables: dict[str, TypedValue]
) -> dict[str, TypedValue]:
    """Run a procedure's body with its own variables; their values at its end."""
    outer, procedure = run.ctx, run.procedure
    nodes = run.googlesql.parse_script(body)
    check_jumps(nodes)
    run.calls.append(Frame(node.span.line, node.span.column, node.span.text, procedure))
    run.ctx = replace(outer, variables=variables, parameters={}, positional=())
    run.procedure = ref.sql_name
    marks, run.marks = run.marks, ()
    try:
        run.block(nodes)
    except Return:
        pass
    finally:
        inner, run.ctx, run.procedure = run.ctx, outer, procedure
        run.marks = marks
        run.calls.pop()
        run.ctx.transaction = inner.transaction
    return inner.variables


def _procedure(run: Run, node: ScriptNode) -> Routine:
    ref = routine_ref(node.names, run.ctx)
    routine = run.executor.catalog.find_routine(ref)
    if routine is None or routine.body.get("routineType") != "PROCEDURE":
        raise invalid_query(f"Procedure not found: {'.'.join(node.names)}")
    return routine


def _argument_type(argument: Any) -> Type | None:
    data_type = argument.get("dataType")
    return type_from_standard_sql(data_type) if data_type else None


def _call_system(run: Run, node: ScriptNode) -> None:
    """Procedures of the service. A materialized view is computed when it is read, so refreshing changes
    nothing.
    """
    name = ".".join(node.names).casefold()
    if name != "bq.refresh_materialized_view":
        raise unsupported(f"The procedure {'.'.join(node.names)}")
    text = run.value(node.arguments[0].expression, STRING).value or ""
    run.reported(
        node.span.text,
        node.span,
        STATEMENT,
        lambda: run.executor.refresh_materialized_view(text.split("."), run.ctx),
    )


DYNAMIC: dict[ScriptKind, Handler] = {
    ScriptKind.EXECUTE_IMMEDIATE: _execute_immediate,
    ScriptKind.CALL: _call,
}
