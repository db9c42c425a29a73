"""Sessions, transactions, interrupts and the durable file."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
import threading
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from bqsim.engine.duckdb import DuckDBEngine, DuckDBSession
from bqsim.engine.protocol import Engine, Interrupted, Session
from bqsim.errors import BigQueryError
from bqsim.types import BIGNUMERIC, INT64, STRING, TIMESTAMP, field_of
from bqsim.types.values import table_from_rows

FIELDS = [field_of("a", INT64), field_of("b", BIGNUMERIC), field_of("c", TIMESTAMP)]
COLUMNS = ["c1", "c2", "c3"]
NOON = dt.datetime(2020, 1, 1, 12, tzinfo=dt.UTC)
ENDLESS = "SELECT count(*) FROM range(1000000000) a, range(1000000000) b WHERE a.range + b.range = 3"


@pytest.fixture
def stored(session: DuckDBSession) -> str:
    name = "stored"
    session.drop_table(name)
    session.create_table(name, list(zip(COLUMNS, FIELDS, strict=True)))
    return name


def test_it_is_what_the_protocol_says(engine: DuckDBEngine, session: DuckDBSession) -> None:
    as_engine: Engine = engine
    as_session: Session = session
    assert as_engine.durable is False and as_session.scalar("SELECT 1") == 1


def test_rows_carry_their_version(session: DuckDBSession, stored: str) -> None:
    rows = table_from_rows(FIELDS, [[1, Decimal("1.5"), NOON], [None, None, None]])
    assert session.append(stored, COLUMNS, FIELDS, rows, 77) == 2
    assert session.append(stored, COLUMNS[:1], FIELDS[:1], rows.select([0]), 78) == 2
    back = session.query(f"SELECT c1, c2, c3 FROM {stored} WHERE _end IS NULL AND _begin = 77", FIELDS)
    assert back.equals(rows)
    assert session.scalar(f"SELECT count(*) FROM {stored} WHERE _begin = 78 AND c2 IS NULL") == 2


def test_no_rows_are_no_append(session: DuckDBSession, stored: str) -> None:
    assert session.append(stored, COLUMNS, FIELDS, table_from_rows(FIELDS, []), 1) == 0


def test_an_added_column_is_null_in_old_rows(session: DuckDBSession, stored: str) -> None:
    session.append(stored, COLUMNS, FIELDS, table_from_rows(FIELDS, [[1, None, None]]), 1)
    session.add_column(stored, "c4", field_of("d", STRING))
    assert session.query(f"SELECT c4 FROM {stored}", [field_of("d", STRING)]).column(0).to_pylist() == [None]


def test_execute_counts_the_changed_rows(session: DuckDBSession, stored: str) -> None:
    session.append(stored, COLUMNS, FIELDS, table_from_rows(FIELDS, [[i, None, None] for i in range(5)]), 1)
    assert session.execute(f"UPDATE {stored} SET _end = 2 WHERE c1 < 3") == 3
    assert session.execute(f"DELETE FROM {stored} WHERE c1 = 4") == 1
    assert session.execute("CREATE TEMP TABLE counted (x BIGINT)") == 0
    assert session.execute("SELECT 42") == 0


def test_a_registered_relation_is_private_to_its_session(engine: DuckDBEngine) -> None:
    fields = [field_of("a", INT64)]
    one, two = engine.session(), engine.session()
    one.register("given", table_from_rows(fields, [[1]]), fields)
    two.register("given", table_from_rows(fields, [[2]]), fields)
    assert (one.scalar("SELECT c1 FROM given"), two.scalar("SELECT c1 FROM given")) == (1, 2)
    one.register("given", table_from_rows(fields, [[3]]), fields)
    assert one.scalar("SELECT c1 FROM given") == 3
    one.close()
    two.close()
    again = engine.session()
    with pytest.raises(BigQueryError):
        again.scalar("SELECT c1 FROM given")
    again.close()


def test_transactions_commit_or_roll_back_as_one(session: DuckDBSession, stored: str) -> None:
    rows = table_from_rows(FIELDS, [[1, None, None]])
    count = f"SELECT count(*) FROM {stored}"
    done: list[str] = []
    with session.transaction():
        session.append(stored, COLUMNS, FIELDS, rows, 1)
        with session.transaction():
            session.append(stored, COLUMNS, FIELDS, rows, 1)
            session.on_commit(lambda: done.append("inner"))
        assert done == []
    assert session.scalar(count) == 2 and done == ["inner"]
    with pytest.raises(ZeroDivisionError), session.transaction():
        with session.transaction():
            session.append(stored, COLUMNS, FIELDS, rows, 1)
            session.on_commit(lambda: done.append("never"))
        raise ZeroDivisionError
    assert session.scalar(count) == 2 and done == ["inner"]
    session.on_commit(lambda: done.append("at once"))
    assert done == ["inner", "at once"]


def test_a_failed_statement_rolls_its_transaction_back(session: DuckDBSession, stored: str) -> None:
    with pytest.raises(BigQueryError), session.transaction():
        session.append(stored, COLUMNS, FIELDS, table_from_rows(FIELDS, [[1, None, None]]), 1)
        session.execute("SELECT error('bq:no') FROM range(1)")
    assert session.scalar(f"SELECT count(*) FROM {stored}") == 0


def test_a_closed_session_leaves_no_open_transaction(engine: DuckDBEngine, stored: str) -> None:
    session = engine.session()
    open_transaction = session.transaction()
    open_transaction.__enter__()
    session.append(stored, COLUMNS, FIELDS, table_from_rows(FIELDS, [[1, None, None]]), 1)
    session.close()
    other = engine.session()
    assert other.scalar(f"SELECT count(*) FROM {stored}") == 0
    with other.transaction():
        other.append(stored, COLUMNS, FIELDS, table_from_rows(FIELDS, [[2, None, None]]), 1)
    assert other.scalar(f"SELECT count(*) FROM {stored}") == 1
    other.close()


def test_an_interrupt_stops_a_running_query_and_only_that(engine: DuckDBEngine) -> None:
    session = engine.session()
    timer = threading.Timer(0.05, session.interrupt)
    timer.start()
    with pytest.raises(Interrupted):
        session.scalar(ENDLESS)
    with pytest.raises(Interrupted):
        session.scalar("SELECT 1")
    timer.join()
    session.close()
    again = engine.session()
    assert again.scalar("SELECT count(*) FROM range(1000000)") == 1_000_000
    again.close()


def test_an_interrupt_before_the_start_is_not_lost(engine: DuckDBEngine) -> None:
    for delay in (0.0, 0.0005, 0.002):
        session = engine.session()
        timer = threading.Timer(delay, session.interrupt)
        timer.start()
        with pytest.raises(Interrupted):
            session.scalar(ENDLESS)
        timer.join()
        session.close()


def test_what_is_shielded_runs_in_spite_of_an_interrupt(engine: DuckDBEngine) -> None:
    session = engine.session()
    timer = threading.Timer(0.05, session.interrupt)
    timer.start()
    with pytest.raises(Interrupted):
        session.scalar(ENDLESS)
    timer.join()
    with session.shielded(), session.transaction():
        assert session.scalar("SELECT count(*) FROM range(10000000)") == 10_000_000
    with session.shielded():
        session.interrupt()
        assert session.scalar("SELECT count(*) FROM range(10000000)") == 10_000_000
    with pytest.raises(Interrupted):
        session.scalar("SELECT 1")
    session.close()


def test_a_conflict_of_writers_is_told_as_one(engine: DuckDBEngine, stored: str) -> None:
    one, two = engine.session(), engine.session()
    one.append(stored, COLUMNS, FIELDS, table_from_rows(FIELDS, [[1, None, None]]), 1)
    with pytest.raises(BigQueryError) as caught, one.transaction():
        one.execute(f"UPDATE {stored} SET _end = 2")
        with two.transaction():
            two.execute(f"UPDATE {stored} SET _end = 3")
    assert caught.value.message == "Could not serialize access due to concurrent update"
    one.close()
    two.close()


def test_names_in_a_statement_are_not_python_variables(session: DuckDBSession) -> None:
    local_rows = table_from_rows(FIELDS, [[1, None, None]])
    assert local_rows.num_rows == 1
    with pytest.raises(BigQueryError):
        session.scalar("SELECT c1 FROM local_rows")


class Stub:
    """A connection whose calls fail as told; the rest goes to a real one."""

    def __init__(self, real: Any, **failures: Exception) -> None:
        self.real, self.failures = real, failures

    def __getattr__(self, name: str) -> Any:
        if name in self.failures:

            def fail(*_: Any) -> Any:
                raise self.failures[name]

            return fail
        return getattr(self.real, name)


@pytest.mark.parametrize("failing", ["_submit", "rollback"])
def test_a_connection_that_the_engine_failed_on_is_not_used_again(
    engine: DuckDBEngine, failing: str, caplog: pytest.LogCaptureFixture
) -> None:
    session = engine.session()
    connection = session._connection
    with pytest.raises(BigQueryError) as caught, session.transaction():
        session._connection = Stub(
            connection, **{failing: duckdb.FatalException("database has been invalidated")}
        )
        session.scalar("SELECT error('bq:no') FROM range(1)")
    assert caught.value.message == "no" or caught.value.reason.name == "internalError"
    session._connection = connection
    session.close()
    again = engine.session()
    assert again is not session and again.scalar("SELECT 1") == 1
    again.close()


def test_a_failed_commit_is_rolled_back(engine: DuckDBEngine, stored: str) -> None:
    session = engine.session()
    connection, done = session._connection, []
    with pytest.raises(BigQueryError) as caught, session.transaction():
        session.append(stored, COLUMNS, FIELDS, table_from_rows(FIELDS, [[1, None, None]]), 1)
        session.on_commit(lambda: done.append(1))
        session._connection = Stub(connection, commit=duckdb.TransactionException("Conflict on tuple"))
    assert caught.value.message == "Could not serialize access due to concurrent update" and done == []
    session._connection = connection
    assert session.scalar(f"SELECT count(*) FROM {stored}") == 0
    session.close()


def test_a_cancelled_session_does_not_commit(engine: DuckDBEngine, stored: str) -> None:
    session = engine.session()
    with pytest.raises(Interrupted), session.transaction():
        session.append(stored, COLUMNS, FIELDS, table_from_rows(FIELDS, [[1, None, None]]), 1)
        session.interrupt()
    session.close()
    other = engine.session()
    assert other.scalar(f"SELECT count(*) FROM {stored}") == 0
    other.close()


def test_files_outside_are_closed(session: DuckDBSession, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a\n1\n")
    for sql in (f"SELECT * FROM read_csv('{path}')", f"COPY (SELECT 1) TO '{tmp_path / 'y.csv'}'"):
        with pytest.raises(BigQueryError) as caught:
            session.execute(sql)
        assert caught.value.reason.name == "internalError"
    assert not (tmp_path / "y.csv").exists()


def test_time_is_utc_in_every_session(session: DuckDBSession) -> None:
    assert session.scalar("SELECT current_setting('TimeZone')") == "UTC"


QUIET = """
import sys
from bqsim.engine.duckdb import DuckDBEngine
from bqsim.types import FLOAT64, INT64, STRING, TIMESTAMP, array_of, field_of
from bqsim.types.wire import encode_rows
engine = DuckDBEngine()
session = engine.session()
fields = [field_of("x", t) for t in (INT64, TIMESTAMP, array_of(STRING), FLOAT64)]
rows = session.query("SELECT 1, TIMESTAMP '2020-01-01', ['a', NULL], 1e9", fields)
text = b'{"f":[{"v":"1"},{"v":"1.5778368E9"},{"v":[{"v":"a"},{"v":null}]},{"v":"1.0E9"}]}'
assert encode_rows(fields, rows) == b"[" + text + b"]"
session.close()
engine.close()
engine.close()
assert "pandas" not in sys.modules, "pandas costs a third of a second at the start"
"""


def test_a_process_starts_lean_and_leaves_without_noise() -> None:
    command = [sys.executable, "-c", QUIET]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_an_interrupt_just_after_a_transaction_began_leaves_none_open(
    engine: DuckDBEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = engine.session()
    command = session._command

    def begin_and_stop(sql: str) -> None:
        command(sql)
        raise Interrupted

    monkeypatch.setattr(session, "_command", begin_and_stop)
    with pytest.raises(Interrupted), session.transaction():
        raise AssertionError("the transaction never began")
    monkeypatch.undo()
    with session.transaction():
        assert session.scalar("SELECT 1") == 1
    session.close()
