from __future__ import annotations

from typing import Any

import pytest

from bqsim.catalog.refs import TableRef
from bqsim.errors import BigQueryError
from bqsim.jobs import Job
from bqsim.jobs.copy import MAX_SOURCES, parse_copy

from .conftest import CALLER, Play, Stack

pytestmark = pytest.mark.fidelity("job:copy", "exact")


def table(name: str) -> dict[str, str]:
    return {"projectId": "p", "datasetId": "d", "tableId": name}


async def copy(s: Stack, source: str, target: str, **options: Any) -> Job:
    body = {"sourceTable": table(source), "destinationTable": table(target), **options}
    return await s.insert({"copy": body})


def test_a_table_is_copied_with_its_shape(play: Play) -> None:
    async def body(s: Stack) -> None:
        await s.ok(
            "CREATE TABLE d.a (day DATE, n INT64 NOT NULL) PARTITION BY day CLUSTER BY n "
            "OPTIONS (description = 'x')"
        )
        await s.ok("INSERT d.a VALUES ('2026-01-01', 1), ('2026-01-02', 2)")
        job = await copy(s, "a", "b")
        job.raise_for_error()
        assert job.to_json()["statistics"]["copy"] == {"copiedRows": "2", "copiedLogicalBytes": "32"}
        made = s.table("b")
        assert (made.time_partitioning.field, made.clustering, made.description) == ("day", ("n",), "x")
        assert made.fields == s.table("a").fields
        assert await s.rows("SELECT n FROM d.b ORDER BY n") == [(1,), (2,)]

    play(body)


def test_dispositions(play: Play) -> None:
    async def body(s: Stack) -> None:
        await s.ok("CREATE TABLE d.a AS SELECT 1 AS n")
        await s.ok("CREATE TABLE d.b AS SELECT 2 AS n")
        job = await copy(s, "a", "b")
        assert job.error is not None
        assert job.error.message == "Already Exists: Table p:d.b"
        (await copy(s, "a", "b", writeDisposition="WRITE_APPEND")).raise_for_error()
        assert await s.rows("SELECT n FROM d.b ORDER BY n") == [(1,), (2,)]
        (await copy(s, "a", "b", writeDisposition="WRITE_TRUNCATE")).raise_for_error()
        assert await s.rows("SELECT n FROM d.b") == [(1,)]

    play(body)


def test_several_sources(play: Play) -> None:
    async def body(s: Stack) -> None:
        for n in range(3):
            await s.ok(f"CREATE TABLE d.s{n} AS SELECT {n} AS n")
        body = {"sourceTables": [table(f"s{n}") for n in range(3)], "destinationTable": table("all")}
        (await s.insert({"copy": body})).raise_for_error()
        assert await s.rows("SELECT n FROM d.all ORDER BY n") == [(0,), (1,), (2,)]
        await s.ok("CREATE TABLE d.other AS SELECT 'x' AS n")
        body["sourceTables"] = [table("s0"), table("other")]
        job = await s.insert({"copy": {**body, "writeDisposition": "WRITE_TRUNCATE"}})
        assert job.error is not None
        assert "must have the same schema" in job.error.message

    play(body)


def test_snapshot_clone_and_restore(play: Play) -> None:
    async def body(s: Stack) -> None:
        await s.ok("CREATE TABLE d.a AS SELECT 1 AS n")
        (await copy(s, "a", "snap", operationType="SNAPSHOT")).raise_for_error()
        (await copy(s, "a", "clone", operationType="CLONE")).raise_for_error()
        await s.ok("INSERT d.a VALUES (2)")
        await s.ok("INSERT d.clone VALUES (3)")
        snapshot = s.table("snap")
        assert (snapshot.kind.value, snapshot.base_table) == ("SNAPSHOT", s.table("a").ref)
        assert await s.rows("SELECT n FROM d.snap") == [(1,)]
        assert await s.rows("SELECT n FROM d.clone ORDER BY n") == [(1,), (3,)]
        (await copy(s, "snap", "back", operationType="RESTORE")).raise_for_error()
        assert s.table("back").kind.value == "TABLE"
        await s.ok("INSERT d.back VALUES (4)")
        job = await copy(s, "a", "back2", operationType="RESTORE")
        assert job.error is not None
        assert "is not a table snapshot" in job.error.message
        job = await copy(s, "a", "snap", operationType="SNAPSHOT")
        assert job.error is not None
        assert job.error.reason.name == "duplicate"

    play(body)


def test_a_past_version_is_copied(play: Play) -> None:
    async def body(s: Stack) -> None:
        await s.ok("CREATE TABLE d.a AS SELECT 1 AS n")
        s.clock.advance(10)
        at_ms = s.clock.now_us() // 1000
        s.clock.advance(10)
        await s.ok("DELETE FROM d.a WHERE TRUE")
        (await copy(s, f"a@{at_ms}", "b")).raise_for_error()
        assert await s.rows("SELECT n FROM d.b") == [(1,)]
        (await copy(s, "a@-10000", "c")).raise_for_error()
        assert await s.rows("SELECT n FROM d.c") == [(1,)]

    play(body)


def test_missing_sources_and_views(play: Play) -> None:
    async def body(s: Stack) -> None:
        await s.ok("CREATE VIEW d.v AS SELECT 1 AS n")
        job = await copy(s, "nope", "b")
        assert job.error is not None
        assert job.error.message == "Not found: Table p:d.nope"
        job = await copy(s, "v", "b")
        assert job.error is not None
        assert "currently a VIEW" in job.error.message

    play(body)


async def failure(s: Stack, source: str, target: str, **options: Any) -> str:
    error = (await copy(s, source, target, **options)).error
    assert error is not None
    assert error.reason.http < 500
    return error.message


APPEND, TRUNCATE = {"writeDisposition": "WRITE_APPEND"}, {"writeDisposition": "WRITE_TRUNCATE"}


def test_one_partition_into_one_partition(play: Play) -> None:
    async def body(s: Stack) -> None:
        for name in ("a", "b"):
            await s.ok(f"CREATE TABLE d.{name} (day DATE, n INT64) PARTITION BY day")
        await s.ok("INSERT d.a VALUES ('2026-01-01', 1), ('2026-01-02', 2), ('2026-01-02', 3)")
        await s.ok("INSERT d.b VALUES ('2026-01-01', 10), ('2026-01-02', 20)")
        job = await copy(s, "a$20260102", "b$20260102", **TRUNCATE)
        job.raise_for_error()
        assert job.to_json()["statistics"]["copy"] == {"copiedRows": "2", "copiedLogicalBytes": "32"}
        assert await s.rows("SELECT n FROM d.b ORDER BY n") == [(2,), (3,), (10,)]
        (await copy(s, "a$20260102", "b$20260102", **APPEND)).raise_for_error()
        assert await s.rows("SELECT n FROM d.b ORDER BY n") == [(2,), (2,), (3,), (3,), (10,)]
        assert "Already Exists" in await failure(s, "a$20260101", "b$20260101")
        assert "Some rows belong to different partitions" in await failure(
            s, "a$20260101", "b$20260102", **APPEND
        )
        (await copy(s, "a$20260101", "new")).raise_for_error()
        made = s.table("new")
        assert (made.time_partitioning.field, made.num_rows) == ("day", 1)
        (await copy(s, "a$20280101", "b", **APPEND)).raise_for_error()

    play(body)


def test_partitions_by_ingestion_time(play: Play) -> None:
    async def body(s: Stack) -> None:
        for name in ("a", "b"):
            await s.ok(f"CREATE TABLE d.{name} (n INT64) PARTITION BY _PARTITIONDATE")
        await s.ok("CREATE TABLE d.plain AS SELECT 7 AS n")
        for n in (1, 2):
            await s.ok(f"CREATE TABLE d.s{n} AS SELECT {n} AS n")
            (await copy(s, f"s{n}", f"a$2026010{n}")).raise_for_error()
        shown = "SELECT n, CAST(_PARTITIONDATE AS STRING) FROM d.{} ORDER BY n"
        (await copy(s, "a", "c")).raise_for_error()
        assert await s.rows(shown.format("c")) == [(1, "2026-01-01"), (2, "2026-01-02")]
        (await copy(s, "a$20260102", "b$20260305")).raise_for_error()
        (await copy(s, "plain", "b$20260306")).raise_for_error()
        assert await s.rows(shown.format("b")) == [(2, "2026-03-05"), (7, "2026-03-06")]
        (await copy(s, "plain", "b$20260306", **TRUNCATE)).raise_for_error()
        assert len(await s.rows(shown.format("b"))) == 2
        (await copy(s, "plain", "e")).raise_for_error()
        await s.ok("CREATE TABLE d.today (n INT64) PARTITION BY _PARTITIONDATE")
        (await copy(s, "plain", "today")).raise_for_error()
        today = await s.rows("SELECT CAST(CURRENT_DATE() AS STRING)")
        assert (await s.rows(shown.format("today")))[0][1] == today[0][0]
        assert "one partition" in await failure(s, "a", "b$20260306", **APPEND)
        (await copy(s, "a$20260101", "flat")).raise_for_error()
        assert s.table("flat").time_partitioning is None
        (await copy(s, "a$20260102", "flat", **APPEND)).raise_for_error()
        assert await s.rows("SELECT n FROM d.flat ORDER BY n") == [(1,), (2,)]
        (await copy(s, "a", "snap", operationType="SNAPSHOT")).raise_for_error()
        assert await s.rows(shown.format("snap")) == [(1, "2026-01-01"), (2, "2026-01-02")]
        assert "Partitioning specification must be provided" in await failure(s, "plain", "none$20260101")

    play(body)


LAYOUTS = [
    ("plain", "col", "Failed to copy Non partitioned table to Column partitioned table: not supported."),
    ("plain", "num", "Failed to copy Non partitioned table to Column partitioned table: not supported."),
    ("plain", "col$20260101", "Failed to copy Non partitioned table to Column partitioned table"),
    ("col", "plain", "Failed to copy Column partitioned table to Non partitioned table: not supported."),
    ("ing", "plain", "Failed to copy Partitioned table to Non partitioned table: not supported."),
    (
        "col",
        "num",
        "Incompatible table partitioning specification. Expects partitioning specification "
        "range(field:n,start:0,end:100,interval:10), but input partitioning specification is "
        "interval(type:day,field:day)",
    ),
    ("col", "ing", "Expects partitioning specification interval(type:day), but input partitioning"),
    ("plain", "clu", "Failed to copy p:d.plain to p:d.clu: incompatible clustering fields."),
    ("plain", "plain2$20260101", "not partitioned"),
    ("plain$20260101", "plain2", "not partitioned"),
]


@pytest.mark.parametrize("write", ["WRITE_APPEND", "WRITE_TRUNCATE"])
def test_layouts_that_do_not_fit(play: Play, write: str) -> None:
    async def body(s: Stack) -> None:
        for name, rest in {
            "plain": "",
            "plain2": "",
            "col": "PARTITION BY day",
            "num": "PARTITION BY RANGE_BUCKET(n, GENERATE_ARRAY(0, 100, 10))",
            "ing": "PARTITION BY _PARTITIONDATE",
            "clu": "CLUSTER BY n",
        }.items():
            await s.ok(f"CREATE TABLE d.{name} (day DATE, n INT64) {rest}")
        for source, target, text in LAYOUTS:
            assert text in await failure(s, source, target, writeDisposition=write), (source, target)
        (await copy(s, "clu", "plain", writeDisposition=write)).raise_for_error()

    play(body)


def test_a_table_that_is_overwritten_keeps_its_layout_and_description(play: Play) -> None:
    async def body(s: Stack) -> None:
        await s.ok("CREATE TABLE d.a (day DATE, n INT64) PARTITION BY day OPTIONS (description = 'source')")
        await s.ok("INSERT d.a VALUES ('2026-01-01', 1)")
        await s.ok(
            "CREATE TABLE d.b (day DATE, n INT64, more STRING) PARTITION BY day"
            " OPTIONS (description = 'own', labels = [('k', 'v')], require_partition_filter = TRUE)"
        )
        (await copy(s, "a", "b", **TRUNCATE)).raise_for_error()
        made = s.table("b")
        assert (made.description, dict(made.labels), made.require_partition_filter) == (
            "own",
            {"k": "v"},
            True,
        )
        assert [f.name for f in made.fields] == ["day", "n"]

    play(body)


def test_fewer_columns_are_appended(play: Play) -> None:
    async def body(s: Stack) -> None:
        await s.ok("CREATE TABLE d.a AS SELECT 1 AS n, STRUCT('x' AS b) AS r, [STRUCT(5 AS y)] AS l")
        await s.ok(
            "CREATE TABLE d.b (more ARRAY<STRING>, r STRUCT<a INT64, b STRING>, "
            "l ARRAY<STRUCT<x INT64, y INT64>>, n INT64, z STRING)"
        )
        (await copy(s, "a", "b", **APPEND)).raise_for_error()
        rows = await s.rows("SELECT n, r.a, r.b, l[0].x, l[0].y, ARRAY_LENGTH(more), z FROM d.b")
        assert rows == [(1, None, "x", None, 5, 0, None)]

    play(body)


SCHEMAS = [
    (
        "n INT64, m INT64",
        "n INT64",
        "Provided Schema does not match Table p:d.b. Cannot add fields (field: m)",
    ),
    ("n STRING", "n INT64", "Field n has changed type from INTEGER to STRING"),
    ("n ARRAY<INT64>", "n INT64", "Field n has changed mode from NULLABLE to REPEATED"),
    ("n INT64", "n INT64 NOT NULL", "Field n has changed mode from REQUIRED to NULLABLE"),
    ("n INT64", "n INT64, m INT64 NOT NULL", "Field m is missing in new schema"),
]


@pytest.mark.parametrize(("source", "target", "text"), SCHEMAS, ids=[str(n) for n in range(len(SCHEMAS))])
def test_schemas_that_do_not_fit(play: Play, source: str, target: str, text: str) -> None:
    async def body(s: Stack) -> None:
        await s.ok(f"CREATE TABLE d.a ({source})")
        await s.ok(f"CREATE TABLE d.b ({target})")
        assert text in await failure(s, "a", "b", **APPEND)

    play(body)


def test_values_keep_to_the_parameters_of_their_new_types(play: Play) -> None:
    async def body(s: Stack) -> None:
        await s.ok("CREATE TABLE d.a AS SELECT 'long' AS t")
        await s.ok("CREATE TABLE d.b (t STRING(3))")
        assert "maximum length 3" in await failure(s, "a", "b", **APPEND)
        assert s.table("b").num_rows == 0

    play(body)


def test_places_and_dispositions(play: Play) -> None:
    async def body(s: Stack) -> None:
        await s.ok("CREATE TABLE d.a AS SELECT 1 AS n")
        await s.ok("CREATE SCHEMA eu OPTIONS (location = 'EU')")
        far = {"projectId": "p", "datasetId": "eu", "tableId": "t"}
        job = await s.insert({"copy": {"sourceTable": table("a"), "destinationTable": far}})
        job.raise_for_error()
        for operation in ("SNAPSHOT", "CLONE"):
            made = {**far, "tableId": operation}
            config = {"sourceTable": table("a"), "destinationTable": made, "operationType": operation}
            job = await s.insert({"copy": config})
            assert job.error is not None
            assert job.error.message == (
                "Cannot read and write in different locations: source: US, destination: EU"
            )
        never = {"createDisposition": "CREATE_NEVER"}
        assert await failure(s, "a", "b", **never) == "Not found: Table p:d.b"
        assert await failure(s, "a", "b", operationType="CLONE", **never) == "Not found: Table p:d.b"

    play(body)


def test_snapshots_have_expirations_and_kinds(play: Play) -> None:
    async def body(s: Stack) -> None:
        await s.ok("CREATE TABLE d.a AS SELECT 1 AS n")
        job = await copy(
            s, "a", "snap", operationType="SNAPSHOT", destinationExpirationTime="2100-01-01T00:00:00"
        )
        job.raise_for_error()
        assert job.to_json()["statistics"]["copy"] == {"copiedRows": "1", "copiedLogicalBytes": "8"}
        assert s.table("snap").expiration_ms == 4_102_444_800_000
        (await copy(s, "snap", "snap2", operationType="SNAPSHOT")).raise_for_error()
        assert "currently a TABLE" in await failure(s, "a", "a", operationType="SNAPSHOT", **TRUNCATE)
        assert "currently a SNAPSHOT" in await failure(
            s, "snap", "snap2", operationType="RESTORE", **TRUNCATE
        )
        await s.ok("UPDATE d.a SET n = 2 WHERE TRUE")
        (await copy(s, "snap", "a", operationType="RESTORE", **TRUNCATE)).raise_for_error()
        assert await s.rows("SELECT n FROM d.a") == [(1,)]

    play(body)


def test_a_table_as_it_was_is_restored(play: Play) -> None:
    async def body(s: Stack) -> None:
        await s.ok("CREATE TABLE d.a AS SELECT 1 AS n")
        s.clock.advance(10)
        at_ms = s.clock.now_us() // 1000
        s.clock.advance(10)
        await s.ok("DROP TABLE d.a")
        (await copy(s, f"a@{at_ms}", "a")).raise_for_error()
        (await copy(s, f"a@{at_ms}", "b", operationType="RESTORE")).raise_for_error()
        assert await s.rows("SELECT n FROM d.a UNION ALL SELECT n FROM d.b") == [(1,), (1,)]

    play(body)


def test_a_dry_run_copies_nothing(play: Play) -> None:
    async def body(s: Stack) -> None:
        await s.ok("CREATE TABLE d.a AS SELECT 1 AS n")
        config = {"sourceTable": table("a"), "destinationTable": table("b")}
        job = await s.service.insert("p", {"configuration": {"copy": config, "dryRun": True}}, CALLER)
        assert (job.done, job.dry_run, s.catalog.find_table(TableRef("p", "d", "b"))) == (True, True, None)
        for change in (
            {"sourceTable": table("none")},
            {"sourceTable": table("none"), "operationType": "CLONE"},
        ):
            with pytest.raises(BigQueryError, match="Not found"):
                await s.service.insert(
                    "p", {"configuration": {"copy": {**config, **change}, "dryRun": True}}, CALLER
                )

    play(body)


def test_query_results_are_copied(play: Play) -> None:
    async def body(s: Stack) -> None:
        result = (await s.ok("SELECT 7 AS n")).configuration_json()["query"]["destinationTable"]
        job = await s.insert({"copy": {"sourceTable": result, "destinationTable": table("kept")}})
        job.raise_for_error()
        assert await s.rows("SELECT n FROM d.kept") == [(7,)]
        assert s.table("kept").expiration_ms is None

    play(body)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"destinationTable": table("b")}, "Required parameter is missing: sourceTables"),
        ({"sourceTable": table("a")}, "Required parameter is missing: destinationTable"),
        ({"sourceTable": table("a"), "destinationTable": table("b"), "operationType": "X"}, "operationType"),
        ({"sourceTables": [table("a")] * (MAX_SOURCES + 1)}, "Too many source tables"),
        ({"sourceTable": table("a@x"), "destinationTable": table("b")}, "Invalid snapshot decorator"),
        (
            {"sourceTables": [table("a")] * 2, "destinationTable": table("b"), "operationType": "CLONE"},
            "exactly one source",
        ),
        (
            {"sourceTable": table("a$2026"), "destinationTable": table("b"), "operationType": "CLONE"},
            "not partitions",
        ),
        (
            {
                "sourceTable": table("a"),
                "destinationTable": table("b"),
                "operationType": "SNAPSHOT",
                **APPEND,
            },
            "cannot append",
        ),
        (
            {"sourceTable": table("a"), "destinationTable": table("b"), "destinationExpirationTime": "soon"},
            "destinationExpirationTime",
        ),
    ],
)
def test_bad_configurations(body: dict[str, Any], message: str) -> None:
    with pytest.raises(BigQueryError, match=message):
        parse_copy(body, "p")
