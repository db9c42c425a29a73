"""The content of objects on its way out: ranges, checksums and transcoding."""

from __future__ import annotations

import asyncio
import re
import zlib
from collections.abc import AsyncIterator, Mapping
from email.utils import formatdate
from typing import BinaryIO

from bqsim.objects import ObjectInfo
from bqsim.server.http import Content
from bqsim.server.rest.reply import one_line

from .errors import StorageError, no_object
from .request import Ask, Raw, off_loop
from .resources import DEFAULT_TYPE, STANDARD, etag_of, hashes_of

_BLOCK = 256 * 1024
# What is not larger is read at once.
_WHOLE = 1024 * 1024
_RANGE = re.compile(r"\s*bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*\Z")
# Attributes that are headers of the answer.
_HEADERS = {
    "cacheControl": "Cache-Control",
    "contentDisposition": "Content-Disposition",
    "contentEncoding": "Content-Encoding",
    "contentLanguage": "Content-Language",
}
_DEFAULT_CACHE = "no-cache, no-store, max-age=0, must-revalidate"


async def download(ask: Ask, info: ObjectInfo, extra: Mapping[str, str] | None = None) -> Raw:
    """The content of an object, of the range that is asked for."""
    opened = await off_loop(lambda: ask.store.open_version(info.bucket, info.name, info.generation))
    if opened is None:
        raise no_object(info.bucket, info.name)
    found, stream = opened
    try:
        headers = {**await off_loop(lambda: headers_of(ask, found)), **(extra or {})}
        if _transcodes(ask, found):
            return _unpacked(headers, stream, bodiless=ask.http.head.method == "HEAD")
        part = range_of(ask.headers.get("range"), found.size)
    except BaseException:
        stream.close()
        raise
    status, start, length = 200, 0, found.size
    if part is not None:
        start, length = part
        headers["Content-Range"] = f"bytes {start}-{start + length - 1}/{found.size}"
        status = 206
    headers["Accept-Ranges"] = "bytes"
    if ask.http.head.method == "HEAD":
        stream.close()
        return Raw(None, status, headers=headers, content=Content(length))
    if length <= _WHOLE:
        with stream:
            stream.seek(start)
            data = await off_loop(lambda: stream.read(length))
        return Raw(None, status, headers=headers, data=data)
    return Raw(None, status, headers=headers, content=Content(length, _pieces(stream, start, length)))


def headers_of(ask: Ask, info: ObjectInfo) -> dict[str, str]:
    """What the headers of an answer with content tell about the object."""
    attributes = info.attributes
    hashes = ",".join(f"{name}={value}" for name, value in hashes_of(ask.store, info).items())
    headers = {
        "Content-Type": attributes.get("contentType") or DEFAULT_TYPE,
        "ETag": f'"{etag_of(info.generation, info.metageneration)}"',
        "Last-Modified": formatdate(info.updated_us // 1_000_000, usegmt=True),
        "X-Goog-Generation": str(info.generation),
        "X-Goog-Metageneration": str(info.metageneration),
        "X-Goog-Hash": hashes,
        "X-Goog-Storage-Class": attributes.get("storageClass", STANDARD),
        "X-Goog-Stored-Content-Encoding": attributes.get("contentEncoding") or "identity",
        "X-Goog-Stored-Content-Length": str(info.size),
        "Cache-Control": _DEFAULT_CACHE,
        "Server": "bqsim",
    }
    headers |= {header: attributes[name] for name, header in _HEADERS.items() if attributes.get(name)}
    if info.components:
        headers["X-Goog-Component-Count"] = str(info.components)
    for name, value in (attributes.get("metadata") or {}).items():
        headers[f"X-Goog-Meta-{_token(name)}"] = value
    return {name: one_line(value) for name, value in headers.items()}


def _token(name: str) -> str:
    """A key of the custom metadata as part of a header's name."""
    return re.sub(r"[^!#$%&'*+.^_`|~0-9A-Za-z-]", "-", name)


def range_of(text: str | None, size: int) -> tuple[int, int] | None:
    """First byte and length of a ``Range``; None for the whole, also where the header is malformed.

    Raises 416 for a range that begins behind the end.
    """
    match = None if text is None else _RANGE.match(text)
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if first == "":
        length = min(int(last), size)
        start = size - length
    else:
        start = int(first)
        stop = size - 1 if last == "" else min(int(last), size - 1)
        if last != "" and int(last) < start:
            return None
        length = stop - start + 1
    if length <= 0:
        raise StorageError(
            416, "requestedRangeNotSatisfiable", "Request range not satisfiable", location="Range"
        )
    return start, length


async def _pieces(stream: BinaryIO, start: int, length: int) -> AsyncIterator[bytes]:
    with stream:
        stream.seek(start)
        while length > 0:
            piece = await asyncio.to_thread(stream.read, min(_BLOCK, length))
            if not piece:
                return
            length -= len(piece)
            yield piece


def _transcodes(ask: Ask, info: ObjectInfo) -> bool:
    """Whether the content is stored packed and the caller wants it unpacked (page *Transcoding*)."""
    attributes = info.attributes
    return (
        attributes.get("contentEncoding") == "gzip"
        and "gzip" not in ask.headers.get("accept-encoding", "")
        and "no-transform" not in (attributes.get("cacheControl") or "")
    )


def _unpacked(headers: dict[str, str], stream: BinaryIO, *, bodiless: bool) -> Raw:
    """The whole content without its gzip encoding: ranges are of what is stored, so none is given."""
    del headers["Content-Encoding"]
    headers["Warning"] = "214 UploadServer gunzipped"
    headers["Vary"] = "Accept-Encoding"
    if bodiless:
        stream.close()
        return Raw(None, headers=headers)
    return Raw(None, headers=headers, content=Content(None, _gunzip(stream)))


async def _gunzip(stream: BinaryIO) -> AsyncIterator[bytes]:
    with stream:
        unpacker = zlib.decompressobj(wbits=31)
        while data := await asyncio.to_thread(stream.read, _BLOCK):
            while data:
                if unpacker.eof:
                    # Several packed streams may follow each other.
                    unpacker = zlib.decompressobj(wbits=31)
                piece = await asyncio.to_thread(unpacker.decompress, data, 4 * _BLOCK)
                data = unpacker.unconsumed_tail or unpacker.unused_data
                if piece:
                    yield piece
