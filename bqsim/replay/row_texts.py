"""Rows in the REST API's ``f``/``v`` JSON as text and as canonical Arrow.

Cells keep the texts of the service: JSON and GEOGRAPHY are not put into bqsim's own canonical spelling.
"""

from __future__ import annotations

import binascii
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bqsim.types import Field, Mode, TypeKind
from bqsim.types.arrow import arrow_type, compute, constant, from_numpy, table_of, to_numpy
from bqsim.types.parse import parse_interval, parse_text
from bqsim.types.text import TimestampFormat
from bqsim.types.values import array_of_values

_MICROS = 1_000_000
_ROWS_AT_ONCE = 2048
# TIMESTAMP's first and last microsecond: seconds as FLOAT64 tell those near them less exactly.
_FIRST_US, _LAST_US = -62_135_596_800_000_000, 253_402_300_799_999_999
_QUOTE, _OPEN, _CLOSE, _LIST, _END, _COMMA = b'"{}[],'


# Where rows are in their text


def row_ends(data: bytes) -> Any:
    """The place after each row of a JSON array of objects, and the place of each row: two arrays of int64.

    ``ValueError`` when the text is no such array.
    """
    # Of the same length, so that all quotes that are left begin or end a string.
    plain = data.replace(b"\\\\", b"__").replace(b'\\"', b"__")
    codes = np.frombuffer(plain, np.uint8)
    inside = np.bitwise_xor.accumulate((codes == _QUOTE).view(np.uint8)).astype(bool)
    marks = np.flatnonzero(
        ((codes == _OPEN) | (codes == _CLOSE) | (codes == _LIST) | (codes == _END)) & ~inside
    )
    steps = np.where((codes[marks] == _OPEN) | (codes[marks] == _LIST), 1, -1)
    depth = np.cumsum(steps)
    if not len(depth) or depth[-1] != 0 or codes[marks[0]] != _LIST:
        raise ValueError("rows are a JSON array")
    starts = marks[(depth == 2) & (codes[marks] == _OPEN)]
    ends = marks[(depth == 1) & (codes[marks] == _CLOSE)] + 1
    if len(starts) != len(ends):
        raise ValueError("rows are JSON objects")
    return starts, ends


def rows_text(data: bytes, starts: Any, ends: Any, first: int, count: int) -> bytes:
    """Some rows of a JSON array, as they stand there, as an array."""
    if not count:
        return b"[]"
    return b"[" + data[int(starts[first]) : int(ends[first + count - 1])] + b"]"


def narrowed_text(rows: Sequence[Any], fields: Sequence[Field], selected: str) -> bytes:
    """Decoded rows with the columns that ``selectedFields`` names (``a,b.c``, case aside)."""
    tree: dict[str, Any] = {}
    for path in selected.split(","):
        node = tree
        for name in path.strip().casefold().split("."):
            node = node.setdefault(name, {})
    take = _taker(fields, tree)
    return json.dumps([take(row) for row in rows], separators=(",", ":"), ensure_ascii=False).encode()


def _taker(fields: Sequence[Field], tree: dict[str, Any]) -> Callable[[Any], Any]:
    """What leaves the cells of ``fields`` that ``tree`` names in a row."""
    kept: list[tuple[int, Callable[[Any], Any] | None]] = []
    for i, field in enumerate(fields):
        below = tree.get(field.name.casefold())
        if below is None:
            continue
        inner = _taker(field.fields, below) if below and field.kind is TypeKind.STRUCT else None
        kept.append((i, inner and _within(inner, field.mode is Mode.REPEATED)))

    def take(row: Any) -> Any:
        if row is None:
            return None
        cells = row["f"]
        return {"f": [cells[i] if inner is None else {"v": inner(cells[i].get("v"))} for i, inner in kept]}

    return take


def _within(take: Callable[[Any], Any], repeated: bool) -> Callable[[Any], Any]:
    if not repeated:
        return take
    return lambda items: None if items is None else [{"v": take(item.get("v"))} for item in items]


# Texts as canonical columns


def table_of_json(data: bytes, fields: Sequence[Field], timestamps: TimestampFormat | None) -> pa.Table:
    """The rows of a JSON array as canonical columns. ``timestamps``: in which form TIMESTAMP was asked for,
    where its texts do not show it. ``ValueError`` when they are no rows of ``fields``."""
    flat = _flat_columns(data, fields) if data[:1] == b"[" else None
    if flat is not None:
        return table_of([scalar_column(t, f, timestamps) for t, f in zip(flat, fields, strict=True)])
    starts, ends = row_ends(data)
    if len(starts) > _ROWS_AT_ONCE:
        # Few objects at a time: the more there are, the longer the collector goes through them.
        firsts = range(0, len(starts), _ROWS_AT_ONCE)
        counts = [min(_ROWS_AT_ONCE, len(starts) - first) for first in firsts]
        texts = (rows_text(data, starts, ends, *part) for part in zip(firsts, counts, strict=True))
        return pa.concat_tables([_table(text, fields, timestamps) for text in texts])
    return _table(data, fields, timestamps)


def _table(data: bytes, fields: Sequence[Field], timestamps: TimestampFormat | None) -> pa.Table:
    rows = json.loads(data)
    try:
        cells = [row["f"] for row in rows]
        columns = [
            _column([cell[i].get("v") for cell in cells], field, timestamps) for i, field in enumerate(fields)
        ]
    except (KeyError, IndexError, TypeError, AttributeError):
        raise ValueError("the rows do not have the form of their schema") from None
    if not columns:
        return pa.table({"_": pa.nulls(len(rows))}).select([])
    return table_of(columns)


def _flat_columns(data: bytes, fields: Sequence[Field]) -> list[pa.Array] | None:
    """The texts of rows without lists, records and odd blanks, column by column; None for other rows."""
    if not fields or any(f.mode is Mode.REPEATED or f.kind is TypeKind.STRUCT for f in fields):
        return None
    import pyarrow.json as pj

    # Strings cannot hold what is put on lines here: their quotes are escaped.
    lines = data[1:-1].replace(b']},{"f":[', b']}\n{"f":[')
    cells = pa.list_(pa.field("item", pa.struct([pa.field("v", pa.string())])))
    try:
        found = pj.read_json(
            pa.BufferReader(lines),
            read_options=pj.ReadOptions(block_size=len(lines) + 1, use_threads=False),
            parse_options=pj.ParseOptions(
                explicit_schema=pa.schema([("f", cells)]), unexpected_field_behavior="error"
            ),
        )
    except pa.ArrowException:
        return None
    count, column = len(fields), found.column("f").combine_chunks()
    if lines.count(b"\n") + 1 != found.num_rows or (to_numpy(pc.list_value_length(column), 0) != count).any():
        return None
    values = pc.struct_field(column.flatten(), "v")
    places = np.arange(found.num_rows, dtype=np.int64) * count
    return [values.take(from_numpy(places + i)) for i in range(count)]


def timestamps_of(
    rows: Iterable[bytes], fields: Sequence[Field], asked: TimestampFormat | None = None
) -> TimestampFormat | None:
    """How TIMESTAMP is spelled in rows, given one by one, for which ``asked`` was; None when no row tells."""
    for row in rows:
        found = _spelling([cell.get("v") for cell in json.loads(row)["f"]], fields, asked)
        if found is not None:
            return found
    return None


def has_timestamps(fields: Sequence[Field]) -> bool:
    """Whether values of TIMESTAMP are in rows of ``fields``."""
    return any(
        TypeKind.TIMESTAMP in (f.kind, f.range_element if f.kind is TypeKind.RANGE else None)
        or has_timestamps(f.fields)
        for f in fields
    )


def _spelling(
    values: Sequence[Any], fields: Sequence[Field], asked: TimestampFormat | None
) -> TimestampFormat | None:
    for value, field in zip(values, fields, strict=True):
        for item in [c.get("v") for c in value or ()] if field.mode is Mode.REPEATED else [value]:
            found = None
            if item is None:
                continue
            if field.kind is TypeKind.STRUCT:
                found = _spelling([cell.get("v") for cell in item["f"]], field.fields, asked)
            elif field.kind is TypeKind.TIMESTAMP:
                found = spelling(str(item), asked)
            if found is not None:
                return found
    return None


def spelling(text: str, asked: TimestampFormat | None = None) -> TimestampFormat:
    """How TIMESTAMP is spelled. Plain digits are microseconds, unless ``asked`` was for seconds and they can
    be such."""
    if ":" in text or text.count("-") > 1:
        return TimestampFormat.ISO8601_STRING
    if "." in text or "E" in text.upper():
        return TimestampFormat.FLOAT64
    seconds = asked is TimestampFormat.FLOAT64 and abs(int(text)) <= _LAST_US // _MICROS
    return TimestampFormat.FLOAT64 if seconds else TimestampFormat.INT64


def _column(values: list[Any], field: Field, timestamps: TimestampFormat | None) -> pa.Array:
    if field.mode is Mode.REPEATED:
        lists = [v or () for v in values]
        offsets = np.zeros(len(lists) + 1, np.int32)
        np.cumsum([len(v) for v in lists], out=offsets[1:])
        items = [item.get("v") for v in lists for item in v]
        inner = _column(items, replace(field, mode=Mode.NULLABLE), timestamps)
        return pa.ListArray.from_arrays(from_numpy(offsets), inner).cast(arrow_type(field.type))
    if field.kind is TypeKind.STRUCT:
        return _struct(values, field, timestamps)
    texts = pa.array([v if v is None or type(v) is str else _shown(v) for v in values], pa.string())
    return scalar_column(texts, field, timestamps)


def _struct(values: list[Any], field: Field, timestamps: TimestampFormat | None) -> pa.Array:
    missing = np.fromiter((v is None for v in values), bool, len(values))
    cells = [v and v["f"] for v in values]
    target: Any = arrow_type(field.value_type)
    if not field.fields:
        return pa.array([None if v is None else {} for v in values], target)
    children = [
        _column([c and c[i].get("v") for c in cells], f, timestamps) for i, f in enumerate(field.fields)
    ]
    return pa.StructArray.from_arrays(children, fields=list(target), mask=from_numpy(missing))


def _shown(value: Any) -> str:
    """A cell that is no text, as others than the service write numbers, booleans and documents."""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def scalar_column(texts: pa.Array, field: Field, timestamps: TimestampFormat | None = None) -> pa.Array:
    """Texts of one scalar or RANGE field as canonical values. ``ValueError`` for what is none."""
    target = arrow_type(field.value_type)
    if not len(texts) or texts.null_count == len(texts):
        return pa.nulls(len(texts), target)
    if field.kind is TypeKind.TIMESTAMP:
        return _timestamps(texts, timestamps)
    if field.kind is TypeKind.RANGE:
        return _ranges(texts, field, timestamps)
    try:
        found = _QUICK[field.kind](texts)
    except pa.ArrowInvalid:
        found = _one_by_one(texts, field)
    return found if found.type == target else found.cast(target)


def _one_by_one(texts: pa.Array, field: Field) -> pa.Array:
    """Each distinct text parsed once."""
    encoded = texts.dictionary_encode()
    type_ = field.value_type
    values = [parse_text(text, type_) for text in encoded.dictionary.to_pylist()]
    return array_of_values(type_, values).take(encoded.indices)


def _bytes(texts: pa.Array) -> pa.Array:
    # Others than the service use the alphabet of URLs.
    decode = binascii.a2b_base64
    return pa.array(
        [None if t is None else decode(t.replace("-", "+").replace("_", "/")) for t in texts.to_pylist()],
        pa.binary(),
    )


def _bools(texts: pa.Array) -> pa.Array:
    return pc.cast(pc.utf8_lower(texts), pa.bool_())


def _times(texts: pa.Array) -> pa.Array:
    return pc.cast(
        pc.cast(compute(pc.binary_join_element_wise, "1970-01-01", texts, " "), pa.timestamp("us")),
        pa.time64("us"),
    )


def _intervals(texts: pa.Array) -> pa.Array:
    encoded = texts.dictionary_encode()
    values = [parse_interval(text) for text in encoded.dictionary.to_pylist()]
    return pa.array(values, pa.month_day_nano_interval()).take(encoded.indices)


def _timestamps(texts: pa.Array, asked: TimestampFormat | None) -> pa.Array:
    target = arrow_type(Field("", TypeKind.TIMESTAMP).type)
    spelled = spelling(pc.drop_null(texts)[0].as_py(), asked)
    if spelled is TimestampFormat.INT64:
        try:
            return pc.cast(texts, pa.int64()).view(target)
        except pa.ArrowInvalid:
            # Whole seconds among others.
            spelled = TimestampFormat.FLOAT64
    if spelled is TimestampFormat.FLOAT64:
        seconds = pc.cast(texts, pa.float64())
        micros = np.rint(to_numpy(seconds, 0.0) * _MICROS)
        near = np.clip(micros, float(_FIRST_US), float(_LAST_US)).astype(np.int64)
        whole = from_numpy(np.clip(near, _FIRST_US, _LAST_US))
        return pc.if_else(pc.is_valid(seconds), whole, pa.nulls(1, pa.int64())[0]).view(target)
    try:
        plain = pc.replace_substring_regex(texts, r"(?: ?UTC|[Zz])$", "Z")
        return pc.cast(plain, target)
    except pa.ArrowInvalid:
        return _one_by_one(texts, Field("", TypeKind.TIMESTAMP))


def _ranges(texts: pa.Array, field: Field, timestamps: TimestampFormat | None) -> pa.Array:
    """``[start, end)``, an open bound UNBOUNDED or NULL."""
    bound = Field("", field.range_element or TypeKind.DATE)
    parts = pc.extract_regex(texts, r"^\[\s*(?P<start>[^,]*?)\s*,\s*(?P<end>[^,]*?)\s*\)$")
    if pc.any(pc.and_(pc.is_valid(texts), pc.is_null(parts))).as_py():
        raise ValueError("a RANGE is [start, end)")
    bounds = []
    for side in ("start", "end"):
        found = pc.struct_field(parts, side)
        open_ = pc.is_in(pc.utf8_upper(found), value_set=pa.array(["UNBOUNDED", "NULL"]))
        closed = pc.if_else(open_, constant(None), found)
        bounds.append(scalar_column(closed, bound, _bound_spelling(timestamps)))
    target: Any = arrow_type(field.value_type)
    return pa.StructArray.from_arrays(bounds, fields=list(target), mask=pc.is_null(texts))


def _bound_spelling(timestamps: TimestampFormat | None) -> TimestampFormat | None:
    """Bounds are never seconds: where cells are, bounds are microseconds."""
    return None if timestamps is TimestampFormat.FLOAT64 else timestamps


_QUICK: dict[TypeKind, Callable[[pa.Array], pa.Array]] = {
    TypeKind.INT64: lambda texts: pc.cast(texts, pa.int64()),
    TypeKind.FLOAT64: lambda texts: pc.cast(texts, pa.float64()),
    TypeKind.NUMERIC: lambda texts: pc.cast(texts, pa.decimal128(38, 9)),
    TypeKind.BIGNUMERIC: lambda texts: pc.cast(texts, pa.decimal256(76, 38)),
    TypeKind.BOOL: _bools,
    TypeKind.STRING: lambda texts: texts,
    TypeKind.BYTES: _bytes,
    TypeKind.DATE: lambda texts: pc.cast(texts, pa.date32()),
    TypeKind.TIME: _times,
    TypeKind.DATETIME: lambda texts: pc.cast(texts, pa.timestamp("us")),
    TypeKind.INTERVAL: _intervals,
    TypeKind.JSON: lambda texts: texts,
    TypeKind.GEOGRAPHY: lambda texts: texts,
}
