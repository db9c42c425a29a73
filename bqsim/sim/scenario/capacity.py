"""How capacity is described: commitments, reservations, who is assigned to them, queues, on-demand slots.

Words are those of the Reservation API and of ``CREATE RESERVATION``'s options.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from . import kinds as k
from .durations import DURATION_PATTERN

EDITIONS = ("STANDARD", "ENTERPRISE", "ENTERPRISE_PLUS")
SCALING_MODES = ("AUTOSCALE_ONLY", "IDLE_SLOTS_ONLY", "ALL_SLOTS")
COMMITMENT_PLANS = ("ANNUAL", "THREE_YEAR")
ASSIGNED_JOB_TYPES = ("QUERY", "PIPELINE", "ML_EXTERNAL", "BACKGROUND", "CONTINUOUS")
FAIRNESS = ("project", "reservation")
NO_RESERVATION = "none"

Name = Annotated[str, k.NAME]
Glob = Annotated[str, k.GLOB]
Count = Annotated[int, k.COUNT]
Edition = Annotated[str, k.word("edition", EDITIONS)]


def _timeout(value: k.Scalar) -> float:
    """A duration; -1 is no queue at all."""
    return -1.0 if value == -1 and not isinstance(value, bool) else float(k.SPAN.read(value))


QUEUE_TIMEOUT = k.Kind(
    "queue timeout",
    _timeout,
    {
        "anyOf": [
            {"const": -1},
            {"type": "number", "minimum": 0},
            {"type": "string", "pattern": DURATION_PATTERN},
        ]
    },
    lambda value: -1 if value < 0 else k.SPAN.write(value),
    suffix="_s",
)


@dataclass(frozen=True, slots=True)
class Commitment:
    """Slots bought for a year or three, in steps of 50. Those beyond the baselines of their edition and
    location are idle slots for all of its reservations. ``name`` is what statements call it."""

    slots: Annotated[int, k.ORDINAL]
    plan: Annotated[str, k.word("commitment plan", COMMITMENT_PLANS)] = "ANNUAL"
    edition: Edition = "ENTERPRISE"
    location: Name = "US"
    admin_project: Annotated[str, k.TEXT] = ""
    name: Annotated[str, k.TEXT] = ""


@dataclass(frozen=True, slots=True)
class ProjectCap:
    """What a project may have at most of a reservation: slots, and jobs at once."""

    max_slots: Annotated[int, k.ORDINAL] | None = None
    concurrency: Annotated[int, k.ORDINAL] | None = None


@dataclass(frozen=True, slots=True)
class Reservation:
    """A reservation. ``slot_capacity`` is its baseline, ``autoscale_max_slots`` what autoscaling adds at
    most, in steps of 50.

    ``max_slots`` with ``scaling_mode`` takes the place of the latter and bounds all slots together.
    ``fluid_scaling``: scaled slots are kept for a second, not for a minute. ``target_job_concurrency`` 0
    is automatic. ``projects`` caps projects within the reservation.
    """

    slot_capacity: Count = 0
    autoscale_max_slots: Count = 0
    edition: Edition = "ENTERPRISE"
    location: Name = "US"
    ignore_idle_slots: Annotated[bool, k.FLAG] = False
    max_slots: Annotated[int, k.ORDINAL] | None = None
    scaling_mode: Annotated[str, k.word("scaling mode", SCALING_MODES)] | None = None
    fluid_scaling: Annotated[bool, k.FLAG] = False
    target_job_concurrency: Count = 0
    reservation_group: Annotated[str, k.TEXT] = ""
    admin_project: Annotated[str, k.TEXT] = ""
    projects: Mapping[Name, ProjectCap] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Assignment:
    """Whose jobs use ``reservation`` (``none``: on demand): those of a project, of the projects of a folder,
    of a principal, or of the whole organization when none of these is given. The most specific counts.
    ``name`` is what statements call it."""

    reservation: Name
    project: Name | None = None
    folder: Name | None = None
    principal: Name | None = None
    job_type: Annotated[str, k.word("job type", ASSIGNED_JOB_TYPES)] = "QUERY"
    name: Annotated[str, k.TEXT] = ""


@dataclass(frozen=True, slots=True)
class OnDemand:
    """Slots of projects without a reservation. A project may go ``burst_slots`` beyond its own for
    ``burst_s``, and again ``burst_every_s`` later; how much that is in the service is not published."""

    project_slots: Annotated[int, k.ORDINAL] = 2_000
    organization_slots: Annotated[int, k.ORDINAL] = 20_000
    burst_slots: Count = 0
    burst_s: Annotated[float, k.SPAN] = 30.0
    burst_every_s: Annotated[float, k.SPAN] = 600.0


@dataclass(frozen=True, slots=True)
class Queues:
    """How many jobs of a project may wait, and how long; a timeout of -1 turns queueing off."""

    interactive: Count = 1_000
    batch: Count = 20_000
    interactive_timeout_s: Annotated[float, QUEUE_TIMEOUT] = 6 * 3600.0
    batch_timeout_s: Annotated[float, QUEUE_TIMEOUT] = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Capacity:
    """All of it. ``folders`` are patterns of the projects in each folder.

    ``fairness``: by what idle slots are shared, the projects that want them or the reservations.
    ``slots_per_query`` is what the automatic concurrency leaves each running query at least, ``batch_share``
    the share of it that batch queries may take: the service publishes neither.
    """

    reservations: Mapping[Name, Reservation] = field(default_factory=dict)
    commitments: tuple[Commitment, ...] = ()
    assignments: tuple[Assignment, ...] = ()
    folders: Mapping[Name, tuple[Glob, ...]] = field(default_factory=dict)
    on_demand: OnDemand = field(default_factory=OnDemand)
    queues: Queues = field(default_factory=Queues)
    fairness: Annotated[str, k.word("fairness", FAIRNESS)] = "project"
    slots_per_query: Annotated[float, k.POSITIVE] = 10.0
    batch_share: Annotated[float, k.SHARE] = 0.5
    run_limit_s: Annotated[float, k.SPAN] = 6 * 3600.0
