"""Whether the days of a plan's workload are days of weeks: then every seventh is of the same kind."""

from __future__ import annotations

from .plan.model import Diurnal, Generated, Plan, WorkloadPart


def weekly(plan: Plan) -> bool:
    """Whether a history or arrivals by the day of the week are in it, and none that are compressed, whose
    weeks have other lengths."""
    parts = plan.workload
    return any(map(_has_weeks, parts)) and all(
        change.compress == 1 for part in parts if _has_weeks(part) for change in part.changes
    )


def _has_weeks(part: WorkloadPart) -> bool:
    origin = part.origin
    if not isinstance(origin, Generated):
        return True
    return isinstance(origin.arrivals, Diurnal) and origin.arrivals.days is not None
