from __future__ import annotations

import pytest

from bqsim.catalog.change import Change
from bqsim.errors import BigQueryError
from bqsim.sql.statements.partition_ids import partitions_of
from bqsim.sql.statements.table_statistics import (
    WHOLE_KEY,
    Counted,
    TableStatistics,
    column_key,
    relation_of,
)
from tests.unit.sql.warehouse import Warehouse

DAY_US = 86_400_000_000
FIRST = 19_723 * DAY_US  # 2024-01-01


@pytest.fixture
def parts(warehouse: Warehouse) -> Warehouse:
    warehouse.run("CREATE TABLE t (d DATE, s STRING, r STRUCT<a INT64, b STRUCT<c STRING>>) PARTITION BY d")
    warehouse.run(
        "INSERT t SELECT DATE '2024-01-01' + x, 'abc', (x, STRUCT('de')) FROM UNNEST([0, 0, 1]) AS x"
    )
    return warehouse


def counted(warehouse: Warehouse, statistics: TableStatistics, *names: str) -> Counted:
    return statistics.of(warehouse.session, warehouse.table("t"), names)


def test_rows_and_bytes_by_partition(parts: Warehouse) -> None:
    found = counted(parts, TableStatistics(), "s", "d", "nope")
    assert {key: rows for key, (rows, _) in found.rows.items()} == {FIRST: 2, FIRST + DAY_US: 1}
    assert found.total_rows == 3
    assert found.bytes_of(["c1"]) == 24
    assert found.bytes_of(["c2"], [FIRST]) == 10
    assert found.bytes_of(["c1", "c2"], [FIRST + DAY_US, 77]) == 13


def test_a_table_without_partitions_has_one_key(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE t AS SELECT 'ab' AS s")
    assert counted(warehouse, TableStatistics(), "s").columns == {"c1": {WHOLE_KEY: 4}}


@pytest.mark.parametrize(
    ("name", "key"),
    [("s", "c2"), ("R.A", "c3.0"), ("r.b.c", "c3.1.0"), ("r.b", "c3.1"), ("r.x", None), ("s.a", None)],
)  # fmt: skip
def test_keys_of_columns_and_fields(parts: Warehouse, name: str, key: str | None) -> None:
    assert column_key(parts.table("t"), name) == key


def test_what_was_counted_is_brought_to_later_versions(parts: Warehouse) -> None:
    statistics = TableStatistics()
    assert not statistics.knows(parts.table("t"))
    first = counted(parts, statistics, "s", "r.b.c")
    assert statistics.knows(parts.table("t"))
    assert counted(parts, statistics, "s") is first
    parts.run("DELETE t WHERE d = '2024-01-02'")
    parts.run("INSERT t VALUES ('2024-01-01', 'longer', NULL)")
    kept, anew = counted(parts, statistics, "s", "r.b.c"), counted(parts, TableStatistics(), "s", "r.b.c")
    assert (kept.rows.keys(), kept.columns) == (anew.rows.keys(), anew.columns)
    assert kept.bytes_of(["c3.1.0"]) == 8


def test_relations_are_kept_while_the_partitions_are_the_same(parts: Warehouse) -> None:
    statistics = TableStatistics()
    partitions = partitions_of(parts.table("t"))
    assert partitions is not None
    relation = relation_of(counted(parts, statistics, "s"), partitions)
    assert relation.num_rows == 2
    parts.run("INSERT t (d) VALUES ('2024-01-01')")
    assert relation_of(counted(parts, statistics, "s"), partitions) is relation
    parts.run("INSERT t (d) VALUES ('2024-01-09')")
    assert relation_of(counted(parts, statistics, "s"), partitions).num_rows == 3


def test_bytes_of_partitions_that_have_not_changed_since(parts: Warehouse) -> None:
    statistics = TableStatistics()
    before = parts.table("t").version
    parts.run("UPDATE t SET s = 'z' WHERE d = '2024-01-02'")
    for known in (statistics, TableStatistics()):
        found = counted(parts, known, "d", "s")
        assert found.bytes_until(before - 1) == 0
        assert found.bytes_until(before) == 26
        assert found.bytes_until(parts.table("t").version) == 26 + 11


def test_a_partition_that_lost_rows_has_changed(parts: Warehouse) -> None:
    parts.run("CREATE TABLE u AS SELECT 1 AS x")
    before = parts.table("t").version
    parts.run("DELETE t WHERE r.a = 0 AND s = 'abc' AND d = '2024-01-01' AND FALSE")
    parts.run("INSERT t (d, s) VALUES ('2024-01-01', 'gone')")
    parts.run("DELETE t WHERE s = 'gone'")
    found = counted(parts, TableStatistics(), "d")
    assert found.rows[FIRST][1] == parts.table("t").version
    assert found.rows[FIRST + DAY_US][1] == before


def test_rows_that_are_about_to_be_committed_are_known_once_they_are(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE t (d DATE, n INT64) PARTITION BY d")
    seen: list[int] = []
    statistics = warehouse.executor.sizes.statistics

    def counting(change: Change) -> None:
        seen.append(len(statistics.foreseen(warehouse.session, change.tables[0]).rows))
        if len(seen) == 2:
            raise BigQueryError("invalid", "no more")

    warehouse.catalog.committing = counting
    try:
        warehouse.run("INSERT t VALUES ('2024-01-01', 1), ('2024-01-02', 2)")
        assert statistics.knows(warehouse.table("t"))
        assert "no more" in warehouse.error("INSERT t VALUES ('2024-01-03', 1)")
        warehouse.run("INSERT t VALUES ('2024-01-04', 1)")
        warehouse.run("DELETE t WHERE d = '2024-01-01'")
    finally:
        warehouse.catalog.committing = None
    assert seen == [2, 3, 3, 2]
    kept = statistics.of(warehouse.session, warehouse.table("t"), ["n"])
    assert kept.rows == TableStatistics().of(warehouse.session, warehouse.table("t"), ["n"]).rows


def test_forgetting_everything_forgets_blocks(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE t CLUSTER BY n AS SELECT x AS n FROM UNNEST(GENERATE_ARRAY(1, 9)) AS x")
    statistics, table = TableStatistics(), warehouse.table("t")
    before = statistics.blocks.of(warehouse.session, table, ["n"])
    assert statistics.blocks.of(warehouse.session, table, ["n"]) is before
    statistics.clear()
    assert statistics.blocks.of(warehouse.session, table, ["n"]) is not before
