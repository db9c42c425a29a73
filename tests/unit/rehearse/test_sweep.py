from __future__ import annotations

import pickle
from collections.abc import Sequence
from pathlib import Path

import pytest

from bqsim.rehearse import sweep
from bqsim.rehearse.errors import RehearsalError
from bqsim.rehearse.plan.model import ClientRetries
from bqsim.rehearse.plan.reading import LoadedPlan, parse
from bqsim.rehearse.reporting.document import document
from bqsim.rehearse.results import Report
from bqsim.rehearse.sweep import (
    BUCKETS_MS,
    MOST_CELLS,
    Bench,
    Progress,
    bucket_ms,
    measured,
    rehearse,
    retries_of,
)
from bqsim.sim.slots.growth import NotCompiled
from bqsim.sim.slots.jobs import Retries

PLAN = """
name: smoke
seed: 7
days: 0.01
workload:
  - name: reports
    origin:
      generated:
        arrivals: {poisson: 1500}
        mix:
          - {name: small, project: a, weight: 3, slot_time: {exponential: 20}}
          - {name: big, project: b, slot_time: {exponential: 200}}
capacity:
  reservations:
    main: {slot_capacity: 100, autoscale_max_slots: 100}
  assignments:
    - {reservation: main, project: a}
    - {reservation: main, project: b}
group_by: project
objectives:
  - {name: soon, within: 30s}
"""
GRID = """
grid:
  reservations.main.autoscale_max_slots: [0, 100]
  workload.times: [1, 1.5]
settings:
  narrow: {reservations.main.slot_capacity: 50}
"""


@pytest.fixture(scope="module")
def loaded() -> LoadedPlan:
    return parse(PLAN + GRID)


@pytest.fixture(scope="module")
def report(loaded: LoadedPlan) -> Report:
    return rehearse(loaded)


def test_settings_come_in_the_order_of_the_plan(loaded: LoadedPlan, report: Report) -> None:
    assert [one.name for one in report.settings] == [one.name for one in loaded.settings]
    assert [one.values for one in report.settings] == [one.values for one in loaded.settings]
    assert report.calibration is None
    jobs = [one.simulated_jobs for one in report.settings]
    assert jobs[0] == jobs[2] == jobs[4] < jobs[1] == jobs[3]
    for one in report.settings:
        assert one.whole.jobs == one.simulated_jobs
        assert [group.group for group in one.groups] == ["all", "a", "b"]
        assert one.usage.used_ms.sum() / 3.6e6 == pytest.approx(one.whole.slot_hours)
    at = {one.name: one.whole.duration.mean for one in report.settings}
    assert at["narrow"] > list(at.values())[2], "fewer slots, longer jobs"


def test_the_same_again_and_with_another_seed_not(loaded: LoadedPlan, report: Report) -> None:
    assert document(rehearse(loaded)) == document(report)
    assert document(rehearse(loaded.with_seed(8))) != document(report)


def test_the_same_with_two_processes(loaded: LoadedPlan, report: Report) -> None:
    told: list[Progress] = []
    spread = rehearse(loaded, workers=2, progress=told.append)
    assert document(spread) == document(report)
    ends = {one.setting: one.jobs for one in told if one.share == 1}
    assert ends == {one.name: one.simulated_jobs for one in report.settings}
    assert [one.done for one in told] == sorted(one.done for one in told)
    assert told[-1].done == told[-1].settings == 5


WEEKS = """
days: 14
workload:
- origin:
    generated:
      arrivals: {diurnal: {per_hour: 4, days: [1, 1, 1, 1, 1, 0.3, 0.3]}}
      mix: [{slot_time: 10m, project: a}, {name: b, slot_time: 1m, project: b, bytes_billed: 5.0e+10}]
capacity:
  reservations: {r: {slot_capacity: 50, autoscale_max_slots: 100}}
  assignments: [{reservation: r, project: a}]
group_by: project
money: {free: true, spend_commitments: [{per_hour: 2}]}
grid: {money.spend_commitments.1.per_hour: [0, 2.7]}
"""


def test_money_and_bounds_by_weekday_are_the_same_with_two_processes() -> None:
    loaded = parse(WEEKS)
    found = rehearse(loaded)
    assert document(rehearse(loaded, workers=2)) == document(found)
    without, spends = found.settings
    assert without.bounds_by == spends.bounds_by == "weekday"
    assert without.groups[0].jobs == spends.groups[0].jobs, "what is paid makes no other jobs"
    for one in found.settings:
        total = sum(charge.amount for charge in one.charges)
        assert sum(group.cost for group in one.groups[1:]) == pytest.approx(total)
        assert one.cost_per_day == pytest.approx(total / 14)
        low, high = one.bounds["cost_per_day"]
        assert low <= one.cost_per_day <= high
    # The baseline is 3.00 an hour, which 2.70 cover.
    assert spends.cost_per_day == pytest.approx(without.cost_per_day - 24 * 0.3)
    assert {"on demand, free a month", "baseline, spend commitment 1y"} <= {c.what for c in spends.charges}


def test_progress_is_told_in_this_process(loaded: LoadedPlan, report: Report) -> None:
    told: list[Progress] = []
    rehearse(loaded, progress=told.append)
    assert told[-1].done == 5 and all(0 <= one.share <= 1 for one in told)
    # Those with more jobs come first.
    order = list(dict.fromkeys(one.setting for one in told))
    assert [order.index(one.name) for one in loaded.settings] == [2, 0, 3, 1, 4]


@pytest.mark.parametrize("workers", [1, 2])
def test_the_setting_that_cannot_be_simulated_is_named(workers: int, tmp_path: Path) -> None:
    (tmp_path / "jobs.json").write_text("{no history")
    text = PLAN[: PLAN.index("  - name: reports")] + "  - origin: {history: jobs.json}\n"
    text += (
        PLAN[PLAN.index("capacity:") :]
        + "settings:\n  x: {retries.attempts: 2}\n  y: {retries.attempts: 3}\n"
    )
    with pytest.raises(RehearsalError, match=r"^setting '[xy]': .*jobs.json") as caught:
        rehearse(parse(text, folder=tmp_path), workers=workers)
    assert "Traceback" not in str(caught.value) and not hasattr(caught.value, "__notes__")


def test_jobs_that_are_too_many_without_the_compiler(
    loaded: LoadedPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refusing(*given: object, **more: object) -> None:
        raise NotCompiled

    monkeypatch.setattr(sweep, "simulate", refusing)
    with pytest.raises(RehearsalError, match=r"^setting '.*': more than 200,000 jobs need numba; install it"):
        rehearse(loaded)


def test_another_spread_is_refused(loaded: LoadedPlan) -> None:
    with pytest.raises(RehearsalError, match="there is no spread 'threads': processes or ray"):
        rehearse(loaded, spread="threads")


def test_what_settings_share_is_built_once(loaded: LoadedPlan) -> None:
    bench = Bench(Path(), 5)
    first, more, other, *_ = loaded.settings
    made = bench.workload(first)
    assert bench.workload(other) is made, "capacity does not matter to what jobs there are"
    assert bench.workload(more) is not made
    bench.workload(first)
    again = pickle.loads(pickle.dumps(bench))
    assert (again.folder, again.settings) == (bench.folder, bench.settings)
    assert again.workload(first) is not made
    told: list[tuple[int, float]] = []
    result = measured(again, first, told.append)
    assert told[-1][0] == result.simulated_jobs


def test_jobs_that_come_from_files_are_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Sequence[object]] = []
    plan = parse(PLAN + GRID)
    monkeypatch.setattr(sweep, "histories_of", lambda plan, folder: read.append(plan.workload) or {})
    bench = Bench(tmp_path, 5)
    for setting in plan.settings:
        bench.workload(setting)
    assert len(read) == 1


def test_clients_that_give_up_at_once_do_not_retry() -> None:
    assert retries_of(ClientRetries()) is None
    found = retries_of(ClientRetries(attempts=3, first_s=2.0, factor=3.0, longest_s=20.0, jitter=0.5))
    assert found == Retries(3, 2_000.0, 3.0, 20_000.0, 0.5)


def test_usage_is_told_by_buckets_that_are_few_enough() -> None:
    day = 86_400_000.0
    assert bucket_ms(day, 1, 1) == 60_000
    assert bucket_ms(30 * day, 2, 1) == 60_000
    assert bucket_ms(365 * day, 100, 200) == day
    for days in (1, 7, 30, 365):
        for places in (1, 10, 100):
            for settings in (1, 24, 200):
                found = bucket_ms(days * day, places, settings)
                assert day % found == 0
                assert found == BUCKETS_MS[-1] or days * day / found * places * settings <= MOST_CELLS
