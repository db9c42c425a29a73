"""Latency models: immutable values whose draws are pure functions of a key and of the load."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bqsim.sim.lazily import exports

if TYPE_CHECKING:
    from .base import NO_LOAD, Latency, Load
    from .combine import Bounded, Mixture, Plus, Term, Times
    from .correlate import Correlated, CorrelatedInTime
    from .described import latency_of
    from .distributions import Exponential, Fixed, Gamma, LogNormal, Normal, Pareto, Quantiles, Uniform
    from .presets import Preset, preset
    from .schedule import Ramp, Trace

__getattr__ = exports(
    __name__,
    {
        "base": "NO_LOAD Latency Load",
        "combine": "Bounded Mixture Plus Term Times",
        "correlate": "Correlated CorrelatedInTime",
        "described": "latency_of",
        "distributions": "Exponential Fixed Gamma LogNormal Normal Pareto Quantiles Uniform",
        "presets": "Preset preset",
        "schedule": "Ramp Trace",
    },
)

__all__ = [
    "NO_LOAD",
    "Bounded",
    "Correlated",
    "CorrelatedInTime",
    "Exponential",
    "Fixed",
    "Gamma",
    "Latency",
    "Load",
    "LogNormal",
    "Mixture",
    "Normal",
    "Pareto",
    "Plus",
    "Preset",
    "Quantiles",
    "Ramp",
    "Term",
    "Times",
    "Trace",
    "Uniform",
    "latency_of",
    "preset",
]
