"""Faults of the network, carried out on the socket that an answer goes to.

What befalls an answer is exact: so many bytes are on their way, and nothing else, before the connection is
cut, closed or goes quiet. Waits follow the simulator's clock.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
import zlib
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from email.utils import formatdate
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from aiohttp import web
from aiohttp.http import StreamWriter

from bqsim.sim.clock import Clock
from bqsim.sim.scenario.model import Network
from bqsim.sim.scenario.words import RESETS

if TYPE_CHECKING:
    from .http import Response

# close() then sends a reset instead of what is left to send.
_NO_LINGER = struct.pack("ii", 1, 0)
# Linux: bytes that the kernel has not sent yet.
_SIOCOUTQNSD = 0x894B
# How long a reset waits for a client to read what comes before it, in seconds of the wall.
_UNSENT_LOOKS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
# A drip goes out in at most so many pieces a second, and so many in all.
_DRIPS_PER_S = 10
_DRIPS = 1000

HTML = b"""<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>Error 502 (Server Error)</title></head>
<body>
<h1>502. The server had an error.</h1>
<p>It could not complete your request just now. Wait 30 seconds, then try again.</p>
</body>
</html>
"""


def rewritten(answer: Response, fault: Network) -> Response | None:
    """The answer that arrives in place of ``answer``; None for faults of the connection."""
    rewrite = _REWRITTEN.get(fault.what)
    return None if rewrite is None else rewrite(answer, fault)


def _html(answer: Response, fault: Network) -> Response:
    headers = {"Content-Type": "text/html; charset=UTF-8", "Referrer-Policy": "no-referrer"}
    return replace(answer, status=502, body=HTML, headers=headers, fault=None)


def _empty(answer: Response, fault: Network) -> Response:
    if fault.at == "before_headers":
        headers = {"Content-Type": "text/html; charset=UTF-8"}
        return replace(answer, status=502, body=b"", headers=headers, fault=None)
    return replace(answer, body=b"", fault=None)


def _corrupt(answer: Response, fault: Network) -> Response:
    body = answer.body
    if not body:
        return replace(answer, fault=None)
    start = min(_cut(fault, body), len(body) - 1)
    packed = answer.headers.get("Content-Encoding") == "gzip"
    # No byte keeps its value; 255 makes ASCII what is no UTF-8.
    for mask in range(255, 0, -1):
        changed = body[:start] + bytes(b ^ mask for b in body[start:])
        if not packed or _is_broken(changed):
            break
    return replace(answer, body=changed, fault=None)


def _is_broken(packed: bytes) -> bool:
    """Whether unpacking fails; to clients data that only lacks its end may look well."""
    try:
        zlib.decompressobj(wbits=31).decompress(packed)
    except zlib.error:
        return True
    return False


_REWRITTEN: Mapping[str, Callable[[Response, Network], Response]] = {
    "html": _html,
    "empty": _empty,
    "corrupt": _corrupt,
}


def _cut(fault: Network, body: bytes) -> int:
    return len(body) // 2 if fault.byte is None else min(fault.byte, len(body))


class Sent(web.StreamResponse):
    """What aiohttp is given when all has been sent that will be; ``keeps``: the connection goes on."""

    def __init__(self, keeps: bool) -> None:
        super().__init__()
        self._keep_alive = keeps

    async def prepare(self, request: web.BaseRequest) -> None:
        """Nothing is left to send."""

    async def write_eof(self, data: bytes = b"") -> None:
        """Nothing is left to send."""


class Waits:
    """Who waits on which connection, to be told when its client goes away or the server stops."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ends: dict[Any, Callable[[bool], None]] = {}

    async def wait(self, protocol: Any, seconds: float | None) -> bool:
        """Wait for ``seconds`` of the clock (None: for ever); False when the connection ends before."""
        if protocol.transport is None or protocol.transport.is_closing():
            return False
        loop = asyncio.get_running_loop()
        over: asyncio.Future[bool] = loop.create_future()

        def end(passed: bool) -> None:
            if not over.done():
                over.set_result(passed)

        self._ends[protocol] = end
        timer = None
        if seconds is not None:
            timer = self._clock.call_later(seconds, lambda: end(True), loop)
        try:
            return await over
        finally:
            del self._ends[protocol]
            if timer is not None:
                timer.cancel()

    def lost(self, protocol: Any) -> None:
        """The connection has ended."""
        end = self._ends.get(protocol)
        if end is not None:
            end(False)

    def end(self) -> None:
        """No wait goes on."""
        for end in tuple(self._ends.values()):
            end(False)


class Server(web.Server):
    """aiohttp's server; ``waits`` hears of connections that end."""

    def __init__(self, waits: Waits, handler: Any, **options: Any) -> None:
        super().__init__(handler, **options)
        self._waits = waits

    def connection_lost(self, handler: Any, exc: BaseException | None = None) -> None:
        super().connection_lost(handler, exc)
        self._waits.lost(handler)


def reset(transport: asyncio.Transport | None) -> None:
    """Cut a connection off by a TCP reset; what is not sent yet is lost."""
    if transport is None:
        return
    sock = transport.get_extra_info("socket")
    with suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    transport.abort()


class Line:
    """The connection of one request, as far as its answer goes."""

    def __init__(self, request: web.BaseRequest, waits: Waits, clock: Clock) -> None:
        self.clock = clock
        self._protocol = request.protocol
        self._waits = waits
        self._writer = StreamWriter(request.protocol, asyncio.get_running_loop())

    async def send(self, data: bytes) -> None:
        """Returns when the kernel has all of it, and of earlier answers. ConnectionError when it is lost."""
        transport = self._transport()
        # With a mark of 0 draining is to wait until nothing is left.
        transport.set_write_buffer_limits(high=0)
        try:
            if data:
                transport.write(data)
            await self._writer.drain()
        finally:
            transport.set_write_buffer_limits()

    async def wait(self, seconds: float | None) -> None:
        """Wait for seconds of the clock, None for ever. ConnectionError when the connection ends before."""
        if not await self._waits.wait(self._protocol, seconds):
            raise ConnectionResetError("the connection has ended")

    async def reset(self) -> None:
        """Cut the connection off behind what has been sent."""
        transport = self._transport()
        sock = transport.get_extra_info("socket")
        for pause in _UNSENT_LOOKS_S:
            if not _unsent(sock):
                break
            # The kernel and the client are no part of the simulation.
            await asyncio.sleep(pause)
        reset(transport)

    def end_sending(self) -> None:
        """Close the way to the client; the way from it stays open."""
        self._transport().write_eof()

    def close(self) -> None:
        """Close the connection."""
        self._transport().close()

    def _transport(self) -> asyncio.Transport:
        transport = self._protocol.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the connection has ended")
        return transport


def _unsent(sock: Any) -> int:
    if sys.platform != "linux":
        return 0
    import fcntl

    try:
        return int(struct.unpack("i", fcntl.ioctl(sock.fileno(), _SIOCOUTQNSD, b"\0\0\0\0"))[0])
    except OSError:
        return 0


def head_of(answer: Response, request: web.BaseRequest, clock: Clock, length: int) -> bytes:
    """The head of an answer that promises ``length`` bytes."""
    try:
        phrase = HTTPStatus(answer.status).phrase
    except ValueError:
        phrase = ""
    headers = {**answer.headers}
    if answer.status not in (204, 304):
        headers["Content-Length"] = str(length)
    headers["Date"] = formatdate(clock.now_us() / 1_000_000, usegmt=True)
    if not request.keep_alive:
        headers["Connection"] = "close"
    lines = [f"HTTP/1.1 {answer.status} {phrase}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join((*lines, "", "")).encode("utf-8", "replace")


async def carry_out(
    answer: Response, fault: Network, request: web.BaseRequest, waits: Waits, clock: Clock
) -> bool:
    """Send an answer as far as its fault lets it; whether the connection goes on."""
    bodiless = request.method == "HEAD" or answer.status in (204, 304)
    body = b"" if bodiless else answer.body
    length = _claimed(fault, body) if fault.what == "wrong_length" else len(answer.body)
    head = head_of(answer, request, clock, length)
    line = Line(request, waits, clock)
    try:
        return await _CARRIED_OUT[fault.what](line, fault, head, body) and bool(request.keep_alive)
    except ConnectionError:
        return False


def _claimed(fault: Network, body: bytes) -> int:
    return 2 * len(body) + 1 if fault.byte is None else fault.byte


def _parts(fault: Network, head: bytes, body: bytes) -> tuple[bytes, bytes]:
    """What goes out before the fault's point, and what does not."""
    if fault.at == "before_headers":
        return b"", head + body
    if fault.at == "after_headers":
        return head, body
    cut = _cut(fault, body)
    return head + body[:cut], body[cut:]


async def _reset(line: Line, fault: Network, head: bytes, body: bytes) -> bool:
    await line.send(_parts(fault, head, body)[0])
    await line.reset()
    return False


async def _half_close(line: Line, fault: Network, head: bytes, body: bytes) -> bool:
    await line.send(_parts(fault, head, body)[0])
    line.end_sending()
    await line.wait(fault.for_s)
    return False


async def _truncate(line: Line, fault: Network, head: bytes, body: bytes) -> bool:
    await line.send(head + body[: _cut(fault, body)])
    line.close()
    return False


async def _stall(line: Line, fault: Network, head: bytes, body: bytes) -> bool:
    before, after = _parts(fault, head, body)
    await line.send(before)
    await line.wait(fault.for_s)
    await line.send(after)
    return True


async def _drip(line: Line, fault: Network, head: bytes, body: bytes) -> bool:
    if fault.at == "body" and fault.byte is None:
        fault = replace(fault, byte=0)
    before, after = _parts(fault, head, body)
    await line.send(before)
    rate = fault.bytes_per_s or 1.0
    step = max(1, int(rate / _DRIPS_PER_S), -(-len(after) // _DRIPS))
    start_us = line.clock.now_us()
    for at in range(0, len(after), step):
        piece = after[at : at + step]
        due_us = start_us + (at + len(piece)) / rate * 1_000_000
        await line.wait(max(0.0, (due_us - line.clock.now_us()) / 1_000_000))
        await line.send(piece)
    return True


async def _wrong_length(line: Line, fault: Network, head: bytes, body: bytes) -> bool:
    await line.send(head + body)
    if _claimed(fault, body) <= len(body):
        return True
    if fault.for_s is not None:
        await line.wait(fault.for_s)
    line.close()
    return False


_CARRIED_OUT: Mapping[str, Callable[[Line, Network, bytes, bytes], Awaitable[bool]]] = {
    **dict.fromkeys(RESETS, _reset),
    "half_close": _half_close,
    "truncate": _truncate,
    "stall": _stall,
    "drip": _drip,
    "wrong_length": _wrong_length,
}
