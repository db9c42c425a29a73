from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bqsim.rehearse.errors import RehearsalError
from bqsim.rehearse.plan.model import Arrivals, Bursts, Closed, Diurnal, Mmpp, Phase, Poisson
from bqsim.rehearse.times import DAY_MS, HOUR_MS, YEAR_MS
from bqsim.rehearse.workloads.arrivals import BLOCK, arrival_times, grown
from bqsim.sim.slots.jobs import Floats
from tests.unit.sim.latency.fitness import CRITICAL, ks

from .given import SEED, ascends, chance

HOURS = (0.0, 0.0, 0.1, 0.1, 0.2, 0.5, 1.0, 2.0, 3.0, 4.0, 4.0, 3.0, 2.0, 3.0, 4.0, 3.0, 2.0, 1.0) + (
    0.5,
) * 6
DAYS = (1.0, 1.2, 1.0, 0.8, 0.5, 0.0, 0.1)


def arrived(arrivals: Arrivals, days: float = 1.0, seed: int = SEED, **more: float) -> Floats:
    assert not isinstance(arrivals, Closed)
    blocks = list(arrival_times(arrivals, chance("a", seed=seed), days * DAY_MS, **more))
    assert all(len(block) == BLOCK for block in blocks[:-1])
    return np.concatenate(blocks) if blocks else np.empty(0)


def counts_fit(found: NDArray[Any], wanted: Floats) -> bool:
    """Whether counts are Poisson by their means: a chi-square within its 1 % bounds, about."""
    off = float((((found - wanted) ** 2) / wanted).sum())
    n = len(wanted)
    return abs(off - n) < 2.576 * math.sqrt(2 * n)


def exponential(mean: float) -> Callable[[float], float]:
    return lambda x: -math.expm1(-x / mean)


@pytest.mark.parametrize(
    "arrivals",
    [
        Poisson(20_000),
        Mmpp((Phase(50_000, 60.0), Phase(1_000, 300.0))),
        Diurnal(20_000),
        Diurnal(20_000, HOURS, DAYS),
        Bursts(100, 60.0),
        Bursts(100, 60.0, spread_s=150.0),
        Bursts(100, 60.0, random=True),
        Bursts(100, 60.0, spread_s=90.0, random=True),
        Bursts(100_000, 3600.0, first_s=7.0),
    ],
    ids=lambda one: f"{one.kind}-{getattr(one, 'random', '')}-{getattr(one, 'spread_s', '')}",
)
class TestAll:
    def test_times_ascend_within_the_duration(self, arrivals: Arrivals) -> None:
        found = arrived(arrivals)

        assert len(found) > 2 * BLOCK
        assert ascends(found)
        assert found[0] >= 0.0
        assert found[-1] < DAY_MS

    def test_the_same_seed_gives_the_same_bytes(self, arrivals: Arrivals) -> None:
        assert arrived(arrivals).tobytes() == arrived(arrivals).tobytes()

    def test_another_seed_gives_other_times(self, arrivals: Arrivals) -> None:
        if isinstance(arrivals, Bursts) and not arrivals.random and not arrivals.spread_s:
            assert arrived(arrivals).tobytes() == arrived(arrivals, seed=2).tobytes()
        else:
            assert arrived(arrivals).tobytes() != arrived(arrivals, seed=2).tobytes()

    def test_a_day_is_the_same_in_a_longer_workload(self, arrivals: Arrivals) -> None:
        longer = arrived(arrivals, days=1.5)
        found = arrived(arrivals)

        assert longer[longer < DAY_MS].tobytes() == found.tobytes()

    def test_twice_as_many(self, arrivals: Arrivals) -> None:
        assert len(arrived(arrivals, scale=2.0)) == pytest.approx(2 * len(arrived(arrivals)), rel=0.1)

    def test_none_of_them(self, arrivals: Arrivals) -> None:
        assert len(arrived(arrivals, scale=0.0)) == 0


def test_poisson_intervals_are_exponential() -> None:
    found = arrived(Poisson(5_000), days=4.0)
    waits = np.diff(found, prepend=0.0)

    assert ks(waits[:20_000].tolist(), exponential(HOUR_MS / 5_000)) < CRITICAL
    assert len(found) == pytest.approx(5_000 * 96, rel=0.005)
    assert abs(np.corrcoef(waits[1:], waits[:-1])[0, 1]) < 0.01


def test_poisson_counts_vary_as_they_do() -> None:
    counts = np.bincount((arrived(Poisson(3_600), days=2.0) / 60_000.0).astype(int), minlength=2880)

    assert counts_fit(counts, np.full(2880, 60.0))


def test_the_hours_and_days_of_a_week() -> None:
    found = arrived(Diurnal(2_000, HOURS, DAYS), days=14.0)
    counts = np.bincount((found / HOUR_MS).astype(int), minlength=14 * 24)
    wanted = np.outer(np.tile(DAYS, 2), HOURS).ravel() * 2_000

    assert counts[wanted == 0].sum() == 0
    assert counts_fit(counts[wanted > 0], wanted[wanted > 0])


def test_within_an_hour_arrivals_are_even() -> None:
    found = arrived(Diurnal(2_000, HOURS), days=7.0)
    hour = found[(found / HOUR_MS).astype(int) % 24 == 9] % HOUR_MS

    assert ks(hour[::3].tolist(), lambda x: x / HOUR_MS) < CRITICAL


@pytest.mark.parametrize(("peak", "night"), [(14.0, 0.2), (3.0, 0.0), (23.5, 0.9), (12.0, 1.0)])
def test_a_smooth_day(peak: float, night: float) -> None:
    found = arrived(Diurnal(3_000, peak_hour=peak, night_share=night), days=7.0)
    of_day = found % DAY_MS / HOUR_MS

    def below(hour: float) -> float:
        angle = 2 * math.pi / 24

        def whole(x: float) -> float:
            wave = (math.sin((x - peak) * angle) + math.sin(peak * angle)) / angle
            return night * x + (1 - night) * 0.5 * (x + wave)

        return whole(hour) / whole(24.0)

    assert ks(np.random.default_rng(1).permutation(of_day)[:20_000].tolist(), below) < CRITICAL
    assert len(found) == pytest.approx(3_000 * 24 * 7 * (night + (1 - night) / 2), rel=0.01)


def test_phases_of_an_mmpp_share_the_time() -> None:
    found = arrived(Mmpp((Phase(7_200, 60.0), Phase(720, 180.0))), days=20.0)

    # A quarter of the time at 7,200 an hour, three quarters at 720.
    assert len(found) / 480 == pytest.approx(0.25 * 7_200 + 0.75 * 720, rel=0.03)


def test_an_mmpp_is_more_bursty_than_poisson() -> None:
    found = arrived(Mmpp((Phase(7_200, 60.0), Phase(720, 180.0))), days=20.0)
    counts = np.bincount((found / 600_000.0).astype(int))[:-1]

    # The variance of counts over ten minutes, by theory: mean + 2 p q d^2 r^2 (t / r - 1 + exp(-t / r)).
    r = 1 / (1 / 60 + 1 / 180)
    rates = (2.0 - 0.2) ** 2 * 0.25 * 0.75
    wanted = counts.mean() + 2 * rates * r * r * (600 / r - 1 + math.exp(-600 / r))
    assert counts.var() == pytest.approx(wanted, rel=0.1)


def test_an_mmpp_with_silence_and_with_a_phase_of_no_length() -> None:
    found = arrived(Mmpp((Phase(3_600, 10.0), Phase(0.0, 90.0), Phase(1e9, 0.0))), days=10.0)

    assert len(found) == pytest.approx(240 * 360, rel=0.05)


def test_short_phases_in_a_slow_process_take_little_memory() -> None:
    found = arrived(Mmpp((Phase(1.0, 0.01), Phase(3.0, 0.01))), days=0.5)

    assert 5 < len(found) < 60


@pytest.mark.parametrize(
    "arrivals",
    [Mmpp((Phase(10.0, 0.0),)), Mmpp(()), Bursts(10, 0.0), Bursts(10, 0.0, random=True)],
    ids=["mmpp", "no-phase", "bursts", "random-bursts"],
)
def test_a_process_that_stands_still_is_refused(arrivals: Arrivals) -> None:
    with pytest.raises(RehearsalError, match=r"longer than 0|above 0"):
        arrived(arrivals)


@pytest.mark.parametrize(
    ("arrivals", "words"),
    [
        (Diurnal(1.0, (1.0, 2.0)), "'hours' has 2 factors; a day has 24 hours"),
        (Diurnal(1.0, None, (1.0,)), "'days' has 1 factors; a week has 7 days"),
    ],
    ids=["hours", "days"],
)
def test_factors_must_be_all_there(arrivals: Arrivals, words: str) -> None:
    with pytest.raises(RehearsalError, match=words):
        arrived(arrivals)


def test_hours_without_jobs_end() -> None:
    assert len(arrived(Diurnal(10.0, (0.0,) * 24), days=3.0)) == 0


def test_bursts_come_when_they_should() -> None:
    found = arrived(Bursts(5, 3600.0, first_s=60.0), days=0.5)

    assert found.tolist() == [60_000.0 + HOUR_MS * n for n in range(12) for _ in range(5)]


def test_a_burst_is_spread_evenly() -> None:
    found = arrived(Bursts(20_000, 86_400.0, first_s=100.0, spread_s=50.0))

    assert ks(found.tolist(), lambda x: min(max((x - 100_000) / 50_000, 0.0), 1.0)) < CRITICAL


def test_bursts_that_overlap_are_all_there() -> None:
    found = arrived(Bursts(10, 60.0, spread_s=600.0), days=2.0)
    steady = found[(found > 600_000) & (found < 2 * DAY_MS - 600_000)]

    assert len(found) < 2880 * 10
    assert len(steady) == pytest.approx((2880 - 20) * 10, abs=150)
    assert ascends(found)


def test_random_bursts_are_that_often() -> None:
    found = arrived(Bursts(4, 60.0, first_s=1000.0, random=True), days=14.0)
    starts = np.unique(found)

    assert len(found) == 4 * len(starts)
    assert ks(np.diff(starts).tolist(), exponential(60_000.0)) < CRITICAL
    assert starts[0] > 1_000_000.0


@pytest.mark.parametrize(("scale", "size"), [(1.3, 13), (0.5, 5), (0.01, None)])
def test_larger_bursts(scale: float, size: int | None) -> None:
    starts, counts = np.unique(arrived(Bursts(10, 60.0), scale=scale), return_counts=True)

    if size:
        assert set(counts.tolist()) == {size}
    else:
        # One job in ten bursts.
        assert counts.tolist() == [1] * 144
        assert np.diff(starts).tolist() == [600_000.0] * 143


def test_growth_is_even_and_a_factor_after_a_year() -> None:
    assert grown(np.array([0.0, YEAR_MS, 2 * YEAR_MS]), 1.5).tolist() == pytest.approx([1.0, 1.5, 2.25])


@pytest.mark.parametrize(
    "arrivals",
    [
        Poisson(60.0),
        Diurnal(120.0, night_share=0.0),
        Mmpp((Phase(60.0, 3600.0), Phase(60.0, 86_400.0))),
        Bursts(3, 180.0),
        Bursts(30, 1800.0, spread_s=1800.0),
    ],
    ids=["poisson", "diurnal", "mmpp", "bursts", "spread"],
)
@pytest.mark.parametrize("growth", [2.0, 0.5])
def test_a_year_of_growth(arrivals: Arrivals, growth: float) -> None:
    found = arrived(arrivals, days=365.0, growth=growth)
    wanted = 60.0 * 24 * 365 * (growth - 1) / math.log(growth)

    def below(x: float) -> float:
        return math.expm1(math.log(growth) * x / YEAR_MS) / (growth - 1)

    assert len(found) == pytest.approx(wanted, rel=0.01)
    assert ks(found[:: len(found) // 5_000].tolist(), below) < CRITICAL


def test_a_higher_rate_is_the_same_process_faster() -> None:
    slow = arrived(Poisson(1_000))
    fast = arrived(Poisson(1_000), days=0.5, scale=2.0)

    assert fast.tolist() == pytest.approx((slow / 2.0).tolist())


@pytest.mark.parametrize("week_h", [0.0, 9.25, 24.0, 100.6, 167.99])
@pytest.mark.parametrize("hours", [HOURS, None], ids=["hours", "smooth"])
def test_a_workload_may_begin_at_any_time_of_the_week(week_h: float, hours: tuple[float, ...] | None) -> None:
    found = arrived(Diurnal(2_000, hours, DAYS), days=14.0, week_ms=week_h * HOUR_MS)
    of_week = (found / HOUR_MS + week_h) % 168.0
    counts = np.bincount(of_week.astype(int), minlength=168).astype(float)
    whole = arrived(Diurnal(2_000, hours, DAYS), days=14.0)
    usual = np.bincount((whole / HOUR_MS % 168.0).astype(int), minlength=168)

    assert found[0] >= 0.0
    assert counts[120:144].sum() == 0
    assert np.corrcoef(counts, usual)[0, 1] > 0.98
    assert counts.sum() == pytest.approx(usual.sum(), rel=0.02)


def test_a_day_that_is_cut_off_keeps_its_rates() -> None:
    found = arrived(Diurnal(6_000, HOURS), days=0.5, week_ms=8.5 * HOUR_MS)
    counts = np.bincount((found / HOUR_MS + 8.5).astype(int), minlength=21)[8:21].astype(float)
    wanted = np.array(HOURS[8:21]) * 6_000
    wanted[[0, -1]] /= 2

    assert counts_fit(counts, wanted)
