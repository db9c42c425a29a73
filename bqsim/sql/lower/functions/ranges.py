"""RANGE functions and comparisons."""

from __future__ import annotations

from sqlglot import expressions as exp

from bqsim.sql.lower import nodes
from bqsim.sql.lower.registry import FunctionCall, fn
from bqsim.types import BOOL, DATE, DATETIME, INTERVAL, TIMESTAMP, TypeKind, range_of

_ELEMENTS = (DATE, DATETIME, TIMESTAMP)
R = TypeKind.RANGE


def _intersect(call: FunctionCall) -> exp.Expression:
    kind = nodes.text(str(call.types[0].element))
    return nodes.call("bq_range_intersect", *call.args, kind, nodes.text(call.context.ctx.time_zone))


FUNCTIONS = [
    *(fn("range", (t, t), sql="bq_range({0}, {1})") for t in _ELEMENTS),
    fn("range_start", (R,), sql="struct_extract({0}, 'start')"),
    fn("range_end", (R,), sql="struct_extract({0}, 'end')"),
    fn("range_is_start_unbounded", (R,), sql="(struct_extract({0}, 'start') IS NULL AND {0} IS NOT NULL)"),
    fn("range_is_end_unbounded", (R,), sql="(struct_extract({0}, 'end') IS NULL AND {0} IS NOT NULL)"),
    *(fn("range_contains", (range_of(t), t), sql="bq_range_contains_value({0}, {1})") for t in _ELEMENTS),
    fn("range_contains", (R, R), sql="bq_range_contains_range({0}, {1})"),
    fn("range_overlaps", (R, R), sql="bq_range_overlaps({0}, {1})"),
    fn("range_intersect", (R, R), build=_intersect),
    fn(
        "generate_range_array",
        (range_of(DATE), INTERVAL, BOOL),
        sql="bq_generate_date_ranges({0}, {1}, {2})",
    ),
    *(
        fn(
            "generate_range_array",
            (range_of(t), INTERVAL, BOOL),
            sql=f"bq_generate_time_ranges({{0}}, {{1}}, '{t}', {{2}})",
        )
        for t in (DATETIME, TIMESTAMP)
    ),
    fn("$less", (R, R), sql="bq_range_less({0}, {1})"),
    fn("$greater", (R, R), sql="bq_range_less({1}, {0})"),
    fn("$less_or_equal", (R, R), sql="(NOT bq_range_less({1}, {0}))"),
    fn("$greater_or_equal", (R, R), sql="(NOT bq_range_less({0}, {1}))"),
]
