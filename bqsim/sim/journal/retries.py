"""Which failures may be tried again, and how: the service's guidance as a table."""

from __future__ import annotations

import enum
import fnmatch
from collections.abc import Mapping
from dataclasses import dataclass

from bqsim.errors import REASONS

from .events import CallEvent, Outcome


class Retry(enum.Enum):
    """What a client may do after a failure."""

    AGAIN = "again"  # the same request, with back-off
    NEW_JOB = "new job"  # the same work as a new job, with back-off
    REFRESH = "refresh"  # the same request with new credentials, at once
    WAIT = "wait"  # the same request after a long wait
    NEVER = "never"
    FREE = "free"  # asking again is no retry: a program that looks whether something is there now


@dataclass(frozen=True, slots=True)
class Guidance:
    """``min_wait_s`` is what :attr:`Retry.WAIT` asks for; ``advice`` what to do rather than to try again."""

    retry: Retry
    min_wait_s: float = 0.0
    advice: str = ""


AGAIN = Guidance(Retry.AGAIN)
NEVER = Guidance(Retry.NEVER, advice="report it to the caller")
FREE = Guidance(Retry.FREE)
NEW_JOB = Guidance(
    Retry.NEW_JOB,
    advice="the job was created and has failed: start a new job with a new job id and request id",
)

_READ_THE_JOB = "the job exists: read it with bigquery.jobs.get and do not insert it again"
_READ_AGAIN = "read the resource again, apply the change to what it is now, and send the new etag"

# Reasons that are not in here are the user's to mend: NEVER.
_REASONS: Mapping[str, Guidance] = {
    "authError": Guidance(Retry.REFRESH, advice="get a new access token first"),
    "backendError": AGAIN,
    "badGateway": AGAIN,
    "badRequest": Guidance(
        Retry.WAIT, 60.0, "rows in the streaming buffer take minutes, up to 90, to be flushed"
    ),
    "conditionNotMet": Guidance(Retry.NEVER, advice=_READ_AGAIN),
    "duplicate": FREE,
    "internalError": AGAIN,
    "jobBackendError": NEW_JOB,
    "jobInternalError": NEW_JOB,
    "jobRateLimitExceeded": NEW_JOB,
    "quotaExceeded": Guidance(Retry.WAIT, 600.0, "quotas refill over the day: wait at least ten minutes"),
    "rateLimitExceeded": AGAIN,
    "stopped": Guidance(Retry.NEVER, advice="somebody cancelled the job"),
    "tableUnavailable": AGAIN,
}
RETRIES: Mapping[str, Guidance] = {name: _REASONS.get(name, NEVER) for name in REASONS}

# What one method does with a reason otherwise than the rest: metadata of new jobs and tables may be late,
# and a job that has failed stays so however often its results are asked for.
_FAILED = Guidance(
    Retry.NEVER, advice="the job has failed: start a new job rather than ask for its results again"
)
METHOD_RETRIES: tuple[tuple[str, str, Guidance], ...] = (
    ("bigquery.jobs.get", "notFound", AGAIN),
    ("bigquery.jobs.getQueryResults", "notFound", AGAIN),
    ("bigquery.tabledata.insertAll", "notFound", AGAIN),
    ("bigquery.jobs.getQueryResults", "job*", _FAILED),
    ("bigquery.jobs.insert", "duplicate", Guidance(Retry.NEVER, advice=_READ_THE_JOB)),
    ("bigquery.*.get", "notFound", FREE),
)

# Answers without a reason: of proxies and front ends.
RETRIED_HTTP = frozenset({408, 429, 500, 502, 503, 504})

_CONTROL = frozenset({"UNAVAILABLE", "DEADLINE_EXCEEDED"})
_STREAM_CONTROL = _CONTROL | {"RESOURCE_EXHAUSTED"}
# gRPC statuses by the last part of the method id; other methods: UNAVAILABLE alone.
RETRIED_STATUSES: Mapping[str, frozenset[str]] = {
    "CreateReadSession": _CONTROL,
    "SplitReadStream": _CONTROL,
    "ReadRows": frozenset({"UNAVAILABLE", "UNKNOWN"}),
    # RESOURCE_EXHAUSTED is its throughput quota, or its connections: both are free again after a while.
    "AppendRows": _STREAM_CONTROL | {"ABORTED", "CANCELLED", "INTERNAL"},
    "CreateWriteStream": _STREAM_CONTROL,
    "GetWriteStream": _STREAM_CONTROL,
    "FinalizeWriteStream": _STREAM_CONTROL,
    "BatchCommitWriteStreams": _STREAM_CONTROL,
    "FlushRows": _STREAM_CONTROL,
}
_UNAVAILABLE = frozenset({"UNAVAILABLE"})
_STREAM_ENDED = Guidance(
    Retry.NEVER, advice="only INTERNAL that tells of RST_STREAM is an interrupted stream"
)
_NO_RETRY_INFO = Guidance(Retry.NEVER, advice="only RESOURCE_EXHAUSTED with a RetryInfo may be tried again")


def guidance(event: CallEvent) -> Guidance:
    """What a client may do after a call that failed."""
    outcome = event.outcome
    if outcome.network:
        return AGAIN
    if event.transport == "grpc" and outcome.status:
        return _of_status(event.method.rpartition(".")[2], outcome)
    if outcome.reason:
        for method, reason, found in METHOD_RETRIES:
            if fnmatch.fnmatchcase(event.method, method) and fnmatch.fnmatchcase(outcome.reason, reason):
                return found
        return RETRIES.get(outcome.reason, NEVER)
    return AGAIN if outcome.http in RETRIED_HTTP else NEVER


def _of_status(name: str, outcome: Outcome) -> Guidance:
    if outcome.status in RETRIED_STATUSES.get(name, _UNAVAILABLE):
        return AGAIN
    if name == "ReadRows" and outcome.status == "INTERNAL":
        return AGAIN if "RST_STREAM" in outcome.message else _STREAM_ENDED
    if name == "ReadRows" and outcome.status == "RESOURCE_EXHAUSTED":
        return AGAIN if outcome.retry_delay_s is not None else _NO_RETRY_INFO
    return NEVER


def ambiguous(event: CallEvent) -> bool:
    """Whether a failed write may have been done all the same: nobody refused it, no answer came."""
    outcome = event.outcome
    if outcome.network or outcome.reason in ("backendError", "badGateway", "internalError"):
        return True
    return not outcome.reason and (
        outcome.http >= 500 or outcome.status in ("UNAVAILABLE", "UNKNOWN", "INTERNAL", "DEADLINE_EXCEEDED")
    )
