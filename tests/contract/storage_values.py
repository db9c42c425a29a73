"""Every BigQuery type: values to draw, how a writer gives them, and how each reader shows them.

The plain form of a value here is the Python value of its Arrow type, with INTERVAL as ``(months, days,
microseconds)``, RANGE as a dict of ``start`` and ``end``, and JSON as the decoded document.
"""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pyarrow as pa
from dateutil.relativedelta import relativedelta
from hypothesis import strategies as st

from tests.storage import F, ProtoMessage

EPOCH = dt.datetime(1970, 1, 1)
MICROSECOND = dt.timedelta(microseconds=1)


def same(value: Any) -> Any:
    return value


@dataclass(frozen=True)
class Kind:
    """A type and its forms; a ``from_…`` function gives the plain form of what a reader gives."""

    sql: str
    values: st.SearchStrategy[Any]
    extremes: tuple[Any, ...]
    arrow: pa.DataType
    proto: int
    to_proto: Callable[[Any], Any] = same
    to_arrow: Callable[[Any], Any] = same
    from_arrow: Callable[[Any], Any] = same
    from_avro: Callable[[Any], Any] = same
    from_query: Callable[[Any], Any] = same
    # What the plain form becomes in the query's answer, where that answer cannot hold all of it.
    shown: Callable[[Any], Any] = same
    nested: tuple[tuple[str, Kind], ...] = field(default=())

    @property
    def name(self) -> str:
        return "k_" + self.sql.lower().replace("<", "_").replace(">", "")

    def drawn(self) -> st.SearchStrategy[Any]:
        return st.one_of(st.sampled_from(self.extremes), self.values)

    def message(self) -> ProtoMessage | None:
        if not self.nested:
            return None
        return ProtoMessage([(n, k.proto, False, k.message()) for n, k in self.nested], self.name)


def micros(value: dt.datetime) -> int:
    return (value.replace(tzinfo=None) - EPOCH) // MICROSECOND


def packed_time(t: dt.time | dt.datetime) -> int:
    return t.hour << 32 | t.minute << 26 | t.second << 20 | t.microsecond


def packed_datetime(t: dt.datetime) -> int:
    return t.year << 46 | t.month << 42 | t.day << 37 | packed_time(t)


def interval_text(value: tuple[int, int, int]) -> str:
    months, days, micros_ = value
    sign, rest = ("-" if micros_ < 0 else ""), abs(micros_)
    seconds, fraction = divmod(rest, 1_000_000)
    clock = f"{sign}{seconds // 3600}:{seconds // 60 % 60}:{seconds % 60}.{fraction:06d}"
    return f"{'-' if months < 0 else ''}{abs(months) // 12}-{abs(months) % 12} {days} {clock}"


def interval_shown(value: tuple[int, int, int] | None) -> relativedelta | None:
    if value is None:
        return None
    months, days, micros_ = value
    sign = -1 if micros_ < 0 else 1
    seconds, fraction = divmod(abs(micros_), 1_000_000)
    return relativedelta(
        years=int(math.copysign(abs(months) // 12, months)),
        months=int(math.copysign(abs(months) % 12, months)),
        days=days,
        hours=sign * (seconds // 3600),
        minutes=sign * (seconds // 60 % 60),
        seconds=sign * (seconds % 60),
        microseconds=sign * fraction,
    )


def interval_of_text(text: str) -> tuple[int, int, int]:
    calendar, days, clock = text.split()
    negative = calendar.startswith("-")
    years, months = calendar.lstrip("-").split("-")
    hours, minutes, seconds = clock.lstrip("-").split(":")
    total = int(years) * 12 + int(months)
    time = (int(hours) * 3600 + int(minutes) * 60) * 1_000_000 + int(Decimal(seconds) * 1_000_000)
    return (-total if negative else total), int(days), (-time if clock.startswith("-") else time)


def interval_of(value: Any) -> Any:
    if isinstance(value, str):
        return interval_of_text(value)
    return (value.months, value.days, value.nanoseconds // 1000)


def datetime_of(value: Any) -> dt.datetime:
    return dt.datetime.fromisoformat(value) if isinstance(value, str) else value


def decimals(digits: int, scale: int) -> st.SearchStrategy[Decimal]:
    top = 10**digits - 1
    return st.integers(-top, top).map(lambda n: _scaled(n, scale))


def _scaled(number: int, scale: int) -> Decimal:
    """``number`` without rounding, which arithmetic on decimals does."""
    return Decimal((int(number < 0), tuple(int(d) for d in str(abs(number))), -scale))


def utc(value: dt.datetime) -> dt.datetime:
    return value.replace(tzinfo=dt.UTC)


DATES = st.dates(dt.date(1, 1, 1), dt.date(9999, 12, 31))
DATETIMES = st.datetimes(dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31, 23, 59, 59, 999999))
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
JSONS = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
# Arrow counts nanoseconds in 64 bits; bqsim keeps whole hours of that.
INTERVAL_MICROS = 2_562_047 * 3_600_000_000 - 1
BIG_MAX = _scaled(2**255 - 1, 38)
BIG_MIN = _scaled(-(2**255), 38)
# pyarrow makes decimals of at most 76 digits of Python values.
BIG_ARROW_MAX = _scaled(10**76 - 1, 38)
BIG_ARROW_MIN = BIG_ARROW_MAX.copy_negate()

DATE = Kind(
    "DATE",
    DATES,
    (dt.date(1, 1, 1), dt.date(9999, 12, 31), dt.date(1970, 1, 1)),
    pa.date32(),
    F.TYPE_INT32,
    to_proto=lambda d: (d - dt.date(1970, 1, 1)).days,
)
DATETIME = Kind(
    "DATETIME",
    DATETIMES,
    (dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31, 23, 59, 59, 999999), EPOCH),
    pa.timestamp("us"),
    F.TYPE_INT64,
    to_proto=packed_datetime,
    from_avro=datetime_of,
)
TIMESTAMP = Kind(
    "TIMESTAMP",
    DATETIMES.map(utc),
    (utc(dt.datetime(1, 1, 1)), utc(dt.datetime(9999, 12, 31, 23, 59, 59, 999999)), utc(EPOCH)),
    pa.timestamp("us", "UTC"),
    F.TYPE_INT64,
    to_proto=micros,
)


def range_kind(element: Kind) -> Kind:
    low, high, middle = element.extremes

    def bounds(pair: tuple[Any, Any]) -> dict[str, Any]:
        start, end = pair
        if start is not None and end is not None and start >= end:
            start, end = (end, start) if start > end else (start, None)
        return {"start": start, "end": end}

    def each(convert: Callable[[Any], Any]) -> Callable[[Any], Any]:
        return lambda value: {k: None if v is None else convert(v) for k, v in value.items()}

    side = st.none() | element.values
    return Kind(
        f"RANGE<{element.sql}>",
        st.tuples(side, side).map(bounds),
        tuple(
            {"start": start, "end": end}
            for start, end in ((low, high), (None, middle), (middle, None), (None, None))
        ),
        pa.struct([("start", element.arrow), ("end", element.arrow)]),
        F.TYPE_MESSAGE,
        to_proto=each(element.to_proto),
        from_arrow=each(element.from_arrow),
        from_avro=each(element.from_avro),
        nested=(("start", element), ("end", element)),
    )


KINDS: tuple[Kind, ...] = (
    Kind("INT64", st.integers(-(2**63), 2**63 - 1), (-(2**63), 2**63 - 1, 0), pa.int64(), F.TYPE_INT64),
    Kind(
        "FLOAT64",
        st.floats(),
        (math.inf, -math.inf, math.nan, -0.0, 5e-324, 1.7976931348623157e308),
        pa.float64(),
        F.TYPE_DOUBLE,
    ),
    Kind(
        "NUMERIC",
        decimals(38, 9),
        (_scaled(10**38 - 1, 9), _scaled(1 - 10**38, 9), _scaled(1, 9), Decimal(0)),
        pa.decimal128(38, 9),
        F.TYPE_STRING,
        to_proto=lambda d: f"{d:f}",
    ),
    Kind(
        "BIGNUMERIC",
        decimals(76, 38),
        (BIG_MAX, BIG_MIN, BIG_ARROW_MAX, _scaled(1, 38), Decimal(0)),
        pa.decimal256(76, 38),
        F.TYPE_STRING,
        to_proto=lambda d: f"{d:f}",
        to_arrow=lambda d: max(min(d, BIG_ARROW_MAX), BIG_ARROW_MIN),
    ),
    Kind("BOOL", st.booleans(), (True, False), pa.bool_(), F.TYPE_BOOL),
    Kind("STRING", TEXTS, ("", "\x00", "ünïcode ☃ \U0010ffff", "x" * 5000), pa.string(), F.TYPE_STRING),
    Kind("BYTES", st.binary(max_size=20), (b"", b"\x00\xff", b"y" * 5000), pa.binary(), F.TYPE_BYTES),
    DATE,
    Kind(
        "TIME",
        st.times(),
        (dt.time(0), dt.time(23, 59, 59, 999999)),
        pa.time64("us"),
        F.TYPE_INT64,
        to_proto=packed_time,
    ),
    DATETIME,
    TIMESTAMP,
    Kind(
        "INTERVAL",
        st.tuples(
            st.integers(-120_000, 120_000),
            st.integers(-3_660_000, 3_660_000),
            st.integers(-INTERVAL_MICROS, INTERVAL_MICROS),
        ),
        (
            (120_000, 3_660_000, INTERVAL_MICROS),
            (-120_000, -3_660_000, -INTERVAL_MICROS),
            (0, 0, 0),
        ),
        pa.month_day_nano_interval(),
        F.TYPE_STRING,
        to_proto=interval_text,
        to_arrow=lambda v: (v[0], v[1], v[2] * 1000),
        from_arrow=interval_of,
        from_avro=interval_of,
        shown=interval_shown,
    ),
    Kind(
        "JSON",
        JSONS,
        ({}, [], "", 0, {"a": [None, {"b": "☃"}]}),
        pa.string(),
        F.TYPE_STRING,
        to_proto=json.dumps,
        to_arrow=json.dumps,
        from_arrow=json.loads,
        from_avro=json.loads,
    ),
    Kind(
        "GEOGRAPHY",
        st.tuples(st.integers(-179, 179), st.integers(-89, 89)).map(lambda p: f"POINT({p[0]} {p[1]})"),
        ("POINT(0 0)", "LINESTRING(1 2, 3 4)", "GEOMETRYCOLLECTION EMPTY"),
        pa.string(),
        F.TYPE_STRING,
    ),
    range_kind(DATE),
    range_kind(DATETIME),
    range_kind(TIMESTAMP),
)
