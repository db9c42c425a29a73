"""Rows by read sessions: several streams, resumed reads, answers in any order."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from bqsim.record.fold.folder import fold
from bqsim.storage.v1 import read_pb2, stream_pb2
from tests.exchange_help import READ, Calls, job, rows

TABLE = "projects/p/datasets/d/tables/t"
SESSION = "projects/p/locations/us/sessions/sess1"
SCHEMA = pa.schema([("x", pa.int64())])


def batch(*values: int) -> bytes:
    return bytes(pa.record_batch([list(values)], schema=SCHEMA).serialize())


def session(*streams: str, table: str = TABLE, name: str = SESSION) -> tuple[Any, Any]:
    asked = read_pb2.CreateReadSessionRequest(parent="projects/p")
    asked.read_session.table = table
    asked.read_session.read_options.selected_fields.append("x")
    asked.read_session.read_options.row_restriction = "x > 0"
    told = stream_pb2.ReadSession(name=name, table=table, data_format="ARROW", estimated_row_count=9)
    told.arrow_schema.serialized_schema = SCHEMA.serialize().to_pybytes()
    for stream in streams:
        told.streams.add(name=f"{name}/streams/{stream}")
    return asked, told


def create(calls: Calls, *streams: str, table: str = TABLE) -> None:
    asked, told = session(*streams, table=table)
    calls.grpc(READ + "CreateReadSession", [asked], [told])


def read(calls: Calls, stream: str, pages: list[list[int]], offset: int = 0, **more: Any) -> None:
    asked = read_pb2.ReadRowsRequest(read_stream=f"{SESSION}/streams/{stream}", offset=offset)
    told = []
    for page in pages:
        answer = read_pb2.ReadRowsResponse(row_count=len(page))
        answer.arrow_record_batch.serialized_record_batch = batch(*page)
        told.append(answer)
    calls.grpc(READ + "ReadRows", [asked], told, **more)


class Kept:
    """Keeps what is folded."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}

    def __call__(self, data: bytes, media: str, preview: list[str]) -> dict[str, Any]:
        name = f"blob{len(self.blobs)}"
        self.blobs[name] = data
        return {"$blob": name, "size": len(data), "media": media, "preview": preview}

    def values(self, stretch: Any) -> list[int]:
        with pa.ipc.open_stream(self.blobs[stretch["data"]["$blob"]]) as reader:
            return list(reader.read_all()["x"].to_pylist())


def test_streams_follow_one_another_whatever_came_first() -> None:
    calls = Calls()
    create(calls, "s1", "s2")
    read(calls, "s2", [[7, 8], [9]])
    read(calls, "s1", [[1], [2, 3]])
    kept = Kept()
    (made,) = fold(calls.made, keep=kept)
    assert made.kind == "rows"
    assert made.request == {
        "table": "projects/${project}/datasets/d/tables/t",
        "fields": ["x"],
        "restriction": "x > 0",
    }
    assert [(s["start"], s["count"], kept.values(s)) for s in made.result["rows"]] == [
        (0, 3, [1, 2, 3]),
        (3, 3, [7, 8, 9]),
    ]
    assert made.result["totalRows"] == 6
    names = [
        f"projects/${{project}}/locations/us/sessions/${{session}}/streams/${{stream{n}}}" for n in ("", ":2")
    ]
    assert made.result["session"]["read"] == [{"name": name, "rows": 3, "whole": True} for name in names]


def test_a_read_that_broke_and_went_on() -> None:
    calls = Calls()
    create(calls, "s1")
    read(calls, "s1", [[1, 2], [3]], code="UNAVAILABLE")
    read(calls, "s1", [[3, 4], [5]], offset=2)
    kept = Kept()
    (made,) = fold(calls.made, keep=kept)
    (stretch,) = made.result["rows"]
    assert kept.values(stretch) == [1, 2, 3, 4, 5]
    assert made.result["failures"][0]["code"] == "UNAVAILABLE"


def test_a_read_that_was_given_up() -> None:
    calls = Calls()
    create(calls, "s1", "s2")
    read(calls, "s1", [[1, 2]], code="CANCELLED")
    (made,) = fold(calls.made, keep=Kept())
    assert made.result["session"]["read"][0] == {
        "name": "projects/${project}/locations/us/sessions/${session}/streams/${stream}",
        "rows": 2,
        "whole": False,
    }
    assert "totalRows" not in made.result
    assert made.result["estimatedRows"] == 9


def test_how_it_was_cut_does_not_matter() -> None:
    blobs = []
    for pages in ([[1, 2, 3], [4]], [[1], [2, 3, 4]]):
        calls = Calls()
        create(calls, "s1")
        read(calls, "s1", pages)
        kept = Kept()
        fold(calls.made, keep=kept)
        blobs.append(list(kept.blobs.values()))
    assert blobs[0] == blobs[1]


def test_avro() -> None:
    calls = Calls()
    asked, told = session("s1")
    told.ClearField("arrow_schema")
    told.avro_schema.schema = '{"type": "record"}'
    calls.grpc(READ + "CreateReadSession", [asked], [told])
    answers = []
    for data in (b"ab", b"cd"):
        answer = read_pb2.ReadRowsResponse(row_count=2)
        answer.avro_rows.serialized_binary_rows = data
        answers.append(answer)
    request = read_pb2.ReadRowsRequest(read_stream=f"{SESSION}/streams/s1")
    calls.grpc(READ + "ReadRows", [request], answers)
    kept = Kept()
    (made,) = fold(calls.made, keep=kept)
    (stretch,) = made.result["rows"]
    assert (stretch["format"], stretch["count"], stretch["schema"]) == ("avro", 4, '{"type": "record"}')
    assert kept.blobs[stretch["data"]["$blob"]] == b"abcd"


def test_a_result_that_is_read_by_a_session_is_the_query() -> None:
    calls = Calls()
    told = {
        "query": {"query": "q", "destinationTable": {"projectId": "p", "datasetId": "_h", "tableId": "anon1"}}
    }
    calls.rest("POST", "/jobs", {"configuration": {"query": {"query": "q"}}}, job("job_1", told))
    page = {"jobReference": {"jobId": "job_1"}, "jobComplete": True, "totalRows": "3", "rows": rows("1")}
    calls.rest("GET", "/queries/job_1?maxResults=1", None, page)
    create(calls, "s1", table="projects/p/datasets/_h/tables/anon1")
    read(calls, "s1", [[1, 2, 3]])
    kept = Kept()
    (made,) = fold(calls.made, keep=kept)
    assert made.kind == "query"
    (stretch,) = made.result["rows"]
    assert stretch["format"] == "arrow"
    assert kept.values(stretch) == [1, 2, 3]
    assert made.result["session"]["name"].endswith("/sessions/${session}")


@pytest.mark.parametrize("code", ["NOT_FOUND", "PERMISSION_DENIED"])
def test_refused(code: str) -> None:
    calls = Calls()
    calls.grpc(READ + "CreateReadSession", [session("s")[0]], [], code, "no")
    (made,) = fold(calls.made)
    assert made.result == {"error": {"code": code, "message": "no"}}
