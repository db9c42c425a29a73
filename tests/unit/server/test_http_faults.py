"""Faults of the network at the level of bytes: what is seen on the wire, to the byte, and how it ends."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from bqsim.server.http import HttpServer, Request, Response
from bqsim.sim.clock import SimulationClock
from bqsim.sim.scenario.model import Network

BODY = b'{"kind":"bigquery#job","id":"0123456789"}'
HEADERS = {"Content-Type": "application/json", "X-Test": "yes"}
# How a conversation ends.
RESET, FIN, OPEN = "reset", "fin", "open"


class Running:
    """A server on a thread of its own whose answers all suffer ``fault``."""

    def __init__(self, clock: SimulationClock) -> None:
        self.clock = clock
        self.fault: Network | None = None
        self.answer = Response(200, BODY, HEADERS)
        self.served: list[str] = []
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.server = HttpServer(self.handle, lambda status, text: Response(status, text.encode()), clock)
        self.port = 0

    async def handle(self, request: Request) -> Response:
        await request.read(1 << 24)
        self.served.append(request.head.target)
        if request.head.target == "/plain":
            return self.answer
        return Response(self.answer.status, self.answer.body, self.answer.headers, self.fault)

    def run(self, work: object) -> object:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(20)  # type: ignore[arg-type]

    def connect(self) -> Talk:
        return Talk(socket.create_connection(("127.0.0.1", self.port), timeout=20))


@dataclass
class Talk:
    """One connection of a client."""

    socket: socket.socket
    data: bytes = field(default=b"")

    def ask(self, target: str = "/", method: str = "GET", more: str = "") -> Talk:
        self.socket.sendall(f"{method} {target} HTTP/1.1\r\nHost: h\r\n{more}\r\n".encode())
        return self

    def read(self, size: int) -> bytes:
        """The next bytes, exactly so many."""
        while len(self.data) < size:
            piece = self.socket.recv(65536)
            assert piece, f"the connection ended after {self.data!r}"
            self.data += piece
        found, self.data = self.data[:size], self.data[size:]
        return found

    def head(self) -> bytes:
        while b"\r\n\r\n" not in self.data:
            self.data += self.read_some()
        head, _, self.data = self.data.partition(b"\r\n\r\n")
        return head + b"\r\n\r\n"

    def read_some(self) -> bytes:
        piece = self.socket.recv(65536)
        assert piece
        return piece

    def whole(self) -> tuple[bytes, bytes]:
        head = self.head()
        return head, self.read(length_of(head))

    def end(self) -> tuple[bytes, str]:
        """All that comes until the server ends the connection, and how it does."""
        data, self.data = self.data, b""
        try:
            while piece := self.socket.recv(65536):
                data += piece
        except ConnectionResetError:
            return data, RESET
        return data, FIN

    def quiet(self) -> bool:
        """Whether nothing comes for a while."""
        self.socket.settimeout(0.05)
        try:
            self.data += self.socket.recv(65536)
        except TimeoutError:
            return True
        finally:
            self.socket.settimeout(20)
        return False

    def close(self) -> None:
        self.socket.close()


def length_of(head: bytes) -> int:
    line = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
    return int(line.split(b":")[1])


@contextmanager
def serving(clock: SimulationClock) -> Iterator[Running]:
    running = Running(clock)
    running.thread.start()
    try:
        running.port = running.run(running.server.start("127.0.0.1", 0))  # type: ignore[assignment]
        yield running
    finally:
        running.run(running.server.stop(0.5))
        running.loop.call_soon_threadsafe(running.loop.stop)
        running.thread.join()
        running.loop.close()


@pytest.fixture
def server() -> Iterator[Running]:
    clock = SimulationClock()
    clock.freeze()
    with serving(clock) as running:
        yield running


def suffer(server: Running, fault: Network) -> tuple[bytes, bytes, str]:
    """Head, what comes of the body, and the end of an answer that a fault ends."""
    server.fault = fault
    talk = server.connect().ask()
    data, end = talk.end()
    talk.close()
    head, mark, body = data.partition(b"\r\n\r\n")
    return head + mark, body, end


HALF = len(BODY) // 2


@pytest.mark.parametrize("what", ["reset", "goaway", "rst_stream", "half_close"])
@pytest.mark.parametrize(
    ("at", "byte", "body"),
    [
        ("before_headers", None, None),
        ("after_headers", None, b""),
        ("body", None, BODY[:HALF]),
        ("body", 0, b""),
        ("body", 1, BODY[:1]),
        ("body", len(BODY), BODY),
        ("body", 10**9, BODY),
    ],
)
def test_cut_at_a_point(server: Running, what: str, at: str, byte: int | None, body: bytes | None) -> None:
    # A client that is half closed closes too; the clock stands, so that only this ends it.
    head, got, end = suffer(server, Network(what, at, byte))
    assert end == (FIN if what == "half_close" else RESET)
    if body is None:
        assert (head, got) == (b"", b"")
    else:
        assert head.startswith(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Test: yes\r\n")
        assert length_of(head) == len(BODY)
        assert got == body


def test_a_large_body_is_cut_to_the_byte(server: Running) -> None:
    server.answer = Response(200, bytes(range(256)) * 40_000)
    head, body, end = suffer(server, Network("reset", "body", 5_000_001))
    assert (len(body), end) == (5_000_001, RESET)
    assert length_of(head) == 10_240_000


@pytest.mark.parametrize(("byte", "size"), [(None, HALF), (0, 0), (7, 7), (10**9, len(BODY))])
def test_truncate(server: Running, byte: int | None, size: int) -> None:
    head, body, end = suffer(server, Network("truncate", byte=byte))
    assert length_of(head) == len(BODY)
    assert (body, end) == (BODY[:size], FIN)


def test_a_half_closed_connection_is_still_read(server: Running) -> None:
    server.fault = Network("half_close", "after_headers", for_s=60)
    talk = server.connect().ask()
    talk.end()
    # What a closed socket gets is answered with a reset.
    for _ in range(3):
        talk.ask("/more")
        assert server.connect().ask("/plain").whole()[1] == BODY
    assert "/more" not in server.served
    server.clock.advance("61s")
    with pytest.raises(ConnectionError):
        while True:
            talk.ask("/more")
    talk.close()


@pytest.mark.parametrize(
    ("at", "byte", "before"),
    [("before_headers", None, 0), ("after_headers", None, 0), ("body", None, HALF), ("body", 3, 3)],
)
def test_stall(server: Running, at: str, byte: int | None, before: int) -> None:
    server.fault = Network("stall", at, byte, for_s=30)
    talk = server.connect().ask()
    head = b"" if at == "before_headers" else talk.head()
    assert talk.read(before) == BODY[:before]
    assert talk.quiet()
    server.clock.advance("29s")
    assert talk.quiet()
    server.clock.advance("2s")
    head = head or talk.head()
    assert length_of(head) == len(BODY)
    assert talk.read(len(BODY) - before) == BODY[before:]
    # The connection goes on.
    server.fault = None
    assert talk.ask("/next").whole()[1] == BODY
    talk.close()


def test_a_stall_without_end_ends_with_the_client(server: Running) -> None:
    server.fault = Network("stall", "after_headers")
    talk = server.connect().ask()
    talk.head()
    server.clock.advance("7d")
    assert talk.quiet()
    talk.close()
    server.fault = None
    assert server.connect().ask().whole()[1] == BODY


def test_a_stall_ends_when_the_server_stops() -> None:
    clock = SimulationClock()
    clock.freeze()
    with serving(clock) as running:
        running.fault = Network("stall", for_s=3600)
        talk = running.connect().ask()
        while clock.waiting == 0:
            assert talk.quiet()
    assert talk.end() == (b"", FIN)
    assert clock.waiting == 0
    talk.close()


def test_drip(server: Running) -> None:
    server.fault = Network("drip", "body", bytes_per_s=10)
    talk = server.connect().ask()
    talk.head()
    assert talk.quiet()
    server.clock.advance("1.05s")
    assert talk.read(10) == BODY[:10]
    assert talk.quiet()
    server.clock.advance("2s")
    assert talk.read(20) == BODY[10:30]
    assert talk.quiet()
    server.clock.advance("1h")
    assert talk.read(len(BODY) - 30) == BODY[30:]
    server.fault = None
    assert talk.ask().whole()[1] == BODY
    talk.close()


@pytest.mark.parametrize(("at", "byte", "before"), [("after_headers", None, 0), ("body", 5, 5)])
def test_a_drip_begins_at_its_point(server: Running, at: str, byte: int | None, before: int) -> None:
    server.fault = Network("drip", at, byte, bytes_per_s=1)
    talk = server.connect().ask()
    talk.head()
    assert talk.read(before) == BODY[:before]
    assert talk.quiet()
    server.clock.advance("3.01s")
    assert talk.read(3) == BODY[before : before + 3]
    assert talk.quiet()
    talk.close()


def test_a_drip_of_headers(server: Running) -> None:
    server.fault = Network("drip", bytes_per_s=1)
    talk = server.connect().ask()
    assert talk.quiet()
    server.clock.advance("4.01s")
    assert talk.read(4) == b"HTTP"
    assert talk.quiet()
    server.clock.advance("1h")
    talk.data = b"HTTP" + talk.data
    assert talk.whole()[1] == BODY
    talk.close()


def test_a_drip_of_much_takes_its_time_in_few_steps(server: Running) -> None:
    body = b"0123456789" * 100_000
    server.answer = Response(200, body)
    server.fault = Network("drip", "body", bytes_per_s=100)
    talk = server.connect().ask()
    talk.head()
    assert talk.quiet()
    server.clock.advance("5000.1s")
    assert talk.read(500_000) == body[:500_000]
    assert talk.quiet()
    talk.close()


@pytest.mark.parametrize(("byte", "start"), [(None, HALF), (0, 0), (5, 5), (10**9, len(BODY) - 1)])
def test_corrupt_json_does_not_parse(server: Running, byte: int | None, start: int) -> None:
    server.fault = Network("corrupt", byte=byte)
    talk = server.connect().ask()
    bodies = {talk.whole()[1], talk.ask().whole()[1]}
    assert len(bodies) == 1
    body = bodies.pop()
    assert len(body) == len(BODY)
    assert body[:start] == BODY[:start]
    assert all(a != b for a, b in zip(body[start:], BODY[start:], strict=True))
    with pytest.raises(ValueError, match=r"utf-8|Expecting|Extra data|Unterminated|delimiter"):
        json.loads(body.decode("utf-8"))
    with pytest.raises(ValueError, match=r"Expecting|Extra data|Unterminated|delimiter"):
        json.loads(body.decode("utf-8", "replace"))
    talk.close()


def test_corrupt_gzip_does_not_unpack_wherever_it_begins(server: Running) -> None:
    packed = gzip.compress(json.dumps({f"column {i}": i * i for i in range(40)}).encode())
    server.answer = Response(200, packed, {"Content-Encoding": "gzip"})
    talk = server.connect()
    for byte in range(len(packed)):
        server.fault = Network("corrupt", byte=byte)
        body = talk.ask().whole()[1]
        assert (body[:byte], len(body)) == (packed[:byte], len(packed))
        with pytest.raises(zlib.error):
            zlib.decompressobj(wbits=31).decompress(body)
    talk.close()


def test_nothing_is_corrupt_in_an_empty_answer(server: Running) -> None:
    server.answer = Response(204)
    server.fault = Network("corrupt")
    assert server.connect().ask().head().startswith(b"HTTP/1.1 204 No Content\r\n")


def test_a_length_that_is_too_large(server: Running) -> None:
    head, body, end = suffer(server, Network("wrong_length"))
    assert (length_of(head), body, end) == (2 * len(BODY) + 1, BODY, FIN)


def test_a_length_that_is_too_large_on_a_connection_that_stays_open(server: Running) -> None:
    server.fault = Network("wrong_length", byte=1000, for_s=5)
    talk = server.connect().ask()
    assert length_of(talk.head()) == 1000
    assert talk.read(len(BODY)) == BODY
    assert talk.quiet()
    server.clock.advance("6s")
    assert talk.end() == (b"", FIN)
    talk.close()


def test_a_length_that_is_too_small_spoils_the_next_answer(server: Running) -> None:
    server.fault = Network("wrong_length", byte=5)
    talk = server.connect().ask()
    head = talk.head()
    assert length_of(head) == 5
    assert talk.read(len(BODY)) == BODY
    server.fault = None
    assert talk.ask().whole()[1] == BODY
    talk.close()


def test_html(server: Running) -> None:
    server.fault = Network("html")
    talk = server.connect().ask()
    head, body = talk.whole()
    assert head.startswith(b"HTTP/1.1 502 Bad Gateway\r\n")
    assert b"Content-Type: text/html; charset=UTF-8\r\n" in head
    assert b"X-Test" not in head
    assert body.startswith(b"<!DOCTYPE html>")
    assert talk.ask("/plain").whole()[1] == BODY
    talk.close()


@pytest.mark.parametrize(
    ("at", "status", "kept"),
    [
        ("before_headers", b"502 Bad Gateway", False),
        ("after_headers", b"200 OK", True),
        ("body", b"200 OK", True),
    ],
)
def test_empty(server: Running, at: str, status: bytes, kept: bool) -> None:
    server.fault = Network("empty", at)
    talk = server.connect().ask()
    head, body = talk.whole()
    assert head.startswith(b"HTTP/1.1 " + status)
    assert (b"X-Test" in head) is kept
    assert body == b""
    assert talk.ask("/plain").whole()[1] == BODY
    talk.close()


def test_earlier_answers_of_a_pipeline_arrive(server: Running) -> None:
    server.answer = Response(200, b"z" * (4 << 20))
    server.fault = Network("reset")
    talk = server.connect().ask("/plain").ask("/plain").ask("/broken").ask("/never")
    assert [len(talk.whole()[1]) for _ in range(2)] == [4 << 20, 4 << 20]
    assert talk.end() == (b"", RESET)
    assert server.served == ["/plain", "/plain", "/broken"]
    talk.close()


def test_head_requests_have_no_body_to_cut(server: Running) -> None:
    server.fault = Network("truncate")
    talk = server.connect().ask(method="HEAD")
    data, end = talk.end()
    assert data.endswith(b"\r\n\r\n")
    assert (length_of(data), end) == (len(BODY), FIN)
    talk.close()


def test_connection_close_is_said_and_done(server: Running) -> None:
    server.fault = Network("stall", "body", for_s=1)
    talk = server.connect().ask(more="Connection: close\r\n")
    head = talk.head()
    assert b"\r\nConnection: close\r\n" in head
    talk.read(HALF)
    assert talk.quiet()
    server.clock.advance("2s")
    assert talk.end() == (BODY[HALF:], FIN)
    talk.close()


@pytest.mark.parametrize(
    "fault",
    [Network("stall", "body"), Network("drip", "body", bytes_per_s=1), Network("half_close", "body")],
    ids=lambda fault: fault.what,
)
def test_a_client_that_goes_away_is_let_go(server: Running, fault: Network) -> None:
    server.fault = fault
    talk = server.connect().ask()
    talk.head()
    talk.close()
    connections: Callable[[], int] = lambda: len(server.server._inner.connections)  # type: ignore[union-attr]  # noqa: E731
    other = server.connect()
    server.fault = None
    while connections() > 1:
        assert other.ask().whole()[1] == BODY
    other.close()


def connects(server: Running) -> bool:
    try:
        server.connect().close()
    except ConnectionRefusedError:
        return False
    return True


def test_refuse_until_told(server: Running) -> None:
    open_one = server.connect().ask()
    open_one.whole()
    server.server.refuse()
    assert open_one.end() == (b"", RESET)
    server.clock.advance("7d")
    assert not connects(server)
    server.server.refuse()
    assert not connects(server)
    server.server.accept()
    assert server.connect().ask().whole()[1] == BODY
    server.server.accept()
    assert connects(server)


def test_refuse_for_a_time(server: Running) -> None:
    server.server.refuse(60)
    server.clock.advance("50s")
    assert not connects(server)
    # Called again, it counts from then.
    server.server.refuse(60)
    server.clock.advance("50s")
    assert not connects(server)
    server.clock.advance("11s")
    assert server.connect().ask().whole()[1] == BODY
    server.server.refuse(1)
    assert not connects(server)
    server.clock.advance("2s")
    assert server.connect().ask().whole()[1] == BODY


def test_an_answer_may_bring_the_refusal(server: Running) -> None:
    other = server.connect().ask("/plain")
    other.whole()
    assert suffer(server, Network("refused", for_s=10)) == (b"", b"", RESET)
    assert other.end() == (b"", RESET)
    assert not connects(server)
    server.clock.advance("11s")
    server.fault = None
    assert server.connect().ask().whole()[1] == BODY


def test_a_server_that_refuses_stops() -> None:
    clock = SimulationClock()
    clock.freeze()
    with serving(clock) as running:
        running.server.refuse(60)
    clock.advance("61s")
    assert not connects(running)


def test_a_server_that_does_not_listen_cannot_refuse() -> None:
    async def never(request: Request) -> Response:
        raise AssertionError

    with pytest.raises(RuntimeError, match="does not listen"):
        HttpServer(never, lambda status, text: Response(status)).refuse()
