"""HTTP by aiohttp's low-level server: one handler, no routing, no middleware.

What the rest of the server sees of HTTP is here: a request whose body is read whole or in pieces, and an
answer of prepared bytes. aiohttp is imported when the server starts.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aiohttp import web

log = logging.getLogger(__name__)
# aiohttp reports every malformed request as an error; it is the client's, who gets a 400.
_protocol_log = logging.getLogger(f"{__name__}.protocol")
_protocol_log.setLevel(logging.CRITICAL)

# BigQuery page "Quotas and limits": headers including the URL are at most 16 KiB.
MAX_HEAD_BYTES = 16 * 1024
# Google's resumable uploads give 308 this meaning.
_PHRASES = {308: "Resume Incomplete"}


class BadRequest(Exception):
    """The bytes are no HTTP request; the connection is closed after the answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class BodyTooLarge(Exception):
    """A body is longer than the reader allows."""


class Disconnected(Exception):
    """The client went away before its request was complete."""


@dataclass(frozen=True, slots=True)
class Head:
    """A request head. Header names are lower case; ``length`` None means a chunked body."""

    method: str
    target: str
    headers: Mapping[str, str]
    length: int | None


@dataclass(slots=True)
class Response:
    """An answer: status, body, and headers other than Content-Length."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class Request:
    """One request; its body is read once, whole (:meth:`read`) or in pieces (:meth:`pieces`)."""

    __slots__ = ("_inner", "head")

    def __init__(self, inner: web.BaseRequest) -> None:
        self._inner = inner
        headers = {name.lower(): value for name, value in inner.headers.items()}
        chunked = "chunked" in headers.get("transfer-encoding", "")
        self.head = Head(
            inner.method, inner.raw_path, headers, None if chunked else inner.content_length or 0
        )

    @property
    def peer(self) -> str:
        """The client's address."""
        return self._inner.remote or ""

    async def read(self, limit: int) -> bytes:
        """The whole body; :class:`BodyTooLarge` beyond ``limit`` bytes."""
        length = self.head.length
        if length == 0:
            return b""
        if length is not None and length > limit:
            raise BodyTooLarge
        parts: list[bytes] = []
        size = 0
        async for piece in self.pieces():
            size += len(piece)
            if size > limit:
                raise BodyTooLarge
            parts.append(piece)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body in pieces as they arrive; reading pauses while the caller is busy."""
        from aiohttp.http_exceptions import HttpProcessingError
        from aiohttp.web import RequestPayloadError

        if self.head.headers.get("expect", "").lower() == "100-continue" and self._inner.transport:
            self._inner.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        try:
            async for piece in self._inner.content.iter_any():
                yield piece
        except (RequestPayloadError, HttpProcessingError) as error:
            raise BadRequest(400, "Malformed request body.") from error
        except ConnectionError as error:
            raise Disconnected from error


Handler = Callable[[Request], Awaitable[Response]]


class HttpServer:
    """Listens on one address and answers with ``handler``; ``refusal`` words what is no request."""

    def __init__(self, handler: Handler, refusal: Callable[[int, str], Response]) -> None:
        self._handler = handler
        self._refusal = refusal
        self._web: Any = None
        self._inner: web.Server | None = None
        self._listener: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen; the port taken (``port`` 0 takes a free one). ``OSError`` when it is in use."""
        from aiohttp import web

        self._web = web
        loop = asyncio.get_running_loop()
        options: dict[str, Any] = {"max_line_size": MAX_HEAD_BYTES, "max_field_size": MAX_HEAD_BYTES}
        self._inner = web.Server(self._answer, access_log=None, logger=_protocol_log, **options)
        self._listener = await loop.create_server(self._inner, host, port, backlog=512)
        return int(self._listener.sockets[0].getsockname()[1])

    async def _answer(self, inner: web.BaseRequest) -> web.StreamResponse:
        if sum(len(name) + len(value) + 4 for name, value in inner.raw_headers) > MAX_HEAD_BYTES:
            return self._encode(self._refusal(431, "Request headers are larger than 16 KiB."))
        try:
            return self._encode(await self._handler(Request(inner)))
        except BadRequest as error:
            response = self._encode(self._refusal(error.status, str(error)))
            response.force_close()
            return response
        except Disconnected:
            response = self._encode(Response(400))
            response.force_close()
            return response
        except Exception:
            log.exception("unanswered request %s %s", inner.method, inner.raw_path[:200])
            return self._encode(self._refusal(500, "An internal error occurred."))

    def _encode(self, answer: Response) -> web.Response:
        status = answer.status
        response: web.Response = self._web.Response(
            status=status, reason=_PHRASES.get(status), body=answer.body or None, headers=answer.headers
        )
        return response

    async def stop(self, grace_s: float = 2.0) -> None:
        """Stop listening, let running requests end for up to ``grace_s``, close every connection."""
        if self._listener is not None:
            self._listener.close()
        if self._inner is not None:
            self._inner.pre_shutdown()
            await self._inner.shutdown(grace_s)
