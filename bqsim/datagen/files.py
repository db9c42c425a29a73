"""Canonical rows as files that BigQuery loads: NDJSON, CSV, Parquet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bqsim.types import Field, Mode, Type, TypeKind
from bqsim.types.arrow import arrow_type, compute, constant, from_numpy, to_numpy
from bqsim.types.parse import json_text
from bqsim.types.text import TimestampFormat, text_of
from bqsim.types.wire import escape

from .spec import SpecError

_ISO = TimestampFormat.ISO8601_STRING
# Kinds whose texts are JSON values as they are.
_BARE = frozenset({TypeKind.INT64, TypeKind.BOOL})
_FREE_TEXT = frozenset({TypeKind.STRING, TypeKind.GEOGRAPHY})


def ndjson(fields: Sequence[Field], table: pa.Table) -> bytes:
    """One JSON object a row, by the names of the fields; NULL is ``null``."""
    if not table.num_rows:
        return b""
    parts: list[Any] = []
    columns = [_array(column) for column in table.columns]
    for place, (field, array) in enumerate(zip(fields, columns, strict=True)):
        parts += [("," if place else "{") + json_text(field.name) + ":", _json(array, field)]
    lines = compute(pc.binary_join_element_wise, *parts, "}\n", "")
    offsets = np.frombuffer(lines.buffers()[1], np.int32)
    return memoryview(lines.buffers()[2])[offsets[0] : offsets[len(lines)]].tobytes()


def _array(column: Any) -> Any:
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)


def _json(array: Any, field: Field) -> Any:
    """The JSON text of each value of a field."""
    if field.mode is Mode.REPEATED:
        return _json_lists(array, field)
    if field.kind is TypeKind.STRUCT:
        text = _json_object([(f.name, _json(array.field(i), f)) for i, f in enumerate(field.fields)])
    elif field.kind is TypeKind.RANGE:
        bound = Type(field.range_element or TypeKind.DATE)
        bounds = [_quoted(array.field(i), bound) for i in (0, 1)]
        text = _json_object([("start", bounds[0]), ("end", bounds[1])])
    else:
        return _quoted(array, field.value_type)
    return compute(pc.if_else, pc.is_valid(array), text, "null") if array.null_count else text


def _json_object(members: Sequence[tuple[str, Any]]) -> Any:
    parts: list[Any] = []
    for place, (name, text) in enumerate(members):
        parts += [("," if place else "{") + json_text(name) + ":", text]
    return compute(pc.binary_join_element_wise, *parts, "}", "")


def _json_lists(array: Any, field: Field) -> Any:
    items = _json(
        array.flatten(), Field(field.name, field.kind, Mode.NULLABLE, field.fields, field.range_element)
    )
    offsets = np.zeros(len(array) + 1, np.int32)
    np.cumsum(to_numpy(array.value_lengths(), 0), out=offsets[1:])
    joined = compute(pc.binary_join, pa.ListArray.from_arrays(from_numpy(offsets), items), ",")
    return compute(pc.binary_join_element_wise, "[", joined, "]", "")


def _quoted(array: Any, type_: Type) -> Any:
    text = text_of(array, type_, _ISO)
    if type_.kind in _FREE_TEXT:
        text = escape(text)
    if type_.kind is TypeKind.FLOAT64:
        finite = pc.is_finite(array)
        quoted = compute(pc.binary_join_element_wise, '"', text, '"', "")
        text = compute(pc.if_else, finite, text, quoted)
    elif type_.kind is TypeKind.JSON:
        # A JSON text that is a string would be read as the JSON in it.
        quoted = compute(pc.binary_join_element_wise, '"', escape(text), '"', "")
        text = compute(pc.if_else, pc.starts_with(text, '"'), quoted, text)
    elif type_.kind not in _BARE:
        text = compute(pc.binary_join_element_wise, '"', text, '"', "")
    return pc.fill_null(text, constant("null")) if array.null_count else text


def csv_table(fields: Sequence[Field], table: pa.Table) -> pa.Table:
    """Columns of texts (and of numbers) under the names of the fields. Raises :class:`SpecError`."""
    nested = [f.name for f in fields if f.mode is Mode.REPEATED or f.kind is TypeKind.STRUCT]
    if nested:
        raise SpecError(nested[0], "CSV holds no nested or repeated columns; take NDJSON or Parquet")
    columns = [
        array if field.kind in _BARE else text_of(array, field.value_type, _ISO)
        for field, array in zip(fields, map(_array, table.columns), strict=True)
    ]
    return pa.Table.from_arrays(columns, names=[f.name for f in fields])


def named(fields: Sequence[Field], table: pa.Table) -> pa.Table:
    """Rows under the names of the fields, nested ones too; INTERVAL as text, which Parquet can hold."""
    columns = [_named(array, field) for field, array in zip(fields, map(_array, table.columns), strict=True)]
    schema = [
        pa.field(f.name, c.type, nullable=f.mode is Mode.NULLABLE)
        for f, c in zip(fields, columns, strict=True)
    ]
    return pa.Table.from_arrays(columns, schema=pa.schema(schema))


def _named(array: Any, field: Field) -> Any:
    if field.mode is Mode.REPEATED:
        items = Field(field.name, field.kind, Mode.NULLABLE, field.fields, field.range_element)
        values = _named(array.values, items)
        buffers = array.buffers()[:2]
        type_ = pa.list_(pa.field("item", values.type))
        return pa.Array.from_buffers(type_, len(array), buffers, array.null_count, array.offset, [values])
    if field.kind is TypeKind.STRUCT:
        children = [_named(array.field(i), f) for i, f in enumerate(field.fields)]
        parts = [pa.field(f.name, c.type) for f, c in zip(field.fields, children, strict=True)]
        return pa.StructArray.from_arrays(children, fields=parts, mask=array.is_null())
    return text_of(array, field.value_type, _ISO) if field.kind is TypeKind.INTERVAL else array


def _write_ndjson(out: BinaryIO, fields: Sequence[Field], batches: Iterable[pa.Table]) -> None:
    for batch in batches:
        out.write(ndjson(fields, batch))


def _write_csv(out: BinaryIO, fields: Sequence[Field], batches: Iterable[pa.Table]) -> None:
    import pyarrow.csv as pa_csv

    for place, batch in enumerate(batches):
        pa_csv.write_csv(csv_table(fields, batch), out, pa_csv.WriteOptions(include_header=place == 0))


def _write_parquet(out: BinaryIO, fields: Sequence[Field], batches: Iterable[pa.Table]) -> None:
    import pyarrow.parquet as pq

    empty = pa.Table.from_arrays([pa.nulls(0, arrow_type(f.type)) for f in fields], [f.name for f in fields])
    with pq.ParquetWriter(out, named(fields, empty).schema) as writer:
        for batch in batches:
            writer.write_table(named(fields, batch))


FORMATS: dict[str, Callable[[BinaryIO, Sequence[Field], Iterable[pa.Table]], None]] = {
    "ndjson": _write_ndjson,
    "json": _write_ndjson,
    "jsonl": _write_ndjson,
    "csv": _write_csv,
    "parquet": _write_parquet,
}


def format_of(path: Path) -> str:
    """The format that a file's name ends with. Raises :class:`SpecError`."""
    found = path.suffix.lstrip(".").lower()
    if found not in FORMATS:
        raise SpecError(str(path), f"a name that ends in {', '.join('.' + f for f in FORMATS)} is wanted")
    return found


def write(out: BinaryIO, form: str, fields: Sequence[Field], batches: Iterable[pa.Table]) -> int:
    """Write rows in a format of :data:`FORMATS`; how many there were."""
    rows = 0

    def counted() -> Iterable[pa.Table]:
        nonlocal rows
        for batch in batches:
            rows += batch.num_rows
            yield batch

    FORMATS[form](out, fields, counted())
    return rows
