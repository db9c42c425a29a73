"""Back-off checks: clients that do it right, and one client for each way to do it wrong."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bqsim.sim.journal import (
    GOOGLE_CLIENT,
    SLA,
    BackoffError,
    JobEvent,
    Outcome,
    backoff_findings,
    verify_backoff,
)

from .making import GET, INSERT, QUERY, READ_ROWS, RESULTS, attempts, call, journal

GOOD = [1.2, 2.7, 4.1, 9.3]


def rules(events, jobs=(), policy=None):
    return [finding.rule for finding in backoff_findings(events, jobs, policy)]


def texts(events, jobs=(), policy=None):
    return "\n".join(map(str, backoff_findings(events, jobs, policy)))


@given(st.lists(st.floats(0, 1), min_size=0, max_size=9))
def test_waits_of_the_sla_pass(jitter):
    # 1 s and up to half of it more, doubled each time, up to 32 s.
    waits = [min(32.0, 2**n * (1 + 0.5 * part)) for n, part in enumerate(jitter)]
    assert not set(rules(attempts(waits))) - {"jitter"}


def test_a_good_client_has_no_findings():
    assert rules(attempts(GOOD)) == []
    assert rules(attempts(GOOD, "reset")) == []
    assert rules([call(at=i) for i in range(10)]) == []


def test_google_s_client_by_its_own_policy():
    chance = random.Random(7)
    made = []
    for n in range(60):
        waits = [chance.uniform(0, min(60, 2**k)) for k in range(4)]
        made += attempts(waits, start=n * 1000.0, request_id=f"r{n}")
    assert rules(made, policy=GOOGLE_CLIENT) == []
    assert "first_wait" in rules(made)


def test_a_first_retry_that_comes_too_soon():
    found = texts(attempts([0.2], id="c"))
    assert found == (
        "[first_wait] bigquery.jobs.query #c failed with 503 backendError; retry #c came after 0.2 s. "
        "Wait at least 1 s before the first retry."
    )
    assert rules(attempts([0.996])) == [] and rules(attempts([0.99])) == ["first_wait"]


def test_waits_that_are_too_long():
    assert rules(attempts([1.3, 33.0])) == ["cap"]
    assert "came after 33 s. Wait 32 s at most." in texts(attempts([1.3, 33.0]))
    assert rules(attempts([1.3, 32.1])) == []


def test_waits_that_do_not_grow():
    assert rules(attempts([1.2, 1.1, 1.25])) == ["growth"]
    assert "after 1.2 s, 1.1 s, 1.25 s: waits do not grow" in texts(attempts([1.2, 1.1, 1.25]))
    assert rules(attempts([1.2, 1.1])) == []
    assert rules(attempts([1.2, 2.9, 1.4])) == []
    assert rules(attempts([31.0, 31.5, 30.7])) == []


def test_waits_without_jitter_in_one_request():
    assert rules(attempts([1.0, 2.0, 4.0])) == ["jitter"]
    assert rules(attempts([2.0, 2.0, 2.0])) == ["growth", "jitter"]
    assert "Add a random part" in texts(attempts([1.0, 2.0, 4.0]))


def test_waits_without_jitter_over_many_requests():
    made = [e for n in range(3) for e in attempts([1.5], start=n * 100.0, request_id=f"r{n}")]
    assert rules(made) == ["jitter"]
    assert "all 3 requests of bigquery.jobs.query that failed were tried again after 1.5 s" in texts(made)
    assert rules(made[:4]) == []
    mixed = [e for n in range(3) for e in attempts([1.5 + n / 5], start=n * 100.0, request_id=f"r{n}")]
    assert rules(mixed) == []
    apart = [replace(e, caller=f"user{i // 2}@example.com") for i, e in enumerate(made)]
    assert rules(apart) == []


def test_a_request_id_that_changes():
    first, second = call(ends="backendError", request_id="r1", id="a"), call(at=1.5, request_id="r2", id="b")
    assert rules([first, second]) == ["request_id"]
    assert "retry #b sent another request id ('r1', then 'r2'). Keep the request id" in texts([first, second])
    assert "('r1', then none)" in texts([first, replace(second, request_id="")])
    # Long after that it is another request.
    assert rules([first, replace(second, time_us=100_000_000)]) == ["cap"]


def test_no_request_id_at_all():
    made = attempts([1.5], request_id="")
    assert rules(made) == ["no_id"]
    assert "has no requestId, so the statement may run twice" in texts(made)
    assert rules(attempts([1.5], "rateLimitExceeded", request_id="")) == []


def test_no_job_id_at_all():
    assert rules(attempts([1.5], request_id="", method=INSERT)) == ["no_id"]
    assert rules(attempts([1.5], request_id="", method=INSERT, job_id="j")) == []


def test_a_job_id_that_changes_while_the_job_may_run():
    made = [call(INSERT, ends="reset", job_id="a"), call(INSERT, at=1.5, job_id="b")]
    assert rules(made) == ["job_id"]
    assert "The first job may be running" in texts(made)
    refused = [replace(made[0], outcome=Outcome("rateLimitExceeded", http=403)), made[1]]
    assert rules(refused) == []


@pytest.mark.parametrize("reason", ["jobBackendError", "jobInternalError", "jobRateLimitExceeded"])
def test_a_failed_job_is_started_again_as_a_new_one(reason):
    same = attempts([1.5], reason, job_id="j")
    assert rules(same) == ["new_job", "new_job"]
    assert "sent the same request id 'r1' and asks for the failed job again" in texts(same)
    assert "sent the same job id 'j'" in texts(same)
    assert rules([same[0], replace(same[1], request_id="r2", job_id="k")]) == []
    soon = replace(same[1], request_id="r2", job_id="k", time_us=100_000)
    assert rules([same[0], soon]) == ["first_wait"]


def test_results_of_a_failed_job_are_not_asked_for_again():
    made = attempts([1.5], "jobBackendError", method=RESULTS, job_id="j", request_id="")
    assert rules(made) == ["not_retryable"]
    assert "start a new job rather than ask for its results again" in texts(made)


def test_a_job_that_has_failed_is_not_inserted_again():
    made = [call(INSERT, at=0, job_id="j"), call(INSERT, at=10, job_id="j", id="b", ends="duplicate")]
    moves = [JobEvent(1, "j", after="RUNNING"), JobEvent(5_000_000, "j", after="DONE", reason="backendError")]
    assert rules(made, moves) == ["new_job"]
    assert "job 'j' had failed with backendError when bigquery.jobs.insert #b inserted it again" in texts(
        made, moves
    )
    assert rules(made, [replace(moves[1], reason="")]) == []
    assert rules(made[:1], moves) == []
    assert rules([made[0], replace(made[1], job_id="k")], moves) == []


@pytest.mark.parametrize("reason", ["invalidQuery", "accessDenied", "responseTooLarge", "stopped", "timeout"])
def test_what_cannot_help_is_not_tried_again(reason):
    made = attempts([1.5], reason, last=reason, id="c")
    assert rules(made) == ["not_retryable"]
    assert f"failed with 400 {reason}; it was tried again as #c, which cannot help: " in texts(made)


def test_the_same_statement_later_is_no_retry():
    one, two = call(ends="invalidQuery", request_id="a"), call(at=120, ends="invalidQuery", request_id="b")
    assert rules([one, two]) == []
    assert rules([one, replace(two, request_id="a")]) == ["not_retryable"]


def test_a_job_that_exists_is_read():
    made = attempts([1.5], "duplicate", last="duplicate", method=INSERT, job_id="j", request_id="")
    assert rules(made) == ["not_retryable"]
    assert "read it with bigquery.jobs.get" in texts(made)


def test_looking_whether_something_is_there_is_no_retry():
    assert rules(attempts([0.1, 0.1, 0.1], "notFound", method="bigquery.tables.get", request_id="")) == []
    assert rules(attempts([1.1, 2.3], "notFound", method=GET, request_id="", job_id="j")) == []


def test_quotas_take_long():
    assert rules(attempts([30.0], "quotaExceeded")) == ["long_wait"]
    assert "came after 30 s, where it takes 600 s or more" in texts(attempts([30.0], "quotaExceeded"))
    assert rules(attempts([700.0], "quotaExceeded")) == []


def test_a_new_token_is_tried_at_once():
    assert rules(attempts([0.01], "authError")) == []


def test_retry_info_is_obeyed():
    told = Outcome(status="RESOURCE_EXHAUSTED", retry_delay_s=5.0)
    assert rules(attempts([2.0], told, method=READ_ROWS)) == ["retry_info"]
    assert "the answer's RetryInfo asked for 5 s" in texts(attempts([2.0], told, method=READ_ROWS))
    assert rules(attempts([5.0, 5.0, 5.0, 5.0], told, method=READ_ROWS)) == []


def test_streams_connect_again_at_once():
    assert rules(attempts([0.0, 0.0, 0.0], "UNAVAILABLE", method=READ_ROWS)) == []
    assert "first_wait" in rules(attempts([0.0], "UNAVAILABLE", method=READ_ROWS), policy=SLA)


def test_giving_up_is_a_fault_where_retries_are_asked_for():
    must = replace(SLA, must_retry=True)
    assert rules([call(ends="backendError")]) == []
    assert rules([call(ends="backendError")], policy=must) == ["gave_up"]
    assert "with a new job id" in texts([call(ends="jobBackendError")], policy=must)
    assert rules([call(ends="invalidQuery")], policy=must) == []
    assert rules(attempts([1.5], last="backendError"), policy=must) == []


def test_verification_of_a_journal():
    kept = journal(*attempts([0.2], scope="bad"), *attempts(GOOD, scope="good", request_id="r9"))
    verify_backoff(kept, scope="good")
    verify_backoff(kept, GET)
    verify_backoff(kept, since=kept.position)
    with pytest.raises(
        BackoffError, match=r"1 fault in how calls were tried again:\n  .first_wait. "
    ) as caught:
        verify_backoff(kept)
    assert [finding.rule for finding in caught.value.findings] == ["first_wait"]
    assert caught.value.findings[0].method == QUERY
