from __future__ import annotations

import datetime
import io
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bqsim.types import TypeKind
from tests.unit.sql.warehouse import Warehouse

pytestmark = pytest.mark.fidelity("statement:LOAD DATA", "exact")
DAY = datetime.date(2024, 5, 6)
MOMENT = datetime.datetime(2024, 5, 6, 19, 8, 9)


@pytest.fixture
def files(warehouse: Warehouse) -> Warehouse:
    put = warehouse.executor.objects.put
    put("gs://bkt/hive/dt=2024-05-06/x.csv", "1\n")
    put("gs://bkt/hive/dt=2024-05-07/x.csv", "2\n")
    put("gs://bkt/one.csv", "1\n")
    put("gs://bkt/two.csv", "2\n")
    put("gs://bkt/list.txt", "gs://bkt/one.csv\n\ngs://bkt/two.csv\n")
    put("gs://bkt/stars.txt", "gs://bkt/*.csv\n")
    return warehouse


def parquet(files: Warehouse, name: str, table: pa.Table) -> None:
    out = io.BytesIO()
    pq.write_table(table, out)
    files.executor.objects.put(f"gs://bkt/{name}", out.getvalue())


# (columns, file, options, rows)
TEXTS: list[tuple[str, str, str, list[list[Any]]]] = [
    ("x DATE", "05/06/2024\n", "date_format='MM/DD/YYYY'", [[DAY]]),
    ("x DATE", "6 May 2024\n", "date_format='DD MON YYYY'", [[DAY]]),
    ("x DATE", "06-May-24\n", "date_format='DD-MONTH-YY'", [[DAY]]),
    ("x DATETIME", "20240506 07:08:09 PM\n", "datetime_format='YYYYMMDD HH12:MI:SS AM'", [[MOMENT]]),
    ("x TIME", "19.08.09\n", "time_format='HH24.MI.SS'", [[MOMENT.time()]]),
    (
        "x TIMESTAMP",
        "06/05/2024 19:08:09.5 +02\n",
        "timestamp_format='DD/MM/YYYY HH24:MI:SS.FF3 TZH'",
        [[MOMENT.replace(hour=17, microsecond=500000, tzinfo=datetime.UTC)]],
    ),
    (
        "x TIMESTAMP",
        "2024-05-06 19:08:09\n2024-05-06 19:08:09Z\n",
        "time_zone='Asia/Tokyo'",
        [
            [MOMENT.replace(hour=10, tzinfo=datetime.UTC)],
            [MOMENT.replace(tzinfo=datetime.UTC)],
        ],
    ),
    (
        "x STRING, y INT64",
        "NA,1\n-,NA\nq,2\n",
        "null_markers=['NA', '-']",
        [[None, None], [None, 1], ["q", 2]],
    ),
    ("x STRING, y INT64", "y,x\n1,a\n", "source_column_match='NAME'", [["a", 1]]),
    ("x STRING, y INT64", "# top\nY\n1\n", "source_column_match='NAME', skip_leading_rows=2", [[None, 1]]),
    ("x STRING", "a\0b\n", "preserve_ascii_control_characters=true", [["a\0b"]]),
    ("x STRING", "a\tb\n", "preserve_ascii_control_characters=false", [["a\tb"]]),
]


@pytest.mark.parametrize(
    ("columns", "text", "options", "rows"), TEXTS, ids=[f"{i}-{t[2][:20]}" for i, t in enumerate(TEXTS)]
)
def test_csv(files: Warehouse, columns: str, text: str, options: str, rows: list[list[Any]]) -> None:
    files.executor.objects.put("gs://bkt/f.csv", text)
    files.run(f"LOAD DATA INTO d.t ({columns}) FROM FILES (format='CSV', uris=['gs://bkt/f.csv'], {options})")
    assert sorted(files.rows("SELECT * FROM t"), key=repr) == sorted(rows, key=repr)


def test_json_with_formats(files: Warehouse) -> None:
    files.executor.objects.put("gs://bkt/f.json", '{"d": "06.05.2024", "n": 1}\n{"n": 2}\n')
    files.run(
        "LOAD DATA INTO d.t (d DATE, n INT64)"
        " FROM FILES (format='JSON', uris=['gs://bkt/f.json'], date_format='DD.MM.YYYY')"
    )
    assert files.rows("SELECT * FROM t ORDER BY n") == [[DAY, 1], [None, 2]]


READING = "Error while reading data, error message: "


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        (
            "2024-05-06\n",
            "date_format='MM/DD/YYYY'",
            READING
            + "Could not parse '2024-05-06' as DATE for field x (position 0) starting at location 0 with"
            ' message \'Failed to parse input string "2024-05-06" with format "MM/DD/YYYY"\''
            " File: gs://bkt/f.csv",
        ),
        (
            "a\0\n",
            "field_delimiter=';'",
            READING + "Error detected while parsing row starting at position: 0."
            " Error: Bad character (ASCII 0) encountered. File: gs://bkt/f.csv",
        ),
        ("x", "date_format='QQ'", "Cannot find matched format element at 0"),
        ("x", "time_zone='Mars/Base'", "Invalid time zone: Mars/Base"),
        (
            "x",
            "null_marker='', null_markers=['q']",
            "Options null_marker and null_markers cannot be specified at the same time",
        ),
        ("x", "source_column_match='SHAPE'", "Invalid value for option 'source_column_match': SHAPE"),
        ("x", "decimal_target_types=['FLOAT64']", "Invalid value for option 'decimal_target_types': FLOAT64"),
        (
            "x",
            "json_extension='GEOJSON'",
            "Option json_extension is only allowed for the format NEWLINE_DELIMITED_JSON",
        ),
        ("x", "column_name_character_map='V9'", "Invalid value for option 'column_name_character_map': V9"),
        ("x", "file_set_spec_type='OTHER'", "Invalid value for option 'file_set_spec_type': OTHER"),
        (
            "x",
            "reference_file_schema_uri='gs://bkt/x'",
            "Option reference_file_schema_uri is only allowed for AVRO, ORC, PARQUET files",
        ),
    ],
    ids=lambda v: None,
)
def test_what_does_not_fit(files: Warehouse, text: str, options: str, message: str) -> None:
    files.executor.objects.put("gs://bkt/f.csv", text)
    sql = f"LOAD DATA INTO d.t (x DATE) FROM FILES (format='CSV', uris=['gs://bkt/f.csv'], {options})"
    assert files.error(sql) == message


def test_manifests(files: Warehouse) -> None:
    load = (
        "LOAD DATA INTO d.t (x INT64) FROM FILES (format='CSV', uris=['gs://bkt/{}'],"
        " file_set_spec_type='NEW_LINE_DELIMITED_MANIFEST')"
    )
    result = files.run(load.format("list.txt"))
    assert result.load is not None and result.load.files == 2
    assert files.rows("SELECT x FROM t ORDER BY x") == [[1], [2]]
    assert (
        files.error(load.format("stars.txt")) == "Wildcards are not allowed in manifest files: gs://bkt/*.csv"
    )
    assert files.error(load.format("none.txt")) == "Not found: URI gs://bkt/none.txt"


def test_require_hive_partition_filter(files: Warehouse) -> None:
    files.run(
        "CREATE EXTERNAL TABLE d.e (x INT64) WITH PARTITION COLUMNS OPTIONS (format='CSV', uris=['gs://bkt/hive/*'],"
        " hive_partition_uri_prefix='gs://bkt/hive', require_hive_partition_filter=true)"
    )
    assert files.error("SELECT x FROM e") == (
        "Cannot query over table 'p.d.e' without a filter over column(s) 'dt' that can be used for partition"
        " elimination"
    )
    assert files.rows("SELECT x FROM e WHERE dt = '2024-05-07'") == [[2]]


def test_decimals_of_parquet(files: Warehouse) -> None:
    values = [Decimal("1.5")]
    parquet(
        files,
        "d.parquet",
        pa.table({"n": pa.array(values, pa.decimal128(38, 12)), "w": pa.array(values, pa.decimal128(10, 2))}),
    )
    load = (
        "LOAD DATA OVERWRITE d.t FROM FILES (format='PARQUET', uris=['gs://bkt/d.parquet'],"
        " decimal_target_types={})"
    )
    kinds = {
        "['NUMERIC', 'STRING']": [TypeKind.STRING, TypeKind.NUMERIC],
        "['STRING']": [TypeKind.STRING, TypeKind.STRING],
        "['BIGNUMERIC']": [TypeKind.BIGNUMERIC, TypeKind.BIGNUMERIC],
        "['NUMERIC', 'BIGNUMERIC']": [TypeKind.BIGNUMERIC, TypeKind.NUMERIC],
    }
    for targets, expected in kinds.items():
        files.run(load.format(targets))
        assert [f.kind for f in files.table("t").fields] == expected
    assert files.rows("SELECT CAST(w AS STRING) FROM t") == [["1.5"]]


def test_column_name_character_maps(files: Warehouse) -> None:
    parquet(files, "n.parquet", pa.table({"1 a&b": [1], "c.d": [2]}))
    load = (
        "LOAD DATA OVERWRITE d.t FROM FILES (format='PARQUET', uris=['gs://bkt/n.parquet'],"
        " column_name_character_map='{}')"
    )
    files.run(load.format("V1"))
    assert files.rows("SELECT _1_a_b, c_d FROM t") == [[1, 2]]
    files.run(load.format("V2"))
    assert files.rows("SELECT `1 a&b`, c_d FROM t") == [[1, 2]]


def test_reference_file(files: Warehouse) -> None:
    parquet(files, "ref-a.parquet", pa.table({"x": [1]}))
    parquet(files, "ref-b.parquet", pa.table({"x": [2], "y": ["q"]}))
    load = (
        "LOAD DATA INTO d.t FROM FILES (format='PARQUET', uris=['gs://bkt/ref-*.parquet'],"
        " reference_file_schema_uri='gs://bkt/{}')"
    )
    files.run(load.format("ref-b.parquet"))
    assert files.rows("SELECT x, y FROM t ORDER BY x") == [[1, None], [2, "q"]]
    assert files.error(load.format("none.parquet")) == "Not found: URI gs://bkt/none.parquet"


def test_geojson(files: Warehouse) -> None:
    files.executor.objects.put(
        "gs://bkt/f.geojson",
        '{"type":"Feature","geometry":{"type":"Point","coordinates":[1,2]},"properties":{"name":"x","n":5}}\n'
        '{"type":"Feature","geometry":null,"properties":{"name":"y"}}\n',
    )
    files.run(
        "LOAD DATA INTO d.t FROM FILES (format='JSON', uris=['gs://bkt/f.geojson'], json_extension='GEOJSON')"
    )
    kinds = {f.name: f.kind for f in files.table("t").fields}
    assert kinds == {"geometry": TypeKind.GEOGRAPHY, "n": TypeKind.INT64, "name": TypeKind.STRING}
    assert files.rows("SELECT name, n, ST_ASTEXT(geometry) FROM t ORDER BY name") == [
        ["x", 5, "POINT(1 2)"],
        ["y", None, None],
    ]


@pytest.mark.parametrize("mode", ["AUTOMATIC", "MANUAL"])
def test_metadata_caches(files: Warehouse, mode: str) -> None:
    sql = (
        "CREATE EXTERNAL TABLE d.e (x INT64) OPTIONS (format='CSV', uris=['gs://bkt/one.csv'],"
        f" max_staleness=INTERVAL 1 HOUR, metadata_cache_mode='{mode}')"
    )
    if mode == "MANUAL":
        assert "The file option metadataCacheMode" in files.error(sql)
        return
    files.run(sql)
    assert files.rows("SELECT x FROM e") == [[1]]
    files.script("CALL BQ.REFRESH_EXTERNAL_METADATA_CACHE('p.d.e')")
    files.run("CREATE TABLE t (x INT64)")
    assert "is currently a TABLE" in files.script_error("CALL BQ.REFRESH_EXTERNAL_METADATA_CACHE('p.d.t')")
