"""Rows as protocol buffer messages, of a type made from the table's schema.

The service takes changes (CDC) in this form only. Names of columns that cannot be names of fields are told by
the option that the service has for that.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from bqclient.errors import UsageError
from bqclient.models.schema import Field, Schema

from .payloads import MAX_REQUEST_BYTES, TARGET_BYTES, Payload, WriterSchema, check_size, varint

_F = descriptor_pb2.FieldDescriptorProto
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
# google.cloud.bigquery.storage.v1.column_name, an extension of FieldOptions.
_COLUMN_NAME_TAG = varint(454943157 << 3 | 2)
_ROW_TAG = b"\x0a"
_HEAD_BYTES = 8_192
_EPOCH = date(1970, 1, 1).toordinal()
_INSTANT = datetime(1970, 1, 1, tzinfo=UTC)
# Columns of changes, beside those of the table.
CHANGE_TYPE, CHANGE_NUMBER = "_CHANGE_TYPE", "_CHANGE_SEQUENCE_NUMBER"
_CHANGE_FIELDS = (Field(CHANGE_TYPE, "STRING"), Field(CHANGE_NUMBER, "STRING"))


def _days(value: Any) -> int:
    if isinstance(value, str):
        value = date.fromisoformat(value)
    if isinstance(value, datetime) or not isinstance(value, date):
        raise TypeError("a date")
    return value.toordinal() - _EPOCH


def _micros(value: Any) -> int:
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if not isinstance(value, datetime):
        raise TypeError("a datetime")
    if value.tzinfo is None:
        raise TypeError("a datetime with a zone")
    gone = value - _INSTANT
    return (gone.days * 86_400 + gone.seconds) * 1_000_000 + gone.microseconds


def _civil(kind: type[time] | type[datetime]) -> Callable[[Any], str]:
    def made(value: Any) -> str:
        if isinstance(value, str):
            return value
        if not isinstance(value, kind) or value.tzinfo is not None:
            raise TypeError(f"a {kind.__name__} without a zone")
        text: str = value.isoformat()
        return text

    return made


def _number(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, (int, str, Decimal, float)):
        raise TypeError("a Decimal")
    made = value if isinstance(value, Decimal) else Decimal(str(value))
    if not made.is_finite():
        raise ValueError("a finite number")
    return format(made, "f")


def _float(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal, str)):
        raise TypeError("a float")
    return float(value)


def _int(value: Any) -> int:
    if isinstance(value, float) and (not math.isfinite(value) or value != int(value)):
        raise ValueError("an integer")
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise TypeError("an int")
    return int(value)


def _typed(kind: type) -> Callable[[Any], Any]:
    def made(value: Any) -> Any:
        if not isinstance(value, kind):
            raise TypeError(f"a {kind.__name__}")
        return value

    return made


def _json(value: Any) -> str:
    inner = getattr(value, "value", value) if type(value).__name__ == "Json" else value
    return json.dumps(inner, allow_nan=False, ensure_ascii=False, separators=(",", ":"))


# By type: the type of the message's field, and what makes its value of a Python one.
_KINDS: Mapping[str, tuple[int, Callable[[Any], Any]]] = {
    "INT64": (_F.TYPE_INT64, _int),
    "FLOAT64": (_F.TYPE_DOUBLE, _float),
    "BOOL": (_F.TYPE_BOOL, _typed(bool)),
    "STRING": (_F.TYPE_STRING, _typed(str)),
    "BYTES": (_F.TYPE_BYTES, lambda v: bytes(_typed((bytes, bytearray, memoryview))(v))),  # type: ignore[arg-type]
    "DATE": (_F.TYPE_INT32, _days),
    "TIME": (_F.TYPE_STRING, _civil(time)),
    "DATETIME": (_F.TYPE_STRING, _civil(datetime)),
    "TIMESTAMP": (_F.TYPE_INT64, _micros),
    "NUMERIC": (_F.TYPE_STRING, _number),
    "BIGNUMERIC": (_F.TYPE_STRING, _number),
    "GEOGRAPHY": (_F.TYPE_STRING, str),
    "INTERVAL": (_F.TYPE_STRING, str),
    "JSON": (_F.TYPE_STRING, _json),
}


@dataclass(slots=True)
class ProtoRows:
    """Messages that are ready: ``descriptor`` is a DescriptorProto that needs no other, ``rows`` its
    serialised messages."""

    descriptor: Any
    rows: Sequence[bytes]

    def payloads(
        self, target: int = TARGET_BYTES, *, first: int = 0, keep: bool = False
    ) -> Iterator[Payload]:
        """The payloads in order. Raises LimitError for too large a row."""
        schema = WriterSchema.of_proto(self.descriptor)
        yield from _payloads(schema, self.rows, target, range(first, first + len(self.rows)), keep)


def _payloads(
    schema: WriterSchema, rows: Sequence[bytes], target: int, indices: Sequence[int], keep: bool
) -> Iterator[Payload]:
    room = MAX_REQUEST_BYTES - len(schema.encoded) - _HEAD_BYTES
    target = min(target, room)
    parts: list[bytes] = []
    size, begun = 0, 0

    def made(end: int) -> Payload:
        taken, places = rows[begun:end], indices[begun:end]

        def without(refused: frozenset[int]) -> Iterable[Payload]:
            left = [i for i in range(len(taken)) if i not in refused]
            chosen = [taken[i] for i in left]
            return _payloads(schema, chosen, target, [places[i] for i in left], True) if left else ()

        kept = places if not isinstance(places, range) else None
        return Payload(schema, parts, end - begun, places[0], kept=kept, without=without if keep else None)

    for number, row in enumerate(rows):
        head = _ROW_TAG + varint(len(row))
        whole = len(head) + len(row)
        if whole > room:
            check_size(whole + MAX_REQUEST_BYTES - room, f"Row {indices[number]}")
        if parts and size + whole > target:
            yield made(number)
            parts, size, begun = [], 0, number
        parts += (head, row)
        size += whole
    if parts:
        yield made(len(rows))


class Encoder:
    """Makes messages of dictionaries for one schema."""

    def __init__(self, schema: Schema) -> None:
        self.table = schema
        self.descriptor = descriptor_pb2.DescriptorProto(name="Row")
        fields = (*schema, *(f for f in _CHANGE_FIELDS if f.name not in schema.names))
        self._fill = _record(fields, self.descriptor)
        file = descriptor_pb2.FileDescriptorProto(name="rows.proto", package="bqclient.rows")
        file.message_type.add().CopyFrom(self.descriptor)
        pool = descriptor_pool.DescriptorPool()
        pool.Add(file)
        self._message = message_factory.GetMessageClass(pool.FindMessageTypeByName("bqclient.rows.Row"))

    def encode(self, rows: Iterable[Mapping[str, Any]], first: int = 0) -> ProtoRows:
        """The messages of rows. Raises UsageError naming row and field."""
        made = []
        for number, row in enumerate(rows, first):
            message = self._message()
            try:
                self._fill(message, row)
            except _Wrong as wrong:
                raise UsageError(f"Row {number}, field {wrong.path}: {wrong.needs}.") from None
            made.append(message.SerializeToString())
        return ProtoRows(self.descriptor, made)


class _Wrong(Exception):
    def __init__(self, path: str, needs: str) -> None:
        super().__init__(path)
        self.path, self.needs = path, needs


def _record(fields: Sequence[Field], out: Any) -> Callable[[Any, Mapping[str, Any]], None]:
    """Describe a message of fields in ``out``; what fills one of a mapping."""
    setters: dict[str, tuple[Field, Callable[[Any, Any], None]]] = {}
    for number, field in enumerate(fields, 1):
        plain = _PLAIN_NAME.match(field.name) is not None
        name = field.name if plain else f"column_{number}"
        added = out.field.add(name=name, number=number)
        added.label = _F.LABEL_REPEATED if field.repeated else _F.LABEL_OPTIONAL
        if not plain:
            text = field.name.encode()
            added.options.MergeFromString(_COLUMN_NAME_TAG + varint(len(text)) + text)
        setters[field.name.casefold()] = (field, _setter(field, name, added, out))

    def fill(message: Any, row: Mapping[str, Any]) -> None:
        for key, value in row.items():
            found = setters.get(key) or setters.get(key.casefold())
            if found is None:
                raise _Wrong(key, "the table has no such column")
            if value is None:
                continue
            field, put = found
            try:
                put(message, value)
            except _Wrong as wrong:
                raise _Wrong(f"{field.name}.{wrong.path}", wrong.needs) from None
            except (TypeError, ValueError, ArithmeticError, AttributeError):
                # Their texts may hold the value.
                raise _Wrong(field.name, f"{type(value).__name__} is no {field.type}") from None

    return fill


def _setter(field: Field, name: str, added: Any, out: Any) -> Callable[[Any, Any], None]:
    if field.type in ("STRUCT", "RANGE"):
        inner = out.nested_type.add(name=f"T{added.number}")
        added.type, added.type_name = _F.TYPE_MESSAGE, inner.name
        fields = field.fields
        if field.type == "RANGE":
            fields = (Field("start", field.element or "DATE"), Field("end", field.element or "DATE"))
        fill = _record(fields, inner)

        def one(target: Any, value: Any) -> None:
            target.SetInParent()
            fill(target, _mapping(value))

        def put_many(message: Any, values: Any) -> None:
            for value in values:
                one(getattr(message, name).add(), value)

        return put_many if field.repeated else lambda message, value: one(getattr(message, name), value)
    added.type, convert = _KINDS[field.type]

    def extend(message: Any, values: Any) -> None:
        if isinstance(values, (str, bytes, Mapping)):
            raise TypeError("an array")
        getattr(message, name).extend([convert(value) for value in values])

    return extend if field.repeated else lambda message, value: setattr(message, name, convert(value))


def _mapping(value: Any) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return value
    if hasattr(value, "start") and hasattr(value, "end"):
        return {"start": value.start, "end": value.end}
    raise TypeError("a mapping")
