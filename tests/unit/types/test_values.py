"""Cells of JSON rows, in bulk to Arrow and back."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings

from bqsim.errors import BigQueryError
from bqsim.types import Field, Mode, Type, TypeKind, field_of
from bqsim.types.arrow import arrow_schema
from bqsim.types.values import array_of_values, fit, parse_cell, parse_row, python_values, table_from_rows

from .strategies import columns

K = TypeKind


@pytest.mark.parametrize(
    ("kind", "given_", "value"),
    [
        (K.INT64, 5, 5),
        (K.INT64, "5", 5),
        (K.INT64, 5.0, 5),
        (K.FLOAT64, 1, 1.0),
        (K.FLOAT64, "NaN", "NaN"),
        (K.STRING, "x", "x"),
        (K.STRING, 12, "12"),
        (K.STRING, True, "true"),
        (K.BOOL, True, True),
        (K.BOOL, "TRUE", True),
        (K.BYTES, "YWI=", b"ab"),
        (K.NUMERIC, 1.1, Decimal("1.1")),
        (K.NUMERIC, "-0.000000001", Decimal("-0.000000001")),
        (K.BIGNUMERIC, 10**30, Decimal(10**30)),
        (K.DATE, "2020-02-29", dt.date(2020, 2, 29)),
        (K.TIMESTAMP, 1.5, dt.datetime(1970, 1, 1, 0, 0, 1, 500000, dt.UTC)),
        (K.TIMESTAMP, "1577836800", dt.datetime(2020, 1, 1, tzinfo=dt.UTC)),
        (K.TIMESTAMP, "1.5778368E9", dt.datetime(2020, 1, 1, tzinfo=dt.UTC)),
        (K.TIMESTAMP, "2020/01/01 00:00:00", dt.datetime(2020, 1, 1, tzinfo=dt.UTC)),
        (K.JSON, '{"b":1,"a":2}', '{"a":2,"b":1}'),
        (K.JSON, {"b": 1, "a": [True]}, '{"a":[true],"b":1}'),
        (K.GEOGRAPHY, "POINT(1 2)", "POINT(1 2)"),
        (K.RANGE, {"start": "2020-01-01", "end": None}, {"start": dt.date(2020, 1, 1), "end": None}),
        (K.RANGE, "[UNBOUNDED, 2020-01-01)", {"start": None, "end": dt.date(2020, 1, 1)}),
    ],
)
def test_good_cells(kind: TypeKind, given_: Any, value: Any) -> None:
    parsed = parse_cell(given_, Field("x", kind, range_element=K.DATE if kind is K.RANGE else None))
    assert parsed == value or (value == "NaN" and parsed != parsed)
    assert type(parsed) is not bool or kind is K.BOOL


@pytest.mark.parametrize(
    ("kind", "given_", "message"),
    [
        (K.INT64, "abc", "Cannot convert value to integer (bad value): abc"),
        (K.INT64, 1.5, "Cannot convert value to integer (bad value): 1.5"),
        (K.INT64, True, "Cannot convert value to integer (bad value): true"),
        (K.INT64, 2**63, "Cannot convert value to integer (bad value): 9223372036854775808"),
        (K.FLOAT64, "x", "Cannot convert value to floating point (bad value): x"),
        (K.BOOL, "maybe", "Cannot convert value to boolean (bad value): maybe"),
        (K.BOOL, 7, "Cannot convert value to boolean (bad value): 7"),
        (K.NUMERIC, "1e40", "Invalid NUMERIC value: 1e40"),
        (K.BYTES, "a*", "Could not decode base64 string to bytes. Value: a*"),
        (K.DATE, "2020-02-30", "Invalid date: '2020-02-30'"),
        (K.DATE, 5, "Invalid date: '5'"),
        (K.TIME, "25:00:00", 'Invalid time string "25:00:00"'),
        (K.DATETIME, "x", 'Invalid datetime string "x"'),
        (K.JSON, "{", "Invalid JSON value: {"),
        (K.INTERVAL, "1 day", "Invalid INTERVAL value: 1 day"),
        (K.STRING, ["a"], "Array specified for non-repeated field: x."),
        (K.STRING, {"a": 1}, "This field: x is not a record."),
        (
            K.TIMESTAMP,
            "soon",
            "Could not parse 'soon' as a timestamp. "
            "Required format is YYYY-MM-DD HH:MM[:SS[.SSSSSS]] or YYYY/MM/DD HH:MM[:SS[.SSSSSS]]",
        ),
    ],
)
def test_bad_cells(kind: TypeKind, given_: Any, message: str) -> None:
    with pytest.raises(BigQueryError) as caught:
        parse_cell(given_, Field("x", kind))
    assert (caught.value.reason.name, caught.value.location, caught.value.message) == (
        "invalid",
        "x",
        message,
    )


FIELDS = (
    Field("id", K.INT64, Mode.REQUIRED),
    Field("tags", K.STRING, Mode.REPEATED),
    Field("s", K.STRUCT, fields=(Field("a", K.INT64, Mode.REQUIRED), Field("b", K.DATE, Mode.REPEATED))),
)


def test_rows_are_ordered_by_the_schema_and_matched_without_case() -> None:
    row = parse_row({"S": {"B": ["2020-01-01"], "a": "1"}, "ID": 7}, FIELDS)
    assert row == [7, [], [1, [dt.date(2020, 1, 1)]]]
    assert parse_row({"id": 1, "extra": 2}, FIELDS, ignore_unknown=True) == [1, [], None]


@pytest.mark.parametrize(
    ("body", "message", "location"),
    [
        ({}, "Missing required field: id.", "id"),
        ({"id": None}, "Missing required field: id.", "id"),
        ({"id": 1, "s": {}}, "Missing required field: s.a.", "s.a"),
        ({"id": 1, "x": 1}, "no such field: x.", "x"),
        ({"id": 1, "s": {"a": 1, "x": 1}}, "no such field: s.x.", "s.x"),
        ({"id": 1, "s": 5}, "This field: s is not a record.", "s"),
        ({"id": 1, "tags": ["a", None]}, "Field value of tags cannot be empty.", "tags"),
        ({"id": 1, "s": {"a": "x"}}, "Cannot convert value to integer (bad value): x", "s.a"),
    ],
)
def test_bad_rows(body: dict[str, Any], message: str, location: str) -> None:
    with pytest.raises(BigQueryError) as caught:
        parse_row(body, FIELDS)
    assert (caught.value.message, caught.value.location) == (message, location)


def test_parameters_of_types_bound_values() -> None:
    short = Field("x", K.STRING, max_length=3)
    assert parse_cell("abc", short) == "abc"
    with pytest.raises(BigQueryError, match=r"STRING\(3\) has maximum length 3 .* with length 4"):
        parse_cell("abcd", short)
    money = Field("x", K.NUMERIC, precision=5, scale=2)
    assert parse_cell("1.005", money) == Decimal("1.01")
    with pytest.raises(BigQueryError, match=r"NUMERIC\(5, 2\) has .* \[-999.99, 999.99\]"):
        parse_cell("1000", money)


@settings(max_examples=200, deadline=None)
@given(columns())
def test_python_values_pass_through_arrow(column: tuple[Type, list[Any]]) -> None:
    type_, values = column
    fields = [field_of("x", type_)]
    table = table_from_rows(fields, [[v] for v in values])
    table.validate(full=True)
    assert table.schema == arrow_schema(fields) and table.num_rows == len(values)
    back = python_values(table.column(0), type_)
    assert array_of_values(type_, back).equals(array_of_values(type_, values)) or "nan" in repr(values)


@pytest.mark.parametrize(
    ("kind", "precision", "scale"), [(TypeKind.NUMERIC, 38, 9), (TypeKind.BIGNUMERIC, 76, 38)]
)
def test_the_greatest_values_of_many_digits_fit(kind: TypeKind, precision: int, scale: int) -> None:
    column = Field("n", kind, precision=precision, scale=scale)
    whole = "9" * (29 if kind is TypeKind.NUMERIC else 38)
    value = Decimal(f"-{whole}.{'9' * scale}")
    assert str(fit(value, column)) == str(value)
