from __future__ import annotations

import pytest

from .conftest import Rows

pytestmark = pytest.mark.fidelity("sql:joins and subqueries", "exact")

LEFT = "(SELECT 1 AS a, 'x' AS p UNION ALL SELECT 2, 'y' UNION ALL SELECT NULL, 'n')"
RIGHT = "(SELECT 2 AS a, 20 AS q UNION ALL SELECT 3, 30 UNION ALL SELECT NULL, 0)"


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("JOIN", [["y", 20]]),
        ("LEFT JOIN", [["n", None], ["x", None], ["y", 20]]),
        ("RIGHT JOIN", [[None, 0], [None, 30], ["y", 20]]),
        ("FULL JOIN", [[None, 0], [None, 30], ["n", None], ["x", None], ["y", 20]]),
    ],
)
def test_kinds_of_joins(rows: Rows, kind: str, expected: list[list[object]]) -> None:
    assert rows(f"SELECT p, q FROM {LEFT} l {kind} {RIGHT} r ON l.a = r.a ORDER BY 1, 2") == expected


def test_using_takes_the_value_of_either_side(rows: Rows) -> None:
    sql = f"SELECT a FROM {LEFT} l FULL JOIN {RIGHT} r USING (a) ORDER BY a"
    assert rows(sql) == [[None], [None], [1], [2], [3]]


def test_filters_below_outer_joins_stay_below(rows: Rows) -> None:
    sql = f"""
        SELECT p, q FROM (SELECT * FROM {LEFT} WHERE a = 2) l
        FULL JOIN (SELECT * FROM {RIGHT} WHERE q > 25) r ON l.a = r.a ORDER BY 1, 2"""
    assert rows(sql) == [[None, 30], ["y", None]]


def test_filters_of_the_optional_side_keep_the_other_sides_rows(rows: Rows) -> None:
    sql = (
        f"SELECT p, q FROM {LEFT} l LEFT JOIN (SELECT * FROM {RIGHT} WHERE q > 100) r ON l.a = r.a ORDER BY 1"
    )
    assert rows(sql) == [["n", None], ["x", None], ["y", None]]


def test_constants_of_the_optional_side_become_null(rows: Rows) -> None:
    sql = f"SELECT p, c FROM {LEFT} l LEFT JOIN (SELECT a, 'c' AS c FROM {RIGHT}) r ON l.a = r.a ORDER BY 1"
    assert rows(sql) == [["n", None], ["x", None], ["y", "c"]]


def test_joins_nest_on_the_right(rows: Rows) -> None:
    sql = f"""
        SELECT l.p, r.q, s.p FROM {LEFT} l LEFT JOIN ({RIGHT} r JOIN {LEFT} s ON r.a = s.a) ON l.a = r.a
        ORDER BY 1"""
    assert rows(sql) == [["n", None, None], ["x", None, None], ["y", 20, "y"]]


def test_cross_join_of_three(rows: Rows) -> None:
    assert rows(f"SELECT COUNT(*) FROM {LEFT} a, {RIGHT} b, {LEFT} c") == [[27]]


def test_nan_joins_nothing(rows: Rows) -> None:
    nan = "(SELECT CAST('nan' AS FLOAT64) AS f UNION ALL SELECT 1.0)"
    assert rows(f"SELECT a.f FROM {nan} a JOIN {nan} b ON a.f = b.f") == [[1.0]]
