"""Arguments that are computed once.

Macros put an argument's text wherever they name it, so calls of macros in calls of macros grow as a power of
their depth. An argument that is such a call already becomes a parameter of a one-element ``list_transform``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from sqlglot import expressions as exp

from bqsim.sql.lower import nodes
from bqsim.sql.lower.registry import NOT_LITERAL, Function, FunctionCall

_MACRO_CALLS = 2
_LONG = 800


def once(functions: Iterable[Function]) -> list[Function]:
    """The rows, each binding its large arguments."""
    return [replace(row, sql=None, build=_binding(row)) for row in functions]


def _binding(row: Function) -> Any:
    def plain(call: FunctionCall) -> exp.Expression:
        if row.sql is not None:
            return nodes.template(row.sql, *call.args)
        assert row.build is not None
        return row.build(call)

    def build(call: FunctionCall) -> exp.Expression:
        large = [i for i, a in enumerate(call.args) if call.literals[i] is NOT_LITERAL and is_large(a)]
        if not large:
            return plain(call)
        return bound(call, large, plain)

    return build


def bound(
    call: FunctionCall, which: list[int], build: Callable[[FunctionCall], exp.Expression]
) -> exp.Expression:
    """``build`` of the call, with some arguments computed before and outside of it."""
    args = list(call.args)
    # A name of its own: macros have lambdas too, whose parameters would capture it.
    value = f"bound_{call.context.label()}"
    fields: list[Any] = ["{"]
    for i in which:
        fields += [f"{', ' if i != which[0] else ''}'a{i}': ", call.args[i]]
        args[i] = nodes.raw(f"{value}.a{i}")
    fields.append("}")
    body = build(replace(call, args=args))
    parts = ["list_transform([", exp.Block(expressions=fields), f"], lambda {value}: ", body, ")[1]"]
    return exp.Block(expressions=parts)


def is_large(node: Any) -> bool:
    """Whether the text of an expression calls several macros, or is long."""
    macros = length = 0
    pending = [node]
    while pending:
        item = pending.pop()
        if isinstance(item, str):
            macros += item.count("bq_")
            length += len(item)
        elif isinstance(item, exp.Expression):
            for value in item.args.values():
                pending += value if isinstance(value, list) else [value]
        if macros >= _MACRO_CALLS or length > _LONG:
            return True
    return False
