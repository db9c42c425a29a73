"""A script as a tree of statements, each with its place in the user's text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from . import resolved
from .prepass import ByteOffsets, LineStarts, Prepared


class ScriptKind(StrEnum):
    """What a node of a script does. STATEMENT is any statement that is analysed and run as a whole."""

    STATEMENT = "STATEMENT"
    DECLARE = "DECLARE"
    SET = "SET"
    SET_SYSTEM = "SET_SYSTEM"
    IF = "IF"
    CASE = "CASE"
    LOOP = "LOOP"
    WHILE = "WHILE"
    REPEAT = "REPEAT"
    FOR = "FOR"
    BLOCK = "BLOCK"
    RAISE = "RAISE"
    EXECUTE_IMMEDIATE = "EXECUTE_IMMEDIATE"
    CALL = "CALL"
    BREAK = "BREAK"
    CONTINUE = "CONTINUE"
    RETURN = "RETURN"
    BEGIN_TRANSACTION = "BEGIN_TRANSACTION"
    COMMIT_TRANSACTION = "COMMIT_TRANSACTION"
    ROLLBACK_TRANSACTION = "ROLLBACK_TRANSACTION"


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of the user's text: ``start`` and ``end`` count characters, ``line`` and ``column`` from 1."""

    text: str
    start: int
    end: int
    line: int
    column: int

    @property
    def position(self) -> tuple[int, int]:
        return self.line, self.column


@dataclass(frozen=True, slots=True)
class Branch:
    """``IF``/``ELSEIF``/``WHEN`` with what follows; ``condition`` is None for ELSE."""

    condition: Span | None
    body: tuple[ScriptNode, ...]


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument of EXECUTE IMMEDIATE … USING or CALL."""

    expression: Span
    name: str = ""


@dataclass(frozen=True, slots=True)
class ScriptNode:
    """One statement of a script; which fields are set follows from ``kind``.

    ``names`` are the variables of DECLARE, SET, SET_SYSTEM (``time_zone``), FOR and EXECUTE IMMEDIATE …
    INTO, the path of CALL. ``expression`` is the value (DECLARE's default, SET), the condition (WHILE,
    UNTIL of REPEAT), the operand of CASE, the query of FOR, the message of RAISE or the text of EXECUTE
    IMMEDIATE. ``data_type`` is DECLARE's type. ``struct_assignment`` marks ``SET (a, b) = …``. ``handler``
    is the body after EXCEPTION WHEN ERROR THEN, None without one. ``places`` are the lines and columns of
    ``names``; that of a path is the place of its beginning.
    """

    kind: ScriptKind
    span: Span
    names: tuple[str, ...] = ()
    expression: Span | None = None
    data_type: Span | None = None
    struct_assignment: bool = False
    branches: tuple[Branch, ...] = ()
    body: tuple[ScriptNode, ...] = ()
    handler: tuple[ScriptNode, ...] | None = None
    arguments: tuple[Argument, ...] = ()
    label: str = ""
    places: tuple[tuple[int, int], ...] = ()


class _Reader:
    """Builds the nodes from GoogleSQL's parse tree."""

    def __init__(self, prepared: Prepared) -> None:
        self._prepared = prepared
        self._bytes = ByteOffsets(prepared.sql)
        self._lines = LineStarts(prepared.original)

    def _character(self, offset: int) -> int:
        return self._prepared.original_offset(self._bytes.character(offset))

    def span(self, node: Any) -> Span:
        where = resolved.get(node, "parse_location_range")
        return self.slice(self._character(where.start), self._character(where.end))

    def slice(self, start: int, end: int) -> Span:
        text = self._prepared.original
        line, column = self._lines.position(start)
        return Span(text[start:end], start, end, line, column)

    def expression(self, wrapped: Any) -> Span | None:
        node = resolved.unwrap(wrapped)
        if node is None or not resolved.has(node, "parse_location_range"):
            return None
        return self.span(node)

    def statements(self, statement_list: Any) -> tuple[ScriptNode, ...]:
        return tuple(self.node(s) for s in statement_list.statement_list)

    def node(self, wrapped: Any) -> ScriptNode:
        node = resolved.unwrap(wrapped)
        build = _BUILDERS.get(node.DESCRIPTOR.name)
        return build(self, node) if build else ScriptNode(ScriptKind.STATEMENT, self.span(node))


def read_script(script: Any, prepared: Prepared) -> tuple[ScriptNode, ...]:
    """The statements of an ``ASTScriptProto``."""
    return _Reader(prepared).statements(script.statement_list_node)


def _identifiers(listed: Any) -> tuple[str, ...]:
    return tuple(i.id_string for i in listed.identifier_list)


def _places(r: _Reader, *nodes: Any) -> tuple[tuple[int, int], ...]:
    return tuple(r.span(n).position for n in nodes)


def _label(node: Any) -> str:
    return str(node.label.name.id_string) if node.HasField("label") else ""


def _declare(r: _Reader, n: Any) -> ScriptNode:
    return ScriptNode(
        ScriptKind.DECLARE,
        r.span(n),
        names=_identifiers(n.variable_list),
        places=_places(r, *n.variable_list.identifier_list),
        data_type=r.expression(n.type) if n.HasField("type") else None,
        expression=r.expression(n.default_value) if n.HasField("default_value") else None,
    )


def _set(r: _Reader, n: Any) -> ScriptNode:
    return ScriptNode(
        ScriptKind.SET,
        r.span(n),
        (n.variable.id_string,),
        r.expression(n.expression),
        places=_places(r, n.variable),
    )


def _set_struct(r: _Reader, n: Any) -> ScriptNode:
    return ScriptNode(
        ScriptKind.SET,
        r.span(n),
        _identifiers(n.variables),
        r.expression(n.struct_expression),
        struct_assignment=True,
        places=_places(r, *n.variables.identifier_list),
    )


def _set_system(r: _Reader, n: Any) -> ScriptNode:
    name = ".".join(i.id_string for i in n.system_variable.path.names)
    places = _places(r, n.system_variable)
    return ScriptNode(ScriptKind.SET_SYSTEM, r.span(n), (name,), r.expression(n.expression), places=places)


def _if(r: _Reader, n: Any) -> ScriptNode:
    branches = [Branch(r.expression(n.condition), r.statements(n.then_list))]
    branches += [
        Branch(r.expression(c.condition), r.statements(c.body)) for c in n.elseif_clauses.elseif_clauses
    ]
    if resolved.has(n, "else_list"):
        branches.append(Branch(None, r.statements(n.else_list)))
    return ScriptNode(ScriptKind.IF, r.span(n), branches=tuple(branches))


def _case(r: _Reader, n: Any) -> ScriptNode:
    clauses = n.when_then_clauses.when_then_clauses
    branches = [Branch(r.expression(c.condition), r.statements(c.body)) for c in clauses]
    if resolved.has(n, "else_list"):
        branches.append(Branch(None, r.statements(n.else_list)))
    operand = r.expression(n.expression) if n.HasField("expression") else None
    return ScriptNode(ScriptKind.CASE, r.span(n), expression=operand, branches=tuple(branches))


def _loop(r: _Reader, n: Any) -> ScriptNode:
    condition = r.expression(n.condition) if n.HasField("condition") else None
    kind = ScriptKind.WHILE if condition else ScriptKind.LOOP
    loop = n.parent
    return ScriptNode(kind, r.span(n), expression=condition, body=r.statements(loop.body), label=_label(loop))


def _repeat(r: _Reader, n: Any) -> ScriptNode:
    until = r.expression(n.until_clause.condition)
    return ScriptNode(
        ScriptKind.REPEAT,
        r.span(n),
        expression=until,
        body=r.statements(n.parent.body),
        label=_label(n.parent),
    )


def _for(r: _Reader, n: Any) -> ScriptNode:
    return ScriptNode(
        ScriptKind.FOR,
        r.span(n),
        (n.variable.id_string,),
        r.span(n.query),
        places=_places(r, n.variable),
        body=r.statements(n.parent.body),
        label=_label(n.parent),
    )


def _block(r: _Reader, n: Any) -> ScriptNode:
    handler = None
    if n.HasField("handler_list") and n.handler_list.exception_handler_list:
        handler = r.statements(n.handler_list.exception_handler_list[0].statement_list)
    body = r.statements(n.statement_list_node)
    return ScriptNode(ScriptKind.BLOCK, r.span(n), body=body, handler=handler, label=_label(n))


def _raise(r: _Reader, n: Any) -> ScriptNode:
    return ScriptNode(
        ScriptKind.RAISE, r.span(n), expression=r.expression(n.message) if n.HasField("message") else None
    )


def _execute(r: _Reader, n: Any) -> ScriptNode:
    arguments = []
    for argument in n.using_clause.arguments:
        expression = r.expression(argument.expression)
        assert expression is not None
        alias = argument.alias.identifier.id_string if argument.HasField("alias") else ""
        arguments.append(Argument(expression, alias))
    return ScriptNode(
        ScriptKind.EXECUTE_IMMEDIATE,
        r.span(n),
        _identifiers(n.into_clause.identifiers),
        r.expression(n.sql),
        arguments=tuple(arguments),
        places=_places(r, *n.into_clause.identifiers.identifier_list),
    )


def _call(r: _Reader, n: Any) -> ScriptNode:
    arguments = tuple(Argument(r.expression(a.expr) or r.span(a)) for a in n.arguments)
    names = tuple(i.id_string for i in n.procedure_name.names)
    places = _places(r, n.procedure_name)
    return ScriptNode(ScriptKind.CALL, r.span(n), names, arguments=arguments, places=places)


def _jump(kind: ScriptKind) -> Callable[[_Reader, Any], ScriptNode]:
    return lambda r, n: ScriptNode(kind, r.span(n), label=_label(n.parent))


def _plain(kind: ScriptKind) -> Callable[[_Reader, Any], ScriptNode]:
    return lambda r, n: ScriptNode(kind, r.span(n))


_BUILDERS: dict[str, Callable[[_Reader, Any], ScriptNode]] = {
    "ASTVariableDeclarationProto": _declare,
    "ASTSingleAssignmentProto": _set,
    "ASTAssignmentFromStructProto": _set_struct,
    "ASTSystemVariableAssignmentProto": _set_system,
    "ASTIfStatementProto": _if,
    "ASTCaseStatementProto": _case,
    "ASTWhileStatementProto": _loop,
    "ASTRepeatStatementProto": _repeat,
    "ASTForInStatementProto": _for,
    "ASTBeginEndBlockProto": _block,
    "ASTRaiseStatementProto": _raise,
    "ASTExecuteImmediateStatementProto": _execute,
    "ASTCallStatementProto": _call,
    "ASTBreakStatementProto": _jump(ScriptKind.BREAK),
    "ASTContinueStatementProto": _jump(ScriptKind.CONTINUE),
    "ASTReturnStatementProto": _plain(ScriptKind.RETURN),
    "ASTBeginStatementProto": _plain(ScriptKind.BEGIN_TRANSACTION),
    "ASTCommitStatementProto": _plain(ScriptKind.COMMIT_TRANSACTION),
    "ASTRollbackStatementProto": _plain(ScriptKind.ROLLBACK_TRANSACTION),
}
