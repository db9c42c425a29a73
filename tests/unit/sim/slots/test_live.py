from __future__ import annotations

import asyncio
import math
import subprocess
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from bqsim.sim.clock import SimulationClock
from bqsim.sim.scenario.capacity import Assignment, Capacity, Queues, Reservation
from bqsim.sim.slots.jobs import Source, State
from bqsim.sim.slots.live import LiveWorld, Ticket, Work, ready

SOURCE = Source("p")


class Play:
    """A world on a clock that is moved by hand, and what its tickets told."""

    def __init__(self, capacity: Capacity) -> None:
        self.clock = SimulationClock(rate=0)
        self.start_us = self.clock.now_us()
        self.world = LiveWorld(capacity, self.clock, 1)
        self.told: list[str] = []

    def enter(self, name: str, source: Source = SOURCE, **work: Any) -> Ticket:
        def changed() -> None:
            state = "" if ticket.state is None else f" {ticket.state.name}"
            self.told.append(f"{name}{' began' if ticket.began else ''}{state} at {self.seconds:g}")

        ticket = self.world.enter(source, Work(**work), changed)
        return ticket

    @property
    def seconds(self) -> float:
        return round((self.clock.now_us() - self.start_us) / 1e6, 2)

    async def go(self, seconds: float) -> None:
        await self.clock.advance_async(seconds)


def capacity(slots: int = 10, concurrency: int = 0, **more: Any) -> Capacity:
    one = Reservation(slot_capacity=slots, target_job_concurrency=concurrency)
    return Capacity({"r": one}, assignments=(Assignment("r"),), **more)


def play(body: Callable[[Play], Coroutine[Any, Any, None]], described: Capacity) -> Play:
    made = Play(described)
    asyncio.run(body(made))
    return made


def test_time_of_a_clock_lets_jobs_begin_and_end() -> None:
    async def body(p: Play) -> None:
        p.enter("a", slot_ms=10_000, units=10)
        p.enter("b", slot_ms=10_000, units=5)
        p.enter("c", slot_ms=1_000, units=1)
        assert p.told == []
        await p.go(0)
        assert p.told == ["a began at 0", "b began at 0"]
        await p.go(10)
        assert len(p.world) == 0 and p.clock.waiting == 0

    told = play(body, capacity(concurrency=2)).told
    # Five slots each until both are done, at two seconds; then the third has one for a second.
    assert told[2:] == ["a began DONE at 2", "b began DONE at 2", "c began at 2", "c began DONE at 3"]


def test_what_leaves_frees_its_slots() -> None:
    async def body(p: Play) -> None:
        running, waiting = p.enter("a", slot_ms=1e6, units=10), p.enter("b", slot_ms=1e6, units=10)
        later, fresh = p.enter("c", slot_ms=10_000, units=10), p.enter("d")
        fresh.leave()
        await p.go(1)
        assert p.world.waiting(SOURCE, batch=False) == (2, 2)
        waiting.leave()
        assert (waiting.state, waiting.began, waiting.used_ms) == (State.STOPPED, False, 0)
        running.leave()
        running.leave()
        assert running.used_ms == pytest.approx(10_000, abs=10)
        assert later.began and p.world.waiting(SOURCE, batch=False) == (0, 0)
        assert (fresh.over, fresh.row, fresh.state) == (True, None, None)
        await p.go(2)
        assert later.state is State.DONE

    play(body, capacity(concurrency=1))


def test_queues_end_jobs() -> None:
    async def body(p: Play) -> None:
        first = p.enter("a", slot_ms=1e9, units=10)
        queued, refused = p.enter("b"), p.enter("c")
        batch = p.enter("d", batch=True)
        await p.go(0)
        assert (first.began, queued.state, refused.state, batch.state) == (True, None, State.QUEUE_FULL, None)
        assert p.world.waiting(SOURCE, batch=True) == (1, 1)
        assert p.world.waiting(Source("p", reservation="none"), batch=False) == (1, 0)
        assert p.world.waiting(Source("q"), batch=False) == (0, 0)
        await p.go(31)
        assert (queued.state, batch.state) == (State.QUEUE_TIMEOUT, None)
        first.leave()
        assert batch.state is State.DONE or batch.began

    queues = Queues(interactive=1, interactive_timeout_s=30.0)
    assert play(body, capacity(concurrency=1, queues=queues)).told[0] == "c QUEUE_FULL at 0"


def test_places_and_the_bounds_of_a_job() -> None:
    async def body(p: Play) -> None:
        p.enter("a", slot_ms=1e6, units=10, max_slots=3.0)
        p.enter("b", Source("other", reservation="none"), slot_ms=1e6, units=7)
        p.world.turn()
        places = {place.name: place for place in p.world.places()}
        assert (places["r"].used, places["r"].running) == (3, 1)
        assert (places["other"].used, places["other"].queued) == (7, 0)
        p.world.close()
        assert p.clock.waiting == 0

    play(body, capacity())


def test_a_job_without_work_is_over_at_once() -> None:
    async def body(p: Play) -> None:
        ticket = p.enter("a")
        await p.go(0)
        assert ticket.state is State.DONE and ticket.began and ticket.used_ms == 0

    play(body, capacity())


def test_many_jobs_at_once() -> None:
    async def body(p: Play) -> None:
        tickets = [p.enter(str(n), slot_ms=1_000.0, units=1) for n in range(300)]
        await p.go(0)
        assert sum(ticket.began for ticket in tickets) == 10
        await p.go(30.01)
        assert all(ticket.state is State.DONE for ticket in tickets)
        assert math.fsum(ticket.used_ms for ticket in tickets) == pytest.approx(300_000)

    play(body, capacity(concurrency=10))


def test_it_is_compiled_beforehand() -> None:
    ready()
    ready()
    assert ready.cache_info().misses == 1


def test_a_server_without_capacity_loads_nothing_of_it() -> None:
    code = (
        "import sys, bqsim, bqsim.building, bqsim.server.core, bqsim.sim.jobs, bqsim.sim.control.loading\n"
        "print([m for m in sys.modules if m.startswith(('numba', 'bqsim.sim.slots', 'bqsim.rehearse'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
