"""How far the load may grow until quotas are passed."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bqsim.rehearse.plan.model import Plan
from bqsim.rehearse.plan.streams import Stream
from bqsim.sim.slots.jobs import Floats

from .flows import Flow, connections
from .meters import Committed, Timed, linear
from .queues import HAIR, Window
from .quotas import Asked, Quota

# The largest factor that is looked for, how near it is found, and the one that is taken for none.
MOST, NEAR, NONE = 1e6, 1e-9, 1e-6
# Where each try takes all seconds again.
NEAR_AGAIN = 0.005
_BLOCK_S = 1 << 15


@dataclass(frozen=True, slots=True)
class Factors:
    """The largest factors of the load that keep each quota; inf where they do not depend on it."""

    timed: Sequence[float]
    commits: Sequence[float]
    own: Mapping[int, float]


def factors(
    plan: Plan,
    seconds: int,
    week_ms: float,
    *,
    timed: Sequence[tuple[Quota, Timed, Sequence[Floats]]],
    commits: Sequence[tuple[Quota, Committed]],
    peaks: Sequence[float],
    own: Mapping[int, Timed],
) -> Factors:
    """The factors of all quotas; ``peaks`` are the most bytes a second of each stream.

    What goes with the load follows from its peak; connections follow from the busiest seconds. Write streams
    that are created are counted again with other loads, up to that at which anything else is passed (inf
    beyond).
    """
    found: list[float] = []
    for quota, meter, busiest in timed:
        if quota.asked is Asked.ROWS:
            found.append(linear(meter))
        elif quota.asked is Asked.CONNECTIONS and busiest:
            found.append(_of_connections(plan, quota, busiest))
        else:
            found.append(math.inf)
    of_commits = []
    for quota, commit in commits:
        stream = quota.members[0].stream
        of_commits.append(_of_commit(plan.streams[stream], quota, commit, peaks[stream]))
    of_own = {at: linear(meter) for at, meter in own.items()}
    nearest = min((*found, *of_commits, *of_own.values()), default=math.inf)
    for at, (quota, meter, _) in enumerate(timed):
        if quota.asked is Asked.CREATED:
            found[at] = _of_created(plan, quota, meter, seconds, week_ms, nearest)
    return Factors(found, of_commits, of_own)


def _of_connections(plan: Plan, quota: Quota, busiest: Sequence[Floats]) -> float:
    streams = [plan.streams[one.stream] for one in quota.members]
    if all(one.connections is not None for one in streams):
        return _whatever(sum(one.connections or 0 for one in streams) <= quota.amount)

    def keeps(factor: float) -> bool:
        return all(_opened(streams, needed, factor) <= quota.amount for needed in busiest)

    return bisected(keeps, MOST, NEAR)


def _opened(streams: Sequence[Stream], needed: Floats, factor: float) -> float:
    """The connections of all streams in a second with so many times the load."""
    pairs = zip(streams, needed, strict=True)
    return math.fsum(float(connections(one, np.array([need]), factor)[0]) for one, need in pairs)


def _of_commit(stream: Stream, quota: Quota, meter: Committed, peak: float) -> float:
    if quota.limit.measure == "pending_bytes":
        return linear(meter)
    if stream.connections is not None:
        return _whatever(meter.use.largest <= 1.0)
    # The write streams that each table may have, full in the busiest second.
    most = quota.amount * stream.tables * float(stream.connection_rate)
    return most / peak if peak else math.inf


def _of_created(
    plan: Plan, quota: Quota, meter: Timed, seconds: int, week_ms: float, nearest: float
) -> float:
    fits = meter.use.largest <= 1.0 + HAIR
    if all(plan.streams[one.stream].connections is not None for one in quota.members):
        return _whatever(fits)

    def keeps(factor: float) -> bool:
        return created_peak(plan, quota, seconds, week_ms, factor) <= quota.amount * (1.0 + HAIR)

    if fits:
        most = min(nearest, MOST)
        return math.inf if most <= 1.0 or keeps(most) else bisected(keeps, most, NEAR_AGAIN, 1.0)
    return bisected(keeps, 1.0, NEAR_AGAIN)


def created_peak(plan: Plan, quota: Quota, seconds: int, week_ms: float, factor: float) -> float:
    """The most write streams that are created within the time of a quota, with so many times the load."""
    window, most, at = Window(quota.window_s), 0.0, 0
    begin = math.floor(plan.warm_up_s)
    flows = [Flow(plan, one.stream, seconds, _BLOCK_S, week_ms, factor).blocks() for one in quota.members]
    for blocks in zip(*flows, strict=True):
        total = np.zeros(len(blocks[0].rows))
        for one in blocks:
            assert one.created is not None
            total += one.created
        sums = window.sums(total)[max(0, begin - at) :]
        most = max(most, float(sums.max(initial=0.0)))
        at += len(total)
    return most


def bisected(keeps: Callable[[float], bool], most: float, near: float, least: float = 0.0) -> float:
    """The largest factor up to ``most`` that keeps something that smaller ones keep as well; inf where the
    largest does, 0 where none does."""
    if keeps(most):
        return math.inf if most >= MOST else most
    low = least or NONE
    if not least and not keeps(low):
        return 0.0
    high = most
    while high / low > 1.0 + near:
        middle = math.sqrt(low * high)
        low, high = (middle, high) if keeps(middle) else (low, middle)
    return low


def _whatever(fits: bool) -> float:
    """The factor of what does not depend on the load."""
    return math.inf if fits else 0.0
