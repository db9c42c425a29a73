"""Which rows a call or a job is subject to."""

from __future__ import annotations

import pytest

from bqsim.sim.limits import BIGQUERY, Facts, Moment
from bqsim.sim.limits.matching import Index

READ = "google.cloud.bigquery.storage.v1.BigQueryRead.ReadRows"


def names(moment: Moment, **facts: object) -> set[str]:
    given: dict[str, object] = {"table": "p:d.t", "dataset": "p:d", "resource": "r"} | facts
    return {limit.name for limit in Index(BIGQUERY).of(Facts(moment, **given))}  # type: ignore[arg-type]


def test_a_limit_of_tables_is_for_what_has_a_table() -> None:
    assert "table_metadata_updates" not in names(Moment.CALL, method="bigquery.tables.insert", table="")


@pytest.mark.parametrize(
    ("moment", "method", "present", "absent"),
    [
        (Moment.CALL, "bigquery.tables.get", {"api_requests_per_user_method"}, {"tables_insert_requests"}),
        (Moment.CALL, "bigquery.tables.insert", {"tables_insert_requests", "table_metadata_updates"}, set()),
        (Moment.CALL, "bigquery.tabledata.insertAll", {"insert_bytes"}, {"api_requests_per_user_method"}),
        (Moment.CALL, READ, {"read_rows_requests"}, {"api_requests_per_user_method", "read_row_bytes"}),
        (Moment.ANSWER, READ, {"read_row_bytes"}, {"read_rows_requests"}),
        (Moment.ANSWER, "bigquery.tabledata.list", {"tabledata_list_bytes"}, {"tabledata_list_requests"}),
    ],
)
def test_calls(moment: Moment, method: str, present: set[str], absent: set[str]) -> None:
    found = names(moment, method=method)
    assert present <= found
    assert not absent & found


@pytest.mark.parametrize(
    ("moment", "job_type", "statement", "flags", "present", "absent"),
    [
        (
            Moment.QUEUE,
            "QUERY",
            "SELECT",
            {"writes"},
            {"queued_interactive_queries", "table_modifications_per_day"},
            {"queued_batch_queries", "dml_statements", "load_jobs_per_table"},
        ),
        (
            Moment.QUEUE,
            "QUERY",
            "SELECT",
            {"batch"},
            {"queued_batch_queries"},
            {"queued_interactive_queries", "table_modifications_per_day"},
        ),
        (
            Moment.QUEUE,
            "QUERY",
            "INSERT",
            {"writes"},
            {"dml_statements", "dml_inserts_queued"},
            {"dml_mutating_queued", "table_modifications_per_day"},
        ),
        (Moment.RUN, "QUERY", "MERGE", set(), {"dml_mutating_running"}, {"dml_inserts_running"}),
        (Moment.COMMIT, "QUERY", "ALTER_SCHEMA", set(), {"dataset_metadata_updates"}, set()),
        (Moment.QUEUE, "COPY", "", {"snapshot"}, {"snapshots_per_table"}, {"load_jobs_per_table"}),
        (Moment.RUN, "EXTRACT", "", set(), {"extract_bytes_per_day"}, {"query_bytes_per_day"}),
    ],
)
def test_jobs(
    moment: Moment, job_type: str, statement: str, flags: set[str], present: set[str], absent: set[str]
) -> None:
    found = names(moment, job_type=job_type, statement_type=statement, flags=frozenset(flags))
    assert present <= found
    assert not absent & found
