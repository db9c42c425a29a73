"""Requests of AppendRows as bytes: rows are encoded once, and sent again as they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from bqclient.errors import LimitError, UsageError
from bqclient.wire import formats_pb2, write_pb2

# What one request may be, with room for what is beside its rows.
MAX_REQUEST_BYTES = 10_000_000
# What requests are cut to: large enough for speed, small enough to be sent again.
TARGET_BYTES = 2_000_000
_TRACE = "bqclient"

_Interpretation = write_pb2.AppendRowsRequest.MissingValueInterpretation
_Request = write_pb2.AppendRowsRequest
# Tags of length-delimited fields: number << 3 | 2.
_ROWS_TAGS = {
    "arrow": bytes([_Request.ARROW_ROWS_FIELD_NUMBER << 3 | 2]),
    "proto": bytes([_Request.PROTO_ROWS_FIELD_NUMBER << 3 | 2]),
}
_SCHEMA_TAG = bytes([_Request.ArrowData.WRITER_SCHEMA_FIELD_NUMBER << 3 | 2])
_PAYLOAD_TAG = bytes([_Request.ArrowData.ROWS_FIELD_NUMBER << 3 | 2])
_BATCH_TAG = bytes([formats_pb2.ArrowRecordBatch.SERIALIZED_RECORD_BATCH_FIELD_NUMBER << 3 | 2])


@dataclass(frozen=True, slots=True)
class WriterSchema:
    """What rows are encoded as: ``arrow`` or ``proto``, with the schema as the service takes it."""

    format: str
    encoded: bytes

    @classmethod
    def of_arrow(cls, serialized: bytes) -> WriterSchema:
        """Of a serialised Arrow schema."""
        message = formats_pb2.ArrowSchema(serialized_schema=serialized)
        return cls("arrow", message.SerializeToString())

    @classmethod
    def of_proto(cls, descriptor: object) -> WriterSchema:
        """Of a DescriptorProto that needs no other."""
        message = formats_pb2.ProtoSchema(proto_descriptor=descriptor)
        return cls("proto", message.SerializeToString(deterministic=True))


@dataclass(slots=True)
class Payload:
    """Rows of one request. ``parts`` are the bytes of its rows message; ``first`` counts from the first row
    of what was given to be appended. ``without``: the same without the rows of some indices, where rows were
    kept for that."""

    schema: WriterSchema
    parts: Sequence[bytes]
    rows: int
    first: int = 0
    size: int = 0
    # The index of each row in what was given, where rows were left out of it.
    kept: Sequence[int] | None = None
    without: Callable[[frozenset[int]], Iterable[Payload]] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self.size = sum(map(len, self.parts))

    def index(self, row: int) -> int:
        """Where a row of the request is in what was given to be appended."""
        return self.kept[row] if self.kept is not None else self.first + row


@dataclass(frozen=True, slots=True)
class Missing:
    """How missing values are read: ``default`` for all columns, ``columns`` by name; True is the column's
    default value, False NULL."""

    default: bool | None = None
    columns: Mapping[str, bool] = field(default_factory=dict)

    @classmethod
    def of(cls, defaults: bool | Iterable[str] | Mapping[str, bool] | None) -> Missing:
        """``True``: the default value of every column that has one; names: of these; a mapping tells each."""
        if defaults is None or isinstance(defaults, bool):
            return cls(defaults)
        if isinstance(defaults, str):
            raise UsageError("defaults must be a bool or names of columns, not one text.")
        if isinstance(defaults, Mapping):
            return cls(None, dict(defaults))
        return cls(None, dict.fromkeys(defaults, True))

    def fill(self, request: write_pb2.AppendRowsRequest) -> None:
        """Tell the service."""
        if self.default is not None:
            request.default_missing_value_interpretation = _said(self.default)
        for name, default in self.columns.items():
            request.missing_value_interpretations[name] = _said(default)


def _said(default: bool) -> _Interpretation:
    return _Interpretation.DEFAULT_VALUE if default else _Interpretation.NULL_VALUE


def encode(
    payload: Payload, *, stream: str | None, offset: int | None, schema: bool, missing: Missing, first: bool
) -> bytes:
    """The bytes of a request. ``schema``: with the writer schema; ``first`` of its connection."""
    head = write_pb2.AppendRowsRequest()
    if stream:
        head.write_stream = stream
    if offset is not None:
        head.offset.value = offset
    if first:
        head.trace_id = _TRACE
    missing.fill(head)
    encoded = payload.schema.encoded if schema else b""
    before = _SCHEMA_TAG + varint(len(encoded)) + encoded if schema else b""
    rows = _PAYLOAD_TAG + varint(payload.size)
    tag = _ROWS_TAGS[payload.schema.format]
    size = len(before) + len(rows) + payload.size
    return b"".join([head.SerializeToString(), tag, varint(size), before, rows, *payload.parts])


def arrow_parts(serialized: bytes, rows: int) -> list[bytes]:
    """The parts of an ArrowRecordBatch message."""
    return [_BATCH_TAG + varint(len(serialized)), serialized]


def check_size(size: int, what: str) -> None:
    """Raise LimitError when one row makes a request too large."""
    if size > MAX_REQUEST_BYTES:
        raise LimitError(
            f"{what} takes {size:,} bytes: a request of the Storage Write API may have "
            f"{MAX_REQUEST_BYTES:,}.",
            limit=MAX_REQUEST_BYTES,
            found=size,
        )


def varint(number: int) -> bytes:
    """A protocol buffer's variable-length integer."""
    made = bytearray()
    while number > 0x7F:
        made.append(number & 0x7F | 0x80)
        number >>= 7
    made.append(number)
    return bytes(made)
