"""Columns of Arrow, as files that say what their columns are have them, into canonical columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from bqsim.errors import invalid, unsupported
from bqsim.types import Field, Mode, TypeKind
from bqsim.types.arrow import arrow_type, null_table, table_of

from .parsed import READING, Parsed, decimal_kind
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


# The first and the last value of a kind of time, in its Arrow unit.
_RANGES = {
    TypeKind.DATE: (-719_162, 2_932_896, pa.int32()),
    TypeKind.DATETIME: (-62_135_596_800_000_000, 253_402_300_799_999_999, pa.int64()),
    TypeKind.TIMESTAMP: (-62_135_596_800_000_000, 253_402_300_799_999_999, pa.int64()),
    TypeKind.TIME: (0, 86_399_999_999, pa.int64()),
}
# The field of a map that has its entries.
ENTRIES = "key_value"


def unwrapped(t: Any) -> Any:
    """A type without dictionary, extension and run lengths."""
    if _IS.is_dictionary(t):
        return unwrapped(t.value_type)
    return unwrapped(t.storage_type) if isinstance(t, pa.BaseExtensionType) else t


def is_list(t: pa.DataType) -> bool:
    """Whether values are lists; maps are none."""
    return bool(_IS.is_list(t) or _IS.is_large_list(t) or _IS.is_fixed_size_list(t))


def kind_of(name: str, t: pa.DataType) -> TypeKind:
    """The kind that values of a type load as."""
    if _IS.is_decimal(t):
        return decimal_kind(t.precision, t.scale)
    if _IS.is_null(t) or _IS.is_duration(t):
        return TypeKind.INT64
    for is_type, kind in KINDS:
        if is_type(t):
            return kind
    raise unsupported(f"Parquet column {name} of type {t}")


def cast_column(column: pa.ChunkedArray, t: pa.DataType) -> pa.ChunkedArray:
    """A column of a file as one of the type that it is to be read as."""
    if column.type == t:
        return column
    return pa.chunked_array([_cast(chunk, t) for chunk in column.chunks], type=t)


def _cast(array: Any, t: Any) -> Any:
    if isinstance(array.type, pa.BaseExtensionType):
        array = array.storage
    if _IS.is_dictionary(array.type):
        array = array.dictionary_decode()
    if array.type == t:
        return array
    if _IS.is_map(array.type):
        entries = pa.StructArray.from_arrays([array.keys, array.items], names=["key", "value"])
        lists = pa.ListArray.from_arrays(array.offsets, entries)
        array = pa.StructArray.from_arrays([lists], names=[ENTRIES], mask=array.is_null())
    if _IS.is_struct(t):
        children = [_cast(array.field(i), f.type) for i, f in enumerate(t)]
        return pa.StructArray.from_arrays(children, fields=list(t), mask=array.is_null())
    if is_list(t):
        values, offsets = flat(array)
        return pa.ListArray.from_arrays(offsets, _cast(values, t.value_type), type=t, mask=array.is_null())
    if _IS.is_timestamp(t) and _IS.is_timestamp(array.type):
        return stamps(array, t)
    return pc.cast(array, t)


def in_range(times: pa.Array, kind: TypeKind) -> bool:
    """Whether canonical dates or times are those that the kind has."""
    first, last, type_ = _RANGES[kind]
    found = pc.min_max(times.view(type_))
    return not found["min"].is_valid or (found["min"].as_py() >= first and found["max"].as_py() <= last)


def flat(array: Any) -> tuple[Any, Any]:
    """The elements of lists, and where each list begins and the last one ends; NULL is an empty list."""
    lengths = pc.fill_null(pc.list_value_length(array), 0).cast(pa.int64())
    starts = pa.concat_arrays([pa.array([0], pa.int64()), pc.cumulative_sum(lengths)]).cast(pa.int32())
    return array.flatten(), starts


class _BadColumn(Exception):
    """A column cannot be loaded: what is wrong, with ``{}`` for the format of the file."""


def parsed(
    table: pa.Table, names: Sequence[str], fields: Sequence[Field], rows: int, format_: str = "Parquet"
) -> Parsed:
    """The columns of a table for ``fields``, by ``names``; columns that it lacks are NULL.

    ``format_`` is how errors name the format of the file. Raises ``invalid``.
    """
    if not fields:
        return Parsed((), null_table((), rows))
    try:
        return _parsed(table, names, fields, rows)
    except _BadColumn as bad:
        raise invalid(READING + str(bad).replace("{}", format_, 1)) from None


def _parsed(table: pa.Table, names: Sequence[str], fields: Sequence[Field], rows: int) -> Parsed:
    by_name = {name.casefold(): i for i, name in enumerate(names)}
    columns: list[pa.ChunkedArray] = []
    for f in fields:
        at = by_name.get(f.name.casefold())
        columns.append(pa.chunked_array([_missing(f, rows)]) if at is None else _column(table.column(at), f))
    return Parsed(tuple(fields), table_of(columns))


def _missing(f: Field, rows: int) -> pa.Array:
    if f.mode is Mode.REQUIRED and rows:
        raise _BadColumn(f"Required field {f.name} is missing in the {{}} file.")
    return pa.nulls(rows, arrow_type(f.type))


def _column(column: pa.ChunkedArray, f: Field) -> pa.ChunkedArray:
    chunks = [_array(chunk, f, f.name) for chunk in column.chunks]
    return pa.chunked_array(chunks, type=arrow_type(f.type))


def _array(array: pa.Array, f: Field, path: str) -> pa.Array:
    if _IS.is_null(array.type):
        return pa.nulls(len(array), arrow_type(f.type))
    if f.mode is Mode.REPEATED:
        if not is_list(array.type):
            raise _mismatch(path, array.type, f)
        return _list(array, f, path)
    if f.kind is TypeKind.STRUCT:
        if is_list(array.type):
            return _wrapped_list(array, f, path)
        if not _IS.is_struct(array.type):
            raise _mismatch(path, array.type, f)
        return _struct(array, f, path)
    if is_list(array.type) or _IS.is_struct(array.type):
        raise _mismatch(path, array.type, f)
    return _scalar(array, f, path)


def _list(array: pa.Array, f: Field, path: str) -> pa.Array:
    element = replace(f, mode=Mode.NULLABLE)
    elements, offsets = flat(array)
    values = _array(elements, element, path)
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
    kind = kind_of(path, array.type)
    if kind is not f.kind and (kind, f.kind) not in _COMPATIBLE:
        raise _mismatch(path, array.type, f)
    if f.kind in (TypeKind.JSON, TypeKind.GEOGRAPHY):
        values, wrong = convert(pa.chunked_array([array.cast(pa.string())]), f)
        if wrong:
            raise invalid(f"{READING}{next(iter(wrong.values()))} Field: {path}")
        return values.combine_chunks()
    target = arrow_type(f.type)
    try:
        values = _cast_scalar(array, target, f)
        if f.kind not in _RANGES or in_range(values, f.kind):
            return values
    except pa.ArrowInvalid:
        pass
    raise _BadColumn(f"A value of {{}} column '{path}' is out of range for {f.kind.value}.")


def _cast_scalar(array: pa.Array, target: pa.DataType, f: Field) -> pa.Array:
    if _IS.is_timestamp(target):
        return stamps(array, target)
    if _IS.is_time(target):
        return pc.cast(array, target, safe=False)
    if f.kind is TypeKind.NUMERIC and _IS.is_decimal(array.type):
        wide = pc.cast(array, pa.decimal256(76, max(array.type.scale, 9)))
        return pc.cast(pc.round(wide, 9, "half_towards_infinity"), target)
    return pc.cast(array, target)


def stamps(array: pa.Array, target: pa.DataType) -> pa.Array:
    """Timestamps in microseconds; finer digits are cut off, zones dropped or taken as UTC."""
    micros = pc.cast(array, pa.timestamp("us", array.type.tz), safe=False)
    return micros.view(pa.int64()).view(target) if micros.type != target else micros


def _mismatch(path: str, found: pa.DataType, f: Field) -> Exception:
    return _BadColumn(
        f"{{}} column '{path}' has type {str(found).upper()} which does not match the target type {f.type}."
    )
