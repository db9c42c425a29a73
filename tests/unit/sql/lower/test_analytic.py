from __future__ import annotations

from typing import Any

import pytest

from bqsim.sql.plan import Route, TypedValue
from bqsim.types import INT64
from tests.unit.sql.warehouse import Warehouse

from .conftest import Rows

pytestmark = pytest.mark.fidelity("sql:window functions", "exact")

ROWS = "(SELECT 'a' AS k, 1 AS v UNION ALL SELECT 'a', 2 UNION ALL SELECT 'a', 4 UNION ALL SELECT 'b', NULL)"


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        ("ORDER BY v", [None, 1, 3, 7]),
        ("ORDER BY v DESC", [7, 7, 6, 4]),
        ("PARTITION BY k", [None, 7, 7, 7]),
        ("ORDER BY v ROWS BETWEEN 1 PRECEDING AND CURRENT ROW", [None, 1, 3, 6]),
        ("ORDER BY v ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING", [7, 6, 4, None]),
        ("ORDER BY v RANGE BETWEEN 1 PRECEDING AND 1 FOLLOWING", [None, 3, 3, 4]),
    ],
)
def test_frames(rows: Rows, window: str, expected: list[Any]) -> None:
    assert [r[1] for r in rows(f"SELECT v, SUM(v) OVER ({window}) FROM {ROWS} ORDER BY v")] == expected


def test_range_frames_reach_beyond_the_ends_of_int64(rows: Rows) -> None:
    sql = """SELECT COUNT(*) OVER (ORDER BY x RANGE BETWEEN 5 PRECEDING AND 5 FOLLOWING)
             FROM UNNEST([9223372036854775807, -9223372036854775808]) x"""
    assert rows(sql) == [[1], [1]]


def test_qualify_filters_by_window_functions(rows: Rows) -> None:
    sql = f"""SELECT k, v FROM {ROWS} WHERE TRUE
              QUALIFY ROW_NUMBER() OVER (PARTITION BY k ORDER BY v DESC) = 1 ORDER BY k"""
    assert rows(sql) == [["a", 4], ["b", None]]


@pytest.mark.parametrize(
    ("offset", "message"),
    [
        (None, "The boundary offset value cannot be null"),
        (-1, "Window frame offset for PRECEDING or FOLLOWING must be non-negative, but was -1"),
    ],
)
def test_null_and_negative_offsets_are_refused(
    warehouse: Warehouse, offset: int | None, message: str
) -> None:
    sql = f"SELECT SUM(v) OVER (ORDER BY v RANGE BETWEEN @n PRECEDING AND CURRENT ROW) FROM {ROWS}"
    assert message in warehouse.error(sql, parameters={"n": TypedValue(INT64, offset)})


def test_range_over_floats_takes_the_reference_route(warehouse: Warehouse) -> None:
    frame = "RANGE BETWEEN 1 PRECEDING AND CURRENT ROW"
    sql = f"SELECT SUM(v) OVER (ORDER BY CAST(v AS FLOAT64) {frame}) FROM {ROWS}"
    result = warehouse.run(sql)
    assert (result.route, result.route_reason) == (Route.REFERENCE, "window frame RANGE over FLOAT64")
