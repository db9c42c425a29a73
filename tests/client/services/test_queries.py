"""Queries: at once, as jobs, dry, streamed, in sessions."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from functools import partial
from typing import Any

import pytest

from bqclient import BigQueryClient
from bqclient.errors import (
    AlreadyExistsError,
    BytesBilledLimitError,
    InvalidQueryError,
    JobBackendError,
    JobCancelledError,
    LimitError,
    NotFoundError,
    QueryTimeoutError,
    ResponseTooLargeError,
    ServiceUnavailableError,
    UsageError,
)
from bqclient.resilience.policies import Resilience
from bqclient.services.queries import Queries
from tests.client.running import HeldTime, run

QUERY = "bigquery.jobs.query"
INSERT = "bigquery.jobs.insert"
RESULTS = "bigquery.jobs.getQueryResults"
ROWS = "SELECT x FROM UNNEST(GENERATE_ARRAY(1, 3000)) AS x ORDER BY x"


def calls(sim: Any, method: str = "bigquery.*") -> list[Any]:
    return list(sim.journal.calls(method))


def methods(sim: Any) -> list[str]:
    return [c.method.removeprefix("bigquery.jobs.") for c in calls(sim)]


def failing(reason: str) -> Any:
    return {"error": {"reason": reason, "level": "job"}}


async def table(client: BigQueryClient) -> None:
    """A dataset ``d`` with a table ``t`` of some size."""
    path = {"projectId": client.project}
    reference = {"projectId": client.project, "datasetId": "d"}
    await client.core.rest.call("datasets.insert", path, body={"datasetReference": reference})
    await client.queries.execute(
        "CREATE TABLE d.t AS SELECT x, RPAD('', 100, 'a') AS s FROM UNNEST(GENERATE_ARRAY(1, 100)) AS x"
    )


async def _by(way: Any, sql: str, client: BigQueryClient) -> Any:
    return await way(client.queries, sql)


# --- at once ---


def test_a_query_is_one_call(bqsim: Any) -> None:
    result = run(bqsim, lambda c: c.queries.execute("SELECT 1 AS x, 'a' AS s"))
    assert result.rows == [(1, "a")]
    assert (result.rows[0].x, result.rows[0]["s"], result.scalar()) == (1, "a", 1)
    assert result.to_dicts() == [{"x": 1, "s": "a"}]
    assert result.schema.names == ("x", "s")
    assert (len(result), result.total_rows, result.statement_type) == (1, 1, "SELECT")
    assert (result.bytes_processed, result.bytes_billed, result.cache_hit) == (0, 0, False)
    assert (result.job, bool(result.query_id)) == (None, True)
    assert "SELECT 1" not in repr(result)
    assert methods(bqsim) == ["query"]


def test_values_go_as_parameters(bqsim: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        evil = "'; DROP TABLE d.t; --"
        found = await client.queries.execute_parameterized(
            "SELECT @a AS a, @b AS b", {"a": evil, "b": [1, 2]}
        )
        assert found.rows == [(evil, [1, 2])]
        assert (await client.queries.execute("SELECT ?, ?", [1, 2.5])).rows == [(1, 2.5)]
        with pytest.raises(UsageError):
            await client.queries.execute_parameterized("SELECT 1", {})

    run(bqsim, work)


def test_the_request_id_is_kept_over_retries_and_new_for_each_query(bqsim: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        for _ in range(2):
            await client.queries.execute("SELECT 1")

    bqsim.faults.add("backendError", method=QUERY, nth=[1, 2])
    run(bqsim, work)
    ids = [c.request_id for c in calls(bqsim, QUERY)]
    assert ids[0] == ids[1] == ids[2] != ids[3]
    assert all(0 < len(i) <= 36 for i in ids)


def test_dml_whose_answer_is_lost_is_done_once(bqsim: Any) -> None:
    async def work(client: BigQueryClient) -> Any:
        await table(client)
        bqsim.faults.add({"error": {"reason": "backendError", "applied": True}}, method=QUERY, times=1)
        done = await client.queries.execute("INSERT d.t (x) VALUES (-1), (-2)")
        assert (done.affected_rows, done.statement_type) == (2, "INSERT")
        assert done.dml is not None and (done.dml.inserted, done.dml.affected) == (2, 2)
        return (await client.queries.execute("SELECT COUNT(*) FROM d.t WHERE x < 0")).scalar()

    assert run(bqsim, work) == 2


def test_pages_are_brought_to_the_last(bqsim: Any) -> None:
    result = run(bqsim, lambda c: c.queries.execute(ROWS, page_size=700))
    assert [r.x for r in result] == list(range(1, 3001))
    assert result.to_arrow().column("x").to_pylist() == list(range(1, 3001))
    assert result.complete
    assert methods(bqsim) == ["query"] + ["getQueryResults"] * 4


def test_pages_that_are_not_brought(bqsim: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        result = await client.queries.execute(ROWS, page_size=700, fetch_all=False)
        assert not result.complete
        with pytest.raises(UsageError, match="700 of 3,000 rows"):
            _ = result.rows
        assert [r.x async for r in result] == list(range(1, 3001))
        assert not result.complete
        await result.fetch()
        assert len(result.rows) == 3000

    run(bqsim, work)


def test_many_rows_come_through_the_storage_api_in_their_order(bqsim: Any) -> None:
    sql = "SELECT x FROM UNNEST(GENERATE_ARRAY(1, 30000)) AS x ORDER BY x DESC"
    result = run(bqsim, lambda c: c.queries.execute(sql, page_size=100))
    assert result.to_arrow().column("x").to_pylist() == list(range(30000, 0, -1))
    assert result.rows[0] == (30000,)
    assert not calls(bqsim, RESULTS)
    assert len(calls(bqsim, "*.CreateReadSession")) == 1


def test_many_rows_come_as_pages_where_the_storage_api_is_not_allowed(bqsim: Any) -> None:
    bqsim.faults.add("PERMISSION_DENIED", method="*.CreateReadSession")
    sql = "SELECT x FROM UNNEST(GENERATE_ARRAY(1, 30000)) AS x ORDER BY x"
    result = run(bqsim, lambda c: c.queries.execute(sql, page_size=20000))
    assert [r.x for r in result.rows] == list(range(1, 30001))


def test_a_result_as_frames(bqsim: Any) -> None:
    pytest.importorskip("pandas")
    polars = pytest.importorskip("polars")
    result = run(bqsim, lambda c: c.queries.execute("SELECT 1 AS x UNION ALL SELECT 2 ORDER BY x"))
    assert list(result.to_pandas()["x"]) == [1, 2]
    assert isinstance(result.to_polars(), polars.DataFrame)
    assert result.to_polars()["x"].to_list() == [1, 2]


# --- errors ---


def test_wrong_sql_has_its_place_and_is_asked_once(bqsim: Any) -> None:
    with pytest.raises(InvalidQueryError) as raised:
        run(bqsim, lambda c: c.queries.execute("SELECT 1,\n  nothing"))
    assert (raised.value.line, raised.value.column) == (2, 3)
    assert methods(bqsim) == ["query"]


@pytest.mark.parametrize("sql", ["", "  \n"])
def test_no_sql(bqsim: Any, sql: str) -> None:
    with pytest.raises(UsageError):
        run(bqsim, lambda c: c.queries.execute(sql))
    assert not calls(bqsim)


@pytest.mark.parametrize("text", ["a" * (1 << 20), "ä" * (1 << 19)])
def test_text_that_is_too_long_is_refused_before_sending(bqsim: Any, text: str) -> None:
    ways: tuple[Any, ...] = (Queries.execute, Queries.dry_run, Queries.execute_async)
    for way in ways:
        with pytest.raises(LimitError) as raised:
            run(bqsim, partial(_by, way, f"SELECT '{text}'"))
        assert raised.value.limit == 1 << 20 < raised.value.found
        assert "aaa" not in str(raised.value)
    assert not calls(bqsim)


def test_too_many_parameters(bqsim: Any) -> None:
    with pytest.raises(LimitError):
        run(bqsim, lambda c: c.queries.execute("SELECT 1", list(range(10_001))))
    assert not calls(bqsim)


def test_an_option_that_there_is_not(bqsim: Any) -> None:
    with pytest.raises(UsageError, match="use_legacy_sql"):
        way: Any = Queries.execute
        run(bqsim, lambda c: way(c.queries, "SELECT 1", use_legacy_sql=True))


def test_too_large_a_result_advises_a_destination(bqsim: Any) -> None:
    bqsim.faults.add("responseTooLarge", method=QUERY)
    with pytest.raises(ResponseTooLargeError, match=r"destination='dataset\.table'"):
        run(bqsim, lambda c: c.queries.execute("SELECT 1"))
    assert methods(bqsim) == ["query"]


@pytest.mark.parametrize("reason", ["jobBackendError", "jobInternalError", "jobRateLimitExceeded"])
def test_a_job_that_failed_inside_is_begun_again_under_another_id(bqsim: Any, reason: str) -> None:
    bqsim.faults.add(failing(reason), method=QUERY, times=3)
    time = HeldTime()
    result = run(bqsim, lambda c: c.queries.execute("SELECT 1"), runtime=time)
    assert result.rows == [(1,)]
    assert len({c.request_id for c in calls(bqsim, QUERY)}) == 4
    assert time.waits == [1.25, 2.5, 5.0]


def test_a_script_that_failed_inside_is_not(bqsim: Any) -> None:
    bqsim.faults.add(failing("jobBackendError"), method=QUERY, times=1)
    with pytest.raises(JobBackendError):
        run(bqsim, lambda c: c.queries.execute("SELECT 1; SELECT 2"))
    assert methods(bqsim) == ["query"]


def test_a_job_that_failed_with_a_reason_of_calls(bqsim: Any) -> None:
    # Sent again it is the same failed job; asked for as a job it is told apart.
    bqsim.faults.add(failing("backendError"), method=QUERY, times=1)
    assert run(bqsim, lambda c: c.queries.execute("SELECT 1")).rows == [(1,)]
    assert methods(bqsim) == ["query"] * 4 + ["insert", "getQueryResults", "get"]


def test_a_service_that_fails_on_and_on_is_left_alone(bqsim: Any) -> None:
    bqsim.faults.add("backendError", method="bigquery.jobs.*")
    with pytest.raises(ServiceUnavailableError) as raised:
        run(bqsim, lambda c: c.queries.execute("SELECT 1"))
    assert raised.value.reason == "backendError"
    # The fifth failure opens the circuit.
    assert methods(bqsim) == ["query"] * 4 + ["insert"]


def test_data_elsewhere_is_asked_for_there(bqsim: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        path = {"projectId": client.project}
        reference = {"projectId": client.project, "datasetId": "far"}
        body = {"datasetReference": reference, "location": "europe-west1"}
        await client.core.rest.call("datasets.insert", path, body=body)
        await client.queries.execute("CREATE TABLE far.t AS SELECT 1 AS x", location="europe-west1")
        assert (await client.queries.execute("SELECT * FROM far.t")).rows == [(1,)]
        assert (await client.queries.execute("SELECT * FROM far.t", job_id_prefix="p")).rows == [(1,)]
        assert (await client.queries.dry_run("SELECT * FROM far.t")).schema.names == ("x",)
        with pytest.raises(NotFoundError):
            await client.queries.execute("SELECT * FROM far.t", location="US")
        with pytest.raises(NotFoundError):
            await client.queries.execute("SELECT * FROM far.nothing", location="europe-west1")

    run(bqsim, work)


# --- time ---


def test_a_query_that_takes_longer_is_awaited_as_a_job(bqsim: Any) -> None:
    bqsim.jobs.plan({"polls": {"running": 3}})
    result = run(bqsim, lambda c: c.queries.execute("SELECT 1"))
    assert result.rows == [(1,)]
    assert result.job is not None and result.details is not None and result.statement_type == "SELECT"


@pytest.mark.parametrize(("cancel", "state"), [(False, "RUNNING"), (True, "DONE")])
def test_a_query_whose_time_is_over(bqsim: Any, cancel: bool, state: str) -> None:
    async def work(client: BigQueryClient) -> None:
        await client.queries.execute("SELECT 0")
        bqsim.jobs.plan("manual")
        with pytest.raises(QueryTimeoutError) as raised:
            await client.queries.execute("SELECT 1", timeout=1, cancel_on_timeout=cancel)
        assert raised.value.retryable
        job = await client.jobs.get(raised.value.job)
        assert job.done == (state == "DONE")
        assert ("was cancelled" in str(raised.value)) == cancel

    run(bqsim, work)


def test_the_clients_time_for_queries(bqsim: Any) -> None:
    bqsim.jobs.plan("manual")
    with pytest.raises(QueryTimeoutError):
        run(bqsim, lambda c: c.queries.execute("SELECT 1"), query_timeout=0.3)


@pytest.mark.parametrize("cancel", [False, True])
def test_a_task_that_is_cancelled(bqsim: Any, cancel: bool) -> None:
    bqsim.jobs.plan("manual")

    async def work(client: BigQueryClient) -> bool:
        waiting = asyncio.ensure_future(
            client.queries.execute("SELECT 1", job_id="mine", cancel_on_cancel=cancel)
        )
        while not calls(bqsim, INSERT):
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        return (await client.jobs.get("mine")).done

    assert run(bqsim, work) == cancel


@pytest.mark.parametrize("phase", ["cancel", "timeout"])
def test_a_job_whose_insertion_is_given_up_is_cancelled_too(bqsim: Any, phase: str) -> None:
    fault = bqsim.faults.add({"delay": {"latency": "20s", "phase": "after"}}, method=INSERT)

    async def work(client: BigQueryClient) -> bool:
        execute = client.queries.execute
        await execute("SELECT 0")
        bqsim.jobs.plan("manual")
        if phase == "timeout":
            with pytest.raises(QueryTimeoutError) as raised:
                await execute("SELECT 1", job_id="mine", timeout=1.5, cancel_on_timeout=True)
            assert raised.value.job.job == "mine"
        else:
            waiting = asyncio.ensure_future(execute("SELECT 1", job_id="mine", cancel_on_cancel=True))
            while not fault.fired:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.2)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
        return (await client.jobs.get("mine")).done

    assert run(bqsim, work)


# --- jobs ---


def test_a_destination(bqsim: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        await table(client)
        given: Any = {"destination": "d.made", "labels": {"team": "x"}, "priority": "batch"}
        made = await client.queries.execute("SELECT 1 AS x", **given)
        assert made.rows == [(1,)]
        assert made.details is not None and made.details.labels == {"team": "x"}
        assert str(made.details.destination) == f"{client.project}.d.made"
        assert made.details.configuration["query"]["priority"] == "BATCH"
        with pytest.raises(AlreadyExistsError):
            await client.queries.execute("SELECT 2 AS x", write_disposition="WRITE_EMPTY", **given)
        await client.queries.execute("SELECT 2 AS x", write_disposition="WRITE_APPEND", **given)
        assert (await client.queries.execute("SELECT SUM(x) FROM d.made")).scalar() == 3

    run(bqsim, work)


def test_a_query_in_the_background(bqsim: Any) -> None:
    bqsim.jobs.plan({"polls": {"running": 2}})

    async def work(client: BigQueryClient) -> None:
        handle = await client.queries.execute_async("SELECT 1", job_id_prefix="bg")
        assert handle.job.job.startswith("bg_") and not handle.done()
        assert (await handle).rows == [(1,)]
        assert handle.done() and (await handle.result()).rows == [(1,)]
        assert (await handle.status()).succeeded
        with pytest.raises(InvalidQueryError):
            await (await client.queries.execute_async("SELECT nothing"))

    run(bqsim, work)


def test_a_query_in_the_background_is_cancelled(bqsim: Any) -> None:
    bqsim.jobs.plan("manual")

    async def work(client: BigQueryClient) -> None:
        handle = await client.queries.execute_async("SELECT 1")
        with pytest.raises(QueryTimeoutError):
            await handle.result(timeout=3)
        await handle.cancel()
        with pytest.raises(JobCancelledError):
            await handle
        # One that nobody waits for ends with the client.
        await client.queries.execute_async("SELECT 2")

    run(bqsim, work)


def test_interactive_queries_wait_for_a_place_and_batch_ones_do_not(bqsim: Any) -> None:
    bqsim.jobs.plan("manual")

    async def work(client: BigQueryClient) -> None:
        first = await client.queries.execute_async("SELECT 1")
        second = asyncio.ensure_future(client.queries.execute_async("SELECT 2"))
        await client.queries.execute_async("SELECT 3", priority="BATCH")
        assert client.core.throttle.full and not second.done()
        assert len(calls(bqsim, INSERT)) == 2
        await first.cancel()
        with pytest.raises(JobCancelledError):
            await first
        await second
        assert len(calls(bqsim, INSERT)) == 3

    run(bqsim, work, resilience=Resilience(interactive_queries=1))


def test_options_of_a_query_reach_the_service(bqsim: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        await table(client)
        execute = client.queries.execute
        await execute("SELECT x FROM t", default_dataset="d")
        assert (await execute("SELECT x FROM t", default_dataset="d")).cache_hit
        assert not (await execute("SELECT x FROM t", default_dataset="d", use_cache=False)).cache_hit
        zone = {"time_zone": "Asia/Tokyo"}
        given: Any = {"job_timeout": 60, "job_id_prefix": "p", "connection_properties": zone}
        job = await client.jobs.get((await execute("SELECT 1", **given)).job or "")
        assert job.configuration["jobTimeoutMs"] == "60000"
        properties = [{"key": "time_zone", "value": "Asia/Tokyo"}]
        assert job.configuration["query"]["connectionProperties"] == properties

    run(bqsim, work)


# --- dry, streamed, in sessions ---


def test_a_dry_run(bqsim: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        await table(client)
        dry = await client.queries.dry_run("SELECT x FROM d.t WHERE x > @least")
        assert (dry.bytes_processed, dry.accuracy, dry.statement_type) == (800, "PRECISE", "SELECT")
        assert dry.schema.names == ("x",)
        assert [t.table for t in dry.referenced_tables] == ["t"]
        assert [p["name"] for p in dry.parameters] == ["least"]
        with pytest.raises(InvalidQueryError):
            await client.queries.dry_run("SELECT nothing")

    run(bqsim, work)


@pytest.mark.parametrize("rows", [3000, 30000])
def test_a_stream_of_rows_and_of_batches(bqsim: Any, rows: int) -> None:
    sql = f"SELECT x FROM UNNEST(GENERATE_ARRAY(1, {rows})) AS x ORDER BY x"

    async def work(client: BigQueryClient) -> None:
        stream = client.queries.execute_stream
        assert [row.x async for row in stream(sql, page_size=1000)] == list(range(1, rows + 1))
        batches = [batch async for batch in stream(sql, page_size=1000, arrow=True)]
        assert [x for b in batches for x in b.column("x").to_pylist()] == list(range(1, rows + 1))
        assert rows > 20_000 or len(batches) == 3

    run(bqsim, work)


def test_a_stream_that_is_given_up_asks_for_no_more(bqsim: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        async with aclosing(client.queries.execute_stream(ROWS, page_size=100)) as rows:
            async for _ in rows:
                break

    run(bqsim, work)
    # The page that was on its way, at most.
    assert len(calls(bqsim, RESULTS)) <= 1


def test_a_session(bqsim_own: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        async with client.queries.session() as session:
            await session.execute("CREATE TEMP TABLE t AS SELECT 1 AS x")
            found = await asyncio.gather(*(session.execute(f"SELECT x + {n} FROM t") for n in range(3)))
            assert [f.scalar() for f in found] == [1, 2, 3]
            assert found[0].session == session.id
            ended = session.id
        with pytest.raises(Exception, match=r"(?i)session"):
            await client.queries.execute("SELECT 1", session_id=str(ended))

    run(bqsim_own, work)


# --- costs ---


def test_the_bytes_that_a_query_may_bill(bqsim: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        await table(client)
        with pytest.raises(BytesBilledLimitError) as raised:
            await client.queries.execute("SELECT x FROM d.t", maximum_bytes_billed=1 << 20)
        assert (raised.value.limit, raised.value.estimate) == (1 << 20, 10 << 20)
        assert raised.value.cost == pytest.approx(10 / (1 << 20) * 6.25)
        assert "maximum_bytes_billed" in str(raised.value)
        found = await client.queries.execute("SELECT x FROM d.t", maximum_bytes_billed=10 << 20)
        assert found.bytes_billed == 10 << 20

    run(bqsim, work)


class Told:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.finished_with: list[tuple[Any, ...]] = []

    def call(self, operation: str, project: str, request_id: str | None) -> Any:
        from contextlib import nullcontext

        return nullcontext()

    def retrying(self, call: Any, error: Any, wait_s: float, number: int) -> None:
        self.finished_with.append(("retry", call.operation, number))

    def finished(self, operation: str, project: str, **known: Any) -> None:
        self.finished_with.append((operation, known["job_id"], known["cost_usd"], known["cache_hit"]))


def test_queries_are_told_of(bqsim: Any) -> None:
    bqsim.faults.add(failing("jobBackendError"), method=QUERY, times=1)
    told = Told()
    result = run(bqsim, lambda c: c.queries.execute("SELECT 1"), observability=told)
    assert told.finished_with == [("retry", "jobs.query", 1), ("query", result.query_id, 0.0, False)]
