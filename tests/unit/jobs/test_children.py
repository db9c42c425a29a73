"""Child jobs of scripts, with an observer that looks at each."""

from __future__ import annotations

import asyncio

import pytest

from bqsim.errors import BigQueryError
from bqsim.jobs import Job, JobObserver, State

from .conftest import Play, Stack
from .test_service import Holder

SCRIPT = "SELECT 1 AS one; SELECT 2 AS two"


class Watcher(Holder):
    """Holds, or fails, children whose text has ``marked`` in it; leaves all others alone."""

    marked = "two"

    def _is_marked(self, job: Job) -> bool:
        return job.parent is not None and self.marked in job.configuration["query"]["query"]

    def before_state(self, job: Job, state: State):  # type: ignore[no-untyped-def]
        return super().before_state(job, state) if self._is_marked(job) else None

    def after_work(self, job: Job) -> None:
        if self._is_marked(job):
            super().after_work(job)


@pytest.fixture
def observer() -> JobObserver:
    return Watcher()


async def children(job: Job, count: int) -> list[Job]:
    for _ in range(2000):
        if len(job.children) >= count:
            return job.children
        await asyncio.sleep(0.005)
    raise AssertionError("no children")


def test_children_go_through_their_states(play: Play, observer: Watcher) -> None:
    async def body(s: Stack) -> None:
        job = await s.ok(SCRIPT)
        assert [c.state for c in job.children] == [State.DONE] * 2
        assert observer.seen == [(State.PENDING, State.RUNNING), (State.RUNNING, State.DONE)]
        for child in job.children:
            times = list(child.timeline.entered.values())
            assert times == sorted(times)
            assert len(times) == 3
        assert await s.rows_of(job) == [(2,)]

    play(body)


@pytest.mark.parametrize("held", [State.RUNNING, State.DONE])
def test_a_script_waits_for_its_child(play: Play, observer: Watcher, held: State) -> None:
    async def body(s: Stack) -> None:
        gate = observer.gates[held] = asyncio.Event()
        job = await s.query(SCRIPT, timeoutMs=0)
        first, second = await children(job, 2)
        assert first.done
        assert not await second.wait(0.05)
        assert job.state is State.RUNNING
        gate.set()
        assert await job.wait(10)
        assert job.error is None

    play(body)


@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
def test_a_failed_child_fails_its_script(play: Play, observer: Watcher, late: bool) -> None:
    async def body(s: Stack) -> None:
        error = BigQueryError("resourcesExceeded", "too much")
        observer.late, observer.error = (error, None) if late else (None, error)
        job = await s.query(f"{SCRIPT}; SELECT 3")
        assert job.error is not None
        assert job.error.reason.name == "resourcesExceeded"
        first, second = job.children
        assert first.error is None
        assert second.error is not None and second.error.message == error.message

    play(body)


def test_a_cancelled_script_leaves_no_child_behind(play: Play, observer: Watcher) -> None:
    async def body(s: Stack) -> None:
        observer.gates[State.DONE] = asyncio.Event()
        job = await s.query(SCRIPT, timeoutMs=0)
        await children(job, 2)
        await s.service.cancel("p", job.ref.job_id)
        assert await job.wait(10)
        assert [c.error.reason.name if c.error else "" for c in job.children] == ["", "stopped"]
        assert all(c.done for c in job.children)

    play(body)
