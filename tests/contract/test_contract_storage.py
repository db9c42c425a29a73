"""Contract checks of what was appended, read, uploaded and stored: by gRPC, in pieces, in Cloud Storage."""

from __future__ import annotations

import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pyarrow as pa
import pytest
from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery, storage
from google.cloud.bigquery_storage_v1 import types

from bqsim.clients import query_client
from bqsim.contract import sending
from bqsim.contract.check import Result, check
from bqsim.contract.targets import Target
from bqsim.record.cassette.cassette import Cassette
from bqsim.record.proxy import RecordingProxy
from bqsim.record.recorder import Recorder
from bqsim.simulator import Simulator, start
from tests.contract.altering import altered
from tests.storage import Clients, arrow_append, table_path

ROWS = pa.table({"n": pa.array([1, 2, 3]), "s": ["a", "b", None]})
CSV = b"n,s\n7,x\n8,y\n"


def tables(client: Any, load: bool = True) -> None:
    client.create_dataset("d")
    schema = [bigquery.SchemaField("n", "INTEGER"), bigquery.SchemaField("s", "STRING")]
    client.create_table(bigquery.Table(f"{client.project}.d.t", schema))
    if not load:
        return
    config = bigquery.LoadJobConfig(source_format="CSV", skip_leading_rows=1, schema=schema)
    client.load_table_from_file(io.BytesIO(CSV), "d.t", job_config=config).result()


def appends(target: str, project: str) -> None:
    clients = Clients(target)
    table = table_path(project, "t")
    clients.append(f"{table}/streams/_default", arrow_append(f"{table}/streams/_default", ROWS))
    for type_ in ("COMMITTED", "PENDING"):
        made = clients.write.create_write_stream(
            parent=table, write_stream=types.WriteStream(type_=types.WriteStream.Type[type_])
        )
        clients.append(made.name, arrow_append(made.name, ROWS, 0))
        clients.write.finalize_write_stream(name=made.name)
        if type_ == "PENDING":
            clients.write.batch_commit_write_streams(
                types.BatchCommitWriteStreamsRequest(parent=table, write_streams=[made.name])
            )
    clients.arrow(clients.session(table, row_restriction="n > 1"))
    clients.close()


def objects(url: str) -> None:
    options = ClientOptions(api_endpoint=url)
    with storage.Client("p", AnonymousCredentials(), client_options=options) as client:
        bucket = client.create_bucket("bucket-of-the-check")
        bucket.blob("a/b c.csv").upload_from_string(CSV, "text/csv")
        bucket.blob("large").upload_from_file(io.BytesIO(b"x" * 300_000), size=None)
        assert bucket.blob("a/b c.csv").download_as_bytes() == CSV
        assert [b.name for b in client.list_blobs(bucket, prefix="a/")] == ["a/b c.csv"]
        bucket.copy_blob(bucket.blob("a/b c.csv"), bucket, "copy")
        bucket.blob("large").delete()
        assert not bucket.blob("large").exists()


@pytest.fixture(scope="module")
def cassette(tmp_path_factory: pytest.TempPathFactory) -> Cassette:
    folder = tmp_path_factory.mktemp("recorded") / "rows.cassette"
    with start(seed=1) as upstream:
        recorder = Recorder(folder)
        with RecordingProxy(
            recorder,
            upstream=upstream.url,
            upstream_grpc=upstream.grpc_target,
            upstream_storage=upstream.storage_url,
        ) as proxy:
            tables(query_client(proxy.url, upstream.project, lambda: None))
            appends(proxy.grpc_target, upstream.project)
            objects(proxy.url)
        return recorder.finish()


@pytest.fixture
def server() -> Iterator[Simulator]:
    with start(seed=2) as simulator:
        yield simulator


def target(server: Simulator, url: str = "", objects: str = "") -> Target:
    place = objects or url or server.storage_url
    return Target("here", url or server.url, server.grpc_target, place, project=server.project)


def paths(result: Result) -> set[tuple[str, str]]:
    return {(d.path, d.kind) for outcome in result.outcomes for d in outcome.failing}


def test_the_same_elsewhere_differs_in_nothing_and_nothing_is_left_out(
    cassette: Cassette, server: Simulator
) -> None:
    result = check(cassette, [target(server)])
    assert result.ok, result.text()
    assert {o.verdict for o in result.outcomes} == {"equal"}, result.text()
    kinds = [o.kind for o in result.outcomes]
    assert (kinds.count("append"), kinds.count("rows"), kinds.count("load")) == (3, 1, 1)
    assert kinds.count("object") == 8


def test_a_load_is_sent_in_pieces_when_it_is_large(
    cassette: Cassette, server: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "_RESUMABLE_BYTES", 4)
    calls = []

    def alter(call: str, status: int, body: Any) -> tuple[int, Any]:
        calls.append(call.partition("?")[0])
        return status, body

    with altered(server.url, alter) as url:
        result = check(cassette, [target(server, url)])
    assert result.ok, result.text()
    assert f"PUT /upload/bigquery/v2/projects/{server.project}/jobs" in calls


def test_rows_that_are_in_another_place_are_found(cassette: Cassette, server: Simulator) -> None:
    with start(seed=3) as other:
        tables(query_client(other.url, other.project, lambda: None), load=False)
        mixed = Target("mixed", server.url, other.grpc_target, server.storage_url, project=server.project)
        result = check(cassette, [mixed])
    # The rows that were loaded are not where the others are.
    assert [o.kind for o in result.outcomes if o.verdict == "differs"] == ["rows"], result.text()
    assert ("rows", "count") in paths(result) or ("totalRows", "count") in paths(result), result.text()


class _Older(grpc.GenericRpcHandler):  # type: ignore[misc]
    """A Storage API whose messages have a field that nobody knows."""

    def __init__(self, target: str) -> None:
        self.channel = grpc.insecure_channel(target)

    def service(self, details: Any) -> Any:
        name = details.method
        if not name.endswith(("CreateReadSession", "ReadRows", "AppendRows")):
            call = self.channel.unary_unary(name, None, None)
            return grpc.unary_unary_rpc_method_handler(lambda request, context: call(request))
        if name.endswith("CreateReadSession"):
            call = self.channel.unary_unary(name, None, None)
            return grpc.unary_unary_rpc_method_handler(
                lambda request, context: call(request) + b"\x98\x06\x01"
            )
        if name.endswith("ReadRows"):
            stream = self.channel.unary_stream(name, None, None)
            return grpc.unary_stream_rpc_method_handler(lambda request, context: stream(request))
        both = self.channel.stream_stream(name, None, None)
        return grpc.stream_stream_rpc_method_handler(lambda requests, context: both(requests))


def test_messages_with_fields_that_no_proto_has_are_found(cassette: Cassette, server: Simulator) -> None:
    handler = _Older(server.grpc_target)
    between = grpc.server(ThreadPoolExecutor(4), [handler])
    port = between.add_insecure_port("127.0.0.1:0")
    between.start()
    try:
        there = target(server)
        there.grpc = f"127.0.0.1:{port}"
        result = check(cassette, [there])
    finally:
        between.stop(None).wait()
        handler.channel.close()
    assert [o.kind for o in result.outcomes if o.verdict == "differs"] == ["rows"], result.text()
    assert paths(result) == {("BigQueryRead.CreateReadSession: ", "form")}
    assert "ReadSession has no field 99" in result.text()


def test_objects_that_are_other_ones_are_found(cassette: Cassette, server: Simulator) -> None:
    def alter(call: str, status: int, body: Any) -> tuple[int, Any]:
        if isinstance(body, bytes):
            return status, body.replace(b"7,x", b"7,z")
        if call.startswith("GET") and "prefix=" in call:
            body["items"] = []
        if "/copyTo/" in call:
            body["contentType"] = "text/plain"
        return status, body

    with altered(server.storage_url, alter) as url:
        result = check(cassette, [target(server, objects=url)])
    assert ("content", "value") in paths(result)
    assert ("body.items", "count") in paths(result)
    assert ("body.contentType", "value") in paths(result)


def test_an_endpoint_without_them_is_not_asked(cassette: Cassette, server: Simulator) -> None:
    result = check(cassette, [Target("bare", server.url, project=server.project)])
    why = {o.kind: o.why for o in result.outcomes if o.verdict == "skipped"}
    assert why["append"] == "the endpoint has no Storage API"
    assert why["object"] == "the endpoint has no Cloud Storage"


def test_a_replay_has_them_too(cassette: Cassette) -> None:
    result = check(cassette, [f"again=cassette:{cassette.folder}"])
    assert result.count("broken") == result.count("skipped") == 0, result.text()
    assert result.ok, result.text()
