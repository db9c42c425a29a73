"""Aggregates of BIGNUMERIC and statistics of NUMERIC are those of GoogleSQL's evaluator, exactly."""

from __future__ import annotations

import pytest

from tests.unit.sql.lower.functions.oracle import assert_agrees
from tests.unit.sql.warehouse import Warehouse

pytestmark = pytest.mark.fidelity("sql:statistics of NUMERIC", "exact")

AGGREGATES = (
    "STDDEV(x)", "STDDEV_SAMP(x)", "STDDEV_POP(x)", "VARIANCE(x)", "VAR_SAMP(x)", "VAR_POP(x)", "CORR(x, y)",
    "COVAR_POP(x, y)", "COVAR_SAMP(x, y)", "SUM(x)", "AVG(x)", "SUM(DISTINCT x)", "AVG(DISTINCT y)",
    "VAR_SAMP(DISTINCT y)", "STDDEV(DISTINCT x)",
)  # fmt: skip
GROUPS = (
    "(1.1, 2.2)",
    "(1.1, 1.7), (2, 5), (2, 9)",
    "(66321586.054671, -8.731), (-4.658302, 7.079)",
    "(1, 1), (NULL, 2), (3, NULL), (NULL, NULL), (-7.25, 1), (1e20, 0.3)",
    "(5, 5), (5, 5)",
    "(NULL, 1)",
)


@pytest.mark.parametrize("rows", GROUPS)
@pytest.mark.parametrize("type_", ["NUMERIC", "BIGNUMERIC"])
@pytest.mark.parametrize("aggregate", AGGREGATES)
def test_groups(warehouse: Warehouse, aggregate: str, type_: str, rows: str) -> None:
    query = (
        f"(SELECT {aggregate} FROM (SELECT CAST(x AS {type_}) AS x, CAST(y AS {type_}) AS y"
        f" FROM UNNEST([STRUCT<x BIGNUMERIC, y BIGNUMERIC>{rows}])))"
    )
    assert_agrees(warehouse, query, "z INT64", [(1,)])


@pytest.mark.parametrize("aggregate", ["SUM(x)", "AVG(x)", "VAR_POP(x)"])
@pytest.mark.parametrize(
    "window",
    ["ORDER BY x", "ORDER BY x ROWS BETWEEN 1 PRECEDING AND CURRENT ROW", ""],
)
def test_windows(warehouse: Warehouse, aggregate: str, window: str) -> None:
    source = "UNNEST([BIGNUMERIC '1.1', 2, 3.5, 7]) AS x"
    query = f"(SELECT ARRAY_AGG(s ORDER BY s) FROM (SELECT {aggregate} OVER ({window}) AS s FROM {source}))"
    assert_agrees(warehouse, query, "z INT64", [(1,)])


def test_overflow(warehouse: Warehouse) -> None:
    total = "(SELECT SUM(x) FROM UNNEST([BIGNUMERIC '5e38', BIGNUMERIC '5e38']) AS x)"
    assert_agrees(warehouse, total, "z INT64", [(1,)])
