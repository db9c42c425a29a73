"""Newline-delimited JSON."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from bqsim.errors import unsupported
from bqsim.types import Field, Mode, TypeKind
from bqsim.types.arrow import arrow_type, empty_table, null_table, table_of
from bqsim.types.values import table_from_rows

from .json_rows import decode, parse_row
from .parsed import Parsed
from .texts import convert
from .time_formats import TimeFormats

# Kinds whose JSON values the bulk reader takes as they are; other scalars it reads as text.
_NATIVE = {
    TypeKind.INT64: pa.int64(),
    TypeKind.FLOAT64: pa.float64(),
    TypeKind.BOOL: pa.bool_(),
}
# How many lines tell whether numbers are written as strings.
_SAMPLE = 20
_TEXT = frozenset(
    {
        TypeKind.STRING,
        TypeKind.BYTES,
        TypeKind.NUMERIC,
        TypeKind.BIGNUMERIC,
        TypeKind.DATE,
        TypeKind.TIME,
        TypeKind.DATETIME,
        TypeKind.TIMESTAMP,
        TypeKind.GEOGRAPHY,
        TypeKind.INTERVAL,
    }
)
_BLOCK_BYTES = 16 << 20


def read_ndjson(
    data: bytes,
    fields: tuple[Field, ...],
    *,
    ignore_unknown: bool = False,
    formats: TimeFormats | None = None,
) -> Parsed:
    """The rows of ``data`` for ``fields``; names match without regard to case, missing values are NULL."""
    if not data.strip():
        return Parsed(fields, empty_table(fields))
    if formats is not None and formats != TimeFormats():
        return _read_formatted(data, fields, ignore_unknown, formats)
    rows = None if ignore_unknown else _read_in_bulk(data, fields)
    return Parsed(fields, rows) if rows is not None else _read_by_line(data, fields, ignore_unknown)


def _read_formatted(
    data: bytes, fields: tuple[Field, ...], ignore_unknown: bool, formats: TimeFormats
) -> Parsed:
    """The rows of ``data`` in which dates and times are written otherwise than usual."""
    for f in fields:
        repeated = f.mode is Mode.REPEATED and formats.concerns(f.kind)
        if repeated or (f.kind is TypeKind.STRUCT and any(formats.concerns(n.kind) for n in f.fields)):
            raise unsupported(f"A format of dates and times in nested or repeated field {f.name}")
    texts = tuple(Field(f.name, TypeKind.STRING, f.mode) if formats.concerns(f.kind) else f for f in fields)
    found = read_ndjson(data, texts, ignore_unknown=ignore_unknown)
    columns: list[Any] = []
    wrong: dict[int, str] = {}
    for f, text, column in zip(fields, texts, found.rows.columns, strict=True):
        if text is f:
            columns.append(column)
            continue
        values, bad = convert(column, f, formats)
        columns.append(values)
        wrong |= {row: f"{message} Field: {f.name}" for row, message in bad.items()}
    rows = table_of(columns)
    if wrong:
        rows = rows.filter(pa.array([row not in wrong for row in range(rows.num_rows)]))
    told = [f"JSON parsing error in row {row + 1}: {text}" for row, text in sorted(wrong.items())]
    return Parsed(fields, rows, [*found.bad, *told])


def _read_in_bulk(data: bytes, fields: tuple[Field, ...]) -> pa.Table | None:
    """The rows when all are of the usual form, else None."""
    if any(not _is_usual(f) for f in fields):
        return None
    schema = pa.schema([(f.name, _json_type(f, values)) for f, values in _first_values(data, fields)])
    options = pj.ParseOptions(explicit_schema=schema, unexpected_field_behavior="error")
    reading = pj.ReadOptions(block_size=min(max(len(data), 1), _BLOCK_BYTES))
    try:
        table = pj.read_json(io.BytesIO(data), read_options=reading, parse_options=options)
        if not fields:
            return null_table(fields, table.num_rows)
        columns = [_canonical(table.column(f.name), f) for f in fields]
    except (pa.ArrowInvalid, _NotUsual):
        return None
    return table_of(columns)


def sample_rows(data: bytes, most: int) -> list[dict[str, Any]]:
    """The objects among the first lines that are not blank."""
    rows: list[dict[str, Any]] = []
    for _, line in islice(_lines(data), most):
        try:
            row = decode(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(row, dict):
            rows.append(row)
    return rows


def _first_values(data: bytes, fields: tuple[Field, ...]) -> list[tuple[Field, list[Any]]]:
    """The fields with their values in the first lines, to know which numbers are written as strings."""
    rows = sample_rows(data, _SAMPLE)
    return [(f, [row.get(f.name) for row in rows]) for f in fields]


class _NotUsual(Exception):
    """A value needs a closer look."""


def _is_usual(f: Field) -> bool:
    if f.kind is TypeKind.STRUCT:
        return all(_is_usual(n) for n in f.fields)
    return f.kind in _NATIVE or f.kind in _TEXT


def _json_type(f: Field, values: list[Any]) -> pa.DataType:
    """How the bulk reader is to read a field of which these are some values."""
    if f.mode is Mode.REPEATED:
        values = [item for v in values if isinstance(v, list) for item in v]
    if f.kind is TypeKind.STRUCT:
        records = [v for v in values if isinstance(v, dict)]
        nested = [(n.name, _json_type(n, [r.get(n.name) for r in records])) for n in f.fields]
        inner: pa.DataType = pa.struct(nested)
    else:
        as_text = any(isinstance(v, str) for v in values)
        inner = pa.string() if as_text else _NATIVE.get(f.kind, pa.string())
    return pa.list_(inner) if f.mode is Mode.REPEATED else inner


def _canonical(column: pa.ChunkedArray, f: Field) -> pa.ChunkedArray:
    chunks = [_canonical_array(chunk, f) for chunk in column.chunks]
    return pa.chunked_array(chunks, type=arrow_type(f.type))


def _canonical_array(array: pa.Array, f: Field) -> pa.Array:
    if f.mode is Mode.REQUIRED and array.null_count:
        raise _NotUsual
    if f.mode is Mode.REPEATED:
        return _canonical_list(array, f)
    if f.kind is TypeKind.STRUCT:
        children = [_canonical_array(array.field(i), n) for i, n in enumerate(f.fields)]
        names = [f"_{i}" for i in range(1, len(children) + 1)]
        return pa.StructArray.from_arrays(children, names=names, mask=array.is_null())
    if f.kind in _NATIVE and array.type == _NATIVE[f.kind]:
        return array
    converted, wrong = convert(pa.chunked_array([array]), f)
    if wrong:
        raise _NotUsual
    return converted.combine_chunks()


def _canonical_list(array: pa.Array, f: Field) -> pa.Array:
    """The elements in canonical form; a missing list is empty."""
    from dataclasses import replace

    flat = array.flatten()
    if flat.null_count:
        raise _NotUsual
    values = _canonical_array(flat, replace(f, mode=Mode.NULLABLE))
    lengths = pc.fill_null(pc.list_value_length(array), 0).cast(pa.int64())
    ends = pc.cumulative_sum(lengths)
    offsets = pa.concat_arrays([pa.array([0], pa.int64()), ends]).cast(pa.int32())
    return pa.ListArray.from_arrays(offsets, values).cast(arrow_type(f.type))


def _read_by_line(data: bytes, fields: tuple[Field, ...], ignore_unknown: bool) -> Parsed:
    rows: list[Sequence[Any]] = []
    bad: list[str] = []
    for position, line in _lines(data):
        problems: list[str] = []
        try:
            body = decode(line)
        except (ValueError, RecursionError):
            bad.append(
                f"JSON parsing error in row starting at position {position}: "
                "Parser terminated before end of string"
            )
            continue
        if not isinstance(body, dict):
            bad.append(
                f"JSON parsing error in row starting at position {position}: Start of object expected."
            )
            continue
        values = parse_row(fields, body, ignore_unknown, lambda _, message, p=problems: p.append(message))  # type: ignore[misc]
        if problems:
            text = problems[0][0].upper() + problems[0][1:]
            bad.append(f"JSON parsing error in row starting at position {position}: {text.rstrip('.')}")
        else:
            rows.append(values)
    return Parsed(fields, table_from_rows(fields, rows), bad)


def _lines(data: bytes) -> Iterator[tuple[int, bytes]]:
    position = 0
    for line in data.split(b"\n"):
        if line.strip():
            yield position, line
        position += len(line) + 1
