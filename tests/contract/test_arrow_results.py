"""``queryResultsFormat`` ARROW: the first rows are in the answer, the others in the job's stream."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from google.api_core import exceptions
from google.cloud import bigquery

from bqsim.simulator import Simulator

pytestmark = pytest.mark.fidelity("job:results as Arrow", "exact")

SQL = "SELECT x, CONCAT('s', x) AS s, NUMERIC '1.25' AS n FROM UNNEST(GENERATE_ARRAY(1, {})) AS x ORDER BY x"


@pytest.mark.parametrize("codec", [None, "LZ4_FRAME", "ZSTD"])
@pytest.mark.parametrize("rows", [0, 3, 400_000])
def test_a_query_answers_with_arrow(bqsim_client: Any, rows: int, codec: str | None) -> None:
    found = bqsim_client.query_and_wait(
        SQL.format(rows), query_results_format="ARROW", compression_codec=codec
    ).to_arrow()
    assert found.column("x").to_pylist() == list(range(1, rows + 1))
    assert found.schema.field("n").type == pa.decimal128(38, 9)


def test_max_results_end_the_first_page(bqsim_client: Any) -> None:
    found = bqsim_client.query_and_wait(SQL.format(100), query_results_format="ARROW", max_results=7)
    assert found.to_arrow().column("s").to_pylist() == [f"s{i}" for i in range(1, 8)]


def test_a_destination_table_has_no_job_stream(
    bqsim_client: Any, bqsim_server: Simulator, bqsim_read_client: Any
) -> None:
    bqsim_client.create_dataset("d")
    config = bigquery.QueryJobConfig(
        destination=f"{bqsim_client.project}.d.t", write_disposition="WRITE_TRUNCATE"
    )
    job = bqsim_client.query(SQL.format(5), job_config=config)
    job.result()
    stream = f"projects/{bqsim_client.project}/locations/US/jobs/{job.job_id}/streams/_default"
    with pytest.raises(exceptions.InvalidArgument, match="explicitly-specified destination tables"):
        list(bqsim_read_client.read_rows(stream))
    found = bqsim_client.query_and_wait(SQL.format(5), job_config=config, query_results_format="ARROW")
    assert found.to_arrow().num_rows == 5


def test_streams_of_jobs_that_are_not_there(bqsim_client: Any, bqsim_read_client: Any) -> None:
    stream = f"projects/{bqsim_client.project}/locations/US/jobs/none/streams/_default"
    with pytest.raises(exceptions.NotFound, match="Not found: Job"):
        list(bqsim_read_client.read_rows(stream))


def test_a_failed_job_fails_its_stream(bqsim_client: Any, bqsim_read_client: Any) -> None:
    job = bqsim_client.query("SELECT 1 / x FROM UNNEST([0]) AS x")
    with pytest.raises(exceptions.BadRequest):
        job.result()
    stream = f"projects/{bqsim_client.project}/locations/US/jobs/{job.job_id}/streams/_default"
    with pytest.raises(exceptions.InvalidArgument, match="division by zero"):
        list(bqsim_read_client.read_rows(stream))


@pytest.mark.parametrize(
    ("members", "text"),
    [
        ({"queryResultsFormat": "PARQUET"}, "queryResultsFormat"),
        ({"queryResultsFormat": "ARROW", "arrowSerializationOptions": {"bufferCompression": "X"}}, "bufferC"),
        ({"arrowSerializationOptions": {"bufferCompression": "ZSTD"}}, "only if queryResultsFormat is ARROW"),
    ],
)
def test_bad_formats_are_refused(bqsim_client: Any, members: dict[str, Any], text: str) -> None:
    with pytest.raises(exceptions.BadRequest, match=text):
        bqsim_client._connection.api_request(
            method="POST",
            path=f"/projects/{bqsim_client.project}/queries",
            data={"query": "SELECT 1", "useLegacySql": False, **members},
        )
