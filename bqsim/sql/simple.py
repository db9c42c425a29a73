"""Small expressions over variables and literals, computed without the engine: what loops of scripts hold.

Only what is certain is computed here; everything else, overflow included, is left to the engine.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

from bqsim.sql.googlesql import resolved
from bqsim.sql.googlesql.types import type_from_proto
from bqsim.sql.googlesql.values import literal_value
from bqsim.types import BOOL, FLOAT64, INT64, STRING, Type

from .plan import TypedValue


class NotSimple(Exception):
    """The expression is one for the engine."""


_MIN, _MAX = -(1 << 63), (1 << 63) - 1


def _mod(a: int, b: int) -> int:
    if b == 0:
        raise NotSimple
    return abs(a) % abs(b) * (1 if a >= 0 else -1)


def _div(a: int, b: int) -> int:
    if b == 0:
        raise NotSimple
    return abs(a) // abs(b) * (1 if (a >= 0) == (b >= 0) else -1)


def _divide(a: float, b: float) -> float:
    if b == 0:
        raise NotSimple
    return a / b


def _sqrt(a: float) -> float:
    if not a >= 0:
        raise NotSimple
    return math.sqrt(a)


def _ascii(change: Callable[[str], str]) -> Callable[[str], str]:
    def changed(text: str) -> str:
        if not text.isascii():
            raise NotSimple
        return change(text)

    return changed


# Functions of non-NULL arguments, NULL for a NULL one, by name and argument types.
_STRICT: dict[tuple[str, tuple[Type, ...]], Callable[..., Any]] = {
    ("$add", (INT64, INT64)): operator.add,
    ("$subtract", (INT64, INT64)): operator.sub,
    ("$multiply", (INT64, INT64)): operator.mul,
    ("mod", (INT64, INT64)): _mod,
    ("$unary_minus", (INT64,)): operator.neg,
    ("$not", (BOOL,)): operator.not_,
    ("$concat_op", (STRING, STRING)): operator.add,
    ("concat", (STRING, STRING)): operator.add,
    ("concat", (STRING, STRING, STRING)): lambda a, b, c: a + b + c,
    ("concat", (STRING, STRING, STRING, STRING)): lambda a, b, c, d: a + b + c + d,
    ("div", (INT64, INT64)): _div,
    ("abs", (INT64,)): abs,
    ("$add", (FLOAT64, FLOAT64)): operator.add,
    ("$subtract", (FLOAT64, FLOAT64)): operator.sub,
    ("$multiply", (FLOAT64, FLOAT64)): operator.mul,
    ("$divide", (FLOAT64, FLOAT64)): _divide,
    ("$unary_minus", (FLOAT64,)): operator.neg,
    ("abs", (FLOAT64,)): abs,
    ("sqrt", (FLOAT64,)): _sqrt,
    ("length", (STRING,)): len,
    ("char_length", (STRING,)): len,
    ("upper", (STRING,)): _ascii(str.upper),
    ("lower", (STRING,)): _ascii(str.lower),
    ("starts_with", (STRING, STRING)): str.startswith,
    ("ends_with", (STRING, STRING)): str.endswith,
    ("$between", (INT64, INT64, INT64)): lambda a, low, high: low <= a <= high,
    ("greatest", (INT64, INT64)): max,
    ("least", (INT64, INT64)): min,
}
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "$equal": operator.eq,
    "$not_equal": operator.ne,
    "$less": operator.lt,
    "$less_or_equal": operator.le,
    "$greater": operator.gt,
    "$greater_or_equal": operator.ge,
}
_STRICT.update(
    {
        (name, (t, t)): function
        for name, function in _COMPARISONS.items()
        for t in (INT64, BOOL, STRING, FLOAT64)
    }
)
_BUILTIN = "ZetaSQL:"


def value_of(statement: Any, variables: Mapping[str, TypedValue]) -> Any:
    """The value of a resolved query ``SELECT (<expression>)``; raises :class:`NotSimple`."""
    scan = resolved.unwrap(statement.query)
    if resolved.node_name(scan) != "ResolvedProjectScan" or len(scan.expr_list) != 1:
        raise NotSimple
    if resolved.node_name(resolved.unwrap(scan.input_scan)) != "ResolvedSingleRowScan":
        raise NotSimple
    return _value(resolved.unwrap(scan.expr_list[0].expr), variables)


def _value(node: Any, variables: Mapping[str, TypedValue]) -> Any:
    handler = _NODES.get(node.DESCRIPTOR.name)
    if handler is None:
        raise NotSimple
    return handler(node, variables)


def _literal(node: Any, variables: Mapping[str, TypedValue]) -> Any:
    return literal_value(node.value)


def _variable(node: Any, variables: Mapping[str, TypedValue]) -> Any:
    value = variables.get(node.constant.name.rpartition(".")[2].lower())
    if value is None:
        raise NotSimple
    return value.value


def _field(node: Any, variables: Mapping[str, TypedValue]) -> Any:
    value = _value(resolved.unwrap(node.expr), variables)
    return None if value is None else value[node.field_idx]


def _call(node: Any, variables: Mapping[str, TypedValue]) -> Any:
    base = node.parent
    name = base.function.name
    if not name.startswith(_BUILTIN) or base.error_mode or base.collation_list:
        raise NotSimple
    arguments = [resolved.unwrap(a) for a in base.argument_list]
    types = tuple(type_from_proto(resolved.get(a, "type")) for a in arguments)
    name = name.removeprefix(_BUILTIN)
    lazy = _LAZY.get(name)
    if lazy is not None:
        return lazy(arguments, variables)
    function = _STRICT.get((name, types))
    if function is None:
        raise NotSimple
    values = [_value(a, variables) for a in arguments]
    if None in values:
        return None
    result = function(*values)
    if result.__class__ is int and not _MIN <= result <= _MAX:
        raise NotSimple
    if result.__class__ is float and not math.isfinite(result):
        raise NotSimple
    return result


Lazy = Callable[[list[Any], Mapping[str, TypedValue]], Any]


def _connected(deciding: bool) -> Lazy:
    """AND or OR of values: ``deciding`` is the one that settles it."""

    def connected(arguments: list[Any], variables: Mapping[str, TypedValue]) -> bool | None:
        values = [_value(a, variables) for a in arguments]
        if deciding in values:
            return deciding
        return None if None in values else not deciding

    return connected


def _is_null(arguments: list[Any], variables: Mapping[str, TypedValue]) -> bool:
    return _value(arguments[0], variables) is None


def _if(arguments: list[Any], variables: Mapping[str, TypedValue]) -> Any:
    return _value(arguments[1 if _value(arguments[0], variables) else 2], variables)


def _first(arguments: list[Any], variables: Mapping[str, TypedValue]) -> Any:
    """COALESCE and IFNULL."""
    for argument in arguments:
        value = _value(argument, variables)
        if value is not None:
            return value
    return None


def _cases(arguments: list[Any], variables: Mapping[str, TypedValue]) -> Any:
    """CASE WHEN …: conditions and values in turn, then the value of ELSE."""
    for at in range(0, len(arguments) - 1, 2):
        if _value(arguments[at], variables):
            return _value(arguments[at + 1], variables)
    return _value(arguments[-1], variables) if len(arguments) % 2 else None


def _array(arguments: list[Any], variables: Mapping[str, TypedValue]) -> list[Any]:
    items = [_value(a, variables) for a in arguments]
    if None in items:
        raise NotSimple
    return items


def _array_length(arguments: list[Any], variables: Mapping[str, TypedValue]) -> int | None:
    array = _value(arguments[0], variables)
    return None if array is None else len(array)


def _element(first: int) -> Lazy:
    """An element of an array whose positions begin with ``first``; one out of bounds is an error."""

    def element(arguments: list[Any], variables: Mapping[str, TypedValue]) -> Any:
        array, position = (_value(a, variables) for a in arguments)
        if array is None or position is None:
            return None
        if not 0 <= position - first < len(array):
            raise NotSimple
        return array[position - first]

    return element


def _array_concat(arguments: list[Any], variables: Mapping[str, TypedValue]) -> list[Any] | None:
    arrays = [_value(a, variables) for a in arguments]
    return None if None in arrays else [item for array in arrays for item in array]


# Functions that compute their arguments themselves.
_LAZY: dict[str, Lazy] = {
    "$and": _connected(False),
    "$or": _connected(True),
    "$is_null": _is_null,
    "if": _if,
    "ifnull": _first,
    "coalesce": _first,
    "$case_no_value": _cases,
    "$make_array": _array,
    "array_length": _array_length,
    "$array_at_offset": _element(0),
    "$array_at_ordinal": _element(1),
    "array_concat": _array_concat,
}


def _cast(node: Any, variables: Mapping[str, TypedValue]) -> Any:
    inner = resolved.unwrap(node.expr)
    cast = _CASTS.get(
        (type_from_proto(resolved.get(inner, "type")), type_from_proto(resolved.get(node, "type")))
    )
    if cast is None or node.HasField("extended_cast") or resolved.has(node, "type_modifiers"):
        raise NotSimple
    value = _value(inner, variables)
    return None if value is None else cast(value)


_CASTS: dict[tuple[Type, Type], Callable[[Any], Any]] = {
    (INT64, FLOAT64): float,
    (INT64, STRING): str,
    (BOOL, STRING): lambda value: "true" if value else "false",
    (BOOL, INT64): int,
}


_NODES: dict[str, Callable[[Any, Mapping[str, TypedValue]], Any]] = {
    "ResolvedLiteralProto": _literal,
    "ResolvedConstantProto": _variable,
    "ResolvedGetStructFieldProto": _field,
    "ResolvedFunctionCallProto": _call,
    "ResolvedCastProto": _cast,
}
