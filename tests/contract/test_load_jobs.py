"""Load jobs through Google's own client: every way in, and every kind of destination."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.orc as orc
import pyarrow.parquet as pq
import pytest
from google.api_core import exceptions
from google.cloud import bigquery
from google.cloud.bigquery import LoadJobConfig, SchemaField, SourceFormat

from bqsim.settings import Settings
from bqsim.simulator import Simulator

pytestmark = [
    pytest.mark.fidelity("job:load", "exact"),
    pytest.mark.fidelity("load:gs:// URIs", "exact", tests="test_uris* test_manifests*"),
    pytest.mark.fidelity("load:uploads", "exact", tests="test_files* test_rows_of_json test_resumable*"),
    pytest.mark.fidelity("load:AVRO", "exact", tests="test_avro*"),
    pytest.mark.fidelity("load:ORC", "exact", tests="test_orc*"),
    pytest.mark.fidelity("load:partition decorators", "exact", tests="test_*partition*"),
    pytest.mark.fidelity("load:hive partitioning", "exact", tests="test_hive*"),
    pytest.mark.fidelity("load:sessions", "exact", tests="test_sessions*"),
    pytest.mark.fidelity("load:dispositions", "exact", tests="test_nested* test_truncating*"),
    pytest.mark.fidelity("job:destination tables", "exact", tests="test_queries*"),
    pytest.mark.fidelity("statement:LOAD DATA", "exact", tests="test_load_data*"),
]

WAIT = 60
IDS = [SchemaField("id", "INTEGER"), SchemaField("name", "STRING")]


@pytest.fixture(scope="module")
def sim() -> Iterator[Simulator]:
    with Simulator(Settings(project="p")) as started:
        yield started


@pytest.fixture(scope="module")
def client(sim: Simulator) -> Iterator[bigquery.Client]:
    with sim.client() as made:
        made.create_dataset("d")
        yield made


def rows(client: bigquery.Client, sql: str) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in client.query(sql).result(timeout=WAIT)]


def parquet(**columns: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


def failure(job: Any) -> str:
    with pytest.raises(exceptions.GoogleAPICallError) as caught:
        job.result(timeout=WAIT, retry=None)
    return str(caught.value.message)


def test_files_are_loaded(client: bigquery.Client) -> None:
    config = LoadJobConfig(schema=IDS, skip_leading_rows=1, source_format=SourceFormat.CSV)
    job = client.load_table_from_file(io.BytesIO(b"id,name\n1,a\n2,b\n"), "p.d.file", job_config=config)
    job.result(timeout=WAIT)
    assert (job.output_rows, job.input_files, job.input_file_bytes) == (2, 1, 16)
    assert (job.output_bytes, job.state, job.errors) == (22, "DONE", None)
    assert rows(client, "SELECT * FROM d.file ORDER BY id") == [(1, "a"), (2, "b")]


def test_rows_of_json(client: bigquery.Client) -> None:
    given = [{"id": 1, "tags": ["x"], "r": {"a": 1.5}}, {"id": 2, "tags": [], "r": None}]
    client.load_table_from_json(given, "p.d.json").result(timeout=WAIT)
    assert rows(client, "SELECT id, tags, r.a FROM d.json ORDER BY id") == [(1, ["x"], 1.5), (2, [], None)]


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning", "ignore::FutureWarning")
def test_dataframes(client: bigquery.Client) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"id": [1, 2], "name": ["a", None]})
    client.load_table_from_dataframe(frame, "p.d.frame").result(timeout=WAIT)
    assert rows(client, "SELECT * FROM d.frame ORDER BY id") == [(1, "a"), (2, None)]


def test_resumable_uploads(client: bigquery.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("google.cloud.bigquery.client._MAX_MULTIPART_SIZE", 100)
    monkeypatch.setattr("google.cloud.bigquery.client._DEFAULT_CHUNKSIZE", 256 * 1024)
    lines = b"".join(b"%d,name %d\n" % (i, i) for i in range(40_000))
    config = LoadJobConfig(schema=IDS)
    job = client.load_table_from_file(io.BytesIO(lines), "p.d.resumed", size=len(lines), job_config=config)
    job.result(timeout=WAIT)
    assert (job.output_rows, job.input_file_bytes) == (40_000, len(lines))
    assert rows(client, "SELECT SUM(id), COUNT(DISTINCT name) FROM d.resumed") == [(799_980_000, 40_000)]


def test_uris(sim: Simulator, client: bigquery.Client) -> None:
    sim.objects.put("gs://in-box/a/1.csv", "1,a\n")
    sim.objects.put("gs://in-box/a/2.csv.gz", gzip.compress(b"2,b\n", mtime=0))
    sim.objects.put("gs://in-box/other.csv", "3,c\n")
    config = LoadJobConfig(schema=IDS)
    uris = ["gs://in-box/a/*", "gs://in-box/other.csv"]
    job = client.load_table_from_uri(uris, "p.d.uris", job_config=config)
    job.result(timeout=WAIT)
    assert (job.output_rows, job.input_files) == (3, 3)
    assert rows(client, "SELECT STRING_AGG(name ORDER BY id) FROM d.uris") == [("a,b,c",)]
    job = client.load_table_from_uri("gs://in-box/missing", "p.d.uris", job_config=config)
    assert "Not found: URI gs://in-box/missing" in failure(job)


def test_a_large_parquet_file(sim: Simulator, client: bigquery.Client) -> None:
    count = 50_000
    sink = io.BytesIO()
    texts = [f"{i:040}" for i in range(count)]
    pq.write_table(
        pa.table({"id": range(count), "text": texts}), sink, use_dictionary=False, compression="none"
    )
    sim.objects.put("gs://in-box/large.parquet", sink.getvalue())
    config = LoadJobConfig(source_format=SourceFormat.PARQUET)
    for times in (1, 2):
        job = client.load_table_from_uri("gs://in-box/large.parquet", "p.d.large", job_config=config)
        job.result(timeout=WAIT)
        assert (job.output_rows, job.output_bytes) == (count, count * 50)
        assert client.get_table("d.large").num_bytes == times * count * 50
    assert rows(client, "SELECT SUM(id), COUNT(DISTINCT text) FROM d.large") == [
        (count * (count - 1), count),
    ]


def test_uris_of_bad_files(sim: Simulator, client: bigquery.Client) -> None:
    uri = "gs://in-box/bad.csv"
    sim.objects.put(uri, "1,a\nx,b\n")
    job = client.load_table_from_uri(uri, "p.d.bad", job_config=LoadJobConfig(schema=IDS, max_bad_records=1))
    job.result(timeout=WAIT)
    assert [e["location"] for e in job.errors] == [uri]
    assert job.errors[0]["message"].endswith(f"with message 'Unable to parse' File: {uri}")
    assert job._properties["statistics"]["load"]["badRecords"] == "1"
    job = client.load_table_from_uri(uri, "p.d.bad", job_config=LoadJobConfig(schema=IDS))
    assert "CSV table encountered too many errors, giving up. Rows: 2; errors: 1." in failure(job)
    assert job.error_result["location"] == uri
    assert rows(client, "SELECT COUNT(*) FROM d.bad") == [(1,)]


def test_manifests_name_files(sim: Simulator, client: bigquery.Client) -> None:
    sim.objects.put("gs://in-box/m/1.csv", "1,a\n")
    sim.objects.put("gs://in-box/m/list", "gs://in-box/m/1.csv\n\n")
    config = LoadJobConfig(schema=IDS)
    config._properties["load"]["fileSetSpecType"] = "FILE_SET_SPEC_TYPE_NEW_LINE_DELIMITED_MANIFEST"
    job = client.load_table_from_uri("gs://in-box/m/list", "p.d.manifest", job_config=config)
    assert job.result(timeout=WAIT).output_rows == 1


def test_avro_with_logical_types(sim: Simulator, client: bigquery.Client) -> None:
    client.query(
        "EXPORT DATA OPTIONS (uri='gs://in-box/avro/*', format='AVRO', use_avro_logical_types=true)"
        " AS SELECT 1 AS id, DATE '2026-01-02' AS day, TIMESTAMP '2026-01-02 03:04:05' AS moment"
    ).result(timeout=WAIT)
    config = LoadJobConfig(source_format=SourceFormat.AVRO, use_avro_logical_types=True)
    client.load_table_from_uri("gs://in-box/avro/*", "p.d.avro", job_config=config).result(timeout=WAIT)
    assert [f.field_type for f in client.get_table("d.avro").schema] == ["INTEGER", "DATE", "TIMESTAMP"]
    assert rows(client, "SELECT CAST(day AS STRING) FROM d.avro") == [("2026-01-02",)]


def test_orc_files(sim: Simulator, client: bigquery.Client) -> None:
    sink = io.BytesIO()
    orc.write_table(pa.table({"id": [1, 2], "tags": [["a"], []]}), sink)
    sim.objects.put("gs://in-box/x.orc", sink.getvalue())
    config = LoadJobConfig(source_format=SourceFormat.ORC)
    client.load_table_from_uri("gs://in-box/x.orc", "p.d.orc", job_config=config).result(timeout=WAIT)
    assert rows(client, "SELECT id, ARRAY_LENGTH(tags) FROM d.orc ORDER BY id") == [(1, 1), (2, 0)]


@pytest.mark.parametrize("mode", ["AUTO", "STRINGS", "CUSTOM"])
def test_hive_partitioning(sim: Simulator, client: bigquery.Client, mode: str) -> None:
    for day in (1, 2):
        name = f"gs://in-box/hive/dt=2026-01-0{day}/k=x%20y/a.parquet"
        sim.objects.put(name, parquet(id=[day]))
    config = LoadJobConfig(source_format=SourceFormat.PARQUET)
    hive = bigquery.HivePartitioningOptions()
    hive.mode = mode
    hive.source_uri_prefix = "gs://in-box/hive" + ("/{dt:DATE}/{k:STRING}" if mode == "CUSTOM" else "")
    config.hive_partitioning = hive
    table = f"p.d.hive_{mode}"
    client.load_table_from_uri("gs://in-box/hive/*", table, job_config=config).result(timeout=WAIT)
    kinds = [(f.name, f.field_type) for f in client.get_table(table).schema]
    assert kinds == [("id", "INTEGER"), ("dt", "STRING" if mode == "STRINGS" else "DATE"), ("k", "STRING")]
    found = rows(client, f"SELECT id, CAST(dt AS STRING), k FROM {table} ORDER BY id")
    assert found == [(1, "2026-01-01", "x y"), (2, "2026-01-02", "x y")]


def _load(client: bigquery.Client, data: bytes, table: str, **options: Any) -> Any:
    return client.load_table_from_file(io.BytesIO(data), table, job_config=LoadJobConfig(**options))


def test_one_partition_is_replaced(client: bigquery.Client) -> None:
    client.query("CREATE TABLE d.days (day DATE, n INT64) PARTITION BY day").result(timeout=WAIT)
    _load(client, b"2026-01-01,1\n2026-01-02,2\n", "p.d.days").result(timeout=WAIT)
    truncate = {"write_disposition": "WRITE_TRUNCATE"}
    _load(client, b"2026-01-02,7\n", "p.d.days$20260102", **truncate).result(timeout=WAIT)
    assert rows(client, "SELECT n FROM d.days ORDER BY n") == [(1,), (7,)]
    assert client.get_table("d.days").num_rows == 2
    message = failure(_load(client, b"2026-01-03,9\n", "p.d.days$20260102", **truncate))
    assert message.startswith(
        "Some rows belong to different partitions rather than destination partition 20260102;"
    )
    assert rows(client, "SELECT n FROM d.days ORDER BY n") == [(1,), (7,)]


def test_partitions_of_arrival(client: bigquery.Client) -> None:
    config = {"schema": [SchemaField("n", "INTEGER")], "time_partitioning": bigquery.TimePartitioning()}
    for day, n in (("20200101", b"1\n"), ("20200102", b"2\n"), ("20200101", b"3\n")):
        _load(client, n, f"p.d.arrived${day}", **config).result(timeout=WAIT)
    sql = "SELECT n, CAST(DATE(_PARTITIONTIME) AS STRING) FROM d.arrived ORDER BY n"
    assert rows(client, sql) == [(1, "2020-01-01"), (2, "2020-01-02"), (3, "2020-01-01")]
    _load(client, b"4\n", "p.d.arrived$20200101", write_disposition="WRITE_TRUNCATE", **config).result(
        timeout=WAIT
    )
    assert rows(client, sql) == [(2, "2020-01-02"), (4, "2020-01-01")]


@pytest.mark.parametrize(("unit", "id_"), [("HOUR", "2020010203"), ("MONTH", "202001"), ("YEAR", "2020")])
def test_partitions_of_other_units(client: bigquery.Client, unit: str, id_: str) -> None:
    config = {
        "schema": [SchemaField("n", "INTEGER")],
        "time_partitioning": bigquery.TimePartitioning(type_=unit),
    }
    _load(client, b"1\n", f"p.d.arrived_{unit}${id_}", **config).result(timeout=WAIT)
    pattern = {"HOUR": "%Y%m%d%H", "MONTH": "%Y%m", "YEAR": "%Y"}[unit]
    sql = f"SELECT FORMAT_TIMESTAMP('{pattern}', _PARTITIONTIME) FROM d.arrived_{unit}"
    assert rows(client, sql) == [(id_,)]


def test_queries_write_to_one_partition(client: bigquery.Client) -> None:
    client.query(
        "CREATE TABLE d.ranges (n INT64) PARTITION BY RANGE_BUCKET(n, GENERATE_ARRAY(0, 30, 10))"
    ).result()
    for write, n in (("WRITE_APPEND", 11), ("WRITE_APPEND", 21), ("WRITE_TRUNCATE", 12)):
        config = bigquery.QueryJobConfig(destination=f"p.d.ranges${n // 10 * 10}", write_disposition=write)
        client.query(f"SELECT {n} AS n", job_config=config).result(timeout=WAIT)
    assert rows(client, "SELECT n FROM d.ranges ORDER BY n") == [(12,), (21,)]
    config = bigquery.QueryJobConfig(destination="p.d.ranges$10", write_disposition="WRITE_APPEND")
    assert "rather than destination partition 10" in failure(client.query("SELECT 5 AS n", job_config=config))


def test_nested_fields_are_added(client: bigquery.Client) -> None:
    sql = "CREATE TABLE d.nested AS SELECT 1 AS id, [STRUCT('x' AS a, STRUCT(1 AS b) AS s)] AS r"
    client.query(sql).result(timeout=WAIT)
    row = {"id": 2, "r": [{"a": "y", "s": {"b": 2, "c": True}, "tags": ["t"]}], "more": "m"}
    config = {
        "source_format": SourceFormat.NEWLINE_DELIMITED_JSON,
        "autodetect": True,
        "schema_update_options": ["ALLOW_FIELD_ADDITION"],
    }
    _load(client, json.dumps(row).encode(), "p.d.nested", **config).result(timeout=WAIT)
    sql = "SELECT id, e.a, e.s.b, e.s.c, ARRAY_LENGTH(e.tags), more FROM d.nested, UNNEST(r) AS e ORDER BY id"
    assert rows(client, sql) == [(1, "x", 1, None, 0, None), (2, "y", 2, True, 1, "m")]
    found = client.get_table("d.nested").schema[1]
    assert [f.name for f in found.fields] == ["a", "s", "tags"]
    assert [f.name for f in found.fields[1].fields] == ["b", "c"]


def test_truncating_data_keeps_the_schema(client: bigquery.Client) -> None:
    client.query("CREATE TABLE d.kept (id INT64 NOT NULL OPTIONS (description='x'), name STRING)").result()
    _load(client, b"1,a\n", "p.d.kept").result(timeout=WAIT)
    _load(client, b"2,b\n", "p.d.kept", write_disposition="WRITE_TRUNCATE_DATA").result(timeout=WAIT)
    assert rows(client, "SELECT * FROM d.kept") == [(2, "b")]
    assert client.get_table("d.kept").schema[0].description == "x"


def test_sessions_have_temporary_tables(client: bigquery.Client) -> None:
    config = LoadJobConfig(schema=IDS, create_session=True)
    job = client.load_table_from_file(io.BytesIO(b"1,a\n"), "p._SESSION.temp", job_config=config)
    job.result(timeout=WAIT)
    properties = [bigquery.ConnectionProperty("session_id", job.session_info.session_id)]
    config = LoadJobConfig(schema=IDS, connection_properties=properties)
    client.load_table_from_file(io.BytesIO(b"2,b\n"), "p._SESSION.temp", job_config=config).result(
        timeout=WAIT
    )
    query = bigquery.QueryJobConfig(connection_properties=properties)
    found = client.query("SELECT id FROM _SESSION.temp ORDER BY id", job_config=query).result(timeout=WAIT)
    assert [tuple(r) for r in found] == [(1,), (2,)]
    with pytest.raises(exceptions.NotFound, match="Dataset p:_SESSION"):
        config = LoadJobConfig(schema=IDS)
        job = client.load_table_from_file(io.BytesIO(b"1,a\n"), "p._SESSION.temp", job_config=config)
        job.result(timeout=WAIT)


def test_load_data_into_one_partition(sim: Simulator, client: bigquery.Client) -> None:
    sim.objects.put("gs://in-box/n.csv", "1\n")
    files = "FROM FILES (format='CSV', uris=['gs://in-box/n.csv'])"
    client.query("CREATE TABLE d.loaded (n INT64) PARTITION BY _PARTITIONDATE").result(timeout=WAIT)
    for overwrite in ("", "", "OVERWRITE "):
        at = f"{overwrite}PARTITIONS (_PARTITIONTIME = TIMESTAMP '2020-01-01')"
        client.query(f"LOAD DATA INTO d.loaded {at} {files}").result(timeout=WAIT)
        client.query(f"LOAD DATA INTO d.loaded {files}").result(timeout=WAIT)
    sql = "SELECT COUNTIF(DATE(_PARTITIONTIME) = '2020-01-01'), COUNT(*) FROM d.loaded"
    assert rows(client, sql) == [(1, 4)]
    client.query(
        "CREATE TABLE d.tens (n INT64) PARTITION BY RANGE_BUCKET(n, GENERATE_ARRAY(0, 30, 10))"
    ).result()
    message = failure(client.query(f"LOAD DATA INTO d.tens PARTITIONS (n = 10) {files}"))
    assert "rather than destination partition 10" in message
    message = failure(client.query(f"LOAD DATA INTO d.tens PARTITIONS (n > 10) {files}"))
    assert "PARTITIONS clause must be of the form column = constant" in message


@pytest.mark.parametrize("name", ["_PARTITIONTIME", "_table_x", "_File_x", "_row_timestamp", "__root__x"])
def test_queries_may_name_columns_as_no_table_may(client: bigquery.Client, name: str) -> None:
    sql = f"SELECT 1 AS {name}"
    assert [f.name for f in client.query(sql).result(timeout=WAIT).schema] == [name]
    config = bigquery.QueryJobConfig(destination="p.d.reserved")
    for column in (name, f"STRUCT(1 AS {name}) AS s"):
        sql = f"SELECT {name} FROM (SELECT 1 AS {name})" if column == name else f"SELECT {column}"
        message = failure(client.query(sql, job_config=config))
        assert f'Invalid field name "{name}". Field names are not allowed to start with' in message


def test_wide_numerics_beside_bignumerics(client: bigquery.Client) -> None:
    schema = [SchemaField("n", "NUMERIC", precision=38, scale=9), SchemaField("b", "BIGNUMERIC")]
    config = LoadJobConfig(schema=schema, source_format=SourceFormat.NEWLINE_DELIMITED_JSON)
    lines = [{"n": "1.5", "b": "1e29"}, {"n": "9" * 29 + "." + "9" * 9, "b": "1e38"}]
    text = "\n".join(map(json.dumps, lines)).encode()
    client.load_table_from_file(io.BytesIO(text), "d.wide_numerics", job_config=config).result(timeout=WAIT)
    found = rows(client, "SELECT CAST(n AS STRING), CAST(b AS STRING) FROM d.wide_numerics ORDER BY n")
    assert found == [("1.5", "1" + "0" * 29), ("9" * 29 + "." + "9" * 9, "1" + "0" * 38)]
