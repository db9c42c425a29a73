"""The functions of small expressions: on values in the form of ``TypedValue``, where that is exact.

What is not certain raises :class:`NotSimple`: it is for the engine.
"""

from __future__ import annotations

import calendar
import datetime as dt
import json
import math
import operator
import re
from collections.abc import Callable
from typing import Any

from bqsim.types import (
    BOOL,
    BYTES,
    DATE,
    DATETIME,
    FLOAT64,
    INT64,
    JSON,
    NUMERIC,
    STRING,
    TIME,
    TIMESTAMP,
    Type,
)


class NotSimple(Exception):
    """The expression is one for the engine."""


# What strings may grow to here.
MAX_CHARS = 1 << 20
ENUM = "ENUM"
_SPACE = " \t\n\v\f\r"


def _sure(holds: object) -> None:
    if not holds:
        raise NotSimple


def _mod(a: int, b: int) -> int:
    _sure(b)
    return abs(a) % abs(b) * (1 if a >= 0 else -1)


def _div(a: int, b: int) -> int:
    _sure(b)
    return abs(a) // abs(b) * (1 if (a >= 0) == (b >= 0) else -1)


def _divide(a: float, b: float) -> float:
    _sure(b)
    return a / b


def _sqrt(a: float) -> float:
    _sure(a >= 0)
    return math.sqrt(a)


def _whole(change: Callable[[float], int]) -> Callable[[float], float]:
    # A zero that comes out may be a negative one.
    def changed(a: float) -> float:
        _sure(math.isfinite(a))
        return float(change(a)) or math.copysign(0.0, a)

    return changed


def _ascii(change: Callable[..., Any]) -> Callable[..., Any]:
    def changed(*texts: str) -> Any:
        _sure(all(text.isascii() for text in texts))
        return change(*texts)

    return changed


def _joined(*texts: Any) -> Any:
    return texts[0][:0].join(texts)


def _substr(text: str, start: int, length: int | None = None) -> str:
    _sure(length is None or length >= 0)
    at = start - 1 if start > 0 else max(len(text) + start, 0) if start else 0
    return text[at:] if length is None else text[at : at + length]


def _strpos(text: str, part: str) -> int:
    _sure(part)
    return text.find(part) + 1


def _replace(text: str, before: str, after: str) -> str:
    _sure(before)
    return _bounded(text.replace(before, after))


def _bounded(text: str) -> str:
    _sure(len(text) <= MAX_CHARS)
    return text


def _repeat(text: str, times: int) -> str:
    _sure(0 <= times * len(text) <= MAX_CHARS and times >= 0)
    return text * times


def _head(text: str, length: int) -> str:
    _sure(length >= 0)
    return text[:length]


def _tail(text: str, length: int) -> str:
    _sure(length >= 0)
    return text[max(len(text) - length, 0) :]


def _split(text: str, by: str = ",") -> list[str]:
    _sure(by)
    return text.split(by)


def _strip(strip: Callable[[str, str], str]) -> Callable[..., str]:
    def stripped(text: str, characters: str = _SPACE) -> str:
        _sure(characters)
        return strip(text, characters)

    return _ascii(stripped)


# Parts of dates: added, counted between two, read.

_DAYS = {"DAY": 1, "WEEK": 7}
_MONTHS = {"MONTH": 1, "QUARTER": 3, "YEAR": 12}
_DELTAS = {
    "DAY": dt.timedelta(days=1),
    "HOUR": dt.timedelta(hours=1),
    "MINUTE": dt.timedelta(minutes=1),
    "SECOND": dt.timedelta(seconds=1),
    "MILLISECOND": dt.timedelta(milliseconds=1),
    "MICROSECOND": dt.timedelta(microseconds=1),
}


def _later(value: Any, delta: Any, count: int) -> Any:
    try:
        return value + delta * count
    except OverflowError:
        raise NotSimple from None


def _date_add(sign: int) -> Callable[[dt.date, int, str], dt.date]:
    def added(date: dt.date, count: int, part: str) -> dt.date:
        if part in _DAYS:
            found: dt.date = _later(date, dt.timedelta(days=1), sign * count * _DAYS[part])
            return found
        _sure(part in _MONTHS)
        months = date.year * 12 + date.month - 1 + sign * count * _MONTHS[part]
        _sure(12 <= months < 120_000)
        year, month = divmod(months, 12)
        return date.replace(year, month + 1, min(date.day, calendar.monthrange(year, month + 1)[1]))

    return added


def _time_add(sign: int) -> Callable[[Any, int, str], Any]:
    def added(time: Any, count: int, part: str) -> Any:
        _sure(part in _DELTAS)
        return _later(time, _DELTAS[part], sign * count)

    return added


def _date_diff(a: dt.date, b: dt.date, part: str) -> int:
    if part == "DAY":
        return (a - b).days
    _sure(part in _MONTHS)
    size = _MONTHS[part]
    return (a.year * 12 + a.month - 1) // size - (b.year * 12 + b.month - 1) // size


_EXTRACTED: dict[str, Callable[[dt.date], int]] = {
    "YEAR": lambda d: d.year,
    "QUARTER": lambda d: (d.month + 2) // 3,
    "MONTH": lambda d: d.month,
    "DAY": lambda d: d.day,
    "DAYOFWEEK": lambda d: d.isoweekday() % 7 + 1,
    "DAYOFYEAR": lambda d: d.timetuple().tm_yday,
}
_TRUNCATED: dict[str, Callable[[dt.date], dt.date]] = {
    "DAY": lambda d: d,
    "MONTH": lambda d: d.replace(day=1),
    "QUARTER": lambda d: d.replace(month=(d.month - 1) // 3 * 3 + 1, day=1),
    "YEAR": lambda d: d.replace(month=1, day=1),
}


def _by_part(table: dict[str, Callable[[dt.date], Any]]) -> Callable[[dt.date, str], Any]:
    def read(date: dt.date, part: str) -> Any:
        _sure(part in table)
        return table[part](date)

    return read


def _date(year: int, month: int, day: int) -> dt.date:
    try:
        return dt.date(year, month, day)
    except (ValueError, OverflowError):
        raise NotSimple from None


# FORMAT of plain specifiers, and members of JSON documents.

_SPECIFIER = re.compile(r"%(%|0?\d{0,3}d|s|t)")


def _format(pattern: str, *values: Any) -> str:
    specifiers = [s for s in _SPECIFIER.findall(pattern) if s != "%"]
    _sure(len(specifiers) == len(values) and pattern.count("%") == _percent_signs(pattern))
    for specifier, value in zip(specifiers, values, strict=True):
        _sure(value.__class__ is (int if specifier[-1] == "d" else str) or _is_shown(specifier, value))
    return pattern.replace("%t", "%s") % values


def _percent_signs(pattern: str) -> int:
    return sum(2 if s == "%" else 1 for s in _SPECIFIER.findall(pattern))


def _is_shown(specifier: str, value: Any) -> bool:
    return specifier == "t" and value.__class__ in (int, dt.date)


_PATH = re.compile(r"\$((?:\.[A-Za-z_]\w*)*)", re.ASCII)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    _sure(len(found) == len(pairs))
    return found


def _json_value(document: str, path: str = "$") -> str | None:
    steps = _PATH.fullmatch(path)
    _sure(steps)
    assert steps is not None
    try:
        value = json.loads(document, object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        raise NotSimple from None
    for name in steps[1].split(".")[1:]:
        value = value.get(name) if value.__class__ is dict else None
    if value is None or value.__class__ in (dict, list):
        return None
    if value.__class__ is bool:
        return "true" if value else "false"
    _sure(value.__class__ is str or (value.__class__ is int and abs(value) < 1 << 63 and value))
    return str(value)


# Functions of non-NULL arguments, NULL for a NULL one, by name and argument types.
STRICT: dict[tuple[str, tuple[Type | str, ...]], Callable[..., Any]] = {
    ("$add", (INT64, INT64)): operator.add,
    ("$subtract", (INT64, INT64)): operator.sub,
    ("$multiply", (INT64, INT64)): operator.mul,
    ("mod", (INT64, INT64)): _mod,
    ("$unary_minus", (INT64,)): operator.neg,
    ("$not", (BOOL,)): operator.not_,
    ("$bitwise_and", (INT64, INT64)): operator.and_,
    ("$bitwise_or", (INT64, INT64)): operator.or_,
    ("$bitwise_xor", (INT64, INT64)): operator.xor,
    ("div", (INT64, INT64)): _div,
    ("abs", (INT64,)): abs,
    ("sign", (INT64,)): lambda a: (a > 0) - (a < 0),
    ("$add", (FLOAT64, FLOAT64)): operator.add,
    ("$subtract", (FLOAT64, FLOAT64)): operator.sub,
    ("$multiply", (FLOAT64, FLOAT64)): operator.mul,
    ("$divide", (FLOAT64, FLOAT64)): _divide,
    ("$unary_minus", (FLOAT64,)): operator.neg,
    ("abs", (FLOAT64,)): abs,
    ("sqrt", (FLOAT64,)): _sqrt,
    ("floor", (FLOAT64,)): _whole(math.floor),
    ("ceil", (FLOAT64,)): _whole(math.ceil),
    ("trunc", (FLOAT64,)): _whole(math.trunc),
    ("length", (STRING,)): len,
    ("length", (BYTES,)): len,
    ("char_length", (STRING,)): len,
    ("upper", (STRING,)): _ascii(str.upper),
    ("lower", (STRING,)): _ascii(str.lower),
    ("reverse", (STRING,)): _ascii(lambda text: text[::-1]),
    ("starts_with", (STRING, STRING)): str.startswith,
    ("ends_with", (STRING, STRING)): str.endswith,
    ("substr", (STRING, INT64)): _substr,
    ("substr", (STRING, INT64, INT64)): _substr,
    ("left", (STRING, INT64)): _head,
    ("right", (STRING, INT64)): _tail,
    ("strpos", (STRING, STRING)): _strpos,
    ("replace", (STRING, STRING, STRING)): _replace,
    ("repeat", (STRING, INT64)): _repeat,
    ("split", (STRING,)): _split,
    ("split", (STRING, STRING)): _split,
    ("$between", (INT64, INT64, INT64)): lambda a, low, high: low <= a <= high,
    ("$between", (DATE, DATE, DATE)): lambda a, low, high: low <= a <= high,
    ("greatest", (INT64, INT64)): max,
    ("least", (INT64, INT64)): min,
    ("greatest", (DATE, DATE)): max,
    ("least", (DATE, DATE)): min,
    ("date", (INT64, INT64, INT64)): _date,
    ("date_add", (DATE, INT64, ENUM)): _date_add(1),
    ("date_sub", (DATE, INT64, ENUM)): _date_add(-1),
    ("$add", (DATE, INT64)): lambda a, days: _later(a, dt.timedelta(days=1), days),
    ("$subtract", (DATE, INT64)): lambda a, days: _later(a, dt.timedelta(days=1), -days),
    ("timestamp_add", (TIMESTAMP, INT64, ENUM)): _time_add(1),
    ("timestamp_sub", (TIMESTAMP, INT64, ENUM)): _time_add(-1),
    ("datetime_add", (DATETIME, INT64, ENUM)): _time_add(1),
    ("datetime_sub", (DATETIME, INT64, ENUM)): _time_add(-1),
    ("date_diff", (DATE, DATE, ENUM)): _date_diff,
    ("date_trunc", (DATE, ENUM)): _by_part(_TRUNCATED),
    ("$extract", (DATE, ENUM)): _by_part(_EXTRACTED),
    ("json_value", (JSON,)): _json_value,
    ("json_value", (JSON, STRING)): _json_value,
    **{("trim", (STRING,) * n): _strip(str.strip) for n in (1, 2)},
    **{("ltrim", (STRING,) * n): _strip(str.lstrip) for n in (1, 2)},
    **{("rtrim", (STRING,) * n): _strip(str.rstrip) for n in (1, 2)},
}
COMPARED = (INT64, BOOL, STRING, FLOAT64, DATE, TIMESTAMP, DATETIME, TIME, NUMERIC, BYTES)
COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "$equal": operator.eq,
    "$not_equal": operator.ne,
    "$less": operator.lt,
    "$less_or_equal": operator.le,
    "$greater": operator.gt,
    "$greater_or_equal": operator.ge,
}
STRICT.update({(name, (t, t)): function for name, function in COMPARISONS.items() for t in COMPARED})
# The same of any number of arguments of types: (function, types that they may be of).
REPEATED: dict[str, tuple[Callable[..., Any], tuple[Type, ...]]] = {
    "concat": (_joined, (STRING,)),
    "$concat_op": (_joined, (STRING,)),
    "format": (_format, (STRING, INT64, DATE)),
}

_INTEGER = re.compile(r"-?\d{1,18}", re.ASCII)


def _integer(text: str) -> int:
    _sure(_INTEGER.fullmatch(text))
    return int(text)


CASTS: dict[tuple[Type, Type], Callable[[Any], Any]] = {
    (INT64, FLOAT64): float,
    (INT64, STRING): str,
    (STRING, INT64): _integer,
    (BOOL, STRING): lambda value: "true" if value else "false",
    (BOOL, INT64): int,
    (INT64, BOOL): bool,
    (DATE, STRING): dt.date.isoformat,
}
