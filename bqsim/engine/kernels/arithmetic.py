"""Arithmetic that the engine lacks: exact NUMERIC products and quotients, FLOAT64 that fails on overflow.

A NUMERIC is a 128 bit integer of 10**-9ths. Products and quotients are estimated in floating point and corrected by
the exact remainder in wrapping 64 bit arithmetic; rows too wide for that are computed one by one with Python's integers.
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


def _words(array: Any) -> tuple[Any, Any]:
    """Low and high 64 bit words of a decimal128 column without NULLs."""
    import numpy as np
    import pyarrow as pa

    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    words = np.frombuffer(array.buffers()[1], np.int64)
    words = words[2 * array.offset : 2 * (array.offset + len(array))]
    return words[::2], words[1::2]


def _decimals(low: Any) -> Any:
    """A decimal128(38, 9) column of 64 bit values."""
    import numpy as np
    import pyarrow as pa

    words = np.empty(2 * len(low), np.int64)
    words[::2] = low
    words[1::2] = low >> 63
    return pa.Array.from_buffers(pa.decimal128(38, 9), len(low), [None, pa.py_buffer(words)])


def _wide(x: tuple[Any, Any], y: tuple[Any, Any], one: Callable[[int, int], int]) -> Any:
    """Row by row with Python's integers."""
    import numpy as np
    import pyarrow as pa

    (x_low, x_high), (y_low, y_high) = x, y
    mask = (1 << 64) - 1
    out = np.empty(2 * len(x_low), np.int64)
    rows = zip(x_low.tolist(), x_high.tolist(), y_low.tolist(), y_high.tolist(), strict=True)
    for i, (al, ah, bl, bh) in enumerate(rows):
        value = one((ah << 64) | (al & mask), (bh << 64) | (bl & mask))
        out[2 * i + 1] = value >> 64
        low = value & mask
        out[2 * i] = low - (1 << 64) if low >> 63 else low
    return pa.Array.from_buffers(pa.decimal128(38, 9), len(x_low), [None, pa.py_buffer(out)])


def _narrow(x: tuple[Any, Any], y: tuple[Any, Any]) -> bool:
    """Whether all values fit in 64 bits."""
    return bool(((x[0] >> 63) == x[1]).all() and ((y[0] >> 63) == y[1]).all())


def numeric_multiply(left: Any, right: Any) -> Any:
    """NUMERIC * NUMERIC, rounded half away from zero."""
    import numpy as np

    x, y = _words(left), _words(right)
    if not _narrow(x, y):
        return _wide(x, y, _multiply_one)
    a, b = x[0], y[0]
    estimate = np.rint(a.astype(np.float64) * b * 1e-9)
    if not bool((np.abs(estimate) < _SAFE).all()):
        return _wide(x, y, _multiply_one)
    product = estimate.astype(np.int64)
    with np.errstate(over="ignore"):
        rest = a * b - product * UNIT
    return _corrected(product, rest, np.full(1, UNIT), x, y, _multiply_one)


def numeric_divide(left: Any, right: Any) -> Any:
    """NUMERIC / NUMERIC, rounded half away from zero; fails on division by zero."""
    import numpy as np

    x, y = _words(left), _words(right)
    if not _narrow(x, y) or not bool(y[0].all()):
        return _wide(x, y, _divide_one)
    a, b = x[0], y[0]
    estimate = np.rint(a.astype(np.float64) / b * 1e9)
    if not bool((np.abs(estimate) < _SAFE).all()):
        return _wide(x, y, _divide_one)
    quotient = estimate.astype(np.int64)
    with np.errstate(over="ignore"):
        rest = a * UNIT - quotient * b
    return _corrected(quotient, rest, np.abs(b), x, y, _divide_one)


def _corrected(result: Any, rest: Any, unit: Any, x: Any, y: Any, one: Callable[[int, int], int]) -> Any:
    """``result`` where the rest is below half a unit, the exact value elsewhere."""
    import numpy as np

    wrong = np.flatnonzero(np.abs(rest) >= (unit + 1) // 2)
    if len(wrong):
        for i in wrong.tolist():
            result[i] = one(int(x[0][i]), int(y[0][i]))
    return _decimals(result)


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
