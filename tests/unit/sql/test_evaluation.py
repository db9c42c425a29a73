from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from bqsim.errors import BigQueryError
from bqsim.sql.evaluation import Evaluator, null
from bqsim.types import DATE, FLOAT64, INT64, NUMERIC, STRING, TIMESTAMP, Type, array_of, struct_of
from tests.unit.sql.warehouse import Warehouse, typed

PAIR = struct_of(("a", INT64), ("b", STRING))


@pytest.fixture
def evaluator(warehouse: Warehouse) -> Evaluator:
    return Evaluator(warehouse.executor, warehouse.session)


@pytest.mark.parametrize(
    ("sql", "target", "expected"),
    [
        ("1 + 1", None, typed(INT64, 2)),
        ("NULL", STRING, typed(STRING, None)),
        ("1", FLOAT64, typed(FLOAT64, 1.0)),
        ("1", NUMERIC, typed(NUMERIC, Decimal(1))),
        ("'2020-01-02'", DATE, typed(DATE, dt.date(2020, 1, 2))),
        ("TIMESTAMP '2020-01-02'", None, typed(TIMESTAMP, dt.datetime(2020, 1, 2, tzinfo=dt.UTC))),
        ("[]", array_of(STRING), typed(array_of(STRING), [])),
        ("(1, 'x')", PAIR, typed(PAIR, [1, "x"])),
        ("[STRUCT(1 AS a, 'x' AS b)]", array_of(PAIR), typed(array_of(PAIR), [[1, "x"]])),
        ("CAST(NULL AS STRUCT<a INT64, b STRING>)", None, typed(PAIR, None)),
        ("v * 2", None, typed(INT64, 14)),
        ("1 -- a comment", None, typed(INT64, 1)),
    ],
)
def test_values(
    warehouse: Warehouse, evaluator: Evaluator, sql: str, target: Type | None, expected: Any
) -> None:
    ctx = warehouse.context(variables={"v": typed(INT64, 7)})
    value, result = evaluator.value(sql, ctx, target)
    assert value == expected
    assert result is None or result.statement_type == "SELECT"


@pytest.mark.parametrize(("sql", "target"), [("'x'", INT64), ("1.5", INT64), ("1", STRING), ("[1]", INT64)])
def test_what_is_not_coerced(warehouse: Warehouse, evaluator: Evaluator, sql: str, target: Type) -> None:
    with pytest.raises(BigQueryError, match=r"Cannot coerce expression .* to type .* at \[4:2\]"):
        evaluator.value(sql, warehouse.context(), target, (4, 2))


def test_coerced_values(warehouse: Warehouse, evaluator: Evaluator) -> None:
    ctx = warehouse.context()
    assert evaluator.coerced(typed(INT64, 3), FLOAT64, ctx) == typed(FLOAT64, 3.0)
    assert evaluator.coerced(typed(INT64, None), STRING, ctx) == typed(STRING, None)
    other = struct_of(("x", INT64), ("y", STRING))
    assert evaluator.coerced(typed(other, [1, "a"]), PAIR, ctx) == typed(PAIR, [1, "a"])
    with pytest.raises(BigQueryError):
        evaluator.coerced(typed(STRING, "a"), INT64, ctx)


def test_types_by_name(warehouse: Warehouse, evaluator: Evaluator) -> None:
    assert evaluator.type_of("ARRAY<STRUCT<a INT64, b STRING(10)>>", warehouse.context()) == array_of(PAIR)
    with pytest.raises(BigQueryError, match="Type not found"):
        evaluator.type_of("NONSENSE", warehouse.context())


def test_rows(warehouse: Warehouse, evaluator: Evaluator) -> None:
    result = warehouse.run("SELECT x AS a, 'r' AS b FROM UNNEST([1, 2, 3]) AS x ORDER BY x")
    assert list(evaluator.rows(result, PAIR, limit=2)) == [[1, "r"], [2, "r"]]
    with pytest.raises(BigQueryError, match="does not return rows"):
        list(evaluator.rows(warehouse.run("CREATE TABLE t (a INT64)"), PAIR))


def test_null() -> None:
    assert null(None) == typed(INT64, None)
    assert null(DATE) == typed(DATE, None)


@pytest.mark.parametrize(
    ("sql", "values", "expected"),
    [
        ("REGEXP_REPLACE(v, 'a+', 'b')", ["aa", None, "x'a"], ["b", None, "x'b"]),
        ("ARRAY(SELECT x || '!' FROM UNNEST(SPLIT(v, ',')) AS x)", ["a,b", "c"], [["a!", "b!"], ["c!"]]),
        ("UPPER(v)", ["a", "é", None], ["A", "É", None]),
    ],
)
def test_an_expression_goes_on_with_other_values(
    warehouse: Warehouse, evaluator: Evaluator, sql: str, values: list[Any], expected: list[Any]
) -> None:
    found = [
        evaluator.value(sql, warehouse.context(variables={"v": typed(STRING, v)}))[0].value for v in values
    ]
    assert found == expected


def test_a_variable_of_another_type_is_another_expression(warehouse: Warehouse, evaluator: Evaluator) -> None:
    for type_, value, expected in ((INT64, 1, 2), (FLOAT64, 1.5, 3.0), (INT64, 4, 8)):
        ctx = warehouse.context(variables={"v": typed(type_, value)})
        assert evaluator.value("v + v", ctx)[0] == typed(type_, expected)
