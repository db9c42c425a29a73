from __future__ import annotations

import importlib.util
import math

import pytest

from bqsim.sim.latency.gamma import log_tails, quantile

SHARES = (1e-12, 1e-6, 0.01, 0.3, 0.5, 0.500001, 0.9, 0.999, 1 - 1e-9, 1 - 2**-53)

# Chi-squared quantiles as printed in tables: degrees of freedom, share, value (a gamma of half the degrees).
CHI_SQUARED = [
    (1, 0.95, 3.841458820694124),
    (1, 0.5, 0.454936423119572),
    (2, 0.99, 9.210340371976182),
    (3, 0.95, 7.814727903251179),
    (5, 0.05, 1.145476226061769),
    (10, 0.95, 18.307038053275146),
    (100, 0.99, 135.80672317102676),
]


@pytest.mark.parametrize(("degrees", "share", "value"), CHI_SQUARED)
def test_tabulated_quantiles(degrees, share, value):
    assert 2.0 * quantile(degrees / 2.0, share) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize("shape", [1, 2, 5, 50])
@pytest.mark.parametrize("share", SHARES)
def test_whole_shapes_against_the_closed_form(shape, share):
    x = quantile(shape, share)
    terms = [math.exp(-x + k * math.log(x) - math.lgamma(k + 1)) for k in range(shape + 400)]
    below, above = math.fsum(terms[shape:]), math.fsum(terms[:shape])
    got, wanted = (below, share) if share < 0.5 else (above, 1.0 - share)
    assert got == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize("shape", [0.01, 0.05, 0.3, 0.7, 1.5, 3.3, 30.5, 1000.5, 9999.5])
@pytest.mark.parametrize("share", [0.01, 0.3, 0.5, 0.9, 0.999])
def test_any_shape_against_numerical_integration(shape, share):
    assert _integral(shape, quantile(shape, share)) == pytest.approx(share, rel=2e-9)


def _integral(shape: float, x: float) -> float:
    """P(X <= x) by Simpson's rule in log t, where the integrand is smooth for every shape."""
    end = math.log(x)
    if shape <= 1:
        # So far down the power t ** shape alone counts.
        start = min(end, 0.0) - 25.0
        rest = math.exp(shape * start - math.lgamma(shape + 1.0))
    else:
        start, rest = min(end, math.log(shape)) - 40.0 / math.sqrt(shape), 0.0
    steps = 20_000
    width = (end - start) / steps

    def density(t: float) -> float:
        return math.exp(shape * t - math.exp(t) - math.lgamma(shape))

    odd = math.fsum(density(start + i * width) for i in range(1, steps, 2))
    even = math.fsum(density(start + i * width) for i in range(2, steps, 2))
    return rest + (density(start) + density(end) + 4.0 * odd + 2.0 * even) * width / 3.0


def test_quantiles_ascend_and_stay_numbers():
    for shape in (0.01, 0.5, 1.0, 12.0, 10_000.0, 1e9):
        values = [quantile(shape, p) for p in (2.0**-53, *SHARES)]
        assert values == sorted(values)
        assert all(0.0 <= value < math.inf for value in values)


def test_very_large_shapes_join_smoothly():
    for share in (0.001, 0.5, 0.999):
        assert quantile(10_000.000001, share) == pytest.approx(quantile(10_000.0, share), rel=1e-6)


def test_the_tails_add_up_to_one():
    for shape in (0.1, 1.0, 7.5, 300.0):
        for log_x in (-3.0, 0.0, math.log(shape) + 0.1):
            below, above = log_tails(shape, log_x)
            assert math.exp(below) + math.exp(above) == pytest.approx(1.0, abs=1e-12)


@pytest.mark.skipif(importlib.util.find_spec("scipy") is None, reason="scipy is not installed")
@pytest.mark.parametrize("shape", [0.01, 0.3, 2.5, 80.0, 10_000.0])
def test_against_scipy(shape):
    from scipy.special import gammaincinv

    for share in SHARES[1:8]:
        assert quantile(shape, share) == pytest.approx(float(gammaincinv(shape, share)), rel=1e-9)
