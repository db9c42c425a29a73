"""The server and the front take turns at the port."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from typing import Any

import grpc
import pytest

from bqsim.server.grpc.front.sockets import bound, steer
from bqsim.settings import Settings
from bqsim.sim.effects.failures import NetworkFault
from bqsim.sim.scenario.model import Network
from tests.waiting import PATIENCE_S

from .conftest import READ, Bench, running


def fault(call: Any) -> None:
    raise NetworkFault(Network("rst_stream", applied=False), applied=False)


def test_faults_need_the_front(bench: Bench) -> None:
    bench.hook().refuse = fault
    closed = (grpc.StatusCode.UNAVAILABLE, False)
    reset = (grpc.StatusCode.INTERNAL, True)

    def outcome() -> tuple[grpc.StatusCode, bool]:
        with pytest.raises(grpc.RpcError) as caught:
            bench.create()
        return caught.value.code(), "RST_STREAM" in caught.value.details()

    for armed in (False, True, True, False):
        (bench.server.arm if armed else bench.server.disarm)()
        assert bench.server.armed is armed
        found = outcome()
        if not armed and found == reset:
            # The call was on its way before the client heard that the front had gone.
            found = outcome()
        assert found == (reset if armed else closed)


def test_the_first_call_of_an_idle_client_meets_the_front(bench: Bench) -> None:
    """It comes on the connection that there was, and is not served there."""
    bench.create()
    bench.server.arm()
    hook = bench.hook()
    hook.refuse = fault
    with pytest.raises(grpc.RpcError) as caught:
        bench.create()
    assert caught.value.code() is grpc.StatusCode.INTERNAL
    assert len(hook.before_calls) == 1


def test_calls_that_run_go_on_where_they_are(bench: Bench) -> None:
    going = threading.Event()

    def rows(asked: Any, cancelled: Any) -> Iterator[bytes]:
        yield b"1"
        assert going.wait(20)
        yield b"2"

    bench.read.rows = rows
    calls = []
    for switch in (bench.server.arm, bench.server.disarm, bench.server.arm):
        call = bench.rows()
        assert next(call) == b"1"
        calls.append(call)
        switch()
    going.set()
    assert [list(call) for call in calls] == [[b"2"]] * 3


def test_busy_clients_lose_no_call(bench: Bench) -> None:
    stop = threading.Event()
    failed: list[Any] = []
    done = [0] * 2

    def work(n: int) -> None:
        channel = bench.connect(number=n)
        call = channel.unary_unary(f"/{READ}/CreateReadSession")
        while not stop.is_set():
            try:
                call(b"", timeout=20)
                done[n] += 1
            except grpc.RpcError as error:
                failed.append(error)
        channel.close()

    threads = [threading.Thread(target=work, args=(n,)) for n in range(len(done))]
    for thread in threads:
        thread.start()
    for switch in (bench.server.arm, bench.server.disarm) * 2:
        switch()
    stop.set()
    for thread in threads:
        thread.join(30)
    assert all(done)
    assert failed == []


def test_switches_from_many_threads_end_in_one_state(bench: Bench) -> None:
    threads = [threading.Thread(target=bench.server.arm) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert bench.server.armed
    assert bench.create()


def test_an_armed_start_takes_free_ports_too(settings: Settings) -> None:
    with running(settings, front=True) as bench:
        assert bench.port > 0
        assert bench.server.armed
        assert bench.create()
        bench.server.disarm()
        assert bench.create()


def test_a_taken_port_is_told_by_an_armed_start_too(bench: Bench, settings: Settings) -> None:
    with pytest.raises(OSError, match=str(bench.port)):
        bench.server.start("127.0.0.1", bench.port, front=True)


def test_a_stopped_server_does_not_switch(settings: Settings) -> None:
    with running(settings) as bench:
        bench.stop()
        bench.server.arm()
        assert not bench.server.armed
        with socket.socket() as free:
            free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            free.bind(("127.0.0.1", bench.port))


def test_nothing_is_left_of_an_armed_server(settings: Settings) -> None:
    before = set(threading.enumerate())
    with running(settings) as bench:
        for switch in (bench.server.arm, bench.server.disarm, bench.server.arm):
            switch()
            bench.create()
    for thread in set(threading.enumerate()) - before:
        thread.join(PATIENCE_S)
    left = [t.name for t in set(threading.enumerate()) - before if t.name.startswith("bqsim-grpc")]
    assert left == []


def test_calls_know_the_scope_of_their_port(settings: Settings) -> None:
    with running(settings, scope="mine") as bench:
        hook = bench.hook()
        bench.create(metadata=[("authorization", "Bearer user:a@b.cd,group:g@b.cd")])
        list(bench.append([b""]))
        assert [(c.scope, c.groups) for c in hook.before_calls] == [("mine", ("g@b.cd",)), ("mine", ())]


def test_the_newest_of_a_port_gets_its_connections() -> None:
    older = bound("127.0.0.1", 0)
    older.listen()
    newer = bound("127.0.0.1", older.getsockname()[1])
    newer.listen()
    steer(newer, 1)
    older.setblocking(False)
    address = ("127.0.0.1", newer.getsockname()[1])
    clients = [socket.create_connection(address) for _ in range(20)]
    with pytest.raises(BlockingIOError):
        older.accept()
    older.close()
    clients.append(socket.create_connection(address))
    accepted = [newer.accept()[0] for _ in clients]
    for one in (*clients, *accepted, newer):
        one.close()
