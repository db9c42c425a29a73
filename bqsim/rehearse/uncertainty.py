"""What else could be: settings simulated with more and less slot time and with other seeds, and what that
leaves of their figures and promises."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from bqsim.sim.slots.jobs import Usage
from bqsim.sim.slots.seeds import key

from .plan.grid import Setting
from .plan.model import Generated, Plan
from .reporting import words
from .results import (
    CHANCE,
    DAYS,
    TOGETHER,
    WORK,
    Assumed,
    Calibration,
    Envelope,
    Headroom,
    SettingResult,
)
from .streams import rates

Pair = tuple[float, float]
Key = tuple[str, float, int]

# Of a job at least that much is left, however far off its slot time may be.
LEAST_WORK = 0.05
# Growth of slot time is tried in these steps (percent), then between two of them, to a percent.
STEPS = (125, 150, 200, 300, 400)
_AS_PLANNED = 100
_SEEDS = 2**63


@dataclass(frozen=True, slots=True)
class Trial:
    """One simulation of a setting: with ``work`` times its slot time, and with the seed number ``chance``
    (0: the plan's own)."""

    setting: Setting
    work: float = 1.0
    chance: int = 0

    @property
    def key(self) -> Key:
        """By what trials of a plan are told apart."""
        return self.setting.name, self.work, self.chance

    @property
    def as_planned(self) -> bool:
        return self.work == 1.0 and self.chance == 0

    @property
    def told(self) -> str:
        """What is other than planned; ``''`` for nothing."""
        if self.chance:
            return f"with other seed {self.chance}"
        return "" if self.work == 1.0 else f"with {told_work(self.work)}"

    @property
    def name(self) -> str:
        """The name of the setting, and what is other."""
        return self.setting.name if self.as_planned else f"{self.setting.name}, {self.told}"

    @property
    def drawn(self) -> Setting:
        """The setting with the seed of this trial."""
        if not self.chance:
            return self.setting
        plan = self.setting.plan
        seed = key(plan.seed, "uncertainty", self.chance) % _SEEDS
        return replace(self.setting, plan=replace(plan, seed=seed))


def told_work(factor: float) -> str:
    """``20 % more slot time``."""
    percent = f"{abs(factor - 1) * 100:.3g} %"
    return f"{percent} {'more' if factor > 1 else 'less'} slot time"


def assumed(plan: Plan, calibration: Calibration | None) -> Assumed | None:
    """By how much slot time may be off; None where the plan does not ask."""
    asked = plan.uncertainty
    if asked is None:
        return None
    error = model_error(calibration)
    validated = asked.work is None and error is not None
    return Assumed((error or 0.0) if asked.work is None else asked.work, asked.seeds, validated)


def model_error(calibration: Calibration | None) -> float | None:
    """The share by which the model was off, the worst of durations and of what is charged."""
    if calibration is None:
        return None
    # Slots by the minute may be off where neither durations nor what is charged are.
    errors = (calibration.duration_error, calibration.scaled_error)
    known = [abs(one) for one in errors if one is not None and math.isfinite(one)]
    return max(known, default=None)


def trials(settings: Sequence[Setting], one: Assumed | None) -> Iterator[Trial]:
    """All simulations of the settings, those of one setting in a row, first as planned."""
    for setting in settings:
        yield Trial(setting)
        if one is None:
            continue
        if one.work:
            yield Trial(setting, work=max(1 - one.work, LEAST_WORK))
            yield Trial(setting, work=1 + one.work)
        if is_drawn(setting):
            yield from (Trial(setting, chance=number) for number in range(1, one.seeds + 1))


def is_drawn(setting: Setting) -> bool:
    """Whether another seed changes anything."""
    parts = setting.plan.workload
    return (
        setting.times != 1.0
        or setting.retries.attempts > 1
        or any(isinstance(part.origin, Generated) for part in parts)
        or any(change.times % 1.0 for part in parts for change in part.changes)
        or any(map(rates.is_drawn, setting.plan.streams))
    )


def notes(plan: Plan, settings: Sequence[Setting], calibration: Calibration | None) -> Iterator[str]:
    """What the uncertainty that was asked for leaves open."""
    one = assumed(plan, calibration)
    if one is None:
        return
    if not one.work:
        yield (
            "slot time is taken as exact: 'uncertainty' says no 'work', and no history was validated "
            "(--validate) whose error would be taken"
            if plan.uncertainty is not None and plan.uncertainty.work is None
            else "slot time is taken as exact, as 'uncertainty' says"
        )
    error = model_error(calibration)
    if error is not None and not one.validated and error > one.work:
        yield (
            f"the model was off by {words.share(error)} for the history, and 'uncertainty' says "
            f"{words.share(one.work)}: the history's error is the larger one"
        )
    if one.seeds and not any(map(is_drawn, settings)):
        yield "other seeds change nothing: no jobs are generated, copied or submitted again"


def bare(result: SettingResult) -> SettingResult:
    """A result without what slots did over time, which is of no matter here and large."""
    usage = result.usage
    none = np.zeros((0, 0))
    return replace(result, usage=Usage((), usage.bucket_ms, usage.end_ms, *[none] * 7))


@dataclass(frozen=True, slots=True)
class _Bounded:
    """A measure of an envelope. ``lost``: what it is where no job ends well; ``most``: it cannot be more."""

    of: Callable[[SettingResult], float]
    lost: float = math.nan
    most: float = math.inf


def _wait(percentile: float) -> Callable[[SettingResult], float]:
    return lambda result: result.whole.wait.at(percentile)


MEASURES: Mapping[str, _Bounded] = {
    **{f"p{p:g}_duration_s": _Bounded(words.duration_at(p), math.inf) for p in (50.0, 95.0, 99.0)},
    **{f"p{p:g}_wait_s": _Bounded(_wait(p), math.inf) for p in (95.0, 99.0)},
    "cost_per_day": _Bounded(lambda result: result.cost_per_day),
    "billed_hours_per_day": _Bounded(words.billed_hours),
    "misses": _Bounded(lambda result: result.misses if result.objectives else math.nan, most=1.0),
    "failures": _Bounded(lambda result: result.failures, most=1.0),
    "utilisation": _Bounded(words.utilisation, most=1.0),
}


def envelope(planned: SettingResult, tried: Sequence[tuple[Trial, SettingResult]]) -> Envelope:
    """Between what each measure of a setting lies, by cause. All include the figure as planned; what days
    change is 90 % of it. ``together`` is how far each cause leads away from that figure, one on top of the
    other: factors of times and money, sums of shares."""
    found: dict[str, dict[str, Pair]] = {}
    for name, measure in MEASURES.items():
        middle = measure.of(planned)
        if not math.isfinite(middle):
            continue
        causes: dict[str, Pair] = {}
        for cause, some in (
            (WORK, [one for trial, one in tried if not trial.chance and not trial.as_planned]),
            (CHANCE, [one for trial, one in tried if trial.chance]),
        ):
            values = [measure.lost if math.isnan(value) else value for value in map(measure.of, some)]
            known = [value for value in values if not math.isnan(value)]
            if known:
                causes[cause] = min(middle, *known), max(middle, *known)
        if name in planned.bounds:
            low, high = planned.bounds[name]
            causes[DAYS] = min(middle, low), max(middle, high)
        if causes:
            lows, highs = zip(*causes.values(), strict=True)
            # No hair within what one of them does.
            low, high = (_together(middle, ends, measure) for ends in (lows, highs))
            causes[TOGETHER] = min(low, *lows), max(high, *highs)
            found[name] = causes
    return found


def _together(middle: float, ends: Sequence[float], measure: _Bounded) -> float:
    """Where all causes lead that each lead to one of ``ends``."""
    if middle > 0 and not math.isfinite(measure.most):
        return middle * math.prod(end / middle for end in ends)
    return min(max(middle + math.fsum(end - middle for end in ends), 0.0), measure.most)


def headroom(broken: Callable[[Setting, float], str], settings: Sequence[Setting]) -> Headroom:
    """How far slot time may grow until one of ``settings`` breaks a promise; all keep theirs as planned.

    ``broken`` simulates a setting with so many times the slot time and says what it breaks, ``''`` for
    nothing. Steps go up until one breaks, then halves are taken, to a percent: at most twelve simulations for
    the first setting, and one for each other that keeps its promises as long.
    """
    keeps, count = STEPS[-1], 0
    broken_at: int | None = None
    breaks = ""
    for setting in settings:
        low, high = _AS_PLANNED, None
        steps = (keeps,) if count else STEPS
        while high is None or high - low > 1:
            if high is None:
                step = next((one for one in steps if one > low), None)
                if step is None:
                    break
            else:
                step = (low + high) // 2
            count += 1
            if told := broken(setting, step / 100):
                high, breaks = step, told
            else:
                low = step
        if high is not None:
            keeps, broken_at = low, high
    return Headroom(keeps / 100, None if broken_at is None else broken_at / 100, breaks, count)


def told_headroom(one: Headroom) -> str:
    """The headroom in words."""
    if one.broken_at is None:
        most = f"up to {one.keeps:g} times the slot time"
        return f"It keeps all objectives and thresholds {most}; more was not tried"
    by = f"{(one.keeps - 1) * 100:.0f} %"
    first = f"at {(one.broken_at - 1) * 100:.0f} % it breaks {one.breaks}"
    if one.keeps == 1:
        return f"Slot time may not grow at all: {first}"
    return f"Slot time may grow by {by}: {first}"
