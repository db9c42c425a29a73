from __future__ import annotations

import pytest

from bqsim.sql.plan import DmlStats
from tests.unit.sql.warehouse import Warehouse

pytestmark = [
    pytest.mark.fidelity("statement:MERGE", "exact"),
    pytest.mark.fidelity("bytes:DML", "exact", tests="test_bytes_*"),
]


@pytest.fixture
def m(warehouse: Warehouse) -> Warehouse:
    warehouse.run("CREATE TABLE t (id INT64, v STRING, n INT64 DEFAULT 7)")
    warehouse.run("INSERT INTO t VALUES (1, 'a', 1), (2, 'b', 2), (3, 'c', 3), (NULL, 'z', 0)")
    warehouse.run(
        "CREATE TABLE s AS SELECT 1 AS id, 'A' AS v UNION ALL SELECT 2, 'B' UNION ALL SELECT 9, 'I'"
    )
    return warehouse


def rows(m: Warehouse) -> list[list[object]]:
    return m.rows("SELECT id, v, n FROM t ORDER BY id NULLS FIRST, v")


def test_all_clauses(m: Warehouse) -> None:
    result = m.run(
        "MERGE t USING s ON t.id = s.id"
        " WHEN MATCHED AND s.id = 1 THEN DELETE"
        " WHEN MATCHED THEN UPDATE SET v = s.v"
        " WHEN NOT MATCHED BY TARGET THEN INSERT (id, v) VALUES (s.id, s.v)"
        " WHEN NOT MATCHED BY SOURCE AND t.id IS NULL THEN DELETE"
        " WHEN NOT MATCHED BY SOURCE THEN UPDATE SET v = 'left'"
    )
    assert result.statement_type == "MERGE"
    assert result.dml == DmlStats(inserted=1, updated=2, deleted=2)
    assert rows(m) == [[2, "B", 2], [3, "left", 3], [9, "I", 7]]
    assert m.table("t").num_rows == 3


def test_the_first_clause_that_applies_decides(m: Warehouse) -> None:
    m.run("MERGE t USING s ON t.id = s.id WHEN MATCHED THEN UPDATE SET v = '1st' WHEN MATCHED THEN DELETE")
    assert rows(m)[1:3] == [[1, "1st", 1], [2, "1st", 2]]


def test_null_keys_do_not_match(m: Warehouse) -> None:
    m.run(
        "MERGE t USING (SELECT CAST(NULL AS INT64) AS id) s ON t.id = s.id WHEN NOT MATCHED"
        " THEN INSERT (v) VALUES ('n')"
    )
    assert [r for r in rows(m) if r[0] is None] == [[None, "n", 7], [None, "z", 0]]


def test_insert_row(m: Warehouse) -> None:
    m.run("CREATE TABLE u AS SELECT 5 AS id, 'five' AS v, 55 AS n")
    m.run("MERGE t USING u ON FALSE WHEN NOT MATCHED THEN INSERT ROW")
    assert rows(m)[-1] == [5, "five", 55]


def test_constant_false_condition_replaces_rows(m: Warehouse) -> None:
    result = m.run(
        "MERGE t USING s ON FALSE WHEN NOT MATCHED THEN INSERT (id, v, n) VALUES (id, v, DEFAULT)"
        " WHEN NOT MATCHED BY SOURCE AND t.id IN (1, 2) THEN DELETE"
    )
    assert result.dml == DmlStats(inserted=3, deleted=2)
    assert [r[0] for r in rows(m)] == [None, 1, 2, 3, 9]


def test_a_row_matched_twice_fails_only_when_both_act(m: Warehouse) -> None:
    twice = "(SELECT 1 AS id, 'x' AS v UNION ALL SELECT 1, 'y')"
    message = m.error(f"MERGE t USING {twice} s ON t.id = s.id WHEN MATCHED THEN UPDATE SET v = s.v")
    assert message == "UPDATE/MERGE must match at most one source row for each target row"
    m.run(f"MERGE t USING {twice} s ON t.id = s.id WHEN MATCHED AND s.v = 'y' THEN UPDATE SET v = s.v")
    assert rows(m)[1] == [1, "y", 1]


def test_values_of_other_clauses_are_not_computed(m: Warehouse) -> None:
    m.run(
        "MERGE t USING s ON t.id = s.id WHEN MATCHED THEN UPDATE SET n = 1"
        " WHEN NOT MATCHED THEN INSERT (id, n) VALUES (s.id, DIV(10, s.id - 1))"
    )
    assert rows(m)[-1] == [9, None, 1]


def test_bytes_of_a_merge_that_only_inserts_leave_out_the_target(m: Warehouse) -> None:
    source = 3 * 8 + 3 * 3
    insert = m.executor.dry_run(
        "MERGE t USING s ON FALSE WHEN NOT MATCHED THEN INSERT (id, v) VALUES (id, v)", m.context(), m.session
    )
    assert insert.bytes_processed == source
    whole = m.executor.dry_run(
        "MERGE t USING s ON t.id = s.id WHEN MATCHED THEN DELETE", m.context(), m.session
    )
    assert whole.bytes_processed == 3 * 8 + (3 * 8 + 4 * 3 + 4 * 8)
