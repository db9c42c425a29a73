"""The ends of what types hold."""

from __future__ import annotations

from decimal import Decimal

import pyarrow as pa
import pytest

from bqclient.models.schema import Field, Schema
from bqclient.values.arrow import batch_of_dicts, dicts_of_batch
from bqclient.values.checks import CHECKS, check_of

_NUMERIC = Decimal("99999999999999999999999999999.999999999")
_BIGNUMERIC = Decimal("578960446186580977117854925043439539266.34992332820282019728792003956564819967")
_LEAST = Decimal("-578960446186580977117854925043439539266.34992332820282019728792003956564819968")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NUMERIC", _NUMERIC),
        ("NUMERIC", _NUMERIC.copy_negate()),
        ("BIGNUMERIC", _BIGNUMERIC),
        ("BIGNUMERIC", _LEAST),
        ("INT64", -(1 << 63)),
        ("INT64", (1 << 63) - 1),
    ],
)
def test_the_ends_are_taken(name: str, value: Decimal | int) -> None:
    assert CHECKS[name](value) == value
    schema = Schema((Field("x", name),))
    batch = batch_of_dicts([{"x": value}], schema)
    assert dicts_of_batch(pa.Table.from_batches([batch]), schema) == [{"x": value}]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NUMERIC", Decimal("1e29")),
        ("NUMERIC", Decimal("-1e29")),
        ("BIGNUMERIC", _LEAST.copy_negate()),
        ("BIGNUMERIC", Decimal("1e39")),
        ("INT64", 1 << 63),
        ("INT64", -(1 << 63) - 1),
    ],
)
def test_what_is_beyond_them_is_not(name: str, value: Decimal | int) -> None:
    with pytest.raises(ValueError, match="beyond"):
        CHECKS[name](value)


def test_zeros_after_the_point_do_not_count() -> None:
    assert CHECKS["NUMERIC"](Decimal("1.500000000000000")) == Decimal("1.5")
    assert CHECKS["NUMERIC"](Decimal("0E-50")) == 0
    assert check_of(Field("x", "NUMERIC", precision=3, scale=1))("12.50") == Decimal("12.5")
