"""HTTP connections: httpx's interface, on aiohttp's fast parser for HTTP/1.1 or on httpcore for HTTP/2."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from bqclient.errors import (
    BigQueryError,
    CertificateError,
    ConnectionFailedError,
    DeadlineExceededError,
    UsageError,
)

if TYPE_CHECKING:
    import ssl

    import httpx

    from bqclient.config import ClientConfig

_READ_BUFFER = 1 << 20


def open_transport(config: ClientConfig) -> httpx.AsyncBaseTransport:
    """A pool of ``config.connections`` connections. UsageError when HTTP/2 needs the missing ``h2``."""
    made = _opened(config)
    if config.listener is None:
        return made
    from .listening import ListeningTransport

    return ListeningTransport(made, config.listener)


def _opened(config: ClientConfig) -> httpx.AsyncBaseTransport:
    import httpx

    proxy = _proxy(config.endpoints.rest)
    trusted = trusted_by(config)
    if config.http2:
        # Asked here: httpx would find out in the middle of the first call over TLS.
        if not _installed("h2"):
            raise UsageError("http2=True needs h2: pip install 'bqclient[http2]'")
        limits = httpx.Limits(max_connections=config.connections)
        return httpx.AsyncHTTPTransport(verify=trusted, http2=True, limits=limits, proxy=proxy)
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

    transport = AiohttpTransport(verify=trusted, client=session, proxy=proxy)
    return transport


def _installed(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ValueError:
        return False


def trusted_by(config: ClientConfig) -> ssl.SSLContext | bool:
    """What ``verify`` takes: the system's authorities, or those of ``config.ca_file``. Raises UsageError."""
    if config.ca_file is None:
        return True
    import ssl

    try:
        return ssl.create_default_context(cafile=config.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(f"ca_file holds no certificates: {type(error).__name__}.") from error


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

    if (untrusted := _untrusted(error)) is not None:
        return CertificateError(f"{operation} could not be sent: {untrusted}")
    unsent = is_unsent(error)
    kind = type(error.__cause__ or error).__name__
    text = f"{operation} could not be sent" if unsent else f"{operation} was not answered"
    timed_out = isinstance(error, (httpx.ReadTimeout, httpx.WriteTimeout)) or (
        isinstance(error, httpx.ConnectTimeout) and isinstance(error.__cause__, TimeoutError)
    )
    made = DeadlineExceededError if timed_out and not unsent else ConnectionFailedError
    return made(f"{text}: {kind}: {error}".rstrip(": ") + ".", ambiguous=not unsent)


def is_unsent(error: Exception) -> bool:
    """Whether nothing of a request can have been sent."""
    import httpx

    return isinstance(error, (httpx.ConnectError, httpx.PoolTimeout)) or _unsent(error.__cause__)


def is_untrusted(error: BaseException) -> bool:
    """Whether there is no connection for want of a trusted certificate."""
    return _untrusted(error) is not None


def _unsent(cause: BaseException | None) -> bool:
    import aiohttp

    return isinstance(cause, (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError))


def _untrusted(error: BaseException) -> str | None:
    """What is wrong with the host's certificate, where that is why there is no connection."""
    import ssl

    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            # aiohttp's own error has the one of ssl in it.
            told = getattr(cause, "certificate_error", cause)
            why = getattr(told, "verify_message", "") or type(told).__name__
            return f"the certificate of the host is not trusted: {why}."
        cause = cause.__cause__ or cause.__context__
    return None
