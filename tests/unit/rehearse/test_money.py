"""Tests of bills: commitments, baselines beyond them, autoscaled slots, bytes, and who pays what part."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bqsim.cost.units import BYTES
from bqsim.rehearse import money
from bqsim.rehearse.errors import RehearsalError
from bqsim.rehearse.plan.model import Money
from bqsim.rehearse.results import Charge
from bqsim.sim.scenario.capacity import Capacity, Commitment, Reservation
from bqsim.sim.slots.jobs import Place
from bqsim.sim.slots.routing import SHARED_POOL

pytestmark = pytest.mark.fidelity(
    "capacity:bills",
    "approximated",
    "By dated list prices; what is free a month and discounts by spend are not taken off.",
)
TIB = BYTES["TiB"]
TARIFFS = money.tariffs(Money(on="2026-11-01"))
PAYG, ONE_YEAR, THREE_YEARS = 0.06, 0.048, 0.036


def place(
    name: str, baseline: int = 0, edition: str = "ENTERPRISE", location: str = "US", admin: str = ""
) -> Place:
    return Place(name, edition, location, admin, baseline, 0)


def bill(
    capacity: Capacity,
    places: tuple[Place, ...],
    scaled: tuple[float, ...] = (),
    billed: tuple[float, ...] = (),
    hours: float = 10.0,
) -> dict[tuple[str, str], Charge]:
    none = (0.0,) * len(places)
    used = money.Used(places, hours, scaled or none, billed or none)
    return {(one.what, one.place): one for one in money.charges(capacity, used, TARIFFS)}


def test_800_committed_of_two_baselines_of_500_leave_200_to_pay_as_you_go() -> None:
    capacity = Capacity(commitments=(Commitment(800),))
    places = (place("a", 500), place("b", 500))
    assert [one.slots for one in money.baselines(capacity, places)] == [200]
    lines = bill(capacity, places)
    assert lines["commitment 1y", "ENTERPRISE US"].quantity == 8000
    assert lines["commitment 1y", "ENTERPRISE US"].amount == pytest.approx(8000 * ONE_YEAR)
    assert [lines["baseline", name].quantity for name in "ab"] == [1000, 1000]
    assert sum(one.amount for one in lines.values()) == pytest.approx(8000 * ONE_YEAR + 2000 * PAYG)


def test_what_a_baseline_has_beyond_commitments_goes_by_its_share() -> None:
    lines = bill(Capacity(commitments=(Commitment(400),)), (place("a", 600), place("b", 200)))
    assert [lines["baseline", name].quantity for name in "ab"] == [pytest.approx(3000), pytest.approx(1000)]


def test_commitments_are_paid_when_baselines_are_fewer() -> None:
    capacity = Capacity(commitments=(Commitment(300), Commitment(200, "THREE_YEAR")))
    lines = bill(capacity, (place("a", 100),))
    assert set(lines) == {("commitment 1y", "ENTERPRISE US"), ("commitment 3y", "ENTERPRISE US")}
    assert lines["commitment 3y", "ENTERPRISE US"].amount == pytest.approx(2000 * THREE_YEARS)


@pytest.mark.parametrize(
    "other",
    [
        place("a", 100, edition="ENTERPRISE_PLUS"),
        place("a", 100, location="EU"),
        place("a", 100, admin="elsewhere"),
    ],
    ids=["edition", "location", "admin project"],
)
def test_commitments_cover_only_their_own(other: Place) -> None:
    lines = bill(Capacity(commitments=(Commitment(500),)), (other,))
    assert lines["baseline", "a"].quantity == 1000


def test_scaled_slots_and_bytes_on_demand_are_paid_by_use() -> None:
    places = (place("etl"), place("analysts", edition=""), place(SHARED_POOL, edition=""))
    lines = bill(Capacity(), places, (150.0, 0.0, 0.0), (9 * TIB, 2 * TIB, 7 * TIB))
    assert set(lines) == {("autoscaled slots", "etl"), ("on demand", "analysts")}
    assert lines["autoscaled slots", "etl"].amount == pytest.approx(150 * PAYG)
    assert lines["autoscaled slots", "etl"].price == pytest.approx(PAYG)
    assert lines["on demand", "analysts"].amount == pytest.approx(12.5)
    assert (lines["on demand", "analysts"].quantity, lines["on demand", "analysts"].unit) == (2, "TiB")
    assert lines["on demand", "analysts"].status == "secondary"


def test_editions_have_their_own_prices() -> None:
    places = (place("a", 10, "STANDARD"), place("b", 10, "ENTERPRISE"), place("c", 10, "ENTERPRISE_PLUS"))
    amounts = [one.amount for one in bill(Capacity(), places).values()]
    assert amounts == pytest.approx([4, 6, 10])


def test_a_price_that_no_table_has_is_told_with_what_to_do() -> None:
    with pytest.raises(RehearsalError, match=r"STANDARD commitment 1y.*money: files"):
        bill(Capacity(commitments=(Commitment(50, edition="STANDARD"),)), ())
    with pytest.raises(RehearsalError, match=r"region 'mars'"):
        bill(Capacity(), (place("a", 10, location="mars"),))


def test_prices_of_the_plan(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(
        "prices: [{item: slots, edition: ENTERPRISE, price: 0.01, per: slot-h}]"
    )
    found = money.tariffs(Money(region="eu", files=("own.yaml",)), tmp_path)
    assert float(found.slots("ENTERPRISE", "US").amount) == 0.01
    assert float(found.slots("STANDARD", "US").amount) == 0.044
    assert found.bytes().of(TIB) == 6.25
    assert found.currency == "USD"
    old = money.tariffs(Money(on="2020-01-01"))
    assert old.bytes().of(TIB) == 5.0


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (Money(on="today"), "expected a day"),
        (Money(files=("no.yaml",)), "no.yaml"),
        (Money(currency="EUR"), "rate"),
    ],
    ids=["day", "file", "currency"],
)
def test_wrong_money(given: Money, told: str, tmp_path: Path) -> None:
    with pytest.raises(RehearsalError, match=told):
        money.tariffs(given, tmp_path).bytes()


def shares(
    places: tuple[Place, ...], cells: dict[tuple[int, int], tuple[float, float]], groups: int
) -> money.Shares:
    keys = sorted(cells)
    columns = np.asarray([cells[key] for key in keys], float).reshape(-1, 2).T
    where = np.asarray(keys, np.int64).reshape(-1, 2).T
    return money.Shares(places, groups, where[0], where[1], columns[0], columns[1])


def test_each_group_pays_for_what_it_used() -> None:
    places = (place("a", 100), place("b", 100), place("free", edition=""))
    used = shares(places, {(0, 0): (30, 0), (0, 1): (10, 0), (1, 1): (40, 0), (2, 2): (500, 8)}, 3)
    lines = [
        Charge("autoscaled slots", "a", 1, "slot-h", 1, 8.0),
        Charge("baseline", "b", 1, "slot-h", 1, 16.0),
        Charge("commitment 1y", "ENTERPRISE US", 1, "slot-h", 1, 80.0),
        Charge("on demand", "free", 1, "TiB", 1, 5.0),
    ]
    assert money.split(lines, used).tolist() == pytest.approx([6 + 6 + 30, 2 + 10 + 50, 5])


def test_what_nobody_used_is_shared_by_all() -> None:
    places = (place("idle", 100, location="EU"), place("busy", 100))
    used = shares(places, {(1, 0): (1, 0), (1, 1): (3, 0)}, 2)
    assert money.split([Charge("baseline", "idle", 1, "slot-h", 1, 8.0)], used).tolist() == [2, 6]
    nobody = shares(places, {}, 2)
    assert money.split([Charge("baseline", "idle", 1, "slot-h", 1, 8.0)], nobody).tolist() == [0, 0]


def test_nothing_is_lost_in_the_split() -> None:
    draw = np.random.default_rng(4)
    places = tuple(place(f"r{n}", 50 * n, location="EU" if n % 2 else "US") for n in range(6))
    capacity = Capacity(
        {one.name: Reservation() for one in places}, (Commitment(100), Commitment(50, location="EU"))
    )
    cells = {(p, g): (float(draw.random()), 0.0) for p in range(6) for g in range(4) if draw.random() < 0.6}
    lines = bill(capacity, places, tuple(draw.random(6) * 9)).values()
    parts = money.split(list(lines), shares(places, cells, 4))
    assert parts.sum() == pytest.approx(sum(one.amount for one in lines))
    assert (parts >= 0).all()
