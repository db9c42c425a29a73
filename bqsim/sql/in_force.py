"""The capacity that jobs share, as the resources that statements change and views tell of.

It belongs to what runs the jobs. Here it is translated, in both directions: entries of the capacity are
resources with a key, and a changed resource is a changed capacity. The catalog's own records of the same keys
add what the model of slots has no use for, such as labels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from bqsim.catalog.administration import Assignment, Capacity, Reservation
from bqsim.sim.scenario import capacity as c

if TYPE_CHECKING:
    from bqsim.sim.slots.remembered import Era, SlotMemory

# Who is assigned when nobody is named: everybody.
ORGANIZATION = "organizations/0"
# What a reservation has that says nothing of it.
USUAL_EDITION = "ENTERPRISE"

E = TypeVar("E", c.Commitment, c.Assignment)


@dataclass(frozen=True, slots=True)
class InForce:
    """The capacity that jobs share since ``since_ms`` (epoch milliseconds).

    ``home`` and ``location`` are those of what names none; ``scaled`` tells what autoscaling has added to
    each reservation now. ``exchange`` puts another capacity in the place of one, and says whether it did: not
    when that one is in force no more. ``given`` is what was put in force, before statements changed it.
    """

    capacity: c.Capacity
    home: str
    location: str
    since_ms: int
    scaled: Callable[[], Mapping[str, float]]
    exchange: Callable[[c.Capacity, c.Capacity], bool] = lambda former, capacity: False
    given: c.Capacity | None = None

    def project_of(self, one: c.Reservation | c.Commitment) -> str:
        return one.admin_project or self.home


@dataclass(frozen=True, slots=True)
class Past:
    """What is remembered of the capacities that were in force; ``home`` and ``location`` as in
    :class:`InForce`."""

    memory: SlotMemory
    home: str
    location: str

    def in_force(self, era: Era) -> InForce | None:
        """The capacity of an era."""
        if era.capacity is None:
            return None
        return InForce(era.capacity, self.home, self.location, int(era.since_us // 1000), dict)


@dataclass(frozen=True, slots=True)
class Entry:
    """A resource, and what it is of the capacity: the name of a reservation, else a place in a list."""

    resource: Any
    at: str | int
    of: Any


def named(capacity: c.Capacity) -> c.Capacity:
    """The capacity with a name for each commitment and each assignment; those without are numbered."""
    return replace(
        capacity,
        commitments=_named(capacity.commitments, "commitment"),
        assignments=_named(capacity.assignments, "assignment"),
    )


def _named(given: Sequence[E], word: str) -> tuple[E, ...]:
    taken = {one.name for one in given}
    made = []
    for number, one in enumerate(given, 1):
        if not one.name:
            name = next(
                n for k in range(number, number + len(taken) + 1) if (n := f"{word}-{k}") not in taken
            )
            taken.add(name)
            one = replace(one, name=name)
        made.append(one)
    return tuple(made)


# What there is


def reservations(found: InForce) -> Iterator[Entry]:
    """Its reservations."""
    for name, one in found.capacity.reservations.items():
        yield Entry(
            Reservation(
                found.project_of(one),
                one.location.casefold(),
                name,
                found.since_ms,
                one.slot_capacity,
                one.ignore_idle_slots,
                one.target_job_concurrency,
                one.autoscale_max_slots,
                one.edition,
                one.max_slots,
                one.scaling_mode,
                reservation_group=one.reservation_group or None,
            ),
            name,
            one,
        )


def commitments(found: InForce) -> Iterator[Entry]:
    """Its commitments."""
    for at, one in enumerate(named(found.capacity).commitments):
        made = Capacity(
            found.project_of(one),
            one.location.casefold(),
            one.name,
            one.slots,
            one.plan,
            found.since_ms,
            one.edition,
            start_ms=found.since_ms,
        )
        yield Entry(made, at, one)


def assignments(found: InForce) -> Iterator[Entry]:
    """Its assignments; those of a principal hold for the whole organization."""
    known = {r.at: r.resource for r in reservations(found)}
    for at, one in enumerate(named(found.capacity).assignments):
        reservation = known.get(one.reservation)
        if one.project is not None:
            assignee = f"projects/{one.project}"
        else:
            assignee = f"folders/{one.folder}" if one.folder is not None else ORGANIZATION
        made = Assignment(
            reservation.project if reservation is not None else found.home,
            reservation.location if reservation is not None else found.location.casefold(),
            one.reservation,
            one.name,
            assignee,
            one.job_type,
            found.since_ms,
            one.principal,
        )
        yield Entry(made, at, one)


# What finds the resources of each class.
ENTRIES: Mapping[type[Any], Callable[[InForce], Iterator[Entry]]] = {
    Reservation: reservations,
    Capacity: commitments,
    Assignment: assignments,
}


def entries(found: InForce, cls: type[Any], kept: Callable[[str], Any]) -> Iterator[Entry]:
    """The entries of a class, with what the catalog's records (``kept`` finds them by key) know besides."""
    for entry in ENTRIES[cls](found):
        record = kept(entry.resource.key)
        if record is not None and entry_of(found, record, entry.of) == entry.of:
            extras = {name: getattr(record, name) for name in _EXTRAS[cls]}
            entry = replace(entry, resource=replace(entry.resource, **extras))
        yield entry


# Fields that records have and the capacity has not.
_EXTRAS: Mapping[type[Any], tuple[str, ...]] = {
    Reservation: ("created_ms", "modified_ms", "labels", "secondary_location"),
    Capacity: ("created_ms", "start_ms", "end_ms", "renewal_plan"),
    Assignment: ("created_ms", "assignee"),
}


# What a changed resource makes of it


def entry_of(found: InForce, resource: Any, before: Any = None) -> Any:
    """The entry that a resource is; what it says nothing of is as in ``before``."""
    return _ENTRY_OF[type(resource)](found, resource, before)


def _reservation(found: InForce, r: Reservation, before: c.Reservation | None) -> c.Reservation:
    return replace(
        before or c.Reservation(location=_shown(r.location), admin_project=_admin(found, r.project)),
        slot_capacity=r.slot_capacity,
        ignore_idle_slots=r.ignore_idle_slots,
        target_job_concurrency=r.target_job_concurrency,
        autoscale_max_slots=r.autoscale_max_slots,
        edition=r.edition or USUAL_EDITION,
        max_slots=r.max_slots,
        scaling_mode=r.scaling_mode,
        reservation_group=r.reservation_group or "",
    )


def _commitment(found: InForce, r: Capacity, before: c.Commitment | None) -> c.Commitment:
    admin_project = _admin(found, r.project)
    fresh = before or c.Commitment(r.slot_count, location=_shown(r.location), admin_project=admin_project)
    return replace(fresh, slots=r.slot_count, plan=r.plan, edition=r.edition or USUAL_EDITION, name=r.name)


def _assignment(found: InForce, r: Assignment, before: c.Assignment | None) -> c.Assignment:
    kind, _, name = r.assignee.partition("/")
    return c.Assignment(
        r.reservation,
        name if kind == "projects" else None,
        name if kind == "folders" else None,
        r.principal,
        r.job_type,
        r.name,
    )


_ENTRY_OF: Mapping[type[Any], Callable[[InForce, Any, Any], Any]] = {
    Reservation: _reservation,
    Capacity: _commitment,
    Assignment: _assignment,
}


def _admin(found: InForce, project: str) -> str:
    """How the capacity names a project that administers: home is left out where it leaves it out."""
    all_: Iterable[Any] = (*found.capacity.reservations.values(), *found.capacity.commitments)
    return "" if project == found.home and not any(one.admin_project == project for one in all_) else project


def _shown(location: str) -> str:
    return location.upper() if location in ("us", "eu") else location


def changed(found: InForce, resource: Any, at: str | int | None, *, drop: bool) -> c.Capacity:
    """The capacity after a resource was made (``at`` is None), changed, or dropped."""
    whole = named(found.capacity)
    if isinstance(resource, Reservation):
        made = dict(whole.reservations)
        if drop:
            del made[resource.name]
        else:
            made[resource.name] = entry_of(found, resource, made.get(resource.name))
        return replace(whole, reservations=made)
    if isinstance(resource, Capacity):
        return replace(whole, commitments=_put(found, whole.commitments, resource, at, drop=drop))
    return replace(whole, assignments=_put(found, whole.assignments, resource, at, drop=drop))


def _put(found: InForce, rows: tuple[E, ...], resource: Any, at: Any, *, drop: bool) -> tuple[E, ...]:
    made = list(rows)
    if at is None:
        made.append(entry_of(found, resource))
    elif drop:
        del made[at]
    else:
        made[at] = entry_of(found, resource, made[at])
    return tuple(made)
