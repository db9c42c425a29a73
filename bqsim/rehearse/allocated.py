"""What slots a month of queries is allocated, by simulation: for ``bqsim cost --capacity FILE``.

A query's slot time is not what is paid for: scaled slots come in steps of 50 and stay for a while, baselines
and commitments are paid whether they are used or not. The marginal cost of a change is the difference between
the workload with it and without it; runs come at the same times in both.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bqsim.cost.capacity import Allocation, Demand, Slots
from bqsim.cost.documents import refuse
from bqsim.cost.errors import CostError
from bqsim.cost.units import HOURS_PER_MONTH
from bqsim.sim.scenario import capacity as described
from bqsim.sim.scenario.load import text_of
from bqsim.sim.scenario.read import Reader
from bqsim.sim.scenario.shapes import record_of
from bqsim.sim.scenario.tree import Mapped, ScenarioError, from_yaml
from bqsim.sim.slots.compiled import is_compiled
from bqsim.sim.slots.jobs import Given, Jobs, Outcomes, Source
from bqsim.sim.slots.routing import reservation_of
from bqsim.sim.slots.seeds import generator
from bqsim.sim.slots.world import simulate

from .money import TERMS, baselines
from .times import DAY_MS, HOUR_MS

Floats = NDArray[np.float64]

# How long a time is simulated, the longest that has no more jobs than that: a month, whole weeks, a day.
PERIODS_H = (float(HOURS_PER_MONTH), 672.0, 336.0, 168.0, 72.0, 24.0)
MOST_JOBS, MOST_UNCOMPILED = 50_000, 1_000
# More in a day take too long without the compiler.
_UNCOMPILED_DAY = 20_000
_NOBODY = "project"


def load_capacity(path: str | Path) -> described.Capacity:
    """The capacity that a YAML file describes: by itself, or as ``capacity`` of a scenario or a plan of a
    rehearsal. Raises :class:`CostError` with a line for each problem."""
    try:
        tree = from_yaml(text_of(path), str(path))
    except ScenarioError as error:
        raise CostError(str(error)) from None
    inner = (
        [node for key, node in tree.entries if key.value == "capacity"] if isinstance(tree, Mapped) else []
    )
    tree = inner[0] if inner else tree
    reader = Reader()
    found: Any = reader.read(record_of(described.Capacity), tree)
    refuse(reader.problems, "description of capacity")
    capacity: described.Capacity = found
    if not capacity.reservations:
        raise CostError(f"{path}: it describes no reservation")
    if not capacity.assignments:
        if len(capacity.reservations) > 1:
            raise CostError(f"{path}: no project is assigned to a reservation: add assignments")
        # The only reservation is for all.
        whole = described.Assignment(next(iter(capacity.reservations)))
        capacity = replace(capacity, assignments=(whole,))
    return capacity


@dataclass(slots=True)
class SimulatedSlots:
    """A month of queries in the reservations of ``capacity``.

    Runs come when a history (``starts``, by query: epoch microseconds) says, over and over; those of other
    queries evenly over the month. A run takes as many slots at once as it had on average. ``source`` is what
    the capacity is called. Raises :class:`CostError` for what cannot be simulated.
    """

    capacity: described.Capacity
    source: str = ""
    starts: Mapping[str, Sequence[int]] = field(default_factory=dict)
    most_jobs: int = 0
    seed: int = 1
    _known: dict[tuple[Demand, ...], Allocation] = field(default_factory=dict)

    @property
    def told(self) -> str:
        """What the model is of."""
        return f"the reservations{f' of {self.source}' if self.source else ''} are allocated them, simulated"

    def allocated(self, demands: Sequence[Demand]) -> Allocation:
        """The slot-hours that a month of these queries is charged, idle ones and steps included."""
        key = tuple(demands)
        if key not in self._known:
            self._known[key] = self._allocated(key)
        return self._known[key]

    def _allocated(self, demands: Sequence[Demand]) -> Allocation:
        reserved, on_demand = [], 0.0
        for one in demands:
            if reservation_of(self.capacity, _source(one)):
                reserved.append(one)
            else:
                on_demand += one.runs * one.bytes_billed
        runs = sum(one.runs for one in reserved)
        most = self.most_jobs or (MOST_JOBS if is_compiled() else MOST_UNCOMPILED)
        hours = period(runs, most)
        jobs, sources = self._jobs(reserved, hours)
        if len(jobs) > _UNCOMPILED_DAY and not is_compiled():
            raise CostError(
                f"a day of {len(jobs):,} runs takes numba to simulate: pip install 'bqsim[rehearse]'"
            )
        given = Given(jobs, sources=sources or (Source(_NOBODY),), duration_ms=hours * HOUR_MS)
        usage = simulate(self.capacity, given, _forget, seed=self.seed, bucket_ms=DAY_MS)
        parts: dict[tuple[str, str], float] = {}
        for commitment in self.capacity.commitments:
            _add(parts, commitment.edition, TERMS[commitment.plan], commitment.slots * HOURS_PER_MONTH)
        for pool in baselines(self.capacity, usage.places):
            _add(parts, pool.pool[0], "none", pool.slots * HOURS_PER_MONTH)
        scaled = usage.scaled_ms.sum(axis=1) / HOUR_MS * HOURS_PER_MONTH / hours
        for place, slot_hours in zip(usage.places, scaled, strict=True):
            if place.edition:
                _add(parts, place.edition, "none", float(slot_hours))
        told = f"{self.told} over {hours:g} hours with {len(jobs):,} runs"
        listed = tuple(Slots(amount, *key) for key, amount in parts.items())
        return Allocation(math.fsum(parts.values()), told, listed, on_demand)

    def _jobs(self, demands: Sequence[Demand], hours: float) -> tuple[Jobs, tuple[Source, ...]]:
        """The runs of ``hours``, and where they come from."""
        sources: dict[Source, int] = {}
        origin, span = self._history(demands, hours)
        parts = []
        for one in demands:
            runs = one.runs * hours / HOURS_PER_MONTH
            if runs <= 0 or one.slot_ms <= 0:
                continue
            count = max(1, round(runs))
            starts = np.sort(np.asarray(self._starts(one), np.float64)) / 1e3 - origin
            at = tiled(starts, span, hours * HOUR_MS)
            at = spread(at, count) if len(at) else self._evenly(one.query, count, hours * HOUR_MS)
            width = max(1, math.ceil(one.slot_ms / (one.duration_ms or 1000.0)))
            # Work of a count that is not whole stays what it is.
            parts.append(
                Jobs.of(
                    count,
                    at_ms=at,
                    source=sources.setdefault(_source(one), len(sources)),
                    slot_ms=one.slot_ms * runs / count,
                    width=width,
                    floor_ms=max(0.0, one.duration_ms - one.slot_ms / width),
                )
            )
        if not parts:
            return Jobs.of(0), ()
        every = Jobs.concatenated(parts)
        return every.take(np.argsort(every.at_ms, kind="stable")), tuple(sources)

    def _starts(self, demand: Demand) -> Sequence[int]:
        return self.starts.get(demand.query) or demand.starts_us

    def _history(self, demands: Sequence[Demand], hours: float) -> tuple[float, float]:
        """The midnight at which to begin in the history, and all its whole days, in milliseconds."""
        known = [(np.asarray(self._starts(one), np.float64) / 1e3, one.slot_ms) for one in demands]
        times = [starts for starts, _ in known if len(starts)]
        if not times:
            return 0.0, DAY_MS
        origin = math.floor(min(float(one.min()) for one in times) / DAY_MS) * DAY_MS
        days = math.floor((max(float(one.max()) for one in times) - origin) / DAY_MS) + 1
        if days * DAY_MS > hours * HOUR_MS:
            work = np.zeros(days)
            for starts, slot_ms in known:
                work += slot_ms * np.bincount(((starts - origin) // DAY_MS).astype(np.int64), minlength=days)
            origin += typical(work, math.ceil(hours / 24)) * DAY_MS
        return origin, days * DAY_MS

    def _evenly(self, query: str, count: int, period_ms: float) -> Floats:
        first = generator(self.seed, "runs", query).random()
        return np.asarray((np.arange(count) + first) * (period_ms / count), np.float64)


def period(runs: float, most: int) -> float:
    """How many hours of a month with so many runs have at most ``most`` of them; a day at least."""
    return next((hours for hours in PERIODS_H if runs * hours <= most * HOURS_PER_MONTH), PERIODS_H[-1])


def typical(work: Floats, days: int) -> int:
    """The first of so many days in a row that have as much work as days have on average, as nearly as any."""
    if days >= len(work):
        return 0
    sums = np.convolve(work, np.ones(days), "valid")
    return int(np.argmin(np.abs(sums - work.mean() * days)))


def tiled(starts: Floats, span_ms: float, period_ms: float) -> Floats:
    """Times of a history of ``span_ms``, over and over until ``period_ms``."""
    times = math.ceil(period_ms / span_ms)
    at = np.add.outer(np.arange(times) * span_ms, starts).reshape(-1)
    return np.asarray(at[(at >= 0) & (at < period_ms)], np.float64)


def spread(at: Floats, count: int) -> Floats:
    """``count`` of these times, evenly chosen; where there are fewer, between them and the next ones."""
    if count <= len(at):
        return at[(np.arange(count) * 2 + 1) * len(at) // (2 * count)]
    places = np.arange(count) * (len(at) / count)
    low = np.floor(places).astype(np.int64)
    gaps = np.diff(at, append=at[-1])
    return np.asarray(at[low] + gaps[low] * (places - low), np.float64)


def _source(demand: Demand) -> Source:
    return Source(demand.project or _NOBODY)


def _add(parts: dict[tuple[str, str], float], edition: str, commitment: str, hours: float) -> None:
    if hours > 0:
        parts[edition, commitment] = parts.get((edition, commitment), 0.0) + hours


def _forget(_ended: Outcomes) -> None:
    return None
