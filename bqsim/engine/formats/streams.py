"""Files as streams of plain UTF-8 or plain bytes, and those in blocks of whole rows."""

from __future__ import annotations

import codecs
import gzip
import re
import tempfile
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO, Protocol, cast

from bqsim.errors import invalid

from .parsed import READING

# How many bytes of a compressed or otherwise encoded file are taken off at once.
_STEP = 1 << 20
# The greatest row (page *Quotas and limits*).
MAX_ROW = 100 << 20
_GZIP = b"\x1f\x8b"
_MARK = "\ufeff"
_SOMETHING = re.compile(rb"[^ \t\n\r\v\f]")
_TAIL = 64
# A temporary file that is greater than this is on disk.
_IN_MEMORY = 64 << 20


class Readable(Protocol):
    """What can only be read."""

    def read(self, size: int = ..., /) -> bytes: ...


def plain(stream: BinaryIO) -> Readable:
    """``stream`` from its beginning without gzip, which is recognised by its first bytes."""
    stream.seek(0)
    start = stream.read(2)
    stream.seek(0)
    return _Chunks(_gunzipped(stream)) if start == _GZIP else stream


def utf8(stream: BinaryIO, encoding: str) -> Readable:
    """``stream`` from its beginning in UTF-8, without gzip and byte order mark.

    ``encoding`` is Python's name of the file's; what is not of it becomes U+FFFD, but UTF-8 is left as it is.
    """
    found = plain(stream)
    if encoding != "utf-8":
        return _Chunks(_recoded(found, encoding))
    if found is stream:
        if stream.read(len(codecs.BOM_UTF8)) != codecs.BOM_UTF8:
            stream.seek(0)
        return found
    return _Chunks(_unmarked(found))


def seekable(stream: BinaryIO) -> BinaryIO:
    """``stream`` from its beginning without gzip; a file in gzip is unpacked into a temporary one."""
    found = plain(stream)
    if found is stream:
        return stream
    spooled = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115
    while data := found.read(_STEP):
        spooled.write(data)
    spooled.seek(0)
    return cast(BinaryIO, spooled)


class _Chunks:
    """Pieces as something to read from."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._held = pieces, b""

    def read(self, size: int = -1, /) -> bytes:
        parts, found = [self._held], len(self._held)
        while size < 0 or found < size:
            data = next(self._pieces, None)
            if data is None:
                break
            parts.append(data)
            found += len(data)
        whole = b"".join(parts)
        size = len(whole) if size < 0 else size
        self._held = whole[size:]
        return whole[:size]


def _gunzipped(stream: BinaryIO) -> Iterator[bytes]:
    file = gzip.GzipFile(fileobj=stream)
    try:
        while data := file.read(_STEP):
            yield data
    except (OSError, EOFError, zlib.error) as error:
        raise invalid(f"{READING}Failed to decompress the gzip data.") from error


def _recoded(stream: Readable, encoding: str) -> Iterator[bytes]:
    try:
        decoder = codecs.getincrementaldecoder(encoding)("replace")
    except LookupError:
        raise invalid(f"Unsupported encoding: {encoding}", "encoding") from None
    first, data = True, b"?"
    while data:
        data = stream.read(_STEP)
        text = decoder.decode(data, not data)
        if first and text:
            first, text = False, text.removeprefix(_MARK)
        if text:
            yield text.encode("utf-8", "replace")


def _unmarked(stream: Readable) -> Iterator[bytes]:
    yield stream.read(_STEP).removeprefix(codecs.BOM_UTF8)
    while data := stream.read(_STEP):
        yield data


# How many of some bytes, which begin with a row, are whole rows; 0 when there is no end of a row among them.
RowsEnd = Callable[[bytes], int]


def blocks(stream: Readable, size: int, end: RowsEnd, *, alone: bool = False) -> Iterator[tuple[int, bytes]]:
    """A stream in blocks of about ``size`` bytes that end where a row does, each with its position.

    ``alone``: an end of a row is one whatever is before it, so that large blocks are copied once less.
    Raises ``invalid`` for a row that is too large.
    """
    position, held, over, wanted = 0, b"", False, size
    while True:
        while not over and len(held) < wanted:
            data = stream.read(wanted - len(held))
            over = not data
            if alone and held and len(held) + len(data) == wanted and (at := end(data)):
                whole = b"".join((held, memoryview(data)[:at]))
                yield position, whole
                position, held, wanted = position + len(whole), data[at:], size
                continue
            held = held + data if held else data
        if not held:
            return
        at = len(held) if over else end(held)
        if at:
            yield position, held[:at]
            position, held, wanted = position + at, held[at:], size
        elif len(held) > MAX_ROW:
            raise invalid(f"{READING}Row size is larger than: {MAX_ROW}. Row starts at position: {position}.")
        else:
            wanted = 2 * len(held)


def lines_end(data: bytes) -> int:
    """Rows that end with a line feed, or where there is none with a carriage return."""
    found = data.rfind(b"\n") + 1
    # A carriage return at the very end may have its line feed behind.
    return found or data.rfind(b"\r", 0, -1) + 1


def pieces(data: bytes, count: int, end: RowsEnd) -> Iterator[tuple[int, bytes]]:
    """``data`` in about ``count`` pieces that end where a row does, each with its position."""
    size, at = -(-len(data) // count), 0
    while at < len(data):
        taken = size
        while at + taken < len(data) and not (found := end(data[at : at + taken])):
            taken *= 2
        stop = len(data) if at + taken >= len(data) else at + found
        yield at, data[at:stop]
        at = stop


def within_space(data: bytes) -> tuple[int, int]:
    """Where that begins and ends which is not white space; at the end of blank data. Nothing is copied."""
    start = len(data) if (found := _SOMETHING.search(data)) is None else found.start()
    # Of the little that is behind the last row mostly.
    tail = data[-_TAIL:]
    behind = len(tail) - len(tail.rstrip())
    return start, max(start, len(data) - behind if behind < len(tail) else len(data.rstrip()))
