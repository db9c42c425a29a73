"""Failures of jobs: which error they are, and whether the same work may be begun again as another job."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bqclient import errors as e
from bqclient.models.job import Job
from bqclient.resilience.policies import rule_of
from bqclient.resilience.retry import Call
from bqclient.runtime import Deadline
from bqclient.transport.replies import make_error

if TYPE_CHECKING:
    from bqclient.client import Core

# A job that failed so may succeed as another one: by the policy of that name.
RESTARTS: Mapping[str, str] = {
    "jobBackendError": "new_job",
    "jobInternalError": "new_job",
    "jobRateLimitExceeded": "new_job",
    "backendError": "new_job",
    "internalError": "new_job",
    "rateLimitExceeded": "rate",
}
# Verdicts of jobs that are other errors than the same reasons of calls.
_OF_JOBS: Mapping[str, type[e.JobError]] = {
    "jobBackendError": e.JobBackendError,
    "jobInternalError": e.JobBackendError,
    "jobRateLimitExceeded": e.JobBackendError,
    "backendError": e.JobBackendError,
    "internalError": e.JobBackendError,
    "stopped": e.JobCancelledError,
    "timeout": e.JobFailedError,
}


def error_of_job(job: Job) -> e.BigQueryError | None:
    """The error that a job failed with; ``None`` for one that did not."""
    if job.error is None:
        return None
    known: dict[str, Any] = {
        "reason": job.error.reason,
        "location": job.error.location,
        "details": [info.to_api() for info in job.errors or (job.error,)],
    }
    if kind := _OF_JOBS.get(job.error.reason):
        return kind(job.error.message, job=job.reference, **known)
    made = make_error("jobs.get", job.error.message, **known)
    if type(made) is e.BigQueryError:
        return e.JobFailedError(job.error.message, job=job.reference, **known)
    made.job = job.reference
    # The verdict on a job is certain, whatever the reason means for a call.
    made.ambiguous = False
    return made


# Comments before the first word; those behind it cannot be told from texts in quotes as easily.
_BEFORE = re.compile(r"(?:\s+|--[^\n]*(?:\n|\Z)|#[^\n]*(?:\n|\Z)|/\*.*?\*/|\()*", re.DOTALL)
_SCRIPTING = re.compile(r"(?:BEGIN|CALL|CASE|DECLARE|EXECUTE|FOR|IF|LOOP|REPEAT|SET|WHILE)\b", re.IGNORECASE)
_READING = re.compile(r"(?:SELECT|WITH|FROM)\b", re.IGNORECASE)


def may_be_script(sql: str) -> bool:
    """Whether a text may be several statements, of which some may have been carried out before it failed.

    In doubt it may be.
    """
    return ";" in sql.rstrip("; \t\r\n") or _first(_SCRIPTING, sql)


def only_reads(sql: str) -> bool:
    """Whether a text is a query that changes nothing, so that it may run twice."""
    return _first(_READING, sql) and not may_be_script(sql)


def _first(words: re.Pattern[str], sql: str) -> bool:
    before = _BEFORE.match(sql)
    return before is not None and words.match(sql, before.end()) is not None


def may_restart(configuration: Mapping[str, Any]) -> bool:
    """Whether a job that failed changed nothing, so that another one may do its work."""
    query = configuration.get("query")
    return query is None or not may_be_script(str(query.get("query") or ""))


class Again:
    """Waits before work is begun again, counted by policy, under one deadline."""

    def __init__(self, core: Core, operation: str, deadline: Deadline) -> None:
        self._core, self._deadline = core, deadline
        self._call = Call(operation, core.config.endpoints.rest, deadline)
        self._used: dict[str, int] = {}
        self.number = 1

    async def after(self, error: e.BigQueryError, policy: str | None = None) -> bool:
        """Wait for another attempt after an error; False, at once, where there is none.

        ``policy``: the name of one, else that of the error's reason.
        """
        name = policy or rule_of(self._call.operation, error).policy
        settings = self._core.config.resilience
        found, used = settings.policy(name), self._used.get(name, 0)
        if used >= found.retries:
            return False
        wait = error.retry_after
        if wait is None:
            wait = found.wait(used, self._core.runtime.fraction())
        if not self._deadline.allows(wait):
            return False
        self._used[name] = used + 1
        if self._core.observability is not None:
            self._core.observability.retrying(self._call, error, wait, self.number)
        self.number += 1
        await self._core.runtime.sleep(wait)
        return True
