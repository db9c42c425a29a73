from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.sql.warehouse import Warehouse

pytestmark = pytest.mark.fidelity("sql:functions on numbers", "exact")

MAX = "9223372036854775807"
N = "99999999999999999999999999999.999999999"


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("7 + -2", 5),
        ("2147483647 + 1", 2147483648),
        ("DIV(-7, 2)", -3),
        ("MOD(-7, 2)", -1),
        ("MOD(-9223372036854775808, -1)", 0),
        ("-(-5)", 5),
        ("7 / 2", 3.5),
        ("NUMERIC '1.5' * NUMERIC '0.000000001'", Decimal("0.000000002")),
        ("NUMERIC '-1.5' * NUMERIC '0.000000001'", Decimal("-0.000000002")),
        ("NUMERIC '2' / NUMERIC '3'", Decimal("0.666666667")),
        ("NUMERIC '-2' / NUMERIC '3'", Decimal("-0.666666667")),
        ("NUMERIC '123456789012345678.123456789' * NUMERIC '1000000000.5'",
         Decimal("123456789074074072629629628.061728395")),
        ("NUMERIC '1.25' * 4", Decimal("5.00")),
        ("3 * NUMERIC '0.1'", Decimal("0.3")),
        ("NUMERIC '0.1' + NUMERIC '0.2'", Decimal("0.3")),
        ("-NUMERIC '1.5'", Decimal("-1.5")),
        ("1.5 * 2", 3.0),
        ("CAST('inf' AS FLOAT64) * 2", math.inf),
    ],
)  # fmt: skip
def test_values(value: Callable[..., Any], expression: str, expected: object) -> None:
    found = value(expression)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        (f"a + 1 FROM (SELECT {MAX} AS a)", f"int64 overflow: {MAX} + 1"),
        (f"a * 2 FROM (SELECT {MAX} AS a)", f"int64 overflow: {MAX} * 2"),
        ("1 / a FROM (SELECT 0 AS a)", "division by zero: 1 / 0"),
        ("a / b FROM (SELECT NUMERIC '1.5' AS a, NUMERIC '0' AS b)", "division by zero: 1.5 / 0"),
        ("a * b FROM (SELECT 1e300 AS a, 1e10 AS b)", "double overflow: 1e+300 * 1e+10"),
        ("1 / (a * b) FROM (SELECT 1e300 AS a, 1e10 AS b)", "double overflow: 1e+300 * 1e+10"),
        (f"a * b FROM (SELECT NUMERIC '{N}' AS a, NUMERIC '2.5' AS b)", f"numeric overflow: {N} * 2.5"),
        (f"a + 1 FROM (SELECT NUMERIC '{N}' AS a)", "numeric overflow"),
        ("DIV(1, a) FROM (SELECT 0 AS a)", "division by zero"),
        ("MOD(1, a) FROM (SELECT 0 AS a)", "division by zero"),
    ],
)
def test_failures(warehouse: Warehouse, expression: str, message: str) -> None:
    assert message in warehouse.error(f"SELECT {expression}")


def test_long_float_expressions_stay_short(warehouse: Warehouse) -> None:
    terms = " + ".join(f"x * {i}.5" for i in range(14))
    result = warehouse.run(f"SELECT {terms} FROM UNNEST([1.0]) x")
    assert result.plan is not None and result.plan.engine_sql is not None
    assert len(result.plan.engine_sql) < 14 * 300


def test_nulls_in_columns_stay_null(warehouse: Warehouse) -> None:
    sql = (
        "SELECT x * y, x / y FROM UNNEST([STRUCT(NUMERIC '2' AS x, NUMERIC '4' AS y), (NULL, 1), (1, NULL)])"
    )
    assert warehouse.rows(sql) == [[Decimal(8), Decimal("0.5")], [None, None], [None, None]]


@pytest.mark.parametrize(
    ("product", "wanted"),
    [
        ("a * b", "135607339041281.845470000"),
        ("b * a * 2", "271214678082563.690940000"),
        ("a * 99999999.9999", "1234567889998765.432110000"),
        ("-a * NUMERIC '999999999.9999'", "-12345678899998765.432110000"),
    ],
)
def test_products_of_short_decimals_may_be_long(warehouse: Warehouse, product: str, wanted: str) -> None:
    [[found]] = warehouse.rows(
        f"SELECT {product} FROM (SELECT NUMERIC '12345678.9' AS a, NUMERIC '10984194.5623' AS b)"
    )
    assert found == Decimal(wanted)
