"""Aggregate functions."""

from __future__ import annotations

from typing import Any

from sqlglot import expressions as exp

from bqsim.errors import invalid_query
from bqsim.sql.lower import nodes
from bqsim.sql.lower.registry import NOT_LITERAL, AggregateCall, Unsupported, aggregate
from bqsim.sql.lower.types import engine_type
from bqsim.types import BIGNUMERIC, BOOL, BYTES, FLOAT64, INT64, NUMERIC, STRING, Type, TypeKind

from .statistics import STATISTICS

K = TypeKind
# Kinds whose engine order is GoogleSQL's.
ORDERED = (
    K.INT64, K.NUMERIC, K.BIGNUMERIC, K.BOOL, K.STRING, K.BYTES, K.DATE, K.TIME, K.DATETIME, K.TIMESTAMP,
    K.INTERVAL,
)  # fmt: skip
COUNT_DISTINCT = (*ORDERED, K.FLOAT64, K.RANGE, K.STRUCT)


def _countif(call: AggregateCall) -> exp.Expression:
    args = call.args if call.distinct else []
    return call.apply("count", *args, where=call.args[0])


def _finite(call: AggregateCall, function: str) -> exp.Expression:
    """A sum or mean of FLOAT64 that fails when finite values overflow.

    Values whose sum overflows on the way are added once more, scaled down: that overflows never.
    """
    value = call.args[0]
    total = call.apply(function, value)
    scaled = call.apply(function, nodes.template(f"({{0}} * {2.0**-64!r})", value))
    failing = nodes.error("double overflow", "DOUBLE")
    unscaled = f"({{1}} * {2.0**64!r})"
    return nodes.template(
        "(CASE WHEN isfinite({0}) OR NOT isfinite({1}) THEN {0} "
        f"WHEN isfinite({unscaled}) THEN {unscaled} "
        "WHEN {0} IS NOT NULL THEN {2} END)",
        total,
        scaled,
        failing,
    )


def _numeric_avg(call: AggregateCall) -> exp.Expression:
    value = call.args[0]
    total, count = call.apply("sum", value), call.apply("count", value)
    return nodes.template("bq_numeric_divide({0}, CAST({1} AS DECIMAL(38,9)))", total, count)


def _float_min(call: AggregateCall) -> exp.Expression:
    """NaN is the engine's greatest value: it is the MAX already, and the MIN whenever it occurs."""
    value = call.args[0]
    least, greatest = call.apply("min", value), call.apply("max", value)
    return nodes.template("(CASE WHEN isnan({1}) THEN {1} ELSE {0} END)", least, greatest)


def range_key(value: exp.Expression, element: Type | None) -> exp.Expression:
    """What orders ranges: an absent start comes before, an absent end after all others."""
    assert element is not None
    type_ = engine_type(element)
    return nodes.template(
        f"{{s: coalesce(struct_extract({{0}}, 'start'), CAST('-infinity' AS {type_})), "
        f"e: coalesce(struct_extract({{0}}, 'end'), CAST('infinity' AS {type_}))}}",
        value,
    )


def _range(function: str) -> Any:
    def build(call: AggregateCall) -> exp.Expression:
        value = call.args[0]
        key = range_key(value, call.types[0].element)
        present = nodes.template("({0} IS NOT NULL)", value)
        call.distinct = False
        return call.apply(function, value, key, where=present)

    return build


def _limited(call: AggregateCall, items: exp.Expression) -> exp.Expression:
    if call.limit is None:
        return items
    return nodes.template(f"list_slice({{0}}, 1, {call.limit})", items)


def _present(call: AggregateCall) -> exp.Expression:
    return nodes.template("({0} IS NOT NULL)", call.args[0])


def _array_agg(call: AggregateCall) -> exp.Expression:
    where = _present(call) if call.nulls == "IGNORE" else None
    return _limited(call, call.apply("list", call.args[0], where=where))


def _array_concat_agg(call: AggregateCall) -> exp.Expression:
    arrays = _limited(call, call.apply("list", call.args[0], where=_present(call)))
    return nodes.template("flatten({0})", arrays)


def _string_agg(call: AggregateCall) -> exp.Expression:
    value = call.args[0]
    separator = call.args[1] if len(call.args) > 1 else nodes.raw("','")
    if len(call.args) > 1 and call.literals[1] is NOT_LITERAL:
        raise Unsupported("STRING_AGG with a separator that is not constant")
    if len(call.args) > 1 and call.literals[1] is None:
        return nodes.template("CAST({0} AS VARCHAR)", call.apply("any_value", nodes.null(), plain=True))
    items = _limited(call, call.apply("list", value, where=_present(call)))
    return nodes.template("array_to_string({0}, {1})", items, separator)


def _bytes_agg(call: AggregateCall) -> exp.Expression:
    separator = call.args[1] if len(call.args) > 1 else nodes.raw("unhex('2c')")
    if len(call.args) > 1 and call.literals[1] in (NOT_LITERAL, None):
        raise Unsupported("STRING_AGG with a separator that is not constant")
    items = _limited(call, call.apply("list", call.args[0], where=_present(call)))
    return nodes.template("list_reduce({0}, lambda a, b: a || {1} || b)", items, separator)


def _any_value(call: AggregateCall) -> exp.Expression:
    return call.apply("any_value", call.args[0], plain=True)


def _number(call: AggregateCall) -> int:
    """The number that an approximate aggregate takes last."""
    number = call.literals[-1]
    if number is NOT_LITERAL:
        raise Unsupported(f"{call.name.upper()} with a number that is not constant")
    if number is None or number < 1:
        fault = "not be NULL" if number is None else "be positive"
        raise invalid_query(f"The second argument to {call.name.upper()} function must {fault}")
    return int(number)


def _approx_quantiles(call: AggregateCall) -> exp.Expression:
    """Exact quantiles: boundary i of n is the value at ceil(i * count / n), counted from 1."""
    number = _number(call)
    value = call.args[0]
    keep = call.nulls == "RESPECT"
    where = None if keep else nodes.template("({0} IS NOT NULL)", value)
    call.order = _ascending(value, call.types[0])
    items = call.apply("list", value, where=where)
    return nodes.template(
        f"list_transform([{{0}}], lambda l: list_select(l, list_transform(range(0, {number + 1}), "
        f"lambda i: greatest((i * len(l) + {number - 1}) // {number}, 1))))[1]",
        items,
    )


def _ascending(value: exp.Expression, type_: Type) -> list[exp.Expression]:
    keys = [nodes.template("{0} ASC NULLS FIRST", value)]
    if type_.kind is K.FLOAT64:
        keys.insert(0, nodes.template("isnan({0}) DESC NULLS FIRST", value))
    return keys


def _approx_top_count(call: AggregateCall) -> exp.Expression:
    """Exact counts, NULL counted too, the most frequent first."""
    number = _number(call)
    value = call.args[0]
    counts = call.apply("histogram", value)
    missing = nodes.template("({0} IS NULL)", value)
    nulls = call.apply("count", where=missing, plain=True)
    if call.distinct:
        nulls = nodes.template("least({0}, 1)", nulls)
    none = f"CAST(NULL AS {engine_type(call.types[0])})"
    entries = nodes.template(
        "list_transform(map_entries({0}), lambda e: struct_pack(n := CAST(e.value AS BIGINT), v := e.key))",
        counts,
    )
    missing_entry = nodes.template(
        f"CASE WHEN {{0}} > 0 THEN [struct_pack(n := CAST({{0}} AS BIGINT), v := {none})] ELSE [] END", nulls
    )
    return nodes.template(
        f"list_transform(list_reverse_sort(list_concat({{0}}, {{1}}))[1:{number}], "
        "lambda e: struct_pack(_1 := e.v, _2 := e.n))",
        entries,
        missing_entry,
    )


def _approx_top_sum(call: AggregateCall) -> exp.Expression:
    """Exact sums, NULL counted as a value, the greatest first and those of no weight last."""
    number = _number(call)
    if call.distinct:
        raise Unsupported(f"{call.name.upper()} with DISTINCT")
    value, weight = call.args[:2]
    kind = call.types[1].kind
    # Weights in the order of the values, which is that of the histogram, and how many each value has.
    constant = call.literals[0] is not NOT_LITERAL
    # The engine refuses to order by a constant.
    key = nodes.template("(CASE WHEN true THEN {0} END)", value) if constant else value
    call.order = [nodes.template("{0} ASC NULLS LAST", key)]
    weights = call.apply("list", weight)
    counts = call.apply("histogram", value, plain=True)
    nulls = call.apply("count", where=nodes.template("({0} IS NULL)", value), plain=True)
    sizes = "list_concat(coalesce(map_values({1}), []), CASE WHEN {2} > 0 THEN [{2}] ELSE [] END)"
    keys = (
        "list_concat(coalesce(map_keys({1}), []), "
        f"CASE WHEN {{2}} > 0 THEN [CAST(NULL AS {engine_type(call.types[0])})] ELSE [] END)"
    )
    sums = f"bq_sums_{kind.name.lower()}({{0}}, CAST({sizes} AS BIGINT[]), {{3}})"
    # A weight is not negative, so what has none comes last.
    least = "''::BLOB" if kind is K.BIGNUMERIC else "-1"
    ranked = (
        f"list_transform(list_zip({keys}, {sums}), "
        f"lambda e: struct_pack(k := coalesce(e[2], {least}), v := e[1], n := e[2]))"
    )
    return nodes.template(
        f"(CASE WHEN {{0}} IS NOT NULL THEN list_transform(list_reverse_sort({ranked})[1:{number}], "
        "lambda e: struct_pack(_1 := e.v, _2 := e.n)) END)",
        weights,
        counts,
        nulls,
        nodes.text(call.name.upper()),
    )


def _bits(operation: str) -> Any:
    """BIT_AND, BIT_OR and BIT_XOR of BYTES; the mode says what shorter values are."""

    def build(call: AggregateCall) -> exp.Expression:
        mode = call.literals[1] if len(call.args) > 1 else "STRICT"
        if not isinstance(mode, str):
            raise Unsupported(f"{call.name.upper()} with a computed mode")
        values = call.apply("list", call.args[0], where=_present(call))
        return nodes.template(f"bq_bytes_bit_aggregate({{0}}, '{operation}', '{mode}')", values)

    return build


def _count(call: AggregateCall) -> exp.Expression:
    if call.distinct:
        raise Unsupported(f"COUNT(DISTINCT {call.types[0]})")
    return call.apply("count", *call.args)


def _distinct_count(call: AggregateCall) -> exp.Expression:
    call.distinct = True
    return call.apply("count", call.args[0])


def _double(function: str, several: bool = False) -> Any:
    """A statistic of numbers as FLOAT64; ``several`` says that fewer than two pairs have none."""

    def build(call: AggregateCall) -> exp.Expression:
        args = [
            nodes.template("bq_cast_numeric_to_float64({0})", a) if t.kind is K.NUMERIC else a
            for a, t in zip(call.args, call.types, strict=True)
        ]
        value = call.apply(function, *args)
        if len(args) == 2:
            pairs = call.apply("regr_count", *args, plain=True)
            return nodes.template("(CASE WHEN {1} >= 2 THEN {0} END)", value, pairs) if several else value
        finite = call.apply("bool_and", nodes.call("isfinite", args[0]), plain=True)
        if function.startswith("stddev"):
            # Squares overflow long before the deviation does.
            scaled = call.apply(function, nodes.template(f"({{0}} * {2.0**-520!r})", args[0]))
            value = nodes.template(
                f"(CASE WHEN isinf({{0}}) THEN {{1}} * {2.0**520!r} ELSE {{0}} END)", value, scaled
            )
        return nodes.template(
            "(CASE WHEN {0} IS NOT NULL AND NOT {1} THEN CAST('nan' AS DOUBLE) ELSE {0} END)", value, finite
        )

    return build


_NUMBERS = (K.FLOAT64, K.NUMERIC)
_COUNTED = (*ORDERED, K.FLOAT64, K.ARRAY, K.STRUCT)

AGGREGATES = [
    aggregate("$count_star", (), "count"),
    aggregate("count", (COUNT_DISTINCT,), "count"),
    aggregate("count", (None,), build=_count),
    aggregate("countif", (BOOL,), build=_countif),
    aggregate("sum", (INT64,), "sum", wrap="CAST({0} AS BIGINT)"),
    aggregate("sum", (NUMERIC,), "sum"),
    aggregate("sum", (FLOAT64,), build=lambda c: _finite(c, "sum")),
    aggregate("avg", (INT64,), "avg"),
    aggregate("avg", (FLOAT64,), build=lambda c: _finite(c, "avg")),
    aggregate("avg", (NUMERIC,), build=_numeric_avg),
    aggregate("min", (ORDERED,), "min"),
    aggregate("max", (ORDERED,), "max"),
    aggregate("min", (FLOAT64,), build=_float_min),
    aggregate("max", (FLOAT64,), "max"),
    aggregate("min", (K.RANGE,), build=_range("arg_min")),
    aggregate("max", (K.RANGE,), build=_range("arg_max")),
    aggregate("any_value", (None,), build=_any_value),
    aggregate("array_agg", (None,), build=_array_agg, ordered=True, limited=True),
    aggregate("array_concat_agg", (K.ARRAY,), build=_array_concat_agg, ordered=True, limited=True),
    aggregate("string_agg", (STRING, STRING), build=_string_agg, optional=1, ordered=True, limited=True),
    aggregate("string_agg", (BYTES, BYTES), build=_bytes_agg, optional=1, ordered=True, limited=True),
    aggregate("logical_and", (BOOL,), "bool_and"),
    aggregate("logical_or", (BOOL,), "bool_or"),
    aggregate("bit_and", (INT64,), "bit_and"),
    aggregate("bit_or", (INT64,), "bit_or"),
    aggregate("bit_xor", (INT64,), "bit_xor"),
    *(
        aggregate(f"bit_{name}", (BYTES, None), build=_bits(name), optional=1)
        for name in ("and", "or", "xor")
    ),
    aggregate("approx_count_distinct", ((*COUNT_DISTINCT, K.ARRAY),), build=_distinct_count),
    aggregate("approx_quantiles", ((*ORDERED, K.FLOAT64), INT64), build=_approx_quantiles),
    aggregate("approx_top_count", (_COUNTED, INT64), build=_approx_top_count),
    *(
        aggregate("approx_top_sum", (_COUNTED, weight, INT64), build=_approx_top_sum)
        for weight in (INT64, FLOAT64, NUMERIC, BIGNUMERIC)
    ),
    *(
        aggregate(name, (_NUMBERS,) * count, build=_double(function, function == "corr"))
        for name, count, function in STATISTICS
    ),
]
