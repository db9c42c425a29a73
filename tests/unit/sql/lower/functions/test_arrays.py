from __future__ import annotations

import pytest

from tests.unit.sql.warehouse import Warehouse

from .oracle import assert_agrees, assert_engine

pytestmark = pytest.mark.fidelity("sql:functions on arrays and structs", "exact")


@pytest.mark.parametrize("position", ["OFFSET", "ORDINAL", "SAFE_OFFSET", "SAFE_ORDINAL"])
@pytest.mark.parametrize("index", [-1, 0, 1, 3, 4, None])
def test_elements(warehouse: Warehouse, position: str, index: int | None) -> None:
    # The evaluator does not tell on which side of an array ORDINAL(0) is.
    if (position, index) != ("ORDINAL", 0):
        assert_agrees(warehouse, f"GENERATE_ARRAY(10, 12)[{position}(n)]", "n INT64", [(index,)])
    assert_agrees(warehouse, f"GENERATE_ARRAY(n, NULL)[{position}(1)]", "n INT64", [(index,)])


@pytest.mark.parametrize(
    "expression",
    [
        "ARRAY_LENGTH(a)",
        "ARRAY_REVERSE(a)",
        "ARRAY_CONCAT(a, [7], a)",
        "a || [n]",
        "ARRAY_SLICE(a, 1, 2)",
        "ARRAY_SLICE(a, -2, -1)",
        "ARRAY_SLICE(a, -9, 9)",
        "ARRAY_SLICE(a, 2, 1)",
        "ARRAY_SLICE(a, 0, -9)",
        "ARRAY_SLICE(a, -8869911617074265235, -4)",
        "ARRAY_SLICE(a, NULL, 1)",
        "ARRAY_TO_STRING(ARRAY(SELECT CAST(e AS STRING) FROM UNNEST(a) e), ',')",
    ],
)
def test_whole_arrays(warehouse: Warehouse, expression: str) -> None:
    rows = [(0,), (1,), (4,), (None,)]
    of_column = f"TO_JSON_STRING((SELECT {expression} FROM (SELECT GENERATE_ARRAY(1, n) AS a)))"
    assert_agrees(warehouse, of_column, "n INT64", rows)


@pytest.mark.parametrize("function", ["ARRAY_FIRST", "ARRAY_LAST"])
def test_ends(warehouse: Warehouse, function: str) -> None:
    assert_agrees(warehouse, f"{function}(GENERATE_ARRAY(1, n))", "n INT64", [(1,), (3,), (None,)])
    assert_agrees(warehouse, f"{function}(GENERATE_ARRAY(1, n))", "n INT64", [(0,)])


def test_texts(warehouse: Warehouse) -> None:
    rows = [("a", ","), (None, ","), ("a", None), ("", "")]
    columns = "x STRING, s STRING"
    for array in ("[x, 'b', NULL]", "CAST([] AS ARRAY<STRING>)", "CAST(NULL AS ARRAY<STRING>)"):
        assert_agrees(warehouse, f"ARRAY_TO_STRING({array}, s)", columns, rows)
        assert_agrees(warehouse, f"ARRAY_TO_STRING({array}, s, x)", columns, rows)
    for array in ("[CAST(x AS BYTES), b'b']", "CAST([] AS ARRAY<BYTES>)"):
        assert_agrees(warehouse, f"ARRAY_TO_STRING({array}, CAST(s AS BYTES))", columns, rows)
        assert_agrees(warehouse, f"ARRAY_TO_STRING({array}, CAST(s AS BYTES), b'-')", columns, rows)


@pytest.mark.parametrize(
    ("expression", "columns", "rows"),
    [
        (
            "GENERATE_ARRAY(a, b, c)",
            "a INT64, b INT64, c INT64",
            [(1, 10, 3), (10, 1, -4), (5, 1, 1), (1, None, 1)],
        ),
        ("GENERATE_ARRAY(a, b, c)", "a INT64, b INT64, c INT64", [(1, 5, 0)]),
        ("GENERATE_ARRAY(a, b, 5)", "a INT64, b INT64", [(9223372036854775800, 9223372036854775807)]),
        ("GENERATE_ARRAY(a, b, c)", "a FLOAT64, b FLOAT64, c FLOAT64", [(0.1, 1.0, 0.1), (1.0, 0.1, -0.3)]),
        ("GENERATE_ARRAY(a, b, c)", "a FLOAT64, b FLOAT64, c FLOAT64", [(1.0, 2.0, 0.0)]),
        ("GENERATE_ARRAY(a, b, c)", "a FLOAT64, b FLOAT64, c FLOAT64", [(float("nan"), 2.0, 1.0)]),
        ("GENERATE_ARRAY(CAST(a AS NUMERIC), 2, NUMERIC '0.3')", "a INT64", [(1,), (3,), (None,)]),
    ],
)
def test_number_sequences(
    warehouse: Warehouse, expression: str, columns: str, rows: list[tuple[object, ...]]
) -> None:
    assert_agrees(warehouse, f"TO_JSON_STRING({expression})", columns, rows)


@pytest.mark.parametrize("part", ["DAY", "WEEK", "MONTH", "QUARTER", "YEAR"])
def test_date_sequences(warehouse: Warehouse, part: str) -> None:
    rows = [("2020-01-31", "2021-05-31", n) for n in (1, 7, -1, None, 9223372036854775807)]
    rows += [("2020-05-31", "2020-01-31", -1), ("9999-11-30", "9999-12-31", 1), (None, "2020-01-01", 1)]
    series = f"TO_JSON_STRING(GENERATE_DATE_ARRAY(DATE(x), DATE(y), INTERVAL n {part}))"
    assert_agrees(warehouse, series, "x STRING, y STRING, n INT64", rows)
    assert_agrees(warehouse, series, "x STRING, y STRING, n INT64", [("2020-01-31", "2021-05-31", 0)])


@pytest.mark.parametrize("part", ["DAY", "HOUR", "MINUTE"])
def test_timestamp_sequences(warehouse: Warehouse, part: str) -> None:
    rows = [("2020-01-31", "2020-02-02", n) for n in (1, 7, -1, None, 9223372036854775807)]
    rows += [("2020-02-02", "2020-01-31", -7), (None, "2020-01-01", 1)]
    series = f"TO_JSON_STRING(GENERATE_TIMESTAMP_ARRAY(TIMESTAMP(x), TIMESTAMP(y), INTERVAL n {part}))"
    assert_agrees(warehouse, series, "x STRING, y STRING, n INT64", rows)


def test_long_sequences(warehouse: Warehouse) -> None:
    assert_engine(warehouse, "ARRAY_LENGTH(GENERATE_ARRAY(1, 100000))", 100000)


def test_sequences_of_bignumeric(warehouse: Warehouse) -> None:
    series = "GENERATE_ARRAY(BIGNUMERIC '1', BIGNUMERIC '2.5', BIGNUMERIC '0.75')"
    texts = f"ARRAY(SELECT CAST(x AS STRING) FROM UNNEST({series}) AS x)"
    assert_engine(warehouse, f"ARRAY_TO_STRING({texts}, ' ')", "1 1.75 2.5")
