"""Rows as Avro records, made into Arrow record batches. Needs the extra ``avro``.

The record batches are those that sessions of ARROW give, except that INTERVAL values are texts.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from io import BytesIO
from typing import TYPE_CHECKING, Any

from bqclient.errors import StorageError, UsageError

if TYPE_CHECKING:
    import pyarrow as pa

    from .messages import Message

_EXTENSION = "ARROW:extension:name"
# What Arrow tells of texts that are more than texts.
_METADATA: Mapping[str, Mapping[str, str]] = {
    "JSON": {_EXTENSION: "google:sqlType:json"},
    "GEOGRAPHY": {_EXTENSION: "google:sqlType:geography", "ARROW:extension:metadata": '{"encoding": "WKT"}'},
    "datetime": {_EXTENSION: "google:sqlType:datetime"},
}
# Digits of NUMERIC, behind the point too, and of the widest decimal of Arrow.
_NARROW, _NARROW_SCALE, _WIDEST = 38, 9, 76


def schema_of_avro(text: str, *, datetimes: bool = True) -> pa.Schema:
    """The Arrow schema of a session's Avro schema; without ``datetimes`` they are texts, as sent."""
    import pyarrow as pa

    walk = _Walk(datetimes)
    return pa.schema([walk.field(field) for field in json.loads(text)["fields"]])


class _Walk:
    """Goes through a schema; records that were there before are named only."""

    def __init__(self, datetimes: bool) -> None:
        self._datetimes = datetimes
        self._records: dict[str, Any] = {}

    def field(self, field: Mapping[str, Any]) -> pa.Field:
        import pyarrow as pa

        kind, nullable = field["type"], False
        if isinstance(kind, list):
            [kind] = [choice for choice in kind if choice != "null"]
            nullable = True
        told = kind if isinstance(kind, dict) else {}
        if isinstance(told.get("items"), dict):
            told = told["items"]
        metadata = _METADATA.get(told.get("sqlType") or told.get("logicalType") or "")
        return pa.field(field["name"], self.type(kind), nullable, metadata)

    def type(self, kind: Any) -> pa.DataType:
        import pyarrow as pa

        if not isinstance(kind, dict):
            return _plain().get(kind) or self._records[kind]
        logical = kind.get("logicalType")
        if logical == "decimal":
            precision, scale = min(kind["precision"], _WIDEST), kind["scale"]
            narrow = precision <= _NARROW and scale <= _NARROW_SCALE
            return (pa.decimal128 if narrow else pa.decimal256)(precision, scale)
        if logical == "datetime" and not self._datetimes:
            return pa.string()
        if logical in (known := _logical()):
            return known[logical]
        if kind["type"] == "array":
            return pa.list_(pa.field("item", self.type(kind["items"])))
        if kind["type"] != "record":
            return _plain()[kind["type"]]
        made = pa.struct([self.field(inner) for inner in kind["fields"]])
        full = ".".join(part for part in (kind.get("namespace"), kind["name"]) if part)
        self._records[kind["name"]] = self._records[full] = made
        return made


def _plain() -> Mapping[str, pa.DataType]:
    import pyarrow as pa

    return {
        "boolean": pa.bool_(),
        "bytes": pa.binary(),
        "double": pa.float64(),
        "int": pa.int32(),
        "long": pa.int64(),
        "string": pa.string(),
    }


def _logical() -> Mapping[str | None, pa.DataType]:
    import pyarrow as pa

    return {
        "date": pa.date32(),
        "datetime": pa.timestamp("us"),
        "time-micros": pa.time64("us"),
        "timestamp-micros": pa.timestamp("us", tz="UTC"),
    }


def avro_decoder(text: str) -> Callable[[Message], pa.RecordBatch]:
    """Decodes messages of a session with that schema. Raises UsageError without fastavro."""
    try:
        import fastavro
    except ImportError as error:
        raise UsageError("Rows as AVRO need fastavro: install bqclient[avro].") from error
    import pyarrow as pa

    from .decoding import payload_of

    parsed = fastavro.parse_schema(json.loads(text))
    sent, shown = schema_of_avro(text, datetimes=False), schema_of_avro(text)

    def decode(message: Message) -> pa.RecordBatch:
        data = BytesIO(payload_of(message))
        try:
            rows = [fastavro.schemaless_reader(data, parsed, None) for _ in range(message.row_count)]
        except (EOFError, ValueError, IndexError) as error:
            raise StorageError("Rows of a stream are no Avro data of the session's schema.") from error
        batch = pa.RecordBatch.from_pylist(rows, schema=sent)
        return batch if sent.equals(shown) else batch.cast(shown)

    return decode
