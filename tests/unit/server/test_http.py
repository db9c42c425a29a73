"""The HTTP server at the level of bytes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from bqsim.server.http import BodyTooLarge, Handler, HttpServer, Request, Response

pytestmark = pytest.mark.fidelity("http:transport", "exact")

T = TypeVar("T")
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[T]]
CLOSE = b"Connection: close\r\n"


async def echo(request: Request) -> Response:
    try:
        body = await request.read(1 << 20)
    except BodyTooLarge:
        return Response(413, b"too large")
    text = f"{request.head.method} {request.head.target} {len(body)} ".encode() + body[:20]
    return Response(200, text, {"X-Test": "yes"})


def refuse(status: int, message: str) -> Response:
    return Response(status, message.encode())


def serve(talk: Talk[T], handler: Handler = echo) -> T:
    """Run a server for one conversation."""

    async def run() -> T:
        server = HttpServer(handler, refuse)
        port = await server.start("127.0.0.1", 0)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            return await asyncio.wait_for(talk(reader, writer), 20)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
            await server.stop(0.5)

    return asyncio.run(run())


def exchange(data: bytes, handler: Handler = echo) -> bytes:
    """Everything the server says to ``data`` until it closes."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(data)
        return await reader.read()

    return serve(talk, handler)


async def answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(int(x.split(b":")[1]) for x in head.split(b"\r\n") if x.startswith(b"Content-Length"))
    return int(head.split()[1]), await reader.readexactly(length)


def request(body: bytes = b"", extra: bytes = CLOSE, line: bytes = b"POST /x HTTP/1.1") -> bytes:
    length = b"Content-Length: %d\r\n" % len(body) if body else b""
    return line + b"\r\nHost: h\r\n" + length + extra + b"\r\n" + body


def test_answer_has_status_headers_and_length() -> None:
    text = exchange(request(b"abc"))
    assert text.startswith(b"HTTP/1.1 200 OK\r\nX-Test: yes\r\n")
    assert b"Content-Length: 13\r\n" in text
    assert text.endswith(b"\r\n\r\nPOST /x 3 abc")


def test_pipelined_requests_are_answered_in_order() -> None:
    text = exchange(request(b"one", b"") + request(b"two", b"") + request(b"three"))
    places = [text.index(word) for word in (b"3 one", b"3 two", b"5 three")]
    assert places == sorted(places)


def test_chunked_body() -> None:
    body = b"3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n"
    text = exchange(request(extra=CLOSE + b"Transfer-Encoding: chunked\r\n") + body)
    assert text.endswith(b"POST /x 13 abc0123456789")


def test_expect_100_continue_is_answered_before_the_body() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"ok")
        return (await answer(reader))[1]

    assert serve(talk) == b"POST / 2 ok"


def test_an_early_answer_arrives_though_the_body_is_not_read() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[int, bytes]:
        writer.write(request(b"x" * (4 << 20), b""))
        return await answer(reader)

    assert serve(talk) == (413, b"too large")


def test_large_bodies_arrive_in_pieces() -> None:
    sizes: list[int] = []

    async def count(request: Request) -> Response:
        async for piece in request.pieces():
            sizes.append(len(piece))
            await asyncio.sleep(0)
        return Response(200, str(sum(sizes)).encode())

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[int, bytes]:
        writer.write(request(b"x" * (8 << 20), b""))
        return await answer(reader)

    assert serve(talk, count) == (200, str(8 << 20).encode())
    assert max(sizes) < 4 << 20


def test_a_large_answer_reaches_a_slow_reader() -> None:
    async def big(request: Request) -> Response:
        return Response(200, b"z" * (16 << 20))

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
        writer.write(request(extra=b"") * 2)
        first = await answer(reader)
        await asyncio.sleep(0.05)
        second = await answer(reader)
        return len(first[1]) + len(second[1])

    assert serve(talk, big) == 32 << 20


@pytest.mark.parametrize(
    "data",
    [
        b"nonsense\r\n\r\n",
        b"GET /a b HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nBad Name: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /" + b"a" * 17000 + b" HTTP/1.1\r\nHost: h\r\n\r\n",
    ],
)
def test_what_is_no_request_is_a_400(data: bytes) -> None:
    assert exchange(data).split(b" ")[1] == b"400"


def test_heads_above_16_kib_are_refused() -> None:
    many = b"".join(b"X-%d: %s\r\n" % (i, b"a" * 1000) for i in range(18))
    assert exchange(request(extra=CLOSE + many)).startswith(b"HTTP/1.1 431 ")


def test_head_and_204_have_no_body() -> None:
    async def empty(request: Request) -> Response:
        return Response(204)

    assert exchange(request(line=b"HEAD / HTTP/1.1")).endswith(b"\r\n\r\n")
    text = exchange(request(), empty)
    assert text.startswith(b"HTTP/1.1 204 No Content\r\n")
    assert text.endswith(b"\r\n\r\n")


def test_a_broken_handler_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def broken(request: Request) -> Response:
        raise RuntimeError("boom")

    assert exchange(request(), broken).startswith(b"HTTP/1.1 500 ")
    assert "boom" in caplog.text


def test_308_is_a_resume() -> None:
    async def resume(request: Request) -> Response:
        return Response(308, b"", {"Range": "bytes=0-9"})

    assert exchange(request(), resume).startswith(b"HTTP/1.1 308 Resume Incomplete\r\n")


def test_stop_waits_for_running_requests() -> None:
    async def run() -> tuple[int, bytes]:
        entered = asyncio.Event()

        async def slow(request: Request) -> Response:
            entered.set()
            await asyncio.sleep(0.1)
            return Response(200, b"done")

        server = HttpServer(slow, refuse)
        port = await server.start("127.0.0.1", 0)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request(extra=b""))
        await entered.wait()
        stopping = asyncio.create_task(server.stop(5))
        got = await answer(reader)
        await stopping
        writer.close()
        with pytest.raises(OSError):
            await asyncio.open_connection("127.0.0.1", port)
        return got

    assert asyncio.run(run()) == (200, b"done")


def test_a_taken_port_is_an_error() -> None:
    async def run() -> None:
        first, second = HttpServer(echo, refuse), HttpServer(echo, refuse)
        port = await first.start("127.0.0.1", 0)
        with pytest.raises(OSError):
            await second.start("127.0.0.1", port)
        await first.stop(0)

    asyncio.run(run())
