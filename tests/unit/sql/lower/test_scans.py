from __future__ import annotations

import math

import pytest

from tests.unit.sql.warehouse import Warehouse

from .conftest import Rows

pytestmark = [
    pytest.mark.fidelity("sql:wildcard tables", "exact", tests="test_wildcards*"),
    pytest.mark.fidelity("sql:time travel", "exact", tests="test_system_time*"),
]


def test_order_puts_null_first_ascending_and_last_descending(rows: Rows) -> None:
    source = "FROM UNNEST([2, NULL, 1]) x"
    assert rows(f"SELECT x {source} ORDER BY x") == [[None], [1], [2]]
    assert rows(f"SELECT x {source} ORDER BY x DESC") == [[2], [1], [None]]
    assert rows(f"SELECT x {source} ORDER BY x NULLS LAST") == [[1], [2], [None]]
    assert rows(f"SELECT x {source} ORDER BY x DESC NULLS FIRST") == [[None], [2], [1]]


def test_nan_orders_below_every_number_and_above_null(rows: Rows) -> None:
    source = "FROM UNNEST([1.5, NULL, CAST('nan' AS FLOAT64), CAST('-inf' AS FLOAT64)]) x"
    up = [r[0] for r in rows(f"SELECT x {source} ORDER BY x")]
    assert up[0] is None and math.isnan(up[1]) and up[2:] == [-math.inf, 1.5]
    down = [r[0] for r in rows(f"SELECT x {source} ORDER BY x DESC")]
    assert down[:2] == [1.5, -math.inf] and math.isnan(down[2]) and down[3] is None


def test_ranges_order_by_start_then_end_with_open_ends_outermost(rows: Rows) -> None:
    found = rows("""
        SELECT CAST(r AS STRING) FROM UNNEST([RANGE<DATE> '[2020-01-01, UNBOUNDED)',
          RANGE<DATE> '[UNBOUNDED, 2020-01-01)', RANGE<DATE> '[2020-01-01, 2020-02-01)', NULL]) r
        ORDER BY r""")
    assert [r[0] for r in found] == [
        None,
        "[UNBOUNDED, 2020-01-01)",
        "[2020-01-01, 2020-02-01)",
        "[2020-01-01, UNBOUNDED)",
    ]


def test_limit_and_offset_take_parameters(warehouse: Warehouse, rows: Rows) -> None:
    from bqsim.sql.plan import TypedValue
    from bqsim.types import INT64

    sql = "SELECT x FROM UNNEST([1, 2, 3, 4]) x ORDER BY x LIMIT @n OFFSET @o"
    parameters = {"n": TypedValue(INT64, 2), "o": TypedValue(INT64, 1)}
    assert rows(sql, parameters=parameters) == [[2], [3]]
    message = warehouse.error(sql, parameters={**parameters, "n": TypedValue(INT64, None)})
    assert "LIMIT must not be null" in message


def test_only_live_versions_of_rows_are_read(warehouse: Warehouse, rows: Rows) -> None:
    warehouse.run("CREATE TABLE t AS SELECT x, x * 10 AS y FROM UNNEST([1, 2, 3]) x")
    warehouse.run("UPDATE t SET y = 0 WHERE x = 2")
    warehouse.run("DELETE FROM t WHERE x = 3")
    assert rows("SELECT x, y FROM t ORDER BY x") == [[1, 10], [2, 0]]


def test_system_time_reads_the_versions_of_that_moment(warehouse: Warehouse, rows: Rows) -> None:
    warehouse.run("CREATE TABLE t AS SELECT 1 AS x")
    before = warehouse.table("t").version
    warehouse.run("UPDATE t SET x = 2 WHERE TRUE")
    moment = f"TIMESTAMP_MICROS({before})"
    assert rows(f"SELECT x FROM t FOR SYSTEM_TIME AS OF {moment}") == [[1]]
    assert rows("SELECT x FROM t") == [[2]]


def test_views_are_lowered_in_place_also_over_views(warehouse: Warehouse, rows: Rows) -> None:
    warehouse.run("CREATE TABLE t AS SELECT x, MOD(x, 2) AS odd FROM UNNEST([1, 2, 3]) x")
    warehouse.run("CREATE VIEW v AS SELECT odd, COUNT(*) AS n, SUM(x) AS total FROM d.t GROUP BY odd")
    warehouse.run("CREATE VIEW w AS SELECT total, n FROM d.v WHERE n > 1")
    result = warehouse.run("SELECT v.total, w.n FROM v JOIN w ON v.total = w.total")
    assert rows("SELECT v.total, w.n FROM v JOIN w ON v.total = w.total") == [[4, 2]]
    assert result.plan is not None
    assert sorted(r.table for r in result.plan.views) == ["v", "w"]
    assert [r.table for r in result.plan.tables] == ["t"]


def test_wildcards_read_tables_by_column_name_with_their_suffix(warehouse: Warehouse, rows: Rows) -> None:
    warehouse.run("CREATE TABLE ev_1 AS SELECT 'a' AS s, 1 AS x")
    warehouse.run("CREATE TABLE ev_2 AS SELECT 2 AS x, 'b' AS s, 3 AS more")
    found = rows("SELECT _TABLE_SUFFIX, x, s, more FROM `p.d.ev_*` ORDER BY x")
    assert found == [["1", 1, "a", None], ["2", 2, "b", 3]]
    assert rows("SELECT COUNT(*) FROM `p.d.ev_*` WHERE _TABLE_SUFFIX = '2'") == [[1]]


def test_information_schema_rows_are_read_like_a_table(warehouse: Warehouse, rows: Rows) -> None:
    warehouse.run("CREATE TABLE t (a INT64, b STRING)")
    found = rows(
        "SELECT UPPER(column_name) FROM d.INFORMATION_SCHEMA.COLUMNS WHERE table_name = 't' ORDER BY 1"
    )
    assert found == [["A"], ["B"]]


@pytest.mark.parametrize(
    "sql", ["SELECT 1 FROM UNNEST([1, 2]) x LIMIT 0", "SELECT x FROM UNNEST([1]) x WHERE x > 1"]
)
def test_empty_results(rows: Rows, sql: str) -> None:
    assert rows(sql) == []
