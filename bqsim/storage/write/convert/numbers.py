"""BOOL, INT64 and FLOAT64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from bqsim.types.parse import INT64_MAX

from .arrays import like, raw
from .scope import Scope, only_valid


def same(array: pa.Array, _: Scope) -> pa.Array:
    """What is canonical already."""
    return array


def widened(type_: pa.DataType) -> Any:
    """Numbers of a narrower type."""

    def convert(array: pa.Array, _: Scope) -> pa.Array:
        return array.cast(type_)

    return convert


def int64_of_uint64(array: pa.Array, scope: Scope) -> pa.Array:
    values = raw(array)
    bad = only_valid(values > np.uint64(INT64_MAX), array)
    scope.fail(bad, lambda i: f"Int64 field value is out of range: {values[i]}")
    return like(array, pa.int64(), values.view(np.int64))


def bool_of_number(array: pa.Array, _: Scope) -> pa.Array:
    return like(array, pa.bool_(), raw(array) != 0)
