"""Goodness of fit: the Kolmogorov-Smirnov statistic of seeded draws against an independent function."""

from __future__ import annotations

import math
from collections.abc import Callable

from bqsim.sim.draws import Stream
from bqsim.sim.latency import NO_LOAD, Latency, Load

DRAWS = 20_000
SEED = 20260808
# The asymptotic critical value of sqrt(n) * D at the 1 % level.
CRITICAL = 1.62762


def drawn(model: Latency, count: int = DRAWS, load: Load = NO_LOAD, rule: str = "fit") -> list[float]:
    stream = Stream(SEED, rule)
    return [model.draw(stream.uniforms("", n), load) for n in range(count)]


def ks(values: list[float], below: Callable[[float], float]) -> float:
    """sqrt(n) times the largest distance; right for distributions with atoms too."""
    values = sorted(values)
    n = len(values)
    largest = 0.0
    i = 0
    while i < n:
        j = i
        while j < n and values[j] == values[i]:
            j += 1
        largest = max(largest, abs(j / n - below(values[i])))
        if j == i + 1:
            largest = max(largest, abs(below(values[i]) - i / n))
        i = j
    return largest * math.sqrt(n)


def normal_below(z: float) -> float:
    return 0.5 * math.erfc(-z / math.sqrt(2.0))


def fits(model: Latency, below: Callable[[float], float], load: Load = NO_LOAD) -> bool:
    return ks(drawn(model, load=load), below) < CRITICAL
