"""The bulk encoder gives what encoding each cell by itself gives, in the service's forms."""

from __future__ import annotations

import base64
import datetime as dt
import json
import math
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings

from bqsim.types import (
    BIGNUMERIC,
    BOOL,
    BYTES,
    DATE,
    DATETIME,
    FLOAT64,
    INT64,
    INTERVAL,
    JSON,
    NUMERIC,
    STRING,
    TIME,
    TIMESTAMP,
    Type,
    TypeKind,
    array_of,
    field_of,
    range_of,
    struct_of,
)
from bqsim.types.text import TimestampFormat
from bqsim.types.values import array_of_values, table_from_rows
from bqsim.types.wire import WireOptions, encode_page, encode_rows, project

from .strategies import columns

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def micros(value: dt.datetime) -> int:
    return (value - EPOCH) // dt.timedelta(microseconds=1)


def java_double(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return repr(value)
    digits = Decimal(repr(value))
    sign = "-" if value < 0 else ""
    text = "".join(map(str, digits.as_tuple().digits)).rstrip("0")
    return f"{sign}{text[0]}.{text[1:] or '0'}E{digits.adjusted()}"


def plain_decimal(value: Decimal) -> str:
    text = f"{value:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("", "-0") else text


def moment(value: dt.datetime) -> str:
    text = value.replace(tzinfo=None).isoformat(timespec="microseconds")
    return text.removesuffix(".000000")


def interval(value: pa.MonthDayNano) -> str:
    months, days, nanos = value
    seconds, fraction = divmod(abs(nanos), 10**9)
    text = f"{'-' if months < 0 else ''}{abs(months) // 12}-{abs(months) % 12} {days} "
    text += f"{'-' if nanos < 0 else ''}{seconds // 3600}:{seconds // 60 % 60}:{seconds % 60}"
    if fraction:
        nine = f"{fraction:09d}"
        text += "." + (nine[:3] if nine.endswith("000000") else nine[:6] if nine.endswith("000") else nine)
    return text


def timestamp(value: dt.datetime, how: TimestampFormat) -> str:
    if how is TimestampFormat.INT64:
        return str(micros(value))
    if how is TimestampFormat.ISO8601_STRING:
        return moment(value) + "Z"
    return java_double(micros(value) / 1e6)


def reference(value: Any, type_: Type, how: TimestampFormat) -> Any:
    """One cell's ``v``."""
    kind = type_.kind
    if kind is TypeKind.ARRAY:
        assert type_.element is not None
        return [{"v": reference(v, type_.element, how)} for v in value or []]
    if value is None:
        return None
    if kind is TypeKind.STRUCT:
        return {"f": [{"v": reference(v, f.type, how)} for v, f in zip(value, type_.fields, strict=True)]}
    if kind is TypeKind.RANGE:
        assert type_.element is not None
        bounds_as = TimestampFormat.INT64 if how is TimestampFormat.FLOAT64 else how
        start, end = (
            "UNBOUNDED" if value[s] is None else reference(value[s], type_.element, bounds_as)
            for s in ("start", "end")
        )
        return f"[{start}, {end})"
    forms: dict[TypeKind, Any] = {
        TypeKind.FLOAT64: java_double,
        TypeKind.NUMERIC: plain_decimal,
        TypeKind.BIGNUMERIC: plain_decimal,
        TypeKind.BOOL: lambda v: "true" if v else "false",
        TypeKind.BYTES: lambda v: base64.b64encode(v).decode(),
        TypeKind.DATE: dt.date.isoformat,
        TypeKind.TIME: lambda v: v.isoformat("microseconds").removesuffix(".000000"),
        TypeKind.DATETIME: moment,
        TypeKind.TIMESTAMP: lambda v: timestamp(v, how),
        TypeKind.INTERVAL: interval,
    }
    return forms.get(kind, str)(value)


@settings(max_examples=300, deadline=None)
@given(columns())
def test_bulk_encoding_equals_cell_by_cell(column: tuple[Type, list[Any]]) -> None:
    type_, values = column
    table = pa.table([array_of_values(type_, values)], names=["c1"])
    for how in TimestampFormat:
        encoded = json.loads(encode_rows([field_of("x", type_)], table, WireOptions(how)))
        assert encoded == [{"f": [{"v": reference(v, type_, how)}]} for v in values]


@settings(max_examples=100, deadline=None)
@given(columns())
def test_a_slice_encodes_as_its_rows(column: tuple[Type, list[Any]]) -> None:
    type_, values = column
    table = pa.table([array_of_values(type_, values)], names=["c1"])
    fields = [field_of("x", type_)]
    whole = json.loads(encode_rows(fields, table))
    assert json.loads(encode_rows(fields, table.slice(1, 3))) == whole[1:4]


@pytest.mark.parametrize(
    ("type_", "value", "text"),
    [
        (INT64, -(2**63), "-9223372036854775808"),
        (FLOAT64, 1.0, "1.0"),
        (FLOAT64, -0.0, "-0.0"),
        (FLOAT64, 12345678.5, "1.23456785E7"),
        (FLOAT64, 1e300, "1.0E300"),
        (FLOAT64, 0.0001, "1.0E-4"),
        (FLOAT64, float("inf"), "Infinity"),
        (FLOAT64, float("nan"), "NaN"),
        (NUMERIC, Decimal("0.000000001"), "0.000000001"),
        (NUMERIC, Decimal("100"), "100"),
        (BIGNUMERIC, Decimal("-1.50"), "-1.5"),
        (BOOL, True, "true"),
        (STRING, 'say "hi"\\\n\x01', 'say "hi"\\\n\x01'),
        (BYTES, b"\xff", "/w=="),
        (DATE, dt.date(2020, 1, 2), "2020-01-02"),
        (TIME, dt.time(1, 2, 3), "01:02:03"),
        (TIME, dt.time(1, 2, 3, 500000), "01:02:03.500000"),
        (DATETIME, dt.datetime(2020, 1, 1), "2020-01-01T00:00:00"),
        (DATETIME, dt.datetime(1, 1, 1, 0, 0, 0, 1), "0001-01-01T00:00:00.000001"),
        (TIMESTAMP, dt.datetime(2020, 1, 1, tzinfo=dt.UTC), "1.5778368E9"),
        (TIMESTAMP, dt.datetime(2020, 1, 1, 0, 0, 0, 123456, dt.UTC), "1.577836800123456E9"),
        (INTERVAL, pa.MonthDayNano([14, -3, -3_723_500_000_000]), "1-2 -3 -1:2:3.500"),
        (JSON, '{"a":[1,"b"]}', '{"a":[1,"b"]}'),
        (
            range_of(DATE),
            {"start": dt.date(2020, 1, 1), "end": dt.date(2020, 12, 31)},
            "[2020-01-01, 2020-12-31)",
        ),
        (range_of(DATE), {"start": None, "end": dt.date(2020, 12, 31)}, "[UNBOUNDED, 2020-12-31)"),
        (
            range_of(TIMESTAMP),
            {"start": dt.datetime(2020, 1, 1, tzinfo=dt.UTC), "end": None},
            "[1577836800000000, UNBOUNDED)",
        ),
    ],
)
def test_forms_of_the_service(type_: Type, value: Any, text: str) -> None:
    table = table_from_rows([field_of("x", type_)], [[value], [None]])
    assert json.loads(encode_rows([field_of("x", type_)], table)) == [
        {"f": [{"v": text}]},
        {"f": [{"v": None}]},
    ]


def test_a_null_array_is_an_empty_one() -> None:
    field = field_of("x", array_of(STRING))
    table = table_from_rows([field], [[None], [[]], [["a", None]]])
    assert (
        encode_rows([field], table)
        == b'[{"f":[{"v":[]}]},{"f":[{"v":[]}]},{"f":[{"v":[{"v":"a"},{"v":null}]}]}]'
    )


def test_no_rows() -> None:
    field = field_of("x", INT64)
    assert encode_rows([field], table_from_rows([field], [])) == b"[]"


def test_a_struct_without_fields() -> None:
    field = field_of("x", struct_of())
    table = table_from_rows([field], [[[]], [None]])
    assert json.loads(encode_rows([field], table)) == [{"f": [{"v": {"f": []}}]}, {"f": [{"v": None}]}]


def test_rows_too_large_for_one_array_are_encoded_in_smaller_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    from bqsim.types import wire

    encode, sizes = wire._rows, []

    def limited(fields: Any, table: pa.Table, options: WireOptions) -> Any:
        sizes.append(table.num_rows)
        if table.num_rows > 10:
            raise pa.ArrowCapacityError("too large")
        return encode(fields, table, options)

    monkeypatch.setattr(wire, "_rows", limited)
    field = field_of("x", INT64)
    text = encode_rows([field], table_from_rows([field], [[i] for i in range(100)]))
    assert len(json.loads(text)) == 100 and max(sizes) > 10


def test_a_page_ends_before_the_byte_limit_but_has_a_row() -> None:
    field = field_of("x", STRING)
    table = table_from_rows([field], [["a" * 100]] * 50)
    row = len(b'{"f":[{"v":"' + b"a" * 100 + b'"}]},')
    text, rows = encode_page([field], table, max_bytes=2 + row * 10)
    assert rows == 10 and len(json.loads(text)) == 10 and len(text) <= 2 + row * 10
    text, rows = encode_page([field], table, max_bytes=5)
    assert rows == 1 and len(json.loads(text)) == 1
    assert encode_page([field], table)[1] == 50


def test_pages_cut_across_chunks_cover_all_rows() -> None:
    field = field_of("x", INT64)
    table = pa.table([pa.array(range(100_000))], names=["c1"])
    start, seen = 0, 0
    while start < table.num_rows:
        text, rows = encode_page([field], table.slice(start), max_bytes=300_000)
        assert len(text) <= 300_000
        start, seen = start + rows, seen + len(json.loads(text))
    assert seen == 100_000


def test_selected_fields_are_cut_out_in_schema_order() -> None:
    inner = struct_of(("p", INT64), ("q", struct_of(("r", STRING), ("s", STRING))))
    fields = [
        field_of("a", INT64),
        field_of("b", array_of(inner)),
        field_of("c", inner),
    ]
    table = table_from_rows(fields, [[1, [[2, ["x", "y"]], [3, None]], None], [4, [], [5, ["z", "w"]]]])
    kept, rows = project(fields, table, "C.Q.S,b.p")
    assert [f.name for f in kept] == ["b", "c"]
    assert [f.name for f in kept[1].fields] == ["q"]
    assert json.loads(encode_rows(kept, rows)) == [
        {"f": [{"v": [{"v": {"f": [{"v": "2"}]}}, {"v": {"f": [{"v": "3"}]}}]}, {"v": None}]},
        {"f": [{"v": []}, {"v": {"f": [{"v": {"f": [{"v": "w"}]}}]}}]},
    ]
    assert project(fields, table, "nothing")[0] == ()
