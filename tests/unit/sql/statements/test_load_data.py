from __future__ import annotations

import datetime
import io
from decimal import Decimal
from typing import Any

import pytest

from bqsim.catalog.refs import DatasetRef
from bqsim.types import Mode
from tests.unit.sql.warehouse import Warehouse

pytestmark = pytest.mark.fidelity("statement:LOAD DATA", "exact")


@pytest.fixture
def files(warehouse: Warehouse) -> Warehouse:
    objects = warehouse.executor.objects
    objects.put("gs://bucket/csv/a.csv", "id,name\n1,x\n2,\n")
    objects.put("gs://bucket/csv/b.csv", "id,name\n3,z\n")
    objects.put("gs://bucket/hive/dt=2020-01-01/k=1/x.json", '{"v": 1.5}\n')
    objects.put("gs://bucket/hive/dt=2020-01-02/k=2/x.json", '{"v": 2}\n')
    return warehouse


def test_new_table_of_detected_columns(files: Warehouse) -> None:
    result = files.run("LOAD DATA INTO d.t FROM FILES (format='CSV', uris=['gs://bucket/csv/*.csv'])")
    assert result.statement_type == "LOAD_DATA"
    assert result.load is not None and (result.load.files, result.load.rows) == (2, 3)
    assert files.rows("SELECT * FROM t ORDER BY id") == [[1, "x"], [2, None], [3, "z"]]


def test_append_and_overwrite(files: Warehouse) -> None:
    files.run("CREATE TABLE t (name STRING, id INT64, more STRING DEFAULT 'q')")
    files.executor.objects.put("gs://bucket/j.json", '{"ID": 5, "name": "n"}\n')
    files.run("LOAD DATA INTO d.t FROM FILES (format='JSON', uris=['gs://bucket/j.json'])")
    assert files.rows("SELECT * FROM t") == [["n", 5, "q"]]
    files.run(
        "LOAD DATA OVERWRITE d.t (a INT64 NOT NULL, b STRING) CLUSTER BY a OPTIONS (description='new')"
        " FROM FILES (format='CSV', uris=['gs://bucket/csv/b.csv'], skip_leading_rows=1)"
    )
    table = files.table("t")
    assert (table.description, table.clustering, table.fields[0].mode) == ("new", ("a",), Mode.REQUIRED)
    assert files.rows("SELECT * FROM t") == [[3, "z"]]


def test_columns_that_the_table_lacks(files: Warehouse) -> None:
    files.run("CREATE TABLE t (id INT64)")
    files.executor.objects.put("gs://bucket/j.json", '{"id": 5, "odd": "n"}\n')
    assert files.error("LOAD DATA INTO d.t FROM FILES (format='JSON', uris=['gs://bucket/j.json'])") == (
        "Provided Schema does not match Table p:d.t. Cannot add fields (field: odd)"
    )


PARTITIONS = [
    (
        "",
        "WITH PARTITION COLUMNS",
        [[1.5, datetime.date(2020, 1, 1), 1], [2.0, datetime.date(2020, 1, 2), 2]],
    ),
    (
        "PARTITION BY dt",
        "WITH PARTITION COLUMNS (dt DATE, k STRING)",
        [[1.5, datetime.date(2020, 1, 1), "1"], [2.0, datetime.date(2020, 1, 2), "2"]],
    ),
]


@pytest.mark.parametrize(("clauses", "columns", "rows"), PARTITIONS, ids=["detected", "listed"])
def test_hive_partitions(files: Warehouse, clauses: str, columns: str, rows: list[Any]) -> None:
    files.run(
        f"LOAD DATA INTO d.t {clauses} FROM FILES (format='JSON', uris=['gs://bucket/hive/*'],"
        f" hive_partition_uri_prefix='gs://bucket/hive') {columns}"
    )
    assert files.rows("SELECT v, dt, k FROM t ORDER BY v") == rows
    assert (files.table("t").time_partitioning is not None) == bool(clauses)


def test_temporary_table(files: Warehouse) -> None:
    ctx = files.context(temp_dataset=DatasetRef("p", "_script"))
    sql = "LOAD DATA INTO TEMP TABLE x FROM FILES (format='CSV', uris=['gs://bucket/csv/*']);"
    assert files.script_rows(f"{sql} SELECT COUNT(*) FROM x", ctx) == [[3]]


ROUND = """SELECT 1 AS i, 'x' AS s, NUMERIC '1.25' AS n, DATE '2020-01-02' AS d, TIME '01:02:03' AS t,
DATETIME '2020-01-02 03:04:05' AS dt, TIMESTAMP '2020-01-02 03:04:05+00' AS ts, b'ab' AS y, [1, 2] AS arr,
[STRUCT(1 AS x)] AS st, STRUCT('q' AS z) AS one, JSON '{"a":1}' AS j
UNION ALL SELECT 2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, [], [], NULL, NULL"""


@pytest.mark.parametrize("compression", ["NONE", "SNAPPY", "DEFLATE"])
def test_avro_comes_back(warehouse: Warehouse, compression: str) -> None:
    warehouse.run(
        f"EXPORT DATA OPTIONS (uri='gs://bucket/avro/*', format='AVRO', compression='{compression}',"
        f" use_avro_logical_types=true, overwrite=true) AS {ROUND}"
    )
    warehouse.run(
        "LOAD DATA INTO d.t FROM FILES"
        " (format='AVRO', uris=['gs://bucket/avro/*'], enable_logical_types=true)"
    )
    warehouse.run(f"CREATE TABLE same AS {ROUND}")
    same = warehouse.rows("SELECT * FROM same ORDER BY i")
    assert warehouse.rows("SELECT * FROM t ORDER BY i") == same
    # Again, into the table that is there.
    warehouse.run(
        "LOAD DATA INTO d.t FROM FILES"
        " (format='AVRO', uris=['gs://bucket/avro/*'], enable_logical_types=true)"
    )
    assert warehouse.rows("SELECT COUNT(*) FROM t") == [[4]]


def test_avro_without_logical_types(warehouse: Warehouse) -> None:
    warehouse.run(
        "EXPORT DATA OPTIONS (uri='gs://bucket/avro/*', format='AVRO', use_avro_logical_types=true,"
        " overwrite=true) AS SELECT DATE '1970-01-03' AS d, TIMESTAMP '1970-01-01 00:00:01+00' AS ts"
    )
    warehouse.run("LOAD DATA INTO d.t FROM FILES (format='AVRO', uris=['gs://bucket/avro/*'])")
    assert warehouse.rows("SELECT d, ts FROM t") == [[2, 1_000_000]]


def test_orc(warehouse: Warehouse) -> None:
    import pyarrow as pa
    from pyarrow import orc

    maps = pa.array([[("k", 1)], None], pa.map_(pa.string(), pa.int64()))
    stamps = pa.array([datetime.datetime(2020, 1, 1), None], pa.timestamp("us"))
    decimals = pa.array([Decimal("1.5"), None], pa.decimal128(10, 2))
    table = pa.table({"a": [1, None], "l": [[1], [2, 3]], "m": maps, "t": stamps, "n": decimals})
    sink = io.BytesIO()
    orc.write_table(table, sink)
    warehouse.executor.objects.put("gs://bucket/o.orc", sink.getvalue())
    warehouse.run("LOAD DATA INTO d.t FROM FILES (format='ORC', uris=['gs://bucket/o.orc'])")
    at = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    assert warehouse.rows("SELECT * FROM t") == [
        [1, [1], [["k", 1]], at, Decimal("1.5")],
        [None, [2, 3], [], None, None],
    ]


READING = "Error while reading data, error message: "
BAD = [
    ("d.x", "format='CSV', uris=['gs://bucket/none.csv']", "Not found: URI gs://bucket/none.csv"),
    ("d.x", "format='CSV'", "Option 'uris' is required for LOAD DATA statement"),
    ("d.x", "uris=['gs://bucket/csv/b.csv']", "Option 'format' is required for LOAD DATA statement"),
    ("d.x", "format='XML', uris=['gs://bucket/x']", "Invalid value for option 'format': XML"),
    ("d.x", "format='CSV', uris=['gs://bucket/csv/*'], foo=1", "Unknown option: foo"),
    (
        "d.x (a INT64, b STRING)",
        "format='CSV', uris=['gs://bucket/csv/b.csv']",
        f"{READING}Could not parse 'id' as INT64 for field a (position 0) starting at location 0 with message"
        " 'Unable to parse' File: gs://bucket/csv/b.csv",
    ),
    (
        "d.x (a INT64)",
        "format='CSV', uris=['gs://bucket/csv/*.csv']",
        f"{READING}CSV table encountered too many errors, giving up. Rows: 5; errors: 5."
        " Please look into the errors[] collection for more details.",
    ),
    (
        "d.x",
        "format='AVRO', uris=['gs://bucket/csv/b.csv']",
        f"{READING}The Apache Avro library failed to parse the header with the following error:"
        " Not an avro data file",
    ),
    (
        "d.x",
        "format='ORC', uris=['gs://bucket/csv/b.csv']",
        f"{READING}Failed to read the ORC file: the file is invalid.",
    ),
    (
        "none.x",
        "format='CSV', uris=['gs://bucket/*']",
        "Not found: Dataset p:none was not found in location US",
    ),
    (
        "d.x",
        "format='CSV', uris=['gs://bucket/*'], hive_partition_uri_prefix='gs://bucket'",
        "Option hive_partition_uri_prefix requires the clause WITH PARTITION COLUMNS",
    ),
]


@pytest.mark.parametrize(("target", "options", "message"), BAD, ids=[str(i) for i in range(len(BAD))])
def test_bad(files: Warehouse, target: str, options: str, message: str) -> None:
    assert files.error(f"LOAD DATA INTO {target} FROM FILES ({options})") == message
    assert files.rows("SELECT COUNT(*) FROM d.INFORMATION_SCHEMA.TABLES") == [[0]]


def test_bad_records_up_to_a_number(files: Warehouse) -> None:
    result = files.run(
        "LOAD DATA INTO d.t (a INT64, b STRING) FROM FILES (format='CSV', uris=['gs://bucket/csv/b.csv'],"
        " max_bad_records=1)"
    )
    assert files.rows("SELECT * FROM t") == [[3, "z"]]
    assert result.load is not None and (result.load.rows, result.load.bad_records) == (1, 1)
