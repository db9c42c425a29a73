"""Latency models: immutable values whose draws are pure functions of a key and of the load."""

from __future__ import annotations

from .base import NO_LOAD, Latency, Load
from .combine import Bounded, Mixture, Plus, Sum, Term, Times
from .correlate import Correlated, CorrelatedInTime
from .distributions import Exponential, Fixed, Gamma, LogNormal, Normal, Pareto, Quantiles, Uniform
from .presets import Preset, preset
from .read import LatencyError, read_latency
from .schedule import Ramp, Schedule, Trace

__all__ = [
    "NO_LOAD",
    "Bounded",
    "Correlated",
    "CorrelatedInTime",
    "Exponential",
    "Fixed",
    "Gamma",
    "Latency",
    "LatencyError",
    "Load",
    "LogNormal",
    "Mixture",
    "Normal",
    "Pareto",
    "Plus",
    "Preset",
    "Quantiles",
    "Ramp",
    "Schedule",
    "Sum",
    "Term",
    "Times",
    "Trace",
    "Uniform",
    "preset",
    "read_latency",
]
