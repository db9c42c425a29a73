from __future__ import annotations

import pytest

from tests.unit.sql.warehouse import Warehouse

from .conftest import Rows

pytestmark = pytest.mark.fidelity("sql:joins and subqueries", "exact")


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("(SELECT 1)", 1),
        ("(SELECT x FROM UNNEST([1]) x WHERE x > 1)", None),
        ("EXISTS(SELECT 1 FROM UNNEST([1, 2]) x WHERE x > 1)", True),
        ("EXISTS(SELECT COUNT(*) FROM UNNEST([1]) x WHERE FALSE)", True),
        ("1 IN (SELECT x FROM UNNEST([1, NULL]) x)", True),
        ("2 IN (SELECT x FROM UNNEST([1, NULL]) x)", None),
        ("2 IN (SELECT x FROM UNNEST([1]) x)", False),
        ("NULL IN (SELECT x FROM UNNEST([1]) x WHERE FALSE)", False),
        ("2 NOT IN (SELECT x FROM UNNEST([1, NULL]) x)", None),
        ("CAST('nan' AS FLOAT64) IN (SELECT CAST('nan' AS FLOAT64))", False),
        ("(1, NULL) IN (SELECT (1, 2))", None),
        ("(1, 'a') IN (SELECT (1, 'a') UNION ALL SELECT (2, 'b'))", True),
        ("ARRAY(SELECT x FROM UNNEST([3, 1, 2]) x ORDER BY x)", [1, 2, 3]),
        ("ARRAY(SELECT x FROM UNNEST([3, 1]) x WHERE x > 5)", []),
        ("ARRAY(SELECT AS STRUCT x, x * 2 AS y FROM UNNEST([1]) x)", [[1, 2]]),
    ],
)
def test_values(rows: Rows, expression: str, expected: object) -> None:
    assert rows(f"SELECT {expression}") == [[expected]]


def test_a_scalar_subquery_of_two_rows_fails(warehouse: Warehouse) -> None:
    message = warehouse.error("SELECT (SELECT x FROM UNNEST([1, 2]) x)")
    assert message.startswith("Scalar subquery produced more than one element")


def test_correlated_at_two_levels(rows: Rows) -> None:
    sql = """
        SELECT x, (SELECT COUNT(*) FROM UNNEST([1, 2, 3]) y WHERE EXISTS(
          SELECT 1 FROM UNNEST([1, 2, 3]) z WHERE z = x AND z < y))
        FROM UNNEST([1, 2]) x ORDER BY x"""
    assert rows(sql) == [[1, 2], [2, 1]]


def test_limit_in_a_correlated_subquery(rows: Rows) -> None:
    sql = """SELECT x, (SELECT y FROM UNNEST([1, 2, 3]) y WHERE y > x ORDER BY y DESC LIMIT 1)
             FROM UNNEST([1, 3]) x ORDER BY x"""
    assert rows(sql) == [[1, 3], [3, None]]
