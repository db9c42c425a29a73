from __future__ import annotations

from decimal import Decimal

import pytest

from bqsim.sql.plan import DmlStats, Route
from bqsim.types import INT64, STRING
from tests.unit.sql.warehouse import Warehouse, typed

pytestmark = [
    pytest.mark.fidelity("statement:INSERT", "exact", tests="test_insert_* test_defaults*"),
    pytest.mark.fidelity("statement:UPDATE", "exact", tests="test_update_*"),
    pytest.mark.fidelity("statement:DELETE", "exact", tests="test_delete"),
    pytest.mark.fidelity("statement:TRUNCATE TABLE", "exact", tests="test_truncate"),
    pytest.mark.fidelity("bytes:DML", "exact", tests="test_bytes_*"),
]


@pytest.fixture
def t(warehouse: Warehouse) -> Warehouse:
    warehouse.run(
        "CREATE TABLE t (id INT64, name STRING, s STRUCT<x INT64, y STRUCT<z STRING>>, a ARRAY<INT64>)"
    )
    warehouse.run("INSERT INTO t VALUES (1, 'one', (10, STRUCT('p')), [1, 2]), (2, 'two', NULL, NULL)")
    return warehouse


def test_insert_values_counts_rows_and_fills_the_table(t: Warehouse) -> None:
    result = t.run("INSERT INTO t (name, id) VALUES ('three', 3), (NULL, NULL)")
    assert result.statement_type == "INSERT"
    assert result.dml == DmlStats(inserted=2)
    assert result.rows is None
    assert t.table("t").num_rows == 4
    assert t.rows("SELECT id, name FROM t ORDER BY id")[0] == [None, None]


def test_null_array_is_stored_as_an_empty_one(t: Warehouse) -> None:
    assert t.rows("SELECT id, a, a IS NULL FROM t ORDER BY id") == [[1, [1, 2], False], [2, [], False]]


def test_insert_from_a_query_of_the_table_itself(t: Warehouse) -> None:
    assert t.run("INSERT INTO t (id) SELECT id + 10 FROM t").dml == DmlStats(inserted=2)
    assert t.rows("SELECT id FROM t ORDER BY id") == [[1], [2], [11], [12]]


def test_insert_coerces_the_columns_of_its_query(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE n (f FLOAT64, d NUMERIC)")
    warehouse.run("INSERT INTO n SELECT 1, 2")
    assert warehouse.rows("SELECT * FROM n") == [[1.0, Decimal(2)]]


def test_insert_with_parameters(t: Warehouse) -> None:
    t.run(
        "INSERT INTO t (id, name) VALUES (@i, @n)",
        parameters={"i": typed(INT64, 7), "n": typed(STRING, "it's")},
    )
    t.run("INSERT INTO t (id, name) VALUES (?, ?)", positional=(typed(INT64, 8), typed(STRING, None)))
    assert t.rows("SELECT id, name FROM t WHERE id > 5 ORDER BY id") == [[7, "it's"], [8, None]]


def test_each_row_has_its_own_default(warehouse: Warehouse) -> None:
    warehouse.run(
        "CREATE TABLE u (id INT64, key STRING DEFAULT GENERATE_UUID(), draw FLOAT64 DEFAULT RAND())"
    )
    warehouse.run("INSERT INTO u (id) SELECT x FROM UNNEST(GENERATE_ARRAY(1, 50)) AS x")
    warehouse.run("INSERT INTO u (id) VALUES (51), (52)")
    assert warehouse.rows("SELECT COUNT(DISTINCT key), COUNT(DISTINCT draw), COUNT(*) FROM u") == [
        [52, 52, 52]
    ]


def test_defaults_fill_omitted_columns_and_the_word_default(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE e (id INT64, n NUMERIC DEFAULT 1.5, s STRING DEFAULT CONCAT('a', 'b'))")
    warehouse.run("INSERT INTO e (id) VALUES (1)")
    warehouse.run("INSERT INTO e (id, n, s) VALUES (2, DEFAULT, 'x')")
    warehouse.run("INSERT INTO e (id) SELECT 3")
    warehouse.run("UPDATE e SET s = DEFAULT WHERE id = 2")
    rows = warehouse.rows("SELECT * FROM e ORDER BY id")
    assert rows == [[i, Decimal("1.5"), "ab"] for i in (1, 2, 3)]


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("INSERT INTO r (id) VALUES (NULL)", "Required field id cannot be null"),
        ("INSERT INTO r (s) VALUES ('abc')", "Required field id cannot be null"),
        (
            "INSERT INTO r (id, s) VALUES (1, 'abcd')",
            "Field s: STRING(3) has maximum length 3 but got a value with length 4",
        ),
        (
            "INSERT INTO r (id, b) VALUES (1, b'abc')",
            "Field b: BYTES(2) has maximum length 2 but got a value with length 3",
        ),
        (
            "INSERT INTO r (id, n) VALUES (1, 100)",
            (
                "Field n: NUMERIC(4, 2) has precision 4 and scale 2 but got a value that is not in"
                " range of [-99.99, 99.99]"
            ),
        ),
        (
            "INSERT INTO r (id, a) VALUES (1, [1, NULL])",
            "Array cannot have a null element; error in writing field a",
        ),
        ("INSERT INTO r (id, st) VALUES (1, STRUCT(NULL))", "Required field st.x cannot be null"),
        ("UPDATE r SET id = NULL WHERE TRUE", "Required field id cannot be null"),
    ],
)
def test_values_that_a_column_may_not_hold(warehouse: Warehouse, sql: str, message: str) -> None:
    warehouse.run(
        "CREATE TABLE r (id INT64 NOT NULL, s STRING(3), b BYTES(2), n NUMERIC(4, 2), a ARRAY<INT64>,"
        " st STRUCT<x INT64 NOT NULL>)"
    )
    warehouse.run("INSERT INTO r (id) VALUES (1)")
    assert warehouse.error(sql) == message
    assert warehouse.rows("SELECT COUNT(*), MIN(id) FROM r") == [[1, 1]]


def test_a_numeric_column_rounds_half_away_from_zero(warehouse: Warehouse) -> None:
    warehouse.run(
        "CREATE TABLE n (a NUMERIC(5, 2), b NUMERIC(5, 2) OPTIONS (rounding_mode='ROUND_HALF_EVEN'))"
    )
    warehouse.run("INSERT INTO n VALUES (-1.255, 1.245)")
    assert warehouse.rows("SELECT * FROM n") == [[Decimal("-1.26"), Decimal("1.24")]]


def test_update_of_columns_and_nested_fields(t: Warehouse) -> None:
    result = t.run("UPDATE t SET s.y.z = 'q', name = CONCAT(name, '!') WHERE id = 1")
    assert result.dml == DmlStats(updated=1)
    assert t.rows("SELECT id, name, s, a FROM t ORDER BY id") == [
        [1, "one!", [10, ["q"]], [1, 2]],
        [2, "two", None, []],
    ]
    assert t.table("t").num_rows == 2


def test_update_of_a_field_of_a_null_struct_fails(t: Warehouse) -> None:
    assert t.error("UPDATE t SET s.x = 1 WHERE id = 2").startswith("Cannot set field of NULL STRUCT<x INT64")


def test_update_from_a_join(t: Warehouse) -> None:
    t.run("CREATE TABLE u AS SELECT 2 AS id, 'zwei' AS v")
    assert t.run("UPDATE t SET name = u.v FROM u WHERE t.id = u.id").dml == DmlStats(updated=1)
    assert t.rows("SELECT name FROM t ORDER BY id") == [["one"], ["zwei"]]


def test_update_that_matches_a_row_twice_changes_nothing(t: Warehouse) -> None:
    t.run("CREATE TABLE u AS SELECT 2 AS id, 'x' AS v UNION ALL SELECT 2, 'y'")
    message = t.error("UPDATE t SET name = u.v FROM u WHERE t.id = u.id")
    assert message == "UPDATE/MERGE must match at most one source row for each target row"
    assert t.rows("SELECT name FROM t ORDER BY id") == [["one"], ["two"]]


def test_update_reads_the_rows_from_before_it(t: Warehouse) -> None:
    t.run("UPDATE t SET id = (SELECT SUM(id) FROM t) + id WHERE TRUE")
    assert t.rows("SELECT id FROM t ORDER BY id") == [[4], [5]]


def test_delete(t: Warehouse) -> None:
    assert t.run("DELETE FROM t WHERE id IN (SELECT MAX(id) FROM t)").dml == DmlStats(deleted=1)
    assert t.rows("SELECT id FROM t") == [[1]]
    assert t.table("t").num_rows == 1
    assert t.run("DELETE t WHERE FALSE").dml == DmlStats()


def test_truncate(t: Warehouse) -> None:
    result = t.run("TRUNCATE TABLE t")
    assert result.statement_type == "TRUNCATE_TABLE"
    assert result.dml == DmlStats(deleted=2)
    assert t.rows("SELECT COUNT(*) FROM t") == [[0]]
    assert t.table("t").num_rows == 0


def test_a_view_takes_no_rows(t: Warehouse) -> None:
    t.run("CREATE VIEW v AS SELECT id FROM t")
    assert "p:d.v is not allowed for this operation because it is currently a VIEW" in t.error(
        "DELETE v WHERE TRUE"
    )


def test_a_change_gives_a_new_version_and_etag_and_no_change_does_not(t: Warehouse) -> None:
    before = t.table("t")
    t.run("DELETE t WHERE id = 99")
    assert t.table("t") == before
    t.run("DELETE t WHERE id = 1")
    after = t.table("t")
    assert after.version > before.version
    assert after.etag != before.etag


def test_bytes_of_dml(t: Warehouse) -> None:
    t.run("CREATE TABLE u (id INT64, v STRING)")
    assert t.run("INSERT INTO u VALUES (1, 'abc')").bytes_processed == 0
    assert t.run("UPDATE u SET v = 'x' WHERE id = 1").bytes_processed == 8 + 2 + 3
    assert t.run("INSERT INTO u SELECT id, 'k' FROM u").bytes_processed == 8
    assert t.run("DELETE u WHERE v = 'k'").bytes_processed == 2 * (8 + 2 + 1)


def test_dml_runs_on_the_engine_and_dry_runs_change_nothing(t: Warehouse) -> None:
    assert t.run("UPDATE t SET id = id WHERE FALSE").route is Route.ENGINE
    for sql in ("INSERT INTO t (id) VALUES (9)", "UPDATE t SET id = 9 WHERE TRUE", "DELETE t WHERE TRUE"):
        result = t.executor.dry_run(sql, t.context(), t.session)
        assert result.dml is None
    assert t.rows("SELECT id FROM t ORDER BY id") == [[1], [2]]


NOT_IN_BIGQUERY = [
    (
        "UPDATE t SET a[OFFSET(0)] = 1 WHERE TRUE",
        "UPDATE ... SET does not support array modification with [] at [1:16]",
    ),
    ("UPDATE t SET (INSERT a VALUES (1)) WHERE TRUE", "Nested DML statements are not supported"),
    ("UPDATE t SET (DELETE a WHERE a = 1) WHERE TRUE", "Nested DML statements are not supported"),
    ("INSERT OR IGNORE t (id) VALUES (1)", "INSERT OR IGNORE is not supported"),
    ("INSERT t (id) VALUES (1) ASSERT_ROWS_MODIFIED 1", "ASSERT_ROWS_MODIFIED is not supported"),
    ("DELETE t WHERE TRUE ASSERT_ROWS_MODIFIED 1", "ASSERT_ROWS_MODIFIED is not supported"),
    ("INSERT t (id) VALUES (1) THEN RETURN *", "THEN RETURN is not supported at [1:26]"),
    ("TRUNCATE TABLE t WHERE id = 1", "TRUNCATE TABLE statement with a WHERE clause is not supported"),
    ("UPDATE t SET id = 1", "UPDATE must have a WHERE clause at [1:1]"),
    ("DELETE t", "DELETE must have a WHERE clause at [1:1]"),
]


@pytest.mark.fidelity("sql:DML on elements of arrays", "exact")
@pytest.mark.parametrize(("sql", "message"), NOT_IN_BIGQUERY, ids=[sql for sql, _ in NOT_IN_BIGQUERY])
def test_forms_that_bigquery_does_not_have(t: Warehouse, sql: str, message: str) -> None:
    assert t.error(sql) == message
    assert t.rows("SELECT COUNT(*) FROM t") == [[2]]
