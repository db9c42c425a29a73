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
        "SELECT n FROM t WHERE dt = '2020-01-01' OR n = 1",
        "SELECT n FROM t WHERE dt = (SELECT MAX(dt) FROM t WHERE dt > '2019-01-01')",
        "SELECT n FROM t WHERE dt > DATE_ADD('2019-01-01', INTERVAL n DAY)",
        "SELECT a.n FROM t AS a JOIN (SELECT DATE '2020-01-01' AS dt) AS b ON a.dt = b.dt",
        "MERGE t USING (SELECT 1 AS n) s ON t.n = s.n WHEN MATCHED THEN DELETE",
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
        "MERGE t USING (SELECT 1) ON FALSE WHEN NOT MATCHED BY SOURCE AND t.dt = '2020-01-01' THEN DELETE",
        "SELECT n FROM t WHERE dt = '2020-01-01' OR dt IS NULL",
        "WITH w AS (SELECT * FROM t) SELECT n FROM w WHERE dt = '2020-01-01'",
        "SELECT n FROM t, UNNEST([1, 2]) AS e WHERE dt = '2020-01-01' AND e = 1",
        "TRUNCATE TABLE t",
        "CREATE TABLE c CLONE t",
        "ALTER TABLE t SET OPTIONS (require_partition_filter=FALSE)",
        "DROP TABLE t",
    ],
)
def test_filter_or_no_need_of_one(t: Warehouse, sql: str) -> None:
    t.run(sql)


def test_views(t: Warehouse) -> None:
    t.run("CREATE VIEW v AS SELECT n, dt AS day FROM t")
    assert t.error("SELECT n FROM v WHERE n = 1") == MESSAGE
    t.run("SELECT n FROM v WHERE day = '2020-01-01'")
    t.run("SELECT n FROM v, UNNEST([1]) WHERE day = '2020-01-01'")


def test_functions_of_ranges(warehouse: Warehouse) -> None:
    warehouse.run(
        "CREATE TABLE r (n INT64) PARTITION BY RANGE_BUCKET(n, GENERATE_ARRAY(0, 100, 10))"
        " OPTIONS (require_partition_filter=TRUE)"
    )
    assert "'n'" in warehouse.error("SELECT * FROM r WHERE n + 1 = 3")
    warehouse.run("SELECT * FROM r WHERE n IN (1, 2) OR n > 90")


def test_ingestion_time(warehouse: Warehouse) -> None:
    warehouse.run(
        "CREATE TABLE i (n INT64) PARTITION BY _PARTITIONDATE OPTIONS (require_partition_filter=TRUE)"
    )
    assert "'_PARTITIONTIME' that can be used" in warehouse.error("SELECT n FROM i")
    assert warehouse.rows("SELECT n FROM i WHERE _PARTITIONTIME IS NOT NULL") == []
