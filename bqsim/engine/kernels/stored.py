"""Values of parameterised types as columns store them."""

from __future__ import annotations

from typing import Any

from bqsim.errors import invalid_query

from .kernel import Kernel

_OFFSET = 1 << 255
_SCALE = 38


def _bignumerics(values: Any, precisions: Any, scales: Any, paths: Any) -> Any:
    """BIGNUMERIC values (order-preserving bytes) rounded half away from zero to a column's scale."""
    import pyarrow as pa

    rows = zip(*(c.to_pylist() for c in (values, precisions, scales, paths)), strict=True)
    return pa.array([_bignumeric(*row) for row in rows], type=pa.binary())


def _bignumeric(value: bytes, precision: int, scale: int, path: str) -> bytes:
    number = int.from_bytes(value, "big") - _OFFSET
    unit = 10 ** (_SCALE - scale)
    rounded = (abs(number) + unit // 2) // unit
    if rounded >= 10**precision:
        digits = str(10**precision - 1).rjust(scale + 1, "0")
        bound = f"{digits[:-scale]}.{digits[-scale:]}" if scale else digits
        shown = f"BIGNUMERIC({precision}, {scale})" if scale else f"BIGNUMERIC({precision})"
        raise invalid_query(
            f"Field {path}: {shown} has precision {precision} and scale {scale}"
            f" but got a value that is not in range of [-{bound}, {bound}]"
        )
    signed = rounded * unit if number >= 0 else -rounded * unit
    encoded: bytes = (signed + _OFFSET).to_bytes(32, "big")
    return encoded


KERNELS: tuple[Kernel, ...] = (
    Kernel("bq_stored_bignumeric", ("BLOB", "BIGINT", "BIGINT", "VARCHAR"), "BLOB", _bignumerics),
)
