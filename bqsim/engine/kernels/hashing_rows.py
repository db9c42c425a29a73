"""Byte strings of one length as a matrix, for hashes computed for all of them at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

MASK = (1 << 64) - 1


class Rows:
    """Values of one length; arithmetic on their words wraps at 64 bits."""

    def __init__(self, matrix: Any) -> None:
        import numpy as np

        count, self.length = matrix.shape
        self.matrix = matrix
        self.u64 = np.uint64
        self.zero = np.zeros(count, np.uint64)

    def constant(self, value: int) -> Any:
        return self.zero + self.u64(value & MASK)

    def word(self, offset: int) -> Any:
        return self.matrix[:, offset : offset + 8].copy().view("<u8")[:, 0]

    def half(self, offset: int) -> Any:
        return self.matrix[:, offset : offset + 4].copy().view("<u4")[:, 0].astype(self.u64)

    def byte(self, offset: int) -> Any:
        return self.matrix[:, offset].astype(self.u64)

    def rotate(self, x: Any, count: int) -> Any:
        return (x >> self.u64(count)) | (x << self.u64(64 - count))

    def mix(self, x: Any) -> Any:
        return x ^ (x >> self.u64(47))


def flat(array: Any) -> Any:
    """One Arrow array of what may be a chunked one."""
    return array.combine_chunks() if hasattr(array, "chunks") else array


def offsets_of(array: Any) -> Any:
    """The offsets of a variable-width Arrow array of 32 bit offsets."""
    import numpy as np

    return np.frombuffer(array.buffers()[1], np.int32)[array.offset : array.offset + len(array) + 1]


def lists(column: Any) -> tuple[Any, Any]:
    """The offsets of a list array without NULL lists, from 0, and its values."""
    array = flat(column)
    offsets = offsets_of(array)
    values = array.values.slice(int(offsets[0]), int(offsets[-1] - offsets[0]))
    return offsets - offsets[0], values


def by_length(array: Any) -> Iterator[tuple[Any, Rows]]:
    """The values of a binary or string array without NULLs, grouped by length: places and rows."""
    import numpy as np
    import pyarrow as pa

    array = flat(array)
    if not len(array):
        return
    if pa.types.is_large_binary(array.type) or pa.types.is_large_string(array.type):
        array = array.cast(pa.binary())
    offsets = offsets_of(array).astype(np.int64)
    buffer = array.buffers()[2]
    data = np.frombuffer(buffer, np.uint8) if buffer is not None and buffer.size else np.zeros(0, np.uint8)
    sizes = np.diff(offsets)
    order = np.argsort(sizes, kind="stable")
    ordered = sizes[order]
    bounds = np.flatnonzero(np.diff(ordered)) + 1
    for places in np.split(order, bounds):
        length = int(sizes[places[0]])
        starts = offsets[places]
        yield places, Rows(data[starts[:, None] + np.arange(length)])
