"""What answers HTTP requests of the REST API has in common, whoever knows the answers."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from typing import ClassVar

from bqsim.errors import BigQueryError
from bqsim.server.http import BadRequest, BodyTooLarge, Disconnected, Response
from bqsim.server.http import Request as HttpRequest
from bqsim.sim.control.answers import EXPLAIN_HEADER
from bqsim.sim.effects.failures import NetworkFault
from bqsim.sim.effects.texts import request_text
from bqsim.sim.gate import Call, Gate

from .methods import Match, NoMethod, match
from .reply import Reply, error_reply, plain_error, respond, wants_gzip
from .request import MAX_BODY_BYTES

PREFIX = "/bigquery/v2/"
# What the paths of the API begin with, with that prefix or without.
ROOTS = ("bigquery", "projects")
# Larger answers are compressed in a thread.
COMPRESS_INLINE_BYTES = 64 * 1024

# A further service of the server: raw path, query, HTTP request -> answer.
Service = Callable[[str, dict[str, str], HttpRequest], Awaitable[Response]]


class Answering(ABC):
    """Routes calls, passes them through a gate, and encodes replies and failures."""

    # The services by the first segment of their paths: module and class, imported at first use, and made with
    # this object.
    services: ClassVar[Mapping[str, tuple[str, str]]] = {}
    # Those who are shown every reply with the id of the method that gave it.
    watchers: ClassVar[Sequence[Callable[[str, Reply], None]]] = ()
    # Exceptions that are no failures of calls.
    passing: ClassVar[tuple[type[Exception], ...]] = (BadRequest, Disconnected)

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._services: dict[str, Service] = {}

    def service(self, first: str) -> Service:
        """The service for paths that begin with ``first``; segments may share one."""
        if first not in self._services:
            module, name = self.services[first]
            made: Service = getattr(import_module(module), name)(self).handle
            self._services |= {f: made for f, place in self.services.items() if place == (module, name)}
        return self._services[first]

    def method_of(self, http: HttpRequest, path: str) -> Match:
        """The method that a request calls, below ``/bigquery/v2`` or without that prefix."""
        raw = path[len(PREFIX) :] if path.startswith(PREFIX) else path[1:]
        verb = http.head.method
        if verb == "POST":
            verb = http.head.headers.get("x-http-method-override", verb).upper()
        return self.route(verb, raw)

    def route(self, verb: str, raw: str) -> Match:
        """The method for a path; 404 or 405 in the service's envelope."""
        try:
            return match(verb, raw)
        except NoMethod as e:
            if e.verbs:
                raise plain_error(405, f"Method {verb[:20]} is not allowed for this path.") from None
            raise BigQueryError("notFound", "Not Found") from None

    async def passed(
        self,
        call: Call,
        service: Callable[[], Awaitable[Reply]],
        http: HttpRequest,
        failure: Callable[[Exception, HttpRequest], Reply] | None = None,
    ) -> Reply:
        """The reply of ``service`` behind the gate, or its failure's, with the fault on its way.

        ``failure`` words failures for another API than BigQuery's. The reply names the call, so that the
        journal can tell what shaped it.
        """
        try:
            reply = await self._gate.passes(call, service)
        except NetworkFault as fault:
            # What arrives of an answer must not tell of success.
            reply = error_reply(BigQueryError("backendError", request_text("backendError")))
            reply.fault = fault.effect
        except self.passing:
            raise
        except Exception as error:
            reply = (failure or self.failure)(error, http)
        for watch in self.watchers:
            watch(call.method, reply)
        reply.headers = {**reply.headers, EXPLAIN_HEADER: call.explain}
        # Of this answer alone: an upload keeps its reply for those who ask again.
        return reply if call.sending is None else replace(reply, fault=call.sending)

    def unchanged(self, reply: Reply, http: HttpRequest) -> Response | None:
        """304 for who has the resource already."""
        if not reply.etag or http.head.method != "GET" or not _is_known(http.head.headers, reply.etag):
            return None
        known = Reply(None, 304, reply.etag, reply.headers, reply.fault)
        return respond(known, pretty=False, gzip=False, fields=None)

    async def answer(self, reply: Reply, query: dict[str, str], http: HttpRequest) -> Response:
        """Encode a reply as the request's parameters ask."""
        pretty, gzip, fields = asked_for(query, http)
        try:
            if gzip and _is_large(reply):
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(
                    None, lambda: respond(reply, pretty=pretty, gzip=True, fields=fields)
                )
            return respond(reply, pretty=pretty, gzip=gzip, fields=fields)
        except BigQueryError as e:
            return respond(error_reply(e), pretty=pretty, gzip=False, fields=None)

    def failure(self, error: Exception, http: HttpRequest) -> Reply:
        """The answer to a failed call."""
        if isinstance(error, BigQueryError):
            return error_reply(error)
        if isinstance(error, BodyTooLarge):
            text = f"Request payload size exceeds the limit: {MAX_BODY_BYTES} bytes."
            return error_reply(BigQueryError("requestTooLarge", text))
        return self.defect(error, http)

    @abstractmethod
    def defect(self, error: Exception, http: HttpRequest) -> Reply:
        """The answer to a call that failed by a defect of ours."""

    def refusal(self, status: int, message: str) -> Response:
        """The answer to bytes that are no HTTP request."""
        return respond(error_reply(plain_error(status, message)), pretty=False, gzip=False, fields=None)


def asked_for(query: Mapping[str, str], http: HttpRequest) -> tuple[bool, bool, str | None]:
    """How an answer is to look: in lines, compressed, and which fields of it."""
    pretty = query.get("prettyPrint", "true").lower() not in ("false", "0")
    return pretty, wants_gzip(http.head.headers), query.get("fields") or None


def _is_large(reply: Reply) -> bool:
    return any(isinstance(v, bytes) and len(v) > COMPRESS_INLINE_BYTES for v in (reply.body or {}).values())


def _is_known(headers: Mapping[str, str], etag: str) -> bool:
    given = headers.get("if-none-match")
    if not given:
        return False
    return given == "*" or etag in (t.strip().removeprefix("W/").strip('"') for t in given.split(","))
