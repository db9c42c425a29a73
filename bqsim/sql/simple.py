"""Small expressions over variables and literals, computed without the engine: what loops of scripts hold.

They are compiled to closures over the values of the variables. Only what is certain is computed here;
everything else, overflow included, is left to the engine.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from bqsim.sql.googlesql import resolved
from bqsim.sql.googlesql.types import ENUM as ENUM_KIND
from bqsim.sql.googlesql.types import type_from_proto
from bqsim.sql.googlesql.values import literal_value
from bqsim.types import Type

from .plan import TypedValue
from .simple_functions import CASTS, COMPARED, ENUM, REPEATED, STRICT, NotSimple

__all__ = ["Compiled", "NotSimple", "compiled", "value_of"]

_MIN, _MAX = -(1 << 63), (1 << 63) - 1
_BUILTIN = "ZetaSQL:"
Variables = Mapping[str, TypedValue]
Compiled = Callable[[Variables], Any]


def compiled(statement: Any) -> Compiled:
    """What computes a resolved query ``SELECT (<expression>)``; raises :class:`NotSimple`, as what it returns
    does for values that are for the engine.
    """
    scan = resolved.unwrap(statement.query)
    if resolved.node_name(scan) != "ResolvedProjectScan" or len(scan.expr_list) != 1:
        raise NotSimple
    if resolved.node_name(resolved.unwrap(scan.input_scan)) != "ResolvedSingleRowScan":
        raise NotSimple
    return _compiled(resolved.unwrap(scan.expr_list[0].expr))


def value_of(statement: Any, variables: Variables) -> Any:
    """The value of a resolved query ``SELECT (<expression>)``; raises :class:`NotSimple`."""
    return compiled(statement)(variables)


def _compiled(node: Any) -> Compiled:
    handler = _NODES.get(node.DESCRIPTOR.name)
    if handler is None:
        raise NotSimple
    return handler(node)


def _literal(node: Any) -> Compiled:
    value = literal_value(node.value)
    return lambda variables: value


def _variable(node: Any) -> Compiled:
    name = node.constant.name.rpartition(".")[2].lower()

    def read(variables: Variables) -> Any:
        found = variables.get(name)
        if found is None:
            raise NotSimple
        return found.value

    return read


def _field(node: Any) -> Compiled:
    inner, index = _compiled(resolved.unwrap(node.expr)), node.field_idx

    def read(variables: Variables) -> Any:
        value = inner(variables)
        return None if value is None else value[index]

    return read


def _struct(node: Any) -> Compiled:
    fields = [_compiled(resolved.unwrap(f)) for f in node.field_list]
    return lambda variables: [f(variables) for f in fields]


def _type(node: Any) -> Type | str:
    proto = resolved.get(node, "type")
    return ENUM if proto.type_kind == ENUM_KIND else type_from_proto(proto)


def _call(node: Any) -> Compiled:
    base = node.parent
    name = base.function.name
    if not name.startswith(_BUILTIN) or base.error_mode or base.collation_list:
        raise NotSimple
    name = name.removeprefix(_BUILTIN)
    arguments = [resolved.unwrap(a) for a in base.argument_list]
    types = tuple(_type(a) for a in arguments)
    function = STRICT.get((name, types)) or _repeated(name, types)
    lazy = _LAZY.get(name)
    if function is None and lazy is None:
        raise NotSimple
    values = [_compiled(a) for a in arguments]
    if function is not None:
        return _strict(function, values)
    assert lazy is not None
    if name in _COMPARING and (len(set(types)) > 1 or types[0] not in COMPARED):
        raise NotSimple
    return lazy(values)


def _repeated(name: str, types: tuple[Type | str, ...]) -> Callable[..., Any] | None:
    function, allowed = REPEATED.get(name, (None, ()))
    return function if all(t in allowed for t in types) else None


def _strict(function: Callable[..., Any], values: list[Compiled]) -> Compiled:
    def call(variables: Variables) -> Any:
        given = [value(variables) for value in values]
        if None in given:
            return None
        result = function(*given)
        kind = result.__class__
        if (kind is int and not _MIN <= result <= _MAX) or (kind is float and not math.isfinite(result)):
            raise NotSimple
        return result

    return call


def _connected(deciding: bool) -> Callable[[list[Compiled]], Compiled]:
    """AND or OR of values: ``deciding`` is the one that settles it."""

    def make(arguments: list[Compiled]) -> Compiled:
        def connected(variables: Variables) -> bool | None:
            values = [a(variables) for a in arguments]
            if deciding in values:
                return deciding
            return None if None in values else not deciding

        return connected

    return make


def _is_null(arguments: list[Compiled]) -> Compiled:
    (inner,) = arguments
    return lambda variables: inner(variables) is None


def _if(arguments: list[Compiled]) -> Compiled:
    condition, then, otherwise = arguments
    return lambda variables: then(variables) if condition(variables) else otherwise(variables)


def _first(arguments: list[Compiled]) -> Compiled:
    """COALESCE and IFNULL."""

    def first(variables: Variables) -> Any:
        for argument in arguments:
            value = argument(variables)
            if value is not None:
                return value
        return None

    return first


def _null_if(arguments: list[Compiled]) -> Compiled:
    def null_if(variables: Variables) -> Any:
        value, other = (a(variables) for a in arguments)
        return None if other is not None and value == other else value

    return null_if


def _cases(arguments: list[Compiled]) -> Compiled:
    """CASE WHEN …: conditions and values in turn, then the value of ELSE."""

    def cases(variables: Variables) -> Any:
        for at in range(0, len(arguments) - 1, 2):
            if arguments[at](variables):
                return arguments[at + 1](variables)
        return arguments[-1](variables) if len(arguments) % 2 else None

    return cases


def _in(arguments: list[Compiled]) -> Compiled:
    def contained(variables: Variables) -> bool | None:
        value, *others = (a(variables) for a in arguments)
        if value is None:
            return None
        return True if value in others else None if None in others else False

    return contained


def _array(arguments: list[Compiled]) -> Compiled:
    def array(variables: Variables) -> list[Any]:
        items = [a(variables) for a in arguments]
        if None in items:
            raise NotSimple
        return items

    return array


def _array_length(arguments: list[Compiled]) -> Compiled:
    (inner,) = arguments

    def length(variables: Variables) -> int | None:
        array = inner(variables)
        return None if array is None else len(array)

    return length


def _element(first: int) -> Callable[[list[Compiled]], Compiled]:
    """An element of an array whose positions begin with ``first``; one out of bounds is an error."""

    def make(arguments: list[Compiled]) -> Compiled:
        def element(variables: Variables) -> Any:
            array, position = (a(variables) for a in arguments)
            if array is None or position is None:
                return None
            if not 0 <= position - first < len(array):
                raise NotSimple
            return array[position - first]

        return element

    return make


def _array_concat(arguments: list[Compiled]) -> Compiled:
    def joined(variables: Variables) -> list[Any] | None:
        arrays = [a(variables) for a in arguments]
        return None if None in arrays else [item for array in arrays for item in array]

    return joined


# Functions that compute their arguments themselves.
_LAZY: dict[str, Callable[[list[Compiled]], Compiled]] = {
    "$and": _connected(False),
    "$or": _connected(True),
    "$is_null": _is_null,
    "if": _if,
    "ifnull": _first,
    "coalesce": _first,
    "nullif": _null_if,
    "$case_no_value": _cases,
    "$in": _in,
    "$make_array": _array,
    "array_length": _array_length,
    "$array_at_offset": _element(0),
    "$array_at_ordinal": _element(1),
    "array_concat": _array_concat,
}
# Of these, the arguments are compared: they must be of one type that Python compares alike.
_COMPARING = frozenset({"nullif", "$in"})


def _cast(node: Any) -> Compiled:
    inner = resolved.unwrap(node.expr)
    before, after = _type(inner), _type(node)
    cast = CASTS.get((before, after)) if isinstance(before, Type) and isinstance(after, Type) else None
    if cast is None or node.HasField("extended_cast") or resolved.has(node, "type_modifiers"):
        raise NotSimple
    if node.return_null_on_error:
        raise NotSimple
    value_of_inner = _compiled(inner)

    def convert(variables: Variables) -> Any:
        value = value_of_inner(variables)
        return None if value is None else cast(value)

    return convert


_NODES: dict[str, Callable[[Any], Compiled]] = {
    "ResolvedLiteralProto": _literal,
    "ResolvedConstantProto": _variable,
    "ResolvedGetStructFieldProto": _field,
    "ResolvedMakeStructProto": _struct,
    "ResolvedFunctionCallProto": _call,
    "ResolvedCastProto": _cast,
}
