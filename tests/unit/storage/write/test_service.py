"""Streams: made, shown, finalized, flushed, committed."""

from __future__ import annotations

from typing import Any

import pytest

from bqsim.catalog.resources import TableKind
from bqsim.storage.errors import StorageFailure
from bqsim.storage.v1 import status_pb2, stream_pb2, write_pb2
from bqsim.types import Field, TypeKind

from .conftest import DATASET, PB, TABLE, Stack, opening, request, rows_of

PARENT = "projects/p/datasets/d/tables/t"
Code = status_pb2.StorageError.StorageErrorCode


def get(stack: Stack, name: str, view: Any = stream_pb2.BASIC) -> PB:
    return stack.service.get_stream(write_pb2.GetWriteStreamRequest(name=name, view=view))


def refusal(call: object, *arguments: object) -> StorageFailure:
    with pytest.raises(StorageFailure) as caught:
        call(*arguments)  # type: ignore[operator]
    return caught.value


@pytest.mark.parametrize("type_", [PB.COMMITTED, PB.PENDING, PB.BUFFERED])
def test_new_stream(stack: Stack, type_: Any) -> None:
    wanted = write_pb2.CreateWriteStreamRequest(parent=PARENT, write_stream=PB(type=type_))
    made = stack.service.create_stream(wanted, "ann@example.com")
    assert made.name.startswith(f"{PARENT}/streams/Ci")
    assert made.type == type_
    assert made.write_mode == PB.INSERT
    assert made.location == "us"
    assert abs(made.create_time.ToMicroseconds() - stack.clock.now_us()) < 60_000_000
    # A COMMITTED stream has the time of its creation as that of its commit.
    assert made.HasField("commit_time") == (type_ == PB.COMMITTED)
    assert [f.name for f in made.table_schema.fields] == ["a", "b"]
    shown = get(stack, made.name)
    assert not shown.HasField("table_schema")
    shown.table_schema.CopyFrom(made.table_schema)
    assert shown == made
    assert get(stack, made.name, stream_pb2.FULL) == made


def test_stream_names_differ(stack: Stack) -> None:
    assert len({stack.create() for _ in range(20)}) == 20


@pytest.mark.parametrize("form", ["_default", "streams/_default"])
def test_default_stream_is_shown(stack: Stack, form: str) -> None:
    shown = get(stack, f"{PARENT}/{form}", stream_pb2.FULL)
    assert shown.name == f"{PARENT}/streams/_default"
    assert shown.type == PB.COMMITTED
    assert shown.location == "us"
    assert len(shown.table_schema.fields) == 2
    assert not get(stack, f"{PARENT}/{form}").HasField("table_schema")


def test_refused_streams(stack: Stack) -> None:
    def create(parent: str, type_: Any = PB.COMMITTED) -> StorageFailure:
        wanted = write_pb2.CreateWriteStreamRequest(parent=parent, write_stream=PB(type=type_))
        return refusal(stack.service.create_stream, wanted, "ann@example.com")

    missing = create("projects/p/datasets/d/tables/nope")
    assert (missing.status, missing.code) == ("NOT_FOUND", "TABLE_NOT_FOUND")
    text = "Requested entity was not found. Entity: projects/p/datasets/d/tables/nope"
    assert missing.message == text
    assert create("projects/p/datasets/nope/tables/t").status == "NOT_FOUND"
    assert create("tables/t").status == "INVALID_ARGUMENT"
    assert create(PARENT, PB.TYPE_UNSPECIFIED).status == "INVALID_ARGUMENT"
    decorated = create(f"{PARENT}$20240101")
    assert decorated.status == "INVALID_ARGUMENT"
    assert "decorator" in decorated.message


def test_views_take_no_rows(stack: Stack) -> None:
    view = DATASET.table("v")
    stack.create_table(view)
    from dataclasses import replace

    def work(session: object) -> None:
        with stack.catalog.change(session) as change:  # type: ignore[arg-type]
            change.put_table(replace(stack.catalog.table(view), kind=TableKind.VIEW, storage=None))

    stack.work(work)
    wanted = write_pb2.CreateWriteStreamRequest(
        parent="projects/p/datasets/d/tables/v", write_stream=PB(type=PB.PENDING)
    )
    failure = refusal(stack.service.create_stream, wanted, "ann@example.com")
    assert failure.status == "INVALID_ARGUMENT"
    assert "VIEW" in failure.message


def test_unknown_streams(stack: Stack) -> None:
    name = f"{PARENT}/streams/abc"
    for call in (get, Stack.finalize):
        failure = refusal(call, stack, name)
        assert (failure.status, failure.code, failure.entity) == ("NOT_FOUND", "STREAM_NOT_FOUND", name)
    assert refusal(stack.flush, name, 0).code == "STREAM_NOT_FOUND"
    assert refusal(get, stack, "nonsense").status == "INVALID_ARGUMENT"


def test_default_stream_is_neither_finalized_nor_flushed(stack: Stack) -> None:
    name = f"{PARENT}/_default"
    assert refusal(stack.finalize, name).status == "INVALID_ARGUMENT"
    assert refusal(stack.flush, name, 0).status == "INVALID_ARGUMENT"


def test_finalized_stream_takes_no_rows(stack: Stack) -> None:
    name = stack.create()
    stack.send(opening(rows_of(range(3)), name))
    assert stack.finalize(name) == 3
    assert stack.finalize(name) == 3
    (answer,) = stack.send(opening(rows_of([9]), name))
    assert answer.error.code == 3
    assert "Stream has been finalized" in answer.error.message
    detail = status_pb2.StorageError.FromString(answer.error.details[0].value)
    assert detail.code == Code.STREAM_FINALIZED
    assert stack.numbers() == [0, 1, 2]


def test_flush_shows_rows_up_to_the_offset(stack: Stack) -> None:
    name = stack.create(PB.BUFFERED)
    stack.send(opening(rows_of(range(5)), name), request(rows_of(range(5, 10))))
    assert stack.numbers() == []
    assert stack.flush(name, 2) == 2
    assert stack.numbers() == [0, 1, 2]
    assert stack.flush(name, 1) == 2
    assert stack.flush(name, 2) == 2
    assert stack.flush(name, 6) == 6
    assert stack.numbers() == list(range(7))
    beyond = refusal(stack.flush, name, 10)
    assert (beyond.status, beyond.code) == ("OUT_OF_RANGE", "OFFSET_OUT_OF_RANGE")
    stack.send(opening(rows_of(range(10, 12)), name, offset=10))
    stack.finalize(name)
    assert stack.flush(name, 11) == 11
    assert stack.numbers() == list(range(12))


def test_rows_after_everything_was_flushed(stack: Stack) -> None:
    name = stack.create(PB.BUFFERED)
    for start in range(0, 9, 3):
        stack.send(opening(rows_of(range(start, start + 3)), name, offset=start))
        stack.flush(name, start + 2)
    assert stack.numbers() == list(range(9))


def test_flush_of_other_streams(stack: Stack) -> None:
    for type_ in (PB.COMMITTED, PB.PENDING):
        failure = refusal(stack.flush, stack.create(type_), 0)
        assert (failure.status, failure.code) == ("INVALID_ARGUMENT", "INVALID_STREAM_TYPE")
    name = stack.create(PB.BUFFERED)
    assert refusal(stack.flush, name, -1).status == "INVALID_ARGUMENT"
    assert refusal(stack.flush, name, 0).status == "OUT_OF_RANGE"
    without = write_pb2.FlushRowsRequest(write_stream=name)
    assert refusal(stack.service.flush_rows, without).status == "INVALID_ARGUMENT"


@pytest.mark.parametrize(("type_", "days"), [(PB.COMMITTED, 4), (PB.BUFFERED, 7), (PB.PENDING, 1)])
def test_streams_expire(stack: Stack, type_: int, days: int) -> None:
    name = stack.create(type_)
    stack.send(opening(rows_of(range(3)), name))
    stack.clock.advance(days * 24 * 3600 - 60)
    assert get(stack, name).name == name
    stack.clock.advance(120)
    assert refusal(get, stack, name).code == "STREAM_NOT_FOUND"


def test_dead_streams_leave_nothing(durable: Stack) -> None:
    pending, buffered = durable.create(PB.PENDING), durable.create(PB.BUFFERED)
    for name in (pending, buffered):
        durable.send(opening(rows_of(range(3)), name))
    tables = "SELECT count(*) FROM duckdb_tables() WHERE table_name LIKE 'w%'"
    assert durable.work(lambda session: session.scalar(tables)) == 2
    durable.drop_table()
    durable.create_table()
    for name in (pending, buffered):
        assert refusal(get, durable, name).code == "STREAM_NOT_FOUND"
    durable.clock.advance(61)
    durable.create()
    assert durable.work(lambda session: session.scalar(tables)) == 0
    durable.restart()
    kinds = [kind for kind, _, _ in durable.engine.metadata()]
    assert kinds.count("write_stream") == 1
    assert "write_staging" not in kinds


def test_stream_of_a_dropped_table(stack: Stack) -> None:
    name = stack.create()
    talk = stack.talk()
    assert talk.ask(opening(rows_of([1]), name)).append_result.offset.value == 0
    stack.drop_table()
    answer = talk.ask(request(rows_of([2])))
    assert answer.error.code == 5
    stack.create_table()
    assert talk.ask(request(rows_of([2]))).error.code == 5
    assert stack.numbers() == []


def test_streams_outlive_a_restart(durable: Stack) -> None:
    names = {t: durable.create(t) for t in (PB.COMMITTED, PB.PENDING, PB.BUFFERED)}
    for name in names.values():
        durable.send(opening(rows_of(range(3)), name, offset=0))
    durable.flush(names[PB.BUFFERED], 0)
    durable.restart()
    for name in names.values():
        again, further = durable.send(
            opening(rows_of(range(3)), name, offset=0), request(rows_of([3]), offset=3)
        )
        assert again.error.code == 6
        assert further.append_result.offset.value == 3
    assert durable.numbers() == [0, 1, 2, 0, 3]
    durable.flush(names[PB.BUFFERED], 3)
    assert durable.finalize(names[PB.PENDING]) == 4
    durable.restart()
    assert durable.finalize(names[PB.PENDING]) == 4
    assert durable.commit(names[PB.PENDING]).HasField("commit_time")
    durable.restart()
    assert durable.commit(names[PB.PENDING]).stream_errors[0].code == Code.STREAM_ALREADY_COMMITTED
    assert sorted(durable.numbers()) == sorted([0, 1, 2, 3] * 3)
    assert get(durable, names[PB.PENDING]).HasField("commit_time")


def test_restart_with_the_same_seed_makes_other_streams(durable: Stack) -> None:
    before = durable.create()
    durable.restart()
    assert durable.create() != before


def test_close_ends_connections(stack: Stack) -> None:
    talk = stack.talk()
    talk.ask(opening(rows_of([1]), f"{PARENT}/_default"))
    stack.service.close()
    with pytest.raises(StorageFailure, match="server is restarted") as caught:
        talk.receive()
    assert caught.value.status == "ABORTED"


def test_other_tables_are_not_touched(stack: Stack) -> None:
    other = DATASET.table("u")
    stack.create_table(other, (Field("a", TypeKind.INT64), Field("b", TypeKind.STRING)))
    version = stack.catalog.table(other).version
    stack.send(opening(rows_of([1]), f"{PARENT}/_default"))
    assert stack.catalog.table(other).version == version
    assert stack.catalog.table(TABLE).num_rows == 1
