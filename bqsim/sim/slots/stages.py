"""Running jobs: stages that open and end, jobs that begin and end."""

from __future__ import annotations

import numpy as np

from .arrays import (
    ATTEMPTS,
    BEGAN_N,
    ENDED_N,
    FOLLOW,
    FREE,
    FREE_N,
    NONE,
    RETRIED,
    RETRY_FACTOR,
    RETRY_FIRST,
    RETRY_JITTER,
    RETRY_LONGEST,
    RUNNING,
    SEED,
    USERS_UNTIL,
    State,
)
from .compiled import compiled
from .lists import activate, deactivate, drawn, new_job, push_coming

DONE, FAILED, STOPPED = 0, 5, 6


@compiled
def _ask(st: State, entry: int, full: float) -> None:
    """A running job asks for other slots than before."""
    j, t, p, e = st.jobs, st.tenants, st.places, st.running
    job, tenant = e.job[entry], e.tenant[entry]
    wanted = min(full, j.cap[job])
    before = min(t.demand[tenant], t.cap[tenant])
    t.demand[tenant] += wanted - e.demand[entry]
    p.demand[t.place[tenant]] += min(t.demand[tenant], t.cap[tenant]) - before
    e.demand[entry] = wanted
    e.full[entry] = full
    j.full[job] = full


@compiled
def _open(st: State, job: int, stage: int) -> None:
    """A stage begins."""
    j = st.jobs
    at = st.plan[j.kind[job]] + stage
    units = max(1.0, np.ceil(st.stages.units[at] * j.width[job] - 1e-9))
    st.fin[job, stage] = j.phi[job] + st.stages.share[at] * j.slot[job] / units
    j.open[job] += 1


@compiled
def _close(st: State, job: int) -> float:
    """End the stages whose time has come and open those that waited for them; the slots that are asked for
    then."""
    j = st.jobs
    off = st.plan[j.kind[job]]
    count = st.plan[j.kind[job] + 1] - off
    phi = j.phi[job]
    full = 0.0
    target = np.inf
    for stage in range(count):
        fin = st.fin[job, stage]
        if fin < 0.0 or fin == np.inf:
            continue
        if fin <= phi + 1e-9:
            st.fin[job, stage] = -1.0
            j.open[job] -= 1
            for at in range(st.out_of[off + stage], st.out_of[off + stage + 1]):
                after = st.out[at]
                st.waiting[job, after] -= 1
                if st.waiting[job, after] == 0:
                    # After this one, so it is met again below.
                    _open(st, job, after)
        else:
            full += max(1.0, np.ceil(st.stages.units[off + stage] * j.width[job] - 1e-9))
            target = min(target, fin)
    j.target[job] = target
    return full


@compiled
def _unfold(st: State, job: int) -> None:
    """The stages that wait for none begin."""
    j = st.jobs
    off = st.plan[j.kind[job]]
    j.open[job] = 0
    for stage in range(st.plan[j.kind[job] + 1] - off):
        st.fin[job, stage] = np.inf
        st.waiting[job, stage] = st.stages.inputs[off + stage]
        if st.stages.inputs[off + stage] == 0:
            _open(st, job, stage)


@compiled
def step(st: State, entry: int, now: float) -> bool:
    """A job's clock has come to its target: go on with its stages. Whether it has ended with that."""
    j, e = st.jobs, st.running
    job = e.job[entry]
    j.done[job] += j.full[job] * (j.target[job] - j.phi[job])
    j.phi[job] = j.target[job]
    if j.open[job] == NONE:
        _unfold(st, job)
    stops_at = np.inf
    if j.fails[job] <= 1.0:
        stops_at = j.fails[job] * j.slot[job]
    if j.done[job] >= stops_at - 1e-6:
        finish(st, entry, FAILED, now)
        return True
    full = _close(st, job)
    if j.open[job] == 0:
        finish(st, entry, DONE, now)
        return True
    j.target[job] = min(j.target[job], j.phi[job] + (stops_at - j.done[job]) / full)
    _ask(st, entry, full)
    e.left[entry] = j.target[job] - j.phi[job]
    return False


@compiled
def begin(st: State, job: int, now: float) -> None:
    """A job leaves the queue and runs; there is room at its place. Without a floor its stages begin at once,
    so that it does not ask for nothing before it asks for slots; it may be over with that."""
    j, t, p, e = st.jobs, st.tenants, st.places, st.running
    tenant = j.tenant[job]
    place = t.place[tenant]
    entry = p.off[place] + p.n[place]
    p.n[place] += 1
    j.phase[job] = RUNNING
    j.entry[job] = entry
    j.start[job] = now
    j.done[job] = 0.0
    j.phi[job] = 0.0
    j.full[job] = 0.0
    j.open[job] = NONE
    j.target[job] = j.floor[job]
    e.job[entry], e.tenant[entry] = job, tenant
    e.demand[entry] = e.full[entry] = e.rate[entry] = 0.0
    e.left[entry] = j.floor[job]
    e.due[entry] = now + j.limit[job]
    activate(st, tenant)
    if t.running[tenant] == 0 and not st.pools.by_place[max(p.pool[place], 0)]:
        p.weight[place] += 1
    t.running[tenant] += 1
    p.running[place] += 1
    p.batch[place] += j.batch[job]
    if st.whole[FOLLOW]:
        at = st.whole[BEGAN_N]
        st.began[at], st.began_at[at] = j.row[job], now
        st.whole[BEGAN_N] = at + 1
    if j.floor[job] <= 0.0:
        step(st, entry, now)


@compiled
def finish(st: State, entry: int, state: int, now: float) -> None:
    """A running job ends."""
    j, t, p, e = st.jobs, st.tenants, st.places, st.running
    job, tenant = e.job[entry], e.tenant[entry]
    place = t.place[tenant]
    if state != DONE and state != FAILED:
        # Between two changes of its stages.
        j.done[job] += j.full[job] * max(0.0, j.target[job] - j.phi[job] - e.left[entry])
    _ask(st, entry, 0.0)
    last = p.off[place] + p.n[place] - 1
    if entry != last:
        e.job[entry], e.tenant[entry] = e.job[last], e.tenant[last]
        e.demand[entry], e.full[entry] = e.demand[last], e.full[last]
        e.left[entry], e.rate[entry], e.due[entry] = e.left[last], e.rate[last], e.due[last]
        j.entry[e.job[entry]] = entry
    p.n[place] -= 1
    t.running[tenant] -= 1
    if t.running[tenant] == 0 and not st.pools.by_place[max(p.pool[place], 0)]:
        p.weight[place] -= 1
    p.running[place] -= 1
    p.batch[place] -= j.batch[job]
    deactivate(st, tenant)
    j.used[job] += j.done[job]
    end_attempt(st, job, state, now)


@compiled
def end_attempt(st: State, job: int, state: int, now: float) -> None:
    """An attempt is over: the client tries again, or this is the outcome."""
    j, w, r, ended = st.jobs, st.whole, st.real, st.ended
    attempt = j.attempt[job]
    if state != DONE and attempt < w[ATTEMPTS] and (w[RETRIED] >> state) & 1:
        wait = min(r[RETRY_LONGEST], r[RETRY_FIRST] * r[RETRY_FACTOR] ** (attempt - 1))
        chance = drawn(w[SEED], j.row[job] + 4 * attempt, int(j.at[job]))
        j.attempt[job] = attempt + 1
        j.sub[job] = now + wait * (1.0 - r[RETRY_JITTER] * (1.0 - chance))
        push_coming(st, job, j.sub[job])
        return
    at = w[ENDED_N]
    w[ENDED_N] = at + 1
    ended.row[at], ended.source[at], ended.group[at] = j.row[job], j.source[job], j.group[job]
    ended.place[at] = st.tenants.place[j.tenant[job]]
    ended.batch[at], ended.state[at], ended.attempts[at] = j.batch[job], state, attempt
    ended.at[at], ended.start[at], ended.end[at] = j.at[job], j.start[job], now
    ended.used[at], ended.bytes[at] = j.used[job], j.bytes[job]
    user = j.user[job]
    j.phase[job] = FREE
    st.free[w[FREE_N]] = job
    w[FREE_N] += 1
    if user != NONE:
        next_of_user(st, user, now, True)


@compiled
def next_of_user(st: State, user: int, now: float, thinks: bool) -> None:
    """A user thinks, then submits the next of its jobs."""
    w = st.whole
    low, high = st.pool_of_user[user], st.pool_of_user[user + 1]
    turn = st.turn[user]
    st.turn[user] = turn + 1
    picked = low + int(drawn(w[SEED] + 7919, user, turn) * (high - low))
    time = now + st.think[picked] if thinks else now
    if time > st.real[USERS_UNTIL] or high <= low:
        return
    job = new_job(st)
    fill(st, job, True, picked, time, -1 - user)
    st.jobs.user[job] = user
    push_coming(st, job, time)


@compiled
def fill(st: State, job: int, of_user: bool, at: int, time: float, row: int) -> None:
    """Take a job from a chunk, or from those of users."""
    j = st.jobs
    box = st.inbox
    if of_user:
        box = st.user_jobs
    j.row[job], j.source[job], j.group[job], j.kind[job] = row, box.source[at], box.group[at], box.kind[at]
    j.tenant[job] = st.tenant_of[box.source[at]]
    j.slot[job], j.width[job], j.floor[job], j.cap[job] = (
        box.slot[at],
        box.width[at],
        box.floor[at],
        box.cap[at],
    )
    j.limit[job], j.fails[job], j.bytes[job] = box.limit[at], box.fails[at], box.bytes[at]
    j.batch[job] = box.batch[at]
    j.user[job] = NONE
    j.attempt[job] = 1
    j.at[job] = time
    j.sub[job] = time
    j.start[job] = np.nan
    j.used[job] = 0.0
    j.done[job] = 0.0
