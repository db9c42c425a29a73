"""PERCENTILE_CONT and PERCENTILE_DISC over windows: values at places that the number of rows tells.

That number is a column which the analytic scan adds beforehand; NULLs come first when they are respected and
last, uncounted, when they are not. NaN is the least number.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sqlglot import expressions as exp

from bqsim.sql.lower import nodes
from bqsim.sql.lower.literals import literal_sql
from bqsim.sql.lower.registry import NOT_LITERAL, AggregateCall, Unsupported, Window
from bqsim.types import FLOAT64, NUMERIC, Type, TypeKind

K = TypeKind
BIGNUMERIC = Type(K.BIGNUMERIC)
NAMES = frozenset({"percentile_cont", "percentile_disc"})
_ALL = " ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING"
_SORTABLE = (
    K.INT64, K.FLOAT64, K.NUMERIC, K.BIGNUMERIC, K.BOOL, K.STRING, K.BYTES, K.DATE, K.TIME, K.DATETIME,
    K.TIMESTAMP, K.INTERVAL,
)  # fmt: skip

# By the type of the percentile: where a percentile {1} of {0} rows is, counted from 0, and its whole part.
_PLACES = {
    K.NUMERIC: (
        "(CAST({1} AS DECIMAL(10,9)) * CAST({0} - 1 AS DECIMAL(19,0)))",
        "CAST(floor({0}) AS BIGINT)",
    ),
    K.BIGNUMERIC: (
        "bq_bignumeric_multiply({1}, bq_cast_int64_to_bignumeric({0} - 1))",
        "bq_cast_bignumeric_to_int64(bq_floor_bignumeric({0}))",
    ),
}
# The first place whose share of the rows reaches the percentile, counted from 1.
_CEILINGS = {
    K.NUMERIC: "CAST(ceil(CAST({1} AS DECIMAL(10,9)) * CAST({0} AS DECIMAL(19,0))) AS BIGINT)",
    K.BIGNUMERIC: "bq_cast_bignumeric_to_int64(bq_ceil_bignumeric("
    "bq_bignumeric_multiply({1}, bq_cast_int64_to_bignumeric({0}))))",
}
# Between two values l and r: w is the place (of FLOAT64 what is behind the point), k its whole part.
_BETWEEN = {
    K.FLOAT64: "v.l * v.m + v.r * v.w",
    K.NUMERIC: "bq_between_numeric(v.l, v.r, CAST(v.w - v.k AS DECIMAL(38,9)))",
    K.BIGNUMERIC: (
        "bq_between_bignumeric(v.l, v.r, bq_bignumeric_subtract(v.w, bq_cast_int64_to_bignumeric(v.k)))"
    ),
}
_WHOLE = {
    K.FLOAT64: "v.w = 0",
    K.NUMERIC: "v.w = v.k",
    K.BIGNUMERIC: "v.w = bq_cast_int64_to_bignumeric(v.k)",
}
# Shares below have denominators for which the products of counts would be too large.
_LEAST = 2.0**-40


def _ratio(call: AggregateCall, rows: str) -> tuple[exp.Expression, int]:
    """A FLOAT64 share of so many rows, exactly: numerator, and the power of two that divides it."""
    _share(call)
    share = float(call.literals[1])
    if 0 < share < _LEAST:
        raise Unsupported(f"{call.name} with a percentile close to 0")
    numerator, denominator = share.as_integer_ratio()
    return nodes.template(f"({numerator}::HUGEINT * ({rows}))", call.count), denominator


def _share(call: AggregateCall) -> exp.Expression:
    share = call.literals[1]
    if share is NOT_LITERAL or share is None or not 0 <= share <= 1 or call.count is None:
        raise Unsupported(f"{call.name} with a percentile that is not constant")
    value: Any = share if call.types[1] == FLOAT64 else Decimal(share)
    return nodes.raw(literal_sql(call.types[1], value))


def _at(call: AggregateCall, place: exp.Expression) -> exp.Expression:
    """The value at a place, counted from 1; NULL behind the last."""
    value = call.args[0]
    nulls = "DESC" if call.nulls == "RESPECT" else "ASC"
    keys = [nodes.template(f"({{0}} IS NULL) {nulls}", value)]
    if call.types[0].kind is K.FLOAT64:
        keys.append(nodes.template("isnan({0}) DESC", value))
    keys.append(nodes.template("{0} ASC", value))
    order = nodes.joined(" ORDER BY ", ", ", keys, _ALL)
    return nodes.template("nth_value({0}, greatest({1}, 1)) OVER ({2}{3})", value, place, call.over, order)


def _discrete(call: AggregateCall) -> exp.Expression:
    if call.types[1] == FLOAT64:
        product, unit = _ratio(call, "{0}")
        place = nodes.template(
            f"CAST(({{0}} + {unit - 1}::HUGEINT) >> {unit.bit_length() - 1}::HUGEINT AS BIGINT)", product
        )
    else:
        place = nodes.template(_CEILINGS[call.types[1].kind], call.count, _share(call))
    return nodes.template("(CASE WHEN {0} > 0 THEN {1} END)", call.count, _at(call, place))


def _continuous(call: AggregateCall) -> exp.Expression:
    kind = call.types[1].kind
    if kind is K.FLOAT64:
        # Of an empty partition nothing is read.
        product, unit = _ratio(call, "greatest({0} - 1, 0)")
        first = nodes.template(f"CAST({{0}} >> {unit.bit_length() - 1}::HUGEINT AS BIGINT)", product)
        rest = nodes.template(f"({{0}} & {unit - 1}::HUGEINT)", product)
        place = nodes.template(f"(CAST({{0}} AS DOUBLE) / {float(unit)!r})", rest)
        # Its complement to 1, exact too.
        other = nodes.template(f"(CAST({unit}::HUGEINT - {{0}} AS DOUBLE) / {float(unit)!r})", rest)
    else:
        where, whole = _PLACES[kind]
        place = nodes.template(where, call.count, _share(call))
        first = nodes.template(whole, place)
        other = nodes.null()
    left = _at(call, nodes.template("{0} + 1", first))
    right = _at(call, nodes.template("{0} + 2", first))
    # Behind the last value nothing is between.
    given = nodes.joined(
        "{",
        ", ",
        [
            nodes.template("n: {0}", call.count),
            nodes.template("l: {0}", left),
            nodes.template("r: {0}", right),
            nodes.template("w: {0}", place),
            nodes.template("k: {0}", first),
            nodes.template("m: {0}", other),
        ],
        "}",
    )
    return nodes.template(
        f"list_transform([{{0}}], lambda v: CASE WHEN v.n = 0 THEN NULL WHEN {_WHOLE[kind]} "
        f"OR v.r IS NULL THEN v.l WHEN v.l IS NULL THEN v.r ELSE {_BETWEEN[kind]} END)[1]",
        given,
    )


WINDOWS = [
    *(
        Window("percentile_cont", (type_, type_), _continuous, frame=False)
        for type_ in (FLOAT64, NUMERIC, BIGNUMERIC)
    ),
    *(
        Window("percentile_disc", (_SORTABLE, type_), _discrete, frame=False)
        for type_ in (FLOAT64, NUMERIC, BIGNUMERIC)
    ),
]
