"""Calls of a BigQuery API, many at once, as clients make them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from bqsim.sim.clock import Clock

TIMEOUT_S = 300.0
# How long one call waits for a job.
POLL_MS = 10_000
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.05, 2.0
PASSING = frozenset({"backendError", "internalError", "rateLimitExceeded", "jobRateLimitExceeded"})
GOOGLE = "googleapis.com"


class Refusal(Exception):
    """A refused request: ``status`` is HTTP's (0: no answer), ``reason`` BigQuery's."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status, self.reason = status, reason


def is_real(url: str) -> bool:
    """Whether a URL is that of the real service."""
    host = (urlsplit(url).hostname or "").lower().rstrip(".")
    return host == GOOGLE or host.endswith("." + GOOGLE)


class Caller:
    """Calls to ``url``; ``token`` gives the bearer token of each. Requests that fail in passing are sent
    again, ``retries`` times at most; ``retried`` counts that."""

    def __init__(
        self,
        url: str,
        clock: Clock,
        *,
        token: Callable[[], str] | None = None,
        connections: int = 100,
        retries: int = 3,
    ) -> None:
        import aiohttp

        self.url = url.rstrip("/")
        self._clock, self._token, self._retries = clock, token, retries
        self._failure = aiohttp.ClientError
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=connections),
            timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
            auto_decompress=True,
        )
        self.retried = 0

    async def close(self) -> None:
        await self._http.close()

    async def call(
        self, verb: str, project: str, path: str, body: Any = None, **query: Any
    ) -> dict[str, Any]:
        """The JSON answer of a method below a project. Raises :class:`Refusal`."""
        asked = urlencode({name: value for name, value in query.items() if value not in (None, "")})
        target = f"{self.url}/bigquery/v2/projects/{quote(project)}/{path}" + (f"?{asked}" if asked else "")
        tries = 0
        while True:
            try:
                return await self._once(verb, target, body)
            except Refusal as refusal:
                passing = refusal.status in (0, 429, 500, 502, 503, 504) or refusal.reason in PASSING
                if not passing or tries >= self._retries:
                    raise
            tries += 1
            self.retried += 1
            await self._clock.sleep(_FIRST_WAIT_S * 2**tries)

    async def _once(self, verb: str, target: str, body: Any) -> dict[str, Any]:
        headers = {"content-type": "application/json", "user-agent": "bqsim-workload"}
        if self._token is not None:
            headers["authorization"] = f"Bearer {self._token()}"
        data = None if body is None else json.dumps(body).encode()
        try:
            async with self._http.request(verb, target, data=data, headers=headers) as answer:
                content = await answer.read()
                status = answer.status
        except (self._failure, TimeoutError, OSError) as error:
            raise Refusal(0, "noAnswer", f"{type(error).__name__}: {error}") from None
        try:
            found = json.loads(content) if content.strip() else {}
        except ValueError:
            found = None
        if status < 400 and isinstance(found, dict):
            return found
        raise _refusal(status, found)

    async def insert(
        self, project: str, job_id: str, configuration: Mapping[str, Any], location: str = ""
    ) -> dict[str, Any]:
        """jobs.insert; a job that is there already, since the answer was lost, counts as started."""
        reference = {"projectId": project, "jobId": job_id, **({"location": location} if location else {})}
        try:
            return await self.call(
                "POST", project, "jobs", {"jobReference": reference, "configuration": configuration}
            )
        except Refusal as refusal:
            if refusal.status != 409:
                raise
            return await self.call("GET", project, f"jobs/{quote(job_id)}", location=location)

    async def finished(self, job: Mapping[str, Any]) -> tuple[dict[str, Any], int | None]:
        """The job when it is done, and the rows of a query's result (None: it has none)."""
        reference = job["jobReference"]
        project, job_id = reference["projectId"], quote(reference["jobId"])
        location = reference.get("location") or ""
        rows: int | None = None
        if "query" in (job.get("configuration") or {}):
            answer: dict[str, Any] | None = {}
            while answer is not None and not answer.get("jobComplete"):
                answer = await self.query_results(reference)
            total = (answer or {}).get("totalRows")
            rows = int(total) if total is not None else None
        wait = _FIRST_WAIT_S
        while True:
            found = await self.call("GET", project, f"jobs/{job_id}", location=location)
            if found["status"]["state"] == "DONE":
                return found, rows
            await self._clock.sleep(wait)
            wait = min(wait * 1.5, _LONGEST_WAIT_S)

    async def query_results(
        self, reference: Mapping[str, Any], wait_ms: int = POLL_MS
    ) -> dict[str, Any] | None:
        """jobs.getQueryResults without rows: answered when the query is over, or after ``wait_ms``.

        None where it is refused, as that of a job that failed is, a 404 as well: ``jobs.get`` tells why.
        """
        try:
            return await self.call(
                "GET",
                reference["projectId"],
                f"queries/{quote(reference['jobId'])}",
                location=reference.get("location") or "",
                maxResults=0,
                timeoutMs=wait_ms,
            )
        except Refusal as refusal:
            if not refusal.status:
                raise
            return None

    async def cancel(self, job: Mapping[str, Any]) -> None:
        """Ask for the end of a job."""
        reference = job["jobReference"]
        path = f"jobs/{quote(reference['jobId'])}/cancel"
        await self.call("POST", reference["projectId"], path, location=reference.get("location") or "")


def _refusal(status: int, found: Any) -> Refusal:
    error = found.get("error") if isinstance(found, dict) else None
    if not isinstance(error, dict):
        return Refusal(status, f"http{status}", f"HTTP status {status}")
    errors = error.get("errors") or [{}]
    return Refusal(status, str(errors[0].get("reason") or f"http{status}"), str(error.get("message") or ""))


def google_token() -> Callable[[], str]:
    """Tokens of this environment's credentials, made anew before they expire.

    Raises ``ModuleNotFoundError`` without ``bqsim[client]`` and ``ApiError`` without credentials.
    """
    from importlib import import_module

    from bqsim.seeding import ApiError

    try:
        auth = import_module("google.auth")
        errors = import_module("google.auth.exceptions")
        transport = import_module("google.auth.transport.requests")
    except ImportError:
        text = "Google's credentials need the extra bqsim[client]: pip install 'bqsim[client]'"
        raise ModuleNotFoundError(text) from None
    try:
        credentials, _ = auth.default(scopes=["https://www.googleapis.com/auth/bigquery"])
        credentials.refresh(transport.Request())
    except errors.GoogleAuthError as error:
        hint = "run `gcloud auth application-default login`"
        raise ApiError(401, "authError", f"there are no credentials of Google ({error}): {hint}") from None

    def token() -> str:
        if not credentials.valid:
            credentials.refresh(transport.Request())
        return str(credentials.token)

    return token
