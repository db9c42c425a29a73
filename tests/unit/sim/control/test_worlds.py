from __future__ import annotations

import asyncio
from collections.abc import Iterator
from types import SimpleNamespace as Made
from typing import Any

import pytest

from bqsim.sim.control.control import Scope
from bqsim.sim.control.parts import Parts
from bqsim.sim.control.worlds import Rules
from tests.unit.sim.clocks import loop_thread

from .conftest import Ask

INSERT = "bigquery.jobs.insert"


class Service:
    """Worlds that hold their parts only."""

    def __init__(self) -> None:
        self.parts: dict[str, Any] = {}
        self.kept: dict[str, Any] = {}

    def list(self) -> list[Any]:
        return [Made(id=name) for name in self.kept]

    async def snapshot(self, name: str | None = None) -> str:
        self.kept[name or "one"] = {key: part.snapshot() for key, part in self.parts.items()}
        return name or "one"

    async def restore(self, id: str) -> int:
        for key, state in self.kept[id].items():
            self.parts[key].restore(state)
        return 1

    async def delete(self, id: str) -> None:
        del self.kept[id]

    async def fork(self, project: str, into: str) -> int:
        return 3


@pytest.fixture
def worlds(parts: Parts) -> Iterator[Service]:
    with loop_thread() as loop:
        parts.loop, parts.worlds = loop, Service()
        parts.worlds.parts["rules"] = Rules(parts)
        yield parts.worlds


def test_rules_go_back_with_the_world(sim: Scope, worlds: Service, ask: Ask) -> None:
    sim.load("rules: [{id: once, effect: {error: blocked}, times: 1}]\nmachines: {m: a}")
    sim.scope("q").latency.set("1s")
    before = sim.snapshot()
    assert ask(INSERT) == ["once"] and ask(INSERT) == []
    sim.machines["m"] = "b"
    sim.clear()
    sim.faults.add("backendError")
    assert sim.restore(before) == 1
    assert (sim.scenario is not None, dict(sim.machines)) == (True, {"m": "a"})
    assert ask(INSERT) == ["once"]
    assert sim.scope("q").latency.setup is not None and len(sim.parts.simulation.latencies) == 1


def test_worlds_by_name(sim: Scope, worlds: Service) -> None:
    assert (sim.snapshot("a"), sim.worlds.list(), sim.fork("p", "q")) == ("a", ["a"], 3)
    sim.worlds.delete("a")
    assert sim.worlds.list() == []
    assert [c.action for c in sim.journal.controls()] == ["world.snapshot", "world.fork"]


def test_the_loop_itself_cannot_wait(sim: Scope, worlds: Service, parts: Parts) -> None:
    async def inside() -> None:
        sim.snapshot()

    assert parts.loop is not None
    with pytest.raises(RuntimeError, match="call it from another thread"):
        asyncio.run_coroutine_threadsafe(inside(), parts.loop).result()
