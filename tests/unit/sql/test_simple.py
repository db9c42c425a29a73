from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from bqsim.sql.simple import NotSimple, value_of
from bqsim.sql.values import python_value
from bqsim.types import BOOL, DATE, FLOAT64, INT64, JSON, STRING, TIMESTAMP, array_of, struct_of
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
    "d": typed(DATE, dt.date(2024, 2, 29)),
    "ts": typed(TIMESTAMP, dt.datetime(2024, 1, 1, tzinfo=dt.UTC)),
    "j": typed(JSON, '{"a":{"b":5,"c":"x","d":true,"e":null,"f":[1]},"g":1.50}'),
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
        "CAST('-12' AS INT64) + 1",
        "CAST(d AS STRING)",
        "CAST(i AS BOOL)",
        "DATE_ADD(d, INTERVAL i DAY)",
        "DATE_ADD(d, INTERVAL 1 YEAR)",
        "DATE_SUB(d, INTERVAL 3 MONTH)",
        "DATE_SUB(DATE '2024-03-31', INTERVAL 1 MONTH)",
        "DATE_ADD(d, INTERVAL -5 QUARTER)",
        "DATE_ADD(d, INTERVAL 2 WEEK)",
        "d + 1",
        "d - i",
        "DATE_DIFF(DATE '2024-03-01', d, DAY)",
        "DATE_DIFF(DATE '2023-12-31', d, MONTH)",
        "DATE_DIFF(d, DATE '2023-11-30', QUARTER)",
        "DATE_DIFF(d, DATE '2019-12-31', YEAR)",
        "DATE_TRUNC(d, MONTH)",
        "DATE_TRUNC(d, QUARTER)",
        "DATE_TRUNC(d, YEAR)",
        "EXTRACT(YEAR FROM d) * 100 + EXTRACT(MONTH FROM d)",
        "EXTRACT(DAYOFWEEK FROM d)",
        "EXTRACT(DAYOFYEAR FROM d)",
        "EXTRACT(QUARTER FROM d)",
        "DATE(2024, i, 1)",
        "d > DATE '2024-01-01'",
        "d BETWEEN DATE '2024-01-01' AND DATE '2024-12-31'",
        "TIMESTAMP_ADD(ts, INTERVAL i MINUTE)",
        "TIMESTAMP_SUB(ts, INTERVAL 1 MICROSECOND)",
        "TIMESTAMP_ADD(ts, INTERVAL 2 DAY) > ts",
        "FORMAT('%05d-%s-%d%%', i, s, -i)",
        "FORMAT('%3d|%t|%t', i, d, 'q')",
        "FORMAT('%05d', -i)",
        "FORMAT('%s', CAST(NULL AS STRING))",
        "CONCAT('a', s, 'b', 'c', 'd', 'e')",
        "SUBSTR('hello', 2)",
        "SUBSTR('hello', -3, 2)",
        "SUBSTR('hello', 0, 2)",
        "SUBSTR('hello', -9, 2)",
        "SUBSTR('hello', 9)",
        "LEFT('hello', 2) || RIGHT('hello', 2) || RIGHT('x', 5)",
        "STRPOS('hello', 'l')",
        "STRPOS('hello', 'z')",
        "REPLACE('hello', 'l', 'LL')",
        "REPEAT('ab', 3)",
        "REVERSE('abc')",
        "TRIM('  a ') || LTRIM('xxa', 'x') || RTRIM('ayx', 'xy')",
        "SPLIT('a,b')",
        "SPLIT('a-b', '-')[OFFSET(1)]",
        "SPLIT('')",
        "FLOOR(f) + CEIL(f) + TRUNC(-f)",
        "CEIL(-0.5)",
        "SIGN(-i)",
        "i & 3 | 8 ^ 1",
        "i IN (1, 5)",
        "i IN (1, z)",
        "i IN (5, z)",
        "z IN (1)",
        "s NOT IN ('a', 'b')",
        "NULLIF(i, 5)",
        "NULLIF(i, z)",
        "STRUCT(i AS a, s AS b)",
        "(r.x + 1, 'y')",
        "JSON_VALUE(j, '$.a.b')",
        "JSON_VALUE(j, '$.a.c') || JSON_VALUE(j, '$.a.d')",
        "JSON_VALUE(j, '$.a.e')",
        "JSON_VALUE(j, '$.a.f')",
        "JSON_VALUE(j, '$.none.x')",
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
        "CAST(s AS INT64)",
        "SAFE_CAST(s AS INT64)",
        "DATE_ADD(d, INTERVAL 9999999 DAY)",
        "DATE_ADD(d, INTERVAL 99999 MONTH)",
        "EXTRACT(ISOWEEK FROM d)",
        "DATE_TRUNC(d, WEEK)",
        "DATE(2024, 13, 1)",
        "FORMAT('%x', i)",
        "FORMAT('%t', f)",
        "SUBSTR('a', 1, -1)",
        "REPEAT('a', -1)",
        "REPEAT('a', 10000000)",
        "STRPOS('a', '')",
        "SPLIT('abc', '')",
        "REVERSE(s)",
        "JSON_VALUE(j, '$.g')",
        "JSON_VALUE(j, '$.a.f[0]')",
        "JSON_VALUE('x', '$.a')",
        "r = r",
    ],
)
def test_the_rest_is_for_the_engine(warehouse: Warehouse, sql: str) -> None:
    analyzed = warehouse.executor.analyze_expression(sql, warehouse.context(variables=dict(VARIABLES)))
    with pytest.raises(NotSimple):
        value_of(analyzed.statement, VARIABLES)


def test_overflow_in_a_script_has_the_engines_error(warehouse: Warehouse) -> None:
    message = warehouse.script_error("DECLARE x INT64 DEFAULT 9223372036854775807; SET x = x + 1")
    assert "overflow" in message.casefold()
