"""Tables of the tests of Storage writes, and what is in them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from bqclient import BigQueryClient
from tests.client.running import run

SERVICE = "google.cloud.bigquery.storage.v1.BigQueryWrite"
APPEND = f"{SERVICE}.AppendRows"
COMMIT = f"{SERVICE}.BatchCommitWriteStreams"
TABLE = "d.t"


def table(sim: Any, columns: str = "n INT64, s STRING", name: str = TABLE) -> None:
    """A new empty table."""
    client = sim.client()
    client.create_dataset("d", exists_ok=True)
    client.query_and_wait(f"CREATE OR REPLACE TABLE {name} ({columns})")


def column(sim: Any, what: str = "n", name: str = TABLE) -> list[Any]:
    """The values of a column, in order."""
    return [row[0] for row in sim.client().query_and_wait(f"SELECT {what} FROM {name} ORDER BY 1")]


def rows(*numbers: int) -> list[dict[str, Any]]:
    """Rows with those numbers."""
    return [{"n": n, "s": f"row {n}"} for n in numbers]


def clean(sim: Any, work: Callable[[BigQueryClient], Awaitable[Any]], **settings: Any) -> Any:
    """As ``run``; no task is left when the client is closed."""

    async def checked(client: BigQueryClient) -> Any:
        before = asyncio.all_tasks()
        try:
            return await work(client)
        finally:
            await client.close()
            left = [t for t in asyncio.all_tasks() - before if not t.done() and "bqclient" in t.get_name()]
            assert left == []

    return run(sim, checked, **settings)
