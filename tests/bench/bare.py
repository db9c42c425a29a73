"""The yardsticks: a bare aiohttp server that answers fixed bytes, and raw DuckDB behind aiohttp.

    python -m tests.bench.bare PORT [--answer FILE] [--tpch SCALE]

``POST /fixed`` answers the bytes of FILE; ``POST /duckdb`` runs the body's ``query`` on DuckDB in a worker thread and
answers the rows as JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import duckdb
from aiohttp import web


def medium_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """100,000 facts and 1,000 dimensions for the medium query."""
    connection.execute(
        "CREATE TABLE facts AS SELECT i AS id, (i * 7919) % 1000 AS k, (i * 31) % 97 AS g, i / 7.0::DOUBLE AS v "
        "FROM range(100000) t(i)"
    )
    connection.execute(
        "CREATE TABLE dims AS SELECT i AS k, 'name ' || (i % 50) AS name FROM range(1000) t(i)"
    )


def application(answer: bytes, connection: duckdb.DuckDBPyConnection) -> web.Application:
    pool = ThreadPoolExecutor(8)
    local = threading.local()

    def run(sql: str) -> bytes:
        if not hasattr(local, "cursor"):
            local.cursor = connection.cursor()
        rows: list[Any] = local.cursor.execute(sql).fetchall()
        return json.dumps({"rows": rows}, default=str).encode()

    async def fixed(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(body=answer, content_type="application/json")

    async def query(request: web.Request) -> web.Response:
        body = await request.json()
        data = await asyncio.get_running_loop().run_in_executor(pool, run, body["query"])
        return web.Response(body=data, content_type="application/json")

    app = web.Application()
    app.router.add_post("/fixed", fixed)
    app.router.add_post("/duckdb", query)
    return app


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("--answer", type=Path)
    parser.add_argument("--tpch", type=float)
    options = parser.parse_args()
    if options.tpch:
        from .tpch_data import raw_database

        connection = raw_database(options.tpch)
    else:
        connection = duckdb.connect()
    medium_tables(connection)
    answer = options.answer.read_bytes() if options.answer else b"{}"
    web.run_app(application(answer, connection), host="127.0.0.1", port=options.port, print=lambda *_: None)


if __name__ == "__main__":
    main()
