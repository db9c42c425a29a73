"""PERCENTILE_CONT and PERCENTILE_DISC are those of GoogleSQL's evaluator, NULL, NaN and weights included."""

from __future__ import annotations

import pytest

from tests.unit.sql.warehouse import Warehouse

from .oracle import assert_agrees

pytestmark = pytest.mark.fidelity("sql:window functions", "exact")

SOURCES = {
    "FLOAT64": "1.0, 2, NULL, 4, CAST('nan' AS FLOAT64), CAST('inf' AS FLOAT64), -3.7, 0.1",
    "NUMERIC": "NUMERIC '1.1', 2, NULL, 4, -3.7, 0.123456789, 1e20",
    "BIGNUMERIC": "BIGNUMERIC '1.1', 2, NULL, 4, -3.7, 0.12345678900000000001",
}
SHARES = ("0", "0.3", "0.5", "0.123456789", "1")
NULLS = ("", " RESPECT NULLS", " IGNORE NULLS")


def share_of(type_: str, text: str) -> str:
    return f"CAST({text} AS FLOAT64)" if type_ == "FLOAT64" else f"{type_} '{text}'"


def assert_window(warehouse: Warehouse, call: str, source: str) -> None:
    values = f"(SELECT ANY_VALUE(p) FROM (SELECT {call} OVER () AS p FROM UNNEST([{source}]) AS v))"
    assert_agrees(warehouse, values, "x INT64", [(1,)])


@pytest.mark.parametrize("nulls", NULLS)
@pytest.mark.parametrize("type_", SOURCES)
def test_continuous(warehouse: Warehouse, type_: str, nulls: str) -> None:
    for text in SHARES:
        call = f"PERCENTILE_CONT(v, {share_of(type_, text)}{nulls})"
        assert_window(warehouse, call, SOURCES[type_])


@pytest.mark.parametrize("nulls", NULLS)
@pytest.mark.parametrize("type_", SOURCES)
def test_discrete(warehouse: Warehouse, type_: str, nulls: str) -> None:
    for text in SHARES:
        call = f"PERCENTILE_DISC(v, {share_of(type_, text)}{nulls})"
        assert_window(warehouse, call, SOURCES["FLOAT64"])


@pytest.mark.parametrize(
    "source",
    [
        "'b', 'a', NULL",
        "DATE '2020-01-01', '2020-01-03'",
        "TRUE, FALSE, FALSE",
        "CAST(NULL AS INT64)",
        "b'a', b''",
    ],
)
def test_types(warehouse: Warehouse, source: str) -> None:
    assert_window(warehouse, "PERCENTILE_DISC(v, 0.51)", source)


@pytest.mark.parametrize("count", [1, 2, 3, 10, 20, 21])
def test_places(warehouse: Warehouse, count: int) -> None:
    numbers = ", ".join(f"{i * 1.1!r}" for i in range(1, count + 1))
    for share in ("0.55", "0.7", "0.1", "0.3", "0.0001", "0.999"):
        for call in ("PERCENTILE_CONT", "PERCENTILE_DISC"):
            assert_window(warehouse, f"{call}(v, {share})", numbers)


def test_partitions_and_aggregates(warehouse: Warehouse) -> None:
    source = "UNNEST([1.0, 2, 5, NULL, 7, 8, 9, 3]) AS v WITH OFFSET AS o"
    query = (
        "(SELECT STRING_AGG(FORMAT('%d %t %t %t', o, p, q, s) ORDER BY o) FROM (SELECT o,"
        " PERCENTILE_CONT(v, 0.5) OVER (PARTITION BY MOD(o, 3)) AS p,"
        " PERCENTILE_DISC(v, 0.2) OVER (PARTITION BY MOD(o, 2)) AS q,"
        f" SUM(v) OVER (ORDER BY o) AS s FROM {source}))"
    )
    assert_agrees(warehouse, query, "x INT64", [(1,)])
    grouped = (
        "(SELECT ARRAY_AGG(p) FROM (SELECT PERCENTILE_CONT(SUM(v), 0.5) OVER () AS p"
        f" FROM {source} GROUP BY MOD(o, 3)))"
    )
    assert_agrees(warehouse, grouped, "x INT64", [(1,)])


@pytest.mark.parametrize("type_", ["NUMERIC", "BIGNUMERIC"])
def test_between_great_values_is_rounded_once(warehouse: Warehouse, type_: str) -> None:
    numbers = ", ".join(f"{type_} '{sign}{'9' * 29}.999999999'" for sign in ("-", ""))
    for text in ("0.1", "0.4", "0.123456789"):
        assert_window(warehouse, f"PERCENTILE_CONT(v, {type_} '{text}')", numbers)
