"""Casts between STRING, BYTES, BOOL and numbers: GoogleSQL's text forms, rounding and error texts."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

from bqsim.errors import invalid_query

from .kernel import Kernel

_WIDE = Context(prec=200, rounding=ROUND_HALF_UP, Emin=-999_999_999, Emax=999_999_999)
_NUMERIC_UNIT = Decimal("1e-9")
_NUMERIC_LIMIT = Decimal("1e29")
_SHOWN_BYTES = 32
_ESCAPES = {
    ord(c): e
    for c, e in (("\n", r"\n"), ("\r", r"\r"), ("\t", r"\t"), ('"', r"\""), ("'", r"\'"), ("\\", "\\\\"))
}
_NUMBER_WITH_EXPONENT = re.compile(r"([+-]?)([0-9]*)\.?([0-9]*)[eE]([+-]?[0-9]+)")


def escape_value(text: str) -> str:
    """The form in which GoogleSQL quotes a bad value in an error: at most 32 bytes, octal escapes."""
    data = text.encode()
    shown = "".join(
        _ESCAPES.get(b) or (chr(b) if 32 <= b < 127 else f"\\{b:03o}") for b in data[:_SHOWN_BYTES]
    )
    return shown + ("..." if len(data) > _SHOWN_BYTES else "")


def _error_value(messages: Any, values: Any) -> Any:
    for message, value in zip(messages.to_pylist(), values.to_pylist(), strict=True):
        if message is not None and value is not None:
            raise invalid_query(f"{message}: {escape_value(value)}")
    import pyarrow as pa

    return pa.nulls(len(messages))


def _hex_to_double(texts: Any) -> Any:
    import pyarrow as pa

    def parse(text: str | None) -> float | None:
        if text is None:
            return None
        try:
            return float.fromhex(text)
        except OverflowError:
            return float("-inf") if text.startswith("-") else float("inf")

    return pa.array([parse(t) for t in texts.to_pylist()], pa.float64())


def parse_numeric_with_exponent(text: str) -> Decimal | None:
    """A NUMERIC written with an exponent; None when it is out of range."""
    match = _NUMBER_WITH_EXPONENT.fullmatch(text)
    if match is None:
        return None
    sign, whole, fraction, exponent_text = match.groups()
    exponent = int(exponent_text)
    digits = (whole + fraction).lstrip("0")
    # GoogleSQL refuses ".5e-9", and drops every digit when the exponent alone goes below NUMERIC's scale.
    if not whole and exponent == -9:
        return None
    if not digits or exponent < -9:
        return Decimal(0)
    if len(digits) + exponent - len(fraction) > 29:
        return None
    value = Decimal((sign == "-", tuple(map(int, digits)), exponent - len(fraction)))
    value = value.quantize(_NUMERIC_UNIT, context=_WIDE)
    return value if value.copy_abs() < _NUMERIC_LIMIT else None


def _numeric_with_exponent(texts: Any) -> Any:
    import pyarrow as pa

    values = [None if t is None else parse_numeric_with_exponent(t) for t in texts.to_pylist()]
    return pa.array(values, pa.decimal128(38, 9))


KERNELS: tuple[Kernel, ...] = (
    Kernel("bq_error_value", ("VARCHAR", "VARCHAR"), "NULL", _error_value),
    Kernel("bq_hex_to_double", ("VARCHAR",), "DOUBLE", _hex_to_double, null_in_null_out=False),
    Kernel(
        "bq_numeric_with_exponent",
        ("VARCHAR",),
        "DECIMAL(38,9)",
        _numeric_with_exponent,
        null_in_null_out=False,
    ),
)

# GoogleSQL's ASCII white space, as a set of characters for trim and as a pattern.
_SPACE = "' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13)"
_S = r"[\s\v]*"
_DIGITS = r"([0-9]+\.?[0-9]*|\.[0-9]+)"
_INT = rf"'{_S}[-+]?[0-9]+{_S}'"
_HEX_INT = rf"'{_S}[-+]?0[xX][0-9a-fA-F]+{_S}'"
_DOUBLE = rf"'{_S}[-+]?{_DIGITS}([eE][-+]?[0-9]+)?{_S}|(?i:{_S}[-+]?(nan|inf|infinity){_S})'"
_HEX_DOUBLE = rf"'(?i){_S}[-+]?0x([0-9a-f]+\.?[0-9a-f]*|\.[0-9a-f]+)(p[-+]?[0-9]+)?{_S}'"
_NUMERIC = rf"'{_S}[-+]?{_DIGITS}{_S}'"
_NUMERIC_EXPONENT = rf"'{_S}[-+]?{_DIGITS}[eE][-+]?[0-9]+{_S}'"
_BAD_INT64 = f"bq_error_value('Bad int64 value', ltrim(x, {_SPACE}))"
_BAD_NUMERIC = "bq_error_value('Invalid NUMERIC value', x)"
_NON_FINITE = "'Illegal conversion of non-finite floating point number to "


def failing_to_null(macros: tuple[str, ...], *names: str) -> tuple[str, ...]:
    """The macros ``bq_<name>`` as ``bq_safe_<name>``: NULL where those fail."""
    found = []
    for sql in macros:
        for name in names:
            if f"MACRO bq_{name}(" in sql:
                quiet = re.sub(r"bq_error(_value)?\(", "bq_no_value(", sql)
                quiet = re.sub(r"bq_(parse_\w+_text)\(", r"bq_safe_\1(", quiet)
                found.append(quiet.replace(f"bq_{name}(", f"bq_safe_{name}("))
    return tuple(found)


_STRICT: tuple[str, ...] = (
    f"CREATE MACRO bq_strip(x) AS trim(x, {_SPACE})",
    rf"""CREATE MACRO bq_cast_string_to_int64(x) AS CASE
        WHEN regexp_full_match(x, {_INT}) THEN coalesce(TRY_CAST(bq_strip(x) AS BIGINT), {_BAD_INT64})
        WHEN regexp_full_match(x, {_HEX_INT}) THEN
            coalesce(TRY_CAST(
                TRY_CAST(regexp_replace(bq_strip(x), '^[-+]?0[xX]0*([0-9a-fA-F])', '0x\1') AS HUGEINT)
                * CASE WHEN bq_strip(x)[1] = '-' THEN -1 ELSE 1 END AS BIGINT), {_BAD_INT64})
        WHEN x IS NOT NULL THEN {_BAD_INT64} END""",
    f"""CREATE MACRO bq_cast_string_to_float64(x) AS CASE
        WHEN regexp_full_match(x, {_DOUBLE}) THEN TRY_CAST(bq_strip(x) AS DOUBLE)
        WHEN regexp_full_match(x, {_HEX_DOUBLE}) THEN bq_hex_to_double(bq_strip(x))
        WHEN x IS NOT NULL THEN bq_error_value('Bad double value', x) END""",
    """CREATE MACRO bq_cast_string_to_bool(x) AS CASE lower(x)
        WHEN 'true' THEN true WHEN 'false' THEN false
        ELSE CASE WHEN x IS NOT NULL THEN bq_error_value('Bad bool value', x) END END""",
    f"""CREATE MACRO bq_cast_string_to_numeric(x) AS CASE
        WHEN regexp_full_match(x, {_NUMERIC})
            THEN coalesce(TRY_CAST(bq_strip(x) AS DECIMAL(38, 9)), {_BAD_NUMERIC})
        WHEN regexp_full_match(x, {_NUMERIC_EXPONENT})
            THEN coalesce(bq_numeric_with_exponent(bq_strip(x)), {_BAD_NUMERIC})
        WHEN x IS NOT NULL THEN {_BAD_NUMERIC} END""",
    "CREATE MACRO bq_cast_string_to_bytes(x) AS encode(x)",
    """CREATE MACRO bq_cast_bytes_to_string(x) AS coalesce(TRY(decode(x)),
        CASE WHEN x IS NOT NULL THEN bq_error('Invalid cast of bytes to UTF8 string') END)""",
    "CREATE MACRO bq_cast_bool_to_string(x) AS CAST(x AS VARCHAR)",
    "CREATE MACRO bq_cast_bool_to_int64(x) AS CAST(x AS BIGINT)",
    "CREATE MACRO bq_cast_int64_to_string(x) AS CAST(x AS VARCHAR)",
    "CREATE MACRO bq_cast_int64_to_numeric(x) AS CAST(x AS DECIMAL(38, 9))",
    "CREATE MACRO bq_cast_int64_to_float64(x) AS CAST(x AS DOUBLE)",
    "CREATE MACRO bq_cast_int64_to_bool(x) AS (x <> 0)",
    # The shorter of 15 and 17 significant digits that reads back as the same number.
    """CREATE MACRO bq_float_digits(x) AS CASE
        WHEN TRY_CAST(printf('%.15g', x) AS DOUBLE) = x THEN printf('%.15g', x)
        ELSE printf('%.17g', x) END""",
    """CREATE MACRO bq_cast_float64_to_string(x) AS CASE
        WHEN x = 0 THEN '0' WHEN isnan(x) THEN 'nan' WHEN x IS NOT NULL THEN bq_float_digits(x) END""",
    f"""CREATE MACRO bq_cast_float64_to_int64(x) AS CASE
        WHEN x >= -9223372036854775808 AND x < 9223372036854775808 THEN CAST(round(x) AS BIGINT)
        WHEN isfinite(x) THEN bq_error('int64 out of range: ' || printf('%g', x))
        WHEN x IS NOT NULL THEN bq_error({_NON_FINITE}an integer: ' || CAST(x AS VARCHAR)) END""",
    # Whole part and fraction apart, both exact: the fraction is scaled by 2**90 before digits are cut.
    f"""CREATE MACRO bq_cast_float64_to_numeric(x) AS CASE
        WHEN abs(x) <= 1e29::DOUBLE THEN
            CAST(CAST(trunc(x) AS HUGEINT) AS DECIMAL(38, 9))
            + CAST(CAST((CAST(trunc(abs(x - trunc(x)) * 1237940039285380274899124224::DOUBLE) AS HUGEINT)
                         * 1000000000 + 618970019642690137449562112) >> 90 AS DECIMAL(10, 0))
                   * 0.000000001 AS DECIMAL(38, 9)) * CASE WHEN x < 0 THEN -1 ELSE 1 END
        WHEN isfinite(x) THEN bq_error('numeric out of range: ' || printf('%g', x))
        WHEN x IS NOT NULL THEN bq_error({_NON_FINITE}numeric: ' || CAST(x AS VARCHAR)) END""",
    "CREATE MACRO bq_cast_numeric_to_string(x) AS rtrim(rtrim(CAST(x AS VARCHAR), '0'), '.')",
    """CREATE MACRO bq_cast_numeric_to_int64(x) AS coalesce(TRY_CAST(x AS BIGINT), CASE WHEN x IS NOT NULL
        THEN bq_error('int64 out of range: ' || bq_cast_numeric_to_string(x)) END)""",
    # A whole number below 2**53 divided once rounds once; larger ones go through their digits for that.
    """CREATE MACRO bq_cast_numeric_to_float64(x) AS CASE
        WHEN x BETWEEN -9007199.254740992 AND 9007199.254740992 THEN CAST(x AS DOUBLE)
        ELSE CAST(CAST(x AS VARCHAR) AS DOUBLE) END""",
)

MACROS: tuple[str, ...] = (
    *_STRICT,
    "CREATE MACRO bq_no_value(message) AS NULL, (message, x) AS NULL",
    *failing_to_null(
        _STRICT, *(f"cast_string_to_{kind}" for kind in ("int64", "float64", "bool", "numeric"))
    ),
)
