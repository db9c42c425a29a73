"""What INFORMATION_SCHEMA must learn of jobs, sessions and slots, which are above SQL."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from bqsim.sql.in_force import InForce, Past


class JobRecord(Protocol):
    """A job as its views need it. Times are epoch microseconds."""

    @property
    def project(self) -> str: ...

    @property
    def job_id(self) -> str: ...

    @property
    def location(self) -> str: ...

    @property
    def parent_job_id(self) -> str | None: ...

    @property
    def caller(self) -> str: ...

    @property
    def job_type(self) -> str: ...

    @property
    def state(self) -> str: ...

    @property
    def created_us(self) -> int: ...

    @property
    def start_us(self) -> int | None: ...

    @property
    def end_us(self) -> int | None: ...

    @property
    def slot_ms(self) -> int: ...

    def spent(self, moments_us: Sequence[float]) -> tuple[Sequence[int], Sequence[float]] | None:
        """Slot-milliseconds that it had, and that it lacked, up to each of these moments, which ascend; None
        when that is not known."""
        ...

    @property
    def creation_reason(self) -> str: ...

    @property
    def configuration(self) -> Mapping[str, Any]:
        """The API's ``JobConfiguration``, with the destination that a query got."""
        ...

    @property
    def error(self) -> Mapping[str, Any] | None:
        """The ErrorProto of a failed job."""
        ...

    @property
    def bytes_processed(self) -> int | None:
        """None before it is known."""
        ...

    @property
    def bytes_billed(self) -> int | None:
        """None before it is known, and for jobs that are no queries."""
        ...

    @property
    def statement_type(self) -> str | None: ...

    @property
    def cache_hit(self) -> bool | None: ...

    def statistics(self) -> Mapping[str, Any]:
        """The API's ``JobStatistics``: computed at each call."""
        ...


class SessionRecord(Protocol):
    """A session. Times are epoch microseconds."""

    @property
    def id(self) -> str: ...

    @property
    def project(self) -> str: ...

    @property
    def location(self) -> str: ...

    @property
    def caller(self) -> str: ...

    @property
    def created_us(self) -> int: ...

    @property
    def used_us(self) -> int: ...

    @property
    def expires_us(self) -> int:
        """When it ends, or ended."""
        ...


class History(Protocol):
    """Who knows jobs and sessions."""

    def jobs(self, project: str | None, ids: Collection[str] | None = None) -> Sequence[JobRecord]:
        """The jobs of a project (None: of all), child jobs included, oldest first; only those of ``ids`` if
        they are given."""
        ...

    def sessions(self, project: str) -> Sequence[SessionRecord]:
        """The sessions of a project, those that ended included while they are known."""
        ...


class NoHistory:
    """Nobody runs jobs."""

    def jobs(self, project: str | None, ids: Collection[str] | None = None) -> Sequence[JobRecord]:
        return ()

    def sessions(self, project: str) -> Sequence[SessionRecord]:
        return ()


@dataclass(slots=True)
class Sources:
    """What is told from above; all may be assigned later. ``capacity`` is None as long as jobs share none,
    ``past`` when they never did."""

    history: History
    capacity: Callable[[], InForce | None] = lambda: None
    past: Callable[[], Past | None] = lambda: None
