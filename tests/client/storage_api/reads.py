"""Tables and times of the tests of Storage reads."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from bqclient import BigQueryClient
from bqclient.storage_api.read_all import ReadAll

READ_ROWS = "google.cloud.bigquery.storage.v1.BigQueryRead.ReadRows"
ROWS = 20_000


def numbers(sim: Any, rows: int = ROWS, name: str = "numbers") -> None:
    """A table of numbered rows, ``d.<name>``."""
    client = sim.client()
    client.create_dataset("d", exists_ok=True)
    client.query_and_wait(
        f"CREATE TABLE d.{name} AS SELECT n, REPEAT('x', 100) AS s, n / 8 AS f"
        f" FROM UNNEST(GENERATE_ARRAY(0, {rows - 1})) AS n"
    )


def seen(batches: Iterable[Any]) -> list[int]:
    """The numbers in record batches."""
    return [n for batch in batches for n in batch.column("n").to_pylist()]


async def read(client: BigQueryClient, table: str = "d.numbers", **options: Any) -> list[int]:
    """The numbers of a table as they come."""
    reading = client.storage_read.read_all(table, **{"split_bytes": 0, **options})
    return seen([batch async for batch in reading])


def tasks_of_reads() -> list[str]:
    """The names of the tasks of reads that are not done."""
    return [t.get_name() for t in asyncio.all_tasks() if t.get_name().startswith("bqclient read")]


async def first(reading: ReadAll) -> Any:
    """The first batch, and an iterator over the rest."""
    rest = aiter(reading)
    return await anext(rest), rest
