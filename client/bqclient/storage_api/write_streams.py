"""Write streams as the service describes them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bqclient.errors import UsageError
from bqclient.models.references import TableReference
from bqclient.models.schema import Field, Schema
from bqclient.wire import stream_pb2, table_pb2

TYPES = ("COMMITTED", "PENDING", "BUFFERED")
DEFAULT = "DEFAULT"

_Type = table_pb2.TableFieldSchema.Type
_Mode = table_pb2.TableFieldSchema.Mode
_NAME = re.compile(r"projects/([^/]+)/datasets/([^/]+)/tables/([^/]+)/(?:streams/)?([^/]+)\Z")
# Kinds that GoogleSQL calls otherwise.
_KINDS = {"DOUBLE": "FLOAT64"}


@dataclass(frozen=True, slots=True)
class WriteStream:
    """A stream of appends to a table.

    ``type``: COMMITTED (rows are visible at once), PENDING (when the stream is committed), BUFFERED (up to
    the flushed offset), or DEFAULT (at once, and without offsets: at least once).
    """

    name: str
    type: str
    table: TableReference
    location: str = ""
    schema: Schema | None = None
    created: datetime | None = None
    committed: datetime | None = None

    @property
    def offsets(self) -> bool:
        """Whether appends have offsets, and are stored exactly once."""
        return self.type != DEFAULT

    @classmethod
    def from_api(cls, message: Any) -> WriteStream:
        """From the API's message."""
        table, name = split_name(message.name)
        default = name == "_default"
        return cls(
            message.name,
            DEFAULT if default else stream_pb2.WriteStream.Type.Name(message.type),
            table,
            message.location,
            schema_of(message.table_schema) if message.HasField("table_schema") else None,
            _time(message, "create_time"),
            _time(message, "commit_time"),
        )

    def __str__(self) -> str:
        return self.name


def split_name(name: str) -> tuple[TableReference, str]:
    """The table and the last part of a stream's name. Raises UsageError."""
    found = _NAME.match(name)
    if found is None:
        raise UsageError(f"{name!r} is no name of a write stream.")
    return TableReference(found[1], found[2], found[3]), found[4]


def default_name(table: TableReference) -> str:
    """The name of a table's default stream."""
    return f"{table.path}/streams/_default"


def check_type(type_: str, *, default: bool = False) -> str:
    """The type in capitals. Raises UsageError."""
    plain = type_.upper()
    allowed = (*TYPES, DEFAULT) if default else TYPES
    if plain not in allowed:
        raise UsageError(f"{type_!r} is no type of a write stream: {', '.join(allowed)}.")
    return plain


def schema_of(message: Any) -> Schema:
    """The schema that a TableSchema message describes."""
    return Schema(tuple(_field(f) for f in message.fields))


def _field(message: Any) -> Field:
    kind = _Type.Name(message.type)
    element = _Type.Name(message.range_element_type.type) if kind == "RANGE" else None
    mode = _Mode.Name(message.mode) if message.mode else "NULLABLE"
    return Field(
        message.name,
        _KINDS.get(kind, kind),
        mode,
        tuple(_field(f) for f in message.fields),
        message.description or None,
        message.precision or None,
        (message.scale or 0) if message.precision else None,
        message.max_length or None,
        message.default_value_expression or None,
        element,
    )


def _time(message: Any, name: str) -> datetime | None:
    if not message.HasField(name):
        return None
    made: datetime = getattr(message, name).ToDatetime(tzinfo=UTC)
    return made
