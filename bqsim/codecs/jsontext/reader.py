"""The program of ``documents.wat`` over Arrow columns of JSON texts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from bqsim.codecs.wasm import Instance, program

# Kinds of values; AWRY is a text that the program does not read.
MISSING, NULL, FALSE, TRUE, NUMBER, STRING, ARRAY, OBJECT, ODD, AWRY = 0, 1, 2, 3, 4, 5, 7, 8, 16, 255
# Bytes that may be read or written beyond a text.
_SLACK = 16


@dataclass(slots=True)
class Located:
    """Where the values at a path are in each text of a column.

    ``starts`` and ``stops`` are byte places, ``kinds`` those above; a kind of ODD or more is a value whose
    text is not the one that it is written with, or AWRY.
    """

    source: _Column
    starts: Any
    stops: Any
    kinds: Any

    def texts(self, kept: Any, inner: Any = None) -> Any:
        """An Arrow array of the values' texts where ``kept``, NULL elsewhere; of strings without their
        quotes where ``inner``.
        """
        import numpy as np

        starts, sizes = self.starts, np.where(kept, self.stops - self.starts, 0)
        if inner is not None:
            quoted = (inner & kept).astype(np.int32)
            starts, sizes = starts + quoted, sizes - 2 * quoted
        return _gathered(self.source, starts, sizes, ~kept)


@dataclass(slots=True)
class Elements:
    """The elements of the arrays among located values: ``counts`` of them by row, and where they are."""

    counts: Any
    located: Located


class _Column:
    """The bytes and offsets of an Arrow array of texts; NULL is an empty text."""

    def __init__(self, array: Any) -> None:
        import numpy as np
        import pyarrow as pa

        array = array.combine_chunks() if hasattr(array, "chunks") else array
        if array.type != pa.string():
            array = array.cast(pa.string())
        self.array = array
        count = len(array)
        self.count = count
        offsets = np.zeros(1, np.int32)
        self.data: Any = b""
        if count:
            offsets = np.frombuffer(array.buffers()[1], np.int32)[array.offset : array.offset + count + 1]
            first, last = int(offsets[0]), int(offsets[-1])
            if last > first:
                self.data = array.buffers()[2].slice(first, last - first)
            offsets = np.ascontiguousarray(offsets - offsets[0], dtype=np.int32)
        self.offsets = offsets

    @property
    def size(self) -> int:
        return int(self.offsets[-1])

    @contextmanager
    def loaded(self) -> Iterator[tuple[Instance, int]]:
        """An instance of the program with the bytes in its memory, and their address."""
        with program("jsontext/documents").instance() as instance:
            address = instance.put(self.data)
            instance.zeros(_SLACK)
            yield instance, address


def _tokens(instance: Instance, tokens: tuple[str, ...], are_indexes: tuple[bool | None, ...] | None) -> int:
    import struct

    records = []
    for at, token in enumerate(tokens):
        key = token.encode()
        index = int(token) if token.isascii() and token.isdigit() and len(token) < 9 else -1
        size = len(key)
        is_index = None if are_indexes is None else are_indexes[at]
        if is_index is not None:
            # No key has this size.
            index, size = (index, -1) if is_index else (-1, size)
        records.append(struct.pack("<Iiii", instance.put(key), size, index, 0))
    return instance.put(b"".join(records))


def locate(
    column: Any, tokens: tuple[str, ...], are_indexes: tuple[bool | None, ...] | None = None
) -> Located:
    """The values at a path of JSON texts. Where a text has it more than once the first is meant; reading
    stops at it. NULL texts are AWRY. A token of digits names a member as well as an element, unless
    ``are_indexes`` says for each which of them it names."""
    import numpy as np

    source = _Column(column)
    count = source.count
    with source.loaded() as (instance, data):
        places = instance.put(source.offsets)
        starts, stops, kinds = (instance.reserve(count * size) for size in (4, 4, 1))
        instance.call(
            "locate",
            data,
            places,
            count,
            _tokens(instance, tokens, are_indexes),
            len(tokens),
            starts,
            stops,
            kinds,
        )
        return Located(
            source,
            instance.array_at(starts, np.int32, count),
            instance.array_at(stops, np.int32, count),
            instance.array_at(kinds, np.uint8, count),
        )


def elements(located: Located) -> Elements:
    """The elements of the arrays among located values; other rows have none."""
    import numpy as np

    source, count = located.source, located.source.count
    arrays = (located.kinds != AWRY) & ((located.kinds & 15) == ARRAY)
    with source.loaded() as (instance, data):
        starts = instance.put(np.where(arrays, located.starts, 0).astype(np.int32))
        # What is no array ends before its first byte.
        stops = instance.put(np.where(arrays, located.stops, 0).astype(np.int32))
        most = source.size // 2 + count + 1
        begins, ends, kinds = (instance.reserve(most * size) for size in (4, 4, 1))
        counts = instance.reserve(count * 4)
        found = instance.call("elements", data, starts, stops, count, begins, ends, kinds, counts)
        return Elements(
            instance.array_at(counts, np.int32, count),
            Located(
                source,
                instance.array_at(begins, np.int32, found),
                instance.array_at(ends, np.int32, found),
                instance.array_at(kinds, np.uint8, found),
            ),
        )


def canonical(column: Any) -> tuple[Any, Any]:
    """The canonical texts of JSON texts (no spaces, keys in order, the first of equal ones), and which rows
    have one: the others, NULL here, hold what has to be read with more care, or are no JSON.
    """
    return _written(column, 0)


def skeletons(column: Any) -> tuple[Any, Any]:
    """Like :func:`canonical`: the texts without spaces and with 0 for every scalar."""
    return _written(column, 1)


def without_nulls(column: Any, from_arrays: bool, empty: bool) -> tuple[Any, Any]:
    """Like :func:`canonical`: canonical texts without nulls in objects, and in arrays as well with
    ``from_arrays``; with ``empty`` what has got empty counts as null.
    """
    return _written(column, 2, from_arrays, empty)


def indented(column: Any) -> tuple[Any, Any]:
    """Like :func:`canonical`: the texts with a line for each value, two spaces deeper in each nesting."""
    return _written(column, 3)


def _written(column: Any, form: int, from_arrays: bool = False, empty: bool = False) -> tuple[Any, Any]:
    import numpy as np
    import pyarrow as pa

    source = _Column(column)
    count, size = source.count, source.size
    longest = int(np.diff(source.offsets).max()) if count else 0
    room = size * {2: 2, 3: 9}.get(form, 1)
    with source.loaded() as (instance, data):
        places = instance.put(source.offsets)
        # null may take the place of what is shorter.
        out, members, scratch = (
            instance.reserve(n + _SLACK) for n in (room + 4 * count, 12 * longest + 24, longest)
        )
        ends, made = instance.reserve(count * 4), instance.reserve(count)
        written = instance.call(
            "written", data, places, count, out, members, scratch, ends, made, form, out + room - size,
            from_arrays, empty,
        )  # fmt: skip
        texts = instance.bytes_at(out, written)
        upto = np.concatenate([np.zeros(1, np.int32), instance.array_at(ends, np.int32, count)])
        good = instance.array_at(made, np.uint8, count).astype(bool)
    return _strings(pa, count, upto.astype(np.int32), texts, ~good), good


def spliced(located: Located, starts: Any, stops: Any, values: Any, kept: Any) -> Any:
    """The texts with the bytes from ``starts`` to ``stops`` replaced by ``values`` where ``kept``; NULL
    elsewhere.
    """
    import pyarrow.compute as pc

    source = located.source
    head = Located(source, source.offsets[:-1], starts, located.kinds).texts(kept)
    tail = Located(source, stops, source.offsets[1:], located.kinds).texts(kept)
    return pc.binary_join_element_wise(head, values, tail, "")


def _gathered(source: _Column, starts: Any, sizes: Any, missing: Any) -> Any:
    """An Arrow array of the parts of a column's bytes."""
    import numpy as np
    import pyarrow as pa

    count = len(starts)
    upto = np.zeros(count + 1, np.int32)
    np.cumsum(sizes, out=upto[1:])
    total = int(upto[-1])
    with source.loaded() as (instance, data):
        froms = instance.put(np.ascontiguousarray(starts, dtype=np.int32))
        lengths = instance.put(np.ascontiguousarray(sizes, dtype=np.int32))
        out = instance.reserve(total + _SLACK)
        instance.call("gather", data, froms, lengths, count, out)
        texts = instance.bytes_at(out, total)
    return _strings(pa, count, upto, texts, missing)


def _strings(pa: Any, count: int, upto: Any, texts: bytes, missing: Any) -> Any:
    validity = pa.array(~missing).buffers()[1] if count and missing.any() else None
    buffers = [validity, pa.py_buffer(upto), pa.py_buffer(texts)]
    return pa.StringArray.from_buffers(count, buffers[1], buffers[2], buffers[0])
