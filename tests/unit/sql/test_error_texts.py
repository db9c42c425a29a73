"""What fails while it runs: the service's words, no position, and nothing of the engine's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bqsim.errors import BigQueryError
from tests.unit.sql.warehouse import Warehouse

RUN_TIME: list[tuple[str, str]] = [
    (sql, message)
    for sql, message in json.loads(Path(__file__).with_name("run_time_errors.json").read_text())
]


@pytest.mark.parametrize(("sql", "message"), RUN_TIME, ids=[sql for sql, _ in RUN_TIME])
def test_run_time(warehouse: Warehouse, sql: str, message: str) -> None:
    with pytest.raises(BigQueryError) as caught:
        warehouse.run(sql)
    error = caught.value
    assert (error.message, error.reason.name, error.location) == (message, "invalidQuery", "query")


@pytest.mark.parametrize("source", ["t.a", "s.a"])
@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE d.t AS t SET a = 2 FROM d.t AS s WHERE t.a = {}",
        "MERGE d.t AS t USING d.t AS s ON s.a = {} WHEN MATCHED THEN UPDATE SET a = 2",
    ],
)
def test_a_row_with_two_sources(warehouse: Warehouse, sql: str, source: str) -> None:
    warehouse.run("CREATE TABLE d.t AS SELECT 1 AS a UNION ALL SELECT 1")
    expected = "UPDATE/MERGE must match at most one source row for each target row"
    assert warehouse.error(sql.format(source)) == expected


POSITIONS: list[tuple[str, str]] = [
    ("SELECT 1;\nSELECT foo;", "Query error: Unrecognized name: foo at [2:8]"),
    ("BEGIN\n  SELECT 1;\n  SELECT foo;\nEND", "Query error: Unrecognized name: foo at [3:10]"),
    ("DECLARE x INT64;\nSET x = foo;", "Query error: Unrecognized name: foo at [2:9]"),
    ("IF TRUE THEN\n  SELECT foo;\nEND IF", "Query error: Unrecognized name: foo at [2:10]"),
    ("WHILE foo DO SELECT 1; END WHILE", "Query error: Unrecognized name: foo at [1:7]"),
    (
        "FOR r IN (SELECT 1 AS a) DO\n SELECT r.b;\nEND FOR",
        "Query error: Field name b does not exist in STRUCT<a INT64> at [2:11]",
    ),
    ("SELECT 1;\nSELECT 1/0;", "Query error: division by zero: 1 / 0 at [2:1]"),
    ("SELECT 1;\nSELEC 2", 'Syntax error: Unexpected identifier "SELEC" at [2:1]'),
    ("RAISE USING MESSAGE = 'm'", "Query error: m at [1:1]"),
    ("SET x = 1", "Query error: Undeclared variable: x at [1:5]"),
    ("SELECT 1;\nSELECT `a.b`.c, 2 FROM UNNEST([1])", "Query error: Unrecognized name: `a.b` at [2:8]"),
    (
        "EXECUTE IMMEDIATE 'SELEC 1'",
        "Query error: Invalid EXECUTE IMMEDIATE sql string `SELEC 1`, Syntax error: Unexpected identifier "
        '"SELEC" at [1:1] at [1:19]',
    ),
    (
        "BEGIN SELECT 1/0; EXCEPTION WHEN ERROR THEN RAISE; END",
        "Query error: division by zero: 1 / 0 at [1:7]",
    ),
]


@pytest.mark.parametrize(("sql", "message"), POSITIONS, ids=[sql for sql, _ in POSITIONS])
def test_positions_in_scripts(warehouse: Warehouse, sql: str, message: str) -> None:
    assert warehouse.script_error(sql) == message


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("CREATE FUNCTION d.f() AS (foo)", "Unrecognized name: foo at [1:27]"),
        ("CREATE VIEW d.v AS\nSELECT foo", "Unrecognized name: foo at [2:8]"),
        ("CREATE TABLE FUNCTION d.f() AS SELECT foo", "Unrecognized name: foo at [1:39]"),
        ("SELECT `p.d.t`.a, 1 FROM UNNEST([1])", "Unrecognized name: `p.d.t` at [1:8]"),
        ("SELECT 1 FROM `p`.`d.t`, UNNEST([1]) WHERE foo", "Unrecognized name: foo at [1:44]"),
    ],
)
def test_positions_in_bodies_and_after_split_names(warehouse: Warehouse, sql: str, message: str) -> None:
    warehouse.run("CREATE TABLE d.t (a INT64)")
    assert warehouse.error(sql) == message


@pytest.mark.parametrize("name", ["INT", "SMALLINT", "INTEGER", "BIGINT", "TINYINT", "BYTEINT", "bigint"])
def test_other_names_of_int64(warehouse: Warehouse, name: str) -> None:
    assert warehouse.rows(f"SELECT CAST('7' AS {name}), ARRAY<{name}>[1]") == [[7, [1]]]
    warehouse.run(f"CREATE TABLE d.n (a {name} NOT NULL, b STRUCT<c ARRAY<{name}>>)")
    assert [str(f.type) for f in warehouse.table("n").fields] == ["INT64", "STRUCT<c ARRAY<INT64>>"]
    warehouse.run(f"CREATE FUNCTION d.f(x {name}) RETURNS {name} AS (x + 1)")
    assert warehouse.rows("SELECT d.f(1)") == [[2]]
    assert warehouse.script_rows(f"DECLARE x {name} DEFAULT 3; SELECT x") == [[3]]
