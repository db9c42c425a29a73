"""BatchCommitWriteStreams: all or nothing."""

from __future__ import annotations

import pytest

from bqsim.storage.errors import StorageFailure
from bqsim.storage.names import write_stream_of
from bqsim.storage.v1 import status_pb2
from bqsim.storage.write.commit import MAX_STREAMS, check_names

from .conftest import DATASET, PB, TABLE, Stack, opening, rows_of

PARENT = "projects/p/datasets/d/tables/t"
Code = status_pb2.StorageError.StorageErrorCode


def ready(stack: Stack, numbers: range) -> str:
    """A finalized PENDING stream with rows."""
    name = stack.create(PB.PENDING)
    if numbers:
        stack.send(opening(rows_of(numbers), name))
    stack.finalize(name)
    return name


def test_streams_become_visible_together(stack: Stack) -> None:
    names = [ready(stack, range(3)), ready(stack, range(3, 6)), ready(stack, range(0))]
    assert stack.numbers() == []
    version = stack.catalog.table(TABLE).version
    answer = stack.commit(*names)
    assert not answer.stream_errors
    after = stack.catalog.table(TABLE)
    assert after.version > version
    assert answer.commit_time.ToMicroseconds() == after.version
    assert stack.numbers() == list(range(6))
    assert (
        stack.work(lambda s: s.scalar("SELECT count(*) FROM duckdb_tables() WHERE table_name LIKE 'w%'")) == 0
    )


def test_what_cannot_be_committed(stack: Stack) -> None:
    good, open_ = ready(stack, range(3)), stack.create(PB.PENDING)
    committed, buffered = stack.create(PB.COMMITTED), stack.create(PB.BUFFERED)
    done = ready(stack, range(9, 10))
    stack.commit(done)
    unknown, default = f"{PARENT}/streams/abc", f"{PARENT}/_default"
    answer = stack.commit(good, open_, committed, buffered, done, unknown, default)
    assert not answer.HasField("commit_time")
    found = {e.entity: (e.code, e.error_message) for e in answer.stream_errors}
    wrong_type = "Stream must be created in pending mode, actual: "
    assert found == {
        open_: (Code.INVALID_STREAM_STATE, "Stream has not been finalized."),
        committed: (Code.INVALID_STREAM_TYPE, f"{wrong_type}WRITE_OPTIMIZED"),
        buffered: (Code.INVALID_STREAM_TYPE, f"{wrong_type}BUFFERED"),
        done: (Code.STREAM_ALREADY_COMMITTED, "Stream has been committed already."),
        unknown: (Code.STREAM_NOT_FOUND, "Requested entity was not found."),
        f"{PARENT}/streams/_default": (Code.INVALID_STREAM_TYPE, f"{wrong_type}WRITE_OPTIMIZED"),
    }
    assert stack.numbers() == [9]
    assert stack.commit(good).HasField("commit_time")
    assert stack.numbers() == [9, 0, 1, 2]


def test_a_stream_named_twice_goes_in_once(stack: Stack) -> None:
    name = ready(stack, range(3))
    assert stack.commit(name, name).HasField("commit_time")
    assert stack.numbers() == [0, 1, 2]


def test_refused_calls(stack: Stack) -> None:
    name = ready(stack, range(3))
    other = DATASET.table("u")
    stack.create_table(other)
    for names, parent, text in (
        ([], TABLE, "At least one"),
        ([name], other, "does not belong"),
        (["nonsense"], TABLE, "Invalid write stream name"),
    ):
        with pytest.raises(StorageFailure, match=text) as caught:
            stack.commit(*names, parent=parent)
        assert caught.value.status == "INVALID_ARGUMENT"
    with pytest.raises(StorageFailure) as missing:
        stack.commit("projects/p/datasets/d/tables/n/streams/s", parent=DATASET.table("n"))
    assert missing.value.code == "TABLE_NOT_FOUND"


def test_number_of_streams() -> None:
    names = [write_stream_of(f"{PARENT}/streams/s{i}") for i in range(MAX_STREAMS + 1)]
    assert check_names(TABLE, names[1:]) == names[1:]
    with pytest.raises(StorageFailure, match="10001"):
        check_names(TABLE, names)


def test_many_streams(stack: Stack) -> None:
    names = [ready(stack, range(i, i + 1)) for i in range(40)]
    stack.commit(*names)
    assert stack.numbers() == list(range(40))
