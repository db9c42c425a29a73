"""Who uses which reservation: assignments, from the most specific to the least."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

from bqsim.sim.scenario.capacity import NO_RESERVATION, Assignment, Capacity

from .jobs import Place, Source

# What each job type falls back to when nothing is assigned for it.
_JOB_TYPES = {"QUERY": "QUERY", "LOAD": "PIPELINE", "EXTRACT": "PIPELINE", "COPY": "PIPELINE"}
SHARED_POOL = "shared pool"
_OTHERS = 9


def reservation_of(capacity: Capacity, source: Source) -> str:
    """The reservation that a job of ``source`` runs in; ``''`` on demand, :data:`SHARED_POOL` for loads and
    extracts without one."""
    job_type = _JOB_TYPES.get(source.job_type, source.job_type)
    free = "" if job_type != "PIPELINE" else SHARED_POOL
    if source.reservation:
        # A name, project:location.name, or projects/p/locations/l/reservations/name.
        asked = re.split(r"[./]", source.reservation)[-1]
        if asked == NO_RESERVATION:
            return free
        if asked in capacity.reservations:
            return asked
    ranked = ((_rank(capacity, one, source), one) for one in capacity.assignments if one.job_type == job_type)
    rank, best = min(ranked, key=lambda pair: pair[0], default=(_OTHERS, None))
    if best is None or rank == _OTHERS:
        ran_in = source.ran_in.rsplit(".", 1)[-1]
        return ran_in if ran_in in capacity.reservations else free
    return free if best.reservation == NO_RESERVATION else best.reservation


def _rank(capacity: Capacity, assignment: Assignment, source: Source) -> int:
    """How specific an assignment is, 0 the most; _OTHERS when it is not about the source."""
    if assignment.principal is not None:
        ours = assignment.principal == source.principal and assignment.project in (None, source.project)
        return 0 if ours else _OTHERS
    if assignment.project is not None:
        return 1 if assignment.project == source.project else _OTHERS
    if assignment.folder is not None:
        patterns = capacity.folders.get(assignment.folder, ())
        return 2 if any(fnmatchcase(source.project, one) for one in patterns) else _OTHERS
    return 3


def place_of(capacity: Capacity, name: str, project: str = "") -> Place:
    """The place of a reservation, of a project on demand (``name`` is ''), or the shared pool."""
    one = capacity.reservations.get(name)
    if one is None:
        return Place(name or project, "", "", "", 0, 0)
    most = one.autoscale_max_slots
    if one.max_slots is not None and one.scaling_mode is not None:
        most = 0 if one.scaling_mode == "IDLE_SLOTS_ONLY" else max(0, one.max_slots - one.slot_capacity)
    return Place(
        name, one.edition, one.location, one.admin_project, one.slot_capacity, most, one.fluid_scaling
    )
