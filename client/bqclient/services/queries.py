"""Queries: run at once, as jobs, dry, or row by row."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, Unpack

from bqclient.errors import (
    BigQueryError,
    BytesBilledLimitError,
    DeadlineExceededError,
    JobTimeoutError,
    QueryTimeoutError,
    ServiceUnavailableError,
    TransportError,
    UsageError,
)
from bqclient.models.job import Job
from bqclient.models.references import JobReference
from bqclient.runtime import Deadline

from . import polling
from .job_errors import RESTARTS, Again, may_be_script, only_reads
from .jobs import failed_inside
from .query_handle import DryRun, QueryHandle
from .query_options import Parameters, QueryOptions, configuration_of, is_batch, needs_job, request_of
from .results import FORMAT, QueryResult, is_ordered

if TYPE_CHECKING:
    from bqclient.client import BigQueryClient

    from .sessions import Session

# Seconds that the service is asked to hold the first answer for, and rows of a page of a stream.
HELD_S = 10.0
STREAM_ROWS = 10_000
_CLIENTS: Any = object()
T = TypeVar("T")


@dataclass(slots=True)
class _Work:
    """One query: its text, how long it may take, and what becomes of its job when nobody waits any more."""

    sql: str
    deadline: Deadline
    page_size: int | None
    cancel_on_timeout: bool
    cancel_on_cancel: bool
    started: Callable[[Job], None] | None = None

    @property
    def rows(self) -> dict[str, Any]:
        """How its rows are wanted."""
        return {**FORMAT, "maxResults": self.page_size}


class Queries:
    """Queries. ``max_cost_usd``: what a query may be estimated to cost, where a call does not say."""

    def __init__(self, client: BigQueryClient) -> None:
        self._client, self._core = client, client.core
        self.max_cost_usd: float | None = None
        self._running: set[asyncio.Task[Any]] = set()
        client.core.on_close(self._close)

    async def execute(
        self,
        sql: str,
        parameters: Parameters = None,
        *,
        timeout: float | None = _CLIENTS,
        page_size: int | None = None,
        fetch_all: bool = True,
        cancel_on_timeout: bool = False,
        cancel_on_cancel: bool = False,
        max_cost_usd: float | None = None,
        **options: Unpack[QueryOptions],
    ) -> QueryResult:
        """Run a query and wait for its result, all of its rows unless ``fetch_all=False``.

        ``parameters``: a mapping for ``@name``, a sequence for ``?``. ``timeout``: seconds, the client's
        ``query_timeout`` unless given, ``None`` until it is done; QueryTimeoutError then, and the job is
        cancelled with ``cancel_on_timeout``, else it goes on. ``cancel_on_cancel``: when the task that waits
        is cancelled, so is the job. ``max_cost_usd``: a dry run estimates first, and BytesBilledLimitError is
        raised where it is above. ``page_size``: the most rows of an answer.
        """
        core = self._core
        limit = self.max_cost_usd if max_cost_usd is None else max_cost_usd
        if limit is not None:
            await self._client.costs.check(sql, parameters, limit, **options)
        seconds = core.config.query_timeout if timeout is _CLIENTS else timeout
        deadline = Deadline.after(core.runtime, seconds)
        work = _Work(sql, deadline, page_size, cancel_on_timeout, cancel_on_cancel)
        began = core.runtime.monotonic() if core.observability is not None else 0.0
        if cancel_on_cancel or needs_job(options):
            # A job of the client's own id can be cancelled whatever becomes of the first answer.
            result = await self._by_job(work, parameters, options)
        else:
            try:
                result = await self._at_once(work, parameters, options)
            except ServiceUnavailableError as error:
                result = await self._otherwise(error, work, parameters, options)
        if core.observability is not None:
            self._tell(result, core.runtime.monotonic() - began)
        if fetch_all and not result.complete:
            await result.fetch()
        return result

    async def execute_parameterized(self, sql: str, parameters: Parameters, **given: Any) -> QueryResult:
        """As :meth:`execute`, with values that never become part of the text. Raises UsageError without."""
        if not parameters:
            raise UsageError("There are no parameters: give a mapping for @name, a sequence for ?.")
        return await self.execute(sql, parameters, **given)

    async def execute_async(
        self,
        sql: str,
        parameters: Parameters = None,
        *,
        timeout: float | None = _CLIENTS,
        page_size: int | None = None,
        fetch_all: bool = True,
        max_cost_usd: float | None = None,
        **options: Unpack[QueryOptions],
    ) -> QueryHandle:
        """Begin a query as a job; a handle of it as soon as the service has it.

        An interactive one holds its place until it is done, whether anybody waits for it or not.
        """
        core = self._core
        limit = self.max_cost_usd if max_cost_usd is None else max_cost_usd
        if limit is not None:
            await self._client.costs.check(sql, parameters, limit, **options)
        seconds = core.config.query_timeout if timeout is _CLIENTS else timeout
        begun: asyncio.Future[Job] = asyncio.get_running_loop().create_future()
        handle = QueryHandle(self._client)

        def started(job: Job) -> None:
            handle.job = job.reference
            if not begun.done():
                begun.set_result(job)

        work = _Work(sql, Deadline.after(core.runtime, seconds), page_size, False, False, started)

        async def whole() -> QueryResult:
            result = await self._by_job(work, parameters, options)
            self._tell(result, result.details.seconds if result.details else 0.0)
            return await result.fetch() if fetch_all else result

        task = handle.task = asyncio.ensure_future(whole())
        self._running.add(task)
        task.add_done_callback(self._forget)
        try:
            both: set[asyncio.Future[Any]] = {task, begun}
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            task.cancel()
            raise
        if not begun.done():
            # It ended before the service had it.
            await task
        return handle

    async def dry_run(
        self, sql: str, parameters: Parameters = None, **options: Unpack[QueryOptions]
    ) -> DryRun:
        """What a query would read and give, without running it: free. Raises what running it would."""
        configuration = {**configuration_of(self._core.config, sql, parameters, options), "dryRun": True}
        configuration["query"].pop("maximumBytesBilled", None)

        async def ask(location: str | None) -> Job:
            return await self._client.jobs.insert(configuration, location=location)

        return DryRun.of(await self._where_data_is(ask, options.get("location")))

    async def execute_stream(
        self,
        sql: str,
        parameters: Parameters = None,
        *,
        arrow: bool = False,
        page_size: int = STREAM_ROWS,
        **given: Any,
    ) -> AsyncGenerator[Any]:
        """Rows of a query as they come, or Arrow record batches with ``arrow``; few are held at a time.

        Other options are those of :meth:`execute`. ``async with aclosing(...)`` where it may be given up.
        """
        result = await self.execute(sql, parameters, page_size=page_size, fetch_all=False, **given)
        made: AsyncGenerator[Any] = result.batches() if arrow else result.__aiter__()
        async with aclosing(made) as pieces:
            async for piece in pieces:
                yield piece

    def session(self, *, location: str | None = None) -> Session:
        """A session: ``async with client.queries.session() as session: await session.execute(...)``."""
        from .sessions import Session

        return Session(self, location or self._core.config.location)

    # --- at once: jobs.query ---

    async def _at_once(self, work: _Work, parameters: Parameters, options: QueryOptions) -> QueryResult:
        core = self._core
        body = request_of(core.config, work.sql, parameters, options)
        if not options.get("create_session"):
            body["jobCreationMode"] = "JOB_CREATION_OPTIONAL"
        if work.page_size is not None:
            body["maxResults"] = work.page_size
        again: Again | None = None
        moved = False
        async with core.throttle.place():
            while True:
                try:
                    return await self._answer(work, body)
                except BigQueryError as error:
                    if not moved and "location" not in options:
                        where = await self._client.jobs.locations.after(error, body["location"])
                        if where is not None:
                            moved, body["location"] = True, where
                            continue
                    if not failed_inside(error) or may_be_script(work.sql):
                        raise await self._explained(error, work, parameters, options) from error.__cause__
                    again = again or Again(core, "jobs.query", work.deadline)
                    if not await again.after(error, RESTARTS[error.reason]):
                        raise

    async def _answer(self, work: _Work, body: dict[str, Any]) -> QueryResult:
        """The answer of jobs.query; of a query that takes longer, that of the job that it became."""
        core = self._core
        # A new id for new work; sending the same again keeps it.
        request_id = body["requestId"] = core.runtime.unique()
        timeout, left = core.config.timeout, work.deadline.remaining()
        held = min(HELD_S, timeout / 2)
        if left is not None:
            held = min(held, max(0.0, left - min(0.25, left / 5)))
        body["timeoutMs"] = int(held * 1000)
        try:
            reply = await core.rest.call(
                "jobs.query",
                {"projectId": core.config.project},
                body=body,
                deadline=work.deadline.sooner(timeout),
                request_id=request_id,
            )
        except DeadlineExceededError as late:
            if work.deadline.remaining() == 0:
                raise self._timed_out(None) from late
            raise
        data = reply.data
        if data.get("jobComplete"):
            return self._result(work, data, None)
        ref = JobReference.from_api(data["jobReference"])
        async with self._ending(work, [ref]):
            data = await polling.results(core, ref, work.deadline, work.rows)
        return self._result(work, data, await polling.get(core, ref))

    async def _otherwise(
        self, error: ServiceUnavailableError, work: _Work, parameters: Parameters, options: QueryOptions
    ) -> QueryResult:
        """The result of a query that jobs.query gave up: as a job, which tells whether it was the job that
        failed, and is begun again then. Only for what may run twice."""
        if error.reason not in RESTARTS or not only_reads(work.sql):
            raise error
        try:
            return await self._by_job(work, parameters, options)
        except TransportError:
            raise error from None

    # --- as a job: jobs.insert ---

    async def _by_job(self, work: _Work, parameters: Parameters, options: QueryOptions) -> QueryResult:
        core, jobs = self._core, self._client.jobs
        configuration = configuration_of(core.config, work.sql, parameters, options)
        own_id, prefix = options.get("job_id"), options.get("job_id_prefix")
        again = Again(core, "jobs.insert", work.deadline)

        async def once(location: str | None) -> QueryResult:
            sent: list[JobReference] = []
            async with self._ending(work, sent):
                job = await jobs.insert(
                    configuration,
                    job_id=own_id,
                    job_id_prefix=prefix,
                    location=location,
                    deadline=work.deadline.sooner(core.config.timeout),
                    sending=sent.append,
                )
                if work.started is not None:
                    work.started(job)
                data = await polling.results(core, job.reference, work.deadline, work.rows)
            if not job.done:
                job = await polling.get(core, job.reference)
            return self._result(work, data, job)

        async with core.throttle.place(batch=is_batch(options)):
            while True:
                try:
                    return await self._where_data_is(once, options.get("location"))
                except BigQueryError as error:
                    if own_id or not failed_inside(error) or may_be_script(work.sql):
                        raise await self._explained(error, work, parameters, options) from error.__cause__
                    if not await again.after(error, RESTARTS[error.reason]):
                        raise

    async def _where_data_is(self, ask: Callable[[str | None], Awaitable[T]], location: str | None) -> T:
        """``ask(location)``; where a dataset is elsewhere and no location was given, there."""
        try:
            return await ask(location)
        except BigQueryError as error:
            asked = self._core.config.location
            found = None if location else await self._client.jobs.locations.after(error, asked)
            if found is None:
                raise
            return await ask(found)

    @asynccontextmanager
    async def _ending(self, work: _Work, sent: list[JobReference]) -> AsyncGenerator[None]:
        """Around the wait for a job, the last of those ``sent``: when nobody waits any more it is cancelled,
        if that was asked for. Raises QueryTimeoutError after the query's time."""
        try:
            yield
        except (JobTimeoutError, DeadlineExceededError) as late:
            if isinstance(late, DeadlineExceededError) and work.deadline.remaining() != 0:
                raise
            ref = sent[-1] if sent else None
            if ref and work.cancel_on_timeout:
                await self._client.jobs.cancel_quietly(ref)
            raise self._timed_out(ref, cancelled=work.cancel_on_timeout) from late
        except asyncio.CancelledError:
            if sent and work.cancel_on_cancel:
                await self._client.jobs.cancel_quietly(sent[-1])
            raise

    # --- details ---

    def _result(self, work: _Work, data: dict[str, Any], job: Job | None) -> QueryResult:
        return QueryResult(
            self._client, data, job=job, ordered=is_ordered(work.sql), page_size=work.page_size
        )

    def _timed_out(self, ref: JobReference | None, *, cancelled: bool = False) -> QueryTimeoutError:
        after = "was cancelled" if cancelled else "goes on"
        named = f"job {ref} {after}" if ref else "whether the service goes on is not known"
        return QueryTimeoutError(f"The query was not done in time; {named}.", job=ref)

    async def _explained(
        self, error: BigQueryError, work: _Work, parameters: Parameters, options: QueryOptions
    ) -> BigQueryError:
        """The error, with an estimate where the query would have billed too much."""
        if isinstance(error, BytesBilledLimitError):
            costs = self._client.costs
            if error.estimate is None:
                with suppress(BigQueryError):
                    estimate = await costs.estimate_query_cost(work.sql, parameters, **options)
                    error.estimate = estimate.bytes_billed
            if error.limit is None:
                error.limit = options.get("maximum_bytes_billed", self._core.config.maximum_bytes_billed)
            if error.estimate is not None:
                error.cost = costs.pricing.cost(bytes_billed=error.estimate)
        return error

    def _tell(self, result: QueryResult, seconds: float) -> None:
        if (told := self._core.observability) is None:
            return
        pricing = self._client.costs.pricing
        told.finished(
            "query",
            self._core.config.project,
            job_id=result.job.job if result.job else result.query_id,
            bytes_processed=result.bytes_processed,
            bytes_billed=result.bytes_billed,
            cost_usd=pricing.cost(bytes_billed=result.bytes_billed, slot_ms=result.slot_ms),
            cache_hit=result.cache_hit,
            seconds=seconds,
        )

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            # Nobody may ask for it.
            task.exception()

    async def _close(self) -> None:
        for task in tuple(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
