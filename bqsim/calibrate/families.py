"""Families of distributions, fitted by maximum likelihood: those that scenarios can describe.

A fitted family has the scenario's description, and the logarithm of its density and its distribution function
for arrays of seconds. All values are positive.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bqsim.sim.latency.gamma import LARGEST_SHAPE, LEAST_SHAPE, log_tails
from bqsim.sim.scenario import latency as described

Array = Any

_ROOT_2PI = math.sqrt(2.0 * math.pi)
_LEAST_SIGMA = 1e-4
_TINY = 1e-300
# Points of the table of an empirical distribution.
_SHARES = (0.001, 0.01, 0.05, *(n / 20 for n in range(2, 19)), 0.95, 0.98, 0.99, 0.999)


@dataclass(frozen=True, slots=True)
class Fitted:
    """A fitted distribution. ``cdf`` is P(X <= x)."""

    family: str
    distribution: Any
    log_density: Callable[[Array], Array]
    cdf: Callable[[Array], Array]


def _normal_cdf(z: Array) -> Array:
    return 0.5 * np.vectorize(math.erfc, otypes=[float])(-z / math.sqrt(2.0))


def lognormal(x: Array) -> Fitted:
    """Median and deviation of the logarithm."""
    logs = np.log(x)
    return _lognormal(float(logs.mean()), max(float(logs.std()), _LEAST_SIGMA))


def _lognormal(mu: float, sigma: float) -> Fitted:
    return Fitted(
        "lognormal",
        described.Lognormal(median_s=math.exp(mu), sigma=sigma),
        lambda v: -0.5 * ((np.log(v) - mu) / sigma) ** 2 - np.log(v * sigma * _ROOT_2PI),
        lambda v: _normal_cdf((np.log(np.maximum(v, _TINY)) - mu) / sigma),
    )


def normal(x: Array) -> Fitted:
    """Mean and deviation; ValueError where much of it would be below 0."""
    mean, deviation = float(x.mean()), max(float(x.std()), 1e-9)
    if mean < 3.0 * deviation:
        raise ValueError("too much of a normal distribution would be below 0")
    return Fitted(
        "normal",
        described.Normal(mean_s=mean, deviation_s=deviation),
        lambda v: -0.5 * ((v - mean) / deviation) ** 2 - math.log(deviation * _ROOT_2PI),
        lambda v: _normal_cdf((v - mean) / deviation),
    )


def exponential(x: Array) -> Fitted:
    """The mean."""
    mean = float(x.mean())
    return Fitted(
        "exponential",
        described.Exponential(mean),
        lambda v: -v / mean - math.log(mean),
        lambda v: -np.expm1(-v / mean),
    )


def gamma(x: Array) -> Fitted:
    """Mean and shape, by Newton's method on the likelihood's derivative."""
    mean = float(x.mean())
    s = math.log(mean) - float(np.log(x).mean())
    if s <= 0.0:
        raise ValueError("all values are the same")
    shape = (3.0 - s + math.sqrt((s - 3.0) ** 2 + 24.0 * s)) / (12.0 * s)
    for _ in range(30):
        slope = 1.0 / shape - _trigamma(shape)
        move = (math.log(shape) - _digamma(shape) - s) / slope
        shape = max(shape - move, shape / 2.0)
        if abs(move) < 1e-10 * shape:
            break
    if not LEAST_SHAPE < shape < LARGEST_SHAPE:
        raise ValueError("the shape is out of range")
    scale = mean / shape
    constant = math.lgamma(shape) + shape * math.log(scale)
    tails = np.vectorize(lambda v: math.exp(log_tails(shape, math.log(max(v / scale, _TINY)))[0]))
    return Fitted(
        "gamma",
        described.Gamma(mean_s=mean, shape=shape),
        lambda v: (shape - 1.0) * np.log(v) - v / scale - constant,
        lambda v: np.asarray(tails(v), dtype=float),
    )


def pareto(x: Array) -> Fitted:
    """The least value and the tail's index."""
    # The least of n values lies above the minimum by its n-th part of the index.
    count, least = len(x), float(x.min())
    total = float(np.log(x / least).sum())
    if total <= 0.0 or count < 3:
        raise ValueError("all values are the same")
    alpha = (count - 2) / total
    minimum = least * (1.0 - 1.0 / (count * alpha)) if count * alpha > 1.0 else least
    if minimum <= 0.0:
        raise ValueError("there is no minimum")
    # A held-out value below the minimum is improbable, not impossible.
    return Fitted(
        "pareto",
        described.Pareto(minimum_s=minimum, alpha=alpha),
        lambda v: np.where(
            v >= minimum, math.log(alpha) + alpha * math.log(minimum) - (alpha + 1.0) * np.log(v), -50.0
        ),
        lambda v: np.where(v >= minimum, 1.0 - (minimum / np.maximum(v, minimum)) ** alpha, 0.0),
    )


def two_lognormals(x: Array) -> Fitted:
    """A mixture of two lognormals, by expectation and maximisation; ValueError where one is enough."""
    logs = np.log(x)
    low, high = np.quantile(logs, [0.25, 0.75])
    if high - low < _LEAST_SIGMA:
        raise ValueError("the values are too close")
    mu = np.array([low, high])
    sigma = np.full(2, max(float(logs.std()) / 2.0, _LEAST_SIGMA))
    weight = np.array([0.5, 0.5])
    for _ in range(200):
        density = weight * np.exp(-0.5 * ((logs[:, None] - mu) / sigma) ** 2) / (sigma * _ROOT_2PI)
        share = density / np.maximum(density.sum(axis=1, keepdims=True), _TINY)
        count = share.sum(axis=0)
        if count.min() < 3.0:
            raise ValueError("one lognormal is enough")
        before = mu
        mu = (share * logs[:, None]).sum(axis=0) / count
        sigma = np.sqrt((share * (logs[:, None] - mu) ** 2).sum(axis=0) / count)
        sigma = np.maximum(sigma, float(logs.std()) / 50.0)
        weight = count / len(x)
        if np.abs(mu - before).max() < 1e-7:
            break
    return mixture(
        "two lognormals",
        [(float(w), _lognormal(float(m), float(s))) for w, m, s in zip(weight, mu, sigma, strict=True)],
    )


def mixture(name: str, parts: list[tuple[float, Fitted]]) -> Fitted:
    """One of several, by weight."""

    def log_density(v: Array) -> Array:
        total = sum(weight * np.exp(part.log_density(v)) for weight, part in parts)
        return np.log(np.maximum(total, _TINY))

    return Fitted(
        name,
        described.Mixture(tuple(described.Part(weight, part.distribution) for weight, part in parts)),
        log_density,
        lambda v: sum(weight * part.cdf(v) for weight, part in parts),
    )


def fixed(seconds: float) -> Fitted:
    """One value."""
    return Fitted(
        "fixed",
        described.Fixed(seconds),
        lambda v: np.where(np.abs(v - seconds) < 5e-4, 0.0, -50.0),
        lambda v: (v >= seconds).astype(float),
    )


def quantiles(x: Array) -> Fitted:
    """The table of the values themselves."""
    shares = np.array([s for s in _SHARES if s * len(x) >= 0.5 and (1.0 - s) * len(x) >= 0.5])
    seconds = np.maximum.accumulate(np.quantile(x, shares))
    ends = np.concatenate(([0.0], shares, [1.0]))
    values = np.concatenate(([min(float(x.min()), seconds[0])], seconds, [max(float(x.max()), seconds[-1])]))

    def log_density(v: Array) -> Array:
        place = np.clip(np.searchsorted(values, v, side="right") - 1, 0, len(values) - 2)
        width = np.maximum(values[place + 1] - values[place], 1e-6)
        inside = (v >= values[0]) & (v <= values[-1])
        return np.where(inside, np.log(np.maximum(ends[place + 1] - ends[place], _TINY) / width), -20.0)

    return Fitted(
        "quantiles",
        described.Quantiles(
            tuple(described.Quantile(float(s), float(v)) for s, v in zip(shares, seconds, strict=True))
        ),
        log_density,
        lambda v: np.interp(v, seconds, shares, left=0.0, right=1.0),
    )


FAMILIES: Mapping[str, Callable[[Array], Fitted]] = {
    "lognormal": lognormal,
    "gamma": gamma,
    "normal": normal,
    "exponential": exponential,
    "pareto": pareto,
    "two lognormals": two_lognormals,
}
# Families of many parameters need as many samples.
LEAST_SAMPLES = {"two lognormals": 100, "quantiles": 100}


def _digamma(x: float) -> float:
    found = 0.0
    while x < 8.0:
        found -= 1.0 / x
        x += 1.0
    y = 1.0 / (x * x)
    return found + math.log(x) - 0.5 / x - y * (1 / 12 - y * (1 / 120 - y * (1 / 252 - y / 240)))


def _trigamma(x: float) -> float:
    found = 0.0
    while x < 8.0:
        found += 1.0 / (x * x)
        x += 1.0
    y = 1.0 / (x * x)
    return found + 1.0 / x + y / 2 + y / x * (1 / 6 - y * (1 / 30 - y * (1 / 42 - y / 30)))


def kolmogorov(cdf: Callable[[Array], Array], x: Array) -> tuple[float, float]:
    """The largest distance of a distribution function from that of the values ``x``, and the share of samples
    of it that would be as far off."""
    values = np.sort(x)
    count = len(values)
    found = np.asarray(cdf(values), dtype=float)
    # Values that are the same count together.
    upper = np.searchsorted(values, values, side="right") / count
    lower = np.searchsorted(values, values, side="left") / count
    below = np.asarray(cdf(np.nextafter(values, -np.inf)), dtype=float)
    distance = float(max(np.abs(upper - found).max(), np.abs(lower - below).max()))
    root = math.sqrt(count)
    t = (root + 0.12 + 0.11 / root) * distance
    if t < 0.3:
        return distance, 1.0
    tail = 2.0 * sum((-1) ** (k - 1) * math.exp(-2.0 * k * k * t * t) for k in range(1, 101))
    return distance, min(max(tail, 0.0), 1.0)
