"""Write streams from recorded appends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from google.protobuf import descriptor_pb2

from bqsim.errors import StorageFailure
from bqsim.replay.appends import AppendReplay
from bqsim.replay.book import Book
from bqsim.replay.reads import NotHere
from bqsim.sim.clock import SimulationClock
from bqsim.sim.draws import Draws
from bqsim.storage.v1 import stream_pb2, write_pb2

from .cassettes import TABLE, Writing

T = "projects/p/datasets/d/tables/t"
KINDS = stream_pb2.WriteStream.Type
UNAVAILABLE = {"code": 14, "message": "later"}


@pytest.fixture
def writing(tmp_path: Path) -> Writing:
    return Writing(tmp_path / "c.cassette")


def recorded(writing: Writing, kind: str, numbers: list[int], **result: Any) -> None:
    """An append operation of rows with these ids."""
    data = writing.put(b"".join(b'{"id":"%d"}\n' % n for n in numbers))
    request: dict[str, Any] = {"table": TABLE, "type": kind, "count": len(numbers)}
    if numbers:
        request["rows"] = [{"start": 0, "count": len(numbers), "format": "ndjson", "data": data}]
    stream = {"name": TABLE + "/streams/${stream}", "type": kind}
    writing.add("append", request, {"stream": stream, **result})


def replay(writing: Writing) -> AppendReplay:
    return AppendReplay(Book.open(writing.written(), project="p"), SimulationClock(), Draws(1))


def created(replay: AppendReplay, kind: str) -> str:
    request = write_pb2.CreateWriteStreamRequest(parent=T, write_stream={"type": KINDS.Value(kind)})
    made: str = replay.create_stream(request).name
    return made


def send(
    replay: AppendReplay, stream: str, numbers: list[int], offset: int | None = None
) -> write_pb2.AppendRowsResponse:
    message = descriptor_pb2.DescriptorProto(name="Row")
    message.field.add(name="id", number=1, type=3, label=1)
    request = write_pb2.AppendRowsRequest(write_stream=stream)
    request.proto_rows.writer_schema.proto_descriptor.CopyFrom(message)
    request.proto_rows.rows.serialized_rows.extend(b"\x08" + bytes([n]) for n in numbers)
    if offset is not None:
        request.offset.value = offset
    answer: write_pb2.AppendRowsResponse = write_pb2.AppendRowsResponse.FromString(
        replay.connection().append(request)
    )
    return answer


def test_offsets_are_those_of_this_replay(writing: Writing) -> None:
    recorded(writing, "COMMITTED", [1, 2, 3, 4], finalized=4)
    made = replay(writing)
    stream = created(made, "COMMITTED")
    assert send(made, stream, [1], 0).append_result.offset.value == 0
    assert send(made, stream, [1], 0).error.code == 6
    assert send(made, stream, [4], 3).error.code == 11
    assert send(made, stream, [2, 3, 4], 1).append_result.offset.value == 1
    done = made.finalize_stream(write_pb2.FinalizeWriteStreamRequest(name=stream))
    assert done.row_count == 4
    assert send(made, stream, [5], 4).error.message.startswith("Stream has been finalized")


def test_passing_errors_come_once(writing: Writing) -> None:
    told = [
        {"row": 0, "count": 2, "offset": 0},
        {"row": 2, "count": 2, "error": UNAVAILABLE},
        {"row": 2, "count": 2, "offset": 2},
    ]
    recorded(writing, "COMMITTED", [1, 2, 3, 4], responses=told)
    made = replay(writing)
    stream = created(made, "COMMITTED")
    assert [send(made, stream, [n], n - 1).error.code for n in (1, 2, 3)] == [0, 0, 14]
    assert [send(made, stream, [n], n - 1).error.code for n in (3, 4)] == [0, 0]


def test_row_errors_are_about_the_rows_that_have_them(writing: Writing) -> None:
    errors = [{"index": 1, "code": "FIELDS_ERROR", "message": "bad"}]
    refused = {"row": 0, "count": 3, "error": {"code": 3, "message": "rows"}, "rowErrors": errors}
    told = [refused, {"row": 0, "count": 2, "offset": 0}]
    recorded(writing, "COMMITTED", [1, 3], responses=told)
    made = replay(writing)
    stream = created(made, "COMMITTED")
    answer = send(made, stream, [1, 2, 3], 0)
    assert (answer.error.code, [e.index for e in answer.row_errors]) == (3, [1])
    assert send(made, stream, [1, 3], 0).append_result.offset.value == 0


def test_good_rows_are_taken_though_they_were_refused_with_others(writing: Writing) -> None:
    errors = [{"index": 1, "code": "FIELDS_ERROR", "message": "bad"}]
    refused = {"row": 0, "count": 3, "error": {"code": 3, "message": "rows"}, "rowErrors": errors}
    recorded(writing, "COMMITTED", [1, 3], responses=[refused, {"row": 0, "count": 2, "offset": 0}])
    made = replay(writing)
    stream = created(made, "COMMITTED")
    assert not send(made, stream, [1], 0).error.code
    alone = send(made, stream, [2], 1)
    assert (alone.error.code, [e.index for e in alone.row_errors]) == (3, [0])
    assert send(made, stream, [3], 1).append_result.offset.value == 1


def test_a_schema_is_told_where_it_was(writing: Writing) -> None:
    schema = {"fields": [{"name": "id", "type": "INT64"}, {"name": "age", "type": "INT64"}]}
    told = [{"row": 1, "count": 1, "updatedSchema": schema}]
    recorded(writing, "DEFAULT", [1, 2, 3], responses=told)
    made = replay(writing)
    found = [send(made, f"{T}/streams/_default", [n]).updated_schema.fields for n in (1, 2, 3)]
    assert [[f.name for f in fields] for fields in found] == [[], ["id", "age"], []]


def test_streams_are_told_apart_by_their_rows(writing: Writing) -> None:
    recorded(writing, "PENDING", [1, 2])
    recorded(writing, "PENDING", [8, 9], finalized=2, committed=True)
    made = replay(writing)
    first, second = created(made, "PENDING"), created(made, "PENDING")
    assert first != second
    assert not send(made, first, [8, 9], 0).error.code
    assert not send(made, second, [1, 2], 0).error.code
    commit = write_pb2.BatchCommitWriteStreamsRequest(parent=T, write_streams=[first])
    refused = made.batch_commit(commit).stream_errors
    assert "has not been finalized" in refused[0].error_message
    made.finalize_stream(write_pb2.FinalizeWriteStreamRequest(name=first))
    assert made.batch_commit(commit).HasField("commit_time")


def test_flushes_stay_within_the_stream(writing: Writing) -> None:
    recorded(writing, "BUFFERED", [1, 2], flushed=1)
    made = replay(writing)
    stream = created(made, "BUFFERED")
    send(made, stream, [1, 2], 0)
    flush = write_pb2.FlushRowsRequest(write_stream=stream, offset={"value": 1})
    assert made.flush_rows(flush).offset == 1
    flush.offset.value = 2
    with pytest.raises(StorageFailure, match="beyond stream"):
        made.flush_rows(flush)


def test_what_was_not_recorded(writing: Writing) -> None:
    recorded(writing, "COMMITTED", [1])
    made = replay(writing)
    with pytest.raises(NotHere, match="Not recorded"):
        send(made, f"{T}/streams/_default", [1])
    with pytest.raises(NotHere, match="was not found"):
        send(made, f"{T}/streams/abc", [1])
    stream = created(made, "COMMITTED")
    with pytest.raises(NotHere, match="1 rows were recorded"):
        send(made, stream, [1, 2], 0)
    with pytest.raises(NotHere, match="recorded 1 time, created as often already"):
        created(made, "COMMITTED")
