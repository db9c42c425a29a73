"""Newline-delimited JSON."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from bqsim.types import Field, Mode, TypeKind
from bqsim.types.arrow import arrow_type, empty_table, null_table, table_of
from bqsim.types.values import parse_cell, table_from_rows

from .geojson import feature_row, features
from .json_numbers import numeric
from .json_rows import decode, parse_row
from .parsed import Parsed, together
from .pipeline import ahead
from .streams import blocks, pieces, utf8, within_space
from .texts import convert
from .time_formats import TimeFormats

# Kinds whose JSON values the bulk reader takes as they are; other scalars it reads as text.
_NATIVE = {
    TypeKind.INT64: pa.int64(),
    TypeKind.FLOAT64: pa.float64(),
    TypeKind.BOOL: pa.bool_(),
}
_FEED, _RETURN, _OPEN, _CLOSE = b"\n\r{}"
_NULL_BEHIND = re.compile(rb"\}\s*n")
# How the bulk reader takes numbers that are values of other kinds.
_NUMBERS: dict[TypeKind, Any] = {
    TypeKind.NUMERIC: pa.float64(),
    TypeKind.BIGNUMERIC: pa.float64(),
    TypeKind.TIMESTAMP: pa.int64(),
}
# The first and the last second of a TIMESTAMP.
_SECONDS = (-62_135_596_800, 253_402_300_799)
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
# How much is parsed at once: what comes of more does not fit into memory that has been used before, and new
# memory costs more than blocks do.
BLOCK_BYTES = 4 << 20
# How little is no longer divided to find the rows that are bad.
_LEAST_BYTES = 64 << 10
_PARTS = 8
# How much of a file is looked at to detect what it holds.
_SAMPLE_BYTES = 4 << 20
# How many bad rows more than are allowed are told of.
_TOLD = 100


@dataclass(frozen=True, slots=True)
class JsonOptions:
    """How a file is written. ``geojson``: each line is a feature; ``encoding`` is Python's name."""

    encoding: str = "utf-8"
    ignore_unknown: bool = False
    formats: TimeFormats | None = None
    geojson: bool = False

    def parse(self, value: Any, field: Field) -> Any:
        """The canonical value of a JSON value."""
        if self.formats is not None and isinstance(value, str) and self.formats.concerns(field.kind):
            return self.formats.parse(value, field)
        return parse_cell(value, field)


def read_ndjson(
    data: bytes,
    fields: tuple[Field, ...],
    *,
    ignore_unknown: bool = False,
    formats: TimeFormats | None = None,
) -> Parsed:
    """The rows of ``data`` for ``fields``; names match without regard to case, missing values are NULL."""
    options = JsonOptions(ignore_unknown=ignore_unknown, formats=formats)
    return together(fields, list(batches(io.BytesIO(data), fields, options, most_bad=len(data))))


def batches(
    stream: BinaryIO,
    fields: Sequence[Field],
    options: JsonOptions,
    *,
    size: int = BLOCK_BYTES,
    most_bad: int = 0,
) -> Iterator[Parsed]:
    """The rows of a file, of about ``size`` bytes at a time; values go to ``fields`` by name.

    Ends early after the rows in which more than ``most_bad`` were bad.
    """
    read = partial(_read_block, fields=tuple(fields), options=options, most_bad=most_bad)
    empty = True
    for parsed in ahead(read, blocks(utf8(stream, options.encoding), size, _lines_end, alone=True)):
        empty = False
        yield parsed
        if len(parsed.bad) > most_bad:
            return
    if empty:
        yield Parsed(tuple(fields), empty_table(fields))


def sample_rows(stream: BinaryIO, most: int, options: JsonOptions) -> list[dict[str, Any]]:
    """The objects among the first lines of a file that are not blank."""
    data = utf8(stream, options.encoding).read(_SAMPLE_BYTES)
    if len(data) == _SAMPLE_BYTES:
        data = data[: _lines_end(data)]
    return _sample(data, most)


def _lines_end(data: bytes) -> int:
    return data.rfind(b"\n") + 1


def _read_block(
    block: tuple[int, bytes], fields: tuple[Field, ...], options: JsonOptions, most_bad: int
) -> Parsed:
    """The rows of a block: in bulk, those parts of it that are not of the usual form line by line."""
    position, data = block
    if within_space(data)[0] == len(data):
        return Parsed(fields, empty_table(fields))
    rows = _read_in_bulk(features(data) if options.geojson else data, fields, options)
    if rows is not None:
        return Parsed(fields, rows)
    divides = len(data) > _LEAST_BYTES and all(map(_is_usual, fields))
    divided = list(pieces(data, _PARTS, _lines_end)) if divides else []
    if len(divided) < 2:
        return _read_by_line(data, fields, options, position, most_bad)
    parts: list[Parsed] = []
    bad = 0
    for at, piece in divided:
        parts.append(_read_block((position + at, piece), fields, options, most_bad))
        bad += len(parts[-1].bad)
        if bad > most_bad:
            break
    return together(fields, parts)


def _regular_rows(data: bytes) -> int | None:
    """The number of rows when each line is one of them; None when some are not objects or not on one line.

    Within an object or array one object is not behind another without a comma, so that such an end of a line
    is one of a row. A row of ``null`` kills the bulk reader.
    """
    start, stop = within_space(data)
    found = np.frombuffer(data, np.uint8)[start:stop]
    if not len(found) or found[0] != _OPEN or found[-1] != _CLOSE:
        return None
    ends = np.flatnonzero(found == _FEED)
    before, behind = found[ends - 1], found[ends + 1]
    if b"\r" in data:
        before = np.where(before == _RETURN, found[ends - 2], before)
    if not (before == _CLOSE).all() or not (behind == _OPEN).all():
        return None
    # Without objects within objects there is one at each end of a line only.
    closed = np.count_nonzero(found == _CLOSE)
    return None if closed > len(ends) + 1 and _NULL_BEHIND.search(data) else len(ends) + 1


def _read_in_bulk(data: bytes, fields: tuple[Field, ...], options: JsonOptions) -> pa.Table | None:
    """The rows when all are of the usual form, else None."""
    if any(not _is_usual(f) for f in fields) or not _is_utf8(data):
        return None
    if options.ignore_unknown and any(word in data for word in (b"NaN", b"Inf")):
        return None
    rows = _regular_rows(data)
    if rows is None:
        return None
    unknown = "infer" if options.ignore_unknown else "error"
    try:
        sample = _sample(data, _SAMPLE)
        spelt = _spelt(fields, sample)
        schema = pa.schema(
            [(n, _json_type(f, [row.get(n) for row in sample])) for n, f in zip(spelt, fields, strict=True)]
        )
        table = pj.read_json(
            pa.BufferReader(data),
            read_options=pj.ReadOptions(block_size=len(data) + 1, use_threads=False),
            parse_options=pj.ParseOptions(explicit_schema=schema, unexpected_field_behavior=unknown),
        )
        if table.num_rows != rows:
            return None
        if options.ignore_unknown and not _is_known(table.schema, schema):
            return None
        if not fields:
            return null_table(fields, table.num_rows)
        columns = [
            _canonical(table.column(n), f, options.formats) for n, f in zip(spelt, fields, strict=True)
        ]
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, _NotUsual):
        return None
    return table_of(columns)


def _spelt(fields: Sequence[Field], rows: Sequence[dict[str, Any]]) -> list[str]:
    """The names of fields as the rows write them."""
    found = {name for row in rows for name in row}
    names = {name.casefold(): name for name in found}
    if len(names) < len(found):
        raise _NotUsual
    return [names.get(f.name.casefold(), f.name) for f in fields]


def _is_utf8(data: bytes) -> bool:
    if data.isascii():
        return True
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _is_known(found: pa.Schema | pa.StructType, expected: pa.Schema | pa.StructType) -> bool:
    """Whether the fields that were not expected have no names that differ in case alone."""
    names = {f.name.casefold(): f for f in expected}
    for f in found:
        known = names.get(f.name.casefold())
        if known is None:
            continue
        if known.name != f.name:
            return False
        inner, outer = known.type, f.type
        while pa.types.is_list(inner) and pa.types.is_list(outer):
            inner, outer = inner.value_type, outer.value_type
        if pa.types.is_struct(inner) and not (pa.types.is_struct(outer) and _is_known(outer, inner)):
            return False
    return True


def _sample(data: bytes, most: int) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for _, line in islice(_lines(data), most):
        try:
            row = decode(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(row, dict):
            rows.append(row)
    return rows


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
        spelt = _spelt(f.fields, records)
        named = zip(spelt, f.fields, strict=True)
        nested = [(s, _json_type(n, [r.get(s) for r in records])) for s, n in named]
        inner: pa.DataType = pa.struct(nested)
    else:
        as_text = any(isinstance(v, str) for v in values)
        as_number = any(isinstance(v, int | float) for v in values) and not as_text
        types = _NUMBERS if as_number and f.kind in _NUMBERS else _NATIVE
        inner = pa.string() if as_text else types.get(f.kind, pa.string())
    return pa.list_(inner) if f.mode is Mode.REPEATED else inner


def _canonical(column: pa.ChunkedArray, f: Field, formats: TimeFormats | None) -> pa.ChunkedArray:
    chunks = [_canonical_array(chunk, f, formats) for chunk in column.chunks]
    return pa.chunked_array(chunks, type=arrow_type(f.type))


def _canonical_array(array: pa.Array, f: Field, formats: TimeFormats | None) -> pa.Array:
    if f.mode is Mode.REQUIRED and array.null_count:
        raise _NotUsual
    if f.mode is Mode.REPEATED:
        return _canonical_list(array, f, formats)
    if f.kind is TypeKind.STRUCT:
        if array.null_count and any(n.mode is Mode.REQUIRED for n in f.fields):
            raise _NotUsual
        children = [_canonical_array(array.field(i), n, formats) for i, n in enumerate(f.fields)]
        names = [f"_{i}" for i in range(1, len(children) + 1)]
        return pa.StructArray.from_arrays(children, names=names, mask=array.is_null())
    if f.kind in _NATIVE and array.type == _NATIVE[f.kind]:
        # The bulk reader takes words for numbers that JSON does not have.
        if f.kind is TypeKind.FLOAT64 and not pc.all(pc.is_finite(array), min_count=0).as_py():
            raise _NotUsual
        return array
    if f.kind in _NUMBERS and array.type == _NUMBERS[f.kind]:
        return _number(array, f)
    converted, wrong = convert(pa.chunked_array([array]), f, formats)
    if wrong:
        raise _NotUsual
    return converted.combine_chunks()


def _number(array: pa.Array, f: Field) -> pa.Array:
    """Numbers as values of another kind."""
    if f.kind is TypeKind.TIMESTAMP:
        found = pc.min_max(array)
        first, last = found["min"].as_py(), found["max"].as_py()
        if first is not None and (first < _SECONDS[0] or last > _SECONDS[1]):
            raise _NotUsual
        return array.cast(pa.timestamp("s")).cast(arrow_type(f.type))
    found = numeric(array) if f.precision is None else None
    if found is None:
        raise _NotUsual
    return found.cast(arrow_type(f.type))


def _canonical_list(array: pa.Array, f: Field, formats: TimeFormats | None) -> pa.Array:
    """The elements in canonical form; a missing list is empty."""
    flat = array.flatten()
    if flat.null_count:
        raise _NotUsual
    values = _canonical_array(flat, replace(f, mode=Mode.NULLABLE), formats)
    lengths = pc.fill_null(pc.list_value_length(array), 0).cast(pa.int64())
    ends = pc.cumulative_sum(lengths)
    offsets = pa.concat_arrays([pa.array([0], pa.int64()), ends]).cast(pa.int32())
    return pa.ListArray.from_arrays(offsets, values).cast(arrow_type(f.type))


def _read_by_line(
    data: bytes, fields: tuple[Field, ...], options: JsonOptions, position: int, most_bad: int
) -> Parsed:
    """The rows of what begins at ``position`` of the file, and what is wrong with those that are bad."""
    rows: list[Sequence[Any]] = []
    bad: list[str] = []
    for at, line in _lines(data):
        problems: list[str] = []
        values = _row(line, fields, options, problems)
        if problems:
            text = problems[0][0].upper() + problems[0][1:]
            place = f"JSON parsing error in row starting at position {position + at}"
            bad.append(f"{place}: {text if text.endswith('expected.') else text.rstrip('.')}")
            if len(bad) > most_bad + _TOLD:
                break
        else:
            rows.append(values)
    return Parsed(fields, table_from_rows(fields, rows), bad)


def _row(line: bytes, fields: tuple[Field, ...], options: JsonOptions, problems: list[str]) -> Sequence[Any]:
    try:
        body = decode(line)
    except (ValueError, RecursionError):
        problems.append("Parser terminated before end of string")
        return ()
    if options.geojson:
        body = feature_row(body)
    if not isinstance(body, dict):
        problems.append("Start of object expected.")
        return ()
    return parse_row(
        fields, body, options.ignore_unknown, lambda _, message: problems.append(message), options.parse
    )


def _lines(data: bytes) -> Iterator[tuple[int, bytes]]:
    position = 0
    while position < len(data):
        end = data.find(b"\n", position)
        end = len(data) if end < 0 else end
        line = data[position:end]
        if line.strip():
            yield position, line
        position = end + 1
