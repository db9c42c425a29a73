"""Capacity and settings of projects: commitments, reservations, assignments, BI Engine, options.

Typed resources with the log of their changes. They say what is administered; nothing here runs anything.
While jobs share a capacity, that has the commitments, reservations and assignments; records of the same keys
say what it does not, and one record (:class:`Described`) lets a restart go on with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeVar

CAPACITY, RESERVATION, ASSIGNMENT = "capacity", "reservation", "assignment"
BI_CAPACITY, SETTINGS, DESCRIBED = "bi_capacity", "settings", "capacity_in_force"
CHANGED = "administration_change"
# Page *RESERVATION_CHANGES view*, data retention.
HISTORY_US = 41 * 24 * 3600 * 1_000_000


@dataclass(frozen=True, slots=True)
class Capacity:
    """A capacity commitment. Times are epoch milliseconds; ``location`` is in lower case."""

    project: str
    location: str
    name: str
    slot_count: int
    plan: str
    created_ms: int
    edition: str | None = None
    renewal_plan: str | None = None
    start_ms: int | None = None
    end_ms: int | None = None
    state: str = "ACTIVE"

    @property
    def key(self) -> str:
        return f"{self.project}:{self.location}.{self.name}"


@dataclass(frozen=True, slots=True)
class Reservation:
    """A reservation. ``slot_capacity`` is its baseline, ``autoscale_max_slots`` what scaling may add."""

    project: str
    location: str
    name: str
    created_ms: int
    slot_capacity: int = 0
    ignore_idle_slots: bool = False
    target_job_concurrency: int = 0
    autoscale_max_slots: int = 0
    edition: str | None = None
    max_slots: int | None = None
    scaling_mode: str | None = None
    secondary_location: str | None = None
    reservation_group: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    modified_ms: int = 0

    @property
    def key(self) -> str:
        return f"{self.project}:{self.location}.{self.name}"


@dataclass(frozen=True, slots=True)
class Assignment:
    """An assignment: ``assignee`` is ``projects/p``, ``folders/1`` or ``organizations/1``."""

    project: str
    location: str
    reservation: str
    name: str
    assignee: str
    job_type: str
    created_ms: int
    principal: str | None = None
    state: str = "ACTIVE"

    @property
    def key(self) -> str:
        return f"{self.project}:{self.location}.{self.reservation}.{self.name}"


@dataclass(frozen=True, slots=True)
class BiCapacity:
    """BI Engine's memory of a project in a location, in bytes."""

    project: str
    location: str
    size: int = 0
    preferred_tables: tuple[str, ...] = ()
    name: str = "default"

    @property
    def key(self) -> str:
        return f"{self.project}:{self.location}.{self.name}"


@dataclass(frozen=True, slots=True)
class Settings:
    """Options that a project (or with an empty name the organization) sets in a location."""

    project: str
    location: str
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return f"{self.project}:{self.location}"


@dataclass(frozen=True, slots=True)
class Described:
    """The capacity that jobs share, as JSON texts: ``given`` before statements changed it, and ``now``."""

    given: str
    now: str
    project: str = ""
    location: str = ""

    @property
    def key(self) -> str:
        return ""


Resource = Capacity | Reservation | Assignment | BiCapacity | Settings | Described
KINDS: Mapping[type[Any], str] = {
    Capacity: CAPACITY,
    Reservation: RESERVATION,
    Assignment: ASSIGNMENT,
    BiCapacity: BI_CAPACITY,
    Settings: SETTINGS,
    Described: DESCRIBED,
}
CLASSES: Mapping[str, type[Any]] = {kind: cls for cls, kind in KINDS.items()}
R = TypeVar("R", Capacity, Reservation, Assignment, BiCapacity, Settings, Described)


@dataclass(frozen=True, slots=True)
class Changed:
    """A change: ``record`` is the resource's after it, for a DELETE before it, ``before`` what it was."""

    time_us: int
    number: int
    action: str
    user: str
    kind: str
    record: str
    before: str | None = None

    @property
    def key(self) -> str:
        return f"{self.time_us}@{self.number}"

    def resource(self) -> Any:
        """The resource that changed."""
        from .persistence import from_record

        return from_record(CLASSES[self.kind], self.record)


@dataclass(frozen=True, slots=True)
class State:
    """Everything, unchangeable: who keeps it keeps that moment."""

    resources: Mapping[tuple[str, str], Resource] = field(default_factory=lambda: MappingProxyType({}))
    changes: tuple[Changed, ...] = ()

    def records(self) -> dict[tuple[str, str], str]:
        """The durable records by kind and key."""
        from .persistence import to_record

        found = {at: to_record(resource) for at, resource in self.resources.items()}
        return found | {(CHANGED, change.key): to_record(change) for change in self.changes}


class Administration:
    """The resources of all projects. Reads take no lock; writers take turns (``Catalog.change``)."""

    def __init__(self) -> None:
        self.state = State()

    def find(self, cls: type[R], key: str) -> R | None:
        """The resource of a class by its key."""
        found = self.state.resources.get((KINDS[cls], key))
        return found if isinstance(found, cls) else None

    def all(self, cls: type[R], project: str | None = None, location: str | None = None) -> list[R]:
        """The resources of a class, by key; of a project and in a location (in lower case) if given."""
        return [
            resource
            for _, resource in sorted(self.state.resources.items(), key=lambda item: item[0])
            if isinstance(resource, cls)
            and (project is None or resource.project == project)
            and (location is None or resource.location == location)
        ]

    def changes(self, kind: str) -> list[Changed]:
        """The changes of resources of a kind, oldest first."""
        return [change for change in self.state.changes if change.kind == kind]

    def outdated(self, now_us: int) -> list[Changed]:
        """Changes that are too old to be told of."""
        return [change for change in self.state.changes if change.time_us < now_us - HISTORY_US]

    def apply(self, change: Changed, resource: Resource | None, key: str) -> None:
        """Bring a committed change into memory; without a resource it is gone."""
        resources = dict(self.state.resources)
        if resource is None:
            resources.pop((change.kind, key), None)
        else:
            resources[change.kind, key] = resource
        kept = (c for c in self.state.changes if c.time_us >= change.time_us - HISTORY_US)
        self.state = State(MappingProxyType(resources), (*kept, change))

    def put(self, resource: Resource) -> None:
        """Bring a committed resource that has no log into memory."""
        at = KINDS[type(resource)], resource.key
        self.state = State(MappingProxyType({**self.state.resources, at: resource}), self.state.changes)

    def load(self, records: Iterable[tuple[str, str]]) -> None:
        """Bring durable records (kind, value) into memory, at start-up."""
        from .persistence import from_record

        resources: dict[tuple[str, str], Resource] = {}
        changes: list[Changed] = []
        for kind, value in records:
            if kind == CHANGED:
                changes.append(from_record(Changed, value))
            else:
                resource = from_record(CLASSES[kind], value)
                resources[kind, resource.key] = resource
        changes.sort(key=lambda c: (c.time_us, c.number))
        self.state = State(MappingProxyType(resources), tuple(changes))
