from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

import pytest

from bqsim.errors import BigQueryError
from bqsim.jobs import Job, JobFilter, JobObserver, State
from bqsim.sim.progression.outcome import Cancel

from .conftest import CALLER, Play, Stack
from .test_query import BIG

pytestmark = [
    pytest.mark.fidelity("job:ids and request ids", "exact", tests="test_a_job_id* test_a_repeated_request*"),
    pytest.mark.fidelity("job:locations", "exact", tests="test_locations test_a_job_runs_where*"),
    pytest.mark.fidelity(
        "job:result cache", "exact", tests="test_a_repeated_query* test_volatile* test_what_is_another*"
    ),
    pytest.mark.fidelity("job:sessions", "exact", tests="test_a_session_* test_one_job_of*"),
    pytest.mark.fidelity("job:listing", "exact", tests="test_list"),
    pytest.mark.fidelity("job:anonymous results", "exact", tests="test_results_expire"),
]


async def refusal(work: Any) -> BigQueryError:
    with pytest.raises(BigQueryError) as caught:
        await work
    return caught.value


QUERY = {"query": {"query": "SELECT 1", "useLegacySql": False}}


# -- ids and locations


def test_generated_ids_are_seeded_and_unique(play: Play) -> None:
    async def body(s: Stack) -> None:
        jobs = [await s.insert(QUERY) for _ in range(3)]
        ids = {j.ref.job_id for j in jobs}
        assert len(ids) == 3
        assert all(i.startswith("job_") for i in ids)

    play(body)


def test_a_job_id_is_used_once(play: Play) -> None:
    async def body(s: Stack) -> None:
        job = await s.insert(QUERY, job_id="mine")
        assert s.service.get("p", "mine") is job
        error = await refusal(s.insert(QUERY, job_id="mine"))
        assert (error.http, error.message) == (409, "Already Exists: Job p:US.mine")
        s.service.delete("p", "mine")
        assert (await refusal(s.insert(QUERY, job_id="mine"))).http == 409

    play(body)


@pytest.mark.parametrize("job_id", ["a b", "é", "x" * 1025, "a.b", 5])
def test_bad_job_ids(play: Play, job_id: object) -> None:
    async def body(s: Stack) -> None:
        request = {"configuration": QUERY, "jobReference": {"jobId": job_id}}
        assert "Invalid job ID" in (await refusal(s.service.insert("p", request, CALLER))).message

    play(body)


def test_locations(play: Play) -> None:
    async def body(s: Stack) -> None:
        request = {"configuration": QUERY, "jobReference": {"jobId": "j", "location": "eu"}}
        job = await s.service.insert("p", request, CALLER)
        assert job.ref.location == "EU"
        assert s.service.get("p", "j", "EU") is job
        assert s.service.get("p", "j") is job
        with pytest.raises(BigQueryError, match=r"Not found: Job p:US\.j"):
            s.service.get("p", "j", "US")
        request = {"configuration": QUERY, "jobReference": {"location": "nowhere"}}
        assert (await refusal(s.service.insert("p", request, CALLER))).http == 404

    play(body)


def test_a_job_runs_where_its_default_dataset_is(play: Play) -> None:
    async def body(s: Stack) -> None:
        await s.ok("CREATE SCHEMA e OPTIONS (location = 'EU')")
        job = await s.query("SELECT 1", defaultDataset={"datasetId": "e"})
        assert job.ref.location == "EU"

    play(body)


def test_a_job_runs_where_the_tables_are_that_it_names(play: Play) -> None:
    async def body(s: Stack) -> None:
        await s.ok("CREATE SCHEMA e OPTIONS (location = 'EU')")
        await s.ok("CREATE TABLE e.t AS SELECT 1 AS a", location="EU")
        job = await s.ok("SELECT a FROM e.t")
        assert job.ref.location == "EU"
        assert (await s.ok("SELECT 1")).ref.location == "US"
        assert (
            await s.insert({"query": {"query": "SELECT a FROM e.t", "useLegacySql": False}})
        ).ref.location == "EU"
        elsewhere = await s.query("SELECT a FROM e.t", location="US")
        assert elsewhere.error is not None
        assert elsewhere.error.message == "Not found: Dataset p:e was not found in location US"
        await s.ok("DROP SCHEMA e CASCADE")
        assert s.catalog.locations == {"US": 1}

    play(body)


# -- bad requests


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "Required parameter is missing: configuration"),
        ({"configuration": {}}, "exactly one job-specific configuration object"),
        ({"configuration": {**QUERY, "load": {}}}, "exactly one job-specific configuration object"),
        ({"configuration": {"query": {"useLegacySql": False}}}, "Required parameter is missing: query"),
        ({"configuration": {"extract": {}}}, "Required parameter is missing: sourceTable"),
        ({"configuration": {**QUERY, "labels": {"A": "b"}}}, 'Label key "A" has invalid characters'),
        ({"configuration": QUERY, "jobReference": {"projectId": "q"}}, "does not match the project"),
        ({"configuration": QUERY, "jobReference": "x"}, "Invalid value for jobReference"),
    ],
)
def test_bad_requests(play: Play, body: dict[str, Any], message: str) -> None:
    async def run(s: Stack) -> None:
        error = await refusal(s.service.insert("p", body, CALLER))
        assert message in error.message
        assert error.http == 400

    play(run)


# -- jobs.query


def test_a_query_that_takes_longer_than_its_timeout_goes_on(play: Play) -> None:
    async def body(s: Stack) -> None:
        job = await s.query(BIG, timeoutMs=0)
        assert not job.done
        assert s.service.get("p", job.ref.job_id) is job
        other = await s.ok("SELECT 2")
        assert not job.done
        assert other.done
        await s.service.cancel("p", job.ref.job_id)
        await job.wait(20)

    play(body)


def test_a_repeated_request_id_gives_the_same_job(play: Play) -> None:
    async def body(s: Stack) -> None:
        await s.ok("CREATE TABLE d.t (a INT64)")
        first = await s.ok("INSERT d.t VALUES (1)", requestId="r")
        again = await s.ok("INSERT d.t VALUES (1)", requestId="r", timeoutMs=3)
        assert again is first
        assert s.table("t").num_rows == 1
        s.clock.advance(15 * 60)
        assert await s.ok("INSERT d.t VALUES (1)", requestId="r") is not first
        assert s.table("t").num_rows == 2

    play(body)


def test_optional_jobs(play: Play) -> None:
    async def body(s: Stack) -> None:
        optional = {"jobCreationMode": "JOB_CREATION_OPTIONAL"}
        job = await s.ok("SELECT 1", **optional)
        assert not job.created
        assert await s.rows_of(job) == [(1,)]
        with pytest.raises(BigQueryError, match="Not found: Job"):
            s.service.get("p", job.query_id)
        large = await s.ok("SELECT * FROM UNNEST([1, 2, 3])", maxResults=2, **optional)
        assert (large.created, large.creation_reason) == (True, "LARGE_RESULTS")
        assert s.service.get("p", large.ref.job_id) is large
        long = await s.query(BIG, timeoutMs=0, **optional)
        assert (long.created, long.creation_reason) == (True, "LONG_RUNNING")
        await s.service.cancel("p", long.ref.job_id)
        await long.wait(20)

    play(body)


def test_pages_of_results(play: Play) -> None:
    async def body(s: Stack) -> None:
        job = await s.ok("SELECT n FROM UNNEST(GENERATE_ARRAY(1, 10)) n ORDER BY n")
        found: list[int] = []
        token = None
        while True:
            page = await s.service.results(job, max_results=4, page_token=token)
            assert page.total_rows == 10
            found += page.rows.column(0).to_pylist()
            token = page.next_page_token
            if token is None:
                break
        assert found == list(range(1, 11))
        page = await s.service.results(job, start_index=8)
        assert page.rows.column(0).to_pylist() == [9, 10]
        assert "Invalid page token" in (await refusal(s.service.results(job, page_token="zz"))).message

    play(body)


# -- the cache


def test_a_repeated_query_is_answered_from_the_cache(play: Play) -> None:
    async def body(s: Stack) -> None:
        await s.ok("CREATE TABLE d.t AS SELECT 1 AS a")
        first = await s.ok("SELECT a FROM d.t")
        second = await s.ok("SELECT a FROM d.t")
        assert second.result is first.result
        query = second.to_json()["statistics"]["query"]
        assert query["cacheHit"] is True
        assert (query["totalBytesProcessed"], query["totalBytesBilled"]) == ("0", "0")
        assert "queryPlan" not in query
        assert second.destination == first.destination
        await s.ok("INSERT d.t VALUES (2)")
        assert sorted(await s.rows("SELECT a FROM d.t")) == [(1,), (2,)]

    play(body)


@pytest.mark.parametrize(
    "variant",
    [
        {"sql": "SELECT a  FROM t"},
        {"useQueryCache": False},
        {"caller": "bob@example.com"},
        {"connectionProperties": [{"key": "time_zone", "value": "Asia/Tokyo"}]},
    ],
)
def test_what_is_another_query_for_the_cache(play: Play, variant: dict[str, Any]) -> None:
    async def body(s: Stack) -> None:
        await s.ok("CREATE TABLE d.t AS SELECT 1 AS a")
        request = {"sql": "SELECT a FROM t", "defaultDataset": {"datasetId": "d"}}
        await s.query(**request)
        job = await s.query(**{**request, **variant})
        assert job.query_statistics is not None
        assert not job.query_statistics.cache_hit
        assert (await s.query(**request)).query_statistics.cache_hit  # type: ignore[union-attr]

    play(body)


@pytest.mark.parametrize("sql", ["SELECT RAND()", "SELECT CURRENT_TIMESTAMP()", "SELECT SESSION_USER()"])
def test_volatile_queries_are_not_cached(play: Play, sql: str) -> None:
    async def body(s: Stack) -> None:
        await s.ok(sql)
        job = await s.ok(sql)
        assert job.query_statistics is not None
        assert not job.query_statistics.cache_hit

    play(body)


def test_a_replaced_function_is_a_miss(play: Play) -> None:
    async def body(s: Stack) -> None:
        await s.ok("CREATE FUNCTION d.f(x INT64) AS (x + 1)")
        await s.ok("CREATE VIEW d.v AS SELECT d.f(1) AS a")
        for sql in ("SELECT d.f(1)", "SELECT a FROM d.v"):
            assert await s.rows(sql) == [(2,)]
            assert (await s.ok(sql)).query_statistics.cache_hit  # type: ignore[union-attr]
        await s.ok("CREATE OR REPLACE FUNCTION d.f(x INT64) AS (x + 2)")
        for sql in ("SELECT d.f(1)", "SELECT a FROM d.v"):
            assert await s.rows(sql) == [(3,)]

    play(body)


def test_wildcard_tables_are_not_cached(play: Play) -> None:
    async def body(s: Stack) -> None:
        await s.ok("CREATE TABLE d.e_1 AS SELECT 1 AS a")
        await s.ok("CREATE VIEW d.v AS SELECT a FROM `p.d.e_*`")
        for sql in ("SELECT a FROM `d.e_*`", "SELECT a FROM d.v"):
            assert await s.rows(sql) == [(1,)]
        await s.ok("CREATE TABLE d.e_2 AS SELECT 2 AS a")
        for sql in ("SELECT a FROM `d.e_*`", "SELECT a FROM d.v"):
            assert sorted(await s.rows(sql)) == [(1,), (2,)]

    play(body)


def test_parameters_belong_to_the_query(play: Play) -> None:
    def parameter(value: str) -> dict[str, Any]:
        return {
            "queryParameters": [
                {"name": "n", "parameterType": {"type": "INT64"}, "parameterValue": {"value": value}}
            ]
        }

    async def body(s: Stack) -> None:
        assert await s.rows("SELECT @n", **parameter("1")) == [(1,)]
        assert await s.rows("SELECT @n", **parameter("2")) == [(2,)]
        assert (await s.ok("SELECT @n", **parameter("1"))).query_statistics.cache_hit  # type: ignore[union-attr]

    play(body)


def test_create_never_without_destination_asks_for_a_cached_result(play: Play) -> None:
    wanted = {"query": {"query": "SELECT 7", "useLegacySql": False, "createDisposition": "CREATE_NEVER"}}

    async def body(s: Stack) -> None:
        job = await s.insert(wanted)
        assert job.error is not None
        assert job.error.reason.name == "notFound"
        await s.ok("SELECT 7")
        assert (await s.insert(wanted)).error is None

    play(body)


# -- sessions


def test_a_session_keeps_tables_variables_and_functions(play: Play) -> None:
    async def body(s: Stack) -> None:
        job = await s.ok("CREATE TEMP TABLE t AS SELECT 5 AS a", createSession=True)
        assert job.session_id is not None
        assert job.to_json()["statistics"]["sessionInfo"] == {"sessionId": job.session_id}
        here = {"connectionProperties": [{"key": "session_id", "value": job.session_id}]}
        await s.ok("DECLARE v INT64 DEFAULT 3;", **here)
        await s.ok("CREATE TEMP FUNCTION twice(x INT64) AS (x * 2);", **here)
        assert await s.rows("SELECT twice(a + v) FROM t", **here) == [(16,)]
        other = await s.query("SELECT a FROM t")
        assert other.error is not None

    play(body)


def test_an_unknown_session_is_not_found(play: Play) -> None:
    async def body(s: Stack) -> None:
        job = await s.query("SELECT 1", connectionProperties=[{"key": "session_id", "value": "nope"}])
        assert job.error is not None
        assert job.error.message == "Not found: Session nope"

    play(body)


def test_one_job_of_a_session_at_a_time(play: Play) -> None:
    async def body(s: Stack) -> None:
        first = await s.ok("SELECT 1", createSession=True)
        here = {"connectionProperties": [{"key": "session_id", "value": first.session_id}]}
        running = await s.query(BIG, timeoutMs=50, **here)
        second = await s.query("SELECT 2", **here)
        assert second.error is not None
        assert second.error.message == "Concurrent jobs in the same session are not allowed"
        await s.service.cancel("p", running.ref.job_id)
        await running.wait(20)
        assert await s.rows("SELECT 2", **here) == [(2,)]

    play(body)


# -- the other methods


def test_list(play: Play) -> None:
    async def body(s: Stack) -> None:
        for n in range(3):
            await s.query(f"SELECT {n}")
        await s.query("SELECT 1", caller="bob@example.com")
        page = s.service.list("p", JobFilter(caller=CALLER), None, 2)
        texts = [j.configuration["query"]["query"] for j in page.jobs]
        assert texts == ["SELECT 2", "SELECT 1"]
        rest = s.service.list("p", JobFilter(caller=CALLER), page.next_page_token, 2)
        assert [j.configuration["query"]["query"] for j in rest.jobs] == ["SELECT 0", "CREATE SCHEMA d"]
        assert len(s.service.list("p", JobFilter()).jobs) == 5
        assert s.service.list("q", JobFilter()).jobs == []

    play(body)


def test_only_done_top_level_jobs_can_be_deleted(play: Play) -> None:
    async def body(s: Stack) -> None:
        script = await s.ok("SELECT 1; SELECT 2;")
        child = script.children[0]
        with pytest.raises(BigQueryError, match="child job"):
            s.service.delete("p", child.ref.job_id)
        running = await s.query(BIG, timeoutMs=0)
        with pytest.raises(BigQueryError) as caught:
            s.service.delete("p", running.ref.job_id)
        assert caught.value.reason.name == "resourceInUse"
        s.service.delete("p", script.ref.job_id)
        with pytest.raises(BigQueryError, match="Not found: Job"):
            s.service.get("p", child.ref.job_id)
        await s.service.cancel("p", running.ref.job_id)
        await running.wait(20)

    play(body)


def test_cancelling_a_done_job_changes_nothing(play: Play) -> None:
    async def body(s: Stack) -> None:
        job = await s.ok("SELECT 1")
        assert (await s.service.cancel("p", job.ref.job_id)).error is None
        assert await s.rows_of(job) == [(1,)]

    play(body)


def test_results_expire(play: Play) -> None:
    async def body(s: Stack) -> None:
        job = await s.ok("SELECT 1")
        assert job.destination is not None
        assert s.service.anonymous_table(job.destination) is not None
        (hidden,) = s.service.hidden_datasets("p")
        assert hidden.ref == job.destination.dataset_ref
        s.clock.advance(25 * 3600)
        assert s.service.anonymous_table(job.destination) is None
        assert (await s.ok("SELECT 1")).result is not job.result
        assert (await refusal(s.service.results(job))).http == 404

    play(body)


def test_a_load_needs_an_upload(play: Play) -> None:
    async def body(s: Stack) -> None:
        load = {"destinationTable": {"projectId": "p", "datasetId": "d", "tableId": "t"}}
        error = await refusal(s.service.insert("p", {"configuration": {"load": load}}, CALLER))
        assert error.message == "Load configuration must specify at least one source URI"
        request = {"configuration": {"load": {**load, "sourceUris": ["http://b/o"]}}}
        error = await refusal(s.service.insert("p", request, CALLER))
        assert error.message == "Invalid source URI: http://b/o"

    play(body)


# -- observers


class Life:
    def statistics(self, job: Job) -> dict[str, Any]:
        return {"quotaDeferments": ["q"]}


class Holder:
    """Holds jobs in their states until told; remembers what it was asked and told."""

    def __init__(self) -> None:
        self.seen: list[tuple[State, State]] = []
        self.gates: dict[State, asyncio.Event] = {}
        self.error: BigQueryError | None = None
        self.late: BigQueryError | None = None
        self.outcome = Cancel.WINS
        self.at_once = False
        self.settling: asyncio.Future[None] | None = None
        self.watched = False
        self.told: list[tuple[str, str]] = []

    def admit(self, job: Job) -> None:
        assert job.state is State.PENDING

    def reserved(self, job: Job) -> bool:
        return False

    def created(self, job: Job) -> None:
        assert job.state is State.PENDING
        if self.watched:
            job.life = Life()
        self.told.append(("", "PENDING"))

    def before_state(self, job: Job, state: State) -> Awaitable[None] | None:
        self.seen.append((job.state, state))
        if self.error is not None:
            raise self.error
        if state not in self.gates:
            return None
        return self._held(state)

    async def _held(self, state: State) -> None:
        await self.gates[state].wait()

    def after_work(self, job: Job) -> None:
        if self.late is not None:
            raise self.late

    def moved(self, job: Job, before: State, after: State) -> None:
        assert job.state is after
        self.told.append((before.value, after.value))

    def leaving(self, job: Job) -> asyncio.Future[None] | None:
        return self.settling

    def polled(self, job: Job) -> bool:
        return self.at_once

    def cancelling(self, job: Job) -> Cancel:
        return self.outcome


class TestObserver:
    @pytest.fixture
    def observer(self) -> JobObserver:
        return Holder()

    def test_it_sees_each_move(self, play: Play, observer: Holder) -> None:
        async def body(s: Stack) -> None:
            await s.ok("SELECT 1")
            assert observer.seen == [(State.PENDING, State.RUNNING), (State.RUNNING, State.DONE)]
            observer.seen.clear()
            assert observer.told == [("", "PENDING"), ("PENDING", "RUNNING"), ("RUNNING", "DONE")]
            observer.told.clear()
            assert (await s.ok("SELECT 1")).query_statistics.cache_hit  # type: ignore[union-attr]
            assert not observer.seen
            assert observer.told == [("", "PENDING"), ("PENDING", "RUNNING"), ("RUNNING", "DONE")]
            observer.watched = True
            job = await s.ok("SELECT 1")
            assert job.query_statistics.cache_hit  # type: ignore[union-attr]
            assert observer.seen == [(State.PENDING, State.RUNNING), (State.RUNNING, State.DONE)]
            assert job.to_json()["statistics"]["quotaDeferments"] == ["q"]

        play(body)

    @pytest.mark.parametrize(("held", "state"), [(State.RUNNING, State.PENDING), (State.DONE, State.RUNNING)])
    def test_it_holds_a_job(self, play: Play, observer: Holder, held: State, state: State) -> None:
        async def body(s: Stack) -> None:
            gate = observer.gates[held] = asyncio.Event()
            job = await s.query("SELECT 1", timeoutMs=300)
            assert job.state is state
            gate.set()
            assert await job.wait(10)
            assert await s.rows_of(job) == [(1,)]

        play(body)

    @pytest.mark.parametrize("held", [State.RUNNING, State.DONE])
    def test_a_held_job_can_be_cancelled(self, play: Play, observer: Holder, held: State) -> None:
        async def body(s: Stack) -> None:
            observer.gates[held] = asyncio.Event()
            job = await s.query("SELECT 1", timeoutMs=300)
            await s.service.cancel("p", job.ref.job_id)
            assert await job.wait(10)
            assert job.error is not None
            assert job.error.reason.name == "stopped"
            assert job.result is None

        play(body)

    def test_it_can_fail_a_job(self, play: Play, observer: Holder) -> None:
        async def body(s: Stack) -> None:
            observer.error = BigQueryError("backendError", "Error encountered during execution.")
            job = await s.query("SELECT 1")
            assert job.error is not None and job.error.message == observer.error.message
            assert job.start_ms is None

        play(body)

    def test_a_held_pending_job_takes_no_worker(self, play: Play, observer: Holder) -> None:
        async def body(s: Stack) -> None:
            gate = observer.gates[State.RUNNING] = asyncio.Event()
            held = [await s.query(f"SELECT {n}", timeoutMs=0) for n in range(20)]
            while len(observer.seen) < len(held):
                await asyncio.sleep(0)
            del observer.gates[State.RUNNING]
            await s.ok("SELECT 'free'")
            assert {j.state for j in held} == {State.PENDING}
            gate.set()
            for job in held:
                assert await job.wait(10)

        play(body)

    def test_a_failure_after_the_work_leaves_what_it_did(self, play: Play, observer: Holder) -> None:
        async def body(s: Stack) -> None:
            await s.ok("CREATE SCHEMA d")
            observer.late = BigQueryError("internalError", "late")
            job = await s.query("CREATE TABLE d.late AS SELECT 1 AS n")
            assert job.error is not None and job.error.message == observer.late.message
            observer.late = None
            assert await s.rows("SELECT n FROM d.late") == [(1,)]

        play(body)

    def test_a_cancel_that_loses_changes_nothing(self, play: Play, observer: Holder) -> None:
        async def body(s: Stack) -> None:
            gate = observer.gates[State.DONE] = asyncio.Event()
            observer.outcome = Cancel.LOSES
            job = await s.query("SELECT 1", timeoutMs=0)
            assert not (await s.service.cancel("p", job.ref.job_id)).done
            observer.outcome = Cancel.TOO_LATE
            asyncio.get_running_loop().call_later(0.05, gate.set)
            assert (await s.service.cancel("p", job.ref.job_id)).error is None
            assert job.done

        play(body)

    def test_reads_that_end_a_state_are_answered_at_once(self, play: Play, observer: Holder) -> None:
        async def body(s: Stack) -> None:
            gate = observer.gates[State.DONE] = asyncio.Event()
            job = await s.query("SELECT 1", timeoutMs=0)
            observer.at_once = True
            assert not (await s.service.read("p", job.ref.job_id, wait_s=60)).done
            observer.settling = asyncio.get_running_loop().create_future()
            asyncio.get_running_loop().call_later(0.05, observer.settling.set_result, None)
            assert not (await s.service.read("p", job.ref.job_id)).done
            assert observer.settling.done()
            observer.at_once = False
            gate.set()
            assert (await s.service.read("p", job.ref.job_id, wait_s=60)).done

        play(body)

    def test_who_waits_is_woken(self, play: Play, observer: Holder) -> None:
        async def body(s: Stack) -> None:
            gate = observer.gates[State.DONE] = asyncio.Event()
            job = await s.query("SELECT 1", timeoutMs=0)
            asyncio.get_running_loop().call_later(0.05, job.wake)
            assert not await job.wait(60)
            gate.set()
            assert await job.wait(60)

        play(body)

    def test_it_may_ask_for_jobs_and_their_size(self, play: Play, observer: Holder) -> None:
        async def body(s: Stack) -> None:
            await s.ok("CREATE SCHEMA d")
            job = await s.query("SELECT 1", timeoutMs=0)
            await job.wait(10)
            estimate = await s.service.estimate(job)
            assert estimate == (0, "SELECT")
            assert s.service.find("p", job.ref.job_id) is job
            assert s.service.find("p", "none") is None

        play(body)
