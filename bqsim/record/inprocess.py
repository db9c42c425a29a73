"""Recording in process, without a proxy: hooks of clients that speak HTTP by themselves.

bqclient takes any tap as its ``listener``:

>>> recorder = Recorder("orders.cassette")                                     # doctest: +SKIP
>>> client = BigQueryClient(project="p", listener=recorder)                    # doctest: +SKIP

Google's client, and whatever else uses a session of requests:

>>> with listened(client._http, recorder):                                     # doctest: +SKIP
...     client.query_and_wait("SELECT 1")

Its Storage API is gRPC: record that through :class:`bqsim.record.proxy.RecordingProxy`.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from .model import REST, Headers
from .tap import Call, Tap


@contextmanager
def listened(session: Any, tap: Tap) -> Iterator[None]:
    """Let ``tap`` see the calls of a ``requests.Session`` while the block runs. Answers are read whole."""
    before = dict(session.adapters)
    try:
        for prefix, adapter in before.items():
            session.mount(prefix, _adapter(adapter, tap))
        yield
    finally:
        for prefix, adapter in before.items():
            session.mount(prefix, adapter)


def _adapter(inner: Any, tap: Tap) -> Any:
    from requests.adapters import BaseAdapter

    class Listening(BaseAdapter):
        """Sends by another adapter."""

        def send(self, request: Any, stream: bool = False, *args: Any, **options: Any) -> Any:
            parts = urlsplit(request.url)
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            call = tap.begin(REST, request.method, target, _lower(request.headers), parts.netloc)
            request.body = _told(request.body, call)
            try:
                response = inner.send(request, True, *args, **options)
                data = response.raw.read(decode_content=False)
            except Exception as error:
                call.ended(broken=_broken(error), message=str(error))
                raise
            call.answered(response.status_code, _lower(response.raw.headers))
            if data:
                call.received(data)
            call.ended()
            response.raw = _again(response.raw, data)
            return response

        def close(self) -> None:
            inner.close()

    return Listening()


def _told(body: Any, call: Call) -> Any:
    """A request's body, told as far as it is known, or while it is read."""
    if body is None or isinstance(body, str | bytes):
        data = body.encode() if isinstance(body, str) else body
        if data:
            call.sent(data)
        return body
    return _Read(body, call) if hasattr(body, "read") else _iterated(body, call)


class _Read:
    """A file that tells what is read of it."""

    def __init__(self, inner: Any, call: Call) -> None:
        self._inner, self._call = inner, call

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def __iter__(self) -> Iterator[bytes]:
        return _iterated(self._inner, self._call)

    def read(self, *size: int) -> bytes:
        data: bytes = self._inner.read(*size)
        if data:
            self._call.sent(data)
        return data


def _iterated(body: Any, call: Call) -> Iterator[bytes]:
    for piece in body:
        call.sent(piece)
        yield piece


def _again(raw: Any, data: bytes) -> Any:
    """An answer whose body was read, to be read once more."""
    from urllib3 import HTTPResponse

    return HTTPResponse(
        io.BytesIO(data),
        headers=raw.headers,
        status=raw.status,
        reason=raw.reason,
        version=raw.version,
        preload_content=False,
        decode_content=False,
        request_method="HEAD" if not data else None,
    )


def _lower(headers: Any) -> Headers:
    return tuple(
        (name.lower(), value.decode("latin-1") if isinstance(value, bytes) else value)
        for name, value in headers.items()
    )


def _broken(error: Exception) -> str:
    from requests import exceptions

    if isinstance(error, exceptions.SSLError):
        return "tls"
    if isinstance(error, exceptions.Timeout):
        return "timeout"
    cause: BaseException | None = error
    text = ""
    while cause is not None:
        text += f" {type(cause).__name__} {cause}"
        cause = cause.__cause__ or cause.__context__
    if "NewConnectionError" in text or "NameResolutionError" in text:
        return "refused"
    return "reset" if "ConnectionReset" in text or "BrokenPipe" in text else "closed"
