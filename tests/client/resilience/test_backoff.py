"""Each rule of when a call is made again, held to what the service asks by the simulator's own check."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bqclient import BigQueryClient
from bqclient.errors import BigQueryError, DeadlineExceededError, RateLimitError
from bqclient.resilience.policies import POLICIES, RULES, Resilience, RetryPolicy
from bqsim.sim.journal import BackoffPolicy
from tests.client.running import ClockTime, HeldTime, run

QUERY = "bigquery.jobs.query"
CALM = Resilience(breaker=False)
BUFFERED = "UPDATE or DELETE statement over table p.d.t would affect rows in the streaming buffer"

# How often a call is made whose every attempt fails so.
AGAIN: Mapping[str, int] = {
    "rateLimitExceeded": 6,
    "backendError": 4,
    "internalError": 4,
    "tableUnavailable": 4,
    "quotaExceeded": 2,
    "badRequest": 3,
}
NETWORK: Mapping[str, int] = {"html": 4, "empty": 4, "reset": 5, "half_close": 5}


async def ask(client: BigQueryClient, marker: str, request_id: str = "r1") -> None:
    """A query that is told from others by a marker in it."""
    body = {"query": f"SELECT '{marker}'", "useLegacySql": False, "requestId": f"{marker}-{request_id}"[:36]}
    await client.core.rest.call("jobs.query", {"projectId": client.project}, body=body)


def attempts(sim: Any, effects: Mapping[str, Any], *, strict: bool = True) -> dict[str, int]:
    """How often a call is made for each effect, all held to the check."""
    found = {}
    time = ClockTime(sim)

    async def work(client: BigQueryClient) -> None:
        for name, effect in effects.items():
            before = len(sim.journal.calls(QUERY))
            with sim.faults.add(effect, method=QUERY), pytest.raises(BigQueryError) as raised:
                await ask(client, name)
            found[name] = len(sim.journal.calls(QUERY)) - before
            assert raised.value.retryable == (found[name] > 1) or name in ("badRequest", "jobBackendError")

    run(sim, work, runtime=time, resilience=CALM, timeout=7200)
    sim.verify_backoff(policy=BackoffPolicy(must_retry=True) if strict else None)
    return found


def test_what_may_succeed_later_is_tried_again_as_asked(bqsim_own: Any) -> None:
    effects: dict[str, Any] = dict.fromkeys(AGAIN)
    for reason in effects:
        effects[reason] = {"error": {"reason": reason}}
    effects["badRequest"]["error"]["message"] = BUFFERED
    assert attempts(bqsim_own, effects) == AGAIN


def test_what_cannot_succeed_is_asked_once(bqsim_own: Any) -> None:
    never = sorted(
        reason
        for reason, rule in RULES.items()
        if rule.policy == "never"
        and not reason.startswith("job")
        and reason not in ("authError", "parseError")
    )
    assert {"invalidQuery", "notFound", "accessDenied", "bytesBilledLimitExceeded"} <= set(never)
    known = [r for r in never if r not in ("conditionNotMet", "required", "invalidParameter")]
    assert attempts(bqsim_own, {r: {"error": {"reason": r}} for r in known}) == dict.fromkeys(known, 1)


def test_failures_of_the_way(bqsim_own: Any) -> None:
    effects = {what: {"network": {"what": what, "applied": False}} for what in NETWORK}
    assert attempts(bqsim_own, effects) == NETWORK


@pytest.mark.parametrize("reason", ["jobBackendError", "jobInternalError", "jobRateLimitExceeded"])
def test_jobs_that_failed_are_other_jobs_next_time(bqsim_own: Any, reason: str) -> None:
    effect = {"error": {"reason": reason, "level": "job"}}

    async def work(client: BigQueryClient) -> None:
        ways: tuple[Any, ...] = ({}, {"job_id_prefix": "p"})
        for options in ways:
            with bqsim_own.faults.add(effect, method="bigquery.jobs.*"), pytest.raises(BigQueryError):
                await client.queries.execute("SELECT 1", **options)

    run(bqsim_own, work, runtime=ClockTime(bqsim_own), resilience=CALM, timeout=600)
    assert len(bqsim_own.journal.calls(QUERY)) == 4
    assert len(bqsim_own.journal.calls("bigquery.jobs.insert")) == 4
    bqsim_own.verify_backoff()


@pytest.mark.parametrize(("status", "count"), [("UNAVAILABLE", 9), ("DEADLINE_EXCEEDED", 4)])
def test_calls_of_the_storage_api(bqsim_own: Any, status: str, count: int) -> None:
    bqsim_own.faults.add(status, method="*.CreateReadSession")
    time = ClockTime(bqsim_own)

    async def work(client: BigQueryClient) -> None:
        with pytest.raises(BigQueryError):
            await client.storage_read.create_session("d.t")

    run(bqsim_own, work, runtime=time, resilience=CALM, timeout=3600)
    calls = bqsim_own.journal.calls("*.CreateReadSession")
    assert len(calls) == count
    # At once, then as others; or with longer waits from the first.
    assert time.waits[0] == 0 if status == "UNAVAILABLE" else time.waits[0] >= 4
    bqsim_own.verify_backoff()


def test_a_program_that_forgets_the_request_id_is_noticed(bqsim_own: Any) -> None:
    """The check itself can fail."""
    bqsim_own.faults.add("backendError", method=QUERY, times=1)

    async def work(client: BigQueryClient) -> None:
        with pytest.raises(BigQueryError):
            await ask(client, "same", "1")
        await client.core.runtime.sleep(1.5)
        await ask(client, "same", "2")

    calm = Resilience(breaker=False).without_retries()
    run(bqsim_own, work, runtime=ClockTime(bqsim_own), resilience=calm)
    with pytest.raises(Exception, match="request_id"):
        bqsim_own.verify_backoff()


def test_an_answer_that_says_how_long_to_wait_is_obeyed(bqsim: Any) -> None:
    bqsim.faults.add({"error": {"reason": "rateLimitExceeded", "retry_after": "7s"}}, method=QUERY, times=1)
    time = HeldTime()
    run(bqsim, lambda c: ask(c, "x"), runtime=time)
    assert time.waits == [7.0]


def test_a_deadline_holds_over_retries(bqsim: Any) -> None:
    bqsim.faults.add("rateLimitExceeded", method=QUERY)
    time = HeldTime()
    with pytest.raises(RateLimitError):
        run(bqsim, lambda c: ask(c, "x"), runtime=time, timeout=10)
    # 1.25 + 2.5 + 5 s; the next wait would be 10 s.
    assert time.waits == [1.25, 2.5, 5.0]


def test_an_answer_that_does_not_come_in_time(bqsim: Any) -> None:
    bqsim.faults.add("delay: 60s", method="bigquery.datasets.list")

    async def work(client: BigQueryClient) -> None:
        await client.core.rest.call("datasets.get", {"projectId": client.project, "datasetId": "no"})

    with pytest.raises(BigQueryError):
        run(bqsim, work)

    async def slow(client: BigQueryClient) -> None:
        path = {"projectId": client.project}
        await client.core.rest.call("datasets.list", path, deadline=client.core.deadline(0.3))

    with pytest.raises(DeadlineExceededError) as raised:
        run(bqsim, slow)
    assert raised.value.ambiguous


@given(
    policy=st.builds(
        RetryPolicy,
        retries=st.integers(0, 10),
        first_s=st.floats(0.01, 600),
        growth=st.floats(1, 4),
        longest_s=st.floats(600, 1200),
        jitter=st.floats(0, 1),
        at_once=st.booleans(),
    ),
    fractions=st.lists(st.floats(0, 1), min_size=12, max_size=12),
)
def test_waits_keep_their_bounds(policy: RetryPolicy, fractions: list[float]) -> None:
    waits = [policy.wait(n, f) for n, f in enumerate(fractions)]
    if policy.at_once:
        assert waits.pop(0) == 0
    assert all(0 < wait <= policy.longest_s for wait in waits)
    least = min(policy.first_s, policy.longest_s / (1 + policy.jitter))
    assert all(wait >= least * (1 - 1e-9) for wait in waits)


@pytest.mark.parametrize("name", sorted(set(POLICIES) - {"commit", "never"}))
def test_policies_wait_a_second_at_least(name: str) -> None:
    policy = POLICIES[name]
    first = 1 if policy.at_once else 0
    waits = [policy.wait(n, 0.0) for n in range(first, policy.retries)]
    assert all(w >= 1 for w in waits)
    assert waits == sorted(waits)
