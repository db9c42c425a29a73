"""Numbers of JSON become the decimals that their shortest texts say, or are left to a closer look."""

from __future__ import annotations

from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bqsim.engine.formats.json_numbers import NUMERIC, numeric

PLAIN = st.builds(
    lambda units, places: float(Decimal(units).scaleb(-places)),
    st.integers(-(10**15) + 1, 10**15 - 1),
    st.integers(0, 9),
)


def shortest(value: float | None) -> Decimal | None:
    return None if value is None else Decimal(repr(value))


@settings(deadline=None, max_examples=500)
@given(st.lists(PLAIN | st.none(), max_size=5))
def test_decimals_of_few_digits_are_found(values: list[float | None]) -> None:
    found = numeric(pa.array(values, pa.float64()))
    assert found is not None
    found.validate(full=True)
    assert found.type == NUMERIC
    assert found.to_pylist() == list(map(shortest, values))


@settings(deadline=None, max_examples=500)
@given(st.floats() | PLAIN.map(lambda value: value * 3) | PLAIN.map(lambda value: value / 7))
def test_other_numbers_are_left_or_the_same(value: float) -> None:
    found = numeric(pa.array([value], pa.float64()))
    if found is not None:
        assert found.to_pylist() == [shortest(value)]


@pytest.mark.parametrize(
    "value",
    [0.1 + 0.2, 1e15, -1e15, 1e-10, 2.585694208222997e-33, 1e-48, 0.1234567891, float("nan"), float("inf")],
)
def test_numbers_of_more_digits_are_left(value: float) -> None:
    assert numeric(pa.array([1.5, value])) is None


def test_parts_of_arrays() -> None:
    array = pa.array([7.0, None, -99.99, 123456789012.25, -999999999999999.0, None, 0.5])
    found = numeric(array.slice(1, 5))
    assert found is not None
    texts = (None, "-99.99", "123456789012.25", "-999999999999999", None)
    assert found.to_pylist() == [text and Decimal(text) for text in texts]
    none = numeric(pa.array([], pa.float64()))
    assert none is not None
    assert len(none) == 0
