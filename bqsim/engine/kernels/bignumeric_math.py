"""BIGNUMERIC functions of one row: integers of 10**-38ths in and out."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Context, Decimal

from bqsim.errors import invalid_query

from .arithmetic import rounded_division
from .limbs import SCALE, UNIT, fits, overflow, text

_HALF_EVEN = "ROUND_HALF_EVEN"
_MODES = ("ROUND_HALF_AWAY_FROM_ZERO", _HALF_EVEN)
# Digits enough to round functions of 77 digit numbers correctly.
_WIDE = Context(prec=160, rounding=ROUND_HALF_UP, Emin=-999_999, Emax=999_999)
_EXACT = Context(prec=1200)
_SPACE = r"[\s\v]*"
_NUMBER = re.compile(
    rf"{_SPACE}([-+]?)(?:([0-9]+)(?:\.([0-9]*))?|\.([0-9]+))(?:[eE]([-+]?[0-9]+))?{_SPACE}", re.ASCII
)
_PARSED = re.compile(
    r"\s*(?:([+-])\s*([0-9,]*(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?)|([0-9,]*(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?)\s*([+-])?)\s*",
    re.ASCII,
)
_LARGEST_EXPONENT = 100
Unary = Callable[[int], int]


def rounded(value: int, digits: int, mode: str = _MODES[0]) -> int:
    """ROUND to a number of digits after the point (before it when negative)."""
    if mode not in _MODES:
        raise invalid_query(f"Invalid rounding_mode: {mode}")
    if digits >= SCALE:
        return value
    if digits < -SCALE - 1:
        return 0
    unit: int = 10 ** (SCALE - digits)
    if mode == _HALF_EVEN:
        quotient, rest = divmod(abs(value), unit)
        quotient += 2 * rest > unit or (2 * rest == unit and quotient % 2)
        found = quotient * unit if value >= 0 else -quotient * unit
    else:
        found = rounded_division(value, unit) * unit
    if not fits(found):
        raise overflow(f"ROUND({text(value)}, {digits})")
    return found


def cut(value: int, digits: int) -> int:
    """TRUNC to a number of digits."""
    if digits >= SCALE:
        return value
    if digits < -SCALE - 1:
        return 0
    unit: int = 10 ** (SCALE - digits)
    whole = abs(value) // unit * unit
    return whole if value >= 0 else -whole


def ceiling(value: int) -> int:
    found = -(-value // UNIT) * UNIT
    if not fits(found):
        raise overflow(f"CEIL({text(value)})")
    return found


def floor(value: int) -> int:
    found = value // UNIT * UNIT
    if not fits(found):
        raise overflow(f"FLOOR({text(value)})")
    return found


def square_root(value: int) -> int:
    if value < 0:
        raise invalid_query(f"SQRT is undefined for negative value: SQRT({text(value)})")
    root = math.isqrt(value * UNIT)
    return root + (value * UNIT - root * root > root)


def cube_root(value: int) -> int:
    wanted = abs(value) * UNIT * UNIT
    root = _whole_cube_root(wanted * 8)
    root = (root + 1) // 2
    return root if value >= 0 else -root


def _whole_cube_root(value: int) -> int:
    """The greatest integer whose cube is not greater."""
    if not value:
        return 0
    root = 1 << -(-value.bit_length() // 3)
    while True:
        better = (2 * root + value // (root * root)) // 3
        if better >= root:
            return root
        root = better


def _decimal(value: int) -> Decimal:
    return Decimal(value).scaleb(-SCALE, _WIDE)


def _scaled(value: Decimal, call: str) -> int:
    """A decimal number as an integer of 10**-38ths, rounded half away from zero."""
    if not value:
        return 0
    if value.adjusted() > SCALE + 2:
        raise overflow(call)
    found = int(value.scaleb(SCALE, _WIDE).to_integral_value(ROUND_HALF_UP, _WIDE))
    if not fits(found):
        raise overflow(call)
    return found


def natural_logarithm(value: int) -> int:
    if value <= 0:
        raise invalid_query(f"LN is undefined for zero or negative value: LN({text(value)})")
    return _scaled(_WIDE.ln(_decimal(value)), "LN")


def decimal_logarithm(value: int) -> int:
    if value <= 0:
        raise invalid_query(f"LOG10 is undefined for zero or negative value: LOG10({text(value)})")
    return _scaled(_WIDE.log10(_decimal(value)), "LOG10")


def logarithm(value: int, base: int) -> int:
    call = f"LOG({text(value)}, {text(base)})"
    if value <= 0 or base <= 0 or base == UNIT:
        raise invalid_query(f"LOG is undefined for zero or negative value, or when base equals 1: {call}")
    return _scaled(_WIDE.divide(_WIDE.ln(_decimal(value)), _WIDE.ln(_decimal(base))), call)


def exponential(value: int) -> int:
    call = f"EXP({text(value)})"
    if value > _LARGEST_EXPONENT * UNIT:
        raise overflow(call)
    if value < -_LARGEST_EXPONENT * UNIT:
        return 0
    return _scaled(_WIDE.exp(_decimal(value)), call)


def power(value: int, exponent: int) -> int:
    call = f"POW({text(value)}, {text(exponent)})"
    if not exponent:
        return UNIT
    if not value:
        if exponent < 0:
            raise invalid_query(f"division by zero: {call}")
        return 0
    whole = exponent % UNIT == 0
    if value < 0 and not whole:
        raise invalid_query(f"Negative BIGNUMERIC value cannot be raised to a fractional power: {call}")
    negative = value < 0 and exponent // UNIT % 2 == 1
    if abs(value) == UNIT:
        return -UNIT if negative else UNIT
    size = _WIDE.multiply(_WIDE.ln(_decimal(abs(value))), _decimal(exponent))
    if size > _LARGEST_EXPONENT:
        raise overflow(call)
    if size < -_LARGEST_EXPONENT:
        return 0
    found = _WIDE.power(_decimal(abs(value)), _decimal(exponent)) if whole else _WIDE.exp(size)
    return _scaled(found.copy_negate() if negative else found, call)


def from_float(value: float) -> int:
    """The nearest BIGNUMERIC of a FLOAT64."""
    if not math.isfinite(value):
        shown = "nan" if math.isnan(value) else f"{value:g}"
        raise invalid_query(f"Illegal conversion of non-finite floating point number to BIGNUMERIC: {shown}")
    numerator, denominator = value.as_integer_ratio()
    found = rounded_division(numerator * UNIT, denominator)
    if not fits(found):
        raise invalid_query(f"BIGNUMERIC out of range: {value:g}")
    return found


def parse(written: str) -> int | None:
    """The number that a text is; None when it is none, or out of range."""
    match = _NUMBER.fullmatch(written)
    if match is None:
        return None
    sign, whole, fraction, only, exponent = match.groups()
    return _number(sign, whole or "", only or fraction or "", exponent)


def _number(sign: str, whole: str, fraction: str, exponent: str | None) -> int | None:
    digits = (whole + fraction).lstrip("0")
    if not digits:
        return 0
    shift = int(exponent or 0) - len(fraction) + SCALE
    if len(digits) + shift > 2 * SCALE + 2:
        return None
    if shift < -len(digits) - 1:
        return 0
    value = int(digits)
    found = value * 10**shift if shift >= 0 else rounded_division(value, 10**-shift)
    if sign == "-":
        found = -found
    return found if fits(found) else None


def parse_function(written: str) -> int:
    """PARSE_BIGNUMERIC: a sign before or after, spaces around it, commas anywhere in the whole part."""
    match = _PARSED.fullmatch(written)
    value = None
    if match is not None:
        digits = match[2] or match[3] or ""
        plain = digits.replace(",", "")
        if re.match(r"\.?[0-9]", plain) and not re.match(r",+\.", digits):
            value = parse((match[1] or match[4] or "") + plain)
    if value is None:
        raise invalid_query(f'Invalid input to PARSE_BIGNUMERIC: "{written}"')
    return value


# Name, number of arguments, function.
FUNCTIONS: tuple[tuple[str, int, Callable[..., int]], ...] = (
    ("ceil", 1, ceiling),
    ("floor", 1, floor),
    ("sqrt", 1, square_root),
    ("cbrt", 1, cube_root),
    ("ln", 1, natural_logarithm),
    ("log10", 1, decimal_logarithm),
    ("log", 2, logarithm),
    ("exp", 1, exponential),
    ("pow", 2, power),
)
