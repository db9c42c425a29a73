"""The events: jobs that come, stages that end, slots that scale and are lent, times that run out."""

from __future__ import annotations

import numpy as np

from .arrays import (
    BEGAN_N,
    BORROWED,
    BUCKET,
    BUCKET_MS,
    COMING_N,
    CURSOR,
    ENDED_N,
    FREE_N,
    HEAP_N,
    INBOX_N,
    LIMIT_INTERACTIVE,
    MORE,
    NONE,
    NOW,
    PEAK_QUEUED,
    PEAK_SCALED,
    QUEUED,
    ROOM_AT,
    ROWS,
    RUNS,
    SCALED,
    TIMEOUT_BATCH,
    TIMEOUT_INTERACTIVE,
    USED,
    WAITS,
    State,
)
from .compiled import compiled
from .lists import (
    deactivate,
    dequeue,
    earliest_timeout,
    enqueue,
    new_job,
    pop_coming,
    push_coming,
    set_next,
    set_wanting,
    watch,
)
from .sharing import divide, spread_by_groups, spread_idle
from .stages import STOPPED, begin, end_attempt, fill, finish, step

STEP = 50.0
QUEUE_FULL, QUEUE_TIMEOUT, ADMISSION_DENIED, TIMED_OUT = 1, 2, 3, 4
# Why the events stopped.
UP_TO_DATE, REFILL, FLUSH, MORE_JOBS, MORE_ROOM, MORE_BUCKETS = range(6)
# Outcomes are taken when there are so many.
FULL = 1 << 16


@compiled
def _slack(now: float) -> float:
    """What times may be off by rounding, milliseconds."""
    return 1e-9 + now * 1e-15


@compiled
def touch(st: State, place: int, now: float) -> None:
    """Bring a place up to now: what it used goes into the buckets, its jobs go on."""
    p, e, b = st.places, st.running, st.buckets
    last = p.last[place]
    if now <= last:
        return
    size = st.real[BUCKET_MS]
    time = last
    while time < now:
        at = int(time / size)
        until = min(now, (at + 1) * size)
        if until <= time:
            until = now
        passed = until - time
        b[USED, place, at] += p.used[place] * passed
        b[BORROWED, place, at] += p.borrowed[place] * passed
        b[SCALED, place, at] += p.scaled[place] * passed
        b[RUNS, place, at] += p.running[place] * passed
        b[WAITS, place, at] += p.queued[place] * passed
        b[PEAK_SCALED, place, at] = max(b[PEAK_SCALED, place, at], p.scaled[place])
        b[PEAK_QUEUED, place, at] = max(b[PEAK_QUEUED, place, at], float(p.queued[place]))
        time = until
    passed = now - last
    for i in range(p.off[place], p.off[place] + p.n[place]):
        e.left[i] -= e.rate[i] * passed
    p.last[place] = now


@compiled
def _bound(st: State, place: int, now: float) -> float:
    """The most slots that a place may have now; a burst begins or ends with that."""
    p = st.places
    most = p.most[place]
    if p.burst[place] <= 0.0:
        return float(most)
    slack = _slack(now)
    if p.burst_until[place] < np.inf and now >= p.burst_until[place] - slack:
        p.burst_until[place] = np.inf
        p.burst_again[place] = now + p.burst_every[place]
    if p.burst_until[place] == np.inf and p.demand[place] > most and now >= p.burst_again[place] - slack:
        p.burst_until[place] = now + p.burst_ms[place]
    if p.burst_until[place] < np.inf:
        return float(most + p.burst[place])
    return float(most)


@compiled
def _fit(st: State, place: int, now: float) -> None:
    """Scale a place to what it asks for, divide its slots, and find what happens next."""
    p, e = st.places, st.running
    demand = p.demand[place]
    own = p.baseline[place] + p.borrowed[place]
    bound = _bound(st, place, now)
    lacking = max(0.0, demand - own)
    limit = p.scale_to[place]
    if limit < 0.0:
        limit = np.ceil(max(0.0, bound - own) / STEP - 1e-9) * STEP
    need = min(np.ceil(lacking / STEP - 1e-9) * STEP, limit)
    if need > p.scaled[place]:
        p.scaled[place] = need
        p.raised[place] = now
    elif need < p.scaled[place] and now >= p.raised[place] + p.window[place] - _slack(now):
        p.scaled[place] = need
    slots = min(own + p.scaled[place], bound)
    divide(st, place, slots)
    p.used[place] = min(demand, slots)
    time = np.inf
    for i in range(p.off[place], p.off[place] + p.n[place]):
        if e.rate[i] > 0.0:
            time = min(time, now + e.left[i] / e.rate[i])
        elif e.left[i] <= 1e-12:
            time = now
        time = min(time, e.due[i])
    if p.scaled[place] > need:
        time = min(time, p.raised[place] + p.window[place])
    if p.burst[place] > 0.0:
        if p.burst_until[place] < np.inf:
            time = min(time, p.burst_until[place])
        elif demand > p.most[place]:
            time = min(time, p.burst_again[place])
    set_next(st, place, max(time, now))


@compiled
def settle(st: State, place: int, now: float) -> None:
    """What a place asks for has changed: share idle slots anew, then its own."""
    p, g = st.places, st.pools
    pool = p.pool[place]
    if pool == NONE:
        _fit(st, place, now)
        return
    spare = p.baseline[place] - p.demand[place]
    want = 0.0
    if p.borrows[place]:
        want = max(0.0, min(p.demand[place], _bound(st, place, now)) - p.baseline[place])
    idle = max(0.0, spare)
    g.idle[pool] += idle - p.idle[place]
    g.want[pool] += want - p.want[place]
    p.idle[place] = idle
    p.want[place] = want
    p.share[place] = 0.0
    set_wanting(st, place, want > 0.0)
    if g.want[pool] <= g.supply[pool] + g.idle[pool]:
        if g.ample[pool]:
            p.borrowed[place] = want
            _fit(st, place, now)
            return
        g.ample[pool] = 1
        at = g.wanting[pool]
        while at != NONE:
            p.share[at] = p.want[at]
            at = p.after[at]
    else:
        g.ample[pool] = 0
        if g.grouped[pool]:
            spread_by_groups(st, g.first[pool], g.supply[pool])
        else:
            spread_idle(p, g.wanting[pool], NONE, g.supply[pool] + g.idle[pool])
    at = g.wanting[pool]
    while at != NONE:
        if at != place and p.share[at] != p.borrowed[at]:
            touch(st, at, now)
            p.borrowed[at] = p.share[at]
            _fit(st, at, now)
        at = p.after[at]
    p.borrowed[place] = p.share[place]
    _fit(st, place, now)


@compiled
def _head_of(st: State, tenant: int, batch_is_full: bool) -> int:
    """The job of a project that may begin next: the one submitted first, interactive ones alone when no more
    batch jobs may run."""
    j = st.jobs
    job = st.head[tenant, 0]
    other = st.head[tenant, 1]
    if other != NONE and not batch_is_full and (job == NONE or j.sub[other] < j.sub[job]):
        job = other
    return int(job)


@compiled
def admit(st: State, place: int, now: float) -> None:
    """Let queued jobs begin while there is concurrency: the project with the fewest running first."""
    p, t, j = st.places, st.tenants, st.jobs
    while p.queued[place] > 0 and p.running[place] < p.conc[place] and p.n[place] < p.room[place]:
        full = p.batch[place] >= p.batch_conc[place]
        best = NONE
        job = NONE
        at = p.first[place]
        while at != NONE:
            if (st.waiting_n[at, 0] or st.waiting_n[at, 1]) and t.running[at] < t.conc[at]:
                head = _head_of(st, at, full)
                if head != NONE and (
                    best == NONE
                    or t.running[at] < t.running[best]
                    or (
                        t.running[at] == t.running[best]
                        and (j.sub[head] < j.sub[job] or (j.sub[head] == j.sub[job] and at < best))
                    )
                ):
                    best, job = at, head
            at = t.next[at]
        if best == NONE:
            return
        dequeue(st, job)
        begin(st, job, now)


@compiled
def _arrive(st: State, job: int, now: float) -> None:
    """A job is submitted."""
    j, t, p = st.jobs, st.tenants, st.places
    tenant, batch = j.tenant[job], j.batch[job]
    place = t.place[tenant]
    touch(st, place, now)
    enqueue(st, job)
    running = p.running[place]
    admit(st, place, now)
    if j.phase[job] == QUEUED:
        if st.real[TIMEOUT_INTERACTIVE + batch] < 0.0:
            _refuse(st, job, ADMISSION_DENIED, now)
        elif st.waiting_n[tenant, batch] > st.whole[LIMIT_INTERACTIVE + batch]:
            _refuse(st, job, QUEUE_FULL, now)
        else:
            watch(st, job)
    if p.running[place] != running:
        settle(st, place, now)


@compiled
def _refuse(st: State, job: int, state: int, now: float) -> None:
    """Take a job from its queue; it fails."""
    tenant = st.jobs.tenant[job]
    dequeue(st, job)
    deactivate(st, tenant)
    end_attempt(st, job, state, now)


@compiled
def _happen(st: State, place: int, now: float) -> None:
    """What is due at a place: stages, jobs whose time is over, and what follows."""
    p, e = st.places, st.running
    touch(st, place, now)
    slack = _slack(now)
    at = p.off[place]
    while at < p.off[place] + p.n[place]:
        if e.left[at] <= e.rate[at] * slack + 1e-12:
            step(st, at, now)
        elif e.due[at] <= now + slack:
            finish(st, at, TIMED_OUT, now)
        else:
            at += 1
    admit(st, place, now)
    settle(st, place, now)


@compiled
def upcoming(st: State) -> float:
    """When something happens next."""
    w = st.whole
    time = st.places.next[st.places.heap[0]] if w[HEAP_N] > 0 else np.inf
    if w[COMING_N] > 0:
        time = min(time, st.coming.time[0])
    if w[CURSOR] < w[INBOX_N]:
        time = min(time, st.inbox.at[w[CURSOR]])
    out, _ = earliest_timeout(st, st.real[TIMEOUT_INTERACTIVE], st.real[TIMEOUT_BATCH])
    return float(min(time, out))


@compiled
def advance(st: State, until: float) -> int:
    """Let everything happen up to and at ``until``; returns early when the caller has to do something."""
    w, r, p = st.whole, st.real, st.places
    while True:
        if w[FREE_N] < 2:
            return MORE_JOBS
        if w[ENDED_N] > FULL or w[BEGAN_N] > FULL:
            return FLUSH
        if w[CURSOR] >= w[INBOX_N] and w[MORE]:
            return REFILL
        now = upcoming(st)
        if now > until or now == np.inf:
            if until < np.inf:
                r[NOW] = max(r[NOW], until)
            return UP_TO_DATE
        if int(now / r[BUCKET_MS]) >= st.buckets.shape[2]:
            r[NOW] = max(r[NOW], min(now, until))
            w[BUCKET] = int(now / r[BUCKET_MS])
            return MORE_BUCKETS
        if w[HEAP_N] > 0 and p.next[p.heap[0]] <= now:
            r[NOW] = now
            _happen(st, int(p.heap[0]), now)
            continue
        out, late = earliest_timeout(st, r[TIMEOUT_INTERACTIVE], r[TIMEOUT_BATCH])
        if out <= now:
            r[NOW] = now
            touch(st, int(st.tenants.place[st.jobs.tenant[late]]), now)
            _refuse(st, late, QUEUE_TIMEOUT, now)
            continue
        comes = w[COMING_N] > 0 and st.coming.time[0] <= now
        if comes:
            tenant = st.jobs.tenant[st.coming.job[0]]
        else:
            tenant = st.tenant_of[st.inbox.source[w[CURSOR]]]
        place = st.tenants.place[tenant]
        if p.n[place] >= p.room[place]:
            w[ROOM_AT] = place
            return MORE_ROOM
        r[NOW] = now
        if comes:
            job = pop_coming(st)
        else:
            job = new_job(st)
            fill(st, job, False, w[CURSOR], st.inbox.at[w[CURSOR]], w[ROWS])
            w[ROWS] += 1
            w[CURSOR] += 1
        _arrive(st, job, now)


@compiled
def accept(st: State) -> None:
    """Take all jobs of the inbox, to be submitted at their times."""
    w = st.whole
    while w[CURSOR] < w[INBOX_N]:
        job = new_job(st)
        fill(st, job, False, w[CURSOR], st.inbox.at[w[CURSOR]], w[ROWS])
        push_coming(st, job, st.inbox.at[w[CURSOR]])
        w[ROWS] += 1
        w[CURSOR] += 1


@compiled
def stop(st: State, job: int, now: float) -> None:
    """End a job that is queued or runs, without another attempt."""
    j, t = st.jobs, st.tenants
    place = int(t.place[j.tenant[job]])
    touch(st, place, now)
    if j.phase[job] == QUEUED:
        _refuse(st, job, STOPPED, now)
        return
    finish(st, int(j.entry[job]), STOPPED, now)
    admit(st, place, now)
    settle(st, place, now)


@compiled
def touch_all(st: State, now: float) -> None:
    """Bring all places up to now."""
    for place in range(st.whole[HEAP_N]):
        touch(st, place, now)
