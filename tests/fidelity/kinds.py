"""The types of BigQuery, each with a value in all its forms."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

FORMS: dict[str, str] = {
    "literal": "in a text",
    "parameter": "of jobs.query",
    "cast": "to and from others",
    "column": "of a table",
    "JSON": "in rows over REST",
    "Arrow": "in the Storage Read API",
    "Avro": "in the Storage Read API",
}


@dataclass(frozen=True, slots=True)
class Kind:
    """A value of a type: its literal, what rows over REST show, and how Arrow and Avro have it.

    ``api`` is the type's name in schemas. ``parameter`` is (parameterType, parameterValue), those of the
    name and the shown value unless said. ``casts`` are (expression, text that it shows).
    """

    literal: str
    shown: Any
    arrow: str
    in_arrow: Any
    in_avro: Any
    api: str = ""
    parameter: tuple[Mapping[str, Any], Mapping[str, Any]] | None = None
    casts: tuple[tuple[str, Any], ...] = ()
    notes: Mapping[str, str] = field(default_factory=dict)


_UTC = dt.UTC
_INT = {"type": "INT64"}

TYPES: dict[str, Kind] = {
    "INT64": Kind(
        "-9223372036854775808", "-9223372036854775808", "int64", -(2**63), -(2**63), "INTEGER",
        casts=(("CAST('0x1f' AS INT64)", "31"), ("CAST(TRUE AS INT64)", "1"), ("CAST(-2.5 AS INT64)", "-3")),
    ),
    "FLOAT64": Kind(
        "1.5e300", "1.5E300", "double", 1.5e300, 1.5e300, "FLOAT",
        casts=(("CAST('-inf' AS FLOAT64)", "-Infinity"), ("CAST(1.0 AS STRING)", "1"),
               ("CAST(1 AS FLOAT64)", "1.0")),
    ),
    "NUMERIC": Kind(
        "NUMERIC '-1.123456789'", "-1.123456789", "decimal128(38, 9)", Decimal("-1.123456789"),
        Decimal("-1.123456789"),
        casts=(("CAST('1e2' AS NUMERIC)", "100"), ("CAST(0.1 AS NUMERIC)", "0.1")),
    ),
    "BIGNUMERIC": Kind(
        "BIGNUMERIC '0.00000000000000000000000000000000000001'", "0." + "0" * 37 + "1",
        "decimal256(76, 38)", Decimal("1E-38"), Decimal("1E-38"),
        casts=(("CAST('1e38' AS BIGNUMERIC)", "1" + "0" * 38), ("CAST(NUMERIC '1.5' AS BIGNUMERIC)", "1.5")),
    ),
    "BOOL": Kind(
        "TRUE", "true", "bool", True, True, "BOOLEAN",
        casts=(("CAST('false' AS BOOL)", "false"), ("CAST(0 AS BOOL)", "false"),
               ("CAST(TRUE AS STRING)", "true")),
    ),
    "STRING": Kind(
        "'é\\n\\u20ac'", "é\n€", "string", "é\n€", "é\n€",
        casts=(("CAST(b'abc' AS STRING)", "abc"), ("CAST(DATE '2026-01-02' AS STRING)", "2026-01-02")),
    ),
    "BYTES": Kind(
        "b'\\x00\\xff'", "AP8=", "binary", b"\x00\xff", b"\x00\xff",
        casts=(("CAST('é' AS BYTES)", "w6k="),),
    ),
    "DATE": Kind(
        "DATE '0001-01-01'", "0001-01-01", "date32[day]", dt.date(1, 1, 1), dt.date(1, 1, 1),
        casts=(("CAST('2026-1-2' AS DATE)", "2026-01-02"),
               ("CAST(DATETIME '2026-01-02 03:00:00' AS DATE)", "2026-01-02")),
    ),
    "TIME": Kind(
        "TIME '23:59:59.999999'", "23:59:59.999999", "time64[us]", dt.time(23, 59, 59, 999999),
        dt.time(23, 59, 59, 999999),
        casts=(("CAST('1:2:3' AS TIME)", "01:02:03"), ("CAST(TIME '01:02:03.5' AS STRING)", "01:02:03.500")),
    ),
    "DATETIME": Kind(
        "DATETIME '2026-01-02 03:04:05.678'", "2026-01-02T03:04:05.678000", "timestamp[us]",
        dt.datetime(2026, 1, 2, 3, 4, 5, 678000), "2026-01-02T03:04:05.678",
        casts=(("CAST('2026-01-02' AS DATETIME)", "2026-01-02T00:00:00"),),
    ),
    "TIMESTAMP": Kind(
        "TIMESTAMP '2026-01-02 03:04:05.678901+00'", "1767323045678901", "timestamp[us, tz=UTC]",
        dt.datetime(2026, 1, 2, 3, 4, 5, 678901, _UTC), dt.datetime(2026, 1, 2, 3, 4, 5, 678901, _UTC),
        parameter=({"type": "TIMESTAMP"}, {"value": "2026-01-02 03:04:05.678901+00"}),
        casts=(("CAST(CAST('2026-01-02 00:00:00 Asia/Tokyo' AS TIMESTAMP) AS STRING)",
                "2026-01-01 15:00:00+00"),),
    ),
    "INTERVAL": Kind(
        "INTERVAL '1-2 3 4:5:6.789' YEAR TO SECOND", "1-2 3 4:5:6.789", "month_day_nano_interval",
        (14, 3, 14706789000000), "1-2 3 4:5:6.789",
        casts=(("CAST('P1Y2M3DT4H' AS INTERVAL)", "1-2 3 4:0:0"),),
    ),
    "JSON": Kind(
        "JSON '{\"b\": 1.50, \"a\": [null]}'", '{"a":[null],"b":1.5}', "string", '{"a":[null],"b":1.5}',
        '{"a":[null],"b":1.5}',
        casts=(("CAST(JSON '1' AS JSON)", "1"),),
    ),
    "GEOGRAPHY": Kind(
        "ST_GEOGPOINT(1, 2.5)", "POINT(1 2.5)", "string", "POINT(1 2.5)", "POINT(1 2.5)",
        casts=(("CAST(ST_GEOGPOINT(1, 2) AS GEOGRAPHY)", "POINT(1 2)"),),
    ),
    "RANGE<DATE>": Kind(
        "RANGE<DATE> '[2026-01-01, UNBOUNDED)'", "[2026-01-01, UNBOUNDED)",
        "struct<start: date32[day], end: date32[day]>", {"start": dt.date(2026, 1, 1), "end": None},
        {"start": dt.date(2026, 1, 1), "end": None}, "RANGE",
        parameter=(
            {"type": "RANGE", "rangeElementType": {"type": "DATE"}},
            {"rangeValue": {"start": {"value": "2026-01-01"}}},
        ),
        casts=(("CAST(RANGE<DATE> '[2026-01-01, 2026-01-02)' AS STRING)", "[2026-01-01, 2026-01-02)"),),
    ),
    "ARRAY<INT64>": Kind(
        "[1, 2]", [{"v": "1"}, {"v": "2"}], "list<item: int64>", [1, 2], [1, 2], "INTEGER",
        parameter=(
            {"type": "ARRAY", "arrayType": _INT},
            {"arrayValues": [{"value": "1"}, {"value": "2"}]},
        ),
        casts=(("CAST([1.0] AS ARRAY<FLOAT64>)", [{"v": "1.0"}]),),
    ),
    "STRUCT<a INT64, b STRING>": Kind(
        "STRUCT(1 AS a, 'x' AS b)", {"f": [{"v": "1"}, {"v": "x"}]}, "struct<a: int64, b: string>",
        {"a": 1, "b": "x"}, {"a": 1, "b": "x"}, "RECORD",
        parameter=(
            {"type": "STRUCT", "structTypes": [{"name": "a", "type": _INT},
                                               {"name": "b", "type": {"type": "STRING"}}]},
            {"structValues": {"a": {"value": "1"}, "b": {"value": "x"}}},
        ),
        casts=(("CAST((1, '2') AS STRUCT<x STRING, y INT64>)", {"f": [{"v": "1"}, {"v": "2"}]}),),
    ),
}  # fmt: skip

# Types with parameters: a column's type, what it takes, and what it refuses with which text.
PARAMETERISED: dict[str, tuple[str, str, str, str]] = {
    "STRING(L)": (
        "STRING(3)",
        "'abc'",
        "'abcd'",
        "STRING(3) has maximum length 3 but got a value with length",
    ),
    "BYTES(L)": (
        "BYTES(3)",
        "b'abc'",
        "b'abcd'",
        "BYTES(3) has maximum length 3 but got a value with length",
    ),
    "NUMERIC(P)": ("NUMERIC(3)", "NUMERIC '999'", "NUMERIC '1000'", "NUMERIC(3) has precision 3 and scale 0"),
    "NUMERIC(P; S)": ("NUMERIC(4, 2)", "NUMERIC '99.99'", "NUMERIC '100'", "NUMERIC(4, 2) has precision 4"),
    "BIGNUMERIC(P; S)": (
        "BIGNUMERIC(40, 2)",
        "BIGNUMERIC '1.25'",
        "BIGNUMERIC '1e38'",
        "BIGNUMERIC(40, 2) has precision 40",
    ),
}


def subjects() -> list[tuple[str, str]]:
    """(subject's name, title) of every form of every type; commas are left out of names."""
    plain = [(f"{spelled(name)}: {form}", title) for name in TYPES for form, title in FORMS.items()]
    return plain + [(f"{name}: column", "lengths, precisions and scales are kept") for name in PARAMETERISED]


def spelled(name: str) -> str:
    """A type's name without commas, which separate subjects."""
    return name.replace("<a INT64, b STRING>", "")
