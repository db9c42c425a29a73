from __future__ import annotations

import threading
import time
from typing import Any

import pyarrow as pa
import pytest

from bqsim.catalog.refs import TableRef
from bqsim.engine.protocol import Interrupted
from bqsim.errors import BigQueryError
from bqsim.sql.planner import Planner
from bqsim.sql.statements import writes
from bqsim.sql.statements.claims import Claims
from bqsim.sql.statements.partition_ids import partitions_of
from bqsim.sql.statements.writes import writable, writing
from bqsim.types import Field, TypeKind
from bqsim.types.arrow import table_of
from tests.unit.sql.warehouse import Warehouse

REF = TableRef("p", "d", "t")


def test_a_statement_that_waits_for_a_lock_can_be_cancelled(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE t (n INT64)")
    stop = threading.Event()
    failed: list[BaseException] = []

    def blocked() -> None:
        session = warehouse.engine.session()
        try:
            ctx = warehouse.context(cancelled=stop.is_set)
            warehouse.executor.run("INSERT INTO t VALUES (1)", ctx, session)
        except BaseException as error:
            failed.append(error)
        session.close()

    with warehouse.catalog.lock(REF):
        thread = threading.Thread(target=blocked)
        thread.start()
        time.sleep(0.1)
        stop.set()
        thread.join(10)
    assert [type(e) for e in failed] == [Interrupted]
    assert warehouse.rows("SELECT COUNT(*) FROM t") == [[0]]


def test_nothing_is_written_when_the_block_raises(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE t AS SELECT 1 AS n")
    before = warehouse.table("t")
    claims = warehouse.executor.claims
    with (
        pytest.raises(RuntimeError),
        writing(warehouse.catalog, claims, warehouse.session, REF) as writer,
    ):
        writer.clear()
        raise RuntimeError
    assert warehouse.table("t") == before
    assert warehouse.rows("SELECT n FROM t") == [[1]]


def test_writable(warehouse: Warehouse) -> None:
    warehouse.run("CREATE VIEW t AS SELECT 1 AS n")
    with pytest.raises(BigQueryError, match="currently a VIEW"):
        writable(warehouse.table("t"))


def test_a_statement_whose_table_was_replaced_meanwhile_is_analysed_again(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse.run("CREATE TABLE t AS SELECT 1 AS a, 'x' AS b")
    wait = Claims.wait_for
    replaced: list[str] = []

    def replace_first(self: Claims, ref: TableRef, cancelled: object = None) -> None:
        if len(replaced) < times:
            replaced.append("")
            with monkeypatch.context() as unpatched:
                unpatched.setattr(Claims, "wait_for", wait)
                warehouse.run("CREATE OR REPLACE TABLE t AS SELECT 'y' AS b, n AS a FROM UNNEST([2, 3]) AS n")
        wait(self, ref)

    monkeypatch.setattr(Claims, "wait_for", replace_first)
    times = 2
    result = warehouse.run("DELETE t WHERE a = 3")
    assert result.dml is not None
    assert result.dml.deleted == 1
    assert warehouse.rows("SELECT a, b FROM t") == [[2, "y"]]
    times = 1000
    message = warehouse.error("DELETE t WHERE a = 3")
    assert message == "Could not serialize access to table p:d.t due to concurrent update"


def test_the_plan_of_a_replaced_table_is_not_kept(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse.run("CREATE TABLE t AS SELECT 1 AS a")
    warehouse.run("CREATE VIEW v AS SELECT a FROM t")
    plan = Planner.plan_query

    def replace_after(self: Planner, analyzed: Any, ctx: Any) -> Any:
        planned = plan(self, analyzed, ctx)
        monkeypatch.undo()
        warehouse.run("CREATE OR REPLACE TABLE t AS SELECT 2 AS a")
        return planned

    for name in ("t", "v"):
        warehouse.run("CREATE OR REPLACE TABLE t AS SELECT 1 AS a")
        monkeypatch.setattr(Planner, "plan_query", replace_after)
        assert warehouse.rows(f"SELECT a FROM {name}") == [[1]]
        assert warehouse.rows(f"SELECT a FROM {name}") == [[2]]


@pytest.mark.parametrize("sizes", [(0,), (1,), (2, 0, 3)])
def test_batches_are_appended_as_their_rows_are(warehouse: Warehouse, sizes: tuple[int, ...]) -> None:
    """The same rows, checks and known bytes as appending each batch by itself."""
    rows = [table_of([pa.array([f"text {n}" for n in range(size)], pa.string())]) for size in sizes]
    fields = [Field("s", TypeKind.STRING)]
    known = []
    for name in ("one", "many"):
        warehouse.run(f"CREATE TABLE d.{name} (s STRING(7), k INT64 DEFAULT 7)")
        table = warehouse.table(name)
        catalog, claims = warehouse.catalog, warehouse.executor.claims
        with writing(catalog, claims, warehouse.session, table.ref) as writer:
            if name == "many":
                count = writer.append_batches(iter(rows), fields, defaults={"k": "CAST(7 AS BIGINT)"})
            else:
                count = sum(writer.append(b, fields, defaults={"k": "CAST(7 AS BIGINT)"}) for b in rows)
            known.append((count, list(writer.bytes.values())))
    assert known[0] == known[1]
    first, second = (warehouse.rows(f"SELECT s, k FROM d.{name} ORDER BY s") for name in ("one", "many"))
    assert first == second


@pytest.mark.parametrize(
    ("shape", "write"),
    [
        ("PARTITION BY d AS SELECT * FROM s", None),
        ("PARTITION BY RANGE_BUCKET(n, GENERATE_ARRAY(0, 100, 5)) AS SELECT * FROM s", None),
        ("PARTITION BY DATE_TRUNC(d, MONTH)", "INSERT t SELECT * FROM s"),
        ("PARTITION BY _PARTITIONDATE", "INSERT t (_PARTITIONTIME, n, d) SELECT TIMESTAMP(d), n, d FROM s"),
    ],
)
def test_large_writes_store_rows_of_one_partition_together(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, shape: str, write: str | None
) -> None:
    warehouse.run(
        "CREATE TABLE s AS SELECT n, IF(MOD(n, 7) = 0, NULL, DATE '2024-01-01' + MOD(n * 13, 50)) AS d"
        " FROM UNNEST(GENERATE_ARRAY(1, 100)) AS n"
    )
    columns = "" if write is None else "(n INT64, d DATE) "

    def stored() -> tuple[list[int], list[tuple[int, int]]]:
        """The partitions in the order of the rows, and the rows of each."""
        warehouse.script(f"DROP TABLE IF EXISTS t; CREATE TABLE t {columns}{shape}; {write or 'SELECT 1'}")
        table = warehouse.table("t")
        partitions = partitions_of(table)
        assert table.storage is not None
        assert partitions is not None
        found = warehouse.session.scalar(
            f"SELECT list([{partitions.key}, c1] ORDER BY rowid) FROM {table.storage.engine_table}"
        )
        assert isinstance(found, list)
        return [key for key, _ in found], sorted((key, n) for key, n in found)

    as_they_come, rows = stored()
    monkeypatch.setattr(writes, "ORDERED", 100)
    together, same = stored()
    assert same == rows
    assert together == sorted(as_they_come) != as_they_come
    numbers = warehouse.rows("SELECT n FROM t")
    by_key = sorted(zip(together, [n for (n,) in numbers], strict=True), key=lambda row: row[0])
    assert by_key == rows
