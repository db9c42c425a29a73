"""DATE_BUCKET, DATETIME_BUCKET and TIMESTAMP_BUCKET: buckets of equal width around an origin."""

from __future__ import annotations

from typing import Any

from .kernel import Kernel

_MICROS_PER_DAY = 86_400_000_000


def _month_buckets(times: Any, months: Any, origins: Any) -> Any:
    """Epoch microseconds of the bucket's start; before year 1 comes out as -10 to the 18th."""
    import datetime

    import pyarrow as pa

    epoch = datetime.datetime(1970, 1, 1)

    def begin(origin: datetime.datetime, month: int) -> int:
        if month < 12:
            return -(10**18)
        year, zero_based = divmod(month, 12)
        days = datetime.date(year, zero_based + 1, min(origin.day, _days_in_month(year, zero_based + 1)))
        start = datetime.datetime.combine(days, origin.time())
        return (start - epoch) // datetime.timedelta(microseconds=1)

    def bucket(time: int, width: int, origin_micros: int) -> int:
        origin = epoch + datetime.timedelta(microseconds=origin_micros)
        at = epoch + datetime.timedelta(microseconds=time)
        first = origin.year * 12 + origin.month - 1
        number = (at.year * 12 + at.month - 1 - first) // width
        start = begin(origin, first + number * width)
        return start if start <= time else begin(origin, first + (number - 1) * width)

    rows = zip(times.to_pylist(), months.to_pylist(), origins.to_pylist(), strict=True)
    return pa.array([bucket(*row) for row in rows], type=pa.int64())


def _days_in_month(year: int, month: int) -> int:
    import calendar

    return calendar.monthrange(year, month)[1]


KERNELS = (Kernel("bq_month_buckets", ("BIGINT", "BIGINT", "BIGINT"), "BIGINT", _month_buckets),)

_ONE_PART = "bq_error('Exactly one non-zero INTERVAL part in bucket width is required')"
_NEGATIVE = "bq_error('Negative bucket width INTERVAL is not allowed')"

MACROS = (
    """CREATE MACRO bq_fixed_bucket(t, width, origin) AS
       origin + bq_floor_divide(CAST(t - origin AS HUGEINT), width) * width""",
    f"""CREATE MACRO bq_bucket_micros(t, m, d, u, origin) AS
        CASE WHEN t IS NULL OR m IS NULL OR origin IS NULL THEN NULL
             WHEN CAST(m <> 0 AS INTEGER) + CAST(d <> 0 AS INTEGER) + CAST(u <> 0 AS INTEGER) <> 1 THEN
                 {_ONE_PART}
             WHEN m < 0 OR d < 0 OR u < 0 THEN {_NEGATIVE}
             WHEN m > 0 THEN bq_month_buckets(t, m, origin)
             ELSE bq_fixed_bucket(t, nullif(d * {_MICROS_PER_DAY} + u, 0), origin) END""",
    f"""CREATE MACRO bq_timestamp_bucket_micros(t, m, d, u, origin) AS
        CASE WHEN t IS NULL OR m IS NULL OR origin IS NULL THEN NULL
             WHEN m <> 0 THEN bq_error('Bucket width INTERVAL with non-zero MONTH part is not allowed')
             WHEN d = 0 AND u = 0 THEN bq_error('Zero bucket width INTERVAL is not allowed')
             WHEN d < 0 OR u < 0 THEN {_NEGATIVE}
             WHEN d <> 0 AND u <> 0
             THEN bq_error('Bucket width INTERVAL with mixed DAY and subsecond parts is not allowed')
             ELSE bq_fixed_bucket(t, nullif(d * {_MICROS_PER_DAY} + u, 0), origin) END""",
    """CREATE MACRO bq_bucket_begin(u, shown, kind) AS
       CASE WHEN bq_micros_in_range(u) THEN make_timestamp(TRY_CAST(u AS BIGINT))
            WHEN u IS NOT NULL THEN bq_error('Bucket for ' || shown || ' is outside of ' || kind ||
                ' range') END""",
    """CREATE MACRO bq_date_bucket_checked(t, i, origin) AS
       CASE WHEN bq_interval_micros(i) > 0 AND t IS NOT NULL AND origin IS NOT NULL
            THEN bq_error('Only MONTH and DAY parts are allowed in bucket width INTERVAL')
            ELSE bq_bucket_micros(epoch_us(t), bq_interval_months(i), bq_interval_days(i), 0,
                epoch_us(origin)) END""",
    """CREATE MACRO bq_date_bucket(d, i, origin) AS
       CAST(bq_bucket_begin(bq_date_bucket_checked(CAST(d AS TIMESTAMP), i, CAST(origin AS TIMESTAMP)),
                            CAST(d AS VARCHAR), 'date') AS DATE)""",
    """CREATE MACRO bq_datetime_bucket(t, i, origin) AS
       bq_bucket_begin(bq_bucket_micros(epoch_us(t), bq_interval_months(i), bq_interval_days(i),
                                        bq_interval_micros(i), epoch_us(origin)),
                       bq_cast_datetime_to_string(t), 'datetime')""",
    """CREATE MACRO bq_timestamp_bucket(t, i, origin) AS
       bq_bucket_begin(bq_timestamp_bucket_micros(epoch_us(t), bq_interval_months(i), bq_interval_days(i),
                                                  bq_interval_micros(i), epoch_us(origin)),
                       bq_cast_datetime_to_string(t) || '+00', 'timestamp')""",
)
