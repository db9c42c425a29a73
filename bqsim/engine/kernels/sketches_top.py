"""Sums of weights by value, for APPROX_TOP_SUM."""

from __future__ import annotations

from collections.abc import Callable
from itertools import accumulate, pairwise
from typing import Any

from bqsim.errors import invalid_query

from .hashing_rows import flat, lists
from .kernel import Kernel
from .rows import arrow_type

_NUMERIC_LIMIT = 10**38
# BIGNUMERIC is stored as bytes that compare as the numbers do.
_BIG_ZERO = 1 << 255


def _check(weight: Any, name: str) -> None:
    if weight < 0 or weight != weight:
        raise invalid_query(
            f"{name} does not support negative or NaN weights in the second argument; got {weight}"
        )


def _plain(values: Any, name: str, bounds: Any, missing: Any) -> list[Any]:
    """Sums of INT64 or FLOAT64 between two bounds each."""
    import numpy as np

    weights = np.where(missing, 0, values.fill_null(0).to_numpy(zero_copy_only=False))
    bad = np.flatnonzero((weights < 0) | (weights != weights))
    if len(bad):
        _check(weights[bad[0]].item(), name)
    if weights.dtype == np.int64 and float(np.sum(weights, dtype=np.float64)) >= 2.0**62:
        items = weights.tolist()
        return [_int64(items[start:end]) for start, end in pairwise(bounds.tolist())]
    sums: list[Any] = np.add.reduceat(weights, bounds[:-1]).tolist() if len(weights) else []
    return sums


def _int64(items: list[int]) -> int:
    total = 0
    for item in items:
        if total + item >= 1 << 63:
            raise invalid_query(f"int64 overflow: {total} + {item}")
        total += item
    return total


def _numeric(values: Any, name: str, bounds: Any, missing: Any) -> list[Any]:
    items = [weight or 0 for weight in values.to_pylist()]
    for weight in items:
        _check(weight, name)
    sums = [sum(items[start:end]) for start, end in pairwise(bounds.tolist())]
    if any(total * 10**9 >= _NUMERIC_LIMIT for total in sums):
        raise invalid_query("numeric overflow: SUM")
    return sums


def _bignumeric(values: Any, name: str, bounds: Any, missing: Any) -> list[Any]:
    items = [0 if w is None else int.from_bytes(w, "big") - _BIG_ZERO for w in values.to_pylist()]
    for weight in items:
        if weight < 0:
            _check(weight / 10**38, name)
    upto = [0, *accumulate(items)]
    sums = [upto[end] - upto[start] for start, end in pairwise(bounds.tolist())]
    if any(total >= _BIG_ZERO for total in sums):
        raise invalid_query("bignumeric overflow: SUM")
    return [(total + _BIG_ZERO).to_bytes(32, "big") for total in sums]


def _sums(returns: str, work: Callable[..., list[Any]]) -> Callable[..., Any]:
    def batch(weights: Any, counts: Any, names: Any) -> Any:
        import numpy as np
        import pyarrow as pa

        element = arrow_type(returns)
        if not len(weights):
            return pa.array([], pa.list_(element))
        _, values = lists(weights)
        places, sizes = lists(counts)
        bounds = np.concatenate([[0], np.cumsum(sizes.to_numpy(zero_copy_only=False))])
        missing = values.is_null().to_numpy(zero_copy_only=False)
        sums = work(flat(values), names[0].as_py(), bounds, missing)
        present = np.concatenate([[0], np.cumsum(~missing)])[bounds]
        found = [s if n else None for s, n in zip(sums, np.diff(present).tolist(), strict=True)]
        return pa.ListArray.from_arrays(pa.array(places, pa.int32()), pa.array(found, element))

    return batch


KERNELS = tuple(
    Kernel(f"bq_sums_{name}", (f"{type_}[]", "BIGINT[]", "VARCHAR"), f"{type_}[]", _sums(type_, work))
    for name, type_, work in (
        ("int64", "BIGINT", _plain),
        ("float64", "DOUBLE", _plain),
        ("numeric", "DECIMAL(38,9)", _numeric),
        ("bignumeric", "BLOB", _bignumeric),
    )
)
