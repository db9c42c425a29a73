"""Plans of stages of recorded jobs, as few of them as will do.

A plan says how a job's slot time is shared by its stages and how wide these are, relative to the widest,
whose units are the job's ``width``. Plans that are the same in that are one; where there are more than the
limit, shares and units are rounded, and in the end what is new is one stage that takes as long as its plan.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from bqsim.history import Stage as Recorded
from bqsim.sim.slots.jobs import Shapes, Stage

MOST_SHAPES = 10_000
# Steps in which shares and units are rounded, for each doubling; 0: not at all. What the last of them leaves
# too many of are single stages.
_STEPS = (0, 16, 4, 1)
_STEPS_AS_ONE = 8
# Units are found again by rounding up what was divided: a little less than exact.
_BELOW = 1.0 - 1e-12
_FEW = 1 / 16
# How exactly slots that a stage had on average tell its units.
_ABOUT = 0.98
# Orders of plans of so many stages are remembered.
_FEW_STAGES = 64

# Of each stage: share of the slot time, units as a share of the job's width, stages that it waits for.
Plan = tuple[tuple[float, float, tuple[int, ...]], ...]
_ONE: Plan = ((1.0, 1.0, ()),)


@dataclass(frozen=True, slots=True)
class Shaped:
    """A job's plan: its number in the table, its width, and how long it takes with all slots that it can
    use. ``outside_ms`` is the part of the run in which no stage was at work; NaN where stages have no
    times."""

    number: int
    width: float
    ideal_ms: float
    outside_ms: float


class ShapeTable:
    """Plans by number. Numbers stay valid; :meth:`finished` says which shape each came to be."""

    def __init__(self, limit: int = MOST_SHAPES) -> None:
        self._limit = limit
        self._level = 0
        self._full = False
        self._numbers: dict[Plan, int] = {}
        self._now: list[int] = []
        self._plans: list[Plan] = []

    def add(self, stages: Sequence[Recorded], slot_ms: float, run_ms: float) -> Shaped:
        """The plan of a job; without stages that tell of work, one stage of the slots that it had on
        average."""
        worked = [(stages[at], inputs) for at, inputs in _order_of(stages)]
        if not worked:
            average = slot_ms / run_ms if run_ms > 0 else 1.0
            width = max(1.0, math.ceil(average * _BELOW))
            return Shaped(self._number(_ONE), width, slot_ms / width, math.nan)
        units = [_units(one) for one, _ in worked]
        width = max(units)
        total = sum(one.slot_ms for one, _ in worked)
        plan = tuple(
            (one.slot_ms / total, 1.0 if wide == width else wide / width * _BELOW, inputs)
            for (one, inputs), wide in zip(worked, units, strict=True)
        )
        alone = _ideal(plan) * slot_ms
        # Where units are not told, or are fewer than the slots that the job had.
        if run_ms > 0:
            width = max(width, math.ceil(alone / (run_ms + 1.0) * _ABOUT))
        return Shaped(self._number(plan), float(width), alone / width, _outside(stages, run_ms))

    def _number(self, plan: Plan) -> int:
        key = plan if self._level == 0 else _rounded(plan, self._level)
        found = self._numbers.get(key)
        if found is None and self._full:
            key = _as_one(plan)
            found = self._numbers.get(key)
        if found is None:
            found = self._numbers[key] = len(self._plans)
            self._plans.append(key)
            self._now.append(found)
            while len(self._numbers) > self._limit and not self._full:
                self._full = self._level + 1 == len(_STEPS)
                if not self._full:
                    self._level += 1
                    self._round_all()
            found = self._now[found]
        return found

    def _round_all(self) -> None:
        """All plans at the present level; numbers of those that are the same now lead to one."""
        numbers: dict[Plan, int] = {}
        led: dict[int, int] = {}
        for number in self._numbers.values():
            key = _rounded(self._plans[number], self._level)
            led[number] = numbers.setdefault(key, number)
            if led[number] == number:
                self._plans[number] = key
        self._numbers = numbers
        self._now = [led[now] for now in self._now]

    def finished(self) -> tuple[Shapes, NDArray[np.int32]]:
        """The shapes, and which of them each number is."""
        kept = sorted(self._numbers.values())
        place = {number: at for at, number in enumerate(kept)}
        shapes = tuple(_stages(self._plans[number]) for number in kept) or (_stages(_ONE),)
        return Shapes(shapes), np.asarray([place[now] for now in self._now], np.int32)


def _stages(plan: Plan) -> tuple[Stage, ...]:
    return tuple(Stage(share, units, inputs) for share, units, inputs in plan)


# Of each stage of a plan: its id, the ids of those that it waits for, whether it tells of work.
_Graph = tuple[tuple[int, tuple[int, ...], bool], ...]
# The stages that tell of work, each after those that it waits for: its place among all stages, and theirs in
# this order.
_Order = tuple[tuple[int, tuple[int, ...]], ...]


def _order_of(stages: Sequence[Recorded]) -> _Order:
    graph = tuple([(one.id, one.inputs, one.slot_ms > 0) for one in stages])
    return _in_order(graph) if len(graph) <= _FEW_STAGES else _in_order.__wrapped__(graph)


@lru_cache(maxsize=4096)
def _in_order(graph: _Graph) -> _Order:
    """The order of a plan's stages. Those without work are passed through; what waits for itself, by whatever
    way, does not. Of stages with one id the last counts."""
    known = {number: (at, inputs, works) for at, (number, inputs, works) in enumerate(graph)}
    found: list[tuple[int, tuple[int, ...]]] = []
    # What a stage that was visited stands for: its own place, or those of the stages behind one without work.
    places: dict[int, tuple[int, ...]] = {}
    for first, _, begins in graph:
        pending = [(first, False)] if begins else []
        while pending:
            number, ready = pending.pop()
            at, inputs, works = known[number]
            if ready:
                waited = tuple(sorted({p for one in inputs for p in places.get(one, ())}))
                if works:
                    places[number] = (len(found),)
                    found.append((at, waited))
                else:
                    places[number] = waited
            elif number not in places:
                places[number] = ()
                pending.append((number, True))
                pending += [(one, False) for one in inputs if one in known and one not in places]
    return tuple(found)


def _units(stage: Recorded) -> int:
    """How many slots a stage can use: its units, at least the slots that it had."""
    if not stage.start_us or stage.end_us <= stage.start_us:
        return max(stage.parallel_inputs, 1)
    # Exports tell whole milliseconds.
    lasted_ms = (stage.end_us - stage.start_us) / 1000.0 + 1.0
    return max(stage.parallel_inputs, math.ceil(stage.slot_ms / lasted_ms * _ABOUT), 1)


def _ideal(plan: Plan) -> float:
    """How long a plan takes whose slot time and width are 1."""
    ends: list[float] = []
    for share, units, inputs in plan:
        ends.append(max((ends[one] for one in inputs), default=0.0) + share / units)
    return max(ends)


def _outside(stages: Sequence[Recorded], run_ms: float) -> float:
    times = sorted((one.start_us, one.end_us) for one in stages if one.slot_ms > 0)
    if any(not start or end < start for start, end in times):
        return math.nan
    covered, until = 0, 0
    for start, end in times:
        covered += max(0, end - max(start, until))
        until = max(until, end)
    return max(0.0, run_ms - covered / 1000.0)


def _rounded(plan: Plan, level: int) -> Plan:
    """A plan with shares and units in the steps of a level."""
    steps = _STEPS[level]
    rounded = [(_power(share, steps), _units_power(units, steps), inputs) for share, units, inputs in plan]
    total = sum(share for share, _, _ in rounded)
    return tuple((share / total, units, inputs) for share, units, inputs in rounded)


def _as_one(plan: Plan) -> Plan:
    """One stage that takes as long as a plan."""
    return ((1.0, _power(1.0 / _ideal(plan), _STEPS_AS_ONE), ()),)


def _power(value: float, steps: int) -> float:
    """The next power of two, in so many steps for each doubling; at most 1."""
    return float(2.0 ** (min(0, round(math.log2(value) * steps)) / steps))


def _units_power(units: float, steps: int) -> float:
    """The same of units; of few ones the power below, as they are rounded up to whole ones."""
    if units >= _FEW:
        return _power(units, steps)
    return float(2.0 ** (math.floor(math.log2(units) * steps) / steps))
