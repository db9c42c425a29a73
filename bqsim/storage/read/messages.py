"""ReadRowsResponse messages, put together around their rows without a copy more than needed.

What a serialiser would write field by field is written here in three pieces: what goes before the rows, the
rows, and what follows them.
"""

from __future__ import annotations

import struct
from typing import Any

from bqsim.codecs import wire

# Tags of the fields of ReadRowsResponse (number << 3 | wire type).
AVRO_ROWS, ARROW_RECORD_BATCH = b"\x1a", b"\x22"
AVRO_SCHEMA, ARROW_SCHEMA = b"\x3a", b"\x42"
_ROW_COUNT = b"\x30"
_UNCOMPRESSED_BYTE_SIZE = b"\x48"
# stats { progress { at_response_start, at_response_end } }: all lengths are fixed.
_STATS = struct.Struct("<5sdcd")
_STATS_HEAD, _AT_RESPONSE_END = b"\x12\x14\x12\x12\x09", b"\x11"
# An empty ThrottleState: 0 percent.
_NO_THROTTLING = b"\x2a\x00"
_THROTTLE_STATE, _THROTTLE_PERCENT = b"\x2a", b"\x08"
# Tags inside the messages of rows and schemas.
_BYTES, _INNER_ROW_COUNT = b"\x0a", b"\x10"

NOT_COMPRESSED = -1


def varint(value: int) -> bytes:
    """An integer of 64 bits as a protobuf varint."""
    return wire.varint(value & 0xFFFF_FFFF_FFFF_FFFF)


def schema_field(tag: bytes, schema: bytes) -> bytes:
    """A ReadRowsResponse with nothing but a schema; put before another message it joins it."""
    inner = _BYTES + varint(len(schema)) + schema
    return tag + varint(len(inner)) + inner


def rows_message(
    tag: bytes,
    payload: Any,
    row_count: int,
    progress: tuple[float, float],
    uncompressed_byte_size: int | None = None,
) -> bytes:
    """A whole ReadRowsResponse. ``payload`` is a bytes-like object; ``progress`` is that of its stream, in
    [0, 1], before and after these rows."""
    size = memoryview(payload).nbytes
    rows = varint(row_count)
    inner_head = _BYTES + varint(size)
    inner_tail = _INNER_ROW_COUNT + rows
    stats = _STATS.pack(_STATS_HEAD, progress[0], _AT_RESPONSE_END, progress[1])
    head = stats + tag + varint(len(inner_head) + size + len(inner_tail)) + inner_head
    tail = inner_tail + _NO_THROTTLING + _ROW_COUNT + rows
    if uncompressed_byte_size is not None:
        tail += _UNCOMPRESSED_BYTE_SIZE + varint(uncompressed_byte_size)
    return b"".join((head, payload, tail))


def throttled(percent: float) -> bytes:
    """A ReadRowsResponse with nothing but a ThrottleState; put behind another message it joins it."""
    inner = _THROTTLE_PERCENT + varint(round(percent))
    return _THROTTLE_STATE + varint(len(inner)) + inner
