"""Bitwise operators of INT64 (as 64 bits without a sign) and BYTES."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from operator import and_, or_, xor

from bqsim.errors import invalid_query

from .rows import row_kernel

NEGATIVE_OFFSET = "Bitwise shift by negative offset."


def _binary(operator: Callable[[int, int], int]) -> Callable[[bytes, bytes], bytes]:
    def combine(left: bytes, right: bytes) -> bytes:
        if len(left) != len(right):
            raise invalid_query(
                "Bitwise binary operator for BYTES requires equal length of the inputs. "
                f"Got {len(left)} bytes on the left hand side and {len(right)} bytes on the right hand side."
            )
        result = operator(int.from_bytes(left, "big"), int.from_bytes(right, "big"))
        return result.to_bytes(len(left), "big")

    return combine


def invert(value: bytes) -> bytes:
    return bytes(byte ^ 0xFF for byte in value)


def shift(value: bytes, offset: int, *, left: bool) -> bytes:
    """The size stays; what leaves it is lost."""
    if offset < 0:
        raise invalid_query(NEGATIVE_OFFSET)
    bits = 8 * len(value)
    if offset >= bits:
        return bytes(len(value))
    number = int.from_bytes(value, "big")
    moved = (number << offset) & ((1 << bits) - 1) if left else number >> offset
    return moved.to_bytes(len(value), "big")


def shift_left(value: bytes, offset: int) -> bytes:
    return shift(value, offset, left=True)


def shift_right(value: bytes, offset: int) -> bytes:
    return shift(value, offset, left=False)


_AGGREGATES = {"and": and_, "or": or_, "xor": xor}


def aggregate(values: list[bytes | None], operation: str, mode: str) -> bytes | None:
    """BIT_AND, BIT_OR or BIT_XOR of values; in mode PAD shorter ones end in zeros, else lengths are equal."""
    present = [v for v in values if v is not None]
    if not present:
        return None
    length = max(map(len, present))
    if mode == "PAD":
        present = [v.ljust(length, b"\0") for v in present]
    combine = _AGGREGATES[operation]
    if any(len(v) != length for v in present):
        return reduce(_binary(combine), present)
    total = reduce(combine, [int.from_bytes(v, "big") for v in present])
    return total.to_bytes(length, "big")


def _aggregate_list(values: list[bytes | None], operation: str, mode: str) -> bytes | None:
    return aggregate(values, operation, mode)


KERNELS = (
    row_kernel(
        "bq_bytes_bit_aggregate", ("BLOB[]", "VARCHAR", "VARCHAR"), "BLOB", _aggregate_list, nullable=True
    ),
    row_kernel("bq_bytes_and", ("BLOB", "BLOB"), "BLOB", _binary(and_)),
    row_kernel("bq_bytes_or", ("BLOB", "BLOB"), "BLOB", _binary(or_)),
    row_kernel("bq_bytes_xor", ("BLOB", "BLOB"), "BLOB", _binary(xor)),
    row_kernel("bq_bytes_not", ("BLOB",), "BLOB", invert),
    row_kernel("bq_bytes_shift_left", ("BLOB", "BIGINT"), "BLOB", shift_left),
    row_kernel("bq_bytes_shift_right", ("BLOB", "BIGINT"), "BLOB", shift_right),
)


def _shift(name: str, moved: str) -> str:
    return f"""CREATE MACRO bq_shift_{name}(x, n) AS CASE
        WHEN x IS NULL OR n IS NULL THEN NULL
        WHEN n < 0 THEN bq_error('{NEGATIVE_OFFSET}')
        WHEN n > 63 THEN 0::BIGINT
        ELSE bq_signed64({moved}) END"""


MACROS: tuple[str, ...] = (
    """CREATE MACRO bq_signed64(u) AS CAST(CASE WHEN u >= 9223372036854775808::HUGEINT
        THEN u - 18446744073709551616::HUGEINT ELSE u END AS BIGINT)""",
    "CREATE MACRO bq_low_bits(x, n) AS (CAST(x AS HUGEINT) & ((1::HUGEINT << CAST(n AS HUGEINT)) - 1))",
    # The offset is masked because the engine computes constants even where a CASE would not get to them.
    _shift("left", "bq_low_bits(x, 64 - (n & 63)) << CAST(n & 63 AS HUGEINT)"),
    _shift("right", "bq_low_bits(x, 64) >> CAST(n & 63 AS HUGEINT)"),
)
