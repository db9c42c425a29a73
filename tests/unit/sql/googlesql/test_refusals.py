"""Texts that BigQuery does not take: functions, types, statements and forms of GoogleSQL that it lacks."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path

import pytest

from tests.unit.sql.warehouse import Warehouse

# Each is a text and its answer; the positions are those in the text.
REFUSED: list[tuple[str, str]] = [
    (sql, message) for sql, message in json.loads(Path(__file__).with_name("refused.json").read_text())
]
EXCLUDED = json.loads(resources.files("bqsim.sql.googlesql").joinpath("excluded_functions.json").read_text())


@pytest.mark.parametrize(("sql", "message"), REFUSED, ids=[sql for sql, _ in REFUSED])
def test_what_bigquery_does_not_take(warehouse: Warehouse, sql: str, message: str) -> None:
    assert warehouse.error(sql) == message


# PROPERTY_EXISTS has a place in the grammar of graphs.
@pytest.mark.parametrize("name", sorted(EXCLUDED.keys() - {"property_exists"}))
def test_functions_that_bigquery_lacks(warehouse: Warehouse, name: str) -> None:
    found = warehouse.error(f"SELECT {name.upper()}(1)")
    assert found.startswith(f"Function not found: {name.upper()}")
    assert found.endswith(" at [1:8]")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT SAFE.CONCAT('a', 'b') AS x EXCEPT DISTINCT SELECT 'b'",
        "SELECT 'SAFE.SUM(x) EXCEPT ALL' AS x",
        "SELECT SUM(SAFE.LN(x)) AS x FROM UNNEST([-1, 1]) AS x",
    ],
)
def test_what_only_looks_like_it_is_taken(warehouse: Warehouse, sql: str) -> None:
    assert len(warehouse.rows(sql)) == 1


def test_positions_count_characters(warehouse: Warehouse) -> None:
    sql = "SELECT 'é', x FROM (SELECT\n'ü', SAFE.MIN(1) AS x FROM UNNEST([1]))"
    assert warehouse.error(sql) == "Function `MIN` does not support SAFE error mode at [2:6]"
