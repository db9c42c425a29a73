"""What a setting's jobs and slots came to, gathered as jobs end: counts, histograms and sums, no jobs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bqsim.sim.scenario.capacity import Capacity
from bqsim.sim.slots.jobs import Outcomes, State, Usage, Workload
from bqsim.sim.slots.routing import reservation_of

from . import bounds, money
from .errors import RehearsalError
from .histogram import Histogram, Histograms
from .plan.model import Objective, Plan
from .results import ALL, PERCENTILES, GroupResult, Missed, PlaceResult, SettingResult, Spread
from .times import DAY_MS, HOUR_MS
from .weekdays import weekly

# Jobs that are no matter of capacity: an objective is not about them.
_ITS_OWN = (State.FAILED, State.STOPPED)
# Errors are not charged; jobs that somebody stopped are.
_CHARGED = (State.DONE, State.STOPPED)
_DENSE = 1 << 20

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


def spread_of(histogram: Histogram) -> Spread:
    """A histogram as results tell it."""
    return Spread(
        histogram.count, histogram.mean, histogram.largest, tuple(histogram.percentiles(PERCENTILES))
    )


def missed_of(objective: Objective, jobs: int, missed: int) -> Missed:
    """How an objective about so many jobs was kept when so many missed it."""
    # A hair for shares that are no whole binary fractions: 5 of 100 are 5 %.
    kept = missed <= (1 - objective.share) * jobs + 1e-9 * jobs
    return Missed(objective.name, jobs, missed, kept)


class _Pairs:
    """Sums of two columns by pairs of a place and a group: all of them where these are few, else those that
    occur."""

    def __init__(self, places: int, groups: int) -> None:
        self._groups = groups
        dense = places * groups <= _DENSE
        self._keys: Ints = np.arange(places * groups if dense else 0, dtype=np.int64)
        self._sums = np.zeros((2, len(self._keys)))
        self._dense = dense

    def add(self, place: Ints, group: Ints, first: Floats, second: Floats) -> None:
        keys = place * self._groups + group
        if not self._dense:
            found, inverse = np.unique(keys, return_inverse=True)
            known = np.union1d(self._keys, found)
            sums = np.zeros((2, len(known)))
            sums[:, np.searchsorted(known, self._keys)] = self._sums
            self._keys, self._sums = known, sums
            places: Ints = np.asarray(np.searchsorted(known, found), np.int64)
            keys = places[inverse]
        for at, column in enumerate((first, second)):
            self._sums[at] += np.bincount(keys, column, len(self._keys))

    def shares(self, usage: Usage) -> money.Shares:
        some = self._sums.any(axis=0)
        place, group = np.divmod(self._keys[some], self._groups)
        return money.Shares(usage.places, self._groups, place, group, *self._sums[:, some])


@dataclass(slots=True)
class _Promise:
    """An objective, and the jobs that kept it or not. Limits are microseconds."""

    objective: Objective
    groups: Flags
    jobs: int = 0
    missed: int = 0

    def add(self, group: Ints, ended: Flags, duration: Floats, wait: Floats) -> None:
        mine = self.groups[group]
        late = ~ended
        one = self.objective
        for limit, taken in ((one.within_s, duration), (one.starts_within_s, wait)):
            if limit is not None:
                late = late | (np.rint(taken * 1e6) > round(limit * 1e6))
        self.jobs += int(mine.sum())
        self.missed += int((late & mine).sum())

    def result(self) -> Missed:
        return missed_of(self.objective, self.jobs, self.missed)


class Gatherer:
    """Gathers the outcomes of a simulation of ``workload`` under ``capacity``; what it needs of memory does
    not grow with the number of jobs.

    Jobs that are submitted within the plan's ``warm_up`` are not measured, nor is what slots did then.
    ``folder`` is where the plan's files of prices are. Without ``bounded`` it is left out what other days
    would change. Raises :class:`RehearsalError` for prices that cannot be read.
    """

    def __init__(
        self,
        plan: Plan,
        workload: Workload,
        capacity: Capacity,
        *,
        folder: Path | None = None,
        tariffs: money.Tariffs | None = None,
        bounded: bool = True,
    ) -> None:
        self._plan, self._capacity = plan, capacity
        self._tariffs = money.tariffs(plan.money, folder) if tariffs is None else tariffs
        self._begin_ms = plan.warm_up_s * 1e3
        self._duration_ms = workload.duration_ms
        self._names = tuple(workload.groups) or (ALL,)
        count = len(self._names)
        routed = [reservation_of(capacity, one) for one in workload.sources]
        on_demand = {one.project for one, name in zip(workload.sources, routed, strict=True) if not name}
        places = len({*capacity.reservations, *filter(None, routed)}) + len(on_demand)
        self._on_demand = np.asarray([not name for name in routed], np.bool_)
        self._durations, self._waits = Histograms(count), Histograms(count)
        # Groups may be coarse; all jobs together are not.
        self._all = (Histogram(), Histogram())
        self._states = np.zeros((count, len(State)), np.int64)
        self._attempts = np.zeros(count, np.int64)
        self._sums = np.zeros((2, count))
        self._pairs = _Pairs(places, count)
        self._promises = [_Promise(one, self._chosen(one)) for one in plan.objectives]
        self._whole = max(math.floor((self._duration_ms - self._begin_ms) / DAY_MS + 1e-9), 0)
        days = self._whole if bounded and self._whole >= bounds.LEAST_DAYS else 0
        self._weekly = weekly(plan)
        self._daily = Histograms(days)
        self._daily_bytes = np.zeros(len(self._daily))
        self._jobs = 0

    def _chosen(self, objective: Objective) -> Flags:
        pattern = objective.group
        return np.asarray([pattern is None or fnmatchcase(one, pattern) for one in self._names], np.bool_)

    def add(self, outcomes: Outcomes) -> None:
        """Count jobs that ended."""
        self._jobs += len(outcomes)
        some = outcomes.at_ms >= self._begin_ms
        if not some.any():
            return
        group, state = outcomes.group[some].astype(np.int64), outcomes.state[some]
        duration = np.maximum(outcomes.duration_ms[some], 0) / 1e3
        wait = np.maximum(outcomes.waited_ms[some], 0) / 1e3
        used, billed = outcomes.used_ms[some], outcomes.bytes[some]
        place, done = outcomes.reservation[some].astype(np.int64), state == State.DONE
        charged = np.where(np.isin(state, _CHARGED), billed, 0.0)
        count = len(self._names)
        for whole, by_group, column in zip(
            self._all, (self._durations, self._waits), (duration, wait), strict=True
        ):
            by_group.record(group[done], column[done])
            if by_group.coarse:
                whole.record(column[done])
        self._states += np.bincount(group * len(State) + state, minlength=self._states.size).reshape(
            self._states.shape
        )
        self._attempts += np.bincount(group, outcomes.attempts[some], count).astype(np.int64)
        for at, column in enumerate((used, charged)):
            self._sums[at] += np.bincount(group, column, count)
        paid = np.where(self._on_demand[outcomes.source[some]], charged, 0.0)
        self._pairs.add(place, group, used, paid)
        ours = ~np.isin(state, _ITS_OWN)
        for promise in self._promises:
            promise.add(group[ours], done[ours], duration[ours], wait[ours])
        if len(self._daily):
            self._add_days(outcomes.at_ms[some], duration, done, paid)

    def _add_days(self, at_ms: Floats, duration: Floats, done: Flags, paid: Floats) -> None:
        day = ((at_ms - self._begin_ms) // DAY_MS).astype(np.int64)
        whole = day < len(self._daily)
        self._daily.record(day[done & whole], duration[done & whole])
        self._daily_bytes += np.bincount(day[whole], paid[whole], len(self._daily))

    def result(self, name: str, values: Mapping[str, object], usage: Usage) -> SettingResult:
        """What it all came to. Raises :class:`RehearsalError` when nothing is left after the warm-up, or a
        price is not known."""
        end_ms = self._duration_ms or usage.end_ms
        if end_ms <= self._begin_ms:
            raise RehearsalError(
                f"nothing is measured: the warm-up of {self._begin_ms / 1e3:g} s is as long as the workload"
                f" ({end_ms / 1e3:g} s)"
            )
        hours = (end_ms - self._begin_ms) / HOUR_MS
        days = hours / 24
        meter = _Meter(usage, self._begin_ms, end_ms)
        shares = self._pairs.shares(usage)
        billed = np.bincount(shares.place, shares.bytes_billed, len(usage.places))
        scaled = meter.after(usage.scaled_ms) / HOUR_MS
        by_hour = self._by_hour(meter)
        used = money.Used(usage.places, hours, scaled.tolist(), billed.tolist(), *by_hour)
        lines = money.charges(self._capacity, used, self._tariffs)
        total = math.fsum(line.amount for line in lines)
        return SettingResult(
            name=name,
            values=values,
            days=days,
            groups=self._groups(total, money.split(lines, shares, self._tariffs.region_of)),
            places=tuple(meter.place(at) for at in range(len(usage.places))),
            charges=lines,
            objectives=tuple(one.result() for one in self._promises),
            cost_per_day=total / days,
            usage=usage,
            bounds=self._bounds(meter),
            bounds_by=bounds.drawn_by(len(self._daily), self._weekly),
            simulated_jobs=self._jobs,
        )

    def _groups(self, total: float, parts: Floats) -> tuple[GroupResult, ...]:
        count = len(self._names)
        durations = [self._durations.one(at) for at in range(count)]
        waits = [self._waits.one(at) for at in range(count)]
        every = [
            whole if many.coarse else Histogram.merged(parts)
            for whole, many, parts in zip(
                self._all, (self._durations, self._waits), (durations, waits), strict=True
            )
        ]
        whole = self._group(ALL, slice(None), every[0], every[1], total)
        if self._names == (ALL,):
            return (whole,)
        return (
            whole,
            *(
                self._group(name, slice(at, at + 1), durations[at], waits[at], float(parts[at]))
                for at, name in enumerate(self._names)
            ),
        )

    def _group(
        self, name: str, rows: slice, durations: Histogram, waits: Histogram, cost: float
    ) -> GroupResult:
        states = self._states[rows].sum(axis=0)
        used_ms, billed = (math.fsum(column[rows]) for column in self._sums)
        return GroupResult(
            group=name,
            jobs=int(states.sum()),
            states={state.name: int(states[state]) for state in State if states[state]},
            attempts=int(self._attempts[rows].sum()),
            duration=spread_of(durations),
            wait=spread_of(waits),
            slot_hours=used_ms / HOUR_MS,
            bytes_billed=billed,
            cost=cost,
        )

    def _by_hour(self, meter: _Meter) -> tuple[Floats, Floats] | tuple[()]:
        """Slot-hours scaled by place and hour, and the lengths of hours, where these are charged for."""
        return meter.by_hour(meter.usage.scaled_ms) if self._tariffs.spends() else ()

    def _bounds(self, meter: _Meter) -> dict[str, tuple[float, float]]:
        if not len(self._daily):
            return {}
        places = meter.usage.places
        costs = []
        for day in range(len(self._daily)):
            begin = self._begin_ms + day * DAY_MS
            today = _Meter(meter.usage, begin, begin + DAY_MS)
            scaled = today.within(meter.usage.scaled_ms) / HOUR_MS
            used = money.Used(places, 24.0, scaled.tolist(), [0.0] * len(places), *self._by_hour(today))
            lines = money.charges(self._capacity, used, self._tariffs)
            costs.append(math.fsum(line.amount for line in lines))
        durations = [self._daily.one(day) for day in range(len(self._daily))]
        days = bounds.Days(durations, costs, weekly=self._weekly)
        if self._daily_bytes.any():
            # What is free is taken off what days have together, not off each.
            days = replace(
                days, billed=self._daily_bytes, paid=lambda billed: self._tariffs.of_bytes(billed, 24.0)
            )
        return bounds.bounds(days, self._plan.seed)


def _weighted(column: Floats, weights: Floats) -> Floats:
    # Not a matrix product: how that adds up goes by the number of threads.
    return np.asarray((column * weights).sum(axis=-1), np.float64)


class _Meter:
    """Sums of a usage from ``begin_ms`` on: up to ``end_ms``, when no more jobs arrive, or until the last of
    them is done. Of a bucket that lies in it in part, that part counts."""

    def __init__(self, usage: Usage, begin_ms: float, end_ms: float) -> None:
        self.usage = usage
        starts = np.arange(usage.used_ms.shape[1]) * usage.bucket_ms
        ends = starts + usage.bucket_ms
        # The last bucket ends with the last job: all that is in it lies before that.
        if len(ends):
            ends[-1] = max(min(ends[-1], max(usage.end_ms, end_ms)), starts[-1] + 1e-9)
        length = np.maximum(ends - starts, 1e-9)
        self._within = np.clip(np.minimum(ends, end_ms) - np.maximum(starts, begin_ms), 0, None) / length
        self._after = np.clip(ends - np.maximum(starts, begin_ms), 0, None) / length
        self._begin_ms, self._end_ms = begin_ms, end_ms
        self._span_ms = end_ms - begin_ms

    def within(self, column: Floats) -> Floats:
        """A column of the usage by place, while jobs arrived."""
        return _weighted(column, self._within)

    def after(self, column: Floats) -> Floats:
        """The same until the last job was done."""
        return _weighted(column, self._after)

    def by_hour(self, column: Floats) -> tuple[Floats, Floats]:
        """A column of slot-milliseconds as slot-hours, by place and hour (or bucket, where these are longer),
        while jobs arrived; and how many hours of each of them lie in that time."""
        size = max(self.usage.bucket_ms, HOUR_MS)
        first, end = int(self._begin_ms // size), math.ceil(self._end_ms / size)
        edges = (np.arange(first, end + 1) * size).clip(self._begin_ms, self._end_ms)
        starts = np.arange(column.shape[1]) * self.usage.bucket_ms
        rows = np.asarray(starts // size, np.int64).clip(first, end - 1) - first
        found = np.zeros((len(column), end - first))
        for place, values in zip(found, column * self._within, strict=True):
            place += np.bincount(rows, values, end - first)
        return found / HOUR_MS, np.diff(edges) / HOUR_MS

    def _most(self, column: Floats, at: int) -> float:
        return float(np.max(column[at], where=self._after > 0, initial=0.0))

    def place(self, at: int) -> PlaceResult:
        """What became of a place. Its hours are all those that its jobs took; utilisation and means are of
        the time in which jobs arrived."""
        usage, place = self.usage, self.usage.places[at]

        def over(column: Floats, weights: Floats) -> float:
            return float(_weighted(column[at], weights))

        baseline_ms = place.baseline * self._span_ms
        paid = baseline_ms + over(usage.scaled_ms, self._within)
        own = over(usage.used_ms, self._within) - over(usage.borrowed_ms, self._within)
        return PlaceResult(
            place=place.name,
            edition=place.edition,
            used_hours=over(usage.used_ms, self._after) / HOUR_MS,
            borrowed_hours=over(usage.borrowed_ms, self._after) / HOUR_MS,
            scaled_hours=over(usage.scaled_ms, self._after) / HOUR_MS,
            baseline_hours=baseline_ms / HOUR_MS,
            utilisation=min(own / paid, 1.0) if paid > 0 else math.nan,
            peak_scaled=self._most(usage.peak_scaled, at),
            mean_running=over(usage.running_ms, self._within) / self._span_ms,
            mean_queued=over(usage.queued_ms, self._within) / self._span_ms,
            peak_queued=self._most(usage.peak_queued, at),
        )


__all__ = ["Gatherer", "missed_of", "spread_of"]
