"""Media uploads of load jobs: multipart and resumable."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from bqsim.jobs.upload import Upload
from bqsim.server.identity import Caller
from bqsim.sim.gate import Call

from . import jobs
from .media import MediaUploads, begun
from .methods import Match
from .reply import Reply
from .request import MAX_BODY_BYTES, Request, parse_json
from .resumable import Session, Sessions
from .spool import Spool
from .two_parts import TwoParts
from .validate import validate

if TYPE_CHECKING:
    from bqsim.server.http import Request as HttpRequest

    from .app import RestApp


class Uploads(MediaUploads):
    """Uploads begin load jobs."""

    quantum = 1

    def __init__(self, app: RestApp) -> None:
        super().__init__(app)
        self._app = app
        self._core = app.core
        self.failure = app.failure
        self.sessions = Sessions(app, self, self._folder)

    def _folder(self) -> Path | None:
        folder = self._core.settings.data_dir
        return None if folder is None else folder / "uploads"

    def _request(self, match: Match, query: dict[str, str], http: HttpRequest) -> Request:
        headers = http.head.headers
        caller = self._core.authenticator.caller(headers.get("authorization", ""))
        return Request(self._core, match.method.id, match.path, query, headers, caller, {}, http)

    async def _pass(self, request: Request, match: Match, service: Any) -> Reply:
        assert request.http is not None
        return await self._app.passed(request.call(match.resource), service, request.http)

    # Multipart

    async def multipart(self, match: Match, query: dict[str, str], http: HttpRequest) -> Reply:
        spool, taken = Spool(), False
        try:
            async with TwoParts(http, spool.write) as parts:
                metadata = await parts.metadata()
                request = self._request(match, query, http)
                request.body = _metadata(metadata)

                async def service() -> Reply:
                    nonlocal taken
                    await parts.media()
                    taken = True
                    return await jobs.insert(request, upload_of(spool))

                return await self._pass(request, match, service)
        finally:
            if not taken:
                spool.discard()

    # Resumable

    async def begin(self, match: Match, query: dict[str, str], http: HttpRequest, path: str) -> Reply:
        request = self._request(match, query, http)
        request.body = _metadata(await http.read(MAX_BODY_BYTES))
        spec = {"path": match.resource, "body": request.body}

        async def service() -> Reply:
            upload_id = self.sessions.begin(spec, request.caller, http).id
            return begun(f"{request.base_url()}{path}", upload_id)

        return await self._pass(request, match, service)

    def _insert(self, session: Session, http: HttpRequest) -> tuple[Request, Match]:
        match = self._app.route("POST", session.spec["path"])
        caller = Caller(session.caller.email, session.caller.groups)
        body = session.spec["body"]
        headers = http.head.headers
        return Request(self._core, match.method.id, match.path, {}, headers, caller, body, http), match

    def call(self, session: Session, http: HttpRequest) -> Call:
        """The insertion of the job."""
        request, match = self._insert(session, http)
        return request.call(match.resource)

    async def complete(self, session: Session, http: HttpRequest) -> Reply:
        """Begin the job."""
        return await jobs.insert(self._insert(session, http)[0], upload_of(session.spool))


def upload_of(spool: Spool) -> Upload:
    """The complete content of a spool; a file belongs to whoever gets it."""
    data = spool.data()
    return Upload(path=spool.take()) if data is None else Upload(data=data)


def _metadata(data: bytes) -> dict[str, Any]:
    return validate(parse_json(data), "Job")
