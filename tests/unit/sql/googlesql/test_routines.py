from __future__ import annotations

import pytest

from bqsim.errors import BigQueryError
from bqsim.sql.googlesql import resolved
from bqsim.sql.googlesql.routines import definition_of
from bqsim.types import FLOAT64, INT64, STRING

from .catalogs import context
from .conftest import World


def types(world: World, sql: str, **more: object) -> list[object]:
    return [c[2] for c in world.googlesql.analyze(sql, context(**more)).output_columns()]


def test_sql_functions_are_inlined(world: World) -> None:
    world.catalog.add_routine("plus_one", "CREATE FUNCTION d.plus_one(x INT64) AS (x + 1)")
    analyzed = world.googlesql.analyze("SELECT `p.d.plus_one`(a) FROM d.t", context())
    assert "ZetaSQL:$add" in analyzed.functions()
    assert [r.routine for r in analyzed.routines] == ["plus_one"]


def test_a_function_may_call_another_and_read_tables(world: World) -> None:
    world.catalog.add_routine(
        "inner", "CREATE FUNCTION d.inner(x ANY TYPE) AS ((SELECT MAX(a) FROM d.t) + x)"
    )
    world.catalog.add_routine("outer", "CREATE FUNCTION d.outer(x INT64) RETURNS FLOAT64 AS (d.inner(x))")
    analyzed = world.googlesql.analyze("SELECT d.outer(1)", context())
    assert analyzed.output_columns()[0][2] == FLOAT64
    assert list(analyzed.tables) == ["p.d.t"]


def test_a_replaced_function_is_seen(world: World) -> None:
    world.catalog.add_routine("f", "CREATE FUNCTION d.f() AS (1)")
    assert types(world, "SELECT d.f()") == [INT64]
    world.catalog.add_routine("f", "CREATE FUNCTION d.f() AS ('x')")
    assert types(world, "SELECT d.f()") == [STRING]


def test_temporary_functions_last_as_long_as_their_context(world: World) -> None:
    functions = {"f": "CREATE TEMP FUNCTION f(x INT64) AS (CAST(x AS STRING))"}
    assert types(world, "SELECT F(1)", temp_functions=functions) == [STRING]
    with pytest.raises(BigQueryError, match="Function not found: F"):
        world.googlesql.analyze("SELECT F(1)", context())


def test_a_function_cannot_call_itself(world: World) -> None:
    world.catalog.add_routine("f", "CREATE FUNCTION d.f(x INT64) RETURNS INT64 AS (d.f(x - 1))")
    with pytest.raises(BigQueryError, match="Function not found"):
        world.googlesql.analyze("SELECT d.f(1)", context())


def test_aggregate_table_and_external_functions(world: World) -> None:
    world.catalog.add_routine("total", "CREATE AGGREGATE FUNCTION d.total(x INT64) AS (SUM(x) * 2)")
    assert types(world, "SELECT d.total(a) FROM d.t") == [INT64]
    world.catalog.add_routine(
        "above", "CREATE TABLE FUNCTION d.above(n INT64) AS (SELECT b FROM d.t WHERE a > n)"
    )
    assert types(world, "SELECT * FROM d.above(3)") == [STRING]
    world.catalog.add_routine(
        "js", 'CREATE FUNCTION d.js(x FLOAT64) RETURNS STRING LANGUAGE js AS "return x"'
    )
    analyzed = world.googlesql.analyze("SELECT d.js(1)", context())
    assert {f for f in analyzed.functions() if f.startswith("External_function_")}


def test_a_wrong_call_names_the_function_alone(world: World) -> None:
    world.catalog.add_routine(
        "js", 'CREATE FUNCTION d.js(x FLOAT64) RETURNS STRING LANGUAGE js AS "return x"'
    )
    with pytest.raises(BigQueryError) as caught:
        world.googlesql.analyze("SELECT d.js('x')", context())
    assert caught.value.message.startswith("No matching signature for function d.js")
    assert "External" not in caught.value.message


def test_only_create_statements_define_routines(world: World) -> None:
    analyzed = world.googlesql.analyze("SELECT 1", context())
    with pytest.raises(BigQueryError, match="CREATE FUNCTION"):
        definition_of(analyzed.kind, analyzed.statement)
    assert resolved.node_name(analyzed.statement) == "ResolvedQueryStmt"
