"""What parts of a plan say of each other: names that must be there, jobs that must come, files, prices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from bqsim.rehearse.errors import RehearsalError
from bqsim.rehearse.results import ALL
from bqsim.sim.scenario.capacity import NO_RESERVATION, Capacity, Commitment, Reservation
from bqsim.sim.scenario.capacity_checks import Found, most_slots
from bqsim.sim.scenario.spelling import clip, nearest, unknown

from . import model as m
from . import stream_checks
from .checks import jobs_expected
from .paths import Keys

if TYPE_CHECKING:
    from .grid import Setting

Wrong = tuple[Keys, str]

MOST_JOBS = 2_000_000_000.0
# Each has jobs of its own to draw from, which are kept.
MOST_USERS = 1_000_000
MOST_SIMULATIONS = 10_000
_DAY_S = 86_400.0
_GLOB = frozenset("*?[")


def of_plan(plan: m.Plan, times: float = 1.0) -> Found:
    """What is wrong with a plan as a whole, whose parts are right; ``times`` as many jobs."""
    for at, part in enumerate(plan.workload):
        yield from _part(plan, ("workload", at), part)
    if plan.workload:
        yield from _amount(plan, times)
    yield from stream_checks.of_plan(plan)
    yield from _groups(plan)


def _part(plan: m.Plan, here: Keys, part: m.WorkloadPart) -> Found:
    kinds = _kinds(part)
    for at, kind in enumerate(kinds):
        if problem := _reservation(plan.capacity, kind.reservation):
            yield (*here, "origin", "generated", "mix", at, "reservation"), problem
    projects = {kind.project for kind in kinds}
    for at, change in enumerate(part.changes):
        where = (*here, "changes", at)
        if problem := _reservation(plan.capacity, change.reservation or ""):
            yield (*where, "reservation"), problem
        if kinds:
            yield from _selected(where, change.of, kinds, projects)
        if change.project is not None:
            projects.add(change.project)


def _reservation(capacity: Capacity, name: str) -> str | None:
    """What is wrong with the reservation that a job asks for; ``''`` asks for none."""
    if not name or name == NO_RESERVATION:
        return None
    if name.rsplit(".", 1)[-1] in capacity.reservations:
        return None
    return unknown("reservation", name, (*capacity.reservations, NO_RESERVATION))


def _selected(where: Keys, of: m.Selection, kinds: Sequence[m.JobKind], projects: Collection[str]) -> Found:
    """Patterns of a selection that no generated job matches."""
    names: Mapping[str, Collection[str]] = {
        "project": projects,
        "principal": {kind.principal for kind in kinds},
        "kind": {kind.name for kind in kinds},
    }
    for key, known in names.items():
        for pattern in getattr(of, key):
            if not any(fnmatchcase(name, pattern) for name in known):
                yield (*where, "of", key), _no_match(key, pattern, known)
    for label, pattern in of.labels.items():
        values = {kind.labels[label] for kind in kinds if label in kind.labels}
        if not any(fnmatchcase(value, pattern) for value in values):
            message = (
                _no_match(f"label '{label}'", pattern, values) if values else f"no job has a label '{label}'"
            )
            yield (*where, "of", "labels", label), message
    if of.statement_type:
        yield (*where, "of", "statement_type"), "generated jobs have no statement type; use 'kind'"


def _no_match(what: str, pattern: str, known: Iterable[str]) -> str:
    names = sorted(name for name in known if name)
    if near := nearest(pattern, names):
        hint = f"; did you mean '{near}'?"
    else:
        hint = f"; there is {', '.join(names)}" if names else ""
    return f"no {what} of the jobs matches '{clip(pattern)}'{hint}"


def _is_closed(part: m.WorkloadPart) -> bool:
    return isinstance(part.origin, m.Generated) and isinstance(part.origin.arrivals, m.Closed)


def _amount(plan: m.Plan, times: float) -> Found:
    if not plan.workload or any(not isinstance(part.origin, m.Generated) for part in plan.workload):
        if plan.days is not None and plan.warm_up_s >= plan.days * _DAY_S:
            yield (
                ("warm_up",),
                f"'warm_up' is as long as all of it ({plan.days:g} days): nothing would be measured",
            )
        return
    days = plan.days or 1.0
    expected = [(jobs_expected(part, days) or 0.0) * times for part in plan.workload]
    told = f"{days:g} day{'' if days == 1 else 's'}"
    for at, (part, count) in enumerate(zip(plan.workload, expected, strict=True)):
        if _is_closed(part) and count > MOST_USERS:
            where = ("workload", at, "origin", "generated", "arrivals", "closed", "users")
            yield where, f"{count:,.0f} users; a part of a workload has at most {MOST_USERS:,}"
    if sum(expected) < 1:
        message = f"0 jobs: about {sum(expected):.2g} would arrive in {told}; raise the rate or 'days'"
        yield ("workload",), message
    elif sum(expected) > MOST_JOBS:
        at = expected.index(max(expected))
        message = (
            f"about {sum(expected):.3g} jobs would arrive in {told}; a rehearsal takes up to {MOST_JOBS:,.0f}"
        )
        yield ("workload", at), message
    if plan.warm_up_s >= days * _DAY_S:
        yield ("warm_up",), f"'warm_up' is as long as all of it ({told}): nothing would be measured"


_Grouping = Callable[[m.Plan, m.WorkloadPart, m.JobKind, m.Change], str]
# The group of a generated job that a change was made of, as building a workload has it.
_GROUPINGS: Mapping[str, _Grouping] = {
    "project": lambda _plan, _part, kind, change: change.project or kind.project,
    "label": lambda plan, _part, kind, _change: kind.labels.get(plan.group_label, ""),
    "priority": lambda _plan, _part, kind, change: change.priority or kind.priority,
    "user": lambda _plan, _part, kind, _change: kind.principal,
    "fingerprint": lambda _plan, _part, kind, _change: kind.name,
    "statement_type": lambda _plan, _part, _kind, _change: "",
    "workload": lambda _plan, part, _kind, _change: part.name,
}


def groups_of(plan: m.Plan) -> set[str] | None:
    """The groups that results will have; None where the plan alone does not tell them."""
    from bqsim.rehearse.workloads.building import NO_VALUE

    found = {ALL}
    if plan.group_by == "none":
        return found
    group_of = _GROUPINGS[plan.group_by]
    for part in plan.workload:
        if plan.group_by == "workload":
            found.add(part.name)
        elif not isinstance(part.origin, m.Generated):
            return None
        else:
            changes = (m.Change(), *part.changes)
            pairs = [(kind, change) for kind in part.origin.mix for change in changes]
            found |= {group_of(plan, part, *pair) or NO_VALUE for pair in pairs}
    return found


def _groups(plan: m.Plan) -> Found:
    known = groups_of(plan)
    bounds: list[tuple[Keys, str | None]] = []
    bounds += [(("objectives", at, "group"), one.group) for at, one in enumerate(plan.objectives)]
    bounds += [(("thresholds", at, "group"), one.group) for at, one in enumerate(plan.thresholds)]
    for where, group in bounds:
        if group is None or known is None or any(fnmatchcase(name, group) for name in known):
            continue
        if plan.group_by == "none":
            yield where, f"unknown group '{clip(group)}': jobs are not told apart; set 'group_by'"
        else:
            yield where, unknown("group", group, sorted(known))
    for at, one in enumerate(plan.thresholds):
        if one.misses is not None and not objectives_of(plan, one.group):
            whose = f" about the group '{clip(one.group)}'" if one.group is not None else ""
            yield ("thresholds", at, "misses"), f"there is no objective{whose} that could be missed"


def objectives_of(plan: m.Plan, group: str | None) -> tuple[str, ...]:
    """The names of the objectives that a threshold about a group is about; None: all."""
    return tuple(
        one.name
        for one in plan.objectives
        if group is None
        or (one.group is not None and (fnmatchcase(one.group, group) or fnmatchcase(group, one.group)))
    )


def of_settings(plan: m.Plan, settings: Sequence[Setting]) -> Iterator[Wrong]:
    """Thresholds about settings that are not there; too many simulations."""
    if plan.uncertainty is not None:
        count = len(settings) * (3 + plan.uncertainty.seeds)
        if count > MOST_SIMULATIONS:
            message = f"this makes {count:,} simulations; a rehearsal has at most {MOST_SIMULATIONS:,}"
            yield ("uncertainty",), message
    names = [setting.name for setting in settings]
    for at, one in enumerate(plan.thresholds):
        if one.setting is not None and not any(fnmatchcase(name, one.setting) for name in names):
            yield ("thresholds", at, "setting"), unknown("setting", one.setting, names)


def files(plan: m.Plan, folder: Path) -> Iterator[Wrong]:
    """Files of a plan that are not there."""
    for at, part in enumerate(plan.workload):
        origin = part.origin
        here = ("workload", at, "origin")
        if isinstance(origin, m.History):
            for number, name in enumerate(origin.files):
                if problem := _missing(folder, name):
                    yield (*here, "history", "files", number), problem
        elif isinstance(origin, m.Recorded) and (problem := _missing(folder, origin.path)):
            yield (*here, "cassette", "path"), problem
    for at, name in enumerate(plan.money.files):
        if problem := _missing(folder, name):
            yield ("money", "files", at), problem


def _missing(folder: Path, name: str) -> str | None:
    if (folder / name).exists():
        return None
    hint = (
        "a folder stands for the files in it"
        if _GLOB & set(name)
        else "paths are relative to the folder of the plan"
    )
    return f"there is no file '{clip(name)}'; {hint}"


def prices(plan: m.Plan, settings: Sequence[Setting], folder: Path) -> Iterator[Wrong]:
    """Prices that no table has, of the plan and of its settings."""
    from bqsim.rehearse.money import tariffs

    try:
        known = tariffs(plan.money, folder)
    except RehearsalError as error:
        yield ("money", "files"), str(error)
        return
    asked: set[tuple[str, ...]] = set()
    named = [(("settings", one.name) if one.name in plan.settings else ("grid",), one) for one in settings]
    for where, capacity in ((("capacity",), plan.capacity), *((keys, one.capacity) for keys, one in named)):
        for keys, what in _bought(capacity):
            if what in asked:
                continue
            asked.add(what)
            try:
                known.slots(*what)
            except RehearsalError as error:
                yield (*where, *keys), str(error)
    try:
        known.spends()
    except RehearsalError as error:
        yield ("money", "spend_commitments"), str(error)
    yield from stream_checks.prices(plan, [one.plan for one in settings], known)
    if plan.workload and not plan.capacity.reservations:
        try:
            known.bytes()
        except RehearsalError as error:
            yield ("money", "region"), str(error)


def _bought(capacity: Capacity) -> Iterator[tuple[Keys, tuple[str, str, str]]]:
    """Editions, locations and terms of slots that are bought."""
    from bqsim.rehearse.money import TERMS

    for name, one in capacity.reservations.items():
        yield ("reservations", name, "location"), (one.edition, one.location, "none")
    for at, each in enumerate(capacity.commitments):
        yield ("commitments", at, "location"), (each.edition, each.location, TERMS[each.plan])


def notes(plan: m.Plan, settings: Sequence[Setting]) -> Iterator[str]:
    """What is not wrong, but may not be meant."""
    capacity = plan.capacity
    used = {one.reservation for setting in settings for one in setting.capacity.assignments}
    for part in plan.workload:
        used |= {kind.reservation.rsplit(".", 1)[-1] for kind in _kinds(part)}
    changes = (change for setting in settings for part in setting.plan.workload for change in part.changes)
    used |= {(change.reservation or "").rsplit(".", 1)[-1] for change in changes}
    recorded = any(not isinstance(part.origin, m.Generated) for part in plan.workload)
    for name, reservation in capacity.reservations.items():
        if name not in used and not recorded:
            lends = "; its idle slots are lent to others" if reservation.slot_capacity else ""
            yield f"nothing is assigned to the reservation '{name}'{lends}"
    if not recorded:
        yield from _of_nobody(plan)
    yield from _covers_nothing(plan)
    for name in capacity.reservations:
        without = [one.name for one in settings if name in _without_slots(one.capacity)]
        if without and name in used:
            where = "" if len(without) == len(settings) else f" in the setting '{clip(without[0])}'"
            yield f"the reservation '{name}' has no slots of its own and none to borrow{where}: its jobs wait"


def _covers_nothing(plan: m.Plan) -> Iterator[str]:
    """Commitments to spend where there is no reservation."""
    locations = {one.location.upper() for one in plan.capacity.reservations.values()}
    for at, one in enumerate(plan.money.spend_commitments, 1):
        if one.location.upper() not in locations:
            yield f"commitment {at} to spend covers nothing: no reservation is in '{clip(one.location)}'"


def _of_nobody(plan: m.Plan) -> Iterator[str]:
    """Assignments that are about no generated job."""
    kinds = [kind for part in plan.workload for kind in _kinds(part)]
    projects = {kind.project for kind in kinds}
    projects |= {change.project for part in plan.workload for change in part.changes if change.project}
    principals = {kind.principal for kind in kinds}
    for at, one in enumerate(plan.capacity.assignments, 1):
        patterns = plan.capacity.folders.get(one.folder or "", ())
        for key, name, found in (
            ("project", one.project, one.project in projects),
            ("principal", one.principal, one.principal in principals),
            ("folder", one.folder, any(fnmatchcase(each, any_) for each in projects for any_ in patterns)),
        ):
            if name is not None and not found:
                near = nearest(name, {"project": projects, "principal": principals}.get(key, ()))
                hint = f"; there is '{near}'" if near else ""
                yield f"assignment {at} is about no job: none is of the {key} '{clip(name)}'{hint}"


def _kinds(part: m.WorkloadPart) -> tuple[m.JobKind, ...]:
    return part.origin.mix if isinstance(part.origin, m.Generated) else ()


def _without_slots(capacity: Capacity) -> set[str]:
    """Reservations in which no job can run: without a slot of their own, nor idle ones of others."""
    lent = Counter[tuple[str, str, str]]()
    for one in capacity.reservations.values():
        lent[_pool(one)] += one.slot_capacity
    for each in capacity.commitments:
        lent[_pool(each)] += each.slots
    return {
        name
        for name, one in capacity.reservations.items()
        if not most_slots(one) and (one.ignore_idle_slots or not lent[_pool(one)])
    }


def _pool(one: Reservation | Commitment) -> tuple[str, str, str]:
    return (one.edition, one.location.upper(), one.admin_project)
