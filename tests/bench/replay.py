"""Replayed requests a second against a bare aiohttp server that answers the same bytes, in one run; and how long
a cassette of many operations takes to open, and how much memory.

    python -m tests.bench.replay [--seconds 4] [--clients 4] [--operations 100000]
"""

from __future__ import annotations

import argparse
import http.client
import json
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from bqsim.record.cassette.header import Header
from bqsim.record.cassette.writer import CassetteWriter
from bqsim.record.keys import operation_key
from bqsim.record.model import Operation
from tests.servers import bare_server, free_port, process, wait_for_port

PROJECT = "bench"
SQL = "SELECT id, name, price, at FROM shop.orders ORDER BY id LIMIT 100"
ROUNDS = 5


def cassette(folder: Path) -> Path:
    """A query with 100 rows and a table."""
    writer = CassetteWriter(folder)
    rows = [
        {"f": [{"v": str(n)}, {"v": f"name {n}"}, {"v": f"{n / 7:.6f}"}, {"v": f"{1.5e9 + n:.1f}"}]}
        for n in range(100)
    ]
    fields = [("id", "INTEGER"), ("name", "STRING"), ("price", "FLOAT"), ("at", "TIMESTAMP")]
    schema = {"fields": [{"name": n, "type": t, "mode": "NULLABLE"} for n, t in fields]}
    data = json.dumps(rows, separators=(",", ":")).encode()
    stretch = {"start": 0, "count": 100, "format": "json", "data": writer.blob(data, "application/json")}
    request = {"sql": SQL, "configuration": {"query": {"useLegacySql": False}}}
    answer = {"totalBytesProcessed": "1000", "cacheHit": False, "statementType": "SELECT"}
    result = {"answer": answer, "schema": schema, "totalRows": 100, "rows": [stretch]}
    call = {"method": "bigquery.tables.get", "resource": "projects/${project}/datasets/shop/tables/orders"}
    place = {"projectId": "${project}", "datasetId": "shop", "tableId": "orders"}
    table = {
        "kind": "bigquery#table",
        "etag": "${etag}",
        "id": "${project}:shop.orders",
        "selfLink": "${host}/bigquery/v2/projects/${project}/datasets/shop/tables/orders",
        "tableReference": place,
        "schema": schema,
        "numRows": "100",
        "creationTime": "${time:body.creationTime.ms}",
        "type": "TABLE",
        "location": "US",
    }
    operations = [
        Operation("query", operation_key("query", request), 1, request, result),
        Operation("metadata", operation_key("metadata", call), 1, call, {"status": 200, "body": table}),
    ]
    writer.write(Header(recorded="2026-01-01"), sorted(operations, key=lambda o: o.key))
    return folder


def large(folder: Path, count: int) -> Path:
    """A cassette of so many queries."""
    operations = []
    for n in range(count):
        request = {
            "sql": f"SELECT name FROM shop.orders WHERE id = {n}",
            "configuration": {"query": {"useLegacySql": False}},
        }
        result = {
            "answer": {"totalBytesProcessed": str(n)},
            "schema": {"fields": [{"name": "name", "type": "STRING"}]},
            "totalRows": 0,
        }
        operations.append(Operation("query", f"{n:016x}", 1, request, result))
    CassetteWriter(folder).write(Header(recorded="2026-01-01"), operations)
    return folder


class Raw:
    """A keep-alive connection that sends prepared bytes and reads an answer by its length."""

    def __init__(self, port: int, verb: str, path: str, body: bytes = b"") -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        head = f"{verb} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self.payload = head.encode() + body

    def __call__(self) -> bytes:
        self.socket.sendall(self.payload)
        data = self.socket.recv(65536)
        head, _, rest = data.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), data[:500]
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        parts, size = [rest], len(rest)
        while size < length:
            parts.append(self.socket.recv(65536))
            size += len(parts[-1])
        return b"".join(parts)


def rate(make: Callable[[], Callable[[], object]], clients: int, seconds: float) -> float:
    """Calls a second of so many connections, each of a thread."""
    counts = [0] * clients
    ready = threading.Barrier(clients + 1)

    def run(number: int) -> None:
        call = make()
        call()
        ready.wait()
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            call()
            counts[number] += 1

    threads = [threading.Thread(target=run, args=(n,)) for n in range(clients)]
    for thread in threads:
        thread.start()
    ready.wait()
    for thread in threads:
        thread.join()
    return sum(counts) / seconds


def measured(replay: int, seconds: float, clients: int) -> None:
    """Print the rates of the calls, in turns with the bare server."""
    root = f"/bigquery/v2/projects/{PROJECT}"
    query = json.dumps({"query": SQL, "useLegacySql": False}).encode()
    connection = http.client.HTTPConnection("127.0.0.1", replay)
    connection.request("POST", f"{root}/queries?prettyPrint=false", query)
    job = json.loads(connection.getresponse().read())["jobReference"]["jobId"]
    calls: dict[str, tuple[str, str, bytes]] = {
        "jobs.query": ("POST", f"{root}/queries?prettyPrint=false", query),
        "tables.get": ("GET", f"{root}/datasets/shop/tables/orders?prettyPrint=false", b""),
        "getQueryResults": (
            "GET",
            f"{root}/queries/{job}?maxResults=50&startIndex=50&prettyPrint=false",
            b"",
        ),
    }
    for name, (verb, path, body) in calls.items():
        answer = Raw(replay, verb, path, body)()
        with tempfile.NamedTemporaryFile() as file:
            file.write(answer)
            file.flush()
            with bare_server("--answer", file.name) as bare:
                pairs = []
                for _ in range(ROUNDS):
                    ours = rate(lambda: Raw(replay, verb, path, body), clients, seconds / ROUNDS)  # noqa: B023
                    theirs = rate(lambda: Raw(bare, "POST", "/fixed", body), clients, seconds / ROUNDS)  # noqa: B023
                    pairs.append((ours, theirs))
        ours, theirs = (statistics.median(p[n] for p in pairs) for n in (0, 1))
        share = statistics.median(a / b for a, b in pairs)
        print(f"{name:16} {len(answer):6} bytes  replay {ours:7.0f}/s  bare {theirs:7.0f}/s  {share:.0%}")


_OPEN = """
import sys, time
from bqsim.record.cassette.cassette import Cassette
from bqsim.replay.book import Book
import bqsim.replay.rest
def mb(name):
    return int(next(l for l in open("/proc/self/status") if l.startswith(name)).split()[1]) / 1024
before, start = mb("VmRSS"), time.perf_counter()
book = Book([Cassette.open(sys.argv[1])])
took = time.perf_counter() - start
count = len(book.recordings("query"))
print(f"{count} operations: opened in {took:.2f} s, {mb('VmHWM'):.0f} MB in all, of which {before:.0f} MB before")
"""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--operations", type=int, default=100_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        port, grpc_port = free_port(), free_port()
        place = cassette(Path(folder) / "bench.cassette")
        with process(
            *("-m", "bqsim.cli", "replay", str(place), "--port", str(port), "--grpc-port", str(grpc_port)),
            *("--report", "none", "--loose"),
        ):
            wait_for_port(port)
            # It is up when the Storage API is served as well.
            wait_for_port(grpc_port)
            measured(port, given.seconds, given.clients)
        many = large(Path(folder) / "many.cassette", given.operations)
        subprocess.run([sys.executable, "-c", _OPEN, str(many)], check=True)


if __name__ == "__main__":
    main()
