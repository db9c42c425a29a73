"""``read_all`` of the client beside Google's own, on the same simulator; and the memory that an iteration takes."""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pyarrow as pa
from google.cloud.bigquery_storage_v1 import BigQueryReadClient, types
from google.cloud.bigquery_storage_v1.services.big_query_read.transports import BigQueryReadGrpcTransport

from bqclient import BigQueryClient, Endpoints
from tests.servers import PROJECT

from .storage_clients import Memory, Target, columns, storage_server

ROWS = 1_000_000
LARGE_ROWS = 6_000_000
ROUNDS = 7
STREAMS = 4
WINDOW_BYTES = 32 << 20
Figure = dict[str, Any]


def bqclient_read() -> list[Figure]:
    """1M rows x 10 columns to Arrow: one stream of Google's reader, its streams in threads, and ours."""
    with storage_server() as (sim, target):
        sim.query("CREATE SCHEMA d")
        sim.query(f"CREATE TABLE d.t AS {columns(ROWS)}")
        sim.query(f"CREATE TABLE d.large AS {columns(LARGE_ROWS)}")
        # First, while this process has no memory left over from other reads.
        memory = [asyncio.run(_memory(sim.port, target, ordered)) for ordered in (False, True)]
        ways: dict[str, Callable[[], pa.Table]] = {
            "Google's reader.to_arrow()": lambda: _official(target, 1),
            f"Google's reader over {STREAMS} streams": lambda: _official(target, STREAMS),
            "read_all": lambda: asyncio.run(_ours(sim.port, target, ordered=False)),
            "read_all, ordered": lambda: asyncio.run(_ours(sim.port, target, ordered=True)),
        }
        times: dict[str, list[float]] = {name: [] for name in ways}
        for number in range(ROUNDS + 1):
            for name, way in ways.items():
                start = time.perf_counter()
                table = way()
                seconds = time.perf_counter() - start
                assert (table.num_rows, table.num_columns) == (ROWS, 10)
                if number:
                    times[name].append(seconds)
    return [*_ratios(times), *memory]


def _ratios(times: dict[str, list[float]]) -> list[Figure]:
    middle = {name: statistics.median(found) for name, found in times.items()}
    official = [name for name in middle if name.startswith("Google")]
    return [
        {
            "figure": f"{ours}: {ROWS:,} rows x 10 columns to Arrow, x the speed of {theirs}",
            "value": round(middle[theirs] / middle[ours], 3),
            "goal": ">= 1.0",
            "seconds": {name: round(seconds, 3) for name, seconds in middle.items()},
        }
        for ours in middle
        if ours not in official
        for theirs in official
    ]


def _official(target: Target, streams: int) -> pa.Table:
    channel = grpc.insecure_channel(target, options=[("grpc.max_receive_message_length", -1)])
    client = BigQueryReadClient(transport=BigQueryReadGrpcTransport(channel=channel))
    session = client.create_read_session(
        parent=f"projects/{PROJECT}",
        read_session=types.ReadSession(
            table=f"projects/{PROJECT}/datasets/d/tables/t", data_format=types.DataFormat.ARROW
        ),
        max_stream_count=streams,
    )

    def whole(stream: Any) -> pa.Table:
        return client.read_rows(stream.name).to_arrow(session)

    try:
        if streams == 1:
            return whole(session.streams[0])
        with ThreadPoolExecutor(streams) as pool:
            return pa.concat_tables(pool.map(whole, session.streams))
    finally:
        client.transport.close()


def _client(port: int, target: Target) -> BigQueryClient:
    endpoints = Endpoints(rest=f"http://127.0.0.1:{port}", grpc=str(target), plain_grpc=True)
    return BigQueryClient(project=PROJECT, endpoints=endpoints)


async def _ours(port: int, target: Target, *, ordered: bool) -> pa.Table:
    async with _client(port, target) as client:
        return await client.storage_read.read_all("d.t", streams=STREAMS, ordered=ordered).to_arrow()


async def _memory(port: int, target: Target, ordered: bool) -> Figure:
    """What this process grows by while it goes through a table batch by batch, slower than they could come."""
    memory = Memory(os.getpid())
    async with _client(port, target) as client:
        memory.start()
        rows = size = waiting = 0
        reading = client.storage_read.read_all(
            "d.large", streams=STREAMS, ordered=ordered, window_bytes=WINDOW_BYTES
        )
        async for batch in reading:
            rows += batch.num_rows
            size += batch.nbytes
            waiting = max(waiting, reading.waiting_bytes)
            await asyncio.sleep(0.002)
        grown = memory.peak() - memory.before
    assert rows == LARGE_ROWS
    return {
        "figure": f"read_all{', ordered' * ordered}: memory at the peak over before with a window of"
        f" {WINDOW_BYTES >> 20} MiB, x the {round(size / 1e6)} MB of the table",
        "value": round(grown * 1.048576e6 / size, 3),
        "goal": "<= 0.25",
        "MB": round(grown),
        "waiting at most, MB": round(waiting / 1e6),
    }
