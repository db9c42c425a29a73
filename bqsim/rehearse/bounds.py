"""How much days alone would change what is measured: bounds by drawing as many days again, with replacement.

Days are taken as they come, each as likely as any other: weekends are as rare or frequent as by chance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from bqsim.sim.slots.seeds import generator

from .histogram import Histogram, highest, ranks_at

Floats = NDArray[np.float64]

LEAST_DAYS = 3
LEVEL = 0.9
DRAWS = 1000
# What is bounded, by the names that results use.
DURATIONS: Mapping[str, float] = {"p50_duration_s": 50.0, "p95_duration_s": 95.0, "p99_duration_s": 99.0}
COST = "cost_per_day"
_AT_ONCE = 50


def note(days: float) -> str:
    """Why there are no bounds; ``''`` when there are days enough."""
    if days >= LEAST_DAYS:
        return ""
    return f"no bounds: they take at least {LEAST_DAYS} whole days to draw from, and {days:g} were rehearsed"


def bounds(
    durations: Sequence[Histogram], costs: Sequence[float], seed: int
) -> dict[str, tuple[float, float]]:
    """The bounds (90 %) of percentiles of durations and of the cost a day, of what each whole day had.

    Nothing with fewer than three days, and none of durations when no job ended well.
    """
    days = len(costs)
    if days < LEAST_DAYS:
        return {}
    drawn = generator(seed, "bounds").multinomial(days, np.full(days, 1 / days), DRAWS).astype(np.float64)
    found = _of_durations(durations, drawn)
    found[COST] = _between((drawn * np.asarray(costs, np.float64)).sum(axis=1) / days)
    return found


def _of_durations(durations: Sequence[Histogram], drawn: Floats) -> dict[str, tuple[float, float]]:
    days = [one.filled() for one in durations]
    filled = np.unique(np.concatenate([at for at, _ in days]))
    if not filled.size:
        return {}
    counts = np.zeros((len(days), len(filled)))
    for row, (at, some) in zip(counts, days, strict=True):
        row[np.searchsorted(filled, at)] = some
    cumulative = np.cumsum(counts, axis=1)
    largest = max(one.largest for one in durations if one.count)
    values = np.minimum(highest(filled) / 1e6, largest)
    percentiles = tuple(DURATIONS.values())
    picked = []
    for start in range(0, len(drawn), _AT_ONCE):
        # Whole numbers, so that the order of the sums does not matter.
        for row in drawn[start : start + _AT_ONCE] @ cumulative:
            if row[-1] >= 1:
                picked.append(values[np.searchsorted(row, ranks_at(percentiles, int(row[-1])))])
    columns = np.asarray(picked).T
    return {name: _between(column) for name, column in zip(DURATIONS, columns, strict=True)}


def _between(values: Floats) -> tuple[float, float]:
    """The bounds of the middle 90 %, values that were drawn."""
    low, high = np.quantile(values, ((1 - LEVEL) / 2, (1 + LEVEL) / 2), method="closest_observation")
    return float(low), float(high)
