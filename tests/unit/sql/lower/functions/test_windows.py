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
    ("expression", "number", "message"),
    [
        ("NTILE(@n)", 0, "The N value (number of buckets) for the NTILE function must be positive"),
        ("NTILE(@n)", None, "The N value (number of buckets) for the NTILE function must not be NULL"),
        ("NTH_VALUE(x, @n)", 0, "The N value for the NthValue function must be positive"),
        ("NTH_VALUE(x, @n)", None, "The N value for the NthValue function must not be NULL"),
        ("LAG(x, @n)", -1, "The offset to the function LAG must not be negative"),
        ("LEAD(x, @n)", None, "The offset to the function LEAD must not be null"),
        ("LAG(x, 1, x)", 1, "The third argument (the default expression) to LAG must be constant"),
    ],
)
def test_arguments_are_checked(
    warehouse: Warehouse, expression: str, number: int | None, message: str
) -> None:
    sql = f"SELECT {expression} OVER (ORDER BY x) FROM UNNEST([1]) x"
    assert warehouse.error(sql, parameters={"n": TypedValue(INT64, number)}) == message


def test_defaults_may_come_from_outside(rows: Rows) -> None:
    sql = "SELECT ARRAY(SELECT LAG(x, 1, o) OVER (ORDER BY x) FROM UNNEST([1, 2]) x) FROM UNNEST([7]) o"
    assert [sorted(r[0]) for r in rows(sql)] == [[1, 7]]
