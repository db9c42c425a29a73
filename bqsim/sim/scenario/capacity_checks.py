"""What the Reservation API refuses of capacity, and what cannot be: found as (path, message) in a record.

Messages are the service's where it has a text. Paths are of written keys, from the record.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

from . import capacity as c
from .spelling import clip, unknown

Path = tuple[str | int, ...]
Found = Iterator[tuple[Path, str]]
# A record, and the keys of it that are written.
Finder = Callable[[Any, Collection[str]], Found]

STEP = 50
STANDARD_SLOTS = 1_600
STANDARD_RESERVATIONS = 10
RESERVATIONS = 200
CONTINUOUS_SLOTS = 500
# More than the service sells anybody; figures stay exact.
MOST_SLOTS = 10_000_000
STANDARD_JOB_TYPES = ("QUERY", "PIPELINE")
# The values of ignore_idle_slots that go with each scaling mode.
IGNORES_IDLE = {"AUTOSCALE_ONLY": True, "IDLE_SLOTS_ONLY": False, "ALL_SLOTS": False}

_ID = re.compile(r"[a-z](?:[a-z0-9-]{0,62}[a-z0-9])?")
_NAME = re.compile(r"[A-Za-z](?:[A-Za-z0-9-]{0,62}[A-Za-z0-9])?")
_MULTIPLES = "can only be configured in multiples of 50, except when covered by excess commitments"


def _reservation(one: c.Reservation, written: Collection[str]) -> Found:
    for key in ("slot_capacity", "autoscale_max_slots", "max_slots"):
        yield from _bounded(key, getattr(one, key) or 0)
    if one.edition == "STANDARD":
        yield from _standard(one, written)
    if one.autoscale_max_slots % STEP:
        yield (
            ("autoscale_max_slots",),
            f"Max reservation size {_MULTIPLES}; {_steps(one.autoscale_max_slots)}",
        )
    yield from _scaling(one, written)


def _bounded(key: str, slots: int) -> Found:
    if slots > MOST_SLOTS:
        yield (key,), f"expected at most {MOST_SLOTS:,} slots, not {slots:,}"


def _scaling(one: c.Reservation, written: Collection[str]) -> Found:
    if (one.max_slots is None) != (one.scaling_mode is None):
        has, lacks = (
            ("max_slots", "scaling_mode") if one.scaling_mode is None else ("scaling_mode", "max_slots")
        )
        yield (has,), f"'{has}' must be set together with '{lacks}'"
    if one.max_slots is None or one.scaling_mode is None:
        return
    if one.max_slots <= one.slot_capacity:
        message = (
            f"'max_slots' must be more than the baseline ('slot_capacity'), which is {one.slot_capacity}"
        )
        yield ("max_slots",), message
    elif one.scaling_mode != "IDLE_SLOTS_ONLY" and (one.max_slots - one.slot_capacity) % STEP:
        above = _steps(one.max_slots - one.slot_capacity, "what is above the baseline")
        yield ("max_slots",), f"Max reservation size {_MULTIPLES}; {above}"
    if one.autoscale_max_slots:
        yield ("autoscale_max_slots",), "'autoscale_max_slots' must not be set when 'max_slots' is"
    ignores = IGNORES_IDLE[one.scaling_mode]
    # What is not written goes with the mode; true is never what is not written.
    if one.ignore_idle_slots != ignores and ("ignore_idle_slots" in written or one.ignore_idle_slots):
        message = f"'ignore_idle_slots' must be {str(ignores).lower()} in the scaling mode {one.scaling_mode}"
        yield ("ignore_idle_slots", "scaling_mode"), message


def _standard(one: c.Reservation, written: Collection[str]) -> Found:
    if one.slot_capacity:
        yield ("slot_capacity",), "STANDARD Reservation can not have baseline slot capacity"
    if max(one.autoscale_max_slots, one.max_slots or 0) > STANDARD_SLOTS:
        key = "autoscale_max_slots" if one.autoscale_max_slots else "max_slots"
        yield (key,), f"a STANDARD reservation has at most {STANDARD_SLOTS:,} slots"
    if "ignore_idle_slots" in written and not one.ignore_idle_slots:
        yield ("ignore_idle_slots",), "STANDARD Reservation can not share idle slots; set it to true"
    elif one.scaling_mode is not None and not IGNORES_IDLE[one.scaling_mode]:
        yield ("scaling_mode",), "STANDARD Reservation can not share idle slots; use AUTOSCALE_ONLY"
    if one.target_job_concurrency:
        message = "'target_job_concurrency' is not available in the STANDARD edition"
        yield ("target_job_concurrency",), message


def _commitment(one: c.Commitment, _written: Collection[str]) -> Found:
    yield from _bounded("slots", one.slots)
    if one.slots % STEP:
        yield ("slots",), f"commitments are of multiples of {STEP} slots; {_steps(one.slots)}"
    if one.edition == "STANDARD":
        yield ("edition",), "there are no commitments in the STANDARD edition"


def _assignment(one: c.Assignment, _written: Collection[str]) -> Found:
    for key in ("project", "principal", "folder"):
        name = getattr(one, key) or ""
        if "*" in name:
            hint = "; write it under 'folders' and assign the folder" if key == "project" else ""
            yield (key,), f"an assignment is of one {key}, '{clip(name)}' is a pattern{hint}"
    if one.folder is not None and one.project is not None:
        yield ("folder",), "an assignment is of a project or of a folder, not of both"
    elif one.folder is not None and one.principal is not None:
        yield ("principal",), "an assignment is of a principal or of a folder, not of both"


def _cap(one: c.ProjectCap, _written: Collection[str]) -> Found:
    if one.max_slots is None and one.concurrency is None:
        yield (), "a cap of a project needs 'max_slots' or 'concurrency'"


def _on_demand(one: c.OnDemand, _written: Collection[str]) -> Found:
    if one.organization_slots < one.project_slots:
        yield ("organization_slots",), "'organization_slots' must not be less than 'project_slots'"
    if one.burst_slots and one.burst_every_s < one.burst_s:
        yield ("burst_every",), "'burst_every' must not be shorter than 'burst'"


def _capacity(one: c.Capacity, _written: Collection[str]) -> Found:
    yield from _names(one)
    yield from _own_names(one)
    yield from _counts(one)
    yield from _baselines(one)
    yield from _assigned(one)


def _names(one: c.Capacity) -> Found:
    for name in one.reservations:
        if name == c.NO_RESERVATION:
            yield ("reservations", name), "'none' means on demand; give the reservation another name"
        elif not _ID.fullmatch(name):
            message = (
                f"Malformed reservation id '{clip(name)}': it can only contain lower case alphanumeric "
                "characters or dashes, from a letter to a letter or digit, and no more than 64"
            )
            yield ("reservations", name), message


def _own_names(one: c.Capacity) -> Found:
    """Names of commitments and assignments are what statements can write, each once where it is."""
    whole: tuple[tuple[str, Any], ...] = (
        *(("commitments", each) for each in one.commitments),
        *(("assignments", each) for each in one.assignments),
    )
    seen: set[tuple[str, ...]] = set()
    places: Counter[str] = Counter()
    for column, each in whole:
        at = places[column]
        places[column] += 1
        if not each.name:
            continue
        if not _NAME.fullmatch(each.name):
            message = (
                f"'{clip(each.name)}' is no name: names begin with a letter and hold letters, digits and "
                "dashes, at most 64"
            )
            yield (column, at, "name"), message
        where = (
            each.reservation if column == "assignments" else f"{each.admin_project}:{each.location.upper()}"
        )
        if (column, where, each.name) in seen:
            yield (column, at, "name"), f"there is another of the name '{clip(each.name)}'"
        seen.add((column, where, each.name))


def _counts(one: c.Capacity) -> Found:
    many: Counter[tuple[bool, str]] = Counter()
    for name, reservation in one.reservations.items():
        standard = reservation.edition == "STANDARD"
        many[standard, reservation.admin_project] += 1
        most = STANDARD_RESERVATIONS if standard else RESERVATIONS
        if many[standard, reservation.admin_project] == most + 1:
            kind = "STANDARD reservations" if standard else "reservations"
            message = f"an administration project has at most {most} {kind}; '{name}' is one more"
            yield ("reservations", name), message


def _baselines(one: c.Capacity) -> Found:
    """Baselines in steps of 50, unless commitments of the same pool cover all of its baselines."""
    committed: Counter[tuple[str, str, str]] = Counter()
    baselines: Counter[tuple[str, str, str]] = Counter()
    for commitment in one.commitments:
        committed[_pool(commitment)] += commitment.slots
    for reservation in one.reservations.values():
        baselines[_pool(reservation)] += reservation.slot_capacity
    for name, reservation in one.reservations.items():
        pool = _pool(reservation)
        if reservation.slot_capacity % STEP and baselines[pool] > committed[pool]:
            message = f"Baseline slots {_MULTIPLES}; {_steps(reservation.slot_capacity)}"
            yield ("reservations", name, "slot_capacity"), message


def _pool(one: c.Reservation | c.Commitment) -> tuple[str, str, str]:
    return one.edition, one.location.upper(), one.admin_project


def _assigned(one: c.Capacity) -> Found:
    first: dict[tuple[str | None, ...], int] = {}
    for at, assignment in enumerate(one.assignments):
        here = ("assignments", at)
        yield from _assigned_reservation(one, here, assignment)
        if assignment.folder is not None and assignment.folder not in one.folders:
            hint = "" if one.folders else "; name its projects under 'folders'"
            yield (*here, "folder"), unknown("folder", assignment.folder, tuple(one.folders)) + hint
        whose = (assignment.project, assignment.folder, assignment.principal, assignment.job_type)
        if whose in first:
            message = (
                f"assignment {first[whose] + 1} is about the jobs of type {assignment.job_type} of the same "
                f"{_whose(assignment)} already"
            )
            yield here, message
        first.setdefault(whose, at)


def _assigned_reservation(one: c.Capacity, here: Path, assignment: c.Assignment) -> Found:
    if assignment.reservation == c.NO_RESERVATION:
        return
    reservation = one.reservations.get(assignment.reservation)
    if reservation is None:
        hint = "" if one.reservations else "; there are none, describe it under 'reservations'"
        choices = tuple(one.reservations)
        yield (*here, "reservation"), unknown("reservation", assignment.reservation, choices) + hint
        return
    if reservation.edition == "STANDARD" and assignment.job_type not in STANDARD_JOB_TYPES:
        message = f"a STANDARD reservation takes jobs of type {' and '.join(STANDARD_JOB_TYPES)} only"
        yield (*here, "job_type"), message
    if assignment.job_type == "CONTINUOUS" and most_slots(reservation) > CONTINUOUS_SLOTS:
        message = f"a reservation with CONTINUOUS jobs has at most {CONTINUOUS_SLOTS} slots"
        yield (*here, "job_type"), message


def _whose(assignment: c.Assignment) -> str:
    for kind in ("principal", "project", "folder"):
        if (name := getattr(assignment, kind)) is not None:
            return f"{kind} '{clip(name)}'"
    return "organization"


def most_slots(one: c.Reservation) -> int:
    """What a reservation may have at most of its own: baseline and scaled slots."""
    return one.max_slots or one.slot_capacity + one.autoscale_max_slots


def _steps(slots: int, what: str = "") -> str:
    below = slots // STEP * STEP
    near = f"{below} or {below + STEP}" if below else f"{STEP}"
    return f"{f'{what} is ' if what else ''}{slots}, not {near}"


FINDERS: Mapping[type, Finder] = {
    c.Reservation: _reservation,
    c.Commitment: _commitment,
    c.Assignment: _assignment,
    c.ProjectCap: _cap,
    c.OnDemand: _on_demand,
    c.Capacity: _capacity,
}


def found(
    record: object, written: Collection[str] = (), finders: Iterable[Mapping[type, Finder]] = ()
) -> Found:
    """What is wrong with a record itself, not with those in it."""
    for table in (FINDERS, *finders):
        if (finder := table.get(type(record))) is not None:
            yield from finder(record, written)
