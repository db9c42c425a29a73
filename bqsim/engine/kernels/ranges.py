"""RANGE: pairs of a start and an end, NULL where unbounded."""

from __future__ import annotations

from typing import Any

from bqsim.errors import invalid_query

from .kernel import Kernel

_MICROS_PER_DAY = 86_400_000_000

_FORM = "Failed to parse range: range must be formatted exactly as [START, END)"


def _texts(texts: Any) -> Any:
    """The two parts of range texts, None for an unbounded one."""
    import pyarrow as pa

    parts = [_parts(text) for text in texts.to_pylist()]
    columns = [pa.array([p[i] for p in parts], type=pa.string()) for i in range(2)]
    return pa.StructArray.from_arrays(columns, names=["start", "end"])


def _parts(text: str) -> tuple[str | None, str | None]:
    if not (text.startswith("[") and text.endswith(")")):
        raise invalid_query(f"{_FORM} (found {text})")
    parts = text[1:-1].split(", ")
    if len(parts) != 2:
        raise invalid_query(f'{_FORM} with two parts, START and END, divided with ", "')
    start, end = (None if p.upper() in ("UNBOUNDED", "NULL") else p for p in parts)
    return start, end


def _split(starts: Any, ends: Any, months: Any, days: Any, micros: Any, kinds: Any, partial: Any) -> Any:
    """The parts of ranges (epoch microseconds) of a step's width, as pairs."""
    import pyarrow as pa

    columns = (starts, ends, months, days, micros, kinds, partial)
    rows = zip(*(c.to_pylist() for c in columns), strict=True)
    return pa.array([_parts_of(*row) for row in rows], type=pa.list_(pa.list_(pa.int64())))


def _parts_of(
    start: int | None,
    end: int | None,
    months: int | None,
    days: int,
    micros: int,
    kind: str,
    partial: bool | None,
) -> list[tuple[int, int]] | None:
    if months is None or partial is None:
        return None
    _check_step(months, days, micros, kind)
    if start is None or end is None:
        raise invalid_query("input RANGE cannot have UNBOUNDED endpoints")
    parts: list[tuple[int, int]] = []
    number, begin = 0, start
    while begin < end:
        number += 1
        following = _shifted(start, months * number, (days * _MICROS_PER_DAY + micros) * number)
        if following > end and not partial:
            break
        parts.append((begin, min(following, end)))
        begin = following
    return parts


def _check_step(months: int, days: int, micros: int, kind: str) -> None:
    if kind == "DATE" and micros:
        raise invalid_query("step with non-zero (H:M:S[.F]) part is not supported")
    if kind == "TIMESTAMP" and months:
        raise invalid_query("step with non-zero MONTH or YEAR part is not supported")
    if months and (days or micros):
        raise invalid_query("step should either have the Y-M part or the D (H:M:S[.F]) part")
    if not (months or days or micros):
        raise invalid_query("step cannot be 0")
    if months < 0 or days * _MICROS_PER_DAY + micros < 0:
        raise invalid_query("step cannot be negative")


def _shifted(micros: int, months: int, more: int) -> int:
    """A time some months (a short month keeps its last day) or microseconds later; far ahead after year
    9999."""
    import calendar
    import datetime

    if not months:
        return micros + more
    day, time = divmod(micros, _MICROS_PER_DAY)
    date = datetime.date.fromordinal(day + 719163)
    year, month = divmod(date.year * 12 + date.month - 1 + months, 12)
    if year > 9999:
        return 1 << 62
    last = calendar.monthrange(year, month + 1)[1]
    return (datetime.date(year, month + 1, min(date.day, last)).toordinal() - 719163) * _MICROS_PER_DAY + time


KERNELS = (
    Kernel(
        "bq_range_split",
        ("BIGINT", "BIGINT", "BIGINT", "BIGINT", "BIGINT", "VARCHAR", "BOOLEAN"),
        "BIGINT[][]",
        _split,
        null_in_null_out=False,
    ),
    Kernel("bq_range_parts", ("VARCHAR",), 'STRUCT("start" VARCHAR, "end" VARCHAR)', _texts),
)


def _to_string(kind: str, zone: str) -> str:
    def bound(field: str) -> str:
        return f"coalesce(bq_cast_{kind}_to_string(cast_range.\"{field}\"{zone}), 'UNBOUNDED')"

    shown = (
        f"CASE WHEN cast_range IS NOT NULL THEN '[' || {bound('start')} || ', ' || {bound('end')} || ')' END"
    )
    return (
        f"CREATE MACRO bq_cast_range_{kind}_to_string(r{zone}) AS "
        f"list_transform([r], lambda cast_range: {shown})[1]"
    )


def _from_string(kind: str, zone: str) -> str:
    def bound(field: str) -> str:
        return f'bq_cast_string_to_{kind}(bq_range_parts(s)."{field}"{zone})'

    # Bounds are cast once: every name of an argument puts its whole text there.
    both = f"{{'start': {bound('start')}, 'end': {bound('end')}}}"
    made = f'list_transform([{both}], lambda range_read: bq_range(range_read."start", range_read."end"))[1]'
    return f"CREATE MACRO bq_cast_string_to_range_{kind}(s{zone}) AS CASE WHEN s IS NOT NULL THEN {made} END"


MACROS = (
    # A range of two bounds; both NULL is the range without bounds, not NULL.
    """CREATE MACRO bq_range(s, e) AS
       CASE WHEN s >= e THEN bq_error('Range start element must be smaller than range end element')
            ELSE {'start': s, 'end': e} END""",
    *(
        make(kind, zone)
        for kind, zone in (("date", ""), ("datetime", ""), ("timestamp", ", zone"))
        for make in (_to_string, _from_string)
    ),
    """CREATE MACRO bq_range_contains_value(r, v) AS
       CASE WHEN r IS NOT NULL AND v IS NOT NULL
            THEN coalesce(r."start" <= v, true) AND coalesce(v < r."end", true) END""",
    """CREATE MACRO bq_range_contains_range(a, b) AS
       CASE WHEN a IS NOT NULL AND b IS NOT NULL
            THEN (a."start" IS NULL OR coalesce(a."start" <= b."start", false))
             AND (a."end" IS NULL OR coalesce(b."end" <= a."end", false)) END""",
    """CREATE MACRO bq_range_overlaps(a, b) AS
       CASE WHEN a IS NOT NULL AND b IS NOT NULL
            THEN coalesce(a."start" < b."end", true) AND coalesce(b."start" < a."end", true) END""",
    """CREATE MACRO bq_range_intersect(a, b, kind, zone) AS
       list_transform([{'a': a, 'b': b}], lambda met:
       CASE WHEN met.a IS NULL OR met.b IS NULL THEN NULL
            WHEN bq_range_overlaps(met.a, met.b)
            THEN {'start': greatest(met.a."start", met.b."start"), 'end': least(met.a."end", met.b."end")}
            ELSE bq_error('Provided RANGE inputs: ' || bq_range_shown(met.a, kind, zone) || ' and '
                          || bq_range_shown(met.b, kind, zone)
                          || ' do not overlap. Please check RANGE_OVERLAPS before calling RANGE_INTERSECT')
            END)[1]""",
    # A range in messages: over TIMESTAMP in several lines.
    """CREATE MACRO bq_range_shown(r, kind, zone) AS
       CASE kind WHEN 'DATE' THEN 'RANGE<DATE>[' || coalesce(CAST(r."start" AS VARCHAR), 'NULL') || ', '
                                  || coalesce(CAST(r."end" AS VARCHAR), 'NULL') || ')'
                 WHEN 'DATETIME' THEN 'RANGE<DATETIME>[' || bq_range_bound(r."start") || ', '
                                      || bq_range_bound(r."end") || ')'
                 ELSE 'RANGE<TIMESTAMP>[' || chr(10) || '  ' || bq_range_instant(r."start", zone) || ',' ||
                     chr(10)
                      || '  ' || bq_range_instant(r."end", zone) || chr(10) || ')' END""",
    "CREATE MACRO bq_range_bound(t) AS coalesce(bq_cast_datetime_to_string(CAST(t AS TIMESTAMP)), 'NULL')",
    """CREATE MACRO bq_range_instant(t, zone) AS
       coalesce(bq_cast_timestamp_to_string(CAST(t AS TIMESTAMP), zone), 'NULL')""",
    # Order: an unbounded start is the least, an unbounded end the greatest.
    """CREATE MACRO bq_range_less(a, b) AS
       CASE WHEN a IS NOT NULL AND b IS NOT NULL
            THEN CASE WHEN a."start" IS NOT DISTINCT FROM b."start"
                      THEN (a."end" IS NOT NULL AND b."end" IS NULL) OR coalesce(a."end" < b."end", false)
                      ELSE (a."start" IS NULL AND b."start" IS NOT NULL)
                           OR coalesce(a."start" < b."start", false) END END""",
    """CREATE MACRO bq_range_micros(r, i, kind, partial) AS
       CASE WHEN r IS NOT NULL
            THEN bq_range_split(epoch_us(CAST(r."start" AS TIMESTAMP)), epoch_us(CAST(r."end" AS TIMESTAMP)),
                                bq_interval_months(i), bq_interval_days(i), bq_interval_micros(i), kind,
                                    partial) END""",
    """CREATE MACRO bq_generate_date_ranges(r, i, partial) AS
       list_transform(bq_range_micros(r, i, 'DATE', partial),
                      lambda p: {'start': bq_date_of_days(p[1] // 86400000000),
                                 'end': bq_date_of_days(p[2] // 86400000000)})""",
    """CREATE MACRO bq_generate_time_ranges(r, i, kind, partial) AS
       list_transform(bq_range_micros(r, i, kind, partial),
                      lambda p: {'start': make_timestamp(p[1]), 'end': make_timestamp(p[2])})""",
)
