"""Google's Python clients read tables and results over gRPC; REST gives the same values."""

from __future__ import annotations

import asyncio
import datetime as dt
import threading
import time
import warnings
from collections.abc import Iterator
from typing import Any

import google.cloud.bigquery_storage_v1beta2 as beta
import grpc
import pyarrow as pa
import pytest
from google.api_core import exceptions
from google.cloud import bigquery
from google.cloud.bigquery_storage_v1 import types
from google.cloud.bigquery_storage_v1.services.big_query_read import BigQueryReadAsyncClient
from google.cloud.bigquery_storage_v1.services.big_query_read.transports import (
    BigQueryReadGrpcAsyncIOTransport,
)
from google.cloud.bigquery_storage_v1beta2.services.big_query_read.transports import (
    BigQueryReadGrpcTransport as BetaTransport,
)

from bqsim.sim.gate import Call
from bqsim.simulator import Simulator, start
from tests.gates import hooked
from tests.storage import UNLIMITED, Clients, F, ProtoMessage, arrow_append, table_path

pytestmark = [
    pytest.mark.fidelity(
        "grpc:BigQueryRead.CreateReadSession, grpc:BigQueryRead.ReadRows",
        "exact",
        tests="test_rows_of_a_table* test_pages* test_several*",
    ),
    pytest.mark.fidelity("grpc:BigQueryRead.SplitReadStream", "exact", tests="test_split"),
    pytest.mark.fidelity("read:Arrow", "exact", tests="test_rows_of_a_table* test_all_types*"),
    pytest.mark.fidelity("read:Avro", "exact", tests="test_avro_*"),
    pytest.mark.fidelity("read:compression", "exact", tests="test_compressed* test_lz4*"),
    pytest.mark.fidelity("read:row restrictions", "exact", tests="test_*row_restriction"),
    pytest.mark.fidelity("read:selected fields", "exact", tests="test_selected_*"),
    pytest.mark.fidelity("read:snapshots", "exact", tests="test_snapshot_time test_sessions_keep*"),
    pytest.mark.fidelity(
        "read:samples", "approximated", "Other rows than the service's, about as many.", tests="test_sample"
    ),
    pytest.mark.fidelity(
        "read:offsets", "exact", tests="test_resume_* test_offset_* test_the_client_reconnects*"
    ),
    pytest.mark.fidelity("read:results of queries", "exact", tests="test_the_result_*"),
    pytest.mark.fidelity("read:sessions", "exact", tests="test_a_session_* test_unknown_things"),
]

PROJECT = "storage-read"
ROWS = 250_000
ALL_TYPES = """
SELECT 1 AS id, 9223372036854775807 AS i, 1.5 AS f, NUMERIC '-1.000000001' AS n, BIGNUMERIC '1e-38' AS b,
  TRUE AS t, 'tëxt' AS s, b'\\x00\\xff' AS y, DATE '0001-01-01' AS d, TIME '23:59:59.999999' AS m,
  DATETIME '9999-12-31T23:59:59.999999' AS dt, TIMESTAMP '1969-12-31 23:59:59.999999Z' AS ts,
  JSON '{"a": [1, null]}' AS j, @g AS g, RANGE(DATE '2024-01-01', NULL) AS r,
  [1, 2] AS a, STRUCT(1 AS x, [STRUCT('z' AS z)] AS y) AS st
UNION ALL
SELECT 2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, [], NULL
"""


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with start(project=PROJECT) as running:
        yield running


@pytest.fixture(scope="module")
def storage(simulator: Simulator) -> Iterator[Clients]:
    clients = Clients(simulator.grpc_target)
    yield clients
    clients.close()


@pytest.fixture(scope="module")
def client(simulator: Simulator) -> Iterator[Any]:
    made = simulator.client()
    made.create_dataset("d")
    made.query_and_wait(
        f"""CREATE TABLE d.big AS SELECT i AS id, MOD(i, 7) AS k, CONCAT('row ', CAST(i AS STRING)) AS s,
        STRUCT(i * 2 AS x, STRUCT(CAST(i AS STRING) AS t, MOD(i, 2) = 0 AS even) AS inner_) AS st
        FROM UNNEST(GENERATE_ARRAY(0, {ROWS // 1000 - 1})) AS a, UNNEST(GENERATE_ARRAY(0, 999)) AS b,
        UNNEST([a * 1000 + b]) AS i"""
    )
    point = bigquery.ScalarQueryParameter("g", "GEOGRAPHY", "POINT(1 2)")
    config = bigquery.QueryJobConfig(query_parameters=[point])
    made.query_and_wait(f"CREATE TABLE d.every AS {ALL_TYPES}", job_config=config)
    yield made
    made.close()


@pytest.fixture
def big(client: Any) -> str:
    return table_path(PROJECT, "big")


@pytest.fixture
def table(client: Any, request: pytest.FixtureRequest) -> str:
    """A table ``(id INT64, s STRING)`` of the test's own with rows 1 and 2; its id."""
    name = request.node.name.replace("[", "_").replace("]", "")
    client.query_and_wait(f"CREATE TABLE d.{name} (id INT64, s STRING)")
    client.query_and_wait(f"INSERT d.{name} VALUES (1, 'one'), (2, 'two')")
    return str(name)


def ids(rows: pa.Table) -> list[int]:
    return list(rows.column("id").to_pylist())


# One stream and several


def test_rows_of_a_table_in_order(storage: Clients, big: str) -> None:
    session = storage.session(big)
    assert len(session.streams) == 1
    assert session.table == big
    assert session.data_format == types.DataFormat.ARROW
    assert session.estimated_row_count == ROWS
    assert session.estimated_total_bytes_scanned > 0
    assert session.expire_time - dt.datetime.now(dt.UTC) >= dt.timedelta(hours=5, minutes=59)
    assert ids(storage.arrow(session)) == list(range(ROWS))


def test_pages_and_rows(storage: Clients, big: str) -> None:
    session = storage.session(big, selected_fields=["id"])
    stream = storage.read.read_rows(session.streams[0].name)
    pages = list(stream.rows().pages)
    assert len(pages) > 1
    assert sum(p.num_items for p in pages) == ROWS
    messages = list(storage.read.read_rows(session.streams[0].name))
    assert messages[0].arrow_schema.serialized_schema == session.arrow_schema.serialized_schema
    assert all(m.row_count == m.arrow_record_batch.row_count for m in messages)
    progress = [(m.stats.progress.at_response_start, m.stats.progress.at_response_end) for m in messages]
    assert progress == sorted(progress) and progress[0][0] == 0.0 and progress[-1][1] == 1.0
    assert all(m._pb.ByteSize() < 4 * 1024 * 1024 for m in messages)


def test_dataframe(storage: Clients, big: str) -> None:
    session = storage.session(big, selected_fields=["id", "s"], row_restriction="id < 3")
    frame = storage.read.read_rows(session.streams[0].name).to_dataframe(session)
    assert frame.to_dict("list") == {"id": [0, 1, 2], "s": ["row 0", "row 1", "row 2"]}


@pytest.mark.parametrize("streams", [2, 3, 8])
def test_several_streams_hold_each_row_once(storage: Clients, big: str, streams: int) -> None:
    session = storage.session(big, streams=streams, selected_fields=["id"])
    assert 1 < len(session.streams) <= streams
    assert len({s.name for s in session.streams}) == len(session.streams)
    parts: dict[str, list[int]] = {}

    def read(name: str) -> None:
        parts[name] = ids(storage.read.read_rows(name).to_arrow(session))

    threads = [threading.Thread(target=read, args=(s.name,)) for s in session.streams]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sizes = [len(parts[s.name]) for s in session.streams]
    assert sorted(i for part in parts.values() for i in part) == list(range(ROWS))
    assert max(sizes) < 2 * min(sizes) + 200_000


def test_avro_is_arrow(storage: Clients, big: str) -> None:
    options = {"row_restriction": "MOD(id, 1000) = 7", "selected_fields": ["id", "s", "st.inner_"]}
    arrow = storage.arrow(storage.session(big, **options)).to_pylist()
    avro = storage.avro(storage.session(big, "AVRO", **options))
    assert len(arrow) == ROWS // 1000
    assert avro == arrow


def test_split(storage: Clients, big: str) -> None:
    session = storage.session(big, selected_fields=["id"])
    name = session.streams[0].name
    whole = ids(storage.read.read_rows(name).to_arrow(session))
    halves = storage.read.split_read_stream(request={"name": name, "fraction": 0.5})
    assert halves.primary_stream.name and halves.remainder_stream.name
    parts = [
        ids(storage.read.read_rows(half.name).to_arrow(session))
        for half in (halves.primary_stream, halves.remainder_stream)
    ]
    assert all(parts) and parts[0] + parts[1] == whole
    assert ids(storage.read.read_rows(name).to_arrow(session)) == whole
    again = storage.read.split_read_stream(request={"name": halves.primary_stream.name, "fraction": 0.5})
    if again.primary_stream.name:
        quarters = [
            ids(storage.read.read_rows(q.name).to_arrow(session))
            for q in (again.primary_stream, again.remainder_stream)
        ]
        assert quarters[0] + quarters[1] == parts[0]
    for fraction in (0.0001, 0.9999):
        edge = storage.read.split_read_stream(request={"name": name, "fraction": fraction})
        if edge.primary_stream.name:
            both = [
                ids(storage.read.read_rows(part.name).to_arrow(session))
                for part in (edge.primary_stream, edge.remainder_stream)
            ]
            assert both[0] + both[1] == whole
        else:
            assert not edge.remainder_stream.name
    with pytest.raises(exceptions.InvalidArgument):
        storage.read.split_read_stream(request={"name": name, "fraction": 1.5})


# Options


def test_selected_nested_fields_come_in_table_order(storage: Clients, big: str) -> None:
    session = storage.session(
        big, selected_fields=["st.inner_.even", "st.x", "id"], row_restriction="id BETWEEN 3 AND 4"
    )
    rows = storage.arrow(session)
    assert rows.to_pylist() == [{"id": i, "st": {"x": i * 2, "inner_": {"even": i % 2 == 0}}} for i in (3, 4)]
    with pytest.raises(exceptions.InvalidArgument, match="nowhere"):
        storage.session(big, selected_fields=["nowhere"])


@pytest.mark.parametrize(
    ("restriction", "expected"),
    [
        ("id = 5", [5]),
        ("id IN (3, 9) AND st.inner_.even IS NOT TRUE", [3, 9]),
        ("s LIKE 'row 24999_' AND k > 4", [i for i in range(249_990, 250_000) if i % 7 > 4]),
        ("id < 10 AND NOT st.inner_.even", [1, 3, 5, 7, 9]),
        ("FALSE", []),
        ("id IS NULL", []),
    ],
)
def test_row_restriction(storage: Clients, big: str, restriction: str, expected: list[int]) -> None:
    for streams in (1, 3):
        session = storage.session(big, streams=streams, row_restriction=restriction)
        found = [i for s in session.streams for i in ids(storage.read.read_rows(s.name).to_arrow(session))]
        assert found == expected


@pytest.mark.parametrize("restriction", ["id =", "nowhere = 1", "COUNT(id) > 1", "id = 'x'", "id"])
def test_bad_row_restriction(storage: Clients, big: str, restriction: str) -> None:
    with pytest.raises(exceptions.InvalidArgument) as refused:
        storage.session(big, row_restriction=restriction)
    assert "duckdb" not in str(refused.value).lower()


def test_snapshot_time(storage: Clients, client: Any, table: str) -> None:
    time.sleep(0.01)
    then = dt.datetime.now(dt.UTC)
    time.sleep(0.01)
    client.query_and_wait(f"DELETE d.{table} WHERE id = 1")
    client.query_and_wait(f"INSERT d.{table} VALUES (3, 'three')")
    path = table_path(PROJECT, table)
    modifiers = types.ReadSession.TableModifiers(snapshot_time=then)
    assert ids(storage.arrow(storage.session(path, modifiers=modifiers))) == [1, 2]
    assert ids(storage.arrow(storage.session(path))) == [2, 3]


@pytest.mark.parametrize("codec", ["LZ4_FRAME", "ZSTD"])
def test_compressed_buffers(storage: Clients, big: str, codec: str) -> None:
    plain = storage.session(big, row_restriction="id < 5000")
    options = types.ArrowSerializationOptions(
        buffer_compression=types.ArrowSerializationOptions.CompressionCodec[codec]
    )
    small = storage.session(big, row_restriction="id < 5000", arrow_serialization_options=options)
    assert storage.arrow(small).equals(storage.arrow(plain))

    def size(session: Any) -> int:
        messages = storage.read.read_rows(session.streams[0].name)
        return sum(len(m.arrow_record_batch.serialized_record_batch) for m in messages)

    assert size(small) < size(plain)


def test_lz4_responses(storage: Clients, big: str) -> None:
    """Google's Python client does not ask for these; each response says how long its bytes are unpacked."""
    codec = types.ReadSession.TableReadOptions.ResponseCompressionCodec.RESPONSE_COMPRESSION_CODEC_LZ4
    plain = storage.session(big, row_restriction="id < 5000")
    packed = storage.session(big, row_restriction="id < 5000", response_compression_codec=codec)
    wanted = b"".join(
        m.arrow_record_batch.serialized_record_batch for m in storage.read.read_rows(plain.streams[0].name)
    )
    found = b""
    for message in storage.read.read_rows(packed.streams[0].name):
        data = message.arrow_record_batch.serialized_record_batch
        if message.uncompressed_byte_size > 0:
            assert len(data) < message.uncompressed_byte_size
            unpacked = pa.decompress(data, message.uncompressed_byte_size, "lz4_raw")
            data = unpacked.to_pybytes() if hasattr(unpacked, "to_pybytes") else unpacked
        found += data
    assert found == wanted


def test_sample(storage: Clients, big: str) -> None:
    session = storage.session(big, sample_percentage=50.0, streams=2)
    found = [i for s in session.streams for i in ids(storage.read.read_rows(s.name).to_arrow(session))]
    assert len(set(found)) == len(found) <= ROWS
    again = [i for s in session.streams for i in ids(storage.read.read_rows(s.name).to_arrow(session))]
    assert again == found


# Resuming


def test_resume_by_offset(storage: Clients, big: str) -> None:
    session = storage.session(big, selected_fields=["id"], row_restriction="k <> 3")
    name = session.streams[0].name
    wanted = [i for i in range(ROWS) if i % 7 != 3]
    found: list[int] = []
    schema = pa.ipc.read_schema(pa.py_buffer(session.arrow_schema.serialized_schema))
    breaks = 0
    while len(found) < len(wanted):
        stream = storage.read.read_rows(name, offset=len(found))
        for message in stream:
            batch = pa.ipc.read_record_batch(
                pa.py_buffer(message.arrow_record_batch.serialized_record_batch), schema
            )
            # Every other time rows of a message are given up, as when a client dies in the middle.
            found += batch.column(0).to_pylist()[: 1000 if breaks % 2 else None]
            break
        stream.cancel()
        breaks += 1
    assert breaks > 1
    assert found == wanted


class Breaking(grpc.UnaryStreamClientInterceptor):  # type: ignore[misc]
    """Ends every read with UNAVAILABLE after some messages, as a network does."""

    def __init__(self, after: int) -> None:
        self.after, self.calls = after, 0

    def intercept_unary_stream(self, continuation: Any, details: Any, request: Any) -> Any:
        call = continuation(details, request)
        if not details.method.endswith("/ReadRows"):
            return call
        self.calls += 1
        return _Broken(call, self.after)


class _Broken:
    def __init__(self, call: Any, after: int) -> None:
        self.call, self.left = call, after

    def __iter__(self) -> _Broken:
        return self

    def __next__(self) -> Any:
        if self.left == 0:
            self.call.cancel()
            raise Unavailable
        message = next(self.call)
        self.left -= 1
        return message

    def __getattr__(self, name: str) -> Any:
        return getattr(self.call, name)


class Unavailable(grpc.RpcError, grpc.Call):  # type: ignore[misc]
    """The connection is gone."""

    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.UNAVAILABLE

    def details(self) -> str:
        return "Socket closed"

    def trailing_metadata(self) -> tuple[()]:
        return ()

    initial_metadata = trailing_metadata

    def is_active(self) -> bool:
        return False

    def time_remaining(self) -> None:
        return None

    def cancel(self) -> None:
        return None

    def add_callback(self, callback: Any) -> bool:
        return False


def test_the_client_reconnects_by_itself(simulator: Simulator, client: Any, big: str) -> None:
    clients = Clients(simulator.grpc_target)
    breaking = Breaking(after=1)
    from google.cloud import bigquery_storage_v1 as v1
    from google.cloud.bigquery_storage_v1.services.big_query_read.transports import BigQueryReadGrpcTransport

    channel = grpc.intercept_channel(clients.channel, breaking)
    reader = v1.BigQueryReadClient(transport=BigQueryReadGrpcTransport(channel=channel))
    session = clients.session(big, selected_fields=["id", "s"])
    rows = reader.read_rows(session.streams[0].name).to_arrow(session)
    assert ids(rows) == list(range(ROWS))
    assert breaking.calls > 3
    clients.close()


def test_offset_past_the_end(storage: Clients, table: str) -> None:
    session = storage.session(table_path(PROJECT, table))
    assert ids(storage.read.read_rows(session.streams[0].name, offset=1).to_arrow(session)) == [2]
    with pytest.raises(exceptions.FailedPrecondition, match="offset 3"):
        storage.read.read_rows(session.streams[0].name, offset=3).to_arrow(session)


# What is refused


def test_unknown_things(storage: Clients, client: Any, table: str) -> None:
    with pytest.raises(exceptions.NotFound, match="nowhere"):
        storage.session(table_path(PROJECT, "nowhere"))
    with pytest.raises(exceptions.NotFound):
        storage.session(table_path(PROJECT, "t", dataset="nowhere"))
    with pytest.raises(exceptions.InvalidArgument):
        storage.session("d.t", streams=1)
    client.query_and_wait(f"CREATE VIEW d.a_view AS SELECT * FROM d.{table}")
    with pytest.raises(exceptions.InvalidArgument):
        storage.session(table_path(PROJECT, "a_view"))
    session = storage.session(table_path(PROJECT, table))
    with pytest.raises((exceptions.NotFound, exceptions.InvalidArgument)):
        list(storage.read.read_rows(session.streams[0].name + "0"))


@pytest.mark.parametrize("data_format", ["ARROW", "AVRO"])
def test_rows_that_are_large(storage: Clients, client: Any, data_format: str) -> None:
    client.query_and_wait(
        """CREATE TABLE IF NOT EXISTS d.large AS SELECT i AS id,
        (SELECT STRING_AGG(REPEAT('x', 1000000), '') FROM UNNEST(GENERATE_ARRAY(1, MOD(i, 9)))) AS s
        FROM UNNEST(GENERATE_ARRAY(1, 20)) AS i"""
    )
    session = storage.session(table_path(PROJECT, "large"), data_format, streams=2)
    messages = [m for s in session.streams for m in storage.read.read_rows(s.name)]
    assert sum(m.row_count for m in messages) == 20
    assert all(m.row_count == 1 or m._pb.ByteSize() < 4_000_000 for m in messages)
    assert max(m._pb.ByteSize() for m in messages) > 8_000_000


def test_an_empty_table(storage: Clients, client: Any) -> None:
    client.query_and_wait("CREATE TABLE d.empty (id INT64, s STRING)")
    session = storage.session(table_path(PROJECT, "empty"))
    tables = [storage.read.read_rows(s.name).to_arrow(session) for s in session.streams]
    assert sum(t.num_rows for t in tables) == 0
    assert client.list_rows("d.empty").to_arrow(bqstorage_client=storage.read).num_rows == 0


# v1beta2


def test_v1beta2(simulator: Simulator, client: Any, big: str) -> None:
    channel = grpc.insecure_channel(simulator.grpc_target, options=UNLIMITED)
    reader = beta.BigQueryReadClient(transport=BetaTransport(channel=channel))
    for name in ("ARROW", "AVRO"):
        requested = beta.types.ReadSession(
            table=big,
            data_format=beta.types.DataFormat[name],
            read_options={"selected_fields": ["id"], "row_restriction": "id < 3"},
        )
        session = reader.create_read_session(
            parent=f"projects/{PROJECT}", read_session=requested, max_stream_count=1
        )
        rows = reader.read_rows(session.streams[0].name).rows(session)
        found = [row["id"].as_py() if name == "ARROW" else row["id"] for row in rows]
        assert found == [0, 1, 2]
    channel.close()


def test_the_asynchronous_client(simulator: Simulator, client: Any, big: str) -> None:
    async def count() -> int:
        async with grpc.aio.insecure_channel(simulator.grpc_target) as channel:
            reader = BigQueryReadAsyncClient(transport=BigQueryReadGrpcAsyncIOTransport(channel=channel))
            requested = types.ReadSession(table=big, data_format=types.DataFormat.ARROW)
            session = await reader.create_read_session(
                parent=f"projects/{PROJECT}", read_session=requested, max_stream_count=2
            )
            found = 0
            for stream in session.streams:
                async for message in await reader.read_rows(read_stream=stream.name):
                    found += message.row_count
            return found

    # The channel has gRPC's own limit of 4 MiB for a message.
    assert asyncio.run(count()) == ROWS


# google-cloud-bigquery through it


@pytest.fixture(autouse=True)
def no_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        yield


class ReadCalls:
    """Counts the calls of ReadRows that come in."""

    def __init__(self) -> None:
        self.count = 0

    async def before(self, call: Call) -> None:
        self.count += call.method.endswith("BigQueryRead.ReadRows")

    async def after(self, call: Call, answer: Any) -> Any:
        return answer


@pytest.fixture
def calls(simulator: Simulator) -> Iterator[ReadCalls]:
    assert simulator.core is not None
    hook = ReadCalls()
    with hooked(simulator.core.gate, hook):
        yield hook


def rest_arrow(rows: Any) -> pa.Table:
    return rows.to_arrow(create_bqstorage_client=False)


def test_all_types_are_as_over_rest(client: Any, storage: Clients, calls: ReadCalls) -> None:
    sql = "SELECT * FROM d.every ORDER BY id"
    plain = rest_arrow(client.query(sql).result())
    assert calls.count == 0
    # The client reads an answer that it has already: this one comes without rows.
    job = client.get_job(client.query(sql).job_id)
    by_storage = job.to_arrow(bqstorage_client=storage.read)
    assert calls.count == 1
    assert by_storage.schema.names == plain.schema.names
    for name in plain.schema.names:
        assert by_storage.column(name).to_pylist() == plain.column(name).to_pylist(), name
        assert by_storage.schema.field(name).type == plain.schema.field(name).type, name
    listed = client.list_rows("d.every").to_arrow(bqstorage_client=storage.read)
    assert calls.count == 2
    assert sorted(listed.to_pylist(), key=lambda r: r["id"]) == plain.to_pylist()


def test_direct_read_is_as_over_rest(client: Any, storage: Clients) -> None:
    plain = rest_arrow(client.list_rows("d.every"))
    session = storage.session(table_path(PROJECT, "every"))
    assert storage.arrow(session).to_pylist() == plain.to_pylist()
    avro = storage.avro(storage.session(table_path(PROJECT, "every"), "AVRO"))
    simple = ["id", "i", "f", "n", "b", "t", "s", "y", "d", "m", "ts", "j", "g", "a", "st"]
    assert [{k: row[k] for k in simple} for row in avro] == plain.select(simple).to_pylist()


@pytest.mark.parametrize("given", ["client", "own"])
def test_query_to_arrow_and_dataframe(client: Any, storage: Clients, calls: ReadCalls, given: str) -> None:
    options = {"bqstorage_client": storage.read} if given == "client" else {}
    job = client.query("SELECT id, k, s FROM d.big ORDER BY id DESC")
    rows = job.to_arrow(**options)
    assert ids(rows) == list(range(ROWS - 1, -1, -1))
    frame = job.to_dataframe(**options)
    assert list(frame.columns) == ["id", "k", "s"]
    assert frame["id"].tolist() == list(range(ROWS - 1, -1, -1))
    assert calls.count == 2
    plain = job.to_dataframe(create_bqstorage_client=False)
    assert frame.equals(plain)
    assert calls.count == 2
    frames = list(job.result().to_dataframe_iterable(**options))
    assert sum(len(f) for f in frames) == ROWS
    assert frames[0]["id"][0] == ROWS - 1
    # This one takes the Storage API only where it is told to.
    assert calls.count == (3 if options else 2)


@pytest.mark.parametrize("given", ["client", "own"])
def test_list_rows(client: Any, storage: Clients, calls: ReadCalls, given: str) -> None:
    options = {"bqstorage_client": storage.read} if given == "client" else {}
    fields = [bigquery.SchemaField("id", "INTEGER"), bigquery.SchemaField("s", "STRING")]
    listed = client.list_rows("d.big", selected_fields=fields)
    rows = listed.to_arrow(**options)
    assert rows.schema.names == ["id", "s"]
    assert sorted(ids(rows)) == list(range(ROWS))
    frame = client.list_rows("d.big").to_dataframe(**options)
    assert len(frame) == ROWS
    assert calls.count >= 2


# One truth


def append(storage: Clients, table: str, rows: list[dict[str, Any]]) -> None:
    stream = f"{table_path(PROJECT, table)}/streams/_default"
    message = ProtoMessage([("id", F.TYPE_INT64, False, None), ("s", F.TYPE_STRING, False, None)])
    (answer,) = storage.append(stream, [message.append(stream, rows)])
    assert not answer.error.message, answer


def test_appended_rows_are_seen_everywhere(storage: Clients, client: Any, table: str) -> None:
    append(storage, table, [{"id": 3, "s": "three"}])
    stream = f"{table_path(PROJECT, table)}/streams/_default"
    arrow = pa.table({"id": [4], "s": ["four"]})
    (answer,) = storage.append(stream, arrow_append(stream, arrow))
    assert not answer.error.message
    wanted = [(1, "one"), (2, "two"), (3, "three"), (4, "four")]
    queried = client.query_and_wait(f"SELECT * FROM d.{table} ORDER BY id")
    assert [r.values() for r in queried] == wanted
    assert sorted(r.values() for r in client.list_rows(f"d.{table}")) == wanted
    read = client.get_table(f"d.{table}")
    # What was appended waits in the streaming buffer.
    assert (read.num_rows, read.streaming_buffer.estimated_rows) == (2, 2)
    assert ids(storage.arrow(storage.session(table_path(PROJECT, table)))) == [1, 2, 3, 4]


def test_sessions_keep_their_snapshot(storage: Clients, client: Any, table: str) -> None:
    path = table_path(PROJECT, table)
    before = storage.session(path)
    client.query_and_wait(f"UPDATE d.{table} SET s = 'changed' WHERE id = 1")
    between = storage.session(path)
    client.query_and_wait(f"DELETE d.{table} WHERE id = 2")
    append(storage, table, [{"id": 5, "s": "five"}])
    after = storage.session(path)
    read = [sorted(storage.arrow(s).to_pylist(), key=lambda r: r["id"]) for s in (before, between, after)]
    assert [[tuple(r.values()) for r in rows] for rows in read] == [
        [(1, "one"), (2, "two")],
        [(1, "changed"), (2, "two")],
        [(1, "changed"), (5, "five")],
    ]
    client.query_and_wait(f"TRUNCATE TABLE d.{table}")
    assert ids(storage.arrow(storage.session(path))) == []
    assert [sorted(ids(storage.arrow(s))) for s in (before, after)] == [[1, 2], [1, 5]]


def test_a_session_outlives_its_table(storage: Clients, client: Any, table: str) -> None:
    path = table_path(PROJECT, table)
    session = storage.session(path)
    client.query_and_wait(f"CREATE OR REPLACE TABLE d.{table} AS SELECT 'x' AS other")
    assert ids(storage.arrow(session)) == [1, 2]
    assert storage.arrow(storage.session(path)).to_pylist() == [{"other": "x"}]


def test_a_session_outlives_its_dataset(storage: Clients, client: Any) -> None:
    client.create_dataset("gone")
    client.query_and_wait("CREATE TABLE gone.t AS SELECT 1 AS id")
    session = storage.session(table_path(PROJECT, "t", dataset="gone"))
    client.query_and_wait("DROP SCHEMA gone CASCADE")
    assert ids(storage.arrow(session)) == [1]
    with pytest.raises(exceptions.NotFound):
        storage.session(table_path(PROJECT, "t", dataset="gone"))


def test_clones_and_snapshots(storage: Clients, client: Any, table: str) -> None:
    client.query_and_wait(f"CREATE SNAPSHOT TABLE d.the_snapshot CLONE d.{table}")
    client.query_and_wait(f"CREATE TABLE d.the_clone CLONE d.{table}")
    client.query_and_wait(f"DELETE d.{table} WHERE id = 1")
    read = [
        ids(storage.arrow(storage.session(table_path(PROJECT, t))))
        for t in (table, "the_snapshot", "the_clone")
    ]
    assert read == [[2], [1, 2], [1, 2]]


def test_columns_that_come_and_go(storage: Clients, client: Any, table: str) -> None:
    path = table_path(PROJECT, table)
    before = storage.session(path)
    client.query_and_wait(f"ALTER TABLE d.{table} ADD COLUMN more INT64")
    client.query_and_wait(f"ALTER TABLE d.{table} RENAME COLUMN s TO t")
    client.query_and_wait(f"UPDATE d.{table} SET more = 7 WHERE id = 2")
    assert storage.arrow(before).to_pylist() == [{"id": 1, "s": "one"}, {"id": 2, "s": "two"}]
    rows = sorted(storage.arrow(storage.session(path)).to_pylist(), key=lambda r: r["id"])
    assert rows == [{"id": 1, "t": "one", "more": None}, {"id": 2, "t": "two", "more": 7}]
    client.query_and_wait(f"ALTER TABLE d.{table} DROP COLUMN t")
    assert storage.arrow(before).to_pylist() == [{"id": 1, "s": "one"}, {"id": 2, "s": "two"}]


def test_the_result_of_a_query(storage: Clients, client: Any, table: str) -> None:
    job = client.query(f"SELECT s, id FROM d.{table} ORDER BY id DESC")
    job.result()
    session = storage.session(job.destination.to_bqstorage())
    client.query_and_wait(f"DELETE d.{table} WHERE TRUE")
    assert storage.arrow(session).to_pylist() == [{"s": "two", "id": 2}, {"s": "one", "id": 1}]
    restricted = storage.session(
        job.destination.to_bqstorage(), "AVRO", row_restriction="id = 1", selected_fields=["s"]
    )
    assert storage.avro(restricted) == [{"s": "one"}]


def test_a_partition_and_a_wildcard_are_no_tables_to_read(storage: Clients, client: Any) -> None:
    client.query_and_wait("CREATE TABLE d.parts (id INT64, day DATE) PARTITION BY day")
    client.query_and_wait("INSERT d.parts VALUES (1, '2024-01-01'), (2, '2024-01-02')")
    session = storage.session(table_path(PROJECT, "parts"), row_restriction="day = '2024-01-02'")
    assert ids(storage.arrow(session)) == [2]
    for table in ("part*", "INFORMATION_SCHEMA.TABLES"):
        with pytest.raises((exceptions.InvalidArgument, exceptions.NotFound)):
            storage.session(table_path(PROJECT, table))
