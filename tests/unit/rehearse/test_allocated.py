"""Tests of slots as reservations are allocated them: steps, windows, baselines, histories, files."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bqsim.cost.baseline import Entry, entry_of
from bqsim.cost.capacity import Capacity as Model
from bqsim.cost.capacity import Demand, Slots, UsedSlots
from bqsim.cost.errors import CostError
from bqsim.cost.model import Estimate, Measured, Query, Rate, Run
from bqsim.cost.money import Till
from bqsim.cost.plans import plans
from bqsim.cost.policy import Pricing
from bqsim.cost.pricing import load_prices
from bqsim.cost.units import BYTES
from bqsim.rehearse import allocated
from bqsim.rehearse.allocated import SimulatedSlots, load_capacity
from bqsim.sim.scenario.capacity import Assignment, Capacity, Commitment, Reservation

TIB = BYTES["TiB"]
MONTH = 730
ALL = (Assignment("etl"),)
SCALED = Capacity({"etl": Reservation(0, 500)}, assignments=ALL)
# Ten slots for ten seconds, each hour.
HOURLY = Demand("q", MONTH, 100_000.0, 10_000.0)


def hours(capacity: Capacity, *demands: Demand, **more: object) -> float:
    return SimulatedSlots(capacity, **more).allocated(demands).slot_hours  # type: ignore[arg-type]


def test_scaled_slots_come_in_steps_of_50_and_stay_for_a_minute() -> None:
    assert hours(SCALED, HOURLY) == pytest.approx(MONTH * 50 * 60 / 3600)
    assert UsedSlots().allocated([HOURLY]).slot_hours == pytest.approx(MONTH * 100 / 3600)


def test_fluid_scaling_takes_steps_for_as_long_as_they_are_used() -> None:
    fluid = Capacity({"etl": Reservation(0, 500, fluid_scaling=True)}, assignments=ALL)
    assert hours(fluid, HOURLY) == pytest.approx(MONTH * 50 * 10 / 3600)


def test_a_change_costs_what_it_adds_to_the_workload() -> None:
    long = Demand("long", MONTH, 20 * 3_600_000.0, 3_600_000.0, starts_us=(0,))
    both = Capacity({"etl": Reservation(50, 0)}, assignments=ALL)
    # Twenty slots all the time, and ten more within the baseline: nothing more is paid.
    assert hours(both, long, HOURLY) == hours(both, long) == 50 * MONTH
    assert hours(SCALED, long, HOURLY) - hours(SCALED, long) < hours(SCALED, HOURLY)


def test_baselines_and_commitments_are_paid_used_or_not() -> None:
    capacity = Capacity(
        {"etl": Reservation(500), "bi": Reservation(500)},
        (Commitment(800),),
        (Assignment("etl", project="p"),),
    )
    found = SimulatedSlots(capacity).allocated([Demand("q", 10, 1000.0, 1000.0, project="p")])
    assert found.parts == (
        Slots(800 * MONTH, "ENTERPRISE", "1y"),
        Slots(200 * MONTH, "ENTERPRISE", "none"),
    )
    assert found.slot_hours == 1000 * MONTH


def test_queries_of_projects_without_a_reservation_are_paid_by_bytes() -> None:
    capacity = replace(SCALED, assignments=(Assignment("etl", project="etl"),))
    inside, outside = (replace(HOURLY, project=name, bytes_billed=100.0) for name in ("etl", "other"))
    found = SimulatedSlots(capacity).allocated([inside, outside])
    assert found.on_demand_bytes == MONTH * 100
    assert found.slot_hours == hours(SCALED, HOURLY)


def test_runs_come_when_the_history_says() -> None:
    day = 86_400_000_000
    midnight = 20_000 * day
    # Thirty runs a day at the same minute, one day of history: all of them share a step.
    together = tuple(midnight + n * 1000 for n in range(30))
    apart = tuple(midnight + n * (day // 30) for n in range(30))
    demand = replace(HOURLY, runs=30 * MONTH / 24)
    wide = Capacity({"etl": Reservation(0, 1000)}, assignments=ALL)
    days = 31
    shared = hours(wide, replace(demand, starts_us=together))
    assert shared == pytest.approx(days * 300 * 60 / 3600, rel=0.05)
    assert hours(wide, replace(demand, starts_us=apart)) == pytest.approx(30 * MONTH / 24 * 50 / 60, rel=0.01)
    # What the workload knows of a query holds where an entry of a baseline knows nothing.
    assert hours(wide, demand, starts={"q": together}) == shared


def test_a_month_of_many_runs_is_told_by_a_part_of_it() -> None:
    whole = SimulatedSlots(SCALED).allocated([replace(HOURLY, runs=2000)])
    part = SimulatedSlots(SCALED, "r.yaml", most_jobs=500).allocated([replace(HOURLY, runs=2000)])
    assert part.slot_hours == pytest.approx(whole.slot_hours, rel=0.02)
    told = "the reservations of r.yaml are allocated them, simulated over 168 hours with 460 runs"
    assert part.basis == told


@pytest.mark.parametrize(
    ("runs", "most", "found"),
    [
        (10, 10, 730),
        (10.5, 10, 672),
        (11, 10, 336),
        (1000, 300, 168),
        (1000, 40, 24),
        (1000, 10, 24),
    ],
)
def test_how_long_is_simulated(runs: float, most: int, found: float) -> None:
    assert allocated.period(runs, most) == found


def test_a_part_of_a_history_is_one_of_typical_days() -> None:
    assert allocated.typical(np.array([0.0, 9.0, 5.0, 1.0, 5.0]), 1) == 2
    assert allocated.typical(np.array([0.0, 9.0, 5.0, 1.0, 5.0]), 2) == 0
    assert allocated.typical(np.array([3.0, 4.0]), 30) == 0
    day = 86_400_000_000
    # A day with one run, a day with three, a day with two; only a day is simulated.
    at = [n * day + hour * 3_600_000_000 for n, count in enumerate((1, 3, 2)) for hour in range(count)]
    demand = replace(HOURLY, runs=2 * MONTH / 24, starts_us=tuple(20_000 * day + one for one in at))
    found = SimulatedSlots(SCALED, most_jobs=1).allocated([demand])
    assert found.basis.endswith("over 24 hours with 2 runs")
    assert found.slot_hours == pytest.approx(2 * MONTH / 24 * 50 / 60)


def test_rare_runs_keep_their_work() -> None:
    steady = Capacity({"etl": Reservation(0, 50, fluid_scaling=True)}, assignments=ALL)
    yearly = Demand("q", 1 / 12, 50 * 3_600_000.0, 3_600_000.0)
    assert hours(steady, yearly) == pytest.approx(50 / 12, rel=0.01)


def test_nothing_to_run() -> None:
    found = SimulatedSlots(SCALED).allocated([Demand("q", 0, 100.0)])
    assert (found.slot_hours, found.parts) == (0, ())


def test_the_same_is_asked_once_and_gives_the_same() -> None:
    model = SimulatedSlots(SCALED)
    protocol: Model = model
    demands = [replace(HOURLY, query=name, runs=100.5) for name in "abc"]
    assert protocol.allocated(demands) is protocol.allocated(demands)
    assert model.allocated(demands) == SimulatedSlots(SCALED).allocated(demands)
    assert model.allocated(demands) != SimulatedSlots(SCALED, seed=2).allocated(demands[:2])


def test_times_between_others() -> None:
    at = np.array([0.0, 10.0, 20.0, 30.0])
    assert allocated.spread(at, 2).tolist() == [10.0, 30.0]
    assert allocated.spread(at, 8).tolist() == [0, 5, 10, 15, 20, 25, 30, 30]
    assert allocated.tiled(np.array([1.0, 7.0]), 10.0, 25.0).tolist() == [1, 7, 11, 17, 21]


def entry(slot_hours: float, tib: float = 1, name: str = "q") -> Entry:
    runs = tuple(Run(n, int(slot_hours * 3_600_000), 3_600_000.0) for n in range(1, 6))
    estimate = Estimate("SELECT", int(tib * TIB), int(tib * TIB), int(tib * TIB), uncacheable=("x",))
    return entry_of(Measured(Query(name, "SELECT 1", rate=Rate(MONTH, MONTH, MONTH), runs=runs), estimate))


def till(capacity: Model, model: str = "editions") -> Till:
    return Till(Pricing(model=model), load_prices(), dt.date(2026, 11, 1), capacity)


COMMITTED = Capacity({"etl": Reservation(100, 0)}, (Commitment(50),), ALL)


def test_money_by_the_prices_of_editions_and_commitments() -> None:
    paid = till(SimulatedSlots(COMMITTED, "r.yaml"))
    assert paid.workload([entry(10)]) == pytest.approx(MONTH * 50 * (0.048 + 0.06))
    assert paid.basis.endswith("; slots as the reservations of r.yaml are allocated them, simulated")
    assert "simulated" not in till(UsedSlots()).basis
    assert till(SimulatedSlots(COMMITTED), "on-demand").workload([entry(10)]) == pytest.approx(MONTH * 6.25)


def test_a_part_of_the_workload_pays_its_share() -> None:
    paid = till(SimulatedSlots(COMMITTED))
    whole = [entry(10), entry(30, name="other")]
    total = paid.workload(whole)
    assert total is not None
    assert paid.part(whole[:1], whole) == pytest.approx(total / 4)
    used = till(UsedSlots())
    assert used.part(whole[:1], whole) == used.workload(whole[:1])


def test_the_break_even_is_of_allocated_slots() -> None:
    found = plans(till(SimulatedSlots(COMMITTED)), [entry(10)])
    months = {one.name: one.month for one in found.plans}
    assert months["slots as reserved"] == pytest.approx(MONTH * 50 * 0.108)
    assert months["ENTERPRISE slots"] == pytest.approx(MONTH * 100 * 0.06)
    assert months["on demand"] == pytest.approx(MONTH * 6.25)
    assert found.slot_hours == pytest.approx(100)
    assert found.advice.startswith("STANDARD slots is the cheapest")
    assert "idle slots" not in found.advice
    used = plans(till(UsedSlots()), [entry(10)])
    assert used.slot_hours == pytest.approx(10)
    assert "idle slots and steps of scaling come on top" in used.advice


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "slots.yaml"
    path.write_text(text)
    return path


def test_a_file_of_reservations(tmp_path: Path) -> None:
    found = load_capacity(written(tmp_path, "reservations: {etl: {slot_capacity: 100}}\n"))
    assert found.reservations == {"etl": Reservation(100)}
    assert found.assignments == ALL


def test_the_capacity_of_a_plan_or_a_scenario(tmp_path: Path) -> None:
    text = "seed: 3\ncapacity:\n  reservations: {etl: {slot_capacity: 100}}\nworkload: []\n"
    assert load_capacity(written(tmp_path, text)).reservations == {"etl": Reservation(100)}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("reservations: {etl: {slots: 100}}", r"slots.yaml:1:22: .*slots"),
        ("reservations:\n  etl: {slot_capacity: 70}", r"slots.yaml:2:\d+: Baseline slots can only be"),
        ("commitments: [{slots: 100}]", "it describes no reservation"),
        ("reservations: {a: {slot_capacity: 50}, b: {slot_capacity: 50}}", "add assignments"),
        ("reservations: [", r"slots.yaml:\d+:\d+"),
    ],
    ids=["key", "steps", "none", "assignments", "yaml"],
)
def test_wrong_files(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(CostError, match=told):
        load_capacity(written(tmp_path, text))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CostError, match=r"no\.yaml.*cannot be read"):
        load_capacity(tmp_path / "no.yaml")
