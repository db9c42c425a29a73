from __future__ import annotations

import pytest

from tests.unit.sql.warehouse import Warehouse

DEEP = 14


@pytest.mark.parametrize(
    ("function", "argument", "wanted"),
    [
        ("UPPER({})", "s", "ABC"),
        ("INITCAP({})", "s", "Abc"),
        ("SUBSTR({}, 1)", "s", "abc"),
        ("ABS({})", "x", 5),
        ("SAFE_NEGATE({})", "x", -5),
        ("DATE_ADD({}, INTERVAL 0 DAY)", "d", None),
        ("CAST(CAST({} AS STRING) AS INT64)", "x", -5),
        ("CAST(CAST(CAST({} AS FLOAT64) AS STRING) AS INT64)", "x", -5),
        ("CAST(CAST({} AS STRING) AS RANGE<TIMESTAMP>)", "r", None),
    ],
)
def test_calls_in_calls_do_not_grow_as_a_power(
    warehouse: Warehouse, function: str, argument: str, wanted: object
) -> None:
    expression = argument
    for _ in range(DEEP):
        expression = function.format(expression)
    sql = f"SELECT {expression} AS r FROM (SELECT 'abc' AS s, -5 AS x, DATE '2026-01-01' AS d, "
    sql += "RANGE(TIMESTAMP '2026-01-01', NULL) AS r)"
    result = warehouse.run(sql)
    assert result.plan is not None
    assert result.plan.engine_sql is not None
    assert len(result.plan.engine_sql) < 20_000
    if wanted is not None:
        assert warehouse.rows(sql) == [[wanted]]


def test_safe_hides_failures_of_the_function_only(warehouse: Warehouse) -> None:
    rows = warehouse.rows(
        "SELECT SAFE.SUBSTR(s, 1, x), SAFE.LN(x + 0), "
        "SAFE.SUBSTR(UPPER(UPPER(UPPER(s))), x - 1, 2), SAFE.LN(x * -1) "
        "FROM (SELECT 'abc' AS s, -1 AS x)"
    )
    assert rows == [[None, None, "BC", 0.0]]
    assert warehouse.error("SELECT SAFE.LN(1 / x) FROM (SELECT 0 AS x)").startswith("division by zero")
    assert warehouse.error("SELECT SAFE.UPPER(CAST(CAST(s AS INT64) AS STRING)) FROM (SELECT 'a' AS s)")
