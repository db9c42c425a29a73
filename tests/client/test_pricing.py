"""Prices and sums."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bqclient.errors import UsageError
from bqclient.pricing import MIB, PRICES, TIB, Pricing, billed_bytes, list_price


@pytest.mark.parametrize(
    ("processed", "tables", "billed"),
    [
        (0, 0, 0),
        (0, 1, 10 * MIB),
        (1, 1, 10 * MIB),
        (10 * MIB, 1, 10 * MIB),
        (10 * MIB + 1, 1, 11 * MIB),
        (TIB, 1, TIB),
        (1, 3, 30 * MIB),
        (35 * MIB - 1, 3, 35 * MIB),
    ],
)
def test_bytes_that_are_billed(processed: int, tables: int, billed: int) -> None:
    assert billed_bytes(processed, tables) == billed


@given(st.integers(0, 1 << 60), st.integers(1, 1000))
def test_what_is_billed_is_whole_and_no_less_than_was_read(processed: int, tables: int) -> None:
    billed = billed_bytes(processed, tables)
    assert billed % MIB == 0 and billed >= max(processed, 10 * MIB * tables)
    assert billed < max(processed + MIB, 10 * MIB * tables + 1)


def test_models() -> None:
    assert Pricing.on_demand().cost(bytes_billed=TIB) == 6.25
    assert Pricing.on_demand(7.5).cost(bytes_billed=TIB // 2, slot_ms=10**9) == 3.75
    assert Pricing.capacity("standard").cost(slot_ms=3_600_000, bytes_billed=TIB) == pytest.approx(0.04)
    assert Pricing.capacity(usd_per_slot_hour=1).cost(slot_ms=1_800_000) == 0.5
    assert Pricing.flat(2000).cost(bytes_billed=TIB, slot_ms=10**9) == 0
    foreseeable = [p.foreseeable for p in (Pricing.on_demand(), Pricing.capacity(), Pricing.flat())]
    assert foreseeable == [True, False, True]


def test_bytes_for_a_sum() -> None:
    assert Pricing.on_demand(5).bytes_for(2.5) == TIB // 2
    assert Pricing.flat().bytes_for(1) is None
    assert Pricing.on_demand(0).bytes_for(1) is None


def test_prices_have_a_day_and_a_region() -> None:
    assert list_price("on_demand") == 6.25
    assert list_price("on_demand", on=date(2023, 7, 4)) == 5.0
    assert list_price("ENTERPRISE_PLUS") == 0.10
    assert len({(p.item, p.region, p.since) for p in PRICES}) == len(PRICES)
    with pytest.raises(UsageError, match="MARS"):
        Pricing.on_demand(region="MARS")
    with pytest.raises(UsageError):
        list_price("on_demand", on=date(2010, 1, 1))


@pytest.mark.parametrize("wrong", [{"model": "free"}, {"usd_per_tib": -1}, {"usd_per_slot_hour": -0.1}])
def test_what_is_no_pricing(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        Pricing(**wrong)  # type: ignore[arg-type]
