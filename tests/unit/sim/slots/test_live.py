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
from bqsim.sim.slots import world as worlds
from bqsim.sim.slots.jobs import Given, Jobs, Outcomes, Shapes, Source, Stage, State
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


# Two side by side, and one that waits for both.
PLAN = (Stage(0.4, 8.0), Stage(0.2, 1.0), Stage(0.4, 2.0, (0, 1)))
ONE = (Stage(1.0, 8.0),)


def test_stages_end_as_in_a_simulation() -> None:
    works = [Work(20_000, 8.0, stages=PLAN), Work(9_000, 5.0), Work(6_000, 2.0, 500, stages=ONE)]
    tickets: list[Ticket] = []

    async def body(p: Play) -> None:
        tickets.extend(
            p.enter(
                str(n), **{name: getattr(work, name) for name in ("slot_ms", "units", "floor_ms", "stages")}
            )
            for n, work in enumerate(works)
        )
        await p.go(60)

    told = play(body, capacity(concurrency=3)).told
    jobs = Jobs.of(
        3,
        slot_ms=[one.slot_ms for one in works],
        width=[one.width for one in works],
        floor_ms=[one.floor_ms for one in works],
        shape=[0, 1, 2],
    )
    shapes = Shapes((PLAN, (Stage(1.0),), ONE))
    found: list[Outcomes] = []
    worlds.simulate(capacity(concurrency=3), Given(jobs, shapes, (SOURCE,)), found.append)
    ended = Outcomes.concatenated(found)
    assert [line for line in told if "DONE" in line] == [
        f"{row} began DONE at {round(end_ms / 1000, 2):g}"
        for row, end_ms in zip(ended.row.tolist(), ended.end_ms.tolist(), strict=True)
    ]
    assert [one.used_ms for one in tickets] == pytest.approx([one.slot_ms for one in works])


def test_a_job_that_is_to_fail_does_so_with_its_work() -> None:
    async def body(p: Play) -> None:
        half, last = p.enter("half", slot_ms=10_000, units=5, fails_at=0.5), p.enter("last", fails_at=1.0)
        first = p.enter("first", slot_ms=10_000, units=5, stages=PLAN, fails_at=0.0)
        await p.go(10)
        assert half.state is State.FAILED
        assert half.used_ms == pytest.approx(5_000)
        assert (first.state, first.used_ms, last.state) == (State.FAILED, 0, State.FAILED)

    assert "half began FAILED at 1" in play(body, capacity()).told


@pytest.mark.parametrize("after_s", [0.2, 1.5, 3.0, 4.1])
@pytest.mark.parametrize("fails_at", [math.inf, 0.9, 0.7])
def test_what_is_left_of_stages_goes_on_in_another_world(after_s: float, fails_at: float) -> None:
    """As if nothing had happened: the other has as many slots."""
    ends: list[float] = []

    async def body(p: Play) -> None:
        work = Work(20_000, 8.0, 500, fails_at=fails_at, stages=PLAN)
        stays, moves = (
            p.world.enter(SOURCE, work, lambda at=at: ends.append(p.seconds))  # type: ignore[misc]
            for at in range(2)
        )
        await p.go(after_s)
        other = LiveWorld(capacity(9, concurrency=1), p.clock, 1)
        made = moves.moved(other, SOURCE)
        other.resume([made])
        await p.go(30)
        assert stays.state is made.state is (State.DONE if fails_at > 1 else State.FAILED)
        assert moves.used_ms + made.used_ms == pytest.approx(stays.used_ms)
        assert made.used_ms > 0

    play(body, capacity(18, concurrency=2))
    # Both begin, one is told that it leaves, and both end at once.
    assert len(ends) == 5 and ends[-1] == ends[-2] > 4.1


def test_plans_that_no_job_has_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worlds, "MANY_PLANS", 8)

    async def body(p: Play) -> None:
        long = p.enter("long", slot_ms=50_000, units=5.0, stages=(Stage(0.5, 1.0), Stage(0.5, 1.0, (0,))))
        for n in range(1, 60):
            stages = tuple(Stage(1 / 3, float(n)) for _ in range(3))
            ticket = p.enter(str(n), slot_ms=30, units=n, stages=stages)
            await p.go(0.5)
            assert ticket.state is State.DONE
            assert len(p.world._world._plans) <= 16
        await p.go(20.5)
        assert (long.state, long.used_ms) == (State.DONE, 50_000)

    told = play(body, capacity(100)).told
    assert told[-1] == "long began DONE at 50"


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


def test_what_a_moved_job_had_and_has_left_is_what_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    real = LiveWorld._run

    async def body(p: Play) -> None:
        ticket = p.enter("one", slot_ms=20_000, units=10)
        await p.go(0.5)

        def run(world: LiveWorld) -> None:
            # As a clock does that runs.
            p.clock.advance(0.01)
            real(world)

        monkeypatch.setattr(LiveWorld, "_run", run)
        made = ticket.moved(LiveWorld(capacity(), p.clock, 1), SOURCE)
        assert ticket.state is State.STOPPED
        assert ticket.used_ms > 0
        assert ticket.used_ms + made.work.slot_ms == pytest.approx(20_000)

    play(body, capacity())


def test_many_leave_at_one_moment() -> None:
    async def body(p: Play) -> None:
        one = p.enter("one", slot_ms=20_000, units=10)
        rest = [p.enter(str(n), slot_ms=20_000, units=10) for n in range(3)]
        await p.go(0.5)
        fresh = p.enter("fresh", slot_ms=20_000, units=10)
        p.world.leave(one, *rest, fresh)
        await p.go(10)
        assert [ticket.over for ticket in (one, *rest, fresh)] == [True] * 5
        # None of those that waited had a turn in between.
        assert [ticket.used_ms for ticket in rest] == [0.0] * 3
        assert not any(ticket.began for ticket in rest)
        assert len(p.world) == 0

    play(body, capacity(concurrency=1))
