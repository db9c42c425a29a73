"""MD5 and CRC32C of objects, in base64 as Cloud Storage shows them."""

from __future__ import annotations

import base64
import hashlib
from functools import lru_cache
from typing import BinaryIO

_BLOCK = 1 << 20
# The Castagnoli polynomial, bits reversed.
_POLYNOMIAL = 0x82F63B78


def md5(stream: BinaryIO) -> str:
    """The MD5 of what is left in a stream."""
    found = hashlib.md5(usedforsecurity=False)
    while block := stream.read(_BLOCK):
        found.update(block)
    return base64.b64encode(found.digest()).decode()


def crc32c(stream: BinaryIO) -> str:
    """The CRC32C of what is left in a stream; with ``google_crc32c`` installed it is a matter of a moment."""
    try:
        from google_crc32c import extend
    except ImportError:
        extend = _extend
    value = 0
    while block := stream.read(_BLOCK):
        value = extend(value, block)
    return base64.b64encode(value.to_bytes(4, "big")).decode()


@lru_cache(maxsize=1)
def _table() -> tuple[int, ...]:
    values = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
        values.append(value)
    return tuple(values)


def _extend(value: int, block: bytes) -> int:
    table, value = _table(), value ^ 0xFFFFFFFF
    for byte in block:
        value = table[(value ^ byte) & 0xFF] ^ value >> 8
    return value ^ 0xFFFFFFFF
