from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal

import pytest

from bqsim.catalog.refs import TableRef
from bqsim.sql.statements.writes import created, finish_creation
from bqsim.storage.errors import StorageFailure
from bqsim.storage.read.asking import SESSION_LIFE_US
from bqsim.storage.v1 import read_pb2, stream_pb2
from bqsim.types import Field, TypeKind

from .conftest import Reader

pytestmark = pytest.mark.fidelity("read:sessions, time:read sessions", "exact", tests="test_a_session_*")

HOUR_US = 3600 * 1_000_000


@pytest.fixture
def table(reader: Reader) -> str:
    """Rows 0 … 19,999 in about ten blocks."""
    reader.warehouse.run("CREATE TABLE d.t AS SELECT x FROM UNNEST(GENERATE_ARRAY(0, 19999)) AS x")
    return "t"


def call(reader: Reader, stream: str, offset: int = 0) -> Iterator[bytes]:
    return reader.service.read_rows(
        read_pb2.ReadRowsRequest(read_stream=stream, offset=offset), lambda: False
    )


def failed(reader: Reader, stream: str, offset: int = 0) -> StorageFailure:
    with pytest.raises(StorageFailure) as caught:
        list(call(reader, stream, offset))
    return caught.value


# Sessions


def test_a_session_says_what_it_is(reader: Reader, table: str) -> None:
    session = reader.session(table, trace_id="me", selected_fields=["X"])
    assert session.name.startswith("projects/p/locations/us/sessions/CAIS")
    assert [s.name.rpartition("/streams/")[0] for s in session.streams] == [session.name]
    assert session.table == "projects/p/datasets/d/tables/t"
    assert session.data_format == stream_pb2.ARROW
    assert session.trace_id == "me"
    assert list(session.read_options.selected_fields) == ["X"]
    assert session.estimated_row_count == 20_000
    assert session.estimated_total_bytes_scanned == 160_000
    assert not session.HasField("table_modifiers")
    life = session.expire_time.ToMicroseconds() - reader.clock.now_us()
    assert SESSION_LIFE_US - HOUR_US < life <= SESSION_LIFE_US


def test_names_differ(reader: Reader, table: str) -> None:
    first, second = reader.session(table), reader.session(table)
    assert first.name != second.name
    assert first.streams[0].name != second.streams[0].name


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"form": "DATA_FORMAT_UNSPECIFIED"}, "data_format must be specified"),
        ({"trace_id": "ä" * 129}, "trace_id exceeded maximum allowed length: 256 bytes"),
        ({"streams": -1}, "must be non-negative"),
        ({"streams": 2, "preferred": 3}, "must not exceed max_stream_count"),
        ({"sample_percentage": 100.5}, "sample_percentage must be in the range"),
        ({"sample_percentage": -1.0}, "sample_percentage must be in the range"),
        (
            {"response_compression_codec": 2, "arrow_serialization_options": {"buffer_compression": 1}},
            "must not be set together",
        ),
    ],
)
def test_bad_sessions(reader: Reader, table: str, change: dict[str, object], text: str) -> None:
    error = reader.failure(table, **change)
    assert error.status == "INVALID_ARGUMENT"
    assert text in error.message


def test_a_trace_id_of_256_bytes_is_fine(reader: Reader, table: str) -> None:
    assert reader.session(table, trace_id="t" * 256).trace_id == "t" * 256


@pytest.mark.parametrize("parent", ["p", "", "projects/", "projects/p/locations/us"])
def test_bad_parents(reader: Reader, table: str, parent: str) -> None:
    request = read_pb2.CreateReadSessionRequest(parent=parent)
    request.read_session.table = "projects/p/datasets/d/tables/t"
    with pytest.raises(StorageFailure, match="Invalid parent name"):
        reader.service.create_session(request, "me")


def test_a_session_is_required(reader: Reader) -> None:
    with pytest.raises(StorageFailure, match="read_session is required"):
        reader.service.create_session(read_pb2.CreateReadSessionRequest(parent="projects/p"), "me")


def test_the_session_belongs_to_its_parent(reader: Reader, table: str) -> None:
    request = read_pb2.CreateReadSessionRequest(parent="projects/billed")
    request.read_session.table = "projects/p/datasets/d/tables/t"
    request.read_session.data_format = stream_pb2.ARROW
    session = reader.service.create_session(request, "me")
    assert session.name.startswith("projects/billed/locations/us/sessions/")
    assert reader.all(session) == list(range(20_000))


def test_picosecond_options_are_accepted(reader: Reader, table: str) -> None:
    session = reader.session(table, arrow_serialization_options={"picos_timestamp_precision": 1})
    assert len(reader.all(session)) == 20_000


# Expiry


def test_a_session_expires_on_the_clock(reader: Reader, table: str) -> None:
    session = reader.session(table)
    stream = session.streams[0].name
    reader.clock.shift_us = SESSION_LIFE_US - 60 * 1_000_000
    assert len(reader.all(session)) == 20_000
    reader.clock.shift_us = SESSION_LIFE_US
    error = failed(reader, stream)
    assert error.status == "FAILED_PRECONDITION"
    expired = session.expire_time.ToDatetime().strftime("%Y-%m-%dT%H:%M:%S+00:00")
    assert error.message == f"there was an error operating on '{stream}': session expired at {expired}"
    with pytest.raises(StorageFailure, match="session expired at"):
        reader.service.split_stream(read_pb2.SplitReadStreamRequest(name=stream, fraction=0.5))


def test_expired_sessions_are_forgotten_and_still_known_as_expired(reader: Reader, table: str) -> None:
    first = reader.session(table)
    reader.clock.shift_us = SESSION_LIFE_US
    second = reader.session(table)
    assert list(reader.service._sessions) == [second.name]
    assert failed(reader, first.streams[0].name).status == "FAILED_PRECONDITION"


def test_a_session_ends_with_the_result_that_it_reads(reader: Reader) -> None:
    path = reader.result("SELECT 1 AS x")
    reader.clock.shift_us = 20 * HOUR_US
    session = reader.session(path)
    left = session.expire_time.ToMicroseconds() - reader.clock.now_us()
    assert 3.9 * HOUR_US < left <= 4 * HOUR_US
    assert reader.rows(session) == [(1,)]


def test_closing_forgets_everything(reader: Reader, table: str) -> None:
    session = reader.session(table)
    assert reader.all(session)
    reader.service.close()
    assert failed(reader, session.streams[0].name).status == "NOT_FOUND"
    assert reader.service.cache.nbytes == 0


# Names


def test_unknown_streams(reader: Reader, table: str) -> None:
    session = reader.session(table)
    other = reader.session(table).streams[0].name.rpartition("/")[2]
    name = session.streams[0].name
    for bad in (f"{name}0", f"{name[:-2]}AA", f"{session.name}/streams/{other}", f"{session.name}/streams/x"):
        error = failed(reader, bad)
        assert (error.status, error.message) == (
            "NOT_FOUND",
            f"there was an error operating on '{bad}': stream not found",
        )
    gone = name.replace("/sessions/CAIS", "/sessions/CAIT")
    assert failed(reader, gone).message == f"there was an error operating on '{gone}': session not found"


@pytest.mark.parametrize(
    "name", ["", "s", "projects/p/datasets/d/tables/t", "projects/p/locations/us/sessions/s"]
)
def test_malformed_streams(reader: Reader, name: str) -> None:
    assert failed(reader, name).status == "INVALID_ARGUMENT"


# Rows


def test_messages(reader: Reader) -> None:
    reader.warehouse.run(
        "CREATE TABLE d.wide AS SELECT x, REPEAT('a', 100) AS s FROM UNNEST(GENERATE_ARRAY(1, 60000)) AS x"
    )
    session = reader.session("wide")
    messages = reader.messages(session.streams[0].name)
    assert len(messages) > 4
    schemas = [m.arrow_schema.serialized_schema for m in messages]
    assert schemas[0] == session.arrow_schema.serialized_schema
    assert not any(schemas[1:])
    assert sum(m.row_count for m in messages) == 60_000
    assert all(500_000 < m.ByteSize() < 1_600_000 for m in messages)
    assert all(m.HasField("throttle_state") and m.throttle_state.throttle_percent == 0 for m in messages)
    assert not any(m.HasField("uncompressed_byte_size") for m in messages)
    ends = [m.stats.progress.at_response_end for m in messages]
    starts = [m.stats.progress.at_response_start for m in messages]
    assert starts == [0.0, *ends[:-1]]
    assert ends[-1] == 1.0
    assert all(a < b for a, b in zip(starts, ends, strict=True))


def test_an_empty_table_has_no_streams(reader: Reader) -> None:
    reader.warehouse.run("CREATE TABLE d.empty (x INT64)")
    session = reader.session("empty", streams=3)
    assert not session.streams
    assert session.estimated_row_count == 0
    assert session.arrow_schema.serialized_schema


def test_a_table_without_columns_has_no_streams(reader: Reader) -> None:
    warehouse = reader.warehouse
    warehouse.run("CREATE TABLE d.t (x INT64)")
    with warehouse.catalog.change(warehouse.session) as change:
        bare = replace(warehouse.table("t"), ref=TableRef("p", "d", "bare"), fields=())
        finish_creation(change, created(warehouse.catalog, warehouse.session, change, bare))
    assert not reader.session("bare").streams


def test_a_restriction_that_no_row_fulfils(reader: Reader, table: str) -> None:
    session = reader.session(table, row_restriction="x < 0")
    assert len(session.streams) == 1
    assert reader.messages(session.streams[0].name) == []


def test_cancelled_calls(reader: Reader, table: str) -> None:
    session = reader.session(table)
    request = read_pb2.ReadRowsRequest(read_stream=session.streams[0].name)
    with pytest.raises(StorageFailure) as caught:
        list(reader.service.read_rows(request, lambda: True))
    assert caught.value.status == "CANCELLED"


def test_a_row_larger_than_a_message_comes_alone(reader: Reader) -> None:
    reader.warehouse.run(
        """CREATE TABLE d.uneven AS SELECT x, IF(x = 500, CONCAT(r, r, r, r, r), 'n') AS s
        FROM UNNEST([REPEAT('y', 1000000)]) AS r, UNNEST(GENERATE_ARRAY(1, 1000)) AS x"""
    )
    for form in ("ARROW", "AVRO"):
        messages = reader.messages(reader.session("uneven", form).streams[0].name)
        large = [m for m in messages if m.ByteSize() > 3_600_000]
        assert [m.row_count for m in large] == [1]
        assert sum(m.row_count for m in messages) == 1000


# Other readers and writers


def test_readers_see_their_snapshot_while_the_table_changes(reader: Reader, table: str) -> None:
    warehouse = reader.warehouse
    whole = list(range(20_000))
    first = reader.session(table, streams=4)
    warehouse.run("DELETE FROM d.t WHERE MOD(x, 2) = 1")
    second = reader.session(table, streams=4)
    warehouse.run("UPDATE d.t SET x = -x WHERE x >= 10000")
    third = reader.session(table, streams=4)
    warehouse.run("INSERT INTO d.t SELECT x FROM UNNEST(GENERATE_ARRAY(1, 5000)) AS x")
    fourth = reader.session(table)
    warehouse.run("TRUNCATE TABLE d.t")
    fifth = reader.session(table)
    even = whole[::2]
    moved = [x for x in even if x < 10_000] + [-x for x in even if x >= 10_000]
    assert reader.all(first) == whole
    assert reader.all(second) == even
    assert sorted(reader.all(third)) == sorted(moved)
    assert sorted(reader.all(fourth)) == sorted(moved + list(range(1, 5001)))
    assert (fourth.estimated_row_count, fifth.estimated_row_count) == (15_000, 0)
    assert not fifth.streams


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE d.t",
        "CREATE OR REPLACE TABLE d.t AS SELECT 'other' AS y",
        "DROP SCHEMA d CASCADE",
        "ALTER TABLE d.t RENAME TO u",
        "ALTER TABLE d.t RENAME COLUMN x TO z",
    ],
)
def test_a_session_outlives_its_table(reader: Reader, table: str, statement: str) -> None:
    plain, filtered = reader.session(table, streams=2), reader.session(table, row_restriction="x >= 19990")
    reader.warehouse.run(statement)
    assert reader.all(plain) == list(range(20_000))
    assert reader.all(filtered) == list(range(19_990, 20_000))
    if "SCHEMA" in statement:
        reader.warehouse.run("CREATE SCHEMA d")


def test_concurrent_readers_and_writers(reader: Reader, table: str) -> None:
    stop = threading.Event()

    def write() -> int:
        session = reader.warehouse.engine.session()
        count = 0
        while not stop.is_set() and count < 40:
            sql = f"INSERT INTO d.t VALUES ({20_000 + count})"
            if count % 4 == 3:
                sql = f"DELETE FROM d.t WHERE x = {20_000 + count - 1}"
            reader.warehouse.executor.run(sql, reader.warehouse.context(), session)
            count += 1
        session.close()
        return count

    def read() -> None:
        for _ in range(6):
            session = reader.session(table, streams=3)
            found = sorted(reader.all(session))
            assert len(found) == session.estimated_row_count
            assert found[:20_000] == list(range(20_000))
            assert sorted(reader.all(session)) == found

    with ThreadPoolExecutor(4) as threads:
        writer = threads.submit(write)
        readers = [threads.submit(read) for _ in range(2)]
        for one in readers:
            one.result()
        stop.set()
        assert writer.result() > 0


# Results


def test_results_of_queries(reader: Reader) -> None:
    path = reader.result(
        """SELECT x, BIGNUMERIC '1.5' * x AS b, STRUCT(x AS a, [STRUCT('u' AS c, x AS d)] AS l) AS st
        FROM UNNEST(GENERATE_ARRAY(1, 9000)) AS x ORDER BY x"""
    )
    session = reader.session(path, streams=2)
    assert len(session.streams) == 2
    assert session.estimated_row_count == 9000
    assert reader.all(session) == list(range(1, 9001))
    some = reader.session(path, selected_fields=["st.l.d", "b"], row_restriction="st.a IN (3, 8999)")
    assert reader.rows(some) == [
        (Decimal("4.5"), {"l": [{"d": 3}]}),
        (Decimal("13498.5"), {"l": [{"d": 8999}]}),
    ]
    assert reader.values(some, offset=1) == [Decimal("13498.5")]
    assert reader.failure(path, row_restriction="nope = 1").status == "INVALID_ARGUMENT"
    sampled = reader.all(reader.session(path, sample_percentage=30.0))
    assert sampled == sorted(sampled)
    assert 2000 < len(sampled) < 3400


def test_spilled_results(reader: Reader) -> None:
    reader.results.memory_bytes = 0
    path = reader.result("SELECT x FROM UNNEST(GENERATE_ARRAY(1, 5000)) AS x ORDER BY x")
    session = reader.session(path)
    assert reader.all(session) == list(range(1, 5001))


def test_the_bytes_of_results(reader: Reader) -> None:
    path = reader.result("SELECT 'abc' AS s, 1 AS x")
    assert reader.session(path).estimated_total_bytes_scanned == 13
    assert reader.session(path, selected_fields=["s"]).estimated_total_bytes_scanned == 5


# Repeated columns


def test_arrays_that_were_added_later_are_empty(reader: Reader) -> None:
    reader.warehouse.run("CREATE TABLE d.grown AS SELECT 1 AS x")
    reader.warehouse.run("ALTER TABLE d.grown ADD COLUMN l ARRAY<INT64>")
    reader.warehouse.run("INSERT INTO d.grown VALUES (2, [7])")
    assert reader.rows(reader.session("grown")) == [(1, []), (2, [7])]
    avro = reader.session("grown", "AVRO")
    assert reader.avro(avro, avro.streams[0].name) == [{"x": 1, "l": []}, {"x": 2, "l": [7]}]


def test_the_schema_of_a_result(reader: Reader) -> None:
    reader.warehouse.run("SELECT 1")
    rows = reader.warehouse.run("SELECT 1 AS x").rows
    reader.keep([Field("y", TypeKind.INT64)], rows, "named")
    session = reader.session("projects/p/datasets/_hidden/tables/named", selected_fields=["Y"])
    assert reader.rows(session) == [(1,)]
