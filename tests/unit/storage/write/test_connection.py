"""Connections: the order of answers, destinations, offsets, endings."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import pyarrow as pa
import pytest
from google.protobuf import descriptor_pb2

from bqsim.storage.errors import StorageFailure
from bqsim.storage.v1 import status_pb2, write_pb2
from bqsim.types import Field, TypeKind
from tests.waiting import until

from .conftest import DATASET, FIELDS, PB, SCHEMA, TABLE, Stack, opening, request, rows_of

PARENT = "projects/p/datasets/d/tables/t"
DEFAULT = f"{PARENT}/streams/_default"
Code = status_pb2.StorageError.StorageErrorCode


def refusal(stack: Stack, *requests: bytes) -> StorageFailure:
    with pytest.raises(StorageFailure) as caught:
        stack.send(*requests)
    return caught.value


def detail(answer: write_pb2.AppendRowsResponse) -> status_pb2.StorageError:
    (found,) = answer.error.details
    assert found.type_url == "type.googleapis.com/google.cloud.bigquery.storage.v1.StorageError"
    error = status_pb2.StorageError()
    error.ParseFromString(found.value)
    return error


@pytest.mark.parametrize("form", ["_default", "streams/_default"])
def test_default_stream(stack: Stack, form: str) -> None:
    talk = stack.talk()
    answer = talk.ask(opening(rows_of(range(3)), f"{PARENT}/{form}", trace_id="mine"))
    assert answer.WhichOneof("response") == "append_result"
    assert not answer.append_result.HasField("offset")
    assert answer.write_stream == DEFAULT
    assert stack.rows() == [(0, "row 0"), (1, "row 1"), (2, "row 2")]
    assert talk.ask(request(rows_of([3]))).write_stream == DEFAULT
    assert stack.numbers() == [0, 1, 2, 3]
    assert talk.end() == []


def test_default_stream_takes_no_offsets(stack: Stack) -> None:
    talk = stack.talk()
    answer = talk.ask(opening(rows_of([1]), DEFAULT, offset=0))
    assert answer.error.code == 3
    assert answer.error.message.endswith(f" Entity: {DEFAULT}")
    assert talk.ask(request(rows_of([1]))).HasField("append_result")


def test_offsets_of_a_committed_stream(stack: Stack) -> None:
    name = stack.create()
    talk = stack.talk()
    assert talk.ask(opening(rows_of(range(2)), name, offset=0)).append_result.HasField("offset")
    lower = talk.ask(request(rows_of(range(2)), offset=0))
    assert lower.error.code == 6
    text = f"The offset is within stream, expected offset 2, received 0 Entity: {name}"
    assert lower.error.message == text
    assert (detail(lower).code, detail(lower).entity) == (Code.OFFSET_ALREADY_EXISTS, name)
    higher = talk.ask(request(rows_of([9]), offset=5))
    assert higher.error.code == 11
    assert "The offset is beyond stream, expected offset 2, received 5" in higher.error.message
    assert detail(higher).code == Code.OFFSET_OUT_OF_RANGE
    assert talk.ask(request(rows_of([2]))).append_result.offset.value == 2
    assert talk.ask(request(rows_of([3]), offset=3)).append_result.offset.value == 3
    assert talk.ask(request(rows_of([3]), offset=-1)).error.code == 3
    assert stack.numbers() == [0, 1, 2, 3]


def test_requests_of_one_group_see_each_other(stack: Stack) -> None:
    name = stack.create()
    answers = stack.send(
        opening(rows_of(range(2)), name, offset=0),
        request(rows_of(range(2)), offset=0),
        request(rows_of([7]), offset=7),
        request(rows_of([2]), offset=2),
        request(rows_of([3])),
    )
    assert [a.error.code for a in answers] == [0, 6, 11, 0, 0]
    assert [a.append_result.offset.value for a in answers if not a.HasField("error")] == [0, 2, 3]
    assert stack.numbers() == [0, 1, 2, 3]


def test_schema_without_rows(stack: Stack) -> None:
    name = stack.create()
    answers = stack.send(opening(None, name), request(rows_of([1])), opening(None, name))
    assert [a.append_result.offset.value for a in answers] == [0, 0, 1]
    assert stack.numbers() == [1]


def test_first_requests_that_open_nothing(stack: Stack) -> None:
    assert refusal(stack, opening(rows_of([1]), "")).status == "INVALID_ARGUMENT"
    assert refusal(stack, opening(rows_of([1]), "nonsense")).status == "INVALID_ARGUMENT"
    assert refusal(stack, b"\xff\xff\xff").status == "INVALID_ARGUMENT"
    assert refusal(stack, request(rows_of([1]), stream=DEFAULT)).status == "INVALID_ARGUMENT"
    assert refusal(stack, request(stream=DEFAULT)).status == "INVALID_ARGUMENT"
    missing = refusal(stack, opening(rows_of([1]), "projects/p/datasets/d/tables/x/_default"))
    assert (missing.status, missing.code) == ("NOT_FOUND", "TABLE_NOT_FOUND")
    unknown = refusal(stack, opening(rows_of([1]), f"{PARENT}/streams/abc"))
    assert (unknown.status, unknown.code) == ("NOT_FOUND", "STREAM_NOT_FOUND")
    assert stack.send() == []


def test_later_requests_that_are_refused(stack: Stack) -> None:
    talk = stack.talk()
    talk.ask(opening(rows_of([1]), DEFAULT))
    for raw in (request(), request(rows=None, schema=None, stream=DEFAULT), b"\xff\xff", request(stream="x")):
        answer = talk.ask(raw)
        assert answer.error.code == 3
        assert DEFAULT in answer.error.message
    assert talk.ask(request(rows_of([2]))).HasField("append_result")
    assert stack.numbers() == [1, 2]


def test_formats_do_not_mix(stack: Stack) -> None:
    talk = stack.talk()
    talk.ask(opening(rows_of([1]), DEFAULT))
    other = write_pb2.AppendRowsRequest(write_stream=DEFAULT)
    column = descriptor_pb2.FieldDescriptorProto(name="a", number=1, type=3, label=1)
    other.proto_rows.writer_schema.proto_descriptor.field.append(column)
    other.proto_rows.rows.serialized_rows.append(b"\x08\x05")
    assert talk.ask(bytes(other.SerializeToString())).error.code == 3


def test_protocol_buffer_rows(stack: Stack) -> None:
    out = write_pb2.AppendRowsRequest(write_stream=DEFAULT)
    descriptor = out.proto_rows.writer_schema.proto_descriptor
    descriptor.name = "Row"
    descriptor.field.add(name="a", number=1, type=3, label=1)
    descriptor.field.add(name="b", number=2, type=9, label=1)
    out.proto_rows.rows.serialized_rows.extend([b"\x08\x05\x12\x01x", b"\x08\x06"])
    first = bytes(out.SerializeToString())
    further = write_pb2.AppendRowsRequest()
    further.proto_rows.rows.serialized_rows.append(b"\x08\x07")
    answers = stack.send(first, bytes(further.SerializeToString()))
    assert [a.error.code for a in answers] == [0, 0]
    assert stack.rows() == [(5, "x"), (6, None), (7, None)]


def test_requests_that_are_too_large(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    talk = stack.talk()
    talk.ask(opening(rows_of([1]), DEFAULT))
    big = pa.RecordBatch.from_pylist([{"a": 1, "b": "x" * (21 << 20)}], schema=SCHEMA)
    answer = talk.ask(request(big))
    assert answer.error.code == 3
    assert answer.error.message.startswith("AppendRows request too large: ")
    assert " limit 20971520" in answer.error.message
    assert talk.ask(request(rows_of([2]))).HasField("append_result")


def test_schema_sent_again_and_changed(stack: Stack) -> None:
    narrow = pa.schema([("a", pa.int64())])
    batch = pa.RecordBatch.from_pylist([{"a": 7}], schema=narrow)
    answers = stack.send(
        opening(rows_of([1]), DEFAULT),
        opening(rows_of([2]), DEFAULT),
        opening(batch, DEFAULT, schema=narrow),
        request(batch),
    )
    assert [a.error.code for a in answers] == [0, 0, 0, 0]
    assert stack.rows() == [(1, "row 1"), (2, "row 2"), (7, None), (7, None)]


def test_fields_that_the_table_lacks(stack: Stack) -> None:
    schema = SCHEMA.append(pa.field("c", pa.int64()))
    batch = pa.RecordBatch.from_pylist([{"a": 1, "b": "x", "c": 2}], schema=schema)
    talk = stack.talk()
    answer = talk.ask(opening(batch, DEFAULT, schema=schema))
    assert answer.error.code == 3
    assert detail(answer).code == Code.SCHEMA_MISMATCH_EXTRA_FIELDS
    assert talk.ask(opening(rows_of([1]), DEFAULT)).HasField("append_result")


def test_several_tables_over_one_connection(stack: Stack) -> None:
    other = DATASET.table("u")
    stack.create_table(other)
    second = "projects/p/datasets/d/tables/u/_default"
    talk = stack.talk()
    talk.ask(opening(rows_of([1]), DEFAULT))
    assert talk.ask(request(rows_of([9]), stream=second)).error.code == 3
    answer = talk.ask(opening(rows_of([2]), second))
    assert answer.write_stream == "projects/p/datasets/d/tables/u/streams/_default"
    assert talk.ask(request(rows_of([3]))).error.code == 3
    assert talk.ask(request(rows_of([3]), stream=second)).HasField("append_result")
    assert talk.ask(request(rows_of([4]), stream=f"{PARENT}/_default")).write_stream == DEFAULT
    assert talk.ask(request(rows_of([5]), stream=f"{PARENT}/streams/x")).error.code == 3
    assert stack.numbers() == [1, 4]
    assert stack.numbers(other) == [2, 3]


def test_groups_end_where_the_table_changes(stack: Stack) -> None:
    other = DATASET.table("u")
    stack.create_table(other)
    second = "projects/p/datasets/d/tables/u/streams/_default"
    requests = [opening(rows_of([0]), DEFAULT), opening(rows_of([1]), second)]
    names = [DEFAULT, second]
    requests += [request(rows_of([i]), stream=names[i % 2]) for i in range(2, 20)]
    answers = stack.send(*requests)
    assert [a.write_stream for a in answers] == [names[i % 2] for i in range(20)]
    assert stack.numbers() == list(range(0, 20, 2))
    assert stack.numbers(other) == list(range(1, 20, 2))


def test_destinations_that_cannot_share_a_connection(stack: Stack) -> None:
    abroad = TABLE.__class__("p", "eu", "t")
    stack.create_table(abroad, location="EU")
    name, twin = stack.create(), stack.create()
    talk = stack.talk()
    talk.ask(opening(rows_of([1]), DEFAULT))
    elsewhere = talk.ask(opening(rows_of([2]), "projects/p/datasets/eu/tables/t/_default"))
    assert elsewhere.error.code == 3
    assert "EU" in elsewhere.error.message
    assert talk.ask(opening(rows_of([2]), name)).error.code == 3
    other = stack.talk()
    other.ask(opening(rows_of([2]), name))
    assert other.ask(opening(rows_of([3]), twin)).error.code == 3
    assert other.ask(request(rows_of([3]), stream=name)).append_result.offset.value == 1


def test_newer_connection_takes_the_stream(stack: Stack) -> None:
    name = stack.create()
    old, new = stack.talk(), stack.talk()
    old.ask(opening(rows_of([0]), name))
    assert new.ask(opening(rows_of([1]), name)).append_result.offset.value == 1
    with pytest.raises(StorageFailure) as caught:
        old.receive()
    assert caught.value.status == "ABORTED"
    assert new.ask(request(rows_of([2]))).append_result.offset.value == 2


def test_default_stream_has_many_connections(stack: Stack) -> None:
    talks = [stack.talk() for _ in range(3)]
    for i, talk in enumerate(talks):
        talk.ask(opening(rows_of([i]), DEFAULT))
    for i, talk in enumerate(talks):
        talk.ask(request(rows_of([i + 3])))
    assert stack.numbers() == list(range(6))


def test_idle_connection_is_closed(stack: Stack) -> None:
    talk = stack.talk()
    talk.ask(opening(rows_of([0]), DEFAULT))
    stack.clock.advance(590)
    talk.ask(request(rows_of([1])))
    stack.clock.advance(601)
    with pytest.raises(StorageFailure, match="inactive for 600 seconds") as caught:
        talk.receive()
    assert caught.value.status == "ABORTED"
    assert caught.value.message.endswith(f"Entity: {DEFAULT}")


def test_new_column_is_told_once(stack: Stack) -> None:
    talk, other = stack.talk(), stack.talk()
    assert not talk.ask(opening(rows_of([0]), DEFAULT)).HasField("updated_schema")
    stack.sql("ALTER TABLE p.d.t ADD COLUMN c FLOAT64")
    told = talk.ask(request(rows_of([1])))
    assert [f.name for f in told.updated_schema.fields] == ["a", "b", "c"]
    assert not talk.ask(request(rows_of([2]))).HasField("updated_schema")
    assert not other.ask(opening(rows_of([3]), DEFAULT)).HasField("updated_schema")
    schema = SCHEMA.append(pa.field("c", pa.float64()))
    batch = pa.RecordBatch.from_pylist([{"a": 4, "b": "x", "c": 0.5}], schema=schema)
    assert talk.ask(opening(batch, DEFAULT, schema=schema)).HasField("append_result")
    assert stack.rows()[-1] == (4, "x", 0.5)


def test_dropped_column(stack: Stack) -> None:
    talk = stack.talk()
    talk.ask(opening(rows_of([0]), DEFAULT))
    stack.sql("ALTER TABLE p.d.t DROP COLUMN b")
    answer = talk.ask(request(rows_of([1])))
    assert detail(answer).code == Code.SCHEMA_MISMATCH_EXTRA_FIELDS
    assert [f.name for f in answer.updated_schema.fields] == ["a"]
    assert stack.rows() == [(0,)]


def test_transport_that_fails(stack: Stack) -> None:
    name = stack.create()
    talk = stack.talk()
    talk.ask(opening(rows_of([0]), name, offset=0))
    talk.send(request(rows_of([1]), offset=1))
    talk.break_off()
    talk.end()
    (answer,) = stack.send(opening(rows_of([1]), name, offset=1))
    assert answer.error.code == 6 or answer.append_result.offset.value == 1
    assert stack.numbers() == [0, 1]


def test_answers_that_no_one_reads(stack: Stack) -> None:
    name = stack.create()
    for offset in range(5):
        talk = stack.talk()
        talk.send(opening(rows_of([offset]), name, offset=offset))
        if offset % 2:
            talk.receive()
        talk.close()
    end = stack.finalize(name)
    assert stack.numbers() == list(range(end))


def test_a_flood_waits_in_the_transport(stack: Stack) -> None:
    """No more requests are read than fit, while the engine cannot write."""
    batch = pa.RecordBatch.from_pylist([{"a": 1, "b": "x" * 1_000_000}], schema=SCHEMA)
    first, further = opening(batch, DEFAULT), request(batch)
    read = 0
    stop = threading.Event()

    def requests() -> Iterator[bytes]:
        nonlocal read
        yield first
        while not stop.is_set():
            read += 1
            yield further

    answers = stack.service.append_rows(requests(), "ann@example.com", None)
    with stack.catalog.lock(TABLE):
        reader = threading.Thread(target=lambda: next(answers))
        reader.start()
        until(lambda: read > 20)
        before = -1
        while read != before and read < 120:
            before = read
            time.sleep(0.3)
        assert read < 120
    stop.set()
    reader.join()
    assert sum(1 for _ in answers) == read
    assert stack.catalog.table(TABLE).num_rows == read + 1


def test_wide_tables_and_empty_batches(stack: Stack) -> None:
    assert FIELDS[0] == Field("a", TypeKind.INT64)
    name = stack.create(PB.PENDING)
    answers = stack.send(opening(rows_of([]), name, offset=0), request(rows_of([5]), offset=0))
    assert [a.error.code for a in answers] == [0, 0]
    assert stack.finalize(name) == 1


def test_rows_wait_for_a_transaction(stack: Stack) -> None:
    """A multi-statement transaction that has changed the table is waited for."""
    owner = object()
    stack.executor.claims.claim(TABLE, owner)
    talk = stack.talk()
    talk.send(opening(rows_of([1]), DEFAULT))
    done = threading.Thread(target=talk.receive)
    done.start()
    time.sleep(0.2)
    assert stack.numbers() == []
    stack.executor.claims.release(owner)
    done.join(10)
    assert stack.numbers() == [1]


def test_table_that_changes_between_reading_and_writing(stack: Stack) -> None:
    """Rows that were read for the table as it was are read again."""
    talk = stack.talk()
    talk.ask(opening(rows_of([0]), DEFAULT))
    session = stack.engine.session()
    with stack.catalog.lock(TABLE):
        talk.send(request(rows_of([1])))
        answers: list[write_pb2.AppendRowsResponse] = []
        waiting = threading.Thread(target=lambda: answers.append(talk.receive()))
        waiting.start()
        time.sleep(0.2)
        table = stack.catalog.table(TABLE)
        described = replace(table.fields[0], description="new")
        with stack.catalog.change(session) as change:
            change.put_table(replace(table, fields=(described, table.fields[1])))
    session.close()
    waiting.join(10)
    (answer,) = answers
    assert answer.HasField("append_result")
    assert answer.updated_schema.fields[0].description == "new"
    assert stack.numbers() == [0, 1]
