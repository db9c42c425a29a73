"""Comparisons: NULL in arrays and structs, NaN, IN, BETWEEN, LIKE, DISTINCT FROM."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlglot import expressions as exp

from bqsim.sql.lower import nodes
from bqsim.sql.lower.registry import NOT_LITERAL, FunctionCall, Unsupported, fn
from bqsim.types import FLOAT64, STRING, Type, TypeKind

K = TypeKind
# Kinds whose engine values compare as GoogleSQL's do.
COMPARABLE = (
    K.INT64, K.NUMERIC, K.BIGNUMERIC, K.BOOL, K.STRING, K.BYTES, K.DATE, K.TIME, K.DATETIME, K.TIMESTAMP,
)  # fmt: skip
EQUATABLE = (*COMPARABLE, K.INTERVAL, K.RANGE)
OPERATORS = {
    "$equal": "=",
    "$not_equal": "<>",
    "$less": "<",
    "$less_or_equal": "<=",
    "$greater": ">",
    "$greater_or_equal": ">=",
}
# NaN equals nothing and is neither less nor greater; the engine takes it for the greatest number.
# NULL operands must still give NULL.
FLOAT_TEMPLATES = {
    "=": "({0} = {1} AND (NOT isnan({0}) OR {1} IS NULL))",
    "<>": "({0} <> {1} OR (isnan({0}) AND {1} IS NOT NULL))",
    "<": "({0} < {1} AND (NOT isnan({1}) OR {0} IS NULL))",
    "<=": "({0} <= {1} AND (NOT isnan({1}) OR {0} IS NULL))",
    ">": "({0} > {1} AND (NOT isnan({0}) OR {1} IS NULL))",
    ">=": "({0} >= {1} AND (NOT isnan({0}) OR {1} IS NULL))",
}
# With a right operand that is a number and no NaN.
FLOAT_TO_NUMBER = {
    "=": "({0} = {1})",
    "<>": "({0} <> {1})",
    "<": "({0} < {1})",
    "<=": "({0} <= {1})",
    ">": "({0} > {1} AND NOT isnan({0}))",
    ">=": "({0} >= {1} AND NOT isnan({0}))",
}
MIRRORED = {"=": "=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


def compare(
    operator: str, left: exp.Expression, right: exp.Expression, a: Type, b: Type, known: tuple[Any, Any]
) -> exp.Expression:
    """``left operator right`` of two scalars."""
    kinds = {a.kind, b.kind}
    if kinds == {K.FLOAT64}:
        if _is_number(known[1]):
            return nodes.template(FLOAT_TO_NUMBER[operator], left, right)
        if _is_number(known[0]):
            return nodes.template(FLOAT_TO_NUMBER[MIRRORED[operator]], right, left)
        return nodes.template(FLOAT_TEMPLATES[operator], left, right)
    if len(kinds) > 1:
        raise Unsupported(f"comparison of {a} and {b}")
    return nodes.binary(left, operator, right)


def _is_number(value: Any) -> bool:
    return value is not NOT_LITERAL and value is not None and value == value


def _comparison(operator: str) -> Callable[[FunctionCall], exp.Expression]:
    def build(call: FunctionCall) -> exp.Expression:
        (left, right), (a, b) = call.args, call.types
        known = (call.literals[0], call.literals[1])
        return compare(operator, left, right, a, b, known)

    return build


def equal(left: exp.Expression, right: exp.Expression, a: Type, b: Type, depth: int = 0) -> exp.Expression:
    """GoogleSQL's equality of two values: NULL in a struct's fields makes the answer NULL unless another
    differs.
    """
    if a.kind is K.STRUCT:
        if len(a.fields) != len(b.fields):
            raise Unsupported(f"comparison of {a} and {b}")
        items: list[Any] = [
            equal(field_of(left, i), field_of(right, i), x.type, y.type, depth)
            for i, (x, y) in enumerate(zip(a.fields, b.fields, strict=True), 1)
        ]
        missing = nodes.template(
            "(CASE WHEN {0} IS NULL OR {1} IS NULL THEN NULL ELSE true END)", left, right
        )
        return nodes.conjunction([missing, *items])
    if a.kind is K.ARRAY:
        raise Unsupported("comparison of arrays")
    if a.kind not in EQUATABLE and a.kind is not K.FLOAT64:
        raise Unsupported(f"comparison of {a} and {b}")
    return compare("=", left, right, a, b, (NOT_LITERAL, NOT_LITERAL))


def field_of(struct: exp.Expression, position: int) -> exp.Expression:
    return nodes.template(f"struct_extract({{0}}, '_{position}')", struct)


def _struct_equal(call: FunctionCall) -> exp.Expression:
    return equal(call.args[0], call.args[1], call.types[0], call.types[1])


def _struct_not_equal(call: FunctionCall) -> exp.Expression:
    return nodes.template("(NOT {0})", _struct_equal(call))


def plain_equality(types: tuple[Type, ...]) -> bool:
    """Whether the engine's own ``=`` is right for values of these types."""
    return all(t.kind in EQUATABLE for t in types) and len({t.kind for t in types}) == 1


def _in(call: FunctionCall) -> exp.Expression:
    value, options = call.args[0], call.args[1:]
    plain = plain_equality(call.types) or (
        all(t.kind is K.FLOAT64 for t in call.types) and all(_is_number(v) for v in call.literals[1:])
    )
    if plain:
        return nodes.joined("(", "", [value, nodes.joined(" IN (", ", ", options, ")")], ")")
    tests = [
        equal(value, option, call.types[0], type_)
        for option, type_ in zip(options, call.types[1:], strict=True)
    ]
    return nodes.joined("(", " OR ", tests, ")")


def _in_array(call: FunctionCall) -> exp.Expression:
    """IN UNNEST(array): false for an empty or NULL array, else NULL when only NULL could be meant."""
    value, array = call.args
    element = call.types[1].element
    assert element is not None
    test = equal(value, nodes.raw("e"), call.types[0], element)
    verdict = (
        "CASE WHEN list_contains(b, true) THEN true WHEN list_count(b) < len(b) THEN NULL ELSE false END"
    )
    return nodes.template(
        "list_transform([list_transform({0}, lambda e: {1})], lambda b: "
        f"CASE WHEN b IS NULL THEN false ELSE {verdict} END)[1]",
        array,
        test,
    )


def _between(call: FunctionCall) -> exp.Expression:
    value, low, high = call.args
    a, b, c = call.types
    known = call.literals
    lower = compare(">=", value, low, a, b, (known[0], known[1]))
    upper = compare("<=", value, high, a, c, (known[0], known[2]))
    if a.kind is not K.FLOAT64:
        return nodes.template("({0} BETWEEN {1} AND {2})", value, low, high)
    return nodes.binary(lower, "AND", upper)


def _is_distinct(call: FunctionCall) -> exp.Expression:
    # Engine and GoogleSQL agree here, NaN and NULL included: NaN is not distinct from NaN.
    if len({t.kind for t in call.types}) > 1:
        raise Unsupported(f"comparison of {call.types[0]} and {call.types[1]}")
    return nodes.template("({0} IS DISTINCT FROM {1})", *call.args)


def _is_not_distinct(call: FunctionCall) -> exp.Expression:
    return nodes.template("(NOT {0})", _is_distinct(call))


def _like(call: FunctionCall) -> exp.Expression:
    pattern = call.literals[1]
    if pattern is None:
        return nodes.raw("CAST(NULL AS BOOLEAN)")
    if isinstance(pattern, str) and "\\" not in pattern:
        return nodes.template("({0} LIKE {1})", *call.args)
    if isinstance(pattern, str) and not _ends_in_escape(pattern):
        return nodes.template("({0} LIKE {1} ESCAPE '\\')", *call.args)
    if isinstance(pattern, str):
        failing = nodes.error("LIKE pattern ends with a backslash", "BOOLEAN")
        return nodes.template("(CASE WHEN {0} IS NOT NULL THEN {1} END)", call.args[0], failing)
    return nodes.template(
        "(CASE WHEN {1} LIKE '%\\' AND (length({1}) - length(rtrim({1}, '\\'))) % 2 = 1 "
        "THEN bq_error('LIKE pattern ends with a backslash') ELSE {0} LIKE {1} ESCAPE '\\' END)",
        *call.args,
    )


def _ends_in_escape(pattern: str) -> bool:
    return (len(pattern) - len(pattern.rstrip("\\"))) % 2 == 1


def _mixed(name: str, operator: str) -> list[Any]:
    """Comparisons of numbers of different types, as GoogleSQL has them for INT64 against UINT64 only."""
    return [
        *(fn(name, (kind, kind), build=_comparison(operator)) for kind in COMPARABLE),
        fn(name, (FLOAT64, FLOAT64), build=_comparison(operator)),
    ]


FUNCTIONS = [
    *(row for name, operator in OPERATORS.items() for row in _mixed(name, operator)),
    *(
        fn(name, (kind, kind), sql=f"({{0}} {op} {{1}})")
        for name, op in OPERATORS.items()
        for kind in (K.INTERVAL,)
    ),
    *(
        fn(name, (kind, kind), sql=f"({{0}} {op} {{1}})")
        for name, op in (("$equal", "="), ("$not_equal", "<>"))
        for kind in (K.RANGE,)
    ),
    fn("$equal", (K.STRUCT, K.STRUCT), build=_struct_equal),
    fn("$not_equal", (K.STRUCT, K.STRUCT), build=_struct_not_equal),
    fn("$in", (None, None), build=_in, repeated=True),
    fn("$in_array", (None, K.ARRAY), build=_in_array),
    fn("$between", (None, None, None), build=_between),
    fn("$is_distinct_from", (None, None), build=_is_distinct),
    fn("$is_not_distinct_from", (None, None), build=_is_not_distinct),
    fn("$like", (STRING, STRING), build=_like),
    fn("$is_null", (None,), sql="({0} IS NULL)"),
    fn("$is_true", (None,), sql="({0} IS TRUE)"),
    fn("$is_false", (None,), sql="({0} IS FALSE)"),
]
