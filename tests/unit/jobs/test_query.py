from __future__ import annotations

from typing import Any

import pytest

from bqsim.errors import BigQueryError
from bqsim.jobs import State

from .conftest import Play, Stack

pytestmark = [
    pytest.mark.fidelity("job:query", "exact", tests="test_a_select_* test_a_failing_query*"),
    pytest.mark.fidelity("job:dry runs, bytes:dry runs", "exact", tests="test_a_dry_run_*"),
    pytest.mark.fidelity("job:destination tables", "exact", tests="test_*destination*"),
    pytest.mark.fidelity("job:scripts", "exact", tests="test_*script*"),
    pytest.mark.fidelity("job:parameters", "exact", tests="test_named_*"),
    pytest.mark.fidelity("bytes:minimum and rounding", "exact", tests="test_bytes_*"),
]

BIG = (
    "SELECT COUNT(*) FROM UNNEST(GENERATE_ARRAY(1, 1000000)) a, UNNEST(GENERATE_ARRAY(1, 1000000)) b "
    "WHERE a * b = 7"
)


def into(table: str, sql: str, **query: Any) -> dict[str, Any]:
    target = {"projectId": "p", "datasetId": "d", "tableId": table}
    return {"query": {"query": sql, "useLegacySql": False, "destinationTable": target, **query}}


def test_a_select_has_rows_statistics_and_an_anonymous_table(play: Play) -> None:
    async def body(s: Stack) -> None:
        job = await s.ok("SELECT 1 AS x, 'a' AS y")
        assert await s.rows_of(job) == [(1, "a")]
        statistics = job.to_json()["statistics"]
        assert statistics["query"]["statementType"] == "SELECT"
        assert statistics["query"]["cacheHit"] is False
        assert statistics["bqsim"]["route"] == "ENGINE"
        times = [int(statistics[k]) for k in ("creationTime", "startTime", "endTime")]
        assert times == sorted(times)
        configuration = job.to_json()["configuration"]
        assert configuration["jobType"] == "QUERY"
        target = configuration["query"]["destinationTable"]
        assert target["datasetId"].startswith("_")
        assert target["tableId"].startswith("anon")
        assert job.destination is not None
        assert await s.rows(f"SELECT y, x FROM `{job.destination.sql_name}`") == [("a", 1)]
        page = await s.tabledata.list(job.destination)
        assert (page.total_rows, page.rows.to_pylist()) == (1, [{"c1": 1, "c2": "a"}])

    play(body)


def test_a_failing_query_is_a_done_job_with_an_error(play: Play) -> None:
    async def body(s: Stack) -> None:
        job = await s.query("SELECT missing")
        status = job.to_json()["status"]
        assert status["state"] == "DONE"
        assert status["errorResult"]["reason"] == "invalidQuery"
        assert status["errorResult"] == status["errors"][0]
        with pytest.raises(BigQueryError, match="Unrecognized name: missing"):
            await s.service.results(job)

    play(body)


def test_dml_has_counts(play: Play) -> None:
    async def body(s: Stack) -> None:
        await s.ok("CREATE TABLE d.t (a INT64)")
        job = await s.ok("INSERT d.t VALUES (1), (2), (3)")
        query = job.to_json()["statistics"]["query"]
        assert query["numDmlAffectedRows"] == "3"
        assert query["dmlStats"] == {"insertedRowCount": "3"}
        assert job.result is None

    play(body)


def test_create_table_answers_with_its_schema(play: Play) -> None:
    async def body(s: Stack) -> None:
        job = await s.ok("CREATE TABLE d.t (a INT64)")
        page = await s.service.results(job)
        assert [f.name for f in page.fields] == ["a"]
        assert page.total_rows == 0
        query = job.to_json()["statistics"]["query"]
        assert query["ddlOperationPerformed"] == "CREATE"
        assert query["ddlTargetTable"] == {"projectId": "p", "datasetId": "d", "tableId": "t"}

    play(body)


def test_bytes_are_counted_and_billed_at_least_10_mib(play: Play) -> None:
    async def body(s: Stack) -> None:
        await s.ok("CREATE TABLE d.t AS SELECT 1 AS a, 'xyz' AS b")
        query = (await s.ok("SELECT a FROM d.t")).to_json()["statistics"]["query"]
        assert (query["totalBytesProcessed"], query["totalBytesBilled"]) == ("8", "10485760")
        assert query["referencedTables"] == [{"projectId": "p", "datasetId": "d", "tableId": "t"}]
        refused = await s.query("SELECT b FROM d.t", maximumBytesBilled="10485759")
        assert refused.error is not None
        assert refused.error.message == (
            "Query exceeded limit for bytes billed: 10485759. 10485760 or higher required."
        )
        for sql in (
            "CREATE TABLE d.u AS SELECT b FROM d.t",
            "INSERT d.t (b) SELECT b FROM d.t",
            "DELETE FROM d.t WHERE b = 'x'",
            "CREATE TABLE d.w AS SELECT 1 AS x; SELECT b FROM d.t",
        ):
            again = await s.query(sql, maximumBytesBilled="10485759")
            assert again.error is not None, sql
            assert again.error.reason.name == "bytesBilledLimitExceeded", sql
        assert again.query_statistics is not None
        assert again.query_statistics.bytes_billed == 0
        await s.ok("SELECT * FROM d.w")
        given = {"useLegacySql": False, "scriptOptions": {"statementByteBudget": "10485759"}}
        again = await s.insert({"query": {**given, "query": "SELECT 1; SELECT b FROM d.t"}})
        assert again.error is not None
        assert again.error.reason.name == "bytesBilledLimitExceeded"
        single = await s.insert({"query": {**given, "query": "SELECT b FROM d.t"}})
        assert single.error is None
        await s.ok("SELECT b FROM d.t", maximumBytesBilled="10485760")

    play(body)


def test_a_dry_run_is_done_without_id_rows_or_effects(play: Play) -> None:
    async def body(s: Stack) -> None:
        await s.ok("CREATE TABLE d.t AS SELECT 1 AS a")
        job = await s.query("SELECT a FROM d.t", dryRun=True)
        body = job.to_json()
        assert body["jobReference"] == {"projectId": "p", "location": "US"}
        query = body["statistics"]["query"]
        assert query["schema"]["fields"] == [{"name": "a", "type": "INTEGER", "mode": "NULLABLE"}]
        assert (query["totalBytesProcessed"], query["totalBytesBilled"]) == ("8", "0")
        assert query["totalBytesProcessedAccuracy"] == "PRECISE"
        await s.query("DROP TABLE d.t", dryRun=True)
        assert s.table("t").num_rows == 1
        with pytest.raises(BigQueryError, match="Unrecognized name: b"):
            await s.query("SELECT b FROM d.t", dryRun=True)

    play(body)


def test_a_dry_run_tells_the_parameters_that_it_was_not_given(play: Play) -> None:
    given = {"name": "a", "parameterType": {"type": "INT64"}, "parameterValue": {"value": "5"}}

    async def body(s: Stack) -> None:
        sql = "SELECT @a + 1, @b + 1, @c LIKE 'x', 5 IN UNNEST(@d)"
        job = await s.query(sql, dryRun=True, queryParameters=[given])
        assert job.to_json()["statistics"]["query"]["undeclaredQueryParameters"] == [
            {"name": "b", "parameterType": {"type": "INT64"}},
            {"name": "c", "parameterType": {"type": "STRING"}},
            {"name": "d", "parameterType": {"type": "ARRAY", "arrayType": {"type": "INT64"}}},
        ]
        job = await s.query("SELECT ? + 1", dryRun=True)
        assert job.to_json()["statistics"]["query"]["undeclaredQueryParameters"] == [
            {"parameterType": {"type": "INT64"}}
        ]
        failed = await s.query("SELECT @b + 1")
        assert failed.error is not None
        assert "Query parameter 'b' not found" in failed.error.message

    play(body)


def test_a_dry_run_of_a_script_checks_its_statements(play: Play) -> None:
    async def body(s: Stack) -> None:
        await s.ok("CREATE TABLE d.t AS SELECT 1 AS a")
        job = await s.query("SELECT a FROM d.t; SELECT a + 1 FROM d.t;", dryRun=True)
        query = job.to_json()["statistics"]["query"]
        assert (query["statementType"], query["totalBytesProcessed"]) == ("SCRIPT", "16")
        assert job.children == []
        with pytest.raises(BigQueryError, match="Unrecognized name: missing"):
            await s.query("SELECT 1; SELECT missing;", dryRun=True)

    play(body)


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TEMP TABLE k AS SELECT a FROM d.t",
        "CREATE TEMP TABLE k LIKE d.t",
        "CREATE TEMP TABLE k COPY d.t",
    ],
)
def test_a_dry_run_of_a_temporary_table(play: Play, sql: str) -> None:
    async def body(s: Stack) -> None:
        await s.ok("CREATE TABLE d.t AS SELECT 1 AS a")
        with pytest.raises(BigQueryError, match="requires a script or session"):
            await s.query(sql, dryRun=True)
        script = await s.query(f"SELECT 1; {sql}; SELECT * FROM k", dryRun=True)
        assert script.to_json()["statistics"]["query"]["statementType"] == "SCRIPT"
        first = await s.insert(
            {"dryRun": True, "query": {"query": sql, "useLegacySql": False, "createSession": True}}
        )
        query = first.to_json()["statistics"]["query"]
        assert query["ddlOperationPerformed"] == "CREATE"
        assert query["schema"]["fields"][0]["name"] == "a"
        job = await s.insert({"query": {"query": "SELECT 1", "useLegacySql": False, "createSession": True}})
        session = [{"key": "session_id", "value": job.session_id}]
        inside = await s.query(sql, dryRun=True, connectionProperties=session)
        assert inside.to_json()["statistics"]["query"]["ddlTargetTable"]["tableId"] == "k"
        assert [d.ref.dataset for d in s.catalog.datasets("p") if not d.ref.dataset.startswith("_")] == ["d"]
        failed = await s.query("SELECT * FROM k", connectionProperties=session)
        assert failed.error is not None

    play(body)


def test_named_and_positional_parameters(play: Play) -> None:
    five = {"parameterType": {"type": "INT64"}, "parameterValue": {"value": "5"}}

    async def body(s: Stack) -> None:
        assert await s.rows("SELECT @n + 1", queryParameters=[{"name": "n", **five}]) == [(6,)]
        assert await s.rows("SELECT ? * ?", queryParameters=[five, five], parameterMode="POSITIONAL") == [
            (25,)
        ]

    play(body)


def test_default_dataset(play: Play) -> None:
    async def body(s: Stack) -> None:
        await s.ok("CREATE TABLE t AS SELECT 4 AS a", defaultDataset={"datasetId": "d"})
        assert await s.rows("SELECT a FROM t", defaultDataset={"projectId": "p", "datasetId": "d"}) == [(4,)]

    play(body)


def test_results_go_to_a_destination_table(play: Play) -> None:
    async def body(s: Stack) -> None:
        job = await s.insert(into("t", "SELECT 1 AS a, 'x' AS b"))
        job.raise_for_error()
        assert await s.rows_of(job) == [(1, "x")]
        again = await s.insert(into("t", "SELECT 2 AS a, 'y' AS b"))
        assert again.error is not None
        assert (again.error.reason.name, again.error.message) == ("duplicate", "Already Exists: Table p:d.t")
        appended = await s.insert(into("t", "SELECT 'y' AS b, 2 AS a", writeDisposition="WRITE_APPEND"))
        assert sorted(await s.rows_of(appended)) == [(1, "x"), (2, "y")]
        replaced = await s.insert(into("t", "SELECT TRUE AS c", writeDisposition="WRITE_TRUNCATE"))
        assert await s.rows_of(replaced) == [(True,)]
        assert [f.name for f in s.table("t").fields] == ["c"]
        assert sorted(await s.rows_of(appended)) == [(1, "x"), (2, "y")]

    play(body)


@pytest.mark.parametrize(
    ("sql", "options", "message"),
    [
        ("SELECT 1 AS a, 2 AS z", {}, "Invalid schema update. Cannot add fields (field: z)"),
        (
            "SELECT 'x' AS a",
            {},
            "Invalid schema update. Field a has changed type from INTEGER to STRING",
        ),
        (
            "SELECT 1 AS b",
            {"createDisposition": "CREATE_NEVER", "table": "none"},
            "Not found: Table p:d.none",
        ),
        (
            "SELECT 1 AS b",
            {"table": "new", "timePartitioning": {"type": "DAY", "field": "nope"}},
            "The field specified for partitioning cannot be found in the schema.",
        ),
        ("DELETE FROM d.t WHERE TRUE", {}, "Cannot set destination table in jobs with DML statements"),
        ("CREATE TABLE d.u (a INT64)", {}, "Cannot set destination table in jobs with DDL statements"),
        ("SELECT 1; SELECT 2", {}, "configuration.query.destinationTable cannot be set for scripts"),
    ],
)
def test_what_a_destination_refuses(play: Play, sql: str, options: dict[str, Any], message: str) -> None:
    async def body(s: Stack) -> None:
        await s.ok("CREATE TABLE d.t AS SELECT 1 AS a")
        extra = {k: v for k, v in options.items() if k != "table"}
        job = await s.insert(into(options.get("table", "t"), sql, writeDisposition="WRITE_APPEND", **extra))
        assert job.error is not None
        assert job.error.message == message
        assert await s.rows("SELECT * FROM d.t") == [(1,)]

    play(body)


def test_fields_are_added_when_allowed(play: Play) -> None:
    async def body(s: Stack) -> None:
        await s.ok("CREATE TABLE d.t AS SELECT 1 AS a")
        options = {"writeDisposition": "WRITE_APPEND", "schemaUpdateOptions": ["ALLOW_FIELD_ADDITION"]}
        job = await s.insert(into("t", "SELECT 2 AS a, FALSE AS c", **options))
        job.raise_for_error()
        assert sorted(await s.rows_of(job), key=str) == [(1, None), (2, False)]

    play(body)


def test_a_destination_may_be_partitioned_and_clustered(play: Play) -> None:
    async def body(s: Stack) -> None:
        options = {"timePartitioning": {"type": "DAY", "field": "d"}, "clustering": {"fields": ["n"]}}
        job = await s.insert(into("t", "SELECT DATE '2026-01-02' AS d, 1 AS n", **options))
        job.raise_for_error()
        table = s.table("t")
        assert (table.time_partitioning.type, table.time_partitioning.field) == ("DAY", "d")
        assert table.clustering == ("n",)

    play(body)


def test_a_script_has_children_and_the_last_result(play: Play) -> None:
    async def body(s: Stack) -> None:
        job = await s.ok(
            "DECLARE x INT64 DEFAULT 5;\nCREATE TEMP TABLE t AS SELECT x AS a;\nSELECT a + 1 FROM t;"
        )
        assert await s.rows_of(job) == [(6,)]
        statistics = job.to_json()["statistics"]
        assert statistics["query"]["statementType"] == "SCRIPT"
        assert statistics["numChildJobs"] == "2"
        children = job.children
        kinds = [c.to_json()["statistics"]["query"]["statementType"] for c in children]
        assert kinds == ["CREATE_TABLE_AS_SELECT", "SELECT"]
        last = children[-1].to_json()["statistics"]
        assert last["parentJobId"] == job.ref.job_id
        assert last["scriptStatistics"]["evaluationKind"] == "STATEMENT"
        frame = last["scriptStatistics"]["stackFrames"][0]
        assert (frame["startLine"], frame["startColumn"], frame["endLine"]) == (3, 1, 3)
        assert frame["text"] == "SELECT a + 1 FROM t"
        assert s.service.get("p", children[0].ref.job_id) is children[0]
        assert [d.ref.dataset for d in s.catalog.datasets("p")] == ["d"]

    play(body)


def test_a_script_that_ends_with_dml_has_no_rows(play: Play) -> None:
    async def body(s: Stack) -> None:
        await s.ok("CREATE TABLE d.t (a INT64)")
        job = await s.ok("SELECT 1; INSERT d.t VALUES (1);")
        assert (await s.service.results(job)).fields == ()

    play(body)


def test_a_failing_script_keeps_the_children_that_ran(play: Play) -> None:
    async def body(s: Stack) -> None:
        job = await s.query("SELECT 1;\nSELECT missing;\nSELECT 3;")
        assert job.error is not None
        assert "Unrecognized name: missing" in job.error.message
        assert [c.error is None for c in job.children] == [True, False]
        assert all(c.state is State.DONE for c in job.children)

    play(body)


def test_a_cancel_stops_a_running_query(play: Play) -> None:
    async def body(s: Stack) -> None:
        job = await s.query(BIG, timeoutMs=100)
        assert job.state is State.RUNNING
        assert await s.service.cancel("p", job.ref.job_id) is job
        assert await job.wait(20)
        assert job.error is not None
        assert job.error.error_proto() == {
            "reason": "stopped",
            "message": "Job execution was cancelled: User requested cancellation",
        }
        assert await s.rows("SELECT 1") == [(1,)]

    play(body)


def test_jobs_beyond_the_workers_wait_as_pending_and_can_be_cancelled(play: Play) -> None:
    async def body(s: Stack) -> None:
        jobs = [await s.query(BIG, timeoutMs=0) for _ in range(10)]
        await s.query("SELECT 1", timeoutMs=100, useQueryCache=False)
        states = [j.state for j in jobs]
        assert states == [State.RUNNING] * 8 + [State.PENDING] * 2
        await s.service.cancel("p", jobs[9].ref.job_id)
        assert jobs[9].state is State.DONE
        assert jobs[9].start_ms is None
        for job in jobs[:9]:
            await s.service.cancel("p", job.ref.job_id)
        for job in jobs:
            assert await job.wait(20)

    play(body)


def test_a_job_stops_at_its_time_limit_on_the_clock(play: Play) -> None:
    async def body(s: Stack) -> None:
        job = await s.query(BIG, timeoutMs=100, jobTimeoutMs="60000")
        assert job.state is State.RUNNING
        s.clock.advance(61)
        assert await job.wait(20)
        assert job.error is not None
        assert job.error.message == "Job execution was cancelled: Job timed out after 60 sec"

    play(body)
