"""Files of newline-delimited JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bqsim.types import Field, Mode, TypeKind
from bqsim.types.arrow import compute, constant, from_numpy, to_numpy
from bqsim.types.wire import escape

from .printed import printed
from .writing import Sink, converted, lines

_ROWS = 32_768
# Kinds whose texts are JSON values as they are.
_BARE = frozenset({TypeKind.BOOL, TypeKind.JSON})
_FREE = frozenset({TypeKind.STRING, TypeKind.GEOGRAPHY})
# Page "Exporting table data": these are written as \uNNNN.
_MARKUP = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}


class JsonWriter:
    """Writes rows as objects, one a line. What is NULL is left out; INT64 and NUMERIC are strings."""

    def __init__(self, fields: Sequence[Field], out: Sink) -> None:
        self._fields = fields
        self._out = out

    def write(self, rows: pa.Table) -> None:
        def text(columns: Sequence[Any], count: int) -> memoryview:
            return lines(_objects(columns, self._fields, count, "}\n"), ended=True)

        for part in converted(text, rows, _ROWS):
            self._out.write(part)

    def close(self) -> None:
        return None


def _objects(columns: Sequence[Any], fields: Sequence[Field], count: int, end: str = "}") -> Any:
    """An object for each row of columns, with ``end`` behind its members."""
    if not fields:
        return pa.repeat(constant("{" + end), count)
    # All that is there in each row is joined at once. Behind a member that may be left out it is not known
    # whether there was one before: all have a comma then, and the first one is taken away.
    certain = not columns[0].null_count
    pieces: list[Any] = []
    before = "{" if certain else ""
    for column, field in zip(columns, fields, strict=True):
        open_, value, close = _value(column, field)
        comma = "" if before == "{" else ","
        name = escape(pa.array([field.name]))[0].as_py()
        begin = f'{comma}"{name}":{open_}'
        if column.null_count:
            member = compute(pc.binary_join_element_wise, begin, value, close, "")
            pieces += [before] * bool(before) + [pc.fill_null(member, constant(""))]
            before = ""
        else:
            pieces += [before + begin, value]
            before = close
    joined = compute(pc.binary_join_element_wise, *pieces, before + end, "")
    if certain:
        return joined
    # An object without members has no comma.
    empty = pc.equal(joined, constant(end))
    opened = pc.binary_replace_slice(joined, 0, 1, "{")
    return compute(pc.if_else, empty, "{" + end, opened)


def _value(array: Any, field: Field) -> tuple[str, Any, str]:
    """The JSON texts of a field's values, NULL where there is none, and what goes before and behind them."""
    if field.mode is Mode.REPEATED:
        return "", _lists(array, field), ""
    if field.kind is TypeKind.STRUCT:
        children = [array.field(i) for i in range(array.type.num_fields)]
        return "", _kept(array, _objects(children, field.fields, len(array))), ""
    if field.kind is TypeKind.RANGE:
        bound = Field("", field.range_element or TypeKind.DATE)
        bounds = [Field(name, bound.kind) for name in ("start", "end")]
        return "", _kept(array, _objects([array.field("start"), array.field("end")], bounds, len(array))), ""
    text = printed(array, field.value_type)
    if field.kind in _BARE:
        return "", _without_markup(text) if field.kind is TypeKind.JSON else text, ""
    if field.kind is TypeKind.FLOAT64:
        finite = pc.fill_null(pc.is_finite(array), constant(True))
        if not pc.all(finite).as_py():
            quoted = compute(pc.binary_join_element_wise, '"', text, '"', "")
            text = compute(pc.if_else, finite, text, quoted)
        return "", text, ""
    return '"', _without_markup(escape(text)) if field.kind in _FREE else text, '"'


def _scalars(array: Any, field: Field) -> Any:
    """The JSON texts of values, in quotes where they have some."""
    open_, text, close = _value(array, replace(field, mode=Mode.NULLABLE))
    return compute(pc.binary_join_element_wise, open_, text, close, "") if open_ else text


def _kept(array: Any, text: Any) -> Any:
    """Texts of records, NULL for those that are NULL."""
    if not array.null_count:
        return text
    return compute(pc.if_else, pc.is_valid(array), text, None)


def _lists(array: Any, field: Field) -> Any:
    values = pc.fill_null(_scalars(array.flatten(), field), constant("null"))
    offsets = np.zeros(len(array) + 1, np.int32)
    np.cumsum(to_numpy(array.value_lengths(), 0), out=offsets[1:])
    joined = compute(pc.binary_join, pa.ListArray.from_arrays(from_numpy(offsets), values), ",")
    return compute(pc.binary_join_element_wise, "[", joined, "]", "")


def _without_markup(text: Any) -> Any:
    data = text.buffers()[2]
    raw = np.frombuffer(b"" if data is None else data, np.uint8)
    for character, escaped in _MARKUP.items():
        if (raw == ord(character)).any():
            text = pc.replace_substring(text, character, escaped)
    return text
