"""The canonical Arrow form of BigQuery values, in which rows travel inside bqsim.

========== ==========================  =========== ======================================
INT64      int64                       TIME        time64[us]
FLOAT64    double                      DATETIME    timestamp[us]
NUMERIC    decimal128(38, 9)           TIMESTAMP   timestamp[us, UTC]
BIGNUMERIC decimal256(76, 38)          INTERVAL    month_day_nano_interval
BOOL       bool                        JSON        string (canonical text)
STRING     string                      GEOGRAPHY   string (WKT)
BYTES      binary                      RANGE<T>    struct<start: T, end: T>
DATE       date32                      ARRAY<T>    list<item: T>
STRUCT     struct<_1: ..., _2: ...>
========== ==========================  =========== ======================================

Columns of a table are ``c1``, ``c2`` … and struct fields ``_1``, ``_2`` … by position: GoogleSQL names may be
empty or repeat, so they live in the :class:`~bqsim.types.kinds.Field` schema beside the table.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import pyarrow as pa

from .kinds import Field, Type, TypeKind

_SCALAR: dict[TypeKind, Any] = {
    TypeKind.INT64: pa.int64(),
    TypeKind.FLOAT64: pa.float64(),
    TypeKind.NUMERIC: pa.decimal128(38, 9),
    TypeKind.BIGNUMERIC: pa.decimal256(76, 38),
    TypeKind.BOOL: pa.bool_(),
    TypeKind.STRING: pa.string(),
    TypeKind.BYTES: pa.binary(),
    TypeKind.DATE: pa.date32(),
    TypeKind.TIME: pa.time64("us"),
    TypeKind.DATETIME: pa.timestamp("us"),
    TypeKind.TIMESTAMP: pa.timestamp("us", "UTC"),
    TypeKind.INTERVAL: pa.month_day_nano_interval(),
    TypeKind.JSON: pa.string(),
    TypeKind.GEOGRAPHY: pa.string(),
}


@lru_cache(maxsize=4096)
def arrow_type(type_: Type) -> pa.DataType:
    """The canonical Arrow type of a GoogleSQL type."""
    if type_.kind is TypeKind.ARRAY and type_.element is not None:
        return pa.list_(pa.field("item", arrow_type(type_.element)))
    if type_.kind is TypeKind.RANGE and type_.element is not None:
        bound = arrow_type(type_.element)
        return pa.struct([pa.field("start", bound), pa.field("end", bound)])
    if type_.kind is TypeKind.STRUCT:
        return pa.struct([pa.field(f"_{i}", arrow_type(f.type)) for i, f in enumerate(type_.fields, 1)])
    return _SCALAR[type_.kind]


def column_names(count: int) -> list[str]:
    """``c1`` … ``c<count>``: the column names of a canonical table."""
    return [f"c{i}" for i in range(1, count + 1)]


def arrow_schema(fields: Sequence[Field]) -> pa.Schema:
    """The schema of a canonical table for ``fields``."""
    return pa.schema([pa.field(f"c{i}", arrow_type(f.type)) for i, f in enumerate(fields, 1)])


def empty_table(fields: Sequence[Field]) -> pa.Table:
    """A canonical table of no rows."""
    schema = arrow_schema(fields)
    return pa.Table.from_arrays([pa.nulls(0, t) for t in schema.types], schema=schema)


def null_table(fields: Sequence[Field], rows: int) -> pa.Table:
    """A canonical table of ``rows`` rows of NULL."""
    schema = arrow_schema(fields)
    return pa.Table.from_arrays([pa.nulls(rows, t) for t in schema.types], schema=schema)


def table_of(columns: Sequence[Any]) -> pa.Table:
    """A table of canonical columns, named by position."""
    return pa.Table.from_arrays(list(columns), names=column_names(len(columns)))


def validity_bitmap(array: pa.Array) -> Any:
    """The validity buffer of an array, starting at bit 0; None without NULLs."""
    if array.null_count == 0:
        return None
    if array.offset == 0:
        return array.buffers()[0]
    import numpy as np

    valid = to_numpy(array.is_valid(), False)
    return pa.py_buffer(np.packbits(valid, bitorder="little"))


def from_numpy(values: Any) -> pa.Array:
    """A one-dimensional numpy array as Arrow; ``pa.array`` does it too, but imports pandas where it can."""
    import numpy as np

    if values.dtype == np.bool_:
        data, type_ = np.packbits(values, bitorder="little"), pa.bool_()
    else:
        data, type_ = np.ascontiguousarray(values), pa.from_numpy_dtype(values.dtype)
    return pa.Array.from_buffers(type_, len(values), [None, pa.py_buffer(data)], 0)


def to_numpy(array: pa.Array, null: bool | int | float) -> Any:
    """Booleans or numbers as a numpy array, ``null`` for NULL; the inverse of :func:`from_numpy`."""
    import numpy as np

    filled = array.fill_null(constant(null)) if array.null_count else array
    data = filled.buffers()[1]
    if not len(filled) or data is None:
        return np.zeros(0, bool if pa.types.is_boolean(filled.type) else filled.type.to_pandas_dtype())
    end = filled.offset + len(filled)
    if pa.types.is_boolean(filled.type):
        bits = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little", count=end)
        return bits[filled.offset :].astype(bool)
    return np.frombuffer(data, filled.type.to_pandas_dtype(), count=end)[filled.offset :]


@lru_cache(maxsize=1024, typed=True)
def constant(value: str | bytes | bool | int | float | None) -> pa.Scalar:
    """An Arrow scalar (None is a NULL text); ``pa.scalar`` imports pandas where it can."""
    import numpy as np

    if value is None:
        return pa.nulls(1, pa.string())[0]
    if isinstance(value, str | bytes):
        data = value.encode() if isinstance(value, str) else value
        offsets = np.array([0, len(data)], np.int32)
        type_ = pa.string() if isinstance(value, str) else pa.binary()
        return pa.Array.from_buffers(type_, 1, [None, pa.py_buffer(offsets), pa.py_buffer(data)], 0)[0]
    return from_numpy(np.array([value]))[0]


def compute(function: Callable[..., Any], *args: Any) -> Any:
    """Call a function of ``pyarrow.compute`` on arrays and Python constants (None is a NULL text).

    Converting the constants inside the call would import pandas where it can.
    """
    return function(*(a if isinstance(a, pa.Array | pa.Scalar) else constant(a) for a in args))


Leaf = Callable[[Any, Type], Any]


def map_array(array: pa.Array, type_: Type, leaf: Leaf) -> pa.Array:
    """Rebuild ``array`` with ``leaf(values, type)`` applied to its scalar parts; lists and structs are
    rewrapped without a copy. The structure must already be that of ``type_``."""
    kind = type_.kind
    if pa.types.is_null(array.type):
        return pa.nulls(len(array), arrow_type(type_))
    if kind is TypeKind.ARRAY and type_.element is not None:
        return _map_list(array, type_.element, leaf)
    if kind is TypeKind.STRUCT:
        names = [f"_{i}" for i in range(1, len(type_.fields) + 1)]
        return _map_struct(array, names, [f.type for f in type_.fields], leaf)
    if kind is TypeKind.RANGE and type_.element is not None:
        return _map_struct(array, ["start", "end"], [type_.element, type_.element], leaf)
    return leaf(array, type_)


def map_column(column: pa.ChunkedArray, type_: Type, leaf: Leaf) -> pa.ChunkedArray:
    """:func:`map_array` over the chunks of a column."""
    chunks = [map_array(chunk, type_, leaf) for chunk in column.chunks]
    if not chunks:
        return pa.chunked_array([map_array(pa.nulls(0, column.type), type_, leaf)])
    return pa.chunked_array(chunks)


def _map_list(array: pa.Array, element: Type, leaf: Leaf) -> pa.Array:
    values = map_array(array.values, element, leaf)
    validity, offsets = array.buffers()[:2]
    return pa.Array.from_buffers(
        pa.list_(pa.field("item", values.type)),
        len(array),
        [validity, offsets],
        array.null_count,
        array.offset,
        [values],
    )


def _map_struct(array: pa.Array, names: list[str], types: list[Type], leaf: Leaf) -> pa.Array:
    children = [map_array(array.field(i), t, leaf) for i, t in enumerate(types)]
    target = pa.struct([pa.field(n, c.type) for n, c in zip(names, children, strict=True)])
    if array.offset == 0:
        validity = array.buffers()[0]
        return pa.Array.from_buffers(target, len(array), [validity], array.null_count, 0, children)
    if not children:
        return array.cast(target)
    return pa.StructArray.from_arrays(children, fields=list(target), mask=array.is_null())
