"""The service by plain REST: few requests a job, many jobs at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any
from urllib.parse import quote

from bqsim.sim.clock import Clock
from bqsim.workload.caller import Caller

from .calls import Call
from .driver import Ended

# How long one request waits for the end of a job.
_POLL_MS = 60_000
# Beyond so many requests that wait, each on a connection, jobs are asked about from time to time.
LONG_POLLS = 12_000
_ASKED_AGAIN = 5
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.05, 2.0

_principal: ContextVar[str] = ContextVar("principal", default="")


def _named() -> str:
    """A token by which bqsim knows the principal of a job."""
    principal = _principal.get()
    if not principal:
        return "user"
    return principal if ":" in principal else f"user:{principal}"


def connections() -> int:
    """How many connections may wait: most of what this process may have open."""
    try:
        import resource
    except ImportError:
        return LONG_POLLS // 10
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return LONG_POLLS if limit < 0 else max(min(LONG_POLLS, limit * 2 // 3), 1)


def ended_of(job: Mapping[str, Any]) -> Ended:
    """What a job's resource tells of its end."""
    status, statistics = job.get("status") or {}, job.get("statistics") or {}
    error = status.get("errorResult") or {}
    created, started, ended = (
        int(statistics.get(name) or 0) for name in ("creationTime", "startTime", "endTime")
    )
    query = statistics.get("query") or {}
    reason = str(error.get("reason") or ("failed" if error else ""))
    return Ended(
        reason,
        str(error.get("message") or ""),
        (started - created) / 1000 if created and started else None,
        (ended - started) / 1000 if started and ended else None,
        float(statistics.get("totalSlotMs") or query.get("totalSlotMs") or 0),
        float(query.get("totalBytesBilled") or 0),
    )


class RestEndpoint:
    """Jobs by ``jobs.insert``, their ends by ``jobs.getQueryResults``, which waits, and ``jobs.get``.

    A job is sent once. ``token`` gives bearer tokens; without, bqsim is told each job's principal.
    """

    def __init__(
        self, url: str, clock: Clock, token: Callable[[], str] | None = None, long_polls: int | None = None
    ) -> None:
        named = token or _named
        self._caller = Caller(url, clock, token=named, connections=0, retries=0)
        # Questions about a job are asked again when they fail in passing: the job runs on.
        self._asking = Caller(url, clock, token=named, connections=0, retries=_ASKED_AGAIN)
        self._clock = clock
        self._most = connections() if long_polls is None else long_polls
        self._polls = 0
        self.requests = 0

    async def close(self) -> None:
        await self._caller.close()
        await self._asking.close()

    async def submit(self, call: Call, job_id: str) -> dict[str, Any]:
        """The job as it was accepted."""
        _principal.set(call.principal)
        self.requests += 1
        return await self._caller.insert(call.project, job_id, call.configuration, call.location)

    async def ended(self, submitted: dict[str, Any]) -> Ended:
        job = submitted
        reference = job["jobReference"]
        project, job_id = reference["projectId"], quote(reference["jobId"])
        location = reference.get("location") or ""
        wait = _FIRST_WAIT_S
        while (job.get("status") or {}).get("state") != "DONE":
            if "query" in (job.get("configuration") or {}) and self._polls < self._most:
                if not await self._over(reference):
                    continue
            else:
                await self._clock.sleep(wait)
                wait = min(wait * 1.5, _LONGEST_WAIT_S)
            self.requests += 1
            job = await self._asking.call("GET", project, f"jobs/{job_id}", location=location)
        return ended_of(job)

    async def _over(self, reference: Mapping[str, Any]) -> bool:
        """Wait for a query; whether it is over."""
        self._polls += 1
        self.requests += 1
        try:
            answer = await self._asking.query_results(reference, _POLL_MS)
        finally:
            self._polls -= 1
        return answer is None or bool(answer.get("jobComplete"))

    async def cancel(self, submitted: dict[str, Any]) -> None:
        self.requests += 1
        await self._caller.cancel(submitted)

    async def cancel_named(self, call: Call, job_id: str) -> None:
        _principal.set(call.principal)
        reference = {"projectId": call.project, "jobId": job_id, "location": call.location}
        await self.cancel({"jobReference": reference})
