"""The recording proxy: what it adds to a call, what it takes away from the rate, and the memory it needs."""

from __future__ import annotations

import contextlib
import http.client
import json
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc

from tests import servers
from tests.bench.bare_grpc import READ

# A result of 20 rows, as jobs.query answers it.
_ROWS = ",".join(f'{{"f":[{{"v":"{i}"}},{{"v":"name {i}"}}]}}' for i in range(20))
ANSWER = (
    '{"kind":"bigquery#queryResponse","schema":{"fields":[{"name":"x","type":"INTEGER"},{"name":"y",'
    '"type":"STRING"}]},"jobReference":{"projectId":"p","jobId":"job_1","location":"US"},"totalRows":"20",'
    f'"rows":[{_ROWS}],"jobComplete":true,"totalBytesProcessed":"240","cacheHit":false}}'
).encode()
BODY = json.dumps({"query": "SELECT x, y FROM t WHERE d = '2024-01-01'", "useLegacySql": False}).encode()
MIB = 1 << 20


@contextlib.contextmanager
def proxy(rest: int, grpc_port: int, folder: Path | None, *options: str) -> Iterator[tuple[int, int, int]]:
    """A proxy before two ports of this machine: its own two, and its process."""
    ports = servers.free_port(), servers.free_port()
    words = [*map(str, ports), f"http://127.0.0.1:{rest}", f"127.0.0.1:{grpc_port}", *options]
    words += ["--out", str(folder)] if folder is not None else []
    with servers.process("-m", "tests.bench.recorded", *words) as child:
        servers.wait_for_port(ports[1])
        yield *ports, child.pid


def peak_mb(pid: int) -> float:
    """The most memory that a process has had."""
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def latency(rounds: int = 1500) -> dict[str, tuple[float, float]]:
    """p50 of the upstream itself and through the proxy, in milliseconds; calls a second of 8 clients."""
    found: dict[str, tuple[float, float]] = {}
    with tempfile.TemporaryDirectory() as place:
        answer = Path(place) / "answer.json"
        answer.write_bytes(ANSWER)
        with servers.bare_server("--answer", str(answer)) as bare:
            for name, folder in (("not recorded", None), ("recorded", Path(place) / "b.cassette")):
                with proxy(bare, 1, folder) as (port, _, _):
                    direct = servers.RawSocket(bare, "/fixed", BODY)
                    through = servers.RawSocket(port, "/fixed", BODY)
                    found[name] = servers.paired_p50(direct.call, through.call, rounds, 100)
                    found[f"{name}, rate"] = (
                        servers.rate(lambda: servers.RawSocket(bare, "/fixed", BODY).call, 8, 2),
                        servers.rate(lambda port=port: servers.RawSocket(port, "/fixed", BODY).call, 8, 2),
                    )
    return found


def grpc_latency(rounds: int = 500) -> tuple[float, float]:
    """p50 of a gRPC call itself and through the proxy, in milliseconds."""
    with (
        tempfile.TemporaryDirectory() as place,
        servers_of_rows(Path(place), 1, 1000) as upstream,
        proxy(1, upstream, None) as (_, port, _),
    ):
        direct, through = (_reader(p) for p in (upstream, port))
        return servers.paired_p50(lambda: list(direct(b"0")), lambda: list(through(b"0")), rounds)


@contextlib.contextmanager
def servers_of_rows(place: Path, count: int, size: int) -> Iterator[int]:
    """A bare gRPC server that sends so many messages of a size."""
    from tests.bench.bare_grpc import write_messages

    file = place / "messages"
    write_messages(file, (b"x" * size for _ in range(count)))
    port = servers.free_port()
    with servers.process("-m", "tests.bench.bare_grpc", str(port), "--messages", str(file)):
        servers.wait_for_port(port)
        yield port


def _reader(port: int) -> Callable[[bytes], Any]:
    options = [("grpc.max_receive_message_length", -1), ("grpc.use_local_subchannel_pool", 1)]
    channel = grpc.insecure_channel(f"127.0.0.1:{port}", options=options)
    return channel.unary_stream(f"/{READ}/ReadRows")


def streaming(total: int, *, record: bool, keep: str = "") -> tuple[float, float, float]:
    """A download of ``total`` bytes through the proxy: seconds direct and through it, and by how many MB its
    memory grew."""
    with tempfile.TemporaryDirectory() as place, _endless(total) as upstream:
        folder = Path(place) / "b.cassette" if record else None
        with proxy(upstream, 1, folder) as (port, _, pid):
            _download(port, MIB)
            before = peak_mb(pid)
            direct = _timed(lambda: _download(upstream, total))
            through = _timed(lambda: _download(port, total))
            return direct, through, peak_mb(pid) - before


def uploading(total: int, *, record: bool) -> float:
    """By how many MB the proxy's memory grew by an upload of ``total`` bytes."""
    with tempfile.TemporaryDirectory() as place, _endless(MIB) as upstream:
        folder = Path(place) / "b.cassette" if record else None
        with proxy(upstream, 1, folder) as (port, _, pid):
            _upload(port, MIB)
            before = peak_mb(pid)
            _upload(port, total)
            return peak_mb(pid) - before


def _timed(work: Callable[[], None]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _download(port: int, total: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    connection.request("GET", f"/bucket/object?size={total}")
    answer = connection.getresponse()
    size = 0
    while piece := answer.read(256 * 1024):
        size += len(piece)
    assert size == total, size
    connection.close()


def _upload(port: int, total: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    piece = b"x" * (256 * 1024)
    body = (piece for _ in range(total // len(piece)))
    connection.request("POST", "/upload/bigquery/v2/projects/p/jobs", body, encode_chunked=True,
                       headers={"Transfer-Encoding": "chunked"})  # fmt: skip
    answer = connection.getresponse()
    assert int(answer.read()) == total
    connection.close()


@contextlib.contextmanager
def _endless(total: int) -> Iterator[int]:
    """A server in a thread that sends as much as is asked for, and counts what it is sent."""
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    piece = b"\x89" * (256 * 1024)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            size = int(self.path.rpartition("=")[2])
            self.send_response(200)
            self.send_header("Content-Type", "application/octet-stream")
            self.send_header("Content-Length", str(size))
            self.end_headers()
            while size > 0:
                self.wfile.write(piece[: min(size, len(piece))])
                size -= len(piece)

        def do_POST(self) -> None:
            count = 0
            while size := int(self.rfile.readline(), 16):
                count += len(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            data = str(count).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *args: Any) -> None:
            return None

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def figures() -> list[tuple[str, float, str, dict[str, Any]]]:
    """What is measured: name, value, goal, details."""
    out: list[tuple[str, float, str, dict[str, Any]]] = []
    found = latency()
    for name in ("not recorded", "recorded"):
        direct, through = found[name]
        out.append(
            (
                f"jobs.query through the proxy, {name}: p50 added, ms",
                through - direct,
                "<= 1",
                {"ms": (through, direct)},
            )
        )
        direct, through = found[f"{name}, rate"]
        out.append(
            (
                f"jobs.query through the proxy, {name}: calls/s",
                through,
                "",
                {"direct": direct, "ratio": through / direct},
            )
        )
    direct, through = grpc_latency()
    out.append(
        (
            "ReadRows of 1 KB through the proxy: p50 added, ms",
            through - direct,
            "<= 1",
            {"ms": (through, direct)},
        )
    )
    for record in (False, True):
        direct, through, grown = streaming(1024 * MIB, record=record)
        name = "recorded" if record else "not recorded"
        out.append(
            (f"1 GB through the proxy, {name}: memory grown, MB", grown, "<= 64", {"s": (through, direct)})
        )
    return out
