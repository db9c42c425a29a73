"""Shadow tables through Google's clients: figures of production from dry runs, without rows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.api_core.exceptions import BadRequest, GoogleAPICallError
from google.cloud import bigquery

import bqsim
from bqsim.seeding import Api, ApiError, seed
from bqsim.simulator import Simulator

pytestmark = pytest.mark.fidelity(
    "bytes:shadow tables", "approximated", "columns that were not told are estimated"
)

PROJECT = "warehouse"
GIB = 1024**3
SEED = """
datasets:
  sales:
    tables:
      orders:
        schema: {id: INT64 NOT NULL, day: DATE NOT NULL, note: STRING}
        partition_by: day
        require_partition_filter: false
        statistics:
          partitions:
            "20260101": {rows: 100000000, bytes: 21474836480}
            "20260102": {rows: 200000000, bytes: 42949672960}
      whole:
        schema: {id: INT64, note: STRING, other: STRING}
        statistics: {rows: 1000, bytes: 100000}
      nested:
        schema: {id: INT64 NOT NULL, r: "STRUCT<a INT64, b STRING>"}
        statistics: {rows: 100, columns: {"r.a": 700, "r.b": 9200}}
      clustered:
        schema: {id: INT64 NOT NULL, seen: TIMESTAMP NOT NULL}
        cluster_by: [seen, id]
        statistics:
          rows: 1000
          generate_rows: 20
          blocks:
            - {bytes: 4000, columns: {seen: ["2026-01-01T00:00:00Z", 2026-01-02 00:00:00], id: [1, 9]}}
            - {bytes: 12000, columns: {seen: ["2026-01-02T00:00:00Z", "2026-01-31T00:00:00Z"], id: [2, 9, 0]}}
      unknown_partitions:
        schema: {id: INT64 NOT NULL, day: DATE NOT NULL}
        partition_by: day
        statistics: {rows: 1000}
    views:
      v: SELECT id, note FROM sales.orders WHERE day = '2026-01-02'
"""


@pytest.fixture(scope="module")
def sim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    with bqsim.start(project=PROJECT) as running:
        seed(Api(running.url, PROJECT), SEED)
        yield running


@pytest.fixture(scope="module")
def client(sim: Simulator) -> Iterator[Any]:
    with sim.client() as made:
        yield made


def _dry(client: Any, sql: str, **options: Any) -> tuple[int, str]:
    job = client.query(sql, job_config=bigquery.QueryJobConfig(dry_run=True, **options))
    query = job._properties["statistics"]["query"]
    return job.total_bytes_processed, query["totalBytesProcessedAccuracy"]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT id FROM sales.orders", (300_000_000 * 8, "PRECISE")),
        ("SELECT * FROM sales.orders", (60 * GIB, "PRECISE")),
        ("SELECT * FROM sales.orders WHERE day = '2026-01-02'", (40 * GIB, "PRECISE")),
        ("SELECT id FROM sales.orders WHERE day = '2026-01-01'", (100_000_000 * 16, "PRECISE")),
        ("SELECT id FROM sales.orders WHERE day < '2026-01-01'", (0, "PRECISE")),
        ("SELECT * FROM sales.v", (40 * GIB, "PRECISE")),
        ("SELECT COUNT(*) FROM sales.orders", (0, "PRECISE")),
        ("SELECT * FROM sales.whole", (100_000, "PRECISE")),
        ("SELECT id FROM sales.whole", (8000, "UPPER_BOUND")),
        ("SELECT note FROM sales.whole", (46_000, "UNKNOWN")),
        ("SELECT r.b FROM sales.nested", (9200, "PRECISE")),
        ("SELECT r FROM sales.nested", (9900, "PRECISE")),
        ("SELECT id, r.a FROM sales.nested", (1500, "PRECISE")),
        ("SELECT * FROM sales.nested", (10_700, "PRECISE")),
        ("SELECT id FROM sales.unknown_partitions WHERE day = '2026-01-01'", (16_000, "UPPER_BOUND")),
    ],
)
def test_dry_runs_tell_the_bytes_of_production(client: Any, sql: str, expected: tuple[int, str]) -> None:
    assert _dry(client, sql) == expected


def test_maximum_bytes_billed_is_enforced(client: Any) -> None:
    with pytest.raises(GoogleAPICallError, match="bytes billed"):
        _dry(client, "SELECT * FROM sales.orders", maximum_bytes_billed=GIB)
    config = bigquery.QueryJobConfig(maximum_bytes_billed=GIB)
    with pytest.raises(GoogleAPICallError, match="bytes billed"):
        client.query_and_wait("SELECT * FROM sales.orders", job_config=config)


def test_figures_of_the_table_and_of_the_views_agree(client: Any) -> None:
    table = client.get_table("sales.orders")
    assert (table.num_rows, table.num_bytes) == (300_000_000, 60 * GIB)
    storage = client.query_and_wait(
        "SELECT total_rows, total_partitions, total_logical_bytes"
        " FROM `region-us`.INFORMATION_SCHEMA.TABLE_STORAGE WHERE table_name = 'orders'"
    )
    assert [tuple(r) for r in storage] == [(300_000_000, 2, 60 * GIB)]
    partitions = client.query_and_wait(
        "SELECT partition_id, total_rows, total_logical_bytes FROM sales.INFORMATION_SCHEMA.PARTITIONS "
        "WHERE table_name = 'orders' ORDER BY 1"
    )
    assert [tuple(r) for r in partitions] == [
        ("20260101", 100_000_000, 20 * GIB),
        ("20260102", 200_000_000, 40 * GIB),
    ]


def test_reading_rows_is_refused_everywhere(sim: Simulator, client: Any) -> None:
    with pytest.raises(BadRequest, match="is a shadow table"):
        client.query_and_wait("SELECT * FROM sales.orders")
    with pytest.raises(BadRequest, match="is a shadow table"):
        list(client.list_rows("sales.orders"))
    with pytest.raises(BadRequest, match="is a shadow table"):
        client.copy_table("sales.orders", "sales.copied").result()
    with pytest.raises(BadRequest, match="is a shadow table"):
        client.extract_table("sales.orders", "gs://bucket/file.csv").result()
    reader = sim.read_client()
    with pytest.raises(GoogleAPICallError, match="is a shadow table"):
        reader.create_read_session(
            parent=f"projects/{PROJECT}",
            read_session={
                "table": f"projects/{PROJECT}/datasets/sales/tables/orders",
                "data_format": "ARROW",
            },
        )
    reader.transport.close()


def test_shadow_tables_outlive_a_restart(tmp_path: Path) -> None:
    with bqsim.start(project=PROJECT, data_dir=tmp_path) as first:
        seed(Api(first.url, PROJECT), SEED)
    with bqsim.start(project=PROJECT, data_dir=tmp_path) as again, again.client() as client:
        assert client.get_table("sales.orders").num_bytes == 60 * GIB
        assert _dry(client, "SELECT * FROM sales.orders WHERE day = '2026-01-02'") == (40 * GIB, "PRECISE")


def test_a_job_that_loads_a_sample_makes_it_readable(client: Any) -> None:
    seed(
        Api(client._connection.API_BASE_URL, PROJECT),
        "datasets: {sales: {tables: {sampled: {schema: {id: INT64 NOT NULL},\n"
        "  statistics: {rows: 1000000}}}}}\n",
    )
    client.load_table_from_json([{"id": 1}], "sales.sampled").result()
    assert [r.id for r in client.list_rows("sales.sampled")] == [1]
    assert _dry(client, "SELECT id FROM sales.sampled") == (8_000_000, "PRECISE")


@pytest.mark.parametrize(
    ("condition", "estimate", "accuracy"),
    [
        ("seen > TIMESTAMP '2026-01-05'", 12000, "PRECISE"),
        ("seen <= TIMESTAMP '2026-01-01 12:00:00+00' AND id = 1", 4000, "PRECISE"),
        ("seen = TIMESTAMP '2027-01-01'", 0, "PRECISE"),
        ("id = 1", 16000, "PRECISE"),
        ("EXTRACT(HOUR FROM seen) = 1", 16000, "UPPER_BOUND"),
        ("TRUE", 16000, "PRECISE"),
    ],
)
def test_blocks_of_clustered_tables(client: Any, condition: str, estimate: int, accuracy: str) -> None:
    config = bigquery.QueryJobConfig(dry_run=True)
    job = client.query(f"SELECT id, seen FROM sales.clustered WHERE {condition}", job_config=config)
    query = job._properties["statistics"]["query"]
    assert (job.total_bytes_processed, query["totalBytesProcessedAccuracy"]) == (estimate, accuracy)


def test_which_blocks_were_read(sim: Simulator, client: Any) -> None:
    job = client.query("SELECT COUNT(id) FROM sales.clustered WHERE seen > TIMESTAMP '2026-01-05'")
    job.result(timeout=60)
    told = Api(sim.url, PROJECT).control("GET", f"projects/{PROJECT}/jobs/{job.job_id}/pruning")
    [table] = told["statements"][0]["tables"]
    assert table["blocks"] == {"read": 1, "total": 2}
    assert (table["bytesRead"], table["bytesOfBlocksLeftOut"]) == ("12000", "4000")


@pytest.mark.parametrize(
    "blocks",
    [
        '{"20260101": []}',
        '{"": [[1]]}',
        '{"": [[-1, {}]]}',
        '{"": [[1, {"seen": ["x", null, 0]}]]}',
        '{"": [[1, {"seen": [null, null]}]]}',
        '{"": [[1, {"none": [1, 2, 0]}]]}',
        '{"": 1}',
        "[]",
    ],
)
def test_blocks_that_cannot_be(sim: Simulator, blocks: str) -> None:
    text = f'{{"columns": {{}}, "parts": {{"": [1, 1, 0]}}, "blocks": {blocks}}}'
    with pytest.raises(ApiError) as caught:
        Api(sim.url, PROJECT).control("PUT", "shadows", {"tables": {"sales.clustered": text}})
    assert caught.value.code == 400
