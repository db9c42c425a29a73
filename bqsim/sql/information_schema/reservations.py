"""Views about capacity commitments, reservations, assignments and BI Engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeVar

from bqsim.catalog.administration import (
    ASSIGNMENT,
    BI_CAPACITY,
    CAPACITY,
    HISTORY_US,
    RESERVATION,
    Assignment,
    BiCapacity,
    Capacity,
    Changed,
    Reservation,
)
from bqsim.catalog.names import project_number
from bqsim.sql.in_force import ENTRIES, InForce, entries
from bqsim.sql.statements.options import sql_literal
from bqsim.types import INT64, STRING, array_of, struct_of

from .view import REGIONAL, Column, Scope, View, always, each, micros, whole

R = TypeVar("R", Capacity, Reservation, Assignment, BiCapacity)

EMPTY: Mapping[str, float] = MappingProxyType({})
AUTOSCALE = struct_of(("current_slots", INT64), ("max_slots", INT64))
LABELS = array_of(struct_of(("key", STRING), ("value", STRING)))
_ASSIGNEES = {"projects": "PROJECT", "folders": "FOLDER", "organizations": "ORGANIZATION"}
_FAILURE = struct_of(("code", INT64), ("message", STRING))


def current(cls: type[R]) -> Callable[[Scope], list[R]]:
    """What finds the resources of a class in a scope's project and region: those of the capacity that jobs
    share, and without one those that statements made, which nothing runs by."""

    def find(scope: Scope) -> list[R]:
        administration = scope.catalog.administration
        shared = scope.sources.capacity()
        if shared is None or cls not in ENTRIES:
            return administration.all(cls, scope.project, scope.region)
        found: list[R] = [e.resource for e in entries(shared, cls, lambda key: administration.find(cls, key))]
        return [one for one in found if one.project == scope.project and scope.region in (None, one.location)]

    return find


def _changes(kind: str) -> Callable[[Scope], Sequence[Any]]:
    """(change, resource) of a kind, oldest first."""

    def find(scope: Scope) -> Sequence[Any]:
        found: list[tuple[Changed, Any]] = []
        since = scope.now_us - HISTORY_US
        for change in scope.catalog.administration.changes(kind):
            resource = change.resource()
            here = scope.region is None or resource.location == scope.region
            if resource.project == scope.project and here and change.time_us >= since:
                found.append((change, resource))
        return found

    return find


def _ddl(kind: str, name: Callable[[Any], str], options: Callable[[Any], Mapping[str, Any]]) -> Column:
    def text(resource: Any) -> str:
        lines = ",\n".join(f"  {n}={sql_literal(v)}" for n, v in options(resource).items() if v is not None)
        path = f"`{resource.project}.region-{resource.location}.{name(resource)}`"
        return f"CREATE {kind} {path}\nOPTIONS(\n{lines}\n);"

    return each("ddl", text)


def _reservation_options(r: Reservation) -> Mapping[str, Any]:
    return {
        "slot_capacity": r.slot_capacity,
        "ignore_idle_slots": r.ignore_idle_slots,
        "target_job_concurrency": r.target_job_concurrency or None,
        "autoscale_max_slots": r.autoscale_max_slots or None,
        "edition": r.edition,
        "max_slots": r.max_slots,
        "scaling_mode": r.scaling_mode,
        "secondary_location": r.secondary_location,
        "reservation_group": r.reservation_group,
        "labels": list(r.labels.items()) or None,
    }


def autoscale(reservation: Reservation, scaled: Mapping[str, float] = EMPTY) -> Mapping[str, int] | None:
    """The state of autoscaling; None for a reservation that does not scale."""
    most = reservation.autoscale_max_slots
    return {"current_slots": round(scaled.get(reservation.name, 0)), "max_slots": most} if most else None


def _autoscale(reservations: Sequence[Any], scope: Scope) -> list[Any]:
    """That of reservations now."""
    shared = scope.sources.capacity()
    scaled: Mapping[str, float] = EMPTY
    if shared is not None and any(one.autoscale_max_slots for one in reservations):
        scaled = shared.scaled()
    return [autoscale(one, scaled if _is_shared(one, shared) else EMPTY) for one in reservations]


def _is_shared(reservation: Any, shared: InForce | None) -> bool:
    return shared is not None and any(
        reservation.key == one.resource.key for one in ENTRIES[Reservation](shared)
    )


def administered(*columns: Column, changed: bool = False) -> tuple[Column, ...]:
    """Columns that begin with the project; those of changes are given (change, resource)."""
    of: Callable[[Any], Any] = (lambda item: item[1]) if changed else (lambda item: item)
    first = (each("change_timestamp", lambda item: item[0].time_us, "T"),) if changed else ()
    return (
        *first,
        each("project_id", lambda item: of(item).project),
        each("project_number", lambda item: project_number(of(item).project), "I"),
        *columns,
    )


def _of_change(columns: Sequence[Column]) -> tuple[Column, ...]:
    """Columns of a resource, for (change, resource)."""
    return tuple(
        Column(c.name, c.type, c.values if not callable(c.values) else _second(c.values)) for c in columns
    )


def _second(values: Any) -> Any:
    return lambda items, scope: values([item[1] for item in items], scope)


_ACTION = each("action", lambda item: item[0].action)
_USER = each("user_email", lambda item: item[0].user or None)

# Columns of resources, by their names in the views.
_RESERVATION = {
    c.name: c
    for c in (
        each("reservation_name", lambda r: r.name),
        each("ignore_idle_slots", lambda r: r.ignore_idle_slots, "B"),
        each("slot_capacity", lambda r: r.slot_capacity, "I"),
        each("target_job_concurrency", lambda r: r.target_job_concurrency, "I"),
        whole("autoscale", _autoscale, AUTOSCALE),
        each("edition", lambda r: r.edition),
        each("primary_location", lambda r: r.location if r.secondary_location else None),
        each("secondary_location", lambda r: r.secondary_location),
        each("original_primary_location", lambda r: r.location if r.secondary_location else None),
        each("labels", lambda r: [{"key": k, "value": v} for k, v in r.labels.items()], LABELS),
        each("reservation_group_path", lambda r: r.reservation_group),
        each("max_slots", lambda r: r.max_slots, "I"),
        each("scaling_mode", lambda r: r.scaling_mode),
    )
}
_ASSIGNMENT = (
    each("assignment_id", lambda a: a.name),
    each("reservation_name", lambda a: a.reservation),
    each("job_type", lambda a: a.job_type),
    each("assignee_id", lambda a: a.assignee.partition("/")[2]),
    each("assignee_number", lambda a: _assignee_number(a.assignee), "I"),
    each("assignee_type", lambda a: _ASSIGNEES[a.assignee.partition("/")[0]]),
)
_CAPACITY = {
    c.name: c
    for c in (
        each("capacity_commitment_id", lambda c: c.name),
        each("commitment_plan", lambda c: c.plan),
        each("state", lambda c: c.state),
        each("slot_count", lambda c: c.slot_count, "I"),
        each("edition", lambda c: c.edition),
        each("is_flat_rate", lambda c: c.edition is None, "B"),
        each("renewal_plan", lambda c: c.renewal_plan),
        each("commitment_start_time", lambda c: micros(c.start_ms), "T"),
        each("commitment_end_time", lambda c: micros(c.end_ms), "T"),
    )
}
_BI = (
    each("bi_capacity_name", lambda b: b.name),
    each("size", lambda b: b.size, "I"),
)
_TABLES = each("preferred_tables", lambda b: list(b.preferred_tables), "S[]")


def _assignee_number(assignee: str) -> int | None:
    kind, _, name = assignee.partition("/")
    if kind == "projects":
        return project_number(name)
    return int(name) if name.isdecimal() else None


def _chosen(columns: Mapping[str, Column], names: str) -> tuple[Column, ...]:
    return tuple(columns[name] for name in names.split())


_LIST = ("bigquery.reservations.list",)
_COMMITMENTS = ("bigquery.capacityCommitments.list",)
_ASSIGNMENTS = ("bigquery.reservationAssignments.list",)
_BI_NEEDS = ("bigquery.bireservations.get",)
_CURRENT_RESERVATION = (
    "reservation_name ignore_idle_slots slot_capacity target_job_concurrency autoscale edition"
    " primary_location secondary_location original_primary_location labels reservation_group_path max_slots"
    " scaling_mode"
)
_CAPACITY_OPTIONS = _ddl(
    "CAPACITY",
    lambda c: str(c.name),
    lambda c: {
        "slot_count": c.slot_count,
        "plan": c.plan,
        "renewal_plan": c.renewal_plan,
        "edition": c.edition,
    },
)


def _twice(name: str, columns: tuple[Column, ...], items: Any, needs: tuple[str, ...]) -> list[View]:
    """A view under its name and with the suffix that changes nothing."""
    return [View(n, columns, items, REGIONAL, needs) for n in (name, f"{name}_BY_PROJECT")]


VIEWS: tuple[View, ...] = (
    *_twice(
        "CAPACITY_COMMITMENTS",
        (
            _CAPACITY_OPTIONS,
            *administered(
                *_chosen(
                    _CAPACITY,
                    "capacity_commitment_id commitment_plan state slot_count edition is_flat_rate"
                    " renewal_plan",
                )
            ),
        ),
        current(Capacity),
        _COMMITMENTS,
    ),
    *_twice(
        "CAPACITY_COMMITMENT_CHANGES",
        administered(
            *_of_change(_chosen(_CAPACITY, "capacity_commitment_id commitment_plan state slot_count")),
            _ACTION,
            _USER,
            *_of_change(_chosen(_CAPACITY, "commitment_start_time commitment_end_time")),
            always("failure_status", None, _FAILURE),
            *_of_change(_chosen(_CAPACITY, "renewal_plan edition is_flat_rate")),
            changed=True,
        ),
        _changes(CAPACITY),
        _COMMITMENTS,
    ),
    *_twice(
        "RESERVATIONS",
        (
            _ddl("RESERVATION", lambda r: str(r.name), _reservation_options),
            *administered(*_chosen(_RESERVATION, _CURRENT_RESERVATION)),
        ),
        current(Reservation),
        _LIST,
    ),
    *_twice(
        "RESERVATION_CHANGES",
        administered(
            *_of_change(_chosen(_RESERVATION, "reservation_name ignore_idle_slots")),
            _ACTION,
            *_of_change(_chosen(_RESERVATION, "slot_capacity")),
            _USER,
            *_of_change(
                _chosen(
                    _RESERVATION,
                    "target_job_concurrency autoscale edition primary_location secondary_location"
                    " original_primary_location labels reservation_group_path max_slots scaling_mode",
                )
            ),
            changed=True,
        ),
        _changes(RESERVATION),
        _LIST,
    ),
    *_twice(
        "ASSIGNMENTS",
        (
            _ddl(
                "ASSIGNMENT",
                lambda a: f"{a.reservation}.{a.name}",
                lambda a: {"assignee": a.assignee, "job_type": a.job_type, "principal": a.principal},
            ),
            *administered(*_ASSIGNMENT, each("principal", lambda a: a.principal)),
        ),
        current(Assignment),
        _ASSIGNMENTS,
    ),
    *_twice(
        "ASSIGNMENT_CHANGES",
        administered(
            *_of_change(_ASSIGNMENT),
            _ACTION,
            _USER,
            *_of_change((each("state", lambda a: a.state), each("principal", lambda a: a.principal))),
            changed=True,
        ),
        _changes(ASSIGNMENT),
        _ASSIGNMENTS,
    ),
    *_twice("BI_CAPACITIES", administered(*_BI, _TABLES), current(BiCapacity), _BI_NEEDS),
    *_twice(
        "BI_CAPACITY_CHANGES",
        administered(*_of_change(_BI), _USER, *_of_change((_TABLES,)), changed=True),
        _changes(BI_CAPACITY),
        _BI_NEEDS,
    ),
)
