"""The REST API: from an HTTP request to its answer."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from urllib.parse import unquote

from bqsim.errors import BigQueryError
from bqsim.objects.uris import is_bucket_name
from bqsim.server.core import Core
from bqsim.server.http import BadRequest, Disconnected, Response
from bqsim.server.http import Request as HttpRequest

from .answering import ROOTS, Answering
from .handlers import HANDLERS
from .methods import Match
from .reply import Reply, error_reply
from .request import MAX_BODY_BYTES, Request, parse_json, parse_query, split_target
from .validate import validate

log = logging.getLogger(__name__)

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


class RestApp(Answering):
    """Answers every HTTP request: API calls itself, the rest by :data:`SERVICES`."""

    services = SERVICES
    watchers = WATCHERS

    def __init__(self, core: Core) -> None:
        super().__init__(core.gate)
        self.core = core

    async def handle(self, http: HttpRequest) -> Response:
        """The answer to one HTTP request. Never raises for anything a client can send."""
        path, query_text = split_target(http.head.target)
        query: dict[str, str] = {}
        try:
            query = parse_query(query_text)
            first = path[1:].partition("/")[0]
            if first in SERVICES:
                return await self.service(first)(path, query, http)
            if first not in ROOTS and self._names_object(path, http.head.method):
                return await self.service("storage")(path, query, http)
            reply = await self.call(http, path, query)
            return self.unchanged(reply, http) or await self.answer(reply, query, http)
        except (BadRequest, Disconnected):
            raise
        except Exception as e:
            return await self.answer(self.failure(e, http), query, http)

    def _names_object(self, path: str, verb: str) -> bool:
        """Whether a path is one of Cloud Storage's XML API: ``/bucket/object``, or a bucket's."""
        bucket, _, name = path[1:].partition("/")
        if not is_bucket_name(unquote(bucket)):
            return False
        return bool(name) or verb == "PUT" or self.core.executor.objects.find_bucket(bucket) is not None

    async def call(self, http: HttpRequest, path: str, query: dict[str, str]) -> Reply:
        """Route and run an API call, below ``/bigquery/v2`` or without that prefix."""
        found = self.method_of(http, path)
        data = await http.read(MAX_BODY_BYTES)
        return await self.run(found, data, query, http)

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

    def defect(self, error: Exception, http: HttpRequest) -> Reply:
        """A defect of ours is logged under an id that the answer names."""
        defect = self.core.draws.hex_id("defect", 12)
        log.error("defect %s in %s %s", defect, http.head.method, http.head.target[:200], exc_info=error)
        text = f"An internal error occurred and the request could not be completed. Error: {defect}"
        return error_reply(BigQueryError("internalError", text))
