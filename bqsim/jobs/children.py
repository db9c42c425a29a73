"""Child jobs of scripts: one for each statement, begun before it runs."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from bqsim.engine.protocol import Interrupted
from bqsim.errors import BigQueryError
from bqsim.jobs.job import Job
from bqsim.jobs.machine import State
from bqsim.jobs.runner import stopped

if TYPE_CHECKING:
    from bqsim.jobs.index import JobIndex
    from bqsim.jobs.making import JobMaker
    from bqsim.jobs.runner import JobRunner
    from bqsim.sim.clock import Clock


class Children:
    """Takes child jobs through their states. Called by the threads that run scripts."""

    def __init__(self, maker: JobMaker, index: JobIndex, runner: JobRunner, clock: Clock) -> None:
        self._maker = maker
        self._index = index
        self._runner = runner
        self._clock = clock

    def begin(self, parent: Job, configuration: dict[str, Any]) -> Job:
        """A new child job, RUNNING; unless the observer has it fail, then it still has no error."""
        now = self._clock.now_us()
        child = self._maker.child(parent, len(parent.children), configuration, now)
        child.cancel_token = parent.cancel_token
        self._index.add(child)
        parent.children.append(child)
        return child

    def enter(self, child: Job) -> None:
        """Let ``child`` run when nothing holds it any more.

        Raises what fails it, and ``Interrupted`` when the script is stopped.
        """
        loop = self._runner.loop
        if self._runner.observer is None or loop is None:
            child.move(State.RUNNING, self._clock.now_us())
            return
        entered: Future[None] = Future()
        loop.call_soon_threadsafe(self._begin_entering, child, entered)
        entered.result()
        if child.cancel_token is not None:
            child.cancel_token.check()

    def _begin_entering(self, child: Job, entered: Future[None]) -> None:
        def tell(task: asyncio.Task[None]) -> None:
            error = Interrupted() if task.cancelled() else task.exception()
            if error is not None:
                entered.set_exception(error)
            else:
                entered.set_result(None)

        self._runner.spawn(self._held(child)).add_done_callback(tell)

    async def _held(self, child: Job) -> None:
        runner, hold = self._runner, self._clock.hold()
        runner.created(child)
        # A script that waits does no work: time may go on meanwhile.
        for state in (State.RUNNING, State.DONE):
            waiting = runner.asked(child, state)
            if waiting is not None:
                hold.drop()
                try:
                    await runner.held(child, waiting)
                finally:
                    hold.take()
            if child.stop_error is not None:
                raise child.stop_error
            if state is State.RUNNING:
                runner.move(child, State.RUNNING)

    def worked(self, child: Job) -> BigQueryError | None:
        """What ``child`` fails with although its statement is done."""
        if self._runner.observer is None:
            return None
        try:
            self._runner.observer.after_work(child)
        except BigQueryError as error:
            return error
        return None

    def end(self, child: Job, time_us: int | None = None) -> None:
        """``child`` is DONE, as it is filled; what its script left open was stopped."""
        error = child.error
        if time_us is None and error is None:
            error = child.stop_error or stopped("User requested cancellation")
        loop = self._runner.loop
        if loop is None:
            self._runner.finish(child, error, time_us)
        else:
            # Who waits for the job does so on the loop.
            loop.call_soon_threadsafe(self._runner.finish, child, error, time_us)
