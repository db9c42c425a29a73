from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from bqsim.errors import BigQueryError
from bqsim.sql.plan import Context, TypedValue
from bqsim.sql.reference import MAX_ROWS, MAX_WINDOW_ROWS, ReferenceRoute
from bqsim.types import BIGNUMERIC, GEOGRAPHY, INT64, STRING, array_of, struct_of

from .googlesql.catalogs import context
from .googlesql.conftest import World, shared_world, world

__all__ = ["shared_world", "world"]

ROWS = pa.table(
    {
        "c1": pa.array([1, 2, None], pa.int64()),
        "c2": pa.array(["x", "y", None]),
        "c3": pa.array([[1, 2], [], None], pa.list_(pa.int64())),
        "c4": pa.array([Decimal(1), Decimal("-2.5"), None], pa.decimal128(38, 9)),
    }
)


def run(world: World, sql: str, ctx: Context | None = None) -> list[list[Any]]:
    """The rows of a query that the route takes."""
    ctx = ctx or context()
    route = ReferenceRoute(world.googlesql)
    analyzed = world.googlesql.analyze(sql, ctx)
    rows = dict.fromkeys(analyzed.tables, ROWS)
    assert route.eligible(analyzed, ctx, dict.fromkeys(rows, 3)) is None
    return [list(row.values()) for row in route.run(analyzed, ctx, rows).to_pylist()]


def refusal(world: World, sql: str, rows: int = 3, ctx: Context | None = None) -> str | None:
    ctx = ctx or context()
    analyzed = world.googlesql.analyze(sql, ctx)
    return ReferenceRoute(world.googlesql).eligible(analyzed, ctx, dict.fromkeys(analyzed.tables, rows))


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT a, b FROM d.t WHERE a > 1",
        "SELECT t.a, t.b FROM `p.d.t` WHERE a = 2",
        "SELECT x.a, x.b FROM t AS x JOIN d.t USING (a) WHERE x.a = 2",
        "WITH t2 AS (SELECT * FROM t) SELECT a, b FROM t2 WHERE a = 2",
        "FROM d.t |> WHERE a > 1 |> SELECT a, b",
        "SELECT a, b FROM d.t, UNNEST([2]) AS e WHERE a = e",
        "SELECT ANY_VALUE(a), ANY_VALUE(b) FROM d.t GROUP BY t.a HAVING ANY_VALUE(a) = 2 -- é ` '",
    ],
)
def test_tables_by_every_name(world: World, sql: str) -> None:
    assert run(world, sql) == [[2, "y"]]


def test_arrays_of_a_table(world: World) -> None:
    for path in ("d.t", "d.t AS t", "t"):
        assert run(world, f"SELECT t.a, e FROM {path}, t.c AS e ORDER BY e") == [[1, 1], [1, 2]]


def test_exact_values(world: World) -> None:
    json = """JSON '{"b": 1, "a": 2.0}'"""
    sql = f"SELECT n, n * NUMERIC '0.000000001', BIGNUMERIC '1e-38', {json} FROM d.t WHERE a = 2"
    assert run(world, sql) == [
        [Decimal("-2.5"), Decimal("-0.000000003"), Decimal("1e-38"), '{"a":2.0,"b":1}']
    ]
    [[struct, array, span, interval]] = run(
        world,
        "SELECT STRUCT(1 AS x, 'a'), [STRUCT(1, DATE '2020-01-01')], RANGE<DATE> '[2020-01-01, UNBOUNDED)',"
        " INTERVAL '-1-2 3 -4:5:6.789' YEAR TO SECOND",
    )
    assert struct == {"_1": 1, "_2": "a"}
    assert array == [{"_1": 1, "_2": dt.date(2020, 1, 1)}]
    assert span == {"start": dt.date(2020, 1, 1), "end": None}
    assert tuple(interval) == (-14, 3, -14706789000000)


def test_the_canonical_types_of_empty_results(world: World) -> None:
    analyzed = world.googlesql.analyze("SELECT n, [STRUCT(b)] FROM d.t WHERE FALSE", context())
    table = ReferenceRoute(world.googlesql).run(analyzed, context(), {"p.d.t": ROWS})
    assert table.num_rows == 0
    assert table.schema.types == [pa.decimal128(38, 9), pa.list_(pa.struct([("_1", pa.string())]))]


def test_parameters_variables_and_surroundings(world: World) -> None:
    named = context(parameters={"x": TypedValue(struct_of(("k", INT64)), [5])})
    assert run(world, "SELECT @x.k + @x.k", named) == [[10]]
    positional = context(positional=(TypedValue(STRING, "a"), TypedValue(array_of(INT64), [1, 2])))
    assert run(world, "SELECT CONCAT(?, 'é'), ?", positional) == [["aé", [1, 2]]]
    variables = context(variables={"v": TypedValue(INT64, 41)})
    assert run(world, "SELECT v + 1", variables) == [[42]]
    ctx = context(caller="me@example.com", time_zone="Asia/Tokyo", now_us=1_577_934_245_000_006)
    ctx.system_variables["row_count"] = TypedValue(INT64, 3)
    sql = "SELECT SESSION_USER(), @@time_zone, @@row_count, CURRENT_DATETIME(), @@project_id, @@session_id"
    now = dt.datetime(2020, 1, 2, 12, 4, 5, 6)
    assert run(world, sql, ctx) == [["me@example.com", "Asia/Tokyo", 3, now, "p", None]]


def test_user_defined_functions(world: World) -> None:
    ctx = context(temp_functions={"f": "CREATE TEMP FUNCTION f(x ANY TYPE) AS (x * 2)"})
    world.catalog.add_routine("g", "CREATE FUNCTION d.g(x INT64) RETURNS FLOAT64 AS (x + 1)")
    assert run(world, "SELECT f(21), d.g(1)", ctx) == [[42, 2.0]]
    assert run(world, "SELECT MAX_BY(b, a) FROM d.t") == [["y"]]


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT 1 / 0", "division by zero: 1 / 0"),
        ("SELECT ERROR('mine')", "mine"),
        ("SELECT CAST(CONCAT('x', b) AS INT64) FROM d.t WHERE a = 1", "Bad int64 value: xx"),
    ],
)
def test_run_time_errors(world: World, sql: str, message: str) -> None:
    analyzed = world.googlesql.analyze(sql, context())
    with pytest.raises(BigQueryError) as caught:
        ReferenceRoute(world.googlesql).run(analyzed, context(), {"p.d.t": ROWS})
    assert caught.value.message == message


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("SELECT ST_GEOGPOINT(1, 2)", "st_geogpoint"),
        ("SELECT APPROX_COUNT_DISTINCT(a) FROM d.t", "approx_count_distinct"),
        ("SELECT HLL_COUNT.EXTRACT(b'')", "hll_count.extract"),
        ("SELECT TO_BASE32(b'')", "to_base32"),
        ("SELECT NET.REG_DOMAIN('x')", "NET.REG_DOMAIN"),
        ("SELECT NET.PUBLIC_SUFFIX('x')", "NET.PUBLIC_SUFFIX"),
        ("SELECT CONTAINS_SUBSTR('a', 'b')", "contains_substr"),
        ("SELECT a FROM d.t FOR SYSTEM_TIME AS OF CURRENT_TIMESTAMP()", "FOR SYSTEM_TIME AS OF"),
        ("SELECT a FROM d.t TABLESAMPLE SYSTEM (10 PERCENT)", "TABLESAMPLE"),
        ("WITH t AS (SELECT * FROM t) SELECT * FROM t", "both a table and an alias"),
        ("INSERT d.t (a) VALUES (1)", "no query"),
        ("SELECT g FROM d.geo", "GEOGRAPHY"),
    ],
)
def test_what_it_refuses_by_name(world: World, sql: str, reason: str) -> None:
    world.catalog.add("geo", ("g", GEOGRAPHY), ("x", INT64))
    assert reason in (refusal(world, sql) or "")


def test_a_geography_column_that_is_not_read_does_no_harm(world: World) -> None:
    world.catalog.add("geo", ("g", GEOGRAPHY), ("x", INT64))
    analyzed = world.googlesql.analyze("SELECT x FROM d.geo", context())
    rows = pa.table({"c1": ["POINT(1 2)"], "c2": [7]})
    assert ReferenceRoute(world.googlesql).run(analyzed, context(), {"p.d.geo": rows}).to_pylist() == [
        {"c1": 7}
    ]


def test_inputs_are_bounded(world: World) -> None:
    assert refusal(world, "SELECT a FROM d.t", MAX_ROWS) is None
    assert "20000 rows" in (refusal(world, "SELECT a FROM d.t", MAX_ROWS + 1) or "")
    window = "SELECT SUM(a) OVER (ORDER BY a) FROM d.t"
    assert refusal(world, window, MAX_WINDOW_ROWS) is None
    assert "window" in (refusal(world, window, MAX_WINDOW_ROWS + 1) or "")


def test_rows_of_another_width_are_made_to_fit(world: World) -> None:
    analyzed = world.googlesql.analyze("SELECT COUNT(a), COUNT(n) FROM d.t", context())
    route = ReferenceRoute(world.googlesql)
    for rows in (ROWS.select([0]), ROWS, ROWS.append_column("c5", pa.array([1, 2, 3]))):
        [row] = route.run(analyzed, context(), {"p.d.t": rows}).to_pylist()
        assert row == {"c1": 2, "c2": 2 if rows.num_columns > 3 else 0}


def test_a_query_without_end_is_stopped(world: World) -> None:
    array = "UNNEST(GENERATE_ARRAY(1, 16000))"
    sql = f"SELECT COUNT(*) FROM {array} a, {array} b, {array} c"
    analyzed = world.googlesql.analyze(sql, context())
    world.googlesql.deadline_s, saved = 0.5, world.googlesql.deadline_s
    try:
        with pytest.raises(BigQueryError, match="takes too long") as caught:
            ReferenceRoute(world.googlesql).run(analyzed, context(), {})
    finally:
        world.googlesql.deadline_s = saved
    assert caught.value.reason.name == "resourcesExceeded"
    assert run(world, "SELECT 1") == [[1]]


def test_the_order_of_rows_is_kept(world: World) -> None:
    assert run(world, "SELECT a FROM d.t ORDER BY a DESC") == [[2], [1], [None]]
    wide = replace(context(), positional=())
    assert run(world, "SELECT x FROM UNNEST([3, 1, 2]) AS x ORDER BY x", wide) == [[1], [2], [3]]


@pytest.mark.parametrize("scaled", [2**255 - 1, -(2**255)])
def test_bignumeric_values_of_77_digits(world: World, scaled: int) -> None:
    limit = Decimal(f"{scaled}e-38")
    ctx = replace(context(), parameters={"v": TypedValue(BIGNUMERIC, limit)})
    analyzed = world.googlesql.analyze("SELECT @v, [@v]", ctx)
    table = ReferenceRoute(world.googlesql).run(analyzed, ctx, {})
    whole, items = (column.chunk(0) for column in table.columns)
    for array in (whole, items.flatten()):
        assert int.from_bytes(array.buffers()[1].to_pybytes()[:32], "little", signed=True) == scaled
