"""What depends on a column's collation is refused by its name; the rest is as without one."""

from __future__ import annotations

import pytest

from tests.unit.sql.warehouse import Warehouse

COLUMNS = """s STRING COLLATE 'und:ci', n INT64, r STRUCT<a INT64, b STRING COLLATE 'und:ci'>,
             l ARRAY<STRING COLLATE 'und:ci'>"""


@pytest.fixture
def collated(warehouse: Warehouse) -> Warehouse:
    warehouse.run(f"CREATE TABLE words ({COLUMNS})")
    warehouse.run("INSERT words VALUES ('A', 1, (1, 'x'), ['a']), ('a', 2, (1, 'X'), ['A'])")
    warehouse.run("CREATE VIEW seen AS SELECT s, r, l FROM words")
    warehouse.run("CREATE TABLE copied AS SELECT s, r, l FROM words")
    return warehouse


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT s = 'a' FROM {}",
        "SELECT 1 FROM {} WHERE r.b = 'x'",
        "SELECT 1 FROM {} WHERE 'a' IN UNNEST(l)",
        "SELECT COUNT(DISTINCT s) FROM {}",
        "SELECT s, COUNT(*) FROM {} GROUP BY s",
        "SELECT DISTINCT s FROM {}",
        "SELECT 1 FROM {} WHERE s LIKE 'a%'",
        "SELECT 1 FROM {} ORDER BY s",
        "SELECT MAX(s) FROM {}",
        "SELECT ROW_NUMBER() OVER (PARTITION BY s) FROM {}",
        "SELECT s FROM {} UNION DISTINCT SELECT 'b'",
        "SELECT r FROM {0} INTERSECT DISTINCT SELECT r FROM {0}",
    ],
)
def test_comparisons_are_refused(collated: Warehouse, sql: str) -> None:
    for table in ("words", "seen", "copied"):
        message = collated.error(sql.format(table))
        assert "ollation" in message, message
        assert message.endswith("is not supported by bqsim")


@pytest.mark.parametrize("sql", ["UPDATE words SET n = 0 WHERE s = 'a'", "DELETE words WHERE s = 'a'"])
def test_comparisons_in_changes_are_refused(collated: Warehouse, sql: str) -> None:
    assert collated.error(sql).endswith("with collation is not supported by bqsim")


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
