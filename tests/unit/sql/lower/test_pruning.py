"""Which partitions queries are charged for, by what their filters say."""

from __future__ import annotations

import pytest

from bqsim.sql.plan import StatementResult
from tests.unit.sql.warehouse import Warehouse, new_warehouse

pytestmark = [
    pytest.mark.fidelity("bytes:partition pruning", "exact", tests="test_partitions_*"),
    pytest.mark.fidelity("bytes:wildcard tables", "exact", tests="test_wildcard_*"),
]

SETUP = (
    "CREATE TABLE d.days (d DATE, n INT64) PARTITION BY d",
    "INSERT d.days SELECT DATE '2024-01-01' + x, x FROM UNNEST(GENERATE_ARRAY(0, 9)) AS x",
    "CREATE TABLE d.hours (ts TIMESTAMP, n INT64) PARTITION BY TIMESTAMP_TRUNC(ts, HOUR)",
    "INSERT d.hours SELECT TIMESTAMP_ADD(TIMESTAMP '2024-01-01 00:30:00+00', INTERVAL x HOUR), x"
    " FROM UNNEST(GENERATE_ARRAY(0, 47)) AS x",
    "CREATE TABLE d.months (dt DATETIME, n INT64) PARTITION BY DATETIME_TRUNC(dt, MONTH)",
    "INSERT d.months SELECT DATETIME_ADD(DATETIME '2023-01-15', INTERVAL x MONTH), x"
    " FROM UNNEST(GENERATE_ARRAY(0, 23)) AS x",
    "CREATE TABLE d.ranges (k INT64, n INT64) PARTITION BY RANGE_BUCKET(k, GENERATE_ARRAY(0, 100, 10))",
    "INSERT d.ranges SELECT x, x FROM UNNEST(GENERATE_ARRAY(0, 99, 10)) AS x",
    "INSERT d.ranges (k, n) VALUES (NULL, 1)",
    "CREATE VIEW d.v AS SELECT d AS day, n FROM d.days",
    "CREATE VIEW d.limited AS SELECT d AS day, n FROM d.days LIMIT 5",
    *(f"CREATE TABLE d.e_{m} AS SELECT 1 AS n" for m in ("202401", "202402", "202403")),
)


@pytest.fixture(scope="module")
def days() -> Warehouse:
    found = new_warehouse()
    for statement in SETUP:
        found.run(statement)
    return found


def dry(warehouse: Warehouse, sql: str) -> StatementResult:
    return warehouse.executor.dry_run(sql, warehouse.context(), warehouse.session)


@pytest.mark.parametrize(
    ("sql", "partitions"),
    [
        ("SELECT n FROM d.days", 10),
        ("SELECT n FROM d.days WHERE d = '2024-01-03'", 1),
        ("SELECT n FROM d.days WHERE d >= '2024-01-03'", 8),
        ("SELECT n FROM d.days WHERE '2024-01-03' > d", 2),
        (
            "SELECT n FROM d.days WHERE d BETWEEN '2024-01-03' AND DATE_ADD('2024-01-03', INTERVAL 2 DAY)",
            3,
        ),
        ("SELECT n FROM d.days WHERE d IN ('2024-01-03', '2024-01-05', '2030-01-01')", 2),
        ("SELECT n FROM d.days WHERE d = '2024-01-03' AND n > 1", 1),
        ("SELECT n FROM d.days WHERE d = '2024-01-03' OR n > 1", 10),
        ("SELECT n FROM d.days WHERE d = '2024-01-03' OR d = '2024-01-04'", 2),
        ("SELECT n FROM d.days WHERE NOT d = '2024-01-03'", 9),
        ("SELECT n FROM d.days WHERE EXTRACT(DAY FROM d) = 3", 1),
        ("SELECT n FROM d.days WHERE FORMAT_DATE('%d', d) LIKE '0%'", 9),
        ("SELECT n FROM d.days WHERE d IS NULL", 0),
        ("SELECT n FROM d.days WHERE d = (SELECT MAX(d) FROM p.d.days)", 10),
        ("SELECT n FROM d.days WHERE d = DATE '2024-01-01' + n", 10),
        ("SELECT n FROM d.days WHERE d > CURRENT_DATE()", 0),
        ("SELECT n FROM d.days WHERE RAND() > 2 AND d = '2024-01-03'", 1),
        ("SELECT n FROM (SELECT n, d AS x FROM d.days) WHERE x = '2024-01-03'", 1),
        ("WITH t AS (SELECT * FROM d.days) SELECT n FROM t WHERE d = '2024-01-03'", 1),
        (
            "WITH t AS (SELECT * FROM d.days) SELECT * FROM t WHERE d = '2024-01-03'"
            " UNION ALL SELECT * FROM t WHERE d = '2024-01-04'",
            10,
        ),
        ("SELECT n FROM (SELECT * FROM d.days UNION ALL SELECT * FROM d.days) WHERE d = '2024-01-03'", 1),
        ("SELECT n FROM (SELECT * FROM d.days LIMIT 3) WHERE d = '2024-01-03'", 10),
        ("SELECT d, COUNT(*) FROM d.days GROUP BY d HAVING d = '2024-01-03'", 1),
        ("SELECT d FROM d.days WHERE TRUE QUALIFY RANK() OVER (ORDER BY n) = 1 AND d = '2024-01-03'", 10),
        ("SELECT a.n FROM d.days AS a JOIN p.d.days AS b ON a.d = b.d AND b.d = '2024-01-03'", 10),
        ("SELECT a.n FROM d.days AS a JOIN p.d.months AS b ON a.n = b.n WHERE a.d < '2024-01-03'", 26),
        ("SELECT a.n FROM d.months AS b LEFT JOIN p.d.days AS a ON a.n = b.n AND a.d < '2024-01-03'", 26),
        ("SELECT n FROM d.v WHERE day = '2024-01-03'", 1),
        ("SELECT n FROM d.v", 10),
        ("SELECT n FROM d.limited WHERE day = '2024-01-03'", 10),
        ("SELECT n FROM d.hours WHERE ts >= '2024-01-01 10:00:00+00'", 38),
        ("SELECT n FROM d.hours WHERE ts > '2024-01-01 09:59:59.999999+00'", 38),
        ("SELECT n FROM d.hours WHERE DATE(ts) = '2024-01-02'", 24),
        ("SELECT n FROM d.hours WHERE CAST(ts AS DATE) = '2024-01-02'", 24),
        ("SELECT n FROM d.hours WHERE TIMESTAMP_TRUNC(ts, DAY) = '2024-01-02'", 24),
        ("SELECT n FROM d.hours WHERE EXTRACT(YEAR FROM ts) = 2023", 0),
        ("SELECT n FROM d.hours WHERE EXTRACT(HOUR FROM ts) = 3", 48),
        ("SELECT n FROM d.hours WHERE TIMESTAMP_ADD(ts, INTERVAL 1 DAY) < '2024-01-02 01:00:00+00'", 1),
        ("SELECT n FROM d.months WHERE dt >= '2024-02-01' AND dt < '2024-03-01'", 1),
        ("SELECT n FROM d.months WHERE EXTRACT(YEAR FROM dt) = 2024", 12),
        ("SELECT n FROM d.months WHERE DATE(dt) = '2024-02-20'", 1),
        ("SELECT n FROM d.ranges WHERE k BETWEEN 20 AND 45", 3),
        ("SELECT n FROM d.ranges WHERE k = 20", 1),
        ("SELECT n FROM d.ranges WHERE k + 1 = 20", 11),
        ("SELECT n FROM d.ranges WHERE k IS NULL", 1),
        ("SELECT n FROM d.ranges WHERE k IS NOT NULL", 10),
        ("SELECT n FROM d.ranges WHERE k IN (5, 95)", 2),
    ],
)
def test_partitions_that_a_query_reads(days: Warehouse, sql: str, partitions: int) -> None:
    read = dry(days, sql).read
    assert read.partitions == partitions
    assert days.run(sql).read == read


@pytest.mark.parametrize(
    ("sql", "size"),
    [
        ("SELECT n FROM d.days WHERE d = '2024-01-03'", 16),
        ("SELECT n FROM d.days", 80),
        # Each column in the partitions in which it is read.
        ("SELECT a.n FROM d.days a JOIN (SELECT d FROM d.days WHERE d > '2024-01-03') USING (d)", 160),
        ("SELECT a.d FROM d.days a JOIN (SELECT * FROM d.days WHERE d > '2024-01-03') USING (d, n)", 160),
        ("UPDATE d.days SET n = 0 WHERE d = '2024-01-03'", 16),
        ("DELETE d.days WHERE d >= '2024-01-09' AND n < 0", 32),
        ("MERGE d.days AS t USING (SELECT 1 AS n) AS s ON t.n = s.n AND t.d = '2024-01-03'"
         " WHEN MATCHED THEN DELETE", 16),
        ("MERGE d.days AS t USING (SELECT 1 AS n) AS s ON t.n = s.n AND t.d = '2024-01-03'"
         " WHEN NOT MATCHED BY SOURCE THEN DELETE", 160),
        ("INSERT d.months (n) SELECT n FROM d.days WHERE d = '2024-01-03'", 16),
    ],
)  # fmt: skip
def test_partitions_are_what_is_charged(days: Warehouse, sql: str, size: int) -> None:
    assert dry(days, sql).bytes_processed == size


@pytest.mark.parametrize(
    ("sql", "size"),
    [
        ("SELECT n FROM d.`e_*`", 24),
        ("SELECT n FROM d.`e_*` WHERE _TABLE_SUFFIX = '202402'", 8),
        ("SELECT n FROM d.`e_*` WHERE _TABLE_SUFFIX BETWEEN '202401' AND '202402'", 16),
        ("SELECT n FROM d.`e_*` WHERE CAST(_TABLE_SUFFIX AS INT64) > 202401", 16),
        ("SELECT n FROM d.`e_*` WHERE _TABLE_SUFFIX LIKE '%03' OR n = 1", 24),
        ("SELECT n FROM d.`e_*` WHERE _TABLE_SUFFIX > '9'", 0),
    ],
)
def test_wildcard_reads_the_tables_that_are_asked_for(days: Warehouse, sql: str, size: int) -> None:
    assert dry(days, sql).read.tables == (size,)


@pytest.mark.parametrize(
    ("condition", "size", "partitions"),
    [
        ("TRUE", 96, None),
        ("_TABLE_SUFFIX > '0'", 56, 5),
        ("_PARTITIONTIME = '2024-01-01' AND _TABLE_SUFFIX > '0'", 24, 2),
        ("_PARTITIONDATE > '2024-01-01'", 72, 3),
        ("_PARTITIONTIME BETWEEN '2024-01-01' AND '2024-01-02'", 80, 4),
        ("_PARTITIONTIME = '2024-01-01' AND _TABLE_SUFFIX = '2'", 8, 1),
        ("_PARTITIONDATE = '2030-01-01'", 40, 0),
        ("DATE(_PARTITIONTIME) = '2024-01-03'", 56, 1),
    ],
)
def test_wildcard_leaves_partitions_out(
    warehouse: Warehouse, condition: str, size: int, partitions: int | None
) -> None:
    # A table without partitions is read.
    warehouse.run("CREATE TABLE d.w_0 AS SELECT x AS n, x AS v FROM UNNEST(GENERATE_ARRAY(1, 5)) AS x")
    for name, rows in (("1", [(1, 1), (1, 2), (2, 3)]), ("2", [(1, 4), (2, 5), (3, 6), (3, 7)])):
        warehouse.run(f"CREATE TABLE d.w_{name} (n INT64, v INT64) PARTITION BY _PARTITIONDATE")
        values = ", ".join(f"('2024-01-0{day}', {n}, {n})" for day, n in rows)
        warehouse.run(f"INSERT d.w_{name} (_PARTITIONTIME, n, v) VALUES {values}")
    for found in (
        dry(warehouse, f"SELECT n FROM `d.w_*` WHERE {condition}"),
        warehouse.run(f"SELECT n FROM `d.w_*` WHERE {condition}"),
    ):
        assert (found.read.tables, found.read.partitions) == ((size,), partitions)


def test_wildcard_and_the_same_table_by_name(days: Warehouse) -> None:
    part = "SELECT n FROM `d.e_*` WHERE _TABLE_SUFFIX = '202402'"
    for sql in (f"{part} UNION ALL SELECT n FROM d.e_202401", f"SELECT n FROM d.e_202401 UNION ALL {part}"):
        assert dry(days, sql).read.total == 16


def test_changes_are_counted_as_they_come(warehouse: Warehouse) -> None:
    """The figures after each change are those of a table that is counted anew."""
    warehouse.run("CREATE TABLE d.t (d DATE, s STRING) PARTITION BY d")
    for statement in (
        "INSERT d.t VALUES ('2024-01-01', 'a'), ('2024-01-02', 'bb'), (NULL, 'ccc')",
        "UPDATE d.t SET s = 'longer' WHERE d = '2024-01-01'",
        "UPDATE d.t SET d = '2024-01-02' WHERE d IS NULL",
        "DELETE d.t WHERE s = 'bb'",
        "INSERT d.t SELECT DATE '2030-01-01', CAST(x AS STRING) FROM UNNEST([1, 22, 333]) AS x",
        "MERGE d.t AS t USING (SELECT '22' AS s) AS u ON t.s = u.s WHEN MATCHED THEN UPDATE SET s = '4444'",
        "TRUNCATE TABLE d.t",
        "INSERT d.t VALUES ('2024-01-01', 'z')",
    ):
        warehouse.run(statement)
        statistics = warehouse.executor.sizes.statistics
        kept = statistics.of(warehouse.session, warehouse.table("t"), ["d", "s"])
        anew = type(statistics)().of(warehouse.session, warehouse.table("t"), ["d", "s"])
        assert {k: n for k, (n, _) in kept.rows.items()} == {k: n for k, (n, _) in anew.rows.items()}
        assert kept.columns == anew.columns
