"""Statements that bqsim refuses by name."""

from __future__ import annotations

import pytest

from bqsim.sql.statements import HANDLERS
from tests.unit.sql.warehouse import Warehouse

pytestmark = pytest.mark.fidelity("statement:ASSERT", "exact", tests="test_assert_*")


REFUSED = [
    ("EXPORT MODEL d.m OPTIONS (uri='gs://bucket/m')", "EXPORT MODEL"),
    ("CREATE EXTERNAL SCHEMA s OPTIONS (external_source='x')", "CREATE EXTERNAL SCHEMA"),
]


@pytest.mark.parametrize(("sql", "what"), REFUSED, ids=[what for _, what in REFUSED])
def test_refused(warehouse: Warehouse, sql: str, what: str) -> None:
    assert warehouse.error(sql) == f"{what} is not supported by bqsim"


def test_every_handler_is_of_a_resolved_statement() -> None:
    from zetasql.wasi._pb2.zetasql.resolved_ast import resolved_ast_pb2 as ast

    names = {
        "Resolved" + "".join(p.capitalize() for p in kind.removeprefix("resolved_").split("_")) + "Proto"
        for kind in HANDLERS
    }
    known = {name.casefold() for name in dir(ast)}
    assert {n for n in names if n.casefold() not in known} == set()


@pytest.mark.parametrize("sql", ["ASSERT (SELECT COUNT(*) FROM t) = 0 AS 'must be empty'", "ASSERT TRUE"])
def test_assert_holds(warehouse: Warehouse, sql: str) -> None:
    warehouse.run("CREATE TABLE t (a INT64)")
    assert warehouse.run(sql).statement_type == "ASSERT"


def test_assert_fails(warehouse: Warehouse) -> None:
    assert warehouse.error("ASSERT 1 = 2 AS 'not equal'") == "Assertion failed: not equal"
    assert warehouse.error("ASSERT CAST(NULL AS BOOL)") == "Assertion failed"
