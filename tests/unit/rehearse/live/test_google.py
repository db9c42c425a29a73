"""Jobs through Google's own client."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from bqsim.rehearse.live.calls import Call
from bqsim.rehearse.live.driver import Ended
from bqsim.rehearse.live.google import GoogleEndpoint
from bqsim.workload.caller import Refusal
from tests.bench.bare_jobs import serving
from tests.waiting import until

T = TypeVar("T")
QUERY = {"query": {"query": "SELECT 1", "useLegacySql": False}, "labels": {"bqsim_slot_ms": "40"}}


def at(url: str, act: Callable[[GoogleEndpoint], Awaitable[T]]) -> T:
    async def main() -> T:
        endpoint = GoogleEndpoint(url, threads=4, waiters=4)
        try:
            return await act(endpoint)
        finally:
            await endpoint.close()

    return asyncio.run(main())


def test_a_job_and_its_end() -> None:
    with serving(run_s=0.05) as service:

        async def act(endpoint: GoogleEndpoint) -> tuple[Ended, int]:
            job = await endpoint.submit(Call(0, 0.0, 0, "p", QUERY, principal="a@x.org"), "j0")
            return await endpoint.ended(job), endpoint.requests

        ended, requests = at(service.url, act)
    assert ended == Ended("", "", 0.005, 0.05, 40.0, 1000.0)
    # Insert, results and job at least.
    assert requests >= 3
    assert service.principals == ["Bearer user:a@x.org"]
    assert service.taken[0]["jobReference"]["jobId"] == "j0"
    assert service.taken[0]["configuration"]["labels"] == {"bqsim_slot_ms": "40"}


def test_refusals_are_told_by_reason() -> None:
    async def act(endpoint: GoogleEndpoint) -> None:
        await endpoint.submit(Call(0, 0.0, 0, "p", QUERY), "j0")

    with serving(refusals=["accessDenied"]) as service, pytest.raises(Refusal, match="it is access") as found:
        at(service.url, act)
    assert (found.value.status, found.value.reason) == (403, "accessDenied")


def test_cancelled_jobs_tell_so() -> None:
    with serving(run_s=100) as service:

        async def act(endpoint: GoogleEndpoint) -> Ended:
            job = await endpoint.submit(Call(0, 0.0, 0, "p", QUERY), "j0")
            waiting = asyncio.create_task(endpoint.ended(job))
            await endpoint.cancel(job)
            return await waiting

        assert at(service.url, act).reason == "stopped"
        assert service.cancelled == ["j0"]


def test_calls_that_nobody_waits_for_are_not_tried_again() -> None:
    """A job whose start is tried again and again, and an endpoint that is closed meanwhile."""

    async def act(endpoint: GoogleEndpoint) -> None:
        starting = asyncio.ensure_future(endpoint.submit(Call(0, 0.0, 0, "p", QUERY), "j0"))
        while endpoint.requests < 1:
            await asyncio.sleep(0.005)
        starting.cancel()

    def still() -> list[str]:
        return [one.name for one in threading.enumerate() if one.name.startswith("bqsim-live-start")]

    with serving(refusals=["backendError"] * 1000) as service:
        at(service.url, act)
        until(lambda: not still())
        assert len(service.taken) <= 1
