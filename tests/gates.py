"""Simulations for tests of what lies before and behind the gate."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from bqsim.sim.gate import Call, Gate


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
