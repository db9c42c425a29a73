"""Avro object container files."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import partial
from types import NoneType
from typing import Any, BinaryIO

from bqsim.errors import BigQueryError, invalid
from bqsim.types import Field, Mode, TypeKind
from bqsim.types.arrow import arrow_type, null_table, table_of
from bqsim.types.values import array_of_values, parse_cell

from .avro_container import FAILED, Block, Container
from .parsed import READING, Parsed, decimal_kind, reading
from .pipeline import ahead

_SCALARS = {
    "boolean": TypeKind.BOOL,
    "int": TypeKind.INT64,
    "long": TypeKind.INT64,
    "float": TypeKind.FLOAT64,
    "double": TypeKind.FLOAT64,
    "bytes": TypeKind.BYTES,
    "fixed": TypeKind.BYTES,
    "string": TypeKind.STRING,
    "enum": TypeKind.STRING,
    "null": TypeKind.STRING,
}
# Page "Loading Avro data": logical types, which are looked at when the load asks for them.
_LOGICAL = {
    "date": TypeKind.DATE,
    "time-millis": TypeKind.TIME,
    "time-micros": TypeKind.TIME,
    "timestamp-millis": TypeKind.TIMESTAMP,
    "timestamp-micros": TypeKind.TIMESTAMP,
    "local-timestamp-millis": TypeKind.DATETIME,
    "local-timestamp-micros": TypeKind.DATETIME,
    "datetime": TypeKind.DATETIME,
}
# Types that the attribute sqlType of a string names.
_SQL_TYPES = {"JSON": TypeKind.JSON, "GEOGRAPHY": TypeKind.GEOGRAPHY}
# How many bytes of blocks are decoded at once, and how much compression is taken to spare.
_AT_ONCE = 8 << 20
_COMPRESSION = 4
_EPOCH = dt.date(1970, 1, 1)
_EPOCH_UTC = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)


class AvroFile:
    """The schema and the rows of a file. Raises ``invalid`` for what is not one."""

    def __init__(self, stream: BinaryIO) -> None:
        import fastavro

        self._container = Container(stream)
        with reading(f"{READING}{FAILED}"):
            schema = fastavro.reader(io.BytesIO(self._container.header)).writer_schema
        if not isinstance(schema, dict) or schema.get("type") != "record":
            raise invalid(
                f"{READING}The Apache Avro library failed to parse the header with the following error: "
                "Invalid namespace: the schema must be a record"
            )
        self.schema = schema
        self._named: dict[str, Any] = {}
        self._decimals: Sequence[str] = ()
        _collect(schema, self._named)

    def groups(self, size: int) -> Iterator[list[Block]]:
        """The blocks, about ``size`` bytes without compression at a time, as they are in the file."""
        return self._container.groups(size // _COMPRESSION if self._container.is_compressed else size)

    def unpacked(self, group: Sequence[Block]) -> list[Block]:
        """Blocks without compression."""
        return self._container.unpacked(group)

    def read(self, group: Sequence[Block], fields: Sequence[Field]) -> Parsed:
        """The rows of some blocks for ``fields``, by name; what the file lacks is NULL."""
        found = self.unpacked(group)
        rows = self.columns(found, fields)
        return Parsed(tuple(fields), rows) if rows is not None else self._one_by_one(found, fields)

    def columns(self, group: Sequence[Block], fields: Sequence[Field]) -> Any:
        """The rows of blocks without compression for ``fields`` in canonical Arrow, read in bulk; None when
        some are unusual."""
        from .avro_columns import columns_of

        return columns_of(self.schema, self._named, group, fields)

    def _one_by_one(self, group: Sequence[Block], fields: Sequence[Field]) -> Parsed:
        """The rows by way of Python values, which is slow."""
        import fastavro

        with reading(f"{READING}{FAILED}"):
            rows: list[Any] = list(fastavro.reader(io.BytesIO(self._container.whole(group))))
        names = {f["name"].casefold(): f["name"] for f in self.schema["fields"]}
        sources = [names.get(f.name.casefold()) for f in fields]
        columns = [
            _column([None] * len(rows) if source is None else [row[source] for row in rows], field)
            for source, field in zip(sources, fields, strict=True)
        ]
        if not columns:
            return Parsed(tuple(fields), null_table(fields, len(rows)))
        return Parsed(tuple(fields), table_of(columns))

    def fields(self, *, logical_types: bool, decimals: Sequence[str] = ()) -> tuple[Field, ...]:
        """The fields of the rows; without ``logical_types`` those that the raw types have.

        ``decimals`` are the types that decimals may have.
        """
        self._decimals = decimals
        return tuple(self._field(f, logical_types) for f in self.schema["fields"])

    def _field(self, field: Mapping[str, Any], logical: bool) -> Field:
        type_, nullable = _without_null(field["type"])
        found = self._typed(field["name"], type_, logical)
        if found.mode is Mode.REPEATED or nullable:
            return found
        return replace(found, mode=Mode.REQUIRED)

    def _typed(self, name: str, type_: Any, logical: bool) -> Field:
        if isinstance(type_, str) and type_ in self._named:
            type_ = self._named[type_]
        if isinstance(type_, list):
            nested = [self._typed(f"{_type_name(t)}_value", t, logical) for t in type_]
            return Field(name, TypeKind.STRUCT, fields=tuple(nested))
        if isinstance(type_, str):
            return Field(name, _SCALARS.get(type_, TypeKind.STRING))
        kind = type_["type"]
        if isinstance(kind, dict | list):
            return self._typed(name, kind, logical)
        if kind == "array":
            element, _ = _without_null(type_["items"])
            inner = self._typed(name, element, logical)
            if inner.mode is Mode.REPEATED:
                raise invalid(f"{READING}Nested arrays are not supported: field {name}")
            return replace(inner, mode=Mode.REPEATED)
        if kind == "map":
            value, _ = _without_null(type_["values"])
            entry = (Field("key", TypeKind.STRING, Mode.REQUIRED), self._typed("value", value, logical))
            return Field(name, TypeKind.STRUCT, Mode.REPEATED, entry)
        if kind in ("record", "error"):
            return Field(
                name, TypeKind.STRUCT, fields=tuple(self._field(f, logical) for f in type_["fields"])
            )
        return self._scalar(name, kind, type_, logical)

    def _scalar(self, name: str, kind: str, type_: Mapping[str, Any], logical: bool) -> Field:
        label = type_.get("logicalType")
        if label == "decimal":
            precision, scale = int(type_.get("precision", 38)), int(type_.get("scale", 0))
            return Field(name, decimal_kind(precision, scale, self._decimals))
        if logical and label in _LOGICAL:
            return Field(name, _LOGICAL[label])
        if type_.get("sqlType") in _SQL_TYPES:
            return Field(name, _SQL_TYPES[type_["sqlType"]])
        return Field(name, _SCALARS.get(kind, TypeKind.STRING))


def batches(file: AvroFile, fields: Sequence[Field], *, size: int = _AT_ONCE) -> Iterator[Parsed]:
    """The rows of a file, of about ``size`` bytes at a time, for ``fields``."""
    empty = True
    for found in ahead(partial(file.read, fields=tuple(fields)), file.groups(size)):
        empty = False
        yield found
    if empty:
        yield file.read([], fields)


# Python classes of values that are those of a column as they are.
_AS_THEY_ARE: dict[TypeKind, type] = {
    TypeKind.BOOL: bool,
    TypeKind.INT64: int,
    TypeKind.FLOAT64: float,
    TypeKind.STRING: str,
    TypeKind.BYTES: bytes,
    TypeKind.NUMERIC: Decimal,
    TypeKind.BIGNUMERIC: Decimal,
    TypeKind.DATE: dt.date,
    TypeKind.TIME: dt.time,
    TypeKind.DATETIME: dt.datetime,
    TypeKind.TIMESTAMP: dt.datetime,
}


# The kind that the values of a class are of, in unions.
_KIND_OF: dict[type, TypeKind] = {
    dict: TypeKind.STRUCT,
    dt.datetime: TypeKind.TIMESTAMP,
    Decimal: TypeKind.NUMERIC,
    **{c: k for k, c in _AS_THEY_ARE.items() if c not in (dt.datetime, Decimal)},
}


def _column(values: list[Any], field: Field) -> Any:
    """Canonical Arrow of a field's values; at once where all are of its own class."""
    import pyarrow as pa

    known = _AS_THEY_ARE.get(field.kind)
    if known is not None and field.mode is Mode.NULLABLE and set(map(type, values)) <= {known, NoneType}:
        try:
            return pa.array(values, arrow_type(field.type))
        except (pa.ArrowException, OverflowError):
            # One of them does not fit: it is told which.
            pass
    return array_of_values(field.type, [_value(v, field, field.name) for v in values])


def _without_null(type_: Any) -> tuple[Any, bool]:
    """A type without the NULL of its union, and whether it has one."""
    if not isinstance(type_, list):
        return type_, type_ == "null"
    rest = [t for t in type_ if t != "null"]
    nullable = len(rest) < len(type_)
    return (rest[0] if len(rest) == 1 else rest or "null"), nullable


def _type_name(type_: Any) -> str:
    return type_ if isinstance(type_, str) else str(type_.get("name", type_["type"]))


def _collect(schema: Any, named: dict[str, Any]) -> None:
    """The named types within a schema, by full name."""
    if isinstance(schema, list):
        for one in schema:
            _collect(one, named)
    elif isinstance(schema, dict):
        if schema.get("type") in ("record", "error", "enum", "fixed") and "name" in schema:
            named[schema["name"]] = schema
        for key in ("type", "items", "values"):
            _collect(schema.get(key), named)
        for field in schema.get("fields", ()):
            _collect(field.get("type"), named)


# -- values

Convert = Callable[[Any], Any]


def _date(value: Any) -> Any:
    return (value - _EPOCH).days if isinstance(value, dt.date) else value


def _time(value: dt.time) -> int:
    return ((value.hour * 60 + value.minute) * 60 + value.second) * 1_000_000 + value.microsecond


def _micros(value: dt.datetime) -> int:
    if value.tzinfo is None:
        value = value.replace(tzinfo=dt.UTC)
    return (value - _EPOCH_UTC) // _MICROSECOND


# How a value that has a logical type is stored in a column of another type.
_RAW: dict[type, Convert] = {dt.datetime: _micros, dt.date: _date, dt.time: _time}
_TAKEN: dict[TypeKind, tuple[type, ...]] = {
    TypeKind.BOOL: (bool,),
    TypeKind.INT64: (int,),
    TypeKind.FLOAT64: (float,),
    TypeKind.STRING: (str,),
    TypeKind.BYTES: (bytes,),
    TypeKind.NUMERIC: (Decimal,),
    TypeKind.BIGNUMERIC: (Decimal,),
    TypeKind.TIME: (dt.time,),
}


def _value(value: Any, field: Field, path: str) -> Any:
    """A value of a file as one of ``field``."""
    if field.mode is Mode.REPEATED:
        element = replace(field, mode=Mode.REQUIRED)
        if isinstance(value, Mapping):
            value = [{"key": k, "value": v} for k, v in value.items()]
        return [_value(v, element, path) for v in value or ()]
    if value is None:
        if field.mode is Mode.REQUIRED:
            raise invalid(f"{READING}Required field {path} is missing.")
        return None
    if field.kind is TypeKind.STRUCT:
        if not isinstance(value, Mapping) or _is_of_union(value, field):
            return _union_value(value, field, path)
        by_name = {k.casefold(): v for k, v in value.items()}
        return [_value(by_name.get(f.name.casefold()), f, f"{path}.{f.name}") for f in field.fields]
    return _scalar_value(value, field, path)


def _is_of_union(value: Mapping[str, Any], field: Field) -> bool:
    """Whether a record is a value of a union of several types, of which ``field`` has a member for each."""
    names = {f.name.casefold() for f in field.fields}
    return all(n.endswith("_value") for n in names) and not names & {k.casefold() for k in value}


def _union_value(value: Any, field: Field, path: str) -> list[Any]:
    """A value of a union of several types: the member of its own type has it, all others are NULL."""
    kind = _KIND_OF.get(value.__class__)
    for place, member in enumerate(field.fields):
        repeated = member.mode is Mode.REPEATED
        if repeated == isinstance(value, list) and (repeated or member.kind is kind):
            found = _value(value, member, f"{path}.{member.name}")
            return [
                found if i == place else [] if f.mode is Mode.REPEATED else None
                for i, f in enumerate(field.fields)
            ]
    raise _mismatch(value, field, path)


def _scalar_value(value: Any, field: Field, path: str) -> Any:
    kind, given = field.kind, value.__class__
    if given in _TAKEN.get(kind, ()):
        return value
    if given is dt.datetime and kind in (TypeKind.TIMESTAMP, TypeKind.DATETIME):
        aware = kind is TypeKind.TIMESTAMP
        return value.replace(tzinfo=dt.UTC) if aware else value.replace(tzinfo=None)
    if given is dt.date and kind is TypeKind.DATE:
        return value
    if given in _RAW and kind is TypeKind.INT64:
        return _RAW[given](value)
    if given is int and kind in (TypeKind.FLOAT64, TypeKind.NUMERIC, TypeKind.BIGNUMERIC):
        return float(value) if kind is TypeKind.FLOAT64 else Decimal(value)
    if given is int and kind is TypeKind.TIMESTAMP:
        return _EPOCH_UTC + value * _MICROSECOND
    if given is int and kind is TypeKind.DATE:
        return _EPOCH + dt.timedelta(days=value)
    if given is Decimal and kind is TypeKind.STRING:
        return f"{value:f}"
    if given is Decimal and kind is TypeKind.FLOAT64:
        return float(value)
    if given is bytes and kind is TypeKind.STRING:
        return value.decode("utf-8", "replace")
    if given is str and kind is TypeKind.BYTES:
        return value.encode()
    if given is str:
        try:
            return parse_cell(value, field)
        except BigQueryError as error:
            raise invalid(f"{READING}{error.message} Field: {path}") from None
    raise _mismatch(value, field, path)


def _mismatch(value: Any, field: Field, path: str) -> BigQueryError:
    shown = {dict: "record", str: "string", int: "long", float: "double", bool: "boolean"}
    found = shown.get(value.__class__, value.__class__.__name__)
    return invalid(f"{READING}Avro field {path} of type {found} cannot be read as {field.type}.")
