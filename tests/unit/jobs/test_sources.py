from __future__ import annotations

import pytest

from bqsim.errors import BigQueryError
from bqsim.jobs.sources import Source, parse_source

from .conftest import Play, Stack


def given(table: str) -> dict[str, str]:
    return {"datasetId": "d", "tableId": table}


@pytest.mark.parametrize(
    ("table", "partition", "at_us"),
    [
        ("t", None, None),
        ("t$20260101", "20260101", None),
        ("t@1700000000000", None, 1_700_000_000_000_000),
        ("t@-1000", None, -1_000_000),
        ("t$__NULL__@0", "__NULL__", 0),
    ],
)
def test_decorators(table: str, partition: str | None, at_us: int | None) -> None:
    source = parse_source(given(table), "sourceTable", "p")
    assert (source.table.api_name, source.partition, source.at_us) == ("p:d.t", partition, at_us)
    assert isinstance(source, Source)


@pytest.mark.parametrize(
    ("table", "since_us", "at_us"),
    [
        ("t@-3600000--1800000", -3_600_000_000, -1_800_000_000),
        ("t@1700000000000-1700000001000", 1_700_000_000_000_000, 1_700_000_001_000_000),
        ("t@-600000-", -600_000_000, None),
        ("t@0-1700000000000", 0, 1_700_000_000_000_000),
    ],
)
def test_ranges_of_times(table: str, since_us: int, at_us: int | None) -> None:
    source = parse_source(given(table), "sourceTable", "p")
    assert (source.since_us, source.at_us, source.timed) == (since_us, at_us, True)


def test_rows_that_came_in_a_range_of_times(play: Play) -> None:
    async def body(s: Stack) -> None:
        await s.ok("CREATE TABLE d.t AS SELECT 1 AS n")
        before = s.clock.now_us() // 1000
        await s.ok("INSERT d.t VALUES (2)")
        between = s.clock.now_us() // 1000 + 1
        while s.clock.now_us() // 1000 <= between:
            pass
        await s.ok("INSERT d.t VALUES (3)")
        target = {"projectId": "p", "datasetId": "d", "tableId": "u"}
        for decorator, found in [
            (f"@{before}-{between}", [(2,)]),
            (f"@{between}-", [(3,)]),
            ("@0-", [(2,), (3,)]),
            ("@0", [(1,)]),
        ]:
            job = {
                "sourceTable": {**target, "tableId": f"t{decorator}"},
                "destinationTable": target,
                "writeDisposition": "WRITE_TRUNCATE",
            }
            done = await s.insert({"copy": job})
            assert "errorResult" not in done.to_json()["status"]
            got = sorted(await s.rows("SELECT n FROM d.u"))
            assert got[-len(found) :] == found, decorator

    play(body)


@pytest.mark.parametrize("decorator", ["@-1000--2000", "@1000-2000", f"@-{8 * 86_400_000}-"])
def test_ranges_that_are_refused(play: Play, decorator: str) -> None:
    async def body(s: Stack) -> None:
        await s.ok("CREATE TABLE d.t AS SELECT 1 AS n")
        target = {"projectId": "p", "datasetId": "d", "tableId": "u"}
        job = await s.insert(
            {"copy": {"sourceTable": {**target, "tableId": f"t{decorator}"}, "destinationTable": target}}
        )
        error = job.to_json()["status"]["errorResult"]
        assert error["reason"] == "invalid"
        assert "Invalid time range" in error["message"]

    play(body)


@pytest.mark.parametrize("table", ["t$", "t@x", "t@1.5", "t@" + "9" * 30, "t@-2-x", "t@-"])
def test_bad_decorators(table: str) -> None:
    with pytest.raises(BigQueryError):
        parse_source(given(table), "sourceTable", "p")


def test_rows_of_the_streaming_buffer_are_not_copied(play: Play) -> None:
    async def body(s: Stack) -> None:
        await s.ok("CREATE TABLE d.t AS SELECT 1 AS n")
        await s.tabledata.insert_all(s.table("t").ref, {"rows": [{"json": {"n": 2}}]})
        assert sorted(await s.rows("SELECT n FROM d.t")) == [(1,), (2,)]
        target = {"projectId": "p", "datasetId": "d", "tableId": "u"}
        source = {**target, "tableId": "t"}
        job = await s.insert({"copy": {"sourceTable": source, "destinationTable": target}})
        assert job.to_json()["statistics"]["copy"] == {"copiedRows": "1", "copiedLogicalBytes": "8"}
        job = await s.insert({"extract": {"sourceTable": source, "destinationUris": ["gs://bucket/x"]}})
        assert job.to_json()["statistics"]["extract"]["inputBytes"] == "8"
        assert await s.rows("SELECT n FROM d.u") == [(1,)]

    play(body)
