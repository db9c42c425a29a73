from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest

from bqsim.server.grpc import moving
from bqsim.server.grpc.moving import Connections, address_of


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("ipv4:127.0.0.1:80", ("127.0.0.1", 80)),
        ("ipv6:%5B::1%5D:80", ("::1", 80)),
        ("ipv6:%5B::ffff:127.0.0.1%5D:80", ("127.0.0.1", 80)),
        ("ipv6:%5Bfe80::1%25eth0%5D:80", ("fe80::1", 80)),
        ("unix:", ("", 0)),
    ],
)
def test_addresses_are_read_from_peers(peer: str, address: tuple[str, int]) -> None:
    assert address_of(peer) == address


class Context:
    """One call of a client; :meth:`end` ends it."""

    def __init__(self, client: socket.socket, *, over: bool = False) -> None:
        self.port = client.getsockname()[1]
        self.over = over
        self.callbacks: list[Callable[[], Any]] = []

    def peer(self) -> str:
        return f"ipv4:127.0.0.1:{self.port}"

    def add_callback(self, callback: Callable[[], Any]) -> bool:
        self.callbacks.append(callback)
        return not self.over

    def end(self) -> None:
        for callback in self.callbacks:
            callback()


class Wire:
    """A connection, both ends of it."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.client = socket.create_connection(listener.getsockname(), timeout=10)
            self.server = listener.accept()[0]
        self.server.setblocking(False)
        self.connections = Connections()
        self.connections.port = self.server.getsockname()[1]

    def close(self) -> None:
        self.client.close()
        self.server.close()


@pytest.fixture
def wire() -> Any:
    made = Wire()
    yield made
    made.close()


ALL, NONE = b"\x7f\xff\xff\xff", b"\0\0\0\0"


def goaway(last: bytes) -> bytes:
    return b"\0\0\x08\x07\0\0\0\0\0" + last + b"\0\0\0\0"


def test_calls_are_served_where_they_come_while_nobody_moves(wire: Wire) -> None:
    assert all(wire.connections.enter(Context(wire.client)) for _ in range(3))


def test_an_idle_connection_serves_no_more_calls(wire: Wire) -> None:
    before = Context(wire.client)
    assert wire.connections.enter(before)
    before.end()
    wire.connections.moving = True
    assert not wire.connections.enter(Context(wire.client))
    assert wire.client.recv(100) == goaway(NONE)
    # What its client had sent by then is not served either, whatever else has changed.
    wire.connections.moving = False
    assert not wire.connections.enter(Context(wire.client))
    wire.client.setblocking(False)
    with pytest.raises(BlockingIOError):
        wire.client.recv(100)


def test_a_busy_connection_serves_what_comes_and_is_told(wire: Wire) -> None:
    running = Context(wire.client)
    assert wire.connections.enter(running)
    wire.connections.moving = True
    late = Context(wire.client)
    assert wire.connections.enter(late)
    assert wire.client.recv(100) == goaway(ALL)
    running.end()
    late.end()
    assert not wire.connections.enter(Context(wire.client))
    assert wire.client.recv(100) == goaway(NONE)


def test_a_call_that_is_over_does_not_keep_its_connection_busy(wire: Wire) -> None:
    assert wire.connections.enter(Context(wire.client, over=True))
    wire.connections.moving = True
    assert not wire.connections.enter(Context(wire.client))


def test_nothing_is_written_behind_what_waits(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    """It could come in the midst of a frame."""
    monkeypatch.setattr(moving, "unsent", lambda sock: 1)
    wire.connections.moving = True
    assert wire.connections.enter(Context(wire.client))
    wire.client.setblocking(False)
    with pytest.raises(BlockingIOError):
        wire.client.recv(100)


def test_connections_that_cannot_be_found_go_on(wire: Wire) -> None:
    wire.connections.moving = True
    wire.connections.port += 1
    assert wire.connections.enter(Context(wire.client))


def test_a_new_connection_from_the_same_port_is_another(wire: Wire) -> None:
    wire.connections.moving = True
    assert not wire.connections.enter(Context(wire.client))
    wire.connections.moving = False
    address = address_of(Context(wire.client).peer())
    wire.connections._away[address] += 1
    assert wire.connections.enter(Context(wire.client))
    assert wire.connections._away == {}
