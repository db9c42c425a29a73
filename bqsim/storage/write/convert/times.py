"""DATE, TIME, DATETIME, TIMESTAMP and INTERVAL from numbers and from messages of protocol buffers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from bqsim.types import TypeKind
from bqsim.types.arrow import to_numpy

from .arrays import like, raw, reinterpreted
from .scope import Scope, only_valid

# First and last values: days, and microseconds since the epoch.
DAYS = (-719_162, 2_932_896)
MICROS = (-62_135_596_800_000_000, 253_402_300_799_999_999)
_DAY_US = 86_400_000_000
_DATE, _DATETIME = pa.date32(), pa.timestamp("us")
_TIMESTAMP, _TIME = pa.timestamp("us", "UTC"), pa.time64("us")
_INTERVAL_SECONDS = 87_840_000 * 3600
_LAYOUT = np.dtype([("months", "<i4"), ("days", "<i4"), ("nanos", "<i8")])


def in_range(kind: TypeKind, array: pa.Array, values: Any, bounds: tuple[int, int], scope: Scope) -> None:
    """Tell the values that are not within ``bounds``."""
    if not len(values) or (bounds[0] <= int(values.min()) and int(values.max()) <= bounds[1]):
        return
    bad = only_valid((values < bounds[0]) | (values > bounds[1]), array)
    scope.fail(bad, lambda i: f"{kind.value.capitalize()} field value is out of range: {values[i]}")


def date_of_days(array: pa.Array, scope: Scope) -> pa.Array:
    """Days since the epoch (int32, int64, date32)."""
    values = raw(array)
    in_range(TypeKind.DATE, array, values, DAYS, scope)
    if array.type.bit_width == 32:
        return reinterpreted(array, _DATE)
    return like(array, _DATE, values.astype(np.int32))


def timestamp_of_micros(array: pa.Array, scope: Scope) -> pa.Array:
    """Microseconds since the epoch (int64, timestamp[us])."""
    in_range(TypeKind.TIMESTAMP, array, raw(array), MICROS, scope)
    return reinterpreted(array, _TIMESTAMP)


def timestamp_of_short_micros(array: pa.Array, scope: Scope) -> pa.Array:
    """Microseconds since the epoch (int32, uint32)."""
    return reinterpreted(array.cast(pa.int64()), _TIMESTAMP)


def datetime_of_micros(array: pa.Array, scope: Scope) -> pa.Array:
    in_range(TypeKind.DATETIME, array, raw(array), MICROS, scope)
    return reinterpreted(array, _DATETIME)


def time_of_micros(array: pa.Array, scope: Scope) -> pa.Array:
    in_range(TypeKind.TIME, array, raw(array), (0, _DAY_US - 1), scope)
    return reinterpreted(array, _TIME)


def _clock(packed: Any) -> tuple[Any, Any]:
    """Microseconds of the day in the lower 37 bits, and which are no time: hour, minute, second, micros."""
    hour, minute = packed >> 32 & 0x1F, packed >> 26 & 0x3F
    second, micros = packed >> 20 & 0x3F, packed & 0xFFFFF
    bad = (hour > 23) | (minute > 59) | (second > 59) | (micros > 999_999)
    return ((hour * 60 + minute) * 60 + second) * 1_000_000 + micros, bad


def time_of_packed(array: pa.Array, scope: Scope) -> pa.Array:
    """Civil times packed into int64: 5 bits of hours, 6 of minutes, 6 of seconds, 20 of microseconds."""
    packed = raw(array)
    micros, bad = _clock(packed)
    bad = only_valid(bad | (packed >> 37 != 0), array)
    scope.fail(bad, lambda i: f"Invalid packed TIME value: {packed[i]}")
    return like(array, _TIME, micros)


def datetime_of_packed(array: pa.Array, scope: Scope) -> pa.Array:
    """Civil datetimes packed into int64: 14 bits of years, 4 of months, 5 of days, then as times."""
    packed = raw(array)
    micros, bad = _clock(packed)
    year, month, day = packed >> 46, packed >> 42 & 0xF, packed >> 37 & 0x1F
    bad = bad | (year < 1) | (year > 9999) | (month < 1) | (month > 12) | (day < 1)
    months = np.where(bad, 0, (year - 1970) * 12 + month - 1)
    first = months.astype("M8[M]").astype("M8[D]").astype(np.int64)
    following = (months + 1).astype("M8[M]").astype("M8[D]").astype(np.int64)
    bad |= day > following - first
    bad = only_valid(bad, array)
    scope.fail(bad, lambda i: f"Invalid packed DATETIME value: {packed[i]}")
    return like(array, _DATETIME, (first + day - 1) * _DAY_US + micros)


def _seconds_and_nanos(array: pa.Array) -> tuple[Any, Any]:
    """The two numbers of google.protobuf.Timestamp and Duration; absent ones are 0."""
    seconds, nanos = (array.field(array.type.get_field_index(n)) for n in ("seconds", "nanos"))
    return to_numpy(seconds, 0), to_numpy(nanos, 0).astype(np.int64)


def timestamp_of_message(array: pa.Array, scope: Scope) -> pa.Array:
    """google.protobuf.Timestamp, cut to microseconds."""
    seconds, nanos = _seconds_and_nanos(array)
    low, high = MICROS[0] // 1_000_000, MICROS[1] // 1_000_000
    bad = (seconds < low) | (seconds > high) | (nanos < 0) | (nanos > 999_999_999)
    scope.fail(
        only_valid(bad, array),
        lambda i: f"Timestamp field value is out of range: seconds: {seconds[i]} nanos: {nanos[i]}",
    )
    micros = np.where(bad, 0, seconds) * 1_000_000 + nanos // 1000
    return like(array, _TIMESTAMP, micros)


def interval_of_message(array: pa.Array, scope: Scope) -> pa.Array:
    """google.protobuf.Duration: an INTERVAL of nanoseconds, of which an int64 holds 292 years."""
    seconds, nanos = _seconds_and_nanos(array)
    greatest = min(_INTERVAL_SECONDS, (1 << 63) // 10**9 - 1)
    bad = (np.abs(seconds) > greatest) | (np.abs(nanos) > 999_999_999) | (seconds * np.sign(nanos) < 0)
    bad |= seconds == np.iinfo(np.int64).min
    scope.fail(
        only_valid(bad, array),
        lambda i: f"Interval field value is out of range: seconds: {seconds[i]} nanos: {nanos[i]}",
    )
    rows = np.zeros(len(array), _LAYOUT)
    rows["nanos"] = np.where(bad, 0, seconds) * 10**9 + np.where(bad, 0, nanos)
    return like(array, pa.month_day_nano_interval(), rows)


def interval_checked(array: pa.Array, scope: Scope) -> pa.Array:
    """Intervals whose parts may be beyond those of INTERVAL."""
    data = array.buffers()[1]
    count = array.offset + len(array)
    rows = np.frombuffer(data, _LAYOUT, count=count)[array.offset :] if len(array) else np.zeros(0, _LAYOUT)
    _check_interval(array, rows, scope)
    return array


def _check_interval(array: pa.Array, rows: Any, scope: Scope) -> None:
    bad = (np.abs(rows["months"].astype(np.int64)) > 120_000) | (
        np.abs(rows["days"].astype(np.int64)) > 3_660_000
    )
    scope.fail(
        only_valid(bad, array),
        lambda i: (
            f"Interval field value is out of range: months: {rows['months'][i]} days: {rows['days'][i]}"
        ),
    )


def interval_of_months(array: pa.Array, scope: Scope) -> pa.Array:
    """Arrow's YEAR_MONTH intervals, given as their int32."""
    rows = np.zeros(len(array), _LAYOUT)
    rows["months"] = raw(array)
    _check_interval(array, rows, scope)
    return like(array, pa.month_day_nano_interval(), rows)


def interval_of_day_time(array: pa.Array, scope: Scope) -> pa.Array:
    """Arrow's DAY_TIME intervals, given as int64: days in the lower half, milliseconds in the upper one."""
    values = np.ascontiguousarray(raw(array)).view(np.int32).reshape(-1, 2)
    rows = np.zeros(len(array), _LAYOUT)
    rows["days"] = values[:, 0]
    rows["nanos"] = values[:, 1].astype(np.int64) * 1_000_000
    _check_interval(array, rows, scope)
    return like(array, pa.month_day_nano_interval(), rows)
