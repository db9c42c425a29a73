from __future__ import annotations

import numpy as np
import pytest

from bqsim.rehearse.errors import RehearsalError
from bqsim.rehearse.plan.model import Arrivals, Bursts, Closed, Diurnal, JobKind, Mmpp, Phase, Poisson
from bqsim.rehearse.times import DAY_MS, HOUR_MS
from bqsim.rehearse.workloads.arrivals import BLOCK
from bqsim.sim.scenario.latency import Exponential, Fixed, Gamma, Lognormal, Trace, Uniform
from bqsim.sim.slots.jobs import Jobs
from tests.unit.sim.latency.fitness import CRITICAL, ks

from .given import FIXED, ascends, part, same, together

KINDS = (
    JobKind(Lognormal(5.0, 1.0), "a", 2.0, floor=Exponential(1.0), failing=0.1),
    JobKind(Exponential(20.0), "b", 1.0, priority="BATCH", project="etl"),
)
OPEN = (
    Poisson(3_000),
    Diurnal(3_000),
    Mmpp((Phase(9_000, 600.0), Phase(500, 600.0))),
    Bursts(700, 900.0, spread_s=1200.0),
)


@pytest.mark.parametrize("arrivals", OPEN, ids=lambda one: one.kind)
class TestOpen:
    def test_chunks_can_be_asked_for_again(self, arrivals: Arrivals) -> None:
        made = part(arrivals, *KINDS)

        assert same(together(made.chunks()), together(made.chunks()))
        assert same(together(made.chunks()), together(part(arrivals, *KINDS).chunks()))

    def test_two_readers_do_not_disturb_each_other(self, arrivals: Arrivals) -> None:
        made = part(arrivals, *KINDS)
        first, second = made.chunks(), made.chunks()
        a, b = [], []
        for one, other in zip(first, second, strict=True):
            a.append(one)
            b.append(other)

        assert same(together(a), together(b))

    def test_a_day_is_the_same_in_a_longer_workload(self, arrivals: Arrivals) -> None:
        longer = together(part(arrivals, *KINDS, days=2.0).chunks())
        day = together(part(arrivals, *KINDS).chunks())

        assert same(longer.take(longer.at_ms < DAY_MS), day)

    def test_another_seed_gives_other_jobs(self, arrivals: Arrivals) -> None:
        one = together(part(arrivals, *KINDS).chunks())
        other = together(part(arrivals, *KINDS, seed=2).chunks())

        assert not np.isin(one.slot_ms, other.slot_ms).any()

    def test_jobs_ascend_in_chunks_of_bounded_size(self, arrivals: Arrivals) -> None:
        chunks = list(part(arrivals, *KINDS).chunks())

        assert len(chunks) > 1
        assert max(map(len, chunks)) <= BLOCK
        assert ascends(together(chunks).at_ms)

    def test_there_are_no_users(self, arrivals: Arrivals) -> None:
        assert part(arrivals).users is None


def test_what_a_part_has() -> None:
    made = part(Poisson(10.0), *KINDS, days=3.0)

    assert [one.kind for one in made.classes] == ["a", "b"]
    assert {one.workload for one in made.classes} == {"made"}
    assert made.duration_ms == 3 * DAY_MS
    assert len(made.shapes.plans) == 1


def test_no_jobs_at_all() -> None:
    assert len(together(part(Poisson(1.0), scale=0.0).chunks())) == 0
    assert len(together(part(Poisson(1e-9)).chunks())) == 0


def test_jobs_of_blocks_have_nothing_in_common() -> None:
    jobs = together(part(Poisson(5_000), JobKind(Exponential(1.0))).chunks())

    assert len(np.unique(jobs.slot_ms)) == len(jobs)
    assert ks(jobs.slot_ms[::7].tolist(), lambda x: -np.expm1(-x / 1000.0)) < CRITICAL


def test_a_trace_goes_on_through_all_blocks() -> None:
    values = tuple(float(at + 1) for at in range(7))
    jobs = together(part(Poisson(5_000), JobKind(Trace(values))).chunks())

    assert len(jobs) > 5 * BLOCK
    assert (jobs.slot_ms == (np.arange(len(jobs)) % 7 + 1) * 1000.0).all()


class TestClosed:
    def test_each_user_has_jobs_of_its_own(self) -> None:
        made = part(Closed(40, Exponential(5.0)), *KINDS)
        users = made.users
        assert users is not None

        assert list(made.chunks()) == []
        assert len(users.first_ms) == 40
        assert users.pool[0] == 0
        assert users.pool[-1] == len(users.jobs) == len(users.think_ms)
        assert np.diff(users.pool).min() >= 64
        assert users.until_ms == DAY_MS

    def test_the_jobs_of_a_mix(self) -> None:
        users = part(Closed(40, Exponential(5.0)), *KINDS).users
        assert users is not None

        assert (users.jobs.source == 0).mean() == pytest.approx(2 / 3, abs=0.01)
        assert ks(users.think_ms[::4].tolist(), lambda x: -np.expm1(-x / 5000.0)) < CRITICAL

    def test_it_is_the_same_again(self) -> None:
        one, other = (part(Closed(7, Exponential(5.0)), *KINDS).users for _ in range(2))
        assert one is not None and other is not None

        assert same(one.jobs, other.jobs)
        assert one.first_ms.tobytes() == other.first_ms.tobytes()
        assert one.think_ms.tobytes() == other.think_ms.tobytes()

    def test_users_do_not_all_begin_at_once(self) -> None:
        users = part(Closed(500, Fixed(20.0))).users
        assert users is not None

        assert ks(users.first_ms.tolist(), lambda x: x / 20_000.0) < CRITICAL

    def test_without_thinking_all_begin_now(self) -> None:
        users = part(Closed(3, Fixed(0.0))).users
        assert users is not None

        assert users.first_ms.tolist() == [0.0] * 3

    @pytest.mark.parametrize("count", [1, 100, 3_000, 100_000])
    def test_how_many_jobs_there_are_to_choose_from(self, count: int) -> None:
        users = part(Closed(count, Uniform(1.0, 2.0))).users
        assert users is not None

        assert len(users.first_ms) == count
        assert 60_000 < len(users.jobs) <= 1 << 20
        assert np.unique(np.diff(users.pool)).size == 1

    @pytest.mark.parametrize(("scale", "count"), [(1.3, 13), (0.5, 5), (2.0, 20)])
    def test_more_and_fewer_users(self, scale: float, count: int) -> None:
        users = part(Closed(10, Fixed(1.0)), scale=scale).users
        assert users is not None

        assert len(users.first_ms) == count

    def test_no_users(self) -> None:
        assert part(Closed(10, Fixed(1.0)), scale=0.0).users is None

    def test_growth_brings_users(self) -> None:
        users = part(Closed(10, Fixed(1.0)), days=365.0, growth=2.0).users
        assert users is not None
        later = users.first_ms[10:]

        assert len(users.first_ms) == 20
        assert (users.first_ms[:10] <= 1000.0).all()
        # The fifteenth comes when there are half as many more: after log2(1.5) of the year.
        assert later[4] / (365 * DAY_MS) == pytest.approx(np.log2(1.5), abs=1e-3)
        assert ascends(later)

    def test_growth_of_a_day_brings_none(self) -> None:
        users = part(Closed(10, Fixed(1.0)), growth=1.5).users
        assert users is not None

        assert len(users.first_ms) == 10

    def test_users_cannot_become_fewer(self) -> None:
        with pytest.raises(RehearsalError, match="closed users of 'made' cannot become fewer"):
            part(Closed(10, Fixed(1.0)), growth=0.5)

    def test_a_thinking_time_that_cannot_be(self) -> None:
        made = part(Closed(10, Gamma(p50_s=1.0, p90_s=1.0001)))

        with pytest.raises(RehearsalError, match="thinking time of closed users: no gamma"):
            _ = made.users


def test_growth_within_a_part() -> None:
    jobs = together(part(Poisson(100.0), FIXED, days=365.0, growth=3.0).chunks())
    half = 365 * DAY_MS / 2

    # (3 - sqrt 3) / (sqrt 3 - 1) = sqrt 3 times as many in the second half.
    assert (jobs.at_ms >= half).sum() / (jobs.at_ms < half).sum() == pytest.approx(3**0.5, rel=0.01)


def test_a_part_is_jobs_of_an_hour_as_of_a_year() -> None:
    hour = together(part(Poisson(1_000.0), *KINDS, days=1 / 24).chunks())
    longer = together(part(Poisson(1_000.0), *KINDS, days=20.0).chunks())

    assert isinstance(hour, Jobs)
    assert same(hour, longer.take(longer.at_ms < HOUR_MS))
