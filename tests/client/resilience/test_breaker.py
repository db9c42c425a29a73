"""The circuit breaker: closed, open, half-open."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bqclient import BigQueryClient
from bqclient.errors import (
    BigQueryError,
    CircuitOpenError,
    ConnectionFailedError,
    NotFoundError,
    RateLimitError,
    ServiceUnavailableError,
)
from bqclient.resilience.breaker import Breaker, Breakers, State, counts
from bqclient.resilience.policies import Resilience
from tests.client.running import HeldTime, run


def state_of(found: Breaker) -> State:
    """Its state, which calls between change."""
    return found.state


FAILURE = ServiceUnavailableError("down")


def breaker(**settings: Any) -> tuple[Breaker, HeldTime]:
    time = HeldTime()
    return Breaker("e", Resilience(**settings), time), time


def pass_once(found: Breaker, error: BaseException | None) -> None:
    found.leave(error, found.enter())


def opened(**settings: Any) -> tuple[Breaker, HeldTime]:
    found, time = breaker(**settings)
    for _ in range(found.settings.breaker_failures):
        pass_once(found, FAILURE)
    assert state_of(found) is State.OPEN
    return found, time


def test_five_failures_open_it() -> None:
    found, _ = breaker()
    for _ in range(4):
        pass_once(found, FAILURE)
    assert state_of(found) is State.CLOSED
    pass_once(found, FAILURE)
    assert state_of(found) is State.OPEN
    with pytest.raises(CircuitOpenError, match="after 5 failures") as raised:
        found.enter()
    assert raised.value.retry_after == pytest.approx(60, abs=1)
    assert raised.value.retryable


def test_a_success_between_them_forgets_them() -> None:
    found, _ = breaker()
    for error in [FAILURE] * 4 + [None] + [FAILURE] * 4:
        pass_once(found, error)
    assert state_of(found) is State.CLOSED


@pytest.mark.parametrize(
    ("error", "counted"),
    [
        (FAILURE, True),
        (ConnectionFailedError("reset"), True),
        (NotFoundError("no"), False),
        (RateLimitError("slow"), False),
        (BigQueryError("wrong"), False),
        (asyncio.CancelledError(), False),
        (None, False),
    ],
)
def test_what_counts(error: BaseException | None, counted: bool) -> None:
    assert counts(error) == counted


def test_after_a_minute_one_probe_passes_at_a_time_and_two_close_it() -> None:
    found, time = opened()
    time.ahead += 59
    with pytest.raises(CircuitOpenError):
        found.enter()
    time.ahead += 1
    assert found.enter()
    assert state_of(found) is State.HALF_OPEN
    with pytest.raises(CircuitOpenError):
        found.enter()
    found.leave(None, True)
    assert state_of(found) is State.HALF_OPEN
    pass_once(found, None)
    assert state_of(found) is State.CLOSED
    assert not found.enter()


def test_a_probe_that_fails_opens_it_for_another_minute() -> None:
    found, time = opened()
    time.ahead += 60
    pass_once(found, FAILURE)
    assert state_of(found) is State.OPEN
    time.ahead += 59
    with pytest.raises(CircuitOpenError):
        found.enter()
    time.ahead += 1
    assert found.enter()


def test_a_probe_that_is_given_up_leaves_room_for_another() -> None:
    found, time = opened()
    time.ahead += 60
    pass_once(found, asyncio.CancelledError())
    assert found.enter()


def test_what_was_sent_before_it_opened_is_no_news() -> None:
    found, time = breaker()
    early = [found.enter() for _ in range(3)]
    for _ in range(5):
        pass_once(found, FAILURE)
    time.ahead += 30
    # It would open it anew, and for longer.
    found.leave(FAILURE, early[0])
    time.ahead += 30
    assert found.enter()
    # Neither is another probe let through nor is it closed.
    found.leave(FAILURE, early[1])
    found.leave(None, early[2])
    assert (found.state, found.probing) == (State.HALF_OPEN, True)


def test_endpoints_have_breakers_of_their_own() -> None:
    held = Breakers(Resilience(), HeldTime())
    assert held["a"] is held["a"] is not held["b"]


async def _ask(client: BigQueryClient) -> Any:
    return await client.core.rest.call("datasets.list", {"projectId": client.project})


def test_calls_of_a_service_that_is_down_and_comes_back(bqsim: Any) -> None:
    fault = bqsim.faults.add("backendError", method="bigquery.datasets.list")
    time = HeldTime()

    async def work(client: BigQueryClient) -> None:
        with pytest.raises(ServiceUnavailableError):
            await _ask(client)
        # The fifth failure opens it: no sixth call is made.
        with pytest.raises(CircuitOpenError):
            await _ask(client)
        assert len(bqsim.journal.calls("bigquery.datasets.list")) == 5
        fault.remove()
        with pytest.raises(CircuitOpenError):
            await _ask(client)
        time.ahead += 60
        for _ in range(3):
            await _ask(client)
        assert client.core.retrier.breakers[client.config.endpoints.rest].state is State.CLOSED

    run(bqsim, work, runtime=time)
    assert len(bqsim.journal.calls("bigquery.datasets.list")) == 8


def test_without_it(bqsim: Any) -> None:
    bqsim.faults.add("backendError", method="bigquery.datasets.list")

    async def work(client: BigQueryClient) -> None:
        for _ in range(2):
            with pytest.raises(ServiceUnavailableError):
                await _ask(client)

    run(bqsim, work, resilience=Resilience(breaker=False))
    assert len(bqsim.journal.calls("bigquery.datasets.list")) == 8
