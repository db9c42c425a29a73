from __future__ import annotations

import pytest

from bqsim.sql.plan import Route
from tests.unit.sql.warehouse import Warehouse

from .conftest import Rows

pytestmark = pytest.mark.fidelity("sql:aggregation", "exact")

ROWS = """(SELECT 'a' AS k, 'x' AS l, 1 AS v UNION ALL SELECT 'a', 'y', 2 UNION ALL SELECT 'b', 'x', 4
  UNION ALL SELECT NULL, 'x', 8)"""


def test_groups_take_null_as_a_value(rows: Rows) -> None:
    sql = f"SELECT k, SUM(v) FROM {ROWS} GROUP BY k ORDER BY k"
    assert rows(sql) == [[None, 8], ["a", 3], ["b", 4]]


def test_nan_and_negative_zero_group_together(rows: Rows) -> None:
    sql = """SELECT COUNT(*) FROM UNNEST([CAST('nan' AS FLOAT64), CAST('nan' AS FLOAT64), 0.0, -0.0]) f
             GROUP BY f"""
    assert rows(sql) == [[2], [2]]


@pytest.mark.parametrize(
    ("clause", "expected"),
    [
        ("ROLLUP (k, l)", ["  7", "a  3", "a x 1", "a y 2", "b  4", "b x 4"]),
        ("CUBE (k, l)", ["  7", " x 5", " y 2", "a  3", "a x 1", "a y 2", "b  4", "b x 4"]),
        ("GROUPING SETS (k, (), (k, l))", ["  7", "a  3", "a x 1", "a y 2", "b  4", "b x 4"]),
    ],
)
def test_grouping_sets(rows: Rows, clause: str, expected: list[str]) -> None:
    sql = f"""SELECT IFNULL(k, ''), IFNULL(l, ''), SUM(v) FROM {ROWS} WHERE k IS NOT NULL
              GROUP BY {clause} ORDER BY 1, 2"""
    assert [f"{k} {label} {total}" for k, label, total in rows(sql)] == expected


def test_grouping_tells_absent_keys_from_null(rows: Rows) -> None:
    sql = f"SELECT k, GROUPING(k), COUNT(*) FROM {ROWS} GROUP BY ROLLUP (k) ORDER BY 2, 1"
    assert rows(sql) == [[None, 0, 1], ["a", 0, 2], ["b", 0, 1], [None, 1, 4]]


def test_grouping_sets_of_no_rows_are_empty(rows: Rows) -> None:
    assert rows(f"SELECT k, COUNT(*) FROM {ROWS} WHERE FALSE GROUP BY ROLLUP (k)") == []


def test_an_empty_input_is_one_group_without_keys(rows: Rows) -> None:
    sql = f"SELECT COUNT(*), SUM(v), COUNTIF(v > 1) FROM {ROWS} WHERE FALSE"
    assert rows(sql) == [[0, None, 0]]
    assert rows(f"SELECT 'one' FROM (SELECT SUM(v) FROM {ROWS})") == [["one"]]


def test_having_filters_groups(rows: Rows) -> None:
    assert rows(f"SELECT k FROM {ROWS} GROUP BY k HAVING SUM(v) > 3 ORDER BY k") == [[None], ["b"]]


def test_having_max_takes_the_rows_with_the_extreme(rows: Rows) -> None:
    sql = f"SELECT l, SUM(v HAVING MAX k), COUNT(* HAVING MIN v) FROM {ROWS} GROUP BY l ORDER BY l"
    assert rows(sql) == [["x", 4, 1], ["y", 2, 1]]


def test_having_max_of_nan_keeps_no_row(rows: Rows) -> None:
    sql = "SELECT COUNT(f HAVING MAX f) FROM UNNEST([1.0, CAST('nan' AS FLOAT64)]) f"
    assert rows(sql) == [[0]]


def test_group_keys_may_be_expressions_and_constants(rows: Rows) -> None:
    sql = f"SELECT UPPER(k), 'c', MAX(v) FROM {ROWS} WHERE k IS NOT NULL GROUP BY 1, 2 ORDER BY 1"
    assert rows(sql) == [["A", "c", 2], ["B", "c", 4]]


def test_aggregates_of_outer_columns_in_a_subquery(rows: Rows) -> None:
    sql = f"SELECT v, (SELECT SUM(v) FROM UNNEST([1, 2]) x) FROM {ROWS} ORDER BY v LIMIT 2"
    assert rows(sql) == [[1, 2], [2, 4]]


def test_grouping_inside_an_aggregate_takes_the_reference_route(warehouse: Warehouse) -> None:
    result = warehouse.run(f"SELECT SUM(MAX(v) GROUP BY k) FROM {ROWS}")
    assert (result.route, result.route_reason) == (Route.REFERENCE, "GROUP BY inside sum")
