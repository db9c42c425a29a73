"""What is remembered of slots: steps over time, bounded in number; what jobs had of them; what was in force.

Written by the event loop of the jobs, read from any thread. Times are epoch microseconds, float64.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_right
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from bqsim.sim.scenario.capacity import Capacity

MINUTE_US = 60_000_000.0
# Steps that are kept of each reservation, and of each project within one: 32 and 16 bytes each. Where there
# are many of these they share what is kept of all.
PLACE_STEPS, LEVEL_STEPS = 50_000, 8_192
ALL_PLACE_STEPS, ALL_LEVEL_STEPS = 1_000_000, 1_000_000
FEWEST_STEPS = 64
# Capacities that were in force, the present one included.
ERAS = 1_000
# Reservations that none of them has are forgotten when there are so many, at first.
MANY_PLACES = 1_000


def share_of(steps: int, of_all: int, count: int) -> int:
    """How many steps each of ``count`` keeps: ``steps``, while all together have no more than ``of_all``."""
    return max(FEWEST_STEPS, min(steps, of_all // max(count, 1)))


class Steps:
    """Figures that hold from one moment to the next.

    At most ``most`` steps are kept. Then the older half is put together, by stretches of ``span_us`` of which
    the mean stays; it is forgotten where that is 0, and as far as that is not enough.
    """

    __slots__ = ("_data", "_most", "_span_us", "_width")

    def __init__(self, width: int, most: int, span_us: float = 0.0) -> None:
        self._width = width
        self._most = most
        self._span_us = span_us
        # Replaced as a whole, so that who reads has both of one moment.
        self._data: tuple[array[float], array[float]] = (array("d"), array("d"))

    def __len__(self) -> int:
        return len(self._data[0])

    @property
    def since_us(self) -> float:
        """When what is known begins; infinite when nothing is."""
        times = self._data[0]
        return times[0] if times else math.inf

    def bound(self, most: int) -> None:
        """Keep at most so many from now on."""
        self._most = most

    def put(self, at_us: float, *values: float) -> None:
        """These hold from now on."""
        times, figures = self._data
        width = self._width
        if times:
            if tuple(figures[-width:]) == values:
                return
            if times[-1] >= at_us:
                figures[-width:] = array("d", values)
                return
        figures.extend(values)
        times.append(at_us)
        if len(times) > self._most:
            self._shorten()

    def _shorten(self) -> None:
        times, figures = self._data
        width, half = self._width, len(times) // 2
        old: list[tuple[float, tuple[float, ...]]] = []
        if self._span_us:
            old = list(self._merged(half))
            if len(old) > half // 2:
                old = old[len(old) // 2 :]
        kept_times, kept = array("d"), array("d")
        for at_us, values in old:
            kept_times.append(at_us)
            kept.extend(values)
        kept.extend(figures[half * width :])
        kept_times.extend(times[half:])
        self._data = (kept_times, kept)

    def _merged(self, count: int) -> Iterator[tuple[float, tuple[float, ...]]]:
        """The first steps, those that begin in one stretch as their mean up to its end."""
        times, figures = self._data
        width, span = self._width, self._span_us
        at = 0
        while at < count:
            end_us = (times[at] // span + 1) * span
            sums = [0.0] * width
            start_us, first = times[at], at
            while at < count and times[at] < end_us:
                until_us = min(times[at + 1], end_us)
                for column in range(width):
                    sums[column] += figures[at * width + column] * (until_us - times[at])
                at += 1
            last = tuple(figures[(at - 1) * width : at * width])
            if at == first + 1:
                yield start_us, last
                continue
            over_us = min(times[at], end_us)
            yield start_us, tuple(one / (over_us - start_us) for one in sums)
            if times[at] > end_us:
                yield end_us, last

    def between(self, since_us: float, until_us: float) -> Iterator[tuple[float, tuple[float, ...]]]:
        """The steps that hold within a stretch, with when each begins; the first does before the stretch."""
        times, figures = self._data
        width = self._width
        for at in range(max(bisect_right(times, since_us) - 1, 0), len(times)):
            if times[at] >= until_us:
                return
            yield times[at], tuple(figures[at * width : (at + 1) * width])

    def at(self, moments: Sequence[float], column: int) -> list[float]:
        """What held at each moment; 0 before anything is known."""
        times, figures = self._data
        found = []
        for moment in moments:
            at = bisect_right(times, moment) - 1
            found.append(figures[at * self._width + column] if at >= 0 else 0.0)
        return found

    def sums(self, moments: Sequence[float], column: int) -> list[float]:
        """The figure times microseconds up to each of these moments, which ascend."""
        times, figures = self._data
        count, width = len(times), self._width
        at, total, found = -1, 0.0, []
        reached = 0.0
        for moment in moments:
            while at + 1 < count and times[at + 1] <= moment:
                if at >= 0:
                    total += figures[at * width + column] * (times[at + 1] - reached)
                at += 1
                reached = times[at]
            if at >= 0:
                total += figures[at * width + column] * (moment - reached)
                reached = moment
            found.append(total)
        return found


class Run:
    """The run of a job in one world: what it asked for, and what any job of its project had at most.

    ``used_ms`` is the slot time that it had, None while it runs.
    """

    __slots__ = ("_asked", "_at", "levels", "since_us", "until_us", "used_ms")

    def __init__(self, levels: Steps, since_us: float) -> None:
        self.levels = levels
        self.since_us = since_us
        self.until_us = math.inf
        self.used_ms: float | None = None
        self._at = array("d")
        self._asked = array("d")

    def ask(self, at_us: float, slots: float) -> None:
        """It asks for so many slots from now on."""
        self._asked.append(slots)
        self._at.append(at_us)

    def end(self, at_us: float, used_ms: float) -> None:
        self.until_us = at_us
        self.used_ms = used_ms

    def had(self, moments: Sequence[float]) -> tuple[list[float], list[float]]:
        """Slot-milliseconds that it had, and that it lacked, up to each of these moments, which ascend."""
        if self.levels.since_us > self.since_us:
            return self._evenly(moments)
        had, lacked = [], []
        total = short = 0.0
        pieces = self._pieces(min(moments[-1], self.until_us)) if moments else iter(())
        piece = next(pieces, None)
        for moment in moments:
            # Whole pieces before the moment, and the begin of the one that it is in.
            while piece is not None and piece[1] <= moment:
                total += piece[2] * (piece[1] - piece[0])
                short += piece[3] * (piece[1] - piece[0])
                piece = next(pieces, None)
            within = max(moment - piece[0], 0.0) if piece is not None else 0.0
            had.append((total + (piece[2] * within if piece is not None else 0.0)) / 1000)
            lacked.append((short + (piece[3] * within if piece is not None else 0.0)) / 1000)
        return had, lacked

    def _pieces(self, until_us: float) -> Iterator[tuple[float, float, float, float]]:
        """Begin, end, slots had and lacked, one after the other."""
        bounds = list(zip(self._at, self._asked, strict=False))
        for (start_us, asked), (end_us, _) in pairwise([*bounds, (until_us, 0.0)]):
            end_us = min(end_us, until_us)
            if start_us >= end_us:
                continue
            steps = [*self.levels.between(start_us, end_us), (end_us, ())]
            for (at_us, values), (next_us, _) in pairwise(steps):
                slots = min(asked, values[0])
                yield max(at_us, start_us), next_us, slots, asked - slots

    def _evenly(self, moments: Sequence[float]) -> tuple[list[float], list[float]]:
        """As if it had the same all the time: how it was is forgotten."""
        over = max(self.until_us - self.since_us, 1.0)
        shares = [min(max(moment - self.since_us, 0.0) / over, 1.0) for moment in moments]
        return [share * (self.used_ms or 0.0) for share in shares], [0.0] * len(moments)


def spent(
    runs: Sequence[Run], moments: Sequence[float], total_ms: int | None
) -> tuple[list[int], list[float]] | None:
    """Slot-milliseconds that a job had up to each of these moments, which ascend, and those that it lacked.

    They sum up to ``total_ms``, which is what a job that is over had. None when nothing is known.
    """
    if not runs:
        return None
    end_us = max(run.until_us for run in runs)
    last = () if math.isinf(end_us) else (end_us,)
    had, lacked = [0.0] * (len(moments) + len(last)), [0.0] * len(moments)
    for run in runs:
        ends = sorted({*moments, *last})
        amounts = dict(zip(ends, zip(*run.had(ends), strict=True), strict=True))
        for at, moment in enumerate((*moments, *last)):
            had[at] += amounts[moment][0]
        for at, moment in enumerate(moments):
            lacked[at] += amounts[moment][1]
    if total_ms is None:
        return [int(one) for one in had[: len(moments)]], lacked
    if not last or had[-1] <= 0.0:
        return None
    return [round(total_ms * min(one / had[-1], 1.0)) for one in had[:-1]], lacked


@dataclass(frozen=True, slots=True)
class Era:
    """A capacity that was in force from a moment on, until the next one; None is none."""

    since_us: float
    capacity: Capacity | None


class SlotMemory:
    """What reservations had, and which capacity was in force, over time."""

    SCALED, BORROWED, LENT = range(3)

    def __init__(self) -> None:
        self._eras: deque[Era] = deque(maxlen=ERAS)
        self._places: dict[str, Steps] = {}
        self._many = MANY_PLACES

    @property
    def eras(self) -> list[Era]:
        """Those that are remembered, the first first."""
        return list(self._eras)

    def begin(self, at_us: float, capacity: Capacity | None) -> None:
        """Another capacity is in force from now on."""
        self._eras.append(Era(at_us, capacity))
        there = capacity.reservations if capacity is not None else {}
        for name, steps in self._places.items():
            if name not in there:
                steps.put(at_us, 0.0, 0.0, 0.0)
        if len(self._places) > self._many:
            self._forget()

    def _forget(self) -> None:
        known = {name for era in self._eras if era.capacity is not None for name in era.capacity.reservations}
        self._places = {name: steps for name, steps in self._places.items() if name in known}
        self._many = max(MANY_PLACES, 2 * len(self._places))

    def see(self, at_us: float, name: str, scaled: float, borrowed: float, lent: float) -> None:
        """What a reservation has from now on."""
        steps = self._places.get(name)
        if steps is None:
            most = share_of(PLACE_STEPS, ALL_PLACE_STEPS, len(self._places) + 1)
            steps = self._places[name] = Steps(3, most, MINUTE_US)
            for one in self._places.values():
                one.bound(most)
        steps.put(at_us, scaled, borrowed, lent)

    def place(self, name: str) -> Steps:
        """What a reservation had: slots scaled, borrowed and lent."""
        return self._places.get(name) or Steps(3, 1)
