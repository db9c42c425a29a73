from __future__ import annotations

import pytest

from tests.unit.sql.warehouse import Warehouse

pytestmark = pytest.mark.fidelity("sql:required partition filters", "exact")

MESSAGE = (
    "Cannot query over table 'p.d.t' without a filter over column(s) 'dt' that can be used for partition"
    " elimination"
)


@pytest.fixture
def t(warehouse: Warehouse) -> Warehouse:
    warehouse.run("CREATE TABLE t (n INT64, dt DATE) PARTITION BY dt OPTIONS (require_partition_filter=TRUE)")
    warehouse.run("INSERT INTO t VALUES (1, '2020-01-01')")
    return warehouse


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT n FROM t",
        "SELECT dt FROM t WHERE n = 1",
        "SELECT a.n FROM t AS a JOIN t AS b ON a.dt = '2020-01-01' AND a.n = b.n",
        "DELETE t WHERE n = 1",
        "UPDATE t SET n = 2 WHERE TRUE",
        "CREATE TABLE c AS SELECT n FROM t",
        "INSERT INTO t SELECT n, dt FROM t",
    ],
)
def test_no_filter(t: Warehouse, sql: str) -> None:
    assert t.error(sql) == MESSAGE


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT n FROM t WHERE dt = '2020-01-01'",
        "SELECT n FROM t WHERE n = 1 AND dt > '2019-01-01'",
        "SELECT COUNT(*) FROM (SELECT * FROM t) WHERE dt IS NOT NULL",
        "INSERT INTO t VALUES (2, '2020-01-02')",
        "DELETE t WHERE dt = '2020-01-01'",
        "MERGE t USING (SELECT 1 AS n) s ON t.n = s.n AND t.dt = '2020-01-01' WHEN MATCHED THEN DELETE",
        "TRUNCATE TABLE t",
        "CREATE TABLE c CLONE t",
        "ALTER TABLE t SET OPTIONS (require_partition_filter=FALSE)",
        "DROP TABLE t",
    ],
)
def test_filter_or_no_need_of_one(t: Warehouse, sql: str) -> None:
    t.run(sql)


def test_ingestion_time(warehouse: Warehouse) -> None:
    warehouse.run(
        "CREATE TABLE i (n INT64) PARTITION BY _PARTITIONDATE OPTIONS (require_partition_filter=TRUE)"
    )
    assert "'_PARTITIONTIME' that can be used" in warehouse.error("SELECT n FROM i")
    assert warehouse.rows("SELECT n FROM i WHERE _PARTITIONTIME IS NOT NULL") == []
