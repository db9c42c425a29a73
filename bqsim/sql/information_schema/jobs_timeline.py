"""JOBS_TIMELINE: a row for each second of each job's life."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bqsim.catalog.names import project_number
from bqsim.types import FLOAT64

from . import job_types as types
from .jobs import ALL_PROJECTS, NEEDS, error_record, jobs_of, labels, priority, statistics
from .sources import JobRecord
from .view import Column, Form, Scope, View, always, each, whole

_SECOND = 1_000_000


class _Seconds:
    """The seconds of a job that are asked for, ascending (epoch microseconds), none after ``now_us``."""

    def __init__(self, job: JobRecord, starts: Sequence[int], now_us: int) -> None:
        self.job = job
        self.starts = starts
        self._now_us = now_us

    @cached_property
    def spent(self) -> Mapping[int, tuple[int, int]] | None:
        """Slot-milliseconds that it had in each second, and units of work that lacked slots, as far as its
        slots are known."""
        bounds = [*self.starts, *(start + _SECOND for start in self.starts[-1:])]
        found = self.job.spent([float(min(at, self._now_us)) for at in bounds])
        if found is None:
            return None
        had, lacked = found
        return {
            start: (had[n + 1] - had[n], round((lacked[n + 1] - lacked[n]) / 1000))
            for n, start in enumerate(self.starts)
        }


@dataclass(frozen=True, slots=True)
class _Period:
    """A second (epoch microseconds) of a job."""

    seconds: _Seconds
    start_us: int

    @property
    def job(self) -> JobRecord:
        return self.seconds.job


def _periods(kind: str) -> Any:
    jobs = jobs_of(kind)

    def find(scope: Scope) -> Sequence[Any]:
        found = scope.only(
            jobs(scope),
            job_creation_time=lambda j: j.created_us,
            job_start_time=lambda j: j.start_us,
            job_end_time=lambda j: j.end_us,
        )
        asked = scope.asked("period_start")
        periods = []
        for job in found:
            end = job.end_us if job.end_us is not None else scope.now_us
            first, last = job.created_us // _SECOND, end // _SECOND
            if asked.low is not None:
                first = max(first, asked.low // _SECOND)
            if asked.high is not None:
                last = min(last, asked.high // _SECOND)
            starts = [second * _SECOND for second in range(first, last + 1)]
            seconds = _Seconds(job, starts, scope.now_us if job.end_us is None else end + _SECOND)
            periods += [_Period(seconds, start) for start in seconds.starts]
        return periods

    return find


def _slot_ms(period: _Period) -> int:
    """The slot time that the job had, as its slots are remembered; spread evenly over its run where none
    are."""
    job, known = period.job, period.seconds.spent
    if known is not None:
        return known[period.start_us][0]
    if job.start_us is None or job.end_us is None or not job.slot_ms:
        return 0
    run = max(job.end_us - job.start_us, 1)
    within = min(job.end_us, period.start_us + _SECOND) - max(job.start_us, period.start_us)
    return round(job.slot_ms * max(within, 0) / run)


def _runnable(period: _Period) -> int:
    """Units of work that more slots would let run."""
    known = period.seconds.spent
    return known[period.start_us][1] if known is not None else 0


def _state(period: _Period) -> str:
    end = period.start_us + _SECOND
    job = period.job
    if job.end_us is not None and job.end_us < end:
        return "DONE"
    return "RUNNING" if job.start_us is not None and job.start_us < end else "PENDING"


def _done(name: str, value: Any, type_: Any) -> Column:
    """A column that is there for finished jobs."""
    return whole(
        name,
        lambda periods, scope: [value(p.job, scope) if p.job.state == "DONE" else None for p in periods],
        type_,
    )


def _columns(kind: str) -> tuple[Column, ...]:
    wide = kind in ALL_PROJECTS
    return (
        each("period_start", lambda p: p.start_us, "T"),
        each("period_slot_ms", _slot_ms, "I"),
        each("project_id", lambda p: p.job.project),
        each("project_number", lambda p: project_number(p.job.project), "I"),
        *((always("folder_numbers", None, "I[]"),) if wide else ()),
        each("user_email", lambda p: p.job.caller),
        each("principal_subject", lambda p: f"user:{p.job.caller}"),
        each("job_id", lambda p: p.job.job_id),
        each("job_type", lambda p: p.job.job_type),
        each("labels", lambda p: labels(p.job), types.LABELS),
        each("statement_type", lambda p: p.job.statement_type),
        each("priority", lambda p: priority(p.job)),
        each("parent_job_id", lambda p: p.job.parent_job_id),
        each("job_creation_time", lambda p: p.job.created_us, "T"),
        each("job_start_time", lambda p: p.job.start_us, "T"),
        each("job_end_time", lambda p: p.job.end_us, "T"),
        each("state", _state),
        whole(
            "reservation_id",
            lambda periods, scope: [statistics(p.job, scope).get("reservation_id") for p in periods],
        ),
        whole("edition", lambda periods, scope: [statistics(p.job, scope).get("edition") for p in periods]),
        _done("total_bytes_billed", lambda job, scope: job.bytes_billed, "I"),
        _done("total_bytes_processed", lambda job, scope: job.bytes_processed, "I"),
        each("error_result", lambda p: error_record(p.job), types.ERROR),
        each("cache_hit", lambda p: p.job.cache_hit, "B"),
        # Nothing is shuffled.
        always("period_shuffle_ram_usage_ratio", 0.0, FLOAT64),
        each("period_estimated_runnable_units", _runnable, "I"),
        whole(
            "transaction_id",
            lambda periods, scope: [
                (statistics(p.job, scope).get("transactionInfo") or {}).get("transactionId") for p in periods
            ],
        ),
    )


VIEWS: tuple[View, ...] = tuple(
    View(
        "JOBS_TIMELINE" + (f"_{kind}" if kind else ""),
        _columns(kind),
        _periods(kind),
        Form.REGION,
        NEEDS.get(kind, NEEDS[""]),
    )
    for kind in ("", "BY_USER", "BY_PROJECT", "BY_FOLDER", "BY_ORGANIZATION")
)
