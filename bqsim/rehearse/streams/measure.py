"""Streams of a setting against quotas: all seconds once, in blocks, for all streams side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from bqsim.rehearse.plan.model import Plan
from bqsim.rehearse.plan.streams import INSERT_ALL, Stream
from bqsim.sim.slots.jobs import Floats

from . import headroom, meters
from .flows import Block, Flow, least_connections
from .meters import Committed, Span, Timed
from .queues import HAIR, Levels
from .quotas import Asked, Quota, quotas_of, region_of
from .results import Delay, QuotaResult, StreamingResult, StreamResult

# Seconds that are looked at together, of one stream and of all.
BLOCK_S, _ALL_S, _LEAST_S = 1 << 15, 1 << 21, 1 << 10
# insertAll bills each row as this much at the least (pricing page).
LEAST_ROW_BYTES = 1024


def measured(plan: Plan, seconds: int, *, week_ms: float = 0.0) -> StreamingResult:
    """What the streams of a plan ask of quotas within so many seconds, of which its warm-up is not measured.
    ``week_ms`` is the first moment in the week."""
    return _Measurement(plan, seconds, week_ms).result()


def block_s(streams: int) -> int:
    """The seconds of a block, so that memory does not grow with the number of streams."""
    return max(_LEAST_S, min(BLOCK_S, _ALL_S // max(streams, 1)))


class _Counted:
    """What is known of a stream so far."""

    def __init__(self, stream: Stream, span: Span) -> None:
        self.stream, self.span = stream, span
        self.rows = self.bytes = self.peak = self.lost = self.connections = 0.0
        self.delays = Levels()
        # The share that never gets in: it is refused for good, or has no connection.
        self.stuck = 0.0

    def see(self, at: int, block: Block, waits: Sequence[Floats]) -> None:
        skip = self.span.measured(at)
        if skip >= len(block.rows):
            return
        sent = block.bytes[skip:]
        self.rows += float(block.rows[skip:].sum())
        self.bytes += float(sent.sum())
        self.peak = max(self.peak, float(sent.max()))
        if len(block.open):
            self.connections = max(self.connections, float(block.open[skip:].max()))
        if waits:
            # Each quota is waited for at the same time.
            self.delays.add(np.maximum.reduce([one[skip:] for one in waits]), sent)
        else:
            self.delays.add_zeros(float(sent.sum()))

    def result(self, region: str, longest: float) -> StreamResult:
        stream = self.stream
        lost = min(self.lost + self.stuck * self.bytes, self.bytes)
        part = 1.0 - lost / self.bytes if self.bytes else 1.0
        billed = (
            self.rows * max(stream.row_bytes, LEAST_ROW_BYTES) if stream.method == INSERT_ALL else self.bytes
        )
        return StreamResult(
            name=stream.name,
            method=stream.method,
            project=stream.project,
            location=region,
            rows=self.rows,
            bytes=self.bytes,
            peak_bytes_s=self.peak,
            connections=self.connections,
            delay=Delay(
                self._delay(50.0, part),
                self._delay(95.0, part),
                self._delay(99.0, part),
                math.inf if lost else longest,
            ),
            lost=lost,
            billed_bytes=billed * part,
        )

    def _delay(self, percent: float, part: float) -> float:
        """A percentile of all bytes, of which only a part is ever taken."""
        if percent > part * 100.0 * (1.0 + HAIR):
            return math.inf
        return self.delays.percentile(min(percent / part, 100.0)) if self.bytes else math.nan


class _Measurement:
    def __init__(self, plan: Plan, seconds: int, week_ms: float) -> None:
        self.plan, self.week_ms = plan, week_ms
        self.span = Span(seconds, min(math.floor(plan.warm_up_s), seconds - 1))
        self.streams = [_Counted(one, self.span) for one in plan.streams]
        self.quotas = quotas_of(plan)
        self._least = [least_connections(one) for one in plan.streams]
        self.timed: list[tuple[Quota, Timed]] = []
        self.commits: list[tuple[Quota, Committed]] = []
        self.requests: list[Quota] = []
        for quota in self.quotas:
            if quota.asked is Asked.REQUEST:
                self.requests.append(quota)
            elif quota.asked is Asked.COMMIT:
                self.commits.append((quota, Committed(quota, float(quota.amount), self.span)))
            else:
                self.timed.append((quota, meters.timed(quota, self.span)))
        self.own = {
            at: meters.own(float(one.connections * one.connection_rate), self.span)
            for at, one in enumerate(plan.streams)
            if one.connections is not None and one.method != INSERT_ALL
        }
        # By quota of connections the seconds that may be the first to pass it, and what makes them the most.
        self.busiest: dict[int, list[tuple[float, Floats]]] = {}
        self._held = {number: self._hold(quota) for number, (quota, _) in enumerate(self.timed)}
        self._refuse()
        self._run()

    def _hold(self, quota: Quota) -> bool:
        """Whether there are places besides those that are always taken; who has none never gets in."""
        if quota.asked is not Asked.CONNECTIONS:
            return True
        held = math.fsum(self._least[one.stream] for one in quota.members)
        if held <= quota.amount:
            return True
        for one in quota.members:
            stuck = 1.0 - quota.amount / held
            self.streams[one.stream].stuck = max(self.streams[one.stream].stuck, stuck)
        return False

    def _refuse(self) -> None:
        """Requests that are too large are refused for good."""
        for quota in self.requests:
            if quota.facts.sizes[quota.limit.measure] > quota.amount:
                self.streams[quota.members[0].stream].stuck = 1.0

    def _run(self) -> None:
        count = len(self.plan.streams)
        size = block_s(count)
        flows = [Flow(self.plan, at, self.span.seconds, size, self.week_ms).blocks() for at in range(count)]
        at = 0
        for blocks in zip(*flows, strict=True):
            self._see(at, blocks)
            at += len(blocks[0].rows)

    def _see(self, at: int, blocks: Sequence[Block]) -> None:
        waits: list[list[Floats]] = [[] for _ in blocks]
        for number, (quota, meter) in enumerate(self.timed):
            wait = self._see_timed(at, number, quota, meter, blocks)
            if wait is None:
                continue
            for one in quota.members:
                if quota.asked is not Asked.CONNECTIONS or self.plan.streams[one.stream].connections is None:
                    waits[one.stream].append(wait)
        for stream, own in self.own.items():
            sent = blocks[stream].bytes
            if (wait := own.see(at, sent, sent)) is not None:
                waits[stream].append(wait)
        for quota, commits in self.commits:
            stream = quota.members[0].stream
            commits.see(blocks[stream], self.plan.streams[stream].tables)
        for counted, block, found in zip(self.streams, blocks, waits, strict=True):
            counted.see(at, block, found)

    def _see_timed(
        self, at: int, number: int, quota: Quota, meter: Timed, blocks: Sequence[Block]
    ) -> Floats | None:
        members = quota.members
        values = _summed([_asked(blocks[one.stream], quota.asked) * one.factor for one in members])
        sent = _summed([blocks[one.stream].bytes for one in members])
        if quota.asked is not Asked.CONNECTIONS:
            return meter.see(at, values, sent)
        # Connections that are always open are as many whatever comes.
        needed = [
            blocks[one.stream].needed
            if self.plan.streams[one.stream].connections is None
            else np.zeros(len(values))
            for one in members
        ]
        pairs = zip(members, needed, strict=True)
        demand = _summed([np.maximum(need, self._least[one.stream]) for one, need in pairs])
        self._note_busiest(at, number, (demand, _summed(needed)), needed)
        if self._held[number]:
            return meter.see(at, values, sent, demand)
        # Who holds a place keeps it: nobody waits for one that comes free.
        meter.queue = None
        return meter.see(at, values, sent)

    def _note_busiest(self, at: int, number: int, totals: Sequence[Floats], needed: Sequence[Floats]) -> None:
        """What each stream needs in the seconds in which each of ``totals`` is the most: where many seconds
        need no more than what is always open, more of the load tells them apart."""
        skip = self.span.measured(at)
        if skip >= len(totals[0]):
            return
        found = []
        for total in totals:
            best = skip + int(np.argmax(total[skip:]))
            found.append((float(total[best]), np.array([one[best] for one in needed])))
        known = self.busiest.get(number, found)
        self.busiest[number] = [
            new if new[0] > old[0] else old for new, old in zip(found, known, strict=True)
        ]

    def result(self) -> StreamingResult:
        plan = self.plan
        names = [one.name for one in plan.streams]
        factors = headroom.factors(
            plan,
            self.span.seconds,
            self.week_ms,
            timed=[
                (quota, meter, [needed for _, needed in self.busiest.get(at, ())])
                for at, (quota, meter) in enumerate(self.timed)
            ],
            commits=self.commits,
            peaks=[one.peak for one in self.streams],
            own=self.own,
        )
        found: list[QuotaResult] = []
        for at, (_, meter) in enumerate(self.timed):
            found.append(meters.result(meter, names, factors.timed[at]))
        for at, (quota, commits) in enumerate(self.commits):
            self.streams[quota.members[0].stream].lost += commits.lost
            found.append(meters.result(commits, names, factors.commits[at]))
        found += [self._request(quota, names) for quota in self.requests]
        order = {(one.limit.name, one.place): at for at, one in enumerate(self.quotas)}
        found.sort(key=lambda one: order[one.limit, one.place])
        found += [meters.own_result(meter, names[at], factors.own[at]) for at, meter in self.own.items()]
        longest = {
            name: max((q.longest_s for q in found if name in q.streams), default=0.0) for name in names
        }
        length = next((m.timeline.length for _, m in self.timed if m.timeline is not None), 1)
        return StreamingResult(
            seconds=self.span.seconds - self.span.begin,
            begin_s=self.span.begin,
            bucket_s=float(length),
            quotas=tuple(found),
            streams=tuple(
                one.result(region_of(one.stream, plan.money.region), longest[one.stream.name])
                for one in self.streams
            ),
        )

    def _request(self, quota: Quota, names: Sequence[str]) -> QuotaResult:
        """The size of requests, which is the same all the time."""
        size = float(quota.facts.sizes[quota.limit.measure])
        meter = Committed(quota, float(quota.amount), self.span)
        sent = np.array([self.streams[quota.members[0].stream].bytes])
        meter.count(np.array([size / quota.amount]), sent, 0.0, np.array([float(self.span.begin)]))
        return meters.result(meter, names, math.inf if size <= quota.amount else 0.0)


def _asked(block: Block, asked: Asked) -> Floats:
    if asked is Asked.ROWS:
        return block.rows
    if asked is Asked.CONNECTIONS:
        return block.open
    assert block.created is not None
    return block.created


def _summed(parts: Sequence[Floats]) -> Floats:
    total = parts[0].copy()
    for one in parts[1:]:
        total += one
    return total
