"""How jobs move from state to state: workers, holds, cancels and time limits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Protocol

from bqsim.engine.errors import map_error
from bqsim.engine.pool import CancelToken, EnginePool
from bqsim.errors import BigQueryError
from bqsim.jobs.job import Job
from bqsim.jobs.machine import State

if TYPE_CHECKING:
    from bqsim.engine.protocol import Session
    from bqsim.sim.clock import Clock

Work = Callable[["Session"], None]


class JobObserver(Protocol):
    """What the simulation adds to the life of jobs."""

    async def before_state(self, job: Job, state: State) -> None:
        """Called before ``job`` enters RUNNING or DONE; the job stays where it is until this returns.

        A cancel of the job cancels the wait. May raise ``BigQueryError``: the job fails with it.
        """
        ...


class JobRunner:
    """Runs the work of jobs in the engine pool, at most ``workers`` jobs at once; others stay PENDING."""

    def __init__(self, pool: EnginePool, clock: Clock, workers: int, observer: JobObserver | None) -> None:
        self.observer = observer
        self._pool = pool
        self._clock = clock
        self._workers = asyncio.Semaphore(workers)
        self._tasks: set[asyncio.Task[None]] = set()
        self._holds: dict[Job, asyncio.Future[None]] = {}

    def start(
        self, job: Job, work: Work, timeout_ms: int | None, *, finally_: Callable[[], None] | None = None
    ) -> None:
        """Run ``work`` for ``job`` in the background; ``finally_`` follows any end of it.

        After ``timeout_ms`` of simulated time the job is stopped.
        """
        job.cancel_token = CancelToken()
        timer = self._spawn(self._time_out(job, timeout_ms)) if timeout_ms else None
        task = self._spawn(self._run(job, work, finally_))
        if timer is not None:
            task.add_done_callback(lambda _: timer.cancel())

    def run_at_once(self, job: Job, work: Callable[[], None]) -> None:
        """Take ``job`` through its states with work that is no work."""
        job.move(State.RUNNING, self._clock.now_us())
        work()
        self.finish(job, None)

    def stop(self, job: Job, why: str) -> None:
        """Ask for the end of ``job``: a PENDING one is DONE at once, a RUNNING one when its work stops."""
        if job.done or job.stop_error is not None:
            return
        job.stop_error = stopped(why)
        if job.state is State.PENDING:
            self.finish(job, job.stop_error)
        if job.cancel_token is not None:
            job.cancel_token.cancel()
        hold = self._holds.get(job)
        if hold is not None:
            hold.cancel()

    def finish(self, job: Job, error: BigQueryError | None) -> None:
        """Make ``job`` DONE, unless it is."""
        if job.done:
            return
        if error is not None:
            job.error = error
            job.result = None
        job.move(State.DONE, self._clock.now_us())

    async def close(self) -> None:
        """Stop everything that runs."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _run(self, job: Job, work: Work, finally_: Callable[[], None] | None) -> None:
        error: BigQueryError | None = None
        try:
            await self._before(job, State.RUNNING)
            async with self._workers:
                if job.done:
                    return
                job.move(State.RUNNING, self._clock.now_us())
                # While the engine works a clock that is moved by hand waits.
                with self._clock.hold():
                    await self._pool.run(work, cancel=job.cancel_token)
            await self._before(job, State.DONE)
        except asyncio.CancelledError:
            error = stopped("The server is shutting down")
            raise
        except Exception as exc:
            error = map_error(exc)
        finally:
            if finally_ is not None:
                finally_()
            self.finish(job, job.stop_error or error)

    async def _before(self, job: Job, state: State) -> None:
        """Let the observer hold the job before ``state``; raises what the job is stopped with."""
        if self.observer is not None and not job.done:
            hold = self._holds[job] = asyncio.ensure_future(self.observer.before_state(job, state))
            try:
                await hold
            except asyncio.CancelledError:
                if job.stop_error is None:
                    raise
            finally:
                del self._holds[job]
        if job.stop_error is not None:
            raise job.stop_error

    async def _time_out(self, job: Job, timeout_ms: int) -> None:
        await self._clock.sleep(timeout_ms / 1000)
        self.stop(job, f"Job timed out after {timeout_ms / 1000:g} sec")


def stopped(why: str) -> BigQueryError:
    """What a stopped job ends with."""
    return BigQueryError("stopped", f"Job execution was cancelled: {why}")
