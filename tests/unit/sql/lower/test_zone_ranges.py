from __future__ import annotations

import pytest

from tests.unit.sql.warehouse import Warehouse, new_warehouse

SETUP = (
    "CREATE TABLE d.days (ts TIMESTAMP, n INT64) PARTITION BY DATE(ts)",
    "INSERT d.days SELECT TIMESTAMP_ADD(TIMESTAMP '2023-12-25 00:00:00+00', INTERVAL x HOUR), x"
    " FROM UNNEST(GENERATE_ARRAY(0, 999)) AS x",
    "CREATE TABLE d.months (d DATE, n INT64) PARTITION BY DATE_TRUNC(d, MONTH)",
    "INSERT d.months SELECT DATE '2023-01-01' + x, x FROM UNNEST(GENERATE_ARRAY(0, 799)) AS x",
    "CREATE TABLE d.plain AS SELECT * FROM d.days",
    "CREATE TABLE d.plain_months AS SELECT * FROM d.months",
    "CREATE TABLE d.arrived (n INT64) PARTITION BY _PARTITIONDATE",
    "INSERT d.arrived VALUES (1)",
)


@pytest.fixture(scope="module")
def days() -> Warehouse:
    found = new_warehouse()
    for statement in SETUP:
        found.run(statement)
    return found


def ranges(warehouse: Warehouse, sql: str, **more: object) -> int:
    """How many ranges the engine is told of."""
    plan = warehouse.run(sql, **more).plan
    assert plan is not None and plan.engine_sql is not None
    return plan.engine_sql.count(" - INTERVAL ") + plan.engine_sql.count(" + INTERVAL ")


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        ("DATE(ts) = '2024-01-03'", 2),
        ("'2024-01-03' >= DATE(ts)", 1),
        ("DATE(ts) > '2024-01-03'", 1),
        ("DATE(ts) BETWEEN '2024-01-03' AND '2024-01-05'", 2),
        ("DATE(ts) = '2024-01-03' AND n > 3", 2),
        ("EXTRACT(DATE FROM ts) < '2024-01-03'", 1),
        ("CAST(ts AS DATE) = '2024-01-03'", 2),
        ("TIMESTAMP_TRUNC(ts, DAY) = '2024-01-03'", 2),
        ("TIMESTAMP_TRUNC(ts, MONTH) = '2024-01-01'", 2),
        ("TIMESTAMP_TRUNC(ts, DAY, 'Asia/Tokyo') = '2024-01-02 15:00:00+00'", 2),
        ("DATE(ts, 'America/Los_Angeles') = '2024-01-03'", 2),
        ("DATE_TRUNC(DATE(ts), YEAR) = '2024-01-01'", 2),
        ("DATE(ts) = DATE_SUB(DATE '2024-01-05', INTERVAL 2 DAY)", 2),
        ("DATE(ts) = '2024-01-03' OR n = 1", 0),
        ("NOT DATE(ts) = '2024-01-03'", 0),
        ("DATE(ts) = DATE_ADD('2023-12-25', INTERVAL n DAY)", 0),
        ("ts >= '2024-01-03'", 0),
    ],
)
def test_ranges_keep_the_rows(days: Warehouse, condition: str, told: int) -> None:
    sql = "SELECT n FROM d.{} WHERE {} ORDER BY n"
    assert ranges(days, sql.format("days", condition)) == told
    expected = days.rows(sql.format("plain", condition))
    assert expected
    assert days.rows(sql.format("days", condition)) == expected


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Pacific/Midway"])
def test_ranges_allow_for_the_time_zone(days: Warehouse, zone: str) -> None:
    sql = "SELECT n FROM d.{} WHERE DATE(ts) = '2024-01-03' ORDER BY n"
    expected = days.rows(sql.format("plain"), time_zone=zone)
    assert len(expected) == 24
    assert days.rows(sql.format("days"), time_zone=zone) == expected


@pytest.mark.parametrize(
    "condition",
    [
        "DATE_TRUNC(d, MONTH) = '2024-02-01'",
        "DATE_TRUNC(d, QUARTER) <= '2024-04-01'",
        "CAST(d AS DATETIME) > '2024-01-01'",
    ],
)
def test_ranges_of_dates(days: Warehouse, condition: str) -> None:
    sql = "SELECT n FROM d.{} WHERE {} ORDER BY n"
    assert ranges(days, sql.format("months", condition))
    assert days.rows(sql.format("months", condition)) == days.rows(sql.format("plain_months", condition))


def test_ranges_of_ingestion_time(days: Warehouse) -> None:
    assert days.rows("SELECT n FROM d.arrived WHERE _PARTITIONDATE = CURRENT_DATE()") == [[1]]
    assert days.rows("SELECT n FROM d.arrived WHERE _PARTITIONTIME < '2020-01-01'") == []


def test_rows_are_changed_by_functions_of_the_column(days: Warehouse) -> None:
    days.run("CREATE TABLE d.changed PARTITION BY DATE(ts) AS SELECT * FROM d.days")
    result = days.run("DELETE d.changed WHERE DATE(ts) = '2024-01-03'")
    assert result.dml is not None and result.dml.deleted == 24
