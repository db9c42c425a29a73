"""AppendRowsRequest messages read without copying the record batches in them."""

from __future__ import annotations

from google.protobuf.message import DecodeError

from bqsim.codecs.messages import merge, parse
from bqsim.storage.errors import invalid_argument
from bqsim.storage.v1 import write_pb2

# Smaller messages are not worth the look.
_LARGE = 32 * 1024
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_FIXED = {_FIXED64: 8, _FIXED32: 4}

_ARROW_ROWS = write_pb2.AppendRowsRequest.ARROW_ROWS_FIELD_NUMBER
_ROWS = write_pb2.AppendRowsRequest.ArrowData.ROWS_FIELD_NUMBER
_BATCH = 1
# Where fields are: (number, start of the field, start of its content, its end).
_Field = tuple[int, int, int, int]


def parse_request(raw: bytes) -> tuple[write_pb2.AppendRowsRequest, memoryview | None]:
    """A request, and its record batch where that was left out of it, as a part of ``raw``.

    Raises INVALID_ARGUMENT for what is no request.
    """
    found = _batch(raw) if len(raw) >= _LARGE else None
    try:
        if found is None:
            return parse(write_pb2.AppendRowsRequest, raw), None
        arrow, rows, batch = found
        request = parse(write_pb2.AppendRowsRequest, raw[: arrow[1]] + raw[arrow[3] :])
        request.arrow_rows.SetInParent()
        merge(request.arrow_rows, raw[arrow[2] : rows[1]] + raw[rows[3] : arrow[3]])
    except DecodeError:
        raise invalid_argument("The request is not a valid AppendRowsRequest message.") from None
    return request, memoryview(raw)[batch[2] : batch[3]]


def _batch(raw: bytes) -> tuple[_Field, _Field, _Field] | None:
    """Where the record batch is with what it is in; None when it is not there in the usual form."""
    arrow = _only(raw, 0, len(raw), _ARROW_ROWS)
    rows = _only(raw, arrow[2], arrow[3], _ROWS) if arrow else None
    batch = _only(raw, rows[2], rows[3], _BATCH) if rows else None
    return (arrow, rows, batch) if arrow and rows and batch else None


def _only(raw: bytes, start: int, end: int, number: int) -> _Field | None:
    """The only field of this number between two positions, when all fields there are well formed.

    A request with rows of both kinds is left to the protobuf library.
    """
    found = None
    while start < end:
        field = _field_at(raw, start, end)
        if field is None:
            return None
        if field[0] == number:
            if found is not None:
                return None
            found = field
        elif number == _ARROW_ROWS and field[0] == write_pb2.AppendRowsRequest.PROTO_ROWS_FIELD_NUMBER:
            return None
        start = field[3]
    return found


def _field_at(raw: bytes, start: int, end: int) -> _Field | None:
    tag, position = _varint(raw, start, end)
    wire_type = tag & 7
    if wire_type == _BYTES:
        length, position = _varint(raw, position, end)
        stop = position + length
    elif wire_type == _VARINT:
        stop = _varint(raw, position, end)[1]
    elif wire_type in _FIXED:
        stop = position + _FIXED[wire_type]
    else:
        return None
    return None if stop > end or tag < 8 else (tag >> 3, start, position, stop)


def _varint(raw: bytes, start: int, end: int) -> tuple[int, int]:
    """A variable-length integer and where it ends; beyond ``end`` when it does not end before."""
    value = shift = 0
    for position in range(start, min(end, start + 10)):
        value |= (raw[position] & 0x7F) << shift
        if raw[position] < 0x80:
            return value, position + 1
        shift += 7
    return value, end + 1
