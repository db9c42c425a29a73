"""Sizes that are kept from write to write are those that a count of all rows gives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bqsim.catalog.store import Catalog
from bqsim.catalog.stored_bytes import StoredBytes
from bqsim.sim.clock import RealClock
from bqsim.sim.draws import Draws
from bqsim.sql.statements import writes
from bqsim.sql.statements.sizes import ColumnSizes
from bqsim.worlds.rows import roll_back
from tests.unit.sql.warehouse import Warehouse, clear, new_warehouse

_SHAPE = "(n INT64, s STRING, d DATE, l ARRAY<STRING>, r STRUCT<a INT64, b STRING>, j JSON)"
_ROW = "(7, 'seven', DATE '2024-01-07', ['x', 'yz'], (1, 'b'), JSON '{\"k\": 1}')"
_MANY = (
    "SELECT x, REPEAT('s', x), DATE_ADD(DATE '2024-01-01', INTERVAL x DAY), [CAST(x AS STRING)],"
    " STRUCT(x, IF(x > 3, NULL, 'b')), JSON '[1, 2]' FROM UNNEST(GENERATE_ARRAY(1, 6)) AS x"
)
_SOURCE = "(SELECT 2 AS n, 'merged' AS s UNION ALL SELECT 99, 'new')"
WRITES = (
    f"INSERT INTO t (n, s, d, l, r, j) VALUES {_ROW}",
    f"INSERT INTO t (n, s, d, l, r, j) VALUES {_ROW}, {_ROW}",
    "INSERT INTO t (s) VALUES ('only'), (NULL)",
    "INSERT INTO t (n) VALUES (1)",
    f"INSERT INTO t (n, s, d, l, r, j) {_MANY}",
    "UPDATE t SET s = CONCAT(s, 'é') WHERE MOD(n, 2) = 0",
    "UPDATE t SET d = DATE '2024-02-01', r = NULL WHERE n > 4",
    "DELETE t WHERE n < 3",
    f"MERGE t USING {_SOURCE} AS q ON t.n = q.n WHEN MATCHED THEN UPDATE SET s = q.s"
    " WHEN NOT MATCHED THEN INSERT (n, s) VALUES (n, s) WHEN NOT MATCHED BY SOURCE AND t.n = 5 THEN DELETE",
    "TRUNCATE TABLE t",
    "DELETE t WHERE TRUE",
    "CREATE OR REPLACE TABLE t PARTITION BY d AS SELECT * FROM t",
    "ALTER TABLE t ADD COLUMN IF NOT EXISTS z STRING",
    "ALTER TABLE t ALTER COLUMN n SET DATA TYPE NUMERIC",
    "BEGIN TRANSACTION; INSERT INTO t (s) VALUES ('tx'); DELETE t WHERE n = 1; COMMIT TRANSACTION",
    "BEGIN TRANSACTION; INSERT INTO t (s) VALUES ('gone'); DELETE t WHERE TRUE; ROLLBACK TRANSACTION",
    "ALTER TABLE t SET OPTIONS (description = 'x')",
    "read",
    "restart",
    "mark",
    "back",
)
# What takes from one write to the next in the least steps.
KNOWN = (
    (WRITES[4], "restart", WRITES[0], "read", WRITES[5], WRITES[0], "restart"),
    (WRITES[4], "mark", WRITES[6], "read", "back", WRITES[0], "read", "restart"),
    (WRITES[1], WRITES[12], WRITES[0], "restart", WRITES[13], "restart", WRITES[14], "read"),
)


def _counted(warehouse: Warehouse) -> int:
    return ColumnSizes(StoredBytes()).table(warehouse.session, warehouse.table("t"))


def _by_column(warehouse: Warehouse, sizes: ColumnSizes) -> list[int]:
    table = warehouse.table("t")
    return [sizes.columns(warehouse.session, table, [f.name]) for f in table.fields]


@pytest.fixture(scope="module")
def durable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    made = new_warehouse(tmp_path_factory.mktemp("data"))
    yield made
    made.session.close()
    made.engine.close()
    made.googlesql.close()


@pytest.fixture
def warehouse(durable: Warehouse) -> Warehouse:
    clear(durable)
    return durable


@given(steps=st.lists(st.sampled_from(WRITES), max_size=8))
@example(KNOWN[0])
@example(KNOWN[1])
@example(KNOWN[2])
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_kept_sizes_are_those_of_the_rows(warehouse: Warehouse, steps: Sequence[str]) -> None:
    _do(warehouse, steps)


@pytest.mark.parametrize("counted", [1, 1_000_000])
def test_writers_that_count_and_those_that_leave_it(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, counted: int
) -> None:
    monkeypatch.setattr(writes, "COUNTED", counted)
    for steps in KNOWN:
        _do(warehouse, steps)


def test_sizes_after_a_restart_are_read_from_what_has_changed_since(warehouse: Warehouse) -> None:
    warehouse.script(f"CREATE TABLE t {_SHAPE}; {WRITES[4]}; {WRITES[0]}; DELETE t WHERE n = 2")
    table = warehouse.table("t")
    assert table.storage is not None
    size = _counted(warehouse)
    # Rows that nothing has changed since are not looked at.
    warehouse.session.execute(f"UPDATE {table.storage.engine_table} SET c2 = 'x' WHERE c1 = 3")
    found = _restarted(warehouse)
    sizes = ColumnSizes(found.stored_bytes)
    assert sizes.table(warehouse.session, found.table(table.ref)) == size
    assert _counted(warehouse) < size


def _restarted(warehouse: Warehouse) -> Catalog:
    """The catalog as another process finds it."""
    found = Catalog(RealClock(), Draws(1))
    found.load(warehouse.engine.metadata())
    return found


def _do(warehouse: Warehouse, steps: Sequence[str]) -> None:
    warehouse.script(f"DROP TABLE IF EXISTS t; CREATE TABLE t {_SHAPE} PARTITION BY d")
    mark = None
    for step in steps:
        if step == "read":
            assert warehouse.executor.sizes.table(warehouse.session, warehouse.table("t")) == _counted(
                warehouse
            )
        elif step == "restart":
            found = _restarted(warehouse)
            table = found.table(warehouse.table("t").ref)
            assert ColumnSizes(found.stored_bytes).table(warehouse.session, table) == _counted(warehouse)
        elif step == "mark":
            mark = mark or warehouse.catalog.mark()
        elif step == "back":
            if mark is not None:
                roll_back(warehouse.catalog, warehouse.session, mark)
        else:
            warehouse.script(step)
    if mark is not None:
        warehouse.catalog.marks.remove(mark)
    fresh = ColumnSizes(StoredBytes())
    assert _by_column(warehouse, warehouse.executor.sizes) == _by_column(warehouse, fresh)
    many = warehouse.executor.sizes.tables(warehouse.session, [warehouse.table("t")])
    assert many == [_counted(warehouse)]
