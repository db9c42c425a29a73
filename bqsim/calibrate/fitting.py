"""Which latency explains measured times best, judged by times that it has not seen."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bqsim.sim.scenario import latency as described

from .families import (
    FAMILIES,
    LEAST_SAMPLES,
    Array,
    Fitted,
    fixed,
    kolmogorov,
    mixture,
    quantiles,
    two_lognormals,
)

MINIMUM = 30
FOLDS = 5
# Of more samples than these, evenly chosen ones tell as much.
MOST = 4000
MIB = 2.0**20
# The services tell whole milliseconds: less is none.
_NONE_S = 5e-4
# A smaller share of times of none comes from rounding.
_FEW_NONE = 0.02
# The gain in log likelihood that a term of the size must bring (a share of 1 in 1,000 by chance).
_GAIN = 5.4
# A family that samples of it would be this seldom so far off from does not fit.
_REJECTED = 0.01
_STEPS = 40
_QUANTILES = (0.5, 0.9, 0.99)


class TooFew(ValueError):
    """There are too few samples: ``count`` of ``needed``."""

    def __init__(self, count: int, needed: int) -> None:
        super().__init__(f"{count} samples, {needed} are needed")
        self.count, self.needed = count, needed


@dataclass(frozen=True, slots=True)
class Fit:
    """A latency fitted to ``count`` times.

    ``held_out`` is the mean log likelihood of a time that the fit had not seen, ``distance`` and ``share``
    those of Kolmogorov and Smirnov between all such times and their fits. ``errors`` are relative errors of
    the fit's quantiles against those measured. ``spread`` is the relative standard error of the median.
    """

    latency: described.Latency
    family: str
    count: int
    held_out: float
    distance: float
    share: float
    errors: dict[str, float]
    spread: float
    tried: dict[str, float]

    @property
    def confidence(self) -> str:
        """``high``, ``medium`` or ``low``: by samples, and by how well times that were not seen fit."""
        off = max((abs(self.errors[name]) for name in ("p50", "p90") if name in self.errors), default=0.0)
        if self.count >= 200 and (self.share >= 0.05 or self.distance < 0.05) and off < 0.1:
            return "high"
        if self.count >= 60 and (self.share >= _REJECTED or self.distance < 0.1) and off < 0.25:
            return "medium"
        return "low"

    def json(self) -> dict[str, Any]:
        """What was found, for reports."""
        return {
            "family": self.family,
            "samples": self.count,
            "confidence": self.confidence,
            "heldOutLogLikelihood": round(self.held_out, 4),
            "ks": round(self.distance, 4),
            "ksShare": round(self.share, 4),
            "quantileErrors": {name: round(value, 4) for name, value in self.errors.items()},
            "medianStandardError": round(self.spread, 4),
            "tried": {name: round(value, 4) for name, value in self.tried.items()},
        }


@dataclass(frozen=True, slots=True)
class _Whole:
    """A fitted family with its term of the size and its share of no time at all."""

    base: Fitted
    per_byte: float
    none: float

    def score(self, seconds: Array, sizes: Array) -> Array:
        """Log likelihoods."""
        rest = seconds - self.per_byte * sizes
        none = seconds < _NONE_S
        some = self.base.log_density(np.maximum(rest, 1e-9))
        # What the term of the size alone exceeds could not be.
        some = np.where(rest > 0.0, some, -50.0) + math.log(max(1.0 - self.none, 1e-9))
        return np.where(none, math.log(max(self.none, 1e-9)), some)

    def shares(self, seconds: Array, sizes: Array) -> Array:
        """The distribution function at times of sizes."""
        rest = np.maximum(seconds - self.per_byte * sizes, 1e-9)
        return self.none + (1.0 - self.none) * np.asarray(self.base.cdf(rest), dtype=float)


def fit(seconds: Sequence[float], sizes: Sequence[float] | None = None, minimum: int = MINIMUM) -> Fit:
    """The latency that explains ``seconds`` best; ``sizes`` are the bytes that each was about.

    Families are chosen by the likelihood of held-out times; where none fits, a table of quantiles is taken.
    Raises :class:`TooFew` below ``minimum`` samples.
    """
    x = np.asarray(seconds, dtype=float)
    if len(x) < minimum:
        raise TooFew(len(x), minimum)
    size = np.zeros(len(x)) if sizes is None else np.asarray(sizes, dtype=float)
    count = len(x)
    if count > MOST:
        kept = np.linspace(0, count - 1, MOST).astype(int)
        x, size = x[kept], size[kept]
    spread = float(np.ptp(x))
    if spread < 2e-3 and spread <= 0.02 * float(np.median(x)):
        return _constant(x, count)
    if float((x < _NONE_S).mean()) < _FEW_NONE:
        x = np.maximum(x, _NONE_S)
    # Spread over the times in no rhythm that jobs may have.
    folds = (np.arange(len(x), dtype=np.uint64) * np.uint64(2654435761) >> np.uint64(13)) % np.uint64(FOLDS)
    tried: dict[str, float] = {}
    held: dict[str, tuple[Array, Array]] = {}
    for name in (*FAMILIES, "quantiles"):
        if len(x) < LEAST_SAMPLES.get(name, 0):
            continue
        found = _held_out(_maker(name), x, size, folds)
        if found is not None:
            tried[name] = float(found[0].mean())
            held[name] = found
    if not tried:
        return _constant(x, count)
    plain = {name: score for name, score in tried.items() if name != "quantiles"}
    best = max(plain, key=lambda name: plain[name]) if plain else "quantiles"
    # A simpler family is taken unless the mixture explains clearly more.
    simple = {name: score for name, score in plain.items() if name != "two lognormals"}
    if best == "two lognormals" and simple:
        second = max(simple, key=lambda name: simple[name])
        if (plain[best] - plain[second]) * len(x) < _GAIN:
            best = second
    distance, share = _uniform(held[best][1], x)
    if share < _REJECTED and "quantiles" in held and best != "quantiles":
        other, other_share = _uniform(held["quantiles"][1], x)
        if other < 0.8 * distance:
            best, distance, share = "quantiles", other, other_share
    whole = _maker(best)(x, size)
    return Fit(
        _latency(whole),
        best,
        count,
        tried[best],
        distance,
        share,
        _quantile_errors(whole, x, size),
        _median_spread(x),
        tried,
    )


def _constant(x: Array, count: int) -> Fit:
    seconds = float(np.median(x))
    found = fixed(_rounded(seconds))
    return Fit(described.Latency(found.distribution), "fixed", count, 0.0, 0.0, 1.0, {}, 0.0, {"fixed": 0.0})


def _maker(name: str) -> Callable[[Array, Array], _Whole]:
    make = quantiles if name == "quantiles" else FAMILIES[name]

    def made(x: Array, size: Array) -> _Whole:
        some = x >= _NONE_S
        none = 1.0 - float(some.mean())
        return _sized(make, x[some], size[some], none)

    return made


def _sized(make: Callable[[Array], Fitted], x: Array, size: Array, none: float) -> _Whole:
    """The family with the term of the size that is most likely, if that is likely enough."""
    if len(x) < 3:
        raise ValueError("there are too few times above none")
    plain = make(x)
    if float(np.ptp(size)) < MIB:
        # A trend over less would be carried far beyond what was measured.
        return _Whole(plain, 0.0, none)
    if make in (quantiles, two_lognormals):
        per_byte = _slope(x, size)
        return _Whole(make(x - per_byte * size) if per_byte else plain, per_byte, none)
    with np.errstate(divide="ignore"):
        most = float(np.min(np.where(size > 0, x / np.maximum(size, 1e-9), np.inf)))

    def score(per_byte: float) -> float:
        try:
            return float(make(x - per_byte * size).log_density(x - per_byte * size).sum())
        except ValueError:
            return -math.inf

    # The largest term leaves nothing of one time, whose density may be without bound.
    per_byte = _highest(score, 0.0, most * (1.0 - 1e-3))
    if score(per_byte) - score(0.0) < _GAIN:
        return _Whole(plain, 0.0, none)
    return _Whole(make(x - per_byte * size), per_byte, none)


def _slope(x: Array, size: Array) -> float:
    """The term of the size that leaves the rest without a trend, as far as all of it stays positive."""
    varied = float(np.var(size))
    if varied == 0.0:
        return 0.0
    slope = float(np.mean((x - x.mean()) * (size - size.mean()))) / varied
    with np.errstate(divide="ignore"):
        most = float(np.min(np.where(size > 0, x / np.maximum(size, 1e-9), np.inf)))
    correlation = slope * math.sqrt(varied) / max(float(x.std()), 1e-12)
    return min(max(slope, 0.0), 0.999 * most) if correlation**2 * len(x) > 2 * _GAIN else 0.0


def _highest(score: Callable[[float], float], low: float, high: float) -> float:
    """Where a function of one hill is highest (golden section)."""
    ratio = (math.sqrt(5.0) - 1.0) / 2.0
    a, b = high - ratio * (high - low), low + ratio * (high - low)
    at_a, at_b = score(a), score(b)
    for _ in range(_STEPS):
        if at_a >= at_b:
            high, b, at_b = b, a, at_a
            a = high - ratio * (high - low)
            at_a = score(a)
        else:
            low, a, at_a = a, b, at_b
            b = low + ratio * (high - low)
            at_b = score(b)
    return (low + high) / 2.0


def _held_out(
    make: Callable[[Array, Array], _Whole], x: Array, size: Array, folds: Array
) -> tuple[Array, Array] | None:
    """Log likelihood and share of each time by the fit of the other folds; None where there is no fit."""
    scores, shares = np.empty(len(x)), np.empty(len(x))
    for fold in range(FOLDS):
        out = folds == fold
        try:
            whole = make(x[~out], size[~out])
        except (ValueError, OverflowError, ZeroDivisionError):
            return None
        scores[out] = whole.score(x[out], size[out])
        shares[out] = whole.shares(x[out], size[out])
    return (scores, shares) if np.isfinite(scores).all() else None


def _uniform(shares: Array, x: Array) -> tuple[float, float]:
    """How far the shares of held-out times are from evenly spread. Times of none have one share."""
    some = x >= _NONE_S
    if not some.any():
        return 0.0, 1.0
    kept = shares[some]
    none = 1.0 - float(some.mean())
    even = np.clip((kept - none) / max(1.0 - none, 1e-9), 0.0, 1.0)
    return kolmogorov(lambda v: np.clip(v, 0.0, 1.0), even)


def _latency(whole: _Whole) -> described.Latency:
    base = whole.base
    if whole.none > 0.0:
        base = mixture(base.family, [(whole.none, fixed(0.0)), (1.0 - whole.none, base)])
    return described.Latency(rounded(base.distribution), per_mib_s=_rounded(whole.per_byte * MIB, 4))


def _quantile_errors(whole: _Whole, x: Array, size: Array) -> dict[str, float]:
    """Relative errors of the fit's quantiles over the sizes of these times."""
    grid = np.sort(x)
    # The share of all times, whatever their size, that the fit puts below each time.
    some = size[:: max(1, len(size) // 200)]
    below = np.array([float(whole.shares(np.full(len(some), v), some).mean()) for v in _thinned(grid)])
    values = _thinned(grid)
    found = {}
    for share in _QUANTILES:
        if (1.0 - share) * len(x) < 1.0:
            continue
        measured = float(np.quantile(x, share))
        fitted = float(np.interp(share, np.maximum.accumulate(below), values))
        if measured > _NONE_S:
            found[f"p{round(share * 100)}"] = fitted / measured - 1.0
    return found


def _thinned(values: Array) -> Array:
    return values if len(values) <= 400 else values[np.linspace(0, len(values) - 1, 400).astype(int)]


def _median_spread(x: Array) -> float:
    """The relative standard error of the median, from the order of the values."""
    values, count = np.sort(x), len(x)
    half = 0.98 * math.sqrt(count)
    low = values[max(0, math.floor(count / 2 - half))]
    high = values[min(count - 1, math.ceil(count / 2 + half))]
    middle = float(np.median(x))
    return float(high - low) / (2.0 * 1.96 * middle) if middle > 0.0 else 0.0


def rounded(value: Any) -> Any:
    """A distribution with numbers of six digits, which is more than samples tell."""
    changes: dict[str, Any] = {}
    for name in value.__dataclass_fields__:
        item = getattr(value, name)
        if isinstance(item, float):
            changes[name] = _rounded(item)
        elif isinstance(item, tuple):
            changes[name] = tuple(rounded(one) for one in item)
        elif hasattr(item, "__dataclass_fields__"):
            changes[name] = rounded(item)
    return replace(value, **changes)


def _rounded(value: float, digits: int = 6) -> float:
    return float(f"{value:.{digits}g}")
