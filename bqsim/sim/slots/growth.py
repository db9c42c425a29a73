"""Room in the arrays of a world: more jobs, more that run, more projects, places and buckets of time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from . import arrays as a
from . import kernel
from .compiled import UNCOMPILED_JOBS, is_compiled
from .jobs import Jobs, Shapes

_JOBS_AT_FIRST, _BUCKETS_AT_FIRST = 256, 64


class NotCompiled(Exception):
    """So many jobs need the compiler."""

    def __init__(self) -> None:
        super().__init__(
            f"more than {UNCOMPILED_JOBS:,} jobs need numba; install it with: pip install 'bqsim[rehearse]'"
        )


def bounded(chunks: Iterator[Jobs]) -> Iterator[Jobs]:
    """All chunks; too many jobs for what is not compiled are told before the first of them is run. Raises
    :class:`NotCompiled`."""
    if is_compiled():
        return chunks
    ahead, count = [], 0
    for chunk in chunks:
        count += len(chunk)
        if count > UNCOMPILED_JOBS:
            raise NotCompiled
        ahead.append(chunk)
    return iter(ahead)


def blank(shapes: Shapes) -> a.State:
    """A state without anything but the plans of stages."""
    width = max(len(plan) for plan in shapes.plans)
    stages, plan, out_of, out = _plans(shapes)
    return a.State(
        jobs=a.table(a.JOB, 0),
        tenants=a.table(a.TENANT, 0),
        places=a.table(a.PLACE, 0),
        pools=a.table(a.POOL, 1),
        groups=a.table(a.GROUP, 1),
        running=a.Running(*(np.zeros(0, np.int64 if n < 2 else np.float64) for n in range(7))),
        stages=stages,
        plan=plan,
        out_of=out_of,
        out=out,
        coming=a.table(a.COMING, 0),
        ended=a.table(a.ENDED, 0),
        inbox=a.table(a.INBOX, 0),
        user_jobs=a.table(a.INBOX, 0),
        pool_of_user=np.zeros(1, np.int64),
        turn=np.zeros(0, np.int64),
        think=np.zeros(0),
        fin=np.zeros((0, width)),
        waiting=np.zeros((0, width), np.int64),
        free=np.zeros(0, np.int64),
        tenant_of=np.zeros(0, np.int64),
        head=np.zeros((0, 2), np.int64),
        tail=np.zeros((0, 2), np.int64),
        waiting_n=np.zeros((0, 2), np.int64),
        began=np.zeros(0, np.int64),
        began_at=np.zeros(0),
        buckets=np.zeros((a.MEASURES, 0, _BUCKETS_AT_FIRST)),
        whole=np.zeros(a.WHOLES, np.int64),
        real=np.zeros(a.REALS),
    )


def _plans(shapes: Shapes) -> tuple[a.Table, a.Array, a.Array, a.Array]:
    stages = [stage for plan in shapes.plans for stage in plan]
    after: list[list[int]] = []
    for plan in shapes.plans:
        outs: list[list[int]] = [[] for _ in plan]
        for at, stage in enumerate(plan):
            for before in set(stage.inputs):
                outs[before].append(at)
        after += outs
    made = a.table(a.STAGE, len(stages))
    made.share = [one.share for one in stages]
    made.units = [one.units for one in stages]
    made.inputs = [len(set(one.inputs)) for one in stages]
    plan_of = np.cumsum([0, *(len(plan) for plan in shapes.plans)], dtype=np.int64)
    out_of = np.cumsum([0, *(len(one) for one in after)], dtype=np.int64)
    return made, plan_of, out_of, np.array([at for one in after for at in one], np.int64)


def more_plans(st: a.State, shapes: Shapes) -> a.State:
    """The state with further plans, numbered on."""
    old, offset = len(st.stages), len(st.out)
    added, plan, out_of, out = _plans(shapes)
    stages = a.table(a.STAGE, old + len(added), st.stages)
    stages[old:] = added
    width = max(st.fin.shape[1], *(len(one) for one in shapes.plans))
    return st._replace(
        stages=stages,
        plan=np.concatenate([st.plan, old + plan[1:]]),
        out_of=np.concatenate([st.out_of, offset + out_of[1:]]),
        out=np.concatenate([st.out, out]),
        fin=a.longer(st.fin, len(st.fin), width),
        waiting=a.longer(st.waiting, len(st.waiting), width),
    )


def only_plans(st: a.State, shapes: Shapes, numbers: a.Array) -> a.State:
    """The state with these plans instead of those before; what was number n is ``numbers[n]`` from now on."""
    stages, plan, out_of, out = _plans(shapes)
    known = st.jobs.phase != a.FREE
    st.jobs.kind[known] = numbers[st.jobs.kind[known]]
    return st._replace(stages=stages, plan=plan, out_of=out_of, out=out)


def more_jobs(st: a.State, needed: int = 1) -> a.State:
    """Room for so many more jobs. Raises :class:`NotCompiled`."""
    old = len(st.jobs)
    new = max(2 * old, old + needed + 2, _JOBS_AT_FIRST)
    if new > UNCOMPILED_JOBS and not is_compiled():
        raise NotCompiled
    free = a.longer(st.free, new)
    count = int(st.whole[a.FREE_N])
    free[count : count + new - old] = np.arange(new - 1, old - 1, -1)
    st.whole[a.FREE_N] = count + new - old
    room = kernel.FULL + new + 64
    return st._replace(
        jobs=a.table(a.JOB, new, st.jobs),
        fin=a.longer(st.fin, new, st.fin.shape[1]),
        waiting=a.longer(st.waiting, new, st.fin.shape[1]),
        free=free,
        coming=a.table(a.COMING, new, st.coming),
        ended=a.table(a.ENDED, room, st.ended),
        began=a.longer(st.began, room),
        began_at=a.longer(st.began_at, room),
    )


def more_tenants(st: a.State, number: int) -> a.State:
    """Room for a project of that number."""
    if number < len(st.tenants):
        return st
    room = max(16, 2 * number)
    return st._replace(
        tenants=a.table(a.TENANT, room, st.tenants),
        head=a.longer(st.head, room, 2),
        tail=a.longer(st.tail, room, 2),
        waiting_n=a.longer(st.waiting_n, room, 2),
    )


def more_places(st: a.State, number: int) -> a.State:
    """Room for a place of that number, its pool and its group."""
    if number < len(st.places):
        return st
    room = max(8, 2 * number)
    return st._replace(
        places=a.table(a.PLACE, room, st.places),
        pools=a.table(a.POOL, room, st.pools),
        groups=a.table(a.GROUP, room),
        buckets=a.longer(st.buckets, a.MEASURES, room, st.buckets.shape[2]),
    )


def more_sources(st: a.State, number: int) -> a.State:
    """Room for a source of that number."""
    if number < len(st.tenant_of):
        return st
    return st._replace(tenant_of=a.longer(st.tenant_of, max(16, 2 * number)))


def more_buckets(st: a.State, last: int) -> a.State:
    """Room for times up to that bucket."""
    _, places, count = st.buckets.shape
    if last < count:
        return st
    return st._replace(buckets=a.longer(st.buckets, a.MEASURES, places, max(2 * count, last + 1)))


def more_room(st: a.State, place: int) -> a.State:
    """Room for more running jobs at a place: its stretch moves to the end."""
    p = st.places
    room = max(16, 2 * int(p.room[place]))
    tail = int(st.whole[a.RUNNING_TAIL])
    if tail + room > len(st.running.job):
        length = max(2 * len(st.running.job), tail + room)
        st = st._replace(running=a.Running(*(a.longer(one, length) for one in st.running)))
    count, off = int(p.n[place]), int(p.off[place])
    for column in st.running:
        column[tail : tail + count] = column[off : off + count]
    st.jobs.entry[st.running.job[tail : tail + count]] = np.arange(tail, tail + count)
    p.off[place], p.room[place] = tail, room
    st.whole[a.RUNNING_TAIL] = tail + room
    return st
