from __future__ import annotations

import pytest

from bqsim.sql.googlesql import resolved

from .catalogs import context
from .conftest import World


def test_reading_a_tree(world: World) -> None:
    statement = world.googlesql.analyze("SELECT a + 1 AS x FROM d.t WHERE b = 'x'", context()).statement
    names = [resolved.node_name(n) for n in resolved.walk(statement)]
    assert names[0] == "ResolvedQueryStmt"
    assert names.count("ResolvedTableScan") == 1
    assert names.index("ResolvedFilterScan") < names.index("ResolvedTableScan")
    project = resolved.unwrap(statement.query)
    assert resolved.unwrap(project) is project
    assert [c.name for c in resolved.get(project, "column_list")] == ["x"]
    with pytest.raises(AttributeError, match="ResolvedProjectScanProto has no field nothing"):
        resolved.get(project, "nothing")


def test_empty_messages_count_as_unset(world: World) -> None:
    created = world.googlesql.analyze("CREATE TABLE d.x (a INT64)", context()).statement
    assert not resolved.has(created, "like_table")
    scan = next(
        n
        for n in resolved.walk(world.googlesql.analyze("SELECT a FROM d.t", context()).statement)
        if resolved.node_name(n) == "ResolvedTableScan"
    )
    assert resolved.has(scan, "table")
    assert not resolved.has(scan, "for_system_time_expr")


def test_unwrap_of_nothing() -> None:
    from zetasql.wasi._pb2.zetasql.resolved_ast import resolved_ast_pb2 as ast

    assert resolved.unwrap(ast.AnyResolvedExprProto()) is None
    assert resolved.kind_of(ast.AnyResolvedExprProto()) == ""
