from __future__ import annotations

from decimal import Decimal

import pytest

from bqsim.catalog.refs import TableRef
from bqsim.types import Mode, TypeKind
from tests.unit.sql.warehouse import Warehouse

pytestmark = [
    pytest.mark.fidelity("statement:ALTER VIEW", "exact", tests="test_missing_tables_and_views"),
    pytest.mark.fidelity("statement:ALTER TABLE", "exact"),
    pytest.mark.fidelity("fields:Table: constraints", "exact", tests="test_primary_*"),
]


@pytest.fixture
def t(warehouse: Warehouse) -> Warehouse:
    warehouse.run("CREATE TABLE t (id INT64 NOT NULL, name STRING(5), n NUMERIC(5, 2), s STRUCT<a INT64>)")
    warehouse.run("INSERT INTO t VALUES (1, 'x', 1.5, STRUCT(7))")
    return warehouse


def test_add_column(t: Warehouse) -> None:
    result = t.run(
        "ALTER TABLE t ADD COLUMN b ARRAY<INT64>, ADD COLUMN IF NOT EXISTS id INT64, ADD COLUMN c DATE"
    )
    assert (result.statement_type, result.ddl_operation) == ("ALTER_TABLE", "ALTER")
    assert [f.name for f in t.table("t").fields] == ["id", "name", "n", "s", "b", "c"]
    assert t.rows("SELECT b, c FROM t") == [[[], None]]
    assert t.error("ALTER TABLE t ADD COLUMN b INT64").startswith("Column already exists: b")
    assert "Cannot add required columns" in t.error("ALTER TABLE t ADD COLUMN r INT64 NOT NULL")


def test_drop_and_add_again_gives_an_empty_column(t: Warehouse) -> None:
    t.run("ALTER TABLE t DROP COLUMN name")
    t.run("ALTER TABLE t ADD COLUMN name STRING")
    assert t.rows("SELECT * FROM t") == [[1, Decimal("1.5"), [7], None]]
    assert t.run("ALTER TABLE t DROP COLUMN IF EXISTS nope").ddl_operation == "ALTER"


@pytest.mark.parametrize(
    ("create", "message"),
    [
        ("(a INT64, b DATE) PARTITION BY b", "Column b is a partitioning column and cannot be dropped"),
        ("(a INT64, b DATE) CLUSTER BY b", "Column b is a clustering column and cannot be dropped"),
        ("(a INT64, b DATE, PRIMARY KEY (b) NOT ENFORCED)", "Column b is part of the primary key"),
        ("(b DATE)", "Table must have at least one column"),
    ],
)
def test_columns_that_may_not_be_dropped(warehouse: Warehouse, create: str, message: str) -> None:
    warehouse.run(f"CREATE TABLE u {create}")
    assert warehouse.error("ALTER TABLE u DROP COLUMN b").startswith(message)


def test_rename_column_and_table(t: Warehouse) -> None:
    t.run("ALTER TABLE t RENAME COLUMN name TO title")
    t.run("ALTER TABLE t RENAME TO t2")
    assert t.rows("SELECT title FROM t2") == [["x"]]
    assert t.catalog.find_table(TableRef("p", "d", "t")) is None
    t.run("CREATE TABLE t3 (a INT64)")
    assert t.error("ALTER TABLE t2 RENAME TO t3") == "Already Exists: Table p:d.t3"


def test_set_options(t: Warehouse) -> None:
    t.run("ALTER TABLE t SET OPTIONS (description='d', labels=[('k', 'v')])")
    t.run("ALTER TABLE t SET OPTIONS (description=NULL)")
    table = t.table("t")
    assert (table.description, dict(table.labels)) == (None, {"k": "v"})
    t.run("ALTER TABLE t ALTER COLUMN name SET OPTIONS (description='c')")
    assert t.table("t").fields[1].description == "c"


def test_default_and_not_null(t: Warehouse) -> None:
    t.run("ALTER TABLE t ALTER COLUMN name SET DEFAULT 'dflt'")
    t.run("INSERT INTO t (id) VALUES (2)")
    assert t.rows("SELECT name FROM t WHERE id = 2") == [["dflt"]]
    t.run("ALTER TABLE t ALTER COLUMN name DROP DEFAULT")
    t.run("ALTER TABLE t ALTER COLUMN id DROP NOT NULL")
    assert t.table("t").fields[0].mode is Mode.NULLABLE
    t.run("INSERT INTO t (n) VALUES (3)")
    assert t.rows("SELECT id, name FROM t WHERE n = 3") == [[None, None]]


def test_data_types_widen(t: Warehouse) -> None:
    t.run("ALTER TABLE t ALTER COLUMN id SET DATA TYPE NUMERIC")
    t.run("ALTER TABLE t ALTER COLUMN name SET DATA TYPE STRING(10)")
    t.run("ALTER TABLE t ALTER COLUMN n SET DATA TYPE FLOAT64")
    t.run("ALTER TABLE t ALTER COLUMN s SET DATA TYPE STRUCT<a FLOAT64>")
    fields = t.table("t").fields
    assert [f.kind for f in fields[:3]] == [TypeKind.NUMERIC, TypeKind.STRING, TypeKind.FLOAT64]
    assert (fields[0].mode, fields[1].max_length) == (Mode.REQUIRED, 10)
    assert t.rows("SELECT * FROM t") == [[Decimal(1), "x", 1.5, [7.0]]]
    assert t.table("t").num_rows == 1


@pytest.mark.parametrize(
    ("column", "type_"),
    [
        ("id", "STRING"),
        ("name", "STRING(2)"),
        ("n", "INT64"),
        ("n", "NUMERIC(4, 2)"),
        ("s", "STRUCT<b INT64>"),
    ],
)
def test_other_changes_of_type_are_refused(t: Warehouse, column: str, type_: str) -> None:
    message = t.error(f"ALTER TABLE t ALTER COLUMN {column} SET DATA TYPE {type_}")
    assert message.startswith("ALTER TABLE ALTER COLUMN SET DATA TYPE requires that the existing column type")


def test_primary_and_foreign_keys(t: Warehouse) -> None:
    t.run("ALTER TABLE t ADD PRIMARY KEY (id) NOT ENFORCED")
    assert t.table("t").primary_key == ("id",)
    t.run("CREATE TABLE c (x INT64)")
    t.run("ALTER TABLE c ADD CONSTRAINT fk FOREIGN KEY (x) REFERENCES t(id) NOT ENFORCED")
    assert t.table("c").metadata["tableConstraints"]["foreignKeys"][0]["name"] == "fk"
    t.run("ALTER TABLE c DROP CONSTRAINT fk")
    assert "tableConstraints" not in t.table("c").metadata
    t.run("ALTER TABLE t DROP PRIMARY KEY")
    assert t.table("t").primary_key == ()
    t.run("ALTER TABLE t DROP PRIMARY KEY IF EXISTS")


def test_missing_tables_and_views(t: Warehouse) -> None:
    assert t.run("ALTER TABLE IF EXISTS nope SET OPTIONS (description='x')").ddl_operation == "SKIP"
    assert t.error("ALTER TABLE nope SET OPTIONS (description='x')").startswith("Not found: Table p:d.nope")
    t.run("CREATE VIEW v AS SELECT 1 AS a")
    t.run("ALTER VIEW v SET OPTIONS (description='view')")
    assert t.table("v").description == "view"
    assert "currently a VIEW" in t.error("ALTER TABLE v SET OPTIONS (description='x')")


def test_old_versions_stay_readable_after_a_column_was_added(t: Warehouse) -> None:
    before = t.executor.clock.now_us()
    t.run("ALTER TABLE t ADD COLUMN z INT64")
    t.run("UPDATE t SET z = 1 WHERE TRUE")
    sql = f"SELECT id, z FROM t FOR SYSTEM_TIME AS OF TIMESTAMP_MICROS({before})"
    assert t.rows(sql) == [[1, None]]
