"""Expressions that never fall as a column grows: what they are at its ends bounds what they are between."""

from __future__ import annotations

from typing import Any

from bqsim.sql.googlesql.resolved import get, node_name, unwrap, walk
from bqsim.types import TypeKind

from .zone_ranges import BUILTIN

# Functions whose results do not fall as their first argument grows, the others being constant.
_RISING = frozenset(
    {
        "date", "datetime", "timestamp", "date_trunc", "datetime_trunc", "timestamp_trunc", "last_day",
        "date_add", "date_sub", "datetime_add", "datetime_sub", "timestamp_add", "timestamp_sub",
        "$extract_date", "unix_date", "unix_seconds", "unix_millis", "unix_micros",
    }
)  # fmt: skip
_TEMPORAL = frozenset({TypeKind.DATE, TypeKind.DATETIME, TypeKind.TIMESTAMP})
# resolved_ast's enum of date parts: YEAR.
_YEAR = 1


def names_column(node: Any) -> bool:
    """Whether an expression is about any column."""
    return any(node_name(n) == "ResolvedColumnRef" for n in walk(node))


def rises(node: Any) -> bool:
    """Whether an expression is the column, or never falls as it grows."""
    kind = node_name(node)
    if kind == "ResolvedColumnRef":
        return True
    if kind == "ResolvedCast":
        inner = unwrap(node.expr)
        return rises(inner) and {_kind(node), _kind(inner)} <= _TEMPORAL
    if kind != "ResolvedFunctionCall":
        return False
    arguments = [unwrap(a) for a in node.parent.argument_list]
    if not arguments or not rises(arguments[0]) or any(map(names_column, arguments[1:])):
        return False
    name = str(node.parent.function.name).removeprefix(BUILTIN)
    return name in _RISING or (name == "$extract" and _is_year(arguments[1]))


def _kind(node: Any) -> TypeKind:
    from bqsim.sql.googlesql.types import type_from_proto

    return type_from_proto(get(node, "type")).kind


def _is_year(part: Any) -> bool:
    return node_name(part) == "ResolvedLiteral" and part.value.value.enum_value == _YEAR
