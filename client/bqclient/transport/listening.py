"""Connections whose calls are told to a listener. Nothing of this runs without one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any

import httpx

from bqclient.observability.listener import CallListener, Headers, Listener

if TYPE_CHECKING:
    import grpc.aio


class ListeningTransport(httpx.AsyncBaseTransport):
    """Connections of REST whose calls are told."""

    def __init__(self, inner: httpx.AsyncBaseTransport, listener: Listener) -> None:
        self._inner, self._listener = inner, listener

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; the answer's body is told as it is read."""
        call = self._listener.begin(
            "rest",
            request.method,
            request.url.raw_path.decode("ascii"),
            _headers(request.headers),
            request.url.netloc.decode("ascii"),
        )
        if isinstance(request.stream, httpx.ByteStream):
            # Bytes that are known are not sent from the stream.
            data = b"".join(request.stream)
            if data:
                call.sent(data)
        else:
            request.stream = _Sent(request.stream, call)
        try:
            response = await self._inner.handle_async_request(request)
        except BaseException as error:
            call.ended(broken=_broken(error), message=str(error))
            raise
        call.answered(response.status_code, _headers(response.headers))
        assert isinstance(response.stream, httpx.AsyncByteStream)
        response.stream = _Received(response.stream, call)
        return response

    async def aclose(self) -> None:
        """Close it."""
        await self._inner.aclose()


class _Sent(httpx.AsyncByteStream):
    def __init__(self, inner: Any, call: CallListener) -> None:
        self._inner, self._call = inner, call

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._inner:
            if piece:
                self._call.sent(piece)
            yield piece

    async def aclose(self) -> None:
        """Close it."""
        await self._inner.aclose()


class _Received(httpx.AsyncByteStream):
    def __init__(self, inner: httpx.AsyncByteStream, call: CallListener) -> None:
        self._inner, self._call = inner, call
        self._over = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._inner:
                self._call.received(piece)
                yield piece
        except Exception as error:
            self._end(broken=_broken(error), message=str(error))
            raise
        self._end()

    async def aclose(self) -> None:
        """Close it."""
        await self._inner.aclose()
        self._end(broken="cancelled")

    def _end(self, message: str = "", broken: str = "") -> None:
        if not self._over:
            self._over = True
            self._call.ended(message=message, broken=broken)


class ListeningChannel:
    """A channel of gRPC whose calls are told."""

    def __init__(self, inner: grpc.aio.Channel, listener: Listener, host: str) -> None:
        self._inner, self._listener, self._host = inner, listener, host

    def unary_unary(
        self, path: str, request_serializer: Any = None, response_deserializer: Any = None
    ) -> Any:
        """As the channel's, told."""
        return self._made(self._inner.unary_unary, path, request_serializer, response_deserializer)

    def unary_stream(
        self, path: str, request_serializer: Any = None, response_deserializer: Any = None
    ) -> Any:
        """As the channel's, told."""
        return self._made(self._inner.unary_stream, path, request_serializer, response_deserializer)

    def stream_stream(
        self, path: str, request_serializer: Any = None, response_deserializer: Any = None
    ) -> Any:
        """As the channel's, told."""
        return self._made(self._inner.stream_stream, path, request_serializer, response_deserializer)

    async def close(self, grace: float | None = None) -> None:
        """Close the channel."""
        await self._inner.close(grace)

    def _made(self, kind: Callable[..., Any], path: str, serialize: Any, parse: Any) -> Callable[..., Any]:
        def begin(*request: Any, metadata: Any = None, **options: Any) -> Any:
            told = self._listener.begin("grpc", "", path, _metadata(metadata), self._host)

            def sent(message: Any) -> bytes:
                data: bytes = message if serialize is None else serialize(message)
                told.sent(data)
                return data

            def received(data: bytes) -> Any:
                told.received(data)
                return data if parse is None else parse(data)

            call = kind(path, sent, received)(*request, metadata=metadata, **options)
            follower = asyncio.get_running_loop().create_task(_follow(call, told))
            _FOLLOWERS.add(follower)
            follower.add_done_callback(_FOLLOWERS.discard)
            return call

        return begin


_FOLLOWERS: set[asyncio.Task[None]] = set()
_REFUSED = ("Connection refused", "failed to connect", "DNS resolution failed")


async def _follow(call: Any, told: CallListener) -> None:
    """Tell of a call's head and of its end."""
    try:
        told.answered(200, _metadata(await call.initial_metadata()))
    except asyncio.CancelledError:
        if not call.done():
            raise
    code = (await call.code()).name
    message = await call.details() or ""
    trailers = _metadata(await call.trailing_metadata())
    broken = ""
    if code in ("CANCELLED", "DEADLINE_EXCEEDED") and not trailers:
        broken = "cancelled"
    elif code == "UNAVAILABLE" and not trailers:
        if any(sign in message for sign in _REFUSED):
            broken = "refused"
        elif "reset" in message:
            broken = "reset"
        elif "Socket closed" in message or "GOAWAY" in message:
            broken = "closed"
    told.ended(code, trailers, message, broken)


def _headers(headers: httpx.Headers) -> Headers:
    return tuple((n.decode("latin-1").lower(), v.decode("latin-1")) for n, v in headers.raw)


def _metadata(metadata: Any) -> Headers:
    """Metadata as on the wire: binary values in base64."""
    import base64

    return tuple(
        (name, base64.b64encode(v).decode().rstrip("=") if isinstance(v, bytes) else str(v))
        for name, v in metadata or ()
    )


def _broken(error: BaseException) -> str:
    from .http import is_unsent, is_untrusted

    if not isinstance(error, Exception):
        return "cancelled"
    if is_untrusted(error):
        return "tls"
    waited = isinstance(error.__cause__, TimeoutError) or not isinstance(error, httpx.ConnectTimeout)
    if isinstance(error, httpx.TimeoutException) and waited:
        # A refused connection is one that timed out to the libraries, too.
        return "timeout"
    if is_unsent(error):
        return "refused"
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ConnectionResetError | BrokenPipeError):
            return "reset"
        cause = cause.__cause__
    return "closed"
