"""Between the canonical Arrow form and the form that values have in the engine.

BIGNUMERIC is a 32-byte BLOB whose bytes compare as the numbers do; GEOGRAPHY is WKB in a normal form
(:mod:`bqsim.types.geography.shapes`); TIMESTAMP is a plain engine timestamp in UTC; an engine integer of any
width is INT64. Everything else is the same on both sides and passes without a copy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from bqsim.errors import invalid_query
from bqsim.types import Field, Type, TypeKind
from bqsim.types.arrow import arrow_schema, arrow_type, map_column, validity_bitmap

BIGNUMERIC_WIDTH = 32
_PHYSICAL_LEAVES = frozenset({TypeKind.BIGNUMERIC, TypeKind.GEOGRAPHY, TypeKind.TIMESTAMP})
_ENGINE_TYPES: dict[TypeKind, str] = {
    TypeKind.INT64: "BIGINT",
    TypeKind.FLOAT64: "DOUBLE",
    TypeKind.NUMERIC: "DECIMAL(38,9)",
    TypeKind.BIGNUMERIC: "BLOB",
    TypeKind.BOOL: "BOOLEAN",
    TypeKind.STRING: "VARCHAR",
    TypeKind.BYTES: "BLOB",
    TypeKind.DATE: "DATE",
    TypeKind.TIME: "TIME",
    TypeKind.DATETIME: "TIMESTAMP",
    TypeKind.TIMESTAMP: "TIMESTAMP",
    TypeKind.INTERVAL: "INTERVAL",
    TypeKind.JSON: "VARCHAR",
    TypeKind.GEOGRAPHY: "BLOB",
}


def engine_type(type_: Type) -> str:
    """The engine's type for values of a GoogleSQL type, as SQL text."""
    if type_.kind is TypeKind.ARRAY and type_.element is not None:
        return f"{engine_type(type_.element)}[]"
    if type_.kind is TypeKind.RANGE and type_.element is not None:
        bound = engine_type(type_.element)
        return f'STRUCT("start" {bound}, "end" {bound})'
    if type_.kind is TypeKind.STRUCT:
        inner = ", ".join(f"_{i} {engine_type(f.type)}" for i, f in enumerate(type_.fields, 1))
        return f"STRUCT({inner})"
    return _ENGINE_TYPES[type_.kind]


def decimal256_to_blob(array: Any) -> Any:
    """decimal256(76, 38) → order-preserving 32-byte binary, vectorised."""
    import numpy as np

    if isinstance(array, pa.ChunkedArray):
        return pa.chunked_array([decimal256_to_blob(c) for c in array.chunks], pa.binary())
    length = len(array)
    if length == 0:
        return pa.nulls(0, pa.binary())
    words = np.frombuffer(array.buffers()[1], np.uint8)
    start = array.offset * BIGNUMERIC_WIDTH
    little = words[start : start + length * BIGNUMERIC_WIDTH].reshape(length, BIGNUMERIC_WIDTH)
    big = np.ascontiguousarray(little[:, ::-1])
    big[:, 0] ^= 0x80
    return _binary_of(big, array)


def blob_to_decimal256(array: Any) -> Any:
    """The inverse of :func:`decimal256_to_blob`; every non-NULL value must be 32 bytes."""
    import numpy as np

    target = pa.decimal256(76, 38)
    if isinstance(array, pa.ChunkedArray):
        return pa.chunked_array([blob_to_decimal256(c) for c in array.chunks], target)
    length = len(array)
    if length == 0 or array.null_count == length:
        return pa.nulls(length, target)
    fixed = array.cast(pa.binary()).cast(pa.binary(BIGNUMERIC_WIDTH))
    data = np.frombuffer(fixed.buffers()[1], np.uint8)
    start = fixed.offset * BIGNUMERIC_WIDTH
    big = data[start : start + length * BIGNUMERIC_WIDTH].reshape(length, BIGNUMERIC_WIDTH).copy()
    big[:, 0] ^= 0x80
    little = np.ascontiguousarray(big[:, ::-1])
    return pa.Array.from_buffers(
        target, length, [validity_bitmap(array), pa.py_buffer(little)], array.null_count
    )


def _binary_of(rows: Any, source: Any) -> Any:
    import numpy as np

    length = len(rows)
    offsets = np.arange(0, (length + 1) * BIGNUMERIC_WIDTH, BIGNUMERIC_WIDTH, dtype=np.int32)
    buffers = [validity_bitmap(source), pa.py_buffer(offsets), pa.py_buffer(rows)]
    return pa.Array.from_buffers(pa.binary(), length, buffers, source.null_count)


def _has_physical_leaf(type_: Type) -> bool:
    if type_.kind in _PHYSICAL_LEAVES:
        return True
    if type_.element is not None:
        return _has_physical_leaf(type_.element)
    return any(_has_physical_leaf(f.type) for f in type_.fields)


def _to_engine(values: Any, type_: Type) -> Any:
    if type_.kind is TypeKind.BIGNUMERIC:
        return decimal256_to_blob(values)
    if type_.kind is TypeKind.TIMESTAMP:
        return values.cast(pa.timestamp("us"))
    if type_.kind is TypeKind.GEOGRAPHY:
        return _geographies(values)
    return values


def _geographies(texts: Any) -> Any:
    """Texts as values; raises with the service's text for one that is no GEOGRAPHY."""
    from bqsim.types.geography.parse import values_of
    from bqsim.types.geography.shapes import BadGeography

    try:
        return values_of(texts)
    except BadGeography as bad:
        raise invalid_query(f"Invalid geography value, error: {bad}") from None


def _from_engine(values: Any, type_: Type) -> Any:
    target = arrow_type(type_)
    if values.type == target:
        return values
    if type_.kind is TypeKind.BIGNUMERIC and not pa.types.is_decimal(values.type):
        return blob_to_decimal256(values)
    if type_.kind is TypeKind.GEOGRAPHY and not pa.types.is_string(values.type):
        from bqsim.types.geography.wkt import texts_of

        return texts_of(values)
    if type_.kind is TypeKind.INT64:
        try:
            return values.cast(target)
        except pa.ArrowInvalid:
            raise invalid_query("int64 overflow") from None
    return values.cast(target)


def to_engine(rows: pa.Table, fields: Sequence[Field]) -> pa.Table:
    """Canonical rows → rows that the engine can scan, columns ``c1`` …."""
    columns = [
        map_column(column, field.type, _to_engine) if _has_physical_leaf(field.type) else column
        for column, field in zip(rows.columns, fields, strict=True)
    ]
    return pa.Table.from_arrays(columns, names=[f"c{i}" for i in range(1, len(columns) + 1)])


def from_engine(rows: pa.Table, fields: Sequence[Field]) -> pa.Table:
    """The engine's rows → canonical rows of ``fields``, column by position."""
    schema = arrow_schema(fields)
    columns = [
        column if column.type == target else map_column(column, field.type, _from_engine)
        for column, field, target in zip(rows.columns, fields, schema.types, strict=True)
    ]
    return pa.Table.from_arrays(columns, schema=schema)
