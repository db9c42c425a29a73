from __future__ import annotations

import random
import threading
import time
from typing import Any

import pytest

from bqsim.engine.pool import EnginePool
from bqsim.storage.errors import StorageFailure
from bqsim.storage.read import chunks
from bqsim.storage.read.chunks import chunk_blocks
from bqsim.storage.v1 import read_pb2

from .conftest import Reader

RESTRICTIONS = [{}, {"row_restriction": "MOD(x, 11) = 3"}, {"sample_percentage": 20.0}]


@pytest.fixture
def table(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> str:
    """Rows in many chunks of one block."""
    monkeypatch.setattr(chunks, "CHUNK_BYTES", 1)
    reader.warehouse.run("CREATE TABLE d.t AS SELECT x FROM UNNEST(GENERATE_ARRAY(0, 11999)) AS x")
    return "t"


@pytest.mark.parametrize(
    ("rows", "row_bytes", "count"),
    [(2048, 0.0, 60), (2048, 8.0, 60), (2048, 100.0, 60), (2048, 500.0, 15), (16, 60_000.0, 15), (1, 1e9, 1)],
)
def test_chunks_are_parts_of_row_groups(rows: int, row_bytes: float, count: int) -> None:
    assert chunk_blocks(rows, row_bytes) == count


# Offsets


@pytest.mark.parametrize("options", RESTRICTIONS)
@pytest.mark.parametrize("form", ["ARROW", "AVRO"])
@pytest.mark.parametrize("changed", [False, True])
def test_every_offset(reader: Reader, table: str, options: dict[str, Any], form: str, changed: bool) -> None:
    if changed:
        reader.warehouse.run("UPDATE d.t SET x = x + 20000 WHERE MOD(x, 5) = 1")
        reader.warehouse.run("DELETE FROM d.t WHERE MOD(x, 3) = 0 OR x BETWEEN 3000 AND 7500")
    session = reader.session(table, form, **options)
    stream = session.streams[0].name

    def values(offset: int) -> list[int]:
        if form == "ARROW":
            return reader.values(session, stream, offset)
        return [row["x"] for row in reader.avro(session, stream, offset)]

    whole = values(0)
    assert len(whole) > 500
    draw = random.Random(1)
    borders = [n for k in range(0, 12_000, 2048) for n in (k - 1, k, k + 1) if 0 <= n < len(whole)]
    for offset in {*borders, *draw.sample(range(len(whole)), 15), len(whole) - 1, len(whole)}:
        assert values(offset) == whole[offset:]


@pytest.mark.parametrize("options", RESTRICTIONS)
def test_offsets_in_streams_that_nobody_has_read(reader: Reader, table: str, options: dict[str, Any]) -> None:
    whole = reader.all(reader.session(table, **options)) if "sample_percentage" not in options else None
    session = reader.session(table, streams=2, **options)
    offsets = [300, 0] if whole is None else [300, len(whole) // 3]
    late = [reader.values(session, s.name, o) for s, o in zip(session.streams, offsets, strict=True)]
    parts = [reader.values(session, s.name) for s in session.streams]
    assert late == [part[o:] for part, o in zip(parts, offsets, strict=True)]
    assert whole in (None, parts[0] + parts[1])


def test_every_offset_of_a_small_table(reader: Reader, table: str) -> None:
    reader.warehouse.run("CREATE TABLE d.s AS SELECT x FROM UNNEST(GENERATE_ARRAY(0, 40)) AS x")
    reader.warehouse.run("UPDATE d.s SET x = x + 100 WHERE MOD(x, 4) = 0")
    for restriction in ("", "x > 7"):
        session = reader.session("s", row_restriction=restriction)
        whole = reader.values(session)
        assert [reader.values(session, None, n) for n in range(len(whole) + 1)] == [
            whole[n:] for n in range(len(whole) + 1)
        ]


@pytest.mark.parametrize("options", RESTRICTIONS)
def test_offsets_beyond_the_end(reader: Reader, table: str, options: dict[str, Any]) -> None:
    session = reader.session(table, **options)
    count = len(reader.values(session))
    with pytest.raises(StorageFailure) as caught:
        reader.values(session, None, count + 1)
    assert caught.value.status == "FAILED_PRECONDITION"
    assert caught.value.message == f"offset {count + 1} has not been allocated yet"


def test_negative_offsets(reader: Reader, table: str) -> None:
    with pytest.raises(StorageFailure, match="offset must be non-negative: -1") as caught:
        reader.values(reader.session(table), None, -1)
    assert caught.value.status == "INVALID_ARGUMENT"


def test_progress_when_resuming(reader: Reader, table: str) -> None:
    name = reader.session(table).streams[0].name
    messages = reader.messages(name, 5000)
    assert messages[0].arrow_schema.serialized_schema
    assert messages[0].stats.progress.at_response_start == pytest.approx(5000 / 12_000, abs=0.01)
    assert messages[-1].stats.progress.at_response_end == 1.0
    assert sum(m.row_count for m in messages) == 7000


# The cache


def test_a_second_reader_gets_the_same_bytes(reader: Reader, table: str) -> None:
    first, second = reader.session(table), reader.session(table)
    messages = [list(_read(reader, s.streams[0].name)) for s in (first, second)]
    assert messages[0] == messages[1]
    assert all(a is b for a, b in zip(messages[0][1:], messages[1][1:], strict=True))
    assert reader.service.cache.nbytes > sum(map(len, messages[0][1:]))


@pytest.mark.parametrize(
    "options",
    [
        {"row_restriction": "x >= 3000"},
        {"form": "AVRO"},
        {"arrow_serialization_options": {"buffer_compression": 2}},
        {"response_compression_codec": 2},
        {"streams": 2, "selected_fields": ["x"]},
        {"sample_percentage": 50.0},
    ],
)
def test_other_readings_get_their_own(reader: Reader, table: str, options: dict[str, Any]) -> None:
    reader.all(reader.session(table))
    session = reader.session(table, **options)
    found = [list(_read(reader, s.name)) for s in session.streams]
    reader.service.cache.clear()
    assert [list(_read(reader, s.name)) for s in session.streams] == found


def test_changed_rows_are_not_served_from_the_cache(reader: Reader, table: str) -> None:
    before = reader.all(reader.session(table))
    reader.warehouse.run("UPDATE d.t SET x = 99999 WHERE x = 11999")
    assert reader.all(reader.session(table))[-1] == 99_999
    assert before[-1] == 11_999


def test_renamed_columns_share_rows_but_not_schemas(reader: Reader, table: str) -> None:
    first = reader.session(table)
    assert reader.arrow(first, first.streams[0].name).column_names == ["x"]
    reader.warehouse.run("ALTER TABLE d.t RENAME COLUMN x TO y")
    second = reader.session(table)
    assert reader.arrow(second, second.streams[0].name).column_names == ["y"]


# Readers that stop


def _read(reader: Reader, stream: str) -> Any:
    return reader.service.read_rows(read_pb2.ReadRowsRequest(read_stream=stream), lambda: False)


def test_a_stalled_reader_holds_no_engine_session(reader: Reader, table: str) -> None:
    reader.pool.close()
    reader.service._pool = EnginePool(reader.warehouse.engine, 1)
    session = reader.session(table)
    stalled = [_read(reader, session.streams[0].name) for _ in range(3)]
    for one in stalled:
        next(one)
    assert len(reader.all(reader.session(table, row_restriction="x < 5000"))) == 5000
    for one in stalled:
        one.close()
    reader.service._pool.close()


def test_a_stalled_reader_has_read_three_chunks_at_most(reader: Reader, table: str) -> None:
    session = reader.session(table)
    stalled = _read(reader, session.streams[0].name)
    next(stalled)
    time.sleep(0.2)
    assert len(reader.service.cache) <= 3
    stalled.close()


def test_many_readers_do_not_read_ahead(reader: Reader, table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "AHEAD", ())
    session = reader.session(table)
    stalled = _read(reader, session.streams[0].name)
    next(stalled)
    time.sleep(0.1)
    assert len(reader.service.cache) == 1
    stalled.close()
    assert reader.all(session) == list(range(12_000))


def test_a_cancel_ends_the_wait_for_the_engine(reader: Reader, table: str) -> None:
    release, gone = threading.Event(), threading.Event()
    session = reader.session(table)
    busy = [reader.pool.submit(lambda _: release.wait(10)) for _ in range(4)]
    request = read_pb2.ReadRowsRequest(read_stream=session.streams[0].name)
    gone.set()
    with pytest.raises(StorageFailure) as caught:
        list(reader.service.read_rows(request, gone.is_set))
    assert caught.value.status == "CANCELLED"
    release.set()
    assert all(one.result(10) for one in busy)
    assert len(reader.service.cache) == 0


def test_the_end_of_the_pool_ends_readers(reader: Reader, table: str) -> None:
    release, started = threading.Event(), threading.Event()
    session = reader.session(table, row_restriction="x > 1")

    def block(_: object) -> bool:
        started.set()
        return release.wait(10)

    busy = [reader.pool.submit(block) for _ in range(4)]
    assert started.wait(10)
    closing = threading.Timer(0.2, reader.pool.close)
    releasing = threading.Timer(0.4, release.set)
    closing.start()
    releasing.start()
    with pytest.raises(StorageFailure) as caught:
        reader.all(session)
    assert (caught.value.status, caught.value.message) == ("UNAVAILABLE", "The server is shutting down")
    closing.join()
    assert all(one.result(10) for one in busy)
