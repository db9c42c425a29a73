"""Clients of simulators in tests: coroutines run from plain tests, and time that tests hold."""

from __future__ import annotations

import asyncio
import random
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


class ClockTime(HeldTime):
    """A simulator's clock, which stands but for the client's waits: its journal shows how long they were.

    Takes the handle of a simulator of the test's own. Random numbers come from a seed.
    """

    def __init__(self, sim: Any, seed: int = 1) -> None:
        super().__init__()
        self._clock = sim.clock
        self._clock.freeze()
        self._random = random.Random(seed)

    def monotonic(self) -> float:
        """The simulator's clock."""
        return float(self._clock.now_us()) / 1e6

    def now(self) -> datetime:
        """The simulator's time of day."""
        return datetime.fromtimestamp(self.monotonic(), UTC)

    async def sleep(self, seconds: float) -> None:
        """Move the clock on."""
        self.waits.append(seconds)
        await self._clock.advance_async(seconds)

    def fraction(self) -> float:
        """The next of the seed's."""
        return self._random.random()
