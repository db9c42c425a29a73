from __future__ import annotations

import pytest

from tests.unit.sql.warehouse import Warehouse

from .conftest import Rows

pytestmark = [
    pytest.mark.fidelity("sql:set operations", "exact", tests="test_set_* test_corresponding*"),
    pytest.mark.fidelity("sql:recursion", "exact", tests="test_recursion*"),
]

A, B = "UNNEST([1, 2, 2, NULL])", "UNNEST([2, 3, NULL])"


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ("UNION ALL", [None, None, 1, 2, 2, 2, 3]),
        ("UNION DISTINCT", [None, 1, 2, 3]),
        ("INTERSECT DISTINCT", [None, 2]),
        ("EXCEPT DISTINCT", [1]),
    ],
)
def test_set_operations(rows: Rows, operation: str, expected: list[int | None]) -> None:
    sql = f"SELECT x FROM {A} x {operation} SELECT y FROM {B} y ORDER BY 1"
    assert [r[0] for r in rows(sql)] == expected


def test_operands_keep_their_own_limits(rows: Rows) -> None:
    first, second = f"SELECT x FROM {A} x ORDER BY x DESC LIMIT 1", f"SELECT y FROM {B} y ORDER BY y LIMIT 1"
    sql = f"({first}) UNION ALL ({second}) ORDER BY 1"
    assert rows(sql) == [[None], [2]]


def test_corresponding_matches_columns_by_name(rows: Rows) -> None:
    sql = "SELECT 1 AS a, 'x' AS b UNION ALL CORRESPONDING SELECT 'y' AS b, 2 AS a, 3 AS c ORDER BY a"
    assert rows(sql) == [[1, "x"], [2, "y"]]


def test_with_names_shadow_and_nest(rows: Rows) -> None:
    sql = """
        WITH q AS (SELECT 1 AS x)
        SELECT a.x, b.x FROM (WITH q AS (SELECT x + 10 AS x FROM q) SELECT x FROM q) a, q b"""
    assert rows(sql) == [[11, 1]]


def test_with_in_a_subquery(rows: Rows) -> None:
    sql = """SELECT x, (WITH q AS (SELECT 10 AS y) SELECT a.y + b.y + x FROM q a, q b)
             FROM UNNEST([1, 2]) x ORDER BY x"""
    assert rows(sql) == [[1, 21], [2, 22]]


def test_recursion(rows: Rows) -> None:
    sql = """
        WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t WHERE n < 4)
        SELECT COUNT(*), SUM(n) FROM t"""
    assert rows(sql) == [[4, 10]]


def test_recursion_without_repetition_ends(rows: Rows) -> None:
    recursion = "SELECT 0 AS n UNION DISTINCT SELECT MOD(m, 3) FROM (SELECT n + 1 AS m FROM t) WHERE m > 0"
    sql = f"WITH RECURSIVE t AS ({recursion}) SELECT n FROM t ORDER BY n"
    assert rows(sql) == [[0], [1], [2]]


def test_recursion_stops_at_the_limit_of_iterations(warehouse: Warehouse, rows: Rows) -> None:
    sql = "WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t {}) SELECT MAX(n) FROM t"
    assert rows(sql.format("WHERE n < 500")) == [[500]]
    message = "A recursive CTE has reached the maximum number of iterations: 500"
    assert message in warehouse.error(sql.format(""))
    assert message in warehouse.error(sql.format("JOIN UNNEST([1]) x ON TRUE"))
