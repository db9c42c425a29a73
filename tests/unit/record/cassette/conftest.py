"""A cassette of queries, a load and a metadata call, with rows in every format."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import fastavro
import pyarrow as pa
import pytest

from bqsim.record.cassette.cassette import Cassette
from bqsim.record.cassette.header import Header
from bqsim.record.cassette.preview import preview
from bqsim.record.cassette.writer import CassetteWriter
from bqsim.record.model import Operation

AVRO = {
    "type": "record",
    "name": "row",
    "fields": [{"name": "n", "type": "long"}, {"name": "s", "type": "string"}],
}


def rows_json(count: int, first: int = 0) -> bytes:
    return json.dumps(
        [{"f": [{"v": str(n)}, {"v": f"name {n}"}]} for n in range(first, first + count)]
    ).encode()


def rows_arrow(count: int) -> bytes:
    batch = pa.record_batch({"n": list(range(count)), "s": [f"name {n}" for n in range(count)]})
    out = pa.BufferOutputStream()
    with pa.ipc.new_stream(out, batch.schema) as writer:
        writer.write_batch(batch)
    return out.getvalue().to_pybytes()


def rows_avro(count: int) -> bytes:
    out = io.BytesIO()
    parsed = fastavro.parse_schema(AVRO)
    for n in range(count):
        fastavro.schemaless_writer(out, parsed, {"n": n, "s": f"name {n}"})
    return out.getvalue()


def rows_ndjson(count: int) -> bytes:
    return b"".join(json.dumps({"n": n}).encode() + b"\n" for n in range(count))


FORMATS = {"json": rows_json, "arrow": rows_arrow, "avro": rows_avro, "ndjson": rows_ndjson}


def stretch(writer: CassetteWriter, form: str, count: int, start: int = 0) -> dict[str, Any]:
    data = FORMATS[form](count)
    made = {"start": start, "count": count, "format": form, "data": writer.blob(data, "", preview(data))}
    return {**made, "schema": json.dumps(AVRO)} if form == "avro" else made


def query(number: int, result: dict[str, Any], **more: Any) -> Operation:
    """The query of this number; its key tells it."""
    request = {"sql": f"SELECT n, s\nFROM `${{project}}.shop.orders_{number}`"}
    key = f"{number:016x}"
    return Operation("query", key, more.pop("occurrence", 1), request, result, **more)


def write(folder: Path, count: int = 40, header: Header | None = None, **changed: Any) -> Cassette:
    """One query for each format of rows, and a chain of changes of a table."""
    writer = CassetteWriter(folder)
    operations = []
    for number, form in enumerate(FORMATS):
        result = {
            "job": {"statistics": {"totalBytesProcessed": "1000", "query": {"totalBytesBilled": "10485760"}}},
            "schema": {"fields": [{"name": "n", "type": "INTEGER"}, {"name": "s", "type": "STRING"}]},
            "totalRows": count,
            "rows": [stretch(writer, form, count // 2), stretch(writer, form, count // 2, count // 2)],
            **changed,
        }
        operations.append(query(number, result, measures={"at": {"end_s": 1.5}}))
    table = "table:${project}.shop.t"
    for number in range(3):
        request = {
            "method": "bigquery.tables.patch",
            "resource": "projects/${project}/datasets/shop/tables/t",
            "body": {"description": f"{number}"},
        }
        operations.append(
            Operation(
                "metadata", f"{100 + number:016x}", 1, request, {"status": 200}, {table: number}, (table,)
            )
        )
    last = {"method": "bigquery.tables.get", "resource": "projects/${project}/datasets/shop/tables/t"}
    told = {"status": 200, "body": {"etag": "${etag@0000000000000066.1}"}}
    operations.append(Operation("metadata", f"{200:016x}", 1, last, told, {table: 3}))
    writer.write(
        header or Header(recorded="2026-01-01", clients=["gl-python/3.12.1 gccl/3.30.0"]), operations
    )
    return Cassette.open(folder)


@pytest.fixture
def cassette(tmp_path: Path) -> Cassette:
    return write(tmp_path / "shop.cassette")
