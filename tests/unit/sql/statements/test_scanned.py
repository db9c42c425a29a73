from __future__ import annotations

import pytest

from bqsim.catalog.refs import TableRef
from bqsim.catalog.shadow import Accuracy, ShadowStatistics, as_shadow
from bqsim.sql.plan import Scan
from bqsim.sql.statements.base import Statement
from bqsim.sql.statements.scanned import bytes_read, within
from tests.unit.sql.warehouse import Warehouse

DAYS, PLAIN = TableRef("p", "d", "days"), TableRef("p", "d", "plain")


@pytest.fixture
def days(warehouse: Warehouse) -> Warehouse:
    warehouse.run(
        "CREATE TABLE days PARTITION BY d AS SELECT DATE '2024-01-01' + x AS d, x AS n, 'ab' AS s"
        " FROM UNNEST([0, 1, 2]) AS x"
    )
    warehouse.run("CREATE TABLE plain AS SELECT 1 AS n, STRUCT(1 AS a, 'x' AS b) AS r")
    return warehouse


def statement(warehouse: Warehouse) -> Statement:
    return Statement(warehouse.executor._services, None, warehouse.context(), warehouse.session)


def on(day: int) -> str:
    return f"p.c1 = DATE '2024-01-0{day}'"


def test_each_table_by_itself(days: Warehouse) -> None:
    read = bytes_read(statement(days), {DAYS: ["n"], PLAIN: ["n", "r"], TableRef("p", "d", "gone"): ["x"]})
    assert (read.tables, read.partitions, read.accuracy) == ((24, 8 + 11), None, "PRECISE")


def test_a_field_within_a_column_that_is_read_counts_once(days: Warehouse) -> None:
    assert bytes_read(statement(days), {PLAIN: ["r", "r.a"]}).total == 11
    assert bytes_read(statement(days), {PLAIN: ["r.a"]}).total == 8
    assert within("r.a", "r") and not within("r", "r") and not within("ra", "r")


def test_columns_are_read_in_the_partitions_of_the_scans_that_read_them(days: Warehouse) -> None:
    scans = {DAYS: (Scan(("d", "n"), on(1)), Scan(("d", "s"), on(2)))}
    read = bytes_read(statement(days), {DAYS: ["d", "n", "s"]}, scans)
    assert (read.total, read.partitions) == (16 + 8 + 4, 2)


def test_dropped_partitions_are_not_read(days: Warehouse) -> None:
    scans = {DAYS: (Scan(("d", "n", "s"), "p.c1 < DATE '2024-01-03'", dropped=f"({on(1)})"),)}
    read = bytes_read(statement(days), {DAYS: ["d", "n", "s"]}, scans)
    assert (read.total, read.partitions) == (20, 1)


def test_a_condition_that_fails_leaves_all_partitions(days: Warehouse) -> None:
    read = bytes_read(statement(days), {DAYS: ["n"]}, {DAYS: (Scan(("n",), "error('no') = 1"),)})
    assert (read.total, read.partitions) == (24, 3)


def test_wildcards_are_one_table(days: Warehouse) -> None:
    read = bytes_read(statement(days), {DAYS: ["n"], PLAIN: ["n"]}, {}, [(DAYS, PLAIN)])
    assert read.tables == (32,)


def test_shadow_tables_tell_how_exact_they_are(days: Warehouse) -> None:
    shadow = ShadowStatistics(
        {"n": 80, "r": 200}, {"": (10, 280, 0)}, leaves={"r.a": 80}, accuracies={"n": Accuracy.LOWER_BOUND}
    )
    with days.catalog.change(days.session) as change:
        change.put_table(as_shadow(days.table("plain"), shadow))
    for columns, size, accuracy in (
        (["n"], 80, "LOWER_BOUND"),
        (["r"], 200, "PRECISE"),
        (["r.a"], 80, "PRECISE"),
        (["r.b"], 200, "UPPER_BOUND"),
        (["n", "r.b"], 280, "UNKNOWN"),
    ):
        read = bytes_read(statement(days), {PLAIN: columns})
        assert (read.total, read.accuracy) == (size, accuracy)


@pytest.mark.parametrize(
    ("sql", "accuracy"),
    [
        ("SELECT s FROM d.sorted", "PRECISE"),
        ("SELECT s FROM d.sorted WHERE n = 1", "UPPER_BOUND"),
        ("SELECT s FROM d.sorted WHERE n + 1 > 2 AND s = 'a'", "UPPER_BOUND"),
        # Only the first clustering column leads to blocks.
        ("SELECT s FROM d.sorted WHERE s = 'a'", "PRECISE"),
        ("SELECT s FROM (SELECT * FROM d.sorted LIMIT 5) WHERE n = 1", "PRECISE"),
        ("WITH x AS (SELECT * FROM d.sorted) SELECT s FROM x WHERE n = 1", "UPPER_BOUND"),
        ("DELETE d.sorted WHERE n = 1", "UPPER_BOUND"),
    ],
)
def test_blocks_of_clustered_tables_may_be_left_out(warehouse: Warehouse, sql: str, accuracy: str) -> None:
    warehouse.run("CREATE TABLE d.sorted CLUSTER BY n, s AS SELECT x AS n, 'a' AS s FROM UNNEST([1, 2]) AS x")
    assert warehouse.executor.dry_run(sql, warehouse.context(), warehouse.session).read.accuracy == accuracy
