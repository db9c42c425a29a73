"""Jobs that run in one world, and go on in another."""

from __future__ import annotations

import pytest

from bqsim.sim.scenario.capacity import Assignment, Capacity, Reservation
from bqsim.sim.slots.jobs import Jobs, Source, State
from bqsim.sim.slots.world import World

ONE = Capacity({"etl": Reservation(100, target_job_concurrency=1)}, assignments=(Assignment("etl"),))


def test_jobs_run_whatever_the_concurrency() -> None:
    world = World(ONE, follow=True)
    source = world.source(Source("p"))
    many = 300
    rows = world.resume(Jobs.of(many, source=source, slot_ms=1000.0, width=100.0))
    assert [row for row, _ in world.started()] == rows.tolist()
    waiting = world.submit(Jobs.of(2, source=source, slot_ms=1000.0, width=100.0))
    world.run(1.0)
    (place,) = world.places()
    assert (place.running, place.queued, place.used) == (many, 2, 100)
    # They share the slots until they are over; then there is room for one again.
    world.run(many * 1000 / 100)
    assert world.places()[0].running == 1
    world.run(many * 1000 / 100 + 20)
    ended = world.outcomes()
    assert sorted(ended.row.tolist()) == [*rows.tolist(), *waiting.tolist()]
    assert ended.used_ms == pytest.approx(1000.0)


def test_what_is_left_of_the_time_that_a_job_may_run() -> None:
    world = World(ONE, follow=True)
    world.resume(Jobs.of(1, source=world.source(Source("p")), slot_ms=1e9, limit_ms=50.0))
    world.run(51.0)
    (state,) = world.outcomes().state.tolist()
    assert state == State.TIMED_OUT
