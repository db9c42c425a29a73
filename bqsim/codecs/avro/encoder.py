"""Rows as Avro binary records, in bulk.

The records are written by the program ``encode.wat``, which walks a plan of the columns; this module lays
out the plan and the columns' buffers in its memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bqsim.codecs.wasm import Instance, program
from bqsim.types import Field, Mode, TypeKind
from bqsim.types.arrow import arrow_type
from bqsim.types.text import interval_text

from .schema import decimal_size

# A call of the program takes rows of about this size: few calls, and all of it in the processor's caches.
BATCH_BYTES = 4 * 1024 * 1024
# What the program may write after the last record, and read after a buffer.
_SLACK_BYTES = 64
# The largest Avro number, and the count and the end of an array.
_NUMBER_BYTES = 10
_NODE_WORDS = 8

# The program's kinds.
_LONG, _INT, _DOUBLE, _BOOLEAN, _BYTES, _DECIMAL, _WIDE, _DATETIME, _ARRAY, _RECORD = range(10)

_CODES: dict[TypeKind, int] = {
    TypeKind.INT64: _LONG,
    TypeKind.FLOAT64: _DOUBLE,
    TypeKind.NUMERIC: _DECIMAL,
    TypeKind.BIGNUMERIC: _WIDE,
    TypeKind.BOOL: _BOOLEAN,
    TypeKind.STRING: _BYTES,
    TypeKind.BYTES: _BYTES,
    TypeKind.DATE: _INT,
    TypeKind.TIME: _LONG,
    TypeKind.DATETIME: _DATETIME,
    TypeKind.TIMESTAMP: _LONG,
    TypeKind.INTERVAL: _BYTES,
    TypeKind.JSON: _BYTES,
    TypeKind.GEOGRAPHY: _BYTES,
    TypeKind.RANGE: _RECORD,
    TypeKind.STRUCT: _RECORD,
}
# Bytes of a value of fixed width in Arrow, and at most in Avro.
_WIDTHS: dict[int, tuple[int, int]] = {
    _LONG: (8, _NUMBER_BYTES),
    _INT: (4, 5),
    _DOUBLE: (8, 8),
    _DECIMAL: (16, 17),
    _WIDE: (32, 33),
    _DATETIME: (8, 27),
}


@dataclass(frozen=True, slots=True)
class _Node:
    """What is known of a column before its rows come."""

    code: int
    nullable: bool
    convert: Callable[[Any], Any] | None = None
    children: tuple[_Node, ...] = ()


def _node(field: Field) -> _Node:
    code = _CODES[field.kind]
    if field.kind is TypeKind.RANGE:
        bound = _Node(_CODES[field.range_element or TypeKind.DATE], True)
        children: tuple[_Node, ...] = (bound, bound)
    else:
        children = tuple(map(_node, field.fields))
    value = _Node(code, field.mode is Mode.NULLABLE, _conversion(field), children)
    return _Node(_ARRAY, False, None, (value,)) if field.mode is Mode.REPEATED else value


def _conversion(field: Field) -> Callable[[Any], Any] | None:
    """What turns canonical values into those that the program knows."""
    if field.kind is TypeKind.INTERVAL:
        return interval_text
    if field.precision is None or field.kind not in (TypeKind.NUMERIC, TypeKind.BIGNUMERIC):
        return None
    scale = decimal_size(field)[1]
    canonical: Any = arrow_type(field.value_type)
    if scale == canonical.scale:
        return None
    target = (pa.decimal128 if field.kind is TypeKind.NUMERIC else pa.decimal256)(canonical.precision, scale)
    options = pc.CastOptions(target_type=target, allow_decimal_truncate=True)
    return lambda array: pc.cast(array, options=options)


class RowEncoder:
    """Encodes rows of ``fields`` as the schema of :func:`~bqsim.codecs.avro.schema.avro_schema` describes
    them. Thread-safe.
    """

    def __init__(self, fields: Sequence[Field]) -> None:
        self._nodes = tuple(map(_node, fields))

    def encode(self, rows: pa.Table) -> tuple[bytes, Any]:
        """The records of a canonical table one after another, and the end of each in them (int64)."""
        parts: list[bytes] = []
        ends: list[Any] = []
        size = 0
        for data, local in self.batches(rows):
            parts.append(data)
            ends.append(local + size)
            size += len(data)
        return b"".join(parts), np.concatenate(ends) if ends else np.zeros(0, np.int64)

    def batches(self, rows: pa.Table) -> Iterator[tuple[bytes, Any]]:
        """As :meth:`encode`, in parts of some megabytes, which saves joining them: the records of some rows,
        and the end of each in these.
        """
        for batch in _batches(rows):
            yield from self._encode(batch.columns, batch.num_rows)

    def _encode(self, columns: Sequence[Any], rows: int) -> Iterator[tuple[bytes, Any]]:
        try:
            yield _records(self._nodes, columns, rows)
            return
        except MemoryError:
            if rows == 1:
                raise
        # Rows far above the average size came together.
        half = rows // 2
        yield from self._encode([c.slice(0, half) for c in columns], half)
        yield from self._encode([c.slice(half) for c in columns], rows - half)


def _batches(rows: pa.Table) -> Iterator[Any]:
    """Record batches of about ``BATCH_BYTES``; chunks that end within one are joined."""
    count = rows.num_rows
    step = max(1, BATCH_BYTES * count // max(rows.nbytes, 1))
    for start in range(0, count, step):
        yield from rows.slice(start, step).combine_chunks().to_batches()


def _records(nodes: Sequence[_Node], columns: Sequence[Any], rows: int) -> tuple[bytes, Any]:
    with program("avro/encode").instance() as memory:
        plan = _Plan(memory)
        first, last = plan.block(nodes, columns)
        ends = memory.reserve(4 * rows)
        out = memory.reserve(plan.size + _SLACK_BYTES)
        size = memory.call("encode", first, last, rows, out, ends) & 0xFFFFFFFF
        return memory.bytes_at(out, size), memory.array_at(ends, np.uint32, rows).astype(np.int64)


class _Plan:
    """Lays out columns; ``size`` is what their values take in Avro at most."""

    def __init__(self, memory: Instance) -> None:
        self._memory = memory
        self.size = 0

    def block(self, nodes: Sequence[_Node], arrays: Sequence[Any]) -> tuple[int, int]:
        """Nodes beside one another with their values: the address of the first and that after the last."""
        words = [self._words(n, a) for n, a in zip(nodes, arrays, strict=True)]
        address = self._memory.put(np.array(words, np.int64).astype(np.uint32)) if words else 0
        return address, address + 4 * _NODE_WORDS * len(words)

    def _words(self, node: _Node, array: Any) -> tuple[int, ...]:
        if node.convert is not None:
            array = node.convert(array)
        count, start = len(array), array.offset
        buffers = array.buffers()
        validity = data = offsets = first = last = 0
        if (node.nullable or node.code == _ARRAY) and array.null_count:
            validity = self._bits(buffers[0], start, count)
        if node.code == _RECORD:
            first, last = self.block(node.children, [array.field(i) for i in range(len(node.children))])
        elif node.code == _BOOLEAN:
            data = self._bits(buffers[1], start, count)
            self.size += count
        elif node.code in _WIDTHS:
            width, most = _WIDTHS[node.code]
            data = self._bytes(buffers[1], start * width, count * width)
            self.size += count * most
        else:
            low, high = _bounds(buffers[1], start, count)
            offsets = self._bytes(buffers[1], 4 * start, 4 * (count + 1) if count else 0)
            if node.code == _ARRAY:
                data = low
                first, last = self.block(node.children, [array.values.slice(low, high - low)])
            else:
                # Relative to the offsets, so that it may be below zero.
                data = self._bytes(buffers[2], low, high - low) - low
            self.size += count * _NUMBER_BYTES + high - low
        self.size += count
        return node.code, validity, start & 7, data, offsets, first, last, node.nullable

    def _bytes(self, buffer: Any, start: int, size: int) -> int:
        return self._memory.put(buffer.slice(start, size)) if size else 0

    def _bits(self, buffer: Any, start: int, count: int) -> int:
        """The bytes that hold some bits; the first bit is ``start & 7`` in them."""
        return self._bytes(buffer, start >> 3, (start + count + 7 >> 3) - (start >> 3))


def _bounds(offsets: Any, start: int, count: int) -> tuple[int, int]:
    """Where the bytes or items of some values begin and end."""
    if not count:
        return 0, 0
    pair = np.frombuffer(offsets, np.int32, count + 1, 4 * start)
    return int(pair[0]), int(pair[-1])
