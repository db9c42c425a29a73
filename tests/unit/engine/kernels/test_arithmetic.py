from __future__ import annotations

from decimal import Context, Decimal
from fractions import Fraction

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bqsim.engine.kernels.arithmetic import KERNELS, numeric_divide, numeric_multiply, rounded_division
from bqsim.errors import BigQueryError

WIDE = Context(prec=60)
MAX = 10**38 - 1
# Of every width, since narrow and wide values take different ways.
scaled = st.integers(0, 37).flatmap(lambda digits: st.integers(-(10**digits), 10**digits))


def _column(values: list[int]) -> pa.Array:
    return pa.array([Decimal(v).scaleb(-9, WIDE) for v in values], pa.decimal128(38, 9))


def _scaled(column: pa.Array) -> list[int]:
    return [int(v.scaleb(9, WIDE)) for v in column.to_pylist()]


def _half_away(value: Fraction) -> int:
    whole = int(abs(value) + Fraction(1, 2))
    return -whole if value < 0 else whole


@settings(deadline=None)
@given(st.lists(st.tuples(scaled, scaled), max_size=6))
def test_products_round_half_away_from_zero(pairs: list[tuple[int, int]]) -> None:
    expected = [_half_away(Fraction(a * b, 10**9)) for a, b in pairs]
    fitting = [(p, e) for p, e in zip(pairs, expected, strict=True) if abs(e) <= MAX]
    found = numeric_multiply(_column([p[0] for p, _ in fitting]), _column([p[1] for p, _ in fitting]))
    assert _scaled(found) == [e for _, e in fitting]


@settings(deadline=None)
@given(st.lists(st.tuples(scaled, scaled.filter(bool)), max_size=6))
def test_quotients_round_half_away_from_zero(pairs: list[tuple[int, int]]) -> None:
    expected = [_half_away(Fraction(a * 10**9, b)) for a, b in pairs]
    fitting = [(p, e) for p, e in zip(pairs, expected, strict=True) if abs(e) <= MAX]
    found = numeric_divide(_column([p[0] for p, _ in fitting]), _column([p[1] for p, _ in fitting]))
    assert _scaled(found) == [e for _, e in fitting]


@settings(deadline=None)
@given(scaled, scaled.filter(bool))
def test_rounded_division(a: int, b: int) -> None:
    assert rounded_division(a, b) == _half_away(Fraction(a, b))


def test_chunks_and_slices_are_read_where_they_are() -> None:
    values = _column([10**9, 2 * 10**9, 3 * 10**9])
    chunked = pa.chunked_array([values.slice(0, 1), values.slice(1)])
    assert _scaled(numeric_multiply(chunked, values)) == [10**9, 4 * 10**9, 9 * 10**9]
    assert _scaled(numeric_multiply(values.slice(1), values.slice(1))) == [4 * 10**9, 9 * 10**9]


@pytest.mark.parametrize(
    ("name", "left", "right", "message"),
    [
        ("bq_numeric_multiply", Decimal(10**28), Decimal(10), "numeric overflow: 1" + "0" * 28 + " * 10"),
        ("bq_numeric_divide", Decimal("1.5"), Decimal(0), "division by zero: 1.5 / 0"),
        ("bq_float_multiply", 1e300, 1e10, "double overflow: 1e+300 * 1e+10"),
        ("bq_float_add", 1.7e308, 1.7e308, "double overflow: 1.7e+308 + 1.7e+308"),
        ("bq_float_divide", 1.0, 0.0, "division by zero: 1 / 0"),
    ],
)
def test_failures_name_the_operands(name: str, left: object, right: object, message: str) -> None:
    [kernel] = [k for k in KERNELS if k.name == name]
    type_ = pa.float64() if isinstance(left, float) else pa.decimal128(38, 9)
    with pytest.raises(BigQueryError) as caught:
        kernel.function(pa.array([left], type_), pa.array([right], type_))
    assert caught.value.message == message


def test_infinite_operands_give_infinite_results() -> None:
    [kernel] = [k for k in KERNELS if k.name == "bq_float_multiply"]
    infinite = pa.array([float("inf")])
    assert kernel.function(infinite, pa.array([2.0])).to_pylist() == [float("inf")]
