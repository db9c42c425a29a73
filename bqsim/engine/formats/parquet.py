"""Parquet."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bqsim.errors import invalid, unsupported
from bqsim.types import Field, Mode, TypeKind
from bqsim.types.arrow import arrow_type, table_of

from .parsed import READING, Parsed, decimal_kind, mapped_names
from .texts import convert

_IS = pa.types
# Arrow types of a file and the kinds they load as.
KINDS: tuple[tuple[Callable[[Any], bool], TypeKind], ...] = (
    (_IS.is_boolean, TypeKind.BOOL),
    (_IS.is_integer, TypeKind.INT64),
    (_IS.is_floating, TypeKind.FLOAT64),
    (lambda t: _IS.is_string(t) or _IS.is_large_string(t), TypeKind.STRING),
    (lambda t: _IS.is_binary(t) or _IS.is_large_binary(t) or _IS.is_fixed_size_binary(t), TypeKind.BYTES),
    (_IS.is_date, TypeKind.DATE),
    (_IS.is_time, TypeKind.TIME),
    (lambda t: _IS.is_timestamp(t) and t.tz is not None, TypeKind.TIMESTAMP),
    (_IS.is_timestamp, TypeKind.DATETIME),
)
# Kinds of a file that may go into a column of another kind.
_COMPATIBLE = frozenset(
    {
        (TypeKind.INT64, TypeKind.NUMERIC),
        (TypeKind.INT64, TypeKind.BIGNUMERIC),
        (TypeKind.NUMERIC, TypeKind.BIGNUMERIC),
        (TypeKind.DATETIME, TypeKind.TIMESTAMP),
        (TypeKind.TIMESTAMP, TypeKind.DATETIME),
        (TypeKind.STRING, TypeKind.BYTES),
        (TypeKind.BYTES, TypeKind.STRING),
        (TypeKind.STRING, TypeKind.JSON),
        (TypeKind.STRING, TypeKind.GEOGRAPHY),
        (TypeKind.BIGNUMERIC, TypeKind.NUMERIC),
    }
)


def read_file(data: bytes, *, enum_as_string: bool = False) -> pa.Table:
    """The file as Arrow, dictionaries resolved; enums are BYTES unless ``enum_as_string``."""
    try:
        table = pq.read_table(io.BytesIO(data))
        enums = _enums(pq.ParquetFile(io.BytesIO(data)).schema)
    except (pa.ArrowException, ValueError, OSError) as exc:
        raise invalid(f"{READING}Failed to read the Parquet file: the file is invalid.") from exc
    for i, f in enumerate(table.schema):
        if _IS.is_dictionary(f.type):
            table = table.set_column(i, f.name, table.column(i).cast(f.type.value_type))
    for path in enums:
        if path not in table.column_names:
            raise unsupported(f"The file option enum_as_string for the nested column {path}")
        i = table.column_names.index(path)
        kind = pa.string() if enum_as_string else pa.binary()
        table = table.set_column(i, path, table.column(i).cast(kind))
    return table


def _enums(schema: Any) -> list[str]:
    """The columns of the type ENUM."""
    columns = (schema.column(i) for i in range(len(schema)))
    return [c.path for c in columns if c.logical_type.type == "ENUM"]


def with_decimals(table: pa.Table, targets: Sequence[str]) -> pa.Table:
    """``table`` with the decimals that are to be STRING as text."""
    if not targets:
        return table
    for i, f in enumerate(table.schema):
        if not _IS.is_decimal(f.type):
            if _IS.is_nested(f.type):
                raise unsupported("The file option decimal_target_types with nested columns")
            continue
        kind = decimal_kind(f.type.precision, f.type.scale, targets)
        if kind is TypeKind.STRING:
            table = table.set_column(i, f.name, table.column(i).cast(pa.string()))
        elif kind is TypeKind.BIGNUMERIC:
            table = table.set_column(i, f.name, table.column(i).cast(pa.decimal256(76, 38)))
    return table


def renamed(table: pa.Table, names: str) -> pa.Table:
    """``table`` with the column names that a column name character map gives."""
    return table if names == "STRICT" else table.rename_columns(mapped_names(table.column_names, names))


def detect(table: pa.Table, *, infer_lists: bool) -> tuple[Field, ...]:
    """The fields of a file. Without ``infer_lists`` a list is a RECORD with a REPEATED field ``list``."""
    return tuple(_field(f.name, f.type, f.nullable, infer_lists) for f in table.schema)


def _field(name: str, t: pa.DataType, nullable: bool, infer_lists: bool) -> Field:
    mode = Mode.NULLABLE if nullable else Mode.REQUIRED
    if _is_list(t):
        element = _field(t.value_field.name, t.value_type, True, infer_lists)
        if infer_lists:
            return replace(element, name=name, mode=Mode.REPEATED)
        entry = Field("list", TypeKind.STRUCT, Mode.REPEATED, (element,))
        return Field(name, TypeKind.STRUCT, mode, (entry,))
    if _IS.is_struct(t):
        nested = tuple(_field(f.name, f.type, f.nullable, infer_lists) for f in t)
        return Field(name, TypeKind.STRUCT, mode, nested)
    return Field(name, _kind(name, t), mode)


def _is_list(t: pa.DataType) -> bool:
    return bool(_IS.is_list(t) or _IS.is_large_list(t) or _IS.is_fixed_size_list(t))


def _kind(name: str, t: pa.DataType) -> TypeKind:
    if _IS.is_decimal(t):
        return decimal_kind(t.precision, t.scale)
    if _IS.is_null(t):
        return TypeKind.INT64
    for is_type, kind in KINDS:
        if is_type(t):
            return kind
    raise unsupported(f"Parquet column {name} of type {t}")


def read_parquet(table: pa.Table, fields: Sequence[Field]) -> Parsed:
    """The columns of a file for ``fields``, by name; columns that the file lacks are NULL."""
    by_name = {name.casefold(): i for i, name in enumerate(table.column_names)}
    columns: list[pa.ChunkedArray] = []
    for f in fields:
        at = by_name.get(f.name.casefold())
        columns.append(
            pa.chunked_array([_missing(f, table.num_rows)]) if at is None else _column(table.column(at), f)
        )
    return Parsed(tuple(fields), table_of(columns))


def _missing(f: Field, rows: int) -> pa.Array:
    if f.mode is Mode.REQUIRED and rows:
        raise invalid(f"{READING}Required field {f.name} is missing in the Parquet file.")
    return pa.nulls(rows, arrow_type(f.type))


def _column(column: pa.ChunkedArray, f: Field) -> pa.ChunkedArray:
    chunks = [_array(chunk, f, f.name) for chunk in column.chunks]
    return pa.chunked_array(chunks, type=arrow_type(f.type))


def _array(array: pa.Array, f: Field, path: str) -> pa.Array:
    if _IS.is_null(array.type):
        return pa.nulls(len(array), arrow_type(f.type))
    if f.mode is Mode.REPEATED:
        if not _is_list(array.type):
            raise _mismatch(path, array.type, f)
        return _list(array, f, path)
    if f.kind is TypeKind.STRUCT:
        if _is_list(array.type):
            return _wrapped_list(array, f, path)
        if not _IS.is_struct(array.type):
            raise _mismatch(path, array.type, f)
        return _struct(array, f, path)
    if _is_list(array.type) or _IS.is_struct(array.type):
        raise _mismatch(path, array.type, f)
    return _scalar(array, f, path)


def _list(array: pa.Array, f: Field, path: str) -> pa.Array:
    element = replace(f, mode=Mode.NULLABLE)
    values = _array(array.flatten(), element, path)
    lengths = pc.fill_null(pc.list_value_length(array), 0).cast(pa.int64())
    offsets = pa.concat_arrays([pa.array([0], pa.int64()), pc.cumulative_sum(lengths)]).cast(pa.int32())
    return pa.ListArray.from_arrays(offsets, values).cast(arrow_type(f.type))


def _wrapped_list(array: pa.Array, f: Field, path: str) -> pa.Array:
    """A list as RECORD<list REPEATED RECORD<element>>, which is how it is stored without list inference."""
    if len(f.fields) != 1 or f.fields[0].mode is not Mode.REPEATED or len(f.fields[0].fields) != 1:
        raise _mismatch(path, array.type, f)
    element = f.fields[0].fields[0]
    items = _list(array, replace(element, mode=Mode.REPEATED), f"{path}.list.{element.name}")
    wrapped = pa.StructArray.from_arrays([items.values], names=["_1"])
    inner = pa.ListArray.from_arrays(items.offsets, wrapped)
    return pa.StructArray.from_arrays([inner], names=["_1"], mask=array.is_null()).cast(arrow_type(f.type))


def _struct(array: pa.Array, f: Field, path: str) -> pa.Array:
    by_name = {child.name.casefold(): i for i, child in enumerate(array.type)}
    children = []
    for nested in f.fields:
        at = by_name.get(nested.name.casefold())
        if at is None:
            children.append(_missing(nested, len(array)))
        else:
            children.append(_array(array.field(at), nested, f"{path}.{nested.name}"))
    names = [f"_{i}" for i in range(1, len(children) + 1)]
    return pa.StructArray.from_arrays(children, names=names, mask=array.is_null())


def _scalar(array: pa.Array, f: Field, path: str) -> pa.Array:
    kind = _kind(path, array.type)
    if kind is not f.kind and (kind, f.kind) not in _COMPATIBLE:
        raise _mismatch(path, array.type, f)
    if f.kind in (TypeKind.JSON, TypeKind.GEOGRAPHY):
        values, wrong = convert(pa.chunked_array([array.cast(pa.string())]), f)
        if wrong:
            raise invalid(f"{READING}{next(iter(wrong.values()))} Field: {path}")
        return values.combine_chunks()
    target = arrow_type(f.type)
    try:
        if _IS.is_timestamp(target):
            return _stamps(array, target)
        if _IS.is_time(target):
            return pc.cast(array, target, safe=False)
        if f.kind is TypeKind.NUMERIC and _IS.is_decimal(array.type):
            wide = pc.cast(array, pa.decimal256(76, max(array.type.scale, 9)))
            return pc.cast(pc.round(wide, 9, "half_towards_infinity"), target)
        return pc.cast(array, target)
    except pa.ArrowInvalid as exc:
        raise invalid(
            f"{READING}A value of Parquet column '{path}' is out of range for {f.kind.value}."
        ) from exc


def _stamps(array: pa.Array, target: pa.DataType) -> pa.Array:
    """Timestamps in microseconds; finer digits are cut off, zones dropped or taken as UTC."""
    micros = pc.cast(array, pa.timestamp("us", array.type.tz), safe=False)
    return micros.view(pa.int64()).view(target) if micros.type != target else micros


def _mismatch(path: str, found: pa.DataType, f: Field) -> Exception:
    return invalid(
        f"{READING}Parquet column '{path}' has type {str(found).upper()} which does not match the target "
        f"type {f.type}."
    )
