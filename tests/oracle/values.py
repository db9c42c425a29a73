"""What expressions are made of: columns with edge values, and literals, by type."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import Any

import pyarrow as pa

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
    range_of,
)
from bqsim.types.arrow import column_names
from bqsim.types.parse import canonical_json, parse_text
from bqsim.types.values import array_of_values

INT_ARRAY = array_of(INT64)
STRING_ARRAY = array_of(STRING)
FLOAT_ARRAY = array_of(FLOAT64)
DATE_RANGE = range_of(DATE)
TIMESTAMP_RANGE = range_of(TIMESTAMP)

# Texts of the values of each column; None is NULL, a list an ARRAY. The first column keeps rows apart.
_VALUES: dict[str, tuple[Type, tuple[Any, ...]]] = {
    "id": (INT64, ("1", "2", "3", "4", "5", "6")),
    "i": (INT64, ("1", "2", "-3", None, "9223372036854775807", "40")),
    "j": (INT64, ("3", "-7", "0", None, "12345678901", "2")),
    "f": (FLOAT64, ("1.5", "-0.0", "NaN", None, "-Infinity", "1e-7")),
    "g": (FLOAT64, ("2", "0.1", "1e300", "-2.5", None, "123456.789")),
    "n": (NUMERIC, ("1.5", "-2.345678901", "0", None, "99999999999999999999999999999.999999999", "10")),
    "q": (BIGNUMERIC, ("1.5", "-0.00000000000000000000000000000000000001", "0", None, "123456789012345678901234567890.5", "7")),
    "b": (BOOL, ("true", "false", None, "true", "false", "true")),
    "s": (STRING, ("abc", "Éa b", "", None, " x,y,x ", "12")),
    "r": (STRING, ("b", "a", "ß", ",", None, "2021-03-04")),
    "y": (BYTES, ("YWJj", "/wD+", "", None, "w4k=", "MTI=")),
    "d": (DATE, ("2020-02-29", "1999-12-31", "0001-01-01", None, "9999-12-31", "2024-12-30")),
    "m": (TIME, ("12:34:56.789012", "00:00:00", "23:59:59.999999", None, "01:02:03", "12:00:00")),
    "c": (DATETIME, ("2020-02-29 12:34:56.789012", "1969-12-31 23:59:59", "0001-01-01 00:00:00", None, "9999-12-31 23:59:59.999999", "2021-11-07 01:30:00")),
    "t": (TIMESTAMP, ("2020-02-29 12:34:56.789012+00", "1969-12-31 23:59:59.999999+00", "0001-01-02 00:00:00+00", None, "9999-12-30 23:59:59.999999+00", "2021-11-07 05:30:00+00")),
    "v": (INTERVAL, ("1-2 3 4:5:6.789", "0-0 0 0:0:0", "-1-2 3 -4:5:6", None, "0-0 30 0:0:0", "0-1 0 24:0:0")),
    "k": (JSON, ('{"a":1,"b":[1,"x",null,{"c":2.5}],"s":"12"}', "[1,2,3]", '"abc"', None, "null", "true")),
    "ai": (INT_ARRAY, (["1", "2", "3"], [], ["7"], None, ["0", "-1"], ["5", "5"])),
    "as_": (STRING_ARRAY, (["a", "b"], [], ["É"], None, ["x", ""], ["2", "10"])),
    "af": (FLOAT_ARRAY, (["1", "2.5"], [], ["0"], None, ["-1", "3"], ["2", "2"])),
    "rd": (DATE_RANGE, ("[2020-01-01, 2020-12-31)", "[UNBOUNDED, 2020-02-29)", "[2024-01-01, UNBOUNDED)", None, "[UNBOUNDED, UNBOUNDED)", "[1999-12-31, 2000-01-01)")),
}  # fmt: skip

COLUMNS: tuple[tuple[str, Type], ...] = tuple((name, type_) for name, (type_, _) in _VALUES.items())


def _cell(type_: Type, text: Any) -> Any:
    if text is None:
        return None
    if isinstance(text, list):
        assert type_.element is not None
        return [_cell(type_.element, item) for item in text]
    return parse_text(text, type_)


def rows(more: int = 0, seed: int = 0) -> pa.Table:
    """The rows of the table that expressions are computed over, in canonical form: those of edge values,
    and ``more`` random ones."""
    draw = Random(seed)
    arrays = []
    for name, (type_, texts) in _VALUES.items():
        cells = [_cell(type_, text) for text in texts]
        if name == "id":
            cells += range(len(texts) + 1, len(texts) + more + 1)
        else:
            cells += [None if draw.random() < 0.1 else _random_value(type_, draw) for _ in range(more)]
        arrays.append(array_of_values(type_, cells))
    return pa.Table.from_arrays(arrays, names=column_names(len(arrays)))


_LETTERS = "abcxyzABÉßñ ,.-%_12300é\u0130'\"\\😀ﬁ"
_DAY_US = 86_400_000_000


def _text(draw: Random) -> str:
    shapes = (
        lambda: "".join(draw.choice(_LETTERS) for _ in range(draw.randrange(9))),
        lambda: str(draw.randrange(-1000, 100000)),
        lambda: str(draw.choice((1.5, -0.25, 1e10, 12345.678))),
        lambda: f"{draw.randrange(1900, 2100)}-{draw.randrange(1, 14):02}-{draw.randrange(1, 32):02}",
        lambda: draw.choice(
            ("true", "FALSE", "NaN", "inf", "0x1F", "a,b,c", "12:30:45.5", "2020-02-29 12:00:00+01")
        ),
    )
    return draw.choice(shapes)()


def _micros(draw: Random) -> int:
    if draw.random() < 0.2:
        return draw.randrange(-62_135_596_800_000_000, 253_402_300_800_000_000)
    return draw.randrange(-30 * 365, 80 * 365) * _DAY_US + draw.choice((0, draw.randrange(_DAY_US)))


def _json(draw: Random, depth: int = 0) -> str:
    kind = draw.randrange(7 if depth < 3 else 5)
    if kind == 5:
        return "[" + ",".join(_json(draw, depth + 1) for _ in range(draw.randrange(4))) + "]"
    if kind == 6:
        names = draw.sample(["a", "b", "c", "s", "x y"], draw.randrange(4))
        return "{" + ",".join(f"{json.dumps(n)}:{_json(draw, depth + 1)}" for n in names) + "}"
    return draw.choice(
        (str(draw.randrange(-100, 100)), json.dumps(_text(draw)), "null", "true", str(draw.uniform(-9, 9)))
    )


_EPOCH = dt.datetime(1970, 1, 1)


def _random_value(type_: Type, draw: Random) -> Any:
    kind = type_.kind
    if kind is TypeKind.ARRAY:
        assert type_.element is not None
        return [_random_value(type_.element, draw) for _ in range(draw.randrange(5))]
    if kind is TypeKind.RANGE:
        assert type_.element is not None
        ends = sorted(_random_value(type_.element, draw) for _ in range(2))
        if ends[0] == ends[1] or draw.random() < 0.2:
            ends[draw.randrange(2)] = None
        return {"start": ends[0], "end": ends[1]}
    return _RANDOM[kind](draw)


_RANDOM: dict[TypeKind, Callable[[Random], Any]] = {
    TypeKind.INT64: lambda d: d.choice(
        (d.randrange(-10, 100), d.randrange(-(10**6), 10**6), d.randrange(-(2**63), 2**63))
    ),
    TypeKind.FLOAT64: lambda d: d.choice(
        (float(d.randrange(-10, 50)), d.uniform(-100, 100), d.uniform(-1, 1) * 10.0 ** d.randrange(-20, 30))
    ),
    TypeKind.NUMERIC: lambda d: Decimal(d.randrange(-(10**12), 10**12)).scaleb(-d.randrange(10)),
    TypeKind.BIGNUMERIC: lambda d: Decimal(d.randrange(-(10**15), 10**15)).scaleb(-d.randrange(20)),
    TypeKind.BOOL: lambda d: d.random() < 0.5,
    TypeKind.STRING: _text,
    TypeKind.BYTES: lambda d: d.choice((d.randbytes(d.randrange(6)), _text(d).encode())),
    TypeKind.DATE: lambda d: (_EPOCH + dt.timedelta(microseconds=_micros(d))).date(),
    TypeKind.TIME: lambda d: (_EPOCH + dt.timedelta(microseconds=d.randrange(_DAY_US))).time(),
    TypeKind.DATETIME: lambda d: _EPOCH + dt.timedelta(microseconds=_micros(d)),
    TypeKind.TIMESTAMP: lambda d: (_EPOCH + dt.timedelta(microseconds=_micros(d))).replace(tzinfo=dt.UTC),
    TypeKind.INTERVAL: lambda d: pa.MonthDayNano(
        (d.randrange(-30, 30), d.randrange(-60, 60), d.randrange(-_DAY_US, _DAY_US) * 1000)
    ),
    TypeKind.JSON: lambda d: canonical_json(_json(d)),
}


# Literals by type; the columns of the type are added to them.
LITERALS: dict[Type, tuple[str, ...]] = {
    INT64: ("0", "1", "-1", "2", "3", "-7", "10", "100", "9223372036854775807", "-9223372036854775808",
            "CAST(NULL AS INT64)"),
    FLOAT64: ("0.0", "1.0", "-1.5", "2.25", "1e10", "0.3", "-1e-3", "CAST('inf' AS FLOAT64)", "CAST('nan' AS FLOAT64)",
              "CAST(NULL AS FLOAT64)"),
    NUMERIC: ("NUMERIC '0'", "NUMERIC '2'", "NUMERIC '-0.000000001'", "NUMERIC '3.14'", "NUMERIC '12345678.9'",
              "CAST(NULL AS NUMERIC)"),
    BIGNUMERIC: ("BIGNUMERIC '0'", "BIGNUMERIC '2'", "BIGNUMERIC '-0.5'", "BIGNUMERIC '3.14'",
                 "BIGNUMERIC '1e37'", "CAST(NULL AS BIGNUMERIC)"),
    BOOL: ("TRUE", "FALSE", "CAST(NULL AS BOOL)"),
    STRING: ("''", "'a'", "'abc'", "'É'", "','", "' a '", "'12'", "'ÀÉîß'", "'a%b_c'", "'😀x'", "CAST(NULL AS STRING)"),
    BYTES: ("b''", "b'abc'", r"b'\xff\x00'", "b'a'", "CAST(NULL AS BYTES)"),
    DATE: ("DATE '2020-03-31'", "DATE '1970-01-01'", "DATE '2021-01-03'", "CAST(NULL AS DATE)"),
    TIME: ("TIME '00:00:00'", "TIME '12:30:45.5'", "CAST(NULL AS TIME)"),
    DATETIME: ("DATETIME '2021-03-28 01:30:00'", "DATETIME '1970-01-01 00:00:00'", "CAST(NULL AS DATETIME)"),
    TIMESTAMP: ("TIMESTAMP '2021-03-28 01:30:00+00'", "TIMESTAMP '1970-01-01 00:00:00+00'", "CAST(NULL AS TIMESTAMP)"),
    INTERVAL: ("INTERVAL 1 DAY", "INTERVAL '1-2' YEAR TO MONTH", "INTERVAL 90 MINUTE", "INTERVAL -5 SECOND",
               "CAST(NULL AS INTERVAL)"),
    JSON: ("JSON '1'", "JSON '-2.5'", "JSON '\"12\"'", "JSON 'true'", "JSON '[1,[2,3],{\"a\":null}]'", "JSON '{}'",
           "JSON '{\"a\":{\"b\":\"x\"}}'", "CAST(NULL AS JSON)"),
    INT_ARRAY: ("[1, 2, 3]", "CAST([] AS ARRAY<INT64>)", "[3, 1, 2, 1]", "CAST(NULL AS ARRAY<INT64>)"),
    STRING_ARRAY: ("['a', 'b']", "CAST([] AS ARRAY<STRING>)", "['É', '', 'x']"),
    FLOAT_ARRAY: ("[1.0, 2.5]", "[0.0, -1.0]", "[3.0]"),
    DATE_RANGE: ("RANGE<DATE> '[2020-01-01, 2020-06-30)'", "RANGE(DATE '2021-01-01', NULL)"),
    TIMESTAMP_RANGE: ("RANGE<TIMESTAMP> '[2020-01-01 00:00:00+00, 2020-06-30 00:00:00+00)'",),
}  # fmt: skip

LEAVES: dict[Type, tuple[str, ...]] = {
    type_: (*literals, *([name for name, t in COLUMNS if t == type_ and name != "id"] * 3))
    for type_, literals in LITERALS.items()
}

# Texts that arguments of one meaning have: chosen by function and position in signatures.py.
PATTERNS = ("r'[a-c]'", "r'(b|y)'", "r'^a|x$'", "r'\\d+'", "r'.'", "r'(?i)É'", "r'a*'", "r's(.)'", "''")
PATHS = ("'$'", "'$.a'", "'$.b[1]'", "'$[0]'", "'$.b[3].c'", "'$.x'", "'$.a.b'")
DATE_FORMATS = (
    "'%Y-%m-%d'",
    "'%d/%m/%y %j'",
    "'%a %A %b %B'",
    "'%G-W%V-%u'",
    "'%D'",
    "'%e %U %W %w'",
    "'%Q %C'",
    "'%x'",
    "'%%'",
)
TIME_FORMATS = ("'%H:%M:%S'", "'%T'", "'%I:%M %p'", "'%E3S'", "'%E*S'", "'%R'", "'%X'")
STAMP_FORMATS = (*DATE_FORMATS, *TIME_FORMATS, "'%Y-%m-%d %T'", "'%c'", "'%s'", "'%Z'", "'%z'", "'%Ez'", "'%Y-%m-%d %H:%M:%E6S%Ez'")  # fmt: skip
ZONES = (
    "'America/New_York'",
    "'Europe/Berlin'",
    "'+05:30'",
    "'UTC'",
    "'Asia/Kolkata'",
    "'Australia/Lord_Howe'",
)
CODES = ("'%t'", "'%T'")
