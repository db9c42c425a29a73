"""Arithmetic that the engine lacks: exact NUMERIC products and quotients, FLOAT64 that fails on overflow.

A NUMERIC is a 128 bit integer of 10**-9ths. Products and quotients are estimated in floating point and
checked by the exact remainder in wrapping 64 bit arithmetic; rows for which that cannot decide are
computed one by one with Python's integers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bqsim.errors import invalid_query

from .kernel import Kernel

UNIT = 10**9
NUMERIC_MAX = 10**38 - 1
# Beyond it the estimate may be too far off for the remainder to fit in 64 bits.
_SAFE = 4.0e18


def numeric_text(scaled: int) -> str:
    """A NUMERIC given in 10**-9ths as GoogleSQL writes it in errors."""
    sign, digits = "-" if scaled < 0 else "", abs(scaled)
    whole, fraction = divmod(digits, UNIT)
    return f"{sign}{whole}" + (f".{fraction:09d}".rstrip("0") if fraction else "")


def rounded_division(dividend: int, divisor: int) -> int:
    """The quotient rounded half away from zero."""
    quotient, rest = divmod(abs(dividend), abs(divisor))
    quotient += 2 * rest >= abs(divisor)
    return quotient if (dividend < 0) == (divisor < 0) else -quotient


def _multiply_one(a: int, b: int) -> int:
    product = rounded_division(a * b, UNIT)
    if abs(product) > NUMERIC_MAX:
        raise invalid_query(f"numeric overflow: {numeric_text(a)} * {numeric_text(b)}")
    return product


def _divide_one(a: int, b: int) -> int:
    if b == 0:
        raise invalid_query(f"division by zero: {numeric_text(a)} / {numeric_text(b)}")
    quotient = rounded_division(a * UNIT, b)
    if abs(quotient) > NUMERIC_MAX:
        raise invalid_query(f"numeric overflow: {numeric_text(a)} / {numeric_text(b)}")
    return quotient


def _words(array: Any) -> Any:
    """Low and high 64 bit words in turn of a decimal128 column without NULLs."""
    import numpy as np
    import pyarrow as pa

    if isinstance(array, pa.ChunkedArray):
        array = array.chunk(0) if array.num_chunks == 1 else array.combine_chunks()
    words = np.frombuffer(array.buffers()[1], np.int64)
    return words[2 * array.offset : 2 * (array.offset + len(array))]


def _narrow(words: Any) -> Any:
    """The values when all fit in 64 bits, else None."""
    import numpy as np

    low = np.ascontiguousarray(words[::2])
    return low if ((low >> 63) == words[1::2]).all() else None


def _decimals(values: Any) -> Any:
    """A decimal128(38, 9) column of 64 bit values."""
    import numpy as np
    import pyarrow as pa

    words = np.empty(2 * len(values), np.int64)
    words[::2] = values
    np.right_shift(values, 63, out=words[1::2])
    return pa.Array.from_buffers(pa.decimal128(38, 9), len(values), [None, pa.py_buffer(words)])


def _wide(x: Any, y: Any, one: Callable[[int, int], int]) -> Any:
    """Row by row with Python's integers."""
    import numpy as np
    import pyarrow as pa

    mask = (1 << 64) - 1
    out = np.empty(len(x), np.int64)
    rows = zip(x[::2].tolist(), x[1::2].tolist(), y[::2].tolist(), y[1::2].tolist(), strict=True)
    for i, (al, ah, bl, bh) in enumerate(rows):
        value = one((ah << 64) | (al & mask), (bh << 64) | (bl & mask))
        out[2 * i + 1] = value >> 64
        low = value & mask
        out[2 * i] = low - (1 << 64) if low >> 63 else low
    return pa.Array.from_buffers(pa.decimal128(38, 9), len(x) // 2, [None, pa.py_buffer(out)])


def _rounded(estimate: Any) -> Any:
    """An estimate as integers, None when the remainder could not be exact."""
    import numpy as np

    np.rint(estimate, out=estimate)
    # The comparison is false for NaN and for empty input is not made.
    if len(estimate) and not (estimate.min() > -_SAFE and estimate.max() < _SAFE):
        return None
    return estimate.astype(np.int64)


def numeric_multiply(left: Any, right: Any) -> Any:
    """NUMERIC * NUMERIC, rounded half away from zero."""
    import numpy as np

    x, y = _words(left), _words(right)
    a, b = _narrow(x), _narrow(y)
    if a is None or b is None:
        return _wide(x, y, _multiply_one)
    estimate = a.astype(np.float64)
    estimate *= b
    estimate *= 1e-9
    product = _rounded(estimate)
    if product is None:
        return _wide(x, y, _multiply_one)
    # Wraps around, as it may: the difference is small.
    rest = a * b
    rest -= product * UNIT
    rest += UNIT // 2 - 1
    wrong = rest.view(np.uint64) > UNIT - 2
    if wrong.any():
        for i in np.flatnonzero(wrong).tolist():
            product[i] = _multiply_one(int(a[i]), int(b[i]))
    return _decimals(product)


def numeric_divide(left: Any, right: Any) -> Any:
    """NUMERIC / NUMERIC, rounded half away from zero; fails on division by zero."""
    import numpy as np

    x, y = _words(left), _words(right)
    a, b = _narrow(x), _narrow(y)
    if a is None or b is None or not b.all():
        return _wide(x, y, _divide_one)
    estimate = a.astype(np.float64)
    estimate /= b
    estimate *= 1e9
    quotient = _rounded(estimate)
    if quotient is None:
        return _wide(x, y, _divide_one)
    # Wraps around, as it may: the difference is small.
    rest = a * UNIT
    rest -= quotient * b
    wrong = np.abs(rest) >= (np.abs(b) + 1) // 2
    if wrong.any():
        for i in np.flatnonzero(wrong).tolist():
            quotient[i] = _divide_one(int(a[i]), int(b[i]))
    return _decimals(quotient)


def _double(array: Any) -> Any:
    import pyarrow as pa

    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    return array.to_numpy(zero_copy_only=False)


def _float(operator: str, ufunc: str) -> Callable[[Any, Any], Any]:
    def compute(left: Any, right: Any) -> Any:
        import numpy as np
        import pyarrow as pa

        a, b = _double(left), _double(right)
        if operator == "/" and not bool(b.all()):
            row = int(np.flatnonzero(b == 0)[0])
            raise invalid_query(f"division by zero: {a[row]:g} / {b[row]:g}")
        with np.errstate(all="ignore"):
            out = getattr(np, ufunc)(a, b)
        bad = np.flatnonzero(~np.isfinite(out) & np.isfinite(a) & np.isfinite(b))
        if len(bad):
            row = int(bad[0])
            raise invalid_query(f"double overflow: {a[row]:g} {operator} {b[row]:g}")
        return pa.array(out)

    return compute


_N = "DECIMAL(38,9)"
_F = "DOUBLE"

KERNELS: tuple[Kernel, ...] = (
    Kernel("bq_numeric_multiply", (_N, _N), _N, numeric_multiply),
    Kernel("bq_numeric_divide", (_N, _N), _N, numeric_divide),
    Kernel("bq_float_add", (_F, _F), _F, _float("+", "add")),
    Kernel("bq_float_subtract", (_F, _F), _F, _float("-", "subtract")),
    Kernel("bq_float_multiply", (_F, _F), _F, _float("*", "multiply")),
    Kernel("bq_float_divide", (_F, _F), _F, _float("/", "divide")),
)
