"""The state of a world, in arrays: jobs, who they belong to, places, pools, what runs, what comes.

Indexes are -1 for none. Tables are arrays of records; what is read all along is in arrays of its own.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
# Arrays of records: ``table.column[row]``.
Table = Any

NONE = -1
# What a job is in.
FREE, FUTURE, QUEUED, RUNNING = 0, 1, 2, 3


def _kind(whole: str, real: str = "") -> np.dtype[Any]:
    return np.dtype([*((n, np.int64) for n in whole.split()), *((n, np.float64) for n in real.split())])


# Jobs that are known now. ``cap`` bounds slots, ``limit`` the run, ``fails`` is the share of work at which it
# fails. ``at`` is the first submission, ``sub`` this attempt's. ``used`` is the slot time of attempts before,
# ``done`` of this one. ``next``, ``prev`` link the queue of a project, ``later``, ``sooner`` all queued jobs
# of a priority by time.
#
# While a job runs, its clock ``phi`` goes by as fast as its share of ``full``, the slots that its open stages
# ask for: a stage that began at ``phi`` with work w and u units ends at ``phi + w / u``. ``phi`` is as of the
# last change of stages, ``target`` when the next one comes. ``open`` counts its open stages (NONE: it has not
# come to the first).
JOB = _kind(
    "row source tenant group kind batch user attempt phase entry open next prev later sooner",
    "slot width floor cap limit fails bytes at sub start used done phi target full",
)
# Projects within places; those that have jobs are linked from their place. ``alloc`` is what each has now,
# ``level`` what any of its jobs has at most; ``rest`` and ``open`` are for finding these.
TENANT = _kind("place conc running next prev active open", "cap demand alloc level rest")
# Reservations and projects on demand. ``most`` bounds all slots, ``scale_to`` those of autoscaling (by
# ``most`` when negative); ``window`` is how long scaled slots stay. ``mate`` links those of a pool, ``after``
# and ``before`` those that want idle slots (``wants``). ``first`` is its first project with jobs. ``off``,
# ``room`` and ``n`` are its stretch of the running jobs. ``spot`` is its place in the heap, the column
# ``heap``.
PLACE = _kind(
    "pool mate after before wants group borrows conc batch_conc running batch queued heap spot first off "
    "room n",
    "baseline most scale_to window burst burst_ms burst_every burst_until burst_again demand borrowed scaled "
    "raised used last next weight idle want share",
)
# Places that share idle slots. ``supply`` are slots that no place has as baseline, ``idle`` and ``want`` sums
# over the places, ``wanting`` the first that wants any; ``ample``: all get what they want.
POOL = _kind("first wanting ample by_place grouped", "supply idle want")
# Groups of reservations, while idle slots are shared: what their places have idle, want and get.
GROUP = _kind("done", "own want got")
STAGE = _kind("inputs", "share units")
COMING = _kind("tie job", "time")
ENDED = _kind("row source group place batch state attempts", "at start end used bytes")
INBOX = _kind("source kind group batch", "at slot width floor cap limit fails bytes")


class Running(NamedTuple):
    """Running jobs, those of a place in one stretch. ``demand`` is bounded by the job's cap, ``left`` what is
    left of its clock until something changes, ``rate`` how fast that goes by, ``due`` when it is too late."""

    job: Array
    tenant: Array
    demand: Array
    full: Array
    left: Array
    rate: Array
    due: Array


class State(NamedTuple):
    """All of it.

    ``fin`` and ``waiting`` are by job and stage: when the stage ends (infinite: not open, negative: ended),
    and for how many others it waits. ``head``, ``tail`` and ``waiting_n`` are the queues of projects, by
    priority (0 interactive, 1 batch). ``buckets`` are sums by measure, place and bucket. Stages of shape s
    are ``plan[s]`` to ``plan[s + 1]``; those that wait for stage n are ``out[out_of[n]]`` to
    ``out[out_of[n + 1]]``. ``pool_of_user`` says which ``user_jobs`` each user has. ``whole`` and ``real``
    are single figures, by the names below.
    """

    jobs: Table
    tenants: Table
    places: Table
    pools: Table
    groups: Table
    running: Running
    stages: Table
    plan: Array
    out_of: Array
    out: Array
    coming: Table
    ended: Table
    inbox: Table
    user_jobs: Table
    pool_of_user: Array
    turn: Array
    think: Array
    fin: Array
    waiting: Array
    free: Array
    tenant_of: Array
    head: Array
    tail: Array
    waiting_n: Array
    began: Array
    began_at: Array
    buckets: Array
    whole: Array
    real: Array


# Measures of ``buckets``.
USED, BORROWED, SCALED, RUNS, WAITS, PEAK_SCALED, PEAK_QUEUED, MEASURES = range(8)
# Figures of ``whole``.
(
    FREE_N,
    COMING_N,
    ENDED_N,
    BEGAN_N,
    TIES,
    CURSOR,
    INBOX_N,
    ROWS,
    RUNNING_TAIL,
    HEAP_N,
    FOLLOW,
    ATTEMPTS,
    RETRIED,
    SEED,
    LIMIT_INTERACTIVE,
    LIMIT_BATCH,
    HEAD_INTERACTIVE,
    HEAD_BATCH,
    TAIL_INTERACTIVE,
    TAIL_BATCH,
    MORE,
    ROOM_AT,
    BUCKET,
    WHOLES,
) = range(24)
# Figures of ``real``.
(
    NOW,
    BUCKET_MS,
    RETRY_FIRST,
    RETRY_FACTOR,
    RETRY_LONGEST,
    RETRY_JITTER,
    TIMEOUT_INTERACTIVE,
    TIMEOUT_BATCH,
    USERS_UNTIL,
    REALS,
) = range(10)


def table(kind: np.dtype[Any], length: int, old: Table = None) -> Table:
    """A table of zeros, but for the rows of ``old``."""
    made = np.zeros(length, kind).view(np.recarray)
    if old is not None:
        made[: len(old)] = old
    return made


def longer(old: Array, *shape: int) -> Array:
    """An array of zeros of that shape, but for what ``old`` has."""
    made = np.zeros(shape, old.dtype)
    made[tuple(slice(size) for size in old.shape)] = old
    return made
