"""Clients of simulators in tests: coroutines run from plain tests, and time that tests hold."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from bqclient import BigQueryClient, Endpoints, Runtime

T = TypeVar("T")


class HeldTime(Runtime):
    """Waits take no time but move the clock; they are kept in ``waits``. Real time passes beside."""

    def __init__(self, fraction: float = 0.5) -> None:
        self.waits: list[float] = []
        self.ahead = 0.0
        self._fraction = fraction

    def monotonic(self) -> float:
        """The real clock, with the waits added."""
        return super().monotonic() + self.ahead

    def now(self) -> datetime:
        """The time of day, with the waits added."""
        return datetime.now(UTC) + timedelta(seconds=self.ahead)

    async def sleep(self, seconds: float) -> None:
        """Keep the wait, and let others run."""
        self.waits.append(seconds)
        self.ahead += seconds
        await asyncio.sleep(0)

    def fraction(self) -> float:
        """Always the same."""
        return self._fraction


def endpoints(sim: Any) -> Endpoints:
    """Where a simulator is."""
    return Endpoints(
        rest=sim.url,
        grpc=sim.grpc_target,
        objects=sim.environment()["STORAGE_EMULATOR_HOST"],
        plain_grpc=True,
    )


def run(sim: Any, work: Callable[[BigQueryClient], Awaitable[T]], **settings: Any) -> T:
    """What ``work`` gives, done with a client of the simulator. ``runtime``: held time unless told."""
    runtime = settings.pop("runtime", None) or HeldTime()

    async def whole() -> T:
        given = {"project": sim.project, "endpoints": endpoints(sim), **settings}
        async with BigQueryClient(runtime=runtime, **given) as client:
            return await work(client)

    return asyncio.run(whole())
