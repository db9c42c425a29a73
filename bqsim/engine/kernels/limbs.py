"""Columns of 256 bit integers as numpy words, vectorised; and as Python's integers.

A BIGNUMERIC is such an integer of 10**-38ths, stored as 32 bytes that compare as the numbers do: big-endian
with the sign bit inverted.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bqsim.errors import invalid_query

WIDTH = 32
BIAS = 1 << 255
SCALE = 38
UNIT: int = 10**SCALE
LARGEST = BIAS - 1
_LIMB = 0xFFFFFFFF
# Divisors that leave a remainder to which a limb can be appended within 64 bits.
_TENS = 9


def _bytes(column: Any) -> Any:
    """The bytes of a column without NULLs, 32 to a value."""
    import numpy as np
    import pyarrow as pa

    if isinstance(column, pa.ChunkedArray):
        column = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    if column.type != pa.binary():
        column = column.cast(pa.binary())
    length = len(column)
    if not length:
        return np.zeros(0, np.uint8)
    offsets = np.frombuffer(column.buffers()[1], np.int32)[column.offset : column.offset + length + 1]
    return np.frombuffer(column.buffers()[2], np.uint8)[offsets[0] : offsets[-1]]


def words(column: Any) -> list[Any]:
    """Four unsigned words of each value in two's complement, the lowest first."""
    import numpy as np

    data = _bytes(column).view(">u8").reshape(-1, 4)
    out = [data[:, 3 - i].astype(np.uint64) for i in range(4)]
    out[3] ^= np.uint64(1 << 63)
    return out


def column(parts: list[Any]) -> Any:
    """The stored form of values given by :func:`words`."""
    import numpy as np
    import pyarrow as pa

    length = len(parts[0])
    data = np.empty((length, 4), ">u8")
    for i, part in enumerate(parts):
        data[:, 3 - i] = part ^ np.uint64(1 << 63) if i == 3 else part
    offsets = np.arange(0, (length + 1) * WIDTH, WIDTH, dtype=np.int32)
    return pa.Array.from_buffers(pa.binary(), length, [None, pa.py_buffer(offsets), pa.py_buffer(data)])


def integers(column: Any) -> list[int]:
    """Each value as an integer of 10**-38ths."""
    data = _bytes(column).tobytes()
    read = int.from_bytes
    return [read(data[i : i + WIDTH], "big") - BIAS for i in range(0, len(data), WIDTH)]


def stored(value: int) -> bytes:
    return (value + BIAS).to_bytes(WIDTH, "big")


def column_of(values: Iterable[int]) -> Any:
    """The inverse of :func:`integers`."""
    import numpy as np
    import pyarrow as pa

    data = b"".join([(v + BIAS).to_bytes(WIDTH, "big") for v in values])
    offsets = np.arange(0, len(data) + 1, WIDTH, dtype=np.int32)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(data)]
    return pa.Array.from_buffers(pa.binary(), len(data) // WIDTH, buffers)


def text(value: int) -> str:
    """A BIGNUMERIC given in 10**-38ths as its cast to STRING has it."""
    whole, fraction = divmod(abs(value), UNIT)
    shown = f"{whole}.{fraction:0{SCALE}d}".rstrip("0").rstrip(".") if fraction else str(whole)
    return f"-{shown}" if value < 0 else shown


def overflow(call: str) -> Exception:
    return invalid_query(f"BIGNUMERIC overflow: {call}")


def fits(value: int) -> bool:
    return -BIAS <= value < BIAS


def add(a: list[Any], b: list[Any]) -> tuple[list[Any], Any]:
    """Sums and where they leave the range."""
    out: list[Any] = []
    carry: Any = None
    for x, y in zip(a, b, strict=True):
        total = x + y
        over = total < x
        if carry is not None:
            total = total + carry
            over = over | (total < carry)
        out.append(total)
        carry = over.astype(total.dtype)
    return out, ((a[3] ^ out[3]) & (b[3] ^ out[3])) >> 63 != 0


def subtract(a: list[Any], b: list[Any]) -> tuple[list[Any], Any]:
    """Differences and where they leave the range."""
    out: list[Any] = []
    borrow: Any = None
    for x, y in zip(a, b, strict=True):
        rest = x - y
        under = x < y
        if borrow is not None:
            under = under | (rest < borrow)
            rest = rest - borrow
        out.append(rest)
        borrow = under.astype(rest.dtype)
    return out, ((a[3] ^ b[3]) & (a[3] ^ out[3])) >> 63 != 0


def negated(a: list[Any], where: Any) -> list[Any]:
    """The values with the sign turned round where a mask says; the least number stays as it is."""
    import numpy as np

    flip = np.where(where, np.uint64(0xFFFFFFFFFFFFFFFF), np.uint64(0))
    out: list[Any] = []
    carry = where.astype(np.uint64)
    for x in a:
        total = (x ^ flip) + carry
        carry = (total < carry).astype(np.uint64)
        out.append(total)
    return out


def magnitudes(a: list[Any]) -> tuple[list[Any], Any]:
    """Limbs of 32 bits of the absolute values, the lowest first and without those that are all zero; and
    where the values are negative.
    """
    import numpy as np

    negative = (a[-1] >> np.uint64(63)) != 0
    limbs = [
        limb for part in negated(a, negative) for limb in (part & np.uint64(_LIMB), part >> np.uint64(32))
    ]
    return _trimmed(limbs), negative


def _trimmed(limbs: list[Any]) -> list[Any]:
    while len(limbs) > 1 and not limbs[-1].any():
        limbs.pop()
    return limbs


def product(a: list[Any], b: list[Any]) -> list[Any]:
    """Limbs of the products of absolute values."""
    import numpy as np

    out = [np.zeros(len(a[0]), np.uint64) for _ in range(len(a) + len(b))]
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            part = x * y
            out[i + j] += part & np.uint64(_LIMB)
            out[i + j + 1] += part >> np.uint64(32)
    return carried(out)


def carried(limbs: list[Any]) -> list[Any]:
    """Limbs that may exceed 32 bits, brought below; the last one takes what is left."""
    import numpy as np

    for i in range(len(limbs) - 1):
        limbs[i + 1] += limbs[i] >> np.uint64(32)
        limbs[i] &= np.uint64(_LIMB)
    return limbs


def constant(value: int, length: int) -> list[Any]:
    """A positive number as limbs for a column of some length."""
    import numpy as np

    count = max(1, -(-value.bit_length() // 32))
    return [np.full(length, value >> 32 * i & _LIMB, np.uint64) for i in range(count)]


def divided(limbs: list[Any], digits: int, *, rounded: bool = True) -> list[Any]:
    """Absolute values divided by a power of ten, rounded half up or cut."""
    import numpy as np

    limbs = list(limbs)
    if rounded:
        half = constant(5 * 10 ** (digits - 1), len(limbs[0]))
        limbs += [np.zeros(len(limbs[0]), np.uint64) for _ in range(max(len(half) - len(limbs), 0) + 1)]
        limbs = carried([x + half[i] if i < len(half) else x for i, x in enumerate(limbs)])
    while digits:
        power = min(digits, _TENS)
        digits -= power
        limbs = _trimmed(_quotient(limbs, 10**power))
    return limbs


def _quotient(limbs: list[Any], divisor: int) -> list[Any]:
    import numpy as np

    unit = np.uint64(divisor)
    rest = np.zeros(len(limbs[0]), np.uint64)
    out: list[Any] = []
    for limb in reversed(limbs):
        part = (rest << np.uint64(32)) | limb
        quotient = part // unit
        rest = part - quotient * unit
        out.append(quotient)
    return out[::-1]


def signed(limbs: list[Any], negative: Any, count: int = 4) -> tuple[list[Any], Any]:
    """Words of absolute values with their signs, and where they do not fit in ``count`` words."""
    import numpy as np

    zero = np.zeros(len(limbs[0]), np.uint64)
    padded = limbs + [zero] * max(2 * count - len(limbs), 0)
    parts = [padded[2 * i] | (padded[2 * i + 1] << np.uint64(32)) for i in range(count)]
    bad = np.zeros(len(zero), bool)
    for limb in padded[2 * count :]:
        bad |= limb != 0
    out = negated(parts, negative)
    # A value with the wrong sign bit is too large, except zero.
    nonzero = parts[0] != 0
    for part in parts[1:]:
        nonzero |= part != 0
    bad |= nonzero & (((out[-1] >> np.uint64(63)) != 0) != negative)
    return out, bad
