"""What sessions keep between queries, and how they end, through Google's client."""

from __future__ import annotations

import pytest
from google.api_core import exceptions
from google.cloud import bigquery

from .test_transactions import InSession

pytestmark = pytest.mark.fidelity("job:sessions", "exact")


@pytest.fixture
def session(bqsim_client: bigquery.Client) -> InSession:
    return InSession(bqsim_client)


@pytest.mark.parametrize(
    ("before", "sql", "expected"),
    [
        ("DECLARE x INT64 DEFAULT 3", "SELECT x", 3),
        ("DECLARE x INT64 DEFAULT 3; SET x = x * 2", "SELECT x", 6),
        ("CREATE TEMP TABLE k AS SELECT 7 AS a", "SELECT a FROM k", 7),
        ("CREATE TEMP TABLE k AS SELECT 7 AS a", "SELECT a FROM _SESSION.k", 7),
        ("CREATE TEMP FUNCTION f(x INT64) AS (x + 1)", "SELECT f(1)", 2),
        ("SET @@time_zone = 'America/New_York'", "SELECT @@time_zone", "America/New_York"),
        ("SET @@time_zone = 'Asia/Tokyo'", "SELECT FORMAT_TIMESTAMP('%z', TIMESTAMP_SECONDS(0))", "+0900"),
        ("SET @@query_label = 'a:b'", "SELECT @@query_label", "a:b"),
    ],
)
def test_what_the_next_query_sees(session: InSession, before: str, sql: str, expected: object) -> None:
    session.rows(before)
    assert session.rows(sql) == [(expected,)]


def test_a_temporary_table_drops_by_its_name(session: InSession) -> None:
    session.rows("CREATE TEMP TABLE k AS SELECT 7 AS a")
    session.rows("DROP TABLE k")
    with pytest.raises(exceptions.BadRequest, match="must be qualified with a dataset"):
        session.rows("SELECT a FROM k")


def test_labels_of_a_session_are_those_of_its_jobs(session: InSession) -> None:
    session.rows("SET @@query_label = 'team:a,env:b'")
    assert session.job("SELECT 1").labels == {"team": "a", "env": "b"}
    children = list(session.client.list_jobs(parent_job=session.job("SELECT 1; SELECT 2").job_id))
    assert [c.labels for c in children] == [{"team": "a", "env": "b"}] * 2


def test_all_jobs_name_their_session(session: InSession) -> None:
    job = session.job("SELECT 1; SELECT 2")
    children = list(session.client.list_jobs(parent_job=job.job_id))
    told = [c.session_info.session_id for c in (job, *children) if c.session_info is not None]
    assert told == [session.id] * 3


@pytest.mark.parametrize("abort", ["CALL BQ.ABORT_SESSION()", "CALL BQ.ABORT_SESSION('{id}')"])
def test_an_aborted_session_is_no_more(session: InSession, abort: str) -> None:
    session.rows(abort.replace("{id}", session.id))
    with pytest.raises(exceptions.NotFound, match=session.id):
        session.rows("SELECT 1")
    [row] = session.client.query_and_wait(
        "SELECT is_active FROM `region-us`.INFORMATION_SCHEMA.SESSIONS_BY_USER"
        f" WHERE session_id = '{session.id}'"
    )
    assert row[0] is False


def test_sessions_know_nothing_of_each_other(session: InSession) -> None:
    other = InSession(session.client)
    session.rows("DECLARE x INT64 DEFAULT 3; CREATE TEMP TABLE k AS SELECT 1 AS a")
    for sql in ("SELECT x", "SELECT * FROM k"):
        with pytest.raises(exceptions.BadRequest):
            other.rows(sql)


def test_an_unknown_session(bqsim_client: bigquery.Client) -> None:
    properties = [bigquery.ConnectionProperty("session_id", "nonsense")]
    config = bigquery.QueryJobConfig(connection_properties=properties)
    with pytest.raises(exceptions.NotFound, match="nonsense"):
        bqsim_client.query("SELECT 1", job_config=config).result()
