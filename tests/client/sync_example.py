"""What type checkers know of the client without ``await``: checked by mypy, and run by a test."""

from __future__ import annotations

from decimal import Decimal
from typing import assert_type

from bqclient import SyncBigQueryClient
from bqclient.models.dataset import Dataset
from bqclient.models.job import Job
from bqclient.models.table import Table
from bqclient.services.streaming import InsertResult
from bqclient.storage_api.write import AppendResult
from bqclient.values.rows import Row


def totals(client: SyncBigQueryClient) -> dict[str, Decimal]:
    """A table is made, filled in every way, and asked."""
    assert_type(client.datasets.create("shop", exists_ok=True), Dataset)
    fields = [{"name": "customer", "type": "STRING"}, {"name": "amount", "type": "NUMERIC"}]
    assert_type(client.tables.create("shop.sales", fields), Table)
    rows = [{"customer": "Ada", "amount": Decimal("1.50")}, {"customer": "Bo", "amount": Decimal(2)}]
    assert_type(client.streaming.insert_all("shop.sales", rows), InsertResult)
    assert_type(client.loading.from_rows(rows, "shop.sales"), Job)
    assert_type(client.storage_write.append("shop.sales", rows), AppendResult)
    with client.storage_write.writer("shop.sales", type="PENDING") as writer:
        writer.append(rows)
    client.storage_write.commit("shop.sales", [writer.stream])
    with client.streaming.buffered("shop.sales") as inserter:
        inserter.add_all(rows)
    assert_type(inserter.inserted, int)
    for dataset in client.datasets.list():
        assert_type(dataset, Dataset)
    seen = 0
    for batch in client.storage_read.read_all("shop.sales"):
        seen += batch.num_rows
    handle = client.queries.execute_async("SELECT 1")
    assert_type(handle.status(), Job)
    assert_type(handle.result().scalar(), object)  # type: ignore[assert-type]
    with client.queries.session() as session:
        session.execute("CREATE TEMP TABLE seen AS SELECT 1 AS n")
    result = client.queries.execute("SELECT customer, SUM(amount) AS total FROM shop.sales GROUP BY 1")
    assert_type(result.rows, list[Row])
    return {row["customer"]: row["total"] for row in result}
