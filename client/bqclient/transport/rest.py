"""Calls of the REST API: one way out, where retries, tokens, deadlines and records are."""

from __future__ import annotations

import functools
import json
from collections.abc import AsyncIterator, Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from bqclient.errors import BigQueryError, ConnectionFailedError
from bqclient.resilience.policies import Rule
from bqclient.resilience.retry import Attempt, Call, Retrier
from bqclient.runtime import Deadline, Runtime

from .http import error_of_connection, open_transport
from .operations import OPERATIONS, Operation
from .replies import Reply, error_of

if TYPE_CHECKING:
    import httpx

    from bqclient.auth.tokens import Tokens
    from bqclient.config import ClientConfig
    from bqclient.observability import Observability

_ALWAYS = {"accept": "application/json", "accept-encoding": "gzip", "user-agent": "bqclient (gzip)"}
Body = bytes | Callable[[], AsyncIterator[bytes]]


class Rest:
    """The REST side of a client. ``transport`` replaces the connections, as tests do."""

    def __init__(
        self,
        config: ClientConfig,
        tokens: Tokens,
        retrier: Retrier,
        observability: Observability | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._config, self._tokens, self._retrier = config, tokens, retrier
        self._observability = observability
        self._transport = transport
        self._base = config.endpoints.rest.rstrip("/")

    @property
    def runtime(self) -> Runtime:
        """Time and randomness."""
        return self._retrier.runtime

    async def call(
        self,
        operation: str,
        path: Mapping[str, str] | None = None,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        deadline: Deadline | None = None,
        idempotent: bool | None = None,
        rule: Callable[[BigQueryError], Rule | None] | None = None,
        request_id: str | None = None,
    ) -> Reply:
        """Send a call of :data:`OPERATIONS` and decode its answer.

        ``query``: ``None`` values are left out. ``body``: what becomes JSON,
        or its bytes. ``deadline``: the client's
        timeout from now, unless given. Raises the error that the last answer stands for.
        """
        made = OPERATIONS[operation]
        url = self.url(made, path or {}, query)
        content = body if body is None or isinstance(body, bytes) else _encoded(body)
        sent = {"content-type": "application/json", **(headers or {})} if content is not None else headers
        call = Call(
            operation,
            self._base,
            deadline or Deadline.after(self.runtime, self._config.timeout),
            made.idempotent if idempotent is None else idempotent,
            rule,
        )

        async def attempt(this: Attempt) -> Reply:
            return await self._send(call, made.method, url, sent or {}, content, this, request_id)

        if self._observability is None:
            return await self._retrier.run(call, attempt)
        with self._observability.call(operation, self._config.project, request_id):
            return await self._retrier.run(call, attempt)

    async def send(
        self,
        operation: str,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: Body | None = None,
        deadline: Deadline | None = None,
        idempotent: bool = False,
        accept: frozenset[int] = frozenset(),
        request_id: str | None = None,
    ) -> Reply:
        """Send bytes to a URL, as uploads do. ``accept``: codes above 299 that are answers, not errors."""
        call = Call(
            operation,
            self._base,
            deadline or Deadline.after(self.runtime, self._config.timeout),
            idempotent,
        )

        async def attempt(this: Attempt) -> Reply:
            return await self._send(call, method, url, headers or {}, content, this, request_id, accept)

        return await self._retrier.run(call, attempt)

    def url(
        self, operation: Operation, path: Mapping[str, str], query: Mapping[str, Any] | None = None
    ) -> str:
        """The address of a call."""
        filled = operation.path.format_map({name: quote(value, safe="") for name, value in path.items()})
        if not query:
            return f"{self._base}{filled}?prettyPrint=false"
        given = {name: _text(value) for name, value in query.items() if value is not None}
        return f"{self._base}{filled}?{urlencode({'prettyPrint': 'false', **given}, doseq=True)}"

    async def close(self) -> None:
        """Close the connections."""
        if self._transport is not None:
            await self._transport.aclose()
            self._transport = None

    async def _send(
        self,
        call: Call,
        method: str,
        url: str,
        headers: Mapping[str, str],
        content: Body | None,
        this: Attempt,
        request_id: str | None,
        accept: frozenset[int] = frozenset(),
    ) -> Reply:
        reply = await self._exchange(call, method, url, headers, content)
        if reply[0] == 401 and await self._tokens.renew():
            # An expired token is renewed once, at once; a second refusal is an answer.
            reply = await self._exchange(call, method, url, headers, content)
        code, found, data = reply
        if code >= 300 and code not in accept:
            raise error_of(call.operation, code, found, data, self.runtime.now(), request_id)
        return Reply(code, found, _decoded(call.operation, data), this.unsure)

    async def _exchange(
        self, call: Call, method: str, url: str, headers: Mapping[str, str], content: Body | None
    ) -> tuple[int, Mapping[str, str], bytes]:
        import httpx

        if self._transport is None:
            self._transport = open_transport(self._config)
        token = await self._tokens.headers(call.deadline)
        left = call.deadline.remaining()
        timeouts = {"connect": left, "read": left, "write": left, "pool": left}
        request = httpx.Request(
            method,
            _parsed(url),
            headers={**_ALWAYS, **token, **headers},
            content=content() if callable(content) else content,
            extensions={"timeout": timeouts},
        )
        try:
            response = await self._transport.handle_async_request(request)
            try:
                data = await response.aread()
            finally:
                await response.aclose()
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise error_of_connection(call.operation, error) from error
        return response.status_code, response.headers, data


@functools.lru_cache(256)
def _parsed(url: str) -> httpx.URL:
    """A URL as httpx has it: to take one apart costs as much as the rest of a request."""
    import httpx

    return httpx.URL(url)


def _encoded(body: Any) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode()


def _text(value: Any) -> str | list[str]:
    """A parameter's text, or those of one that is given several times."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return [str(one) for one in value]
    return str(value)


def _decoded(operation: str, data: bytes) -> dict[str, Any]:
    """The body as JSON. An answer that was cut or garbled on the way is a failure of the way."""
    if not data:
        return {}
    try:
        found = json.loads(data)
    except ValueError as error:
        raise ConnectionFailedError(
            f"{operation} was answered with {len(data)} bytes that are no JSON.", ambiguous=True
        ) from error
    return found if isinstance(found, dict) else {"value": found}
