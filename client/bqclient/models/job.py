"""Jobs as the service tells of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from .references import JobReference, TableReference
from .schema import Schema

_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class ErrorInfo:
    """One error of a job: the service's reason, its text, and where."""

    reason: str
    message: str
    location: str | None = None

    @classmethod
    def from_api(cls, data: Mapping[str, Any]) -> ErrorInfo:
        """From the API's ``ErrorProto``."""
        return cls(str(data.get("reason") or ""), str(data.get("message") or ""), data.get("location"))

    def to_api(self) -> dict[str, Any]:
        """As the API has it."""
        found = {"reason": self.reason, "message": self.message}
        return {**found, "location": self.location} if self.location else found


@dataclass(frozen=True, slots=True)
class DmlCounts:
    """Rows that a DML statement changed."""

    inserted: int = 0
    updated: int = 0
    deleted: int = 0

    @classmethod
    def from_api(cls, data: Mapping[str, Any] | None) -> DmlCounts | None:
        """From the API's ``DmlStats``; ``None`` for what is no DML."""
        if data is None:
            return None
        return cls(*(int(data.get(f"{name}RowCount") or 0) for name in ("inserted", "updated", "deleted")))

    @property
    def affected(self) -> int:
        """All of them."""
        return self.inserted + self.updated + self.deleted


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it was when it was read.

    ``kind``: QUERY, LOAD, EXTRACT or COPY. ``error`` is the verdict of a job that failed; ``errors`` are what
    it met on its way, which a job that succeeded may have, too. ``data`` is the resource as the API has it.
    """

    reference: JobReference
    kind: str
    state: str
    error: ErrorInfo | None = None
    errors: tuple[ErrorInfo, ...] = field(default=(), repr=False)
    data: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_api(cls, data: Mapping[str, Any]) -> Job:
        """From the API's ``Job``, or from one of a list, which has the same parts."""
        status = data.get("status") or _NOTHING
        result = status.get("errorResult")
        named = data["jobReference"]
        return cls(
            # A dry run has no id.
            JobReference(named["projectId"], named.get("jobId") or "", named.get("location")),
            _kind(data.get("configuration") or _NOTHING),
            status.get("state") or data.get("state") or "PENDING",
            ErrorInfo.from_api(result) if result else None,
            tuple(ErrorInfo.from_api(e) for e in status.get("errors") or ()),
            data,
        )

    # --- state ---

    @property
    def done(self) -> bool:
        """Whether it is over, well or badly."""
        return self.state == "DONE"

    @property
    def succeeded(self) -> bool:
        """Whether it is over and did what was asked."""
        return self.done and self.error is None

    @property
    def id(self) -> str:
        """Its id."""
        return self.reference.job

    @property
    def location(self) -> str | None:
        """Where it runs."""
        return self.reference.location

    # --- what was asked ---

    @property
    def configuration(self) -> Mapping[str, Any]:
        """What was asked, as the API has it."""
        return self.data.get("configuration") or _NOTHING

    @property
    def labels(self) -> Mapping[str, str]:
        """Its labels."""
        return self.configuration.get("labels") or _NOTHING

    @property
    def user(self) -> str | None:
        """Who asked."""
        return self.data.get("user_email")

    @property
    def destination(self) -> TableReference | None:
        """The table it writes to; of a query without one, the anonymous table of its result."""
        found = (self.configuration.get(self.kind.lower()) or _NOTHING).get("destinationTable")
        return TableReference.from_api(found) if found else None

    # --- what came of it ---

    @property
    def statistics(self) -> Mapping[str, Any]:
        """The statistics as the API has them."""
        return self.data.get("statistics") or _NOTHING

    @property
    def details(self) -> Mapping[str, Any]:
        """The statistics of its kind: ``statistics.query``, ``statistics.load``, …"""
        return self.statistics.get(self.kind.lower()) or _NOTHING

    @property
    def created(self) -> datetime | None:
        """When it was asked for."""
        return time_of(self.statistics.get("creationTime"))

    @property
    def started(self) -> datetime | None:
        """When it began to run."""
        return time_of(self.statistics.get("startTime"))

    @property
    def ended(self) -> datetime | None:
        """When it was done."""
        return time_of(self.statistics.get("endTime"))

    @property
    def seconds(self) -> float:
        """From when it was asked for until it was done; 0 while it is not."""
        created, ended = self.created, self.ended
        return (ended - created).total_seconds() if created and ended else 0.0

    @property
    def bytes_processed(self) -> int:
        """Bytes that it read."""
        return int(self.statistics.get("totalBytesProcessed") or self.details.get("totalBytesProcessed") or 0)

    @property
    def bytes_billed(self) -> int:
        """Bytes that are billed for it."""
        return int(self.details.get("totalBytesBilled") or 0)

    @property
    def slot_ms(self) -> int:
        """Milliseconds of slots that it took."""
        return int(self.statistics.get("totalSlotMs") or self.details.get("totalSlotMs") or 0)

    @property
    def cache_hit(self) -> bool:
        """Whether its result came from the cache."""
        return bool(self.details.get("cacheHit"))

    @property
    def statement_type(self) -> str:
        """SELECT, INSERT, SCRIPT, …; empty for what is no query."""
        return str(self.details.get("statementType") or "")

    @property
    def dml(self) -> DmlCounts | None:
        """Rows that its DML changed."""
        return DmlCounts.from_api(self.details.get("dmlStats"))

    @property
    def schema(self) -> Schema | None:
        """The schema of a query's result, which dry runs give."""
        found = self.details.get("schema")
        return Schema.from_api(found) if found else None

    @property
    def referenced_tables(self) -> tuple[TableReference, ...]:
        """Tables that a query reads."""
        return tuple(TableReference.from_api(t) for t in self.details.get("referencedTables") or ())

    @property
    def output_rows(self) -> int:
        """Rows that a load stored."""
        return int(self.details.get("outputRows") or 0)

    @property
    def parent(self) -> str | None:
        """The id of the script that it is a statement of."""
        return self.statistics.get("parentJobId")

    @property
    def children(self) -> int:
        """How many jobs its statements were."""
        return int(self.statistics.get("numChildJobs") or 0)

    @property
    def session(self) -> str | None:
        """The session that it ran in."""
        found = self.statistics.get("sessionInfo")
        return found.get("sessionId") if found else None


def time_of(text: str | None) -> datetime | None:
    """A time that the API gives as milliseconds since 1970."""
    return datetime.fromtimestamp(int(text) / 1000, UTC) if text else None


def _kind(configuration: Mapping[str, Any]) -> str:
    if named := configuration.get("jobType"):
        return str(named)
    return next((kind.upper() for kind in ("query", "load", "extract", "copy") if kind in configuration), "")
