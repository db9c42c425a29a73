from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bqsim.catalog.store import Catalog
from bqsim.sim.clock import RealClock
from bqsim.sim.draws import Draws
from bqsim.sql.statements import kept_statistics
from bqsim.sql.statements.kept_statistics import KeptStatistics
from bqsim.sql.statements.table_statistics import Counted, TableStatistics
from bqsim.worlds.rows import roll_back
from tests.unit.sql.warehouse import Warehouse, new_warehouse


@pytest.fixture
def durable(tmp_path: Path) -> Iterator[Warehouse]:
    made = new_warehouse(tmp_path)
    made.script(
        "CREATE TABLE t (d DATE, s STRING, r STRUCT<a INT64>) PARTITION BY d;"
        " INSERT t SELECT DATE '2024-01-01' + x, 'abc', STRUCT(x) FROM UNNEST([0, 0, 1]) AS x;"
        " CREATE TABLE whole AS SELECT 1 AS x"
    )
    yield made
    made.session.close()
    made.engine.close()
    made.googlesql.close()


def _restarted(warehouse: Warehouse) -> tuple[Catalog, TableStatistics]:
    catalog, statistics = Catalog(RealClock(), Draws(1)), TableStatistics()
    records = warehouse.engine.metadata()
    catalog.load(records)
    KeptStatistics(catalog, statistics).load(records)
    return catalog, statistics


def _read(warehouse: Warehouse) -> Counted:
    counted = warehouse.executor.sizes.statistics.of(warehouse.session, warehouse.table("t"), ["s", "r.a"])
    warehouse.executor.sizes.statistics.of(warehouse.session, warehouse.table("whole"), ["x"])
    return counted


def test_statistics_are_those_of_the_process_before(durable: Warehouse) -> None:
    before = _read(durable)
    assert durable.executor.kept.save(durable.session) == 1
    assert durable.executor.kept.save(durable.session) == 0
    catalog, statistics = _restarted(durable)
    found = statistics.known()
    storage = catalog.table(durable.table("t").ref).storage
    assert storage is not None
    assert list(found) == [storage.engine_table]
    kept = found[storage.engine_table]
    assert (kept.version, kept.rows, kept.columns) == (before.version, before.rows, before.columns)
    # A version that has passed: what has changed since is counted.
    durable.script(
        "INSERT t VALUES ('2024-01-02', 'x', NULL), (NULL, 'yy', STRUCT(3)); DELETE t WHERE r.a = 0"
    )
    catalog, statistics = _restarted(durable)
    now = statistics.of(durable.session, catalog.table(durable.table("t").ref), ["s", "r.a"])
    assert now.rows == TableStatistics().of(durable.session, durable.table("t"), ["s"]).rows
    counted = _read(durable).columns
    assert now.columns == {c: counted[c] for c in now.columns}
    assert now.columns.keys() >= {"c2", "c3.0"}


def test_statistics_of_versions_that_are_undone_are_gone(durable: Warehouse) -> None:
    _read(durable)
    durable.executor.kept.save(durable.session)
    mark = durable.catalog.mark()
    durable.run("UPDATE t SET s = 'much longer' WHERE TRUE")
    _read(durable)
    assert durable.executor.kept.save(durable.session) == 1
    roll_back(durable.catalog, durable.session, mark)
    durable.run("UPDATE t SET s = 'z' WHERE d = '2024-01-02'")
    assert _restarted(durable)[1].known() == {}
    assert _read(durable).bytes_of(["c2"]) == 5 + 5 + 3
    assert durable.executor.kept.save(durable.session) == 1
    assert len(_restarted(durable)[1].known()) == 1


def test_too_many_numbers_are_counted_again(durable: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_statistics, "MOST", 5)
    _read(durable)
    assert durable.executor.kept.save(durable.session) == 0
    assert _restarted(durable)[1].known() == {}
