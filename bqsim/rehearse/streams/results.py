"""What a rehearsal measures of streams. Times are seconds from the begin, shares are parts of 1."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Shares:
    """The share of a quota that is used: in half of the time no more than ``p50``, and so on."""

    p50: float
    p95: float
    p99: float
    peak: float


@dataclass(frozen=True, slots=True)
class Delay:
    """How much later than they come bytes are taken, by bytes; inf for those that never are."""

    p50: float
    p95: float
    p99: float
    largest: float


@dataclass(frozen=True, slots=True)
class QuotaResult:
    """One quota with one counter.

    ``limit`` is its name in the table of limits, '' for what is no quota but the connections that a stream
    has itself. ``peak`` is the most that was used, in ``unit`` within ``window_s``. ``over_from_s`` is when
    it is first passed (None: never), ``over_time`` and ``over_bytes`` are the shares of time and bytes beyond
    it. ``refused_from_s`` is when the first is refused: a counter refills evenly, so that is later than it is
    passed. ``backlog`` is the most that waits at once, in ``unit``; ``longest_s`` how long the last of it
    waits, ``drained_s`` when all that came is taken. ``factor`` is the largest factor of the load that keeps
    it, inf where that does not depend on the load. ``reason``, ``status`` and ``message`` are what clients
    see beyond it. ``timeline`` are the largest shares used by stretch of time.
    """

    limit: str
    title: str
    place: str
    streams: tuple[str, ...]
    amount: float
    unit: str
    window_s: int
    use: Shares
    peak: float
    over_from_s: float | None = None
    over_time: float = 0.0
    over_bytes: float = 0.0
    refused_from_s: float | None = None
    backlog: float = 0.0
    longest_s: float = 0.0
    drained_s: float = 0.0
    factor: float = math.inf
    reason: str = ""
    status: str = ""
    message: str = ""
    known_text: bool = True
    timeline: Sequence[float] = ()

    @property
    def passed(self) -> bool:
        return self.over_from_s is not None

    @property
    def is_quota(self) -> bool:
        """Whether it is the service's, not one's own."""
        return bool(self.limit)


@dataclass(frozen=True, slots=True)
class StreamResult:
    """One stream: what came, the connections that it needs, how late it is taken, and what never is."""

    name: str
    method: str
    project: str
    location: str
    rows: float
    bytes: float
    peak_bytes_s: float
    connections: float
    delay: Delay
    lost: float = 0.0
    billed_bytes: float = 0.0

    @property
    def share_lost(self) -> float:
        return self.lost / self.bytes if self.bytes else 0.0


@dataclass(frozen=True, slots=True)
class StreamingResult:
    """All streams of a setting: over ``seconds`` that were measured, from ``begin_s`` on. ``bucket_s`` is how
    long a stretch of the timelines is."""

    seconds: int
    begin_s: int
    bucket_s: float
    quotas: tuple[QuotaResult, ...]
    streams: tuple[StreamResult, ...]
    notes: tuple[str, ...] = field(default=())

    @property
    def use(self) -> float:
        """The largest share of a quota that is used; NaN without quotas."""
        return max((one.use.peak for one in self.quotas if one.is_quota), default=math.nan)

    @property
    def delay_p99_s(self) -> float:
        """The p99 of delays, of the stream where it is the longest."""
        return max((one.delay.p99 for one in self.streams), default=math.nan)

    @property
    def share_lost(self) -> float:
        """The share of all bytes that are never taken."""
        every = math.fsum(one.bytes for one in self.streams)
        return math.fsum(one.lost for one in self.streams) / every if every else 0.0

    @property
    def first(self) -> QuotaResult | None:
        """What is passed first when the load grows; None where nothing depends on it."""
        found = min(self.quotas, key=lambda one: one.factor, default=None)
        return found if found is not None and math.isfinite(found.factor) else None

    @property
    def factor(self) -> float:
        """The largest factor of the load that keeps everything."""
        return self.first.factor if self.first is not None else math.inf
