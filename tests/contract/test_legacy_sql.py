"""Queries in legacy SQL through Google's client."""

from __future__ import annotations

import re

import pytest
from google.api_core import exceptions
from google.cloud import bigquery

pytestmark = pytest.mark.fidelity("sql:legacy SQL", "approximated", "The plain subset is translated.")


def legacy(**more: object) -> bigquery.QueryJobConfig:
    return bigquery.QueryJobConfig(use_legacy_sql=True, **more)


@pytest.fixture
def table(bqsim_client: bigquery.Client) -> bigquery.Table:
    bqsim_client.create_dataset("d")
    rows = "SELECT 1 AS id, 'ann' AS name UNION ALL SELECT 2, 'bob'"
    bqsim_client.query_and_wait(f"CREATE TABLE d.t AS {rows}")
    return bqsim_client.get_table("d.t")


def test_rows_schema_and_statistics(bqsim_client: bigquery.Client, table: bigquery.Table) -> None:
    sql = f"SELECT id, UPPER(name), COUNT(*) FROM [{table.project}:d.t] GROUP BY id, 2 ORDER BY id"
    job = bqsim_client.query(sql, job_config=legacy())
    result = job.result()
    assert [tuple(r.values()) for r in result] == [(1, "ANN", 1), (2, "BOB", 1)]
    assert [(f.name, f.field_type, f.mode) for f in result.schema] == [
        ("id", "INTEGER", "NULLABLE"),
        ("f0_", "STRING", "NULLABLE"),
        ("f1_", "INTEGER", "NULLABLE"),
    ]
    assert (job.statement_type, job.use_legacy_sql, job.query) == ("SELECT", True, sql)
    assert [t.table_id for t in job.referenced_tables] == ["t"]
    assert job.total_bytes_processed == 2 * 8 + 2 * 5
    again = bqsim_client.get_job(job.job_id, location=job.location)
    assert (again.use_legacy_sql, again.query) == (True, sql)


def test_a_dialect_prefix(bqsim_client: bigquery.Client) -> None:
    [row] = bqsim_client.query_and_wait("#legacySQL\nSELECT INTEGER('7'), 1/2")
    assert tuple(row.values()) == (7, 0.5)
    assert list(row.keys()) == ["f0_", "f1_"]


def test_the_same_text_in_both_dialects_is_not_one_cached_result(bqsim_client: bigquery.Client) -> None:
    sql = "SELECT DATE(TIMESTAMP('2020-01-02')) AS d"
    assert bqsim_client.query_and_wait(sql).schema[0].field_type == "DATE"
    assert bqsim_client.query_and_wait(sql, job_config=legacy()).schema[0].field_type == "STRING"
    assert bqsim_client.query_and_wait(sql).schema[0].field_type == "DATE"


def test_a_destination_with_large_results(bqsim_client: bigquery.Client, table: bigquery.Table) -> None:
    target = table.reference.dataset_id + ".out"
    config = legacy(
        destination=bigquery.TableReference.from_string(f"{table.project}.{target}"),
        allow_large_results=True,
        flatten_results=False,
        write_disposition="WRITE_TRUNCATE",
    )
    bqsim_client.query("SELECT id, LENGTH(name) AS size FROM [d.t]", job_config=config).result()
    rows = bqsim_client.list_rows(bqsim_client.get_table(target))
    assert sorted(tuple(r.values()) for r in rows) == [(1, 3), (2, 3)]


def test_a_dry_run(bqsim_client: bigquery.Client, table: bigquery.Table) -> None:
    job = bqsim_client.query("SELECT id FROM [d.t]", job_config=legacy(dry_run=True))
    assert (job.total_bytes_processed, [f.name for f in job.schema]) == (16, ["id"])


def test_the_default_dataset(bqsim_client: bigquery.Client, table: bigquery.Table) -> None:
    config = legacy(default_dataset=f"{table.project}.d")
    assert [r.n for r in bqsim_client.query_and_wait("SELECT COUNT(*) AS n FROM [t]", job_config=config)] == [
        2
    ]


@pytest.mark.parametrize(
    ("sql", "error", "message"),
    [
        (
            "WITH a AS (SELECT 1) SELECT * FROM a",
            exceptions.BadRequest,
            'Encountered " "WITH" "WITH "" at line 1, column 1. Was expecting: <EOF>',
        ),
        ("SELECT 1 FROM `p.d.t`", exceptions.BadRequest, "Invalid table name: `p.d.t`"),
        ("SELECT nam FROM [d.t]", exceptions.BadRequest, "Field 'nam' not found in table"),
        ("SELECT 1 FROM [d.nope]", exceptions.NotFound, "d.nope was not found in location US"),
        ("SELECT 1 FROM [nope.t]", exceptions.NotFound, "nope was not found in location US"),
        (
            "SELECT a FROM [d.v]",
            exceptions.BadRequest,
            "Cannot reference a standard SQL view in a legacy SQL",
        ),
        (
            "SELECT NTH(2, id) FROM [d.t]",
            exceptions.BadRequest,
            "The function NTH in legacy SQL is not supported",
        ),
    ],
)
def test_errors(
    bqsim_client: bigquery.Client,
    table: bigquery.Table,
    sql: str,
    error: type[exceptions.GoogleAPICallError],
    message: str,
) -> None:
    bqsim_client.query_and_wait("CREATE VIEW d.v AS SELECT 1 AS a")
    with pytest.raises(error, match=re.escape(message)):
        bqsim_client.query_and_wait(sql, job_config=legacy())


def test_parameters_are_refused(bqsim_client: bigquery.Client) -> None:
    config = legacy(query_parameters=[bigquery.ScalarQueryParameter("x", "INT64", 1)])
    with pytest.raises(exceptions.BadRequest, match="A query parameter in legacy SQL is not supported"):
        bqsim_client.query_and_wait("SELECT 1", job_config=config)
