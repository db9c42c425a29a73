"""The Storage API of a replay: what it passes on, and how calls end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from bqsim.errors import StorageFailure
from bqsim.replay.book import Book
from bqsim.replay.grpc import Fallback, StorageReplay
from bqsim.replay.sources import Refused
from bqsim.sim.clock import SimulationClock
from bqsim.sim.draws import Draws
from bqsim.storage.v1 import read_pb2, stream_pb2, write_pb2

from .cassettes import TABLE, Writing

T = "projects/p/datasets/d/tables/t"
SERVICE = "/google.cloud.bigquery.storage.v1."


class Ended(grpc.RpcError):  # type: ignore[misc]
    """How a call ends at somebody else's."""

    def code(self) -> Any:
        return grpc.StatusCode.NOT_FOUND

    def details(self) -> str:
        return "not there either"

    def trailing_metadata(self) -> Any:
        return (("grpc-status-details-bin", b"\x08\x05"),)


class Call:
    """A call of which answers come."""

    def __init__(self, answers: list[Any]) -> None:
        self.answers, self.cancelled = answers, False

    def __iter__(self) -> Iterator[Any]:
        for answer in self.answers:
            if isinstance(answer, Exception):
                raise answer
            yield answer

    def cancel(self) -> None:
        self.cancelled = True


class Channel:
    """Somebody else, who gives answers by method."""

    def __init__(self, **answers: list[Any]) -> None:
        self.answers = answers
        self.asked: list[tuple[str, Any]] = []

    def _method(self, path: str) -> Any:
        name = path.rpartition("/")[2]

        def call(request: Any, metadata: Any) -> Any:
            assert path.startswith(SERVICE)
            sent = request if isinstance(request, bytes) else list(request)
            self.asked.append((name, sent))
            return Call(self.answers[name])

        return call

    def unary_unary(self, path: str) -> Any:
        return lambda request, metadata: next(iter(self._method(path)(request, metadata)))

    unary_stream = stream_stream = _method


def replay(writing: Writing, fallback: Fallback | None = None, **options: Any) -> StorageReplay:
    book = Book.open(writing.written(), project="p", **options)
    return StorageReplay(book, SimulationClock(), Draws(1), fallback)


@pytest.fixture
def writing(tmp_path: Path) -> Writing:
    return Writing(tmp_path / "c.cassette")


def session(table: str = T) -> read_pb2.CreateReadSessionRequest:
    return read_pb2.CreateReadSessionRequest(
        parent="projects/p", read_session={"table": table, "data_format": stream_pb2.ARROW}
    )


def read(stream: str) -> read_pb2.ReadRowsRequest:
    return read_pb2.ReadRowsRequest(read_stream=stream)


def test_what_was_not_recorded_is_asked_elsewhere(writing: Writing) -> None:
    there = stream_pb2.ReadSession(name="there").SerializeToString()
    stream = "projects/p/locations/us/sessions/there/streams/s"
    channel = Channel(CreateReadSession=[there], ReadRows=[b"one", b"two"], AppendRows=[b"three", b"four"])
    methods: list[str] = []

    def fallback(method: str) -> Any:
        methods.append(method)
        return channel

    made = replay(writing, fallback)
    assert made.read.create_session(session(), "me").name == "there"
    assert list(made.read.read_rows(read(stream), lambda: False)) == [b"one", b"two"]
    request = write_pb2.AppendRowsRequest(write_stream=f"{T}/streams/_default")
    request.proto_rows.writer_schema.proto_descriptor.name = "Row"
    request.proto_rows.rows.serialized_rows.append(b"")
    requests = [request.SerializeToString(), b"more"]
    assert list(made.write.append_rows(iter(requests), "me", None)) == [b"three", b"four"]
    assert methods == ["BigQueryRead/CreateReadSession", "BigQueryRead/ReadRows", "BigQueryWrite/AppendRows"]
    assert channel.asked[2] == ("AppendRows", requests)


def test_refusals_from_elsewhere_have_their_details(writing: Writing) -> None:
    channel = Channel(CreateReadSession=[Ended()], ReadRows=[b"one", Ended()])
    made = replay(writing, lambda method: channel)
    with pytest.raises(Refused, match="not there either") as refused:
        made.read.create_session(session(), "me")
    assert (refused.value.status, refused.value.details) == ("NOT_FOUND", b"\x08\x05")
    answers = made.read.read_rows(read("projects/p/locations/us/sessions/x/streams/y"), lambda: False)
    assert next(answers) == b"one"
    with pytest.raises(Refused, match="not there either"):
        next(answers)


def test_recorded_refusals_stay_here(writing: Writing) -> None:
    error = {"code": "PERMISSION_DENIED", "message": "no"}
    writing.add("rows", {"table": TABLE}, {"error": error})
    made = replay(writing, lambda method: pytest.fail(method))
    with pytest.raises(Refused, match="no"):
        made.read.create_session(session(), "me")


def test_passing_failures_come_first(writing: Writing) -> None:
    data = writing.put(b'[{"f":[{"v":"1"}]}]')
    failure = {"method": "CreateReadSession", "code": "UNAVAILABLE", "message": "later"}
    result = {
        "schema": {"fields": [{"name": "a", "type": "INTEGER"}]},
        "totalRows": 1,
        "rows": [{"start": 0, "count": 1, "format": "json", "data": data}],
        "failures": [failure],
    }
    writing.add("rows", {"table": TABLE}, result)
    made = replay(writing, failures="recorded")
    with pytest.raises(StorageFailure, match="later") as failed:
        made.read.create_session(session(), "me")
    assert failed.value.status == "UNAVAILABLE"
    assert made.read.create_session(session(), "me").estimated_row_count == 1
