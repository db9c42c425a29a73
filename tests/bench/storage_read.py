"""ReadRows against a bare gRPC server that sends the same prebuilt bytes."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bqsim.storage.v1 import stream_pb2

from .bare_grpc import write_messages
from .storage_clients import (
    RawStorage,
    Target,
    bare_server,
    columns,
    cpu_seconds,
    drain,
    storage_server,
    stream_request,
)

ROWS = 2_000_000
ROUNDS = 7
Figure = dict[str, Any]
# Seconds, and CPU seconds of the server.
Sample = tuple[float, float]
FORMATS = {"Arrow": (stream_pb2.ARROW, ">= 0.7"), "Avro": (stream_pb2.AVRO, ">= 0.25")}


def storage_read() -> list[Figure]:
    """Arrow and Avro, one and two streams, each the first time a snapshot is read and again."""
    figures: list[Figure] = []
    with storage_server() as (sim, target):
        sim.query("CREATE SCHEMA d")
        sim.query(f"CREATE TABLE d.base AS {columns(ROWS)}")
        tables = fresh_tables(sim.query)
        for name, (data_format, goal) in FORMATS.items():
            for streams in (1, 2):
                figures += _compare(target, tables, name, data_format, streams, goal)
    return figures


def fresh_tables(query: Callable[[str], Any]) -> Iterator[str]:
    """Tables of the same rows that nobody has read yet; the one before is dropped."""
    number = 0
    while True:
        number += 1
        query(f"CREATE TABLE d.t{number} AS SELECT * FROM d.base")
        if number > 1:
            query(f"DROP TABLE d.t{number - 1}")
        yield f"t{number}"


def _compare(
    target: Target, tables: Iterator[str], name: str, data_format: int, streams: int, goal: str
) -> list[Figure]:
    client = RawStorage(target)

    def requests() -> list[bytes]:
        session = client.session(next(tables), streams, data_format)
        assert len(session.streams) == streams, session
        return [stream_request(s.name) for s in session.streams]

    cold: list[Sample] = []
    again: list[Sample] = []
    plain: list[Sample] = []
    aio: list[Sample] = []
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for i, request in enumerate(requests()):
            files.append(Path(folder) / f"{i}")
            write_messages(files[-1], client.messages(request))
        arguments = [part for file in files for part in ("--messages", str(file))]
        same = [str(i).encode() for i in range(streams)]
        with bare_server(*arguments) as bare, bare_server("--aio", *arguments) as bare_aio:
            drain(bare, same)
            drain(bare_aio, same)
            sizes = set()
            for _ in range(ROUNDS):
                wanted = requests()
                for times, server, what in (
                    (plain, bare, same), (cold, target, wanted), (plain, bare, same), (again, target, wanted),
                    (aio, bare_aio, same),
                ):  # fmt: skip
                    before = cpu_seconds(server.pid)
                    seconds, size = drain(server, what)
                    times.append((seconds, cpu_seconds(server.pid) - before))
                    sizes.add(size)
    client.close()
    size = max(sizes)
    assert min(sizes) > 0.99 * size, sizes
    runs = {"bare": plain, "bare aio": aio, "cold": cold, "again": again}
    speeds = {what: round(size / statistics.median(t for t, _ in s) / 1e6) for what, s in runs.items()}
    used = {what: round(statistics.mean(cpu for _, cpu in s) / size * 1e9, 2) for what, s in runs.items()}
    plural = f"{streams} stream{'s' * (streams > 1)}"
    return [
        {
            "figure": f"ReadRows {name}, {plural}, {how}, x bare gRPC server with the same bytes",
            "value": round(speeds[key] / speeds["bare"], 3),
            "goal": goal,
            "MB": round(size / 1e6),
            "MB/s": speeds,
            "CPU seconds of the server for a GB": used,
        }
        for key, how in (("cold", "first read of a snapshot"), ("again", "read again"))
    ]
