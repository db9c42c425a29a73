from __future__ import annotations

import pytest

from bqsim.rehearse.plan import model as m
from bqsim.rehearse.plan.checks import BOUNDS, jobs_expected
from bqsim.rehearse.workloads.building import build
from bqsim.sim.scenario.latency import Fixed

KIND = m.JobKind(Fixed(1.0))


@pytest.mark.parametrize(
    ("arrivals", "jobs"),
    [
        (m.Poisson(100.0), 2400.0),
        (m.Mmpp((m.Phase(100.0, 3600.0), m.Phase(400.0, 1800.0))), 4800.0),
        (m.Diurnal(100.0, hours=(0.5,) * 12 + (1.5,) * 12), 2400.0),
        (m.Bursts(50, 3600.0), 1200.0),
        (m.Bursts(50, 3600.0, first_s=1800.0), 1200.0),
        (m.Bursts(50, 3600.0, random=True), 1200.0),
        (m.Bursts(50, 3600.0, first_s=90_000.0), 0.0),
    ],
    ids=lambda one: getattr(one, "kind", None),
)
def test_about_as_many_jobs_come_as_are_expected(arrivals: m.Arrivals, jobs: float) -> None:
    part = m.WorkloadPart(m.Generated(arrivals, (KIND,)))
    assert jobs_expected(part, 1.0) == pytest.approx(jobs)
    made = sum(map(len, build(m.Plan((part,), days=1.0)).chunks()))
    # Five deviations of the noisiest of these.
    assert made == pytest.approx(jobs, rel=0.75 if getattr(arrivals, "random", False) else 0.35, abs=1)


def test_a_smooth_day_has_jobs() -> None:
    part = m.WorkloadPart(m.Generated(m.Diurnal(100.0, night_share=0.0), (KIND,)))
    made = sum(map(len, build(m.Plan((part,), days=1.0)).chunks()))
    assert jobs_expected(part, 1.0) == pytest.approx(made, rel=0.25)


def test_changes_of_all_jobs_count() -> None:
    changes = (m.Change(times=0.5), m.Change(m.Selection(project=("a",)), times=0.0))
    part = m.WorkloadPart(m.Generated(m.Poisson(100.0), (KIND,)), changes=changes)
    assert jobs_expected(part, 2.0) == pytest.approx(2400.0)
    assert jobs_expected(m.WorkloadPart(m.Recorded("x")), 1.0) is None


def test_thresholds_are_bounded_by_all_that_can_be_measured() -> None:
    from bqsim.rehearse.judging import MEASURES

    assert tuple(MEASURES) == BOUNDS
    assert {*BOUNDS} == {*m.Threshold.__annotations__} - {"group", "setting"}
