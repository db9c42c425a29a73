from __future__ import annotations

import pytest

from bqsim.sql.statements.cluster_blocks import BLOCK_BYTES, CHANGED, Blocks, ClusterBlocks, admitted_blocks
from tests.unit.sql.warehouse import Warehouse

# 40 rows of 16 bytes, ten of each partition.
ROWS = "SELECT DATE '2024-01-01' + DIV(x, 10) AS d, 39 - x AS n FROM UNNEST(GENERATE_ARRAY(0, 39)) AS x"


def cut(warehouse: Warehouse, names: list[str], size: int = 80, table: str = "t") -> Blocks:
    found = ClusterBlocks(size).of(warehouse.session, warehouse.table(table), names)
    assert found is not None
    return found


def ends(found: Blocks) -> list[tuple[object, ...]]:
    return [tuple(row.values())[1:] for row in found.relation.to_pylist()]


def test_each_partition_is_sorted_and_cut_into_equal_blocks(warehouse: Warehouse) -> None:
    warehouse.run(f"CREATE TABLE t PARTITION BY d CLUSTER BY n AS {ROWS}")
    found = cut(warehouse, ["n", "d"])
    assert len(found.keys) == 8 and len(set(found.keys)) == 4
    assert list(found.sizes["c2"]) == [40] * 8
    assert [row[:3] for row in ends(found)] == [
        (first, first + 4, 0) for day in (30, 20, 10, 0) for first in (day, day + 5)
    ]
    assert len(cut(warehouse, ["n"], 160).keys) == 4
    # A block holds no more than its size.
    assert len(cut(warehouse, ["n"], 159).keys) == 8


def test_tables_without_partitions_are_cut_whole(warehouse: Warehouse) -> None:
    warehouse.run(f"CREATE TABLE t CLUSTER BY n AS {ROWS}")
    found = cut(warehouse, [], 161)
    assert (list(found.keys), dict(found.sizes)) == ([0] * 4, {})
    assert [row[:2] for row in ends(found)] == [(0, 9), (10, 19), (20, 29), (30, 39)]


def test_blocks_are_cut_by_bytes_not_by_rows(warehouse: Warehouse) -> None:
    warehouse.run(
        "CREATE TABLE t CLUSTER BY n AS SELECT x AS n, REPEAT('a', IF(x < 10, 90, 0)) AS s"
        " FROM UNNEST(GENERATE_ARRAY(0, 99)) AS x"
    )
    found = cut(warehouse, ["n", "s"], 500)
    assert [row[:2] for row in ends(found)] == [(0, 4), (5, 9), (10, 52), (53, 99)]
    assert [a + b for a, b in zip(found.sizes["c1"], found.sizes["c2"], strict=True)] == [500, 500, 430, 470]


def test_null_comes_first(warehouse: Warehouse) -> None:
    warehouse.run(
        "CREATE TABLE t CLUSTER BY s, n AS SELECT IF(x < 3, NULL, 'k') AS s, IF(x > 3, x, NULL) AS n, x AS v"
        " FROM UNNEST(GENERATE_ARRAY(0, 9)) AS x"
    )
    first, *_, last = ends(cut(warehouse, ["v"], 24))
    assert first[:6] == (None, None, 3, None, None, 3)
    assert last[:3] == ("k", "k", 0) and last[4] == 9


def test_strings_are_kept_up_to_what_orders_them(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE t CLUSTER BY s AS SELECT REPEAT('ä', 2000) AS s")
    [(low, high, nulls)] = [row[:3] for row in ends(cut(warehouse, ["s"]))]
    assert (low, high, nulls) == ("ä" * 1024, "ä" * 1024, 0)


def test_fields_of_structs(warehouse: Warehouse) -> None:
    warehouse.run(
        "CREATE TABLE t CLUSTER BY n AS SELECT x AS n, STRUCT(x AS a, 'abc' AS b) AS r, [x] AS l"
        " FROM UNNEST(GENERATE_ARRAY(0, 3)) AS x"
    )
    found = cut(warehouse, ["r.b", "r", "l", "no"], 58)
    assert dict(found.sizes) == {"c2.1": [10, 10], "c2": [26, 26], "c3": [16, 16]}


def test_other_tables_have_no_blocks(warehouse: Warehouse) -> None:
    warehouse.run(f"CREATE TABLE t AS {ROWS}")
    warehouse.run("CREATE TABLE g CLUSTER BY g AS SELECT ST_GEOGPOINT(1, 2) AS g")
    for name in ("t", "g"):
        assert ClusterBlocks().of(warehouse.session, warehouse.table(name), ["n"]) is None


def test_an_empty_table_has_none(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE t (n INT64) CLUSTER BY n")
    assert list(cut(warehouse, ["n"]).keys) == []


def test_few_changes_do_not_sort_the_table_anew(warehouse: Warehouse) -> None:
    warehouse.run(f"CREATE TABLE t CLUSTER BY n AS {ROWS}")
    blocks = ClusterBlocks(160)

    def now(*names: str) -> Blocks | None:
        return blocks.of(warehouse.session, warehouse.table("t"), names)

    first = now("n")
    assert now("n") is first
    more = now("n", "d")
    assert more is not first and now("n") is more
    warehouse.run("INSERT t VALUES (DATE '2024-01-01', 50), (DATE '2024-01-01', 51)")
    warehouse.run("DELETE t WHERE n = 50")
    assert now("n") is more
    warehouse.run("UPDATE t SET n = n + 1 WHERE n > 34")
    again = now("n")
    assert again is not more and again is not None and again.rows == 41
    assert 2 * CHANGED <= 41


def test_rows_that_sort_alike_are_in_one_block(warehouse: Warehouse) -> None:
    warehouse.run(
        "CREATE TABLE t CLUSTER BY n AS SELECT DIV(x, 30) AS n, x AS v"
        " FROM UNNEST(GENERATE_ARRAY(0, 89)) AS x"
    )
    found = cut(warehouse, ["v"], 160)
    assert [row[:2] for row in ends(found)] == [(0, 0), (1, 1), (2, 2)]
    assert list(found.sizes["c2"]) == [240] * 3


@pytest.mark.parametrize(
    "value",
    [
        "x",
        "CAST(x AS NUMERIC) / 7",
        "CAST(x AS BIGNUMERIC) / 7",
        "DATE '2024-01-01' + x",
        "DATETIME_ADD(DATETIME '2024-01-01 00:00:00.000001', INTERVAL x HOUR)",
        "TIMESTAMP_ADD(TIMESTAMP '2024-01-01 00:00:00.000001+00', INTERVAL x HOUR)",
        "CONCAT('it''s \\\\ ', FORMAT('%03d', x))",
        "IF(x < 50, NULL, x)",
    ],
)
def test_each_type_is_cut(warehouse: Warehouse, value: str) -> None:
    value = value.replace("''", "\\'")
    warehouse.run(
        f"CREATE TABLE t CLUSTER BY n AS SELECT {value} AS n, x FROM UNNEST(GENERATE_ARRAY(0, 99)) AS x"
    )
    found = cut(warehouse, ["x"], 320)
    lows = [row[0] for row in ends(found) if row[0] is not None]
    highs = [row[1] for row in ends(found) if row[1] is not None]
    assert lows == sorted(lows) and len(lows) > 1
    assert all(high < low for high, low in zip(highs, lows[1:], strict=False))
    assert sum(found.sizes["c2"]) == 800


def test_large_tables_are_cut_by_some_of_their_rows(warehouse: Warehouse) -> None:
    warehouse.run(
        "CREATE TABLE t CLUSTER BY n AS SELECT MOD(x * 7919, 20000) AS n"
        " FROM UNNEST(GENERATE_ARRAY(0, 19999)) AS x"
    )
    found = ClusterBlocks(16_000, sample=2_000).of(warehouse.session, warehouse.table("t"), ["n"])
    assert found is not None and sum(found.sizes["c1"]) == 160_000
    assert 9 <= len(found.keys) <= 11
    assert all(10_000 < size < 22_000 for size in found.sizes["c1"])
    again = ClusterBlocks(16_000, sample=2_000).of(warehouse.session, warehouse.table("t"), ["n"])
    assert again is not None and again.bounds == found.bounds


def test_what_is_known_is_bounded(warehouse: Warehouse) -> None:
    blocks = ClusterBlocks(160, capacity=1)
    for name in ("t", "u"):
        warehouse.run(f"CREATE TABLE {name} CLUSTER BY n AS {ROWS}")
        assert blocks.of(warehouse.session, warehouse.table(name), ["n"]) is not None
    assert len(blocks._known) == 1
    assert BLOCK_BYTES == 64 << 20


@pytest.mark.parametrize(
    ("condition", "found"),
    [("p.c2 > 15", {2, 3}), ("FALSE", set()), ("error('no') = 1", None)],
)
def test_admitted_blocks(warehouse: Warehouse, condition: str, found: set[int] | None) -> None:
    warehouse.run(f"CREATE TABLE t CLUSTER BY n AS {ROWS}")
    blocks = cut(warehouse, ["n"], 160)
    for _ in range(2):
        admitted = admitted_blocks(warehouse.session, blocks, condition)
        assert (None if admitted is None else set(admitted)) == found
