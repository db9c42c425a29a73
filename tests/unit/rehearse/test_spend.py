"""Tests of commitments to spend: what they cover of each hour, what is lost, and that nothing else is."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bqsim.rehearse.results import Charge
from bqsim.rehearse.spend import PaidAsItGoes, Spend, covered

YEAR, THREE = Spend("1y", 9.0, "us", 0.1, "secondary"), Spend("3y", 8.0, "us", 0.2, "secondary")


def line(what: str, by_hour: Sequence[float], price: float = 0.05, place: str = "etl") -> Charge:
    hours = math.fsum(by_hour)
    return Charge(what, place, hours, "slot-h", price, hours * price, "secondary")


def bill(
    spends: Sequence[Spend], *hours: Sequence[float], lengths: Sequence[float] = (1, 1, 1), region: str = "us"
) -> dict[str, Charge]:
    """Lines of scaled slots ``a``, ``b`` … of so many slot-hours in each hour."""
    lines = [line(name, each) for name, each in zip("abc", hours, strict=False)]
    slots = {at: PaidAsItGoes(region, np.asarray(each, float)) for at, each in enumerate(hours)}
    return {one.what: one for one in covered(lines, slots, np.asarray(lengths, float), spends)}


def test_an_hour_is_covered_up_to_what_the_commitment_is_worth() -> None:
    # 9 an hour cover 10 of list prices, which are 200 slot-hours; the second hour has 300, the third 100.
    found = bill([YEAR], [200, 300, 100])
    assert list(found) == ["a", "a, spend commitment 1y", "spend commitment 1y, unused"]
    beyond, inside, lost = found.values()
    assert (beyond.quantity, beyond.price, beyond.amount) == (pytest.approx(100), 0.05, pytest.approx(5))
    assert (inside.quantity, inside.price) == (pytest.approx(500), pytest.approx(0.045))
    assert inside.amount == pytest.approx(22.5)
    assert (lost.quantity, lost.unit, lost.price) == (pytest.approx(0.5), "h", 9.0)
    assert (lost.amount, lost.place) == (pytest.approx(4.5), "us")


def test_what_an_hour_leaves_does_not_go_over_to_the_next() -> None:
    even, uneven = (
        math.fsum(one.amount for one in bill([YEAR], hours).values())
        for hours in ([200, 200, 200], [0, 0, 600])
    )
    assert even == pytest.approx(27)
    assert uneven == pytest.approx(27 + 20)


def test_a_part_of_an_hour_has_its_part_of_the_commitment() -> None:
    found = bill([YEAR], [100, 200, 0], lengths=[0.5, 1, 0.25])
    assert "a" not in found
    assert found["a, spend commitment 1y"].quantity == pytest.approx(300)
    assert found["spend commitment 1y, unused"].quantity == pytest.approx(0.25)


def test_slots_of_an_hour_are_covered_by_the_same_share() -> None:
    found = bill([YEAR], [300, 0, 0], [100, 0, 0])
    assert found["a, spend commitment 1y"].quantity == pytest.approx(150)
    assert found["b, spend commitment 1y"].quantity == pytest.approx(50)


def test_the_commitment_that_takes_off_most_is_used_first() -> None:
    found = bill([YEAR, THREE], [300, 300, 300])
    # 8 for three years cover 10, and 9 for a year 10 as well: of 15 list money an hour 5 are left for it.
    assert found["a, spend commitment 3y"].quantity == pytest.approx(600)
    assert found["a, spend commitment 1y"].quantity == pytest.approx(300)
    assert found["spend commitment 1y, unused"].quantity == pytest.approx(1.5)
    assert "a" not in found and "spend commitment 3y, unused" not in found


def test_it_covers_its_own_region_only_and_is_paid_without_use() -> None:
    found = bill([YEAR], [200, 200, 200], region="eu")
    assert found["a"] == line("a", [200, 200, 200])
    assert found["spend commitment 1y, unused"].amount == pytest.approx(27)
    assert math.fsum(one.amount for one in bill([YEAR]).values()) == pytest.approx(27)


def test_lines_that_cannot_be_covered_stay_what_they_are() -> None:
    bytes_ = Charge("on demand", "p", 2.0, "TiB", 6.25, 12.5)
    found = covered([bytes_], {}, np.ones(2), [])
    assert found == (bytes_,)


def test_a_share_that_nobody_verified_makes_what_is_covered_unverified() -> None:
    found = bill([Spend("1y", 9.0, "us", 0.1, "unverified")], [300, 0, 0])
    assert {name: one.status for name, one in found.items()} == {
        "a": "secondary",
        "a, spend commitment 1y": "unverified",
        "spend commitment 1y, unused": "unverified",
    }


HOURS = st.lists(st.floats(0, 1e6), min_size=5, max_size=5)
SPENDS = st.lists(
    st.builds(
        Spend,
        st.sampled_from(["1y", "3y"]),
        st.floats(0.01, 1e5),
        st.sampled_from(["us", "eu"]),
        st.floats(0, 0.9),
    ),
    max_size=3,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(HOURS, st.sampled_from(["us", "eu"])), max_size=3), SPENDS)
def test_no_slot_is_lost_and_all_money_committed_is_paid(
    held: list[tuple[list[float], str]], spends: list[Spend]
) -> None:
    lines = [line(str(at), each) for at, (each, _) in enumerate(held)]
    slots = {at: PaidAsItGoes(region, np.asarray(each)) for at, (each, region) in enumerate(held)}
    found = covered(lines, slots, np.ones(5), spends)
    for at, whole in enumerate(lines):
        mine = [one.quantity for one in found if one.what.partition(",")[0] == str(at)]
        assert math.fsum(mine) == pytest.approx(whole.quantity, rel=1e-6)
        assert all(one >= 0 for one in mine)
    committed = 5 * math.fsum(one.per_hour for one in spends)
    by_them = math.fsum(one.amount for one in found if "spend commitment" in one.what)
    assert by_them == pytest.approx(committed, rel=1e-6)
    # In each hour and region what is beyond what commitments cover goes at list prices.
    beyond = 0.0
    for region in ("us", "eu"):
        covers = math.fsum(one.covers for one in spends if one.region == region)
        hours = np.sum([each for each, mine in held if mine == region] or [np.zeros(5)], axis=0) * 0.05
        beyond += float((hours - covers).clip(0).sum())
    total = math.fsum(one.amount for one in found)
    assert total == pytest.approx(committed + beyond, rel=1e-6, abs=1e-6)
