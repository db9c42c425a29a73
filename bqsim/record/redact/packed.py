"""Compressed bytes, opened and closed again."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable

GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
# No more than so many bytes are unpacked: what holds more is no body of a call.
LARGEST = 256 * 1024 * 1024


def packed(data: bytes) -> bool:
    return data.startswith((GZIP, ZSTD))


def unpacked(data: bytes) -> bytes:
    """What ``data`` (gzip or zstd) holds, as far as it can be read; ValueError when nothing can."""
    out = bytearray()
    if data.startswith(GZIP):
        rest = data
        while rest.startswith(GZIP):
            opened = zlib.decompressobj(31)
            try:
                out += opened.decompress(rest, LARGEST - len(out))
            except zlib.error as error:
                if not out:
                    raise ValueError(f"this is no gzip: {error}") from None
                break
            rest = opened.unused_data
            if len(out) >= LARGEST:
                raise ValueError("it holds too much")
        return bytes(out)
    import pyarrow as pa

    with pa.CompressedInputStream(pa.BufferReader(data), "zstd") as stream:
        try:
            while piece := stream.read(1 << 20):
                out += piece
                if len(out) > LARGEST:
                    raise ValueError("it holds too much")
        except OSError as error:
            if not out:
                raise ValueError(f"this is no zstd: {error}") from None
    return bytes(out)


def pack(data: bytes, form: bytes) -> bytes:
    """``data`` compressed again: the same bytes every time."""
    if form.startswith(GZIP):
        made = io.BytesIO()
        with gzip.GzipFile(fileobj=made, mode="wb", mtime=0, filename="") as file:
            file.write(data)
        return made.getvalue()
    import pyarrow as pa

    return bytes(pa.Codec("zstd").compress(data, asbytes=True))


def repacked(data: bytes, work: Callable[[bytes], bytes]) -> bytes:
    """``data`` with ``work`` done to what it holds; the same bytes when that changes nothing, or when it
    cannot be read."""
    try:
        inside = unpacked(data)
    except ValueError:
        return data
    done = work(inside)
    return data if done == inside else pack(done, data)
