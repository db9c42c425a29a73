"""Builtin table functions: what GoogleSQL lacks of BigQuery's, defined anew for each call.

What a call of such a function gives depends on its arguments: column names as texts, a table, a model. So
each call gets a definition of its own, made from its arguments, under a name that only it has:
:func:`expand` puts that name in the statement's text and returns the definitions. A definition is GoogleSQL
text (the analyzer then computes its columns and puts it in place of the call), or columns that a scan of
the lowering fills.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, NoReturn
from zlib import crc32

from bqsim.errors import invalid_query
from bqsim.sim.answers import Answer
from bqsim.types import Type

from . import resolved
from .catalog import Definition, RoutineSource
from .host import SqlError
from .opaque import MARK
from .prepass import ByteOffsets, LineStarts, Path, Prepared, fold, names_in, offset_of
from .shaped_calls import Shape, shaped_call
from .table_function_scopes import Scopes
from .table_function_text import Piece, Renamed, Writer, closing
from .types import type_to_proto

_AT = re.compile(r" \[at (\d+):(\d+)\]")
_ARBITRARY, _RELATION, _MODEL = 8, 9, 11
_POSITIONAL_OR_NAMED = 2
_TEMPLATED_SQL, _FIXED = 3, 1


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a table function. ``type`` is None for any; ``kind`` is RELATION, MODEL or VALUE.

    ``constant``: its value decides what the call gives, so it must be known to the analysis.
    """

    name: str
    type: Type | None = None
    kind: str = "VALUE"
    optional: bool = False
    constant: bool = False
    named_only: bool = False


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument of a call: its text and place, and its value when the parameter is constant."""

    parameter: Parameter
    text: str
    start: int
    end: int
    is_subquery: bool = False
    is_model: bool = False
    value: Any = None


@dataclass(frozen=True, slots=True)
class Around:
    """What calls are defined in.

    ``constant`` gives the value of a constant expression's text, ``define`` keeps definitions by key so that
    equal calls share one, ``answer`` finds what was supplied for a function and a subject, ``model`` gives
    the full name of the model of a path, ``columns`` those of the text of an argument that is a table.
    """

    constant: Callable[[str], Any]
    define: Callable[[tuple[Any, ...], Callable[[], Definition]], Definition]
    answer: Callable[[str, str], Answer | None] = lambda function, subject: None
    model: Callable[[tuple[str, ...]], str] = ".".join
    columns: Callable[[str], tuple[tuple[str, Type], ...]] = lambda text: ()


@dataclass(frozen=True, slots=True)
class Call:
    """A call that is being defined. ``at`` gives an error its place."""

    name: str
    arguments: Mapping[str, Argument]
    fail: Callable[[str, int | None], NoReturn]
    around: Around

    def value(self, name: str, default: Any = None) -> Any:
        """The value of a constant argument; ``default`` when it is absent or NULL."""
        argument = self.arguments.get(name)
        return default if argument is None or argument.value is None else argument.value

    def refuse(self, message: str, name: str = "") -> NoReturn:
        """Fail at an argument, or at the call."""
        argument = self.arguments.get(name)
        self.fail(message, None if argument is None else argument.start)


@dataclass(frozen=True, slots=True)
class Made:
    """What defines one call: ``body`` is GoogleSQL text over the parameters, or it has the ``columns``.

    ``answer`` is what was supplied for it, for ``subject``.
    """

    body: str = ""
    columns: tuple[tuple[str, Type], ...] = ()
    answer: Answer | None = None
    subject: str = ""


@dataclass(frozen=True, slots=True)
class TableFunction:
    """A builtin table function. ``parameters`` in the order in which they may stand without names.

    A ``free`` one takes whatever it is given.
    """

    name: str
    parameters: tuple[Parameter, ...]
    make: Callable[[Call], Made]
    free: bool = False

    @property
    def path(self) -> Path:
        return tuple(self.name.casefold().split("."))


@dataclass(frozen=True, slots=True)
class Expansion:
    """A statement with its calls renamed, and what its ``names`` were."""

    prepared: Prepared
    routines: Mapping[Path, RoutineSource] = field(default_factory=dict)
    old: str = ""
    pieces: tuple[Piece, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    made: Mapping[str, Made] = field(default_factory=dict)

    def restored(self, sql: str) -> str:
        """A piece of the new text as it was."""
        start = self.prepared.sql.rfind(sql)
        if not self.names or start < 0:
            return sql
        return self.old[self._source(start) : self._source(start + len(sql) - 1, after=True)]

    def error(self, error: SqlError) -> SqlError:
        """An error in the new text as one in the old: names and places of the user's, no inner ones."""
        message = error.message
        if message.startswith("Invalid table-valued function ") and MARK in message.split(";", 1)[0]:
            places = _AT.findall(message)
            inner = _AT.sub("", message.split("\n")[0].rpartition("; ")[2])
            more = message.partition("\n")[2]
            message = inner + (f"\n{_AT.sub('', more)}" if more else "")
            message += f" [at {places[0][0]}:{places[0][1]}]" if places else ""
        for new, old in self.names.items():
            message = message.replace(f"`{new}`", old).replace(new, old)
        return SqlError(error.code, _AT.sub(self._place, message))

    def _place(self, match: re.Match[str]) -> str:
        offset = offset_of(self.prepared.sql, int(match[1]), int(match[2]))
        line, column = LineStarts(self.old).position(self._source(offset))
        return f" [at {line}:{column}]"

    def _source(self, offset: int, *, after: bool = False) -> int:
        index = bisect_right(self.pieces, offset, key=lambda p: p.at) - 1
        piece = self.pieces[index]
        if not piece.length:
            return piece.source
        return piece.source + min(offset - piece.at + after, piece.length)


def mentions(calls: Iterable[Path], functions: Mapping[Path, Any]) -> bool:
    """Whether a call may be one of the functions."""
    return any(fold(path) in functions for path in calls)


def expand(
    prepared: Prepared,
    tree: Any,
    functions: Mapping[Path, TableFunction],
    around: Around,
    shaped: Mapping[Path, Shape],
) -> Expansion:
    """The statement with definitions for its calls of ``functions``, and of scalar functions whose results
    are ``shaped`` by their arguments; ``tree`` is its parse tree.

    Raises SqlError, with its place in ``prepared.sql``.
    """
    sql = prepared.sql
    offsets = ByteOffsets(sql)
    scopes = Scopes(tree, sql, offsets)
    routines: dict[Path, RoutineSource] = {}
    names: dict[str, str] = {}
    definitions: dict[str, Made] = {}
    calls: list[Renamed] = []
    for node in _calls(tree):
        function = functions.get(tuple(n.id_string.casefold() for n in node.name.names))
        if function is None:
            continue
        where = resolved.get(node.name, "parse_location_range")
        start, end = offsets.character(where.start), offsets.character(where.end)
        call = _read(function, node, sql, offsets, scopes.seen_at(start, around), start)
        made = function.make(call)
        given = (made.body, made.columns, made.subject, tuple(call.arguments))
        name = f"{function.name}{MARK}{crc32(repr(given).encode()):08x}"
        definitions[name] = made
        definition = around.define(("table function", name, given), partial(_definition, call, made))
        routines[(name,)] = RoutineSource((name,), replace(definition, made=made))
        names[name] = sql[start:end]
        last = max((a.end for a in call.arguments.values()), default=end)
        subqueries = [(a.start, a.end, "") for a in call.arguments.values() if a.is_subquery and made.body]
        models = [(a.start, a.end, f"'{a.value}'") for a in call.arguments.values() if a.is_model]
        calls.append(Renamed(start, end, closing(sql, last), name, sorted(subqueries + models)))
    for node in resolved.walk(tree):
        if node.DESCRIPTOR.name == "ASTFunctionCallProto":
            path = tuple(n.id_string.casefold() for n in node.function.names)
            call_shaped = shaped_call(shaped[path], node, sql, offsets, around) if path in shaped else None
            if call_shaped is not None:
                renamed, definition = call_shaped
                calls.append(renamed)
                routines[(renamed.name,)] = RoutineSource((renamed.name,), definition)
                names[renamed.name] = sql[renamed.start : renamed.name_end]
    if not calls:
        return Expansion(prepared)
    writer = Writer(sql, calls)
    writer.copy(0, len(sql))
    new = "".join(writer.texts)
    pieces = tuple(writer.pieces)
    return Expansion(Prepared(new, prepared.original), routines, sql, pieces, names, definitions)


def _calls(tree: Any) -> Iterator[Any]:
    return (node for node in resolved.walk(tree) if node.DESCRIPTOR.name == "ASTTVFProto")


def _read(
    function: TableFunction,
    node: Any,
    sql: str,
    offsets: ByteOffsets,
    around: Around,
    place: int,
) -> Call:
    """The arguments of a call by the names of their parameters, in the order of the call."""
    lines = LineStarts(sql)

    def fail(message: str, at: int | None) -> NoReturn:
        line, column = lines.position(place if at is None else at)
        raise SqlError(3, f"{message} [at {line}:{column}]")

    by_name = {p.name: p for p in function.parameters}
    positional = [p for p in function.parameters if not p.named_only]
    arguments: dict[str, Argument] = {}
    for index, entry in enumerate(node.argument_entries):
        where = resolved.get(entry, "parse_location_range")
        start, end = offsets.character(where.start), offsets.character(where.end)
        item = resolved.unwrap(entry.expr) if entry.HasField("expr") else None
        if function.free:
            parameter = _form(entry, item, f"arg{index + 1}")
        elif item is not None and item.DESCRIPTOR.name == "ASTNamedArgumentProto":
            named = by_name.get(item.name.id_string.casefold())
            if named is None:
                fail(
                    f"Named argument {item.name.id_string} not found in signature for call to function "
                    f"{function.name}",
                    start,
                )
            parameter = named
            item = resolved.unwrap(item.expr)
            value = resolved.get(item, "parse_location_range")
            start, end = offsets.character(value.start), offsets.character(value.end)
        elif index < len(positional):
            parameter = positional[index]
        else:
            fail(f"Number of arguments does not match for table-valued function {function.name}", None)
        if parameter.name in arguments:
            fail(f"Duplicate named argument {parameter.name} found in call to {function.name}", start)
        text = sql[start:end]
        known = around.constant(text) if parameter.constant else None
        is_model = entry.HasField("model_clause")
        if is_model:
            known = around.model(tuple(n.id_string for n in entry.model_clause.model_path.names))
        is_subquery = item is not None and item.DESCRIPTOR.name == "ASTExpressionSubqueryProto"
        is_subquery = is_subquery and parameter.kind == "RELATION"
        arguments[parameter.name] = Argument(parameter, text, start, end, is_subquery, is_model, known)
    for parameter in function.parameters:
        if not parameter.optional and parameter.name not in arguments:
            fail(
                f"Required argument {parameter.name} is missing in the call of table-valued function "
                f"{function.name}",
                None,
            )
    return Call(function.name, arguments, fail, around)


def _form(entry: Any, item: Any, name: str) -> Parameter:
    """The parameter for an argument of a function that takes whatever it is given."""
    if item is not None and item.DESCRIPTOR.name == "ASTNamedArgumentProto":
        return Parameter(item.name.id_string.casefold())
    is_query = item is not None and item.DESCRIPTOR.name == "ASTExpressionSubqueryProto"
    return Parameter(name, kind="RELATION" if is_query or entry.HasField("table_clause") else "VALUE")


def _definition(call: Call, made: Made) -> Definition:
    from zetasql.wasi._pb2.zetasql.proto import function_pb2

    proto = function_pb2.TableValuedFunctionProto()
    signature = proto.signature
    signature.return_type.kind = _RELATION
    signature.return_type.num_occurrences = 1
    for argument in call.arguments.values():
        parameter = argument.parameter
        item = signature.argument.add(num_occurrences=1)
        options = item.options
        options.extra_relation_input_columns_allowed = True
        options.argument_name = parameter.name
        options.named_argument_kind = _POSITIONAL_OR_NAMED
        if parameter.kind == "RELATION":
            item.kind = _RELATION
        elif parameter.kind == "MODEL":
            item.kind = _MODEL
        elif parameter.type is None:
            item.kind = _ARBITRARY
        else:
            type_to_proto(parameter.type, item.type)
    if made.body:
        proto.type = _TEMPLATED_SQL
        proto.argument_name.extend(call.arguments)
        proto.parse_resume_location.input = made.body
        proto.parse_resume_location.byte_position = 0
        names = names_in(made.body)
        return Definition("table_function", proto, names.paths, names.calls)
    proto.type = _FIXED
    schema = signature.return_type.options.relation_input_schema
    for name, type_ in made.columns:
        column = schema.column.add(name=name)
        type_to_proto(type_, column.type)
    return Definition("table_function", proto, frozenset(), frozenset())


def constant_value(statement: Any, ctx: Any) -> Any:
    """The value of the expression in the analysed query ``SELECT <expression>``.

    ARRAYs and STRUCTs are lists. Raises LookupError when it is not constant.
    """
    scan = resolved.unwrap(statement.query)
    ids = {c.column.column_id: c.expr for c in scan.expr_list} if hasattr(scan, "expr_list") else {}
    return _value(ids[statement.output_column_list[0].column.column_id], ctx)


def _value(node: Any, ctx: Any) -> Any:
    from .values import literal_value

    node = resolved.unwrap(node)
    kind = node.DESCRIPTOR.name
    if kind == "ResolvedLiteralProto":
        return _plain(literal_value(node.value))
    if kind == "ResolvedParameterProto":
        given = ctx.parameters.get(node.name.lower()) if node.name else None
        if given is not None:
            return _plain(given.value)
    if kind == "ResolvedConstantProto":
        return _plain(ctx.variables[node.constant.name.rpartition(".")[2].lower()].value)
    if kind == "ResolvedCastProto":
        return _value(node.expr, ctx)
    if kind == "ResolvedMakeStructProto":
        return [_value(item, ctx) for item in node.field_list]
    if kind == "ResolvedFunctionCallProto" and node.parent.function.name == "ZetaSQL:$make_array":
        return [_value(item, ctx) for item in node.parent.argument_list]
    raise LookupError(kind)


def _plain(value: Any) -> Any:
    """A canonical value with STRUCTs as lists."""
    if isinstance(value, Mapping):
        return [_plain(v) for v in value.values()]
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value


def not_constant(text: str) -> Exception:
    """The error of an argument that must be constant and is not."""
    return invalid_query(f"Argument {text[:100]} of a table-valued function must be a constant")
