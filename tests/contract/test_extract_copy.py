"""Tables out to Cloud Storage, and copies of tables, through Google's own client."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator

import pytest
from google.api_core import exceptions
from google.cloud import bigquery

from bqsim.settings import Settings
from bqsim.simulator import Simulator

pytestmark = pytest.mark.fidelity("job:extract, job:copy", "exact")


@pytest.fixture(scope="module")
def sim() -> Iterator[Simulator]:
    with Simulator(Settings(project="p")) as started:
        yield started


@pytest.fixture(scope="module")
def client(sim: Simulator) -> Iterator[bigquery.Client]:
    with sim.client() as made:
        made.create_dataset("d")
        made.create_dataset("other")
        made.query_and_wait("CREATE TABLE d.t AS SELECT 1 AS id, 'alpha' AS name UNION ALL SELECT 2, '<b>'")
        yield made


@pytest.mark.fidelity("fields:Job: statistics.extract", "exact")
def test_extract_table(sim: Simulator, client: bigquery.Client) -> None:
    job = client.extract_table("d.t", "gs://bucket/out/t-*.csv")
    job.result(timeout=30)
    assert (job.job_type, job.state, job.destination_uri_file_counts) == ("extract", "DONE", [1])
    assert sim.objects.read("gs://bucket/out/t-000000000000.csv") == b"id,name\n1,alpha\n2,<b>\n"
    shown = client.get_job(job.job_id)
    assert isinstance(shown, bigquery.ExtractJob)
    assert shown.destination_uris == ["gs://bucket/out/t-*.csv"]
    assert shown._properties["statistics"]["extract"]["inputBytes"] == "28"
    assert shown.source.table_id == "t"
    assert job.job_id in [j.job_id for j in client.list_jobs(max_results=5)]
    rows = client.query_and_wait(
        f"SELECT job_type, state FROM `region-us`.INFORMATION_SCHEMA.JOBS WHERE job_id = '{job.job_id}'"
    )
    assert [tuple(row) for row in rows] == [("EXTRACT", "DONE")]


def test_options(sim: Simulator, client: bigquery.Client) -> None:
    config = bigquery.ExtractJobConfig(print_header=False, field_delimiter="|")
    client.extract_table("d.t", "gs://bucket/o.csv", job_config=config).result(timeout=30)
    assert sim.objects.read("gs://bucket/o.csv") == b"1|alpha\n2|<b>\n"
    config = bigquery.ExtractJobConfig(destination_format="NEWLINE_DELIMITED_JSON")
    client.extract_table("d.t", "gs://bucket/o.json", job_config=config).result(timeout=30)
    lines = sim.objects.read("gs://bucket/o.json").splitlines()
    assert lines[1] == b'{"id":"2","name":"\\u003cb\\u003e"}'
    assert json.loads(lines[0]) == {"id": "1", "name": "alpha"}


@pytest.mark.parametrize(
    ("format_", "compression"),
    [("CSV", "GZIP"), ("NEWLINE_DELIMITED_JSON", "GZIP"), ("AVRO", "SNAPPY"), ("PARQUET", "ZSTD")],
)
def test_out_and_in_again(client: bigquery.Client, format_: str, compression: str) -> None:
    uri = f"gs://bucket/round/{format_}-*"
    config = bigquery.ExtractJobConfig(destination_format=format_, compression=compression)
    client.extract_table("d.t", uri, job_config=config).result(timeout=30)
    load = bigquery.LoadJobConfig(source_format=format_, write_disposition="WRITE_TRUNCATE")
    load.schema = client.get_table("d.t").schema
    if format_ == "CSV":
        load.skip_leading_rows = 1
    client.load_table_from_uri(uri, f"d.back_{format_}", job_config=load).result(timeout=30)
    rows = client.query_and_wait(f"SELECT * FROM d.back_{format_} ORDER BY id")
    assert [tuple(row) for row in rows] == [(1, "alpha"), (2, "<b>")]


def test_query_results_are_extracted(sim: Simulator, client: bigquery.Client) -> None:
    query = client.query("SELECT n FROM UNNEST([3, 4]) AS n ORDER BY n")
    query.result(timeout=30)
    assert query.destination is not None
    client.extract_table(query.destination, "gs://bucket/result.csv").result(timeout=30)
    assert sim.objects.read("gs://bucket/result.csv") == b"n\n3\n4\n"


def test_what_cannot_be_extracted(client: bigquery.Client) -> None:
    client.query_and_wait("CREATE VIEW d.v AS SELECT 1 AS n")
    client.query_and_wait("CREATE TABLE d.nested AS SELECT STRUCT(1 AS x) AS totals")
    for table, text in (
        ("d.v", "p:d.v is not allowed for this operation because it is currently a VIEW"),
        ("d.nested", "Operation cannot be performed on a nested schema. Field: totals"),
        ("d.none", "Not found: Table p:d.none"),
    ):
        job = client.extract_table(table, "gs://bucket/no.csv", retry=None)
        with pytest.raises(exceptions.GoogleAPICallError) as raised:
            job.result(timeout=30)
        assert text in raised.value.message
    with pytest.raises(exceptions.BadRequest, match="Invalid extract destination URI 's3://b/x'"):
        client.extract_table("d.t", "s3://b/x", retry=None)


def test_partitions_are_extracted_and_copied(sim: Simulator, client: bigquery.Client) -> None:
    client.query_and_wait(
        "CREATE TABLE d.days (day DATE, n INT64) PARTITION BY day AS "
        "SELECT DATE '2026-01-01', 1 UNION ALL SELECT DATE '2026-01-02', 2"
    )
    client.extract_table("d.days$20260102", "gs://bucket/day.csv").result(timeout=30)
    assert sim.objects.read("gs://bucket/day.csv") == b"day,n\n2026-01-02,2\n"
    client.query_and_wait("CREATE TABLE other.days LIKE d.days")
    config = bigquery.CopyJobConfig(write_disposition="WRITE_TRUNCATE")
    for _ in range(2):
        client.copy_table("d.days$20260102", "other.days$20260102", job_config=config).result(timeout=30)
    assert [tuple(r) for r in client.query_and_wait("SELECT * FROM other.days")] == [(dt.date(2026, 1, 2), 2)]


@pytest.mark.fidelity("fields:Job: statistics.copy", "exact")
def test_copy_table(client: bigquery.Client) -> None:
    job = client.copy_table(["d.t", "d.t"], "other.twice")
    job.result(timeout=30)
    assert job._properties["statistics"]["copy"] == {"copiedRows": "4", "copiedLogicalBytes": "56"}
    assert [s.table_id for s in job.sources] == ["t", "t"]
    with pytest.raises(exceptions.Conflict, match="Already Exists: Table p:other"):
        client.copy_table("d.t", "other.twice", retry=None).result(timeout=30)
    config = bigquery.CopyJobConfig(write_disposition="WRITE_APPEND")
    client.copy_table("d.t", "other.twice", job_config=config).result(timeout=30)
    assert client.get_table("other.twice").num_rows == 6
    client.query_and_wait("CREATE TABLE d.columns (day DATE, id INT64, name STRING) PARTITION BY day")
    job = client.copy_table("d.t", "d.columns", job_config=config, retry=None)
    with pytest.raises(exceptions.BadRequest, match="Failed to copy Non partitioned table"):
        job.result(timeout=30)


def test_snapshot_clone_restore(client: bigquery.Client) -> None:
    config = bigquery.CopyJobConfig(operation_type="SNAPSHOT")
    config.destination_expiration_time = "2100-01-01T00:00:00Z"
    client.copy_table("d.t", "d.snap", job_config=config).result(timeout=30)
    snapshot = client.get_table("d.snap")
    assert snapshot.table_type == "SNAPSHOT"
    assert snapshot.expires == dt.datetime(2100, 1, 1, tzinfo=dt.UTC)
    for operation, name in (("CLONE", "clone"), ("RESTORE", "restored")):
        config = bigquery.CopyJobConfig(operation_type=operation)
        source = "d.snap" if operation == "RESTORE" else "d.t"
        client.copy_table(source, f"d.{name}", job_config=config).result(timeout=30)
        made = client.get_table(f"d.{name}")
        assert (made.table_type, made.num_rows) == ("TABLE", 2)


def test_a_deleted_table_comes_back(sim: Simulator, client: bigquery.Client) -> None:
    client.query_and_wait("CREATE TABLE d.gone AS SELECT 1 AS n")
    sim.clock.advance("10s")
    at_ms = sim.clock.now_us() // 1000
    sim.clock.advance("10s")
    client.delete_table("d.gone")
    client.copy_table(f"d.gone@{at_ms}", "d.back").result(timeout=30)
    assert client.get_table("d.back").num_rows == 1
