"""Rows given as serialised protocol buffers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from google.protobuf.descriptor_pb2 import FieldDescriptorProto as P

from bqsim.catalog.resources import Table
from bqsim.codecs.protorows import ProtoField, RowDecoder
from bqsim.storage.errors import invalid_argument
from bqsim.types import Field, TypeKind
from bqsim.types.arrow import to_numpy

from .convert.matching import Source
from .convert.protos import MESSAGES, SCALARS, WELL_KNOWN
from .convert.scope import Converter
from .convert.strings import enum_names
from .reading import Plan, ReadRows

# The field option google.cloud.bigquery.storage.v1.column_name, a string.
_COLUMN_NAME = 454943157
_MAX_VARINT = 10

# What a field's type is called in messages and in the table of conversions.
_TYPE_NAMES: dict[int, str] = {
    P.TYPE_DOUBLE: "double",
    P.TYPE_FLOAT: "float",
    P.TYPE_INT64: "int64",
    P.TYPE_UINT64: "uint64",
    P.TYPE_INT32: "int32",
    P.TYPE_FIXED64: "uint64",
    P.TYPE_FIXED32: "uint32",
    P.TYPE_BOOL: "bool",
    P.TYPE_STRING: "string",
    P.TYPE_MESSAGE: "message",
    P.TYPE_BYTES: "bytes",
    P.TYPE_UINT32: "uint32",
    P.TYPE_ENUM: "enum",
    P.TYPE_SFIXED32: "int32",
    P.TYPE_SFIXED64: "int64",
    P.TYPE_SINT32: "int32",
    P.TYPE_SINT64: "int64",
}


class _ProtoReader:
    def __init__(self, table: Table, schema: Any) -> None:
        try:
            self._decoder = RowDecoder(schema.proto_descriptor)
        except ValueError as error:
            raise invalid_argument(f"Invalid proto schema: {error}") from None
        sources = [_source(f, i) for i, f in enumerate(self._decoder.fields)]
        self._plan = Plan(table, sources, "proto", _missing)

    @property
    def fields(self) -> tuple[Field, ...]:
        return self._plan.fields

    def read(self, payload: Sequence[bytes]) -> ReadRows:
        try:
            decoded = self._decoder.decode(payload)
        except MemoryError:
            raise invalid_argument("The rows of the request are too large when they are decoded") from None
        raws = [_whole(c) for c in decoded.columns.columns]
        return self._plan.rows(raws, len(payload), dict(decoded.malformed))


def proto_reader(table: Table, schema: Any) -> _ProtoReader:
    """The reader of messages of a ``ProtoSchema`` into ``table``.

    Its payload is a sequence of serialised messages. Raises ``StorageFailure`` INVALID_ARGUMENT for a schema
    that is invalid or does not fit the table.
    """
    return _ProtoReader(table, schema)


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _missing(array: pa.Array, repeated: bool) -> Any:
    """An absent field is missing; an empty repeated field cannot be told from an absent one."""
    if repeated:
        return to_numpy(pc.list_value_length(array), 0) == 0 if len(array) else np.zeros(0, bool)
    return to_numpy(array.is_null(), True) if array.null_count else None


def _source(field: ProtoField, index: int) -> Source:
    children = None
    if field.type == P.TYPE_MESSAGE:
        children = tuple(_source(f, i) for i, f in enumerate(field.fields))

    def scalar(kind: TypeKind) -> Converter | None:
        return _scalar(field, kind)

    return Source(
        name=_column_name(field.options) or field.name,
        index=index,
        place=field.full_name,
        shown=_TYPE_NAMES[field.type],
        repeated=field.repeated,
        scalar=scalar,
        children=children,
    )


def _scalar(field: ProtoField, kind: TypeKind) -> Converter | None:
    if field.type == P.TYPE_MESSAGE:
        return MESSAGES.get((kind, _well_known(field)))
    if field.type == P.TYPE_ENUM and kind is TypeKind.STRING:
        return enum_names({number: name for name, number in reversed(field.enum_values)})
    return SCALARS.get(kind, {}).get(_TYPE_NAMES[field.type])


def _well_known(field: ProtoField) -> str:
    """The name in google.protobuf of a field's message type, which clients may have copied into their schema
    as ``google_protobuf_<name>``; empty for other messages."""
    full = "." + field.message_name.replace("google_protobuf_", "google.protobuf.")
    name = full.rpartition(".google.protobuf.")[2]
    names = tuple(n for n, _ in WELL_KNOWN.get(name, ()))
    return name if names and names == tuple(f.name for f in field.fields) else ""


def _column_name(options: bytes) -> str:
    """The value of the column_name option among serialised field options; empty without one."""
    name = b""
    for number, value in _wire_fields(options):
        if number == _COLUMN_NAME and isinstance(value, bytes):
            name = value
    return name.decode("utf-8", "replace")


def _wire_fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a message that protobuf serialised: number, and the bytes of a length-delimited one."""
    position = 0
    while position < len(data):
        tag, position = _varint(data, position)
        wire_type = tag & 7
        if wire_type == 2:
            length, position = _varint(data, position)
            yield tag >> 3, data[position : position + length]
            position += length
        elif wire_type == 0:
            value, position = _varint(data, position)
            yield tag >> 3, value
        elif wire_type in (1, 5):
            position += 8 if wire_type == 1 else 4
        # Groups: their ends carry nothing, and their fields follow as any others.


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = 0
    for i in range(_MAX_VARINT):
        if position >= len(data):
            return value, position
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << 7 * i
        if byte < 0x80:
            break
    return value, position
