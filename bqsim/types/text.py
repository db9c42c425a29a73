"""Canonical Arrow values as texts, in bulk: one function per type, NULLs kept, no quotes.

Every function takes a ``pyarrow.Array`` (not chunked) and returns a string array of the same length.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from enum import StrEnum
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .arrow import compute, constant, from_numpy, to_numpy, validity_bitmap
from .kinds import Type, TypeKind

_DAY_NS = 86_400_000_000_000
# Java's Double.toString, which the service uses, is plain within these bounds and scientific outside.
_PLAIN_MIN, _PLAIN_MAX = 1e-3, 1e7


class TimestampFormat(StrEnum):
    """``formatOptions.timestampOutputFormat``: seconds as a float, microseconds, or ISO 8601."""

    FLOAT64 = "FLOAT64"
    INT64 = "INT64"
    ISO8601_STRING = "ISO8601_STRING"


def _join(*parts: Any) -> Any:
    return compute(pc.binary_join_element_wise, *parts, "")


def _head(array: Any, length: int) -> Any:
    """The first characters of ASCII texts."""
    return pc.binary_slice(array.view(pa.binary()), 0, length).view(pa.string())


def plain(array: Any) -> Any:
    """INT64, STRING, BOOL, DATE …: the text that Arrow gives."""
    return array if array.type == pa.string() else array.cast(pa.string())


def float_text(array: Any) -> Any:
    """FLOAT64 as the service prints it: ``1.0``, ``1.5E10``, ``NaN``, ``Infinity``; shortest exact digits."""
    text = array.cast(pa.string())
    values = np.abs(to_numpy(array, 0.0))
    usual = (values == 0) | ((values >= _PLAIN_MIN) & (values < _PLAIN_MAX))
    if usual.all():
        return _with_fraction(text)
    large = (values >= _PLAIN_MAX) & ~to_numpy(pc.match_substring(text, "e"), False)
    large &= np.isfinite(values)
    text = compute(pc.if_else, from_numpy(usual), _with_fraction(text), text)
    if large.any():
        text = compute(pc.if_else, from_numpy(large), _scientific(text), text)
    rest = ~(usual | large)
    if rest.any():
        text = pc.replace_with_mask(text, from_numpy(rest), _odd_floats(array.filter(from_numpy(rest))))
    return text


def _with_fraction(text: Any) -> Any:
    whole = pc.invert(pc.match_substring(text, "."))
    return compute(pc.if_else, whole, _join(text, ".0"), text) if pc.any(whole).as_py() else text


def _scientific(text: Any) -> Any:
    """``-12345678.5`` → ``-1.23456785E7``, for texts without exponent of numbers from 1 on."""
    negative = pc.starts_with(text, "-")
    size = pc.utf8_ltrim(text, characters="-")
    point = pc.find_substring(size, ".")
    whole = compute(pc.if_else, compute(pc.less, point, 0), pc.binary_length(size), point)
    digits = pc.replace_substring(size, ".", "")
    tail = pc.ascii_rtrim(pc.binary_replace_slice(digits, 0, 1, ""), characters="0")
    tail = compute(pc.if_else, compute(pc.equal, tail, ""), "0", tail)
    exponent = compute(pc.subtract, whole, 1).cast(pa.string())
    return _join(compute(pc.if_else, negative, "-", ""), _head(digits, 1), ".", tail, "E", exponent)


def _odd_floats(array: Any) -> Any:
    """Tiny, huge and non-finite numbers: each distinct one is worded once."""
    encoded = array.dictionary_encode()
    words = pa.array([java_float(v) for v in encoded.dictionary.to_pylist()], pa.string())
    return words.take(encoded.indices)


def java_float(value: float) -> str:
    """One number as Java's ``Double.toString`` prints it."""
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    size = abs(value)
    if size == 0 or _PLAIN_MIN <= size < _PLAIN_MAX:
        return repr(value)
    sign, digits, exponent = _digits(repr(value))
    return f"{sign}{digits[0]}.{digits[1:] or '0'}E{exponent}"


def _digits(text: str) -> tuple[str, str, int]:
    """Sign, significant digits and decimal exponent of the first digit."""
    sign = "-" if text.startswith("-") else ""
    mantissa, _, power = text.lstrip("-").partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = whole + fraction
    stripped = digits.lstrip("0")
    exponent = int(power or 0) + len(whole) - 1 - (len(digits) - len(stripped))
    return sign, stripped.rstrip("0") or "0", exponent


def decimal_text(array: Any) -> Any:
    """NUMERIC and BIGNUMERIC without an exponent and without trailing zeros."""
    text = array.cast(pa.string())
    odd = pc.match_substring(text, "E").fill_null(constant(False))
    text = pc.ascii_rtrim(pc.ascii_rtrim(text, characters="0"), characters=".")
    if not pc.any(odd).as_py():
        return text
    encoded = array.filter(odd).dictionary_encode()
    words = pa.array([_small_decimal(v) for v in encoded.dictionary.to_pylist()], pa.string())
    return pc.replace_with_mask(text, odd, words.take(encoded.indices))


def _small_decimal(value: Any) -> str:
    return f"{value:f}".rstrip("0").rstrip(".") if value else "0"


def bytes_text(array: Any) -> Any:
    """BYTES in base64: the values are laid out on multiples of three bytes and encoded in one go."""
    array = _dense(array)
    if not len(array):
        return pa.nulls(0, pa.string())
    offsets = np.frombuffer(array.buffers()[1], np.int32)[: len(array) + 1].astype(np.int64)
    lengths = np.diff(offsets)
    groups = (lengths + 2) // 3
    starts = np.concatenate(([0], np.cumsum(groups)))
    padded = np.zeros(int(starts[-1]) * 3, np.uint8)
    total = int(lengths.sum())
    if total:
        data = np.frombuffer(array.buffers()[2], np.uint8)[offsets[0] : offsets[-1]]
        shift = starts[:-1] * 3 - (offsets[:-1] - offsets[0])
        padded[np.arange(total) + np.repeat(shift, lengths)] = data
    text = np.frombuffer(base64.b64encode(padded.tobytes()), np.uint8).copy()
    ends = starts[1:] * 4
    missing = (3 - lengths % 3) % 3
    text[ends[missing >= 1] - 1] = ord("=")
    text[ends[missing == 2] - 2] = ord("=")
    out = (starts * 4).astype(np.int32)
    buffers = [array.buffers()[0], pa.py_buffer(out), pa.py_buffer(text)]
    return pa.Array.from_buffers(pa.string(), len(array), buffers, array.null_count)


def _dense(array: Any) -> Any:
    """A binary array with offset 0 whose NULLs have no bytes."""
    if array.null_count:
        filled = array.fill_null(constant(b""))
        buffers = [validity_bitmap(array), *filled.buffers()[1:]]
        return pa.Array.from_buffers(pa.binary(), len(array), buffers, array.null_count)
    return pa.concat_arrays([array]) if array.offset else array


def _micros(array: Any) -> Any:
    """The integer ticks of a temporal array, NULL as 0."""
    return to_numpy(array.view(pa.int64()), 0)


def datetime_text(array: Any) -> Any:
    """``2020-01-01T00:00:00[.ffffff]``; the fraction is left out when it is zero."""
    fractions = _micros(array) % 1_000_000 != 0
    if not fractions.any():
        return pc.binary_replace_slice(array.cast(pa.timestamp("s")).cast(pa.string()), 10, 11, "T")
    text = pc.binary_replace_slice(array.cast(pa.string()), 10, 11, "T")
    return text if fractions.all() else compute(pc.if_else, from_numpy(fractions), text, _head(text, 19))


def time_text(array: Any) -> Any:
    """``12:34:56[.ffffff]``."""
    fractions = _micros(array) % 1_000_000 != 0
    text = array.cast(pa.string())
    if fractions.all():
        return text
    short = _head(text, 8)
    return compute(pc.if_else, from_numpy(fractions), text, short) if fractions.any() else short


def timestamp_float(array: Any) -> Any:
    """Seconds since the epoch as the service prints floats: ``1.5778368E9``."""
    return float_text(compute(pc.divide, array.view(pa.int64()).cast(pa.float64(), safe=False), 1e6))


def timestamp_micros(array: Any) -> Any:
    """Microseconds since the epoch."""
    return array.view(pa.int64()).cast(pa.string())


def timestamp_iso(array: Any) -> Any:
    """``2020-01-01T00:00:00[.ffffff]Z``."""
    return _join(datetime_text(array.cast(pa.timestamp("us"))), "Z")


def interval_text(array: Any) -> Any:
    """``[-]Y-M [-]D [-]H:M:S[.fff[fff[fff]]]``."""
    if not len(array) or array.null_count == len(array):
        return pa.nulls(len(array), pa.string())
    layout = np.dtype([("months", "<i4"), ("days", "<i4"), ("nanos", "<i8")])
    raw = np.frombuffer(array.buffers()[1], layout)[array.offset : array.offset + len(array)]
    months, nanos = raw["months"].astype(np.int64), raw["nanos"]
    seconds, fraction = np.divmod(np.abs(nanos), 1_000_000_000)
    parts = [
        _sign(months),
        _digits_of(np.abs(months) // 12),
        "-",
        _digits_of(np.abs(months) % 12),
        " ",
        _digits_of(raw["days"].astype(np.int64)),
        " ",
        _sign(nanos),
        _digits_of(seconds // 3600),
        ":",
        _digits_of(seconds // 60 % 60),
        ":",
        _digits_of(seconds % 60),
        _fraction(fraction),
    ]
    text = _join(*parts)
    return compute(pc.if_else, pc.is_valid(array), text, None) if array.null_count else text


def _sign(values: Any) -> Any:
    return compute(pc.if_else, from_numpy(values < 0), "-", "")


def _digits_of(values: Any) -> Any:
    return from_numpy(values).cast(pa.string())


def _fraction(nanos: Any) -> Any:
    """``""``, ``.fff``, ``.ffffff`` or ``.fffffffff``."""
    if not nanos.any():
        return ""
    text = pc.utf8_lpad(_digits_of(nanos), 9, padding="0")
    size = np.where(nanos % 1_000_000 == 0, 3, np.where(nanos % 1000 == 0, 6, 9))
    return compute(
        pc.case_when,
        pc.make_struct(from_numpy(nanos == 0), from_numpy(size == 3), from_numpy(size == 6)),
        "",
        _join(".", _head(text, 3)),
        _join(".", _head(text, 6)),
        _join(".", text),
    )


_TEXT: dict[TypeKind, Callable[[Any], Any]] = {
    TypeKind.FLOAT64: float_text,
    TypeKind.NUMERIC: decimal_text,
    TypeKind.BIGNUMERIC: decimal_text,
    TypeKind.BYTES: bytes_text,
    TypeKind.DATETIME: datetime_text,
    TypeKind.TIME: time_text,
    TypeKind.INTERVAL: interval_text,
}
_TIMESTAMP: dict[TimestampFormat, Callable[[Any], Any]] = {
    TimestampFormat.FLOAT64: timestamp_float,
    TimestampFormat.INT64: timestamp_micros,
    TimestampFormat.ISO8601_STRING: timestamp_iso,
}


def text_of(array: Any, type_: Type, timestamps: TimestampFormat) -> Any:
    """The texts of values of a scalar or RANGE type."""
    if type_.kind is TypeKind.TIMESTAMP:
        return _TIMESTAMP[timestamps](array)
    if type_.kind is TypeKind.RANGE and type_.element is not None:
        return _range_text(array, type_.element, timestamps)
    return _TEXT.get(type_.kind, plain)(array)


def _range_text(array: Any, element: Type, timestamps: TimestampFormat) -> Any:
    """``[start, end)`` with UNBOUNDED for NULL bounds; bounds that are timestamps are microseconds or ISO
    8601.
    """
    if timestamps is TimestampFormat.FLOAT64:
        timestamps = TimestampFormat.INT64
    bounds = [text_of(array.field(i), element, timestamps).fill_null(constant("UNBOUNDED")) for i in (0, 1)]
    text = _join("[", bounds[0], ", ", bounds[1], ")")
    return compute(pc.if_else, pc.is_valid(array), text, None) if array.null_count else text
