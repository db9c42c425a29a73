"""Quotas and limits of jobs: who may queue, who may run, and what they hold meanwhile."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from bqsim.errors import BigQueryError
from bqsim.jobs.charges import ON_DEMAND, charge_commit, job_facts
from bqsim.jobs.job import Job
from bqsim.sim.limits.gate import Enforcement, job_failure
from bqsim.sim.limits.limits import Held
from bqsim.sim.limits.model import Exceeded, Facts, Kind, Limit, Moment
from bqsim.sim.limits.store import Key
from bqsim.sim.limits.work import Working, working, works_for
from bqsim.sim.scenario.model import Quota

if TYPE_CHECKING:
    from bqsim.catalog.change import Change
    from bqsim.catalog.store import Catalog
    from bqsim.engine.protocol import Session
    from bqsim.jobs.runner import Work
    from bqsim.sim.timers import Timer
    from bqsim.sql.statements.table_statistics import TableStatistics

SECOND_US = 1_000_000
# Ends a job with an error, whatever it does.
Stop = Callable[[Job, BigQueryError], object]


@dataclass(slots=True)
class _Admitted:
    """What is known of a job from its creation to its end.

    ``refusal`` is what it fails with when it is to run.
    """

    enforcement: Enforcement
    facts: Facts
    queued_us: int
    queued: Held | None = None
    running: Held | None = None
    refusal: BigQueryError | None = None
    overdue: Timer | None = None


class JobLimits:
    """Holds jobs to quotas and limits. Belongs to one event loop; ``enforcement`` None lets all jobs go.

    ``reserved`` tells which jobs have slots of a reservation: what holds on demand is not for them.
    """

    def __init__(
        self,
        catalog: Catalog,
        stop: Stop,
        statistics: TableStatistics,
        reserved: Callable[[Job], bool] = lambda job: False,
    ) -> None:
        self._catalog = catalog
        self._reserved = reserved
        self._statistics = statistics
        self._stop = stop
        self._jobs: WeakKeyDictionary[Job, _Admitted] = WeakKeyDictionary()
        self._waiting: dict[Key, OrderedDict[asyncio.Future[None], None]] = {}
        self._enforcement: Enforcement | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def enforcement(self) -> Enforcement | None:
        return self._enforcement

    @enforcement.setter
    def enforcement(self, enforcement: Enforcement | None) -> None:
        self._enforcement = enforcement
        self._catalog.committing = None if enforcement is None else self._committing
        if enforcement is not None and self._freed not in enforcement.released:
            enforcement.released.append(self._freed)
        self._freed(None)

    # The life of a job

    def queued(self, job: Job) -> None:
        """A job is made. Raises ``BigQueryError`` when its request fails; other refusals are the job's."""
        enforcement = self._enforcement
        if enforcement is None or job.parent is not None or job.configuration.get("dryRun"):
            return
        sandbox = enforcement.is_sandbox(job.ref.project)
        facts = job_facts(job, self._catalog, sandbox=sandbox, reserved=self._reserved(job))
        admitted = _Admitted(enforcement, facts, enforcement.clock.now_us())
        now = admitted.queued_us
        held = enforcement.limits.enter(facts, now)
        exceeded = held if isinstance(held, Exceeded) else enforcement.limits.charge(facts, now)
        if isinstance(held, Held):
            admitted.queued = held
            admitted.facts = replace(facts, flags=facts.flags | held.spared)
        if exceeded is not None:
            self._leave(admitted)
            admitted.refusal = job_failure(exceeded)
            if _fails_request(enforcement.limits.limit(exceeded.limit)):
                raise admitted.refusal
        self._jobs[job] = admitted

    def holds(self, job: Job) -> bool:
        """Whether a job may have to wait for its turn, or to fail."""
        return job in self._jobs

    async def admitted(self, job: Job) -> None:
        """Return when a job may run. Raises ``BigQueryError``: it fails with that instead."""
        admitted = self._jobs.get(job)
        if admitted is None:
            return
        if admitted.refusal is not None:
            raise admitted.refusal
        # Meanwhile it may have come to a reservation, or away from one.
        flags = admitted.facts.flags
        flags = flags - ON_DEMAND if self._reserved(job) else flags | ON_DEMAND
        admitted.facts = replace(admitted.facts, flags=flags)
        facts = replace(admitted.facts, moment=Moment.RUN)
        self._loop = asyncio.get_running_loop()
        while (enforcement := self._enforcement) is not None:
            held = enforcement.enter(facts)
            if isinstance(held, Held):
                admitted.running = held
                break
            if not held.waits:
                raise job_failure(held)
            if held.limit not in job.deferments:
                job.deferments.append(held.limit)
            await self._turn(admitted, held, facts)
        if admitted.queued is not None:
            admitted.enforcement.leave(admitted.queued)
            admitted.queued = None
        if enforcement is not None:
            enforcement.charge(facts)
            self._limit_time(job, admitted, facts)

    def done(self, job: Job) -> None:
        """A job is DONE: what it holds is free."""
        admitted = self._jobs.pop(job, None)
        if admitted is not None:
            self._leave(admitted)
            if admitted.overdue is not None:
                admitted.overdue.cancel()

    def around(self, job: Job, work: Work) -> Work:
        """The work of a job, held against the limits while it goes on."""
        enforcement, admitted = self._enforcement, self._jobs.get(job)
        if enforcement is None or admitted is None:
            return work

        def limited(session: Session) -> None:
            facts = replace(admitted.facts, dataset="", table="", resource="", sizes={})
            with works_for(Working(enforcement, facts, session)):
                work(session)

        return limited

    def exhausted(self, effect: Quota, job: Job) -> BigQueryError | None:
        """What a job fails with when the limit of that name is used up; None while no limits hold."""
        enforcement = self._enforcement
        if enforcement is None:
            return None
        facts = replace(job_facts(job, self._catalog, reserved=self._reserved(job)), moment=Moment.RUN)
        return enforcement.used_up(effect, facts)

    # Waiting

    async def _turn(self, admitted: _Admitted, full: Exceeded, facts: Facts) -> None:
        """Wait until a place may be free, or the job has waited too long; then raise."""
        enforcement = admitted.enforcement
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[None] = loop.create_future()
        key = enforcement.limits.limit(full.limit).key(facts)
        waiting = self._waiting.setdefault(key, OrderedDict())
        waiting[turn] = None
        longest_s = enforcement.limits.cap("queued_seconds", facts)
        timer = None
        if longest_s is not None:
            end_us = admitted.queued_us + longest_s * SECOND_US + 1
            timer = enforcement.clock.call_at(end_us, lambda: _wake(turn), loop)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                # The place was for this job, which no longer wants it.
                self._freed((key,))
            raise
        finally:
            if timer is not None:
                timer.cancel()
            waiting.pop(turn, None)
            if not waiting and self._waiting.get(key) is waiting:
                del self._waiting[key]
        waited_us = enforcement.clock.now_us() - admitted.queued_us
        enforcement.charge(replace(facts, sizes={"queued_seconds": -(-waited_us // SECOND_US)}))

    def _freed(self, keys: tuple[Key, ...] | None) -> None:
        """Places became free, one in each of the counters ``keys``; None when nothing is as it was.

        From any thread; those that jobs held become free on the event loop.
        """
        loop = self._loop
        if loop is None or loop.is_closed():
            return
        if keys is None or any(key in self._waiting for key in keys):
            loop.call_soon_threadsafe(self._free, keys)

    def _free(self, keys: tuple[Key, ...] | None) -> None:
        for key in tuple(self._waiting) if keys is None else keys:
            waiting = self._waiting.get(key)
            while waiting:
                turn, _ = waiting.popitem(last=False)
                if turn.done():
                    continue
                _wake(turn)
                if keys is not None:
                    break

    def _leave(self, admitted: _Admitted) -> None:
        for held in (admitted.queued, admitted.running):
            if held is not None:
                admitted.enforcement.leave(held)
        admitted.queued = admitted.running = None

    # While it runs

    def _limit_time(self, job: Job, admitted: _Admitted, facts: Facts) -> None:
        """Stop a job that runs for too long."""
        enforcement = admitted.enforcement
        longest_s = enforcement.limits.cap("seconds", facts)
        if longest_s is None:
            return

        def stop() -> None:
            exceeded = enforcement.limits.charge(
                replace(facts, sizes={"seconds": longest_s + 1}), enforcement.clock.now_us()
            )
            if exceeded is not None:
                self._stop(job, job_failure(exceeded))

        admitted.overdue = enforcement.clock.call_later(longest_s, stop, asyncio.get_running_loop())

    def _committing(self, change: Change) -> None:
        work = working()
        if work is not None:
            charge_commit(work, change, self._statistics)


def _wake(turn: asyncio.Future[None]) -> None:
    if not turn.done():
        turn.set_result(None)


def _fails_request(limit: Limit) -> bool:
    """Whether a job beyond the limit is not made; else it is made and fails."""
    return limit.kind is Kind.CAP or (limit.kind is Kind.CONCURRENT and "project" in limit.scope)
