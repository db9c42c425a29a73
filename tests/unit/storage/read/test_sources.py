from __future__ import annotations

import pytest

from bqsim.catalog.history import HISTORY_US

from .conftest import Reader

pytestmark = pytest.mark.fidelity("read:views", "exact", tests="test_views")


def test_unknown_tables(reader: Reader) -> None:
    error = reader.failure("nowhere")
    assert (error.status, error.message) == ("NOT_FOUND", "request failed: Not found: Table p:d.nowhere")
    other = reader.failure("projects/q/datasets/d/tables/t")
    assert (other.status, other.message) == ("NOT_FOUND", "request failed: Not found: Dataset q:d")
    assert reader.failure("projects/p/datasets/_hidden/tables/gone").status == "NOT_FOUND"
    assert reader.failure("projects/p/tables/t").status == "INVALID_ARGUMENT"


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE VIEW d.v AS SELECT * FROM d.t",
        "CREATE MATERIALIZED VIEW d.v AS SELECT x, COUNT(*) AS n FROM d.t GROUP BY x",
    ],
)
def test_views(reader: Reader, statement: str) -> None:
    reader.warehouse.run("CREATE TABLE d.t AS SELECT 1 AS x")
    reader.warehouse.run(statement)
    error = reader.failure("v")
    assert error.status == "INVALID_ARGUMENT"
    assert error.message == "request failed: non-table entities cannot be read with the storage API"


def test_snapshots(reader: Reader) -> None:
    reader.warehouse.run("CREATE TABLE d.t AS SELECT 1 AS x")
    reader.warehouse.run("CREATE SNAPSHOT TABLE d.s CLONE d.t")
    reader.warehouse.run("INSERT INTO d.t VALUES (2)")
    assert reader.rows(reader.session("s")) == [(1,)]
    assert reader.rows(reader.session("s", row_restriction="x = 1")) == [(1,)]


def test_past_rows(reader: Reader) -> None:
    run = reader.warehouse.run
    run("CREATE TABLE d.t AS SELECT x FROM UNNEST([1, 2, 3]) AS x")
    first = reader.clock.now_us()
    run("DELETE FROM d.t WHERE x = 1")
    run("INSERT INTO d.t VALUES (4), (5)")
    second = reader.clock.now_us()
    run("TRUNCATE TABLE d.t")
    session = reader.session("t", snapshot_us=first)
    assert session.table_modifiers.snapshot_time.ToMicroseconds() == first
    assert session.estimated_row_count == 3
    assert session.estimated_total_bytes_scanned == 24
    assert reader.all(session) == [1, 2, 3]
    assert reader.all(reader.session("t", snapshot_us=second)) == [2, 3, 4, 5]
    assert reader.all(reader.session("t", snapshot_us=second, row_restriction="x > 3")) == [4, 5]
    assert reader.all(reader.session("t", snapshot_us=reader.clock.now_us() - 1)) == []


def test_the_past_of_dropped_and_replaced_tables(reader: Reader) -> None:
    run = reader.warehouse.run
    run("CREATE TABLE d.t AS SELECT 1 AS x, STRUCT('a' AS k) AS st")
    first = reader.clock.now_us()
    run("CREATE OR REPLACE TABLE d.t AS SELECT 'new' AS y")
    second = reader.clock.now_us()
    run("DROP TABLE d.t")
    session = reader.session("t", snapshot_us=first, row_restriction="x = 1 AND st.k = 'a'")
    assert reader.rows(session) == [(1, {"k": "a"})]
    assert reader.rows(reader.session("t", snapshot_us=second, row_restriction="y = 'new'")) == [("new",)]
    assert (
        "Unrecognized name: y" in reader.failure("t", snapshot_us=first, row_restriction="y = 'new'").message
    )
    assert reader.failure("t").status == "NOT_FOUND"


def test_times_without_rows(reader: Reader) -> None:
    before = reader.clock.now_us()
    reader.warehouse.run("CREATE TABLE d.young AS SELECT 1 AS x")
    created_ms = reader.warehouse.table("young").created_ms
    error = reader.failure("young", snapshot_us=before - 5_000_000)
    time_ms = (before - 5_000_000) // 1000
    assert error.status == "INVALID_ARGUMENT"
    assert error.message == (
        f"request failed: Invalid snapshot time {time_ms} for table p:d.young@{time_ms}."
        f" Cannot read before {created_ms}."
    )
    future = reader.failure("young", snapshot_us=before + 3600 * 1_000_000)
    assert future.status == "INVALID_ARGUMENT"
    assert "future" in future.message


def test_times_before_the_time_travel_window(reader: Reader) -> None:
    reader.warehouse.run("CREATE TABLE d.t AS SELECT 1 AS x")
    then = reader.clock.now_us()
    reader.clock.shift_us = HISTORY_US - 60_000_000
    assert reader.rows(reader.session("t", snapshot_us=then)) == [(1,)]
    reader.clock.shift_us = HISTORY_US
    assert "Cannot read before" in reader.failure("t", snapshot_us=then).message
