"""A world of slots that a clock drives: jobs take tickets, and hear when they begin and when they end."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from bqsim.sim.clock import Clock
from bqsim.sim.scenario.capacity import Capacity
from bqsim.sim.timers import Timer

from .growth import NotCompiled
from .jobs import SIMPLE, Jobs, Source, Stage, State
from .remembered import Run
from .watching import Watch
from .world import PlaceNow, World, compile_ahead

# What a world remembers of its slots is by buckets of this length: a clock may jump by years.
BUCKET_MS = 3_600_000.0


@cache
def ready() -> None:
    """Compile what computes a world, once: nobody's first job waits for that."""
    compile_ahead()


@dataclass(frozen=True, slots=True)
class Work:
    """What a job asks for: slot time, how many slots it can use at once, and time whatever its slots.

    ``stages`` is its plan with the units of each stage; without, it is one stage of ``units``. ``limit_ms``:
    how long it may run at most. ``fails_at`` is the share of its slot time after which it fails (above 1:
    never).
    """

    slot_ms: float = 0.0
    units: float = 1.0
    floor_ms: float = 0.0
    max_slots: float = math.inf
    batch: bool = False
    limit_ms: float = math.inf
    fails_at: float = math.inf
    stages: tuple[Stage, ...] = ()

    @property
    def plan(self) -> tuple[Stage, ...]:
        """Its stages; their units are as many times those that :attr:`width` tells."""
        return self.stages or _ONE_STAGE

    @property
    def width(self) -> float:
        return 1.0 if self.stages else self.units

    def rest(self, left_ms: Sequence[float], used_ms: float) -> Work:
        """What it asks for when so much is left of each stage, and so much was used."""
        slot_ms = math.fsum(left_ms)
        fails_at = math.inf
        if self.fails_at <= 1:
            fails_at = max(self.fails_at * self.slot_ms - used_ms, 0.0) / slot_ms if slot_ms > 0 else 0.0
        stages = _open_stages(self.stages, left_ms) if self.stages else ()
        return replace(self, slot_ms=slot_ms, fails_at=fails_at, stages=stages)


_ONE_STAGE = SIMPLE.plans[0]


def _open_stages(stages: Sequence[Stage], left_ms: Sequence[float]) -> tuple[Stage, ...]:
    """The stages of which something is left, as shares of that."""
    total = math.fsum(left_ms)
    places = {at: number for number, at in enumerate(at for at, ms in enumerate(left_ms) if ms > 0)}
    return tuple(
        Stage(left_ms[at] / total, stages[at].units, tuple(sorted(_open_inputs(stages, at, places))))
        for at in places
    )


def _open_inputs(stages: Sequence[Stage], at: int, places: Mapping[int, int]) -> set[int]:
    """The stages, by their new places, that one waits for."""
    found = set()
    for one in stages[at].inputs:
        if one in places:
            found.add(places[one])
        elif stages[one].share <= 0:
            # Without work of its own it only passes on what it waits for.
            found |= _open_inputs(stages, one, places)
    return found


class Ticket:
    """A job on its way through a world.

    ``began`` and ``state`` (None: it is not over) tell how far it is, ``used_ms`` the slot time that it had,
    ``why`` why it FAILED. ``changed`` is called at each of its changes. ``began_ms`` is by the world's time,
    ``ran_ms`` how long it ran in former worlds. ``run`` remembers its run here, ``runs`` has all of them.
    """

    __slots__ = (
        "_queued",
        "began",
        "began_ms",
        "changed",
        "left",
        "ran_ms",
        "row",
        "run",
        "runs",
        "source",
        "state",
        "used_ms",
        "why",
        "work",
        "world",
    )

    def __init__(
        self,
        world: LiveWorld,
        source: Source,
        work: Work,
        changed: Callable[[], object],
        runs: list[Run] | None = None,
    ) -> None:
        self.world = world
        self.run: Run | None = None
        self.runs = [] if runs is None else runs
        self.source = source
        self.work = work
        self.changed = changed
        self.row: int | None = None
        self.began = False
        self.began_ms = self.ran_ms = 0.0
        self.left = False
        self.state: State | None = None
        self.used_ms = 0.0
        self.why = ""
        self._queued = False

    @property
    def over(self) -> bool:
        return self.state is not None or self.left

    def leave(self) -> None:
        """Take the job out of its world; its slots are free at once. Idempotent."""
        if not self.over:
            self.world.leave(self)

    def moved(self, world: LiveWorld, source: Source) -> Ticket:
        """Take the job, which runs, out of its world: a ticket with what is left of it, for
        :meth:`LiveWorld.resume`."""
        ran_ms, left_ms = self.world.take_out(self)
        before = self.work
        limit_ms = world.capacity.run_limit_s * 1000.0 - self.ran_ms - ran_ms
        work = replace(
            before.rest(left_ms, self.used_ms),
            # A job's time whatever its slots comes first.
            floor_ms=max(before.floor_ms - ran_ms, 0.0),
            limit_ms=max(limit_ms, 0.001),
        )
        made = Ticket(world, source, work, self.changed, self.runs)
        made.began, made.ran_ms = True, self.ran_ms + ran_ms
        return made

    def queued(self, queued: bool) -> None:
        """Count it among those that wait, or no longer."""
        if queued is not self._queued:
            self._queued = queued
            self.world.count(self, 1 if queued else -1)


class LiveWorld:
    """A world whose time is that of ``clock``, from now on. Belongs to one event loop.

    Jobs that come within one turn of the loop go in together. At the moments at which something happens in
    the world a timer of the clock lets it.
    """

    def __init__(self, capacity: Capacity, clock: Clock, seed: int) -> None:
        self.capacity = capacity
        self._clock = clock
        self._world = World(capacity, seed=seed, bucket_ms=BUCKET_MS, follow=True)
        self._since_us = clock.now_us()
        self.watch = Watch(self._world, self._since_us)
        self._tickets: dict[int, Ticket] = {}
        self._fresh: list[Ticket] = []
        self._queued: Counter[tuple[object, bool]] = Counter()
        self._timer: Timer | None = None
        self._due = False

    def __len__(self) -> int:
        """How many jobs are in it."""
        return len(self._tickets) + len(self._fresh)

    def enter(
        self, source: Source, work: Work, changed: Callable[[], object], runs: list[Run] | None = None
    ) -> Ticket:
        """A ticket for a job that is submitted now; ``changed`` is never called before this returns. ``runs``
        gets what is remembered of its run."""
        ticket = Ticket(self, source, work, changed, runs)
        self._fresh.append(ticket)
        if not self._due:
            self._due = True
            asyncio.get_running_loop().call_soon(self.turn)
        return ticket

    def take_out(self, ticket: Ticket) -> tuple[float, list[float]]:
        """Let a job that runs here leave: how long it ran, and the slot time that is left of each stage, both
        at that very moment; nothing of one that is over."""
        self._run()
        ran_ms = self._world.now_ms - ticket.began_ms
        if ticket.row is None or ticket.over:
            return ran_ms, []
        left_ms: list[float] = self._world.left(ticket.row).tolist()
        self._stop([ticket])
        return ran_ms, left_ms

    def resume(self, tickets: list[Ticket]) -> None:
        """Let jobs that ran elsewhere run here, be there room for running jobs or not."""
        if not tickets:
            return
        self._run()
        self._submit(tickets, running=True)
        for ticket in tickets:
            ticket.began_ms = self._world.now_ms
        self.watch.look(self._tickets)
        self._hear()
        self._arm()

    def leave(self, *tickets: Ticket) -> None:
        """Take jobs that are not over out of this world, all at one moment; see :meth:`Ticket.leave`."""
        fresh = {ticket for ticket in tickets if ticket.row is None}
        if fresh:
            self._fresh = [ticket for ticket in self._fresh if ticket not in fresh]
            for ticket in fresh:
                ticket.left = True
            if len(fresh) == len(tickets):
                return
        self._run()
        self._stop([ticket for ticket in tickets if ticket.row is not None and ticket.state is None])

    def _stop(self, tickets: list[Ticket]) -> None:
        """Stop jobs that wait or run here at the moment that the world has reached."""
        # First those that wait: they shall not begin when others leave.
        for ticket in sorted(tickets, key=lambda ticket: ticket.began):
            assert ticket.row is not None
            self._world.cancel(ticket.row)
        if tickets:
            self.watch.look(self._tickets)
            self._hear()
        for ticket in tickets:
            ticket.left = True
        self._arm()

    def waiting(self, source: Source, *, batch: bool) -> tuple[int, int]:
        """How many jobs of the source's project wait, and how many of the source itself."""
        return self._queued[source.project, batch], self._queued[source, batch]

    def count(self, ticket: Ticket, by: int) -> None:
        for key in ((ticket.source.project, ticket.work.batch), (ticket.source, ticket.work.batch)):
            self._queued[key] += by
            if not self._queued[key]:
                del self._queued[key]

    def turn(self) -> None:
        """Let time pass until now, and those in who came since."""
        self._due = False
        self._run()
        fresh, self._fresh = self._fresh, []
        if fresh:
            self._submit(fresh)
            self._run()
            for ticket in fresh:
                if not ticket.began and ticket.state is None:
                    ticket.queued(True)
        self._arm()

    def close(self) -> None:
        """Nobody is told of anything any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def places(self) -> list[PlaceNow]:
        """What the places have now."""
        self.turn()
        return self._world.places()

    def _now_ms(self) -> float:
        return max((self._clock.now_us() - self._since_us) / 1000, self._world.now_ms)

    def _submit(self, fresh: list[Ticket], *, running: bool = False) -> None:
        world = self._world
        jobs = Jobs.of(
            len(fresh),
            at_ms=self._world.now_ms,
            source=[world.source(ticket.source) for ticket in fresh],
            shape=world.shapes([ticket.work.plan for ticket in fresh]),
            slot_ms=[ticket.work.slot_ms for ticket in fresh],
            width=[ticket.work.width for ticket in fresh],
            floor_ms=[ticket.work.floor_ms for ticket in fresh],
            max_slots=[ticket.work.max_slots for ticket in fresh],
            batch=[ticket.work.batch for ticket in fresh],
            limit_ms=[ticket.work.limit_ms for ticket in fresh],
            fails_at=[ticket.work.fails_at for ticket in fresh],
        )
        try:
            rows = (world.resume if running else world.submit)(jobs).tolist()
        except NotCompiled as error:
            for ticket in fresh:
                ticket.state, ticket.why = State.FAILED, str(error)
                ticket.changed()
            return
        for row, ticket in zip(rows, fresh, strict=True):
            ticket.row = row
            self._tickets[row] = ticket

    def _run(self) -> None:
        world, now_ms = self._world, self._now_ms()
        while (next_ms := world.next_ms) < now_ms:
            world.run(next_ms)
            self.watch.look(self._tickets)
        world.run(now_ms)
        # Between events nothing changes: most turns find nothing to look at.
        if next_ms <= now_ms:
            self.watch.look(self._tickets)
        self._hear()

    def _hear(self) -> None:
        """Tell the jobs what became of them."""
        begun = []
        for row, at_ms in self._world.started():
            ticket = self._tickets.get(row)
            if ticket is not None and not ticket.began:
                ticket.began, ticket.began_ms = True, at_ms
                begun.append(ticket)
        ended = self._world.outcomes()
        changed = []
        for row, state, used_ms, end_ms in zip(
            ended.row.tolist(),
            ended.state.tolist(),
            ended.used_ms.tolist(),
            ended.end_ms.tolist(),
            strict=True,
        ):
            ticket = self._tickets.pop(row, None)
            if ticket is not None:
                ticket.state, ticket.used_ms = State(state), used_ms
                if ticket.run is not None:
                    ticket.run.end(self.watch.us(end_ms), used_ms)
                changed.append(ticket)
        # Jobs end, and so others begin.
        changed += [ticket for ticket in begun if ticket.state is None]
        for ticket in changed:
            ticket.queued(False)
        # A job that hears of its end may leave, and so come here again.
        for ticket in changed:
            ticket.changed()

    def _arm(self) -> None:
        """Come back when something happens next."""
        next_ms = self._world.next_ms
        due_us = None if math.isinf(next_ms) else self._since_us + math.ceil(next_ms * 1000)
        if self._timer is not None:
            if self._timer.pending and self._timer.due_us == due_us:
                return
            self._timer.cancel()
            self._timer = None
        if due_us is not None:
            self._timer = self._clock.call_at(due_us, self.turn, asyncio.get_running_loop())
