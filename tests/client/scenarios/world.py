"""A client in a project of its own, while a scenario goes on, on a clock that nobody really waits for."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from google.auth.credentials import Credentials

from bqclient import BigQueryClient
from bqsim.pytest_plugin.handle import LocalTestSimulator
from bqsim.simulator import Simulator
from tests.client.running import HeldTime, run

T = TypeVar("T")
# Rows of the table that journeys read: d.big, of n and s.
ROWS = 3_000
# What a journey may take, in seconds of the wall.
LONGEST_S = 60.0
LOOK_S = 0.002
# What the service makes a caller wait for at a time: polls that are held, and latencies.
HELD_S = 40.0
# How far the clock is moved at a time meanwhile.
STRIDE_S = 0.25


class Refreshing(Credentials):  # type: ignore[misc]
    """Credentials that have another token whenever they are asked for one."""

    def __init__(self) -> None:
        super().__init__()
        self.token = "token-0"
        self.refreshed = 0

    @property
    def expired(self) -> bool:
        """Never known beforehand."""
        return False

    def refresh(self, request: Any) -> None:
        """Another token."""
        self.refreshed += 1
        self.token = f"token-{self.refreshed}"


class SharedTime(HeldTime):
    """A simulator's clock as the client's. It stands while either works, and goes on when both wait.

    ``behind``: seconds by which the time of day on the client's machine is behind. ``stride``: seconds that
    pass at a time while the service makes a caller wait.
    """

    def __init__(self, sim: Any, seed: int = 1, behind: float = 0.0, stride: float = STRIDE_S) -> None:
        super().__init__()
        self._sim, self._behind, self._stride = sim, behind, stride
        self._clock = sim.clock
        self._clock.freeze()
        self._random = random.Random(seed)
        self._due: list[float] = []
        self.over = False

    def monotonic(self) -> float:
        """The simulator's clock."""
        return float(self._clock.now_us()) / 1e6

    def now(self) -> datetime:
        """The time of day on the client's machine."""
        return datetime.fromtimestamp(self.monotonic(), UTC) - timedelta(seconds=self._behind)

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock was moved on."""
        self.waits.append(seconds)
        due = self.monotonic() + seconds
        self._due.append(due)
        try:
            await self._clock.sleep(seconds)
        finally:
            self._due.remove(due)

    def fraction(self) -> float:
        """The next of the seed's."""
        return self._random.random()

    async def go_on(self) -> None:
        """Move the clock on to where a wait ends: the client's, else, if nothing happens, the service's."""
        seen, quiet = -1, 0
        while not self.over:
            await asyncio.sleep(LOOK_S)
            if self._due:
                await self._clock.advance_async(max(0.0, min(self._due) - self.monotonic()))
                quiet = 0
                continue
            position = self._sim.journal.position
            quiet = quiet + 1 if position == seen else 0
            seen = position
            if quiet > 4 and self._held():
                await self._clock.advance_async(self._stride)

    def _held(self) -> bool:
        """Whether the service makes a caller wait; what it waits for itself takes longer."""
        with self._clock._lock:
            first = self._clock._timers.first_us()
        return first is not None and first / 1e6 - self.monotonic() <= HELD_S


class World:
    """What a journey has: the client, its time, the simulator, and the patience of its program.

    ``patience``: an error that passes in this scenario, if the program waits so many seconds, so often.
    """

    def __init__(self, sim: LocalTestSimulator, patience: Patience | None = None) -> None:
        self.sim, self.patience = sim, patience
        self.project = sim.project
        self.client: BigQueryClient

    async def patient(self, work: Callable[[], Awaitable[T]]) -> T:
        """What ``work`` gives; a program that knows of the scenario does it again later."""
        if self.patience is not None:
            for _ in range(self.patience.times):
                try:
                    return await work()
                except self.patience.errors:
                    await self.client.core.runtime.sleep(self.patience.seconds)
        return await work()

    def column(self, sql: str) -> list[Any]:
        """The first column of a query's rows, asked by another client."""
        return [row[0] for row in self.sim.client().query_and_wait(sql)]

    def numbers(self, table: str, column: str = "n") -> list[int]:
        """The numbers of a table, in order."""
        return self.column(f"SELECT {column} FROM d.{table} ORDER BY 1")


class Patience:
    """Errors that a program waits for to pass, and how."""

    def __init__(self, *errors: type[Exception], seconds: float, times: int) -> None:
        self.errors, self.seconds, self.times = errors, seconds, times


@contextmanager
def prepared(simulator: Simulator, project: str, patience: Patience | None = None) -> Iterator[World]:
    """A world with its tables; what was before is not in the journal."""
    sim = LocalTestSimulator(simulator, project, own=True)
    try:
        sim.data({"d.t": {"schema": [{"name": "n", "type": "INT64"}, {"name": "s", "type": "STRING"}]}})
        sim.client().query_and_wait(
            "CREATE TABLE d.big AS SELECT n, REPEAT('x', 50) AS s"
            f" FROM UNNEST(GENERATE_ARRAY(0, {ROWS - 1})) AS n"
        )
        # What was made is known everywhere by now.
        simulator.clock.freeze()
        simulator.clock.advance(120)
        simulator.journal.clear()
        yield World(sim, patience)
    finally:
        simulator.reset()
        sim.end()


def travel(
    world: World,
    journey: Callable[[World], Awaitable[None]],
    *,
    seed: int = 1,
    behind: float = 0.0,
    stride: float = STRIDE_S,
    **settings: Any,
) -> SharedTime:
    """Make a journey in a world; the time that it took."""
    time = SharedTime(world.sim, seed, behind, stride)

    async def work(client: BigQueryClient) -> None:
        world.client = client
        mover = asyncio.create_task(time.go_on())
        going = asyncio.ensure_future(journey(world))
        try:
            async with asyncio.timeout(LONGEST_S):
                await asyncio.wait({mover, going}, return_when=asyncio.FIRST_COMPLETED)
            if mover.done():
                mover.result()
            await going
        finally:
            # The clock is not left in the middle of a move.
            time.over = True
            going.cancel()
            await asyncio.gather(mover, going, return_exceptions=True)
            if going.cancelled() or going.exception() is not None:
                # What is on its way yet is not waited for.
                for appends in world.client.storage_write._connections.values():
                    await appends.abort()

    run(world.sim, work, runtime=time, credentials=Refreshing(), **settings)
    return time
