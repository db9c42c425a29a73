"""The REST API: from an HTTP request to its answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from importlib import import_module
from urllib.parse import unquote

from bqsim.errors import BigQueryError
from bqsim.objects.uris import is_bucket_name
from bqsim.server.core import Core
from bqsim.server.http import BadRequest, BodyTooLarge, Disconnected, Response
from bqsim.server.http import Request as HttpRequest
from bqsim.sim.control.answers import EXPLAIN_HEADER
from bqsim.sim.effects.failures import NetworkFault
from bqsim.sim.effects.texts import request_text
from bqsim.sim.gate import Call

from .handlers import HANDLERS
from .methods import Match, NoMethod, match
from .reply import Raw, Reply, error_reply, plain_error, respond, wants_gzip
from .request import MAX_BODY_BYTES, Request, parse_json, parse_query, split_target
from .validate import validate

log = logging.getLogger(__name__)

PREFIX = "/bigquery/v2/"
# What the paths of the API begin with, with that prefix or without.
ROOTS = ("bigquery", "projects")
# Larger answers are compressed in a thread.
COMPRESS_INLINE_BYTES = 64 * 1024

# A further service of the server: raw path, query, HTTP request -> answer.
Service = Callable[[str, dict[str, str], HttpRequest], Awaitable[Response]]

# Those who are shown every reply with the id of the method that gave it: checks of conformance.
WATCHERS: list[Callable[[str, Reply], None]] = []

# The services by the first segment of their paths: module and class, imported at first use.
SERVICES: Mapping[str, tuple[str, str]] = {
    "upload": ("bqsim.server.rest.uploads", "Uploads"),
    "resumable": ("bqsim.server.rest.uploads", "Uploads"),
    "storage": ("bqsim.server.gcs.app", "CloudStorage"),
    "download": ("bqsim.server.gcs.app", "CloudStorage"),
    "b": ("bqsim.server.gcs.app", "CloudStorage"),
    "batch": ("bqsim.server.rest.batch", "Batch"),
    "discovery": ("bqsim.server.rest.discovery", "Discovery"),
    "$discovery": ("bqsim.server.rest.discovery", "Discovery"),
    "bqsim": ("bqsim.server.admin.app", "Admin"),
}


class RestApp:
    """Answers every HTTP request: API calls itself, the rest by :data:`SERVICES`."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self._services: dict[str, Service] = {}

    async def handle(self, http: HttpRequest) -> Response:
        """The answer to one HTTP request. Never raises for anything a client can send."""
        path, query_text = split_target(http.head.target)
        headers = http.head.headers
        query: dict[str, str] = {}
        try:
            query = parse_query(query_text)
            first = path[1:].partition("/")[0]
            if first in SERVICES:
                return await self.service(first)(path, query, http)
            if first not in ROOTS and self._names_object(path, http.head.method):
                return await self.service("storage")(path, query, http)
            reply = await self.call(http, path, query)
            if reply.etag and http.head.method == "GET" and _unchanged(headers, reply.etag):
                unchanged = Reply(None, 304, reply.etag, reply.headers, reply.fault)
                return respond(unchanged, pretty=False, gzip=False, fields=None)
            return await self.answer(reply, query, http)
        except (BadRequest, Disconnected):
            raise
        except Exception as e:
            return await self.answer(self.failure(e, http), query, http)

    def service(self, first: str) -> Service:
        """The service for paths that begin with ``first``; segments may share one."""
        if first not in self._services:
            module, name = SERVICES[first]
            made: Service = getattr(import_module(module), name)(self).handle
            self._services |= {f: made for f, place in SERVICES.items() if place == (module, name)}
        return self._services[first]

    def _names_object(self, path: str, verb: str) -> bool:
        """Whether a path is one of Cloud Storage's XML API: ``/bucket/object``, or a bucket's."""
        bucket, _, name = path[1:].partition("/")
        if not is_bucket_name(unquote(bucket)):
            return False
        return bool(name) or verb == "PUT" or self.core.executor.objects.find_bucket(bucket) is not None

    async def call(self, http: HttpRequest, path: str, query: dict[str, str]) -> Reply:
        """Route and run an API call, below ``/bigquery/v2`` or without that prefix."""
        raw = path[len(PREFIX) :] if path.startswith(PREFIX) else path[1:]
        verb = http.head.method
        if verb == "POST":
            verb = http.head.headers.get("x-http-method-override", verb).upper()
        found = self.route(verb, raw)
        data = await http.read(MAX_BODY_BYTES)
        return await self.run(found, data, query, http)

    def route(self, verb: str, raw: str) -> Match:
        """The method for a path; 404 or 405 in the service's envelope."""
        try:
            return match(verb, raw)
        except NoMethod as e:
            if e.verbs:
                raise plain_error(405, f"Method {verb[:20]} is not allowed for this path.") from None
            raise BigQueryError("notFound", "Not Found") from None

    async def run(self, found: Match, data: bytes, query: dict[str, str], http: HttpRequest) -> Reply:
        """Run a routed call behind the gate."""
        method, core, headers = found.method, self.core, http.head.headers
        caller = core.authenticator.caller(headers.get("authorization", ""))
        body = parse_json(data) if data and method.request else {}
        if method.request is not None and body:
            validate(body, method.request)
        request = Request(core, method.id, found.path, query, headers, caller, body, http)
        handler = HANDLERS.get(method.id)
        if handler is None:
            raise BigQueryError("notImplemented", f"{method.id} is not implemented by bqsim")
        call = request.call(found.resource, data)
        return await self.passed(call, lambda: handler(request), http)

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
            reply = await self.core.gate.passes(call, service)
        except NetworkFault as fault:
            # What arrives of an answer must not tell of success.
            reply = error_reply(BigQueryError("backendError", request_text("backendError")))
            reply.fault = fault.effect
        except (BadRequest, Disconnected):
            raise
        except Exception as error:
            reply = (failure or self.failure)(error, http)
        for watch in WATCHERS:
            watch(call.method, reply)
        reply.headers = {**reply.headers, EXPLAIN_HEADER: call.explain}
        # Of this answer alone: an upload keeps its reply for those who ask again.
        return reply if call.sending is None else replace(reply, fault=call.sending)

    async def answer(self, reply: Reply, query: dict[str, str], http: HttpRequest) -> Response:
        """Encode a reply as the request's parameters ask."""
        pretty = query.get("prettyPrint", "true").lower() not in ("false", "0")
        gzip = wants_gzip(http.head.headers)
        fields = query.get("fields") or None
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
        """The answer to a failed call; a defect of ours is logged under an id that the answer names."""
        if isinstance(error, BigQueryError):
            return error_reply(error)
        if isinstance(error, BodyTooLarge):
            text = f"Request payload size exceeds the limit: {MAX_BODY_BYTES} bytes."
            return error_reply(BigQueryError("requestTooLarge", text))
        defect = self.core.draws.hex_id("defect", 12)
        log.error("defect %s in %s %s", defect, http.head.method, http.head.target[:200], exc_info=error)
        text = f"An internal error occurred and the request could not be completed. Error: {defect}"
        return error_reply(BigQueryError("internalError", text))

    def refusal(self, status: int, message: str) -> Response:
        """The answer to bytes that are no HTTP request."""
        reply = error_reply(plain_error(status, message))
        return respond(reply, pretty=False, gzip=False, fields=None)


def _is_large(reply: Reply) -> bool:
    return any(type(v) is Raw and len(v) > COMPRESS_INLINE_BYTES for v in (reply.body or {}).values())


def _unchanged(headers: Mapping[str, str], etag: str) -> bool:
    given = headers.get("if-none-match")
    if not given:
        return False
    return given == "*" or etag in (t.strip().removeprefix("W/").strip('"') for t in given.split(","))
