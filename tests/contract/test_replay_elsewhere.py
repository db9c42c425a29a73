"""Storage calls that were not recorded are answered by a simulator or by the service, where a replay may ask
them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bqsim.record.cassette.header import Header
from bqsim.record.cassette.writer import CassetteWriter
from bqsim.replay.server import ReplayServer
from bqsim.simulator import Simulator

storage = pytest.importorskip("google.cloud.bigquery_storage_v1")

from google.api_core import exceptions  # noqa: E402
from google.cloud.bigquery_storage_v1 import types  # noqa: E402
from google.protobuf import descriptor_pb2  # noqa: E402

pytestmark = pytest.mark.fidelity("recording:what was not recorded", "exact")

FIELD = descriptor_pb2.FieldDescriptorProto


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """A cassette in which nothing was recorded."""
    folder = tmp_path / "empty.cassette"
    CassetteWriter(folder).write(Header(), [])
    return folder


def read(replay: ReplayServer, table: str) -> list[int]:
    client = replay.read_client()
    session = client.create_read_session(
        parent=f"projects/{replay.project}",
        read_session=types.ReadSession(table=table, data_format=types.DataFormat.ARROW),
        max_stream_count=1,
    )
    found = client.read_rows(session.streams[0].name).to_arrow(session)
    return sorted(found.column("id").to_pylist())


def append(replay: ReplayServer, table: str, numbers: list[int]) -> None:
    message = descriptor_pb2.DescriptorProto(name="Row")
    message.field.add(name="id", number=1, type=FIELD.TYPE_INT64, label=FIELD.LABEL_OPTIONAL)
    stream = f"{table}/streams/_default"

    def requests() -> Iterator[Any]:
        for number in numbers:
            request = types.AppendRowsRequest(write_stream=stream)
            request.proto_rows.writer_schema.proto_descriptor = message
            request.proto_rows.rows.serialized_rows.append(b"\x08" + bytes([number]))
            yield request

    metadata = [("x-goog-request-params", f"write_stream={stream}")]
    answers = list(replay.write_client().append_rows(requests(), metadata=metadata))
    assert len(answers) == len(numbers)
    assert not any(answer.error.code for answer in answers)


def use(replay: ReplayServer) -> None:
    table = f"projects/{replay.project}/datasets/d/tables/t"
    append(replay, table, [3, 4])
    assert read(replay, table) == [1, 2, 3, 4]
    with pytest.raises(exceptions.NotFound, match="Not found: Table"):
        read(replay, f"{table}_absent")
    asked = {finding.title for finding in replay.report().of("elsewhere")}
    assert {"BigQueryWrite/AppendRows", "BigQueryRead/CreateReadSession", "BigQueryRead/ReadRows"} <= asked
    assert replay.report().ok, replay.report().text


def test_a_simulator_answers(empty: Path) -> None:
    with ReplayServer(empty, unknown="simulator", project="elsewhere-project") as replay:
        sql = "CREATE SCHEMA d; CREATE TABLE d.t AS SELECT id FROM UNNEST([1, 2]) AS id"
        replay.client().query_and_wait(sql)
        use(replay)


def test_the_service_answers(empty: Path, bqsim_server: Simulator, bqsim_client: Any) -> None:
    sql = "CREATE SCHEMA d; CREATE TABLE d.t AS SELECT id FROM UNNEST([1, 2]) AS id"
    bqsim_client.query_and_wait(sql)
    upstream = (bqsim_server.url, bqsim_server.grpc_target)
    with ReplayServer(empty, unknown="upstream", upstream=upstream, project=bqsim_client.project) as replay:
        use(replay)


def test_nobody_answers(empty: Path) -> None:
    with ReplayServer(empty, project="elsewhere-project") as replay:
        with pytest.raises(exceptions.FailedPrecondition, match="not recorded"):
            read(replay, "projects/elsewhere-project/datasets/d/tables/t")
        assert replay.report().of("unexpected")
