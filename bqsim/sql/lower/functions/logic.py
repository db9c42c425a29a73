"""Logic and conditional expressions."""

from __future__ import annotations

from typing import Any

from sqlglot import expressions as exp

from bqsim.sql.lower import nodes
from bqsim.sql.lower.registry import FunctionCall, Unsupported, fn
from bqsim.types import BOOL, TypeKind

from .comparison import equal, plain_equality


def _and(call: FunctionCall) -> exp.Expression:
    return nodes.joined("(", " AND ", list(call.args), ")")


def _or(call: FunctionCall) -> exp.Expression:
    return nodes.joined("(", " OR ", list(call.args), ")")


def _case_no_value(call: FunctionCall) -> exp.Expression:
    args = call.args
    pairs = [(args[i], args[i + 1]) for i in range(0, len(args) - 1, 2)]
    default: Any = args[-1] if len(args) % 2 else nodes.null()
    return _closed(nodes.case(pairs, default))


def _case_with_value(call: FunctionCall) -> exp.Expression:
    value, *rest = call.args
    pairs = []
    for i in range(0, len(rest) - 1, 2):
        test = equal(value, rest[i], call.types[0], call.types[i + 1])
        pairs.append((test, rest[i + 1]))
    default: Any = rest[-1] if len(rest) % 2 else nodes.null()
    return _closed(nodes.case(pairs, default))


def _if(call: FunctionCall) -> exp.Expression:
    condition, yes, no = call.args
    return _closed(nodes.case([(condition, yes)], no))


def _closed(value: exp.Expression) -> exp.Expression:
    return nodes.joined("(", "", [value], ")")


def _nullif(call: FunctionCall) -> exp.Expression:
    test = equal(call.args[0], call.args[1], call.types[0], call.types[1])
    if plain_equality(call.types):
        return nodes.template("nullif({0}, {1})", *call.args)
    return _closed(nodes.case([(test, nodes.null())], call.args[0]))


def _coalesce(call: FunctionCall) -> exp.Expression:
    return _first_present(list(call.args))


def _first_present(args: list[exp.Expression]) -> exp.Expression:
    """COALESCE. The engine computes what repeats in later arguments beforehand for all rows, where it
    may fail; inside CASE it does not."""
    if len(args) == 1:
        return args[0]
    if all(map(_simple, args[1:])):
        return nodes.joined("coalesce(", ", ", args, ")")
    rest = _first_present(args[1:])
    return nodes.template("coalesce({0}, CASE WHEN {0} IS NULL THEN {1} END)", args[0], rest)


def _simple(node: Any) -> bool:
    """Whether an expression is a column or a literal."""
    if node.__class__ is exp.Column:
        return True
    parts: list[Any] = node.args["expressions"] if node.__class__ is exp.Block else []
    return len(parts) == 1 and parts[0].__class__ is str


def _error(call: FunctionCall) -> exp.Expression:
    if call.safe:
        raise Unsupported("SAFE.ERROR")
    from bqsim.sql.lower.types import engine_type

    return nodes.template(f"CAST(bq_error({{0}}) AS {engine_type(call.result)})", call.args[0])


FUNCTIONS = [
    fn("$and", (BOOL,), build=_and, repeated=BOOL),
    fn("$or", (BOOL,), build=_or, repeated=BOOL),
    fn("$not", (BOOL,), sql="(NOT {0})"),
    fn("if", (BOOL, None, None), build=_if),
    fn("ifnull", (None, None), build=_coalesce),
    fn("coalesce", (None,), build=_coalesce, repeated=True),
    fn("nullif", (None, None), build=_nullif),
    fn("$case_no_value", (BOOL, None), build=_case_no_value, repeated=True),
    fn("$case_with_value", (None, None, None), build=_case_with_value, repeated=True),
    fn("error", (TypeKind.STRING,), build=_error),
    # The second argument says whether the first failed; engine aggregates fail at once.
    fn("$with_side_effects", (None, None), sql="{0}"),
    fn("is_inf", (TypeKind.FLOAT64,), sql="isinf({0})"),
    fn("is_nan", (TypeKind.FLOAT64,), sql="isnan({0})"),
]
