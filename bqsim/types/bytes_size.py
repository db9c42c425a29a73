"""Logical sizes of values, as BigQuery bills them (page *Data types*). NULL counts nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from .kinds import Field, Mode, Type, TypeKind

# Bytes of each value of the kinds whose size does not depend on the value.
FIXED: dict[TypeKind, int] = {
    TypeKind.INT64: 8,
    TypeKind.FLOAT64: 8,
    TypeKind.NUMERIC: 16,
    TypeKind.BIGNUMERIC: 32,
    TypeKind.BOOL: 1,
    TypeKind.DATE: 8,
    TypeKind.TIME: 8,
    TypeKind.DATETIME: 8,
    TypeKind.TIMESTAMP: 8,
    TypeKind.INTERVAL: 16,
    TypeKind.RANGE: 16,
}
# Kinds of (bytes per value + bytes of the text).
VARIABLE: dict[TypeKind, int] = {TypeKind.STRING: 2, TypeKind.BYTES: 2, TypeKind.JSON: 0}
GEOGRAPHY_BASE, GEOGRAPHY_VERTEX = 16, 24
_VERTEX = r"-?[0-9][0-9.eE+-]* -?[0-9]"


def logical_bytes(field: Field, column: pa.ChunkedArray | pa.Array) -> int:
    """The logical bytes of a canonical column."""
    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    return sum(_size(chunk, field.type) for chunk in chunks)


def path_bytes(field: Field, column: pa.ChunkedArray | pa.Array, path: Sequence[str]) -> int:
    """The logical bytes of a field in a canonical column, by the names that lead to it, arrays or not."""
    for name in path:
        if field.mode is Mode.REPEATED:
            column = pc.list_flatten(column)
        at = next(n for n, f in enumerate(field.fields) if f.name.casefold() == name.casefold())
        field, column = field.fields[at], pc.struct_field(column, at)
    return logical_bytes(field, column)


def table_bytes(fields: Sequence[Field], table: pa.Table) -> int:
    """The logical bytes of canonical rows."""
    return sum(logical_bytes(f, c) for f, c in zip(fields, table.columns, strict=True))


def _size(array: Any, type_: Type) -> int:
    kind = type_.kind
    count: int = len(array) - array.null_count
    if kind in FIXED:
        return FIXED[kind] * count
    if kind in VARIABLE:
        text_bytes: int = pc.sum(pc.binary_length(array)).as_py() or 0
        return VARIABLE[kind] * count + text_bytes
    if kind is TypeKind.ARRAY and type_.element is not None:
        return _size(array.flatten(), type_.element)
    if kind is TypeKind.STRUCT:
        return sum(_size(c, f.type) for c, f in zip(array.flatten(), type_.fields, strict=True))
    vertices: int = pc.sum(pc.count_substring_regex(array, _VERTEX)).as_py() or 0
    return GEOGRAPHY_BASE * count + GEOGRAPHY_VERTEX * vertices
