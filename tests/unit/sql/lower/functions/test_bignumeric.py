"""BIGNUMERIC: the engine's values and error texts are those of GoogleSQL's evaluator."""

from __future__ import annotations

import pytest

from tests.unit.sql.lower.functions.oracle import assert_agrees
from tests.unit.sql.warehouse import Warehouse

LARGEST = "578960446186580977117854925043439539266.34992332820282019728792003956564819967"
LEAST = "-578960446186580977117854925043439539266.34992332820282019728792003956564819968"
VALUES = (
    "0", "1", "-1", "0.5", "-2.5", "3.7", "1e-38", "-5e-38", "12345.678901234567890123456789", "1e20",
    "-99999999999999999999999999999.999999999", "1e38", "-5e38", "9223372036854775807.5", LARGEST, LEAST,
)  # fmt: skip
X = "CAST(x AS BIGNUMERIC)"
Y = "CAST(y AS BIGNUMERIC)"

UNARY = (
    "- {}", "ABS({})", "SIGN({})", "CEIL({})", "FLOOR({})", "ROUND({})", "ROUND({}, 2)", "ROUND({}, -38)",
    "ROUND({}, 1, 'ROUND_HALF_EVEN')", "TRUNC({})", "TRUNC({}, 3)", "TRUNC({}, -2)", "SQRT({})", "CBRT({})",
    "LN({})", "LOG10({})", "LOG({})", "EXP({})", "SAFE_NEGATE({})", "CAST({} AS STRING)",
    "CAST({} AS FLOAT64)", "CAST({} AS INT64)", "CAST({} AS NUMERIC)", "CAST({} AS BIGNUMERIC(58, 20))",
    "CAST(SAFE_CAST({} AS NUMERIC) AS BIGNUMERIC)", "CAST(SAFE_CAST({} AS INT64) AS BIGNUMERIC)",
    "CAST(CAST({} AS FLOAT64) / 4 AS BIGNUMERIC)", "RANGE_BUCKET({}, [BIGNUMERIC '0', 1, 2])",
    "{} BETWEEN 0 AND 2",
)  # fmt: skip
BINARY = (
    "{} + {}", "{} - {}", "{} * {}", "{} / {}", "MOD({}, {})", "DIV({}, {})", "SAFE_ADD({}, {})",
    "SAFE_SUBTRACT({}, {})", "SAFE_MULTIPLY({}, {})", "SAFE_DIVIDE({}, {})", "{} < {}", "{} = {}",
    "GREATEST({}, {})", "LEAST({}, {})", "LOG({}, {})", "POW({}, {})",
)  # fmt: skip


@pytest.mark.fidelity("sql:functions on numbers", "exact")
@pytest.mark.parametrize("expression", UNARY)
def test_one_operand(warehouse: Warehouse, expression: str) -> None:
    assert_agrees(warehouse, expression.format(X), "x STRING", [(v,) for v in (*VALUES, None)])


@pytest.mark.parametrize("expression", BINARY)
def test_two_operands(warehouse: Warehouse, expression: str) -> None:
    # What fails, as all that is divided by 0, is found sooner side by side.
    rows = [(x, y) for y in ("0", "-2", "0.3", "5e37", None) for x in (*VALUES[::2], None)]
    assert_agrees(warehouse, expression.format(X, Y), "x STRING, y STRING", rows)


@pytest.mark.parametrize(
    "written",
    ["1e40", " 1e10 ", ".5", "5.", "+1", "-1.5E-3", "1e-50", "", "a", "1,000", "- 1", "1-", "0x1", "nan"],
)
@pytest.mark.parametrize("function", ["CAST({} AS BIGNUMERIC)", "PARSE_BIGNUMERIC({})"])
def test_texts(warehouse: Warehouse, function: str, written: str) -> None:
    assert_agrees(warehouse, function.format("x"), "x STRING", [(written,)])


@pytest.mark.parametrize("value", [0.1, -2.5, 5e-39, 4e-39, 1e30, 1e40, float("nan"), float("-inf")])
def test_floats(warehouse: Warehouse, value: float) -> None:
    assert_agrees(warehouse, "CAST(x AS BIGNUMERIC)", "x FLOAT64", [(value,)])


@pytest.mark.parametrize("start", ["-1", "3", "4", None])
@pytest.mark.parametrize("more", ["3, BIGNUMERIC '0.7'", "3", "-3, -1", "3, 0"])
def test_sequences(warehouse: Warehouse, start: str | None, more: str) -> None:
    assert_agrees(warehouse, f"GENERATE_ARRAY({X}, {more})", "x STRING", [(start,)])
