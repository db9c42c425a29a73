"""Queries in legacy SQL through Google's client."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import bigquery

from bqsim.simulator import Simulator

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


# Partitions and times


def legacy_rows(client: bigquery.Client, sql: str) -> list[tuple[object, ...]]:
    return [tuple(row.values()) for row in client.query_and_wait(sql, job_config=legacy())]


@pytest.fixture
def partitioned(bqsim_client: bigquery.Client) -> bigquery.Client:
    bqsim_client.create_dataset("d")
    bqsim_client.query_and_wait("CREATE TABLE d.p (n INT64) PARTITION BY _PARTITIONDATE")
    bqsim_client.query_and_wait(
        "INSERT d.p (_PARTITIONTIME, n) VALUES ('2026-01-01', 1), ('2026-01-02', 2), ('2026-01-02', 3)"
    )
    return bqsim_client


def test_the_pseudo_column_of_a_table_by_ingestion_time(partitioned: bigquery.Client) -> None:
    sql = "SELECT n FROM [d.p] WHERE _PARTITIONTIME = TIMESTAMP('2026-01-02') ORDER BY n"
    job = partitioned.query(sql, job_config=legacy())
    assert [tuple(row.values()) for row in job.result()] == [(2,), (3,)]
    assert job.total_bytes_processed == 2 * 8
    sql = "SELECT _PARTITIONTIME AS day, COUNT(*) AS n FROM [d.p] GROUP BY day ORDER BY day"
    assert [row[1] for row in legacy_rows(partitioned, sql)] == [1, 2]
    # ``*`` does not stand for it.
    assert sorted(legacy_rows(partitioned, "SELECT * FROM [d.p]")) == [(1,), (2,), (3,)]
    with pytest.raises(exceptions.BadRequest, match="_PARTITIONTIME"):
        legacy_rows(partitioned, "SELECT _PARTITIONTIME FROM [d.p]")


def test_the_pseudo_column_is_not_in_other_tables(
    bqsim_client: bigquery.Client, table: bigquery.Table
) -> None:
    with pytest.raises(exceptions.BadRequest, match="The pseudo column _PARTITIONTIME"):
        legacy_rows(bqsim_client, "SELECT 1 FROM [d.t] WHERE _PARTITIONTIME IS NULL")


def test_a_partition_and_the_list_of_partitions(partitioned: bigquery.Client) -> None:
    assert legacy_rows(partitioned, "SELECT SUM(n) FROM [d.p$20260102]") == [(5,)]
    sql = "SELECT partition_id FROM [d.p$__PARTITIONS_SUMMARY__] ORDER BY partition_id"
    assert legacy_rows(partitioned, sql) == [("20260101",), ("20260102",)]


def test_ranges_of_times(bqsim_own: Any, partitioned: bigquery.Client) -> None:
    client, clock = partitioned, bqsim_own.clock
    clock.freeze()
    for n, minutes in ((10, 60), (11, 20), (12, 10)):
        clock.advance("1m")
        client.query_and_wait(f"INSERT d.p (n) VALUES ({n})")
        clock.advance(f"{minutes}m")
    # 10 came 92 minutes ago, 11 came 31, 12 came 10 minutes ago.
    for decorator, found in [
        ("@-3600000--1800000", [(11,)]),
        ("@-3600000-", [(11,), (12,)]),
        ("@-660000-", [(12,)]),
        ("@-5550000--3600000", [(10,)]),
    ]:
        assert sorted(legacy_rows(client, f"SELECT n FROM [d.p{decorator}]")) == found, decorator
        listed = client.list_rows(f"d.p{decorator}", selected_fields=[bigquery.SchemaField("n", "INT64")])
        assert sorted(row.n for row in listed) == [n for (n,) in found]
        assert client.get_table(f"d.p{decorator}").num_rows == len(found)
        client.copy_table(
            f"{client.project}.d.p{decorator}",
            f"{client.project}.d.copied",
            job_config=bigquery.CopyJobConfig(write_disposition="WRITE_TRUNCATE"),
        ).result()
        assert sorted(legacy_rows(client, "SELECT n FROM [d.copied]")) == found
    assert sorted(legacy_rows(client, "SELECT n FROM [d.p@-3600000]")) == [(1,), (2,), (3,), (10,)]
    assert legacy_rows(client, "SELECT COUNT(*) FROM [d.p@0]") == [(0,)]
    with pytest.raises(exceptions.BadRequest, match="Invalid time range"):
        legacy_rows(client, "SELECT n FROM [d.p@-1000--2000]")


def test_the_lists_of_tables(bqsim_client: bigquery.Client, table: bigquery.Table) -> None:
    sql = "SELECT table_id, row_count, size_bytes FROM [d.__TABLES__]"
    assert legacy_rows(bqsim_client, sql) == [("t", 2, 26)]
    assert legacy_rows(bqsim_client, "SELECT table_id FROM [d.__TABLES_SUMMARY__]") == [("t",)]


def test_daily_tables_up_to_now(bqsim_server: Simulator, bqsim_client: bigquery.Client) -> None:
    bqsim_client.create_dataset("d")
    today = dt.datetime.fromtimestamp(bqsim_server.clock.now_us() / 1e6, dt.UTC).date()
    for ago in (0, 1, 9):
        day = today - dt.timedelta(days=ago)
        bqsim_client.query_and_wait(f"CREATE TABLE d.day{day:%Y%m%d} AS SELECT {ago} AS ago")
    bounds = "DATE_ADD(CURRENT_TIMESTAMP(), -7, 'DAY'), CURRENT_TIMESTAMP()"
    sql = f"SELECT ago FROM TABLE_DATE_RANGE([d.day], {bounds}) ORDER BY ago"
    assert legacy_rows(bqsim_client, sql) == [(0,), (1,)]
    with pytest.raises(exceptions.NotFound, match=r"d\.day"):
        legacy_rows(bqsim_client, sql.replace("RANGE(", "RANGE_STRICT("))


@pytest.mark.parametrize("table", ["d.p$20260101", "d.p@-1000", "d.nothing$20260101"])
def test_googlesql_has_no_decorators(partitioned: bigquery.Client, table: str) -> None:
    with pytest.raises(exceptions.BadRequest, match=re.escape(f'Table "{table}" cannot include decorator')):
        partitioned.query_and_wait(f"SELECT n FROM `{table}`")
