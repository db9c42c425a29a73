from __future__ import annotations

import pytest

from bqsim.sql.statements.clone_figures import billed
from bqsim.sql.statements.storage_figures import Figures, figures_of
from tests.unit.sql.statements.test_storage_figures import aged
from tests.unit.sql.warehouse import Warehouse

pytestmark = [
    pytest.mark.fidelity("bytes:storage over time", "approximated", "physical bytes are a fixed ratio")
]


def _billed(warehouse: Warehouse, *names: str) -> list[int]:
    tables = [warehouse.table(name) for name in names]
    sizes, session = warehouse.executor.sizes, warehouse.session
    figures = [figures_of(warehouse.catalog, sizes, session, table) for table in tables]
    return [figure.total for figure in billed(warehouse.catalog, session, tables, figures, {})]


def test_clones_are_billed_for_what_differs_from_their_base(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE t AS SELECT x FROM UNNEST(GENERATE_ARRAY(1, 10)) AS x")
    warehouse.script("CREATE TABLE c CLONE t; CREATE SNAPSHOT TABLE s CLONE t")
    assert _billed(warehouse, "t", "c", "s") == [80, 0, 0]
    # Views and tables.get show them as whole tables.
    shown = "SELECT total_logical_bytes FROM `region-us`.INFORMATION_SCHEMA.TABLE_STORAGE"
    names = "WHERE table_name IN ('t', 'c', 's') AND NOT deleted"
    assert warehouse.rows(f"{shown} {names}") == [[80], [80], [80]]
    warehouse.script("INSERT c VALUES (11), (12); DELETE c WHERE x = 1")
    assert _billed(warehouse, "t", "c", "s") == [80, 16, 0]
    # What goes in the base is billed with the oldest clone that has it.
    warehouse.script("DELETE t WHERE x < 4; INSERT t VALUES (20), (21)")
    assert _billed(warehouse, "t", "c", "s") == [72, 16 + 24, 0]
    warehouse.script("CREATE TABLE young CLONE t; DELETE t WHERE x IN (5, 20)")
    assert _billed(warehouse, "t", "c", "s", "young") == [56, 16 + 32, 0, 8]


def test_of_a_base_that_is_gone_the_oldest_holds_all(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE t AS SELECT x FROM UNNEST(GENERATE_ARRAY(1, 10)) AS x")
    warehouse.script("CREATE TABLE c CLONE t; CREATE SNAPSHOT TABLE s CLONE t; DROP TABLE t")
    assert _billed(warehouse, "c", "s") == [80, 0]
    warehouse.run("CREATE TABLE empty (x INT64)")
    warehouse.script("CREATE TABLE e CLONE empty")
    assert _billed(warehouse, "e") == [0]


def test_a_clone_that_differs_in_nothing_is_not_in_the_timeline(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse.run("CREATE TABLE t AS SELECT REPEAT('x', 1000) AS s FROM UNNEST(GENERATE_ARRAY(1, 3000))")
    warehouse.script("CREATE TABLE c CLONE t; CREATE TABLE none (x INT64)")
    aged(warehouse, monkeypatch, 1)
    usage = (
        "SELECT table_name, SUM(billable_active_logical_usage) > 0"
        " FROM `region-us`.INFORMATION_SCHEMA.TABLE_STORAGE_USAGE_TIMELINE"
        " WHERE table_name IN ('t', 'c', 'none') GROUP BY 1 ORDER BY 1"
    )
    assert warehouse.rows(usage) == [["t", True]]
    warehouse.run("INSERT c SELECT * FROM t")
    assert warehouse.rows(usage) == [["c", True], ["t", True]]


def test_other_tables_are_billed_whole(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE t AS SELECT 1 AS x")
    known = Figures(active=8)
    assert billed(warehouse.catalog, warehouse.session, [warehouse.table("t")], [known], {}) == [known]
