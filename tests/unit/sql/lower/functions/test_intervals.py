from __future__ import annotations

import pytest

from tests.unit.sql.warehouse import Warehouse

from .oracle import assert_agrees

INTERVALS = ("1-2 3 4:5:6.789", "-1-2 3 -4:5:6.7", "0-0 0 0:0:0", "0-1 -31 25:0:0", "-0-1 31 -25:0:0", None)


@pytest.mark.parametrize(
    "text",
    [
        "1-2", "4:5:6", "1-2 3", "3 4:5:6", "3 4:5", "1-2 3 4", "P1Y2M3W4DT5H6M7.5S", "P-1Y", "PT-0.5S",
        "PT1,5S", "P-", "P+", "P1Y-", "PT-", "P-Y", "P+Y", "PT1H+S",
        "4:5", "3 4", "", "1", "1-2  3", "0--1", "P", "P1", "PY", "P1H", "PT1D", "P1.5Y", "PT5.S", "P1Y ",
        "-P1Y",
        "10001-0", "0-0 3660001", "99999999999999999999-1", "P99999999999999999999Y", "4:5:6.1234567",
    ],
)  # fmt: skip
def test_texts(warehouse: Warehouse, text: str) -> None:
    assert_agrees(warehouse, "CAST(CAST(x AS INTERVAL) AS STRING)", "x STRING", [(text,)])


@pytest.mark.parametrize(
    "expression",
    [
        "JUSTIFY_DAYS(i)",
        "JUSTIFY_HOURS(i)",
        "JUSTIFY_INTERVAL(i)",
        "i * 3",
        "-2 * i",
        "i / 7",
        "i / -2",
        "-i",
        "i + i",
        "i - INTERVAL 1 DAY",
        "i + i + i + i + i + i",
        "INTERVAL 1 WEEK + i",
    ],
)
def test_arithmetic(warehouse: Warehouse, expression: str) -> None:
    rows = [(x,) for x in INTERVALS]
    sql = f"CAST((SELECT {expression} FROM (SELECT CAST(x AS INTERVAL) AS i)) AS STRING)"
    assert_agrees(warehouse, sql, "x STRING", rows)


@pytest.mark.parametrize(
    "part", ["YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND", "MILLISECOND", "MICROSECOND"]
)
def test_parts(warehouse: Warehouse, part: str) -> None:
    assert_agrees(
        warehouse, f"EXTRACT({part} FROM CAST(x AS INTERVAL))", "x STRING", [(x,) for x in INTERVALS]
    )
    assert_agrees(warehouse, f"CAST(INTERVAL n {part} AS STRING)", "n INT64", [(5,), (-5,), (None,), (0,)])
    assert_agrees(warehouse, f"CAST(INTERVAL n {part} AS STRING)", "n INT64", [(9223372036854775807,)])


def test_construction(warehouse: Warehouse) -> None:
    columns = "y INT64, d INT64, s INT64"
    made = "CAST(MAKE_INTERVAL(year => y, day => d, second => s) AS STRING)"
    assert_agrees(warehouse, made, columns, [(1, -2, 3), (None, 1, 1), (10000, 3660000, -316224000000)])
    assert_agrees(warehouse, made, columns, [(10001, 0, 0), (0, 3660001, 0), (0, 0, 316224000001)])


@pytest.mark.parametrize("operator", ["+", "-"])
def test_with_dates_and_times(warehouse: Warehouse, operator: str) -> None:
    rows = [(t, i) for t in ("2020-03-31", "2019-02-28", None) for i in INTERVALS]
    columns = "x STRING, i STRING"
    for kind in ("DATE", "DATETIME"):
        assert_agrees(warehouse, f"{kind}(x) {operator} CAST(i AS INTERVAL)", columns, rows)
    fixed = [(t, i) for t in ("2020-03-31", None) for i in ("3 4:5:6.789", "-3 4:5:6", None)]
    assert_agrees(warehouse, f"TIMESTAMP(x) {operator} CAST(i AS INTERVAL)", columns, fixed)
    assert_agrees(warehouse, f"TIMESTAMP(x) {operator} CAST(i AS INTERVAL)", columns, [("2020-01-01", "1-0")])
    far = [("9999-12-31", "0-0 1"), ("9999-12-31", "24:0:0"), ("9999-12-31", "0-1"), ("0001-01-01", "0-0 -1")]
    assert_agrees(warehouse, f"DATETIME(x) {operator} CAST(i AS INTERVAL)", columns, far)


def test_differences(warehouse: Warehouse) -> None:
    pairs = [
        ("2020-01-31 01:00:00", "2019-01-01 00:00:01.5"),
        ("2019-01-01", "2020-01-31"),
        (None, "2020-01-31"),
    ]
    for kind in ("DATETIME", "TIMESTAMP"):
        assert_agrees(warehouse, f"CAST({kind}(x) - {kind}(y) AS STRING)", "x STRING, y STRING", pairs)
    days = [("2020-01-31", "2019-01-01"), ("0001-01-01", "9999-12-31"), (None, "2020-01-31")]
    assert_agrees(warehouse, "CAST(DATE(x) - DATE(y) AS STRING)", "x STRING, y STRING", days)


def test_division_by_zero(warehouse: Warehouse) -> None:
    assert (
        warehouse.error("SELECT CAST(x AS INTERVAL) / 0 FROM UNNEST(['1-2']) x")
        == "Interval division by zero"
    )


LISTS = (
    "INTERVAL 1 MONTH, INTERVAL 25 HOUR, INTERVAL 1 SECOND, NULL",
    "INTERVAL -1 MONTH, INTERVAL -1 DAY, INTERVAL 7 SECOND, INTERVAL '1-1 3 5:6:7.891234' YEAR TO SECOND",
    "MAKE_INTERVAL(10000), MAKE_INTERVAL(10000), MAKE_INTERVAL(-10000)",
    "MAKE_INTERVAL(10000), MAKE_INTERVAL(10000)",
    "INTERVAL 1 DAY, INTERVAL 24 HOUR, INTERVAL 1 DAY",
    "CAST(NULL AS INTERVAL)",
)


@pytest.mark.parametrize("items", LISTS)
@pytest.mark.parametrize("call", ["SUM(i)", "AVG(i)", "MIN(i)", "MAX(i)"])
def test_aggregates(warehouse: Warehouse, call: str, items: str) -> None:
    assert_agrees(warehouse, f"(SELECT {call} FROM UNNEST([{items}]) AS i)", "x INT64", [(1,)])


def test_extremes_and_buckets(warehouse: Warehouse) -> None:
    rows = [(t,) for t in ("0-1", "0-0 30", "0-0 0 24:0:0", "0-0 1", None)]
    interval = "CAST(x AS INTERVAL)"
    for call in (
        f"GREATEST({interval}, INTERVAL 1 DAY)",
        f"LEAST({interval}, INTERVAL 30 DAY, {interval})",
        f"RANGE_BUCKET({interval}, [INTERVAL 1 DAY, INTERVAL 2 DAY])",
    ):
        assert_agrees(warehouse, call, "x STRING", rows)


def test_difference_of_times(warehouse: Warehouse) -> None:
    rows = [(a, b) for a in ("10:00:00", "23:59:59.999999", None) for b in ("12:30:00.5", "00:00:00")]
    assert_agrees(warehouse, "CAST(a AS TIME) - CAST(b AS TIME)", "a STRING, b STRING", rows)
