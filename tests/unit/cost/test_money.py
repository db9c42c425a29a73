import datetime as dt
from dataclasses import replace

import pytest

from bqsim.cost.baseline import Entry, entry_of
from bqsim.cost.capacity import Demand, UsedSlots
from bqsim.cost.model import Estimate, Measured, Query, Rate, Run
from bqsim.cost.money import Amount, Till, demand
from bqsim.cost.policy import Pricing
from bqsim.cost.pricing import load_prices
from bqsim.cost.units import BYTES

DAY = dt.date(2026, 11, 1)
TIB = BYTES["TiB"]
QUERY = Query("q", "SELECT 1", rate=Rate(30, 20, 40))


def till(**pricing: str | float) -> Till:
    return Till(Pricing(**pricing), load_prices(), DAY)  # type: ignore[arg-type]


def entry(query: Query = QUERY, cacheable: bool = False) -> Entry:
    uncacheable = () if cacheable else ("x",)
    return entry_of(Measured(query, Estimate("SELECT", TIB, 2 * TIB, TIB, uncacheable=uncacheable)))


def runs(*slot_ms: int, hits: int = 0) -> tuple[Run, ...]:
    worked = [Run(n, ms, 1000.0) for n, ms in enumerate(slot_ms, 1)]
    return (*worked, *(Run(100 + n, cache_hit=True) for n in range(hits)))


def test_on_demand_is_by_bytes_billed_and_as_often_as_it_runs() -> None:
    month = till().month(entry())
    assert till().run(entry()) == 12.5
    assert month == Amount(375.0, 250.0, 500.0)
    assert till().workload([entry(), entry()]) == 750.0


def test_runs_that_the_cache_answers_are_free() -> None:
    query = replace(QUERY, runs=runs(1000, 1000, 1000, hits=3))
    month = till().month(entry(query, cacheable=True))
    assert month is not None and month.expected == pytest.approx(375.0 / 2)
    told = till().month(entry(query))
    assert told is not None and told.expected == 375.0


def test_slots_are_by_the_median_and_unknown_without_runs() -> None:
    paid = till(model="editions", edition="ENTERPRISE")
    assert paid.run(entry()) is paid.month(entry()) is paid.workload([entry()]) is None
    timed = entry(replace(QUERY, runs=runs(3_600_000, 7_200_000, 36_000_000)))
    assert paid.run(timed) == pytest.approx(0.12)
    assert paid.workload([timed, entry()]) == pytest.approx(30 * 0.12)


def test_a_difference_has_the_widest_bounds() -> None:
    assert Amount(10, 5, 20).minus(Amount(4, 4, 4)) == Amount(6, 1, 16)
    assert Amount(0, 0, 0).minus(Amount(10, 5, 20)) == Amount(-10, -20, -5)


def test_the_basis_names_price_place_day_and_source() -> None:
    told = till().basis
    for word in ("6.25 USD a TiB", "us", "2026-11-01", "secondary"):
        assert word in told
    assert till().currency == "USD"


def test_what_is_asked_of_a_reservation() -> None:
    query = replace(QUERY, runs=runs(1000, 3000, 2000, hits=1))
    asked = demand(entry(query))
    assert (asked.query, asked.slot_ms, asked.duration_ms) == ("q", 2000, 1000)
    assert asked.runs == pytest.approx(30 * 0.75)
    assert asked.starts_us == (1, 2, 3, 100)


def test_used_slots_add_up() -> None:
    found = UsedSlots().allocated([Demand("a", 10, 3_600_000), Demand("b", 2, 1_800_000)])
    assert found.slot_hours == 11
    assert "idle" in found.basis
    assert UsedSlots().allocated([]).slot_hours == 0


def test_what_is_free_a_month_is_taken_off_the_workload_once() -> None:
    every = [entry(), entry()]
    listed, free = till(), till(free=1.0)
    assert listed.workload(every) == 750.0
    assert free.workload(every) == 750.0 - 6.25
    assert till(free=0.5).workload(every) == 750.0 - 3.125
    # What a query costs by itself is at the list price, and so is a change.
    assert free.month(every[0]) == listed.month(every[0])
    # Budgets have their part of it.
    assert free.part(every[:1], every) == pytest.approx((750 - 6.25) / 2)
    assert listed.part(every[:1], every) == 375.0
    assert free.part([], []) == 0.0


def test_a_workload_that_is_less_than_what_is_free_costs_nothing() -> None:
    small = entry(replace(QUERY, rate=Rate(0.25, 0.25, 0.25)))
    assert till().workload([small]) == pytest.approx(3.125)
    assert till(free=1.0).workload([small]) == 0.0


def test_what_is_free_is_told_with_the_price() -> None:
    assert till(free=1.0).basis.endswith("; of a month of all queries 1.00 TiB are free")
    assert "free" not in till().basis
    assert "free" not in till(model="editions", free=1.0).basis
