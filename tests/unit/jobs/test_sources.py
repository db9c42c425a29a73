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


@pytest.mark.parametrize("table", ["t$", "t@x", "t@1.5", "t@" + "9" * 30, "t@-2--1", "t@-"])
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
