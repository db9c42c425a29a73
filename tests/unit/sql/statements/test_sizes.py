from __future__ import annotations

import pytest

from bqsim.catalog.stored_bytes import StoredBytes
from bqsim.sql.statements.sizes import ColumnSizes
from tests.unit.sql.warehouse import Warehouse

pytestmark = [
    pytest.mark.fidelity("bytes:sizes of values", "exact", tests="test_size_of_a_value"),
    pytest.mark.fidelity("fields:Table: sizes", "exact", tests="test_sizes_*"),
]


@pytest.mark.parametrize(
    ("type_", "value", "size"),
    [
        ("INT64", "1", 8),
        ("FLOAT64", "1.5", 8),
        ("NUMERIC", "1", 16),
        ("BIGNUMERIC", "1", 32),
        ("BOOL", "TRUE", 1),
        ("STRING", "'aé'", 2 + 3),
        ("BYTES", "b'abc'", 2 + 3),
        ("DATE", "'2020-01-01'", 8),
        ("TIME", "'10:00:00'", 8),
        ("DATETIME", "'2020-01-01 00:00:00'", 8),
        ("TIMESTAMP", "'2020-01-01'", 8),
        ("INTERVAL", "INTERVAL 1 DAY", 16),
        ("JSON", 'JSON \'{"b": 1, "a": [1, 2]}\'', len('{"a":[1,2],"b":1}')),
        ("RANGE<DATE>", "RANGE(DATE '2020-01-01', NULL)", 16),
        ("ARRAY<INT64>", "[1, 2, 3]", 24),
        ("ARRAY<STRING>", "['a', 'bcd']", 3 + 5),
        ("STRUCT<a INT64, b STRING, c ARRAY<BOOL>>", "(1, 'x', [TRUE, FALSE])", 8 + 3 + 2),
        ("ARRAY<STRUCT<a STRING>>", "[STRUCT('ab'), STRUCT(NULL)]", 4),
        ("STRING", "NULL", 0),
        ("STRUCT<a INT64>", "NULL", 0),
    ],
)
def test_size_of_a_value(warehouse: Warehouse, type_: str, value: str, size: int) -> None:
    warehouse.run(f"CREATE TABLE t (c {type_})")
    warehouse.run(f"INSERT INTO t VALUES ({value})")
    assert warehouse.executor.sizes.table(warehouse.session, warehouse.table("t")) == size


def test_sizes_are_of_the_live_rows_and_computed_once(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE t AS SELECT x AS a, 'xy' AS b FROM UNNEST([1, 2, 3]) AS x")
    sizes, session = warehouse.executor.sizes, warehouse.session
    assert sizes.columns(session, warehouse.table("t"), ["a"]) == 24
    assert sizes.columns(session, warehouse.table("t"), ["A", "b", "nope"]) == 24 + 12
    warehouse.run("DELETE t WHERE a > 1")
    assert sizes.columns(session, warehouse.table("t"), ["a", "b"]) == 8 + 4
    before = warehouse.table("t")
    session.execute(f"DELETE FROM {before.storage.engine_table}")  # type: ignore[union-attr]
    assert sizes.columns(session, before, ["a", "b"]) == 8 + 4


def test_views_have_no_size(warehouse: Warehouse) -> None:
    warehouse.run("CREATE VIEW v AS SELECT 1 AS a")
    assert warehouse.executor.sizes.table(warehouse.session, warehouse.table("v")) == 0


_ROWS = """
SELECT 1 AS i, 1.5 AS f, NUMERIC '1' AS n, TRUE AS b, 'aé' AS s, b'abc' AS y, DATE '2020-01-01' AS d,
 TIME '10:00:00' AS ti, DATETIME '2020-01-01' AS dt, TIMESTAMP '2020-01-01' AS ts, JSON '{"a":[1, 2]}' AS j,
 INTERVAL 1 DAY AS iv, RANGE(DATE '2020-01-01', NULL) AS r, [1, 2, 3] AS ai, ['a', 'bcd'] AS strings,
 STRUCT(1 AS a, 'x' AS b, [TRUE] AS c) AS st, [STRUCT('ab' AS a), STRUCT(NULL)] AS structs
UNION ALL
SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, [], [], NULL, []
"""


def _counted(warehouse: Warehouse, name: str = "t") -> int:
    """The bytes of a table as the engine counts them."""
    return ColumnSizes(StoredBytes()).table(warehouse.session, warehouse.table(name))


def _written(warehouse: Warehouse, name: str = "t") -> set[str]:
    """The columns whose bytes are known from writing."""
    table = warehouse.table(name)
    assert table.storage is not None
    known = warehouse.catalog.stored_bytes.of(table.storage.engine_table, table.version)
    return {f.name for f, c in zip(table.fields, table.storage.columns, strict=True) if c in known}


def test_sizes_of_arrow_rows_are_known_from_writing(warehouse: Warehouse) -> None:
    result = warehouse.run(_ROWS)
    warehouse.run(f"CREATE TABLE t AS {_ROWS} LIMIT 0")
    table = warehouse.table("t")
    for _ in range(2):
        warehouse.executor.append_rows(warehouse.session, table.ref, result.rows, table.fields)
    assert _written(warehouse) == {f.name for f in table.fields}
    sizes, known = warehouse.executor.sizes, _counted(warehouse)
    assert known > 2 * 100
    assert sizes.table(warehouse.session, warehouse.table("t")) == known
    assert sizes.tables(warehouse.session, [warehouse.table("t")]) == [known]


def test_sizes_are_counted_again_after_statements_that_do_not_know_them(warehouse: Warehouse) -> None:
    rows = warehouse.run("SELECT 1 AS a, 'xy' AS b").rows
    warehouse.run("CREATE TABLE t (a INT64, b STRING, g GEOGRAPHY)")
    fields = warehouse.table("t").fields
    sizes, session, ref = warehouse.executor.sizes, warehouse.session, warehouse.table("t").ref

    def check() -> None:
        assert sizes.table(session, warehouse.table("t")) == _counted(warehouse)

    warehouse.executor.append_rows(session, ref, rows, fields[:2])
    assert _written(warehouse) == {"a", "b", "g"}
    check()
    warehouse.run("INSERT INTO t (a) VALUES (5)")
    assert _written(warehouse) == {"a", "b", "g"}
    check()
    warehouse.run("INSERT INTO t (a) SELECT 6 FROM UNNEST([1, 2])")
    assert _written(warehouse) == set()
    check()
    assert _written(warehouse) == {"a", "b", "g"}
    warehouse.executor.append_rows(session, ref, rows, fields[:2])
    assert _written(warehouse) == {"a", "b", "g"}
    check()
    warehouse.run("DELETE FROM t WHERE a = 5")
    assert _written(warehouse) == set()
    check()
    warehouse.run("ALTER TABLE t ADD COLUMN z STRING")
    check()
    warehouse.run("TRUNCATE TABLE t")
    assert sizes.table(session, warehouse.table("t")) == 0
    warehouse.executor.append_rows(session, ref, rows, fields[:2])
    assert _written(warehouse) == {"a", "b", "g", "z"}
    check()
    warehouse.run("CREATE TABLE u COPY t")
    assert sizes.table(session, warehouse.table("u")) == _counted(warehouse, "u") == 8 + 4


def test_many_tables_of_several_shapes(warehouse: Warehouse) -> None:
    warehouse.script(
        "CREATE TABLE a AS SELECT 1 AS x, 'ab' AS s; CREATE TABLE b AS SELECT 2 AS y, 'c' AS z;"
        " CREATE TABLE c AS SELECT [1, 2] AS x; CREATE TABLE e (x INT64);"
        " CREATE TABLE g AS SELECT STRUCT(1 AS q) AS x"
    )
    tables = [warehouse.table(name) for name in "abceg"]
    assert warehouse.executor.sizes.tables(warehouse.session, tables) == [12, 11, 16, 0, 8]
