"""Sums, means, variances and correlations of BIGNUMERIC and NUMERIC, from exact sums.

An aggregate adds up the 64 bit words of its values (and of their products) in the engine; a kernel puts the
sums together and computes the statistic of each group from them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from decimal import Context, Decimal
from typing import Any

from . import limbs
from .arithmetic import rounded_division
from .kernel import Kernel
from .limbs import BIAS, fits, integers, overflow, stored
from .rows import row_kernel

WORDS = 4
PRODUCT_WORDS = 8
_PRODUCT_BIAS = 1 << 511
# By how much a NUMERIC's 10**-9ths are fewer than a BIGNUMERIC's 10**-38ths.
_NUMERIC_UNIT = 10**29


def _fields(count: int) -> list[str]:
    return [f"w{i}" for i in range(count)]


def _struct(parts: Sequence[Any]) -> Any:
    import numpy as np
    import pyarrow as pa

    columns = [pa.array(np.ascontiguousarray(part)) for part in parts]
    return pa.StructArray.from_arrays(columns, names=_fields(len(parts)))


def _words(column: Any) -> Any:
    """Words of the stored form: those of the value plus the bias."""
    import numpy as np

    parts = limbs.words(column)
    parts[3] = parts[3] ^ np.uint64(1 << 63)
    return _struct(parts)


def _product_words(left: Any, right: Any) -> Any:
    """Words of the products plus 2**511."""
    import numpy as np

    a, negative = limbs.magnitudes(limbs.words(left))
    b, other = limbs.magnitudes(limbs.words(right))
    parts, _ = limbs.signed(limbs.product(a, b), negative ^ other, PRODUCT_WORDS)
    parts[-1] = parts[-1] ^ np.uint64(1 << 63)
    return _struct(parts)


def _total(sums: Sequence[Any], count: int, bias: int) -> int:
    """A sum of values from the sums of their words."""
    return sum(int(s) << 64 * i for i, s in enumerate(sums)) - count * bias


def _sum(total: int, count: int) -> int:
    if not fits(total):
        raise overflow("SUM")
    return total


def _mean(total: int, count: int) -> int:
    return rounded_division(total, count)


def _of_words(function: Callable[[int, int], int]) -> Any:
    def batch(counts: Any, sums: Any) -> Any:
        rows = zip(counts.to_pylist(), sums.to_pylist(), strict=True)
        return limbs.column_of([function(_total(s, n, BIAS), n) for n, s in rows])

    return batch


def _of_lists(function: Callable[[int, int], int]) -> Any:
    """The same of lists of values, NULL for a list without any."""

    def batch(lists: Any) -> Any:
        import pyarrow as pa

        out = []
        for items in lists.to_pylist():
            values = [int.from_bytes(v, "big") - BIAS for v in items or () if v is not None]
            out.append(stored(function(sum(values), len(values))) if values else None)
        return pa.array(out, pa.binary())

    return batch


def ratio(numerator: int, denominator: int) -> float:
    return float(numerator) / float(denominator)


def covariance(n: int, x: int, y: int, xy: int, unit: int, less: int) -> float | None:
    """Σxy, Σx and Σy of ``n`` pairs, each in 1/``unit``; ``less`` is 1 for that of a sample."""
    if n <= less:
        return None
    return ratio(n * xy - x * y, n * (n - less) * unit * unit)


def correlation(n: int, x: int, y: int, xy: int, xx: int, yy: int) -> float | None:
    if n < 2:
        return None
    wide = float((n * xx - x * x) * (n * yy - y * y))
    if not wide:
        return math.nan
    return float(n * xy - x * y) / math.sqrt(wide)


def _statistic(kinds: Any, units: Any, counts: Any, sums: Any) -> Any:
    import pyarrow as pa

    rows = zip(*(c.to_pylist() for c in (kinds, units, counts, sums)), strict=True)
    return pa.array([_one(*row) for row in rows], pa.float64())


def _one(kind: str, numeric: bool, n: int | None, sums: list[Any] | None) -> float | None:
    if not n or sums is None:
        return None
    x, y = _total(sums[:WORDS], n, BIAS), _total(sums[WORDS : 2 * WORDS], n, BIAS)
    at = 2 * WORDS
    products = [
        _total(sums[i : i + PRODUCT_WORDS], n, _PRODUCT_BIAS) for i in range(at, len(sums), PRODUCT_WORDS)
    ]
    return statistic(kind, numeric, n, x, y, products)


def statistic(kind: str, numeric: bool, n: int, x: int, y: int, products: Sequence[int]) -> float | None:
    """A statistic by its name from sums in 10**-38ths; ``numeric`` says that the values are NUMERIC."""
    unit = limbs.UNIT
    if numeric:
        unit //= _NUMERIC_UNIT
        x, y = x // _NUMERIC_UNIT, y // _NUMERIC_UNIT
        products = [p // _NUMERIC_UNIT**2 for p in products]
    if kind == "corr":
        return correlation(n, x, y, *products)
    function, _, population = kind.partition("_")
    found = covariance(n, x, y, products[0], unit, 0 if population == "pop" else 1)
    return math.sqrt(found) if function == "stddev" and found is not None else found


def _statistic_of_lists(kinds: Any, units: Any, lists: Any) -> Any:
    """The same of lists of values, for those that are DISTINCT."""
    import pyarrow as pa

    out = []
    for kind, numeric, items in zip(kinds.to_pylist(), units.to_pylist(), lists.to_pylist(), strict=True):
        values = [int.from_bytes(v, "big") - BIAS for v in items or () if v is not None]
        total = sum(values)
        square = sum(v * v for v in values)
        out.append(statistic(kind, numeric, len(values), total, total, [square]) if values else None)
    return pa.array(out, pa.float64())


def between(left: int, right: int, weight: int, unit: int) -> int:
    """The value between two, of which the right one weighs ``weight`` of ``unit``, rounded once."""
    return rounded_division(left * (unit - weight) + right * weight, unit)


def _between_bignumeric(left: Any, right: Any, weight: Any) -> Any:
    rows = zip(integers(left), integers(right), integers(weight), strict=True)
    return limbs.column_of([between(a, b, w, limbs.UNIT) for a, b, w in rows])


def _between_numeric(left: Decimal, right: Decimal, weight: Decimal) -> Decimal:
    a, b, w = (int(v.scaleb(9, _WIDE)) for v in (left, right, weight))
    return Decimal(between(a, b, w, 10**9)).scaleb(-9, _WIDE)


_WIDE = Context(prec=100)
_N = "DECIMAL(38,9)"
_B = "BLOB"
_WORDS = f"STRUCT({', '.join(f'{f} UBIGINT' for f in _fields(WORDS))})"
_PRODUCT = f"STRUCT({', '.join(f'{f} UBIGINT' for f in _fields(PRODUCT_WORDS))})"
_SUMS = "DECIMAL(38,0)[]"

KERNELS: tuple[Kernel, ...] = (
    row_kernel("bq_between_numeric", (_N, _N, _N), _N, _between_numeric),
    Kernel("bq_between_bignumeric", (_B, _B, _B), _B, _between_bignumeric),
    Kernel("bq_bignumeric_words", (_B,), _WORDS, _words),
    Kernel("bq_bignumeric_product_words", (_B, _B), _PRODUCT, _product_words),
    Kernel("bq_bignumeric_sum", ("BIGINT", _SUMS), _B, _of_words(_sum)),
    Kernel("bq_bignumeric_mean", ("BIGINT", _SUMS), _B, _of_words(_mean)),
    Kernel("bq_bignumeric_list_sum", ("BLOB[]",), _B, _of_lists(_sum), null_in_null_out=False),
    Kernel("bq_bignumeric_list_mean", ("BLOB[]",), _B, _of_lists(_mean), null_in_null_out=False),
    Kernel(
        "bq_statistic",
        ("VARCHAR", "BOOLEAN", "BIGINT", _SUMS),
        "DOUBLE",
        _statistic,
        null_in_null_out=False,
    ),
    Kernel(
        "bq_statistic_of_list",
        ("VARCHAR", "BOOLEAN", "BLOB[]"),
        "DOUBLE",
        _statistic_of_lists,
        null_in_null_out=False,
    ),
)
