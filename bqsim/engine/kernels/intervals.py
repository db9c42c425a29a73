"""INTERVAL: three parts (months, days, microseconds) with BigQuery's limits, texts and arithmetic."""

from __future__ import annotations

import re
from typing import Any

from bqsim.errors import invalid_query

from .binding import bound
from .kernel import Kernel

MAX_MONTHS = 120_000
MAX_DAYS = 3_660_000
MAX_MICROS = 316_224_000_000_000_000
_INT64 = range(-(1 << 63), 1 << 63)

_MONTHS = r"(?P<y>[+-]?\d+)-(?P<m>\d+)"
_TIME = r"(?P<sign>[+-]?)(?P<h>\d+):(?P<mi>\d+)"
_SECONDS = r":(?P<s>\d+)(?:\.(?P<f>\d{1,6}))?"
_DAYS = r"(?P<d>[+-]?\d+)"
# The texts whose fields can be told without naming them.
_FORMS = tuple(
    re.compile(form, re.ASCII)
    for form in (
        rf"{_MONTHS}(?: {_DAYS}(?: (?:{_TIME}(?:{_SECONDS})?|(?P<sign2>[+-]?)(?P<h2>\d+)))?)?",
        rf"{_DAYS} {_TIME}(?:{_SECONDS})?",
        rf"{_TIME}{_SECONDS}",
        r"(?P<mm>[+-]?\d+) (?P<d>[+-]?\d+) (?P<sign2>[+-]?)(?P<h2>\d+)",
    )
)
_ISO_NUMBER = re.compile(r"-?\d+", re.ASCII)
_ISO_UNITS = {
    "date": {"Y": ("months", 12), "M": ("months", 1), "W": ("days", 7), "D": ("days", 1)},
    "time": {"H": ("micros", 3_600_000_000), "M": ("micros", 60_000_000), "S": ("micros", 1_000_000)},
}


def checked(months: int, days: int, micros: int) -> tuple[int, int, int]:
    """The parts, when each is in range."""
    for field, value, limit, zeros in (
        ("months", months, MAX_MONTHS, ""),
        ("days", days, MAX_DAYS, ""),
        ("nanoseconds", micros, MAX_MICROS, "000"),
    ):
        if abs(value) > limit:
            shown = f"{value}{zeros if value else ''}"
            raise invalid_query(
                f"Interval field {field} '{shown}' is out of range -{limit}{zeros} to {limit}{zeros}"
            )
    return months, days, micros


def parse_interval(text: str) -> tuple[int, int, int]:
    """Months, days and microseconds of an INTERVAL text."""
    if text.startswith("P"):
        return _parse_iso(text)
    for form in _FORMS:
        match = form.fullmatch(text)
        if match is not None:
            return _fields(text, match.groupdict())
    raise invalid_query(f"Invalid INTERVAL value '{text}'")


def _fields(text: str, field: dict[str, str | None]) -> tuple[int, int, int]:
    numbers = {k: int(v) for k, v in field.items() if v and not k.startswith("sign") and k != "f"}
    if any(n not in _INT64 for n in numbers.values()):
        raise invalid_query(f"Invalid INTERVAL value '{text}'")
    years = abs(numbers.get("y", 0)) * 12 + numbers.get("m", 0)
    months = -years if (field.get("y") or "").startswith("-") else years
    months += numbers.get("mm", 0)
    seconds = (numbers.get("h", 0) + numbers.get("h2", 0)) * 3600
    seconds += numbers.get("mi", 0) * 60 + numbers.get("s", 0)
    micros = seconds * 1_000_000 + int((field.get("f") or "").ljust(6, "0"))
    negative = "-" in (field.get("sign"), field.get("sign2"))
    return checked(months, numbers.get("d", 0), -micros if negative else micros)


def _parse_iso(text: str) -> tuple[int, int, int]:
    """An ISO 8601 duration: ``P1Y2M3DT4H5M6.5S``, each number with its own sign."""

    def invalid(why: str) -> Exception:
        return invalid_query(f"Invalid INTERVAL value '{text}': {why}")

    totals = {"months": 0, "days": 0, "micros": 0}
    portion, at = "date", 1
    if len(text) == 1:
        raise invalid("At least one datetime part must be defined in the interval")
    while at < len(text):
        if text[at] == "T" and portion == "date":
            portion, at = "time", at + 1
            continue
        number = _ISO_NUMBER.match(text, at)
        if number is None and text[at] == "-":
            place = f"'{text[at + 1]}'" if at + 1 < len(text) else "end of string"
            raise invalid(f"Expected number at {place}")
        if number is None:
            raise invalid(f"Unexpected '{text[at]}'")
        at = number.end()
        fraction = None
        if at < len(text) and text[at] in ".,":
            end = at + 1
            while end < len(text) and text[end].isdigit():
                end += 1
            fraction, at = text[at + 1 : end], end
        if at == len(text):
            raise invalid(f"Unexpected end of input in the {portion} portion of interval")
        unit = _ISO_UNITS[portion].get(text[at])
        if unit is None:
            known = text[at].isalpha()
            raise invalid(
                f"Unexpected '{text[at]}'" + (f" in the {portion} portion of interval" if known else "")
            )
        if fraction is not None and text[at] != "S":
            raise invalid(
                f"Fractional values are only allowed for seconds part 'S', but were used for '{text[at]}'"
            )
        value = int(number[0])
        if value not in _INT64:
            raise invalid(f"Cannot convert '{number[0]}' to integer")
        amount = value * unit[1]
        if fraction is not None:
            if not 1 <= len(fraction) <= 6:
                raise invalid_query("Invalid INTERVAL value ''")
            micros = int(fraction.ljust(6, "0"))
            amount += -micros if number[0].startswith("-") else micros
        totals[unit[0]] += amount
        at += 1
    return checked(totals["months"], totals["days"], totals["micros"])


def _parse(texts: Any) -> Any:
    import pyarrow as pa

    parts = [parse_interval(text) for text in texts.to_pylist()]
    columns = [pa.array([p[i] for p in parts], type=pa.int64()) for i in range(3)]
    return pa.StructArray.from_arrays(columns, names=["m", "d", "u"])


KERNELS = (Kernel("bq_parse_interval", ("VARCHAR",), "STRUCT(m BIGINT, d BIGINT, u BIGINT)", _parse),)


def _out_of_range(field: str, value: str, limit: int, zeros: str = "") -> str:
    shown = f"CASE WHEN {value} = 0 THEN '' ELSE '{zeros}' END" if zeros else "''"
    return (
        f"WHEN abs({value}) > {limit} "
        f"THEN bq_error('Interval field {field} ''' || CAST({value} AS VARCHAR) || {shown}"
        f" || ''' is out of range -{limit}{zeros} to {limit}{zeros}')"
    )


_FULL = r"(-?\d{1,5})-(\d{1,6}) (-?\d{1,8}) (-?\d{1,8}):(\d{1,6}):(\d{1,6})(?:\.(\d{1,6}))?"

MACROS = (
    "CREATE MACRO bq_interval_months(i) AS year(i) * 12 + month(i)",
    "CREATE MACRO bq_interval_days(i) AS day(i)",
    """CREATE MACRO bq_interval_micros(i) AS
       hour(i) * 3600000000 + minute(i) * 60000000 + microsecond(i)""",
    # Of three integers of any width.
    f"""CREATE MACRO bq_interval(m, d, u) AS
        CASE {_out_of_range("months", "m", MAX_MONTHS)} {_out_of_range("days", "d", MAX_DAYS)}
             {_out_of_range("nanoseconds", "u", MAX_MICROS, "000")}
             ELSE to_months(TRY_CAST(m AS INTEGER)) + to_days(TRY_CAST(d AS INTEGER))
                  + to_microseconds(TRY_CAST(u AS BIGINT)) END""",
    bound(
        "bq_interval_of_parts(p)",
        "to_months(CAST(v.p.m AS INTEGER)) + to_days(CAST(v.p.d AS INTEGER)) + to_microseconds(v.p.u)",
    ),
    # The full form is read by the engine itself; a sign counts for years and months, or for the whole time.
    bound(
        "bq_interval_of_fields(p)",
        """bq_interval(
            (abs(CAST(v.p.y AS INTEGER)) * 12 + CAST(v.p.m AS INTEGER))
                * CASE WHEN starts_with(v.p.y, '-') THEN -1 ELSE 1 END,
            CAST(v.p.d AS INTEGER),
            (((abs(CAST(v.p.h AS BIGINT)) * 60 + CAST(v.p.mi AS INTEGER)) * 60
                + CAST(v.p.s AS INTEGER)) * 1000000 + CAST(rpad(v.p.f, 6, '0') AS INTEGER))
                * CASE WHEN starts_with(v.p.h, '-') THEN -1 ELSE 1 END)""",
    ),
    rf"""CREATE MACRO bq_cast_string_to_interval(s) AS CASE
        WHEN regexp_full_match(s, '{_FULL}')
        THEN bq_interval_of_fields(regexp_extract(s, '^{_FULL}$', ['y', 'm', 'd', 'h', 'mi', 's', 'f']))
        ELSE bq_interval_of_parts(bq_parse_interval(s)) END""",
    """CREATE MACRO bq_interval_text(m, d, u) AS
       CASE WHEN m < 0 THEN '-' ELSE '' END || CAST(abs(m) // 12 AS VARCHAR) || '-' || CAST(abs(m) % 12 AS
           VARCHAR)
       || ' ' || CAST(d AS VARCHAR) || ' ' || CASE WHEN u < 0 THEN '-' ELSE '' END
       || CAST(abs(u) // 3600000000 AS VARCHAR) || ':' || CAST(abs(u) // 60000000 % 60 AS VARCHAR)
       || ':' || CAST(abs(u) // 1000000 % 60 AS VARCHAR) || bq_fraction_text(abs(u) % 1000000)""",
    bound(
        "bq_cast_interval_to_string(i)",
        "bq_interval_text(bq_interval_months(v.i), bq_interval_days(v.i), bq_interval_micros(v.i))",
    ),
    bound(
        "bq_interval_add(a, b)",
        """bq_interval(bq_interval_months(v.a) + bq_interval_months(v.b),
                       bq_interval_days(v.a) + bq_interval_days(v.b),
                       bq_interval_micros(v.a) + bq_interval_micros(v.b))""",
    ),
    bound(
        "bq_interval_subtract(a, b)",
        """bq_interval(bq_interval_months(v.a) - bq_interval_months(v.b),
                       bq_interval_days(v.a) - bq_interval_days(v.b),
                       bq_interval_micros(v.a) - bq_interval_micros(v.b))""",
    ),
    bound(
        "bq_interval_multiply(i, n)",
        """bq_interval(bq_interval_months(v.i) * CAST(v.n AS HUGEINT), bq_interval_days(v.i) * CAST(v.n AS
            HUGEINT),
                       bq_interval_micros(v.i) * CAST(v.n AS HUGEINT))""",
    ),
    # What does not divide goes to the next smaller part: months to 30 days, days to 24 hours.
    bound(
        "bq_interval_divide(i, n)",
        """CASE WHEN v.n = 0 AND v.i IS NOT NULL THEN bq_error('Interval division by zero')
                ELSE bq_interval_quotient(bq_interval_months(v.i), bq_interval_days(v.i),
                    bq_interval_micros(v.i),
                                          CAST(nullif(v.n, 0) AS HUGEINT)) END""",
    ),
    """CREATE MACRO bq_interval_quotient(m, d, u, n) AS
       bq_interval(m // n, (d + m % n * 30) // n, (u + (d + m % n * 30) % n * 86400000000) // n)""",
    bound(
        "bq_justify_days(i)",
        """bq_interval((bq_interval_months(v.i) * 30 + bq_interval_days(v.i)) // 30,
                       (bq_interval_months(v.i) * 30 + bq_interval_days(v.i)) % 30,
                           bq_interval_micros(v.i))""",
    ),
    """CREATE MACRO bq_justify_hours_parts(m, u) AS bq_interval(m, u // 86400000000, u % 86400000000)""",
    bound(
        "bq_justify_hours(i)",
        """bq_justify_hours_parts(bq_interval_months(v.i),
                                  bq_interval_days(v.i) * 86400000000::HUGEINT + bq_interval_micros(v.i))""",
    ),
    """CREATE MACRO bq_justify_interval_parts(u) AS
       bq_interval(u // 2592000000000, u // 86400000000 % 30, u % 86400000000)""",
    bound(
        "bq_justify_interval(i)",
        """bq_justify_interval_parts((bq_interval_months(v.i) * 30 + bq_interval_days(v.i)) *
            86400000000::HUGEINT
                                     + bq_interval_micros(v.i))""",
    ),
    f"""CREATE MACRO bq_interval_of_micros(n) AS
        CASE WHEN n NOT BETWEEN -{MAX_MICROS} AND {MAX_MICROS}
             THEN bq_error('Interval field microseconds ''' || CAST(n AS VARCHAR)
                           || ''' is out of range -{MAX_MICROS} to {MAX_MICROS}')
             ELSE to_microseconds(n) END""",
    """CREATE MACRO bq_int64_multiply(a, b) AS
       CASE WHEN abs(a * CAST(b AS HUGEINT)) > 9223372036854775807
            THEN bq_error('int64 overflow: ' || CAST(a AS VARCHAR) || ' * ' || CAST(b AS VARCHAR))
            ELSE a * CAST(b AS HUGEINT) END""",
    bound(
        "bq_make_interval(y, mo, d, h, mi, s)",
        """bq_interval(bq_int64_multiply(v.y, 12) + v.mo, v.d,
                       v.h * 3600000000::HUGEINT + v.mi * 60000000::HUGEINT + v.s * 1000000::HUGEINT)""",
    ),
    # ISO 8601: each part with its own sign, without parts that are zero.
    """CREATE MACRO bq_interval_iso_part(n, unit) AS
       CASE WHEN n = 0 THEN '' ELSE CAST(n AS VARCHAR) || unit END""",
    """CREATE MACRO bq_interval_iso_seconds(u) AS
       CASE WHEN u = 0 THEN '' ELSE CASE WHEN u < 0 THEN '-' ELSE '' END || CAST(abs(u) // 1000000 AS VARCHAR)
            || CASE WHEN u % 1000000 = 0 THEN ''
                    ELSE '.' || rtrim(lpad(CAST(abs(u) % 1000000 AS VARCHAR), 6, '0'), '0') END || 'S' END""",
    bound(
        "bq_interval_iso(i)",
        """CASE WHEN year(v.i) = 0 AND month(v.i) = 0 AND day(v.i) = 0 AND bq_interval_micros(v.i) = 0 THEN
            'P0Y'
            ELSE 'P' || bq_interval_iso_part(year(v.i), 'Y') || bq_interval_iso_part(month(v.i), 'M')
                 || bq_interval_iso_part(day(v.i), 'D')
                 || CASE WHEN bq_interval_micros(v.i) = 0 THEN ''
                         ELSE 'T' || bq_interval_iso_part(hour(v.i), 'H') ||
                             bq_interval_iso_part(minute(v.i), 'M')
                              || bq_interval_iso_seconds(microsecond(v.i)) END END""",
    ),
)
