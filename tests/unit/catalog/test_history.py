"""What was stays known for time travel, until it is forgotten."""

from __future__ import annotations

from dataclasses import replace

from bqsim.catalog.store import Catalog
from bqsim.types import INT64, STRING, field_of

from .conftest import DATASET, START_US, ManualClock, MemorySession, table

HOUR_US = 3600 * 1_000_000


def test_a_table_is_found_as_it_was(filled: Catalog, session: MemorySession, clock: ManualClock) -> None:
    ref = DATASET.table("a")
    old = filled.table(ref)
    clock.us += HOUR_US
    wider = table("a", (field_of("a", INT64), field_of("b", STRING)))
    with filled.change(session) as change:
        change.put_table(wider)
    clock.us += HOUR_US
    with filled.change(session) as change:
        change.put_table(replace(wider, num_rows=5, etag="e2"))
    clock.us += HOUR_US
    with filled.change(session) as change:
        change.drop_table(ref)
    assert filled.table_at(ref, START_US - 1) is None
    assert filled.table_at(ref, START_US) == old
    assert filled.table_at(ref, START_US + HOUR_US - 1) == old
    found = filled.table_at(ref, START_US + HOUR_US)
    assert found is not None and found.fields == wider.fields
    assert filled.table_at(ref, START_US + 3 * HOUR_US - 1) is not None
    assert filled.table_at(ref, START_US + 3 * HOUR_US) is None
    assert len(filled.history.past(ref)) == 2


def test_a_dropped_dataset_comes_back_whole(
    filled: Catalog, session: MemorySession, clock: ManualClock
) -> None:
    tables, routines = filled.tables(DATASET), filled.routines(DATASET)
    clock.us += HOUR_US
    with filled.change(session) as change:
        change.drop_dataset(DATASET)
    assert filled.find_dataset(DATASET) is None and filled.datasets("p") == []
    assert filled.find_table(DATASET.table("a")) is None
    assert filled.table_at(DATASET.table("a"), START_US) is not None
    clock.us += HOUR_US
    (dropped,) = filled.history.dropped(DATASET)
    with filled.change(session) as change:
        change.restore_dataset(dropped)
    assert filled.tables(DATASET) == tables and filled.routines(DATASET) == routines
    assert filled.history.dropped(DATASET) == ()


def test_what_ended_long_ago_is_forgotten(
    filled: Catalog, session: MemorySession, clock: ManualClock
) -> None:
    clock.us += HOUR_US
    with filled.change(session) as change:
        change.put_table(table("a", engine_table="t7"))
        change.put_table(table("b", (field_of("x", STRING),)))
    with filled.change(session) as change:
        assert change.forget(clock.us) == []
    with filled.change(session) as change:
        change.drop_table(DATASET.table("a"))
    clock.us += HOUR_US
    with filled.change(session) as change:
        assert change.forget(clock.us) == ["t7"]
    assert filled.history.past(DATASET.table("a")) == ()
    assert not [key for kind, key in session.records if kind == "history"]
