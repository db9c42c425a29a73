"""Latencies that come in spells: correlated scores under an unchanged distribution.

A model draws by inverting its distribution function at a uniform. Here that uniform is the normal
distribution function of a standard normal score, and the scores follow a first-order autoregression. Each
score is exactly standard normal, so every single latency keeps the model's distribution exactly.

Scores are pure functions of their key: none depends on what was drawn before, in which order or thread.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

from bqsim.sim.draws import Stream, Uniforms

from .base import Latency, Load

LARGEST_CORRELATION = 0.999

_NORMAL = NormalDist()
_FORGOTTEN = 1e-4
_LEAST_BLOCK = 64
_GRID = 4
_BLOCKS_KEPT = 256
_INSIDE = 1.0 - 2.0**-53


@dataclass(frozen=True, slots=True)
class Correlated:
    """Each value correlates with the one before: scores of occurrences n and n + k by ``correlation ** k``.

    ``correlation`` lies between -0.999 and 0.999, or is 1: then all values of a fingerprint are the same.
    Draws are keyed by a running count (``ordered``). Correlations are exact to 1e-4, the distribution to
    the last digit.
    """

    model: Latency
    correlation: float

    @property
    def ordered(self) -> bool:
        return True

    def draw(self, u: Uniforms, context: Load) -> float:
        return self.model.draw(_Successive(u, self.correlation), context)


@dataclass(frozen=True, slots=True)
class CorrelatedInTime:
    """Values at near times resemble each other, whoever asks.

    ``share`` of each score's variance comes from a process that all draws of the rule share and that
    forgets itself with the time constant ``over_s``: scores at times s and t correlate by about
    ``share * exp(-abs(s - t) / over_s)``.
    """

    model: Latency
    over_s: float
    share: float = 0.5

    @property
    def ordered(self) -> bool:
        return self.model.ordered

    def draw(self, u: Uniforms, context: Load) -> float:
        return self.model.draw(_Shared(u, context.time_s / self.over_s, self.share), context)


class _Successive(Uniforms):
    __slots__ = ("_correlation",)

    def __init__(self, u: Uniforms, correlation: float) -> None:
        super().__init__(u.stream, u.fingerprint, u.occurrence)
        self._correlation = correlation

    def take(self) -> float:
        index = self._taken
        self._taken = index + 1
        return _share(_score(self.stream, self.fingerprint, index, self._correlation, self.occurrence))


class _Shared(Uniforms):
    __slots__ = ("_moment", "_own", "_part")

    def __init__(self, u: Uniforms, moment: float, part: float) -> None:
        super().__init__(u.stream, u.fingerprint, u.occurrence)
        self._own = u
        self._moment = moment * _GRID
        self._part = part

    def take(self) -> float:
        index = self._taken
        self._taken = index + 1
        common = _between(self.stream, index, self._moment)
        own = _NORMAL.inv_cdf(self._own.take())
        return _share(math.sqrt(self._part) * common + math.sqrt(1.0 - self._part) * own)


def _share(score: float) -> float:
    """The uniform of a standard normal score, inside (0, 1)."""
    return min(max(0.5 * math.erfc(-score / math.sqrt(2.0)), 2.0**-60), _INSIDE)


def _between(stream: Stream, index: int, moment: float) -> float:
    """The shared process between two points of its grid: interpolated, with its variance restored."""
    tick = math.floor(moment)
    part = moment - tick
    step = math.exp(-1.0 / _GRID)
    first, second = (_score(stream, "\x00time", index, step, tick + i) for i in (0, 1))
    rest = 1.0 - part
    return (rest * first + part * second) / math.sqrt(rest * rest + part * part + 2.0 * part * rest * step)


def _score(stream: Stream, fingerprint: str, index: int, correlation: float, n: int) -> float:
    if correlation == 1.0:
        return _innovation(stream, fingerprint, index, 0)
    run_in = _run_in(correlation)
    size = max(_LEAST_BLOCK, run_in)
    return _scores(stream, fingerprint, index, correlation, n // size)[n % size]


def _run_in(correlation: float) -> int:
    """Steps after which a score is forgotten."""
    return math.ceil(math.log(_FORGOTTEN) / math.log(abs(correlation))) if correlation else 0


@lru_cache(maxsize=_BLOCKS_KEPT)
def _scores(
    stream: Stream, fingerprint: str, index: int, correlation: float, block: int
) -> tuple[float, ...]:
    """The scores of one block of occurrences; the autoregression starts one run-in earlier."""
    run_in = _run_in(correlation)
    size = max(_LEAST_BLOCK, run_in)
    start = block * size
    fresh = math.sqrt(1.0 - correlation * correlation)
    score = _innovation(stream, fingerprint, index, start - run_in)
    scores = [score]
    for n in range(start - run_in + 1, start + size):
        score = correlation * score + fresh * _innovation(stream, fingerprint, index, n)
        scores.append(score)
    return tuple(scores[run_in:])


def _innovation(stream: Stream, fingerprint: str, index: int, n: int) -> float:
    bits = stream.block(fingerprint, n, index >> 3)[index & 7]
    return _NORMAL.inv_cdf(((bits >> 12) + 0.5) * 2.0**-52)
