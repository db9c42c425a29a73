"""Distances of sparse vectors: arrays of (key, value)."""

from __future__ import annotations

import math
from typing import Any

from bqsim.errors import invalid_query

from .kernel import Kernel


def _vector(items: list[dict[str, Any] | None]) -> dict[Any, float]:
    vector: dict[Any, float] = {}
    for item in items:
        if item is None:
            raise invalid_query("NULL array element")
        key, value = item.values()
        if key is None or value is None:
            raise invalid_query("NULL struct field")
        if key in vector:
            raise invalid_query(f"Duplicate index {key} found in the input array")
        vector[key] = value
    return vector


def _checked(value: float, finite: bool, call: str) -> float:
    if finite and not math.isfinite(value):
        raise invalid_query(f"double overflow: {call}")
    return value


def _product(a: float, b: float) -> float:
    return _checked(a * b, math.isfinite(a) and math.isfinite(b), f"{a:g} * {b:g}")


def _total(values: list[float]) -> float:
    total = 0.0
    for value in values:
        total = _checked(
            total + value, math.isfinite(total) and math.isfinite(value), f"{total:g} + {value:g}"
        )
    return total


def cosine(left: list[Any], right: list[Any]) -> float:
    a, b = _vector(left), _vector(right)
    keys = sorted({*a, *b})
    dot = _total([_product(a.get(k, 0.0), b.get(k, 0.0)) for k in keys])
    one, other = (_total([_product(v.get(k, 0.0), v.get(k, 0.0)) for k in keys]) for v in (a, b))
    if one == 0 or other == 0:
        raise invalid_query("Cannot compute cosine distance against zero vector")
    return 1 - dot / (math.sqrt(one) * math.sqrt(other))


def euclidean(left: list[Any], right: list[Any]) -> float:
    a, b = _vector(left), _vector(right)
    differences = [a.get(k, 0.0) - b.get(k, 0.0) for k in sorted({*a, *b})]
    return math.sqrt(_total([_product(d, d) for d in differences]))


def _rows(function: Any) -> Any:
    def batch(left: Any, right: Any) -> Any:
        import pyarrow as pa

        return pa.array(list(map(function, left.to_pylist(), right.to_pylist())), pa.float64())

    return batch


KERNELS: tuple[Kernel, ...] = tuple(
    Kernel(
        f"bq_{name}_distance_by_{key.lower()}",
        (f"STRUCT(_1 {key}, _2 DOUBLE)[]", f"STRUCT(_1 {key}, _2 DOUBLE)[]"),
        "DOUBLE",
        _rows(function),
    )
    for name, function in (("cosine", cosine), ("euclidean", euclidean))
    for key in ("BIGINT", "VARCHAR")
)
