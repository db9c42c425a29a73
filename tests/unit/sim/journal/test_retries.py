"""Which failures may be tried again."""

from __future__ import annotations

import pytest

from bqsim.errors import REASONS
from bqsim.sim.journal import Outcome
from bqsim.sim.journal.retries import METHOD_RETRIES, RETRIES, Retry, ambiguous, guidance

from .making import GET, INSERT, QUERY, READ_ROWS, RESULTS, call

WRITE = "google.cloud.bigquery.storage.v1.BigQueryWrite."
SAID = {
    Retry.AGAIN: "backendError badGateway internalError rateLimitExceeded tableUnavailable",
    Retry.NEW_JOB: "jobBackendError jobInternalError jobRateLimitExceeded",
    Retry.WAIT: "badRequest quotaExceeded",
    Retry.REFRESH: "authError",
    Retry.FREE: "duplicate",
}


def test_every_reason_has_guidance():
    assert set(RETRIES) == set(REASONS)
    assert all(pattern in REASONS or "*" in pattern for _, pattern, _ in METHOD_RETRIES)


@pytest.mark.parametrize("reason", REASONS)
def test_reasons(reason):
    expected = next((retry for retry, names in SAID.items() if reason in names.split()), Retry.NEVER)
    told = guidance(call(QUERY, ends=Outcome(reason, http=400)))
    assert told.retry is expected
    assert told.advice or told.retry in (Retry.AGAIN, Retry.FREE)


@pytest.mark.parametrize(
    ("method", "outcome", "retry"),
    [
        (GET, Outcome("notFound", http=404), Retry.AGAIN),
        (RESULTS, Outcome("notFound", http=404), Retry.AGAIN),
        (RESULTS, Outcome("jobBackendError", http=400), Retry.NEVER),
        (INSERT, Outcome("duplicate", http=409), Retry.NEVER),
        ("bigquery.tables.get", Outcome("notFound", http=404), Retry.FREE),
        ("bigquery.tabledata.insertAll", Outcome("notFound", http=404), Retry.AGAIN),
        ("bigquery.tables.patch", Outcome("notFound", http=404), Retry.NEVER),
        (QUERY, Outcome(http=502), Retry.AGAIN),
        (QUERY, Outcome(http=429), Retry.AGAIN),
        (QUERY, Outcome(http=404), Retry.NEVER),
        (QUERY, Outcome(network="reset"), Retry.AGAIN),
        (READ_ROWS, Outcome(status="UNAVAILABLE"), Retry.AGAIN),
        (READ_ROWS, Outcome(status="UNKNOWN"), Retry.AGAIN),
        (READ_ROWS, Outcome(status="INTERNAL"), Retry.NEVER),
        (READ_ROWS, Outcome(status="INTERNAL", message="Received RST_STREAM with code 2"), Retry.AGAIN),
        (READ_ROWS, Outcome(status="RESOURCE_EXHAUSTED"), Retry.NEVER),
        (READ_ROWS, Outcome(status="RESOURCE_EXHAUSTED", retry_delay_s=2.0), Retry.AGAIN),
        (READ_ROWS, Outcome(status="NOT_FOUND"), Retry.NEVER),
        (WRITE + "AppendRows", Outcome(status="ABORTED"), Retry.AGAIN),
        (WRITE + "AppendRows", Outcome(status="ALREADY_EXISTS"), Retry.NEVER),
        (WRITE + "AppendRows", Outcome(status="DEADLINE_EXCEEDED"), Retry.AGAIN),
        (WRITE + "AppendRows", Outcome(status="RESOURCE_EXHAUSTED"), Retry.AGAIN),
        (WRITE + "AppendRows", Outcome(status="RESOURCE_EXHAUSTED", retry_delay_s=2.0), Retry.AGAIN),
        (WRITE + "BatchCommitWriteStreams", Outcome(status="RESOURCE_EXHAUSTED"), Retry.AGAIN),
        (WRITE + "BatchCommitWriteStreams", Outcome(status="DEADLINE_EXCEEDED"), Retry.AGAIN),
        ("google.example.Other", Outcome(status="UNAVAILABLE"), Retry.AGAIN),
        ("google.example.Other", Outcome(status="DEADLINE_EXCEEDED"), Retry.NEVER),
    ],
)
def test_methods_transports_and_statuses(method, outcome, retry):
    assert guidance(call(method, ends=outcome)).retry is retry


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (Outcome("backendError", http=503), True),
        (Outcome("internalError", http=500), True),
        (Outcome(network="reset"), True),
        (Outcome(http=502), True),
        (Outcome(status="UNAVAILABLE"), True),
        (Outcome("rateLimitExceeded", http=403), False),
        (Outcome(http=429), False),
        (Outcome(status="INVALID_ARGUMENT"), False),
    ],
)
def test_ambiguous_failures(outcome, expected):
    assert ambiguous(call(ends=outcome)) is expected
