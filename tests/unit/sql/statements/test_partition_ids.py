"""Ids, keys and conditions of partitions, against the rows that the engine finds by them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from bqsim.errors import BigQueryError
from bqsim.sql.statements.partition_ids import (
    NULL_KEY,
    UNPARTITIONED_KEY,
    parse_partition_id,
    partition_id,
    partitions_of,
    start_of,
)
from tests.unit.sql.warehouse import Warehouse

TABLES = {
    "hours": (
        "ts TIMESTAMP",
        "TIMESTAMP_TRUNC(ts, HOUR)",
        "TIMESTAMP '2024-02-29 23:30:00+00'",
        "2024022923",
    ),
    "days": ("ts TIMESTAMP", "DATE(ts)", "TIMESTAMP '2024-02-29 23:30:00-05'", "20240301"),
    "datetimes": ("dt DATETIME", "DATETIME_TRUNC(dt, MONTH)", "DATETIME '2024-02-29 10:00:00'", "202402"),
    "dates": ("d DATE", "d", "DATE '2024-02-29'", "20240229"),
    "months": ("d DATE", "DATE_TRUNC(d, MONTH)", "DATE '2024-12-31'", "202412"),
    "years": ("d DATE", "DATE_TRUNC(d, YEAR)", "DATE '1960-01-01'", "1960"),
    "early": ("d DATE", "d", "DATE '1959-12-31'", "__UNPARTITIONED__"),
    "late": ("d DATE", "d", "DATE '2160-01-01'", "__UNPARTITIONED__"),
    "last": ("d DATE", "d", "DATE '2159-12-31'", "21591231"),
    "null": ("d DATE", "d", "NULL", "__NULL__"),
    "range": ("n INT64", "RANGE_BUCKET(n, GENERATE_ARRAY(-10, 95, 10))", "-1", "-10"),
    "range end": ("n INT64", "RANGE_BUCKET(n, GENERATE_ARRAY(-10, 95, 10))", "94", "90"),
    "range past": ("n INT64", "RANGE_BUCKET(n, GENERATE_ARRAY(-10, 95, 10))", "95", "__UNPARTITIONED__"),
    "range null": ("n INT64", "RANGE_BUCKET(n, GENERATE_ARRAY(-10, 95, 10))", "NULL", "__NULL__"),
}


@pytest.mark.parametrize("name", TABLES)
def test_partition_of_a_row(warehouse: Warehouse, name: str) -> None:
    column, by, value, expected = TABLES[name]
    warehouse.run(f"CREATE TABLE d.t ({column}) PARTITION BY {by}")
    warehouse.run(f"INSERT d.t VALUES ({value})")
    table = warehouse.table("t")
    partitions = partitions_of(table)
    assert partitions is not None and table.storage is not None
    scalar, rows = warehouse.session.scalar, table.storage.engine_table
    key = int(str(scalar(f"SELECT {partitions.key} FROM {rows}")))
    assert scalar(f"SELECT {partition_id(table)} FROM {rows}") == expected == partitions.id_of(key)
    bounds = partitions.bounds(key)
    assert parse_partition_id(table, expected) == bounds
    assert scalar(f"SELECT count(*) FROM {rows} WHERE {partitions.condition(bounds)}") == 1


@pytest.mark.parametrize(
    ("by", "id_", "message"),
    [
        ("DATE(ts)", "2024", "Invalid date partition format: 2024. Expected the format YYYYMMDD."),
        ("DATE(ts)", "20240230", "Invalid date partition format: 20240230. Expected the format YYYYMMDD."),
        ("DATE(ts)", "", "Invalid date partition format: . Expected the format YYYYMMDD."),
        (
            "TIMESTAMP_TRUNC(ts, HOUR)",
            "20240229",
            "Invalid date partition format: 20240229. Expected the format YYYYMMDDHH.",
        ),
        ("", "20240229", "Cannot read partition information from a table that is not partitioned: p:d.t"),
        (
            "RANGE_BUCKET(n, GENERATE_ARRAY(0, 100, 10))",
            "5",
            "Invalid partition id 5 for table p:d.t, which is partitioned by range.",
        ),
        (
            "RANGE_BUCKET(n, GENERATE_ARRAY(0, 100, 10))",
            "100",
            "Invalid partition id 100 for table p:d.t, which is partitioned by range.",
        ),
    ],
)
def test_ids_that_a_table_cannot_have(warehouse: Warehouse, by: str, id_: str, message: str) -> None:
    warehouse.run(f"CREATE TABLE d.t (ts TIMESTAMP, n INT64) {'PARTITION BY ' + by if by else ''}")
    with pytest.raises(BigQueryError) as caught:
        parse_partition_id(warehouse.table("t"), id_)
    assert caught.value.message == message


def test_keys_of_no_values(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE d.t (n INT64) PARTITION BY RANGE_BUCKET(n, GENERATE_ARRAY(0, 100, 10))")
    table = warehouse.table("t")
    assert parse_partition_id(table, "__NULL__").key == NULL_KEY
    assert parse_partition_id(table, "__UNPARTITIONED__").key == UNPARTITIONED_KEY


def test_arrival(warehouse: Warehouse) -> None:
    """Rows of tables by ingestion time keep the partition that they arrived in."""
    warehouse.run("CREATE TABLE d.t (n INT64) PARTITION BY TIMESTAMP_TRUNC(_PARTITIONTIME, MONTH)")
    warehouse.run("INSERT d.t (n) VALUES (1), (2)")
    storage = warehouse.table("t").storage
    assert storage is not None and storage.partition is not None
    warehouse.session.execute(
        f"UPDATE {storage.engine_table} SET {storage.partition} = TIMESTAMP '2020-02-01'"
    )
    warehouse.run("UPDATE d.t SET n = 3 WHERE n = 2")
    warehouse.run("MERGE d.t AS t USING (SELECT 1 AS n) AS s ON t.n = s.n WHEN MATCHED THEN UPDATE SET n = 4")
    warehouse.run("ALTER TABLE d.t ALTER COLUMN n SET DATA TYPE NUMERIC")
    assert warehouse.rows("SELECT DISTINCT STRING(_PARTITIONTIME) FROM d.t") == [["2020-02-01 00:00:00+00"]]
    warehouse.run("INSERT d.t (n) VALUES (5)")
    assert warehouse.rows("SELECT COUNT(DISTINCT _PARTITIONTIME) FROM d.t") == [[2]]


@pytest.mark.parametrize(
    ("unit", "expected"),
    [
        ("HOUR", datetime(2024, 2, 29, 23)),
        ("DAY", datetime(2024, 2, 29)),
        ("MONTH", datetime(2024, 2, 1)),
        ("YEAR", datetime(2024, 1, 1)),
    ],
)
def test_start_of(unit: str, expected: Any) -> None:
    assert start_of(unit, 1709249445_000001) == expected
