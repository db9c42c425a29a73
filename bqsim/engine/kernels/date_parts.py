"""Arithmetic on DATE, TIME, DATETIME and TIMESTAMP by date parts.

``unit`` is a part's size in the smallest unit that the macro counts in (months, days or microseconds);
``message`` is the text of the failure when the result leaves the years 1 to 9999.
"""

from __future__ import annotations

from .binding import bound

MACROS = (
    # Narrowing casts are TRY_CAST: the engine may compute constant branches that are never taken.
    "CREATE MACRO bq_days(d) AS d - DATE '1970-01-01'",
    "CREATE MACRO bq_date_of_days(n) AS DATE '1970-01-01' + TRY_CAST(n AS INTEGER)",
    "CREATE MACRO bq_days_in_range(n) AS n BETWEEN -719162 AND 2932896",
    "CREATE MACRO bq_micros_in_range(n) AS n BETWEEN -62135596800000000 AND 253402300799999999",
    "CREATE MACRO bq_floor_divide(a, n) AS (a - (a % n + n) % n) // n",
    # Addition.
    """CREATE MACRO bq_date_add_days(d, n, unit, message) AS
       CASE WHEN bq_days_in_range(bq_days(d) + CAST(n AS HUGEINT) * unit) THEN d + TRY_CAST(CAST(n AS
           HUGEINT) * unit AS INTEGER)
            ELSE bq_error(message) END""",
    """CREATE MACRO bq_month_in_range(t, n, unit) AS
       year(t) * 12 + month(t) + CAST(n AS HUGEINT) * unit BETWEEN 13 AND 120000""",
    """CREATE MACRO bq_date_add_months(d, n, unit, message) AS
       CASE WHEN bq_month_in_range(d, n, unit) THEN CAST(d + to_months(TRY_CAST(CAST(n AS HUGEINT) * unit AS
           INTEGER)) AS DATE)
            ELSE bq_error(message) END""",
    """CREATE MACRO bq_datetime_add_months(t, n, unit, message) AS
       CASE WHEN bq_month_in_range(t, n, unit) THEN t + to_months(TRY_CAST(CAST(n AS HUGEINT) * unit AS
           INTEGER))
            ELSE bq_error(message) END""",
    """CREATE MACRO bq_datetime_add_micros(t, n, unit, message) AS
       CASE WHEN bq_micros_in_range(epoch_us(t) + CAST(n AS HUGEINT) * unit)
            THEN make_timestamp(TRY_CAST(epoch_us(t) + CAST(n AS HUGEINT) * unit AS BIGINT))
            ELSE bq_error(message) END""",
    """CREATE MACRO bq_timestamp_error_text(t) AS strftime(t, '%Y-%m-%d %H:%M:%S.%f') || '+00'""",
    """CREATE MACRO bq_time_add_micros(t, n, unit) AS
       TIME '00:00:00' + to_microseconds(CAST(epoch_us(t) + n % (86400000000 // unit) * unit AS BIGINT))""",
    # Boundaries crossed. Weeks begin ``start`` days after a Sunday.
    "CREATE MACRO bq_week_number(d, start) AS (bq_days(d) + 4 - start + 770000) // 7",
    """CREATE MACRO bq_part_count(t, unit) AS bq_floor_divide(epoch_us(t), unit)""",
    # Truncation.
    "CREATE MACRO bq_weekday_from(d, start) AS (weekday(d) + 7 - start) % 7",
    """CREATE MACRO bq_date_in_range(d, original, part, verb) AS
       CASE WHEN bq_days_in_range(bq_days(d)) THEN d
            ELSE bq_error(verb || ' date ' || CAST(original AS VARCHAR) || ' to ' || part
                          || ' resulted in an out of range date value: ' || CAST(bq_days(d) AS VARCHAR))
                              END""",
    "CREATE MACRO bq_date_trunc_part(d, part) AS CAST(date_trunc(part, d) AS DATE)",
    "CREATE MACRO bq_week_begin(d, start) AS d - CAST(bq_weekday_from(d, start) AS INTEGER)",
    """CREATE MACRO bq_date_trunc_week(d, start, part) AS
       bq_date_in_range(bq_week_begin(d, start), d, part, 'Truncating')""",
    # The Monday of the ISO week with 4 January.
    "CREATE MACRO bq_iso_year_begin(y) AS bq_week_begin(make_date(y, 1, 4), 1)",
    "CREATE MACRO bq_date_trunc_isoyear(d) AS bq_iso_year_begin(isoyear(d))",
    """CREATE MACRO bq_last_day_week(d, start, part) AS
       bq_date_in_range(d + CAST(6 - bq_weekday_from(d, start) AS INTEGER), d, part, 'Last day of')""",
    """CREATE MACRO bq_last_day_isoyear(d) AS
       bq_date_in_range(bq_iso_year_begin(isoyear(d) + 1) - 1, d, 'ISOYEAR', 'Last day of')""",
    """CREATE MACRO bq_datetime_trunc_micros(t, unit) AS
       make_timestamp(epoch_us(t) - (epoch_us(t) % unit + unit) % unit)""",
    """CREATE MACRO bq_time_trunc_micros(t, unit) AS
       TIME '00:00:00' + to_microseconds(epoch_us(t) // unit * unit)""",
    # Hours and less are cut on the local clock that shows the time; longer parts begin at their local
    # midnight.
    """CREATE MACRO bq_timestamp_trunc_local(t, unit, zone) AS
       t - to_microseconds((epoch_us(bq_zone_local(t, zone)) % unit + unit) % unit)""",
    """CREATE MACRO bq_timestamp_truncated(truncated, local, part, zone) AS
       CASE WHEN local < TIMESTAMP '0001-01-01'
                 OR (local < TIMESTAMP '0002-02-01'
                     AND bq_zone_utc(CAST(truncated AS TIMESTAMP), zone) < TIMESTAMP '0001-01-01')
            THEN bq_error('Truncating to the nearest ' || part || ' causes underflow at timezone ' || zone)
            ELSE bq_zone_utc(CAST(truncated AS TIMESTAMP), zone) END""",
    """CREATE MACRO bq_timestamp_trunc_week(t, local, start, zone) AS
       CASE WHEN bq_week_begin(CAST(local AS DATE), start) < DATE '0001-01-01'
                 OR (local < TIMESTAMP '0001-01-15' AND bq_zone_utc(CAST(bq_week_begin(CAST(local AS DATE),
                     start) AS TIMESTAMP), zone) < TIMESTAMP '0001-01-01')
            THEN bq_error('Truncating ' || bq_cast_timestamp_to_string(t, zone)
                          || ' to the nearest week causes overflow')
            ELSE bq_zone_utc(CAST(bq_week_begin(CAST(local AS DATE), start) AS TIMESTAMP), zone) END""",
    # Parts.
    "CREATE MACRO bq_week_of_year(d, start) AS (dayofyear(d) + 6 - bq_weekday_from(d, start)) // 7",
    # Construction.
    """CREATE MACRO bq_pad(n, width) AS
       CASE WHEN n < 0 THEN '-' || bq_zeros(abs(n), width - 1) ELSE bq_zeros(n, width) END""",
    """CREATE MACRO bq_zeros(n, width) AS
       lpad(CAST(n AS VARCHAR), greatest(width, length(CAST(n AS VARCHAR)))::INTEGER, '0')""",
    """CREATE MACRO bq_civil_date_ok(y, m, d) AS
       y BETWEEN 1 AND 9999 AND m BETWEEN 1 AND 12 AND d BETWEEN 1 AND 31
       AND d <= day(last_day(make_date(CASE WHEN y BETWEEN 1 AND 9999 THEN y ELSE 1 END,
                                       CASE WHEN m BETWEEN 1 AND 12 THEN m ELSE 1 END, 1)))""",
    """CREATE MACRO bq_date(y, m, d) AS
       CASE WHEN bq_civil_date_ok(y, m, d) THEN make_date(y, m, d)
            ELSE bq_error('Input calculates to invalid date: ' || bq_pad(y, 4) || '-' || bq_pad(m, 2) || '-'
                          || bq_pad(d, 2)) END""",
    """CREATE MACRO bq_civil_time_ok(h, m, s) AS h BETWEEN 0 AND 23 AND m BETWEEN 0 AND 59 AND s BETWEEN 0
        AND 60""",
    """CREATE MACRO bq_time(h, m, s) AS
       CASE WHEN bq_civil_time_ok(h, m, s)
            THEN TIME '00:00:00' + to_microseconds(CAST(h * 3600 + m * 60 + s AS BIGINT) * 1000000)
            ELSE bq_error('Input calculates to invalid time: ' || bq_pad(h, 2) || ':' || bq_pad(m, 2) || ':'
                          || bq_pad(s, 2)) END""",
    """CREATE MACRO bq_datetime(y, mo, d, h, mi, s) AS
       CASE WHEN bq_civil_date_ok(y, mo, d) AND bq_civil_time_ok(h, mi, s)
                 AND NOT (y = 9999 AND mo = 12 AND d = 31 AND h = 23 AND mi = 59 AND s = 60)
            THEN make_date(y, mo, d) + to_seconds(CAST(h * 3600 + mi * 60 + s AS BIGINT))
            ELSE bq_error('Input calculates to invalid datetime: ' || bq_pad(y, 4) || '-' || bq_pad(mo, 2)
                || '-'
                          || bq_pad(d, 2) || ' ' || bq_pad(h, 4) || ':' || bq_pad(mi, 2) || ':'
                          || bq_pad(s, 2)) END""",
    """CREATE MACRO bq_timestamp_of(n, unit) AS
       CASE WHEN bq_micros_in_range(CAST(n AS HUGEINT) * unit) THEN make_timestamp(TRY_CAST(CAST(n AS
           HUGEINT) * unit AS BIGINT))
            ELSE bq_error('Input value ' || CAST(n AS VARCHAR) ||
                ' cannot be converted into a TIMESTAMP, because it '
                          || 'would be out of the allowed range between -62135596800000000 to '
                          || '253402300799999999 '
                          || '(microseconds)') END""",
    """CREATE MACRO bq_date_from_unix_date(n) AS
       CASE WHEN bq_days_in_range(n) THEN bq_date_of_days(n)
            ELSE bq_error('DATE_FROM_UNIX_DATE range is -719162 to 2932896 but saw ' || CAST(n AS VARCHAR))
                END""",
    # With INTERVAL.
    """CREATE MACRO bq_timestamp_add_parts(t, m, u) AS
       CASE WHEN m <> 0 AND t IS NOT NULL
            THEN bq_error('TIMESTAMP +/- INTERVAL is not supported for intervals with non-zero MONTH '
                          || 'or YEAR part.')
            WHEN bq_micros_in_range(epoch_us(t) + u) THEN make_timestamp(TRY_CAST(epoch_us(t) + u AS BIGINT))
            WHEN u IS NOT NULL AND t IS NOT NULL
            THEN bq_error('Unix picoseconds value is out of allowed range between '
                          || '-62135596800000000000000 to '
                          || '253402300799999999999999') END""",
    *(
        bound(
            f"bq_timestamp_{name}_interval(t, i)",
            f"""bq_timestamp_add_parts(v.t, bq_interval_months(v.i),
                    {sign}(bq_interval_days(v.i) * 86400000000::HUGEINT + bq_interval_micros(v.i)))""",
        )
        for name, sign in (("add", ""), ("subtract", "-"))
    ),
    bound(
        "bq_datetime_add_some_months(t, m)",
        """CASE WHEN v.m = 0 THEN v.t ELSE bq_datetime_add_months(v.t, v.m, 1,
               'Adding ' || CAST(v.m AS VARCHAR) || ' MONTH to datetime ' || bq_cast_datetime_to_string(v.t)
               || ' causes overflow') END""",
    ),
    bound(
        "bq_datetime_add_some_days(t, d)",
        """bq_datetime_add_micros(v.t, v.d, 86400000000,
               'Adding ' || CAST(v.d AS VARCHAR) || ' DAY to datetime ' || bq_cast_datetime_to_string(v.t)
               || ' causes overflow')""",
    ),
    bound(
        "bq_datetime_add_some_micros(t, u)",
        """bq_datetime_add_micros(v.t, v.u, 1,
               'Adding ' || CAST(v.u + CASE WHEN v.u > 0 THEN 1 ELSE 0 END AS VARCHAR) ||
                   ' MICROSECOND to datetime '
               || bq_cast_datetime_to_string(v.t) || ' causes overflow')""",
    ),
    *(
        bound(
            f"bq_datetime_{name}_interval(t, i)",
            f"""bq_datetime_add_some_micros(bq_datetime_add_some_days(bq_datetime_add_some_months(
                    v.t, {sign}bq_interval_months(v.i)), {sign}bq_interval_days(v.i)),
                    {sign}bq_interval_micros(v.i))""",
        )
        for name, sign in (("add", ""), ("subtract", "-"))
    ),
    """CREATE MACRO bq_datetime_difference(a, b) AS
       to_days(CAST((epoch_us(a) - epoch_us(b)) // 86400000000 AS INTEGER))
       + to_microseconds((epoch_us(a) - epoch_us(b)) % 86400000000)""",
)
