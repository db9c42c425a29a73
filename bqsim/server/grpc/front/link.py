"""One client's connection, forwarded to the server frame by frame, and what its streams suffer."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from . import frames as f
from .actions import ACTIONS
from .fault import HEADER, Fault
from .held import Held
from .sockets import unsent

if TYPE_CHECKING:
    from bqsim.sim.clock import Clock

READ_BYTES = 256 * 1024
# How long what has been written may take to arrive before a reset, which would overtake it.
FLUSH_S = 1.0
_FLUSH_STEP_S = 0.001
_RESET = struct.pack("ii", 1, 0)

Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Link:
    """A connection with its streams. All methods run on the front's loop."""

    def __init__(self, number: int, client: Ends, server: Ends, clock: Clock) -> None:
        self.number = number
        self.clock = clock
        self.last_stream = 0
        self._client_reader, self._client = client
        self._server_reader, self._server = server
        # Bytes of DATA that have gone to the client, of open streams.
        self._sent: dict[int, int] = {}
        self._headed: set[int] = set()
        self._faults: dict[int, Fault] = {}
        self._held: dict[int, Held] = {}
        self._dead: set[int] = set()
        self._changes: dict[int, Callable[[bytes, int], bytes]] = {}
        # Streams whose first header block has not ended.
        self._opening: set[int] = set()
        # Streams above were told that they are not served.
        self._served_to: int | None = None
        self._greeted = self._leaving = False
        self._left = asyncio.Event()
        self._over = False
        self._ending: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Forward until one side is gone; then the other goes too."""
        pumps = [
            asyncio.create_task(self._to_server()),
            asyncio.create_task(self._to_client()),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            if self._ending is not None:
                await self._ending
            elif not pumps[0].done():
                # The server has closed: what it sent last is on its way.
                with contextlib.suppress(ConnectionError):
                    await self._client.drain()
        finally:
            self._over = True
            for held in self._held.values():
                held.cancel()
            tasks = [*pumps, *([self._ending] if self._ending else ())]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for writer in (self._server, self._client):
                writer.close()

    # From the client to the server

    async def _to_server(self) -> None:
        try:
            await self._take_requests()
        except ConnectionError:
            return
        finally:
            self._left.set()

    async def _take_requests(self) -> None:
        preface = await self._client_reader.read(len(f.PREFACE))
        while preface and len(preface) < len(f.PREFACE) and f.PREFACE.startswith(preface):
            more = await self._client_reader.read(len(f.PREFACE) - len(preface))
            if not more:
                break
            preface += more
        self._server.write(preface)
        if preface != f.PREFACE:
            await self._pass_all()
            return
        async for frame in _frames(self._client_reader):
            for changed in self._from_client(frame):
                self._server.write(changed.encode())
            await self._server.drain()

    async def _pass_all(self) -> None:
        """What is no HTTP/2 is for the server to refuse."""
        while data := await self._client_reader.read(READ_BYTES):
            self._server.write(data)
            await self._server.drain()

    def _from_client(self, frame: f.Frame) -> Iterator[f.Frame]:
        stream = frame.stream
        if stream in self._dead or (self._served_to is not None and stream > self._served_to):
            if frame.kind == f.DATA and frame.payload:
                # The client's window for the connection must not shrink by what nobody reads.
                self._write(f.window_update(0, len(frame.payload)))
            return
        if frame.kind in (f.HEADERS, f.CONTINUATION):
            opens = stream > self.last_stream or stream in self._opening
            if stream > self.last_stream:
                self.last_stream = stream
                self._opening.add(stream)
            if opens and frame.flags & f.END_HEADERS:
                self._opening.discard(stream)
                yield from f.with_header(frame, HEADER, f"{self.number}/{stream}")
                return
        yield frame
        if frame.kind == f.RST_STREAM:
            # The server is to know before it has the window to send more of it.
            self._drop_held(stream)
            self._forget(stream)

    # From the server to the client

    async def _to_client(self) -> None:
        with contextlib.suppress(ConnectionError):
            async for frame in _frames(self._server_reader):
                self._from_server(frame)
                await self._client.drain()

    def _from_server(self, frame: f.Frame) -> None:
        stream = frame.stream
        if not self._greeted:
            # Settings come first.
            self._greeted = True
            self._write(frame)
            if self._leaving:
                self.send_away()
            return
        if stream in self._dead:
            self._swallow(frame)
        elif stream in self._held:
            self._held[stream].put(frame)
        else:
            self.forward(frame)

    def forward(self, frame: f.Frame) -> None:
        """Send a frame on to the client, up to where its stream's fault begins."""
        stream = frame.stream
        if not stream:
            self._write(frame)
            return
        fault = self._faults.get(stream)
        if fault is None:
            self._pass(frame)
            return
        assert fault.position is not None
        if frame.kind == f.DATA:
            left = fault.position - self._sent.get(stream, 0)
            data = frame.data
            if left > len(data) or (left == len(data) and not frame.ends_stream and left):
                self._pass(frame)
                if left == len(data):
                    self._begin(stream)
                return
            for part in f.data_frames(stream, data[:left]):
                self._pass(part)
            self._credit(len(frame.payload) - len(data))
            rest = list(f.data_frames(stream, data[left:], end=frame.ends_stream))
            self._begin(stream, rest)
        elif frame.ends_stream:
            self._begin(stream, [frame])
        else:
            self._pass(frame)
            if frame.kind == f.HEADERS and fault.position == 0:
                self._begin(stream)

    def _pass(self, frame: f.Frame) -> None:
        """Send a frame of a stream as it is, or as its fault changes it."""
        stream = frame.stream
        if frame.kind == f.DATA:
            sent = self._sent.get(stream, 0)
            self._sent[stream] = sent + len(frame.data)
            if stream in self._changes:
                frame = replace(frame, flags=frame.flags & ~f.PADDED, payload=frame.data)
                frame = replace(frame, payload=self._changes[stream](frame.payload, sent))
        elif frame.kind == f.HEADERS:
            self._headed.add(stream)
        self._write(frame)
        if frame.ends_stream:
            self._forget(stream)

    def _write(self, frame: f.Frame) -> None:
        if not self._over:
            self._client.write(frame.encode())

    def _credit(self, size: int) -> None:
        """Give the server back what the client will never have received."""
        if size:
            self._server.write(f.window_update(0, size).encode())

    def _swallow(self, frame: f.Frame) -> None:
        if frame.kind == f.DATA:
            self._credit(len(frame.payload))

    def _forget(self, stream: int) -> None:
        self._sent.pop(stream, None)
        self._headed.discard(stream)
        self._faults.pop(stream, None)
        self._changes.pop(stream, None)

    def _drop_held(self, stream: int) -> None:
        held = self._held.pop(stream, None)
        if held is not None:
            for frame in held.cancel():
                self._swallow(frame)

    # Faults

    def suffer(self, stream: int, fault: Fault) -> None:
        """Let a stream suffer a fault, at once or when its answers have come so far."""
        if self._over or stream in self._dead:
            return
        self._faults[stream] = fault
        if self._is_due(stream, fault.position):
            self._begin(stream)

    def _is_due(self, stream: int, position: int | None) -> bool:
        if position is None:
            return True
        if position == 0:
            return stream in self._headed
        return self._sent.get(stream, 0) >= position

    def _begin(self, stream: int, rest: list[f.Frame] | None = None) -> None:
        """The stream's fault begins; ``rest`` are frames that were about to go."""
        fault = self._faults.pop(stream)
        ACTIONS[fault.effect.what](self, stream, fault)
        for frame in rest or ():
            self._from_server(frame)

    # What actions are made of

    def headed(self, stream: int) -> bool:
        """Whether the answer's headers have gone to the client."""
        return stream in self._headed

    def send(self, *made: f.Frame) -> None:
        """Send frames of the front's own to the client."""
        for frame in made:
            self._write(frame)

    def send_raw(self, data: bytes) -> None:
        """Send bytes that are no frame."""
        if not self._over:
            self._client.write(data)

    def send_away(self) -> None:
        """Let the client make its next calls on another connection; what comes until then is served."""
        if self._greeted:
            self._write(f.goaway(f.ALL_STREAMS))
        else:
            self._leaving = True

    def go_away(self, last_stream: int) -> None:
        """Tell the client that the connection ends, and that no stream above ``last_stream`` is served."""
        self._served_to = last_stream
        self._write(f.goaway(last_stream))

    def kill(self, stream: int) -> None:
        """Nothing more of a stream reaches either side; the server is told that the client left it."""
        self._drop_held(stream)
        self._forget(stream)
        self._dead.add(stream)
        self._server.write(f.rst_stream(stream, f.CANCEL).encode())

    def hold(self, stream: int, held: Held) -> None:
        """Let ``held`` send what further comes on a stream."""

        def done() -> None:
            self._held.pop(stream, None)

        self._held[stream] = held
        held.start(done)

    def change(self, stream: int, change: Callable[[bytes, int], bytes]) -> None:
        """Let ``change(data, position)`` make the DATA of a stream that follows."""
        self._changes[stream] = change

    def end(self, work: Callable[[], Awaitable[None]]) -> None:
        """End the connection once ``work`` is done; nothing else is sent."""
        if self._over:
            return
        self._over = True

        async def finish() -> None:
            with contextlib.suppress(ConnectionError):
                await work()
            self._server.transport.abort()
            self._client.transport.abort()

        self._ending = asyncio.create_task(finish())

    async def flushed(self) -> None:
        """Wait until the client's machine has what was written."""
        loop = asyncio.get_running_loop()
        end = loop.time() + FLUSH_S
        while loop.time() < end and self._unsent():
            await asyncio.sleep(_FLUSH_STEP_S)

    def _unsent(self) -> int:
        transport = self._client.transport
        waiting = transport.get_write_buffer_size()
        return waiting or unsent(transport.get_extra_info("socket"))

    async def reset(self) -> None:
        """End the client's connection with a TCP reset."""
        await self.flushed()
        sock: socket.socket = self._client.transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._client.transport.abort()

    async def half_close(self) -> None:
        """Say that nothing more comes, and read until the client says so too."""
        self._client.write_eof()
        await self._left.wait()

    async def close(self) -> None:
        """Close the client's connection behind what has been written."""
        await self.flushed()
        self._client.write_eof()
        # What the client still sends would make a reset of it.
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._left.wait(), FLUSH_S)


async def _frames(reader: asyncio.StreamReader) -> AsyncIterator[f.Frame]:
    """The frames that come; ends with the connection."""
    buffer = bytearray()
    while data := await _read(reader):
        buffer += data
        for frame in f.take_frames(buffer):
            yield frame


async def _read(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read(READ_BYTES)
    except ConnectionError:
        return b""
