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


EARLY = "TIMESTAMP '2024-01-15 03:00:00+00'"


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        (f"EXTRACT(HOUR FROM {EARLY})", 22),
        (f"CAST({EARLY} AS STRING)", "2024-01-14 22:00:00-05"),
        (f"CAST(DATE({EARLY}) AS STRING)", "2024-01-14"),
        ("EXTRACT(HOUR FROM @at)", 22),
        ("d.hour(@at)", 22),
        (f"TIMESTAMP '2024-01-14 22:00:00' = {EARLY}", True),
        ("DATETIME_DIFF(DATETIME(CURRENT_TIMESTAMP(), 'America/New_York'), CURRENT_DATETIME(), SECOND)", 0),
        ("@@time_zone", "America/New_York"),
    ],
)
@pytest.mark.parametrize("insert", [False, True], ids=["query", "insert"])
def test_the_time_zone_of_a_connection(
    bqsim_client: bigquery.Client, sql: str, expected: object, insert: bool
) -> None:
    bqsim_client.create_dataset("d")
    bqsim_client.query_and_wait("CREATE FUNCTION d.hour(t TIMESTAMP) AS (EXTRACT(HOUR FROM t))")
    config = bigquery.QueryJobConfig(
        connection_properties=[bigquery.ConnectionProperty("time_zone", "America/New_York")],
        query_parameters=[bigquery.ScalarQueryParameter("at", "TIMESTAMP", "2024-01-15 03:00:00+00")],
    )
    text = f"SELECT {sql}"
    if insert:
        rows = bqsim_client.query(text, job_config=config).result()
    else:
        rows = bqsim_client.query_and_wait(text, job_config=config)
    assert [tuple(row) for row in rows] == [(expected,)]


def test_a_session_where_datasets_are_in_several_locations(bqsim_client: bigquery.Client) -> None:
    for name, location in (("here", "US"), ("there", "EU")):
        dataset = bigquery.Dataset(f"{bqsim_client.project}.{name}")
        dataset.location = location
        bqsim_client.create_dataset(dataset)
        bqsim_client.query_and_wait(f"CREATE TABLE {name}.t AS SELECT '{location}' AS place")
    for name, location in (("here", "US"), ("there", "EU")):
        config = bigquery.QueryJobConfig(create_session=True)
        job = bqsim_client.query(f"SELECT place FROM {name}.t", job_config=config, location=location)
        job.result()
        assert job.session_info is not None
        properties = [bigquery.ConnectionProperty("session_id", job.session_info.session_id)]
        inside = bigquery.QueryJobConfig(connection_properties=properties)
        for sql in (
            f"CREATE TEMP TABLE k AS SELECT place FROM {name}.t",
            f"CREATE TEMP TABLE c COPY {name}.t",
            "CREATE TEMP TABLE e (x INT64)",
            "INSERT INTO e VALUES (1)",
        ):
            job = bqsim_client.query(sql, job_config=inside)
            job.result()
            assert job.location == location
        assert [tuple(r) for r in bqsim_client.query_and_wait("SELECT place FROM k", job_config=inside)] == [
            (location,)
        ]
        assert len(list(bqsim_client.query_and_wait("SELECT * FROM c, e", job_config=inside))) == 1
