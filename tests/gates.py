"""Simulations for tests of what lies before and behind the gate."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from bqsim.sim.effects.failures import failure
from bqsim.sim.gate import Call, Gate
from bqsim.sim.scenario.model import Effect, Network
from bqsim.simulator import Simulator


class Hooks:
    """Asks hooks (``before(call)``, ``after(call, answer)``, both async) about every call."""

    def __init__(self, *hooks: Any) -> None:
        self.hooks = hooks

    def concerns(self, call: Call) -> bool:
        return True

    def opened(self, call: Call) -> Any:
        raise AssertionError("every call concerns the hooks")

    def closed(self, record: Any, error: BaseException | None = None) -> None:
        raise AssertionError("every call concerns the hooks")

    async def passes(self, call: Call, service: Callable[[], Awaitable[Any]]) -> Any:
        for hook in self.hooks:
            await hook.before(call)
        answer = await service()
        for hook in reversed(self.hooks):
            answer = await hook.after(call, answer)
        return answer


@contextmanager
def hooked(gate: Gate, hook: Any) -> Iterator[None]:
    """Let ``hook`` take the place of the gate's simulation while the block runs."""
    before, gate.simulation = gate.simulation, Hooks(hook)
    try:
        yield
    finally:
        gate.simulation = before


class Befall:
    """What befalls ``times`` calls of a method, after ``skip`` of them."""

    def __init__(self, effect: Effect, method: str, times: int, skip: int) -> None:
        self.effect = effect
        self.method = method
        self.range = range(skip, skip + times)
        self.calls = 0

    async def before(self, call: Call) -> None:
        if call.method != self.method:
            return
        self.calls += 1
        if self.calls - 1 not in self.range:
            return
        if not isinstance(self.effect, Network) or not self.effect.applied:
            raise failure(self.effect, call)
        call.notes["met"] = True

    async def after(self, call: Call, answer: Any) -> Any:
        if "met" in call.notes and isinstance(self.effect, Network):
            call.sending = self.effect
        return answer


@contextmanager
def befalling(
    simulator: Simulator,
    effect: Effect,
    method: str = "bigquery.tables.get",
    *,
    times: int = 1,
    skip: int = 0,
) -> Iterator[Befall]:
    """Let an effect befall calls while the block runs."""
    assert simulator.core is not None
    hook = Befall(effect, method, times, skip)
    with hooked(simulator.core.gate, hook):
        yield hook
