from __future__ import annotations

import asyncio
import gzip
import socket
from collections.abc import Awaitable, Callable

import httpx
import pytest

from bqsim.record.proxy.forward import Forwarder
from bqsim.record.proxy.sending import UpstreamError
from bqsim.server.http import HttpServer, Request, Response
from tests.taps import ListTap
from tests.unit.record.proxy.peers import OK, answering, read_head, upstream

Work = Callable[[httpx.AsyncClient], Awaitable[None]]


def through(port: int, work: Work, tap: ListTap | None = None) -> None:
    """Ask a server all of whose answers come from an upstream."""

    async def run() -> None:
        forwarder = Forwarder(f"http://127.0.0.1:{port}", tap=tap)

        async def handle(request: Request) -> Response:
            try:
                return await forwarder.answer(request)
            except UpstreamError as error:
                return Response(502, error.broken.encode())

        server = HttpServer(handle, lambda status, text: Response(status, text.encode()))
        place = await server.start("127.0.0.1", 0)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{place}") as client:
            await work(client)
        await server.stop(0.1)
        await forwarder.close()

    asyncio.run(run())


def test_answers_of_an_upstream() -> None:
    seen: list[bytes] = []
    packed = gzip.compress(b"x" * 1_000_000, compresslevel=0)
    large = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n".encode()
    tap = ListTap()

    async def work(client: httpx.AsyncClient) -> None:
        first = await client.post("/bigquery/v2/projects/p/queries?a=1", content=b"body")
        assert (first.status_code, first.content) == (200, b"ok")
        assert (await client.get("/bigquery/v2/x")).content == b"x" * 1_000_000

        async def pieces():  # type: ignore[no-untyped-def]
            for _ in range(3):
                yield b"y" * 100_000

        assert (await client.post("/upload/bigquery/v2/x", content=pieces())).status_code == 204
        head = await client.head("/b/o")
        assert head.headers["content-length"] == "7"

    answers = (OK, large + packed, b"HTTP/1.1 204 X\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n")
    with upstream(answering(*answers, seen=seen)) as port:
        through(port, work, tap)
    assert seen[0].startswith(b"POST /bigquery/v2/projects/p/queries?a=1 HTTP/1.1\r\n")
    assert [len(call.request) for call in tap.calls] == [4, 0, 300_000, 0]
    assert [call.broken for call in tap.calls] == ["", "", "", ""]
    assert tap.calls[1].response == packed


@pytest.mark.parametrize("tap", [None, ListTap()], ids=["unheard", "heard"])
def test_no_answer(tap: ListTap | None) -> None:
    def script(connection: socket.socket) -> None:
        read_head(connection)

    async def work(client: httpx.AsyncClient) -> None:
        answer = await client.get("/bigquery/v2/projects")
        assert (answer.status_code, answer.text) == (502, "closed")

    with upstream(script) as port:
        through(port, work, tap)
    if tap is not None:
        assert tap.calls[0].broken == "closed"


def test_documents_lead_to_who_forwards() -> None:
    def script(connection: socket.socket) -> None:
        host = read_head(connection).lower().split(b"host: ")[1].split(b"\r\n")[0]
        data = b'{"rootUrl": "http://' + host + b'/"}'
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
        connection.sendall(head.encode() + data)

    async def work(client: httpx.AsyncClient) -> None:
        found = (await client.get("/discovery/v1/apis/bigquery/v2/rest")).json()
        assert found == {"rootUrl": f"{client.base_url}/"}

    with upstream(script) as port:
        through(port, work)
