"""Whole tables: all rows once, however many streams, windows, breaks and sessions it takes."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from typing import Any

import pytest

from bqclient import BigQueryClient
from bqclient import errors as e
from tests.client.running import HeldTime, run

from .reads import READ_ROWS, ROWS, first, numbers, read, seen, tasks_of_reads

ALL = list(range(ROWS))
BIG_ROWS = 300_000


@pytest.fixture
def sim(bqsim: Any) -> Any:
    numbers(bqsim)
    return bqsim


@pytest.fixture
def big(bqsim: Any) -> Any:
    """A table of more than what messages and connections hold by themselves."""
    numbers(bqsim, BIG_ROWS)
    return bqsim


# All rows


@pytest.mark.parametrize("streams", [1, 3, 8])
@pytest.mark.parametrize("window_bytes", [1, 300_000, 64 << 20])
def test_all_rows_come_once_and_in_order(sim: Any, streams: int, window_bytes: int) -> None:
    async def work(client: BigQueryClient) -> list[int]:
        return await read(client, ordered=True, streams=streams, window_bytes=window_bytes)

    assert run(sim, work) == ALL


@pytest.mark.parametrize("window_bytes", [1, 64 << 20])
def test_all_rows_come_once_as_they_come(sim: Any, window_bytes: int) -> None:
    found = run(sim, lambda client: read(client, streams=3, window_bytes=window_bytes))
    assert sorted(found) == ALL


def test_a_table_comes_in_the_order_of_its_streams(sim: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        reading = client.storage_read.read_all("d.numbers", streams=4)
        assert (reading.progress, reading.session, reading.schema) == (0.0, None, None)
        table = await reading.to_arrow()
        assert table.column("n").to_pylist() == ALL
        assert reading.session is not None
        assert len(reading.session.streams) == 4
        assert table.schema == reading.schema
        assert (reading.progress, reading.rows_given, reading.waiting_bytes) == (1.0, ROWS, 0)

    run(sim, work)


def test_frames_and_rows(sim: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        service = client.storage_read
        frame = await service.read_all("d.numbers", selected_fields=["n"]).to_pandas()
        assert frame["n"].tolist() == ALL
        polar = await service.read_all("d.numbers", selected_fields=["n", "f"]).to_polars()
        assert polar["f"].to_list() == [n / 8 for n in ALL]
        rows = service.read_all("d.numbers", row_restriction="n < 3", ordered=True).rows()
        assert [(row["n"], row[2]) async for row in rows] == [(0, 0.0), (1, 0.125), (2, 0.25)]

    run(sim, work)


@pytest.mark.parametrize("compression", ["lz4_frame", "zstd", "lz4"])
def test_compressed_rows_are_the_same(sim: Any, compression: str) -> None:
    assert run(sim, lambda client: read(client, ordered=True, compression=compression)) == ALL


def test_restrictions_may_leave_streams_without_rows(sim: Any) -> None:
    found = run(sim, lambda client: read(client, ordered=True, streams=8, row_restriction="n >= 19990"))
    assert found == ALL[19990:]


def test_empty_tables_have_a_schema_and_no_rows(sim: Any) -> None:
    sim.client().query_and_wait("CREATE TABLE d.none (n INT64, s STRING)")

    async def work(client: BigQueryClient) -> None:
        reading = client.storage_read.read_all("d.none")
        table = await reading.to_arrow()
        assert (table.num_rows, table.schema.names, reading.progress) == (0, ["n", "s"], 1.0)
        assert [batch async for batch in client.storage_read.read_all("d.none", ordered=True)] == []

    run(sim, work)


def test_a_read_is_iterated_over_once(sim: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        reading = client.storage_read.read_all("d.numbers")
        await reading.to_arrow()
        with pytest.raises(e.UsageError, match="once"):
            await reading.to_arrow()

    run(sim, work)


@pytest.mark.parametrize(
    "wrong",
    [
        {"streams": 0},
        {"window_bytes": 0},
        {"compression": "gzip"},
        {"sample_percentage": 101},
        {"row_restriction": "x" * ((1 << 20) + 1)},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_wrong_options_are_refused_before_a_call(sim: Any, wrong: dict[str, Any]) -> None:
    async def work(client: BigQueryClient) -> None:
        client.storage_read.read_all("d.numbers", **wrong)

    with pytest.raises(e.UsageError):
        run(sim, work)
    assert not sim.journal.calls("*BigQueryRead*")


def test_tables_that_are_not_there_are_said_to_be(bqsim: Any) -> None:
    with pytest.raises(e.BigQueryError, match="nowhere"):
        run(bqsim, lambda client: read(client, "nowhere.t"))


# Memory


@pytest.mark.parametrize("ordered", [True, False])
def test_no_more_waits_than_the_window_lets(big: Any, ordered: bool) -> None:
    async def work(client: BigQueryClient) -> None:
        limit, streams = 3_000_000, 4
        reading = client.storage_read.read_all(
            "d.numbers", ordered=ordered, streams=streams, window_bytes=limit, split_bytes=0
        )
        found, largest = [], 0
        async with aclosing(aiter(reading)) as batches:
            async for batch in batches:
                largest = max(largest, batch.nbytes)
                # A consumer that takes its time: everything that may come does.
                await asyncio.sleep(0.001)
                assert reading.waiting_bytes <= limit + streams * largest
                found.append(batch)
        assert sorted(seen(found)) == list(range(BIG_ROWS))
        assert largest < limit

    run(big, work)


def test_streams_stand_still_while_nobody_takes_rows(big: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        reading = client.storage_read.read_all("d.numbers", streams=2, window_bytes=1)
        _, rest = await first(reading)
        for _ in range(100):
            await asyncio.sleep(0.001)
        # One message came for the window that was empty; the next waits for it to be taken.
        assert len(waiting(reading)) <= 1
        await rest.aclose()

    run(big, work)


def waiting(reading: Any) -> list[Any]:
    return [rows for lane in reading._lanes for rows in lane.waiting]


# Ends


def test_giving_up_ends_tasks_and_calls(big: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        reading = client.storage_read.read_all("d.numbers", streams=1, window_bytes=1)
        _, rest = await first(reading)
        await all_begun(reading)
        assert tasks_of_reads()
        await rest.aclose()
        assert not tasks_of_reads()
        # The service is told at once, not only when the client is closed.
        calls = await asyncio.to_thread(ended_calls, big)
        assert [call.outcome.status for call in calls] == ["CANCELLED"]

    run(big, work)


async def all_begun(reading: Any) -> None:
    while not all(lane.read for lane in reading._lanes):
        await asyncio.sleep(0.001)


def ended_calls(sim: Any) -> list[Any]:
    """The calls of ReadRows, once the service knows how they ended."""
    for _ in range(500):
        calls = list(sim.journal.calls(READ_ROWS))
        if calls and not calls[0].outcome.ok:
            break
        time.sleep(0.01)
    return calls


def test_a_cancelled_consumer_ends_tasks_and_calls(big: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        begun = asyncio.Event()

        async def consume() -> None:
            reading = client.storage_read.read_all("d.numbers", streams=1, window_bytes=1)
            async for _ in reading:
                await all_begun(reading)
                begun.set()
                await asyncio.sleep(3600)

        task = asyncio.create_task(consume())
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        for _ in range(100):
            if not tasks_of_reads():
                break
            await asyncio.sleep(0.01)
        assert not tasks_of_reads()

    run(big, work)
    assert [call.outcome.status for call in ended_calls(big)] == ["CANCELLED"]


def test_a_closed_client_ends_reads_with_an_error(sim: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        # The stream is held before its first row.
        sim.faults.add({"delay": {"latency": "1h", "phase": "first_byte"}}, method=READ_ROWS)
        task = asyncio.create_task(read(client, streams=1))
        while not tasks_of_reads():
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        await client.core.rpc.close()
        with pytest.raises(e.BigQueryError):
            await task
        assert not tasks_of_reads()

    run(sim, work)
    sim.faults.clear()


def test_an_error_of_one_stream_ends_all(sim: Any) -> None:
    sim.faults.add({"break_stream": {"after_rows": 100, "status": "PERMISSION_DENIED"}}, method=READ_ROWS)

    async def work(client: BigQueryClient) -> None:
        with pytest.raises(e.AccessDeniedError):
            await read(client, streams=4, window_bytes=1)
        assert not tasks_of_reads()

    run(sim, work)


def test_a_deadline_holds_over_the_whole_read(sim: Any) -> None:
    sim.faults.add({"break_stream": {"after_rows": 0, "status": "UNAVAILABLE"}}, method=READ_ROWS)
    clock = HeldTime()
    with pytest.raises(e.ServiceUnavailableError):
        run(sim, lambda client: read(client, streams=1, timeout=5), runtime=clock)
    assert sum(clock.waits) < 5
