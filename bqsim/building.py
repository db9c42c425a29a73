"""The composition root: the parts of a simulator, wired."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bqsim.settings import Settings

if TYPE_CHECKING:
    from bqsim.catalog.store import Catalog
    from bqsim.engine.duckdb import DuckDBEngine
    from bqsim.engine.pool import EnginePool
    from bqsim.jobs import JobService
    from bqsim.objects import ObjectStore
    from bqsim.server.core import Core
    from bqsim.sim.clock import SimulationClock
    from bqsim.sim.draws import Draws
    from bqsim.sim.jobs import JobSimulation
    from bqsim.sim.scenario.model import Scenario
    from bqsim.sql.executor import Executor
    from bqsim.sql.googlesql import GoogleSql
    from bqsim.sql.in_force import InForce, Past
    from bqsim.storage.read.service import ReadService
    from bqsim.storage.services import Storage
    from bqsim.storage.write.service import WriteService

log = logging.getLogger(__name__)

METADATA_WORKERS = 2
# How long a stop waits for the analyzer to have loaded; a first compilation may take longer.
WARMING_JOIN_S = 5.0


def _keep_statistics(engine: DuckDBEngine, executor: Executor) -> None:
    """Write what is known of partitions, before the engine is closed."""
    session = engine.session()
    try:
        executor.kept.save(session)
    finally:
        session.close()


@dataclass(slots=True)
class Built:
    """What a simulator owns and closes."""

    core: Core
    install: Callable[[], None]
    closing: ExitStack

    def close(self) -> None:
        """Close everything, the last made first."""
        self.closing.close()


def build(settings: Settings, scenario: Scenario | None = None) -> Built:
    """Make the parts of a simulator; the analyzer loads in the background meanwhile."""
    from bqsim.catalog.store import Catalog
    from bqsim.server.identity import authenticator_of
    from bqsim.sim.clock import SimulationClock
    from bqsim.sim.draws import Draws
    from bqsim.sim.gate import Gate
    from bqsim.sim.iam import Iam
    from bqsim.sim.simulation import Simulation
    from bqsim.sql.googlesql import GoogleSql

    if scenario is None:
        clock = SimulationClock()
    else:
        from bqsim.sim.control.loading import clock_of, put_in_force

        clock = clock_of(scenario.clock)
    draws = Draws(settings.seed)
    simulation = Simulation(clock, draws, repeatable=settings.seed is not None)
    # What is wrong with these is told before anything is started.
    authenticator = authenticator_of(settings, clock)
    policy = None
    if settings.iam_policy is not None:
        from bqsim.sim.iam.load import load

        policy = load(settings.iam_policy)
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
        from bqsim.engine.older import brought_up
        from bqsim.engine.pool import EnginePool

        engine = DuckDBEngine(
            settings.data_dir,
            threads=settings.engine_threads,
            chance=lambda: draws.uniform("engine.random"),
        )
        undo.callback(engine.close)
        records = brought_up(engine, engine.metadata())
        catalog.load(records)
        # More threads than jobs may take, so that changes of metadata never wait for them.
        pool = EnginePool(engine, settings.workers + METADATA_WORKERS)
        undo.callback(pool.close)

        from bqsim.jobs import JobService, TableData
        from bqsim.jobs.history import JobHistory
        from bqsim.jobs.iam import Holdings
        from bqsim.server.core import Core
        from bqsim.server.policing import follow_policy
        from bqsim.server.quotas import limit_control
        from bqsim.sim.jobs import jobs_of
        from bqsim.sql.executor import Executor
        from bqsim.sql.planner import Planner
        from bqsim.sql.reference import ReferenceRoute
        from bqsim.sql.script import ScriptRunner

        # Appends may wait for a transaction that has their table: readers must not wait with them.
        read_pool = EnginePool(engine, settings.storage_workers)
        undo.callback(read_pool.close)
        write_pool = EnginePool(engine, settings.storage_workers)
        undo.callback(write_pool.close)
        reference = ReferenceRoute(googlesql)
        planner = Planner(catalog, googlesql, clock, reference)
        objects = _objects(settings, clock)
        undo.callback(objects.close)
        executor = Executor(catalog, planner, googlesql, reference, clock, draws, objects)
        executor.kept.load(records)
        if settings.data_dir is not None:
            undo.callback(_keep_statistics, engine, executor)
        # What has expired is gone before anybody reads.
        for readers in (pool, read_pool, write_pool):
            readers.before = executor.expire
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
        befalling.home = settings.project
        executor.sources.history = JobHistory(jobs.index, jobs.sessions)
        executor.sources.capacity = lambda: _in_force(befalling, settings)
        executor.sources.past = lambda: _past(befalling, settings)

        holdings = Holdings(jobs)
        iam = Iam(clock, policy, carried=holdings.carried, find_job=holdings.find_job)
        executor.access.policy = lambda: iam.policy

        storage = _storage(settings, draws, records, executor, jobs, read_pool, write_pool)
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
        follow_policy(core)
        core.parts.limits = limit_control(core)
        core.parts.jobs = befalling
        core.parts.answers = googlesql.answers
        if scenario is not None:
            put_in_force(core.parts, scenario, clock=False)
            _go_on(befalling, catalog)
        return Built(core, engine.install_kernels, undo.pop_all())


def _in_force(jobs: JobSimulation, settings: Settings) -> InForce | None:
    """The capacity that jobs share, for INFORMATION_SCHEMA."""
    capacity = jobs.capacity
    if capacity is None:
        return None
    from bqsim.sql.in_force import InForce

    return InForce(
        capacity,
        settings.project,
        settings.location,
        jobs.since_us // 1000,
        # Reservations come first; a project on demand may have the name of one.
        lambda: {place.name: place.scaled for place in reversed(jobs.places())},
        jobs.exchange,
        jobs.given,
    )


def _past(jobs: JobSimulation, settings: Settings) -> Past | None:
    """What is remembered of the slots of jobs, for INFORMATION_SCHEMA."""
    memory = jobs.remembered
    if memory is None:
        return None
    from bqsim.sql.in_force import Past

    return Past(memory, settings.project, settings.location)


def _go_on(jobs: JobSimulation, catalog: Catalog) -> None:
    """Put in force what statements had made of the capacity of the scenario before a restart. What they made
    of another is history."""
    from bqsim.catalog.administration import Described

    capacity = jobs.capacity
    known = catalog.administration.all(Described) if capacity is not None else []
    if not known or capacity is None:
        return
    from bqsim.sim.control.slots import capacity_of
    from bqsim.sim.scenario.tree import ScenarioError

    try:
        given, now = (capacity_of(text) for text in (known[0].given, known[0].now))
    except ScenarioError:
        log.warning("the data directory has a capacity that is refused by now; the scenario's is in force")
        return
    if given == capacity:
        jobs.exchange(capacity, now)


def _objects(settings: Settings, clock: SimulationClock) -> ObjectStore:
    if settings.storage_host is not None:
        from bqsim.objects.remote import RemoteStore

        return RemoteStore(clock, settings.storage_host, settings.project)
    from bqsim.objects import ObjectStore

    return ObjectStore(clock, _objects_dir(settings), requires_buckets=settings.require_buckets)


def _objects_dir(settings: Settings) -> Path | None:
    if settings.objects_dir is None and settings.data_dir is not None:
        return settings.data_dir / "objects"
    return settings.objects_dir


def _storage(
    settings: Settings,
    draws: Draws,
    records: Iterable[tuple[str, str, str]],
    executor: Executor,
    jobs: JobService,
    read_pool: EnginePool,
    write_pool: EnginePool,
) -> Storage:
    """The Storage API's services, made when the first call comes; ``records`` are stored write streams."""
    from bqsim.storage.services import Storage

    def make_read() -> ReadService:
        from bqsim.storage.read.service import ReadService

        return ReadService(
            catalog=executor.catalog,
            pool=read_pool,
            executor=executor,
            results=jobs.results_store,
            find_job=jobs.get,
            clock=jobs.clock,
            draws=draws,
            settings=settings,
        )

    def make_write() -> WriteService:
        from bqsim.storage.write.service import WriteService

        service = WriteService(
            catalog=executor.catalog,
            pool=write_pool,
            executor=executor,
            clock=jobs.clock,
            draws=draws,
            settings=settings,
        )
        service.load(records)
        return service

    return Storage(make_read, make_write)


def _warm(googlesql: GoogleSql) -> None:
    """Load the analyzer; the first query reports what goes wrong here."""
    try:
        googlesql.start()
    except Exception:
        log.warning("the analyzer did not load", exc_info=True)


def _progress(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
