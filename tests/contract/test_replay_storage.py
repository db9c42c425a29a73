"""Write streams, loads and objects recorded from a simulator, replayed in other pieces."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bqsim.record.proxy import RecordingProxy
from bqsim.record.recorder import Recorder
from bqsim.replay.server import ReplayServer
from bqsim.settings import Settings
from bqsim.simulator import Simulator

storage = pytest.importorskip("google.cloud.bigquery_storage_v1")

from google.api_core import exceptions  # noqa: E402
from google.cloud.bigquery_storage_v1 import types  # noqa: E402
from google.protobuf import descriptor_pb2  # noqa: E402

from bqsim import clients  # noqa: E402

PROJECT = "replay-project"
TABLE = f"projects/{PROJECT}/datasets/d/tables/t"
FIELD = descriptor_pb2.FieldDescriptorProto


def descriptor() -> Any:
    message = descriptor_pb2.DescriptorProto(name="Row")
    message.field.add(name="id", number=1, type=FIELD.TYPE_INT64, label=FIELD.LABEL_OPTIONAL)
    message.field.add(name="name", number=2, type=FIELD.TYPE_STRING, label=FIELD.LABEL_OPTIONAL)
    return message


def row(number: int) -> bytes:
    text = f"n{number}".encode()
    return b"\x08" + bytes([number]) + b"\x12" + bytes([len(text)]) + text


def append(client: Any, stream: str, batches: list[list[int]], offsets: bool = True) -> list[Any]:
    """Append batches of rows; what was answered: offsets, or the codes of errors."""

    def requests() -> Iterator[Any]:
        at = 0
        for number, batch in enumerate(batches):
            request = types.AppendRowsRequest(write_stream=stream)
            request.proto_rows.rows.serialized_rows.extend(map(row, batch))
            if number == 0:
                request.proto_rows.writer_schema.proto_descriptor = descriptor()
            if offsets:
                request.offset = at
            at += len(batch)
            yield request

    answers = client.append_rows(
        iter(requests()), metadata=[("x-goog-request-params", f"write_stream={stream}")]
    )
    return [a.error.code if a.error.code else (a.append_result.offset if offsets else None) for a in answers]


def write_everything(client: Any, sizes: Callable[[list[int]], list[list[int]]]) -> dict[str, Any]:
    """Rows by all four kinds of streams, in batches of these sizes; what was answered."""
    found: dict[str, Any] = {}
    found["default"] = append(client, f"{TABLE}/streams/_default", sizes(list(range(12))), offsets=False)[-1:]
    for kind in ("COMMITTED", "BUFFERED", "PENDING"):
        stream = client.create_write_stream(
            parent=TABLE, write_stream=types.WriteStream(type_=types.WriteStream.Type[kind])
        )
        found[f"{kind} columns"] = [f.name for f in stream.table_schema.fields]
        append(client, stream.name, sizes(list(range(20, 32))))
        if kind == "BUFFERED":
            found["flushed"] = client.flush_rows(request={"write_stream": stream.name, "offset": 5}).offset
        # The first rows again, and rows behind a gap.
        found[f"{kind} again"] = append(client, stream.name, [[20]])
        rows = client.finalize_write_stream(name=stream.name)
        found[f"{kind} rows"] = rows.row_count
        if kind == "PENDING":
            done = client.batch_commit_write_streams(
                request={"parent": TABLE, "write_streams": [stream.name]}
            )
            found["committed"] = bool(done.commit_time) and not done.stream_errors
    with pytest.raises(exceptions.NotFound) as refused:
        client.create_write_stream(
            parent=f"{TABLE}_absent",
            write_stream=types.WriteStream(type_=types.WriteStream.Type.PENDING),
        )
    found["refused"] = refused.value.message.partition(" ")[0]
    return found


def pieces(size: int) -> Callable[[list[int]], list[list[int]]]:
    return lambda rows: [rows[i : i + size] for i in range(0, len(rows), size)]


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("storage") / "storage.cassette"
    with Simulator(Settings(project=PROJECT)) as simulator:
        simulator.client().query_and_wait("CREATE SCHEMA d; CREATE TABLE d.t (id INT64, name STRING)")
        recorder = Recorder(folder, upstream=simulator.url)
        with RecordingProxy(recorder, simulator.url, simulator.grpc_target) as proxy:
            found = write_everything(clients.write_client(proxy.grpc_target), pieces(4))
            found["load"] = load(proxy.url, b"id,name\n1,a\n2,b\n")
            found["objects"] = objects(proxy.url, 300_000)
        recorder.finish()
    return folder, found


def load(url: str, data: bytes, *, resumable: bool = True) -> Any:
    """Load a file into ``d.loaded``; how many rows it had."""
    from google.cloud import bigquery

    client = clients.query_client(url, PROJECT, lambda: None)
    config = bigquery.LoadJobConfig(
        source_format="CSV",
        skip_leading_rows=1,
        schema=[bigquery.SchemaField("id", "INTEGER"), bigquery.SchemaField("name", "STRING")],
    )
    size = None if resumable else len(data)
    job = client.load_table_from_file(io.BytesIO(data), "d.loaded", size=size, job_config=config)
    return job.result().output_rows


def objects(url: str, size: int, *, chunk: int | None = None) -> dict[str, Any]:
    """Upload, read and change objects; what came of it."""
    gcs = pytest.importorskip("google.cloud.storage")
    from google.auth.credentials import AnonymousCredentials

    client = gcs.Client(
        project=PROJECT, credentials=AnonymousCredentials(), client_options={"api_endpoint": url}
    )
    data = bytes(i % 251 for i in range(size))
    bucket = client.create_bucket("replayed-bucket")
    blob = bucket.blob("a/one.bin", chunk_size=chunk)
    blob.upload_from_file(io.BytesIO(data), size=size)
    found: dict[str, Any] = {"whole": bucket.blob("a/one.bin").download_as_bytes() == data}
    bucket.copy_blob(bucket.blob("a/one.bin"), bucket, "b/two.bin")
    found["listed"] = [b.name for b in client.list_blobs("replayed-bucket")]
    bucket.blob("b/two.bin").delete()
    found["left"] = [b.name for b in client.list_blobs("replayed-bucket")]
    found["size"] = bucket.get_blob("a/one.bin").size
    return found


@pytest.fixture
def replay(recording: tuple[Path, dict[str, Any]]) -> Iterator[ReplayServer]:
    with ReplayServer(recording[0], project=PROJECT) as server:
        yield server


@pytest.mark.parametrize("size", [1, 3, 4, 12])
def test_rows_in_other_batches(
    replay: ReplayServer, recording: tuple[Path, dict[str, Any]], size: int
) -> None:
    found = write_everything(replay.write_client(), pieces(size))
    assert found == {k: v for k, v in recording[1].items() if k not in ("load", "objects")}
    assert not replay.report().of("content"), replay.report().text


def test_rows_beyond_those_recorded_are_refused(replay: ReplayServer) -> None:
    client = replay.write_client()
    with pytest.raises(exceptions.FailedPrecondition, match="12 rows were recorded"):
        append(client, f"{TABLE}/streams/_default", [list(range(60, 80))], offsets=False)
    assert replay.report().of("unexpected")


@pytest.mark.parametrize("resumable", [True, False])
def test_uploads_of_loads(
    replay: ReplayServer, recording: tuple[Path, dict[str, Any]], resumable: bool
) -> None:
    assert load(replay.url, b"id,name\r\n1,a\r\n2,b\r\n", resumable=resumable) == recording[1]["load"]
    assert not replay.report().of("content"), replay.report().text


@pytest.mark.parametrize("chunk", [None, 256 * 1024])
def test_objects(replay: ReplayServer, recording: tuple[Path, dict[str, Any]], chunk: int | None) -> None:
    assert objects(replay.url, 300_000, chunk=chunk) == recording[1]["objects"]


def test_ranges_of_objects(replay: ReplayServer) -> None:
    gcs = pytest.importorskip("google.cloud.storage")
    from google.auth.credentials import AnonymousCredentials

    client = gcs.Client(
        project=PROJECT, credentials=AnonymousCredentials(), client_options={"api_endpoint": replay.url}
    )
    blob = client.bucket("replayed-bucket").blob("a/one.bin")
    data = bytes(i % 251 for i in range(300_000))
    assert blob.download_as_bytes(start=1000, end=1999, raw_download=True) == data[1000:2000]
    chunked = client.bucket("replayed-bucket").blob("a/one.bin", chunk_size=256 * 1024)
    assert chunked.download_as_bytes() == data
