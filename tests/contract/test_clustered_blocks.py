"""Bytes of queries of clustered tables, through Google's client."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import bigquery

import bqsim

ROWS, TEXT = 1500, 100_000
MIB = 1 << 20


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    with bqsim.start() as running:
        client = running.client()
        client.create_dataset("d")
        client.query_and_wait(
            "CREATE TABLE d.logs CLUSTER BY country, n AS SELECT IF(n <= 500, 'AT', 'FR') AS country, n,"
            f" REPEAT('x', {TEXT}) AS body FROM UNNEST(GENERATE_ARRAY(1, {ROWS})) AS n"
        )
        yield client


def job(client: Any, sql: str, **options: Any) -> Any:
    config = bigquery.QueryJobConfig(use_query_cache=False, **options)
    found = client.query(sql, job_config=config)
    if not config.dry_run:
        found.result()
    return found


def test_a_dry_run_tells_the_most_and_the_query_what_it_was(client: Any) -> None:
    sql = "SELECT body FROM d.logs WHERE country = 'AT' AND n < 100"
    dry = job(client, sql, dry_run=True)
    assert dry.total_bytes_processed == ROWS * (4 + 8 + 2 + TEXT)
    assert dry._properties["statistics"]["query"]["totalBytesProcessedAccuracy"] == "UPPER_BOUND"
    ran = job(client, sql)
    # Three blocks of 500 rows.
    assert ran.total_bytes_processed == dry.total_bytes_processed // 3
    assert ran.total_bytes_billed == -(-ran.total_bytes_processed // MIB) * MIB
    assert ran.estimated_bytes_processed == dry.total_bytes_processed
    assert ran.result().total_rows == 99


def test_a_filter_that_is_no_prefix_reads_all_blocks(client: Any) -> None:
    dry = job(client, "SELECT body FROM d.logs WHERE n < 100", dry_run=True)
    assert dry._properties["statistics"]["query"]["totalBytesProcessedAccuracy"] == "PRECISE"
    ran = job(client, "SELECT body FROM d.logs WHERE n < 100")
    assert ran.total_bytes_processed == dry.total_bytes_processed == ran.estimated_bytes_processed


def test_the_limit_of_bytes_holds_for_the_estimate(client: Any) -> None:
    sql = "SELECT body FROM d.logs WHERE country = 'AT'"
    ran = job(client, sql)
    with pytest.raises(exceptions.GoogleAPICallError, match="limit for bytes billed"):
        job(client, sql, maximum_bytes_billed=ran.total_bytes_billed)
    assert job(client, sql, maximum_bytes_billed=ROWS * (TEXT + 14) + MIB).state == "DONE"


def test_parameters(client: Any) -> None:
    country = bigquery.ScalarQueryParameter("c", "STRING", "IT")
    ran = job(client, "SELECT n FROM d.logs WHERE country = @c", query_parameters=[country])
    assert (ran.total_bytes_processed, ran.total_bytes_billed) == (0, 0)
