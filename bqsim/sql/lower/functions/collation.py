"""Comparisons, text functions and aggregates by a collation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sqlglot import expressions as exp

from bqsim.sql.lower import nodes
from bqsim.sql.lower.collation import key
from bqsim.sql.lower.registry import NOT_LITERAL, AggregateCall, Function, FunctionCall, Unsupported
from bqsim.types import TypeKind

from .likes import QUANTIFIED, quantified

Build = Callable[[FunctionCall, Any], exp.Expression]

# Functions that compare their arguments: all of them are replaced by their keys.
_COMPARING = frozenset(
    {
        "$equal", "$not_equal", "$less", "$less_or_equal", "$greater", "$greater_or_equal", "$between", "$in",
        "$in_array", "$is_distinct_from", "$is_not_distinct_from", "range_bucket",
    }
)  # fmt: skip
_TEXTS = {
    "starts_with": "bq_ci_starts_with({0}, {1})",
    "ends_with": "bq_ci_ends_with({0}, {1})",
    "strpos": "bq_ci_strpos({0}, {1})",
    "replace": "bq_ci_replace({0}, {1}, {2})",
    "split": "bq_ci_split({0}, {1})",
    "$like": "bq_ci_like({0}, {1})",
}


def _keys(call: FunctionCall, collation: Any) -> FunctionCall:
    args = [key(a, t, collation) for a, t in zip(call.args, call.types, strict=True)]
    # What is known of a value is not known of its key, except that it is NULL.
    literals = tuple(None if v is None else NOT_LITERAL for v in call.literals)
    return replace(call, args=args, literals=literals)


def _compared(call: FunctionCall, collation: Any) -> exp.Expression:
    from . import scalar_function

    function = scalar_function(call.name, call.types)
    if function is None:
        raise Unsupported(f"function {call.name} with collation")
    return function.lower(_keys(call, collation))


def _case(call: FunctionCall, collation: Any) -> exp.Expression:
    """CASE value WHEN …: the value and what it is compared with are keys, the results are not."""
    keyed = _keys(call, collation)
    last = len(call.args) - 1
    mixed = [
        k if i == 0 or (i % 2 == 1 and i < last) else a
        for i, (a, k) in enumerate(zip(call.args, keyed.args, strict=True))
    ]
    from . import scalar_function

    function = scalar_function(call.name, call.types)
    assert function is not None
    return function.lower(replace(call, args=mixed, literals=(NOT_LITERAL,) * len(mixed)))


def _nullif(call: FunctionCall, collation: Any) -> exp.Expression:
    left, right = _keys(call, collation).args
    return nodes.template("(CASE WHEN {1} = {2} THEN NULL ELSE {0} END)", call.args[0], left, right)


def _extreme(call: FunctionCall, collation: Any) -> exp.Expression:
    """GREATEST and LEAST: of equal values the first."""
    sign = ">" if call.name == "greatest" else "<"
    pairs = [
        nodes.joined("{k: ", ", v: ", [k, a], "}")
        for k, a in zip(_keys(call, collation).args, call.args, strict=True)
    ]
    nulls = [nodes.template("{0} IS NULL", a) for a in call.args]
    best = nodes.joined(
        "list_reduce([", ", ", pairs, f"], lambda a, b: CASE WHEN b.k {sign} a.k THEN b ELSE a END).v"
    )
    return nodes.joined(
        "(", "", [nodes.case([(nodes.joined("", " OR ", nulls, ""), nodes.null())], best)], ")"
    )


def _instr(call: FunctionCall, collation: Any) -> exp.Expression:
    rest = call.args[2:] + [nodes.raw("1::BIGINT")] * (4 - len(call.args))
    return nodes.call("bq_ci_instr", *call.args[:2], *rest)


def _quantified(call: FunctionCall, collation: Any) -> exp.Expression:
    return quantified(call, lambda value, pattern, known: nodes.call("bq_ci_like", value, pattern))


_BUILDERS: dict[str, Build] = {
    **dict.fromkeys(_COMPARING, _compared),
    **dict.fromkeys(QUANTIFIED, _quantified),
    "$case_with_value": _case,
    "nullif": _nullif,
    "greatest": _extreme,
    "least": _extreme,
    "instr": _instr,
}


def collated(name: str, collation: Any) -> Function:
    """The row of a function by a collation."""
    text = _TEXTS.get(name)
    if text is not None:
        return Function(name, (), sql=text)
    build = _BUILDERS.get(name)
    if build is None:
        raise Unsupported(f"function {name} with collation")
    return Function(name, (), build=lambda call: build(call, collation))


def _count(call: AggregateCall, collation: Any) -> exp.Expression:
    return call.apply("count", key(call.args[0], call.types[0], collation))


def _approximate_count(call: AggregateCall, collation: Any) -> exp.Expression:
    call.distinct = True
    return _count(call, collation)


def _min_max(call: AggregateCall, collation: Any) -> exp.Expression:
    function = {"min": "arg_min", "max": "arg_max"}[call.name]
    call.distinct = False
    return call.apply(function, call.args[0], key(call.args[0], call.types[0], collation))


def _listed(call: AggregateCall, collation: Any) -> exp.Expression:
    """ARRAY_AGG(DISTINCT) and STRING_AGG(DISTINCT): the first of equal values."""
    if not call.distinct or call.types[0].kind is not TypeKind.STRING or call.over is not None:
        raise Unsupported(f"aggregate function {call.name} with collation")
    call.distinct = False
    ignore = call.name == "string_agg" or call.nulls == "IGNORE"
    where = nodes.template("({0} IS NOT NULL)", call.args[0]) if ignore else None
    items = nodes.call("bq_ci_distinct", call.apply("list", call.args[0], where=where))
    if call.limit is not None:
        items = nodes.template(f"list_slice({{0}}, 1, {call.limit})", items)
    if call.name == "array_agg":
        return items
    if len(call.args) > 1 and not isinstance(call.literals[1], str):
        raise Unsupported("STRING_AGG with a separator that is not constant")
    separator = call.args[1] if len(call.args) > 1 else nodes.raw("','")
    return nodes.template("array_to_string({0}, {1})", items, separator)


AGGREGATES_BY_COLLATION: dict[str, Callable[[AggregateCall, Any], exp.Expression]] = {
    "count": _count,
    "approx_count_distinct": _approximate_count,
    "min": _min_max,
    "max": _min_max,
    "array_agg": _listed,
    "string_agg": _listed,
}
