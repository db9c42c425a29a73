"""Queries that lag behind read the rows that tables had; all else of a statement is of now."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from bqsim.catalog.refs import DatasetRef
from bqsim.sim.stale import StaleView, seen_through
from bqsim.sql.statements.time_travel import as_of
from tests.unit.sql.warehouse import Warehouse

pytestmark = pytest.mark.fidelity("sql:time travel, time:time travel window", "exact")

T = DatasetRef("p", "d").table("t")


@contextmanager
def since(warehouse: Warehouse, moment_us: int) -> Iterator[None]:
    """Let queries read the rows of ``moment_us``, as nearly as the clock can tell."""
    with seen_through(StaleView(rows=warehouse.catalog.clock.now_us() - moment_us)):
        yield


@pytest.fixture
def moment_us(warehouse: Warehouse) -> int:
    """A while after ``d.t`` was made with the rows 1 and 2."""
    warehouse.run("CREATE TABLE d.t AS SELECT n FROM UNNEST([1, 2]) AS n")
    clock: Any = warehouse.catalog.clock
    clock.advance("10s")
    now: int = clock.now_us()
    clock.advance("10s")
    return now


@pytest.mark.parametrize(
    "change",
    [
        "INSERT INTO d.t VALUES (3)",
        "DELETE FROM d.t WHERE n = 1",
        "UPDATE d.t SET n = 9 WHERE TRUE",
        "TRUNCATE TABLE d.t",
        "CREATE OR REPLACE TABLE d.t AS SELECT 7 AS n",
    ],
)
def test_rows_that_there_were(warehouse: Warehouse, moment_us: int, change: str) -> None:
    ask = "SELECT n FROM d.t ORDER BY n"
    warehouse.run(change)
    now = warehouse.rows(ask)
    with since(warehouse, moment_us):
        assert warehouse.rows(ask) == [[1], [2]]
        assert warehouse.rows("SELECT COUNT(*) FROM (SELECT * FROM d.t UNION ALL SELECT * FROM d.t)") == [[4]]
    assert warehouse.rows(ask) == now != [[1], [2]]


def test_a_table_that_was_not_there_has_no_rows(warehouse: Warehouse, moment_us: int) -> None:
    warehouse.run("CREATE TABLE d.u AS SELECT 1 AS n")
    warehouse.run("CREATE VIEW d.v AS SELECT COUNT(*) AS n FROM d.u")
    with since(warehouse, moment_us):
        assert warehouse.rows("SELECT n FROM d.u") == []
        assert warehouse.rows("SELECT n FROM d.v") == [[0]]


def test_statements_that_change_rows_see_them_as_they_are(warehouse: Warehouse, moment_us: int) -> None:
    warehouse.run("INSERT INTO d.t VALUES (3)")
    with since(warehouse, moment_us):
        warehouse.run("INSERT INTO d.t SELECT n + 10 FROM d.t")
        warehouse.run("DELETE FROM d.t WHERE n = 3")
    assert warehouse.rows("SELECT n FROM d.t ORDER BY n") == [[1], [2], [11], [12], [13]]


def test_a_time_that_the_query_gives_wins(warehouse: Warehouse, moment_us: int) -> None:
    warehouse.run("INSERT INTO d.t VALUES (3)")
    with since(warehouse, moment_us):
        assert warehouse.rows("SELECT COUNT(*) FROM d.t FOR SYSTEM_TIME AS OF CURRENT_TIMESTAMP()") == [[3]]


def test_as_of(warehouse: Warehouse, moment_us: int) -> None:
    before = warehouse.table("t")
    assert as_of(warehouse.catalog, before, moment_us) == before
    warehouse.run("CREATE OR REPLACE TABLE d.t AS SELECT 7 AS n")
    seen = as_of(warehouse.catalog, warehouse.table("t"), moment_us)
    assert (seen.storage, seen.version) == (before.storage, moment_us)
    warehouse.run("CREATE OR REPLACE TABLE d.t AS SELECT 'x' AS s")
    other = warehouse.table("t")
    assert as_of(warehouse.catalog, other, moment_us).storage == other.storage


@pytest.fixture
def replaced_us(warehouse: Warehouse) -> int:
    """When table ``r`` had one column ``n``; now it has others."""
    warehouse.run("CREATE TABLE d.r AS SELECT 1 AS n")
    at_us = warehouse.executor.clock.now_us()
    warehouse.run("CREATE OR REPLACE TABLE d.r AS SELECT 'x' AS s, 2 AS m")
    return at_us


EARLIER = [
    ("SELECT * FROM d.r {}", [[1]]),
    ("SELECT n + 1 FROM d.r {}", [[2]]),
    ("SELECT COUNT(*) FROM d.r {}", [[1]]),
    ("SELECT * FROM d.r", [["x", 2]]),
]


@pytest.mark.parametrize(("sql", "rows"), EARLIER, ids=[sql for sql, _ in EARLIER])
def test_columns_are_those_of_then(
    warehouse: Warehouse, replaced_us: int, sql: str, rows: list[list[object]]
) -> None:
    then = f"FOR SYSTEM_TIME AS OF TIMESTAMP_MICROS({replaced_us})"
    assert warehouse.rows(sql.format(then)) == rows


def test_copies_of_then(warehouse: Warehouse, replaced_us: int) -> None:
    then = f"FOR SYSTEM_TIME AS OF TIMESTAMP_MICROS({replaced_us})"
    warehouse.run(f"CREATE TABLE d.old CLONE d.r {then}")
    warehouse.run(f"CREATE OR REPLACE TABLE d.r AS SELECT * FROM d.r {then}")
    assert warehouse.rows("SELECT * FROM d.old") == warehouse.rows("SELECT * FROM d.r") == [[1]]
    assert "Unrecognized name: z" in warehouse.error(f"SELECT z FROM d.r {then}")


def test_two_times_with_other_columns_are_refused(warehouse: Warehouse, replaced_us: int) -> None:
    then = f"FOR SYSTEM_TIME AS OF TIMESTAMP_MICROS({replaced_us})"
    assert warehouse.error(f"SELECT * FROM d.r {then} CROSS JOIN d.r AS now") == (
        "Reading a table as of two times between which it was replaced is not supported by bqsim"
    )
