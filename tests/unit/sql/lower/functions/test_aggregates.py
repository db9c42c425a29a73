from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from bqsim.sql.plan import TypedValue
from bqsim.types import INT64
from tests.unit.sql.warehouse import Warehouse

X = "FROM UNNEST([3, 1, NULL, 3, 2]) x"


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("COUNT(*)", 5),
        ("COUNT(x)", 4),
        ("COUNT(DISTINCT x)", 3),
        ("COUNTIF(x > 1)", 3),
        ("COUNTIF(DISTINCT x > 1)", 1),
        ("SUM(x)", 9),
        ("SUM(DISTINCT x)", 6),
        ("AVG(x)", 2.25),
        ("AVG(CAST(x AS NUMERIC))", Decimal("2.25")),
        ("AVG(DISTINCT CAST(x AS NUMERIC) / 3)", Decimal("0.666666667")),
        ("MIN(x)", 1),
        ("MAX(x)", 3),
        ("ARRAY_AGG(x IGNORE NULLS ORDER BY x DESC)", [3, 3, 2, 1]),
        ("ARRAY_AGG(DISTINCT x IGNORE NULLS ORDER BY x LIMIT 2)", [1, 2]),
        ("ARRAY_CONCAT_AGG([x, 0] ORDER BY x DESC LIMIT 1)", [3, 0]),
        ("STRING_AGG(CAST(x AS STRING), '-' ORDER BY x)", "1-2-3-3"),
        ("STRING_AGG(CAST(x AS STRING) ORDER BY x LIMIT 2)", "1,2"),
        ("STRING_AGG(CAST(CAST(x AS STRING) AS BYTES), b'/' ORDER BY x)", b"1/2/3/3"),
        ("LOGICAL_AND(x > 0)", True),
        ("LOGICAL_OR(x > 2)", True),
        ("BIT_AND(x)", 0),
        ("BIT_OR(x)", 3),
        ("BIT_XOR(x)", 3),
        ("VAR_POP(x)", 0.6875),
        ("STDDEV_SAMP(CAST(x AS NUMERIC))", 0.9574271077563381),
        ("CORR(x, x * 2)", 1.0),
        ("COVAR_POP(x, x)", 0.6875),
        ("APPROX_COUNT_DISTINCT(x)", 3),
        ("APPROX_QUANTILES(x, 2)", [1, 2, 3]),
        ("APPROX_TOP_COUNT(x, 1)", [[3, 2]]),
        ("APPROX_TOP_COUNT([x], 1)", [[[3], 2]]),
        ("APPROX_TOP_COUNT(STRUCT(x AS a), 1)", [[[3], 2]]),
        ("APPROX_COUNT_DISTINCT([x])", 4),
        ("APPROX_TOP_SUM(x, 2, 2)", [[3, 4], [None, 2]]),
        ("APPROX_TOP_SUM(MOD(x, 2), x, 9)", [[1, 7], [0, 2], [None, None]]),
        ("APPROX_TOP_SUM('a', x / 2, 1)", [["a", 4.5]]),
        ("APPROX_TOP_SUM(x, NUMERIC '0.5', 1)", [[3, Decimal(1)]]),
        ("ANY_VALUE(x HAVING MAX -x)", 1),
    ],
)
def test_values(value: Callable[..., Any], expression: str, expected: object) -> None:
    found = value(f"{expression} {X}")
    assert found == pytest.approx(expected) if isinstance(expected, float) else found == expected


@pytest.mark.parametrize(
    "expression",
    [
        "SUM(x)",
        "AVG(x)",
        "MIN(x)",
        "STRING_AGG(CAST(x AS STRING))",
        "STDDEV(x)",
        "LOGICAL_AND(x > 1)",
        "BIT_AND(x)",
    ],
)
def test_nothing_gives_null(value: Callable[..., Any], expression: str) -> None:
    assert value(f"{expression} {X} WHERE x IS NULL") is None


def test_nan_is_minimum_and_maximum_whenever_it_occurs(value: Callable[..., Any]) -> None:
    source = "FROM UNNEST([CAST('nan' AS FLOAT64), 1.0]) f"
    assert math.isnan(value(f"MIN(f) {source}"))
    assert math.isnan(value(f"MAX(f) {source}"))


def test_one_pair_has_no_correlation(value: Callable[..., Any]) -> None:
    assert value("CORR(x, x) FROM UNNEST([1]) x") is None


def test_variance_of_infinity_is_nan(value: Callable[..., Any]) -> None:
    assert math.isnan(value("VAR_POP(f) FROM UNNEST([CAST('inf' AS FLOAT64)]) f"))


def test_ranges_have_extremes(value: Callable[..., Any]) -> None:
    source = "FROM UNNEST([RANGE<DATE> '[2020-01-01, 2020-02-01)', RANGE<DATE> '[UNBOUNDED, 2020-01-01)']) r"
    assert value(f"MIN(r) = RANGE<DATE> '[UNBOUNDED, 2020-01-01)' {source}") is True


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("SUM(x) FROM UNNEST([9223372036854775807, 1]) x", "int64 overflow"),
        ("SUM(x) FROM UNNEST([1e308, 1e308]) x", "double overflow"),
        ("ARRAY_AGG(x) FROM UNNEST([1, NULL]) x",
         "Array cannot have a null element; error in writing field f0_"),
    ],
)  # fmt: skip
def test_failures(warehouse: Warehouse, expression: str, message: str) -> None:
    assert message in warehouse.error(f"SELECT {expression}")


def test_null_elements_are_no_error_inside_a_query(value: Callable[..., Any]) -> None:
    assert value("ARRAY_LENGTH(ARRAY_AGG(x)) FROM UNNEST([1, NULL]) x") == 2


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("APPROX_TOP_COUNT(x, @zero)", "The second argument to APPROX_TOP_COUNT function must be positive"),
        ("APPROX_QUANTILES(x, @n)", "The second argument to APPROX_QUANTILES function must not be NULL"),
        ("APPROX_TOP_SUM(x, x - 2, 1)", "negative or NaN weights in the second argument; got -1"),
        ("APPROX_TOP_SUM(x, CAST('nan' AS FLOAT64), 1)", "second argument; got nan"),
    ],
)
def test_approximate_aggregates_refuse(warehouse: Warehouse, expression: str, message: str) -> None:
    parameters = {"n": TypedValue(INT64, None), "zero": TypedValue(INT64, 0)}
    assert message in warehouse.error(f"SELECT {expression} {X}", parameters=parameters)


def test_sums_of_no_rows_are_null(rows: Callable[..., list[list[Any]]]) -> None:
    assert rows("SELECT APPROX_TOP_SUM(x, 1, 1) IS NULL FROM UNNEST([1]) x WHERE x > 1") == [[True]]


def test_sums_of_great_floats_may_overflow_on_the_way(value: Callable[..., Any]) -> None:
    great = "FROM UNNEST([1.5e308, 1.5e308, -1.5e308]) x"
    assert value(f"SUM(x) {great}") == 1.5e308
    assert value(f"AVG(x) {great}") == pytest.approx(5e307)
    assert value("AVG(x) FROM UNNEST([1.5e308, 1.5e308]) x") == pytest.approx(1.5e308)
    assert value("STDDEV_POP(x) FROM UNNEST([1.5e308, 0.5e308]) x") == pytest.approx(5e307)
    assert value("SUM(x) FROM UNNEST([CAST('inf' AS FLOAT64), 1.0]) x") == math.inf
    assert math.isnan(value("STDDEV_POP(x) FROM UNNEST([CAST('inf' AS FLOAT64), 1.0]) x"))
    assert value("SUM(x) FROM UNNEST([1.5]) x WHERE x > 2") is None


def test_sums_of_floats_overflow(warehouse: Warehouse) -> None:
    assert warehouse.error("SELECT SUM(x) FROM UNNEST([1.5e308, 1.5e308]) x") == "double overflow"
