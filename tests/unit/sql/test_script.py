from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from bqsim.catalog.refs import DatasetRef, TableRef
from bqsim.engine.protocol import Interrupted
from bqsim.errors import BigQueryError
from bqsim.types import INT64
from tests.unit.sql.warehouse import Warehouse, typed, values_of

pytestmark = [
    pytest.mark.fidelity("statement:DECLARE, statement:SET", "exact", tests="test_variables*"),
    pytest.mark.fidelity(
        "statement:IF, statement:CASE, statement:LOOP, statement:WHILE, statement:REPEAT",
        "exact",
        tests="test_control_flow",
    ),
    pytest.mark.fidelity(
        "statement:FOR, statement:BREAK, statement:CONTINUE, statement:RETURN",
        "exact",
        tests="test_control_flow",
    ),
    pytest.mark.fidelity(
        "statement:BEGIN, statement:EXCEPTION", "exact", tests="test_exceptions_* test_variables_of_a_block*"
    ),
    pytest.mark.fidelity("statement:RAISE", "exact", tests="test_raise_*"),
    pytest.mark.fidelity("statement:CALL", "exact", tests="test_procedures*"),
    pytest.mark.fidelity("statement:EXECUTE IMMEDIATE", "exact", tests="test_execute_*"),
]


@pytest.mark.parametrize(
    ("sql", "script"),
    [
        ("SELECT 1", False),
        ("SELECT 1; ", False),
        ("SELECT ';'", False),
        ("SELECT 1; SELECT 2", True),
        ("DECLARE x INT64", True),
        ("BEGIN SELECT 1; END", True),
        ("CREATE TEMP FUNCTION f() AS (1); SELECT f()", False),
        ("CREATE TEMP FUNCTION f() AS (1); SELECT f(); SELECT f()", True),
        ("CREATE OR REPLACE PROCEDURE d.p() BEGIN END", True),
    ],
)
def test_is_script(warehouse: Warehouse, sql: str, script: bool) -> None:
    assert warehouse.scripts.is_script(sql) is script


def test_statements_are_reported_with_their_places(warehouse: Warehouse) -> None:
    results = warehouse.script("SELECT 1 AS a;\n  SELECT 'x' AS b;")
    assert [r.statement_type for r in results] == ["SELECT", "SELECT"]
    assert values_of(results[-1]) == [["x"]]
    first, second = warehouse.children
    assert (first.text, first.line, first.column, first.evaluation_kind) == (
        "SELECT 1 AS a",
        1,
        1,
        "STATEMENT",
    )
    assert (second.text, second.line, second.column) == ("SELECT 'x' AS b", 2, 3)
    assert second.result is results[-1]
    assert results[0].rows is None
    assert first.result is not None
    assert values_of(first.result) == [[1]]
    assert first.started_us <= first.ended_us <= second.started_us


def test_expressions_are_reported_when_they_read_tables(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE t AS SELECT 1 AS a")
    warehouse.script(
        "DECLARE n INT64 DEFAULT 1 + 1; SET n = (SELECT COUNT(*) FROM t); IF n > 0 THEN SELECT n; END IF"
    )
    assert [(c.evaluation_kind, c.text) for c in warehouse.children] == [
        ("EXPRESSION", "(SELECT COUNT(*) FROM t)"),
        ("STATEMENT", "SELECT n"),
    ]


@pytest.mark.parametrize(
    ("script", "rows"),
    [
        ("DECLARE x INT64; SELECT x", [[None]]),
        ("DECLARE x, y INT64 DEFAULT 3; SELECT x + y", [[6]]),
        ("DECLARE x DEFAULT 'a'; SET x = CONCAT(x, 'b'); SELECT x", [["ab"]]),
        ("DECLARE n NUMERIC DEFAULT 5; SELECT n", [[Decimal(5)]]),
        ("DECLARE d DATE DEFAULT '2020-01-02'; SELECT d", [[dt.date(2020, 1, 2)]]),
        ("DECLARE a ARRAY<STRING> DEFAULT ['x']; SET a = []; SELECT ARRAY_LENGTH(a)", [[0]]),
        ("DECLARE s STRUCT<a INT64, b STRING> DEFAULT (1, 'x'); SELECT s.b, s", [["x", [1, "x"]]]),
        ("DECLARE a, b INT64; SET (a, b) = (1, 2); SELECT a, b", [[1, 2]]),
        ("DECLARE X INT64 DEFAULT 1; SELECT x", [[1]]),
        ("DECLARE f FLOAT64; SET f = 1; SELECT f", [[1.0]]),
        ("DECLARE n NUMERIC(3, 1) DEFAULT 1.26; SET n = n + 0.06; SELECT n", [[Decimal("1.4")]]),
        ("DECLARE a, b INT64 DEFAULT 1; SET (a, b) = NULL; SELECT a, b", [[None, None]]),
        ("DECLARE a, b INT64; SET (a, b) = (SELECT AS STRUCT 1 AS x, 2 AS y); SELECT a, b", [[1, 2]]),
        ("DECLARE a FLOAT64; DECLARE b STRING; SET (a, b) = (1, 'x'); SELECT a, b", [[1.0, "x"]]),
    ],
)
def test_variables(warehouse: Warehouse, script: str, rows: list[list[object]]) -> None:
    assert warehouse.script_rows(script) == rows


@pytest.mark.parametrize(
    ("script", "message"),
    [
        (
            "DECLARE x INT64 DEFAULT 'a'",
            "Query error: Cannot coerce expression 'a' of type STRING to type INT64 at [1:25]",
        ),
        (
            "DECLARE x INT64; SET x = 1.5",
            "Query error: Cannot coerce expression 1.5 of type FLOAT64 to type INT64 at [1:26]",
        ),
        ("SET x = 1", "Query error: Undeclared variable: x at [1:5]"),
        ("SELECT 1;\nSELECT 1 / 0", "Query error: division by zero: 1 / 0 at [2:1]"),
        ("SELECT 1;\n SELECT nope", "Query error: Unrecognized name: nope at [2:9]"),
        (
            "IF 1 THEN SELECT 1; END IF",
            "Query error: Cannot coerce expression 1 of type INT64 to type BOOL at [1:4]",
        ),
        (
            "COMMIT TRANSACTION",
            "Query error: There is no active transaction to COMMIT at this point at [1:1]",
        ),
        (
            "EXECUTE IMMEDIATE 'SELECT 1; SELECT 2'",
            "Query error: EXECUTE IMMEDIATE sql string must contain exactly one statement at [1:19]",
        ),
        (
            "SET @@project_id = 'x'",
            "Query error: Assignment to read-only system variable @@project_id at [1:5]",
        ),
        ("SET @@nope = 'x'", "Query error: System variable not found: @@nope at [1:5]"),
        (
            "DECLARE a INT64; SET (a, A) = (1, 2)",
            "Query error: Assigning multiple values to variable: A at [1:26]",
        ),
        ("BEGIN RAISE USING MESSAGE = CAST(NULL AS STRING); END", "Query error: NULL at [1:7]"),
        (
            "DECLARE s STRING DEFAULT REPEAT('x', 600000) || REPEAT('x', 600000)",
            "Query error: Script variable s exceeded the size limit of 1048576 bytes at [1:1]",
        ),
        (
            "DECLARE a, b INT64; SET (a, b) = (1, 2, 3)",
            "Query error: Cannot coerce expression (1, 2, 3) of type STRUCT<INT64, INT64, INT64> to type"
            " STRUCT<INT64, INT64> at [1:34]",
        ),
        (
            "EXECUTE IMMEDIATE CAST(NULL AS STRING)",
            "Query error: EXECUTE IMMEDIATE sql string cannot be NULL at [1:19]",
        ),
        (
            "EXECUTE IMMEDIATE ''",
            "Query error: Empty EXECUTE IMMEDIATE sql string cannot be executed at [1:19]",
        ),
        (
            "EXECUTE IMMEDIATE 'SELEC 1'",
            "Query error: Invalid EXECUTE IMMEDIATE sql string `SELEC 1`, Syntax error: Unexpected"
            ' identifier "SELEC" at [1:1] at [1:19]',
        ),
        (
            "EXECUTE IMMEDIATE 'SET x = 1'",
            "Query error: SQL created by EXECUTE IMMEDIATE contains unsupported statement type:"
            " SingleAssignment at [1:19]",
        ),
        (
            "EXECUTE IMMEDIATE 'EXECUTE IMMEDIATE \\'SELECT 1\\''",
            "Query error: SQL created by EXECUTE IMMEDIATE contains unsupported statement type:"
            " ExecuteImmediateStatement at [1:19]",
        ),
        (
            "EXECUTE IMMEDIATE 'SELECT ?, @a' USING 1, 2 AS a",
            "Query error: EXECUTE IMMEDIATE USING parameters must be all positional or all named. at [1:1]",
        ),
        (
            "EXECUTE IMMEDIATE 'SELECT @a' USING 1 AS a, 2 AS A",
            "Query error: EXECUTE IMMEDIATE USING parameters must have unique names, found duplicate name: A"
            " at [1:1]",
        ),
        (
            "EXECUTE IMMEDIATE 'SELECT 1' INTO nope",
            "Query error: Undeclared variable: nope at [1:35]",
        ),
        (
            "DECLARE a INT64; EXECUTE IMMEDIATE 'SELECT 1, 2' INTO a, a",
            "Query error: EXECUTE IMMEDIATE with INTO clause cannot assign to the same variable"
            " multiple times at [1:58]",
        ),
        (
            "DECLARE a INT64; EXECUTE IMMEDIATE 'SELECT 1, 2' INTO a",
            "Query error: Variables returned by Dynamic SQL do not match number of variables in INTO clause,"
            " expected 1 columns, but got 2 at [1:18]",
        ),
        (
            "DECLARE a INT64; EXECUTE IMMEDIATE 'SELECT \\'x\\'' INTO a",
            "Query error: Value returned by Dynamic SQL has type STRING which is not assignable to variable a"
            " of type INT64 at [1:18]",
        ),
        (
            "DECLARE a INT64; EXECUTE IMMEDIATE 'SELECT 1 UNION ALL SELECT 2' INTO a",
            "Query error: DynamicSQL may only return 0 or 1 rows with INTO clause at [1:18]",
        ),
        (
            "DECLARE a INT64; EXECUTE IMMEDIATE 'CREATE TEMP TABLE t1 (x INT64)' INTO a",
            "Query error: EXECUTE IMMEDIATE with INTO clause must use a query statement at [1:18]",
        ),
    ],
)
def test_failures(warehouse: Warehouse, script: str, message: str) -> None:
    assert warehouse.script_error(script) == message


def test_variables_of_a_block_end_with_it(warehouse: Warehouse) -> None:
    assert warehouse.script_rows(
        "BEGIN DECLARE x INT64 DEFAULT 1; END; BEGIN DECLARE x STRING DEFAULT 'a'; SELECT x; END"
    ) == [["a"]]
    assert "Unrecognized name: x" in warehouse.script_error("BEGIN DECLARE x INT64; END; SELECT x")


@pytest.mark.parametrize(
    ("script", "rows"),
    [
        ("IF NULL THEN SELECT 1; ELSEIF 1 < 2 THEN SELECT 2; ELSE SELECT 3; END IF", [[2]]),
        ("CASE WHEN FALSE THEN SELECT 1; ELSE SELECT 2; END CASE", [[2]]),
        (
            "DECLARE x INT64 DEFAULT 2; CASE x WHEN 1 THEN SELECT 'one'; WHEN 2 THEN SELECT 'two'; END CASE",
            [["two"]],
        ),
        ("DECLARE i INT64 DEFAULT 0; WHILE i < 5 DO SET i = i + 1; END WHILE; SELECT i", [[5]]),
        (
            "DECLARE i INT64 DEFAULT 0; LOOP SET i = i + 1; IF i = 3 THEN BREAK; END IF; END LOOP; SELECT i",
            [[3]],
        ),
        ("DECLARE i INT64 DEFAULT 9; REPEAT SET i = i + 1; UNTIL TRUE END REPEAT; SELECT i", [[10]]),
        (
            "DECLARE i, odd INT64 DEFAULT 0; WHILE i < 6 DO SET i = i + 1; IF MOD(i, 2) = 0 "
            "THEN CONTINUE; END IF;"
            " SET odd = odd + i; END WHILE; SELECT odd",
            [[9]],
        ),
        (
            "DECLARE n INT64 DEFAULT 0; a: LOOP LOOP SET n = n + 1; IF n < 3 THEN ITERATE a; "
            "END IF; LEAVE a; END LOOP;"
            " END LOOP a; SELECT n",
            [[3]],
        ),
        ("DECLARE n INT64 DEFAULT 0; b: BEGIN SET n = 1; BREAK b; SET n = 2; END b; SELECT n", [[1]]),
        (
            "DECLARE t STRING DEFAULT ''; FOR r IN (SELECT x, y FROM UNNEST([STRUCT(1 AS x, "
            "'a' AS y), (2, 'b')]) ORDER BY x)"
            " DO SET t = t || r.y || CAST(r.x AS STRING); END FOR; SELECT t",
            [["a1b2"]],
        ),
        ("SELECT 1; RETURN; SELECT 2", [[1]]),
    ],
)
def test_control_flow(warehouse: Warehouse, script: str, rows: list[list[object]]) -> None:
    assert warehouse.script_rows(script) == rows


def test_exceptions_are_caught_and_described(warehouse: Warehouse) -> None:
    rows = warehouse.script_rows(
        "BEGIN\n  SELECT 1;\n  SELECT 1 / 0;\nEXCEPTION WHEN ERROR THEN\n"
        "  SELECT @@error.message, @@error.statement_text, @@error.formatted_stack_trace,"
        " @@error.stack_trace[OFFSET(0)].line;\nEND"
    )
    assert rows == [["Query error: division by zero: 1 / 0 at [3:3]", "SELECT 1 / 0", "At [3:3]", 3]]


def test_raise_with_a_message_and_again(warehouse: Warehouse) -> None:
    script = "BEGIN RAISE USING MESSAGE = CONCAT('o', 'h'); EXCEPTION WHEN ERROR THEN {0}; END"
    assert warehouse.script_rows(script.format("SELECT @@error.message")) == [["Query error: oh at [1:7]"]]
    assert warehouse.script_error(script.format("RAISE")) == "Query error: oh at [1:7]"
    assert warehouse.script_rows(script.format("SELECT 1") + "; SELECT @@error.message") == [[None]]


def test_not_found_keeps_its_reason(warehouse: Warehouse) -> None:
    with pytest.raises(BigQueryError) as caught:
        warehouse.script("SELECT 1; SELECT * FROM nope")
    assert caught.value.reason.name == "notFound"


@pytest.mark.parametrize(
    ("script", "rows"),
    [
        ("EXECUTE IMMEDIATE 'SELECT 1 AS a'", [[1]]),
        ("DECLARE r INT64; EXECUTE IMMEDIATE 'SELECT @a + @b' INTO r USING 1 AS a, 2 AS b; SELECT r", [[3]]),
        ("DECLARE r, q INT64; EXECUTE IMMEDIATE 'SELECT ?, ?' INTO r, q USING 1, 2; SELECT r, q", [[1, 2]]),
        ("DECLARE r INT64 DEFAULT 1; EXECUTE IMMEDIATE 'SELECT 1 LIMIT 0' INTO r; SELECT r", [[None]]),
        ("DECLARE f FLOAT64; EXECUTE IMMEDIATE 'SELECT 1' INTO f; SELECT f", [[1.0]]),
        ("EXECUTE IMMEDIATE 'CREATE TEMP TABLE x AS SELECT 5 AS a'; SELECT a FROM x", [[5]]),
        ("EXECUTE IMMEDIATE 'CREATE TEMP FUNCTION f() AS (8)'; SELECT f()", [[8]]),
    ],
)
def test_execute_immediate(warehouse: Warehouse, script: str, rows: list[list[object]]) -> None:
    assert warehouse.script_rows(script) == rows


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("DECLARE x, x INT64", "Variable 'x' redeclaration at [1:12]; x previously declared here at [1:9]"),
        (
            "DECLARE x INT64;\nBEGIN DECLARE X INT64; END",
            "Variable 'X' redeclaration at [2:15]; X previously declared here at [1:9]",
        ),
        (
            "DECLARE r INT64; FOR r IN (SELECT 1) DO SELECT 1; END FOR",
            "Variable 'r' redeclaration at [1:22]; r previously declared here at [1:9]",
        ),
        ("RAISE", "Cannot re-raise an existing exception outside of an exception handler at [1:1]"),
        (
            "SELECT 1; DECLARE x INT64",
            "Variable declarations are allowed only at the start of a block or script at [1:11]",
        ),
        (
            "IF TRUE THEN DECLARE x INT64; END IF",
            "Variable declarations are allowed only at the start of a block or script at [1:14]",
        ),
        (
            "BEGIN SELECT 1; EXCEPTION WHEN ERROR THEN DECLARE x INT64; END",
            "Variable declarations are allowed only at the start of a block or script at [1:43]",
        ),
        (
            "BEGIN " * 51 + "SELECT 1;" + "END;" * 51,
            "Script statement nesting level exceeds maximum supported limit of 50 at [1:301]",
        ),
        ("SELECT 1; BREAK", "BREAK without label is only allowed inside of a loop body at [1:11]"),
    ],
)
def test_scripts_that_do_not_begin(warehouse: Warehouse, script: str, message: str) -> None:
    assert warehouse.script_error(script) == message
    assert warehouse.children == []


def test_positional_parameters_count_over_the_script(warehouse: Warehouse) -> None:
    one, two, three = (typed(INT64, n) for n in (1, 2, 3))
    script = (
        "DECLARE x INT64 DEFAULT ?; CREATE TEMP TABLE t AS SELECT '?' AS q, ? AS a; -- ?\n"
        "CASE x WHEN ? THEN SELECT 1; WHEN ? THEN SELECT q, a * x * ? FROM t; END CASE"
    )
    ctx = warehouse.context(temp_dataset=DatasetRef("p", "_script"), positional=(three, two, one, three, two))
    assert warehouse.script_rows(script, ctx) == [["?", 12]]


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("SELECT ?; SELECT ?", "Script has 2 positional parameters but only 1 were supplied at [1:1]"),
    ],
)
def test_parameters_that_are_missing(warehouse: Warehouse, script: str, message: str) -> None:
    with pytest.raises(BigQueryError) as caught:
        warehouse.script(script, warehouse.context(positional=(typed(INT64, 1),)))
    assert caught.value.message == message


def test_procedures(warehouse: Warehouse) -> None:
    warehouse.script(
        "CREATE PROCEDURE p(x INT64, OUT y INT64, INOUT z STRING) BEGIN DECLARE k INT64 DEFAULT 2;"
        " IF x IS NULL THEN RETURN; END IF; SET y = x * k; SET z = z || '!'; END"
    )
    rows = warehouse.script_rows(
        "DECLARE r INT64; DECLARE s STRING DEFAULT 'a'; CALL p(21, r, s); SELECT r, s"
    )
    assert rows == [[42, "a!"]]
    rows = warehouse.script_rows(
        "DECLARE r INT64 DEFAULT 5; DECLARE s STRING DEFAULT 'a'; CALL p(NULL, r, s); SELECT r, s"
    )
    assert rows == [[None, "a"]]
    assert warehouse.script_error("CALL d.nope()") == "Query error: Procedure is not found: d.nope at [1:6]"


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("CALL d.p(1)", "Query error: Procedure d.p expects 2 argument(s), 1 provided at [1:6]"),
        ("CALL d.p(1, 2)", "Query error: Procedure OUT/INOUT argument must be a variable at [1:13]"),
        ("CALL d.p(1, v)", "Query error: Undeclared variable: v at [1:13]"),
        (
            "DECLARE v INT64; CALL d.p(1, v)",
            "Query error: Variable v cannot be passed as output argument y, for argument type STRING"
            " cannot be coerced to variable type INT64 when procedure exits at [1:30]",
        ),
        (
            "DECLARE v STRING; CALL d.p('a', v)",
            "Query error: Cannot coerce expression 'a' of type STRING to type INT64 at [1:28]",
        ),
        (
            "DECLARE v STRING; CALL d.q(v, v)",
            "Query error: A variable cannot be passed in multiple times as OUT/INOUT arguments: v at [1:31]",
        ),
    ],
)
def test_arguments_of_procedures(warehouse: Warehouse, script: str, message: str) -> None:
    warehouse.script("CREATE PROCEDURE p(x INT64, OUT y STRING) BEGIN SET y = 'a'; END")
    warehouse.script("CREATE PROCEDURE q(OUT x STRING, INOUT y STRING) BEGIN SET y = 'a'; END")
    assert warehouse.script_error(script) == message


def test_a_procedure_does_not_declare_its_arguments(warehouse: Warehouse) -> None:
    message = warehouse.script_error("CREATE PROCEDURE p(x INT64) BEGIN DECLARE x INT64; END")
    assert message == "Query error: Variable 'x' previously declared as an argument at [1:43]"


def test_procedures_do_not_see_the_callers_variables(warehouse: Warehouse) -> None:
    warehouse.script("CREATE PROCEDURE p() OPTIONS (strict_mode=FALSE) BEGIN SELECT hidden; END")
    assert "Unrecognized name: hidden" in warehouse.script_error("DECLARE hidden INT64; CALL p()")


def test_recursion_is_bounded(warehouse: Warehouse) -> None:
    warehouse.script("CREATE PROCEDURE p() BEGIN CALL p(); END")
    assert "deeply-nested procedure call" in warehouse.script_error("CALL p()")


def test_procedures_of_the_service(warehouse: Warehouse) -> None:
    warehouse.run("CREATE MATERIALIZED VIEW mv AS SELECT 1 AS a")
    assert warehouse.script("CALL BQ.REFRESH_MATERIALIZED_VIEW('d.mv')")[-1].statement_type == "CALL"
    assert "There is no session to abort" in warehouse.script_error("CALL BQ.ABORT_SESSION()")
    assert "BQ.JOBS.CANCEL is not supported by bqsim" in warehouse.script_error("CALL BQ.JOBS.CANCEL('x')")


def test_a_session_is_aborted_by_its_name_or_as_its_own(warehouse: Warehouse) -> None:
    aborted: list[str | None] = []
    ctx = warehouse.context(abort_session=aborted.append)
    warehouse.script("CALL BQ.ABORT_SESSION(); CALL BQ.ABORT_SESSION('abc')", ctx)
    assert aborted == [None, "abc"]


def test_system_variables(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE t (a INT64)")
    rows = warehouse.script_rows(
        "INSERT INTO t VALUES (1), (2); SELECT @@row_count, @@project_id, @@dataset_id"
    )
    assert rows == [[2, "p", "d"]]
    rows = warehouse.script_rows(
        "SET @@time_zone = 'Asia/Tokyo'; SELECT @@time_zone, EXTRACT(HOUR FROM TIMESTAMP '2020-01-01')"
    )
    assert rows == [["Asia/Tokyo", 0]]
    warehouse.run("CREATE SCHEMA IF NOT EXISTS other")
    assert warehouse.script_rows("SET @@dataset_id = 'other'; SELECT @@dataset_id") == [["other"]]
    warehouse.run("DROP SCHEMA other")


def test_a_context_keeps_what_a_session_needs(warehouse: Warehouse) -> None:
    ctx = warehouse.context(temp_dataset=DatasetRef("p", "_kept"))
    warehouse.script(
        "DECLARE x INT64 DEFAULT 1; CREATE TEMP TABLE t AS SELECT 2 AS a; CREATE TEMP FUNCTION f() AS (3)",
        ctx,
    )
    assert warehouse.script_rows("SET x = x + 1; SELECT x, a, f() FROM t", ctx) == [[2, 2, 3]]


def test_cancelling_stops_a_loop(warehouse: Warehouse) -> None:
    asked: list[int] = []

    def cancelled() -> bool:
        asked.append(1)
        return len(asked) > 20

    with pytest.raises(Interrupted):
        warehouse.scripts.run(
            "BEGIN LOOP SELECT 1; END LOOP; EXCEPTION WHEN ERROR THEN SELECT 'caught'; END",
            warehouse.context(),
            warehouse.session,
            lambda child: None,
            cancelled,
        )
    assert len(asked) == 21


def test_a_failing_script_keeps_what_it_has_done(warehouse: Warehouse) -> None:
    warehouse.script_error("CREATE TABLE t (a INT64); INSERT INTO t VALUES (1); SELECT 1 / 0")
    assert warehouse.catalog.table(TableRef("p", "d", "t")).num_rows == 1
    assert [c.error is None for c in warehouse.children] == [True, True, False]
