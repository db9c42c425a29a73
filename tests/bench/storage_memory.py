"""What the server's memory grows by while readers stall and while a writer does not wait for answers."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from itertools import chain, repeat
from typing import Any

from bqsim.storage.v1 import read_pb2, stream_pb2, write_pb2
from tests.servers import Bqsim

from .storage_clients import DDL, Memory, RawStorage, columns, storage_server, stream_request
from .storage_rows import Requests, arrow_requests, proto_requests

TABLE_ROWS = 10_000_000
STALL_S = 5.0
FLOODS = (500_000_000, 2_000_000_000)
Figure = dict[str, Any]


def storage_memory() -> list[Figure]:
    """Megabytes over the memory before, at the peak."""
    figures: list[Figure] = []
    with storage_server() as (sim, target):
        sim.query("CREATE SCHEMA d")
        sim.query(f"CREATE TABLE d.big AS {columns(TABLE_ROWS)}")
        for readers in (1, 20):
            for name, data_format in (("Arrow", stream_pb2.ARROW), ("Avro", stream_pb2.AVRO)):
                figures.append(_stalled(sim, target, name, data_format, readers))
    floods: tuple[tuple[str, Callable[[str, int], Requests], int], ...] = (
        ("Arrow, 8 MB requests", arrow_requests, 80_000),
        ("proto, 0.4 MB requests", proto_requests, 5_000),
    )
    for kind, make, rows in floods:
        figures += _flood(kind, make, rows)
    return figures


def _stalled(sim: Bqsim, target: str, name: str, data_format: int, readers: int) -> Figure:
    """Readers that stop after two messages; after a while one of them reads on to the end."""
    first = RawStorage(target)
    session = first.session("big", 1, data_format)
    request = stream_request(session.streams[0].name)
    memory = Memory(sim.pid)
    memory.start()
    clients = [RawStorage(target) for _ in range(readers)]
    streams = [client.messages(request) for client in clients]
    rows = [sum(_rows(next(stream)) for _ in range(2)) for stream in streams]
    time.sleep(STALL_S)
    stalled, peak_stalled = memory.now(), memory.peak()
    rest = sum(_rows(message) for message in streams[0])
    assert rows[0] + rest == TABLE_ROWS, (rows[0], rest)
    peak = memory.peak()
    for client in [first, *clients]:
        client.close()
    plural = "a stalled reader" if readers == 1 else f"{readers} stalled readers"
    return {
        "figure": f"memory of {plural} of {TABLE_ROWS:,} rows, {name}, MB at the peak over before",
        "value": round(peak_stalled - memory.before),
        "goal": "bounded",
        "before": round(memory.before),
        "while stalled": round(stalled),
        "peak with one reading to the end": round(peak),
    }


def _rows(message: bytes) -> int:
    return int(read_pb2.ReadRowsResponse.FromString(message).row_count)


def _flood(kind: str, make: Callable[[str, int], Requests], rows: int) -> list[Figure]:
    """A writer that sends all requests before it reads an answer.

    The rows go to disk, but the engine keeps what it has memory for: that part of the growth is in proportion
    to the rows. What is left for no rows, by two floods of different lengths, is what waits on its way.
    """
    small, large = (_growth(make, rows, size) for size in FLOODS)
    slope = (large["peak"] - small["peak"]) / (FLOODS[1] - FLOODS[0])
    return [
        {
            "figure": f"memory of a writer that floods {FLOODS[1] // 10**6:,} MB, {kind}, MB at the peak"
            " without what the engine keeps of the rows",
            "value": round(large["peak"] - slope * FLOODS[1]),
            "goal": "bounded",
            **{f"{size // 10**6} MB sent": found for size, found in zip(FLOODS, (small, large), strict=True)},
        }
    ]


def _growth(make: Callable[[str, int], Requests], rows: int, size: int) -> dict[str, int]:
    """What ``size`` bytes do: MB over before at the peak and after, and MB/s."""
    with tempfile.TemporaryDirectory() as folder, storage_server("--data-dir", folder) as (sim, target):
        sim.query("CREATE SCHEMA d")
        sim.query(f"CREATE TABLE d.t ({DDL})")
        requests = make("t", rows)
        times = size // len(requests.next)
        client = RawStorage(target)
        client.append([requests.first], 1)
        memory = Memory(sim.pid)
        memory.start()
        sent = threading.Event()

        def stream() -> Iterator[bytes]:
            yield from chain([requests.first], repeat(requests.next, times - 1))
            sent.set()

        start = time.perf_counter()
        answers = client.append_rows(stream())
        while not sent.wait(0.25):
            assert answers.is_active(), answers.code()
        count = 0
        for answer in answers:
            count += write_pb2.AppendRowsResponse.FromString(answer).WhichOneof("response") == "append_result"
        seconds = time.perf_counter() - start
        assert count == times, (count, times)
        grown = {"peak": round(memory.peak() - memory.before), "after": round(memory.now() - memory.before)}
        found = int(sim.query("SELECT COUNT(*) FROM d.t")["rows"][0]["f"][0]["v"])
        assert found == rows * (times + 1), (found, rows * times)
        client.close()
    return {**grown, "MB/s": round(size / seconds / 1e6)}
