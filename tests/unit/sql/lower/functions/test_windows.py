from __future__ import annotations

from typing import Any

import pytest

from bqsim.sql.plan import TypedValue
from bqsim.types import INT64
from tests.unit.sql.lower.conftest import Rows
from tests.unit.sql.warehouse import Warehouse

X = "FROM UNNEST([10, 20, 20, NULL]) x ORDER BY x"


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("ROW_NUMBER() OVER (ORDER BY x)", [1, 2, 3, 4]),
        ("RANK() OVER (ORDER BY x)", [1, 2, 3, 3]),
        ("DENSE_RANK() OVER (ORDER BY x DESC)", [3, 2, 1, 1]),
        ("PERCENT_RANK() OVER (ORDER BY x)", [0.0, 1 / 3, 2 / 3, 2 / 3]),
        ("CUME_DIST() OVER (ORDER BY x)", [0.25, 0.5, 1.0, 1.0]),
        ("NTILE(2) OVER (ORDER BY x)", [1, 1, 2, 2]),
        ("LAG(x) OVER (ORDER BY x)", [None, None, 10, 20]),
        ("LEAD(x, 2, -1) OVER (ORDER BY x)", [20, 20, -1, -1]),
        ("FIRST_VALUE(x) OVER (ORDER BY x)", [None, None, None, None]),
        ("FIRST_VALUE(x IGNORE NULLS) OVER (ORDER BY x)", [None, 10, 10, 10]),
        (
            "LAST_VALUE(x) OVER (ORDER BY x ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING)",
            [20, 20, 20, 20],
        ),
        ("NTH_VALUE(x, 2) OVER (ORDER BY x)", [None, 10, 10, 10]),
        ("PERCENTILE_CONT(x, 0.25) OVER ()", [15.0, 15.0, 15.0, 15.0]),
        ("PERCENTILE_DISC(x, 0.5) OVER ()", [20, 20, 20, 20]),
        ("COUNT(DISTINCT x) OVER ()", [2, 2, 2, 2]),
        ("SUM(x) OVER ()", [50, 50, 50, 50]),
    ],
)
def test_values(rows: Rows, expression: str, expected: list[Any]) -> None:
    assert [r[1] for r in rows(f"SELECT x, {expression} {X}")] == expected


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("NTILE(@n)", "must be positive"),
        ("NTH_VALUE(x, @n)", "must be positive"),
        ("LAG(x, @n)", "must not be null or negative"),
    ],
)
def test_numbers_out_of_range_are_refused(warehouse: Warehouse, expression: str, message: str) -> None:
    sql = f"SELECT {expression} OVER (ORDER BY x) FROM UNNEST([1]) x"
    for number in (None, -1):
        assert message in warehouse.error(sql, parameters={"n": TypedValue(INT64, number)})


def test_percentiles_over_nan_are_refused_by_name(warehouse: Warehouse) -> None:
    sql = "SELECT PERCENTILE_CONT(f, 0.5) OVER () FROM UNNEST([1.0, CAST('nan' AS FLOAT64)]) f"
    assert warehouse.error(sql) == "PERCENTILE_CONT over NaN is not supported by bqsim"
