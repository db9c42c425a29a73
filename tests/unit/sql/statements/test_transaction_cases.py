"""Scripts with transactions: what their last statement answers, or what they fail with."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.sql.warehouse import Warehouse

pytestmark = pytest.mark.fidelity(
    "statement:BEGIN TRANSACTION, statement:COMMIT TRANSACTION, statement:ROLLBACK TRANSACTION", "exact"
)

SETUP = (
    "CREATE TABLE t AS SELECT 1 AS id, 10 AS n UNION ALL SELECT 2, 20",
    "CREATE TABLE u (id INT64)",
    "CREATE TABLE p (id INT64, day DATE) PARTITION BY day",
    "CREATE TABLE c (id INT64, tag STRING) CLUSTER BY tag",
    "CREATE VIEW v AS SELECT COUNT(*) AS c, SUM(n) AS s FROM t",
    "CREATE FUNCTION f(x INT64) AS (x + 1)",
    "CREATE PROCEDURE begins() BEGIN BEGIN TRANSACTION; INSERT INTO t VALUES (9, 9); END",
    "CREATE PROCEDURE ends() BEGIN COMMIT TRANSACTION; END",
    "CREATE PROCEDURE undoes() BEGIN ROLLBACK TRANSACTION; END",
    "CREATE PROCEDURE adds(x INT64) BEGIN INSERT INTO t VALUES (x, x); END",
)
IDS = "SELECT ARRAY_AGG(id ORDER BY id) FROM t"
SHORT = {"{ids}": IDS, "{add}": "INSERT INTO t VALUES (3, 3)", "{caught}": "EXCEPTION WHEN ERROR THEN"}
ONLY_TEMPORARY = (
    "DDL statements are not supported in a transaction, except for those creating or droping temporary"
    " tables or temporary functions."
)
NO_COMMIT = "There is no active transaction to COMMIT at this point"
NO_ROLLBACK = "There is no active transaction to ROLLBACK at this point"
NESTED = "Transaction control statements are not supported inside a transaction: BEGIN TRANSACTION"


@pytest.fixture
def t(warehouse: Warehouse) -> Warehouse:
    for sql in SETUP:
        warehouse.script(sql)
    return warehouse


def written(sql: str) -> str:
    """A script with its short forms in full."""
    for short, full in SHORT.items():
        sql = sql.replace(short, full)
    return sql


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        # The words.
        ("BEGIN; {add}; COMMIT; {ids}", [1, 2, 3]),
        ("BEGIN TRANSACTION; {add}; COMMIT TRANSACTION; {ids}", [1, 2, 3]),
        ("BEGIN; {add}; ROLLBACK; {ids}", [1, 2]),
        ("BEGIN; COMMIT; {ids}", [1, 2]),
        ("BEGIN; ROLLBACK; BEGIN; DELETE t WHERE id = 1; COMMIT; {ids}", [2]),
        ("BEGIN; DELETE t WHERE id = 1; COMMIT; BEGIN; DELETE t WHERE id = 2; ROLLBACK; {ids}", [2]),
        # What it changes, as it sees it itself.
        ("BEGIN; {add}; {ids}", [1, 2, 3]),
        ("BEGIN; DELETE t WHERE id = 1; {ids}", [2]),
        ("BEGIN; UPDATE t SET id = id * 10 WHERE TRUE; {ids}", [10, 20]),
        ("BEGIN; UPDATE t SET id = id * 10 WHERE TRUE; UPDATE t SET id = id + 1 WHERE TRUE; {ids}", [11, 21]),
        ("BEGIN; {add}; DELETE t WHERE id = 3; COMMIT; {ids}", [1, 2]),
        ("BEGIN; DELETE t WHERE id = 2; INSERT INTO t VALUES (2, 5); COMMIT; {ids}", [1, 2]),
        ("BEGIN; TRUNCATE TABLE t; SELECT COUNT(*) FROM t", 0),
        ("BEGIN; TRUNCATE TABLE t; INSERT INTO t VALUES (7, 7); COMMIT; {ids}", [7]),
        ("BEGIN; TRUNCATE TABLE t; ROLLBACK; {ids}", [1, 2]),
        (
            "BEGIN;"
            " MERGE t USING (SELECT 2 AS id UNION ALL SELECT 3) s ON t.id = s.id WHEN MATCHED THEN DELETE"
            " WHEN NOT MATCHED THEN INSERT (id) VALUES (s.id); COMMIT; {ids}",
            [1, 3],
        ),
        (
            "BEGIN; INSERT INTO u SELECT id FROM t; INSERT INTO t SELECT id + 5, 0 FROM u; COMMIT; {ids}",
            [1, 2, 6, 7],
        ),
        ("BEGIN; INSERT INTO u SELECT id FROM t; DELETE t WHERE TRUE; ROLLBACK; SELECT COUNT(*) FROM u", 0),
        (
            "BEGIN; INSERT INTO t SELECT id + 2, n FROM t; INSERT INTO t SELECT id + 4, n FROM t;"
            " COMMIT; {ids}",
            [*range(1, 9)],
        ),
        ("BEGIN; INSERT INTO t (id) VALUES (3); SELECT n IS NULL FROM t WHERE id = 3", True),
        # Partitions, clusters.
        (
            "BEGIN; INSERT INTO p VALUES (1, '2024-01-01'), (2, '2024-01-02');"
            " SELECT COUNT(*) FROM p WHERE day = '2024-01-01'",
            1,
        ),
        ("BEGIN; INSERT INTO p VALUES (1, '2024-01-01'); ROLLBACK; SELECT COUNT(*) FROM p", 0),
        (
            "INSERT INTO p VALUES (1, '2024-01-01'), (2, '2024-01-02'); BEGIN;"
            " DELETE p WHERE day = '2024-01-01';"
            " COMMIT; SELECT SUM(id) FROM p",
            2,
        ),
        (
            "BEGIN; INSERT INTO c VALUES (1, 'a'); UPDATE c SET tag = 'b' WHERE TRUE; COMMIT;"
            " SELECT tag FROM c",
            "b",
        ),
        # Views and functions.
        ("BEGIN; {add}; SELECT s FROM v", 33),
        ("BEGIN; {add}; ROLLBACK; SELECT s FROM v", 30),
        ("BEGIN; INSERT INTO t VALUES (f(2), f(9)); COMMIT; SELECT n FROM t WHERE id = 3", 10),
        ("BEGIN; CREATE TEMP FUNCTION g() AS (7); INSERT INTO t VALUES (g(), 0); COMMIT; {ids}", [1, 2, 7]),
        ("CREATE TEMP FUNCTION g() AS (7); BEGIN; DROP FUNCTION g; COMMIT; SELECT 1", 1),
        # Temporary tables.
        (
            "BEGIN; CREATE TEMP TABLE x AS SELECT id FROM t; INSERT INTO x VALUES (7); COMMIT;"
            " SELECT SUM(id) FROM x",
            10,
        ),
        (
            "CREATE TEMP TABLE x AS SELECT 1 AS a; BEGIN; INSERT INTO x VALUES (2); ROLLBACK;"
            " SELECT SUM(a) FROM x",
            1,
        ),
        (
            "CREATE TEMP TABLE x AS SELECT 1 AS a; BEGIN; INSERT INTO x VALUES (2); COMMIT;"
            " SELECT SUM(a) FROM x",
            3,
        ),
        ("CREATE TEMP TABLE x AS SELECT 1 AS a; BEGIN; DROP TABLE x; COMMIT; SELECT 1", 1),
        (
            "CREATE TEMP TABLE x (a INT64); BEGIN; INSERT INTO x VALUES (2); DROP TABLE _SESSION.x;"
            " COMMIT; {ids}",
            [1, 2],
        ),
        (
            "CREATE TEMP TABLE x (a INT64); BEGIN; INSERT INTO x VALUES (2); DROP TABLE x; ROLLBACK; {ids}",
            [1, 2],
        ),
        ("BEGIN; DROP TABLE IF EXISTS _SESSION.missing; COMMIT; {ids}", [1, 2]),
        # Control statements inside, and dynamic SQL.
        (
            "DECLARE i INT64 DEFAULT 3; BEGIN; WHILE i < 6 DO INSERT INTO t VALUES (i, i);"
            " SET i = i + 1; END WHILE; COMMIT; {ids}",
            [1, 2, 3, 4, 5],
        ),
        (
            "BEGIN; FOR r IN (SELECT id FROM t) DO INSERT INTO t VALUES (r.id + 2, 0); END FOR;"
            " COMMIT; {ids}",
            [1, 2, 3, 4],
        ),
        ("BEGIN; EXECUTE IMMEDIATE 'INSERT INTO t VALUES (?, 0)' USING 3; ROLLBACK; {ids}", [1, 2]),
        ("BEGIN; EXECUTE IMMEDIATE 'INSERT INTO t VALUES (?, 0)' USING 3; COMMIT; {ids}", [1, 2, 3]),
        (
            "BEGIN; IF (SELECT COUNT(*) FROM t) = 2 THEN ROLLBACK; ELSE COMMIT; END IF; BEGIN;"
            " COMMIT; SELECT 5",
            5,
        ),
        ("BEGIN; ASSERT (SELECT COUNT(*) FROM t) = 2; COMMIT; SELECT 5", 5),
        ("BEGIN; {add}; SELECT @@row_count", 1),
        (
            "DECLARE x INT64; BEGIN; SET x = (SELECT COUNT(*) FROM t); DELETE t WHERE TRUE; ROLLBACK;"
            " SELECT x",
            2,
        ),
        # Procedures.
        ("CALL begins(); {ids}", [1, 2, 9]),
        ("CALL begins(); ROLLBACK; {ids}", [1, 2]),
        ("CALL begins(); CALL ends(); {ids}", [1, 2, 9]),
        ("BEGIN; CALL adds(4); CALL undoes(); {ids}", [1, 2]),
        ("BEGIN; CALL adds(4); COMMIT; {ids}", [1, 2, 4]),
        ("EXECUTE IMMEDIATE 'CALL begins()'; ROLLBACK; {ids}", [1, 2]),
        ("EXECUTE IMMEDIATE 'CALL begins()'; EXECUTE IMMEDIATE 'CALL ends()'; {ids}", [1, 2, 9]),
        # Failures that are handled.
        (
            "BEGIN BEGIN; {add}; SELECT 1 / 0; {caught} ROLLBACK; END; {ids}",
            [1, 2],
        ),
        (
            "BEGIN BEGIN; {add}; SELECT 1 / 0; {caught} COMMIT; END; {ids}",
            [1, 2, 3],
        ),
        (
            "BEGIN; BEGIN SELECT 1 / 0; {caught} INSERT INTO t VALUES (4, 4); END; COMMIT; {ids}",
            [1, 2, 4],
        ),
        (
            "BEGIN; {add}; BEGIN UPDATE t SET n = ERROR('x') WHERE id = 1;"
            " {caught} SELECT 1; END; COMMIT; {ids}",
            [1, 2, 3],
        ),
        ("BEGIN BEGIN; BEGIN; {caught} COMMIT; SELECT 8; END", 8),
        ("BEGIN COMMIT; {caught} SELECT 8; END", 8),
        # The time stands.
        ("DECLARE a TIMESTAMP; BEGIN; SET a = CURRENT_TIMESTAMP(); SELECT a = CURRENT_TIMESTAMP()", True),
        ("BEGIN; SELECT COUNT(*) FROM t FOR SYSTEM_TIME AS OF CURRENT_TIMESTAMP()", 2),
    ],
)
def test_what_scripts_answer(t: Warehouse, sql: str, expected: Any) -> None:
    assert t.script_rows(written(sql)) == [[expected]]


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT 1; COMMIT", f"Query error: {NO_COMMIT} at [1:11]"),
        ("SELECT 1; ROLLBACK", f"Query error: {NO_ROLLBACK} at [1:11]"),
        ("BEGIN; COMMIT; COMMIT", f"Query error: {NO_COMMIT} at [1:16]"),
        ("BEGIN; {add}; BEGIN", f"Query error: {NESTED} at [1:37]"),
        ("CALL begins(); BEGIN", f"Query error: {NESTED} at [1:16]"),
        ("BEGIN; CREATE TABLE x (a INT64)", f"Query error: {ONLY_TEMPORARY} at [1:8]"),
        ("BEGIN; CREATE TABLE x AS SELECT 1 AS a", f"Query error: {ONLY_TEMPORARY} at [1:8]"),
        ("BEGIN; CREATE VIEW x AS SELECT 1 AS a", f"Query error: {ONLY_TEMPORARY} at [1:8]"),
        ("BEGIN; CREATE SCHEMA x", f"Query error: {ONLY_TEMPORARY} at [1:8]"),
        ("BEGIN; CREATE FUNCTION x() AS (1)", f"Query error: {ONLY_TEMPORARY} at [1:8]"),
        ("BEGIN; DROP TABLE d.t", f"Query error: {ONLY_TEMPORARY} at [1:8]"),
        ("BEGIN; DROP VIEW d.v", f"Query error: {ONLY_TEMPORARY} at [1:8]"),
        ("BEGIN; ALTER TABLE t ADD COLUMN x INT64", f"Query error: {ONLY_TEMPORARY} at [1:8]"),
        (
            "BEGIN; {add}; SELECT 1 / 0",
            "Query error: division by zero: 1 / 0 at [1:37]",
        ),
        ("BEGIN; {add}; RAISE USING MESSAGE = 'no'", "Query error: no at [1:37]"),
        ("BEGIN; CALL adds(3); SELECT ERROR('late')", "Query error: late at [1:22]"),
        ("BEGIN; EXECUTE IMMEDIATE 'COMMIT'", None),
    ],
)
def test_what_fails_leaves_nothing(t: Warehouse, sql: str, message: str | None) -> None:
    failed = t.script_error(written(sql))
    assert message is None or failed == message
    assert t.rows(IDS) == [[[1, 2]]]
    assert t.script_rows(f"BEGIN; INSERT INTO t VALUES (5, 5); COMMIT; {IDS}") == [[[1, 2, 5]]]


def test_statements_tell_their_transaction(t: Warehouse) -> None:
    t.script("SELECT 1; BEGIN; INSERT INTO t VALUES (3, 3); COMMIT; SELECT 2; BEGIN; SELECT 3; ROLLBACK")
    told = [c.transaction_id for c in t.children]
    assert [told.index(one) for one in told] == [0, 1, 1, 1, 0, 5, 5, 5]
    assert told[0] is None


def test_a_transaction_goes_on_in_another_engine_session(t: Warehouse) -> None:
    ctx = t.context()
    ctx.transaction = transaction = t.executor.begin_transaction(t.session)
    t.executor.run("INSERT INTO t VALUES (3, 3)", ctx, t.session)
    t.executor.run("DELETE t WHERE id = 1", ctx, t.session)
    transaction.suspend()
    other = t.engine.session()
    transaction.resume(other)
    result = t.executor.run(IDS, ctx, other)
    assert result.rows is not None
    assert result.rows.column(0)[0].as_py() == [2, 3]
    t.executor.run("DELETE t WHERE id = 3", ctx, other)
    transaction.commit()
    other.close()
    assert t.rows(IDS) == [[[2]]]
