"""Limits, back-pressure, keep-alive and the stop."""

from __future__ import annotations

import gc
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest

from bqsim.settings import Settings
from bqsim.storage.errors import StorageFailure
from bqsim.storage.v1 import write_pb2
from tests.waiting import PATIENCE_S

from .conftest import WRITE, Bench

MIB = 1 << 20


def quiet(count: Callable[[], int], for_s: float = 0.5) -> int:
    """A count once it has not changed for a while."""
    last, since = count(), time.monotonic()
    while time.monotonic() - since < for_s:
        time.sleep(0.02)
        if count() != last:
            last, since = count(), time.monotonic()
    return last


def request(size: int) -> bytes:
    data: bytes = write_pb2.AppendRowsRequest(trace_id="x" * size).SerializeToString()
    return data


# Limits


def test_what_the_service_refuses_with_its_own_words_reaches_it(bench: Bench) -> None:
    data = request(50 * MIB)
    [answer] = bench.append([data])
    assert write_pb2.AppendRowsResponse.FromString(answer).append_result.offset.value == len(data)


def test_absurd_messages_are_refused_by_the_transport(bench: Bench) -> None:
    answers = bench.append([request(10), request(65 * MIB)])
    assert next(answers)
    with pytest.raises(grpc.RpcError) as caught:
        next(answers)
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    with pytest.raises(grpc.RpcError) as caught:
        bench.create("x" * (65 * MIB))
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert bench.create()


def test_answers_may_be_of_any_size(bench: Bench) -> None:
    bench.read.rows = lambda asked, cancelled: [b"x" * (100 * MIB)]
    [message] = bench.rows()
    assert len(message) == 100 * MIB


class TestFewCalls:
    @pytest.fixture
    def settings(self) -> Settings:
        return Settings(seed=1, max_grpc_calls=2)

    def test_calls_beyond_the_bound_are_refused_at_once(self, bench: Bench) -> None:
        going = threading.Event()

        def rows(asked: Any, cancelled: Any) -> Iterator[bytes]:
            yield b"1"
            going.wait(20)

        bench.read.rows = rows
        calls = [bench.rows() for _ in range(2)]
        assert [next(c) for c in calls] == [b"1", b"1"]
        with pytest.raises(grpc.RpcError) as caught:
            bench.create()
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        going.set()
        assert [list(c) for c in calls] == [[], []]


# Back-pressure


def test_rows_are_made_only_as_the_client_takes_them(bench: Bench) -> None:
    made = 0

    def rows(asked: Any, cancelled: Any) -> Iterator[bytes]:
        nonlocal made
        for _ in range(200):
            made += 1
            yield b"x" * MIB

    bench.read.rows = rows
    # Without a limit of its own, the window of a connection grows by the bandwidth that it measures.
    channel = bench.connect(**{"http2.lookahead_bytes": 65535, "http2.bdp_probe": 0})
    call = channel.unary_stream("/google.cloud.bigquery.storage.v1.BigQueryRead/ReadRows")(b"", timeout=60)
    assert len(next(call)) == MIB
    stalled = quiet(lambda: made)
    assert stalled <= 6
    for _ in range(20):
        next(call)
    assert 20 <= quiet(lambda: made) <= 26
    assert len(list(call)) == 200 - 21
    assert made == 200
    channel.close()


def test_requests_are_taken_only_as_the_service_asks_for_them(bench: Bench) -> None:
    sent = 0
    go_on = threading.Event()
    bench.write.before_answer = lambda taken: go_on.wait(30) and None

    def requests() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(100):
            sent += 1
            yield request(MIB)

    answers = bench.append(requests())
    stalled = quiet(lambda: sent)
    assert stalled <= 20
    assert bench.write.taken == 1
    go_on.set()
    assert len(list(answers)) == 100


# Keep-alive


def test_clients_may_ping_often_with_and_without_calls(bench: Bench) -> None:
    channel = bench.connect(
        keepalive_time_ms=100,
        keepalive_timeout_ms=2000,
        keepalive_permit_without_calls=1,
        **{"http2.max_pings_without_data": 0, "http2.min_time_between_pings_ms": 100},
    )
    states: list[grpc.ChannelConnectivity] = []
    channel.subscribe(states.append)
    answers = channel.stream_stream(f"/{WRITE}/AppendRows")(iter([request(1)]), timeout=20)
    assert len(list(answers)) == 1
    # The server of gRPC's defaults ends such a connection after the third ping.
    time.sleep(1.5)
    assert states[-1] is grpc.ChannelConnectivity.READY
    assert grpc.ChannelConnectivity.TRANSIENT_FAILURE not in states
    channel.close()


# Start and stop


def test_a_taken_port_is_an_os_error_that_names_it(bench: Bench, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(OSError, match=str(bench.port)):
        bench.server.start("127.0.0.1", bench.port)
    assert capfd.readouterr().err == ""


def test_an_unknown_host_is_an_os_error(bench: Bench) -> None:
    with pytest.raises(OSError):
        bench.server.start("no such host.invalid", 0)


def test_unary_calls_end_before_the_stop(bench: Bench) -> None:
    inside, go_on = threading.Event(), threading.Event()

    def work() -> None:
        inside.set()
        assert go_on.wait(10)

    bench.read.during = work
    outcome: list[bytes] = []
    calling = threading.Thread(target=lambda: outcome.append(bench.create()))
    calling.start()
    assert inside.wait(10)
    stopping = threading.Thread(target=bench.stop)
    stopping.start()
    time.sleep(0.1)
    assert stopping.is_alive()
    go_on.set()
    calling.join(10)
    stopping.join(10)
    assert outcome
    assert not stopping.is_alive()


def test_open_streams_are_told_of_the_restart(bench: Bench) -> None:
    def rows(asked: Any, cancelled: Callable[[], bool]) -> Iterator[bytes]:
        while not cancelled():
            time.sleep(0.01)
            yield b"x"

    bench.read.rows = rows
    reading = bench.rows()
    next(reading)
    stopping = threading.Thread(target=bench.stop)
    stopping.start()
    with pytest.raises(grpc.RpcError) as caught:
        list(reading)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert "because server is restarted" in caught.value.details()
    stopping.join(10)
    assert not stopping.is_alive()


def test_neither_stalled_nor_idle_nor_stuck_streams_hold_up_the_stop(bench: Bench) -> None:
    never = threading.Event()
    waited: list[bool] = []
    bench.read.rows = lambda asked, cancelled: (b"x" * MIB for _ in range(1000))
    stalled = bench.rows()
    next(stalled)

    def idle() -> Iterator[bytes]:
        yield request(1)
        waited.append(never.wait(PATIENCE_S))

    writing = bench.append(idle())
    next(writing)
    inside = threading.Event()

    def stuck(asked: Any, cancelled: Any) -> Iterator[bytes]:
        inside.set()
        waited.append(never.wait(PATIENCE_S))
        yield b""

    bench.read.rows = stuck
    waiting = bench.rows()
    assert inside.wait(10)
    bench.stop()
    assert waited == []
    for call in (stalled, writing, waiting):
        with pytest.raises(grpc.RpcError) as caught:
            list(call)
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    never.set()


def test_services_may_end_their_streams_at_the_stop(bench: Bench) -> None:
    ended = threading.Event()
    bench.write.before_answer = lambda taken: ended.wait(10) and None
    writing = bench.append([request(1)])
    stopping = threading.Thread(target=bench.server.stop, args=(ended.set,))
    while bench.write.taken == 0:
        time.sleep(0.01)
    stopping.start()
    with pytest.raises(grpc.RpcError) as caught:
        list(writing)
    assert caught.value.code() is grpc.StatusCode.ABORTED
    assert "because server is restarted" in caught.value.details()
    stopping.join(10)


def test_nothing_is_left_after_the_stop(bench: Bench) -> None:
    bench.create()
    bench.stop()
    for thread in threading.enumerate():
        if thread.name == "bqsim-grpc":
            thread.join(10)
            assert not thread.is_alive()
    with socket.socket() as free:
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        free.bind(("127.0.0.1", bench.port))


def test_what_a_call_held_is_given_back(bench: Bench) -> None:
    class Held:
        count = 0

        def __init__(self) -> None:
            Held.count += 1

        def __del__(self) -> None:
            Held.count -= 1

    def rows(asked: Any, cancelled: Any) -> Iterator[bytes]:
        held = Held()
        yield b"1"
        assert held
        raise StorageFailure("ABORTED", "ended")

    bench.read.rows = rows
    for _ in range(3):
        with pytest.raises(grpc.RpcError):
            list(bench.rows())
    deadline = time.monotonic() + 10
    while Held.count and time.monotonic() < deadline:
        time.sleep(0.02)
        gc.collect()
    assert Held.count == 0


def test_a_process_ends_though_a_stream_is_open() -> None:
    program = """
import threading, grpc, bqsim
sim = bqsim.start()
channel = grpc.insecure_channel(sim.grpc_target)
never = threading.Event()
def requests():
    never.wait()
    yield b""
call = channel.stream_stream("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo")(requests())
print("open", flush=True)
"""
    child = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (child.returncode, child.stdout) == (0, "open\n")
