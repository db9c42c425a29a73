"""ARRAY functions and sequences."""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import expressions as exp

from bqsim.sql.lower import nodes
from bqsim.sql.lower.registry import ANY, FunctionCall, Unsupported, fn
from bqsim.sql.lower.types import engine_type
from bqsim.types import BYTES, DATE, FLOAT64, INT64, NUMERIC, STRING, TIMESTAMP, TypeKind, array_of

from .parts import DAYS, MICROS, MICROS_PER_DAY, MONTHS, part_of, shown

A = TypeKind.ARRAY
Build = Callable[[FunctionCall], exp.Expression]


def _make_array(call: FunctionCall) -> exp.Expression:
    return nodes.joined("CAST([", ", ", list(call.args), f"] AS {engine_type(call.result)})")


def _concat(call: FunctionCall) -> exp.Expression:
    return nodes.joined("(", " || ", list(call.args), ")")


def _to_string(call: FunctionCall) -> exp.Expression:
    if len(call.args) == 2 and isinstance(call.literals[1], str):
        return nodes.call("array_to_string", *call.args)
    macro = "bq_array_to_string" if len(call.args) == 2 else "bq_array_to_string_nulls"
    return nodes.call(macro, *call.args, nodes.raw("''" if call.result == STRING else "''::BLOB"))


def _dates(call: FunctionCall) -> exp.Expression:
    step, part = (call.args[2], part_of(call, 3)) if len(call.args) > 2 else (nodes.raw("1"), "DAY")
    if part in DAYS:
        macro, unit = "bq_generate_dates", DAYS[part]
    elif part in MONTHS:
        macro, unit = "bq_generate_dates_by_month", MONTHS[part]
    else:
        raise Unsupported(f"function generate_date_array with part {shown(part)}")
    return nodes.call(macro, call.args[0], call.args[1], step, nodes.raw(str(unit)))


def _timestamps(call: FunctionCall) -> exp.Expression:
    part = part_of(call, 3)
    unit = MICROS_PER_DAY if part == "DAY" else MICROS.get(part)
    if unit is None:
        raise Unsupported(f"function generate_timestamp_array with part {shown(part)}")
    return nodes.call("bq_generate_timestamps", *call.args[:3], nodes.raw(str(unit)))


def _sequence(macro: str, one: str) -> Build:
    def build(call: FunctionCall) -> exp.Expression:
        step = call.args[2] if len(call.args) > 2 else nodes.raw(one)
        return nodes.call(macro, call.args[0], call.args[1], step)

    return build


_AT = {"offset": 0, "ordinal": 1}
_TEXTS = array_of(STRING)
_BINARY = array_of(BYTES)

FUNCTIONS = [
    fn("$make_array", (), repeated=True, build=_make_array),
    *(
        fn(f"$array_at_{at}", (A, INT64), sql=f"bq_array_at({{0}}, {{1}}, {base})")
        for at, base in _AT.items()
    ),
    *(
        fn(f"$safe_array_at_{at}", (A, INT64), sql=f"bq_array_safe_at({{0}}, {{1}}, {base})")
        for at, base in _AT.items()
    ),
    fn("array_length", (A,), sql="len({0})"),
    fn("array_reverse", (A,), sql="list_reverse({0})"),
    fn("array_concat", (A,), repeated=A, build=_concat),
    fn("array_first", (A,), sql="bq_array_first({0})"),
    fn("array_last", (A,), sql="bq_array_last({0})"),
    fn("array_slice", (A, INT64, INT64), sql="bq_array_slice({0}, {1}, {2})"),
    fn("array_to_string", (_TEXTS, STRING, STRING), optional=1, build=_to_string),
    fn("array_to_string", (_BINARY, BYTES, BYTES), optional=1, build=_to_string),
    fn("array_filter", (A, ANY), sql="list_filter({0}, {1})"),
    fn("array_transform", (A, ANY), sql="list_transform({0}, {1})"),
    fn(
        "generate_array",
        (INT64, INT64, INT64),
        optional=1,
        build=_sequence("bq_generate_int64", "1::BIGINT"),
    ),
    fn(
        "generate_array",
        (NUMERIC, NUMERIC, NUMERIC),
        optional=1,
        build=_sequence("bq_generate_numeric", "1"),
    ),
    fn(
        "generate_array",
        (FLOAT64, FLOAT64, FLOAT64),
        optional=1,
        build=_sequence("bq_generate_float64", "1e0"),
    ),
    fn("generate_date_array", (DATE, DATE, INT64, ANY), optional=2, build=_dates),
    fn("generate_timestamp_array", (TIMESTAMP, TIMESTAMP, INT64, ANY), build=_timestamps),
]
