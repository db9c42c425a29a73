from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bqsim.catalog.refs import TableRef
from bqsim.storage.read.blocks import BlockMaps, Blocks, block_rows
from bqsim.storage.read.sources import StoredRows, find_source

from .conftest import Reader


def blocks_of(reader: Reader, maps: BlockMaps, size: int = 1000, snapshot_us: int | None = None) -> Blocks:
    source = find_source(
        reader.warehouse.catalog, reader.results, TableRef("p", "d", "t"), snapshot_us, reader.clock.now_us()
    )
    assert isinstance(source, StoredRows)
    return reader.pool.submit(lambda session: maps.of(session, source, size)).result()


@pytest.mark.parametrize(
    ("row_bytes", "rows"), [(0.0, 2048), (512.0, 2048), (513.0, 1024), (100_000.0, 8), (1e9, 1)]
)
def test_the_size_of_blocks(row_bytes: float, rows: int) -> None:
    assert block_rows(row_bytes) == rows


def test_whole_tables_need_no_counting(reader: Reader) -> None:
    reader.warehouse.run("CREATE TABLE d.t AS SELECT x FROM UNNEST(GENERATE_ARRAY(1, 4500)) AS x")
    blocks = blocks_of(reader, BlockMaps())
    assert blocks.whole
    assert blocks.ends.tolist() == [1000, 2000, 3000, 4000, 4500]
    assert (blocks.count, blocks.rows, blocks.end) == (5, 4500, 4500)
    assert blocks.span(4, 5) == (4000, 4500)


def test_dead_rows_do_not_count(reader: Reader) -> None:
    reader.warehouse.run("CREATE TABLE d.t AS SELECT x FROM UNNEST(GENERATE_ARRAY(0, 4499)) AS x")
    before = reader.clock.now_us()
    reader.warehouse.run("DELETE FROM d.t WHERE x BETWEEN 500 AND 2999")
    reader.warehouse.run("UPDATE d.t SET x = -1 WHERE x = 4000")
    maps = BlockMaps()
    blocks = blocks_of(reader, maps)
    assert not blocks.whole
    assert blocks.ends.tolist() == [500, 500, 500, 1500, 2000]
    assert blocks.live(1, 4) == 1000
    past = blocks_of(reader, maps, snapshot_us=before)
    assert past.ends.tolist() == [1000, 2000, 3000, 4000, 4500]


def test_maps_are_remembered(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    reader.warehouse.run("CREATE TABLE d.t AS SELECT 1 AS x")
    maps = BlockMaps()
    first = blocks_of(reader, maps)
    assert blocks_of(reader, maps) is first
    assert blocks_of(reader, maps, 10) is not first
    reader.warehouse.run("INSERT INTO d.t VALUES (2)")
    assert blocks_of(reader, maps).rows == 2
    monkeypatch.setattr("bqsim.storage.read.blocks.MAPS", 2)
    for size in range(20, 30):
        blocks_of(reader, maps, size)
    assert len(maps._known) <= 3


@pytest.mark.parametrize(("row", "border"), [(0.0, 1), (4.0, 1), (9.0, 2), (10.0, 2), (14.9, 2), (29.0, 4)])
def test_borders(row: float, border: int) -> None:
    ends: Any = np.array([10, 10, 20, 30])
    blocks = Blocks(10, 40, ends, False)
    assert blocks.cut(0, 4, row) in (border, border - 1 if border == 2 else border)
