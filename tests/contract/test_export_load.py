"""Files in and out of Cloud Storage, through Google's own client."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from google.api_core import exceptions
from google.cloud import bigquery

from bqsim.settings import Settings
from bqsim.simulator import Simulator

pytestmark = [
    pytest.mark.fidelity("statement:EXPORT DATA, statement:LOAD DATA", "exact"),
    pytest.mark.fidelity("statement:CREATE EXTERNAL TABLE", "exact"),
]


@pytest.fixture(scope="module")
def sim() -> Iterator[Simulator]:
    with Simulator(Settings(project="p")) as started:
        yield started


@pytest.fixture(scope="module")
def client(sim: Simulator) -> Iterator[bigquery.Client]:
    with sim.client() as made:
        made.create_dataset("d")
        yield made


def test_out_and_in(sim: Simulator, client: bigquery.Client) -> None:
    job = client.query(
        "EXPORT DATA OPTIONS (uri='gs://bucket/out/*.csv', format='CSV') AS"
        " SELECT 1 AS id, 'alpha' AS name UNION ALL SELECT 2, NULL ORDER BY id"
    )
    job.result(timeout=30)
    assert job.statement_type == "EXPORT_DATA"
    statistics = job._properties["statistics"]["query"]
    assert statistics["exportDataStatistics"] == {"fileCount": "1", "rowCount": "2"}
    assert sim.objects.read("gs://bucket/out/000000000000.csv") == b"id,name\n1,alpha\n2,\n"
    job = client.query("LOAD DATA INTO d.t FROM FILES (format='CSV', uris=['gs://bucket/out/*.csv'])")
    job.result(timeout=30)
    assert job.statement_type == "LOAD_DATA"
    assert job._properties["statistics"]["query"]["loadQueryStatistics"]["outputRows"] == "2"
    rows = client.query("SELECT * FROM d.t ORDER BY id").result(timeout=30)
    assert [tuple(r) for r in rows] == [(1, "alpha"), (2, None)]


def _config(uri: str) -> bigquery.ExternalConfig:
    config = bigquery.ExternalConfig("CSV")
    config.source_uris = [uri]
    config.csv_options.skip_leading_rows = 1
    config.schema = [bigquery.SchemaField("id", "INT64"), bigquery.SchemaField("name", "STRING")]
    return config


@pytest.mark.fidelity("fields:Table: externalDataConfiguration", "exact")
def test_external_table_by_the_api(sim: Simulator, client: bigquery.Client) -> None:
    sim.objects.put("gs://bucket/in/rows.csv", "id,name\n1,x\n2,y\n")
    table = bigquery.Table("p.d.external")
    table.external_data_configuration = _config("gs://bucket/in/*.csv")
    client.create_table(table)
    assert client.get_table("d.external").table_type == "EXTERNAL"
    rows = client.query("SELECT name, _FILE_NAME AS f FROM d.external WHERE id = 2").result(timeout=30)
    assert [tuple(r) for r in rows] == [("y", "gs://bucket/in/rows.csv")]


@pytest.mark.fidelity("job:query", "exact")
def test_table_definitions_of_a_query(sim: Simulator, client: bigquery.Client) -> None:
    sim.objects.put("gs://bucket/in/rows.csv", "id,name\n1,x\n2,y\n")
    config = bigquery.QueryJobConfig(table_definitions={"files": _config("gs://bucket/in/rows.csv")})
    rows = client.query("SELECT SUM(id) AS n FROM files", job_config=config).result(timeout=30)
    assert [r.n for r in rows] == [3]
    with pytest.raises(exceptions.BadRequest, match="must be qualified with a dataset"):
        client.query("SELECT SUM(id) AS n FROM files", retry=None, job_retry=None).result(timeout=30)
    sim.objects.put("gs://bucket/in/rows.csv", "id,name\n7,x\n")
    rows = client.query("SELECT SUM(id) AS n FROM files", job_config=config).result(timeout=30)
    assert [r.n for r in rows] == [7]


def test_errors(client: bigquery.Client) -> None:
    with pytest.raises(exceptions.BadRequest, match="wild card URI"):
        client.query("EXPORT DATA OPTIONS (uri='gs://bucket/x', format='CSV') AS SELECT 1 AS a").result(
            timeout=30
        )
    with pytest.raises(exceptions.NotFound, match="gs://bucket/none"):
        client.query(
            "LOAD DATA INTO d.x FROM FILES (format='CSV', uris=['gs://bucket/none'])", job_retry=None
        ).result(timeout=30)


def test_buckets_that_are_required() -> None:
    with Simulator(Settings(project="p", require_buckets=True)) as sim, sim.client() as client:
        sql = "EXPORT DATA OPTIONS (uri='gs://none/x-*', format='CSV') AS SELECT 1 AS a"
        with pytest.raises(exceptions.NotFound, match="Not found: URI gs://none/x-"):
            client.query_and_wait(sql)
        assert sim.objects.find_bucket("none") is None
        sim.objects.create_bucket("none")
        client.query_and_wait(sql)
        assert sim.objects.names("none") == ["x-000000000000"]
