"""Rows that may not be stored, and groups that one of them spoils."""

from __future__ import annotations

import pyarrow as pa
import pytest

from bqsim.catalog.resources import Table
from bqsim.storage.v1 import write_pb2
from bqsim.storage.write import rows
from bqsim.storage.write.appends import MAX_ROW_ERRORS
from bqsim.storage.write.rows import ReadRows
from bqsim.types import Field, Mode, TypeKind
from bqsim.types.arrow import table_of

from .conftest import DATASET, PB, SCHEMA, Stack, opening, request, rows_of

PARENT = "projects/p/datasets/d/tables/t"
DEFAULT = f"{PARENT}/streams/_default"
SHORT = (Field("a", TypeKind.INT64), Field("b", TypeKind.STRING, max_length=3))


def texts(*values: str) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([{"a": i, "b": v} for i, v in enumerate(values)], schema=SCHEMA)


def indexes(answer: write_pb2.AppendRowsResponse) -> list[int]:
    assert answer.error.code == 3
    assert answer.error.message.startswith(
        "Errors found while processing rows. Please refer to the row_errors"
    )
    assert all(e.code == 1 and e.message for e in answer.row_errors)
    return [e.index for e in answer.row_errors]


def test_bad_rows_are_told_and_nothing_goes_in(empty_stack: Stack) -> None:
    empty_stack.create_table(fields=SHORT)
    talk = empty_stack.talk()
    answer = talk.ask(opening(texts("x", "too long", "y", "z", "also too long"), DEFAULT))
    assert indexes(answer) == [1, 4]
    assert answer.error.message.endswith(f" Entity: {DEFAULT}")
    assert "maximum length 3" in answer.row_errors[0].message
    assert empty_stack.rows() == []
    assert talk.ask(request(texts("x"))).HasField("append_result")
    assert empty_stack.rows() == [(0, "x")]


def test_one_bad_request_of_a_group(empty_stack: Stack) -> None:
    empty_stack.create_table(fields=SHORT)
    name = empty_stack.create()
    answers = empty_stack.send(
        opening(texts("x"), name),
        request(texts("y", "long enough")),
        request(texts("z"), offset=1),
        request(texts("w"), offset=3),
    )
    assert indexes(answers[1]) == [1]
    assert [a.error.code for a in answers] == [0, 3, 0, 11]
    assert [b for _, b in empty_stack.rows()] == ["x", "z"]
    assert answers[2].append_result.offset.value == 1


def test_bad_rows_of_staged_streams(empty_stack: Stack) -> None:
    empty_stack.create_table(fields=SHORT)
    for type_ in (PB.PENDING, PB.BUFFERED):
        name = empty_stack.create(type_)
        answers = empty_stack.send(opening(texts("x", "long enough"), name), request(texts("y")))
        assert indexes(answers[0]) == [1]
        assert answers[1].append_result.offset.value == 0
        assert empty_stack.finalize(name) == 1


class _Trusting:
    """Reads rows without looking at their values, so that the engine finds what is wrong."""

    def __init__(self, table: Table, schema: bytes) -> None:
        self.fields = table.fields
        self._schema = pa.ipc.read_schema(pa.py_buffer(schema))

    def read(self, payload: bytes) -> ReadRows:
        batch = pa.ipc.read_record_batch(pa.py_buffer(payload), self._schema)
        return ReadRows(table_of(batch.columns), self.fields, {}, (), None, None, batch.num_rows)


@pytest.fixture
def trusting(monkeypatch: pytest.MonkeyPatch, empty_stack: Stack) -> Stack:
    """A stack whose reader takes everything, with texts of up to three characters."""
    monkeypatch.setattr(rows, "arrow_reader", _Trusting)
    empty_stack.create_table(fields=SHORT)
    return empty_stack


def test_engine_finds_bad_rows(trusting: Stack) -> None:
    bad = [5, 6, 40]
    values = ["long enough" if i in bad else "x" for i in range(60)]
    name = trusting.create()
    answers = trusting.send(opening(texts("x"), name), request(texts(*values)), request(texts("y"), offset=1))
    assert indexes(answers[1]) == bad
    assert "maximum length 3" in answers[1].row_errors[0].message
    assert [a.append_result.offset.value for a in (answers[0], answers[2])] == [0, 1]
    assert [b for _, b in trusting.rows()] == ["x", "y"]


def test_engine_finds_the_only_row(trusting: Stack) -> None:
    (answer,) = trusting.send(opening(texts("long enough"), DEFAULT))
    assert indexes(answer) == [0]


def test_engine_finds_many_bad_rows_in_part(trusting: Stack) -> None:
    (answer,) = trusting.send(opening(texts(*["long enough"] * 1000), DEFAULT))
    found = indexes(answer)
    assert found == list(range(MAX_ROW_ERRORS))
    assert trusting.rows() == []


def test_missing_value_of_a_required_field(empty_stack: Stack) -> None:
    empty_stack.create_table(fields=(Field("a", TypeKind.INT64, Mode.REQUIRED), SHORT[1]))
    batch = pa.RecordBatch.from_pylist([{"a": 1, "b": "x"}, {"a": None, "b": "y"}], schema=SCHEMA)
    (answer,) = empty_stack.send(opening(batch, DEFAULT))
    assert indexes(answer) == [1]
    narrow = pa.schema([("b", pa.string())])
    only_b = pa.RecordBatch.from_pylist([{"b": "x"}], schema=narrow)
    (answer,) = empty_stack.send(opening(only_b, DEFAULT, schema=narrow))
    assert answer.error.code == 3


def test_table_that_goes_away(stack: Stack) -> None:
    talk = stack.talk()
    talk.ask(opening(rows_of([1]), DEFAULT))
    stack.drop_table()
    answer = talk.ask(request(rows_of([2])))
    assert answer.error.code == 5
    assert answer.error.message == f"Requested entity was not found. Entity: {DEFAULT}"
    stack.create_table()
    assert talk.ask(request(rows_of([3]))).HasField("append_result")
    assert stack.numbers() == [3]


def test_table_version_moves_with_rows_only(stack: Stack) -> None:
    ref = DATASET.table("t")
    before = stack.catalog.table(ref)
    stack.send(opening(rows_of([]), DEFAULT))
    assert stack.catalog.table(ref) is before
    stack.send(opening(rows_of([1]), DEFAULT))
    after = stack.catalog.table(ref)
    assert after.version > before.version
    assert after.etag != before.etag
