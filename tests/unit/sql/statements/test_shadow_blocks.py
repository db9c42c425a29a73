from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from bqsim.catalog.refs import TableRef
from bqsim.catalog.resources import Table
from bqsim.catalog.shadow import WHOLE, ShadowBlock, ShadowStatistics, as_shadow
from bqsim.errors import BigQueryError
from bqsim.sql.plan import BytesRead, Filtering, Scan
from bqsim.sql.statements.base import Statement
from bqsim.sql.statements.scanned import bytes_read
from bqsim.sql.statements.shadow_blocks import ShadowBlocks, check_blocks, told_blocks
from bqsim.types import Field, Mode, TypeKind
from tests.unit.sql.warehouse import Warehouse

REF = TableRef("p", "d", "t")


def block(size: int, *ends: object, column: str = "n") -> ShadowBlock:
    low, high, *nulls = ends
    return ShadowBlock(size, {column: (low, high, int(str(nulls[0])) if nulls else 0)})


def shadow(
    parts: dict[str, tuple[int, int, int]], blocks: dict[str, Sequence[ShadowBlock]], **columns: int
) -> ShadowStatistics:
    return ShadowStatistics(columns, parts, blocks=blocks)


WHOLE_TABLE = shadow(
    {WHOLE: (100, 1600, 0)}, {WHOLE: (block(300, 1, 9), block(100, 10, 19), block(400, 20, 29))}, n=800, v=800
)
DAYS = shadow(
    {"20240101": (10, 160, 0), "20240102": (10, 320, 0)},
    {"20240101": (block(1, 1, 9), block(1, 10, 19)), "20240102": (block(1, 1, 9), block(3, 10, 19))},
    n=80, v=80,
)  # fmt: skip


def make(warehouse: Warehouse, statistics: ShadowStatistics, layout: str = "CLUSTER BY n") -> Table:
    warehouse.run(f"CREATE TABLE t (d DATE, n INT64, v INT64, s STRING) {layout}")
    return given(warehouse, statistics)


def given(warehouse: Warehouse, statistics: ShadowStatistics) -> Table:
    catalog, table = warehouse.catalog, warehouse.table("t")
    with catalog.change(warehouse.session) as change:
        change.put_table(as_shadow(table, statistics))
    return warehouse.table("t")


def read(warehouse: Warehouse, *scans: Scan, dry_run: bool = True) -> BytesRead:
    one = Statement(warehouse.executor._services, None, warehouse.context(), warehouse.session)
    one = replace(one, dry_run=dry_run)
    return bytes_read(one, {REF: ["n", "v"]}, {REF: scans})


def scan(blocks: str | None, **more: object) -> Scan:
    filters = (("n", Filtering.PRUNES),)
    return Scan(("n", "v"), at_most=True, blocks=blocks, filters=filters, **more)  # type: ignore[arg-type]


OVER_15 = "p.c3 > 15"


def test_dry_runs_leave_blocks_out(warehouse: Warehouse) -> None:
    make(warehouse, WHOLE_TABLE)
    found = read(warehouse, scan(OVER_15))
    assert (found.total, found.accuracy, found.upper) == (1000, "PRECISE", (1600,))
    [pruned] = found.pruning
    assert (pruned.bytes, pruned.left_out, pruned.blocks) == (1000, 600, (2, 3))
    assert read(warehouse, scan(OVER_15), dry_run=False).total == 1000


def test_blocks_of_partitions(warehouse: Warehouse) -> None:
    make(warehouse, DAYS, "PARTITION BY d CLUSTER BY n")
    assert read(warehouse, scan(OVER_15)).total == 80 + 240
    [pruned] = read(warehouse, scan(OVER_15)).pruning
    assert (pruned.partitions, pruned.blocks) == ((2, 2), (2, 4))
    second = read(warehouse, scan(OVER_15, condition="p.c1 = DATE '2024-01-02'"))
    assert (second.total, second.accuracy, second.pruning[0].blocks) == (240, "PRECISE", (1, 2))


def test_what_is_not_told_is_an_upper_bound(warehouse: Warehouse) -> None:
    some = replace(DAYS, blocks={"20240102": DAYS.blocks["20240102"]})
    make(warehouse, some, "PARTITION BY d CLUSTER BY n")
    both = read(warehouse, scan(OVER_15))
    assert (both.total, both.accuracy) == (160 + 240, "UPPER_BOUND")
    assert read(warehouse, scan(OVER_15, condition="p.c1 = DATE '2024-01-02'")).accuracy == "PRECISE"
    assert read(warehouse, scan(None)).accuracy == "UPPER_BOUND"
    assert read(warehouse, scan("error('no') = 1")).total == 480
    given(warehouse, replace(DAYS, blocks={}))
    found = read(warehouse, scan(OVER_15))
    assert (found.total, found.accuracy) == (480, "UPPER_BOUND")


def test_tables_without_order_have_none(warehouse: Warehouse) -> None:
    make(warehouse, WHOLE_TABLE, "")
    assert told_blocks(warehouse.table("t"), WHOLE_TABLE) is None
    assert read(warehouse, scan(OVER_15)).accuracy == "UPPER_BOUND"


def test_blocks_with_unknown_ends_are_read(warehouse: Warehouse) -> None:
    blocks = (block(100, 1, 9), block(100, 1, 9, column="v"), block(100, "x", "y"), block(100, None, None, 3))
    make(warehouse, replace(WHOLE_TABLE, blocks={WHOLE: blocks}))
    found = read(warehouse, scan(OVER_15))
    assert (found.total, found.accuracy, found.pruning[0].blocks) == (800, "UPPER_BOUND", (2, 4))


def test_relations_are_kept_by_what_was_told(warehouse: Warehouse) -> None:
    table, known = make(warehouse, WHOLE_TABLE), ShadowBlocks(1)
    found = known.of(table, WHOLE_TABLE)
    assert known.of(table, WHOLE_TABLE) is found is not None
    assert known.of(replace(table, clustering=("v",)), WHOLE_TABLE) is not found
    assert known.of(table, WHOLE_TABLE) is not found


def test_strings_are_kept_up_to_what_orders_them(warehouse: Warehouse) -> None:
    statistics = replace(WHOLE_TABLE, blocks={WHOLE: (block(1, "ä" * 2000, "é" * 2000, column="s"),)})
    found = told_blocks(make(warehouse, statistics, "CLUSTER BY s"), statistics)
    assert found is not None
    [row] = found.blocks.relation.to_pylist()
    assert list(row.values()) == [0, "ä" * 1024, "é" * 1024, 0, 0]


@pytest.mark.parametrize(
    ("blocks", "wrong"),
    [
        ({"20240101": (block(1, 1, 2),)}, "the partition '20240101', which has no statistics"),
        ({WHOLE: (block(1, 1, 2, column="none"),)}, "told by none, which cannot cluster it"),
        ({WHOLE: (block(1, 1, 2, column="l"),)}, "told by l, which cannot cluster it"),
        ({WHOLE: (block(1, "x", 2),)}, "x"),
        ({WHOLE: (block(1, [1], {}),)}, "Array specified for non-repeated field"),
    ],
)
def test_blocks_that_cannot_be(
    warehouse: Warehouse, blocks: dict[str, Sequence[ShadowBlock]], wrong: str
) -> None:
    warehouse.run("CREATE TABLE t (n INT64)")
    table = warehouse.table("t")
    table = replace(table, fields=(*table.fields, Field("l", TypeKind.INT64, Mode.REPEATED)))
    with pytest.raises(BigQueryError, match=wrong) as caught:
        check_blocks(table, replace(WHOLE_TABLE, blocks=blocks))
    assert caught.value.reason.name == "invalid"
