"""Distribution functions belong to their densities."""

from __future__ import annotations

import numpy as np
import pytest

from bqsim.calibrate.families import FAMILIES, Fitted, kolmogorov, quantiles
from bqsim.sim.latency.described import latency_of
from bqsim.sim.scenario import latency as d

from .made import times

X = np.asarray(times(d.Latency(d.Gamma(mean_s=2, shape=12)), 400))


@pytest.mark.parametrize("family", [*FAMILIES, "quantiles"])
def test_density_distribution_and_description_agree(family: str) -> None:
    found: Fitted = FAMILIES[family](X) if family in FAMILIES else quantiles(X)
    grid = np.linspace(1.2, 3.5, 4001)
    middle = (grid[1:] + grid[:-1]) / 2
    mass = float(np.exp(found.log_density(middle)).sum() * (grid[1] - grid[0]))
    low, high = found.cdf(np.array([1.2, 3.5]))
    assert mass == pytest.approx(float(high - low), abs=0.02)
    if family != "two lognormals":
        described = latency_of(d.Latency(found.distribution))
        for share in (0.1, 0.5, 0.9):
            value = described.quantile(share)  # type: ignore[attr-defined]
            assert float(found.cdf(np.array([value]))[0]) == pytest.approx(share, abs=0.01)


@pytest.mark.parametrize("family", ["gamma", "pareto", "two lognormals"])
def test_values_that_are_all_the_same_fit_nothing(family: str) -> None:
    with pytest.raises(ValueError):
        FAMILIES[family](np.full(50, 0.5))


def test_a_normal_distribution_below_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="below 0"):
        FAMILIES["normal"](np.array([0.1, 0.5, 2.0, 9.0]))


def test_kolmogorov() -> None:
    even = (np.arange(100) + 0.5) / 100
    distance, share = kolmogorov(lambda v: np.clip(v, 0, 1), even)
    assert distance == pytest.approx(0.005) and share == 1.0
    distance, share = kolmogorov(lambda v: np.clip(v, 0, 1), even**2)
    assert distance == pytest.approx(0.25, abs=0.01) and share < 1e-4
