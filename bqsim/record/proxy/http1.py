"""HTTP/1.1 as it comes in: aiohttp's low-level server, with nothing of its own in the answers."""

from __future__ import annotations

import logging
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web_protocol import _ErrInfo
from multidict import CIMultiDict

from bqsim.record.model import Headers

from .incoming import Ask, BadBody, Incoming, end_to_end

# What clients send that is no HTTP is answered with 400, and is no error of the proxy's.
_log = logging.getLogger(f"{__name__}.protocol")
_log.setLevel(logging.CRITICAL)
MAX_HEAD_BYTES = 256 * 1024
READ_BYTES = 256 * 1024
# close() then sends a reset.
_NO_LINGER = struct.pack("ii", 1, 0)
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

Handler = Callable[[Incoming], Awaitable[None]]


def server(handler: Handler, scheme: str, address: Callable[[], str]) -> web.Server:
    """A factory of connections. ``address`` is the proxy's, for clients that name no host."""

    async def answer(inner: web.BaseRequest) -> web.StreamResponse:
        call = Http1(inner, scheme, address)
        await handler(call)
        return call.answer or _Cut()

    return _Server(
        answer,
        handler_cancellation=True,
        access_log=None,
        logger=_log,
        auto_decompress=False,
        read_bufsize=READ_BYTES,
        max_line_size=MAX_HEAD_BYTES,
        max_field_size=MAX_HEAD_BYTES,
    )


class _Server(web.Server):
    def __call__(self) -> web.RequestHandler:
        return _Connection(self, loop=self._loop, **self._kwargs)


class _Connection(web.RequestHandler):
    """aiohttp tells nobody who reads a body already of bytes that are no HTTP."""

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._messages and self._current_request is not None:
            told = self._messages[-1][0]
            content = self._current_request.content
            if isinstance(told, _ErrInfo) and not content.is_eof() and content.exception() is None:
                content.set_exception(web.RequestPayloadError(told.message))


class _Answer(web.StreamResponse):
    """An answer with the headers that it is given, and no others."""

    def __init__(self, status: int, reason: str, headers: Headers, *, bodiless: bool) -> None:
        super().__init__(status=status, reason=reason or None, headers=CIMultiDict(headers))
        self._bodiless = bodiless

    async def _prepare_headers(self) -> None:
        request, writer = self._req, self._payload_writer
        assert request is not None and writer is not None
        if self._keep_alive is None:
            self._keep_alive = request.keep_alive
        eleven = request.version >= (1, 1)
        if not self._bodiless and "content-length" not in self._headers:
            if eleven:
                writer.enable_chunking()
                self._headers["transfer-encoding"] = "chunked"
            else:
                self._keep_alive = False
        if not self._keep_alive and eleven:
            self._headers["connection"] = "close"
        elif self._keep_alive and not eleven:
            self._headers["connection"] = "keep-alive"


class _Cut(web.StreamResponse):
    """Stands for an answer that was cut off: nothing more is sent, and the connection ends."""

    async def prepare(self, request: web.BaseRequest) -> Any:
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        return None

    @property
    def keep_alive(self) -> bool | None:
        return False


class Http1:
    """One call of HTTP/1.1; an :class:`~.incoming.Incoming`."""

    def __init__(self, inner: web.BaseRequest, scheme: str, address: Callable[[], str]) -> None:
        self._inner = inner
        self.answer: web.StreamResponse | None = None
        self._bad = False
        given: Headers = tuple(
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in inner.raw_headers
        )
        headers = inner.headers
        host = headers.get("Host", "")
        target = inner.raw_path
        if not target.startswith("/"):
            # As clients write it that take this for a proxy of theirs, and OPTIONS *.
            from urllib.parse import urlsplit

            parts = urlsplit(target)
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        chunked = "chunked" in headers.get("Transfer-Encoding", "").lower()
        self.ask = Ask(
            inner.method,
            target,
            tuple((n, v) for n, v in end_to_end(given) if n not in ("host", "expect")),
            f"{scheme}://{host or address()}",
            None if chunked else inner.content_length or 0,
            headers.get("Expect", "").lower() == "100-continue",
        )

    async def pieces(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._inner.content.iter_any():
                yield piece
        except (web.RequestPayloadError, HttpProcessingError) as error:
            self._bad = True
            raise BadBody(str(error).partition("\n")[0] or type(error).__name__) from error

    async def proceed(self) -> None:
        if self._inner.transport is not None:
            self._inner.transport.write(_CONTINUE)

    async def begin(
        self, status: int, reason: str, headers: Headers, *, bodiless: bool = False, together: bool = False
    ) -> None:
        self.answer = answer = _Answer(status, reason, headers, bodiless=bodiless)
        answer._send_headers_immediately = not together
        if self._bad:
            answer.force_close()
        await answer.prepare(self._inner)

    async def write(self, data: bytes) -> None:
        assert self.answer is not None
        await self.answer.write(data)

    async def end(self) -> None:
        assert self.answer is not None
        await self.answer.write_eof()

    def abort(self, *, reset: bool) -> None:
        transport = self._inner.transport
        if transport is not None:
            if reset:
                sock = transport.get_extra_info("socket")
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
                transport.abort()
            else:
                transport.close()
        self.answer = _Cut()
