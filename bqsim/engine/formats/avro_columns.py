"""Avro records into canonical columns, a whole file at a time.

What is unusual (unions of several types, values that do not fit their fields) is left to the reader that goes
value by value, which also has the messages.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from bqsim.codecs.avro.decoder import (
    ARRAY,
    BOOLEAN,
    DOUBLE,
    FIXED,
    FLOAT,
    LONG,
    RECORD,
    STRING,
    Column,
    Node,
    NoPlan,
    decode,
    plan_of,
)
from bqsim.types import Field, Mode, TypeKind
from bqsim.types.arrow import arrow_type, null_table, table_of

from .arrow_columns import in_range
from .texts import convert

# How many bytes of blocks are decoded at once.
_AT_ONCE = 32 * 1024 * 1024
# How time comes in a long: the Arrow type of the raw values, by logical type.
_TIMES: dict[str, pa.DataType] = {
    "date": pa.date32(),
    "time-millis": pa.time32("ms"),
    "time-micros": pa.time64("us"),
    "timestamp-millis": pa.timestamp("ms"),
    "timestamp-micros": pa.timestamp("us"),
    "local-timestamp-millis": pa.timestamp("ms"),
    "local-timestamp-micros": pa.timestamp("us"),
}
# Kinds that raw longs with a logical type are read as.
_TIME_KINDS: dict[TypeKind, tuple[str, ...]] = {
    TypeKind.DATE: ("date",),
    TypeKind.TIME: ("time-millis", "time-micros"),
    TypeKind.DATETIME: tuple(n for n in _TIMES if "timestamp" in n),
    TypeKind.TIMESTAMP: tuple(n for n in _TIMES if "timestamp" in n),
}


def columns_of(
    schema: Any, named: dict[str, Any], blocks: Sequence[tuple[int, bytes]], fields: Sequence[Field]
) -> pa.Table | None:
    """The records of uncompressed blocks as canonical rows of ``fields``; None when some are unusual."""
    try:
        plan = plan_of(schema, named)
        parts = [_rows(decode(plan, chunk), fields) for chunk in _chunks(blocks)]
    except (NoPlan, pa.ArrowException, UnicodeDecodeError, OverflowError):
        return None
    return pa.concat_tables(parts) if parts else null_table(fields, 0)


def _chunks(blocks: Sequence[tuple[int, bytes]]) -> list[list[tuple[int, bytes]]]:
    chunks: list[list[tuple[int, bytes]]] = []
    size = _AT_ONCE
    for block in blocks:
        if size >= _AT_ONCE:
            chunks.append([])
            size = 0
        chunks[-1].append(block)
        size += len(block[1])
    return chunks


def _rows(record: Column, fields: Sequence[Field]) -> pa.Table:
    if not fields:
        return null_table(fields, record.count)
    return table_of(_members(record, fields))


def _members(record: Column, fields: Sequence[Field]) -> list[pa.Array]:
    """The columns of a record for ``fields``, by name; what it lacks is NULL."""
    by_name = {c.node.name.casefold(): c for c in record.children}
    columns = []
    for field in fields:
        column = by_name.get(field.name.casefold())
        if column is not None:
            columns.append(_array(column, field, record.valid))
        elif field.mode is Mode.REPEATED:
            empty = pa.array([0] * (record.count + 1), pa.int32())
            columns.append(pa.ListArray.from_arrays(empty, pa.nulls(0, arrow_type(field.value_type))))
        elif field.mode is Mode.REQUIRED:
            raise NoPlan
        else:
            columns.append(pa.nulls(record.count, arrow_type(field.type)))
    return columns


def _array(column: Column, field: Field, within: Any = None) -> pa.Array:
    """The values of a node as those of ``field``. ``within`` tells the records that are there."""
    repeated = field.mode is Mode.REPEATED
    if repeated != (column.node.kind == ARRAY):
        raise NoPlan
    if repeated:
        item = column.children[0]
        values = _array(item, replace(field, mode=Mode.NULLABLE))
        if values.null_count:
            raise NoPlan
        offsets = pa.array(column.offsets, pa.int32())
        return pa.ListArray.from_arrays(offsets, values, type=arrow_type(field.type))
    if field.mode is Mode.REQUIRED and column.valid is not None:
        present = column.valid if within is None else column.valid | ~within
        if not present.all():
            raise NoPlan
    mask = None if column.valid is None else pa.py_buffer(np.packbits(column.valid, bitorder="little"))
    if column.node.kind == RECORD:
        if field.kind is not TypeKind.STRUCT:
            raise NoPlan
        children = _members(column, field.fields)
        return pa.Array.from_buffers(arrow_type(field.type), column.count, [mask], children=children)
    return _scalar(column, field, mask)


def _scalar(column: Column, field: Field, mask: Any) -> pa.Array:
    node, kind = column.node, field.kind
    label = _label(node)
    if label == "decimal":
        return _decimals(column, field, mask)
    take = _TAKE.get((node.kind, kind))
    if take is None:
        raise NoPlan
    found = take(column, field, mask, label)
    return found if found.type == arrow_type(field.type) else found.cast(arrow_type(field.type))


def _label(node: Node) -> str:
    return str(node.schema.get("logicalType", "")) if isinstance(node.schema, dict) else ""


def _is_enum(node: Node) -> bool:
    return isinstance(node.schema, dict) and node.schema.get("type") == "enum"


def _plain(column: Column, type_: pa.DataType, mask: Any) -> pa.Array:
    return pa.Array.from_buffers(type_, column.count, [mask, pa.py_buffer(column.data)])


def _long(column: Column, field: Field, mask: Any, label: str) -> pa.Array:
    # Logical types that a load does not look at leave the number as it is.
    if _is_enum(column.node):
        raise NoPlan
    return _plain(column, pa.int64(), mask)


def _time(column: Column, field: Field, mask: Any, label: str) -> pa.Array:
    if label not in _TIME_KINDS[field.kind]:
        raise NoPlan
    raw = _plain(column, pa.int64(), mask)
    type_ = _TIMES[label]
    if type_.bit_width == 32:
        raw = raw.cast(pa.int32())
    times = raw.cast(type_)
    if pa.types.is_time32(type_):
        times = times.cast(pa.time64("us"))
    if field.kind in (TypeKind.DATETIME, TypeKind.TIMESTAMP):
        times = times.cast(pa.timestamp("us"))
        if field.kind is TypeKind.TIMESTAMP:
            times = times.cast(pa.timestamp("us", "UTC"))
    return _within(times, field.kind)


def _within(times: pa.Array, kind: TypeKind) -> pa.Array:
    if not in_range(times, kind):
        raise NoPlan
    return times


def _enum(column: Column, field: Field, mask: Any, label: str) -> pa.Array:
    if not _is_enum(column.node):
        raise NoPlan
    symbols = pa.array(column.node.schema["symbols"], pa.string())
    return symbols.take(_plain(column, pa.int64(), mask))


def _float(column: Column, field: Field, mask: Any, label: str) -> pa.Array:
    return _plain(column, pa.float32() if column.node.kind == FLOAT else pa.float64(), mask)


def _bool(column: Column, field: Field, mask: Any, label: str) -> pa.Array:
    bits = pa.py_buffer(np.packbits(column.data != 0, bitorder="little"))
    return pa.Array.from_buffers(pa.bool_(), column.count, [mask, bits])


def _strings(column: Column, mask: Any, type_: pa.DataType) -> pa.Array:
    buffers = [mask, pa.py_buffer(column.offsets), pa.py_buffer(column.data)]
    found = pa.Array.from_buffers(type_, column.count, buffers)
    if pa.types.is_string(type_):
        found.validate(full=True)
    return found


def _string(column: Column, field: Field, mask: Any, label: str) -> pa.Array:
    return _strings(column, mask, pa.string())


def _bytes(column: Column, field: Field, mask: Any, label: str) -> pa.Array:
    return _strings(column, mask, pa.binary())


def _text(column: Column, field: Field, mask: Any, label: str) -> pa.Array:
    if column.node.schema == "bytes" or _type(column.node) == "bytes":
        raise NoPlan
    texts = _strings(column, mask, pa.string())
    found, wrong = convert(pa.chunked_array([texts]), field)
    if wrong:
        raise NoPlan
    return found.combine_chunks() if found.num_chunks != 1 else found.chunk(0)


def _type(node: Node) -> str:
    return str(node.schema["type"]) if isinstance(node.schema, dict) else str(node.schema)


def _fixed(column: Column, field: Field, mask: Any, label: str) -> pa.Array:
    size = column.node.size
    offsets = np.arange(column.count + 1, dtype=np.int64) * size
    if len(offsets) and offsets[-1] >= 1 << 31:
        raise NoPlan
    buffers = [mask, pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(column.data)]
    return pa.Array.from_buffers(pa.binary(), column.count, buffers)


def _decimals(column: Column, field: Field, mask: Any) -> pa.Array:
    """Two's complement numbers, the highest byte first, of any length."""
    if field.kind not in (TypeKind.NUMERIC, TypeKind.BIGNUMERIC) or column.node.kind not in (STRING, FIXED):
        raise NoPlan
    precision, scale = int(column.node.schema.get("precision", 38)), int(column.node.schema.get("scale", 0))
    width = 16 if precision <= 38 else 32
    if precision > 76 or column.count == 0:
        if column.count:
            raise NoPlan
        return pa.nulls(0, arrow_type(field.type))
    if column.node.kind == FIXED:
        ends = np.arange(1, column.count + 1, dtype=np.int64) * column.node.size
        starts = ends - column.node.size
    else:
        starts, ends = column.offsets[:-1].astype(np.int64), column.offsets[1:].astype(np.int64)
    if (ends - starts).max() > width:
        raise NoPlan
    data = column.data if len(column.data) else np.zeros(1, np.uint8)
    filled = ends > starts
    negative = filled & (data[np.minimum(starts, len(data) - 1)] >= 128)
    sign = np.where(negative, 255, 0).astype(np.uint8)
    numbers = np.empty((column.count, width), np.uint8)
    for place in range(width):
        at = ends - 1 - place
        numbers[:, place] = np.where(at >= starts, data[np.maximum(at, 0)], sign)
    type_ = pa.decimal128(precision, scale) if width == 16 else pa.decimal256(precision, scale)
    raw = pa.Array.from_buffers(type_, column.count, [mask, pa.py_buffer(numbers)])
    raw.validate(full=True)
    return raw.cast(arrow_type(field.type))


Take = Callable[[Column, Field, Any, str], pa.Array]

_TAKE: dict[tuple[int, TypeKind], Take] = {
    (LONG, TypeKind.INT64): _long,
    (LONG, TypeKind.STRING): _enum,
    **{(LONG, kind): _time for kind in _TIME_KINDS},
    (FLOAT, TypeKind.FLOAT64): _float,
    (DOUBLE, TypeKind.FLOAT64): _float,
    (BOOLEAN, TypeKind.BOOL): _bool,
    (STRING, TypeKind.STRING): _string,
    (STRING, TypeKind.BYTES): _bytes,
    (FIXED, TypeKind.BYTES): _fixed,
    **{
        (STRING, kind): _text
        for kind in TypeKind
        if kind not in (TypeKind.STRING, TypeKind.BYTES, TypeKind.STRUCT, TypeKind.RANGE)
    },
}
