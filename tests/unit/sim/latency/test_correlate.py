from __future__ import annotations

import math
import random
import threading
from collections.abc import Sequence
from itertools import pairwise
from statistics import NormalDist

import pytest

from bqsim.sim.draws import Draws, Stream
from bqsim.sim.latency import (
    NO_LOAD,
    Correlated,
    CorrelatedInTime,
    Exponential,
    Load,
    LogNormal,
    Mixture,
    Uniform,
)
from bqsim.sim.latency.correlate import _scores

from .fitness import CRITICAL, DRAWS, drawn, ks, normal_below

UNIT = Uniform(0.0, 1.0)
_score = NormalDist().inv_cdf


def scores(values: Sequence[float]) -> list[float]:
    return [_score(value) for value in values]


def correlation(first: Sequence[float], second: Sequence[float]) -> float:
    """Of standard normal scores, whose mean and variance are known."""
    return math.fsum(a * b for a, b in zip(first, second, strict=True)) / len(first)


@pytest.mark.parametrize("rho", [0.9, 0.5, -0.5, 0.0])
def test_scores_correlate_by_powers(rho):
    z = scores(drawn(Correlated(UNIT, rho)))
    for lag in (1, 2, 5):
        assert correlation(z[:-lag], z[lag:]) == pytest.approx(rho**lag, abs=0.05)


@pytest.mark.parametrize("rho", [0.9, -0.5, 0.99])
def test_the_distribution_stays_exact(rho):
    """One draw of each of many independent sequences: exactly the model's distribution."""
    model = Correlated(LogNormal(0.12, 0.7), rho)
    stream = Stream(11, "rule")
    count = DRAWS if rho != 0.99 else 1000
    values = [model.draw(stream.uniforms(f"{n}", n % 3), NO_LOAD) for n in range(count)]
    assert ks(values, lambda x: normal_below(math.log(x / 0.12) / 0.7)) < CRITICAL


def test_full_correlation_repeats_the_first_value():
    assert len(set(drawn(Correlated(UNIT, 1.0), 100))) == 1


def test_blocks_of_scores_join_without_a_seam():
    rho = 0.9
    pairs = []
    for rule in range(2000):
        stream = Stream(3, f"{rule}")
        pairs.append((_scores(stream, "", 0, rho, 0)[-1], _scores(stream, "", 0, rho, 1)[0]))
    assert correlation([a for a, _ in pairs], [b for _, b in pairs]) == pytest.approx(rho, abs=0.06)


def test_parts_of_a_mixture_come_in_spells():
    model = Correlated(Mixture((1.0, 1.0), (Uniform(0.0, 1.0), Uniform(2.0, 3.0))), 0.95)
    slow = [value >= 2.0 for value in drawn(model, 4000)]
    changes = sum(a != b for a, b in pairwise(slow))
    # Independent draws change in half of all steps; these in arccos(0.95) / pi of them.
    assert changes / len(slow) == pytest.approx(math.acos(0.95) / math.pi, abs=0.03)


@pytest.mark.parametrize("model", [Correlated(UNIT, 0.9), CorrelatedInTime(UNIT, 30.0, 0.8)])
def test_same_key_same_value_in_any_order_and_thread(model):
    def value(draws: Draws, n: int) -> float:
        return model.draw(draws.keyed("rule", "", n), Load(time_s=n / 7))

    draws = Draws(4)
    expected = [value(draws, n) for n in range(300)]
    order = list(range(300))
    random.Random(1).shuffle(order)
    _scores.cache_clear()
    fresh = Draws(4)
    shuffled = {n: value(fresh, n) for n in order}
    assert [shuffled[n] for n in range(300)] == expected
    _scores.cache_clear()
    seen: list[list[float]] = []
    threads = [
        threading.Thread(target=lambda: seen.append([value(draws, n) for n in range(300)])) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [expected] * 8


def test_values_at_near_times_resemble_each_other():
    share, over = 0.8, 10.0
    model = CorrelatedInTime(UNIT, over, share)
    stream = Stream(6, "rule")
    # Far apart moments are independent samples of the shared process.
    moments = [n * 40.0 + (n % 10) * 0.37 for n in range(6000)]

    def at(shift: float, fingerprint: str) -> list[float]:
        return scores(
            [
                model.draw(stream.uniforms(fingerprint, n), Load(time_s=moment + shift))
                for n, moment in enumerate(moments)
            ]
        )

    now = at(0.0, "a")
    assert correlation(now, now) == pytest.approx(1.0, abs=0.06)
    for later in (0.0, 1.0, 5.0, 10.0):
        wanted = share * math.exp(-later / over)
        assert correlation(now, at(later, "b")) == pytest.approx(wanted, abs=0.05)


def test_the_distribution_stays_exact_in_time():
    model = CorrelatedInTime(Exponential(0.25), 10.0, 0.8)
    stream = Stream(8, "rule")
    # The process forgets itself between draws, so that the values are as good as independent.
    values = [model.draw(stream.uniforms("", n), Load(time_s=n * 101.3)) for n in range(5000)]
    assert ks(values, lambda x: 1.0 - math.exp(-x / 0.25)) < CRITICAL


def test_only_succession_needs_a_running_count():
    assert Correlated(UNIT, 0.5).ordered
    assert not CorrelatedInTime(UNIT, 1.0).ordered
    assert CorrelatedInTime(Correlated(UNIT, 0.5), 1.0).ordered
