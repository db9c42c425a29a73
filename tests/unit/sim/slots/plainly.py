"""The slot model once more, as plainly as it can be said: every event looks at everything anew.

No arrays, no heaps, no stretches and no shortcuts; written from the rules, to be compared with the other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from bqsim.sim.scenario.capacity import Capacity, Reservation
from bqsim.sim.slots.jobs import Jobs, Shapes, Source, State
from bqsim.sim.slots.routing import reservation_of

_TOLERANCE = 1e-7


@dataclass
class Job:
    row: int
    project: str
    place: str
    at: float
    work: float
    plan: tuple[tuple[float, float, tuple[int, ...]], ...]
    floor: float
    cap: float
    fails_at: float
    batch: bool
    began: float = math.nan
    floor_left: float = 0.0
    left: dict[int, float] = field(default_factory=dict)
    ended: set[int] = field(default_factory=set)
    used: float = 0.0
    state: State | None = None
    end: float = math.nan

    @property
    def open(self) -> list[int]:
        """The stages that run."""
        if self.floor_left > _TOLERANCE:
            return []
        return [
            n
            for n, (_, _, inputs) in enumerate(self.plan)
            if n not in self.ended and all(one in self.ended for one in inputs)
        ]

    @property
    def units(self) -> float:
        return sum(self.plan[n][1] for n in self.open)

    @property
    def demand(self) -> float:
        return min(self.units, self.cap)


def water(
    wants: dict[object, float], supply: float, weights: dict[object, float] | None = None
) -> dict[object, float]:
    """Even shares by weight, up to what each wants."""
    weights = weights or dict.fromkeys(wants, 1.0)
    got = dict.fromkeys(wants, 0.0)
    open_ = {who for who, want in wants.items() if want > 0 and weights[who] > 0}
    rest = supply
    while open_ and rest > 1e-12:
        level = min(
            [rest / sum(weights[w] for w in open_), *((wants[w] - got[w]) / weights[w] for w in open_)]
        )
        for who in open_:
            got[who] += level * weights[who]
        rest -= level * sum(weights[w] for w in open_)
        open_ = {who for who in open_ if wants[who] - got[who] > 1e-9}
    return got


class Plainly:
    """Runs jobs; ``ended`` are they all, by row."""

    def __init__(self, capacity: Capacity, jobs: Jobs, shapes: Shapes, sources: list[Source]) -> None:
        self.capacity = capacity
        self.now = 0.0
        self._order = [source.project for source in sources]
        self.scaled = dict.fromkeys(capacity.reservations, 0.0)
        self.raised = dict.fromkeys(capacity.reservations, -math.inf)
        self.scaled_ms = dict.fromkeys(capacity.reservations, 0.0)
        self.queue: list[Job] = []
        self.running: list[Job] = []
        self.ended: dict[int, Job] = {}
        self.coming = []
        for row in range(len(jobs)):
            source = sources[jobs.source[row]]
            width = float(jobs.width[row])
            plan = tuple(
                (
                    one.share * float(jobs.slot_ms[row]),
                    max(1.0, math.ceil(one.units * width - 1e-9)),
                    one.inputs,
                )
                for one in shapes.plans[jobs.shape[row]]
            )
            self.coming.append(
                Job(
                    row,
                    source.project,
                    reservation_of(capacity, source),
                    float(jobs.at_ms[row]),
                    float(jobs.slot_ms[row]),
                    plan,
                    float(jobs.floor_ms[row]),
                    float(jobs.max_slots[row]),
                    float(jobs.fails_at[row]),
                    bool(jobs.batch[row]),
                )
            )
        self.coming.sort(key=lambda job: job.at)

    # Who runs

    def _limits(self, place: str) -> tuple[float, float]:
        one = self.capacity.reservations.get(place)
        if one is None:
            slots, target = float(self.capacity.on_demand.project_slots), 0
        else:
            pool = [other for other in self.capacity.reservations.values() if other.edition == one.edition]
            idle = sum(other.slot_capacity for other in pool)
            idle += max(0.0, self._committed(one.edition) - idle)
            slots, target = (
                float(one.slot_capacity + one.autoscale_max_slots) or idle,
                one.target_job_concurrency,
            )
        most = target or max(1, int(slots / self.capacity.slots_per_query))
        return most, max(1, int(most * self.capacity.batch_share))

    def _committed(self, edition: str) -> float:
        return float(sum(one.slots for one in self.capacity.commitments if one.edition == edition))

    def _admit(self) -> None:
        while True:
            chosen = self._next()
            if chosen is None:
                return
            self.queue.remove(chosen)
            chosen.began, chosen.floor_left = self.now, chosen.floor
            self.running.append(chosen)

    def _key(self, job: Job) -> tuple[str, str]:
        return (job.place, "" if job.place else job.project)

    def _next(self) -> Job | None:
        best: tuple[tuple[float, ...], Job] | None = None
        for job in self.queue:
            mates = [one for one in self.running if self._key(one) == self._key(job)]
            most, batch = self._limits(job.place)
            own = [one for one in mates if one.project == job.project]
            reservation = self.capacity.reservations.get(job.place)
            cap = reservation.projects.get(job.project) if reservation else None
            if len(mates) >= most or (job.batch and sum(one.batch for one in mates) >= batch):
                continue
            if cap is not None and cap.concurrency is not None and len(own) >= cap.concurrency:
                continue
            key = (len(own), job.at, self._order.index(job.project), job.batch, job.row)
            if best is None or key < best[0]:
                best = (key, job)
        return best[1] if best else None

    # Slots

    def slots(self) -> dict[int, float]:
        """What each running job has now."""
        wants = self._wants()
        borrowed = self._borrowed(wants)
        got: dict[int, float] = {}
        for name, one in self.capacity.reservations.items():
            self._scale(name, one, wants.get(name, 0.0) - one.slot_capacity - borrowed.get(name, 0.0))
            own = one.slot_capacity + borrowed.get(name, 0.0) + self.scaled[name]
            got |= self._within([job for job in self.running if job.place == name], own, one)
        setup = self.capacity.on_demand
        projects = sorted({job.project for job in self.running if not job.place})
        jobs = {p: [job for job in self.running if not job.place and job.project == p] for p in projects}
        asked = {p: min(float(setup.project_slots), sum(job.demand for job in jobs[p])) for p in projects}
        for project, supply in water(dict(asked), float(setup.organization_slots)).items():
            got |= self._within(jobs[str(project)], supply, None)
        return got

    def _project_demand(self, name: str, project: str) -> float:
        cap = self.capacity.reservations[name].projects.get(project)
        most = cap.max_slots if cap is not None and cap.max_slots is not None else math.inf
        return min(most, sum(j.demand for j in self.running if j.place == name and j.project == project))

    def _wants(self) -> dict[str, float]:
        return {
            name: sum(
                self._project_demand(name, project)
                for project in {job.project for job in self.running if job.place == name}
            )
            for name in self.capacity.reservations
        }

    def _borrowed(self, wants: dict[str, float]) -> dict[str, float]:
        got: dict[str, float] = {}
        for edition in sorted({one.edition for one in self.capacity.reservations.values()}):
            pool = {n: one for n, one in self.capacity.reservations.items() if one.edition == edition}
            baselines = sum(one.slot_capacity for one in pool.values())
            idle = {n: max(0.0, one.slot_capacity - wants[n]) for n, one in pool.items()}
            want = {
                n: 0.0 if one.ignore_idle_slots else max(0.0, wants[n] - one.slot_capacity)
                for n, one in pool.items()
            }
            weights = {n: self._weight(n) for n in pool}
            free = max(0.0, self._committed(edition) - baselines)
            groups = {one.reservation_group for one in pool.values()} - {""}
            if not groups or sum(want.values()) <= free + sum(idle.values()):
                shared = water(dict(want), free + sum(idle.values()), dict(weights))
                got |= {str(name): slots for name, slots in shared.items()}
                continue
            own: dict[object, float] = {}
            for group in groups:
                members = [n for n, one in pool.items() if one.reservation_group == group]
                lent, asked = sum(idle[n] for n in members), sum(want[n] for n in members)
                own[("group", group)] = min(lent, asked)
                free += lent - min(lent, asked)
            free += sum(idle[n] for n, one in pool.items() if not one.reservation_group)
            entities: dict[object, float] = {
                n: want[n] for n, one in pool.items() if not one.reservation_group
            }
            for group in groups:
                asked = sum(want[n] for n, one in pool.items() if one.reservation_group == group)
                entities[("group", group)] = asked - own[("group", group)]
            shares = water(entities, free)
            for group in groups:
                members = {n: want[n] for n, one in pool.items() if one.reservation_group == group}
                total = own[("group", group)] + shares[("group", group)]
                inner = water(dict(members), total, {n: weights[n] for n in members})
                got |= {str(name): slots for name, slots in inner.items()}
            got |= {n: shares[n] for n, one in pool.items() if not one.reservation_group}
        return got

    def _weight(self, name: str) -> float:
        if self.capacity.fairness == "reservation":
            return 1.0
        return float(len({job.project for job in self.running if job.place == name}))

    def _window(self, one: Reservation) -> float:
        return 1_000.0 if one.fluid_scaling else 60_000.0

    def _scale(self, name: str, one: Reservation, lacking: float) -> None:
        need = min(math.ceil(max(0.0, lacking) / 50 - 1e-9) * 50.0, float(one.autoscale_max_slots))
        if need > self.scaled[name]:
            self.scaled[name], self.raised[name] = need, self.now
        elif need < self.scaled[name] and self.now >= self.raised[name] + self._window(one) - _TOLERANCE:
            self.scaled[name] = need

    def _within(self, jobs: list[Job], supply: float, one: Reservation | None) -> dict[int, float]:
        projects = sorted({job.project for job in jobs})
        wants: dict[object, float] = {}
        for project in projects:
            wanted = sum(job.demand for job in jobs if job.project == project)
            cap = one.projects.get(project) if one is not None else None
            wants[project] = (
                min(wanted, cap.max_slots) if cap is not None and cap.max_slots is not None else wanted
            )
        got: dict[int, float] = {}
        for project, slots in water(wants, supply).items():
            own = {job.row: job.demand for job in jobs if job.project == project}
            got |= {int(str(row)): share for row, share in water(dict(own), slots).items()}
        return got

    # Events

    def run(self, until: float) -> None:
        """Let everything happen up to ``until``."""
        while True:
            self._settle()
            self._admit()
            self._settle()
            while self.coming and self.coming[0].at <= self.now:
                # One after the other, as they come: the first finds the others not there.
                self.queue.append(self.coming.pop(0))
                self._admit()
                self._settle()
            got = self.slots()
            then = self._then(got)
            if then > until:
                return
            passed = then - self.now
            for name, slots in self.scaled.items():
                self.scaled_ms[name] += slots * passed
            for job in self.running:
                self._go(job, got.get(job.row, 0.0), passed)
            self.now = then

    def _then(self, got: dict[int, float]) -> float:
        times = [self.coming[0].at] if self.coming else []
        for job in self.running:
            if job.floor_left > _TOLERANCE:
                times.append(self.now + job.floor_left)
                continue
            slots = got.get(job.row, 0.0)
            share = slots / job.units if job.units else 0.0
            if share > 0:
                times += [self.now + job.left[n] / (share * job.plan[n][1]) for n in job.open]
                if job.fails_at <= 1:
                    times.append(self.now + max(0.0, job.fails_at * job.work - job.used) / slots)
        for name, slots in self.scaled.items():
            if slots > 0:
                ends = self.raised[name] + self._window(self.capacity.reservations[name])
                if ends > self.now + _TOLERANCE:
                    times.append(ends)
        return min(times, default=math.inf)

    def _go(self, job: Job, slots: float, passed: float) -> None:
        if job.floor_left > _TOLERANCE:
            job.floor_left = max(0.0, job.floor_left - passed)
            return
        units = job.units
        if not units:
            return
        for n in job.open:
            done = slots / units * job.plan[n][1] * passed
            job.left[n] -= done
            job.used += done

    def _settle(self) -> None:
        """End the stages and the jobs that are done; admit those who wait for that."""
        changed = True
        while changed:
            changed = False
            for job in list(self.running):
                for n in job.open:
                    job.left.setdefault(n, job.plan[n][0])
                if job.floor_left > _TOLERANCE:
                    continue
                if job.fails_at <= 1 and job.used >= job.fails_at * job.work - 1e-6:
                    self._end(job, State.FAILED)
                    changed = True
                    continue
                over = [n for n in job.open if job.left[n] <= 1e-6]
                if over:
                    job.ended |= set(over)
                    changed = True
                if len(job.ended) == len(job.plan):
                    self._end(job, State.DONE)
            if changed:
                self._admit()

    def _end(self, job: Job, state: State) -> None:
        job.state, job.end = state, self.now
        self.running.remove(job)
        self.ended[job.row] = job
