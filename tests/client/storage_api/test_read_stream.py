"""Streams that break: they go on at the very row, as often and as late as they should."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from contextvars import ContextVar
from typing import Any

import pytest
from google.auth import credentials
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bqclient import BigQueryClient
from bqclient import errors as e
from bqclient.resilience.policies import Resilience
from tests.client.running import ClockTime, HeldTime, run

from .reads import READ_ROWS, ROWS, numbers, read, seen

ALL = list(range(ROWS))
RESET = "Received RST_STREAM with error code 2"


@pytest.fixture
def sim(bqsim: Any) -> Any:
    numbers(bqsim)
    return bqsim


def broken(rows: int, status: str, message: str = "no", delay: str | None = None) -> dict[str, Any]:
    effect: dict[str, Any] = {"after_rows": rows, "status": status, "message": message}
    return {"break_stream": {**effect, "retry_delay": delay} if delay else effect}


async def stream_of(client: BigQueryClient, **options: Any) -> list[Any]:
    session = await client.storage_read.create_session("d.numbers", max_streams=1)
    return [rows async for rows in session.stream(0, **options)]


@pytest.mark.parametrize("rows", [0, 1, 5000, ROWS - 1, ROWS])
@pytest.mark.parametrize(
    ("status", "message", "delay"),
    [
        ("UNAVAILABLE", "no", None),
        ("UNKNOWN", "no", None),
        ("INTERNAL", RESET, None),
        ("RESOURCE_EXHAUSTED", "later", "5s"),
    ],
    ids=lambda value: value,
)
def test_a_stream_goes_on_at_the_row_where_it_broke(
    sim: Any, status: str, message: str, delay: str | None, rows: int
) -> None:
    sim.faults.add(broken(rows, status, message, delay), method=READ_ROWS, times=2)
    clock = HeldTime()
    found = run(sim, stream_of, runtime=clock)
    assert seen(r.batch for r in found) == ALL
    at = 0
    for part in found:
        assert part.offset == at
        at = part.end
    # At once, and where nothing came in between, after a wait; RetryInfo is obeyed.
    expected = [5.0, 5.0] if delay else [0.0, 0.0] if rows else [0.0, 1.25]
    assert clock.waits == expected[: len(clock.waits)]
    assert len(clock.waits) == len([call for call in sim.journal.calls(READ_ROWS) if not call.outcome.ok])


@pytest.mark.parametrize(
    ("status", "message", "error"),
    [
        ("RESOURCE_EXHAUSTED", "no", e.RateLimitError),
        ("INTERNAL", "no", e.ServiceUnavailableError),
        ("PERMISSION_DENIED", "no", e.AccessDeniedError),
        ("INVALID_ARGUMENT", "no", e.BigQueryError),
        ("DATA_LOSS", "no", e.StorageError),
    ],
)
def test_other_failures_end_a_stream(sim: Any, status: str, message: str, error: type[Exception]) -> None:
    sim.faults.add(broken(10, status, message), method=READ_ROWS, times=1)
    clock = HeldTime()
    with pytest.raises(error):
        run(sim, stream_of, runtime=clock)
    assert clock.waits == []
    assert len(sim.journal.calls(READ_ROWS)) == 1


def test_retries_without_progress_are_counted_and_progress_forgets_them(sim: Any) -> None:
    clock = HeldTime()
    fault = sim.faults.add(broken(0, "UNAVAILABLE"), method=READ_ROWS)
    with pytest.raises(e.ServiceUnavailableError):
        run(sim, stream_of, runtime=clock, resilience=Resilience(breaker=False))
    assert clock.waits == [0.0, 1.25, 2.5, 5.0, 10.0, 20.0, *[26.666666666666664] * 2]
    assert len(sim.journal.calls(READ_ROWS)) == 9
    fault.remove()
    # A thousand rows at a time it takes twenty breaks, more than there are retries.
    sim.faults.add(broken(1000, "UNAVAILABLE"), method=READ_ROWS)
    clock = HeldTime()
    assert seen(r.batch for r in run(sim, stream_of, runtime=clock)) == ALL
    assert set(clock.waits) == {0.0}


def test_an_endpoint_that_fails_is_left_alone_for_a_minute(sim: Any) -> None:
    sim.faults.add(broken(0, "UNAVAILABLE"), method=READ_ROWS, times=6)
    clock = HeldTime()
    assert seen(r.batch for r in run(sim, stream_of, runtime=clock)) == ALL
    # Five failures open the circuit; the probe after the minute fails, the next does not.
    assert len([wait for wait in clock.waits if wait > 30]) == 2
    assert len(sim.journal.calls(READ_ROWS)) == 7


@pytest.mark.parametrize("offset", [0, 1, 12_345, ROWS - 1])
def test_streams_are_read_from_any_row_on(sim: Any, offset: int) -> None:
    found = run(sim, lambda client: stream_of(client, offset=offset))
    assert seen(r.batch for r in found) == ALL[offset:]
    assert found[0].offset == offset


def test_a_stream_tells_how_far_it_is_and_how_throttled(sim: Any) -> None:
    sim.faults.add({"throttle": 70}, method=READ_ROWS)

    async def work(client: BigQueryClient) -> None:
        session = await client.storage_read.create_session("d.numbers", max_streams=1)
        stream = session.stream(0)
        found = await stream.read()
        assert found is not None
        assert (stream.throttle_percent, stream.finished) == (70, False)
        assert 0 < stream.progress <= 1
        call = stream._call
        await stream.close()
        assert call.cancelled()

    run(sim, work)


@pytest.mark.parametrize("streams", [1, 3])
def test_expired_tokens_are_renewed_on_streams(sim: Any, streams: int) -> None:
    given = Credentials()
    sim.faults.add(broken(3000, "UNAUTHENTICATED"), method=READ_ROWS, times=1)

    async def work(client: BigQueryClient) -> list[int]:
        return await read(client, streams=streams, ordered=True)

    assert run(sim, work, credentials=given) == ALL
    assert given.made == 2


def test_tokens_that_are_refused_twice_are_an_error(sim: Any) -> None:
    given = Credentials()
    sim.faults.add("UNAUTHENTICATED", method=READ_ROWS)
    with pytest.raises(e.UnauthenticatedError):
        run(sim, stream_of, credentials=given)
    assert given.made == 2
    with pytest.raises(e.UnauthenticatedError):
        run(sim, stream_of)


class Credentials(credentials.Credentials):  # type: ignore[misc]
    """Credentials whose tokens are numbered."""

    def __init__(self) -> None:
        super().__init__()
        self.made = 0

    def refresh(self, request: Any) -> None:
        self.made += 1
        self.token = f"token-{self.made}"


@pytest.mark.parametrize(
    "effect", ["goaway", "reset", "half_close", "rst_stream", "empty", "truncate"], ids=lambda effect: effect
)
@pytest.mark.parametrize("byte", [0, 1_500_000])
def test_broken_connections_lose_no_rows(sim: Any, effect: str, byte: int) -> None:
    where = {"at": "body", "byte": byte} if byte else {}
    sim.faults.add({"network": {"what": effect, **where}}, method=READ_ROWS, times=1)
    assert run(sim, lambda client: read(client, ordered=True, streams=2)) == ALL


def test_waits_are_those_that_the_service_asks_for(bqsim_own: Any) -> None:
    bqsim_own.clock.freeze()
    numbers(bqsim_own)
    for how in (
        broken(0, "UNAVAILABLE"),
        broken(300, "RESOURCE_EXHAUSTED", "later", "7s"),
        broken(0, "UNKNOWN"),
        broken(0, "RESOURCE_EXHAUSTED", "later", "90s"),
        broken(0, "INTERNAL", RESET),
    ):
        bqsim_own.faults.add(how, method=READ_ROWS, times=2)
    clock = ClockTime(bqsim_own)
    assert seen(r.batch for r in run(bqsim_own, stream_of, runtime=clock)) == ALL
    assert {7.0, 90.0} <= set(clock.waits)
    bqsim_own.verify_backoff(READ_ROWS)


@pytest.mark.bqsim_scenario("scenarios/storage-read-throttling.yaml")
def test_the_scenario_of_throttled_and_broken_streams(bqsim_own: Any) -> None:
    numbers(bqsim_own)
    # The window of the scenario is half an hour: a minute and a half, of which a slow start takes nothing.
    bqsim_own.clock.scale(20)
    clock = HeldTime()
    throttled = set()

    async def work(client: BigQueryClient) -> list[int]:
        reading = client.storage_read.read_all("d.numbers", streams=3, ordered=True, split_bytes=0)
        found = []
        async for batch in reading:
            throttled.add(reading.throttle_percent)
            found.append(batch)
        return seen(found)

    assert run(bqsim_own, work, runtime=clock) == ALL
    assert 70 in throttled
    assert 5.0 in clock.waits
    assert len([call for call in bqsim_own.journal.calls(READ_ROWS) if not call.outcome.ok]) == 10


def test_watchers_are_told_of_streams_and_retries(sim: Any) -> None:
    class Watcher:
        def __init__(self) -> None:
            self.told: list[Any] = []

        def call(self, operation: str, project: str, request_id: str | None) -> Any:
            @contextmanager
            def around() -> Iterator[None]:
                self.told.append(operation)
                yield
                self.told.append(f"end of {operation}")

            return around()

        def retrying(self, call: Any, error: Exception, wait_s: float, number: int) -> None:
            self.told.append((call.operation, type(error).__name__, wait_s, number))

    watcher = Watcher()
    sim.faults.add(broken(100, "UNAVAILABLE"), method=READ_ROWS, times=1)
    run(sim, stream_of, observability=watcher)
    assert watcher.told == [
        "CreateReadSession",
        "end of CreateReadSession",
        "ReadRows",
        ("ReadRows", "ServiceUnavailableError", 0.0, 1),
        "end of ReadRows",
    ]


def test_what_a_watcher_sets_is_not_seen_by_the_consumer(sim: Any) -> None:
    variable: ContextVar[str] = ContextVar("operation", default="")
    ended: list[str] = []

    class Watcher:
        @contextmanager
        def call(self, operation: str, project: str, request_id: str | None) -> Iterator[None]:
            token = variable.set(operation)
            try:
                yield
                ended.append(operation)
            except e.BigQueryError as error:
                ended.append(f"{operation}: {type(error).__name__}")
                raise
            finally:
                variable.reset(token)

        def retrying(self, call: Any, error: Exception, wait_s: float, number: int) -> None:
            pass

    async def work(client: BigQueryClient) -> None:
        session = await client.storage_read.create_session("d.numbers", max_streams=1)
        async with aclosing(aiter(session.stream(0))) as given_up:
            async for _ in given_up:
                assert variable.get() == ""
                break
        sim.faults.add(broken(5, "PERMISSION_DENIED"), method=READ_ROWS)
        with pytest.raises(e.AccessDeniedError):
            async for _ in session.stream(0):
                pass

    run(sim, work, observability=Watcher())
    assert ended == ["CreateReadSession", "ReadRows", "ReadRows: AccessDeniedError"]


breaks = st.lists(
    st.tuples(
        st.integers(0, 3000),
        st.sampled_from([("UNAVAILABLE", "no"), ("UNKNOWN", "no"), ("INTERNAL", RESET)]),
    ),
    max_size=6,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(breaks, st.integers(1, 4), st.booleans(), st.sampled_from([1, 100_000, 1 << 26]))
def test_breaks_anywhere_give_the_same_rows(
    sim: Any, where: list[tuple[int, tuple[str, str]]], streams: int, ordered: bool, window_bytes: int
) -> None:
    faults = [sim.faults.add(broken(rows, *how), method=READ_ROWS, times=1) for rows, how in where]
    try:
        found = run(
            sim,
            lambda client: read(client, streams=streams, ordered=ordered, window_bytes=window_bytes),
            resilience=Resilience(breaker=False),
        )
    finally:
        for fault in faults:
            fault.remove()
    assert (found if ordered else sorted(found)) == ALL


def test_two_streams_at_a_time(sim: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        session = await client.storage_read.create_session("d.numbers", max_streams=2)

        async def whole(number: int) -> list[int]:
            return seen([rows.batch async for rows in session.stream(number)])

        both = await asyncio.gather(whole(0), whole(1))
        assert sorted(both[0] + both[1]) == ALL

    run(sim, work)
