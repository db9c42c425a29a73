"""Query jobs from their request to their work: made, checked, answered from the cache, or started."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bqsim.errors import BigQueryError, not_found
from bqsim.jobs.config import QueryConfig, parse_query
from bqsim.jobs.job import Job, JobType
from bqsim.jobs.machine import State
from bqsim.jobs.sessions import Sessions, SqlSession
from bqsim.sim.stale import seen, seen_through

if TYPE_CHECKING:
    from bqsim.catalog.store import Catalog
    from bqsim.engine.pool import EnginePool
    from bqsim.engine.protocol import Session
    from bqsim.jobs.cache import CachedResult, ResultCache
    from bqsim.jobs.making import JobMaker
    from bqsim.jobs.query import QueryRunner
    from bqsim.jobs.runner import JobRunner
    from bqsim.sim.clock import Clock


class QueryStarter:
    """Makes and starts query jobs; the service tells who they are known to."""

    def __init__(
        self,
        *,
        catalog: Catalog,
        pool: EnginePool,
        runner: JobRunner,
        sessions: Sessions,
        cache: ResultCache,
        queries: QueryRunner,
        maker: JobMaker,
        clock: Clock,
    ) -> None:
        self._catalog = catalog
        self._pool = pool
        self._runner = runner
        self._sessions = queries.sessions = sessions
        self._cache = cache
        self._queries = queries
        self._maker = maker
        self._clock = clock

    async def job(
        self,
        project: str,
        configuration: Mapping[str, Any],
        reference: Mapping[str, Any],
        caller: str,
        config: QueryConfig,
    ) -> Job:
        """A new query job, in the location of the datasets that it names unless the request gives one."""
        query = {**configuration["query"], "useLegacySql": config.legacy}
        query.setdefault("priority", "INTERACTIVE")
        if config.target is not None:
            query.setdefault("createDisposition", "CREATE_IF_NEEDED")
            query.setdefault("writeDisposition", "WRITE_EMPTY")
        shown = {**configuration, "query": query}
        job = self._maker.job(
            JobType.QUERY, project, shown, reference, caller, config.target, config.default_dataset
        )
        if not reference.get("location"):
            found = await self._location_of(job, config)
            if found is not None and found != job.ref.location:
                job.ref = replace(job.ref, location=found)
        return job

    async def _location_of(self, job: Job, config: QueryConfig) -> str | None:
        """Where a job runs that names no location: where its session is, or what its query names."""
        location = self._sessions.location_of(config.properties.get("session_id"), job.ref.project)
        if location is not None:
            return location
        if self._catalog.locations.keys() <= {job.ref.location} and "region-" not in config.sql.casefold():
            return None
        return await self._pool.run(lambda engine: self._queries.location_of(job, config, engine))

    async def dry_run(self, job: Job, config: QueryConfig) -> Job:
        """Check ``job`` and say what it would do, instead of running it. Raises what is wrong with it."""
        job.dry_run = True
        session = self._session_of(job, config)
        statistics = await self._pool.run(lambda engine: self._queries.dry_run(job, config, session, engine))
        job.statistics = statistics
        job.move(State.DONE, self._clock.now_us())
        return job

    def _session_of(self, job: Job, config: QueryConfig) -> SqlSession | None:
        session_id = config.properties.get("session_id")
        if session_id:
            session = self._sessions.get(session_id, job.ref.project)
        elif config.create_session and not config.dry_run:
            session = self._sessions.create(job.ref.project, job.ref.location, job.caller)
        else:
            return None
        job.session_id = session.id
        return session

    def start(self, job: Job, config: QueryConfig) -> None:
        """Run ``job`` in the background; one whose result is in the cache may be DONE at once."""
        try:
            session = self._session_of(job, config)
            if session is not None:
                self._sessions.enter(session)
        except BigQueryError as error:
            self._runner.finish(job, error)
            return
        key = self._queries.cache_key(job, config) if session is None else None
        hit = self._cache.get(key, self._clock.now_us()) if key is not None else None
        if hit is not None:
            self._answer_from_cache(job, config, hit)
            return
        if config.create_never and config.target is None:
            self._runner.finish(job, _no_cached_result(job))
            return
        # A job is no part of the call that makes it, but sees what that sees.
        view = seen()

        def run(engine: Session) -> None:
            with seen_through(view):
                self._queries.run(job, config, session, engine)

        self._runner.start(
            job,
            run,
            config.job_timeout_ms,
            finally_=(lambda: self._sessions.leave(session)) if session is not None else None,
        )

    def _answer_from_cache(self, job: Job, config: QueryConfig, hit: CachedResult) -> None:
        """Finish ``job`` with a cached result, once its caller may still read what that was made of."""
        job.cached = True
        if self._queries.restricted:

            def answer(engine: Session) -> None:
                self._queries.authorize(job, config, engine)
                self._queries.answer_from_cache(job, hit)

            self._runner.start(job, answer, config.job_timeout_ms)
            return
        self._runner.run_at_once(job, lambda: self._queries.answer_from_cache(job, hit))

    async def estimate(self, job: Job) -> tuple[int, str]:
        """Bytes that a query job would process, and its statement type; nothing for what cannot be told."""
        if job.type is not JobType.QUERY:
            return 0, ""
        try:
            config = parse_query(job.configuration, job.ref.project)
            with self._clock.hold():
                found = await self._pool.run(lambda engine: self._queries.dry_run(job, config, None, engine))
        except BigQueryError:
            return 0, ""
        return found.bytes_processed, found.statement_type


def _no_cached_result(job: Job) -> BigQueryError:
    return not_found("Table", f"{job.ref.project}:cached result of job {job.ref.job_id}")
