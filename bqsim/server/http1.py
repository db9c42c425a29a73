"""An HTTP/1.1 server on asyncio protocols.

It exists beside the well-known frameworks because importing one takes a third of the second in which a fresh
process must give its first answer, and because faults are injected at the level of bytes. It speaks what API
clients speak: keep-alive, pipelining, Content-Length and chunked bodies, ``Expect: 100-continue``.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

log = logging.getLogger(__name__)

# BigQuery page "Quotas and limits": headers including the URL are at most 16 KiB.
MAX_HEAD_BYTES = 16 * 1024
# A request that stops in the middle is given up after this long.
STALLED_S = 30.0
# After an early answer up to this much of the request is read and dropped, so that the answer arrives.
LINGER_BYTES = 64 * 1024 * 1024
LINGER_S = 3.0
HIGH_WATER = 512 * 1024

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")
_DIGITS = re.compile(r"[0-9]{1,15}\Z")
_CHUNK_SIZE = re.compile(rb"[ \t]*([0-9a-fA-F]{1,15})[ \t]*(?:;[^\r\n]*)?\Z")
_VERSIONS = {"HTTP/1.1": True, "HTTP/1.0": False}


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
    """A parsed request head. Header names are lower case; ``length`` None means a chunked body."""

    method: str
    target: str
    headers: Mapping[str, str]
    length: int | None
    keep_alive: bool
    expects_continue: bool


@dataclass(slots=True)
class Response:
    """An answer; ``headers`` are complete header lines ended by CRLF, without Content-Length."""

    status: int
    body: bytes = b""
    headers: bytes = b""


Handler = Callable[["Request"], Awaitable[Response]]


@functools.lru_cache(maxsize=512)
def parse_head(raw: bytes) -> Head:
    """Parse a request head without its final empty line. Clients repeat heads, hence the cache."""
    lines = raw.decode("latin-1").split("\r\n")
    parts = lines[0].split(" ")
    if len(parts) != 3 or not _TOKEN.match(parts[0]) or not parts[1]:
        raise BadRequest(400, "Malformed request line.")
    method, target, version = parts
    if version not in _VERSIONS:
        raise BadRequest(400, "Unsupported HTTP version.")
    if any(c <= " " or c == "\x7f" for c in target):
        raise BadRequest(400, "Malformed request target.")
    headers: dict[str, str] = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon or not _TOKEN.match(name):
            raise BadRequest(400, "Malformed header.")
        value = value.strip(" \t")
        if "\n" in value or "\r" in value or "\0" in value:
            raise BadRequest(400, "Malformed header.")
        name = name.lower()
        if name in headers:
            if name in ("content-length", "host", "transfer-encoding") and headers[name] != value:
                raise BadRequest(400, f"Conflicting {name} headers.")
            if name not in ("content-length", "host", "transfer-encoding"):
                value = f"{headers[name]}, {value}"
        headers[name] = value
    http11 = _VERSIONS[version]
    if http11 and "host" not in headers:
        raise BadRequest(400, "Missing Host header.")
    connection = {c.strip().lower() for c in headers.get("connection", "").split(",")}
    keep_alive = "close" not in connection if http11 else "keep-alive" in connection
    length: int | None = 0
    if "transfer-encoding" in headers:
        if headers["transfer-encoding"].strip().lower() != "chunked":
            raise BadRequest(501, "Unsupported Transfer-Encoding.")
        if "content-length" in headers:
            raise BadRequest(400, "Both Content-Length and Transfer-Encoding given.")
        length = None
    elif "content-length" in headers:
        if not _DIGITS.match(headers["content-length"]):
            raise BadRequest(400, "Malformed Content-Length.")
        length = int(headers["content-length"])
    expects = http11 and headers.get("expect", "").lower() == "100-continue"
    return Head(method, target, headers, length, keep_alive, expects)


class _Chunked:
    """Decodes a chunked body piece by piece."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._left = 0
        self._state = "size"
        self._trailer_bytes = 0

    def feed(self, data: bytes) -> tuple[list[bytes], bytes | None]:
        """The decoded pieces, and once the body has ended the bytes that follow it."""
        buffer = self._buffer
        buffer += data
        out: list[bytes] = []
        while True:
            if self._state == "data":
                if not buffer:
                    return out, None
                piece = bytes(buffer[: self._left])
                del buffer[: len(piece)]
                self._left -= len(piece)
                out.append(piece)
                if self._left:
                    return out, None
                self._state = "end"
            elif self._state == "end":
                if len(buffer) < 2:
                    return out, None
                if buffer[:2] != b"\r\n":
                    raise BadRequest(400, "Malformed chunk.")
                del buffer[:2]
                self._state = "size"
            else:
                end = buffer.find(b"\r\n")
                if end < 0:
                    if len(buffer) > 1024:
                        raise BadRequest(400, "Malformed chunk.")
                    return out, None
                line = bytes(buffer[:end])
                del buffer[: end + 2]
                if self._state == "size":
                    match = _CHUNK_SIZE.match(line)
                    if match is None:
                        raise BadRequest(400, "Malformed chunk size.")
                    self._left = int(match[1], 16)
                    self._state = "data" if self._left else "trailer"
                elif not line:
                    rest = bytes(buffer)
                    buffer.clear()
                    return out, rest
                else:
                    self._trailer_bytes += len(line)
                    if self._trailer_bytes > MAX_HEAD_BYTES:
                        raise BadRequest(400, "Trailers too long.")


class Request:
    """One request; its body is read once, whole (:meth:`read`) or in pieces (:meth:`pieces`)."""

    __slots__ = ("_connection", "_error", "_pieces", "_waiter", "buffered", "complete", "head", "received")

    def __init__(self, head: Head, connection: Connection) -> None:
        self.head = head
        self.complete = False
        self.buffered = 0
        self.received = 0
        self._pieces: list[bytes] = []
        self._error: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._connection = connection

    @property
    def peer(self) -> str:
        """The client's address."""
        return self._connection.peer

    async def read(self, limit: int) -> bytes:
        """The whole body; :class:`BodyTooLarge` beyond ``limit`` bytes."""
        length = self.head.length
        if length is not None and length > limit:
            raise BodyTooLarge
        if not self.complete or self._error:
            while not self.complete:
                if self.received > limit:
                    raise BodyTooLarge
                await self._more()
            if self._error:
                raise self._error
        if self.received > limit:
            raise BodyTooLarge
        body = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces.clear()
        self.buffered = 0
        return body

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body in pieces as they arrive; reading pauses while the caller is busy."""
        while True:
            while self._pieces:
                taken, self._pieces = self._pieces, []
                self.buffered = 0
                for piece in taken:
                    yield piece
            if self._error:
                raise self._error
            if self.complete:
                return
            await self._more()

    async def _more(self) -> None:
        if self._error:
            raise self._error
        self._connection.want_body()
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def feed(self, data: bytes) -> None:
        if data:
            self._pieces.append(data)
            self.buffered += len(data)
            self.received += len(data)
            self._wake()

    def finish(self, error: Exception | None = None) -> None:
        self.complete = True
        self._error = error
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def _status_line(status: int) -> bytes:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Status"
    # Google's resumable uploads give 308 this meaning.
    if status == 308:
        phrase = "Resume Incomplete"
    return f"HTTP/1.1 {status} {phrase}\r\n".encode()


_STATUS_LINES = {
    s: _status_line(s) for s in (200, 204, 304, 308, 400, 403, 404, 409, 412, 413, 500, 501, 503)
}
_NO_BODY = frozenset({204, 304})


class Connection(asyncio.Protocol):
    """One client connection: parses requests and answers them in order."""

    def __init__(self, server: HttpServer) -> None:
        self._server = server
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._request: Request | None = None
        self._left = 0
        self._chunked: _Chunked | None = None
        self._continue_due = False
        self._reading_paused = False
        self._writable: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None
        self._discarding = -1
        self._gone = False
        self._ended = False
        self.deadline: float | None = None
        self.peer = ""

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        peer = transport.get_extra_info("peername")
        self.peer = str(peer[0]) if peer else ""
        self._server.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._gone = True
        self._server.connections.discard(self)
        if self._request is not None and not self._request.complete:
            self._request.finish(Disconnected())
        self.resume_writing()

    def pause_writing(self) -> None:
        if self._writable is None:
            self._writable = self._server.loop.create_future()

    def resume_writing(self) -> None:
        if self._writable is not None:
            if not self._writable.done():
                self._writable.set_result(None)
            self._writable = None

    def eof_received(self) -> bool:
        if self._request is None:
            return False
        self._ended = True
        if not self._request.complete:
            self._request.finish(Disconnected())
        # A client may close its sending side and still wait for the answer.
        return not self._gone

    def data_received(self, data: bytes) -> None:
        if self._discarding >= 0:
            self._discarding += len(data)
            if self._discarding > LINGER_BYTES:
                self.close()
            return
        if self._request is None:
            self._buffer = self._buffer + data if self._buffer else data
            self._parse()
        elif not self._request.complete:
            self._feed(data)
        else:
            self._buffer += data
            if len(self._buffer) > MAX_HEAD_BYTES and self._transport and not self._reading_paused:
                self._reading_paused = True
                self._transport.pause_reading()

    # Requests

    def _parse(self) -> None:
        """Start the next request when its head is in the buffer."""
        buffer = self._buffer
        if buffer[:2] == b"\r\n":
            buffer = self._buffer = buffer.lstrip(b"\r\n")
        if not buffer:
            self.deadline = None
            return
        end = buffer.find(b"\r\n\r\n", 0, MAX_HEAD_BYTES + 4)
        if end < 0:
            if len(buffer) > MAX_HEAD_BYTES:
                self._refuse(BadRequest(431, "Request headers are larger than 16 KiB."))
            elif b"\n\n" in buffer or buffer.startswith(b"\n"):
                self._refuse(BadRequest(400, "Malformed request."))
            elif self._ended:
                self.close()
            else:
                self.deadline = self.deadline or self._server.loop.time() + STALLED_S
            return
        try:
            head = parse_head(buffer[:end])
        except BadRequest as e:
            self._refuse(e)
            return
        rest = buffer[end + 4 :]
        self._buffer = b""
        self.deadline = None
        request = self._request = Request(head, self)
        self._left = head.length or 0
        self._chunked = _Chunked() if head.length is None else None
        self._continue_due = head.expects_continue
        if head.length == 0:
            request.complete = True
            self._buffer = rest
        elif rest:
            self._continue_due = False
            self._feed(rest)
        self._task = self._server.loop.create_task(self._answer(request))

    def _feed(self, data: bytes) -> None:
        request = self._request
        assert request is not None
        if self._chunked is not None:
            try:
                pieces, rest = self._chunked.feed(data)
            except BadRequest as e:
                request.finish(e)
                return
            for piece in pieces:
                request.feed(piece)
            if rest is not None:
                self._buffer = rest
                request.finish()
        elif len(data) >= self._left:
            request.feed(data[: self._left] if len(data) > self._left else data)
            self._buffer = data[self._left :]
            self._left = 0
            request.finish()
        else:
            self._left -= len(data)
            request.feed(data)
        if request.complete:
            self.deadline = None
        else:
            self.deadline = self._server.loop.time() + STALLED_S
            if request.buffered > HIGH_WATER and not self._reading_paused and self._transport:
                self._reading_paused = True
                self._transport.pause_reading()

    def want_body(self) -> None:
        """The handler waits for more of the body."""
        if self._transport is None or self._gone:
            return
        if self._continue_due:
            self._continue_due = False
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self.deadline = self._server.loop.time() + STALLED_S
        self._resume_reading()

    def _resume_reading(self) -> None:
        if self._reading_paused and self._transport and not self._transport.is_closing():
            self._reading_paused = False
            self._transport.resume_reading()

    async def _answer(self, request: Request) -> None:
        keep = request.head.keep_alive
        try:
            response = await self._server.handler(request)
        except BadRequest as e:
            self._refuse(e)
            return
        except Disconnected:
            self.close()
            return
        except asyncio.CancelledError:
            self.close()
            raise
        except Exception:
            log.exception("unanswered request %s %s", request.head.method, request.head.target)
            self.close()
            return
        keep = keep and request.complete and not self._server.stopping
        keep = keep and not (self._ended and not self._buffer)
        self._write(response, keep, request.head.method == "HEAD")
        if self._writable is not None:
            await self._writable
        self._request = None
        self._task = None
        if self._gone:
            return
        if not request.complete:
            self._linger()
        elif not keep:
            self.close()
        else:
            self._resume_reading()
            if self._buffer:
                self._parse()

    def _write(self, response: Response, keep: bool, head_only: bool) -> None:
        if self._transport is None or self._gone:
            return
        status = _STATUS_LINES.get(response.status) or _status_line(response.status)
        body = response.body
        length = b"" if response.status in _NO_BODY else b"Content-Length: %d\r\n" % len(body)
        closing = b"\r\n" if keep else b"Connection: close\r\n\r\n"
        head = status + response.headers + length + closing
        if head_only or response.status in _NO_BODY or not body:
            self._transport.write(head)
        elif len(body) < HIGH_WATER:
            self._transport.write(head + body)
        else:
            self._transport.write(head)
            self._transport.write(body)

    def _refuse(self, error: BadRequest) -> None:
        """Answer what is no request, then close."""
        self._write(self._server.refusal(error.status, str(error)), False, False)
        self._request = None
        self._linger()

    def _linger(self) -> None:
        self._discarding = 0
        self._buffer = b""
        if self._transport is None or self._transport.is_closing():
            return
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self._resume_reading()
        self.deadline = self._server.loop.time() + LINGER_S

    @property
    def idle(self) -> bool:
        """No request is being read or answered."""
        return self._request is None

    def close(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.close()

    def abort(self) -> None:
        """Drop the connection without a goodbye."""
        if self._task is not None:
            self._task.cancel()
        if self._transport is not None:
            self._transport.abort()

    def expire(self) -> None:
        """The deadline passed: the client stalled."""
        if self._discarding >= 0:
            self.abort()
        elif self._request is not None and not self._request.complete:
            self._request.finish(BadRequest(408, "The request was not received in time."))
        else:
            self._refuse(BadRequest(408, "The request was not received in time."))


class HttpServer:
    """Listens on one address and answers with ``handler``; ``refusal`` words what is no HTTP."""

    def __init__(self, handler: Handler, refusal: Callable[[int, str], Response]) -> None:
        self.handler = handler
        self.refusal = refusal
        self.connections: set[Connection] = set()
        self.stopping = False
        self.loop: asyncio.AbstractEventLoop
        self._server: asyncio.Server | None = None
        self._sweeper: asyncio.TimerHandle | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen; the port taken (``port`` 0 takes a free one). ``OSError`` when it is in use."""
        self.loop = asyncio.get_running_loop()
        self._server = await self.loop.create_server(lambda: Connection(self), host, port, backlog=512)
        self._sweep()
        sockets: Sequence[object] = self._server.sockets
        return int(sockets[0].getsockname()[1])  # type: ignore[attr-defined]

    def _sweep(self) -> None:
        now = self.loop.time()
        for connection in [c for c in self.connections if c.deadline is not None and c.deadline < now]:
            connection.deadline = None
            connection.expire()
        self._sweeper = self.loop.call_later(1.0, self._sweep)

    async def stop(self, grace_s: float = 2.0) -> None:
        """Stop listening, let running requests end for up to ``grace_s``, close every connection."""
        self.stopping = True
        if self._sweeper is not None:
            self._sweeper.cancel()
        if self._server is not None:
            self._server.close()
        for connection in [c for c in self.connections if c.idle]:
            connection.close()
        deadline = self.loop.time() + grace_s
        while self.connections and self.loop.time() < deadline:
            await asyncio.sleep(0.01)
        for connection in list(self.connections):
            connection.abort()
        await asyncio.sleep(0)
