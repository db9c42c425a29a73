from __future__ import annotations

import pytest

from bqsim.catalog.refs import RoutineRef
from bqsim.sql.statements.routines import standard_sql_type, type_from_standard_sql
from bqsim.types import DATE, INT64, STRING, Type, array_of, range_of, struct_of
from tests.unit.sql.warehouse import Warehouse

pytestmark = [
    pytest.mark.fidelity(
        "statement:CREATE FUNCTION", "exact", tests="test_create_function* test_create_modes"
    ),
    pytest.mark.fidelity("statement:CREATE TABLE FUNCTION", "exact", tests="test_table_function"),
    pytest.mark.fidelity("statement:CREATE PROCEDURE", "exact", tests="test_procedure"),
    pytest.mark.fidelity(
        "statement:DROP FUNCTION, statement:DROP TABLE FUNCTION, statement:DROP PROCEDURE",
        "exact",
        tests="test_drop",
    ),
    pytest.mark.fidelity("sql:functions in SQL", "exact"),
]

F = RoutineRef("p", "d", "f")


def test_create_function_stores_the_resource(warehouse: Warehouse) -> None:
    sql = "CREATE FUNCTION f(x INT64, y ANY TYPE) AS (CAST(x AS STRING) || y)"
    result = warehouse.run(sql)
    assert (result.statement_type, result.ddl_operation, result.ddl_target_routine) == (
        "CREATE_FUNCTION",
        "CREATE",
        F,
    )
    routine = warehouse.catalog.routine(F)
    assert routine.ddl == sql
    assert routine.body == {
        "routineType": "SCALAR_FUNCTION",
        "language": "SQL",
        "arguments": [
            {"name": "x", "argumentKind": "FIXED_TYPE", "dataType": {"typeKind": "INT64"}},
            {"name": "y", "argumentKind": "ANY_TYPE"},
        ],
        "definitionBody": "CAST(x AS STRING) || y",
    }
    assert warehouse.rows("SELECT f(1, 'b')") == [["1b"]]


def test_create_modes(warehouse: Warehouse) -> None:
    warehouse.run("CREATE FUNCTION f(x INT64) RETURNS INT64 AS (x + 1)")
    assert warehouse.error("CREATE FUNCTION f() AS (1)") == "Already Exists: Routine p:d.f"
    assert warehouse.run("CREATE FUNCTION IF NOT EXISTS f() AS (1)").ddl_operation == "SKIP"
    created = warehouse.catalog.routine(F).created_ms
    assert warehouse.run("CREATE OR REPLACE FUNCTION f(x INT64) AS (x + 2)").ddl_operation == "REPLACE"
    assert warehouse.catalog.routine(F).created_ms == created
    assert warehouse.rows("SELECT f(1)") == [[3]]


def test_table_function(warehouse: Warehouse) -> None:
    result = warehouse.run(
        "CREATE TABLE FUNCTION f(n INT64) RETURNS TABLE<x INT64> AS SELECT v AS x FROM UNNEST([n]) v"
    )
    assert result.statement_type == "CREATE_TABLE_FUNCTION"
    body = warehouse.catalog.routine(F).body
    assert body["routineType"] == "TABLE_VALUED_FUNCTION"
    assert body["returnTableType"] == {"columns": [{"name": "x", "type": {"typeKind": "INT64"}}]}
    assert warehouse.rows("SELECT x FROM f(4)") == [[4]]
    assert warehouse.run("DROP TABLE FUNCTION f").statement_type == "DROP_TABLE_FUNCTION"


def test_procedure(warehouse: Warehouse) -> None:
    warehouse.run("CREATE PROCEDURE f(x INT64, OUT y STRING, INOUT z DATE) BEGIN SET y = 'a'; END")
    body = warehouse.catalog.routine(F).body
    assert [a["mode"] for a in body["arguments"]] == ["IN", "OUT", "INOUT"]
    assert body["definitionBody"] == "BEGIN SET y = 'a'; END"
    assert warehouse.run("DROP PROCEDURE f").statement_type == "DROP_PROCEDURE"


def test_drop(warehouse: Warehouse) -> None:
    warehouse.run("CREATE FUNCTION f() AS (1)")
    assert warehouse.error("DROP PROCEDURE f") == "Not found: Routine p:d.f"
    assert warehouse.run("DROP FUNCTION f").ddl_operation == "DROP"
    assert warehouse.run("DROP FUNCTION IF EXISTS f").ddl_operation == "SKIP"
    assert warehouse.error("DROP FUNCTION f") == "Not found: Routine p:d.f"


def test_temporary_functions_stay_in_the_context(warehouse: Warehouse) -> None:
    functions: dict[str, str] = {}
    warehouse.run("CREATE TEMP FUNCTION f(x INT64) AS (x * 2)", temp_functions=functions)
    assert list(functions) == ["f"]
    assert warehouse.catalog.find_routine(F) is None
    assert warehouse.rows("SELECT f(4)", temp_functions=functions) == [[8]]


def test_a_statement_after_temporary_functions_sees_them(warehouse: Warehouse) -> None:
    result = warehouse.run("CREATE TEMP FUNCTION f(x INT64) AS (x * 2);\nSELECT f(4) AS n")
    assert result.statement_type == "SELECT"
    assert result.rows is not None
    assert result.rows.column(0).to_pylist() == [8]


@pytest.mark.parametrize(
    "type_",
    [
        INT64,
        array_of(STRING),
        range_of(DATE),
        struct_of(("a", INT64), ("b", array_of(struct_of(("c", STRING))))),
    ],
    ids=str,
)
def test_standard_sql_types_round_trip(type_: Type) -> None:
    assert type_from_standard_sql(standard_sql_type(type_)) == type_


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        (
            "CREATE PROCEDURE p()\nBEGIN\n  SELECT * FROM nope;\nEND",
            "Not found: Table p:d.nope was not found in location US",
        ),
        (
            "CREATE PROCEDURE p()\nBEGIN\n  SELECT nope;\nEND",
            "Query error: Unrecognized name: nope at [3:10]",
        ),
        (
            "CREATE PROCEDURE p(x INT64) OPTIONS (strict_mode=TRUE)\nBEGIN\n  DECLARE y INT64; SET y=z; END",
            "Query error: Unrecognized name: z at [3:26]",
        ),
    ],
)
def test_the_body_of_a_procedure_is_checked(warehouse: Warehouse, sql: str, message: str) -> None:
    assert warehouse.script_error(sql) == message


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE PROCEDURE p() OPTIONS (strict_mode=FALSE) BEGIN SELECT * FROM nope; END",
        "CREATE PROCEDURE p(x INT64, OUT y STRING) BEGIN SET y = CAST(x AS STRING); END",
        "CREATE PROCEDURE p(x INT64) BEGIN CREATE TEMP TABLE k AS SELECT x AS a; SELECT a FROM k; END",
        "CREATE PROCEDURE p(x INT64) BEGIN IF x > 0 THEN CALL p(x - 1); END IF; END",
        "CREATE PROCEDURE p(x ANY TYPE) BEGIN SELECT x; END",
        "CREATE PROCEDURE p() BEGIN END",
    ],
)
def test_what_strict_mode_lets_be(warehouse: Warehouse, sql: str) -> None:
    warehouse.script(sql)
