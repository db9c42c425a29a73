"""AppendRows: Arrow rows against a no-op servicer, protocol buffer rows by the second of server CPU."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from itertools import chain, count, repeat
from typing import Any

from tests.servers import Bqsim

from .storage_clients import DDL, RawStorage, Target, bare_server, cpu_seconds, storage_server
from .storage_rows import Requests, arrow_requests, proto_requests

ROUNDS = 5
ARROW_ROWS = {"1 MB": 10_000, "8 MB": 80_000}
ARROW_BYTES = 320_000_000
PROTO_BATCH = 5_000
PROTO_ROWS = 1_000_000
Figure = dict[str, Any]


def storage_write() -> list[Figure]:
    """Bytes a second of Arrow appends and rows a second of protocol buffer appends."""
    numbers = count(1)
    with storage_server() as (sim, target), bare_server() as bare, bare_server("--aio") as bare_aio:
        sim.query("CREATE SCHEMA d")
        figures = [
            figure
            for size, rows in ARROW_ROWS.items()
            for figure in _arrow(sim, target, bare, bare_aio, numbers, size, rows)
        ]
        figures += _proto(sim, target, bare, numbers)
    return figures


def _timed(target: str, requests: Requests, times: int) -> tuple[float, int]:
    """Seconds from the first request to the last answer, and bytes sent."""
    client = RawStorage(target)
    stream = chain([requests.first], repeat(requests.next, times - 1))
    start = time.perf_counter()
    sent = client.append(stream, times)
    seconds = time.perf_counter() - start
    client.close()
    return seconds, sent


def _table(
    sim: Bqsim, numbers: Iterator[int], make: Callable[[str, int], Requests], rows: int
) -> tuple[str, Requests]:
    name = f"t{next(numbers)}"
    sim.query(f"CREATE TABLE d.{name} ({DDL})")
    return name, make(name, rows)


def _check(sim: Bqsim, table: str, rows: int) -> None:
    answer = sim.query(f"SELECT COUNT(*), COUNT(DISTINCT id), MAX(price) FROM d.{table}")
    found = [int(float(cell["v"])) for cell in answer["rows"][0]["f"]]
    assert found[0] == rows, (found, rows)
    sim.query(f"DROP TABLE d.{table}")


def _arrow(
    sim: Bqsim, target: Target, bare: Target, bare_aio: Target, numbers: Iterator[int], size: str, rows: int
) -> list[Figure]:
    speeds: dict[str, list[float]] = {"bqsim": [], "bare": [], "bare aio": []}
    used: dict[str, list[float]] = {"bqsim": [], "bare": [], "bare aio": []}
    for round_ in range(ROUNDS + 1):
        table, requests = _table(sim, numbers, arrow_requests, rows)
        times = ARROW_BYTES // len(requests.next)
        for what, server in (("bare", bare), ("bqsim", target), ("bare aio", bare_aio)):
            before = cpu_seconds(server.pid)
            seconds, sent = _timed(server, requests, times)
            if round_:
                speeds[what].append(sent / seconds / 1e6)
                used[what].append((cpu_seconds(server.pid) - before) / sent * 1e9)
        _check(sim, table, rows * times)
    medians = {what: round(statistics.median(s)) for what, s in speeds.items()}
    return [
        {
            "figure": f"AppendRows, Arrow rows in requests of {size}, x no-op servicer",
            "value": round(medians["bqsim"] / medians["bare"], 3),
            "goal": ">= 0.5",
            "MB/s": medians,
            "CPU seconds of the server for a GB": {w: round(statistics.mean(u), 2) for w, u in used.items()},
        }
    ]


def _proto(sim: Bqsim, target: Target, bare: Target, numbers: Iterator[int]) -> list[Figure]:
    rates, per_core, plain = [], [], []
    times = PROTO_ROWS // PROTO_BATCH
    for round_ in range(ROUNDS + 1):
        table, requests = _table(sim, numbers, proto_requests, PROTO_BATCH)
        plain.append(_timed(bare, requests, times)[0])
        before = cpu_seconds(sim.pid)
        seconds, sent = _timed(target, requests, times)
        used = cpu_seconds(sim.pid) - before
        if round_:
            rates.append(PROTO_ROWS / seconds)
            per_core.append(PROTO_ROWS / used)
        _check(sim, table, PROTO_ROWS)
    return [
        {
            "figure": "AppendRows, proto rows of 10 columns, rows/s for one core of the server",
            "value": round(statistics.median(per_core)),
            "goal": ">= 300000",
            "rows/s by wall time": round(statistics.median(rates)),
            "bytes a row": round(sent / PROTO_ROWS),
            "rows/s of the no-op servicer": round(PROTO_ROWS / statistics.median(plain)),
            "parts": parts(),
        }
    ]


def parts() -> dict[str, float]:
    """Where the time of protocol buffer rows goes: microseconds a row of each part, run alone in this process."""
    from bqsim.catalog.refs import TableRef
    from bqsim.catalog.resources import Table, TableKind
    from bqsim.codecs.protorows import RowDecoder
    from bqsim.engine.duckdb import DuckDBEngine
    from bqsim.storage.v1 import write_pb2
    from bqsim.storage.write.rows import proto_reader
    from bqsim.types import BOOL, DATE, FLOAT64, INT64, NUMERIC, STRING, TIMESTAMP, field_of

    kinds = (INT64, INT64, FLOAT64, STRING, STRING, BOOL, DATE, TIMESTAMP, NUMERIC, INT64)
    names = [column.split()[0] for column in DDL.split(", ")]
    fields = tuple(field_of(name, kind) for name, kind in zip(names, kinds, strict=True))
    table = Table(TableRef("p", "d", "t"), TableKind.TABLE, fields, 1, 1, "e", "US")
    first = proto_requests("t", PROTO_BATCH).first
    parsed = write_pb2.AppendRowsRequest.FromString(first)
    schema, rows = parsed.proto_rows.writer_schema, list(parsed.proto_rows.rows.serialized_rows)
    decoder, reader = RowDecoder(schema.proto_descriptor), proto_reader(table, schema)
    engine = DuckDBEngine(None, threads=1)
    session = engine.session()
    engine_columns = [f"c{i}" for i in range(1, len(fields) + 1)]
    session.create_table("t", list(zip(engine_columns, fields, strict=True)))
    read = reader.read(rows).columns

    def insert() -> None:
        with session.transaction():
            session.append("t", engine_columns, fields, read, 1)

    calls: dict[str, Callable[[], Any]] = {
        "parse the request": lambda: list(
            write_pb2.AppendRowsRequest.FromString(first).proto_rows.rows.serialized_rows
        ),
        "decode to Arrow": lambda: decoder.decode(rows),
        "decode and convert": lambda: reader.read(rows),
        "insert into the engine": insert,
    }
    out = {}
    for name, call in calls.items():
        call()
        samples = []
        for _ in range(15):
            start = time.perf_counter()
            call()
            samples.append(time.perf_counter() - start)
        out[name] = round(statistics.median(samples) / PROTO_BATCH * 1e6, 3)
    session.close()
    engine.close()
    return out
