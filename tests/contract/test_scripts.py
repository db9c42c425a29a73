"""Multi-statement queries, procedures and sessions through Google's client."""

from __future__ import annotations

import pytest
from google.api_core import exceptions
from google.cloud import bigquery

pytestmark = [
    pytest.mark.fidelity("job:scripts", "exact", tests="test_children* test_a_failing* test_parameters*"),
    pytest.mark.fidelity("job:sessions", "exact", tests="test_*session*"),
]


def number(child: bigquery.job.QueryJob) -> int:
    """Which child of its script a job is."""
    return int(child.job_id.rpartition("_")[2])


def test_children_tell_what_they_did(bqsim_client: bigquery.Client) -> None:
    job = bqsim_client.query(
        "DECLARE x INT64 DEFAULT 1;\nCREATE TEMP TABLE t AS SELECT x AS a;\n"
        "IF (SELECT COUNT(*) FROM t) = 1 THEN\n  SELECT a + 1 AS b FROM t;\nEND IF"
    )
    assert [tuple(r.values()) for r in job.result()] == [(2,)]
    assert job.statement_type == "SCRIPT"
    children = sorted(bqsim_client.list_jobs(parent_job=job.job_id), key=number)
    assert job.num_child_jobs == len(children) == 3
    assert [c.statement_type for c in children] == ["CREATE_TABLE_AS_SELECT", "SELECT", "SELECT"]
    statistics = [c.script_statistics for c in children]
    assert [s.evaluation_kind for s in statistics] == ["STATEMENT", "EXPRESSION", "STATEMENT"]
    frame = statistics[2].stack_frames[0]
    assert (frame.start_line, frame.start_column, frame.text) == (4, 3, "SELECT a + 1 AS b FROM t")


def test_a_failing_procedure_tells_its_frames(bqsim_client: bigquery.Client) -> None:
    dataset = bqsim_client.create_dataset("d")
    name = f"`{dataset.project}.{dataset.dataset_id}.fails`"
    bqsim_client.query_and_wait(f"CREATE PROCEDURE {name}(d INT64)\nBEGIN\n  SELECT 1 / d;\nEND")
    job = bqsim_client.query(f"SELECT 1;\nCALL {name}(0)")
    with pytest.raises(exceptions.BadRequest, match="division by zero"):
        job.result()
    last = max(bqsim_client.list_jobs(parent_job=job.job_id), key=number)
    frames = last.script_statistics.stack_frames
    assert [(f.procedure_id, f.start_line, f.start_column) for f in frames] == [
        (name.strip("`"), 2, 3),
        (None, 2, 1),
    ]


def test_parameters_count_over_the_whole_text(bqsim_client: bigquery.Client) -> None:
    values = [bigquery.ScalarQueryParameter(None, "INT64", n) for n in (1, 2, 3)]
    config = bigquery.QueryJobConfig(query_parameters=values)
    sql = "CREATE TEMP TABLE t1 AS SELECT ? c1;\nSELECT c1 * ? * ? FROM t1;"
    assert [tuple(r.values()) for r in bqsim_client.query(sql, job_config=config).result()] == [(6,)]


def test_system_variables_name_the_jobs(bqsim_client: bigquery.Client) -> None:
    job = bqsim_client.query(
        "SELECT 1;\nSELECT @@script.job_id, @@current_job_id, @@last_job_id, @@script.num_child_jobs"
    )
    script, current, last, count = next(iter(job.result())).values()
    children = sorted(bqsim_client.list_jobs(parent_job=job.job_id), key=number)
    assert script == job.job_id
    assert [last, current] == [c.job_id for c in children]
    assert count == 1


def test_a_session_keeps_what_scripts_leave_until_it_is_aborted(bqsim_client: bigquery.Client) -> None:
    first = bqsim_client.query(
        "DECLARE x INT64 DEFAULT 4; CREATE TEMP TABLE kept AS SELECT 2 AS a;"
        " CREATE TEMP FUNCTION f(y INT64) AS (y + 1)",
        job_config=bigquery.QueryJobConfig(create_session=True),
    )
    first.result()
    assert first.session_info is not None
    session = first.session_info.session_id
    properties = [bigquery.ConnectionProperty("session_id", session)]
    config = bigquery.QueryJobConfig(connection_properties=properties)

    def rows(sql: str) -> list[tuple[object, ...]]:
        return [tuple(r.values()) for r in bqsim_client.query(sql, job_config=config).result()]

    assert rows("SELECT x, a, f(a), @@session_id FROM kept") == [(4, 2, 3, session)]
    assert rows("SET x = x * 2; SELECT x") == [(8,)]
    rows("CALL BQ.ABORT_SESSION()")
    with pytest.raises(exceptions.NotFound, match=session):
        rows("SELECT x")
