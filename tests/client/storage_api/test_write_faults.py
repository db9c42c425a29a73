"""Writes while connections break, answers get lost and the service refuses for a while."""

from __future__ import annotations

import asyncio
import os
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bqclient import BigQueryClient
from bqclient import errors as e
from bqclient.resilience.policies import POLICIES, Resilience, RetryPolicy
from bqsim.sim.journal import BackoffPolicy
from tests.client.running import ClockTime, HeldTime

from .writes import APPEND, TABLE, clean, column, rows, table

# More with BQCLIENT_SOAK set to a number.
FAULTED = int(os.environ.get("BQCLIENT_SOAK", "0")) or 1_000
UNGUARDED = Resilience(breaker=False)


async def _numbered(client: BigQueryClient, count: int, **options: Any) -> Any:
    """One append for each number, all on their way at once; the offsets."""
    async with client.storage_write.writer(TABLE, **options) as writer:
        sent = [await writer.send(rows(n)) for n in range(count)]
        offsets = [(await one).offset for one in sent]
        connections = writer.appends.connections
    if writer.stream.type == "PENDING":
        await client.storage_write.commit(TABLE, [writer.stream])
    return offsets, connections


@pytest.mark.parametrize("kind", ["COMMITTED", "PENDING", "BUFFERED"])
@pytest.mark.parametrize("applied", [False, True])
@pytest.mark.parametrize(
    "effect",
    [
        {"grpc": {"status": "UNAVAILABLE"}},
        {"grpc": {"status": "ABORTED"}},
        {"grpc": {"status": "INTERNAL"}},
        {"grpc": {"status": "RESOURCE_EXHAUSTED"}},
        {"network": {"what": "reset"}},
        {"network": {"what": "rst_stream"}},
    ],
    ids=lambda effect: str(next(iter(next(iter(effect.values())).values()))),
)
def test_appends_are_stored_once_whatever_breaks(
    bqsim: Any, kind: str, applied: bool, effect: dict[str, Any]
) -> None:
    table(bqsim)
    [(what, told)] = effect.items()
    bqsim.faults.add({what: {**told, "applied": applied}}, method=APPEND, every=3, times=6)

    offsets, _ = clean(bqsim, lambda client: _numbered(client, 20, type=kind))
    assert offsets == list(range(20))
    assert column(bqsim) == list(range(20))
    bqsim.verify_exactly_once()


def test_default_streams_say_that_rows_may_be_there_twice(bqsim: Any) -> None:
    table(bqsim)
    lost = {"grpc": {"status": "UNAVAILABLE", "applied": True}}
    bqsim.faults.add(lost, method=APPEND, nth=2)

    async def work(client: BigQueryClient) -> list[bool]:
        write = client.storage_write
        return [(await write.append(TABLE, rows(n))).maybe_repeated for n in range(3)]

    assert clean(bqsim, work) == [False, True, False]
    assert column(bqsim) == [0, 1, 1, 2]


def test_exactly_once_appends_are_there_once(bqsim: Any) -> None:
    table(bqsim)
    bqsim.faults.add({"grpc": {"status": "UNAVAILABLE", "applied": True}}, method=APPEND, times=2)

    async def work(client: BigQueryClient) -> Any:
        return await client.storage_write.append(TABLE, rows(1, 2), exactly_once=True)

    result = clean(bqsim, work)
    assert (result.offset, result.rows, result.maybe_repeated) == (0, 2, False)
    assert column(bqsim) == [1, 2]
    bqsim.verify_exactly_once()


def test_a_wave_of_restarts_loses_and_repeats_nothing(bqsim: Any) -> None:
    table(bqsim)
    bqsim.faults.add(
        {"grpc": {"status": "UNAVAILABLE", "message": "The server is going away.", "applied": True}},
        method=APPEND,
        nth=[3, 11],
    )
    bqsim.faults.add({"network": {"what": "goaway", "at": "body", "byte": 0}}, method=APPEND, nth=7)
    bqsim.faults.add({"grpc": {"status": "ABORTED"}}, method=APPEND, every=5)
    data = [pa.record_batch({"n": pa.array(range(i, i + 10))}) for i in range(0, 500, 10)]

    async def work(client: BigQueryClient) -> Any:
        return await client.storage_write.write_table(TABLE, data, type="COMMITTED", concurrency=2)

    assert clean(bqsim, work, resilience=UNGUARDED).rows == 500
    assert column(bqsim) == list(range(500))
    bqsim.verify_exactly_once()


def test_a_thousand_faulted_appends_lose_and_repeat_nothing(bqsim: Any) -> None:
    """A third of the messages fail, half of those after they were stored."""
    table(bqsim)
    faults = [
        bqsim.faults.add(
            {"grpc": {"status": status, "applied": applied}}, method=APPEND, probability=probability
        )
        for status, probability in (("UNAVAILABLE", 0.1), ("ABORTED", 0.05), ("INTERNAL", 0.05))
        for applied in (False, True)
    ]
    policies = {name: RetryPolicy(retries=30) for name in ("backend", "unavailable")}

    async def work(client: BigQueryClient) -> int:
        done = 0
        while sum(fault.fired for fault in faults) < FAULTED:
            async with client.storage_write.writer(TABLE, max_requests=8, timeout=None) as writer:
                sent = [await writer.send(rows(done + n)) for n in range(200)]
                for number, one in enumerate(sent):
                    assert (await one).offset == number
            done += 200
        return done

    done = clean(bqsim, work, resilience=Resilience(policies=policies, breaker=False))
    assert column(bqsim) == list(range(done))
    bqsim.verify_exactly_once()


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(
    cuts=st.lists(
        st.tuples(
            st.integers(1, 25),
            st.sampled_from(["UNAVAILABLE", "INTERNAL", "reset", "invalid"]),
            st.booleans(),
        ),
        max_size=4,
    ),
    sizes=st.lists(st.integers(1, 4), min_size=1, max_size=12),
    kind=st.sampled_from(["COMMITTED", "PENDING", "BUFFERED"]),
)
def test_wherever_it_breaks_rows_are_there_once(
    bqsim: Any, cuts: list[tuple[int, str, bool]], sizes: list[int], kind: str
) -> None:
    bqsim.reset()
    table(bqsim)
    for nth, what, applied in cuts:
        if what == "reset":
            effect: Any = {"network": {"what": "reset", "applied": applied}}
        elif what == "invalid":
            effect = {"grpc": {"status": "INVALID_ARGUMENT"}}
        else:
            effect = {"grpc": {"status": what, "applied": applied}}
        bqsim.faults.add(effect, method=APPEND, nth=nth)
    stored: list[int] = []

    async def work(client: BigQueryClient) -> None:
        async with client.storage_write.writer(TABLE, type=kind) as writer:
            sent, first = [], 0
            for size in sizes:
                numbers = range(first, first + size)
                sent.append((numbers, await writer.send(rows(*numbers))))
                first += size
            for numbers, one in sent:
                try:
                    assert (await one).offset == len(stored)
                except e.BigQueryError as error:
                    assert error.status == "INVALID_ARGUMENT"
                else:
                    stored.extend(numbers)
        assert writer.finalized_rows == len(stored)
        if kind == "PENDING":
            await client.storage_write.commit(TABLE, [writer.stream])

    clean(bqsim, work, resilience=UNGUARDED)
    assert column(bqsim) == stored


def test_waits_between_connections_are_those_of_the_policies(bqsim: Any) -> None:
    table(bqsim)
    bqsim.faults.add({"grpc": {"status": "UNAVAILABLE"}}, method=APPEND, times=4)
    time = HeldTime()
    # One append: an answer to any other would begin the waits anew.
    clean(bqsim, lambda client: _numbered(client, 1), runtime=time)
    assert time.waits == [0.0, 1.25, 2.5, 5.0]


@pytest.mark.parametrize("status", ["UNAVAILABLE", "ABORTED"])
def test_the_service_sees_the_waits(bqsim_own: Any, status: str) -> None:
    table(bqsim_own)
    bqsim_own.faults.add({"grpc": {"status": status}}, method=APPEND, times=4)
    settled = {"unavailable": replace(POLICIES["unavailable"], at_once=False)}
    options = {"runtime": ClockTime(bqsim_own), "resilience": Resilience(policies=settled, breaker=False)}
    clean(bqsim_own, lambda client: _numbered(client, 1), **options)
    bqsim_own.verify_backoff(APPEND, BackoffPolicy())


def test_a_wait_that_the_service_asks_for_is_kept(bqsim: Any) -> None:
    table(bqsim)
    bqsim.faults.add({"grpc": {"status": "RESOURCE_EXHAUSTED", "retry_delay": "7s"}}, method=APPEND, times=1)
    time = HeldTime()
    clean(bqsim, lambda client: _numbered(client, 1), runtime=time)
    assert time.waits == [7.0]


def test_what_lasts_ends_the_writer_and_says_what_is_not_known(bqsim: Any) -> None:
    table(bqsim)
    bqsim.faults.add({"grpc": {"status": "UNAVAILABLE"}}, method=APPEND)

    async def work(client: BigQueryClient) -> None:
        with pytest.raises(e.ServiceUnavailableError) as raised:
            async with client.storage_write.writer(TABLE) as writer:
                await writer.append(rows(1))
        assert raised.value.ambiguous
        with pytest.raises(e.ServiceUnavailableError):
            await client.storage_write.append(TABLE, rows(1))

    clean(bqsim, work, resilience=UNGUARDED)
    assert column(bqsim) == []


def test_an_open_circuit_is_waited_for(bqsim: Any) -> None:
    table(bqsim)
    bqsim.faults.add({"grpc": {"status": "UNAVAILABLE"}}, method=APPEND, times=6)
    time = HeldTime()
    clean(bqsim, lambda client: _numbered(client, 2), runtime=time)
    assert column(bqsim) == [0, 1]
    assert max(time.waits) > 32


def test_deadlines_hold_over_connections(bqsim: Any) -> None:
    table(bqsim)
    bqsim.faults.add({"grpc": {"status": "UNAVAILABLE"}}, method=APPEND)
    time = HeldTime()

    async def work(client: BigQueryClient) -> None:
        async with client.storage_write.writer(TABLE, timeout=6.0) as writer:
            with pytest.raises(e.ServiceUnavailableError):
                await writer.append(rows(1))

    clean(bqsim, work, runtime=time)
    assert sum(time.waits) < 6.0


def test_an_append_that_is_not_answered_in_time_fails(bqsim: Any) -> None:
    table(bqsim)
    bqsim.faults.add({"network": {"what": "stall"}}, method=APPEND)

    async def work(client: BigQueryClient) -> None:
        writer = client.storage_write.writer(TABLE, timeout=0.3)
        await writer.open()
        with pytest.raises(e.DeadlineExceededError) as raised:
            await writer.append(rows(1))
        assert raised.value.ambiguous
        with pytest.raises(e.DeadlineExceededError):
            await writer.append(rows(2))
        await writer.abort()

    clean(bqsim, work)


def test_idle_connections_are_opened_again(bqsim_own: Any) -> None:
    table(bqsim_own)
    time = ClockTime(bqsim_own)

    async def work(client: BigQueryClient) -> None:
        async with client.storage_write.writer(TABLE, timeout=None) as writer:
            await writer.append(rows(1))
            await time.sleep(700)
            await asyncio.sleep(0.2)
            waits = len(time.waits)
            assert (await writer.append(rows(2))).offset == 1
            assert (writer.appends.connections, len(time.waits)) == (2, waits)

    clean(bqsim_own, work, runtime=time)
    assert column(bqsim_own) == [1, 2]


def test_tokens_that_ended_are_renewed_on_the_way(bqsim: Any) -> None:
    table(bqsim)
    bqsim.faults.add("UNAUTHENTICATED", method=APPEND, nth=2)
    renewed = []

    async def work(client: BigQueryClient) -> None:
        async def renew() -> bool:
            renewed.append(True)
            return True

        client.core.rpc._tokens.renew = renew  # type: ignore[method-assign]
        async with client.storage_write.writer(TABLE) as writer:
            assert [(await writer.append(rows(n))).offset for n in range(3)] == [0, 1, 2]

    time = HeldTime()
    clean(bqsim, work, runtime=time)
    assert (len(renewed), time.waits) == (1, [])
    assert column(bqsim) == [0, 1, 2]


def test_a_token_that_stays_wrong_is_told(bqsim: Any) -> None:
    table(bqsim)
    bqsim.faults.add("UNAUTHENTICATED", method=APPEND)

    async def work(client: BigQueryClient) -> None:
        with pytest.raises(e.UnauthenticatedError) as raised:
            await client.storage_write.append(TABLE, rows(1))
        assert not raised.value.ambiguous

    clean(bqsim, work)


class _Told:
    """What observability is told."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.retries: list[tuple[str, str | None, float]] = []

    def call(self, operation: str, project: str, request_id: str | None) -> Any:
        self.calls.append(operation)
        return nullcontext()

    def retrying(self, call: Any, error: e.BigQueryError, wait_s: float, number: int) -> None:
        self.retries.append((call.operation, error.status, wait_s))

    def finished(self, *given: Any, **known: Any) -> None:
        pass


def test_streams_and_their_retries_are_told(bqsim: Any) -> None:
    table(bqsim)
    bqsim.faults.add({"grpc": {"status": "ABORTED"}}, method=APPEND, times=1)
    told = _Told()
    clean(bqsim, lambda client: client.storage_write.append(TABLE, rows(1)), observability=told)
    assert told.calls == ["AppendRows", "GetWriteStream"]
    assert told.retries == [("AppendRows", "ABORTED", 0.0)]
