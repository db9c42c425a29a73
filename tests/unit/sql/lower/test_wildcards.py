"""Wildcard tables whose tables differ."""

from __future__ import annotations

import pytest

from tests.unit.sql.warehouse import Warehouse

pytestmark = pytest.mark.fidelity("sql:wildcard tables", "exact")


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("INT64", "STRING", "Cannot read field of type INT64 as STRING Field: n"),
        ("ARRAY<INT64>", "INT64", "Cannot read repeated field as optional Field: n"),
        ("INT64", "ARRAY<INT64>", "Cannot read optional field as repeated Field: n"),
    ],
)
def test_columns_of_other_types(warehouse: Warehouse, old: str, new: str, text: str) -> None:
    value = "[1]" if old.startswith("ARRAY") else "1"
    warehouse.run(f"CREATE TABLE w_1 (n {old})")
    warehouse.run(f"INSERT w_1 VALUES ({value})")
    warehouse.run(f"CREATE TABLE w_2 (n {new})")
    assert warehouse.error("SELECT n FROM `w_*`") == text
    assert warehouse.rows("SELECT n FROM `w_*` WHERE _TABLE_SUFFIX = '2'") == []
    assert warehouse.rows("SELECT COUNT(*) FROM `w_*`") == [[1]]


def test_columns_of_wider_types(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE w_1 (n INT64)")
    warehouse.run("INSERT w_1 VALUES (1)")
    warehouse.run("CREATE TABLE w_2 (n FLOAT64)")
    warehouse.run("INSERT w_2 VALUES (2.5)")
    assert warehouse.rows("SELECT n FROM `w_*` ORDER BY n") == [[1.0], [2.5]]


def test_partitions(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE w_1 (n INT64)")
    warehouse.run("INSERT w_1 VALUES (1)")
    warehouse.run("CREATE TABLE w_2 (n INT64) PARTITION BY _PARTITIONDATE")
    warehouse.run("INSERT w_2 (_PARTITIONTIME, n) VALUES ('2026-01-02', 2)")
    query = "SELECT n, _TABLE_SUFFIX, CAST(_PARTITIONDATE AS STRING) FROM `w_*` ORDER BY n"
    assert warehouse.rows(query) == [[1, "1", None], [2, "2", "2026-01-02"]]
    assert warehouse.rows("SELECT n FROM `w_*` WHERE _PARTITIONTIME = '2026-01-02'") == [[2]]


@pytest.mark.parametrize(
    "sql", ["DELETE `w_*` WHERE TRUE", "INSERT `w_*` (n) VALUES (1)", "TRUNCATE TABLE `w_*`"]
)
def test_nothing_is_written(warehouse: Warehouse, sql: str) -> None:
    warehouse.run("CREATE TABLE w_1 (n INT64)")
    assert warehouse.error(sql) == "Illegal operation (write) on meta-table p:d.w_"


def test_views(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE w_1 (n INT64)")
    warehouse.run("CREATE VIEW w_2 AS SELECT 1 AS n")
    assert warehouse.error("SELECT n FROM `w_*`") == (
        "Views cannot be queried through prefix. Matched views are: p:d.w_2"
    )
