from __future__ import annotations

import gzip
import io

import pytest

from tests.unit.sql.warehouse import Warehouse

pytestmark = pytest.mark.fidelity("statement:EXPORT DATA", "exact")

VALUES = """SELECT 1 AS id, 'a"b,c' AS s, '' AS e, CAST(NULL AS STRING) AS n, 1.5 AS f, NUMERIC '1.25' AS num,
TRUE AS b, b'ab' AS raw, DATE '2020-01-02' AS d, TIME '01:02:03' AS t, DATETIME '2020-01-02 03:04:05' AS dt,
TIMESTAMP '2020-01-02 03:04:05.123+00' AS ts, JSON '{"a":[1,"<"]}' AS j"""
NESTED = "SELECT 1 AS id, [1, 2] AS arr, STRUCT('x' AS a, [DATE '2020-01-01'] AS b) AS st, 'p&q' AS s"


def _export(warehouse: Warehouse, query: str, options: str, name: str = "x") -> bytes:
    objects = warehouse.executor.objects
    warehouse.run(f"EXPORT DATA OPTIONS (uri='gs://bucket/{name}/*', overwrite=true, {options}) AS {query}")
    return objects.read(f"gs://bucket/{name}/000000000000")


def test_csv(warehouse: Warehouse) -> None:
    assert _export(warehouse, VALUES, "format='CSV'").decode() == (
        "id,s,e,n,f,num,b,raw,d,t,dt,ts,j\n"
        '1,"a""b,c","",,1.5,1.25,true,YWI=,2020-01-02,01:02:03,2020-01-02T03:04:05,'
        '2020-01-02 03:04:05.123 UTC,"{""a"":[1,""<""]}"\n'
    )


CSV = [
    ("SELECT 1 AS a, 'x|y' AS b", "field_delimiter='|'", 'a|b\n1|"x|y"\n'),
    ("SELECT 1 AS a, 'x' AS b", "field_delimiter='tab', header=false", "1\tx\n"),
    ("SELECT 1 AS a FROM UNNEST([1]) WHERE FALSE", "header=true", "a\n"),
    ("SELECT a FROM UNNEST([3, 1, 2]) AS a ORDER BY a DESC", "header=false", "3\n2\n1\n"),
    ("SELECT 'line\\nbreak' AS a", "header=false", '"line\nbreak"\n'),
]


@pytest.mark.parametrize(("query", "options", "text"), CSV, ids=[str(i) for i in range(len(CSV))])
def test_csv_options(warehouse: Warehouse, query: str, options: str, text: str) -> None:
    assert _export(warehouse, query, f"format='CSV', {options}").decode() == text


def test_json(warehouse: Warehouse) -> None:
    data = _export(warehouse, f"{NESTED} UNION ALL SELECT 2, [], NULL, NULL ORDER BY id", "format='JSON'")
    assert data.decode() == (
        '{"id":"1","arr":["1","2"],"st":{"a":"x","b":["2020-01-01"]},"s":"p\\u0026q"}\n{"id":"2","arr":[]}\n'
    )


def test_gzip(warehouse: Warehouse) -> None:
    options = "format='JSON', compression='GZIP'"
    data = _export(warehouse, "SELECT 1 AS a", options)
    assert gzip.decompress(data) == b'{"a":"1"}\n'
    assert _export(warehouse, "SELECT 1 AS a", options) == data


@pytest.mark.parametrize("logical", [False, True])
@pytest.mark.parametrize("compression", ["NONE", "DEFLATE"])
def test_avro(warehouse: Warehouse, logical: bool, compression: str) -> None:
    import datetime

    import fastavro

    options = f"format='AVRO', compression='{compression}', use_avro_logical_types={logical}"
    reader = fastavro.reader(io.BytesIO(_export(warehouse, f"SELECT * FROM ({VALUES}), ({NESTED})", options)))
    row = next(iter(reader))
    assert isinstance(row, dict)
    assert row["d"] == (datetime.date(2020, 1, 2) if logical else "2020-01-02")
    assert row["dt"] == "2020-01-02T03:04:05"
    assert row["ts"] == datetime.datetime(2020, 1, 2, 3, 4, 5, 123000, tzinfo=datetime.UTC)
    assert (row["arr"], str(row["num"])) == ([1, 2], "1.250000000")


def test_parquet(warehouse: Warehouse) -> None:
    import pyarrow.parquet as pq

    data = _export(warehouse, f"SELECT * FROM ({VALUES}), ({NESTED})", "format='PARQUET', compression='ZSTD'")
    file = pq.ParquetFile(io.BytesIO(data))
    (row,) = file.read().to_pylist()
    assert (row["arr"], row["st"]["a"], row["raw"], row["j"]) == ([1, 2], "x", b"ab", '{"a":[1,"<"]}')
    assert file.metadata.row_group(0).column(0).compression == "ZSTD"


def test_statistics(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE t AS SELECT 1 AS a UNION ALL SELECT 2")
    result = warehouse.run("EXPORT DATA OPTIONS (uri='gs://bucket/s/*', format='CSV') AS SELECT a FROM d.t")
    assert result.statement_type == "EXPORT_DATA" and result.bytes_processed == 16
    assert result.export is not None and (result.export.files, result.export.rows) == (1, 2)


def test_overwrite_takes_the_other_files_away(warehouse: Warehouse) -> None:
    objects = warehouse.executor.objects
    objects.put("gs://bucket/o/000000000007", b"old")
    sql = "EXPORT DATA OPTIONS (uri='gs://bucket/o/*', format='CSV'{}) AS SELECT 1 AS a"
    assert "already exist" in warehouse.error(sql.format(""))
    warehouse.run(sql.format(", overwrite=true"))
    assert [o.name for o in objects.glob("gs://bucket/o/*")] == ["o/000000000000"]


BAD = [
    ("format='CSV'", "Option 'uri' is required for EXPORT DATA statement"),
    ("uri='gs://bucket/b/*'", "Option 'format' is required for EXPORT DATA statement"),
    (
        "uri='gs://bucket/b/x.csv', format='CSV'",
        "Option 'uri' value must be a wild card URI with exactly one '*': gs://bucket/b/x.csv",
    ),
    ("uri='bucket/b/*', format='CSV'", "Invalid value for option 'uri': bucket/b/*"),
    ("uri='gs://bucket/b/*', format='XML'", "Invalid value for option 'format': XML"),
    ("uri='gs://bucket/b/*', format='CSV', colour='red'", "Unknown option: colour"),
    (
        "uri='gs://bucket/b/*', format='CSV', overwrite='yes'",
        "Option overwrite value has type STRING which cannot be coerced to expected type BOOL",
    ),
    (
        "uri='gs://bucket/b/*', format='AVRO', compression='GZIP'",
        "Compression type GZIP is not supported for export format AVRO",
    ),
    ("uri='gs://bucket/b/*', format='AVRO', header=true", "Option 'header' is only supported for CSV format"),
    ("uri='s3://bucket/b/*', format='CSV'", "EXPORT DATA to s3 is not supported by bqsim"),
    ("uri='x', format='CLOUD_BIGTABLE'", "EXPORT DATA with format CLOUD_BIGTABLE is not supported by bqsim"),
]


@pytest.mark.parametrize(("options", "message"), BAD, ids=[str(i) for i in range(len(BAD))])
def test_bad_options(warehouse: Warehouse, options: str, message: str) -> None:
    assert warehouse.error(f"EXPORT DATA OPTIONS ({options}) AS SELECT 1 AS a") == message


def test_csv_has_no_nested_fields(warehouse: Warehouse) -> None:
    sql = "EXPORT DATA OPTIONS (uri='gs://bucket/n/*', format='CSV') AS "
    assert warehouse.error(f"{sql} SELECT STRUCT(1 AS x) AS totals") == (
        "Operation cannot be performed on a nested schema. Field: totals"
    )
    assert warehouse.error(f"{sql} SELECT [1] AS a").endswith("nested schema. Field: a")
