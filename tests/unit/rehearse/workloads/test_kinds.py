from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from bqsim.rehearse.errors import RehearsalError
from bqsim.rehearse.plan.model import JobKind, StagePart
from bqsim.rehearse.workloads.kinds import Mix, sampler
from bqsim.sim.latency import gamma
from bqsim.sim.latency.base import LONGEST_S
from bqsim.sim.scenario.latency import (
    Distribution,
    Exponential,
    Fixed,
    Gamma,
    Lognormal,
    Mixture,
    Normal,
    Pareto,
    Part,
    Quantile,
    Quantiles,
    Trace,
    Uniform,
)
from bqsim.sim.slots.jobs import Floats, Jobs, Stage
from tests.unit.sim.latency.fitness import CRITICAL, DRAWS, ks, normal_below

from .given import chance, same

Below = Callable[[float], float]


def drawn(distribution: Distribution, count: int = DRAWS) -> Floats:
    return sampler(distribution)(chance("drawn")(), np.arange(count))


def gamma_below(shape: float, mean: float) -> Below:
    def below(x: float) -> float:
        return math.exp(gamma.log_tails(shape, math.log(x * shape / mean))[0]) if x > 0 else 0.0

    return below


def lognormal_below(median: float, sigma: float) -> Below:
    return lambda x: normal_below(math.log(x / median) / sigma)


TABLE = Quantiles((Quantile(0.0, 1.0), Quantile(0.5, 3.0), Quantile(0.9, 10.0), Quantile(1.0, 50.0)))
# From 0.25 on; below, the value stays.
OPEN_TABLE = Quantiles((Quantile(0.25, 1.0), Quantile(0.75, 2.0)))


@pytest.mark.parametrize(
    ("distribution", "below"),
    [
        (Uniform(2.0, 6.0), lambda x: (x - 2.0) / 4.0),
        (Normal(10.0, 2.0), lambda x: normal_below((x - 10.0) / 2.0)),
        (Normal(1.0, 2.0), lambda x: normal_below((x - 1.0) / 2.0)),
        (Normal(p50_s=10.0, p90_s=15.0), lambda x: normal_below((x - 10.0) / (5.0 / 1.2815515655446004))),
        (Lognormal(5.0, 1.5), lognormal_below(5.0, 1.5)),
        (Lognormal(p50_s=4.0, p99_s=90.0), lognormal_below(4.0, math.log(22.5) / 2.3263478740408408)),
        (Gamma(10.0, 0.5), gamma_below(0.5, 10.0)),
        (Gamma(10.0, 1.0), lambda x: -math.expm1(-x / 10.0)),
        (Gamma(10.0, 40.0), gamma_below(40.0, 10.0)),
        (Exponential(7.0), lambda x: -math.expm1(-x / 7.0)),
        (Pareto(2.0, 1.5), lambda x: 1.0 - (2.0 / x) ** 1.5),
        (TABLE, lambda x: float(np.interp(x, [1.0, 3.0, 10.0, 50.0], [0.0, 0.5, 0.9, 1.0]))),
        (OPEN_TABLE, lambda x: 0.25 + 0.5 * (x - 1.0) if x < 2.0 else 1.0),
        (
            Mixture((Part(1.0, Exponential(1.0)), Part(3.0, Uniform(0.0, 9.0)))),
            lambda x: 0.25 * -math.expm1(-x) + 0.75 * min(x / 9.0, 1.0),
        ),
        (
            Mixture(
                (Part(1.0, Mixture((Part(1.0, Fixed(1.0)), Part(1.0, Fixed(2.0))))), Part(2.0, Fixed(5.0)))
            ),
            lambda x: (x >= 1.0) / 6 + (x >= 2.0) / 6 + (x >= 5.0) * 2 / 3,
        ),
    ],
    ids=[
        "uniform",
        "normal",
        "cut-normal",
        "normal-through",
        "lognormal",
        "lognormal-through",
        "gamma-half",
        "gamma-one",
        "gamma-forty",
        "exponential",
        "pareto",
        "table",
        "open-table",
        "mixture",
        "nested-mixture",
    ],
)
def test_draws_fit_the_distribution(distribution: Distribution, below: Below) -> None:
    assert ks(drawn(distribution).tolist(), below) < CRITICAL


def test_a_trace_is_played_in_order() -> None:
    values = (3.0, 1.0, 2.0)

    assert drawn(Trace(values), 7).tolist() == [3.0, 1.0, 2.0, 3.0, 1.0, 2.0, 3.0]
    assert drawn(Trace(values, loop=False), 5).tolist() == [3.0, 1.0, 2.0, 2.0, 2.0]


def test_a_trace_in_a_mixture_counts_all_draws() -> None:
    values = drawn(Mixture((Part(1.0, Trace((1.0, 2.0))), Part(1.0, Fixed(9.0)))), 2_000)

    assert set(values[::2].tolist()) == {1.0, 9.0}
    assert set(values[1::2].tolist()) == {2.0, 9.0}


def test_no_value_is_negative_or_without_end() -> None:
    assert drawn(Normal(-5.0, 1.0)).max() == 0.0
    assert drawn(Pareto(1.0, 0.001)).max() == LONGEST_S
    assert drawn(Lognormal(1.0, 900.0)).max() == LONGEST_S


def test_no_values_at_all() -> None:
    for one in (TABLE, Trace((1.0,)), Gamma(1.0, 2.0), Mixture((Part(1.0, Exponential(1.0)),))):
        assert len(drawn(one, 0)) == 0


def mixed(*kinds: JobKind, count: int = 5_000, seed: int = 1) -> tuple[Mix, Jobs]:
    mix = Mix(kinds, "nightly")
    return mix, mix.jobs(np.arange(count, dtype=float), chance("mix", seed=seed), mix.counters())


def test_all_that_a_kind_says_is_in_its_jobs() -> None:
    mix, jobs = mixed(
        JobKind(
            Fixed(12.5),
            name="load",
            floor=Fixed(0.75),
            units=7,
            priority="BATCH",
            project="etl",
            principal="loader@example.com",
            job_type="LOAD",
            reservation="r",
            labels={"team": "a"},
            max_slots=40,
            timeout_s=90.0,
            bytes_billed=2e9,
        ),
        count=3,
    )
    (found,) = mix.classes

    assert (found.project, found.principal, found.job_type, found.reservation) == (
        "etl",
        "loader@example.com",
        "LOAD",
        "r",
    )
    assert (found.priority, found.kind, found.workload, found.labels) == (
        "BATCH",
        "load",
        "nightly",
        {"team": "a"},
    )
    assert jobs.at_ms.tolist() == [0.0, 1.0, 2.0]
    for name, value in {
        "source": 0,
        "shape": 0,
        "group": 0,
        "slot_ms": 12_500.0,
        "width": 7.0,
        "floor_ms": 750.0,
        "max_slots": 40.0,
        "limit_ms": 90_000.0,
        "fails_at": math.inf,
        "bytes": 2e9,
        "batch": 1,
    }.items():
        assert getattr(jobs, name).tolist() == [value] * 3, name


def test_columns_have_the_types_of_jobs() -> None:
    _, one = mixed(JobKind(Exponential(1.0)))
    _, several = mixed(JobKind(Exponential(1.0)), JobKind(Fixed(1.0), "b"))
    plain = Jobs.of(1)

    for jobs in (one, several):
        for name in Jobs.__dataclass_fields__:
            assert getattr(jobs, name).dtype == getattr(plain, name).dtype, name


def test_kinds_come_by_weight_and_each_has_its_own() -> None:
    _, jobs = mixed(
        JobKind(Fixed(1.0), "a", 6.0, units=1),
        JobKind(Uniform(2.0, 3.0), "b", 3.0, units=2, floor=Fixed(1.0), bytes_billed=5.0),
        JobKind(Fixed(4.0), "c", 1.0, units=3, priority="BATCH", timeout_s=8.0),
        count=50_000,
    )
    shares = np.bincount(jobs.source, minlength=3) / len(jobs)
    a, b, c = (jobs.take(jobs.source == at) for at in range(3))

    assert shares.tolist() == pytest.approx([0.6, 0.3, 0.1], abs=0.01)
    assert set(a.slot_ms.tolist()) == {1000.0}
    assert 2000.0 <= b.slot_ms.min() < 2010.0 and 2990.0 < b.slot_ms.max() <= 3000.0
    assert set(c.slot_ms.tolist()) == {4000.0}
    assert [set(one.width.tolist()) for one in (a, b, c)] == [{1.0}, {2.0}, {3.0}]
    assert [set(one.floor_ms.tolist()) for one in (a, b, c)] == [{0.0}, {1000.0}, {0.0}]
    assert [set(one.bytes.tolist()) for one in (a, b, c)] == [{0.0}, {5.0}, {0.0}]
    assert [set(one.batch.tolist()) for one in (a, b, c)] == [{0}, {0}, {1}]
    assert [set(one.limit_ms.tolist()) for one in (a, b, c)] == [{math.inf}, {math.inf}, {8000.0}]


def test_more_kinds_than_a_byte_counts() -> None:
    kinds = [JobKind(Fixed(float(at)), f"k{at}") for at in range(700)]
    _, jobs = mixed(*kinds, count=20_000)

    assert len(set(jobs.source.tolist())) == 700
    assert (jobs.slot_ms == jobs.source * 1000.0).all()


def test_a_floor_of_one_kind_changes_nothing_else() -> None:
    kinds = (JobKind(Exponential(1.0), "a"), JobKind(Lognormal(2.0, 1.0), "b"))
    _, plain = mixed(*kinds)
    _, other = mixed(kinds[0], JobKind(Lognormal(2.0, 1.0), "b", floor=Exponential(9.0), failing=0.5))

    assert same(other.with_columns(floor_ms=0.0, fails_at=math.inf), plain)
    assert (other.floor_ms > 0).sum() == (other.source == 1).sum()


def test_the_counters_go_on_from_block_to_block() -> None:
    mix = Mix([JobKind(Trace((1.0, 2.0, 3.0))), JobKind(Trace((10.0, 20.0)), "b")], "w")
    counters = mix.counters()
    blocks = [mix.jobs(np.zeros(50), chance("blocks", at), counters) for at in range(3)]
    jobs = Jobs.concatenated(blocks)
    a, b = (jobs.slot_ms[jobs.source == at] / 1000.0 for at in range(2))

    assert a.tolist() == [1.0 + at % 3 for at in range(len(a))]
    assert b.tolist() == [10.0 * (1 + at % 2) for at in range(len(b))]
    assert counters.tolist() == [len(a), len(b)]


def test_failing_jobs_fail_anywhere_in_their_work() -> None:
    _, jobs = mixed(JobKind(Fixed(1.0), failing=0.2), count=100_000)
    failed = jobs.fails_at[np.isfinite(jobs.fails_at)]

    assert len(failed) == pytest.approx(20_000, rel=0.03)
    assert ks(failed.tolist(), lambda x: x) < CRITICAL


def test_all_jobs_of_a_kind_may_fail() -> None:
    _, jobs = mixed(JobKind(Fixed(1.0), failing=1.0))

    assert (jobs.fails_at < 1.0).all()


@pytest.mark.parametrize(
    ("slot_s", "unit_s", "width"), [(0.0, 1.0, 1.0), (0.4, 1.0, 1.0), (10.0, 1.0, 10.0), (10.0, 4.0, 3.0)]
)
def test_units_by_slot_time(slot_s: float, unit_s: float, width: float) -> None:
    mix, jobs = mixed(JobKind(Fixed(slot_s), unit_s=unit_s), count=2)

    assert mix.shapes.plans == ((Stage(1.0, 1.0),),)
    assert jobs.width.tolist() == [width] * 2


def test_stages_in_a_row_and_in_a_graph() -> None:
    row = (StagePart(1.0, 8), StagePart(2.0, 4), StagePart(1.0, 1))
    graph = (StagePart(3.0, 8), StagePart(3.0, 8, after=()), StagePart(2.0, 2, after=(2, 1)))
    mix, jobs = mixed(JobKind(Fixed(1.0), stages=row), JobKind(Fixed(1.0), "b", stages=graph))

    assert mix.shapes.plans == (
        (Stage(0.25, 8.0), Stage(0.5, 4.0, (0,)), Stage(0.25, 1.0, (1,))),
        (Stage(0.375, 8.0), Stage(0.375, 8.0), Stage(0.25, 2.0, (0, 1))),
    )
    assert set(jobs.width.tolist()) == {1.0}
    assert (jobs.shape == jobs.source).all()


def test_stages_without_units_have_those_of_the_kind() -> None:
    mix, jobs = mixed(JobKind(Fixed(100.0), units=50, stages=(StagePart(0.5), StagePart(0.5, 1))))

    assert mix.shapes.plans == ((Stage(0.5, 50.0), Stage(0.5, 1.0, (0,))),)
    assert set(jobs.width.tolist()) == {1.0}


def test_stages_that_all_go_by_slot_time() -> None:
    mix, jobs = mixed(JobKind(Fixed(40.0), unit_s=2.0, stages=(StagePart(0.75), StagePart(0.25))))
    (plan,) = mix.shapes.plans

    assert [math.ceil(stage.units * width) for stage in plan for width in jobs.width[:1]] == [15, 5]


def test_some_stages_by_slot_time_and_one_with_units() -> None:
    stages = (StagePart(0.8), StagePart(0.2, 1))
    mix, jobs = mixed(JobKind(Uniform(1.0, 5000.0), stages=stages), count=3_000)
    units = np.array([[stage.units for stage in plan] for plan in mix.shapes.plans])[jobs.shape]
    wanted = 0.8 * jobs.slot_ms / 1000.0

    assert set(jobs.width.tolist()) == {1.0}
    assert set(units[:, 1].tolist()) == {1.0}
    assert np.abs(units[:, 0] / wanted - 1.0)[jobs.slot_ms > 20_000].max() < 0.05
    assert len(mix.shapes.plans) < 200


def test_the_same_plan_is_there_once() -> None:
    mix, jobs = mixed(*(JobKind(Fixed(1.0), f"k{at}", units=at + 1) for at in range(5)))

    assert len(mix.shapes.plans) == 1
    assert set(jobs.shape.tolist()) == {0}


@pytest.mark.parametrize(
    ("kinds", "words"),
    [
        ((), "the mix of 'nightly' has no kind of jobs"),
        (
            (JobKind(Fixed(1.0), "q", stages=(StagePart(1.0, after=(2,)), StagePart(1.0))),),
            "stage 1 of the kind 'q' waits for stage 2; a stage can only wait for stages before it",
        ),
        (
            (JobKind(Fixed(1.0), "q", stages=(StagePart(1.0, after=(1,)),)),),
            "stage 1 of the kind 'q' waits for",
        ),
        (
            (JobKind(Gamma(p50_s=1.0, p90_s=1.0001), "q"),),
            "slot_time of the kind 'q': no gamma latency goes through these percentiles",
        ),
        (
            (JobKind(Fixed(1.0), "q", floor=Gamma(p50_s=1.0, p90_s=1.0001)),),
            "floor of the kind 'q': no gamma latency",
        ),
    ],
    ids=["empty", "later", "itself", "slot-time", "floor"],
)
def test_kinds_that_cannot_be(kinds: tuple[JobKind, ...], words: str) -> None:
    with pytest.raises(RehearsalError, match=words):
        Mix(kinds, "nightly")
