"""HLL_COUNT and KLL_QUANTILES: sketches of what was aggregated."""

from __future__ import annotations

from typing import Any

from sqlglot import expressions as exp

from bqsim.errors import invalid_query
from bqsim.sql.lower import nodes
from bqsim.sql.lower.registry import (
    NOT_LITERAL,
    Aggregate,
    AggregateCall,
    Function,
    Unsupported,
    aggregate,
    fn,
)
from bqsim.types import BIGNUMERIC, BYTES, FLOAT64, INT64, NUMERIC, STRING

_HLL_PRECISION, _KLL_PRECISION = 15, 1000
# The greatest precision of a quantile sketch.
_MOST = 100_000
# Kernel, argument and value type of HLL_COUNT.INIT by the input's type.
_INIT = (
    (INT64, "int64", "{0}", 8),
    (STRING, "bytes", "encode({0})", 11),
    (BYTES, "bytes", "{0}", 11),
    (NUMERIC, "numeric", "{0}", 188553293),
    (BIGNUMERIC, "bytes", "{0}", 188553294),
)


def present(call: AggregateCall, value: exp.Expression) -> exp.Expression:
    """The list of an aggregate's values that are not NULL; NULL when there are none."""
    return call.apply("list", value, where=nodes.template("({0} IS NOT NULL)", call.args[0]))


def _constant(call: AggregateCall, place: int, default: int) -> int:
    if len(call.args) <= place:
        return default
    value = call.literals[place]
    if value is NOT_LITERAL or value is None:
        raise Unsupported(f"{call.name.upper()} with a precision that is not constant")
    return int(value)


def _hll_init(kernel: str, argument: str, value_type: int) -> Any:
    def build(call: AggregateCall) -> exp.Expression:
        precision = _constant(call, 1, _HLL_PRECISION)
        values = present(call, nodes.template(argument, call.args[0]))
        return nodes.template(f"bq_hll_init_{kernel}({{0}}, {precision}, {value_type})", values)

    return build


def _hll_merge(wrap: str) -> Any:
    def build(call: AggregateCall) -> exp.Expression:
        return nodes.template(wrap, present(call, call.args[0]), nodes.text(call.name.upper()))

    return build


def _kll_init(kernel: str) -> Any:
    def build(call: AggregateCall) -> exp.Expression:
        precision = _constant(call, 1, _KLL_PRECISION)
        if not 1 <= precision <= _MOST:
            raise invalid_query(f"Argument 2 to {call.name.upper()} must be between 1 and {_MOST}")
        value = call.args[0]
        weight = call.args[2] if len(call.args) > 2 else None
        if weight is None or call.literals[2] == 1:
            return nodes.template(f"bq_kll_init_{kernel}({{0}}, {precision})", present(call, value))
        where = nodes.template("({0} IS NOT NULL AND {1} IS NOT NULL)", value, weight)
        pairs = call.apply(
            "list", nodes.template("struct_pack(v := {0}, w := {1})", value, weight), where=where
        )
        return nodes.template(
            f"bq_kll_init_weighted_{kernel}(list_transform({{0}}, lambda e: e.v), "
            f"list_transform({{0}}, lambda e: e.w), {precision})",
            pairs,
        )

    return build


def _kll_merge(kernel: str, value_type: int) -> Any:
    """MERGE_… of sketches: what is taken from the merged sketch."""

    def build(call: AggregateCall) -> exp.Expression:
        if call.literals[1] is NOT_LITERAL:
            raise Unsupported(f"{call.name.upper()} with an argument that is not constant")
        name = nodes.text(call.name.upper())
        sketches = present(call, call.args[0])
        merged = nodes.template(f"bq_kll_merge({{0}}, {{1}}, {value_type})", sketches, name)
        return nodes.template(f"bq_kll_{kernel}({{0}}, {{1}}, {{2}})", merged, call.args[1], name)

    return build


def _kll_merge_partial(call: AggregateCall) -> exp.Expression:
    name = nodes.text(call.name.upper())
    return nodes.template("bq_kll_merge({0}, {1}, 0)", present(call, call.args[0]), name)


FUNCTIONS: list[Function] = [
    fn("hll_count.extract", (BYTES,), sql="coalesce(bq_hll_extract({0}), 0)"),
    *(
        fn(name, (BYTES, type_), sql=f"bq_kll_{kernel}({{0}}, {{1}}, '{name.upper()}')")
        for name, type_, kernel in (
            ("kll_quantiles.extract_int64", INT64, "quantiles_int64"),
            ("kll_quantiles.extract_float64", INT64, "quantiles_float64"),
            ("kll_quantiles.extract_point_int64", FLOAT64, "point_int64"),
            ("kll_quantiles.extract_point_float64", FLOAT64, "point_float64"),
        )
    ),
]

AGGREGATES: list[Aggregate] = [
    *(
        aggregate(
            "hll_count.init",
            (type_, INT64),
            optional=1,
            build=_hll_init(name, argument, number),
            window=False,
        )
        for type_, name, argument, number in _INIT
    ),
    aggregate("hll_count.merge_partial", (BYTES,), build=_hll_merge("bq_hll_merge({0}, {1})"), window=False),
    aggregate(
        "hll_count.merge",
        (BYTES,),
        build=_hll_merge("coalesce(bq_hll_merge_count({0}, {1}), 0)"),
        window=False,
    ),
    *(
        aggregate(
            f"kll_quantiles.init_{name}",
            (type_, INT64, INT64),
            optional=2,
            build=_kll_init(name),
            window=False,
        )
        for name, type_ in (("int64", INT64), ("float64", FLOAT64))
    ),
    aggregate("kll_quantiles.merge_partial", (BYTES,), build=_kll_merge_partial, window=False),
    *(
        aggregate(f"kll_quantiles.{name}", (BYTES, type_), build=_kll_merge(kernel, number), window=False)
        for name, type_, kernel, number in (
            ("merge_int64", INT64, "quantiles_int64", 4),
            ("merge_float64", INT64, "quantiles_float64", 10),
            ("merge_point_int64", FLOAT64, "point_int64", 4),
            ("merge_point_float64", FLOAT64, "point_float64", 10),
        )
    ),
]
