"""Rows appended by offset arrive exactly once, whatever breaks between client and server."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from bqsim.storage.v1 import formats_pb2, stream_pb2, write_pb2
from tests.chaos.test_kill_server import serve
from tests.servers import PROJECT, Bqsim, free_port, wait_for_port
from tests.storage import F, ProtoMessage, table_path

pytestmark = pytest.mark.fidelity("write:offsets and exactly once", "exact")

APPENDS = int(os.environ.get("BQSIM_APPENDS", "300"))
RESTARTS = max(2, APPENDS // 1000)
WRITERS = 3
SEED = int(os.environ.get("BQSIM_SEED", "20260101"))
SERVICE = "/google.cloud.bigquery.storage.v1.BigQueryWrite"
MESSAGE = ProtoMessage([("writer", F.TYPE_INT64, False, None), ("n", F.TYPE_INT64, False, None)])
# Codes of a broken connection or of an append that followed a failed one: the client goes on where it was.
BROKEN = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED, grpc.StatusCode.ABORTED)
OK, CANCELLED, ALREADY_EXISTS, ABORTED, UNAVAILABLE, OUT_OF_RANGE = 0, 1, 6, 10, 14, 11


class Server:
    """A server over a data directory that can be killed and started again on the same gRPC port."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.grpc_port = folder, free_port()
        self.child: subprocess.Popen[bytes]
        self.rest: Bqsim
        self.start()

    def start(self) -> None:
        self.child, self.rest = serve(self.folder, self.grpc_port)
        wait_for_port(self.grpc_port)

    def kill(self) -> None:
        self.child.send_signal(signal.SIGKILL)
        self.child.wait()

    def stop(self) -> None:
        self.child.send_signal(signal.SIGTERM)
        self.child.wait(20)

    @contextlib.contextmanager
    def channel(self) -> Iterator[grpc.Channel]:
        options = [("grpc.use_local_subchannel_pool", 1), ("grpc.initial_reconnect_backoff_ms", 50)]
        with grpc.insecure_channel(f"127.0.0.1:{self.grpc_port}", options=options) as channel:
            yield channel

    def call(self, method: str, request: Any, answer: Any) -> Any:
        """A unary call, again until the server answers."""
        for _ in range(200):
            try:
                with self.channel() as channel:
                    stub = channel.unary_unary(
                        f"{SERVICE}/{method}", type(request).SerializeToString, answer.FromString
                    )
                    return stub(request, timeout=20)
            except grpc.RpcError as error:
                if error.code() is not grpc.StatusCode.UNAVAILABLE:
                    raise
                time.sleep(0.05)
        raise TimeoutError(method)

    def create(self, kind: int, table: str = "t") -> str:
        request = write_pb2.CreateWriteStreamRequest(
            parent=table_path(PROJECT, table), write_stream=stream_pb2.WriteStream(type=kind)
        )
        return str(self.call("CreateWriteStream", request, stream_pb2.WriteStream).name)

    def finalize(self, stream: str) -> int:
        request = write_pb2.FinalizeWriteStreamRequest(name=stream)
        return int(self.call("FinalizeWriteStream", request, write_pb2.FinalizeWriteStreamResponse).row_count)

    def flush(self, stream: str, offset: int) -> int:
        request = write_pb2.FlushRowsRequest(write_stream=stream)
        request.offset.value = offset
        return int(self.call("FlushRows", request, write_pb2.FlushRowsResponse).offset)

    def commit(self, *streams: str, table: str = "t") -> Any:
        request = write_pb2.BatchCommitWriteStreamsRequest(
            parent=table_path(PROJECT, table), write_streams=streams
        )
        return self.call("BatchCommitWriteStreams", request, write_pb2.BatchCommitWriteStreamsResponse)

    def values(self, sql: str) -> list[list[str]]:
        answer = self.rest.query(sql, useQueryCache=False)
        return [[cell["v"] for cell in row["f"]] for row in answer.get("rows", [])]


class Appender:
    """A client that appends batches by offset, on connection after connection, until all are acknowledged."""

    def __init__(self, server: Server, writer: int, appends: int, seed: int) -> None:
        self.server, self.writer = server, writer
        self.draws = random.Random(seed)
        self.stream = server.create(stream_pb2.WriteStream.COMMITTED)
        starts, self.batches = 0, []
        for _ in range(appends):
            size = self.draws.randint(1, 4)
            self.batches.append((starts, size))
            starts += size
        self.rows = starts
        self.done = 0
        self.connections = self.duplicates = 0
        self.failure: BaseException | None = None

    def request(self, batch: int, schema: bool) -> write_pb2.AppendRowsRequest:
        at, size = self.batches[batch]
        request = write_pb2.AppendRowsRequest(write_stream=self.stream)
        request.offset.value = at
        rows = [{"writer": self.writer, "n": n} for n in range(at, at + size)]
        request.proto_rows.rows.serialized_rows.extend(MESSAGE.rows(rows))
        if schema:
            request.proto_rows.writer_schema.CopyFrom(
                formats_pb2.ProtoSchema(proto_descriptor=MESSAGE.descriptor)
            )
        return request

    def run(self) -> None:
        try:
            while self.done < len(self.batches):
                self.connect()
        except BaseException as error:
            self.failure = error

    def connect(self) -> None:
        """Send batches from the first unacknowledged one, some twice; the call may be cut off."""
        self.connections += 1
        sent: deque[int] = deque()
        cut = self.draws.randint(1, 120)

        def requests() -> Iterator[bytes]:
            for batch in range(self.done, len(self.batches)):
                copies = 2 if self.draws.random() < 0.1 else 1
                for _ in range(copies):
                    sent.append(batch)
                    yield self.request(batch, schema=batch == first).SerializeToString()

        first = self.done
        with self.server.channel() as channel:
            call = channel.stream_stream(f"{SERVICE}/AppendRows")(
                requests(), metadata=[("x-goog-request-params", f"write_stream={self.stream}")]
            )
            try:
                for count, data in enumerate(call):
                    if not self.take(write_pb2.AppendRowsResponse.FromString(data), sent.popleft()):
                        call.cancel()
                        return
                    if count == cut:
                        call.cancel()
            except grpc.RpcError as error:
                if error.code() not in BROKEN:
                    raise
                time.sleep(self.draws.uniform(0, 0.02))

    def take(self, answer: write_pb2.AppendRowsResponse, batch: int) -> bool:
        """Note what an answer says of a batch; False when the connection has to be made again."""
        at, _ = self.batches[batch]
        code = answer.error.code
        if code == OK:
            assert answer.append_result.offset.value == at, (answer, at)
            assert batch == self.done, "the server acknowledged a batch twice"
        elif code == ALREADY_EXISTS:
            self.duplicates += 1
        else:
            assert code in (ABORTED, UNAVAILABLE, CANCELLED), answer
            return False
        self.done = max(self.done, batch + 1)
        return True


@pytest.fixture(scope="module")
def only_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    made = Server(tmp_path_factory.mktemp("server"))
    try:
        yield made
    finally:
        if made.child.poll() is None:
            made.stop()


@pytest.fixture
def server(only_server: Server) -> Server:
    if only_server.child.poll() is not None:
        # A test has failed between a kill and a start.
        only_server.start()
    only_server.rest.query("DROP SCHEMA IF EXISTS d CASCADE")
    only_server.rest.query("CREATE SCHEMA d")
    only_server.rest.query("CREATE TABLE d.t (writer INT64, n INT64)")
    return only_server


def test_no_row_is_lost_or_doubled(server: Server) -> None:
    draws = random.Random(SEED)
    share = APPENDS // WRITERS
    appenders = [Appender(server, w, share, SEED + w) for w in range(WRITERS)]
    threads = [threading.Thread(target=a.run) for a in appenders]
    for thread in threads:
        thread.start()
    marks = sorted(draws.randint(1, WRITERS * share - 1) for _ in range(RESTARTS))
    for mark in marks:
        while sum(a.done for a in appenders) < mark and any(t.is_alive() for t in threads):
            time.sleep(0.002)
        server.kill()
        server.start()
    for thread in threads:
        thread.join()
    failures = [a.failure for a in appenders if a.failure is not None]
    assert not failures, (SEED, failures)
    found = server.values(
        "SELECT writer, COUNT(*), COUNT(DISTINCT n), MIN(n), MAX(n) FROM d.t GROUP BY writer ORDER BY writer"
    )
    wanted = [[str(a.writer), str(a.rows), str(a.rows), "0", str(a.rows - 1)] for a in appenders]
    assert found == wanted, (SEED, [(a.connections, a.duplicates) for a in appenders])
    assert sum(a.connections for a in appenders) > WRITERS
    assert sum(a.duplicates for a in appenders) > 0
    for appender in appenders:
        assert server.finalize(appender.stream) == appender.rows


def send(server: Server, stream: str, first: int, count: int, offset: int | None) -> Any:
    request = write_pb2.AppendRowsRequest(write_stream=stream)
    rows = [{"writer": 0, "n": n} for n in range(first, first + count)]
    request.proto_rows.writer_schema.CopyFrom(formats_pb2.ProtoSchema(proto_descriptor=MESSAGE.descriptor))
    request.proto_rows.rows.serialized_rows.extend(MESSAGE.rows(rows))
    if offset is not None:
        request.offset.value = offset
    with server.channel() as channel:
        grpc.channel_ready_future(channel).result(20)
        call = channel.stream_stream(
            f"{SERVICE}/AppendRows",
            write_pb2.AppendRowsRequest.SerializeToString,
            write_pb2.AppendRowsResponse.FromString,
        )
        (answer,) = list(call(iter([request])))
    return answer


def numbers(server: Server) -> list[int]:
    return [int(n) for (n,) in server.values("SELECT n FROM d.t ORDER BY n")]


def test_pending_streams_over_restarts(server: Server) -> None:
    first, second, third = (server.create(stream_pb2.WriteStream.PENDING) for _ in range(3))
    assert send(server, first, 0, 10, 0).append_result.offset.value == 0
    server.kill()
    server.start()
    assert numbers(server) == []
    assert send(server, first, 0, 10, 0).error.code == ALREADY_EXISTS
    assert send(server, first, 10, 5, 10).append_result.offset.value == 10
    assert send(server, first, 16, 5, 16).error.code == OUT_OF_RANGE
    assert send(server, second, 15, 5, None).append_result.offset.value == 0
    assert [server.finalize(first), server.finalize(second)] == [15, 5]
    server.kill()
    server.start()
    assert server.finalize(first) == 15
    assert server.commit(first, third).stream_errors
    assert numbers(server) == []
    assert server.commit(first, second).HasField("commit_time")
    server.kill()
    server.start()
    assert numbers(server) == list(range(20))
    again = server.commit(first, second)
    assert [e.code for e in again.stream_errors] or again.HasField("commit_time")
    assert numbers(server) == list(range(20))


def test_buffered_streams_over_restarts(server: Server) -> None:
    stream = server.create(stream_pb2.WriteStream.BUFFERED)
    assert send(server, stream, 0, 10, 0).append_result.offset.value == 0
    assert server.flush(stream, 3) == 3
    server.kill()
    server.start()
    assert numbers(server) == [0, 1, 2, 3]
    assert server.flush(stream, 2) >= 2
    assert numbers(server) == [0, 1, 2, 3]
    assert send(server, stream, 5, 3, 5).error.code == ALREADY_EXISTS
    assert send(server, stream, 10, 10, 10).append_result.offset.value == 10
    assert server.flush(stream, 14) == 14
    server.kill()
    server.start()
    assert numbers(server) == list(range(15))
    assert server.flush(stream, 19) == 19
    assert numbers(server) == list(range(20))
    assert server.finalize(stream) == 20


def test_a_commit_that_is_cut_off_is_all_or_nothing(server: Server) -> None:
    """The server is killed while it commits; after the client's retry every row is there once."""
    streams = [server.create(stream_pb2.WriteStream.PENDING) for _ in range(3)]
    for i, stream in enumerate(streams):
        send(server, stream, i * 2000, 2000, 0)
        server.finalize(stream)
    answers: list[Any] = []
    thread = threading.Thread(target=lambda: answers.append(server.commit(*streams)))
    thread.start()
    time.sleep(random.Random(SEED).uniform(0.0, 0.03))
    server.kill()
    server.start()
    thread.join()
    assert answers
    assert answers[0].HasField("commit_time") or answers[0].stream_errors
    assert len(numbers(server)) == 6000
    assert numbers(server) == list(range(6000))
