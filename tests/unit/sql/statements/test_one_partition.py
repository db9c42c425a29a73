from __future__ import annotations

import pytest

from bqsim.errors import BigQueryError
from bqsim.sql.statements.claims import Claims
from bqsim.sql.statements.one_partition import by_ingestion, check_one_partition, one_partition
from bqsim.sql.statements.writes import writing
from tests.unit.sql.warehouse import Warehouse


def insert(warehouse: Warehouse, day: str, partition: str, **how: bool) -> None:
    table = warehouse.table("t")
    with (
        writing(warehouse.catalog, Claims(), warehouse.session, table.ref) as writer,
        one_partition(writer, partition, **how),
    ):
        writer.insert(table.fields[:1], f"SELECT DATE '{day}' AS v1")


def test_rows_of_a_partition_are_replaced(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE t (day DATE) PARTITION BY day")
    insert(warehouse, "2026-01-01", "20260101")
    insert(warehouse, "2026-01-02", "20260102", empty=True)
    insert(warehouse, "2026-01-01", "20260101", replacing=True)
    assert warehouse.rows("SELECT CAST(day AS STRING) FROM t ORDER BY 1") == [["2026-01-01"], ["2026-01-02"]]
    with pytest.raises(BigQueryError, match=r"Already Exists: Table p:d.t\$20260102"):
        insert(warehouse, "2026-01-02", "20260102", empty=True)
    with pytest.raises(BigQueryError, match="rather than destination partition 20260103"):
        insert(warehouse, "2026-01-02", "20260103", replacing=True)
    assert warehouse.rows("SELECT COUNT(*) FROM t") == [[2]]


def test_rows_that_arrive_take_the_partition(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE t (day DATE) PARTITION BY _PARTITIONDATE")
    assert by_ingestion(warehouse.table("t"))
    insert(warehouse, "2026-01-01", "20200202")
    assert warehouse.rows("SELECT CAST(_PARTITIONDATE AS STRING) FROM t") == [["2020-02-02"]]


@pytest.mark.parametrize("partition", ["__UNPARTITIONED__", "__NULL__", "2020", "x"])
def test_what_is_no_partition(warehouse: Warehouse, partition: str) -> None:
    warehouse.run("CREATE TABLE t (day DATE) PARTITION BY _PARTITIONDATE")
    with pytest.raises(BigQueryError) as caught:
        check_one_partition(warehouse.table("t"), partition)
    assert caught.value.reason.name == "invalid"
