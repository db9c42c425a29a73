from __future__ import annotations

import pytest

from bqsim.sql.inner_query import original_tail, query_start
from tests.unit.sql.warehouse import Warehouse


@pytest.mark.parametrize(
    ("sql", "query"),
    [
        ("CREATE TABLE t AS SELECT 1", " SELECT 1"),
        ("create table t (a int64) options (description=' as ') as (select 1 as b)", " (select 1 as b)"),
        (
            "CREATE TABLE t PARTITION BY CAST(x AS DATE) /* as */ -- as\n AS WITH q AS (SELECT 1) FROM q",
            " WITH q AS (SELECT 1) FROM q",
        ),
        ("CREATE TABLE `as` AS SELECT 'as'", " SELECT 'as'"),
    ],
)
def test_after_a_keyword(sql: str, query: str) -> None:
    start = query_start(sql, "AS")
    assert start is not None
    assert sql[start:] == query


@pytest.mark.parametrize(
    ("sql", "query"),
    [
        ("INSERT INTO t SELECT 1", "SELECT 1"),
        ("INSERT t (a, b) WITH q AS (SELECT 1) SELECT * FROM q", "WITH q AS (SELECT 1) SELECT * FROM q"),
        ("INSERT INTO d.t (`select`, b) ( SELECT 1, 2 )", "( SELECT 1, 2 )"),
        ("INSERT INTO t (a) FROM s |> SELECT x", "FROM s |> SELECT x"),
    ],
)
def test_where_a_query_begins(sql: str, query: str) -> None:
    start = query_start(sql, None)
    assert start is not None
    assert sql[start:] == query


def test_no_query() -> None:
    assert query_start("INSERT INTO t VALUES ((SELECT 1))", None) is None
    assert query_start("CREATE TABLE t (a INT64)", "AS") is None


def test_the_users_own_text(warehouse: Warehouse) -> None:
    prepared = warehouse.googlesql.prepare("CREATE TABLE `a.b.c` AS SELECT * FROM `x.y.z`;")
    start = query_start(prepared.sql, "AS")
    assert start is not None
    assert original_tail(prepared, start) == " SELECT * FROM `x.y.z`"
