"""The catalog changes with transactions, lists by index and remembers what was."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from bqsim.catalog.refs import DatasetRef, RoutineRef, TableRef
from bqsim.catalog.resources import Storage
from bqsim.catalog.store import Catalog
from bqsim.errors import BigQueryError
from bqsim.sim.draws import Draws
from bqsim.types import STRING, field_of
from tests.waiting import PATIENCE_S

from .conftest import DATASET, START_US, ManualClock, MemorySession, dataset, table


def test_names_of_tables_are_case_sensitive_and_lists_are_sorted(filled: Catalog) -> None:
    assert [t.ref.table for t in filled.tables(DATASET)] == ["A", "a", "b", "c"]
    assert filled.find_table(DATASET.table("B")) is None


def test_pages_of_tables(filled: Catalog) -> None:
    assert [t.ref.table for t in filled.tables(DATASET, after="A", limit=2)] == ["a", "b"]
    assert [t.ref.table for t in filled.tables(DATASET, after="b")] == ["c"]
    assert filled.tables(DATASET, after="c", limit=5) == []
    assert filled.table_count(DATASET) == 4


def test_expired_tables_are_not_found_nor_listed(
    filled: Catalog, session: MemorySession, clock: ManualClock
) -> None:
    soon = START_US // 1000 + 1000
    with filled.change(session) as change:
        change.put_table(table("a", expiration_ms=soon))
    assert filled.find_table(DATASET.table("a")) is not None
    clock.us += 1_000_000
    assert filled.find_table(DATASET.table("a")) is None
    assert [t.ref.table for t in filled.tables(DATASET, limit=2)] == ["A", "b"]
    assert [t.ref.table for t in filled.expired_tables()] == ["a"]


@pytest.mark.parametrize(
    ("find", "message"),
    [
        (lambda c: c.dataset(DatasetRef("p", "x")), "Not found: Dataset p:x"),
        (lambda c: c.table(TableRef("p", "x", "t")), "Not found: Dataset p:x"),
        (lambda c: c.table(TableRef("p", "d", "t")), "Not found: Table p:d.t"),
        (lambda c: c.tables(DatasetRef("p", "x")), "Not found: Dataset p:x"),
        (lambda c: c.routine(RoutineRef("p", "d", "g")), "Not found: Routine p:d.g"),
        (lambda c: c.routines(DatasetRef("q", "d")), "Not found: Dataset q:d"),
    ],
)
def test_not_found(filled: Catalog, find: object, message: str) -> None:
    with pytest.raises(BigQueryError) as caught:
        find(filled)  # type: ignore[operator]
    assert caught.value.message == message and caught.value.http == 404


def test_datasets_and_projects_are_listed_by_id(catalog: Catalog, session: MemorySession) -> None:
    catalog.add_project("q")
    with catalog.change(session) as change:
        for project, name in (("p", "z"), ("p", "a"), ("o", "m")):
            change.put_dataset(dataset(DatasetRef(project, name)))
    assert [d.ref.dataset for d in catalog.datasets("p")] == ["a", "z"]
    assert [d.ref.dataset for d in catalog.datasets("p", after="a", limit=1)] == ["z"]
    assert catalog.projects() == ("o", "p", "q")


def test_all_of_it_survives_a_restart(filled: Catalog, session: MemorySession, clock: ManualClock) -> None:
    clock.us += 3600_000_000
    with filled.change(session) as change:
        change.put_table(table("a", (field_of("z", STRING),), engine_table="t9"))
        change.drop_table(DATASET.table("b"))
        change.put_dataset(dataset(DatasetRef("p", "gone")))
    with filled.change(session) as change:
        change.put_table(table("x", ref=DatasetRef("p", "gone"), engine_table="t12"))
    clock.us += 3600_000_000
    with filled.change(session) as change:
        change.drop_dataset(DatasetRef("p", "gone"))
    again = Catalog(clock, Draws(1))
    again.load(session.stored())
    assert again.datasets("p") == filled.datasets("p")
    assert again.tables(DATASET) == filled.tables(DATASET)
    assert again.routines(DATASET) == filled.routines(DATASET)
    assert again.projects() == filled.projects()
    for ref in (DATASET.table("a"), DATASET.table("b"), TableRef("p", "gone", "x")):
        for hours in range(4):
            at = START_US + hours * 3600_000_000
            assert again.table_at(ref, at) == filled.table_at(ref, at)
    assert again.history.dropped(DatasetRef("p", "gone")) == filled.history.dropped(DatasetRef("p", "gone"))
    assert again.next_engine_table() == "t13"


def test_fingerprints_follow_rows_and_schema(filled: Catalog, session: MemorySession) -> None:
    ref, other = DATASET.table("a"), DATASET.table("b")
    rows, plan = filled.fingerprint([ref]), filled.schema_fingerprint([ref])
    elsewhere = filled.fingerprint([other])
    with filled.change(session) as change:
        change.put_table(replace(filled.table(ref), num_rows=1, etag="e2", version=5))
    assert filled.fingerprint([ref]) != rows and filled.schema_fingerprint([ref]) == plan
    with filled.change(session) as change:
        change.put_table(table("a", (field_of("n", STRING),)))
    assert filled.schema_fingerprint([ref]) != plan
    assert filled.fingerprint([other]) == elsewhere


def test_a_recreated_table_is_another_table_to_plans(filled: Catalog, session: MemorySession) -> None:
    ref = DATASET.table("a")
    plan, old = filled.schema_fingerprint([ref]), filled.table(ref)
    with filled.change(session) as change:
        change.drop_table(ref)
    assert filled.schema_fingerprint([ref]) != plan
    with filled.change(session) as change:
        change.put_table(old)
    assert filled.schema_fingerprint([ref]) != plan


def test_two_writers_of_a_table_queue(catalog: Catalog) -> None:
    ref, order = DATASET.table("t"), []
    inside, go = threading.Event(), threading.Event()

    def first() -> None:
        with catalog.lock(ref):
            inside.set()
            go.wait(PATIENCE_S)
            order.append("first")

    def second() -> None:
        with catalog.lock(ref):
            order.append("second")

    threads = [threading.Thread(target=first)]
    threads[0].start()
    assert inside.wait(PATIENCE_S)
    threads.append(threading.Thread(target=second))
    threads[1].start()
    with catalog.lock(DATASET.table("other")):
        go.set()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert order == ["first", "second"]


def test_a_cancelled_writer_stops_waiting(catalog: Catalog) -> None:
    ref, entered = DATASET.table("t"), threading.Event()
    done = threading.Event()

    def holder() -> None:
        with catalog.lock(ref):
            entered.set()
            done.wait(PATIENCE_S)

    thread = threading.Thread(target=holder)
    thread.start()
    assert entered.wait(PATIENCE_S)
    with pytest.raises(InterruptedError), catalog.lock(ref, cancelled=lambda: True):
        raise AssertionError("the lock is held elsewhere")
    done.set()
    thread.join(PATIENCE_S)


def test_etags_are_drawn_from_the_seed() -> None:
    one, two = (Catalog(ManualClock(), Draws(7)) for _ in range(2))
    assert [one.new_etag(), one.new_etag()] == [two.new_etag(), two.new_etag()]
    assert one.new_etag() != one.new_etag()


def test_five_thousand_tables_page_without_a_scan(catalog: Catalog, session: MemorySession) -> None:
    with catalog.change(session) as change:
        change.put_dataset(dataset())
        for i in range(5000):
            change.put_table(table(f"t{i:05}"))
    looked_at: list[str] = []

    class Counting(dict[str, object]):
        def get(self, key: str, default: object = None) -> object:
            looked_at.append(key)
            return super().get(key, default)

    contents = catalog._datasets[DATASET]
    contents.tables = Counting(contents.tables)  # type: ignore[assignment]
    assert len(catalog.tables(DATASET, after="t02499", limit=50)) == 50
    catalog.table(DATASET.table("t04000"))
    assert len(looked_at) == 51


def test_changes_are_told_from_a_moment_on(filled: Catalog, session: MemorySession) -> None:
    ref, other = DATASET.table("a"), DATASET.table("b")
    moment = filled.moment()
    with filled.change(session) as change:
        change.put_table(replace(filled.table(ref), num_rows=5))
        assert not filled.changed_since(ref, moment)
    assert filled.changed_since(ref, moment)
    assert not filled.changed_since(other, moment)
    assert not filled.reshaped_since([ref, other], moment)
    with filled.change(session) as change:
        change.put_table(replace(filled.table(other), fields=(field_of("new", STRING),)))
    assert filled.reshaped_since([ref, other], moment)
    assert not filled.reshaped_since([ref, other], filled.moment())
    with filled.change(session) as change:
        change.drop_table(ref)
    assert filled.reshaped_since([ref], filled.moment())


def test_nothing_comes_into_memory_while_the_catalog_is_steady(
    filled: Catalog, session: MemorySession
) -> None:
    moment = filled.moment()

    def put() -> None:
        with filled.change(session) as change:
            change.put_table(table("new"))

    writer = threading.Thread(target=put)
    with filled.steady():
        writer.start()
        writer.join(0.05)
        assert filled.moment() == moment
    writer.join()
    assert filled.find_table(DATASET.table("new")) is not None


def test_tables_of_a_dropped_dataset_stay_away_after_a_restart(
    filled: Catalog, session: MemorySession, clock: ManualClock
) -> None:
    """A table that was committed just after its dataset was dropped; then another dataset takes the name."""
    late = filled.table(DATASET.table("a"))
    with filled.change(session) as change:
        change.drop_dataset(DATASET)
    with filled.change(session) as change:
        change.put_table(replace(late, storage=Storage("t900", ("c1",), 2)))
    clock.us += 1_000_000
    with filled.change(session) as change:
        change.put_dataset(replace(dataset(), created_ms=clock.us // 1000))
    again = Catalog(clock, Draws(1))
    again.load((kind, key, value) for (kind, key), value in session.records.items())
    assert again.tables(DATASET) == []
    assert again.next_engine_table() == "t901"
