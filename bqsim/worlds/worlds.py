"""Snapshots of the world: taken in no time, restored in the time of what has changed since."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bqsim.catalog.marks import Mark
from bqsim.errors import already_exists, invalid, not_found

from .fork import fork
from .parts import StoredPart, WorldPart
from .rows import roll_back

if TYPE_CHECKING:
    from bqsim.catalog.store import Catalog
    from bqsim.engine.pool import EnginePool
    from bqsim.engine.protocol import Session
    from bqsim.jobs import JobService


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """A moment of the world. ``created_us`` is epoch microseconds."""

    id: str
    created_us: int
    mark: Mark
    parts: dict[str, Any] = field(default_factory=dict)
    stored: dict[str, Any] = field(default_factory=dict)


class Worlds:
    """Takes and restores snapshots; its methods belong to the event loop of the services.

    A snapshot holds projects, datasets, tables with their rows, routines, past versions, jobs with their
    results, SQL sessions, write streams and read sessions, and the parts that were registered. It costs O(1)
    and what its parts cost; a change costs O(1) more while there are snapshots, and what was removed is kept
    until the last of them is deleted. Snapshots live in the memory of the process; what :meth:`restore`
    does is as durable as any change.

    Restoring takes time by what has changed: a look at each changed table's version columns, and the work
    of undoing. The clock goes on: ids, etags and versions never come twice, and nobody who waits is
    confused. So what expired since has expired, also in the restored world; time travel into the time
    between snapshot and restore shows the world of the snapshot.

    Not held: the clock, ids already drawn, the rows that read sessions of the time have yet to send (they
    go on), uploads that are open, sequence numbers that change data capture replaced or forgot since, write
    streams with staged rows that were written to since (they are gone), and running jobs: those are stopped
    first, and jobs that ran at the snapshot are as they are now.
    """

    def __init__(
        self,
        *,
        catalog: Catalog,
        pool: EnginePool,
        jobs: JobService,
        end_streams: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """``end_streams`` ends the streams in which rows are appended."""
        self._catalog = catalog
        self._pool = pool
        self._jobs = jobs
        self._end_streams = end_streams
        self._parts: dict[str, WorldPart] = {}
        self._stored: dict[str, StoredPart] = {}
        self._snapshots: dict[str, Snapshot] = {}
        self._numbers = 0
        self._turn = asyncio.Lock()

    def register(self, name: str, part: WorldPart) -> None:
        """Let snapshots from now on hold ``part`` too; parts are restored in the order of their coming."""
        self._parts[name] = part

    def register_stored(self, name: str, part: StoredPart) -> None:
        """As :meth:`register`, for what is restored in the transaction of the rows."""
        self._stored[name] = part

    def list(self) -> Sequence[Snapshot]:
        """The snapshots, oldest first."""
        return tuple(self._snapshots.values())

    async def snapshot(self, name: str | None = None) -> str:
        """Take a snapshot; its id, which is ``name`` or a fresh one. 409 ``duplicate`` for a name in use."""
        async with self._turn:
            id = self._fresh_id() if name is None else name
            if not id:
                raise invalid("The name of a snapshot must not be empty.", "name")
            if id in self._snapshots:
                raise already_exists("Snapshot", id)
            with self._catalog.steady():
                taken = Snapshot(id, self._catalog.clock.now_us(), self._catalog.mark())
                taken.parts.update((key, part.snapshot()) for key, part in self._parts.items())
                taken.stored.update((key, part.snapshot()) for key, part in self._stored.items())
            self._snapshots[id] = taken
            return id

    async def restore(self, id: str) -> int:
        """Make the world that of the snapshot; how many resources of the catalog had changed.

        Jobs that run are stopped, and streams of appends end with ABORTED. The snapshot stays; later ones are
        deleted, for what they were made of is gone. 404 ``notFound`` for an unknown id.
        """
        async with self._turn:
            snapshot = self._get(id)
            await self._stop_jobs()
            if self._end_streams is not None:
                await self._end_streams()

            def further(session: Session) -> None:
                for key, state in snapshot.stored.items():
                    self._stored[key].restore(state, session)

            changed = await self._pool.run(
                lambda session: roll_back(self._catalog, session, snapshot.mark, further)
            )
            for key, state in snapshot.parts.items():
                self._parts[key].restore(state)
            names = list(self._snapshots)
            for later in names[names.index(id) + 1 :]:
                del self._snapshots[later]
            return changed

    async def delete(self, id: str) -> None:
        """Forget a snapshot; others are not touched. 404 ``notFound`` for an unknown id."""
        async with self._turn:
            snapshot = self._get(id)
            with self._catalog.steady():
                self._catalog.marks.remove(snapshot.mark)
            del self._snapshots[id]

    async def fork(self, project: str, into: str) -> int:
        """Copy a project under another id, which must have no datasets; the number of tables copied.

        See :func:`bqsim.worlds.fork.fork`. It takes time by the number of tables, and the rows are copied
        within the engine.
        """
        return await self._pool.run(lambda session: fork(self._catalog, session, project, into))

    def _fresh_id(self) -> str:
        while True:
            self._numbers += 1
            id = f"snapshot-{self._numbers}"
            if id not in self._snapshots:
                return id

    def _get(self, id: str) -> Snapshot:
        snapshot = self._snapshots.get(id)
        if snapshot is None:
            raise not_found("Snapshot", id)
        return snapshot

    async def _stop_jobs(self) -> None:
        running = self._jobs.index.unfinished()
        for job in running:
            self._jobs.runner.stop(job, "The world has been restored to a snapshot")
        for job in running:
            await job.wait(None)
