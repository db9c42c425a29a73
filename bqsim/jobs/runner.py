"""How jobs move from state to state: workers, holds, cancels and time limits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import Context
from typing import TYPE_CHECKING, Any, Protocol

from bqsim.engine.errors import map_error
from bqsim.engine.pool import CancelToken, EnginePool
from bqsim.errors import BigQueryError
from bqsim.jobs.job import Job
from bqsim.jobs.machine import State
from bqsim.sim.draws import begin_turn, turn

if TYPE_CHECKING:
    from bqsim.engine.protocol import Session
    from bqsim.jobs.limits import JobLimits
    from bqsim.sim.clock import Clock
    from bqsim.sim.progression.outcome import Cancel

Work = Callable[["Session"], None]


class JobObserver(Protocol):
    """What the simulation adds to the life of jobs. All methods are called on the event loop.

    ``job.life`` is the observer's own record of a job: whatever it puts there dies with the job.
    """

    def admit(self, job: Job) -> None:
        """``job`` is about to be made. May raise ``BigQueryError``: it is not, and its request fails."""
        ...

    def reserved(self, job: Job) -> bool:
        """Whether ``job`` has, or would have, slots of a reservation."""
        ...

    def created(self, job: Job) -> None:
        """``job`` is PENDING. Called within the API call that makes it; child jobs are made by none."""
        ...

    def before_state(self, job: Job, state: State) -> Awaitable[None] | None:
        """``job`` is about to enter RUNNING, or, RUNNING, to do its work and then to be DONE.

        The job stays where it is, without a worker, until what this returns is over; a cancel ends that. It
        and this may raise ``BigQueryError``: the job fails with it and does no work.
        """
        ...

    def after_work(self, job: Job) -> None:
        """The work is done and committed. May raise ``BigQueryError``: the job fails with it nevertheless."""
        ...

    def moved(self, job: Job, before: State, after: State) -> None:
        """``job`` is in ``after``, with its error if that is DONE."""
        ...

    def leaving(self, job: Job) -> asyncio.Future[None] | None:
        """What a read of ``job`` awaits, so that it does not see a state that was read often enough."""
        ...

    def polled(self, job: Job) -> bool:
        """Somebody reads ``job``, which is not DONE; whether the read is answered without a wait."""
        ...

    def cancelling(self, job: Job) -> Cancel:
        """Somebody cancels ``job``, which is not DONE: what comes of that."""
        ...


class JobRunner:
    """Runs the work of jobs in the engine pool, at most ``workers`` jobs at once; others stay PENDING.

    Jobs that the observer holds take no worker.
    """

    def __init__(self, pool: EnginePool, clock: Clock, workers: int, observer: JobObserver | None) -> None:
        self.observer = observer
        self.limits: JobLimits | None = None
        self._pool = pool
        self._clock = clock
        self._workers = asyncio.Semaphore(workers)
        self._tasks: set[asyncio.Task[None]] = set()
        self._holds: dict[Job, asyncio.Task[Any]] = {}
        self.loop: asyncio.AbstractEventLoop | None = None

    def admit(self, job: Job) -> None:
        """Ask the observer whether ``job`` may be made. Raises ``BigQueryError`` when it may not."""
        if self.observer is not None:
            self.observer.admit(job)

    def reserved(self, job: Job) -> bool:
        """Whether ``job`` has, or would have, slots of a reservation."""
        return self.observer is not None and self.observer.reserved(job)

    def created(self, job: Job) -> None:
        """Tell the observer of a new job; before anything else happens to it."""
        if self.observer is not None:
            self.observer.created(job)

    def start(
        self, job: Job, work: Work, timeout_ms: int | None, *, finally_: Callable[[], None] | None = None
    ) -> None:
        """Run ``work`` for ``job`` in the background; ``finally_`` follows any end of it.

        After ``timeout_ms`` of simulated time the job is stopped.
        """
        job.cancel_token = CancelToken()
        self.loop = asyncio.get_running_loop()
        task = self.spawn(self._run(job, work, finally_))
        if timeout_ms:
            seconds = timeout_ms / 1000
            timer = self._clock.call_later(
                seconds,
                lambda: self.stop(job, f"Job timed out after {seconds:g} sec"),
                self.loop,
            )
            task.add_done_callback(lambda _: timer.cancel())

    def run_at_once(self, job: Job, work: Callable[[], None]) -> None:
        """Take ``job`` through its states with work that is no work; at once, unless it has a ``life``."""
        if job.life is not None:
            job.cancel_token = CancelToken()
            self.spawn(self._run(job, lambda _: work(), None))
            return
        self.move(job, State.RUNNING)
        work()
        self.finish(job, None)

    def cancel(self, job: Job) -> bool:
        """A user cancels ``job``. False when the answer is to wait until the job is DONE."""
        if job.done:
            return True
        outcome = self.observer.cancelling(job).value if self.observer is not None else "wins"
        if outcome == "wins":
            self.stop(job, "User requested cancellation")
        return outcome != "too_late"

    def stop(self, job: Job, why: str) -> None:
        """Ask for the end of ``job``: a PENDING one is DONE at once, a RUNNING one when its work stops."""
        self.end(job, stopped(why))

    def end(self, job: Job, error: BigQueryError) -> None:
        """As :meth:`stop`; the job ends with ``error``."""
        if job.done or job.stop_error is not None:
            return
        job.stop_error = error
        if job.state is State.PENDING and job.parent is None:
            self.finish(job, job.stop_error)
        if job.cancel_token is not None:
            job.cancel_token.cancel()
        hold = self._holds.get(job)
        if hold is not None:
            hold.cancel()
        for child in job.children:
            self.end(child, error)

    def move(self, job: Job, state: State, time_us: int | None = None) -> None:
        """Let ``job`` enter ``state``, at ``time_us`` or now."""
        before = job.state
        job.move(state, self._clock.now_us() if time_us is None else time_us)
        if self.observer is not None:
            self.observer.moved(job, before, state)

    def finish(self, job: Job, error: BigQueryError | None, time_us: int | None = None) -> None:
        """Make ``job`` DONE, unless it is."""
        if job.done:
            return
        if error is not None:
            job.error = error
            job.result = None
        self.move(job, State.DONE, time_us)
        if self.limits is not None:
            self.limits.done(job)

    async def close(self) -> None:
        """Stop everything that runs."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run ``work`` in a task of its own, which is no part of any API call."""
        context = Context()
        made_by = turn()
        if made_by is not None:
            context.run(begin_turn, made_by.of("job"))
        task = asyncio.get_running_loop().create_task(work, context=context)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _run(self, job: Job, work: Work, finally_: Callable[[], None] | None) -> None:
        error: BigQueryError | None = None
        try:
            await self.before(job, State.RUNNING)
            if self.limits is not None and self.limits.holds(job):
                await self.held(job, self.limits.admitted(job))
            async with self._workers:
                if job.done:
                    return
                self.move(job, State.RUNNING)
                held = self.asked(job, State.DONE)
                if held is None:
                    await self._work(job, work)
            if held is not None:
                await self.held(job, held)
                await self.held(job, self._workers.acquire())
                try:
                    await self._work(job, work)
                finally:
                    self._workers.release()
        except asyncio.CancelledError:
            error = stopped("The server is shutting down")
            raise
        except Exception as exc:
            error = map_error(exc)
        finally:
            if finally_ is not None:
                finally_()
            self.finish(job, job.stop_error or error)

    async def _work(self, job: Job, work: Work) -> None:
        if self.limits is not None:
            work = self.limits.around(job, work)
        # While the engine works a clock that is moved by hand waits.
        with self._clock.hold():
            await self._pool.run(work, cancel=job.cancel_token)
        if job.stop_error is not None and job.wrote:
            # What was written stays: the cancel came too late.
            job.stop_error = None
        if self.observer is not None:
            self.observer.after_work(job)

    def asked(self, job: Job, state: State) -> Awaitable[None] | None:
        """What the observer lets ``job`` wait for before ``state``."""
        return self.observer.before_state(job, state) if self.observer is not None else None

    async def before(self, job: Job, state: State) -> None:
        """Let the observer hold the job before ``state``; raises what the job is stopped with."""
        if not job.done:
            waiting = self.asked(job, state)
            if waiting is not None:
                await self.held(job, waiting)
        if job.stop_error is not None:
            raise job.stop_error

    async def held(self, job: Job, waiting: Awaitable[object]) -> None:
        """Await ``waiting``, unless the job is stopped meanwhile: then raise what it is stopped with."""
        task = asyncio.current_task()
        assert task is not None
        self._holds[job] = task
        try:
            await waiting
        except asyncio.CancelledError:
            if job.stop_error is None:
                raise
            task.uncancel()
        finally:
            del self._holds[job]
        if job.stop_error is not None:
            raise job.stop_error


def stopped(why: str) -> BigQueryError:
    """What a stopped job ends with."""
    return BigQueryError("stopped", f"Job execution was cancelled: {why}")
