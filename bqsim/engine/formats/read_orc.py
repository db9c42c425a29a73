"""ORC."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, BinaryIO

import pyarrow as pa

from bqsim.types import Field

from .arrow_columns import cast_column
from .arrow_columns import parsed as parsed_rows
from .parquet import decimal_typed, fields_of
from .parsed import READING, ArrowOptions, Parsed, mapped_names, reading
from .pipeline import ahead

_FAILED = f"{READING}Failed to read the ORC file: the file is invalid."


class OrcFile:
    """A file, read stripe by stripe: timestamps as of UTC, maps as lists of keys and values. Raises
    ``invalid`` for what is none."""

    def __init__(self, stream: BinaryIO, options: ArrowOptions) -> None:
        from pyarrow import orc

        stream.seek(0)
        with reading(_FAILED):
            self._file = orc.ORCFile(stream)
            raw = self._file.schema
            names = raw.names if options.names == "STRICT" else mapped_names(raw.names, options.names)
            self._raw = raw
            self._schema = [
                pa.field(n, _typed(f.type, options), f.nullable) for n, f in zip(names, raw, strict=True)
            ]

    def detect(self) -> tuple[Field, ...]:
        """The fields of a file."""
        return fields_of(self._schema, infer_lists=True)

    def batches(self, fields: Sequence[Field]) -> Iterator[Parsed]:
        """The rows for ``fields``, by name; columns that the file lacks are NULL."""
        convert = partial(self._converted, fields=tuple(fields))
        if not self._file.nstripes:
            yield convert(pa.Table.from_batches([], self._raw))
        yield from ahead(convert, self._stripes())

    def _stripes(self) -> Iterator[pa.Table]:
        for number in range(self._file.nstripes):
            with reading(_FAILED):
                yield pa.Table.from_batches([self._file.read_stripe(number)])

    def _converted(self, table: pa.Table, fields: tuple[Field, ...]) -> Parsed:
        with reading(_FAILED):
            table.validate(full=True)
            names = [f.name for f in self._schema]
            wanted = {f.name.casefold() for f in fields}
            kept = [i for i, name in enumerate(names) if name.casefold() in wanted]
            columns = [cast_column(_plain_column(table.column(i)), self._schema[i].type) for i in kept]
            rows = pa.table(columns, names=[str(i) for i in kept]) if columns else table
            return parsed_rows(rows, [names[i] for i in kept], fields, table.num_rows, "ORC")


def _typed(t: Any, options: ArrowOptions) -> pa.DataType:
    """The Arrow type that a column of a file is read as."""
    if pa.types.is_timestamp(t):
        return pa.timestamp("us", "UTC")
    if pa.types.is_map(t):
        entry = [pa.field("key", _typed(t.key_type, options), False)]
        return pa.list_(pa.struct([*entry, pa.field("value", _typed(t.item_type, options))]))
    if pa.types.is_list(t):
        return pa.list_(_typed(t.value_type, options))
    if pa.types.is_struct(t):
        return pa.struct([pa.field(f.name, _typed(f.type, options), f.nullable) for f in t])
    return decimal_typed(t, options)


def _plain_column(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pa.chunked_array([_plain(c) for c in column.chunks] or [_plain(column.combine_chunks())])


def _plain(array: Any) -> Any:
    kind = array.type
    if pa.types.is_timestamp(kind):
        return array.cast(pa.timestamp("us"), safe=False).cast(pa.timestamp("us", "UTC"))
    if pa.types.is_map(kind):
        entries = pa.StructArray.from_arrays(
            [_plain(array.keys), _plain(array.items)], names=["key", "value"]
        )
        return pa.ListArray.from_arrays(array.offsets, entries)
    if pa.types.is_list(kind):
        return pa.ListArray.from_arrays(array.offsets, _plain(array.values))
    if pa.types.is_struct(kind):
        children = [_plain(array.field(i)) for i in range(kind.num_fields)]
        return pa.StructArray.from_arrays(children, names=[f.name for f in kind], mask=array.is_null())
    return array
