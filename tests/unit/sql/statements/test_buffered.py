from __future__ import annotations

from collections.abc import Iterator

import pytest

from bqsim.catalog.buffers import StreamingBuffers
from bqsim.sql.statements.buffered import buffered, flushed
from tests.unit.sql.warehouse import Warehouse

TABLE = "CREATE TABLE t AS SELECT 1 AS id, 'flushed' AS s"


@pytest.fixture
def t(warehouse: Warehouse) -> Iterator[Warehouse]:
    """A table of one row that is flushed and one, of id 2, in the buffer."""
    warehouse.run(TABLE)
    follows = warehouse.table("t").version
    warehouse.run("INSERT INTO t VALUES (2, 'abc')")
    table = warehouse.table("t")
    assert table.storage is not None
    buffers_of(warehouse).add(table.storage.engine_table, table.version, follows)
    yield warehouse


def buffers_of(warehouse: Warehouse) -> StreamingBuffers:
    return warehouse.catalog.buffers


def test_a_table_without_a_buffer(warehouse: Warehouse) -> None:
    warehouse.run(TABLE)
    table = warehouse.table("t")
    assert table.storage is not None
    assert buffered(warehouse.session, buffers_of(warehouse), table) is None
    assert flushed(buffers_of(warehouse), table.storage) == ""


def test_what_a_buffer_holds(t: Warehouse) -> None:
    table = t.table("t")
    held = buffered(t.session, buffers_of(t), table)
    assert held is not None
    assert (held.rows, held.bytes, held.oldest_us) == (1, 8 + 5, table.version)
    assert table.storage is not None
    assert held.others == flushed(buffers_of(t), table.storage)


@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        ("UPDATE t SET s = 'x' WHERE id = 2", "UPDATE or DELETE statement"),
        ("DELETE FROM t WHERE TRUE", "UPDATE or DELETE statement"),
        (
            "MERGE t USING (SELECT 2 AS id) AS s ON t.id = s.id WHEN MATCHED THEN DELETE",
            "UPDATE or DELETE statement",
        ),
        ("TRUNCATE TABLE t", "TRUNCATE DML statement"),
    ],
    ids=["update", "delete", "merge", "truncate"],
)
def test_dml_over_buffered_rows_changes_nothing(t: Warehouse, sql: str, kind: str) -> None:
    name = t.table("t").ref.sql_name
    affects = f"{kind} over table {name} would affect rows in the streaming buffer, which is not supported"
    assert affects in t.error(sql)
    assert t.rows("SELECT id, s FROM t ORDER BY id") == [[1, "flushed"], [2, "abc"]]


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE t SET s = 'x' WHERE id = 1",
        "DELETE FROM t WHERE id = 1",
        "MERGE t USING (SELECT 3 AS id) AS s ON t.id = s.id WHEN NOT MATCHED THEN INSERT (id) VALUES (id)",
        "INSERT INTO t (id) SELECT id FROM t",
    ],
    ids=["update", "delete", "merge", "insert"],
)
def test_dml_over_other_rows_is_done(t: Warehouse, sql: str) -> None:
    t.run(sql)
    assert t.rows("SELECT s FROM t WHERE id = 2")[0] == ["abc"]
    held = buffered(t.session, buffers_of(t), t.table("t"))
    assert held is not None
    assert held.rows == 1
