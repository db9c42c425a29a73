"""Comparing figures that differ from run to run: medians, and how sure a difference is.

History-based optimisation makes later runs of a query cheaper than its first ones, so the first are left out;
and slot time has outliers, so medians and their deviation (MAD) are compared, not means. One run tells
nothing: below ``least`` runs on either side there is no verdict.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from statistics import median

# What makes a MAD comparable with a standard deviation.
_MAD_SCALE = 1.4826
# Up to so many pairs of runs the chance is counted out, beyond that by the normal form.
_EXACT = 400


@dataclass(frozen=True, slots=True)
class Spread:
    """A distribution in short: how many runs, their median, the median distance from it, and quantiles."""

    n: int
    median: float
    mad: float
    low: float
    high: float

    @property
    def relative(self) -> float:
        """The MAD as a share of the median."""
        return self.mad / self.median if self.median else 0.0


def spread(values: Sequence[float]) -> Spread:
    """The distribution of ``values``; ``low`` and ``high`` are the 10th and 90th percentile."""
    if not values:
        return Spread(0, 0.0, 0.0, 0.0, 0.0)
    middle = median(values)
    return Spread(
        len(values),
        middle,
        median(abs(v - middle) for v in values),
        quantile(values, 0.1),
        quantile(values, 0.9),
    )


def quantile(values: Sequence[float], share: float) -> float:
    """A quantile, between neighbours by their distance."""
    ordered = sorted(values)
    if not ordered:
        return 0.0
    at = share * (len(ordered) - 1)
    below = math.floor(at)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (at - below)


@dataclass(frozen=True, slots=True)
class Rules:
    """How sure is sure: runs to leave out at the begin, runs needed after that, confidence (0 to 1), the
    least change as a share, and how many MADs (scaled to standard deviations) it must be."""

    discard: int = 2
    least: int = 5
    confidence: float = 0.95
    relative: float = 0.1
    deviations: float = 1.0


# What a comparison may say.
RISEN, FALLEN, SAME, UNDECIDED = "risen", "fallen", "same", "undecided"


@dataclass(frozen=True, slots=True)
class Comparison:
    """``verdict`` is risen, fallen, same or undecided (then ``why`` says what is missing); ``confidence``
    that the later runs are above (or below) the earlier ones; ``ratio`` of medians less one; ``interval`` of
    the difference of medians, of the rules' confidence."""

    verdict: str
    before: Spread
    after: Spread
    confidence: float = 0.0
    ratio: float = 0.0
    interval: tuple[float, float] = (0.0, 0.0)
    why: str = ""


def compare(before: Sequence[float], after: Sequence[float], rules: Rules | None = None) -> Comparison:
    """Compare runs, given in the order in which they ran."""
    rules = rules or Rules()
    kept, new = list(before[rules.discard :]), list(after[rules.discard :])
    old_spread, new_spread = spread(kept), spread(new)
    if min(len(kept), len(new)) < max(rules.least, 2):
        need = max(rules.least, 2) + rules.discard
        why = f"{need} runs are needed on either side, there are {len(before)} and {len(after)}"
        return Comparison(UNDECIDED, old_spread, new_spread, why=why)
    change = new_spread.median - old_spread.median
    ratio = change / old_spread.median if old_spread.median else (math.inf if change else 0.0)
    confidence = 1 - chance_above(kept, new) if change >= 0 else 1 - chance_above(new, kept)
    interval = differences(kept, new, rules.confidence)
    noise = _MAD_SCALE * max(old_spread.mad, new_spread.mad)
    found = Comparison(SAME, old_spread, new_spread, confidence, ratio, interval)
    if abs(ratio) < rules.relative or abs(change) < rules.deviations * noise:
        return found
    if confidence < rules.confidence:
        why = f"the confidence is {confidence:.0%}, {rules.confidence:.0%} is needed: more runs may decide"
        return Comparison(UNDECIDED, old_spread, new_spread, confidence, ratio, interval, why)
    return Comparison(RISEN if change > 0 else FALLEN, old_spread, new_spread, confidence, ratio, interval)


def chance_above(low: Sequence[float], high: Sequence[float]) -> float:
    """The chance that ``high`` would stand so far above ``low`` if both were of one distribution: the rank
    sum test of Mann and Whitney, one-sided."""
    n, m = len(low), len(high)
    wins = sum((a < b) + 0.5 * (a == b) for a in low for b in high)
    ties = len({*low, *high}) < n + m
    if not ties and n * m <= _EXACT:
        counts = _counts(n, m)
        return sum(counts[math.ceil(wins) :]) / sum(counts)
    ordered = sorted([*low, *high])
    sizes = [ordered.count(v) for v in set(ordered)]
    total = n + m
    variance = n * m / 12 * ((total + 1) - sum(t**3 - t for t in sizes) / (total * (total - 1)))
    if variance <= 0:
        return 0.5
    return 0.5 * math.erfc((wins - n * m / 2 - 0.5) / math.sqrt(2 * variance))


@cache
def _counts(n: int, m: int) -> tuple[int, ...]:
    """In how many orders of n and m values the second wins 0, 1, … n·m pairs."""
    if n == 0 or m == 0:
        return (1,)
    found = [0] * (n * m + 1)
    for shift, counts in ((m, _counts(n - 1, m)), (0, _counts(n, m - 1))):
        for wins, count in enumerate(counts):
            found[wins + shift] += count
    return tuple(found)


def differences(before: Sequence[float], after: Sequence[float], confidence: float) -> tuple[float, float]:
    """An interval of the shift between two sets of runs: by the ranks of all differences in pairs (Hodges and
    Lehmann)."""
    pairs = sorted(b - a for a in before for b in after)
    n, m = len(before), len(after)
    z = normal_quantile(0.5 + confidence / 2)
    cut = math.floor(n * m / 2 - z * math.sqrt(n * m * (n + m + 1) / 12))
    cut = max(0, min(cut, len(pairs) // 2 - 1 if len(pairs) > 1 else 0))
    return pairs[cut], pairs[-1 - cut]


def normal_quantile(share: float) -> float:
    """The value below which a share of the normal distribution lies."""
    from statistics import NormalDist

    return NormalDist().inv_cdf(share)


def rate_interval(events: int, confidence: float = 0.95) -> tuple[float, float]:
    """An interval of the expected number, when ``events`` were counted that come independently: by the
    distribution of Poisson, approximated as Wilson and Hilferty do."""
    z = normal_quantile(0.5 + confidence / 2)

    def bound(count: float, sign: float) -> float:
        if count <= 0:
            return 0.0
        return float(count * (1 - 1 / (9 * count) + sign * z / (3 * math.sqrt(count))) ** 3)

    return max(0.0, bound(events, -1)), bound(events + 1, 1)
