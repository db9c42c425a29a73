"""HTTP/2 on its way through: what of it is read, and what of it is changed.

Answers pass as they come. Of requests the header blocks are written anew, since ``:authority`` and
``:scheme`` are the upstream's: as literals, which change nothing in the tables of either end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import hpack
import hpack.exceptions

from bqsim.server.grpc.front import frames as f

from .grpc_streams import Streams

SETTINGS, PING = 4, 6
ACK = 0x1
_PRIORITY = 0x20
_TABLE_SIZE = 1
# Tables of header fields that this end keeps for others.
_MAX_TABLE_BYTES = 1 << 20
_MAX_BLOCK_BYTES = 1 << 20
# RFC 7541, section 6.3: the table is emptied before it is first used, and stays so.
_NO_TABLE = b"\x20"


class Malformed(ValueError):
    """What came is no HTTP/2."""


class Requests:
    """The way from a client to its upstream."""

    def __init__(self, streams: Streams, authority: str, scheme: str) -> None:
        self._streams, self._authority, self._scheme = streams, authority.encode(), scheme.encode()
        self.decoder = _decoder()
        self._buffer = bytearray()
        self._block: _Block | None = None
        self._fresh = True
        self.last = 0
        # What is on the way to the client must be read with its settings.
        self.answers: Answers | None = None
        # Streams whose first message, or end, is there.
        self.asked: set[int] = set()

    def feed(self, data: bytes) -> bytes:
        """Take what came; what goes on. :class:`Malformed` for what is no HTTP/2."""
        self._buffer += data
        out: list[bytes] = []
        for frame in f.take_frames(self._buffer):
            out.extend(self._frame(frame))
        return out[0] if len(out) == 1 else b"".join(out)

    def _frame(self, frame: f.Frame) -> Iterator[bytes]:
        if frame.kind == f.DATA:
            if self._streams.sent(frame.stream, frame.data) or frame.ends_stream:
                self.asked.add(frame.stream)
        elif frame.kind == f.RST_STREAM:
            self._streams.cancelled(frame.stream)
        elif frame.kind == SETTINGS:
            size = _table_size(frame)
            if size is not None and self.answers is not None:
                _allow(self.answers.decoder, size)
        elif frame.kind in (f.HEADERS, f.CONTINUATION):
            self._block = _gathered(self._block, frame)
            if self._block.whole:
                block, self._block = self._block, None
                yield from self._headers(block)
            return
        yield frame.encode()

    def _headers(self, block: _Block) -> Iterator[bytes]:
        fields = _decoded(self.decoder, block.data)
        number = block.stream
        if number > self.last:
            self.last = number
            self._streams.began(number, _texts(fields))
        if block.ends:
            self.asked.add(number)
        changed = (self._field(name, value, field) for name, value, field in _split(fields))
        data = b"".join(changed)
        if self._fresh:
            self._fresh = False
            data = _NO_TABLE + data
        yield from header_frames(number, data, end=block.ends)

    def _field(self, name: bytes, value: bytes, field: object) -> bytes:
        if name == b":authority":
            value = self._authority
        elif name == b":scheme":
            value = self._scheme
        return literal(name, value, secret=not getattr(field, "indexable", True))


class Answers:
    """The way from an upstream to its client: it is looked at only."""

    def __init__(self, streams: Streams, requests: Requests) -> None:
        self._streams, self._requests = streams, requests
        requests.answers = self
        self.decoder = _decoder()
        self._buffer = bytearray()
        self._block: _Block | None = None
        self._greeted = False

    def feed(self, data: bytes) -> None:
        """Look at what came. :class:`Malformed` for what is no HTTP/2."""
        self._buffer += data
        if not self._greeted and len(self._buffer) >= f.HEAD_BYTES:
            self._greeted = True
            if self._buffer[3] != SETTINGS or self._buffer[5:9] != b"\0\0\0\0":
                raise Malformed("the upstream does not speak HTTP/2")
        for frame in f.take_frames(self._buffer):
            self._frame(frame)

    def _frame(self, frame: f.Frame) -> None:
        if frame.kind == f.DATA:
            self._streams.received(frame.stream, frame.data, last=frame.ends_stream)
        elif frame.kind in (f.HEADERS, f.CONTINUATION):
            self._block = _gathered(self._block, frame)
            if self._block.whole:
                block, self._block = self._block, None
                fields = _texts(_decoded(self.decoder, block.data))
                self._streams.answered(block.stream, fields, last=block.ends)
        elif frame.kind == SETTINGS:
            size = _table_size(frame)
            if size is not None:
                _allow(self._requests.decoder, size)
        elif frame.kind == f.RST_STREAM:
            self._streams.reset(frame.stream, _number(frame.payload))
        elif frame.kind == f.GOAWAY:
            self._streams.unserved(_number(frame.payload))


class _Block:
    """A header block as its frames come."""

    __slots__ = ("data", "ends", "stream", "whole")

    def __init__(self, frame: f.Frame) -> None:
        self.stream, self.ends = frame.stream, bool(frame.flags & f.END_STREAM)
        self.data = bytearray(frame.data)
        if frame.flags & _PRIORITY:
            del self.data[:5]
        self.whole = bool(frame.flags & f.END_HEADERS)


def _gathered(block: _Block | None, frame: f.Frame) -> _Block:
    if frame.kind == f.HEADERS:
        if block is not None:
            raise Malformed("a header block within another")
        return _Block(frame)
    if block is None or block.stream != frame.stream:
        raise Malformed("the rest of a header block that has not begun")
    block.data += frame.payload
    block.whole = bool(frame.flags & f.END_HEADERS)
    if len(block.data) > _MAX_BLOCK_BYTES:
        raise Malformed("a header block of more than 1 MiB")
    return block


def _decoder() -> hpack.Decoder:
    decoder = hpack.Decoder(max_header_list_size=_MAX_BLOCK_BYTES)
    decoder.max_allowed_table_size = 4096
    return decoder


def _allow(decoder: hpack.Decoder, size: int) -> None:
    """Let tables grow. Who is to have a smaller one says so when it is that: blocks are on their way."""
    decoder.max_allowed_table_size = max(decoder.max_allowed_table_size, size)


def _decoded(decoder: hpack.Decoder, data: bytearray) -> list[tuple[bytes, bytes]]:
    try:
        return list(decoder.decode(bytes(data), raw=True))
    except hpack.exceptions.HPACKError as error:
        raise Malformed(f"a damaged header block: {error}") from error


def _texts(fields: Iterable[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    return [(n.decode("latin-1"), v.decode("latin-1")) for n, v in fields]


def _split(fields: Iterable[tuple[bytes, bytes]]) -> Iterator[tuple[bytes, bytes, object]]:
    return ((field[0], field[1], field) for field in fields)


def _table_size(frame: f.Frame) -> int | None:
    if frame.flags & ACK:
        return None
    found = None
    for at in range(0, len(frame.payload) - 5, 6):
        if _number(frame.payload[at : at + 2]) == _TABLE_SIZE:
            found = min(_number(frame.payload[at + 2 : at + 6]), _MAX_TABLE_BYTES)
    return found


def _number(data: bytes) -> int:
    return int.from_bytes(data[:4], "big")


def literal(name: bytes, value: bytes, *, secret: bool = False) -> bytes:
    """A header field as a literal that no table keeps (RFC 7541, sections 6.2.2 and 6.2.3)."""
    return (b"\x10" if secret else b"\x00") + _length(len(name)) + name + _length(len(value)) + value


def _length(value: int) -> bytes:
    if value < 0x7F:
        return bytes((value,))
    out = bytearray((0x7F,))
    value -= 0x7F
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def header_frames(stream: int, block: bytes, *, end: bool) -> Iterator[bytes]:
    """A header block in frames that any receiver takes."""
    size = f.MAX_PAYLOAD_BYTES
    kind, flags = f.HEADERS, f.END_STREAM if end else 0
    for at in range(0, len(block), size) or (0,):
        last = at + size >= len(block)
        yield f.Frame(kind, flags | (f.END_HEADERS if last else 0), stream, block[at : at + size]).encode()
        kind, flags = f.CONTINUATION, 0
