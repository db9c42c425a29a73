from __future__ import annotations

import threading
from dataclasses import replace

import pyarrow as pa
import pytest

from bqsim.catalog.refs import DatasetRef, TableRef
from bqsim.errors import BigQueryError
from bqsim.sql.executor import Rows
from bqsim.types import Field, Mode, TypeKind
from tests.unit.sql.warehouse import Warehouse

N = Field("n", TypeKind.INT64)
S = Field("s", TypeKind.STRING)


def test_a_destination_takes_the_rows_of_a_query(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE t (n INT64, s STRING)")

    def into(rows: Rows) -> int:
        assert [f.name for f in rows.schema] == ["x", "y"]
        ref = TableRef("p", "d", "t")
        return warehouse.executor.append_rows(warehouse.session, ref, rows, [N, S])

    for _ in range(2):
        result = warehouse.executor.run(
            "SELECT 1 AS x, 'a' AS y", warehouse.context(), warehouse.session, destination=into
        )
        assert (result.written_rows, result.rows) == (1, None)
    assert warehouse.rows("SELECT * FROM t") == [[1, "a"], [1, "a"]]


def test_arrow_rows_replace_those_of_a_table(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE t AS SELECT 1 AS n, 'a' AS s")
    rows = pa.table([pa.array(["x", "y"])], names=["c1"])
    ref = TableRef("p", "d", "t")
    assert warehouse.executor.append_rows(warehouse.session, ref, rows, [S], replace_rows=True) == 2
    assert warehouse.rows("SELECT n, s FROM t ORDER BY s") == [[None, "x"], [None, "y"]]
    assert warehouse.table("t").num_rows == 2


def test_arrow_rows_are_checked(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE t (n INT64 NOT NULL)")
    rows = pa.table([pa.array([1, None], pa.int64())], names=["c1"])
    with pytest.raises(BigQueryError, match="Required field n cannot be null"):
        warehouse.executor.append_rows(warehouse.session, TableRef("p", "d", "t"), rows, [N])
    assert warehouse.rows("SELECT COUNT(*) FROM t") == [[0]]


def test_create_from_rows(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE like_this (n INT64, s STRING)")
    model = replace(warehouse.table("like_this"), ref=TableRef("p", "d", "t"), storage=None)
    rows = pa.table([pa.array([1, 2]), pa.array(["a", None])], names=["c1", "c2"])
    table = warehouse.executor.create_from_rows(warehouse.session, model, rows)
    assert table == warehouse.table("t")
    assert table.num_rows == 2
    empty = warehouse.executor.create_from_rows(warehouse.session, model, None)
    assert empty.num_rows == 0
    assert warehouse.rows("SELECT COUNT(*) FROM t") == [[0]]


def test_writers_of_one_table_take_turns(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE t AS SELECT 0 AS n")

    def increment() -> None:
        session = warehouse.engine.session()
        for _ in range(5):
            warehouse.executor.run("UPDATE t SET n = n + 1 WHERE TRUE", warehouse.context(), session)
        session.close()

    threads = [threading.Thread(target=increment) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert warehouse.rows("SELECT n FROM t") == [[20]]


def test_a_failing_statement_leaves_the_session_usable(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE t (n INT64)")
    warehouse.error("INSERT INTO t SELECT DIV(1, x) FROM UNNEST([1, 0]) AS x")
    warehouse.run("INSERT INTO t VALUES (1)")
    assert warehouse.rows("SELECT n FROM t") == [[1]]


def test_positions_are_those_of_the_users_text(warehouse: Warehouse) -> None:
    with pytest.raises(BigQueryError) as caught:
        warehouse.executor.run("SELECT nope", warehouse.context(), warehouse.session, start=(3, 5))
    assert caught.value.message == "Unrecognized name: nope at [3:12]"


def test_the_time_of_a_statement_is_its_contexts(warehouse: Warehouse) -> None:
    assert warehouse.rows("SELECT UNIX_MICROS(CURRENT_TIMESTAMP())", now_us=1_234_567) == [[1_234_567]]


def test_time_travel(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE t AS SELECT 1 AS n")
    first = warehouse.executor.clock.now_us()
    warehouse.run("UPDATE t SET n = 2 WHERE TRUE")
    second = warehouse.executor.clock.now_us()
    warehouse.run("CREATE OR REPLACE TABLE t AS SELECT 3 AS n")
    sql = "SELECT n FROM t FOR SYSTEM_TIME AS OF TIMESTAMP_MICROS({})"
    assert warehouse.rows(sql.format(first)) == [[1]]
    assert warehouse.rows(sql.format(second)) == [[2]]
    assert warehouse.rows("SELECT n FROM t") == [[3]]
    assert warehouse.error(sql.format(first - 10**9)).startswith("Invalid snapshot time ")
    warehouse.run(f"CREATE TABLE c CLONE t FOR SYSTEM_TIME AS OF TIMESTAMP_MICROS({first})")
    assert warehouse.rows("SELECT n FROM c") == [[1]]


def test_repeated_mode_and_names_of_results(warehouse: Warehouse) -> None:
    result = warehouse.run("SELECT [1] AS a, 2, 3, STRUCT(1 AS x) AS s, 4 AS a")
    assert [(f.name, f.mode) for f in result.schema] == [
        ("a", Mode.REPEATED),
        ("f0_", Mode.NULLABLE),
        ("f1_", Mode.NULLABLE),
        ("s", Mode.NULLABLE),
        ("a_1", Mode.NULLABLE),
    ]


def test_a_dataset_of_another_project(warehouse: Warehouse) -> None:
    warehouse.run("CREATE SCHEMA `other-project`.x")
    warehouse.run("CREATE TABLE `other-project.x.t` AS SELECT 5 AS n")
    assert warehouse.rows("SELECT n FROM other-project.x.t") == [[5]]
    assert warehouse.catalog.find_dataset(DatasetRef("other-project", "x")) is not None
    warehouse.run("DROP SCHEMA `other-project`.x CASCADE")
