from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bqsim.catalog.administration import HISTORY_US, Reservation, Settings
from bqsim.catalog.rollback import put_back
from bqsim.catalog.store import Catalog
from bqsim.engine.duckdb import DuckDBEngine, DuckDBSession
from bqsim.sim.clock import SimulationClock
from bqsim.sim.draws import Draws

PROD = Reservation("p", "us", "prod", 1, slot_capacity=100, labels={"a": "b"})


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[DuckDBEngine]:
    made = DuckDBEngine(tmp_path, threads=1)
    yield made
    made.close()


@pytest.fixture
def catalog() -> Catalog:
    clock = SimulationClock()
    clock.freeze()
    return Catalog(clock, Draws(1), projects=["p"])


def put(catalog: Catalog, session: DuckDBSession, resource: Reservation, *, drop: bool = False) -> None:
    before = catalog.administration.find(Reservation, resource.key)
    with catalog.change(session) as change:
        change.administer(resource, "a@example.com", before, drop=drop)


def put_settings(catalog: Catalog, session: DuckDBSession, settings: Settings) -> None:
    with catalog.change(session) as change:
        change.administer(settings, "a@example.com", None)


def test_records_are_read_again(engine: DuckDBEngine, catalog: Catalog) -> None:
    session = engine.session()
    put(catalog, session, PROD)
    put(catalog, session, replace(PROD, slot_capacity=50))
    put_settings(catalog, session, Settings("p", "us", {"default_time_zone": "UTC"}))
    again = Catalog(catalog.clock, Draws(1))
    again.load(engine.metadata())
    assert again.administration.state == catalog.administration.state
    assert [c.action for c in again.administration.changes("reservation")] == ["CREATE", "UPDATE"]
    assert again.administration.changes("reservation")[0].resource() == PROD
    put(catalog, session, PROD, drop=True)
    again = Catalog(catalog.clock, Draws(1))
    again.load(engine.metadata())
    assert again.administration.all(Reservation) == []


def test_what_fails_changes_nothing(engine: DuckDBEngine, catalog: Catalog) -> None:
    session = engine.session()
    with pytest.raises(ValueError, match="no"), catalog.change(session) as change:
        change.administer(PROD, "", None)
        raise ValueError("no")
    assert catalog.administration.state.resources == {}
    assert engine.metadata() == []


def test_a_mark_brings_back_what_was(engine: DuckDBEngine, catalog: Catalog) -> None:
    session = engine.session()
    put(catalog, session, PROD)
    records = sorted(engine.metadata())
    mark = catalog.mark()
    put(catalog, session, replace(PROD, slot_capacity=50))
    put_settings(catalog, session, Settings("p", "us", {"query_runtime": "basic"}))
    with session.transaction():
        put_back(catalog, session, mark, catalog.marks.since(mark), catalog.clock.now_us())
    assert catalog.administration.all(Reservation) == [PROD]
    assert catalog.administration.all(Settings) == []
    assert sorted(engine.metadata()) == records


def test_changes_are_told_of_for_a_while(engine: DuckDBEngine, catalog: Catalog) -> None:
    session = engine.session()
    put(catalog, session, PROD)
    assert isinstance(catalog.clock, SimulationClock)
    catalog.clock.advance(HISTORY_US / 1e6 + 1)
    put(catalog, session, replace(PROD, slot_capacity=50))
    assert [c.action for c in catalog.administration.changes("reservation")] == ["UPDATE"]
    stored = [value for kind, _, value in engine.metadata() if kind == "administration_change"]
    assert len(stored) == 1
    assert '"action":"UPDATE"' in stored[0]
