from __future__ import annotations

import pytest

from bqsim.errors import BigQueryError
from bqsim.sql.scripting.checks import check_script
from tests.unit.sql.warehouse import Warehouse

START = "Variable declarations are allowed only at the start of a block or script"


@pytest.mark.parametrize(
    "script",
    [
        "DECLARE x INT64; DECLARE y DEFAULT x; SELECT 1",
        "BEGIN DECLARE x INT64; END; BEGIN DECLARE x STRING; END",
        "BEGIN DECLARE x INT64; EXCEPTION WHEN ERROR THEN BEGIN DECLARE x INT64; END; END",
        "FOR r IN (SELECT 1) DO SELECT 1; END FOR; FOR r IN (SELECT 1) DO SELECT 1; END FOR",
        "BEGIN SELECT 1; EXCEPTION WHEN ERROR THEN IF TRUE THEN RAISE; END IF; END",
        "RAISE USING MESSAGE = 'x'",
        "BEGIN " * 50 + "SELECT 1;" + "END;" * 50,
    ],
)
def test_what_may_run(warehouse: Warehouse, script: str) -> None:
    check_script(warehouse.googlesql.parse_script(script))


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("DECLARE a, A INT64", "Variable 'A' redeclaration at [1:12]; A previously declared here at [1:9]"),
        (
            "DECLARE a INT64;\nIF TRUE THEN BEGIN DECLARE a INT64; END; END IF",
            "Variable 'a' redeclaration at [2:28]; a previously declared here at [1:9]",
        ),
        (
            "FOR r IN (SELECT 1) DO FOR r IN (SELECT 2) DO SELECT 1; END FOR; END FOR",
            "Variable 'r' redeclaration at [1:28]; r previously declared here at [1:5]",
        ),
        ("DECLARE given INT64; SELECT 1", "Variable 'given' previously declared as an argument at [1:9]"),
        ("BEGIN SELECT 1; DECLARE x INT64; END", f"{START} at [1:17]"),
        ("LOOP DECLARE x INT64; END LOOP", f"{START} at [1:6]"),
        (
            "BEGIN RAISE; EXCEPTION WHEN ERROR THEN SELECT 1; END",
            "Cannot re-raise an existing exception outside of an exception handler at [1:7]",
        ),
    ],
)
def test_what_may_not(warehouse: Warehouse, script: str, message: str) -> None:
    nodes = warehouse.googlesql.parse_script(script)
    with pytest.raises(BigQueryError) as caught:
        check_script(nodes, ["GIVEN"])
    assert caught.value.message == message
