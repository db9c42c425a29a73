"""Tests of bills: commitments, baselines beyond them, autoscaled slots, bytes, and who pays what part."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bqsim.cost.units import BYTES
from bqsim.rehearse import money
from bqsim.rehearse.errors import RehearsalError
from bqsim.rehearse.plan.model import Money, SpendCommitment
from bqsim.rehearse.results import Charge
from bqsim.sim.scenario.capacity import Capacity, Commitment, Reservation
from bqsim.sim.slots.jobs import Place
from bqsim.sim.slots.routing import SHARED_POOL

pytestmark = pytest.mark.fidelity(
    "capacity:bills",
    "approximated",
    "By dated list prices; what is free a month and commitments to spend count as a plan says.",
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
    tariffs: money.Tariffs = TARIFFS,
) -> dict[tuple[str, str], Charge]:
    none = (0.0,) * len(places)
    used = money.Used(places, hours, scaled or none, billed or none)
    if tariffs.commitments:
        evenly = np.ones(int(hours)) / hours
        by_hour = np.asarray(scaled or none).reshape(-1, 1) * evenly
        used = money.Used(places, hours, scaled or none, billed or none, by_hour, np.ones(int(hours)))
    return {(one.what, one.place): one for one in money.charges(capacity, used, tariffs)}


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


FREE = "on demand, free a month"


def free(share: float) -> money.Tariffs:
    return money.tariffs(Money(on="2026-11-01", free=share))


def test_the_days_rehearsed_have_their_part_of_what_is_free_a_month() -> None:
    places = (place("a", edition=""), place("b", edition=""), place("r"))
    # 73 hours are a tenth of a month: of 1 TiB a tenth is free, and of 3 TiB that are billed a thirtieth.
    lines = bill(Capacity(), places, (), (2 * TIB, TIB, 9 * TIB), 73.0, free(1.0))
    assert {key: one.quantity for key, one in lines.items()} == pytest.approx(
        {
            ("on demand", "a"): 2 - 0.2 / 3,
            (FREE, "a"): 0.2 / 3,
            ("on demand", "b"): 1 - 0.1 / 3,
            (FREE, "b"): 0.1 / 3,
        }
    )
    assert (lines[FREE, "a"].price, lines[FREE, "a"].amount) == (0.0, 0.0)
    assert sum(one.amount for one in lines.values()) == pytest.approx(2.9 * 6.25)


def test_a_share_of_it_may_be_for_these_jobs() -> None:
    places = (place("a", edition=""),)
    lines = bill(Capacity(), places, (), (2 * TIB,), 730.0, free(0.25))
    assert lines["on demand", "a"].amount == pytest.approx(1.75 * 6.25)
    assert set(bill(Capacity(), places, (), (2 * TIB,), 730.0, free(0.0))) == {("on demand", "a")}


def test_no_more_is_free_than_is_billed() -> None:
    places = (place("a", edition=""),)
    lines = bill(Capacity(), places, (), (TIB / 2,), 730.0, free(1.0))
    assert set(lines) == {(FREE, "a")}
    assert lines[FREE, "a"].quantity == pytest.approx(0.5)
    assert free(1.0).of_bytes(np.asarray([0.0, 0.5, 1.0, 3.0]) * TIB, 730.0).tolist() == [0, 0, 0, 12.5]


def spending(*commitments: SpendCommitment, region: str = "US", share: float = 0.0) -> money.Tariffs:
    return money.tariffs(Money(region, "2026-11-01", free=share, spend_commitments=commitments))


def test_a_commitment_to_spend_covers_slots_paid_as_they_go_and_nothing_else() -> None:
    capacity = Capacity(commitments=(Commitment(50),))
    places = (place("a", 100), place("s", edition="STANDARD"), place("p", edition=""))
    # An hour has 50 slots of a baseline beyond the commitment (3.00) and 25 scaled ones (1.00); 3.60 a year
    # cover 4.00.
    tariffs = spending(SpendCommitment(3.6))
    lines = bill(capacity, places, (0, 250, 0), (0, 0, TIB), tariffs=tariffs)
    assert {key: one.amount for key, one in lines.items()} == pytest.approx(
        {
            ("commitment 1y", "ENTERPRISE US"): 500 * ONE_YEAR,
            ("baseline, spend commitment 1y", "a"): 27.0,
            ("autoscaled slots, spend commitment 1y", "s"): 9.0,
            ("on demand", "p"): 6.25,
        }
    )
    three = bill(capacity, places, (0, 250, 0), tariffs=spending(SpendCommitment(4, "THREE_YEAR")))
    assert three["spend commitment 3y, unused", "us"].amount == pytest.approx(10 * 4 - 40 * 0.8)
    # Without any money there is no commitment.
    assert bill(capacity, places, tariffs=spending(SpendCommitment(0))) == bill(capacity, places)


def test_a_commitment_to_spend_is_for_its_location() -> None:
    places = (place("us", 100), place("eu", 100, location="EU"))
    lines = bill(Capacity(), places, tariffs=spending(SpendCommitment(100, location="EU")))
    assert {what for what, name in lines if name == "us"} == {"baseline"}
    assert {what for what, name in lines if name == "eu"} == {
        "baseline, spend commitment 1y",
        "spend commitment 1y, unused",
    }
    # Where the plan is about another region, that is what is meant without a location.
    moved = bill(Capacity(), (place("a", 100),), tariffs=spending(SpendCommitment(1), region="EU"))
    assert set(moved) == {("baseline", "a"), ("baseline, spend commitment 1y", "a")}
    assert moved["baseline, spend commitment 1y", "a"].status == "unverified"


def test_the_share_of_a_commitment_to_spend_may_be_ones_own(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("spend_commitments: [{term: 1y, share: 50 %, regions: [us]}]\n")
    mine = Money(
        files=("own.yaml",), spend_commitments=(SpendCommitment(1), SpendCommitment(1, "THREE_YEAR"))
    )
    assert [one.share for one in money.tariffs(mine, tmp_path).spends()] == [0.5, 0.2]
    own.write_text("spend_commitments: [{term: 1y, share: 100 %}]\n")
    with pytest.raises(RehearsalError, match="takes off 100 %, all of it"):
        money.tariffs(mine, tmp_path).spends()


def test_what_of_a_commitment_to_spend_is_not_used_is_for_its_region() -> None:
    places = (place("a", 100), place("b", 100, location="EU"), place("free", edition=""))
    used = shares(places, {(0, 0): (30, 0), (0, 1): (10, 0), (1, 1): (40, 0), (2, 2): (500, 8)}, 3)
    line = Charge("spend commitment 1y, unused", "us", 1, "h", 8, 8.0)
    assert money.split([line], used).tolist() == [6, 2, 0]
    plan_in_eu = money.split([line], used, lambda location: "EU")
    assert plan_in_eu.tolist() == pytest.approx([8 * 30 / 580, 8 * 50 / 580, 8 * 500 / 580])


AMOUNTS = st.floats(0, 1e5)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.tuples(AMOUNTS, AMOUNTS, AMOUNTS), min_size=5, max_size=5),
    st.floats(0, 1),
    st.lists(
        st.builds(
            SpendCommitment, st.floats(0, 1e4), st.sampled_from(["ANNUAL", "THREE_YEAR"]),
            st.sampled_from(["US", "EU"]),
        ),
        max_size=2,
    ),
)  # fmt: skip
def test_what_groups_pay_is_the_bill_whatever_is_taken_off(
    cells: list[tuple[float, float, float]], share: float, commitments: list[SpendCommitment]
) -> None:
    places = (
        place("a", 100),
        place("b", 50, location="EU"),
        place("s", edition="STANDARD"),
        place("p", edition=""),
        place("q", edition=""),
    )
    capacity = Capacity(commitments=(Commitment(50),))
    by_place = [math.fsum(one[:2]) for one in cells]
    # Slots of places, and bytes where they are paid, of two groups.
    used = shares(
        places,
        {
            (at, group): (1.0 + one[group], one[group] * 1e9 if at > 2 else 0.0)
            for at, one in enumerate(cells)
            for group in (0, 1)
        },
        3,
    )
    billed = tuple(1e9 * whole if at > 2 else 0.0 for at, whole in enumerate(by_place))
    scaled = tuple(0.0 if at > 2 else one[2] for at, one in enumerate(cells))
    lines = bill(capacity, places, scaled, billed, tariffs=spending(*commitments, share=share))
    total = math.fsum(one.amount for one in lines.values())
    parts = money.split(list(lines.values()), used, spending().region_of)
    assert math.fsum(parts) == pytest.approx(total, rel=1e-9)
    assert parts[2] == 0 and (parts >= 0).all()
    assert all(one.amount >= 0 for one in lines.values())
    for one in lines.values():
        assert one.amount == pytest.approx(one.quantity * one.price)
    listed = math.fsum(one.amount for one in bill(capacity, places, scaled, billed).values())
    committed = 10 * math.fsum(one.per_hour for one in commitments)
    assert total <= listed + committed + 1e-6
