"""What a raw socket gets for each network fault."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from bqsim.server.grpc.front.actions import ACTIONS, HTML
from bqsim.sim.effects.failures import NetworkFault
from bqsim.sim.scenario import words
from bqsim.sim.scenario.model import Network
from tests.unit.server.grpc.conftest import READ, WRITE, Bench

from .peers import (
    DATA,
    END_STREAM,
    GOAWAY,
    HEADERS,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    Got,
    Peer,
    body,
    peer,
)

ROWS = f"/{READ}/ReadRows"
MESSAGES = [b"a" * 100, b"b" * 100, b"c" * 100]
# Each message with its prefix of five bytes.
WHOLE = b"".join(b"\0" + struct.pack(">L", len(m)) + m for m in MESSAGES)

Shape = list[str]


@pytest.fixture
def client(fronted: Bench) -> Iterator[Peer]:
    fronted.read.rows = lambda asked, cancelled: MESSAGES
    with peer(fronted.port) as made:
        yield made


def sending(bench: Bench, effect: Network) -> None:
    """Let the answers of the next call suffer ``effect``."""
    hook = bench.hook()

    def befall(call: Any) -> None:
        if len(hook.before_calls) == 1:
            call.sending = effect

    hook.refuse = befall


def instead(bench: Bench, effect: Network) -> None:
    """Let the connection suffer ``effect`` in place of an answer to the next call."""
    hook = bench.hook()

    def befall(call: Any) -> None:
        if len(hook.before_calls) == 1:
            raise NetworkFault(effect, applied=effect.applied)

    hook.refuse = befall


NAMES = {DATA: "data", HEADERS: "headers", RST_STREAM: "rst", GOAWAY: "goaway"}


def shape(frames: list[Got]) -> Shape:
    """The kinds of frames, those of one kind together."""
    names: Shape = []
    for got in frames:
        name = NAMES[got.kind] + ("!" if got.kind in (DATA, HEADERS) and got.flags & END_STREAM else "")
        if name != "data" or names[-1:] != ["data"]:
            names.append(name)
    return names


def test_without_faults_everything_arrives(fronted: Bench, client: Peer) -> None:
    for _ in range(3):
        frames = client.answer(client.call(ROWS))
        assert shape(frames) == ["headers", "data", "headers!"]
        assert body(frames) == WHOLE


def test_each_fault_has_an_action() -> None:
    assert set(ACTIONS) == set(words.NETWORK_FAULTS)


def in_body(what: str, applied: bool = True) -> Network:
    return Network(what, at="body", byte=150, applied=applied)


@pytest.mark.parametrize(
    ("effect", "frames", "content", "ended"),
    [
        (Network("reset"), [], b"", "reset"),
        (Network("reset", at="after_headers"), ["headers"], b"", "reset"),
        (in_body("reset"), ["headers", "data"], WHOLE[:150], "reset"),
        (Network("rst_stream"), ["rst"], b"", ""),
        (Network("rst_stream", at="after_headers"), ["headers", "rst"], b"", ""),
        (in_body("rst_stream"), ["headers", "data", "rst"], WHOLE[:150], ""),
        (Network("truncate", byte=150), ["headers", "data", "data!"], WHOLE[:150], ""),
        (Network("truncate"), ["headers", "data", "data!"], WHOLE[:6], ""),
        (Network("goaway"), ["goaway", "headers", "data", "headers!"], WHOLE, ""),
        (in_body("goaway"), ["headers", "data", "goaway"], WHOLE[:150], "closed"),
        (Network("html"), ["headers", "data!"], HTML.encode(), ""),
        (Network("html", at="after_headers"), ["headers", "data!"], HTML.encode(), ""),
        (Network("empty"), ["headers!"], b"", ""),
        (Network("empty", at="after_headers"), ["headers", "data!"], b"", ""),
        (Network("stall", for_s=0.01), ["headers", "data", "headers!"], WHOLE, ""),
        (Network("stall", "body", 150, 0.01), ["headers", "data", "headers!"], WHOLE, ""),
        (Network("drip", bytes_per_s=50_000), ["headers", "data", "headers!"], WHOLE, ""),
        # A fault behind the end of the answer comes at its end.
        (Network("reset", at="body", byte=10_000), ["headers", "data"], WHOLE, "reset"),
        (Network("truncate", byte=10_000), ["headers", "data", "data!"], WHOLE, ""),
    ],
    ids=lambda value: f"{value.what}-{value.at}-{value.byte}" if isinstance(value, Network) else None,
)
def test_answers_suffer(
    fronted: Bench, client: Peer, effect: Network, frames: Shape, content: bytes, ended: str
) -> None:
    sending(fronted, effect)
    got = client.answer(client.call(ROWS))
    assert shape(got) == frames
    assert body(got) == content
    assert client.ended == ended
    if not ended and effect.what != "goaway":
        # The connection and its other streams are as good as before.
        assert body(client.answer(client.call(ROWS))) == WHOLE


@pytest.mark.parametrize(
    ("effect", "frames", "ended"),
    [
        (Network("reset", applied=False), [], "reset"),
        (Network("reset", at="after_headers", applied=False), ["headers"], "reset"),
        (in_body("reset", False), ["headers"], "reset"),
        (Network("rst_stream", applied=False), ["rst"], ""),
        (Network("goaway", applied=True), ["goaway"], "closed"),
        (Network("html", applied=False), ["headers", "data!"], ""),
        (Network("empty", applied=False), ["headers!"], ""),
        (Network("truncate", applied=False), ["headers", "data!"], ""),
        (Network("stall", for_s=0.01, applied=False), ["headers!"], ""),
    ],
    ids=lambda value: f"{value.what}-{value.at}" if isinstance(value, Network) else None,
)
def test_calls_suffer_in_place_of_an_answer(
    fronted: Bench, client: Peer, effect: Network, frames: Shape, ended: str
) -> None:
    instead(fronted, effect)
    got = client.answer(client.call(ROWS))
    assert (shape(got), client.ended) == (frames, ended)
    if not ended:
        assert body(client.answer(client.call(ROWS))) == WHOLE


def test_a_call_that_is_not_begun_is_above_the_last_stream_of_the_goaway(
    fronted: Bench, client: Peer
) -> None:
    assert client.answer(client.call(ROWS))
    instead(fronted, Network("goaway", applied=False))
    client.call(ROWS)
    [goaway] = [next(client.frames())]
    assert (goaway.kind, struct.unpack(">LL", goaway.payload)) == (GOAWAY, (1, 0))


def test_a_later_stream_is_not_refused_with_one_that_is(fronted: Bench, client: Peer) -> None:
    going = threading.Event()

    def rows(asked: Any, cancelled: Any) -> Iterator[bytes]:
        yield MESSAGES[0]
        going.wait(20)
        yield MESSAGES[1]

    fronted.read.rows = rows

    def befall(call: Any) -> None:
        if call.method.endswith("AppendRows"):
            raise NetworkFault(Network("goaway", applied=False), applied=False)

    fronted.hook().refuse = befall
    refused = client.call(f"/{WRITE}/AppendRows", None, end=False)
    served = client.call(ROWS)
    frames = client.frames()
    for got in frames:
        if got.kind == DATA:
            break
    client.send(DATA, 0, refused, b"\0\0\0\0\0")
    goaway = next(got for got in frames if got.kind == GOAWAY)
    assert struct.unpack(">LL", goaway.payload) == (served, 0)
    reset = next(got for got in frames if got.kind == RST_STREAM)
    assert (reset.stream, struct.unpack(">L", reset.payload)) == (refused, (7,))
    going.set()
    assert body(client.answer(served)).endswith(MESSAGES[1])


def test_a_half_closed_connection_still_reads(fronted: Bench, client: Peer) -> None:
    sending(fronted, Network("half_close", at="body", byte=150))
    assert body(client.answer(client.call(ROWS))) == WHOLE[:150]
    assert client.ended == "closed"
    # No reset answers what is sent now.
    for _ in range(5):
        client.send(DATA, 0, 99, b"x" * 1000)
    assert client.socket.recv(1) == b""


def test_a_proxy_may_answer_in_plain_http_in_the_midst_of_it(fronted: Bench, client: Peer) -> None:
    sending(fronted, Network("html", at="body", byte=105))
    client.call(ROWS)
    data = client.raw()
    assert b"HTTP/1.1 502 Bad Gateway\r\n" in data
    assert data.endswith(HTML.encode())
    assert client.ended == "closed"
    assert MESSAGES[0] in data
    assert MESSAGES[1][:10] not in data


@pytest.mark.parametrize(
    ("effect", "start", "count"),
    [
        (Network("corrupt"), 5, 16),
        (Network("corrupt", byte=200), 200, 16),
        (Network("corrupt", byte=310), 310, 5),
    ],
)
def test_corrupt_bytes_are_in_their_place(
    fronted: Bench, client: Peer, effect: Network, start: int, count: int
) -> None:
    sending(fronted, effect)
    frames = client.answer(client.call(ROWS))
    assert shape(frames) == ["headers", "data", "headers!"]
    got = body(frames)
    assert [n for n in range(len(WHOLE)) if got[n] != WHOLE[n]] == list(range(start, start + count))


def test_a_wrong_length_promises_what_does_not_come(fronted: Bench, client: Peer) -> None:
    sending(fronted, Network("wrong_length"))
    got = body(client.answer(client.call(ROWS)))
    assert got[:5] != WHOLE[:5]
    assert (got[:4], got[5:]) == (WHOLE[:4], WHOLE[5:])


def test_a_stall_is_over_when_the_clock_says_so(fronted: Bench, client: Peer) -> None:
    fronted.clock.freeze()
    sending(fronted, Network("stall", at="body", byte=105, for_s=3600))
    stalled = client.call(ROWS)
    frames = [next(client.frames())]
    # The next stream of the connection does not wait.
    other = client.call(ROWS)
    for got in client.frames():
        frames.append(got)
        if got.stream == other and got.flags & END_STREAM and got.kind == HEADERS:
            break
    assert body([got for got in frames if got.stream == other]) == WHOLE
    before = body([got for got in frames if got.stream == stalled])
    assert WHOLE[:105].startswith(before)
    fronted.clock.advance("2h")
    assert before + body(client.answer(stalled)) == WHOLE


def test_a_drip_goes_at_the_rate_of_the_clock(fronted: Bench, client: Peer) -> None:
    fronted.clock.freeze()
    sending(fronted, Network("drip", bytes_per_s=10))
    start = fronted.clock.now_us()
    stream = client.call(ROWS)
    moving = threading.Event()

    def move() -> None:
        while not moving.is_set():
            fronted.clock.advance(1)
            moving.wait(0.01)

    mover = threading.Thread(target=move)
    mover.start()
    frames = client.answer(stream)
    moving.set()
    mover.join()
    assert body(frames) == WHOLE
    assert (fronted.clock.now_us() - start) / 1e6 >= len(WHOLE) / 10 - 1


def test_who_gives_up_a_stall_frees_the_window_for_others(fronted: Bench, client: Peer) -> None:
    """What waits for a stream that its client leaves is given back to the connection."""
    fronted.read.rows = lambda asked, cancelled: [b"x" * 40_000]
    sending(fronted, Network("stall", at="after_headers"))
    stalled = client.call(ROWS)
    assert next(client.frames()).kind == HEADERS
    other = client.call(ROWS)
    for got in client.frames():
        # The window of a connection is 65,535 bytes until somebody gives more.
        if got.stream == other and got.kind == DATA:
            break
    client.send(RST_STREAM, 0, stalled, struct.pack(">L", 8))
    size = 0
    for got in client.frames():
        size += len(got.payload)
        if got.stream == other and got.kind == HEADERS and got.flags & END_STREAM:
            break
    assert client.ended == ""


def test_streams_that_were_ended_do_not_shrink_the_windows(fronted: Bench, client: Peer) -> None:
    fronted.read.rows = lambda asked, cancelled: [b"x" * 60_000]
    hook = fronted.hook()

    def befall(call: Any) -> None:
        if len(hook.before_calls) % 2:
            call.sending = Network("truncate", byte=10)

    hook.refuse = befall
    for _ in range(10):
        assert len(body(client.answer(client.call(ROWS)))) == 10
        client.send(WINDOW_UPDATE, 0, 0, struct.pack(">L", 10))
        got = client.call(ROWS)
        assert len(body(client.answer(got))) == 60_005
        client.send(WINDOW_UPDATE, 0, 0, struct.pack(">L", 60_005))


def test_the_header_of_the_front_is_nobodys_business(fronted: Bench, client: Peer) -> None:
    hook = fronted.hook()
    client.answer(client.call(ROWS))
    assert not [name for name in hook.before_calls[0].headers if name.startswith("x-bqsim")]


def test_what_is_no_http2_is_refused_by_the_server(fronted: Bench) -> None:
    with socket.create_connection(("127.0.0.1", fronted.port), timeout=20) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" + b"x" * 100)
        while plain.recv(1000):
            pass


@pytest.mark.parametrize("end", ["client", "server"])
def test_nothing_is_left_of_a_connection(fronted: Bench, client: Peer, end: str) -> None:
    client.answer(client.call(ROWS))
    front: Any = fronted.server._front
    assert len(front._links) == 1
    if end == "client":
        client.close()
    else:
        fronted.server.disarm()
        for got in client.frames():
            if got.kind == GOAWAY:
                client.close()
                break
    deadline = threading.Event()
    for _ in range(1000):
        if not front._links:
            break
        deadline.wait(0.01)
    assert front._links == {}


def test_settings_are_the_servers(fronted: Bench) -> None:
    with peer(fronted.port) as made:
        first = made._frame()
        assert first is not None
        assert (first.kind, first.flags) == (SETTINGS, 0)
