"""One request, answered by an upstream: for servers of which that is one way to answer."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from bqsim.record.model import REST, Headers
from bqsim.record.tap import Call, Tap
from bqsim.server.http import BadRequest, Content, Disconnected, Request, Response

from .incoming import end_to_end, value_of
from .passing import DOCUMENT_BYTES, readdressed, shown
from .routes import Origin, Routes, names_addresses
from .sending import Sender, UpstreamError, pieces

if TYPE_CHECKING:
    import aiohttp

_SMALL_BYTES = 64 * 1024
_BODILESS = frozenset({204, 304})


class Forwarder:
    """Answers requests from ``upstream`` (``storage``: that of Cloud Storage, when it is another). ``tap``
    sees them, if there is one. Of one event loop."""

    def __init__(
        self,
        upstream: str,
        storage: str | None = None,
        *,
        tap: Tap | None = None,
        context: ssl.SSLContext | None = None,
        scheme: str = "http",
    ) -> None:
        rest = Origin.of(upstream)
        self._routes = Routes(rest, Origin.of(storage) if storage else rest)
        self._tap: Tap = tap or Unheard()
        self._sender = Sender(context)
        self._scheme = scheme

    async def answer(self, request: Request) -> Response:
        """The upstream's answer. UpstreamError when none came."""
        head = request.head
        origin = self._routes.origin(head.target)
        given = end_to_end(tuple(head.headers.items()))
        headers: Headers = (
            ("host", origin.host),
            *((n, v) for n, v in given if n not in ("host", "expect")),
        )
        call = self._tap.begin(REST, head.method, head.target, headers, origin.host)
        base = f"{self._scheme}://{head.headers.get('host', '')}"
        try:
            body = await self._body(request, call)
            answer = await self._sender.send(head.method, origin.base + head.target, headers, body)
        except UpstreamError as error:
            call.ended(broken=error.broken, message=str(error))
            raise
        except (BadRequest, Disconnected):
            call.ended(broken="cancelled")
            raise
        return await self._response(answer, call, head.method, head.target, base)

    async def _body(self, request: Request, call: Call) -> bytes | AsyncIterator[bytes] | None:
        length = request.head.length
        if length == 0:
            return None
        if length is not None and length <= _SMALL_BYTES:
            data = await request.read(_SMALL_BYTES)
            call.sent(data)
            return data

        async def streamed() -> AsyncIterator[bytes]:
            async for piece in request.pieces():
                call.sent(piece)
                yield piece

        return streamed()

    async def _response(
        self, answer: aiohttp.ClientResponse, call: Call, verb: str, target: str, base: str
    ) -> Response:
        from multidict import CIMultiDict

        headers: Headers = end_to_end(
            tuple((n.decode("latin-1"), v.decode("latin-1")) for n, v in answer.raw_headers)
        )
        call.answered(answer.status, headers)
        given = shown(self._routes, headers, base, target)
        size = value_of(headers, "content-length")
        made = Response(answer.status, headers=CIMultiDict((n, v) for n, v in given if n != "content-length"))
        if verb == "HEAD" or answer.status in _BODILESS:
            call.ended()
            answer.close()
            if size.isdecimal():
                made.content = Content(int(size))
            return made
        document = names_addresses(target, value_of(headers, "content-type"))
        length = int(size) if size.isdecimal() else None
        if not document and (length is None or length > _SMALL_BYTES):
            made.content = Content(length, _heard(answer, call))
            return made
        whole = b"".join([piece async for piece in _heard(answer, call)])
        if document and len(whole) <= DOCUMENT_BYTES:
            whole = readdressed(self._routes, whole, value_of(headers, "content-encoding"), base)
        made.body = whole
        return made

    async def close(self) -> None:
        """Close the connections."""
        await self._sender.close()


async def _heard(answer: aiohttp.ClientResponse, call: Call) -> AsyncIterator[bytes]:
    try:
        async for piece in pieces(answer):
            call.received(piece)
            yield piece
    except UpstreamError as error:
        call.ended(broken=error.broken, message=str(error))
        raise
    except BaseException:
        call.ended(broken="cancelled")
        raise
    finally:
        answer.close()
    call.ended()


class Unheard:
    """A tap, and a call of it, that listens to nothing."""

    def begin(self, transport: str, verb: str, target: str, headers: Headers, host: str = "") -> Call:
        return self

    def sent(self, data: bytes) -> None:
        return None

    def answered(self, status: int, headers: Headers) -> None:
        return None

    def received(self, data: bytes) -> None:
        return None

    def ended(self, code: str = "", trailers: Headers = (), message: str = "", broken: str = "") -> None:
        return None
