"""Servers under measurement, each in a process of its own, and the clients that time them."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PROJECT = "bench"


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


# Where another simulator of this process told clients that it is; a server must not take it for its own.
_OTHERS = (
    "BIGQUERY_EMULATOR_HOST",
    "BIGQUERY_STORAGE_GRPC_ENDPOINT",
    "GOOGLE_CLOUD_PROJECT",
    "STORAGE_EMULATOR_HOST",
)


def own_environment() -> dict[str, str]:
    """The environment of a process that is to know of no other simulator."""
    return {name: value for name, value in os.environ.items() if name not in _OTHERS}


@contextlib.contextmanager
def process(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    child = subprocess.Popen(
        [sys.executable, *arguments], cwd=ROOT, stdout=subprocess.DEVNULL, env=own_environment()
    )
    try:
        yield child
    finally:
        child.send_signal(signal.SIGTERM)
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def wait_for_port(port: int, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
            return
        time.sleep(0.005)
    raise TimeoutError(f"nothing listens on port {port}")


@contextlib.contextmanager
def bqsim_server(*extra: str) -> Iterator[Bqsim]:
    port = free_port()
    with process("-m", "bqsim.cli", "serve", "--port", str(port), "--grpc-port", "0", *extra) as child:
        wait_for_port(port)
        server = Bqsim(port, child.pid)
        server.query("SELECT 1")
        yield server


@contextlib.contextmanager
def bare_server(*extra: str) -> Iterator[int]:
    port = free_port()
    with process("-m", "tests.bench.bare", str(port), *extra):
        wait_for_port(port)
        yield port


class Bqsim:
    """A running simulator and plain HTTP calls to it."""

    def __init__(self, port: int, pid: int) -> None:
        self.port, self.pid = port, pid
        self.local = threading.local()

    def request(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Any:
        status, data = self.raw(method, path, body, headers)
        answer = json.loads(data) if data else {}
        if status >= 400:
            raise RuntimeError(f"{method} {path}: {answer}")
        return answer

    def raw(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        connection = getattr(self.local, "connection", None)
        if connection is None:
            connection = self.local.connection = http.client.HTTPConnection(
                "127.0.0.1", self.port, timeout=300
            )
        payload = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        connection.request(method, path, payload, {"Content-Type": "application/json", **(headers or {})})
        answer = connection.getresponse()
        return answer.status, answer.read()

    def query(self, sql: str, **options: Any) -> Any:
        body = {"query": sql, "useLegacySql": False, "timeoutMs": 200_000, **options}
        return self.request("POST", f"/bigquery/v2/projects/{PROJECT}/queries", body)

    def load_parquet(self, dataset: str, table: str, file: Path) -> None:
        configuration = {
            "configuration": {
                "load": {
                    "destinationTable": {"projectId": PROJECT, "datasetId": dataset, "tableId": table},
                    "sourceFormat": "PARQUET",
                }
            }
        }
        mark = "bench-part"
        body = (
            f"--{mark}\r\nContent-Type: application/json\r\n\r\n{json.dumps(configuration)}\r\n"
            f"--{mark}\r\nContent-Type: */*\r\n\r\n"
        ).encode() + file.read_bytes() + f"\r\n--{mark}--\r\n".encode()  # fmt: skip
        job = self.request(
            "POST",
            f"/upload/bigquery/v2/projects/{PROJECT}/jobs?uploadType=multipart",
            body,
            {"Content-Type": f'multipart/related; boundary="{mark}"'},
        )
        while job["status"]["state"] != "DONE":
            time.sleep(0.02)
            job = self.request("GET", f"/bigquery/v2/projects/{PROJECT}/jobs/{job['jobReference']['jobId']}")
        if "errorResult" in job["status"]:
            raise RuntimeError(job["status"]["errorResult"])

    def resident_mb(self) -> float:
        status = Path(f"/proc/{self.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1024


class RawSocket:
    """One keep-alive connection that sends prepared bytes and reads one answer by Content-Length."""

    def __init__(self, port: int, path: str, body: bytes) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        self.payload = head.encode() + body

    def call(self) -> bytes:
        self.socket.sendall(self.payload)
        data = self.socket.recv(65536)
        head, _, rest = data.partition(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        while len(rest) < length:
            rest += self.socket.recv(65536)
        return rest

    def close(self) -> None:
        self.socket.close()


def milliseconds(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    call()
    return (time.perf_counter() - start) * 1e3


def paired_p50(
    a: Callable[[], Any], b: Callable[[], Any], rounds: int, warm: int = 20
) -> tuple[float, float]:
    """p50 in milliseconds of two calls made in turn, so that a noisy machine slows both alike."""
    for _ in range(warm):
        a()
        b()
    pairs = [(milliseconds(a), milliseconds(b)) for _ in range(rounds)]
    return statistics.median(p[0] for p in pairs), statistics.median(p[1] for p in pairs)


def rate(make_call: Callable[[], Callable[[], Any]], clients: int, seconds: float) -> float:
    """Calls a second that ``clients`` threads get, each with a call of its own."""
    stop = time.perf_counter() + seconds
    counts = [0] * clients

    def work(i: int) -> None:
        call = make_call()
        while time.perf_counter() < stop:
            call()
            counts[i] += 1

    threads = [threading.Thread(target=work, args=(i,)) for i in range(clients)]
    start = time.perf_counter()
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return sum(counts) / (time.perf_counter() - start)


def environment() -> dict[str, Any]:
    import platform

    import duckdb

    return {"python": platform.python_version(), "duckdb": duckdb.__version__, "cpus": os.cpu_count()}
