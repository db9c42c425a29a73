"""Which setting to take, and why: the cheapest that keeps what is promised, and what its neighbours do."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bqsim.cost.units import shown_money

from .hints import hints
from .plan.grid import Setting
from .plan.model import Plan
from .reporting.words import failures, seconds, share
from .results import Advice, Broken, Calibration, Missed, SettingResult
from .streams.words import delay, sentences
from .uncertainty import Trial, model_error

# A dearer setting that shortens durations by less than this is not worth it where nothing is promised; slot
# recommendations of the service have the same step.
LEAST_GAIN = 0.05
_P95 = 95.0
# Of what bounds of days are taken for the error of a setting.
_BOUNDED = ("p95_duration_s", "cost_per_day")
_LISTED = 3
# An objective is kept narrowly when more than this share of the jobs that may miss it do.
_NARROW = 0.95
# Of a count that is a whole number to the last digit.
_HAIR = 1e-9
# Beyond this share jobs that fail for want of slots or time are told of.
_FEW_LOST = 0.01


@dataclass(frozen=True, slots=True)
class Limit:
    """A bound of a threshold on a setting, in words: ``value`` against ``limit`` (``least``: from below).
    ``named``: the threshold names settings. ``broken`` when it is."""

    told: str
    value: float
    limit: float
    least: bool
    named: bool
    broken: Broken | None


@dataclass(frozen=True, slots=True)
class Case:
    """A setting, what came of it, and the bounds that thresholds put on it. ``tried`` is what came of it
    with other slot time and other seeds."""

    setting: Setting
    result: SettingResult
    limits: tuple[Limit, ...] = ()
    tried: tuple[tuple[Trial, Case], ...] = ()

    @property
    def cost(self) -> float:
        return self.result.cost_per_day

    @property
    def p95(self) -> float:
        """The p95 of durations of all jobs; infinite when none ended well. Without jobs, the p99 of delays of
        streams."""
        if self.streams_alone:
            return self.result.streaming.delay_p99_s if self.result.streaming else math.inf
        value = self.result.whole.duration.at(_P95)
        return math.inf if math.isnan(value) else value

    @property
    def streams_alone(self) -> bool:
        """Whether it has streams and no jobs."""
        return self.result.streaming is not None and not self.result.whole.jobs

    @property
    def lost(self) -> float:
        """The share of jobs that miss an objective or fail, whichever is more; of bytes without jobs."""
        if self.streams_alone and self.result.streaming:
            return self.result.streaming.share_lost
        return max(self.result.misses, self.result.failures)

    @property
    def complaints(self) -> list[str]:
        """What it does not keep: thresholds, then objectives."""
        found = [one.told for one in self.limits if one.broken is not None]
        for one in self.result.objectives:
            if not one.kept:
                most = self.may_miss(one)
                part = "" if most is None else share(most / one.jobs if one.jobs else 0.0)
                may = "" if most is None else f", and {most:,} ({part}) may"
                found.append(f"objective {one.name}: {one.missed:,} of {one.jobs:,} jobs miss it{may}")
        return found

    def may_miss(self, one: Missed) -> int | None:
        """How many jobs may miss an objective of the plan; None for one that is not in it."""
        shares = (1 - each.share for each in self.setting.plan.objectives if each.name == one.name)
        part = next(shares, None)
        return None if part is None else math.floor(part * one.jobs + _HAIR * one.jobs)

    @property
    def fragile(self) -> list[str]:
        """What it keeps as planned, but not with other slot time, or not with all seeds."""
        if self.complaints:
            return []
        found = [
            f"{told} ({trial.told})"
            for trial, each in self.tried
            if not trial.chance
            for told in each.complaints
        ]
        chances = [each for trial, each in self.tried if trial.chance]
        broken = [each.complaints for each in chances if each.complaints]
        if broken:
            found.append(f"{_listed(broken[0])} (with {len(broken)} of {len(chances)} other seeds)")
        return found


@dataclass(frozen=True, slots=True)
class Choice:
    """A case with the same choice in other circumstances, itself among them."""

    case: Case
    everywhere: tuple[Case, ...]

    @property
    def complaints(self) -> list[str]:
        """What it does not keep in any circumstances, named where there are several."""
        if len(self.everywhere) == 1:
            return self.case.complaints
        return [
            f"{told} ({_named(each.setting.circumstances)})"
            for each in self.everywhere
            for told in each.complaints
        ]

    @property
    def fragile(self) -> list[str]:
        """What it keeps as planned only, in any circumstances."""
        if self.complaints or len(self.everywhere) == 1:
            return self.case.fragile
        return [
            f"{told} ({_named(each.setting.circumstances)})"
            for each in self.everywhere
            for told in each.fragile
        ]

    @property
    def promised(self) -> bool:
        return any(each.limits or each.result.objectives for each in self.everywhere)


@dataclass(frozen=True, slots=True)
class Taken:
    """The choice to take, and the advice that says so."""

    choice: Choice
    advice: Advice

    @property
    def case(self) -> Case:
        return self.choice.case


def front(cases: Sequence[Case]) -> list[Case]:
    """The cases that no other under the same circumstances is better than in all of cost, p95 of durations
    and share of jobs lost; of equal ones all."""

    points = [(one.cost, one.p95, one.lost) for one in cases]

    def dominated(at: int) -> bool:
        mine = points[at]
        return any(
            other[0] <= mine[0] and other[1] <= mine[1] and other[2] <= mine[2] and other != mine
            for case, other in zip(cases, points, strict=True)
            if case.setting.circumstances == cases[at].setting.circumstances
        )

    return [one for at, one in enumerate(cases) if not dominated(at)]


def advised(plan: Plan, folder: Path, cases: Sequence[Case], calibration: Calibration | None) -> Taken | None:
    """The setting to take; None without any."""
    choices = _choices(cases)
    if not choices:
        return None
    kept = [one for one in choices if not one.complaints]
    if len(choices) == 1:
        taken, reasons = choices[0], _of_the_only(choices[0], len(cases))
    elif not choices[0].promised:
        taken, reasons = _worth_it(choices, plan)
    elif kept:
        taken = min([one for one in kept if not one.fragile] or kept, key=_rank)
        reasons = [_cheapest(taken, choices, plan), *_neighbours(taken, choices, plan)]
    else:
        taken, reasons = _nearest(choices)
    case = taken.case
    error = _error(case, calibration)
    reasons += _circumstances(taken, cases)
    if taken.case.tried:
        reasons += _fragility(taken)
    else:
        reasons += _close_calls(taken, error)
    if case.result.streaming is not None:
        reasons += sentences(case.result.streaming)
    reasons += [*_failing(case), *hints(plan, folder, case.setting, case.result)]
    return Taken(taken, Advice(case.result.name, tuple(f"{reason}." for reason in reasons), error))


def _choices(cases: Sequence[Case]) -> list[Choice]:
    """All choices under the circumstances that most settings have; of such ones those with the most work."""
    by_circumstances: dict[tuple[tuple[str, object], ...], list[Case]] = {}
    for one in cases:
        by_circumstances.setdefault(one.setting.circumstances, []).append(one)
    if not by_circumstances:
        return []
    # Of equal circumstances the first counts, as max() has it.
    here = max(by_circumstances.values(), key=lambda some: (len(some), _work(some)))
    return [
        Choice(one, tuple(each for each in cases if each.setting.choice == one.setting.choice))
        for one in here
    ]


def _work(cases: Iterable[Case]) -> float:
    return max(one.result.whole.slot_hours for one in cases)


def _rank(one: Choice) -> tuple[float, ...]:
    return one.case.cost, one.case.lost, one.case.p95


def _cheapest(taken: Choice, choices: Sequence[Choice], plan: Plan) -> str:
    firmly = ""
    if taken.case.tried:
        firmly = (
            ", but only as planned" if taken.fragile else ", with all slot times and seeds that were tried"
        )
    best = f"Of {len(choices)} settings it is the cheapest that keeps"
    if _cost_the_same(choices):
        best = f"Of {len(choices)} settings, which all cost the same, it is the best that keeps"
    return f"{best} all objectives and thresholds{firmly}: {_day(taken.case, plan)}, {_sooner(taken.case)}"


def _cost_the_same(choices: Sequence[Choice]) -> bool:
    costs = [one.case.cost for one in choices]
    return math.isclose(min(costs), max(costs), rel_tol=_HAIR, abs_tol=_HAIR)


def _neighbours(taken: Choice, choices: Sequence[Choice], plan: Plan) -> list[str]:
    """What the next cheaper setting breaks, and what the next better one costs."""
    if _cost_the_same(choices):
        return []
    currency = plan.money.currency
    found = []
    cheaper = [one for one in choices if one.case.cost < taken.case.cost]
    if cheaper:
        one = max(cheaper, key=lambda one: (one.case.cost, -one.case.p95))
        saved = shown_money(taken.case.cost - one.case.cost, currency)
        breaks = f"breaks {_listed(one.complaints)}"
        if not one.complaints:
            breaks = f"is fragile: it breaks {_listed(one.fragile)}"
        found.append(f"The next cheaper one, {one.case.result.name}, saves {saved} a day and {breaks}")
    else:
        found.append("No setting is cheaper")
    faster = [
        one
        for one in choices
        if one.case.p95 < taken.case.p95
        and one.case.cost > taken.case.cost
        and not one.complaints
        and (taken.fragile or not one.fragile)
    ]
    if faster:
        # The cheapest that is worth its price, where there is one.
        much = [one for one in faster if one.case.p95 <= taken.case.p95 * (1 - LEAST_GAIN)]
        one = min(much or faster, key=_rank)
        more = shown_money(one.case.cost - taken.case.cost, currency)
        gain = 1 - one.case.p95 / taken.case.p95
        found.append(
            f"The next better one, {one.case.result.name}, costs {more} a day more: {_sooner(one.case)}, "
            f"{share(gain)} shorter"
        )
    else:
        what = "takes rows sooner" if taken.case.streams_alone else "shortens the p95 of durations"
        found.append(f"No dearer setting that keeps all {what}")
    return found


def _worth_it(choices: Sequence[Choice], plan: Plan) -> tuple[Choice, list[str]]:
    """Without any promise: the setting on the Pareto front from which on durations hardly become shorter."""
    on_front = {id(one) for one in front([one.case for one in choices])}
    steps = sorted((one for one in choices if id(one.case) in on_front), key=_rank)
    least = min(one.case.lost for one in steps)
    steps = [one for one in steps if one.case.lost <= least + LEAST_GAIN] or steps
    taken, after = steps[0], None
    for one in steps[1:]:
        if one.case.p95 <= taken.case.p95 * (1 - LEAST_GAIN):
            taken, after = one, None
        elif after is None:
            after = one
    noun = "p99 of delays" if taken.case.streams_alone else "p95 of durations"
    unknown = "The plan has no objectives and no thresholds, so what is enough is not known"
    shorten = f"the {noun} by at least {share(LEAST_GAIN)}"
    if taken is steps[0]:
        reasons = [f"{unknown}: no dearer setting that loses as few jobs shortens {shorten}"]
    else:
        reasons = [f"{unknown}: up to this one, dearer settings of the Pareto front shorten {shorten}"]
        cheapest = steps[0].case
        reasons.append(f"The cheapest, {cheapest.result.name}: {_day(cheapest, plan)}, {_sooner(cheapest)}")
    if after is not None:
        reasons.append(f"The next dearer one, {after.case.result.name}, does not: {_sooner(after.case)}")
    return taken, reasons


def _nearest(choices: Sequence[Choice]) -> tuple[Choice, list[str]]:
    """Of settings that all break something that which comes nearest."""
    taken = min(choices, key=lambda one: (len(one.complaints), one.case.lost, *_rank(one)))
    return taken, [
        f"No setting of {len(choices)} keeps all objectives and thresholds; this one comes nearest",
        f"It breaks {_listed(taken.complaints)}",
    ]


def _of_the_only(taken: Choice, cases: int) -> list[str]:
    first = "It is the only setting" if cases == 1 else "It is the only setting under these circumstances"
    if taken.complaints:
        return [f"{first}, and breaks {_listed(taken.complaints)}"]
    return [f"{first}, and keeps all objectives and thresholds" if taken.promised else first]


def _circumstances(taken: Choice, cases: Sequence[Case]) -> list[str]:
    """Under which circumstances settings were compared, where there are several."""
    every = {each.setting.circumstances for each in cases}
    if len(every) < 2:
        return []
    here = _named(taken.case.setting.circumstances)
    also = [_named(each.setting.circumstances) for each in taken.everywhere if each is not taken.case]
    told = f", and judged with {_listed(also)} as well" if also else ""
    return [f"Settings are compared with {here}{told}"]


def _failing(case: Case) -> list[str]:
    """How jobs fail for want of slots or time, where that is more than a few."""
    whole = case.result.whole
    lost = whole.jobs - whole.states.get("DONE", 0) - whole.states.get("FAILED", 0)
    if not whole.jobs or lost / whole.jobs <= _FEW_LOST:
        return []
    part = f"{lost:,} of {whole.jobs:,} jobs ({share(lost / whole.jobs)})"
    return [f"{part} fail for want of slots or time: {failures(case.result)}"]


def _fragility(taken: Choice) -> list[str]:
    """What it keeps only as planned, where something is promised."""
    if taken.fragile:
        return [f"It is fragile: it breaks {_listed(taken.fragile)}"]
    return []


def _close_calls(taken: Choice, error: float | None) -> list[str]:
    """Objectives that are kept narrowly, and limits that are kept by less than the error."""
    found = []
    for promise in taken.case.result.objectives:
        most = taken.case.may_miss(promise)
        if promise.kept and most and promise.missed > _NARROW * most:
            told = f"{promise.missed:,} of {promise.jobs:,} jobs miss it, and {most:,} may"
            found.append(f"Objective {promise.name} is kept narrowly: {told}")
    if not error:
        return found
    for one in taken.case.limits:
        reach = one.value * (1 - error if one.least else 1 + error)
        if one.broken is None and (reach < one.limit if one.least else reach > one.limit):
            found.append(f"Within the error of {share(error)} it may break a threshold: {one.told}")
    return found


def _error(case: Case, calibration: Calibration | None) -> float | None:
    """By what share durations and cost may be off: by days, and by the model where that was measured."""
    parts = []
    for name in _BOUNDED:
        low, high = case.result.bounds.get(name, (math.nan, math.nan))
        middle = (low + high) / 2
        if middle > 0:
            parts.append((high - low) / 2 / middle)
    days = max(parts, default=None)
    model = model_error(calibration)
    known = [one for one in (days, model) if one is not None]
    return math.hypot(*known) if known else None


def _day(one: Case, plan: Plan) -> str:
    return f"{shown_money(one.cost, plan.money.currency)} a day"


def _sooner(one: Case) -> str:
    if one.streams_alone:
        return f"p99 of delays {delay(one.p95)}"
    return f"p95 of durations {seconds(one.p95)}" if math.isfinite(one.p95) else "no job ends well"


def _named(values: Iterable[tuple[str, object]]) -> str:
    return ", ".join(f"{path}={_value(value)}" for path, value in values)


def _value(value: object) -> str:
    if value is None or isinstance(value, bool):
        return "none" if value is None else str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def _listed(texts: Sequence[str]) -> str:
    rest = len(texts) - _LISTED
    return "; ".join(texts[:_LISTED]) + (f"; and {rest} more" if rest > 0 else "")
