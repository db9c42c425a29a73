"""HTTP by aiohttp's low-level server: one handler, no routing, no middleware.

What the rest of the server sees of HTTP is here: a request whose body is read whole or in pieces, and an
answer of prepared bytes. aiohttp is imported when the server starts; what faults do to an answer on its way
is in :mod:`.http_faults`.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

from bqsim.sim.clock import Clock, RealClock
from bqsim.sim.scenario.model import Network
from bqsim.sim.timers import Timer

if TYPE_CHECKING:
    from aiohttp import web

    from .http_faults import Waits

log = logging.getLogger(__name__)
# aiohttp reports every malformed request as an error; it is the client's, who gets a 400.
_protocol_log = logging.getLogger(f"{__name__}.protocol")
_protocol_log.setLevel(logging.CRITICAL)

# BigQuery page "Quotas and limits": headers including the URL are at most 16 KiB.
MAX_HEAD_BYTES = 16 * 1024
# Connections that wait to be taken.
BACKLOG = 512
# The longest answer that is written without a look at how fast the client reads.
WRITTEN_AT_ONCE_BYTES = 256 * 1024
# Google's resumable uploads give 308 this meaning.
_PHRASES = {308: "Resume Incomplete"}
_STATUS_LINES: dict[int, bytes] = {}


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
    """A request head. Header names are lower case; ``length`` None means a chunked body.

    ``scope`` is the name of the port that it came in by, if that has one.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    length: int | None
    scope: str = ""


@dataclass(frozen=True, slots=True)
class Content:
    """A body that is read while it is sent; ``length`` None when that is not known before.

    Without ``pieces`` only the length is told: the answer to a HEAD.
    """

    length: int | None
    pieces: AsyncIterator[bytes] | None = None


@dataclass(slots=True)
class Response:
    """An answer: status, body, headers other than Content-Length, and what befalls it on its way.

    ``content`` takes the place of ``body``. ``lines`` are the headers as bytes, a line each: who has made
    them before lets the server put the answer together faster. ``headers`` say the same.
    """

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    fault: Network | None = None
    content: Content | None = None
    lines: bytes = b""


class _Whole:
    """An answer to aiohttp that is written as it is; the connection goes on."""

    __slots__ = ("_data",)
    keep_alive = True

    def __init__(self, data: bytes) -> None:
        self._data = data

    async def prepare(self, request: web.BaseRequest) -> None:
        """Write it; ConnectionResetError when the client has gone away."""
        transport = request.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the client has gone away")
        transport.write(self._data)

    async def write_eof(self) -> None:
        """Nothing is left to send."""


class Request:
    """One request; its body is read once, whole (:meth:`read`) or in pieces (:meth:`pieces`)."""

    __slots__ = ("_inner", "head")

    def __init__(self, inner: web.BaseRequest, scope: str = "") -> None:
        self._inner = inner
        headers = {name.lower(): value for name, value in inner.headers.items()}
        chunked = "chunked" in headers.get("transfer-encoding", "")
        self.head = Head(
            inner.method, inner.raw_path, headers, None if chunked else inner.content_length or 0, scope
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
        content = self._inner.content
        if content.is_eof() and content.exception() is None:
            whole = content.read_nowait()
            if len(whole) > limit:
                raise BodyTooLarge
            return whole
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
    """Listens on one address and answers with ``handler``; ``refusal`` words what is no request.

    ``scope`` is the name of the port, if it has one.
    """

    def __init__(
        self,
        handler: Handler,
        refusal: Callable[[int, str], Response],
        clock: Clock | None = None,
        scope: str = "",
    ) -> None:
        self._scope = scope
        self._handler = handler
        self._refusal = refusal
        self._clock = clock or RealClock()
        self._web: Any = None
        self._faults: Any = None
        self._waits: Waits | None = None
        self._inner: web.Server | None = None
        self._listeners: list[asyncio.Server] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        # The addresses, kept from others while connections are refused; when that ends.
        self._places: list[socket.socket] = []
        self._accepts: Timer | None = None
        self._opening: asyncio.Task[None] | None = None
        self._dated = 0, ""

    async def start(self, host: str, port: int) -> int:
        """Listen; the port taken (``port`` 0 takes a free one). ``OSError`` when it is in use."""
        from aiohttp import web

        from . import http_faults

        self._web, self._faults = web, http_faults
        self._loop = asyncio.get_running_loop()
        self._waits = http_faults.Waits(self._clock)
        options: dict[str, Any] = {"max_line_size": MAX_HEAD_BYTES, "max_field_size": MAX_HEAD_BYTES}
        self._inner = http_faults.Server(
            self._waits, self._answer, access_log=None, logger=_protocol_log, **options
        )
        listener = await self._loop.create_server(self._inner, host, port, backlog=BACKLOG)
        self._listeners = [listener]
        return int(listener.sockets[0].getsockname()[1])

    async def _answer(self, inner: web.BaseRequest) -> web.StreamResponse:
        size = 0
        for name, value in inner.raw_headers:
            size += len(name) + len(value) + 4
        if size > MAX_HEAD_BYTES:
            return self._encode(self._refusal(431, "Request headers are larger than 16 KiB."))
        try:
            answer = await self._handler(Request(inner, self._scope))
            if answer.fault is not None:
                if answer.content is not None and answer.content.pieces is not None:
                    # Where it is cut goes by its length.
                    answer.body = b"".join([piece async for piece in answer.content.pieces])
                    answer.content = None
                return await self._suffer(answer, answer.fault, inner)
            if answer.lines and self._goes_on(inner) and len(answer.body) <= WRITTEN_AT_ONCE_BYTES:
                return cast("web.StreamResponse", self._whole(answer))
            return self._encode(answer)
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

    async def _suffer(self, answer: Response, fault: Network, inner: web.BaseRequest) -> web.StreamResponse:
        if fault.what == "refused":
            self.refuse(fault.for_s)
        changed = self._faults.rewritten(answer, fault)
        if changed is not None:
            return self._encode(changed)
        keeps = await self._faults.carry_out(answer, fault, inner, self._waits, self._clock)
        sent: web.StreamResponse = self._faults.Sent(keeps)
        return sent

    def _encode(self, answer: Response) -> web.Response:
        body: Any
        status, headers, body = answer.status, answer.headers, answer.body or None
        if answer.content is not None:
            body = answer.content.pieces
            if answer.content.length is not None:
                headers = {**headers, "Content-Length": str(answer.content.length)}
        response: web.Response = self._web.Response(
            status=status, reason=_PHRASES.get(status), body=body, headers=headers
        )
        response.headers["Date"] = self._date()
        return response

    def _goes_on(self, inner: web.BaseRequest) -> bool:
        """Whether an answer in full is due, after which the connection goes on by itself."""
        return inner.keep_alive and inner.version[1] == 1 and inner.method != "HEAD"

    def _whole(self, answer: Response) -> _Whole:
        status, body = answer.status, answer.body
        head = _STATUS_LINES.get(status)
        if head is None:
            phrase = _PHRASES.get(status) or HTTPStatus(status).phrase
            head = _STATUS_LINES[status] = f"HTTP/1.1 {status} {phrase}\r\n".encode()
        tail = f"Date: {self._date()}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        return _Whole(b"".join((head, answer.lines, tail, body)))

    def _date(self) -> str:
        """The time of an answer, in the words of HTTP; they are found once a second."""
        second = self._clock.now_us() // 1_000_000
        if second != self._dated[0]:
            self._dated = second, formatdate(second, usegmt=True)
        return self._dated[1]

    def refuse(self, for_s: float | None = None) -> None:
        """Refuse new connections for ``for_s`` of the clock, None until :meth:`accept`; reset the others.

        From any thread. Called again, it counts from then.
        """
        self._on_loop(lambda: self._refuse(for_s))

    def accept(self) -> None:
        """Take connections again. From any thread."""
        self._on_loop(self._accept)

    def _on_loop(self, work: Callable[[], object]) -> None:
        loop = self._loop
        if loop is None:
            raise RuntimeError("the server does not listen")
        if asyncio._get_running_loop() is loop:
            work()
            return

        async def run() -> None:
            work()

        asyncio.run_coroutine_threadsafe(run(), loop).result()

    def _refuse(self, for_s: float | None) -> None:
        assert self._inner is not None
        for listener in self._listeners:
            # Python's server forgets its sockets when it closes.
            addresses = [(s.family, s.getsockname()) for s in listener.sockets]
            listener.close()
            self._places += [_hold(family, address) for family, address in addresses]
        self._listeners = []
        for handler in tuple(self._inner.connections):
            self._faults.reset(handler.transport)
        if self._accepts is not None:
            self._accepts.cancel()
            self._accepts = None
        if for_s is not None:
            self._accepts = self._clock.call_later(for_s, self._accept, self._loop)

    def _accept(self) -> None:
        assert self._loop is not None
        if self._accepts is not None:
            self._accepts.cancel()
            self._accepts = None
        places, self._places = self._places, []
        for place in places:
            # From here on clients get through, to a queue at first.
            place.listen(BACKLOG)
        if places:
            self._opening = self._loop.create_task(self._listen(places))

    async def _listen(self, places: list[socket.socket]) -> None:
        assert self._loop is not None
        assert self._inner is not None
        for place in places:
            self._listeners.append(await self._loop.create_server(self._inner, sock=place, backlog=BACKLOG))

    async def stop(self, grace_s: float = 2.0) -> None:
        """Stop listening, let running requests end for up to ``grace_s``, close every connection."""
        if self._accepts is not None:
            self._accepts.cancel()
        for listener in self._listeners:
            listener.close()
        for place in self._places:
            place.close()
        if self._waits is not None:
            self._waits.end()
        if self._inner is not None:
            self._inner.pre_shutdown()
            await self._inner.shutdown(grace_s)


def _hold(family: int, address: Any) -> socket.socket:
    """A socket that keeps an address and does not listen: connections to it are refused."""
    place = socket.socket(family, socket.SOCK_STREAM)
    place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        place.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    place.setblocking(False)
    place.bind(address)
    return place
