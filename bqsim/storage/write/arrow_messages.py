"""The lengths that an encapsulated Arrow message claims, checked before Arrow reads it.

Arrow's own reader checks that buffers are within the message; it does allocate what a compressed buffer
claims to hold. Layout: *Arrow Columnar Format*, encapsulated messages and ``Message.fbs``.
"""

from __future__ import annotations

import struct

from bqsim.storage.errors import StorageFailure, invalid_argument

# What the buffers of one batch may hold when they are decompressed.
MAX_BATCH_BYTES = 512 * 1024 * 1024
_CONTINUATION = 0xFFFFFFFF
_RECORD_BATCH = 3
# Fields of the tables Message and RecordBatch, by position.
_HEADER_TYPE, _HEADER, _BODY_LENGTH = 1, 2, 3
_LENGTH, _BUFFERS, _COMPRESSION = 0, 2, 3


def check_record_batch(message: bytes) -> int:
    """The most rows that the buffers of a record batch message can hold.

    Raises ``StorageFailure`` INVALID_ARGUMENT for another message, or one whose buffers claim more than
    ``MAX_BATCH_BYTES``.
    """
    try:
        total = _claimed(message)
    except (struct.error, IndexError):
        raise _malformed() from None
    if total > MAX_BATCH_BYTES:
        raise invalid_argument(
            f"The Arrow record batch holds more than {MAX_BATCH_BYTES} bytes when it is decompressed"
        )
    # A boolean is one bit.
    return 8 * total


def _malformed() -> StorageFailure:
    return invalid_argument("Failed to parse the Arrow record batch: it is not a record batch message")


def batch_rows(message: bytes) -> int:
    """The rows that a record batch message says it has; 0 when it is none."""
    try:
        metadata, batch, _ = _record_batch(message)
        place = _field(metadata, batch, _LENGTH)
        return 0 if place is None else int(struct.unpack_from("<q", metadata, place)[0])
    except (struct.error, IndexError, StorageFailure):
        return 0


def _record_batch(message: bytes) -> tuple[bytes, int, int]:
    """The metadata of a message, where in it the batch is told, and where the message's body begins."""
    (size,) = struct.unpack_from("<I", message, 0)
    start = 4
    if size == _CONTINUATION:
        (size,) = struct.unpack_from("<I", message, 4)
        start = 8
    if size > len(message) - start:
        raise _malformed()
    metadata = message[start : start + size]
    body = start + size
    (root,) = struct.unpack_from("<I", metadata, 0)
    kind = _field(metadata, root, _HEADER_TYPE)
    header = _field(metadata, root, _HEADER)
    if kind is None or header is None or metadata[kind] != _RECORD_BATCH:
        raise _malformed()
    (offset,) = struct.unpack_from("<I", metadata, header)
    return metadata, header + offset, body


def _claimed(message: bytes) -> int:
    """Bytes of all buffers of the batch, decompressed."""
    metadata, batch, body = _record_batch(message)
    place = _field(metadata, batch, _BUFFERS)
    if place is None:
        return 0
    (offset,) = struct.unpack_from("<I", metadata, place)
    (count,) = struct.unpack_from("<I", metadata, place + offset)
    if count * 16 > len(metadata):
        raise _malformed()
    compressed = _field(metadata, batch, _COMPRESSION) is not None
    total = 0
    for i in range(count):
        at, length = struct.unpack_from("<qq", metadata, place + offset + 4 + 16 * i)
        if at < 0 or length < 0 or at + length > len(message) - body:
            raise _malformed()
        if compressed and length >= 8:
            (claimed,) = struct.unpack_from("<q", message, body + at)
            if claimed < -1:
                raise _malformed()
            total += length if claimed == -1 else claimed
        else:
            total += length
    return total


def _field(data: bytes, table: int, index: int) -> int | None:
    """Where a flatbuffer table has its field ``index``; None when it has none."""
    (back,) = struct.unpack_from("<i", data, table)
    vtable = table - back
    if vtable < 0:
        raise _malformed()
    (size,) = struct.unpack_from("<H", data, vtable)
    place = 4 + 2 * index
    if place + 2 > size:
        return None
    (offset,) = struct.unpack_from("<H", data, vtable + place)
    return table + offset if offset else None
