"""Why a call was answered as it was, in words."""

from __future__ import annotations

import datetime

from .events import CallEvent, Decision


def describe(event: CallEvent) -> str:
    """One line: ``#id 12:00:01.250000 bigquery.jobs.query projects/p → 503 backendError (attempt 2)``."""
    resource = f" {event.resource}" if event.resource else ""
    attempt = f" (attempt {event.attempt})" if event.attempt > 1 else ""
    return (
        f"#{event.id} {time_of_day(event.time_us)} {event.method}{resource} → {event.outcome.text}{attempt}"
    )


def explain(event: CallEvent) -> str:
    """What shaped the answer, one line for each decision; the plain service when nothing did."""
    lines = [describe(event)]
    if event.outcome.message:
        lines.append(f"  message: {event.outcome.message}")
    lines.append(f"  took {event.duration_us / 1e6:.6g} s")
    if not event.decisions:
        lines.append("  no rule, limit, latency model or recording took part")
    lines += [f"  {decided(decision)}" for decision in event.decisions]
    return "\n".join(lines)


def decided(decision: Decision) -> str:
    """One decision: ``rule 'brownout' (slow.yaml:12): error, drew 0.031250, added 1.5 s``."""
    by = [
        f"rule '{decision.rule}'" if decision.rule else "",
        f"quota '{decision.quota}'" if decision.quota else "",
        f"recording '{decision.recording}'" if decision.recording else "",
    ]
    name = ", ".join(part for part in by if part) or "latency model"
    source = f" ({decision.source})" if decision.source else ""
    did = [
        decision.effect,
        decision.why,
        "" if decision.draw is None else f"drew {decision.draw:.6f}",
        "" if decision.latency_s is None else f"added {decision.latency_s:.6g} s",
    ]
    said = ", ".join(part for part in did if part)
    return f"{name}{source}: {said}" if said else f"{name}{source}"


def time_of_day(time_us: int) -> str:
    """``HH:MM:SS.ffffff`` in UTC."""
    start = datetime.datetime(1970, 1, 1)
    return (start + datetime.timedelta(microseconds=time_us)).time().isoformat("microseconds")
