from __future__ import annotations

import pytest

from bqsim.catalog.refs import TableRef
from bqsim.sql.plan import QueryPlan, Route
from bqsim.types import INT64
from tests.unit.sql.warehouse import Warehouse, typed


def plan(w: Warehouse, sql: str, **more: object) -> QueryPlan | None:
    """The cached plan of a text after it ran once."""
    w.rows(sql, **more)
    return w.executor._services.planner.cached(sql, w.context(**more))


@pytest.fixture
def w(warehouse: Warehouse) -> Warehouse:
    warehouse.run("CREATE TABLE t AS SELECT 1 AS a, 'x' AS b")
    return warehouse


def test_the_engine_route(w: Warehouse) -> None:
    result = w.run("SELECT a FROM t ORDER BY a")
    assert (result.route, result.route_reason) == (Route.ENGINE, "")
    assert result.plan is not None
    assert result.plan.ordered
    assert result.plan.columns_read == {TableRef("p", "d", "t"): ("a",)}
    assert result.plan.tables == (TableRef("p", "d", "t"),)


def test_the_exact_route_says_why(w: Warehouse) -> None:
    result = w.run(
        "SELECT a FROM t MATCH_RECOGNIZE (ORDER BY a MEASURES FIRST(x.a) AS a PATTERN (x) DEFINE x AS TRUE)"
    )
    assert result.route is Route.REFERENCE
    assert result.route_reason
    assert result.bytes_processed == 8
    assert result.rows is not None
    assert result.rows.column(0).to_pylist() == [1]


def test_what_no_route_computes_is_refused_by_name(w: Warehouse) -> None:
    error = w.error("SELECT * FROM t, EXTERNAL_QUERY('p.us.c', 'SELECT 1')")
    assert error.startswith("EXTERNAL_QUERY is not supported by bqsim")


def test_a_repeated_text_has_a_plan_until_a_schema_changes(w: Warehouse) -> None:
    sql = "SELECT * FROM t"
    found = plan(w, sql)
    assert found is not None
    w.run("INSERT INTO t VALUES (2, 'y')")
    assert plan(w, sql) is found
    assert w.rows("SELECT COUNT(*) FROM t") == [[2]]
    w.run("ALTER TABLE t ADD COLUMN c INT64")
    changed = plan(w, sql)
    assert changed is not None
    assert [f.name for f in changed.schema] == ["a", "b", "c"]
    w.run("DROP TABLE t")
    assert "Not found: Table p:d.t" in w.error(sql)


def test_plans_follow_views_and_functions(w: Warehouse) -> None:
    w.run("CREATE VIEW v AS SELECT a FROM p.d.t")
    assert w.rows("SELECT * FROM v") == w.rows("SELECT * FROM v") == [[1]]
    w.run("CREATE OR REPLACE VIEW v AS SELECT a + 1 AS a FROM p.d.t")
    assert w.rows("SELECT * FROM v") == [[2]]
    w.run("CREATE FUNCTION f() AS (1)")
    assert w.rows("SELECT f()") == w.rows("SELECT f()") == [[1]]
    w.run("CREATE OR REPLACE FUNCTION f() AS (2)")
    assert w.rows("SELECT f()") == [[2]]


def test_a_view_of_a_replaced_table(w: Warehouse) -> None:
    w.run("CREATE VIEW v AS SELECT a FROM p.d.t")
    assert w.rows("SELECT * FROM v") == [[1]]
    w.run("CREATE OR REPLACE TABLE t AS SELECT 7 AS a")
    assert w.rows("SELECT * FROM v") == [[7]]


@pytest.mark.parametrize(
    ("sql", "more"),
    [
        ("SELECT CURRENT_TIMESTAMP()", {}),
        ("SELECT RAND() < 2", {}),
        ("SELECT @x", {"parameters": {"x": typed(INT64, 1)}}),
        ("SELECT x", {"variables": {"x": typed(INT64, 1)}}),
        ("SELECT COUNT(*) FROM d.INFORMATION_SCHEMA.TABLES", {}),
    ],
)
def test_plans_that_are_not_kept(w: Warehouse, sql: str, more: dict[str, object]) -> None:
    assert plan(w, sql, **more) is None


def test_values_of_parameters_do_not_stick(w: Warehouse) -> None:
    for value in (1, 2):
        assert w.rows("SELECT @x", parameters={"x": typed(INT64, value)}) == [[value]]


def test_contexts_have_plans_of_their_own(w: Warehouse) -> None:
    sql = "SELECT EXTRACT(HOUR FROM TIMESTAMP '2020-01-01 00:00:00+00')"
    assert w.rows(sql) == [[0]]
    assert w.rows(sql, time_zone="Asia/Tokyo") == [[9]]
