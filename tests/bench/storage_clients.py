"""Raw clients of the Storage API for measurements: bytes in, bytes out, nothing decoded."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import grpc

from bqsim.storage.v1 import read_pb2, stream_pb2, write_pb2
from tests import servers
from tests.servers import PROJECT, Bqsim

from .bare_grpc import OPTIONS, READ, WRITE

STEP_US = 1_000_003


def columns(count: int) -> str:
    """A SELECT of ``count`` (a multiple of 1,000) rows of ten columns, about 100 bytes each."""
    return (
        "SELECT i AS id, MOD(i * 7919, 100003) AS k, i / 7 AS v, CONCAT('name ', CAST(MOD(i, 1000) AS STRING)) AS name,"
        " CONCAT('longer text of row ', CAST(i AS STRING)) AS note, MOD(i, 3) = 0 AS flag,"
        " DATE_ADD(DATE '2020-01-01', INTERVAL MOD(i, 1000) DAY) AS day,"
        f" TIMESTAMP_MICROS(1577836800000000 + i * {STEP_US}) AS ts, CAST(i AS NUMERIC) / 100 AS price, MOD(i, 97) AS g"
        f" FROM UNNEST(GENERATE_ARRAY(1, {count // 1000})) AS a, UNNEST(GENERATE_ARRAY(1, 1000)) AS b,"
        " UNNEST([a * 1000 + b]) AS i"
    )


DDL = "id INT64, k INT64, v FLOAT64, name STRING, note STRING, flag BOOL, day DATE, ts TIMESTAMP, price NUMERIC, g INT64"


class Target(str):
    """Where a server under measurement listens, with its process id."""

    __slots__ = ("pid",)

    def __new__(cls, address: str, pid: int) -> Target:
        made = super().__new__(cls, address)
        made.pid = pid
        return made


@contextlib.contextmanager
def storage_server(*extra: str) -> Iterator[tuple[Bqsim, Target]]:
    """A simulator in a process of its own, and where it serves gRPC."""
    port, grpc_port = servers.free_port(), servers.free_port()
    arguments = ("-m", "bqsim.cli", "serve", "--port", str(port), "--grpc-port", str(grpc_port), *extra)
    with servers.process(*arguments) as child:
        servers.wait_for_port(port)
        servers.wait_for_port(grpc_port)
        server = Bqsim(port, child.pid)
        server.query("SELECT 1")
        yield server, Target(f"127.0.0.1:{grpc_port}", child.pid)


@contextlib.contextmanager
def bare_server(*extra: str) -> Iterator[Target]:
    """A bare gRPC server in a process of its own."""
    port = servers.free_port()
    with servers.process("-m", "tests.bench.bare_grpc", str(port), *extra) as child:
        servers.wait_for_port(port)
        yield Target(f"127.0.0.1:{port}", child.pid)


class RawStorage:
    """Calls on a connection of its own; rows travel as bytes."""

    def __init__(self, target: str) -> None:
        self.channel = grpc.insecure_channel(
            target, options=[*OPTIONS, ("grpc.use_local_subchannel_pool", 1)]
        )
        self.read_rows: Callable[..., Any] = self.channel.unary_stream(f"/{READ}/ReadRows")
        self.append_rows: Callable[..., Any] = self.channel.stream_stream(f"/{WRITE}/AppendRows")

    def session(
        self, table: str, streams: int, data_format: int = stream_pb2.ARROW, dataset: str = "d"
    ) -> stream_pb2.ReadSession:
        """A read session over a table of the bench project."""
        call = self.channel.unary_unary(
            f"/{READ}/CreateReadSession",
            read_pb2.CreateReadSessionRequest.SerializeToString,
            stream_pb2.ReadSession.FromString,
        )
        session = stream_pb2.ReadSession(
            table=f"projects/{PROJECT}/datasets/{dataset}/tables/{table}", data_format=data_format
        )
        request = read_pb2.CreateReadSessionRequest(
            parent=f"projects/{PROJECT}", read_session=session, max_stream_count=streams
        )
        made: stream_pb2.ReadSession = call(
            request, metadata=[("x-goog-request-params", f"read_session.table={session.table}")]
        )
        return made

    def messages(self, request: bytes) -> Iterator[bytes]:
        """The messages of one stream."""
        return iter(self.read_rows(request))

    def append(self, requests: Iterable[bytes], expected: int) -> int:
        """Send the requests, read ``expected`` answers; the bytes sent."""
        sent = 0

        def counted() -> Iterator[bytes]:
            nonlocal sent
            for request in requests:
                sent += len(request)
                yield request

        answers = list(self.append_rows(counted()))
        assert len(answers) == expected, (len(answers), expected)
        for answer in {answers[0], answers[-1]}:
            response = write_pb2.AppendRowsResponse.FromString(answer)
            assert response.WhichOneof("response") == "append_result", response
        return sent

    def close(self) -> None:
        self.channel.close()


def stream_request(name: str, offset: int = 0) -> bytes:
    return read_pb2.ReadRowsRequest(read_stream=name, offset=offset).SerializeToString()


def drain(target: str, requests: Sequence[bytes]) -> tuple[float, int]:
    """Read streams at once, each on a connection of its own: seconds and bytes."""
    clients = [RawStorage(target) for _ in requests]
    for client in clients:
        grpc.channel_ready_future(client.channel).result(30)
    counts = [0] * len(requests)
    failures: list[BaseException] = []

    def read(index: int) -> None:
        try:
            counts[index] = sum(map(len, clients[index].messages(requests[index])))
        except BaseException as e:
            failures.append(e)

    threads = [threading.Thread(target=read, args=(i,)) for i in range(len(requests))]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - start
    for client in clients:
        client.close()
    if failures:
        raise failures[0]
    return seconds, sum(counts)


def cpu_seconds(pid: int) -> float:
    """CPU time that a process and its threads have used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Memory:
    """The resident memory of a process, and its peak since :meth:`start`; MB."""

    def __init__(self, pid: int) -> None:
        self.folder = Path(f"/proc/{pid}")
        self.before = 0.0

    def _status(self, name: str) -> float:
        lines = (self.folder / "status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith(name)).split()[1]) / 1024

    def start(self) -> None:
        (self.folder / "clear_refs").write_text("5")
        self.before = self.now()

    def now(self) -> float:
        return self._status("VmRSS")

    def peak(self) -> float:
        return self._status("VmHWM")
