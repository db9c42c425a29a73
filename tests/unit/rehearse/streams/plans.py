"""Plans with streams, and what is measured of them."""

from __future__ import annotations

from bqsim.rehearse.plan.model import Plan
from bqsim.rehearse.plan.reading import LoadedPlan, parse
from bqsim.rehearse.streams.measure import measured
from bqsim.rehearse.streams.results import QuotaResult, StreamingResult


def loaded(*streams: str, more: str = "") -> LoadedPlan:
    """A plan of streams, each on a line, and ``more``."""
    return parse("streams:\n" + "".join(f"- {{{one}}}\n" for one in streams) + more, "plan.yaml")


def plan(*streams: str, more: str = "") -> Plan:
    return loaded(*streams, more=more).plan


def told(*streams: str, seconds: int = 600, more: str = "", week_ms: float = 0.0) -> StreamingResult:
    """What is measured of streams within so many seconds."""
    return measured(plan(*streams, more=more), seconds, week_ms=week_ms)


def quota(found: StreamingResult, limit: str, place: str = "") -> QuotaResult:
    """The quota of that name."""
    (one,) = (q for q in found.quotas if q.limit == limit and (not place or q.place == place))
    return one
