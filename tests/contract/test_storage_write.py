"""Google's own write clients against a running simulator, in the flows that the documentation shows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from google.api_core import exceptions
from google.cloud import bigquery_storage_v1beta2 as v1beta2
from google.cloud.bigquery_storage_v1 import types, writer
from google.cloud.bigquery_storage_v1beta2.services.big_query_write.transports import (
    BigQueryWriteGrpcTransport as BetaTransport,
)
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from bqsim.simulator import Simulator, start
from tests.storage import Clients, F, ProtoMessage, arrow_append, table_path

pytestmark = [
    pytest.mark.fidelity(
        "grpc:BigQueryWrite.CreateWriteStream, grpc:BigQueryWrite.AppendRows",
        "exact",
        tests="test_a_pending_* test_rows_of_a_committed*",
    ),
    pytest.mark.fidelity(
        "grpc:BigQueryWrite.FinalizeWriteStream, grpc:BigQueryWrite.BatchCommitWriteStreams",
        "exact",
        tests="test_a_pending_* test_streams_are_*",
    ),
    pytest.mark.fidelity("grpc:BigQueryWrite.GetWriteStream", "exact", tests="test_views_of_a_stream"),
    pytest.mark.fidelity(
        "grpc:BigQueryWrite.FlushRows, write:buffered streams", "exact", tests="test_a_buffered_*"
    ),
    pytest.mark.fidelity("write:default stream", "exact", tests="test_the_default_*"),
    pytest.mark.fidelity("write:committed streams", "exact", tests="test_rows_of_a_committed*"),
    pytest.mark.fidelity("write:pending streams", "exact", tests="test_a_pending_* test_streams_are_*"),
    pytest.mark.fidelity("write:offsets and exactly once", "exact", tests="test_offsets_*"),
    pytest.mark.fidelity("write:Arrow rows", "exact", tests="test_arrow_rows"),
    pytest.mark.fidelity("write:protocol buffer rows", "exact", tests="test_proto3_* test_nested_*"),
    pytest.mark.fidelity("write:row errors", "exact", tests="test_row_errors*"),
    pytest.mark.fidelity("write:missing values", "exact", tests="test_missing_values"),
    pytest.mark.fidelity("write:schema changes", "exact", tests="test_a_schema_change*"),
    pytest.mark.fidelity("write:multiplexing", "exact", tests="test_two_tables_*"),
    pytest.mark.fidelity(
        "write:change data capture",
        "approximated",
        "Changes apply at once: the option max_staleness is kept and delays nothing.",
        tests="test_upserts_* test_sequence_* test_plain_inserts*",
    ),
]

StreamType = types.WriteStream.Type
Codes = types.StorageError.StorageErrorCode
Missing = types.AppendRowsRequest.MissingValueInterpretation
PERSON = ProtoMessage([("id", F.TYPE_INT64, False, None), ("name", F.TYPE_STRING, False, None)])


@pytest.fixture
def clients(bqsim_server: Simulator) -> Iterator[Clients]:
    made = Clients(bqsim_server.grpc_target)
    yield made
    made.close()


@pytest.fixture
def client(bqsim_client: Any) -> Any:
    """Google's REST client, with dataset ``d`` and its table ``t`` of people."""
    bqsim_client.create_dataset("d")
    bqsim_client.query_and_wait("CREATE TABLE d.t (id INT64 NOT NULL, name STRING)")
    return bqsim_client


def rows_of(client: Any, sql: str = "SELECT * FROM d.t ORDER BY 1") -> list[tuple[Any, ...]]:
    return [row.values() for row in client.query_and_wait(sql)]


def people(*rows: tuple[int | None, str | None]) -> list[dict[str, Any]]:
    return [{"id": i, "name": n} for i, n in rows]


class Connection:
    """An ``AppendRowsStream``: the schema goes with its first request."""

    def __init__(self, clients: Clients, stream: str, message: ProtoMessage = PERSON) -> None:
        self.stream, self.message = stream, message
        template = types.AppendRowsRequest(write_stream=stream)
        template.proto_rows.writer_schema.proto_descriptor = message.descriptor
        self.manager = writer.AppendRowsStream(clients.write, template)

    def send(self, rows: Sequence[dict[str, Any]], offset: int | None = None, **more: Any) -> Any:
        """The future of the answer to an append."""
        request = types.AppendRowsRequest(**more)
        request.proto_rows.rows.serialized_rows.extend(self.message.rows(rows))
        if offset is not None:
            request.offset = offset
        return self.manager.send(request)

    def append(self, rows: Sequence[dict[str, Any]], offset: int | None = None, **more: Any) -> Any:
        """The answer to an append; its error raised."""
        return self.send(rows, offset, **more).result(timeout=20)

    def fail(self, rows: Sequence[dict[str, Any]], offset: int | None = None, **more: Any) -> Any:
        """The error that an append is answered with."""
        with pytest.raises(exceptions.GoogleAPICallError) as caught:
            self.append(rows, offset, **more)
        return caught.value


@pytest.fixture
def connect(clients: Clients) -> Iterator[Callable[..., Connection]]:
    opened: list[Connection] = []

    def made(stream: str, message: ProtoMessage = PERSON) -> Connection:
        opened.append(Connection(clients, stream, message))
        return opened[-1]

    yield made
    for one in opened:
        if one.manager.is_active:
            one.manager.close()


def created(clients: Clients, parent: str, kind: Any) -> Any:
    return clients.write.create_write_stream(
        parent=parent, write_stream=types.WriteStream(type_=kind), timeout=20
    )


def storage_code(error: Any) -> Any:
    """The StorageError code in the detail of an answered error."""
    (detail,) = error.response.error.details
    found = types.StorageError()
    assert detail.Unpack(types.StorageError.pb(found))
    return found.code


# The kinds of streams


def test_a_pending_stream_is_seen_when_it_is_committed(client: Any, clients: Clients, connect: Any) -> None:
    parent = table_path(client.project, "t")
    stream = created(clients, parent, StreamType.PENDING)
    assert stream.name.startswith(f"{parent}/streams/")
    assert (stream.type_, stream.write_mode) == (StreamType.PENDING, types.WriteStream.WriteMode.INSERT)
    assert stream.create_time and not stream.commit_time
    connection = connect(stream.name)
    first = connection.send(people((1, "a"), (2, None)), 0)
    second = connection.send(people((3, "c")), 2)
    assert first.result(20).append_result.offset == 0
    assert second.result(20).append_result.offset == 2
    connection.manager.close()
    assert rows_of(client) == []
    assert clients.write.finalize_write_stream(name=stream.name).row_count == 3
    request = types.BatchCommitWriteStreamsRequest(parent=parent, write_streams=[stream.name])
    answer = clients.write.batch_commit_write_streams(request)
    assert answer.commit_time and not answer.stream_errors
    assert rows_of(client) == [(1, "a"), (2, None), (3, "c")]
    again = clients.write.batch_commit_write_streams(request)
    assert [e.code for e in again.stream_errors] == [Codes.STREAM_ALREADY_COMMITTED]
    assert not again.commit_time
    assert clients.write.get_write_stream(name=stream.name).commit_time == answer.commit_time


def test_streams_are_committed_together_or_not_at_all(client: Any, clients: Clients, connect: Any) -> None:
    parent = table_path(client.project, "t")
    names = [created(clients, parent, StreamType.PENDING).name for _ in range(3)]
    for i, name in enumerate(names):
        connect(name).append(people((i, "x")))
    for name in names[:2]:
        clients.write.finalize_write_stream(name=name)
    request = types.BatchCommitWriteStreamsRequest(parent=parent, write_streams=names)
    answer = clients.write.batch_commit_write_streams(request)
    assert [(e.code, e.entity) for e in answer.stream_errors] == [(Codes.INVALID_STREAM_STATE, names[2])]
    assert rows_of(client) == []
    clients.write.finalize_write_stream(name=names[2])
    assert not clients.write.batch_commit_write_streams(request).stream_errors
    assert rows_of(client) == [(0, "x"), (1, "x"), (2, "x")]


def test_rows_of_a_committed_stream_are_seen_at_once(client: Any, clients: Clients, connect: Any) -> None:
    stream = created(clients, table_path(client.project, "t"), StreamType.COMMITTED)
    assert stream.commit_time
    connection = connect(stream.name)
    assert connection.append(people((1, "a")), 0).append_result.offset == 0
    assert rows_of(client) == [(1, "a")]
    assert connection.append(people((2, "b"), (3, "c"))).append_result.offset == 1
    assert rows_of(client) == [(1, "a"), (2, "b"), (3, "c")]
    connection.manager.close()
    assert clients.write.finalize_write_stream(name=stream.name).row_count == 3
    ended = connect(stream.name).fail(people((4, "d")))
    assert ended.code == 400
    assert storage_code(ended) == Codes.STREAM_FINALIZED
    assert len(rows_of(client)) == 3


def test_offsets_that_are_taken_or_too_far(client: Any, clients: Clients, connect: Any) -> None:
    stream = created(clients, table_path(client.project, "t"), StreamType.COMMITTED).name
    connection = connect(stream)
    connection.append(people((1, "a"), (2, "b")), 0)
    taken = connection.fail(people((1, "a"), (2, "b")), 0)
    assert isinstance(taken, exceptions.AlreadyExists)
    assert storage_code(taken) == Codes.OFFSET_ALREADY_EXISTS
    far = connection.fail(people((9, "z")), 5)
    assert isinstance(far, exceptions.OutOfRange)
    assert storage_code(far) == Codes.OFFSET_OUT_OF_RANGE
    assert connection.append(people((3, "c")), 2).append_result.offset == 2
    assert rows_of(client) == [(1, "a"), (2, "b"), (3, "c")]


def test_a_buffered_stream_is_seen_as_far_as_it_is_flushed(
    client: Any, clients: Clients, connect: Any
) -> None:
    stream = created(clients, table_path(client.project, "t"), StreamType.BUFFERED).name
    connection = connect(stream)
    connection.append(people((1, "a"), (2, "b")), 0)
    connection.append(people((3, "c")), 2)
    assert rows_of(client) == []
    flush = types.FlushRowsRequest(write_stream=stream, offset=1)
    assert clients.write.flush_rows(flush).offset == 1
    assert rows_of(client) == [(1, "a"), (2, "b")]
    assert clients.write.flush_rows(types.FlushRowsRequest(write_stream=stream, offset=0)).offset in (0, 1)
    assert clients.write.flush_rows(types.FlushRowsRequest(write_stream=stream, offset=2)).offset == 2
    assert len(rows_of(client)) == 3
    with pytest.raises(exceptions.GoogleAPICallError):
        clients.write.flush_rows(types.FlushRowsRequest(write_stream=stream, offset=7))


@pytest.mark.parametrize("form", ["streams/_default", "_default"])
def test_the_default_stream(client: Any, connect: Any, form: str) -> None:
    connection = connect(f"{table_path(client.project, 't')}/{form}")
    answer = connection.append(people((1, "a"), (2, "b")))
    assert answer.append_result.offset is None
    connection.append(people((3, None)))
    assert rows_of(client) == [(1, "a"), (2, "b"), (3, None)]
    refused = connection.fail(people((4, "d")), 3)
    assert isinstance(refused, exceptions.InvalidArgument)
    assert len(rows_of(client)) == 3


def test_many_requests_are_answered_in_order(client: Any, clients: Clients, connect: Any) -> None:
    stream = created(clients, table_path(client.project, "t"), StreamType.COMMITTED).name
    connection = connect(stream)
    futures = [connection.send(people(*((i * 10 + j, "x") for j in range(10))), i * 10) for i in range(200)]
    assert [f.result(30).append_result.offset for f in futures] == [i * 10 for i in range(200)]
    assert rows_of(client, "SELECT COUNT(*), COUNT(DISTINCT id), MAX(id) FROM d.t") == [(2000, 2000, 1999)]


def test_rows_are_seen_by_reads_and_row_counts(client: Any, clients: Clients, connect: Any) -> None:
    connect(f"{table_path(client.project, 't')}/_default").append(people((1, "a"), (2, "b")))
    table = client.get_table("d.t")
    assert (table.num_rows, table.streaming_buffer.estimated_rows) == (0, 2)
    assert len(list(client.list_rows("d.t"))) == 2
    session = clients.session(table_path(client.project, "t"))
    assert clients.arrow(session).to_pydict() == {"id": [1, 2], "name": ["a", "b"]}


# Schemas and values


def test_proto3_with_optional_fields(client: Any, clients: Clients) -> None:
    descriptor = descriptor_pb2.DescriptorProto(name="Person")
    descriptor.field.add(name="id", number=1, type=F.TYPE_INT64, label=F.LABEL_OPTIONAL)
    name = descriptor.field.add(name="name", number=2, type=F.TYPE_STRING, label=F.LABEL_OPTIONAL)
    name.proto3_optional, name.oneof_index = True, 0
    descriptor.oneof_decl.add(name="_name")
    file = descriptor_pb2.FileDescriptorProto(name="p3.proto", package="p3", syntax="proto3")
    file.message_type.add().CopyFrom(descriptor)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    person = message_factory.GetMessageClass(pool.FindMessageTypeByName("p3.Person"))
    stream = f"{table_path(client.project, 't')}/_default"
    template = types.AppendRowsRequest(write_stream=stream)
    template.proto_rows.writer_schema.proto_descriptor = descriptor
    manager = writer.AppendRowsStream(clients.write, template)
    request = types.AppendRowsRequest()
    messages = [person(id=1, name="a"), person(id=2, name=""), person(id=3)]
    request.proto_rows.rows.serialized_rows.extend(m.SerializeToString() for m in messages)
    manager.send(request).result(20)
    manager.close()
    assert rows_of(client) == [(1, "a"), (2, ""), (3, None)]


def test_arrow_rows(client: Any, clients: Clients, connect: Any) -> None:
    stream = created(clients, table_path(client.project, "t"), StreamType.COMMITTED).name
    template = types.AppendRowsRequest(write_stream=stream)
    schema = pa.schema([("id", pa.int64()), ("name", pa.string())])
    template.arrow_rows.writer_schema.serialized_schema = schema.serialize().to_pybytes()
    manager = writer.AppendRowsStream(clients.write, template)
    futures = []
    for offset in (0, 2):
        batch = pa.record_batch([[offset, offset + 1], ["a", None]], schema=schema)
        request = types.AppendRowsRequest(offset=offset)
        request.arrow_rows.rows.serialized_record_batch = batch.serialize().to_pybytes()
        futures.append(manager.send(request))
    assert [f.result(20).append_result.offset for f in futures] == [0, 2]
    manager.close()
    assert rows_of(client) == [(0, "a"), (1, None), (2, "a"), (3, None)]
    rows = pa.table({"id": [7], "name": ["z"]})
    (answer,) = clients.append(stream, arrow_append(stream, rows, 4))
    assert answer.append_result.offset == 4


def test_nested_and_repeated_fields(client: Any, connect: Any) -> None:
    client.query_and_wait(
        "CREATE TABLE d.n (id INT64, tags ARRAY<STRING>,"
        " s STRUCT<a INT64, l ARRAY<STRUCT<d DATE, f FLOAT64>>>)"
    )
    inner = ProtoMessage([("d", F.TYPE_INT32, False, None), ("f", F.TYPE_DOUBLE, False, None)])
    s = ProtoMessage([("a", F.TYPE_INT64, False, None), ("l", F.TYPE_MESSAGE, True, inner)])
    message = ProtoMessage(
        [
            ("s", F.TYPE_MESSAGE, False, s),
            ("tags", F.TYPE_STRING, True, None),
            ("id", F.TYPE_INT64, False, None),
        ]
    )
    connection = connect(f"{table_path(client.project, 'n')}/_default", message)
    row = {"id": 1, "tags": ["x", "y"], "s": {"a": 5, "l": [{"d": 0, "f": 1.5}, {"f": 2.5}]}}
    connection.append([row, {"id": 2}])
    first, second = rows_of(client, "SELECT * FROM d.n ORDER BY id")
    assert first == (
        1,
        ["x", "y"],
        {"a": 5, "l": [{"d": dt.date(1970, 1, 1), "f": 1.5}, {"d": None, "f": 2.5}]},
    )
    assert second == (2, [], None)


def test_row_errors_reject_the_request_and_keep_the_stream(
    client: Any, clients: Clients, connect: Any
) -> None:
    client.query_and_wait("CREATE TABLE d.w (id INT64 NOT NULL, day DATE, code STRING(3))")
    message = ProtoMessage(
        [
            ("id", F.TYPE_INT64, False, None),
            ("day", F.TYPE_STRING, False, None),
            ("code", F.TYPE_STRING, False, None),
        ]
    )
    stream = created(clients, table_path(client.project, "w"), StreamType.COMMITTED).name
    connection = connect(stream, message)
    bad = [
        {"id": 1, "day": "2024-02-29"},
        {"id": 2, "day": "2023-02-29"},
        {"id": 3, "code": "long"},
        {"day": "2024-01-01"},
    ]
    error = connection.fail(bad, 0)
    assert isinstance(error, exceptions.InvalidArgument)
    assert "Errors found while processing rows" in error.message
    found = {e.index: e for e in error.response.row_errors}
    assert {1, 3} <= set(found) <= {1, 2, 3}
    assert all(e.code == types.RowError.RowErrorCode.FIELDS_ERROR and e.message for e in found.values())
    assert rows_of(client, "SELECT * FROM d.w") == []
    too_long = connection.fail([{"id": 3, "code": "long"}], 0)
    assert isinstance(too_long, exceptions.InvalidArgument)
    assert [e.index for e in too_long.response.row_errors] == [0]
    assert connection.append(bad[:1], 0).append_result.offset == 0
    assert rows_of(client, "SELECT * FROM d.w") == [(1, dt.date(2024, 2, 29), None)]


def test_a_field_that_the_table_lacks(client: Any, connect: Any) -> None:
    message = ProtoMessage([("id", F.TYPE_INT64, False, None), ("extra", F.TYPE_STRING, False, None)])
    connection = connect(f"{table_path(client.project, 't')}/_default", message)
    error = connection.fail([{"id": 1, "extra": "x"}])
    assert isinstance(error, exceptions.InvalidArgument)


def test_a_schema_change_is_announced(client: Any, clients: Clients, connect: Any) -> None:
    stream = f"{table_path(client.project, 't')}/_default"
    connection = connect(stream)
    assert not connection.append(people((1, "a"))).updated_schema.fields
    client.query_and_wait("ALTER TABLE d.t ADD COLUMN age INT64")
    told = connection.append(people((2, "b"))).updated_schema
    assert [f.name for f in told.fields] == ["id", "name", "age"]
    assert not connection.append(people((3, "c"))).updated_schema.fields
    wider = ProtoMessage(
        [
            ("id", F.TYPE_INT64, False, None),
            ("name", F.TYPE_STRING, False, None),
            ("age", F.TYPE_INT64, False, None),
        ]
    )
    connect(stream, wider).append([{"id": 4, "name": "d", "age": 40}])
    assert rows_of(client) == [(1, "a", None), (2, "b", None), (3, "c", None), (4, "d", 40)]


def test_missing_values(client: Any, connect: Any) -> None:
    client.query_and_wait(
        "CREATE TABLE d.m (id INT64, a STRING DEFAULT 'a', b STRING DEFAULT 'b', c STRING DEFAULT 'c')"
    )
    fields = [("id", F.TYPE_INT64, False, None), *((n, F.TYPE_STRING, False, None) for n in "ab")]
    connection = connect(f"{table_path(client.project, 'm')}/_default", ProtoMessage(fields))
    connection.append([{"id": 1}, {"id": 2, "a": "x"}])
    connection.append([{"id": 3}], missing_value_interpretations={"a": Missing.DEFAULT_VALUE})
    connection.append([{"id": 4}], default_missing_value_interpretation=Missing.DEFAULT_VALUE)
    connection.append([{"id": 5}])
    connection.append([{"id": 6}], missing_value_interpretations={"b": Missing.NULL_VALUE})
    got = {row[0]: row[1:3] for row in rows_of(client, "SELECT * FROM d.m")}
    assert got == {
        1: (None, None),
        2: ("x", None),
        3: ("a", None),
        4: ("a", "b"),
        5: ("a", "b"),
        6: ("a", None),
    }


def test_two_tables_on_one_connection(client: Any, clients: Clients) -> None:
    client.query_and_wait("CREATE TABLE d.u (n FLOAT64)")
    number = ProtoMessage([("n", F.TYPE_DOUBLE, False, None)])
    t, u = (f"{table_path(client.project, name)}/streams/_default" for name in "tu")

    def requests() -> Iterator[types.AppendRowsRequest]:
        for i in range(3):
            yield PERSON.append(t, people((i, "x")))
            yield number.append(u, [{"n": i + 0.5}])

    answers = clients.append(t, requests())
    assert [a.write_stream for a in answers] == [t, u] * 3
    assert not any(a.error.code for a in answers)
    assert rows_of(client) == [(0, "x"), (1, "x"), (2, "x")]
    assert rows_of(client, "SELECT * FROM d.u ORDER BY n") == [(0.5,), (1.5,), (2.5,)]


# Change data capture

CHANGE = ProtoMessage(
    [
        ("id", F.TYPE_INT64, False, None),
        ("name", F.TYPE_STRING, False, None),
        ("_CHANGE_TYPE", F.TYPE_STRING, False, None),
        ("_CHANGE_SEQUENCE_NUMBER", F.TYPE_STRING, False, None),
    ]
)


def changed(i: int, name: str | None, kind: str | None, number: str | None = None) -> dict[str, Any]:
    return {"id": i, "name": name, "_CHANGE_TYPE": kind, "_CHANGE_SEQUENCE_NUMBER": number}


@pytest.fixture
def keyed(client: Any) -> str:
    """The default stream of a table with a primary key."""
    client.query_and_wait(
        "CREATE TABLE d.k (id INT64, name STRING NOT NULL, PRIMARY KEY (id) NOT ENFORCED)"
        " CLUSTER BY id OPTIONS (max_staleness = INTERVAL 10 MINUTE)"
    )
    return f"{table_path(client.project, 'k')}/streams/_default"


def test_upserts_and_deletes(client: Any, connect: Any, keyed: str) -> None:
    client.query_and_wait("INSERT INTO d.k VALUES (100, 'Charlie'), (101, 'Tal'), (102, 'Lee')")
    connection = connect(keyed, CHANGE)
    connection.append(
        [changed(100, None, "DELETE"), changed(101, "Tal 2", "UPSERT"), changed(105, "Izumi", "UPSERT")]
    )
    assert rows_of(client, "SELECT * FROM d.k ORDER BY id") == [
        (101, "Tal 2"),
        (102, "Lee"),
        (105, "Izumi"),
    ]
    table = client.get_table("d.k")
    assert table.num_rows + table.streaming_buffer.estimated_rows == 3
    wrong = connection.fail([changed(1, "x", "INSERT"), changed(2, "x", "UPSERT"), changed(3, "x", None)])
    assert [e.index for e in wrong.response.row_errors] == [0, 2]
    assert "The given value is not a valid CHANGE_TYPE" in wrong.response.row_errors[0].message
    with pytest.raises(exceptions.BadRequest, match="over tables that had UPSERT streams"):
        client.query_and_wait("DELETE FROM d.k WHERE TRUE")


def test_sequence_numbers_order_changes(client: Any, connect: Any, keyed: str) -> None:
    connection = connect(keyed, CHANGE)
    connection.append([changed(1, "new", "UPSERT", "FFF/ABC"), changed(1, "old", "UPSERT", "FFF/B")])
    connection.append([changed(2, None, "DELETE", "5"), changed(2, "late", "UPSERT", "4")])
    connection.append([changed(2, "late", "UPSERT", "4"), changed(3, "c", "UPSERT", "1")])
    assert rows_of(client, "SELECT * FROM d.k ORDER BY id") == [(1, "new"), (3, "c")]
    wrong = connection.fail([changed(1, "x", "UPSERT", "1/2/3/4/5")])
    assert [e.index for e in wrong.response.row_errors] == [0]


def test_values_that_a_changed_row_cannot_hold(client: Any, connect: Any) -> None:
    client.query_and_wait(
        "CREATE TABLE d.c (id INT64 NOT NULL, name STRING(3) NOT NULL, PRIMARY KEY (id) NOT ENFORCED)"
    )
    connection = connect(f"{table_path(client.project, 'c')}/_default", CHANGE)
    rows = [changed(1, None, "DELETE"), changed(2, "ok", "UPSERT"), changed(3, "long", "UPSERT")]
    error = connection.fail(rows)
    assert [e.index for e in error.response.row_errors] == [2]
    assert "maximum length 3" in error.response.row_errors[0].message
    connection.append(rows[:2])
    assert rows_of(client, "SELECT * FROM d.c") == [(2, "ok")]
    missing = connection.fail([changed(1, None, "DELETE"), changed(4, None, "UPSERT")])
    assert [e.index for e in missing.response.row_errors] == [1]


def test_upserts_need_a_key_and_the_default_stream(
    client: Any, clients: Clients, connect: Any, keyed: str
) -> None:
    row = changed(1, "x", "UPSERT")
    keyless = connect(f"{table_path(client.project, 't')}/_default", CHANGE).fail([row])
    assert "required to create an upsert stream" in keyless.message
    stream = created(clients, table_path(client.project, "k"), StreamType.COMMITTED).name
    own = connect(stream, CHANGE).fail([row])
    assert "not a valid CHANGE_TYPE in insert mode: UPSERT" in str(own.response.row_errors)
    rows = pa.table({"id": [1], "name": ["x"], "_CHANGE_TYPE": ["UPSERT"]})
    (answer,) = clients.append(keyed, arrow_append(keyed, rows))
    assert answer.error.code == 3
    assert rows_of(client, "SELECT * FROM d.k") == []


def test_plain_inserts_into_a_table_with_a_key(client: Any, connect: Any, keyed: str) -> None:
    connection = connect(keyed, CHANGE)
    connection.append([changed(1, "a", None), changed(1, "b", "INSERT")])
    assert rows_of(client, "SELECT * FROM d.k ORDER BY name") == [(1, "a"), (1, "b")]


# Restarts


def test_streams_and_changes_survive_a_restart(tmp_path: Path) -> None:
    settings = {"project": "again", "data_dir": tmp_path}
    k, t = (table_path("again", name) for name in "kt")
    with start(**settings) as simulator:
        client, clients = simulator.client(), Clients(simulator.grpc_target)
        client.create_dataset("d")
        client.query_and_wait("CREATE TABLE d.t (id INT64, name STRING)")
        client.query_and_wait("CREATE TABLE d.k (id INT64, name STRING, PRIMARY KEY (id) NOT ENFORCED)")
        kinds = (StreamType.COMMITTED, StreamType.PENDING, StreamType.BUFFERED)
        names = [created(clients, t, kind).name for kind in kinds]
        for name in names:
            (answer,) = clients.append(name, [PERSON.append(name, people((1, "a"), (2, "b")), 0)])
            assert answer.append_result.offset == 0
        default = f"{k}/streams/_default"
        clients.append(
            default, [CHANGE.append(default, [changed(1, "x", "UPSERT", "5"), changed(2, "", "DELETE", "5")])]
        )
        clients.close()
        client.close()
    with start(**settings) as simulator:
        client, clients = simulator.client(), Clients(simulator.grpc_target)
        for name in names:
            answers = clients.append(
                name, [PERSON.append(name, people((1, "a")), 0), PERSON.append(name, people((3, "c")), 2)]
            )
            assert [a.error.code for a in answers] == [6, 0]
        late = [
            changed(1, "late", "UPSERT", "4"),
            changed(2, "late", "UPSERT", "4"),
            changed(3, "y", "UPSERT"),
        ]
        (answer,) = clients.append(default, [CHANGE.append(default, late)])
        assert not answer.error.code
        assert rows_of(client, "SELECT * FROM d.k ORDER BY id") == [(1, "x"), (3, "y")]
        assert len(rows_of(client)) == 3
        clients.write.flush_rows(types.FlushRowsRequest(write_stream=names[2], offset=2))
        assert clients.write.finalize_write_stream(name=names[1]).row_count == 3
        request = types.BatchCommitWriteStreamsRequest(parent=t, write_streams=[names[1]])
        assert clients.write.batch_commit_write_streams(request).commit_time
        assert len(rows_of(client)) == 9
        clients.close()
        client.close()


# Streams by name


def test_views_of_a_stream(client: Any, clients: Clients) -> None:
    stream = created(clients, table_path(client.project, "t"), StreamType.BUFFERED)
    assert [(f.name, f.mode.name) for f in stream.table_schema.fields] == [
        ("id", "REQUIRED"),
        ("name", "NULLABLE"),
    ]
    basic = clients.write.get_write_stream(name=stream.name)
    assert (basic.name, basic.type_, basic.location) == (stream.name, StreamType.BUFFERED, "us")
    assert not basic.table_schema.fields
    full = clients.write.get_write_stream(
        types.GetWriteStreamRequest(name=stream.name, view=types.WriteStreamView.FULL)
    )
    assert full.table_schema == stream.table_schema
    default = clients.write.get_write_stream(
        types.GetWriteStreamRequest(
            name=f"{table_path(client.project, 't')}/_default", view=types.WriteStreamView.FULL
        )
    )
    assert default.type_ == StreamType.COMMITTED
    assert default.table_schema == stream.table_schema


def test_names_that_are_not_there(client: Any, clients: Clients) -> None:
    parent = table_path(client.project, "t")
    with pytest.raises(exceptions.NotFound):
        created(clients, table_path(client.project, "nowhere"), StreamType.PENDING)
    for name in (f"{parent}/streams/nowhere", f"{table_path(client.project, 'gone')}/streams/_default"):
        with pytest.raises(exceptions.NotFound):
            clients.write.get_write_stream(name=name)
        with pytest.raises(exceptions.GoogleAPICallError) as caught:
            for answer in clients.append(name, [PERSON.append(name, people((1, "a")))]):
                raise exceptions.from_grpc_status(answer.error.code, answer.error.message)
        assert isinstance(caught.value, exceptions.NotFound)
    for call in (
        lambda: created(clients, "nonsense", StreamType.PENDING),
        lambda: clients.write.get_write_stream(name="nonsense"),
        lambda: clients.append("nonsense", [PERSON.append("nonsense", people((1, "a")))]),
    ):
        with pytest.raises(exceptions.InvalidArgument):
            call()


def test_what_a_kind_of_stream_does_not_do(client: Any, clients: Clients) -> None:
    parent = table_path(client.project, "t")
    committed = created(clients, parent, StreamType.COMMITTED).name
    calls: tuple[Callable[[], Any], ...] = (
        lambda: clients.write.finalize_write_stream(name=f"{parent}/streams/_default"),
        lambda: clients.write.flush_rows(types.FlushRowsRequest(write_stream=committed, offset=0)),
        lambda: clients.write.flush_rows(types.FlushRowsRequest(write_stream=f"{parent}/streams/_default")),
        lambda: created(clients, parent, StreamType.TYPE_UNSPECIFIED),
    )
    for call in calls:
        with pytest.raises(exceptions.InvalidArgument):
            call()


def test_the_beta_client(client: Any, clients: Clients) -> None:
    beta = v1beta2.BigQueryWriteClient(transport=BetaTransport(channel=clients.channel))
    kinds = v1beta2.types.WriteStream.Type
    parent = table_path(client.project, "t")
    stream = beta.create_write_stream(
        parent=parent, write_stream=v1beta2.types.WriteStream(type_=kinds.PENDING)
    )
    request = v1beta2.types.AppendRowsRequest(write_stream=stream.name, offset=0)
    request.proto_rows.writer_schema.proto_descriptor = PERSON.descriptor
    request.proto_rows.rows.serialized_rows.extend(PERSON.rows(people((1, "a"), (2, "b"))))
    headers = [("x-goog-request-params", f"write_stream={stream.name}")]
    (answer,) = beta.append_rows(iter([request]), metadata=headers)
    assert answer.append_result.offset == 0
    assert beta.finalize_write_stream(name=stream.name).row_count == 2
    committed = beta.batch_commit_write_streams(
        v1beta2.types.BatchCommitWriteStreamsRequest(parent=parent, write_streams=[stream.name])
    )
    assert committed.commit_time
    assert rows_of(client) == [(1, "a"), (2, "b")]
