from __future__ import annotations

from typing import Any

import pytest

from bqsim.sql.simple import NotSimple, value_of
from bqsim.sql.values import python_value
from bqsim.types import BOOL, FLOAT64, INT64, STRING, array_of, struct_of
from tests.unit.sql.warehouse import Warehouse, typed

VARIABLES = {
    "i": typed(INT64, 5),
    "z": typed(INT64, None),
    "s": typed(STRING, "é"),
    "b": typed(BOOL, None),
    "t": typed(BOOL, True),
    "f": typed(FLOAT64, 2.25),
    "l": typed(array_of(INT64), [10, 20]),
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
        "DIV(-i, 2)",
        "ABS(-i)",
        "i / 2",
        "f * 2 + i",
        "f - 0.5 > 1",
        "-f",
        "SQRT(f)",
        "LENGTH(s)",
        "UPPER('abc') || LOWER('ABC')",
        "STARTS_WITH('abc', 'ab') AND NOT ENDS_WITH('abc', 'ab')",
        "i BETWEEN 1 AND 5",
        "GREATEST(i, 9) + LEAST(i, 9)",
        "CONCAT(s, 'x', 'y', 'z')",
        "IF(b, 1, 2)",
        "IF(t, s, 'no')",
        "IFNULL(z, i)",
        "COALESCE(z, NULL, 7)",
        "CASE WHEN b THEN 1 WHEN i > 4 THEN 2 ELSE 3 END",
        "CASE WHEN b THEN 1 END",
        "[i, 3]",
        "ARRAY_LENGTH(l)",
        "l[OFFSET(0)] + l[ORDINAL(2)]",
        "ARRAY_CONCAT(l, [i])",
        "CAST(i AS STRING) || CAST(t AS STRING)",
        "CAST(i AS FLOAT64)",
        "CAST(t AS INT64)",
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
        "DIV(i, 0)",
        "i / 0",
        "SQRT(-f)",
        "f * 1e308",
        "l[OFFSET(2)]",
        "[i, z]",
        "CAST(i AS STRING(2))",
        "SAFE_ADD(i, 1)",
        "SAFE.CONCAT(s, s)",
        "UPPER(s)",
        "(SELECT 1)",
    ],
)
def test_the_rest_is_for_the_engine(warehouse: Warehouse, sql: str) -> None:
    analyzed = warehouse.executor.analyze_expression(sql, warehouse.context(variables=dict(VARIABLES)))
    with pytest.raises(NotSimple):
        value_of(analyzed.statement, VARIABLES)


def test_overflow_in_a_script_has_the_engines_error(warehouse: Warehouse) -> None:
    message = warehouse.script_error("DECLARE x INT64 DEFAULT 9223372036854775807; SET x = x + 1")
    assert "overflow" in message.casefold()
