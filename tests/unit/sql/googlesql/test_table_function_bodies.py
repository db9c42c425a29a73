"""Examples of the pages *Range functions*, *Time series functions* and *Search functions*."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from bqsim.sql.plan import Route
from tests.unit.sql.warehouse import Warehouse, values_of

pytestmark = [
    pytest.mark.fidelity("sql:search and vectors", "exact", tests="test_vector*"),
    pytest.mark.fidelity("sql:table functions", "exact", tests="test_sessions* test_gaps* test_several*"),
]


def rows(warehouse: Warehouse, sql: str) -> list[list[Any]]:
    result = warehouse.run(sql)
    assert result.route is Route.ENGINE, result.route_reason
    return values_of(result)


def ranges(*items: tuple[str, str | None]) -> str:
    shown = ", ".join(f"('{k}', {'NULL' if r is None else repr(r)})" for k, r in items)
    structs = f"ARRAY<STRUCT<k STRING, r STRING>>[{shown}]"
    return f"(SELECT i.k, CAST(i.r AS RANGE<DATE>) AS r FROM UNNEST({structs}) AS i)"


def shown(value: Any) -> str | None:
    if value is None:
        return None
    return "..".join("" if value[k] is None else f"{value[k]:%m-%d}" for k in ("start", "end"))


@pytest.mark.parametrize(
    ("items", "mode", "sessions"),
    [
        (("01-01..01-03", "01-03..01-05", "01-06..01-08"), "MEETS", ["01-01..01-05"] * 2 + ["01-06..01-08"]),
        (("01-01..01-03", "01-03..01-05"), "OVERLAPS", ["01-01..01-03", "01-03..01-05"]),
        (("01-01..01-10", "01-02..01-03", "01-05..01-06"), "overlaps", ["01-01..01-10"] * 3),
        (("01-01..01-03", "01-01..01-04", "01-01..01-02"), "OVERLAPS", ["01-01..01-04"] * 3),
        (("..01-03", "01-02..01-05"), "MEETS", ["..01-05"] * 2),
        (("01-02..", "01-05..01-06"), "MEETS", ["01-02.."] * 2),
        # Recorded: a NULL in a partition makes one session of it.
        ((None, "01-01..01-03", "01-05..01-07"), "MEETS", [None] + ["01-01..01-07"] * 2),
    ],
)
def test_sessions(warehouse: Warehouse, items: Any, mode: str, sessions: list[str | None]) -> None:
    def text(item: str | None) -> str | None:
        if item is None:
            return None
        start, end = (f"2024-{part}" if part else "UNBOUNDED" for part in item.split(".."))
        return f"[{start}, {end})"

    source = ranges(*((str(i), text(item)) for i, item in enumerate(items)))
    found = rows(
        warehouse, f"SELECT k, session_range FROM RANGE_SESSIONIZE({source}, 'r', [], '{mode}') ORDER BY k"
    )
    assert [shown(session) for _, session in found] == sessions


def test_sessions_of_partitions_of_a_table(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE t (u STRING, n INT64, active RANGE<TIMESTAMP>)")
    warehouse.run(
        "INSERT INTO t SELECT u, n, RANGE(TIMESTAMP_SECONDS(10 * n), TIMESTAMP_SECONDS(10 * n + 10)) "
        "FROM UNNEST(['a', 'b']) AS u, UNNEST([1, 2, 4]) AS n"
    )
    sql = (
        "SELECT u, COUNT(DISTINCT RANGE_START(session_range)) FROM RANGE_SESSIONIZE(TABLE t, 'active', ['u'])"
    )
    assert rows(warehouse, f"{sql} GROUP BY u ORDER BY u") == [["a", 2], ["b", 2]]
    assert [
        f.name for f in warehouse.run("SELECT * FROM RANGE_SESSIONIZE(TABLE t, 'active', ['u'])").schema
    ] == [
        "u",
        "n",
        "active",
        "session_range",
    ]


def points(*items: tuple[str, Any]) -> str:
    shown = ", ".join(f"(DATETIME '2023-11-01 {t}', {'NULL' if v is None else v})" for t, v in items)
    return f"(SELECT * FROM UNNEST(ARRAY<STRUCT<time DATETIME, signal INT64>>[{shown}]))"


PLAIN = (("09:34:01", 74), ("09:36:00", 77), ("09:37:00", 78), ("09:38:01", 80))
HOLED = (("09:34:01", 74), ("09:36:00", 77), ("09:37:00", None), ("09:38:01", 80))
LATE = (("09:35:39", 74), ("09:37:39", 77), ("09:38:00", 77), ("09:40:00", 80))
DENSE = (("09:35:39", 74), ("09:37:00", 77), ("09:37:00", 77), ("09:37:20", 80))


@pytest.mark.parametrize(
    ("items", "arguments", "signals"),
    [
        (
            PLAIN,
            "value_columns => [('signal', 'locf')]",
            [("09:35", 74), ("09:36", 77), ("09:37", 78), ("09:38", 78)],
        ),
        (
            PLAIN,
            "value_columns => [('signal', 'linear')]",
            [("09:35", 75), ("09:36", 77), ("09:37", 78), ("09:38", 80)],
        ),
        (
            PLAIN,
            "value_columns => [('signal', 'null')]",
            [("09:35", None), ("09:36", 77), ("09:37", 78), ("09:38", None)],
        ),
        (
            PLAIN,
            "partitioning_columns => []",
            [("09:35", None), ("09:36", 77), ("09:37", 78), ("09:38", None)],
        ),
        (
            HOLED,
            "value_columns => [('signal', 'linear')]",
            [("09:35", 75), ("09:36", 77), ("09:37", 78), ("09:38", 80)],
        ),
        (
            HOLED,
            "value_columns => [('signal', 'linear')], ignore_null_values => FALSE",
            [("09:35", 75), ("09:36", 77), ("09:37", None), ("09:38", None)],
        ),
        (
            HOLED,
            "value_columns => [('signal', 'locf')], ignore_null_values => FALSE",
            [("09:35", 74), ("09:36", 77), ("09:37", None), ("09:38", None)],
        ),
        (
            LATE,
            "value_columns => [('signal', 'LOCF')]",
            [("09:36", 74), ("09:37", 74), ("09:38", 77), ("09:39", 77), ("09:40", 80)],
        ),
        (DENSE, "value_columns => [('signal', 'locf')]", [("09:36", 74), ("09:37", 77)]),
        (
            PLAIN,
            "value_columns => [('signal', 'null')], origin => DATETIME '2023-11-01 09:30:01'",
            [("09:34:01", 74), ("09:35:01", None), ("09:36:01", None), ("09:37:01", None), ("09:38:01", 80)],
        ),
    ],
)
def test_gaps(warehouse: Warehouse, items: Any, arguments: str, signals: list[tuple[str, Any]]) -> None:
    sql = f"GAP_FILL({points(*items)}, ts_column => 'time', bucket_width => INTERVAL 1 MINUTE, {arguments})"
    found = rows(warehouse, f"SELECT * FROM {sql} ORDER BY time")
    expected = [[datetime.fromisoformat(f"2023-11-01 {time}"), value] for time, value in signals]
    assert found == expected


def test_gaps_of_partitions_and_other_types(warehouse: Warehouse) -> None:
    source = (
        "(SELECT k, DATE_ADD(DATE '2024-01-31', INTERVAL n DAY) AS d, CAST(n AS NUMERIC) / 4 AS v, 'x' AS s "
        "FROM UNNEST([1, 2]) AS k, UNNEST([0, 3 * k]) AS n)"
    )
    sql = f"SELECT * FROM GAP_FILL({source}, 'd', INTERVAL 2 DAY, ['k'], [('v', 'linear'), ('s', 'locf')])"
    found = warehouse.run(f"{sql} ORDER BY k, d")
    assert [f.name for f in found.schema] == ["d", "k", "v", "s"]
    assert values_of(found) == [
        [date(2024, 1, 31), 1, Decimal(0), "x"],
        [date(2024, 2, 2), 1, Decimal("0.5"), "x"],
        [date(2024, 1, 31), 2, Decimal(0), "x"],
        [date(2024, 2, 2), 2, Decimal("0.5"), "x"],
        [date(2024, 2, 4), 2, Decimal(1), "x"],
        [date(2024, 2, 6), 2, Decimal("1.5"), "x"],
    ]


def test_gaps_of_months(warehouse: Warehouse) -> None:
    source = "(SELECT DATE(2024, m, 15) AS d, m AS v FROM UNNEST([1, 5]) AS m)"
    sql = f"SELECT * FROM GAP_FILL({source}, 'd', INTERVAL 1 MONTH, value_columns => [('v', 'locf')])"
    assert rows(warehouse, f"{sql} ORDER BY d") == [[date(2024, m, 1), 1] for m in range(2, 6)]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (
            "value_columns => [('signal', 'up')]",
            "Invalid gap filling method 'up' for column 'signal' in GAP_FILL; it must be one of 'null', "
            "'linear' and 'locf' at [1:120]",
        ),
        (
            "value_columns => [('signal', 'null'), ('Signal', 'locf')]",
            "Duplicate column 'Signal' in value_columns of GAP_FILL at [1:120]",
        ),
    ],
)
def test_gaps_with_bad_arguments(warehouse: Warehouse, arguments: str, text: str) -> None:
    source = "(SELECT DATE '2024-01-01' AS d, 1 AS signal)"
    found = warehouse.error(
        f"SELECT * FROM GAP_FILL({source}, ts_column => 'd', bucket_width => INTERVAL 1 DAY, {arguments})"
    )
    assert found.rpartition(" at ")[0] == text.rpartition(" at ")[0]


BASE = "(SELECT 1 AS id, [1.0, 2.0] AS e UNION ALL SELECT 2, [2.0, 4.0] UNION ALL SELECT 3, [1.5, 7.0])"
QUERY = "(SELECT 'dog' AS w, [1.0, 2.0] AS e UNION ALL SELECT 'cat', [3.0, 5.2])"


@pytest.mark.parametrize(
    ("arguments", "nearest"),
    [
        ("top_k => 2", [("cat", 2, 1.562), ("cat", 3, 2.343), ("dog", 1, 0.0), ("dog", 2, 2.236)]),
        ("top_k => 1, distance_type => 'COSINE'", [("cat", 1, 0.0026), ("dog", 1, 0.0)]),
        ("top_k => 1, distance_type => 'DOT_PRODUCT'", [("cat", 3, -40.9), ("dog", 3, -15.5)]),
        (
            "query_column_to_search => 'e', top_k => 1, options => '{\"use_brute_force\": true}'",
            [("cat", 2, 1.562), ("dog", 1, 0.0)],
        ),
    ],
)
def test_vector_search(warehouse: Warehouse, arguments: str, nearest: list[tuple[str, int, float]]) -> None:
    sql = f"SELECT query.w, base.id, distance FROM VECTOR_SEARCH({BASE}, 'e', {QUERY}, {arguments})"
    found = rows(warehouse, f"{sql} ORDER BY 1, 3")
    kept = [(w, i if "COSINE" not in arguments else 1, round(d, 4)) for w, i, d in found]
    assert [(w, i) for w, i, _ in kept] == [(w, i) for w, i, _ in nearest]
    assert [d for *_, d in kept] == pytest.approx([d for *_, d in nearest], abs=1e-3)


def test_vector_search_of_one_value(warehouse: Warehouse) -> None:
    sql = f"SELECT * FROM VECTOR_SEARCH({BASE}, 'e', query_value => [2.0, 4.0], top_k => 1)"
    result = warehouse.run(sql)
    assert [f.name for f in result.schema] == ["base", "distance"]
    assert values_of(result) == [[[2, [2.0, 4.0]], 0.0]]


def test_vector_search_leaves_out_rows_without_vectors(warehouse: Warehouse) -> None:
    base = "(SELECT 1 AS id, CAST(NULL AS ARRAY<FLOAT64>) AS e UNION ALL SELECT 2, [1.0])"
    sql = f"SELECT base.id FROM VECTOR_SEARCH({base}, 'e', (SELECT [1.0] AS e))"
    assert rows(warehouse, sql) == [[2]]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ("distance_type => 'L3'", "Unsupported distance type 'L3' for VECTOR_SEARCH"),
        ("top_k => 0", "top_k for VECTOR_SEARCH must be a positive integer"),
        ("options => 'x'", "Invalid JSON in argument options of VECTOR_SEARCH"),
        ("options => '{\"x\": 1}'", "Invalid option 'x' in argument options of VECTOR_SEARCH"),
    ],
)
def test_vector_search_with_bad_arguments(warehouse: Warehouse, arguments: str, text: str) -> None:
    found = warehouse.error(f"SELECT * FROM VECTOR_SEARCH({BASE}, 'e', {QUERY}, {arguments})")
    assert found.rpartition(" at ")[0] == text


def test_vectors_of_different_sizes(warehouse: Warehouse) -> None:
    text = warehouse.error(f"SELECT * FROM VECTOR_SEARCH({BASE}, 'e', (SELECT [1.0] AS e))")
    assert text == "Vectors that are compared must have the same number of elements"


def test_several_texts_share_no_plan(warehouse: Warehouse) -> None:
    for column in ("a", "b", "a", "b"):
        sql = "SELECT * FROM GAP_FILL((SELECT DATE '2024-01-01' AS d, 1 AS a, 2 AS b), 'd', INTERVAL 1 DAY, "
        found = warehouse.run(f"{sql}value_columns => [('{column}', 'null')])")
        assert [f.name for f in found.schema] == ["d", column]
