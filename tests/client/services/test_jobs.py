"""Jobs: begun once, read, listed, cancelled, awaited."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bqclient import BigQueryClient
from bqclient.errors import (
    AlreadyExistsError,
    InvalidQueryError,
    JobBackendError,
    JobCancelledError,
    JobTimeoutError,
    NotFoundError,
    ResourceInUseError,
    UsageError,
)
from bqclient.models.job import Job
from tests.client.running import HeldTime, run

INSERT = "bigquery.jobs.insert"
GET = "bigquery.jobs.get"


def query(sql: str, **more: Any) -> dict[str, Any]:
    return {"query": {"query": sql, "useLegacySql": False, **more}}


def failing(reason: str) -> Mapping[str, Any]:
    return {"error": {"reason": reason, "level": "job"}}


def calls(sim: Any, method: str) -> list[Any]:
    return list(sim.journal.calls(method))


class SameIds(HeldTime):
    """Ids come from a list."""

    def __init__(self, ids: list[str]) -> None:
        super().__init__()
        self.ids = ids

    def unique(self) -> str:
        return self.ids.pop(0)


# --- begin ---


def test_a_job_is_run_and_told_of(bqsim: Any) -> None:
    job: Job = run(bqsim, lambda c: c.jobs.run(query("SELECT 1 AS x"), job_id_prefix="nightly"))
    assert re.fullmatch(r"nightly_\d{8}_\d{6}_[0-9a-f]{12}", job.id)
    assert (job.kind, job.state, job.done, job.succeeded) == ("QUERY", "DONE", True, True)
    assert (job.statement_type, job.bytes_billed, job.location) == ("SELECT", 0, "US")
    assert job.destination is not None
    assert job.created is not None and job.ended is not None and job.created <= job.ended
    assert "SELECT" not in repr(job).replace("'SELECT'", "")


@pytest.mark.parametrize("effect", [{"reason": "backendError", "applied": True}, {"reason": "backendError"}])
def test_a_job_whose_answer_is_lost_runs_once(bqsim: Any, effect: Any) -> None:
    async def work(client: BigQueryClient) -> tuple[Job, list[Job]]:
        job = await client.jobs.run(query("SELECT 1"))
        return job, [j async for j in client.jobs.list()]

    bqsim.faults.add({"error": effect}, method=INSERT, times=1)
    job, all_jobs = run(bqsim, work)
    assert [j.id for j in all_jobs] == [job.id]
    assert len({c.job_id for c in calls(bqsim, INSERT)}) == 1


def test_a_job_that_is_not_to_be_read_yet_is_waited_for(bqsim: Any) -> None:
    bqsim.faults.add({"error": {"reason": "backendError", "applied": True}}, method=INSERT, times=1)
    bqsim.faults.add("notFound", method=GET, times=2)
    time = HeldTime()
    job: Job = run(bqsim, lambda c: c.jobs.insert(query("SELECT 1")), runtime=time)
    assert job.id
    assert time.waits == [1.25, 1.25, 2.5]


def test_the_same_work_under_the_same_id_is_the_same_job(bqsim: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        first = await client.jobs.insert(query("SELECT 1"), job_id="mine")
        again = await client.jobs.insert(query("SELECT 1"), job_id="mine")
        assert again.reference == first.reference
        with pytest.raises(AlreadyExistsError):
            await client.jobs.insert(query("SELECT 2"), job_id="mine")

    run(bqsim, work)


def test_an_id_that_is_taken_is_made_anew(bqsim: Any) -> None:
    async def work(client: BigQueryClient) -> list[str]:
        made = [await client.jobs.insert(query(f"SELECT {n}"), job_id_prefix="p") for n in range(2)]
        return [j.id[-12:] for j in made]

    time = SameIds(["a" * 32, "a" * 32, "b" * 32])
    # The time is part of an id: it stands.
    time.now = lambda: datetime(2026, 1, 2, tzinfo=UTC)  # type: ignore[method-assign]
    assert run(bqsim, work, runtime=time) == ["a" * 12, "b" * 12]


@pytest.mark.parametrize("job_id", ["", "a b", "a/b", "x" * 1025, "ä"])
def test_an_id_that_cannot_be_is_refused_before_sending(bqsim: Any, job_id: str) -> None:
    with pytest.raises(UsageError):
        run(bqsim, lambda c: c.jobs.get(job_id))
    assert not calls(bqsim, "*")


@pytest.mark.parametrize("reason", ["jobBackendError", "jobInternalError", "backendError", "internalError"])
def test_a_job_that_failed_inside_the_service_is_begun_again_as_another(bqsim: Any, reason: str) -> None:
    bqsim.faults.add(failing(reason), method=INSERT, times=2)
    time = HeldTime()
    job: Job = run(bqsim, lambda c: c.jobs.run(query("SELECT 1")), runtime=time)
    assert job.succeeded
    ids = [c.job_id for c in calls(bqsim, INSERT)]
    assert len(ids) == len(set(ids)) == 3
    assert time.waits == [1.25, 2.5]


def test_a_job_that_fails_inside_the_service_each_time_is_an_error(bqsim: Any) -> None:
    bqsim.faults.add(failing("jobBackendError"), method=INSERT)
    with pytest.raises(JobBackendError) as raised:
        run(bqsim, lambda c: c.jobs.run(query("SELECT 1")))
    assert raised.value.retryable
    ids = [c.job_id for c in calls(bqsim, INSERT)]
    assert len(set(ids)) == 4
    assert raised.value.job.job == ids[-1]


def test_a_script_is_not_begun_again(bqsim: Any) -> None:
    bqsim.faults.add(failing("jobBackendError"), method=INSERT)
    with pytest.raises(JobBackendError):
        run(bqsim, lambda c: c.jobs.run(query("DECLARE x INT64; SELECT x")))
    assert len(calls(bqsim, INSERT)) == 1


def test_jobs_run_where_their_datasets_are(bqsim: Any) -> None:
    async def work(client: BigQueryClient) -> set[str | None]:
        path = {"projectId": client.project}
        reference = {"projectId": client.project, "datasetId": "d"}
        body = {"datasetReference": reference, "location": "europe-west1"}
        await client.core.rest.call("datasets.insert", path, body=body)
        made = [await client.jobs.run(query(f"SELECT {n}", defaultDataset=reference)) for n in range(2)]
        return {job.location for job in made}

    assert run(bqsim, work) == {"europe-west1"}
    # What was found is kept.
    assert len(calls(bqsim, "bigquery.datasets.get")) == 1


def test_labels_of_the_client_and_of_the_job(bqsim: Any) -> None:
    async def work(client: BigQueryClient) -> Mapping[str, str]:
        return (await client.jobs.run({**query("SELECT 1"), "labels": {"a": "1", "b": "2"}})).labels

    assert run(bqsim, work, labels={"b": "0", "c": "3"}) == {"a": "1", "b": "2", "c": "3"}


# --- read ---


def test_list(bqsim: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        made = [(await client.jobs.run(query(f"SELECT {n}"))).id for n in range(5)]
        jobs = client.jobs
        assert [j.id async for j in jobs.list()] == made[::-1]
        assert [j.id async for j in jobs.list(limit=2)] == made[:-3:-1]
        assert [j.id async for j in jobs.list(page_size=2, states=["done"])] == made[::-1]
        assert [j.id async for j in jobs.list(states=["pending", "running"])] == []
        soon = datetime.now(UTC) + timedelta(days=1)
        assert [j.id async for j in jobs.list(created_after=soon)] == []
        assert len([j.id async for j in jobs.list(created_before=soon)]) == 5
        assert {j.kind async for j in jobs.list(projection="minimal", limit=1)} <= {"", "QUERY"}
        with pytest.raises(UsageError):
            [j async for j in jobs.list(created_after=datetime(2026, 1, 1))]

    run(bqsim, work)
    # Three pages of two.
    assert len(calls(bqsim, "bigquery.jobs.list")) >= 8


def test_statements_of_a_script_are_its_children(bqsim: Any) -> None:
    async def work(client: BigQueryClient) -> list[str]:
        script = await client.jobs.run(query("SELECT 1; SELECT 2; SELECT 3"))
        children = await client.jobs.children(script)
        assert script.children == 3
        assert {c.parent for c in children} == {script.id}
        return [c.statement_type for c in children]

    assert run(bqsim, work) == ["SELECT"] * 3


def test_a_job_that_is_not_there(bqsim: Any) -> None:
    with pytest.raises(NotFoundError):
        run(bqsim, lambda c: c.jobs.get("nothing"))
    assert len(calls(bqsim, GET)) == 1


# --- wait ---


def test_watch_asks_less_and_less_often(bqsim: Any) -> None:
    bqsim.jobs.plan({"polls": {"running": 12}})

    async def work(client: BigQueryClient) -> list[str]:
        job = await client.jobs.insert(query("SELECT 1"))
        return [found.state async for found in client.jobs.watch(job)]

    time = HeldTime()
    states = run(bqsim, work, runtime=time)
    assert states[-1] == "DONE" and "RUNNING" in states
    assert time.waits[:4] == [1.0, 1.5, 2.25, 3.375]
    assert max(time.waits) == 30.0


def test_a_wait_outlasts_failing_polls(bqsim: Any) -> None:
    bqsim.jobs.plan({"polls": {"running": 2}})
    bqsim.faults.add("backendError", method=GET, times=4)
    time = HeldTime()

    async def work(client: BigQueryClient) -> Job:
        job = await client.jobs.insert(query("SELECT 1"))
        return await client.jobs.wait_for_completion(job.reference)

    assert run(bqsim, work, runtime=time).succeeded


def test_a_wait_ends_with_its_time(bqsim: Any) -> None:
    bqsim.jobs.plan("manual")

    async def work(client: BigQueryClient) -> None:
        job = await client.jobs.insert(query("SELECT 1"))
        with pytest.raises(JobTimeoutError) as raised:
            await client.jobs.wait_for_completion(job.reference, timeout=20)
        assert raised.value.job == job.reference
        assert not (await client.jobs.get(job)).done

    time = HeldTime()
    run(bqsim, work, runtime=time)
    assert sum(time.waits) < 20


def test_a_wait_that_ends_while_the_job_is_looked_at_is_a_time_out(bqsim: Any) -> None:
    bqsim.faults.add("delay: 20s", method=GET)
    bqsim.jobs.plan("manual")

    async def work(client: BigQueryClient) -> None:
        job = await client.jobs.insert(query("SELECT 1"))
        with pytest.raises(JobTimeoutError) as raised:
            await client.jobs.wait_for_completion(job.reference, timeout=0.2)
        assert raised.value.job == job.reference

    run(bqsim, work)


def test_the_error_of_a_job_is_raised_by_who_waits(bqsim: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        with pytest.raises(InvalidQueryError) as raised:
            await client.jobs.run(query("SELECT 1 / (SELECT 0)"))
        assert raised.value.job is not None
        with pytest.raises(InvalidQueryError):
            await client.jobs.wait_for_completion(raised.value.job)
        failed = await client.jobs.get(raised.value.job)
        assert failed.done and not failed.succeeded and failed.error is not None
        assert failed.error.reason == "invalidQuery"

    run(bqsim, work)


def test_a_backend_error_of_a_result_may_be_of_the_call(bqsim: Any) -> None:
    bqsim.faults.add("backendError", method="bigquery.jobs.getQueryResults", times=2)
    time = HeldTime()

    async def work(client: BigQueryClient) -> list[Any]:
        return (await client.queries.execute("SELECT 1", job_id_prefix="p")).rows

    assert run(bqsim, work, runtime=time) == [(1,)]
    assert len(calls(bqsim, INSERT)) == 1
    assert time.waits == [1.25, 2.5]


# --- end ---


def test_cancel(bqsim: Any) -> None:
    bqsim.jobs.plan("manual")
    bqsim.faults.add("backendError", method="bigquery.jobs.cancel", times=2)

    async def work(client: BigQueryClient) -> None:
        job = await client.jobs.insert(query("SELECT 1"))
        with pytest.raises(ResourceInUseError):
            await client.jobs.delete(job)
        stopped = await client.jobs.cancel(job, wait=True, timeout=100)
        assert stopped.done and stopped.error is not None and stopped.error.reason == "stopped"
        with pytest.raises(JobCancelledError):
            await client.jobs.wait_for_completion(job.reference)

    run(bqsim, work)


@pytest.mark.parametrize("applied", [True, False])
def test_delete(bqsim: Any, applied: bool) -> None:
    bqsim.faults.add(
        {"error": {"reason": "backendError", "applied": applied}}, method="bigquery.jobs.delete", times=1
    )

    async def work(client: BigQueryClient) -> None:
        job = await client.jobs.run(query("SELECT 1"))
        await client.jobs.delete(job)
        with pytest.raises(NotFoundError):
            await client.jobs.get(job)
        with pytest.raises(NotFoundError):
            await client.jobs.delete(job)

    run(bqsim, work)
