"""A port for gRPC: each connection goes on to the upstream over one of its own, frame by frame, so that flow
control, deadlines, cancellation and keepalive are between the two ends."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
import struct
from dataclasses import dataclass

from bqsim.record.tap import Tap
from bqsim.server.grpc.front import frames as f

from .grpc_frames import ACK, PING, SETTINGS, Answers, Malformed, Requests, header_frames, literal
from .grpc_streams import Streams
from .sending import CONNECT_S, UpstreamError, failure_of
from .tunnels import open_stream

log = logging.getLogger(__name__)

READ_BYTES = 256 * 1024
BACKLOG = 512
_UNAVAILABLE = b"14"
# How long a call may take to say what it asks before it is told that there is nobody to ask.
_ASKING_S = 0.2
_LEAVING_S = 5.0
_NO_LINGER = struct.pack("ii", 1, 0)

Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True, slots=True)
class GrpcOrigin:
    """An upstream of gRPC calls."""

    host: str
    port: int
    tls: bool

    @classmethod
    def of(cls, target: str, *, tls: bool | None = None) -> GrpcOrigin:
        """The origin that ``host:port`` names, or a URL. Without ``tls``: what the URL says, else that of
        port 443. ValueError for what is no address."""
        from urllib.parse import urlsplit

        scheme, found, rest = target.partition("://")
        parts = urlsplit("//" + (rest.lstrip("/") if found else target).partition("/")[0])
        if not parts.hostname:
            raise ValueError(f"{target!r} is no address of a gRPC server")
        if tls is None:
            tls = scheme == "https" if found and scheme != "dns" else parts.port in (443, None)
        return cls(parts.hostname, parts.port or (443 if tls else 80), tls)

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.tls and self.port == 443 else f"{host}:{self.port}"


class GrpcPort:
    """Listens on one address and passes calls on to ``origin``."""

    def __init__(
        self,
        tap: Tap,
        origin: GrpcOrigin,
        context: ssl.SSLContext | None = None,
        upstream: ssl.SSLContext | None = None,
    ) -> None:
        self._tap, self.origin, self._context, self._upstream = tap, origin, context, upstream
        self._listener: asyncio.Server | None = None
        self._links: set[asyncio.Task[None]] = set()

    async def start(self, host: str, port: int) -> int:
        """Listen; the port taken. ``OSError`` when it is in use."""
        self._listener = await asyncio.start_server(
            self._take, host, port, ssl=self._context, backlog=BACKLOG, limit=READ_BYTES
        )
        return int(self._listener.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Stop listening and end all connections."""
        if self._listener is not None:
            self._listener.close()
        for link in list(self._links):
            link.cancel()
        await asyncio.gather(*self._links, return_exceptions=True)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._links.add(task)
        try:
            await self._serve((reader, writer))
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            log.debug("a client left")
        except asyncio.CancelledError:
            log.debug("a connection is closed")
        finally:
            self._links.discard(task)
            writer.close()

    async def _serve(self, client: Ends) -> None:
        preface = await client[0].readexactly(len(f.PREFACE))
        if preface != f.PREFACE:
            return
        streams = Streams(self._tap, self.origin.authority)
        requests = Requests(streams, self.origin.authority, "https" if self.origin.tls else "http")
        try:
            server = await self._reach()
        except UpstreamError as error:
            log.warning("%s: %s", self.origin.authority, error)
            await _Refusal(client, streams, requests, error).run()
            return
        await _Link(client, server, streams, requests).run(preface)

    async def _reach(self) -> Ends:
        context = self._upstream if self.origin.tls else None
        try:
            async with asyncio.timeout(CONNECT_S):
                ends = await open_stream(self.origin.host, self.origin.port, context, READ_BYTES)
        except Exception as error:
            made = failure_of(error)
            if made is None:
                raise
            # Nothing was asked yet: whatever happened, nobody was reached.
            broken = made.broken if made.broken in ("timeout", "tls") else "refused"
            raise UpstreamError(broken, str(made)) from error
        return ends


class _Link:
    """A client's connection, and that to the upstream."""

    def __init__(self, client: Ends, server: Ends, streams: Streams, requests: Requests) -> None:
        self._client, self._server, self._streams, self._requests = client, server, streams, requests
        self._answers: Answers | None = Answers(streams, requests)
        self._ended: str = ""

    async def run(self, preface: bytes) -> None:
        """Pass on until one side is gone; then the other goes too."""
        self._server[1].write(preface)
        pumps = [asyncio.create_task(self._to_server()), asyncio.create_task(self._to_client())]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            self._streams.broke(self._ended or "cancelled")
            self._close()

    async def _to_server(self) -> None:
        reader, writer = self._client[0], self._server[1]
        try:
            while data := await reader.read(READ_BYTES):
                data = self._requests.feed(data)
                self._requests.asked.clear()
                if data:
                    try:
                        writer.write(data)
                        await writer.drain()
                    except ConnectionError:
                        # How it ended is seen by who reads.
                        await asyncio.sleep(_LEAVING_S)
                        self._end("reset")
                        return
        except Malformed as error:
            log.debug("a client's connection is closed: %s", error)
            self._client[1].write(f.goaway(self._requests.last, 1, str(error).encode()).encode())
        except (ConnectionError, ssl.SSLError) as error:
            log.debug("a client left: %s", error)
        self._end("cancelled")

    async def _to_client(self) -> None:
        reader, writer = self._server[0], self._client[1]
        try:
            while True:
                try:
                    data = await reader.read(READ_BYTES)
                except (ConnectionError, ssl.SSLError):
                    self._end("reset")
                    return
                if not data:
                    self._end("closed")
                    with contextlib.suppress(ConnectionError):
                        await writer.drain()
                    return
                writer.write(data)
                self._look(data)
                await writer.drain()
        except ConnectionError:
            self._end("cancelled")

    def _look(self, data: bytes) -> None:
        if self._answers is None:
            return
        try:
            self._answers.feed(data)
        except Malformed as error:
            # What the client makes of it is the client's.
            log.warning("answers that cannot be read: %s", error)
            self._answers = None
            self._streams.broke("malformed", str(error))

    def _end(self, how: str) -> None:
        self._ended = self._ended or how

    def _close(self) -> None:
        if self._ended == "reset":
            _reset(self._client[1])
        self._server[1].close()
        self._client[1].close()


class _Refusal:
    """A connection whose calls cannot go on: each is told why, then the client is to come again."""

    def __init__(self, client: Ends, streams: Streams, requests: Requests, error: UpstreamError) -> None:
        self._reader, self._writer = client
        self._streams, self._requests, self._error = streams, requests, error
        self._told: set[int] = set()

    async def run(self) -> None:
        """Refuse what is asked, until the client goes."""
        buffer = bytearray()
        self._writer.write(f.Frame(SETTINGS, 0, 0, b"").encode())
        wait: float | None = None
        while True:
            try:
                async with asyncio.timeout(wait):
                    data = await self._reader.read(READ_BYTES)
            except TimeoutError:
                if self._told:
                    return
                self._requests.asked |= set(self._streams.open)
                data = b""
            else:
                if not data:
                    self._streams.broke(self._error.broken, str(self._error))
                    return
            buffer += data
            for frame in f.take_frames(buffer):
                self._answer(frame)
            try:
                self._requests.feed(data)
            except Malformed:
                self._streams.broke("cancelled")
                return
            self._refuse()
            await self._writer.drain()
            waiting = any(n not in self._told for n in self._streams.open)
            wait = _ASKING_S if waiting else _LEAVING_S if self._told else None

    def _answer(self, frame: f.Frame) -> None:
        if frame.kind in (SETTINGS, PING) and not frame.flags & ACK:
            payload = frame.payload if frame.kind == PING else b""
            self._writer.write(f.Frame(frame.kind, ACK, 0, payload).encode())

    def _refuse(self) -> None:
        due = sorted(n for n in self._requests.asked if n in self._streams.open)
        self._requests.asked.clear()
        block = b"".join(
            literal(name, value)
            for name, value in (
                (b":status", b"200"),
                (b"content-type", b"application/grpc"),
                (b"grpc-status", _UNAVAILABLE),
                (b"grpc-message", _quoted(str(self._error))),
            )
        )
        for number in due:
            self._told.add(number)
            self._writer.write(b"".join(header_frames(number, block, end=True)))
            stream = self._streams.open.pop(number)
            stream.call.ended("UNAVAILABLE", message=str(self._error), broken=self._error.broken)
        if due:
            # The next call is to try again whether the upstream is there.
            self._writer.write(f.goaway(self._requests.last).encode())


def _quoted(text: str) -> bytes:
    from urllib.parse import quote

    return quote(text, safe=" !\"#$&'()*+,-./:;<=>?@[]^_`{|}~").encode()


def _reset(writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    if sock is not None:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    writer.transport.abort()
