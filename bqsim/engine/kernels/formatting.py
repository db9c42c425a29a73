"""FORMAT: numbers by C's printf rules with GoogleSQL's grouping flag, and quoted literals for %T."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import lru_cache

from . import limbs
from .rows import row_kernel

SPEC = re.compile(r"%([-+ #0']*)([0-9]*)(\.[0-9]*)?([a-zA-Z%])")
_GROUPING = {"d": (",", 3), "x": (":", 4), "o": (",", 4)}
_WIDE = Context(prec=100)
_TEXT_ESCAPES = {"\n": r"\n", "\r": r"\r", "\t": r"\t", "\\": "\\\\"}


@dataclass(frozen=True, slots=True)
class Spec:
    """One format specifier. ``precision`` is None when there is none."""

    flags: str
    width: int
    precision: int | None
    letter: str

    @property
    def is_plain(self) -> bool:
        return not self.flags and not self.width and self.precision is None


@lru_cache(maxsize=1024)
def parse_spec(text: str) -> Spec:
    match = SPEC.fullmatch(text)
    assert match is not None, text
    precision = None if match[3] is None else int(match[3][1:] or 0)
    return Spec(match[1], int(match[2] or 0), precision, match[4])


def _sign(negative: bool, flags: str) -> str:
    if negative:
        return "-"
    return "+" if "+" in flags else " " if " " in flags else ""


def _grouped(digits: str, kind: str) -> str:
    separator, size = _GROUPING[kind]
    first = len(digits) % size
    parts = [digits[:first]] if first else []
    parts += [digits[i : i + size] for i in range(first, len(digits), size)]
    return separator.join(parts)


def _padded(sign: str, body: str, spec: Spec, *, zeros: bool) -> str:
    missing = spec.width - len(sign) - len(body)
    if missing <= 0:
        return sign + body
    if "-" in spec.flags:
        return sign + body + " " * missing
    if zeros and "0" in spec.flags:
        return sign + "0" * missing + body
    return " " * missing + sign + body


def format_integer(text: str, value: int) -> str:
    """%d %i %x %X %o."""
    spec = parse_spec(text)
    if spec.flags == "'" and spec.letter in "di" and spec.precision is None:
        return f"{value:,}".rjust(spec.width)
    kind = {"i": "d", "X": "x"}.get(spec.letter, spec.letter)
    digits = format(abs(value), kind)
    if spec.precision is not None:
        digits = "" if spec.precision == 0 and value == 0 else digits.rjust(spec.precision, "0")
    if "'" in spec.flags:
        digits = _grouped(digits, kind)
    prefix = _sign(value < 0, spec.flags)
    if "#" in spec.flags:
        prefix += {"x": "0x", "o": "0"}.get(kind, "")
    result = _padded(prefix, digits, spec, zeros=spec.precision is None)
    return result.upper() if spec.letter == "X" else result


def _float_body(spec: Spec, body: str) -> str:
    if "'" in spec.flags and spec.letter in "fFgG" and "e" not in body.lower():
        whole, point, fraction = body.partition(".")
        return _grouped(whole, "d") + point + fraction
    return body


def format_float(text: str, value: float) -> str:
    """%f %e %g and their capitals of FLOAT64."""
    spec = parse_spec(text)
    precision = 6 if spec.precision is None else spec.precision
    if not math.isfinite(value):
        sign = _sign(value < 0, spec.flags)
        body = "nan" if math.isnan(value) else "inf"
        return _padded(sign, body.upper() if spec.letter.isupper() else body, spec, zeros=False)
    if not spec.flags and not spec.width:
        return f"%.{precision}{spec.letter}" % (value or 0.0)
    sharp = "#" if "#" in spec.flags else ""
    body = f"%{sharp}.{precision}{spec.letter}" % abs(value)
    sign = _sign(value < 0, spec.flags)
    return _padded(sign, _float_body(spec, body), spec, zeros=True)


def _scientific(value: Decimal, precision: int) -> tuple[str, int]:
    """The digits of a mantissa with ``precision`` fraction digits, and the exponent."""
    if not value:
        return "0" * (precision + 1), 0
    rounded = Context(prec=precision + 1, rounding=ROUND_HALF_UP).create_decimal(value)
    digits = "".join(map(str, rounded.as_tuple().digits)).ljust(precision + 1, "0")
    return digits[: precision + 1], rounded.adjusted()


def _exponent_form(digits: str, exponent: int, sharp: bool) -> str:
    point = "." if len(digits) > 1 or sharp else ""
    return f"{digits[0]}{point}{digits[1:]}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"


def _format_bignumeric(text: str, value: bytes) -> str:
    number = Decimal(int.from_bytes(value, "big") - limbs.BIAS)
    return format_numeric(text, number.scaleb(-limbs.SCALE, _WIDE))


@lru_cache(maxsize=128)
def _rounding(precision: int) -> tuple[Decimal, Context]:
    """The last digit that is kept, and a context wide enough for any number."""
    return Decimal(1).scaleb(-precision), Context(prec=100 + precision, rounding=ROUND_HALF_UP)


def format_numeric(text: str, value: Decimal) -> str:
    """%f %e %g and their capitals of NUMERIC: half away from zero."""
    spec = parse_spec(text)
    precision = 6 if spec.precision is None else spec.precision
    sharp = "#" in spec.flags
    size = value.copy_abs()
    kind = spec.letter.lower()
    if kind == "f":
        unit, wide = _rounding(precision)
        body = f"{size.quantize(unit, context=wide):f}"
        body += "." if sharp and not precision else ""
    elif kind == "e":
        body = _exponent_form(*_scientific(size, precision), sharp)
    else:
        digits, exponent = _scientific(size, max(precision, 1) - 1)
        kept = digits if sharp else digits.rstrip("0") or "0"
        if -4 <= exponent < max(precision, 1):
            shown = f"{Decimal(digits).scaleb(exponent - len(digits) + 1):f}"
            body = shown if sharp or "." not in shown else shown.rstrip("0").rstrip(".")
        else:
            body = _exponent_form(kept, exponent, sharp)
    if spec.letter.isupper():
        body = body.upper()
    return _padded(_sign(value < 0, spec.flags), _float_body(spec, body), spec, zeros=True)


def format_text(text: str, value: str) -> str:
    """%s %t %T with width and precision, counted in code points."""
    spec = parse_spec(text)
    value = value if spec.precision is None else value[: spec.precision]
    return _padded("", value, spec, zeros=False)


def _quote(value: str) -> str:
    return "'" if '"' in value and "'" not in value else '"'


def quote_string(value: str) -> str:
    """A STRING literal of GoogleSQL."""
    quote = _quote(value)
    shown = [
        _TEXT_ESCAPES.get(c)
        or ("\\" + c if c == quote else c if ord(c) >= 32 and ord(c) != 127 else _hex(ord(c)))
        for c in value
    ]
    return quote + "".join(shown) + quote


def _hex(byte: int) -> str:
    return f"\\x{byte:02x}"


@lru_cache(maxsize=8)
def _escapes(quotes: str) -> dict[int, str]:
    """How bytes that are not shown as they are, as code points, are written."""
    found = {byte: _hex(byte) for byte in range(256) if not 32 <= byte < 127}
    return found | {ord(c): "\\" + c for c in quotes + "\\"}


def _escape(value: bytes, quotes: str) -> str:
    return value.decode("latin-1").translate(_escapes(quotes))


def quote_bytes(value: bytes) -> str:
    """A BYTES literal of GoogleSQL."""
    quote = _quote(value.decode("latin-1"))
    return f"b{quote}{_escape(value, quote)}{quote}"


def escape_bytes(value: bytes) -> str:
    """BYTES as %t shows them."""
    return _escape(value, "\"'")


KERNELS = (
    row_kernel("bq_format_integer", ("VARCHAR", "BIGINT"), "VARCHAR", format_integer),
    row_kernel("bq_format_float", ("VARCHAR", "DOUBLE"), "VARCHAR", format_float),
    row_kernel("bq_format_numeric", ("VARCHAR", "DECIMAL(38,9)"), "VARCHAR", format_numeric),
    row_kernel("bq_format_bignumeric", ("VARCHAR", "BLOB"), "VARCHAR", _format_bignumeric),
    row_kernel("bq_format_text", ("VARCHAR", "VARCHAR"), "VARCHAR", format_text),
    row_kernel("bq_quote_any_string", ("VARCHAR",), "VARCHAR", quote_string),
    row_kernel("bq_quote_bytes", ("BLOB",), "VARCHAR", quote_bytes),
    row_kernel("bq_escape_bytes", ("BLOB",), "VARCHAR", escape_bytes),
)

MACROS: tuple[str, ...] = (
    r"""CREATE MACRO bq_quote_string(x) AS CASE
        WHEN regexp_matches(x, '[\x00-\x1f\x7f"\\]') THEN bq_quote_any_string(x) ELSE '"' || x || '"' END""",
    """CREATE MACRO bq_float64_text(x) AS CASE
        WHEN isnan(x) THEN 'nan' WHEN NOT isfinite(x) THEN CAST(x AS VARCHAR)
        WHEN regexp_full_match(bq_float_digits(x), '-?[0-9]+') THEN bq_float_digits(x) || '.0'
        ELSE bq_float_digits(x) END""",
    """CREATE MACRO bq_float64_literal(x) AS CASE
        WHEN NOT isfinite(x) THEN 'CAST("' || bq_float64_text(x) || '" AS FLOAT64)'
        ELSE bq_float64_text(x) END""",
    "CREATE MACRO bq_join_texts(texts) AS coalesce(array_to_string(texts, ', '), '')",
)
