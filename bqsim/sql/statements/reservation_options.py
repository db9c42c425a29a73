"""Capacity, reservations, assignments and BI Engine: the options that each kind has."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bqsim.catalog.administration import Assignment, BiCapacity, Capacity, Reservation
from bqsim.errors import invalid_query

from .settings import one_of

_ASSIGNEE = re.compile(r"(projects/[^/\s]+|folders/\d+|organizations/\d+)\Z")
_GIB = 1 << 30
STEP = 50
STANDARD_SLOTS = 1600
_EDITIONS = ("STANDARD", "ENTERPRISE", "ENTERPRISE_PLUS")
_JOB_TYPES = (
    "QUERY",
    "PIPELINE",
    "ML_EXTERNAL",
    "BACKGROUND",
    "CONTINUOUS",
    "BACKGROUND_CHANGE_DATA_CAPTURE",
    "BACKGROUND_COLUMN_METADATA_INDEX",
    "BACKGROUND_SEARCH_INDEX_REFRESH",
)
# Days that a commitment lasts, by its plan.
PLANS: Mapping[str, int | None] = {
    "FLEX": None,
    "FLEX_FLAT_RATE": None,
    "TRIAL": 182,
    "MONTHLY": 30,
    "MONTHLY_FLAT_RATE": 30,
    "ANNUAL": 365,
    "ANNUAL_FLAT_RATE": 365,
    "THREE_YEAR": 1095,
}
DAY_MS = 24 * 3600 * 1000


@dataclass(frozen=True, slots=True)
class Option:
    """An option of a kind: its SQL type, the field of the resource that it sets, how a value is stored."""

    type: str
    attribute: str
    to: Callable[[Any], Any] = lambda value: value
    check: Callable[[str, Any], None] = lambda name, value: None


def _slots(name: str, value: int) -> None:
    if value < 0:
        raise invalid_query(f"Option {name} must not be negative, but was {value}")


def _steps(name: str, value: int) -> None:
    if value < 0 or value % STEP:
        raise invalid_query(f"Option {name} must be a multiple of {STEP}, but was {value}")


def _assignee(name: str, value: str) -> None:
    if not _ASSIGNEE.match(value):
        raise invalid_query(
            f"Invalid value for option {name}: {value}. Expected projects/PROJECT, folders/FOLDER or"
            " organizations/ORGANIZATION"
        )


def _labels(value: Any) -> dict[str, str]:
    pairs = [tuple(p.values()) if isinstance(p, Mapping) else tuple(p) for p in value or ()]
    return {key: text or "" for key, text in pairs}


_EDITION = Option("STRING", "edition", str.upper, one_of(*_EDITIONS))
_CAPACITY: Mapping[str, Option] = {
    "slot_count": Option("INT64", "slot_count", check=_steps),
    "plan": Option("STRING", "plan", str.upper, one_of(*PLANS)),
    "renewal_plan": Option("STRING", "renewal_plan", str.upper, one_of(*PLANS, "NONE")),
    "edition": _EDITION,
}
_RESERVATION: Mapping[str, Option] = {
    "slot_capacity": Option("INT64", "slot_capacity", check=_slots),
    "ignore_idle_slots": Option("BOOL", "ignore_idle_slots"),
    "target_job_concurrency": Option("INT64", "target_job_concurrency", check=_slots),
    "autoscale_max_slots": Option("INT64", "autoscale_max_slots", check=_slots),
    "edition": _EDITION,
    "max_slots": Option("INT64", "max_slots", check=_slots),
    "scaling_mode": Option(
        "STRING", "scaling_mode", str.upper, one_of("AUTOSCALE_ONLY", "IDLE_SLOTS_ONLY", "ALL_SLOTS")
    ),
    "secondary_location": Option("STRING", "secondary_location", str.lower),
    "reservation_group": Option("STRING", "reservation_group"),
    "labels": Option("ARRAY<STRUCT<STRING, STRING>>", "labels", _labels),
}
_ASSIGNMENT: Mapping[str, Option] = {
    "assignee": Option("STRING", "assignee", check=_assignee),
    "job_type": Option("STRING", "job_type", str.upper, one_of(*_JOB_TYPES)),
    "principal": Option("STRING", "principal"),
}
_BI_CAPACITY: Mapping[str, Option] = {
    "size_gb": Option("INT64", "size", lambda gb: int(gb) * _GIB, _slots),
    "preferred_tables": Option("ARRAY<STRING>", "preferred_tables", tuple),
}


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of resource: its class, options, how many names follow the region, what CREATE must give."""

    noun: str
    cls: Any
    options: Mapping[str, Option]
    names: int = 1
    required: tuple[str, ...] = ()


KINDS: Mapping[str, Kind] = {
    "CAPACITY": Kind("Capacity commitment", Capacity, _CAPACITY, 1, ("slot_count", "plan")),
    "RESERVATION": Kind("Reservation", Reservation, _RESERVATION),
    "ASSIGNMENT": Kind("Assignment", Assignment, _ASSIGNMENT, 2, ("assignee", "job_type")),
    "BI_CAPACITY": Kind("BI capacity", BiCapacity, _BI_CAPACITY),
}

DEFAULTS: Mapping[Any, Mapping[str, Any]] = {
    Capacity: {"renewal_plan": None, "edition": None},
    Reservation: {
        "slot_capacity": 0,
        "ignore_idle_slots": False,
        "target_job_concurrency": 0,
        "autoscale_max_slots": 0,
        "edition": None,
        "max_slots": None,
        "scaling_mode": None,
        "secondary_location": None,
        "reservation_group": None,
        "labels": {},
    },
    Assignment: {"principal": None},
    BiCapacity: {"size": 0, "preferred_tables": ()},
}
