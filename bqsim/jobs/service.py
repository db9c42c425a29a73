"""The job service: everything that the API's ``jobs`` methods do."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from bqsim.catalog.refs import TableRef
from bqsim.catalog.resources import Dataset, Table
from bqsim.engine.pool import EnginePool
from bqsim.errors import BigQueryError, invalid
from bqsim.jobs.anonymous import AnonymousTables
from bqsim.jobs.cache import ResultCache
from bqsim.jobs.children import Children
from bqsim.jobs.config import check_labels, parse_query
from bqsim.jobs.index import JobFilter, JobIndex, JobPage
from bqsim.jobs.job import Job, JobType
from bqsim.jobs.limits import JobLimits
from bqsim.jobs.locations import canonical_location
from bqsim.jobs.machine import State
from bqsim.jobs.making import JobMaker, job_type_of
from bqsim.jobs.query import QueryRunner
from bqsim.jobs.reading import bad_value, boolean, int64, required
from bqsim.jobs.requests import Requests, configuration_of, timeout_s
from bqsim.jobs.results import PAGE_BYTES, ResultPage, ResultSet, ResultStore, TableResult, Window
from bqsim.jobs.runner import JobObserver, JobRunner, Work
from bqsim.jobs.sessions import Sessions
from bqsim.jobs.starting import QueryStarter
from bqsim.jobs.transfers import Transfers
from bqsim.sim.gate import note
from bqsim.sim.stale import seen

if TYPE_CHECKING:
    from bqsim.catalog.store import Catalog
    from bqsim.jobs.load import LoadRunner
    from bqsim.jobs.upload import Upload
    from bqsim.settings import Settings
    from bqsim.sim.clock import Clock
    from bqsim.sim.draws import Draws
    from bqsim.sql.executor import Executor
    from bqsim.sql.script import ScriptRunner


# Wall time that a read gives a job to leave the state that was read often enough.
LEAVING_S = 10.0


class JobService:
    """Runs jobs and remembers them. All methods belong to one event loop; work runs in the engine pool's
    threads."""

    def __init__(
        self,
        *,
        catalog: Catalog,
        pool: EnginePool,
        executor: Executor,
        scripts: ScriptRunner,
        clock: Clock,
        draws: Draws,
        settings: Settings,
        observer: JobObserver | None = None,
    ) -> None:
        self.catalog = catalog
        self.clock = clock
        self.settings = settings
        self.runner = JobRunner(pool, clock, settings.workers, observer)
        self.limits = self.runner.limits = JobLimits(
            catalog, self.runner.end, executor.sizes.statistics, self.runner.reserved
        )
        self.results_store = ResultStore(settings.result_memory_bytes, max_results=settings.max_jobs)
        self.index = JobIndex(settings.max_jobs)
        self.sessions = Sessions(clock, draws)
        self._pool = pool
        self._maker = JobMaker(catalog, clock, draws, settings.location)
        self.cache = ResultCache(
            self._find_table,
            catalog.find_routine,
            lambda t: catalog.buffers.concern(t) or catalog.expiring.concern(t),
        )
        catalog.find_anonymous = AnonymousTables(catalog, pool.engine, self.results_store).find
        queries = QueryRunner(
            catalog=catalog,
            executor=executor,
            scripts=scripts,
            cache=self.cache,
            clock=clock,
            draws=draws,
            results=self.results_store,
            children=Children(self._maker, self.index, self.runner, clock),
        )
        self._starter = QueryStarter(
            catalog=catalog,
            pool=pool,
            runner=self.runner,
            sessions=self.sessions,
            cache=self.cache,
            queries=queries,
            maker=self._maker,
            clock=clock,
        )
        self._executor = executor
        self.transfers = Transfers(executor, self._maker)
        self.requests = Requests()

    # What reads files is imported when the first file comes.

    @cached_property
    def _loads(self) -> LoadRunner:
        from bqsim.jobs.load import LoadRunner

        return LoadRunner(self.catalog, self._executor)

    # -- jobs.insert

    async def insert(
        self, project: str, body: Mapping[str, Any], caller: str, upload: Upload | None = None
    ) -> Job:
        """Create a job from a ``Job`` resource. Answers before it runs; dry runs are DONE (or raise)."""
        configuration = body.get("configuration")
        if not isinstance(configuration, Mapping):
            raise required("configuration")
        reference = body.get("jobReference") or {}
        if not isinstance(reference, Mapping):
            raise bad_value("jobReference", reference)
        if reference.get("projectId") not in (None, "", project):
            raise invalid("Value for jobReference.projectId does not match the project of the request")
        type_ = job_type_of(configuration)
        check_labels(configuration.get("labels"))
        start = _STARTERS[type_]
        return await start(self, project, configuration, reference, caller, upload)

    async def _insert_query(
        self,
        project: str,
        configuration: Mapping[str, Any],
        reference: Mapping[str, Any],
        caller: str,
        upload: Upload | None,
    ) -> Job:
        config = parse_query(configuration, project)
        job = await self._starter.job(project, configuration, reference, caller, config)
        if config.dry_run:
            return await self._starter.dry_run(job, config)
        self._admit(job)
        self._starter.start(job, config)
        return job

    async def _insert_load(
        self,
        project: str,
        configuration: Mapping[str, Any],
        reference: Mapping[str, Any],
        caller: str,
        upload: Upload | None,
    ) -> Job:
        from bqsim.jobs.load_config import parse_load
        from bqsim.jobs.load_session import entered, in_session

        config = parse_load(configuration["load"], project, upload)
        job = self._maker.job(JobType.LOAD, project, configuration, reference, caller, config.target)
        config, session = in_session(self.sessions, job, config)
        self._admit(job)
        try:
            leave = entered(self.sessions, session)
        except BigQueryError as error:
            self.runner.finish(job, error)
            return job
        self.runner.start(
            job,
            lambda engine: self._loads.run(job, config, engine),
            int64(configuration, "jobTimeoutMs"),
            finally_=leave,
        )
        return job

    async def _insert_transfer(
        self,
        project: str,
        configuration: Mapping[str, Any],
        reference: Mapping[str, Any],
        caller: str,
        upload: Upload | None,
    ) -> Job:
        job, work, check = self.transfers.job(project, configuration, reference, caller)
        if not boolean(configuration, "dryRun", False):
            return self._started(job, configuration, work)
        job.dry_run = True
        await self._pool.run(check)
        job.move(State.DONE, self.clock.now_us())
        return job

    def _started(self, job: Job, configuration: Mapping[str, Any], work: Work) -> Job:
        """List a job and start its work, bounded by the configuration's ``jobTimeoutMs``."""
        self._admit(job)
        self.runner.start(job, work, int64(configuration, "jobTimeoutMs"))
        return job

    # -- jobs.query

    async def query(self, project: str, request: Mapping[str, Any], caller: str) -> Job:
        """Run a ``QueryRequest`` and wait for it up to its ``timeoutMs``.

        The job may have failed (``job.error``) or still run. A repeated ``requestId`` gives the first job.
        """
        known = self.requests.find(project, caller, request, self.clock.now_us())
        if known is not None:
            note(deduplicated=True)
            return await self._read(known, timeout_s(request))
        configuration = configuration_of(request)
        config = parse_query(configuration, project)
        reference = {"location": request.get("location")}
        job = await self._starter.job(project, configuration, reference, caller, config)
        if config.dry_run:
            return await self._starter.dry_run(job, config)
        optional = request.get("jobCreationMode") == "JOB_CREATION_OPTIONAL" and not config.create_session
        self._admit(job, listed=not optional)
        self.requests.remember(project, caller, request, job)
        self._starter.start(job, config)
        if not job.done:
            await job.wait(timeout_s(request), self.clock)
        if optional:
            self._settle_optional(job, int64(request, "maxResults"))
        return job

    def _admit(self, job: Job, *, listed: bool = True) -> None:
        """Make a new job known."""
        self.limits.queued(job)
        try:
            self.runner.admit(job)
            if listed:
                self.index.add(job)
        except BigQueryError:
            self.limits.done(job)
            raise
        self.runner.created(job)

    def _settle_optional(self, job: Job, max_results: int | None) -> None:
        """Answer without a job when one reply holds everything, else make it a job after all."""
        if not job.done:
            job.creation_reason = "LONG_RUNNING"
        elif job.result is not None and self._has_more(job, job.result, max_results):
            job.creation_reason = "LARGE_RESULTS"
        else:
            job.created = False
            return
        self.index.add(job)

    def _has_more(self, job: Job, result: ResultSet | TableResult, max_results: int | None) -> bool:
        """Whether one page does not hold all rows."""
        window = Window(job.ref.api_name, None, max_results, None)
        return window.of(result.num_rows, result.row_bytes)[2] is not None

    # -- the other methods

    def get(self, project: str, job_id: str, location: str | None = None) -> Job:
        """The job; 404 ``notFound`` when there is none of this id in ``location`` (any, when None)."""
        lag_us = self._lag_us()
        before_us = self.clock.now_us() - lag_us if lag_us else None
        return self.index.get(project, job_id, canonical_location(location) if location else None, before_us)

    def list(
        self,
        project: str,
        wanted: JobFilter,
        page_token: str | None = None,
        max_results: int | None = None,
    ) -> JobPage:
        """One page of jobs, newest first."""
        lag_us = self._lag_us()
        if lag_us:
            seen_ms = (self.clock.now_us() - lag_us) // 1000
            latest = wanted.max_creation_ms
            wanted = replace(wanted, max_creation_ms=seen_ms if latest is None else min(seen_ms, latest))
        return self.index.list(project, wanted, page_token, max_results)

    def _lag_us(self) -> int:
        """How old a job is before it is seen."""
        view = seen()
        return 0 if view is None else view.jobs

    def find(self, project: str, job_id: str) -> Job | None:
        """The job, None when there is none."""
        try:
            return self.index.get(project, job_id, None)
        except BigQueryError:
            return None

    async def read(
        self, project: str, job_id: str, location: str | None = None, wait_s: float | None = None
    ) -> Job:
        """The job for a client that follows it; waits for its end up to ``wait_s`` seconds."""
        return await self._read(self.get(project, job_id, location), wait_s)

    async def _read(self, job: Job, wait_s: float | None) -> Job:
        observer = self.runner.observer
        if observer is not None and not job.done:
            leaving = observer.leaving(job)
            if leaving is not None:
                await asyncio.wait((leaving,), timeout=LEAVING_S)
            if not job.done and observer.polled(job):
                return job
        if wait_s and not job.done:
            await job.wait(wait_s, self.clock)
        return job

    async def cancel(self, project: str, job_id: str, location: str | None = None) -> Job:
        """Ask for the end of a job; a PENDING one is DONE at once, a RUNNING one when its work stops."""
        job = self.get(project, job_id, location)
        if not self.runner.cancel(job):
            await job.wait(None)
        return job

    async def estimate(self, job: Job) -> tuple[int, str]:
        """Bytes that a query job would process, and its statement type; nothing for what cannot be told."""
        return await self._starter.estimate(job)

    def delete(self, project: str, job_id: str, location: str | None = None) -> None:
        """Forget a DONE job and its children."""
        job = self.get(project, job_id, location)
        if not job.done:
            raise BigQueryError(
                "resourceInUse", f"Job {job.ref.api_name} is still running and cannot be deleted"
            )
        if job.parent is not None:
            raise invalid(f"Job {job.ref.api_name} is a child job and cannot be deleted")
        self.index.remove(job)

    async def wait(self, job: Job, timeout_s: float | None) -> bool:
        """Wait for the end of ``job``, at most ``timeout_s`` seconds; whether it is DONE."""
        return await job.wait(timeout_s, self.clock)

    async def results(
        self,
        job: Job,
        *,
        start_index: int | None = None,
        max_results: int | None = None,
        page_token: str | None = None,
        max_bytes: int = PAGE_BYTES,
        caller: str | None = None,
        groups: tuple[str, ...] = (),
    ) -> ResultPage:
        """A page of a DONE query job's rows; raises the failure of a failed one. Statements without rows have
        none. 403 for what row access policies hide from the ``caller``, who is the job's own when None."""
        job.raise_for_error()
        if job.type is not JobType.QUERY:
            raise invalid(f"Job {job.ref.api_name} is not a query job")
        result = job.result
        window = Window(job.ref.api_name, start_index, max_results, page_token, max_bytes)
        if result is None:
            from bqsim.types.arrow import empty_table

            window.of(0, 1)
            return ResultPage((), empty_table(()), 0, None)
        start, count, token = window.of(result.num_rows, result.row_bytes)
        if caller is None:
            caller, groups = job.caller, job.groups
        encoded = None
        if isinstance(result, ResultSet):
            result.check_reader(caller)
            rows = result.slice(start, count)
            encoded = result.kept_json(rows.num_rows)
        else:
            stored = result
            self._executor.require_full_access(stored.table, caller, groups)
            rows = await self._pool.run(lambda session: stored.read(session, start, count))
        return ResultPage(result.schema, rows, result.num_rows, token, encoded=encoded)

    def anonymous_table(self, ref: TableRef) -> Table | None:
        """The table that holds a query result, None when ``ref`` is no such table or has expired."""
        if not ref.dataset.startswith("_"):
            return None
        result = self.results_store.find(ref, self.clock.now_us())
        return result.as_table() if result is not None else None

    def hidden_datasets(self, project: str) -> Sequence[Dataset]:
        """Datasets of query results that the catalog does not have; lists show them with ``all`` only."""
        kept = self.results_store.hidden_datasets(project)
        return [d for d in kept if self.catalog.find_dataset(d.ref) is None]

    async def close(self) -> None:
        """Stop all jobs and drop all results."""
        await self.runner.close()
        self.results_store.close()

    def _find_table(self, ref: TableRef) -> Table | None:
        return self.anonymous_table(ref) or self.catalog.find_table(ref)


_Starter = Callable[
    [JobService, str, Mapping[str, Any], Mapping[str, Any], str, "Upload | None"], Awaitable[Job]
]
_STARTERS: dict[JobType, _Starter] = {
    JobType.QUERY: JobService._insert_query,
    JobType.LOAD: JobService._insert_load,
    JobType.COPY: JobService._insert_transfer,
    JobType.EXTRACT: JobService._insert_transfer,
}
