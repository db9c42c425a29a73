"""Staged rows while the schema of their table changes."""

from __future__ import annotations

import pyarrow as pa
import pytest

from .conftest import PB, SCHEMA, Stack, opening, rows_of


@pytest.fixture(params=[False, True], ids=["same run", "restarted"])
def restarts(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def staged(stack: Stack, ddl: str, restarts: bool) -> str:
    """A finalized PENDING stream with rows from before a change of the table."""
    name = stack.create(PB.PENDING)
    stack.send(opening(rows_of(range(3)), name))
    stack.sql(ddl)
    if restarts:
        stack.restart()
    return name


def test_added_column(durable: Stack, restarts: bool) -> None:
    name = staged(durable, "ALTER TABLE p.d.t ADD COLUMN c INT64", restarts)
    schema = SCHEMA.append(pa.field("c", pa.int64()))
    batch = pa.RecordBatch.from_pylist([{"a": 3, "b": "x", "c": 4}], schema=schema)
    (answer,) = durable.send(opening(batch, name, schema=schema, offset=3))
    assert not answer.HasField("error"), answer
    durable.finalize(name)
    durable.commit(name)
    assert durable.rows() == [(0, "row 0", None), (1, "row 1", None), (2, "row 2", None), (3, "x", 4)]


def test_dropped_column(durable: Stack, restarts: bool) -> None:
    name = staged(durable, "ALTER TABLE p.d.t DROP COLUMN a", restarts)
    durable.finalize(name)
    durable.commit(name)
    assert durable.rows() == [("row 0",), ("row 1",), ("row 2",)]


def test_renamed_column(durable: Stack, restarts: bool) -> None:
    name = staged(durable, "ALTER TABLE p.d.t RENAME COLUMN b TO z", restarts)
    durable.finalize(name)
    durable.commit(name)
    assert durable.rows() == [(0, "row 0"), (1, "row 1"), (2, "row 2")]


def test_wider_column(durable: Stack, restarts: bool) -> None:
    name = staged(durable, "ALTER TABLE p.d.t ALTER COLUMN a SET DATA TYPE FLOAT64", restarts)
    durable.finalize(name)
    durable.commit(name)
    assert durable.rows() == [(0.0, "row 0"), (1.0, "row 1"), (2.0, "row 2")]


def test_flushed_in_part_before_the_change(durable: Stack) -> None:
    name = durable.create(PB.BUFFERED)
    durable.send(opening(rows_of(range(6)), name))
    durable.flush(name, 1)
    durable.sql("ALTER TABLE p.d.t ADD COLUMN c INT64")
    durable.send(opening(rows_of(range(6, 8)), name, offset=6))
    durable.flush(name, 3)
    durable.sql("ALTER TABLE p.d.t ALTER COLUMN a SET DATA TYPE NUMERIC")
    durable.flush(name, 7)
    assert [int(a) for a, _, _ in durable.rows()] == list(range(8))


def test_staged_rows_are_in_no_table(stack: Stack) -> None:
    first, second = stack.create(PB.PENDING), stack.create(PB.PENDING)
    for name in (first, second):
        stack.send(opening(rows_of(range(3)), name))
    assert stack.numbers() == []
    assert stack.sql("SELECT COUNT(*) FROM p.d.t").rows.column(0).to_pylist() == [0]
