from __future__ import annotations

import pytest

from bqsim.catalog.refs import TableRef
from bqsim.errors import BigQueryError
from tests.unit.sql.warehouse import Warehouse


def dry(w: Warehouse, sql: str) -> int:
    result = w.scripts.dry_run(sql, w.context(), w.session)
    assert result.statement_type == "SCRIPT"
    return result.bytes_processed


def test_bytes_of_the_statements_up_to_the_first_definition(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE t AS SELECT 1 AS a, 2 AS b")
    select = "SELECT a FROM t"
    assert dry(warehouse, f"{select}; {select}") == 16
    assert dry(warehouse, f"DECLARE x INT64 DEFAULT 1; SET x = 2; DELETE t WHERE a = x; {select}") == 24
    assert dry(warehouse, f"{select}; CREATE TABLE u AS {select}; SELECT * FROM u") == 16
    assert dry(warehouse, f"{select}; IF TRUE THEN {select}; END IF; {select}") == 8
    assert warehouse.catalog.find_table(TableRef("p", "d", "u")) is None
    assert warehouse.rows("SELECT COUNT(*) FROM t") == [[1]]


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT 1; SELECT nope", "Unrecognized name: nope at [1:18]"),
        ("DECLARE x INT64; SET x = y", "Unrecognized name: y at [1:26]"),
        ("DECLARE x DEFAULT 'a'; SELECT x + 1", "No matching signature for operator +"),
    ],
)
def test_errors_are_those_of_a_run(warehouse: Warehouse, sql: str, message: str) -> None:
    with pytest.raises(BigQueryError) as caught:
        dry(warehouse, sql)
    assert caught.value.message.startswith(message)


def test_the_context_is_left_alone(warehouse: Warehouse) -> None:
    ctx = warehouse.context()
    script = "DECLARE x INT64; CREATE TEMP FUNCTION f() AS (1); SELECT f() + x"
    warehouse.scripts.dry_run(script, ctx, warehouse.session)
    assert (ctx.variables, ctx.temp_functions) == ({}, {})
