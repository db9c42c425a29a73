"""Parquet files that the engine reads itself.

Each column goes by the type that the file gives it here; it is left to the engine where that reads it as the
engine's counterpart of this type, and the values as they are in the file have one meaning only.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, BinaryIO

import pyarrow as pa

from bqsim.engine.convert import engine_type
from bqsim.engine.protocol import FileNotRead, Session
from bqsim.types import Field, Mode, TypeKind

from .arrow_columns import is_list
from .parquet import ParquetFile
from .parsed import ArrowOptions, decimal_kind

_IS = pa.types
# What the engine reads the types of a file as.
_ENGINE_NAMES: dict[str, str] = {
    "bool": "BOOLEAN",
    "int8": "TINYINT",
    "int16": "SMALLINT",
    "int32": "INTEGER",
    "int64": "BIGINT",
    "uint8": "UTINYINT",
    "uint16": "USMALLINT",
    "uint32": "UINTEGER",
    "uint64": "UBIGINT",
    "float": "FLOAT",
    "double": "DOUBLE",
    "string": "VARCHAR",
    "large_string": "VARCHAR",
    "binary": "BLOB",
    "large_binary": "BLOB",
    "date32[day]": "DATE",
    "time32[ms]": "TIME",
    "time64[us]": "TIME",
    "timestamp[ms]": "TIMESTAMP",
    "timestamp[us]": "TIMESTAMP",
}
_ZONED = "TIMESTAMP WITH TIME ZONE"
_ZONED_TYPE = re.compile(r"timestamp\[(?:ms|us), tz=")
_SAME = "{0}"
_TO_INT, _TO_FLOAT, _TO_NUMERIC = (f"CAST({{0}} AS {name})" for name in ("BIGINT", "DOUBLE", "DECIMAL(38,9)"))
_INSTANT = "make_timestamp(epoch_us({0}))"
_TIMES = {"TIMESTAMP": _SAME, _ZONED: _INSTANT}
# How values that the engine reads as a type become those of a kind; other pairs are not left to the engine.
_VALUES: dict[TypeKind, dict[str, str]] = {
    TypeKind.BOOL: {"BOOLEAN": _SAME},
    TypeKind.INT64: {
        "BIGINT": _SAME,
        **dict.fromkeys(("TINYINT", "SMALLINT", "INTEGER"), _TO_INT),
        **dict.fromkeys(("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"), _TO_INT),
    },
    TypeKind.FLOAT64: {"DOUBLE": _SAME, "FLOAT": _TO_FLOAT},
    TypeKind.STRING: {"VARCHAR": _SAME},
    TypeKind.BYTES: {"BLOB": _SAME},
    TypeKind.DATE: {"DATE": _SAME},
    TypeKind.TIME: {"TIME": _SAME},
    TypeKind.DATETIME: _TIMES,
    TypeKind.TIMESTAMP: _TIMES,
}
_FIRST, _LAST = "0001-01-01", "9999-12-31"
_GREATEST = "99999999999999999999999999999.999999999"
# The first and the last value of kinds whose types in files and in the engine have more.
_RANGES: dict[TypeKind, tuple[str, str]] = {
    TypeKind.DATE: (f"DATE '{_FIRST}'", f"DATE '{_LAST}'"),
    TypeKind.TIME: ("TIME '00:00:00'", "TIME '23:59:59.999999'"),
    **dict.fromkeys(
        (TypeKind.DATETIME, TypeKind.TIMESTAMP),
        (f"TIMESTAMP '{_FIRST} 00:00:00'", f"TIMESTAMP '{_LAST} 23:59:59.999999'"),
    ),
    TypeKind.NUMERIC: (f"CAST('-{_GREATEST}' AS DECIMAL(38,9))", f"CAST('{_GREATEST}' AS DECIMAL(38,9))"),
}
# Names within records that need no quotes anywhere.
_NAME = re.compile(r"[A-Za-z_]\w*\Z", re.ASCII)


def relation(
    session: Session,
    path: str,
    stream: BinaryIO,
    fields: Sequence[Field],
    options: ArrowOptions,
    totals: Sequence[str] = (),
) -> tuple[str, int, tuple[int, ...]]:
    """The engine SELECT of the rows of a file for ``fields``, their number, and the values of ``totals``,
    aggregates of its columns. Raises ``FileNotRead``."""
    file = ParquetFile(stream, options)
    source = f"read_parquet('{path}', hive_partitioning = false)"
    known = _columns(session, source)
    if len(known) != len(file.schema) or len({name.casefold() for name, _ in known}) < len(known):
        raise FileNotRead("names of columns")
    by_name = {f.name.casefold(): i for i, f in enumerate(file.schema)}
    if len(by_name) < len(file.schema):
        raise FileNotRead("names of columns")
    values: list[str] = []
    looks: list[str] = []
    for number, field in enumerate(fields, 1):
        at = by_name.get(field.name.casefold())
        if at is None:
            values.append(_missing(field))
            looks.append("0")
            continue
        name, type_ = known[at]
        if name != file.raw_names[at] or type_.replace('"', "") != _engine_name(file.schema[at].type):
            raise FileNotRead(name)
        quoted = name.replace('"', '""')
        value, look = _column(f'"{quoted}"', file.schema[at].type, field, f"c{number}")
        values.append(value)
        looks.append(look)
    columns = ", ".join(f"{value} AS c{i}" for i, value in enumerate(values, 1))
    select = f"SELECT {columns} FROM {source}"
    # Every value is read once where nothing can be lost; who stores them need not count their bytes after it.
    asked = ", ".join(f"CAST({each} AS HUGEINT)" for each in (*looks, *totals))
    found = session.tried(f"SELECT [{asked}] FROM ({select})")
    if not isinstance(found, list):
        raise FileNotRead(path)
    return select, file.num_rows, tuple(int(total or 0) for total in found[len(looks) :])


def _column(source: str, t: Any, field: Field, column: str) -> tuple[str, str]:
    """The engine expression of a column of a file, as :func:`_value`, and the aggregate of what that gives,
    ``column``, which looks at each of its values; it fails for one that is beyond what ``field`` takes."""
    if field.mode is Mode.REPEATED or field.kind is TypeKind.STRUCT:
        return _value(source, t, field, 0), _hashed(column)
    value = _plain(source, t, field)
    if field.kind in _RANGES:
        first, last = _RANGES[field.kind]
        # The ends of all values are found faster than each of them is compared.
        beyond = f"min({column}) < {first} OR max({column}) > {last}"
        return value, f"CASE WHEN {beyond} THEN error('range') ELSE 0 END"
    return value, f"count({column})" if value == source else _hashed(column)


def _hashed(column: str) -> str:
    return f"bit_xor(hash({column}))"


def _columns(session: Session, source: str) -> list[tuple[str, str]]:
    """The columns of a relation, and the engine's names of their types."""
    found = session.tried(f"SELECT list([column_name, column_type]) FROM (DESCRIBE SELECT * FROM {source})")
    return [(name, type_) for name, type_ in found] if isinstance(found, list) else []


def _engine_name(t: Any) -> str:
    """The engine's counterpart of a type. Raises ``FileNotRead`` where there is none."""
    if is_list(t):
        return f"{_engine_name(t.value_type)}[]"
    if _IS.is_struct(t):
        names = [f.name for f in t]
        if not all(map(_NAME.match, names)) or len({n.casefold() for n in names}) < len(names):
            raise FileNotRead("names in a record")
        return f"STRUCT({', '.join(f'{f.name} {_engine_name(f.type)}' for f in t)})"
    if _IS.is_decimal(t):
        return f"DECIMAL({t.precision},{t.scale})"
    name = _ENGINE_NAMES.get(str(t))
    if name is None and _ZONED_TYPE.match(str(t)):
        name = _ZONED
    if name is None:
        raise FileNotRead(str(t))
    return name


def _missing(field: Field) -> str:
    if field.mode is Mode.REQUIRED:
        raise FileNotRead(field.name)
    return f"CAST(NULL AS {engine_type(field.type)})"


def _value(source: str, t: Any, field: Field, depth: int) -> str:
    """The engine expression of ``source``, which a file has as ``t``, as a value of ``field``."""
    if field.mode is Mode.REPEATED:
        if not is_list(t):
            raise FileNotRead(field.name)
        return _list(source, t.value_type, field, depth)
    if field.kind is TypeKind.STRUCT:
        if is_list(t):
            return _wrapped(source, t, field, depth)
        if not _IS.is_struct(t):
            raise FileNotRead(field.name)
        return _struct(source, t, field, depth)
    return _scalar(source, t, field)


def _list(source: str, t: Any, field: Field, depth: int) -> str:
    item = f"e{depth}"
    element = Field(field.name, field.kind, Mode.NULLABLE, field.fields)
    value = _value(item, t, element, depth + 1)
    listed = source if value == item else f"list_transform({source}, lambda {item}: {value})"
    return f"COALESCE({listed}, [])"


def _wrapped(source: str, t: Any, field: Field, depth: int) -> str:
    """A list as a RECORD with a REPEATED RECORD of the elements."""
    if (
        len(field.fields) != 1
        or field.fields[0].mode is not Mode.REPEATED
        or len(field.fields[0].fields) != 1
    ):
        raise FileNotRead(field.name)
    item = f"e{depth}"
    value = _value(item, t.value_type, field.fields[0].fields[0], depth + 1)
    inner = f"list_transform({source}, lambda {item}: struct_pack(_1 := {value}))"
    return f"CASE WHEN {source} IS NULL THEN NULL ELSE struct_pack(_1 := {inner}) END"


def _struct(source: str, t: Any, field: Field, depth: int) -> str:
    places = {f.name.casefold(): i for i, f in enumerate(t)}
    parts = []
    for number, nested in enumerate(field.fields, 1):
        at = places.get(nested.name.casefold())
        if at is None:
            value = _missing(nested)
        else:
            value = _value(f"struct_extract({source}, {t[at].name!r})", t[at].type, nested, depth)
        parts.append(f"_{number} := {value}")
    return f"CASE WHEN {source} IS NULL THEN NULL ELSE struct_pack({', '.join(parts)}) END"


def _scalar(source: str, t: Any, field: Field) -> str:
    value = _plain(source, t, field)
    if field.kind not in _RANGES:
        return value
    first, last = _RANGES[field.kind]
    checked = f"{value} BETWEEN {first} AND {last} OR {source} IS NULL"
    return f"CASE WHEN {checked} THEN {value} ELSE error('range') END"


def _plain(source: str, t: Any, field: Field) -> str:
    """A value that is no list and no record, whatever its range."""
    if _IS.is_decimal(t):
        numeric = decimal_kind(t.precision, t.scale) is TypeKind.NUMERIC
        template = _TO_NUMERIC if numeric and field.kind is TypeKind.NUMERIC else None
    else:
        template = _VALUES.get(field.kind, {}).get("" if is_list(t) or _IS.is_struct(t) else _engine_name(t))
    if template is None:
        raise FileNotRead(field.name)
    return template.format(source)
