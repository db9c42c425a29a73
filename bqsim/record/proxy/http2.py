"""HTTP/2 as it comes in: calls over one connection side by side."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Any

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings

from bqsim.record.model import Headers

from .http1 import Handler
from .incoming import Ask, end_to_end

# What clients may send of one body, and of all, before it has been taken.
WINDOW_BYTES = 1024 * 1024
STREAMS = 256
_CONTROL = h2.settings.SettingCodes


class Http2Connection(asyncio.Protocol):
    """One connection of a client; ``handler`` answers its calls."""

    def __init__(self, handler: Handler, scheme: str, address: Callable[[], str], open_: set[Any]) -> None:
        self._handler, self._scheme, self._address, self._open = handler, scheme, address, open_
        config = h2.config.H2Configuration(client_side=False, header_encoding="latin-1")
        self.h2 = h2.connection.H2Connection(config)
        self.h2.local_settings = h2.settings.Settings(
            client=False,
            initial_values={
                _CONTROL.MAX_CONCURRENT_STREAMS: STREAMS,
                _CONTROL.INITIAL_WINDOW_SIZE: WINDOW_BYTES,
                _CONTROL.MAX_HEADER_LIST_SIZE: 256 * 1024,
            },
        )
        self._calls: dict[int, Http2] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._transport: asyncio.Transport | None = None
        self._may_write = asyncio.Event()
        self._may_write.set()

    # asyncio's

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._open.add(self)
        self.h2.initiate_connection()
        self.h2.increment_flow_control_window(WINDOW_BYTES)
        self.flush()

    def connection_lost(self, exc: Exception | None) -> None:
        self._open.discard(self)
        self._transport = None
        self._may_write.set()
        for call in list(self._calls.values()):
            call.lost()
        self._calls.clear()

    def pause_writing(self) -> None:
        self._may_write.clear()

    def resume_writing(self) -> None:
        self._may_write.set()

    def data_received(self, data: bytes) -> None:
        try:
            events = self.h2.receive_data(data)
        except h2.exceptions.ProtocolError:
            # What is to be said of it, the library has made.
            self.flush()
            self.close()
            return
        for event in events:
            self._take(event)
        self.flush()

    def eof_received(self) -> bool:
        return False

    # Events

    def _take(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.RequestReceived):
            call = Http2(self, event.stream_id, event.headers or [], self._scheme, self._address())
            self._calls[event.stream_id] = call
            if event.stream_ended is not None:
                call.fed(None)
            call.task = asyncio.get_running_loop().create_task(self._answer(call))
            self._tasks.add(call.task)
            call.task.add_done_callback(self._tasks.discard)
        elif isinstance(event, h2.events.DataReceived):
            found = self._calls.get(event.stream_id)
            if found is None:
                self._acknowledge(event.flow_controlled_length or 0, event.stream_id)
            else:
                found.fed((event.data or b"", event.flow_controlled_length or 0))
        elif isinstance(event, h2.events.StreamEnded):
            if event.stream_id in self._calls:
                self._calls[event.stream_id].fed(None)
        elif isinstance(event, h2.events.StreamReset):
            if event.stream_id in self._calls:
                self._calls[event.stream_id].lost()
        elif isinstance(event, h2.events.WindowUpdated | h2.events.RemoteSettingsChanged):
            for call in self._calls.values():
                call.window.set()
        elif isinstance(event, h2.events.ConnectionTerminated) and not self._calls:
            self.close()

    async def _answer(self, call: Http2) -> None:
        try:
            with contextlib.suppress(ConnectionError):
                await self._handler(call)
        finally:
            if self._calls.pop(call.number, None) is not None:
                call.done()
                self.flush()

    # What calls do

    async def drained(self) -> None:
        """Wait until the client takes what was written."""
        if not self._may_write.is_set():
            await self._may_write.wait()
        if self._transport is None:
            raise ConnectionResetError("the client left")

    def acknowledge(self, size: int, stream: int) -> None:
        """Let the client send as much again."""
        self._acknowledge(size, stream)
        self.flush()

    def _acknowledge(self, size: int, stream: int) -> None:
        if size:
            with contextlib.suppress(h2.exceptions.ProtocolError):
                self.h2.acknowledge_received_data(size, stream)

    def flush(self) -> None:
        """Send what the library has made."""
        data = self.h2.data_to_send()
        if data and self._transport is not None:
            self._transport.write(data)

    def close(self) -> None:
        """End the connection."""
        if self._transport is not None:
            with contextlib.suppress(h2.exceptions.ProtocolError):
                self.h2.close_connection()
            self.flush()
            self._transport.close()

    async def shutdown(self) -> None:
        """End the connection and its calls."""
        self.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


class Http2:
    """One call of HTTP/2; an :class:`~.incoming.Incoming`."""

    def __init__(
        self, connection: Http2Connection, number: int, headers: Any, scheme: str, address: str
    ) -> None:
        self.number = number
        self.window = asyncio.Event()
        self.task: asyncio.Task[None] | None = None
        self._connection = connection
        self._fed: deque[tuple[bytes, int] | None] = deque()
        self._came = asyncio.Event()
        self._read = self._ended = False
        given: Headers = tuple((str(n), str(v)) for n, v in headers)
        pseudo = {n: v for n, v in given if n.startswith(":")}
        plain = tuple((n, v) for n, v in given if not n.startswith(":"))
        host = pseudo.get(":authority") or next((v for n, v in plain if n == "host"), "") or address
        length = next((v for n, v in plain if n == "content-length"), "")
        self.ask = Ask(
            pseudo.get(":method", ""),
            pseudo.get(":path", "/"),
            _joined(tuple((n, v) for n, v in end_to_end(plain) if n not in ("host", "expect"))),
            f"{scheme}://{host}",
            int(length) if length.isdecimal() else None,
            any(n == "expect" and v.lower() == "100-continue" for n, v in plain),
        )

    def fed(self, data: tuple[bytes, int] | None) -> None:
        """Data came, with what it takes of the window; None is the end."""
        if data is None and not self._fed and not self._came.is_set() and self.ask.length is None:
            # Nothing was sent but the head.
            self._bodiless()
        self._fed.append(data)
        self._came.set()

    def _bodiless(self) -> None:
        if not self._read and self.ask.verb in ("GET", "HEAD", "DELETE", "OPTIONS"):
            a = self.ask
            self.ask = Ask(a.verb, a.target, a.headers, a.base, 0, a.expects)

    async def pieces(self) -> AsyncIterator[bytes]:
        while True:
            while not self._fed:
                self._came.clear()
                await self._came.wait()
            item = self._fed.popleft()
            if item is None:
                self._read = True
                return
            data, size = item
            if data:
                yield data
            self._connection.acknowledge(size, self.number)

    async def proceed(self) -> None:
        self._connection.h2.send_headers(self.number, [(":status", "100")])
        self._connection.flush()

    async def begin(
        self, status: int, reason: str, headers: Headers, *, bodiless: bool = False, together: bool = False
    ) -> None:
        fields = [(":status", str(status)), *headers]
        with _gone():
            self._connection.h2.send_headers(self.number, fields, end_stream=bodiless)
        self._ended = bodiless
        if not together:
            self._connection.flush()

    async def write(self, data: bytes) -> None:
        view = memoryview(data)
        protocol = self._connection.h2
        while view:
            with _gone():
                window = protocol.local_flow_control_window(self.number)
            room = min(window, protocol.max_outbound_frame_size, len(view))
            if room <= 0:
                self.window.clear()
                self._connection.flush()
                await self.window.wait()
                continue
            with _gone():
                protocol.send_data(self.number, bytes(view[:room]))
            view = view[room:]
        self._connection.flush()
        await self._connection.drained()

    async def end(self) -> None:
        if not self._ended:
            self._ended = True
            with _gone():
                self._connection.h2.end_stream(self.number)
        self._connection.flush()

    def abort(self, *, reset: bool) -> None:
        self._ended = True
        with contextlib.suppress(h2.exceptions.ProtocolError):
            self._connection.h2.reset_stream(self.number, h2.errors.ErrorCodes.INTERNAL_ERROR)
        self._connection.flush()

    def done(self) -> None:
        """The call was handled: what is left of it is not wanted."""
        for item in self._fed:
            if item is not None:
                self._connection.acknowledge(item[1], self.number)
        self._fed.clear()
        if not self._ended or not self._read:
            code = h2.errors.ErrorCodes.NO_ERROR if self._ended else h2.errors.ErrorCodes.INTERNAL_ERROR
            if self._ended and self._at_end():
                return
            with contextlib.suppress(h2.exceptions.ProtocolError):
                self._connection.h2.reset_stream(self.number, code)

    def _at_end(self) -> bool:
        """Whether the client has said all that it had to say."""
        stream = self._connection.h2.streams.get(self.number)
        return stream is None or stream.closed

    def lost(self) -> None:
        """The client left."""
        self.window.set()
        if self.task is not None:
            self.task.cancel()


class _gone:
    """A stream that is closed is a client that left."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, h2.exceptions.ProtocolError):
            raise ConnectionResetError(str(error)) from error


def _joined(headers: Headers) -> Headers:
    """Headers with the crumbs of cookies in one (RFC 9113, section 8.2.3)."""
    crumbs = [v for n, v in headers if n == "cookie"]
    if len(crumbs) < 2:
        return headers
    return (*((n, v) for n, v in headers if n != "cookie"), ("cookie", "; ".join(crumbs)))
