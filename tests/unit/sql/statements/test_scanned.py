from __future__ import annotations

import pytest

from bqsim.catalog.refs import TableRef
from bqsim.catalog.shadow import Accuracy, ShadowStatistics, as_shadow
from bqsim.sql.plan import BytesRead, Filtering, Pruning, Scan
from bqsim.sql.statements.base import Statement
from bqsim.sql.statements.cluster_blocks import ClusterBlocks
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


SORTED = (
    "CREATE TABLE d.sorted PARTITION BY d CLUSTER BY n AS SELECT DATE '2024-01-01' + DIV(x, 50) AS d,"
    " MOD(x, 50) AS n, x AS v FROM UNNEST(GENERATE_ARRAY(0, 99)) AS x"
)


@pytest.fixture
def clustered(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    """A table of two partitions with five blocks each."""
    warehouse.run(SORTED)
    monkeypatch.setattr(warehouse.executor._services.sizes.statistics, "blocks", ClusterBlocks(240))
    return warehouse


@pytest.mark.parametrize(
    ("sql", "size", "at_most", "blocks"),
    [
        ("SELECT v FROM d.sorted", 800, 800, None),
        ("SELECT v FROM d.sorted WHERE n = 5", 320, 1600, (2, 10)),
        ("SELECT v FROM d.sorted WHERE n = 5 AND d = '2024-01-01'", 240, 1200, (1, 5)),
        ("SELECT v FROM d.sorted WHERE n + 1 = 5", 1600, 1600, None),
        ("SELECT v FROM d.sorted WHERE n = 5 LIMIT 1", 320, 1600, (2, 10)),
        # Each column in the blocks of the scans that read it.
        (
            "SELECT v FROM d.sorted WHERE n = 5 UNION ALL SELECT n FROM d.sorted WHERE n < 20",
            160 + 320,
            1600,
            (4, 10),
        ),
        ("SELECT v FROM d.sorted WHERE n = 5 UNION ALL SELECT n FROM d.sorted", 160 + 800, 1600, (10, 10)),
        ("SELECT n FROM d.sorted TABLESAMPLE SYSTEM (50 PERCENT) WHERE n = 5", 80, 400, (2, 10)),
        ("DELETE d.sorted WHERE n = 5", 480, 2400, (2, 10)),
        ("UPDATE d.sorted SET v = 1 WHERE n < 10 AND d = '2024-01-02'", 240, 1200, (1, 5)),
        ("CREATE TABLE d.copy AS SELECT v FROM d.sorted WHERE n = 5", 320, 1600, (2, 10)),
        ("INSERT d.plain SELECT v FROM d.sorted WHERE n = 5", 320, 1600, (2, 10)),
    ],
)
def test_blocks_of_clustered_tables_are_left_out_when_a_statement_runs(
    clustered: Warehouse, sql: str, size: int, at_most: int, blocks: tuple[int, int] | None
) -> None:
    clustered.run("CREATE TABLE d.plain (v INT64)")
    dry = clustered.executor.dry_run(sql, clustered.context(), clustered.session)
    assert (dry.read.total, dry.read.upper) == (at_most, None)
    asked: list[BytesRead] = []
    read = clustered.run(sql, afford=asked.append).read
    assert (read.total, read.estimate.total) == (size, at_most)
    # What a statement may cost is held against what is known before it runs.
    assert [one.total for one in asked] == [at_most]
    [found] = read.pruning
    assert (found.blocks, found.bytes, found.left_out) == (blocks, size, at_most - size)


def test_small_tables_have_one_block(clustered: Warehouse) -> None:
    known = clustered.executor._services.sizes.statistics.blocks
    known.block_bytes = 2400
    assert clustered.run("SELECT v FROM d.sorted WHERE n = 5000").read.total == 1600
    assert known._known == {}


def test_rows_that_came_since_are_read(clustered: Warehouse) -> None:
    sql = "SELECT v FROM d.sorted WHERE n = 5"
    assert clustered.run(sql).read.total == 320
    clustered.run("INSERT d.sorted VALUES (DATE '2024-01-01', 70, 1)")
    assert clustered.run(sql).read.total == 336


def test_how_a_table_was_pruned(clustered: Warehouse) -> None:
    pruned, unused, without = Filtering.PRUNES, Filtering.NOT_COMPARABLE, Filtering.NO_FILTER
    ref = TableRef("p", "d", "sorted")
    for condition, expected in (
        (
            "n = 5 AND d > '2024-01-01'",
            Pruning(ref, 240, 960, (1, 2), (1, 5), ((("d", pruned), ("n", pruned)),)),
        ),
        ("n = v", Pruning(ref, 1600, 0, (2, 2), None, ((("d", without), ("n", without)),))),
        ("ABS(n) = 5", Pruning(ref, 1600, 0, (2, 2), None, ((("d", without), ("n", unused)),))),
        (
            "RAND() < EXTRACT(DAY FROM d)",
            Pruning(ref, 1600, 0, (2, 2), None, ((("d", unused), ("n", without)),)),
        ),
    ):
        assert clustered.run(f"SELECT v FROM d.sorted WHERE {condition}").read.pruning == (expected,)
    assert clustered.run("SELECT 1").read.pruning == ()


@pytest.mark.parametrize(
    ("sql", "size"),
    [
        ("SELECT n FROM d.plain TABLESAMPLE SYSTEM (10 PERCENT)", 80),
        ("SELECT n, v FROM d.plain TABLESAMPLE SYSTEM (10 PERCENT)", 160),
        ("SELECT n FROM d.plain TABLESAMPLE SYSTEM (0 PERCENT)", 0),
        ("SELECT n FROM d.plain TABLESAMPLE SYSTEM (100 PERCENT)", 800),
        ("SELECT n FROM d.plain TABLESAMPLE SYSTEM (0.5 PERCENT)", 4),
        ("SELECT n FROM d.plain TABLESAMPLE SYSTEM (10 PERCENT) WHERE v > 3", 160),
        ("SELECT v FROM d.sorted TABLESAMPLE SYSTEM (10 PERCENT) WHERE d = '2024-01-01'", 80),
        # A column that another scan reads whole is read whole.
        ("SELECT n FROM d.plain TABLESAMPLE SYSTEM (10 PERCENT) UNION ALL SELECT v FROM d.plain", 880),
        ("SELECT v FROM d.plain UNION ALL SELECT n FROM d.plain TABLESAMPLE SYSTEM (10 PERCENT)", 880),
        ("SELECT n FROM d.plain UNION ALL SELECT n FROM d.plain TABLESAMPLE SYSTEM (10 PERCENT)", 800),
        ("SELECT a.n, v.v FROM d.plain AS a TABLESAMPLE SYSTEM (10 PERCENT) CROSS JOIN d.v", 880),
    ],
)
def test_samples_are_of_the_bytes_too(warehouse: Warehouse, sql: str, size: int) -> None:
    warehouse.run(SORTED)
    warehouse.run("CREATE TABLE d.plain AS SELECT x AS n, x AS v FROM UNNEST(GENERATE_ARRAY(1, 100)) AS x")
    warehouse.run("CREATE VIEW d.v AS SELECT v FROM d.plain")
    assert warehouse.executor.dry_run(sql, warehouse.context(), warehouse.session).read.total == size
    assert warehouse.run(sql).read.total == size


def test_what_several_statements_read() -> None:
    one, other = BytesRead((5,), 1, upper=(9,)), BytesRead((3, 4))
    both = one.joined(other)
    assert (both.tables, both.upper, both.partitions) == ((5, 3, 4), (9, 3, 4), 1)
    assert other.joined(other).upper is None
    assert both.with_tables([1]).estimate == BytesRead((9, 3, 4, 1), 1)
