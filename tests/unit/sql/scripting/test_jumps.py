from __future__ import annotations

import pytest

from bqsim.errors import BigQueryError
from tests.unit.sql.warehouse import Warehouse


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("BREAK", "BREAK without label is only allowed inside of a loop body at [1:1]"),
        ("SELECT 1;\n LEAVE;", "LEAVE without label is only allowed inside of a loop body at [2:2]"),
        ("CONTINUE", "CONTINUE is only allowed inside of a loop body at [1:1]"),
        ("IF TRUE THEN ITERATE; END IF", "ITERATE is only allowed inside of a loop body at [1:14]"),
        ("BREAK x", "Label x does not exist or is out of scope at [1:1]"),
        ("a: LOOP BREAK b; END LOOP a", "Label b does not exist or is out of scope at [1:9]"),
        ("a: LOOP BREAK; END LOOP; LOOP BREAK a; END LOOP", "Label a does not exist or is out of scope"),
        ("LOOP x: BEGIN CONTINUE x; END; END LOOP", "CONTINUE with label must refer to a loop at [1:15]"),
        ("a: LOOP A: LOOP BREAK; END LOOP; END LOOP", "Label A already exists at [1:9]"),
        ("BEGIN SELECT 1; EXCEPTION WHEN ERROR THEN BREAK; END", "BREAK without label is only allowed"),
    ],
)
def test_jumps_that_lead_nowhere(warehouse: Warehouse, sql: str, message: str) -> None:
    with pytest.raises(BigQueryError) as caught:
        warehouse.script(sql)
    assert caught.value.reason.name == "invalidQuery"
    assert caught.value.message.startswith(message)
    assert not warehouse.children, "nothing has run"
    with pytest.raises(BigQueryError) as caught:
        warehouse.scripts.dry_run(sql, warehouse.context(), warehouse.session)
    assert caught.value.message.startswith(message)


@pytest.mark.parametrize(
    "sql",
    [
        "a: LOOP LOOP BREAK A; END LOOP; END LOOP a; SELECT 1",
        "x: BEGIN SELECT 1; BREAK x; SELECT 2; END",
        "x: FOR r IN (SELECT n FROM UNNEST([1, 1]) AS n) DO SELECT r.n; CONTINUE x; SELECT 2; END FOR",
        "WHILE TRUE DO IF TRUE THEN BREAK; END IF; END WHILE; SELECT 1",
        "a: LOOP BREAK; END LOOP; a: LOOP BREAK a; END LOOP; SELECT 1",
    ],
)
def test_jumps_that_lead_somewhere(warehouse: Warehouse, sql: str) -> None:
    results = warehouse.script(sql)
    assert [r.rows.column(0).to_pylist() for r in results if r.rows is not None] == [[1]]


def test_bodies_of_procedures_and_dynamic_sql(warehouse: Warehouse) -> None:
    with pytest.raises(BigQueryError, match="CONTINUE is only allowed inside of a loop body"):
        warehouse.script("CREATE PROCEDURE d.p() BEGIN CONTINUE; END")
    with pytest.raises(BigQueryError) as caught:
        warehouse.script("LOOP EXECUTE IMMEDIATE 'BREAK'; END LOOP")
    assert caught.value.reason.name == "invalidQuery"
