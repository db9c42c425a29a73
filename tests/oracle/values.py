"""What expressions are made of: columns with edge values, and literals, by type."""

from __future__ import annotations

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
    array_of,
    range_of,
)
from bqsim.types.arrow import column_names
from bqsim.types.parse import parse_text
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


def rows() -> pa.Table:
    """The rows of the table that expressions are computed over, in canonical form."""
    arrays = [array_of_values(t, [_cell(t, text) for text in texts]) for t, texts in _VALUES.values()]
    return pa.Table.from_arrays(arrays, names=column_names(len(arrays)))


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
    "'%F'",
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
