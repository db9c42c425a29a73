"""INFORMATION_SCHEMA about jobs, sessions and streams, and reservations that outlive a restart."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import bigquery

import bqsim
from bqsim.simulator import Simulator

JOBS = "`region-us`.INFORMATION_SCHEMA.JOBS"


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with bqsim.start(project="p") as running:
        client = running.client()
        client.create_dataset("d")
        client.query_and_wait("CREATE TABLE d.t (n INT64)")
        client.close()
        yield running


@pytest.fixture(scope="module")
def client(simulator: Simulator) -> Iterator[Any]:
    made = simulator.client()
    yield made
    made.close()


def rows(client: Any, sql: str) -> list[dict[str, Any]]:
    return [dict(row) for row in client.query_and_wait(sql)]


def job_row(client: Any, job_id: str, columns: str = "*") -> dict[str, Any]:
    found = rows(client, f"SELECT {columns} FROM {JOBS} WHERE job_id = '{job_id}'")
    assert len(found) == 1
    return found[0]


@pytest.mark.fidelity("view:JOBS", "exact")
def test_a_query_job(client: Any) -> None:
    config = bigquery.QueryJobConfig(labels={"team": "a"}, use_query_cache=False)
    job = client.query("SELECT n FROM d.t WHERE n > 5", job_config=config)
    job.result()
    row = job_row(client, job.job_id)
    assert (row["project_id"], row["job_type"], row["statement_type"], row["state"], row["priority"]) == (
        "p",
        "QUERY",
        "SELECT",
        "DONE",
        "INTERACTIVE",
    )
    assert row["query"] == "SELECT n FROM d.t WHERE n > 5"
    assert (row["creation_time"], row["start_time"], row["end_time"]) == (job.created, job.started, job.ended)
    assert row["referenced_tables"] == [{"project_id": "p", "dataset_id": "d", "table_id": "t"}]
    assert row["labels"] == [{"key": "team", "value": "a"}]
    assert row["destination_table"]["dataset_id"] == job.destination.dataset_id
    assert (row["cache_hit"], row["error_result"], row["parent_job_id"]) == (False, None, None)
    assert (row["total_bytes_processed"], row["total_bytes_billed"]) == (0, 0)
    assert row["user_email"] == job.user_email
    assert row["principal_subject"] == f"user:{job.user_email}"
    assert row["total_slot_ms"] == job.slot_millis
    assert [s["name"] for s in row["job_stages"]] == [s.name for s in job.query_plan]
    assert row["timeline"][0]["completed_units"] == 1
    assert row["dml_statistics"] is None
    assert row["job_creation_reason"] == {"code": "REQUESTED"}
    assert row["query_dialect"] == "GOOGLE_SQL"


@pytest.mark.fidelity("view:JOBS", "exact")
def test_hashes_ignore_literals_and_comments(client: Any) -> None:
    def hash_of(sql: str) -> Any:
        job = client.query(sql, job_config=bigquery.QueryJobConfig(use_query_cache=False))
        with suppress(exceptions.BadRequest):
            job.result()
        columns = "query_info.query_hashes.normalized_literals AS h"
        return job_row(client, job.job_id, columns)["h"]

    one = hash_of("SELECT n FROM d.t WHERE n = 1 -- first")
    assert len(one) == 64
    assert hash_of("SELECT n\nFROM d.t WHERE n = 22") == one
    assert hash_of("SELECT n FROM d.t WHERE n > 1") != one
    assert hash_of("SELECT ERROR('x')") is None


@pytest.mark.fidelity("view:JOBS", "exact")
def test_failures_dml_and_scripts(client: Any) -> None:
    failed = client.query("SELECT ERROR('oh')")
    with pytest.raises(exceptions.BadRequest):
        failed.result()
    row = job_row(client, failed.job_id, "error_result, state, statement_type")
    assert row["error_result"]["reason"] == "invalidQuery"
    assert row["error_result"]["message"] == "oh"
    inserted = client.query("INSERT INTO d.t VALUES (1), (2)")
    inserted.result()
    assert job_row(client, inserted.job_id, "dml_statistics")["dml_statistics"] == {
        "inserted_row_count": 2,
        "deleted_row_count": 0,
        "updated_row_count": 0,
    }
    script = client.query("DECLARE x INT64 DEFAULT 1; SELECT x; SELECT x + 1;")
    script.result()
    found = rows(
        client,
        f"SELECT statement_type FROM {JOBS} WHERE parent_job_id = '{script.job_id}'",
    )
    assert {row["statement_type"] for row in found} == {"SELECT"}
    row = job_row(client, script.job_id, "statement_type, cache_hit, reservation_id")
    assert row == {"statement_type": "SCRIPT", "cache_hit": None, "reservation_id": None}


@pytest.mark.fidelity("view:JOBS_BY_USER", "exact")
def test_the_query_itself_runs_while_it_reads(client: Any) -> None:
    job = client.query(
        "SELECT job_id, state FROM `region-us`.INFORMATION_SCHEMA.JOBS_BY_USER WHERE state = 'RUNNING'"
    )
    assert [(r["job_id"], r["state"]) for r in job.result()] == [(job.job_id, "RUNNING")]
    assert job.total_bytes_billed == 10 * 1024 * 1024


@pytest.mark.fidelity(
    "view:JOBS_TIMELINE",
    "approximated",
    "Slot time is spread evenly over a job's run, where jobs share no capacity.",
)
def test_timeline_of_a_job(client: Any) -> None:
    job = client.query("SELECT 3")
    job.result()
    sql = (
        "SELECT period_start, period_slot_ms, state, job_end_time"
        f" FROM `region-us`.INFORMATION_SCHEMA.JOBS_TIMELINE WHERE job_id = '{job.job_id}' ORDER BY 1"
    )
    found = rows(client, sql)
    assert found[0]["period_start"] == job.created.replace(microsecond=0)
    assert found[-1]["state"] == "DONE"
    assert {row["job_end_time"] for row in found} == {job.ended}


@pytest.mark.fidelity("view:SESSIONS", "exact")
def test_sessions(client: Any) -> None:
    job = client.query("SELECT 1", job_config=bigquery.QueryJobConfig(create_session=True))
    job.result()
    found = rows(client, "SELECT * FROM `region-us`.INFORMATION_SCHEMA.SESSIONS_BY_USER")
    assert [(r["session_id"], r["is_active"], r["user_email"]) for r in found] == [
        (job.session_info.session_id, True, job.user_email)
    ]
    row = job_row(client, job.job_id, "session_info")
    assert row["session_info"] == {"session_id": job.session_info.session_id}


@pytest.mark.fidelity("view:STREAMING_TIMELINE", "approximated", "Bytes are those of the rows as stored.")
def test_streaming_timeline(client: Any) -> None:
    assert client.insert_rows_json("p.d.t", [{"n": 1}, {"n": 2}]) == []
    assert client.insert_rows_json("p.d.t", [{"n": "x"}])
    with pytest.raises(exceptions.NotFound):
        client.insert_rows_json("p.d.missing", [{"n": 1}], retry=None)
    found = rows(
        client,
        "SELECT table_id, error_code, SUM(total_requests) AS requests, SUM(total_rows) AS row_count"
        " FROM `region-us`.INFORMATION_SCHEMA.STREAMING_TIMELINE GROUP BY 1, 2 ORDER BY 1, 2",
    )
    assert [tuple(row.values()) for row in found] == [
        ("missing", "NOT_FOUND", 1, 1),
        ("t", None, 1, 2),
        ("t", "INVALID", 1, 1),
    ]


@pytest.mark.fidelity("statement:CREATE RESERVATION", "exact")
def test_reservations_outlive_a_restart(tmp_path: Path) -> None:
    with bqsim.start(project="p", data_dir=tmp_path) as running:
        client = running.client()
        job = client.query("CREATE RESERVATION `p.region-us.prod` OPTIONS (slot_capacity = 100)")
        job.result()
        assert (job.statement_type, job.ddl_operation_performed) == ("CREATE_RESERVATION", "CREATE")
        client.query_and_wait(
            "CREATE ASSIGNMENT `p.region-us.prod.a` OPTIONS (assignee = 'projects/p', job_type = 'QUERY')"
        )
        client.query_and_wait("ALTER PROJECT p SET OPTIONS (`region-us.default_time_zone` = 'Asia/Tokyo')")
        client.close()
    with bqsim.start(project="p", data_dir=tmp_path) as running:
        client = running.client()
        schema = "`region-us`.INFORMATION_SCHEMA"
        reservation = rows(client, f"SELECT reservation_name, slot_capacity, ddl FROM {schema}.RESERVATIONS")
        assert reservation == [
            {
                "reservation_name": "prod",
                "slot_capacity": 100,
                "ddl": "CREATE RESERVATION `p.region-us.prod`\nOPTIONS(\n  slot_capacity=100,\n"
                "  ignore_idle_slots=false\n);",
            }
        ]
        changes = rows(client, f"SELECT assignment_id, action FROM {schema}.ASSIGNMENT_CHANGES")
        assert changes == [{"assignment_id": "a", "action": "CREATE"}]
        options = rows(client, f"SELECT option_name, option_value FROM {schema}.PROJECT_OPTIONS")
        assert options == [{"option_name": "default_time_zone", "option_value": "Asia/Tokyo"}]
        client.close()


@pytest.mark.fidelity("view:SCHEMATA", "exact")
def test_a_region_qualifier_places_the_job(client: Any) -> None:
    job = client.query("SELECT schema_name FROM `region-eu`.INFORMATION_SCHEMA.SCHEMATA")
    assert list(job.result()) == []
    assert job.location == "EU"
    with pytest.raises(exceptions.NotFound, match=r"Table p:region-eu\.INFORMATION_SCHEMA\.SCHEMATA was not"):
        client.query_and_wait("SELECT 1 FROM `region-eu`.INFORMATION_SCHEMA.SCHEMATA", location="US")
    client.query_and_wait("ALTER PROJECT p SET OPTIONS (`region-eu.query_runtime` = 'advanced')")
    found = rows(client, "SELECT option_name FROM `region-eu`.INFORMATION_SCHEMA.PROJECT_OPTIONS")
    assert found == [{"option_name": "query_runtime"}]
