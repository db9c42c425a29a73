from __future__ import annotations

import pytest

from bqsim.catalog.buffers import Buffer, StreamingBuffers

from .conftest import START_US, ManualClock

SECOND = 1_000_000


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def buffers(clock: ManualClock) -> StreamingBuffers:
    return StreamingBuffers(clock, span_s=100)  # type: ignore[arg-type]


def test_a_table_without_streamed_rows_has_no_buffer(buffers: StreamingBuffers) -> None:
    assert buffers.find("t1") is None


def test_commits_in_a_row_are_one_run(buffers: StreamingBuffers) -> None:
    for version, follows in ((10, 5), (20, 10), (40, 30)):
        buffers.add("t1", START_US + version, START_US + follows)
    found = buffers.find("t1")
    assert found == Buffer(START_US + 10, ((START_US + 10, START_US + 20), (START_US + 40, START_US + 40)))
    assert buffers.find("t2") is None


def test_the_condition_of_runs() -> None:
    assert Buffer(1, ((1, 2), (5, 5))).holds("_begin") == "(_begin BETWEEN 1 AND 2 OR _begin BETWEEN 5 AND 5)"


def test_parts_are_flushed_one_after_the_other(buffers: StreamingBuffers, clock: ManualClock) -> None:
    for second in (0, 5, 50):
        buffers.add("t1", START_US + second * SECOND, START_US)
    clock.us = START_US + 100 * SECOND - 1
    found = buffers.find("t1")
    assert found is not None
    assert found.oldest_us == START_US
    # What came soon after the first goes with it.
    clock.us += 1
    found = buffers.find("t1")
    assert found is not None
    assert found.oldest_us == START_US + 50 * SECOND
    clock.us = START_US + 150 * SECOND
    assert buffers.find("t1") is None


def test_new_rows_let_go_of_flushed_ones_of_other_tables(buffers: StreamingBuffers) -> None:
    for number in range(1000):
        buffers.add(f"t{number}", START_US + number * 10 * SECOND, 0)
    assert len(buffers._parts) <= 11
    assert len(buffers._due) <= 11


def test_no_span_is_no_buffer(clock: ManualClock) -> None:
    buffers = StreamingBuffers(clock, span_s=0)  # type: ignore[arg-type]
    buffers.add("t1", START_US, 0)
    assert buffers.find("t1") is None


def test_rows_of_the_storage_write_api_are_open(buffers: StreamingBuffers) -> None:
    buffers.add("t1", START_US + 10, START_US, open_=True)
    found = buffers.find("t1")
    assert found is not None and found.closed("b") == "" and found.holds("b") != ""
    buffers.add("t1", START_US + 20, START_US + 10)
    found = buffers.find("t1")
    assert found is not None and len(found.runs) == 2
    assert found.closed("b") == f"(b BETWEEN {START_US + 20} AND {START_US + 20})"
