"""A REST call on its way: to its upstream and back, in pieces, with a tap that sees them."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import zlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from bqsim.record.model import REST, Headers
from bqsim.record.tap import Call, Tap

from .incoming import BadBody, Incoming, end_to_end, value_of
from .routes import Routes, names_addresses
from .sending import Sender, UpstreamError, pieces

if TYPE_CHECKING:
    import aiohttp

log = logging.getLogger(__name__)

# Bodies up to this size are sent in one write with their head.
SMALL_BYTES = 64 * 1024
# Documents with addresses are taken whole up to this size; none that is larger is known.
DOCUMENT_BYTES = 32 * 1024 * 1024
_BODILESS = frozenset({204, 304})


class Passing:
    """Passes calls on; of one event loop."""

    def __init__(self, tap: Tap, routes: Routes, sender: Sender) -> None:
        self._tap, self.routes, self._sender = tap, routes, sender
        self._running: set[asyncio.Task[object]] = set()

    async def stop(self) -> None:
        """Cancel the calls that are on their way."""
        running = list(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def run(self, incoming: Incoming) -> None:
        """Answer a call with what its upstream answers. Cancelled when the client leaves, then so is the
        call upstream."""
        task = asyncio.current_task()
        assert task is not None
        self._running.add(task)
        try:
            await self._run(incoming)
        except ConnectionError:
            raise
        except Exception:
            log.exception("%s %s was not passed on", incoming.ask.verb, incoming.ask.target.partition("?")[0])
            incoming.abort(reset=True)
        finally:
            self._running.discard(task)

    async def _run(self, incoming: Incoming) -> None:
        ask = incoming.ask
        origin = self.routes.origin(ask.target)
        headers = (("host", origin.host), *ask.headers)
        call = self._tap.begin(REST, ask.verb, ask.target, headers, origin.host)
        failed: list[Exception] = []
        try:
            body = await self._body(incoming, call, failed)
            answer = await self._sender.send(
                ask.verb, origin.base + ask.target, headers, body, expects=ask.expects
            )
        except (UpstreamError, BadBody) as error:
            # An upload that failed on its way here is no failure of the upstream.
            await self._fail(incoming, call, failed[0] if failed else error)
            return
        except (ConnectionError, asyncio.CancelledError):
            call.ended(broken="cancelled", message="the client left")
            raise
        try:
            await self._answer(incoming, answer, call)
        except UpstreamError as error:
            call.ended(broken=error.broken, message=str(error))
            incoming.abort(reset=error.broken != "closed")
        except (ConnectionError, asyncio.CancelledError):
            call.ended(broken="cancelled", message="the client left")
            raise
        finally:
            # A connection whose answer was read to its end is used again; any other one is closed.
            answer.close()

    async def _body(
        self, incoming: Incoming, call: Call, failed: list[Exception]
    ) -> bytes | AsyncIterator[bytes] | None:
        ask = incoming.ask
        if ask.length == 0:
            return None
        if ask.length is not None and ask.length <= SMALL_BYTES and not ask.expects:
            parts = [piece async for piece in incoming.pieces()]
            data = parts[0] if len(parts) == 1 else b"".join(parts)
            if data:
                call.sent(data)
            return data
        return _streamed(incoming, call, failed)

    async def _answer(self, incoming: Incoming, answer: aiohttp.ClientResponse, call: Call) -> None:
        ask = incoming.ask
        headers: Headers = end_to_end(
            tuple((n.decode("latin-1"), v.decode("latin-1")) for n, v in answer.raw_headers)
        )
        call.answered(answer.status, headers)
        bodiless = ask.verb == "HEAD" or answer.status in _BODILESS
        given = shown(self.routes, headers, ask.base, ask.target)
        reason = answer.reason or ""
        if not bodiless and names_addresses(ask.target, value_of(headers, "content-type")):
            await self._document(incoming, answer, call, given)
            call.ended()
            return
        await incoming.begin(
            answer.status, reason, given, bodiless=bodiless, together=bodiless or answer.content.is_eof()
        )
        if not bodiless:
            async for piece in pieces(answer):
                call.received(piece)
                await incoming.write(piece)
        call.ended()
        await incoming.end()

    async def _document(
        self, incoming: Incoming, answer: aiohttp.ClientResponse, call: Call, headers: Headers
    ) -> None:
        """Answer a document whose addresses are to be the proxy's."""
        whole: list[bytes] = []
        size = 0
        source = pieces(answer)
        async for piece in source:
            call.received(piece)
            whole.append(piece)
            size += len(piece)
            if size > DOCUMENT_BYTES:
                await incoming.begin(answer.status, answer.reason or "", headers)
                for kept in whole:
                    await incoming.write(kept)
                async for piece in source:
                    call.received(piece)
                    await incoming.write(piece)
                await incoming.end()
                return
        data = readdressed(
            self.routes, b"".join(whole), value_of(headers, "content-encoding"), incoming.ask.base
        )
        sized = tuple((n, str(len(data)) if n == "content-length" else v) for n, v in headers)
        await incoming.begin(answer.status, answer.reason or "", sized, together=True)
        if data:
            await incoming.write(data)
        await incoming.end()

    async def _fail(self, incoming: Incoming, call: Call, error: Exception) -> None:
        if isinstance(error, UpstreamError):
            call.ended(broken=error.broken, message=str(error))
            log.warning("%s %s: %s", incoming.ask.verb, incoming.ask.target.partition("?")[0], error)
            if error.broken in _CUT:
                incoming.abort(reset=error.broken != "closed")
                return
            await _say(incoming, 504 if error.broken == "timeout" else 502, f"{error}.")
            return
        call.ended(broken="cancelled", message=str(error) or "the client left")
        if isinstance(error, BadBody):
            await _say(incoming, 400, f"Malformed request body: {error}.")


# What clients are to see as it is: a connection that ends. Who was never reached cannot be shown like that.
_CUT = frozenset({"reset", "closed"})
_ADDRESSES = frozenset({"location", "content-location", "x-goog-upload-url", "x-goog-upload-control-url"})


def shown(routes: Routes, headers: Headers, base: str, target: str) -> Headers:
    """The headers of an answer as a client gets them: addresses lead to ``base``."""
    upload = "uploadType=resumable" in target or value_of(headers, "x-guploader-uploadid") != ""
    return tuple(
        (name, routes.back(value, base, upload=upload) if name in _ADDRESSES else value)
        for name, value in headers
    )


def readdressed(routes: Routes, data: bytes, encoding: str, base: str) -> bytes:
    """A document whose addresses lead to ``base``, in the content encoding that it has."""
    if encoding in ("", "identity"):
        return routes.rewritten(data, base)
    if encoding != "gzip":
        return data
    try:
        return gzip.compress(routes.rewritten(gzip.decompress(data), base), mtime=0)
    except (OSError, EOFError, zlib.error) as error:
        # What the client makes of it is the client's.
        log.debug("a document was passed on as it came: %s", error)
        return data


async def _streamed(incoming: Incoming, call: Call, failed: list[Exception]) -> AsyncIterator[bytes]:
    if incoming.ask.expects:
        await incoming.proceed()
    try:
        async for piece in incoming.pieces():
            call.sent(piece)
            yield piece
    except (BadBody, ConnectionError) as error:
        failed.append(error)
        raise


async def _say(incoming: Incoming, status: int, text: str) -> None:
    """An answer of the proxy's own, in the form of the API's errors."""
    reason = {400: "badRequest", 502: "badGateway", 504: "gatewayTimeout"}[status]
    item = {"message": text, "domain": "bqsim.record", "reason": reason}
    data = json.dumps({"error": {"code": status, "message": text, "errors": [item]}}).encode()
    headers = (("content-type", "application/json; charset=UTF-8"), ("content-length", str(len(data))))
    await incoming.begin(status, "", headers, bodiless=incoming.ask.verb == "HEAD", together=True)
    if incoming.ask.verb != "HEAD":
        await incoming.write(data)
    await incoming.end()
