"""A simulator, running in a thread of its own."""

from __future__ import annotations

import asyncio
import logging
from types import TracebackType
from typing import TYPE_CHECKING, Any

from bqsim import clients
from bqsim.serving import Serving, environment, reachable
from bqsim.settings import Settings
from bqsim.sim.control.control import Control

if TYPE_CHECKING:
    from bqsim.objects import ObjectStore
    from bqsim.ports import Port
    from bqsim.server.core import Core
    from bqsim.sim.control.loading import Scenarios
    from bqsim.sim.control.parts import Parts
    from bqsim.sim.scenario.model import Scenario

log = logging.getLogger(__name__)

START_TIMEOUT_S = 120.0


class Simulator(Control):
    """A fake BigQuery.

    >>> with Simulator(Settings(project="demo")) as sim:      # doctest: +SKIP
    ...     rows = sim.client().query_and_wait("SELECT 1")

    It serves from a thread with an event loop of its own: it can live in the process of the code under test,
    async or not (``async with`` works too). Without ``with``, call :meth:`start`, then :meth:`stop`.

    A ``scenario`` (its file, its text, a mapping or a ``Scenario``) is in force from the first call on, and
    says when its clock begins. ``ScenarioError`` for a wrong one.
    """

    def __init__(self, settings: Settings | None = None, scenario: Scenarios | None = None) -> None:
        self.settings = settings or Settings()
        self._scenario = None if scenario is None else _read(scenario)
        self.core: Core | None = None
        self.port = 0
        self.grpc_port = 0
        self._serving = Serving(
            self._serve, thread="bqsim", noun="bqsim", log=log, start_timeout_s=START_TIMEOUT_S
        )

    # Life

    def start(self) -> Simulator:
        """Serve; returns when requests are answered. ``OSError`` when the port is taken. Idempotent."""
        self._serving.start()
        return self

    def stop(self) -> None:
        """Stop serving, end all work, close the database. Idempotent."""
        if self._serving.stop():
            self.core = None

    def __enter__(self) -> Simulator:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Simulator:
        return await asyncio.to_thread(self.start)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.stop)

    # Use

    @property
    def project(self) -> str:
        """The default project."""
        return self.settings.project

    @property
    def parts(self) -> Parts:
        """What is under control. ``RuntimeError`` while the simulator does not run."""
        if self.core is None:
            raise RuntimeError("the simulator does not run")
        return self.core.parts

    @property
    def objects(self) -> ObjectStore:
        """The objects that ``gs://`` URIs name. ``RuntimeError`` while the simulator does not run.

        >>> sim.objects.put("gs://bucket/rows.csv", "1,a\\n2,b\\n")               # doctest: +SKIP
        """
        if self.core is None:
            raise RuntimeError("the simulator does not run")
        return self.core.executor.objects

    @property
    def url(self) -> str:
        """The address of the REST API: the ``api_endpoint`` of clients."""
        return f"http://{reachable(self.settings.host)}:{self.port}"

    @property
    def grpc_target(self) -> str:
        """The address of the Storage API, ``host:port``: the target of an insecure channel."""
        return f"{reachable(self.settings.host)}:{self.grpc_port}"

    @property
    def storage_url(self) -> str:
        """The address of Cloud Storage: the server that the settings name, else this one."""
        return self.settings.storage_host or self.url

    def environment(self) -> dict[str, str]:
        """Environment variables that point clients here.

        Google's storage clients read none; ``BIGQUERY_STORAGE_GRPC_ENDPOINT`` is for those who open channels.
        """
        found = environment(self.url, self.grpc_target, self.storage_url)
        return found | {"GOOGLE_CLOUD_PROJECT": self.project}

    def client(self, project: str | None = None, **options: Any) -> Any:
        """Google's ``bigquery.Client`` for this simulator. ModuleNotFoundError without ``bqsim[client]``.

        Its ``to_arrow()`` and ``to_dataframe()`` read through the Storage API of this simulator.
        """
        return clients.query_client(self.url, project or self.project, self.read_client, **options)

    def read_client(self) -> Any:
        """Google's ``BigQueryReadClient`` for this simulator; else as :meth:`client`."""
        return clients.read_client(self.grpc_target)

    def write_client(self) -> Any:
        """Google's ``BigQueryWriteClient`` for this simulator; else as :meth:`client`."""
        return clients.write_client(self.grpc_target)

    def data(self, *sources: Any, existing: str = "refuse", seed: int = 0) -> dict[str, int]:
        """Put seeds in: YAML files or texts, objects, SQL scripts, folders (see :mod:`bqsim.seeding`); the
        rows by table. ``existing`` is what becomes of tables that are there: refuse, replace or if-missing.

        >>> sim.data("tests/seed.yaml", "tests/data/")                             # doctest: +SKIP

        Raises ``SeedError``, a ``ValueError``, with file and line.
        """
        from bqsim.seeding import fill

        return fill(self.url, self.project, sources, existing, seed)

    def listen(self, scope: str, port: int = 0, grpc_port: int = 0) -> Port:
        """Open further ports, free ones without numbers: what comes in there is of ``scope``.

        >>> with sim.listen("batch") as batch:                                   # doctest: +SKIP
        ...     batch.faults.add("UNAVAILABLE")
        ...     batch.client().query_and_wait("SELECT 1")
        """
        from bqsim.ports import Port

        if self.core is None:
            raise RuntimeError("the simulator does not run")
        return Port(self.core, scope, reachable(self.settings.host), port, grpc_port)

    # The thread

    async def _serve(self, serving: Serving) -> None:
        loop = asyncio.get_running_loop()
        from bqsim.building import build
        from bqsim.server import build_grpc_server, build_server
        from bqsim.sweeping import sweep_for_ever

        parts = build(self.settings, self._scenario)
        try:
            server = build_server(parts.core)
            self.port = await server.start(self.settings.host, self.settings.port)
            try:
                # What this imports takes a while, in which queries are answered.
                grpc_server = await asyncio.to_thread(build_grpc_server, parts.core, loop)
                self.grpc_port = grpc_server.start(self.settings.host, self.settings.grpc_port)
            except OSError:
                await server.stop()
                raise
            from bqsim.server.grpc.arming import keep_armed

            parts.core.closing.callback(keep_armed(grpc_server, parts.core.simulation))
            parts.core.grpc_port = self.grpc_port
            parts.core.parts.loop = loop
            self.core = parts.core
            serving.ready()
            # Most statements need one of these; the first need not wait for all.
            loop.run_in_executor(None, parts.install)
            sweeper = loop.create_task(sweep_for_ever(parts.core))
            await serving.until_stopped()
            sweeper.cancel()
            await parts.core.listeners.stop()
            await asyncio.to_thread(grpc_server.stop, parts.core.storage.close)
            await server.stop()
            await parts.core.tabledata.close()
            await parts.core.jobs.close()
            await asyncio.to_thread(parts.core.closing.close)
        finally:
            await asyncio.to_thread(parts.close)


def _read(scenario: Scenarios) -> Scenario:
    """A scenario whose names are those of this server."""
    from bqsim.server.known import known
    from bqsim.sim.control.loading import scenario_of

    return scenario_of(scenario, known())


def start(scenario: Scenarios | None = None, **settings: Any) -> Simulator:
    """Start a simulator: ``with bqsim.start(project="p") as sim: ...``. Options are those of ``Settings``."""
    return Simulator(Settings(**settings), scenario).start()
