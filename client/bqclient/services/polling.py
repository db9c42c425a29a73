"""Waiting for jobs: by asking how they are, or, of queries, by asking for their result."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any

from bqclient.errors import (
    BigQueryError,
    JobTimeoutError,
    NotFoundError,
    ServiceUnavailableError,
    TransportError,
)
from bqclient.models.job import Job
from bqclient.models.references import JobReference
from bqclient.resilience.policies import Rule
from bqclient.runtime import Deadline

from .job_errors import RESTARTS, Again, error_of_job

if TYPE_CHECKING:
    from bqclient.client import Core

# Polls: the first wait, how it grows, and the longest.
FIRST_S, GROWTH, LONGEST_S = 1.0, 1.5, 30.0
# How long the service is asked to hold an answer until a query is done.
HELD_S = 20.0
# Polls that may fail one after another, each with its retries, before a wait gives up.
PATIENCE = 3

# Metadata of what was made just now may be late.
LATE = Rule(NotFoundError, "late", refused=True)
_ASK_JOB = Rule(ServiceUnavailableError, "never", ambiguous=True)


def tolerant(error: BigQueryError) -> Rule | None:
    """A rule for reading what was made just now."""
    return LATE if isinstance(error, NotFoundError) else None


def _ask_job(error: BigQueryError) -> Rule | None:
    """getQueryResults answers a failed job's reason as its own: the job tells which it is."""
    return _ASK_JOB if error.reason in RESTARTS or isinstance(error, NotFoundError) else None


def path_of(ref: JobReference) -> dict[str, str]:
    """What addresses a job."""
    return {"projectId": ref.project, "jobId": ref.job}


async def get(core: Core, ref: JobReference, deadline: Deadline | None = None, *, late: bool = False) -> Job:
    """Read a job; ``late``: it was made just now."""
    reply = await core.rest.call(
        "jobs.get",
        path_of(ref),
        query={"location": ref.location},
        deadline=deadline,
        rule=tolerant if late else None,
    )
    return Job.from_api(reply.data)


async def watch(
    core: Core, ref: JobReference, deadline: Deadline, first: Job | None = None
) -> AsyncIterator[Job]:
    """A job again and again, until it is done. Raises JobTimeoutError when the deadline comes first."""
    wait, failed = FIRST_S, 0
    job = first
    while True:
        try:
            job = job or await get(core, ref, deadline.sooner(core.config.timeout), late=True)
        except TransportError as error:
            failed += 1
            if deadline.remaining() == 0:
                raise timed_out(ref) from error
            if failed > PATIENCE or not deadline.allows(wait):
                raise
        else:
            failed = 0
            yield job
            if job.done:
                return
        job = None
        if not deadline.allows(wait):
            raise timed_out(ref)
        await core.runtime.sleep(wait)
        wait = min(wait * GROWTH, LONGEST_S)


async def results(
    core: Core, ref: JobReference, deadline: Deadline, query: Mapping[str, Any]
) -> dict[str, Any]:
    """The answer of getQueryResults once the query is done. Raises the job's error, or JobTimeoutError.

    ``query``: how the result is wanted (``maxResults``, ``formatOptions.…``).
    """
    again = Again(core, "jobs.getQueryResults", deadline)
    path, timeout = path_of(ref), core.config.timeout
    pause = FIRST_S
    while True:
        held = min(HELD_S, timeout / 2, _most(deadline))
        asked = {**query, "location": ref.location, "timeoutMs": int(held * 1000)}
        began = core.runtime.monotonic()
        try:
            reply = await core.rest.call(
                "jobs.getQueryResults", path, query=asked, deadline=deadline.sooner(timeout), rule=_ask_job
            )
        except BigQueryError as error:
            await _judge(core, ref, deadline, error, again)
            continue
        if reply.data.get("jobComplete"):
            return reply.data
        if deadline.remaining() == 0:
            raise timed_out(ref)
        # Some answer before the time that they were asked to hold: they are not asked without a pause.
        early = pause - (core.runtime.monotonic() - began)
        if early > 0:
            if not deadline.allows(early):
                raise timed_out(ref)
            await core.runtime.sleep(early)
            pause = min(pause * GROWTH, LONGEST_S)


def _most(deadline: Deadline) -> float:
    """Seconds that an answer may be held, a little less than are left."""
    left = deadline.remaining()
    return HELD_S if left is None else max(0.0, left - min(0.25, left / 5))


async def _judge(
    core: Core, ref: JobReference, deadline: Deadline, error: BigQueryError, again: Again
) -> None:
    """Return when the result is to be asked for again; else raise the error, or the job's."""
    late = isinstance(error, NotFoundError)
    if error.reason not in RESTARTS and not late:
        if deadline.remaining() == 0:
            raise timed_out(ref) from error
        error.job = ref
        raise error
    failure = error_of_job(await get(core, ref, deadline.sooner(core.config.timeout), late=True))
    if failure is not None:
        raise failure from error
    if not await again.after(error, "late" if late else None):
        error.job = ref
        raise error


def timed_out(ref: JobReference) -> JobTimeoutError:
    """The error for a job that goes on after its time."""
    return JobTimeoutError(f"Job {ref} was not done in time; it goes on.", job=ref)
