from __future__ import annotations

import asyncio

import pytest

from bqsim.catalog.refs import JobRef, TableRef
from bqsim.errors import invalid_query
from bqsim.jobs.job import Job, JobType
from bqsim.jobs.machine import State
from bqsim.jobs.statistics import LoadStatistics, QueryStatistics
from bqsim.sim.clock import SimulationClock

pytestmark = pytest.mark.fidelity("fields:Job: status, fields:Job: reference and location", "exact")


def make(type_: JobType = JobType.QUERY) -> Job:
    configuration = {"jobType": type_.value, type_.value.lower(): {"query": "SELECT 1"}, "labels": {"a": "b"}}
    return Job(JobRef("p", "US", "j"), type_, configuration, "ann@x", 1_000_000)


def test_a_pending_job() -> None:
    job = make()
    body = job.to_json()
    assert body["kind"] == "bigquery#job"
    assert body["id"] == "p:US.j"
    assert body["jobReference"] == {"projectId": "p", "jobId": "j", "location": "US"}
    assert body["user_email"] == "ann@x"
    assert body["status"] == {"state": "PENDING"}
    assert body["statistics"] == {"creationTime": "1000"}
    assert body["configuration"]["labels"] == {"a": "b"}


def test_times_appear_with_the_states() -> None:
    job = make()
    etags = {job.etag()}
    job.move(State.RUNNING, 2_000_000)
    etags.add(job.etag())
    assert job.to_json()["statistics"] == {"creationTime": "1000", "startTime": "2000"}
    job.statistics = QueryStatistics("SELECT", bytes_processed=7)
    job.move(State.DONE, 5_000_000)
    etags.add(job.etag())
    statistics = job.to_json()["statistics"]
    assert (statistics["endTime"], statistics["totalSlotMs"]) == ("5000", "3000")
    assert statistics["totalBytesProcessed"] == "7"
    assert len(etags) == 3


def test_a_failed_job() -> None:
    job = make()
    job.warnings = [{"reason": "invalid", "message": "also"}]
    job.error = invalid_query("bad")
    assert "errors" not in job.to_json()["status"]
    job.move(State.DONE, 2_000_000)
    status = job.to_json()["status"]
    assert status["errorResult"] == {"reason": "invalidQuery", "message": "bad", "location": "query"}
    assert [e["message"] for e in status["errors"]] == ["bad", "also"]


def test_warnings_alone_are_success() -> None:
    job = make(JobType.LOAD)
    job.warnings = [{"reason": "invalid", "message": "row 3"}]
    job.move(State.DONE, 2_000_000)
    assert job.to_json()["status"] == {
        "state": "DONE",
        "errors": [{"reason": "invalid", "message": "row 3"}],
    }


def test_a_query_shows_the_destination_that_it_got() -> None:
    job = make()
    job.destination = TableRef("p", "_h", "anon1")
    query = job.to_json()["configuration"]["query"]
    assert query["destinationTable"] == {"projectId": "p", "datasetId": "_h", "tableId": "anon1"}
    assert query["writeDisposition"] == "WRITE_TRUNCATE"
    assert "destinationTable" not in job.configuration["query"]


def test_list_items() -> None:
    job = make(JobType.LOAD)
    job.error = invalid_query("bad")
    job.statistics = LoadStatistics(output_rows=3)
    job.move(State.DONE, 2_000_000)
    item = job.list_json(full=False)
    assert (item["state"], item["errorResult"]["message"]) == ("DONE", "bad")
    assert "configuration" not in item
    assert "configuration" in job.list_json(full=True)


def test_waiting() -> None:
    async def main() -> None:
        job = make()
        assert not await job.wait(0)
        assert not await job.wait(0.01)
        waiting = [asyncio.create_task(job.wait(None)) for _ in range(3)]
        await asyncio.sleep(0)
        job.move(State.DONE, 2_000_000)
        assert await asyncio.gather(*waiting) == [True] * 3
        assert await job.wait(0)

    asyncio.run(main())


def test_waiting_takes_the_time_of_a_clock() -> None:
    async def main() -> None:
        clock, job = SimulationClock(rate=0), make()
        waiting = [asyncio.create_task(job.wait(seconds, clock)) for seconds in (60, 120, None)]
        await clock.advance_async(90)
        assert waiting[0].done() and not waiting[0].result()
        assert not waiting[1].done()
        job.move(State.DONE, 2_000_000)
        assert await asyncio.gather(*waiting[1:]) == [True, True]
        assert clock.waiting == 0

    asyncio.run(main())


def test_who_stops_waiting_is_forgotten() -> None:
    async def main() -> None:
        clock, job = SimulationClock(rate=0), make()
        waiting = asyncio.create_task(job.wait(60, clock))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
        assert clock.waiting == 0
        job.move(State.DONE, 2_000_000)

    asyncio.run(main())
