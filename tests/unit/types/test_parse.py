"""Texts of values: what is read, and what is refused."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given

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
    range_of,
)
from bqsim.types.parse import parse_text, timestamp_of_seconds
from bqsim.types.text import TimestampFormat, text_of
from bqsim.types.values import array_of_values

from .strategies import SCALARS, values


def at(*parts: int) -> dt.datetime:
    return dt.datetime(*parts, tzinfo=dt.UTC)  # type: ignore[arg-type,misc]


@pytest.mark.parametrize(
    ("type_", "text", "value"),
    [
        (INT64, " -12 ", -12),
        (INT64, "0x1F", 31),
        (INT64, "9223372036854775807", 2**63 - 1),
        (FLOAT64, "1e3", 1000.0),
        (FLOAT64, "-inf", -math.inf),
        (FLOAT64, "Infinity", math.inf),
        (NUMERIC, "1.0000000005", Decimal("1.000000001")),
        (NUMERIC, "-1.0000000005", Decimal("-1.000000001")),
        (NUMERIC, "1e-3", Decimal("0.001")),
        (BIGNUMERIC, "5" * 38 + "." + "1" * 38, Decimal("5" * 38 + "." + "1" * 38)),
        (NUMERIC, "9" * 29 + "." + "9" * 9, Decimal("9" * 29 + "." + "9" * 9)),
        (BIGNUMERIC, f"{2**255 - 1}e-38", Decimal(f"{2**255 - 1}e-38")),
        (BIGNUMERIC, f"-{2**255}e-38", Decimal(f"-{2**255}e-38")),
        (BOOL, "TRUE", True),
        (BOOL, "false", False),
        (STRING, " as is ", " as is "),
        (BYTES, "_-8=", b"\xff\xef"),
        (BYTES, "YQ", b"a"),
        (DATE, "2020-1-2", dt.date(2020, 1, 2)),
        (TIME, "1:2:3.5", dt.time(1, 2, 3, 500000)),
        (TIME, "23:59", dt.time(23, 59)),
        (DATETIME, "2020-01-02", dt.datetime(2020, 1, 2)),
        (DATETIME, "2020-01-02T03:04:05.000001", dt.datetime(2020, 1, 2, 3, 4, 5, 1)),
        (TIMESTAMP, "2020-01-02 03:04:05", at(2020, 1, 2, 3, 4, 5)),
        (TIMESTAMP, "2020-01-02T03:04:05.123456789Z", at(2020, 1, 2, 3, 4, 5, 123456)),
        (TIMESTAMP, "2020-01-02 03:04:05+05:30", at(2020, 1, 1, 21, 34, 5)),
        (TIMESTAMP, "2020-01-02 03:04:05-8", at(2020, 1, 2, 11, 4, 5)),
        (TIMESTAMP, "2020-01-02 03:04:05 UTC", at(2020, 1, 2, 3, 4, 5)),
        (TIMESTAMP, "2020-07-02 03:04:05 America/New_York", at(2020, 7, 2, 7, 4, 5)),
        (TIMESTAMP, "2016-12-31 23:59:60", at(2017, 1, 1)),
        (TIMESTAMP, "2020-01-02", at(2020, 1, 2)),
        (INTERVAL, "1-2 -3 -4:5:6.5", pa.MonthDayNano([14, -3, -14_706_500_000_000])),
        (JSON, '{"b": 1, "a": [1.5, null]}', '{"a":[1.5,null],"b":1}'),
        (range_of(DATE), "[2020-01-01, UNBOUNDED)", {"start": dt.date(2020, 1, 1), "end": None}),
        (range_of(DATE), "[NULL,2020-01-01)", {"start": None, "end": dt.date(2020, 1, 1)}),
    ],
)
def test_reads(type_: Type, text: str, value: Any) -> None:
    assert parse_text(text, type_) == value


@pytest.mark.parametrize(
    ("type_", "text"),
    [
        (INT64, "1.0"),
        (INT64, "9223372036854775808"),
        (INT64, ""),
        (INT64, "1_000"),
        (INT64, "१"),
        (FLOAT64, "1e999"),
        (FLOAT64, "--inf"),
        (FLOAT64, "1_0"),
        (NUMERIC, "1e30"),
        (NUMERIC, "1e29"),
        (NUMERIC, "99999999999999999999999999999.9999999995"),
        (BIGNUMERIC, f"{2**255}e-38"),
        (BIGNUMERIC, f"-{2**255 + 1}e-38"),
        (NUMERIC, "NaN"),
        (NUMERIC, "1e999999999999999999999"),
        (BIGNUMERIC, "6" * 39),
        (BOOL, "maybe"),
        (BYTES, "a*b"),
        (BYTES, "abcde"),
        (DATE, "2020-13-01"),
        (DATE, "2020-01-01 00:00:00"),
        (DATE, "0000-01-01"),
        (TIME, "24:00:00"),
        (DATETIME, "2020-01-01 00:00:00Z"),
        (TIMESTAMP, "2020-01-01 00:00:00 Mars/Base"),
        (TIMESTAMP, "2020-01-01 00:00:00+15"),
        (TIMESTAMP, "0001-01-01 00:00:00+01"),
        (TIMESTAMP, "yesterday"),
        (INTERVAL, "1-2 3"),
        (INTERVAL, "10001-0 0 0:0:0"),
        (JSON, "{'a': 1}"),
        (JSON, "NaN"),
        (JSON, "1e999"),
        (range_of(DATE), "[2020-01-02, 2020-01-01)"),
        (range_of(DATE), "2020-01-01"),
    ],
)
def test_refuses(type_: Type, text: str) -> None:
    with pytest.raises((ValueError, ArithmeticError)):
        parse_text(text, type_)


@pytest.mark.parametrize("type_", [t for t in SCALARS if t is not TIMESTAMP], ids=str)
def test_what_the_wire_says_reads_back(type_: Type) -> None:
    @given(values(type_, nulls=False))
    def round_trip(value: Any) -> None:
        array = array_of_values(type_, [value])
        (text,) = text_of(array, type_, TimestampFormat.FLOAT64).to_pylist()
        (back,) = array_of_values(type_, [parse_text(text, type_)]).to_pylist()
        assert repr(back) == repr(array.to_pylist()[0])

    round_trip()


@given(values(TIMESTAMP, nulls=False))
def test_iso_timestamps_read_back(value: dt.datetime) -> None:
    array = array_of_values(TIMESTAMP, [value])
    (text,) = text_of(array, TIMESTAMP, TimestampFormat.ISO8601_STRING).to_pylist()
    assert parse_text(text, TIMESTAMP) == value


def test_epoch_seconds() -> None:
    assert timestamp_of_seconds(1.5) == at(1970, 1, 1, 0, 0, 1, 500000)
    assert timestamp_of_seconds(1577836800.123456) == at(2020, 1, 1, 0, 0, 0, 123456)
    assert timestamp_of_seconds(-1) == at(1969, 12, 31, 23, 59, 59)
    with pytest.raises(ValueError):
        timestamp_of_seconds(10**15)
