"""What each network fault does to a connection of HTTP/2, by its name in scenarios."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from . import frames as f
from .fault import Fault
from .held import Held, pieces

if TYPE_CHECKING:
    from .link import Link

Action = Callable[["Link", int, Fault], None]

HTML = (
    "<html><head><title>502 Bad Gateway</title></head>"
    "<body><h1>Bad Gateway</h1><p>The server could not be reached.</p></body></html>"
)
_HTML_TYPE = "text/html; charset=UTF-8"
# How many bytes a corruption spoils.
CORRUPT_BYTES = 16
_SPOIL = 0xFF
# What makes a length a wrong one that is not out of all proportion.
_LENGTH = 0x40
# What clients retry a stream for, as a failed server sends it.
RST_CODE = f.INTERNAL_ERROR


def _reset(link: Link, stream: int, fault: Fault) -> None:
    link.end(link.reset)


def _half_close(link: Link, stream: int, fault: Fault) -> None:
    link.end(link.half_close)


def _stall(link: Link, stream: int, fault: Fault) -> None:
    for_s = fault.effect.for_s

    async def wait(held: Held) -> None:
        # Without an end: who gives up ends the stream, or the connection.
        await (asyncio.Event().wait() if for_s is None else link.clock.sleep(for_s))
        for frame in held.taken():
            link.forward(frame)

    link.hold(stream, Held(wait))


def _drip(link: Link, stream: int, fault: Fault) -> None:
    rate = fault.effect.bytes_per_s or 1.0

    async def send(held: Held) -> None:
        async for frame in held.coming():
            if frame.kind != f.DATA:
                link.forward(frame)
                continue
            for piece, seconds in pieces(frame, rate):
                await link.clock.sleep(seconds)
                link.forward(piece)

    link.hold(stream, Held(send))


def _truncate(link: Link, stream: int, fault: Fault) -> None:
    """The stream ends, as if all had been said, without its trailers."""
    link.send(*f.data_frames(stream, b"", end=True))
    link.kill(stream)


def _corrupt(link: Link, stream: int, fault: Fault) -> None:
    _spoil(link, stream, fault.position or 0, CORRUPT_BYTES, _SPOIL)


def _wrong_length(link: Link, stream: int, fault: Fault) -> None:
    _spoil(link, stream, fault.position or 0, 1, _LENGTH)


def _spoil(link: Link, stream: int, start: int, count: int, mask: int) -> None:
    def change(data: bytes, at: int) -> bytes:
        changed = bytearray(data)
        for i in range(max(start - at, 0), min(start + count - at, len(data))):
            changed[i] ^= mask
        return bytes(changed)

    link.change(stream, change)


def _goaway(link: Link, stream: int, fault: Fault) -> None:
    """The server is going: a call that it did not begin is the client's to send again on another connection;
    one that has an answer goes on, unless the connection is to close in the midst of it."""
    begun = fault.answered or fault.effect.applied
    if begun:
        link.go_away(link.last_stream)
        if not fault.answered or fault.effect.at == "body":
            link.end(link.close)
        return
    if stream == link.last_stream:
        link.go_away(stream - 2 if stream > 1 else 0)
    else:
        # Later ones may have been served.
        link.go_away(link.last_stream)
        link.send(f.rst_stream(stream, f.REFUSED_STREAM))
    link.kill(stream)


def _rst_stream(link: Link, stream: int, fault: Fault) -> None:
    link.send(f.rst_stream(stream, RST_CODE))
    link.kill(stream)


def _html(link: Link, stream: int, fault: Fault) -> None:
    """A proxy answers instead of the server: with a page, or in the midst of answers with plain HTTP/1.1."""
    if fault.effect.at == "body":
        head = f"HTTP/1.1 502 Bad Gateway\r\nContent-Type: {_HTML_TYPE}\r\nContent-Length: {len(HTML)}\r\n"
        link.send_raw(f"{head}Connection: close\r\n\r\n{HTML}".encode())
        link.end(link.close)
        return
    if not link.headed(stream):
        fields = [(":status", "502"), ("content-type", _HTML_TYPE), ("content-length", str(len(HTML)))]
        link.send(f.Frame(f.HEADERS, f.END_HEADERS, stream, f.header_block(fields)))
    link.send(*f.data_frames(stream, HTML.encode(), end=True))
    link.kill(stream)


def _empty(link: Link, stream: int, fault: Fault) -> None:
    """An answer of headers alone, without a status."""
    if link.headed(stream):
        link.send(*f.data_frames(stream, b"", end=True))
    else:
        fields = [(":status", "200"), ("content-type", "application/grpc")]
        flags = f.END_HEADERS | f.END_STREAM
        link.send(f.Frame(f.HEADERS, flags, stream, f.header_block(fields)))
    link.kill(stream)


ACTIONS: Mapping[str, Action] = {
    "reset": _reset,
    "half_close": _half_close,
    "stall": _stall,
    "drip": _drip,
    "truncate": _truncate,
    "corrupt": _corrupt,
    "wrong_length": _wrong_length,
    "goaway": _goaway,
    "rst_stream": _rst_stream,
    "html": _html,
    "empty": _empty,
    # Of refusals only what becomes of the connection: the listener of gRPC stays.
    "refused": _reset,
}
