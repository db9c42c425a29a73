from __future__ import annotations

from collections.abc import Iterator

import pytest

from bqsim.catalog.refs import DatasetRef
from bqsim.errors import BigQueryError
from bqsim.sim.iam import Binding, Policy
from bqsim.sim.iam.needs import full
from tests.unit.sql.warehouse import Warehouse

T = "projects/p/datasets/d/tables/t"


@pytest.fixture
def shop(warehouse: Warehouse) -> Iterator[Warehouse]:
    """A table, a view, a function and a procedure, with no policy."""
    for sql in (
        "CREATE TABLE t AS SELECT 1 AS n",
        "CREATE TABLE u AS SELECT 2 AS n",
        "CREATE VIEW v AS SELECT n FROM t",
        "CREATE FUNCTION f(x INT64) AS (x + 1)",
    ):
        warehouse.run(sql)
    yield warehouse
    warehouse.executor.access.policy = lambda: None


def enforce(shop: Warehouse, *permissions: str, resource: str = "projects/p") -> None:
    """Let everybody do this much, and nothing else."""
    held = frozenset(full(p) for p in permissions)
    policy = Policy([Binding("some", ("allUsers",), resource)], roles={"some": held})
    policy.carried = lambda path: [] if path.endswith("/datasets/d") else None
    shop.executor.access.policy = lambda: policy


# Statement -> all that it needs.
STATEMENTS = {
    "SELECT 1": "",
    "SELECT n FROM t": "tables.getData",
    "SELECT n FROM v": "tables.getData",
    "SELECT f(1)": "routines.get",
    "SELECT f(n) FROM t": "routines.get tables.getData",
    "SELECT EXISTS (SELECT * FROM t)": "tables.getData",
    "WITH t AS (SELECT 5 AS n) SELECT n FROM t": "",
    "SELECT table_name FROM d.INFORMATION_SCHEMA.TABLES": "tables.get tables.list",
    "SELECT schema_name FROM INFORMATION_SCHEMA.SCHEMATA": "datasets.get",
    "SELECT routine_name FROM d.INFORMATION_SCHEMA.ROUTINES": "routines.get routines.list",
    "ASSERT (SELECT COUNT(*) FROM t) = 1": "tables.getData",
    "INSERT INTO t (n) VALUES (3)": "tables.updateData",
    "INSERT INTO t (n) SELECT n FROM u": "tables.updateData tables.getData",
    "UPDATE t SET n = 4 WHERE TRUE": "tables.updateData tables.getData",
    "DELETE FROM t WHERE n = 9": "tables.updateData tables.getData",
    "MERGE t USING u ON FALSE WHEN NOT MATCHED THEN INSERT ROW": "tables.updateData tables.getData",
    "TRUNCATE TABLE t": "tables.updateData",
    "CREATE TABLE w (n INT64)": "tables.create",
    "CREATE OR REPLACE TABLE t (n INT64)": "tables.create tables.update tables.get",
    "CREATE TABLE w AS SELECT n FROM t": "tables.create tables.updateData tables.getData",
    "CREATE TABLE w LIKE t": "tables.create tables.get",
    "CREATE TABLE w COPY t": "tables.create tables.updateData tables.getData tables.get",
    "CREATE TABLE w CLONE t": "tables.create tables.updateData tables.getData tables.get",
    "CREATE SNAPSHOT TABLE w CLONE t": "tables.create tables.getData tables.createSnapshot",
    "CREATE VIEW w AS SELECT n FROM t": "tables.create tables.getData",
    "CREATE MATERIALIZED VIEW w AS SELECT n FROM t": "tables.create tables.getData",
    "ALTER TABLE t SET OPTIONS (description = 'x')": "tables.update tables.get",
    "ALTER TABLE t ADD COLUMN s STRING": "tables.update tables.get",
    "ALTER VIEW v SET OPTIONS (description = 'x')": "tables.update tables.get",
    "DROP TABLE t": "tables.delete",
    "DROP TABLE IF EXISTS nothing": "tables.delete",
    "DROP VIEW v": "tables.delete",
    "CREATE SCHEMA e": "datasets.create",
    "ALTER SCHEMA d SET OPTIONS (description = 'x')": "datasets.update datasets.get",
    "DROP SCHEMA d CASCADE": "datasets.delete",
    "CREATE FUNCTION g() AS (1)": "routines.create",
    "CREATE TABLE FUNCTION g() AS SELECT n FROM t": "routines.create tables.getData",
    "DROP FUNCTION f": "routines.delete",
    "CREATE TEMP FUNCTION h() AS (1); SELECT h()": "",
    "CREATE ROW ACCESS POLICY r ON t GRANT TO ('allUsers') FILTER USING (TRUE)": (
        "rowAccessPolicies.create rowAccessPolicies.setIamPolicy tables.getData"
    ),
    "ALTER ALL ROW ACCESS POLICIES ON t REVOKE FROM ALL": (
        "rowAccessPolicies.update rowAccessPolicies.setIamPolicy"
    ),
    "DROP ALL ROW ACCESS POLICIES ON t": "rowAccessPolicies.delete rowAccessPolicies.setIamPolicy",
    "GRANT `roles/bigquery.dataViewer` ON SCHEMA d TO 'allUsers'": "datasets.setIamPolicy",
    "GRANT `roles/bigquery.dataViewer` ON TABLE t TO 'allUsers'": "tables.setIamPolicy",
    "REVOKE `roles/bigquery.dataViewer` ON TABLE t FROM 'allUsers'": "tables.setIamPolicy",
}


@pytest.mark.parametrize("sql", STATEMENTS)
def test_what_a_statement_needs(shop: Warehouse, sql: str) -> None:
    needed = STATEMENTS[sql].split()
    for missing in needed:
        enforce(shop, *(p for p in needed if p != missing))
        assert "Access Denied: " in shop.error(sql), missing
        with pytest.raises(BigQueryError, match="Access Denied: "):
            shop.executor.dry_run(sql, shop.context(), shop.session)
    enforce(shop, *needed)
    shop.run(sql)


def test_a_kept_plan_is_checked_each_time(shop: Warehouse) -> None:
    sql = "SELECT n FROM t"
    assert shop.rows(sql) == shop.rows(sql) == [[1]]
    assert shop.executor.planner.cached(sql, shop.context()) is not None
    enforce(shop)
    assert shop.error(sql) == (
        "Access Denied: Table p:d.t: User does not have permission to query table p:d.t, or perhaps it does "
        "not exist in location US."
    )
    enforce(shop, "tables.getData")
    assert shop.rows(sql) == [[1]]


def test_a_kept_plan_of_a_view_is_checked_by_what_the_view_reads(shop: Warehouse) -> None:
    sql = "SELECT n FROM v"
    assert shop.rows(sql) == shop.rows(sql)
    enforce(shop, "tables.getData", resource="projects/p/datasets/d/tables/v")
    assert "query table p:d.t," in shop.error(sql)
    enforce(shop, "tables.getData", resource=T)
    assert "query table p:d.v," in shop.error(sql)


@pytest.mark.parametrize(
    "sql", ["SELECT nonsense FROM t", "SELECT n FROM t WHERE", "UPDATE t SET x = 1 WHERE TRUE"]
)
def test_errors_tell_nothing_of_what_one_may_not_see(shop: Warehouse, sql: str) -> None:
    told = shop.error(sql)
    enforce(shop, "tables.getData")
    assert shop.error(sql) == told
    enforce(shop)
    assert shop.error(sql).startswith("Access Denied: Table p:d.t: ")


def test_a_missing_table_looks_like_one_that_is_not_to_be_seen(shop: Warehouse) -> None:
    enforce(shop)
    assert shop.error("SELECT * FROM d.none").startswith("Access Denied: Table p:d.none: ")


def test_every_table_behind_a_wildcard(shop: Warehouse) -> None:
    shop.run("CREATE TABLE w_1 AS SELECT 1 AS n")
    shop.run("CREATE TABLE w_2 AS SELECT 2 AS n")
    enforce(shop, "tables.getData", resource="projects/p/datasets/d/tables/w_1")
    assert "query table p:d.w_2," in shop.error("SELECT n FROM `p.d.w_*`")
    enforce(shop, "tables.getData")
    assert shop.rows("SELECT SUM(n) FROM `p.d.w_*`") == [[3]]


def test_scripts_are_checked_statement_by_statement(shop: Warehouse) -> None:
    enforce(shop, "tables.getData", resource=T)
    temporary = shop.context(temp_dataset=DatasetRef("p", "_script"))
    text = (
        "CREATE TEMP TABLE x AS SELECT n FROM t; UPDATE x SET n = 5 WHERE TRUE; SELECT n FROM x; DROP TABLE x"
    )
    shop.script(text, temporary)
    assert "query table p:d.u," in shop.script_error("SELECT n FROM t; SELECT n FROM u")
    assert [child.error is None for child in shop.children] == [True, False]
    assert "query table p:d.u," in shop.script_error("IF EXISTS (SELECT * FROM u) THEN SELECT 1; END IF")


def test_procedures(shop: Warehouse) -> None:
    shop.run("CREATE PROCEDURE q() BEGIN SELECT n FROM t; END")
    enforce(shop, "tables.getData")
    assert "Permission bigquery.routines.get denied on routine p:d.q" in shop.script_error("CALL d.q()")
    enforce(shop, "routines.get", "tables.getData")
    assert shop.script_rows("CALL d.q()") == [[1]]


def test_groups_of_the_caller_count(shop: Warehouse) -> None:
    policy = Policy([Binding("roles/bigquery.dataViewer", ("group:team@example.com",), T)])
    shop.executor.access.policy = lambda: policy
    assert "Access Denied" in shop.error("SELECT n FROM t")
    assert shop.rows("SELECT n FROM t", groups=("team@example.com",)) == [[1]]


def test_a_statement_that_will_not_run(shop: Warehouse) -> None:
    enforce(shop)
    with pytest.raises(BigQueryError, match=r"Access Denied: Table p:d\.t"):
        shop.executor.authorize("SELECT n FROM t", shop.context(), shop.session)
    shop.executor.authorize("SELECT 1", shop.context(), shop.session)
