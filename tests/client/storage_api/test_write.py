"""Writes over the Storage API: streams, rows in every form, offsets, commits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pyarrow as pa
import pytest

from bqclient import BigQueryClient
from bqclient import errors as e
from bqclient.storage_api.payloads import MAX_REQUEST_BYTES

from .writes import COMMIT, TABLE, clean, column, rows, table


@pytest.mark.parametrize("kind", ["COMMITTED", "PENDING", "BUFFERED", "DEFAULT"])
@pytest.mark.parametrize("concurrency", [1, 3])
def test_a_table_is_written_through_streams_of_each_type(bqsim: Any, kind: str, concurrency: int) -> None:
    table(bqsim)
    data = [pa.record_batch({"n": pa.array(range(i, i + 100))}) for i in range(0, 1000, 100)]

    async def work(client: BigQueryClient) -> Any:
        return await client.storage_write.write_table(TABLE, data, type=kind, concurrency=concurrency)

    result = clean(bqsim, work)
    assert result.rows == 1000
    assert len({s.name for s in result.streams}) == (1 if kind == "DEFAULT" else len(result.streams))
    assert (result.commit is not None) == (kind == "PENDING")
    assert column(bqsim) == list(range(1000))
    bqsim.verify_exactly_once()


def test_pending_rows_are_seen_at_the_commit_and_others_as_their_types_say(bqsim: Any) -> None:
    table(bqsim)

    async def work(client: BigQueryClient) -> None:
        write = client.storage_write
        async with write.writer(TABLE, type="PENDING") as pending:
            await pending.append(rows(1, 2))
        assert pending.finalized_rows == 2
        assert column(bqsim) == []
        found = await write.commit(TABLE, [pending.stream])
        assert found.time is not None
        assert column(bqsim) == [1, 2]
        async with write.writer(TABLE, type="BUFFERED") as buffered:
            assert (await buffered.append(rows(3, 4, 5))).offset == 0
            assert await write.flush(buffered.stream, 1) == 1
            assert column(bqsim) == [1, 2, 3, 4]
        assert column(bqsim) == [1, 2, 3, 4, 5]
        async with write.writer(TABLE) as committed:
            await committed.append(rows(6))
            assert column(bqsim)[-1] == 6
            with pytest.raises(e.CommitError) as raised:
                await write.commit(TABLE, [committed.stream])
            assert raised.value.streams == (committed.stream.name,)
            assert raised.value.kind == "INVALID_STREAM_TYPE"

    clean(bqsim, work)


async def _generated() -> AsyncIterator[dict[str, Any]]:
    for row in rows(1, 2, 3):
        yield row
        await asyncio.sleep(0)


FORMS: dict[str, Any] = {
    "dicts": lambda: rows(1, 2, 3),
    "generator": lambda: (row for row in rows(1, 2, 3)),
    "async generator": _generated,
    "table": lambda: pa.Table.from_pylist(rows(1, 2, 3)),
    "batches": lambda: pa.Table.from_pylist(rows(1, 2, 3)).to_batches(max_chunksize=2),
    "reader": lambda: pa.Table.from_pylist(rows(1, 2, 3)).to_reader(),
    "one row": lambda: rows(1)[0],
    "dictionary and large": lambda: pa.table(
        {"n": pa.array([1, 2, 3], pa.int32()), "s": pa.array(["row 1", None, "x"]).dictionary_encode()}
    ),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("format", ["auto", "proto"])
def test_rows_come_in_many_forms(bqsim: Any, form: str, format: str) -> None:
    table(bqsim)

    async def work(client: BigQueryClient) -> Any:
        return await client.storage_write.append(TABLE, FORMS[form](), format=format)

    result = clean(bqsim, work)
    numbers = [1] if form == "one row" else [1, 2, 3]
    assert (result.rows, result.offset, result.maybe_repeated) == (len(numbers), None, False)
    assert column(bqsim) == numbers


def test_what_is_no_data_is_refused_before_sending(bqsim: Any) -> None:
    table(bqsim)

    async def work(client: BigQueryClient) -> None:
        write = client.storage_write
        for wrong in ("text", 7, ["text"], [object()]):
            with pytest.raises(e.UsageError):
                await write.append(TABLE, wrong)
        with pytest.raises(e.UsageError, match="n"):
            await write.append(TABLE, [{"n": "one"}])
        with pytest.raises(e.UsageError, match="other"):
            await write.append(TABLE, [{"other": 1}])
        with pytest.raises(e.UsageError, match="COMMITTED"):
            await write.create_stream(TABLE, "SOON")
        with pytest.raises(e.UsageError):
            await write.commit(TABLE, [])

    clean(bqsim, work)
    assert column(bqsim) == []


def test_requests_are_cut_to_the_limit_and_too_large_a_row_is_told(bqsim: Any) -> None:
    table(bqsim)
    data = pa.table({"n": pa.array(range(50)), "s": ["x" * 400_000] * 50})

    async def work(client: BigQueryClient) -> None:
        async with client.storage_write.writer(TABLE, request_bytes=1 << 30) as writer:
            result = await writer.append(data)
            assert (result.rows, result.requests) == (50, 3)
            for wrong in (
                [{"n": 1, "s": "x" * MAX_REQUEST_BYTES}],
                pa.table({"s": ["x" * MAX_REQUEST_BYTES]}),
            ):
                with pytest.raises(e.LimitError, match="Row 0") as raised:
                    await writer.append(wrong)
                assert raised.value.limit == MAX_REQUEST_BYTES < raised.value.found
            assert (await writer.append(rows(50))).offset == 50

    clean(bqsim, work)
    assert column(bqsim) == list(range(51))


def test_many_appends_wait_for_room(bqsim: Any) -> None:
    table(bqsim)

    async def work(client: BigQueryClient) -> None:
        async with client.storage_write.writer(TABLE, max_requests=3, max_bytes=2_000) as writer:
            sent = await asyncio.gather(*(writer.send(rows(n)) for n in range(50)))
            assert [(await one).offset for one in sent] == list(range(50))
            room = writer.appends.room
            assert (room.most_requests, room.used_requests, room.used_size) == (3, 0, 0)
            assert room.most_size <= 2_000

    clean(bqsim, work)
    assert column(bqsim) == list(range(50))


def test_refused_rows_are_told_and_the_appends_behind_them_move_up(bqsim: Any) -> None:
    table(bqsim, "n INT64 NOT NULL, s STRING")

    async def work(client: BigQueryClient) -> None:
        async with client.storage_write.writer(TABLE) as writer:
            good = [pa.table({"n": [n, n + 1]}) for n in (0, 2, 4)]
            bad = pa.table({"n": pa.array([7, None, 8, None], pa.int64())})
            first = await writer.send(good[0])
            refused = await writer.send(bad)
            second = await writer.send(good[1])
            third = await writer.send(good[2])
            assert (await first).offset == 0
            with pytest.raises(e.RowsRefusedError) as raised:
                await refused
            assert [index for index, _ in raised.value.rows] == [1, 3]
            assert ((await second).offset, (await third).offset) == (2, 4)
        assert writer.finalized_rows == 6

    clean(bqsim, work)
    assert column(bqsim) == [0, 1, 2, 3, 4, 5]
    bqsim.verify_exactly_once()


@pytest.mark.parametrize("kind", ["COMMITTED", "DEFAULT"])
@pytest.mark.parametrize(("format", "arrow"), [("arrow", True), ("arrow", False), ("proto", False)])
def test_refused_rows_can_be_left_out(bqsim: Any, kind: str, format: str, arrow: bool) -> None:
    table(bqsim, "n INT64, s STRING(3)")
    wrong = {3, 11, 12, 19}
    data: Any = [{"n": n, "s": "too long" if n in wrong else "ok"} for n in range(20)]
    if arrow:
        data = pa.Table.from_pylist(data)

    async def work(client: BigQueryClient) -> None:
        options: dict[str, Any] = {"type": kind, "skip_refused": True, "format": format}
        async with client.storage_write.writer(TABLE, request_bytes=100, **options) as writer:
            sent = [await writer.send(data), await writer.send(rows())]
            result = await sent[0]
            assert {index for index, _ in result.refused} == wrong
            assert result.rows == 16
            assert (await writer.append({"n": 99, "s": "ok"})).offset == (16 if kind == "COMMITTED" else None)

    clean(bqsim, work)
    assert column(bqsim) == [*(n for n in range(20) if n not in wrong), 99]


def test_explicit_offsets_are_those_of_the_stream(bqsim: Any) -> None:
    table(bqsim)

    async def work(client: BigQueryClient) -> None:
        write = client.storage_write
        stream = await write.create_stream(TABLE)
        async with write.writer(stream=stream) as writer:
            assert (await writer.append(rows(0, 1), offset=0)).offset == 0
            with pytest.raises(e.OffsetError) as early:
                await writer.append(rows(0, 1), offset=0)
            with pytest.raises(e.OffsetError) as late:
                await writer.append(rows(9), offset=9)
            assert (early.value.kind, late.value.kind) == ("OFFSET_ALREADY_EXISTS", "OFFSET_OUT_OF_RANGE")
            assert (await writer.append(rows(2))).offset == 2
        async with write.writer(stream=stream.name, offset=3) as again:
            assert (await again.append(rows(3))).offset == 3
            assert again.end == 4
        assert await write.finalize(stream) == 4
        assert await write.finalize(stream) == 4
        async with write.writer(stream=stream, offset=4) as ended:
            with pytest.raises(e.StreamFinalizedError):
                await ended.append(rows(4))

    clean(bqsim, work)
    assert column(bqsim) == [0, 1, 2, 3]


def test_new_columns_are_used_once_the_service_tells_of_them(bqsim: Any) -> None:
    table(bqsim, "n INT64")

    async def work(client: BigQueryClient) -> None:
        async with client.storage_write.writer(TABLE) as writer:
            await writer.append([{"n": 1}])
            await asyncio.to_thread(bqsim.client().query_and_wait, f"ALTER TABLE {TABLE} ADD COLUMN s STRING")
            await writer.append([{"n": 2}])
            assert writer.change is not None
            assert str(writer.change) == "s added (NULLABLE STRING)"
            await writer.append([{"n": 3, "s": "x"}])
            connections = writer.appends.connections
            # What no answer told is asked for.
            await asyncio.to_thread(bqsim.client().query_and_wait, f"ALTER TABLE {TABLE} ADD COLUMN x INT64")
            await writer.append([{"n": 4, "s": "x", "x": 4}])
            assert connections == 2

    clean(bqsim, work)
    assert column(bqsim) == [1, 2, 3, 4]
    assert column(bqsim, "IFNULL(s, '')") == ["", "", "x", "x"]


@pytest.mark.parametrize(
    ("defaults", "found"),
    [(None, [None, None]), (True, ["d", 5]), (["s"], ["d", None]), ({"s": False, "x": True}, [None, 5])],
    ids=["none", "all", "named", "mapping"],
)
@pytest.mark.parametrize("format", ["arrow", "proto"])
def test_missing_values_are_null_or_defaults(
    bqsim: Any, defaults: Any, found: list[Any], format: str
) -> None:
    table(bqsim, "n INT64, s STRING DEFAULT 'd', x INT64 DEFAULT 5")
    data = [{"n": 1, "s": None, "x": None}, {"n": 2, "s": "x", "x": 1}]

    async def work(client: BigQueryClient) -> None:
        await client.storage_write.append(TABLE, data, defaults=defaults, format=format)

    clean(bqsim, work)
    assert [list(row) for row in bqsim.client().query_and_wait(f"SELECT s, x FROM {TABLE} ORDER BY n")] == [
        found,
        ["x", 1],
    ]


def test_changes_replace_and_delete_rows_by_their_key(bqsim: Any) -> None:
    table(bqsim, "n INT64, s STRING, PRIMARY KEY (n) NOT ENFORCED")

    def change(n: int, s: str | None, what: str, number: str) -> dict[str, Any]:
        return {"n": n, "s": s, "_CHANGE_TYPE": what, "_CHANGE_SEQUENCE_NUMBER": number}

    async def work(client: BigQueryClient) -> None:
        changes = [
            change(1, "a", "UPSERT", "0/1"),
            change(2, "b", "UPSERT", "0/1"),
            change(1, "c", "UPSERT", "0/3"),
            change(1, "late", "UPSERT", "0/2"),
            change(2, None, "DELETE", "0/4"),
        ]
        assert (await client.storage_write.append(TABLE, changes)).rows == 5

    clean(bqsim, work)
    assert column(bqsim, "s") == ["c"]


def test_default_streams_of_several_tables_share_a_connection(bqsim: Any) -> None:
    names = ["d.t1", "d.t2", "d.t3"]
    for name in names:
        table(bqsim, name=name)

    async def work(client: BigQueryClient) -> None:
        write = client.storage_write
        for turn in range(4):
            await asyncio.gather(*(write.append(name, rows(turn)) for name in names))
        [shared] = write._connections.values()
        assert shared.connections == 1

    clean(bqsim, work)
    assert [column(bqsim, name=name) for name in names] == [[0, 1, 2, 3]] * 3


def test_a_cancelled_append_leaves_the_writer_usable(bqsim: Any) -> None:
    table(bqsim)

    async def work(client: BigQueryClient) -> None:
        async with client.storage_write.writer(TABLE) as writer:
            await writer.append(rows(0))
            waiting = asyncio.create_task(writer.append(rows(1)))
            await asyncio.sleep(0.005)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            await writer.append(rows(2))
        assert writer.finalized_rows == len(column(bqsim))

    clean(bqsim, work)
    assert column(bqsim) in ([0, 1, 2], [0, 2])


def test_leaving_by_an_error_leaves_no_call_behind(bqsim: Any) -> None:
    table(bqsim)

    async def work(client: BigQueryClient) -> None:
        with pytest.raises(ZeroDivisionError):
            async with client.storage_write.writer(TABLE, type="PENDING") as writer:
                await writer.send(rows(1))
                raise ZeroDivisionError
        with pytest.raises(e.UsageError, match="closed"):
            await writer.send(rows(2))

    clean(bqsim, work)
    assert column(bqsim) == []


def test_missing_tables_and_streams_are_told(bqsim: Any) -> None:
    table(bqsim)

    async def work(client: BigQueryClient) -> None:
        write = client.storage_write
        with pytest.raises(e.NotFoundError) as missing:
            await write.append("d.missing", rows(1))
        assert missing.value.status == "NOT_FOUND"
        assert isinstance(missing.value, e.StorageNotFoundError) and missing.value.kind == "TABLE_NOT_FOUND"
        stream = await write.create_stream(TABLE)
        async with write.writer(stream=stream) as writer:
            await writer.append(rows(1))
            await asyncio.to_thread(bqsim.client().query_and_wait, f"DROP TABLE {TABLE}")
            with pytest.raises(e.BigQueryError):
                await writer.append(rows(2))

    clean(bqsim, work)


@pytest.mark.parametrize("times", [1, 3])
def test_commits_whose_answers_are_lost_are_done_once(bqsim: Any, times: int) -> None:
    table(bqsim)
    bqsim.faults.add({"grpc": {"status": "UNAVAILABLE", "applied": True}}, method=COMMIT, times=times)

    async def work(client: BigQueryClient) -> Any:
        return await client.storage_write.write_table(TABLE, rows(1, 2, 3), type="PENDING")

    result = clean(bqsim, work)
    assert result.commit.earlier == tuple(s.name for s in result.streams)
    assert column(bqsim) == [1, 2, 3]


def test_streams_that_somebody_else_committed_are_an_error(bqsim: Any) -> None:
    table(bqsim)

    async def work(client: BigQueryClient) -> None:
        write = client.storage_write
        done = await write.write_table(TABLE, rows(1), type="PENDING")
        with pytest.raises(e.CommitError) as raised:
            await write.commit(TABLE, done.streams)
        assert raised.value.kind == "STREAM_ALREADY_COMMITTED"

    clean(bqsim, work)
    assert column(bqsim) == [1]


def test_commits_wait_for_what_passes(bqsim: Any) -> None:
    table(bqsim)
    effect = {"grpc": {"status": "FAILED_PRECONDITION", "storage_code": "KMS_SERVICE_ERROR"}}
    bqsim.faults.add(effect, method=COMMIT, times=2)

    async def work(client: BigQueryClient) -> Any:
        return await client.storage_write.write_table(TABLE, rows(1), type="PENDING")

    assert clean(bqsim, work).commit.attempts == 3
    assert column(bqsim) == [1]
