"""Rows as Arrow record batches, with the schema that the service gives.

The bytes of a record batch do not name or annotate anything: column and field names, nullability and the
metadata live in the schema message alone, so canonical columns are written as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from bqsim.storage.errors import invalid_argument
from bqsim.storage.v1 import formats_pb2, stream_pb2
from bqsim.types import Field, Mode, TypeKind
from bqsim.types.arrow import arrow_type

from .messages import ARROW_RECORD_BATCH, ARROW_SCHEMA, schema_field

# What is added to the fields of types that are other types in Arrow.
_METADATA: dict[TypeKind, dict[bytes, bytes]] = {
    TypeKind.DATETIME: {b"ARROW:extension:name": b"google:sqlType:datetime"},
    TypeKind.JSON: {b"ARROW:extension:name": b"google:sqlType:json"},
    TypeKind.GEOGRAPHY: {
        b"ARROW:extension:name": b"google:sqlType:geography",
        b"ARROW:extension:metadata": b'{"encoding": "WKT"}',
    },
}
# Buffer compressions of the API, with Arrow's names.
CODECS = {"COMPRESSION_UNSPECIFIED": None, "LZ4_FRAME": "lz4", "ZSTD": "zstd"}
_DECIMALS: dict[TypeKind, Any] = {TypeKind.NUMERIC: pa.decimal128, TypeKind.BIGNUMERIC: pa.decimal256}
# The scale of the canonical form.
_SCALES = {TypeKind.NUMERIC: 9, TypeKind.BIGNUMERIC: 38}

# Rows of one message take about this much, and never more than the other unless it is one row: clients that
# do not raise the default of gRPC take messages of up to 4 MiB.
MESSAGE_BYTES = 1 << 20
MAX_MESSAGE_BYTES = 3_500_000


def codec_of(options: formats_pb2.ArrowSerializationOptions) -> str | None:
    """The Arrow name of the buffer compression that options ask for; INVALID_ARGUMENT for an unknown one."""
    known = formats_pb2.ArrowSerializationOptions.CompressionCodec
    if options.buffer_compression not in known.values():
        raise invalid_argument(f"Invalid buffer_compression: {options.buffer_compression}")
    return CODECS[known.Name(options.buffer_compression)]


class ArrowFormat:
    """Encodes canonical rows of ``fields``; ``codec`` is Arrow's name of a buffer compression."""

    rows_tag = ARROW_RECORD_BATCH

    def __init__(self, fields: Sequence[Field], codec: str | None = None) -> None:
        self.fields = tuple(fields)
        self.schema: bytes = service_schema(self.fields).serialize().to_pybytes()
        self.key = ("arrow", codec, self.schema)
        self.schema_field = schema_field(ARROW_SCHEMA, self.schema)
        self._codec = codec
        self._declared = any(map(_is_rescaled, self.fields))

    def describe(self, session: stream_pb2.ReadSession) -> None:
        """Put the schema into a session."""
        session.arrow_schema.serialized_schema = self.schema

    def payloads(self, rows: pa.Table) -> Iterator[tuple[Any, int]]:
        """Record batch messages with their numbers of rows, in order."""
        if self._declared:
            rows = declared(rows, self.fields)
        batches = rows.to_batches()
        if len(batches) > 1:
            batches = rows.combine_chunks().to_batches()
        for batch in batches:
            if batch.num_rows:
                yield from self._cut(batch)

    def _cut(self, batch: pa.RecordBatch) -> Iterator[tuple[Any, int]]:
        messages = max(1, round(batch.nbytes / MESSAGE_BYTES))
        step = -(-batch.num_rows // messages)
        for start in range(0, batch.num_rows, step):
            yield from self._encoded(batch.slice(start, step))

    def _encoded(self, batch: pa.RecordBatch) -> Iterator[tuple[Any, int]]:
        message = encoded(batch, self._codec)
        if message.size <= MAX_MESSAGE_BYTES or batch.num_rows == 1:
            yield message, batch.num_rows
            return
        half = batch.num_rows // 2
        yield from self._encoded(batch.slice(0, half))
        yield from self._encoded(batch.slice(half))


def one_batch(rows: pa.Table, fields: Sequence[Field], codec: str | None) -> pa.Buffer:
    """Canonical rows of ``fields``, few enough for one message, as one record batch message."""
    if any(map(_is_rescaled, fields)):
        rows = declared(rows, fields)
    return encoded(rows.combine_chunks().to_batches()[0], codec)


def encoded(batch: pa.RecordBatch, codec: str | None) -> pa.Buffer:
    """A record batch message; with a codec its buffers are compressed."""
    if codec is None:
        return batch.serialize()
    sink = pa.BufferOutputStream()
    writer = pa.ipc.new_stream(sink, batch.schema, options=pa.ipc.IpcWriteOptions(compression=codec))
    writer.write_batch(batch)
    # Before the batch goes the schema.
    return sink.getvalue().slice(batch.schema.serialize().size)


def service_schema(fields: Sequence[Field]) -> pa.Schema:
    """The Arrow schema in which the service gives columns."""
    return pa.schema([_arrow_field(f) for f in fields])


def _arrow_field(field: Field) -> pa.Field:
    value = _value_type(field)
    if field.mode is Mode.REPEATED:
        value = pa.list_(pa.field("item", value))
    metadata = _METADATA.get(field.kind)
    return pa.field(field.name, value, nullable=field.mode is Mode.NULLABLE, metadata=metadata)


def _value_type(field: Field) -> pa.DataType:
    if field.kind is TypeKind.STRUCT:
        return pa.struct([_arrow_field(f) for f in field.fields])
    if field.kind is TypeKind.RANGE:
        element = field.range_element or TypeKind.DATE
        return pa.struct([_arrow_field(Field(name, element)) for name in ("start", "end")])
    if field.precision is not None and field.kind in _DECIMALS:
        return _DECIMALS[field.kind](field.precision, field.scale or 0)
    return arrow_type(field.value_type)


# Decimals of declared precision


def declared(rows: pa.Table, fields: Sequence[Field]) -> pa.Table:
    """Canonical rows with the decimals of parameterised columns in the scales that these declare."""
    columns = [
        pa.chunked_array([_rescaled(chunk, field) for chunk in column.chunks], type=None)
        if column.num_chunks and _is_rescaled(field)
        else column
        for column, field in zip(rows.columns, fields, strict=True)
    ]
    return pa.Table.from_arrays(columns, names=rows.column_names)


def _is_rescaled(field: Field) -> bool:
    if field.kind in _DECIMALS:
        return field.precision is not None and (field.scale or 0) != _SCALES[field.kind]
    return any(map(_is_rescaled, field.fields))


def _rescaled(array: pa.Array, field: Field) -> pa.Array:
    if not _is_rescaled(field):
        return array
    if field.mode is Mode.REPEATED:
        values = _rescaled_value(array.values, field)
        validity, offsets = array.buffers()[:2]
        target = pa.list_(pa.field("item", values.type))
        return pa.Array.from_buffers(
            target, len(array), [validity, offsets], array.null_count, array.offset, [values]
        )
    return _rescaled_value(array, field)


def _rescaled_value(array: pa.Array, field: Field) -> pa.Array:
    if field.kind is not TypeKind.STRUCT:
        return array.cast(_value_type(field))
    children = [_rescaled(array.field(i), f) for i, f in enumerate(field.fields)]
    fields = [pa.field(f"_{i}", child.type) for i, child in enumerate(children, 1)]
    return pa.StructArray.from_arrays(children, fields=fields, mask=array.is_null())
