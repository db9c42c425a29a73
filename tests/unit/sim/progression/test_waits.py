from __future__ import annotations

import asyncio

import pytest

from bqsim.sim.clock import SimulationClock
from bqsim.sim.progression.waits import Wait, is_sampled, latency_in, steps_of
from bqsim.sim.scenario import latency as described
from bqsim.sim.scenario.progression import (
    Immediate,
    Manual,
    Polled,
    Progression,
    Sampled,
    Scripted,
    Step,
    Timed,
)


def test_a_wait_ends_with_its_time_its_reads_or_a_word() -> None:
    async def play() -> None:
        clock = SimulationClock(rate=0)
        timed, read, told = Wait("", seconds=5.0), Wait("", polls=2), Wait("")
        overs = [wait.begin(clock) for wait in (timed, read, told)]
        await clock.advance_async(4)
        assert not any(over.done() for over in overs)
        assert 0.79 < timed.passed(clock.now_us()) < 0.81
        await clock.advance_async(2)
        assert [over.done() for over in overs] == [True, False, False]
        assert not read.read()
        assert read.passed(0) == 0.5
        assert read.read()
        told.end()
        assert told.over is not None
        assert told.over.done()
        assert told.passed(clock.now_us()) == 0.0

    asyncio.run(play())


def test_no_reads_are_no_wait() -> None:
    async def play() -> None:
        assert Wait("", polls=0).begin(SimulationClock(rate=0)).done()

    asyncio.run(play())


def test_an_ended_wait_leaves_no_timer() -> None:
    async def play() -> None:
        clock = SimulationClock(rate=0)
        wait = Wait("", seconds=60.0)
        wait.begin(clock)
        wait.end()
        wait.end()
        assert clock.waiting == 0

    asyncio.run(play())


STEPS = (Step("PENDING", for_s=1.0), Step("RUNNING", polls=2), Step("RUNNING", for_s=3.0))


@pytest.mark.parametrize(
    ("progression", "state", "steps"),
    [
        (Manual(), "RUNNING", (None,)),
        (Manual(), "DONE", (None,)),
        (Polled(0, 2), "RUNNING", ()),
        (Polled(0, 2), "DONE", (Step("RUNNING", polls=2),)),
        (Scripted(STEPS), "RUNNING", STEPS[:1]),
        (Scripted(STEPS), "DONE", STEPS[1:]),
        (Immediate(), "DONE", ()),
        (Timed(), "DONE", ()),
    ],
    ids=str,
)
def test_steps(progression: Progression, state: str, steps: tuple[Step | None, ...]) -> None:
    assert tuple(steps_of(progression, state)) == steps


def test_times() -> None:
    pending = described.Latency(described.Fixed(1.0))
    assert latency_in(Timed(pending=pending), "RUNNING") is pending
    assert latency_in(Timed(pending=pending), "DONE") is None
    assert latency_in(Manual(), "DONE") is None
    assert is_sampled(Sampled())
    assert not is_sampled(Timed())


def test_the_end_of_a_wait_is_told_once_and_may_come_first() -> None:
    async def play() -> None:
        clock, ends = SimulationClock(rate=0), [0]

        def ended() -> None:
            ends[0] += 1

        wait = Wait("", ended=ended)
        wait.begin(clock)
        wait.end()
        wait.end()
        assert ends == [1]
        early = Wait("", seconds=5.0)
        early.end()
        assert early.begin(clock).done() and early.timer is None
        assert clock.waiting == 0

    asyncio.run(play())
