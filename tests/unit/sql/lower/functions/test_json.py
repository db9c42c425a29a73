from __future__ import annotations

import re

import pytest

from bqsim.sql.plan import Route
from tests.unit.sql.warehouse import Warehouse

from .oracle import assert_agrees, assert_engine, route_reason

pytestmark = pytest.mark.fidelity("sql:functions on JSON", "exact")

DOCUMENTS = (
    '{"a":{"b":[1, 2.50, {"c":"x"}]},"d":null,"e":[],"f":true}',
    '{"a":1,"a":2}',
    ' [1, null, "x", true, 1.50] ',
    '"s\\"\\n\\u00e9/\\/"',
    "1e5",
    "null",
    '{"a b":4,"a-b":3,"":9,"a.b":7}',
    None,
)
BROKEN = (
    '{"a":1',
    '{"a":1} x',
    "{'a':1}",
    '{"a":1,}',
    "[1,]",
    "[,1]",
    '{"a":01}',
    "{a:1}",
    "",
    "garbage",
    "NaN",
)
PATHS = (
    "$",
    "$.a",
    "$.a.b",
    "$.a.b[1]",
    "$.a.b[2].c",
    "$[0]",
    "$.0",
    "$.d",
    "$.a b",
    "$.a-b",
    "$.e",
    "$.missing",
)


@pytest.mark.parametrize("path", PATHS)
def test_reading_parts(warehouse: Warehouse, path: str) -> None:
    rows = [(d,) for d in (*DOCUMENTS, *BROKEN)]
    for function in ("JSON_QUERY", "JSON_VALUE", "JSON_EXTRACT", "JSON_EXTRACT_SCALAR"):
        assert_agrees(warehouse, f"{function}(x, '{path}')", "x STRING", rows)
        values = [(d,) for d in DOCUMENTS]
        assert_agrees(warehouse, f"TO_JSON_STRING({function}(PARSE_JSON(x), '{path}'))", "x STRING", values)
    for function in (
        "JSON_QUERY_ARRAY",
        "JSON_VALUE_ARRAY",
        "JSON_EXTRACT_ARRAY",
        "JSON_EXTRACT_STRING_ARRAY",
    ):
        shown = f"TO_JSON_STRING({function}(x, '{path}'))"
        assert_agrees(warehouse, shown, "x STRING", rows)


@pytest.mark.parametrize(
    "path",
    [
        "a",
        "",
        "$.",
        "$a",
        "$..a",
        "$.a[",
        "$.a[x]",
        "$.*",
        "$.a[*]",
        '$."a"',
        "$['a']",
        "$.a[-1]",
        "$ .a",
        '$."a',
    ],
)
def test_paths_by_dialect(warehouse: Warehouse, path: str) -> None:
    for function in ("JSON_QUERY", "JSON_EXTRACT"):
        assert_agrees(warehouse, f"{function}(x, p)", "x STRING, p STRING", [('{"a":{"x":5}}', path)])


@pytest.mark.parametrize(
    "text",
    [
        '{"b":1,"a":2}', '{"a":1,"a":2}', "1.10", "1e15", "1e14", "0.00001", "-0.0", "18446744073709551615",
        "5e-324", '"\\ud83d\\ude00"', "123456789.123456789123", "18446744073709551616", "1E400", "",
    ],
)  # fmt: skip
def test_parsing(warehouse: Warehouse, text: str) -> None:
    assert_agrees(warehouse, "TO_JSON_STRING(PARSE_JSON(x))", "x STRING", [(text,)])
    rounded = "TO_JSON_STRING(PARSE_JSON(x, wide_number_mode => 'round'))"
    assert_agrees(warehouse, rounded, "x STRING", [(text,)])


SCALARS = (
    '"x"',
    '"1"',
    '"1.5"',
    '"-Infinity"',
    '"0x10"',
    '"TRUE"',
    '""',
    "1",
    "-1.5",
    "2.5",
    "1e30",
    "true",
    "null",
)


@pytest.mark.parametrize(
    "function", ["LAX_INT64", "LAX_FLOAT64", "LAX_BOOL", "LAX_STRING", "JSON_TYPE", "JSON_VALUE"]
)
def test_lax_conversions(warehouse: Warehouse, function: str) -> None:
    rows = [(j,) for j in (*SCALARS, "[1]", '{"a":1}', "9223372036854775808", None)]
    assert_agrees(warehouse, f"{function}(PARSE_JSON(x))", "x STRING", rows)


@pytest.mark.parametrize("function", ["INT64", "FLOAT64", "BOOL", "STRING"])
@pytest.mark.parametrize("document", [*SCALARS, "1.0", "9007199254740993", "[1]", None])
def test_strict_conversions(warehouse: Warehouse, function: str, document: str | None) -> None:
    assert_agrees(warehouse, f"{function}(PARSE_JSON(x))", "x STRING", [(document,)])


@pytest.mark.parametrize(
    "value",
    [
        "n", "n + 0.5", "CAST(n AS NUMERIC) / 3", "CAST(n AS STRING)", "[n, 1]",
        "STRUCT(n AS b, 'x' AS a, n AS b)",
        "DATE_FROM_UNIX_DATE(MOD(n, 1000))", "TIMESTAMP_MICROS(MOD(n, 1000000000))", "n > 1",
        "IEEE_DIVIDE(n, 0)",
        "[STRUCT([n] AS x)]", "STRUCT(STRUCT(n AS y, 1 AS x) AS s)", "MAKE_INTERVAL(1, 2, MOD(n, 100))",
        "DATETIME '2020-01-01 01:02:03.5'", "b'ab\\xff'", "'\\u2028<\\x7f'",
    ],
)  # fmt: skip
def test_values_as_json(warehouse: Warehouse, value: str) -> None:
    rows = [(0,), (5,), (-7,), (9007199254740993,)]
    assert_agrees(warehouse, f"TO_JSON_STRING({value})", "n INT64", rows)
    assert_agrees(warehouse, f"TO_JSON_STRING({value}, true)", "n INT64", rows)
    assert_agrees(warehouse, f"TO_JSON_STRING(TO_JSON({value}))", "n INT64", rows)
    assert_agrees(
        warehouse, f"TO_JSON_STRING(TO_JSON({value}, stringify_wide_numbers => true))", "n INT64", rows
    )


J = "PARSE_JSON(x)"
EDITS = (
    "JSON_SET(J, '$.x', 1)", "JSON_SET(J, '$.a.b[5]', 1)", "JSON_SET(J, '$.a.b[0]', 'q', '$.d', 2)",
    "JSON_SET(J, '$.d.e', 1)", "JSON_SET(J, '$.x.y[2]', [1])",
    "JSON_SET(J, '$.x', 1, create_if_missing => false)",
    "JSON_SET(J, '$', 1)", "JSON_SET(J, CAST(NULL AS STRING), 1)", "JSON_REMOVE(J, '$.a')",
    "JSON_REMOVE(J, '$.a.b[1]', '$.e')", "JSON_REMOVE(J, '$.none')", "JSON_ARRAY_APPEND(J, '$.a.b', 9)",
    "JSON_ARRAY_APPEND(J, '$.d', 9)", "JSON_ARRAY_APPEND(J, '$.e', [1, 2])",
    "JSON_ARRAY_APPEND(J, '$.e', [1, 2], append_each_element => false)",
    "JSON_ARRAY_INSERT(J, '$.a.b[1]', 9)",
    "JSON_ARRAY_INSERT(J, '$.a.b[6]', 9)", "JSON_ARRAY_INSERT(J, '$.d[2]', 9)", "JSON_STRIP_NULLS(J)",
    "JSON_STRIP_NULLS(J, include_arrays => false)", "JSON_STRIP_NULLS(J, remove_empty => true)",
    "JSON_STRIP_NULLS(J, '$.a')", "JSON_KEYS(J)", "JSON_KEYS(J, 1)", "JSON_KEYS(J, mode => 'lax recursive')",
    "JSON_OBJECT('b', J, 'a', 1)", "JSON_OBJECT(['b', 'a', 'b'], [1, 2, 3])", "JSON_ARRAY(J, 1, 'a', NULL)",
    "JSON_FLATTEN(J)", "J.a", "J['a'].b[0]", "J.a.b[9]", "J[0]", "J.none",
)  # fmt: skip


@pytest.mark.parametrize("expression", EDITS)
def test_building_and_changing(warehouse: Warehouse, expression: str) -> None:
    rows = [('{"a":{"b":[1,null,{"c":3}]},"d":null,"e":[]}',), ("[1,[2,null]]",), ("5",), ("null",), (None,)]
    of_column = re.sub(r"\bJ\b", J, expression)
    assert_agrees(warehouse, f"TO_JSON_STRING({of_column})", "x STRING", rows)


@pytest.mark.parametrize(
    "expression",
    [
        "JSON_SET(PARSE_JSON(x), 'x', 1)",
        "JSON_SET(PARSE_JSON(x), '$.a[x]', 1)",
        "JSON_REMOVE(PARSE_JSON(x), '$')",
        "JSON_KEYS(PARSE_JSON(x), 0)",
        "JSON_KEYS(PARSE_JSON(x), mode => 'bad')",
        "JSON_OBJECT(['a'], [1, 2])",
        "JSON_OBJECT(['a', NULL], [1, 2])",
        "PARSE_JSON(x, wide_number_mode => 'x')",
    ],
)
def test_refusals(warehouse: Warehouse, expression: str) -> None:
    assert_agrees(warehouse, f"TO_JSON_STRING({expression})", "x STRING", [('{"a":1}',)])


def test_lax_paths_take_the_other_route(warehouse: Warehouse) -> None:
    expression = """JSON_QUERY(JSON '[{"a":1},{"a":2}]', 'lax $.a')"""
    assert "lax" in route_reason(warehouse, expression)
    assert warehouse.run(f"SELECT {expression}").route is Route.REFERENCE


def test_null_elements_are_kept_inside(warehouse: Warehouse) -> None:
    assert_engine(warehouse, "JSON_VALUE_ARRAY('[1,null]')[OFFSET(1)]", None)
