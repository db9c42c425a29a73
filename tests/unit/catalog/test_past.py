"""Reads that lag behind see the catalog as it was, within the changes that are remembered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bqsim.catalog.past import Past
from bqsim.catalog.refs import DatasetRef, RoutineRef
from bqsim.catalog.resources import Routine
from bqsim.catalog.store import Catalog
from bqsim.errors import BigQueryError
from bqsim.sim.stale import StaleView, seen_through

from .conftest import DATASET, ManualClock, MemorySession, dataset, table

S = 1_000_000
F = RoutineRef("p", "d", "f")
LAGGING = StaleView(metadata=10 * S, table=10 * S)


@pytest.fixture
def lagging(filled: Catalog, session: MemorySession, clock: ManualClock) -> Catalog:
    """Tables ``a`` and ``new`` changed three seconds ago, a dataset came and another went."""
    with filled.change(session) as change:
        change.put_dataset(dataset(DatasetRef("p", "old")))
    clock.us += 60 * S
    with filled.change(session) as change:
        change.put_table(table("a", etag="changed"))
        change.put_table(table("new"))
        change.drop_table(DATASET.table("b"))
        change.put_routine(Routine(F, 1, 2, "changed", "CREATE FUNCTION"))
        change.put_dataset(replace(dataset(), labels={"k": "v"}))
        change.put_dataset(dataset(DatasetRef("p", "e")))
        change.drop_dataset(DatasetRef("p", "old"))
    clock.us += 3 * S
    return filled


LOOKS: dict[str, tuple[Callable[[Catalog], Any], Any, Any]] = {
    "changed table": (lambda c: c.table(DATASET.table("a")).etag, "e", "changed"),
    "new table": (lambda c: c.find_table(DATASET.table("new")), None, table("new")),
    "dropped table": (lambda c: c.find_table(DATASET.table("b")), table("b"), None),
    "tables": (
        lambda c: [t.ref.table for t in c.tables(DATASET)],
        ["A", "a", "b", "c"],
        ["A", "a", "c", "new"],
    ),
    "page": (lambda c: [t.ref.table for t in c.tables(DATASET, "A", 2)], ["a", "b"], ["a", "c"]),
    "routine": (lambda c: c.routine(F).etag, "e", "changed"),
    "routines": (lambda c: [r.etag for r in c.routines(DATASET)], ["e"], ["changed"]),
    "dataset": (lambda c: c.dataset(DATASET).labels, {}, {"k": "v"}),
    "datasets": (lambda c: [d.ref.dataset for d in c.datasets("p")], ["d", "old"], ["d", "e"]),
    "tables of what is gone": (lambda c: c.tables(DatasetRef("p", "old"), limit=1), [], BigQueryError),
    "tables of what is new": (lambda c: c.tables(DatasetRef("p", "e")), BigQueryError, []),
}


@pytest.mark.parametrize("what", LOOKS)
def test_reads_that_lag_behind(lagging: Catalog, clock: ManualClock, what: str) -> None:
    look, then, now = LOOKS[what]

    def found() -> Any:
        try:
            return look(lagging)
        except BigQueryError:
            return BigQueryError

    assert found() == now
    with seen_through(LAGGING):
        assert found() == then
    clock.us += 10 * S
    with seen_through(LAGGING):
        assert found() == now


def test_one_table_may_lag_behind_alone(lagging: Catalog) -> None:
    with seen_through(StaleView(table=10 * S)):
        assert lagging.table(DATASET.table("a")).etag == "e"
        assert [t.ref.table for t in lagging.tables(DATASET)] == ["A", "a", "c", "new"]


def test_writers_see_what_is_there(lagging: Catalog, session: MemorySession) -> None:
    with seen_through(LAGGING):
        with lagging.lock(DATASET.table("a")):
            assert lagging.table(DATASET.table("a")).etag == "changed"
        with lagging.change(session):
            assert lagging.find_table(DATASET.table("b")) is None
        assert lagging.find_table(DATASET.table("b")) is not None


def test_the_oldest_changes_are_forgotten() -> None:
    past = Past(changes=3)
    ref = DATASET.table("t")
    versions = [table("t", etag=str(n)) for n in range(6)]
    for n, before in enumerate(versions[:5]):
        past.add(n * 10, ref, before)
    assert [past.at(ref, us, versions[5]).etag for us in (0, 25, 30, 40)] == ["2", "3", "4", "5"]  # type: ignore[union-attr]
    assert past.at(DATASET.table("u"), 0, None) is None
    other = DATASET.table("x")
    for n in range(3):
        past.add(100 + n, other, None)
    assert past.at(ref, 0, versions[5]) == versions[5]
