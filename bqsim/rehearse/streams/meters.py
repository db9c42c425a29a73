"""Meters: what one quota sees of its streams, block by block, and what came of it in the end."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from bqsim.sim.slots.jobs import Floats

from .flows import Block
from .queues import HAIR, Buckets, Levels, Queue, Window
from .quotas import Asked, Quota
from .results import QuotaResult, Shares

# Stretches of time in a chart.
MOST_BUCKETS = 120


@dataclass(frozen=True, slots=True)
class Span:
    """Seconds that are simulated, and the first that is measured."""

    seconds: int
    begin: int

    def measured(self, at: int) -> int:
        """How many seconds of a block that begins ``at`` are not measured."""
        return max(0, self.begin - at)


@dataclass(slots=True)
class Meter:
    """What is used of an amount. Subclasses tell what they count."""

    quota: Quota | None
    amount: float
    span: Span
    use: Levels = field(default_factory=Levels)
    over_from: float | None = None
    over: float = 0.0
    over_bytes: float = 0.0
    every_byte: float = 0.0

    def count(self, use: Floats, sent: Floats, begin: float, times: Floats | None = None) -> None:
        """Count shares of the amount, and the bytes that are ``sent``: of each second from ``begin`` on, of
        which what is beyond the amount is over, or at ``times``, where all of it is."""
        self.use.add(use)
        self.every_byte += float(sent.sum())
        if not len(use) or float(use.max()) <= 1.0 + HAIR:
            return
        over = use > 1.0 + HAIR
        if self.over_from is None:
            first = int(np.argmax(over))
            self.over_from = begin + first if times is None else float(times[first])
        self.over += float(over.sum())
        beyond = sent[over]
        self.over_bytes += float((beyond * (1.0 - 1.0 / use[over]) if times is None else beyond).sum())

    @property
    def shares(self) -> Shares:
        p50, p95, p99 = (self.use.percentile(one) for one in (50.0, 95.0, 99.0))
        return Shares(p50, p95, p99, self.use.largest)

    @property
    def over_time(self) -> float:
        return self.over / self.use.total if self.use.total else 0.0

    @property
    def share_over(self) -> float:
        return self.over_bytes / self.every_byte if self.every_byte else 0.0


@dataclass(slots=True)
class Timed(Meter):
    """A meter by the second, with a queue of what has to wait; ``waits`` are seconds for what comes in each
    second of the last block."""

    window: Window = field(default_factory=lambda: Window(1))
    queue: Queue | None = None
    timeline: Buckets | None = None
    refused_from: float | None = None
    backlog: float = 0.0
    drained: float = 0.0
    _before: float = 0.0

    def see(self, at: int, values: Floats, sent: Floats, demand: Floats | None = None) -> Floats | None:
        """Take a block; how long what comes in each second has to wait, None for not at all. ``demand`` is
        what the queue gets where that is not what is counted."""
        skip = self.span.measured(at)
        use = self.window.sums(values) / self.amount
        if skip < len(values):
            self.count(use[skip:], sent[skip:], float(at + skip))
            if self.timeline is not None:
                self.timeline.add(use[skip:])
        return self._wait(at, values if demand is None else demand)

    def _wait(self, at: int, values: Floats) -> Floats | None:
        if self.queue is None:
            return None
        waiting = self.queue.waiting(values)
        if waiting is None:
            self._before = 0.0
            return None
        before, self._before = self._before, float(waiting[-1])
        some = waiting > 0.0
        skip = self.span.measured(at)
        if some[skip:].any():
            if self.refused_from is None:
                self.refused_from = float(at + skip + np.argmax(some[skip:]))
            self.backlog = max(self.backlog, float(waiting[skip:].max()))
            self.drained = float(at + len(some) - np.argmax(some[::-1]))
        return (np.concatenate(([before], waiting[:-1])) + waiting) / (2.0 * self.queue.rate)

    @property
    def drained_s(self) -> float:
        """When all that came has been taken; 0 where nothing waits."""
        if self.queue is None or not self.backlog:
            return 0.0
        return self.span.seconds + self._before / self.queue.rate if self._before else self.drained

    @property
    def longest_s(self) -> float:
        return self.backlog / self.queue.rate if self.queue is not None else 0.0


def timed(quota: Quota, span: Span) -> Timed:
    """The meter of a quota by the second."""
    amount = float(quota.amount)
    rate = amount / quota.window_s
    queue = Queue(rate, 0.0 if quota.asked is Asked.CONNECTIONS else amount)
    timeline = Buckets(span.seconds - span.begin, MOST_BUCKETS)
    return Timed(quota, amount, span, window=Window(quota.window_s), queue=queue, timeline=timeline)


def own(amount: float, span: Span) -> Timed:
    """The meter of what the connections of a stream carry."""
    timeline = Buckets(span.seconds - span.begin, MOST_BUCKETS)
    return Timed(None, amount, span, queue=Queue(amount, 0.0), timeline=timeline)


@dataclass(slots=True)
class Committed(Meter):
    """A meter by the commit. ``lost`` are the bytes of commits that are refused."""

    lost: float = 0.0

    def see(self, block: Block, tables: int) -> None:
        commits = block.commits
        assert commits is not None and self.quota is not None
        some = commits.at > self.span.begin
        sizes = commits.bytes if self.quota.limit.measure == "pending_bytes" else commits.streams
        sent = commits.bytes[some] * tables
        use = sizes[some] / self.amount
        self.count(use, sent, 0.0, commits.at[some])
        self.lost = self.over_bytes


def result(meter: Meter, names: Sequence[str], factor: float) -> QuotaResult:
    """What came of a quota."""
    quota = meter.quota
    assert quota is not None
    peak = meter.use.largest * meter.amount
    refusal = quota.refusal(peak)
    told = QuotaResult(
        limit=quota.limit.name,
        title=quota.limit.title,
        place=quota.place,
        streams=tuple(names[one.stream] for one in quota.members),
        amount=meter.amount,
        unit=quota.limit.unit,
        window_s=quota.window_s,
        use=meter.shares,
        peak=peak,
        over_from_s=meter.over_from,
        over_time=meter.over_time,
        over_bytes=meter.share_over,
        factor=factor,
        reason=refusal.reason,
        status=refusal.status,
        message=refusal.message,
        known_text=quota.limit.known_text,
    )
    return _with_queue(told, meter)


def own_result(meter: Timed, name: str, factor: float) -> QuotaResult:
    """What came of the connections of a stream."""
    told = QuotaResult(
        limit="",
        title="Bytes per second that its connections carry",
        place=name,
        streams=(name,),
        amount=meter.amount,
        unit="bytes",
        window_s=1,
        use=meter.shares,
        peak=meter.use.largest * meter.amount,
        over_from_s=meter.over_from,
        over_time=meter.over_time,
        over_bytes=meter.share_over,
        factor=factor,
    )
    return _with_queue(told, meter)


def _with_queue(told: QuotaResult, meter: Meter) -> QuotaResult:
    if not isinstance(meter, Timed):
        return told
    return replace(
        told,
        refused_from_s=meter.refused_from,
        backlog=meter.backlog,
        longest_s=meter.longest_s,
        drained_s=meter.drained_s,
        timeline=() if meter.timeline is None else meter.timeline.told(),
    )


def linear(meter: Meter) -> float:
    """The factor of the load at which the peak is the whole amount, where one goes with the other."""
    return 1.0 / meter.use.largest if meter.use.largest > 0.0 else math.inf
