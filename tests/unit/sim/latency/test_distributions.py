from __future__ import annotations

import math
from itertools import pairwise

import pytest

from bqsim.sim.draws import Stream
from bqsim.sim.latency import (
    NO_LOAD,
    Exponential,
    Fixed,
    Gamma,
    LogNormal,
    Normal,
    Pareto,
    Quantiles,
    Uniform,
)

from .fitness import CRITICAL, drawn, fits, ks, normal_below

pytestmark = pytest.mark.fidelity("latency:distributions", "exact")


def erlang(shape: int, x: float) -> float:
    return 1.0 - math.exp(-x) * math.fsum(x**k / math.factorial(k) for k in range(shape))


def table_below(x: float) -> float:
    rows = ((0.0, 0.01), (0.5, 0.1), (0.9, 0.3), (1.0, 2.0))
    for (p, low), (q, high) in pairwise(rows):
        if x <= high:
            return p + (q - p) * (x - low) / (high - low)
    return 1.0


FITS = {
    "uniform": (Uniform(0.1, 0.3), lambda x: (x - 0.1) / 0.2),
    "normal": (Normal(1.0, 0.1), lambda x: normal_below((x - 1.0) / 0.1)),
    "normal cut at 0": (Normal(0.1, 0.1), lambda x: normal_below((x - 0.1) / 0.1)),
    "lognormal": (LogNormal(0.12, 0.7), lambda x: normal_below(math.log(x / 0.12) / 0.7)),
    "gamma, shape 3": (Gamma(3.0, 0.05), lambda x: erlang(3, x / 0.05)),
    "gamma, shape 1/2": (Gamma(0.5, 0.2), lambda x: math.erf(math.sqrt(x / 0.2))),
    "exponential": (Exponential(0.25), lambda x: 1.0 - math.exp(-x / 0.25)),
    "pareto": (Pareto(0.1, 1.5), lambda x: 1.0 - (0.1 / x) ** 1.5),
    "quantiles": (Quantiles((0.0, 0.5, 0.9, 1.0), (0.01, 0.1, 0.3, 2.0)), table_below),
}


@pytest.mark.parametrize("name", FITS)
def test_draws_follow_the_distribution(name):
    model, below = FITS[name]
    assert fits(model, below)


def test_the_fitness_test_notices_another_distribution():
    assert ks(drawn(LogNormal(0.12, 0.7)), lambda x: normal_below(math.log(x / 0.12) / 0.73)) > CRITICAL


def test_fixed_is_the_value_and_takes_no_uniform():
    u = Stream(1, "r").uniforms("f", 0)
    assert Fixed(0.12).draw(u, NO_LOAD) == 0.12
    assert u.take() == Stream(1, "r").uniforms("f", 0).take()


def test_draws_are_never_negative_and_never_endless():
    assert min(drawn(Normal(0.0, 1.0), 1000)) == 0.0
    assert max(drawn(Pareto(1.0, 0.001), 1000)) == 100 * 366 * 86_400
    assert max(drawn(LogNormal(1.0, 1000.0), 1000)) == 100 * 366 * 86_400


PAIRS = [((0.5, 0.12), (0.95, 0.4)), ((0.1, 0.2), (0.999, 0.5)), ((0.9, 1.0), (0.99, 1.5))]


@pytest.mark.parametrize("kind", [Normal, LogNormal, Gamma, Pareto], ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("pair", PAIRS)
def test_two_percentiles_are_hit_exactly(kind, pair):
    model = kind.through(*pair)
    for p, seconds in pair:
        assert model.quantile(p) == pytest.approx(seconds, rel=1e-10)


def test_percentiles_of_the_other_distributions_are_hit_exactly():
    assert Exponential.through((0.95, 0.4)).quantile(0.95) == pytest.approx(0.4, rel=1e-14)
    uniform = Uniform.through((0.5, 0.3), (0.75, 0.4))
    assert (uniform.low, uniform.high) == pytest.approx((0.1, 0.5))
    table = Quantiles.through([(0.5, 0.1), (0.9, 0.3)])
    assert [table.quantile(p) for p in (0.01, 0.5, 0.7, 0.9, 0.99)] == pytest.approx(
        [0.1, 0.1, 0.2, 0.3, 0.3]
    )


def test_a_uniform_that_would_begin_below_0_is_refused():
    with pytest.raises(ValueError, match="would begin below 0"):
        Uniform.through((0.5, 0.1), (0.75, 0.9))


def test_percentiles_that_no_gamma_has_are_refused():
    with pytest.raises(ValueError, match="no gamma latency goes through these percentiles"):
        Gamma.through((0.5, 1.0), (0.95, 1.001))


@pytest.mark.parametrize("kind", [LogNormal, Gamma])
def test_moments_are_kept(kind):
    values = drawn(kind.of_moments(0.2, 0.1))
    mean = math.fsum(values) / len(values)
    deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / len(values))
    assert mean == pytest.approx(0.2, rel=0.02)
    assert deviation == pytest.approx(0.1, rel=0.05)


def test_models_are_values():
    assert LogNormal(0.1, 0.5) == LogNormal(0.1, 0.5)
    assert hash(Gamma(2.0, 0.1)) == hash(Gamma(2.0, 0.1))
    with pytest.raises(AttributeError):
        Fixed(1.0).seconds = 2.0  # type: ignore[misc]
