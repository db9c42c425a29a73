from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bqsim.storage.write.convert.decimals import at_least, of_decimal, outside
from bqsim.storage.write.convert.scope import Scope
from bqsim.types import TypeKind


def rows(numbers: list[int], count: int) -> np.ndarray:
    data = b"".join(n.to_bytes(count * 8, "little", signed=True) for n in numbers)
    return np.frombuffer(data, np.uint64).reshape(-1, count)


@pytest.mark.parametrize("count", [2, 4])
@given(data=st.data())
def test_comparisons(count: int, data: st.DataObject) -> None:
    top = 2 ** (64 * count - 1) - 1
    bound = data.draw(st.integers(1, top) | st.integers(0, 10 * count).map(lambda e: 10**e))
    near = st.integers(-3, 3).map(lambda n: max(-top - 1, min(top, bound + n)))
    numbers = data.draw(st.lists(st.integers(-top - 1, top) | near | near.map(lambda n: -n)))
    assert at_least(rows(numbers, count), bound).tolist() == [n >= bound for n in numbers]
    assert at_least(rows(numbers, count), -bound).tolist() == [n >= -bound for n in numbers]
    assert outside(rows(numbers, count), bound).tolist() == [abs(n) >= bound for n in numbers]


def test_values_beyond_the_precision_of_their_type() -> None:
    array = pa.Array.from_buffers(
        pa.decimal128(3, 1), 2, [None, pa.py_buffer(np.array([999, 0, 1000, 0], np.int64))]
    )
    convert = of_decimal(TypeKind.NUMERIC, array.type)
    assert convert is not None
    found: dict[int, str] = {}
    convert(array, Scope(found, "x"))
    assert list(found) == [1]
    assert of_decimal(TypeKind.NUMERIC, pa.decimal128(38, 8)) is None
