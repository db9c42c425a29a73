"""The catalog goes back to a mark, in memory and in its records."""

from __future__ import annotations

from dataclasses import replace

from bqsim.catalog.refs import DatasetRef, RoutineRef
from bqsim.catalog.resources import Routine
from bqsim.catalog.rollback import put_back, resource_in, state_of
from bqsim.catalog.store import Catalog
from bqsim.sim.draws import Draws
from bqsim.sim.stale import StaleView, seen_through

from .conftest import DATASET, ManualClock, MemorySession, dataset, table

F = RoutineRef("p", "d", "f")


def change_much(catalog: Catalog, session: MemorySession) -> None:
    with catalog.change(session) as change:
        change.put_dataset(replace(dataset(), labels={"a": "b"}))
        change.put_table(table("a", engine_table="t9", etag="other"))
        change.put_table(table("new"))
        change.put_routine(Routine(F, 1, 2, "other", "CREATE"))
        change.put_dataset(dataset(DatasetRef("q", "e")))
        change.put_table(table("x", ref=DatasetRef("q", "e")))
    with catalog.change(session) as change:
        change.drop_dataset(DATASET)


def test_all_is_as_it_was(filled: Catalog, session: MemorySession, clock: ManualClock) -> None:
    clock.us += 1_000_000
    records, mark = session.stored(), filled.mark()
    moment, key = filled.moment(), filled.schema_fingerprint([DATASET.table("a")])
    clock.us += 1_000_000
    change_much(filled, session)
    assert filled.datasets("p") == []
    with session.transaction():
        put_back(filled, session, mark, filled.marks.since(mark), clock.us)
    assert sorted(session.stored()) == sorted(records)
    assert [t.ref.table for t in filled.tables(DATASET)] == ["A", "a", "b", "c"]
    assert filled.table(DATASET.table("a")) == table("a")
    assert filled.routine(F).etag == "e"
    assert filled.dataset(DATASET) == dataset()
    assert filled.projects() == ("p",) and dict(filled.locations) == {"US": 1}
    assert filled.history.dropped(DATASET) == ()
    assert filled.history.past(DATASET.table("a")) == ()
    assert filled.reshaped_since([DATASET.table("a")], moment)
    assert filled.schema_fingerprint([DATASET.table("a")]) != key
    again = Catalog(clock, Draws(1))
    again.load(session.stored())
    assert [t.ref.table for t in again.tables(DATASET)] == ["A", "a", "b", "c"]


def test_nothing_happens_when_the_transaction_fails(filled: Catalog, session: MemorySession) -> None:
    mark = filled.mark()
    change_much(filled, session)
    try:
        with session.transaction():
            put_back(filled, session, mark, filled.marks.since(mark), 0)
            raise KeyError
    except KeyError:
        pass
    assert filled.datasets("p") == []


def test_reads_that_lag_behind_see_the_world_before(
    filled: Catalog, session: MemorySession, clock: ManualClock
) -> None:
    mark = filled.mark()
    with filled.change(session) as change:
        change.put_table(table("a", etag="other"))
    clock.us += 10_000_000
    with session.transaction():
        put_back(filled, session, mark, filled.marks.since(mark), clock.us)
    clock.us += 1_000_000
    with seen_through(StaleView(table=5_000_000)):
        assert filled.table(DATASET.table("a")).etag == "other"
    assert filled.table(DATASET.table("a")).etag == "e"


def test_states(filled: Catalog) -> None:
    assert resource_in(state_of(filled, DATASET)) == dataset()
    assert resource_in(state_of(filled, DATASET.table("a"))) == table("a")
    assert resource_in(state_of(filled, DATASET.table("none"))) is None
    assert resource_in(state_of(filled, RoutineRef("p", "none", "f"))) is None
