from __future__ import annotations

import io
import json
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest
import requests
from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery, bigquery_storage_v1, storage
from google.cloud.bigquery_storage_v1 import types, writer
from google.cloud.bigquery_storage_v1.services.big_query_read.transports import BigQueryReadGrpcTransport
from google.cloud.bigquery_storage_v1.services.big_query_write.transports import BigQueryWriteGrpcTransport
from google.protobuf import descriptor_pb2

import bqsim
from bqsim.record.proxy import RecordingProxy
from bqsim.simulator import Simulator
from tests.taps import ListTap

PROJECT = "demo"
CHANNEL = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


class Side:
    """Clients of one address."""

    def __init__(self, url: str, target: str, ca: str | None, tap: ListTap | None = None) -> None:
        self.url, self.tap = url, tap
        self._target, self._ca = target, ca
        self.session = requests.Session()
        # Another file of authorities must not take the place of this one.
        self.session.trust_env = False
        if ca is not None:
            self.session.verify = ca

    def channel(self) -> grpc.Channel:
        if self._ca is None:
            return grpc.insecure_channel(self._target, options=CHANNEL)
        with open(self._ca, "rb") as file:
            trusted = grpc.ssl_channel_credentials(file.read())
        return grpc.secure_channel(self._target, trusted, options=CHANNEL)

    def client(self) -> bigquery.Client:
        options = ClientOptions(api_endpoint=self.url)
        return bigquery.Client(PROJECT, AnonymousCredentials(), _http=self.session, client_options=options)

    def read_client(self) -> Any:
        return bigquery_storage_v1.BigQueryReadClient(
            transport=BigQueryReadGrpcTransport(channel=self.channel())
        )

    def write_client(self) -> Any:
        return bigquery_storage_v1.BigQueryWriteClient(
            transport=BigQueryWriteGrpcTransport(channel=self.channel())
        )


@pytest.fixture(scope="module")
def sim() -> Iterator[Simulator]:
    with bqsim.start(project=PROJECT) as simulator:
        yield simulator


@pytest.fixture(scope="module", params=["plain", "tls"])
def sides(sim: Simulator, request: pytest.FixtureRequest) -> Iterator[tuple[Side, Side]]:
    """The simulator itself, and the same through a proxy."""
    tap = ListTap()
    with RecordingProxy(
        tap, sim.url, sim.grpc_target, tls=request.param == "tls", upstream_grpc_tls=False
    ) as proxy:
        ca = None if proxy.ca_file is None else str(proxy.ca_file)
        yield Side(sim.url, sim.grpc_target, None), Side(proxy.url, proxy.grpc_target, ca, tap)


def query(side: Side, name: str) -> Any:
    sql = "SELECT n, DATE '2024-01-01' AS d FROM UNNEST([1, 2, 3]) AS n ORDER BY n"
    rows = side.client().query_and_wait(sql, page_size=2)
    return [tuple(row) for row in rows], [(f.name, f.field_type) for f in rows.schema]


def failure(side: Side, name: str) -> Any:
    with pytest.raises(Exception) as raised:
        side.client().query_and_wait("SELECT FROM nowhere")
    return type(raised.value), raised.value.errors  # type: ignore[attr-defined]


def load(side: Side, name: str) -> Any:
    client = side.client()
    client.create_dataset(name)
    config = bigquery.LoadJobConfig(source_format="NEWLINE_DELIMITED_JSON", autodetect=True)
    data = b"".join(json.dumps({"n": i, "s": "x" * 100}).encode() + b"\n" for i in range(5000))
    # Several requests of one upload.
    job = client.load_table_from_file(io.BytesIO(data), f"{name}.t", job_config=config)
    job.result()
    return job.output_rows, client.get_table(f"{name}.t").num_rows


def small_load(side: Side, name: str) -> Any:
    client = side.client()
    client.create_dataset(f"{name}_small")
    config = bigquery.LoadJobConfig(source_format="CSV", autodetect=True)
    data = b"a,b\n1,2\n"
    job = client.load_table_from_file(io.BytesIO(data), f"{name}_small.t", size=len(data), job_config=config)
    return job.result().output_rows


def arrow(side: Side, name: str) -> Any:
    sql = "SELECT n, CONCAT('row ', n) AS s FROM UNNEST(GENERATE_ARRAY(1, 30000)) AS n"
    table = side.client().query(sql).to_arrow(bqstorage_client=side.read_client())
    return table.schema, sorted(table["n"].to_pylist()) == list(range(1, 30001))


def append(side: Side, name: str) -> Any:
    client = side.client()
    client.create_dataset(f"{name}_rows")
    client.query_and_wait(f"CREATE TABLE {name}_rows.t (n INT64)")
    path = f"projects/{PROJECT}/datasets/{name}_rows/tables/t"
    described = descriptor_pb2.DescriptorProto(name="Row")
    described.field.add(name="n", number=1, type=3, label=1)
    template = types.AppendRowsRequest(
        write_stream=f"{path}/streams/_default",
        proto_rows=types.AppendRowsRequest.ProtoData(
            writer_schema=types.ProtoSchema(proto_descriptor=described)
        ),
    )
    write_client = side.write_client()
    stream = writer.AppendRowsStream(write_client, template)
    rows = types.AppendRowsRequest.ProtoData(rows=types.ProtoRows(serialized_rows=[b"\x08\x07", b"\x08\x08"]))
    answer = stream.send(types.AppendRowsRequest(proto_rows=rows)).result(20)
    stream.close()
    write_client.transport.close()
    found = [row.n for row in client.query_and_wait(f"SELECT n FROM {name}_rows.t ORDER BY n")]
    return answer.error.code, found


def objects(side: Side, name: str) -> Any:
    client = storage.Client(
        PROJECT, AnonymousCredentials(), _http=side.session, client_options={"api_endpoint": side.url}
    )
    bucket = client.create_bucket(f"{name}-bucket")
    blob = bucket.blob("a b/ü.bin", chunk_size=256 * 1024)
    data = bytes(range(256)) * 4096
    blob.upload_from_file(io.BytesIO(data), size=len(data))
    blob.reload()
    # What names an address leads to where the client is.
    assert blob.media_link.startswith(side.url)
    return blob.download_as_bytes() == data, [b.name for b in client.list_blobs(bucket)]


def many(side: Side, name: str) -> Any:
    part = (
        "--b\r\nContent-Type: application/http\r\nContent-ID: <{n}>\r\n\r\n"
        f"GET /bigquery/v2/projects/{PROJECT}/datasets/none{{n}} HTTP/1.1\r\n\r\n\r\n"
    )
    body = part.format(n=1) + part.format(n=2) + "--b--\r\n"
    headers = {"Content-Type": "multipart/mixed; boundary=b"}
    answer = side.session.post(f"{side.url}/batch/bigquery/v2", data=body.encode(), headers=headers)
    return answer.status_code, answer.text.count("404 Not Found")


WORKS: tuple[Callable[[Side, str], Any], ...] = (
    query,
    failure,
    load,
    small_load,
    arrow,
    append,
    objects,
    many,
)


@pytest.mark.fidelity("recording:calls", "exact")
@pytest.mark.parametrize("work", WORKS, ids=[work.__name__ for work in WORKS])
def test_clients_see_the_same_through_the_proxy(
    sides: tuple[Side, Side], work: Callable[[Side, str], Any], request: pytest.FixtureRequest
) -> None:
    direct, through = sides
    assert through.tap is not None
    through.tap.calls.clear()
    name = f"{work.__name__}_{request.node.callspec.params['sides']}"
    assert work(through, f"through_{name}") == work(direct, f"direct_{name}")
    assert through.tap.calls
    # The client ends its connections of appends by giving them up.
    whole = [c for c in through.tap.ended(len(through.tap.calls)) if not c.path.endswith("/AppendRows")]
    assert {call.broken for call in whole} == {""}


def test_the_discovery_document_is_the_proxys(sides: tuple[Side, Side]) -> None:
    url = sides[1].url
    found = sides[1].session.get(f"{url}/discovery/v1/apis/bigquery/v2/rest").json()
    assert (found["rootUrl"], found["baseUrl"]) == (f"{url}/", f"{url}/bigquery/v2/")


def test_environment_leads_clients_to_the_proxy(sim: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    tap = ListTap()
    with RecordingProxy(tap, sim.url, sim.grpc_target) as proxy:
        for name, value in proxy.environment().items():
            monkeypatch.setenv(name, value)
        with bigquery.Client(PROJECT, AnonymousCredentials()) as client:
            assert [row.n for row in client.query_and_wait("SELECT 1 AS n")] == [1]
        assert urllib.request.urlopen(f"{proxy.url}/bigquery/v2/projects").status == 200
    assert len(tap.calls) == 2
