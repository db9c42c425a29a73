"""Texts of API values (JSON strings of rows and query parameters) as canonical Python values.

Each parser takes a text, ignores blanks around it, and raises ``ValueError`` when it is not a value of its
type.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import json
import math
import re
from collections.abc import Callable
from decimal import ROUND_HALF_UP as _HALF_AWAY
from decimal import Decimal, InvalidOperation, localcontext
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pyarrow as pa

from .kinds import Type, TypeKind

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
# (scale, greatest absolute value) of the decimal types.
DECIMALS: dict[TypeKind, tuple[int, Decimal]] = {
    TypeKind.NUMERIC: (9, Decimal(f"{10**38 - 1}e-9")),
    TypeKind.BIGNUMERIC: (38, Decimal(f"{2**255 - 1}e-38")),
}
_UTC = dt.UTC
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=_UTC)
_MICROSECOND = dt.timedelta(microseconds=1)

_INTEGER = re.compile(r"[+-]?\d+\Z", re.ASCII)
_HEX = re.compile(r"([+-]?)0[xX]([0-9a-fA-F]+)\Z", re.ASCII)
_FLOAT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\Z", re.ASCII)
_FLOAT_WORDS = {"nan": math.nan, "inf": math.inf, "infinity": math.inf}
_BOOLS = {"true": True, "t": True, "yes": True, "y": True, "1": True} | {
    "false": False,
    "f": False,
    "no": False,
    "n": False,
    "0": False,
}
_DATE = r"(\d{4})-(\d{1,2})-(\d{1,2})"
_CLOCK = r"(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{0,9}))?)?"
_DATE_ONLY = re.compile(_DATE + r"\Z", re.ASCII)
_TIME_ONLY = re.compile(_CLOCK + r"\Z", re.ASCII)
_DATETIME = re.compile(_DATE + rf"(?:(?:[ ]+|[Tt]){_CLOCK})?\Z", re.ASCII)
_TIMESTAMP = re.compile(
    _DATE
    + rf"(?:(?:[ ]+|[Tt]){_CLOCK})?"
    + r"(?:\s*([Zz]|(?:UTC)?[+-]\d{1,2}(?::?\d{2})?)|\s+([A-Za-z][\w/+-]*))?\Z",
    re.ASCII,
)
_OFFSET = re.compile(r"(?:UTC)?([+-])(\d{1,2}):?(\d{2})?\Z", re.ASCII)
_INTERVAL = re.compile(
    r"([+-]?)(\d+)-(\d+)[ ]+([+-]?\d+)[ ]+([+-]?)(\d+):(\d+)(?::(\d+)(?:\.(\d{0,9}))?)?\Z",
    re.ASCII,
)
_RANGE = re.compile(r"\[\s*(.+?)\s*,\s*(.+?)\s*\)\Z")
_INTERVAL_MAX_MONTHS = 120_000
_INTERVAL_MAX_DAYS = 3_660_000
_INTERVAL_MAX_NANOS = 87_840_000 * 3600 * 10**9


def parse_int(text: str) -> int:
    text = text.strip()
    if _INTEGER.match(text):
        value = int(text)
    elif match := _HEX.match(text):
        value = int(match[1] + match[2], 16)
    else:
        raise ValueError(text)
    if not INT64_MIN <= value <= INT64_MAX:
        raise ValueError(text)
    return value


def parse_float(text: str) -> float:
    text = text.strip()
    if _FLOAT.match(text):
        value = float(text)
        if math.isinf(value):
            raise ValueError(text)
        return value
    word = _FLOAT_WORDS.get(text.lstrip("+-").lower())
    if word is None or len(text) - len(text.lstrip("+-")) > 1:
        raise ValueError(text)
    return -word if text.startswith("-") else word


def parse_decimal(text: str, kind: TypeKind) -> Decimal:
    """NUMERIC or BIGNUMERIC; digits beyond the scale are rounded half away from zero."""
    text = text.strip()
    if not _FLOAT.match(text):
        raise ValueError(text)
    try:
        return to_decimal(Decimal(text), kind)
    except InvalidOperation:
        raise ValueError(text) from None


def to_decimal(value: Decimal, kind: TypeKind, scale: int | None = None) -> Decimal:
    """``value`` rounded half away from zero to the type's scale (or ``scale``); out of range is a
    ValueError.
    """
    own_scale, greatest = DECIMALS[kind]
    if not value.is_finite() or value.adjusted() > 40:
        raise ValueError(str(value))
    with localcontext() as context:
        context.prec = 120
        rounded = value.quantize(Decimal(1).scaleb(-(own_scale if scale is None else scale)), _HALF_AWAY)
        low = -greatest - (Decimal(1).scaleb(-38) if kind is TypeKind.BIGNUMERIC else 0)
        if not low <= rounded <= greatest:
            raise ValueError(str(value))
    return rounded


def parse_bool(text: str) -> bool:
    value = _BOOLS.get(text.strip().lower())
    if value is None:
        raise ValueError(text)
    return value


def parse_bytes(text: str) -> bytes:
    """Base64, standard or URL-safe alphabet, padded or not."""
    plain = text.strip().replace("-", "+").replace("_", "/")
    plain += "=" * (-len(plain) % 4)
    try:
        return base64.b64decode(plain, validate=True)
    except binascii.Error:
        raise ValueError(text) from None


def parse_date(text: str) -> dt.date:
    match = _DATE_ONLY.match(text.strip())
    if match is None:
        raise ValueError(text)
    return dt.date(int(match[1]), int(match[2]), int(match[3]))


def parse_time(text: str) -> dt.time:
    match = _TIME_ONLY.match(text.strip())
    if match is None:
        raise ValueError(text)
    return dt.time(*_clock(match, 1))


def parse_datetime(text: str) -> dt.datetime:
    """A date with an optional time of day, separated by a blank or ``T``; no zone."""
    match = _DATETIME.match(text.strip())
    if match is None:
        raise ValueError(text)
    return _at(match)


def parse_timestamp(text: str) -> dt.datetime:
    """As :func:`parse_datetime`, with ``Z``, an offset or a zone name; UTC without one."""
    match = _TIMESTAMP.match(text.strip())
    if match is None:
        raise ValueError(text)
    local = _at(match)
    try:
        return local.replace(tzinfo=_zone(match[8], match[9])).astimezone(_UTC)
    except OverflowError:
        raise ValueError(text) from None


def timestamp_of_micros(micros: int) -> dt.datetime:
    """Microseconds since the epoch; out of the range of TIMESTAMP is a ValueError."""
    try:
        return _EPOCH + micros * _MICROSECOND
    except OverflowError:
        raise ValueError(str(micros)) from None


def timestamp_of_seconds(seconds: int | float | Decimal) -> dt.datetime:
    """Seconds since the epoch, rounded to microseconds."""
    exact = Decimal(repr(seconds)) if isinstance(seconds, float) else Decimal(seconds)
    if not exact.is_finite():
        raise ValueError(str(seconds))
    return timestamp_of_micros(int((exact * 1_000_000).to_integral_value()))


def _clock(match: re.Match[str], first: int) -> tuple[int, int, int, int]:
    hour, minute, second, fraction = match.group(first, first + 1, first + 2, first + 3)
    return int(hour), int(minute), int(second or 0), int((fraction or "").ljust(6, "0")[:6])


def _at(match: re.Match[str]) -> dt.datetime:
    date = int(match[1]), int(match[2]), int(match[3])
    if match[4] is None:
        return dt.datetime(*date)
    hour, minute, second, micros = _clock(match, 4)
    if second == 60:
        # A leap second counts as the first second of the next minute.
        return dt.datetime(*date, hour, minute, 59) + dt.timedelta(seconds=1)
    return dt.datetime(*date, hour, minute, second, micros)


def _zone(offset: str | None, name: str | None) -> dt.tzinfo:
    if offset is None and name is None:
        return _UTC
    if offset is not None and offset not in "Zz":
        match = _OFFSET.match(offset)
        assert match is not None
        size = dt.timedelta(hours=int(match[2]), minutes=int(match[3] or 0))
        if size > dt.timedelta(hours=14):
            raise ValueError(offset)
        return dt.timezone(-size if match[1] == "-" else size)
    if name is None or name.upper() in ("UTC", "Z"):
        return _UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(name) from None


def parse_interval(text: str) -> pa.MonthDayNano:
    """``[-]Y-M [-]D [-]H:M[:S[.F]]``."""
    match = _INTERVAL.match(text.strip())
    if match is None:
        raise ValueError(text)
    months = int(match[2]) * 12 + int(match[3])
    days = int(match[4])
    seconds = int(match[6]) * 3600 + int(match[7]) * 60 + int(match[8] or 0)
    nanos = seconds * 10**9 + int((match[9] or "").ljust(9, "0"))
    if months > _INTERVAL_MAX_MONTHS or abs(days) > _INTERVAL_MAX_DAYS or nanos > _INTERVAL_MAX_NANOS:
        raise ValueError(text)
    return pa.MonthDayNano(
        [-months if match[1] == "-" else months, days, -nanos if match[5] == "-" else nanos]
    )


def parse_range(text: str, element: Type) -> dict[str, Any]:
    """``[start, end)``; a bound UNBOUNDED or NULL is open."""
    match = _RANGE.match(text.strip())
    if match is None:
        raise ValueError(text)
    start, end = (
        None if b.upper() in ("UNBOUNDED", "NULL") else parse_text(b, element) for b in match.groups()
    )
    return make_range(start, end)


def make_range(start: Any, end: Any) -> dict[str, Any]:
    """A RANGE value; the start must be before the end."""
    if start is not None and end is not None and start >= end:
        raise ValueError("range start must be before its end")
    return {"start": start, "end": end}


def canonical_json(text: str) -> str:
    """JSON text with sorted keys and without spaces; a ValueError when it is not JSON."""
    return json_text(_DECODER.decode(text))


def json_text(value: Any) -> str:
    """A decoded JSON value as canonical text."""
    return _ENCODER.encode(value)


def _no_constant(name: str) -> Any:
    raise ValueError(name)


# ``json.loads`` and ``json.dumps`` make these anew at each call with options.
_DECODER = json.JSONDecoder(parse_constant=_no_constant)
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _geography(text: str) -> str:
    from .geography.parse import canonical_text

    return canonical_text(text)


_PARSERS: dict[TypeKind, Callable[[str], Any]] = {
    TypeKind.INT64: parse_int,
    TypeKind.FLOAT64: parse_float,
    TypeKind.NUMERIC: lambda text: parse_decimal(text, TypeKind.NUMERIC),
    TypeKind.BIGNUMERIC: lambda text: parse_decimal(text, TypeKind.BIGNUMERIC),
    TypeKind.BOOL: parse_bool,
    TypeKind.STRING: lambda text: text,
    TypeKind.BYTES: parse_bytes,
    TypeKind.DATE: parse_date,
    TypeKind.TIME: parse_time,
    TypeKind.DATETIME: parse_datetime,
    TypeKind.TIMESTAMP: parse_timestamp,
    TypeKind.INTERVAL: parse_interval,
    TypeKind.JSON: canonical_json,
    TypeKind.GEOGRAPHY: _geography,
}


def parse_text(text: str, type_: Type) -> Any:
    """The value of a scalar or RANGE type that ``text`` spells."""
    if type_.kind is TypeKind.RANGE and type_.element is not None:
        return parse_range(text, type_.element)
    return _PARSERS[type_.kind](text)
