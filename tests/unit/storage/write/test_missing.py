"""Missing values: NULL, or the default of their column."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from bqsim.storage.v1 import write_pb2
from bqsim.types import Field, TypeKind

from .conftest import PB, Stack, request

NAME = "projects/p/datasets/d/tables/t/streams/_default"
FIELDS = (
    Field("a", TypeKind.INT64),
    Field("b", TypeKind.STRING, default="'none'"),
    Field("c", TypeKind.INT64, default="40 + 2"),
)
SCHEMA = pa.schema([("a", pa.int64()), ("b", pa.string()), ("c", pa.int64())])
Value = write_pb2.AppendRowsRequest.MissingValueInterpretation
NULL, DEFAULT = Value.NULL_VALUE, Value.DEFAULT_VALUE
ROWS: list[dict[str, Any]] = [{"a": 1, "b": "x"}, {"a": 2, "c": 5}, {"a": 3}]


@pytest.fixture
def defaulted(empty_stack: Stack) -> Stack:
    empty_stack.create_table(fields=FIELDS)
    return empty_stack


def batch(rows: list[dict[str, Any]] = ROWS, schema: pa.Schema = SCHEMA) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(rows, schema=schema)


def sent(stack: Stack, **fields: Any) -> list[tuple[Any, ...]]:
    (answer,) = stack.send(request(batch(), stream=NAME, schema=SCHEMA, **fields))
    assert not answer.HasField("error"), answer
    return stack.rows()


def test_null_is_what_is_missing(defaulted: Stack) -> None:
    assert sent(defaulted) == [(1, "x", None), (2, None, 5), (3, None, None)]


def test_defaults_for_every_column(defaulted: Stack) -> None:
    found = sent(defaulted, default_missing_value_interpretation=DEFAULT)
    assert found == [(1, "x", 42), (2, "none", 5), (3, "none", 42)]


def test_defaults_for_some_columns(defaulted: Stack) -> None:
    found = sent(defaulted, missing_value_interpretations={"B": DEFAULT, "a": DEFAULT})
    assert found == [(1, "x", None), (2, "none", 5), (3, "none", None)]


def test_null_for_some_columns(defaulted: Stack) -> None:
    found = sent(
        defaulted,
        missing_value_interpretations={"c": NULL},
        default_missing_value_interpretation=DEFAULT,
    )
    assert found == [(1, "x", None), (2, "none", 5), (3, "none", None)]


def test_unspecified_interpretation_is_refused(defaulted: Stack) -> None:
    first = request(batch(), stream=NAME, schema=SCHEMA, missing_value_interpretations={"b": 0})
    (answer,) = defaulted.send(first)
    assert answer.error.code == 3
    assert defaulted.rows() == []


def test_default_lasts_and_columns_do_not(defaulted: Stack) -> None:
    one = batch([{"a": 1}])
    answers = defaulted.send(
        request(one, stream=NAME, schema=SCHEMA, missing_value_interpretations={"b": DEFAULT}),
        request(one),
        request(one, default_missing_value_interpretation=DEFAULT),
        request(one),
        request(one, missing_value_interpretations={"b": NULL}),
        request(one, default_missing_value_interpretation=NULL),
        request(one),
    )
    assert not any(a.HasField("error") for a in answers)
    assert [row[1:] for row in defaulted.rows()] == [
        ("none", None),
        (None, None),
        ("none", 42),
        ("none", 42),
        (None, 42),
        (None, None),
        (None, None),
    ]


def test_columns_that_the_writer_does_not_have(defaulted: Stack) -> None:
    schema = pa.schema([("a", pa.int64())])
    first = request(batch([{"a": 1}, {"a": 2}], schema), stream=NAME, schema=schema)
    defaulted.send(first)
    assert defaulted.rows() == [(1, "none", 42), (2, "none", 42)]


def test_order_of_staged_rows_is_kept(defaulted: Stack) -> None:
    name = defaulted.create(PB.BUFFERED)
    rows = [{"a": i, **({"b": "x"} if i % 3 else {}), **({"c": i} if i % 2 else {})} for i in range(30)]
    defaulted.send(
        request(batch(rows), stream=name, schema=SCHEMA, default_missing_value_interpretation=DEFAULT)
    )
    defaulted.flush(name, 9)
    expected = [(r["a"], r.get("b", "none"), r.get("c", 42)) for r in rows]
    assert defaulted.rows() == expected[:10]
    defaulted.flush(name, 29)
    assert defaulted.rows() == expected
