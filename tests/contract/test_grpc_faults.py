"""Failures of the Storage API as Google's clients meet them: statuses, ended streams, broken connections."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import grpc
import pyarrow as pa
import pytest
from google.api_core import exceptions
from google.cloud.bigquery_storage_v1 import types
from google.rpc import error_details_pb2

import bqsim
from bqsim.server.grpc.server import GrpcServer
from bqsim.sim.scenario import words
from bqsim.sim.scenario.model import (
    BreakStream,
    Delay,
    Effect,
    Error,
    GrpcStatus,
    Match,
    Network,
    Rule,
    Throttle,
)
from bqsim.simulator import Simulator
from tests.storage import Clients, arrow_append, table_path

pytestmark = [
    pytest.mark.fidelity("status:{status}, effect:grpc", "exact", tests="test_each_status_*"),
    pytest.mark.fidelity("storage-code:{code}", "exact", tests="test_each_storage_code*"),
    pytest.mark.fidelity(
        "effect:break_stream", "exact", tests="test_a_stream_breaks* test_a_connection_breaks*"
    ),
    pytest.mark.fidelity("effect:throttle", "exact", tests="test_throttled_*"),
    pytest.mark.fidelity("effect:network", "exact", tests="test_readers_get_all* test_readers_give_up*"),
    pytest.mark.fidelity("latency:phase ack", "exact", tests="test_acks_*"),
]

API = "google.cloud.bigquery.storage.v1"
CREATE = f"{API}.BigQueryRead.CreateReadSession"
READ = f"{API}.BigQueryRead.ReadRows"
APPEND = f"{API}.BigQueryWrite.AppendRows"
COMMIT = f"{API}.BigQueryWrite.BatchCommitWriteStreams"
ROWS = 20_000
# A byte behind the first message of them, which clients wait for when they open a stream.
LATE = 1_500_000


class World:
    """A simulator with a second gRPC port behind the front, and a table of ``ROWS`` numbered rows."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator
        assert simulator.core is not None
        self.core = simulator.core
        loop: Any = simulator.parts.loop
        self.server = GrpcServer(self.core, loop, "faulty")
        port = self.server.start("127.0.0.1", 0, front=True)
        self.clients = Clients(f"127.0.0.1:{port}")
        self.bigquery = simulator.client()
        self.bigquery.create_dataset("d")
        self.bigquery.query_and_wait(
            "CREATE TABLE d.numbers AS"
            f" SELECT n, REPEAT('x', 100) AS s FROM UNNEST(GENERATE_ARRAY(0, {ROWS - 1})) AS n"
        )
        self.numbers = table_path(simulator.project, "numbers")
        self._tables = 0

    def rule(self, effect: Effect, method: str, *, times: int | None = 1, **match: Any) -> None:
        rule = Rule("r", effect, Match(method=(method,), scope=("faulty",), **match), times)
        self.core.simulation.add([rule])

    def calm(self) -> None:
        self.core.simulation.clear()

    def session(self, **options: Any) -> Any:
        return self.clients.session(self.numbers, **options)

    def table(self) -> str:
        """A new empty table."""
        self._tables += 1
        name = f"t{self._tables}"
        self.bigquery.query_and_wait(f"CREATE TABLE d.{name} (n INT64)")
        return table_path(self.simulator.project, name)

    def values(self, table: str) -> list[int]:
        name = table.rpartition("/")[2]
        return [row[0] for row in self.bigquery.query_and_wait(f"SELECT n FROM d.{name} ORDER BY n")]

    def close(self) -> None:
        self.clients.close()
        self.bigquery.close()
        self.server.stop(lambda: None)


@pytest.fixture(scope="module")
def shared() -> Iterator[World]:
    with bqsim.start() as simulator:
        made = World(simulator)
        yield made
        made.close()


@pytest.fixture
def world(shared: World) -> Iterator[World]:
    yield shared
    shared.calm()


# Statuses


def create(world: World) -> Any:
    requested = types.ReadSession(table=world.numbers, data_format="ARROW")
    return world.clients.read.create_read_session(
        parent=f"projects/{world.simulator.project}", read_session=requested, retry=None
    )


@pytest.mark.parametrize("applied", [False, True])
@pytest.mark.parametrize("status", words.GRPC_STATUSES)
def test_each_status_is_its_exception(world: World, status: str, applied: bool) -> None:
    world.rule(GrpcStatus(status, "as told", retry_delay_s=1.5, applied=applied), CREATE)
    with pytest.raises(exceptions.GoogleAPICallError) as caught:
        create(world)
    error = caught.value
    assert error.grpc_status_code is grpc.StatusCode[status]
    assert error.message == "as told"
    [info] = [d for d in error.details if isinstance(d, error_details_pb2.RetryInfo)]
    assert info.retry_delay.ToMilliseconds() == 1500
    assert create(world).streams


@pytest.mark.parametrize("code", words.STORAGE_CODES)
def test_each_storage_code_is_among_the_details(world: World, code: str) -> None:
    world.rule(GrpcStatus("FAILED_PRECONDITION", "no", storage_code=code, entity="e"), CREATE)
    with pytest.raises(exceptions.FailedPrecondition) as caught:
        create(world)
    [packed] = caught.value.details
    error = types.StorageError.pb()()
    assert packed.Unpack(error)
    assert (types.StorageError.StorageErrorCode(error.code).name, error.entity) == (code, "e")


def test_errors_of_the_table_of_reasons_have_their_status(world: World) -> None:
    world.rule(Error("rateLimitExceeded", retry_after_s=3), CREATE)
    with pytest.raises(exceptions.ResourceExhausted) as caught:
        create(world)
    [info] = caught.value.details
    assert info.retry_delay.seconds == 3


@pytest.mark.parametrize("fails", [False, True])
def test_the_journal_id_is_in_the_trailing_metadata(world: World, fails: bool) -> None:
    world.rule(GrpcStatus("ABORTED") if fails else Delay(latency()), CREATE)
    call = world.clients.channel.unary_unary(f"/{API}.BigQueryRead/CreateReadSession")
    request = types.CreateReadSessionRequest(
        parent=f"projects/{world.simulator.project}",
        read_session=types.ReadSession(table=world.numbers, data_format="ARROW"),
    )
    future = call.future(types.CreateReadSessionRequest.serialize(request))
    assert future.code() is (grpc.StatusCode.ABORTED if fails else grpc.StatusCode.OK)
    [explain] = [value for name, value in future.trailing_metadata() if name == "x-bqsim-explain"]
    event = world.core.simulation.journal.call(explain)
    assert event is not None
    assert event.method == CREATE


def latency() -> Any:
    from bqsim.sim.scenario.load import rule_from_text

    rule: Any = rule_from_text('{"effect": {"delay": "1ms"}}')
    return rule.effect.latency


# Reading


def numbers(world: World, session: Any) -> list[int]:
    table = world.clients.arrow(session)
    return table.column("n").to_pylist()  # type: ignore[no-any-return]


def carried(world: World, stream: str, offset: int = 0) -> tuple[list[int], Any]:
    """The rows of each message of one ReadRows call, and how it ended."""
    counts: list[int] = []
    request = types.ReadRowsRequest(read_stream=stream, offset=offset)
    call = world.clients.channel.unary_stream(
        f"/{API}.BigQueryRead/ReadRows",
        request_serializer=types.ReadRowsRequest.serialize,
        response_deserializer=types.ReadRowsResponse.deserialize,
    )
    try:
        counts.extend(message.row_count for message in call(request, timeout=30))
    except grpc.RpcError as error:
        return counts, error
    return counts, None


@pytest.mark.parametrize("data_format", ["ARROW", "AVRO"])
@pytest.mark.parametrize("offset", [0, 12_345])
@pytest.mark.parametrize("rows", [0, 1, 777, ROWS - 12_345])
def test_a_stream_breaks_exactly_at_its_row(world: World, data_format: str, offset: int, rows: int) -> None:
    stream = world.session(data_format=data_format).streams[0].name
    world.rule(BreakStream(rows, "UNAVAILABLE", "broken"), READ)
    counts, error = carried(world, stream, offset)
    assert sum(counts) == rows
    assert (error.code(), error.details()) == (grpc.StatusCode.UNAVAILABLE, "broken")
    assert sum(carried(world, stream, offset)[0]) == ROWS - offset


def test_a_stream_with_fewer_rows_does_not_break(world: World) -> None:
    stream = world.session().streams[0].name
    world.rule(BreakStream(ROWS + 1), READ)
    assert carried(world, stream)[1] is None


@pytest.mark.parametrize("rows", [1, 5000, ROWS - 1, ROWS])
@pytest.mark.parametrize(
    "effect",
    [
        BreakStream(0, "UNAVAILABLE"),
        BreakStream(0, "UNKNOWN"),
        BreakStream(0, "INTERNAL", "Received RST_STREAM with error code 2"),
        BreakStream(0, "RESOURCE_EXHAUSTED", retry_delay_s=0.01),
    ],
    ids=lambda effect: effect.status,
)
def test_readers_go_on_at_the_row_where_the_stream_broke(
    world: World, effect: BreakStream, rows: int
) -> None:
    session = world.session()
    broken = BreakStream(rows, effect.status, effect.message, effect.retry_delay_s)
    world.rule(broken, READ, times=2)
    assert numbers(world, session) == list(range(ROWS))


def test_readers_open_a_stream_again_that_is_unavailable(world: World) -> None:
    session = world.session()
    world.rule(BreakStream(0), READ, times=2)
    assert numbers(world, session) == list(range(ROWS))


def test_readers_do_not_retry_exhaustion_without_a_delay(world: World) -> None:
    session = world.session()
    world.rule(BreakStream(10, "RESOURCE_EXHAUSTED"), READ)
    with pytest.raises(exceptions.ResourceExhausted):
        numbers(world, session)


@pytest.mark.parametrize("offset", [0, 100])
def test_rules_about_rows_break_there(world: World, offset: int) -> None:
    stream = world.session().streams[0].name
    world.rule(GrpcStatus("UNAVAILABLE", "at 5000"), READ, offset_rows=5000)
    counts, error = carried(world, stream, offset)
    assert sum(counts) == 5000 - offset
    assert error.details() == "at 5000"


@pytest.mark.parametrize("percent", [30, 100])
def test_throttled_streams_say_so(world: World, percent: int) -> None:
    session = world.session()
    world.simulator.clock.scale(1000)
    world.rule(Throttle(percent), READ)
    reading = world.clients.read.read_rows(session.streams[0].name)
    seen = {m.throttle_state.throttle_percent for m in reading}
    assert seen == {percent}
    world.simulator.clock.resume()
    assert {m.throttle_state.throttle_percent for m in world.clients.read.read_rows(reading._name)} == {0}


@pytest.mark.parametrize(
    "effect",
    [
        Network("goaway", "body", LATE),
        Network("goaway", applied=False),
        Network("reset"),
        Network("reset", "body", LATE),
        Network("reset", "after_headers", applied=False),
        Network("half_close", "body", 1),
        Network("html"),
        Network("html", "body", LATE),
        Network("stall", for_s=0.05),
        Network("stall", "body", LATE, 0.05),
        Network("drip", "body", LATE, bytes_per_s=50_000_000),
    ],
    ids=lambda effect: f"{effect.what}-{effect.at}-{effect.byte}",
)
def test_readers_get_all_rows_over_broken_connections(world: World, effect: Network) -> None:
    session = world.session()
    world.rule(effect, READ)
    assert numbers(world, session) == list(range(ROWS))


@pytest.mark.parametrize(
    ("effect", "error"),
    [
        (Network("rst_stream"), exceptions.InternalServerError),
        (Network("empty"), exceptions.Unknown),
        (Network("truncate"), exceptions.Unknown),
    ],
    ids=lambda value: value.what if isinstance(value, Network) else None,
)
def test_readers_give_up_on_streams_that_do_not_open(
    world: World, effect: Network, error: type[Exception]
) -> None:
    session = world.session()
    world.rule(effect, READ)
    with pytest.raises(error):
        numbers(world, session)
    assert numbers(world, session) == list(range(ROWS))


def test_corrupt_rows_are_an_error_of_the_client(world: World) -> None:
    session = world.session()
    world.rule(Network("corrupt"), READ)
    with pytest.raises(Exception, match=r"."):
        numbers(world, session)
    assert numbers(world, session) == list(range(ROWS))


# Writing


def append(world: World, stream: str, *batches: list[int], offset: int | None = None) -> Any:
    """The answers to one append for each batch, on one connection, and how that ended."""
    table = pa.concat_tables([pa.table({"n": pa.array(b, pa.int64())}) for b in batches])
    answers: list[Any] = []
    metadata = [("x-goog-request-params", f"write_stream={stream}")]
    requests = arrow_append(stream, table, offset)
    try:
        answers.extend(world.clients.write.append_rows(requests, metadata=metadata, retry=None))
    except exceptions.GoogleAPICallError as error:
        return answers, error
    return answers, None


@pytest.mark.parametrize("applied", [False, True])
@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("ALREADY_EXISTS", "OFFSET_ALREADY_EXISTS"),
        ("OUT_OF_RANGE", "OFFSET_OUT_OF_RANGE"),
        ("INVALID_ARGUMENT", None),
        ("INTERNAL", None),
        ("INVALID_ARGUMENT", "STREAM_FINALIZED"),
        ("ABORTED", "STREAM_NOT_FOUND"),
    ],
)
def test_a_failed_append_is_told_in_its_answer(
    world: World, status: str, code: str | None, applied: bool
) -> None:
    table = world.table()
    effect = GrpcStatus(status, "no", storage_code=code, retry_delay_s=1, applied=applied)
    world.rule(effect, APPEND, nth=(2,))
    answers, ended = append(world, f"{table}/streams/_default", [1], [2], [3])
    assert ended is None
    assert [a.error.code for a in answers] == [0, grpc.StatusCode[status].value[0], 0]
    assert answers[1].error.message.startswith("no")
    kinds = [d.type_url.rpartition(".")[2] for d in answers[1].error.details]
    assert kinds == [*(["StorageError"] if code else []), "RetryInfo"]
    assert world.values(table) == ([1, 2, 3] if applied else [1, 3])


@pytest.mark.parametrize("applied", [False, True])
@pytest.mark.parametrize("status", ["UNAVAILABLE", "ABORTED", "RESOURCE_EXHAUSTED", "PERMISSION_DENIED"])
def test_other_failures_end_the_connection(world: World, status: str, applied: bool) -> None:
    table = world.table()
    world.rule(GrpcStatus(status, "no", applied=applied), APPEND, nth=(2,))
    answers, ended = append(world, f"{table}/streams/_default", [1], [2])
    assert len(answers) == 1
    assert ended.grpc_status_code is grpc.StatusCode[status]
    assert world.values(table) == ([1, 2] if applied else [1])


@pytest.mark.parametrize(("rows", "written"), [(0, []), (1, [1, 2]), (2, [1, 2]), (3, [1, 2, 3, 4])])
def test_a_connection_breaks_behind_its_rows(world: World, rows: int, written: list[int]) -> None:
    table = world.table()
    world.rule(BreakStream(rows, "ABORTED", "restart"), APPEND)
    answers, ended = append(world, f"{table}/streams/_default", [1, 2], [3, 4], [5, 6])
    assert len(answers) == len(written) / 2
    assert isinstance(ended, exceptions.Aborted)
    assert world.values(table) == written


@pytest.mark.parametrize(
    ("effect", "written"),
    [
        (Network("reset", applied=True), True),
        (Network("reset", applied=False), False),
        (Network("rst_stream", applied=True), True),
        (Network("rst_stream", applied=False), False),
        (Network("goaway", "body", 0, applied=True), True),
        (Network("html", applied=False), False),
        (Network("truncate", byte=1), True),
    ],
    ids=lambda value: f"{value.what}-{value.applied}" if isinstance(value, Network) else None,
)
def test_whether_lost_answers_were_written_is_as_the_rule_says(
    world: World, effect: Network, written: bool
) -> None:
    table = world.table()
    stream = world.clients.write.create_write_stream(
        parent=table, write_stream=types.WriteStream(type_="COMMITTED")
    ).name
    world.rule(effect, APPEND)
    answers, ended = append(world, stream, [1, 2], offset=0)
    assert answers == []
    assert ended is not None
    assert world.values(table) == ([1, 2] if written else [])
    # Who tries again with the offset writes the rows once.
    [answer], ended = append(world, stream, [1, 2], offset=0)
    assert ended is None
    assert answer.error.code == (grpc.StatusCode.ALREADY_EXISTS.value[0] if written else 0)
    assert world.values(table) == [1, 2]


def test_acks_wait_for_the_clock(world: World) -> None:
    clock = world.simulator.clock
    table = world.table()
    from bqsim.sim.scenario.load import rule_from_text

    effect = rule_from_text('{"effect": {"delay": {"latency": "1h", "phase": "ack"}}}').effect
    world.rule(effect, APPEND, times=None)
    clock.scale(5_000)
    start = clock.now_us()
    answers, ended = append(world, f"{table}/streams/_default", [1], [2], [3])
    waited = clock.now_us() - start
    clock.resume()
    assert (len(answers), ended) == (3, None)
    assert waited >= 3600 * 1_000_000


@pytest.mark.parametrize("applied", [False, True])
def test_a_commit_fails_for_streams(world: World, applied: bool) -> None:
    table = world.table()
    write = world.clients.write
    pending = types.WriteStream(type_="PENDING")
    streams = [write.create_write_stream(parent=table, write_stream=pending).name for _ in range(2)]
    for n, stream in enumerate(streams):
        append(world, stream, [n], offset=0)
        write.finalize_write_stream(name=stream)
    request = types.BatchCommitWriteStreamsRequest(parent=table, write_streams=streams)
    effect = GrpcStatus(
        "FAILED_PRECONDITION", "no", storage_code="STREAM_NOT_FOUND", entity=streams[1], applied=applied
    )
    world.rule(effect, COMMIT)
    answer = write.batch_commit_write_streams(request)
    assert [(e.code.name, e.entity) for e in answer.stream_errors] == [("STREAM_NOT_FOUND", streams[1])]
    assert not answer.commit_time
    assert world.values(table) == ([0, 1] if applied else [])
    again = write.batch_commit_write_streams(request)
    codes = [e.code.name for e in again.stream_errors]
    assert codes == (["STREAM_ALREADY_COMMITTED"] * 2 if applied else [])
    assert world.values(table) == [0, 1]


def test_a_commit_fails_as_a_whole_without_a_storage_code(world: World) -> None:
    world.rule(GrpcStatus("FAILED_PRECONDITION", "no"), COMMIT)
    with pytest.raises(exceptions.FailedPrecondition):
        world.clients.write.batch_commit_write_streams(
            types.BatchCommitWriteStreamsRequest(parent=world.table(), write_streams=["s"])
        )


# The other port


def test_rules_for_one_port_do_not_touch_the_other(world: World) -> None:
    world.rule(GrpcStatus("ABORTED"), CREATE, times=None)
    other = Clients(world.simulator.grpc_target)
    assert other.session(world.numbers).streams
    other.close()
    with pytest.raises(exceptions.Aborted):
        create(world)


def test_a_rule_that_is_added_meets_a_client_that_is_connected() -> None:
    with bqsim.start(project="p") as sim:
        client, reader = sim.client(), sim.read_client()
        client.create_dataset("d")
        client.query_and_wait("CREATE TABLE d.t AS SELECT n FROM UNNEST(GENERATE_ARRAY(1, 1000)) AS n")

        def count() -> int:
            rows = client.query("SELECT n FROM d.t").result().to_arrow(bqstorage_client=reader)
            return int(rows.num_rows)

        assert count() == 1000
        with sim.faults.add("reset", method="*.ReadRows", times=1):
            # The reader asks again by itself.
            assert count() == 1000
        assert count() == 1000
        assert [e.outcome.network for e in sim.journal.calls("*.ReadRows")] == ["", "reset", "", ""]
        reader.transport.close()
        client.close()
