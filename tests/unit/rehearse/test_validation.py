"""Histories whose truth is known: the model finds it again, and says so when it is another one."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from bqsim.history import JobRecord
from bqsim.history import Stage as RecordedStage
from bqsim.history.canonical import write
from bqsim.rehearse.errors import RehearsalError
from bqsim.rehearse.plan.model import Generated, History, JobKind, Plan, Poisson, WorkloadPart
from bqsim.rehearse.results import Calibration
from bqsim.rehearse.timeline_exports import MINUTE_US, Timelines
from bqsim.rehearse.validation import Validation, by_minute, held_out_floors, validate, validated
from bqsim.rehearse.workloads.imported import part_of
from bqsim.sim.scenario.capacity import Assignment, Capacity, Reservation
from bqsim.sim.scenario.latency import Fixed
from bqsim.sim.slots.jobs import Floats, Given, Jobs, Outcomes, Shapes, Source, Stage, Usage
from bqsim.sim.slots.seeds import generator
from bqsim.sim.slots.world import simulate

T0 = 1_772_366_400 * 1_000_000
COUNT = 600


def capacity(baseline: int, autoscaled: int = 0) -> Capacity:
    return Capacity(
        reservations={"prod": Reservation(slot_capacity=baseline, autoscale_max_slots=autoscaled)},
        assignments=(Assignment("prod", project="p"),),
    )


def plan(described: Capacity, **more: object) -> Plan:
    return Plan((WorkloadPart(History(("jobs.parquet",))),), capacity=described, **more)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Truth:
    records: list[JobRecord]
    usage: Usage
    floor: Floats


def truth(
    described: Capacity, *, timed: bool = True, slower: float = 1.0, every_ms: float = 3_000.0
) -> Truth:
    """Queries of 20 kinds under a capacity, as an export tells of them; ``slower`` than slots explain."""
    chance = generator(7, "validation")
    kind = chance.integers(0, 20, COUNT)
    at = np.cumsum(chance.exponential(every_ms, COUNT))
    slot_ms = np.ceil(chance.lognormal(10.5, 1, 20)[kind] * chance.lognormal(0, 0.3, COUNT))
    floor = chance.lognormal(5.7, 0.5, 20)[kind] * chance.lognormal(0, 0.05, COUNT)
    width = chance.choice([10.0, 50.0, 200.0], 20)[kind]
    shapes = Shapes(((Stage(0.7), Stage(0.3, 0.1, (0,))),))
    jobs = Jobs.of(COUNT, at_ms=at, slot_ms=slot_ms, floor_ms=floor, width=width)
    ended: list[Outcomes] = []
    workload = Given(jobs, shapes, (Source("p"),), ("all",), float(at[-1]))
    usage = simulate(described, workload, ended.append, seed=1)
    outcomes = Outcomes.concatenated(ended)
    order = np.argsort(outcomes.row)
    records = []
    for row in range(COUNT):
        start, end = outcomes.start_ms[order[row]], outcomes.end_ms[order[row]]
        end = start + (end - start) * slower
        first = round(slot_ms[row] * 0.7)
        narrow = math.ceil(width[row] * 0.1)
        works = start + floor[row]
        middle = works + (end - works) * 0.7 / (0.7 + 0.3 * width[row] / narrow)
        times = [T0 + round(one * 1000) if timed else 0 for one in (works, middle, end)]
        stages = (
            RecordedStage(0, "S00", (), first, int(width[row]), start_us=times[0], end_us=times[1]),
            RecordedStage(
                1, "S01", (0,), int(slot_ms[row]) - first, narrow, start_us=times[1], end_us=times[2]
            ),
        )
        records.append(
            JobRecord(
                f"job_{row}",
                "p",
                fingerprint=f"k{kind[row]}",
                created_us=T0 + round(at[row] * 1000),
                started_us=T0 + round(start * 1000),
                ended_us=T0 + round(end * 1000),
                slot_ms=int(slot_ms[row]),
                stages=stages,
                reservation="admin:US.prod",
                labels={"team": f"t{kind[row] % 2}"},
            )
        )
    return Truth(records, usage, floor)


def scaled(found: Truth) -> Timelines:
    """RESERVATIONS_TIMELINE of what was simulated."""
    minutes = found.usage.scaled_ms[0]
    return Timelines(scaled={"prod": {T0 + at * MINUTE_US: float(v) for at, v in enumerate(minutes)}})


@pytest.mark.parametrize("timed", [True, False], ids=["stages with times", "without"])
@pytest.mark.parametrize(
    "described", [capacity(2_000), capacity(50), capacity(0, 200)], ids=["ample", "scarce", "autoscaled"]
)
def test_the_truth_is_found_again(described: Capacity, timed: bool) -> None:
    found = truth(described, timed=timed)
    told = validate(plan(described), part_of(found.records), scaled(found), source="jobs")
    calibration = told.calibration
    assert (calibration.jobs, calibration.source) == (COUNT, "jobs")
    assert calibration.slots_error < 0.05
    assert calibration.duration_error < 0.1
    assert abs(calibration.duration_bias) < 0.08
    assert calibration.scaled_error is not None and calibration.scaled_error < 0.1
    (place,) = told.places
    assert place.used == pytest.approx(found.usage.used_ms.sum() / 3.6e6, rel=1e-3)
    assert place.model_scaled == pytest.approx(found.usage.scaled_ms.sum() / 3.6e6, rel=0.1, abs=1e-9)


def test_floors_of_a_scarce_history_are_those_that_were() -> None:
    found = truth(capacity(50))
    assert part_of(found.records).jobs.floor_ms == pytest.approx(found.floor, rel=0.01, abs=2.0)


@pytest.mark.parametrize(("had", "other"), [(50, 200), (200, 50), (30, 300)])
def test_what_would_have_been(had: int, other: int) -> None:
    """Durations under another capacity than the history had, against those that it would have had."""
    part = part_of(truth(capacity(had)).records)
    ended: list[Outcomes] = []
    workload = Given(
        part.jobs.with_columns(source=0), part.shapes, (Source("p"),), ("all",), part.duration_ms
    )
    simulate(capacity(other), workload, ended.append)
    predicted = Outcomes.concatenated(ended).duration_ms
    actual = np.array([(one.ended_us - one.created_us) / 1000 for one in truth(capacity(other)).records])
    for share in (50, 95):
        assert np.percentile(predicted, share) == pytest.approx(np.percentile(actual, share), rel=0.1)


def test_another_capacity_than_it_had_is_seen() -> None:
    records = truth(capacity(50)).records
    right = validate(plan(capacity(50)), part_of(records)).calibration
    wrong = validate(plan(capacity(2_000)), part_of(records)).calibration
    assert wrong.duration_error > 5 * right.duration_error
    assert wrong.duration_bias < -0.05
    assert right.scaled_error is None


def test_autoscaling_that_was_charged_otherwise_is_seen() -> None:
    found = truth(capacity(0, 200))
    twice = Timelines(scaled={"prod": {at: 2 * value for at, value in scaled(found).scaled["prod"].items()}})
    calibration = validate(plan(capacity(0, 200)), part_of(found.records), twice).calibration
    assert calibration.scaled_error == pytest.approx(0.5, abs=0.06)
    none = Timelines(scaled={"prod": {T0: 0.0}})
    assert validate(plan(capacity(50)), part_of(found.records), none).calibration.scaled_error == 0.0


def test_groups_of_the_plan() -> None:
    found = truth(capacity(50))
    told = validate(plan(capacity(50), group_by="label", group_label="team"), part_of(found.records))
    assert {one.group: one.jobs for one in told.groups} == {
        f"t{n}": sum(one.labels["team"] == f"t{n}" for one in found.records) for n in (0, 1)
    }
    assert told.calibration.jobs == sum(one.jobs for one in told.groups)


def test_the_warm_up_is_not_compared() -> None:
    found = truth(capacity(50))
    told = validate(plan(capacity(50), warm_up_s=900.0), part_of(found.records))
    later = [one for one in found.records if one.created_us >= T0 + 900_000_000]
    assert told.calibration.jobs == len(later)


def test_slots_of_jobs_timeline_count_instead_of_spread_ones() -> None:
    found = truth(capacity(50))
    source = Source("p", "QUERY", "", ran_in="admin:US.prod")
    exact = {T0 + at * MINUTE_US: float(value) for at, value in enumerate(found.usage.used_ms[0])}
    told = validate(plan(capacity(50)), part_of(found.records), Timelines(used={source: exact}))
    assert told.calibration.slots_error < 0.01
    half = {at: value / 2 for at, value in exact.items()}
    told = validate(plan(capacity(50)), part_of(found.records), Timelines(used={source: half}))
    assert told.calibration.slots_error == pytest.approx(1.0, abs=0.05)
    elsewhere = {at + 10**15: value for at, value in exact.items()}
    told = validate(plan(capacity(50)), part_of(found.records), Timelines(used={source: elsewhere}))
    assert told.notes == ("JOBS_TIMELINE is of other jobs or of another time: it was not compared.",)
    assert told.calibration.slots_error < 0.05


def test_the_same_again() -> None:
    part = part_of(truth(capacity(50)).records)
    assert validate(plan(capacity(50)), part) == validate(plan(capacity(50)), part)


def test_floors_are_not_those_of_the_run_itself() -> None:
    records = truth(capacity(2_000)).records
    part = part_of(records)
    # One run took ten minutes for no reason that slots tell.
    odd = replace(records[5], ended_us=records[5].ended_us + 600 * 10**6, stages=())
    odd_part = part_of([*records[:5], odd, *records[6:]])
    assert odd_part.jobs.floor_ms.max() < 700_000
    expected = held_out_floors(part)
    assert held_out_floors(odd_part)[5] == pytest.approx(expected[5], rel=0.2)
    assert not np.array_equal(expected, part.jobs.floor_ms)


def test_queries_that_do_not_repeat_get_what_others_have() -> None:
    records = [replace(one, fingerprint="") for one in truth(capacity(2_000)).records]
    part = part_of(records)
    found = held_out_floors(part)
    assert len(set(np.round(found, 6))) == 2
    assert found == pytest.approx(np.full(COUNT, np.median(part.jobs.floor_ms)), rel=0.1)
    # Work without slots keeps what it took.
    idle = part_of([replace(one, slot_ms=0, stages=()) for one in records])
    assert np.array_equal(held_out_floors(idle), idle.jobs.floor_ms)


def test_floors_that_grow_with_the_work() -> None:
    """A query with more to do each time, a third of whose run is not its slots'."""
    records = [
        JobRecord(
            f"j{n}",
            "p",
            fingerprint="k",
            created_us=T0 + n * 10**8,
            started_us=T0 + n * 10**8,
            ended_us=T0 + n * 10**8 + (n + 1) * 150_000,
            slot_ms=(n + 1) * 1_000,
            stages=(RecordedStage(0, "S00", (), (n + 1) * 1_000, 10),),
        )
        for n in range(40)
    ]
    part = part_of(records)
    assert part.jobs.floor_ms == pytest.approx([(n + 1) * 50.0 for n in range(40)])
    assert held_out_floors(part) == pytest.approx(part.jobs.floor_ms)


def test_slots_by_minute() -> None:
    def job(name: str, start_s: float, end_s: float, slot_ms: int) -> JobRecord:
        times = {"created_us": T0, "started_us": T0 + int(start_s * 1e6), "ended_us": T0 + int(end_s * 1e6)}
        return JobRecord(name, "p", slot_ms=slot_ms, **times)  # type: ignore[arg-type]

    part = part_of(
        [job("a", 0, 60, 600), job("b", 30, 150, 1200), job("c", 90, 90, 7), job("d", 170, 170.5, 5)]
    )
    found = by_minute(part.runs, np.arange(4), 3)
    assert found == pytest.approx([600 + 300, 600 + 7, 300 + 5])
    assert by_minute(part.runs, np.arange(0), 2) == pytest.approx([0, 0])


# From files, as the command does it.


def test_files_of_both_kinds(tmp_path: Path) -> None:
    found = truth(capacity(0, 200))
    write(tmp_path / "jobs.parquet", found.records)
    rows = [
        {
            "period_start": at / 1e6,
            "reservation_name": "prod",
            "period_autoscale_slot_seconds": round(value / 1000),
        }
        for at, value in scaled(found).scaled["prod"].items()
    ]
    (tmp_path / "slots.json").write_text(json.dumps(rows))
    told = validated(plan(capacity(0, 200)), tmp_path, timelines=[tmp_path / "slots.json"])
    assert isinstance(told, Validation)
    assert isinstance(told.calibration, Calibration)
    assert told.calibration.source == "jobs.parquet; slots.json"
    assert told.calibration.scaled_error is not None and told.calibration.scaled_error < 0.1
    named = validated(plan(capacity(0, 200)), tmp_path / "elsewhere", [tmp_path / "jobs.parquet"])
    assert named.calibration.duration_error == told.calibration.duration_error


def test_what_cannot_be_validated(tmp_path: Path) -> None:
    found = truth(capacity(50))
    write(tmp_path / "jobs.parquet", found.records)
    made = Plan((WorkloadPart(Generated(Poisson(10), (JobKind(Fixed(1.0)),))),), capacity=capacity(50))
    with pytest.raises(RehearsalError, match="the plan has no history to validate with"):
        validated(made, tmp_path)
    with pytest.raises(RehearsalError, match=r"none\.json: cannot be read"):
        validated(made, tmp_path, [tmp_path / "none.json"])
    other = Timelines(scaled={"test": {T0: 1.0}}, files=("r.json",))
    with pytest.raises(RehearsalError, match=r"r\.json: RESERVATIONS_TIMELINE tells of test, not of"):
        validate(plan(capacity(50)), part_of(found.records), other)
    idle = [replace(one, slot_ms=0, stages=()) for one in found.records]
    with pytest.raises(RehearsalError, match="no job has slot time"):
        validate(plan(capacity(50)), part_of(idle))
