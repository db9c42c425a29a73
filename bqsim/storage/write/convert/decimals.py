"""NUMERIC and BIGNUMERIC: from numbers, texts, bytes and other decimals; the checks of (P, S)."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Context, Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bqsim.types import Field, Type, TypeKind
from bqsim.types.arrow import arrow_type
from bqsim.types.parse import DECIMALS, to_decimal

from .arrays import byte_spans, like, raw, words
from .literals import literal
from .scope import Converter, Scope, only_valid, valid

_WORD = (1 << 64) - 1
# Doubles below this, times 10^9, are int64.
_PLAIN = 9e9
# How near to the middle between two numbers of nine decimals a product can be and still be wrong.
_NEAR = 1e-5
_EXACT = Context(prec=100)


def at_least(rows: Any, bound: int) -> Any:
    """Booleans: which integers (rows of little-endian words, two's complement) are >= ``bound``."""
    count = rows.shape[1]
    unsigned = bound & ((1 << 64 * count) - 1)
    result = np.ones(len(rows), bool)
    for i in range(count):
        word = unsigned >> 64 * i & _WORD
        if i == count - 1:
            top = rows[:, i].view(np.int64)
            signed = np.int64(word - (1 << 64) if word >> 63 else word)
            result = (top > signed) | ((top == signed) & result)
        else:
            result = (rows[:, i] > np.uint64(word)) | ((rows[:, i] == np.uint64(word)) & result)
    return result


def outside(rows: Any, bound: int) -> Any:
    """Which integers have an absolute value of ``bound`` or more."""
    return at_least(rows, bound) | ~at_least(rows, 1 - bound)


def _told(kind: TypeKind, shown: Callable[[int], Any]) -> Callable[[int], str]:
    return lambda i: f"Invalid {kind} value: {shown(i)}"


def of_integer(kind: TypeKind) -> Converter:
    """Integers of any width."""
    target = arrow_type(Type(kind))

    def convert(array: pa.Array, _: Scope) -> pa.Array:
        return array.cast(target)

    return convert


def of_float(kind: TypeKind) -> Converter:
    """Doubles and floats: their exact value, rounded half away from zero."""
    target = arrow_type(Type(kind))

    def convert(array: pa.Array, scope: Scope) -> pa.Array:
        values = raw(array).astype(np.float64)
        present = valid(array)
        if kind is TypeKind.NUMERIC:
            rows, plain = _scaled(values)
        else:
            rows, plain = np.zeros((len(values), 4), np.uint64), np.zeros(len(values), bool)
        pending = ~plain if present is None else ~plain & present
        if pending.any():
            _fill_exact(rows, values, np.flatnonzero(pending), kind, scope)
        return like(array, target, rows)

    return convert


def _scaled(values: Any) -> tuple[Any, Any]:
    """Doubles times 10^9 as rows of two words, and which of them are certainly right."""
    with np.errstate(invalid="ignore"):
        size = np.abs(values)
        plain = size < _PLAIN
        size = np.where(plain, size, 0.0)
    whole = np.floor(size)
    fraction = (size - whole) * 1e9
    rounded = np.floor(fraction + 0.5)
    plain &= np.abs(fraction - np.floor(fraction) - 0.5) > _NEAR
    total = whole.astype(np.int64) * 1_000_000_000 + rounded.astype(np.int64)
    total = np.where(values < 0, -total, total)
    rows = np.empty((len(values), 2), np.uint64)
    rows[:, 0] = total.view(np.uint64)
    rows[:, 1] = (total >> 63).view(np.uint64)
    return rows, plain


def _fill_exact(rows: Any, values: Any, positions: Any, kind: TypeKind, scope: Scope) -> None:
    """Fill the rows at ``positions`` with exact arithmetic, once for each distinct value."""
    distinct, inverse = np.unique(values[positions], return_inverse=True)
    table = np.zeros((len(distinct), rows.shape[1]), np.uint64)
    bad = np.zeros(len(distinct), bool)
    for i, value in enumerate(distinct.tolist()):
        try:
            number = to_decimal(Decimal(value), kind)
        except (ValueError, ArithmeticError):
            bad[i] = True
            continue
        table[i] = _words_of(int(number.scaleb(DECIMALS[kind][0], _EXACT)), rows.shape[1])
    inverse = inverse.reshape(-1)
    rows[positions] = table[inverse]
    scope.fail(positions[bad[inverse]], _told(kind, lambda i: repr(float(values[i]))))


def _words_of(number: int, count: int) -> Any:
    return np.frombuffer(number.to_bytes(count * 8, "little", signed=True), np.uint64)


def of_text(kind: TypeKind) -> Converter:
    """Decimal texts (of a string array); Arrow reads all that need no rounding."""
    target = arrow_type(Type(kind))
    whole_digits = target.precision - target.scale

    def read(text: pa.Array) -> pa.Array | None:
        # Arrow does not see that a number of more digits before the point overflows.
        data, ends = byte_spans(text)
        used = data[ends[0] : ends[-1]]
        lengths = np.diff(ends)
        if len(used) and ((used | 0x20) == ord("e")).any():
            return None
        if len(lengths) and lengths.max() > whole_digits:
            points = raw(pc.find_substring(text, "."))
            whole = np.where((points < 0) | (points > lengths), lengths, points)
            if lengths.max() > target.precision or whole.max() > whole_digits:
                return None
        return text.cast(target)

    return literal(Type(kind), read)


def of_bytes(kind: TypeKind) -> Converter:
    """Little-endian two's complement bytes of the number times 10^9 (NUMERIC) or 10^38 (BIGNUMERIC)."""
    target = arrow_type(Type(kind))
    width = target.bit_width // 8
    limit = 10**38 if kind is TypeKind.NUMERIC else None

    def convert(array: pa.Array, scope: Scope) -> pa.Array:
        data, ends = byte_spans(array)
        lengths = np.diff(ends)
        starts = ends[:-1]
        bad = (lengths == 0) | (lengths > width)
        rows = np.zeros((len(array), width), np.uint8)
        if len(data):
            last = data[np.clip(ends[1:] - 1, 0, len(data) - 1)]
            rows[(last >= 0x80) & (lengths > 0)] = 0xFF
            for i in range(width):
                longer = np.flatnonzero(lengths > i)
                if not len(longer):
                    break
                rows[longer, i] = data[starts[longer] + i]
        as_words = rows.view(np.uint64)
        if limit is not None:
            bad |= outside(as_words, limit)
        bad = only_valid(bad, array)
        scope.fail(bad, _told(kind, lambda i: f"0x{array[i].as_py()[:64].hex()}"))
        return like(array, target, as_words)

    return convert


def of_decimal(kind: TypeKind, source: pa.DataType) -> Converter | None:
    """Decimals of another precision and scale; None when the type can hold what ``kind`` cannot."""
    target = arrow_type(Type(kind))
    if source.scale > target.scale or source.precision - source.scale > target.precision - target.scale:
        return None
    limit = 10**source.precision

    def convert(array: pa.Array, scope: Scope) -> pa.Array:
        bad = only_valid(outside(words(array), limit), array)
        if bad.any():
            scope.fail(bad, _told(kind, lambda i: "more digits than the precision of its type has"))
            return pa.nulls(len(array), target)
        return array if array.type == target else array.cast(target)

    return convert


def digits_check(field: Field, path: str, out_of_range: Callable[[Field, str], str]) -> Converter:
    """The check that values, once rounded to the scale, are within the precision of NUMERIC(P, S)."""
    own_scale = DECIMALS[field.kind][0]
    scale = field.scale or 0
    precision = field.precision or (38 if field.kind is TypeKind.NUMERIC else 76)
    # Half of the last digit is enough to be rounded up: the greatest number is odd, so a tie never goes down.
    half = 5 * 10 ** (own_scale - scale - 1) if scale < own_scale else 0
    bound = 10 ** (precision - scale + own_scale) - half
    text = out_of_range(field, path)

    def check(array: pa.Array, scope: Scope) -> pa.Array:
        rows = words(array)
        if bound < 1 << 64 * rows.shape[1] - 1:
            scope.fail(only_valid(outside(rows, bound), array), lambda i: text)
        return array

    return check
