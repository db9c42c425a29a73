from __future__ import annotations

import random
from typing import Any

import pytest

from bqsim.sim.scenario.capacity import Assignment, Capacity, Commitment, Reservation
from bqsim.sim.slots.jobs import Source, Stage, State
from bqsim.sim.slots.live import Ticket
from bqsim.sim.slots.remembered import SlotMemory, spent
from bqsim.sim.slots.watching import Watch
from tests.unit.sim.slots.test_live import Play, play

SHARED = Capacity(
    {
        "a": Reservation(20, autoscale_max_slots=50, target_job_concurrency=5),
        "b": Reservation(30, ignore_idle_slots=True),
    },
    (Commitment(50),),
    (Assignment("a", project="p"), Assignment("b", project="q")),
)


def test_each_job_had_what_its_run_tells() -> None:
    chance = random.Random(4)

    async def body(p: Play) -> None:
        tickets: list[Ticket] = []
        for n in range(60):
            stages: Any = ()
            if n % 3 == 0:
                stages = (Stage(0.3, 5.0), Stage(0.5, 40.0, (0,)), Stage(0.2, 2.0, (0,)))
            tickets.append(
                p.enter(
                    str(n),
                    Source(chance.choice("pqr")),
                    slot_ms=chance.uniform(0, 60_000),
                    units=float(chance.randint(1, 60)),
                    floor_ms=chance.choice([0.0, 700.0]),
                    stages=stages,
                )
            )
            await p.go(chance.uniform(0, 1.5))
        tickets[55].leave()
        # In one go: what happens meanwhile is looked at all the same.
        p.clock.advance(900)
        p.world.turn()
        end_us = float(p.clock.now_us())
        assert {ticket.state for ticket in tickets} <= {State.DONE, State.STOPPED}
        for ticket in tickets:
            if ticket.run is None:
                assert ticket.used_ms == pytest.approx(0, abs=1e-6)
                continue
            assert ticket.run.used_ms == ticket.used_ms
            assert ticket.run.had([end_us])[0][0] == pytest.approx(ticket.used_ms, rel=1e-6, abs=1e-3)
            found = spent(ticket.runs, [end_us], 1000)
            assert found is None or found[0] == [1000]

    play(body, SHARED)


def test_a_memory_learns_what_reservations_have() -> None:
    memory = SlotMemory()

    async def body(p: Play) -> None:
        memory.begin(p.clock.now_us(), SHARED)
        p.world.watch.learn(memory)
        p.enter("big", Source("p"), slot_ms=1e6, units=100)
        other = p.enter("other", Source("q"), slot_ms=1e6, units=10)
        await p.go(10)
        place, now_us = p.world.places()[0], float(p.clock.now_us())
        assert (place.scaled, place.borrowed) == (50, 20)
        a, b = memory.place("a"), memory.place("b")
        assert [a.at([now_us], column) for column in range(3)] == [[50.0], [20.0], [0.0]]
        assert b.at([now_us], SlotMemory.LENT) == [20.0]
        # What is held is what is counted.
        (scaled, _), (borrowed, _) = (list(usage[:2]) for usage in measures(p))
        assert a.sums([now_us], SlotMemory.SCALED)[0] / 1000 == pytest.approx(scaled.sum(), rel=1e-6)
        assert a.sums([now_us], SlotMemory.BORROWED)[0] / 1000 == pytest.approx(borrowed.sum(), rel=1e-6)
        p.world.watch.learn(None)
        other.leave()
        await p.go(1)
        assert b.at([float(p.clock.now_us())], SlotMemory.LENT) == [20.0]

    play(body, SHARED)


def measures(p: Play) -> tuple[Any, Any]:
    usage = p.world._world.usage()
    return usage.scaled_ms, usage.borrowed_ms


def test_it_looks_after_events_only(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = []
    real = Watch.look

    def look(watch: Watch, tickets: Any) -> None:
        looks.append(watch)
        real(watch, tickets)

    monkeypatch.setattr(Watch, "look", look)

    async def body(p: Play) -> None:
        p.enter("one", Source("p"), slot_ms=20_000, units=10)
        await p.go(0)
        begun = len(looks)
        for _ in range(20):
            p.clock.advance(0.01)
            p.world.turn()
        assert (begun, len(looks)) == (1, 1)

    play(body, SHARED)
