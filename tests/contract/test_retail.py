"""99 analytical questions to a retailer's warehouse: Google's client gets the rows of a plain DuckDB."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from google.cloud import bigquery

from tests.bench.retail import differences
from tests.bench.retail_data import DDL, raw_database, write_parquet
from tests.bench.retail_queries import QUERIES, duckdb_text

pytestmark = pytest.mark.fidelity(
    "sql:joins and subqueries, sql:aggregation, sql:window functions, sql:set operations", "exact"
)
# Enough rows that no answer is empty.
SCALE = 0.01
KINDS = {"INT64": "INTEGER", "BOOL": "BOOLEAN"}


@pytest.fixture(scope="module")
def raw() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = raw_database(SCALE)
    yield connection
    connection.close()


@pytest.fixture(scope="module")
def warehouse(
    bqsim_module_client: bigquery.Client,
    raw: duckdb.DuckDBPyConnection,
    tmp_path_factory: pytest.TempPathFactory,
) -> bigquery.Client:
    client = bqsim_module_client
    client.create_dataset("retail")
    folder: Path = tmp_path_factory.mktemp("retail")
    for table, file in write_parquet(raw, folder).items():
        columns = (column.split() for column in DDL[table].split(", "))
        schema = [bigquery.SchemaField(name, KINDS.get(kind, kind)) for name, kind in columns]
        config = bigquery.LoadJobConfig(source_format="PARQUET", schema=schema)
        with file.open("rb") as data:
            client.load_table_from_file(data, f"retail.{table}", job_config=config).result()
    return client


@pytest.mark.parametrize("number", QUERIES)
def test_the_question_has_the_rows_of_duckdb(
    number: int, warehouse: bigquery.Client, raw: duckdb.DuckDBPyConnection
) -> None:
    config = bigquery.QueryJobConfig(default_dataset=f"{warehouse.project}.retail")
    rows = [row.values() for row in warehouse.query_and_wait(QUERIES[number], job_config=config)]
    expected = raw.execute(duckdb_text(number)).fetchall()
    assert rows
    assert not list(differences(rows, expected))
