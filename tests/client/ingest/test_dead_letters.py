"""Rows that failed: put aside, read, and written again once."""

from __future__ import annotations

import datetime
import json
from decimal import Decimal
from typing import Any

import pytest

from bqclient import BigQueryClient
from bqclient.errors import TransportError, UsageError
from bqclient.ingest import IncompleteWriteError, RefusedRow
from bqclient.ingest.letters import cut, revived, row_text
from bqclient.models.schema import Schema
from tests.client.running import run

from .tables import INSERT_ALL, LOST, REFUSED, SCHEMA, TABLE, column, make, rows

LETTERS = "d.letters"
BAD = [{"n": 1, "s": 5}, {"n": 2, "s": "fits"}, {"s": "no n"}]


def _mended(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "n": row.get("n", 3), "s": str(row["s"])}


def test_refused_rows_are_put_aside(bqsim: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        await make(client)
        letters = client.ingest.dead_letters(LETTERS, org="acme")
        report = await client.ingest.write_rows(TABLE, BAD, dead_letters=letters)
        assert (report.written, report.dead_letters) == (1, 2)
        found = await letters.read()
        assert sorted(json.loads(letter.row).get("n", 0) for letter in found) == [0, 1]
        for letter in found:
            assert (letter.org, letter.source_table, letter.cut) == ("acme", f"{client.project}.d.t", False)
            assert letter.time.tzinfo is datetime.UTC
            assert letter.error
        made = await client.tables.get(LETTERS)
        assert made.time_partitioning is not None
        assert (made.time_partitioning.field, made.clustering) == ("time", ("source_table",))

    run(bqsim, work)


def test_errors_and_rows_are_cut(bqsim: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        await make(client)
        letters = client.ingest.dead_letters(LETTERS)
        long = RefusedRow(0, {"n": 1, "s": "é" * 20_000}, "x" * 5_000)
        await letters.add(TABLE, [long, ({"n": 2, "s": "short"}, "because")])
        by_cut = {letter.cut: letter for letter in await letters.read()}
        assert (len(by_cut[True].error), len(by_cut[True].row)) == (1_000, 10_000)
        assert by_cut[False].error == "because"
        # What is cut is told, not driven.
        report = await letters.redrive()
        assert (report.cut, report.driven) == ((by_cut[True].id,), (by_cut[False].id,))
        assert await column(client) == [2]
        assert [letter.id for letter in await letters.read()] == [by_cut[True].id]

    run(bqsim, work)


def test_rows_are_driven_once(bqsim: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        await make(client)
        letters = client.ingest.dead_letters(LETTERS)
        await client.ingest.write_rows(TABLE, BAD, dead_letters=letters)
        report = await letters.redrive(transform=_mended)
        assert (len(report.driven), report.refused, report.skipped) == (2, {}, ())
        assert report.reports is not None
        assert [r.written for r in report.reports.values()] == [2]
        assert await column(client) == [1, 2, 3]
        assert (await letters.redrive(transform=_mended)).driven == ()
        assert await column(client) == [1, 2, 3]
        assert sorted(x.id for x in await letters.read(driven=True)) == sorted(report.driven)
        assert len(await letters.read(driven=None)) == 2

    run(bqsim, work)


def test_rows_that_are_refused_again_stay(bqsim: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        await make(client)
        letters = client.ingest.dead_letters(LETTERS)
        await client.ingest.write_rows(TABLE, BAD, dead_letters=letters)
        for _ in range(2):
            report = await letters.redrive()
            assert report.driven == ()
            assert report.refused is not None
            assert len(report.refused) == 2
        kept = await letters.redrive(transform=lambda row: None)
        assert len(kept.skipped) == 2
        assert len((await letters.redrive(transform=_mended)).driven) == 2
        assert await column(client) == [1, 2, 3]

    run(bqsim, work)


def test_letters_are_chosen_by_table_and_time(bqsim: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        await make(client)
        await make(client, name="d.other")
        letters = client.ingest.dead_letters(LETTERS)
        await letters.add(TABLE, [({"n": 1}, "e")])
        await letters.add("d.other", [({"n": 2}, "e")])
        first = (await letters.read(TABLE))[0]
        assert [json.loads(x.row) for x in await letters.read("d.other")] == [{"n": 2}]
        assert await letters.read(until=first.time) == []
        assert len(await letters.read(since=first.time)) == 2
        assert len(await letters.read(limit=1)) == 1
        with pytest.raises(UsageError):
            await letters.read(limit=0)
        assert len((await letters.redrive(TABLE)).driven) == 1
        assert (await column(client), await column(client, name="d.other")) == ([1], [])
        moved = await letters.redrive(into=TABLE, keys=["n"])
        assert (len(moved.driven), await column(client)) == (1, [1, 2])

    run(bqsim, work)


def test_two_runs_at_a_time_drive_each_letter_once(bqsim: Any) -> None:
    import asyncio

    async def work(client: BigQueryClient) -> None:
        await make(client)
        letters = client.ingest.dead_letters(LETTERS)
        await letters.add(TABLE, [({"n": n}, "e") for n in range(20)])
        reports = await asyncio.gather(*(letters.redrive() for _ in range(3)))
        assert sum(len(r.driven) for r in reports) == 20
        assert await column(client) == list(range(20))

    run(bqsim, work)


def test_answers_lost_while_driving_repeat_nothing(bqsim: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        await make(client)
        letters = client.ingest.dead_letters(LETTERS)
        for method in (INSERT_ALL, "bigquery.jobs.insert", "bigquery.tables.insert", "bigquery.jobs.query"):
            bqsim.faults.add(LOST, method=method, times=2)
        await letters.add(TABLE, [({"n": n}, "e") for n in range(5)])
        assert len((await letters.redrive()).driven) == 5
        assert await column(client) == list(range(5))

    run(bqsim, work)
    bqsim.verify_exactly_once()


def test_a_run_that_cannot_tell_whether_rows_were_written_leaves_them_claimed(bqsim: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        await make(client)
        letters = client.ingest.dead_letters(LETTERS)
        await letters.add(TABLE, [({"n": 1}, "e")])
        lost = bqsim.faults.add(LOST, method=INSERT_ALL, times=20)
        with pytest.raises(TransportError):
            await letters.redrive()
        lost.remove()
        client.core.runtime.ahead += 600  # type: ignore[attr-defined]
        later = await letters.redrive()
        assert (len(later.unfinished), later.driven) == (1, ())
        again = await letters.redrive(again=True, keys=["n"])
        assert (len(again.driven), await column(client)) == (1, [1])

    run(bqsim, work)


def test_a_run_that_wrote_nothing_gives_its_letters_back(bqsim: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        await make(client)
        letters = client.ingest.dead_letters(LETTERS)
        await letters.add(TABLE, [({"n": 1}, "e")])
        with pytest.raises(UsageError):
            await letters.redrive(keys=["nothing"])
        assert len((await letters.redrive()).driven) == 1

    run(bqsim, work)


def test_buffered_inserters_put_failed_rows_aside(bqsim: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        await make(client)
        letters = client.ingest.dead_letters(LETTERS)
        async with client.streaming.buffered(TABLE, on_failed=letters.on_failed(TABLE)) as inserter:
            await inserter.add_all([*rows(3), {"n": 4, "unknown": "x"}])
        (letter,) = await letters.read()
        assert json.loads(letter.row) == {"n": 4, "unknown": "x"}
        assert "unknown" in letter.error

    run(bqsim, work)


def test_refused_rows_that_cannot_be_put_aside_are_in_the_error(bqsim: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        await make(client)
        letters = client.ingest.dead_letters(LETTERS)
        await letters.ensure()
        bqsim.faults.add(REFUSED, method=INSERT_ALL, nth=list(range(2, 20)))
        with pytest.raises(IncompleteWriteError, match="could not be put") as raised:
            await client.ingest.write_rows(TABLE, BAD, dead_letters=letters)
        assert (raised.value.report.written, len(raised.value.report.refused)) == (1, 2)
        assert await column(client) == [2]

    run(bqsim, work)


def test_rows_of_anything_become_text() -> None:
    given = {
        "bytes": b"\xff",
        "number": Decimal("NaN"),
        "float": float("nan"),
        "at": datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC),
        "set": {1},
        "object": object,
        "deep": {"a": [object, {"b": 1j}]},
        "half": "\ud800",
    }
    found = json.loads(row_text(given))
    assert (found["bytes"], found["at"], found["set"]) == ("/w==", "2026-01-01T00:00:00Z", [1])
    assert found["deep"]["a"][1] == {"b": "1j"}
    cut(row_text(given), 10_000).encode()


def test_texts_are_cut_to_their_limit() -> None:
    assert cut("abc", 3) == "abc"
    assert cut("abcd", 3) == "ab…"
    cut("\ud800x", 10).encode()


def test_bytes_are_revived() -> None:
    inner = [{"name": "b", "type": "BYTES", "mode": "REPEATED"}]
    schema = Schema.of(
        [*SCHEMA, {"name": "st", "type": "STRUCT", "fields": inner}, {"name": "b", "type": "BYTES"}]
    )
    row = {"n": 1, "B": "/w==", "st": {"b": ["AA==", "no base 64!"]}, "other": 1}
    assert revived(row, schema) == {"n": 1, "B": b"\xff", "st": {"b": [b"\0", "no base 64!"]}, "other": 1}


def test_of_two_runs_one_gets_a_letter(bqsim: Any) -> None:
    from bqclient.ingest.redrive import _Redrive

    async def work(client: BigQueryClient) -> None:
        letters = client.ingest.dead_letters(LETTERS)
        await client.datasets.create("d")
        await letters.ensure()
        first, second = (_Redrive(client, letters, run_id, {}) for run_id in ("first", "second"))
        assert await first._claim(["a", "b"], "released") == {"a", "b"}
        assert await second._claim(["b", "c"], "released") == {"c"}
        await first._mark(["a"], "driven")
        await first._mark(["b"], "released")
        await second._mark(["a"], "released")
        assert await second._claim(["a", "b"], "released") == {"b"}
        assert await first._claim(["a", "b", "c"], "claimed") == {"b", "c"}

    run(bqsim, work)
