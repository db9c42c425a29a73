"""HTTP connections: httpx's interface, on aiohttp's fast parser for HTTP/1.1 or on httpcore for HTTP/2."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bqclient.errors import BigQueryError, ConnectionFailedError, DeadlineExceededError, UsageError

if TYPE_CHECKING:
    import httpx

    from bqclient.config import ClientConfig

_READ_BUFFER = 1 << 20


def open_transport(config: ClientConfig) -> httpx.AsyncBaseTransport:
    """A pool of ``config.connections`` connections. UsageError when HTTP/2 needs the missing ``h2``."""
    import httpx

    if config.http2:
        try:
            return httpx.AsyncHTTPTransport(
                http2=True, limits=httpx.Limits(max_connections=config.connections)
            )
        except ImportError as missing:
            raise UsageError("http2=True needs h2: pip install 'bqclient[http2]'") from missing
    import aiohttp
    from httpx_aiohttp import AiohttpTransport

    def session() -> aiohttp.ClientSession:
        made = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=config.connections, ssl=transport.ssl_context),
            cookie_jar=aiohttp.DummyCookieJar(),
            read_bufsize=_READ_BUFFER,
        )
        # One engine makes calls again, with waits; aiohttp would send reads again at once, unseen.
        made._retry_connection = False
        return made

    transport = AiohttpTransport(client=session, proxy=_proxy(config.endpoints.rest))
    return transport


def _proxy(url: str) -> httpx.Proxy | None:
    """The proxy that the environment names for a URL: asked once, not for every request."""
    from urllib.parse import urlsplit
    from urllib.request import getproxies, proxy_bypass

    import httpx

    parts = urlsplit(url)
    known = getproxies()
    found = known.get(parts.scheme) or known.get("all")
    if not found or proxy_bypass(parts.netloc):
        return None
    return httpx.Proxy(found if "://" in found else f"http://{found}")


def error_of_connection(operation: str, error: Exception) -> BigQueryError:
    """The error that a failure on the way is; ambiguous unless nothing can have been sent."""
    import httpx

    unsent = isinstance(error, (httpx.ConnectError, httpx.PoolTimeout)) or _unsent(error.__cause__)
    kind = type(error.__cause__ or error).__name__
    text = f"{operation} could not be sent" if unsent else f"{operation} was not answered"
    timed_out = isinstance(error, (httpx.ReadTimeout, httpx.WriteTimeout)) or (
        isinstance(error, httpx.ConnectTimeout) and isinstance(error.__cause__, TimeoutError)
    )
    made = DeadlineExceededError if timed_out and not unsent else ConnectionFailedError
    return made(f"{text}: {kind}: {error}".rstrip(": ") + ".", ambiguous=not unsent)


def _unsent(cause: BaseException | None) -> bool:
    import aiohttp

    return isinstance(cause, (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError))
