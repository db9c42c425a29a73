"""What a history holds, in short: by user, label, fingerprint or hour."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .model import JobRecord

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
# Of so many texts of a group an example is kept, cut to so many characters.
_EXAMPLE = 100


@dataclass(slots=True)
class Group:
    """Sums over the jobs of a group. ``example`` is the text of one."""

    jobs: int = 0
    errors: int = 0
    cache_hits: int = 0
    bytes_processed: int = 0
    bytes_billed: int = 0
    slot_ms: int = 0
    queued_us: int = 0
    ran_us: int = 0
    example: str = ""

    def add(self, job: JobRecord) -> None:
        self.jobs += 1
        self.errors += bool(job.error_reason)
        self.cache_hits += job.cache_hit
        self.bytes_processed += job.bytes_processed
        self.bytes_billed += job.bytes_billed
        self.slot_ms += job.slot_ms
        self.queued_us += job.queued_us
        self.ran_us += job.ran_us
        if not self.example and job.sql:
            self.example = " ".join(job.sql.split())[:_EXAMPLE]

    def json(self) -> dict[str, Any]:
        """The sums; times in milliseconds."""
        return {
            "jobs": self.jobs,
            "errors": self.errors,
            "cacheHits": self.cache_hits,
            "bytesProcessed": self.bytes_processed,
            "bytesBilled": self.bytes_billed,
            "slotMs": self.slot_ms,
            "queuedMs": self.queued_us // 1000,
            "ranMs": self.ran_us // 1000,
            **({"example": self.example} if self.example else {}),
        }


def hour_of(us: int) -> str:
    """The hour of a time, as ``2026-01-31T12:00Z``; '' where it is not known."""
    if not us:
        return ""
    return (_EPOCH + dt.timedelta(microseconds=us)).strftime("%Y-%m-%dT%H:00Z")


def time_of(us: int) -> str:
    """A time as ISO 8601; '' where it is not known."""
    return (_EPOCH + dt.timedelta(microseconds=us)).isoformat().replace("+00:00", "Z") if us else ""


# How jobs are grouped: a job may be in several groups of labels.
GROUPINGS: Mapping[str, Callable[[JobRecord], list[str]]] = {
    "user": lambda job: [job.user],
    "label": lambda job: [f"{key}:{value}" for key, value in sorted(job.labels.items())] or [""],
    "fingerprint": lambda job: [job.fingerprint],
    "hour": lambda job: [hour_of(job.created_us)],
    "project": lambda job: [job.project],
    "reservation": lambda job: [job.reservation],
    "statement": lambda job: [job.statement_type or job.job_type],
    "reason": lambda job: [job.error_reason],
}


@dataclass(slots=True)
class Summary:
    """All jobs, and those of each group of each grouping. Memory grows with the groups, not the jobs."""

    groupings: tuple[str, ...] = ("user", "label", "fingerprint", "hour")
    total: Group = field(default_factory=Group)
    first_us: int = 0
    last_us: int = 0
    groups: dict[str, dict[str, Group]] = field(default_factory=dict)

    def add_all(self, jobs: Iterable[JobRecord]) -> Summary:
        """Count ``jobs``; itself."""
        for job in jobs:
            self.total.add(job)
            if job.created_us:
                self.first_us = min(self.first_us or job.created_us, job.created_us)
                self.last_us = max(self.last_us, job.created_us)
            for name in self.groupings:
                groups = self.groups.setdefault(name, {})
                for key in GROUPINGS[name](job):
                    groups.setdefault(key, Group()).add(job)
        return self

    def top(self, grouping: str, limit: int) -> list[tuple[str, Group]]:
        """The groups of a grouping: hours in their order, others by slot time, then bytes and count."""
        found = list(self.groups.get(grouping, {}).items())
        if grouping == "hour":
            found.sort(key=lambda item: item[0])
        else:
            found.sort(key=lambda item: (-item[1].slot_ms, -item[1].bytes_billed, -item[1].jobs, item[0]))
        return found[:limit]

    def json(self, limit: int) -> dict[str, Any]:
        """All as JSON."""
        return {
            "total": self.total.json(),
            "first": time_of(self.first_us),
            "last": time_of(self.last_us),
            "groups": {
                name: [{"name": key, **group.json()} for key, group in self.top(name, limit)]
                for name in self.groupings
            },
        }

    def text(self, limit: int) -> str:
        """All as text."""
        span = f" from {time_of(self.first_us)} to {time_of(self.last_us)}" if self.first_us else ""
        lines = [f"{self.total.jobs:,} jobs{span}: {_said(self.total)}"]
        for name in self.groupings:
            groups = self.top(name, limit)
            more = len(self.groups.get(name, {})) - len(groups)
            lines += ["", f"by {name}:"]
            for key, group in groups:
                example = f"  {group.example}" if name == "fingerprint" and group.example else ""
                lines.append(f"  {key or '(none)'}: {group.jobs:,} jobs, {_said(group)}{example}")
            if more > 0:
                lines.append(f"  … and {more:,} more")
        return "\n".join(lines)


def _said(group: Group) -> str:
    parts = [
        f"{group.errors:,} failed",
        f"{size(group.bytes_processed)} processed",
        f"{size(group.bytes_billed)} billed",
        f"{group.slot_ms / 1000:,.1f} slot-s",
    ]
    return ", ".join(parts)


def size(count: int) -> str:
    """Bytes with a binary unit."""
    value, units = float(count), ["B", "KiB", "MiB", "GiB", "TiB", "PiB"]
    while value >= 1024 and len(units) > 1:
        value /= 1024
        units.pop(0)
    return f"{value:,.0f} {units[0]}" if units[0] == "B" else f"{value:,.1f} {units[0]}"
