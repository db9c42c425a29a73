"""Streaming inserts: limits, insert ids, partial failures, lost answers; rows that are gathered."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bqclient import BigQueryClient, Runtime
from bqclient.errors import LimitError, NotFoundError, PartialInsertError, ServiceUnavailableError, UsageError
from tests.client.running import HeldTime, run

SCHEMA = [{"name": "n", "type": "INTEGER", "mode": "REQUIRED"}, {"name": "s", "type": "STRING"}]
LOST = {"error": {"reason": "backendError", "applied": True}}
INSERT = "bigquery.tabledata.insertAll"


async def _table(client: BigQueryClient) -> None:
    await client.datasets.create("d")
    await client.tables.create("d.t", SCHEMA)


async def _numbers(client: BigQueryClient) -> list[int]:
    # tabledata.list does not show rows of the streaming buffer.
    return [row["n"] for row in (await client.queries.execute("SELECT n FROM d.t ORDER BY n")).rows]


def test_rows_are_inserted_once_though_answers_are_lost(bqsim: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        await _table(client)
        bqsim.faults.add(LOST, method=INSERT, times=2)
        result = await client.streaming.insert_all("d.t", [{"n": i, "s": "x"} for i in range(10)])
        assert (result.inserted, result.failed) == (10, ())
        assert await _numbers(client) == list(range(10))

    run(bqsim, work)
    bqsim.verify_exactly_once()


def test_without_insert_ids_a_lost_answer_is_an_error(bqsim: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        await _table(client)
        bqsim.faults.add(LOST, method=INSERT, times=1)
        with pytest.raises(ServiceUnavailableError) as raised:
            await client.streaming.insert_all("d.t", [{"n": 1}], insert_ids=None)
        assert raised.value.ambiguous
        assert await _numbers(client) == [1]

    run(bqsim, work)


def test_content_ids_make_two_calls_one(bqsim: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        await _table(client)
        for row in ({"n": 1, "s": "a"}, {"s": "a", "n": 1}, {"n": 2, "s": "a"}):
            await client.streaming.insert_all("d.t", [row], insert_ids="content")
        assert await _numbers(client) == [1, 2]

    run(bqsim, work)


def test_refused_rows_are_given_back(bqsim: Any) -> None:
    rows = [{"n": 1}, {"s": "no n"}, {"n": 3, "extra": True}]

    async def work(client: BigQueryClient) -> None:
        await _table(client)
        whole = await client.streaming.insert_all("d.t", rows)
        assert (whole.inserted, [f.index for f in whole.failed]) == (0, [0, 1, 2])
        assert [f.stopped for f in whole.failed] == [True, False, False]
        some = await client.streaming.insert_all("d.t", rows, skip_invalid_rows=True)
        assert (some.inserted, [f.row for f in some.failed]) == (1, rows[1:])
        with pytest.raises(PartialInsertError, match="2 of 3 rows were refused; row 1") as raised:
            some.raise_for_failed()
        assert raised.value.failed == some.failed
        assert await _numbers(client) == [1]

    run(bqsim, work)


def test_rows_that_fail_in_passing_are_sent_again(bqsim: Any) -> None:
    time = HeldTime()

    async def work(client: BigQueryClient) -> None:
        await _table(client)
        failing = {"insert_errors": {"indexes": [1], "reason": "backendError"}}
        bqsim.faults.add(failing, method=INSERT, times=1)
        result = await client.streaming.insert_all("d.t", [{"n": i} for i in range(3)])
        assert result.failed == ()
        assert await _numbers(client) == [0, 1, 2]

    run(bqsim, work, runtime=time)
    assert time.waits == [1.25]


def test_limits_are_checked_before_sending(bqsim: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        with pytest.raises(LimitError) as many:
            await client.streaming.insert_all("d.t", ({"n": i} for i in range(10_001)))
        assert (many.value.limit, many.value.found) == (10_000, 10_001)
        with pytest.raises(LimitError) as large:
            await client.streaming.insert_all("d.t", [{"s": "x" * 6_000_000}] * 2)
        assert large.value.found > large.value.limit == 10_000_000
        with pytest.raises(UsageError, match="Row 0 cannot be written"):
            await client.streaming.insert_all("d.t", [{"s": object()}])
        with pytest.raises(UsageError, match="1 insert ids for 2 rows"):
            await client.streaming.insert_all("d.t", [{}, {}], insert_ids=["a"])

    run(bqsim, work)
    assert not bqsim.journal.calls(INSERT)


def test_a_new_table_may_be_late(bqsim: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        await _table(client)
        bqsim.faults.add("notFound", method=INSERT, times=2)
        assert (await client.streaming.insert_all("d.t", [{"n": 1}])).inserted == 1
        bqsim.faults.clear()
        with pytest.raises(NotFoundError):
            await client.streaming.insert_all("d.missing", [{"n": 1}])

    run(bqsim, work)


def test_gathered_rows_go_by_number_and_size(bqsim: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        await _table(client)
        async with client.streaming.buffered("d.t", max_rows=100, max_wait_s=60) as inserter:
            await inserter.add_all({"n": i} for i in range(250))
        assert (inserter.inserted, inserter.failed) == (250, [])
        async with client.streaming.buffered("d.t", max_bytes=20_000, max_wait_s=60) as inserter:
            await inserter.add_all({"n": i, "s": "x" * 7_000} for i in range(6))
        assert inserter.inserted == 6

    run(bqsim, work, runtime=Runtime())
    assert len(bqsim.journal.calls(INSERT)) == 3 + 3


def test_gathered_rows_go_after_a_while(bqsim: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        await _table(client)
        inserter = client.streaming.buffered("d.t", max_wait_s=0.01)
        await inserter.add({"n": 7})
        for _ in range(500):
            if inserter.inserted:
                break
            await asyncio.sleep(0.01)
        assert await _numbers(client) == [7]
        await inserter.close()
        with pytest.raises(UsageError, match="closed"):
            await inserter.add({"n": 8})

    run(bqsim, work, runtime=Runtime())


def test_gathered_rows_that_fail_are_not_lost(bqsim: Any) -> None:
    rows = [{"n": 1}, {"s": "bad"}, {"n": 2}]

    async def work(client: BigQueryClient) -> None:
        await _table(client)
        inserter = client.streaming.buffered("d.t", max_rows=2)
        await inserter.add_all(rows)
        with pytest.raises(PartialInsertError) as raised:
            await inserter.close()
        assert [(f.index, f.row) for f in raised.value.failed] == [(1, rows[1])]
        told: list[Any] = []
        async with client.streaming.buffered("d.t", on_failed=told.extend) as other:
            bqsim.faults.add("backendError", method=INSERT)
            await other.add_all(rows)
        assert [(f.row, f.errors[0]["reason"]) for f in told] == [(r, "backendError") for r in rows]
        assert other.failed == []

    run(bqsim, work)


def test_those_who_bring_rows_wait_for_a_slow_table(bqsim: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        await _table(client)
        gate = asyncio.Event()
        inserter = client.streaming.buffered("d.t", max_rows=1, in_flight=2, max_wait_s=60)
        real = inserter._streaming.insert_prepared

        async def held(*args: Any, **options: Any) -> Any:
            await gate.wait()
            return await real(*args, **options)

        inserter._streaming.insert_prepared = held  # type: ignore[method-assign]
        bringing = asyncio.create_task(inserter.add_all({"n": i} for i in range(10)))
        for _ in range(20):
            await asyncio.sleep(0)
        assert (len(inserter._sending), bringing.done()) == (2, False)
        gate.set()
        await bringing
        await inserter.close()
        assert await _numbers(client) == list(range(10))

    run(bqsim, work, runtime=Runtime())
