"""How latencies are described: a distribution, terms for the size of the work, bounds, change over time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Union

from . import kinds as k

Span = Annotated[float, k.SPAN]
Factor = Annotated[float, k.POSITIVE]


@dataclass(frozen=True, slots=True)
class Fixed:
    kind: ClassVar[str] = "fixed"
    plain: ClassVar[bool] = True
    principal: ClassVar[str] = "value_s"
    value_s: Span


@dataclass(frozen=True, slots=True)
class Uniform:
    kind: ClassVar[str] = "uniform"
    low_s: Span
    high_s: Span


@dataclass(frozen=True, slots=True)
class Normal:
    """Cut off at 0; by mean and deviation, or through two percentiles."""

    kind: ClassVar[str] = "normal"
    mean_s: Span | None = None
    deviation_s: Span | None = None
    p50_s: Span | None = None
    p90_s: Span | None = None
    p95_s: Span | None = None
    p99_s: Span | None = None


@dataclass(frozen=True, slots=True)
class Lognormal:
    """``median_s * exp(sigma * z)`` of a standard normal ``z``; or through two percentiles."""

    kind: ClassVar[str] = "lognormal"
    median_s: Span | None = None
    sigma: Factor | None = None
    p50_s: Span | None = None
    p90_s: Span | None = None
    p95_s: Span | None = None
    p99_s: Span | None = None


@dataclass(frozen=True, slots=True)
class Gamma:
    """Mean ``mean_s``; ``shape`` 1 is the exponential, higher is narrower. Or through two percentiles."""

    kind: ClassVar[str] = "gamma"
    mean_s: Span | None = None
    shape: Factor | None = None
    p50_s: Span | None = None
    p90_s: Span | None = None
    p95_s: Span | None = None
    p99_s: Span | None = None


@dataclass(frozen=True, slots=True)
class Exponential:
    kind: ClassVar[str] = "exponential"
    principal: ClassVar[str] = "mean_s"
    mean_s: Span


@dataclass(frozen=True, slots=True)
class Pareto:
    """From ``minimum_s`` up, with the tail index ``alpha``: P(X > x) = (minimum / x) ** alpha.

    Or through two percentiles.
    """

    kind: ClassVar[str] = "pareto"
    minimum_s: Span | None = None
    alpha: Factor | None = None
    p50_s: Span | None = None
    p90_s: Span | None = None
    p95_s: Span | None = None
    p99_s: Span | None = None


# The percentiles that a distribution may be put through, by their fields.
PERCENTILES = {"p50_s": 0.5, "p90_s": 0.9, "p95_s": 0.95, "p99_s": 0.99}
# The distributions that are written by two parameters, or by two percentiles.
PARAMETERS: dict[type, tuple[str, str]] = {
    Normal: ("mean_s", "deviation_s"),
    Lognormal: ("median_s", "sigma"),
    Gamma: ("mean_s", "shape"),
    Pareto: ("minimum_s", "alpha"),
}


def percentiles_of(distribution: object) -> list[tuple[float, float]]:
    """The percentiles that are given: shares and seconds, ascending."""
    given = ((share, getattr(distribution, name)) for name, share in PERCENTILES.items())
    return [(share, seconds) for share, seconds in given if seconds is not None]


@dataclass(frozen=True, slots=True)
class Part:
    weight: Factor
    of: Distribution


@dataclass(frozen=True, slots=True)
class Mixture:
    """One of ``parts``, drawn by weight."""

    kind: ClassVar[str] = "mixture"
    principal: ClassVar[str] = "parts"
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Quantile:
    """A share ``at`` of all values is at most ``value_s``."""

    at: Annotated[float, k.SHARE]
    value_s: Span


@dataclass(frozen=True, slots=True)
class Quantiles:
    """An empirical table, both columns ascending; values between its rows are interpolated."""

    kind: ClassVar[str] = "quantiles"
    principal: ClassVar[str] = "table"
    table: tuple[Quantile, ...]


@dataclass(frozen=True, slots=True)
class Trace:
    """The values one after another, then from the start again; ``loop`` false stays at the last."""

    kind: ClassVar[str] = "trace"
    principal: ClassVar[str] = "values_s"
    values_s: tuple[Span, ...]
    loop: Annotated[bool, k.FLAG] = True


# Resolved when read: a mixture's parts are distributions themselves.
Distribution = Union[  # noqa: UP007
    Fixed, Uniform, Normal, Lognormal, Gamma, Exponential, Pareto, Mixture, Quantiles, Trace
]


@dataclass(frozen=True, slots=True)
class Ramp:
    """The factor goes from 1 at ``from_s`` to ``factor`` at ``until_s`` in a straight line, then stays."""

    from_s: Span
    until_s: Span
    factor: Annotated[float, k.AMOUNT]


@dataclass(frozen=True, slots=True)
class Period:
    """``factor`` holds for ``from_s <= t < until_s`` of every ``every_s`` (None: once)."""

    from_s: Span
    until_s: Span
    factor: Annotated[float, k.AMOUNT]
    every_s: Span | None = None


@dataclass(frozen=True, slots=True)
class Latency:
    """A draw of ``distribution``, plus the terms of the work's size, times the factors, between the bounds.

    ``correlation`` ties each draw to the one before of the same rule (0: independent, 1: the same); with
    ``correlated_over_s`` it is the share of each draw that near moments have in common, whoever asks, and
    that forgets itself over so much time. Times of ``ramps`` and ``schedule`` count from when the scenario
    was loaded.
    """

    principal: ClassVar[str] = "distribution"
    distribution: Distribution
    per_mib_s: Span = 0.0
    per_row_s: Span = 0.0
    per_slot_s: Span = 0.0
    floor_s: Span = 0.0
    cap_s: Span | None = None
    correlation: Annotated[float, k.SHARE] = 0.0
    correlated_over_s: Span | None = None
    ramps: tuple[Ramp, ...] = ()
    schedule: tuple[Period, ...] = ()
