"""Which part of a run slots do not explain: what a job would run for even with all the slots it can use.

Of a run that was not held up, that is all beyond the work of its stages. Where jobs waited for each other's
slots, the rest of a run is mostly that, and counts as floor only as far as the stages' own times, or the
quickest runs of the same query, show it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bqsim.sim.slots.jobs import Floats, Ints

Truths = NDArray[np.bool_]

# So many runs tell something of a pool.
_LEAST_RUNS = 20
# From this rank correlation on, runs that meet more others take longer by more than chance.
_HELD_UP = 0.3
# Runs that waited so long for their start were queued; a pool in which so many did was full.
_WAITED_MS, _QUEUED_SHARE = 1_000.0, 0.05
# The share of the runs of a query that are quick: those that were hardly held up.
_QUICK = 0.25
# Runs that were capped: so many of the slot time at rates within so much of the highest.
_CAPPED_SHARE, _CAPPED_WITHIN = 0.5, 0.05


@dataclass(frozen=True, slots=True)
class Runs:
    """Recorded runs as columns. Times are milliseconds since the begin, NaN where they are not known;
    ``ideal_ms`` is how long the plan takes with all slots that it can use, ``outside_ms`` the part of the run
    in which no stage was at work. ``pool`` numbers what shares slots, ``kind`` what repeats (-1: nothing);
    ``planned``: the export told stages."""

    at_ms: Floats
    start_ms: Floats
    end_ms: Floats
    slot_ms: Floats
    ideal_ms: Floats
    outside_ms: Floats
    pool: NDArray[np.int32]
    kind: NDArray[np.int32]
    planned: Truths

    @property
    def run_ms(self) -> Floats:
        """How long each ran; NaN where that is not known."""
        return self.end_ms - self.start_ms

    def __len__(self) -> int:
        return len(self.at_ms)


def floors(runs: Runs, held_up: Truths) -> Floats:
    """The floor of each run, at least 0; ``held_up``: of those that are :func:`contended`."""
    run = runs.run_ms
    gap = np.nan_to_num(np.maximum(run - runs.ideal_ms, 0.0))
    held_up = held_up & (runs.slot_ms > 0)
    if not held_up.any():
        return gap
    quick = by_kind(runs, gap, held_up, _QUICK)
    shown = np.where(np.isnan(runs.outside_ms), quick, runs.outside_ms)
    return np.where(held_up, np.minimum(gap, shown), gap)


def widths(runs: Runs, held_up: Truths, width: Floats) -> Floats:
    """Widths of jobs: of those without stages that were held up, what the quickest runs of the same query
    had."""
    held_up = held_up & (runs.slot_ms > 0) & ~runs.planned
    if not held_up.any():
        return width
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = np.nan_to_num(runs.slot_ms / runs.run_ms, posinf=0.0)
    widest = np.ceil(by_kind(runs, rate, held_up, 1.0 - _QUICK / 2) * (1.0 - 1e-12))
    return np.where(held_up, np.maximum(width, widest), width)


def by_kind(runs: Runs, values: Floats, rows: Truths, share: float) -> Floats:
    """For each row, the value that ``share`` of the rows of its kind have at most, of ``rows`` only; its own
    where it repeats nothing."""
    out = values.copy()
    where = np.flatnonzero(rows & (runs.kind >= 0))
    if not len(where):
        return out
    order = where[np.lexsort((values[where], runs.kind[where]))]
    kinds = runs.kind[order]
    begins = np.flatnonzero(np.r_[True, kinds[1:] != kinds[:-1]])
    sizes = np.diff(np.r_[begins, len(order)])
    chosen = order[begins + np.floor((sizes - 1) * share).astype(np.int64)]
    out[order] = np.repeat(values[chosen], sizes)
    return out


def contended(runs: Runs) -> Truths:
    """Which runs are of a pool whose jobs waited for each other's slots, or for more than it had."""
    out = np.zeros(len(runs), np.bool_)
    timed = (runs.run_ms > 0) & (runs.slot_ms > 0)
    order = np.argsort(runs.pool, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(runs.pool[order])) + 1):
        own = rows[timed[rows]]
        if len(own) >= _LEAST_RUNS and (_queued(runs, own) or _slowed(runs, own) or _capped(runs, own)):
            out[rows] = True
    return out


def _queued(runs: Runs, rows: Ints) -> bool:
    """Whether runs waited for their start more often than by chance."""
    waited = runs.start_ms[rows] - runs.at_ms[rows] > _WAITED_MS
    return float(waited.mean()) >= _QUEUED_SHARE


def _slowed(runs: Runs, rows: Ints) -> bool:
    """Whether runs that met more others took longer than others of their kind."""
    run = runs.run_ms[rows]
    others = _met(runs.start_ms[rows], runs.end_ms[rows]) - 1.0
    work = np.where(runs.planned[rows], runs.ideal_ms[rows], runs.slot_ms[rows])
    slowness = np.log(run / np.maximum(work, 1e-6))
    slowness -= _mean_of_kind(slowness, runs.kind[rows])
    return _correlation(slowness, others) >= _HELD_UP


def _met(start: Floats, end: Floats) -> Floats:
    """How many jobs ran during each run on average, itself too."""
    times = np.concatenate([start, end])
    order = np.argsort(times, kind="stable")
    times = times[order]
    running = np.cumsum(np.where(order < len(start), 1.0, -1.0))
    passed = np.concatenate([[0.0], np.cumsum(running[:-1] * np.diff(times))])
    return np.asarray((np.interp(end, times, passed) - np.interp(start, times, passed)) / (end - start))


def _mean_of_kind(values: Floats, kind: NDArray[np.int32]) -> Floats:
    """The mean of each value's kind; of kinds of one value, and of no kind, the mean of all those."""
    _, number, size = np.unique(kind, return_inverse=True, return_counts=True)
    single = (size[number] < 3) | (kind < 0)
    number = np.where(single, len(size), number)
    total = np.bincount(number, values, len(size) + 1)
    return np.asarray((total / np.maximum(np.bincount(number, minlength=len(size) + 1), 1))[number])


def _correlation(one: Floats, other: Floats) -> float:
    """Spearman's."""
    if np.ptp(one) < 1e-9 or np.ptp(other) < 1e-9:
        return 0.0
    found = np.asarray(np.corrcoef(np.stack([_ranks(one), _ranks(other)])))
    return float(found[0, 1])


def _ranks(values: Floats) -> Floats:
    return np.argsort(np.argsort(np.round(values, 9), kind="stable"), kind="stable").astype(np.float64)


def _capped(runs: Runs, rows: Ints) -> bool:
    """Whether most work was done at one rate, the highest, by jobs of unlike work that could use more: of
    several queries, as one may have a rate of its own."""
    rate = runs.slot_ms[rows] / runs.run_ms[rows]
    could = runs.planned[rows] & (runs.slot_ms[rows] / np.maximum(runs.ideal_ms[rows], 1e-6) > rate * 1.2)
    highest = float(np.quantile(rate, 0.98))
    near = could & (rate >= highest * (1 - _CAPPED_WITHIN)) & (rate <= highest * (1 + _CAPPED_WITHIN))
    work = runs.slot_ms[rows]
    if not near.any() or work[near].sum() < _CAPPED_SHARE * work.sum():
        return False
    kinds = np.unique(runs.kind[rows][near])
    if len(kinds) == 1 and kinds[0] >= 0:
        return False
    low, high = np.quantile(work[near], [0.1, 0.9])
    return bool(high >= 2 * low)
