from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bqsim.catalog.refs import TableRef
from bqsim.catalog.store import Catalog
from bqsim.sim.clock import RealClock
from bqsim.sim.draws import Draws
from bqsim.sql.statements.deleted import deleted_tables, outlived
from bqsim.sweeping import sweep
from tests.unit.sql.statements.test_storage_figures import aged
from tests.unit.sql.warehouse import Warehouse, new_warehouse

pytestmark = [
    pytest.mark.fidelity("bytes:storage over time", "approximated", "physical bytes are a fixed ratio")
]
_STORAGE = (
    "SELECT table_name, total_rows, total_logical_bytes, total_physical_bytes, time_travel_physical_bytes,"
    " fail_safe_physical_bytes, table_deletion_reason FROM `region-us`.INFORMATION_SCHEMA.TABLE_STORAGE"
    " WHERE deleted AND table_deletion_time IS NOT NULL ORDER BY table_name, creation_time"
)


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Warehouse]:
    made = new_warehouse(tmp_path)
    yield made
    made.session.close()
    made.engine.close()
    made.googlesql.close()


def test_deleted_tables_are_kept_for_time_travel_and_fail_safe(
    own: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    own.script(
        "CREATE TABLE t AS SELECT x FROM UNNEST(GENERATE_ARRAY(1, 20)) AS x; DELETE t WHERE x > 10;"
        " CREATE TABLE empty (x INT64); DROP TABLE t; DROP TABLE empty"
    )
    assert own.rows(_STORAGE) == [["t", 0, 0, 40, 40, 0, "USER_DELETED"]]
    aged(own, monkeypatch, 6)
    assert own.rows(_STORAGE) == [["t", 0, 0, 40, 40, 0, "USER_DELETED"]]
    aged(own, monkeypatch, 2)
    assert own.rows(_STORAGE) == [["t", 0, 0, 0, 0, 40, "USER_DELETED"]]
    # Once time travel has passed the rows are gone; how many they were is known, also after a restart.
    sweep(own.catalog, own.session)
    assert not own.catalog.history.past(TableRef("p", "d", "t"))
    assert own.rows(_STORAGE) == [["t", 0, 0, 0, 0, 20, "USER_DELETED"]]
    found = Catalog(RealClock(), Draws(1))
    found.load(own.engine.metadata())
    assert [v.sized for v in found.history.buried()] == [v.sized for v in own.catalog.history.buried()]
    sweep(own.catalog, own.session)
    assert len(own.catalog.history.buried()) == 1
    aged(own, monkeypatch, 7)
    assert own.rows(_STORAGE) == []
    assert len(outlived(own.catalog)) == 1
    sweep(own.catalog, own.session)
    assert own.catalog.history.buried() == []
    assert not [key for kind, key, _ in own.engine.metadata() if kind == "buried"]


def test_why_tables_were_deleted(own: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    own.script(
        "CREATE TABLE replaced AS SELECT 1 AS x; CREATE SCHEMA e; CREATE TABLE e.t AS SELECT 'abc' AS s;"
        " CREATE TABLE expired OPTIONS (expiration_timestamp = TIMESTAMP_ADD(CURRENT_TIMESTAMP(),"
        " INTERVAL 1 DAY)) AS SELECT 1 AS x; DROP SCHEMA e CASCADE"
    )
    aged(own, monkeypatch, 2)
    own.run("CREATE OR REPLACE TABLE replaced AS SELECT 1 AS x, 2 AS y")
    own.run("ALTER TABLE replaced ALTER COLUMN x SET DATA TYPE NUMERIC")
    expected = [
        ["expired", 0, 0, 2, 2, 0, "TABLE_EXPIRATION"],
        ["replaced", 0, 0, 2, 2, 0, "USER_DELETED"],
        ["t", 0, 0, 2, 2, 0, "DATASET_DELETION"],
    ]
    assert own.rows(_STORAGE) == expected
    at = {one.table.ref.table: one.at_us for one in deleted_tables(own.catalog)}
    sweep(own.catalog, own.session)
    assert own.rows(_STORAGE) == expected
    assert {one.table.ref.table: one.at_us for one in deleted_tables(own.catalog)} == at
    assert own.rows(_STORAGE.replace("WHERE", "WHERE table_schema = 'e' AND")) == expected[2:]
    own.run("UNDROP SCHEMA e")
    assert own.rows(_STORAGE) == expected[:2]


def test_the_window_is_that_of_the_dataset(own: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    own.script("ALTER SCHEMA d SET OPTIONS (max_time_travel_hours = 48); CREATE TABLE t AS SELECT 1 AS x")
    own.run("DROP TABLE t")
    aged(own, monkeypatch, 3)
    assert own.rows(_STORAGE) == [["t", 0, 0, 0, 0, 2, "USER_DELETED"]]
    aged(own, monkeypatch, 6.5)
    assert own.rows(_STORAGE) == []
