from __future__ import annotations

from typing import Any

import pytest

from bqsim.sql.simple import NotSimple, value_of
from bqsim.sql.values import python_value
from bqsim.types import BOOL, INT64, STRING, struct_of
from tests.unit.sql.warehouse import Warehouse, typed

VARIABLES = {
    "i": typed(INT64, 5),
    "z": typed(INT64, None),
    "s": typed(STRING, "é"),
    "b": typed(BOOL, None),
    "t": typed(BOOL, True),
    "r": typed(struct_of(("x", INT64), ("y", STRING)), [4, None]),
}


@pytest.mark.parametrize(
    "sql",
    [
        "i + 1",
        "i - 10",
        "i * -3",
        "-i",
        "MOD(i, 3)",
        "MOD(-i, 3)",
        "MOD(i, -3)",
        "z + 1",
        "i < 10",
        "i >= 5",
        "i != 5",
        "z = 1",
        "s || 'x'",
        "CONCAT(s, 'x')",
        "s < 'z'",
        "s > 'z'",
        "'a' < 'B'",
        "t = FALSE",
        "NOT t",
        "NOT b",
        "b AND FALSE",
        "b AND TRUE",
        "b OR TRUE",
        "b OR FALSE",
        "t AND i = 5 AND s = 'é'",
        "b IS NULL",
        "i IS NOT NULL",
        "r.x * i",
        "r.y IS NULL",
    ],
)
def test_values_are_those_of_the_engine(warehouse: Warehouse, sql: str) -> None:
    ctx = warehouse.context(variables=dict(VARIABLES))
    analyzed = warehouse.executor.analyze_expression(sql, ctx)
    result = warehouse.executor.run_analyzed(analyzed, ctx, warehouse.session)
    assert result.rows is not None
    expected: Any = python_value(result.rows.column(0)[0].as_py(), result.schema[0].type)
    assert value_of(analyzed.statement, ctx.variables) == expected
    assert type(value_of(analyzed.statement, ctx.variables)) is type(expected)


@pytest.mark.parametrize(
    "sql",
    [
        "9223372036854775807 + i",
        "MOD(i, 0)",
        "i / 2",
        "SAFE_ADD(i, 1)",
        "SAFE.CONCAT(s, s)",
        "UPPER(s)",
        "(SELECT 1)",
        "[i]",
    ],
)
def test_the_rest_is_for_the_engine(warehouse: Warehouse, sql: str) -> None:
    analyzed = warehouse.executor.analyze_expression(sql, warehouse.context(variables=dict(VARIABLES)))
    with pytest.raises(NotSimple):
        value_of(analyzed.statement, VARIABLES)


def test_overflow_in_a_script_has_the_engines_error(warehouse: Warehouse) -> None:
    message = warehouse.script_error("DECLARE x INT64 DEFAULT 9223372036854775807; SET x = x + 1")
    assert "overflow" in message.casefold()
