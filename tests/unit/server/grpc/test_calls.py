from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest

from bqsim.engine.protocol import Interrupted
from bqsim.errors import BigQueryError
from bqsim.sim.draws import Draws
from bqsim.sim.scenario.latency import Fixed, Latency
from bqsim.sim.scenario.model import Delay, Match, Rule
from bqsim.sim.simulation import Simulation
from bqsim.storage.errors import StorageFailure
from bqsim.storage.v1 import read_pb2, write_pb2
from bqsim.storage.write import responses
from tests.waiting import until

from .conftest import READ, WRITE, Bench

TABLE = "projects/p/datasets/d/tables/t"


def failed(call: Callable[[], Any]) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.RpcError) as caught:
        call()
    error: Any = caught.value
    return error.code(), error.details()


def request(stream: str = "", size: int = 0) -> bytes:
    data: bytes = write_pb2.AppendRowsRequest(write_stream=stream, trace_id="x" * size).SerializeToString()
    return data


# Who calls, and for what


@pytest.mark.parametrize(
    ("authorization", "caller"),
    [
        ("Bearer user:ann@example.com", "ann@example.com"),
        ("Bearer serviceAccount:s@p.iam.gserviceaccount.com", "s@p.iam.gserviceaccount.com"),
        ("Bearer opaque", "user@example.com"),
    ],
)
def test_caller_is_named_by_the_token(bench: Bench, authorization: str, caller: str) -> None:
    metadata = [("authorization", authorization)]
    bench.create(metadata=metadata)
    assert bench.read.sessions[0][1] == caller
    list(bench.append([request("s")], metadata))
    assert bench.write.opened == [(caller, None)]


def test_routing_header_is_decoded(bench: Bench) -> None:
    params = "write_stream=projects/p/datasets/d%20e/tables/t%2F_default&x=%C3%A4"
    list(bench.append([], [("x-goog-request-params", params)]))
    assert bench.write.opened == [("user@example.com", "projects/p/datasets/d e/tables/t/_default")]


def test_odd_metadata_does_no_harm(bench: Bench) -> None:
    metadata = [
        ("x-goog-request-params", "&&=%ff%&write_stream"),
        ("authorization", "Bearer  x.y.z "),
        ("odd-bin", b"\xff\x00"),
    ]
    list(bench.append([], metadata))
    assert bench.write.opened == [("user@example.com", "")]


def test_a_later_version_is_served_too(bench: Bench) -> None:
    path = f"/{READ.replace('.v1.', '.v1beta2.')}/CreateReadSession"
    asked = read_pb2.CreateReadSessionRequest(parent="projects/p")
    assert bench.unary(path, asked.SerializeToString())
    assert bench.read.sessions[0][0] == asked


# Bytes


@pytest.mark.parametrize("name", ["CreateReadSession", "SplitReadStream"])
def test_undecodable_request_is_invalid(bench: Bench, name: str) -> None:
    code, text = failed(lambda: bench.unary(f"/{READ}/{name}", b"\xff\xff\xff"))
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert text == f"The request is not a valid {name}Request message."


def test_undecodable_read_rows_is_invalid(bench: Bench) -> None:
    code, _ = failed(lambda: list(bench.rows(b"\x0a\x02\xff\xff")))
    assert code is grpc.StatusCode.INVALID_ARGUMENT


def test_rows_arrive_as_they_are(bench: Bench) -> None:
    bench.read.rows = lambda asked, cancelled: [b"", b"\xff not a message", asked.read_stream.encode()]
    asked = read_pb2.ReadRowsRequest(read_stream="s")
    assert list(bench.rows(asked.SerializeToString())) == [b"", b"\xff not a message", b"s"]


def test_unknown_methods_are_unimplemented(bench: Bench) -> None:
    for path in (f"/{READ}/Nothing", "/google.cloud.bigquery.storage.v9.BigQueryRead/ReadRows", "/"):
        code, _ = failed(lambda path=path: bench.unary(path, b""))
        assert code is grpc.StatusCode.UNIMPLEMENTED


def test_a_call_without_a_request_is_unimplemented(bench: Bench) -> None:
    call = bench.channel.stream_unary(f"/{READ}/CreateReadSession")
    assert failed(lambda: call(iter(()), timeout=20))[0] is grpc.StatusCode.UNIMPLEMENTED


# Failures


def test_failures_keep_their_status_at_any_message(bench: Bench) -> None:
    def rows(asked: Any, cancelled: Any) -> Iterator[bytes]:
        yield b"one"
        raise StorageFailure("OUT_OF_RANGE", "no further")

    bench.read.rows = rows
    call = bench.rows()
    assert next(call) == b"one"
    assert failed(lambda: next(call)) == (grpc.StatusCode.OUT_OF_RANGE, "no further")

    def fail(taken: int) -> None:
        if taken == 2:
            raise BigQueryError("notFound", "Not found: Table p:d.t")

    bench.write.before_answer = fail
    answers = bench.append([request(), request()])
    assert next(answers)
    assert failed(lambda: next(answers)) == (grpc.StatusCode.NOT_FOUND, "Not found: Table p:d.t")


def test_a_defect_is_internal_with_an_id_that_the_log_repeats(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.read.failure = ValueError("secret words")
    with caplog.at_level(logging.ERROR, "bqsim"):
        code, text = failed(bench.create)
    assert code is grpc.StatusCode.INTERNAL
    found = re.search(r"Error: (\w{12})$", text)
    assert found
    assert "secret" not in text
    [record] = caplog.records
    assert f"defect {found[1]} in google.cloud.bigquery.storage.v1.BigQueryRead.Create" in record.getMessage()


def test_interrupted_work_is_unavailable(bench: Bench) -> None:
    bench.read.failure = Interrupted()
    assert failed(bench.create)[0] is grpc.StatusCode.UNAVAILABLE


def test_cancelled_streams_learn_of_it_and_are_closed(bench: Bench) -> None:
    going, seen, closed = threading.Event(), threading.Event(), threading.Event()

    def rows(asked: Any, cancelled: Callable[[], bool]) -> Iterator[bytes]:
        try:
            assert not cancelled()
            yield b"one"
            going.set()
            pause = threading.Event()
            while not cancelled():
                pause.wait(0.01)
            seen.set()
            yield b"two"
        finally:
            closed.set()

    bench.read.rows = rows
    call = bench.rows()
    next(call)
    assert going.wait(10)
    call.cancel()
    assert seen.wait(10)
    assert closed.wait(10)


def test_appends_end_when_the_client_is_gone(bench: Bench) -> None:
    ended = threading.Event()
    service = bench.write.append_rows

    def append_rows(requests: Iterator[bytes], caller: str, routed: str | None) -> Iterator[bytes]:
        try:
            yield from service(requests, caller, routed)
        finally:
            ended.set()

    bench.write.append_rows = append_rows  # type: ignore[method-assign]
    waiting = threading.Event()

    def requests() -> Iterator[bytes]:
        yield request()
        waiting.wait(20)

    call = bench.append(requests())
    next(call)
    call.cancel()
    assert ended.wait(10)
    waiting.set()


@pytest.mark.parametrize("watched", [False, True], ids=["plain", "watched"])
@pytest.mark.parametrize("repeatable", [False, True])
def test_appends_of_a_client_that_is_gone_are_told(bench: Bench, repeatable: bool, watched: bool) -> None:
    simulation = Simulation(bench.clock, Draws(1), repeatable=repeatable)
    bench.gate.simulation = simulation
    if watched:
        simulation.add([Rule("slow", Delay(Latency(Fixed(0.0))), Match(method=(f"{WRITE}.AppendRows",)))])
    arrived = threading.Event()

    def append_rows(requests: Iterator[bytes], caller: str, routed: str | None) -> Iterator[bytes]:
        taken = iter(requests)
        next(taken)
        yield responses.appended("s", 1)
        for _ in range(3):
            next(taken)
        arrived.set()
        assert list(taken) == []
        yield responses.appended("s", 2)
        yield responses.failed("s", StorageFailure("INVALID_ARGUMENT", "No."))
        raise StorageFailure("ABORTED", "It ends.")

    bench.write.append_rows = append_rows  # type: ignore[method-assign]
    waiting = threading.Event()

    def requests() -> Iterator[bytes]:
        yield from (request("s", size) for size in range(4))
        waiting.wait(20)

    call = bench.append(requests())
    next(call)
    assert arrived.wait(10)
    call.cancel()
    waiting.set()
    until(lambda: len(simulation.journal.calls("*")) == 4)
    first, second, *others = (c.outcome.network for c in simulation.journal.calls("*"))
    # The second answer may be on its way before the server learns that nobody takes it.
    assert (first, second in ("", "closed"), others) == ("", True, ["closed", "closed"])
    told = [(e.applied, e.acknowledged) for e in simulation.journal.ledger()]
    assert told == [(True, True), (True, second == ""), (False, False), (False, False)]


# The gate


def test_unary_calls_pass_the_gate_once(bench: Bench) -> None:
    hook = bench.hook()
    bench.create(TABLE, [("authorization", "Bearer user:ann@example.com"), ("x-mine", "1")])
    [call] = hook.before_calls
    assert (call.transport, call.method) == ("grpc", f"{READ}.CreateReadSession")
    assert (call.resource, call.caller) == (TABLE, "ann@example.com")
    assert call.body.read_session.table == TABLE
    assert call.headers["x-mine"] == "1"
    [(after, answer)] = hook.after_calls
    assert after is call
    assert answer.name == "s"


def test_read_rows_passes_the_gate_once_for_all_its_messages(bench: Bench) -> None:
    hook = bench.hook()
    bench.read.rows = lambda asked, cancelled: [b"1", b"2", b"3"]
    asked = read_pb2.ReadRowsRequest(read_stream="projects/p/…")
    hook.change = lambda messages: (m * 2 for m in messages)
    assert list(bench.rows(asked.SerializeToString())) == [b"11", b"22", b"33"]
    assert [c.resource for c in hook.before_calls] == ["projects/p/…"]
    assert len(hook.after_calls) == 1


def test_each_append_passes_the_gate_once(bench: Bench) -> None:
    hook = bench.hook()
    answers = list(bench.append([request("a", 5), request("", 6), request("b", 7), b"\xff"]))
    assert [c.resource for c in hook.before_calls] == ["a", "a", "b", "b"]
    assert [len(c.body.trace_id) if c.body else None for c in hook.before_calls] == [5, 6, 7, None]
    assert [c for c, _ in hook.after_calls] == hook.before_calls
    assert [a.append_result.offset.value for _, a in hook.after_calls] == [
        write_pb2.AppendRowsResponse.FromString(a).append_result.offset.value for a in answers
    ]
    assert {c.method for c in hook.before_calls} == {f"{WRITE}.AppendRows"}


def test_the_stream_of_the_routing_header_is_the_resource_of_appends_that_name_none(bench: Bench) -> None:
    hook = bench.hook()
    list(bench.append([request()], [("x-goog-request-params", "write_stream=w")]))
    assert [c.resource for c in hook.before_calls] == ["w"]


def test_answers_are_what_the_hooks_make_of_them(bench: Bench) -> None:
    hook = bench.hook()
    hook.change = lambda answer: write_pb2.AppendRowsResponse(write_stream="changed")
    [data] = bench.append([request()])
    assert write_pb2.AppendRowsResponse.FromString(data).write_stream == "changed"


def refuse(call: Any) -> None:
    raise StorageFailure("RESOURCE_EXHAUSTED", "refused", retry_delay_s=1)


def test_a_refused_call_never_reaches_the_service(bench: Bench) -> None:
    bench.hook().refuse = refuse
    assert failed(bench.create) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "refused")
    assert failed(lambda: list(bench.rows())) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "refused")
    assert bench.read.sessions == []


def test_a_refused_append_ends_the_connection_after_the_answers_before_it(bench: Bench) -> None:
    hook = bench.hook()

    def refuse_second(call: Any) -> None:
        if len(hook.before_calls) == 2:
            refuse(call)

    hook.refuse = refuse_second
    answers = bench.append([request(), request(), request()])
    assert next(answers)
    assert failed(lambda: next(answers)) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "refused")
    assert (bench.write.taken, len(hook.before_calls)) == (1, 2)


def test_failures_of_the_service_leave_the_gate(bench: Bench) -> None:
    hook = bench.hook()
    bench.read.failure = BigQueryError("accessDenied", "Access Denied")
    assert failed(bench.create)[0] is grpc.StatusCode.PERMISSION_DENIED
    assert (len(hook.before_calls), hook.after_calls) == (1, [])

    def fail(taken: int) -> None:
        raise StorageFailure("ABORTED", "ended")

    bench.write.before_answer = fail
    assert failed(lambda: list(bench.append([request()]))) == (grpc.StatusCode.ABORTED, "ended")
    bench.read.failure = None
    assert bench.create()


# Failures of one request of a stream


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize(
    "failure",
    [
        StorageFailure("ALREADY_EXISTS", "no"),
        StorageFailure("OUT_OF_RANGE", "no"),
        StorageFailure("ABORTED", "no", code="STREAM_FINALIZED"),
        BigQueryError("invalid", "no"),
    ],
    ids=lambda failure: getattr(failure, "status", None) or failure.reason.name,
)
def test_what_the_service_tells_in_an_answer_does_not_end_the_stream(
    bench: Bench, failure: Exception, late: bool
) -> None:
    hook = bench.hook()

    def second(given: Any) -> Any:
        if len(hook.after_calls if late else hook.before_calls) == 2:
            raise failure
        return given

    hook.refuse, hook.change = (hook.refuse, second) if late else (second, hook.change)
    answers = [write_pb2.AppendRowsResponse.FromString(a) for a in bench.append([request()] * 3)]
    assert [a.error.message.partition(" Entity")[0] for a in answers] == ["", "no", ""]
    assert bench.write.taken == 3


def test_a_commit_tells_its_streams_in_the_answer(bench: Bench) -> None:
    def fail(call: Any) -> None:
        raise StorageFailure("FAILED_PRECONDITION", "no", code="STREAM_NOT_FOUND")

    bench.hook().refuse = fail
    asked = write_pb2.BatchCommitWriteStreamsRequest(parent="t", write_streams=["a", "b"])
    data = bench.unary(f"/{WRITE}/BatchCommitWriteStreams", asked.SerializeToString())
    errors = write_pb2.BatchCommitWriteStreamsResponse.FromString(data).stream_errors
    assert [(e.entity, e.error_message) for e in errors] == [("a", "no"), ("b", "no")]


@pytest.mark.parametrize("fails", [False, True])
def test_the_id_in_the_journal_is_trailing_metadata(bench: Bench, fails: bool) -> None:
    def explain(call: Any) -> None:
        call.explain = "c-1"
        if fails:
            refuse(call)

    bench.hook().refuse = explain
    code = grpc.StatusCode.RESOURCE_EXHAUSTED if fails else grpc.StatusCode.OK
    calls = [
        bench.channel.unary_unary(f"/{READ}/CreateReadSession").future(b""),
        bench.channel.unary_stream(f"/{READ}/ReadRows")(b""),
    ]
    for call in calls:
        assert call.code() is code
        assert ("x-bqsim-explain", "c-1") in [tuple(pair) for pair in call.trailing_metadata()]
