"""The capacity that jobs share, as the resources that views tell of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from bqsim.catalog.administration import Assignment, Capacity, Reservation

from .sources import InForce

# Who is assigned when nobody is named: everybody.
ORGANIZATION = "organizations/0"


def reservations(found: InForce) -> Iterator[Reservation]:
    """Its reservations."""
    for name, one in found.capacity.reservations.items():
        yield Reservation(
            one.admin_project or found.home,
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
        )


def commitments(found: InForce) -> Iterator[Capacity]:
    """Its commitments; they are numbered, for they have no names."""
    for number, one in enumerate(found.capacity.commitments, 1):
        yield Capacity(
            one.admin_project or found.home,
            one.location.casefold(),
            f"commitment-{number}",
            one.slots,
            one.plan,
            found.since_ms,
            one.edition,
            start_ms=found.since_ms,
        )


def assignments(found: InForce) -> Iterator[Assignment]:
    """Its assignments, numbered; those of a principal hold for the whole organization."""
    known = {r.name: r for r in reservations(found)}
    for number, one in enumerate(found.capacity.assignments, 1):
        reservation = known.get(one.reservation)
        if one.project is not None:
            assignee = f"projects/{one.project}"
        else:
            assignee = f"folders/{one.folder}" if one.folder is not None else ORGANIZATION
        yield Assignment(
            reservation.project if reservation is not None else found.home,
            reservation.location if reservation is not None else found.location.casefold(),
            one.reservation,
            f"assignment-{number}",
            assignee,
            one.job_type,
            found.since_ms,
            one.principal,
        )


# What finds the resources of each class.
RESOURCES: Mapping[type[Any], Callable[[InForce], Iterator[Any]]] = {
    Reservation: reservations,
    Capacity: commitments,
    Assignment: assignments,
}
