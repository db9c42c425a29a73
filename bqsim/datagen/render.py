"""Numbers 0 … n as the values of each type: canonical Arrow in bulk, different numbers giving different
values.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bqsim.types import Field, TypeKind
from bqsim.types.arrow import arrow_type, compute, from_numpy

from .chance import MAX_SIZE, mixed

DIGITS = "0123456789"
LETTERS = "abcdefghijklmnopqrstuvwxyz"
_CONSONANTS, _VOWELS = "bcdfghjklmnprstvwxyz", "aeiou"
_TEXT_LENGTH = 8
_BYTES_LENGTH = 16
_DAY_US = 86_400_000_000
_RANGE_DAYS = 30
_KINDS = ("click", "view", "order", "refund", "login", "logout", "search", "error")
_LON, _LAT = 3_600_000, 1_800_000

Render = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Domain:
    """``size`` different values; ``render`` makes them of int64 numbers below it."""

    size: int
    render: Render


def integers(values: Any) -> Any:
    return from_numpy(values.astype(np.int64, copy=False))


def decimals(kind: TypeKind, places: int) -> Render:
    """NUMERIC or BIGNUMERIC of int64 numbers of 10^-``places``."""
    target = arrow_type(Field("", kind).type)
    words = 2 if kind is TypeKind.NUMERIC else 4
    make = pa.decimal128 if kind is TypeKind.NUMERIC else pa.decimal256
    type_ = make(target.precision, places)

    def render(values: Any) -> Any:
        limbs = np.empty((len(values), words), np.int64)
        limbs[:, 0] = values
        limbs[:, 1:] = (values >> 63)[:, None]
        return pa.Array.from_buffers(type_, len(values), [None, pa.py_buffer(limbs)], 0).cast(target)

    return render


def times(kind: TypeKind, low: int = 0) -> Render:
    """DATE of days, TIME, DATETIME and TIMESTAMP of microseconds, from ``low`` on."""
    target = arrow_type(Field("", kind).type)
    width = np.int32 if kind is TypeKind.DATE else np.int64

    def render(values: Any) -> Any:
        data = pa.py_buffer(np.ascontiguousarray((values + low).astype(width)))
        return pa.Array.from_buffers(target, len(values), [None, data], 0)

    return render


def ranges(element: TypeKind, low: int, high: int) -> Domain:
    """RANGEs of 1 to 30 days that start in ``low`` ≤ start < ``high``."""
    bound, day = times(element), 1 if element is TypeKind.DATE else _DAY_US
    target = arrow_type(Field("", TypeKind.RANGE, range_element=element).type)

    def render(values: Any) -> Any:
        starts = low + values // _RANGE_DAYS
        ends = starts + (values % _RANGE_DAYS + 1) * day
        return pa.StructArray.from_arrays([bound(starts), bound(ends)], fields=list(target))

    return Domain(min((high - low) * _RANGE_DAYS, MAX_SIZE), render)


def fixed_text(alphabets: Sequence[str]) -> Domain:
    """Texts with one character of each alphabet (ASCII) in turn.

    Where there are more than 2^62 such texts, the last characters make them different.
    """
    tables = [np.frombuffer(a.encode(), np.uint8) for a in alphabets]
    size, own = 1, len(tables)
    while own and size * len(tables[own - 1]) <= MAX_SIZE:
        own -= 1
        size *= len(tables[own])

    def render(values: Any) -> Any:
        data = np.empty((len(values), len(tables)), np.uint8)
        rest = values
        for i in reversed(range(own, len(tables))):
            rest, place = np.divmod(rest, len(tables[i]))
            data[:, i] = tables[i][place]
        for i in range(own):
            data[:, i] = tables[i][mixed(values.astype(np.uint64), np.uint64(i)) % np.uint64(len(tables[i]))]
        return fixed(pa.string(), data)

    return Domain(size, render)


def fixed(type_: Any, data: Any) -> Any:
    """STRING or BYTES of the rows of a matrix of bytes."""
    count, width = data.shape
    offsets = np.arange(count + 1, dtype=np.int32) * np.int32(width)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(data))]
    return pa.Array.from_buffers(type_, count, buffers, 0)


def alphabets_of(text: str) -> list[str]:
    """The characters at each place of a pattern: ``#`` stands for a digit, ``?`` for a letter, a backslash
    for the character after it.
    """
    alphabets: list[str] = []
    taken = iter(text)
    for character in taken:
        if character == "\\":
            alphabets.append(next(taken, "\\"))
        else:
            alphabets.append({"#": DIGITS, "?": LETTERS}.get(character, character))
    return alphabets


def word(max_length: int | None) -> Domain:
    """A word that can be pronounced, or short texts where no more fits."""
    if max_length is not None and max_length < _TEXT_LENGTH:
        return fixed_text([DIGITS + LETTERS] * max_length)
    return fixed_text([_CONSONANTS, _VOWELS] * (_TEXT_LENGTH // 2))


def octets(max_length: int | None) -> Domain:
    """BYTES of 16, or of what fits."""
    length = min(max_length or _BYTES_LENGTH, _BYTES_LENGTH)
    own = min(length, 7)

    def render(values: Any) -> Any:
        words = np.empty((len(values), 3), np.uint64)
        words[:, 0] = values
        words[:, 1] = mixed(values.astype(np.uint64), np.uint64(1))
        words[:, 2] = mixed(values.astype(np.uint64), np.uint64(2))
        raw = words.view(np.uint8).reshape(len(values), 24)
        return fixed(pa.binary(), np.concatenate((raw[:, :own], raw[:, 8 : 8 + length - own]), axis=1))

    return Domain(256**own, render)


def interval() -> Domain:
    """INTERVALs of up to ten years, 30 days and a day's milliseconds."""
    layout = np.dtype([("months", "<i4"), ("days", "<i4"), ("nanos", "<i8")])
    millis = _DAY_US // 1000

    def render(values: Any) -> Any:
        raw = np.empty(len(values), layout)
        rest, clock = np.divmod(values, millis)
        raw["months"], raw["days"] = np.divmod(rest, 31)
        raw["nanos"] = clock * 1_000_000
        return pa.Array.from_buffers(
            pa.month_day_nano_interval(), len(values), [None, pa.py_buffer(raw.view(np.uint8))], 0
        )

    return Domain(121 * 31 * millis, render)


def document() -> Domain:
    """JSON objects with a number, a word and a share."""
    kinds = pa.array([f',"kind":"{kind}","score":0.' for kind in _KINDS])

    def render(values: Any) -> Any:
        chance = mixed(values.astype(np.uint64), np.uint64(3))
        kind = kinds.take(from_numpy((chance & np.uint64(7)).astype(np.int64)))
        score = from_numpy((chance >> np.uint64(3)).astype(np.int64) % 9 + 1).cast(pa.string())
        number = from_numpy(values).cast(pa.string())
        return compute(pc.binary_join_element_wise, '{"id":', number, kind, score, "}", "")

    return Domain(1 << 31, render)


def point() -> Domain:
    """GEOGRAPHY points, to four places of a degree."""

    def render(values: Any) -> Any:
        rows, columns = np.divmod(values, _LON)
        lon = from_numpy((columns - _LON // 2) / 10_000).cast(pa.string())
        lat = from_numpy((rows - _LAT // 2) / 10_000).cast(pa.string())
        return compute(pc.binary_join_element_wise, "POINT(", lon, " ", lat, ")", "")

    return Domain(_LON * (_LAT + 1), render)


def boolean() -> Domain:
    return Domain(2, lambda values: from_numpy(values == 1))


def uuid() -> Domain:
    """Version 4 UUIDs."""
    places = [i for i in range(36) if i not in (8, 13, 18, 23)]
    digits = np.frombuffer((DIGITS + LETTERS[:6]).encode(), np.uint8)

    def render(values: Any) -> Any:
        number = values.astype(np.uint64)
        words = np.empty((len(values), 2), ">u8")
        words[:, 0] = (number >> np.uint64(12)) << np.uint64(16) | number & np.uint64(0xFFF)
        words[:, 1] = mixed(number, np.uint64(4))
        raw = words.view(np.uint8).reshape(len(values), 16)
        raw[:, 6] = raw[:, 6] & 0x0F | 0x40
        raw[:, 8] = raw[:, 8] & 0x3F | 0x80
        text = np.full((len(values), 36), ord("-"), np.uint8)
        text[:, places] = digits[np.stack((raw >> 4, raw & 15), axis=2).reshape(len(values), 32)]
        return fixed(pa.string(), text)

    return Domain(1 << 60, render)
