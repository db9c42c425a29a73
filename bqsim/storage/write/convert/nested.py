"""Records, repeated fields, ranges and wrapper messages, made of the converters of their parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bqsim.types import Field, Mode
from bqsim.types.arrow import arrow_type, constant, from_numpy, to_numpy, validity_bitmap

from .arrays import raw
from .scope import Converter, Scope, valid


def then(*steps: Converter) -> Converter:
    """One converter after the other."""
    if len(steps) == 1:
        return steps[0]

    def convert(array: pa.Array, scope: Scope) -> pa.Array:
        for step in steps:
            array = step(array, scope)
        return array

    return convert


def absent(field: Field, length: int) -> pa.Array:
    """What rows without a value for ``field`` hold: NULL, or an empty array."""
    type_ = arrow_type(field.type)
    if field.mode is not Mode.REPEATED:
        return pa.nulls(length, type_)
    offsets = pa.py_buffer(np.zeros(length + 1, np.int32))
    return pa.Array.from_buffers(type_, length, [None, offsets], 0, 0, [pa.nulls(0, type_.value_type)])


@dataclass(frozen=True, slots=True)
class Part:
    """A field of a record: where its raw values are (None: the writer has none), what converts them."""

    field: Field
    path: str
    index: int | None
    convert: Converter | None


def required(path: str) -> str:
    """What a row without a value for a REQUIRED field is told."""
    return f"Required field {path} cannot be null"


def record(parts: Sequence[Part]) -> Converter:
    """STRUCT: messages or Arrow structs, their fields in any order."""
    types = [pa.field(f"_{i}", arrow_type(p.field.type)) for i, p in enumerate(parts, 1)]
    target = pa.struct(types)

    def convert(array: pa.Array, scope: Scope) -> pa.Array:
        raws = array.flatten()
        children = [_part(p, raws, len(array), scope) for p in parts]
        for part, child in zip(parts, children, strict=True):
            if part.field.mode is Mode.REQUIRED and child.null_count > array.null_count:
                bad = to_numpy(child.is_null(), True)
                present = valid(array)
                _tell_required(scope.at(part.path), bad if present is None else bad & present)
        buffers = [validity_bitmap(array)]
        return pa.Array.from_buffers(target, len(array), buffers, array.null_count, 0, children)

    return convert


def _tell_required(scope: Scope, bad: Any) -> None:
    scope.fail(bad, lambda _: required(scope.path))


def _part(part: Part, raws: Sequence[pa.Array], length: int, scope: Scope) -> pa.Array:
    if part.index is None or part.convert is None:
        return absent(part.field, length)
    return part.convert(raws[part.index], scope.at(part.path))


def range_of(
    type_: pa.DataType, start: tuple[int, Converter] | None, end: tuple[int, Converter] | None
) -> Converter:
    """RANGE: a record of ``start`` and ``end``; a bound without a value is unbounded."""
    bound = type_.field(0).type

    def convert(array: pa.Array, scope: Scope) -> pa.Array:
        raws = array.flatten()
        bounds = [pa.nulls(len(array), bound) if b is None else b[1](raws[b[0]], scope) for b in (start, end)]
        first, last = (raw(b) for b in bounds)
        bad = first >= last
        for present in (valid(b) for b in bounds):
            bad = bad if present is None else bad & present
        scope.fail(bad, lambda _: "Invalid RANGE value: the start must be before the end")
        return pa.Array.from_buffers(type_, len(array), [validity_bitmap(array)], array.null_count, 0, bounds)

    return convert


def repeated(element: Converter, path: str) -> Converter:
    """A REPEATED field of lists; NULL lists are empty ones, NULL elements are told."""
    text = f"Array cannot have a null element; error in writing field {path}"

    def convert(array: pa.Array, scope: Scope) -> pa.Array:
        offsets, values = _elements(array)
        inner = scope.elements(offsets)
        if values.null_count:
            inner.fail(to_numpy(values.is_null(), True), lambda _: text)
        converted = element(values, inner)
        type_ = pa.list_(pa.field("item", converted.type))
        buffers = [None, pa.py_buffer(offsets)]
        return pa.Array.from_buffers(type_, len(array), buffers, 0, 0, [converted])

    return convert


def _elements(array: pa.Array) -> tuple[Any, pa.Array]:
    """The int32 offsets from 0 of lists, and their elements without gaps."""
    if array.null_count or pa.types.is_fixed_size_list(array.type):
        lengths = to_numpy(pc.list_value_length(array), 0)
        offsets = np.zeros(len(array) + 1, np.int32)
        np.cumsum(lengths, out=offsets[1:])
        return offsets, array.flatten()
    if not len(array):
        return np.zeros(1, np.int32), array.values.slice(0, 0)
    dtype = np.int64 if pa.types.is_large_list(array.type) else np.int32
    data = np.frombuffer(array.buffers()[1], dtype, count=array.offset + len(array) + 1)[array.offset :]
    start, end = int(data[0]), int(data[-1])
    offsets = np.ascontiguousarray(data - start if start else data, np.int32)
    values = array.values
    return offsets, values if start == 0 and end == len(values) else values.slice(start, end - start)


def unwrapped(inner: Converter) -> Converter:
    """Wrapper messages (google.protobuf.Int64Value …): a present one without a value holds the default."""

    def convert(array: pa.Array, scope: Scope) -> pa.Array:
        value = array.field(array.type.get_field_index("value"))
        if value.null_count:
            value = value.fill_null(_default(value.type))
        if array.null_count:
            value = pc.if_else(array.is_valid(), value, pa.nulls(1, value.type)[0])
        return inner(value, scope)

    return convert


def _default(type_: pa.DataType) -> Any:
    if pa.types.is_boolean(type_):
        return constant(False)
    if pa.types.is_binary(type_):
        return constant(b"")
    return from_numpy(np.zeros(1, type_.to_pandas_dtype()))[0]
