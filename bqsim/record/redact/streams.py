"""Bodies that come in pieces, cut anywhere: also through the middle of a secret."""

from __future__ import annotations

from collections.abc import Callable

# Bodies up to so many bytes are redacted as a whole, larger ones block by block.
WHOLE = 8 * 1024 * 1024
BLOCK = 1024 * 1024
# A block goes on up to so far, to end where no secret does.
_AHEAD = 128 * 1024
_BEGIN, _END = b"-----BEGIN", b"-----END"


class Stream:
    """Redacts a body piece by piece. What comes out, all together, is what the whole body would give."""

    def __init__(self, whole: Callable[[bytes], bytes], block: Callable[[bytes], bytes]) -> None:
        self._whole, self._block = whole, block
        self._kept = bytearray()
        self._large = False

    def feed(self, data: bytes) -> bytes:
        """Take a piece; what can be told by now, which may be nothing."""
        self._kept += data
        if not self._large:
            if len(self._kept) <= WHOLE:
                return b""
            self._large = True
        out = bytearray()
        while len(self._kept) > BLOCK + _AHEAD:
            size = cut(self._kept)
            out += self._block(bytes(self._kept[:size]))
            del self._kept[:size]
        return bytes(out)

    def end(self) -> bytes:
        """The rest."""
        rest = bytes(self._kept)
        self._kept.clear()
        return self._block(rest) if self._large else self._whole(rest)


def cut(data: bytearray) -> int:
    """Where the first block of ``data`` ends: behind a line, else a member or a word, past its size."""
    window = bytes(data[BLOCK : BLOCK + _AHEAD])
    size = 0
    for sign in (b"\n", b"},", b'",', b" ", b","):
        found = window.rfind(sign)
        if found >= 0:
            size = BLOCK + found + len(sign)
            break
    size = size or BLOCK
    # A block of a key that goes on for lines stays in one piece.
    opened = data.rfind(_BEGIN, max(0, size - 2 * _AHEAD), size)
    if opened > 0 and data.find(_END, opened, size) < 0:
        return opened
    return size


def blocks(data: bytes, block: Callable[[bytes], bytes]) -> bytes:
    """A large body, whole, as a stream would give it."""
    stream = Stream(block, block)
    return stream.feed(data) + stream.end()
