"""Parquet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from bqsim.errors import unsupported
from bqsim.types import Field, Mode, TypeKind

from .arrow_columns import ENTRIES, cast_column, is_list, kind_of, unwrapped
from .arrow_columns import parsed as parsed_rows
from .parsed import READING, ArrowOptions, Parsed, decimal_kind, mapped_names, reading
from .pipeline import ahead

_IS = pa.types
# How many bytes (without compression) of row groups are read at once, and how much a row group may have that
# is read as a whole.
_AT_ONCE = 32 << 20
_MOST = 128 << 20
# How much of a column is read ahead from a greater one.
_BUFFER = 1 << 20
_FAILED = f"{READING}Failed to read the Parquet file: the file is invalid."
_INSTANT = pa.timestamp("us", "UTC")


class ParquetFile:
    """A file: its columns as they are read (``schema``) and their names in the file (``raw_names``).

    Raises ``invalid`` for what is none.
    """

    def __init__(self, stream: BinaryIO, options: ArrowOptions) -> None:
        stream.seek(0)
        with reading(_FAILED):
            self._file = pq.ParquetFile(
                stream,
                pre_buffer=False,
                coerce_int96_timestamp_unit="us",
                arrow_extensions_enabled=False,
            )
            self._stream = stream
            schema = self._file.schema
            leaves = iter([schema.column(i) for i in range(len(schema))])
            raw = self._file.schema_arrow
            types = [_typed(f.type, leaves, options) for f in raw]
        names = raw.names if options.names == "STRICT" else mapped_names(raw.names, options.names)
        self.raw_names = raw.names
        self.schema = [pa.field(n, t, f.nullable) for n, t, f in zip(names, types, raw, strict=True)]

    @property
    def num_rows(self) -> int:
        return int(self._file.metadata.num_rows)

    def detect(self, *, infer_lists: bool) -> tuple[Field, ...]:
        """The fields of a file. Without ``infer_lists`` a list is a RECORD with a REPEATED field ``list``."""
        return fields_of(self.schema, infer_lists=infer_lists)

    def batches(self, fields: Sequence[Field]) -> Iterator[Parsed]:
        """The rows for ``fields``, by name; columns that the file lacks are NULL."""
        wanted = {f.name.casefold() for f in fields}
        at = [i for i, f in enumerate(self.schema) if f.name.casefold() in wanted]
        convert = partial(self._converted, at=at, fields=tuple(fields))
        empty = True
        for found in ahead(convert, self._tables([self.raw_names[i] for i in at])):
            empty = False
            yield found
        if empty:
            nothing = pa.table([pa.nulls(0, self.schema[i].type) for i in at], names=[str(i) for i in at])
            yield parsed_rows(nothing, [self.schema[i].name for i in at], fields, 0)

    def _converted(self, table: pa.Table, at: Sequence[int], fields: tuple[Field, ...]) -> Parsed:
        with reading(_FAILED):
            table.validate(full=True)
            columns = [cast_column(table.column(n), self.schema[i].type) for n, i in enumerate(at)]
            rows = pa.table(columns, names=[str(i) for i in at]) if columns else table
            return parsed_rows(rows, [self.schema[i].name for i in at], fields, table.num_rows)

    def _tables(self, names: list[str]) -> Iterator[pa.Table]:
        """The columns as they are in the file, some row groups at a time."""
        metadata = self._file.metadata
        # A dot in a name would be taken for the path of a nested field.
        columns = None if any("." in name for name in names) else names
        groups: list[int] = []
        size = 0
        for number in range(metadata.num_row_groups):
            with reading(_FAILED):
                group = metadata.row_group(number)
                bytes_, rows = group.total_byte_size, group.num_rows
            if bytes_ > _MOST:
                if groups:
                    yield self._groups(groups, columns, names)
                    groups, size = [], 0
                yield from self._parts(number, max(1, rows * _AT_ONCE // bytes_), columns, names)
                continue
            groups.append(number)
            size += bytes_
            if size >= _AT_ONCE:
                yield self._groups(groups, columns, names)
                groups, size = [], 0
        if groups:
            yield self._groups(groups, columns, names)

    def _groups(self, groups: Sequence[int], columns: list[str] | None, names: list[str]) -> pa.Table:
        with reading(_FAILED):
            return _selected(self._file.read_row_groups(groups, columns=columns), names)

    def _parts(
        self, group: int, rows: int, columns: list[str] | None, names: list[str]
    ) -> Iterator[pa.Table]:
        with reading(_FAILED):
            self._stream.seek(0)
            file = pq.ParquetFile(
                self._stream,
                pre_buffer=False,
                buffer_size=_BUFFER,
                coerce_int96_timestamp_unit="us",
                arrow_extensions_enabled=False,
            )
            for batch in file.iter_batches(batch_size=rows, row_groups=[group], columns=columns):
                yield _selected(pa.Table.from_batches([batch]), names)


def _selected(table: pa.Table, names: Sequence[str]) -> pa.Table:
    places = {name: i for i, name in enumerate(table.column_names)}
    return table.select([places[name] for name in names])


def _typed(t: Any, leaves: Iterator[Any], options: ArrowOptions) -> pa.DataType:
    """The Arrow type that a column is to be read as; ``leaves`` are the columns of the file within it."""
    t = unwrapped(t)
    if _IS.is_map(t):
        key = _typed(t.key_type, leaves, options)
        entry = [pa.field("key", key, False), pa.field("value", _typed(t.item_type, leaves, options))]
        return pa.struct([pa.field(ENTRIES, pa.list_(pa.struct(entry)))])
    if is_list(t):
        item = t.value_field
        return pa.list_(pa.field(item.name, _typed(item.type, leaves, options), item.nullable))
    if _IS.is_struct(t):
        return pa.struct([pa.field(f.name, _typed(f.type, leaves, options), f.nullable) for f in t])
    leaf = next(leaves)
    if leaf.logical_type.type == "ENUM":
        return pa.string() if options.enum_as_string else pa.binary()
    if leaf.physical_type == "INT96":
        return _INSTANT
    return decimal_typed(t, options)


def decimal_typed(t: pa.DataType, options: ArrowOptions) -> pa.DataType:
    """What a type becomes that decimals may have; others are left."""
    if not _IS.is_decimal(t) or not options.decimal_types:
        return t
    kind = decimal_kind(t.precision, t.scale, options.decimal_types)
    if kind is TypeKind.STRING:
        return pa.string()
    return pa.decimal256(76, 38) if kind is TypeKind.BIGNUMERIC else t


def fields_of(schema: Iterable[pa.Field], *, infer_lists: bool) -> tuple[Field, ...]:
    """The fields that columns of Arrow load as."""
    return tuple(_field(f.name, f.type, f.nullable, infer_lists) for f in schema)


def _field(name: str, t: pa.DataType, nullable: bool, infer_lists: bool) -> Field:
    mode = Mode.NULLABLE if nullable else Mode.REQUIRED
    if is_list(t):
        element = _field(t.value_field.name, t.value_type, t.value_field.nullable, infer_lists)
        if name == ENTRIES or infer_lists:
            if element.mode is Mode.REPEATED:
                raise unsupported(f"Parquet column {name} of lists of lists")
            return replace(element, name=name, mode=Mode.REPEATED)
        entry = Field("list", TypeKind.STRUCT, Mode.REPEATED, (replace(element, mode=Mode.NULLABLE),))
        return Field(name, TypeKind.STRUCT, mode, (entry,))
    if _IS.is_struct(t):
        nested = tuple(_field(f.name, f.type, f.nullable, infer_lists) for f in t)
        return Field(name, TypeKind.STRUCT, mode, nested)
    return Field(name, kind_of(name, t), mode)
