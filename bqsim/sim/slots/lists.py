"""Queues linked through jobs, projects linked through places, and the two heaps of events."""

from __future__ import annotations

import numpy as np

from .arrays import (
    COMING_N,
    FREE_N,
    FUTURE,
    HEAD_INTERACTIVE,
    HEAP_N,
    NONE,
    QUEUED,
    TAIL_INTERACTIVE,
    TIES,
    State,
    Table,
)
from .compiled import compiled


@compiled
def _sift(p: Table, spot: int, count: int) -> None:
    """Restore the order of the heap of places around one."""
    place = p.heap[spot]
    key = p.next[place]
    while spot > 0:
        above = (spot - 1) >> 1
        if p.next[p.heap[above]] <= key:
            break
        p.heap[spot] = p.heap[above]
        p.spot[p.heap[spot]] = spot
        spot = above
    while True:
        below = 2 * spot + 1
        if below >= count:
            break
        if below + 1 < count and p.next[p.heap[below + 1]] < p.next[p.heap[below]]:
            below += 1
        if p.next[p.heap[below]] >= key:
            break
        p.heap[spot] = p.heap[below]
        p.spot[p.heap[spot]] = spot
        spot = below
    p.heap[spot] = place
    p.spot[place] = spot


@compiled
def set_next(st: State, place: int, time: float) -> None:
    """When something happens next at a place."""
    st.places.next[place] = time
    _sift(st.places, st.places.spot[place], st.whole[HEAP_N])


@compiled
def new_job(st: State) -> int:
    """An entry for a job."""
    st.whole[FREE_N] -= 1
    return int(st.free[st.whole[FREE_N]])


@compiled
def push_coming(st: State, job: int, time: float) -> None:
    """Let a job be submitted at a time."""
    c = st.coming
    st.jobs.phase[job] = FUTURE
    tie = st.whole[TIES]
    st.whole[TIES] = tie + 1
    spot = st.whole[COMING_N]
    st.whole[COMING_N] = spot + 1
    while spot > 0:
        above = (spot - 1) >> 1
        if c.time[above] <= time:
            break
        c.time[spot], c.tie[spot], c.job[spot] = c.time[above], c.tie[above], c.job[above]
        spot = above
    c.time[spot], c.tie[spot], c.job[spot] = time, tie, job


@compiled
def pop_coming(st: State) -> int:
    """The job that is submitted next; of those at the same time the one that was pushed first."""
    c = st.coming
    job = int(c.job[0])
    count = st.whole[COMING_N] - 1
    st.whole[COMING_N] = count
    time, tie, last = c.time[count], c.tie[count], c.job[count]
    spot = 0
    while True:
        below = 2 * spot + 1
        if below >= count:
            break
        right = below + 1
        if right < count and (
            c.time[right] < c.time[below] or (c.time[right] == c.time[below] and c.tie[right] < c.tie[below])
        ):
            below = right
        if c.time[below] > time or (c.time[below] == time and c.tie[below] > tie):
            break
        c.time[spot], c.tie[spot], c.job[spot] = c.time[below], c.tie[below], c.job[below]
        spot = below
    c.time[spot], c.tie[spot], c.job[spot] = time, tie, last
    return job


@compiled
def activate(st: State, tenant: int) -> None:
    """Link a project from its place, last, if it is not."""
    t, p = st.tenants, st.places
    if t.active[tenant]:
        return
    t.active[tenant] = 1
    place = t.place[tenant]
    first = p.first[place]
    t.prev[tenant] = NONE
    t.next[tenant] = first
    if first != NONE:
        t.prev[first] = tenant
    p.first[place] = tenant


@compiled
def deactivate(st: State, tenant: int) -> None:
    """Unlink a project that has no jobs."""
    t, p = st.tenants, st.places
    if t.running[tenant] or st.waiting_n[tenant, 0] or st.waiting_n[tenant, 1] or not t.active[tenant]:
        return
    t.active[tenant] = 0
    before, after = t.prev[tenant], t.next[tenant]
    if before == NONE:
        p.first[t.place[tenant]] = after
    else:
        t.next[before] = after
    if after != NONE:
        t.prev[after] = before


@compiled
def set_wanting(st: State, place: int, wants: bool) -> None:
    """Link a place among those of its pool that want idle slots, or unlink it."""
    p, g = st.places, st.pools
    if p.wants[place] == wants:
        return
    p.wants[place] = wants
    pool = p.pool[place]
    if wants:
        first = g.wanting[pool]
        p.before[place], p.after[place] = NONE, first
        if first != NONE:
            p.before[first] = place
        g.wanting[pool] = place
        return
    before, after = p.before[place], p.after[place]
    if before == NONE:
        g.wanting[pool] = after
    else:
        p.after[before] = after
    if after != NONE:
        p.before[after] = before


@compiled
def enqueue(st: State, job: int) -> None:
    """Put a job at the end of its project's queue."""
    j, t = st.jobs, st.tenants
    tenant, batch = j.tenant[job], j.batch[job]
    activate(st, tenant)
    tail = st.tail[tenant, batch]
    j.phase[job] = QUEUED
    j.prev[job] = tail
    j.next[job] = NONE
    # Not in the list of timeouts.
    j.sooner[job] = job
    if tail == NONE:
        st.head[tenant, batch] = job
    else:
        j.next[tail] = job
    st.tail[tenant, batch] = job
    st.waiting_n[tenant, batch] += 1
    st.places.queued[t.place[tenant]] += 1


@compiled
def dequeue(st: State, job: int) -> None:
    """Take a job from its queue, and from the list of timeouts."""
    j, t = st.jobs, st.tenants
    tenant, batch = j.tenant[job], j.batch[job]
    before, after = j.prev[job], j.next[job]
    if before == NONE:
        st.head[tenant, batch] = after
    else:
        j.next[before] = after
    if after == NONE:
        st.tail[tenant, batch] = before
    else:
        j.prev[after] = before
    st.waiting_n[tenant, batch] -= 1
    st.places.queued[t.place[tenant]] -= 1
    if j.sooner[job] != job:
        _unwatch(st, job, batch)


@compiled
def watch(st: State, job: int) -> None:
    """Put a queued job at the end of those whose time may run out."""
    j, w = st.jobs, st.whole
    tail_at = TAIL_INTERACTIVE + j.batch[job]
    tail = w[tail_at]
    j.sooner[job] = tail
    j.later[job] = NONE
    if tail == NONE:
        w[HEAD_INTERACTIVE + j.batch[job]] = job
    else:
        j.later[tail] = job
    w[tail_at] = job


@compiled
def _unwatch(st: State, job: int, batch: int) -> None:
    j, w = st.jobs, st.whole
    before, after = j.sooner[job], j.later[job]
    if before == NONE:
        w[HEAD_INTERACTIVE + batch] = after
    else:
        j.later[before] = after
    if after == NONE:
        w[TAIL_INTERACTIVE + batch] = before
    else:
        j.sooner[after] = before


@compiled
def drawn(seed: int, first: int, second: int) -> float:
    """A number in [0, 1) by three others; the products fit 64 bits."""
    modulus = 2147483647
    made = seed % modulus
    for word in (first % modulus, second % modulus, 1013904223, 1664525):
        made = (made * made + 48271 * made + word + 11) % modulus
    return float(made) / modulus


@compiled
def earliest_timeout(st: State, interactive_ms: float, batch_ms: float) -> tuple[float, int]:
    """When the next queued job has waited too long, and which that is."""
    j, w = st.jobs, st.whole
    time = np.inf
    job = NONE
    head = w[HEAD_INTERACTIVE]
    if head != NONE:
        time, job = j.sub[head] + interactive_ms, head
    head = w[HEAD_INTERACTIVE + 1]
    if head != NONE and j.sub[head] + batch_ms < time:
        time, job = j.sub[head] + batch_ms, head
    return time, job
