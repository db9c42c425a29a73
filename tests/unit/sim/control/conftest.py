from __future__ import annotations

from collections.abc import Callable

import pytest

from bqsim.server.known import known
from bqsim.sim.clock import SimulationClock
from bqsim.sim.control.control import Scope
from bqsim.sim.control.parts import Parts
from bqsim.sim.draws import Draws
from bqsim.sim.gate import Call
from bqsim.sim.rules.facts import call_facts
from bqsim.sim.simulation import Simulation

Ask = Callable[..., list[str]]


@pytest.fixture
def parts(clock: SimulationClock) -> Parts:
    return Parts(Simulation(clock, Draws(1)), known)


@pytest.fixture
def sim(parts: Parts) -> Scope:
    """Control of everything."""
    return Scope(parts, "")


@pytest.fixture
def ask(parts: Parts) -> Ask:
    """The ids of the rules that fire for a call, by the book itself."""

    def ask(method: str, project: str = "p", **more: str) -> list[str]:
        call = Call("rest", method, f"projects/{project}", "user@example.com", {}, **more)  # type: ignore[arg-type]
        return [hit.rule.id for hit in parts.simulation.rules.match(call_facts(call))]

    return ask
