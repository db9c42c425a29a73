"""The REST API's JSON rows as Arrow, column by column: values are read by Arrow, not by Python."""

from __future__ import annotations

import binascii
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bqclient.errors import BigQueryError
from bqclient.models.schema import Field, Schema

from .arrow import arrow_field, arrow_schema, element_type
from .types import Interval

if TYPE_CHECKING:
    import pyarrow as pa

Cells = Sequence[Any]


def table(rows: Sequence[Mapping[str, Any]], schema: Schema) -> pa.Table:
    """Rows as a table of :func:`~bqclient.values.arrow.arrow_schema`. Raises BigQueryError."""
    import pyarrow as pa

    if not schema.fields:
        return pa.table({"": pa.nulls(len(rows))}).select([])
    cells = [row["f"] for row in rows]
    if not set(map(len, cells)) <= {len(schema)}:
        raise BigQueryError("The answer's rows do not have the columns of its schema.")
    columns = [_column([c[i]["v"] for c in cells], field) for i, field in enumerate(schema)]
    return pa.Table.from_arrays(columns, schema=arrow_schema(schema))


def _column(cells: Cells, field: Field) -> pa.Array:
    import pyarrow as pa

    try:
        return _lists(cells, field) if field.repeated else _values(cells, field)
    except (pa.ArrowException, ValueError, TypeError, KeyError, ArithmeticError):
        # A field of a STRUCT has been named: that error is none of these.
        raise BigQueryError(
            f"The answer has a value in column {field.name} that is no {field.type}."
        ) from None


def _lists(cells: Cells, field: Field) -> pa.Array:
    import pyarrow as pa

    lengths = pa.array([len(cell) if cell else 0 for cell in cells], pa.int32())
    values = _values([item["v"] for cell in cells if cell for item in cell], field)
    return pa.ListArray.from_arrays(_offsets(lengths), values)


def _offsets(lengths: Any) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    return pa.concat_arrays([pa.array([0], pa.int32()), pc.cumulative_sum(lengths).cast(pa.int32())])


def _values(cells: Cells, field: Field) -> pa.Array:
    import pyarrow as pa

    if field.type == "STRUCT":
        return _structs(cells, field)
    texts = pa.array(cells, pa.string())
    if field.type == "RANGE":
        return _ranges(texts, field)
    return _READERS[field.type](texts, element_type(field))


def _structs(cells: Cells, field: Field) -> pa.Array:
    import pyarrow as pa

    parts = [arrow_field(f) for f in field.fields]
    missing = None in cells
    rows: list[Any] = [None if cell is None else cell["f"] for cell in cells]
    children = []
    for i, part in enumerate(field.fields):
        none: Any = [] if part.repeated else None
        if missing:
            children.append(_column([none if r is None else r[i]["v"] for r in rows], part))
        else:
            children.append(_column([r[i]["v"] for r in rows], part))
    mask = pa.array([cell is None for cell in cells], pa.bool_()) if missing else None
    if not children:
        return pa.array([None if cell is None else {} for cell in cells], pa.struct([]))
    return pa.StructArray.from_arrays(children, fields=parts, mask=mask)


def _ranges(texts: Any, field: Field) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    element = Field("bound", field.element or "DATE")
    parts = pc.extract_regex(texts, r"^\[(?P<start>[^,]*), (?P<end>[^,]*)\)$")
    if parts.null_count != texts.null_count:
        raise ValueError("no range")
    ends = []
    for name in ("start", "end"):
        bound = pc.struct_field(parts, name)
        free = pc.or_(pc.equal(bound, "UNBOUNDED"), pc.equal(bound, "NULL"))
        bound = pc.if_else(free, pa.scalar(None, pa.string()), bound)
        ends.append(_READERS[element.type](bound, element_type(element)))
    kind = element_type(field)
    return pa.StructArray.from_arrays(ends, fields=list(kind), mask=pc.is_null(texts))


# --- readers: texts to values ---


def _cast(texts: Any, type_: Any) -> Any:
    return texts.cast(type_)


def _times(texts: Any, type_: Any) -> Any:
    """Arrow reads no times, but the datetimes of a day."""
    import pyarrow as pa
    import pyarrow.compute as pc

    moments = pc.binary_join_element_wise("1970-01-01T", texts, "").cast(pa.timestamp("us"))
    return moments.view(pa.int64()).view(type_)


def _timestamps(texts: Any, type_: Any) -> Any:
    import pyarrow as pa

    try:
        return texts.cast(pa.int64()).view(type_)
    except pa.ArrowInvalid:
        return _spelled_timestamps(texts, type_)


def _spelled_timestamps(texts: Any, type_: Any) -> Any:
    """Seconds with a fraction, or ISO 8601; what is finer than microseconds is cut."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pc.any(pc.match_substring(texts, ":")).as_py():
        micros = pc.round(pc.multiply(texts.cast(pa.float64()), 1e6))
        return micros.cast(pa.int64()).view(type_)
    plain = pc.replace_substring_regex(texts, r"( UTC|\+00:00|Z)$", "")
    plain = pc.replace_substring_regex(plain, r"(\.\d{6})\d+$", r"\1")
    return plain.cast(pa.timestamp("us")).view(type_)


def _bytes(texts: Any, type_: Any) -> Any:
    """Base64 of all values is read at once: padding is read as zeros, which are then cut off."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not len(texts):
        return pa.array([], type_)
    filled = pc.fill_null(texts, "")
    one, two = pc.ends_with(filled, "="), pc.ends_with(filled, "==")
    size = pc.binary_length(filled)
    plain = pc.replace_substring(filled, "=", "A")
    data = plain.buffers()[2]
    offsets = plain.buffers()[1]
    first, last = _bounds(plain, offsets)
    read = binascii.a2b_base64(memoryview(data)[first:last] if data is not None else b"", strict_mode=True)
    made = _offsets(pc.multiply(pc.divide(size, 4), 3))
    if made[len(made) - 1].as_py() != len(read):
        raise ValueError("no base64")
    buffers = [None, made.buffers()[1], pa.py_buffer(read)]
    values = pa.Array.from_buffers(pa.binary(), len(texts), buffers)
    if pc.any(one).as_py():
        values = pc.if_else(
            one, pc.if_else(two, pc.binary_slice(values, 0, -2), pc.binary_slice(values, 0, -1)), values
        )
    return (
        pc.if_else(pc.is_valid(texts), values, pa.scalar(None, pa.binary())) if texts.null_count else values
    )


def _bounds(array: Any, offsets: Any) -> tuple[int, int]:
    ends = memoryview(offsets).cast("i")
    return ends[array.offset], ends[array.offset + len(array)]


def _intervals(texts: Any, type_: Any) -> Any:
    """Each distinct text is read once: Arrow has no reader for them."""
    import pyarrow as pa

    encoded = texts.dictionary_encode()
    found = [Interval.parse(text) for text in encoded.dictionary.to_pylist()]
    made = [pa.MonthDayNano([v.months, v.days, v.nanos]) for v in found]
    return pa.array(made, type_).take(encoded.indices)


def _decimals(texts: Any, type_: Any) -> Any:
    import pyarrow as pa

    try:
        return texts.cast(type_)
    except pa.ArrowInvalid:
        from .wide import decimals_of_texts

        return decimals_of_texts(texts, type_)


_READERS: Mapping[str, Callable[[Any, Any], Any]] = {
    "INT64": _cast,
    "FLOAT64": _cast,
    "BOOL": _cast,
    "STRING": _cast,
    "JSON": _cast,
    "GEOGRAPHY": _cast,
    "DATE": _cast,
    "TIME": _times,
    "DATETIME": _cast,
    "TIMESTAMP": _timestamps,
    "NUMERIC": _decimals,
    "BIGNUMERIC": _decimals,
    "BYTES": _bytes,
    "INTERVAL": _intervals,
}
