"""What results are worth: thresholds, the Pareto front, and the report with the setting to take."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from bqsim.cost.units import shown_money

from . import advising, bounds, priced, uncertainty
from .plan.checks import written_key
from .plan.grid import Setting, settings
from .plan.model import Plan, Threshold
from .plan.reading import LoadedPlan
from .plan.whole import objectives_of
from .reporting import samplings
from .reporting.words import as_delay, as_share, in_seconds, utilisation
from .results import ALL, Advice, Broken, Calibration, GroupResult, Report, SettingResult

# Of a measure that is at its limit to the last digit, the limit is kept.
_HAIR = 1e-9


@dataclass(frozen=True, slots=True)
class Measure:
    """What a threshold bounds: how it is called, its value for a group, how it is written; ``least``: it must
    not be less."""

    noun: str
    of: Callable[[Plan, Threshold, SettingResult, GroupResult], float]
    told: Callable[[float, str], str]
    least: bool = False

    def broken(self, value: float, limit: float) -> bool:
        """Whether a value breaks a limit; one that is not there does."""
        if math.isnan(value):
            return True
        hair = _HAIR * max(abs(limit), 1.0)
        return value < limit - hair if self.least else value > limit + hair


def _duration(percentile: float) -> Callable[[Plan, Threshold, SettingResult, GroupResult], float]:
    return lambda _plan, _one, _result, group: group.duration.at(percentile)


def _wait(percentile: float) -> Callable[[Plan, Threshold, SettingResult, GroupResult], float]:
    return lambda _plan, _one, _result, group: group.wait.at(percentile)


def _cost(_plan: Plan, _one: Threshold, result: SettingResult, group: GroupResult) -> float:
    return result.cost_per_day if group.group == ALL else group.cost / result.days


def _misses(plan: Plan, one: Threshold, result: SettingResult, _group: GroupResult) -> float:
    about = objectives_of(plan, one.group)
    return max((each.share for each in result.objectives if each.name in about), default=math.nan)


def _failures(_plan: Plan, _one: Threshold, _result: SettingResult, group: GroupResult) -> float:
    return 1.0 - group.states.get("DONE", 0) / group.jobs if group.jobs else math.nan


def _streaming_use(_plan: Plan, _one: Threshold, result: SettingResult, _group: GroupResult) -> float:
    return result.streaming.use if result.streaming is not None else math.nan


def _streaming_delay(_plan: Plan, _one: Threshold, result: SettingResult, _group: GroupResult) -> float:
    return result.streaming.delay_p99_s if result.streaming is not None else math.nan


MEASURES: Mapping[str, Measure] = {
    "p50_duration_s": Measure("p50 of durations", _duration(50.0), in_seconds),
    "p95_duration_s": Measure("p95 of durations", _duration(95.0), in_seconds),
    "p99_duration_s": Measure("p99 of durations", _duration(99.0), in_seconds),
    "p95_wait_s": Measure("p95 of waits", _wait(95.0), in_seconds),
    "p99_wait_s": Measure("p99 of waits", _wait(99.0), in_seconds),
    "cost_per_day": Measure("cost a day", _cost, shown_money),
    "misses": Measure("share of jobs that miss an objective", _misses, as_share),
    "failures": Measure("share of jobs that fail", _failures, as_share),
    "least_utilisation": Measure(
        "utilisation", lambda _plan, _one, result, _group: utilisation(result), as_share, least=True
    ),
    "streaming_use": Measure("largest share of a quota that streams use", _streaming_use, as_share),
    "streaming_delay_p99_s": Measure("p99 of delays of streams", _streaming_delay, as_delay),
}


Tried = Mapping[str, Sequence[tuple[uncertainty.Trial, SettingResult]]]
# The result of a setting with so many times its slot time.
Grow = Callable[[Setting, float], SettingResult]


def judged(
    loaded: LoadedPlan,
    results: Sequence[SettingResult],
    calibration: Calibration | None = None,
    tried: Tried | None = None,
    grow: Grow | None = None,
) -> Report:
    """The report of a rehearsal. ``results`` are of the plan's settings; ``tried``, by their names, what came
    of them with other slot time and seeds; ``grow`` finds how far slot time may grow.

    A threshold that names no setting is about the one recommended, whatever the circumstances; one that does
    is about all that it names.
    """
    plan = loaded.plan
    found = {setting.name: setting for setting in settings(plan)}
    tried = tried or {}
    results = [
        replace(one, envelope=uncertainty.envelope(one, tried[one.name])) if one.name in tried else one
        for one in results
    ]
    cases = tuple(case(loaded, found[one.name], one, tried.get(one.name, ())) for one in results)
    results = [replace(one, fragile=tuple(each.fragile)) for one, each in zip(results, cases, strict=True)]
    taken = advising.advised(plan, loaded.folder, cases, calibration)
    broken = (
        [
            one.broken
            for each in cases
            for one in each.limits
            if one.broken is not None and (one.named or each.setting.choice == taken.case.setting.choice)
        ]
        if taken
        else []
    )
    return Report(
        name=plan.name,
        seed=plan.seed,
        currency=plan.money.currency,
        settings=tuple(results),
        pareto=tuple(each.result.name for each in advising.front(cases)),
        advice=_advice(loaded, taken, grow) if taken else None,
        broken=tuple(broken),
        calibration=calibration,
        notes=(
            *_notes(loaded, results),
            *priced.notes(found, results),
            *uncertainty.notes(plan, tuple(found.values()), calibration),
        ),
        assumed=uncertainty.assumed(plan, calibration),
    )


def _advice(loaded: LoadedPlan, taken: advising.Taken, grow: Grow | None) -> Advice:
    """The advice, with how far slot time may grow where that can be told."""
    choice = taken.choice
    if grow is None or choice.complaints or not choice.promised:
        return taken.advice
    simulated = grow

    def broken(setting: Setting, factor: float) -> str:
        told = next(iter(case(loaded, setting, simulated(setting, factor)).complaints), "")
        several = told and len(choice.everywhere) > 1
        return f"{told} ({setting.name})" if several else told

    heaviest = sorted(choice.everywhere, key=lambda one: -one.result.whole.slot_hours)
    found = uncertainty.headroom(broken, [one.setting for one in heaviest])
    reasons = (*taken.advice.reasons, f"{uncertainty.told_headroom(found)}.")
    return replace(taken.advice, reasons=reasons, headroom=found)


def case(
    loaded: LoadedPlan,
    setting: Setting,
    result: SettingResult,
    tried: Sequence[tuple[uncertainty.Trial, SettingResult]] = (),
) -> advising.Case:
    """A setting's result with what it is bound to."""
    limits = [
        limit
        for at, one in enumerate(loaded.plan.thresholds)
        if one.setting is None or fnmatchcase(result.name, one.setting)
        for limit in _limits(loaded, at, one, result)
    ]
    others = tuple((trial, case(loaded, setting, one)) for trial, one in tried)
    return advising.Case(setting, result, tuple(limits), others)


def _limits(loaded: LoadedPlan, at: int, one: Threshold, result: SettingResult) -> list[advising.Limit]:
    found = []
    for name, measure in MEASURES.items():
        limit = getattr(one, name)
        if limit is None:
            continue
        place = loaded.place("thresholds", at, written_key(name))
        for group in _groups(one, result):
            value = measure.of(loaded.plan, one, result, group)
            told = _told(measure, one, group, value, limit, loaded.plan.money.currency)
            broken = Broken(result.name, told, value, limit, place) if measure.broken(value, limit) else None
            found.append(advising.Limit(told, value, limit, measure.least, one.setting is not None, broken))
        if not _groups(one, result):
            told = f"no group matches '{one.group}'; there is {', '.join(g.group for g in result.groups)}"
            broken = Broken(result.name, told, math.nan, limit, place)
            found.append(
                advising.Limit(told, math.nan, limit, measure.least, one.setting is not None, broken)
            )
    return found


def _groups(one: Threshold, result: SettingResult) -> list[GroupResult]:
    """The groups that a threshold is about; all together only where it says so."""
    if one.group is None or one.group == ALL:
        return [result.whole]
    named = result.groups[1:] or result.groups
    return [group for group in named if fnmatchcase(group.group, one.group)]


def _told(
    measure: Measure, one: Threshold, group: GroupResult, value: float, limit: float, currency: str
) -> str:
    whose = f" of {group.group}" if one.group is not None else ""
    bound = measure.told(limit, currency)
    if math.isnan(value):
        what = (
            "no slots are paid for" if measure.least else "no job ended well" if group.jobs else "no job came"
        )
        asked = f"{'at least' if measure.least else 'at most'} {bound}"
        return f"{measure.noun}{whose}: {what}, and {asked} is asked for"
    if measure.least:
        relation = "less than" if measure.broken(value, limit) else "at least"
    else:
        relation = "more than" if measure.broken(value, limit) else "at most"
    return f"{measure.noun}{whose}: {measure.told(value, currency)}, {relation} {bound}"


def _notes(loaded: LoadedPlan, results: Sequence[SettingResult]) -> list[str]:
    found = [*loaded.notes, *samplings.notes(results)]
    days = min((result.days for result in results), default=0.0)
    found += [note for note in (bounds.note(days),) if note and results and loaded.plan.workload]
    for one in loaded.plan.objectives:
        jobs = [each.jobs for result in results for each in result.objectives if each.name == one.name]
        if jobs and not any(jobs):
            found.append(f"the objective '{one.name}' is about no job that was measured")
    return found
