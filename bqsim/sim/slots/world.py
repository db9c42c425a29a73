"""A world of slots: jobs go in by chunks, outcomes come out, time passes by events."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import numpy as np

from bqsim.sim.scenario.capacity import Capacity

from . import arrays as a
from . import growth, kernel
from .compiled import UNCOMPILED_JOBS, is_compiled
from .growth import NotCompiled
from .jobs import (
    SIMPLE,
    Floats,
    Given,
    Ints,
    Jobs,
    Outcomes,
    Place,
    Retries,
    Shapes,
    Source,
    Stage,
    Usage,
    Users,
    Workload,
)
from .layout import UNBOUNDED, Layout
from .routing import place_of, reservation_of
from .seeds import of_world
from .stages import next_of_user

Sink = Callable[[Outcomes], None]
# Plans that no job has any more are forgotten when there are so many.
MANY_PLANS = 1024


@dataclass(frozen=True, slots=True)
class PlaceNow:
    """What a place has at this moment: slots asked for, used, borrowed, scaled; jobs running and waiting."""

    name: str
    demand: float
    used: float
    borrowed: float
    scaled: float
    running: int
    queued: int


class World:
    """Jobs and slots at one moment; times are milliseconds since its begin.

    Not thread-safe. ``follow`` keeps the starts of jobs for :meth:`started`. Raises :class:`NotCompiled` when
    there are more jobs than can be run without numba, and that is not installed.
    """

    def __init__(
        self,
        capacity: Capacity,
        sources: Sequence[Source] = (),
        shapes: Shapes = SIMPLE,
        *,
        users: Users | None = None,
        retries: Retries | None = None,
        seed: int = 0,
        bucket_ms: float = 60_000.0,
        follow: bool = False,
    ) -> None:
        self.capacity = capacity
        self._layout = Layout(capacity)
        self._places: dict[str, int] = {}
        self._tenants: dict[tuple[int, str], int] = {}
        self._sources: dict[Source, int] = {}
        self._source_n = 0
        # What the shapes of jobs count: the first of them stay.
        self._plans = list(shapes.plans)
        self._plan_of = {plan: number for number, plan in enumerate(self._plans)}
        self._first_plans = len(self._plans)
        self._many_plans = max(MANY_PLANS, 2 * self._first_plans)
        self._drained: list[Outcomes] = []
        self._started: list[tuple[int, float]] = []
        self.listed: list[Place] = []
        self._st = growth.blank(shapes)
        self._configure(retries or Retries(), seed, bucket_ms, follow)
        self._st = growth.more_jobs(self._st)
        self._nothing = self._take()
        for name in capacity.reservations:
            self._place(name, place_of(capacity, name))
        for source in sources:
            # By place: a workload may name a source twice.
            self._add_source(source)
        if users is not None and len(users.first_ms):
            self._add_users(users)

    def _configure(self, retries: Retries, seed: int, bucket_ms: float, follow: bool) -> None:
        whole, real, queues = self._st.whole, self._st.real, self.capacity.queues
        whole[a.SEED] = of_world(seed)
        whole[a.FOLLOW] = follow
        whole[a.ATTEMPTS] = retries.attempts
        whole[a.RETRIED] = sum(1 << int(state) for state in retries.states)
        whole[a.LIMIT_INTERACTIVE], whole[a.LIMIT_BATCH] = queues.interactive, queues.batch
        whole[a.HEAD_INTERACTIVE : a.TAIL_BATCH + 1] = a.NONE
        real[a.BUCKET_MS] = bucket_ms
        real[a.RETRY_FIRST], real[a.RETRY_FACTOR] = retries.first_ms, retries.factor
        real[a.RETRY_LONGEST], real[a.RETRY_JITTER] = retries.longest_ms, retries.jitter
        real[a.TIMEOUT_INTERACTIVE] = queues.interactive_timeout_s * 1000.0
        real[a.TIMEOUT_BATCH] = queues.batch_timeout_s * 1000.0
        real[a.USERS_UNTIL] = -np.inf

    # Tables

    def source(self, source: Source) -> int:
        """The number of a source for the columns of jobs; new ones are added."""
        number = self._sources.get(source)
        return self._add_source(source) if number is None else number

    def _add_source(self, source: Source) -> int:
        name = reservation_of(self.capacity, source)
        place = self._place(name or f"\0{source.project}", place_of(self.capacity, name, source.project))
        tenant = self._tenants.get((place, source.project))
        if tenant is None:
            tenant = self._tenants[(place, source.project)] = len(self._tenants)
            self._st = growth.more_tenants(self._st, tenant)
            self._st.head[tenant] = self._st.tail[tenant] = a.NONE
            self._layout.add_tenant(tenant, place, source.project, name, self._st.tenants)
        number = self._source_n
        self._source_n += 1
        self._sources.setdefault(source, number)
        self._st = growth.more_sources(self._st, number)
        self._st.tenant_of[number] = tenant
        return number

    def shapes(self, plans: Sequence[tuple[Stage, ...]]) -> list[int]:
        """The numbers of plans for the columns of jobs that are submitted next; new ones are added."""
        if len(self._plans) + len(plans) > self._many_plans:
            self._forget_plans()
        fresh = tuple(dict.fromkeys(plan for plan in plans if plan not in self._plan_of))
        if fresh:
            self._st = growth.more_plans(self._st, Shapes(fresh))
            self._plan_of |= {plan: number for number, plan in enumerate(fresh, len(self._plans))}
            self._plans += fresh
        return [self._plan_of[plan] for plan in plans]

    def _forget_plans(self) -> None:
        """Keep the plans of jobs that are not over, and those that were there at first."""
        used = self._st.jobs.kind[self._st.jobs.phase != a.FREE]
        kept = np.union1d(np.arange(self._first_plans), used)
        numbers = np.zeros(len(self._plans), np.int64)
        numbers[kept] = np.arange(len(kept))
        self._plans = [self._plans[number] for number in kept.tolist()]
        self._plan_of = {plan: number for number, plan in enumerate(self._plans)}
        self._many_plans = max(MANY_PLANS, 2 * len(self._plans))
        self._st = growth.only_plans(self._st, Shapes(tuple(self._plans)), numbers)

    def _place(self, key: str, place: Place) -> int:
        number = self._places.get(key)
        if number is not None:
            return number
        number = self._places[key] = len(self._places)
        self.listed.append(place)
        self._st = growth.more_places(self._st, number)
        p = self._st.places
        self._layout.add_place(number, place, p, self._st.pools, self.now_ms)
        count = int(self._st.whole[a.HEAP_N])
        p.heap[count], p.spot[number] = number, count
        self._st.whole[a.HEAP_N] = count + 1
        return number

    def _add_users(self, users: Users) -> None:
        self._st = self._st._replace(
            pool_of_user=np.ascontiguousarray(users.pool, np.int64),
            turn=np.zeros(len(users.first_ms), np.int64),
            think=np.ascontiguousarray(users.think_ms, np.float64),
            user_jobs=self._box(users.jobs),
        )
        self._check_values(users.jobs)
        if len(users.pool) != len(users.first_ms) + 1 or int(users.pool.max()) > len(users.jobs):
            raise ValueError("each user needs a stretch of the users' jobs")
        self._st.real[a.USERS_UNTIL] = users.until_ms
        self._st = growth.more_jobs(self._st, len(users.first_ms))
        for user, first in enumerate(users.first_ms):
            next_of_user(self._st, user, float(first), False)

    def _box(self, jobs: Jobs) -> a.Table:
        box = a.table(a.INBOX, len(jobs))
        box.at, box.source, box.kind, box.group = jobs.at_ms, jobs.source, jobs.shape, jobs.group
        box.slot, box.width, box.floor, box.cap = jobs.slot_ms, jobs.width, jobs.floor_ms, jobs.max_slots
        box.limit = np.minimum(jobs.limit_ms, self.capacity.run_limit_s * 1000.0)
        box.fails, box.bytes, box.batch = jobs.fails_at, jobs.bytes, jobs.batch
        return box

    @property
    def state(self) -> a.State:
        """Its arrays, to look at."""
        return self._st

    @property
    def tenants(self) -> int:
        """How many projects within places there are."""
        return len(self._tenants)

    # Time

    @property
    def now_ms(self) -> float:
        return float(self._st.real[a.NOW])

    @property
    def next_ms(self) -> float:
        """When something happens next; infinite when nothing will."""
        return float(kernel.upcoming(self._st))

    def submit(self, jobs: Jobs) -> Ints:
        """Add jobs, none before now; their rows, by which outcomes and starts name them."""
        if not len(jobs):
            return np.zeros(0, np.int64)
        if float(jobs.at_ms.min()) < self.now_ms:
            raise ValueError("a job cannot be submitted in the past")
        self._check_values(jobs)
        first = int(self._st.whole[a.ROWS])
        if self._st.whole[a.FREE_N] < len(jobs) + 2:
            self._st = growth.more_jobs(self._st, len(jobs))
        self._fill(jobs)
        kernel.accept(self._st)
        return np.arange(first, first + len(jobs), dtype=np.int64)

    def _fill(self, jobs: Jobs) -> None:
        self._st = self._st._replace(inbox=self._box(jobs))
        self._st.whole[a.CURSOR], self._st.whole[a.INBOX_N] = 0, len(jobs)

    def resume(self, jobs: Jobs) -> Ints:
        """Add jobs that run from now on, be there room for running jobs or not; else as :meth:`submit`."""
        places, tenants = self._st.places, self._st.tenants
        kept = [one.copy() for one in (places.conc, places.batch_conc, tenants.conc)]
        for one in (places.conc, places.batch_conc, tenants.conc):
            one[:] = UNBOUNDED
        rows = self.submit(jobs)
        self.run(self.now_ms)
        places, tenants = self._st.places, self._st.tenants
        for one, before in zip((places.conc, places.batch_conc, tenants.conc), kept, strict=True):
            one[: len(before)] = before
        return rows

    def run(self, until_ms: float) -> None:
        """Let time pass until then, with all that happens up to and at that moment."""
        while self._advance(until_ms) != kernel.UP_TO_DATE:
            self._drain()
        self._drain()

    def _advance(self, until_ms: float) -> int:
        """Go on until done, or until a chunk is needed."""
        while True:
            why = int(kernel.advance(self._st, float(until_ms)))
            if why == kernel.MORE_JOBS:
                self._st = growth.more_jobs(self._st)
            elif why == kernel.MORE_ROOM:
                self._st = growth.more_room(self._st, int(self._st.whole[a.ROOM_AT]))
            elif why == kernel.MORE_BUCKETS:
                self._st = growth.more_buckets(self._st, int(self._st.whole[a.BUCKET]))
            else:
                return why

    def feed(self, workload: Workload, sink: Sink) -> None:
        """Run all chunks of a workload, and until its last job has ended and nothing is scaled."""
        whole = self._st.whole
        chunks = growth.bounded(iter(workload.chunks()))
        whole[a.MORE] = 1
        while True:
            why = self._advance(np.inf)
            ended = self._take()
            if len(ended):
                sink(ended)
            if why == kernel.UP_TO_DATE:
                return
            if why == kernel.REFILL:
                chunk = next(chunks, None)
                if chunk is None:
                    whole[a.MORE] = 0
                else:
                    self._check(chunk)
                    self._fill(chunk)

    def _check(self, chunk: Jobs) -> None:
        if self._st.whole[a.ROWS] + len(chunk) > UNCOMPILED_JOBS and not is_compiled():
            raise NotCompiled
        if len(chunk) and (float(chunk.at_ms[0]) < self.now_ms or np.any(np.diff(chunk.at_ms) < 0)):
            raise ValueError("the jobs of a workload must ascend by time")
        self._check_values(chunk)

    def _check_values(self, jobs: Jobs) -> None:
        """Machine code does not look whether an index is within its table."""
        for name, column, bound in (
            ("source", jobs.source, self._source_n),
            ("shape", jobs.shape, len(self._plans)),
            ("batch", jobs.batch, 2),
        ):
            if len(column) and not 0 <= int(column.min()) <= int(column.max()) < bound:
                raise ValueError(f"a job's {name} is not one of the {bound} that there are")
        for name, amounts in (
            ("time", jobs.at_ms),
            ("slot time", jobs.slot_ms),
            ("width", jobs.width),
            ("floor", jobs.floor_ms),
        ):
            if not np.all((amounts >= 0) & (amounts < np.inf)):
                raise ValueError(f"a job's {name} must be a number of at least 0")
        if not np.all((jobs.max_slots > 0) & (jobs.limit_ms >= 0) & (jobs.fails_at >= 0)):
            raise ValueError("a job's bounds must be numbers above 0")

    def cancel(self, row: int) -> bool:
        """Stop a job now, be it queued or running; its outcome is STOPPED. False when it is over."""
        j = self._st.jobs
        found = np.flatnonzero((j.row == row) & (j.phase >= a.QUEUED))
        if not len(found):
            return False
        kernel.stop(self._st, int(found[0]), self.now_ms)
        if self._st.whole[a.ENDED_N] > kernel.FULL // 2:
            self._drain()
        return True

    def left(self, row: int) -> Floats:
        """What is left of each stage of a job that runs, slot-milliseconds. Raises ``ValueError`` for all
        others."""
        j = self._st.jobs
        found = np.flatnonzero((j.row == row) & (j.phase == a.RUNNING))
        if not len(found):
            raise ValueError(f"no job of row {row} runs")
        job = int(found[0])
        kernel.touch(self._st, int(self._st.tenants.place[j.tenant[job]]), self.now_ms)
        stages = slice(*self._st.plan[int(j.kind[job]) : int(j.kind[job]) + 2].tolist())
        table = self._st.stages[stages]
        whole: Floats = table.share * j.slot[job]
        if j.open[job] == a.NONE:
            # It is in its floor still.
            return whole
        fin = self._st.fin[job, : len(table)]
        units = np.maximum(1.0, np.ceil(table.units * j.width[job] - 1e-9))
        phi = float(j.target[job]) - max(float(self._st.running.left[int(j.entry[job])]), 0.0)
        opened = np.isfinite(fin) & (fin >= 0)
        begun = np.where(opened, np.maximum(fin - phi, 0.0) * units, 0.0)
        return np.where(fin == np.inf, whole, np.minimum(begun, whole))

    # What is told

    def _take(self) -> Outcomes:
        whole = self._st.whole
        count = int(whole[a.ENDED_N])
        whole[a.ENDED_N] = 0
        kinds = {"batch": np.uint8, "state": np.uint8, "row": np.int64}
        kinds |= dict.fromkeys(("source", "group", "reservation", "attempts"), np.int32)
        made = {}
        for one, column in zip(fields(Outcomes), self._in_order(), strict=True):
            made[one.name] = column[:count].astype(kinds.get(one.name, np.float64))
        began = int(whole[a.BEGAN_N])
        if began:
            rows, times = self._st.began[:began].tolist(), self._st.began_at[:began].tolist()
            self._started += zip(rows, times, strict=True)
            whole[a.BEGAN_N] = 0
        return Outcomes(**made)

    def _in_order(self) -> tuple[a.Array, ...]:
        e = self._st.ended
        return (
            e.row,
            e.source,
            e.group,
            e.place,
            e.batch,
            e.state,
            e.attempts,
            e.at,
            e.start,
            e.end,
            e.used,
            e.bytes,
        )

    def _drain(self) -> None:
        if not (self._st.whole[a.ENDED_N] or self._st.whole[a.BEGAN_N]):
            return
        taken = self._take()
        if len(taken):
            self._drained.append(taken)

    def started(self) -> list[tuple[int, float]]:
        """Rows and times of the jobs that began since the last call."""
        self._drain()
        started, self._started = self._started, []
        return started

    def outcomes(self) -> Outcomes:
        """The jobs that ended since the last call."""
        self._drain()
        if not self._drained:
            return self._nothing
        parts, self._drained = self._drained, []
        return Outcomes.concatenated(parts)

    def slots(self) -> dict[int, float]:
        """What each running job has now, by row."""
        j, e = self._st.jobs, self._st.running
        return {
            int(j.row[job]): round(float(e.rate[j.entry[job]] * e.full[j.entry[job]]), 9)
            for job in np.flatnonzero(j.phase == a.RUNNING)
        }

    def places(self) -> list[PlaceNow]:
        """All places as they are now."""
        p = self._st.places
        return [
            PlaceNow(
                place.name,
                float(p.demand[at]),
                float(p.used[at]),
                float(p.borrowed[at]),
                float(p.scaled[at]),
                int(p.running[at]),
                int(p.queued[at]),
            )
            for at, place in enumerate(self.listed)
        ]

    def usage(self) -> Usage:
        """What slots did so far."""
        size = float(self._st.real[a.BUCKET_MS])
        last = int(self.now_ms / size)
        self._st = growth.more_buckets(self._st, last)
        kernel.touch_all(self._st, self.now_ms)
        count = len(self.listed)
        shown = [one[:count, : last + 1].copy() for one in self._st.buckets]
        # On demand there is nobody to borrow from; all slots come from the organization's.
        shown[a.BORROWED][[not place.edition for place in self.listed]] = 0.0
        return Usage(tuple(self.listed), size, self.now_ms, *shown)


def simulate(
    capacity: Capacity,
    workload: Workload,
    sink: Sink,
    *,
    retries: Retries | None = None,
    seed: int = 0,
    bucket_ms: float = 60_000.0,
) -> Usage:
    """Run a whole workload until its last job has ended; ``sink`` gets the outcomes in order, by chunks.

    Raises :class:`NotCompiled`, and ``ValueError`` for a workload whose jobs do not ascend by time.
    """
    world = World(
        capacity,
        workload.sources,
        workload.shapes,
        users=workload.users,
        retries=retries,
        seed=seed,
        bucket_ms=bucket_ms,
    )
    world.feed(workload, sink)
    return world.usage()


def compile_ahead() -> None:
    """Compile what a world needs, or take it from where it is kept."""
    world = World(Capacity(), follow=True)
    rows = world.submit(Jobs.of(2, source=world.source(Source("project")), slot_ms=1_000.0))
    world.run(0.5)
    world.cancel(int(rows[0]))
    world.run(world.next_ms)
    world.usage()
    pool = np.array([0, 1])
    users = Users(np.zeros(1), pool, Jobs.of(1, slot_ms=1.0), np.ones(1), 2.0)
    simulate(Capacity(), Given(Jobs.of(1), users=users), lambda _: None)
