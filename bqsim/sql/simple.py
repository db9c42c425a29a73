"""Small expressions over variables and literals, computed without the engine: what loops of scripts hold.

Only what is certain is computed here; everything else, overflow included, is left to the engine.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

from bqsim.sql.googlesql import resolved
from bqsim.sql.googlesql.types import type_from_proto
from bqsim.sql.googlesql.values import literal_value
from bqsim.types import BOOL, INT64, STRING, Type

from .plan import TypedValue


class NotSimple(Exception):
    """The expression is one for the engine."""


_MIN, _MAX = -(1 << 63), (1 << 63) - 1


def _mod(a: int, b: int) -> int:
    if b == 0:
        raise NotSimple
    return abs(a) % abs(b) * (1 if a >= 0 else -1)


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
    {(name, (t, t)): function for name, function in _COMPARISONS.items() for t in (INT64, BOOL, STRING)}
)
_DECIDING = {"$and": False, "$or": True}
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
    if name == "$is_null":
        return _value(arguments[0], variables) is None
    if name in _DECIDING:
        return _connected(_DECIDING[name], [_value(a, variables) for a in arguments])
    function = _STRICT.get((name, types))
    if function is None:
        raise NotSimple
    values = [_value(a, variables) for a in arguments]
    if None in values:
        return None
    result = function(*values)
    if result.__class__ is int and not _MIN <= result <= _MAX:
        raise NotSimple
    return result


def _connected(deciding: bool, values: list[bool | None]) -> bool | None:
    """AND or OR of values: ``deciding`` is the one that settles it."""
    if deciding in values:
        return deciding
    return None if None in values else not deciding


_NODES: dict[str, Callable[[Any, Mapping[str, TypedValue]], Any]] = {
    "ResolvedLiteralProto": _literal,
    "ResolvedConstantProto": _variable,
    "ResolvedGetStructFieldProto": _field,
    "ResolvedFunctionCallProto": _call,
}
