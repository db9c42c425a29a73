"""INTERVAL functions, and operators between INTERVAL and the date and time types."""

from __future__ import annotations

from typing import Any

from sqlglot import expressions as exp

from bqsim.sql.lower import nodes
from bqsim.sql.lower.registry import ANY, AggregateCall, FunctionCall, Unsupported, aggregate, fn
from bqsim.types import DATE, DATETIME, INT64, INTERVAL, TIME, TIMESTAMP, TypeKind

from .parts import MICROS, of_part

_CONSTRUCT = {
    "YEAR": "bq_interval(bq_int64_multiply({0}, 12), 0, 0)",
    "QUARTER": "bq_interval(bq_int64_multiply({0}, 3), 0, 0)",
    "MONTH": "bq_interval({0}, 0, 0)",
    "WEEK": "bq_interval(0, bq_int64_multiply({0}, 7), 0)",
    "DAY": "bq_interval(0, {0}, 0)",
    **{part: f"bq_interval(0, 0, {{0}} * {unit}::HUGEINT)" for part, unit in MICROS.items()},
    "MILLISECOND": "bq_interval(0, 0, bq_int64_multiply(1000, {0}))",
    "MICROSECOND": "bq_interval_of_micros({0})",
}
_EXTRACT = {
    "YEAR": "year({0})",
    "MONTH": "month({0})",
    "DAY": "day({0})",
    "HOUR": "hour({0})",
    "MINUTE": "minute({0})",
    "SECOND": "(microsecond({0}) // 1000000)",
    "MILLISECOND": "(microsecond({0}) % 1000000 // 1000)",
    "MICROSECOND": "(microsecond({0}) % 1000000)",
}
_AT = "CAST({0} AS TIMESTAMP)"

_PARTS = ("months", "days", "micros")


def _extreme(call: FunctionCall) -> exp.Expression:
    """GREATEST and LEAST: of equal intervals the first."""
    sign = ">" if call.name == "greatest" else "<"
    nulls = nodes.joined("", " OR ", [nodes.template("{0} IS NULL", a) for a in call.args], "")
    items = nodes.joined("[", ", ", list(call.args), "]")
    best = nodes.template(f"list_reduce({{0}}, lambda a, b: CASE WHEN b {sign} a THEN b ELSE a END)", items)
    return nodes.joined("(", "", [nodes.case([(nulls, nodes.null())], best)], ")")


def _sums(call: AggregateCall) -> tuple[list[Any], Any]:
    """The sums of the parts and the number of intervals."""
    if call.distinct:
        # Of equal intervals the first counts, which has other parts than the others.
        raise Unsupported(f"{call.name.upper()}(DISTINCT INTERVAL)")
    value = call.args[0]
    sums = [call.apply("sum", nodes.call(f"bq_interval_{part}", value)) for part in _PARTS]
    return sums, call.apply("count", value)


def _sum(call: AggregateCall) -> exp.Expression:
    sums, _ = _sums(call)
    return nodes.call("bq_interval", *sums)


def _average(call: AggregateCall) -> exp.Expression:
    sums, count = _sums(call)
    return nodes.template(
        "(CASE WHEN {3} > 0 THEN bq_interval_quotient({0}, {1}, {2}, CAST({3} AS HUGEINT)) END)", *sums, count
    )


AGGREGATES = [
    aggregate("sum", (INTERVAL,), build=_sum),
    aggregate("avg", (INTERVAL,), build=_average),
]

FUNCTIONS = [
    *(fn(name, (INTERVAL,), build=_extreme, repeated=TypeKind.INTERVAL) for name in ("greatest", "least")),
    fn("range_bucket", (INTERVAL, ANY), sql="bq_range_bucket({0}, {1})"),
    fn("$subtract", (TIME, TIME), sql="to_microseconds(date_diff('microsecond', {1}, {0}))"),
    fn("$interval", (INT64, ANY), build=of_part(_CONSTRUCT, 1)),
    fn("make_interval", (INT64,) * 6, sql="bq_make_interval({0}, {1}, {2}, {3}, {4}, {5})"),
    fn("$extract", (INTERVAL, ANY), build=of_part(_EXTRACT, 1)),
    fn("justify_days", (INTERVAL,), sql="bq_justify_days({0})"),
    fn("justify_hours", (INTERVAL,), sql="bq_justify_hours({0})"),
    fn("justify_interval", (INTERVAL,), sql="bq_justify_interval({0})"),
    fn("$add", (INTERVAL, INTERVAL), sql="bq_interval_add({0}, {1})"),
    fn("$subtract", (INTERVAL, INTERVAL), sql="bq_interval_subtract({0}, {1})"),
    fn("$multiply", (INTERVAL, INT64), sql="bq_interval_multiply({0}, {1})"),
    fn("$multiply", (INT64, INTERVAL), sql="bq_interval_multiply({1}, {0})"),
    fn("$divide", (INTERVAL, INT64), sql="bq_interval_divide({0}, {1})"),
    fn("$unary_minus", (INTERVAL,), sql="bq_interval_multiply({0}, -1)"),
    fn("$add", (DATE, INTERVAL), sql=f"bq_datetime_add_interval({_AT}, {{1}})"),
    fn("$add", (INTERVAL, DATE), sql=f"bq_datetime_add_interval({_AT.replace('0', '1')}, {{0}})"),
    fn("$subtract", (DATE, INTERVAL), sql=f"bq_datetime_subtract_interval({_AT}, {{1}})"),
    fn("$add", (DATETIME, INTERVAL), sql="bq_datetime_add_interval({0}, {1})"),
    fn("$add", (INTERVAL, DATETIME), sql="bq_datetime_add_interval({1}, {0})"),
    fn("$subtract", (DATETIME, INTERVAL), sql="bq_datetime_subtract_interval({0}, {1})"),
    fn("$add", (TIMESTAMP, INTERVAL), sql="bq_timestamp_add_interval({0}, {1})"),
    fn("$add", (INTERVAL, TIMESTAMP), sql="bq_timestamp_add_interval({1}, {0})"),
    fn("$subtract", (TIMESTAMP, INTERVAL), sql="bq_timestamp_subtract_interval({0}, {1})"),
    fn("$subtract", (DATE, DATE), sql="to_days(CAST({0} - {1} AS INTEGER))"),
    fn("$subtract", (DATETIME, DATETIME), sql="bq_datetime_difference({0}, {1})"),
    fn("$subtract", (TIMESTAMP, TIMESTAMP), sql="to_microseconds(epoch_us({0}) - epoch_us({1}))"),
]
