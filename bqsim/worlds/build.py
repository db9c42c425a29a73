"""Worlds of the services, with all the parts that those have."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from .parts import Jobs, ReadSessions, Since, WriteStreams
from .worlds import Worlds

if TYPE_CHECKING:
    from bqsim.catalog.store import Catalog
    from bqsim.engine.pool import EnginePool
    from bqsim.jobs import JobService, TableData
    from bqsim.storage.services import Storage


# How long streams of appends have to end, of the wall's time.
ENDING_S = 5.0
POLL_S = 0.01


def worlds_of(
    *, catalog: Catalog, pool: EnginePool, jobs: JobService, tabledata: TableData, storage: Storage
) -> Worlds:
    """The worlds of these services. What else is to be held registers itself."""
    now_us = catalog.clock.now_us

    async def end_streams() -> None:
        write = storage.write_if_made
        if write is None:
            return
        write.close()
        # What they are writing is part of the world that ends.
        for _ in range(round(ENDING_S / POLL_S)):
            if not write.connected:
                return
            await asyncio.sleep(POLL_S)

    worlds = Worlds(catalog=catalog, pool=pool, jobs=jobs, end_streams=end_streams)
    worlds.register_stored("write_streams", WriteStreams(storage, now_us))
    worlds.register_stored("read_sessions", ReadSessions(storage))
    worlds.register("jobs", Jobs(jobs.index))
    worlds.register("results", Since(now_us, jobs.results_store.forget_since))
    worlds.register("requests", Since(now_us, jobs.requests.forget_since))
    worlds.register("sessions", jobs.sessions)
    worlds.register("streamed_rows", Since(now_us, tabledata.forget_since))
    return worlds
