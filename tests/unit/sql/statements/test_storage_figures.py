from __future__ import annotations

from dataclasses import replace

import pytest

from bqsim.catalog.resources import LONG_TERM_MS
from bqsim.catalog.shadow import ShadowStatistics, as_shadow
from bqsim.sql.statements.storage_figures import (
    FAIL_SAFE_US,
    HOUR_US,
    EndedRows,
    Figures,
    figures_of,
    many_figures,
    physical,
)
from tests.unit.sql.warehouse import Warehouse

pytestmark = [
    pytest.mark.fidelity("bytes:storage over time", "approximated", "physical bytes are a fixed ratio")
]

DAY_US = 24 * HOUR_US


def figures(warehouse: Warehouse, name: str = "t") -> Figures:
    return figures_of(warehouse.catalog, warehouse.executor.sizes, warehouse.session, warehouse.table(name))


def aged(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, days: float) -> None:
    """Let days go by."""
    clock = warehouse.catalog.clock
    now = clock.now_us
    monkeypatch.setattr(clock, "now_us", lambda: now() + int(days * DAY_US))


def test_a_table_is_long_term_after_ninety_days(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse.run("CREATE TABLE t AS SELECT x FROM UNNEST([1, 2, 3]) AS x")
    assert figures(warehouse) == Figures(active=24)
    aged(warehouse, monkeypatch, 90)
    assert figures(warehouse) == Figures(long_term=24)
    warehouse.run("ALTER TABLE t SET OPTIONS (description = 'new')")
    assert figures(warehouse) == Figures(active=24)


def test_partitions_are_long_term_each_by_itself(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse.run("CREATE TABLE t (d DATE, n INT64) PARTITION BY d")
    warehouse.run("INSERT t SELECT DATE '2024-01-01' + x, x FROM UNNEST([0, 1, 2]) AS x")
    assert figures(warehouse) == Figures(active=48, partitions=3)
    aged(warehouse, monkeypatch, 80)
    warehouse.run("INSERT t VALUES ('2024-01-02', 7)")
    aged(warehouse, monkeypatch, 10)
    assert figures(warehouse) == Figures(active=32, long_term=32, partitions=3)
    tiers = "SELECT partition_id, storage_tier FROM d.INFORMATION_SCHEMA.PARTITIONS ORDER BY 1"
    expected = [["20240101", "LONG_TERM"], ["20240102", "ACTIVE"], ["20240103", "LONG_TERM"]]
    assert warehouse.rows(tiers) == expected
    warehouse.run("DELETE t WHERE n = 2")
    assert figures(warehouse).long_term == 16
    warehouse.run("ALTER TABLE t SET OPTIONS (labels = [('a', 'b')])")
    assert figures(warehouse).long_term == 0


def test_rows_that_ended_are_time_travel_then_fail_safe(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse.run("CREATE TABLE t AS SELECT x FROM UNNEST(GENERATE_ARRAY(1, 100)) AS x")
    warehouse.run("DELETE t WHERE x <= 60")
    seen = figures(warehouse)
    assert (seen.total, seen.time_travel, seen.fail_safe) == (320, physical(480), 0)
    assert seen.current_physical == physical(320)
    assert seen.active_physical == seen.total_physical == physical(320) + physical(480)
    aged(warehouse, monkeypatch, 3)
    warehouse.run("UPDATE t SET x = 0 WHERE x = 61")
    assert figures(warehouse).time_travel == physical(488)
    aged(warehouse, monkeypatch, 5)
    seen = figures(warehouse)
    assert (seen.time_travel, seen.fail_safe) == (physical(8), physical(480))
    assert seen.billed_physical == seen.total_physical + seen.fail_safe
    aged(warehouse, monkeypatch, 7)
    assert (figures(warehouse).time_travel, figures(warehouse).fail_safe) == (0, physical(8))
    aged(warehouse, monkeypatch, FAIL_SAFE_US / DAY_US)
    assert figures(warehouse) == Figures(active=320)


def test_the_window_is_the_datasets(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    warehouse.run("ALTER SCHEMA d SET OPTIONS (max_time_travel_hours = 48)")
    warehouse.run("CREATE TABLE t AS SELECT 1 AS x")
    warehouse.run("TRUNCATE TABLE t")
    aged(warehouse, monkeypatch, 3)
    assert (figures(warehouse).time_travel, figures(warehouse).fail_safe) == (0, physical(8))


def test_ended_rows_are_read_once(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE t AS SELECT x FROM UNNEST([1, 2, 3]) AS x")
    before = warehouse.table("t")
    warehouse.run("DELETE t WHERE x = 1")
    ended = EndedRows()
    first = ended.of(warehouse.session, warehouse.table("t"))
    assert [size for _, size in first] == [8]
    warehouse.run("DELETE t WHERE x > 1")
    assert [size for _, size in ended.of(warehouse.session, warehouse.table("t"))] == [8, 16]
    assert not ended.of(warehouse.session, before)


def test_ended_rows_of_many_tables_are_found(warehouse: Warehouse) -> None:
    for n in range(25):
        warehouse.run(f"CREATE TABLE t{n} AS SELECT x FROM UNNEST([1, 2, 3]) AS x")
    warehouse.run("DELETE t7 WHERE x = 1")
    warehouse.run("TRUNCATE TABLE t9")
    tables = [warehouse.table(f"t{n}") for n in range(25)]
    sizes = warehouse.executor.sizes
    for _ in range(2):
        found = many_figures(warehouse.catalog, sizes, warehouse.session, tables)
        assert {n: f.time_travel for n, f in enumerate(found) if f.time_travel} == {7: 2, 9: 6}
    warehouse.run("DELETE t3 WHERE x = 1")
    assert figures(warehouse, "t3").time_travel == 2


def test_figures_of_many_tables(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE t AS SELECT 1 AS x")
    warehouse.run("CREATE TABLE u AS SELECT 'abc' AS x")
    shadow = ShadowStatistics({"x": 100}, {"": (10, 100, 0)}, figures={"long_term_logical_bytes": 30})
    tables = [warehouse.table("t"), as_shadow(warehouse.table("u"), shadow), warehouse.table("u")]
    found = many_figures(warehouse.catalog, warehouse.executor.sizes, warehouse.session, tables)
    assert [(f.active, f.long_term) for f in found] == [(8, 0), (70, 30), (5, 0)]


def test_physical_bytes_that_were_told(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE t AS SELECT 1 AS x")
    told = {"total_physical_bytes": 11, "active_physical_bytes": 7}
    shadow = ShadowStatistics({"x": 100}, {"": (10, 100, 0)}, figures=told)
    table = as_shadow(warehouse.table("t"), shadow)
    (found,) = many_figures(warehouse.catalog, warehouse.executor.sizes, warehouse.session, [table])
    assert (found.total_physical, found.active_physical, found.current_physical) == (11, 7, 25)
    old = replace(table, modified_ms=table.modified_ms - LONG_TERM_MS)
    (found,) = many_figures(warehouse.catalog, warehouse.executor.sizes, warehouse.session, [old])
    assert (found.active, found.long_term) == (0, 100)


def test_views_agree(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE t (d DATE, s STRING) PARTITION BY d")
    for statement in (
        "INSERT t VALUES ('2024-01-01', 'abc'), ('2024-01-02', 'x'), (NULL, 'yy')",
        "UPDATE t SET s = 'longer' WHERE d = '2024-01-02'",
        "DELETE t WHERE d IS NULL",
        "INSERT t SELECT DATE '2025-01-01' + x, 'z' FROM UNNEST([0, 1]) AS x",
    ):
        warehouse.run(statement)
        seen = figures(warehouse)
        storage = (
            "SELECT total_rows, total_partitions, total_logical_bytes, active_logical_bytes,"
            " total_physical_bytes, time_travel_physical_bytes"
            " FROM `region-us`.INFORMATION_SCHEMA.TABLE_STORAGE WHERE table_name = 't' AND NOT deleted"
        )
        rows = warehouse.table("t").num_rows
        expected = [rows, seen.partitions, seen.total, seen.active, seen.total_physical, seen.time_travel]
        assert warehouse.rows(storage) == [expected]
        partitions = (
            "SELECT SUM(total_rows), COUNT(*), SUM(total_logical_bytes) FROM d.INFORMATION_SCHEMA.PARTITIONS"
        )
        assert warehouse.rows(partitions) == [expected[:3]]
        meta = "SELECT row_count, size_bytes FROM d.__TABLES__ WHERE table_id = 't'"
        assert warehouse.rows(meta) == [[rows, seen.total]]
