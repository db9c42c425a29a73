"""Arrow arrays and the numpy views of their values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from bqsim.types.arrow import validity_bitmap


def raw(array: pa.Array) -> Any:
    """The values of an array of numbers (or dates, times) as numpy, without a copy; NULLs are arbitrary."""
    dtype = f"i{array.type.bit_width // 8}" if pa.types.is_temporal(array.type) else _dtype(array.type)
    data = array.buffers()[1]
    if data is None:
        return np.zeros(len(array), dtype)
    return np.frombuffer(data, dtype, count=array.offset + len(array))[array.offset :]


def _dtype(type_: pa.DataType) -> Any:
    return type_.to_pandas_dtype()


def words(array: pa.Array) -> Any:
    """The integers of a decimal array as rows of little-endian 64-bit words."""
    count = array.type.bit_width // 64
    data = array.buffers()[1]
    if data is None:
        return np.zeros((len(array), count), np.uint64)
    flat = np.frombuffer(data, np.uint64, count=(array.offset + len(array)) * count)
    return flat.reshape(-1, count)[array.offset :]


def like(source: pa.Array, type_: pa.DataType, values: Any) -> pa.Array:
    """An array of fixed-width ``values`` (numpy, of the layout of ``type_``) with the NULLs of ``source``."""
    data = np.packbits(values, bitorder="little") if pa.types.is_boolean(type_) else values
    buffers = [validity_bitmap(source), pa.py_buffer(np.ascontiguousarray(data))]
    return pa.Array.from_buffers(type_, len(source), buffers, source.null_count)


def reinterpreted(array: pa.Array, type_: pa.DataType) -> pa.Array:
    """The same buffers as values of ``type_``, which has the same layout."""
    if array.type == type_:
        return array
    return pa.Array.from_buffers(type_, len(array), array.buffers(), array.null_count, array.offset)


def byte_spans(array: pa.Array) -> tuple[Any, Any]:
    """The bytes of a binary or string array (uint8) and the int32 offsets of its values in them."""
    _, offsets, data = array.buffers()
    if offsets is None or not len(array):
        return np.zeros(0, np.uint8), np.zeros(len(array) + 1, np.int32)
    ends = np.frombuffer(offsets, np.int32, count=array.offset + len(array) + 1)[array.offset :]
    return np.frombuffer(data if data is not None else b"", np.uint8), ends


def texts(values: Sequence[str | None]) -> pa.Array:
    """Python texts as an array; halves of surrogate pairs become U+FFFD."""
    encoded = [None if v is None else _encoded(v) for v in values]
    offsets = np.zeros(len(encoded) + 1, np.int64)
    np.cumsum([0 if v is None else len(v) for v in encoded], out=offsets[1:])
    present = np.array([v is not None for v in encoded], bool)
    nulls = int(len(present) - present.sum())
    bitmap = pa.py_buffer(np.packbits(present, bitorder="little")) if nulls else None
    data = b"".join(v for v in encoded if v is not None)
    buffers = [bitmap, pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(data)]
    return pa.Array.from_buffers(pa.string(), len(encoded), buffers, nulls)


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()
