"""What slots do not explain of a run: all of the rest where nobody waited, little of it where all did."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bqsim.rehearse.workloads.floors import Runs, by_kind, contended, floors, widths
from bqsim.sim.slots.jobs import Floats
from bqsim.sim.slots.seeds import generator

COUNT = 400


def runs_of(start: Floats, run: Floats, slot_ms: Floats, ideal: Floats, **more: object) -> Runs:
    count = len(start)
    given = {
        "outside_ms": np.full(count, np.nan),
        "pool": np.zeros(count, np.int32),
        "kind": np.full(count, -1, np.int32),
        "planned": np.ones(count, np.bool_),
        **more,
    }
    return Runs(start, start, start + run, slot_ms, ideal, **given)  # type: ignore[arg-type]


def unhurried(seed: int = 1) -> tuple[Runs, Floats]:
    """Jobs that never wait for each other, with floors of their own."""
    chance = generator(seed, "floors")
    start = np.cumsum(chance.exponential(300.0, COUNT))
    slot_ms = chance.lognormal(9, 1, COUNT)
    ideal = slot_ms / chance.integers(1, 100, COUNT)
    floor = chance.uniform(100, 2_000, COUNT)
    return runs_of(start, floor + ideal, slot_ms, ideal), floor


def shared(seed: int = 1, slots: float = 50.0, floor: float = 200.0) -> Runs:
    """Jobs of one server that gives its slots to all in turn: they wait for each other. Each could use 100
    slots."""
    chance = generator(seed, "shared")
    start = np.cumsum(chance.exponential(2_000.0, COUNT))
    slot_ms = chance.lognormal(10.5, 0.8, COUNT)
    end = np.zeros(COUNT)
    free = 0.0
    # First come, first served: a job's slots are what those before it leave.
    for row in range(COUNT):
        free = max(free, start[row] + floor) + slot_ms[row] / slots
        end[row] = free
    kind = (np.arange(COUNT) % 8).astype(np.int32)
    return runs_of(start, end - start, slot_ms, slot_ms / 100.0, kind=kind)


def test_all_that_slots_do_not_explain() -> None:
    runs, floor = unhurried()
    assert not contended(runs).any()
    assert floors(runs, contended(runs)) == pytest.approx(floor)


def test_never_below_zero_and_zero_where_the_end_is_not_known() -> None:
    start = np.array([0.0, 5.0])
    runs = runs_of(start, np.array([10.0, np.nan]), np.array([100.0, 100.0]), np.array([20.0, 1.0]))
    assert list(floors(runs, contended(runs))) == [0.0, 0.0]


def test_runs_that_waited_for_each_other() -> None:
    runs = shared()
    assert contended(runs).all()
    found = floors(runs, contended(runs))
    gaps = runs.run_ms - runs.ideal_ms
    assert float(np.mean(found)) < 0.4 * float(np.mean(gaps))
    assert bool(np.all(found >= 0)) and bool(np.all(found <= gaps + 1e-6))


def test_times_of_stages_tell_more() -> None:
    runs = shared()
    told = replace(runs, outside_ms=np.full(COUNT, 200.0))
    gaps = runs.run_ms - runs.ideal_ms
    assert floors(told, contended(told)) == pytest.approx(np.minimum(gaps, 200.0))


def test_a_cap_that_jobs_run_into_one_after_another() -> None:
    chance = generator(2, "capped")
    slot_ms = chance.lognormal(10, 1, COUNT)
    start = np.linspace(0.0, 4e9, COUNT)
    capped = runs_of(start, slot_ms / 50.0, slot_ms, slot_ms / 100.0)
    assert contended(capped).all()
    # One query may have a rate of its own.
    assert not contended(replace(capped, kind=np.zeros(COUNT, np.int32))).any()
    # The same query over and over runs into nothing.
    same = runs_of(start, np.full(COUNT, 1_000.0), np.full(COUNT, 5e4), np.full(COUNT, 500.0))
    assert not contended(same).any()


def test_a_queue_tells_that_slots_were_few() -> None:
    runs, _ = unhurried()
    few = np.arange(COUNT) % 10 == 0
    waited = replace(runs, at_ms=runs.at_ms - np.where(few, 3_000.0, 20.0))
    assert contended(waited).all()
    assert not contended(replace(runs, at_ms=runs.at_ms - 20.0)).any()


def test_pools_are_judged_apart() -> None:
    (calm, floor), busy = unhurried(), shared()
    both = Runs(*(np.concatenate([getattr(calm, name), getattr(busy, name)]) for name in Runs.__slots__))
    both = replace(both, pool=np.repeat(np.array([4, 2], np.int32), COUNT))
    held_up = contended(both)
    assert not held_up[:COUNT].any() and held_up[COUNT:].all()
    assert floors(both, held_up)[:COUNT] == pytest.approx(floor)


def test_few_runs_tell_nothing() -> None:
    runs = shared()
    some = Runs(*(getattr(runs, name)[:15] for name in Runs.__slots__))
    assert not contended(some).any()


def test_jobs_without_stages_are_as_wide_as_their_quickest_runs() -> None:
    runs = shared()
    plain = replace(runs, ideal_ms=runs.run_ms, planned=np.zeros(COUNT, np.bool_))
    assert contended(plain).all()
    own = np.ceil(plain.slot_ms / plain.run_ms)
    found = widths(plain, contended(plain), own)
    assert bool(np.all(found >= own))
    assert float(np.median(found)) > 1.3 * float(np.median(own))
    assert widths(runs, contended(runs), own) is own


def test_values_by_kind() -> None:
    runs = runs_of(*np.zeros((4, 6)), kind=np.array([3, 1, 3, -1, 3, 1], np.int32))
    values = np.array([5.0, 2.0, 9.0, 4.0, 7.0, 1.0])
    every = np.ones(6, np.bool_)
    assert list(by_kind(runs, values, every, 0.0)) == [5, 1, 5, 4, 5, 1]
    assert list(by_kind(runs, values, every, 1.0)) == [9, 2, 9, 4, 9, 2]
    assert list(by_kind(runs, values, values != 9.0, 0.5)) == [5, 1, 9, 4, 5, 1]
