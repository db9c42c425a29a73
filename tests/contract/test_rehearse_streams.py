"""What is rehearsed of streams and what the simulator does of the same load: clients are refused from the
same moment on, in the same words, and those who try again are as late."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud.bigquery_storage_v1 import types
from google.protobuf import descriptor_pb2

import bqsim
from bqsim.rehearse.plan.reading import parse
from bqsim.rehearse.streams.measure import measured
from bqsim.rehearse.streams.quotas import DATASET
from bqsim.rehearse.streams.results import QuotaResult, StreamingResult
from bqsim.simulator import Simulator

pytestmark = [
    pytest.mark.fidelity(
        "capacity:streams",
        "approximated",
        "Streams are fluids by the second; what a counter has no room for waits its turn.",
    )
]

TABLE = "web"


@pytest.fixture(scope="module")
def server() -> Iterator[Simulator]:
    with bqsim.start(seed=3) as running:
        client = running.client()
        client.create_dataset(DATASET)
        client.query_and_wait(f"CREATE TABLE {DATASET}.{TABLE} (n INT64)")
        yield running


@pytest.fixture
def sim(server: Simulator) -> Iterator[Simulator]:
    server.clock.freeze()
    yield server
    server.limits.off()
    server.clock.advance("1d")
    server.limits.reset()
    server.clock.resume()


def rehearsed(sim: Simulator, stream: str, limit: str, amount: int, seconds: int) -> StreamingResult:
    """What is rehearsed of a stream with another quota, which is then in force at the simulator."""
    text = f"streams: [{{name: {TABLE}, project: {sim.project}, {stream}}}]\n"
    plan = parse(f"{text}quotas: {{values: {{{limit}: {amount}}}}}\n").plan
    sim.limits.use(values={limit: amount})
    return measured(plan, seconds)


def quota(found: StreamingResult, limit: str) -> QuotaResult:
    (one,) = (each for each in found.quotas if each.limit == limit)
    return one


@dataclass
class Seen:
    """When the first call was refused and with what, and how late each was taken."""

    refused_from_s: float | None = None
    refusal: str = ""
    delays: list[float] = field(default_factory=list)


def drive(sim: Simulator, call: Callable[[], None], per_s: int, comes: Callable[[int], bool]) -> Seen:
    """Send calls that come ``per_s`` times a second while they do, and again those that were refused, first
    come first served, until all are taken. The clock is stepped; nothing waits."""
    seen, waiting, step = Seen(), deque[int](), 0
    while waiting or comes(step):
        if comes(step):
            waiting.append(step)
        while waiting:
            try:
                call()
            except exceptions.GoogleAPICallError as error:
                if seen.refused_from_s is None:
                    seen.refused_from_s, seen.refusal = step / per_s, error.message
                break
            seen.delays.append((step - waiting.popleft()) / per_s)
        sim.clock.advance(1 / per_s)
        step += 1
    return seen


def test_insert_all_is_refused_and_delayed_as_it_was_rehearsed(sim: Simulator) -> None:
    """A burst of twice the quota of rows with insertIds, for ten seconds."""
    found = rehearsed(
        sim,
        "method: insertAll, insert_ids: true, row_bytes: 20, rows_per_request: 5, "
        "rows: {bursts: {size: 400, every: 1h, spread: 10s}}",
        "insert_id_rows_per_table",
        20,
        60,
    )
    client = sim.client()
    table = f"{sim.project}.{DATASET}.{TABLE}"
    ids = iter(range(10**6))

    def insert() -> None:
        rows = [{"n": n} for n in range(5)]
        names = [f"row {next(ids)}" for _ in rows]
        assert client.insert_rows_json(table, rows, row_ids=names, retry=None) == []

    seen = drive(sim, insert, 8, lambda step: step < 80)
    one = quota(found, "insert_id_rows_per_table")
    assert one.refused_from_s == pytest.approx(seen.refused_from_s, abs=1)
    assert one.message in seen.refusal
    assert one.longest_s == pytest.approx(max(seen.delays), abs=1)
    (stream,) = found.streams
    late = sorted(seen.delays)
    assert stream.delay.p50 == pytest.approx(late[len(late) // 2], abs=0.75)
    assert stream.delay.p95 == pytest.approx(late[len(late) * 95 // 100], abs=0.75)
    assert stream.rows == 5 * len(late)
    client.close()


def _request(sim: Simulator) -> Any:
    proto = descriptor_pb2.DescriptorProto(name="R")
    proto.field.add(name="n", number=1, type="TYPE_INT64", label="LABEL_OPTIONAL")
    data = types.AppendRowsRequest.ProtoData(
        writer_schema=types.ProtoSchema(proto_descriptor=proto),
        rows=types.ProtoRows(serialized_rows=[b"\x08\x05"]),
    )
    path = f"projects/{sim.project}/datasets/{DATASET}/tables/{TABLE}/streams/_default"
    return types.AppendRowsRequest(write_stream=path, proto_rows=data)


def test_appends_are_refused_as_it_was_rehearsed(sim: Simulator) -> None:
    """Six fifths of the quota of bytes: refused only when the counter is empty, after five seconds."""
    request = _request(sim)
    size = type(request).pb(request).ByteSize()
    found = rehearsed(
        sim,
        f"row_bytes: {size}, rows_per_request: 1, rows: {{bursts: {{size: 120, every: 1h, spread: 10s}}}}",
        "append_bytes",
        10 * size,
        60,
    )
    client = sim.write_client()

    def append() -> None:
        answers = client.append_rows(iter([request]))
        error = next(iter(answers)).error
        answers.cancel()
        if error.code:
            raise exceptions.ResourceExhausted(error.message)

    seen = drive(sim, append, 12, lambda step: step < 120)
    one = quota(found, "append_bytes")
    assert one.refused_from_s == pytest.approx(5)
    assert one.refused_from_s == pytest.approx(seen.refused_from_s, abs=1)
    assert one.over_from_s == 0.0
    assert one.message == seen.refusal
    assert one.longest_s == pytest.approx(max(seen.delays), abs=0.5)


def test_write_streams_are_refused_as_it_was_rehearsed(sim: Simulator) -> None:
    """One for each commit: 30 an hour where 12 are allowed."""
    found = rehearsed(
        sim,
        "method: pending, commit_every: 2m, row_bytes: 100, rows: {constant: 1}",
        "create_write_stream_requests",
        12,
        7200,
    )
    client = sim.write_client()
    parent = f"projects/{sim.project}/datasets/{DATASET}/tables/{TABLE}"
    refusals: list[tuple[float, str]] = []
    for number in range(60):
        try:
            client.create_write_stream(
                parent=parent, write_stream=types.WriteStream(type_="PENDING"), retry=None
            )
        except exceptions.ResourceExhausted as refusal:
            refusals.append((120.0 * number, refusal.message))
        sim.clock.advance("2m")
    one = quota(found, "create_write_stream_requests")
    assert one.refused_from_s == refusals[0][0]
    assert one.message == refusals[0][1]
    # Without retries what is beyond the quota is refused.
    assert len(refusals) == pytest.approx(60 - 12 - 2 * 12, abs=1)


def test_connections_are_refused_as_it_was_rehearsed(sim: Simulator) -> None:
    found = rehearsed(sim, "connections: 5, row_bytes: 10, rows: {constant: 1}", "write_connections", 3, 60)
    request = _request(sim)
    client = sim.write_client()
    opened: list[Any] = []
    refused: list[str] = []
    over = threading.Event()

    def requests() -> Iterator[Any]:
        yield request
        over.wait()

    try:
        for _ in range(5):
            try:
                opened.append(client.append_rows(requests()))
                assert not next(iter(opened[-1])).error.code
            except exceptions.ResourceExhausted as refusal:
                refused.append(refusal.message)
    finally:
        over.set()
        for answers in opened:
            answers.cancel()
    one = quota(found, "write_connections")
    assert refused == [one.message] * 2
    assert one.over_from_s == 0.0
    assert found.streams[0].share_lost == pytest.approx(2 / 5)
