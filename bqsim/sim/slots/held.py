"""Jobs that are held by slots: PENDING until they may begin, RUNNING as long as their slots let them."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from bqsim.errors import BigQueryError, invalid
from bqsim.sim.clock import Clock
from bqsim.sim.draws import Draws
from bqsim.sim.effects.texts import job_text
from bqsim.sim.journal.events import Decision
from bqsim.sim.latency.base import Load
from bqsim.sim.limits.profile.texts import quota
from bqsim.sim.progression.life import Life, SlotUse
from bqsim.sim.progression.view import JobView
from bqsim.sim.progression.waits import Wait
from bqsim.sim.rules.facts import Facts
from bqsim.sim.rules.sqltext import statement_type
from bqsim.sim.scenario.capacity import NO_RESERVATION, Capacity
from bqsim.sim.scenario.model import SlotWork

from .amounts import SOURCE, Amounts, Loads, labelled
from .jobs import Source, State
from .live import LiveWorld, Ticket, Work, ready
from .remembered import SlotMemory
from .routing import SHARED_POOL, reservation_of
from .world import PlaceNow

# Queries that are looked at before they are queued, at once.
LOOKED_AT = 32
# Statements whose work is that of their child jobs.
_PARENTS = frozenset({"SCRIPT", "CALL"})
# Statements that change the capacity: who makes room for jobs does not wait behind them.
_CHANGES = frozenset(
    f"{verb}_{kind}"
    for verb in ("CREATE", "ALTER", "DROP")
    for kind in ("RESERVATION", "ASSIGNMENT", "CAPACITY")
)
_ASKED = re.compile(
    r"(?:projects/(?P<project>[^/]+)/locations/(?P<location>[^/]+)/reservations/(?P<name>[^/]+)"
    r"|(?P<project2>[^/]+):(?P<location2>[^/.:]+)\.(?P<name2>[^/.:]+))\Z"
)
_QUEUE_FULL = quota(
    "Your project and region exceeded quota for max number of jobs that can be queued per project"
)
# How a job fails that is to fail; clients submit such jobs again.
FAILING = "jobBackendError"
# How a job fails that its world ends with a state.
_FAILURES: Mapping[State, tuple[str, str]] = {
    State.QUEUE_FULL: ("quotaExceeded", _QUEUE_FULL),
    State.QUEUE_TIMEOUT: ("timeout", "Query has been queued for {queued:g} seconds, limit is {queued:g}"),
    State.ADMISSION_DENIED: (
        "quotaExceeded",
        "ADMISSION_DENIED: The maximum concurrency of {place} is reached, and queueing is turned off.",
    ),
    State.FAILED: ("resourcesExceeded", "Resources exceeded during query execution: {why}"),
    State.TIMED_OUT: (
        "timeout",
        "Operation timed out after {hours:.1f} hours. Consider reducing the amount of work performed by your "
        "operation so that it can complete within this limit.",
    ),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What the configuration of a job says of slots; ``reservation`` is as it is written."""

    job_type: str
    batch: bool
    max_slots: float
    reservation: str

    @classmethod
    def by(cls, configuration: Mapping[str, Any]) -> Asked:
        """Raises ``BigQueryError`` for what is wrong with it."""
        job_type = next((t for t in ("QUERY", "LOAD", "COPY", "EXTRACT") if t.lower() in configuration), "")
        query = configuration.get("query")
        batch = isinstance(query, Mapping) and query.get("priority") == "BATCH"
        given = configuration.get("maxSlots")
        try:
            most = int(given) if given is not None else 0
        except (TypeError, ValueError):
            raise invalid(f'Invalid value for maxSlots: "{str(given)[:60]}" is not a valid value') from None
        if most < 0:
            raise invalid(f'Invalid value for maxSlots: "{most}" is not a valid value', "maxSlots")
        reservation = str(configuration.get("reservation") or "")
        if reservation not in ("", NO_RESERVATION) and _ASKED.match(reservation) is None:
            raise invalid(
                f'Invalid value for reservation: "{reservation[:200]}" is not a valid value', "reservation"
            )
        return cls(job_type, batch, float(most) if most else float("inf"), reservation)


class Held:
    """One job, from when it waits for slots to when it needs none any more."""

    __slots__ = ("had_ms", "job", "life", "ticket", "use", "wait")

    def __init__(self, job: JobView, life: Life, use: SlotUse, wait: Wait) -> None:
        self.job = job
        self.life = life
        self.use = use
        self.wait: Wait | None = wait
        self.ticket: Ticket | None = None
        # Slot time that it had of former capacities.
        self.had_ms = 0.0

    def changed(self) -> None:
        """The ticket has: let the job go on, or fail."""
        ticket, wait, life = self.ticket, self.wait, self.life
        if ticket is None:
            return
        if ticket.state is not None:
            self.use.slot_ms = round(self.had_ms + ticket.used_ms)
            if ticket.state in _FAILURES and life.failure is None:
                life.failure = failure(ticket)
                life.failed_at_once = not ticket.began
        self.wait = None
        if wait is not None:
            wait.end()

    def leave(self) -> None:
        """The job needs no slots any more."""
        if self.ticket is not None:
            self.ticket.leave()


def failure(ticket: Ticket) -> BigQueryError:
    """What a job fails with when its world has ended it."""
    assert ticket.state is not None
    if ticket.state is State.FAILED and not ticket.why:
        # Its work says so.
        return BigQueryError(FAILING, job_text(FAILING))
    reason, text = _FAILURES[ticket.state]
    capacity = ticket.world.capacity
    queues = capacity.queues
    asked = ticket.source.reservation
    place = f"project {ticket.source.project}" if asked == NO_RESERVATION else f"reservation {asked}"
    said = text.format(
        queued=queues.batch_timeout_s if ticket.work.batch else queues.interactive_timeout_s,
        hours=capacity.run_limit_s / 3600,
        place=place,
        why=ticket.why,
    )
    return BigQueryError(reason, said)


class JobSlots:
    """Gives the jobs of a server slots, by a capacity and what work they are. Belongs to one event loop.

    ``home`` is the project that administers reservations which name none, ``memory`` remembers what they had.
    """

    def __init__(self, clock: Clock, draws: Draws, home: str, memory: SlotMemory | None = None) -> None:
        self.home = home
        self._memory = memory or SlotMemory()
        self._clock = clock
        self._draws = draws
        self._world: LiveWorld | None = None
        self._amounts: Amounts | None = None
        self.rules: tuple[SlotWork, ...] = ()
        # Worlds of former capacities, while jobs run in them.
        self._former: list[LiveWorld] = []
        self._waiting: dict[Held, None] = {}
        self._running: dict[Held, None] = {}
        self._sources: dict[tuple[str, str, str, str, str], Source] = {}
        self._there: dict[str, Capacity] = {}
        self._looking = asyncio.Semaphore(LOOKED_AT)

    @property
    def capacity(self) -> Capacity | None:
        """What is in force."""
        return self._world.capacity if self._world is not None else None

    @property
    def over(self) -> bool:
        """Whether no job has or will have slots."""
        return self._world is None and not self._former

    def made(self, capacity: Capacity) -> LiveWorld:
        """A world that is not in force yet; what computes it is loaded, and compiled, by that. From any
        thread."""
        ready()
        return LiveWorld(capacity, self._clock, self._draws.seed)

    def provide(self, world: LiveWorld | None, rules: tuple[SlotWork, ...]) -> None:
        """Put a world in force, or none. Jobs that run go on with slots of the new one, those that wait are
        queued anew. Without a new one those that run keep the slots that they had."""
        if self._amounts is None or rules != self.rules:
            self._amounts, self.rules = Amounts(self._clock, self._draws, rules), rules
        former, capacity = self._world, world.capacity if world is not None else None
        if former is not None and capacity == former.capacity:
            return
        if former is not None:
            # Who begins until now, runs.
            former.turn()
        self._world = world
        self._memory.begin(self._clock.now_us(), capacity)
        if former is not None:
            former.watch.learn(None)
        if world is not None:
            world.watch.learn(self._memory)
        self._sources, self._there = {}, {}
        waiting, self._waiting = self._waiting, {}
        begun, anew = list(self._running), []
        for held in waiting:
            ticket = held.ticket
            if ticket is not None and ticket.began:
                begun.append(held)
            elif ticket is not None and not ticket.over:
                held.ticket = None
                anew.append((held, ticket))
        # Those that wait leave first: no room there is for them any more.
        if former is not None:
            former.leave(*(ticket for _, ticket in anew))
        if world is None:
            # They keep what they have, whatever comes.
            self._running = {}
        else:
            world.resume([made for held in begun if (made := self._moved(held, world))])
        for held, ticket in anew:
            self._again(held, ticket.work)
        if former is not None:
            self._former.append(former)
            self._forget()

    # A job

    def admit(self, job: JobView) -> None:
        """Raises ``BigQueryError`` for a job that is not made: it asks for what there is not, or its queue is
        full."""
        world = self._world
        if world is None or job.parent is not None:
            return
        asked = Asked.by(job.configuration)
        source = self._source(job, asked)
        if asked.job_type != "QUERY":
            return
        queues = world.capacity.queues
        most = queues.batch if asked.batch else queues.interactive
        project, own = world.waiting(source, batch=asked.batch)
        if own and project >= most and not _changes_capacity(job):
            raise BigQueryError("quotaExceeded", _QUEUE_FULL)

    def reserved(self, job: JobView) -> bool:
        """Whether a job has, or would have, slots of a reservation."""
        if self._world is None or job.done:
            return job.slots is not None and bool(job.slots.reservation_id)
        try:
            return self._source(job, Asked.by(job.configuration)).reservation != NO_RESERVATION
        except BigQueryError:
            return False

    def waits(self, job: JobView, life: Life, state: str, facts: Facts, load: Loads) -> Iterator[Wait]:
        """What a job waits for before ``state``."""
        if state == "DONE":
            held = life.slots
            if held is not None and held.ticket is not None and not held.ticket.over:
                held.wait = Wait(f"its work, with {_place(held.ticket)}", ended=held.leave)
                yield held.wait
        elif self._world is not None and not job.cached:
            yield self._queue(job, life, facts, load)

    def _queue(self, job: JobView, life: Life, facts: Facts, load: Loads) -> Wait:
        wait = Wait("slots")

        def ended() -> None:
            held = life.slots
            if held is not None and held.ticket is not None:
                self._waiting.pop(held, None)
                if not held.ticket.began:
                    held.leave()
                elif not held.ticket.over and held.ticket.world is self._world:
                    self._running[held] = None

        async def first() -> None:
            found = await self._work(job, facts, load)
            world = self._world
            if found is None or wait.off or world is None or job.done:
                wait.off = True
                return
            work, rule = found
            use = job.slots = SlotUse(units=math.ceil(work.units))
            held = life.slots = Held(job, life, use, wait)
            self._enter(held, work)
            wait.ended = ended
            wait.made = Decision(rule, "slots", SOURCE)

        wait.first = first
        return wait

    def _enter(self, held: Held, work: Work) -> None:
        world, job = self._world, held.job
        if world is None:
            if held.wait is not None:
                held.wait.end()
            return
        source = self._source(job, Asked.by(job.configuration))
        self._tell_of(held, source, world)
        held.ticket = world.enter(source, work, held.changed, held.use.runs)
        self._waiting[held] = None
        if held.wait is not None:
            held.wait.why = f"a turn with {_place(held.ticket)}"

    def _tell_of(self, held: Held, source: Source, world: LiveWorld) -> None:
        found = world.capacity.reservations.get(source.reservation)
        held.use.reservation_id = held.use.edition = ""
        if found is not None:
            held.use.reservation_id = (
                f"{found.admin_project or self.home}:{found.location}.{source.reservation}"
            )
            held.use.edition = found.edition

    def _moved(self, held: Held, world: LiveWorld) -> Ticket | None:
        """The ticket of a job that runs for another world; None when it is over, or stays where it is: it has
        asked for a reservation that is not there."""
        ticket = held.ticket
        if ticket is None or ticket.over:
            return None
        try:
            source = self._source(held.job, Asked.by(held.job.configuration))
        except BigQueryError:
            return None
        self._tell_of(held, source, world)
        # What it hears of its former world is not about it any more.
        held.ticket = None
        made = held.ticket = ticket.moved(world, source)
        held.had_ms += ticket.used_ms
        if held.wait is not None:
            held.wait.why = f"its work, with {_place(made)}"
        return made

    def _again(self, held: Held, work: Work) -> None:
        """Queue a job anew. It fails when it asked for a reservation that there is no more."""
        try:
            self._enter(held, work)
        except BigQueryError as error:
            held.life.failure, held.life.failed_at_once = error, True
            if held.wait is not None:
                held.wait.end()

    async def _work(self, job: JobView, facts: Facts, load: Loads) -> tuple[Work, str] | None:
        """The work of a job, and the rule that tells it; None when it needs no slots of its own."""
        if facts.statement_type in _CHANGES:
            return None
        asked = Asked.by(job.configuration)
        own, rule = labelled(job.configuration), "labels"
        if own is None:
            if job.parent is not None and labelled(job.parent.configuration) is not None:
                return None
            if facts.statement_type in _PARENTS or self._amounts is None:
                return None
            own, rule = await self._amounts.of(facts, lambda: self._looked_at(load))
        if own is None:
            return None
        return replace(own, max_slots=asked.max_slots, batch=asked.batch), rule

    async def _looked_at(self, load: Loads) -> Load:
        async with self._looking:
            return await load()

    def gone(self, job: JobView, life: Life) -> None:
        """A job is DONE: its slots are free."""
        held = life.slots
        if held is None:
            return
        self._waiting.pop(held, None)
        self._running.pop(held, None)
        held.leave()
        life.slots = None
        if job.parent is not None:
            if job.parent.slots is None:
                job.parent.slots = SlotUse()
            job.parent.slots.slot_ms += held.use.slot_ms
            job.parent.slots.runs += held.use.runs
        if self._former:
            self._forget()

    def _forget(self) -> None:
        for world in [one for one in self._former if not len(one)]:
            world.close()
            self._former.remove(world)

    # Who goes where

    def _source(self, job: JobView, asked: Asked) -> Source:
        """Where a job goes: assignments hold for the location that they are in."""
        key = (job.project, asked.job_type, job.caller, job.location.casefold(), asked.reservation)
        found = self._sources.get(key)
        if found is None:
            found = self._sources[key] = self._routed(job, asked)
        return found

    def _routed(self, job: JobView, asked: Asked) -> Source:
        there = self._capacity_in(job.location.casefold())
        wanted = asked.reservation
        if wanted not in ("", NO_RESERVATION):
            wanted = self._named(wanted, job, there)
        source = Source(job.project, asked.job_type, job.caller, wanted)
        name = reservation_of(there, source)
        return replace(source, reservation=name if name and name != SHARED_POOL else NO_RESERVATION)

    def _named(self, written: str, job: JobView, there: Capacity) -> str:
        """The name of the reservation that a job asks for. Raises what it is told when there is none."""
        parts = _ASKED.match(written)
        assert parts is not None
        name = parts["name"] or parts["name2"]
        project = parts["project"] or parts["project2"]
        location = parts["location"] or parts["location2"]
        found = there.reservations.get(name)
        if (
            found is None
            or location.casefold() != job.location.casefold()
            or (found.admin_project or project) != project
        ):
            shown = f"{project}:{location}.{name}"
            raise BigQueryError(
                "accessDenied",
                f"Access Denied: Reservation {shown}: Permission bigquery.reservations.use denied on "
                f"reservation {shown} (or it may not exist).",
            )
        return name

    def _capacity_in(self, location: str) -> Capacity:
        found = self._there.get(location)
        if found is None:
            assert self._world is not None
            whole = self._world.capacity
            own = {
                name: one for name, one in whole.reservations.items() if one.location.casefold() == location
            }
            known = (*own, NO_RESERVATION)
            assignments = tuple(one for one in whole.assignments if one.reservation in known)
            found = replace(whole, reservations=own, assignments=assignments)
            self._there[location] = found
        return found

    # What it is like

    def places(self) -> list[PlaceNow]:
        """What each place of the capacity in force has now."""
        return self._world.places() if self._world is not None else []


def _changes_capacity(job: JobView) -> bool:
    query = job.configuration.get("query")
    sql = query.get("query") if isinstance(query, Mapping) else None
    return isinstance(sql, str) and statement_type(sql) in _CHANGES


def _place(ticket: Ticket) -> str:
    name = ticket.source.reservation
    return "slots on demand" if name == NO_RESERVATION else f"slots of the reservation {name}"
