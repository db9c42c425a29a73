"""Google's Python client, recorded: the same program gives the same cassette, byte for byte."""

from __future__ import annotations

import io
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from google.api_core.exceptions import BadRequest, NotFound
from google.cloud import bigquery
from google.cloud.bigquery_storage_v1 import types
from google.protobuf import descriptor_pb2

from bqsim.record.cassette.cassette import Cassette
from bqsim.record.jobs_of import job_records
from bqsim.simulator import Simulator
from tests.record_help import Clients, recorded

UNCACHED = bigquery.QueryJobConfig(use_query_cache=False)
SCHEMA = [bigquery.SchemaField("n", "INTEGER"), bigquery.SchemaField("s", "STRING")]


def program(clients: Clients) -> None:
    """What applications do: tables, loads, queries in threads, errors, scripts, sessions, reads, writes."""
    client = clients.client()
    client.create_dataset("shop")
    table = client.create_table(bigquery.Table(f"{clients.project}.shop.items", schema=SCHEMA))
    lines = b"".join(b'{"n": %d, "s": "s%d"}\n' % (n, n) for n in range(300))
    asked = bigquery.LoadJobConfig(source_format="NEWLINE_DELIMITED_JSON")
    client.load_table_from_file(io.BytesIO(lines), table, job_config=asked).result()
    threads = [threading.Thread(target=thread, args=(clients, number)) for number in range(2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert client.query("SELECT n FROM shop.items", job_config=UNCACHED).to_arrow().num_rows == 300
    script(client)
    temporary = f"copied_{time.strftime('%Y%m%d')}_{time.time_ns() % 10**9:09d}a"
    client.copy_table(table, f"{clients.project}.shop.{temporary}").result()
    read(clients)
    write(clients)
    changed = client.get_table("shop.items")
    changed.description = "Items"
    client.update_table(changed, ["description"])
    assert len(list(client.list_tables("shop"))) == 4
    client.delete_dataset("shop", delete_contents=True)
    client.close()


def thread(clients: Clients, number: int) -> None:
    client = clients.client()
    for rest in range(2):
        sql = f"SELECT n, s FROM shop.items WHERE MOD(n, 7) = {rest} ORDER BY n"
        assert len(list(client.query(sql, job_config=UNCACHED).result(page_size=20))) == 43
    own = client.create_table(bigquery.Table(f"{clients.project}.shop.own{number}", schema=SCHEMA))
    assert client.insert_rows_json(own, [{"n": number, "s": "x"}]) == []
    for wrong in ("SELECT nope FROM shop.items", "SELEC 1", "SELECT ERROR('x')"):
        with pytest.raises(BadRequest):
            client.query(wrong, job_config=UNCACHED).result()
    with pytest.raises(NotFound):
        client.get_table("shop.missing")
    assert [row.k for row in client.query_and_wait(f"SELECT {number} AS k", job_config=UNCACHED)] == [number]
    client.close()


def script(client: Any) -> None:
    text = "CREATE TEMP TABLE t AS SELECT 1 AS a; SELECT a FROM t; SELECT 2;"
    job = client.query(text, job_config=UNCACHED)
    job.result()
    for child in client.list_jobs(parent_job=job.job_id):
        list(child.result())
    session = bigquery.QueryJobConfig(create_session=True, use_query_cache=False)
    first = client.query("SELECT 5", job_config=session)
    first.result()
    properties = [bigquery.ConnectionProperty("session_id", first.session_info.session_id)]
    inside = bigquery.QueryJobConfig(connection_properties=properties, use_query_cache=False)
    client.query("SELECT 6", job_config=inside).result()
    client.query("SELECT n FROM shop.items", job_config=bigquery.QueryJobConfig(dry_run=True))


def read(clients: Clients) -> None:
    reader = clients.read_client()
    path = f"projects/{clients.project}/datasets/shop/tables/items"
    for form in ("ARROW", "AVRO"):
        wanted = types.ReadSession(table=path, data_format=form)
        session = reader.create_read_session(
            parent=f"projects/{clients.project}", read_session=wanted, max_stream_count=2
        )
        streams = session.streams
        got = sum(m.row_count for stream in streams for m in reader.read_rows(stream.name))
        assert got == 300


def write(clients: Clients) -> None:
    writer = clients.write_client()
    parent = f"projects/{clients.project}/datasets/shop/tables/items"
    row = descriptor_pb2.DescriptorProto(name="Row")
    row.field.add(name="n", number=1, type=3, label=1)
    row.field.add(name="s", number=2, type=9, label=1)
    made = types.WriteStream(type_=types.WriteStream.Type.PENDING)
    stream = writer.create_write_stream(parent=parent, write_stream=made)
    requests = []
    for number in range(2):
        request = types.AppendRowsRequest(write_stream=stream.name, offset=number * 2)
        request.proto_rows.writer_schema.proto_descriptor = row
        request.proto_rows.rows.serialized_rows = [b"\x08\x05\x12\x01a", b"\x08\x06\x12\x01b"]
        requests.append(request)
    offsets = [answer.append_result.offset for answer in writer.append_rows(iter(requests))]
    assert offsets == [0, 2]
    writer.finalize_write_stream(name=stream.name)
    writer.batch_commit_write_streams(
        types.BatchCommitWriteStreamsRequest(parent=parent, write_streams=[stream.name])
    )


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def cassettes(bqsim_server: Simulator, tmp_path_factory: pytest.TempPathFactory) -> list[Cassette]:
    """The same program in two projects."""
    return [
        recorded(bqsim_server, tmp_path_factory.mktemp("recordings") / "a.cassette", program, project)
        for project in ("recorded-project", "example.com:other")
    ]


@pytest.mark.fidelity("recording:cassettes", "exact")
def test_recorded_twice_the_folders_are_the_same(cassettes: list[Cassette]) -> None:
    first, second = (contents(cassette.folder) for cassette in cassettes)
    assert first["operations.txt"].decode() == second["operations.txt"].decode()
    assert first == second


def test_what_was_recorded(cassettes: list[Cassette]) -> None:
    operations = list(cassettes[0].operations())
    by_kind: dict[str, list[Any]] = {}
    for operation in operations:
        by_kind.setdefault(operation.kind, []).append(operation)
    counts = {kind: len(found) for kind, found in by_kind.items()}
    assert counts["load"] == counts["copy"] == counts["append"] == 1
    assert counts["insert"] == 2
    assert counts["rows"] == 2
    (append,) = by_kind["append"]
    assert append.request["count"] == append.result["finalized"] == 4
    assert append.result["committed"] is True
    (scripted,) = (o for o in by_kind["query"] if o.result.get("children"))
    assert [child["totalRows"] for child in scripted.result["children"] if child.get("rows")] == [1, 1]
    text = (cassettes[0].folder / "operations.txt").read_text()
    assert "recorded-project" not in text
    assert "127.0.0.1" not in text


def test_its_jobs(cassettes: list[Cassette]) -> None:
    jobs = job_records(cassettes[0])
    read = [job for job in jobs if job.sql.startswith("SELECT n, s FROM shop.items")]
    assert len(read) == 4
    for job in read:
        assert job.project == "recorded-project"
        assert job.tables == ("recorded-project.shop.items",)
        assert job.bytes_processed > 0
        assert job.stages
        assert 0 < job.created_us <= job.started_us <= job.ended_us
    assert {job.error_reason for job in jobs} == {"", "invalidQuery"}
    assert [job.created_us for job in jobs if not job.parent] == sorted(
        job.created_us for job in jobs if not job.parent
    )


def test_uploads_and_objects(bqsim_server: Simulator, tmp_path: Path) -> None:
    """A resumable upload in pieces, objects, a load from them, and a batch of calls."""
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import storage

    lines = b"".join(b'{"n": %d, "s": "s%d"}\n' % (n, n) for n in range(40_000))

    def work(clients: Clients) -> None:
        client = clients.client()
        client.create_dataset("uploads")
        asked = bigquery.LoadJobConfig(source_format="NEWLINE_DELIMITED_JSON", schema=SCHEMA)
        client.load_table_from_file(io.BytesIO(lines), "uploads.big", job_config=asked).result()
        objects = storage.Client(
            clients.project, AnonymousCredentials(), client_options={"api_endpoint": clients.url}
        )
        bucket = objects.create_bucket("recorded-bucket")
        bucket.blob("x.csv").upload_from_string("1,a\n2,b\n", content_type="text/csv")
        assert bucket.blob("x.csv").download_as_bytes() == b"1,a\n2,b\n"
        csv = bigquery.LoadJobConfig(schema=SCHEMA)
        client.load_table_from_uri("gs://recorded-bucket/x.csv", "uploads.csv", job_config=csv).result()
        with objects.batch(raise_exception=False):
            bucket.blob("x.csv").delete()
            bucket.blob("missing.csv").exists()
        bucket.delete(force=True)
        client.delete_dataset("uploads", delete_contents=True)
        client.close()

    cassette = recorded(bqsim_server, tmp_path / "uploads.cassette", work, "recorded-project")
    operations = list(cassette.operations())
    loads = {
        str(o.request["configuration"]["load"]["destinationTable"]["tableId"]): o
        for o in operations
        if o.kind == "load"
    }
    assert cassette.blob(loads["big"].request["upload"]) == lines
    assert loads["csv"].order["object:gs://recorded-bucket/x.csv"] == 1
    deleted = [o for o in operations if o.request.get("method") == "storage.objects.delete"]
    assert [o.result["status"] for o in deleted] == [204]
    (downloaded,) = (o for o in operations if o.kind == "object" and "content" in o.result)
    assert cassette.blob(downloaded.result["content"]) == b"1,a\n2,b\n"
