"""Single values as texts; the rest is tested through the wire."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bqsim.types.text import bytes_text, float_text, java_float


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.0"),
        (100.0, "100.0"),
        (9999999.0, "9999999.0"),
        (1e7, "1.0E7"),
        (0.001, "0.001"),
        (0.00099, "9.9E-4"),
        (-123456789.125, "-1.23456789125E8"),
        (5e-324, "5.0E-324"),
        (1.7976931348623157e308, "1.7976931348623157E308"),
        (1e22, "1.0E22"),
    ],
)
def test_floats_are_those_of_java(value: float, text: str) -> None:
    assert java_float(value) == text
    assert float_text(pa.array([value, 1.0])).to_pylist() == [text, "1.0"]


@given(st.lists(st.floats() | st.floats(1e7, 1e12) | st.floats(-1e12, -1e7) | st.none(), max_size=10))
def test_floats_in_bulk_are_single_floats(values: list[float | None]) -> None:
    expected = [None if v is None else java_float(v) for v in values]
    assert float_text(pa.array(values, pa.float64())).to_pylist() == expected


@given(st.lists(st.none() | st.binary(max_size=10), max_size=10), st.integers(0, 4))
def test_base64_of_slices(values: list[bytes | None], start: int) -> None:
    import base64

    array = pa.array(values, pa.binary()).slice(start)
    expected = [None if v is None else base64.b64encode(v).decode() for v in values[start:]]
    assert bytes_text(array).to_pylist() == expected
