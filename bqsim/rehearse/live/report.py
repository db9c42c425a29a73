"""What a live rehearsal came to, and what it was held to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from bqsim.rehearse.gathering import missed_of, spread_of
from bqsim.rehearse.histogram import Histogram
from bqsim.rehearse.plan.model import Objective, Plan
from bqsim.rehearse.plan.whole import objectives_of
from bqsim.rehearse.results import ALL, PERCENTILES, Broken, Missed, SettingResult, Spread
from bqsim.rehearse.times import HOUR_MS

from .tally import TOTAL, WAITED, Group, Tally

# A driver that is later than this with more than a hundredth of its jobs has not held the rate.
LATE_S = 0.1


@dataclass(frozen=True, slots=True)
class LiveReport:
    """A live rehearsal of ``setting`` at ``url``.

    ``speed`` is how much faster than planned jobs were sent, ``rate`` how many of its seconds the service's
    clock has in one of ours; durations are in the service's. ``tally`` is what was seen, ``rehearsed`` what
    the simulation of the same jobs tells. ``stopped``: it was ended before all was sent,
    ``stopped_by`` tells by what.
    """

    name: str
    setting: str
    url: str
    client: str
    drivers: int
    seed: int
    speed: float
    rate: float
    tally: Tally
    objectives: tuple[Missed, ...] = ()
    broken: tuple[Broken, ...] = ()
    rehearsed: SettingResult | None = None
    stopped: bool = False
    stopped_by: str = ""
    notes: tuple[str, ...] = ()

    @property
    def groups(self) -> list[Group]:
        """All jobs together, then each group unless there is only one."""
        groups = [one.settled() for one in self.tally.groups]
        return [self.tally.whole(ALL), *groups] if len(groups) > 1 else [self.tally.whole(ALL)]

    @property
    def rate_held(self) -> float:
        """The share of the jobs that were sent within :data:`LATE_S` of when they were meant to be; 1.0
        without any."""
        late = self.tally.whole().phases["late"]
        return late.within(LATE_S) / late.count if late.count else 1.0

    def json(self) -> dict[str, Any]:
        """All of it as JSON has it: figures by group and phase, and the histograms themselves."""
        return {
            "name": self.name,
            "setting": self.setting,
            "url": self.url,
            "client": self.client,
            "drivers": self.drivers,
            "seed": self.seed,
            "speed": self.speed,
            "rate": self.rate,
            "stopped": self.stopped,
            "stoppedBy": self.stopped_by,
            "rateHeld": round(self.rate_held, 6),
            "groups": [_group(one) for one in self.groups],
            "objectives": [
                {"name": one.name, "jobs": one.jobs, "missed": one.missed, "kept": one.kept}
                for one in self.objectives
            ],
            "broken": [
                {"what": one.what, "value": one.value, "limit": one.limit, "place": one.place}
                for one in self.broken
            ],
            "compared": [
                {"group": one.group, "measure": one.measure, "rehearsed": one.rehearsed, "seen": one.seen}
                for one in compared(self)
            ],
            "notes": list(self.notes),
            "tally": self.tally.to_dict(),
        }


def _group(group: Group) -> dict[str, Any]:
    phases = {name: _figures(spread_of(h)) for name, h in group.settled().phases.items() if h.count}
    return {
        "group": group.name,
        "sent": group.sent,
        "done": group.done,
        "failed": group.failed,
        "stopped": group.stopped,
        "sentAgain": group.retried,
        "slotHours": group.slot_ms / HOUR_MS,
        "bytesBilled": group.bytes_billed,
        "errors": dict(sorted(group.errors.items())),
        "phases": phases,
    }


def _figures(spread: Spread) -> dict[str, float]:
    named = {f"p{p:g}": value for p, value in zip(PERCENTILES, spread.percentiles, strict=True)}
    return {"count": spread.count, "mean": spread.mean, **named, "largest": spread.largest}


@dataclass(frozen=True, slots=True)
class Compared:
    """A measure of a group, as the simulation has it and as it was seen (seconds; shares for failures)."""

    group: str
    measure: str
    rehearsed: float
    seen: float


def compared(report: LiveReport) -> list[Compared]:
    """The simulation beside what was seen; nothing without a simulation."""
    if report.rehearsed is None:
        return []
    told = {one.group: one for one in report.rehearsed.groups}
    made = []
    for group in report.groups:
        mine = told.get(group.name)
        if mine is None or not mine.jobs:
            continue
        total, waited = group.phases[TOTAL], group.phases[WAITED]
        ended = group.done + group.failed
        for p in (50.0, 95.0, 99.0):
            made.append(Compared(group.name, f"p{p:g} duration", mine.duration.at(p), total.percentile(p)))
        for p in (50.0, 95.0):
            made.append(Compared(group.name, f"p{p:g} wait", mine.wait.at(p), waited.percentile(p)))
        failures = 1 - mine.states.get("DONE", 0) / mine.jobs
        made.append(
            Compared(group.name, "failures", failures, group.failed / ended if ended else float("nan"))
        )
        made.append(Compared(group.name, "slot-hours", mine.slot_hours, group.slot_ms / HOUR_MS))
    return made


def objectives(plan: Plan, tally: Tally) -> tuple[Missed, ...]:
    """How the plan's objectives were kept: jobs that failed missed them."""
    return tuple(_kept(one, tally) for one in plan.objectives)


def _kept(one: Objective, tally: Tally) -> Missed:
    group = _selected(tally, one.group)
    jobs = group.done + group.failed
    good = [jobs]
    if one.within_s is not None:
        good.append(group.phases[TOTAL].within(one.within_s))
    if one.starts_within_s is not None:
        good.append(group.phases[WAITED].within(one.starts_within_s))
    missed = jobs - min(min(good), group.done)
    return missed_of(one, jobs, missed)


def _selected(tally: Tally, pattern: str | None) -> Group:
    """The groups of a pattern together."""
    made = Group(pattern or ALL)
    for one in tally.groups:
        if pattern is None or fnmatchcase(one.name, pattern):
            made.add(one)
    return made


def _failures(group: Group) -> float:
    ended = group.done + group.failed
    return group.failed / ended if ended else 0.0


def _at(phase: str, percentile: float) -> Callable[[Group], float]:
    def value(group: Group) -> float:
        histogram: Histogram = group.phases[phase]
        return histogram.percentile(percentile) if histogram.count else 0.0

    return value


# The thresholds of a plan that can be seen live, each with what it is called and whether it is in seconds.
_SEEN: dict[str, tuple[str, Callable[[Group], float], str]] = {
    "p50_duration_s": ("p50 of durations", _at(TOTAL, 50), "s"),
    "p95_duration_s": ("p95 of durations", _at(TOTAL, 95), "s"),
    "p99_duration_s": ("p99 of durations", _at(TOTAL, 99), "s"),
    "p95_wait_s": ("p95 of waits", _at(WAITED, 95), "s"),
    "p99_wait_s": ("p99 of waits", _at(WAITED, 99), "s"),
    "failures": ("share of jobs that fail", _failures, ""),
}


def broken(
    plan: Plan, setting: str, tally: Tally, missed: tuple[Missed, ...], place: Callable[..., str]
) -> Iterator[Broken]:
    """The thresholds that what was seen under a setting breaks, each with where the plan says it. Those about
    money and utilisation are the simulation's."""
    for number, threshold in enumerate(plan.thresholds):
        if threshold.setting is not None and not fnmatchcase(setting, threshold.setting):
            continue
        group = _selected(tally, threshold.group)
        of = f" of {threshold.group}" if threshold.group else ""
        for key, (name, value_of, unit) in _SEEN.items():
            limit = getattr(threshold, key)
            value = value_of(group)
            if limit is not None and value > limit:
                shown = (
                    f"{value:.3g} {unit} is above {limit:g} {unit}"
                    if unit
                    else f"{value:.2%} is above {limit:.2%}"
                )
                where = place("thresholds", number, key.removesuffix("_s"))
                yield Broken("seen", f"{name}{of}: {shown}", value, limit, where)
        if threshold.misses is not None:
            about = objectives_of(plan, threshold.group)
            worst = max((one.share for one in missed if one.name in about), default=0.0)
            if worst > threshold.misses:
                where = place("thresholds", number, "misses")
                text = f"share of jobs that miss an objective: {worst:.2%} is above {threshold.misses:.2%}"
                yield Broken("seen", text, worst, threshold.misses, where)
