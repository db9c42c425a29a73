"""What cannot be in a plan, besides what the Reservation API refuses of its capacity."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from math import ceil, fsum
from typing import Any

from bqsim.sim.scenario import latency as t
from bqsim.sim.scenario.capacity_checks import Finder, Found
from bqsim.sim.scenario.checks import CHECKS

from . import model as m
from . import stream_checks
from .shared_checks import BOUNDS, STREAMS, bounds_about, by_the_hour

MOST_TIMES = 10_000
MOST_SEEDS = 100
# What of a threshold is about slots, which belong to no group.
_OF_SLOTS = ("least_utilisation",)


def written_key(name: str) -> str:
    """How a plan writes a field: spans without their unit."""
    return name.removesuffix("_s")


def _mmpp(one: m.Mmpp, _written: Collection[str]) -> Found:
    if not one.phases:
        yield ("phases",), "an MMPP needs at least one phase"
    elif not any(phase.per_hour for phase in one.phases):
        yield ("phases",), "no phase has arrivals: 'per_hour' is 0 in all of them"


def _phase(one: m.Phase, _written: Collection[str]) -> Found:
    if not one.lasts_s:
        yield ("lasts",), "a phase must last longer than 0"


def _diurnal(one: m.Diurnal, written: Collection[str]) -> Found:
    return by_the_hour(one, written, "no job would arrive")


def _bursts(one: m.Bursts, _written: Collection[str]) -> Found:
    if not one.every_s:
        yield ("every",), "'every' must be longer than 0"
    elif one.spread_s > one.every_s and not one.random:
        yield ("spread",), "'spread' must not be longer than 'every'"


def _kind(one: m.JobKind, _written: Collection[str]) -> Found:
    if one.timeout_s == 0:
        yield ("timeout",), "'timeout' must be longer than 0"
    for key in ("slot_time", "floor"):
        yield from _distribution(key, getattr(one, key))
    for at, stage in enumerate(one.stages):
        late = [number for number in stage.after or () if number > at]
        if late:
            message = f"stage {at + 1} can only wait for stages before it, not for stage {late[0]}"
            yield ("stages", at, "after"), message
    if one.failing == 1:
        yield ("failing",), "'failing' is 1: every job of this kind would fail"


def _distribution(key: str, distribution: t.Distribution | None) -> Found:
    """What only shows when a distribution is put through its percentiles."""
    from bqsim.sim.latency import latency_of

    try:
        if distribution is not None and _is_sound(distribution):
            latency_of(t.Latency(distribution))
    except ValueError as error:
        yield (key,), str(error)


def _is_sound(distribution: t.Distribution) -> bool:
    """Whether its parameters go together; where they do not, that is told already."""
    if isinstance(distribution, t.Mixture):
        return bool(distribution.parts) and all(_is_sound(part.of) for part in distribution.parts)
    return not any(check.broken(distribution) for check in CHECKS.get(type(distribution), ()))


def _closed(one: m.Closed, _written: Collection[str]) -> Found:
    yield from _distribution("think", one.think)
    if isinstance(one.think, t.Fixed) and not one.think.value_s:
        message = "'think' must be longer than 0: users turned away would be back at the same moment"
        yield ("think",), message


def _sample(one: m.Sample, _written: Collection[str]) -> Found:
    if not one.share:
        yield ("share",), "a share of 0 leaves no job; leave the part of the workload out"
    if one.by == "label" and not one.label:
        yield ("by",), "'by: label' needs 'label', the key of the label"
    if one.by != "label" and one.label:
        yield ("label",), "'label' is for 'by: label' only"


def _workload_part(one: m.WorkloadPart, written: Collection[str]) -> Found:
    if "align" in written and isinstance(one.origin, m.Generated):
        message = "'align' is for histories and cassettes; generated jobs come as long as the rehearsal lasts"
        yield ("align",), message


def _change(one: m.Change, _written: Collection[str]) -> Found:
    if one.times > MOST_TIMES:
        yield ("times",), too_often(one.times)


def too_often(times: float) -> str:
    """What is said of jobs that are multiplied without bounds."""
    return f"expected at most {MOST_TIMES:,} times the jobs, not {times:g}"


def _generated(one: m.Generated, _written: Collection[str]) -> Found:
    if not one.mix:
        yield ("mix",), "a mix needs at least one kind of job"
    yield from _twice(("mix",), [kind.name for kind in one.mix], "kind of job")


def _history(one: m.History, _written: Collection[str]) -> Found:
    if not one.files:
        yield ("files",), "a history needs at least one file"


def _retries(one: m.ClientRetries, _written: Collection[str]) -> Found:
    if one.longest_s < one.first_s:
        yield ("longest", "first"), "'longest' must not be shorter than 'first'"
    if one.factor < 1:
        yield ("factor",), "'factor' must be at least 1: waits do not become shorter"


def _objective(one: m.Objective, _written: Collection[str]) -> Found:
    if one.within_s is None and one.starts_within_s is None:
        yield (), f"the objective '{one.name}' needs 'within' or 'starts_within'"
    elif one.within_s is not None and one.starts_within_s is not None:
        yield ("starts_within",), "'within' and 'starts_within' are two objectives; write one for each"
    if one.share == 0:
        yield ("share",), "a share of 0 promises nothing"


def _threshold(one: m.Threshold, _written: Collection[str]) -> Found:
    if all(getattr(one, name) is None for name in BOUNDS):
        listed = ", ".join(written_key(name) for name in BOUNDS)
        yield (), f"a threshold needs a bound: one or more of {listed}"
    for name in _OF_SLOTS:
        if one.group is not None and getattr(one, name) is not None:
            yield (name,), f"'{name}' is about slots, which are of no group"
    for name in bounds_about(STREAMS):
        if one.group is not None and getattr(one, name) is not None:
            yield (written_key(name),), f"'{written_key(name)}' is about streams, which are of no group"


def _money(one: m.Money, _written: Collection[str]) -> Found:
    if not one.on:
        return
    try:
        dt.date.fromisoformat(one.on)
    except ValueError:
        yield ("on",), f"expected a day such as '2026-01-31', not '{one.on}'"


def _uncertainty(one: m.Uncertainty, _written: Collection[str]) -> Found:
    if one.work == 1:
        yield ("work",), "'work' is 1: there would be jobs without any slot time"
    if one.seeds > MOST_SEEDS:
        yield ("seeds",), f"expected at most {MOST_SEEDS} other seeds, not {one.seeds:,}"


def _plan(one: m.Plan, written: Collection[str]) -> Found:
    if not one.workload and not one.streams:
        if {"workload", "streams"} & set(written):
            yield ("workload",), "a workload needs at least one part"
        else:
            yield (), "a plan needs 'workload' or 'streams'"
    yield from _twice(("workload",), [part.name for part in one.workload], "part of the workload")
    yield from _twice(("streams",), [stream.name for stream in one.streams], "stream")
    yield from _twice(("objectives",), [promise.name for promise in one.objectives], "objective")
    if one.group_by == "label" and not one.group_label:
        yield ("group_by",), "'group_by: label' needs 'group_label', the key of the label"
    if one.group_by != "label" and one.group_label:
        yield ("group_label",), "'group_label' is for 'group_by: label' only"


def _twice(where: tuple[str, ...], names: Sequence[str], what: str) -> Found:
    first: dict[str, int] = {}
    for at, name in enumerate(names):
        if name in first:
            message = f"{what} {first[name] + 1} has the name '{name}' already; give each a 'name' of its own"
            yield (*where, at, "name"), message
        first.setdefault(name, at)


FINDERS: Mapping[type, Finder] = {
    m.Mmpp: _mmpp,
    m.Phase: _phase,
    m.Diurnal: _diurnal,
    m.Bursts: _bursts,
    m.Closed: _closed,
    m.JobKind: _kind,
    m.Sample: _sample,
    m.WorkloadPart: _workload_part,
    m.Change: _change,
    m.Generated: _generated,
    m.History: _history,
    m.ClientRetries: _retries,
    m.Objective: _objective,
    m.Threshold: _threshold,
    m.Money: _money,
    m.Uncertainty: _uncertainty,
    m.Plan: _plan,
    **stream_checks.FINDERS,
}


def jobs_expected(part: m.WorkloadPart, days: float) -> float | None:
    """About how many jobs a generated part has in so many days; None where that is not told by the plan."""
    if not isinstance(part.origin, m.Generated):
        return None
    count = _EXPECTED[type(part.origin.arrivals)](part.origin.arrivals, days)
    for change in part.changes:
        if change.of == m.Selection():
            count *= change.times
    return count


def _of_mmpp(one: m.Mmpp, days: float) -> float:
    total = fsum(phase.lasts_s for phase in one.phases)
    return fsum(phase.per_hour * phase.lasts_s for phase in one.phases) / total * 24 * days


def _of_diurnal(one: m.Diurnal, days: float) -> float:
    hours = fsum(one.hours) if one.hours else 24 * (1 + one.night_share) / 2
    factor = fsum(one.days) / 7 if one.days and days >= 7 else 1.0
    return one.per_hour * hours * factor * days


def _of_bursts(one: m.Bursts, days: float) -> float:
    left = days * 86_400 - one.first_s
    if one.random:
        return max(0.0, left) / one.every_s * one.size
    return one.size * max(0, ceil(left / one.every_s))


_EXPECTED: Mapping[type, Callable[[Any, float], float]] = {
    m.Poisson: lambda one, days: one.per_hour * 24 * days,
    m.Mmpp: _of_mmpp,
    m.Diurnal: _of_diurnal,
    m.Bursts: _of_bursts,
    m.Closed: lambda one, days: one.users * (days > 0),
}


def matching(pattern: str, names: Collection[str]) -> Iterator[str]:
    """The names that a pattern is about."""
    return (name for name in names if fnmatchcase(name, pattern))
