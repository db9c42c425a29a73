"""How a run differs from what was recorded: errors, rows, bytes, order, durations."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from .runner import CAPPED, DONE, STOPPED, Outcome, Run

_MILLION = 1_000_000
_Z = 1.959964
SHARES = (0.5, 0.9, 0.99)


@dataclass(frozen=True, slots=True)
class Quantile:
    """A quantile in seconds with the bounds that hold it with 95 % confidence."""

    share: float
    value: float
    low: float
    high: float

    def json(self) -> dict[str, float]:
        return {"value": round(self.value, 6), "low": round(self.low, 6), "high": round(self.high, 6)}


def quantiles(values: Sequence[float]) -> list[Quantile]:
    """p50, p90 and p99 of values, with intervals by their order; none of no values."""
    ordered = sorted(values)
    count = len(ordered)
    found = []
    for share in SHARES if count else ():
        half = _Z * math.sqrt(count * share * (1 - share))
        place = share * count
        found.append(
            Quantile(
                share,
                ordered[min(count - 1, math.ceil(place) - 1)],
                ordered[max(0, math.floor(place - half) - 1)],
                ordered[min(count - 1, math.ceil(place + half) - 1)],
            )
        )
    return found


@dataclass(slots=True)
class Group:
    """Jobs of one fingerprint, or kind of job. Bytes are of those that were compared."""

    name: str
    example: str = ""
    jobs: int = 0
    new_errors: int = 0
    gone_errors: int = 0
    other_errors: int = 0
    rows_differ: int = 0
    recorded_bytes: int = 0
    replayed_bytes: int = 0
    recorded_s: list[float] = field(default_factory=list)
    replayed_s: list[float] = field(default_factory=list)

    @property
    def slower(self) -> float | None:
        """The replayed p90 against the recorded one, less 1; None where there is none to compare."""
        recorded, replayed = quantiles(self.recorded_s), quantiles(self.replayed_s)
        if not recorded or not replayed or recorded[1].value <= 0.0:
            return None
        return replayed[1].value / recorded[1].value - 1.0

    def json(self) -> dict[str, Any]:
        names = [f"p{round(share * 100)}" for share in SHARES]
        return {
            "name": self.name,
            "example": self.example,
            "jobs": self.jobs,
            "newErrors": self.new_errors,
            "goneErrors": self.gone_errors,
            "otherErrors": self.other_errors,
            "rowsDiffer": self.rows_differ,
            "recordedBytes": self.recorded_bytes,
            "replayedBytes": self.replayed_bytes,
            "recordedSeconds": {n: q.json() for n, q in zip(names, quantiles(self.recorded_s), strict=False)},
            "replayedSeconds": {n: q.json() for n, q in zip(names, quantiles(self.replayed_s), strict=False)},
        }


@dataclass(frozen=True, slots=True)
class Difference:
    """One job that differs: ``what`` is ``new error``, ``gone error``, ``other error``, ``rows`` or
    ``bytes``."""

    number: int
    job_id: str
    group: str
    what: str
    recorded: str
    replayed: str

    def json(self) -> dict[str, Any]:
        names = ("number", "job_id", "group", "what", "recorded", "replayed")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What a run may differ by before it counts as failed; None: whatever."""

    new_errors: int | None = 0
    rows: int | None = None
    bytes: float | None = None
    slowdown: float | None = None
    order: float | None = None


@dataclass(slots=True)
class Divergence:
    """All differences of a run. ``order`` is the share of pairs of jobs that ended the other way round;
    ``waited`` counts dependencies that were kept."""

    jobs: int = 0
    done: int = 0
    capped: int = 0
    stopped: int = 0
    retried: int = 0
    seconds: float = 0.0
    new_errors: Counter[str] = field(default_factory=Counter)
    gone_errors: Counter[str] = field(default_factory=Counter)
    other_errors: Counter[str] = field(default_factory=Counter)
    rows_differ: int = 0
    order: float = 0.0
    waited: int = 0
    whole: Group = field(default_factory=lambda: Group("all"))
    groups: list[Group] = field(default_factory=list)
    latency: list[Quantile] = field(default_factory=list)
    late: list[Quantile] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    left_out: dict[str, int] = field(default_factory=dict)

    @property
    def bytes_change(self) -> float:
        """The relative change of bytes processed, over jobs that succeeded both times."""
        if not self.whole.recorded_bytes:
            return 0.0 if not self.whole.replayed_bytes else math.inf
        return self.whole.replayed_bytes / self.whole.recorded_bytes - 1.0

    def exceeded(self, limits: Thresholds) -> list[str]:
        """Which thresholds are exceeded, in words."""
        found = []
        errors = sum(self.new_errors.values())
        if limits.new_errors is not None and errors > limits.new_errors:
            found.append(f"{errors} new errors, {limits.new_errors} are allowed")
        if limits.rows is not None and self.rows_differ > limits.rows:
            found.append(f"{self.rows_differ} results have other rows, {limits.rows} are allowed")
        if limits.bytes is not None and abs(self.bytes_change) > limits.bytes:
            found.append(f"bytes changed by {self.bytes_change:+.1%}, {limits.bytes:.1%} are allowed")
        slower = self.whole.slower
        if limits.slowdown is not None and slower is not None and slower > limits.slowdown:
            found.append(f"p90 is {slower:+.1%}, {limits.slowdown:.1%} are allowed")
        if limits.order is not None and self.order > limits.order:
            found.append(f"{self.order:.1%} of pairs changed order, {limits.order:.1%} are allowed")
        return found

    def json(self) -> dict[str, Any]:
        """All as JSON."""
        return {
            "jobs": self.jobs,
            "done": self.done,
            "overTheCap": self.capped,
            "stopped": self.stopped,
            "leftOut": self.left_out,
            "seconds": round(self.seconds, 3),
            "retriedRequests": self.retried,
            "newErrors": dict(self.new_errors),
            "goneErrors": dict(self.gone_errors),
            "otherErrors": dict(self.other_errors),
            "rowsDiffer": self.rows_differ,
            "bytesChange": None if math.isinf(self.bytes_change) else round(self.bytes_change, 6),
            "pairsInOtherOrder": round(self.order, 6),
            "dependenciesKept": self.waited,
            "latencyFromIntendedStart": {f"p{round(q.share * 100)}": q.json() for q in self.latency},
            "startedLate": {f"p{round(q.share * 100)}": q.json() for q in self.late},
            "all": self.whole.json(),
            "groups": [one.json() for one in self.groups],
            "differences": [one.json() for one in self.differences],
        }


def compare(run: Run, left_out: Counter[str] | None = None, most: int = 1000) -> Divergence:
    """How a run differs from the recording; at most so many single differences are told."""
    found = Divergence(len(run.outcomes), retried=run.retried, seconds=run.seconds)
    found.left_out = dict(left_out or {})
    groups: dict[str, Group] = {}
    done = [one for one in run.outcomes if one.state == DONE]
    found.done = len(done)
    found.capped = sum(one.state == CAPPED for one in run.outcomes)
    found.stopped = sum(one.state == STOPPED for one in run.outcomes)
    for one in done:
        group = groups.setdefault(one.item.group, Group(one.item.group, _example(one)))
        for difference in _add(found, group, one):
            if len(found.differences) < most:
                found.differences.append(difference)
        found.waited += len(one.item.after)
    found.groups = sorted(groups.values(), key=lambda g: (-g.new_errors, -g.rows_differ, -g.jobs, g.name))
    found.order = inversions(done)
    found.latency = quantiles([one.latency_s for one in done])
    found.late = quantiles([one.late_s for one in done])
    return found


def _example(one: Outcome) -> str:
    return " ".join(one.item.sql.split())[:100]


def _add(found: Divergence, group: Group, one: Outcome) -> list[Difference]:
    recorded, job = one.item.recorded, one.job
    told = []

    def differs(what: str, before: object, after: object) -> None:
        told.append(Difference(one.item.number, recorded.job_id, group.name, what, str(before), str(after)))

    for counted in (found.whole, group):
        counted.jobs += 1
    before, after = recorded.error_reason, one.reason
    if before != after:
        kind = "new error" if not before else "gone error" if not after else "other error"
        if kind == "new error":
            found.new_errors[after] += 1
        elif kind == "gone error":
            found.gone_errors[before] += 1
        else:
            found.other_errors[f"{before} → {after}"] += 1
        for counted in (found.whole, group):
            counted.new_errors += kind == "new error"
            counted.gone_errors += kind == "gone error"
            counted.other_errors += kind == "other error"
        differs(kind, before or "none", f"{after}: {one.message}" if after else "none")
    if before or after or job is None:
        return told
    rows = _rows(one)
    if rows is not None and rows[0] != rows[1]:
        found.rows_differ += 1
        for counted in (found.whole, group):
            counted.rows_differ += 1
        differs("rows", *rows)
    if not recorded.cache_hit and not job.cache_hit:
        for counted in (found.whole, group):
            counted.recorded_bytes += recorded.bytes_processed
            counted.replayed_bytes += job.bytes_processed
        if recorded.bytes_processed != job.bytes_processed:
            differs("bytes", recorded.bytes_processed, job.bytes_processed)
        if recorded.ran_us and job.ran_us:
            for counted in (found.whole, group):
                counted.recorded_s.append(recorded.ran_us / _MILLION)
                counted.replayed_s.append(job.ran_us / _MILLION)
    return told


def _rows(one: Outcome) -> tuple[int, int] | None:
    """Recorded and replayed rows, where both are known: of DML those that it changed."""
    recorded, job = one.item.recorded, one.job
    assert job is not None
    if recorded.dml_rows or job.dml_rows:
        return recorded.dml_rows, job.dml_rows
    if one.item.kind != "query" or recorded.statement_type not in ("", "SELECT"):
        return (recorded.output_rows, job.output_rows) if recorded.output_rows else None
    # A history tells the rows of a result by its plan, which cached results and errors have none of.
    known = recorded.output_rows or (recorded.stages and not recorded.cache_hit)
    if not known:
        return None
    replayed = one.rows if one.rows is not None else job.output_rows
    return recorded.output_rows, replayed


def inversions(done: Sequence[Outcome]) -> float:
    """The share of pairs of jobs whose ends came in another order than recorded."""
    known = [one for one in done if one.item.recorded.ended_us and one.order]
    known.sort(key=lambda one: (one.item.recorded.ended_us, one.item.number))
    # Jobs that ended together have no order.
    ranks = [one.order for one in known]
    pairs = len(ranks) * (len(ranks) - 1) // 2
    return _inverted(ranks)[0] / pairs if pairs else 0.0


def _inverted(ranks: list[int]) -> tuple[int, list[int]]:
    if len(ranks) < 2:
        return 0, ranks
    middle = len(ranks) // 2
    left_count, left = _inverted(ranks[:middle])
    right_count, right = _inverted(ranks[middle:])
    count, merged, i = left_count + right_count, [], 0
    for value in right:
        while i < len(left) and left[i] <= value:
            merged.append(left[i])
            i += 1
        count += len(left) - i
        merged.append(value)
    return count, merged + left[i:]
