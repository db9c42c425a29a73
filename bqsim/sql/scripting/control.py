"""Control statements: variables, branches, loops, blocks and exceptions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from bqsim.catalog.refs import DatasetRef
from bqsim.engine.protocol import Interrupted
from bqsim.errors import BigQueryError, invalid_query
from bqsim.sql.evaluation import null
from bqsim.sql.googlesql.options import SYSTEM_VARIABLES
from bqsim.sql.googlesql.script_tree import Branch, ScriptKind, ScriptNode, Span
from bqsim.sql.plan import Context, TypedValue
from bqsim.types import INT64, STRING, array_of, struct_of

from .checks import error_at
from .run import EXPRESSION, Break, Continue, Failure, Handler, Return, Run, located, scope, variable


def _run_statement(run: Run, node: ScriptNode) -> None:
    run.execute(node)


def _declare(run: Run, node: ScriptNode) -> None:
    for name, place in zip(node.names, node.places, strict=True):
        # A session's variables; those of the script itself were checked before it began.
        if name.casefold() in run.ctx.variables:
            raise error_at(place, f"Variable '{name}' redeclaration")
    target = run.evaluator.type_of(node.data_type.text, run.ctx) if node.data_type else None
    value = run.value(node.expression, target) if node.expression else null(target)
    parameters = node.data_type.text if node.data_type and "(" in node.data_type.text else ""
    for name in node.names:
        run.constrain(name, parameters)
        run.put(name, value)


def _set(run: Run, node: ScriptNode) -> None:
    for at, (name, place) in enumerate(zip(node.names, node.places, strict=True)):
        if name.casefold() in {n.casefold() for n in node.names[:at]}:
            raise error_at(place, f"Assigning multiple values to variable: {name}")
    types = [variable(run, n, p).type for n, p in zip(node.names, node.places, strict=True)]
    if not node.struct_assignment:
        value = run.value(node.expression, types[0])
        run.put(node.names[0], value)
        return
    value = run.value(node.expression, struct_of(*(("", type_) for type_ in types)))
    items = value.value or [None] * len(types)
    for name, type_, item in zip(node.names, types, items, strict=True):
        run.put(name, TypedValue(type_, item))


def _set_system(run: Run, node: ScriptNode) -> None:
    name = node.names[0].casefold()
    put = _SYSTEM_VARIABLES.get(name)
    if put is None:
        known = name in SYSTEM_VARIABLES
        text = "Assignment to read-only system variable" if known else "System variable not found:"
        raise error_at(node.places[0], f"{text} @@{node.names[0]}")
    value = run.value(node.expression, STRING)
    put(run.ctx, value.value)
    run.ctx.system_variables[name] = value


def _put_time_zone(ctx: Context, value: str | None) -> None:
    ctx.time_zone = value or "UTC"


def _put_dataset(ctx: Context, value: str | None) -> None:
    project = ctx.default_dataset.project if ctx.default_dataset else ctx.project
    ctx.default_dataset = DatasetRef(project, value) if value else None


def _put_dataset_project(ctx: Context, value: str | None) -> None:
    if value and ctx.default_dataset is not None:
        ctx.default_dataset = DatasetRef(value, ctx.default_dataset.dataset)


def _keep_only(ctx: Context, value: str | None) -> None:
    """The variable itself is all there is to it."""


_SYSTEM_VARIABLES: dict[str, Callable[[Context, str | None], None]] = {
    "time_zone": _put_time_zone,
    "dataset_id": _put_dataset,
    "dataset_project_id": _put_dataset_project,
    "query_label": _keep_only,
    "reservation": _keep_only,
}


def _if(run: Run, node: ScriptNode) -> None:
    _first_branch(run, node.branches, run.holds)


def _case(run: Run, node: ScriptNode) -> None:
    if node.expression is None:
        _first_branch(run, node.branches, run.holds)
        return
    operand = node.expression

    def equal(condition: Span | None) -> bool:
        assert condition is not None
        text = f"({operand.text}\n) = ({condition.text}\n)"
        return run.holds(replace(condition, text=text), operand, condition)

    _first_branch(run, node.branches, equal)


def _first_branch(run: Run, branches: Sequence[Branch], holds: Callable[[Span | None], bool]) -> None:
    for branch in branches:
        if branch.condition is None or holds(branch.condition):
            run.block(branch.body)
            return


def _loop(run: Run, node: ScriptNode) -> None:
    _iterate(run, node, lambda: True)


def _while(run: Run, node: ScriptNode) -> None:
    _iterate(run, node, lambda: run.holds(node.expression))


def _repeat(run: Run, node: ScriptNode) -> None:
    first = True

    def again() -> bool:
        nonlocal first
        if first:
            first = False
            return True
        return not run.holds(node.expression)

    _iterate(run, node, again)


def _iterate(run: Run, node: ScriptNode, again: Callable[[], bool]) -> None:
    while again():
        if run.cancelled():
            raise Interrupted
        if not _body(run, node):
            return


def _body(run: Run, node: ScriptNode) -> bool:
    """Run a loop's body once; false when it was left by BREAK."""
    own = ("", node.label.casefold())
    try:
        with scope(run.ctx):
            run.block(node.body)
    except Break as jump:
        if jump.label not in own:
            raise
        return False
    except Continue as jump:
        if jump.label not in own:
            raise
    return True


def _for(run: Run, node: ScriptNode) -> None:
    assert node.expression is not None
    span, name = node.expression, node.names[0]
    text, ctx = span.text, run.context(span)
    result = run.reported(
        text, span, EXPRESSION, lambda: run.executor.run(text, ctx, run.session, start=span.position)
    )
    if name.casefold() in run.ctx.variables:
        raise error_at(node.places[0], f"Variable '{name}' redeclaration")
    row_type = struct_of(*((f.name, f.type) for f in result.schema))
    try:
        for row in run.evaluator.rows(result, row_type):
            run.ctx.variables[name.casefold()] = TypedValue(row_type, row)
            if run.cancelled():
                raise Interrupted
            if not _body(run, node):
                return
    finally:
        run.ctx.variables.pop(name.casefold(), None)


def _block(run: Run, node: ScriptNode) -> None:
    label = node.label.casefold()
    try:
        if node.handler is None:
            with scope(run.ctx):
                run.block(node.body)
        else:
            _guarded(run, node)
    except Break as jump:
        if not label or jump.label != label:
            raise


def _guarded(run: Run, node: ScriptNode) -> None:
    assert node.handler is not None
    try:
        with scope(run.ctx):
            run.block(node.body)
        return
    except BigQueryError as error:
        failure = Failure(located(error, run.failed_at), run.failed_at)
        run.failed_at = ()
    before = dict(run.ctx.system_variables)
    run.handling.append(failure)
    run.ctx.system_variables.update(_error_variables(failure))
    try:
        with scope(run.ctx):
            run.block(node.handler)
    finally:
        run.handling.pop()
        for name in _error_variables(failure):
            run.ctx.system_variables.pop(name, None)
            if name in before:
                run.ctx.system_variables[name] = before[name]


_STACK = array_of(struct_of(("line", INT64), ("column", INT64), ("filename", STRING), ("location", STRING)))


def _error_variables(failure: Failure) -> dict[str, TypedValue]:
    frames = failure.frames
    trace = "\n".join(f"At {f.procedure or ''}[{f.line}:{f.column}]" for f in frames)
    stack = [[f.line, f.column, None, f.procedure or None] for f in frames]
    return {
        "error.message": TypedValue(STRING, failure.error.message),
        "error.statement_text": TypedValue(STRING, frames[0].text if frames else None),
        "error.formatted_stack_trace": TypedValue(STRING, trace),
        "error.stack_trace": TypedValue(_STACK, stack),
    }


def _raise(run: Run, node: ScriptNode) -> None:
    if node.expression is not None:
        message = run.value(node.expression, STRING).value
        raise invalid_query("NULL" if message is None else message)
    if not run.handling:
        raise invalid_query("Cannot re-raise an existing exception outside of an exception handler")
    failure = run.handling[-1]
    run.failed_at = failure.frames
    raise failure.error


def _break(run: Run, node: ScriptNode) -> None:
    raise Break(node.label)


def _continue(run: Run, node: ScriptNode) -> None:
    raise Continue(node.label)


def _return(run: Run, node: ScriptNode) -> None:
    raise Return


CONTROL: dict[ScriptKind, Handler] = {
    ScriptKind.STATEMENT: _run_statement,
    ScriptKind.DECLARE: _declare,
    ScriptKind.SET: _set,
    ScriptKind.SET_SYSTEM: _set_system,
    ScriptKind.IF: _if,
    ScriptKind.CASE: _case,
    ScriptKind.LOOP: _loop,
    ScriptKind.WHILE: _while,
    ScriptKind.REPEAT: _repeat,
    ScriptKind.FOR: _for,
    ScriptKind.BLOCK: _block,
    ScriptKind.RAISE: _raise,
    ScriptKind.BREAK: _break,
    ScriptKind.CONTINUE: _continue,
    ScriptKind.RETURN: _return,
}
