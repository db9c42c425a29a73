from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal
from typing import Any

import pytest

from bqsim.engine.external import javascript
from bqsim.errors import BigQueryError
from tests.unit.sql.warehouse import Warehouse

pytestmark = [
    pytest.mark.fidelity(
        "sql:functions in JavaScript",
        "approximated",
        "Local times of Date are UTC, Date.now() is the statement's time; modules cannot be imported.",
    ),
]

UTC = dt.UTC
ORDER = "STRUCT<a INT64, b STRING, c ARRAY<STRUCT<d BYTES>>>"
RESULT = "STRUCT<a INT64, b STRING, c ARRAY<STRUCT<d BYTES>>, e BIGNUMERIC, f FLOAT64, g TIMESTAMP, h JSON>"


def call(warehouse: Warehouse, arguments: str, returns: str, body: str, given: str) -> Any:
    """The value of a call of a temporary function."""
    create = f'CREATE TEMP FUNCTION f({arguments}) RETURNS {returns} LANGUAGE js AS r"""{body}"""'
    return warehouse.rows(f"{create}; SELECT f({given})")[0][0]


@pytest.mark.parametrize(
    ("arguments", "returns", "body", "given", "value"),
    [
        ("x INT64", "INT64", "return x * 2", "21", 42),
        ("x INT64", "INT64", "return x > 0 ? x : null", "0", None),
        ("x INT64", "INT64", "if (x) return 1", "0", None),
        ("x INT64", "STRING", "return typeof x", "9007199254740992", "number"),
        ("x INT64", "STRING", "return typeof x + x", "9223372036854775807", "string9223372036854775807"),
        ("x STRING", "INT64", "return x", "'9223372036854775807'", 9223372036854775807),
        ("", "INT64", "return -9223372036854775808n", "", -9223372036854775808),
        ("", "INT64", "return 1e15 + 0.5", "", 10**15),
        ("x FLOAT64", "FLOAT64", "return x / 0", "1", math.inf),
        ("x FLOAT64", "STRING", "return typeof x + x", "CAST('-inf' AS FLOAT64)", "number-Infinity"),
        ("x FLOAT64", "BOOL", "return x !== x", "CAST('nan' AS FLOAT64)", True),
        ("", "FLOAT64", "return '1.5'", "", 1.5),
        ("x NUMERIC", "STRING", "return typeof x + x", "3", "number3"),
        ("x NUMERIC", "STRING", "return typeof x + x", "1.50", "string1.5"),
        ("x BIGNUMERIC", "BIGNUMERIC", "return x", "BIGNUMERIC '1e30'", Decimal(10) ** 30),
        ("", "NUMERIC", "return 1 / 3", "", Decimal("0.333333333")),
        ("x BOOL", "BOOL", "return !x", "TRUE", False),
        ("x STRING", "STRING", "return x.split('').reverse().join('')", "'abc'", "cba"),
        ("", "STRING", "return {a: 1}", "", "[object Object]"),
        ("", "STRING", "return '\\ud800'", "", "\ufffd"),
        ("x BYTES", "STRING", "return x", "b'\\x00abc'", "AGFiYw=="),
        ("x BYTES", "BYTES", "return x", "b'\\x00abc'", b"\x00abc"),
        ("x DATE", "STRING", "return x.toISOString()", "DATE '2020-01-02'", "2020-01-02T00:00:00.000Z"),
        ("x DATE", "DATE", "x.setDate(x.getDate() + 1); return x", "'2020-12-31'", dt.date(2021, 1, 1)),
        ("", "DATE", "return '2020-01-02'", "", dt.date(2020, 1, 2)),
        (
            "x TIMESTAMP",
            "TIMESTAMP",
            "return x",
            "'2020-01-02 00:00:00.123456'",
            dt.datetime(2020, 1, 2, 0, 0, 0, 123456, UTC),
        ),
        (
            "x TIMESTAMP",
            "STRING",
            "return x.getTime() + ' ' + x.microsecond",
            "'1969-12-31 23:59:59.999999'",
            "-1 999",
        ),
        ("x JSON", "JSON", "x.b = [x.a, null]; return x", "JSON '{\"a\": 1}'", '{"a":1,"b":[1,null]}'),
        ("xs ARRAY<INT64>", "ARRAY<INT64>", "return xs.map(x => x * 2)", "[1, 2, 3]", [2, 4, 6]),
        ("xs ARRAY<INT64>", "INT64", "return xs === null ? -1 : xs.length", "NULL", -1),
        ("", "ARRAY<STRING>", "return []", "", []),
        ("x STRUCT<a INT64, b STRING>", "STRING", "return x.a + x.b", "(1, 'x')", "1x"),
        ("", "STRUCT<a INT64, b STRING>", "return {b: 'x', c: 1}", "", [None, "x"]),
        ("x INT64", "STRING", "'use strict'; return typeof this + arguments.length", "1", "undefined1"),
        ("", "STRING", "return typeof require + typeof process + typeof fetch", "", "undefined" * 3),
        ("", "BOOL", "return Date.now() === new Date().getTime() && new Date() instanceof Date", "", True),
        ("", "BOOL", "const x = Math.random(); return x >= 0 && x < 1", "", True),
    ],
)
def test_values(
    warehouse: Warehouse, arguments: str, returns: str, body: str, given: str, value: object
) -> None:
    assert call(warehouse, arguments, returns, body, given) == value


def test_nested_values(warehouse: Warehouse) -> None:
    body = "if (!x) return x; x.e = '1.5'; x.f = -Infinity; x.g = new Date(0); x.h = [1]; return x"
    value = call(warehouse, f"x {ORDER}", RESULT, body, f"CAST((1, 'x', [STRUCT(b'abc')]) AS {ORDER})")
    assert value == [
        1,
        "x",
        [[b"abc"]],
        Decimal("1.5"),
        -math.inf,
        dt.datetime(1970, 1, 1, tzinfo=UTC),
        "[1]",
    ]
    assert call(warehouse, f"x {ORDER}", RESULT, body, "NULL") is None


@pytest.mark.parametrize(
    ("arguments", "returns", "body", "given", "message"),
    [
        ("x INT64", "INT64", "throw new Error('boom')", "1", "Error: boom at f(INT64) line 1, column 1"),
        (
            "x INT64",
            "INT64",
            "\n  throw new Error('a\\nb')",
            "1",
            "Error: a\nb at f(INT64) line 2, columns 2-3",
        ),
        ("", "INT64", "throw 'plain'", "", "plain at f() line 1, column 1"),
        (
            "x ARRAY<STRING>, y FLOAT64",
            "STRING",
            "let y1;\nreturn y1.z",
            "[], 1",
            "TypeError: Cannot read properties of undefined (reading 'z') at f(ARRAY<STRING>, FLOAT64)"
            " line 2, columns 10-11",
        ),
        ("", "STRING", "return +", "", "SyntaxError: Unexpected token '}' at f() line 2, column 1"),
        ("", "INT64", "return 'a'", "", 'Failed to coerce output value "a" to type INT64 at f()'),
        ("", "INT64", "return NaN", "", "Failed to coerce output value NaN to type INT64 at f()"),
        ("", "INT64", "return [1]", "", "Failed to coerce output value [1] to type INT64 at f()"),
        (
            "",
            "INT64",
            "return '99999999999999999999'",
            "",
            'Failed to coerce output value "99999999999999999999" to type INT64 at f()',
        ),
        ("", "DATE", "return 'x'", "", 'Failed to coerce output value "x" to type DATE at f()'),
        ("", "BYTES", "return '!'", "", 'Failed to coerce output value "!" to type BYTES at f()'),
        (
            "",
            "ARRAY<INT64>",
            "return 5",
            "",
            "Failed to coerce output value 5 to type ARRAY<INT64> at f()",
        ),
        (
            "",
            "STRUCT<a INT64>",
            "return 5",
            "",
            "Failed to coerce output value 5 to type STRUCT<a INT64> at f()",
        ),
        (
            "",
            "ARRAY<INT64>",
            "return [1, null]",
            "",
            "Array cannot have a null element; error in writing field f0_",
        ),
    ],
)
def test_failures(
    warehouse: Warehouse, arguments: str, returns: str, body: str, given: str, message: str
) -> None:
    with pytest.raises(BigQueryError) as caught:
        call(warehouse, arguments, returns, body, given)
    assert caught.value.message == message


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("while (true);", javascript.TIMED_OUT),
        ("/(a+)+b/.test('a'.repeat(50)); return 1", javascript.TIMED_OUT),
        ("const a = []; while (true) a.push(new Array(1e5).fill(1.5))", javascript.OUT_OF_MEMORY),
    ],
)
def test_time_and_memory_are_bounded(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, body: str, message: str
) -> None:
    monkeypatch.setattr(javascript.LIMITS, "timeout_s", 2.0 if message == javascript.TIMED_OUT else 60.0)
    monkeypatch.setattr(javascript.LIMITS, "memory", 64 * 1024 * 1024)
    with pytest.raises(BigQueryError) as caught:
        call(warehouse, "", "INT64", body, "")
    assert (caught.value.reason.name, caught.value.message) == ("resourcesExceeded", message)
    assert call(warehouse, "", "INT64", "return 7", "") == 7


def test_persistent_functions(warehouse: Warehouse) -> None:
    warehouse.run("CREATE FUNCTION d.up(s STRING) RETURNS STRING LANGUAGE js AS 'return s.toUpperCase()'")
    warehouse.run("CREATE FUNCTION d.loud(s STRING) AS (d.up(CONCAT(s, '!')))")
    warehouse.run("CREATE VIEW d.v AS SELECT `p.d.up`(x) AS y FROM UNNEST(['a', 'b']) AS x")
    assert warehouse.rows("SELECT y FROM d.v WHERE d.up(y) = 'B'") == [["B"]]
    assert warehouse.rows("SELECT d.loud('h'), p.d.up(d.up('x')), SAFE.d.up(NULL)") == [["H!", "X", None]]
    warehouse.run("CREATE TABLE d.t AS SELECT d.up('q') AS s")
    warehouse.run("UPDATE d.t SET s = d.up(CONCAT(s, 'z')) WHERE d.up(s) = 'Q'")
    assert warehouse.rows("SELECT s FROM d.t") == [["QZ"]]
    cannot = "TypeError: Cannot read properties of null (reading 'toUpperCase')"
    assert warehouse.error("SELECT d.up(NULL)") == f"{cannot} at UDF$1(STRING) line 1, columns 9-10"
    assert warehouse.error("SELECT d.up(1)").startswith("No matching signature for function d.up")


def test_many_rows(warehouse: Warehouse) -> None:
    create = "CREATE TEMP FUNCTION f(x INT64) RETURNS INT64 LANGUAGE js AS 'return x + 1'"
    sql = f"{create}; SELECT SUM(f(x)), COUNT(*) FROM UNNEST(GENERATE_ARRAY(1, 10000)) AS x"
    assert warehouse.rows(sql) == [[50_015_000, 10_000]]


def test_libraries(warehouse: Warehouse) -> None:
    objects = warehouse.executor.objects
    if objects.find_bucket("libraries") is None:
        objects.create_bucket("libraries")
    objects.put("gs://libraries/tens.js", "function tens(x) { return x * 10; }")
    options = "OPTIONS (library=['{0}'])"
    create = f"CREATE TEMP FUNCTION f(x INT64) RETURNS INT64 LANGUAGE js {options} AS 'return tens(x)'"
    assert warehouse.rows(create.format("gs://libraries/tens.js") + "; SELECT f(4)") == [[40]]
    assert "none.js" in warehouse.error(create.format("gs://libraries/none.js") + "; SELECT f(4)")


AVERAGE = """CREATE TEMP AGGREGATE FUNCTION weighted(x FLOAT64, w INT64, unit STRING NOT AGGREGATE)
RETURNS STRING LANGUAGE js AS r'''
  export function initialState(unit) { return {sum: 0, count: 0n}; }
  export function aggregate(state, x, w) {
    if (x === null) return;
    state.sum += x * Number(w);
    state.count += w;
  }
  export function merge(state, other) { state.sum += other.sum; state.count += other.count; }
  export function finalize(state, unit) { return state.sum / Number(state.count) + unit; }
'''"""


def test_aggregate_functions(warehouse: Warehouse) -> None:
    rows = "UNNEST([STRUCT('a' AS k, 1.0 AS x, 1 AS w), ('a', 4.0, 2), ('b', 5.0, 1), ('b', NULL, 1)])"
    assert warehouse.rows(f"{AVERAGE}; SELECT k, weighted(x, w, 'kg') FROM {rows} GROUP BY k ORDER BY k") == [
        ["a", "3kg"],
        ["b", "5kg"],
    ]
    assert warehouse.rows(f"{AVERAGE}; SELECT weighted(x, w, 'm') FROM {rows} WHERE FALSE") == [["NaNm"]]


def test_an_aggregate_function_must_export_its_parts(warehouse: Warehouse) -> None:
    create = "CREATE TEMP AGGREGATE FUNCTION f(x INT64) RETURNS INT64 LANGUAGE js AS 'let y = 1'"
    assert "TypeError: initialState is not exported as a function" in warehouse.error(
        f"{create}; SELECT f(x) FROM UNNEST([1]) AS x"
    )


def test_determinism_decides_about_the_cache(warehouse: Warehouse) -> None:
    plan = []
    for name, words in (("a", "DETERMINISTIC"), ("b", "NOT DETERMINISTIC"), ("c", "")):
        warehouse.run(f"CREATE FUNCTION d.{name}() RETURNS INT64 {words} LANGUAGE js AS 'return 1'")
        result = warehouse.run(f"SELECT d.{name}()")
        assert result.plan is not None
        plan.append(result.plan.deterministic)
    assert plan == [True, False, False]
