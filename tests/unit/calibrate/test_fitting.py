"""Known models are found again in what they draw."""

from __future__ import annotations

from typing import Any

import pytest

from bqsim.calibrate.fitting import MIB, TooFew, fit, rounded
from bqsim.calibrate.scoring import compared, drawn, score
from bqsim.sim.scenario import latency as d

from .made import sizes, times

TWO = d.Mixture(
    (d.Part(0.6, d.Lognormal(median_s=0.2, sigma=0.2)), d.Part(0.4, d.Lognormal(median_s=3, sigma=0.3)))
)
MODELS: dict[str, tuple[Any, dict[str, float]]] = {
    "lognormal": (d.Lognormal(median_s=0.4, sigma=0.5), {"median_s": 0.1, "sigma": 0.1}),
    "gamma": (d.Gamma(mean_s=2, shape=3), {"mean_s": 0.1, "shape": 0.2}),
    "exponential": (d.Exponential(1.5), {"mean_s": 0.12}),
    "pareto": (d.Pareto(minimum_s=0.5, alpha=2.5), {"minimum_s": 0.01, "alpha": 0.12}),
    "normal": (d.Normal(mean_s=3, deviation_s=0.4), {"mean_s": 0.02, "deviation_s": 0.1}),
    "fixed": (d.Fixed(0.25), {"value_s": 0.0}),
}


@pytest.mark.parametrize("family", MODELS)
def test_the_family_and_its_parameters_are_found(family: str) -> None:
    distribution, within = MODELS[family]
    found = fit(times(d.Latency(distribution), 600))
    assert found.family == family
    for name, error in within.items():
        assert getattr(found.latency.distribution, name) == pytest.approx(
            getattr(distribution, name), rel=error
        )
    assert found.distance < 0.06
    assert all(abs(error) < 0.25 for error in found.errors.values())
    assert found.confidence == "high"


def test_a_term_of_the_size_is_found() -> None:
    of = sizes(500)
    model = d.Latency(d.Lognormal(median_s=0.4, sigma=0.4), per_mib_s=0.002)
    found = fit(times(model, 500, of), of)
    assert found.latency.per_mib_s == pytest.approx(0.002, rel=0.05)
    assert found.latency.distribution.median_s == pytest.approx(0.4, rel=0.12)


def test_no_term_where_the_size_does_not_matter() -> None:
    of = sizes(400)
    assert fit(times(d.Latency(d.Gamma(mean_s=2, shape=3)), 400), of).latency.per_mib_s == 0.0
    assert fit(times(d.Latency(TWO), 400), of).latency.per_mib_s == 0.0


def test_two_kinds_of_times() -> None:
    found = fit(times(d.Latency(TWO), 600))
    assert found.family == "two lognormals"
    weights = sorted(part.weight for part in found.latency.distribution.parts)
    assert weights == pytest.approx([0.4, 0.6], abs=0.06)


def test_times_of_none_are_apart() -> None:
    some = d.Mixture((d.Part(0.3, d.Fixed(0)), d.Part(0.7, d.Gamma(mean_s=0.3, shape=2))))
    found = fit(times(d.Latency(some), 600))
    none, rest = found.latency.distribution.parts
    assert (none.weight, none.of) == (pytest.approx(0.3, abs=0.05), d.Fixed(0.0))
    assert rest.of.mean_s == pytest.approx(0.3, rel=0.15)


def test_what_no_family_explains_is_a_table() -> None:
    steps = [0.1, 0.2, 0.9, 1.0, 5.0]
    found = fit([steps[n % 5] + (n * 37 % 100) / 10_000 for n in range(500)])
    assert found.family == "quantiles"
    assert compared(found.latency, [steps[n % 5] for n in range(500)], [0.0]) < 0.25


def test_few_samples_are_refused_and_some_give_little_confidence() -> None:
    model = d.Latency(d.Lognormal(median_s=0.4, sigma=0.5))
    with pytest.raises(TooFew, match="29 samples, 30 are needed"):
        fit(times(model, 29))
    assert fit(times(model, 30)).confidence == "low"
    assert fit(times(model, 100)).confidence == "medium"


def test_many_samples_are_thinned() -> None:
    found = fit(times(d.Latency(d.Exponential(1.5)), 9000))
    assert found.count == 9000
    assert found.latency.distribution.mean_s == pytest.approx(1.5, rel=0.06)


def test_what_is_drawn_is_like_what_was_measured() -> None:
    model = d.Latency(d.Lognormal(median_s=0.4, sigma=0.5), per_mib_s=0.001)
    of = sizes(500)
    measured = times(model, 500, of)
    assert compared(model, measured, of) < 0.06
    assert compared(d.Latency(d.Lognormal(median_s=0.8, sigma=0.5)), measured, of) > 0.12
    assert score(model, measured, of) > score(d.Latency(d.Lognormal(median_s=0.8, sigma=0.5)), measured, of)
    assert drawn(model, of, 5) == drawn(model, of, 5)


def test_rounding_keeps_six_digits() -> None:
    assert rounded(d.Lognormal(median_s=0.123456789, sigma=1.0)).median_s == 0.123457
    assert MIB == 1024 * 1024
