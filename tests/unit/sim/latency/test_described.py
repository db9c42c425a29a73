from __future__ import annotations

import pytest

from bqsim.sim.latency import (
    Bounded,
    Correlated,
    Exponential,
    Fixed,
    Gamma,
    LogNormal,
    Mixture,
    Normal,
    Pareto,
    Plus,
    Quantiles,
    Ramp,
    Term,
    Trace,
    Uniform,
)
from bqsim.sim.latency.described import latency_of
from bqsim.sim.latency.schedule import Periods
from bqsim.sim.scenario import latency as s

DISTRIBUTIONS = [
    (s.Fixed(0.1), Fixed(0.1)),
    (s.Uniform(0.1, 0.2), Uniform(0.1, 0.2)),
    (s.Normal(0.1, 0.2), Normal(0.1, 0.2)),
    (s.Lognormal(0.1, 0.5), LogNormal(0.1, 0.5)),
    (s.Gamma(0.1, 2.0), Gamma(2.0, 0.05)),
    (s.Exponential(0.1), Exponential(0.1)),
    (s.Pareto(0.1, 2.0), Pareto(0.1, 2.0)),
    (
        s.Mixture((s.Part(2.0, s.Fixed(0.1)), s.Part(1.0, s.Exponential(0.5)))),
        Mixture((2.0, 1.0), (Fixed(0.1), Exponential(0.5))),
    ),
    (s.Quantiles((s.Quantile(0.5, 0.1), s.Quantile(0.9, 0.3))), Quantiles((0.5, 0.9), (0.1, 0.3))),
    (s.Trace((0.1, 0.2)), Trace((0.1, 0.2), "loop")),
    (s.Trace((0.1, 0.2), loop=False), Trace((0.1, 0.2), "hold")),
]


@pytest.mark.parametrize(("description", "model"), DISTRIBUTIONS)
def test_each_distribution_has_its_model(description, model):
    assert latency_of(s.Latency(description)) == model


def test_what_is_added_applies_in_its_order():
    description = s.Latency(
        s.Fixed(0.1),
        per_mib_s=0.5,
        per_row_s=1e-6,
        per_slot_s=2.0,
        floor_s=0.2,
        cap_s=3.0,
        correlation=0.9,
        ramps=(s.Ramp(10.0, 20.0, 3.0),),
        schedule=(s.Period(0.0, 5.0, 2.0, 60.0),),
    )
    plus = Plus(
        Correlated(Fixed(0.1), 0.9), (Term("bytes", 0.5 / 2**20), Term("rows", 1e-6), Term("slot_ms", 0.002))
    )
    ramp = Ramp(plus, ((10.0, 1.0), (20.0, 3.0)))
    assert latency_of(description) == Bounded(Periods(ramp, ((0.0, 5.0, 2.0, 60.0),)), 0.2, 3.0)


def test_the_closest_correlations():
    assert latency_of(s.Latency(s.Fixed(0.1), correlation=1.0)) == Correlated(Fixed(0.1), 1.0)
    assert latency_of(s.Latency(s.Fixed(0.1), correlation=0.9999)) == Correlated(Fixed(0.1), 0.999)
