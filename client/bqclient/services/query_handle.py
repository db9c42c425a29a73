"""What is known of queries before their results: of those that run, and of those that are only looked at."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bqclient.errors import QueryTimeoutError
from bqclient.models.job import Job
from bqclient.models.references import JobReference, TableReference
from bqclient.models.schema import Schema

from .results import QueryResult

if TYPE_CHECKING:
    from bqclient.client import BigQueryClient


@dataclass(frozen=True, slots=True)
class DryRun:
    """What a query would do. ``accuracy`` of the bytes: PRECISE, UPPER_BOUND, LOWER_BOUND or UNKNOWN."""

    bytes_processed: int
    accuracy: str
    statement_type: str
    schema: Schema
    referenced_tables: tuple[TableReference, ...] = ()
    parameters: tuple[Any, ...] = ()
    job: Job | None = field(default=None, repr=False)

    @classmethod
    def of(cls, job: Job) -> DryRun:
        """Of the job that a dry run is."""
        details = job.details
        return cls(
            job.bytes_processed,
            str(details.get("totalBytesProcessedAccuracy") or "UNKNOWN"),
            job.statement_type,
            job.schema or Schema(),
            job.referenced_tables,
            tuple(details.get("undeclaredQueryParameters") or ()),
            job,
        )


class QueryHandle:
    """A query that runs: ``await handle`` for its result.

    ``job`` is its job; another one when it had to be begun again.
    """

    job: JobReference
    task: asyncio.Task[QueryResult]

    def __init__(self, client: BigQueryClient) -> None:
        self._client = client

    def done(self) -> bool:
        """Whether it is over."""
        return self.task.done()

    async def result(self, timeout: float | None = None) -> QueryResult:
        """Its result. QueryTimeoutError after that many seconds; it goes on then."""
        runtime = self._client.core.runtime
        waiting = asyncio.ensure_future(runtime.sleep(timeout)) if timeout is not None else None
        try:
            await asyncio.wait(
                {self.task, waiting} if waiting else {self.task}, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            if waiting:
                waiting.cancel()
        if not self.task.done():
            raise QueryTimeoutError(f"The query was not done in time; job {self.job} goes on.", job=self.job)
        return self.task.result()

    async def status(self) -> Job:
        """Its job as it is now."""
        return await self._client.jobs.get(self.job)

    async def cancel(self) -> Job:
        """Ask for it to stop. Waiting for it raises JobCancelledError when it did."""
        return await self._client.jobs.cancel(self.job)

    def __await__(self) -> Generator[Any, None, QueryResult]:
        return self.result().__await__()

    def __repr__(self) -> str:
        return f"QueryHandle({self.job}, {'done' if self.done() else 'running'})"
