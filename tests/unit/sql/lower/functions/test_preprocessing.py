"""Examples of the pages of BigQuery ML's manual preprocessing functions, but for those over dictionaries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.sql.warehouse import Warehouse

pytestmark = pytest.mark.fidelity(
    "sql:machine learning",
    "approximated",
    "Quantiles are exact, where the service's are approximate.",
    tests="test_quantile* test_imputer* test_robust*",
)
Value = Callable[..., Any]
ROWS = "FROM UNNEST([%s]) AS f ORDER BY f"


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("ML.NGRAMS(['a', 'b', 'c'], [2, 3], '#')", ["a#b", "a#b#c", "b#c"]),
        ("ML.NGRAMS(['a', 'b'], [1, 2])", ["a", "a b", "b"]),
        ("ML.LP_NORM([3.0, 4.0], 2)", 5.0),
        ("ML.LP_NORM([3.0, -4.0], 1)", 7.0),
        ("ML.LP_NORM([3.0, 0.0], 0)", 1.0),
        ("ML.LP_NORM([3.0, -4.0], CAST('+inf' AS FLOAT64))", 4.0),
        ("ML.NORMALIZER([3.0, 4.0])", [0.6, 0.8]),
        ("ML.DISTANCE([1.0, 1.0], [4.0, 5.0])", 5.0),
        ("ML.DISTANCE([1.0, 1.0], [4.0, 5.0], 'MANHATTAN')", 7.0),
        ("ML.DISTANCE([1.0, 0.0], [0.0, 1.0], 'COSINE')", 1.0),
        ("ML.DISTANCE([1, 2], [4, 6])", 5.0),
        ("ML.LP_NORM((SELECT [NUMERIC '3', 4]), 2)", 5.0),
        ("ML.NORMALIZER((SELECT [BIGNUMERIC '3', 4]))", [0.6, 0.8]),
        ("ML.BUCKETIZE(2.5, [1, 2, 3])", "bin_3"),
        ("ML.BUCKETIZE(2.5, [1, 2, 3], TRUE)", "bin_2"),
        ("ML.BUCKETIZE(2.5, [1, 2, 3], FALSE, 'bucket_ranges')", "[2, 3)"),
        ("ML.BUCKETIZE(2.5, [1, 2, 3], FALSE, 'BUCKET_RANGES_JSON')", '{"start": "2", "end": "3"}'),
        ("ML.BUCKETIZE(2, [1, 2, 3])", "bin_3"),
        ("ML.BUCKETIZE(-9, [1.5, 2.5], FALSE, 'bucket_ranges')", "(-inf, 1.5)"),
        ("ML.BUCKETIZE(9, [NUMERIC '1.5'], FALSE, 'bucket_ranges')", "[1.5, +inf)"),
        ("ML.BUCKETIZE(9, [1.5], FALSE, 'bucket_ranges_json')", '{"start": "1.5", "end": "Infinity"}'),
        ("ML.BUCKETIZE(0, [1.5], FALSE, 'bucket_ranges_json')", '{"start": "-Infinity", "end": "1.5"}'),
        ("ML.BUCKETIZE(9, [1, 2], TRUE)", "bin_1"),
        ("ML.BUCKETIZE(NULL, [1, 2])", None),
        ("ML.HASH_BUCKETIZE('a', 3)", 0),
        ("ML.HASH_BUCKETIZE('b', 3)", 1),
        ("ML.HASH_BUCKETIZE('c', 3)", 1),
        ("ML.HASH_BUCKETIZE('d', 3)", 2),
        ("ML.HASH_BUCKETIZE('d', 0) = FARM_FINGERPRINT('d')", True),
        ("ML.HASH_BUCKETIZE(NULL, 3)", None),
    ],
)
def test_functions(value: Value, expression: str, found: Any) -> None:
    assert value(expression) == found


def test_scalers(warehouse: Warehouse) -> None:
    sql = "SELECT ML.MIN_MAX_SCALER(f) OVER (), ML.MAX_ABS_SCALER(f) OVER (), ML.STANDARD_SCALER(f) OVER ()"
    found = warehouse.rows(f"{sql} FROM UNNEST([1, 3, 5]) AS f ORDER BY f")
    assert [row[:2] for row in found] == [[0.0, 0.2], [0.5, 0.6], [1.0, 1.0]]
    assert [row[2] for row in found] == pytest.approx([-1.224744871391589, 0.0, 1.224744871391589])


def test_quantile_buckets(warehouse: Warehouse) -> None:
    shown = ", ".join(
        f"ML.QUANTILE_BUCKETIZE(f, 3, '{name}') OVER ()"
        for name in ("bucket_names", "bucket_ranges", "bucket_ranges_json")
    )
    assert warehouse.rows(f"SELECT {shown} {ROWS % '1, 2, 3, 4, 5'}") == [
        ["bin_1", "(-inf, 2)", '{"start": "-Infinity", "end": "2"}'],
        ["bin_2", "[2, 4)", '{"start": "2", "end": "4"}'],
        ["bin_2", "[2, 4)", '{"start": "2", "end": "4"}'],
        ["bin_3", "[4, +inf)", '{"start": "4", "end": "Infinity"}'],
        ["bin_3", "[4, +inf)", '{"start": "4", "end": "Infinity"}'],
    ]
    found = warehouse.rows(f"SELECT ML.QUANTILE_BUCKETIZE(f, 1, 'bucket_ranges') OVER () {ROWS % '1, 2'}")
    assert found == [["(-inf, +inf)"]] * 2


@pytest.mark.parametrize("number", [3, 7, 10, 100])
def test_quantile_buckets_split_at_approximate_quantiles(warehouse: Warehouse, number: int) -> None:
    points = f"(SELECT APPROX_QUANTILES(x, {number}) FROM UNNEST(GENERATE_ARRAY(1, 2100)) AS x)"
    assert warehouse.rows(
        f"SELECT COUNTIF(a <> b) FROM (SELECT ML.QUANTILE_BUCKETIZE(f, {number}) OVER () AS a, "
        f"ML.BUCKETIZE(f, {points}, TRUE) AS b FROM UNNEST(GENERATE_ARRAY(1, 2100)) AS f)"
    ) == [[0]]


def test_imputer_of_numbers(warehouse: Warehouse) -> None:
    words = ", ".join(f"ML.IMPUTER(f, '{w}') OVER ()" for w in ("mean", "median", "most_frequent"))
    found = warehouse.rows(f"SELECT f, {words} {ROWS % 'NULL, -3, -3, -3, 1, 2, 3, 4, 5'}")
    assert found[0] == [None, 0.75, 1.0, -3.0]
    assert all(a == b == c == d for a, b, c, d in found[1:])


def test_imputer_of_texts(warehouse: Warehouse) -> None:
    values = "NULL, NULL, 'a', 'a', 'b', 'b', 'c', 'c', 'c'"
    found = warehouse.rows(f"SELECT ML.IMPUTER(f, 'most_frequent') OVER () {ROWS % values}")
    assert [v for [v] in found] == ["c", "c", "a", "a", "b", "b", "c", "c", "c"]


def test_robust_scaler(warehouse: Warehouse) -> None:
    found = warehouse.rows(
        "SELECT ML.ROBUST_SCALER(f) OVER (), ML.ROBUST_SCALER(f, [25, 75], FALSE) OVER (), "
        f"ML.ROBUST_SCALER(f, [10, 90], TRUE, FALSE) OVER () {ROWS % 'NULL, -3, 1, 2, 3, 4, 5'}"
    )
    assert [row[0] for row in found] == [
        None,
        -1.6666666666666667,
        -0.3333333333333333,
        0.0,
        0.3333333333333333,
        0.6666666666666666,
        1.0,
    ]
    assert found[1][1:] == [-1.0, -5.0]


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            "ML.BUCKETIZE(f, [2, 1])",
            "The split points of ML.BUCKETIZE must be finite numbers in ascending order",
        ),
        (
            "ML.BUCKETIZE(f, [1, CAST('inf' AS FLOAT64)])",
            "The split points of ML.BUCKETIZE must be finite numbers in ascending order",
        ),
        (
            "ML.BUCKETIZE(f, [1], FALSE, 'x')",
            "Invalid output_format 'x' in ML.BUCKETIZE: it must be one of bucket_names, bucket_ranges, "
            "bucket_ranges_json",
        ),
        (
            "ML.QUANTILE_BUCKETIZE(f, 0) OVER ()",
            "Argument num_buckets of ML.QUANTILE_BUCKETIZE must be a positive integer",
        ),
        ("ML.HASH_BUCKETIZE('a', -f)", "Argument hash_bucket_size of ML.HASH_BUCKETIZE must not be negative"),
        (
            "ML.IMPUTER('a', 'mean') OVER ()",
            "Strategy 'mean' in ML.IMPUTER is only supported for numerical expressions",
        ),
        (
            "ML.IMPUTER(f, 'mode') OVER ()",
            "Invalid strategy 'mode' in ML.IMPUTER: it must be one of mean, median, most_frequent",
        ),
        (
            "ML.ROBUST_SCALER(f, [75, 25]) OVER ()",
            "Argument quantile_range of ML.ROBUST_SCALER must be an array of two integers [lower, upper] "
            "with 0 < lower < upper < 100",
        ),
    ],
)
def test_errors(warehouse: Warehouse, call: str, text: str) -> None:
    assert warehouse.error(f"SELECT {call} FROM UNNEST([1, 2]) AS f") == text
