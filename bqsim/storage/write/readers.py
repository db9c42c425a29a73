"""What reads a connection's rows: made from the writer's schema and the table's, kept while both last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from bqsim.catalog.resources import Table
from bqsim.storage.v1 import formats_pb2, write_pb2

if TYPE_CHECKING:
    from bqsim.types import Field

    from .rows import ReadRows, RowReader


class RowFormat(StrEnum):
    PROTO = "proto_rows"
    ARROW = "arrow_rows"


@dataclass(frozen=True, slots=True)
class WriterSchema:
    """The schema that a writer sent: a serialised ``ProtoSchema``, or an encapsulated Arrow schema."""

    format: RowFormat
    data: bytes


@dataclass(frozen=True, slots=True)
class Source:
    """The rows of a request as they came, with the schema that they were written by."""

    schema: WriterSchema
    payload: Any


class Readers:
    """The last reader of one destination of one connection."""

    def __init__(self) -> None:
        self._schema: WriterSchema | None = None
        self._fields: Sequence[Field] = ()
        self._reader: RowReader | None = None

    def read(self, table: Table, source: Source) -> ReadRows | None:
        """Read rows for ``table``; None when there are none. Raises StorageFailure when the writer's schema
        does not fit the table, or what came is no rows of it."""
        same = self._schema is source.schema or self._schema == source.schema
        if self._reader is None or not same or not _same_fields(self._fields, table.fields):
            self._reader = None
            self._reader = _reader(table, source.schema)
            self._schema, self._fields = source.schema, table.fields
        return self._reader.read(source.payload) if source.payload else None


def _same_fields(a: Sequence[Field], b: Sequence[Field]) -> bool:
    return a is b or a == b


def _reader(table: Table, schema: WriterSchema) -> RowReader:
    # Numpy, Arrow and the decoder are imported when the first rows come.
    from .rows import arrow_reader, proto_reader

    reader: RowReader
    if schema.format is RowFormat.ARROW:
        reader = arrow_reader(table, schema.data)
    else:
        reader = proto_reader(table, formats_pb2.ProtoSchema.FromString(schema.data))
    return reader


def writer_schema(request: write_pb2.AppendRowsRequest, format_: RowFormat) -> WriterSchema | None:
    """The schema in a request; None when it has none."""
    if format_ is RowFormat.ARROW:
        data = request.arrow_rows.writer_schema.serialized_schema
        return WriterSchema(format_, data) if data else None
    if not request.proto_rows.HasField("writer_schema"):
        return None
    return WriterSchema(format_, request.proto_rows.writer_schema.SerializeToString())


def payload(request: write_pb2.AppendRowsRequest, format_: RowFormat) -> Any:
    """The rows in a request, as their reader takes them; empty without rows."""
    if format_ is RowFormat.ARROW:
        return request.arrow_rows.rows.serialized_record_batch
    return request.proto_rows.rows.serialized_rows
