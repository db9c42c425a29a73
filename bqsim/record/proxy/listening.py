"""A port for REST calls, by HTTP/1.1 or HTTP/2: ALPN tells, or the first bytes."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import Any

from .http1 import Handler, server
from .http2 import Http2Connection

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
BACKLOG = 512


class RestPort:
    """Listens on one address; ``handler`` answers what comes in."""

    def __init__(self, handler: Handler, context: ssl.SSLContext | None = None) -> None:
        self._handler, self._context = handler, context
        self._scheme = "https" if context else "http"
        self._listener: asyncio.Server | None = None
        self._first: Any = None
        self._second: set[Any] = set()
        self.address = ""

    async def start(self, host: str, port: int) -> int:
        """Listen; the port taken. ``OSError`` when it is in use."""
        loop = asyncio.get_running_loop()
        self._first = server(self._handler, self._scheme, lambda: self.address)
        self._listener = await loop.create_server(
            self._choose, host, port, ssl=self._context, backlog=BACKLOG
        )
        taken = int(self._listener.sockets[0].getsockname()[1])
        self.address = f"{f'[{host}]' if ':' in host else host}:{taken}"
        return taken

    def _choose(self) -> asyncio.Protocol:
        return _Choice(self._first, self._two)

    def _two(self) -> asyncio.Protocol:
        return Http2Connection(self._handler, self._scheme, lambda: self.address, self._second)

    async def stop_listening(self) -> None:
        """Take no more connections."""
        if self._listener is not None:
            self._listener.close()

    async def stop(self, grace_s: float = 1.0) -> None:
        """Close every connection; answers that are on their way have ``grace_s``."""
        await self.stop_listening()
        if self._first is not None:
            self._first.pre_shutdown()
            await self._first.shutdown(grace_s)
        for connection in list(self._second):
            await connection.shutdown()


class _Choice(asyncio.Protocol):
    """A connection until it is known what it speaks."""

    def __init__(self, one: Callable[[], asyncio.Protocol], two: Callable[[], asyncio.Protocol]) -> None:
        self._one, self._two = one, two
        self._seen = b""
        self._transport: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        tls = transport.get_extra_info("ssl_object")
        if tls is not None and tls.selected_alpn_protocol() == "h2":
            self._become(self._two())

    def data_received(self, data: bytes) -> None:
        self._seen += data
        if not PREFACE.startswith(self._seen[: len(PREFACE)]):
            self._become(self._one())
        elif len(self._seen) >= len(PREFACE):
            self._become(self._two())

    def _become(self, protocol: asyncio.Protocol) -> None:
        transport = self._transport
        assert isinstance(transport, asyncio.Transport)
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        if self._seen:
            protocol.data_received(self._seen)
