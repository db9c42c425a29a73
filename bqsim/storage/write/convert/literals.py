"""Values given as texts: literals, read in bulk by Arrow where it reads them as GoogleSQL does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bqsim.types import Type, TypeKind
from bqsim.types.arrow import arrow_type, compute
from bqsim.types.parse import parse_text
from bqsim.types.values import array_of_values

from .arrays import byte_spans, raw, reinterpreted, texts
from .scope import Converter, Scope, valid

# Reads an array of texts; None or ArrowInvalid when some of them must be looked at one by one.
BulkReader = Callable[[pa.Array], pa.Array | None]

# What each kind says of a text that it cannot read.
_MESSAGES: dict[TypeKind, str] = {
    TypeKind.NUMERIC: "Invalid NUMERIC value: {}",
    TypeKind.BIGNUMERIC: "Invalid BIGNUMERIC value: {}",
    TypeKind.DATE: "Invalid date: '{}'",
    TypeKind.TIME: 'Invalid time string "{}"',
    TypeKind.DATETIME: 'Invalid datetime string "{}"',
    TypeKind.TIMESTAMP: "Invalid timestamp: '{}'",
    TypeKind.INTERVAL: "Invalid INTERVAL value: {}",
    TypeKind.JSON: "Invalid JSON value: {}",
    TypeKind.GEOGRAPHY: "Cannot convert value {} to GEOGRAPHY",
}
# Longest part of a bad text that its message shows.
_SHOWN = 200
# Texts of these many bytes are a date and an hour without minutes, which Arrow reads and GoogleSQL does not.
_HOUR_ONLY = (11, 15)
# The first moments of the years 1 and 10000, in days.
_FIRST_DAY, _END_DAY = -719162, 2932897
_DAY_US = 86_400_000_000


def utf8(array: pa.Array, scope: Scope) -> pa.Array:
    """Bytes or text as text, without a copy; values that are not UTF-8 are told."""
    if pa.types.is_string(array.type):
        return array
    try:
        return array.cast(pa.string())
    except pa.ArrowInvalid:
        bad = np.array([not _is_utf8(v) for v in array.to_pylist()], bool)
        scope.fail(bad, lambda i: "Invalid UTF-8 value")
        return pa.nulls(len(array), pa.string())


def _is_utf8(value: bytes | None) -> bool:
    try:
        if value is not None:
            value.decode()
    except UnicodeDecodeError:
        return False
    return True


def literal(type_: Type, bulk: BulkReader | None = None) -> Converter:
    """Texts as values of ``type_``: all by ``bulk`` when it can, else one by one, each distinct text once."""

    def convert(array: pa.Array, scope: Scope) -> pa.Array:
        text = utf8(array, scope)
        if bulk is not None:
            try:
                read = bulk(text)
            except pa.ArrowInvalid:
                read = None
            if read is not None:
                return read
        return _one_by_one(text, type_, scope)

    return convert


def _one_by_one(text: pa.Array, type_: Type, scope: Scope) -> pa.Array:
    given = text.to_pylist()
    parsed: dict[str, Any] = {}
    bad: set[str] = set()
    for value in given:
        if value is None or value in parsed or value in bad:
            continue
        try:
            parsed[value] = parse_text(value, type_)
        except (ValueError, ArithmeticError, RecursionError):
            bad.add(value)
    if bad:
        message = _MESSAGES[type_.kind]
        positions = [i for i, value in enumerate(given) if value in bad]
        scope.fail(positions, lambda i: message.format(given[i][:_SHOWN]))
    values = [None if value is None else parsed.get(value) for value in given]
    if arrow_type(type_) == pa.string():
        return texts(values)
    return array_of_values(type_, values)


def dates_in_bulk(text: pa.Array) -> pa.Array | None:
    """YYYY-MM-DD."""
    dates = text.cast(pa.date32())
    return dates if _within(dates, _FIRST_DAY, _END_DAY) else None


def times_in_bulk(text: pa.Array) -> pa.Array | None:
    """HH:MM[:SS[.FFFFFF]]: the times of day of timestamps of one day."""
    dated = compute(pc.binary_join_element_wise, "1970-01-01", text, " ")
    if _has_hour_only(dated):
        return None
    moments = dated.cast(pa.timestamp("us"))
    return reinterpreted(moments, pa.time64("us")) if _within(moments, 0, _DAY_US) else None


def datetimes_in_bulk(text: pa.Array) -> pa.Array | None:
    """YYYY-MM-DD[( |T)HH:MM[:SS[.FFFFFF]]]."""
    if _has_hour_only(text):
        return None
    moments = text.cast(pa.timestamp("us"))
    return moments if _within(moments, _FIRST_DAY * _DAY_US, _END_DAY * _DAY_US) else None


def timestamps_in_bulk(text: pa.Array) -> pa.Array | None:
    """As datetimes, in UTC: with ``Z`` behind all of them, or nothing."""
    if _has_hour_only(text):
        return None
    target = pa.timestamp("us", "UTC")
    try:
        moments = text.cast(pa.timestamp("us"))
    except pa.ArrowInvalid:
        ends = pc.ends_with(text, "Z")
        if ends.false_count:
            return None
        moments = text.cast(target)
    if not _within(moments, _FIRST_DAY * _DAY_US, _END_DAY * _DAY_US):
        return None
    return reinterpreted(moments, target)


def _has_hour_only(text: pa.Array) -> bool:
    _, ends = byte_spans(text)
    lengths = np.diff(ends)
    return bool(((lengths >= _HOUR_ONLY[0]) & (lengths <= _HOUR_ONLY[1])).any())


def _within(array: pa.Array, low: int, end: int) -> bool:
    values = raw(array)
    bad = (values < low) | (values >= end)
    mask = valid(array)
    return not (bad if mask is None else bad & mask).any()
