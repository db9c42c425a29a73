"""Streams: how many, which blocks, and their names, which say what they stand for."""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import TYPE_CHECKING

from bqsim.storage.errors import invalid_argument

if TYPE_CHECKING:
    from .blocks import Blocks

# Where clients leave it to the service: one stream below the first size, one for each of the second above.
SINGLE_STREAM_BYTES = 200_000_000
STREAM_BYTES = 64 << 20
MAX_STREAMS = 1000

Range = tuple[int, int]

_VERSION = b"\x08\x02\x12\x0c"
_TIME_BYTES, _NONCE_BYTES, _MAC_BYTES = 7, 4, 6
_STREAM_VERSION = b"\x08\x01\x1a"
_BLOCK_BYTES = 5


def stream_count(nbytes: int, maximum: int, preferred: int) -> int:
    """How many streams to make of ``nbytes`` to read: ``maximum``, or without one what suits the size.

    The service may make fewer of a small table; here ``maximum`` is taken at its word, since who asks for
    several streams of a small table wants to see how several are read. INVALID_ARGUMENT for bounds that
    make no sense.
    """
    if maximum < 0 or preferred < 0:
        raise invalid_argument("max_stream_count and preferred_min_stream_count must be non-negative")
    if maximum and preferred > maximum:
        raise invalid_argument(
            f"preferred_min_stream_count ({preferred}) must not exceed max_stream_count ({maximum})"
        )
    usual = 1 if nbytes < SINGLE_STREAM_BYTES else -(-nbytes // STREAM_BYTES)
    return min(maximum or max(usual, preferred), MAX_STREAMS)


def partition(blocks: Blocks, count: int) -> list[Range]:
    """Up to ``count`` ranges of blocks with about equally many live rows; none without rows."""
    ranges: list[Range] = []
    low = 0
    for i in range(1, count + 1):
        if low >= blocks.count:
            break
        wanted = blocks.rows * i / count - blocks.live(0, low)
        high = blocks.count if i == count else blocks.cut(low, blocks.count, wanted)
        if blocks.live(low, high):
            ranges.append((low, high))
            low = high
    return ranges


def split(blocks: Blocks, whole: Range, fraction: float) -> tuple[Range, Range] | None:
    """A range in two near ``fraction`` of its live rows, both with rows; None when it cannot be split."""
    low, high = whole
    if high - low < 2:
        return None
    rows = blocks.live(low, high)
    at = blocks.cut(low, high, rows * fraction)
    # Rows may all be on one side of the border: move it to the nearest where they are not.
    while at < high and not blocks.live(low, at):
        at += 1
    while at > low and not blocks.live(at, high):
        at -= 1
    if not blocks.live(low, at) or not blocks.live(at, high):
        return None
    return (low, at), (at, high)


class Tokens:
    """Ids of sessions and streams. Whoever knows the seed can read them; nobody else can make them."""

    def __init__(self, seed: int) -> None:
        self._key = hashlib.blake2b(f"read/{seed}".encode(), digest_size=32).digest()

    def session_id(self, expires_us: int, nonce: str) -> str:
        """The id of a session; ``nonce`` is hexadecimal, of 8 digits."""
        body = _VERSION + expires_us.to_bytes(_TIME_BYTES, "big") + bytes.fromhex(nonce)[:_NONCE_BYTES]
        return _text(body + self._mac(body))

    def expires_us(self, session_id: str) -> int | None:
        """When the session expires or has expired; None for what was never an id."""
        body = self._body(session_id, b"")
        if body is None or not body.startswith(_VERSION):
            return None
        start = len(_VERSION)
        return int.from_bytes(body[start : start + _TIME_BYTES], "big")

    def stream_id(self, session_id: str, blocks: Range) -> str:
        """The id of a stream of the session; the same for the same blocks."""
        body = _STREAM_VERSION + b"".join(b.to_bytes(_BLOCK_BYTES, "big") for b in blocks)
        return _text(body + self._mac(session_id.encode() + body))

    def blocks(self, session_id: str, stream_id: str) -> Range | None:
        """The blocks of a stream; None for what is no stream of the session."""
        body = self._body(stream_id, session_id.encode())
        if body is None or not body.startswith(_STREAM_VERSION):
            return None
        start = len(_STREAM_VERSION)
        low, high = body[start : start + _BLOCK_BYTES], body[start + _BLOCK_BYTES :]
        return int.from_bytes(low, "big"), int.from_bytes(high, "big")

    def _body(self, text: str, context: bytes) -> bytes | None:
        try:
            data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        except (binascii.Error, ValueError):
            return None
        body, mac = data[:-_MAC_BYTES], data[-_MAC_BYTES:]
        return body if mac == self._mac(context + body) and _text(data) == text else None

    def _mac(self, body: bytes) -> bytes:
        return hashlib.blake2b(body, key=self._key, digest_size=_MAC_BYTES).digest()


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
