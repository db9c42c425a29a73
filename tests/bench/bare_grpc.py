"""The yardstick of the Storage API: a gRPC server that does nothing but send and take bytes.

    python -m tests.bench.bare_grpc PORT [--aio] [--messages FILE]...

``ReadRows`` of the request ``b"N"`` sends the messages of the N-th FILE (as :func:`write_messages` makes it);
``AppendRows`` answers every request with the same bytes. Both are raw: nothing is parsed.
"""

from __future__ import annotations

import argparse
import asyncio
import struct
from collections.abc import AsyncIterator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc

READ = "google.cloud.bigquery.storage.v1.BigQueryRead"
WRITE = "google.cloud.bigquery.storage.v1.BigQueryWrite"
OPTIONS = [
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.so_reuseport", 0),
]
# An AppendRowsResponse: append_result {offset {value: 1000}}, write_stream of 58 characters.
ANSWER = (
    b"\x0a\x05\x0a\x03\x08\xe8\x07\x2a\x3a"
    + b"projects/bench/datasets/d/tables/t/streams/_default".ljust(58, b"x")
)


def write_messages(file: Path, messages: Iterable[bytes]) -> int:
    """Write messages, each after its length; the bytes of all messages."""
    total = 0
    with file.open("wb") as out:
        for message in messages:
            out.write(struct.pack("<I", len(message)))
            out.write(message)
            total += len(message)
    return total


def read_messages(file: Path) -> list[bytes]:
    data, at, messages = file.read_bytes(), 0, []
    while at < len(data):
        (length,) = struct.unpack_from("<I", data, at)
        messages.append(data[at + 4 : at + 4 + length])
        at += 4 + length
    return messages


def handlers(read: Any, append: Any) -> list[Any]:
    rows = grpc.unary_stream_rpc_method_handler(read)
    appends = grpc.stream_stream_rpc_method_handler(append)
    return [
        grpc.method_handlers_generic_handler(READ, {"ReadRows": rows}),
        grpc.method_handlers_generic_handler(WRITE, {"AppendRows": appends}),
    ]


def serve(port: int, streams: list[list[bytes]]) -> None:
    def read(request: bytes, context: Any) -> Iterator[bytes]:
        return iter(streams[int(request)])

    def append(requests: Iterator[bytes], context: Any) -> Iterator[bytes]:
        for _ in requests:
            yield ANSWER

    server = grpc.server(ThreadPoolExecutor(16), handlers=handlers(read, append), options=OPTIONS)
    server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    server.wait_for_termination()


async def serve_aio(port: int, streams: list[list[bytes]]) -> None:
    async def read(request: bytes, context: Any) -> AsyncIterator[bytes]:
        for message in streams[int(request)]:
            yield message

    async def append(requests: Any, context: Any) -> AsyncIterator[bytes]:
        async for _ in requests:
            yield ANSWER

    server = grpc.aio.server(handlers=handlers(read, append), options=OPTIONS)
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    await server.wait_for_termination()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("--messages", type=Path, action="append", default=[])
    parser.add_argument("--aio", action="store_true")
    options = parser.parse_args()
    streams = [read_messages(file) for file in options.messages]
    if options.aio:
        asyncio.run(serve_aio(options.port, streams))
    else:
        serve(options.port, streams)


if __name__ == "__main__":
    main()
