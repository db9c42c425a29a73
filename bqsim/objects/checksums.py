"""MD5 and CRC32C of objects, in base64 as Cloud Storage shows them."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    import numpy as np

_BLOCK = 1 << 20
# The Castagnoli polynomial, bits reversed.
_POLYNOMIAL = 0x82F63B78
# Data is divided into so many parts, whose checksums are computed side by side.
_LANES = 4096
# What is shorter is not worth dividing.
_SHORT = 16 * 1024


class Sums:
    """Both checksums of data that comes in pieces."""

    def __init__(self) -> None:
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._crc32c = 0
        self._extend = _extender()

    def update(self, piece: bytes) -> None:
        """Add a piece."""
        self._md5.update(piece)
        self._crc32c = self._extend(self._crc32c, piece)

    def of(self, stream: BinaryIO) -> Sums:
        """Add what is left in a stream."""
        while block := stream.read(_BLOCK):
            self.update(block)
        return self

    @property
    def md5(self) -> str:
        return base64.b64encode(self._md5.digest()).decode()

    @property
    def crc32c(self) -> str:
        return base64.b64encode(self._crc32c.to_bytes(4, "big")).decode()

    def hashes(self) -> dict[str, str]:
        """Both by name."""
        return {"md5": self.md5, "crc32c": self.crc32c}


def md5(stream: BinaryIO) -> str:
    """The MD5 of what is left in a stream."""
    found = hashlib.md5(usedforsecurity=False)
    while block := stream.read(_BLOCK):
        found.update(block)
    return base64.b64encode(found.digest()).decode()


def crc32c(stream: BinaryIO) -> str:
    """The CRC32C of what is left in a stream; with ``google_crc32c`` installed it is a matter of a moment."""
    extend = _extender()
    value = 0
    while block := stream.read(_BLOCK):
        value = extend(value, block)
    return base64.b64encode(value.to_bytes(4, "big")).decode()


@lru_cache(maxsize=1)
def _extender() -> Callable[[int, bytes], int]:
    try:
        from google_crc32c import extend
    except ImportError:
        return _extend
    found: Callable[[int, bytes], int] = extend
    return found


@lru_cache(maxsize=1)
def _table() -> tuple[int, ...]:
    values = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
        values.append(value)
    return tuple(values)


def _extend(value: int, block: bytes) -> int:
    """The CRC32C ``value`` of some data, with ``block`` behind it."""
    if len(block) < _SHORT:
        return _by_byte(value, block)
    width = len(block) // _LANES
    sums = _side_by_side(block[: width * _LANES], width)
    while len(sums) > 1:
        sums = _shifted(sums[0::2], width) ^ sums[1::2]
        width *= 2
    return _by_byte(_behind(value, int(sums[0]), width), block[width:])


def _by_byte(value: int, block: bytes) -> int:
    table, value = _table(), value ^ 0xFFFFFFFF
    for byte in block:
        value = table[(value ^ byte) & 0xFF] ^ value >> 8
    return value ^ 0xFFFFFFFF


def _side_by_side(data: bytes, width: int) -> Any:
    """The CRC32C of each part of ``width`` bytes."""
    import numpy as np

    table = np.array(_table(), np.uint32)
    columns = np.ascontiguousarray(np.frombuffer(data, np.uint8).reshape(_LANES, width).T)
    values = np.full(_LANES, 0xFFFFFFFF, np.uint32)
    for column in columns:
        values = table[(values ^ column) & 0xFF] ^ (values >> np.uint32(8))
    return values ^ np.uint32(0xFFFFFFFF)


@lru_cache(maxsize=64)
def _operator(zeros: int) -> tuple[int, ...]:
    """What each bit of a checksum becomes by ``zeros`` bytes of zeros behind the data."""
    if zeros == 1:
        return tuple(_table()[bit & 0xFF] ^ bit >> 8 for bit in (1 << i for i in range(32)))
    half = _operator(zeros // 2)
    twice = tuple(_apply(half, value) for value in half)
    if zeros % 2 == 0:
        return twice
    one = _operator(1)
    return tuple(_apply(one, value) for value in twice)


def _apply(operator: tuple[int, ...], value: int) -> int:
    found = 0
    for bit in operator:
        if not value:
            break
        if value & 1:
            found ^= bit
        value >>= 1
    return found


def _behind(first: int, second: int, width: int) -> int:
    """The CRC32C of data of CRC32C ``first`` with ``width`` bytes of CRC32C ``second`` behind it."""
    return _apply(_operator(width), first) ^ second


def _shifted(values: np.ndarray[Any, Any], width: int) -> Any:
    import numpy as np

    found = np.zeros_like(values)
    for i, bit in enumerate(_operator(width)):
        found ^= np.where(values >> np.uint32(i) & np.uint32(1), np.uint32(bit), np.uint32(0))
    return found
