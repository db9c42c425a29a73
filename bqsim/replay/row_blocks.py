"""Recorded Arrow streams and blocks of Avro records as canonical columns, and the fields that they tell."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bqsim.types import Field, Mode, TypeKind
from bqsim.types.arrow import arrow_type, from_numpy, null_table, table_of, to_numpy

from .row_texts import scalar_column

_IS = pa.types
_EXTENSION, _EXTENSION_PREFIX = b"ARROW:extension:name", "google:sqltype:"
_INTEGERS: dict[str, TypeKind] = {
    "date": TypeKind.DATE,
    "time-micros": TypeKind.TIME,
    "timestamp-micros": TypeKind.TIMESTAMP,
    "local-timestamp-micros": TypeKind.DATETIME,
}


# Arrow


def read_stream(data: bytes) -> pa.Table:
    """The record batches of an IPC stream. ``ValueError`` when it is damaged."""
    try:
        with pa.ipc.open_stream(data) as reader:
            return reader.read_all()
    except (pa.ArrowException, OSError, EOFError) as error:
        raise ValueError(f"the Arrow stream cannot be read: {error}") from None


def table_of_arrow(rows: pa.Table, fields: Sequence[Field]) -> pa.Table:
    """Columns as the service or an emulator gives them as canonical columns of ``fields``, by name.

    ``KeyError`` names a field that the rows lack; ``ValueError`` for values that are none of its type.
    """
    if not fields:
        return null_table(fields, rows.num_rows)
    places = {name.casefold(): i for i, name in enumerate(rows.column_names)}
    columns = []
    for field in fields:
        column = rows.column(_place(places, field))
        chunks = [_arrow(chunk, field) for chunk in column.chunks]
        columns.append(pa.chunked_array(chunks, arrow_type(field.type)))
    return table_of(columns)


def _place(places: dict[str, int], field: Field) -> int:
    at = places.get(field.name.casefold())
    if at is None:
        raise KeyError(field.name)
    return at


def _arrow(array: Any, field: Field) -> pa.Array:
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    if _IS.is_dictionary(array.type):
        array = array.dictionary_decode()
    target = arrow_type(field.type)
    if _IS.is_null(array.type) and field.mode is not Mode.REPEATED:
        return pa.nulls(len(array), target)
    if field.mode is Mode.REPEATED:
        return _lists(array, field)
    if field.kind is TypeKind.STRUCT:
        places = {f.name.casefold(): i for i, f in enumerate(array.type)}
        children = [_arrow(array.field(_place(places, f)), f) for f in field.fields]
        return _struct(children, target, array)
    if field.kind is TypeKind.RANGE and _IS.is_struct(array.type):
        bound = Field("", field.range_element or TypeKind.DATE)
        return _struct([_arrow(array.field(i), bound) for i in range(2)], target, array)
    return _cast(array, field, target)


def _lists(array: Any, field: Field) -> pa.Array:
    """Lists with their elements in canonical form; NULL is an empty list, as in all results."""
    if _IS.is_null(array.type):
        offsets, items = np.zeros(len(array) + 1, np.int32), pa.nulls(0)
    else:
        lengths = to_numpy(pc.fill_null(pc.list_value_length(array), 0).cast(pa.int32()), 0)
        offsets, items = np.zeros(len(array) + 1, np.int32), array.flatten()
        np.cumsum(lengths, out=offsets[1:])
    values = _arrow(items, replace(field, mode=Mode.NULLABLE))
    return pa.ListArray.from_arrays(from_numpy(offsets), values).cast(arrow_type(field.type))


def _struct(children: list[pa.Array], target: Any, array: Any) -> pa.Array:
    if not children:
        return pa.array([None if v is None else {} for v in array.to_pylist()], target)
    return pa.StructArray.from_arrays(children, fields=list(target), mask=array.is_null())


def _cast(array: Any, field: Field, target: pa.DataType) -> pa.Array:
    if array.type == target:
        return array
    is_text = _IS.is_string(array.type) or _IS.is_large_string(array.type)
    if is_text and target != pa.string():
        return scalar_column(array.cast(pa.string()), field)
    # Finer digits of times are cut off; a zone is the service's, UTC.
    if _IS.is_timestamp(target) and _IS.is_timestamp(array.type):
        return pc.cast(array, pa.timestamp("us", array.type.tz), safe=False).view(target)
    try:
        return pc.cast(array, target)
    except pa.ArrowException as error:
        raise ValueError(f"column {field.name} of type {array.type}: {error}") from None


def fields_of_arrow(schema: pa.Schema) -> tuple[Field, ...]:
    """The fields that an Arrow schema of the service tells of."""
    return tuple(map(_field_of_arrow, schema))


def _field_of_arrow(field: pa.Field) -> Field:
    type_ = field.type
    if _IS.is_list(type_) or _IS.is_large_list(type_):
        inner = pa.field(field.name, type_.value_type, metadata=field.metadata or type_.value_field.metadata)
        return replace(_field_of_arrow(inner), mode=Mode.REPEATED)
    mode = Mode.NULLABLE if field.nullable else Mode.REQUIRED
    if _IS.is_struct(type_):
        nested = tuple(map(_field_of_arrow, type_))
        names = tuple(f.name for f in nested)
        kinds = {f.kind for f in nested}
        if names == ("start", "end") and len(kinds) == 1 and kinds <= _BOUNDS:
            return Field(field.name, TypeKind.RANGE, mode, range_element=nested[0].kind)
        return Field(field.name, TypeKind.STRUCT, mode, nested)
    return Field(field.name, _kind_of_arrow(type_, field.metadata or {}), mode)


_BOUNDS = {TypeKind.DATE, TypeKind.DATETIME, TypeKind.TIMESTAMP}


def _kind_of_arrow(type_: Any, metadata: Any) -> TypeKind:
    named = metadata.get(_EXTENSION, b"").decode()
    if named.casefold().startswith(_EXTENSION_PREFIX):
        kind = named[len(_EXTENSION_PREFIX) :].upper()
        if kind in TypeKind.__members__:
            return TypeKind(kind)
    if _IS.is_timestamp(type_):
        return TypeKind.TIMESTAMP if type_.tz else TypeKind.DATETIME
    for is_type, kind in (
        (_IS.is_boolean, TypeKind.BOOL),
        (_IS.is_integer, TypeKind.INT64),
        (_IS.is_floating, TypeKind.FLOAT64),
        (_IS.is_decimal128, TypeKind.NUMERIC),
        (_IS.is_decimal256, TypeKind.BIGNUMERIC),
        (_IS.is_date, TypeKind.DATE),
        (_IS.is_time, TypeKind.TIME),
        (_IS.is_interval, TypeKind.INTERVAL),
        (_IS.is_binary, TypeKind.BYTES),
        (_IS.is_large_binary, TypeKind.BYTES),
    ):
        if is_type(type_):
            return kind
    return TypeKind.STRING


# Avro


def table_of_avro(schema: str | dict[str, Any], data: bytes, count: int, fields: Sequence[Field]) -> pa.Table:
    """``count`` Avro records, one after another, as canonical columns of ``fields``, by name.

    ``KeyError`` names a field that the rows lack; ``ValueError`` for what are no such records.
    """
    from bqsim.codecs.avro.decoder import NoPlan, decode, plan_of

    body = json.loads(schema) if isinstance(schema, str) else schema
    if not fields or not count:
        return null_table(fields, count)
    try:
        record = decode(plan_of(body, _named(body)), [(count, data)])
    except NoPlan:
        raise ValueError("the records are not those of their Avro schema") from None
    return table_of(_members(record, fields, body["fields"]))


def _members(record: Any, fields: Sequence[Field], declared: Sequence[Any] = ()) -> list[pa.Array]:
    shown = {str(d.get("displayName", d["name"])).casefold(): i for i, d in enumerate(declared)}
    places = {c.node.name.casefold(): i for i, c in enumerate(record.children)}
    found = []
    for field in fields:
        found.append(_avro(record.children[_place({**places, **shown}, field)], field))
    return found


def _avro(column: Any, field: Field) -> pa.Array:
    from bqsim.codecs.avro.decoder import ARRAY, RECORD

    target: Any = arrow_type(field.type)
    if field.mode is Mode.REPEATED:
        if column.node.kind != ARRAY:
            raise ValueError(f"{field.name} is not repeated in the Avro records")
        values = _avro(column.children[0], replace(field, mode=Mode.NULLABLE))
        offsets = from_numpy(np.ascontiguousarray(column.offsets, np.int32))
        return pa.ListArray.from_arrays(offsets, values).cast(target)
    mask = None if column.valid is None else pa.py_buffer(np.packbits(column.valid, bitorder="little"))
    if column.node.kind == RECORD:
        schema = column.node.schema
        if field.kind is TypeKind.RANGE:
            bound = Field("", field.range_element or TypeKind.DATE)
            children = [_avro(c, bound) for c in column.children]
        else:
            children = _members(column, field.fields, (schema or {}).get("fields", ()))
        return pa.Array.from_buffers(target, column.count, [mask], children=children)
    found = _leaf(column, mask)
    label = _logical(column.node)
    if label == "decimal":
        return _decimals(column, field, mask)
    if field.kind in (TypeKind.DATE, TypeKind.TIME, TypeKind.DATETIME, TypeKind.TIMESTAMP) and _IS.is_int64(
        found.type
    ):
        return found.cast(pa.int32()).view(target) if field.kind is TypeKind.DATE else found.view(target)
    if _IS.is_string(found.type) and target != pa.string():
        return scalar_column(found, field)
    return found if found.type == target else pc.cast(found, target)


def _leaf(column: Any, mask: Any) -> pa.Array:
    from bqsim.codecs.avro.decoder import BOOLEAN, DOUBLE, FLOAT, LONG, STRING

    node, count = column.node, column.count
    if node.kind == BOOLEAN:
        bits = pa.py_buffer(np.packbits(column.data != 0, bitorder="little"))
        return pa.Array.from_buffers(pa.bool_(), count, [mask, bits])
    if node.kind == STRING:
        buffers = [mask, pa.py_buffer(column.offsets), pa.py_buffer(column.data)]
        is_bytes = (node.schema["type"] if isinstance(node.schema, dict) else node.schema) == "bytes"
        return pa.Array.from_buffers(pa.binary() if is_bytes else pa.string(), count, buffers)
    types = {LONG: pa.int64(), FLOAT: pa.float32(), DOUBLE: pa.float64()}
    if node.kind not in types:
        raise ValueError(f"Avro's {node.schema} is not what the service gives")
    return pa.Array.from_buffers(types[node.kind], count, [mask, pa.py_buffer(column.data)])


def _decimals(column: Any, field: Field, mask: Any) -> pa.Array:
    """Two's complement numbers of any length, the highest byte first."""
    type_: Any = arrow_type(field.value_type)
    scale = int(column.node.schema.get("scale", 0))
    width = type_.bit_width // 8
    starts, ends = column.offsets[:-1].astype(np.int64), column.offsets[1:].astype(np.int64)
    if column.count and int((ends - starts).max()) > width:
        raise ValueError(f"{field.name} has decimals of more than {width} bytes")
    data = column.data if len(column.data) else np.zeros(1, np.uint8)
    negative = (ends > starts) & (data[np.minimum(starts, len(data) - 1)] >= 128)
    sign = np.where(negative, 255, 0).astype(np.uint8)
    numbers = np.empty((column.count, width), np.uint8)
    for place in range(width):
        at = ends - 1 - place
        numbers[:, place] = np.where(at >= starts, data[np.maximum(at, 0)], sign)
    raw: Any = (pa.decimal128 if width == 16 else pa.decimal256)(type_.precision, scale)
    found = pa.Array.from_buffers(raw, column.count, [mask, pa.py_buffer(numbers)])
    return found if raw == type_ else found.cast(type_)


def _logical(node: Any) -> str:
    return str(node.schema.get("logicalType", "")) if isinstance(node.schema, dict) else ""


def _named(schema: Any, found: dict[str, Any] | None = None) -> dict[str, Any]:
    """The named types of a schema, by their names with and without namespace."""
    found = {} if found is None else found
    if isinstance(schema, list):
        for item in schema:
            _named(item, found)
    elif isinstance(schema, dict):
        if "name" in schema and schema.get("type") in ("record", "enum", "fixed"):
            found[schema["name"]] = schema
            if schema.get("namespace"):
                found[f"{schema['namespace']}.{schema['name']}"] = schema
        for part in (schema.get("items"), schema.get("values"), schema.get("type")):
            if isinstance(part, (dict, list)):
                _named(part, found)
        for member in schema.get("fields", ()):
            _named(member.get("type"), found)
    return found


def fields_of_avro(schema: str | dict[str, Any]) -> tuple[Field, ...]:
    """The fields that an Avro schema of the service tells of."""
    body = json.loads(schema) if isinstance(schema, str) else schema
    named = _named(body)
    return tuple(_field_of_avro(f.get("displayName", f["name"]), f["type"], named) for f in body["fields"])


def _field_of_avro(name: str, type_: Any, named: dict[str, Any]) -> Field:
    mode = Mode.REQUIRED
    if isinstance(type_, list):
        mode, type_ = Mode.NULLABLE, next(t for t in type_ if t != "null")
    if isinstance(type_, str):
        if type_ in named:
            type_ = named[type_]
        else:
            return Field(name, _AVRO[type_], mode)
    if type_["type"] == "array":
        return replace(_field_of_avro(name, type_["items"], named), mode=Mode.REPEATED)
    if type_["type"] == "record":
        nested = tuple(
            _field_of_avro(f.get("displayName", f["name"]), f["type"], named) for f in type_["fields"]
        )
        if type_.get("sqlType") == "RANGE":
            return Field(name, TypeKind.RANGE, mode, range_element=nested[0].kind)
        return Field(name, TypeKind.STRUCT, mode, nested)
    label = type_.get("logicalType", "")
    if label == "decimal":
        wide = int(type_.get("precision", 38)) > 38 or int(type_.get("scale", 0)) > 9
        return Field(name, TypeKind.BIGNUMERIC if wide else TypeKind.NUMERIC, mode)
    kind = _INTEGERS.get(label) or (TypeKind.DATETIME if label == "datetime" else None)
    return Field(name, kind or TypeKind(type_.get("sqlType", _AVRO[type_["type"]])), mode)


_AVRO: dict[str, TypeKind] = {
    "long": TypeKind.INT64,
    "int": TypeKind.INT64,
    "float": TypeKind.FLOAT64,
    "double": TypeKind.FLOAT64,
    "boolean": TypeKind.BOOL,
    "string": TypeKind.STRING,
    "bytes": TypeKind.BYTES,
}
