from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from bqsim.sql.information_schema import views
from bqsim.sql.information_schema.view import Form, nothing
from tests.unit.sql.warehouse import Warehouse

# What differs in the views whose names begin so.
DIFFERS = {
    "JOBS_TIMELINE": "Slot time is spread evenly over a job's run, where jobs share no capacity.",
    "STREAMING_TIMELINE": "Bytes are those of the rows as stored.",
    "WRITE_API_TIMELINE": "Bytes are those of the rows as stored.",
    "TABLE_STORAGE": "Physical bytes are logical ones: nothing is compressed. Deleted tables are not shown.",
}


def claim(case: Mapping[str, Any]) -> tuple[str, str, str]:
    """What the manifest says of a view."""
    name = case["name"]
    if views()[name].items is nothing:
        return f"view:{name}", "approximated", "It is always empty: nothing here makes its rows."
    note = next((note for prefix, note in DIFFERS.items() if name.startswith(prefix)), "")
    return f"view:{name}", "approximated" if note else "exact", note


pytestmark = [
    pytest.mark.fidelity(of=claim, tests="test_every_view_is_readable"),
    pytest.mark.fidelity("view:__TABLES__", "exact", tests="test_meta_tables"),
]


@pytest.fixture
def w(warehouse: Warehouse) -> Warehouse:
    warehouse.run(
        "CREATE TABLE t (id INT64 NOT NULL OPTIONS (description='key'), s STRUCT<a STRING, b ARRAY<INT64>>,"
        " dt DATE, x STRING(9) DEFAULT 'q', PRIMARY KEY (id) NOT ENFORCED) PARTITION BY dt CLUSTER BY id, x"
        " OPTIONS (description='a table', labels=[('k', 'v')])"
    )
    warehouse.run("INSERT INTO t (id, dt) VALUES (1, '2026-05-20'), (2, '2026-05-20'), (3, NULL)")
    warehouse.run("CREATE VIEW v AS SELECT id FROM p.d.t")
    return warehouse


def view(w: Warehouse, name: str, columns: str = "*", where: str = "TRUE") -> list[list[object]]:
    return w.rows(f"SELECT {columns} FROM d.INFORMATION_SCHEMA.{name} WHERE {where}")


def qualifiers(name: str) -> list[str]:
    """What may stand before INFORMATION_SCHEMA, and a dot."""
    form = views()[name].form
    found = {Form.DATASET: "d.", Form.REGION: "`region-us`.", Form.PROJECT: "p."}
    return [text for one, text in found.items() if one in form]


@pytest.mark.parametrize("name", sorted(views()))
def test_every_view_is_readable(w: Warehouse, name: str) -> None:
    rows = []
    for qualifier in qualifiers(name):
        result = w.run(f"SELECT * FROM {qualifier}INFORMATION_SCHEMA.{name}")
        rows.append(result.rows.num_rows)
        assert [f.name for f in result.schema] == [f.name for f in views()[name].fields]
    assert result.bytes_processed == 10 * 1024 * 1024
    assert result.plan is not None
    assert not result.plan.deterministic


def test_tables(w: Warehouse) -> None:
    rows = view(w, "TABLES", "table_name, table_type, is_insertable_into, is_typed, ddl")
    assert [r[:4] for r in sorted(rows)] == [["t", "BASE TABLE", "YES", "NO"], ["v", "VIEW", "NO", "NO"]]
    ddl = {r[0]: r[4] for r in rows}
    assert ddl["v"] == "CREATE VIEW `p.d.v`\nAS SELECT id FROM p.d.t;"
    assert ddl["t"] == (
        "CREATE TABLE `p.d.t`\n(\n"
        '  id INT64 NOT NULL OPTIONS(description="key"),\n'
        "  s STRUCT<a STRING, b ARRAY<INT64>>,\n"
        "  dt DATE,\n"
        "  x STRING(9) DEFAULT 'q',\n"
        "  PRIMARY KEY (id) NOT ENFORCED\n)\n"
        "PARTITION BY dt\nCLUSTER BY id, x\n"
        'OPTIONS(\n  description="a table",\n  labels=[STRUCT("k", "v")]\n);'
    )


def test_the_ddl_of_a_table_makes_it_again(w: Warehouse) -> None:
    ddl = view(w, "TABLES", "ddl", "table_name = 't'")[0][0]
    before = w.table("t")
    w.run("DROP TABLE t")
    w.run(str(ddl))
    after = w.table("t")
    assert (after.fields, after.clustering, after.time_partitioning) == (
        before.fields,
        before.clustering,
        before.time_partitioning,
    )
    assert (after.description, after.labels, after.primary_key) == ("a table", {"k": "v"}, ("id",))


def test_columns(w: Warehouse) -> None:
    rows = view(
        w,
        "COLUMNS",
        "column_name, ordinal_position, is_nullable, data_type, is_partitioning_column, "
        "clustering_ordinal_position,"
        " column_default",
        "table_name = 't' ORDER BY 2",
    )
    assert rows == [
        ["id", 1, "NO", "INT64", "NO", 1, "NULL"],
        ["s", 2, "YES", "STRUCT<a STRING, b ARRAY<INT64>>", "NO", None, "NULL"],
        ["dt", 3, "YES", "DATE", "YES", None, "NULL"],
        ["x", 4, "YES", "STRING(9)", "NO", 2, "'q'"],
    ]


def test_field_paths(w: Warehouse) -> None:
    rows = view(
        w, "COLUMN_FIELD_PATHS", "field_path, data_type", "table_name = 't' AND column_name = 's' ORDER BY 1"
    )
    assert rows == [["s", "STRUCT<a STRING, b ARRAY<INT64>>"], ["s.a", "STRING"], ["s.b", "ARRAY<INT64>"]]


def test_options_views_and_constraints(w: Warehouse) -> None:
    assert view(w, "TABLE_OPTIONS", "option_name, option_type, option_value", "TRUE ORDER BY 1") == [
        ["description", "STRING", '"a table"'],
        ["labels", "ARRAY<STRUCT<STRING, STRING>>", '[STRUCT("k", "v")]'],
    ]
    assert view(w, "VIEWS", "table_name, view_definition, use_standard_sql") == [
        ["v", "SELECT id FROM p.d.t", "YES"]
    ]
    assert view(w, "TABLE_CONSTRAINTS", "constraint_name, constraint_type") == [["t.pk$", "PRIMARY KEY"]]
    assert view(w, "KEY_COLUMN_USAGE", "column_name, ordinal_position") == [["id", 1]]


def test_partitions(w: Warehouse) -> None:
    rows = view(
        w,
        "PARTITIONS",
        "partition_id, total_rows, total_logical_bytes, storage_tier",
        "table_name = 't' ORDER BY 1",
    )
    assert rows == [["20260520", 2, 2 * (8 + 8 + 3), "ACTIVE"], ["__NULL__", 1, 8 + 3, "ACTIVE"]]
    w.run("CREATE TABLE n (x INT64) PARTITION BY RANGE_BUCKET(x, GENERATE_ARRAY(0, 100, 10))")
    w.run("INSERT INTO n VALUES (5), (9), (15), (500), (NULL)")
    rows = view(w, "PARTITIONS", "partition_id, total_rows", "table_name = 'n' ORDER BY 1")
    assert rows == [["0", 2], ["10", 1], ["__NULL__", 1], ["__UNPARTITIONED__", 1]]


def test_routines_and_parameters(w: Warehouse) -> None:
    w.run("CREATE FUNCTION f(x INT64, y ARRAY<STRING>) RETURNS STRING AS (y[SAFE_OFFSET(x)])")
    rows = view(w, "ROUTINES", "routine_name, routine_type, data_type, routine_definition")
    assert rows == [["f", "FUNCTION", "STRING", "y[SAFE_OFFSET(x)]"]]
    rows = view(w, "PARAMETERS", "ordinal_position, is_result, parameter_name, data_type", "TRUE ORDER BY 1")
    assert rows == [[0, "YES", None, "STRING"], [1, "NO", "x", "INT64"], [2, "NO", "y", "ARRAY<STRING>"]]


@pytest.mark.parametrize(
    "table",
    [
        "`p.d.INFORMATION_SCHEMA.TABLES`",
        "p.d.INFORMATION_SCHEMA.TABLES",
        "`d`.INFORMATION_SCHEMA.TABLES",
        "INFORMATION_SCHEMA.TABLES",
        "`region-us`.INFORMATION_SCHEMA.TABLES",
        "`p`.`region-us`.INFORMATION_SCHEMA.TABLES",
        "p.INFORMATION_SCHEMA.TABLES",
        "p.d.information_schema.TABLES",
        "`p.region-US.INFORMATION_SCHEMA.TABLES`",
    ],
)
def test_qualifiers(w: Warehouse, table: str) -> None:
    assert w.rows(f"SELECT table_name FROM {table} WHERE table_schema = 'd' ORDER BY 1") == [["t"], ["v"]]


def test_schemata_of_the_region(w: Warehouse) -> None:
    rows = w.rows(
        "SELECT schema_name, location, ddl FROM `region-us`.INFORMATION_SCHEMA.SCHEMATA "
        "WHERE schema_name = 'd'"
    )
    assert [r[:2] for r in rows] == [["d", "US"]]
    w.run("CREATE SCHEMA _hidden")
    assert w.rows("SELECT schema_name FROM INFORMATION_SCHEMA.SCHEMATA WHERE schema_name LIKE '\\\\_%'") == []


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (
            "d.INFORMATION_SCHEMA.JOBS",
            "Not found: Table p:d.INFORMATION_SCHEMA.JOBS was not found in location US",
        ),
        (
            "INFORMATION_SCHEMA.JOBS",
            'Table "INFORMATION_SCHEMA.JOBS" must be qualified with a dataset (e.g. dataset.table).',
        ),
        (
            "p.INFORMATION_SCHEMA.PARTITIONS",
            'Table "p.INFORMATION_SCHEMA.PARTITIONS" must be qualified with a dataset (e.g. dataset.table).',
        ),
        (
            "`region-us`.INFORMATION_SCHEMA.PARTITIONS",
            "Not found: Table p:region-us.INFORMATION_SCHEMA.PARTITIONS was not found in location US",
        ),
        (
            "d.INFORMATION_SCHEMA.tables",
            "Not found: Table p:d.INFORMATION_SCHEMA.tables was not found in location US",
        ),
        (
            "d.INFORMATION_SCHEMA.NOPE",
            "Not found: Table p:d.INFORMATION_SCHEMA.NOPE was not found in location US",
        ),
        ("nope.INFORMATION_SCHEMA.TABLES", "Not found: Dataset p:nope was not found in location US"),
        (
            "`region-eu`.INFORMATION_SCHEMA.TABLES",
            "Not found: Table p:region-eu.INFORMATION_SCHEMA.TABLES was not found in location US",
        ),
    ],
)
def test_what_is_not_there(w: Warehouse, table: str, message: str) -> None:
    assert w.error(f"SELECT * FROM {table}") == message


def test_meta_tables(w: Warehouse) -> None:
    rows = w.rows("SELECT table_id, row_count, size_bytes, type FROM d.__TABLES__ ORDER BY 1")
    assert rows == [["t", 3, 3 * (8 + 3) + 2 * 8, 1], ["v", 0, 0, 2]]
    assert w.rows("SELECT COUNT(*) FROM `p.d.__TABLES_SUMMARY__`") == [[2]]


def test_joins_with_stored_tables_and_itself(w: Warehouse) -> None:
    sql = (
        "SELECT c.column_name FROM d.INFORMATION_SCHEMA.COLUMNS c JOIN "
        "d.INFORMATION_SCHEMA.TABLES t USING (table_name)"
        " JOIN t AS r ON r.id = c.ordinal_position WHERE t.table_type = 'BASE TABLE' ORDER BY 1"
    )
    assert w.rows(sql) == [["dt"], ["id"], ["s"]]


def test_rows_are_of_the_moment(w: Warehouse) -> None:
    sql = "SELECT COUNT(*) FROM d.INFORMATION_SCHEMA.TABLES"
    assert w.rows(sql) == [[2]]
    w.run("DROP VIEW v")
    assert w.rows(sql) == [[1]]


def test_indexes(w: Warehouse) -> None:
    w.run("CREATE SEARCH INDEX i ON t (s, x) OPTIONS (analyzer = 'NO_OP_ANALYZER')")
    rows = view(w, "SEARCH_INDEXES", "index_name, index_status, coverage_percentage, analyzer")
    assert rows == [["i", "ACTIVE", 100, "NO_OP_ANALYZER"]]
    rows = view(w, "SEARCH_INDEX_COLUMNS", "index_column_name, index_field_path", "TRUE ORDER BY 2")
    assert rows == [["s", "s.a"], ["x", "x"]]
    rows = view(w, "SEARCH_INDEX_OPTIONS", "option_name, option_type, option_value")
    assert rows == [["analyzer", "STRING", "NO_OP_ANALYZER"]]
    assert view(w, "VECTOR_INDEXES") == []


def test_privileges(w: Warehouse) -> None:
    w.run("GRANT `roles/bigquery.dataViewer` ON TABLE t TO 'user:a@example.com'")
    rows = w.rows(
        "SELECT object_schema, object_name, object_type, privilege_type, grantee"
        " FROM `region-us`.INFORMATION_SCHEMA.OBJECT_PRIVILEGES WHERE object_name = 't'"
    )
    assert rows == [["d", "t", "TABLE", "roles/bigquery.dataViewer", "user:a@example.com"]]


def test_storage(w: Warehouse) -> None:
    rows = w.rows(
        "SELECT table_name, total_rows, total_partitions, total_logical_bytes, active_logical_bytes,"
        " long_term_logical_bytes, deleted, table_type"
        " FROM `region-us`.INFORMATION_SCHEMA.TABLE_STORAGE WHERE table_schema = 'd' AND NOT deleted"
    )
    size = 3 * (8 + 3) + 2 * 8
    assert rows == [["t", 3, 2, size, size, 0, False, "BASE TABLE"]]
    rows = w.rows(
        "SELECT table_name, total_logical_bytes FROM `region-us`.INFORMATION_SCHEMA.TABLE_STORAGE"
        " WHERE NOT deleted"
    )
    assert rows == [["t", size]]


def test_columns_of_a_table_partitioned_by_ingestion_time(w: Warehouse) -> None:
    w.run("CREATE TABLE g (x INT64) PARTITION BY _PARTITIONDATE")
    rows = view(
        w,
        "COLUMNS",
        "column_name, ordinal_position, is_hidden, is_system_defined, is_partitioning_column",
        "table_name = 'g' ORDER BY ordinal_position NULLS LAST, column_name",
    )
    assert rows == [
        ["x", 1, "NO", "NO", "NO"],
        ["_PARTITIONDATE", None, "YES", "YES", "NO"],
        ["_PARTITIONTIME", None, "YES", "YES", "YES"],
    ]


def test_views_cannot_be_written(w: Warehouse) -> None:
    assert w.error("DELETE FROM d.INFORMATION_SCHEMA.TABLES WHERE TRUE")
