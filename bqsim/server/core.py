"""What the handlers of both transports may use of the simulator."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from bqsim.server.admin.listening import Listeners
from bqsim.sim.control.parts import Parts
from bqsim.sim.control.worlds import Rules
from bqsim.worlds import Worlds, worlds_of

from .known import known

if TYPE_CHECKING:
    from bqsim.catalog.store import Catalog
    from bqsim.engine.pool import EnginePool
    from bqsim.engine.protocol import Session
    from bqsim.jobs import JobService, TableData
    from bqsim.server.identity import Authenticator
    from bqsim.settings import Settings
    from bqsim.sim.clock import SimulationClock
    from bqsim.sim.draws import Draws
    from bqsim.sim.gate import Gate
    from bqsim.sim.iam import Iam
    from bqsim.sim.iam.policy import Policy
    from bqsim.sim.simulation import Simulation
    from bqsim.sql.executor import Executor
    from bqsim.sql.googlesql import GoogleSql
    from bqsim.storage.services import Storage

T = TypeVar("T")


@dataclass(slots=True)
class Core:
    """The services behind the API, wired by :class:`bqsim.simulator.Simulator`."""

    settings: Settings
    clock: SimulationClock
    draws: Draws
    gate: Gate
    simulation: Simulation
    catalog: Catalog
    pool: EnginePool
    googlesql: GoogleSql
    jobs: JobService
    tabledata: TableData
    executor: Executor
    storage: Storage
    authenticator: Authenticator
    iam: Iam
    grpc_port: int = 0
    parts: Parts = field(init=False)
    worlds: Worlds = field(init=False)
    listeners: Listeners = field(init=False)
    # What is made when it is first asked for, and ends with the server.
    closing: ExitStack = field(default_factory=ExitStack)

    def __post_init__(self) -> None:
        self.worlds = worlds_of(
            catalog=self.catalog,
            pool=self.pool,
            jobs=self.jobs,
            tabledata=self.tabledata,
            storage=self.storage,
        )
        self.parts = Parts(self.simulation, known, iam=self.iam, first_policy=self._first_policy)
        self.parts.worlds = self.worlds
        self.worlds.register("rules", Rules(self.parts))
        self.listeners = Listeners(self)

    def _first_policy(self) -> Policy | None:
        from bqsim.sim.iam.load import load

        path = self.settings.iam_policy
        return None if path is None else load(path)

    async def write(self, work: Callable[[Session], T]) -> T:
        """Run a change of metadata with an engine session, off the event loop."""
        return await self.pool.run(work)

    def now_ms(self) -> int:
        return self.clock.now_us() // 1000
