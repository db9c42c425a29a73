from __future__ import annotations

import gzip
import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bqsim.errors import BigQueryError
from bqsim.jobs import Job, JobType, Upload
from bqsim.jobs.load_config import LoadConfig, parse_load

from .conftest import CALLER, Play, Stack

pytestmark = [
    pytest.mark.fidelity("load:CSV", "exact", tests="test_csv_* test_delimiters"),
    pytest.mark.fidelity("load:NEWLINE_DELIMITED_JSON", "exact", tests="test_nested_json test_json_*"),
    pytest.mark.fidelity("load:PARQUET", "exact", tests="test_a_parquet_*"),
    pytest.mark.fidelity(
        "load:bad records", "exact", tests="test_bad_records test_json_errors test_a_value_that*"
    ),
    pytest.mark.fidelity(
        "load:dispositions", "exact", tests="test_loads_append* test_truncating* test_modes_* test_schema_*"
    ),
    pytest.mark.fidelity("fields:Job: statistics.load", "exact", tests="test_formats"),
]

SCHEMA = {"fields": [{"name": "id", "type": "INTEGER"}, {"name": "name", "type": "STRING"}]}
CSV = b"id,name\n1,alice\n2,bob\n"
JSON = b'{"id":1,"name":"alice"}\n{"id":2,"name":"bob"}\n'


def parquet(**columns: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


def failure(job: Job) -> tuple[str, str]:
    assert job.error is not None
    return job.error.reason.name, job.error.message


# -- parsing


def parse(upload: Upload | None = None, **load: Any) -> LoadConfig:
    target = {"destinationTable": {"projectId": "p", "datasetId": "d", "tableId": "t"}}
    return parse_load({**target, **load}, "p", upload or Upload(data=b""))


def test_defaults_of_a_load() -> None:
    config = parse()
    assert (config.format, config.target.write, config.target.create) == (
        "CSV",
        "WRITE_APPEND",
        "CREATE_IF_NEEDED",
    )
    assert config.options.csv.delimiter is None
    assert config.fields is None


@pytest.mark.parametrize(("given", "delimiter"), [("tab", "\t"), ("\\t", "\t"), ("\t", "\t"), ("|", "|")])
def test_delimiters(given: str, delimiter: str) -> None:
    assert parse(fieldDelimiter=given).options.csv.delimiter == delimiter


@pytest.mark.parametrize(
    ("load", "message"),
    [
        ({"sourceFormat": "BOGUS"}, "Invalid value for sourceFormat: BOGUS is not a valid value"),
        (
            {"sourceFormat": "DATASTORE_BACKUP"},
            "The source format DATASTORE_BACKUP is not supported by bqsim",
        ),
        ({"encoding": "KOI8"}, "Invalid value for encoding: KOI8 is not a valid value"),
        ({"fieldDelimiter": "ab"}, "The field delimiter must be one character, found 'ab'"),
        ({"skipLeadingRows": "-1"}, "Invalid value for skipLeadingRows: -1 is not a valid value"),
        ({"destinationTable": None}, "Required parameter is missing: destinationTable"),
    ],
)
def test_what_a_load_refuses(load: dict[str, Any], message: str) -> None:
    with pytest.raises(BigQueryError) as caught:
        parse(**load)
    assert (caught.value.http, caught.value.message) == (400, message)


# -- running


def test_csv_with_a_schema_creates_the_table(play: Play) -> None:
    async def body(s: Stack) -> None:
        job = await s.load(CSV, schema=SCHEMA, skipLeadingRows=1)
        assert (job.type, job.error) == (JobType.LOAD, None)
        statistics = job.to_json()["statistics"]
        assert statistics["completionRatio"] == 1.0
        assert [sample["completedUnits"] for sample in statistics["load"].pop("timeline")] == ["1"]
        assert statistics["load"] == {
            "inputFiles": "1",
            "inputFileBytes": str(len(CSV)),
            "outputRows": "2",
            "outputBytes": "28",
            "badRecords": "0",
        }
        assert await s.rows("SELECT id, name FROM d.t ORDER BY id") == [(1, "alice"), (2, "bob")]
        assert (await s.tabledata.list(s.table("t").ref)).total_rows == 2

    play(body)


@pytest.mark.parametrize(
    ("data", "options"),
    [
        (CSV, {"autodetect": True}),
        (CSV.replace(b",", b"|"), {"autodetect": True}),
        (gzip.compress(CSV, mtime=0), {"autodetect": True}),
        (JSON, {"sourceFormat": "NEWLINE_DELIMITED_JSON", "autodetect": True}),
        (gzip.compress(JSON, mtime=0), {"sourceFormat": "NEWLINE_DELIMITED_JSON", "schema": SCHEMA}),
        (parquet(id=[1, 2], name=["alice", "bob"]), {"sourceFormat": "PARQUET"}),
    ],
)
def test_formats(play: Play, data: bytes, options: dict[str, Any]) -> None:
    async def body(s: Stack) -> None:
        (await s.load(data, **options)).raise_for_error()
        assert await s.rows("SELECT id, name FROM d.t ORDER BY id") == [(1, "alice"), (2, "bob")]

    play(body)


def test_nested_json(play: Play) -> None:
    rows = [
        {"id": 1, "info": {"age": 30, "city": "X"}, "tags": ["a", "b"], "items": [{"sku": "x", "qty": 2}]},
        {"id": 2, "info": None, "tags": [], "items": [{"sku": "y", "qty": 1}, {"sku": "z", "qty": 5}]},
    ]
    data = "".join(json.dumps(r) + "\n" for r in rows).encode()

    async def body(s: Stack) -> None:
        (await s.load(data, sourceFormat="NEWLINE_DELIMITED_JSON", autodetect=True)).raise_for_error()
        total = "(SELECT SUM(qty) FROM UNNEST(items))"
        sql = f"SELECT id, info.city, ARRAY_LENGTH(tags), {total} FROM d.t ORDER BY id"
        assert await s.rows(sql) == [(1, "X", 2, 2), (2, None, 0, 6)]

    play(body)


def test_loads_append_unless_told(play: Play) -> None:
    async def body(s: Stack) -> None:
        await s.load(CSV, schema=SCHEMA, skipLeadingRows=1)
        await s.load(b"3,carol\n", schema=SCHEMA)
        assert s.table("t").num_rows == 3
        await s.load(b"4,dan\n", schema=SCHEMA, writeDisposition="WRITE_TRUNCATE")
        assert await s.rows("SELECT * FROM d.t") == [(4, "dan")]
        job = await s.load(b"5,eve\n", schema=SCHEMA, writeDisposition="WRITE_EMPTY")
        assert failure(job) == ("duplicate", "Already Exists: Table p:d.t")
        assert s.table("t").num_rows == 1

    play(body)


def test_a_load_without_schema_takes_the_tables(play: Play) -> None:
    async def body(s: Stack) -> None:
        await s.ok("CREATE TABLE d.t (id INT64 NOT NULL, name STRING)")
        job = await s.load(CSV, skipLeadingRows=1, writeDisposition="WRITE_TRUNCATE")
        job.raise_for_error()
        assert [f.mode.value for f in s.table("t").fields] == ["REQUIRED", "NULLABLE"]
        assert s.table("t").num_rows == 2
        job = await s.load(CSV, table="new", skipLeadingRows=1)
        assert failure(job) == ("invalid", "No schema specified on job or table.")

    play(body)


def test_columns_that_a_load_leaves_out_get_their_defaults(play: Play) -> None:
    async def body(s: Stack) -> None:
        await s.ok("CREATE TABLE d.t (id INT64, name STRING, n INT64 DEFAULT 7)")
        (await s.load(CSV, schema=SCHEMA, skipLeadingRows=1)).raise_for_error()
        assert await s.rows("SELECT id, n FROM d.t ORDER BY id") == [(1, 7), (2, 7)]

    play(body)


def test_truncating_replaces_the_schema(play: Play) -> None:
    async def body(s: Stack) -> None:
        await s.ok("CREATE TABLE d.t AS SELECT 'x' AS old")
        await s.load(CSV, autodetect=True, writeDisposition="WRITE_TRUNCATE")
        assert [f.name for f in s.table("t").fields] == ["id", "name"]

    play(body)


def test_schema_mismatches(play: Play) -> None:
    async def body(s: Stack) -> None:
        await s.ok("CREATE TABLE d.t (id INT64, name STRING)")
        more = {"fields": [*SCHEMA["fields"], {"name": "z", "type": "DATE"}]}
        job = await s.load(b"1,a,2026-01-01\n", schema=more)
        prefix = "Provided Schema does not match Table p:d.t. "
        assert failure(job) == ("invalid", f"{prefix}Cannot add fields (field: z)")
        text = {"fields": [{"name": "id", "type": "STRING"}, {"name": "name", "type": "STRING"}]}
        job = await s.load(b"1,a\n", schema=text)
        assert failure(job) == ("invalid", f"{prefix}Field id has changed type from INTEGER to STRING")
        job = await s.load(b"1,a,2026-01-01\n", schema=more, schemaUpdateOptions=["ALLOW_FIELD_ADDITION"])
        job.raise_for_error()
        assert [f.name for f in s.table("t").fields] == ["id", "name", "z"]

    play(body)


def test_modes_are_relaxed_when_allowed(play: Play) -> None:
    async def body(s: Stack) -> None:
        await s.ok("CREATE TABLE d.t (id INT64 NOT NULL, name STRING)")
        job = await s.load(b"1,a\n", schema=SCHEMA)
        assert failure(job)[1].endswith("Field id has changed mode from REQUIRED to NULLABLE")
        job = await s.load(b",a\n", schema=SCHEMA, schemaUpdateOptions=["ALLOW_FIELD_RELAXATION"])
        job.raise_for_error()
        assert await s.rows("SELECT * FROM d.t") == [(None, "a")]

    play(body)


def test_bad_records(play: Play) -> None:
    data = b"1,a\nx,b\n3,c\ny,d\n"

    async def body(s: Stack) -> None:
        job = await s.load(data, schema=SCHEMA, maxBadRecords=1)
        status = job.to_json()["status"]
        assert status["errorResult"] == {
            "reason": "invalid",
            "message": "Error while reading data, error message: CSV table encountered too many errors, "
            "giving up. Rows: 4; errors: 2. Please look into the errors[] collection for more details.",
        }
        assert len(status["errors"]) == 4
        assert "CSV processing encountered too many errors" in status["errors"][1]["message"]
        assert "Could not parse 'x' as INT64 for field id (position 0)" in status["errors"][2]["message"]
        with pytest.raises(BigQueryError):
            s.table("t")
        job = await s.load(data, schema=SCHEMA, maxBadRecords=2)
        job.raise_for_error()
        statistics = job.to_json()["statistics"]["load"]
        assert (statistics["outputRows"], statistics["badRecords"]) == ("2", "2")
        assert len(job.to_json()["status"]["errors"]) == 2

    play(body)


def test_json_errors(play: Play) -> None:
    async def body(s: Stack) -> None:
        job = await s.load(
            b'{"id":1}\n{"id":1,"z":2}\n', schema=SCHEMA, sourceFormat="NEWLINE_DELIMITED_JSON"
        )
        assert "JSON table encountered too many errors, giving up. Rows: 2; errors: 1." in failure(job)[1]
        assert job.error_protos()[2]["message"] == (
            "Error while reading data, error message: JSON parsing error in row starting at position 9: "
            "No such field: z"
        )
        options = {"sourceFormat": "NEWLINE_DELIMITED_JSON", "ignoreUnknownValues": True}
        (await s.load(b'{"id":1,"z":2}\n', schema=SCHEMA, **options)).raise_for_error()

    play(body)


def test_a_value_that_its_column_cannot_hold_stops_the_load(play: Play) -> None:
    schema = {"fields": [{"name": "v", "type": "STRING", "maxLength": "2"}]}

    async def body(s: Stack) -> None:
        job = await s.load(b"abc\n", schema=schema)
        assert job.error is not None
        assert "maximum length 2" in str(job.error_protos())

    play(body)


def test_partitioning_and_clustering(play: Play) -> None:
    async def body(s: Stack) -> None:
        schema = {"fields": [{"name": "day", "type": "DATE"}, {"name": "n", "type": "INTEGER"}]}
        options = {"timePartitioning": {"type": "DAY", "field": "day"}, "clustering": {"fields": ["n"]}}
        (await s.load(b"2026-01-01,1\n", schema=schema, **options)).raise_for_error()
        table = s.table("t")
        assert (table.time_partitioning.field, table.clustering) == ("day", ("n",))

    play(body)


def test_an_empty_file_creates_an_empty_table(play: Play) -> None:
    async def body(s: Stack) -> None:
        (await s.load(b"", schema=SCHEMA)).raise_for_error()
        assert s.table("t").num_rows == 0

    play(body)


def test_missing_datasets_and_tables(play: Play) -> None:
    async def body(s: Stack) -> None:
        job = await s.load(CSV, schema=SCHEMA, createDisposition="CREATE_NEVER")
        assert failure(job) == ("notFound", "Not found: Table p:d.t")
        target = {"projectId": "p", "datasetId": "nope", "tableId": "t"}
        job = await s.insert({"load": {"destinationTable": target, "schema": SCHEMA}}, CSV)
        assert failure(job) == ("notFound", "Not found: Dataset p:nope")

    play(body)


def test_views_cannot_be_loaded(play: Play) -> None:
    async def body(s: Stack) -> None:
        await s.ok("CREATE VIEW d.t AS SELECT 1 AS id")
        job = await s.load(CSV, schema=SCHEMA)
        assert failure(job)[1] == "p:d.t is not allowed for this operation because it is currently a VIEW."

    play(body)


def test_a_spooled_upload_is_read_and_deleted(play: Play, tmp_path: Path) -> None:
    path = tmp_path / "upload"
    path.write_bytes(CSV)

    async def body(s: Stack) -> None:
        target = {"projectId": "p", "datasetId": "d", "tableId": "t"}
        load = {"destinationTable": target, "autodetect": True}
        job = await s.service.insert("p", {"configuration": {"load": load}}, CALLER, Upload(path=path))
        await job.wait(10)
        job.raise_for_error()
        assert s.table("t").num_rows == 2
        assert not path.exists()

    play(body)


def test_a_parquet_load_of_lists(play: Play) -> None:
    data = parquet(v=pa.array([[1, 2], [3]]))

    async def body(s: Stack) -> None:
        options = {"parquetOptions": {"enableListInference": True}}
        (await s.load(data, sourceFormat="PARQUET", **options)).raise_for_error()
        assert await s.rows("SELECT ARRAY_LENGTH(v) FROM d.t ORDER BY 1") == [(1,), (2,)]
        (await s.load(data, table="u", sourceFormat="PARQUET")).raise_for_error()
        assert await s.rows("SELECT v.list[OFFSET(0)].element FROM d.u ORDER BY 1") == [(1,), (3,)]

    play(body)
