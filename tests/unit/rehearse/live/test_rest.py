"""Jobs by plain REST, at a server that does only that."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from bqsim.pytest_plugin.handle import TestSimulator
from bqsim.rehearse.live.calls import Call
from bqsim.rehearse.live.driver import Driver, Ended
from bqsim.rehearse.live.rest import RestEndpoint, ended_of
from bqsim.rehearse.live.tally import RUN, TOTAL, Tally
from bqsim.sim.clock import SimulationClock
from bqsim.workload.caller import Refusal
from tests.bench.bare_jobs import serving

T = TypeVar("T")
QUERY = {"query": {"query": "SELECT 1"}, "labels": {"bqsim_slot_ms": "40"}}


def call(row: int = 0, at_s: float = 0.0, principal: str = "") -> Call:
    return Call(row, at_s, 0, "p", QUERY, principal=principal)


def at(url: str, act: Callable[[RestEndpoint], Awaitable[T]], **options: int) -> T:
    async def main() -> T:
        clock = SimulationClock()
        endpoint = RestEndpoint(url, clock, **options)  # type: ignore[arg-type]
        try:
            return await act(endpoint)
        finally:
            await endpoint.close()
            clock.close()

    return asyncio.run(main())


async def done(endpoint: RestEndpoint) -> tuple[Ended, int]:
    ended = await endpoint.ended(await endpoint.submit(call(), "j"))
    return ended, endpoint.requests


def test_a_job_that_is_over_at_once_takes_one_request() -> None:
    with serving() as service:
        ended, requests = at(service.url, done)
    assert requests == 1
    assert (ended.reason, ended.queued_s, ended.run_s, ended.slot_ms) == ("", 0.005, 0.0, 40.0)
    assert ended.bytes_billed == 1000


@pytest.mark.parametrize("long_polls", [10, 0], ids=["waiting", "asking"])
def test_the_end_of_a_job_is_waited_for(long_polls: int) -> None:
    with serving(run_s=0.05) as service:

        async def act(endpoint: RestEndpoint) -> Ended:
            if not long_polls:
                # Somebody has to end it.
                job = await endpoint.submit(call(), "j")
                await endpoint.cancel(job)
                return await endpoint.ended(job)
            return (await done(endpoint))[0]

        ended = at(service.url, act, long_polls=long_polls)
    assert ended.run_s == 0.05
    assert ended.reason == ("" if long_polls else "stopped")


def test_principals_are_told() -> None:
    with serving() as service:

        async def act(endpoint: RestEndpoint) -> None:
            await endpoint.submit(call(principal="a@x.org"), "j1")
            await endpoint.submit(call(principal="serviceAccount:b@x.org"), "j2")

        at(service.url, act)
    assert service.principals == ["Bearer user:a@x.org", "Bearer serviceAccount:b@x.org"]


def test_refusals_are_told_by_reason() -> None:
    with serving(refusals=["quotaExceeded"]) as service, pytest.raises(Refusal, match="it is quota") as found:
        at(service.url, done)
    assert (found.value.status, found.value.reason) == (403, "quotaExceeded")
    with pytest.raises(Refusal) as found:
        at("http://127.0.0.1:9", done)
    assert (found.value.status, found.value.reason) == (0, "noAnswer")


@pytest.mark.parametrize("reason", ["invalidQuery", "accessDenied", "notFound", "quotaExceeded"])
@pytest.mark.parametrize("long_polls", [10, 0], ids=["waiting", "asking"])
def test_jobs_that_fail_tell_when_and_why(bqsim: TestSimulator, reason: str, long_polls: int) -> None:
    bqsim.jobs.plan("{polls: {running: 1}}")
    bqsim.faults.add({"job_state": {"outcome": "fail", "reason": reason, "message": "it failed"}})

    async def act(endpoint: RestEndpoint) -> Ended:
        sent = Call(0, 0.0, 0, bqsim.project, {"query": {"query": "SELECT 1", "useLegacySql": False}})
        return await endpoint.ended(await endpoint.submit(sent, "j"))

    ended = at(bqsim.url, act, long_polls=long_polls)
    assert (ended.reason, ended.message) == (reason, "it failed")
    # A job that had begun tells how long it waited and ran; a refused request would tell neither.
    assert ended.queued_s is not None and ended.run_s is not None


def test_what_jobs_tell_of_themselves() -> None:
    failed = ended_of(
        {
            "status": {"state": "DONE", "errorResult": {"reason": "quotaExceeded", "message": "full"}},
            "statistics": {"creationTime": "1000", "endTime": "1500"},
        }
    )
    assert failed == Ended("quotaExceeded", "full")
    assert ended_of({}) == Ended()


@pytest.mark.fidelity("capacity:live rehearsal", "exact")
def test_a_server_that_stalls_shows_in_p99() -> None:
    with serving(stall_after=80, stall_s=1.0) as service:

        async def main() -> Tally:
            clock = SimulationClock()
            endpoint = RestEndpoint(service.url, clock)
            tally = Tally(("all",))
            driver = Driver(endpoint, clock, tally)
            await driver.run(iter([[call(n, n / 200) for n in range(300)]]))
            await endpoint.close()
            clock.close()
            return tally

        tally = asyncio.run(main())
    total = tally.whole().phases[TOTAL]
    assert len(service.taken) == total.count == 300
    # A client that waited for each answer would have seen one slow job in 300.
    assert total.percentile(99) > 0.9
    assert total.count - total.within(0.5) > 50
    assert tally.whole().phases[RUN].largest == 0
