from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from bqsim.sim.draws import Draws, Turn, begin_turn, turn
from bqsim.sim.gate import Call, Ending, Gate, Life, current, note, served, serving


def call() -> Call:
    return Call("rest", "bigquery.jobs.get", "projects/p/jobs/j", "u@example.com")


class Quietly:
    """A simulation that only notes calls."""

    def __init__(self, concerned: bool = False) -> None:
        self.concerned = concerned
        self.seen: list[Any] = []

    def concerns(self, call: Call) -> bool:
        return self.concerned

    def opened(self, call: Call) -> Call:
        self.seen.append("opened")
        return call

    def closed(self, record: Any, error: BaseException | None = None) -> None:
        self.seen.append(("closed", record.method, error))

    async def passes(self, call: Call, service: Callable[[], Awaitable[Any]]) -> Any:
        self.seen.append("passes")
        return [await service()]


async def answer() -> Any:
    note(rows=3)
    found = current()
    return found.notes if found is not None else None


def test_without_a_simulation_calls_pass() -> None:
    assert asyncio.run(Gate().passes(call(), answer)) == {"rows": 3}
    assert Gate().run(call(), lambda: 5) == 5
    assert Gate().quiet(call())
    assert current() is None


def test_calls_of_no_concern_are_noted() -> None:
    simulation = Quietly()
    gate = Gate(simulation)
    assert asyncio.run(gate.passes(call(), answer)) == {"rows": 3}
    assert gate.run(call(), lambda: current() is not None)
    assert simulation.seen == ["opened", ("closed", "bigquery.jobs.get", None)] * 2


def test_failures_of_no_concern_are_noted_and_raised() -> None:
    simulation = Quietly()
    problem = KeyError("mine")

    async def fails() -> Any:
        raise problem

    def falls() -> Any:
        raise problem

    with pytest.raises(KeyError):
        asyncio.run(Gate(simulation).passes(call(), fails))
    with pytest.raises(KeyError):
        Gate(simulation).run(call(), falls)
    assert simulation.seen == ["opened", ("closed", "bigquery.jobs.get", problem)] * 2


def test_other_calls_are_the_simulations() -> None:
    simulation = Quietly(concerned=True)
    gate = Gate(simulation)
    assert not gate.quiet(call())
    assert asyncio.run(gate.passes(call(), answer)) == [{"rows": 3}]
    assert simulation.seen == ["passes"]


def test_a_call_has_the_turn_of_its_key_on_the_thread_that_serves_it() -> None:
    given = call()
    given.turn = Turn(Draws(1), "k")
    token = serving(given)
    assert current() is given
    assert turn() is given.turn
    served(token)
    assert (current(), turn()) == (None, None)


def test_calls_end_the_turn_of_whoever_was_there_before() -> None:
    begin_turn(Turn(Draws(1), "earlier"))
    try:
        assert Gate(Quietly()).run(call(), turn) is None
        found = turn()
        assert found is not None and found.key == "earlier"
    finally:
        begin_turn(None)


def test_notes_outside_of_calls_go_nowhere() -> None:
    note(rows=1)
    assert current() is None


def test_a_life_ends_once_and_tells_those_who_come_late() -> None:
    life = Life()
    told: list[str] = []
    life.at_end(lambda: told.append("early"))
    life.end()
    life.end()
    life.at_end(lambda: told.append("late"))
    assert told == ["early", "late"]


def test_an_ending_tells_once_what_it_ended_with() -> None:
    ending = Ending()
    told: list[BaseException | None] = []
    ending.then(told.append)
    problem = ValueError("x")
    ending.end(problem)
    ending.end()
    assert told == [problem]
    Ending().end()
