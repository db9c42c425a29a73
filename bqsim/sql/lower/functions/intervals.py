"""INTERVAL functions, and operators between INTERVAL and the date and time types."""

from __future__ import annotations

from bqsim.sql.lower.registry import ANY, fn
from bqsim.types import DATE, DATETIME, INT64, INTERVAL, TIMESTAMP

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

FUNCTIONS = [
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
