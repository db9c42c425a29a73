"""Decimals of 77 digits: BIGNUMERIC reaches a little further than Arrow's precision of decimal256 says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Context, Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

_WIDE = Context(prec=120)


def decimals_of_texts(texts: pa.Array, type_: pa.DataType) -> pa.Array:
    """Decimals of texts, whatever their number of digits. Raises ValueError where the type is too narrow."""
    return decimals([None if t is None else Decimal(t) for t in texts.to_pylist()], type_)


def decimals(values: Iterable[Decimal | None], type_: pa.DataType) -> pa.Array:
    """Decimals in the bytes of an Arrow type. Raises ValueError where the type is too narrow."""
    import pyarrow as pa

    size = type_.bit_width // 8
    found: Sequence[Decimal | None] = list(values)
    data = bytearray()
    for value in found:
        scaled = (value or Decimal(0)).scaleb(type_.scale, _WIDE)
        whole = int(scaled)
        if whole != scaled:
            raise ValueError("the number has too many digits after the point")
        try:
            data += whole.to_bytes(size, "little", signed=True)
        except OverflowError:
            raise ValueError("the number has too many digits") from None
    valid = pa.array([v is not None for v in found], pa.bool_())
    missing = sum(v is None for v in found)
    buffers = [valid.buffers()[1] if missing else None, pa.py_buffer(bytes(data))]
    return pa.Array.from_buffers(type_, len(found), buffers, missing)


def values_of_decimals(array: Any) -> list[Decimal | None]:
    """Python's decimals of an Arrow array, the last digit of a BIGNUMERIC included."""
    size, scale = array.type.bit_width // 8, array.type.scale
    data = memoryview(array.buffers()[1]) if len(array) else memoryview(b"")
    valid = array.is_valid().to_pylist()
    found: list[Decimal | None] = []
    for at, there in enumerate(valid, array.offset):
        whole = int.from_bytes(data[at * size : (at + 1) * size], "little", signed=True) if there else 0
        found.append(Decimal(whole).scaleb(-scale, _WIDE) if there else None)
    return found
