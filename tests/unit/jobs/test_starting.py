from __future__ import annotations

import asyncio

import pytest

from bqsim.errors import BigQueryError
from bqsim.jobs import Job, State

from .conftest import CALLER, Play, Stack


async def insert(s: Stack, sql: str, **query: object) -> Job:
    configuration = {"query": {"query": sql, "useLegacySql": False, **query}}
    return await s.service.insert("p", {"configuration": configuration}, CALLER)


def test_a_query_begins_pending_and_is_shown_as_it_will_be_run(play: Play) -> None:
    async def body(s: Stack) -> None:
        target = {"projectId": "p", "datasetId": "d", "tableId": "t"}
        job = await insert(s, "SELECT 1 AS n", destinationTable=target)
        shown = job.configuration["query"]
        assert (shown["priority"], shown["writeDisposition"]) == ("INTERACTIVE", "WRITE_EMPTY")
        assert job.state is State.PENDING
        assert await job.wait(10)

    play(body)


def test_a_cached_result_is_there_at_once(play: Play) -> None:
    async def body(s: Stack) -> None:
        await s.ok("SELECT 1")
        job = await insert(s, "SELECT 1")
        assert job.done
        assert job.query_statistics is not None
        assert job.query_statistics.cache_hit
        missing = await insert(s, "SELECT 2", createDisposition="CREATE_NEVER")
        assert missing.error is not None
        assert missing.error.reason.name == "notFound"

    play(body)


def test_a_dry_run_is_no_job(play: Play) -> None:
    async def body(s: Stack) -> None:
        job = await s.query("SELECT 1", dryRun=True)
        assert (job.done, job.dry_run) == (True, True)
        with pytest.raises(BigQueryError, match="Unrecognized name"):
            await s.query("SELECT nope", dryRun=True)

    play(body)


def test_sizes_are_estimated_from_the_configuration(play: Play) -> None:
    async def body(s: Stack) -> None:
        await s.ok("CREATE TABLE d.t AS SELECT n FROM UNNEST(GENERATE_ARRAY(1, 100)) AS n")
        job = await s.ok("SELECT SUM(n) FROM d.t")
        assert await s.service.estimate(job) == (800, "SELECT")
        wrong = await s.query("SELECT nope")
        assert await s.service.estimate(wrong) == (0, "")
        copied = {"projectId": "p", "datasetId": "d", "tableId": "u"}
        source = {**copied, "tableId": "t"}
        copy = await s.insert({"copy": {"sourceTable": source, "destinationTable": copied}})
        assert await s.service.estimate(copy) == (0, "")

    play(body)


def test_a_session_has_one_query_at_a_time(play: Play) -> None:
    async def body(s: Stack) -> None:
        first = await s.ok("SELECT 1", createSession=True)
        properties = [{"key": "session_id", "value": first.session_id}]
        one, other = await asyncio.gather(
            *(s.query(f"SELECT {n}", connectionProperties=properties) for n in (2, 3))
        )
        failed = [job for job in (one, other) if job.error is not None]
        assert len(failed) <= 1
        assert all(job.done for job in (one, other))

    play(body)
