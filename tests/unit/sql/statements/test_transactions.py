from __future__ import annotations

import threading

import pytest

from bqsim.errors import BigQueryError
from bqsim.sql.plan import StatementResult
from bqsim.sql.statements.transactions import Transaction
from tests.unit.sql.warehouse import Warehouse

pytestmark = pytest.mark.fidelity(
    "statement:BEGIN TRANSACTION, statement:COMMIT TRANSACTION, statement:ROLLBACK TRANSACTION", "exact"
)


@pytest.fixture
def t(warehouse: Warehouse) -> Warehouse:
    warehouse.run("CREATE TABLE t AS SELECT 1 AS id, 10 AS n UNION ALL SELECT 2, 20")
    return warehouse


def ids(w: Warehouse) -> list[int]:
    return [r[0] for r in w.rows("SELECT id FROM t ORDER BY id")]


def test_commit_makes_all_changes_visible_at_once(t: Warehouse) -> None:
    rows = t.script_rows(
        "BEGIN TRANSACTION; INSERT INTO t VALUES (3, 30); UPDATE t SET n = n + 1 WHERE "
        "id > 1; DELETE t WHERE id = 1;"
        " MERGE t USING (SELECT 9 AS id) s ON t.id = s.id WHEN NOT MATCHED THEN INSERT (id) VALUES (s.id);"
        " COMMIT TRANSACTION; SELECT id, n FROM t ORDER BY id"
    )
    assert rows == [[2, 21], [3, 31], [9, None]]
    assert t.table("t").num_rows == 3
    assert [c.result.statement_type for c in t.children if c.result][::5] == [
        "BEGIN_TRANSACTION",
        "COMMIT_TRANSACTION",
    ]


@pytest.mark.parametrize("end", ["ROLLBACK TRANSACTION", "SELECT 1 / 0", "SELECT 1"])
def test_rows_are_as_before_without_a_commit(t: Warehouse, end: str) -> None:
    before = t.table("t")
    try:
        t.script(f"BEGIN TRANSACTION; TRUNCATE TABLE t; INSERT INTO t VALUES (5, 5); {end}")
    except BigQueryError as error:
        assert "division by zero" in error.message
    assert ids(t) == [1, 2]
    assert t.table("t") == before


def test_a_failed_statement_leaves_the_transaction_open(t: Warehouse) -> None:
    rows = t.script_rows(
        "BEGIN BEGIN TRANSACTION; INSERT INTO t VALUES (3, 3); SELECT 1 / 0; EXCEPTION WHEN ERROR THEN"
        " SELECT COUNT(*) FROM t; END"
    )
    assert rows == [[3]]
    assert ids(t) == [1, 2]


def test_the_transaction_sees_its_own_rows_and_the_others_do_not(t: Warehouse) -> None:
    other = t.engine.session()
    seen: list[object] = []

    def outside() -> None:
        result = t.executor.run("SELECT COUNT(*) FROM t", t.context(), other)
        assert result.rows is not None
        seen.append(result.rows.column(0)[0].as_py())

    ctx = t.context()
    transaction = t.executor.begin_transaction(t.session)
    ctx.transaction = transaction
    t.executor.run("INSERT INTO t VALUES (3, 3)", ctx, t.session)
    t.executor.run("DELETE t WHERE id IN (1, 3)", ctx, t.session)
    inside = t.executor.run("SELECT id FROM t", ctx, t.session)
    assert inside.rows is not None
    assert inside.rows.column(0).to_pylist() == [2]
    outside()
    transaction.commit()
    outside()
    other.close()
    assert seen == [2, 1]


def test_reads_are_those_of_the_beginning(t: Warehouse) -> None:
    ctx = t.context()
    ctx.transaction = t.executor.begin_transaction(t.session)
    other = t.engine.session()
    t.executor.run("INSERT INTO t VALUES (3, 3)", t.context(), other)
    assert count(t, "SELECT COUNT(*) FROM t", ctx) == 2
    with pytest.raises(
        BigQueryError, match=r"Transaction is aborted due to concurrent update against table p:d\.t"
    ):
        t.executor.run("DELETE t WHERE TRUE", ctx, t.session)
    ctx.transaction.rollback()
    other.close()
    assert ids(t) == [1, 2, 3]


def count(t: Warehouse, sql: str, ctx: object) -> int:
    result: StatementResult = t.executor.run(sql, ctx, t.session)  # type: ignore[arg-type]
    assert result.rows is not None
    number: int = result.rows.column(0)[0].as_py()
    return number


def test_a_second_transaction_on_the_table_is_aborted(t: Warehouse) -> None:
    first, second = t.context(), t.context()
    first.transaction = t.executor.begin_transaction(t.session)
    other = t.engine.session()
    second.transaction = t.executor.begin_transaction(other)
    t.executor.run("DELETE t WHERE id = 1", first, t.session)
    with pytest.raises(BigQueryError, match="Transaction is aborted"):
        t.executor.run("DELETE t WHERE id = 2", second, other)
    second.transaction.rollback()
    first.transaction.commit()
    other.close()
    assert ids(t) == [2]


def test_plain_dml_waits_for_the_transaction(t: Warehouse) -> None:
    ctx = t.context()
    transaction: Transaction = t.executor.begin_transaction(t.session)
    ctx.transaction = transaction
    t.executor.run("UPDATE t SET n = 0 WHERE id = 1", ctx, t.session)
    other = t.engine.session()
    waiting = threading.Thread(
        target=lambda: t.executor.run("UPDATE t SET n = n + 1 WHERE TRUE", t.context(), other)
    )
    waiting.start()
    waiting.join(0.1)
    assert waiting.is_alive()
    transaction.commit()
    waiting.join(10)
    other.close()
    assert t.rows("SELECT n FROM t ORDER BY id") == [[1], [21]]


def test_definitions_are_refused_and_temporary_tables_are_not(t: Warehouse) -> None:
    assert "not supported in a transaction" in t.script_error("BEGIN TRANSACTION; CREATE TABLE x (a INT64)")
    rows = t.script_rows(
        "BEGIN TRANSACTION; CREATE TEMP TABLE x AS SELECT id FROM t; INSERT INTO x "
        "VALUES (7); COMMIT; SELECT SUM(id) FROM x"
    )
    assert rows == [[10]]
    assert "BEGIN TRANSACTION" in t.script_error("BEGIN TRANSACTION; BEGIN TRANSACTION")


def test_current_timestamp_is_that_of_the_beginning(t: Warehouse) -> None:
    rows = t.script_rows(
        "DECLARE a TIMESTAMP; BEGIN TRANSACTION; SET a = CURRENT_TIMESTAMP(); SELECT a = CURRENT_TIMESTAMP()"
    )
    assert rows == [[True]]


def test_nothing_temporary_is_left(t: Warehouse) -> None:
    t.script("BEGIN TRANSACTION; INSERT INTO t VALUES (3, 3); SELECT * FROM t; COMMIT")
    names = t.session.scalar(
        "SELECT list(table_name) FROM information_schema.tables WHERE table_name LIKE '\\_%' ESCAPE '\\'"
    )
    assert names is None
