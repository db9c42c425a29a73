from __future__ import annotations

import datetime
import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.sql.warehouse import Warehouse

pytestmark = pytest.mark.fidelity("sql:values of all types", "exact")


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("CAST(x AS FLOAT64) FROM UNNEST([2]) x", 2.0),
        ("CAST(x AS NUMERIC) FROM UNNEST([2]) x", Decimal(2)),
        ("CAST(x AS STRING) FROM UNNEST([-7]) x", "-7"),
        ("CAST(x AS BOOL) FROM UNNEST([3]) x", True),
        ("CAST(x AS INT64) FROM UNNEST([2.5, -2.5]) x ORDER BY x LIMIT 1", -3),
        ("CAST(x AS INT64) FROM UNNEST([NUMERIC '2.5']) x", 3),
        ("CAST(x AS STRING) FROM UNNEST([1.0]) x", "1"),
        ("CAST(x AS STRING) FROM UNNEST([NUMERIC '1.50']) x", "1.5"),
        ("CAST(x AS STRING) FROM UNNEST([TRUE]) x", "true"),
        ("CAST(x AS INT64) FROM UNNEST([' 0x1F ']) x", 31),
        ("CAST(x AS FLOAT64) FROM UNNEST(['-inf']) x", -math.inf),
        ("CAST(x AS BYTES) FROM UNNEST(['é']) x", "é".encode()),
        ("CAST(x AS STRING) FROM UNNEST([b'abc']) x", "abc"),
        ("CAST(x AS DATE) FROM UNNEST(['2020-1-2']) x", datetime.date(2020, 1, 2)),
        ("SAFE_CAST(x AS INT64) FROM UNNEST(['1.5']) x", None),
        ("SAFE_CAST(x AS INT64) FROM UNNEST([1e30]) x", None),
        ("CAST(NULL AS ARRAY<STRUCT<INT64, STRING>>) IS NULL", True),
        ("CAST(x AS NUMERIC(5, 2)) FROM UNNEST([NUMERIC '1.005']) x", Decimal("1.01")),
        ("CAST(x AS NUMERIC(5, 2)) FROM UNNEST([NUMERIC '-999.994']) x", Decimal("-999.99")),
        ("SAFE_CAST(x AS NUMERIC(5, 2)) FROM UNNEST([NUMERIC '999.995']) x", None),
        ("SAFE_CAST((SELECT MAX(y) FROM UNNEST([x, '2']) y) AS INT64) FROM UNNEST(['1x']) x", 2),
        ("SAFE_CAST((SELECT MAX(y) FROM UNNEST([x, '2']) y) AS INT64) FROM UNNEST(['3x']) x", None),
        ("SAFE_CAST(UPPER(x) AS INT64) FROM UNNEST(['3x']) x", None),
        ("SAFE_CAST(UPPER(x) AS INT64) FROM UNNEST(['3']) x", 3),
        ("CAST(x AS STRING(3)) FROM UNNEST(['abc']) x", "abc"),
        ("CAST(a AS ARRAY<STRING>) FROM (SELECT [1, 2] AS a)", ["1", "2"]),
        ("CAST(s AS STRUCT<b STRING, a FLOAT64>) FROM (SELECT STRUCT(1 AS a, 2 AS b) AS s)", ["1", 2.0]),
        ("CAST(s AS STRUCT<STRING>) IS NULL FROM (SELECT CAST(NULL AS STRUCT<a INT64>) AS s)", True),
        ("CAST(r AS STRING) FROM (SELECT RANGE<DATE> '[2020-01-01, UNBOUNDED)' AS r)",
         "[2020-01-01, UNBOUNDED)"),
    ],
)  # fmt: skip
def test_values(value: Callable[..., Any], expression: str, expected: object) -> None:
    found = value(expression)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("CAST(x AS INT64) FROM UNNEST(['abc']) x", "Bad int64 value: abc"),
        ("CAST(x AS INT64) FROM UNNEST([1e30]) x", "int64 out of range: 1e+30"),
        ("CAST(x AS BOOL) FROM UNNEST(['maybe']) x", "Bad bool value: maybe"),
        ("CAST(x AS STRING(2)) FROM UNNEST(['abc']) x", "STRING(2) has maximum length 2"),
        (
            "CAST(x AS NUMERIC(5, 2)) FROM UNNEST([NUMERIC '999.995']) x",
            "NUMERIC(5, 2) has precision 5 and scale 2 but got a value that is not in range of "
            "[-999.99, 999.99]",
        ),
        ("CAST(x AS NUMERIC(2)) FROM UNNEST([NUMERIC '99.5']) x", "is not in range of [-99, 99]"),
        ("SAFE_CAST(DIV(1, x) AS STRING) FROM UNNEST([0]) x", "division by zero: 1 / 0"),
        ("CAST(x AS BYTES(1)) FROM UNNEST([b'ab']) x", "BYTES(1) has maximum length 1"),
    ],
)
def test_failures(warehouse: Warehouse, expression: str, message: str) -> None:
    assert message in warehouse.error(f"SELECT {expression}")
