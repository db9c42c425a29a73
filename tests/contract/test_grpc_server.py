"""The gRPC server with the storage services behind it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import grpc
import pyarrow as pa
import pytest
from google.api_core import exceptions
from google.cloud.bigquery_storage_v1 import types

import bqsim
from bqsim.simulator import Simulator
from tests.gates import hooked
from tests.storage import Clients, arrow_append, table_path
from tests.unit.codecs.test_messages import nested, wrapped
from tests.waiting import PATIENCE_S


@pytest.fixture
def storage(bqsim_server: Simulator) -> Iterator[Clients]:
    clients = Clients(bqsim_server.grpc_target)
    yield clients
    clients.close()


@pytest.fixture
def table(bqsim_client: Any) -> str:
    bqsim_client.create_dataset("d")
    bqsim_client.query_and_wait("CREATE TABLE d.t (n INT64, s STRING)")
    return table_path(bqsim_client.project, "t")


def rows(count: int, text: str = "x") -> pa.Table:
    return pa.table({"n": list(range(count)), "s": [text] * count})


def test_an_append_beyond_the_limit_is_answered_in_band(storage: Clients, table: str) -> None:
    stream = f"{table}/streams/_default"
    [small] = arrow_append(stream, rows(1))
    [large] = arrow_append(stream, rows(1, "x" * (21 << 20)))
    answers = storage.append(stream, [small, large, small])
    assert [a.error.code for a in answers] == [0, grpc.StatusCode.INVALID_ARGUMENT.value[0], 0]


def test_an_append_beyond_the_transports_limit_ends_the_connection(storage: Clients, table: str) -> None:
    stream = f"{table}/streams/_default"
    [huge] = arrow_append(stream, rows(1, "x" * (65 << 20)))
    with pytest.raises(exceptions.ResourceExhausted):
        storage.append(stream, [huge])


def test_a_schema_nested_without_end_is_refused(
    storage: Clients, table: str, bqsim_server: Simulator, bqsim_client: Any
) -> None:
    """Statements nest deep; what clients send may not, though both are protobuf messages."""
    bqsim_client.query_and_wait(f"SELECT {'+'.join(['1'] * 100)}")
    raw = grpc.insecure_channel(bqsim_server.grpc_target)
    append = raw.stream_stream("/google.cloud.bigquery.storage.v1.BigQueryWrite/AppendRows")
    get = raw.unary_unary("/google.cloud.bigquery.storage.v1.BigQueryRead/CreateReadSession")
    schema = wrapped((4, wrapped((1, wrapped((1, nested(300_000)))))))
    for call in (lambda: list(append(iter([schema]))), lambda: get(schema)):
        with pytest.raises(grpc.RpcError) as caught:
            call()
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    raw.close()
    assert [tuple(r) for r in bqsim_client.query_and_wait("SELECT 1")] == [(1,)]


def test_details_of_a_missing_table(storage: Clients, table: str) -> None:
    stream = f"{table}2/streams/_default"
    with pytest.raises(exceptions.NotFound) as caught:
        storage.append(stream, arrow_append(stream, rows(1)))
    [detail] = caught.value.details
    error = types.StorageError.pb()()
    assert detail.Unpack(error)
    assert error.code == types.StorageError.StorageErrorCode.TABLE_NOT_FOUND


class Counting:
    """A hook that counts calls by method."""

    def __init__(self) -> None:
        self.before_calls: list[str] = []
        self.after_calls: list[str] = []

    async def before(self, call: Any) -> None:
        self.before_calls.append(call.method.rpartition(".")[2])

    async def after(self, call: Any, answer: Any) -> Any:
        self.after_calls.append(call.method.rpartition(".")[2])
        return answer


def test_every_message_passes_the_gate_once(bqsim_server: Simulator, storage: Clients, table: str) -> None:
    assert bqsim_server.core is not None
    hook = Counting()
    stream = f"{table}/streams/_default"
    requests = [r for _ in range(5) for r in arrow_append(stream, rows(10))]
    with hooked(bqsim_server.core.gate, hook):
        assert len(storage.append(stream, requests)) == 5
        assert storage.arrow(storage.session(table)).num_rows == 50
    expected = ["AppendRows"] * 5 + ["CreateReadSession", "ReadRows"]
    assert sorted(hook.before_calls) == sorted(expected)
    assert sorted(hook.after_calls) == sorted(expected)


def test_a_stop_answers_what_has_come_and_tells_writers_of_the_restart() -> None:
    with bqsim.start() as sim:
        client = sim.client()
        client.create_dataset("d")
        client.query_and_wait("CREATE TABLE d.t (n INT64, s STRING)")
        client.close()
        storage = Clients(sim.grpc_target)
        never = threading.Event()
        waited: list[bool] = []
        stream = f"{table_path(sim.project, 't')}/streams/_default"

        def requests() -> Iterator[Any]:
            yield from arrow_append(stream, rows(3))
            waited.append(never.wait(PATIENCE_S))

        metadata = [("x-goog-request-params", f"write_stream={stream}")]
        answers = storage.write.append_rows(requests(), metadata=metadata)
        assert not next(iter(answers)).error.code
    # The stop is over, and the writer still waits.
    assert waited == []
    with pytest.raises(exceptions.Aborted, match="because server is restarted"):
        next(iter(answers))
    never.set()
    storage.close()


def test_a_reader_that_pauses_reads_on(bqsim_client: Any, storage: Clients) -> None:
    bqsim_client.create_dataset("d")
    bqsim_client.query_and_wait(
        "CREATE TABLE d.t AS SELECT n, REPEAT('x', 1000) AS s FROM UNNEST(GENERATE_ARRAY(1, 100000)) AS n"
    )
    session = storage.session(table_path(bqsim_client.project, "t"))
    reading = iter(storage.read.read_rows(session.streams[0].name))
    count = next(reading).row_count
    time.sleep(0.5)
    count += sum(message.row_count for message in reading)
    assert count == 100_000
