from __future__ import annotations

import asyncio
from types import SimpleNamespace

from bqsim.sim.clock import SimulationClock
from bqsim.sim.gate import Call
from bqsim.sim.progression.growth import Growth
from bqsim.sim.progression.life import UNKNOWN, Life, Origin
from bqsim.sim.progression.waits import Wait
from bqsim.sim.scenario.model import JobState, Rule


def test_the_origin_is_what_rules_match() -> None:
    headers = {"user-agent": "a", "x-goog-api-client": "b", "x-bqsim-scope": "s"}
    call = Call("rest", "bigquery.jobs.query", "projects/p/queries", "me", headers=headers)
    rule = Rule("r", JobState("stuck"))
    call.notes["one_off"] = (rule,)
    origin = Origin.of(call)
    assert (origin.method, origin.clients, origin.scope) == ("bigquery.jobs.query", ("a", "b"), "s")
    assert origin.one_off == (rule,)
    call.scope = "port"
    assert Origin.of(call).scope == "port"


def test_a_life_without_anything_shows_nothing() -> None:
    life = Life(UNKNOWN)
    assert life.wait is None
    assert not life.shows
    assert life.statistics(SimpleNamespace(done=True)) == {}
    assert life.share(0) == 0.0


def test_how_far_a_job_is() -> None:
    async def body() -> None:
        clock = SimulationClock(rate=0)
        life = Life(UNKNOWN)
        life.waits = [Wait("", polls=2, done=0.1), Wait("", seconds=10.0)]
        life.waits[0].begin(clock)
        assert life.wait is life.waits[0]
        life.waits[0].read()
        assert life.share(clock.now_us()) == 0.05
        life.waits[0].end()
        assert life.wait is None
        life.at = 1
        life.waits[1].begin(clock)
        await clock.advance_async(5)
        assert 0.54 < life.share(clock.now_us()) < 0.56
        life.at = 2
        assert life.share(clock.now_us()) == 1.0

    asyncio.run(body())


def test_a_growing_plan_is_shown() -> None:
    async def body() -> None:
        clock = SimulationClock(rate=0)
        life = Life(UNKNOWN)
        life.clock, life.growth = clock, Growth(clock.now_us())
        life.waits = [Wait("", seconds=100.0)]
        life.waits[0].begin(clock)
        await clock.advance_async(61)
        shown = life.statistics(SimpleNamespace(done=False))
        assert len(shown["query"]["timeline"]) == 3
        assert shown["totalSlotMs"] == "60000"
        assert life.shows
        await clock.advance_async(30)
        assert life.statistics(SimpleNamespace(done=True)) == shown

    asyncio.run(body())
