"""HTTP/2 frames (RFC 9113, section 4): enough to forward them, to tell them apart and to make some.

Header blocks are never decoded. Those that are made here use literals without indexing, which change nothing
in the tables that both ends keep.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEAD_BYTES = 9
# What every receiver takes.
MAX_PAYLOAD_BYTES = 16_384

# The last stream that there can be.
ALL_STREAMS = 0x7FFF_FFFF

DATA, HEADERS, RST_STREAM, PUSH_PROMISE, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 5, 7, 8, 9

END_STREAM, END_HEADERS, PADDED = 0x1, 0x4, 0x8

# Error codes (RFC 9113, section 7).
NO_ERROR, INTERNAL_ERROR, REFUSED_STREAM, CANCEL = 0, 2, 7, 8


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame; ``stream`` 0 is the connection."""

    kind: int
    flags: int
    stream: int
    payload: bytes

    def encode(self) -> bytes:
        """The bytes on the wire."""
        head = struct.pack(
            ">BHBBL", len(self.payload) >> 16, len(self.payload) & 0xFFFF, self.kind, self.flags, self.stream
        )
        return head + self.payload

    @property
    def ends_stream(self) -> bool:
        """Whether this is the last that its sender says on the stream."""
        if self.kind == RST_STREAM:
            return True
        return self.kind in (DATA, HEADERS) and bool(self.flags & END_STREAM)

    @property
    def data(self) -> bytes:
        """The content of a DATA frame, without padding."""
        if not self.flags & PADDED:
            return self.payload
        return self.payload[1 : len(self.payload) - self.payload[0]]


def take_frames(buffer: bytearray) -> Iterator[Frame]:
    """The whole frames at the front of ``buffer``, which loses them."""
    at = 0
    try:
        while len(buffer) - at >= HEAD_BYTES:
            high, low, kind, flags, stream = struct.unpack_from(">BHBBL", buffer, at)
            end = at + HEAD_BYTES + (high << 16 | low)
            if end > len(buffer):
                return
            payload = bytes(buffer[at + HEAD_BYTES : end])
            at = end
            yield Frame(kind, flags, stream & 0x7FFF_FFFF, payload)
    finally:
        del buffer[:at]


def rst_stream(stream: int, code: int) -> Frame:
    return Frame(RST_STREAM, 0, stream, struct.pack(">L", code))


def goaway(last_stream: int, code: int = NO_ERROR, text: bytes = b"") -> Frame:
    """The end of a connection: streams above ``last_stream`` have not been served."""
    return Frame(GOAWAY, 0, 0, struct.pack(">LL", last_stream, code) + text)


def window_update(stream: int, size: int) -> Frame:
    return Frame(WINDOW_UPDATE, 0, stream, struct.pack(">L", size))


def data_frames(stream: int, data: bytes, *, end: bool = False) -> Iterator[Frame]:
    """Data in frames that any receiver takes; at least one when the stream is to ``end``."""
    starts = range(0, len(data), MAX_PAYLOAD_BYTES) or ((0,) if end else ())
    for start in starts:
        part = data[start : start + MAX_PAYLOAD_BYTES]
        last = start + len(part) >= len(data)
        yield Frame(DATA, END_STREAM if end and last else 0, stream, part)


def header_block(fields: Iterable[tuple[str, str]]) -> bytes:
    """Header fields as literals without indexing, without Huffman coding (RFC 7541, section 6.2.2)."""
    return b"".join(b"\x00" + _string(name) + _string(value) for name, value in fields)


def _string(text: str) -> bytes:
    data = text.encode("ascii")
    return _length(len(data)) + data


def _length(value: int) -> bytes:
    """An HPACK integer with a prefix of 7 bits."""
    if value < 0x7F:
        return bytes([value])
    out = bytearray([0x7F])
    value -= 0x7F
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def with_header(frame: Frame, name: str, value: str) -> list[Frame]:
    """The last frame of a header block (HEADERS or CONTINUATION) with one more field; one or two frames."""
    block = header_block([(name, value)])
    if len(frame.payload) + len(block) > MAX_PAYLOAD_BYTES:
        more = Frame(CONTINUATION, END_HEADERS, frame.stream, block)
        return [replace(frame, flags=frame.flags & ~END_HEADERS), more]
    padding = frame.payload[0] if frame.kind == HEADERS and frame.flags & PADDED else 0
    at = len(frame.payload) - padding
    return [replace(frame, payload=frame.payload[:at] + block + frame.payload[at:])]
