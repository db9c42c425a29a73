from __future__ import annotations

from typing import Any

import pytest

from bqsim.errors import BigQueryError
from bqsim.jobs import Job
from bqsim.jobs.copy import MAX_SOURCES, parse_copy

from .conftest import Play, Stack

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
    ],
)
def test_bad_configurations(body: dict[str, Any], message: str) -> None:
    with pytest.raises(BigQueryError, match=message):
        parse_copy(body, "p")
