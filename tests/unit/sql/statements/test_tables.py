from __future__ import annotations

import pytest

from bqsim.catalog.refs import DatasetRef, TableRef
from bqsim.catalog.resources import RangePartitioning, TableKind, TimePartitioning
from bqsim.sql.plan import Route
from bqsim.types import Mode, TypeKind
from tests.unit.sql.warehouse import Warehouse

pytestmark = [
    pytest.mark.fidelity(
        "statement:CREATE TABLE",
        "exact",
        tests="test_create_table_describes* test_partition_* test_cluster_* test_options test_like_*",
    ),
    pytest.mark.fidelity(
        "statement:CREATE TABLE AS SELECT", "exact", tests="test_create_table_as_* test_a_failing_query*"
    ),
    pytest.mark.fidelity("statement:CREATE SNAPSHOT TABLE", "exact", tests="test_copies_*"),
    pytest.mark.fidelity("statement:DROP TABLE, statement:DROP SNAPSHOT TABLE", "exact", tests="test_drop_*"),
    pytest.mark.fidelity("fields:Table: constraints", "exact", tests="test_foreign_keys*"),
]


def test_create_table_describes_columns(warehouse: Warehouse) -> None:
    result = warehouse.run(
        "CREATE TABLE t (id INT64 NOT NULL OPTIONS (description='key'), s STRUCT<a "
        "STRING(5), b ARRAY<NUMERIC(10, 2)>, plain INT64>,"
        " d STRING DEFAULT CONCAT('a', 'b'), c STRING COLLATE 'und:ci', r RANGE<DATE>, "
        "PRIMARY KEY (id) NOT ENFORCED)"
    )
    assert (result.statement_type, result.ddl_operation) == ("CREATE_TABLE", "CREATE")
    assert result.ddl_target_table == TableRef("p", "d", "t")
    table = warehouse.table("t")
    assert result.schema == table.fields
    id_, s, d, c, r = table.fields
    assert (id_.mode, id_.description) == (Mode.REQUIRED, "key")
    assert s.fields[0].max_length == 5
    assert (s.fields[1].mode, s.fields[1].precision, s.fields[1].scale) == (Mode.REPEATED, 10, 2)
    assert d.default == "CONCAT('a', 'b')"
    assert c.collation == "und:ci"
    assert r.range_element is TypeKind.DATE
    assert table.primary_key == ("id",)
    assert table.num_rows == 0


@pytest.mark.parametrize(
    ("clause", "expected"),
    [
        ("dt", TimePartitioning("DAY", "dt")),
        ("DATE_TRUNC(dt, MONTH)", TimePartitioning("MONTH", "dt")),
        ("DATE(ts)", TimePartitioning("DAY", "ts")),
        ("TIMESTAMP_TRUNC(ts, HOUR)", TimePartitioning("HOUR", "ts")),
        ("DATETIME_TRUNC(x, YEAR)", TimePartitioning("YEAR", "x")),
        ("_PARTITIONDATE", TimePartitioning("DAY")),
        ("TIMESTAMP_TRUNC(_PARTITIONTIME, HOUR)", TimePartitioning("HOUR")),
        ("RANGE_BUCKET(n, GENERATE_ARRAY(0, 100, 10))", RangePartitioning("n", 0, 100, 10)),
        ("RANGE_BUCKET(n, GENERATE_ARRAY(-5, 5))", RangePartitioning("n", -5, 5, 1)),
    ],
)
def test_partition_by(warehouse: Warehouse, clause: str, expected: object) -> None:
    warehouse.run(
        f"CREATE TABLE t (n INT64, dt DATE, ts TIMESTAMP, x DATETIME) PARTITION BY {clause} CLUSTER BY n, dt"
    )
    table = warehouse.table("t")
    assert (table.time_partitioning or table.range_partitioning) == expected
    assert table.clustering == ("n", "dt")


@pytest.mark.parametrize("clause", ["ts", "n", "DATE_TRUNC(dt, WEEK)", "MOD(n, 3)"])
def test_partition_by_something_else_is_refused(warehouse: Warehouse, clause: str) -> None:
    message = warehouse.error(f"CREATE TABLE t (n INT64, dt DATE, ts TIMESTAMP) PARTITION BY {clause}")
    assert message.startswith(
        "PARTITION BY expression must be _PARTITIONDATE, DATE(_PARTITIONTIME), DATE(<timestamp_column>)"
    )


@pytest.mark.parametrize("clause", ["b", "_PARTITIONDATE", "DATE(_PARTITIONTIME)"])
def test_rows_of_a_query_have_no_ingestion_time(warehouse: Warehouse, clause: str) -> None:
    message = warehouse.error(f"CREATE TABLE t PARTITION BY {clause} AS SELECT TRUE AS b")
    assert message.startswith("PARTITION BY expression must be DATE(<timestamp_column>)")


@pytest.mark.parametrize(
    ("ranges", "message"),
    [
        ("0, 10001, 1", "Range partitioning has 10001 partitions, the maximum is 10000."),
        ("10, 10, 1", "Range partitioning end (10) must be greater than its start (10)."),
        ("0, 10, 0", "Range partitioning interval must be positive, but is 0."),
    ],
)
def test_ranges(warehouse: Warehouse, ranges: str, message: str) -> None:
    clause = f"RANGE_BUCKET(n, GENERATE_ARRAY({ranges}))"
    assert warehouse.error(f"CREATE TABLE t (n INT64) PARTITION BY {clause}") == message


def test_cluster_by_checks_number_and_types(warehouse: Warehouse) -> None:
    assert "at most 4 columns" in warehouse.error(
        "CREATE TABLE t (a INT64, b INT64, c INT64, d INT64, e INT64) CLUSTER BY a, b, c, d, e"
    )
    message = warehouse.error("CREATE TABLE t (a ARRAY<INT64>) CLUSTER BY a")
    assert message == "CLUSTER BY expression has type ARRAY, which is not supported for clustering."


def test_options(warehouse: Warehouse) -> None:
    warehouse.run(
        "CREATE TABLE t (dt DATE) PARTITION BY dt OPTIONS (description='text', "
        "labels=[('a', '1'), ('b', '')],"
        " partition_expiration_days=1.5, require_partition_filter=TRUE,"
        " expiration_timestamp=TIMESTAMP '2999-01-01 00:00:00 UTC', friendly_name=CONCAT('a', 'b'))"
    )
    table = warehouse.table("t")
    assert table.description == "text"
    assert dict(table.labels) == {"a": "1", "b": ""}
    assert table.time_partitioning == TimePartitioning("DAY", "dt", 129_600_000)
    assert table.require_partition_filter
    assert table.expiration_ms == 32_472_144_000_000
    assert table.friendly_name == "ab"
    assert warehouse.error("CREATE TABLE u (a INT64) OPTIONS (nonsense=1)") == "Unknown option: nonsense"


def test_create_modes(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE t (a INT64)")
    assert warehouse.error("CREATE TABLE t (b INT64)") == "Already Exists: Table p:d.t"
    assert warehouse.run("CREATE TABLE IF NOT EXISTS t (b INT64)").ddl_operation == "SKIP"
    assert warehouse.table("t").fields[0].name == "a"
    assert warehouse.run("CREATE OR REPLACE TABLE t (b INT64)").ddl_operation == "REPLACE"
    assert warehouse.table("t").fields[0].name == "b"
    warehouse.run("CREATE VIEW v AS SELECT 1 AS x")
    assert "currently a VIEW" in warehouse.error("CREATE OR REPLACE TABLE v (b INT64)")


def test_create_in_an_unknown_dataset(warehouse: Warehouse) -> None:
    assert (
        warehouse.error("CREATE TABLE nope.t (a INT64)")
        == "Not found: Dataset p:nope was not found in location US"
    )


def test_create_table_as_select(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE s AS SELECT 1 AS id, 'abc' AS v UNION ALL SELECT 2, 'd'")
    result = warehouse.run(
        "CREATE TABLE t PARTITION BY RANGE_BUCKET(id, GENERATE_ARRAY(0, 9)) AS SELECT id, v FROM s"
    )
    assert (result.statement_type, result.ddl_operation) == ("CREATE_TABLE_AS_SELECT", "CREATE")
    assert [f.name for f in result.schema] == ["id", "v"]
    assert result.bytes_processed == 16 + 2 * 2 + 4
    assert result.tables == (TableRef("p", "d", "s"),)
    assert warehouse.table("t").num_rows == 2
    assert warehouse.rows("SELECT * FROM t ORDER BY id") == [[1, "abc"], [2, "d"]]


def test_create_or_replace_table_from_itself(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE t AS SELECT 1 AS id")
    warehouse.run("CREATE OR REPLACE TABLE t AS SELECT id + 1 AS id FROM t")
    assert warehouse.rows("SELECT id FROM t") == [[2]]


def test_a_failing_query_creates_nothing(warehouse: Warehouse) -> None:
    assert "division by zero" in warehouse.error(
        "CREATE TABLE t AS SELECT 1 / x AS y FROM UNNEST([1, 0]) AS x"
    )
    assert warehouse.catalog.find_table(TableRef("p", "d", "t")) is None


def test_create_table_as_select_on_the_exact_route(warehouse: Warehouse) -> None:
    result = warehouse.run("CREATE TABLE t AS SELECT NET.HOST('http://a.b/c') AS h")
    assert result.route in (Route.REFERENCE, Route.ENGINE)
    assert warehouse.rows("SELECT h FROM t") == [["a.b"]]


def test_like_takes_schema_and_layout(warehouse: Warehouse) -> None:
    warehouse.run(
        "CREATE TABLE s (dt DATE, n INT64 NOT NULL) PARTITION BY dt CLUSTER BY n OPTIONS (description='x')"
    )
    warehouse.run("INSERT INTO s VALUES ('2020-01-01', 1)")
    warehouse.run("CREATE TABLE t LIKE s OPTIONS (friendly_name='f')")
    table, source = warehouse.table("t"), warehouse.table("s")
    assert table.fields == source.fields
    assert (table.time_partitioning, table.clustering) == (source.time_partitioning, source.clustering)
    assert (table.description, table.friendly_name, table.num_rows) == ("x", "f", 0)


@pytest.mark.parametrize(
    ("create", "kind"),
    [
        ("CREATE TABLE c COPY s", TableKind.TABLE),
        ("CREATE TABLE c CLONE s", TableKind.TABLE),
        ("CREATE SNAPSHOT TABLE c CLONE s", TableKind.SNAPSHOT),
    ],
)
def test_copies_have_rows_of_their_own(warehouse: Warehouse, create: str, kind: TableKind) -> None:
    warehouse.run("CREATE TABLE s AS SELECT 1 AS id")
    warehouse.run(create)
    warehouse.run("DELETE s WHERE TRUE")
    copy = warehouse.table("c")
    assert (copy.kind, copy.num_rows) == (kind, 1)
    assert warehouse.rows("SELECT id FROM c") == [[1]]
    assert (copy.base_table is None) == ("COPY" in create)
    if kind is TableKind.SNAPSHOT:
        assert "currently a SNAPSHOT" in warehouse.error("INSERT INTO c VALUES (1)")


def test_dry_run_creates_nothing(warehouse: Warehouse) -> None:
    result = warehouse.executor.dry_run(
        "CREATE TABLE t AS SELECT 1 AS a", warehouse.context(), warehouse.session
    )
    assert (result.ddl_operation, [f.name for f in result.schema]) == ("CREATE", ["a"])
    assert warehouse.catalog.find_table(TableRef("p", "d", "t")) is None


def test_drop_table(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE t (a INT64)")
    result = warehouse.run("DROP TABLE t")
    assert (result.statement_type, result.ddl_operation) == ("DROP_TABLE", "DROP")
    assert result.ddl_target_table == TableRef("p", "d", "t")
    assert warehouse.error("DROP TABLE t") == "Not found: Table p:d.t"
    assert warehouse.run("DROP TABLE IF EXISTS t").ddl_operation == "SKIP"
    assert "Not found: Dataset p:nope" in warehouse.error("DROP TABLE nope.t")


def test_drop_checks_the_kind(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE t (a INT64)")
    warehouse.run("CREATE VIEW v AS SELECT a FROM t")
    assert "currently a VIEW" in warehouse.error("DROP TABLE v")
    assert "currently a TABLE" in warehouse.error("DROP VIEW t")
    warehouse.run("CREATE SNAPSHOT TABLE n CLONE t")
    assert warehouse.run("DROP SNAPSHOT TABLE n").statement_type == "DROP_SNAPSHOT_TABLE"


def test_foreign_keys_are_kept(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE a (id INT64, PRIMARY KEY (id) NOT ENFORCED)")
    warehouse.run("CREATE TABLE b (x INT64, CONSTRAINT k FOREIGN KEY (x) REFERENCES a(id) NOT ENFORCED)")
    assert warehouse.table("b").metadata["tableConstraints"]["foreignKeys"] == [
        {
            "name": "k",
            "referencedTable": {"projectId": "p", "datasetId": "d", "tableId": "a"},
            "columnReferences": [{"referencingColumn": "x", "referencedColumn": "id"}],
        }
    ]


def test_temporary_tables_live_in_the_temp_dataset(warehouse: Warehouse) -> None:
    temp = DatasetRef("p", "_tmp1")
    warehouse.run("CREATE TEMP TABLE t AS SELECT 1 AS a", temp_dataset=temp)
    assert warehouse.rows("SELECT a FROM t", temp_dataset=temp) == [[1]]
    assert warehouse.rows("SELECT a FROM _SESSION.t", temp_dataset=temp) == [[1]]
    assert warehouse.catalog.find_table(temp.table("t")) is not None
    warehouse.run("DROP TABLE t", temp_dataset=temp)
    assert warehouse.catalog.find_table(temp.table("t")) is None
    assert "requires a script or session" in warehouse.error("CREATE TEMP TABLE t (a INT64)")


def test_dataset_defaults(warehouse: Warehouse) -> None:
    warehouse.run("CREATE SCHEMA e DEFAULT COLLATE 'und:ci' OPTIONS (default_table_expiration_days=1)")
    warehouse.run("CREATE TABLE e.t (s STRING, n INT64)")
    table = warehouse.catalog.table(TableRef("p", "e", "t"))
    assert table.expiration_ms == table.created_ms + 86_400_000
    assert [f.collation for f in table.fields] == ["und:ci", None]
    warehouse.run("DROP SCHEMA e CASCADE")
