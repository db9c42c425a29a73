from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.sql.warehouse import Warehouse

NAN = "CAST('nan' AS FLOAT64)"
F = "(SELECT f FROM UNNEST([1.5]) f)"


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (f"{NAN} = {NAN}", False),
        (f"{NAN} <> {NAN}", True),
        (f"{NAN} < 1.0", False),
        (f"{NAN} > 1.0", False),
        (f"1.0 < {NAN}", False),
        (f"1.0 >= {NAN}", False),
        (f"{NAN} = CAST(NULL AS FLOAT64)", None),
        (f"CAST(NULL AS FLOAT64) <> {NAN}", None),
        (f"{NAN} IS NOT DISTINCT FROM {NAN}", True),
        (f"{NAN} IN ({NAN}, 1.0)", False),
        (f"1.0 BETWEEN {NAN} AND 2.0", False),
        (f"{F} BETWEEN 1.0 AND 2.0", True),
        ("-0.0 = 0.0", True),
        ("1 IN (2, NULL)", None),
        ("1 IN (1, NULL)", True),
        ("1 NOT IN (2, 3)", True),
        ("2 IN UNNEST([1, NULL])", None),
        ("1 IN UNNEST([1, NULL])", True),
        ("1 IN UNNEST(CAST(NULL AS ARRAY<INT64>))", False),
        ("NULL IN UNNEST(CAST([] AS ARRAY<INT64>))", False),
        ("NULL IN UNNEST([1])", None),
        ("(1, 'a') = (1, 'a')", True),
        ("(1, NULL) = (1, NULL)", None),
        ("(1, NULL) = (2, NULL)", False),
        ("(1, NULL) <> (2, NULL)", True),
        ("(1, 2) IN UNNEST([(1, 2), (3, 4)])", True),
        ("'B' < 'a'", True),
        ("'é' > 'z'", True),
        ("b'\\xff' > b'a'", True),
        ("NULL IS NULL", True),
        ("1 IS DISTINCT FROM NULL", True),
        ("NUMERIC '1.10' = 1.1", True),
        ("INTERVAL 1 MONTH = INTERVAL 30 DAY", True),
    ],
)
def test_comparisons(value: Callable[..., Any], expression: str, expected: bool | None) -> None:
    assert value(expression) is expected


@pytest.mark.parametrize(
    ("text", "pattern", "expected"),
    [
        ("abc", "a%", True),
        ("abc", "A%", False),
        ("abc", "_b_", True),
        ("a%c", "a\\\\%c", True),
        ("abc", "a\\\\%c", False),
        ("a\\nc", "a_c", True),
        ("", "%", True),
    ],
)
def test_like(value: Callable[..., Any], text: str, pattern: str, expected: bool) -> None:
    assert value(f"'{text}' LIKE '{pattern}'") is expected
    assert value(f"'{text}' LIKE p FROM UNNEST(['{pattern}']) p") is expected


def test_like_refuses_a_pattern_that_ends_in_a_backslash(warehouse: Warehouse) -> None:
    sql = r"SELECT 'a\\' LIKE p FROM UNNEST(['a{}']) p"
    assert "LIKE pattern ends with a backslash" in warehouse.error(sql.format(r"\\"))
    assert warehouse.rows(sql.format(r"\\\\")) == [[True]]
