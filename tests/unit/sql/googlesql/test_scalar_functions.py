"""Examples of the pages of ML.FEATURE_CROSS and ML.POLYNOMIAL_EXPAND."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.sql.warehouse import Warehouse

pytestmark = pytest.mark.fidelity(
    "sql:machine learning",
    "approximated",
    "The order of the fields of higher degrees is not documented; features must stand in STRUCT(...).",
)


@pytest.mark.parametrize(
    ("call", "names", "found"),
    [
        (
            "ML.FEATURE_CROSS(STRUCT('a' AS f1, 'b' AS f2, 'c' AS f3))",
            ["f1_f2", "f1_f3", "f2_f3"],
            ["a_b", "a_c", "b_c"],
        ),
        (
            "ml.feature_cross(STRUCT<f1 STRING, f2 STRING, f3 STRING>('a', 'b', 'c'), 3)",
            ["f1_f2", "f1_f2_f3", "f1_f3", "f2_f3"],
            ["a_b", "a_b_c", "a_c", "b_c"],
        ),
        ("ML.FEATURE_CROSS((SELECT STRUCT('a' AS x, 'b' AS y)))", ["x_y"], ["a_b"]),
        ("ML.FEATURE_CROSS(STRUCT('a' AS x, NULLIF('b', 'b') AS y))", ["x_y"], [None]),
        (
            "ML.POLYNOMIAL_EXPAND(STRUCT(2 AS f1, 3 AS f2))",
            ["f1", "f1_f1", "f1_f2", "f2", "f2_f2"],
            [2.0, 4.0, 6.0, 3.0, 9.0],
        ),
        ("ML.POLYNOMIAL_EXPAND(STRUCT(NUMERIC '1.5' AS a), 1)", ["a"], [1.5]),
        ("ML.POLYNOMIAL_EXPAND(STRUCT(2 AS a), 4)", ["a", "a_a", "a_a_a", "a_a_a_a"], [2.0, 4.0, 8.0, 16.0]),
    ],
)
def test_features(warehouse: Warehouse, call: str, names: list[str], found: list[Any]) -> None:
    result = warehouse.run(f"SELECT {call} AS v")
    assert [f.name for f in result.schema[0].type.fields] == names
    assert warehouse.rows(f"SELECT {call}") == [[found]]


def test_features_of_columns_and_windows(warehouse: Warehouse) -> None:
    sql = (
        "SELECT ML.FEATURE_CROSS(STRUCT(t.a, b)).a_b, "
        "ML.POLYNOMIAL_EXPAND(STRUCT(ML.IMPUTER(x, 'mean') OVER () AS m)).m_m "
        "FROM (SELECT 'p' AS a, 'q' AS b, 3 AS x) AS t"
    )
    assert warehouse.rows(sql) == [["p_q", 9.0]]


@pytest.mark.parametrize(
    ("call", "text"),
    [
        ("ML.FEATURE_CROSS(STRUCT('a', 'b'))", "The features of ML.FEATURE_CROSS must have names"),
        ("ML.FEATURE_CROSS(STRUCT('a' AS x))", "ML.FEATURE_CROSS needs at least two features"),
        (
            "ML.FEATURE_CROSS(STRUCT('a' AS x, 'b' AS X))",
            "The features of ML.FEATURE_CROSS must not have duplicate names",
        ),
        (
            "ML.FEATURE_CROSS(STRUCT('a' AS x, 'b' AS y), 5)",
            "The degree of ML.FEATURE_CROSS must be between 2 and 4, but was 5",
        ),
        (
            "ML.POLYNOMIAL_EXPAND(STRUCT(1 AS x), 0)",
            "The degree of ML.POLYNOMIAL_EXPAND must be between 1 and 4, but was 0",
        ),
        (
            f"ML.POLYNOMIAL_EXPAND(STRUCT({', '.join(f'1 AS x{i}' for i in range(11))}))",
            "ML.POLYNOMIAL_EXPAND takes at most 10 features, but has 11",
        ),
        (
            "ML.FEATURE_CROSS('a')",
            "The features of ML.FEATURE_CROSS must be a STRUCT, but have the type STRING",
        ),
        ("ML.FEATURE_CROSS(s)", "The features of ML.FEATURE_CROSS must be given as STRUCT(feature, ...)"),
        ("ML.FEATURE_CROSS()", "Number of arguments does not match for function ML.FEATURE_CROSS"),
    ],
)
def test_errors(warehouse: Warehouse, call: str, text: str) -> None:
    assert (
        warehouse.error(f"SELECT {call} FROM (SELECT STRUCT('a' AS a, 'b' AS b) AS s)") == f"{text} at [1:8]"
    )
