from __future__ import annotations

from decimal import Decimal

import pytest

from bqsim.engine.duckdb import DuckDBSession
from bqsim.engine.kernels.math import (
    div_numeric,
    ln_numeric,
    parse_numeric,
    pow_numeric,
    round_float,
    round_numeric,
    safe_divide_numeric,
    sqrt_numeric,
    to_numeric,
    trunc_float,
)
from bqsim.errors import BigQueryError

LARGEST = Decimal("99999999999999999999999999999.999999999")


@pytest.mark.parametrize(
    ("value", "digits", "result"),
    (
        (1.005, 2, 1.0),
        (2.5, 0, 3.0),
        (-2.5, 0, -3.0),
        (0.125, 2, 0.13),
        (1250.0, -2, 1300.0),
        (1e300, 5, 1e300),
    ),
)
def test_round_float_decides_on_the_exact_value(value: float, digits: int, result: float) -> None:
    assert round_float(value, digits) == result


def test_trunc_float() -> None:
    assert trunc_float(-2.79, 1) == -2.7
    assert trunc_float(123.0, -400) == 0.0


def test_round_overflow() -> None:
    with pytest.raises(BigQueryError, match="Floating point overflow in function: ROUND"):
        round_float(1.7e308, -308)


def test_to_numeric_keeps_the_range() -> None:
    assert to_numeric(LARGEST) == LARGEST
    assert to_numeric(Decimal("1e29")) is None
    assert to_numeric(Decimal("99999999999999999999999999999.9999999995")) is None
    assert to_numeric(Decimal("-1.0000000005")) == Decimal("-1.000000001")


def test_round_numeric_modes() -> None:
    assert round_numeric(Decimal("2.5"), 0, "ROUND_HALF_EVEN") == 2
    assert round_numeric(Decimal("2.5"), 0, "ROUND_HALF_AWAY_FROM_ZERO") == 3
    with pytest.raises(BigQueryError, match="numeric overflow: ROUND"):
        round_numeric(LARGEST, 0, "ROUND_HALF_AWAY_FROM_ZERO")


def test_whole_powers_are_exact() -> None:
    assert pow_numeric(Decimal("-2.5"), Decimal(67)) == Decimal("-459177480789956057800287709.852439718")
    assert pow_numeric(LARGEST, Decimal(1)) == LARGEST
    with pytest.raises(BigQueryError, match="division by zero: POW"):
        pow_numeric(Decimal(0), Decimal(-1))


def test_roots_and_logarithms_of_the_largest() -> None:
    assert sqrt_numeric(LARGEST) == Decimal("316227766016837.933199889")
    assert ln_numeric(Decimal(1)) == 0


def test_division() -> None:
    assert div_numeric(Decimal("-7.5"), Decimal(2)) == -3
    assert safe_divide_numeric(Decimal(1), Decimal(3)) == Decimal("0.333333333")
    assert safe_divide_numeric(Decimal(1), Decimal(0)) is None
    assert safe_divide_numeric(LARGEST, Decimal("0.1")) is None


@pytest.mark.parametrize(("text", "value"), (("1,234.5-", "-1234.5"), (" + 1e2 ", "100"), (",1", "1")))
def test_parse_numeric(text: str, value: str) -> None:
    assert parse_numeric(text) == Decimal(value)


@pytest.mark.parametrize("text", ("", "-", "+1-", ",.5", "1.2,3"))
def test_parse_numeric_refuses(text: str) -> None:
    with pytest.raises(BigQueryError) as caught:
        parse_numeric(text)
    assert caught.value.message == f'Invalid input to PARSE_NUMERIC: "{text}"'


@pytest.mark.parametrize("digits", range(1, 16))
def test_the_fast_path_of_rounding_agrees_with_the_exact_one(session: DuckDBSession, digits: int) -> None:
    for name in ("round", "trunc"):
        wrong = session.scalar(
            f"""SELECT count(*) FROM (SELECT (i * 7919 % 100003 - 50000) / 997e0 AS x FROM range(3000) t(i))
                WHERE bq_{name}_float64(x, {digits}) <> bq_{name}_exact(x, {digits})"""
        )
        assert wrong == 0
