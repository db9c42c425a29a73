"""STRING, BYTES, JSON and GEOGRAPHY; the checks of STRING(L) and BYTES(L)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bqsim.types import Field, TypeKind
from bqsim.types.kinds import GEOGRAPHY, JSON

from .arrays import byte_spans, raw, reinterpreted
from .literals import literal
from .scope import Converter, Scope, only_valid

json = literal(JSON)


def bytes_of(array: pa.Array, _: Scope) -> pa.Array:
    """Bytes, or the UTF-8 bytes of a text."""
    return reinterpreted(array, pa.binary())


# WKT, GeoJSON or hexadecimal WKB, as the WKT of the value.
geography = literal(GEOGRAPHY)


def enum_names(names: Mapping[int, str]) -> Converter:
    """Numbers of an enum as the names of its values; other numbers count as absent, as in proto2."""
    numbers = np.array(sorted(names), np.int64)
    encoded = [names[int(n)].encode() for n in numbers]
    ends = np.cumsum([0, *(len(e) for e in encoded)]).astype(np.int32)
    buffers = [None, pa.py_buffer(ends), pa.py_buffer(b"".join(encoded))]
    words = pa.Array.from_buffers(pa.string(), len(encoded), buffers, 0)

    def convert(array: pa.Array, _: Scope) -> pa.Array:
        given = raw(array).astype(np.int64)
        places = np.searchsorted(numbers, given)
        known = places < len(numbers)
        known[known] = numbers[places[known]] == given[known]
        known = only_valid(known, array)
        bitmap = pa.py_buffer(np.packbits(known, bitorder="little"))
        indices = np.ascontiguousarray(places, np.int64)
        return words.take(
            pa.Array.from_buffers(
                pa.int64(), len(array), [bitmap, pa.py_buffer(indices)], int((~known).sum())
            )
        )

    return convert


def _lengths(array: pa.Array, kind: TypeKind) -> Any:
    if kind is TypeKind.STRING:
        return raw(pc.utf8_length(array))
    return np.diff(byte_spans(array)[1])


def length_check(field: Field, path: str) -> Converter:
    """The check of a maximum length: characters of a STRING, bytes of BYTES."""
    limit = field.max_length or 0
    start = f"Field {path}: {field.kind}({limit}) has maximum length {limit} but got a value with length "

    def check(array: pa.Array, scope: Scope) -> pa.Array:
        spans = np.diff(byte_spans(array)[1])
        if len(spans) and spans.max() > limit:
            lengths = _lengths(array, field.kind)
            scope.fail(only_valid(lengths > limit, array), lambda i: f"{start}{lengths[i]}")
        return array

    return check
