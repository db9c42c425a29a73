"""The composition root: a simulator with all its parts, running in a thread of its own."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from types import TracebackType
from typing import TYPE_CHECKING, Any

from bqsim import clients
from bqsim.errors import BigQueryError
from bqsim.settings import Settings
from bqsim.sim.control.control import Control

if TYPE_CHECKING:
    from bqsim.catalog.store import Catalog
    from bqsim.engine.protocol import Session
    from bqsim.ports import Port
    from bqsim.server.core import Core
    from bqsim.sim.control.loading import Scenarios
    from bqsim.sim.control.parts import Parts
    from bqsim.sim.scenario.access import IamSetup
    from bqsim.sim.scenario.model import Scenario
    from bqsim.sql.googlesql import GoogleSql
    from bqsim.storage.read.service import ReadService
    from bqsim.storage.write.service import WriteService

log = logging.getLogger(__name__)

START_TIMEOUT_S = 120.0
STOP_TIMEOUT_S = 20.0
# Of simulated time; nobody sees what is due to be swept.
SWEEP_S = 600.0
METADATA_WORKERS = 2
# How long a stop waits for the analyzer to have loaded; a first compilation may take longer.
WARMING_JOIN_S = 5.0


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
        self._thread: threading.Thread | None = None
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None

    # Life

    def start(self) -> Simulator:
        """Serve; returns when requests are answered. ``OSError`` when the port is taken. Idempotent."""
        if self._thread is not None:
            return self
        self._ready.clear()
        self._failure = None
        self._thread = threading.Thread(target=self._run, name="bqsim", daemon=True)
        self._thread.start()
        if not self._ready.wait(START_TIMEOUT_S):
            raise TimeoutError("bqsim did not start in time")
        if self._failure is not None:
            self._thread.join()
            self._thread = None
            raise self._failure
        return self

    def stop(self) -> None:
        """Stop serving, end all work, close the database. Idempotent."""
        thread, loop, stop = self._thread, self._loop, self._stop
        if thread is None or loop is None or stop is None:
            return
        loop.call_soon_threadsafe(stop.set)
        thread.join(STOP_TIMEOUT_S)
        if thread.is_alive():
            raise TimeoutError("bqsim did not stop in time")
        self._thread = None
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
    def url(self) -> str:
        """The address of the REST API: the ``api_endpoint`` of clients."""
        return f"http://{_shown(self.settings.host)}:{self.port}"

    @property
    def grpc_target(self) -> str:
        """The address of the Storage API, ``host:port``: the target of an insecure channel."""
        return f"{_shown(self.settings.host)}:{self.grpc_port}"

    def environment(self) -> dict[str, str]:
        """Environment variables that point clients here.

        Google's storage clients read none; ``BIGQUERY_STORAGE_GRPC_ENDPOINT`` is for those who open channels.
        """
        return {
            "BIGQUERY_EMULATOR_HOST": self.url,
            "BIGQUERY_STORAGE_GRPC_ENDPOINT": self.grpc_target,
            "GOOGLE_CLOUD_PROJECT": self.project,
        }

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

    def listen(self, scope: str, port: int = 0, grpc_port: int = 0) -> Port:
        """Open further ports, free ones without numbers: what comes in there is of ``scope``.

        >>> with sim.listen("batch") as batch:                                   # doctest: +SKIP
        ...     batch.faults.add("UNAVAILABLE")
        ...     batch.client().query_and_wait("SELECT 1")
        """
        from bqsim.ports import Port

        if self.core is None:
            raise RuntimeError("the simulator does not run")
        return Port(self.core, scope, _shown(self.settings.host), port, grpc_port)

    # The thread

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as e:
            if self._ready.is_set():
                log.exception("bqsim stopped")
            self._failure = e
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        from bqsim.server import build_grpc_server, build_server

        parts = _build(self.settings, self._scenario)
        try:
            server = build_server(parts.core)
            self.port = await server.start(self.settings.host, self.settings.port)
            try:
                # What this imports takes a while, in which queries are answered.
                grpc_server = await asyncio.to_thread(build_grpc_server, parts.core, self._loop)
                self.grpc_port = grpc_server.start(self.settings.host, self.settings.grpc_port)
            except OSError:
                await server.stop()
                raise
            parts.core.grpc_port = self.grpc_port
            parts.core.parts.loop = self._loop
            self.core = parts.core
            self._ready.set()
            # Most statements need one of these; the first need not wait for all.
            self._loop.run_in_executor(None, parts.install)
            sweeper = self._loop.create_task(_sweep(parts.core))
            await self._stop.wait()
            sweeper.cancel()
            await parts.core.listeners.stop()
            await asyncio.to_thread(grpc_server.stop, parts.core.storage.close)
            await server.stop()
            await parts.core.tabledata.close()
            await parts.core.jobs.close()
        finally:
            await asyncio.to_thread(parts.close)


def _shown(host: str) -> str:
    """A host to listen on as one that clients can reach."""
    return {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)


@dataclass(slots=True)
class _Parts:
    """What a simulator owns and closes."""

    core: Core
    install: Callable[[], None]
    closing: ExitStack

    def close(self) -> None:
        """Close everything, the last made first."""
        self.closing.close()


def _read(scenario: Scenarios) -> Scenario:
    """A scenario whose names are those of this server."""
    from bqsim.server.known import known
    from bqsim.sim.control.loading import scenario_of

    return scenario_of(scenario, known())


def _build(settings: Settings, scenario: Scenario | None = None) -> _Parts:
    """Make the parts of a simulator; the analyzer loads in the background meanwhile."""
    from bqsim.catalog.store import Catalog
    from bqsim.server.identity import authenticator_of
    from bqsim.sim.control.loading import clock_of, put_in_force
    from bqsim.sim.draws import Draws
    from bqsim.sim.gate import Gate
    from bqsim.sim.iam import Iam
    from bqsim.sim.iam.load import load
    from bqsim.sim.simulation import Simulation
    from bqsim.sql.googlesql import GoogleSql

    clock = clock_of(None if scenario is None else scenario.clock)
    draws = Draws(settings.seed)
    simulation = Simulation(clock, draws, repeatable=settings.seed is not None)
    # What is wrong with these is told before anything is started.
    authenticator = authenticator_of(settings, clock)
    policy = load(settings.iam_policy) if settings.iam_policy is not None else None
    projects = (settings.project, *settings.extra_projects)
    catalog = Catalog(clock, draws, settings.location, projects)
    catalog.buffers.span_s = settings.streaming_buffer_s
    googlesql = GoogleSql(catalog, settings, progress=_progress)
    warming = threading.Thread(target=_warm, args=(googlesql,), name="bqsim-analyzer", daemon=True)
    warming.start()
    with ExitStack() as undo:
        undo.callback(clock.close)
        undo.callback(googlesql.close)
        undo.callback(warming.join, WARMING_JOIN_S)
        from bqsim.engine.duckdb import DuckDBEngine
        from bqsim.engine.pool import EnginePool

        engine = DuckDBEngine(
            settings.data_dir,
            threads=settings.engine_threads,
            chance=lambda: draws.uniform("engine.random"),
        )
        undo.callback(engine.close)
        records = engine.metadata()
        catalog.load(records)
        # More threads than jobs may take, so that changes of metadata never wait for them.
        pool = EnginePool(engine, settings.workers + METADATA_WORKERS)
        undo.callback(pool.close)

        from bqsim.jobs import JobService, TableData
        from bqsim.jobs.iam import Holdings
        from bqsim.server.core import Core
        from bqsim.server.quotas import limit_control
        from bqsim.sim.jobs import jobs_of
        from bqsim.sql.executor import Executor
        from bqsim.sql.planner import Planner
        from bqsim.sql.reference import ReferenceRoute
        from bqsim.sql.script import ScriptRunner
        from bqsim.storage.services import Storage

        # Appends may wait for a transaction that has their table: readers must not wait with them.
        read_pool = EnginePool(engine, settings.storage_workers)
        undo.callback(read_pool.close)
        write_pool = EnginePool(engine, settings.storage_workers)
        undo.callback(write_pool.close)
        reference = ReferenceRoute(googlesql)
        planner = Planner(catalog, googlesql, clock, reference)
        executor = Executor(catalog, planner, googlesql, reference, clock, draws)
        befalling = jobs_of(simulation)
        jobs = JobService(
            catalog=catalog,
            pool=pool,
            executor=executor,
            scripts=ScriptRunner(executor, googlesql),
            clock=clock,
            draws=draws,
            settings=settings,
            observer=befalling,
        )
        befalling.host = jobs

        holdings = Holdings(jobs)
        iam = Iam(clock, policy, carried=holdings.carried, find_job=holdings.find_job)
        executor.access.policy = lambda: iam.policy

        def enforce(action: str, what: str) -> None:
            simulation.enforcement = iam.enforcement
            simulation.control(action, details={"of": what})
            simulation.changed()

        iam.listeners.append(enforce)

        def follow() -> None:
            setup = None if simulation.scenario is None else simulation.scenario.iam
            if setup is followed[0]:
                return
            auth = settings.auth if setup is None or setup.auth is None else setup.auth
            found = authenticator_of(replace(settings, auth=auth), clock)
            followed[0] = setup
            iam.follow(setup)
            core.authenticator = found

        followed: list[IamSetup | None] = [None]
        simulation.listeners.append(follow)
        simulation.enforcement = iam.enforcement
        simulation.changed()

        def make_read() -> ReadService:
            from bqsim.storage.read.service import ReadService

            return ReadService(
                catalog=catalog,
                pool=read_pool,
                executor=executor,
                results=jobs.results_store,
                find_job=jobs.get,
                clock=clock,
                draws=draws,
                settings=settings,
            )

        def make_write() -> WriteService:
            from bqsim.storage.write.service import WriteService

            service = WriteService(
                catalog=catalog,
                pool=write_pool,
                executor=executor,
                clock=clock,
                draws=draws,
                settings=settings,
            )
            service.load(records)
            return service

        storage = Storage(make_read, make_write)
        undo.callback(storage.close)
        core = Core(
            settings=settings,
            clock=clock,
            draws=draws,
            gate=Gate(simulation),
            simulation=simulation,
            catalog=catalog,
            pool=pool,
            googlesql=googlesql,
            jobs=jobs,
            tabledata=TableData(
                catalog=catalog, pool=pool, executor=executor, results=jobs.results_store, clock=clock
            ),
            executor=executor,
            storage=storage,
            authenticator=authenticator,
            iam=iam,
        )
        core.parts.limits = limit_control(core)
        core.parts.jobs = befalling
        if scenario is not None:
            put_in_force(core.parts, scenario, clock=False)
        return _Parts(core, engine.install_kernels, undo.pop_all())


def _warm(googlesql: GoogleSql) -> None:
    """Load the analyzer; the first query reports what goes wrong here."""
    try:
        googlesql.start()
    except Exception:
        log.warning("the analyzer did not load", exc_info=True)


def _progress(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


async def _sweep(core: Core) -> None:
    """Drop expired tables and what is too old for time travel, from time to time."""
    while True:
        await core.clock.sleep(SWEEP_S)
        if not _has_rubbish(core.catalog):
            continue
        try:
            with core.clock.hold():
                await core.write(lambda session: sweep(core.catalog, session))
        except BigQueryError:
            log.exception("the sweep of expired tables failed")


def _has_rubbish(catalog: Catalog) -> bool:
    """Whether a sweep would find anything; a clock that is moved by days asks that often."""
    from bqsim.catalog.history import HISTORY_US

    return bool(catalog.expired_tables()) or any(catalog.history.stale(catalog.clock.now_us() - HISTORY_US))


def sweep(catalog: Catalog, session: Session) -> None:
    """Drop expired tables; forget what is past the time travel window, with its rows."""
    from bqsim.catalog.history import HISTORY_US

    for table in catalog.expired_tables():
        with catalog.lock(table.ref), catalog.change(session) as change:
            if catalog.find_table(table.ref) is None:
                change.drop_table(table.ref)
    with catalog.change(session) as change:
        for engine_table in change.forget(change.time_us - HISTORY_US):
            session.drop_table(engine_table)


def start(scenario: Scenarios | None = None, **settings: Any) -> Simulator:
    """Start a simulator: ``with bqsim.start(project="p") as sim: ...``. Options are those of ``Settings``."""
    return Simulator(Settings(**settings), scenario).start()
