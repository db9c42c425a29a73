"""Avro object container files: their blocks, whatever compresses them."""

from __future__ import annotations

import bz2
import io
import lzma
import zlib
from collections.abc import Callable, Iterator

from bqsim.errors import invalid

from .parsed import READING

MAGIC = b"Obj\x01"
Convert = Callable[[bytes], bytes]


def check_header(data: bytes) -> None:
    """Raises ``invalid`` for what does not begin as such a file."""
    if data[:4] != MAGIC:
        raise invalid(
            f"{READING}The Apache Avro library failed to parse the header with the following error: "
            "Not an avro data file"
        )


def uncompressed(data: bytes) -> bytes:
    """A file without compression, where it has one that needs a further library: Arrow knows it."""
    import fastavro

    if fastavro.block_reader(io.BytesIO(data)).codec not in ("snappy", "zstandard"):
        return data
    meta, at = _meta(data, 4)
    meta["avro.codec"] = b"null"
    out = bytearray(MAGIC) + _number(len(meta))
    for key, value in meta.items():
        out += _number(len(key.encode())) + key.encode() + _number(len(value)) + value
    sync = data[at : at + 16]
    out += _number(0) + sync
    for count, block in blocks(data):
        out += _number(count) + _number(len(block)) + block + sync
    return bytes(out)


def blocks(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The blocks of a file: the number of records, and their bytes without compression."""
    meta, at = _meta(data, 4)
    unpack = _UNPACK[meta.get("avro.codec", b"null").decode()]
    sync, at = data[at : at + 16], at + 16
    while at < len(data):
        count, at = _read_number(data, at)
        size, at = _read_number(data, at)
        end = at + size
        if size < 0 or count < 0 or data[end : end + 16] != sync:
            raise ValueError("a block does not end where it says")
        yield count, unpack(data[at:end])
        at = end + 16


def _meta(data: bytes, at: int) -> tuple[dict[str, bytes], int]:
    meta: dict[str, bytes] = {}
    count, at = _read_number(data, at)
    while count:
        if count < 0:
            count = -count
            _, at = _read_number(data, at)
        for _ in range(count):
            size, at = _read_number(data, at)
            key, at = data[at : at + size].decode(), at + size
            size, at = _read_number(data, at)
            meta[key], at = data[at : at + size], at + size
        count, at = _read_number(data, at)
    return meta, at


def _read_number(data: bytes, at: int) -> tuple[int, int]:
    value, at = _read_varint(data, at)
    return value >> 1 ^ -(value & 1), at


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def _number(value: int) -> bytes:
    from .write_avro import long_bytes

    return long_bytes(value)


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
