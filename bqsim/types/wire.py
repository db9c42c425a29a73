"""Rows in the REST API's ``f``/``v`` JSON, built in bulk from canonical Arrow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .arrow import compute, constant, from_numpy, to_numpy
from .kinds import Field, Mode, Type, TypeKind
from .text import TimestampFormat, text_of

# The service cuts a page of rows at about this size (page *Paging through results*).
PAGE_BYTES = 10 * 1024 * 1024
_CHUNK_ROWS = 32_768
_CHUNK_BYTES = 64 * 1024 * 1024
# Kinds whose texts may hold characters that JSON escapes.
_FREE_TEXT = frozenset({TypeKind.STRING, TypeKind.JSON, TypeKind.GEOGRAPHY})
_ESCAPES = {
    **{code: f"\\u{code:04x}" for code in range(0x20)},
    0x22: '\\"',
    0x08: "\\b",
    0x09: "\\t",
    0x0A: "\\n",
    0x0C: "\\f",
    0x0D: "\\r",
}


@dataclass(frozen=True, slots=True)
class WireOptions:
    """``formatOptions`` of the API."""

    timestamps: TimestampFormat = TimestampFormat.FLOAT64


DEFAULT = WireOptions()


def encode_rows(fields: Sequence[Field], table: pa.Table, options: WireOptions = DEFAULT) -> bytes:
    """The JSON array of ``rows``: ``[{"f":[{"v":"1"},...]},...]``."""
    return encode_page(fields, table, options=options, max_bytes=None)[0]


def encode_page(
    fields: Sequence[Field],
    table: pa.Table,
    *,
    options: WireOptions = DEFAULT,
    max_bytes: int | None = PAGE_BYTES,
) -> tuple[bytes, int]:
    """As :func:`encode_rows`, stopping before ``max_bytes`` of JSON; (text, number of rows in it).

    At least one row is encoded when there is one.
    """
    parts: list[bytes] = []
    done, size = 0, 2
    step = _chunk_rows(table)
    while done < table.num_rows:
        try:
            rows = _rows(fields, table.slice(done, step), options)
        except (pa.ArrowInvalid, pa.ArrowCapacityError):
            # Rows far above the average size: their texts together are beyond an Arrow string array.
            if step == 1:
                raise
            step = max(1, step // 8)
            continue
        count = len(rows)
        if max_bytes is not None:
            count = _fitting(rows, max_bytes - size, at_least=0 if done else 1)
        text = _joined(rows, count)
        parts.append(text)
        size += len(text)
        done += count
        if count < len(rows):
            break
    body = b"".join(parts)
    return b"[" + body[:-1] + b"]", done


def _chunk_rows(table: pa.Table) -> int:
    if not table.num_rows:
        return 1
    fitting: int = _CHUNK_BYTES * table.num_rows // max(table.nbytes, 1)
    return max(1, min(_CHUNK_ROWS, fitting))


def _fitting(rows: Any, room: int, at_least: int) -> int:
    ends = _offsets(rows)[1:] - _offsets(rows)[0]
    return max(at_least, int(np.searchsorted(ends, room, side="right")))


def _offsets(array: Any) -> Any:
    return np.frombuffer(array.buffers()[1], np.int32)[array.offset : array.offset + len(array) + 1]


def _joined(rows: Any, count: int) -> bytes:
    """The texts of the first ``count`` rows, which end with a comma each, without copying them one by one."""
    offsets = _offsets(rows)
    return memoryview(rows.buffers()[2])[int(offsets[0]) : int(offsets[count])].tobytes() if count else b""


def _rows(fields: Sequence[Field], table: pa.Table, options: WireOptions) -> Any:
    columns = [c.combine_chunks() for c in table.columns]
    columns = [c.chunk(0) if isinstance(c, pa.ChunkedArray) else c for c in columns]
    types = [f.type for f in fields]
    return _record(columns, types, options, end="]},")


def _record(columns: Sequence[Any], types: Sequence[Type], options: WireOptions, end: str = "]}") -> Any:
    """``{"f":[{"v":…},…]}`` of each row; the columns have one length."""
    parts: list[Any] = []
    constant = '{"f":[{"v":'
    for i, (column, type_) in enumerate(zip(columns, types, strict=True)):
        before, text, after = _value(column, type_, options)
        parts += [constant + ('},{"v":' if i else "") + before, text]
        constant = after
    return compute(pc.binary_join_element_wise, *parts, constant + "}" + end, "")


def _value(array: Any, type_: Type, options: WireOptions) -> tuple[str, Any, str]:
    """JSON values as (text before, texts without NULLs, text after)."""
    if type_.kind is TypeKind.ARRAY and type_.element is not None:
        return "[", _elements(array, type_.element, options), "]"
    if type_.kind is TypeKind.STRUCT:
        if not type_.fields:
            return "", _null_where_missing(array, pa.repeat('{"f":[]}', len(array))), ""
        children = [array.field(i) for i in range(array.type.num_fields)]
        text = _record(children, [f.type for f in type_.fields], options)
        return "", _null_where_missing(array, text), ""
    text = text_of(array, type_, options.timestamps)
    if type_.kind in _FREE_TEXT:
        text = escape(text)
    if array.null_count == 0:
        return '"', text, '"'
    return "", pc.fill_null(compute(pc.binary_join_element_wise, '"', text, '"', ""), constant("null")), ""


def _null_where_missing(array: Any, text: Any) -> Any:
    return compute(pc.if_else, pc.is_valid(array), text, "null") if array.null_count else text


def _elements(array: Any, element: Type, options: WireOptions) -> Any:
    """``{"v":…},…`` of each list; a NULL list is an empty one, as the service has no NULL arrays in
    results.
    """
    values = array.flatten()
    before, text, after = _value(values, element, options)
    cells = compute(pc.binary_join_element_wise, '{"v":' + before, text, after + "}", "")
    lengths = to_numpy(array.value_lengths(), 0)
    offsets = np.zeros(len(array) + 1, np.int32)
    np.cumsum(lengths, out=offsets[1:])
    lists = pa.ListArray.from_arrays(from_numpy(offsets), cells)
    return compute(pc.binary_join, lists, ",")


def escape(text: Any) -> Any:
    """String values with the characters escaped that JSON strings may not hold."""
    used = _special(text)
    if not used:
        return text
    if 0x5C in used:
        text = pc.replace_substring(text, "\\", "\\\\")
    for code in used:
        if code != 0x5C:
            text = pc.replace_substring(text, chr(code), _ESCAPES[code])
    return text


def _special(text: Any) -> list[int]:
    """The codes in an array's bytes that need an escape."""
    data = text.buffers()[2]
    if data is None or not len(text):
        return []
    offsets = _offsets(text)
    raw = np.frombuffer(data, np.uint8)[offsets[0] : offsets[-1]]
    odd = raw[(raw < 0x20) | (raw == 0x22) | (raw == 0x5C)]
    return [int(code) for code in np.unique(odd)]


def project(fields: Sequence[Field], table: pa.Table, selected: str) -> tuple[tuple[Field, ...], pa.Table]:
    """The columns that ``selectedFields`` names (``a,b.c``; case aside), in the order of the schema.

    Unknown names select nothing.
    """
    wanted = _tree(selected)
    kept: list[Field] = []
    columns: list[Any] = []
    for field, column in zip(fields, table.columns, strict=True):
        nested = wanted.get(field.name.casefold())
        if nested is None:
            continue
        narrow, take = _narrow(field, nested)
        kept.append(narrow)
        columns.append(column if take is None else pa.chunked_array([take(c) for c in column.chunks]))
    names = [f"c{i}" for i in range(1, len(kept) + 1)]
    return tuple(kept), pa.Table.from_arrays(columns, names=names)


def _tree(selected: str) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for path in selected.split(","):
        node = tree
        for name in path.strip().casefold().split("."):
            node = node.setdefault(name, {})
    return tree


def _narrow(field: Field, nested: dict[str, Any]) -> tuple[Field, Any]:
    """The field with its selected nested fields, and what to do to its arrays (None: nothing)."""
    if not nested or field.kind is not TypeKind.STRUCT:
        return field, None
    chosen = [(i, f) for i, f in enumerate(field.fields) if f.name.casefold() in nested]
    inner = [(i, *_narrow(f, nested[f.name.casefold()])) for i, f in chosen]

    def take_struct(array: Any) -> Any:
        children = [array.field(i) if take is None else take(array.field(i)) for i, _, take in inner]
        parts = [pa.field(f"_{n}", c.type) for n, c in enumerate(children, 1)]
        return pa.StructArray.from_arrays(children, fields=parts, mask=array.is_null())

    def take_list(array: Any) -> Any:
        values = take_struct(array.flatten())
        lengths = to_numpy(array.value_lengths(), 0)
        offsets = np.concatenate(([0], np.cumsum(lengths))).astype(np.int32)
        return pa.ListArray.from_arrays(from_numpy(offsets), values)

    narrow = replace(field, fields=tuple(f for _, f, _ in inner))
    return narrow, take_list if field.mode is Mode.REPEATED else take_struct
