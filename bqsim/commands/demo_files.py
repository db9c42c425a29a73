"""The demo's files and partitions: a load from gs://, what one partition costs, and an extract."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bqsim.simulator import Simulator

DAYS = 90
VISITS_A_DAY = 1000


def files(sim: Simulator, client: Any, heading: Callable[[str], None]) -> None:
    """Load a file from ``gs://``, ask what queries would be billed, and extract one day."""
    from google.api_core.exceptions import GoogleAPICallError
    from google.cloud import bigquery

    heading("A CSV file in gs://, loaded into a table with a partition for each day")
    days = [date(2026, 1, 1) + timedelta(days=n) for n in range(DAYS)]
    rows = (f"{n},page {n % 40},{days[n % DAYS]}\n" for n in range(DAYS * VISITS_A_DAY))
    sim.objects.put("gs://shop-files/visits.csv", "".join(rows))
    config = bigquery.LoadJobConfig(
        schema=[
            bigquery.SchemaField("id", "INTEGER"),
            bigquery.SchemaField("page", "STRING"),
            bigquery.SchemaField("day", "DATE"),
        ],
        time_partitioning=bigquery.TimePartitioning(field="day"),
    )
    job = client.load_table_from_uri("gs://shop-files/visits.csv", "shop.visits", job_config=config)
    job.result()
    table = client.get_table("shop.visits")
    partitions = len(client.list_partitions(table))
    print(f"   {job.output_rows:,} rows, {table.num_bytes:,} bytes, {partitions} partitions")

    heading("What queries of it cost")
    one_day = "SELECT page, COUNT(*) FROM shop.visits WHERE day = '2026-01-15' GROUP BY page"
    for sql in ("SELECT * FROM shop.visits", "SELECT page FROM shop.visits", one_day):
        dry = client.query(sql, job_config=bigquery.QueryJobConfig(dry_run=True))
        print(f"   {dry.total_bytes_processed:>9,} bytes processed: {sql}")
    ran = client.query(one_day)
    ran.result()
    print(f"   billed for the last one: {ran.total_bytes_billed:,} bytes, the least for a table")
    try:
        limit = bigquery.QueryJobConfig(maximum_bytes_billed=1_000_000)
        client.query_and_wait("SELECT * FROM shop.visits", job_config=limit)
    except GoogleAPICallError as error:
        print(f"   with a limit: {error.errors[0]['reason']}: {error.errors[0]['message']}")

    heading("One partition extracted to gs://")
    config = bigquery.ExtractJobConfig(destination_format="NEWLINE_DELIMITED_JSON", compression="GZIP")
    client.extract_table("shop.visits$20260115", "gs://shop-files/day-*.json.gz", job_config=config).result()
    for found in sim.objects.glob("gs://shop-files/day-*"):
        print(f"   {found.uri}: {found.size:,} bytes")
