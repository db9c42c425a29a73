"""The plain distributions. Times are in seconds; percentiles are pairs (share, seconds), ascending."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

from bqsim.sim.draws import Uniforms

from . import gamma
from .base import Distribution, Load
from .gamma import LARGEST_SHAPE, LEAST_SHAPE

Point = tuple[float, float]

_LARGEST_POWER = 600.0
_normal = NormalDist().inv_cdf


@dataclass(frozen=True, slots=True)
class Fixed(Distribution):
    seconds: float

    def quantile(self, p: float) -> float:
        return self.seconds

    def draw(self, u: Uniforms, context: Load) -> float:
        return self.seconds


@dataclass(frozen=True, slots=True)
class Uniform(Distribution):
    low: float
    high: float

    @classmethod
    def through(cls, first: Point, second: Point) -> Uniform:
        """Raises ``ValueError`` when it would begin below 0."""
        (p, x), (q, y) = first, second
        slope = (y - x) / (q - p)
        low = x - p * slope
        if low < -1e-12 * y:
            raise ValueError("a uniform latency through these percentiles would begin below 0")
        return cls(max(low, 0.0), x + (1.0 - p) * slope)

    def quantile(self, p: float) -> float:
        return self.low + (self.high - self.low) * p


@dataclass(frozen=True, slots=True)
class Normal(Distribution):
    mean: float
    deviation: float

    @classmethod
    def through(cls, first: Point, second: Point) -> Normal:
        (p, x), (q, y) = first, second
        deviation = (y - x) / (_normal(q) - _normal(p))
        return cls(x - deviation * _normal(p), deviation)

    def quantile(self, p: float) -> float:
        return self.mean + self.deviation * _normal(p)


@dataclass(frozen=True, slots=True)
class LogNormal(Distribution):
    """``sigma`` is the standard deviation of the logarithm."""

    median: float
    sigma: float

    @classmethod
    def through(cls, first: Point, second: Point) -> LogNormal:
        (p, x), (q, y) = first, second
        sigma = math.log(y / x) / (_normal(q) - _normal(p))
        return cls(x * math.exp(-sigma * _normal(p)), sigma)

    @classmethod
    def of_moments(cls, mean: float, deviation: float) -> LogNormal:
        variance = math.log1p((deviation / mean) ** 2)
        return cls(mean * math.exp(-variance / 2.0), math.sqrt(variance))

    def quantile(self, p: float) -> float:
        return self.median * math.exp(min(self.sigma * _normal(p), _LARGEST_POWER))


@dataclass(frozen=True, slots=True)
class Gamma(Distribution):
    """Mean ``shape * scale``, variance ``shape * scale ** 2``."""

    shape: float
    scale: float

    @classmethod
    def through(cls, first: Point, second: Point) -> Gamma:
        """Raises ``ValueError`` when no shape from 0.01 to 10,000 gives the ratio of the two."""
        (p, x), (q, y) = first, second
        wanted = math.log(y / x)
        low, high = math.log(LEAST_SHAPE), math.log(LARGEST_SHAPE)
        if not _spread(LARGEST_SHAPE, p, q) <= wanted <= _spread(LEAST_SHAPE, p, q):
            raise ValueError("no gamma latency goes through these percentiles; try lognormal or quantiles")
        while high - low > 1e-14 * max(1.0, abs(low)):
            middle = (low + high) / 2.0
            if middle in (low, high):
                break
            # The wider apart the percentiles, the smaller the shape.
            if _spread(math.exp(middle), p, q) > wanted:
                low = middle
            else:
                high = middle
        shape = math.exp((low + high) / 2.0)
        return cls(shape, x / gamma.quantile(shape, p))

    @classmethod
    def of_mean(cls, mean: float, shape: float) -> Gamma:
        return cls(shape, mean / shape)

    @classmethod
    def of_moments(cls, mean: float, deviation: float) -> Gamma:
        """Raises ``ValueError`` when the shape would lie outside 0.01 to 10,000."""
        if not LEAST_SHAPE <= (mean / deviation) ** 2 <= LARGEST_SHAPE:
            raise ValueError(
                "the deviation of a gamma latency must be between a 100th of its mean and 10 times it"
            )
        return cls((mean / deviation) ** 2, deviation**2 / mean)

    def quantile(self, p: float) -> float:
        return self.scale * gamma.quantile(self.shape, p)


def _spread(shape: float, p: float, q: float) -> float:
    low = gamma.quantile(shape, p)
    return math.log(gamma.quantile(shape, q) / low) if low > 0.0 else math.inf


@dataclass(frozen=True, slots=True)
class Exponential(Distribution):
    mean: float

    @classmethod
    def through(cls, point: Point) -> Exponential:
        p, x = point
        return cls(x / -math.log1p(-p))

    def quantile(self, p: float) -> float:
        return -self.mean * math.log1p(-p)


@dataclass(frozen=True, slots=True)
class Pareto(Distribution):
    """P(X > x) = (minimum / x) ** alpha: the smaller ``alpha``, the heavier the tail."""

    minimum: float
    alpha: float

    @classmethod
    def through(cls, first: Point, second: Point) -> Pareto:
        (p, x), (q, y) = first, second
        alpha = (math.log1p(-p) - math.log1p(-q)) / math.log(y / x)
        return cls(x * math.exp(math.log1p(-p) / alpha), alpha)

    def quantile(self, p: float) -> float:
        return self.minimum * math.exp(min(-math.log1p(-p) / self.alpha, _LARGEST_POWER))


@dataclass(frozen=True, slots=True)
class Quantiles(Distribution):
    """A table of percentiles with straight lines between them.

    Below the first and above the last percentile the value stays at theirs.
    """

    shares: tuple[float, ...]
    seconds: tuple[float, ...]

    @classmethod
    def through(cls, points: Sequence[Point]) -> Quantiles:
        return cls(tuple(p for p, _ in points), tuple(x for _, x in points))

    def quantile(self, p: float) -> float:
        shares, seconds = self.shares, self.seconds
        i = bisect_right(shares, p)
        if i == 0:
            return seconds[0]
        if i == len(shares):
            return seconds[-1]
        part = (p - shares[i - 1]) / (shares[i] - shares[i - 1])
        return seconds[i - 1] + part * (seconds[i] - seconds[i - 1])
