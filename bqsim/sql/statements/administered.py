"""Where statements about capacity find resources and put them: into the catalog, and what jobs share.

Without a capacity in force resources are metadata. With one it is the capacity that has them: a statement
changes that, and jobs at once; the catalog keeps the change, what the capacity does not say, and both for a
restart.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator
from typing import Any, TypeVar

from bqsim.catalog.administration import Assignment, BiCapacity, Capacity, Described, Reservation, Settings
from bqsim.errors import invalid_query
from bqsim.sim.scenario import capacity as c
from bqsim.sim.scenario.capacity_checks import found as problems_of
from bqsim.sim.scenario.dump import to_dict
from bqsim.sql.in_force import ENTRIES, Entry, InForce, changed, entries, entry_of
from bqsim.sql.plan import StatementResult

from .base import Statement

R = TypeVar("R", Capacity, Reservation, Assignment, BiCapacity, Settings)
Handler = Callable[[Statement], StatementResult]


class Superseded(Exception):
    """Another capacity has come into force meanwhile: the statement has to look again."""


def current(handler: Handler) -> Handler:
    """Let a handler begin again when the capacity that it looked at is in force no more."""

    def run(statement: Statement) -> StatementResult:
        while True:
            try:
                return handler(statement)
            except Superseded:
                continue

    return run


class Kept:
    """Resources that are metadata, and nothing runs by."""

    metadata = True

    def __init__(self, statement: Statement) -> None:
        self.statement = statement

    def find(self, cls: type[R], key: str) -> R | None:
        """The resource of a class by its key."""
        return self.statement.catalog.administration.find(cls, key)

    def all(self, cls: type[R], project: str | None = None, location: str | None = None) -> list[R]:
        """The resources of a class; of a project and in a location (in lower case) if given."""
        return self.statement.catalog.administration.all(cls, project, location)

    def refuse(self, resource: Any, given: Collection[str]) -> None:
        """Raise what the capacity in force has against a resource; ``given`` are the options written."""

    def store(self, resource: Any, before: Any, *, given: Collection[str] = (), drop: bool = False) -> None:
        """Make, change or drop a resource; a dry run only checks it."""
        if not self.statement.dry_run:
            self._keep(resource, before, drop, None)

    def _keep(self, resource: Any, before: Any, drop: bool, described: Described | None) -> None:
        statement = self.statement
        with statement.catalog.change(statement.session) as change:
            change.administer(resource, statement.ctx.caller, before, drop=drop)
            if described is not None:
                change.describe(described)


class Running(Kept):
    """Resources of the capacity in force."""

    metadata = False

    def __init__(self, statement: Statement, found: InForce) -> None:
        super().__init__(statement)
        self.found = found

    def _entries(self, cls: type[Any]) -> Iterator[Entry]:
        administration = self.statement.catalog.administration
        return entries(self.found, cls, lambda key: administration.find(cls, key))

    def _entry(self, cls: type[Any], key: str) -> Entry | None:
        return next((one for one in self._entries(cls) if one.resource.key == key), None)

    def find(self, cls: type[R], key: str) -> R | None:
        entry = self._entry(cls, key)
        return entry.resource if entry is not None else None

    def all(self, cls: type[R], project: str | None = None, location: str | None = None) -> list[R]:
        return [
            one.resource
            for one in self._entries(cls)
            if project in (None, one.resource.project) and location in (None, one.resource.location)
        ]

    def refuse(self, resource: Any, given: Collection[str]) -> None:
        self._refuse_words(resource)
        entry = self._entry(type(resource), resource.key)
        self._refuse(self._after(resource, entry, drop=False), resource, entry, given)

    def _after(self, resource: Any, entry: Entry | None, *, drop: bool) -> c.Capacity:
        return changed(self.found, resource, entry.at if entry is not None else None, drop=drop)

    def _refuse_words(self, resource: Any) -> None:
        """What the capacity has no word for."""
        found = self.found
        if isinstance(resource, Reservation):
            other = found.capacity.reservations.get(resource.name)
            if other is not None and (found.project_of(other), other.location.casefold()) != (
                resource.project,
                resource.location,
            ):
                place = f"{found.project_of(other)}:{other.location}"
                raise invalid_query(
                    f"Reservation {resource.name} is one of {place} already: names are unique in the capacity"
                    " in force"
                )
        elif isinstance(resource, Capacity):
            if resource.plan not in c.COMMITMENT_PLANS:
                raise invalid_query(
                    f"Commitment plan {resource.plan} is not one of the capacity in force: use "
                    + " or ".join(c.COMMITMENT_PLANS)
                )
            if not resource.slot_count:
                raise invalid_query("Option slot_count must be greater than 0")
        elif resource.job_type not in c.ASSIGNED_JOB_TYPES:
            raise invalid_query(f"Job type {resource.job_type} is not one of the capacity in force")
        elif resource.reservation == c.NO_RESERVATION and (resource.project, resource.location) != (
            found.home,
            found.location.casefold(),
        ):
            raise invalid_query(
                f"Assignments to none are of {found.home}:{found.location} in the capacity in force, and hold"
                " in all locations"
            )

    def _refuse(
        self, capacity: c.Capacity, resource: Any, entry: Entry | None, given: Collection[str]
    ) -> None:
        """What the model of slots refuses, of the entry itself and of the whole."""
        one = entry_of(self.found, resource, entry.of if entry is not None else None)
        for _, message in (*problems_of(one, given), *problems_of(capacity)):
            raise invalid_query(message)

    def store(self, resource: Any, before: Any, *, given: Collection[str] = (), drop: bool = False) -> None:
        entry = self._entry(type(resource), resource.key)
        capacity = self._after(resource, entry, drop=drop)
        if drop:
            for _, message in problems_of(capacity):
                raise invalid_query(message)
        else:
            self._refuse_words(resource)
            self._refuse(capacity, resource, entry, given)
        if self.statement.dry_run:
            return
        found = self.found
        if not found.exchange(found.capacity, capacity):
            raise Superseded
        try:
            first = found.given if found.given is not None else found.capacity
            self._keep(resource, before, drop, Described(_text(first), _text(capacity)))
        except BaseException:
            found.exchange(capacity, found.capacity)
            raise


def _text(capacity: c.Capacity) -> str:
    return json.dumps(to_dict(capacity))


def resources_of(statement: Statement, cls: type[Any]) -> Kept:
    """Where the resources of a class are for a statement, now."""
    found = statement.services.capacity() if cls in ENTRIES else None
    return Kept(statement) if found is None else Running(statement, found)
