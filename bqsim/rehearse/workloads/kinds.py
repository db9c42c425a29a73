"""Kinds of jobs, by blocks: which kind each arrival is, its work, stages, floor and failure, all at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bqsim.rehearse.errors import RehearsalError
from bqsim.rehearse.plan.model import JobKind, StagePart
from bqsim.sim.latency import combine, distributions, latency_of, schedule
from bqsim.sim.latency.base import LONGEST_S
from bqsim.sim.scenario import latency as described
from bqsim.sim.slots.jobs import Floats, Ints, Jobs, Shapes, Stage

from .model import JobClass

# Gives the generator of a purpose within a workload.
Chance = Callable[..., np.random.Generator]
# Seconds for each of the numbers, which count the values of one distribution from 0 on.
Sampler = Callable[[np.random.Generator, Ints], Floats]

# Widths of plans of which some stages have units of their own: whole ones, then in steps of an eighth octave.
_WIDTHS = np.unique(np.round(2.0 ** (np.arange(0, 8 * 17 + 1) / 8.0)))
_BETWEEN = np.sqrt(_WIDTHS[1:] * _WIDTHS[:-1])
_LEAST_WIDTH = 1e-9
_LARGEST_POWER = 600.0


def sampler(distribution: described.Distribution) -> Sampler:
    """Draws of a distribution, many at once: as the simulator draws it, never below 0.

    Raises ``ValueError`` where no such distribution goes through the percentiles that are given.
    """
    return _bounded(_sampler(latency_of(described.Latency(distribution))))


def _bounded(draw: Sampler) -> Sampler:
    def bounded(chance: np.random.Generator, numbers: Ints) -> Floats:
        values = draw(chance, numbers)
        return np.clip(values, 0.0, LONGEST_S, out=values)

    return bounded


def _sampler(model: Any) -> Sampler:
    return _SAMPLERS[type(model)](model)


def _fixed(model: distributions.Fixed) -> Sampler:
    return lambda chance, numbers: np.full(len(numbers), model.seconds)


def _uniform(model: distributions.Uniform) -> Sampler:
    return lambda chance, numbers: model.low + (model.high - model.low) * chance.random(len(numbers))


def _normal(model: distributions.Normal) -> Sampler:
    return lambda chance, numbers: model.mean + model.deviation * chance.standard_normal(len(numbers))


def _lognormal(model: distributions.LogNormal) -> Sampler:
    def draw(chance: np.random.Generator, numbers: Ints) -> Floats:
        powers = chance.standard_normal(len(numbers))
        powers *= model.sigma
        return _raised(powers, model.median)

    return draw


def _raised(powers: Floats, unit: float) -> Floats:
    """e to the ``powers``, times ``unit``: in their place, since there are millions."""
    np.minimum(powers, _LARGEST_POWER, out=powers)
    np.exp(powers, out=powers)
    powers *= unit
    return powers


def _gamma(model: distributions.Gamma) -> Sampler:
    return lambda chance, numbers: model.scale * chance.standard_gamma(model.shape, len(numbers))


def _exponential(model: distributions.Exponential) -> Sampler:
    return lambda chance, numbers: model.mean * chance.standard_exponential(len(numbers))


def _pareto(model: distributions.Pareto) -> Sampler:
    def draw(chance: np.random.Generator, numbers: Ints) -> Floats:
        powers = chance.standard_exponential(len(numbers))
        powers /= model.alpha
        return _raised(powers, model.minimum)

    return draw


def _quantiles(model: distributions.Quantiles) -> Sampler:
    shares, seconds = np.asarray(model.shares), np.asarray(model.seconds)
    return lambda chance, numbers: np.interp(chance.random(len(numbers)), shares, seconds)


def _trace(model: schedule.Trace) -> Sampler:
    seconds = np.asarray(model.seconds)
    last = len(seconds) - 1

    def draw(chance: np.random.Generator, numbers: Ints) -> Floats:
        at = numbers % len(seconds) if model.end == "loop" else np.minimum(numbers, last)
        return seconds[at]

    return draw


def _mixture(model: combine.Mixture) -> Sampler:
    parts = [_sampler(one) for one in model.models]
    choose = _chooser(model.weights)

    def draw(chance: np.random.Generator, numbers: Ints) -> Floats:
        chosen = choose(chance, len(numbers))
        values = np.empty(len(numbers))
        for at, part in enumerate(parts):
            rows = np.flatnonzero(chosen == at)
            values[rows] = part(chance, numbers[rows])
        return values

    return draw


_SAMPLERS: dict[type, Callable[[Any], Sampler]] = {
    distributions.Fixed: _fixed,
    distributions.Uniform: _uniform,
    distributions.Normal: _normal,
    distributions.LogNormal: _lognormal,
    distributions.Gamma: _gamma,
    distributions.Exponential: _exponential,
    distributions.Pareto: _pareto,
    distributions.Quantiles: _quantiles,
    schedule.Trace: _trace,
    combine.Mixture: _mixture,
}


def _chooser(weights: Sequence[float]) -> Callable[[np.random.Generator, int], Ints]:
    """Numbers of weights, drawn in proportion to them."""
    steps = np.cumsum(np.asarray(weights, float))
    steps = steps[:-1] / steps[-1]

    def choose(chance: np.random.Generator, count: int) -> Ints:
        if not len(steps):
            return np.zeros(count, np.int64)
        return np.searchsorted(steps, chance.random(count), side="right")

    return choose


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind, ready to draw. ``shapes`` are the numbers of its plans: one, or one for each of
    :data:`_WIDTHS`. ``width`` is that of all its jobs, None: by slot time, ``whole``: in whole units."""

    kind: JobKind
    slot_time: Sampler
    floor: Sampler | None
    shapes: NDArray[np.int32]
    width: float | None
    whole: bool


class Mix:
    """Kinds of jobs by weight. ``classes`` are theirs in this order, ``shapes`` their plans.

    Raises :class:`RehearsalError` for a kind that cannot be: stages that wait for later ones, a distribution
    that does not exist.
    """

    def __init__(self, kinds: Sequence[JobKind], workload: str) -> None:
        if not kinds:
            raise RehearsalError(f"the mix of {workload!r} has no kind of jobs")
        self.classes = tuple(_class(kind, workload) for kind in kinds)
        plans: dict[tuple[Stage, ...], int] = {}
        self._kinds = [_compiled(kind, plans) for kind in kinds]
        self.shapes = Shapes(tuple(plans))
        self._choose = _chooser([kind.weight for kind in kinds])
        self._max_slots = np.array([math.inf if k.max_slots is None else k.max_slots for k in kinds])
        self._limit_ms = np.array([math.inf if k.timeout_s is None else k.timeout_s * 1e3 for k in kinds])
        self._bytes = np.array([k.bytes_billed for k in kinds], float)
        self._batch = np.array([k.priority == "BATCH" for k in kinds], np.uint8)

    def counters(self) -> Ints:
        """How many jobs of each kind there are before the first: none."""
        return np.zeros(len(self._kinds), np.int64)

    def jobs(self, at_ms: Floats, chance: Chance, counters: Ints) -> Jobs:
        """A job for each of the times; ``counters`` go on by them."""
        count = len(at_ms)
        kinds = self._choose(chance("kind"), count)
        if len(self._kinds) == 1:
            drawn = self._drawn(0, count, chance, counters)
        else:
            # All of a kind are drawn at once, then put where they belong.
            order = np.argsort(kinds.astype(np.uint16), kind="stable")
            counts = np.bincount(kinds, minlength=len(self._kinds)).tolist()
            parts = [self._drawn(at, n, chance, counters) for at, n in enumerate(counts) if n]
            drawn = tuple(_placed(columns, order) for columns in zip(*parts, strict=True))
        shape, slot_ms, width, floor_ms, fails_at = drawn
        return Jobs(
            at_ms=at_ms,
            source=kinds.astype(np.int32),
            shape=shape,
            group=np.zeros(count, np.int32),
            slot_ms=slot_ms,
            width=width,
            floor_ms=floor_ms,
            max_slots=self._max_slots[kinds],
            limit_ms=self._limit_ms[kinds],
            fails_at=fails_at,
            bytes=self._bytes[kinds],
            batch=self._batch[kinds],
        )

    def _drawn(self, number: int, count: int, chance: Chance, counters: Ints) -> tuple[NDArray[Any], ...]:
        """Columns of ``count`` jobs of a kind: shape, slot time, width, floor, failure."""
        one = self._kinds[number]
        numbers = np.arange(counters[number], counters[number] + count)
        counters[number] += count
        slot_s = one.slot_time(chance("slot time", number), numbers)
        widths = slot_s / one.kind.unit_s
        if len(one.shapes) > 1:
            shape = one.shapes[np.searchsorted(_BETWEEN, widths)]
        else:
            shape = np.full(count, one.shapes[0])
        if one.width is not None:
            widths = np.full(count, one.width)
        elif one.whole:
            widths = np.maximum(np.ceil(widths), 1.0)
        else:
            widths = np.maximum(widths, _LEAST_WIDTH)
        floor_ms = np.zeros(count)
        if one.floor is not None:
            floor_ms = one.floor(chance("floor", number), numbers) * 1e3
        fails_at = np.full(count, math.inf)
        if share := one.kind.failing:
            failed = chance("failing", number).random(count)
            rows = np.flatnonzero(failed < share)
            fails_at[rows] = failed[rows] / share
        return shape, slot_s * 1e3, widths, floor_ms, fails_at


def _placed(columns: Sequence[NDArray[Any]], order: Ints) -> NDArray[Any]:
    made = np.empty(len(order), columns[0].dtype)
    made[order] = np.concatenate(columns)
    return made


def _class(kind: JobKind, workload: str) -> JobClass:
    return JobClass(
        project=kind.project,
        principal=kind.principal,
        job_type=kind.job_type,
        priority=kind.priority,
        reservation=kind.reservation,
        kind=kind.name,
        workload=workload,
        labels=dict(kind.labels),
    )


def _compiled(kind: JobKind, plans: dict[tuple[Stage, ...], int]) -> _Kind:
    made, width = _plans(kind)
    numbers = [plans.setdefault(plan, len(plans)) for plan in made]
    slot_time = _of(kind, "slot_time", kind.slot_time)
    floor = None if kind.floor is None else _of(kind, "floor", kind.floor)
    return _Kind(kind, slot_time, floor, np.array(numbers, np.int32), width, not kind.stages)


def _of(kind: JobKind, what: str, distribution: described.Distribution) -> Sampler:
    try:
        return sampler(distribution)
    except ValueError as error:
        raise RehearsalError(f"{what} of the kind {kind.name!r}: {error}") from None


def _plans(kind: JobKind) -> tuple[list[tuple[Stage, ...]], float | None]:
    """The plans of a kind, and the width of its jobs (None: by slot time).

    Units that no one gives are one for each ``unit_s`` of the stage. Where some stages have units of their
    own, one width cannot be for both: then there is a plan for each of :data:`_WIDTHS`.
    """
    if not kind.stages:
        return [(Stage(1.0),)], None if kind.units is None else float(kind.units)
    inputs = [_inputs(kind, at, part) for at, part in enumerate(kind.stages)]
    total = math.fsum(part.share for part in kind.stages)
    shares = [part.share / total for part in kind.stages]
    units = [part.units or kind.units for part in kind.stages]

    def plan(width: float) -> tuple[Stage, ...]:
        rows = zip(shares, units, inputs, strict=True)
        return tuple(Stage(share, float(own or width * share), before) for share, own, before in rows)

    if None not in units:
        return [plan(1.0)], 1.0
    if not any(units):
        return [plan(1.0)], None
    return [plan(width) for width in _WIDTHS.tolist()], 1.0


def _inputs(kind: JobKind, at: int, part: StagePart) -> tuple[int, ...]:
    """The places of the stages that a stage waits for."""
    if part.after is None:
        return (at - 1,) if at else ()
    late = [number for number in part.after if number > at]
    if late:
        raise RehearsalError(
            f"stage {at + 1} of the kind {kind.name!r} waits for stage {late[0]}; "
            "a stage can only wait for stages before it"
        )
    return tuple(sorted({number - 1 for number in part.after}))
