"""Files of newline-delimited JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bqsim.types import Field, Mode, TypeKind
from bqsim.types.arrow import compute, constant, from_numpy, to_numpy
from bqsim.types.wire import escape

from .printed import printed
from .writing import Sink, chunks, lines

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
        for columns, count in chunks(rows, _ROWS):
            self._out.write(lines(_objects(columns, self._fields, count)))

    def close(self) -> None:
        return None


def _objects(columns: Sequence[Any], fields: Sequence[Field], count: int) -> Any:
    """An object for each row of columns."""
    if not fields:
        return pa.repeat(constant("{}"), count)
    # Arrow leaves out rows of which all that is joined is NULL: the first is not.
    members = [pa.repeat(constant(""), count)]
    for column, field in zip(columns, fields, strict=True):
        name = escape(pa.array([field.name]))[0].as_py()
        members.append(compute(pc.binary_join_element_wise, f'"{name}":', _values(column, field), ""))
    joined = pc.binary_join_element_wise(*members, constant(","), null_handling="skip")
    return compute(pc.binary_join_element_wise, pc.binary_replace_slice(joined, 0, 1, "{"), "}", "")


def _values(array: Any, field: Field) -> Any:
    """The JSON texts of a field's values, NULL where there is none."""
    if field.mode is Mode.REPEATED:
        return _lists(array, field)
    return _scalars(array, field)


def _scalars(array: Any, field: Field) -> Any:
    if field.kind is TypeKind.STRUCT:
        children = [array.field(i) for i in range(array.type.num_fields)]
        return _kept(array, _objects(children, field.fields, len(array)))
    if field.kind is TypeKind.RANGE:
        bound = Field("", field.range_element or TypeKind.DATE)
        bounds = [Field(name, bound.kind) for name in ("start", "end")]
        return _kept(array, _objects([array.field("start"), array.field("end")], bounds, len(array)))
    text = printed(array, field.value_type)
    if field.kind in _BARE:
        return _without_markup(text) if field.kind is TypeKind.JSON else text
    if field.kind in _FREE:
        text = _without_markup(escape(text))
    quoted = compute(pc.binary_join_element_wise, '"', text, '"', "")
    if field.kind is TypeKind.FLOAT64:
        finite = pc.is_finite(array)
        return compute(pc.if_else, pc.fill_null(finite, constant(False)), text, quoted)
    return quoted


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
    for character, escaped in _MARKUP.items():
        text = pc.replace_substring(text, character, escaped)
    return text
