"""The window between streams and their consumer."""

from __future__ import annotations

import asyncio
from typing import Any

import pyarrow as pa
import pytest

from bqclient.storage_api.read_stream import StreamRows
from bqclient.storage_api.window import Lane, Window

SIZE = 100


def rows(lane: Lane, size: int = SIZE) -> StreamRows:
    return StreamRows(lane.read, pa.record_batch({"n": [lane.number]}), size)


def window(lanes: int, limit: int, *, ordered: bool) -> tuple[Window, list[Lane]]:
    made = [Lane(n, f"s{n}", guess=SIZE) for n in range(lanes)]
    return Window(made, limit, ordered=ordered), made


async def admitted(waiting: asyncio.Task[Any]) -> bool:
    """Whether a stream may read now."""
    for _ in range(3):
        await asyncio.sleep(0)
    return waiting.done()


@pytest.mark.parametrize("ordered", [True, False])
def test_a_stream_waits_for_room_and_gets_it_when_rows_are_taken(ordered: bool) -> None:
    async def work() -> None:
        room, (first, second) = window(2, 2 * SIZE, ordered=ordered)
        for _ in range(2):
            reserved = await room.reserve(first)
            room.put(first, rows(first))
            room.release(reserved)
        asking = asyncio.create_task(room.reserve(second))
        assert not await admitted(asking)
        assert await room.take() is not None
        assert await admitted(asking)
        assert (room.used, room.reserved, room.peak) == (SIZE, SIZE, 2 * SIZE)

    asyncio.run(work())


def test_what_is_on_its_way_takes_room_too() -> None:
    async def work() -> None:
        room, (first, second, third) = window(3, 2 * SIZE, ordered=False)
        await room.reserve(first)
        reserved = await room.reserve(second)
        asking = asyncio.create_task(room.reserve(third))
        assert not await admitted(asking)
        room.release(reserved)
        assert await admitted(asking)

    asyncio.run(work())


def test_the_lane_whose_turn_it_is_has_room_in_a_full_window() -> None:
    async def work() -> None:
        room, (first, second) = window(2, SIZE, ordered=True)
        room.put(second, rows(second))
        # The window is full of rows whose turn comes later: the first lane gets on all the same.
        assert await room.reserve(first) == SIZE
        room.release(SIZE)
        room.put(first, rows(first))
        asking = asyncio.create_task(room.reserve(first))
        assert not await admitted(asking)
        found = await room.take()
        assert found is not None and found[0] is first
        assert await admitted(asking)

    asyncio.run(work())


def test_the_turn_goes_on_while_a_lane_waits_for_room() -> None:
    async def work() -> None:
        room, (first, second) = window(2, SIZE, ordered=True)
        room.put(first, rows(first))
        room.finish(first)
        asking = asyncio.create_task(room.reserve(second))
        assert not await admitted(asking)
        assert await room.take() is not None
        taking = asyncio.create_task(room.take())
        assert await admitted(asking)
        assert not taking.done()
        room.put(second, rows(second))
        room.finish(second)
        found = await taking
        assert found is not None and found[0] is second
        assert await room.take() is None

    asyncio.run(work())


def test_a_message_larger_than_the_window_passes_alone() -> None:
    async def work() -> None:
        room, (lane,) = window(1, 1, ordered=False)
        room.release(await room.reserve(lane))
        room.put(lane, rows(lane, 1000))
        asking = asyncio.create_task(room.reserve(lane))
        assert not await admitted(asking)
        await room.take()
        assert await admitted(asking)
        assert lane.guess == 1000

    asyncio.run(work())


def test_rows_come_in_order_or_as_they_came() -> None:
    async def given(ordered: bool) -> list[int]:
        room, lanes = window(3, 1000, ordered=ordered)
        for number in (2, 0, 1, 0):
            room.put(lanes[number], rows(lanes[number]))
        for lane in lanes:
            room.finish(lane)
        found = []
        while (taken := await room.take()) is not None:
            found.append(taken[0].number)
        return found

    assert asyncio.run(given(True)) == [0, 0, 1, 2]
    assert asyncio.run(given(False)) == [2, 0, 1, 0]


def test_the_first_failure_is_raised() -> None:
    async def work() -> None:
        room, (lane,) = window(1, 1000, ordered=False)
        taking = asyncio.create_task(room.take())
        assert not await admitted(taking)
        room.put(lane, rows(lane))
        await taking
        room.fail(ValueError("first"))
        room.fail(ValueError("second"))
        with pytest.raises(ValueError, match="first"):
            await room.take()

    asyncio.run(work())
