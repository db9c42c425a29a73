"""Parquet files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from bqsim.types import Field, Mode, TypeKind
from bqsim.types.arrow import arrow_type
from bqsim.types.text import interval_text

from .writing import Sink

_ROWS = 131_072


class ParquetWriter:
    """Writes rows in row groups; DATETIME is a timestamp without UTC, TIMESTAMP one with it."""

    def __init__(self, fields: Sequence[Field], out: Sink, compression: str = "NONE") -> None:
        import pyarrow.parquet as pq

        self._fields = fields
        self._schema = pa.schema([_field(f) for f in fields])
        stream = pa.PythonFile(_Stream(out), mode="w")
        self._file = pq.ParquetWriter(
            stream, self._schema, compression=compression.lower(), store_schema=False
        )

    def write(self, rows: pa.Table) -> None:
        for start in range(0, rows.num_rows, _ROWS):
            part = rows.slice(start, _ROWS).combine_chunks()
            columns = [
                _column(c, f, t)
                for c, f, t in zip(part.columns, self._fields, self._schema.types, strict=True)
            ]
            self._file.write_table(pa.Table.from_arrays(columns, schema=self._schema))

    def close(self) -> None:
        self._file.close()


class _Stream:
    """A sink as Arrow writes to one."""

    closed = False

    def __init__(self, out: Sink) -> None:
        self._out = out
        self._at = 0

    def write(self, data: Any) -> int:
        block = bytes(data)
        self._out.write(block)
        self._at += len(block)
        return len(block)

    def tell(self) -> int:
        return self._at

    def flush(self) -> None:
        return None

    def writable(self) -> bool:
        return True

    def close(self) -> None:
        return None


def _field(field: Field) -> pa.Field:
    """A field as the file names it."""
    if field.mode is Mode.REPEATED:
        return pa.field(field.name, pa.list_(pa.field("element", _value_type(field))), nullable=False)
    return pa.field(field.name, _value_type(field), nullable=field.mode is not Mode.REQUIRED)


def _value_type(field: Field) -> pa.DataType:
    if field.kind is TypeKind.STRUCT:
        return pa.struct([_field(f) for f in field.fields])
    if field.kind is TypeKind.INTERVAL:
        return pa.string()
    if field.precision is not None:
        decimal = pa.decimal128 if field.kind is TypeKind.NUMERIC else pa.decimal256
        return decimal(field.precision, field.scale or 0)
    return arrow_type(field.value_type)


def _column(column: Any, field: Field, target: pa.DataType) -> Any:
    chunks = [_array(c, field, target) for c in column.chunks]
    return pa.chunked_array(chunks, type=target)


def _array(array: Any, field: Field, target: pa.DataType) -> Any:
    if field.mode is Mode.REPEATED:
        values = _scalars(array.values, field, target.value_type)
        return pa.ListArray.from_arrays(_offsets(array), values, type=target)
    return _scalars(array, field, target)


def _offsets(array: Any) -> Any:
    """The offsets of lists, of which a NULL one is empty as it is stored."""
    if not array.null_count:
        return array.offsets
    import numpy as np

    from bqsim.types.arrow import from_numpy

    return from_numpy(
        np.frombuffer(array.buffers()[1], np.int32)[array.offset : array.offset + len(array) + 1]
    )


def _scalars(array: Any, field: Field, target: pa.DataType) -> Any:
    if field.kind is TypeKind.STRUCT:
        children = [_array(array.field(i), f, target.field(i).type) for i, f in enumerate(field.fields)]
        return pa.StructArray.from_arrays(children, fields=list(target), mask=array.is_null())
    if field.kind is TypeKind.INTERVAL:
        return interval_text(array)
    return array if array.type == target else array.cast(target)
