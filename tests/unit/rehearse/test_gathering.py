"""Tests of gathering: what outcomes and usage come to, the warm-up, groups, objectives, money and bounds."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from bqsim.cost.units import BYTES
from bqsim.rehearse.errors import RehearsalError
from bqsim.rehearse.gathering import Gatherer, _Pairs
from bqsim.rehearse.plan.model import (
    Diurnal,
    Generated,
    JobKind,
    Money,
    Objective,
    Plan,
    SpendCommitment,
    WorkloadPart,
)
from bqsim.rehearse.results import ALL, SettingResult
from bqsim.sim.scenario.capacity import Assignment, Capacity, Commitment, Reservation
from bqsim.sim.scenario.latency import Fixed
from bqsim.sim.slots.jobs import Given, Jobs, Outcomes, Place, Source, State, Usage
from bqsim.sim.slots.world import simulate

HOUR, DAY = 3_600_000.0, 86_400_000.0
TIB = BYTES["TiB"]
ONE = Capacity({"etl": Reservation(100, 200)}, assignments=(Assignment("etl", project="etl"),))
SOURCES = (Source("etl"), Source("free"))
PLACES = (Place("etl", "ENTERPRISE", "US", "", 100, 200), Place("free", "", "", "", 0, 0))
PLAN = Plan((), money=Money(on="2026-11-01"))


def workload(groups: tuple[str, ...] = (ALL,), days: float = 1.0) -> Given:
    return Given(Jobs.of(0), sources=SOURCES, groups=groups, duration_ms=days * DAY)


def ended(count: int, **columns: object) -> Outcomes:
    """Jobs that were submitted at 0, began at once and ended well after 10 s, in the first place."""
    given = {
        "row": np.arange(count),
        "source": 0,
        "group": 0,
        "reservation": 0,
        "batch": 0,
        "state": State.DONE,
        "attempts": 1,
        "at_ms": 0.0,
        "start_ms": None,
        "end_ms": None,
        "used_ms": 1000.0,
        "bytes": 0.0,
        **columns,
    }
    at = np.broadcast_to(np.asarray(given["at_ms"], float), (count,))
    start = given["start_ms"] if given["start_ms"] is not None else at
    end = given["end_ms"] if given["end_ms"] is not None else at + 10_000
    kinds = {"row": np.int64, "batch": np.uint8, "state": np.uint8}
    kinds |= dict.fromkeys(("source", "group", "reservation", "attempts"), np.int32)
    whole = {**given, "start_ms": start, "end_ms": end}
    return Outcomes(
        **{n: np.broadcast_to(np.asarray(v, kinds.get(n, np.float64)), (count,)) for n, v in whole.items()}
    )


def usage(
    days: float = 1.0, buckets: int = 24, places: tuple[Place, ...] = PLACES, **columns: object
) -> Usage:
    shape = (len(places), buckets)
    names = (
        "used_ms", "borrowed_ms", "scaled_ms", "running_ms", "queued_ms", "peak_scaled", "peak_queued",
    )  # fmt: skip
    made = {n: np.broadcast_to(np.asarray(columns.get(n, 0.0), float), shape).copy() for n in names}
    return Usage(places, days * DAY / buckets, days * DAY, **made)


def gathered(
    *outcomes: Outcomes,
    plan: Plan = PLAN,
    groups: tuple[str, ...] = (ALL,),
    used: Usage | None = None,
    days: float = 1.0,
    capacity: Capacity = ONE,
) -> SettingResult:
    gatherer = Gatherer(plan, workload(groups, days), capacity)
    for one in outcomes:
        gatherer.add(one)
    return gatherer.result("a", {"x": 1}, used or usage(days))


def test_durations_and_waits_are_of_jobs_that_ended_well() -> None:
    good = ended(99, start_ms=2000.0, end_ms=12_345.0)
    bad = ended(1, state=State.QUEUE_TIMEOUT, start_ms=math.nan, end_ms=9e6)
    found = gathered(good, bad).whole
    assert (found.jobs, found.attempts) == (100, 100)
    assert found.states == {"DONE": 99, "QUEUE_TIMEOUT": 1}
    assert (found.duration.count, found.duration.mean, found.duration.largest) == (99, 12.345, 12.345)
    assert found.duration.at(99.9) == 12.345
    assert found.wait.at(50.0) == 2.0
    assert found.slot_hours == pytest.approx(100_000 / HOUR)


def test_groups_come_after_all_of_them_in_order() -> None:
    first = ended(3, group=1, used_ms=HOUR, bytes=5.0)
    other = ended(2, group=0, end_ms=40_000.0, attempts=2, state=[State.DONE, State.FAILED], bytes=7.0)
    found = gathered(first, other, groups=("bi", "etl", "none"))
    assert [one.group for one in found.groups] == [ALL, "bi", "etl", "none"]
    whole, bi, etl, none = found.groups
    assert (whole.jobs, bi.jobs, etl.jobs, none.jobs) == (5, 2, 3, 0)
    assert (whole.attempts, bi.attempts) == (7, 4)
    assert (whole.bytes_billed, bi.bytes_billed) == (22, 7)
    assert etl.slot_hours == 3
    assert (bi.duration.at(50.0), etl.duration.at(50.0), whole.duration.largest) == (40, 10, 40)
    assert math.isnan(none.duration.mean) and none.states == {}
    assert found.name == "a" and found.values == {"x": 1} and found.simulated_jobs == 5


def test_one_group_of_all_is_told_once() -> None:
    assert [one.group for one in gathered(ended(1)).groups] == [ALL]


def test_the_warm_up_is_left_out() -> None:
    early = ended(10, at_ms=HOUR - 1, end_ms=5 * HOUR)
    late = ended(4, at_ms=np.array([1, 1.5, 2, 3]) * HOUR)
    column = np.zeros((2, 24))
    column[0, 0], column[0, 1:] = 500, 10
    used = usage(used_ms=column * HOUR, scaled_ms=column * HOUR, peak_scaled=column)
    found = gathered(early, late, plan=replace(PLAN, warm_up_s=3600), used=used)
    assert (found.whole.jobs, found.simulated_jobs) == (4, 14)
    assert found.days == pytest.approx(23 / 24)
    place = found.places[0]
    assert place.scaled_hours == pytest.approx(230)
    assert place.baseline_hours == pytest.approx(2300)
    assert place.peak_scaled == 10
    half = gathered(late, plan=replace(PLAN, warm_up_s=5400), used=used)
    assert half.whole.jobs == 3
    assert half.places[0].scaled_hours == pytest.approx(225)


def test_a_warm_up_as_long_as_the_workload_is_refused() -> None:
    with pytest.raises(RehearsalError, match="nothing is measured: the warm-up of 86400 s"):
        gathered(ended(1), plan=replace(PLAN, warm_up_s=86_400))


@pytest.mark.parametrize(
    ("objective", "jobs", "missed", "kept"),
    [
        (Objective(within_s=10.0, share=0.9), 10, 1, True),
        (Objective(within_s=10.0, share=0.95), 10, 1, False),
        (Objective(within_s=9.9, share=0.5), 10, 10, False),
        (Objective(starts_within_s=0.0, share=0.9), 10, 1, True),
        (Objective(within_s=20.0, starts_within_s=1.0, share=0.95), 10, 1, False),
        (Objective(within_s=20.0, share=1.0), 10, 0, True),
        (Objective(group="b*", within_s=10.0, share=1.0), 9, 0, True),
        (Objective(group="nobody", within_s=1.0, share=1.0), 0, 0, True),
    ],
)
def test_objectives(objective: Objective, jobs: int, missed: int, kept: bool) -> None:
    slow = ended(1, group=1, start_ms=5000.0, end_ms=15_000.0)
    found = gathered(ended(9), slow, plan=replace(PLAN, objectives=(objective,)), groups=("bi", "etl"))
    assert [(o.jobs, o.missed, o.kept) for o in found.objectives] == [(jobs, missed, kept)]
    assert found.misses == pytest.approx(missed / jobs if jobs else 0)


def test_capacity_that_lets_jobs_down_misses_objectives_and_errors_of_their_own_do_not() -> None:
    states = [State.DONE, State.QUEUE_FULL, State.QUEUE_TIMEOUT, State.ADMISSION_DENIED, State.TIMED_OUT]
    states += [State.FAILED, State.STOPPED]
    plan = replace(PLAN, objectives=(Objective(within_s=60.0),))
    found = gathered(ended(7, state=states), plan=plan)
    assert (found.objectives[0].jobs, found.objectives[0].missed) == (5, 4)
    assert found.failures == pytest.approx(6 / 7)


def test_places_and_what_they_used() -> None:
    used = usage(
        used_ms=np.array([[60.0], [7.0]]) * HOUR,
        borrowed_ms=np.array([[15.0], [0.0]]) * HOUR,
        scaled_ms=np.array([[50.0], [0.0]]) * HOUR,
        running_ms=3 * HOUR,
        queued_ms=2 * HOUR,
        peak_scaled=150.0,
        peak_queued=9.0,
    )
    etl, free = gathered(ended(1), used=used).places
    hours = (etl.used_hours, etl.borrowed_hours, etl.scaled_hours, etl.baseline_hours)
    assert hours == pytest.approx((1440, 360, 1200, 2400))
    assert etl.utilisation == pytest.approx((1440 - 360) / 3600)
    assert (etl.mean_running, etl.mean_queued) == pytest.approx((3, 2))
    assert (etl.peak_scaled, etl.peak_queued) == (150, 9)
    assert (etl.place, etl.edition, free.place, free.edition) == ("etl", "ENTERPRISE", "free", "")
    assert math.isnan(free.utilisation)


def test_jobs_that_end_after_the_last_arrival_cost_what_they_scale() -> None:
    scaled = np.zeros((2, 48))
    scaled[0] = 100.0
    used = usage(2.0, 48, scaled_ms=scaled * HOUR, used_ms=scaled * HOUR)
    found = gathered(ended(1), used=used, days=1.0)
    assert found.days == 1
    lines = {one.what: one for one in found.charges}
    assert lines["autoscaled slots"].quantity == pytest.approx(4800)
    assert lines["baseline"].quantity == pytest.approx(2400)
    assert found.places[0].utilisation == pytest.approx(0.5)


def test_the_last_bucket_ends_with_the_last_job() -> None:
    scaled = np.zeros((2, 25))
    scaled[0] = 60_000.0
    used = replace(usage(25 / 24, 25, scaled_ms=scaled), end_ms=DAY + 1000.0)
    assert gathered(ended(1), used=used).places[0].scaled_hours == pytest.approx(25 * 60_000 / HOUR)


def test_the_bill_and_who_pays_it() -> None:
    capacity = replace(ONE, commitments=(Commitment(50),))
    scaled = np.zeros((2, 24))
    scaled[0] = 25 * HOUR
    outcomes = (
        ended(2, group=0, used_ms=3 * HOUR, bytes=9 * TIB),
        ended(1, group=1, used_ms=2 * HOUR),
        ended(4, group=2, used_ms=HOUR, source=1, reservation=1, bytes=TIB / 2),
        ended(5, group=2, used_ms=HOUR, source=1, reservation=1, bytes=TIB, state=State.FAILED),
    )
    found = gathered(*outcomes, groups=("a", "b", "c"), used=usage(scaled_ms=scaled), capacity=capacity)
    amounts = {(one.what, one.place): one.amount for one in found.charges}
    assert amounts == pytest.approx(
        {
            ("commitment 1y", "ENTERPRISE US"): 50 * 24 * 0.048,
            ("baseline", "etl"): 50 * 24 * 0.06,
            ("autoscaled slots", "etl"): 25 * 24 * 0.06,
            ("on demand", "free"): 2 * 6.25,
        }
    )
    slots = 50 * 24 * 0.048 + 75 * 24 * 0.06
    assert found.cost_per_day == pytest.approx(slots + 12.5)
    assert [one.cost for one in found.groups] == pytest.approx([slots + 12.5, slots * 3 / 4, slots / 4, 12.5])
    assert found.whole.bytes_billed == 20 * TIB


def test_cost_is_by_the_day() -> None:
    one = gathered(ended(1), days=0.5, used=usage(0.5))
    two = gathered(ended(1), days=10.0, used=usage(10.0))
    assert one.cost_per_day == pytest.approx(100 * 24 * 0.06)
    assert two.cost_per_day == pytest.approx(100 * 24 * 0.06)
    assert sum(c.amount for c in two.charges) == pytest.approx(10 * 100 * 24 * 0.06)


def test_bounds_are_of_whole_days() -> None:
    at = np.arange(0, 4, 0.01) * DAY
    day = (at // DAY).astype(int)
    scaled = np.repeat([[100.0, 200.0, 300.0, 0.0], [0, 0, 0, 0]], 24, axis=1) * HOUR
    outcomes = ended(400, at_ms=at, end_ms=at + (day + 1) * 1000.0)
    found = gathered(outcomes, days=4.0, used=usage(4.0, 96, scaled_ms=scaled))
    low, high = found.bounds["cost_per_day"]
    daily = (100 + np.array([100, 200, 300, 0])) * 24 * 0.06
    assert found.cost_per_day == pytest.approx(daily.mean())
    assert daily.min() < low < found.cost_per_day < high < daily.max()
    low, high = found.bounds["p50_duration_s"]
    assert 1 <= low < high <= 4
    assert gathered(outcomes, days=4.0, used=usage(4.0, 96, scaled_ms=scaled)).bounds == found.bounds
    other = gathered(outcomes, days=4.0, used=usage(4.0, 96, scaled_ms=scaled), plan=replace(PLAN, seed=2))
    assert other.bounds != found.bounds


def test_bytes_on_demand_are_bounded_by_days_too() -> None:
    at = np.arange(5) * DAY
    outcomes = ended(5, at_ms=at, source=1, reservation=0, bytes=np.array([0, 1, 2, 3, 4]) * TIB)
    nothing = Capacity()
    found = gathered(outcomes, days=5.0, used=usage(5.0, 120, places=PLACES[1:]), capacity=nothing)
    assert found.cost_per_day == pytest.approx(2 * 6.25)
    low, high = found.bounds["cost_per_day"]
    assert 0 < low < 12.5 < high < 25


def test_what_is_free_is_taken_off_all_days_together() -> None:
    at = np.arange(4) * DAY
    billed = np.array([0, 0, 0, 1]) * TIB
    outcomes = ended(4, at_ms=at, source=1, reservation=0, bytes=billed)
    used = usage(4.0, 96, places=PLACES[1:])
    plan = replace(PLAN, money=replace(PLAN.money, free=1.0))
    found = gathered(outcomes, days=4.0, used=used, capacity=Capacity(), plan=plan)
    free = 4 * 24 / 730
    assert found.cost_per_day == pytest.approx((1 - free) * 6.25 / 4)
    low, high = found.bounds["cost_per_day"]
    # At best the day is not drawn, at worst twice: what is free is the same then.
    assert low == 0.0
    assert high == pytest.approx((2 - free) * 6.25 / 4) or high == pytest.approx((3 - free) * 6.25 / 4)


SPENDS = replace(PLAN, money=replace(PLAN.money, spend_commitments=(SpendCommitment(9.0),)))


def test_a_commitment_to_spend_is_used_by_the_hour() -> None:
    # 100 slots of the baseline are 6.00 an hour; 9.00 cover 10.00, and 100 scaled slots are 6.00 more.
    scaled = np.zeros((2, 48))
    scaled[0, ::2] = 100 * HOUR / 2
    scaled[0, 1::2] = 0
    half = gathered(ended(1), used=usage(1.0, 48, scaled_ms=scaled), plan=SPENDS)
    assert half.cost_per_day == pytest.approx(24 * 9.0), "50 slot-hours each hour: 9.00 of the 10.00"
    scaled[:] = 0
    scaled[0, :24:2] = scaled[0, 1:24:2] = 100 * HOUR / 2
    uneven = gathered(ended(1), used=usage(1.0, 48, scaled_ms=scaled), plan=SPENDS)
    assert uneven.cost_per_day == pytest.approx(24 * 9.0 + 12 * 2.0), "12 hours of 12.00, 12 hours of 6.00"
    lines = {one.what: one for one in uneven.charges}
    assert lines["spend commitment 1y, unused"].amount == pytest.approx(12 * (9 - 6 * 0.9))
    assert sum(one.cost for one in uneven.groups) == pytest.approx(uneven.cost_per_day)


def test_the_warm_up_is_not_paid_by_a_commitment_either() -> None:
    scaled = np.zeros((2, 24))
    scaled[0] = 100 * HOUR
    plan = replace(SPENDS, warm_up_s=1800.0)
    late = ended(1, at_ms=HOUR)
    found = gathered(late, used=usage(scaled_ms=scaled), plan=plan)
    hours = sum(one.quantity * 0.06 for one in found.charges)
    assert hours == pytest.approx(23.5 * 12.0)
    assert sum(one.amount for one in found.charges) == pytest.approx(23.5 * (9 + 2))


def test_buckets_longer_than_an_hour_are_taken_as_they_are() -> None:
    scaled = np.zeros((2, 12))
    scaled[0, ::2] = 2 * 150 * HOUR
    found = gathered(ended(1), used=usage(1.0, 12, scaled_ms=scaled), plan=SPENDS)
    assert found.cost_per_day == pytest.approx(24 * 9 + 12 * (250 * 0.06 - 10))


def test_slots_that_scale_after_the_last_arrival_are_paid_as_they_go() -> None:
    scaled = np.zeros((2, 48))
    scaled[0] = 100 * HOUR
    found = gathered(ended(1), used=usage(2.0, 48, scaled_ms=scaled), plan=SPENDS, days=1.0)
    assert found.cost_per_day == pytest.approx(24 * (9 + 2) + 24 * 6)


def test_days_of_commitments_to_spend_are_bounded_by_what_each_costs() -> None:
    at = np.arange(0, 4, 0.01) * DAY
    scaled = np.repeat([[0, 100.0, 200.0, 300.0], [0, 0, 0, 0]], 24, axis=1) * HOUR
    found = gathered(ended(400, at_ms=at), days=4.0, used=usage(4.0, 96, scaled_ms=scaled), plan=SPENDS)
    daily = 24 * np.array([9, 9 + 2, 9 + 8, 9 + 14])
    assert found.cost_per_day == pytest.approx(daily.mean())
    low, high = found.bounds["cost_per_day"]
    assert daily.min() <= low < found.cost_per_day < high <= daily.max()


def test_days_are_drawn_by_weekday_where_the_workload_has_them() -> None:
    days = (1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.5)
    weeks = WorkloadPart(Generated(Diurnal(60, days=days), (JobKind(Fixed(1.0)),)))
    at = np.arange(0, 14, 0.01) * DAY
    sundays = np.where(np.arange(14 * 24) // 24 % 7 == 6, 300.0, 0.0)
    used = usage(14.0, 14 * 24, scaled_ms=np.stack([sundays, 0 * sundays]) * HOUR)
    plain = gathered(ended(1400, at_ms=at), days=14.0, used=used)
    weekly = gathered(ended(1400, at_ms=at), days=14.0, used=used, plan=replace(PLAN, workload=(weeks,)))
    assert (plain.bounds_by, weekly.bounds_by) == ("day", "weekday")
    assert weekly.bounds["cost_per_day"] == pytest.approx((weekly.cost_per_day,) * 2)
    low, high = plain.bounds["cost_per_day"]
    assert low < plain.cost_per_day < high
    short = gathered(ended(10), days=2.0, used=usage(2.0), plan=replace(PLAN, workload=(weeks,)))
    assert (short.bounds, short.bounds_by) == ({}, "")


def test_no_bounds_with_fewer_than_three_days() -> None:
    assert gathered(ended(10), days=2.9, used=usage(2.9)).bounds == {}


def test_chunks_do_not_matter_and_many_groups_do_not_either() -> None:
    draw = np.random.default_rng(2)
    count = 3000
    at = np.sort(draw.uniform(0, DAY, count))
    source = draw.integers(0, 2, count)
    whole = ended(
        count,
        at_ms=at,
        end_ms=at + draw.exponential(5000, count),
        group=draw.integers(0, 50, count),
        source=source,
        reservation=source,
        used_ms=np.round(draw.exponential(5000, count)),
        bytes=draw.integers(0, 9, count) * TIB,
    )
    groups = tuple(f"g{n}" for n in range(50))
    pieces = [
        Outcomes(**{n: getattr(whole, n)[rows] for n in Outcomes.__slots__})
        for rows in np.array_split(np.arange(count), 7)
    ]
    one, many = (gathered(*parts, groups=groups).groups for parts in ([whole], pieces))
    assert one == many
    pairs = _Pairs(2, 600_000)
    for part in pieces:
        pairs.add(part.reservation.astype(np.int64), part.group.astype(np.int64), part.used_ms, part.bytes)
    found = pairs.shares(usage())
    totals = np.bincount(whole.group, whole.used_ms, 50)
    assert np.bincount(found.group, found.slot_ms, 50).tolist() == totals.tolist()
    assert np.all(np.diff(found.place) >= 0)


def test_nothing_happened() -> None:
    found = gathered()
    assert found.whole.jobs == 0 and found.failures == 0.0
    assert math.isnan(found.whole.duration.at(95.0))


def test_what_jobs_use_and_what_places_give_is_the_same() -> None:
    draw = np.random.default_rng(7)
    count = 400
    jobs = Jobs.of(
        count,
        at_ms=np.sort(draw.uniform(0, HOUR, count)),
        source=draw.integers(0, 2, count),
        group=draw.integers(0, 3, count),
        slot_ms=draw.exponential(600_000, count),
        width=draw.integers(1, 40, count),
        bytes=2.0**30,
    )
    given = Given(jobs, sources=SOURCES, groups=("a", "b", "c"), duration_ms=HOUR)
    gatherer = Gatherer(PLAN, given, ONE)
    seen = simulate(ONE, given, gatherer.add, bucket_ms=60_000.0)
    found = gatherer.result("a", {}, seen)
    assert found.simulated_jobs == found.whole.jobs == count
    used = sum(one.used_hours for one in found.places)
    assert used == pytest.approx(found.whole.slot_hours) == pytest.approx(jobs.slot_ms.sum() / HOUR)
    assert sum(one.slot_hours for one in found.groups[1:]) == pytest.approx(used)
    assert sum(one.cost for one in found.groups[1:]) == pytest.approx(found.cost_per_day / 24)
    lines = {one.what: one for one in found.charges}
    assert lines["on demand"].quantity == pytest.approx(np.sum(jobs.source == 1) / 1024)
    # Steps of 50 slots, for a minute at least.
    assert found.places[0].peak_scaled % 50 == 0
    assert lines["autoscaled slots"].quantity == found.places[0].scaled_hours >= 50 / 60


def test_thousands_of_groups_leave_all_jobs_together_exact() -> None:
    end_ms = np.arange(1, 5001) * 100.0
    outcomes = ended(5000, group=np.arange(5000) % 2000, end_ms=end_ms)
    found = gathered(outcomes, groups=tuple(f"g{n}" for n in range(2000)))
    assert len(found.groups) == 2001
    assert found.whole.duration.at(95.0) == pytest.approx(475.0, rel=1e-3)
    assert found.groups[1].duration.at(50.0) == pytest.approx(200.1, rel=5e-3)
    assert sum(one.jobs for one in found.groups[1:]) == found.whole.jobs == 5000
