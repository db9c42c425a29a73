"""Mathematical functions on INT64, FLOAT64 and NUMERIC with GoogleSQL's domains, rounding and error texts."""

from __future__ import annotations

import math
import re
import sys
from decimal import ROUND_DOWN as TOWARD_ZERO
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal
from typing import Any

from bqsim.errors import invalid_query

from .casts import parse_numeric_with_exponent
from .rows import row_kernel

_UNIT = Decimal("1e-9")
_LIMIT = Decimal("1e29")
_LARGEST_FLOAT = Decimal(sys.float_info.max)
_WIDE = Context(prec=100, rounding=ROUND_HALF_UP)
# Enough digits to round roots and logarithms of NUMERIC correctly.
_ROOTS = Context(prec=60, rounding=ROUND_HALF_UP)
_PARSE_NUMERIC = re.compile(
    r"\s*(?:([+-])\s*([0-9,]*(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?)|([0-9,]*(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?)\s*([+-])?)\s*",
    re.ASCII,
)
_MODES = {"ROUND_HALF_AWAY_FROM_ZERO": ROUND_HALF_UP, "ROUND_HALF_EVEN": ROUND_HALF_EVEN}


def show(value: Decimal) -> str:
    """A NUMERIC as its cast to STRING has it."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def to_numeric(value: Decimal) -> Decimal | None:
    """Rounded half away from zero to NUMERIC's scale; None when out of range."""
    if not value:
        return Decimal(0)
    if value.adjusted() > 40:
        return None
    value = value.quantize(_UNIT, context=_WIDE)
    return value if value.copy_abs() < _LIMIT else None


def _checked(value: Decimal, call: str) -> Decimal:
    result = to_numeric(value)
    if result is None:
        raise invalid_query(f"numeric overflow: {call}")
    return result


def round_float(x: float, digits: int) -> float:
    """Half away from zero, decided on the exact value of the binary number."""
    return _cut_float(x, digits, ROUND_HALF_UP, "ROUND")


def trunc_float(x: float, digits: int) -> float:
    return _cut_float(x, digits, TOWARD_ZERO, "TRUNC")


def _cut_float(x: float, digits: int, mode: str, name: str) -> float:
    if not math.isfinite(x) or digits > 400:
        return x
    if digits < -308:
        return 0.0
    context = Context(prec=1200, rounding=mode)
    result = Decimal(x).quantize(Decimal(1).scaleb(-digits, context), context=context)
    if result.copy_abs() > _LARGEST_FLOAT:
        raise invalid_query(f"Floating point overflow in function: {name}({x:g}, {abs(digits)})")
    return float(result)


def _cut_numeric(x: Decimal, digits: int, mode: str, name: str) -> Decimal:
    if digits >= 9:
        return x
    if digits < -38:
        return Decimal(0)
    context = Context(prec=100, rounding=mode)
    return _checked(x.quantize(Decimal(1).scaleb(-digits), context=context), f"{name}({show(x)}, {digits})")


def round_numeric(x: Decimal, digits: int, mode: str) -> Decimal:
    if mode not in _MODES:
        raise invalid_query(f"Invalid rounding_mode: {mode}")
    return _cut_numeric(x, digits, _MODES[mode], "ROUND")


def trunc_numeric(x: Decimal, digits: int) -> Decimal:
    return _cut_numeric(x, digits, TOWARD_ZERO, "TRUNC")


def ln_numeric(x: Decimal) -> Decimal:
    if x <= 0:
        raise invalid_query(f"LN is undefined for zero or negative value: LN({show(x)})")
    return _checked(_ROOTS.ln(x), "LN")


def log10_numeric(x: Decimal) -> Decimal:
    if x <= 0:
        raise invalid_query(f"LOG10 is undefined for zero or negative value: LOG10({show(x)})")
    return _checked(_ROOTS.log10(x), "LOG10")


def log_numeric(x: Decimal, base: Decimal) -> Decimal:
    if x <= 0 or base <= 0 or base == 1:
        raise invalid_query(
            "LOG is undefined for zero or negative value, or when base equals 1: "
            f"LOG({show(x)}, {show(base)})"
        )
    return _checked(_ROOTS.divide(_ROOTS.ln(x), _ROOTS.ln(base)), f"LOG({show(x)}, {show(base)})")


def sqrt_numeric(x: Decimal) -> Decimal:
    if x < 0:
        raise invalid_query(f"SQRT is undefined for negative value: SQRT({show(x)})")
    return _checked(_ROOTS.sqrt(x), "SQRT")


def cbrt_numeric(x: Decimal) -> Decimal:
    if not x:
        return Decimal(0)
    root = _ROOTS.power(x.copy_abs(), _ROOTS.divide(Decimal(1), Decimal(3)))
    return _checked(root.copy_sign(x), "CBRT")


def pow_numeric(x: Decimal, y: Decimal) -> Decimal:
    call = f"POW({show(x)}, {show(y)})"
    if not y:
        return Decimal(1)
    if not x:
        if y < 0:
            raise invalid_query(f"division by zero: {call}")
        return Decimal(0)
    whole = y == y.to_integral_value()
    if x < 0 and not whole:
        raise invalid_query(f"Negative NUMERIC value cannot be raised to a fractional power: {call}")
    negative = x < 0 and int(y) % 2 == 1
    logarithm = _WIDE.multiply(_WIDE.ln(x.copy_abs()), y)
    if logarithm > 70:
        raise invalid_query(f"numeric overflow: {call}")
    if logarithm < -25:
        return Decimal(0)
    power = _WIDE.power(x.copy_abs(), y)
    return _checked(power.copy_negate() if negative else power, call)


def safe_multiply_numeric(x: Decimal, y: Decimal) -> Decimal | None:
    return to_numeric(_WIDE.multiply(x, y))


def safe_divide_numeric(x: Decimal, y: Decimal) -> Decimal | None:
    return to_numeric(_WIDE.divide(x, y)) if y else None


def div_numeric(x: Decimal, y: Decimal) -> Decimal:
    """The whole part of a quotient."""
    call = f"DIV({show(x)}, {show(y)})"
    if not y:
        raise invalid_query(f"division by zero: {call}")
    return _checked(_WIDE.divide_int(x, y), call)


def parse_numeric(text: str) -> Decimal:
    """PARSE_NUMERIC: a sign before or after, spaces around it, commas anywhere in the whole part."""
    match = _PARSE_NUMERIC.fullmatch(text)
    value = None
    if match is not None:
        sign = match[1] or match[4] or ""
        text_digits = match[2] or match[3] or ""
        digits = text_digits.replace(",", "")
        if re.match(r"\.?[0-9]", digits) and not re.match(r",+\.", text_digits):
            value = parse_numeric_with_exponent(sign + (digits if "e" in digits.lower() else digits + "e0"))
    if value is None:
        raise invalid_query(f'Invalid input to PARSE_NUMERIC: "{text}"')
    return value


_NUMERIC = "DECIMAL(38,9)"


def _numeric(name: str, count: int, function: Any, *, nullable: bool = False) -> Any:
    return row_kernel(f"bq_{name}_numeric", (_NUMERIC,) * count, _NUMERIC, function, nullable=nullable)


KERNELS = (
    row_kernel("bq_round_exact", ("DOUBLE", "BIGINT"), "DOUBLE", round_float),
    row_kernel("bq_trunc_exact", ("DOUBLE", "BIGINT"), "DOUBLE", trunc_float),
    row_kernel("bq_round_numeric", (_NUMERIC, "BIGINT", "VARCHAR"), _NUMERIC, round_numeric),
    row_kernel("bq_trunc_numeric", (_NUMERIC, "BIGINT"), _NUMERIC, trunc_numeric),
    _numeric("ln", 1, ln_numeric),
    _numeric("log10", 1, log10_numeric),
    _numeric("log", 2, log_numeric),
    _numeric("sqrt", 1, sqrt_numeric),
    _numeric("cbrt", 1, cbrt_numeric),
    _numeric("pow", 2, pow_numeric),
    _numeric("safe_multiply", 2, safe_multiply_numeric, nullable=True),
    _numeric("safe_divide", 2, safe_divide_numeric, nullable=True),
    _numeric("div", 2, div_numeric),
    row_kernel("bq_parse_numeric", ("VARCHAR",), _NUMERIC, parse_numeric),
)


def _checked_float(name: str, value: str, kind: str = "error", label: str | None = None) -> str:
    """A function of one FLOAT64 that fails when a finite argument has no finite result."""
    return f"""CREATE MACRO bq_{name}(x) AS CASE
        WHEN isfinite({value}) OR NOT isfinite(x) THEN {value}
        WHEN x IS NOT NULL THEN bq_error('Floating point {kind} in function: {label or name.upper()}('
            || printf('%g', x) || ')') END"""


def _rounding(name: str) -> str:
    """Scaled, cut and scaled back, unless the scaled value is too near a tie (or whole number) to be sure."""
    distance = "abs(abs(x * p - trunc(x * p)) - 0.5)" if name == "round" else "abs(x * p - round(x * p))"
    return f"""CREATE MACRO bq_{name}_scaled(x, n, p) AS CASE
        WHEN abs(x) * p < 68719476736 AND {distance} > 0.0001 THEN {name}(x * p) / p
        ELSE bq_{name}_exact(x, n) END"""


MACROS: tuple[str, ...] = (
    _checked_float("exp", "exp(x)"),
    _checked_float("ln", "CASE WHEN x = '-infinity'::DOUBLE THEN 'nan'::DOUBLE ELSE ln(x) END"),
    _checked_float("log10", "CASE WHEN x = '-infinity'::DOUBLE THEN 'nan'::DOUBLE ELSE log10(x) END"),
    """CREATE MACRO bq_log_base(x, y) AS CASE
        WHEN x IS NULL OR y IS NULL THEN NULL
        WHEN isinf(y) OR y = 0 THEN 'nan'::DOUBLE WHEN isinf(x) AND (x < 0 OR y <= 0) THEN 'nan'::DOUBLE
        WHEN ln(y) = 0 THEN CASE WHEN isinf(x) THEN x ELSE 'nan'::DOUBLE END
        ELSE ln(x) / ln(y) END""",
    """CREATE MACRO bq_log(x, y) AS CASE
        WHEN isfinite(bq_log_base(x, y)) OR NOT (isfinite(x) AND isfinite(y)) THEN bq_log_base(x, y)
        WHEN x IS NOT NULL AND y IS NOT NULL THEN bq_error('Floating point error in function: LOG('
            || printf('%g', x) || ', ' || printf('%g', y) || ')') END""",
    """CREATE MACRO bq_pow(x, y) AS CASE
        WHEN isfinite(pow(x, y)) OR NOT (isfinite(x) AND isfinite(y)) THEN pow(x, y)
        WHEN x IS NOT NULL AND y IS NOT NULL THEN bq_error('Floating point error in function: POW('
            || printf('%g', x) || ', ' || printf('%g', y) || ')') END""",
    """CREATE MACRO bq_sqrt(x) AS CASE WHEN x >= 0 THEN sqrt(x)
        WHEN x IS NOT NULL THEN
            bq_error('Argument to SQRT cannot be negative: ' || printf('%g', x)) END""",
    _checked_float("acos", "acos(x)"),
    _checked_float("asin", "asin(x)"),
    _checked_float("acosh", "acosh(x)"),
    _checked_float("atanh", "atanh(x)"),
    _checked_float("cosh", "cosh(x)", "overflow"),
    _checked_float("sinh", "sinh(x)", "overflow"),
    _checked_float("csc", "CASE WHEN x = 0 THEN 'inf'::DOUBLE ELSE 1 / sin(x) END"),
    _checked_float("cot", "CASE WHEN x = 0 THEN 'inf'::DOUBLE ELSE 1 / tan(x) END"),
    _checked_float("csch", "CASE WHEN x = 0 THEN 'inf'::DOUBLE ELSE 1 / sinh(x) END"),
    _checked_float("coth", "CASE WHEN x = 0 THEN 'inf'::DOUBLE ELSE 1 / tanh(x) END"),
    "CREATE MACRO bq_sec(x) AS 1 / cos(x)",
    "CREATE MACRO bq_sech(x) AS 1 / cosh(x)",
    """CREATE MACRO bq_sign_float64(x) AS CASE WHEN isnan(x) THEN x ELSE CAST(sign(x) AS DOUBLE) END""",
    """CREATE MACRO bq_abs_int64(x) AS CASE WHEN x > -9223372036854775808 THEN abs(x)
        WHEN x IS NOT NULL THEN bq_error('int64 overflow: --9223372036854775808') END""",
    _rounding("round"),
    _rounding("trunc"),
    """CREATE MACRO bq_round_float64(x, n) AS CASE WHEN n = 0 THEN round(x)
        WHEN n BETWEEN 1 AND 15 THEN bq_round_scaled(x, n, pow(10e0, n))
        ELSE bq_round_exact(x, n) END""",
    """CREATE MACRO bq_trunc_float64(x, n) AS CASE WHEN n = 0 THEN trunc(x)
        WHEN n BETWEEN 1 AND 15 THEN bq_trunc_scaled(x, n, pow(10e0, n))
        ELSE bq_trunc_exact(x, n) END""",
    # A NUMERIC result of the engine's own rounding, with the digits asked for as the text shows them.
    """CREATE MACRO bq_numeric_fit(y, call, x, digits) AS coalesce(TRY_CAST(y AS DECIMAL(38, 9)),
        CASE WHEN x IS NOT NULL THEN bq_error('numeric overflow: ' || call || '('
            || bq_cast_numeric_to_string(x) || digits || ')') END)""",
    """CREATE MACRO bq_div_int64(x, y) AS CASE
        WHEN y = 0 AND x IS NOT NULL THEN bq_error('division by zero: ' || x || ' / 0')
        WHEN y = -1 THEN CASE WHEN x > -9223372036854775808 THEN -x
            WHEN x IS NOT NULL THEN bq_error('int64 overflow: --9223372036854775808') END
        ELSE x // nullif(y, 0) END""",
    """CREATE MACRO bq_mod_int64(x, y) AS CASE
        WHEN y = 0 AND x IS NOT NULL THEN bq_error('division by zero: MOD(' || x || ', 0)')
        WHEN y = -1 AND x IS NOT NULL THEN 0
        ELSE x % nullif(y, 0) END""",
    """CREATE MACRO bq_mod_numeric(x, y) AS CASE
        WHEN y = 0 AND x IS NOT NULL THEN
            bq_error('division by zero: MOD(' || bq_cast_numeric_to_string(x) || ', 0)')
        ELSE CAST(x % nullif(y, 0) AS DECIMAL(38, 9)) END""",
    """CREATE MACRO bq_ieee_divide(x, y) AS CASE
        WHEN y <> 0 OR x IS NULL THEN x / nullif(y, 0)
        WHEN y = 0 THEN CASE WHEN isnan(x) OR x = 0 THEN 'nan'::DOUBLE
            WHEN (x > 0) = (CAST(y AS VARCHAR) = '0.0') THEN 'inf'::DOUBLE ELSE '-inf'::DOUBLE END END""",
    """CREATE MACRO bq_finite_or_null(r, x, y) AS
        CASE WHEN isfinite(r) OR NOT (isfinite(x) AND isfinite(y)) THEN r END""",
    """CREATE MACRO bq_safe_divide(x, y) AS
        CASE WHEN y <> 0 THEN bq_finite_or_null(x / nullif(y, 0), x, y) END""",
    """CREATE MACRO bq_safe_add_numeric(x, y) AS CASE
        WHEN y > 0 AND x > 99999999999999999999999999999.999999999 - y THEN NULL
        WHEN y < 0 AND x < -99999999999999999999999999999.999999999 - y THEN NULL
        ELSE x + y END""",
    """CREATE MACRO bq_bad_step(items) AS list_filter(range(1, len(items)),
        lambda i: items[i + 1] IS NULL OR items[i] > items[i + 1])[1]""",
    """CREATE MACRO bq_bucket_error(i) AS bq_error(
        'Elements in input array to RANGE_BUCKET must be in ascending order. '
        || 'Nonconforming elements found at position ' || i || ' and ' || (i + 1))""",
    """CREATE MACRO bq_range_bucket(x, items) AS CASE
        WHEN x IS NULL OR items IS NULL THEN NULL
        WHEN len(items) = 0 THEN 0::BIGINT
        WHEN items[1] IS NULL THEN bq_error(
            'Elements in input array to RANGE_BUCKET cannot be null. Null element found at position 1')
        WHEN bq_bad_step(items) IS NULL THEN CAST(len(list_filter(items, lambda v: v <= x)) AS BIGINT)
        ELSE bq_bucket_error(bq_bad_step(items)) END""",
    """CREATE MACRO bq_range_bucket_float64(x, items) AS CASE
        WHEN x IS NULL OR items IS NULL OR isnan(x) THEN NULL
        WHEN isnan(items[1]) THEN bq_error(
            'Elements in input array to RANGE_BUCKET cannot be NaN. NaN element found at position 1')
        ELSE bq_range_bucket(x, list_transform(items, lambda v: CASE WHEN NOT isnan(v) THEN v END)) END""",
    """CREATE MACRO bq_vectors_fit(a, b) AS CASE
        WHEN len(a) <> len(b) THEN
            bq_error('Array length mismatch: ' || len(a) || ' and ' || len(b))
        WHEN len(list_filter(a, lambda v: v IS NULL)) > 0 THEN
            bq_error('NULL array element in first argument')
        WHEN len(list_filter(b, lambda v: v IS NULL)) > 0 THEN
            bq_error('NULL array element in second argument')
        ELSE a IS NOT NULL AND b IS NOT NULL END""",
    """CREATE MACRO bq_dot(a, b) AS coalesce(list_sum(list_transform(a, lambda v, i: v * b[i])), 0e0)""",
    """CREATE MACRO bq_finite_vectors(r, a, b) AS CASE
        WHEN isfinite(r) OR len(list_filter(a || b, lambda v: NOT isfinite(v))) > 0 THEN r
        WHEN r IS NOT NULL THEN bq_error('double overflow') END""",
    """CREATE MACRO bq_euclidean_distance(a, b) AS CASE WHEN bq_vectors_fit(a, b) THEN
        bq_finite_vectors(sqrt(coalesce(list_sum(
            list_transform(a, lambda v, i: (v - b[i]) * (v - b[i]))), 0e0)), a, b) END""",
    """CREATE MACRO bq_cosine_distance(a, b) AS CASE WHEN bq_vectors_fit(a, b) THEN
        CASE WHEN bq_dot(a, a) = 0 OR bq_dot(b, b) = 0
            THEN bq_error('Cannot compute cosine distance against zero vector')
            ELSE bq_finite_vectors(1 - bq_dot(a, b) / (sqrt(bq_dot(a, a)) * sqrt(bq_dot(b, b))), a, b)
            END END""",
)
