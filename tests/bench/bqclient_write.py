"""Appends of bqclient beside those of Google's own writer: the same million rows into the same simulator."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable
from itertools import count
from typing import Any

import grpc
import pyarrow as pa
from google.cloud import bigquery_storage_v1 as storage
from google.cloud.bigquery_storage_v1 import types, writer
from google.cloud.bigquery_storage_v1.services.big_query_write.transports import BigQueryWriteGrpcTransport

from tests.servers import PROJECT, Bqsim

from .storage_clients import DDL, Target, storage_server
from .storage_rows import batch, proto_descriptor, proto_rows, stream_name

ROWS = 1_000_000
PROTO_BATCH = 5_000
ARROW_BATCH = 10_000
ROUNDS = 5
Figure = dict[str, Any]


def bqclient_write() -> list[Figure]:
    """Rows a second of a million rows, from Arrow; Google's with messages made beforehand, and with Arrow."""
    numbers = count(1)
    table = pa.Table.from_batches([batch(ROWS)])
    messages = proto_rows(PROTO_BATCH)
    ways: dict[str, Callable[[Bqsim, Target, str], float]] = {
        "bqclient": lambda sim, target, name: _ours(sim, target, name, table, {}),
        "bqclient, PENDING, 2 streams": lambda sim, target, name: _ours(
            sim, target, name, table, {"type": "PENDING", "concurrency": 2}
        ),
        "Google's writer, proto rows made beforehand": lambda sim, target, name: _googles(
            target, name, _proto_requests(messages)
        ),
        "Google's writer, Arrow rows": lambda sim, target, name: _googles(
            target, name, _arrow_requests(table)
        ),
    }
    speeds: dict[str, list[float]] = {way: [] for way in ways}
    with storage_server() as (sim, target):
        sim.query("CREATE SCHEMA d")
        for turn in range(ROUNDS + 1):
            for way, append in ways.items():
                name = f"w{next(numbers)}"
                sim.query(f"CREATE TABLE d.{name} ({DDL})")
                seconds = append(sim, target, name)
                [[found]] = [
                    [c["v"] for c in r["f"]] for r in sim.query(f"SELECT COUNT(*) FROM d.{name}")["rows"]
                ]
                assert int(found) == ROWS, (way, found)
                sim.query(f"DROP TABLE d.{name}")
                if turn:
                    speeds[way].append(ROWS / seconds)
    medians = {way: round(statistics.median(found)) for way, found in speeds.items()}
    ours, proto, arrow = (
        medians["bqclient"],
        medians["Google's writer, proto rows made beforehand"],
        medians["Google's writer, Arrow rows"],
    )
    return [
        {
            "figure": "append of 1M rows, bqclient x Google's writer with proto rows",
            "value": round(ours / proto, 3),
            "goal": ">= 1.5",
            "rows/s": medians,
        },
        {
            "figure": "append of 1M rows, bqclient x Google's writer with Arrow rows",
            "value": round(ours / arrow, 3),
            "goal": ">= 1.0",
        },
    ]


def _ours(sim: Bqsim, target: Target, name: str, table: pa.Table, options: dict[str, Any]) -> float:
    from bqclient import BigQueryClient, Endpoints

    async def work() -> float:
        endpoints = Endpoints(rest=f"http://127.0.0.1:{sim.port}", grpc=str(target), plain_grpc=True)
        async with BigQueryClient(project=PROJECT, endpoints=endpoints) as client:
            start = time.perf_counter()
            if options:
                await client.storage_write.write_table(f"d.{name}", table, **options)
            else:
                await client.storage_write.append(f"d.{name}", table)
            return time.perf_counter() - start

    return asyncio.run(work())


def _proto_requests(messages: list[bytes]) -> tuple[Any, list[Callable[[], Any]]]:
    template = types.AppendRowsRequest()
    template.proto_rows = types.AppendRowsRequest.ProtoData(
        writer_schema=types.ProtoSchema(proto_descriptor=proto_descriptor().message_type[0])
    )

    def made() -> Any:
        data = types.AppendRowsRequest.ProtoData(rows=types.ProtoRows(serialized_rows=messages))
        return types.AppendRowsRequest(proto_rows=data)

    return template, [made] * (ROWS // PROTO_BATCH)


def _arrow_requests(table: pa.Table) -> tuple[Any, list[Callable[[], Any]]]:
    schema = types.ArrowSchema(serialized_schema=table.schema.serialize().to_pybytes())
    template = types.AppendRowsRequest()
    template.arrow_rows = types.AppendRowsRequest.ArrowData(writer_schema=schema)

    def made(part: pa.RecordBatch) -> Any:
        rows = types.ArrowRecordBatch(serialized_record_batch=part.serialize().to_pybytes())
        return types.AppendRowsRequest(arrow_rows=types.AppendRowsRequest.ArrowData(rows=rows))

    parts = table.to_batches(max_chunksize=ARROW_BATCH)
    return template, [lambda part=part: made(part) for part in parts]  # type: ignore[misc]


def _googles(target: Target, name: str, requests: tuple[Any, list[Callable[[], Any]]]) -> float:
    options = [("grpc.max_send_message_length", -1), ("grpc.use_local_subchannel_pool", 1)]
    channel = grpc.insecure_channel(str(target), options=options)
    client = storage.BigQueryWriteClient(transport=BigQueryWriteGrpcTransport(channel=channel))
    template, makers = requests
    template.write_stream = stream_name(name)
    start = time.perf_counter()
    stream = writer.AppendRowsStream(client, template)
    futures = []
    for make in makers:
        request = make()
        request.write_stream = template.write_stream
        futures.append(stream.send(request))
    for future in futures:
        future.result(timeout=120)
    stream.close()
    seconds = time.perf_counter() - start
    channel.close()
    return seconds
