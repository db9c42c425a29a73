"""Jobs and sessions as INFORMATION_SCHEMA reads them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from operator import attrgetter
from typing import Any

from bqsim.jobs.index import JobIndex
from bqsim.jobs.job import Job
from bqsim.jobs.machine import State
from bqsim.jobs.sessions import Sessions, SqlSession
from bqsim.sim.stale import seen


class JobRow:
    """A job, for views of INFORMATION_SCHEMA. Times are epoch microseconds, of whole milliseconds."""

    __slots__ = ("_job",)

    def __init__(self, job: Job) -> None:
        self._job = job

    @property
    def project(self) -> str:
        return self._job.ref.project

    @property
    def job_id(self) -> str:
        return self._job.ref.job_id

    @property
    def location(self) -> str:
        return self._job.ref.location

    @property
    def parent_job_id(self) -> str | None:
        parent = self._job.parent
        return parent.ref.job_id if parent is not None else None

    @property
    def caller(self) -> str:
        return self._job.caller

    @property
    def job_type(self) -> str:
        return self._job.type.value

    @property
    def state(self) -> str:
        return self._job.timeline.state.value

    @property
    def created_us(self) -> int:
        return self._job.timeline.entered[State.PENDING] // 1000 * 1000

    @property
    def start_us(self) -> int | None:
        """When it left PENDING: jobs that never ran started when they ended."""
        started = self._at(State.RUNNING)
        return self._at(State.DONE) if started is None else started

    @property
    def end_us(self) -> int | None:
        return self._at(State.DONE)

    def _at(self, state: State) -> int | None:
        us = self._job.timeline.entered.get(state)
        return None if us is None else us // 1000 * 1000

    @property
    def slot_ms(self) -> int:
        return self._job.slot_ms

    def spent(self, moments_us: Sequence[float]) -> tuple[list[int], list[float]] | None:
        """Slot-milliseconds that it had, and that it lacked, of simulated slots up to each of these moments,
        which ascend; None when it had none."""
        slots = self._job.slots
        if slots is None or (slots.slot_ms != self._job.slot_ms):
            return None
        return slots.spent(moments_us, done=self._job.done)

    @property
    def creation_reason(self) -> str:
        return self._job.creation_reason

    @property
    def configuration(self) -> Mapping[str, Any]:
        return self._job.configuration_json()

    @property
    def error(self) -> Mapping[str, Any] | None:
        error = self._job.error
        return None if error is None or not self._job.done else error.error_proto()

    @property
    def bytes_processed(self) -> int | None:
        statistics = self._job.statistics
        return None if statistics is None or self._hides() else statistics.bytes_processed

    @property
    def bytes_billed(self) -> int | None:
        statistics = self._job.query_statistics
        return None if statistics is None or self._hides() else statistics.bytes_billed

    def _hides(self) -> bool:
        """Whether the job read tables with row access policies: its figures would tell of their rows."""
        statistics = self._job.query_statistics
        return statistics is not None and statistics.row_level_security

    @property
    def statement_type(self) -> str | None:
        return self._job.statement_type

    @property
    def cache_hit(self) -> bool | None:
        """None for jobs that are no queries, and for scripts."""
        statistics = self._job.query_statistics
        if statistics is None or statistics.statement_type == "SCRIPT":
            return None
        return statistics.cache_hit

    def statistics(self) -> Mapping[str, Any]:
        return self._job.statistics_json()


class JobHistory:
    """The :class:`bqsim.sql.information_schema.History` of a simulator's jobs and sessions."""

    def __init__(self, index: JobIndex, sessions: Sessions) -> None:
        self._index = index
        self._sessions = sessions

    def jobs(self, project: str | None, ids: Collection[str] | None = None) -> Sequence[JobRow]:
        """The jobs of a project (None: of all), child jobs included, oldest first; only those of ``ids`` if
        they are given."""
        if project is not None and ids is not None:
            found = [job for job_id in ids for job in self._index.named(project, job_id)]
        else:
            found = [job for job in self._index.everything() if project is None or job.ref.project == project]
        view = seen()
        lag_us = view.information_schema if view is not None else 0
        if lag_us:
            before = self._sessions.now_us() - lag_us
            found = [job for job in found if job.timeline.created_us <= before]
        found.sort(key=attrgetter("number"))
        return [JobRow(job) for job in found]

    def sessions(self, project: str) -> Sequence[SqlSession]:
        """The sessions of a project that are known, by when they began."""
        found = [s for s in self._sessions.all() if s.project == project]
        found.sort(key=lambda s: (s.created_us, s.id))
        return found
