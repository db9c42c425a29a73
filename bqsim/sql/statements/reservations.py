"""CREATE, ALTER and DROP of CAPACITY, RESERVATION and ASSIGNMENT; ALTER BI_CAPACITY, PROJECT, ORGANIZATION.

Names are ``project.region-x.name``; options are checked by one table for each kind. Where the resources are,
and what runs by them, is of :mod:`.administered`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from bqsim.catalog.administration import Assignment, BiCapacity, Capacity, Reservation, Settings
from bqsim.errors import BigQueryError, already_exists, invalid, invalid_query, not_found, unsupported
from bqsim.sql.googlesql import resolved
from bqsim.sql.plan import Context, StatementResult

from . import results
from .administered import Kept, current, resources_of
from .base import Statement, enum_name
from .options import option_value
from .reservation_options import DAY_MS, DEFAULTS, KINDS, PLANS, STANDARD_SLOTS, STEP, Kind, Option
from .settings import SETTINGS_OPTIONS

_REGION = "region-"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,62}[A-Za-z0-9]\Z|[A-Za-z]\Z")


def _kind(verb: str, type_: str) -> Kind:
    kind = KINDS.get(type_)
    if type_ in ("PROJECT", "ORGANIZATION"):
        raise invalid_query(f"{type_} is not a supported object type")
    if kind is None:
        raise unsupported(f"{verb} {type_}")
    return kind


@current
def create_entity(statement: Statement) -> StatementResult:
    """CREATE CAPACITY, RESERVATION or ASSIGNMENT."""
    node, catalog = statement.node, statement.catalog
    type_ = node.entity_type.upper()
    kind = _kind("CREATE", type_)
    mode = enum_name(node, "create_mode")
    if type_ == "BI_CAPACITY" or mode == "CREATE_OR_REPLACE":
        text = "CREATE OR REPLACE" if mode == "CREATE_OR_REPLACE" else "CREATE"
        raise invalid_query(f"{text} {type_} is not supported")
    place = _place(kind, resolved.get(node, "name_path"), statement.ctx)
    operation = f"CREATE_{type_}"
    with catalog.lock("administration"):
        resources = resources_of(statement, kind.cls)
        if resources.find(kind.cls, _key(place)) is not None:
            if mode == "CREATE_IF_NOT_EXISTS":
                return StatementResult(operation, ddl_operation=results.SKIP)
            raise already_exists(kind.noun, _shown(place))
        given = _given(statement, kind, node)
        missing = [name for name in kind.required if given.get(kind.options[name].attribute) is None]
        if missing:
            raise invalid_query(f"Option {missing[0]} is required in CREATE {type_}")
        values = {name: value for name, value in given.items() if value is not None}
        resource = kind.cls(**place, created_ms=statement.now_ms(), **values)
        resource = _checked(resources, resource, given)
        resources.store(resource, None, given=given)
    return StatementResult(operation, ddl_operation=results.CREATE)


@current
def alter_entity(statement: Statement) -> StatementResult:
    """ALTER … SET OPTIONS of all kinds."""
    node = statement.node
    type_ = node.entity_type.upper()
    if type_ in ("PROJECT", "ORGANIZATION"):
        return _alter_settings(statement, type_)
    catalog, kind = statement.catalog, _kind("ALTER", type_)
    place = _place(kind, resolved.get(node, "name_path"), statement.ctx)
    with catalog.lock("administration"):
        resources = resources_of(statement, kind.cls)
        before = resources.find(kind.cls, _key(place))
        resource = before
        if resource is None and kind.cls is BiCapacity:
            if place["name"] != "default":
                raise not_found(kind.noun, _shown(place))
            resource = BiCapacity(place["project"], place["location"])
        if resource is None:
            if resolved.get(node, "is_if_exists"):
                return StatementResult(f"ALTER_{type_}", ddl_operation=results.SKIP)
            raise not_found(kind.noun, _shown(place))
        given = _altered(statement, kind, resource)
        changed = _checked(resources, replace(resource, **given), given)
        if isinstance(changed, Reservation):
            changed = replace(changed, modified_ms=statement.now_ms())
        resources.store(changed, before, given=given)
    return StatementResult(f"ALTER_{type_}", ddl_operation=results.ALTER)


def dropping(type_: str) -> Callable[[Statement], StatementResult]:
    """The handler of DROP CAPACITY, RESERVATION or ASSIGNMENT."""

    @current
    def drop(statement: Statement) -> StatementResult:
        node, catalog, kind = statement.node, statement.catalog, KINDS[type_]
        place = _place(kind, node.name_path, statement.ctx)
        with catalog.lock("administration"):
            resources = resources_of(statement, kind.cls)
            before = resources.find(kind.cls, _key(place))
            if before is None:
                if node.is_if_exists:
                    return StatementResult(f"DROP_{type_}", ddl_operation=results.SKIP)
                raise not_found(kind.noun, _shown(place))
            if isinstance(before, Reservation) and _assignments(resources, before):
                text = f"Reservation {_shown(place)} still has assignments and cannot be deleted"
                raise BigQueryError("resourceInUse", text)
            resources.store(before, before, drop=True)
        return StatementResult(f"DROP_{type_}", ddl_operation=results.DROP)

    return drop


# Names


def _place(kind: Kind, path: Sequence[str], ctx: Context) -> dict[str, str]:
    """Project, location and names of ``[project.]region-x.name`` (that of an assignment follows its
    reservation's)."""
    parts = [part for whole in path for part in whole.split(".")]
    count = kind.names + 1
    shown = ".".join(path)
    if len(parts) not in (count, count + 1) or not parts[-count].casefold().startswith(_REGION):
        form = "PROJECT.region-REGION." + ("RESERVATION.NAME" if kind.names == 2 else "NAME")
        raise invalid(f"Invalid {kind.noun.lower()} name `{shown}`. Expected the form `{form}`")
    place = {
        "project": parts[0] if len(parts) > count else ctx.project,
        "location": parts[-count].casefold().removeprefix(_REGION),
    }
    if place["location"] != ctx.location.casefold():
        raise not_found(kind.noun, f"{place['project']}:{'.'.join(parts[-count:])}", ctx.location)
    names = ("reservation", "name") if kind.names == 2 else ("name",)
    for name, part in zip(names, parts[-kind.names :], strict=True):
        if not _NAME.match(part):
            raise invalid(
                f'Invalid {kind.noun.lower()} name "{part}". Names must begin with a letter and hold letters,'
                " digits and dashes, at most 64"
            )
        place[name] = part
    return place


def _key(place: Mapping[str, str]) -> str:
    names = [place[n] for n in ("reservation", "name") if n in place]
    return f"{place['project']}:{place['location']}.{'.'.join(names)}"


def _shown(place: Mapping[str, str]) -> str:
    project, _, rest = _key(place).partition(":")
    location, _, name = rest.partition(".")
    return f"{project}:{location.upper() if location in ('us', 'eu') else location}.{name}"


# Options


def _given(statement: Statement, kind: Kind, node: Any) -> dict[str, Any]:
    """The values of CREATE's options (or its JSON body) by the resource's field."""
    if node.entity_body_json:
        try:
            values = json.loads(node.entity_body_json)
        except ValueError:
            values = None
        if not isinstance(values, dict):
            raise invalid_query("The body of the statement is not a JSON object")
    else:
        values = statement.options(resolved.get(node, "option_list"))
    return _values(kind.options, values)


def _values(options: Mapping[str, Option], values: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in values.items():
        option = options.get(name)
        if option is None:
            raise invalid_query(f"Unknown option: {name}")
        value = option_value(name, option.type, value)
        if value is not None:
            option.check(name, value)
            value = option.to(value)
        found[option.attribute] = value
    return found


def _altered(statement: Statement, kind: Kind, resource: Any) -> dict[str, Any]:
    """The fields that ALTER … SET OPTIONS changes; NULL gives back the default."""
    found: dict[str, Any] = {}
    fresh = DEFAULTS.get(kind.cls, {})
    for action in resolved.get(statement.node, "alter_action_list"):
        node = resolved.unwrap(action)
        if resolved.node_name(node) != "ResolvedSetOptionsAction":
            raise invalid_query(f"ALTER {statement.node.entity_type.upper()} supports SET OPTIONS only")
        for name, value in _values(kind.options, statement.options(node.option_list)).items():
            if value is None and name not in fresh and getattr(resource, name) is not None:
                raise invalid_query(f"Option {name} cannot be NULL")
            found[name] = fresh.get(name) if value is None else value
    return found


# What must hold of a resource as a whole


def _checked(resources: Kept, resource: Any, given: Collection[str]) -> Any:
    if isinstance(resource, Reservation):
        # What is in force has the service's words.
        resources.refuse(resource, given)
    check = _CHECKS.get(type(resource))
    return resource if check is None else check(resources, resource)


def _check_capacity(resources: Kept, capacity: Capacity) -> Capacity:
    days = PLANS[capacity.plan]
    start = capacity.start_ms or capacity.created_ms
    end = None if days is None else start + days * DAY_MS
    return replace(capacity, start_ms=start, end_ms=end)


def _check_reservation(resources: Kept, reservation: Reservation) -> Reservation:
    for name in ("autoscale_max_slots", "max_slots"):
        slots = getattr(reservation, name) or 0
        if slots % STEP and resources.metadata:
            raise invalid_query(f"Option {name} must be a multiple of {STEP}, but was {slots}")
    if reservation.edition == "STANDARD":
        if reservation.slot_capacity:
            raise invalid_query("A reservation of the STANDARD edition cannot have baseline slots")
        if reservation.autoscale_max_slots > STANDARD_SLOTS:
            raise invalid_query(
                f"A reservation of the STANDARD edition cannot have more than {STANDARD_SLOTS} slots"
            )
        if reservation.target_job_concurrency:
            raise invalid_query("target_job_concurrency is not supported in the STANDARD edition")
    if (reservation.max_slots is None) is not (reservation.scaling_mode is None):
        raise invalid_query("Options max_slots and scaling_mode must be set together")
    if reservation.max_slots is not None and reservation.max_slots <= reservation.slot_capacity:
        raise invalid_query("Option max_slots must be greater than slot_capacity")
    if reservation.max_slots is not None and reservation.autoscale_max_slots:
        raise invalid_query("Options max_slots and autoscale_max_slots cannot be set together")
    if reservation.secondary_location and reservation.edition != "ENTERPRISE_PLUS":
        raise invalid_query("secondary_location is supported in the ENTERPRISE_PLUS edition only")
    return reservation


def _check_assignment(resources: Kept, assignment: Assignment) -> Assignment:
    place = {"project": assignment.project, "location": assignment.location, "name": assignment.reservation}
    reservation = resources.find(Reservation, _key(place))
    if reservation is None and assignment.reservation != "none":
        raise not_found("Reservation", _shown(place))
    if reservation is not None and reservation.edition == "STANDARD":
        if assignment.job_type not in ("QUERY", "PIPELINE"):
            raise invalid_query(f"Job type {assignment.job_type} is not supported in the STANDARD edition")
        if not assignment.assignee.startswith("projects/"):
            raise invalid_query("A reservation of the STANDARD edition can be assigned to projects only")
    for other in resources.all(Assignment, location=assignment.location):
        same = (other.assignee, other.job_type, other.principal) == (
            assignment.assignee,
            assignment.job_type,
            assignment.principal,
        )
        if same and other.key != assignment.key:
            raise already_exists(
                "Assignment", f"of {assignment.assignee} for job type {assignment.job_type}: {other.key}"
            )
    return assignment


_CHECKS: Mapping[Any, Callable[[Kept, Any], Any]] = {
    Capacity: _check_capacity,
    Reservation: _check_reservation,
    Assignment: _check_assignment,
}


def _assignments(resources: Kept, reservation: Reservation) -> list[Assignment]:
    found = resources.all(Assignment, reservation.project, reservation.location)
    return [assignment for assignment in found if assignment.reservation == reservation.name]


# Settings


def _alter_settings(statement: Statement, type_: str) -> StatementResult:
    """ALTER PROJECT and ALTER ORGANIZATION: options are named ``region-x.name``, all of one region."""
    node, catalog = statement.node, statement.catalog
    project = ".".join(resolved.get(node, "name_path")) if type_ == "PROJECT" else ""
    if type_ == "PROJECT" and not project:
        project = statement.ctx.project
    given: dict[str, Any] = {}
    for action in resolved.get(node, "alter_action_list"):
        unwrapped = resolved.unwrap(action)
        if resolved.node_name(unwrapped) != "ResolvedSetOptionsAction":
            raise invalid_query(f"ALTER {type_} supports SET OPTIONS only")
        given |= statement.options(unwrapped.option_list)
    regions: set[str] = set()
    values: dict[str, Any] = {}
    for path, value in given.items():
        region, _, name = path.rpartition(".")
        option = SETTINGS_OPTIONS.get(name)
        if not region.startswith(_REGION):
            raise invalid_query(f"Option {path} must be qualified with a region (e.g. `region-us.{name}`)")
        if option is None:
            raise invalid_query(f"Unknown option: {name}")
        regions.add(region.removeprefix(_REGION))
        value = option_value(name, option.type, value)
        if value is not None:
            option.check(name, value)
        values[name] = value
    if len(regions) > 1:
        raise invalid_query(f"ALTER {type_} can set options of one region only")
    for region in regions:
        if region != statement.ctx.location.casefold():
            raise not_found("Location", region, statement.ctx.location)
        with catalog.lock("administration"):
            before = catalog.administration.find(Settings, f"{project}:{region}")
            merged = {**(before.values if before is not None else {}), **values}
            kept = {name: value for name, value in merged.items() if value is not None}
            Kept(statement).store(Settings(project, region, kept), before)
    return StatementResult(f"ALTER_{type_}", ddl_operation=results.ALTER)
