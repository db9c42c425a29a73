"""Casts and conversions of DATE, TIME, DATETIME and TIMESTAMP.

TIMESTAMP and DATETIME are both the
engine's TIMESTAMP (TIMESTAMP in UTC); zones are texts. The usual text forms
are read by the engine itself, the rest (one-digit fields in odd places, second 60, zones) by a kernel.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from bqsim.errors import BigQueryError, invalid_query

from .casts import failing_to_null
from .hashing_rows import flat
from .kernel import Kernel

_DATE = r"(\d{4})-(\d{1,2})-(\d{1,2})"
_TIME = r"(\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.(\d{1,6}))?"
_TIMESTAMP = re.compile(
    rf"{_DATE}(?:[ Tt](?:{_TIME})?(?:(?<=\d)[Zz]|([+-].*)|(?<=\d) ([^+-].*))?)?", re.ASCII | re.DOTALL
)
_DATETIME = re.compile(rf"{_DATE}(?:[ Tt]{_TIME})?", re.ASCII)
_NO_TIME = re.compile(rf"{_DATE}[ Tt](?:[Zz+-]?)", re.ASCII)

_MICROS_PER_SECOND = 1_000_000
_MICROS_PER_DAY = 86_400 * _MICROS_PER_SECOND
MIN_MICROS = -62_135_596_800 * _MICROS_PER_SECOND
MAX_MICROS = 253_402_300_800 * _MICROS_PER_SECOND - 1


def _civil_micros(parts: tuple[str | None, ...], leap_fraction: bool) -> int | None:
    """Microseconds since the epoch of year … fraction, None when a field is out of range.

    Second 60 is the next minute's second 0, with its fraction or without.
    """
    import datetime

    year, month, day, hour, minute, second = (int(p or 0) for p in parts[:6])
    if hour > 23 or minute > 59 or second > 60:
        return None
    try:
        days = datetime.date(year, month, day).toordinal() - 719163
    except ValueError:
        return None
    fraction = int((parts[6] or "").ljust(6, "0")) if second < 60 or leap_fraction else 0
    micros = (days * 86400 + hour * 3600 + minute * 60 + second) * _MICROS_PER_SECOND + fraction
    return micros if MIN_MICROS <= micros <= MAX_MICROS else None


def parse_datetime(text: str) -> int:
    """Microseconds of a DATETIME text."""
    match = _DATETIME.fullmatch(text)
    micros = _civil_micros(match.groups(), leap_fraction=False) if match else None
    if micros is None:
        raise invalid_query(f'Invalid datetime string "{text}"')
    return micros


def parse_timestamp(text: str, default_zone: str) -> int:
    """UTC microseconds of a TIMESTAMP text."""
    import numpy as np

    from .zones import zone

    match = _TIMESTAMP.fullmatch(text)
    if match is None or _NO_TIME.fullmatch(text):
        raise invalid_query(f"Invalid timestamp: '{text}'")
    offset, name = match[8], match[9]
    if text[-1] in "Zz" and offset is None and name is None:
        name = "UTC"
    found = zone(offset or name or default_zone)
    micros = _civil_micros(match.groups(), leap_fraction=True)
    if micros is None:
        raise invalid_query(f'Invalid timestamp string "{text}"')
    seconds = int(found.at_local(np.array([micros // _MICROS_PER_SECOND]))[0])
    micros -= seconds * _MICROS_PER_SECOND
    if not MIN_MICROS <= micros <= MAX_MICROS:
        raise invalid_query(f'Invalid timestamp string "{text}"')
    return micros


def parse_local_timestamp(text: str, zone: str) -> int:
    """UTC microseconds of a TIMESTAMP text without a zone, at ``zone``."""
    match = _TIMESTAMP.fullmatch(text)
    if match is not None and (match[8] or match[9] or text[-1] in "Zz"):
        raise invalid_query(f'Timezone is not allowed in "{text}"')
    return parse_timestamp(text, zone)


def _each(function: Callable[..., int | None], *, local: bool = False) -> Callable[..., Any]:
    """A kernel of a function on Python values that gives microseconds; usual texts at one zone are read at
    once."""

    def kernel(*columns: Any) -> Any:
        import numpy as np
        import pyarrow as pa

        from .parsing_batches import canonical_micros

        texts, zones = flat(columns[0]), [flat(column).unique() for column in columns[1:]]
        if not len(texts) or any(len(zone) != 1 or zone[0].as_py() is None for zone in zones):
            rows = zip(*(c.to_pylist() for c in columns), strict=True)
            return pa.array([function(*row) for row in rows], type=pa.int64()).cast(pa.timestamp("us"))
        try:
            values, good = canonical_micros(
                texts.fill_null(""), zones[0][0].as_py() if zones else None, local=local
            )
        except BigQueryError:
            # Of the zone: a text with one of its own does not need it.
            values, good = np.zeros(len(texts), np.int64), np.zeros(len(texts), bool)
        slow = np.flatnonzero(~good)
        missing = np.zeros(len(values), bool)
        if len(slow):
            taken = [flat(column).take(pa.array(slow)).to_pylist() for column in columns]
            made = [function(*row) for row in zip(*taken, strict=True)]
            values[slow] = [value or 0 for value in made]
            missing[slow] = [value is None for value in made]
        return pa.array(values, pa.int64(), mask=missing).cast(pa.timestamp("us"))

    return kernel


def _each_or_null(function: Callable[..., int]) -> Callable[..., Any]:
    """The same; NULL where the function fails."""

    def value(*row: Any) -> int | None:
        try:
            return None if None in row else function(*row)
        except BigQueryError:
            return None

    return _each(value)


KERNELS = (
    Kernel(
        "bq_safe_parse_datetime_text",
        ("VARCHAR",),
        "TIMESTAMP",
        _each_or_null(parse_datetime),
        null_in_null_out=False,
    ),
    Kernel(
        "bq_safe_parse_timestamp_text",
        ("VARCHAR", "VARCHAR"),
        "TIMESTAMP",
        _each_or_null(parse_timestamp),
        null_in_null_out=False,
    ),
    Kernel("bq_parse_datetime_text", ("VARCHAR",), "TIMESTAMP", _each(parse_datetime)),
    Kernel("bq_parse_timestamp_text", ("VARCHAR", "VARCHAR"), "TIMESTAMP", _each(parse_timestamp)),
    Kernel(
        "bq_local_string_to_timestamp",
        ("VARCHAR", "VARCHAR"),
        "TIMESTAMP",
        _each(parse_local_timestamp, local=True),
    ),
)

_PLAIN_TIME = r"([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?"

_STRICT = (
    # Texts.
    r"""CREATE MACRO bq_fraction_text(micros) AS
        CASE WHEN micros % 1000000 = 0 THEN ''
             WHEN micros % 1000 = 0 THEN '.' || lpad(CAST(micros % 1000000 // 1000 AS VARCHAR), 3, '0')
             ELSE '.' || lpad(CAST(micros % 1000000 AS VARCHAR), 6, '0') END""",
    "CREATE MACRO bq_cast_date_to_string(d) AS CAST(d AS VARCHAR)",
    """CREATE MACRO bq_cast_time_to_string(t) AS
       left(CAST(t AS VARCHAR), 8) || bq_fraction_text(microsecond(t))""",
    """CREATE MACRO bq_cast_datetime_to_string(t) AS
       strftime(t, '%Y-%m-%d %H:%M:%S') || bq_fraction_text(microsecond(t))""",
    """CREATE MACRO bq_offset_text(seconds) AS
       CASE WHEN seconds <= -60 THEN '-' ELSE '+' END || lpad(CAST(abs(seconds) // 3600 AS VARCHAR), 2, '0')
       || CASE WHEN abs(seconds) // 60 % 60 = 0 THEN ''
               ELSE ':' || lpad(CAST(abs(seconds) // 60 % 60 AS VARCHAR), 2, '0') END""",
    # Texts show offsets, and local times with them, in whole minutes.
    """CREATE MACRO bq_timestamp_text(t, seconds) AS
       bq_cast_datetime_to_string(t + to_seconds(seconds - seconds % 60)) || bq_offset_text(seconds)""",
    """CREATE MACRO bq_cast_timestamp_to_string(t, zone) AS
       CASE WHEN zone = 'UTC' THEN bq_cast_datetime_to_string(t) || '+00'
            ELSE bq_timestamp_text(t, bq_zone_offset(t, zone)) END""",
    # From text.
    r"""CREATE MACRO bq_cast_string_to_date(s) AS
        CASE WHEN regexp_full_match(s, '\d{4}-\d{1,2}-\d{1,2}') AND TRY_CAST(s AS DATE) >= DATE '0001-01-01'
             THEN CAST(s AS DATE)
             WHEN regexp_full_match(s, '0000-\d{1,2}-\d{1,2}') AND TRY_CAST(s AS DATE) IS NOT NULL
             THEN bq_error('Date value out of range: ''' || s || '''')
             ELSE bq_error('Invalid date: ''' || s || '''') END""",
    r"""CREATE MACRO bq_cast_string_to_time(s) AS
        CASE WHEN regexp_full_match(s, '([01]?\d|2[0-3]):[0-5]?\d:[0-5]?\d(\.\d{1,6})?') THEN CAST(s AS TIME)
             WHEN regexp_full_match(s, '([01]?\d|2[0-3]):[0-5]?\d:60(\.\d{1,6})?')
             THEN CAST(regexp_replace(s, ':60.*', ':59') AS TIME) + INTERVAL 1 SECOND
             ELSE bq_error('Invalid time string "' || s || '"') END""",
    rf"""CREATE MACRO bq_cast_string_to_datetime(s) AS
        CASE WHEN regexp_full_match(s, '\d{{4}}-\d{{1,2}}-\d{{1,2}}([ T]{_PLAIN_TIME})?')
                  AND TRY_CAST(s AS TIMESTAMP) >= TIMESTAMP '0001-01-01'
             THEN CAST(s AS TIMESTAMP) ELSE bq_parse_datetime_text(s) END""",
    rf"""CREATE MACRO bq_cast_string_to_timestamp(s, zone) AS
        CASE WHEN regexp_full_match(s, '\d{{4}}-\d{{1,2}}-\d{{1,2}} {_PLAIN_TIME}(Z|\+00|\+00:00| UTC)')
                  AND TRY_CAST(regexp_replace(s, '(Z|\+00|\+00:00| UTC)$', '') AS TIMESTAMP)
                      >= DATE '0001-01-01'
             THEN CAST(regexp_replace(s, '(Z|\+00|\+00:00| UTC)$', '') AS TIMESTAMP)
             WHEN zone = 'UTC' AND regexp_full_match(s, '\d{{4}}-\d{{1,2}}-\d{{1,2}}([ T]{_PLAIN_TIME})?')
                  AND TRY_CAST(s AS TIMESTAMP) >= TIMESTAMP '0001-01-01'
             THEN CAST(s AS TIMESTAMP)
             ELSE bq_parse_timestamp_text(s, zone) END""",
    # Between date and time types.
    "CREATE MACRO bq_cast_date_to_datetime(d) AS CAST(d AS TIMESTAMP)",
    "CREATE MACRO bq_cast_datetime_to_date(t) AS CAST(t AS DATE)",
    "CREATE MACRO bq_cast_datetime_to_time(t) AS CAST(t AS TIME)",
    """CREATE MACRO bq_in_range(t) AS
       t >= TIMESTAMP '0001-01-01' AND t < TIMESTAMP '9999-12-31 23:59:59.999999' + INTERVAL 1 MICROSECOND""",
    """CREATE MACRO bq_zone_text(zone) AS
       CASE WHEN regexp_full_match(zone, '(UTC)?[+-].*')
            THEN 'Fixed/UTC' || bq_fixed_text(bq_zone_offset(TIMESTAMP '2000-01-01', zone)) ELSE zone END""",
    """CREATE MACRO bq_fixed_text(seconds) AS
       CASE WHEN seconds < 0 THEN '-' ELSE '+' END || lpad(CAST(abs(seconds) // 3600 AS VARCHAR), 2, '0')
       || ':' || lpad(CAST(abs(seconds) // 60 % 60 AS VARCHAR), 2, '0') || ':00'""",
    """CREATE MACRO bq_cast_datetime_to_timestamp(t, zone) AS
       CASE WHEN zone = 'UTC' OR bq_in_range(bq_zone_utc(t, zone)) THEN bq_zone_utc(t, zone)
            ELSE bq_error('Cannot convert Datetime ' || bq_cast_datetime_to_string(t) || ' at timezone '
                          || bq_zone_text(zone) || ' to a Timestamp') END""",
    """CREATE MACRO bq_cast_date_to_timestamp(d, zone) AS
       CASE WHEN zone = 'UTC' THEN CAST(d AS TIMESTAMP)
            WHEN bq_in_range(bq_zone_utc(CAST(d AS TIMESTAMP), zone))
            THEN bq_zone_utc(CAST(d AS TIMESTAMP), zone)
            WHEN zone IS NOT NULL THEN bq_error('Cannot convert date ' || CAST(d AS VARCHAR) ||
                ' to timestamp') END""",
    """CREATE MACRO bq_cast_timestamp_to_datetime(t, zone) AS
       CASE WHEN zone = 'UTC' OR bq_in_range(bq_zone_local(t, zone)) THEN bq_zone_local(t, zone)
            ELSE bq_error('Invalid Datetime [INVALID]extracted from timestamp '
                          || bq_cast_timestamp_to_string(t, zone)) END""",
    """CREATE MACRO bq_cast_timestamp_to_date(t, zone) AS
       CASE WHEN zone = 'UTC' OR bq_in_range(bq_zone_local(t, zone)) THEN CAST(bq_zone_local(t, zone) AS DATE)
            ELSE bq_error('Invalid date extracted from timestamp '
                          || bq_cast_timestamp_to_string(t, zone)) END""",
    "CREATE MACRO bq_cast_timestamp_to_time(t, zone) AS CAST(bq_zone_local(t, zone) AS TIME)",
    # Parts of formatted texts: offsets in whole minutes, and the local time that goes with them.
    "CREATE MACRO bq_whole_minutes(t, seconds) AS t + to_seconds(seconds - seconds % 60)",
    """CREATE MACRO bq_offset_digits(seconds, separator) AS
       CASE WHEN seconds <= -60 THEN '-' ELSE '+' END || lpad(CAST(abs(seconds) // 3600 AS VARCHAR), 2, '0')
       || separator || lpad(CAST(abs(seconds) // 60 % 60 AS VARCHAR), 2, '0')""",
    """CREATE MACRO bq_zone_shown(seconds) AS
       CASE WHEN seconds // 60 = 0 THEN 'UTC'
            WHEN seconds // 60 % 60 = 0
            THEN 'UTC' || CASE WHEN seconds < 0 THEN '-' ELSE '+' END || CAST(abs(seconds) // 3600 AS VARCHAR)
            ELSE 'UTC' || bq_offset_digits(seconds, '') END""",
    # As many fraction digits as needed.
    """CREATE MACRO bq_short_fraction(t) AS
       CASE WHEN microsecond(t) % 1000000 = 0 THEN ''
            ELSE '.' || rtrim(lpad(CAST(microsecond(t) % 1000000 AS VARCHAR), 6, '0'), '0') END""",
)

MACROS = (
    *_STRICT,
    *failing_to_null(
        _STRICT, *(f"cast_string_to_{kind}" for kind in ("date", "time", "datetime", "timestamp"))
    ),
)
