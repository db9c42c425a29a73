from __future__ import annotations

from typing import Any

import pytest

from bqsim.catalog.refs import RoutineRef
from bqsim.errors import BigQueryError
from bqsim.server.rest.routine_ddl import create_statement, type_text

pytestmark = pytest.mark.fidelity("fields:Routine: definition", "exact")

REF = RoutineRef("p-1", "d", "f")


def test_sql_function() -> None:
    body = {
        "arguments": [
            {"name": "x", "dataType": {"typeKind": "INT64"}},
            {"name": "y", "argumentKind": "ANY_TYPE"},
        ],
        "returnType": {"typeKind": "STRING"},
        "definitionBody": "x || y",
    }
    assert create_statement(REF, body, replace=False) == (
        "CREATE FUNCTION `p-1`.`d`.`f`(`x` INT64, `y` ANY TYPE)\nRETURNS STRING\nAS (\nx || y\n)"
    )


def test_javascript_function() -> None:
    body = {
        "language": "JAVASCRIPT",
        "arguments": [{"name": "x", "dataType": {"typeKind": "FLOAT64"}}],
        "returnType": {"typeKind": "FLOAT64"},
        "definitionBody": 'return "\\n" + x;',
        "determinismLevel": "DETERMINISTIC",
        "importedLibraries": ["gs://b/l.js"],
    }
    assert create_statement(REF, body, replace=True) == (
        "CREATE OR REPLACE FUNCTION `p-1`.`d`.`f`(`x` FLOAT64)\nRETURNS FLOAT64\nDETERMINISTIC\nLANGUAGE js\n"
        'OPTIONS (library = ["gs://b/l.js"])\nAS "return \\"\\\\n\\" + x;"'
    )


def test_procedure_and_table_function() -> None:
    argument = {"name": "x", "mode": "INOUT", "dataType": {"typeKind": "INT64"}}
    procedure = {"routineType": "PROCEDURE", "arguments": [argument], "definitionBody": "SET x = 1;"}
    text = create_statement(REF, procedure, replace=False)
    assert text == "CREATE PROCEDURE `p-1`.`d`.`f`(INOUT `x` INT64)\nBEGIN\nSET x = 1;\nEND"
    columns = {"columns": [{"name": "a", "type": {"typeKind": "INT64"}}]}
    table = {
        "routineType": "TABLE_VALUED_FUNCTION",
        "returnTableType": columns,
        "definitionBody": "SELECT 1 AS a",
    }
    assert create_statement(REF, table, replace=False) == (
        "CREATE TABLE FUNCTION `p-1`.`d`.`f`()\nRETURNS TABLE<`a` INT64>\nAS SELECT 1 AS a"
    )


def test_nested_types() -> None:
    struct = {"fields": [{"name": "a", "type": {"typeKind": "INT64"}}, {"type": {"typeKind": "DATE"}}]}
    array = {"typeKind": "ARRAY", "arrayElementType": {"typeKind": "STRUCT", "structType": struct}}
    assert type_text(array) == "ARRAY<STRUCT<`a` INT64, DATE>>"
    assert type_text({"typeKind": "RANGE", "rangeElementType": {"typeKind": "DATE"}}) == "RANGE<DATE>"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"definitionBody": "1", "routineType": "OTHER"},
        {"definitionBody": "1", "arguments": [{"name": "x` INT64) AS (1); --"}]},
        {"definitionBody": "1", "arguments": [{"name": "x", "dataType": {"typeKind": "INT64>"}}]},
        {"definitionBody": "1", "arguments": [{"name": "x", "dataType": {"typeKind": "ARRAY"}}]},
        {"definitionBody": "1", "language": "js AS 'x'"},
        {"definitionBody": "1", "returnTableType": {"columns": [5]}},
        {
            "definitionBody": "1",
            "returnType": {"typeKind": "STRUCT", "structType": {"fields": [{"name": "a b"}]}},
        },
    ],
)
def test_bad_descriptions_are_400(body: dict[str, Any]) -> None:
    with pytest.raises(BigQueryError) as caught:
        create_statement(REF, body, replace=False)
    assert caught.value.http == 400
