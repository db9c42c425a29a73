"""How much days alone would change what is measured: bounds by drawing as many days again, with replacement.

Days are taken as they come, each as likely as any other: weekends are as rare or frequent as by chance.
Where a workload has weekdays, and two weeks of them, each day is drawn from those of its own weekday instead,
so that every draw has as many Sundays as there were.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import lcm

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bqsim.sim.slots.seeds import generator

from .histogram import Histogram, highest, ranks_at

Floats = NDArray[np.float64]

LEAST_DAYS = 3
WEEK = 7
LEAST_WEEKS = 2
LEVEL = 0.9
DRAWS = 1000
BY_DAY, BY_WEEKDAY = "day", "weekday"
# What is bounded, by the names that results use.
DURATIONS: Mapping[str, float] = {"p50_duration_s": 50.0, "p95_duration_s": 95.0, "p99_duration_s": 99.0}
COST = "cost_per_day"
_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Days:
    """What each whole day had: durations, and its cost. ``billed`` is what of the days is paid for together:
    ``paid`` makes money of what a day has of it on average. ``weekly``: every seventh day is of a kind."""

    durations: Sequence[Histogram]
    costs: Sequence[float]
    weekly: bool = False
    billed: ArrayLike = ()
    paid: Callable[[Floats], Floats] | None = None


def note(days: float) -> str:
    """Why there are no bounds; ``''`` when there are days enough."""
    if days >= LEAST_DAYS:
        return ""
    were = "was" if days == 1 else "were"
    least = f"at least {LEAST_DAYS} whole days"
    return f"no bounds: they take {least} to draw from, and {days:.3g} {were} rehearsed"


def drawn_by(days: int, weekly: bool) -> str:
    """How so many whole days are drawn; ``''`` for not at all."""
    if days < LEAST_DAYS:
        return ""
    return BY_WEEKDAY if weekly and days >= LEAST_WEEKS * WEEK else BY_DAY


def bounds(of: Days, seed: int) -> dict[str, tuple[float, float]]:
    """The bounds (90 %) of percentiles of durations and of the cost a day.

    Nothing with fewer than three days, and none of durations when no job ended well.
    """
    days = len(of.costs)
    by = drawn_by(days, of.weekly)
    if not by:
        return {}
    drawn, times = _by_weekday(days, seed) if by == BY_WEEKDAY else (_by_day(days, seed), 1)
    found = _of_durations(of.durations, drawn)
    means = _means(drawn, np.asarray(of.costs, np.float64), times)
    if of.paid is not None:
        means = means + of.paid(_means(drawn, np.asarray(of.billed, np.float64), times))
    found[COST] = _between(means)
    return found


def _means(drawn: Floats, column: Floats, times: int) -> Floats:
    return np.asarray((drawn * column).sum(axis=1) / (len(column) * times), np.float64)


def _by_day(days: int, seed: int) -> Floats:
    """How often each day is drawn, by draw."""
    return generator(seed, "bounds").multinomial(days, np.full(days, 1 / days), DRAWS).astype(np.float64)


def _by_weekday(days: int, seed: int) -> tuple[Floats, int]:
    """The same of days from their own weekdays, and how many times too often.

    Of ``n`` days of a weekday ``n - 1`` are drawn and count ``n / (n - 1)`` times each: with few of them, as
    many draws as days would make bounds too narrow (of two, by half of the variance). All counts are
    multiplied by the same number, so that they are whole.
    """
    draw = generator(seed, "bounds by weekday")
    sizes = [len(range(at, days, WEEK)) for at in range(WEEK)]
    times = lcm(*(size - 1 for size in sizes))
    found = np.zeros((DRAWS, days))
    for at, size in enumerate(sizes):
        some = draw.multinomial(size - 1, np.full(size, 1 / size), DRAWS)
        found[:, at::WEEK] = some * (size * times // (size - 1))
    return found, times


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
