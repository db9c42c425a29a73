"""Serialised messages to raw Arrow columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from google.protobuf.descriptor_pb2 import DescriptorProto
from google.protobuf.descriptor_pb2 import FieldDescriptorProto as P

from bqsim.codecs.wasm import FIRST_ADDRESS, Instance, program

from .descriptor import ProtoField, fields_of
from .plan import (
    BITMAP,
    BOOL_OP,
    BYTES_OP,
    COUNTER,
    DATA,
    KINDS,
    NULLS,
    PACKED,
    SLOT_WORDS,
    STARTS,
    VALUES,
    Plan,
)

# What a batch may take in memory: a few bytes of nested repeated fields can stand for many empty columns.
MAX_BATCH_BYTES = 1 << 30
# Fields visited in a batch to unset the members of oneofs. Rows set one member as a rule; to set a large
# message and another member by turns takes few bytes and much time.
MAX_UNSET = 1 << 28
# The program loads and stores up to 16 bytes behind what it works on.
_SLACK = 32

_TYPES: dict[int, pa.DataType] = {
    P.TYPE_DOUBLE: pa.float64(),
    P.TYPE_FLOAT: pa.float32(),
    P.TYPE_INT64: pa.int64(),
    P.TYPE_UINT64: pa.uint64(),
    P.TYPE_INT32: pa.int32(),
    P.TYPE_FIXED64: pa.uint64(),
    P.TYPE_FIXED32: pa.uint32(),
    P.TYPE_BOOL: pa.bool_(),
    P.TYPE_STRING: pa.binary(),
    P.TYPE_BYTES: pa.binary(),
    P.TYPE_UINT32: pa.uint32(),
    P.TYPE_ENUM: pa.int32(),
    P.TYPE_SFIXED32: pa.int32(),
    P.TYPE_SFIXED64: pa.int64(),
    P.TYPE_SINT32: pa.int32(),
    P.TYPE_SINT64: pa.int64(),
}

# Why a row is malformed, by the program's fault.
FAULTS: dict[int, str] = {
    1: "The message is truncated.",
    2: "A varint is longer than 10 bytes.",
    3: "A tag is invalid.",
    4: "A tag has an invalid wire type.",
    5: "A group ends that was not begun.",
    6: "Messages are nested too deeply.",
    7: "A length is invalid.",
    8: "Members of a oneof are set too often.",
}


@dataclass(frozen=True, slots=True)
class Decoded:
    """``columns``: raw Arrow, one row per message; ``malformed``: why rows could not be read, by row index.

    Malformed rows are null and empty in all columns.
    """

    columns: pa.Table
    malformed: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class _Column:
    """How the arrays of a slot are wrapped."""

    slot: int
    op: int
    width: int
    repeated: bool
    # Of one value, and of the column.
    element: pa.DataType
    type: pa.DataType
    children: tuple[_Column, ...]
    default: pa.Scalar | None
    # A default value stands somewhere below.
    has_defaults: bool


class RowDecoder:
    """Decodes messages of one type. Thread-safe.

    ``ValueError``, worded for the user, when the descriptor is invalid or cannot be decoded (unknown type
    names, groups, recursion).
    """

    def __init__(self, descriptor: DescriptorProto) -> None:
        self.fields: tuple[ProtoField, ...] = fields_of(descriptor)
        self._plan = Plan(self.fields)
        self._columns = self._wrap(0, len(self.fields))
        self.schema = pa.schema(
            [pa.field(f.name, c.type) for f, c in zip(self.fields, self._columns, strict=True)]
        )

    def decode(self, rows: Sequence[bytes]) -> Decoded:
        """The columns of serialised messages, named as the fields are.

        Absent values are null or their proto2 default, absent repeated fields empty lists. Numbers that an
        enum does not have count as absent. ``MemoryError`` when the columns would take more than
        ``MAX_BATCH_BYTES``.
        """
        rows = rows if isinstance(rows, list) else list(rows)
        with program("protorows/decode").instance() as instance:
            return _Call(self._plan, instance, rows).run(self._columns, self.schema)

    def _wrap(self, first: int, count: int) -> tuple[_Column, ...]:
        columns = []
        for slot in range(first, first + count):
            field = self._plan.slot_fields[slot]
            kind = KINDS[field.type]
            children: tuple[_Column, ...] = ()
            if field.type == P.TYPE_MESSAGE:
                children = self._wrap(self._plan.first_child[slot], len(field.fields))
                members = zip(field.fields, children, strict=True)
                element = pa.struct([pa.field(f.name, c.type) for f, c in members])
            else:
                element = _TYPES[field.type]
            columns.append(
                _Column(
                    slot=slot,
                    op=kind.op,
                    width=kind.width,
                    repeated=field.repeated,
                    element=element,
                    type=pa.list_(pa.field("item", element)) if field.repeated else element,
                    children=children,
                    default=_default(field, element) if field.has_default else None,
                    has_defaults=field.has_default or any(c.has_defaults for c in children),
                )
            )
        return tuple(columns)


def _default(field: ProtoField, type_: pa.DataType) -> pa.Scalar:
    if isinstance(field.default, bytes):
        offsets = np.array([0, len(field.default)], np.int32)
        buffers = [None, pa.py_buffer(offsets), pa.py_buffer(field.default)]
    elif pa.types.is_boolean(type_):
        buffers = [None, pa.py_buffer(bytes([field.default is True]))]
    else:
        buffers = [None, pa.py_buffer(np.array([field.default], type_.to_pandas_dtype()))]
    return pa.Array.from_buffers(type_, 1, buffers, 0)[0]


class _Call:
    """One batch in the memory of an instance."""

    def __init__(self, plan: Plan, instance: Instance, rows: list[bytes]) -> None:
        self._plan = plan
        self._instance = instance
        self._count = count = len(rows)
        # First, because the plan holds its own addresses.
        self._at = instance.reserve(plan.nbytes)
        assert self._at == FIRST_ADDRESS
        data = b"".join(rows)
        self._nbytes = len(data)
        if self._nbytes > MAX_BATCH_BYTES:
            raise MemoryError(_TOO_LARGE)
        base = instance.put(data)
        starts = np.empty(count + 1, np.uint32)
        starts[0] = base
        np.cumsum(np.fromiter(map(len, rows), np.uint32, count), out=starts[1:])
        starts[1:] += np.uint32(base)
        self._starts = instance.put(starts)
        self._marks = instance.zeros(count)
        self._malformed = 0

    def run(self, columns: tuple[_Column, ...], schema: pa.Schema) -> Decoded:
        plan, instance = self._plan, self._instance
        counts = np.zeros(len(plan.slot_fields), np.int64)
        if plan.has_lists:
            instance.write(self._at, plan.words())
            # Malformed rows were counted in part; once they are marked they are left out.
            if self._read(filling=False):
                instance.write(self._at, plan.words())
                self._read(filling=False)
            counts = self._slots()[:, COUNTER].astype(np.int64)
        layout = plan.layout(self._count, counts)
        if layout.size + self._nbytes > MAX_BATCH_BYTES:
            raise MemoryError(_TOO_LARGE)
        base = instance.reserve(layout.size)
        data = instance.reserve(self._nbytes + _SLACK)
        words = plan.words(layout.columns + base)
        for _ in range(2):
            instance.write(self._at, words)
            instance.clear(base, layout.size)
            # Rows are filled in part when they turn out to be malformed; once marked they are left out.
            if not self._read(filling=True):
                break
        end = instance.call("finish", plan.slots, len(counts), self._count, data)
        result = base + layout.result
        out = pa.py_buffer(instance.bytes_at(result, end - result))
        return self._wrap(columns, schema, self._slots().tolist(), out, result)

    def _read(self, filling: bool) -> int:
        """Rows newly found to be malformed."""
        found = self._instance.call(
            "read", filling, self._plan.root, self._starts, self._count, self._marks, MAX_UNSET
        )
        self._malformed += found
        return found

    def _slots(self) -> Any:
        words = len(self._plan.slot_fields) * SLOT_WORDS
        return self._instance.array_at(self._plan.slots, np.uint32, words).reshape(-1, SLOT_WORDS)

    def _wrap(
        self,
        columns: tuple[_Column, ...],
        schema: pa.Schema,
        slots: list[list[int]],
        out: pa.Buffer,
        base: int,
    ) -> Decoded:
        malformed: dict[int, str] = {}
        valid = None
        if self._malformed:
            marks = self._instance.array_at(self._marks, np.uint8, self._count)
            malformed = {int(row): FAULTS[int(marks[row])] for row in marks.nonzero()[0]}
            valid = _booleans(marks == 0)
        wrapper = _Wrapper(slots, out, base)
        arrays = []
        for column in columns:
            array = wrapper.column(column, self._count)
            if column.has_defaults:
                array = _fill_defaults(array, column, valid)
            arrays.append(array)
        if not arrays:
            return Decoded(_no_columns(self._count), malformed)
        return Decoded(pa.Table.from_arrays(arrays, schema=schema), malformed)


class _Wrapper:
    """Arrow arrays over the memory copied out."""

    def __init__(self, slots: list[list[int]], out: pa.Buffer, base: int) -> None:
        self._slots = slots
        self._out = out
        self._base = base

    def column(self, column: _Column, count: int) -> pa.Array:
        slot = self._slots[column.slot]
        if not column.repeated:
            nulls = slot[NULLS]
            validity = self._buffer(slot[BITMAP], count + 7 >> 3) if nulls else None
            return self._values(column, count, validity, nulls)
        items = self._values(column, slot[COUNTER], None, 0)
        starts = self._buffer(slot[STARTS], 4 * (count + 1))
        return pa.Array.from_buffers(column.type, count, [None, starts], 0, 0, [items])

    def _values(self, column: _Column, count: int, validity: pa.Buffer | None, nulls: int) -> pa.Array:
        slot = self._slots[column.slot]
        if column.width:
            buffers = [validity, self._buffer(slot[VALUES], count * column.width)]
        elif column.op == BOOL_OP:
            buffers = [validity, self._buffer(slot[PACKED], count + 7 >> 3)]
        elif column.op == BYTES_OP:
            offsets = self._buffer(slot[PACKED], 4 * (count + 1))
            size = int.from_bytes(memoryview(offsets)[4 * count :], "little")
            buffers = [validity, offsets, self._buffer(slot[DATA], size)]
        else:
            children = [self.column(c, count) for c in column.children]
            return pa.Array.from_buffers(column.element, count, [validity], nulls, 0, children)
        return pa.Array.from_buffers(column.element, count, buffers, nulls)

    def _buffer(self, address: int, nbytes: int) -> pa.Buffer:
        return self._out.slice(address - self._base, nbytes)


def _fill_defaults(array: pa.Array, column: _Column, valid: pa.Array | None) -> pa.Array:
    """Absent values by their defaults where their message is present (``valid``; None is everywhere)."""
    if column.repeated:
        items = _fill_members(array.values, column)
        return pa.Array.from_buffers(column.type, len(array), array.buffers()[:2], 0, 0, [items])
    if column.default is None:
        return _fill_members(array, column)
    if not array.null_count:
        return array
    filled = pc.fill_null(array, column.default)
    if valid is None:
        return filled
    return pc.if_else(valid, filled, pa.nulls(1, array.type)[0])


def _fill_members(array: pa.Array, column: _Column) -> pa.Array:
    present = array.is_valid() if array.null_count else None
    children = [
        _fill_defaults(array.field(i), c, present) if c.has_defaults else array.field(i)
        for i, c in enumerate(column.children)
    ]
    return pa.Array.from_buffers(
        column.element, len(array), array.buffers()[:1], array.null_count, 0, children
    )


def _booleans(values: Any) -> pa.Array:
    bits = pa.py_buffer(np.packbits(values, bitorder="little"))
    return pa.Array.from_buffers(pa.bool_(), len(values), [None, bits], 0)


def _no_columns(count: int) -> pa.Table:
    """A table of rows without columns."""
    empty = pa.Array.from_buffers(pa.struct([]), count, [None], 0)
    return pa.Table.from_batches([pa.RecordBatch.from_struct_array(empty)])


_TOO_LARGE = f"The rows take more than {MAX_BATCH_BYTES >> 20} MiB when they are decoded."
