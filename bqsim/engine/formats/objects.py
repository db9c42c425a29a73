"""JSON objects already decoded into canonical columns: a column at a time where all values are of the usual
form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import NoneType
from typing import Any

import pyarrow as pa

from bqsim.types import Field, Mode, TypeKind
from bqsim.types.arrow import arrow_type, table_of

from .texts import convert

# The Python types in which JSON holds values of a kind; texts are converted too.
_NATIVE: dict[TypeKind, frozenset[type]] = {
    TypeKind.INT64: frozenset({int}),
    TypeKind.FLOAT64: frozenset({int, float}),
    TypeKind.BOOL: frozenset({bool}),
    TypeKind.STRING: frozenset({str}),
}
_TEXT = frozenset(
    {
        TypeKind.INT64,
        TypeKind.FLOAT64,
        TypeKind.NUMERIC,
        TypeKind.BIGNUMERIC,
        TypeKind.BOOL,
        TypeKind.DATE,
        TypeKind.TIME,
        TypeKind.DATETIME,
        TypeKind.TIMESTAMP,
    }
)


class _NotUsual(Exception):
    """Some value needs a closer look."""


def columns_of(fields: Sequence[Field], rows: Sequence[Mapping[str, Any]]) -> pa.Table | None:
    """Canonical rows of JSON objects; None when any value, name or type is unusual."""
    try:
        return table_of(_children(fields, rows))
    except (_NotUsual, pa.ArrowException, OverflowError, UnicodeError):
        return None


def _children(fields: Sequence[Field], rows: Sequence[Mapping[str, Any]]) -> list[pa.Array]:
    known = {f.name for f in fields}
    if not all(row.keys() <= known for row in rows):
        raise _NotUsual
    return [_column(f, [row.get(f.name) for row in rows]) for f in fields]


def _column(f: Field, values: list[Any]) -> pa.Array:
    if f.max_length is not None or f.precision is not None:
        raise _NotUsual
    if f.mode is Mode.REPEATED:
        return _lists(f, values)
    types = set(map(type, values))
    if f.mode is Mode.REQUIRED and f.default is None and NoneType in types:
        raise _NotUsual
    types.discard(NoneType)
    if f.kind is TypeKind.STRUCT:
        return _structs(f, values, types)
    if types <= _NATIVE.get(f.kind, frozenset()):
        return pa.array(values, arrow_type(f.value_type))
    if types == {str} and f.kind in _TEXT:
        converted, wrong = convert(pa.chunked_array([pa.array(values, pa.string())]), f)
        if not wrong:
            return converted.combine_chunks()
    if not types:
        return pa.nulls(len(values), arrow_type(f.value_type))
    raise _NotUsual


def _lists(f: Field, values: list[Any]) -> pa.Array:
    offsets, flat = [0], []
    for value in values:
        if value is not None:
            if type(value) is not list:
                raise _NotUsual
            flat += value
        offsets.append(len(flat))
    if None in flat:
        raise _NotUsual
    elements = _column(replace(f, mode=Mode.NULLABLE), flat)
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), elements).cast(arrow_type(f.type))


def _structs(f: Field, values: list[Any], types: set[type]) -> pa.Array:
    if not types <= {dict}:
        raise _NotUsual
    nothing: dict[str, Any] = {}
    # Children of a NULL record are not looked at, so REQUIRED ones may be missing there.
    if any(n.mode is Mode.REQUIRED for n in f.fields) and None in values:
        raise _NotUsual
    children = _children(f.fields, [nothing if v is None else v for v in values])
    names = [f"_{i}" for i in range(1, len(children) + 1)]
    mask = pa.array([v is None for v in values], pa.bool_())
    return pa.StructArray.from_arrays(children, names=names, mask=mask)
