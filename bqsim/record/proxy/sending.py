"""REST calls to upstreams: HTTP/1.1 by aiohttp, with nothing of its own in them."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from bqsim.record.model import Headers

from .tunnels import credentials_of, proxy_for

if TYPE_CHECKING:
    import aiohttp

CONNECT_S = 30.0
# Idle connections are dropped before servers do it: a call on one that is being closed would be lost.
KEEP_S = 4.0
READ_BYTES = 256 * 1024
_HEAD_BYTES = 256 * 1024
_OWN = frozenset({"Accept", "Accept-Encoding", "User-Agent", "Content-Type"})


class UpstreamError(Exception):
    """No whole answer came: ``broken`` is how (``refused``, ``timeout``, ``tls``, ``reset``, ``closed``,
    ``malformed``), its text what happened."""

    def __init__(self, broken: str, text: str) -> None:
        super().__init__(text)
        self.broken = broken


class Sender:
    """Connections to upstreams; of one event loop."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self._context = context
        self._session: aiohttp.ClientSession | None = None

    def _open(self) -> aiohttp.ClientSession:
        import aiohttp

        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0,
                ssl=self._context if self._context is not None else True,
                keepalive_timeout=KEEP_S,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=_OWN,
            read_bufsize=READ_BYTES,
            max_line_size=_HEAD_BYTES,
            max_field_size=_HEAD_BYTES,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S),
        )
        # Calls that are to be made again are made again by clients: what broke is to be seen.
        session._retry_connection = False
        return session

    async def send(
        self,
        verb: str,
        url: str,
        headers: Headers,
        body: bytes | AsyncIterator[bytes] | None,
        *,
        expects: bool = False,
    ) -> aiohttp.ClientResponse:
        """Send a call and wait for the head of its answer. UpstreamError when none comes.

        ``expects``: the body is taken when the upstream says 100.
        """
        from yarl import URL

        if self._session is None:
            self._session = self._open()
        to = URL(url, encoded=True)
        options: dict[str, Any] = {}
        proxy = proxy_for(to.scheme, to.authority)
        if proxy is not None:
            options, headers = _through(proxy, to.scheme, headers)
        with _told():
            return await self._session.request(
                verb,
                to,
                headers=headers,
                data=body,
                allow_redirects=False,
                expect100=expects,
                **options,
            )

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None


async def pieces(answer: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """The body of an answer as it comes. UpstreamError when it is cut."""
    content, connection = answer.content, answer.connection
    closed = None
    if connection is not None and connection.protocol is not None:
        closed = connection.protocol.closed
    if closed is None:
        with _told():
            async for piece in content.iter_any():
                yield piece
        return

    def over(_: object) -> None:
        # aiohttp tells nobody who reads already of bytes that are no HTTP: it closes the connection.
        if not content.is_eof() and content.exception() is None:
            content.set_exception(UpstreamError("malformed", "the upstream's answer is no HTTP"))

    closed.add_done_callback(over)
    try:
        with _told():
            async for piece in content.iter_any():
                yield piece
    finally:
        closed.remove_done_callback(over)


def _through(proxy: str, scheme: str, headers: Headers) -> tuple[dict[str, Any], Headers]:
    """What aiohttp is told of a proxy, and the headers of a call that goes through it."""
    parts = urlsplit(proxy)
    plain = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    secret = credentials_of(proxy)
    if secret is None:
        return {"proxy": plain}, headers
    if scheme == "https":
        return {"proxy": plain, "proxy_headers": {"Proxy-Authorization": secret}}, headers
    return {"proxy": plain}, (*headers, ("proxy-authorization", secret))


class _told:
    """Turns the failures of a connection into an UpstreamError."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, Exception) and not isinstance(error, UpstreamError):
            made = failure_of(error)
            if made is not None:
                raise made from error


def failure_of(error: BaseException) -> UpstreamError | None:
    """What a failure on the way to an upstream, or back, is; None when it is none."""
    import aiohttp

    if isinstance(error, ssl.SSLError | ssl.CertificateError | aiohttp.ClientSSLError):
        told = getattr(error, "certificate_error", error)
        return UpstreamError("tls", f"no TLS with the upstream: {_words(told)}")
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ClientProxyConnectionError):
        return _unreached(error.os_error)
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return UpstreamError("refused", f"the proxy on the way refused: {error.status} {error.message}")
    if isinstance(error, aiohttp.ServerDisconnectedError | asyncio.IncompleteReadError):
        return UpstreamError("closed", "the upstream closed the connection before its answer was whole")
    if isinstance(error, aiohttp.ConnectionTimeoutError | aiohttp.SocketTimeoutError | TimeoutError):
        return UpstreamError("timeout", f"the upstream was not reached in {CONNECT_S:g} s")
    if isinstance(error, aiohttp.ClientResponseError):
        return UpstreamError("malformed", f"the upstream's answer is no HTTP: {_first_line(error.message)}")
    if isinstance(error, aiohttp.InvalidURL):
        return UpstreamError("malformed", f"the upstream's address is none: {error}")
    cause = error.__cause__
    if isinstance(error, aiohttp.ClientPayloadError):
        if isinstance(cause, OSError) or "ConnectionResetError" in str(error):
            return UpstreamError("reset", "the upstream reset the connection within its answer")
        if cause is None or isinstance(cause, aiohttp.http_exceptions.ContentLengthError):
            return UpstreamError("closed", "the upstream closed the connection within its answer")
        if "Not enough data" in str(cause):
            return UpstreamError("closed", "the upstream closed the connection within its answer")
        return UpstreamError("malformed", f"the upstream's answer is no HTTP: {_first_line(str(cause))}")
    if isinstance(error, aiohttp.http_exceptions.HttpProcessingError):
        return UpstreamError("malformed", f"the upstream's answer is no HTTP: {_first_line(error.message)}")
    if isinstance(error, ConnectionResetError | BrokenPipeError | ConnectionAbortedError):
        return UpstreamError("reset", "the upstream reset the connection")
    if isinstance(error, aiohttp.ClientConnectionError | OSError):
        if isinstance(error, aiohttp.ClientOSError) or isinstance(cause, OSError):
            return UpstreamError("reset", f"the connection to the upstream broke: {_words(cause or error)}")
        if isinstance(error, OSError):
            return _unreached(error)
        return UpstreamError("closed", f"the upstream closed the connection: {_words(error)}")
    return None


def _unreached(error: OSError) -> UpstreamError:
    if isinstance(error, TimeoutError):
        return UpstreamError("timeout", f"the upstream was not reached: {_words(error)}")
    if isinstance(error, socket.gaierror):
        return UpstreamError("refused", f"the upstream's name has no address: {_words(error)}")
    return UpstreamError("refused", f"the upstream was not reached: {_words(error)}")


def _first_line(text: str) -> str:
    return " ".join(text.split()).partition(" b'")[0].rstrip(": ")


def _words(error: object) -> str:
    text = getattr(error, "verify_message", "") or getattr(error, "strerror", "") or str(error)
    return str(text) or type(error).__name__
