"""Write streams, loads and objects of the recorded shop, replayed in other pieces."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bqsim.record.cassette.cassette import Cassette
from bqsim.replay.matching import Matching
from bqsim.replay.server import ReplayServer

pytest.importorskip("google.cloud.bigquery_storage_v1")

from google.api_core import exceptions
from google.cloud.bigquery_storage_v1 import types

from tests.contract import shop
from tests.contract.shop import CASSETTE, CSV, DATASET, PROJECT, TABLE, Shop, content, pieces

pytestmark = pytest.mark.fidelity("recording:replay of reads and appends", "exact")

DEFAULT = f"{TABLE}/streams/_default"


@pytest.fixture(scope="module")
def answers() -> dict[str, Any]:
    """What the program was answered when it was recorded."""
    found: dict[str, Any] = json.loads(shop.ANSWERS.read_text("utf-8"))
    return found


@pytest.fixture
def replay() -> Iterator[ReplayServer]:
    with ReplayServer(CASSETTE, project=PROJECT) as server:
        yield server


@pytest.fixture
def program(replay: ReplayServer) -> Shop:
    return Shop(replay.url, replay.grpc_target)


def same_content(replay: ReplayServer) -> None:
    assert not replay.report().of("content"), replay.report().text
    assert not replay.report().of("unexpected"), replay.report().text


def test_the_whole_program(program: Shop, replay: ReplayServer, answers: dict[str, Any]) -> None:
    assert program.everything() == answers
    assert replay.report().ok, replay.report().text


def test_recording_it_again(answers: dict[str, Any], tmp_path: Path) -> None:
    folder = tmp_path / "shop.cassette"
    assert shop.record(folder) == answers
    found, kept = Cassette.open(folder), Cassette.open(CASSETTE)
    assert sorted(e.name for e in found.entries) == sorted(e.name for e in kept.entries)


# Write streams


@pytest.mark.parametrize("size", [1, 3, 4, 12])
def test_rows_in_other_batches(
    program: Shop, replay: ReplayServer, answers: dict[str, Any], size: int
) -> None:
    assert program.streams(pieces(size)) == answers["streams"]
    same_content(replay)


@pytest.mark.parametrize("size", [1, 5, 12])
def test_arrow_rows_in_other_batches(
    program: Shop, replay: ReplayServer, answers: dict[str, Any], size: int
) -> None:
    assert program.arrow(size)[1] == answers["arrow"][1]
    same_content(replay)


def test_rows_beyond_those_recorded_are_refused(program: Shop, replay: ReplayServer) -> None:
    with pytest.raises(exceptions.FailedPrecondition, match="12 rows were recorded"):
        program.append(DEFAULT, [list(range(60, 80))], offsets=False)
    assert replay.report().of("unexpected")


def test_other_rows(program: Shop, replay: ReplayServer) -> None:
    """They are taken and reported; where rows are to be equal they are refused."""
    stream = program.stream(TABLE, "COMMITTED")
    assert program.append(stream.name, [[100, 101]]) == [0]
    found = replay.report().of("content")
    assert [f.detail for f in found] == [
        'row 0: recorded {"id":"20","name":"n20"}, sent {"id":"100","name":"n100"}'
    ]
    with ReplayServer(CASSETTE, project=PROJECT, matching=Matching(fields={"rows": "equals"})) as strict:
        exact = Shop(strict.url, strict.grpc_target)
        stream = exact.stream(TABLE, "COMMITTED")
        with pytest.raises(exceptions.FailedPrecondition, match="recorded with other rows; row 1"):
            exact.append(stream.name, [[20, 101]])


def test_row_errors(program: Shop, answers: dict[str, Any]) -> None:
    assert json.loads(json.dumps(program.row_errors())) == answers["row errors"]


def test_row_errors_of_rows_that_come_alone(program: Shop, answers: dict[str, Any]) -> None:
    stream = program.stream(f"{DATASET}/tables/codes", "COMMITTED").name
    metadata = [("x-goog-request-params", f"write_stream={stream}")]

    def append(rows: list[tuple[int | None, str]], offset: int) -> Any:
        request = types.AppendRowsRequest(write_stream=stream, offset=offset)
        request.proto_rows.writer_schema.proto_descriptor = shop.descriptor("code")
        request.proto_rows.rows.serialized_rows.extend(shop.order(i, text) for i, text in rows)
        return next(iter(program.write.append_rows(iter([request]), metadata=metadata)))

    good = append([(1, "abc")], 0)
    assert (good.error.code, good.append_result.offset, list(good.row_errors)) == (0, 0, [])
    bad = append([(2, "long")], 1)
    assert bad.error.code == 3
    assert [[e.index, e.code.name, e.message] for e in bad.row_errors] == [
        [0, *answers["row errors"][0][2][0][1:]]
    ]


def test_updated_schemas_are_told_once(program: Shop, answers: dict[str, Any]) -> None:
    assert program.updated_schema() == answers["schema"]


# Reads


@pytest.mark.parametrize("streams", [1, 3])
def test_restrictions_as_recorded(program: Shop, answers: dict[str, Any], streams: int) -> None:
    restricted = "id > 5 AND name != 'n7'"
    assert [program.ids("", streams), program.ids(restricted, streams)] == answers["reads"]
    with pytest.raises(exceptions.FailedPrecondition, match="where id > 6"):
        program.ids("id > 6")


# Faults on top


def test_faults_of_calls(program: Shop, replay: ReplayServer, answers: dict[str, Any]) -> None:
    replay.faults.add("UNAVAILABLE", method="*.FinalizeWriteStream", times=1)
    refused = replay.faults.add("RESOURCE_EXHAUSTED", method="*.CreateReadSession")
    with pytest.raises(exceptions.ResourceExhausted):
        program.read.create_read_session(
            parent=f"projects/{PROJECT}",
            read_session=types.ReadSession(
                table=f"{DATASET}/tables/sold", data_format=types.DataFormat.ARROW
            ),
            retry=None,
        )
    assert refused.fired == 1
    refused.remove()
    # The client tries once more.
    assert program.arrow(4) == answers["arrow"]


def test_a_stream_of_rows_that_breaks(program: Shop, replay: ReplayServer, answers: dict[str, Any]) -> None:
    broken = replay.faults.add("reset", method="*.ReadRows", times=1)
    assert program.ids() == answers["reads"][0]
    assert broken.fired == 1


# Loads and objects


@pytest.mark.parametrize("resumable", [True, False])
def test_uploads_of_loads(
    program: Shop, replay: ReplayServer, answers: dict[str, Any], resumable: bool
) -> None:
    assert program.load(CSV.replace(b"\n", b"\r\n"), resumable=resumable) == answers["load"]
    same_content(replay)


@pytest.mark.parametrize("size", [1, 5, len(CSV)])
def test_chunks_of_loads(replay: ReplayServer, answers: dict[str, Any], size: int) -> None:
    connection = http.client.HTTPConnection(replay.url.removeprefix("http://"), timeout=30)

    def call(verb: str, path: str, data: bytes, **headers: str) -> tuple[int, Any, bytes]:
        connection.request(verb, path, data, {k.replace("_", "-"): v for k, v in headers.items()})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()

    columns = [{"name": "id", "type": "INTEGER"}, {"name": "name", "type": "STRING"}]
    table = {"projectId": PROJECT, "datasetId": "shop", "tableId": "loaded"}
    load = {
        "sourceFormat": "CSV",
        "skipLeadingRows": 1,
        "schema": {"fields": columns},
        "destinationTable": table,
    }
    begun = f"/upload/bigquery/v2/projects/{PROJECT}/jobs?uploadType=resumable"
    status, headers, _ = call("POST", begun, json.dumps({"configuration": {"load": load}}).encode())
    assert status == 200
    place = headers["location"].removeprefix(replay.url)
    for at in range(0, len(CSV), size):
        piece = CSV[at : at + size]
        total = str(len(CSV)) if at + size >= len(CSV) else "*"
        span = f"bytes {at}-{at + len(piece) - 1}/{total}"
        status, headers, data = call("PUT", place, piece, Content_Range=span)
        assert status == (308 if total == "*" else 200), data
    job = json.loads(data)
    assert job["statistics"]["load"]["outputRows"] == str(answers["load"])
    same_content(replay)
    connection.close()


@pytest.mark.parametrize("chunk", [None, 256 * 1024])
def test_objects(program: Shop, answers: dict[str, Any], chunk: int | None) -> None:
    assert program.objects(300_000, chunk=chunk) == answers["objects"]


def test_ranges_of_objects(program: Shop) -> None:
    data = content(300_000)
    blob = program.bucket().blob("a/one.bin")
    assert blob.download_as_bytes(start=1000, end=1999, raw_download=True) == data[1000:2000]
    chunked = program.bucket().blob("a/one.bin", chunk_size=256 * 1024)
    assert chunked.download_as_bytes() == data


def test_composing_what_was_not_recorded(program: Shop, replay: ReplayServer) -> None:
    bucket = program.bucket()
    with pytest.raises(exceptions.GoogleAPICallError, match="Not recorded"):
        bucket.blob("parts/other").compose([bucket.blob("parts/y"), bucket.blob("parts/x")])
    assert replay.report().of("unexpected")
