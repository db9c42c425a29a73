"""Numbers of JSON, which are those of FLOAT64, as NUMERIC values in bulk."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

NUMERIC = pa.decimal128(38, 9)
# The digits that every FLOAT64 keeps: no two decimals of so many are the same number.
_DIGITS = 15
_PLACES = 9
_POWERS = np.array([10.0**n for n in range(_PLACES + 1)])
# From each of these on a number has one place less behind its point within the digits.
_LESS_FROM = np.array([10.0**n for n in range(_DIGITS - _PLACES, _DIGITS)])
# How many bits the lower part of a number has while it is multiplied.
_LOW = 25


def numeric(array: pa.Array) -> pa.Array | None:
    """FLOAT64 numbers as the shortest decimals that are the same numbers, of nine places; None when one
    of them has more digits than every FLOAT64 keeps, or more places.
    """
    numbers = np.asarray(array.fill_null(0.0))
    sizes = np.abs(numbers)
    greatest = sizes.max(initial=0.0)
    # Neither is what is no number.
    if not greatest < 10.0**_DIGITS:
        return None
    places = np.full(len(numbers), _PLACES)
    if greatest >= _LESS_FROM[0]:
        places -= np.searchsorted(_LESS_FROM, sizes, side="right")
    powers = _POWERS[places]
    whole = np.rint(numbers * powers)
    # Both are whole numbers that FLOAT64 has, so that the quotient is the number nearest to the decimal.
    if not np.array_equal(whole / powers, numbers):
        return None
    made = pa.Array.from_buffers(NUMERIC, len(numbers), [None, pa.py_buffer(_product(whole, places))])
    return pc.if_else(array.is_valid(), made, pa.scalar(None, NUMERIC)) if array.null_count else made


def _product(whole: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Whole numbers of so many decimal places as 128-bit ones of nine: pairs of 64 bits, the lower first."""
    factors = _POWERS[_PLACES - places].astype(np.int64)
    units = whole.astype(np.int64)
    low = (units & ((1 << _LOW) - 1)) * factors
    high = (units >> _LOW) * factors + (low >> _LOW)
    made = np.empty((len(units), 2), np.int64)
    made[:, 0] = (high << _LOW) | (low & ((1 << _LOW) - 1))
    made[:, 1] = high >> (64 - _LOW)
    return made
