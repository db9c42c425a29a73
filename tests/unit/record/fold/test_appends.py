"""Write streams as operations."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from google.protobuf import descriptor_pb2

from bqsim.record.fold.folder import fold
from bqsim.storage.v1 import stream_pb2, write_pb2
from tests.exchange_help import WRITE, Calls

from .test_reading import Kept

TABLE = "projects/p/datasets/d/tables/t"
STREAM = f"{TABLE}/streams/wstream1"
ROW = descriptor_pb2.DescriptorProto(name="Row")
ROW.field.add(name="n", number=1, type=3, label=1)
ROW.field.add(name="tags", number=2, type=9, label=3)
ROWS = [b"\x08\x05\x12\x01a", b"\x08\x06"]


def append(
    name: str = "", offset: int | None = None, rows: list[bytes] | None = None, schema: bool = True
) -> Any:
    made = write_pb2.AppendRowsRequest(write_stream=name)
    if offset is not None:
        made.offset.value = offset
    made.proto_rows.rows.serialized_rows.extend(ROWS if rows is None else rows)
    if schema:
        made.proto_rows.writer_schema.proto_descriptor.CopyFrom(ROW)
    return made


def answer(offset: int | None = None, error: int = 0) -> Any:
    told = write_pb2.AppendRowsResponse()
    if error:
        told.error.code, told.error.message = error, "no"
    elif offset is None:
        told.append_result.SetInParent()
    else:
        told.append_result.offset.value = offset
    return told


def create(calls: Calls, name: str = STREAM, type_: str = "PENDING") -> None:
    asked = write_pb2.CreateWriteStreamRequest(parent=TABLE)
    calls.grpc(WRITE + "CreateWriteStream", [asked], [stream_pb2.WriteStream(name=name, type=type_)])


def test_from_creation_to_commit() -> None:
    calls = Calls()
    create(calls)
    calls.grpc(
        WRITE + "AppendRows", [append(STREAM, 0), append(offset=2, schema=False)], [answer(0), answer(2)]
    )
    finalize = write_pb2.FinalizeWriteStreamRequest(name=STREAM)
    calls.grpc(
        WRITE + "FinalizeWriteStream", [finalize], [write_pb2.FinalizeWriteStreamResponse(row_count=4)]
    )
    commit = write_pb2.BatchCommitWriteStreamsRequest(parent=TABLE, write_streams=[STREAM])
    calls.grpc(WRITE + "BatchCommitWriteStreams", [commit], [write_pb2.BatchCommitWriteStreamsResponse()])
    kept = Kept()
    (made,) = fold(calls.made, keep=kept)
    assert made.kind == "append"
    assert made.request["type"] == "PENDING"
    assert made.request["count"] == 4
    assert [f["mode"] for f in made.request["schema"]["fields"]] == ["NULLABLE", "REPEATED"]
    assert [kept.blobs[s["data"]["$blob"]] for s in made.request["rows"]] == [
        b'{"n":"5","tags":["a"]}\n{"n":"6"}\n'
    ] * 2
    assert made.result["finalized"] == 4
    assert made.result["committed"] is True
    assert made.result["responses"] == [
        {"row": 0, "count": 2, "offset": 0},
        {"row": 2, "count": 2, "offset": 2},
    ]
    assert made.result["stream"]["name"].endswith("/tables/t/streams/${stream}")
    assert made.changes == ("table:${project}.d.t",)


def test_streams_that_are_committed_together() -> None:
    calls = Calls()
    names = [f"{TABLE}/streams/wstream{n}" for n in (1, 2)]
    for name in names:
        create(calls, name)
        calls.grpc(WRITE + "AppendRows", [append(name, 0)], [answer(0)])
    commit = write_pb2.BatchCommitWriteStreamsRequest(parent=TABLE, write_streams=names)
    calls.grpc(WRITE + "BatchCommitWriteStreams", [commit], [write_pb2.BatchCommitWriteStreamsResponse()])
    first, second = fold(calls.made)
    assert first.result["committed"] is second.result["committed"] is True
    numbers = sorted(first.measures["numbers"] + second.measures["numbers"])
    assert numbers == [1, 2, 3, 4, 5]


def test_streams_on_one_connection() -> None:
    calls = Calls()
    names = [f"{TABLE}/streams/wstream{n}" for n in (1, 2)]
    asked = [append(names[0], 0), append(names[1], 0, ROWS[:1]), append(names[0], 2)]
    calls.grpc(WRITE + "AppendRows", asked, [answer(0), answer(0), answer(2)])
    made = sorted(fold(calls.made), key=lambda o: o.request["count"])
    assert [(o.request["count"], len(o.result["responses"])) for o in made] == [(1, 1), (4, 2)]


def test_every_connection_to_the_default_stream() -> None:
    for name in (f"{TABLE}/_default", f"{TABLE}/streams/_default"):
        calls = Calls()
        for _ in range(2):
            calls.grpc(WRITE + "AppendRows", [append(name)], [answer()])
        first, second = fold(calls.made)
        assert first.request["type"] == "DEFAULT"
        assert first.request["table"] == "projects/${project}/datasets/d/tables/t"
        assert (first.occurrence, second.occurrence) == (1, 2)


def test_rows_that_were_refused_and_sent_again() -> None:
    calls = Calls()
    calls.grpc(WRITE + "AppendRows", [append(STREAM, 0), append(offset=5)], [answer(0), answer(error=11)])
    calls.grpc(WRITE + "AppendRows", [append(STREAM, 2, ROWS[:1])], [answer(2)], "UNAVAILABLE", "gone")
    (made,) = fold(calls.made)
    assert made.result["responses"][1]["error"] == {"code": 11, "message": "no"}
    assert [(s["start"], s["count"]) for s in made.request["rows"]] == [(0, 2), (2, 1), (5, 2)]
    assert made.result["failures"][0]["code"] == "UNAVAILABLE"


def test_arrow_rows() -> None:
    schema = pa.schema([("x", pa.int64())])
    asked = write_pb2.AppendRowsRequest(write_stream=STREAM)
    asked.arrow_rows.writer_schema.serialized_schema = schema.serialize().to_pybytes()
    asked.arrow_rows.rows.serialized_record_batch = bytes(
        pa.record_batch([[1, 2, 3]], schema=schema).serialize()
    )
    calls = Calls()
    calls.grpc(WRITE + "AppendRows", [asked], [answer(0)])
    kept = Kept()
    (made,) = fold(calls.made, keep=kept)
    (stretch,) = made.request["rows"]
    assert (stretch["format"], stretch["count"], kept.values(stretch)) == ("arrow", 3, [1, 2, 3])


def test_rows_that_cannot_be_read_are_kept() -> None:
    calls = Calls()
    calls.grpc(WRITE + "AppendRows", [append(STREAM, 0, [b"\xff\xff"])], [answer(0)])
    kept = Kept()
    fold(calls.made, keep=kept)
    assert list(kept.blobs.values()) == [b'{"$proto":"//8="}\n']
