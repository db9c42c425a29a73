"""Snapshots by id, and the parts that register."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from bqsim.engine.pool import EnginePool
from bqsim.engine.protocol import Session
from bqsim.errors import BigQueryError
from bqsim.worlds import Worlds

from .conftest import Ground


class Counter:
    def __init__(self) -> None:
        self.value = 0

    def snapshot(self) -> int:
        return self.value

    def restore(self, state: int) -> None:
        self.value = state


class StoredCounter(Counter):
    def restore(self, state: int, session: Session | None = None) -> None:
        assert session is not None
        super().restore(state)


@pytest.fixture
def worlds(ground: Ground) -> Iterator[Worlds]:
    pool = EnginePool(ground.engine, workers=1)
    jobs: Any = SimpleNamespace(index=SimpleNamespace(unfinished=list))
    yield Worlds(catalog=ground.catalog, pool=pool, jobs=jobs)
    pool.close()


def test_parts_are_restored_with_the_rest(ground: Ground, worlds: Worlds) -> None:
    plain, stored = Counter(), StoredCounter()
    worlds.register("plain", plain)
    worlds.register_stored("stored", stored)

    async def main() -> None:
        id_ = await worlds.snapshot()
        plain.value = stored.value = 5
        ground.run("CREATE TABLE d.t (n INT64)")
        assert await worlds.restore(id_) == 1
        assert (plain.value, stored.value) == (0, 0)

    asyncio.run(main())


def test_ids(worlds: Worlds) -> None:
    async def main() -> None:
        assert await worlds.snapshot("snapshot-2") == "snapshot-2"
        assert [await worlds.snapshot() for _ in range(2)] == ["snapshot-1", "snapshot-3"]
        assert [s.id for s in worlds.list()] == ["snapshot-2", "snapshot-1", "snapshot-3"]
        await worlds.delete("snapshot-1")
        assert [s.id for s in worlds.list()] == ["snapshot-2", "snapshot-3"]
        for work in (worlds.restore("snapshot-1"), worlds.delete("snapshot-1")):
            with pytest.raises(BigQueryError, match="Not found: Snapshot snapshot-1"):
                await work

    asyncio.run(main())


def test_nothing_is_kept_without_snapshots(ground: Ground, worlds: Worlds) -> None:
    async def main() -> None:
        for id_ in [await worlds.snapshot() for _ in range(3)]:
            ground.run("CREATE OR REPLACE TABLE d.t AS SELECT 1 AS n")
            await worlds.delete(id_)

    asyncio.run(main())
    assert not ground.catalog.marks


def test_streams_are_ended_before_rows_go(ground: Ground) -> None:
    ended: list[int] = []
    pool = EnginePool(ground.engine, workers=1)
    jobs: Any = SimpleNamespace(index=SimpleNamespace(unfinished=list))

    async def end() -> None:
        ended.append(len(ground.rows(ground.catalog.tables(ground.catalog.datasets("p")[0].ref)[0].ref)))

    worlds = Worlds(catalog=ground.catalog, pool=pool, jobs=jobs, end_streams=end)

    async def main() -> None:
        ground.run("CREATE TABLE d.t (n INT64)")
        id_ = await worlds.snapshot()
        ground.run("INSERT INTO d.t VALUES (1)")
        await worlds.restore(id_)

    asyncio.run(main())
    pool.close()
    assert ended == [1]
    assert ground.rows(ground.catalog.datasets("p")[0].ref.table("t")) == []
