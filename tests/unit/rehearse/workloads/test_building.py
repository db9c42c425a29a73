from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from bqsim.rehearse.errors import RehearsalError
from bqsim.rehearse.plan.model import (
    Arrivals,
    Bursts,
    Change,
    Closed,
    Diurnal,
    Generated,
    History,
    JobKind,
    Plan,
    Poisson,
    Selection,
    StagePart,
    WorkloadPart,
)
from bqsim.rehearse.plan.reading import load
from bqsim.rehearse.times import DAY_MS, HOUR_MS
from bqsim.rehearse.workloads.building import NO_VALUE, build
from bqsim.rehearse.workloads.model import JobClass, Part
from bqsim.sim.scenario.latency import Exponential, Fixed
from bqsim.sim.slots.jobs import CHUNK, SIMPLE, Jobs, Shapes, Stage, Users, Workload

from .given import ascends, same, together

MONDAY_US = 1_785_715_200_000_000  # 2026-08-03T00:00:00Z
HOUR_US = 3_600_000_000
STAGES = (StagePart(0.75, 10), StagePart(0.25, 1))
WEB = JobKind(Exponential(5.0), "web", 3.0, project="shop", principal="web@x", labels={"team": "web"})
ETL = JobKind(
    Fixed(100.0), "etl", 1.0, project="etl", priority="BATCH", stages=STAGES, labels={"team": "data"}
)
LOAD = JobKind(Fixed(2.0), "load", 1.0, project="etl", job_type="LOAD")


def made(
    arrivals: Arrivals, *mix: JobKind, name: str = "made", changes: Sequence[Change] = ()
) -> WorkloadPart:
    return WorkloadPart(Generated(arrivals, mix or (WEB,)), name, tuple(changes))


@dataclass
class Past:
    """A history of jobs that are there; ``begin_us`` as those that are read have it."""

    jobs: Jobs
    duration_ms: float
    begin_us: int = MONDAY_US
    classes: Sequence[JobClass] = (JobClass("shop"), JobClass("etl", priority="BATCH"))
    shapes: Shapes = SIMPLE
    users: Users | None = None

    def chunks(self) -> object:
        return self.jobs.chunks(1_000)


def past(count: int = 100, days: float = 1.0, begin_h: float = 0.0) -> Part:
    at_ms = np.linspace(0.0, days * DAY_MS - 1.0, count)
    jobs = Jobs.of(count, at_ms=at_ms, source=np.arange(count) % 2, slot_ms=np.arange(count))
    return Past(jobs, days * DAY_MS, MONDAY_US + int(begin_h * HOUR_US))  # type: ignore[return-value]


def history(name: str = "history", *changes: Change) -> WorkloadPart:
    return WorkloadPart(History(("jobs.json",)), name, changes)


def jobs_of(workload: Workload) -> Jobs:
    return together(workload.chunks())


SEVERAL = Plan(
    workload=(
        made(Poisson(2_000), WEB, ETL, name="day"),
        made(Diurnal(2_000), LOAD, WEB, name="night"),
        made(Bursts(300, 3600.0), ETL, name="bursts"),
    ),
    days=2.0,
)


def test_parts_are_joined_by_time() -> None:
    workload = build(SEVERAL)
    jobs = jobs_of(workload)
    alone = [build(Plan(workload=(part,), days=2.0)) for part in SEVERAL.workload]

    assert ascends(jobs.at_ms)
    assert len(jobs) == sum(len(jobs_of(one)) for one in alone)
    assert np.sort(jobs.slot_ms).tolist() == np.sort(together(jobs_of(one) for one in alone).slot_ms).tolist()
    assert workload.duration_ms == 2 * DAY_MS
    assert workload.users is None


def test_numbers_point_into_the_tables_of_all_parts() -> None:
    workload = build(Plan(workload=SEVERAL.workload, group_by="workload"))
    jobs = jobs_of(workload)
    etl = jobs.take(jobs.slot_ms == 100_000.0)
    load = jobs.take(jobs.slot_ms == 2_000.0)
    rows = {name: jobs.take(jobs.group == at) for at, name in enumerate(workload.groups)}

    assert workload.groups == ("day", "night", "bursts")
    assert [(one.project, one.job_type, one.principal) for one in workload.sources] == [
        ("shop", "QUERY", "web@x"),
        ("etl", "QUERY", ""),
        ("etl", "LOAD", ""),
    ]
    assert workload.shapes.plans == (SIMPLE.plans[0], (Stage(0.75, 10.0), Stage(0.25, 1.0, (0,))))
    assert set(etl.shape.tolist()) == {1}
    assert set(etl.source.tolist()) == {1}
    assert set(etl.batch.tolist()) == {1}
    assert set(load.source.tolist()) == {2}
    assert set(rows["bursts"].slot_ms.tolist()) == {100_000.0}
    assert len(rows["bursts"]) == 300 * 24
    assert set(rows["day"].source.tolist()) == {0, 1}
    assert set(rows["night"].source.tolist()) == {0, 2}


@pytest.mark.parametrize(
    ("group_by", "groups"),
    [
        ("none", ("all",)),
        ("project", ("shop", "etl")),
        ("label", ("web", "data", NO_VALUE)),
        ("priority", ("INTERACTIVE", "BATCH")),
        ("statement_type", (NO_VALUE,)),
        ("user", ("web@x", NO_VALUE)),
        ("fingerprint", ("web", "etl", "load")),
        ("workload", ("made",)),
    ],
)
def test_groups(group_by: str, groups: tuple[str, ...]) -> None:
    workload = build(
        Plan(workload=(made(Poisson(100), WEB, ETL, LOAD),), group_by=group_by, group_label="team")
    )
    jobs = jobs_of(workload)

    assert workload.groups == groups
    assert sorted(set(jobs.group.tolist())) == list(range(len(groups)))


def test_the_same_plan_is_the_same_bytes() -> None:
    one, other = build(SEVERAL), build(SEVERAL)

    assert same(jobs_of(one), jobs_of(one))
    assert same(jobs_of(one), jobs_of(other))


def test_another_seed_is_another_workload() -> None:
    plan = Plan(workload=SEVERAL.workload, seed=2)

    ours, theirs = jobs_of(build(SEVERAL)), jobs_of(build(plan))
    random = ours.at_ms % HOUR_MS > 0

    assert not np.isin(ours.at_ms[random], theirs.at_ms).any()


def test_parts_of_one_name_are_independent() -> None:
    plan = Plan(workload=(made(Poisson(500)), made(Poisson(500))))
    jobs = jobs_of(build(plan))

    assert len(np.unique(jobs.slot_ms)) == len(jobs)


def test_other_parts_do_not_change_a_part() -> None:
    alone = jobs_of(build(Plan(workload=(made(Poisson(500), name="a"),))))
    plan = Plan(workload=(made(Bursts(9, 60.0), name="b"), made(Poisson(500), name="a")), group_by="workload")
    jobs = jobs_of(build(plan))

    assert same(jobs.take(jobs.group == 1).with_columns(group=0), alone)


def test_chunks_are_of_one_size() -> None:
    plan = Plan(workload=(made(Poisson(10_000)), made(Bursts(70_000, 20_000.0))))
    sizes = [len(one) for one in build(plan).chunks()]

    assert set(sizes[:-1]) == {CHUNK}
    assert 0 < sizes[-1] <= CHUNK


def test_generated_jobs_last_a_day() -> None:
    workload = build(Plan(workload=(made(Poisson(100)),)))

    assert workload.duration_ms == DAY_MS
    assert 0.98 * DAY_MS < jobs_of(workload).at_ms[-1] < DAY_MS


def test_times_of_generated_jobs_are_higher_rates() -> None:
    plan = Plan(workload=(made(Poisson(2_000)), made(Bursts(10, 600.0)), made(Closed(10, Fixed(1.0)))))
    plain, more = build(plan), build(plan, times=1.3)
    _, sizes = np.unique(jobs_of(more).at_ms, return_counts=True)
    assert more.users is not None

    assert len(jobs_of(more)) == pytest.approx(1.3 * len(jobs_of(plain)), rel=0.01)
    assert np.bincount(sizes)[13] == 144
    assert len(more.users.first_ms) == 13


def test_no_jobs_at_all() -> None:
    workload = build(SEVERAL, times=0.0)

    assert list(workload.chunks()) == []
    assert list(build(Plan(workload=())).chunks()) == []


def test_changes_are_made_in_their_order() -> None:
    changes = (
        Change(project="late"),
        Change(of=Selection(project=("late",)), work=2.0),
        Change(of=Selection(project=("shop",)), work=100.0),
        Change(of=Selection(kind=("etl",)), priority="INTERACTIVE", reservation="r"),
    )
    workload = build(Plan(workload=(made(Poisson(100), WEB, ETL, changes=changes),), group_by="project"))
    jobs = jobs_of(workload)
    etl = jobs.take(jobs.shape == 1)

    assert workload.groups == ("late",)
    assert set(etl.slot_ms.tolist()) == {200_000.0}
    assert set(etl.batch.tolist()) == {0}
    assert {workload.sources[at].reservation for at in set(etl.source.tolist())} == {"r"}


def test_a_change_draws_by_its_place() -> None:
    half = Change(times=0.5)
    plan = Plan(workload=(made(Poisson(1_000), changes=(half, half)),))

    assert len(jobs_of(build(plan))) == pytest.approx(6_000, rel=0.05)


class TestUsers:
    PLAN = Plan(
        workload=(
            made(Closed(3, Fixed(1.0)), WEB, ETL, name="a"),
            made(Poisson(10), LOAD, name="b"),
            made(Closed(5, Fixed(7.0)), LOAD, ETL, name="c"),
        ),
        days=0.5,
        group_by="workload",
    )

    def test_users_of_all_parts(self) -> None:
        workload = build(self.PLAN)
        users = workload.users
        assert users is not None
        first, last = (users.jobs.take(slice(*users.pool[at : at + 2])) for at in (0, 7))

        assert len(users.first_ms) == 8
        assert len(users.pool) == 9
        assert users.pool[-1] == len(users.jobs) == len(users.think_ms)
        assert users.until_ms == 0.5 * DAY_MS
        assert set(users.think_ms[: users.pool[3]].tolist()) == {1000.0}
        assert set(users.think_ms[users.pool[3] :].tolist()) == {7000.0}
        assert {workload.groups[at] for at in first.group.tolist()} == {"a"}
        assert {workload.groups[at] for at in last.group.tolist()} == {"c"}
        assert {workload.sources[at].job_type for at in last.source.tolist()} == {"LOAD", "QUERY"}
        assert set(last.slot_ms[last.shape == 0].tolist()) == {2_000.0}
        assert set(last.slot_ms[last.shape == 1].tolist()) == {100_000.0}

    def test_a_change_of_others_leaves_users_alone(self) -> None:
        change = Change(of=Selection(project=("nobody",)), times=3.0)
        users = build(Plan(workload=(made(Closed(3, Fixed(1.0)), changes=(change,)),))).users
        assert users is not None

        assert len(users.first_ms) == 3


class TestHistories:
    def test_jobs_as_they_came(self) -> None:
        part = past()
        workload = build(Plan(workload=(history(),), group_by="priority"), histories={0: part})
        jobs = jobs_of(workload)

        assert same(jobs.with_columns(group=0), together(part.chunks()))
        assert workload.duration_ms == DAY_MS
        assert [workload.groups[at] for at in jobs.group[:2].tolist()] == ["INTERACTIVE", "BATCH"]

    def test_times_of_a_history_are_copies_of_its_jobs(self) -> None:
        plan = Plan(workload=(history(),))
        part = past(20_000)
        more, half = (jobs_of(build(plan, times=times, histories={0: part})) for times in (2.0, 0.5))

        assert np.bincount(more.slot_ms.astype(int)).tolist() == [2] * 20_000
        assert len(half) == pytest.approx(10_000, rel=0.03)
        assert np.isin(half.at_ms, together(part.chunks()).at_ms).all()

    def test_days_bound_a_history(self) -> None:
        workload = build(Plan(workload=(history(),), days=0.25), histories={0: past(1_000)})

        assert len(jobs_of(workload)) == 250
        assert workload.duration_ms == 0.25 * DAY_MS

    def test_a_history_may_be_shorter_than_the_plan(self) -> None:
        workload = build(Plan(workload=(history(),), days=30.0), histories={0: past(days=3.0)})

        assert workload.duration_ms == 3 * DAY_MS

    def test_generated_jobs_last_as_long_as_the_history(self) -> None:
        plan = Plan(workload=(made(Poisson(100)), history()), group_by="workload")
        workload = build(plan, histories={1: past(days=3.0)})
        jobs = jobs_of(workload)

        assert workload.duration_ms == 3 * DAY_MS
        assert jobs.at_ms[jobs.group == 0][-1] > 2.9 * DAY_MS

    def test_generated_days_are_those_of_the_history(self) -> None:
        hours = tuple(float(hour == 12) for hour in range(24))
        days = tuple(float(day == 2) for day in range(7))
        plan = Plan(workload=(made(Diurnal(500, hours, days)), history()), group_by="workload")
        # From Tuesday, 20:00 on: noon of Wednesday is 16 hours later.
        jobs = jobs_of(build(plan, histories={1: past(days=3.0, begin_h=44.0)}))
        found = jobs.at_ms[jobs.group == 0]

        assert len(found) > 400
        assert found.min() >= 16 * HOUR_MS and found.max() < 17 * HOUR_MS

    @pytest.mark.parametrize(
        ("begin_h", "late_h"),
        [(0.0, 0.0), (5.0, 5.0), (47.0, 47.0), (49.0, 49.0), (24.0 * 9, 48.0), (24.0 * 70 + 3, 3.0)],
    )
    def test_histories_keep_their_times_to_each_other(self, begin_h: float, late_h: float) -> None:
        plan = Plan(workload=(history("b"), history("a")), group_by="workload")
        histories = {0: past(begin_h=begin_h), 1: past(days=2.0)}
        workload = build(plan, histories=histories)
        jobs = jobs_of(workload)

        assert jobs.at_ms[jobs.group == 0][0] == late_h * HOUR_MS
        assert jobs.at_ms[jobs.group == 1][0] == 0.0
        assert workload.duration_ms == max(2 * DAY_MS, DAY_MS + late_h * HOUR_MS)
        assert ascends(jobs.at_ms)

    @pytest.mark.parametrize(
        ("align", "begin_h", "late_h"),
        [
            ("begin", 3.0, 0.0),
            ("begin", 24.0 * 70 + 3, 0.0),
            ("day", 3.0, 3.0),
            ("day", 27.0, 3.0),
            ("day", -1.0, 23.0),
            ("week", 27.0, 27.0),
            ("week", 24.0 * 9, 48.0),
            ("date", 3.0, 3.0),
            ("date", 24.0 * 7, 24.0 * 7),
            ("clock", 24.0 * 7, 0.0),
        ],
    )
    def test_alignment(self, align: str, begin_h: float, late_h: float) -> None:
        aligned = replace(history("b"), align=align)
        plan = Plan(workload=(aligned, history("a")), group_by="workload")
        jobs = jobs_of(build(plan, histories={0: past(begin_h=begin_h), 1: past(days=2.0)}))

        assert jobs.at_ms[jobs.group == 0][0] == late_h * HOUR_MS
        assert jobs.at_ms[jobs.group == 1][0] == 0.0

    def test_weeks_exported_one_by_one_are_in_a_row_by_their_dates(self) -> None:
        plan = Plan(workload=tuple(replace(history(f"w{n}"), align="date") for n in range(3)))
        found = build(plan, histories={n: past(days=7.0, begin_h=168.0 * n) for n in range(3)})

        assert found.duration_ms == 21 * DAY_MS
        assert len(jobs_of(found)) == 300

    @pytest.mark.parametrize("align", ["clock", "begin"])
    def test_generated_hours_are_those_of_the_history_that_keeps_its_own(self, align: str) -> None:
        hours = tuple(float(hour == 12) for hour in range(24))
        other = replace(history("other"), align=align)
        plan = Plan(workload=(made(Diurnal(500, hours)), history(), other), group_by="workload")
        # From 20:00 on, whenever the other began.
        histories = {1: past(begin_h=20.0), 2: past(begin_h=20.0 if align == "clock" else 5.0)}
        jobs = jobs_of(build(plan, histories=histories))
        found = jobs.at_ms[jobs.group == 0]

        assert len(found) > 400
        assert found.min() >= 16 * HOUR_MS and found.max() < 17 * HOUR_MS
        assert jobs.at_ms[jobs.group == 2][0] == 0.0

    def test_exports_of_which_one_begins_later(self, tmp_path: Path) -> None:
        for name, hour in (("a", 10), ("b", 13)):
            day = f"2026-08-03 {hour}"
            times = {
                "creation_time": f"{day}:00:00",
                "start_time": f"{day}:00:01",
                "end_time": f"{day}:05:00",
            }
            row = {"job_id": name, "project_id": "p", "total_slot_ms": 1000, **times}
            (tmp_path / f"{name}.json").write_text(json.dumps([row]))
        written = (
            "workload:\n- {name: a, origin: {history: a.json}}\n- {name: b, origin: {history: b.json}%s}\n"
        )
        for align, late_h in (("", 3), (", align: date", 3), (", align: begin", 0)):
            (tmp_path / "plan.yaml").write_text(written % align)
            loaded = load(tmp_path / "plan.yaml")
            jobs = jobs_of(build(loaded.plan, folder=tmp_path))
            assert sorted(jobs.at_ms) == [0.0, late_h * HOUR_MS], align

    def test_a_long_history_beside_a_later_one(self) -> None:
        histories = {0: past(days=30.0), 1: past(begin_h=24.0 * 20)}
        jobs = jobs_of(
            build(Plan(workload=(history("a"), history("b")), group_by="workload"), histories=histories)
        )

        assert jobs.at_ms[jobs.group == 1][0] == 20 * DAY_MS

    def test_files_are_relative_to_the_folder(self, tmp_path: Path) -> None:
        rows = [
            {
                "creation_time": f"2026-08-03 {10 + at:02}:00:00 UTC",
                "start_time": f"2026-08-03 {10 + at:02}:00:01 UTC",
                "end_time": f"2026-08-03 {10 + at:02}:00:31 UTC",
                "project_id": "shop",
                "job_id": f"job{at}",
                "job_type": "QUERY",
                "statement_type": "SELECT",
                "state": "DONE",
                "priority": "INTERACTIVE",
                "query": "SELECT 1",
                "total_slot_ms": 60_000,
                "total_bytes_billed": 10 << 20,
            }
            for at in range(5)
        ]
        (tmp_path / "jobs.json").write_text("\n".join(map(json.dumps, rows)))
        workload = build(Plan(workload=(history(),), group_by="project"), folder=tmp_path)
        jobs = jobs_of(workload)

        assert workload.groups == ("shop",)
        assert np.diff(jobs.at_ms).tolist() == [HOUR_MS] * 4
        assert set(jobs.slot_ms.tolist()) == {60_000.0}

    def test_files_that_are_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(RehearsalError, match=r"jobs\.json"):
            build(Plan(workload=(history(),)), folder=tmp_path)


def test_a_plan_file(tmp_path: Path) -> None:
    text = """
name: nightly
seed: 7
days: 2
group_by: label
group_label: team
workload:
- name: dashboards
  origin:
    generated:
      arrivals: {diurnal: {per_hour: 300, peak_hour: 15}}
      mix:
      - {name: small, weight: 9, slot_time: {lognormal: {p50: 2s, p95: 30s}}, labels: {team: bi}}
      - {name: large, weight: 1, slot_time: {gamma: {mean: 600s, shape: 2}}, units: 100, labels: {team: bi}}
- name: nightly
  origin:
    generated:
      arrivals: {bursts: {size: 40, every: 24h, first: 2h, spread: 10m}}
      mix:
      - name: load
        slot_time: {fixed: 1h}
        stages: [{share: 0.9}, {share: 0.1, units: 1}]
        priority: BATCH
        labels: {team: data}
"""
    path = tmp_path / "plan.yaml"
    path.write_text(text)
    workload = build(load(path).plan, folder=tmp_path)
    jobs = jobs_of(workload)

    assert workload.groups == ("bi", "data")
    nightly = jobs.take(jobs.group == 1)
    assert len(nightly) == 80
    assert set((nightly.at_ms // HOUR_MS).tolist()) == {2.0, 26.0}
    assert set(nightly.slot_ms.tolist()) == {3_600_000.0}
    assert len(jobs) - 80 == pytest.approx(300 * 0.6 * 48, rel=0.03)
