"""Cloud Storage over HTTP: from a request to its answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import TYPE_CHECKING

from bqsim.errors import BigQueryError
from bqsim.server.http import BadRequest, Disconnected, Response
from bqsim.server.rest.projects import project_number
from bqsim.server.rest.reply import Reply, error_reply
from bqsim.server.rest.request import MAX_BODY_BYTES, parse_json

from . import errors
from .errors import StorageError, not_offered
from .methods import Match, NoMethod, match
from .paths import below_prefix, is_json
from .request import Ask, Raw
from .uploads import METHOD, StorageUploads

if TYPE_CHECKING:
    from bqsim.server.http import Request as HttpRequest
    from bqsim.server.rest.app import RestApp

    from .xml_app import XmlApi

Handler = Callable[[Ask], Awaitable[Reply]]


class CloudStorage:
    """The service behind ``/storage/v1`` and its relatives, and behind ``/<bucket>/<object>``."""

    def __init__(self, app: RestApp) -> None:
        self.rest = app
        self.core = app.core
        self._uploads: StorageUploads | None = None
        self._xml: XmlApi | None = None

    @property
    def uploads(self) -> StorageUploads:
        """The uploads of both APIs."""
        if self._uploads is None:
            self._uploads = StorageUploads(self)
        return self._uploads

    async def handle(self, path: str, query: dict[str, str], http: HttpRequest) -> Response:
        """Answer a request."""
        if not is_json(path):
            return await self._handle_xml(path, query, http)
        try:
            reply = await self._route(path, query, http)
        except (BadRequest, Disconnected):
            raise
        except Exception as error:
            reply = self.failure(error, http)
        return await self.answer(reply, query, http)

    async def _handle_xml(self, path: str, query: dict[str, str], http: HttpRequest) -> Response:
        """Answer a request of the XML API."""
        if self._xml is None:
            from .xml_app import XmlApi

            self._xml = XmlApi(self)
        return await self._xml.handle(path, query, http)

    async def answer(self, reply: Reply, query: dict[str, str], http: HttpRequest) -> Response:
        """Encode a reply."""
        if not isinstance(reply, Raw):
            return await self.rest.answer(reply, query, http)
        headers = {"X-Content-Type-Options": "nosniff", **reply.headers}
        return Response(reply.status, reply.data, headers, reply.fault, reply.content)

    def failure(self, error: Exception, http: HttpRequest) -> Reply:
        """The answer to a failed call in the envelope of the JSON API."""
        if not isinstance(error, BigQueryError):
            reply = self.rest.failure(error, http)
            status = reply.status
            message = (reply.body or {}).get("error", {}).get("message", "")
            error = StorageError(status, "internalError" if status >= 500 else "uploadTooLarge", message)
        if error.http == 304:
            return Reply(None, 304)
        reply = error_reply(error)
        if "alt=media" in http.head.target or http.head.target.startswith("/download/"):
            # Downloads fail with the bare text.
            headers = {"Content-Type": "text/html; charset=UTF-8", **reply.headers}
            return Raw(None, reply.status, headers=headers, data=error.message.encode("utf-8", "replace"))
        reply.body = errors.json_body(error)
        return reply

    async def passed(
        self,
        ask: Ask,
        service: Callable[[], Awaitable[Reply]],
        failure: Callable[[Exception, HttpRequest], Reply] | None = None,
    ) -> Reply:
        """The reply of ``service`` behind the gate."""
        return await self.rest.passed(ask.call(), service, ask.http, failure or self.failure)

    def check_own(self) -> None:
        """501 where the objects are kept by another server."""
        objects = self.core.executor.objects
        if objects.url:
            raise not_offered(f"Cloud Storage here: objects are kept by {objects.url}, which")

    # Routes

    async def _route(self, path: str, query: dict[str, str], http: HttpRequest) -> Reply:
        self.check_own()
        verb = http.head.method
        if verb == "POST":
            verb = http.head.headers.get("x-http-method-override", verb).upper()
        upload = path.startswith(("/upload/", "/resumable/"))
        if upload and "upload_id" in query and verb in ("PUT", "POST", "DELETE"):
            return await self.uploads.sessions.proceed(query["upload_id"], http)
        if path.startswith("/download/"):
            query = {"alt": "media", **query}
        raw = below_prefix(path)
        found = self._match("POST" if upload and verb == "PUT" else verb, raw)
        caller = self.core.authenticator.caller(http.head.headers.get("authorization", ""))
        ask = Ask(self.core, found.method.id, found.path, query, http, caller)
        if upload:
            if found.method.id != METHOD:
                raise StorageError(404, "notFound", "Not Found")
            return await self.uploads.insert(ask)
        return await self._run(found, ask)

    def _match(self, verb: str, raw: str) -> Match:
        try:
            return match("GET" if verb == "HEAD" else verb, raw)
        except NoMethod as error:
            if error.refused:
                raise not_offered(error.refused) from None
            if error.verbs:
                raise StorageError(405, "methodNotAllowed", "Method Not Allowed") from None
            raise StorageError(404, "notFound", "Not Found") from None

    async def _run(self, found: Match, ask: Ask) -> Reply:
        if found.method.id == METHOD:
            if ask.query.get("uploadType"):
                return await self.uploads.insert(ask)
            raise StorageError(
                400, "wrongUrlForUpload", "Upload requests must be uploaded to */upload/* URL."
            )
        data = await ask.http.read(MAX_BODY_BYTES)
        if data and ask.http.head.method != "GET":
            ask.body = parse_json(data)
        if not found.method.handler:
            raise not_offered(found.method.id)
        handler = _handler(found.method.handler)
        return await self.passed(ask, lambda: handler(ask))


async def service_account(ask: Ask) -> Reply:
    """``projects.serviceAccount.get``: the account of Cloud Storage in a project."""
    number = project_number(ask.path["project"])
    email = f"service-{number}@gs-project-accounts.iam.gserviceaccount.com"
    return Reply({"kind": "storage#serviceAccount", "email_address": email})


def _handler(name: str) -> Handler:
    module, dot, function = name.rpartition(".")
    if not dot:
        return service_account
    found: Handler = getattr(import_module(f"{__package__}.{module}"), function)
    return found
