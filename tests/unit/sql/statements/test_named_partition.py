from __future__ import annotations

import pytest

from tests.unit.sql.warehouse import Warehouse

FILES = "FROM FILES (format='CSV', uris=['gs://bucket/rows.csv'])"


def loading(warehouse: Warehouse, columns: str, content: str) -> Warehouse:
    warehouse.run(f"CREATE TABLE t {columns}")
    warehouse.executor.objects.put("gs://bucket/rows.csv", content)
    return warehouse


@pytest.mark.parametrize(
    ("columns", "content", "condition"),
    [
        ("(a DATE) PARTITION BY a", "2026-02-03\n", "a = DATE '2026-02-03'"),
        ("(a DATE) PARTITION BY DATE_TRUNC(a, MONTH)", "2026-02-03\n", "DATE '2026-02-09' = a"),
        (
            "(a TIMESTAMP) PARTITION BY TIMESTAMP_TRUNC(a, HOUR)",
            "2026-02-03 04:05:06 UTC\n",
            "a = TIMESTAMP '2026-02-03 05:00:00+01'",
        ),
        (
            "(a DATETIME) PARTITION BY DATETIME_TRUNC(a, YEAR)",
            "2026-02-03 04:05:06\n",
            "a = DATETIME '2026-01-01 00:00:00'",
        ),
        ("(a INT64) PARTITION BY RANGE_BUCKET(a, GENERATE_ARRAY(0, 50, 10))", "23\n", "a = 10 + 10"),
        ("(a DATE, b STRING) PARTITION BY a", ",x\n", "a IS NULL"),
        ("(a INT64) PARTITION BY _PARTITIONDATE", "1\n", "_PARTITIONDATE = DATE '2026-01-01'"),
    ],
)
def test_partitions(warehouse: Warehouse, columns: str, content: str, condition: str) -> None:
    loading(warehouse, columns, content)
    for overwrite, rows in (("", 1), ("", 2), ("OVERWRITE ", 1)):
        warehouse.run(f"LOAD DATA INTO d.t {overwrite}PARTITIONS ({condition}) {FILES}")
        assert warehouse.rows("SELECT COUNT(*) FROM t") == [[rows]]


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("a > 10", "PARTITIONS clause must be of the form column = constant"),
        ("b = 10", "PARTITIONS clause must be on the partitioning column, but is on b"),
        ("a = 15", "Invalid partition id 15 for table p:d.t, which is partitioned by range."),
        ("a = 10", "Some rows belong to different partitions rather than destination partition 10"),
    ],
)
def test_what_names_no_partition(warehouse: Warehouse, condition: str, message: str) -> None:
    loading(warehouse, "(a INT64, b INT64) PARTITION BY RANGE_BUCKET(a, GENERATE_ARRAY(0, 50, 10))", "23,1\n")
    assert warehouse.error(f"LOAD DATA INTO d.t PARTITIONS ({condition}) {FILES}") == message
    assert warehouse.rows("SELECT COUNT(*) FROM t") == [[0]]


def test_tables_without_partitions(warehouse: Warehouse) -> None:
    loading(warehouse, "(a INT64)", "1\n")
    assert warehouse.error(f"LOAD DATA INTO d.t PARTITIONS (a = 1) {FILES}") == (
        "PARTITIONS clause cannot be used: p:d.t is not partitioned"
    )
