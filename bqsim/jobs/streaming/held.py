"""Rows that were acknowledged and are to be seen later."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from bqsim.engine.protocol import Session
from bqsim.errors import BigQueryError
from bqsim.sim.timers import Timer

if TYPE_CHECKING:
    from bqsim.engine.pool import EnginePool
    from bqsim.sim.clock import Clock

log = logging.getLogger(__name__)

Store = Callable[[Session], None]


class HeldRows:
    """Stores rows when their time on the clock has come, all that are left at :meth:`close`."""

    def __init__(self, clock: Clock, pool: EnginePool) -> None:
        self._clock = clock
        self._pool = pool
        # With when they came.
        self._waiting: dict[Store, tuple[int, Timer]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._waiting)

    def hold(self, seconds: float, store: Store) -> None:
        """Call ``store`` with an engine session after ``seconds`` of the clock's time; on the event loop."""
        loop = asyncio.get_running_loop()

        def due() -> None:
            if self._waiting.pop(store, None) is not None:
                task = loop.create_task(self._run(store))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

        self._waiting[store] = (self._clock.now_us(), self._clock.call_later(seconds, due, loop))

    def forget_since(self, time_us: int) -> None:
        """Never store the rows that came after ``time_us`` (epoch microseconds)."""
        for store, (came_us, timer) in list(self._waiting.items()):
            if came_us > time_us and self._waiting.pop(store, None) is not None:
                timer.cancel()

    async def close(self) -> None:
        """Store what is left."""
        waiting, self._waiting = self._waiting, {}
        for store, (_, timer) in waiting.items():
            timer.cancel()
            await self._run(store)
        await asyncio.gather(*self._tasks)

    async def _run(self, store: Store) -> None:
        with self._clock.hold():
            try:
                await self._pool.run(store)
            except BigQueryError as error:
                # The table was dropped or replaced meanwhile; the service loses such rows too.
                log.info("streamed rows were lost: %s", error.message)
