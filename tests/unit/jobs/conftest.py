"""A whole stack in one process, and one without SQL for the life of jobs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from bqsim.catalog.refs import TableRef
from bqsim.catalog.store import Catalog
from bqsim.engine.duckdb import DuckDBEngine
from bqsim.engine.pool import EnginePool
from bqsim.jobs import Job, JobObserver, JobService, TableData, Upload
from bqsim.settings import Settings
from bqsim.sim.clock import RealClock
from bqsim.sim.draws import Draws
from bqsim.sql.executor import Executor
from bqsim.sql.googlesql import GoogleSql
from bqsim.sql.planner import Planner
from bqsim.sql.reference import ReferenceRoute
from bqsim.sql.script import ScriptRunner

CALLER = "ann@example.com"


@dataclass
class Stack:
    """The services under test, with short forms of their calls."""

    clock: RealClock
    catalog: Catalog
    pool: EnginePool
    service: JobService
    tabledata: TableData

    async def query(self, sql: str, *, caller: str = CALLER, **request: Any) -> Job:
        return await self.service.query("p", {"query": sql, "useLegacySql": False, **request}, caller)

    async def ok(self, sql: str, **request: Any) -> Job:
        """A query that must succeed."""
        job = await self.query(sql, **request)
        job.raise_for_error()
        assert job.done
        return job

    async def rows(self, sql: str, **request: Any) -> list[tuple[Any, ...]]:
        return await self.rows_of(await self.ok(sql, **request))

    async def rows_of(self, job: Job) -> list[tuple[Any, ...]]:
        page = await self.service.results(job)
        return [tuple(row.values()) for row in page.rows.to_pylist()]

    async def insert(
        self, configuration: Mapping[str, Any], data: bytes | None = None, *, job_id: str | None = None
    ) -> Job:
        body: dict[str, Any] = {"configuration": configuration}
        if job_id:
            body["jobReference"] = {"projectId": "p", "jobId": job_id}
        upload = Upload(data=data) if data is not None else None
        job = await self.service.insert("p", body, CALLER, upload)
        assert await job.wait(30)
        return job

    async def load(self, data: bytes, table: str = "t", **load: Any) -> Job:
        """A load job into ``d.<table>``."""
        target = {"projectId": "p", "datasetId": "d", "tableId": table}
        return await self.insert({"load": {"destinationTable": target, **load}}, data)

    def table(self, name: str) -> Any:
        return self.catalog.table(TableRef("p", "d", name))


Play = Callable[[Callable[[Stack], Awaitable[None]]], None]


@pytest.fixture
def observer() -> JobObserver | None:
    return None


@pytest.fixture
def settings() -> Settings:
    return Settings(seed=1)


@pytest.fixture
def play(observer: JobObserver | None, settings: Settings) -> Iterator[Play]:
    """Runs a coroutine function on a fresh stack, dataset ``p.d`` included."""
    clock, draws = RealClock(), Draws(settings.seed)
    catalog = Catalog(clock, draws, settings.location, ("p",))
    googlesql = GoogleSql(catalog, settings)
    engine = DuckDBEngine()
    pool = EnginePool(engine, settings.workers + 1)
    reference = ReferenceRoute(googlesql)
    executor = Executor(
        catalog, Planner(catalog, googlesql, clock, reference), googlesql, reference, clock, draws
    )

    async def main(body: Callable[[Stack], Awaitable[None]]) -> None:
        service = JobService(
            catalog=catalog,
            pool=pool,
            executor=executor,
            scripts=ScriptRunner(executor, googlesql),
            clock=clock,
            draws=draws,
            settings=settings,
            observer=observer,
        )
        tabledata = TableData(
            catalog=catalog, pool=pool, executor=executor, results=service.results_store, clock=clock
        )
        stack = Stack(clock, catalog, pool, service, tabledata)
        try:
            if observer is None:
                await stack.ok("CREATE SCHEMA d")
            await body(stack)
        finally:
            await service.close()

    yield lambda body: asyncio.run(main(body))
    pool.close()
    engine.close()
    googlesql.close()
