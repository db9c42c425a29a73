"""``make demo``: a simulator in this process, driven by Google's own client."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from contextlib import closing
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import bqsim

from .demo_capacity import capacity
from .demo_files import files
from .demo_recording import recordings
from .demo_simulation import simulate

if TYPE_CHECKING:
    from bqsim.simulator import Simulator

ORDERS = [
    {"id": 1, "customer": "ada", "placed": "2026-03-01T09:30:00Z", "total": "129.90",
     "items": [{"sku": "A1", "quantity": 2}, {"sku": "B7", "quantity": 1}]},
    {"id": 2, "customer": "grace", "placed": "2026-03-01T11:05:00Z", "total": "15.00",
     "items": [{"sku": "A1", "quantity": 1}]},
    {"id": 3, "customer": "ada", "placed": "2026-03-02T08:00:00Z", "total": "8.25", "items": []},
]  # fmt: skip

TOP_CUSTOMERS = """
FROM shop.orders
|> AGGREGATE COUNT(*) AS orders, SUM(total) AS spent, ARRAY_AGG(id ORDER BY id) AS ids GROUP BY customer
|> ORDER BY spent DESC"""

RUNNING_TOTAL = """
SELECT id, customer, DATE(placed, 'America/New_York') AS day, total,
  SUM(total) OVER (PARTITION BY customer ORDER BY placed) AS so_far,
  (SELECT STRING_AGG(FORMAT('%dx%s', quantity, sku), ', ' ORDER BY sku) FROM UNNEST(items)) AS basket
FROM shop.orders
ORDER BY id"""

SCRIPT = """
DECLARE month DATE DEFAULT DATE '2026-03-01';
DECLARE rows_found INT64;
CREATE TEMP TABLE recent AS SELECT * FROM shop.orders WHERE placed >= TIMESTAMP(month);
SET rows_found = (SELECT COUNT(*) FROM recent);
IF rows_found > 2 THEN
  SELECT FORMAT('%d orders since %t', rows_found, month) AS summary;
ELSE
  SELECT 'quiet month' AS summary;
END IF;"""


MISTAKES = (
    "SELECT idd FROM shop.orders",
    "SELECT 1 / (id - 1) FROM shop.orders",
    "SELECT * FROM shop.nope",
)

NEW_ORDERS: dict[str, list[Any]] = {
    "id": [5, 6],
    "customer": ["linus", "grace"],
    "total": [Decimal("7.5"), Decimal("99.99")],
}


def heading(text: str) -> None:
    print(f"\n\033[1m{text}\033[0m" if sys.stdout.isatty() else f"\n== {text}")


def show(rows: Iterable[Any]) -> None:
    for row in rows:
        print("  ", dict(row.items()))


def append(sim: Simulator, table: str, schema: Any, columns: dict[str, list[Any]]) -> int:
    """Append rows to the default stream of a table, as Arrow with a table's types; how many."""
    import pyarrow as pa
    from google.cloud.bigquery_storage_v1 import types

    dataset, _, name = table.partition(".")
    rows = pa.record_batch(columns, schema=pa.schema([schema.field(column) for column in columns]))
    request = types.AppendRowsRequest(
        write_stream=f"projects/{sim.project}/datasets/{dataset}/tables/{name}/streams/_default",
        arrow_rows=types.AppendRowsRequest.ArrowData(
            writer_schema={"serialized_schema": rows.schema.serialize().to_pybytes()},
            rows={"serialized_record_batch": rows.serialize().to_pybytes()},
        ),
    )
    client = sim.write_client()
    with closing(client.transport):
        for answer in client.append_rows(iter([request])):
            if answer.error.code:
                raise RuntimeError(answer.error.message)
    return int(rows.num_rows)


def demo() -> int:
    """Run the tour; 0 when every step gave what it should."""
    from google.api_core.exceptions import GoogleAPICallError
    from google.cloud import bigquery

    started = time.perf_counter()
    with bqsim.start() as sim:
        client = sim.client()
        client.query_and_wait("SELECT 1")
        heading(f"A BigQuery on {sim.url}, up and answering after {time.perf_counter() - started:.2f} s")

        heading("Datasets, tables and rows, through google-cloud-bigquery")
        client.create_dataset("shop")
        schema = [
            bigquery.SchemaField("id", "INT64", "REQUIRED"),
            bigquery.SchemaField("customer", "STRING"),
            bigquery.SchemaField("placed", "TIMESTAMP"),
            bigquery.SchemaField("total", "NUMERIC"),
            bigquery.SchemaField("items", "RECORD", "REPEATED", fields=[
                bigquery.SchemaField("sku", "STRING"), bigquery.SchemaField("quantity", "INT64")]),
        ]  # fmt: skip
        job = client.load_table_from_json(
            ORDERS, "shop.orders", job_config=bigquery.LoadJobConfig(schema=schema)
        )
        job.result()
        errors = client.insert_rows_json("shop.orders", [{"id": 4, "customer": "linus", "total": "42"}])
        print(f"   loaded {job.output_rows} rows, streamed 1 more, errors: {errors}")

        heading("The Storage API: rows of a table as Arrow, and rows appended to its default stream")
        arrow = client.list_rows("shop.orders").to_arrow()
        print(
            f"   read {arrow.num_rows} rows of {arrow.num_columns} columns over gRPC from {sim.grpc_target}"
        )
        appended = append(sim, "shop.orders", arrow.schema, NEW_ORDERS)
        count = next(iter(client.query_and_wait("SELECT COUNT(*) AS n FROM shop.orders"))).n
        print(f"   appended {appended} rows, acknowledged; a query now counts {count}")

        heading("GoogleSQL: pipe syntax, aggregation, arrays")
        show(client.query_and_wait(TOP_CUSTOMERS))

        heading("Windows, time zones, correlated subqueries over nested rows; NUMERIC is exact")
        show(client.query_and_wait(RUNNING_TOTAL))

        heading("Parameters of every type")
        parameters = [
            bigquery.ArrayQueryParameter("names", "STRING", ["ada", "linus"]),
            bigquery.ScalarQueryParameter("floor", "NUMERIC", "20"),
        ]
        show(
            client.query_and_wait(
                "SELECT id, total FROM shop.orders "
                "WHERE customer IN UNNEST(@names) AND total > @floor ORDER BY id",
                job_config=bigquery.QueryJobConfig(query_parameters=parameters),
            )
        )

        heading("DML, with statistics")
        update = client.query("UPDATE shop.orders SET total = total * 1.1 WHERE customer = 'ada'")
        update.result()
        print(f"   {update.statement_type}: {update.num_dml_affected_rows} rows")

        heading("A script, its variables and child jobs")
        script = client.query(SCRIPT)
        show(script.result())
        children = list(client.list_jobs(parent_job=script))
        print(f"   {script.num_child_jobs} child jobs:", sorted(c.statement_type for c in children))

        heading("Errors are BigQuery's, with line and column")
        for wrong in MISTAKES:
            try:
                client.query_and_wait(wrong)
            except GoogleAPICallError as error:
                first = error.errors[0]
                print(f"   {wrong}\n      -> {error.code} {first['reason']}: {first['message']}")
            else:
                print(f"   {wrong} was accepted", file=sys.stderr)
                return 1

        heading("The result cache, a dry run, and a job that is cancelled while it runs")
        # Of a table that was streamed into a moment ago nothing is cached.
        numbers = "SELECT SUM(n) FROM UNNEST(GENERATE_ARRAY(1, 1000)) AS n"
        client.query(numbers).result()
        again = client.query(numbers)
        again.result()
        print(f"   the same text again: cacheHit={again.cache_hit}")
        dry = client.query(RUNNING_TOTAL, job_config=bigquery.QueryJobConfig(dry_run=True))
        print(f"   dry run: {len(dry.schema)} columns, {dry.total_bytes_processed} bytes would be read")
        numbers = "UNNEST(GENERATE_ARRAY(1, 100000))"
        heavy = client.query(f"SELECT COUNT(*) FROM {numbers} AS a, {numbers} AS b WHERE MOD(a * b, 7) = 3")
        while heavy.state == "PENDING":
            heavy.reload()
        state = heavy.state
        heavy.cancel()
        while heavy.state != "DONE":
            heavy.reload()
        print(f"   {state} -> {heavy.state}, reason {heavy.error_result['reason']}")
        files(sim, client, heading)
        simulate(sim, client, heading)
        recordings(sim, heading)
        capacity(sim, client, heading)
    print("\nDone.")
    return 0


if __name__ == "__main__":
    raise SystemExit(demo())
