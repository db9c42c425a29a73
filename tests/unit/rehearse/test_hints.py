from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bqsim.rehearse.hints import best_commitment, hints
from bqsim.rehearse.plan.reading import parse
from bqsim.rehearse.results import Charge
from bqsim.sim.slots.jobs import Usage
from bqsim.sim.slots.routing import place_of

from .results_of import plan, result, usage

# Ten hours of a day's usage by the minute are enough for shares of time.
MINUTES = 600


def told(text: str, used: Usage, **figures: object) -> list[str]:
    loaded = plan(text)
    (setting,) = loaded.settings
    return hints(loaded.plan, Path(), setting, result(setting, used=used, days=MINUTES / 1440, **figures))  # type: ignore[arg-type]


def of(text: str, used: float, scaled: float, share: float = 1.0) -> Usage:
    """Slots of the one reservation of a plan in the first share of the time."""
    places = [place_of(plan(text).plan.capacity, "etl")]
    on = np.arange(MINUTES) < share * MINUTES
    return usage(places, [on * used], [on * scaled])


BYTES = (
    "workload: [{origin: {generated: {arrivals: {poisson: 60}, "
    "mix: [{slot_time: 60s, bytes_billed: 1.0e+9}]}}}]\n"
)
SCALES = "capacity: {reservations: {etl: {autoscale_max_slots: 400}}}\n"


def test_slots_that_are_always_held_are_cheaper_as_commitments() -> None:
    (one,) = told(SCALES, of(SCALES, 200, 200))
    # 0.06 as they go, 0.048 for a year and 0.036 for three: 200 slots of 24 hours.
    assert one == (
        "Commitments in ENTERPRISE US: 200 slots for a year save about 57.60 USD a day (slots held more than "
        "80.0 % of the time are cheaper so); 200 slots for three years save about 115.20 USD a day (slots "
        "held more than 60.0 % of the time are cheaper so)"
    )


@pytest.mark.parametrize(("share", "terms"), [(0.81, 2), (0.75, 1), (0.61, 1), (0.55, 0)])
def test_slots_must_be_held_for_longer_than_the_ratio_of_prices(share: float, terms: int) -> None:
    found = told(SCALES, of(SCALES, 200, 200, share), cost=0.1)
    assert sum(one.count("save about") for one in found) == terms


def test_means_of_long_times_tell_nothing_of_commitments() -> None:
    long = replace(of(SCALES, 200, 200), bucket_ms=3_600_000.0)
    assert told(SCALES, long, cost=0.1) == []


def test_a_standard_reservation_gets_no_hint_of_commitments() -> None:
    text = SCALES.replace("autoscale", "edition: STANDARD, autoscale")
    assert told(text, of(text, 200, 200)) == []


@given(
    st.lists(st.integers(0, 400), min_size=1, max_size=50),
    st.sampled_from([(0.06, 0.048), (0.06, 0.036), (0.1, 0.08)]),
)
def test_no_other_size_of_a_commitment_saves_more(slots: list[int], prices: tuple[float, float]) -> None:
    every = np.asarray(slots, float)
    size, saved = best_commitment(every, *prices)

    def saves(one: int) -> float:
        return float(np.minimum(every, one).mean()) * prices[0] - one * prices[1]

    assert saved == pytest.approx(max([0.0, *(saves(one) for one in range(50, 451, 50))]), abs=1e-9)
    assert size % 50 == 0
    assert saved == pytest.approx(saves(size) if size else 0.0, abs=1e-9)


def test_commitments_that_nobody_uses_are_told() -> None:
    text = "capacity: {reservations: {etl: {slot_capacity: 100}}, commitments: [{slots: 200}]}\n"
    assert told(text, of(text, 50, 0)) == [
        "Of the 200 slots committed to in ENTERPRISE US, 25.0 % are used on average"
    ]
    assert told(text, of(text, 150, 0)) == []


def test_a_baseline_that_is_paid_and_not_used_is_told() -> None:
    text = "capacity: {reservations: {etl: {slot_capacity: 100}}}\n"
    found = told(text, of(text, 20, 0), cost=1e6)
    assert found == [
        "The baseline of etl is paid as it goes, 20.0 % of it is used on average; autoscaled slots have "
        "the same price and are paid only while they are held"
    ]
    assert told(text, of(text, 60, 0), cost=1e6) == []


def test_slots_that_are_held_in_vain_are_told_but_not_of_fluid_ones() -> None:
    found = told(SCALES, of(SCALES, 50, 200, 0.1))
    assert found == [
        "Of the slots that etl scales up to, at least 75.0 % are held without use; fluid scaling keeps "
        "them for a second instead of a minute"
    ]
    fluid = SCALES.replace("autoscale", "fluid_scaling: true, autoscale")
    assert told(fluid, of(fluid, 50, 200, 0.1)) == []


@pytest.mark.parametrize(
    ("tib", "said"),
    [
        (
            1,
            "On demand the bytes of all jobs would cost less: 15.00 USD a day, on 2,000 slots for each "
            "project",
        ),
        (10, "On demand the bytes of all jobs would cost 150.00 USD a day, 3.0 times as much"),
    ],
)
def test_what_the_bytes_would_cost_on_demand_is_told(tib: int, said: str) -> None:
    text = f"{BYTES}{SCALES}"
    loaded = parse(text)
    (setting,) = loaded.settings
    charge = Charge("autoscaled slots", "etl", 1.0, "slot-h", 0.06, 0.06)
    found = result(setting, cost=50.0, used=of(SCALES, 1, 0), charges=(charge,), days=MINUTES / 1440)
    whole = replace(found.whole, bytes_billed=tib * 2.0**40)
    assert hints(loaded.plan, Path(), setting, replace(found, groups=(whole,))) == [said]
    # Where they are paid so already, there is nothing to compare.
    bytes_ = Charge("on demand", "project", tib, "TiB", 6.25, tib * 6.25)
    already = replace(found, groups=(whole,), charges=(charge, bytes_))
    assert hints(loaded.plan, Path(), setting, already) == []
    # Where the bytes of a query are not told, neither is what all of them cost.
    untold = parse(text.replace("}]}}}]", "}, {name: b, slot_time: 1s}]}}}]"))
    assert hints(untold.plan, Path(), setting, replace(found, groups=(whole,))) == []


def test_a_place_without_prices_gets_no_hints_that_need_them(tmp_path: Path) -> None:
    prices = tmp_path / "prices.yaml"
    prices.write_text(
        "prices:\n- {item: slots, price: 0.05, per: slot-h, regions: [mars], edition: ENTERPRISE}\n"
    )
    text = SCALES.replace("autoscale", "location: mars, autoscale") + f"money: {{files: ['{prices}']}}\n"
    assert told(text, of(text, 50, 200, 0.1)) == [
        "Of the slots that etl scales up to, at least 75.0 % are held without use; fluid scaling keeps "
        "them for a second instead of a minute"
    ]


def test_before_the_end_of_the_warm_up_nothing_is_measured() -> None:
    text = SCALES + "warm_up: 1h\n"
    places = [place_of(plan(text).plan.capacity, "etl")]
    early = np.arange(MINUTES + 60) < 60
    assert told(text, usage(places, [early * 10.0], [early * 200.0])) == []


def test_without_usage_there_is_nothing_to_say() -> None:
    assert told("", usage()) == []


def test_a_commitment_for_a_baseline_that_is_hardly_used_is_bound_to_it() -> None:
    text = "capacity: {reservations: {etl: {slot_capacity: 100}}}\n"
    idle, used = told(text, of(text, 20, 0)), told(text, of(text, 60, 0))
    assert idle[0].startswith(
        "Commitments in ENTERPRISE US, as long as the baseline of etl stays: 100 slots for"
    )
    assert idle[1].startswith("The baseline of etl is paid as it goes")
    assert len(used) == 1 and used[0].startswith("Commitments in ENTERPRISE US: 100 slots for a year")


def test_commitments_of_slots_are_not_advised_beside_commitments_to_spend() -> None:
    spends = f"{SCALES}money: {{spend_commitments: [{{per_hour: 1}}]}}\n"
    assert told(spends, of(SCALES, 200, 200)) == []
    none = f"{SCALES}money: {{spend_commitments: [{{per_hour: 0}}]}}\n"
    assert told(none, of(SCALES, 200, 200)) == told(SCALES, of(SCALES, 200, 200)) != []


def test_what_is_free_is_taken_off_what_all_bytes_would_cost() -> None:
    loaded = parse(f"{BYTES}{SCALES}money: {{free: true}}\n")
    (setting,) = loaded.settings
    charge = Charge("autoscaled slots", "etl", 1.0, "slot-h", 0.06, 0.06)
    found = result(setting, cost=50.0, used=of(SCALES, 1, 0), charges=(charge,), days=73 / 24)
    # 73 hours are a tenth of a month: of 2.1 TiB 2 are paid, in 3.04 days.
    whole = replace(found.whole, bytes_billed=2.1 * 2.0**40)
    assert hints(loaded.plan, Path(), setting, replace(found, groups=(whole,))) == [
        "On demand the bytes of all jobs would cost less: 4.11 USD a day, on 2,000 slots for each project"
    ]
