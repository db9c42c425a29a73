from __future__ import annotations

import pytest

from tests.unit.sql.warehouse import Warehouse

from .oracle import assert_agrees

RANGES = (
    "[2020-01-01, 2020-02-01)",
    "[2020-01-15, 2020-03-01)",
    "[2020-02-01, 2020-03-01)",
    "[UNBOUNDED, 2020-02-01)",
    "[2020-01-01, UNBOUNDED)",
    "[UNBOUNDED, UNBOUNDED)",
    None,
)
PAIRS = [(a, b) for a in RANGES for b in RANGES]


@pytest.mark.parametrize("kind", ["DATE", "DATETIME", "TIMESTAMP"])
def test_texts(warehouse: Warehouse, kind: str) -> None:
    rows = [(r,) for r in RANGES]
    assert_agrees(warehouse, f"CAST(CAST(x AS RANGE<{kind}>) AS STRING)", "x STRING", rows)
    for bound in ("START", "END"):
        assert_agrees(warehouse, f"RANGE_{bound}(CAST(x AS RANGE<{kind}>))", "x STRING", rows)


@pytest.mark.parametrize(
    "text",
    ["[2020-01-01,2020-02-01)", "[2020-01-01, 2020-02-01]", "[2021-01-01, 2020-02-01)", "[x, NULL)", ""],
)
def test_broken_texts(warehouse: Warehouse, text: str) -> None:
    assert_agrees(warehouse, "CAST(CAST(x AS RANGE<DATE>) AS STRING)", "x STRING", [(text,)])


@pytest.mark.parametrize("operator", ["<", "<=", ">", ">=", "=", "!="])
def test_order(warehouse: Warehouse, operator: str) -> None:
    expression = f"CAST(x AS RANGE<DATE>) {operator} CAST(y AS RANGE<DATE>)"
    assert_agrees(warehouse, expression, "x STRING, y STRING", PAIRS)


@pytest.mark.parametrize("function", ["RANGE_CONTAINS", "RANGE_OVERLAPS"])
def test_relations(warehouse: Warehouse, function: str) -> None:
    expression = f"{function}(CAST(x AS RANGE<DATE>), CAST(y AS RANGE<DATE>))"
    assert_agrees(warehouse, expression, "x STRING, y STRING", PAIRS)


def test_values_in_a_range(warehouse: Warehouse) -> None:
    rows = [(r, d) for r in RANGES for d in ("2020-01-01", "2020-02-01", None)]
    assert_agrees(warehouse, "RANGE_CONTAINS(CAST(x AS RANGE<DATE>), DATE(y))", "x STRING, y STRING", rows)


@pytest.mark.parametrize("kind", ["DATE", "DATETIME", "TIMESTAMP"])
def test_intersection(warehouse: Warehouse, kind: str) -> None:
    expression = f"CAST(RANGE_INTERSECT(CAST(x AS RANGE<{kind}>), CAST(y AS RANGE<{kind}>)) AS STRING)"
    apart = {(RANGES[0], RANGES[2]), (RANGES[2], RANGES[0]), (RANGES[2], RANGES[3]), (RANGES[3], RANGES[2])}
    assert_agrees(warehouse, expression, "x STRING, y STRING", [p for p in PAIRS if p not in apart])
    assert_agrees(warehouse, expression, "x STRING, y STRING", [(RANGES[0], RANGES[2])])


def test_construction(warehouse: Warehouse) -> None:
    rows = [("2020-01-01", "2020-01-02"), (None, "2020-01-02"), ("2020-01-01", None), (None, None)]
    assert_agrees(warehouse, "CAST(RANGE(DATE(x), DATE(y)) AS STRING)", "x STRING, y STRING", rows)
    equal = [("2020-01-01", "2020-01-01")]
    assert_agrees(warehouse, "CAST(RANGE(DATE(x), DATE(y)) AS STRING)", "x STRING, y STRING", equal)


@pytest.mark.parametrize(
    ("kind", "step"),
    [
        ("DATE", "INTERVAL 3 DAY"), ("DATE", "INTERVAL 1 MONTH"), ("DATE", "INTERVAL 1 HOUR"),
        ("DATE", "INTERVAL -1 DAY"), ("DATE", "INTERVAL 0 DAY"), ("DATETIME", "INTERVAL '0-1 1' YEAR TO DAY"),
        ("DATETIME", "INTERVAL '1 1' DAY TO HOUR"), ("TIMESTAMP", "INTERVAL 36 HOUR"),
        ("TIMESTAMP", "INTERVAL 1 MONTH"),
    ],
)  # fmt: skip
def test_parts_of_a_range(warehouse: Warehouse, kind: str, step: str) -> None:
    made = f"GENERATE_RANGE_ARRAY(CAST(x AS RANGE<{kind}>), {step}, k)"
    rows = [("[2020-01-31, 2020-03-05)", k) for k in (True, False, None)]
    assert_agrees(warehouse, f"TO_JSON_STRING({made})", "x STRING, k BOOL", rows)
    assert_agrees(
        warehouse, f"TO_JSON_STRING({made})", "x STRING, k BOOL", [("[2020-01-31, UNBOUNDED)", True)]
    )
