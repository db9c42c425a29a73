"""Rows as Avro records, one after another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from bqsim.codecs.avro import RowEncoder, avro_schema
from bqsim.types import Field

from .arrow_format import MAX_MESSAGE_BYTES, MESSAGE_BYTES
from .messages import AVRO_ROWS, AVRO_SCHEMA, schema_field

if TYPE_CHECKING:
    import pyarrow as pa

    from bqsim.storage.v1 import stream_pb2


class AvroFormat:
    """Encodes canonical rows of ``fields``. ``schema`` is the JSON text of the record's schema."""

    rows_tag = AVRO_ROWS

    def __init__(self, fields: Sequence[Field]) -> None:
        self.fields = tuple(fields)
        self.schema = avro_schema(self.fields)
        self.key = ("avro", self.schema)
        self.schema_field = schema_field(AVRO_SCHEMA, self.schema.encode())
        self._encoder = RowEncoder(self.fields)

    def describe(self, session: stream_pb2.ReadSession) -> None:
        """Put the schema into a session."""
        session.avro_schema.schema = self.schema

    def payloads(self, rows: pa.Table) -> Iterator[tuple[Any, int]]:
        """Records of about one message each, with their numbers, in order."""
        for data, ends in self._encoder.batches(rows):
            yield from _cut(data, ends)


def _cut(data: bytes, ends: Any) -> Iterator[tuple[Any, int]]:
    """Records in parts of about the size of a message, all alike."""
    import numpy as np

    records = memoryview(data)
    size = len(data) / max(1, round(len(data) / MESSAGE_BYTES))
    start = done = 0
    while done < len(ends):
        # The row that reaches the wanted size is the last, unless that makes the message too large.
        upto = min(int(np.searchsorted(ends, start + size)) + 1, len(ends))
        if int(ends[upto - 1]) - start > MAX_MESSAGE_BYTES and upto - done > 1:
            upto -= 1
        end = int(ends[upto - 1])
        yield records[start:end], upto - done
        start, done = end, upto
