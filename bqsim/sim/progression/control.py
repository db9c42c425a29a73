"""Jobs moved by hand: stepped, held, released and finished, from any thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TypeVar

from bqsim.errors import BigQueryError
from bqsim.sim.clock import SimulationClock
from bqsim.sim.settling import settle

from .life import UNKNOWN, Life, Origin
from .view import JobHost, JobView
from .waits import Wait

T = TypeVar("T")

# Wall time that a word from another thread may take to be heard.
ASK_S = 30.0
HELD = "it is held until it is released"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A job that waits: in ``state``, for what ``why`` says, since ``since_us``.

    ``until_us`` is when it goes on by itself, ``polls_left`` the reads that it waits for, ``rule`` the id of
    the rule that keeps it; each None without one.
    """

    project: str
    job_id: str
    state: str
    why: str
    since_us: int
    until_us: int | None = None
    polls_left: int | None = None
    rule: str | None = None


class JobControl:
    """The jobs that have a record, and what may be told to them. Jobs belong to one event loop."""

    def __init__(self, clock: SimulationClock) -> None:
        self.clock = clock
        self.host: JobHost | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        # Jobs that are not DONE and have a record.
        self._live: dict[tuple[str, str], JobView] = {}

    def list(self) -> list[Waiting]:
        """The jobs that wait, and for what, in the order in which they came."""
        return self._ask(lambda: [_waiting(job) for job in self._live.values() if job.life.wait is not None])

    def step(self, job_id: str, project: str | None = None) -> str:
        """Let a job go on from what it waits for; the state that it is in when nothing can be done any more
        without time, a read or a word.

        ``LookupError`` for a job that nobody knows, ``ValueError`` for one that does not wait.
        """
        return self._act(job_id, project, _step)

    def release(self, job_id: str, project: str | None = None) -> str:
        """End all that keeps a job in its state, and :meth:`hold`; else as :meth:`step`."""
        return self._act(job_id, project, _release)

    def hold(self, job_id: str, project: str | None = None) -> str:
        """Keep a job from its next move until it is released. It must not have begun its work."""

        def hold(job: JobView, life: Life) -> None:
            if life.wait is not None:
                life.waits.append(Wait(HELD))
            else:
                life.held = True

        return self._act(job_id, project, hold)

    def finish(self, job_id: str, project: str | None = None, error: BigQueryError | None = None) -> str:
        """Let a job wait for nothing any more, or fail with ``error`` instead of its work."""

        def finish(job: JobView, life: Life) -> None:
            if error is not None:
                life.failure = error
            self.let_go(life)

        return self._act(job_id, project, finish)

    def _act(self, job_id: str, project: str | None, act: Callable[[JobView, Life], None]) -> str:
        self._settle()

        def work() -> JobView:
            job = self._known(job_id, project)
            act(job, job.life)
            return job

        job = self._ask(work)
        self._settle()
        return str(job.state)

    def _known(self, job_id: str, project: str | None) -> JobView:
        found = [job for key, job in self._live.items() if key[1] == job_id and project in (None, key[0])]
        if len(found) == 1:
            return found[0]
        if found:
            projects = ", ".join(job.project for job in found)
            raise LookupError(f"there are several jobs '{job_id}': name the project, one of {projects}")
        job = None
        if self.host is not None and project is not None:
            job = self.host.find(project, job_id)
        if job is None:
            raise LookupError(f"no job '{job_id}' waits for anything")
        if job.done:
            raise ValueError(f"the job '{job_id}' is DONE")
        self._adopt(job, UNKNOWN)
        return job

    def let_go(self, life: Life) -> None:
        """Let the job of ``life`` wait for nothing any more."""
        life.told = True
        for wait in life.waits[life.at :]:
            wait.end()

    # Threads

    def _tell(self, work: Callable[[], object]) -> None:
        """Run ``work`` on the loop of the jobs, now when this is it."""
        loop = self._loop
        if loop is None or loop.is_closed() or asyncio._get_running_loop() is loop:
            work()
        else:
            loop.call_soon_threadsafe(work)

    def _ask(self, work: Callable[[], T]) -> T:
        answer: Future[T] = Future()

        def run() -> None:
            try:
                answer.set_result(work())
            except Exception as error:
                answer.set_exception(error)

        self._tell(run)
        return answer.result(ASK_S)

    def _settle(self) -> None:
        """Let everything run that waits for nothing; on the loop itself nobody can wait for that."""
        if asyncio._get_running_loop() is None and self._loop is not None:
            settle(self._loop, ASK_S)
            self.clock.advance(0)
            settle(self._loop, ASK_S)

    def _adopt(self, job: JobView, origin: Origin) -> Life:
        life = job.life = Life(origin)
        self._live[job.project, job.job_id] = job
        return life


def _step(job: JobView, life: Life) -> None:
    wait = life.wait
    if wait is None:
        raise ValueError(f"the job '{job.job_id}' is {job.state} and waits for nothing")
    if wait.polls is not None:
        wait.seen = wait.polls
    wait.end()


def _release(job: JobView, life: Life) -> None:
    held, life.held = life.held, False
    if life.wait is None and not held:
        raise ValueError(f"the job '{job.job_id}' is {job.state} and waits for nothing")
    for wait in life.waits[life.at :]:
        wait.end()


def _waiting(job: JobView) -> Waiting:
    wait: Wait = job.life.wait
    return Waiting(
        job.project,
        job.job_id,
        str(job.state),
        wait.why,
        wait.since_us,
        wait.timer.due_us if wait.timer is not None else None,
        wait.polls - wait.seen if wait.polls is not None else None,
        wait.made.rule if wait.made is not None else None,
    )
