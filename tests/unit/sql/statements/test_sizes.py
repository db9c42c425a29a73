from __future__ import annotations

import pytest

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
