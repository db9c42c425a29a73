"""From a latency as a scenario describes it to the model that draws it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bqsim.sim.scenario import latency as described

from . import distributions as d
from .base import Latency
from .combine import Bounded, Mixture, Plus, Term
from .correlate import LARGEST_CORRELATION, Correlated, CorrelatedInTime
from .schedule import Periods, Ramp, Trace

_MIB = 2.0**20


def latency_of(latency: described.Latency) -> Latency:
    """The model of a description: distribution, correlation, terms, factors over time, bounds.

    ``per_slot_s`` counts for each second of slot time.
    """
    model = _distribution(latency.distribution)
    if latency.correlated_over_s:
        model = CorrelatedInTime(model, latency.correlated_over_s, latency.correlation)
    elif latency.correlation:
        closest = 1.0 if latency.correlation == 1.0 else min(latency.correlation, LARGEST_CORRELATION)
        model = Correlated(model, closest)
    terms = (
        Term("bytes", latency.per_mib_s / _MIB),
        Term("rows", latency.per_row_s),
        Term("slot_ms", latency.per_slot_s / 1000.0),
    )
    if used := tuple(term for term in terms if term.seconds):
        model = Plus(model, used)
    for ramp in latency.ramps:
        model = Ramp(model, ((ramp.from_s, 1.0), (ramp.until_s, ramp.factor)))
    if latency.schedule:
        model = Periods(model, tuple((p.from_s, p.until_s, p.factor, p.every_s) for p in latency.schedule))
    if latency.floor_s or latency.cap_s is not None:
        model = Bounded(model, latency.floor_s, latency.cap_s)
    return model


def _distribution(value: Any) -> Latency:
    return _MAKERS[value.kind](value)


def _either(
    by_parameters: Callable[..., Latency], through: Callable[..., Latency]
) -> Callable[[Any], Latency]:
    """A distribution by its two parameters, or through two percentiles."""

    def make(value: Any) -> Latency:
        points = described.percentiles_of(value)
        if points:
            return through(*points)
        return by_parameters(*(getattr(value, name) for name in described.PARAMETERS[type(value)]))

    return make


_MAKERS: dict[str, Callable[[Any], Latency]] = {
    "fixed": lambda v: d.Fixed(v.value_s),
    "uniform": lambda v: d.Uniform(v.low_s, v.high_s),
    "normal": _either(d.Normal, d.Normal.through),
    "lognormal": _either(d.LogNormal, d.LogNormal.through),
    "gamma": _either(d.Gamma.of_mean, d.Gamma.through),
    "exponential": lambda v: d.Exponential(v.mean_s),
    "pareto": _either(d.Pareto, d.Pareto.through),
    "mixture": lambda v: Mixture(
        tuple(part.weight for part in v.parts), tuple(_distribution(part.of) for part in v.parts)
    ),
    "quantiles": lambda v: d.Quantiles.through([(row.at, row.value_s) for row in v.table]),
    "trace": lambda v: Trace(v.values_s, "loop" if v.loop else "hold"),
}
