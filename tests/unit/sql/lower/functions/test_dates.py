from __future__ import annotations

from typing import Any

import pytest

from tests.unit.sql.warehouse import Warehouse

from .oracle import assert_agrees

pytestmark = pytest.mark.fidelity("sql:functions on dates and times", "exact")

DAYS = ("2020-01-31", "2020-02-29", "2021-01-03", "0001-01-03", "9999-12-30", "1969-12-31", None)
TIMES = (
    "2020-01-31 00:00:00",
    "2021-01-03 09:05:07.123456",
    "0001-01-03 01:02:03.5",
    "9999-12-31 23:59:59.999999",
    "1969-12-31 23:59:59.999999",
    None,
)
ZONES = ("UTC", "America/New_York", "+05:30", "-14", "Asia/Kolkata", "America/Havana", "nowhere", None)
CALENDAR = ("YEAR", "QUARTER", "MONTH", "WEEK", "DAY")
WEEKS = ("WEEK(MONDAY)", "WEEK(SATURDAY)", "ISOWEEK", "ISOYEAR")
CLOCK = ("HOUR", "MINUTE", "SECOND", "MILLISECOND", "MICROSECOND")


@pytest.mark.parametrize("part", CALENDAR)
def test_dates_add(warehouse: Warehouse, part: str) -> None:
    rows = [(d, n) for d in DAYS for n in (0, 1, -7, None)]
    for function in ("DATE_ADD", "DATE_SUB"):
        good = [(d, n) for d, n in rows if d not in ("0001-01-03", "9999-12-30")]
        assert_agrees(warehouse, f"{function}(DATE(x), INTERVAL n {part})", "x STRING, n INT64", good)
        far = [("0001-01-03", 13), ("9999-12-30", 13), ("2020-01-01", 9223372036854775807)]
        assert_agrees(warehouse, f"{function}(DATE(x), INTERVAL n {part})", "x STRING, n INT64", far)


@pytest.mark.parametrize("part", [*CALENDAR, *CLOCK])
def test_datetimes_add(warehouse: Warehouse, part: str) -> None:
    rows = [(t, n) for t in TIMES[:2] for n in (0, 25, -61, None)]
    for function in ("DATETIME_ADD", "DATETIME_SUB"):
        assert_agrees(warehouse, f"{function}(DATETIME(x), INTERVAL n {part})", "x STRING, n INT64", rows)
    assert_agrees(
        warehouse, f"DATETIME_ADD(DATETIME(x), INTERVAL n {part})", "x STRING, n INT64", [(TIMES[3], 7)]
    )


@pytest.mark.parametrize("part", ["DAY", *CLOCK])
def test_timestamps_add(warehouse: Warehouse, part: str) -> None:
    rows = [(t, n) for t in TIMES[:2] for n in (0, 25, -61, None)]
    for function in ("TIMESTAMP_ADD", "TIMESTAMP_SUB"):
        assert_agrees(warehouse, f"{function}(TIMESTAMP(x), INTERVAL n {part})", "x STRING, n INT64", rows)
    assert_agrees(
        warehouse, f"TIMESTAMP_ADD(TIMESTAMP(x), INTERVAL n {part})", "x STRING, n INT64", [(TIMES[3], 7)]
    )


@pytest.mark.parametrize("part", CLOCK)
def test_times(warehouse: Warehouse, part: str) -> None:
    rows = [(t, n) for t in ("00:00:00", "23:59:59.999999", None) for n in (0, 25, -61, 9223372036854775807)]
    columns = "x STRING, n INT64"
    assert_agrees(warehouse, f"TIME_ADD(CAST(x AS TIME), INTERVAL n {part})", columns, rows)
    assert_agrees(warehouse, f"TIME_SUB(CAST(x AS TIME), INTERVAL n {part})", columns, rows)
    pairs = [(a, b) for a, _ in rows for b in ("01:02:03.5", None)]
    columns = "x STRING, y STRING"
    assert_agrees(warehouse, f"TIME_DIFF(CAST(x AS TIME), CAST(y AS TIME), {part})", columns, pairs)
    assert_agrees(warehouse, f"TIME_TRUNC(CAST(x AS TIME), {part})", columns, pairs)
    assert_agrees(warehouse, f"EXTRACT({part} FROM CAST(x AS TIME))", columns, pairs)


@pytest.mark.parametrize("part", [*CALENDAR, *WEEKS])
def test_boundaries_between_dates(warehouse: Warehouse, part: str) -> None:
    pairs = [(a, b) for a in DAYS for b in ("2019-12-31", "2021-01-04", None)]
    assert_agrees(warehouse, f"DATE_DIFF(DATE(x), DATE(y), {part})", "x STRING, y STRING", pairs)


@pytest.mark.parametrize("part", [*CALENDAR, *WEEKS, *CLOCK])
def test_boundaries_between_datetimes(warehouse: Warehouse, part: str) -> None:
    pairs = [(a, b) for a in TIMES for b in ("2019-12-31 23:59:59.999999", "1900-01-01")]
    assert_agrees(warehouse, f"DATETIME_DIFF(DATETIME(x), DATETIME(y), {part})", "x STRING, y STRING", pairs)


@pytest.mark.parametrize("part", ["DAY", *CLOCK])
def test_whole_units_between_timestamps(warehouse: Warehouse, part: str) -> None:
    pairs = [(a, b) for a in TIMES for b in ("2019-12-31 23:59:59.999999", "1900-01-01")]
    assert_agrees(
        warehouse, f"TIMESTAMP_DIFF(TIMESTAMP(x), TIMESTAMP(y), {part})", "x STRING, y STRING", pairs
    )


@pytest.mark.parametrize("part", [*CALENDAR, *WEEKS])
def test_dates_are_cut(warehouse: Warehouse, part: str) -> None:
    rows = [(d,) for d in DAYS if d != "0001-01-03"]
    assert_agrees(warehouse, f"DATE_TRUNC(DATE(x), {part})", "x STRING", rows)
    assert_agrees(warehouse, f"DATE_TRUNC(DATE(x), {part})", "x STRING", [("0001-01-03",)])
    assert_agrees(warehouse, f"EXTRACT({part} FROM DATE(x))", "x STRING", rows)
    if part != "DAY":
        good = [(d,) for d in DAYS if d != "9999-12-30"]
        assert_agrees(warehouse, f"LAST_DAY(DATE(x), {part})", "x STRING", good)
        assert_agrees(warehouse, f"LAST_DAY(DATE(x), {part})", "x STRING", [("9999-12-31",)])


@pytest.mark.parametrize("part", [*CALENDAR, *WEEKS, *CLOCK])
def test_datetimes_are_cut(warehouse: Warehouse, part: str) -> None:
    rows = [(t,) for t in TIMES if t != TIMES[2]]
    assert_agrees(warehouse, f"DATETIME_TRUNC(DATETIME(x), {part})", "x STRING", rows)
    assert_agrees(warehouse, f"EXTRACT({part} FROM DATETIME(x))", "x STRING", rows)


@pytest.mark.parametrize("part", [*CALENDAR, *WEEKS, *CLOCK])
def test_timestamps_are_cut_in_zones(warehouse: Warehouse, part: str) -> None:
    times = ("2018-11-04 05:00:00", "2020-11-01 05:30:00", "1800-06-01 00:00:59.5", "2021-01-03 00:30:00")
    rows = [(t, z) for t in times for z in ZONES if z != "nowhere"]
    assert_agrees(warehouse, f"TIMESTAMP_TRUNC(TIMESTAMP(x), {part}, z)", "x STRING, z STRING", rows)
    assert_agrees(warehouse, f"EXTRACT({part} FROM TIMESTAMP(x) AT TIME ZONE z)", "x STRING, z STRING", rows)


def test_cut_below_the_first_year_fails(warehouse: Warehouse) -> None:
    rows: list[tuple[Any, ...]] = [("0001-01-01 01:00:00",)]
    for part in ("YEAR", "DAY", "HOUR"):
        assert_agrees(
            warehouse, f"TIMESTAMP_TRUNC(TIMESTAMP(x), {part}, 'America/New_York')", "x STRING", rows
        )
    assert_agrees(warehouse, "TIMESTAMP_TRUNC(TIMESTAMP(x), WEEK(TUESDAY))", "x STRING", rows)


@pytest.mark.parametrize("kind", ["DATE", "TIME", "DATETIME", "STRING"])
def test_timestamps_at_a_zone(warehouse: Warehouse, kind: str) -> None:
    inside = [(t, z) for t in TIMES[:2] for z in ZONES if z != "nowhere"]
    assert_agrees(warehouse, f"{kind}(TIMESTAMP(x), z)", "x STRING, z STRING", inside)
    edges = [("9999-12-31 23:59:59", "+05:30"), ("0001-01-01", "-05"), ("2020-01-01", "nowhere")]
    assert_agrees(warehouse, f"{kind}(TIMESTAMP(x), z)", "x STRING, z STRING", edges)


def test_local_times_become_timestamps(warehouse: Warehouse) -> None:
    rows = [("2023-03-12 02:30:00", z) for z in ZONES if z != "nowhere"]
    rows += [("2023-11-05 01:30:00", "America/New_York"), ("1800-01-01", "Asia/Kolkata")]
    assert_agrees(warehouse, "TIMESTAMP(DATETIME(x), z)", "x STRING, z STRING", rows)
    assert_agrees(warehouse, "TIMESTAMP(DATE(DATETIME(x)), z)", "x STRING, z STRING", rows)
    assert_agrees(warehouse, "TIMESTAMP(x, z)", "x STRING, z STRING", rows)
    edges = [("0001-01-01", "+05"), ("9999-12-31 23:59:59", "-05"), ("2020-01-01 00:00:00Z", "+01")]
    assert_agrees(warehouse, "TIMESTAMP(DATETIME(x), z)", "x STRING, z STRING", edges[:2])
    assert_agrees(warehouse, "TIMESTAMP(x, z)", "x STRING, z STRING", edges)


def test_construction_from_numbers(warehouse: Warehouse) -> None:
    columns = "a INT64, b INT64, c INT64"
    good = [(2020, 2, 29), (1, 1, 1), (9999, 12, 31), (2020, None, 1)]
    bad = [(2020, 2, 30), (2020, 13, 1), (0, 1, 1), (10000, 1, 1), (-5, 1, 1)]
    assert_agrees(warehouse, "DATE(a, b, c)", columns, good)
    assert_agrees(warehouse, "DATE(a, b, c)", columns, bad)
    assert_agrees(warehouse, "DATETIME(a, b, c, 23, 59, 60)", columns, good[:2])
    assert_agrees(warehouse, "DATETIME(a, b, c, 1, 2, 3)", columns, bad[:4])
    assert_agrees(warehouse, "TIME(a, b, c)", columns, [(23, 59, 60), (0, 0, 0), (None, 1, 1)])
    assert_agrees(warehouse, "TIME(a, b, c)", columns, [(24, 0, 0), (1, 2, -3), (1, 60, 0)])


def test_unix_times(warehouse: Warehouse) -> None:
    rows = [(t,) for t in TIMES]
    for unit in ("SECONDS", "MILLIS", "MICROS"):
        assert_agrees(warehouse, f"UNIX_{unit}(TIMESTAMP(x))", "x STRING", rows)
        assert_agrees(warehouse, f"TIMESTAMP_{unit}(n)", "n INT64", [(0,), (-1,), (1609664707,), (None,)])
        assert_agrees(warehouse, f"TIMESTAMP_{unit}(n)", "n INT64", [(9223372036854775807,)])
    assert_agrees(warehouse, "UNIX_DATE(DATE(x))", "x STRING", [(d,) for d in DAYS])
    assert_agrees(warehouse, "DATE_FROM_UNIX_DATE(n)", "n INT64", [(-1,), (None,), (2932896,)])
    assert_agrees(warehouse, "DATE_FROM_UNIX_DATE(n)", "n INT64", [(2932897,)])


def test_days_added_with_operators(warehouse: Warehouse) -> None:
    rows = [("2020-01-31", 5), ("2020-01-31", -5), (None, 1), ("2020-01-31", None)]
    assert_agrees(warehouse, "DATE(x) + n", "x STRING, n INT64", rows)
    assert_agrees(warehouse, "n + DATE(x)", "x STRING, n INT64", rows)
    assert_agrees(warehouse, "DATE(x) - n", "x STRING, n INT64", rows)
    assert_agrees(warehouse, "DATE(x) + n", "x STRING, n INT64", [("9999-12-31", 1)])


def test_calls_in_calls_stay_small(warehouse: Warehouse) -> None:
    expression = "DATE(x)"
    for part in ("DAY", "MONTH", "YEAR", "WEEK", "QUARTER", "DAY"):
        expression = f"DATE_TRUNC(DATE_ADD({expression}, INTERVAL 1 {part}), WEEK(MONDAY))"
    assert_agrees(warehouse, expression, "x STRING", [("2020-01-31",), (None,)])


def test_now_is_the_statements(warehouse: Warehouse) -> None:
    [[stamp, day, moment, clock]] = warehouse.rows(
        "SELECT CURRENT_TIMESTAMP(), CURRENT_DATE('+05:30'), CURRENT_DATETIME(), CURRENT_TIME('-01')",
        now_us=1_600_000_000_123_456,
    )
    assert stamp.isoformat() == "2020-09-13T12:26:40.123456+00:00"
    assert (day.isoformat(), moment.isoformat()) == ("2020-09-13", "2020-09-13T12:26:40.123456")
    assert clock.isoformat() == "11:26:40.123456"


def test_the_statements_zone_is_the_default(warehouse: Warehouse) -> None:
    sql = "SELECT STRING(TIMESTAMP(x)), EXTRACT(HOUR FROM TIMESTAMP(x)) FROM UNNEST(['2020-01-01']) x"
    assert warehouse.rows(sql, time_zone="America/New_York") == [["2020-01-01 00:00:00-05", 0]]
