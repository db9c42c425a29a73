"""What befalls jobs: how they go from state to state, where they stay, how they fail and are cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bqsim.sim import gate
from bqsim.sim.clock import SimulationClock
from bqsim.sim.draws import Draws
from bqsim.sim.journal.book import Journal
from bqsim.sim.journal.events import Decision, JobEvent
from bqsim.sim.latency import Load
from bqsim.sim.progression.control import HELD
from bqsim.sim.progression.effects import Effects, alone, decision, failure_of
from bqsim.sim.progression.growth import Growth
from bqsim.sim.progression.life import UNKNOWN, Life, Origin
from bqsim.sim.progression.moves import Moves, moves_of
from bqsim.sim.progression.outcome import Cancel
from bqsim.sim.progression.providing import SlotControl
from bqsim.sim.progression.view import JobView
from bqsim.sim.progression.waits import Wait
from bqsim.sim.rules.book import Hit, RuleBook
from bqsim.sim.rules.classes import events_of
from bqsim.sim.rules.facts import CANCEL, JOB, SCOPE_HEADER, Facts, job_facts
from bqsim.sim.scenario.model import JobPlan, JobState, LatencySetup, Rule

if TYPE_CHECKING:
    from bqsim.sim.simulation import Simulation

_CANCELS = {
    "cancel_wins": Cancel.WINS,
    "cancel_loses": Cancel.LOSES,
    "cancel_too_late": Cancel.TOO_LATE,
}


class JobSimulation(SlotControl):
    """Decides about jobs by rules, plans and latencies; the observer of the service's jobs.

    ``host`` is that service, set before the first job. Methods for control are for any thread.
    """

    def __init__(self, *, clock: SimulationClock, draws: Draws, rules: RuleBook, journal: Journal) -> None:
        super().__init__(clock, draws)
        self.rules = rules
        self.journal = journal
        self._effects = Effects(clock, draws, (), None)
        self._asks = False
        self._cancels = False
        self._quiet = False
        self.changed()

    # What is in force

    @property
    def plans(self) -> tuple[JobPlan, ...]:
        return self._effects.plans

    @property
    def preset(self) -> str | None:
        """The latency preset that all jobs follow."""
        return self._effects.preset

    def configure(self, *, plans: Iterable[JobPlan] = (), latency: LatencySetup | None = None) -> None:
        """Put plans and latencies in place of the former. Jobs that wait by a plan which is gone go on."""
        self._effects = Effects(self.clock, self.draws, tuple(plans), latency)
        self.changed()

    def changed(self) -> None:
        """Rules were added or removed: jobs that wait by one that is gone go on. From any thread."""
        events = {event for rule in self.rules.rules for event in events_of(rule)}
        self._asks = JOB in events
        self._cancels = CANCEL in events
        self._quiet = not (events or self._effects or self._slots)
        if self._live:
            self._tell(self._recheck)

    def _recheck(self) -> None:
        for job in self._live.values():
            wait = job.life.wait
            if wait is not None and not self._keeps(wait):
                wait.end()

    def _keeps(self, wait: Wait) -> bool:
        """Whether what lets a job wait is still in force."""
        rule = wait.rule
        if rule is None or self._effects.has(rule):
            return True
        return any(rule is known for known in self.rules.rules) and not self._expired(rule)

    def _expired(self, rule: Rule) -> bool:
        ends_us = self.rules.ends_us(rule.id)
        return ends_us is not None and self.clock.now_us() >= ends_us

    # The observer

    def admit(self, job: JobView) -> None:
        """Raises ``BigQueryError`` for a job that is not to be made."""
        if self._slots is not None and not _is_unseen(job):
            self._slots.admit(job)

    def created(self, job: JobView) -> None:
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        if _is_unseen(job):
            life = job.life = Life(UNKNOWN)
            life.told = life.unseen = True
            return
        if self._quiet and not self.journal.followed and _is_plain():
            return
        origin = self._origin(job)
        if self._asks or self._effects or self._slots or origin.one_off:
            life = self._adopt(job, origin)
            self._begin(job, life)
        elif self._cancels or origin.scope:
            # What becomes of it is to be told in its scope.
            self._adopt(job, origin)
        self._write(job, "", "PENDING", origin)

    def before_state(self, job: JobView, state: str) -> Awaitable[None] | None:
        life: Life | None = job.life
        if life is None:
            if not self._asks and not self._effects and not self._slots:
                return None
            life = self._adopt(job, UNKNOWN)
        if life.failure is not None and (state == "DONE" or life.failed_at_once):
            raise life.failure
        waits = [] if life.told else list(self._waits(job, life, state))
        if life.held:
            life.held = False
            waits.append(Wait(HELD))
        if waits:
            return self._stay(job, life, state, waits)
        if life.failure is not None and state == "DONE":
            raise life.failure
        return None

    def after_work(self, job: JobView) -> None:
        life: Life | None = job.life
        if life is not None and life.late is not None:
            raise life.late

    def moved(self, job: JobView, before: str, after: str) -> None:
        life: Life | None = job.life
        if life is not None and life.unseen:
            job.life = None if after == "DONE" else life
            return
        if life is None and not job.noted and self._quiet and not self.journal.followed:
            if after == "DONE":
                self.journal.postpone(Moves(job))
            return
        if life is not None:
            life.left()
            if after == "RUNNING":
                if life.plan is not None and life.plan.growing_plan and "query" in job.configuration:
                    life.growth, life.clock = Growth(self.clock.now_us()), self.clock
            elif after == "DONE":
                self._done(job, life)
        self._write(job, before, after, life.origin if life is not None else UNKNOWN)
        if life is not None and after == "DONE" and not life.shows:
            job.life = None

    def leaving(self, job: JobView) -> asyncio.Future[None] | None:
        life: Life | None = job.life
        return life.leaving if life is not None else None

    def polled(self, job: JobView) -> bool:
        life: Life | None = job.life
        wait = life.wait if life is not None else None
        if life is None or wait is None or wait.polls is None:
            return False
        if wait.read():
            if life.at == len(life.waits) - 1:
                life.leaving = asyncio.get_running_loop().create_future()
            wait.end()
        return True

    def cancelling(self, job: JobView) -> Cancel:
        life: Life | None = job.life
        call = gate.current()
        one_off = call.notes.get("one_off", ()) if call is not None else ()
        if not (life is not None or self._cancels or one_off):
            return Cancel.WINS
        if life is None:
            life = self._adopt(job, UNKNOWN)
        facts = self._facts(job, life, str(job.state), CANCEL)
        hits = [*alone((*one_off, *life.origin.one_off), facts), *self.rules.match(facts)]
        if not hits:
            return Cancel.WINS
        hit = hits[0]
        assert isinstance(hit.effect, JobState)
        life.decisions.append(decision(hit))
        outcome = _CANCELS[hit.effect.outcome]
        if outcome is Cancel.TOO_LATE:
            self.let_go(life)
        return outcome

    # Rules at the gate

    def about(self, project: str, job_id: str) -> Facts | None:
        """The facts of a job, in the state that it is in; None when there is none."""
        job = self.host.find(project, job_id) if self.host is not None else None
        if job is None:
            return None
        return self._facts(job, job.life or Life(UNKNOWN), str(job.state), JOB)

    # One job

    def _origin(self, job: JobView) -> Origin:
        if job.parent is not None:
            parent: Life | None = job.parent.life
            return parent.origin if parent is not None else UNKNOWN
        call = gate.current()
        return Origin.of(call) if call is not None else UNKNOWN

    def _facts(self, job: JobView, life: Life, state: str, event: str) -> Facts:
        origin = life.origin
        return job_facts(
            project=job.project,
            job_id=job.job_id,
            configuration=job.configuration,
            state=state,
            event=event,
            transport=origin.transport,
            method=origin.method,
            caller=job.caller,
            clients=origin.clients,
            headers=origin.headers,
            scope=origin.scope,
            statement_type=job.statement_type,
        )

    def _hits(self, life: Life, facts: Facts) -> Sequence[Hit]:
        hits = self.rules.match(facts) if self._asks else []
        one_off = life.origin.one_off
        return [*alone(one_off, facts), *hits] if one_off else hits

    def _begin(self, job: JobView, life: Life) -> None:
        """Decide how a new job goes on, and whether it fails before it begins."""
        facts = self._facts(job, life, "PENDING", JOB)
        hits = self._hits(life, facts)
        life.fingerprint = facts.fingerprint
        self._effects.begin(life, facts, hits)
        for hit in hits:
            life.decisions.append(decision(hit))
            failed = failure_of(hit.effect, facts.resource)
            if failed is not None:
                life.failure, life.failed_at_once = failed, True

    def _waits(self, job: JobView, life: Life, state: str) -> Iterable[Wait]:
        """What the job waits for before ``state``; what it fails with is left in its record."""
        facts = self._facts(job, life, state, JOB)
        hits = self._hits(life, facts)
        if self._effects or life.progress is not None:
            yield from self._effects.usual(life, facts, state)
        for hit in hits:
            failed = failure_of(hit.effect, facts.resource)
            if failed is not None:
                life.decisions.append(decision(hit))
                if getattr(hit.effect, "applied", False):
                    life.late = failed
                else:
                    life.failure = failed
                continue
            wait = self._effects.wait(hit, lasting=hit.rule in life.origin.one_off)
            if wait is None:
                self._effects.give(life, hit)
                life.decisions.append(decision(hit))
            else:
                yield wait
        if self._slots is not None:
            about = self._facts(job, life, "PENDING", JOB)
            yield from self._slots.waits(job, life, state, about, lambda: self._load(job, life, needed=True))

    async def _stay(self, job: JobView, life: Life, state: str, waits: list[Wait]) -> None:
        life.waits, life.at = waits, 0
        for at, wait in enumerate(waits):
            life.at = at
            if not life.told and not wait.off and self._keeps(wait):
                await self._wait(job, life, wait)
        life.at = len(waits)
        if life.failure is not None and (state == "DONE" or life.failed_at_once):
            raise life.failure

    async def _wait(self, job: JobView, life: Life, wait: Wait) -> None:
        if wait.model is not None and wait.uniforms is not None:
            load = await self._load(job, life, needed=wait.needs_load)
            wait.seconds = wait.model.draw(wait.uniforms, load)
        if wait.first is not None:
            await wait.first()
        over = wait.begin(self.clock)
        latency = round(wait.seconds, 6) if wait.seconds is not None else None
        if wait.made is not None:
            life.decisions.append(replace(wait.made, latency_s=latency))
        life.left()
        if wait.deferments:
            life.deferments = wait.deferments
        if wait.polls is not None:
            job.wake()
        expiry = self._expiry(wait)
        try:
            await over
        finally:
            wait.end()
            if expiry is not None:
                expiry.cancel()
        if life.growth is not None:
            life.grow(self.clock.now_us())

    def _expiry(self, wait: Wait) -> Any:
        """The timer that ends a wait with its rule."""
        rule = wait.rule
        if rule is None or rule.ttl_s is None:
            return None
        ends_us = self.rules.ends_us(rule.id)
        return None if ends_us is None else self.clock.call_at(ends_us, wait.end, asyncio.get_running_loop())

    async def _load(self, job: JobView, life: Life, *, needed: bool) -> Load:
        if needed and life.load is None and self.host is not None:
            life.load = await self.host.estimate(job)
        size, statement_type = life.load or (0, "")
        return Load(
            bytes=size,
            time_s=(self.clock.now_us() - self._effects.since_us) / 1e6,
            statement_type=statement_type or job.statement_type or "",
        )

    def _done(self, job: JobView, life: Life) -> None:
        self._live.pop((job.project, job.job_id), None)
        self._gone(job, life)
        if life.growth is not None:
            life.growth.see(self.clock.now_us(), 1.0, at_once=True)

    def _write(self, job: JobView, before: str, after: str, origin: Origin) -> None:
        if not job.noted:
            job.noted = True
            for event in moves_of(job, without=after):
                self.journal.append(event)
        life: Life | None = job.life
        decisions: tuple[Decision, ...] = ()
        if life is not None:
            decisions, life.decisions = tuple(life.decisions), []
        error = job.error if after == "DONE" else None
        self.journal.append(
            JobEvent(
                self.clock.now_us(),
                job.job_id,
                job.project,
                job.location,
                str(before),
                str(after),
                error.reason.name if error is not None else "",
                error.message if error is not None else "",
                life.fingerprint if life is not None else "",
                origin.scope or job.project,
                decisions,
            )
        )


def _is_unseen(job: JobView) -> bool:
    """Whether a call made the job, or its script, that the simulation has no say in."""
    if job.parent is not None:
        parent: Life | None = job.parent.life
        return parent is not None and parent.unseen
    return gate.is_unseen()


def _is_plain() -> bool:
    """Whether the call that makes a job says nothing of it to the simulation."""
    call = gate.current()
    return call is None or not (call.scope or SCOPE_HEADER in call.headers or "one_off" in call.notes)


def jobs_of(simulation: Simulation) -> JobSimulation:
    """The jobs' part of ``simulation``, which follows the changes of its rules."""
    jobs = JobSimulation(
        clock=simulation.clock, draws=simulation.draws, rules=simulation.rules, journal=simulation.journal
    )
    simulation.listeners.append(jobs.changed)
    simulation.jobs = jobs
    return jobs
