from __future__ import annotations

import datetime
import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bqsim.errors import BigQueryError
from bqsim.sql.plan import BytesRead
from bqsim.sql.statements.external import defined_tables
from tests.unit.sql.warehouse import Warehouse

pytestmark = [
    pytest.mark.fidelity("statement:CREATE EXTERNAL TABLE, statement:DROP EXTERNAL TABLE", "exact"),
    pytest.mark.fidelity("bytes:external tables", "exact", tests="test_bytes_*"),
]


@pytest.fixture
def files(warehouse: Warehouse) -> Warehouse:
    objects = warehouse.executor.objects
    for old in objects.glob("gs://external/*"):
        objects.delete(old.uri)
    objects.put("gs://external/csv/a.csv", "id,name\n1,x\n2,\n")
    objects.put("gs://external/csv/b.csv", "id,name\n3,z\n")
    objects.put("gs://external/hive/dt=2020-01-01/k=1/x.json", '{"v": 1.5}\n')
    objects.put("gs://external/hive/dt=2020-01-02/k=2/x.json", '{"v": 2}\n')
    return warehouse


CSV = "OPTIONS (format='CSV', uris=['gs://external/csv/*.csv']"


def test_detected_columns(files: Warehouse) -> None:
    result = files.run(f"CREATE EXTERNAL TABLE t {CSV})")
    assert (result.statement_type, result.ddl_operation) == ("CREATE_EXTERNAL_TABLE", "CREATE")
    assert files.rows("SELECT *, _FILE_NAME FROM t ORDER BY id DESC LIMIT 1") == [
        [3, "z", "gs://external/csv/b.csv"]
    ]
    assert files.rows("SELECT COUNT(*), MAX(name) FROM t WHERE id < 3") == [[2, "x"]]


def test_rows_are_those_of_the_files_now(files: Warehouse) -> None:
    files.run(f"CREATE EXTERNAL TABLE t (a INT64, b STRING) {CSV}, skip_leading_rows=1)")
    assert files.rows("SELECT COUNT(*) FROM t") == [[3]]
    files.executor.objects.put("gs://external/csv/c.csv", "id,name\n4,w\n")
    assert files.rows("SELECT b FROM t WHERE a = 4") == [["w"]]


def test_views_joins_and_copies(files: Warehouse) -> None:
    files.run(f"CREATE EXTERNAL TABLE t {CSV})")
    files.run("CREATE VIEW v AS SELECT id FROM d.t")
    assert files.rows("SELECT COUNT(*) FROM v JOIN t USING (id)") == [[3]]
    files.run("CREATE TABLE copy AS SELECT * FROM t")
    assert files.rows("SELECT SUM(id) FROM copy") == [[6]]


def test_hive_partitions(files: Warehouse) -> None:
    options = (
        "OPTIONS (format='JSON', uris=['gs://external/hive/*'],"
        " hive_partition_uri_prefix='gs://external/hive')"
    )
    files.run(f"CREATE EXTERNAL TABLE t WITH PARTITION COLUMNS {options}")
    assert files.rows("SELECT v, dt FROM t WHERE k = 2") == [[2.0, datetime.date(2020, 1, 2)]]
    files.run(
        f"CREATE OR REPLACE EXTERNAL TABLE t (v NUMERIC) WITH PARTITION COLUMNS (dt DATE, k STRING) {options}"
    )
    assert files.rows("SELECT k FROM t ORDER BY dt") == [["1"], ["2"]]


def test_create_and_drop(files: Warehouse) -> None:
    files.run("CREATE TABLE t (a INT64)")
    wrong = "p:d.t is not allowed for this operation because it is currently a TABLE."
    assert files.error("DROP EXTERNAL TABLE t") == wrong
    assert files.error(f"CREATE OR REPLACE EXTERNAL TABLE t {CSV})") == wrong
    files.run(f"CREATE EXTERNAL TABLE e {CSV})")
    assert files.error(f"CREATE EXTERNAL TABLE e {CSV})") == "Already Exists: Table p:d.e"
    assert files.run(f"CREATE EXTERNAL TABLE IF NOT EXISTS e {CSV})").ddl_operation == "SKIP"
    assert files.run("DROP EXTERNAL TABLE e").ddl_operation == "DROP"
    assert files.run("DROP EXTERNAL TABLE IF EXISTS e").ddl_operation == "SKIP"


@pytest.mark.parametrize("sql", ["INSERT t VALUES (1, 'x')", "DELETE FROM t WHERE TRUE", "TRUNCATE TABLE t"])
def test_external_tables_are_not_written(files: Warehouse, sql: str) -> None:
    files.run(f"CREATE EXTERNAL TABLE t {CSV})")
    assert files.error(sql) == "p:d.t is not allowed for this operation because it is currently a EXTERNAL."


def test_what_is_wrong_with_files_is_told_of_the_table(files: Warehouse) -> None:
    files.run(f"CREATE EXTERNAL TABLE t (a INT64, b STRING) {CSV})")
    assert files.error("SELECT * FROM t").startswith("Error while reading table: d.t, error message: ")
    for name in ("a", "b"):
        files.executor.objects.delete(f"gs://external/csv/{name}.csv")
    assert files.error("SELECT * FROM t") == (
        "Error while reading table: d.t, error message: Failed to expand table d.t with file pattern"
        " gs://external/csv/*.csv: matched no files. File: gs://external/csv/*.csv"
    )


ODD = [
    {"sourceUris": 1},
    {"sourceUris": ["gs://bucket/x"], "csvOptions": "x"},
    {"schema": [], "sourceUris": [3]},
    {},
]


@pytest.mark.parametrize("config", ODD, ids=[str(i) for i in range(len(ODD))])
def test_definitions_that_make_no_sense(config: dict[str, object]) -> None:
    with pytest.raises(BigQueryError) as caught:
        defined_tables({"t": config}, "p", "US")
    assert caught.value.reason.name == "invalid"


def test_bytes_are_those_of_the_files_once_they_were_read(files: Warehouse) -> None:
    files.run(f"CREATE EXTERNAL TABLE t {CSV})")
    size = len("id,name\n1,x\n2,\n") + len("id,name\n3,z\n")
    for _ in range(2):
        dry = files.executor.dry_run("SELECT id FROM t", files.context(), files.session)
        assert (dry.read.total, dry.read.accuracy) == (0, "LOWER_BOUND")
        assert files.run("SELECT id FROM t").read.tables == (size,)
    assert files.run("CREATE TABLE u AS SELECT id FROM t").read.tables == (size,)


def _rows() -> pa.Table:
    inner = [{"a": 1, "b": "xyz", "l": [1, 2]}, {"a": None, "b": "", "l": []}, None]
    return pa.table({"id": [1, 2, 3], "name": ["ab", None, "c"], "s": inner})


@pytest.mark.parametrize("file_format", ["PARQUET", "ORC"])
def test_bytes_are_those_of_the_columns_read(warehouse: Warehouse, file_format: str) -> None:
    sink = io.BytesIO()
    if file_format == "ORC":
        from pyarrow import orc

        orc.write_table(_rows(), sink)
    else:
        pq.write_table(_rows(), sink)
    uri = f"gs://external/{file_format}/k=7/x"
    warehouse.executor.objects.put(uri, sink.getvalue())
    warehouse.run(
        "CREATE EXTERNAL TABLE t WITH PARTITION COLUMNS (k INT64)"
        f" OPTIONS (format='{file_format}', uris=['gs://external/{file_format}/*'],"
        f" hive_partition_uri_prefix='gs://external/{file_format}',"
        " enable_list_inference=true)"
    )
    warehouse.run("CREATE VIEW v AS SELECT * FROM d.t")
    for columns, size in (
        ("id", 24),
        ("name", 4 + 3),
        ("id, name", 31),
        ("s.a", 8),
        ("s.b", 5 + 2),
        ("s", 8 + 7 + 16),
        ("k, _FILE_NAME", 0),
        ("COUNT(*)", 0),
        ("MAX(id)", 24),
    ):
        for source in ("t", "v"):
            if source == "v" and "_FILE_NAME" in columns:
                continue
            read = warehouse.run(f"SELECT {columns} FROM {source}").read
            assert read.total == size, (columns, source)
    assert warehouse.executor.dry_run(
        "SELECT id FROM t", warehouse.context(), warehouse.session
    ).read == BytesRead((), None, "LOWER_BOUND")


def test_bytes_of_files_by_rows_are_those_of_the_files(files: Warehouse) -> None:
    files.run(f"CREATE EXTERNAL TABLE t {CSV})")
    size = len("id,name\n1,x\n2,\n" + "id,name\n3,z\n")
    for columns in ("id", "*"):
        assert files.run(f"SELECT {columns} FROM t").read.total == size
