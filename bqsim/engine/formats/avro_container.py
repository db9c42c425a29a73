"""Avro object container files: their blocks, whatever compresses them."""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO

from bqsim.errors import invalid

from .parsed import READING, reading

MAGIC = b"Obj\x01"
FAILED = "The Apache Avro library failed to read data with the following error: Invalid data file."
# The number of records of a block, and their bytes.
Block = tuple[int, bytes]
Convert = Callable[[bytes], bytes]
_MOST_BITS = 70


class Container:
    """A file, read block by block. Raises ``invalid`` for what does not begin as one.

    ``header`` is that of a file with the same records without compression.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        stream.seek(0)
        if stream.read(4) != MAGIC:
            raise invalid(
                f"{READING}The Apache Avro library failed to parse the header with the following error: "
                "Not an avro data file"
            )
        with reading(f"{READING}{FAILED}"):
            meta = self._meta()
            self.sync = self._exactly(16)
            self._start = stream.tell()
            codec = meta.get("avro.codec", b"null").decode()
            self.is_compressed = codec != "null"
            self._unpack = _UNPACK[codec]
        meta["avro.codec"] = b"null"
        out = bytearray(MAGIC) + _number(len(meta))
        for key, value in meta.items():
            out += _number(len(key.encode())) + key.encode() + _number(len(value)) + value
        self.header = bytes(out + _number(0) + self.sync)

    def groups(self, size: int) -> Iterator[list[Block]]:
        """The blocks, about ``size`` bytes of them at a time, as they are in the file."""
        found: list[Block] = []
        bytes_ = 0
        self._stream.seek(self._start)
        with reading(f"{READING}{FAILED}"):
            while (count := self._number(at_end=True)) is not None:
                length = self._number() or 0
                if count < 0 or length < 0:
                    raise ValueError("a block has a negative size")
                found.append((count, self._exactly(length)))
                bytes_ += length
                if self._exactly(16) != self.sync:
                    raise ValueError("a block does not end where it says")
                if bytes_ >= size:
                    yield found
                    found, bytes_ = [], 0
        if found:
            yield found

    def unpacked(self, group: Sequence[Block]) -> list[Block]:
        """Blocks without compression."""
        with reading(f"{READING}{FAILED}"):
            return [(count, self._unpack(data)) for count, data in group]

    def whole(self, group: Sequence[Block]) -> bytes:
        """Blocks without compression as a file."""
        parts = [self.header]
        for count, data in group:
            parts += (_number(count), _number(len(data)), data, self.sync)
        return b"".join(parts)

    def _meta(self) -> dict[str, bytes]:
        meta: dict[str, bytes] = {}
        while count := self._number() or 0:
            if count < 0:
                self._number()
            for _ in range(abs(count)):
                key = self._exactly(self._number() or 0).decode()
                meta[key] = self._exactly(self._number() or 0)
        return meta

    def _exactly(self, size: int) -> bytes:
        data = self._stream.read(size) if size > 0 else b""
        if len(data) != size:
            raise EOFError("the file ends too early")
        return data

    def _number(self, *, at_end: bool = False) -> int | None:
        """A number; None at the end of the file, which only ``at_end`` may be."""
        value = shift = 0
        while True:
            data = self._stream.read(1)
            if not data:
                if at_end and not shift:
                    return None
                raise EOFError("the file ends too early")
            value |= (data[0] & 0x7F) << shift
            if data[0] < 0x80:
                return value >> 1 ^ -(value & 1)
            shift += 7
            if shift > _MOST_BITS:
                raise ValueError("a number is too long")


def _number(value: int) -> bytes:
    from .write_avro import long_bytes

    return long_bytes(value)


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def _unsnapped(block: bytes) -> bytes:
    import pyarrow as pa

    size, _ = _read_varint(block, 0)
    found: bytes = pa.decompress(block[:-4], size, codec="snappy", asbytes=True)
    return found


def _unzstd(block: bytes) -> bytes:
    import pyarrow as pa

    with pa.CompressedInputStream(pa.BufferReader(block), "zstd") as stream:
        found: bytes = stream.read()
    return found


_UNPACK: dict[str, Convert] = {
    "null": lambda block: block,
    "deflate": lambda block: zlib.decompress(block, -15),
    "snappy": _unsnapped,
    "zstandard": _unzstd,
    "bzip2": bz2.decompress,
    "xz": lzma.decompress,
}
