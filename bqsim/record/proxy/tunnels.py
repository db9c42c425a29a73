"""The proxies on the way to upstreams that the environment names (``HTTPS_PROXY``, ``NO_PROXY``, …)."""

from __future__ import annotations

import asyncio
import base64
import ssl
from ipaddress import ip_address
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

_ANSWER_BYTES = 64 * 1024


def proxy_for(scheme: str, host: str) -> str | None:
    """The URL of the proxy for ``host`` (with its port, or without); None to go there directly.

    This machine itself is never behind a proxy.
    """
    name = urlsplit(f"//{host}").hostname or ""
    if name == "localhost" or _is_loopback(name):
        return None
    known = getproxies()
    found = known.get(scheme) or known.get("all")
    if not found or proxy_bypass(host):
        return None
    return found if "://" in found else f"http://{found}"


def _is_loopback(name: str) -> bool:
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def credentials_of(proxy: str) -> str | None:
    """The ``Proxy-Authorization`` that a proxy's URL asks for."""
    parts = urlsplit(proxy)
    if parts.username is None:
        return None
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return "Basic " + base64.b64encode(pair.encode()).decode()


async def open_stream(
    host: str, port: int, context: ssl.SSLContext | None, limit: int
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to ``host``, through the proxy that the environment names for it. OSError when there is no
    way."""
    proxy = proxy_for("https" if context else "http", f"{host}:{port}")
    if proxy is None:
        return await asyncio.open_connection(
            host, port, ssl=context, server_hostname=host if context else None, limit=limit
        )
    parts = urlsplit(proxy)
    reader, writer = await asyncio.open_connection(
        parts.hostname,
        parts.port or (443 if parts.scheme == "https" else 80),
        ssl=ssl.create_default_context() if parts.scheme == "https" else None,
        limit=limit,
    )
    try:
        await _connect(reader, writer, f"[{host}]:{port}" if ":" in host else f"{host}:{port}", proxy)
        if context is not None:
            await writer.start_tls(context, server_hostname=host)
    except BaseException:
        writer.transport.abort()
        raise
    return reader, writer


async def _connect(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, place: str, proxy: str
) -> None:
    secret = credentials_of(proxy)
    login = f"Proxy-Authorization: {secret}\r\n" if secret else ""
    writer.write(f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n{login}\r\n".encode())
    try:
        answer = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        raise ConnectionRefusedError("the proxy on the way gave no answer") from None
    status = answer.split(b"\r\n", 1)[0].decode("latin-1")
    if status.split(" ")[1:2] != ["200"]:
        raise ConnectionRefusedError(f"the proxy on the way refused: {status}")
