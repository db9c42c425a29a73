"""EXECUTE IMMEDIATE and CALL: statements that run other texts."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from bqsim.catalog.refs import RoutineRef
from bqsim.catalog.resources import Routine
from bqsim.errors import BigQueryError, invalid_query, unsupported
from bqsim.sql.evaluation import null
from bqsim.sql.googlesql.script_tree import ScriptKind, ScriptNode
from bqsim.sql.plan import Context, StatementResult, TypedValue
from bqsim.sql.statements.names import routine_ref
from bqsim.sql.statements.routines import type_from_standard_sql
from bqsim.types import STRING, Type, struct_of

from .checks import check_script, error_at
from .run import STATEMENT, Frame, Handler, Return, Run, variable

MAX_PROCEDURE_DEPTH = 50


def _execute_immediate(run: Run, node: ScriptNode) -> None:
    targets = [variable(run, n, p) for n, p in zip(node.names, node.places, strict=True)]
    assert node.expression is not None
    place = node.expression.position
    text = run.value(node.expression, STRING).value
    if text is None:
        raise error_at(place, "EXECUTE IMMEDIATE sql string cannot be NULL")
    named, positional = _given(run, node)
    for at, (name, where) in enumerate(zip(node.names, node.places, strict=True)):
        if name.casefold() in {n.casefold() for n in node.names[:at]}:
            raise error_at(
                where, "EXECUTE IMMEDIATE with INTO clause cannot assign to the same variable multiple times"
            )
    only = _only_statement(run, text, place)
    # Dynamic SQL sees its own parameters and no variables; what it defines stays.
    ctx = replace(run.ctx, parameters=named, positional=positional, variables={})
    if only.kind is not ScriptKind.STATEMENT:
        _call_dynamically(run, only, ctx)
        return
    try:
        result = run.execute(node, only.span.text, ctx)
    except BigQueryError as error:
        raise _invalid(text, error, place) if error.message.startswith("Syntax error: ") else error from None
    if node.names:
        _into(run, node, targets, result)


def _given(run: Run, node: ScriptNode) -> tuple[dict[str, TypedValue], tuple[TypedValue, ...]]:
    """The named or positional parameters of USING."""
    named: dict[str, TypedValue] = {}
    positional: list[TypedValue] = []
    for argument in node.arguments:
        if bool(argument.name) != bool(node.arguments[0].name):
            raise invalid_query("EXECUTE IMMEDIATE USING parameters must be all positional or all named.")
        value = run.value(argument.expression)
        if not argument.name:
            positional.append(value)
        elif argument.name.casefold() in named:
            raise invalid_query(
                "EXECUTE IMMEDIATE USING parameters must have unique names,"
                f" found duplicate name: {argument.name}"
            )
        else:
            named[argument.name.casefold()] = value
    return named, tuple(positional)


def _only_statement(run: Run, text: str, place: tuple[int, int]) -> ScriptNode:
    try:
        inner = run.googlesql.parse_script(text)
        check_script(inner)
    except BigQueryError as error:
        raise _invalid(text, error, place) from None
    if not inner or not inner[0].span.text:
        raise error_at(place, "Empty EXECUTE IMMEDIATE sql string cannot be executed")
    if len(inner) != 1:
        raise error_at(place, "EXECUTE IMMEDIATE sql string must contain exactly one statement")
    refused = _REFUSED.get(inner[0].kind)
    if refused is not None:
        raise error_at(
            place, f"SQL created by EXECUTE IMMEDIATE contains unsupported statement type: {refused}"
        )
    return inner[0]


def _invalid(text: str, error: BigQueryError, place: tuple[int, int]) -> BigQueryError:
    return error_at(place, f"Invalid EXECUTE IMMEDIATE sql string `{text}`, {error.message}")


def _call_dynamically(run: Run, node: ScriptNode, ctx: Context) -> None:
    """CALL in dynamic SQL."""
    outer, marks = run.ctx, run.marks
    run.ctx, run.marks = ctx, ()
    try:
        run.statement(node)
    finally:
        inner, run.ctx, run.marks = run.ctx, outer, marks
        run.take_transaction(inner)


def _into(run: Run, node: ScriptNode, targets: list[TypedValue], result: StatementResult) -> None:
    if result.rows is None:
        raise invalid_query("EXECUTE IMMEDIATE with INTO clause must use a query statement")
    if len(result.schema) != len(targets):
        raise invalid_query(
            "Variables returned by Dynamic SQL do not match number of variables in INTO clause, expected"
            f" {len(targets)} columns, but got {len(result.schema)}"
        )
    row_type = struct_of(*((f.name, f.type) for f in result.schema))
    rows = list(run.evaluator.rows(result, row_type, limit=2))
    values = rows[0] if rows else [None] * len(targets)
    for name, target, field, value in zip(node.names, targets, result.schema, values, strict=True):
        try:
            coerced = run.evaluator.coerced(TypedValue(field.type, value), target.type, run.ctx)
        except BigQueryError:
            raise invalid_query(
                f"Value returned by Dynamic SQL has type {field.type} which is not assignable to variable"
                f" {name} of type {target.type}"
            ) from None
        run.put(name, coerced)
    if len(rows) > 1:
        raise invalid_query("DynamicSQL may only return 0 or 1 rows with INTO clause")


# What dynamic SQL may not be, by GoogleSQL's names of statements.
_REFUSED: dict[ScriptKind, str] = {
    ScriptKind.DECLARE: "VariableDeclaration",
    ScriptKind.SET: "SingleAssignment",
    ScriptKind.SET_SYSTEM: "SystemVariableAssignment",
    ScriptKind.IF: "IfStatement",
    ScriptKind.CASE: "CaseStatement",
    ScriptKind.LOOP: "WhileStatement",
    ScriptKind.WHILE: "WhileStatement",
    ScriptKind.REPEAT: "RepeatStatement",
    ScriptKind.FOR: "ForInStatement",
    ScriptKind.BLOCK: "BeginEndBlock",
    ScriptKind.RAISE: "RaiseStatement",
    ScriptKind.EXECUTE_IMMEDIATE: "ExecuteImmediateStatement",
    ScriptKind.BREAK: "BreakStatement",
    ScriptKind.CONTINUE: "ContinueStatement",
    ScriptKind.RETURN: "ReturnStatement",
    ScriptKind.BEGIN_TRANSACTION: "BeginStatement",
    ScriptKind.COMMIT_TRANSACTION: "CommitStatement",
    ScriptKind.ROLLBACK_TRANSACTION: "RollbackStatement",
}
_VARIABLE = re.compile(r"`[^`]+`|[^\W\d]\w*")


def _call(run: Run, node: ScriptNode) -> None:
    if node.names[0].casefold() == "bq":
        _call_system(run, node)
        return
    path = ".".join(node.names)
    if len(run.calls) >= MAX_PROCEDURE_DEPTH:
        raise invalid_query(f"Out of stack space due to deeply-nested procedure call to {path}")
    routine = _procedure(run, node)
    ref, body = routine.ref, routine.body
    run.executor.access.call(ref, run.ctx)
    if body.get("language", "SQL") != "SQL":
        raise unsupported(f"A procedure in {body['language']}")
    declared = body.get("arguments") or []
    if len(declared) != len(node.arguments):
        raise error_at(
            node.places[0],
            f"Procedure {path} expects {len(declared)} argument(s), {len(node.arguments)} provided",
        )
    outputs = _outputs(declared, node)
    variables: dict[str, TypedValue] = {}
    for argument, given in zip(declared, node.arguments, strict=True):
        name, type_ = argument["name"].casefold(), _argument_type(argument)
        if name in outputs:
            type_ = _output_type(run, argument["name"], outputs[name], type_, given.expression.position)
        out = (argument.get("mode") or "IN") == "OUT"
        variables[name] = null(type_) if out else run.value(given.expression, type_)
    finals = _run_procedure(run, node, ref, str(body.get("definitionBody", "")), variables)
    for name, target in outputs.items():
        type_ = run.ctx.variables[target.casefold()].type
        run.put(target, run.evaluator.coerced(finals[name], type_, run.ctx))


def _outputs(declared: list[Any], node: ScriptNode) -> dict[str, str]:
    """The caller's variables for OUT and INOUT arguments, by argument."""
    outputs: dict[str, str] = {}
    for argument, given in zip(declared, node.arguments, strict=True):
        if (argument.get("mode") or "IN") == "IN":
            continue
        text, place = given.expression.text.strip(), given.expression.position
        if not _VARIABLE.fullmatch(text):
            raise error_at(place, "Procedure OUT/INOUT argument must be a variable")
        name = text.strip("`")
        if name.casefold() in {o.casefold() for o in outputs.values()}:
            raise error_at(
                place, f"A variable cannot be passed in multiple times as OUT/INOUT arguments: {text}"
            )
        outputs[argument["name"].casefold()] = name
    return outputs


def _output_type(run: Run, argument: str, name: str, type_: Type | None, place: tuple[int, int]) -> Type:
    """The type of an OUT or INOUT argument, which the variable can take."""
    target = variable(run, name, place).type
    if type_ is None:
        return target
    try:
        run.evaluator.check_assignable(type_, target, run.ctx)
    except BigQueryError:
        raise error_at(
            place,
            f"Variable {name} cannot be passed as output argument {argument}, for argument type {type_}"
            f" cannot be coerced to variable type {target} when procedure exits",
        ) from None
    return type_


def _run_procedure(
    run: Run, node: ScriptNode, ref: RoutineRef, body: str, variables: dict[str, TypedValue]
) -> dict[str, TypedValue]:
    """Run a procedure's body with its own variables; their values at its end."""
    outer, procedure = run.ctx, run.procedure
    nodes = run.googlesql.parse_script(body)
    check_script(nodes, variables)
    run.calls.append(Frame(node.span.line, node.span.column, node.span.text, procedure))
    run.ctx = replace(outer, variables=variables, parameters={}, positional=())
    run.procedure = ref.sql_name
    marks, run.marks = run.marks, ()
    constraints, run.constraints = run.constraints, {}
    try:
        run.block(nodes)
    except Return:
        pass
    finally:
        inner, run.ctx, run.procedure = run.ctx, outer, procedure
        run.marks, run.constraints = marks, constraints
        run.calls.pop()
        run.take_transaction(inner)
    return inner.variables


def _procedure(run: Run, node: ScriptNode) -> Routine:
    ref = routine_ref(node.names, run.ctx)
    routine = run.executor.catalog.find_routine(ref)
    if routine is None or routine.body.get("routineType") != "PROCEDURE":
        raise error_at(node.places[0], f"Procedure is not found: {'.'.join(node.names)}")
    return routine


def _argument_type(argument: Any) -> Type | None:
    data_type = argument.get("dataType")
    return type_from_standard_sql(data_type) if data_type else None


def _call_system(run: Run, node: ScriptNode) -> None:
    """Procedures of the service."""
    work = _SYSTEM.get(".".join(node.names).casefold())
    if work is None:
        raise unsupported(f"The procedure {'.'.join(node.names)}")
    given = [run.value(a.expression, STRING).value for a in node.arguments]
    run.reported(node.span.text, node.span, STATEMENT, lambda: work(run, given))


def _refresh(run: Run, given: list[str | None]) -> StatementResult:
    """BQ.REFRESH_MATERIALIZED_VIEW, of the view that a path names."""
    path = [part.strip("`") for part in ((given[0] if given else None) or "").split(".")]
    return run.executor.refresh_materialized_view(path, run.ctx, run.session)


def _refresh_cache(run: Run, given: list[str | None]) -> StatementResult:
    """BQ.REFRESH_EXTERNAL_METADATA_CACHE: files are looked at whenever a query reads them."""
    path = [part.strip("`") for part in ((given[0] if given else None) or "").split(".")]
    return run.executor.refresh_metadata_cache(path, run.ctx)


def _abort_session(run: Run, given: list[str | None]) -> StatementResult:
    """BQ.ABORT_SESSION, of the session given or that of the script."""
    if run.ctx.abort_session is None:
        raise invalid_query("There is no session to abort")
    run.ctx.abort_session(given[0] if given else None)
    return StatementResult("CALL")


_SYSTEM: dict[str, Callable[[Run, list[str | None]], StatementResult]] = {
    "bq.refresh_materialized_view": _refresh,
    "bq.abort_session": _abort_session,
    "bq.refresh_external_metadata_cache": _refresh_cache,
}


DYNAMIC: dict[ScriptKind, Handler] = {
    ScriptKind.EXECUTE_IMMEDIATE: _execute_immediate,
    ScriptKind.CALL: _call,
}
