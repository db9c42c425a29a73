"""Counters over time, block by block: shares of quotas, what waits for a quota, percentiles by weight."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from bqsim.sim.slots.jobs import Floats

# Of what is at its quota to the last digits, the quota is kept.
HAIR = 1e-9
# The bits of a float32 that are left out: what remains is exact to a thousandth.
_COARSE = 13
_LARGEST = float(np.finfo(np.float32).max)


class Levels:
    """How much weight values have, each kept to a thousandth; percentiles by weight."""

    __slots__ = ("_counts", "_low", "_zero", "largest", "total")

    def __init__(self) -> None:
        self._counts: Floats = np.zeros(0)
        self._low = 0
        self._zero = 0.0
        self.largest = 0.0
        self.total = 0.0

    def add(self, values: Floats, weights: Floats | None = None) -> None:
        """Count values of at least 0, each once or with its weight."""
        if not len(values):
            return
        self.total += float(len(values) if weights is None else weights.sum())
        self.largest = max(self.largest, float(values.max()))
        some = values > 0.0
        if not some.all():
            rest = ~some
            self._zero += float(rest.sum() if weights is None else weights[rest].sum())
            values = values[some]
            weights = None if weights is None else weights[some]
            if not len(values):
                return
        at = (np.minimum(values, _LARGEST).astype(np.float32).view(np.int32) >> _COARSE).astype(np.int64)
        low = int(at.min())
        counts = np.bincount(at - low, weights)
        self._reach(low, low + len(counts))
        self._counts[low - self._low : low - self._low + len(counts)] += counts

    def add_zeros(self, weight: float) -> None:
        """Count so much weight of nothing."""
        self.total += weight
        self._zero += weight

    def _reach(self, low: int, high: int) -> None:
        if not len(self._counts):
            self._counts, self._low = np.zeros(high - low), low
            return
        before = max(self._low - low, 0)
        after = max(high - self._low - len(self._counts), 0)
        if before or after:
            self._counts = np.concatenate((np.zeros(before), self._counts, np.zeros(after)))
            self._low -= before

    def percentile(self, percent: float) -> float:
        """The least value that so much of the weight is not above; NaN without any."""
        if not self.total:
            return math.nan
        wanted = self.total * percent / 100.0 * (1.0 - 1e-12)
        if wanted <= self._zero or not len(self._counts):
            return 0.0
        reached = np.cumsum(self._counts) + self._zero
        at = min(int(np.searchsorted(reached, wanted)), len(reached) - 1)
        edge = np.array([(self._low + at + 1) << _COARSE], np.int32).view(np.float32)
        return min(float(edge[0]), self.largest)


class Window:
    """Sums over the last so many seconds."""

    def __init__(self, seconds: int) -> None:
        self._seconds = seconds
        self._before = np.zeros(seconds - 1)

    def sums(self, values: Floats) -> Floats:
        """For each second the sum of it and those before it."""
        if self._seconds == 1:
            return values
        every = np.concatenate((self._before, values))
        held = np.concatenate(([0.0], np.cumsum(every)))
        self._before = every[len(every) - self._seconds + 1 :]
        return np.asarray(np.maximum(held[self._seconds :] - held[: -self._seconds], 0.0))


class Queue:
    """A fluid that is let through at ``rate`` a second, ``depth`` of it at once: a bucket that refills
    evenly, and those who were turned away and come again until they are let in."""

    def __init__(self, rate: float, depth: float) -> None:
        self.rate, self.depth = rate, depth
        self.level = 0.0

    def waiting(self, values: Floats) -> Floats | None:
        """How much waits at the end of each second; None where nothing does or did."""
        waited = self.level > self.depth
        if self.level == 0.0 and float(values.max(initial=0.0)) <= self.rate:
            return None
        reached = self.level + np.cumsum(values - self.rate)
        level = reached - np.minimum(np.minimum.accumulate(reached), 0.0)
        self.level = float(level[-1])
        # Sums of large figures are off in their last digits.
        least = HAIR * max(self.depth, self.rate)
        if not waited and float(level.max()) <= self.depth + least:
            return None
        return np.where(level > self.depth + least, level - self.depth, 0.0)


class Buckets:
    """The largest values by stretch of time, at most so many stretches."""

    def __init__(self, seconds: int, most: int) -> None:
        self.length = max(1, -(-seconds // most))
        self.values = np.zeros(max(1, -(-seconds // self.length)))
        self._at = 0

    def add(self, values: Floats) -> None:
        """The values of the next seconds."""
        if not len(values):
            return
        at = (self._at + np.arange(len(values))) // self.length
        first = np.flatnonzero(np.diff(at, prepend=-1))
        np.maximum.at(self.values, at[first], np.maximum.reduceat(values, first))
        self._at += len(values)

    def told(self) -> Sequence[float]:
        return [float(one) for one in self.values]
