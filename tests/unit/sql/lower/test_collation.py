"""The collation und:ci in comparisons, groups, order and text functions."""

from __future__ import annotations

from typing import Any

import pytest

from bqsim.sql.plan import Route
from tests.unit.sql.warehouse import Warehouse, values_of

COLUMNS = """s STRING COLLATE 'und:ci', n INT64, r STRUCT<a INT64, b STRING COLLATE 'und:ci'>,
             l ARRAY<STRING COLLATE 'und:ci'>"""


@pytest.fixture
def collated(warehouse: Warehouse) -> Warehouse:
    warehouse.run(f"CREATE TABLE words ({COLUMNS})")
    warehouse.run("INSERT words VALUES ('A', 1, (1, 'x'), ['a']), ('a', 2, (1, 'X'), ['A'])")
    warehouse.run("CREATE VIEW seen AS SELECT s, n, r, l FROM words")
    warehouse.run("CREATE TABLE copied AS SELECT s, n, r, l FROM words")
    return warehouse


COMPARED: list[tuple[str, Any]] = [
    ("SELECT COUNTIF(s = 'a') FROM {}", [[2]]),
    ("SELECT COUNTIF(s < 'B'), COUNTIF(s BETWEEN 'A' AND 'a'), COUNTIF(s IN ('b', 'A')) FROM {}",
     [[2, 2, 2]]),
    ("SELECT COUNT(*) FROM {} WHERE r.b = 'x'", [[2]]),
    ("SELECT COUNT(*) FROM {} WHERE r = (1, 'X')", [[2]]),
    ("SELECT COUNT(*) FROM {} WHERE 'a' IN UNNEST(l)", [[2]]),
    ("SELECT COUNT(*) FROM {} WHERE s IN (SELECT 'a')", [[2]]),
    ("SELECT COUNT(*) FROM {} WHERE s IS DISTINCT FROM 'a'", [[0]]),
    ("SELECT COUNT(DISTINCT s), MIN(s), MAX(r.b) FROM {}", [[1, "A", "x"]]),
    ("SELECT s, COUNT(*) FROM {} GROUP BY s", [["A", 2]]),
    ("SELECT s, COUNT(*), GROUPING(s) FROM {} GROUP BY ROLLUP (s)", [["A", 2, 0], [None, 2, 1]]),
    ("SELECT COUNT(*) FROM {} GROUP BY r", [[2]]),
    ("SELECT DISTINCT s FROM {}", [["A"]]),
    ("SELECT ARRAY_AGG(DISTINCT s), STRING_AGG(DISTINCT s, '-') FROM {}", [[["A"], "A"]]),
    ("SELECT n FROM {} WHERE s LIKE 'a%' ORDER BY s, n DESC", [[2], [1]]),
    ("SELECT RANK() OVER (ORDER BY s), COUNT(*) OVER (PARTITION BY s) FROM {}", [[1, 2], [1, 2]]),
    ("SELECT COUNT(*) FROM {0} AS a JOIN {0} AS b USING (s)", [[4]]),
    ("SELECT s FROM {} UNION DISTINCT SELECT 'b' ORDER BY 1", [["A"], ["b"]]),
    ("SELECT s FROM {0} INTERSECT DISTINCT SELECT LOWER(s) FROM {0}", [["A"]]),
    ("SELECT s FROM {} EXCEPT DISTINCT SELECT 'a'", []),
    ("SELECT GREATEST(s, 'a'), LEAST(s, 'B'), NULLIF(s, 'a') FROM {} WHERE n = 1", [["A", "A", None]]),
    ("SELECT CASE s WHEN 'a' THEN s ELSE 'no' END FROM {} WHERE n = 1", [["A"]]),
    ("SELECT s LIKE ANY ('x', 'a%'), s NOT LIKE ALL ('x', 'b%'), s LIKE SOME UNNEST(['a']) FROM {}"
     " WHERE n = 1",
     [[True, True, True]]),
    ("SELECT s LIKE ANY (SELECT 'a%') FROM {} WHERE n = 1", [[True]]),
]  # fmt: skip


@pytest.mark.fidelity("sql:collation", "exact")
@pytest.mark.parametrize(("sql", "expected"), COMPARED)
def test_comparisons(collated: Warehouse, sql: str, expected: Any) -> None:
    for table in ("words", "seen", "copied"):
        result = collated.run(sql.format(table))
        assert result.route is Route.ENGINE, result.route_reason
        assert values_of(result) == expected


def test_changes_by_collation(collated: Warehouse) -> None:
    collated.run("UPDATE words SET n = 0 WHERE s = 'a'")
    assert collated.rows("SELECT SUM(n) FROM words") == [[0]]
    collated.run("DELETE words WHERE r.b = 'x'")
    assert collated.rows("SELECT COUNT(*) FROM words") == [[0]]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT s, r.b, l[0] FROM {} WHERE r.a = 1 ORDER BY COLLATE(s, '')",
         [["A", "x", "a"], ["a", "X", "A"]]),
        ("SELECT COUNT(DISTINCT COLLATE(s, '')) FROM {}", [[2]]),
        ("SELECT COUNT(*) FROM (SELECT s FROM {} UNION ALL SELECT 'b')", [[3]]),
    ],
)  # fmt: skip
def test_the_rest_works(collated: Warehouse, sql: str, expected: object) -> None:
    for table in ("words", "seen", "copied"):
        assert collated.rows(sql.format(table)) == expected


def test_collated_values_are_written(collated: Warehouse) -> None:
    collated.run("UPDATE words SET s = 'b', r = (2, 'y'), l = ['c'] WHERE n = 1")
    assert collated.rows("SELECT s, r.b, l[0] FROM words WHERE n = 1") == [["b", "y", "c"]]


def ci(text: str) -> str:
    return f"COLLATE({text}, 'und:ci')"


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (f"REPLACE({ci('x')}, 'ABC', '-')", ["d-f", "-", "-", "", None]),
        (f"STRPOS({ci('x')}, 'bC')", [3, 2, 3, 0, None]),
        (f"INSTR({ci('x')}, 'a', -1)", [2, 1, 1, 0, None]),
        (f"STARTS_WITH({ci('x')}, 'a')", [False, True, True, False, None]),
        (f"ENDS_WITH({ci('x')}, 'C')", [False, True, True, False, None]),
        (f"{ci('x')} LIKE '%B%'", [True, True, True, False, None]),
        (f"{ci('x')} LIKE 'abc'", [False, True, True, False, None]),
        (f"{ci('x')} = 'aBc'", [False, True, True, False, None]),
        (f"ARRAY_LENGTH(SPLIT({ci('x')}, 'b'))", [2, 2, 2, 1, None]),
    ],
)
def test_texts(warehouse: Warehouse, expression: str, expected: list[Any]) -> None:
    source = r"UNNEST(['dAbcf', 'ABC', 'a\u070FbC', '', NULL]) AS x WITH OFFSET AS o ORDER BY o"
    result = warehouse.run(f"SELECT {expression} FROM {source}")
    assert result.route is Route.ENGINE, result.route_reason
    assert [row[0] for row in values_of(result)] == expected


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        (f"{ci('x')} LIKE 'a_'",
         "LIKE pattern has '_' which is not allowed when its operands have collation: a_"),
        ("COLLATE(x, 'binary') = 'a'", "Collation 'binary' in collate function is not supported."),
    ],
)  # fmt: skip
def test_failures(warehouse: Warehouse, expression: str, message: str) -> None:
    assert warehouse.error(f"SELECT {expression} FROM UNNEST(['a']) AS x") == message


def test_default_collations(warehouse: Warehouse) -> None:
    warehouse.run("CREATE SCHEMA e DEFAULT COLLATE 'und:ci'")
    warehouse.run("CREATE TABLE e.t (s STRING, u STRING COLLATE '', r STRUCT<b STRING>, l ARRAY<STRING>)")
    warehouse.run("INSERT e.t SELECT 'A', 'A', STRUCT('X'), ['Q']")
    sql = "SELECT s = 'a', u = 'a', r.b = 'x', 'q' IN UNNEST(l) FROM e.t"
    assert warehouse.rows(sql) == [[True, False, True, True]]
    warehouse.run("ALTER TABLE e.t ADD COLUMN v STRING, ADD COLUMN w STRING COLLATE ''")
    warehouse.run("UPDATE e.t SET v = 'A', w = 'A' WHERE TRUE")
    assert warehouse.rows("SELECT v = 'a', w = 'a' FROM e.t") == [[True, False]]
    warehouse.run("CREATE TABLE e.plain (s STRING) DEFAULT COLLATE ''")
    warehouse.run("INSERT e.plain VALUES ('A')")
    assert warehouse.rows("SELECT s = 'a' FROM e.plain") == [[False]]
    warehouse.run("DROP SCHEMA e CASCADE")
