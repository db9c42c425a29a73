"""Messages of ReadRows, taken apart without a copy of their rows.

A generated class would copy the rows twice: into its own memory, and out of it. So the rows are found in the
message as it came, and only the rest of it, a few dozen bytes, is given to the generated class.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bqclient.errors import StorageError
from bqclient.wire import read_pb2

# Fields of ReadRowsResponse that hold rows (avro_rows, arrow_record_batch), with wire type 2; and in them the
# field of the bytes.
_AVRO_ROWS, _ARROW_ROWS = 3 << 3 | 2, 4 << 3 | 2
_BYTES = 1 << 3 | 2
_VARINT, _FIXED64, _DELIMITED, _FIXED32 = 0, 1, 2, 5


@dataclass(frozen=True, slots=True)
class Message:
    """One ReadRowsResponse: ``rows`` as they are serialised, and everything else in ``rest``."""

    rows: memoryview
    rest: read_pb2.ReadRowsResponse

    @property
    def row_count(self) -> int:
        """How many rows it carries."""
        return self.rest.row_count


def message_of(raw: bytes) -> Message:
    """A message as it came. Raises StorageError for what is none."""
    view = memoryview(raw)
    try:
        rows, rest = _parted(view)
        return Message(rows, read_pb2.ReadRowsResponse.FromString(rest))
    except Exception as error:
        # IndexError of this module, DecodeError of the generated class.
        raise StorageError("A message of ReadRows could not be read.", retryable=True) from error


def _parted(view: memoryview) -> tuple[memoryview, bytes]:
    """The bytes of the rows, and the message without them."""
    rows = view[:0]
    rest: list[Any] = []
    at, size = 0, len(view)
    while at < size:
        tag, body, end = _field(view, at)
        if tag in (_ARROW_ROWS, _AVRO_ROWS):
            rows = _bytes_of(view[body:end])
        else:
            rest.append(view[at:end])
        at = end
    return rows, b"".join(rest)


def _bytes_of(inner: memoryview) -> memoryview:
    """Field 1 of ArrowRecordBatch or AvroRows."""
    at, found = 0, inner[:0]
    while at < len(inner):
        tag, body, end = _field(inner, at)
        if tag == _BYTES:
            found = inner[body:end]
        at = end
    return found


def _field(view: memoryview, at: int) -> tuple[int, int, int]:
    """The tag of the field at a place, where its value begins, and where it ends."""
    tag, at = _varint(view, at)
    kind = tag & 7
    if kind == _DELIMITED:
        length, at = _varint(view, at)
        end = at + length
    elif kind == _VARINT:
        _, end = _varint(view, at)
    elif kind == _FIXED64:
        end = at + 8
    elif kind == _FIXED32:
        end = at + 4
    else:
        raise ValueError(f"wire type {kind}")
    if end > len(view):
        raise ValueError("a field ends behind its message")
    return tag, at, end


def _varint(view: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = view[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError("a varint of more than ten bytes")
