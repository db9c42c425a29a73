"""Transactions of scripts and sessions through Google's client, several at once included."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import bigquery

pytestmark = pytest.mark.fidelity("job:sessions, job:scripts", "exact")

ABORTED = "Transaction is aborted due to concurrent update against table"


class InSession:
    """Queries of one session."""

    def __init__(self, client: bigquery.Client) -> None:
        self.client = client
        job = client.query("SELECT 1", job_config=bigquery.QueryJobConfig(create_session=True))
        job.result()
        assert job.session_info is not None
        self.id = str(job.session_info.session_id)

    def job(self, sql: str) -> bigquery.job.QueryJob:
        properties = [bigquery.ConnectionProperty("session_id", self.id)]
        config = bigquery.QueryJobConfig(connection_properties=properties)
        job = self.client.query(sql, job_config=config)
        job.result()
        return job

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return [tuple(r.values()) for r in self.job(sql).result()]


@pytest.fixture
def client(bqsim_client: bigquery.Client) -> bigquery.Client:
    bqsim_client.create_dataset("d")
    bqsim_client.query_and_wait("CREATE TABLE d.t AS SELECT 1 AS id, 10 AS n")
    return bqsim_client


@pytest.fixture
def session(client: bigquery.Client) -> InSession:
    return InSession(client)


def ids(client: bigquery.Client) -> list[int]:
    return [r[0] for r in client.query_and_wait("SELECT id FROM d.t ORDER BY id")]


def test_a_transaction_over_several_queries(client: bigquery.Client, session: InSession) -> None:
    begun = session.job("BEGIN TRANSACTION")
    assert begun.statement_type == "BEGIN_TRANSACTION"
    session.rows("INSERT INTO d.t VALUES (2, 20)")
    session.rows("DELETE d.t WHERE id = 1")
    last = session.job("SELECT id FROM d.t")
    assert [tuple(r.values()) for r in last.result()] == [(2,)]
    assert ids(client) == [1]
    assert begun.transaction_info is not None
    assert last.transaction_info == begun.transaction_info
    assert session.job("COMMIT TRANSACTION").statement_type == "COMMIT_TRANSACTION"
    assert ids(client) == [2]
    assert session.job("SELECT 1").transaction_info is None


@pytest.mark.parametrize(
    "end",
    [
        "ROLLBACK TRANSACTION",
        "SELECT 1 / 0",
        "CALL BQ.ABORT_SESSION()",
        "SELECT 1; RAISE USING MESSAGE = 'no'",
    ],
)
def test_what_ends_a_transaction_undoes_it(client: bigquery.Client, session: InSession, end: str) -> None:
    session.rows("BEGIN TRANSACTION; INSERT INTO d.t VALUES (2, 20)")
    session.rows("INSERT INTO d.t VALUES (3, 30)")
    try:
        session.rows(end)
    except exceptions.BadRequest:
        assert not end.startswith(("ROLLBACK", "CALL"))
    assert ids(client) == [1]
    client.query_and_wait("DELETE d.t WHERE TRUE")
    assert ids(client) == []


def test_time_stands_in_a_transaction(session: InSession) -> None:
    session.rows("BEGIN TRANSACTION")
    first = session.rows("SELECT CURRENT_TIMESTAMP()")
    assert session.rows("SELECT CURRENT_TIMESTAMP()") == first
    session.rows("COMMIT TRANSACTION")
    assert session.rows("SELECT CURRENT_TIMESTAMP()") != first


def test_there_must_be_a_session_or_a_script(client: bigquery.Client) -> None:
    with pytest.raises(exceptions.BadRequest, match="supported only in scripts or sessions"):
        client.query_and_wait("BEGIN TRANSACTION")


def test_two_sessions_on_one_table(client: bigquery.Client, session: InSession) -> None:
    other = InSession(client)
    session.rows("BEGIN TRANSACTION")
    other.rows("BEGIN TRANSACTION")
    session.rows("UPDATE d.t SET n = 11 WHERE TRUE")
    with pytest.raises(exceptions.BadRequest, match=ABORTED):
        other.rows("UPDATE d.t SET n = 12 WHERE TRUE")
    session.rows("COMMIT TRANSACTION")
    assert [r[0] for r in client.query_and_wait("SELECT n FROM d.t")] == [11]
    other.rows("BEGIN TRANSACTION; UPDATE d.t SET n = 12 WHERE TRUE; COMMIT TRANSACTION")
    assert [r[0] for r in client.query_and_wait("SELECT n FROM d.t")] == [12]


def test_a_snapshot_does_not_move(client: bigquery.Client, session: InSession) -> None:
    session.rows("BEGIN TRANSACTION")
    client.query_and_wait("INSERT INTO d.t VALUES (2, 20)")
    assert session.rows("SELECT COUNT(*) FROM d.t") == [(1,)]
    with pytest.raises(exceptions.BadRequest, match=ABORTED):
        session.rows("DELETE d.t WHERE TRUE")
    assert session.rows("SELECT COUNT(*) FROM d.t") == [(2,)]


def test_the_jobs_view_has_the_transaction(client: bigquery.Client) -> None:
    job = client.query("BEGIN TRANSACTION; INSERT INTO d.t VALUES (2, 20); COMMIT TRANSACTION; SELECT 1")
    job.result()
    [row] = client.query_and_wait(
        "SELECT COUNT(transaction_id), COUNT(DISTINCT transaction_id), COUNT(*)"
        f" FROM `region-us`.INFORMATION_SCHEMA.JOBS WHERE parent_job_id = '{job.job_id}'"
    )
    assert tuple(row.values()) == (3, 1, 4)
    assert job.transaction_info is None


def together(works: list[Callable[[], object]]) -> list[str]:
    """Run all at once; the messages of those that failed."""
    failed: list[str] = []

    def run(work: Callable[[], object]) -> None:
        try:
            work()
        except exceptions.BadRequest as error:
            failed.append(str(error))

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return failed


def test_scripts_at_once_add_up(client: bigquery.Client) -> None:
    script = (
        "BEGIN TRANSACTION; UPDATE d.t SET n = n + 1 WHERE TRUE; INSERT INTO d.t VALUES (@id, 0);"
        " COMMIT TRANSACTION;"
    )

    def work(number: int) -> Callable[[], object]:
        parameter = bigquery.ScalarQueryParameter("id", "INT64", number)
        config = bigquery.QueryJobConfig(query_parameters=[parameter])
        return lambda: client.query(script, job_config=config).result()

    failed = together([work(n) for n in range(100, 106)])
    assert all(ABORTED in message for message in failed)
    done = 6 - len(failed)
    assert len(ids(client)) == 1 + done
    [row] = client.query_and_wait("SELECT n FROM d.t WHERE id = 1")
    assert row[0] == 10 + done


def test_statements_wait_for_a_transaction(client: bigquery.Client, session: InSession) -> None:
    session.rows("BEGIN TRANSACTION")
    session.rows("UPDATE d.t SET n = 0 WHERE TRUE")
    waiting = client.query("UPDATE d.t SET n = n + 1 WHERE TRUE")
    assert [r[0] for r in client.query_and_wait("SELECT n FROM d.t")] == [10]
    session.rows("COMMIT TRANSACTION")
    waiting.result()
    assert [r[0] for r in client.query_and_wait("SELECT n FROM d.t")] == [1]
