"""Tables of the tests of ingestion, and what is in them."""

from __future__ import annotations

from typing import Any

from bqclient import BigQueryClient

TABLE = "d.t"
SCHEMA = [
    {"name": "n", "type": "INT64", "mode": "REQUIRED"},
    {"name": "s", "type": "STRING"},
    {"name": "at", "type": "TIMESTAMP"},
    {"name": "tags", "type": "STRING", "mode": "REPEATED"},
]
LOST = {"error": {"reason": "backendError", "applied": True}}
REFUSED = {"error": {"reason": "backendError"}}
INSERT_ALL = "bigquery.tabledata.insertAll"
INSERT_JOB = "bigquery.jobs.insert"


async def make(client: BigQueryClient, schema: Any = None, name: str = TABLE, **attributes: Any) -> None:
    """A new empty table."""
    await client.datasets.create(name.partition(".")[0], exists_ok=True)
    await client.tables.create(name, schema or SCHEMA, **attributes)


def rows(count: int, first: int = 0) -> list[dict[str, Any]]:
    """Rows with numbers."""
    return [{"n": n, "s": f"row {n}"} for n in range(first, first + count)]


async def column(client: BigQueryClient, what: str = "n", name: str = TABLE) -> list[Any]:
    """The values of a column, in order."""
    result = await client.queries.execute(f"SELECT {what} AS v FROM {name} ORDER BY 1", use_cache=False)
    return [row["v"] for row in result.rows]
