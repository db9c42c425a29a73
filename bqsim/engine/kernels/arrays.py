"""ARRAY functions: elements, slices, texts and generated sequences."""

from __future__ import annotations

from typing import Any

from .kernel import Kernel


def _date_series(starts: Any, ends: Any, months: Any) -> Any:
    """Dates from start to end, each some months after the one before (a short month keeps its last day)."""
    import datetime

    import pyarrow as pa

    def series(start: datetime.date, end: datetime.date, step: int) -> list[datetime.date]:
        days: list[datetime.date] = []
        day = start
        while day <= end if step > 0 else day >= end:
            days.append(day)
            month = day.year * 12 + day.month - 1 + step
            if not 12 <= month < 120_000:
                break
            year, month = divmod(month, 12)
            day = datetime.date(year, month + 1, min(day.day, _days_in_month(year, month + 1)))
        return days

    rows = zip(starts.to_pylist(), ends.to_pylist(), months.to_pylist(), strict=True)
    return pa.array([series(*row) for row in rows], type=pa.list_(pa.date32()))


def _days_in_month(year: int, month: int) -> int:
    import calendar

    return calendar.monthrange(year, month)[1]


KERNELS = (Kernel("bq_date_series", ("DATE", "DATE", "BIGINT"), "DATE[]", _date_series),)

_STEP_ZERO = "bq_error('Sequence step cannot be 0.')"
# Steps that leave every range at once; larger ones would overflow.
_DAY_LIMIT = 10_000_000
_MICRO_LIMIT = 1_000_000_000_000_000_000

MACROS = (
    # Elements: ``base`` is 0 for OFFSET and 1 for ORDINAL.
    """CREATE MACRO bq_array_at(a, i, base) AS
       CASE WHEN i >= base AND i < len(a) + base THEN a[i + 1 - base]
            WHEN a IS NOT NULL AND i IS NOT NULL
            THEN bq_error('Array index ' || CAST(i AS VARCHAR) || ' is out of bounds '
                           || CASE WHEN i < base THEN '(underflow)' ELSE '(overflow)' END) END""",
    """CREATE MACRO bq_array_safe_at(a, i, base) AS
       CASE WHEN i >= base AND i < len(a) + base THEN a[i + 1 - base] END""",
    """CREATE MACRO bq_array_first(a) AS
       CASE WHEN len(a) > 0 THEN a[1]
            WHEN a IS NOT NULL THEN bq_error('ARRAY_FIRST cannot get the first element of an empty array')
                END""",
    """CREATE MACRO bq_array_last(a) AS
       CASE WHEN len(a) > 0 THEN a[len(a)]
            WHEN a IS NOT NULL THEN bq_error('ARRAY_LAST cannot get the last element of an empty array')
                END""",
    "CREATE MACRO bq_slice_bound(a, i) AS CASE WHEN i < 0 THEN i + len(a) ELSE i END",
    """CREATE MACRO bq_array_slice(a, s, e) AS
       CASE WHEN a IS NULL OR s IS NULL OR e IS NULL THEN NULL
            WHEN bq_slice_bound(a, e) < 0 OR bq_slice_bound(a, s) >= len(a)
                 OR bq_slice_bound(a, s) > bq_slice_bound(a, e) THEN list_slice(a, 1, 0)
            ELSE list_slice(a, greatest(bq_slice_bound(a, s), 0) + 1, least(bq_slice_bound(a, e), len(a)) +
                1) END""",
    # Texts. The engine's own joins only with a constant separator; ``empty`` is the empty value of the type.
    """CREATE MACRO bq_array_join(a, separator, empty) AS
       CASE WHEN len(a) = 0 THEN empty ELSE list_reduce(a, lambda x, y: x || separator || y) END""",
    """CREATE MACRO bq_array_to_string(a, separator, empty) AS
       CASE WHEN a IS NOT NULL AND separator IS NOT NULL
            THEN bq_array_join(list_filter(a, lambda x: x IS NOT NULL), separator, empty) END""",
    """CREATE MACRO bq_array_to_string_nulls(a, separator, shown, empty) AS
       CASE WHEN a IS NOT NULL AND separator IS NOT NULL AND shown IS NOT NULL
            THEN bq_array_join(list_transform(a, lambda x: coalesce(x, shown)), separator, empty) END""",
    # Sequences.
    f"""CREATE MACRO bq_generate_int64(s, e, step) AS
        CASE WHEN step = 0 AND s IS NOT NULL AND e IS NOT NULL THEN {_STEP_ZERO}
             ELSE generate_series(s, e, step) END""",
    f"""CREATE MACRO bq_generate_numeric(s, e, step) AS
        CASE WHEN s IS NULL OR e IS NULL OR step IS NULL THEN NULL
             WHEN step = 0 THEN {_STEP_ZERO}
             WHEN (step > 0) <> (s <= e) AND s <> e THEN list_slice([s], 1, 0)
             ELSE list_filter(list_transform(generate_series(0, bq_steps(s, e, step)),
                    lambda i: s + CAST(CAST(i AS HUGEINT) * step AS DECIMAL(38,9))),
                    lambda x: CASE WHEN step > 0 THEN x <= e ELSE x >= e END) END""",
    """CREATE MACRO bq_steps(s, e, step) AS
       CAST(floor((CAST(e AS DOUBLE) - CAST(s AS DOUBLE)) / CAST(step AS DOUBLE)) AS BIGINT) + 1""",
    f"""CREATE MACRO bq_generate_float64(s, e, step) AS
        CASE WHEN s IS NULL OR e IS NULL OR step IS NULL THEN NULL
             WHEN isnan(s) OR isnan(e) OR isnan(step)
             THEN bq_error('Sequence start, end, and step cannot be NaN.')
             WHEN isinf(step) THEN bq_error('Sequence step cannot be +/-inf.')
             WHEN step = 0 THEN {_STEP_ZERO}
             WHEN (step > 0 AND s > e) OR (step < 0 AND s < e) THEN list_slice([s], 1, 0)
             WHEN isinf(s) OR isinf(e) OR (e - s) / step > 1e9
             THEN bq_error('Cannot generate arrays with more than 1000000000 elements.')
             ELSE list_filter(list_transform(generate_series(0, bq_steps(s, e, step)), lambda i: s + i *
                 step),
                    lambda x: CASE WHEN step > 0 THEN x <= e ELSE x >= e END) END""",
    """CREATE MACRO bq_clamp_step(n, unit, size) AS
        CASE WHEN n IS NOT NULL
            THEN CAST(least(greatest(CAST(n AS HUGEINT) * unit, -size), size) AS BIGINT) END""",
    f"""CREATE MACRO bq_generate_dates(s, e, n, unit) AS
        CASE WHEN n = 0 AND s IS NOT NULL AND e IS NOT NULL THEN {_STEP_ZERO}
             ELSE list_transform(generate_series(bq_days(s), bq_days(e), bq_clamp_step(n, unit,
                 {_DAY_LIMIT})),
                                 lambda x: bq_date_of_days(x)) END""",
    f"""CREATE MACRO bq_generate_dates_by_month(s, e, n, unit) AS
        CASE WHEN n = 0 AND s IS NOT NULL AND e IS NOT NULL THEN {_STEP_ZERO}
             ELSE bq_date_series(s, e, bq_clamp_step(n, unit, 1000000)) END""",
    f"""CREATE MACRO bq_generate_timestamps(s, e, n, unit) AS
        CASE WHEN n = 0 AND s IS NOT NULL AND e IS NOT NULL THEN {_STEP_ZERO}
             ELSE list_transform(generate_series(epoch_us(s), epoch_us(e), bq_clamp_step(n, unit,
                 {_MICRO_LIMIT})),
                                 lambda x: make_timestamp(x)) END""",
)
