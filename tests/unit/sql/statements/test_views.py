from __future__ import annotations

import pytest

from bqsim.catalog.refs import DatasetRef, TableRef
from bqsim.catalog.resources import TableKind
from bqsim.sql.plan import Route
from tests.unit.sql.warehouse import Warehouse, values_of

pytestmark = [
    pytest.mark.fidelity(
        "statement:CREATE VIEW, statement:DROP VIEW",
        "exact",
        tests="test_a_view_keeps* test_create_modes* test_unqualified*",
    ),
    pytest.mark.fidelity("statement:DROP MATERIALIZED VIEW", "exact", tests="test_materialized_*"),
]


def test_a_view_keeps_the_users_text_and_the_querys_columns(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE t AS SELECT 1 AS id, 'x' AS name")
    result = warehouse.run(
        "CREATE VIEW v (a OPTIONS (description='first'), b) OPTIONS (description='d') AS\n"
        "SELECT id, name FROM `p.d.t` -- all\nWHERE id > 0"
    )
    assert (result.statement_type, result.ddl_operation) == ("CREATE_VIEW", "CREATE")
    view = warehouse.table("v")
    assert view.kind is TableKind.VIEW
    assert view.view_query == "SELECT id, name FROM `p.d.t` -- all\nWHERE id > 0"
    assert [(f.name, f.description) for f in view.fields] == [("a", "first"), ("b", None)]
    assert view.description == "d"
    assert result.schema == view.fields
    assert result.tables == (TableRef("p", "d", "t"),)


def test_reading_a_view_reads_and_charges_its_tables(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE t AS SELECT 1 AS id, 'abc' AS name UNION ALL SELECT 2, 'd'")
    warehouse.run("CREATE VIEW v AS SELECT id + 1 AS next FROM p.d.t")
    result = warehouse.run("SELECT next FROM v ORDER BY next")
    assert result.rows is not None
    assert result.rows.column(0).to_pylist() == [2, 3]
    assert result.bytes_processed == 16
    assert result.tables == (TableRef("p", "d", "t"),)


def test_unqualified_names_are_those_of_the_views_dataset(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE t AS SELECT 1 AS id")
    warehouse.run("CREATE VIEW v AS SELECT id FROM t")
    warehouse.run("CREATE SCHEMA e")
    other = DatasetRef("p", "e")
    assert warehouse.rows("SELECT * FROM d.v", default_dataset=other) == [[1]]
    message = warehouse.error("CREATE VIEW e.v AS SELECT id FROM t")
    assert message == "Not found: Table p:e.t was not found in location US"


def test_create_modes_and_kinds(warehouse: Warehouse) -> None:
    warehouse.run("CREATE VIEW v AS SELECT 1 AS a")
    assert warehouse.error("CREATE VIEW v AS SELECT 2 AS a") == "Already Exists: Table p:d.v"
    assert warehouse.run("CREATE OR REPLACE VIEW v AS SELECT 2 AS b").ddl_operation == "REPLACE"
    assert warehouse.rows("SELECT * FROM v") == [[2]]
    warehouse.run("CREATE TABLE t (a INT64)")
    assert "currently a TABLE" in warehouse.error("CREATE OR REPLACE VIEW t AS SELECT 1 AS a")
    assert warehouse.error("CREATE VIEW w AS SELECT 1 AS a, 2 AS a").startswith(
        "CREATE VIEW has columns with duplicate name a"
    )


def test_materialized_views_show_fresh_rows(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE t AS SELECT 'a' AS k, 1 AS n")
    result = warehouse.run(
        "CREATE MATERIALIZED VIEW mv CLUSTER BY k AS SELECT k, SUM(n) AS n FROM p.d.t GROUP BY k"
    )
    assert result.statement_type == "CREATE_MATERIALIZED_VIEW"
    assert warehouse.table("mv").clustering == ("k",)
    warehouse.run("INSERT INTO t VALUES ('a', 5)")
    assert warehouse.rows("SELECT * FROM mv") == [["a", 6]]
    assert warehouse.run("DROP MATERIALIZED VIEW mv").statement_type == "DROP_MATERIALIZED_VIEW"


def test_views_on_the_reference_route(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE numbers AS SELECT x FROM UNNEST([1.5, 2.0, 4.0]) AS x")
    warehouse.run("CREATE VIEW inner_view AS SELECT x FROM numbers WHERE x < 3")
    warehouse.run("CREATE VIEW outer_view AS SELECT x * 2 AS y FROM inner_view")
    frame = "OVER (ORDER BY y RANGE BETWEEN 1 PRECEDING AND CURRENT ROW)"
    result = warehouse.run(f"SELECT y, SUM(y) {frame} FROM outer_view ORDER BY y")
    assert (result.route, values_of(result)) == (Route.REFERENCE, [[3.0, 3.0], [4.0, 7.0]])
    warehouse.run(f"CREATE VIEW summed AS SELECT SUM(y) {frame} AS s FROM outer_view")
    assert sorted(warehouse.rows("SELECT s FROM summed")) == [[3.0], [7.0]]
    length = "SELECT CAST(LENGTH(table_name) AS FLOAT64) AS y FROM INFORMATION_SCHEMA.TABLES"
    assert len(warehouse.rows(f"SELECT SUM(y) {frame} FROM ({length})")) == 4


def test_a_view_of_too_many_rows_is_refused_on_the_reference_route(warehouse: Warehouse) -> None:
    warehouse.run("CREATE VIEW many AS SELECT x * 1.0 AS x FROM UNNEST(GENERATE_ARRAY(1, 20001)) AS x")
    sql = "SELECT SUM(x) OVER (ORDER BY x RANGE BETWEEN 1 PRECEDING AND CURRENT ROW) FROM many"
    assert warehouse.error(sql) == "window frame RANGE over FLOAT64 is not supported by bqsim"
