from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bqsim.sql.generic import shape_of
from tests.unit.sql.warehouse import Warehouse


def cached(w: Warehouse, sql: str) -> str | None:
    plan = w.executor._services.planner.cached(sql, w.context())
    return plan.engine_sql if plan else None


@pytest.fixture
def w(warehouse: Warehouse) -> Warehouse:
    warehouse.run(
        "CREATE TABLE t AS SELECT x AS a, CAST(x AS STRING) AS b, x / 2 AS f FROM UNNEST([1, 2, 3, 4]) AS x"
    )
    return warehouse


def test_shapes_leave_out_literals_comments_and_white_space() -> None:
    one = shape_of("SELECT a /* c */ FROM t1 WHERE a > 5 AND b = 'x' -- end")
    two = shape_of("SELECT a\n  FROM t1 WHERE a >   77 AND b = 'it' # end")
    assert one is not None and two is not None
    assert one.key.rstrip() == two.key.rstrip()
    assert (one.literals, two.literals) == (("5", "'x'"), ("77", "'it'"))


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("SELECT 'a''b'", "SELECT 'a'"),
        ("SELECT `a 1`", "SELECT `a 2`"),
        ("SELECT t1.a", "SELECT t2.a"),
        ("SELECT 1.5", "SELECT 1.6"),
        ("SELECT 'x--y'", "SELECT 1"),
        ("SELECT a- -1", "SELECT a--1"),
    ],
)
def test_shapes_of_different_texts_differ(one: str, two: str) -> None:
    shapes = [shape_of(one), shape_of(two)]
    keys = [s.key if s else text for s, text in zip(shapes, (one, two), strict=True)]
    assert keys[0] != keys[1]


def test_a_new_text_that_differs_in_compared_literals_needs_no_analysis(w: Warehouse) -> None:
    text = "SELECT a FROM t WHERE a > {} AND b <> '{}' ORDER BY a"
    for values in ((0, "4"), (1, "4")):
        w.rows(text.format(*values))
    assert cached(w, text.format(2, "x")) is not None
    assert w.rows(text.format(2, "x")) == [[3], [4]]
    assert w.rows(text.format(0, "2")) == [[1], [3], [4]]


def test_literals_elsewhere_are_part_of_the_plan(w: Warehouse) -> None:
    text = "SELECT a + {} AS s, COUNT(*) AS n FROM t WHERE a > {} GROUP BY 1 ORDER BY {} LIMIT {}"
    for values in ((1, 0, 1, 2), (1, 1, 1, 2)):
        w.rows(text.format(*values))
    assert cached(w, text.format(1, 3, 1, 2)) is not None
    for values in ((2, 1, 1, 2), (1, 1, 2, 2), (1, 1, 1, 1)):
        assert cached(w, text.format(*values)) is None
    assert w.rows(text.format(2, 2, 1, 1)) == [[5, 1]]


def test_coerced_literals_are_part_of_the_plan(w: Warehouse) -> None:
    for value in (1, 2):
        w.rows(f"SELECT a FROM t WHERE f >= {value} ORDER BY a")
    assert cached(w, "SELECT a FROM t WHERE f >= 3 ORDER BY a") is None


def test_a_changed_table_drops_the_plan(w: Warehouse) -> None:
    for value in (1, 2):
        w.rows(f"SELECT * FROM t WHERE a = {value}")
    assert cached(w, "SELECT * FROM t WHERE a = 3") is not None
    w.run("ALTER TABLE t ADD COLUMN z STRING")
    assert cached(w, "SELECT * FROM t WHERE a = 3") is None
    assert w.rows("SELECT * FROM t WHERE a = 3") == [[3, "3", 1.5, None]]


def test_literals_of_functions_and_views_are_not_mistaken(w: Warehouse) -> None:
    w.run("CREATE VIEW v AS SELECT a FROM t WHERE a > 1")
    w.run("CREATE FUNCTION big(x INT64) AS (x > 2)")
    for value in (2, 3, 4):
        assert w.rows(f"SELECT a FROM v WHERE a = {value}") == [[value]]
        assert w.rows(f"SELECT a FROM t WHERE big(a) AND a = {value}") == ([[value]] if value > 2 else [])
    assert w.rows("SELECT a FROM v WHERE a = 1") == []


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(number=st.integers(0, (1 << 63) - 1) | st.integers(0, 5), text=st.text("ab'\"\\ 34", max_size=4))
def test_generic_plans_give_what_fresh_ones_give(w: Warehouse, number: int, text: str) -> None:
    quoted = "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
    condition = f"a <= {number} AND b NOT IN ('3', {quoted})"
    generic = w.rows(f"SELECT a, b FROM t WHERE {condition} ORDER BY a")
    wanted = [[x, str(x)] for x in range(1, 5) if x <= number and str(x) not in ("3", text)]
    assert generic == wanted
