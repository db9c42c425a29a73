"""The service through Google's own Python client, on threads, with the retries that it makes by itself."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any, TypeVar

from bqsim.rehearse.errors import RehearsalError
from bqsim.workload.caller import Refusal

from .calls import Call
from .driver import NO_ANSWER, Ended
from .threads import DaemonThreads

T = TypeVar("T")

# Threads that start jobs, that wait for their ends, and that cancel them.
THREADS, WAITERS, _CANCELLERS = 64, 512, 16


class GoogleEndpoint:
    """Jobs by ``bigquery.Client``: ``query`` and ``result``.

    There is a client for each project and principal. Starting and waiting have threads of their own, so that
    jobs that run keep none from being sent; more jobs than ``waiters`` wait for a thread, and their totals
    show it. ``credentials`` None: those of nobody, which bqsim takes.
    """

    def __init__(
        self, url: str, *, threads: int = THREADS, waiters: int = WAITERS, credentials: Any = None
    ) -> None:
        try:
            import google.cloud.bigquery  # noqa: F401
            from google.auth.credentials import AnonymousCredentials
            from google.auth.transport.requests import AuthorizedSession
        except ImportError:
            text = "Google's client needs the extra bqsim[client]: pip install 'bqsim[client]'"
            raise RehearsalError(text) from None
        self._url, self._named = url, credentials is None
        self._credentials = credentials or AnonymousCredentials()
        self._starting = DaemonThreads(threads, "bqsim-live-start")
        self._waiting = DaemonThreads(waiters, "bqsim-live-wait")
        # Of their own: a stop waits for none of the others.
        self._cancelling = DaemonThreads(_CANCELLERS, "bqsim-live-cancel")
        self._adapter = _adapter(threads + waiters + _CANCELLERS)
        self._session: Callable[[], Any] = lambda: AuthorizedSession(self._credentials)
        self._clients: dict[tuple[str, str], Any] = {}
        self._lock = threading.Lock()
        self._requests = 0

    @property
    def requests(self) -> int:
        """How many requests were sent, also by the client's own retries."""
        return self._requests

    def _count(self, _answer: Any, *_rest: Any, **_named: Any) -> None:
        with self._lock:
            self._requests += 1

    def _client(self, project: str, principal: str) -> Any:
        from google.api_core.client_options import ClientOptions
        from google.cloud import bigquery

        with self._lock:
            found = self._clients.get((project, principal))
            if found is not None:
                return found
        session = self._session()
        session.mount("http://", self._adapter)
        session.mount("https://", self._adapter)
        session.hooks["response"].append(self._count)
        if principal and self._named:
            named = principal if ":" in principal else f"user:{principal}"
            session.headers["authorization"] = f"Bearer {named}"
        made = bigquery.Client(
            project=project,
            credentials=self._credentials,
            client_options=ClientOptions(api_endpoint=self._url),
            _http=session,
        )
        with self._lock:
            return self._clients.setdefault((project, principal), made)

    async def _on(self, threads: Executor, act: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(threads, lambda: _refusals(act))

    async def submit(self, call: Call, job_id: str) -> Any:
        """The client's job, once the service has accepted it."""

        def start() -> Any:
            from google.cloud.bigquery import QueryJobConfig

            client = self._client(call.project, call.principal)
            if "query" not in call.configuration:
                return client.create_job(dict(call.configuration))
            sql = call.configuration["query"]["query"]
            config = QueryJobConfig.from_api_repr(dict(call.configuration))
            # Jobs that fail are sent again as the plan says; requests as the client does.
            return client.query(sql, config, job_id=job_id, location=call.location or None, job_retry=None)

        return await self._on(self._starting, start)

    async def ended(self, submitted: Any) -> Ended:
        def wait() -> Ended:
            if submitted.state != "DONE":
                try:
                    if submitted.job_type == "query":
                        submitted.result(max_results=0)
                    else:
                        submitted.result()
                except Exception:
                    # A job that failed tells so itself.
                    if not submitted.error_result:
                        raise
            if submitted.ended is None:
                submitted.reload()
            return _ended(submitted)

        return await self._on(self._waiting, wait)

    async def cancel(self, submitted: Any) -> None:
        await self._on(self._cancelling, lambda: submitted.cancel(retry=None))

    async def cancel_named(self, call: Call, job_id: str) -> None:
        def cancel() -> None:
            client = self._client(call.project, call.principal)
            client.cancel_job(job_id, location=call.location or None, retry=None)

        await self._on(self._cancelling, cancel)

    async def close(self) -> None:
        """Close the clients. Threads that still wait are left; they end with the request they wait for."""
        for threads in (self._starting, self._waiting, self._cancelling):
            threads.shutdown()
        for client in self._clients.values():
            client.close()


def _adapter(connections: int) -> Any:
    """Connections that take no request when they are closed: the client's retries would open them again."""
    from requests.adapters import HTTPAdapter

    class Closing(HTTPAdapter):
        closed = False

        def send(self, *args: Any, **kwargs: Any) -> Any:
            if self.closed:
                raise RuntimeError("the endpoint is closed")
            return super().send(*args, **kwargs)

        def close(self) -> None:
            self.closed = True
            super().close()

    return Closing(pool_connections=4, pool_maxsize=connections)


def _ended(job: Any) -> Ended:
    error = job.error_result or {}
    created, started, ended = job.created, job.started, job.ended
    return Ended(
        str(error.get("reason") or ("failed" if error else "")),
        str(error.get("message") or ""),
        (started - created).total_seconds() if created and started else None,
        (ended - started).total_seconds() if started and ended else None,
        float(getattr(job, "slot_millis", None) or 0),
        float(getattr(job, "total_bytes_billed", None) or 0),
    )


def _refusals(act: Callable[[], T]) -> T:
    """What the client raises, as a refusal."""
    from google.api_core.exceptions import GoogleAPICallError, RetryError
    from google.auth.exceptions import GoogleAuthError
    from requests.exceptions import RequestException

    try:
        return act()
    except RetryError as error:
        cause = error.cause
        if isinstance(cause, GoogleAPICallError):
            raise _refusal(cause) from None
        raise Refusal(0, NO_ANSWER, str(error)) from None
    except GoogleAPICallError as error:
        raise _refusal(error) from None
    except (RequestException, GoogleAuthError, OSError, TimeoutError) as error:
        raise Refusal(0, NO_ANSWER, f"{type(error).__name__}: {error}") from None


def _refusal(error: Any) -> Refusal:
    told = error.errors[0].get("reason") if error.errors and isinstance(error.errors[0], dict) else None
    code = int(error.code or 0)
    return Refusal(code, str(told or f"http{code}"), str(error.message))


def environment_credentials() -> Any:
    """Google's credentials of this environment. Raises :class:`RehearsalError` without any."""
    from google import auth
    from google.auth.exceptions import GoogleAuthError

    try:
        found, _ = auth.default(scopes=["https://www.googleapis.com/auth/bigquery"])
    except GoogleAuthError as error:
        hint = "run `gcloud auth application-default login`"
        raise RehearsalError(f"there are no credentials of Google ({error}): {hint}") from None
    return found
